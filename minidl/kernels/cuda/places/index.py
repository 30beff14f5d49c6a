"""Reading NumPy's indices: what picks by arrays comes down to places along one axis of lines `(before, n, after)`.

Slices, whole numbers and new axes make a view. Of arrays, broadcast together, the axes that they index are brought side by
side, in front if they were apart, and counted as one; the arrays become places along it, in int32, on the device. Positions
in a NumPy array are checked on the way. Those on the device are not, for that would have to wait for them: one out of range
reads NaN (of whole numbers −1 or the largest) and writes nothing, as in JAX.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....errors import RangeError
from ..array import DeviceArray, Shape
from ..compiler.intrinsics import quotient
from ..compiler.language import Kernel, ceil_div, cuda, int32, kernel
from ..constants import constant
from ..runtime import memory
from ..runtime.layouts import numbers
from .copies import contiguous
from .moves import in_elements
from .order import nonzero
from .views import part_of, spread, transposed

THREADS = 256


@dataclass(slots=True)
class Choice:
    """What arrays pick from a view.

    Attributes:
        view: the view, its axes in the order: those before the indexed ones, the indexed ones, those after.
        before, lengths, after: the lengths of these axes.
        arrays: the index of each of the indexed axes, on the host or the device.
        shape: what the arrays broadcast to; the result is `(*before, *shape, *after)`.
        backwards: the axes of the result that a slice with a negative step runs through from the end.
    """

    view: DeviceArray
    before: Shape
    lengths: Shape
    after: Shape
    arrays: list[Any]
    shape: Shape
    backwards: Shape = ()

    @property
    def lines(self) -> tuple[int, int, int, int]:
        """How many places lie before, how many are picked, from how many, and how many lie after."""
        return math.prod(self.before), math.prod(self.shape), math.prod(self.lengths), math.prod(self.after)

    @property
    def result(self) -> Shape:
        """The shape of what is picked."""
        return (*self.before, *self.shape, *self.after)

    def places(self) -> DeviceArray:
        """The places that are picked, counted along the indexed axes: int32, on the device; −1 for one out of range."""
        if all(isinstance(a, np.ndarray) for a in self.arrays):
            return self._checked_places()
        device, count = self.view.memory.device, math.prod(self.shape)
        out = memory.empty((count,), np.int32, device)
        for number, (array, length) in enumerate(zip(self.arrays, self.lengths, strict=True)):
            index = spread(
                array if isinstance(array, DeviceArray) else constant(array.astype(np.int32), device), self.shape
            )
            if count:
                lying = numbers(device, (*index.shape, *in_elements(index.strides, index)))
                run = _counting_on(index.dtype.name)[ceil_div(count, THREADS), THREADS]
                run(index, out, lying, index.ndim, count, length, number)
        return out

    def _checked_places(self) -> DeviceArray:
        places = np.zeros(self.shape, np.int64)
        for axis, (array, length) in enumerate(zip(self.arrays, self.lengths, strict=True)):
            check(array, length, axis + len(self.before))
            places *= length
            places += array % max(length, 1)
        return constant(places.reshape(-1).astype(np.int32), self.view.memory.device)


def check(positions: Any, length: int, axis: int) -> None:
    """Refuse positions of a NumPy array that an axis does not have.

    Raises:
        RangeError: there is one.
    """
    if positions.size and not (-length <= positions.min() and positions.max() < length):
        wrong = positions[(positions < -length) | (positions >= length)]
        raise RangeError(f"index {wrong.flat[0]} is out of range for axis {axis} with size {length}")


@functools.cache
def _counting_on(dtype: str) -> Kernel:
    signature = f"{dtype}[::1], int32[::1], int32[::1], int32, int32, int32, int32"

    @kernel(signature, name=f"count_places_{dtype}", threads=THREADS, waits=False)
    def count_on(index: Any, places: Any, lying: Any, ndim: int, count: int, length: int, number: int) -> None:
        """place ← place·length + index, from 0; a negative index counts from the end, −1 stands for what is out of range."""
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i < count:
            here, rest = int32(0), int32(i)
            for axis in range(ndim - 1, -1, -1):
                left = quotient(rest, lying[axis])
                here = int32(here + (rest - left * lying[axis]) * lying[ndim + axis])
                rest = left
            position = index[here]
            if position < 0:
                position += length
            before = places[i] if number else int32(0)
            is_there = before >= 0 and position >= 0 and position < length
            places[i] = int32(before * length + position) if is_there else int32(-1)

    return count_on


# Reading ------------------------------------------------------------------------------------------------------------------


def _part(part: Any) -> Any:
    """One entry of an index: None, `...`, a slice, an int, a bool, or an array."""
    if isinstance(part, DeviceArray) and part.dtype == bool and not part.ndim:
        return bool(part)
    if part is None or part is Ellipsis or isinstance(part, slice | int | DeviceArray):
        return part
    array = np.asarray(part)
    if array.size == 0 and isinstance(part, list | tuple):
        return array.astype(np.int64)
    if array.dtype.kind not in "biu":
        raise IndexError(f"an index is made of whole numbers, slices, None, `...` and masks; got {part!r:.60}")
    return array.item() if array.ndim == 0 else array


def _is_mask(part: Any) -> bool:
    return isinstance(part, np.ndarray | DeviceArray) and part.dtype == bool


def _axes_of(part: Any) -> int:
    """How many axes an entry uses up."""
    if part is None or part is Ellipsis or isinstance(part, bool):
        return 0
    return part.ndim if _is_mask(part) else 1


def entries(x: DeviceArray, index: Any) -> list[Any]:
    """An index as a list of entries that speaks of every axis.

    Raises:
        RangeError: it speaks of more axes than there are.
    """
    parts = [_part(p) for p in (index if isinstance(index, tuple) else (index,))]
    used = sum(map(_axes_of, parts))
    if used > x.ndim:
        raise RangeError(f"{used} axes are indexed, but shape {x.shape} has {x.ndim}")
    at = next((k for k, part in enumerate(parts) if part is Ellipsis), None)
    whole = [slice(None)] * (x.ndim - used)
    return [*parts, *whole] if at is None else [*parts[:at], *whole, *parts[at + 1 :]]


def has_arrays(parts: list[Any]) -> bool:
    """Whether an index picks by arrays; else it makes a view."""
    return any(isinstance(p, bool | np.ndarray | DeviceArray) for p in parts)


def choice(x: DeviceArray, parts: list[Any]) -> Choice:
    """Read the entries of an index that picks by arrays.

    Raises:
        RangeError: a mask that does not fit.
    """
    basic: list[Any] = []
    picked: list[tuple[int, Any]] = []  # an axis of the view, and its array
    axis = taken = 0
    for part in parts:
        if isinstance(part, bool):
            basic.append(None)
            arrays: list[Any] = [np.zeros(int(part), np.int64)]
        elif _is_mask(part):
            own = x.shape[axis : axis + part.ndim]
            if part.shape != own:
                raise RangeError(f"a mask of shape {part.shape} does not fit axes of lengths {own} of shape {x.shape}")
            arrays = _true_places(part)
            basic += [slice(None)] * part.ndim
        elif isinstance(part, np.ndarray | DeviceArray):
            arrays = [part]
            basic.append(slice(None))
        elif isinstance(part, int):
            arrays = [np.asarray(part)]
            basic.append(slice(None))
        else:
            arrays = []
            basic.append(part)
            taken += 1
        for array in arrays:
            picked.append((taken, array))
            taken += 1
        axis += _axes_of(part)
    return _choice(x, basic, picked)


def _choice(x: DeviceArray, basic: list[Any], picked: list[tuple[int, Any]]) -> Choice:
    view, backwards = part_of(x, basic)
    axes = [at for at, _ in picked]
    arrays = [array for _, array in picked]
    shape = np.broadcast_shapes(*(a.shape for a in arrays))
    side_by_side = axes == list(range(axes[0], axes[0] + len(axes)))
    before = list(range(axes[0])) if side_by_side else []
    after = [a for a in range(view.ndim) if a not in axes and a not in before]
    lengths = view.shape
    turned = transposed(view, (*before, *axes, *after))
    return Choice(
        turned,
        tuple(lengths[a] for a in before),
        tuple(lengths[a] for a in axes),
        tuple(lengths[a] for a in after),
        arrays,
        shape,
        tuple(before.index(a) if a in before else len(before) + len(shape) + after.index(a) for a in backwards),
    )


def _true_places(mask: Any) -> list[Any]:
    """The positions at which a mask holds, one array an axis."""
    if isinstance(mask, np.ndarray):
        return list(mask.nonzero())
    return columns(nonzero(contiguous(mask)), mask.shape, np.int32)


@functools.cache
def _split(dtype: str) -> Kernel:
    @kernel(
        f"int32[::1], {dtype}[::1], int32[::1], int32, int32",
        name=f"split_places_{dtype}",
        threads=THREADS,
        waits=False,
    )
    def split(places: Any, rows: Any, lengths: Any, ndim: int, count: int) -> None:
        """rows[i] = the position along each axis of place i of a row-major array."""
        i = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if i < count:
            rest = places[i]
            for axis in range(ndim - 1, -1, -1):
                left = quotient(rest, lengths[axis])
                rows[i * ndim + axis] = rest - left * lengths[axis]
                rest = left

    return split


def positions(places: DeviceArray, shape: Shape, dtype: Any) -> DeviceArray:
    """Places of a row-major array as positions along its axes, `(places, axes)`."""
    device, ndim = places.memory.device, len(shape)
    rows = memory.empty((places.size, ndim), dtype, device)
    if rows.size:
        run = _split(rows.dtype.name)[ceil_div(places.size, THREADS), THREADS]
        run(places, rows, numbers(device, shape), ndim, places.size)
    return rows


def columns(places: DeviceArray, shape: Shape, dtype: Any) -> list[DeviceArray]:
    """`positions`, one array an axis."""
    rows = positions(places, shape, dtype)
    return [rows.view_as((places.size,), rows.strides[:1], axis * rows.itemsize) for axis in range(len(shape))]


def argwhere(x: DeviceArray) -> DeviceArray:
    """The positions of what is not 0, one row each, in int64."""
    return positions(nonzero(contiguous(x)), x.shape, np.int64)


def representatives() -> list[Kernel]:
    """A kernel of each kind, for those who look at all kernels; see `catalogue`."""
    return [*(_counting_on(dtype) for dtype in ("int32", "int64")), *(_split(dtype) for dtype in ("int32", "int64"))]
