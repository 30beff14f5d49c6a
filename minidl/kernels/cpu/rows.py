"""Numba kernels on the rows of a matrix that each lie in one piece of memory: layer normalisation, softmax's cross-entropy.

A row is read from memory once and from the cache after that; a thread takes whole rows. Sums along a row are kept in float64,
and may be added in any order, so that they use vectors.

Import this module only when a kernel is about to run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from .jit import kernel

Array = Any
PARTS = 16
"""Into how many pieces the rows are cut where something is added up over them."""


@kernel(parallel=True, reorder=True)
def standardize_rows(x: Array, y: Array, weight: Array, bias: Array, eps: Any, mean: Array, variance: Array) -> None:
    """y = γ(x − μ)/√(σ² + ε) + β for each row of `x` `(rows, D)`, γ and β `(D,)`; fills in each row's μ and σ²."""
    width = x.shape[1]
    for r in prange(x.shape[0]):
        row, out = x[r], y[r]
        total = 0.0
        for i in range(width):
            total += row[i]
        middle = total / width
        squares = 0.0
        for i in range(width):
            d = row[i] - middle
            squares += d * d
        mean[r] = middle
        variance[r] = squares / width
        by = 1 / np.sqrt(variance[r] + eps)
        for i in range(width):
            out[i] = (row[i] - middle) * by * weight[i] + bias[i]


@kernel(parallel=True, reorder=True)
def standardize_rows_back(
    g: Array,
    x: Array,
    dx: Array,
    weight: Array,
    dweight: Array,
    dbias: Array,
    eps: Any,
    mean: Array,
    variance: Array,
) -> None:
    """The gradients of all three: with ĝ = γ·g, ∂x = (ĝ − mean(ĝ) − x̂·mean(ĝ·x̂))/√(σ² + ε), ∂γ = Σg·x̂, ∂β = Σg over rows."""
    rows, width = x.shape
    each = (rows + PARTS - 1) // PARTS
    dweights, dbiases = np.zeros((PARTS, width)), np.zeros((PARTS, width))
    for part in prange(PARTS):
        into_weight, into_bias = dweights[part], dbiases[part]
        for r in range(part * each, min(rows, (part + 1) * each)):
            row, above, out = x[r], g[r], dx[r]
            middle, by = mean[r], 1 / np.sqrt(variance[r] + eps)
            level, along = 0.0, 0.0
            for i in range(width):
                normal, up = (row[i] - middle) * by, np.float64(above[i])
                into_weight[i] += up * normal
                into_bias[i] += up
                level += up * weight[i]
                along += up * weight[i] * normal
            level, along = level / width, along / width
            for i in range(width):
                out[i] = by * (above[i] * weight[i] - level - (row[i] - middle) * by * along)
    for i in range(width):
        total, product = 0.0, 0.0
        for part in range(PARTS):
            total += dbiases[part, i]
            product += dweights[part, i]
        dbias[i] = total
        dweight[i] = product


# Softmax ---------------------------------------------------------------------------------------------------------------

