"""Numba kernels that standardise each channel of a batch of images, and send gradients back through that.

Two layouts of memory, told apart by the number of axes of what they are handed:

- **columns**: channels-last, as convolution leaves it, flat: `(pixels · C,)`. C may be as few as 3, too few to fill a vector
  register, so memory is read as rows of `width` numbers, a multiple of C of about a thousand, and every place in a row has
  a sum of its own; those of one channel are added at the end. A block of rows is one thread's piece of work.
- **planes**: `(N, C, pixels)`, C-contiguous: each channel of each image lies in one piece, which is one thread's work.

Memory is read twice forward (sums; result) and twice backward, and written once, which is the least there can be. Sums are
kept in float64, one for each piece of work, and the pieces are cut the same whoever takes them: results are the same bits with
any number of threads.

The variance comes from the sums of d and of d², d = x − k, as (Σd² − (Σd)²/n)/n (Chan, Golub & LeVeque, 1983, "Algorithms for
computing the sample variance"). With k near the mean nothing cancels: k is a number of the channel itself; where that lies more
than 30 deviations away from the mean, the sums are taken once more with k = the mean.

Import this module only when a kernel is about to run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from .jit import kernel

Array = Any
FAR = 1000.0
"""How large (mean − k)²/variance may be: so much is lost of float64's 16 digits."""


@kernel()
def spread(values: Array, wide: Array) -> None:
    """Repeat one number a channel along a wide row, as often as it goes."""
    channels = values.size
    for i in range(wide.size):
        wide[i] = values[i % channels]


# Sums ------------------------------------------------------------------------------------------------------------------


@kernel(parallel=True)
def column_sums(x: Array, shift: Array, sums: Array, squares: Array, block: Any) -> None:
    """Σ(x − k) and Σ(x − k)² of each channel in each block, `(blocks, C)`; `shift` is k along a wide row."""
    width, channels = shift.size, sums.shape[1]
    for b in prange(sums.shape[0]):
        part = x[b * block : (b + 1) * block]
        first, second = np.zeros(width), np.zeros(width)
        for begin in range(0, part.size, width):
            row = part[begin : begin + width]
            for i in range(row.size):
                d = np.float64(row[i]) - shift[i]
                first[i] += d
                second[i] += d * d
        for i in range(width):
            sums[b, i % channels] += first[i]
            squares[b, i % channels] += second[i]


@kernel(parallel=True, reorder=True)
def plane_sums(x: Array, shift: Array, sums: Array, squares: Array) -> None:
    """Σ(x − k) and Σ(x − k)² of each plane, `(N, C)`; `shift` is k of each channel."""
    for task in prange(sums.size):
        n, c = task // sums.shape[1], task % sums.shape[1]
        plane, k = x[n, c], shift[c]
        first, second = 0.0, 0.0
        for i in range(plane.size):
            d = np.float64(plane[i]) - k
            first += d
            second += d * d
        sums[n, c] = first
        squares[n, c] = second


@kernel(parallel=True)
def column_pulls(g: Array, x: Array, mean: Array, sums: Array, products: Array, block: Any) -> None:
    """Σg and Σg·(x − μ) of each channel in each block, `(blocks, C)`; `mean` is μ along a wide row."""
    width, channels = mean.size, sums.shape[1]
    for b in prange(sums.shape[0]):
        above, part = g[b * block : (b + 1) * block], x[b * block : (b + 1) * block]
        first, second = np.zeros(width), np.zeros(width)
        for begin in range(0, part.size, width):
            row, up = part[begin : begin + width], above[begin : begin + width]
            for i in range(row.size):
                u = np.float64(up[i])
                first[i] += u
                second[i] += u * (row[i] - mean[i])
        for i in range(width):
            sums[b, i % channels] += first[i]
            products[b, i % channels] += second[i]


@kernel(parallel=True, reorder=True)
def plane_pulls(g: Array, x: Array, mean: Array, sums: Array, products: Array) -> None:
    """Σg and Σg·(x − μ) of each plane, `(N, C)`."""
    for task in prange(sums.size):
        n, c = task // sums.shape[1], task % sums.shape[1]
        plane, above, middle = x[n, c], g[n, c], mean[c]
        first, second = 0.0, 0.0
        for i in range(plane.size):
            u = np.float64(above[i])
            first += u
            second += u * (plane[i] - middle)
        sums[n, c] = first
        products[n, c] = second


@kernel()
def moments(x: Array, mean: Array, variance: Array, width: Any, block: Any) -> None:
    """The mean and the biased variance of each channel, in float64."""
    channels = mean.size
    count = x.size // channels
    pieces = (x.size + block - 1) // block if x.ndim == 1 else x.shape[0]
    shift = np.empty(width)
    for c in range(channels):
        mean[c] = x[c] if x.ndim == 1 else x[0, c, 0]
    for _ in range(2):
        spread(mean, shift)
        sums, squares = np.zeros((pieces, channels)), np.zeros((pieces, channels))
        if x.ndim == 1:
            column_sums(x, shift, sums, squares, block)
        else:
            plane_sums(x, shift, sums, squares)
        far = False
        for c in range(channels):
            first, second = 0.0, 0.0
            for piece in range(pieces):
                first += sums[piece, c]
                second += squares[piece, c]
            apart = first / count
            mean[c] = shift[c] + apart
            variance[c] = second / count - apart * apart
            far = far or apart * apart > FAR * variance[c]
        if not far:
            break


