"""Arithmetic: + − · /, powers and roots, the absolute value, the larger and the smaller of two."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ...errors import DtypeError, UsageError
from ...graph import Notation, data_of
from ...kernels import DeviceArray
from ...kernels.dtypes import dtype_of, float64, get_default_dtype, int64, result_type
from ..kinds import Elementwise, Value, refuses, sample
from ..operation import operation
from ..shapes.elements import cast
from .comparison import equal, greater, less, ordered

_PAIRS = (sample((3, 4), (3, 4)), sample((3, 1), (4,)), sample((), (2, 3)), sample((), ()), sample((0, 3), (3,)))
_NONZERO = [sample(*s.shapes, domain="nonzero") for s in _PAIRS]
_POSITIVE = [sample((3, 4), domain="positive"), sample((), domain="positive"), sample((0, 2))]
_ANY = [sample((3, 4)), sample(()), sample((0, 2))]
_ERRORS = [refuses((3,), (4,), match="do not broadcast")]


def real(x: Value) -> Value:
    """`x`, where it is whole as a double: so that 1/3 in a rule is as exact as the gradient it goes into, of any dtype."""
    if isinstance(x, int):
        return float(x)
    return cast(x, float64) if getattr(x, "dtype", np.dtype(float)).kind in "bui" else x


# Sums, products, quotients ---------------------------------------------------------------------------------------------

add_ = Elementwise(
    "add",
    Notation("+", "{0} + {1}", 1, (1, 1)),
    forward=lambda xp, x, y: xp.add(x, y),
    partials=(1, 1),
    homes="",
    operator=operator.add,
    samples=_PAIRS,
)

sub_ = Elementwise(
    "sub",
    Notation("−", "{0} − {1}", 1, (1, 2)),
    forward=lambda xp, x, y: xp.subtract(x, y),
    partials=(1, -1),
    homes="",
    operator=operator.sub,
    samples=_PAIRS,
)

mul = Elementwise(
    "mul",
    Notation("×", "{0}·{1}", 2, (2, 2)),
    forward=lambda xp, x, y: xp.multiply(x, y),
    partials=(lambda z, x, y: y, lambda z, x, y: x),
    aliases=("multiply",),
    operator=operator.mul,
    samples=_PAIRS,
    errors=_ERRORS,
)

div_: Elementwise = Elementwise(
    "div",
    Notation("÷", "{0}/{1}", 2, (2, 3)),
    forward=lambda xp, x, y: xp.divide(x, y),
    partials=(lambda z, x, y: div_(1, real(y)), lambda z, x, y: -(x / y) / y),  # not −z/y: z may be changed in place
    homes="",
    operator=operator.truediv,
    samples=_NONZERO,
    promotion="float",
)

neg = Elementwise(
    "neg",
    Notation("−", "−{0}", 1, (2,)),
    forward=lambda xp, x: xp.negative(x),
    partials=(-1,),
    aliases=("negative",),
    operator=operator.neg,
    samples=_ANY,
)

positive = Elementwise(
    "positive",
    Notation("+", "+{0}", 1, (2,)),
    forward=lambda xp, x: xp.positive(x),
    partials=(1,),
    samples=_ANY,
)

clone = Elementwise(
    "clone",
    Notation("copy", "{0}"),
    homes="minidl Tensor",
    forward=lambda xp, x: xp.copy(x),
    partials=(1,),
    samples=_ANY,
    doc="A copy; the gradient passes through it.",
)

reciprocal: Elementwise = Elementwise(
    "reciprocal",
    Notation("1/·", "1/{0}", 2, (3,)),
    forward=lambda xp, x: xp.divide(1, x),
    partials=(lambda y, x: -(y * y),),
    samples=[sample((3, 4), domain="nonzero"), sample((), domain="positive")],
    promotion="float",
)


def _lerp(xp: Any, x: Any, y: Any, w: Any) -> Any:
    """From the nearer end, so that both ends are exact."""
    way = y - x
    if not getattr(w, "ndim", 0) and w.__class__ is not DeviceArray:
        return x + w * way if abs(w) < 0.5 else y - way * (1 - w)
    return xp.where(xp.less(xp.abs(w), 0.5), x + w * way, y - way * (1 - w))


lerp = Elementwise(
    "lerp",
    Notation("lerp", "{0} + {2}·({1} − {0})", 1, (1, 2, 2)),
    forward=_lerp,
    partials=(lambda z, x, y, w: 1 - w, lambda z, x, y, w: w, lambda z, x, y, w: y - x),
    arguments=("input", "end", "weight"),
    samples=[sample((3, 4), (3, 4), (3, 4)), sample((3, 1), (4,), np.array(0.25)), sample((), (), ())],
    errors=[refuses((3,), (4,), (3,), match="do not broadcast")],
    promotion="float",
    analytic=False,
    doc="The point a fraction `weight` (a number or a tensor) of the way from `input` to `end`; exact at both ends.",
)

# Powers and roots ------------------------------------------------------------------------------------------------------


@operation(
    "minidl Tensor",
    formula="xʸ",
    derivative="∂z/∂x = y·xʸ⁻¹; ∂z/∂y = xʸ·ln(x)",
    subgradient="∂z/∂x = 0 for y = 0; ∂z/∂y = 0 at x = 0 for y ≥ 0",
    samples=[
        sample((3, 4), exponent=2),
        sample((3, 4), exponent=-1.5, domain="positive"),
        sample((3, 1), (4,), domain="positive"),
        sample((), (), domain="positive"),
    ],
    errors=[*_ERRORS, refuses(np.array([2, 3]), exponent=-1, error=DtypeError, match="negative whole powers")],
)
def pow(input: Value, exponent: Value) -> Value:
    """input to the power of exponent, element by element; either may be a plain number.

    Raises:
        DtypeError: a whole number to a negative whole power, which is not whole.

    >>> import minidl
    >>> minidl.pow(minidl.tensor([1.0, 2.0, 3.0]), 2)
    tensor([1., 4., 9.])
    """
    if not isinstance(exponent, int | float) or hasattr(exponent, "dtype"):
        return pow_(input, exponent)
    dtype = getattr(input, "dtype", None)
    if isinstance(exponent, float) and dtype is not None and dtype.kind in "bui":
        input = cast(input, get_default_dtype())
    elif dtype is not None and dtype.kind == "b" and not isinstance(exponent, bool):
        input = cast(input, int64)
    return square(input) if exponent == 2 else pow_by_number(input, exponent=exponent)


square = Elementwise(
    "square",
    Notation("( )²", "{0}²", 3, (4,)),
    forward=lambda xp, x: xp.square(x),
    partials=(lambda y, x: 2 * x,),
    samples=_ANY,
)

sqrt = Elementwise(
    "sqrt",
    Notation("√", "√({0})"),
    forward=lambda xp, x: xp.sqrt(x),
    partials=(lambda y, x: 0.5 / y,),
    derivative="∂y/∂x = 1/(2·y)",
    samples=_POSITIVE,
    promotion="float",
    subgradient="∞ at x = 0, as the limit",
)

rsqrt = Elementwise(
    "rsqrt",
    Notation("1/√", "1/√({0})", 2),
    forward=lambda xp, x: xp.divide(1, xp.sqrt(x)),
    partials=(lambda y, x: -0.5 * pow(y, 3),),
    derivative="∂y/∂x = −y³/2",
    samples=_POSITIVE,
    promotion="float",
)


def _power(xp: Any, x: Any, y: Any) -> Any:
    """xʸ; roots as roots, so that √−∞ is NaN and not ∞.

    Raises:
        DtypeError: a whole number to a negative whole power, which is not whole.
    """
    if isinstance(y, float) and y in (0.5, -0.5):
        return xp.sqrt(x) if y > 0 else xp.divide(1, xp.sqrt(x))
    if isinstance(y, int | float) and y == 3:
        return x * x * x  # NumPy's power takes 10 times as long
    kinds = {dtype_of(v).kind for v in (x, y)}
    if kinds == {"b"}:
        raise DtypeError("pow: powers of True and False; convert with x.to(minidl.int64)")
    if kinds <= set("bui") and (np.min(y) if np.size(y) else 0) < 0:
        raise DtypeError(
            "pow: whole numbers to negative whole powers are fractions; make the base floating-point: x.float()"
        )
    return xp.pow(x, y)


pow_by_number: Elementwise = Elementwise(
    "pow_by_number",
    Notation("pow", "{0}^{exponent}", 3, (4,)),
    forward=lambda xp, x, exponent: _power(xp, x, y=exponent),
    partials=(lambda y, x, exponent: exponent * pow(x, exponent - 1) if exponent != 0 else 0.0,),
    homes="",
    parameters={"exponent": 2},
    samples=[
        sample((3, 4), exponent=3),
        sample((3, 4), exponent=2.5, domain="positive"),
        sample((2, 3), exponent=-1, domain="nonzero"),
        sample((3, 4), exponent=0.5, domain="positive"),
        sample((3,), exponent=-0.5, domain="positive"),
        sample((3,), exponent=0),
        sample((), exponent=1),
    ],
)
"""A power with a fixed number above: d xⁿ/dx = n·xⁿ⁻¹, and 0 for n = 0 also at x = 0."""

pow_: Elementwise = Elementwise(
    "pow",
    Notation("pow", "{0}^{1}", 3, (4, 4)),
    homes="",
    forward=_power,
    partials=(lambda z, x, y: mul_or_zero(y, pow_(x, y - 1)), lambda z, x, y: z * log_or_zero(real(x), y)),
    samples=[sample((3, 4), (3, 4), domain="positive"), sample((3, 1), (4,), domain="positive")],
)
"""A power in which both vary: ∂xʸ/∂x = y·xʸ⁻¹, ∂xʸ/∂y = xʸ·ln x (taken as 0 at x = 0 for y ≥ 0, where xʸ is flat)."""

mul_or_zero: Elementwise = Elementwise(
    "mul_or_zero",
    Notation("×", "{0}·{1}", 2, (2, 2)),
    homes="",
    forward=lambda xp, x, y: xp.multiply_or_zero(x, y),
    partials=(lambda z, x, y: y, lambda z, x, y: x),
    samples=_PAIRS,
)
"""A product in which a first factor of 0 wins over anything, infinity included."""

div_or_zero: Elementwise = Elementwise(
    "div_or_zero",
    Notation("÷", "{0}/{1}", 2, (2, 3)),
    homes="",
    forward=lambda xp, x, y: xp.where(xp.equal(x, 0), xp.multiply(x, 0), xp.divide(x, y)),
    partials=(lambda z, x, y: div_(1, real(y)), lambda z, x, y: -div_or_zero(z, y)),
    samples=_NONZERO,
    promotion="float",
)
"""A quotient in which a numerator of 0 wins over anything, 0 included."""

log_or_zero: Elementwise = Elementwise(
    "log_or_zero",
    Notation("ln", "ln({0})"),
    homes="",
    forward=lambda xp, x, y: xp.where(_flat(xp, x, y), xp.multiply(x, 0), xp.log(xp.where(_flat(xp, x, y), 1, x))),
    partials=(lambda z, x, y: 1 / x, 0.0),
    samples=[sample((3, 4), (4,), domain="positive")],
    promotion="float",
    analytic=False,
)
"""ln x as it stands in ∂xʸ/∂y: 0 where x = 0 and y ≥ 0."""


def _flat(xp: Any, x: Any, y: Any) -> Any:
    return xp.logical_and(xp.equal(x, 0), xp.greater_equal(y, 0))


# Kinks -----------------------------------------------------------------------------------------------------------------

abs_ = Elementwise(
    "abs",
    Notation("|·|", "|{0}|"),
    forward=lambda xp, x: xp.abs(x),
    partials=(lambda y, x: sign(x),),
    samples=[sample((3, 4), domain="nonzero"), sample((), domain="nonzero"), sample((0,))],
    aliases=("absolute",),
    subgradient="0 at x = 0",
    analytic=False,
)

sign: Elementwise = Elementwise(
    "sign",
    Notation("sign", "sign({0})"),
    forward=lambda xp, x: xp.sign(x),
    partials=(0.0,),
    samples=[sample((3, 4), domain="nonzero"), sample((), domain="nonzero")],
    homes="minidl functional Tensor",
    aliases=("sgn",),
    analytic=False,
    torch="sign",
    doc="−1 below 0, 1 above, and 0 at 0. Its slope is 0 wherever it has one.",
)

_DISTINCT = [sample((3, 4), (3, 4), domain="distinct"), sample((3, 1), (4,)), sample((), (0,)), sample((), ())]

maximum = Elementwise(
    "maximum",
    Notation("max", "max({0}, {1})"),
    forward=lambda xp, x, y: xp.maximum(*ordered("maximum", x, y)),
    partials=(
        lambda z, x, y: 1 - less(x, y) - 0.5 * equal(x, y),
        lambda z, x, y: 1 - greater(x, y) - 0.5 * equal(x, y),
    ),
    derivative="∂z/∂x = 1 for x > y, ½ for x = y, else 0; ∂z/∂y = 1 for y > x, ½ for x = y, else 0",
    samples=_DISTINCT,
    errors=_ERRORS,
    subgradient="where the two tie each gets half",
    analytic=False,
    doc="The larger of two; NaN if either is.",
)

minimum = Elementwise(
    "minimum",
    Notation("min", "min({0}, {1})"),
    forward=lambda xp, x, y: xp.minimum(*ordered("minimum", x, y)),
    partials=(
        lambda z, x, y: 1 - greater(x, y) - 0.5 * equal(x, y),
        lambda z, x, y: 1 - less(x, y) - 0.5 * equal(x, y),
    ),
    derivative="∂z/∂x = 1 for x < y, ½ for x = y, else 0; ∂z/∂y = 1 for y < x, ½ for x = y, else 0",
    samples=_DISTINCT,
    errors=_ERRORS,
    subgradient="where the two tie each gets half",
    analytic=False,
    doc="The smaller of two; NaN if either is.",
)

# Public functions with PyTorch's further arguments ---------------------------------------------------------------------


def _scaled(other: Value, alpha: float, input: Value, name: str) -> Value:
    """`alpha · other`.

    Raises:
        DtypeError: a fractional alpha would make whole numbers fractional.
        UsageError: alpha is not a plain number.
    """
    if not isinstance(alpha, int | float | np.number):
        raise UsageError(f"{name}: alpha must be a number, got {alpha!r:.60}; for a tensor write x + alpha * y")
    kinds = {getattr(x, "dtype", np.dtype(type(x))).kind for x in (input, other)}
    if isinstance(alpha, float) and not kinds & set("fc"):
        raise DtypeError(
            f"{name}: alpha={alpha} is not a whole number, but both inputs are; convert one with x.float()"
        )
    if hasattr(other, "dtype"):
        other = cast(other, result_type([data_of(input), data_of(other)]))  # −1·x would wrap around in uint8
    return mul(other, bool(alpha) if kinds == {"b"} else alpha)


_SUMS = [*_PAIRS, sample((3, 4), (4,), alpha=2.5), sample((2,), (2,), alpha=-1)]


@operation("minidl Tensor", formula="x + α·y", derivative="∂z/∂x = 1; ∂z/∂y = α", samples=_SUMS, errors=_ERRORS)
def add(input: Value, other: Value, *, alpha: float = 1) -> Value:
    """input + alpha·other, element by element.

    >>> import minidl
    >>> minidl.add(minidl.tensor([1.0, 2.0]), minidl.tensor([10.0, 20.0]), alpha=2)
    tensor([21., 42.])
    """
    return add_(input, other if type(alpha) is int and alpha == 1 else _scaled(other, alpha, input, "add"))


@operation(
    "minidl Tensor",
    formula="x − α·y",
    derivative="∂z/∂x = 1; ∂z/∂y = −α",
    samples=_SUMS,
    errors=_ERRORS,
    aliases=("subtract",),
)
def sub(input: Value, other: Value, *, alpha: float = 1) -> Value:
    """input − alpha·other, element by element.

    >>> import minidl
    >>> minidl.sub(minidl.tensor([1.0, 2.0]), 1.0)
    tensor([0., 1.])
    """
    return sub_(input, other if type(alpha) is int and alpha == 1 else _scaled(other, alpha, input, "sub"))


@operation("minidl", formula="y − α·x", derivative="∂z/∂x = −α; ∂z/∂y = 1", samples=_SUMS, errors=_ERRORS)
def rsub(input: Value, other: Value, *, alpha: float = 1) -> Value:
    """other − alpha·input: `sub` with the operands exchanged.

    >>> import minidl
    >>> minidl.rsub(minidl.tensor([1.0, 2.0]), 10.0)
    tensor([9., 8.])
    """
    return sub(other, input, alpha=alpha)


@operation(
    "minidl Tensor",
    formula="x/y",
    derivative="∂z/∂x = 1/y; ∂z/∂y = −x/y²; ∂z/∂x = ∂z/∂y = 0 where the quotient is rounded",
    samples=[
        *_NONZERO,
        sample((3, 4), (4,), domain="nonzero", rounding_mode="floor"),
        sample((3, 4), (4,), domain="nonzero", rounding_mode="trunc"),
    ],
    errors=[*_ERRORS, refuses((3,), (3,), rounding_mode="up", error=UsageError, match="'trunc' or 'floor'")],
    aliases=("divide", "true_divide"),
)
def div(input: Value, other: Value, *, rounding_mode: str | None = None) -> Value:
    """input / other, element by element; whole numbers give fractions unless the quotient is rounded.

    Args:
        input: any shape.
        other: a shape that broadcasts with it, or a number.
        rounding_mode: None, `"trunc"` (towards 0, as in C) or `"floor"` (down, as Python's //).

    Raises:
        UsageError: another rounding mode; a whole number divided by the whole number 0 and rounded.

    >>> import minidl
    >>> minidl.div(minidl.tensor([-7.0, 7.0]), 2.0, rounding_mode="trunc")
    tensor([-3.,  3.])
    """
    if rounding_mode is None:
        return div_(input, other)
    from .rounding import div_trunc, floor_divide  # which need div themselves

    if rounding_mode not in ("trunc", "floor"):
        raise UsageError(f"div: rounding_mode must be None, 'trunc' or 'floor', got {rounding_mode!r}")
    return floor_divide(input, other) if rounding_mode == "floor" else div_trunc(input, other)
