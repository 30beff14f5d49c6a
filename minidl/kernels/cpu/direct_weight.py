"""Numba kernels of the direct convolution's transpose in the weights: register tiles that add up over the pixels.

    dw[q, k] = Σ_pixels image[window(pixel) + q] · g[pixel, k]        q counts taps and input channels

A tile (`simd`) holds 8 of the rows q and up to 32 of the columns k, and a step takes one pixel: the same step as in
`direct`, with pixels and rows exchanged. The image is taken in blocks small enough that what one sees stays in the cache
while every tile passes over it.

The images are divided among a fixed number of parts, each with a sum of its own; threads take parts, and the parts are
added in order. So results are the same bits with any number of threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from .direct import block_of, halvings_for, run_places, triple, what_is_seen
from .jit import kernel
from .simd import ROWS, WIDEST, columns_of, load, step, store, zeros
from .sweeps import CHANNELS, COUNT

Array = Any


@kernel()
def weight_panel(
    empty: Any,
    seen: Array,
    begin: Any,
    window: Array,
    fresh: Any,
    g: Array,
    g_begin: Any,
    block: Any,
    pixel: Any,
    g_pixel: Any,
    total: Array,
    to: Any,
    wide: Any,
) -> None:
    """Add a block's products to one panel of columns of a part's sums, `(rows, wide)` from `to` on, all rows q.

    `window[q]` is where q lies from the beginning of a window of `seen`, flat; `pixel` and `g_pixel` are the steps of the
    block's four axes. A vector of `g` may reach into the next pixel's channels: what it meets there lands in columns that
    nobody reads. Only at the end of memory is it copied first.
    """
    rows, places = np.empty(ROWS, np.int64), np.empty(ROWS, np.int64)
    width = columns_of(empty)
    last = np.zeros(width, g.dtype)
    for r in range(ROWS):
        places[r] = r * wide
    for first in range(0, window.size, ROWS):
        for r in range(ROWS):
            rows[r] = window[min(first + r, window.size - 1)]
        tile = empty if fresh else load(empty, total, places, to + first * wide)
        for line in range(block[0] * block[1] * block[2]):
            n, z, i = line // (block[1] * block[2]), line // block[2] % block[1], line % block[2]
            at = begin + n * pixel[0] + z * pixel[1] + i * pixel[2]
            g_at = g_begin + n * g_pixel[0] + z * g_pixel[1] + i * g_pixel[2]
            safe = block[3] if g_at + block[3] * g_pixel[3] + width <= g.size else block[3] - width // g_pixel[3] - 1
            for _ in range(safe):
                tile = step(tile, seen, rows, at, g, g_at)
                at, g_at = at + pixel[3], g_at + g_pixel[3]
            for _ in range(max(safe, 0), block[3]):
                for q in range(min(width, g.size - g_at)):
                    last[q] = g[g_at + q]
                tile = step(tile, seen, rows, at, last, 0)
                at, g_at = at + pixel[3], g_at + g_pixel[3]
        store(tile, total, places, to + first * wide)


@kernel()
def upstream_steps(g: Array, at: Any) -> Any:
    """Where a block begins in `g`, flat, and how far apart neighbours lie along its four axes."""
    k = g.shape[4]
    line, plane, image = g.shape[3] * k, g.shape[2] * g.shape[3] * k, g.shape[1] * g.shape[2] * g.shape[3] * k
    return at[0] * image + at[1] * plane + at[2] * line, (image, plane, line, k)


@kernel()
def weight_block(x: Array, g: Array, total: Array, plan: Array, task: Any, fresh: Any) -> None:
    """Add a task's block of pixels to a part's sums `total` `(groups, rows, columns)`, or write there if `fresh`."""
    at, block = block_of(task, plan, x.shape[0])
    seen, size, begin, pixel = what_is_seen(x, at, block, plan)
    groups, ins, outs = triple(plan, CHANNELS)
    taps = run_places(size, x.shape[4], plan, plan[COUNT, 2])
    window = np.empty(taps.size * ins, np.int64)
    for q in range(window.size):
        window[q] = taps[q // ins] + q % ins
    g_begin, g_pixel = upstream_steps(g, at)
    upstream, sums, wide = g.reshape(g.size), total.reshape(total.size), total.shape[2]
    for group in range(groups):
        column = 0
        while column < outs:
            halvings = halvings_for(outs - column, x.itemsize)
            b, gb, to = begin + group * ins, g_begin + group * outs + column, group * total.shape[1] * wide + column
            if halvings == 0:
                weight_panel(zeros(x, 0), seen, b, window, fresh, upstream, gb, block, pixel, g_pixel, sums, to, wide)
            elif halvings == 1:
                weight_panel(zeros(x, 1), seen, b, window, fresh, upstream, gb, block, pixel, g_pixel, sums, to, wide)
            else:
                weight_panel(zeros(x, 2), seen, b, window, fresh, upstream, gb, block, pixel, g_pixel, sums, to, wide)
            column += (WIDEST // x.itemsize) >> halvings


@kernel()
def write_row(w: Array, parts: Array, row: Any, group: Any) -> None:
    """Add up one row of all parts, in order, and write it where the weights have it."""
    ins, outs = w.shape[1], w.shape[0] // parts.shape[1]
    total = parts[0, group, row]
    for part in range(1, parts.shape[0]):
        more = parts[part, group, row]
        for k in range(outs):
            total[k] += more[k]
    for k in range(outs):
        w[group * outs + k, row % ins, row // ins] = total[k]


@kernel()
def weight_part(x: Array, g: Array, parts: Array, plan: Array, tasks: Any, part: Any) -> None:
    """A part's share of the tasks, one after the other."""
    first, last = part * tasks // parts.shape[0], (part + 1) * tasks // parts.shape[0]
    for task in range(first, last):
        weight_block(x, g, parts[part], plan, task, task == first)


@kernel(parallel=True)
def weight_sweep(x: Array, g: Array, w: Array, parts: Array, plan: Array, tasks: Any) -> None:
    """The transpose in the weights: `x` `(N, D, H, W, C)`, `g` `(N, D, H, W, K)` → `w` `(K, C/groups, taps)`.

    `parts` is room for the parts' sums, `(parts, groups, rows, columns)`, rows and columns rounded up to whole tiles.
    """
    for part in prange(parts.shape[0]):
        weight_part(x, g, parts, plan, tasks, np.int64(part))
    rows = w.shape[1] * w.shape[2]
    for row in prange(parts.shape[1] * rows):
        write_row(w, parts, np.int64(row) % rows, np.int64(row) // rows)


@kernel()
def weight_sweep_alone(x: Array, g: Array, w: Array, parts: Array, plan: Array, tasks: Any) -> None:
    """`weight_sweep` on one thread, for so few pixels that starting others would take longer."""
    for part in range(parts.shape[0]):
        weight_part(x, g, parts, plan, tasks, np.int64(part))
    rows = w.shape[1] * w.shape[2]
    for row in range(parts.shape[1] * rows):
        write_row(w, parts, np.int64(row) % rows, np.int64(row) // rows)
