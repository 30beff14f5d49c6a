"""What computes on arrays and has never heard of gradients."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import numpy as np

from . import cpu
from .backend import Backend
from .cuda import array as _device
from .cuda.array import DeviceArray

Listener = TypeVar("Listener")

ARRAYS = (np.ndarray, DeviceArray)
"""The classes of arrays, wherever they are; NumPy's scalars, which live nowhere, are none."""

_listeners: dict[Any, Any] = _device.unusual
"""What stands in for the backend, by thread; it is not empty either once there has been an array on a GPU."""


def backend_of(arrays: Sequence[Any], params: Mapping[str, Any] | None = None) -> Backend:
    """Return the backend that computes on these arrays: a GPU's where one of them, or of the parameters, is on a GPU."""
    return _chosen(arrays, params) if _listeners else cpu.backend


def _chosen(arrays: Sequence[Any], params: Mapping[str, Any] | None) -> Backend:
    listener: Backend | None = _listeners.get(threading.get_ident())
    if listener is not None:
        return listener
    return cpu.backend if device_array(arrays, params) is None else _cuda()


def device_array(arrays: Sequence[Any], params: Mapping[str, Any] | None = None) -> DeviceArray | None:
    """The first of these arrays that is on a GPU, or else of the arrays in the parameters, such as an index."""
    if not _device.met:
        return None
    for a in arrays:
        if a.__class__ is DeviceArray:
            return a
    for value in params.values() if params else ():
        for part in value if isinstance(value, tuple) else (value,):
            found = device_array(part) if isinstance(part, tuple) else part
            if found.__class__ is DeviceArray:
                return found
    return None


def _cuda() -> Backend:
    from .cuda.backend import backend  # loads the kernels, which only programs that use a GPU need

    return backend


@contextmanager
def heard_by(listener: Callable[[Backend], Listener]) -> Iterator[Listener]:
    """Have `listener(backend)`, which must do all that a backend does, stand in for the backend in this thread's block."""
    thread = threading.get_ident()
    before = _listeners.get(thread)
    one = listener(before or cpu.backend)
    _listeners[thread] = cast(Backend, one)
    try:
        yield one
    finally:
        if before is None:
            del _listeners[thread]
        else:
            _listeners[thread] = before


__all__ = ["ARRAYS", "Backend", "DeviceArray", "backend_of", "device_array", "heard_by"]