# Results ---------------------------------------------------------------------------------------------------------------


@kernel(parallel=True)
def scale_columns(x: Array, y: Array, mean: Array, factor: Array, bias: Array, block: Any) -> None:
    """y = (x − μ)·factor + β; the three along a wide row."""
    width = mean.size
    for b in prange((x.size + block - 1) // block):
        for begin in range(b * block, min(x.size, (b + 1) * block), width):
            row, out = x[begin : begin + width], y[begin : begin + width]
            for i in range(row.size):
                out[i] = (row[i] - mean[i]) * factor[i] + bias[i]


@kernel(parallel=True)
def scale_planes(x: Array, y: Array, mean: Array, factor: Array, bias: Array) -> None:
    """y = (x − μ)·factor + β; one of each a channel."""
    channels = x.shape[1]
    for task in prange(x.shape[0] * channels):
        n, c = task // channels, task % channels
        plane, out = x[n, c], y[n, c]
        middle, times, plus = mean[c], factor[c], bias[c]
        for i in range(plane.size):
            out[i] = (plane[i] - middle) * times + plus


@kernel(parallel=True)
def send_columns(
    g: Array, x: Array, dx: Array, mean: Array, factor: Array, along: Array, level: Array, block: Any
) -> None:
    """∂L/∂x = factor·g − along·(x − μ) − level; the four along a wide row."""
    width = mean.size
    for b in prange((x.size + block - 1) // block):
        for begin in range(b * block, min(x.size, (b + 1) * block), width):
            row, up, out = x[begin : begin + width], g[begin : begin + width], dx[begin : begin + width]
            for i in range(row.size):
                out[i] = factor[i] * up[i] - along[i] * (row[i] - mean[i]) - level[i]


@kernel(parallel=True)
def send_planes(g: Array, x: Array, dx: Array, mean: Array, factor: Array, along: Array, level: Array) -> None:
    """∂L/∂x = factor·g − along·(x − μ) − level; one of each a channel."""
    channels = x.shape[1]
    for task in prange(x.shape[0] * channels):
        n, c = task // channels, task % channels
        plane, above, out = x[n, c], g[n, c], dx[n, c]
        middle, times, tilt, minus = mean[c], factor[c], along[c], level[c]
        for i in range(plane.size):
            out[i] = times * above[i] - tilt * (plane[i] - middle) - minus


# What is called --------------------------------------------------------------------------------------------------------


@kernel()
def scale(
    x: Array, y: Array, weight: Array, bias: Array, eps: Any, mean: Array, variance: Array, width: Any, block: Any
) -> None:
    """y = γ(x − μ)/√(σ² + ε) + β with given statistics, one number a channel."""
    wide = np.empty((3, width), x.dtype)
    spread(mean, wide[0])
    spread(weight / np.sqrt(variance + eps), wide[1])
    spread(bias, wide[2])
    if x.ndim == 1:
        scale_columns(x, y, wide[0], wide[1], wide[2], block)
    else:
        scale_planes(x, y, wide[0], wide[1], wide[2])


@kernel()
def standardize(
    x: Array, y: Array, weight: Array, bias: Array, eps: Any, mean: Array, variance: Array, width: Any, block: Any
) -> None:
    """The same with the batch's own statistics, which it fills in."""
    moments(x, mean, variance, width, block)
    scale(x, y, weight, bias, eps, mean, variance, width, block)


@kernel()
def standardize_back(
    g: Array,
    x: Array,
    dx: Array,
    weight: Array,
    dweight: Array,
    dbias: Array,
    eps: Any,
    mean: Array,
    variance: Array,
    width: Any,
    block: Any,
) -> None:
    """The gradients of all three: ∂β = Σg, ∂γ = Σg·x̂, ∂x = γ(g − mean(g) − x̂·mean(g·x̂))/√(σ² + ε)."""
    channels = mean.size
    count = x.size // channels
    pieces = (x.size + block - 1) // block if x.ndim == 1 else x.shape[0]
    wide = np.empty((4, width), x.dtype)
    spread(mean, wide[0])
    sums, products = np.zeros((pieces, channels)), np.zeros((pieces, channels))
    if x.ndim == 1:
        column_pulls(g, x, wide[0], sums, products, block)
    else:
        plane_pulls(g, x, wide[0], sums, products)
    along, level = np.empty(channels), np.empty(channels)
    factor = weight / np.sqrt(variance + eps)
    for c in range(channels):
        total, product = 0.0, 0.0
        for piece in range(pieces):
            total += sums[piece, c]
            product += products[piece, c]
        dbias[c] = total
        dweight[c] = product / np.sqrt(variance[c] + eps)
        along[c] = factor[c] * product / (count * (variance[c] + eps))
        level[c] = factor[c] * total / count
    spread(factor, wide[1])
    spread(along, wide[2])
    spread(level, wide[3])
    if x.ndim == 1:
        send_columns(g, x, dx, wide[0], wide[1], wide[2], wide[3], block)
    else:
        send_planes(g, x, dx, wide[0], wide[1], wide[2], wide[3])
