"""What runs along an axis and carries something on: cumulative sums and products, linear recurrences; and sorting."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .paths import enabled

_WIDE = {"float16": np.dtype(np.float64), "float32": np.dtype(np.float64)}
"""A running total of float32 is kept in float64, as PyTorch does: it has no pairs to add in."""


_FEW = 8
"""So many numbers are multiplied one after the other."""

_SMALL = 4096
"""Up to so many elements NumPy's steps are as fast."""


def _lines(x: Any, axis: int) -> Any:
    """As `(outer, n, inner)`, with the axis in the middle; a copy only if `x` does not lie in one piece."""
    return np.ascontiguousarray(x).reshape(math.prod(x.shape[:axis]), x.shape[axis], -1)


def _has_kernel(x: Any, *dtypes: Any) -> bool:
    return x.size > _SMALL and x.dtype in dtypes and enabled("scans")


def cumulative_sum(x: Any, axis: int) -> Any:
    """Σ of all elements up to here."""
    if _has_kernel(x, np.float32, np.float64):
        from . import running

        y = np.empty(x.shape, x.dtype)
        running.running_sum(_lines(x, axis), _lines(y, axis))
        return y
    return np.cumsum(x, axis=axis, dtype=_WIDE.get(x.dtype.name, x.dtype)).astype(x.dtype, copy=False)


def cumulative_prod(x: Any, axis: int) -> Any:
    """Π of all elements up to here."""
    if _has_kernel(x, np.float32, np.float64):
        from . import running

        y = np.empty(x.shape, x.dtype)
        running.running_product(_lines(x, axis), _lines(y, axis))
        return y
    return np.cumprod(x, axis=axis, dtype=_WIDE.get(x.dtype.name, x.dtype)).astype(x.dtype, copy=False)


def prod(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Π along an axis; along one that lies in one piece halves are multiplied by halves, which uses vectors."""
    floats = x.dtype in (np.float32, np.float64) and x.size > _SMALL
    if floats and isinstance(axis, int) and x.strides[axis] == x.itemsize and x.shape[axis] > _FEW:
        rows = np.moveaxis(x, axis, -1)
        while rows.shape[-1] > _FEW:
            half = rows.shape[-1] // 2
            product = rows[..., :half] * rows[..., half : 2 * half]
            if rows.shape[-1] % 2:
                product[..., 0] *= rows[..., -1]
            rows = product
        result = np.prod(rows, axis=-1)
        if not np.isnan(result).any():  # ∞·0 of two halves is NaN, where step by step it might not be
            return np.expand_dims(result, axis) if keepdims else result
    return np.prod(x, axis=axis, keepdims=keepdims)


def cumulative_logsumexp(x: Any, axis: int) -> Any:
    """Ln Σ exp of all elements up to here, two at a time and so without overflow; rounded to x's dtype once, at the end."""
    return np.logaddexp.accumulate(x.astype(np.float64, copy=False), axis=axis).astype(x.dtype, copy=False)


def last_extremum(x: Any, axis: int, largest: bool) -> Any:
    """Where the largest element up to here stands, the latest of equals; a NaN counts as larger (or smaller) than all."""
    if _has_kernel(x, np.float32, np.float64, np.int64):
        from . import running

        found = np.empty(x.shape, np.int64)
        running.last_extremum(_lines(x, axis), _lines(found, axis), largest)
        return found
    extremum = (np.maximum if largest else np.minimum).accumulate(x, axis=axis)
    new = (x == extremum) | (x != x)
    place = np.arange(x.shape[axis]).reshape(-1, *(1,) * (x.ndim - 1 - axis))
    return np.maximum.accumulate(np.where(new, place, 0), axis=axis)


def recurrence(a: Any, b: Any, axis: int) -> Any:
    """yᵢ = aᵢ·yᵢ₋₁ + bᵢ, from y₋₁ = 0; one step of the loop for each i, whatever the other axes."""
    if a.dtype == b.dtype and a.shape == b.shape and _has_kernel(b, np.float32, np.float64):
        from . import running

        y = np.empty(b.shape, b.dtype)
        running.recurrence(_lines(a, axis), _lines(b, axis), _lines(y, axis))
        return y
    a, b = np.moveaxis(a, axis, 0), np.moveaxis(b, axis, 0)
    y = np.empty(b.shape, np.result_type(a, b))
    for i in range(len(b)):
        y[i] = a[i] * y[i - 1] + b[i] if i else b[i]
    return np.moveaxis(y, 0, axis)


def argsort(x: Any, axis: int, descending: bool = False) -> Any:
    """Positions in sorted order, equal elements in their order; NaN is the largest.

    Downwards the reversed array is sorted and read from its end, which puts equal elements back into their order.
    """
    if not descending:
        return np.argsort(x, axis=axis, kind="stable")
    backwards = np.flip(np.argsort(np.flip(x, axis), axis=axis, kind="stable"), axis)
    return x.shape[axis] - 1 - backwards


def top_positions(x: Any, axis: int, k: int, largest: bool) -> Any:
    """The first k of `argsort`; where no tie and no NaN leaves a choice, only those k are sorted."""
    n, rows = x.shape[axis], np.moveaxis(x, axis, -1)
    if 0 < k < n // 4:
        at = n - k if largest else k - 1
        limit = np.partition(rows, at, axis=-1)[..., at : at + 1]
        chosen = rows >= limit if largest else rows <= limit
        if (np.count_nonzero(chosen, axis=-1) == k).all():
            places = np.nonzero(chosen)[-1].reshape(*rows.shape[:-1], k)
            order = argsort(np.take_along_axis(rows, places, -1), -1, largest)
            return np.moveaxis(np.take_along_axis(places, order, -1), -1, axis)
    return np.moveaxis(argsort(rows, -1, largest)[..., :k], -1, axis)


def position_of(x: Any, axis: int, k: int) -> Any:
    """Place k of `argsort`, the axis kept with length 1: by a partition, and of equal elements the one whose turn it is."""
    rows = np.moveaxis(x, axis, -1)
    if x.size <= _SMALL or (x.dtype.kind == "f" and np.isnan(x).any()):
        return np.moveaxis(np.argsort(rows, -1, kind="stable")[..., k : k + 1], -1, axis)
    value = np.partition(rows, k, -1)[..., k : k + 1]
    equal = rows == value
    turn = k - np.count_nonzero(rows < value, -1, keepdims=True)
    if turn.any():
        equal &= np.cumsum(equal, -1) == turn + 1
    return np.moveaxis(equal.argmax(-1, keepdims=True), -1, axis)


def bincount(x: Any, weights: Any, minlength: int) -> Any:
    """Counts, or sums of weights, in float32 if the weights are and in float64 else."""
    counted = np.bincount(x, weights, minlength)
    return counted.astype(np.float32) if weights is not None and weights.dtype == np.float32 else counted
