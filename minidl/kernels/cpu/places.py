"""Where elements stand: picking, setting, adding, diagonals, windows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..grid import Grid
from .paths import enabled

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
_LONG = 512
"""Slices of more elements are added faster one by one than brought together in a copy."""

_SMALL = 4096
"""Up to so many elements NumPy's steps are as fast as a kernel."""

_WIDE = 8
"""Of slices of so many elements, those that follow each other are copied in one go."""

_FLOATS = (np.float32, np.float64)


def flip(x: Any, axis: Shape) -> Any:
    """Reverse the order along axes, in a copy."""
    return np.flip(x, axis).copy()


def getitem(x: Any, index: Any) -> Any:
    """Index with NumPy's rules; a single element, too, is a view."""
    if index.__class__ is Grid and index.dim >= 0 and _has_kernel(x, index.index):
        return _gathered(x, index)
    if index.__class__ is tuple and index and index[-1].__class__ is np.ndarray and x.size > _SMALL:
        picked = _taken(x, index)
        if picked is not None:
            return picked
    found = x[index]
    if isinstance(found, np.ndarray) or not isinstance(x, np.ndarray):
        return found
    return x[(*index, ...)] if isinstance(index, tuple) else x[index, ...]


def _has_kernel(x: Any, index: Any) -> bool:
    return x.dtype in _FLOATS and index.size > _SMALL and index.dtype == np.int64 and enabled("places")


def _lines(x: Any, axis: int) -> Any:
    """As `(outer, n, inner)`, with the axis in the middle; a copy only if `x` does not lie in one piece."""
    return np.ascontiguousarray(x).reshape(math.prod(x.shape[:axis]), x.shape[axis], -1)


def _gathered(x: Array, index: Grid) -> Array:
    """What a grid picks; along the other axes it may be shorter than `x`."""
    from . import gathering

    dim, positions = index.dim, index.index
    near = x[tuple(slice(None if k == dim else n) for k, n in enumerate(positions.shape))]
    y = np.empty(positions.shape, x.dtype)
    gathering.gather(_lines(near, dim), _lines(positions, dim), _lines(y, dim))
    return y


def _one_array(index: tuple[Any, ...]) -> bool:
    """Whether all before the last part, an array of whole numbers, is left whole."""
    return index[-1].dtype.kind == "i" and all(p.__class__ is slice and p == slice(None) for p in index[:-1])


def _taken(x: Array, index: tuple[Any, ...]) -> Array | None:
    """What one array picks along one axis, run by run or by NumPy's `take`; None for any other index, and one out of range."""
    axis, positions = len(index) - 1, index[-1]
    if not _one_array(index) or not positions.size:
        return None
    n = x.shape[axis]
    if positions.min() < -n or positions.max() >= n:
        return None
    runs = list(_runs(positions % n)) if x.size >= _WIDE * n else []
    if not runs:
        return x.take(positions, axis) if x.flags.c_contiguous else None
    out = np.empty((*x.shape[:axis], len(positions), *x.shape[axis + 1 :]), x.dtype)
    before = (slice(None),) * axis
    for to, start, length in runs:
        out[(*before, slice(to, to + length))] = x[(*before, slice(start, start + length))]
    return out


def _runs(positions: Array) -> Iterator[tuple[int, int, int]]:
    """Where positions go up by one: (place, first position, length) of each run; nothing if there are more than a few.

    Padding that repeats or mirrors is such an index: slices in the middle, single positions at the ends.
    """
    if positions.ndim != 1:
        return
    starts = np.flatnonzero(np.diff(positions, prepend=-9) != 1)
    if len(starts) * 4 <= len(positions):
        lengths = np.diff(starts, append=len(positions))
        yield from zip(starts.tolist(), positions[starts].tolist(), lengths.tolist(), strict=True)


def setitem(x: Any, value: Any, index: Any, chosen: Any) -> Any:
    """Copy, and write into the copy."""
    out = np.array(x)
    if chosen.__class__ is Grid and not index and _fills(out, chosen):
        from . import gathering

        values = np.broadcast_to(np.asarray(value, out.dtype), chosen.index.shape)
        gathering.put(*(_lines(a, chosen.dim) for a in (chosen.index, values, out)))
        return out
    if not index and _takes_slices(out, chosen):
        from . import gathering

        axis, positions = len(chosen) - 1, chosen[-1]
        shape = (*out.shape[:axis], len(positions), *out.shape[axis + 1 :])
        values = np.broadcast_to(np.asarray(value, out.dtype), shape)
        gathering.put_slices(positions % out.shape[axis], _lines(values, axis), _lines(out, axis))
        return out
    out[(*index, ...)][chosen] = value  # `...` keeps the first step a view, even of one element
    return out


def _takes_slices(out: Array, index: Any) -> bool:
    """Whether an index is one list of positions along an axis, and a kernel may write whole slices of `out` there."""
    if index.__class__ is not tuple or not index or index[-1].__class__ is not np.ndarray or index[-1].ndim != 1:
        return False
    large = out.size > _SMALL and out.flags.c_contiguous and out.dtype in _FLOATS and enabled("places")
    return large and index[-1].dtype == np.int64 and _one_array(index)


def _fills(out: Array, index: Grid) -> bool:
    """Whether a kernel may write into `out` as it lies: the grid reaches all of the other axes."""
    if index.dim < 0:
        return False
    apart = [k for k, n in enumerate(index.index.shape) if k != index.dim and n != out.shape[k]]
    return not apart and out.flags.c_contiguous and _has_kernel(out, index.index)


