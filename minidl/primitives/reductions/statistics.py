"""Statistics: variance and standard deviation, median, mode, quantiles, counts."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...errors import DtypeError, UsageError
from ...graph import Notation, data_of
from ...kernels.device import constant_like
from ..kinds import Constant, Elementwise, General, Value, refuses, sample, shape_of
from ..operation import operation
from ..shapes.shape import reshape
from .axes import (
    Dim,
    add_up,
    axes_of,
    count,
    half_in_single,
    nonempty_axes,
    one_axis,
    require_float,
    require_order,
    require_real,
    restore,
)
from .extrema import pick, share_back, share_forward
from .norms import inverse_or_zero
from .reduction import mean, mean_
from .sorting import Sorted

# Variance --------------------------------------------------------------------------------------------------------------


@half_in_single
def _var(xp: Any, x: Any, dim: tuple[int, ...], correction: float, keepdim: bool) -> Any:
    n = count(x.shape, dim)
    apart = x - xp.mean(x, axis=dim, keepdims=True)  # first the mean, then the squares: no cancellation
    return xp.divide(xp.sum(apart * apart, axis=dim, keepdims=keepdim), _divisor(n, correction))


def _divisor(n: int, correction: float) -> float:
    return n - correction if n > correction else 0.0


def _var_slope(x: Value, dim: tuple[int, ...], correction: float) -> Value:
    """2·(x − x̄)/(n − c)."""
    divisor = _divisor(count(x.shape, dim), correction)
    return (2 / divisor if divisor else np.inf) * (x - mean_(x, dim=dim, keepdim=True))


var_ = General(
    "var",
    Notation("var", "var({0})"),
    reads="inputs",
    forward=_var,
    vjp=lambda g, y, x, dim, correction, keepdim: restore(g, x.shape, dim) * _var_slope(x, dim, correction),
    jvp=lambda t, y, x, dim, correction, keepdim: add_up(t * _var_slope(x, dim, correction), dim, keepdim),
    samples=[
        sample((3, 4), dim=(0, 1), correction=1, keepdim=False),
        sample((2, 3, 4), dim=(1,), correction=0, keepdim=True),
        sample((5,), dim=(0,), correction=0.5, keepdim=False),
    ],
)
"""Σ (xᵢ − x̄)² / (n − correction)."""

root: Elementwise = Elementwise(
    "root",
    Notation("√", "√{0}", 3, (4,)),
    forward=lambda xp, x: xp.sqrt(x),
    partials=(lambda y, x: 0.5 * inverse_or_zero(y),),
    samples=[sample((3, 4), domain="positive"), sample((), domain="positive")],
    homes="",
    promotion="float",
)
"""A square root whose derivative at 0 is taken as 0: that of a length or a spread that is 0."""


class Variance(NamedTuple):
    """How `var` and `std` were asked."""

    axes: tuple[int, ...]
    correction: float


def _asked(input: Value, dim: Any, unbiased: bool | None, correction: float | None, name: str) -> Variance:
    """Read PyTorch's three ways to ask: (dim, unbiased, keepdim), (unbiased), and (dim, correction=, keepdim=)."""
    require_real(input, name)
    if isinstance(dim, bool):
        if unbiased is not None:
            raise UsageError(f"{name}: unbiased is given twice")
        dim, unbiased = None, dim
    if unbiased is not None and correction is not None:
        raise UsageError(f"{name}: give correction or unbiased (True is correction=1, False is correction=0), not both")
    if correction is None:
        correction = 0 if unbiased is False else 1
    return Variance(axes_of(dim, len(shape_of(input)), name), correction)


_SPREADS = (
    sample((3, 4)),
    sample((2, 3, 4), dim=1),
    sample((2, 3, 4), dim=(0, -1), correction=0, keepdim=True),
    sample((5,), dim=0, unbiased=False),
    sample((5,), dim=0, correction=1.5),
)
_REFUSED = (
    refuses((3, 4), dim=2, error=UsageError, match="out of range"),
    refuses((3,), unbiased=True, correction=1, error=UsageError, match="not both"),
    refuses(np.array([1, 2]), error=DtypeError, match="floating-point"),
)


