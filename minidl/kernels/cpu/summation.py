"""Sums that round little.

NumPy adds in pairs along an axis that lies contiguously in memory, where the error grows as log n. Along any other axis it
adds one slice after another, and the error grows as n: float32 ones add up to 2²⁴ and no further. Here a long axis of that
sort is cut into blocks that are added to each other, then their sum into blocks again, and so on. Large sums of whole rows of
float32, such as a bias's gradient, are added up in float64 by a kernel (`summing`).

Source: N. J. Higham, The accuracy of floating point summation, SIAM J. Sci. Comput. 14 (1993), 783–799.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import paths

Array = np.ndarray[Any, Any]
_BLOCKS = 8
"""Slices added one after the other in each round; the error grows as 8·log₈ n."""

_SHORT = 64
"""An axis this short is left to NumPy."""

SMALL = 2048
"""So is an array with this few elements: the error is small, and so should the effort be."""

LARGE = 1 << 15
"""From so many elements on a kernel adds up whole rows."""

SHARED = 1 << 18
"""From so many on threads share the work."""

_WIDE, _WIDEST = 512, 4096
"""About how many neighbouring numbers are added to the next as many; and the longest row that the kernel takes."""

_PARTS = 8
"""Into how many parts a sum is divided for threads to share."""


_added: Any = np.add.reduce
"""`np.sum` without its wrapper, which on small arrays takes longer than the sum."""


def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Add along `axis`, an axis or several, all of them for None; float16 is added up in float32."""
    x = np.asarray(x)
    if x.dtype == np.float16:
        return sum(x.astype(np.float32), axis, keepdims).astype(np.float16)
    if x.size >= LARGE and (total := _by_rows(x, axis, keepdims)) is not None:
        return total.astype(x.dtype)
    if x.size > SMALL and x.dtype.kind in "fc":
        nearest = min((k for k in range(x.ndim) if x.shape[k] > 1), key=lambda k: abs(x.strides[k]))
        for k in _axes(axis, x.ndim):
            if k != nearest and x.shape[k] > _SHORT:
                x = _shorten(x, k)
    return _added(x, axis=axis, keepdims=keepdims)


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Σx/n, added up in float64 if x is float32: the mean is then the nearest float32, and x − mean(x) keeps its digits."""
    x = np.asarray(x)
    single = x.dtype == np.float32
    total = _by_rows(x, axis, keepdims) if single and x.size >= LARGE else None
    if total is None:
        total = _added(x, axis=axis, keepdims=keepdims, dtype=np.float64) if single else sum(x, axis, keepdims)
    return np.divide(total, math.prod(x.shape[k] for k in _axes(axis, x.ndim))).astype(x.dtype, copy=False)


def _axes(axis: Any, ndim: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(ndim))
    return tuple(k % ndim for k in (axis if isinstance(axis, tuple) else (axis,)))


def _by_rows(x: Array, axis: Any, keepdims: bool) -> Array | None:
    """A sum of whole rows in float64; None where the numbers to be added up are neighbours, or lie in no simple order.

    In memory there are, from the slowest axis to the quickest: axes that stay, axes that are added up, axes that stay. Of the
    last, which make a row, there may be few numbers, so that several rows are taken together, and their sums added in the end.
    """
    away = _axes(axis, x.ndim)
    if x.dtype != np.float32 or not paths.enabled("sums"):
        return None
    stay = [k for k in range(x.ndim) if k not in away]
    slow = max((abs(x.strides[k]) for k in away if x.shape[k] > 1), default=0)
    outer = [k for k in stay if x.strides[k] > slow]
    inner = [k for k in stay if k not in outer]
    ordered = x.transpose(*outer, *sorted(away, key=lambda k: -x.strides[k]), *inner)
    row = math.prod(x.shape[k] for k in inner)
    if not ordered.flags.carray or not 1 < row <= _WIDEST or outer + inner != stay:
        return None
    from . import summing

    blocks = math.prod(x.shape[k] for k in outer)
    numbers = ordered.reshape(blocks, -1)
    width = row * max(1, min(_WIDE // row, numbers.shape[1] // row // _PARTS))
    totals = np.empty((blocks, _PARTS if blocks < _PARTS else 1, width))
    (summing.add_rows if x.size >= SHARED else summing.add_rows_alone)(numbers, totals)
    total = _added(totals.reshape(blocks, -1, row), axis=1)
    return total.reshape(
        [1 if k in away else x.shape[k] for k in range(x.ndim)] if keepdims else [x.shape[k] for k in stay]
    )


def _shorten(x: Any, axis: int) -> Any:
    """Add blocks of an axis to each other until it is short."""
    whole = (slice(None),) * axis
    while x.shape[axis] > _SHORT:
        n = x.shape[axis]
        width = n // _BLOCKS  # at least _BLOCKS, so more than what is left over
        blocks = x[(*whole, slice(0, _BLOCKS * width))].reshape(*x.shape[:axis], _BLOCKS, width, *x.shape[axis + 1 :])
        total = _added(blocks, axis=axis)
        rest = n - _BLOCKS * width
        if rest:
            total[(*whole, slice(0, rest))] += x[(*whole, slice(n - rest, n))]
        x = total
    return x
