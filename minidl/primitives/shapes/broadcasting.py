"""Repetition: broadcasting, copies side by side, grids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import DtypeError, ShapeError, UsageError
from ...graph import Node, array_of, data_of
from ...kernels.device import constant_like, fetched
from ..kinds import Shape, Value, expand_to, refuses, sample, shape_of
from ..operation import operation
from .elements import along, axis_of, cat_, getitem_, loose, reshape_, whole_numbers, with_own_memory


def _expanded(input: Value, size: Shape, name: str) -> Value:
    own = shape_of(input)
    lead = len(size) - len(own)
    if lead < 0:
        raise ShapeError(f"{name}: {own} has more axes than {size}; only new leading axes can be added")
    wanted = tuple(own[i - lead] if n == -1 and i >= lead else n for i, n in enumerate(size))
    if any(n < 0 for n in wanted):
        raise ShapeError(f"{name}: {own} to {size}: −1 means the length an axis has, and no other length is negative")
    return expand_to(input, wanted)


@operation(
    "minidl",
    formula="x repeated to a shape",
    derivative="∂L/∂x = Σ g over the copies of each element",
    samples=[
        sample((3, 1), size=(-1, 4)),
        sample((2, 1), size=(3, 2, 2)),
        sample((), size=(2,)),
        sample((1,), size=(0,)),
    ],
    errors=[
        refuses((3, 2), size=(3, 4), match="cannot grow"),
        refuses((3, 2), size=(2,), match="more axes"),
        refuses((3,), size=(-1, 3), match="−1"),
    ],
    torch="Tensor.expand",
)
def expand(input: Value, size: Any) -> Value:
    """Repeat along axes of length 1 and along new leading axes, without copying; −1 leaves an axis as it is.

    >>> import minidl
    >>> minidl.expand(minidl.tensor([[1.0], [2.0]]), (-1, 3)).shape
    (2, 3)
    """
    return _expanded(input, whole_numbers(size, "expand", "a length"), "expand")


@operation(
    "minidl",
    formula="x repeated to a shape",
    derivative="∂L/∂x = Σ g over the copies of each element",
    samples=[sample((3, 1), size=(3, 4)), sample((), size=(2, 2)), sample((1, 2), size=(0, -1))],
    errors=[refuses((3, 2), size=(3, 4), match="cannot grow")],
)
def broadcast_to(input: Value, size: Any) -> Value:
    """Repeat along axes of length 1 and along new leading axes, without copying.

    >>> import minidl
    >>> minidl.broadcast_to(minidl.tensor([1.0, 2.0]), (3, 2)).shape
    (3, 2)
    """
    return _expanded(input, whole_numbers(size, "broadcast_to", "a length"), "broadcast_to")


@operation(
    "Tensor",
    formula="x repeated to the shape of other",
    derivative="∂L/∂x = Σ g over the copies of each element",
    samples=[sample((3, 1), (2, 3, 4))],
    errors=[refuses((3, 2), (3, 4), match="cannot grow")],
)
def expand_as(input: Value, other: Value) -> Value:
    """Repeat along axes of length 1 until the shape is that of another tensor.

    >>> import minidl
    >>> minidl.zeros(1, 3).expand_as(minidl.zeros(2, 3)).shape
    (2, 3)
    """
    return _expanded(input, shape_of(other), "expand_as")


def several(tensors: tuple[Any, ...]) -> Sequence[Any]:
    """Tensors given one by one or as one list."""
    return tensors[0] if len(tensors) == 1 and isinstance(tensors[0], list | tuple) else tensors


@operation(
    "minidl",
    formula="x₁, x₂, … repeated to their common shape",
    derivative="∂L/∂xᵢ = Σ gᵢ over the copies of each element",
    samples=[sample((3, 1), (2,), ()), sample((2, 3))],
    errors=[refuses((3,), (4,), match="broadcast")],
)
def broadcast_tensors(*tensors: Value) -> tuple[Value, ...]:
    """Expand tensors to the shape that they have in common.

    >>> import minidl
    >>> a, b = minidl.broadcast_tensors(minidl.zeros(3, 1), minidl.zeros(2))
    >>> a.shape, b.shape
    ((3, 2), (3, 2))
    """
    xs = several(tensors)
    return tuple(expand_to(x, common_shape([shape_of(x) for x in xs], "broadcast_tensors")) for x in xs)


def common_shape(shapes: Sequence[Shape], name: str) -> Shape:
    """The shape that several broadcast to.

    Raises:
        ShapeError: there is none.
    """
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError as error:
        told = ", ".join(map(str, shapes))
        raise ShapeError(f"{name}: the shapes {told} do not broadcast; axes must be equal, or one of them 1") from error


def _at_least(tensors: tuple[Any, ...], grown: Any) -> Any:
    """Apply a rule for shapes to one tensor or to each of several."""
    xs = several(tensors)
    out = tuple(x if grown(shape_of(x)) == shape_of(x) else reshape_(x, shape=grown(shape_of(x))) for x in xs)
    return out[0] if len(tensors) == 1 and xs is tensors else out


@operation(
    "minidl",
    formula="x, with at least one axis",
    derivative="∂L/∂x = g with the shape of x",
    samples=[sample(()), sample((3,)), sample((), (2, 1))],
)
def atleast_1d(*tensors: Value) -> Any:
    """Give a single number an axis of length 1; other tensors stay.

    >>> import minidl
    >>> minidl.atleast_1d(minidl.tensor(3.0)).shape
    (1,)
    """
    return _at_least(tensors, lambda s: s or (1,))


@operation(
    "minidl",
    formula="x, with at least two axes",
    derivative="∂L/∂x = g with the shape of x",
    samples=[sample(()), sample((3,)), sample((3,), (2, 1))],
)
def atleast_2d(*tensors: Value) -> Any:
    """Put axes of length 1 in front until there are two.

    >>> import minidl
    >>> minidl.atleast_2d(minidl.zeros(3)).shape
    (1, 3)
    """
    return _at_least(tensors, lambda s: (1,) * (2 - len(s)) + s)


@operation(
    "minidl",
    formula="x, with at least three axes",
    derivative="∂L/∂x = g with the shape of x",
    samples=[sample(()), sample((3,)), sample((2, 3), (2, 1, 1))],
)
def atleast_3d(*tensors: Value) -> Any:
    """Add axes of length 1 until there are three: n becomes (1, n, 1), and (m, n) becomes (m, n, 1).

    >>> import minidl
    >>> minidl.atleast_3d(minidl.zeros(3)).shape
    (1, 3, 1)
    """
    return _at_least(tensors, lambda s: {0: (1, 1, 1), 1: (1, *s, 1), 2: (*s, 1)}.get(len(s), s))


def _tiled(input: Value, repeats: Shape, name: str) -> Value:
    """Copies of the whole side by side, `repeats[i]` of them along axis i."""
    own = shape_of(input)
    if len(repeats) < len(own):
        raise ShapeError(f"{name}: shape {own} has more axes than the repeats {repeats}; give one for each axis")
    if any(n < 0 for n in repeats):
        raise UsageError(f"{name}: repeats cannot be negative, got {repeats}")
    own = (1,) * (len(repeats) - len(own)) + own
    pairs = tuple(n for r, s in zip(repeats, own, strict=True) for n in (r, s))
    apart = reshape_(input, shape=tuple(n for s in own for n in (1, s)))
    out = reshape_(expand_to(apart, pairs), shape=tuple(r * s for r, s in zip(repeats, own, strict=True)))
    return with_own_memory(out, input)


@operation(
    "Tensor",
    formula="copies of x side by side",
    derivative="∂L/∂x = Σ g over the copies of each element",
    samples=[
        sample((2, 3), repeats=(2, 1)),
        sample((3,), repeats=(2, 2)),
        sample((), repeats=(3,)),
        sample((2,), repeats=(0,)),
    ],
    errors=[
        refuses((2, 3), repeats=(2,), match="more axes"),
        refuses((2,), repeats=(-1,), error=UsageError, match="negative"),
    ],
    call=lambda f, xs, params: f(*xs, *params["repeats"]),
)
def repeat(input: Value, *sizes: Any, repeats: Sequence[int] | None = None) -> Value:
    """Lay copies side by side: `x.repeat(2, 3)` makes 2 along the first axis and 3 along the second.

    >>> import minidl
    >>> minidl.tensor([1.0, 2.0]).repeat(2)
    tensor([1., 2., 1., 2.])
    """
    return _tiled(input, loose(sizes if repeats is None else (repeats,), "repeat", "a number of copies"), "repeat")


@operation(
    "minidl",
    formula="copies of x side by side",
    derivative="∂L/∂x = Σ g over the copies of each element",
    samples=[sample((2, 3), dims=(2,)), sample((3,), dims=(2, 2)), sample((), dims=()), sample((2, 1), dims=(1, 3))],
    errors=[refuses((2,), dims=(-1,), error=UsageError, match="negative")],
)
def tile(input: Value, dims: Sequence[int]) -> Value:
    """Lay copies side by side, as `repeat` does; missing leading repeats are 1.

    >>> import minidl
    >>> minidl.tile(minidl.tensor([[1.0, 2.0]]), (2,))
    tensor([[1., 2., 1., 2.]])
    """
    repeats = whole_numbers(dims, "tile", "a number of copies")
    return _tiled(input, (1,) * (len(shape_of(input)) - len(repeats)) + repeats, "tile")


@operation(
    "minidl Tensor",
    formula="each element of x repeated",
    derivative="∂L/∂x = Σ g over the copies of each element",
    samples=[
        sample((2, 3), repeats=2),
        sample((2, 3), repeats=2, dim=1),
        sample((2, 3), repeats=np.array([1, 2, 0]), dim=-1),
        sample((2, 3), repeats=np.array([2]), dim=0, output_size=4),
        sample((), repeats=3),
    ],
    errors=[
        refuses((2, 3), repeats=np.array([1, 2]), dim=1, match="2 repeats for 3"),
        refuses((2,), repeats=-1, error=UsageError, match="negative"),
        refuses((2,), repeats=2, dim=1, error=UsageError, match="out of range"),
        refuses((2,), repeats=2, output_size=5, match="output_size=5"),
        refuses((2,), repeats=np.array([1.0, 2.0]), error=DtypeError, match="whole numbers"),
    ],
    call=lambda f, xs, params: f(*xs, **params),  # the repeats are not optional, though they can stand alone
)
def repeat_interleave(
    input: Value, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Value:
    """Repeat each element along `dim`, or of the flattened tensor.

    Args:
        input: any shape; with no `repeats`, the repeats themselves: the result then tells whose copy each place holds.
        repeats: how often, one number or a tensor with one for each position along `dim`.
        dim: the axis.
        output_size: the length of the result along `dim`, which is checked.

    >>> import minidl
    >>> minidl.repeat_interleave(minidl.tensor([1.0, 2.0]), 2)
    tensor([1., 1., 2., 2.])
    """
    if repeats is None:
        if len(shape_of(input)) != 1:
            raise ShapeError(
                f"repeat_interleave: repeats are whole numbers along one axis, got shape {shape_of(input)}"
            )
        copies = constant_like(data_of(input), np.arange(len(data_of(input))))
        input, repeats = input.result_class(copies) if isinstance(input, Node) else copies, input
    out = input if dim is not None else reshape_(input, shape=(int(np.prod(shape_of(input))),))
    axis = 0 if dim is None else axis_of(dim, len(shape_of(out)), "repeat_interleave")
    if not shape_of(out):
        raise UsageError("repeat_interleave: a single number has no axis to repeat along; leave out dim")
    counts = fetched(array_of(repeats))  # the result is as long as they say, so they must be known
    if counts.dtype.kind not in "iu" or counts.ndim > 1:
        raise DtypeError(f"repeat_interleave: repeats are whole numbers along one axis, got {repeats!r:.60}")
    n = shape_of(out)[axis]
    if counts.ndim and len(counts) not in (1, n):
        raise ShapeError(
            f"repeat_interleave: {len(counts)} repeats for {n} positions along axis {axis} of {shape_of(out)}"
        )
    if (counts < 0).any():
        raise UsageError(f"repeat_interleave: repeats cannot be negative, got {repeats!r:.60}")
    places = np.repeat(np.arange(n), counts)
    if output_size is not None and output_size != len(places):
        raise ShapeError(f"repeat_interleave: the result has {len(places)} positions, not output_size={output_size}")
    return getitem_(out, index=along(axis, places))


@operation(
    "minidl",
    formula="y₁[i, j] = x₁[i], y₂[i, j] = x₂[j]",
    derivative="∂L/∂x₁[i] = Σⱼ g₁[i, j]; ∂L/∂x₂[j] = Σᵢ g₂[i, j]",
    samples=[
        sample((2,), (3,), indexing="ij"),
        sample((2,), (3,), (4,), indexing="xy"),
        sample((2,), (), indexing="ij"),
    ],
    errors=[
        refuses((2,), (3, 1), match="vectors", indexing="ij"),
        refuses((2,), indexing="ab", error=UsageError, match="'ij' or 'xy'"),
        refuses((2,), np.zeros(2, np.int64), indexing="ij", error=DtypeError, match="one dtype"),
    ],
)
def meshgrid(*tensors: Value, indexing: str = "ij") -> tuple[Value, ...]:
    """Make the coordinates of a grid from those along each axis.

    Args:
        tensors: vectors, one an axis.
        indexing: `"ij"`: axis k of the grid belongs to the k-th vector; `"xy"`: the first two axes change places.

    Returns:
        As many tensors, each of the grid's shape.

    >>> import minidl
    >>> minidl.meshgrid(minidl.tensor([1, 2]), minidl.tensor([3, 4, 5]))[1]
    tensor([[3, 4, 5],
            [3, 4, 5]])
    """
    xs = several(tensors)
    if indexing not in ("ij", "xy"):
        raise UsageError(f"meshgrid: indexing must be 'ij' or 'xy', got {indexing!r}")
    if not xs or any(len(shape_of(x)) > 1 for x in xs):
        raise ShapeError(f"meshgrid: expected vectors, got shapes {', '.join(str(shape_of(x)) for x in xs) or 'none'}")
    if len({array_of(x).dtype for x in xs}) > 1:
        raise DtypeError("meshgrid: the vectors must have one dtype")
    lengths = tuple((shape_of(x) or (1,))[0] for x in xs)
    order = (1, 0, *range(2, len(xs))) if indexing == "xy" and len(xs) > 1 else tuple(range(len(xs)))
    grid = tuple(lengths[k] for k in order)
    axes = [tuple(lengths[k] if j == k else 1 for j in order) for k in range(len(xs))]
    return tuple(expand_to(reshape_(x, shape=own), grid) for x, own in zip(xs, axes, strict=True))


@operation(
    "minidl",
    formula="all pairs (x₁[i], x₂[j]), one a row",
    derivative="∂L/∂x₁[i] = Σ g over the rows that hold x₁[i], and so for the others",
    samples=[sample((2,), (3,)), sample((2,)), sample((2,), (0,))],
    errors=[refuses((2, 1), match="vectors")],
)
def cartesian_prod(*tensors: Value) -> Value:
    """List every combination of one element from each vector, the last changing fastest.

    >>> import minidl
    >>> minidl.cartesian_prod(minidl.tensor([1, 2]), minidl.tensor([3, 4]))[:3]
    tensor([[1, 3],
            [1, 4],
            [2, 3]])
    """
    if any(len(shape_of(x)) != 1 for x in tensors):
        raise ShapeError(f"cartesian_prod: expected vectors, got shapes {', '.join(str(shape_of(x)) for x in tensors)}")
    if len(tensors) == 1:
        return tensors[0]
    grids = meshgrid(*tensors)
    return cat_(*(reshape_(x, shape=(int(np.prod(shape_of(x))), 1)) for x in grids), dim=1)
