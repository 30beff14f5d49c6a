"""Numba kernels of ReLU and its gradient, over arrays as they lie in memory, flat: one pass, in vectors, without a branch.

Import this module only when a kernel is about to run.
"""

from __future__ import annotations

from typing import Any

from numba import prange

from .jit import kernel

Array = Any
BLOCK = 1 << 14
"""How many numbers a thread takes at a time."""


@kernel(parallel=True)
def rectify(x: Array, y: Array) -> None:
    """y = x where x > 0 or x is NaN, else 0."""
    for b in prange((x.size + BLOCK - 1) // BLOCK):
        part, out = x[b * BLOCK : (b + 1) * BLOCK], y[b * BLOCK : (b + 1) * BLOCK]
        for i in range(part.size):
            v = part[i]
            out[i] = 0 if v <= 0 else v


@kernel()
def rectify_back(g: Array, y: Array, dx: Array) -> None:
    """∂L/∂x = g where y > 0 or y is NaN, else 0, whatever g holds there."""
    for i in range(y.size):
        dx[i] = 0 if y[i] <= 0 else g[i]


@kernel(parallel=True)
def share_rectify_back(g: Array, y: Array, dx: Array) -> None:
    """The same, shared by threads."""
    for b in prange((y.size + BLOCK - 1) // BLOCK):
        first, last = b * BLOCK, (b + 1) * BLOCK
        rectify_back(g[first:last], y[first:last], dx[first:last])
