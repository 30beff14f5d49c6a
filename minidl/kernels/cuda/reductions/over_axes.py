"""Sums, means, extrema and truth values over any axes of a device array, with NumPy's dtypes, errors and rules for NaN.

What a reduction carries along is in `states.py`, its kernels in `kernels.py`, and how any axes become
launches of them in `launch.py`.
"""

from __future__ import annotations

from typing import Any

from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from ..array import DeviceArray
from . import states
from .launch import as_dtype, reduce, source_of


def _axes(x: DeviceArray, axis: Any) -> tuple[int, ...]:
    return tuple(range(x.ndim)) if axis is None else tuple(normalize_axis_tuple(axis, x.ndim))


def sum(x: DeviceArray, axis: Any = None, keepdims: bool = False) -> DeviceArray:
    """Σx; whole numbers and truth values add up in int64, uint8 in uint64, float16 in float32."""
    given = source_of(x, "sum")
    return _whole(x, reduce(states.total(given.dtype.name), given, _axes(x, axis), keepdims))


def prod(x: DeviceArray, axis: Any = None, keepdims: bool = False) -> DeviceArray:
    """Πx, in the dtypes of `sum`."""
    given = source_of(x, "prod")
    return _whole(x, reduce(states.product(given.dtype.name), given, _axes(x, axis), keepdims))


def _whole(x: DeviceArray, found: DeviceArray) -> DeviceArray:
    """A sum of unsigned numbers is unsigned in NumPy."""
    return as_dtype(found, "uint64") if x.dtype.kind == "u" else found


def mean(x: DeviceArray, axis: Any = None, keepdims: bool = False) -> DeviceArray:
    """Σx/n to a unit in the last place; of whole numbers in float64."""
    given = source_of(x, "mean")
    return reduce(states.average(given.dtype.name), given, _axes(x, axis), keepdims)


def max(x: DeviceArray, axis: Any = None, keepdims: bool = False) -> DeviceArray:
    """The largest element; a NaN if there is one."""
    return _extremum(x, axis, keepdims, True)


def min(x: DeviceArray, axis: Any = None, keepdims: bool = False) -> DeviceArray:
    """The smallest element; a NaN if there is one."""
    return _extremum(x, axis, keepdims, False)


def _extremum(x: DeviceArray, axis: Any, keepdims: bool, largest: bool) -> DeviceArray:
    axes = _axes(x, axis)
    if not x.size and any_empty(x, axes):
        which = "maximum" if largest else "minimum"
        raise ValueError(f"zero-size array to reduction operation {which} which has no identity")
    given = source_of(x, "max" if largest else "min")
    return as_dtype(reduce(states.extremum(given.dtype.name, largest), given, axes, keepdims), x.dtype.name)


def any_empty(x: DeviceArray, axes: tuple[int, ...]) -> bool:
    """Whether results are asked of no elements: there are results, and a reduced axis is empty."""
    return 0 in [x.shape[k] for k in axes] and 0 not in [n for k, n in enumerate(x.shape) if k not in axes]


def argmax(x: DeviceArray, axis: int | None = None, keepdims: bool = False) -> DeviceArray:
    """The position of the largest element, the first of equals, or of the first NaN; int64."""
    return _position(x, axis, keepdims, True)


def argmin(x: DeviceArray, axis: int | None = None, keepdims: bool = False) -> DeviceArray:
    """The position of the smallest element, the first of equals, or of the first NaN; int64."""
    return _position(x, axis, keepdims, False)


def _position(x: DeviceArray, axis: int | None, keepdims: bool, largest: bool) -> DeviceArray:
    axes = tuple(range(x.ndim)) if axis is None else (normalize_axis_index(axis, x.ndim),)
    if not x.size and 0 in [x.shape[k] for k in axes]:
        raise ValueError(f"attempt to get {'argmax' if largest else 'argmin'} of an empty sequence")
    given = source_of(x, "argmax" if largest else "argmin")
    return reduce(states.position(given.dtype.name, largest), given, axes, keepdims, ordered=axis is None)


def all(x: DeviceArray, axis: Any = None, keepdims: bool = False) -> DeviceArray:
    """Whether all elements differ from 0."""
    return _truth(x, axis, keepdims, True)


def any(x: DeviceArray, axis: Any = None, keepdims: bool = False) -> DeviceArray:
    """Whether any element differs from 0."""
    return _truth(x, axis, keepdims, False)


def _truth(x: DeviceArray, axis: Any, keepdims: bool, every: bool) -> DeviceArray:
    given = source_of(x, "all" if every else "any")
    return as_dtype(reduce(states.truth(given.dtype.name, every), given, _axes(x, axis), keepdims), "bool")


def count_nonzero(x: DeviceArray, axis: Any = None, keepdims: bool = False) -> DeviceArray:
    """How many elements differ from 0, as int64."""
    given = source_of(x, "count_nonzero")
    return reduce(states.count(given.dtype.name), given, _axes(x, axis), keepdims)
