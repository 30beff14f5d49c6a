"""Numba kernels that add arrays as they lie in memory, flat, and one number a channel to channels-last images.

Import this module only when a kernel is about to run.
"""

from __future__ import annotations

from typing import Any

from numba import prange

from .jit import kernel

Array = Any
BLOCK = 1 << 14
"""About how many numbers a thread takes at a time."""


@kernel(parallel=True)
def add(x: Array, y: Array, out: Array) -> None:
    """out = x + y."""
    for b in prange((x.size + BLOCK - 1) // BLOCK):
        first, last = b * BLOCK, (b + 1) * BLOCK
        left, right, found = x[first:last], y[first:last], out[first:last]
        for i in range(found.size):
            found[i] = left[i] + right[i]


@kernel(parallel=True)
def add_to(total: Array, more: Array) -> None:
    """total += more."""
    for b in prange((total.size + BLOCK - 1) // BLOCK):
        into, part = total[b * BLOCK : (b + 1) * BLOCK], more[b * BLOCK : (b + 1) * BLOCK]
        for i in range(into.size):
            into[i] += part[i]


@kernel()
def add_channels(x: Array, wide: Array, out: Array) -> None:
    """out = x + b, `x` `(pixels · C,)`; `wide` is b, repeated to fill vectors however few channels there are."""
    for begin in range(0, x.size, wide.size):
        row, found = x[begin : begin + wide.size], out[begin : begin + wide.size]
        for i in range(row.size):
            found[i] = row[i] + wide[i]


@kernel(parallel=True)
def share_add_channels(x: Array, wide: Array, out: Array) -> None:
    """The same, shared by threads."""
    block = wide.size * max(1, BLOCK // wide.size)
    for b in prange((x.size + block - 1) // block):
        add_channels(x[b * block : (b + 1) * block], wide, out[b * block : (b + 1) * block])
