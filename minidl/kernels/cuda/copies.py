"""Copies of arrays in any order of memory to row-major ones: one thread an element."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from . import memory
from .array import DeviceArray
from .language import Kernel, ceil_div, cuda, int32, kernel
from .layouts import layout

THREADS = 256
_WORDS = {1: "uint8", 2: "uint16", 4: "uint32", 8: "uint64"}
"""A copy moves bits: elements of one size have one kernel."""


@functools.cache
def gather_kernel(word: str) -> Kernel:
    """The copying kernel for elements of one size."""

    @kernel(f"{word}[::1], {word}[::1], int32[::1], int32, int32", name=f"copy_{word}", threads=THREADS, waits=False)
    def copy(source: Any, target: Any, lying: Any, ndim: int, count: int) -> None:
        """target[i] = source[place of i]: i counts in row-major order, `lying` holds the lengths and the strides."""
        i = cuda.grid(1)
        if i < count:
            place = int32(0)
            rest = i
            for axis in range(ndim - 1, -1, -1):
                length = lying[axis]
                place += (rest % length) * lying[ndim + axis]
                rest //= length
            target[i] = source[place]

    return copy


def copy(x: DeviceArray) -> DeviceArray:
    """A row-major copy."""
    out = memory.empty(x.shape, x.dtype, x.memory.device)
    if x.is_contiguous:
        memory.copy_bytes(out, x)
    elif x.size:
        bits = np.dtype(_WORDS[x.dtype.itemsize])
        source, target = x.view_as(x.shape, x.strides, dtype=bits), out.view_as(out.shape, out.strides, dtype=bits)
        gather_kernel(bits.name)[ceil_div(x.size, THREADS), THREADS](source, target, layout(x), x.ndim, x.size)
    return out


def contiguous(x: DeviceArray) -> DeviceArray:
    """The array itself where it is row-major, else a copy that is."""
    return x if x.is_contiguous else copy(x)
