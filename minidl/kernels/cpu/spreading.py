"""Numba kernels of a convolution to few channels: each pixel is spread over the results that see it.

`direct` gathers: a result's window is read, tap by tap, and each step fills as many columns of a tile as there are output
channels. With few of them (6 in LeNet's second layer, seen backward) most of a vector stays empty. Here the taps of a line lie
side by side instead, as neighbouring results do in memory:

    sums[line + r, pixel … pixel + S − 1, :]  +=  x[line, pixel, :] @ w[r, :, S taps · K channels]

So a row of S·K columns fills the tile (5·6 = 30 of 32), and nothing is multiplied with the zeros around the image. The rows of
a tile are the same pixel of different lines: what they add to never overlaps. A task takes a few images, with sums of its own.

Measured on one core of an EPYC (Zen 4), float32: 16 → 6 channels, 5×5, 64 images of 10×10 to 14×14: 0.40 ms, by `direct` 0.92.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from .direct import halvings_for, padded
from .jit import kernel
from .simd import ROWS, WIDEST, columns_of, load, step, store_part, zeros
from .sweeps import CHANNELS, COUNT, START, WEIGHTS

Array = Any


@kernel()
def pack_lines(w: Array, taps: Array, plan: Array) -> Array:
    """The weights as the tiles read them: for each line of taps and panel of columns a row for each input channel.

    Columns are taps, the last first, and output channels. A panel's last columns may be zeros.
    """
    ins, outs, many = plan[CHANNELS, 1], plan[CHANNELS, 2], plan[COUNT, 2]
    columns = many * outs
    packed = np.zeros(plan[COUNT, 1] * ins * padded(columns, w.itemsize), w.dtype)
    at = 0
    for r in range(plan[COUNT, 1]):
        first = 0
        while first < columns:
            width = (WIDEST // w.itemsize) >> halvings_for(columns - first, w.itemsize)
            for c in range(ins):
                for q in range(min(width, columns - first)):
                    tap, k = taps[r * many + many - 1 - (first + q) // outs], (first + q) % outs
                    packed[at + q] = w[tap + c * plan[WEIGHTS, 0] + k * plan[WEIGHTS, 1]]
                at += width
            first += width
    return packed


@kernel()
def spread_panel(
    empty: Any,
    x: Array,
    rows: Array,
    pixels: Any,
    ins: Any,
    packed: Array,
    panel: Any,
    sums: Array,
    places: Array,
    to: Any,
    outs: Any,
    columns: Any,
) -> None:
    """Add one panel of columns for the pixels of `ROWS` lines that begin at `rows` of `x`; all flat.

    The sums for the first pixel lie at `to + places`. Lines may be repeated: then the same is written twice.
    """
    width = columns_of(empty)
    for j in range(pixels):
        tile, row = load(empty, sums, places, to + j * outs), panel
        for q in range(j * ins, (j + 1) * ins):
            tile = step(tile, x, rows, q, packed, row)
            row += width
        store_part(tile, sums, places, to + j * outs, ROWS, columns)


@kernel()
def spread_lines(x: Array, packed: Array, sums: Array, size: Any, first: Any, lines: Any, plan: Array) -> None:
    """Spread `ROWS` lines of some images, from line `first` of all their `lines` on."""
    ins, outs, high, columns = plan[CHANNELS, 1], plan[CHANNELS, 2], plan[COUNT, 1], plan[COUNT, 2] * plan[CHANNELS, 2]
    h, w = x.shape[1], x.shape[2]
    rows, places = np.empty(ROWS, np.int64), np.empty(ROWS, np.int64)
    for r in range(ROWS):
        line = min(first + r, lines - 1)
        rows[r] = line * w * ins
        places[r] = (line // h * size[0] + line % h) * size[1] * outs
    flat, panel = x.reshape(x.size), 0
    for r in range(high):
        column, below = 0, (high - 1 - r) * size[1] * outs
        while column < columns:
            halvings, to = halvings_for(columns - column, x.itemsize), below + column
            width = (WIDEST // x.itemsize) >> halvings
            some = min(width, columns - column)
            if halvings == 0:
                spread_panel(zeros(x, 0), flat, rows, w, ins, packed, panel, sums, places, to, outs, some)
            elif halvings == 1:
                spread_panel(zeros(x, 1), flat, rows, w, ins, packed, panel, sums, places, to, outs, some)
            else:
                spread_panel(zeros(x, 2), flat, rows, w, ins, packed, panel, sums, places, to, outs, some)
            panel += width * ins
            column += width


@kernel()
def spread_block(x: Array, packed: Array, y: Array, plan: Array) -> None:
    """The results `y` `(images, H, W, K)` of some images `x` `(images, H, W, C)`."""
    outs, count = y.shape[3], (plan[COUNT, 1], plan[COUNT, 2])
    size, lines = (x.shape[1] + count[0] - 1, x.shape[2] + count[1] - 1), x.shape[0] * x.shape[1]
    sums = np.zeros(x.shape[0] * size[0] * size[1] * outs + WIDEST // x.itemsize, x.dtype)
    for first in range(0, lines, ROWS):
        spread_lines(x, packed, sums, size, first, lines, plan)
    above, before = plan[START, 1] + count[0] - 1, plan[START, 2] + count[1] - 1  # the first result among the sums
    left, right = min(max(0, -before), y.shape[2]), max(0, min(y.shape[2], size[1] - before))
    for line in range(y.shape[0] * y.shape[1]):
        n, i = line // y.shape[1], line % y.shape[1]
        result = y[n, i].reshape(y.shape[2] * outs)
        for q in range(result.size):
            result[q] = 0
        if 0 <= above + i < size[0]:
            source = sums[((n * size[0] + above + i) * size[1] + before + left) * outs :]
            inner = result[left * outs : right * outs]
            for q in range(inner.size):
                inner[q] = source[q]


@kernel(parallel=True)
def spread(x: Array, w: Array, y: Array, taps: Array, plan: Array, images: Any) -> None:
    """One sweep (see `sweeps`) of the weights `w`, flat, over `x` `(N, H, W, C)` into `y` `(N, H, W, K)`, `images` a task."""
    packed = pack_lines(w, taps, plan)
    for task in prange((x.shape[0] + images - 1) // images):
        first, last = np.int64(task) * images, min(x.shape[0], (np.int64(task) + 1) * images)
        spread_block(x[first:last], packed, y[first:last], plan)
