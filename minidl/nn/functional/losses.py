"""Losses of numbers: how far predictions are from what they should be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import ShapeError, UsageError
from ...graph import array_of
from ...primitives.elementwise.arithmetic import abs_, square
from ...primitives.elementwise.comparison import where
from ...primitives.elementwise.exponential import exp, log, xlogy
from ...primitives.kinds import Value, refuses, sample, shape_of
from ...primitives.layers.loss import at_least, huber
from ...primitives.operation import operation
from ...primitives.reductions.reduction import sum
from ...primitives.shapes.shape import unsqueeze
from .checks import check_broadcast, check_float, check_reduction, check_same_shape, reduced

_W = np.array([[0.5, 1.0, 2.0, 0.0], [3.0, 0.25, 1.0, 1.5], [1.0, 1.0, 0.1, 2.0]])
_ELEMENTWISE = [
    sample((3, 4), (3, 4), domain="distinct"),
    sample((2, 3), (2, 3), domain="distinct", reduction="sum"),
    sample((), (), domain="distinct", reduction="none"),
    sample((0, 3), (0, 3), reduction="sum"),
]
_WEIGHTED = [
    sample((3, 4), (3, 4), (3, 4), domain="distinct"),
    sample((3, 4), (3, 4), domain="distinct", weight=_W, reduction="none"),
    sample((3, 4), (3, 4), domain="distinct", weight=_W),
]
_REFUSED = [
    refuses((2, 1), (2,), match="wrong pairs"),
    refuses((2,), (2,), reduction="average", error=UsageError, match="must be 'mean', 'sum' or 'none'"),
]
_REFUSED_WEIGHT = [refuses((2, 3), (2, 3), weight=np.ones(3), match=r"input \(→2←, 3\) and weight \(3,\) differ")]


def _with_weight(function: Any, inputs: Any, params: dict[str, Any]) -> Any:
    """Hand over a third input as the weight."""
    return function(*inputs[:2], **params, **({"weight": inputs[2]} if len(inputs) == 3 else {}))


def _weighted_mean(name: str, losses: Value, weight: Value | None, reduction: str) -> Value:
    """Reduce; a weighted mean divides by the weights' sum."""
    if weight is None:
        return reduced(losses, reduction)
    check_same_shape(name, losses, weight, "weight")
    if reduction == "mean":
        return sum(losses * weight) / sum(weight)
    return reduced(losses * weight, reduction)


@operation(
    "functional",
    formula="L = mean((x − t)²)",
    derivative="∂L/∂x = 2·(x − t)/n",
    samples=[*_ELEMENTWISE, *_WEIGHTED],
    errors=[*_REFUSED, *_REFUSED_WEIGHT],
    call=_with_weight,
)
def mse_loss(input: Value, target: Value, reduction: str = "mean", weight: Value | None = None) -> Value:
    """Average the squared differences.

    Args:
        input: predictions, any shape.
        target: what they should be, the same shape.
        reduction: `"mean"`, `"sum"` or `"none"`.
        weight: a factor for each element, the same shape; the mean is then divided by their sum.

    Raises:
        ShapeError: the shapes differ; PyTorch warns and broadcasts.

    >>> import minidl
    >>> mse_loss(minidl.tensor([1.0, 2.0]), minidl.tensor([1.0, 4.0]))
    tensor(2.)
    """
    check_reduction("mse_loss", reduction)
    check_same_shape("mse_loss", input, target)
    difference = input - target
    check_float("mse_loss", input=difference)
    return _weighted_mean("mse_loss", square(difference), weight, reduction)


@operation(
    "functional",
    formula="L = mean(|x − t|)",
    derivative="∂L/∂x = sign(x − t)/n",
    subgradient="0 at x = t",
    samples=[*_ELEMENTWISE, *_WEIGHTED],
    errors=[*_REFUSED, *_REFUSED_WEIGHT],
    call=_with_weight,
)
def l1_loss(input: Value, target: Value, reduction: str = "mean", weight: Value | None = None) -> Value:
    """Average the absolute differences; the arguments are those of `mse_loss`.

    >>> import minidl
    >>> l1_loss(minidl.tensor([1.0, 2.0]), minidl.tensor([1.0, 4.0]))
    tensor(1.)
    """
    check_reduction("l1_loss", reduction)
    check_same_shape("l1_loss", input, target)
    return _weighted_mean("l1_loss", abs_(input - target), weight, reduction)


