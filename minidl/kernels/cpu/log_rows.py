"""Numba kernels of the logarithm of softmax, on the rows of a matrix that each lie in one piece of memory.

Import this module only when a kernel is about to run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from .jit import kernel
from .rows import exponential, largest

Array = Any


@kernel(reorder=True)
def level(row: Array, top: Any) -> Any:
    """ln Σ exp(x − top) of one row of float32."""
    total = 0.0
    for i in range(row.size):
        total += exponential(row[i] - top)
    return np.float32(np.log(total))


@kernel(parallel=True)
def log_softmax(x: Array, y: Array) -> None:
    """y = (x − top) − ln Σ exp(x − top) for each row of float32; in another order large scores would swallow the logarithm."""
    for r in prange(x.shape[0]):
        row, out = x[r], y[r]
        top = largest(row)
        above = level(row, top)
        for i in range(row.size):
            out[i] = (row[i] - top) - above


@kernel(parallel=True, reorder=True)
def log_softmax_back(g: Array, y: Array, dx: Array) -> None:
    """∂L/∂x = g − eʸ·Σ g for each row."""
    width = y.shape[1]
    for r in prange(y.shape[0]):
        above, row, out = g[r], y[r], dx[r]
        total = 0.0
        for i in range(width):
            total += above[i]
        along = np.float32(total)
        for i in range(width):
            out[i] = above[i] - exponential(row[i]) * along
