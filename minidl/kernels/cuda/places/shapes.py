"""Other shapes of arrays: views wherever strides can say it, and new arrays."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..array import DeviceArray, Shape, row_major
from ..elementwise.operations import compute, full, one_device
from ..runtime import memory
from .copies import copy
from .index import entries, has_arrays
from .moves import flip
from .views import collapsed, part_of, spread, transposed


def reshape(x: DeviceArray, shape: Any) -> DeviceArray:
    """The same elements in another shape, of which one length may be −1: a view if strides can say it, else a copy.

    Raises:
        ValueError: it holds another number of elements.
    """
    wanted = tuple(operator.index(n) for n in (shape if isinstance(shape, Sequence) else (shape,)))
    if wanted.count(-1) == 1:
        others = -math.prod(wanted)
        wanted = tuple((x.size // others if others else 0) if n == -1 else n for n in wanted)
    if math.prod(wanted) != x.size or min(wanted, default=0) < 0:
        raise ValueError(f"cannot reshape array of size {x.size} into shape {shape}")
    strides = _strides(x, wanted)
    if strides is not None:
        return x.view_as(wanted, strides)
    lying = copy(x)
    return DeviceArray(lying.memory, wanted, x.dtype)


def _strides(x: DeviceArray, shape: Shape) -> Shape | None:
    """The strides with which the same memory has another shape; None if there are none."""
    if not x.size:
        return row_major(shape, x.itemsize)
    lengths, steps = collapsed(x.shape, x.strides)
    pieces = list(zip(lengths, steps, strict=True))
    found: list[int] = []
    left, stride = 1, x.itemsize
    for n in reversed(shape):
        if n > 1:
            if left == 1:
                left, stride = pieces.pop()
            if left % n:
                return None
        found.append(stride)
        left //= n
        stride *= n
    return tuple(reversed(found))


def permute_dims(x: DeviceArray, axes: Sequence[int] | None = None) -> DeviceArray:
    """A view with the axes in another order, or the opposite one.

    Raises:
        ValueError: an axis is missing, or there twice.
    """
    order = range(x.ndim)[::-1] if axes is None else [normalize_axis_index(a, x.ndim) for a in axes]
    if sorted(order) != list(range(x.ndim)):
        raise ValueError(f"axes {tuple(axes or ())} are not those of an array with {x.ndim}, each once")
    return transposed(x, order)


def broadcast_to(x: DeviceArray, shape: Any) -> DeviceArray:
    """A view in which elements repeat."""
    return spread(x, tuple(shape) if isinstance(shape, Sequence) else (shape,))


def expand_dims(x: DeviceArray, axis: Any) -> DeviceArray:
    """A view with new axes of length 1."""
    given = axis if isinstance(axis, tuple) else (axis,)
    ndim = x.ndim + len(given)
    new = {normalize_axis_index(a, ndim) for a in given}
    lengths = iter(x.shape)
    return reshape(x, tuple(1 if a in new else next(lengths) for a in range(ndim)))


def squeeze(x: DeviceArray, axis: Any = None) -> DeviceArray:
    """A view without axes of length 1: without all, or without some.

    Raises:
        ValueError: one is longer.
    """
    given = (
        [a for a, n in enumerate(x.shape) if n == 1] if axis is None else axis if isinstance(axis, tuple) else (axis,)
    )
    gone = {normalize_axis_index(a, x.ndim) for a in given}
    if any(x.shape[a] != 1 for a in gone):
        raise ValueError(f"cannot squeeze axis {axis} of shape {x.shape}: it is not of length 1")
    kept = [a for a in range(x.ndim) if a not in gone]
    return transposed(x, kept)


def concat(arrays: Sequence[DeviceArray], axis: int | None = 0) -> DeviceArray:
    """Arrays one behind the other along an axis, each copied to its place.

    Raises:
        ValueError: the other axes differ.
    """
    parts = [reshape(a, (-1,)) for a in arrays] if axis is None else list(arrays)
    device = one_device(parts)
    first, axis = parts[0], normalize_axis_index(axis or 0, parts[0].ndim)
    for part in parts:
        rest = part.shape[:axis] + part.shape[axis + 1 :]
        if part.ndim != first.ndim or rest != first.shape[:axis] + first.shape[axis + 1 :]:
            raise ValueError(
                f"arrays of shapes {[p.shape for p in parts]} are not joined along axis {axis}: other axes differ"
            )
    length = sum(part.shape[axis] for part in parts)
    dtype = np.result_type(*(part.dtype for part in parts))
    out = memory.empty((*first.shape[:axis], length, *first.shape[axis + 1 :]), dtype, device)
    at = 0
    for part in parts:
        target = out.view_as(part.shape, out.strides, at * out.strides[axis])
        compute(0, (part,), target)
        at += part.shape[axis]
    return out


def stack(arrays: Sequence[DeviceArray], axis: int = 0) -> DeviceArray:
    """Arrays of one shape along a new axis."""
    return concat([expand_dims(a, axis) for a in arrays], axis)


def zeros(shape: Any, dtype: Any = float, device: int | None = None) -> DeviceArray:
    """A new array of zeros."""
    out = memory.empty(tuple(shape) if isinstance(shape, Sequence) else (shape,), dtype, device)
    memory.fill_zeros(out)
    return out


def ones(shape: Any, dtype: Any = float, device: int | None = None) -> DeviceArray:
    """A new array of ones."""
    return full(tuple(shape) if isinstance(shape, Sequence) else (shape,), 1, dtype, device)


def tril(x: DeviceArray, k: int = 0) -> DeviceArray:
    """A copy of matrices, along the last two axes, with 0 above the k-th diagonal."""
    return _triangle(x, k, lower=True)


def triu(x: DeviceArray, k: int = 0) -> DeviceArray:
    """A copy of matrices, along the last two axes, with 0 below the k-th diagonal."""
    return _triangle(x, k - 1, lower=False)


def _triangle(x: DeviceArray, k: int, lower: bool) -> DeviceArray:
    """Keep what is on the k-th diagonal and below it, or what is above it: rows and columns are compared as numbers."""
    from ..runtime.layouts import numbers

    device = x.memory.device
    rows, columns = (numbers(device, tuple(range(n))) for n in (x.shape[-2], x.shape[-1]))
    inside = ("less_equal", 1, ("add", 2, 3))
    chosen = ("where", inside, 0, 4) if lower else ("where", inside, 4, 0)
    zero = x.dtype.type(0)
    return compute(chosen, (x, columns, reshape(rows, (-1, 1)), np.int32(k), zero))


def basic_view(x: DeviceArray, index: Any) -> tuple[DeviceArray, tuple[int, ...]] | None:
    """What slices, whole numbers, None and `...` pick, and which axes of it still have to be reversed.

    None for an index with arrays.
    """
    parts = entries(x, index)
    if has_arrays(parts):
        return None
    view, backwards = part_of(x, parts)
    return view, tuple(backwards)


def assign(x: DeviceArray, index: Any, value: Any) -> None:
    """`x[index] = value`."""
    from .picking import write

    found = basic_view(x, index)
    if found is None:
        write(x, index, value)
        return
    view, backwards = found
    if backwards and isinstance(value, DeviceArray):
        value = flip(broadcast_to(value, view.shape), backwards)
    compute(0, (value,), view)
