"""Numba kernels that run along the middle axis of `(outer, n, inner)` and carry something on.

A thread takes one place of the outer axis and a few of the inner one. Where the inner axis is longer than 1 its numbers are
taken side by side, so that memory is read as it lies and the loop uses vectors.

Import this module only when a kernel is about to run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from .jit import kernel

Array = Any
ABREAST = 64
"""How many lines of the inner axis one thread takes side by side; what they carry stays in the first cache."""


@kernel(parallel=True)
def running_sum(x: Array, y: Array) -> None:
    """yᵢ = x₀ + … + xᵢ, added up in float64."""
    groups = (x.shape[2] + ABREAST - 1) // ABREAST
    for task in prange(x.shape[0] * groups):
        o, first = task // groups, task % groups * ABREAST
        if x.shape[2] == 1:
            line, out, total = x[o, :, 0], y[o, :, 0], 0.0
            for k in range(line.size):
                total += line[k]
                out[k] = total
            continue
        totals = np.zeros(min(ABREAST, x.shape[2] - first))
        for k in range(x.shape[1]):
            row, out = x[o, k, first : first + totals.size], y[o, k, first : first + totals.size]
            for i in range(totals.size):
                totals[i] += row[i]
                out[i] = totals[i]


@kernel(parallel=True)
def running_product(x: Array, y: Array) -> None:
    """yᵢ = x₀ · … · xᵢ, multiplied in float64."""
    groups = (x.shape[2] + ABREAST - 1) // ABREAST
    for task in prange(x.shape[0] * groups):
        o, first = task // groups, task % groups * ABREAST
        if x.shape[2] == 1:
            line, out, product = x[o, :, 0], y[o, :, 0], 1.0
            for k in range(line.size):
                product *= line[k]
                out[k] = product
            continue
        products = np.ones(min(ABREAST, x.shape[2] - first))
        for k in range(x.shape[1]):
            row, out = x[o, k, first : first + products.size], y[o, k, first : first + products.size]
            for i in range(products.size):
                products[i] *= row[i]
                out[i] = products[i]


@kernel(parallel=True)
def recurrence(a: Array, b: Array, y: Array) -> None:
    """yᵢ = aᵢ·yᵢ₋₁ + bᵢ from y₋₁ = 0; a₀ is not looked at."""
    groups = (b.shape[2] + ABREAST - 1) // ABREAST
    for task in prange(b.shape[0] * groups):
        o, first = task // groups, task % groups * ABREAST
        last = min(first + ABREAST, b.shape[2])
        y[o, 0, first:last] = b[o, 0, first:last]
        for k in range(1, b.shape[1]):
            by, plus, before, out = (
                a[o, k, first:last], b[o, k, first:last], y[o, k - 1, first:last], y[o, k, first:last],
            )  # fmt: skip
            for i in range(out.size):
                out[i] = by[i] * before[i] + plus[i]


@kernel(parallel=True)
def last_extremum(x: Array, place: Array, largest: Any) -> None:
    """Where the largest (or smallest) number up to here stands, the latest of equals; NaN counts as extreme."""
    for o in prange(x.shape[0]):
        if x.shape[2] == 1:
            line, places, top, where = x[o, :, 0], place[o, :, 0], x[o, 0, 0], 0
            for k in range(line.size):
                v = line[k]
                if (v >= top if largest else v <= top) or v != v:
                    top = v
                    where = k
                places[k] = where
            continue
        best, at = x[o, 0].copy(), np.zeros(x.shape[2], np.int64)
        for k in range(x.shape[1]):
            row, out = x[o, k], place[o, k]
            for i in range(row.size):
                v = row[i]
                if (v >= best[i] if largest else v <= best[i]) or v != v:
                    best[i] = v
                    at[i] = k
                out[i] = at[i]
