"""Exponentials and logarithms, and the error function."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...graph import Notation
from ...kernels.dtypes import result_type
from ..kinds import Elementwise, Value, refuses, sample
from .activation import sigmoid
from .arithmetic import div_or_zero, real, sqrt
from .comparison import choose, equal, greater_equal, less_equal, logical_and
from .trigonometric import cos, sin

_ANY = [sample((3, 4)), sample(()), sample((0, 2))]
_POSITIVE = [sample((3, 4), domain="positive"), sample((), domain="positive"), sample((0, 2))]
_PAIRS = [sample((3, 4), (3, 4)), sample((3, 1), (4,)), sample((), ()), sample((0, 3), (3,))]
_ERRORS = [refuses((3,), (4,), match="do not broadcast")]
_LN2, _LN10 = math.log(2), math.log(10)

exp = Elementwise(
    "exp",
    Notation("exp", "exp({0})"),
    forward=lambda xp, x: xp.exp(x),
    partials=(lambda y, x: y,),
    samples=_ANY,
    promotion="float",
)

exp2 = Elementwise(
    "exp2",
    Notation("2^", "2^{0}", 3, (4,)),
    forward=lambda xp, x: xp.exp2(x),
    partials=(lambda y, x: _LN2 * y,),
    formula="2ˣ",
    derivative="∂y/∂x = y·ln(2)",
    samples=_ANY,
    promotion="float",
)

expm1 = Elementwise(
    "expm1",
    Notation("exp − 1", "exp({0}) − 1", 1),
    forward=lambda xp, x: xp.expm1(x),
    partials=(lambda y, x: y + 1,),
    samples=_ANY,
    promotion="float",
    doc="eˣ − 1, exact also near 0.",
)

log = Elementwise(
    "log",
    Notation("ln", "ln({0})"),
    forward=lambda xp, x: xp.log(x),
    partials=(lambda y, x: 1 / x,),
    samples=_POSITIVE,
    promotion="float",
)

log1p = Elementwise(
    "log1p",
    Notation("ln(1 + ·)", "ln(1 + {0})"),
    forward=lambda xp, x: xp.log1p(x),
    partials=(lambda y, x: 1 / (1 + x),),
    samples=_POSITIVE,
    promotion="float",
    doc="ln(1 + x), exact also near 0.",
)

log2 = Elementwise(
    "log2",
    Notation("log₂", "log₂({0})"),
    forward=lambda xp, x: xp.log2(x),
    partials=(lambda y, x: 1 / (_LN2 * x),),
    derivative="∂y/∂x = 1/(x·ln(2))",
    samples=_POSITIVE,
    promotion="float",
)

log10 = Elementwise(
    "log10",
    Notation("log₁₀", "log₁₀({0})"),
    forward=lambda xp, x: xp.log10(x),
    partials=(lambda y, x: 1 / (_LN10 * x),),
    derivative="∂y/∂x = 1/(x·ln(10))",
    samples=_POSITIVE,
    promotion="float",
)

logaddexp = Elementwise(
    "logaddexp",
    Notation("ln(e^· + e^·)", "ln(exp({0}) + exp({1}))"),
    forward=lambda xp, x, y: xp.logaddexp(x, y),
    partials=(lambda z, x, y: sigmoid(x - y), lambda z, x, y: sigmoid(y - x)),
    derivative="∂z/∂x = exp(x − z) = σ(x − y); ∂z/∂y = exp(y − z) = σ(y − x)",
    samples=_PAIRS,
    errors=_ERRORS,
    promotion="float",
    analytic=False,
    doc="ln(eˣ + eʸ), without overflow.",
)

logaddexp2 = Elementwise(
    "logaddexp2",
    Notation("log₂(2^· + 2^·)", "log₂(2^{0} + 2^{1})", 9, (4,)),
    forward=lambda xp, x, y: xp.logaddexp2(x, y),
    partials=(lambda z, x, y: sigmoid(_LN2 * (x - y)), lambda z, x, y: sigmoid(_LN2 * (y - x))),
    formula="log₂(2ˣ + 2ʸ)",
    derivative="∂z/∂x = 2ˣ/(2ˣ + 2ʸ); ∂z/∂y = 2ʸ/(2ˣ + 2ʸ)",
    samples=_PAIRS,
    errors=_ERRORS,
    promotion="float",
    analytic=False,
    doc="log₂(2ˣ + 2ʸ), without overflow.",
)


def _xlogy(xp: Any, x: Any, y: Any) -> Any:
    y = xp.astype(y, result_type((x, y)))
    certain = xp.logical_and(xp.equal(x, 0), xp.equal(y, y))  # 0, unless y is NaN
    return xp.where(certain, xp.zeros((), y.dtype), x * xp.log(y))


xlogy: Elementwise = Elementwise(
    "xlogy",
    Notation("x ln y", "{0}·ln({1})", 2, (2, 0)),
    forward=_xlogy,
    partials=(
        lambda z, x, y: choose(logical_and(equal(x, 0), less_equal(y, 0)), 0.0, log(real(y))),
        lambda z, x, y: div_or_zero(x, y),
    ),
    derivative="∂z/∂x = ln(y); ∂z/∂y = x/y",
    samples=[sample((3, 4), (3, 4), domain="positive"), sample(np.array([-0.5, 1.5]), np.array([0.5, 2.0]))],
    errors=_ERRORS,
    promotion="float",
    subgradient="0 where x = 0 and y ≤ 0",
    doc="x·ln y, and 0 where x is 0: a term of an entropy.",
)


def _logit_slope(y: Value, x: Value, eps: float | None) -> Value:
    """1/(x·(1 − x)); beyond the ends NaN, or 0 where `eps` keeps x within."""
    low, beyond = (0.0, math.nan) if eps is None else (eps, 0.0)
    return choose(logical_and(greater_equal(x, low), less_equal(x, 1 - low)), 1 / (x * (1 - x)), beyond)


def _logit(xp: Any, x: Any, eps: float | None) -> Any:
    if eps is not None:
        x = xp.where(xp.less(x, eps), eps, xp.where(xp.greater(x, 1 - eps), 1 - eps, x))
    return xp.log(x / (1 - x))


logit = Elementwise(
    "logit",
    Notation("logit", "ln({0}/(1 − {0}))", 9, (2,)),
    forward=_logit,
    partials=(_logit_slope,),
    parameters={"eps": None},
    derivative="∂y/∂x = 1/(x·(1 − x))",
    samples=[sample((3, 4), domain="unit"), sample((), domain="unit"), sample((3, 4), domain="unit", eps=0.25)],
    promotion="float",
    doc="ln(x / (1 − x)), the inverse of σ. With `eps`, x is first brought into eps … 1 − eps.",
)

erf = Elementwise(
    "erf",
    Notation("erf", "erf({0})"),
    forward=lambda xp, x: xp.erf(x),
    partials=(lambda y, x: 2 / math.sqrt(math.pi) * exp(-(x * x)),),
    formula="(2/√π)·∫₀ˣ exp(−t²) dt",
    derivative="∂y/∂x = (2/√π)·exp(−x²)",
    samples=_ANY,
    promotion="float",
    doc="2/√π ∫₀ˣ exp(−t²) dt.",
)

erfc = Elementwise(
    "erfc",
    Notation("erfc", "erfc({0})"),
    forward=lambda xp, x: xp.erfc(x),
    partials=(lambda y, x: -2 / math.sqrt(math.pi) * exp(-(x * x)),),
    formula="1 − erf(x)",
    derivative="∂y/∂x = −(2/√π)·exp(−x²)",
    samples=_ANY,
    promotion="float",
    doc="1 − erf(x), exact also far to the right.",
)

__all__ = [
    "cos", "erf", "erfc", "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "logaddexp", "logaddexp2", "logit", "sin",
    "sqrt", "xlogy",
]  # fmt: skip
