"""Standardising: subtract the mean, divide by the standard deviation. All normalisations but one are this, over other axes."""

from __future__ import annotations

from typing import Any

from ...graph import Notation
from ..elementwise.arithmetic import square
from ..elementwise.exponential import sqrt
from ..kinds import General, Value, sample
from ..reductions.reduction import mean


def moments(xp: Any, x: Any, dim: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """The mean, x minus the mean, and the (biased) variance, in two passes: E[x²] − E[x]² would cancel."""
    average = xp.mean(x, axis=dim, keepdims=True)
    centred = x - average
    return average, centred, xp.mean(centred * centred, axis=dim, keepdims=True)


def _standardize(xp: Any, x: Any, dim: tuple[int, ...], eps: float) -> Any:
    _, centred, variance = moments(xp, x, dim)
    return centred / xp.sqrt(variance + eps)


def _deviation(x: Value, dim: tuple[int, ...], eps: float) -> Value:
    """√(σ² + ε)."""
    return sqrt(mean(square(x - mean(x, dim, keepdim=True)), dim, keepdim=True) + eps)


def _pull(g: Value, y: Value, x: Value, dim: tuple[int, ...], eps: float) -> Value:
    """(g − mean(g) − y·mean(g·y)) / √(σ² + ε): the parts of g along 1 and along y change neither mean nor variance."""
    return (g - mean(g, dim, keepdim=True) - y * mean(g * y, dim, keepdim=True)) / _deviation(x, dim, eps)


standardize_ = General(
    "standardize",
    Notation("(x−μ)/σ", "({0} − μ)/σ"),
    forward=_standardize,
    vjp=_pull,
    samples=[
        sample((3, 4), dim=(1,), eps=1e-5),
        sample((2, 3, 4), dim=(0, 2), eps=0.1),
        sample((5,), dim=(0,), eps=1e-3),
        sample((0, 3), dim=(0,), eps=1e-5),
        sample((2, 0), dim=(1,), eps=1e-5),
    ],
)
"""(x − μ)/√(σ² + ε) over the axes `dim`, with the biased variance σ². Source: Ioffe & Szegedy, 2015, "Batch normalization:
accelerating deep network training by reducing internal covariate shift". Its Jacobian is symmetric, so one rule is both."""
