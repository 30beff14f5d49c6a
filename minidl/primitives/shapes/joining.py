"""Joining tensors, and cutting one into parts along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from ...errors import RangeError, ShapeError, UsageError
from ...graph import Node, data_of
from ..kinds import Value, refuses, sample, shape_of
from ..mismatch import marked_apart
from ..operation import as_a_list, operation
from .broadcasting import atleast_1d, atleast_2d, atleast_3d
from .elements import along, axis_of, cat_, getitem_, reshape_, whole_number, whole_numbers


def _listed(tensors: Any, name: str) -> list[Any]:
    """The tensors as a list.

    Raises:
        UsageError: none, or a tensor in place of a list.
    """
    if isinstance(tensors, Node) or not isinstance(tensors, Sequence) or not tensors:
        raise UsageError(f"{name}: expected a list of at least one tensor, got {tensors!r:.60}")
    return list(tensors)


@operation(
    "minidl",
    formula="[x₁ x₂ …]",
    derivative="∂L/∂xᵢ = the part of g where xᵢ stands",
    samples=[
        sample((2, 3), (2, 1), dim=1),
        sample((2,), (0,), (3,)),
        sample((0,), (2, 3), dim=-1),
        sample((1, 2), (3, 2)),
    ],
    errors=[
        refuses((2, 3), (2, 2), match="must agree in every axis but 0"),
        refuses((2, 3), (3,), match="as many axes"),
        refuses((), (), match="no axis"),
        refuses((2, 3), (2, 3), dim=2, error=UsageError, match="out of range"),
        refuses(error=UsageError, match="at least one"),
    ],
    call=as_a_list,
    aliases=("concat", "concatenate"),
)
def cat(tensors: Sequence[Value], dim: int = 0) -> Value:
    """Join tensors along an existing axis. Empty vectors, of shape `(0,)`, fit everywhere.

    >>> import minidl
    >>> minidl.cat([minidl.zeros(2, 1), minidl.ones(2, 2)], dim=1).shape
    (2, 3)
    """
    xs = _listed(tensors, "cat")
    shapes = [shape_of(x) for x in xs]
    like = next((s for s in shapes if s != (0,)), (0,))
    if () in shapes:
        raise ShapeError("cat: a single number has no axis to join along; stack joins numbers")
    if any(len(s) != len(like) and s != (0,) for s in shapes):
        raise ShapeError(f"cat: the shapes {', '.join(map(str, shapes))} must have as many axes")
    axis = axis_of(dim, len(like), "cat")
    nothing = (*like[:axis], 0, *like[axis + 1 :])
    fitting = [reshape_(x, shape=nothing) if s == (0,) != nothing else x for x, s in zip(xs, shapes, strict=True)]
    return cat_(*fitting, dim=axis)


@operation(
    "minidl",
    formula="y[i] = xᵢ",
    derivative="∂L/∂xᵢ = g[i]",
    samples=[sample((3,), (3,)), sample((2, 3), (2, 3), dim=-1), sample((), ()), sample((0, 2), (0, 2), dim=1)],
    errors=[
        refuses((2,), (3,), match="equal"),
        refuses((2,), (2,), dim=2, error=UsageError, match="out of range"),
        refuses(error=UsageError, match="at least one"),
    ],
    call=as_a_list,
)
def stack(tensors: Sequence[Value], dim: int = 0) -> Value:
    """Join tensors of one shape along a new axis.

    >>> import minidl
    >>> minidl.stack([minidl.zeros(3), minidl.ones(3)]).shape
    (2, 3)
    """
    xs = _listed(tensors, "stack")
    shapes = [shape_of(x) for x in xs]
    if len(set(shapes)) > 1:
        first, other = marked_apart(shapes[0], next(s for s in shapes if s != shapes[0]))
        raise ShapeError(f"stack: all shapes must be equal, got {first} and {other}")
    at = axis_of(dim, len(shapes[0]) + 1, "stack")
    return cat_(*(reshape_(x, shape=(*shapes[0][:at], 1, *shapes[0][at:])) for x in xs), dim=at)


@operation(
    "minidl",
    formula="[x₁ x₂ …]",
    derivative="∂L/∂xᵢ = the part of g where xᵢ stands",
    samples=[sample((2, 1), (2, 3)), sample((2,), (3,)), sample((), ())],
    errors=[refuses((2, 1), (3, 1), match="must agree")],
    call=as_a_list,
)
def hstack(tensors: Sequence[Value]) -> Value:
    """Join side by side: vectors end to end, others along the second axis.

    >>> import minidl
    >>> minidl.hstack([minidl.zeros(2, 1), minidl.zeros(2, 2)]).shape
    (2, 3)
    """
    xs = [atleast_1d(x) for x in _listed(tensors, "hstack")]
    return cat(xs, 0 if len(shape_of(xs[0])) == 1 else 1)


@operation(
    "minidl",
    formula="x₁, x₂, … one below the other",
    derivative="∂L/∂xᵢ = the part of g where xᵢ stands",
    samples=[sample((2, 3), (1, 3)), sample((3,), (2, 3)), sample((), ())],
    errors=[refuses((2, 1), (2, 2), match="must agree")],
    call=as_a_list,
)
def vstack(tensors: Sequence[Value]) -> Value:
    """Join one below the other; a vector is one row.

    >>> import minidl
    >>> minidl.vstack([minidl.zeros(3), minidl.zeros(2, 3)]).shape
    (3, 3)
    """
    return cat([atleast_2d(x) for x in _listed(tensors, "vstack")], 0)


@operation(
    "minidl",
    formula="x₁, x₂, … along the third axis",
    derivative="∂L/∂xᵢ = the part of g where xᵢ stands",
    samples=[sample((2, 3), (2, 3)), sample((3,), (3,)), sample((), ())],
    errors=[refuses((2, 1), (2, 2), match="must agree")],
    call=as_a_list,
)
def dstack(tensors: Sequence[Value]) -> Value:
    """Join along the third axis, which is added where it is missing.

    >>> import minidl
    >>> minidl.dstack([minidl.zeros(2, 3), minidl.zeros(2, 3)]).shape
    (2, 3, 2)
    """
    return cat([atleast_3d(x) for x in _listed(tensors, "dstack")], 2)


@operation(
    "minidl",
    formula="x₁, x₂, … as columns",
    derivative="∂L/∂xᵢ = the part of g where xᵢ stands",
    samples=[sample((3,), (3, 2)), sample((), ()), sample((2, 1, 2), (2, 3, 2))],
    errors=[refuses((2,), (3,), match="must agree")],
    call=as_a_list,
)
def column_stack(tensors: Sequence[Value]) -> Value:
    """Join side by side; a vector is one column.

    >>> import minidl
    >>> minidl.column_stack([minidl.zeros(3), minidl.zeros(3, 2)]).shape
    (3, 3)
    """
    xs = _listed(tensors, "column_stack")
    shapes = [shape_of(x) for x in xs]
    columns = [
        reshape_(x, shape=((*s, 1) if s else (1, 1))) if len(s) < 2 else x for x, s in zip(xs, shapes, strict=True)
    ]
    return cat(columns, 1)


def _axis_to_cut(input: Value, dim: int, name: str) -> tuple[int, int]:
    """The axis to cut and its length."""
    shape = shape_of(input)
    if not shape:
        raise UsageError(f"{name}: a single number has no axis to cut along")
    axis = axis_of(dim, len(shape), name)
    return axis, shape[axis]


def _cut(input: Value, axis: int, bounds: Sequence[int | None]) -> tuple[Value, ...]:
    """The parts between neighbouring bounds."""
    return tuple(getitem_(input, index=along(axis, slice(a, b))) for a, b in pairwise(bounds))


@operation(
    "minidl Tensor",
    formula="y₁, y₂, … with x = [y₁ y₂ …]",
    derivative="∂L/∂x = [g₁ g₂ …]",
    samples=[
        sample((5, 2), split_size_or_sections=2),
        sample((2, 4), split_size_or_sections=[1, 3], dim=-1),
        sample((0, 2), split_size_or_sections=3),
    ],
    errors=[
        refuses((2, 4), split_size_or_sections=[1, 2], dim=1, match="add up to 3, not to 4"),
        refuses((4,), split_size_or_sections=0, error=UsageError, match="positive"),
        refuses((4,), split_size_or_sections=[-1, 5], error=UsageError, match="negative"),
        refuses((), split_size_or_sections=1, error=UsageError, match="no axis"),
    ],
)
def split(input: Value, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Value, ...]:
    """Cut along an axis into parts of one length (the last may be shorter), or of the lengths given.

    >>> import minidl
    >>> [part.shape for part in minidl.split(minidl.zeros(5), 2)]
    [(2,), (2,), (1,)]
    """
    axis, n = _axis_to_cut(input, dim, "split")
    if isinstance(split_size_or_sections, list | tuple):
        lengths = whole_numbers(split_size_or_sections, "split", "a length")
        if any(k < 0 for k in lengths):
            raise UsageError(f"split: lengths cannot be negative, got {list(lengths)}")
        if sum(lengths) != n:
            raise ShapeError(
                f"split: the lengths {list(lengths)} add up to {sum(lengths)}, not to {n}, the length of axis {axis}"
            )
        return _cut(input, axis, (0, *accumulate(lengths)))
    return _cut(input, axis, _even_bounds(n, whole_number(split_size_or_sections, "split", "a length")))


def _even_bounds(n: int, size: int) -> tuple[int, ...]:
    """Where parts of length `size` begin and end; one empty part of nothing."""
    if size < 0 or (size == 0 and n):
        raise UsageError(f"split: the length of a part must be positive, got {size} for an axis of length {n}")
    return (*range(0, n, size), n) if n else (0, 0)


@operation(
    "minidl Tensor",
    formula="y₁, y₂, … with x = [y₁ y₂ …]",
    derivative="∂L/∂x = [g₁ g₂ …]",
    samples=[
        sample((5, 2), chunks=3),
        sample((2, 4), chunks=3, dim=1),
        sample((0, 2), chunks=2),
        sample((2,), chunks=9),
    ],
    errors=[
        refuses((2,), chunks=0, error=UsageError, match="positive"),
        refuses((), chunks=1, error=UsageError, match="no axis"),
    ],
)
def chunk(input: Value, chunks: int, dim: int = 0) -> tuple[Value, ...]:
    """Cut along an axis into at most `chunks` parts of one length; the last may be shorter.

    >>> import minidl
    >>> [part.shape for part in minidl.chunk(minidl.zeros(5), 3)]
    [(2,), (2,), (1,)]
    """
    axis, n = _axis_to_cut(input, dim, "chunk")
    count = whole_number(chunks, "chunk", "chunks")
    if count < 1:
        raise UsageError(f"chunk: the number of parts must be positive, got {chunks}")
    return _cut(input, axis, _even_bounds(n, -(-n // count)) if n else (0,) * (count + 1))


@operation(
    "minidl Tensor",
    formula="y₁, y₂, … with x = [y₁ y₂ …]",
    derivative="∂L/∂x = [g₁ g₂ …]",
    samples=[
        sample((7, 2), indices_or_sections=3),
        sample((2, 4), indices_or_sections=(1, 3), dim=1),
        sample((4,), indices_or_sections=(3, 1, -1, 9)),
        sample((4,), indices_or_sections=np.array([1, 3])),
    ],
    errors=[
        refuses((2,), indices_or_sections=0, error=UsageError, match="positive"),
        refuses((), indices_or_sections=1, error=UsageError, match="no axis"),
    ],
    call=lambda f, xs, params: f(*xs, *params.values()),
)
def tensor_split(input: Value, indices_or_sections: int | Sequence[int] | Value, dim: int = 0) -> tuple[Value, ...]:
    """Cut along an axis into parts as equal as can be (the first are longer by one), or before the positions given.

    >>> import minidl
    >>> [part.shape for part in minidl.tensor_split(minidl.zeros(7), 3)]
    [(3,), (2,), (2,)]
    """
    axis, n = _axis_to_cut(input, dim, "tensor_split")
    where = data_of(indices_or_sections)
    if getattr(where, "ndim", 0) == 1:
        where = where.tolist()
    if isinstance(where, list | tuple):
        return _cut(input, axis, (0, *whole_numbers(where, "tensor_split", "a position"), None))
    count = whole_number(where, "tensor_split", "the number of parts")
    if count < 1:
        raise UsageError(f"tensor_split: the number of parts must be positive, got {count}")
    lengths = [n // count + (k < n % count) for k in range(count)]
    return _cut(input, axis, (0, *accumulate(lengths)))


@operation(
    "minidl Tensor",
    formula="yᵢ = x[i]",
    derivative="∂L/∂x[i] = gᵢ",
    samples=[sample((2, 3)), sample((2, 3), dim=-1), sample((0, 3))],
    errors=[
        refuses((), error=UsageError, match="no axis"),
        refuses((2,), dim=1, error=UsageError, match="out of range"),
    ],
)
def unbind(input: Value, dim: int = 0) -> tuple[Value, ...]:
    """Take an axis apart: one tensor for each position along it.

    >>> import minidl
    >>> minidl.unbind(minidl.tensor([[1.0, 2.0], [3.0, 4.0]]))[1]
    tensor([3., 4.])
    """
    axis, n = _axis_to_cut(input, dim, "unbind")
    return tuple(getitem_(input, index=along(axis, k)) for k in range(n))


@operation(
    "minidl Tensor",
    formula="y = x[index] for dim = 0",
    derivative="∂L/∂x = g at that place, 0 elsewhere",
    samples=[sample((2, 3), dim=1, index=-1), sample((3,), dim=0, index=1)],
    errors=[
        refuses((2, 3), dim=1, index=3, error=UsageError, match="index=3 is out of range"),
        refuses((), dim=0, index=0, error=UsageError, match="no axis"),
    ],
)
def select(input: Value, dim: int, index: int) -> Value:
    """Take the part at one position of an axis, which goes away.

    >>> import minidl
    >>> minidl.select(minidl.tensor([[1.0, 2.0], [3.0, 4.0]]), 1, 0)
    tensor([1., 3.])
    """
    axis, n = _axis_to_cut(input, dim, "select")
    at = whole_number(index, "select", "index")
    if not -n <= at < n:
        raise RangeError(f"select: index={at} is out of range for axis {axis} with size {n}")
    return getitem_(input, index=along(axis, at))


@operation(
    "minidl Tensor",
    formula="y = x[start … start + length − 1] for dim = 0",
    derivative="∂L/∂x = g at that place, 0 elsewhere",
    samples=[
        sample((2, 4), dim=1, start=1, length=2),
        sample((3,), dim=0, start=-2, length=2),
        sample((3,), dim=0, start=3, length=0),
    ],
    errors=[
        refuses((4,), dim=0, start=2, length=3, error=UsageError, match="do not lie within"),
        refuses((4,), dim=0, start=0, length=-1, error=UsageError, match="do not lie within"),
        refuses((), dim=0, start=0, length=1, error=UsageError, match="no axis"),
    ],
)
def narrow(input: Value, dim: int, start: int, length: int) -> Value:
    """Take `length` positions along an axis, from `start` on.

    >>> import minidl
    >>> minidl.narrow(minidl.tensor([1.0, 2.0, 3.0, 4.0]), 0, 1, 2)
    tensor([2., 3.])
    """
    axis, n = _axis_to_cut(input, dim, "narrow")
    first, count = whole_number(start, "narrow", "start"), whole_number(length, "narrow", "length")
    begin = first + n if first < 0 else first
    if not (0 <= begin <= n and 0 <= count <= n - begin):
        raise UsageError(f"narrow: {count} positions from start={first} do not lie within axis {axis} of length {n}")
    return getitem_(input, index=along(axis, slice(begin, begin + count)))
