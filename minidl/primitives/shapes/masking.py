"""Masks: choosing elements by a condition, triangles and diagonals of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import DtypeError, ShapeError, UsageError
from ...graph import Notation, array_of
from ..kinds import Constant, Linear, Value, expand_to, refuses, sample, shape_of
from ..operation import operation
from .broadcasting import common_shape
from .elements import axis_of, cast, getitem_, reshape_, whole_number, with_own_memory
from .indexing import Index, set_item_
from .joining import unbind

argwhere_ = Constant(
    "argwhere",
    Notation("argwhere", "argwhere({0})"),
    forward=lambda xp, x: xp.argwhere(x),
    samples=[sample(np.array([[0.0, 2.0], [1.0, 0.0]])), sample(())],
)

tril_: Linear = Linear(
    "tril",
    Notation("tril", "tril({0})"),
    forward=lambda xp, x, diagonal: xp.tril(x, k=diagonal),
    transpose=lambda g, x, diagonal: tril_(g, diagonal=diagonal),
    samples=[sample((3, 4), diagonal=0), sample((2, 3, 3), diagonal=-1)],
)

triu_: Linear = Linear(
    "triu",
    Notation("triu", "triu({0})"),
    forward=lambda xp, x, diagonal: xp.triu(x, k=diagonal),
    transpose=lambda g, x, diagonal: triu_(g, diagonal=diagonal),
    samples=[sample((3, 4), diagonal=0), sample((2, 3, 3), diagonal=1)],
)

diagonal_: Linear = Linear(
    "diagonal",
    Notation("diag", "diag({0})"),
    forward=lambda xp, x, offset, dim1, dim2: xp.diagonal(x, offset, dim1, dim2),
    transpose=lambda g, x, offset, dim1, dim2: from_diagonal_(g, shape=x.shape, offset=offset, dim1=dim1, dim2=dim2),
    samples=[sample((3, 4), offset=1, dim1=0, dim2=1), sample((2, 3, 4), offset=-1, dim1=2, dim2=0)],
    views=True,
)

from_diagonal_: Linear = Linear(
    "from_diagonal",
    Notation("diag", "diag({0})"),
    forward=lambda xp, x, shape, offset, dim1, dim2: xp.from_diagonal(x, shape, offset, dim1, dim2),
    transpose=lambda g, x, shape, offset, dim1, dim2: diagonal_(g, offset=offset, dim1=dim1, dim2=dim2),
    samples=[
        sample((3,), shape=(3, 4), offset=1, dim1=0, dim2=1),
        sample((2, 3), shape=(2, 3, 3), offset=0, dim1=1, dim2=2),
    ],
)
"""Zeros of a shape with x on a diagonal of the axes dim1 and dim2."""


def _mask(mask: Value, name: str) -> Any:
    """A mask as an array (a copy).

    Raises:
        DtypeError: not of bool.
    """
    array = array_of(mask).copy()
    if array.dtype != bool:
        raise DtypeError(f"{name}: the mask must be a tensor of bool, got {array.dtype}; write mask != 0")
    return array


_ROWS = np.array([[True], [False], [True]])
_MASK = np.array([[True, False, False, True], [False] * 4, [False, True, True, True]])
_NO_MASK = [
    refuses((3,), mask=np.array([1, 0, 1]), value=0.0, error=DtypeError, match="mask must be a tensor of bool"),
    refuses((3,), mask=np.array([True, False]), value=0.0, match="do not broadcast"),
]


def _masked_call(f: Any, xs: Any, params: dict[str, Any]) -> Any:
    """For the tests: hand over `(input, mask, value)`."""
    return f(xs[0], params["mask"], *([params["value"]] if "value" in params else xs[1:]))


@operation(
    "minidl Tensor",
    formula="value where mask, else x",
    derivative="∂L/∂x = 0 where mask, else g; ∂L/∂value = Σ g where mask",
    samples=[
        sample((3, 4), mask=_MASK, value=-1.5),
        sample((3, 4), (), mask=_ROWS),
        sample((4,), mask=_ROWS, value=2.5),
        sample((), mask=np.array(True), value=2),
    ],
    errors=[*_NO_MASK, refuses((3,), (1,), mask=np.array([True, False, True]), match="one number")],
    call=_masked_call,
)
def masked_fill(input: Value, mask: Value, value: Value) -> Value:
    """Replace the elements where `mask` holds by one number; the dtype stays.

    >>> import minidl
    >>> minidl.masked_fill(minidl.tensor([1.0, 2.0]), minidl.tensor([True, False]), float("-inf"))
    tensor([-inf,   2.])
    """
    chosen = _mask(mask, "masked_fill")
    if shape_of(value):
        raise ShapeError(f"masked_fill: the value is one number, got shape {shape_of(value)}")
    shape = common_shape((shape_of(input), chosen.shape), "masked_fill")
    index = Index((), (np.broadcast_to(chosen, shape),))
    return set_item_(expand_to(input, shape), cast(value, input.dtype), index=index)


@operation(
    "minidl Tensor",
    formula="x where mask",
    derivative="∂L/∂x = g where mask, in order, else 0",
    samples=[sample((3, 4), mask=_MASK), sample((4,), mask=_ROWS), sample((), mask=np.array(True))],
    errors=[
        refuses((3,), mask=np.array([1, 0, 1]), error=DtypeError, match="mask must be a tensor of bool"),
        refuses((3,), mask=np.array([True, False]), match="do not broadcast"),
    ],
)
def masked_select(input: Value, mask: Value) -> Value:
    """Pick the elements where `mask` holds, as a vector.

    >>> import minidl
    >>> minidl.masked_select(minidl.tensor([1.0, 2.0, 3.0]), minidl.tensor([True, False, True]))
    tensor([1., 3.])
    """
    chosen = _mask(mask, "masked_select")
    shape = common_shape((shape_of(input), chosen.shape), "masked_select")
    x = expand_to(input, shape) if shape else reshape_(input, shape=(1,))
    return getitem_(x, index=np.broadcast_to(chosen, shape or (1,)))


@operation(
    "minidl Tensor",
    formula="source where mask, in order, else x",
    derivative="∂L/∂x = 0 where mask, else g; ∂L/∂source = g where mask, in order",
    samples=[sample((3, 4), (2, 3), mask=_MASK), sample((3, 4), (9,), mask=_ROWS)],
    errors=[
        refuses((3,), (1,), mask=np.array([True, False, True]), match="2 elements are wanted"),
        refuses((3,), (3,), mask=np.array([1, 0, 1]), error=DtypeError, match="mask must be a tensor of bool"),
        refuses((3,), np.array([1, 2]), mask=np.array([True, False, True]), error=DtypeError, match="must agree"),
    ],
    call=_masked_call,
)
def masked_scatter(input: Value, mask: Value, source: Value) -> Value:
    """Replace the elements where `mask` holds by the first elements of `source`, in order.

    >>> import minidl
    >>> minidl.masked_scatter(minidl.zeros(3), minidl.tensor([True, False, True]), minidl.tensor([1.0, 2.0]))
    tensor([1., 0., 2.])
    """
    chosen = _mask(mask, "masked_scatter")
    if getattr(source, "dtype", None) != input.dtype:
        told = getattr(source, "dtype", type(source).__name__)
        raise DtypeError(f"masked_scatter: the source is {told} and the input {input.dtype}; they must agree")
    shape = common_shape((shape_of(input), chosen.shape), "masked_scatter")
    full = np.broadcast_to(chosen, shape)
    count, size = int(full.sum()), int(np.prod(shape_of(source)))
    if size < count:
        raise ShapeError(f"masked_scatter: {count} elements are wanted and the source has {size}")
    first = getitem_(reshape_(source, shape=(size,)), index=(slice(count),))
    x = expand_to(input, shape) if shape else reshape_(input, shape=(1,))
    out = set_item_(x, first, index=Index((), (full.reshape(shape_of(x)),)))
    return out if shape else reshape_(out, shape=())


@operation(
    "minidl Tensor",
    formula="the i with xᵢ ≠ 0",
    samples=[sample(np.array([[0, 2], [1, 0]])), sample((2, 2), as_tuple=True), sample(()), sample((0, 2))],
)
def nonzero(input: Value, *, as_tuple: bool = False) -> Any:
    """Find the positions of the elements that are not 0, one row each; `as_tuple`: one vector an axis, fit for `x[...]`.

    >>> import minidl
    >>> minidl.nonzero(minidl.tensor([0.0, 3.0, 4.0]))
    tensor([[1],
            [2]])
    """
    found = argwhere_(input if shape_of(input) or not as_tuple else reshape_(input, shape=(1,)))
    return unbind(found, 1) if as_tuple else found


@operation("minidl Tensor", formula="the i with xᵢ ≠ 0", samples=[sample(np.array([[0, 2], [1, 0]])), sample(())])
def argwhere(input: Value) -> Value:
    """Find the positions of the elements that are not 0, one row each.

    >>> import minidl
    >>> minidl.argwhere(minidl.tensor([0.0, 3.0]))
    tensor([[1]])
    """
    return argwhere_(input)


def _triangle(primitive: Linear, input: Value, diagonal: int) -> Value:
    if len(shape_of(input)) < 2:
        raise ShapeError(f"{primitive.name}: expected a matrix, or a stack of them, got shape {shape_of(input)}")
    return primitive(input, diagonal=whole_number(diagonal, primitive.name, "diagonal"))


@operation(
    "minidl Tensor",
    formula="yᵢⱼ = xᵢⱼ where j − i ≤ diagonal, else 0",
    samples=[sample((3, 4)), sample((2, 3, 3), diagonal=-1), sample((0, 2))],
    errors=[refuses((3,), match="expected a matrix")],
)
def tril(input: Value, diagonal: int = 0) -> Value:
    """Keep the lower triangle of matrices, up to a diagonal, and set the rest to 0.

    >>> import minidl
    >>> minidl.tril(minidl.ones(2, 2))
    tensor([[1., 0.],
            [1., 1.]])
    """
    return _triangle(tril_, input, diagonal)


@operation(
    "minidl Tensor",
    formula="yᵢⱼ = xᵢⱼ where j − i ≥ diagonal, else 0",
    samples=[sample((3, 4)), sample((2, 3, 3), diagonal=1), sample((0, 2))],
    errors=[refuses((3,), match="expected a matrix")],
)
def triu(input: Value, diagonal: int = 0) -> Value:
    """Keep the upper triangle of matrices, from a diagonal on, and set the rest to 0.

    >>> import minidl
    >>> minidl.triu(minidl.ones(2, 2), 1)
    tensor([[0., 1.],
            [0., 0.]])
    """
    return _triangle(triu_, input, diagonal)


def _two_axes(dim1: int, dim2: int, ndim: int, name: str) -> tuple[int, int]:
    first, second = axis_of(dim1, ndim, name), axis_of(dim2, ndim, name)
    if first == second:
        raise UsageError(f"{name}: dim1={dim1} and dim2={dim2} are one axis; a diagonal needs two")
    return first, second


@operation(
    "minidl Tensor",
    formula="yᵢ = xᵢ,ᵢ₊ₒ, o: offset",
    derivative="∂L/∂x = g on the diagonal, 0 elsewhere",
    samples=[
        sample((3, 4)),
        sample((3, 4), offset=1),
        sample((2, 3, 4), offset=-1, dim1=-1, dim2=0),
        sample((3, 4), offset=9),
    ],
    errors=[
        refuses((3,), error=UsageError, match="out of range"),
        refuses((3, 3), dim1=1, dim2=-1, error=UsageError, match="one axis"),
    ],
)
def diagonal(input: Value, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Value:
    """Take a diagonal of two axes, `offset` to the right of the main one; it becomes the last axis.

    >>> import minidl
    >>> minidl.diagonal(minidl.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([1., 4.])
    """
    first, second = _two_axes(dim1, dim2, len(shape_of(input)), "diagonal")
    return diagonal_(input, offset=whole_number(offset, "diagonal", "offset"), dim1=first, dim2=second)


@operation(
    "minidl Tensor",
    formula="xᵢ at (i, i + offset), 0 elsewhere",
    derivative="∂L/∂x = the diagonal of g",
    samples=[
        sample((3,)),
        sample((2, 3), offset=1, dim1=0, dim2=2),
        sample((2, 3), offset=-1, dim1=0, dim2=-2),
        sample((0,)),
    ],
    errors=[
        refuses((), error=UsageError, match="single number"),
        refuses((3,), dim1=1, dim2=-1, error=UsageError, match="one axis"),
    ],
)
def diag_embed(input: Value, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Value:
    """Put the last axis on a diagonal of two new axes, with zeros around it.

    >>> import minidl
    >>> minidl.diag_embed(minidl.tensor([1.0, 2.0]))
    tensor([[1., 0.],
            [0., 2.]])
    """
    shape = shape_of(input)
    if not shape:
        raise UsageError("diag_embed: a single number has no axis to put on a diagonal")
    first, second = _two_axes(dim1, dim2, len(shape) + 1, "diag_embed")
    along_it = whole_number(offset, "diag_embed", "offset")
    side = shape[-1] + abs(along_it)
    rest = list(shape[:-1])
    for axis in sorted((first, second)):
        rest.insert(axis, side)
    return from_diagonal_(input, shape=tuple(rest), offset=along_it, dim1=first, dim2=second)


@operation(
    "minidl Tensor",
    formula="the diagonal of a matrix, or the matrix of a diagonal",
    derivative="∂L/∂x = g back on the diagonal, or the diagonal of g",
    samples=[sample((3,)), sample((2,), diagonal=-1), sample((3, 4), diagonal=1)],
    errors=[refuses((), match="vector or a matrix"), refuses((2, 2, 2), match="vector or a matrix")],
)
def diag(input: Value, diagonal: int = 0) -> Value:
    """Make a matrix with a vector on its diagonal, or take the diagonal of a matrix.

    >>> import minidl
    >>> minidl.diag(minidl.diag(minidl.tensor([1.0, 2.0])))
    tensor([1., 2.])
    """
    shape = shape_of(input)
    if len(shape) not in (1, 2):
        raise ShapeError(f"diag: expected a vector or a matrix, got shape {shape}")
    if len(shape) == 1:
        return diag_embed(input, diagonal)
    return with_own_memory(diagonal_(input, offset=whole_number(diagonal, "diag", "diagonal"), dim1=0, dim2=1), input)


@operation(
    "minidl",
    formula="x in one axis, on a diagonal",
    derivative="∂L/∂x = the diagonal of g",
    samples=[sample((2, 2)), sample(()), sample((3,), offset=-1)],
)
def diagflat(input: Value, offset: int = 0) -> Value:
    """Make a matrix with all elements of a tensor on its diagonal.

    >>> import minidl
    >>> minidl.diagflat(minidl.tensor([[1.0], [2.0]]))
    tensor([[1., 0.],
            [0., 2.]])
    """
    return diag_embed(reshape_(input, shape=(int(np.prod(shape_of(input))),)), offset)