def scatter_add(values: Any, index: Any, shape: Shape) -> Any:
    """Add up at an index; without a loop where no position can occur twice."""
    values = np.asarray(values)
    parts = index if isinstance(index, tuple) else (index,)
    arrays = [k for k, part in enumerate(parts) if isinstance(part, np.ndarray) and part.dtype != bool]
    if not arrays:
        out = np.zeros_like(values, shape=shape)  # in memory as the values lie: images stay channels last
        out[index] = values
        return out
    out = np.zeros(shape, values.dtype)
    if index.__class__ is Grid and values.shape == index.index.shape and _fills(out, index):
        from . import gathering

        gathering.add(*(_lines(a, index.dim) for a in (index.index, values, out)))
    elif out.size and len(arrays) == len(parts) == out.ndim and values.dtype in _FLOATS:
        _add_numbers(out, values, parts)
    elif len(arrays) == 1 and all(isinstance(part, slice) and part == slice(None) for part in parts[: arrays[0]]):
        _add_slices(out, values, arrays[0], parts[arrays[0]], parts[arrays[0] + 1 :])
    else:
        np.add.at(out, index, values)
    return out


def scatter_extremum(x: Any, values: Any, index: Any, largest: bool) -> Any:
    """Compare one value after the other."""
    out = np.array(x)
    if index.__class__ is Grid and _fills(out, index):
        from . import gathering

        positions, given, lines = (_lines(a, index.dim) for a in (index.index, values, out))
        gathering.extremum(positions, given, lines, largest)
        return out
    (np.maximum if largest else np.minimum).at(out, index, values)
    return out


def _add_numbers(out: Array, values: Array, positions: tuple[Array, ...]) -> None:
    """Add single numbers: bincount, which adds in float64, is 5 times as fast as np.add.at."""
    flat = np.ravel_multi_index(positions, out.shape, mode="wrap")
    added = np.broadcast_to(values, flat.shape)
    out[...] = np.bincount(flat.reshape(-1), added.reshape(-1), out.size).reshape(out.shape)


def _add_slices(out: Array, values: Array, axis: int, positions: Array, rest: tuple[Any, ...]) -> None:
    """Add slices along one axis: those of one position are brought together and added in one go."""
    into = out[(*(slice(None),) * (axis + 1), *rest)]
    flat = positions.reshape(-1) % max(out.shape[axis], 1)
    lead = values.shape[:axis]
    added = np.broadcast_to(values, (*lead, *positions.shape, *into.shape[axis + 1 :]))
    added = added.reshape(*lead, flat.size, *into.shape[axis + 1 :])
    before: tuple[Any, ...] = (slice(None),) * axis
    if added.size >= _WIDE * flat.size and (runs := list(_runs(flat))):
        for at, start, length in runs:
            into[(*before, slice(start, start + length))] += added[(*before, slice(at, at + length))]
        return
    if added.size > _SMALL and into.flags.c_contiguous and added.dtype in _FLOATS and enabled("places"):
        from . import gathering

        gathering.add_slices(flat.astype(np.int64, copy=False), _lines(added, axis), _lines(into, axis))
        return
    if added.size > _LONG * flat.size:
        for k, position in enumerate(flat):
            into[(*before, position)] += added[(*before, k)]
        return
    order = np.argsort(flat, kind="stable")
    ordered = flat[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    if len(starts) == flat.size:
        into[(*before, flat)] = added
    else:
        into[(*before, ordered[starts])] = np.add.reduceat(np.take(added, order, axis), starts, axis=axis)


def diagonal(x: Any, offset: int, axis1: int, axis2: int) -> Any:
    """NumPy's view, which can be written to where `x` can."""
    x = np.asarray(x)
    view = np.diagonal(x, offset, axis1, axis2)
    view.flags.writeable = x.flags.writeable
    return view


def from_diagonal(x: Any, shape: Shape, offset: int, axis1: int, axis2: int) -> Any:
    """Write a diagonal into zeros."""
    x = np.asarray(x)
    out = np.zeros(shape, x.dtype)
    diagonal(out, offset, axis1, axis2)[...] = x
    return out


def windows(x: Any, axis: int, size: int, step: int, dilation: int) -> Any:
    """All windows as a view: the axis counts them, a new last axis counts within."""
    x = np.asarray(x)
    count = (x.shape[axis] - dilation * (size - 1) - 1) // step + 1 if size else x.shape[axis] // step + 1
    shape = (*x.shape[:axis], count, *x.shape[axis + 1 :], size)
    strides = (*x.strides[:axis], x.strides[axis] * step, *x.strides[axis + 1 :], x.strides[axis] * dilation)
    return as_strided(x, shape, strides, writeable=x.flags.writeable)


def from_windows(x: Any, axis: int, length: int, step: int, dilation: int) -> Any:
    """Add up, one place within the windows after the other."""
    x = np.asarray(x)
    shape = (*x.shape[:axis], length, *x.shape[axis + 1 : -1])
    out = np.zeros_like(x[..., 0] if x.shape[-1] else x.sum(-1), shape=shape)  # in memory as the windows lie
    last = step * (x.shape[axis] - 1) + 1
    for k in range(x.shape[-1]):
        places = (*(slice(None),) * axis, slice(k * dilation, k * dilation + last, step))
        out[places] += x[..., k]
    return out
