"""Running totals along an axis: sums, products, ln Σ exp, extrema; and the recurrence that is behind their derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import DtypeError, UsageError
from ...graph import Notation
from ...kernels.device import constant_like
from ..elementwise.exponential import exp
from ..kinds import Constant, General, Linear, Value, refuses, sample, shape_of
from ..operation import operation
from ..shapes.elements import along, cast
from ..shapes.gathering import gather
from ..shapes.shape import reshape
from .axes import as_dtype, at_least_1d, one_axis, require_float, require_order, summand
from .extrema import Extremum

_SCANS = [
    sample((3, 4), dim=1, sense="≤"),
    sample((3, 2), dim=0, sense="≥"),
    sample((1,), dim=0, sense="≤"),
    sample((0, 2), dim=0, sense="≤"),
]
"""The sense says from which end: ≤ joins all elements up to one's own, ≥ all from one's own on."""


def _flipped(xp: Any, x: Any, dim: int) -> Any:
    return xp.getitem(x, along(dim, slice(None, None, -1)))


def _in_sense(xp: Any, scan: Any, sense: str, dim: int, *arrays: Any) -> Any:
    """A scan from the first element on, or from the last one back."""
    if sense == "≤":
        return scan(*arrays, axis=dim)
    return _flipped(xp, scan(*(_flipped(xp, a, dim) for a in arrays), axis=dim), dim)


def _other(sense: str) -> str:
    return "≥" if sense == "≤" else "≤"


def _neighbour(xp: Any, x: Any, dim: int, end: float, start: int) -> Any:
    if not x.shape[dim]:
        return x
    filled = constant_like(x, np.full((*x.shape[:dim], 1, *x.shape[dim + 1 :]), end, x.dtype))
    inside = xp.getitem(x, along(dim, slice(0, -1) if start else slice(1, None)))
    return xp.concat([filled, inside] if start else [inside, filled], axis=dim)


before: General = General(
    "before",
    Notation("ᵢ₋₁", "{0}ᵢ₋₁"),
    reads="inputs",
    forward=lambda xp, x, dim, end: _neighbour(xp, x, dim, end, 1),
    vjp=lambda g, y, x, dim, end: after(g, dim=dim, end=0.0),
    jvp=lambda t, y, x, dim, end: before(t, dim=dim, end=0.0),
    samples=[sample((3, 4), dim=1, end=1.0), sample((3, 2), dim=0, end=0.0), sample((0, 2), dim=0, end=1.0)],
)
"""Each element's predecessor; the first has `end` before it."""

after: General = General(
    "after",
    Notation("ᵢ₊₁", "{0}ᵢ₊₁"),
    reads="inputs",
    forward=lambda xp, x, dim, end: _neighbour(xp, x, dim, end, 0),
    vjp=lambda g, y, x, dim, end: before(g, dim=dim, end=0.0),
    jvp=lambda t, y, x, dim, end: after(t, dim=dim, end=0.0),
    samples=[sample((3, 4), dim=1, end=1.0), sample((3, 2), dim=0, end=0.0), sample((0, 2), dim=0, end=1.0)],
)
"""Each element's successor; the last has `end` after it."""


def _last(x: Value, dim: int, sense: str, end: float) -> Value:
    """The element that a scan saw last."""
    return (before if sense == "≤" else after)(x, dim=dim, end=end)


def _next(x: Value, dim: int, sense: str) -> Value:
    """The element that a scan sees next."""
    return (after if sense == "≤" else before)(x, dim=dim, end=0.0)


cumsum_: Linear = Linear(
    "cumsum",
    Notation("Σ≤", "Σ{sense} {0}", 1, (3,)),
    forward=lambda xp, x, dim, sense: _in_sense(xp, xp.cumulative_sum, sense, dim, x),
    transpose=lambda g, x, dim, sense: cumsum_(g, dim=dim, sense=_other(sense)),
    samples=_SCANS,
)

recurrence: General = General(
    "recurrence",
    Notation("yᵢ = aᵢyᵢ₋₁ + bᵢ", "recurrence{sense}({0}, {1})"),
    forward=lambda xp, a, b, dim, sense: _in_sense(xp, xp.recurrence, sense, dim, a, b),
    vjp=lambda g, y, a, b, dim, sense: _recurrence_back(g, y, a, dim, sense),
    jvp=lambda s, t, y, a, b, dim, sense: recurrence(
        a, _given(t, b) + _given(s, a) * _last(y, dim, sense, 0.0), dim=dim, sense=sense
    ),
    samples=[
        sample((3, 4), (3, 4), dim=1, sense="≤"),
        sample((3, 2), (3, 2), dim=0, sense="≥"),
        sample((1,), (1,), dim=0, sense="≤"),
    ],
)
"""yᵢ = aᵢ·yᵢ₋₁ + bᵢ from y₋₁ = 0. Its transpose runs backwards, λᵢ = gᵢ + aᵢ₊₁·λᵢ₊₁, and ∂/∂bᵢ = λᵢ, ∂/∂aᵢ = λᵢ·yᵢ₋₁."""


