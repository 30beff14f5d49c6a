"""Numba kernels that walk the windows of an image: convolution as im2col and a product, and pooling.

Images are channels-last, `(N, H, W, C)`, C-contiguous. Import this module only when a kernel is about to run.

A convolution is a product of matrices, rows @ w, in which each row is one window, copied out. Threads take blocks of a few
images; a block's rows are built, multiplied by BLAS on that thread alone, and still in the cache when they are. Nothing
depends on which thread takes which block, so results are the same bits with any number of threads.
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
def gather_windows(x: Array, rows: Array, kernel: Any, stride: Any, padding: Any, dilation: Any, plane: Any) -> None:
    """im2col: copy each window of `x` into one row of `rows` `(N·OH·OW, R·S·C)`, zeros where it leaves the image.

    Without dilation the pixels of one window line are neighbours in memory and are copied as one run of S·C numbers.
    """
    h, w, c = x.shape[1], x.shape[2], x.shape[3]
    oh, ow = plane
    step = dilation[1]
    length = kernel[1] * c if step == 1 else c  # of a run
    runs = 1 if step == 1 else kernel[1]  # in a window line
    for line in range(x.shape[0] * oh):
        n = line // oh
        top = (line % oh) * stride[0] - padding[0]
        for r in range(kernel[0]):
            i = top + r * dilation[0]
            inside = 0 <= i < h
            pixels = x[n, i if inside else 0].reshape(w * c)
            for j in range(ow):
                for s in range(runs):
                    begin = (r * runs + s) * length
                    run = rows[line * ow + j, begin : begin + length]
                    left = (j * stride[1] - padding[1] + s * step) * c
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
def spread_windows(rows: Array, x: Array, kernel: Any, stride: Any, padding: Any, dilation: Any, plane: Any) -> None:
    """col2im, the transpose of `gather_windows`: add each row into its window of `x`, which starts as zeros."""
    h, w, c = x.shape[1], x.shape[2], x.shape[3]
    oh, ow = plane
    step = dilation[1]
    length = kernel[1] * c if step == 1 else c
    runs = 1 if step == 1 else kernel[1]
    for n in range(x.shape[0]):
        for o in range(oh):
            top = o * stride[0] - padding[0]
            for r in range(kernel[0]):
                i = top + r * dilation[0]
                if not 0 <= i < h:
                    continue
                pixels = x[n, i].reshape(w * c)
                for j in range(ow):
                    for s in range(runs):
                        begin = (r * runs + s) * length
                        left = (j * stride[1] - padding[1] + s * step) * c
                        first, last = max(0, -left), min(length, w * c - left)
                        if first < last:
                            source = rows[(n * oh + o) * ow + j, begin + first : begin + last]
                            target = pixels[left + first : left + last]
                            for q in range(last - first):
                                target[q] += source[q]


@kernel(parallel=True)
def convolve(x: Array, w: Array, y: Array, block: Any, kernel: Any, stride: Any, padding: Any, dilation: Any) -> None:
    """y = x ∗ w: `x` `(N, H, W, C)`, `w` `(R·S·C, K)`, `y` `(N, OH, OW, K)`, `block` images at a time."""
    n, oh, ow, k = y.shape
    for b in prange((n + block - 1) // block):
        first, last = b * block, min(n, (b + 1) * block)
        rows = np.empty(((last - first) * oh * ow, w.shape[0]), x.dtype)
        gather_windows(x[first:last], rows, kernel, stride, padding, dilation, (oh, ow))
        np.dot(rows, w, y[first:last].reshape(rows.shape[0], k))


@kernel(parallel=True)
def convolve_input(
    g: Array, wt: Array, x: Array, block: Any, kernel: Any, stride: Any, padding: Any, dilation: Any
) -> None:
    """The transpose in the image: each row is g wᵀ, added into its window of `x`, which starts as zeros; `wt` `(K, R·S·C)`."""
    n, oh, ow, k = g.shape
    for b in prange((n + block - 1) // block):
        first, last = b * block, min(n, (b + 1) * block)
        rows = np.dot(g[first:last].reshape((last - first) * oh * ow, k), wt)
        spread_windows(rows, x[first:last], kernel, stride, padding, dilation, (oh, ow))


@kernel(parallel=True)
def convolve_weight(
    g: Array, x: Array, parts: Array, block: Any, kernel: Any, stride: Any, padding: Any, dilation: Any
) -> None:
    """The transpose in the kernel: rowsᵀ g over every `len(parts)`-th block of images, one sum a part, `(R·S·C, K)`."""
    n, oh, ow, k = g.shape
    for part in prange(parts.shape[0]):
        product = np.empty((parts.shape[1], k), x.dtype)
        for b in range(part, (n + block - 1) // block, parts.shape[0]):
            first, last = b * block, min(n, (b + 1) * block)
            rows = np.empty(((last - first) * oh * ow, parts.shape[1]), x.dtype)
            gather_windows(x[first:last], rows, kernel, stride, padding, dilation, (oh, ow))
            np.dot(rows.T, g[first:last].reshape(rows.shape[0], k), product)
            for i in range(parts.shape[1]):
                for j in range(k):
                    parts[part, i, j] += product[i, j]


@kernel(parallel=True)
def max_windows(x: Array, best: Array, position: Array, kernel: Any, stride: Any, padding: Any, dilation: Any) -> None:
    """The maximum of each window, `(N, OH, OW, C)`, and where it is in the plane; the first of equals, NaN above all."""
    h, w, c = x.shape[1], x.shape[2], x.shape[3]
    oh, ow = best.shape[1], best.shape[2]
    for line in prange(x.shape[0] * oh):
        n, o = line // oh, line % oh
        top = o * stride[0] - padding[0]
        for j in range(ow):
            left = j * stride[1] - padding[1]
            top_values, top_places = best[n, o, j], position[n, o, j]
            empty = True
            for r in range(kernel[0]):
                i = top + r * dilation[0]
                for s in range(kernel[1]):
                    k = left + s * dilation[1]
                    if 0 <= i < h and 0 <= k < w:
                        pixel = x[n, i, k]
                        place = i * w + k
                        for q in range(c):
                            v = pixel[q]
                            if empty or v > top_values[q] or v != v:
                                top_values[q] = v
                                top_places[q] = place
                        empty = False
            if empty:
                for q in range(c):
                    top_values[q] = -np.inf
                    top_places[q] = -1


@kernel(parallel=True)
def mean_windows(x: Array, mean: Array, kernel: Any, stride: Any, padding: Any, count_include_pad: Any) -> None:
    """The mean of each window, `(N, OH, OW, C)`."""
    h, w, c = x.shape[1], x.shape[2], x.shape[3]
    oh, ow = mean.shape[1], mean.shape[2]
    for line in prange(x.shape[0] * oh):
        n, o = line // oh, line % oh
        top = o * stride[0] - padding[0]
        for j in range(ow):
            left = j * stride[1] - padding[1]
            count = window_size(top, left, kernel, padding, h, w, count_include_pad)
            for q in range(c):
                total = 0.0
                for i in range(max(top, 0), min(top + kernel[0], h)):
                    for k in range(max(left, 0), min(left + kernel[1], w)):
                        total += x[n, i, k, q]
                mean[n, o, j, q] = total / count


@kernel(parallel=True)
def spread_means(g: Array, x: Array, kernel: Any, stride: Any, padding: Any, count_include_pad: Any) -> None:
    """The transpose of `mean_windows`: add g / window size to every pixel of the window; `x` starts as zeros."""
    h, w, c = x.shape[1], x.shape[2], x.shape[3]
    for n in prange(x.shape[0]):
        for o in range(g.shape[1]):
            top = o * stride[0] - padding[0]
            for j in range(g.shape[2]):
                left = j * stride[1] - padding[1]
                count = window_size(top, left, kernel, padding, h, w, count_include_pad)
                for i in range(max(top, 0), min(top + kernel[0], h)):
                    for k in range(max(left, 0), min(left + kernel[1], w)):
                        for q in range(c):
                            x[n, i, k, q] += g[n, o, j, q] / count


@kernel()
def window_size(top: Any, left: Any, kernel: Any, padding: Any, h: Any, w: Any, count_include_pad: Any) -> Any:
    """How many pixels a mean divides by: those inside the image, or inside the image with its padding."""
    if count_include_pad:
        bottom, right = min(top + kernel[0], h + padding[0]), min(left + kernel[1], w + padding[1])
        return (bottom - top) * (right - left)
    return (min(top + kernel[0], h) - max(top, 0)) * (min(left + kernel[1], w) - max(left, 0))


@kernel(parallel=True)
def scatter_planes(g: Array, position: Array, x: Array) -> None:
    """Add `g` `(N, OH, OW, C)` at `position` of the planes of `x` `(N, H·W, C)`, which starts as zeros."""
    for n in prange(g.shape[0]):
        for o in range(g.shape[1]):
            for j in range(g.shape[2]):
                for q in range(g.shape[3]):
                    if position[n, o, j, q] >= 0:
                        x[n, position[n, o, j, q], q] += g[n, o, j, q]
