"""Numba kernels that walk the windows of an image: convolution as im2col and a product, pooling, weighted sums.

Images are channels-last with three axes, `(N, D, H, W, C)`, C-contiguous; one with fewer has axes of length 1 in front.
Import this module only when a kernel is about to run.

A convolution is a product of matrices, rows @ w, in which each row is one window, copied out. Threads take blocks of
output lines (the windows of one line lie side by side along W); a block's rows are built, multiplied by BLAS on that
thread alone, and still in the cache when they are. Nothing depends on which thread takes which block, so results are the
same bits with any number of threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg.cython_blas  # noqa: F401  (what Numba's np.dot calls; loaded here so that its threads can be found)
from numba import prange

from .jit import kernel
from .threads import look_again

Array = Any
look_again()


@kernel()
def gather_windows(
    x: Array, rows: Array, begin_line: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, out: Any
) -> None:
    """im2col: copy each window of some output lines of `x` into one row of `rows`, zeros where it leaves the image.

    `rows` is `(lines · OW, kernel volume · C)`, `out` the output's (D, H, W). Without dilation the pixels of one window
    line are neighbours in memory and are copied as one run.
    """
    depth, h, w, c = x.shape[1], x.shape[2], x.shape[3], x.shape[4]
    od, oh, ow = out
    step = dilation[2]
    length = kernel[2] * c if step == 1 else c  # of a run
    runs = 1 if step == 1 else kernel[2]  # in a window line
    for line in range(rows.shape[0] // ow):
        plane, o = (begin_line + line) // oh, (begin_line + line) % oh
        n = plane // od
        front, top = (plane % od) * stride[0] - padding[0], o * stride[1] - padding[1]
        for r in range(kernel[0] * kernel[1]):
            z, i = front + r // kernel[1] * dilation[0], top + r % kernel[1] * dilation[1]
            inside = 0 <= z < depth and 0 <= i < h
            pixels = x[n, z if inside else 0, i if inside else 0].reshape(w * c)
            for j in range(ow):
                for s in range(runs):
                    begin = (r * runs + s) * length
                    run = rows[line * ow + j, begin : begin + length]
                    left = (j * stride[2] - padding[2] + s * step) * c
                    first, last = (max(0, -left), min(length, w * c - left)) if inside else (length, length)
                    for q in range(min(first, length)):
                        run[q] = 0
                    if first < last:
                        source = pixels[left + first : left + last]
                        target = run[first:last]
                        for q in range(last - first):
                            target[q] = source[q]
                    for q in range(max(last, first, 0), length):
                        run[q] = 0


@kernel()
def spread_windows(
    rows: Array, x: Array, begin_line: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, out: Any
) -> None:
    """col2im, the transpose of `gather_windows`: add each row into its window of `x`, which starts as zeros."""
    depth, h, w, c = x.shape[1], x.shape[2], x.shape[3], x.shape[4]
    od, oh, ow = out
    step = dilation[2]
    length = kernel[2] * c if step == 1 else c
    runs = 1 if step == 1 else kernel[2]
    for line in range(rows.shape[0] // ow):
        plane, o = (begin_line + line) // oh, (begin_line + line) % oh
        n = plane // od
        front, top = (plane % od) * stride[0] - padding[0], o * stride[1] - padding[1]
        for r in range(kernel[0] * kernel[1]):
            z, i = front + r // kernel[1] * dilation[0], top + r % kernel[1] * dilation[1]
            if not (0 <= z < depth and 0 <= i < h):
                continue
            pixels = x[n, z, i].reshape(w * c)
            for j in range(ow):
                for s in range(runs):
                    begin = (r * runs + s) * length
                    left = (j * stride[2] - padding[2] + s * step) * c
                    first, last = max(0, -left), min(length, w * c - left)
                    if first < last:
                        source = rows[line * ow + j, begin + first : begin + last]
                        target = pixels[left + first : left + last]
                        for q in range(last - first):
                            target[q] += source[q]


@kernel(parallel=True)
def convolve(
    x: Array, w: Array, y: Array, block: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, out: Any
) -> None:
    """y = x ∗ w: `x` `(N, D, H, W, C)`, `w` `(volume · C, K)`, `y` `(pixels, K)`, `block` output lines at a time."""
    ow = out[2]
    lines = y.shape[0] // ow
    for b in prange((lines + block - 1) // block):
        first, last = b * block, min(lines, (b + 1) * block)
        rows = np.empty(((last - first) * ow, w.shape[0]), x.dtype)
        gather_windows(x, rows, first, kernel, stride, padding, dilation, out)
        np.dot(rows, w, y[first * ow : last * ow])


@kernel(parallel=True)
def convolve_input(
    g: Array, wt: Array, x: Array, block: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, out: Any
) -> None:
    """The transpose in the image: each row is g wᵀ, added into its window of `x`, which starts as zeros.

    `g` is `(pixels, K)`, `wt` `(K, volume · C)`. Windows of one image overlap, so a thread takes whole images.
    """
    ow, each = out[2], out[0] * out[1]
    images = max(1, block // each)
    n = x.shape[0]
    for task in prange((n + images - 1) // images):
        end = min(n, (task + 1) * images) * each
        for first in range(task * images * each, end, block):
            last = min(end, first + block)
            rows = np.dot(g[first * ow : last * ow], wt)
            spread_windows(rows, x, first, kernel, stride, padding, dilation, out)


@kernel(parallel=True)
def convolve_weight(
    g: Array, x: Array, parts: Array, block: Any, kernel: Any, stride: Any, padding: Any, dilation: Any, out: Any
) -> None:
    """The transpose in the kernel: rowsᵀ g over every `len(parts)`-th block of lines, one sum `(volume · C, K)` a part."""
    ow = out[2]
    lines, k = g.shape[0] // ow, g.shape[1]
    for part in prange(parts.shape[0]):
        product = np.empty((parts.shape[1], k), x.dtype)
        for b in range(part, (lines + block - 1) // block, parts.shape[0]):
            first, last = b * block, min(lines, (b + 1) * block)
            rows = np.empty(((last - first) * ow, parts.shape[1]), x.dtype)
            gather_windows(x, rows, first, kernel, stride, padding, dilation, out)
            np.dot(rows.T, g[first * ow : last * ow], product)
            for i in range(parts.shape[1]):
                for j in range(k):
                    parts[part, i, j] += product[i, j]


@kernel(parallel=True)
def max_windows(x: Array, best: Array, position: Array, lowest: Any, firsts: Any, counts: Any, step: Any) -> None:
    """The maximum of each window, `(N, OD, OH, OW, C)`, and where it is in the image; the first of equals, NaN above all.

    Along axis a, window o holds `counts[a][o]` pixels: `firsts[a][o]`, `firsts[a][o] + step[a]`, … A window without a pixel
    has the maximum `lowest` at −1.
    """
    h, w, c = x.shape[2], x.shape[3], x.shape[4]
    od, oh, ow = best.shape[1], best.shape[2], best.shape[3]
    for line in prange(x.shape[0] * od * oh):
        n, p, o = line // (od * oh), line // oh % od, line % oh
        front, top, deep, high = firsts[0][p], firsts[1][o], counts[0][p], counts[1][o]
        for j in range(ow):
            top_values, top_places = best[n, p, o, j], position[n, p, o, j]
            left, wide = firsts[2][j], counts[2][j]
            empty = True
            for r in range(deep):
                z = front + r * step[0]
                for s in range(high):
                    i = top + s * step[1]
                    for t in range(wide):
                        k = left + t * step[2]
                        pixel = x[n, z, i, k]
                        place = (z * h + i) * w + k
                        for q in range(c):
                            v = pixel[q]
                            if empty or v > top_values[q] or v != v:
                                top_values[q] = v
                                top_places[q] = place
                        empty = False
            if empty:
                for q in range(c):
                    top_values[q] = lowest
                    top_places[q] = -1


@kernel()
def larger(v: Any, place: Any, other: Any, there: Any) -> Any:
    """The larger of two numbers and its place, without a branch; the first of equals, the last NaN."""
    taken = (other > v) | (other != other)
    return other if taken else v, there if taken else place


@kernel()
def max_pairs_line(x: Array, best: Array, position: Array, line: Any) -> None:
    """One line of `max_pairs`: the four pixels are compared in registers, and each result is written once."""
    w, oh, c = x.shape[2], best.shape[1], x.shape[3]
    n, o = line // oh, line % oh
    for j in range(best.shape[2]):
        first = 2 * o * w + 2 * j
        a, b = x[n, 2 * o, 2 * j], x[n, 2 * o, 2 * j + 1]
        d, e = x[n, 2 * o + 1, 2 * j], x[n, 2 * o + 1, 2 * j + 1]
        values, places = best[n, o, j], position[n, o, j]
        for q in range(c):
            v, place = larger(a[q], first, b[q], first + 1)
            v, place = larger(v, place, d[q], first + w)
            values[q], places[q] = larger(v, place, e[q], first + w + 1)


@kernel(parallel=True)
def max_pairs(x: Array, best: Array, position: Array) -> None:
    """`max_windows` where the windows are 2×2 pixels side by side: `x` `(N, H, W, C)`, the results `(N, H/2, W/2, C)`.

    Measured, 16 channels: 0.4 times the time.
    """
    for line in prange(x.shape[0] * best.shape[1]):
        max_pairs_line(x, best, position, np.int64(line))


@kernel()
def max_pairs_alone(x: Array, best: Array, position: Array) -> None:
    """`max_pairs` on one thread, for so few results that starting others would take longer."""
    for line in range(x.shape[0] * best.shape[1]):
        max_pairs_line(x, best, position, np.int64(line))


@kernel(parallel=True)
def weighted_sums(x: Array, y: Array, start: Array, pixel: Array, weight: Array) -> None:
    """y[a, i, b] = Σ weight[k]·x[a, pixel[k], b] for start[i] ≤ k < start[i + 1], with any number of a and b."""
    m = y.shape[1]
    for line in prange(y.shape[0] * m):
        a, i = line // m, line % m
        row = y[a, i]
        if start[i] == start[i + 1]:
            for q in range(row.size):
                row[q] = 0
        for k in range(start[i], start[i + 1]):
            source, by = x[a, pixel[k]], weight[k]
            if k == start[i]:
                for q in range(row.size):
                    row[q] = by * source[q]
            else:
                for q in range(row.size):
                    row[q] += by * source[q]


@kernel()
def scatter_plane(g: Array, position: Array, x: Array) -> None:
    """One image of `scatter_planes`."""
    x[:] = 0
    for o in range(g.shape[0]):
        for q in range(g.shape[1]):
            if position[o, q] >= 0:
                x[position[o, q], q] += g[o, q]


@kernel(parallel=True)
def scatter_planes(g: Array, position: Array, x: Array) -> None:
    """Add `g` `(N, windows, C)` at `position` of the images `x` `(N, pixels, C)`, after filling them with zeros."""
    for n in prange(g.shape[0]):
        scatter_plane(g[n], position[n], x[n])


@kernel()
def scatter_planes_alone(g: Array, position: Array, x: Array) -> None:
    """`scatter_planes` on one thread, for so few numbers that starting others would take longer."""
    for n in range(g.shape[0]):
        scatter_plane(g[n], position[n], x[n])


@kernel(parallel=True)
def gather_planes(x: Array, position: Array, y: Array) -> None:
    """The transpose of `scatter_planes`: `y` `(N, windows, C)` from the images `x` `(N, pixels, C)`, 0 where it is −1."""
    for n in prange(y.shape[0]):
        for o in range(y.shape[1]):
            for q in range(y.shape[2]):
                place = position[n, o, q]
                y[n, o, q] = x[n, place, q] if place >= 0 else 0