def _carried_back(a: Value, g: Value, dim: int, sense: str) -> Value:
    """λᵢ = gᵢ + aᵢ₊₁·λᵢ₊₁: all that the later elements send to one, with its own."""
    return recurrence(_next(a, dim, sense), g, dim=dim, sense=_other(sense))


def _recurrence_back(g: Value, y: Value, a: Value, dim: int, sense: str) -> tuple[Value, Value]:
    carried = _carried_back(a, g, dim, sense)
    return carried * _last(y, dim, sense, 0.0), carried


def _given(t: Value, x: Value) -> Value:
    return np.zeros(shape_of(x), x.dtype) if t is None else t


cumprod_: General = General(
    "cumprod",
    Notation("Π≤", "Π{sense} {0}", 1, (3,)),
    forward=lambda xp, x, dim, sense: _in_sense(xp, xp.cumulative_prod, sense, dim, x),
    vjp=lambda g, y, x, dim, sense: _last(y, dim, sense, 1.0) * _carried_back(x, g, dim, sense),
    jvp=lambda t, y, x, dim, sense: recurrence(x, t * _last(y, dim, sense, 1.0), dim=dim, sense=sense),
    samples=[*_SCANS, sample(np.array([[2.0, 0.0, 3.0, 1.0], [0.0, 5.0, 0.0, 2.0]]), dim=1, sense="≤")],
)
"""yᵢ = xᵢ·yᵢ₋₁. ∂yⱼ/∂xᵢ = (Π before i)·(Π from i+1 to j): no division, so it is right where some x are 0."""

logcumsumexp_: General = General(
    "logcumsumexp",
    Notation("ln Σ≤ exp", "ln Σ{sense} exp({0})", 2),
    analytic=False,
    forward=lambda xp, x, dim, sense: _in_sense(xp, xp.cumulative_logsumexp, sense, dim, x),
    vjp=lambda g, y, x, dim, sense: exp(x - y) * _carried_back(exp(_last(y, dim, sense, -np.inf) - y), g, dim, sense),
    jvp=lambda t, y, x, dim, sense: recurrence(
        exp(_last(y, dim, sense, -np.inf) - y), exp(x - y) * t, dim=dim, sense=sense
    ),
    samples=_SCANS,
)
"""yᵢ = ln(exp yᵢ₋₁ + exp xᵢ), whose change is exp(yᵢ₋₁ − yᵢ) of the one before and exp(xᵢ − yᵢ) of x's: never above 1."""


def product_of_others(x: Value, dim: int) -> Value:
    """Π xⱼ over all j ≠ i along an axis: those before times those after, without a division."""
    left = cumprod_(before(x, dim=dim, end=1.0), dim=dim, sense="≤")
    right = cumprod_(after(x, dim=dim, end=1.0), dim=dim, sense="≥")
    return left * right


last_extremum_ = Constant(
    "last_extremum",
    Notation("argmax≤", "argmax≤ {0}"),
    forward=lambda xp, x, dim, largest: xp.last_extremum(x, axis=dim, largest=largest),
    samples=[sample((3, 4), dim=1, largest=True), sample((3, 4), dim=0, largest=False)],
)

_ALONG = (
    sample((3, 4), dim=1),
    sample((3, 2), dim=-2),
    sample((), dim=0),
    sample((0, 2), dim=0),
    sample((2, 0), dim=1),
)
_DISTINCT = tuple(sample(*s.shapes, domain="distinct", **s.params) for s in _ALONG)
_WRONG_AXES = (
    refuses((3, 4), dim=2, error=UsageError, match="out of range"),
    refuses((3, 4), dim=(0, 1), error=UsageError, match="one whole number"),
)


def _scan(primitive: Any, input: Value, dim: int, name: str) -> Value:
    axis = one_axis(dim, len(shape_of(input)), name)
    return reshape(primitive(at_least_1d(input), dim=axis, sense="≤"), shape_of(input))


