"""A Numba kernel that adds up rows: the gradient of a bias, the mean over the pixels of channels-last images.

Import this module only when a kernel is about to run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from .jit import kernel

Array = Any


@kernel()
def add_part(x: Array, totals: Array, task: Any) -> None:
    """The total of one part of a block, in float64; the last part takes what does not fill a row."""
    parts, width = totals.shape[1], totals.shape[2]
    block, part, rows = task // parts, task % parts, x.shape[1] // width
    numbers, total = x[block], totals[block, part]
    for i in range(width):
        total[i] = 0
    for r in range(part * rows // parts, (part + 1) * rows // parts):
        row = numbers[r * width : (r + 1) * width]
        for i in range(width):
            total[i] += row[i]
    if part == parts - 1:
        rest = numbers[rows * width :]
        for i in range(rest.size):
            total[i] += rest[i]


@kernel()
def add_rows_alone(x: Array, totals: Array) -> None:
    """Σ of the rows of each block of `x` `(blocks, size)` → `totals` `(blocks, parts, width)`.

    A row is `width` neighbouring numbers. A block's rows are divided among its parts, each with a total of its own, so that
    threads can share them; who adds what is the same for any number of threads.
    """
    for task in range(totals.shape[0] * totals.shape[1]):
        add_part(x, totals, task)


@kernel(parallel=True)
def add_rows(x: Array, totals: Array) -> None:
    """`add_rows_alone`, divided among threads."""
    for task in prange(totals.shape[0] * totals.shape[1]):
        add_part(x, totals, np.int64(task))
