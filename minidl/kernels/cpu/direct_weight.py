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

from .direct import halvings_for, tap_places, what_is_seen
from .jit import kernel
from .simd import ROWS, WIDEST, columns_of, load, outer, store, zeros

Array = Any


@kernel()
def add_products(
    tile: Any, seen: Array, begin: Any, rows: Array, g: Array, g_begin: Any, block: Any, pixel: Any, g_pixel: Any
) -> Any:
    """The tile plus the outer products of all pixels of a block. `pixel` and `g_pixel` are the steps of the four axes.

    A vector of `g` may reach into the next pixel's channels: what it meets there lands in columns that nobody reads. Only
    at the end of memory is it copied first.
    """
    width = columns_of(tile)
    for line in range(block[0] * block[1] * block[2]):
        n, z, i = line // (block[1] * block[2]), line // block[2] % block[1], line % block[2]
        at = begin + n * pixel[0] + z * pixel[1] + i * pixel[2]
        g_at = g_begin + n * g_pixel[0] + z * g_pixel[1] + i * g_pixel[2]
        safe = min(block[3], max(0, (g.size - width - g_at) // g_pixel[3] + 1))
        for j in range(safe):
            tile = outer(tile, seen, rows, at + j * pixel[3], g, g_at + j * g_pixel[3])
        for j in range(safe, block[3]):
            last = np.zeros(width, g.dtype)
            rest = g[g_at + j * g_pixel[3] :][:width]
            for q in range(rest.size):
                last[q] = rest[q]
            tile = outer(tile, seen, rows, at + j * pixel[3], last, 0)
    return tile


@kernel()
def weight_panel(
    empty: Any, seen: Array, begin: Any, taps: Array, ins: Any, fresh: Any, g: Array, g_begin: Any, block: Any,
    pixel: Any, g_pixel: Any, total: Array, to: Any, wide: Any,
) -> None:
    """Add a block's products to one panel of columns of a part's sums, `(rows, wide)` from `to` on, all rows q."""
    rows, places = np.empty(ROWS, np.int64), np.empty(ROWS, np.int64)
    many = taps.size * ins
    for first in range(0, many, ROWS):
        for i in range(ROWS):
            q = min(first + i, many - 1)
            rows[i], places[i] = taps[q // ins] + q % ins, to + (first + i) * wide
        tile = empty if fresh else load(empty, total, places)
        store(add_products(tile, seen, begin, rows, g, g_begin, block, pixel, g_pixel), total, places)


@kernel()
def weight_block(
    x: Array, g: Array, total: Array, at: Any, block: Any, copied: Any, fresh: Any, groups: Any, ins: Any,
    count: Any, start: Any, stride: Any, step: Any,
) -> None:
    """Add a block of pixels to a part's sums `total` `(groups, rows, columns)`."""
    seen, size, begin = what_is_seen(x, at, block, copied, count, start, stride, step)
    c, k, outs = x.shape[4], g.shape[4], g.shape[4] // groups
    taps = tap_places(size, c, count, step, True)
    seen_line, seen_plane, seen_image = size[2] * c, size[1] * size[2] * c, size[0] * size[1] * size[2] * c
    pixel = (seen_image, stride[0] * seen_plane, stride[1] * seen_line, stride[2] * c)
    line, plane, image = g.shape[3] * k, g.shape[2] * g.shape[3] * k, g.shape[1] * g.shape[2] * g.shape[3] * k
    g_pixel = (image, plane, line, k)
    upstream, sums, wide = g.reshape(g.size), total.reshape(total.size), total.shape[2]
    g_begin = ((at[0] * g.shape[1] + at[1]) * g.shape[2] + at[2]) * line
    for group in range(groups):
        column = 0
        while column < outs:
            halvings = halvings_for(outs - column, x.itemsize)
            b, gb, to = begin + group * ins, g_begin + group * outs + column, group * total.shape[1] * wide + column
            if halvings == 0:
                weight_panel(
                    zeros(x, 0), seen, b, taps, ins, fresh, upstream, gb, block, pixel, g_pixel, sums, to, wide
                )
            elif halvings == 1:
                weight_panel(
                    zeros(x, 1), seen, b, taps, ins, fresh, upstream, gb, block, pixel, g_pixel, sums, to, wide
                )
            else:
                weight_panel(
                    zeros(x, 2), seen, b, taps, ins, fresh, upstream, gb, block, pixel, g_pixel, sums, to, wide
                )
            column += (WIDEST // x.itemsize) >> halvings


@kernel(parallel=True)
def weight_sweep(
    x: Array, g: Array, w: Array, parts: Array, groups: Any, blocks: Any, copied: Any,
    count: Any, start: Any, stride: Any, step: Any,
) -> None:
    """The transpose in the weights: `x` `(N, D, H, W, C)`, `g` `(N, D, H, W, K)` → `w` `(K, C/groups, taps)`.

    `parts` is room for the parts' sums, `(parts, groups, rows, columns)`, rows and columns rounded up to whole tiles.
    """
    out = (g.shape[1], g.shape[2], g.shape[3])
    ins, outs, taps = w.shape[1], w.shape[0] // groups, w.shape[2]
    lines, planes = (out[1] + blocks[2] - 1) // blocks[2], (out[0] + blocks[1] - 1) // blocks[1]
    tasks = (x.shape[0] + blocks[0] - 1) // blocks[0] * planes * lines
    many = parts.shape[0]
    for part in prange(many):
        for task in range(part * tasks // many, (part + 1) * tasks // many):
            n, z, i = task // (planes * lines) * blocks[0], task // lines % planes * blocks[1], task % lines * blocks[2]
            block = (min(blocks[0], x.shape[0] - n), min(blocks[1], out[0] - z), min(blocks[2], out[1] - i), out[2])
            fresh = task == part * tasks // many
            weight_block(
                x, g, parts[part], (n, z, i), block, copied, fresh, groups, ins, count, start, stride, step
            )
    for row in prange(groups * taps * ins):
        group, q = row // (taps * ins), row % (taps * ins)
        for k in range(outs):
            s = parts[0, group, q, k]
            for part in range(1, many):
                s += parts[part, group, q, k]
            w[group * outs + k, q % ins, q // ins] = s
