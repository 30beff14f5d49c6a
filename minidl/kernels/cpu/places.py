"""Where elements stand: setting, adding, diagonals, windows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
_LONG = 512
"""Slices of more elements are added faster one by one than brought together in a copy."""


def flip(x: Any, axis: Shape) -> Any:
    """Reverse the order along axes, in a copy."""
    return np.flip(x, axis).copy()


def setitem(x: Any, value: Any, index: Any, chosen: Any) -> Any:
    """Copy, and write into the copy."""
    out = np.array(x)
    out[(*index, ...)][chosen] = value  # `...` keeps the first step a view, even of one element
    return out


def scatter_add(values: Any, index: Any, shape: Shape) -> Any:
    """Add up at an index; without a loop where no position can occur twice."""
    values = np.asarray(values)
    out = np.zeros(shape, values.dtype)
    parts = index if isinstance(index, tuple) else (index,)
    arrays = [k for k, part in enumerate(parts) if isinstance(part, np.ndarray) and part.dtype != bool]
    if not arrays:
        out[index] = values
    elif out.size and len(arrays) == len(parts) == out.ndim and values.dtype in (np.float32, np.float64):
        _add_numbers(out, values, parts)
    elif len(arrays) == 1 and all(isinstance(part, slice) and part == slice(None) for part in parts[: arrays[0]]):
        _add_slices(out, values, arrays[0], parts[arrays[0]], parts[arrays[0] + 1 :])
    else:
        np.add.at(out, index, values)
    return out


def scatter_extremum(x: Any, values: Any, index: Any, largest: bool) -> Any:
    """Compare one value after the other."""
    out = np.array(x)
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
    out = np.zeros((*x.shape[:axis], length, *x.shape[axis + 1 : -1]), x.dtype)
    last = step * (x.shape[axis] - 1) + 1
    for k in range(x.shape[-1]):
        places = (*(slice(None),) * axis, slice(k * dilation, k * dilation + last, step))
        out[places] += x[..., k]
    return out
