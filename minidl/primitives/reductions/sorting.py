"""Order: sorting, the k largest, the k-th smallest. Positions carry no gradient; values pass theirs to where they came from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...errors import DtypeError, UsageError
from ...graph import Notation
from ..kinds import Constant, Value, refuses, sample, shape_of
from ..operation import operation
from ..shapes.elements import whole_number
from ..shapes.gathering import gather
from ..shapes.shape import reshape
from .axes import at_least_1d, nonempty_axes, one_axis, require_order
from .extrema import pick


class Sorted(NamedTuple):
    """Elements in their order along an axis, and the positions they came from."""

    values: Value
    indices: Value


argsort_ = Constant(
    "argsort",
    Notation("argsort", "argsort({0})"),
    forward=lambda xp, x, dim, descending: xp.argsort(x, axis=dim, descending=descending),
    samples=[sample((3, 4), dim=1, descending=False), sample((3, 4), dim=0, descending=True)],
)

top_positions_ = Constant(
    "top_positions",
    Notation("argtop", "argtop({0})"),
    forward=lambda xp, x, dim, k, largest: xp.top_positions(x, axis=dim, k=k, largest=largest),
    samples=[sample((3, 4), dim=1, k=2, largest=True), sample((9, 3), dim=0, k=1, largest=False)],
)

position_of_ = Constant(
    "position_of",
    Notation("argsortₖ", "argsort({0})ₖ"),
    forward=lambda xp, x, dim, k: xp.position_of(x, axis=dim, k=k),
    samples=[sample((3, 4), dim=1, k=2), sample((9, 3), dim=0, k=0)],
)

_ALONG = (
    sample((3, 4), domain="distinct"),
    sample((2, 3, 4), dim=1, descending=True, domain="distinct"),
    sample((3, 2), dim=-2, domain="distinct"),
    sample((), domain="distinct"),
    sample((0, 2), dim=0, domain="distinct"),
    sample(np.array([[1, 3, 3, 2], [2, 2, 2, 1]]), descending=True),
)
_STABLE = (*_ALONG, sample(np.array([3, 1, 3]), dim=0, descending=True, stable=True))
_WRONG_AXES = (
    refuses((3, 4), dim=2, error=UsageError, match="out of range"),
    refuses((3, 4), dim=(0, 1), error=UsageError, match="one whole number"),
)
_BOOLEANS = refuses(np.array([True, False]), k=1, error=DtypeError, match="bool")


@operation(
    "minidl Tensor",
    formula="yᵢ = x₍ᵢ₎, x₍₁₎ ≤ x₍₂₎ ≤ …",
    derivative="∂L/∂x = g put back to where the elements came from",
    samples=_STABLE,
    errors=_WRONG_AXES,
)
def sort(input: Value, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Sorted:
    """Sort along `dim`; NaN is the largest of all.

    Args:
        input: any shape.
        dim: the axis to sort along.
        descending: largest first.
        stable: equal elements keep their order; here they always do.

    Returns:
        The pair `(values, indices)`.

    >>> import minidl
    >>> minidl.sort(minidl.tensor([3.0, 1.0, 2.0])).indices
    tensor([1, 2, 0])
    """
    indices = argsort(input, dim, descending, stable=stable)
    axis = one_axis(dim, len(shape_of(input)), "sort")
    return Sorted(gather(input, axis, indices), indices)


@operation("minidl Tensor", formula="the i of x₍₁₎ ≤ x₍₂₎ ≤ …", samples=_STABLE, errors=_WRONG_AXES)
def argsort(input: Value, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Value:
    """Return the positions that would sort along `dim`; equal elements keep their order.

    >>> import minidl
    >>> minidl.argsort(minidl.tensor([3.0, 1.0, 2.0]), descending=True)
    tensor([0, 2, 1])
    """
    require_order(input, "argsort")
    axis = one_axis(dim, len(shape_of(input)), "argsort")
    return reshape(argsort_(at_least_1d(input), dim=axis, descending=bool(descending)), shape_of(input))


@operation(
    "minidl Tensor",
    formula="yᵢ = x₍ᵢ₎, x₍₁₎ ≤ x₍₂₎ ≤ …",
    derivative="∂L/∂x = g put back to where the elements came from",
    samples=[sample((4, 3), domain="distinct"), sample((), domain="distinct"), sample((0, 2), domain="distinct")],
    errors=[refuses(np.array([1j]), error=DtypeError, match="complex")],
)
def msort(input: Value) -> Value:
    """Sort along the first axis.

    >>> import minidl
    >>> minidl.msort(minidl.tensor([3.0, 1.0, 2.0]))
    tensor([1., 2., 3.])
    """
    require_order(input, "msort")
    return sort(input, 0).values


@operation(
    "minidl Tensor",
    formula="the k largest xᵢ, in order",
    derivative="∂L/∂x = g put back to where the elements came from",
    samples=[
        sample((3, 4), k=2, domain="distinct"),
        sample((3, 4), k=3, largest=False, domain="distinct"),
        sample((2, 3, 2), k=1, dim=1, sorted=True, domain="distinct"),
        sample((3, 4), k=0, domain="distinct"),
        sample((), k=1, domain="distinct"),
    ],
    errors=[
        refuses((3, 4), k=5, error=UsageError, match="4 elements"),
        refuses((3, 4), k=-1, error=UsageError, match="4 elements"),
        refuses((3, 4), k=1, dim=2, error=UsageError, match="out of range"),
        _BOOLEANS,
    ],
)
def topk(input: Value, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Sorted:
    """The `k` largest elements along `dim`, largest first; or the smallest, smallest first.

    Args:
        input: any shape.
        k: how many, at most as many as there are.
        dim: the axis to choose along.
        largest: the largest rather than the smallest.
        sorted: whether they must be in order; here they always are.

    Returns:
        The pair `(values, indices)`; of elements that tie, the first ones are chosen.

    >>> import minidl
    >>> minidl.topk(minidl.tensor([3.0, 1.0, 2.0]), 2).values
    tensor([3., 2.])
    """
    require_order(input, "topk", booleans=False)
    shape = shape_of(input)
    axis = one_axis(dim, len(shape), "topk")
    room = shape[axis] if shape else 1
    k = whole_number(k, "topk", "k")
    if not 0 <= k <= room:
        raise UsageError(f"topk: k={k} of {room} elements along dim={dim}")
    order = top_positions_(input, dim=axis, k=k, largest=bool(largest)) if shape else argsort(input)
    return Sorted(gather(input, axis, order), order)


@operation(
    "minidl Tensor",
    formula="x₍ₖ₎, the k-th smallest",
    derivative="∂y/∂xᵢ = 1 where xᵢ is the chosen one, else 0",
    subgradient="all to the chosen position",
    samples=[
        sample((3, 4), k=2, domain="distinct"),
        sample((3, 4), k=3, dim=0, keepdim=True, domain="distinct"),
        sample((), k=1, domain="distinct"),
        sample((0, 2), k=1, domain="distinct"),
    ],
    errors=[
        refuses((3, 4), k=5, error=UsageError, match="k must lie in 1 … 4"),
        refuses((3, 4), k=0, error=UsageError, match="k must lie in 1 … 4"),
        refuses((0, 2), k=1, dim=0, error=UsageError, match="nothing to choose from"),
        _BOOLEANS,
    ],
)
def kthvalue(input: Value, k: int, dim: int = -1, keepdim: bool = False) -> Sorted:
    """The `k`-th smallest element along `dim`, counted from 1, and its position.

    >>> import minidl
    >>> minidl.kthvalue(minidl.tensor([3.0, 1.0, 2.0]), 2).values
    tensor(2.)
    """
    require_order(input, "kthvalue", booleans=False)
    shape = shape_of(input)
    axis = one_axis(dim, len(shape), "kthvalue")
    nonempty_axes(input, axis, "kthvalue")
    room = shape[axis] if shape else 1
    k = whole_number(k, "kthvalue", "k")
    if not 1 <= k <= room:
        raise UsageError(f"kthvalue: k must lie in 1 … {room} along dim={dim}; got {k}")
    position = position_of_(input, dim=axis, k=k - 1) if shape else argsort(input, dim)
    return Sorted(*pick(input, axis, position, keepdim))