_LOG2E, _LN2_HIGH, _LN2_LOW = (np.float32(v) for v in (1.44269504, 0.693359375, -2.12194440e-4))
_P0, _P1, _P2, _P3, _P4, _P5 = (
    np.float32(v)
    for v in (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
)
_LOWEST, _HIGHEST = np.float32(-86.5), np.float32(88.72)
_HALF, _ONE, _TWO, _ZERO = (np.float32(v) for v in (0.5, 1, 2, 0))


@kernel()
def exponential(x: Any) -> Any:
    """eˣ in float32, to 1 unit in the last place and a half; below 1e-37 it is 0.

    x = k·ln 2 + r with a whole k and |r| ≤ ½ ln 2: eʳ by a polynomial, and 2ᵏ by writing k into the exponent's bits. There is
    no branch in it, so that a loop of it uses vectors, and is faster than NumPy's. Source: S. Moshier, Cephes, `expf`.
    """
    inside = min(max(x, _LOWEST), _HIGHEST)
    k = np.floor(inside * _LOG2E + _HALF)
    r = (inside - k * _LN2_HIGH) - k * _LN2_LOW
    p = ((((_P0 * r + _P1) * r + _P2) * r + _P3) * r + _P4) * r + _P5
    half = np.int32((np.int32(k) + np.int32(126)) << np.int32(23)).view(np.float32)  # 2ᵏ⁻¹, as 2¹²⁸ has no bits
    y = (p * r * r + r + _ONE) * half * _TWO
    return x if x != x else (_ZERO if x < _LOWEST else (y if x <= _HIGHEST else np.float32(np.inf)))


@kernel()
def largest(row: Array) -> Any:
    """The largest number of a row of float32, NaN above all.

    A processor's vectors find the largest of whole numbers in any order, of floats not so, for NaN's sake. The bits of a float
    are ordered as whole numbers are, once those of a negative one, all but the sign, are turned round.
    """
    best = np.int32(-2147483648)
    for i in range(row.size):
        bits = np.float32(row[i]).view(np.int32)
        best = max(best, np.int32(bits ^ ((bits >> np.int32(31)) & np.int32(0x7FFFFFFF))))
    return np.int32(best ^ ((best >> np.int32(31)) & np.int32(0x7FFFFFFF))).view(np.float32)


@kernel(parallel=True, reorder=True)
def softmax(x: Array, y: Array) -> None:
    """y = eˣ/Σeˣ for each row of float32."""
    width = x.shape[1]
    for r in prange(x.shape[0]):
        row, out = x[r], y[r]
        top = largest(row)
        total = 0.0
        for i in range(width):
            e = exponential(row[i] - top)
            out[i] = e
            total += e
        by = np.float32(1 / total)
        for i in range(width):
            out[i] *= by


@kernel(parallel=True, reorder=True)
def softmax_back(g: Array, y: Array, dx: Array) -> None:
    """∂L/∂x = y(g − Σ g·y) for each row."""
    width = y.shape[1]
    for r in prange(y.shape[0]):
        above, row, out = g[r], y[r], dx[r]
        total = 0.0
        for i in range(width):
            total += above[i] * row[i]
        along = np.float32(total)
        for i in range(width):
            out[i] = row[i] * (above[i] - along)


@kernel(reorder=True)
def row_loss(row: Array, wanted: Array) -> Any:
    """−Σ w·ln softmax(x) of one row of float32; where w is 0 the class may be impossible, 0·(−∞)."""
    top = largest(row)
    total = 0.0
    for i in range(row.size):
        total += exponential(row[i] - top)
    level = np.log(total)
    loss = 0.0
    for i in range(row.size):
        loss += wanted[i] * (level - (row[i] - top)) if wanted[i] != 0 else 0.0
    return loss


@kernel(reorder=True)
def row_loss_back(upstream: Any, row: Array, wanted: Array, out: Array) -> None:
    """∂L/∂x = g(softmax(x)·Σw − w) of one row."""
    top = largest(row)
    total, weight = 0.0, 0.0
    for i in range(row.size):
        e = exponential(row[i] - top)
        out[i] = e
        total += e
        weight += wanted[i]
    by = np.float32(weight / total)
    for i in range(row.size):
        out[i] = upstream * (by * out[i] - wanted[i])


@kernel(parallel=True, reorder=True)
def cross_entropy(x: Array, weights: Array, losses: Array) -> None:
    """`row_loss` of each row."""
    for r in prange(x.shape[0]):
        losses[r] = row_loss(x[r], weights[r])


@kernel()
def cross_entropy_alone(x: Array, weights: Array, losses: Array) -> None:
    """The same on one thread, for so few numbers that starting others would take longer."""
    for r in range(x.shape[0]):
        losses[r] = row_loss(x[r], weights[r])


@kernel(parallel=True, reorder=True)
def cross_entropy_back(g: Array, x: Array, weights: Array, dx: Array) -> None:
    """`row_loss_back` of each row; `g` holds one number a row."""
    for r in prange(x.shape[0]):
        row_loss_back(g[r], x[r], weights[r], dx[r])


@kernel()
def cross_entropy_back_alone(g: Array, x: Array, weights: Array, dx: Array) -> None:
    """The same on one thread."""
    for r in range(x.shape[0]):
        row_loss_back(g[r], x[r], weights[r], dx[r])


@kernel(reorder=True)
def row_class_loss(row: Array, label: Any, factor: Any) -> Any:
    """−f·ln softmax(x)ₜ of one row of float32, t its class; a row with f = 0 counts nothing, whatever it holds."""
    if factor == 0:
        return np.float32(0)
    top = largest(row)
    total = 0.0
    for i in range(row.size):
        total += exponential(row[i] - top)
    return np.float32(factor * (np.log(total) - (row[label] - top)))


@kernel(reorder=True)
def row_class_loss_back(upstream: Any, row: Array, label: Any, factor: Any, out: Array) -> None:
    """∂L/∂x = g·f·(softmax(x) − [i = t]) of one row."""
    if factor == 0:
        out[:] = 0
        return
    top = largest(row)
    total = 0.0
    for i in range(row.size):
        e = exponential(row[i] - top)
        out[i] = e
        total += e
    by = upstream * factor * np.float32(1 / total)
    for i in range(row.size):
        out[i] *= by
    out[label] -= upstream * factor


@kernel(parallel=True, reorder=True)
def class_loss(x: Array, labels: Array, factors: Array, losses: Array) -> None:
    """`row_class_loss` of each row."""
    for r in prange(x.shape[0]):
        losses[r] = row_class_loss(x[r], labels[r], factors[r])


@kernel(parallel=True, reorder=True)
def class_loss_back(g: Array, x: Array, labels: Array, factors: Array, dx: Array) -> None:
    """`row_class_loss_back` of each row."""
    for r in prange(x.shape[0]):
        row_class_loss_back(g[r], x[r], labels[r], factors[r], dx[r])


CHUNK = 256
"""How many pixels of channels-first images are taken together: their running maxima and sums stay in the first cache."""


@kernel()
def column_exponentials(x: Array, first: Any, out: Array, top: Array, total: Array) -> None:
    """For some pixels of `x` `(C, pixels)`, from `first` on: the largest score, Σ of e to the score less that, and those."""
    top[:] = -np.inf
    total[:] = 0
    for c in range(x.shape[0]):
        scores = x[c, first : first + top.size]
        for i in range(top.size):
            top[i] = scores[i] if scores[i] > top[i] else top[i]
    for c in range(x.shape[0]):
        scores, e = x[c, first : first + top.size], out[c]
        for i in range(top.size):
            e[i] = exponential(scores[i] - top[i])
            total[i] += e[i]


@kernel(parallel=True)
def class_loss_of_planes(x: Array, labels: Array, factors: Array, losses: Array) -> None:
    """`class_loss` of channels-first images `(N, C, pixels)`, a class, a factor and a loss `(N, pixels)` each pixel."""
    pixels = x.shape[2]
    chunks = (pixels + CHUNK - 1) // CHUNK
    for task in prange(x.shape[0] * chunks):
        n, first = task // chunks, task % chunks * CHUNK
        size = min(CHUNK, pixels - first)
        top, total, e = np.empty(size, x.dtype), np.empty(size, x.dtype), np.empty((x.shape[1], size), x.dtype)
        column_exponentials(x[n], first, e, top, total)
        for i in range(size):
            f, t = factors[n, first + i], labels[n, first + i]
            losses[n, first + i] = f * (np.log(total[i]) - (x[n, t, first + i] - top[i])) if f != 0 else 0


@kernel(parallel=True)
def class_loss_of_planes_back(g: Array, x: Array, labels: Array, factors: Array, dx: Array) -> None:
    """`class_loss_back` of channels-first images."""
    pixels = x.shape[2]
    chunks = (pixels + CHUNK - 1) // CHUNK
    for task in prange(x.shape[0] * chunks):
        n, first = task // chunks, task % chunks * CHUNK
        size = min(CHUNK, pixels - first)
        top, total, by = np.empty(size, x.dtype), np.empty(size, x.dtype), np.empty(size, x.dtype)
        out = dx[n, :, first : first + size]
        column_exponentials(x[n], first, out, top, total)
        for i in range(size):
            by[i] = g[n, first + i] * factors[n, first + i] / total[i] if factors[n, first + i] != 0 else 0
        for c in range(x.shape[1]):
            sent = out[c]
            for i in range(size):
                sent[i] = sent[i] * by[i] if by[i] != 0 else 0
        for i in range(size):
            out[labels[n, first + i], i] -= g[n, first + i] * factors[n, first + i]
