"""Numba kernels of Winograd's convolution F(2×2, 3×3): 3×3 windows of stride 1 with 16 products for 4 results, not 36.

    Y = Aᵀ [ (G g Gᵀ) ⊙ (Bᵀ d B) ] A        d: 4×4 pixels, g: the 3×3 kernel, Y: 2×2 results, ⊙ element by element

(Lavin and Gray, 2016, "Fast algorithms for convolutional neural networks", section 4.1; Winograd, 1980.) Over all channels
each of the 16 elements is a product of matrices, [tiles, C] @ [C, K], which register tiles (`simd`) compute. The transforms
are additions and halvings. A few dozen 4×4 tiles at a time are transformed, multiplied and transformed back, so that what
lies between stays in the core's second cache.

The transpose in the image is the same with the kernel turned around (a `sweep`). The transpose in the weights goes through
the same products: dg = Gᵀ [ Σ_tiles (A dY Aᵀ) ⊙ (Bᵀ d B) ] G.

Measured on one core of an EPYC (Zen 4), float32, 32 images, beside the sum as defined (`direct`): 64 channels, 8×8: 0.75 ms
(1.37); 32 channels, 16×16: 0.83 (1.38); 16 channels, 32×32: 1.13 (1.45). With fewer channels the transforms cost more than
they save.

The error is a few times that of the sum as defined (1.5e-6 of the largest result, float32). An infinite pixel, or a sum that
overflows on the way, makes NaN of all four results of its tiles: differences of infinities. So a block in which a result is
not finite is computed once more, as defined.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from .direct import block_of, copy_block, halvings_for, pack, sweep_block
from .jit import kernel
from .simd import BYTES, ROWS, WIDEST, columns_of, step, store, zeros
from .sweeps import CHANNELS, FIRST, START
from .transforms import KERNEL, PIXELS, RESULTS, sandwich

Array = Any

TILE_BYTES = 1 << 18
"""How much the transformed tiles of one round may take: with the weights, what the second cache holds."""


@kernel()
def apart(distance: Any) -> Array:
    """Where the rows of a tile lie that are so far apart."""
    places = np.empty(ROWS, np.int64)
    for r in range(ROWS):
        places[r] = r * distance
    return places


@kernel()
def panel_product(
    empty: Any,
    v: Array,
    v_at: Any,
    rows: Array,
    c: Any,
    u: Array,
    u_at: Any,
    m: Array,
    m_at: Any,
    places: Array,
    k: Any,
    tiles: Any,
) -> None:
    """[tiles, C] @ [C, a panel of columns] → those columns of [tiles, K]; all three flat, from `…_at` on.

    `rows` are C apart, `places` K. Rows are taken `ROWS` at a time, also after the last tile: there is room for them, and
    nobody reads what becomes of them.
    """
    width = columns_of(empty)
    for first in range(0, tiles, ROWS):
        tile, at, u_row = empty, v_at + first * c, u_at
        for q in range(c):
            tile = step(tile, v, rows, at + q, u, u_row)
            u_row += width
        store(tile, m, places, m_at + first * k)


@kernel()
def product(v: Array, c: Any, v_step: Any, u: Array, m: Array, k: Any, m_step: Any, tiles: Any) -> None:
    """All 16 products of a round: `v` 16 times `(tiles, C)`, `u` `(16, panels, C, columns)`, `m` 16 times `(tiles, K)`.

    All are flat; `v_step` and `m_step` is where each of the 16 begins.
    """
    rows, places = apart(c), apart(k)
    for f in range(16):
        column = 0
        while column < k:
            u_at, m_at = (f * k + column) * c, f * m_step + column
            if halvings_for(k - column, v.itemsize) == 0:
                panel_product(zeros(v, 0), v, f * v_step, rows, c, u, u_at, m, m_at, places, k, tiles)
                column += WIDEST // v.itemsize
            else:
                panel_product(zeros(v, 1), v, f * v_step, rows, c, u, u_at, m, m_at, places, k, tiles)
                column += BYTES // v.itemsize


@kernel()
def transformed_weights(w: Array, taps: Array, plan: Array) -> Array:
    """G g Gᵀ of all kernels, `(16, panels, C, columns)`, flat."""
    c, k = plan[CHANNELS, 1], plan[CHANNELS, 2]
    packed = pack(w, taps, plan)
    u = np.empty(16 * c * k, w.dtype)
    lanes, column = BYTES // w.itemsize, 0
    while column < k:
        width = (WIDEST // w.itemsize) >> halvings_for(k - column, w.itemsize)
        for q in range(0, c * width, lanes):
            line = c * width
            sandwich(KERNEL, packed, column * 9 * c + q, 3 * line, line, u, column * c + q, 4 * c * k, c * k)
        column += width
    return u


@kernel()
def rounds_of(tiles: Any, pixel: Any) -> Any:
    """How many of a block's tiles make a round, in whole `ROWS`; `pixel` is the bytes of a pixel and of a result."""
    most = max(1, TILE_BYTES // (16 * pixel * ROWS))
    return ROWS * min(most, (tiles + ROWS - 1) // ROWS)


@kernel()
def step_of(room: Any, channels: Any, itemsize: Any) -> Any:
    """How many numbers each of the 16 elements of a round takes: one vector more than it needs.

    Else the 16 would often lie a power of two apart, in the same few places of the cache (measured: the transforms of 16
    channels five times slower).
    """
    return room * channels + BYTES // itemsize


@kernel()
def tiles_seen(x: Array, at: Any, block: Any, plan: Array) -> Any:
    """The pixels that the 4×4 tiles of a block see, copied with zeros around them, and their size."""
    size = ((block[2] + 1) // 2 * 2 + 2, (block[3] + 1) // 2 * 2 + 2)
    seen = np.empty(block[0] * block[1] * size[0] * size[1] * x.shape[4], x.dtype)
    begin = (plan[START, 0] + at[1], plan[START, 1] + at[2], plan[START, 2])
    copy_block(x, seen, at[0], block[0], begin, (block[1], size[0], size[1]))
    return seen, size


@kernel()
def tile_at(number: Any, grid: Any) -> Any:
    """A tile's image, and its line and column in the grid (high, wide)."""
    return number // (grid[0] * grid[1]), number // grid[1] % grid[0], number % grid[1]


@kernel()
def next_tile(tile: Any, grid: Any) -> Any:
    """The tile after this one, found without a division: those would take as long as a transform."""
    image, line, column = tile
    if column + 1 < grid[1]:
        return image, line, column + 1
    if line + 1 < grid[0]:
        return image, line + 1, 0
    return image + 1, 0, 0


@kernel()
def transform_pixels(seen: Array, size: Any, c: Any, grid: Any, first: Any, tiles: Any, v: Array, step: Any) -> None:
    """Bᵀ d B of the tiles `first`, `first + 1`, … into `v`, flat; each of the 16 has `step` numbers.

    `seen` is images of this size, flat, each with a grid (high, wide) of tiles that begin two pixels apart.
    """
    tile = tile_at(first, grid)
    for t in range(tiles):
        at = ((tile[0] * size[0] + 2 * tile[1]) * size[1] + 2 * tile[2]) * c
        for q in range(0, c, BYTES // v.itemsize):
            sandwich(PIXELS, seen, at + q, size[1] * c, c, v, t * c + q, 4 * step, step)
        tile = next_tile(tile, grid)


@kernel()
def winograd_block(x: Array, u: Array, y: Array, plan: Array, task: Any) -> None:
    """A task's block of results, round by round."""
    at, block = block_of(task, plan, x.shape[0])
    seen, size = tiles_seen(x, at, block, plan)
    c, k = x.shape[4], y.shape[4]
    grid = ((block[2] + 1) // 2, (block[3] + 1) // 2)
    total = block[0] * block[1] * grid[0] * grid[1]
    room = rounds_of(total, (c + k) * x.itemsize)
    v_step, m_step = step_of(room, c, x.itemsize), step_of(room, k, x.itemsize)
    v, m = np.empty(16 * v_step, x.dtype), np.empty(16 * m_step, x.dtype)
    corner, results, lanes = np.empty(4 * k, x.dtype), y.reshape(y.size), BYTES // x.itemsize
    for first in range(0, total, room):
        tiles = min(room, total - first)
        transform_pixels(seen, size, c, grid, first, tiles, v, v_step)
        product(v, c, v_step, u, m, k, m_step, tiles)
        tile = tile_at(first, grid)
        for t in range(tiles):
            p, i, j = tile[0], tile[1] * 2, tile[2] * 2
            tile = next_tile(tile, grid)
            n, z = (at[0] + p, at[1]) if block[1] == 1 else (at[0] + p // block[1], at[1] + p % block[1])
            to = (
                ((n * y.shape[1] + z + plan[FIRST, 0]) * y.shape[2] + at[2] + i + plan[FIRST, 1]) * y.shape[3] + j
            ) * k
            to += plan[FIRST, 2] * k
            if i + 1 < block[2] and j + 1 < block[3]:
                for q in range(0, k, lanes):
                    sandwich(RESULTS, m, t * k + q, 4 * m_step, m_step, results, to + q, y.shape[3] * k, k)
                continue
            for q in range(0, k, lanes):  # at an odd edge
                sandwich(RESULTS, m, t * k + q, 4 * m_step, m_step, corner, q, 2 * k, k)
            for q in range(k):
                results[to + q] = corner[q]
                if j + 1 < block[3]:
                    results[to + k + q] = corner[k + q]
                if i + 1 < block[2]:
                    results[to + y.shape[3] * k + q] = corner[2 * k + q]


@kernel(reorder=True)
def are_finite(values: Array) -> Any:
    """Whether no number of a row is infinite or NaN: 0 times those is NaN."""
    total = 0.0
    for q in range(values.size):
        total += 0.0 * values[q]
    return total == 0


@kernel()
def block_is_finite(y: Array, plan: Array, task: Any) -> Any:
    """Whether all results of a task's block are finite."""
    at, block = block_of(task, plan, y.shape[0])
    for line in range(block[0] * block[1] * block[2]):
        n, z, i = line // (block[1] * block[2]), line // block[2] % block[1], line % block[2]
        pixels = y[at[0] + n, at[1] + z + plan[FIRST, 0], at[2] + i + plan[FIRST, 1]]
        if not are_finite(pixels[plan[FIRST, 2] : plan[FIRST, 2] + block[3]].reshape(block[3] * y.shape[4])):
            return False
    return True


@kernel(parallel=True)
def winograd(x: Array, w: Array, y: Array, taps: Array, plan: Array, tasks: Any) -> None:
    """A sweep (see `sweeps`) of 3×3 taps, by tiles. Channels fill whole vectors."""
    u = transformed_weights(w, taps, plan)
    for task in prange(tasks):
        winograd_block(x, u, y, plan, np.int64(task))
        if not block_is_finite(y, plan, np.int64(task)):
            sweep_block(x, pack(w, taps, plan), y, plan, np.int64(task))