@operation(
    "minidl Tensor",
    formula="Σ (xᵢ − x̄)²/(n − c)",
    derivative="∂y/∂xᵢ = 2·(xᵢ − x̄)/(n − c)",
    samples=_SPREADS,
    errors=_REFUSED,
)
def var(
    input: Value,
    dim: Dim | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Value:
    """Measure the variance along `dim`; of all elements by default.

    Args:
        input: any shape.
        dim: the axes that go; `var(x, False)` stands for `var(x, unbiased=False)`, as in PyTorch.
        unbiased: True divides by n − 1, False by n.
        keepdim: whether the axes stay, with length 1.
        correction: c in the divisor n − c, 1 by default (Bessel's correction).

    >>> import minidl
    >>> minidl.var(minidl.tensor([1.0, 2.0, 6.0]))
    tensor(7.)
    """
    asked = _asked(input, dim, unbiased, correction, "var")
    return var_(input, dim=asked.axes, correction=asked.correction, keepdim=keepdim)


@operation(
    "minidl Tensor",
    formula="√(Σ (xᵢ − x̄)²/(n − c))",
    derivative="∂y/∂xᵢ = (xᵢ − x̄)/((n − c)·y)",
    subgradient="0 where all are equal",
    samples=_SPREADS,
    errors=_REFUSED,
)
def std(
    input: Value,
    dim: Dim | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Value:
    """Measure the standard deviation along `dim`, the square root of the variance; see `var` for the arguments.

    >>> import minidl
    >>> minidl.std(minidl.tensor([1.0, 3.0]), correction=0)
    tensor(1.)
    """
    asked = _asked(input, dim, unbiased, correction, "std")
    return root(var_(input, dim=asked.axes, correction=asked.correction, keepdim=keepdim))


@operation(
    "minidl",
    formula="y₁ = Σ (xᵢ − x̄)²/(n − c), y₂ = x̄",
    derivative="∂y₁/∂xᵢ = 2·(xᵢ − x̄)/(n − c); ∂y₂/∂xᵢ = 1/n",
    samples=_SPREADS,
    errors=_REFUSED,
)
def var_mean(
    input: Value,
    dim: Dim | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Value, Value]:
    """The variance and the mean along `dim`; see `var` for the arguments.

    >>> import minidl
    >>> minidl.var_mean(minidl.tensor([1.0, 2.0, 6.0]))
    (tensor(7.), tensor(3.))
    """
    asked = _asked(input, dim, unbiased, correction, "var_mean")
    spread = var_(input, dim=asked.axes, correction=asked.correction, keepdim=keepdim)
    return spread, mean(input, asked.axes, keepdim)


@operation(
    "minidl",
    formula="y₁ = √(Σ (xᵢ − x̄)²/(n − c)), y₂ = x̄",
    derivative="∂y₁/∂xᵢ = (xᵢ − x̄)/((n − c)·y₁); ∂y₂/∂xᵢ = 1/n",
    samples=_SPREADS,
    errors=_REFUSED,
)
def std_mean(
    input: Value,
    dim: Dim | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Value, Value]:
    """The standard deviation and the mean along `dim`; see `var` for the arguments.

    >>> import minidl
    >>> minidl.std_mean(minidl.tensor([1.0, 3.0]), correction=0)
    (tensor(1.), tensor(2.))
    """
    asked = _asked(input, dim, unbiased, correction, "std_mean")
    spread = var_(input, dim=asked.axes, correction=asked.correction, keepdim=keepdim)
    return root(spread), mean(input, asked.axes, keepdim)


# The middle, and other places in the order -----------------------------------------------------------------------------


def _middle(xp: Any, x: Any, dim: int, skip: bool) -> Any:
    """The position of the lower median; a NaN is the median, unless NaN is skipped. The axis stays, with length 1."""
    n = x.shape[dim]
    if xp.all(xp.equal(x, x)):
        return xp.position_of(x, axis=dim, k=(n - 1) // 2)
    order = xp.argsort(x, axis=dim)
    numbers = xp.sum(xp.equal(x, x), axis=dim, keepdims=True)
    place = (xp.where(numbers > 0, numbers, 1) - 1) // 2 if skip else xp.where(numbers < n, numbers, (n - 1) // 2)
    return xp.take_along_axis(order, place, axis=dim)


median_position_ = Constant(
    "median_position",
    Notation("argmedian", "argmedian({0})"),
    forward=_middle,
    samples=[sample((3, 4), dim=1, skip=False), sample((3, 4), dim=0, skip=True)],
)


def _median_of_all(xp: Any, x: Any, dim: tuple[int, ...], keepdim: bool, skip: bool) -> Any:
    flat = xp.reshape(x, (-1,))
    numbers = flat[xp.equal(flat, flat)]
    if numbers.size < flat.size and not (skip and numbers.size):
        return xp.sum(flat)  # NaN
    middle = (numbers.size - 1) // 2
    return xp.reshape(xp.partition(numbers, middle)[middle], ())


median_ = General(
    "median",
    Notation("median", "median({0})"),
    analytic=False,
    forward=_median_of_all,
    vjp=lambda g, y, x, dim, keepdim, skip: share_back(g, y, x, dim, keepdim),
    jvp=lambda t, y, x, dim, keepdim, skip: share_forward(t, y, x, dim, keepdim),
    samples=[
        sample((3, 4), dim=(0, 1), keepdim=False, skip=False, domain="distinct"),
        sample((5,), dim=(0,), keepdim=False, skip=True, domain="distinct"),
        sample((), dim=(), keepdim=False, skip=False, domain="distinct"),
    ],
)
"""The middle one of all elements; those that equal it share the gradient evenly."""


def _median(input: Value, dim: int | None, keepdim: bool, skip: bool, name: str) -> Value:
    require_order(input, name, booleans=False)
    shape = shape_of(input)
    if dim is None:
        if not data_of(input).size:
            require_float(input, name)
            return add_up(input, axes_of(None, len(shape), name), False) + np.nan
        return median_(input, dim=axes_of(None, len(shape), name), keepdim=False, skip=skip)
    axis = one_axis(dim, len(shape), name)
    nonempty_axes(input, axis, name)
    if not shape:
        return Sorted(*pick(input, 0, reshape(median_position_(reshape(input, (1,)), dim=0, skip=skip), ()), keepdim))
    return Sorted(*pick(input, axis, median_position_(input, dim=axis, skip=skip), keepdim))


_MIDDLES = (
    sample((3, 4), domain="distinct"),
    sample((3, 4), dim=1, domain="distinct"),
    sample((2, 3, 5), dim=-2, keepdim=True, domain="distinct"),
    sample((), domain="distinct"),
    sample((), dim=0, domain="distinct"),
    sample((0, 3), dim=1, domain="distinct"),
)
_WRONG_AXIS = (
    refuses((3, 4), dim=2, error=UsageError, match="out of range"),
    refuses((3, 4), dim=(0, 1), error=UsageError, match="one whole number"),
    refuses((0, 3), dim=0, error=UsageError, match="nothing to choose from"),
)
_SHARED = "of all elements shared evenly where several tie; along an axis the chosen position gets all of it"
_BOOLEANS = refuses(np.array([True, False]), error=DtypeError, match="bool")


@operation(
    "minidl Tensor",
    formula="x₍ₘ₎, m = ⌊(n + 1)/2⌋",
    derivative="∂y/∂xᵢ = 1 where xᵢ is the chosen one, else 0",
    subgradient=_SHARED,
    samples=_MIDDLES,
    errors=[*_WRONG_AXIS, _BOOLEANS],
)
def median(input: Value, dim: int | None = None, keepdim: bool = False) -> Value:
    """Take the middle element, the lower one of two; along an axis also its position. A NaN is the median wherever it is.

    Returns:
        One value; with `dim`, the pair `(values, indices)`.

    >>> import minidl
    >>> minidl.median(minidl.tensor([3.0, 1.0, 2.0, 4.0]))
    tensor(2.)
    """
    return _median(input, dim, keepdim, False, "median")


@operation(
    "minidl Tensor",
    formula="the median of the xᵢ that are numbers",
    derivative="∂y/∂xᵢ = 1 where xᵢ is the chosen one, else 0",
    subgradient=_SHARED,
    samples=_MIDDLES,
    errors=[*_WRONG_AXIS, _BOOLEANS],
)
def nanmedian(input: Value, dim: int | None = None, keepdim: bool = False) -> Value:
    """Take the middle one of the elements that are numbers; see `median`.

    >>> import minidl
    >>> minidl.nanmedian(minidl.tensor([3.0, float("nan"), 2.0]))
    tensor(2.)
    """
    return _median(input, dim, keepdim, True, "nanmedian")


def _most_frequent(xp: Any, x: Any, dim: int) -> Any:
    """The last position of the most frequent value, the smallest of those that are equally frequent."""
    order = np.moveaxis(xp.argsort(x, axis=dim), dim, -1)
    ordered = np.take_along_axis(np.moveaxis(x, dim, -1), order, axis=-1)
    places = constant_like(x, np.arange(ordered.shape[-1]))
    starts = np.where(ordered != np.roll(ordered, 1, -1), places, 0)
    first = np.take_along_axis(starts, xp.last_extremum(starts, starts.ndim - 1, True), axis=-1)
    longest = np.argmax(places - first, axis=-1, keepdims=True)
    return np.moveaxis(np.take_along_axis(order, longest, axis=-1), -1, dim)


mode_position_ = Constant(
    "mode_position",
    Notation("mode", "mode({0})"),
    forward=_most_frequent,
    samples=[sample((3, 4), dim=1), sample((3, 4), dim=0)],
)


@operation(
    "minidl Tensor",
    formula="the most frequent x",
    derivative="∂y/∂xᵢ = 1 where xᵢ is the chosen one, else 0",
    subgradient="all to the chosen position, the last one of that value",
    samples=[
        sample(np.array([[1, 3, 3, 2], [4, 0, 0, 4]])),
        sample(np.array([[1, 3], [1, 3], [2, 2]]), dim=0, keepdim=True),
        sample((3, 4), dim=1, domain="distinct"),
        sample((), domain="distinct"),
    ],
    errors=_WRONG_AXIS,
)
def mode(input: Value, dim: int = -1, keepdim: bool = False) -> Sorted:
    """Take the most frequent value along `dim`, the smallest of several, and its last position.

    >>> import minidl
    >>> minidl.mode(minidl.tensor([1.0, 3.0, 3.0])).values
    tensor(3.)
    """
    shape = shape_of(input)
    require_order(input, "mode")
    axis = one_axis(dim, len(shape), "mode")
    nonempty_axes(input, axis, "mode")
    if not shape:
        return Sorted(*pick(input, 0, reshape(mode_position_(reshape(input, (1,)), dim=0), ()), keepdim))
    return Sorted(*pick(input, axis, mode_position_(input, dim=axis), keepdim))
