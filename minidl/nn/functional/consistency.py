"""A loss that asks a network to say the same of several views of a thing."""

from __future__ import annotations

import math

import numpy as np

from ...errors import UsageError
from ...primitives.elementwise.exponential import logaddexp
from ...primitives.kinds import Value, refuses, sample, shape_of
from ...primitives.layers.loss import kl_term_of_logs
from ...primitives.operation import operation
from ...primitives.reductions.softmax import log_softmax
from .checks import check_float, check_reduction, check_same_shape, reduced
from .classification import cross_entropy


@operation(
    "functional",
    formula="JS = ⅓·Σᵢ KL(softmax(xᵢ) ‖ m), m = ⅓·Σᵢ softmax(xᵢ)",
    derivative="∂JS/∂xᵢ = ⅓·pᵢ·(gᵢ − Σ pᵢgᵢ), with pᵢ = softmax(xᵢ) and gᵢ = ln(pᵢ/m), over n",
    torch=None,
    samples=[
        sample((3, 4), (3, 4), (3, 4)),
        sample((3, 4), (3, 4), (3, 4), reduction="sum"),
        sample((2, 3, 2), (2, 3, 2), (2, 3, 2), reduction="none"),
        sample((4,), (4,), (4,)),
    ],
    errors=[
        refuses((2, 3), (2, 4), (2, 3), match="differ"),
        refuses((2, 3), (2, 3), (2, 4), match="differ"),
        refuses((2, 3), (2, 3), (2, 3), reduction="average", error=UsageError, match="reduction"),
    ],
)
def jensen_shannon_loss(input: Value, first: Value, second: Value, reduction: str = "mean") -> Value:
    """Measure how far apart three predictions are: the mean divergence of each from their mean, 0 where they agree.

    It is at most ln 3. Everything is computed from logarithms, so that no probability has to be kept away from 0.

    Args:
        input: raw scores of the picture as it is, `(N, C)`, `(C,)` or `(N, C, d₁, …)`.
        first: those of a changed picture, the same shape.
        second: those of another.
        reduction: over the examples: `"mean"`, `"sum"` or `"none"`.

    Raises:
        ShapeError: the shapes differ.

    Source: Lin, 1991, "Divergence measures based on the Shannon entropy"; as a loss: Hendrycks et al., 2020, "AugMix".

    >>> import minidl
    >>> cat, dog = minidl.tensor([[9.0, -9.0]]), minidl.tensor([[-9.0, 9.0]])
    >>> jensen_shannon_loss(cat, cat, cat), jensen_shannon_loss(cat, cat, dog)
    (tensor(0.), tensor(0.6365))
    """
    name = "jensen_shannon_loss"
    check_reduction(name, reduction)
    check_float(name, input=input, first=first, second=second)
    check_same_shape(name, input, first, "first")
    check_same_shape(name, input, second, "second")
    axis = min(1, len(shape_of(input)) - 1)
    views = [log_softmax(scores, axis) for scores in (input, first, second)]
    mixture = logaddexp(logaddexp(views[0], views[1]), views[2]) - math.log(3)
    apart = sum(
        (kl_term_of_logs(mixture, view).sum(axis) for view in views[1:]), kl_term_of_logs(mixture, views[0]).sum(axis)
    )
    return reduced(apart / 3.0, reduction)


@operation(
    "functional",
    formula="CE(x, t) + λ·JS(x, x₁, x₂)",
    derivative="∂L/∂x = (softmax(x) − t)/n + λ·∂JS/∂x, and λ·∂JS/∂xᵢ for the others",
    torch=None,
    samples=[
        sample((3, 4), (3, 4), (3, 4), target=np.array([2, 0, 1])),
        sample((3, 4), (3, 4), (3, 4), target=np.array([2, 0, 1]), weight=0.5, reduction="none"),
    ],
    errors=[
        refuses((2, 3), (2, 4), (2, 3), target=np.array([0, 1]), match="differ"),
        refuses((2, 3), (2, 3), (2, 3), target=np.array([0, 1]), weight=-1.0, error=UsageError, match="negative"),
    ],
)
def augmix_loss(
    input: Value, first: Value, second: Value, target: Value, weight: float = 12.0, reduction: str = "mean"
) -> Value:
    """Learn the labels from pictures as they are, and to say the same of two AugMix views of each.

    Args:
        input: raw scores of the pictures, `(N, C)`, `(C,)` or `(N, C, d₁, …)`.
        first: those of `AugMix` applied to the pictures, the same shape.
        second: those of `AugMix` applied to them once more.
        target: labels as `cross_entropy` takes them.
        weight: λ, what agreement counts beside being right.
        reduction: over the examples: `"mean"`, `"sum"` or `"none"`.

    Raises:
        ShapeError: the shapes differ.
        UsageError: a negative weight.

    Source: Hendrycks, Mu, Cubuk, Zoph, Gilmer & Lakshminarayanan, 2020, "AugMix: a simple data processing method to
    improve robustness and uncertainty", section 3.

    >>> import minidl
    >>> scores = minidl.tensor([[1.0, 2.0]])
    >>> augmix_loss(scores, scores, scores, minidl.tensor([1]))
    tensor(0.3133)
    """
    if weight < 0:
        raise UsageError(f"augmix_loss: weight must not be negative, got {weight}")
    agreement = jensen_shannon_loss(input, first, second, reduction)
    return cross_entropy(input, target, reduction=reduction) + weight * agreement