@operation(
    "functional",
    formula="L = mean((x − t)²/(2·β) for |x − t| < β, else |x − t| − β/2)",
    derivative="∂L/∂x = (x − t)/β/n for |x − t| < β, else sign(x − t)/n",
    samples=[
        *_ELEMENTWISE,
        sample((3, 4), (3, 4), domain="distinct", beta=0.5),
        sample((3,), (3,), domain="distinct", beta=0.0),
    ],
    errors=[*_REFUSED, refuses((2,), (2,), beta=-1.0, error=UsageError, match="beta")],
)
def smooth_l1_loss(input: Value, target: Value, reduction: str = "mean", beta: float = 1.0) -> Value:
    """Average the absolute differences, rounded off to a parabola below `beta`: Huber's loss divided by β.

    Args:
        input: predictions, any shape.
        target: what they should be, the same shape.
        reduction: `"mean"`, `"sum"` or `"none"`.
        beta: where the parabola ends; 0 gives `l1_loss`.

    Source: Girshick, 2015, "Fast R-CNN", eq. 3.

    >>> import minidl
    >>> smooth_l1_loss(minidl.tensor([0.5, 2.0]), minidl.tensor([0.0, 0.0]), reduction="none")
    tensor([0.1250, 1.5000])
    """
    check_reduction("smooth_l1_loss", reduction)
    check_same_shape("smooth_l1_loss", input, target)
    if beta < 0:
        raise UsageError(f"smooth_l1_loss: beta must be at least 0, got {beta}")
    difference = input - target
    check_float("smooth_l1_loss", input=difference)
    losses = huber(difference, delta=beta) if beta else abs_(difference)
    return reduced(losses if beta in (0, 1) else losses / beta, reduction)


@operation(
    "functional",
    formula="L = mean((x − t)²/2 for |x − t| ≤ δ, else δ·(|x − t| − δ/2))",
    derivative="∂L/∂x = (x − t)/n for |x − t| ≤ δ, else δ·sign(x − t)/n",
    samples=[*_ELEMENTWISE, *_WEIGHTED, sample((3, 4), (3, 4), domain="distinct", delta=0.5)],
    errors=[*_REFUSED, *_REFUSED_WEIGHT, refuses((2,), (2,), delta=0.0, error=UsageError, match="delta")],
    call=_with_weight,
)
def huber_loss(
    input: Value, target: Value, reduction: str = "mean", delta: float = 1.0, weight: Value | None = None
) -> Value:
    """Average the squared differences, replaced by straight lines beyond `delta`, so that outliers pull less.

    Args:
        input: predictions, any shape.
        target: what they should be, the same shape.
        reduction: `"mean"`, `"sum"` or `"none"`.
        delta: where the straight lines begin; positive.
        weight: a factor for each element; the mean still divides by the number of elements, as in PyTorch.

    Source: Huber, 1964, "Robust estimation of a location parameter".

    >>> import minidl
    >>> huber_loss(minidl.tensor([0.5, 2.0]), minidl.tensor([0.0, 0.0]), reduction="none")
    tensor([0.1250, 1.5000])
    """
    check_reduction("huber_loss", reduction)
    check_same_shape("huber_loss", input, target)
    if delta <= 0:
        raise UsageError(f"huber_loss: delta must be positive, got {delta}")
    difference = input - target
    check_float("huber_loss", input=difference)
    losses = huber(difference, delta=delta)
    if weight is not None:
        check_same_shape("huber_loss", input, weight, "weight")
        losses = losses * weight
    return reduced(losses, reduction)


