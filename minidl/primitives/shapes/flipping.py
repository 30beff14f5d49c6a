"""Turning and shifting: the same elements, at other places along their axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import ShapeError, UsageError
from ..kinds import Value, refuses, sample, shape_of
from ..operation import operation
from .elements import axis_of, distinct_axes, flip_, permute_, reshape_, roll_, whole_number, whole_numbers


@operation(
    "minidl",
    formula="yᵢ = xₙ₋₁₋ᵢ",
    derivative="∂L/∂xᵢ = gₙ₋₁₋ᵢ",
    samples=[sample((3, 4), dims=(1,)), sample((2, 3, 2), dims=(0, -1)), sample((2,), dims=()), sample((), dims=(0,))],
    errors=[
        refuses((2, 3), dims=(0, -2), error=UsageError, match="twice"),
        refuses((2, 3), dims=(2,), error=UsageError, match="out of range"),
    ],
)
def flip(input: Value, dims: Sequence[int]) -> Value:
    """Reverse the order along axes; the result is a copy.

    >>> import minidl
    >>> minidl.flip(minidl.tensor([1.0, 2.0, 3.0]), (0,))
    tensor([3., 2., 1.])
    """
    shape = shape_of(input)
    axes = distinct_axes(dims, len(shape), "flip")
    return flip_(input, dims=axes if shape else ())


@operation(
    "minidl Tensor",
    formula="columns of x reversed",
    samples=[sample((2, 3)), sample((2, 3, 2))],
    errors=[refuses((3,), match="at least 2 axes")],
)
def fliplr(input: Value) -> Value:
    """Reverse the columns: left becomes right.

    >>> import minidl
    >>> minidl.fliplr(minidl.tensor([[1.0, 2.0]]))
    tensor([[2., 1.]])
    """
    if len(shape_of(input)) < 2:
        raise ShapeError(f"fliplr: expected at least 2 axes, got shape {shape_of(input)}")
    return flip_(input, dims=(1,))


@operation(
    "minidl Tensor",
    formula="rows of x reversed",
    samples=[sample((2, 3)), sample((3,))],
    errors=[refuses((), match="at least 1 axis")],
)
def flipud(input: Value) -> Value:
    """Reverse the rows: up becomes down.

    >>> import minidl
    >>> minidl.flipud(minidl.tensor([[1.0], [2.0]]))
    tensor([[2.],
            [1.]])
    """
    if not shape_of(input):
        raise ShapeError("flipud: expected at least 1 axis, got a single number")
    return flip_(input, dims=(0,))


@operation(
    "minidl Tensor",
    formula="yᵢ = xᵢ₋ₛ, cyclically",
    derivative="∂L/∂xᵢ = gᵢ₊ₛ, cyclically",
    samples=[
        sample((3, 4), shifts=1),
        sample((3, 4), shifts=(1, -6), dims=(0, 1)),
        sample((3, 4), shifts=(1, 1), dims=(1, 1)),
        sample((), shifts=1),
        sample((0, 2), shifts=1, dims=0),
    ],
    errors=[
        refuses((3, 4), shifts=1, dims=(0, 1), error=UsageError, match="as many"),
        refuses((3, 4), shifts=(1, 2), error=UsageError, match="as many"),
        refuses((3, 4), shifts=1, dims=2, error=UsageError, match="out of range"),
        refuses((), shifts=1, dims=0, error=UsageError, match="no axis"),
    ],
)
def roll(input: Value, shifts: int | Sequence[int], dims: int | Sequence[int] | None = None) -> Value:
    """Shift along axes; what leaves at one end comes back at the other. Without `dims` the flattened tensor is shifted.

    >>> import minidl
    >>> minidl.roll(minidl.tensor([1.0, 2.0, 3.0]), 1)
    tensor([3., 1., 2.])
    """
    shape = shape_of(input)
    by = whole_numbers(shifts, "roll", "a shift")
    axes = () if dims is None else whole_numbers(dims, "roll", "dims")
    if not by or len(by) != (len(axes) or 1):
        raise UsageError(f"roll: give as many shifts as axes; got shifts={shifts} and dims={dims}")
    if not axes:
        flat = reshape_(input, shape=(-1,)) if 0 not in shape else reshape_(input, shape=(0,))
        return reshape_(roll_(flat, shifts=by, dims=(0,)), shape=shape)
    if not shape:
        raise UsageError("roll: a single number has no axis to shift along")
    return roll_(input, shifts=by, dims=tuple(axis_of(d, len(shape), "roll") for d in axes))


@operation(
    "minidl Tensor",
    formula="x turned k times by 90°",
    derivative="∂L/∂x = g turned back",
    samples=[
        sample((2, 3)),
        sample((2, 3, 2), k=-3, dims=(1, 2)),
        sample((2, 3), k=2, dims=(0, -1)),
        sample((2, 3), k=4),
    ],
    errors=[
        refuses((3,), match="at least 2 axes"),
        refuses((2, 3), k=1, dims=(0, -2), error=UsageError, match="twice"),
        refuses((2, 3), k=1, dims=(0,), error=UsageError, match="two axes"),
    ],
)
def rot90(input: Value, k: int = 1, dims: Sequence[int] = (0, 1)) -> Value:
    """Turn the plane of two axes by 90°, `k` times, from the first axis towards the second.

    >>> import minidl
    >>> minidl.rot90(minidl.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[2., 4.],
            [1., 3.]])
    """
    ndim = len(shape_of(input))
    if ndim < 2:
        raise ShapeError(f"rot90: expected at least 2 axes, got shape {shape_of(input)}")
    plane = distinct_axes(dims, ndim, "rot90")
    if len(plane) != 2:
        raise UsageError(f"rot90: a plane has two axes, got dims={dims}")
    turns = whole_number(k, "rot90", "k") % 4
    if turns in (0, 2):
        return flip_(input, dims=plane if turns else ())
    order: list[Any] = list(range(ndim))
    order[plane[0]], order[plane[1]] = plane[1], plane[0]
    return flip_(permute_(input, dims=tuple(order)), dims=(plane[0] if turns == 1 else plane[1],))
