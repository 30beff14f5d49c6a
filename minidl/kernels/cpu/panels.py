"""Numba kernels for products of matrices of medium size, on all threads: register tiles that walk along packed panels.

    c[i, j] = Σ_q a[i, q] · b[q, j]

`b` is cut into panels of up to 32 columns (two vectors), packed so that their rows follow one another in memory; the last,
narrower panel is filled up with zeros. A tile (`simd`) holds the sums of 8 rows and one panel, and a step takes one q: 8
numbers of `a`, which is read wherever it lies, and a row of the panel. A panel is packed once and serves all rows of `a`.

Threads take tasks: whole products of a batch if there are many, else panels, else blocks of rows, for which all panels are
packed first. Each result is the same sum in the same order whatever the task, so results are the same bits with any number
of threads.

BLAS's own threads spin for milliseconds while they wait, in the way of Numba's, and so are left to products that are worth it
(`products`); on one thread BLAS is about as fast as this. Measured on a 2-core EPYC (Zen 4), float32, two threads, beside BLAS
on one: (64, 784) @ (784, 256) 152 µs (268), with `b` transposed 169 µs (347); (2080, 192) @ (192, 96) 454 µs (811).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from .jit import kernel
from .simd import ROWS, WIDEST, columns_of, load, step, store, store_part, zeros

Array = Any
BLOCK = 64
"""So many rows of a panel are packed at a time, column after column: they stay in the first cache."""

SIZE, A, B, C, WORK = range(5)
"""The rows of a plan, each of four numbers.

