"""Views: other shapes and strides over the same device memory, worked out on the host without a kernel."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from ....errors import RangeError
from ..array import DeviceArray, Shape, row_major
from .copies import contiguous


def shaped(x: DeviceArray, shape: Sequence[int]) -> DeviceArray:
    """A row-major array, or a copy that is, in another shape of as many elements."""
    lying = contiguous(x)
    return lying.view_as(tuple(shape), row_major(shape, x.itemsize))


def transposed(x: DeviceArray, axes: Sequence[int]) -> DeviceArray:
    """The axes in another order."""
    return x.view_as(tuple(x.shape[a] for a in axes), tuple(x.strides[a] for a in axes))


def spread(x: DeviceArray, shape: Shape) -> DeviceArray:
    """Broadcast to a shape, by NumPy's rules: repeated elements have the stride 0.

    Raises:
        ValueError: it does not broadcast to it.
    """
    missing = len(shape) - x.ndim
    if missing < 0 or any(n not in (1, m) for n, m in zip(x.shape, shape[missing:], strict=True)):
        raise ValueError(f"shape {x.shape} does not broadcast to {shape}")
    own = [0 if n == 1 and m != 1 else s for n, m, s in zip(x.shape, shape[missing:], x.strides, strict=True)]
    return x.view_as(shape, (*(0,) * missing, *own))


def part_of(x: DeviceArray, parts: Sequence[Any]) -> tuple[DeviceArray, list[int]]:
    """What whole numbers, slices and None pick, one for each axis (None for a new one).

    Returns:
        The view, and those of its axes that still have to be reversed: strides here are never negative.

    Raises:
        RangeError: a whole number is out of range.
    """
    shape: list[int] = []
    strides: list[int] = []
    backwards: list[int] = []
    offset = axis = 0
    for part in parts:
        if part is None:
            shape.append(1)
            strides.append(0)
            continue
        length, stride = x.shape[axis], x.strides[axis]
        if isinstance(part, slice):
            picked = range(length)[part]
            if picked.step < 0 and len(picked) > 1:
                backwards.append(len(shape))
                picked = picked[::-1]
            offset += picked[0] * stride if picked else 0
            shape.append(len(picked))
            strides.append(stride * abs(picked.step))
        else:
            if not -length <= part < length:
                raise RangeError(f"index {part} is out of range for axis {axis} with size {length}")
            offset += part % length * stride
        axis += 1
    return x.view_as(tuple(shape), tuple(strides), offset), backwards


def diagonal(x: DeviceArray, offset: int, axis1: int, axis2: int) -> DeviceArray:
    """A view of a diagonal, as the last axis: one step goes along both axes at once."""
    first, second = axis1 % x.ndim, axis2 % x.ndim
    down, right = max(-offset, 0), max(offset, 0)
    count = max(min(x.shape[first] - down, x.shape[second] - right), 0)
    start = down * x.strides[first] + right * x.strides[second] if count else 0
    rest = [a for a in range(x.ndim) if a not in (first, second)]
    shape, strides = [x.shape[a] for a in rest], [x.strides[a] for a in rest]
    return x.view_as((*shape, count), (*strides, x.strides[first] + x.strides[second]), start)


def windows(x: DeviceArray, axis: int, size: int, step: int, dilation: int) -> DeviceArray:
    """A view of all windows along an axis, which counts them; within them a new last axis counts."""
    axis %= x.ndim
    count = (x.shape[axis] - dilation * (size - 1) - 1) // step + 1 if size else x.shape[axis] // step + 1
    stride = x.strides[axis]
    shape = (*x.shape[:axis], count, *x.shape[axis + 1 :], size)
    return x.view_as(shape, (*x.strides[:axis], stride * step, *x.strides[axis + 1 :], stride * dilation))


@functools.lru_cache(maxsize=4096)
def collapsed(shape: Shape, *strides: Shape) -> tuple[Shape, ...]:
    """The same walk over fewer axes: those of length 1 go, and neighbours that one stride steps through are joined.

    A kernel divides once an axis to find its place, and divisions are what such a kernel takes its time with.

    >>> collapsed((2, 3, 1, 4), (48, 16, 16, 4))
    ((24,), (4,))
    >>> collapsed((2, 3), (12, 4), (4, 8))
    ((2, 3), (12, 4), (4, 8))
    """
    lengths: list[int] = []
    kept: list[list[int]] = [[] for _ in strides]
    for axis, length in enumerate(shape):
        if length == 1:
            continue
        if lengths and all(k[-1] == s[axis] * length for k, s in zip(kept, strides, strict=True)):
            lengths[-1] *= length
            for k, s in zip(kept, strides, strict=True):
                k[-1] = s[axis]
            continue
        lengths.append(length)
        for k, s in zip(kept, strides, strict=True):
            k.append(s[axis])
    return (tuple(lengths), *(tuple(k) for k in kept))
