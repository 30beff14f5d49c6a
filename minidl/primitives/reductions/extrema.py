"""The largest and the smallest: their values, their positions, and who gets the gradient where several tie."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...errors import DtypeError, UsageError
from ...graph import Node, Notation
from ..elementwise.arithmetic import maximum, minimum
from ..kinds import Constant, General, Value, refuses, sample, shape_of, sum_to
from ..operation import operation
from ..shapes.gathering import gather
from ..shapes.shape import reshape
from .axes import Dim, add_up, kept_shape, nonempty_axes, one_axis, reduced_shape, require_order, restore


class Extremum(NamedTuple):
    """The largest or smallest elements along an axis, and their positions."""

    values: Value
    indices: Value


class Range(NamedTuple):
    """The smallest and the largest elements."""

    min: Value
    max: Value


matches = Constant(
    "matches",
    Notation("=", "[{0} = {1}]"),
    forward=lambda xp, x, y: xp.astype(xp.equal(x, y) | (xp.not_equal(x, x) & xp.not_equal(y, y)), x.dtype),
    samples=[sample((3, 4), (3, 1))],
)
"""1 where two are equal and 0 elsewhere; a NaN, which equals nothing, matches a NaN."""


def share(y: Value, x: Value, dim: tuple[int, ...]) -> Value:
    """1 where an element is the chosen value and 0 elsewhere; elements that tie share the 1 evenly."""
    at = matches(x, restore(y, x.shape, dim))
    return at / sum_to(at, kept_shape(x.shape, dim))


def share_back(g: Value, y: Value, x: Value, dim: tuple[int, ...], keepdim: bool) -> Value:
    """Divide the upstream gradient among the elements that are the chosen value."""
    return restore(g, x.shape, dim) * share(y, x, dim)


def share_forward(t: Value, y: Value, x: Value, dim: tuple[int, ...], keepdim: bool) -> Value:
    """Average the tangents of the elements that are the chosen value."""
    return add_up(t * share(y, x, dim), dim, keepdim)


_SAMPLES = [
    sample((3, 4), dim=(0, 1), keepdim=False, domain="distinct"),
    sample((2, 3, 4), dim=(1,), keepdim=False, domain="distinct"),
    sample((2, 3, 4), dim=(0, 2), keepdim=True, domain="distinct"),
    sample((), dim=(), keepdim=False, domain="distinct"),
]

amax_ = General(
    "amax",
    Notation("max", "max({0})"),
    analytic=False,
    forward=lambda xp, x, dim, keepdim: xp.max(x, axis=dim, keepdims=keepdim),
    vjp=share_back,
    jvp=share_forward,
    samples=_SAMPLES,
)

amin_ = General(
    "amin",
    Notation("min", "min({0})"),
    analytic=False,
    forward=lambda xp, x, dim, keepdim: xp.min(x, axis=dim, keepdims=keepdim),
    vjp=share_back,
    jvp=share_forward,
    samples=_SAMPLES,
)

argmax_ = Constant(
    "argmax",
    Notation("argmax", "argmax({0})"),
    forward=lambda xp, x, dim, keepdim: xp.argmax(x, axis=dim, keepdims=keepdim),
    samples=[sample((3, 4), dim=1, keepdim=False)],
)

argmin_ = Constant(
    "argmin",
    Notation("argmin", "argmin({0})"),
    forward=lambda xp, x, dim, keepdim: xp.argmin(x, axis=dim, keepdims=keepdim),
    samples=[sample((3, 4), dim=1, keepdim=False)],
)

_ALONG = (
    sample((3, 4), domain="distinct"),
    sample((2, 3, 4), dim=1, domain="distinct"),
    sample((2, 3, 4), dim=(0, -1), keepdim=True, domain="distinct"),
    sample((), dim=0, domain="distinct"),
    sample((0, 3), dim=1, domain="distinct"),
    sample(np.array([[1, 3, 3], [2, 2, 2]]), dim=1),
)
_ONE_AXIS = (
    sample((3, 4), domain="distinct"),
    sample((2, 3, 4), dim=1, domain="distinct"),
    sample((2, 3, 4), dim=-1, keepdim=True, domain="distinct"),
    sample((), domain="distinct"),
    sample((), dim=0, domain="distinct"),
    sample((0, 3), dim=1, domain="distinct"),
)
_NOTHING = refuses((0, 3), dim=0, error=UsageError, match="nothing to choose from")
_WRONG_AXES = (_NOTHING, refuses((3, 4), dim=2, error=UsageError, match="out of range"))
_WRONG_AXIS = (*_WRONG_AXES, refuses((3, 4), dim=(0, 1), error=UsageError, match="one whole number"))
_BOOLEANS = refuses(np.array([True, False]), error=DtypeError, match="bool")


@operation(
    "minidl Tensor",
    formula="maxᵢ xᵢ",
    derivative="∂y/∂xᵢ = 1/k where xᵢ = y, of which there are k, else 0",
    subgradient="shared evenly where several tie",
    samples=_ALONG,
    errors=_WRONG_AXES,
)
def amax(input: Value, dim: Dim = None, keepdim: bool = False) -> Value:
    """Take the largest element along `dim`; elements that tie share the gradient evenly. NaN is the largest of all.

    >>> import minidl
    >>> minidl.amax(minidl.tensor([[1.0, 5.0], [7.0, 4.0]]), dim=1)
    tensor([5., 7.])
    """
    require_order(input, "amax")
    return amax_(input, dim=nonempty_axes(input, dim, "amax"), keepdim=keepdim)


@operation(
    "minidl Tensor",
    formula="minᵢ xᵢ",
    derivative="∂y/∂xᵢ = 1/k where xᵢ = y, of which there are k, else 0",
    subgradient="shared evenly where several tie",
    samples=_ALONG,
    errors=_WRONG_AXES,
)
def amin(input: Value, dim: Dim = None, keepdim: bool = False) -> Value:
    """Take the smallest element along `dim`; elements that tie share the gradient evenly. A NaN wins.

    >>> import minidl
    >>> minidl.amin(minidl.tensor([1.0, 5.0]))
    tensor(1.)
    """
    require_order(input, "amin")
    return amin_(input, dim=nonempty_axes(input, dim, "amin"), keepdim=keepdim)


@operation(
    "minidl Tensor",
    formula="y₁ = minᵢ xᵢ, y₂ = maxᵢ xᵢ",
    derivative="∂yⱼ/∂xᵢ = 1/k where xᵢ = yⱼ, of which there are k, else 0",
    subgradient="shared evenly where several tie",
    samples=_ONE_AXIS,
    errors=_WRONG_AXIS,
)
def aminmax(input: Value, *, dim: int | None = None, keepdim: bool = False) -> Range:
    """Take the smallest and the largest element, of all or along one axis.

    >>> import minidl
    >>> minidl.aminmax(minidl.tensor([3.0, 1.0, 2.0])).max
    tensor(3.)
    """
    if dim is not None:
        dim = one_axis(dim, len(shape_of(input)), "aminmax")
    return Range(amin(input, dim, keepdim), amax(input, dim, keepdim))


def pick(input: Value, axis: int, indices: Value, keepdim: bool) -> tuple[Value, Value]:
    """The elements at `indices`, one along the axis, and the indices, both without the axis unless it is kept."""
    values = gather(input, axis, indices)
    shape = reduced_shape(shape_of(input), (axis,), keepdim)
    return reshape(values, shape), reshape(indices, shape)


@operation(
    "minidl Tensor",
    formula="maxᵢ xᵢ",
    derivative="∂y/∂xᵢ = 1/k where xᵢ = y, of which there are k, else 0",
    subgradient="shared evenly where several tie; along an axis the chosen position gets all of it",
    samples=[*_ONE_AXIS, sample(np.array([[1, 3, 3], [2, 2, 2]]), dim=1), sample((3, 1), (4,))],
    errors=[*_WRONG_AXIS, refuses((2,), dim=2.0, error=UsageError, match="one whole number")],
)
def max(input: Value, dim: Any = None, keepdim: bool = False, *, other: Value = None) -> Value:
    """Take the largest element; along an axis the largest elements and their positions; of two tensors the larger.

    Args:
        input: any shape.
        dim: the axis that goes; or a second tensor: `max(x, y)` is `maximum(x, y)`.
        keepdim: whether the axis stays, with length 1.
        other: the second tensor, by name.

    Returns:
        One value; with `dim`, the pair `(values, indices)`. With `dim`, the gradient goes to the chosen position alone.

    >>> import minidl
    >>> minidl.max(minidl.tensor([[1.0, 5.0], [7.0, 4.0]]), dim=1).indices
    tensor([1, 0])
    """
    if other is not None or isinstance(dim, Node):
        return maximum(input, dim if other is None else other)
    return _extremum(input, dim, keepdim, "max", amax_, argmax_)


@operation(
    "minidl Tensor",
    formula="minᵢ xᵢ",
    derivative="∂y/∂xᵢ = 1/k where xᵢ = y, of which there are k, else 0",
    subgradient="shared evenly where several tie; along an axis the chosen position gets all of it",
    samples=[*_ONE_AXIS, sample(np.array([[1, 1, 3], [2, 2, 2]]), dim=1), sample((3, 1), (4,))],
    errors=[*_WRONG_AXIS, refuses((2,), dim=2.0, error=UsageError, match="one whole number")],
)
def min(input: Value, dim: Any = None, keepdim: bool = False, *, other: Value = None) -> Value:
    """Take the smallest element; along an axis the smallest elements and their positions; of two tensors the smaller.

    See `max` for the arguments.

    >>> import minidl
    >>> minidl.min(minidl.tensor([3.0, 2.0]))
    tensor(2.)
    """
    if other is not None or isinstance(dim, Node):
        return minimum(input, dim if other is None else other)
    return _extremum(input, dim, keepdim, "min", amin_, argmin_)


def _extremum(input: Value, dim: Any, keepdim: bool, name: str, reduce: Any, position: Any) -> Value:
    require_order(input, name)
    if dim is None:
        return reduce(input, dim=nonempty_axes(input, None, name), keepdim=keepdim)
    axis = one_axis(dim, len(shape_of(input)), name)
    nonempty_axes(input, dim, name)
    if not shape_of(input):
        return Extremum(*pick(input, 0, position(input, dim=None, keepdim=False), keepdim))
    return Extremum(*pick(input, axis, position(input, dim=axis, keepdim=True), keepdim))


@operation(
    "minidl Tensor",
    formula="the i of maxᵢ xᵢ",
    samples=_ONE_AXIS,
    errors=[*_WRONG_AXIS, _BOOLEANS],
)
def argmax(input: Value, dim: int | None = None, keepdim: bool = False) -> Value:
    """Return the position of the largest element, along `dim` or in the flattened tensor; of the first if several tie.

    >>> import minidl
    >>> minidl.argmax(minidl.tensor([[1.0, 5.0], [7.0, 4.0]]))
    tensor(2)
    """
    return _position(input, dim, keepdim, "argmax", argmax_)


@operation(
    "minidl Tensor",
    formula="the i of minᵢ xᵢ",
    samples=_ONE_AXIS,
    errors=[*_WRONG_AXIS, _BOOLEANS],
)
def argmin(input: Value, dim: int | None = None, keepdim: bool = False) -> Value:
    """Return the position of the smallest element, along `dim` or in the flattened tensor; of the first if several tie.

    >>> import minidl
    >>> minidl.argmin(minidl.tensor([3.0, 2.0]))
    tensor(1)
    """
    return _position(input, dim, keepdim, "argmin", argmin_)


def _position(input: Value, dim: int | None, keepdim: bool, name: str, position: Any) -> Value:
    require_order(input, name, booleans=False)
    axis = None if dim is None else one_axis(dim, len(shape_of(input)), name)
    nonempty_axes(input, axis, name)
    return position(input, dim=axis if shape_of(input) else None, keepdim=keepdim)
