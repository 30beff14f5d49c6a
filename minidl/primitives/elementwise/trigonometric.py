"""Sine, cosine and their kin, circular and hyperbolic; angles and lengths in the plane."""

from __future__ import annotations

import math

import numpy as np

from ...graph import Notation
from ..kinds import Elementwise, Value, refuses, sample
from .arithmetic import div_or_zero, rsqrt

_ANY = [sample((3, 4)), sample(()), sample((0, 2))]
_UNIT = [sample((3, 4), domain="unit"), sample((), domain="unit")]
_BEYOND = [sample((3, 4), domain="beyond"), sample((), domain="beyond")]
_NONZERO = [sample((3, 4), (3, 4), domain="nonzero"), sample((3, 1), (4,), domain="nonzero"), sample((), (0,))]
_ERRORS = [refuses((3,), (4,), match="do not broadcast")]

sin = Elementwise(
    "sin",
    Notation("sin", "sin({0})"),
    forward=lambda xp, x: xp.sin(x),
    partials=(lambda y, x: cos(x),),
    samples=_ANY,
    promotion="float",
)

cos: Elementwise = Elementwise(
    "cos",
    Notation("cos", "cos({0})"),
    forward=lambda xp, x: xp.cos(x),
    partials=(lambda y, x: -sin(x),),
    samples=_ANY,
    promotion="float",
)

tan = Elementwise(
    "tan",
    Notation("tan", "tan({0})"),
    forward=lambda xp, x: xp.tan(x),
    partials=(lambda y, x: 1 + y * y,),
    samples=_UNIT,
    promotion="float",
)

asin = Elementwise(
    "asin",
    Notation("arcsin", "arcsin({0})"),
    forward=lambda xp, x: xp.asin(x),
    partials=(lambda y, x: rsqrt(1 - x * x),),
    aliases=("arcsin",),
    samples=_UNIT,
    promotion="float",
    subgradient="∞ at x = ±1, as the limit",
)

acos = Elementwise(
    "acos",
    Notation("arccos", "arccos({0})"),
    forward=lambda xp, x: xp.acos(x),
    partials=(lambda y, x: -rsqrt(1 - x * x),),
    aliases=("arccos",),
    samples=_UNIT,
    promotion="float",
    subgradient="−∞ at x = ±1, as the limit",
)

atan = Elementwise(
    "atan",
    Notation("arctan", "arctan({0})"),
    forward=lambda xp, x: xp.atan(x),
    partials=(lambda y, x: 1 / (1 + x * x),),
    aliases=("arctan",),
    samples=_ANY,
    promotion="float",
)

sinh = Elementwise(
    "sinh",
    Notation("sinh", "sinh({0})"),
    forward=lambda xp, x: xp.sinh(x),
    partials=(lambda y, x: cosh(x),),
    samples=_ANY,
    promotion="float",
)

cosh: Elementwise = Elementwise(
    "cosh",
    Notation("cosh", "cosh({0})"),
    forward=lambda xp, x: xp.cosh(x),
    partials=(lambda y, x: sinh(x),),
    samples=_ANY,
    promotion="float",
)

asinh = Elementwise(
    "asinh",
    Notation("arsinh", "arsinh({0})"),
    forward=lambda xp, x: xp.asinh(x),
    partials=(lambda y, x: rsqrt(x * x + 1),),
    aliases=("arcsinh",),
    samples=_ANY,
    promotion="float",
)

acosh = Elementwise(
    "acosh",
    Notation("arcosh", "arcosh({0})"),
    forward=lambda xp, x: xp.acosh(x),
    partials=(lambda y, x: rsqrt(x * x - 1),),
    aliases=("arccosh",),
    samples=_BEYOND,
    promotion="float",
    subgradient="∞ at x = 1, as the limit",
)

atanh = Elementwise(
    "atanh",
    Notation("artanh", "artanh({0})"),
    forward=lambda xp, x: xp.atanh(x),
    partials=(lambda y, x: 1 / (1 - x * x),),
    aliases=("arctanh",),
    samples=_UNIT,
    promotion="float",
)

# In the plane ----------------------------------------------------------------------------------------------------------

atan2 = Elementwise(
    "atan2",
    Notation("atan2", "atan2({0}, {1})"),
    forward=lambda xp, y, x: xp.atan2(y, x),
    partials=(lambda z, y, x: div_or_zero(x, x * x + y * y), lambda z, y, x: div_or_zero(-y, x * x + y * y)),
    aliases=("arctan2",),
    formula="atan2(x, y), the angle of the point (y, x)",
    derivative="∂z/∂x = y/(x² + y²); ∂z/∂y = −x/(x² + y²)",
    samples=_NONZERO,
    errors=_ERRORS,
    promotion="float",
    subgradient="0 at the origin",
    analytic=False,
    doc="The angle of the point (other, input) from the positive x-axis, from −π to π.",
)

hypot = Elementwise(
    "hypot",
    Notation("hypot", "√({0}² + {1}²)", 9, (4,)),
    forward=lambda xp, x, y: xp.hypot(x, y),
    partials=(lambda z, x, y: div_or_zero(x, z), lambda z, x, y: div_or_zero(y, z)),
    samples=_NONZERO,
    errors=_ERRORS,
    promotion="float",
    subgradient="0 at the origin",
    analytic=False,
    doc="√(input² + other²), without overflow.",
)

# sin(πx)/(πx) ----------------------------------------------------------------------------------------------------------


def _bessel_slope(y: Value, x: Value, n: int) -> Value:
    """jₙ′ = (n·jₙ₋₁ − (n + 1)·jₙ₊₁) / (2n + 1), which unlike the quotient rule is exact at 0. Source: DLMF 10.51.2."""
    if n == 0:
        return -spherical_bessel(x, n=1)
    return (n * spherical_bessel(x, n=n - 1) - (n + 1) * spherical_bessel(x, n=n + 1)) / (2 * n + 1)


spherical_bessel: Elementwise = Elementwise(
    "spherical_bessel",
    Notation("j", "j{n}({0})"),
    forward=lambda xp, x, n: xp.spherical_bessel(x, n),
    partials=(_bessel_slope,),
    parameters={"n": 0},
    homes="",
    samples=[sample((3, 4), n=1), sample((), n=0), sample(np.array([0.0, 0.001, 20.0]), n=2)],
    promotion="float",
    analytic=False,
)

sinc = Elementwise(
    "sinc",
    Notation("sinc", "sin(π{0})/(π{0})", 2, (4,)),
    forward=lambda xp, x: xp.sinc(x),
    partials=(lambda y, x: -math.pi * spherical_bessel(math.pi * x, n=1),),
    formula="sin(π·x)/(π·x)",
    derivative="∂y/∂x = 0 for x = 0, else (cos(π·x) − y)/x",
    samples=_ANY,
    promotion="float",
    doc="sin(πx) / (πx), and 1 at 0.",
)