SIZE: the length of the second batch axis, then a product's rows, sums and columns.
A, B, C: by how many numbers neighbours lie apart in memory, along the two batch axes, the rows and the columns.
WORK: of how many rows and how many columns of a product a task is, and how many tasks there are.
"""


@kernel()
def halvings_of(columns: Any, itemsize: Any) -> Any:
    """How often the widest tile is halved for the first of so many columns; three quarters are a half and then a quarter."""
    quarter = WIDEST // itemsize // 4
    return 0 if columns > 3 * quarter else 1 if columns > quarter else 2


@kernel()
def pack_panel(empty: Any, b: Array, at: Any, apart: Any, sums: Any, columns: Any, packed: Array, to: Any) -> None:
    """Copy `columns` columns of `sums` rows of `b`, flat, from `at` on, to where the tiles read them, zeros after them."""
    width = columns_of(empty)
    if apart[1] == 1 and columns == width:  # rows in one piece each: as vectors, `ROWS` rows at a time
        places, targets = np.empty(ROWS, np.int64), np.empty(ROWS, np.int64)
        for first in range(0, sums, ROWS):
            for r in range(ROWS):
                q = min(first + r, sums - 1)
                places[r], targets[r] = q * apart[0], q * width
            store(load(empty, b, places, at), packed, targets, to)
        return
    for first in range(0, sums, BLOCK):  # what is written lies in the first cache until all columns have been there
        last = min(sums, first + BLOCK)
        for j in range(columns):
            column, source = packed[to + first * width + j :], b[at + first * apart[0] + j * apart[1] :]
            if apart[0] == 1:
                for q in range(last - first):
                    column[q * width] = source[q]
            else:
                for q in range(last - first):
                    column[q * width] = source[q * apart[0]]
        for j in range(columns, width):
            column = packed[to + first * width + j :]
            for q in range(last - first):
                column[q * width] = 0


@kernel()
def multiply_panel(
    empty: Any, a: Array, at: Any, apart: Any, packed: Array, panel: Any, size: Any, c: Array, to: Any, gap: Any
) -> None:
    """Rows of `a` times a panel → columns of `c`; `size` is how many rows, sums and columns, `apart` and `gap` the steps."""
    width = columns_of(empty)
    rows, sums, columns = size
    begins, places, turned = np.empty(ROWS, np.int64), np.empty(ROWS, np.int64), np.empty(ROWS * width, c.dtype)
    in_rows = gap[1] == 1
    for first in range(0, rows, ROWS):
        live = min(ROWS, rows - first)
        for r in range(ROWS):  # after the last row come repetitions of it
            begins[r] = at + (first + min(r, live - 1)) * apart[0]
            places[r] = (first + min(r, live - 1)) * gap[0] if in_rows else r * width
        tile, row = empty, panel
        for q in range(sums):
            tile = step(tile, a, begins, q * apart[1], packed, row)
            row += width
        if in_rows and columns == width and live == ROWS:
            store(tile, c, places, to)
        elif in_rows:
            store_part(tile, c, places, to, live, columns)
        else:
            store(tile, turned, places, 0)
            for j in range(columns):
                column, sums_of = c[to + first * gap[0] + j * gap[1] :], turned[j:]
                for r in range(live):
                    column[r * gap[0]] = sums_of[r * width]


@kernel()
def do_panel(
    empty: Any, a: Array, b: Array, c: Array, packed: Array, plan: Array, at: Any, size: Any, fill: Any, use: Any
) -> None:
    """Pack a panel (`fill`), multiply with it (`use`), or both; `at` is where a, b, the panel and c begin."""
    if fill:
        pack_panel(empty, b, at[1], (plan[B, 2], plan[B, 3]), size[1], size[2], packed, at[2])
    if use:
        apart, gap = (plan[A, 2], plan[A, 3]), (plan[C, 2], plan[C, 3])
        multiply_panel(empty, a, at[0], apart, packed, at[2], size, c, at[3], gap)


@kernel()
def place(plan: Array, which: Any, n: Any, row: Any, column: Any) -> Any:
    """Where in `a`, `b` or `c` a row and column of product `n` lie."""
    outer, inner = n // plan[SIZE, 0], n % plan[SIZE, 0]
    along_batch = outer * plan[which, 0] + inner * plan[which, 1]
    return along_batch + row * plan[which, 2] + column * plan[which, 3]


@kernel()
def do_task(a: Array, b: Array, c: Array, packed: Array, plan: Array, task: Any, fill: Any, use: Any) -> None:
    """A task's rows and columns, panel by panel. If there is no memory with all panels packed, it packs its own."""
    rows, sums, columns = plan[SIZE, 1], plan[SIZE, 2], plan[SIZE, 3]
    down, across = (rows + plan[WORK, 0] - 1) // plan[WORK, 0], (columns + plan[WORK, 1] - 1) // plan[WORK, 1]
    n, row, column = task // (down * across), task // across % down * plan[WORK, 0], task % across * plan[WORK, 1]
    shared = packed.size > 0
    quarter = WIDEST // c.itemsize // 4
    wide = (columns + quarter - 1) // quarter * quarter
    room = packed if shared else np.empty(sums * WIDEST // c.itemsize, c.dtype)
    many, last = min(plan[WORK, 0], rows - row), min(columns, column + plan[WORK, 1])
    while column < last:
        halvings = halvings_of(columns - column, c.itemsize)
        live = min((WIDEST // c.itemsize) >> halvings, columns - column)
        panel = (n * wide + column) * sums if shared else 0 * sums
        at = (place(plan, A, n, row, 0), place(plan, B, n, 0, column), panel, place(plan, C, n, row, column))
        size = (many, sums, live)
        if halvings == 0:
            do_panel(zeros(c, 0), a, b, c, room, plan, at, size, fill, use)
        elif halvings == 1:
            do_panel(zeros(c, 1), a, b, c, room, plan, at, size, fill, use)
        else:
            do_panel(zeros(c, 2), a, b, c, room, plan, at, size, fill, use)
        column += live


@kernel(parallel=True)
def multiply(a: Array, b: Array, c: Array, packed: Array, plan: Array, packing: Array) -> None:
    """c = a·b for each product of a batch, all flat.

    `packed` is room for all panels, which are then packed first, a panel a task (`packing`); or it is of length 0.
    """
    if packed.size:
        for task in prange(packing[WORK, 2]):
            do_task(a, b, c, packed, packing, np.int64(task), True, False)
    for task in prange(plan[WORK, 2]):
        do_task(a, b, c, packed, plan, np.int64(task), packed.size == 0, True)
