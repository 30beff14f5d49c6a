"""Sums that round little.

NumPy adds in pairs along an axis that lies contiguously in memory, where the error grows as log n. Along any other axis it
adds one slice after another, and the error grows as n: float32 ones add up to 2²⁴ and no further. Here a long axis of that
sort is cut into blocks that are added to each other, then their sum into blocks again, and so on.

Source: N. J. Higham, The accuracy of floating point summation, SIAM J. Sci. Comput. 14 (1993), 783–799.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_BLOCKS = 8
"""Slices added one after the other in each round; the error grows as 8·log₈ n."""

_SHORT = 64
"""An axis this short is left to NumPy."""

_SMALL = 2048
"""So is an array with this few elements: the error is small, and so should the effort be."""


def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Add along `axis`, an axis or several, all of them for None; float16 is added up in float32."""
    x = np.asarray(x)
    if x.dtype == np.float16:
        return sum(x.astype(np.float32), axis, keepdims).astype(np.float16)
    if x.size > _SMALL and x.dtype.kind in "fc":
        nearest = min((k for k in range(x.ndim) if x.shape[k] > 1), key=lambda k: abs(x.strides[k]))
        for k in _axes(axis, x.ndim):
            if k != nearest and x.shape[k] > _SHORT:
                x = _shorten(x, k)
    return np.sum(x, axis=axis, keepdims=keepdims)


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Σx/n, added up in float64 if x is float32: the mean is then the nearest float32, and x − mean(x) keeps its digits."""
    x = np.asarray(x)
    single = x.dtype == np.float32
    total = np.sum(x, axis=axis, keepdims=keepdims, dtype=np.float64) if single else sum(x, axis, keepdims)
    return np.divide(total, math.prod(x.shape[k] for k in _axes(axis, x.ndim))).astype(x.dtype, copy=False)


def _axes(axis: Any, ndim: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(ndim))
    return tuple(k % ndim for k in (axis if isinstance(axis, tuple) else (axis,)))


def _shorten(x: Any, axis: int) -> Any:
    """Add blocks of an axis to each other until it is short."""
    whole = (slice(None),) * axis
    while x.shape[axis] > _SHORT:
        n = x.shape[axis]
        width = n // _BLOCKS  # at least _BLOCKS, so more than what is left over
        blocks = x[(*whole, slice(0, _BLOCKS * width))].reshape(*x.shape[:axis], _BLOCKS, width, *x.shape[axis + 1 :])
        total = np.sum(blocks, axis=axis)
        rest = n - _BLOCKS * width
        if rest:
            total[(*whole, slice(0, rest))] += x[(*whole, slice(n - rest, n))]
        x = total
    return x