@operation(
    "functional",
    formula="L = mean((ln(v) + (x − t)²/v)/2)",
    derivative="∂L/∂x = (x − t)/v/n; ∂L/∂v = (1/v − (x − t)²/v²)/2/n",
    subgradient="σ² below eps counts as eps, but keeps its gradient, so that it can grow again",
    samples=[
        sample((2, 3), (2, 3), (2, 3), domain="positive"),
        sample((2, 3), (2, 3), (2, 1), domain="positive", full=True, reduction="sum"),
        sample((2, 3), (2, 3), (2,), domain="positive", reduction="none"),
        sample((3,), (3,), domain="positive", var=0.5, eps=1e-3),
        sample((), (), (), domain="positive"),
        sample((0, 3), (0, 3), (0, 3), domain="positive", reduction="sum"),
    ],
    errors=[
        refuses((2, 3), (2, 3), (3,), domain="positive", match="var"),
        refuses((2, 3), (2, 3), var=-1.0, error=UsageError, match="negative"),
        refuses((2, 3), (2, 3), var=1.0, reduction="all", error=UsageError, match="reduction"),
    ],
)
def gaussian_nll_loss(
    input: Value, target: Value, var: Value, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Value:
    """Measure −ln of the density that a normal distribution N(input, var) gives to the target.

    Args:
        input: expected values, any shape.
        target: what was observed, the same shape (or one that broadcasts).
        var: variances: a number, the input's shape, that shape without its last axis, or with one axis of length 1.
        full: whether to add the constant ½ ln 2π.
        eps: the smallest variance.
        reduction: `"mean"`, `"sum"` or `"none"`.

    Raises:
        UsageError: a negative variance.
        ShapeError: variances that do not belong to the input.

    Source: Nix & Weigend, 1994, "Estimating the mean and variance of the target probability distribution".

    >>> import minidl
    >>> gaussian_nll_loss(minidl.tensor([1.0]), minidl.tensor([3.0]), minidl.tensor([1.0]))
    tensor(2.)
    """
    check_reduction("gaussian_nll_loss", reduction)
    check_broadcast("gaussian_nll_loss", input=input, target=target)
    if (array_of(var) < 0).any():
        raise UsageError("gaussian_nll_loss: var has negative entries; a variance is at least 0")
    variance = at_least(_fitted(var, shape_of(input)), minimum=eps)
    losses = 0.5 * (log(variance) + square(input - target) / variance)
    return reduced(losses + 0.5 * math.log(2 * math.pi) if full else losses, reduction)


def _fitted(var: Value, shape: tuple[int, ...]) -> Value:
    """The variances in a shape that broadcasts against the input's along one axis at most."""
    own = shape_of(var)
    if isinstance(var, int | float) or own == shape:
        return var
    if own == shape[:-1]:
        return unsqueeze(var, -1)
    differing = [m for m, n in zip(own, shape, strict=False) if m != n]
    if len(own) != len(shape) or differing != [1]:
        raise ShapeError(
            f"gaussian_nll_loss: var {own} must have the input's shape {shape}, that shape without its last axis, "
            "or with one axis of length 1"
        )
    return var


@operation(
    "functional",
    formula="L = mean(exp(x) − t·x)",
    derivative="∂L/∂x = (exp(x) − t)/n",
    samples=[
        sample((2, 3), (2, 3), domain="positive"),
        sample((2, 3), (3,), domain="beyond", full=True, reduction="sum"),
        sample((2, 3), (2, 3), domain="positive", log_input=False, eps=0.1, reduction="none"),
        sample((2, 3), np.array([[0, 1, 2], [3, 4, 5]])),
        sample((), (), domain="positive", log_input=False),
        sample((0, 3), (0, 3), reduction="sum"),
    ],
    errors=[
        refuses((2, 3), (2, 4), match="do not broadcast"),
        refuses((2,), (2,), reduction="avg", error=UsageError, match="reduction"),
    ],
)
def poisson_nll_loss(
    input: Value,
    target: Value,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Value:
    """Measure −ln of the probability that a Poisson distribution gives to the counts in `target`, up to ln t!.

    Args:
        input: the logarithms of the expected counts, or with `log_input=False` the expected counts themselves.
        target: the counts, of a shape that broadcasts with the input's.
        log_input: what `input` is: eˣ − t x if true, x − t ln(x + ε) if not.
        full: whether to add Stirling's t ln t − t + ½ ln 2πt for ln t! where t > 1.
        eps: keeps ln(x + ε) finite at 0.
        reduction: `"mean"`, `"sum"` or `"none"`.

    >>> import minidl
    >>> poisson_nll_loss(minidl.tensor([0.0]), minidl.tensor([2.0]))
    tensor(1.)
    """
    check_reduction("poisson_nll_loss", reduction)
    check_broadcast("poisson_nll_loss", input=input, target=target)
    losses = exp(input) - target * input if log_input else input - target * log(input + eps)
    if full:
        many = array_of(target) > 1
        t = where(many, target, 1.0)  # where the approximation is not used its logarithms must not leak a NaN
        losses = losses + where(many, xlogy(t, t) - t + 0.5 * log(2 * math.pi * t), 0.0)
    return reduced(losses, reduction)
