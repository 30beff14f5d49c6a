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
def standardize_rows(
    x: Array, y: Array, weight: Array, bias: Array, eps: Any, mean: Array, variance: Array
) -> None:
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
