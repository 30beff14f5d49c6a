"""Large arrays from memory that was used before: a fresh page costs ten times what writing to it does.

The system hands out memory as pages of 4 KB that it clears when first touched; a training step makes hundreds of megabytes of
arrays that live for milliseconds. From the moment that the first kernel is loaded, NumPy takes the memory of the large arrays
that operations and their derivatives make from here, and gives it back here when nothing refers to the array any more; a freed
block is handed out to the next array of its size. What is kept is bounded: all blocks together are hardly more than was ever in
use at once. A training step of ResNet-20 on 32 images takes 0.83 to 0.95 of the time.

Source: NumPy's configurable memory routines (NEP 49), which it looks up in the context (`contextvars`) that code runs in:
arrays made elsewhere are not touched by this. Linux only, where the C library tells how large a block is.
"""

from __future__ import annotations

import ctypes
import importlib
import sys
import threading
from contextvars import Context
from dataclasses import dataclass
from typing import Any

import numpy as np

from .paths import enabled

LIVE, CACHED, PEAK, HITS, MISSES, LIMIT, HEADS = 0, 1, 2, 3, 4, 5, 8
"""Where in the table what is counted, and the first list's head."""

LOWEST = 16
"""Arrays of more than 2^LOWEST bytes are large."""

WORDS = HEADS + 8 * 24
"""The table's length: eight classes for each power of two up to 2⁴⁰ bytes."""

SLACK = 1 << 22
"""How many bytes may be kept beyond the most that was in use at once."""

_MOST = 1 << 31
"""How many bytes are kept at most."""

_SET_HANDLER = 304
"""The place of `PyDataMem_SetHandler` in NumPy's table of functions, which its binary interface fixes."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """What has been lent and kept since the start.

    Attributes:
        in_use: bytes of large arrays that are alive.
        kept: bytes that wait for the next array.
        most: the most bytes ever in use at once.
        reused: how often an array found memory waiting.
        fresh: how often it did not.
    """

    in_use: int
    kept: int
    most: int
    reused: int
    fresh: int


class _Routines(ctypes.Structure):
    _fields_ = [
        ("context", ctypes.c_void_p),
        ("malloc", ctypes.c_void_p),
        ("calloc", ctypes.c_void_p),
        ("realloc", ctypes.c_void_p),
        ("free", ctypes.c_void_p),
    ]


class _Handler(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char * 127), ("version", ctypes.c_uint8), ("routines", _Routines)]


_table = np.zeros(WORDS, np.int64)
_installed: list[Any] = []
"""Everything that NumPy must find in its place until the end of the process."""

_begun = False
_contexts: list[Context] = []
_lock = threading.RLock()


def serve(context: Context) -> None:
    """Have what runs in that context, and in copies of it, take the memory of large arrays from here."""
    with _lock:
        _contexts.append(context)
        if _installed:
            context.run(_set_handler, _installed[1])


def install() -> bool:
    """Serve the contexts from now on; return whether that is possible and switched on."""
    global _begun
    with _lock:
        if _begun:  # also by ourselves: compiling the routines leads back here
            return bool(_installed)
        _begun = True
        if not (enabled("buffers") and sys.platform == "linux" and getattr(sys, "_is_gil_enabled", lambda: True)()):
            return False
        native: Any = importlib.import_module("minidl.kernels.cpu.allocator")
        _table[LIMIT] = _MOST
        routines = (native.allocate, native.allocate_zeros, native.resize, native.take_back)
        handler = _Handler(b"minidl", 1, _Routines(_table.ctypes.data, *(routine.address for routine in routines)))
        capsule = _capsule(ctypes.addressof(handler))
        _installed.extend((native, capsule, handler))
        for context in _contexts:
            context.run(_set_handler, capsule)
        return True


def statistics() -> Statistics:
    """What has been lent and kept so far."""
    return Statistics(*(int(_table[k]) for k in (LIVE, CACHED, PEAK, HITS, MISSES)))


def release() -> None:
    """Give all memory that waits back to the system."""
    if _installed:
        call = ctypes.PYFUNCTYPE(None, ctypes.c_void_p, ctypes.c_size_t)
        call(_installed[0].keep_at_most.address)(_table.ctypes.data, 0)


def _capsule(address: int) -> Any:
    make = ctypes.pythonapi.PyCapsule_New
    make.restype, make.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    return make(address, b"mem_handler", None)


def _set_handler(capsule: Any) -> Any:
    """Hand NumPy the routines; returns those it had before."""
    read = ctypes.pythonapi.PyCapsule_GetPointer
    read.restype, read.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    numpy: Any = importlib.import_module("numpy._core._multiarray_umath")
    functions = ctypes.cast(read(numpy._ARRAY_API, None), ctypes.POINTER(ctypes.c_void_p))
    address = functions[_SET_HANDLER]
    assert address is not None
    return ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(address)(capsule)
