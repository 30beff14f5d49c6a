"""Rounding, division with a remainder, and keeping numbers within bounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import DtypeError, UsageError
from ...graph import Notation
from ...kernels import DeviceArray
from ...kernels.dtypes import dtype_of
from ..kinds import Elementwise, Value, refuses, sample
from ..operation import operation
from .arithmetic import div_, sign
from .comparison import (
    greater,
    greater_equal,
    isfinite,
    isnan,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    ordered,
)

_APART = np.array([[-2.6, -1.3, -0.4, 0.2], [0.7, 1.4, 2.3, 5.8]])
"""Numbers that are not near a whole one, nor a half."""
_PAIRS = [
    sample(_APART, np.array([1.7, -0.9, 2.2, 0.6])),
    sample(_APART[:, :1], np.array([0.73, -1.9])),
    sample(np.array(2.5), np.array(0.8)),
    sample((0, 3), (3,)),
]
_ZERO_DIVISION = refuses(np.array([5, 3]), np.array([2, 0]), error=UsageError, match="division of whole numbers by 0")
_ERRORS = [refuses((3,), (4,), match="do not broadcast"), _ZERO_DIVISION]


def _rounding(name: str, symbol: str, doc: str, **options: Any) -> Elementwise:
    return Elementwise(
        name,
        Notation(symbol, options.pop("formula", f"{name}({{0}})")),
        forward=lambda xp, x: getattr(xp, name)(x),
        partials=(0.0,),
        samples=[sample(_APART), sample(np.array(-1.75)), sample((0,))],
        analytic=False,
        doc=f"{doc} Its slope is 0 wherever it has one.",
        **options,
    )


floor = _rounding("floor", "⌊ ⌋", "The next whole number below.", formula="⌊{0}⌋")
ceil = _rounding("ceil", "⌈ ⌉", "The next whole number above.", formula="⌈{0}⌉")
trunc = _rounding("trunc", "trunc", "The next whole number towards 0.", aliases=("fix",))


def _round(xp: Any, x: Any, decimals: int) -> Any:
    if not decimals:
        return xp.round(x)
    if dtype_of(x).kind in "bui":
        raise DtypeError("round: whole numbers have no decimals to round; convert with x.float()")
    scale = 10.0 ** abs(decimals)
    return xp.round(x * scale) / scale if decimals > 0 else xp.round(x / scale) * scale


round_ = Elementwise(
    "round",
    Notation("round", "round({0})"),
    forward=_round,
    partials=(0.0,),
    parameters={"decimals": 0},
    formula="x rounded to `decimals` places, halves to even digits",
    derivative="∂y/∂x = 0",
    samples=[
        sample(_APART),
        sample(_APART * 1.01, decimals=1),
        sample(_APART * 37, decimals=-1),
        sample(np.array(-1.75)),
    ],
    errors=[refuses(np.array([15, 25]), decimals=-1, error=DtypeError, match="whole numbers have no decimals")],
    analytic=False,
    doc="The nearest whole number (or number of `decimals` digits), a half to the even one. Its slope is 0.",
)

frac = Elementwise(
    "frac",
    Notation("frac", "{0} − trunc({0})", 1, (1,)),
    forward=lambda xp, x: x - xp.trunc(x),
    partials=(1,),
    samples=[sample(_APART), sample(np.array(2.25))],
    analytic=False,
    doc="What is left of a number without its whole part; it has the number's sign.",
)

# Division with a remainder ---------------------------------------------------------------------------------------------


def _divisor(x: Any, y: Any, name: str) -> Any:
    """`y` itself, once it is known to divide `x`.

    Raises:
        UsageError: the whole number 0.
        DtypeError: False or True.
    """
    kinds = {dtype_of(v).kind for v in (x, y)}
    if kinds <= set("ui") and not np.all(y):
        raise UsageError(
            f"{name}: division of whole numbers by 0; floating-point numbers would give ∞ or NaN: x.float()"
        )
    if kinds == {"b"}:
        raise DtypeError(f"{name}: True and False have no quotient; convert with x.to(minidl.int64)")
    return y


def _div_trunc(xp: Any, x: Any, y: Any) -> Any:
    y = _divisor(x, y, "div")
    if "f" in (dtype_of(x).kind, dtype_of(y).kind):
        return xp.trunc(xp.divide(x, y))
    down, rest = xp.floor_divide(x, y), xp.remainder(x, y)
    return down + xp.logical_and(xp.not_equal(rest, 0), xp.less(down, 0))


floor_divide = Elementwise(
    "floor_divide",
    Notation("//", "⌊{0}/{1}⌋", 9, (2, 3)),
    forward=lambda xp, x, y: xp.floor_divide(x, _divisor(x, y, "floor_divide")),
    partials=(0.0, 0.0),
    samples=_PAIRS,
    errors=_ERRORS,
    analytic=False,
    doc="The quotient, rounded down; x // y.",
)

div_trunc = Elementwise(
    "div_trunc",
    Notation("÷", "trunc({0}/{1})", 9, (2, 3)),
    forward=_div_trunc,
    partials=(0.0, 0.0),
    homes="",
    samples=_PAIRS,
    analytic=False,
)

remainder = Elementwise(
    "remainder",
    Notation("mod", "{0} mod {1}", 2, (2, 3)),
    forward=lambda xp, x, y: xp.remainder(x, _divisor(x, y, "remainder")),
    partials=(1, lambda z, x, y: -floor_divide(x, y)),
    formula="x mod y = x − y·⌊x/y⌋",
    samples=_PAIRS,
    errors=_ERRORS,
    analytic=False,
    doc="x − y·⌊x/y⌋, which has the sign of the divisor; x % y.",
)

fmod = Elementwise(
    "fmod",
    Notation("fmod", "fmod({0}, {1})"),
    forward=lambda xp, x, y: xp.fmod(x, _divisor(x, y, "fmod")),
    partials=(1, lambda z, x, y: -trunc(div_(x, y))),
    formula="x − y·trunc(x/y)",
    samples=_PAIRS,
    errors=_ERRORS,
    analytic=False,
    doc="x − y·trunc(x/y), which has the sign of the dividend, as C's fmod.",
)

# Bounds ----------------------------------------------------------------------------------------------------------------

_DISTINCT = [sample((3, 4), (3, 4), domain="distinct"), sample((3, 1), (4,)), sample((), (0,)), sample((), ())]


def _takes_first(x: Value, y: Value, wins: Value) -> Value:
    """Whether fmax or fmin takes x, where `wins` says that it is as good or better: it also wins over NaN."""
    return logical_or(wins, isnan(y))


fmax = Elementwise(
    "fmax",
    Notation("fmax", "fmax({0}, {1})"),
    forward=lambda xp, x, y: xp.fmax(x, y),
    partials=(
        lambda z, x, y: _takes_first(x, y, greater_equal(x, y)),
        lambda z, x, y: logical_not(_takes_first(x, y, greater_equal(x, y))),
    ),
    formula="max(x, y), a NaN counting as missing",
    derivative="∂z/∂x = 1 for x ≥ y, else 0; ∂z/∂y = 1 for x < y, else 0",
    samples=_DISTINCT,
    errors=_ERRORS[:1],
    subgradient="where the two tie the first gets it all",
    analytic=False,
    doc="The larger of two; of NaN and a number, the number.",
)

fmin = Elementwise(
    "fmin",
    Notation("fmin", "fmin({0}, {1})"),
    forward=lambda xp, x, y: xp.fmin(x, y),
    partials=(
        lambda z, x, y: _takes_first(x, y, less_equal(x, y)),
        lambda z, x, y: logical_not(_takes_first(x, y, less_equal(x, y))),
    ),
    formula="min(x, y), a NaN counting as missing",
    derivative="∂z/∂x = 1 for x ≤ y, else 0; ∂z/∂y = 1 for x > y, else 0",
    samples=_DISTINCT,
    errors=_ERRORS[:1],
    subgradient="where the two tie the first gets it all",
    analytic=False,
    doc="The smaller of two; of NaN and a number, the number.",
)

clamp_min = Elementwise(
    "clamp_min",
    Notation("max", "max({0}, {1})"),
    forward=lambda xp, x, low: xp.maximum(*ordered("clamp", x, low)),
    partials=(lambda y, x, low: greater_equal(x, low), lambda y, x, low: less(x, low)),
    arguments=("input", "min"),
    samples=_DISTINCT,
    errors=_ERRORS[:1],
    promotion="exact",
    subgradient="1 at the bound",
    analytic=False,
    doc="x, but `min` (a number or a tensor) where x is less.",
)

clamp_max = Elementwise(
    "clamp_max",
    Notation("min", "min({0}, {1})"),
    forward=lambda xp, x, high: xp.minimum(*ordered("clamp", x, high)),
    partials=(lambda y, x, high: less_equal(x, high), lambda y, x, high: greater(x, high)),
    arguments=("input", "max"),
    samples=_DISTINCT,
    errors=_ERRORS[:1],
    promotion="exact",
    subgradient="1 at the bound",
    analytic=False,
    doc="x, but `max` (a number or a tensor) where x is more.",
)

clamp_ = Elementwise(
    "clamp",
    Notation("clamp", "min(max({0}, {1}), {2})"),
    forward=lambda xp, x, low, high: xp.clip(*ordered("clamp", x, low, high)),
    partials=(
        lambda y, x, low, high: logical_and(greater_equal(x, low), less_equal(x, high)),
        lambda y, x, low, high: logical_and(less(x, low), less(low, high)),
        lambda y, x, low, high: logical_or(greater(x, high), greater(low, high)),
    ),
    arguments=("input", "min", "max"),
    homes="",
    samples=[sample((3, 4), (3, 4), (3, 4), domain="distinct"), sample((3, 1), (4,), (), domain="distinct")],
    promotion="exact",
    analytic=False,
)


@operation(
    "minidl Tensor",
    formula="min(max(x, min), max)",
    derivative="∂y/∂x = [min ≤ x ≤ max]",
    subgradient="1 at both bounds",
    samples=[
        sample((3, 4), min=-0.5, max=0.5),
        sample((3, 4), max=0.25),
        sample((3, 4), (4,), (3, 1), domain="distinct"),
        sample((), min=-1, max=1),
        sample((0, 2), min=0.0),
    ],
    errors=[
        refuses((3,), error=UsageError, match="min, max or both"),
        refuses((3,), (4,), match="do not broadcast"),
    ],
    aliases=("clip",),
)
def clamp(input: Value, min: Value = None, max: Value = None) -> Value:
    """x, but `min` where it is less and `max` where it is more.

    Args:
        input: any shape.
        min: the lower bound, a number or a tensor; None for none.
        max: the upper bound, likewise. Where the lower bound exceeds it, the upper one wins.

    Raises:
        UsageError: no bound at all.

    >>> import minidl
    >>> minidl.clamp(minidl.tensor([-3.0, 0.5, 3.0]), min=-1, max=1)
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if min is None and max is None:
        raise UsageError("clamp: give min, max or both")
    if max is None:
        return clamp_min(input, min)
    return clamp_max(input, max) if min is None else clamp_(input, min, max)


