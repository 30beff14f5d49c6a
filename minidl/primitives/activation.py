"""Activation functions."""

from __future__ import annotations

from ..graph import Notation
from .comparison import greater
from .kinds import Elementwise, sample

_ANY = [sample((3, 4)), sample(())]

sigmoid = Elementwise(
    "sigmoid",
    Notation("σ", "σ({0})"),
    forward=lambda xp, x: xp.sigmoid(x),
    partials=(lambda y, x: y * (1 - y),),
    samples=_ANY,
    promotion="float",
)

tanh = Elementwise(
    "tanh",
    Notation("tanh", "tanh({0})"),
    forward=lambda xp, x: xp.tanh(x),
    partials=(lambda y, x: 1 - y * y,),
    samples=_ANY,
    promotion="float",
)

relu = Elementwise(
    "relu",
    Notation("ReLU", "ReLU({0})"),
    forward=lambda xp, x: xp.maximum(x, 0),
    partials=(lambda y, x: greater(y, 0),),
    samples=[sample((3, 4), domain="nonzero"), sample((), domain="nonzero")],
)
"""max(0, x); its derivative at 0 is taken as 0, as in PyTorch."""
