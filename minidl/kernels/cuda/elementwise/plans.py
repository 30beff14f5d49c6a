"""How arrays that are broadcast against each other are laid before an elementwise kernel: few axes, in a good order.

An axis of one element goes; two neighbouring axes along which every array goes on evenly become one. So arrays that lie in
memory alike, in whatever order, have a single axis, a bias `(C,)` and images `(N, H, W, C)` have two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..array import DeviceArray, Shape, row_major
from ..places.views import collapsed

LARGEST = 1 << 31
"""Kernels count elements in 32 bits."""


@dataclass(frozen=True, slots=True)
class Axes:
    """The axes of a kernel.

    Attributes:
        lengths: their lengths, the last one varying fastest.
        strides: for each array its strides, in elements.
    """

    lengths: Shape
    strides: tuple[Shape, ...]


def order_of(shape: Shape, strides: Sequence[Shape]) -> tuple[int, ...]:
    """The axes from the slowest to the fastest, as the first array lies in memory that has all of them."""
    for own in strides:
        if all(stride or length == 1 for length, stride in zip(shape, own, strict=True)):
            return tuple(sorted(range(len(shape)), key=lambda i: -own[i] if shape[i] > 1 else 0))
    return tuple(range(len(shape)))


def strides_in_order(shape: Shape, order: Sequence[int], itemsize: int) -> Shape:
    """The strides, in bytes, of a new array whose axes lie in memory in an order."""
    longer = [axis for axis in order if shape[axis] > 1]
    if longer == sorted(longer):
        return row_major(shape, itemsize)
    packed = row_major([shape[i] for i in order], itemsize)
    found = [0] * len(shape)
    for axis, stride in zip(order, packed, strict=True):
        found[axis] = stride
    return tuple(found)


def repeating(own: Shape, strides: Shape, shape: Shape) -> Shape:
    """The strides with which an array of a shape of its own repeats to a larger one."""
    return (0,) * (len(shape) - len(own)) + tuple(
        0 if n == 1 else stride for n, stride in zip(own, strides, strict=True)
    )


def reduced(shape: Shape, order: Sequence[int], strides: Sequence[Shape]) -> Axes:
    """The fewest axes, in an order: those of one element go, and neighbours along which all arrays go on evenly become one.

    Raises:
        OverflowError: an array's elements lie further apart than kernels can count.
    """
    if any(sum((n - 1) * step for n, step in zip(shape, own, strict=True)) >= LARGEST for own in strides):
        raise OverflowError("a view whose elements lie among 2³¹ others or more is not computed with here")
    in_order = [tuple(own[axis] for axis in order) for own in strides]
    lengths, *found = collapsed(tuple(shape[axis] for axis in order), *in_order)
    is_empty = 0 in lengths or not lengths
    return Axes((1,), tuple((0,) for _ in strides)) if is_empty else Axes(lengths, tuple(found))


def factor_and_shift(length: int) -> tuple[int, int]:
    """Numbers with which n // length is (⌊n·factor/2³²⌋ + n) >> shift for 0 ≤ n < 2³¹.

    With 2ˢ the power of 2 from `length` on, factor = ⌊2³²·(2ˢ − length)/length⌋ + 1.
    Source: Granlund and Montgomery, "Division by Invariant Integers using Multiplication" (1994).

    >>> factor, shift = factor_and_shift(7)
    >>> [((n * factor >> 32) + n) >> shift for n in (6, 7, 2**31 - 1)] == [0, 1, (2**31 - 1) // 7]
    True
    """
    shift = (length - 1).bit_length()
    return ((1 << 32) * ((1 << shift) - length)) // length + 1, shift


def overlaps(out: DeviceArray, x: DeviceArray) -> bool:
    """Whether writing `out` may change elements of `x` that are read later: they share memory, other than place by place."""
    if out.memory is not x.memory or not out.size or not x.size:
        return False
    if out.offset == x.offset and out.shape == x.shape and out.strides == x.strides:
        return False
    return shares(out, x)


def shares(x: DeviceArray, y: DeviceArray) -> bool:
    """Whether the memory from the first to the last element of one meets that of another."""
    if x.memory is not y.memory and x.memory.device != y.memory.device:
        return False
    if not x.size or not y.size:
        return False
    return x.address < y.address + y.span * y.itemsize and y.address < x.address + x.span * x.itemsize


def broadcast_shape(shapes: Sequence[Shape]) -> Shape:
    """The shape to which shapes are broadcast; a `ValueError` as NumPy's if they do not fit."""
    first = shapes[0]
    return first if all(shape == first for shape in shapes) else np.broadcast_shapes(*shapes)


def is_aligned(address: int, dtype: np.dtype[Any], strides: Shape) -> bool:
    """Whether four neighbours can be read together: they, and all other groups of four, begin where such a group may."""
    return address % min(16, 4 * dtype.itemsize) == 0 and all(stride % 4 == 0 for stride in strides[:-1])


def count_of(shape: Shape) -> int:
    """How many elements there are.

    Raises:
        OverflowError: more than kernels can count.
    """
    count = math.prod(shape)
    if count >= LARGEST:
        raise OverflowError("arrays of 2³¹ elements or more are not computed here")
    return count