def _nan_to_num(xp: Any, x: Any, nan: float | None, posinf: float | None, neginf: float | None) -> Any:
    dtype = dtype_of(x)
    if dtype.kind != "f":
        return xp.copy(x)
    if x.__class__ is not DeviceArray and xp.all(xp.isfinite(x)):
        return xp.copy(x)
    limits = np.finfo(dtype)
    y = xp.where(xp.isposinf(x), limits.max if posinf is None else posinf, x)
    y = xp.where(xp.isneginf(x), limits.min if neginf is None else neginf, y)
    return xp.where(xp.isnan(x), 0.0 if nan is None else nan, y)


nan_to_num = Elementwise(
    "nan_to_num",
    Notation("finite", "finite({0})"),
    forward=_nan_to_num,
    partials=(lambda y, x, nan, posinf, neginf: isfinite(x),),
    parameters={"nan": None, "posinf": None, "neginf": None},
    formula="x, but finite numbers for NaN, ∞ and −∞",
    derivative="∂y/∂x = [|x| < ∞]",
    samples=[
        sample((3, 4)),
        sample((3, 4), nan=1.0, posinf=2.0, neginf=-2.0),
        sample(()),
    ],
    analytic=False,
    doc="x with NaN replaced by `nan` (0) and ±∞ by `posinf` and `neginf` (the largest finite numbers).",
)

copysign = Elementwise(
    "copysign",
    Notation("copysign", "copysign({0}, {1})"),
    forward=lambda xp, x, y: xp.copysign(x, y),
    partials=(lambda z, x, y: sign(x) * sign(z), 0.0),
    formula="|x| with the sign of y",
    samples=[sample((3, 4), (3, 4), domain="nonzero"), sample((3, 1), (4,), domain="nonzero"), sample((), ())],
    errors=_ERRORS[:1],
    promotion="float",
    subgradient="0 at x = 0",
    analytic=False,
    doc="|input| with the sign of other, also that of −0.0.",
)
