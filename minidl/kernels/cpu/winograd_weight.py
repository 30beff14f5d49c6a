"""Numba kernels of Winograd's convolution's transpose in the weights (see `winograd`).

    dg = Gᵀ [ Σ_tiles (A dY Aᵀ) ⊙ (Bᵀ d B) ] G

Over all channels, each of the 16 elements of the sum is a product of matrices [C, tiles] @ [tiles, K]. The images are divided
among a fixed number of parts, each with a sum of its own; the parts are added in order, so that results are the same bits
with any number of threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from .direct import block_of, copy_block, halvings_for, padded
from .direct_weight import weight_sweep
from .jit import kernel
from .simd import BYTES, ROWS, WIDEST, load, step, store, zeros
from .transforms import GRADIENT, UPSTREAM, sandwich
from .winograd import apart, are_finite, next_tile, rounds_of, step_of, tile_at, tiles_seen, transform_pixels

Array = Any


@kernel()
def transform_upstream(g: Array, size: Any, k: Any, grid: Any, first: Any, tiles: Any, m: Array, step: Any) -> None:
    """A dY Aᵀ of the 2×2 results of tiles `first`, `first + 1`, … into `m`, flat; each of the 16 has `step` numbers."""
    tile = tile_at(first, grid)
    for t in range(tiles):
        at = ((tile[0] * size[0] + 2 * tile[1]) * size[1] + 2 * tile[2]) * k
        for q in range(0, k, BYTES // m.itemsize):
            sandwich(UPSTREAM, g, at + q, size[1] * k, k, m, t * k + q, 4 * step, step)
        tile = next_tile(tile, grid)


@kernel()
def add_panel(
    empty: Any,
    fresh: Any,
    v: Array,
    v_at: Any,
    rows: Array,
    c: Any,
    m: Array,
    m_at: Any,
    places: Array,
    k: Any,
    total: Array,
    to: Any,
    tiles: Any,
) -> None:
    """Add [C, tiles] @ [tiles, a panel of columns] to those columns of a part's sum; all flat, from `…_at` on.

    `rows` are 1 apart, `places` K. There is room for whole `ROWS` of channels; nobody reads what becomes of those after the
    last.
    """
    for begin in range(0, c, ROWS):
        tile = empty if fresh else load(empty, total, places, to + begin * k)
        at, b = v_at + begin, m_at
        for _ in range(tiles):
            tile = step(tile, v, rows, at, m, b)
            at, b = at + c, b + k
        store(tile, total, places, to + begin * k)


@kernel()
def weight_block(x: Array, g: Array, total: Array, plan: Array, task: Any, fresh: Any) -> None:
    """Add a task's block to a part's sums, `(16, C, K)`, C in whole tiles, or write there if `fresh`."""
    at, block = block_of(task, plan, x.shape[0])
    seen, size = tiles_seen(x, at, block, plan)
    c, k = x.shape[4], g.shape[4]
    grid = ((block[2] + 1) // 2, (block[3] + 1) // 2)
    g_size = (grid[0] * 2, grid[1] * 2)
    upstream = np.empty(block[0] * block[1] * g_size[0] * g_size[1] * k, g.dtype)
    copy_block(g, upstream, at[0], block[0], (at[1], at[2], 0), (block[1], g_size[0], g_size[1]))
    many = block[0] * block[1] * grid[0] * grid[1]
    room = rounds_of(many, (c + k) * x.itemsize)
    v_step, m_step = step_of(room, c, x.itemsize), step_of(room, k, x.itemsize)
    v, m, sums = np.empty(16 * v_step, x.dtype), np.empty(16 * m_step, x.dtype), total.reshape(total.size)
    rows, places = apart(1), apart(k)
    for first in range(0, many, room):
        tiles = min(room, many - first)
        transform_pixels(seen, size, c, grid, first, tiles, v, v_step)
        transform_upstream(upstream, g_size, k, grid, first, tiles, m, m_step)
        new = fresh and first == 0
        for f in range(16):
            column = 0
            while column < k:
                v_at, m_at, to = f * v_step, f * m_step + column, f * total.shape[1] * k + column
                if halvings_for(k - column, v.itemsize) == 0:
                    add_panel(zeros(v, 0), new, v, v_at, rows, c, m, m_at, places, k, sums, to, tiles)
                    column += WIDEST // v.itemsize
                else:
                    add_panel(zeros(v, 1), new, v, v_at, rows, c, m, m_at, places, k, sums, to, tiles)
                    column += BYTES // v.itemsize


@kernel()
def write_channel(w: Array, parts: Array, c: Any) -> None:
    """Add up all parts, in order, for one input channel, and transform back into `w` `(K, C, 9)`."""
    many, channels, k = parts.shape[0], parts.shape[2], parts.shape[3]
    back, sums = np.empty(9 * k, w.dtype), parts[0].reshape(16 * channels * k)
    for f in range(16):
        total = parts[0, f, c]
        for part in range(1, many):
            more = parts[part, f, c]
            for j in range(k):
                total[j] += more[j]
    for j in range(0, k, BYTES // w.itemsize):
        sandwich(GRADIENT, sums, c * k + j, 4 * channels * k, channels * k, back, j, 3 * k, k)
    for j in range(k):
        for t in range(9):
            w[j, c, t] = back[t * k + j]


@kernel(parallel=True)
def winograd_weight(x: Array, g: Array, w: Array, parts: Array, plan: Array, tasks: Any) -> None:
    """`x` `(N, D, H, W, C)`, `g` `(N, D, H, W, K)` → `w` `(K, C, 9)`.

    `parts` is room for the parts' sums, `(parts, 16, C, K)`, C rounded up to whole tiles. Where an infinite pixel spoils the
    tiles, the sums are computed once more, as defined.
    """
    many = parts.shape[0]
    for part in prange(many):
        first, last = np.int64(part) * tasks // many, np.int64(part + 1) * tasks // many
        for task in range(first, last):
            weight_block(x, g, parts[part], plan, task, task == first)
    for c in prange(w.shape[1]):
        write_channel(w, parts, np.int64(c))
    if not are_finite(w.reshape(w.size)):
        rows, columns = (w.shape[1] * 9 + ROWS - 1) // ROWS * ROWS, padded(w.shape[0], w.itemsize)
        weight_sweep(x, g, w, np.empty((many, 1, rows, columns), w.dtype), plan, tasks)
