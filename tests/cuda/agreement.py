"""Device arrays beside NumPy's: put on the device in any order of memory, and compared."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.kernels.cuda.array import DeviceArray
from minidl.kernels.cuda.runtime import memory

Array = np.ndarray[Any, Any]


def lying(values: Array, order: tuple[int, ...] | None = None) -> DeviceArray:
    """An array on the device whose axes lie in memory in this order, from the slowest to the quickest."""
    if order is None:
        return memory.to_device(values)
    there = memory.to_device(np.ascontiguousarray(values.transpose(order)))
    back = np.argsort(order)
    return there.view_as(tuple(there.shape[k] for k in back), tuple(there.strides[k] for k in back))


def require_close(found: DeviceArray, expected: Any, tolerance: float = 0.0) -> None:
    """The same shape and dtype, and the same numbers up to a tolerance of their size or of 1."""
    theirs = np.asarray(expected)
    mine = found.numpy()
    assert (mine.shape, mine.dtype) == (theirs.shape, theirs.dtype)
    if tolerance:
        np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance)
    else:
        np.testing.assert_array_equal(mine, theirs)
