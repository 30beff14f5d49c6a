"""Exponentials, logarithms, roots and waves."""

from __future__ import annotations

from ..graph import Notation
from .kinds import Elementwise, sample

_ANY = [sample((3, 4)), sample(())]
_POSITIVE = [sample((3, 4), domain="positive"), sample((), domain="positive")]

exp = Elementwise(
    "exp",
    Notation("exp", "exp({0})"),
    forward=lambda xp, x: xp.exp(x),
    partials=(lambda y, x: y,),
    samples=_ANY,
    promotion="float",
)

log = Elementwise(
    "log",
    Notation("ln", "ln({0})"),
    forward=lambda xp, x: xp.log(x),
    partials=(lambda y, x: 1 / x,),
    samples=_POSITIVE,
    promotion="float",
)

sqrt = Elementwise(
    "sqrt",
    Notation("√", "√({0})"),
    forward=lambda xp, x: xp.sqrt(x),
    partials=(lambda y, x: 0.5 / y,),
    samples=_POSITIVE,
    promotion="float",
)

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
