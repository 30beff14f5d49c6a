"""Shape: the same numbers along other axes. Where memory allows, a result shares it with its input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import DtypeError, ShapeError, UsageError
from ...graph import Node
from ..kinds import Shape, Value, refuses, sample, shape_of
from ..operation import operation
from .broadcasting import expand
from .elements import (
    axis_of,
    cast,
    cat_,
    distinct_axes,
    getitem_,
    loose,
    permute_,
    reshape_,
    scatter_add_,
    to_,
    to_device_,
    whole_numbers,
)
from .gathering import gather
from .indexing import getitem
from .joining import cat, stack

__all__ = [
    "axis_of", "cast", "cat", "cat_", "expand", "flatten", "gather", "getitem", "getitem_", "movedim", "permute", "permute_",
    "ravel", "reshape", "reshape_", "scatter_add_", "squeeze", "stack", "swapaxes", "t", "to_", "to_device_", "transpose",
    "type_as", "unflatten", "unsqueeze", "view", "view_as",
]  # fmt: skip


@operation(
    "minidl",
    formula="x with another shape",
    derivative="∂L/∂x = g with the shape of x",
    samples=[
        sample((3, 4), shape=(2, 6)),
        sample((2, 3), shape=(-1,)),
        sample((), shape=(1, 1)),
        sample((0, 3), shape=(3, 0)),
    ],
    errors=[
        refuses((3, 4), shape=(5, 2), match="12 elements"),
        refuses((3, 4), shape=(-1, -1), match="cannot fill"),
        refuses((0,), shape=(0, -1), match="cannot fill"),
        refuses((3, 4), shape=("a",), error=UsageError, match="whole number"),
    ],
)
def reshape(input: Value, shape: Sequence[int] | int) -> Value:
    """Arrange the elements in another shape, in row-major order; one length may be −1.

    Raises:
        ShapeError: the numbers of elements differ.

    >>> import minidl
    >>> minidl.reshape(minidl.tensor([1.0, 2.0, 3.0, 4.0]), (2, -1)).shape
    (2, 2)
    """
    wanted = whole_numbers(shape, "reshape", "a length")
    if any(n < 0 for n in wanted):
        wanted = _fill_in(wanted, shape_of(input))
    return input if isinstance(input, Node) and input.shape == wanted else reshape_(input, shape=wanted)


def _fill_in(wanted: Shape, shape: Shape) -> Shape:
    """Work out the one length that is −1."""
    rest = math.prod(n for n in wanted if n != -1) if all(n >= -1 for n in wanted) else -1
    size = math.prod(shape)
    if wanted.count(-1) > 1 or rest <= 0 or size % rest:
        raise ShapeError(f"reshape: {shape} holds {size} elements, which cannot fill {wanted}")
    return tuple(size // rest if n == -1 else n for n in wanted)


@operation(
    "Tensor",
    formula="x with another shape",
    derivative="∂L/∂x = g with the shape of x",
    samples=[sample((3, 4), size=(2, 6)), sample((2, 3), size=(-1,)), sample((1,), size=())],
    errors=[refuses((3, 4), size=(5, 2), match="12 elements")],
    call=lambda f, xs, params: f(*xs, *params["size"]) if params["size"] else f(*xs, size=()),
)
def view(input: Value, *lengths: Any, size: Sequence[int] | None = None) -> Value:
    """Arrange the elements in another shape, `x.view(2, -1)`; the same as `reshape`, so that memory is shared where it can be.

    Raises:
        ShapeError: the numbers of elements differ.

    >>> import minidl
    >>> minidl.zeros(2, 3).view(3, 2).shape
    (3, 2)
    """
    return reshape(input, loose(lengths if size is None else (size,), "view", "a length"))


@operation(
    "Tensor",
    formula="x with the shape of other",
    derivative="∂L/∂x = g with the shape of x",
    samples=[sample((3, 4), (2, 6))],
    errors=[refuses((3, 4), (5,), match="12 elements")],
    aliases=("reshape_as",),
)
def view_as(input: Value, other: Value) -> Value:
    """Arrange the elements in the shape of another tensor.

    >>> import minidl
    >>> minidl.zeros(2, 3).view_as(minidl.zeros(6)).shape
    (6,)
    """
    return reshape(input, shape_of(other))


@operation(
    "minidl Tensor",
    formula="x with axes start_dim … end_dim merged",
    derivative="∂L/∂x = g with the shape of x",
    samples=[sample((2, 3, 4), start_dim=1), sample((2, 3, 4), start_dim=0, end_dim=-2), sample(()), sample((0, 3))],
    errors=[
        refuses((2, 3), start_dim=1, end_dim=0, error=UsageError, match="comes after"),
        refuses((2, 3), start_dim=2, error=UsageError, match="out of range"),
    ],
)
def flatten(input: Value, start_dim: int = 0, end_dim: int = -1) -> Value:
    """Merge the axes from `start_dim` to `end_dim` into one.

    >>> import minidl
    >>> minidl.flatten(minidl.zeros(2, 3, 4), 1).shape
    (2, 12)
    """
    shape = shape_of(input)
    start, end = axis_of(start_dim, len(shape), "flatten"), axis_of(end_dim, len(shape), "flatten")
    if start > end:
        raise UsageError(
            f"flatten: start_dim={start_dim} comes after end_dim={end_dim} in a tensor with {len(shape)} axes"
        )
    return reshape(input, (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))


@operation(
    "minidl Tensor",
    formula="x in one axis",
    derivative="∂L/∂x = g with the shape of x",
    samples=[sample((2, 3)), sample(()), sample((0, 2))],
)
def ravel(input: Value) -> Value:
    """Arrange all elements along one axis.

    >>> import minidl
    >>> minidl.ravel(minidl.zeros(2, 3)).shape
    (6,)
    """
    return reshape(input, (-1,))


@operation(
    "minidl Tensor",
    formula="x with axis dim split into sizes",
    derivative="∂L/∂x = g with the shape of x",
    samples=[
        sample((2, 6), dim=1, sizes=(3, -1)),
        sample((4, 2), dim=-2, sizes=(2, 2)),
        sample((0, 2), dim=0, sizes=(-1, 2)),
    ],
    errors=[
        refuses((2, 6), dim=1, sizes=(4, 2), match="6 elements"),
        refuses((2, 6), dim=2, sizes=(4, 2), error=UsageError, match="out of range"),
        refuses((2, 6), dim=1, sizes=(), match="at least one length"),
    ],
)
def unflatten(input: Value, dim: int, sizes: Sequence[int]) -> Value:
    """Split an axis into several; one length may be −1.

    >>> import minidl
    >>> minidl.unflatten(minidl.zeros(2, 6), 1, (3, -1)).shape
    (2, 3, 2)
    """
    shape = shape_of(input)
    axis = axis_of(dim, len(shape), "unflatten")
    wanted = whole_numbers(sizes, "unflatten", "a length")
    if not wanted or not shape:
        raise ShapeError(f"unflatten: an axis is split into at least one length, got sizes={sizes} for shape {shape}")
    if -1 in wanted:
        wanted = _fill_in(wanted, (shape[axis],))
    if math.prod(wanted) != shape[axis]:
        raise ShapeError(
            f"unflatten: axis {axis} of {shape} has {shape[axis]} elements, sizes={wanted} need {math.prod(wanted)}"
        )
    return reshape(input, (*shape[:axis], *wanted, *shape[axis + 1 :]))


@operation(
    "minidl",
    formula="x without its axes of length 1",
    derivative="∂L/∂x = g with the shape of x",
    samples=[sample((1, 3, 1)), sample((1, 3, 1), dim=-1), sample((1, 3, 1), dim=(0, 1)), sample((), dim=0)],
    errors=[
        refuses((1, 3), dim=2, error=UsageError, match="out of range"),
        refuses((1, 3), dim=(0, 0), error=UsageError, match="twice"),
    ],
)
def squeeze(input: Value, dim: int | Sequence[int] | None = None) -> Value:
    """Drop axes of length 1: all of them, or those of `dim` that are.

    >>> import minidl
    >>> minidl.squeeze(minidl.zeros(1, 3, 1)).shape
    (3,)
    """
    shape = shape_of(input)
    axes = range(len(shape)) if dim is None else distinct_axes(dim, len(shape), "squeeze")
    return reshape(input, tuple(n for i, n in enumerate(shape) if n != 1 or i not in axes))


@operation(
    "minidl Tensor",
    formula="x with a new axis",
    derivative="∂L/∂x = g with the shape of x",
    samples=[sample((3,), dim=0), sample((2, 3), dim=-2), sample((), dim=0)],
    errors=[refuses((3,), dim=2, error=UsageError, match="out of range")],
)
def unsqueeze(input: Value, dim: int) -> Value:
    """Insert an axis of length 1 at `dim`.

    >>> import minidl
    >>> minidl.unsqueeze(minidl.zeros(3), -1).shape
    (3, 1)
    """
    shape = shape_of(input)
    at = axis_of(dim, len(shape) + 1, "unsqueeze")
    return reshape(input, (*shape[:at], 1, *shape[at:]))


@operation(
    "minidl",
    formula="x with its axes in another order",
    derivative="∂L/∂x = g with its axes put back",
    samples=[sample((2, 3, 4), dims=(2, 0, 1)), sample((3, 4), dims=(-1, 0)), sample((), dims=())],
    errors=[
        refuses((2, 3), dims=(0, 0), error=UsageError, match="twice"),
        refuses((2, 3), dims=(0,), error=UsageError, match="each of the 2 axes once"),
        refuses((2, 3), dims=(0, 2), error=UsageError, match="out of range"),
    ],
)
def permute(input: Value, dims: Sequence[int]) -> Value:
    """Reorder the axes: axis `i` of the result is axis `dims[i]` of the input.

    >>> import minidl
    >>> minidl.permute(minidl.zeros(2, 3, 4), (2, 0, 1)).shape
    (4, 2, 3)
    """
    ndim = len(shape_of(input))
    axes = distinct_axes(dims, ndim, "permute")
    if len(axes) != ndim:
        raise UsageError(f"permute: dims={dims} must name each of the {ndim} axes once")
    return permute_(input, dims=axes)


def _swapped(input: Value, first: int, second: int, name: str) -> Value:
    ndim = len(shape_of(input))
    axes = list(range(ndim))
    i, j = axis_of(first, ndim, name), axis_of(second, ndim, name)
    if ndim:
        axes[i], axes[j] = axes[j], axes[i]
    return permute_(input, dims=tuple(axes))


@operation(
    "minidl Tensor",
    formula="xᵀ",
    samples=[sample((2, 3), dim0=0, dim1=1), sample((2, 3, 4), dim0=-1, dim1=0), sample((), dim0=0, dim1=-1)],
    errors=[refuses((2, 3), dim0=0, dim1=2, error=UsageError, match="out of range")],
    aliases=("swapdims",),
)
def transpose(input: Value, dim0: int, dim1: int) -> Value:
    """Swap two axes.

    >>> import minidl
    >>> minidl.transpose(minidl.zeros(2, 3), 0, 1).shape
    (3, 2)
    """
    return _swapped(input, dim0, dim1, "transpose")


@operation(
    "minidl Tensor",
    formula="xᵀ",
    samples=[sample((2, 3, 4), axis0=-1, axis1=0)],
    errors=[refuses((2, 3), axis0=0, axis1=2, error=UsageError, match="out of range")],
)
def swapaxes(input: Value, axis0: int, axis1: int) -> Value:
    """Swap two axes, under NumPy's name.

    >>> import minidl
    >>> minidl.swapaxes(minidl.zeros(2, 3), 0, 1).shape
    (3, 2)
    """
    return _swapped(input, axis0, axis1, "swapaxes")


@operation(
    "minidl Tensor",
    formula="xᵀ",
    samples=[sample((2, 3)), sample((3,)), sample(())],
    errors=[refuses((2, 3, 4), error=UsageError, match="matrix")],
)
def t(input: Value) -> Value:
    """Transpose a matrix; a vector or a single number stays as it is.

    >>> import minidl
    >>> minidl.t(minidl.zeros(2, 3)).shape
    (3, 2)
    """
    ndim = len(shape_of(input))
    if ndim > 2:
        raise UsageError(f"t: expected a matrix, got shape {shape_of(input)}; use transpose(x, dim0, dim1)")
    return permute_(input, dims=(1, 0)) if ndim == 2 else input


@operation(
    "minidl Tensor",
    formula="x with axes moved",
    derivative="∂L/∂x = g with its axes put back",
    samples=[
        sample((2, 3, 4), source=0, destination=-1),
        sample((2, 3, 4), source=(0, 1), destination=(2, 0)),
        sample((), source=0, destination=0),
    ],
    errors=[
        refuses((2, 3), source=(0, 1), destination=(0,), error=UsageError, match="as many"),
        refuses((2, 3), source=(0, 0), destination=(0, 1), error=UsageError, match="twice"),
        refuses((2, 3), source=2, destination=0, error=UsageError, match="out of range"),
    ],
    aliases=("moveaxis",),
)
def movedim(input: Value, source: int | Sequence[int], destination: int | Sequence[int]) -> Value:
    """Move axes to other places; the others keep their order.

    >>> import minidl
    >>> minidl.movedim(minidl.zeros(2, 3, 4), 0, -1).shape
    (3, 4, 2)
    """
    ndim = len(shape_of(input))
    start, end = distinct_axes(source, ndim, "movedim"), distinct_axes(destination, ndim, "movedim")
    if len(start) != len(end):
        raise UsageError(f"movedim: source={source} must name as many axes as destination={destination}")
    if not ndim:
        return input
    order = [i for i in range(ndim) if i not in start]
    for at, axis in sorted(zip(end, start, strict=True)):
        order.insert(at, axis)
    return permute_(input, dims=tuple(order))


@operation(
    "Tensor",
    formula="x with the dtype of other",
    derivative="∂L/∂x = g with the dtype of x",
    samples=[sample((2, 3), (2,)), sample((2, 3), np.zeros(2, np.int64))],
)
def type_as(input: Value, other: Value) -> Value:
    """Convert to the dtype of another tensor.

    >>> import minidl
    >>> minidl.tensor([1.7]).type_as(minidl.tensor([1]))
    tensor([1])
    """
    if not isinstance(other, Node | np.ndarray):
        raise DtypeError(f"type_as: takes a tensor to be like, got {type(other).__name__}; x.to(dtype) takes a dtype")
    return cast(input, other.dtype)
