"""Shapes and strides as kernels read them: short integer arrays on the device, uploaded once for each that occurs."""

from __future__ import annotations

import numpy as np

from ..array import DeviceArray
from .driver import remembered
from .memory import upload
from .streams import keep_for_graph


def numbers(device: int, values: tuple[int, ...]) -> DeviceArray:
    """An int32 array on a device that holds `values`; the same one each time, and as long as a graph reads it.

    Raises:
        OverflowError: a value needs more than 32 bits.
    """
    found = _numbers(device, values)
    keep_for_graph(found)
    return found


@remembered(65536)
def _numbers(device: int, values: tuple[int, ...]) -> DeviceArray:
    host = np.array(values or (0,), np.int32)
    if host.tolist() != list(values or (0,)):
        raise OverflowError("arrays of 2³¹ elements or more are not laid out here")
    return upload(host, device)


def layout(*arrays: DeviceArray) -> DeviceArray:
    """The lengths of the axes of arrays of one shape, then each array's strides, counted in elements.

    For a shape (2, 3) and one row-major array: 2, 3, 3, 1.
    """
    first = arrays[0]
    values = list(first.shape)
    for a in arrays:
        values += [stride // a.dtype.itemsize for stride in a.strides]
    return numbers(first.memory.device, tuple(values))