@operation(
    "minidl Tensor",
    formula="yᵢ = x₁ + … + xᵢ",
    derivative="∂L/∂xᵢ = gᵢ + gᵢ₊₁ + … + gₙ",
    samples=[*_ALONG, sample(np.array([1, 2]), dim=0, dtype=np.dtype(np.float32))],
    errors=_WRONG_AXES,
)
def cumsum(input: Value, dim: int, *, dtype: Any = None) -> Value:
    """Add up along `dim`, keeping every subtotal.

    Args:
        input: any shape; integers are added up as int64.
        dim: the axis to run along.
        dtype: what to convert to first.

    >>> import minidl
    >>> minidl.cumsum(minidl.tensor([1.0, 2.0, 3.0]), dim=0)
    tensor([1., 3., 6.])
    """
    total = _scan(cumsum_, summand(input, dtype, "cumsum"), dim, "cumsum")
    return total if dtype is None else cast(total, as_dtype(dtype, "cumsum"))


@operation(
    "minidl Tensor",
    formula="yᵢ = x₁·…·xᵢ",
    derivative="∂yⱼ/∂xᵢ = x₁·…·xⱼ without xᵢ for i ≤ j, else 0",
    samples=[
        *_ALONG,
        sample(np.array([[2.0, 0.0, 3.0, 1.0], [0.0, 5.0, 0.0, 2.0]]), dim=1),
        sample(np.array([1, 2]), dim=0, dtype=np.dtype(np.float32)),
    ],
    errors=_WRONG_AXES,
)
def cumprod(input: Value, dim: int, *, dtype: Any = None) -> Value:
    """Multiply along `dim`, keeping every product on the way.

    Args:
        input: any shape; integers are multiplied as int64.
        dim: the axis to run along.
        dtype: what to convert to first.

    >>> import minidl
    >>> minidl.cumprod(minidl.tensor([1.0, 2.0, 3.0]), dim=0)
    tensor([1., 2., 6.])
    """
    product = _scan(cumprod_, summand(input, dtype, "cumprod"), dim, "cumprod")
    return product if dtype is None else cast(product, as_dtype(dtype, "cumprod"))


@operation(
    "minidl Tensor",
    formula="yᵢ = ln(exp(x₁) + … + exp(xᵢ))",
    derivative="∂yⱼ/∂xᵢ = exp(xᵢ − yⱼ) for i ≤ j, else 0",
    samples=_ALONG,
    errors=[*_WRONG_AXES, refuses(np.array([1, 2]), dim=0, error=DtypeError, match="floating-point")],
)
def logcumsumexp(input: Value, dim: int) -> Value:
    """The logarithm of the running sum of exponentials along `dim`, without overflow.

    >>> import minidl
    >>> minidl.logcumsumexp(minidl.tensor([0.0, 0.0]), dim=0)
    tensor([0.0000, 0.6931])
    """
    require_float(input, "logcumsumexp")
    return _scan(logcumsumexp_, input, dim, "logcumsumexp")


@operation(
    "minidl Tensor",
    formula="yᵢ = max(x₁, …, xᵢ)",
    derivative="∂yⱼ/∂xᵢ = 1 where xᵢ is that maximum, else 0",
    subgradient="all to the latest of those that tie",
    samples=[*_DISTINCT, sample(np.array([1, 3, 3, 2]), dim=0)],
    errors=_WRONG_AXES,
)
def cummax(input: Value, dim: int) -> Extremum:
    """The largest element so far, and where it stands; the latest of those that tie.

    >>> import minidl
    >>> minidl.cummax(minidl.tensor([1.0, 3.0, 2.0]), dim=0).values
    tensor([1., 3., 3.])
    """
    return _running_extremum(input, dim, True, "cummax")


@operation(
    "minidl Tensor",
    formula="yᵢ = min(x₁, …, xᵢ)",
    derivative="∂yⱼ/∂xᵢ = 1 where xᵢ is that minimum, else 0",
    subgradient="all to the latest of those that tie",
    samples=[*_DISTINCT, sample(np.array([3, 1, 1, 2]), dim=0)],
    errors=_WRONG_AXES,
)
def cummin(input: Value, dim: int) -> Extremum:
    """The smallest element so far, and where it stands; the latest of those that tie.

    >>> import minidl
    >>> minidl.cummin(minidl.tensor([2.0, 1.0, 3.0]), dim=0).indices
    tensor([0, 1, 1])
    """
    return _running_extremum(input, dim, False, "cummin")


def _running_extremum(input: Value, dim: int, largest: bool, name: str) -> Extremum:
    require_order(input, name)
    axis = one_axis(dim, len(shape_of(input)), name)
    vector = at_least_1d(input)
    indices = last_extremum_(vector, dim=axis, largest=largest)
    shape = shape_of(input)
    return Extremum(reshape(gather(vector, axis, indices), shape), reshape(indices, shape))
