"""Losses with a margin: what is right must be ahead by a distance, and more than that earns nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import ShapeError, UsageError
from ...graph import array_of
from ...kernels.device import constant_like, require_cpu
from ...primitives.elementwise.arithmetic import minimum, square
from ...primitives.elementwise.comparison import where
from ...primitives.elementwise.exponential import sqrt
from ...primitives.elementwise.rounding import clamp_min
from ...primitives.kinds import Value, refuses, sample, shape_of
from ...primitives.operation import operation
from ...primitives.reductions.reduction import sum
from ...primitives.shapes.shape import gather, reshape, unsqueeze
from .checks import (
    check_broadcast,
    check_class_weight,
    check_device,
    check_float,
    check_reduction,
    class_numbers,
    reduced,
)
from .similarity import pairwise_distance

_LABELS = np.array([2, 0, 1])
_SIGNS = np.array([[1, -1, 1, -1], [-1, 1, 1, 1], [1, 1, -1, -1]])


def _shortfall(x: Value) -> Value:
    """max(0, x), with slope 1 at 0, as PyTorch has it: what is exactly at the margin is still pushed."""
    return clamp_min(x, 0)


def _rivals(name: str, input: Value, target: Value, margin: float) -> tuple[Value, Any, tuple[int, ...]]:
    """How far each class is from being `margin` behind the right one, `(N, C)`; the labels; the result's shape.

    Raises:
        ShapeError: an input that is not `(N, C)` or `(C,)`.
    """
    shape = shape_of(input)
    check_float(name, input=input)
    if len(shape) > 2 or (shape and shape[-1] == 0):
        raise ShapeError(f"{name}: the input must be (N, C) or (C,) with at least one class; got {shape}")
    outer = shape[:-1] or (shape_of(target) if shape_of(target) == (1,) else ())  # one example, with or without an axis
    classes = shape[-1] if shape else 1
    check_device(name, input=input, target=target)
    labels = class_numbers(name, target, outer, classes)
    rows = reshape(input, (labels.size, classes))
    right = gather(rows, 1, labels.reshape(-1, 1))
    wrong = constant_like(labels, np.arange(classes)) != labels.reshape(-1, 1)
    return where(wrong, margin - right + rows, 0.0), labels.reshape(-1), outer


_CLASSIFIER_ERRORS = [
    refuses((2, 3), np.array([0, 3]), error=UsageError, match="class 3 is outside 0 … 2"),
    refuses((2, 3, 4), np.array([0, 1]), match=r"\(N, C\) or \(C,\)"),
    refuses((2, 3), np.array([0, 1, 2]), match=r"must be \(2,\)"),
]


@operation(
    "functional",
    formula="L = mean(Σⱼ max(0, xⱼ − xₜ + margin)ᵖ/C over j ≠ t)",
    derivative="∂L/∂xⱼ = [xⱼ − xₜ + margin > 0]/(C·n) for j ≠ t and p = 1; ∂L/∂xₜ = −Σⱼ ∂L/∂xⱼ over j ≠ t",
    subgradient="0 at the margin",
    samples=[
        sample((3, 4), _LABELS),
        sample((3, 4), _LABELS, p=2, margin=0.5, weight=np.array([0.5, 1.0, 2.0, 3.0])),
        sample((3, 4), _LABELS, reduction="none"),
        sample((4,), np.array(1), reduction="none"),
        sample((4,), np.array([1]), reduction="none"),
    ],
    errors=[*_CLASSIFIER_ERRORS, refuses((2, 3), np.array([0, 1]), p=3, error=UsageError, match="p must be 1 or 2")],
)
def multi_margin_loss(
    input: Value, target: Value, p: int = 1, margin: float = 1.0, weight: Value | None = None, reduction: str = "mean"
) -> Value:
    """Average over the classes what each wrong score lacks to being `margin` below the right one.

    Args:
        input: scores, `(N, C)` or `(C,)`.
        target: class numbers, `(N,)` or `()`.
        p: the power of each shortfall, 1 or 2.
        margin: how far ahead the right score should be.
        weight: one factor a class, `(C,)`, taken of the right class.
        reduction: over the examples: `"mean"`, `"sum"` or `"none"`.

    See `hinge_loss` for the sum that is not divided by the number of classes.

    >>> import minidl
    >>> multi_margin_loss(minidl.tensor([[3.0, 5.0, -1.0]]), minidl.tensor([0]))
    tensor(1.)
    """
    name = "multi_margin_loss"
    check_reduction(name, reduction)
    if p not in (1, 2):
        raise UsageError(f"{name}: p must be 1 or 2, got {p}")
    behind, labels, outer = _rivals(name, input, target, margin)
    classes = shape_of(behind)[1]
    check_class_weight(name, weight, classes)
    terms = where(array_of(behind) > 0, behind, 0.0)
    terms = terms if p == 1 else square(terms)
    if weight is not None:
        terms = terms * array_of(weight)[labels].reshape(-1, 1)
    losses = reshape(sum(terms, 1) / float(classes), outer)
    return reduced(losses, reduction)


@operation(
    "functional",
    formula="L = mean(Σⱼ max(0, xⱼ − xₜ + margin) over j ≠ t)",
    derivative="∂L/∂xⱼ = [xⱼ − xₜ + margin > 0]/n for j ≠ t; ∂L/∂xₜ = −Σⱼ ∂L/∂xⱼ over j ≠ t",
    subgradient="0 at the margin",
    torch=None,
    samples=[
        sample((3, 4), _LABELS),
        sample((3, 4), _LABELS, margin=0.5, reduction="sum"),
        sample((3, 4), _LABELS, reduction="none"),
        sample((4,), np.array(1)),
        sample((0, 4), np.zeros(0, np.int64), reduction="sum"),
    ],
    errors=_CLASSIFIER_ERRORS,
)
def hinge_loss(input: Value, target: Value, margin: float = 1.0, reduction: str = "mean") -> Value:
    """Add up what each wrong score lacks to being `margin` below the right one; average that over the examples.

    It is 0, and so is its gradient, as soon as the right score leads by the margin; cross-entropy is never satisfied.

    Args:
        input: scores, `(N, C)` or `(C,)`.
        target: class numbers, `(N,)` or `()`.
        margin: how far ahead the right score should be.
        reduction: over the examples: `"mean"`, `"sum"` or `"none"`.

    Source: Weston & Watkins, 1999, "Support vector machines for multi-class pattern recognition".

    >>> import minidl
    >>> hinge_loss(minidl.tensor([[3.0, 5.0, -1.0]]), minidl.tensor([0]))
    tensor(3.)
    """
    check_reduction("hinge_loss", reduction)
    behind, _, outer = _rivals("hinge_loss", input, target, margin)
    return reduced(reshape(sum(where(array_of(behind) > 0, behind, 0.0), 1), outer), reduction)


@operation(
    "functional",
    formula="L = mean(Σ max(0, 1 − (xⱼ − xₖ))/C over the labels j and the others k)",
    derivative="∂L/∂xⱼ = −m/(C·n), ∂L/∂xₖ = m/(C·n), m: the number of pairs j, k with xⱼ − xₖ < 1",
    subgradient="0 at the margin",
    samples=[
        sample((2, 4), np.array([[3, 0, -1, 1], [2, -1, 0, 0]])),
        sample((2, 4), np.array([[-1, 0, 0, 0], [0, 1, 2, 3]]), reduction="sum"),
        sample((2, 4), np.array([[1, -1, 2, 3], [2, 3, -1, 1]]), reduction="none"),
        sample((4,), np.array([3, 0, -1, 1])),
    ],
    errors=[
        refuses((2, 3), np.array([[0, 3, -1]] * 2), error=UsageError, match="class 3 is outside 0 … 2"),
        refuses((2, 3), np.array([0, 1]), match=r"must be \(2, 3\)"),
    ],
)
def multilabel_margin_loss(input: Value, target: Value, reduction: str = "mean") -> Value:
    """Ask that each of an example's labels score 1 more than each class that is not one.

    Args:
        input: scores, `(N, C)` or `(C,)`.
        target: for each example its labels' class numbers, and −1 after the last one, of the input's shape.
        reduction: over the examples: `"mean"`, `"sum"` or `"none"`.

    >>> import minidl
    >>> multilabel_margin_loss(minidl.tensor([[0.1, 0.2, 0.4, 0.8]]), minidl.tensor([[3, 0, -1, 1]]))
    tensor(0.8500)
    """
    name = "multilabel_margin_loss"
    check_reduction(name, reduction)
    check_float(name, input=input)
    shape = shape_of(input)
    classes = shape[-1] if shape else 1
    require_cpu(name, array_of(target))
    listed = class_numbers(name, target, shape, classes, ignore_index=-1).reshape(-1, classes)
    goes_on = np.logical_and.accumulate(listed >= 0, axis=1)  # −1 ends the list
    listed = np.where(goes_on, listed, -1)[:, : max(int(goes_on.sum(1).max(initial=0)), 1)]
    scores = reshape(input, (-1, classes))
    is_label = (listed[:, :, None] == np.arange(classes)).any(1)
    own = gather(scores, 1, np.maximum(listed, 0))
    behind = 1 - unsqueeze(own, 2) + unsqueeze(scores, 1)  # [n, j, k]: label j against class k
    counted = (listed >= 0)[:, :, None] & ~is_label[:, None, :] & (array_of(behind) > 0)
    losses = reshape(sum(where(counted, behind, 0.0), (1, 2)) / float(classes), shape[:-1])
    return reduced(losses, reduction)


@operation(
    "functional",
    formula="L = mean(x for t = 1, else max(0, margin − x))",
    derivative="∂L/∂x = 1/n for t = 1, −1/n for x ≤ margin, else 0",
    subgradient="−1 at the margin",
    samples=[
        sample((3, 4), _SIGNS),
        sample((3, 4), _SIGNS, margin=0.3, reduction="sum"),
        sample((3,), np.array([1, 0, -1]), reduction="none"),
        sample((), np.array(-1)),
        sample((0, 3), np.zeros((0, 3), np.int64), reduction="sum"),
    ],
    errors=[
        refuses((2, 3), (2, 4), match="broadcast"),
        refuses((2,), (2,), reduction="avg", error=UsageError, match="reduction"),
    ],
)
def hinge_embedding_loss(input: Value, target: Value, margin: float = 1.0, reduction: str = "mean") -> Value:
    """Pull distances marked 1 to zero, and push those marked −1 up to the margin.

    Args:
        input: distances, any shape.
        target: 1 or −1, a shape that broadcasts with the input's; any other number counts as both.
        margin: how far apart is far enough.
        reduction: `"mean"`, `"sum"` or `"none"`.

    >>> import minidl
    >>> hinge_embedding_loss(minidl.tensor([0.5, 0.2]), minidl.tensor([1, -1]), reduction="none")
    tensor([0.5000, 0.8000])
    """
    check_reduction("hinge_embedding_loss", reduction)
    check_broadcast("hinge_embedding_loss", input=input, target=target)
    marks = array_of(target)
    return reduced(where(marks != 1, _shortfall(margin - input), 0.0) + where(marks != -1, input, 0.0), reduction)


@operation(
    "functional",
    formula="L = mean(max(0, margin − t·(x − y)))",
    derivative="∂L/∂x = −t/n for t·(x − y) ≤ margin, else 0; ∂L/∂y = t/n for t·(x − y) ≤ margin, else 0",
    subgradient="that of the sloping side at the margin",
    samples=[
        sample((3, 4), (3, 4), _SIGNS),
        sample((3, 4), (3, 4), (3, 4), margin=0.5, reduction="sum"),
        sample((3, 4), (1, 4), (3, 1), reduction="none"),
        sample((), (), np.array(-1)),
        sample((0,), (0,), (0,), reduction="sum"),
    ],
    errors=[
        refuses((2, 3), (3,), (3,), match="numbers of axes"),
        refuses((2,), (2,), (2,), reduction="avg", error=UsageError, match="reduction"),
    ],
)
def margin_ranking_loss(
    input1: Value, input2: Value, target: Value, margin: float = 0.0, reduction: str = "mean"
) -> Value:
    """Ask that `input1` be above `input2` by the margin where the target is 1, and below it where −1.

    Args:
        input1: scores, any shape.
        input2: scores, of as many axes.
        target: 1 or −1, of as many axes.
        margin: how far ahead is far enough.
        reduction: `"mean"`, `"sum"` or `"none"`.

    >>> import minidl
    >>> margin_ranking_loss(minidl.tensor([1.0]), minidl.tensor([3.0]), minidl.tensor([1]))
    tensor(2.)
    """
    check_reduction("margin_ranking_loss", reduction)
    _same_number_of_axes("margin_ranking_loss", input1=input1, input2=input2, target=target)
    check_broadcast("margin_ranking_loss", input1=input1, input2=input2, target=target)
    return reduced(_shortfall(margin - target * (input1 - input2)), reduction)


def _same_number_of_axes(name: str, **values: Value) -> None:
    if len({len(shape_of(v)) for v in values.values()}) > 1:
        shapes = ", ".join(f"{k} {shape_of(v)}" for k, v in values.items())
        raise ShapeError(f"{name}: the numbers of axes differ: {shapes}")


@operation(
    "functional",
    formula="L = mean(max(0, ‖a − p‖ − ‖a − n‖ + margin))",
    derivative=(
        "∂L/∂p = (p − a)/‖a − p‖, ∂L/∂n = (a − n)/‖a − n‖, over the number of triplets, where the margin "
        "is violated; ∂L/∂a = −∂L/∂p − ∂L/∂n"
    ),
    subgradient="1 at the margin; 0 of a distance at 0",
    samples=[
        sample((3, 4), (3, 4), (3, 4)),
        sample((3, 4), (3, 4), (3, 4), margin=2.0, p=1.0, swap=True, reduction="sum"),
        sample((2, 3, 4), (2, 1, 4), (2, 3, 4), eps=0.1, reduction="none"),
        sample((4,), (4,), (4,), reduction="none"),
        sample((0, 3), (0, 3), (0, 3), reduction="sum"),
    ],
    errors=[
        refuses((2, 3), (3,), (3,), match="numbers of axes"),
        refuses((2, 3), (2, 3), (2, 3), margin=0.0, error=UsageError, match="margin must be positive"),
    ],
)
def triplet_margin_loss(
    anchor: Value,
    positive: Value,
    negative: Value,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Value:
    """Ask that an anchor be nearer to its like than to its unlike, by the margin.

    Args:
        anchor: vectors `(…, D)`.
        positive: vectors of the same kind as the anchors.
        negative: vectors of another kind.
        margin: how much nearer; positive.
        p: the order of the norm.
        eps: is added to each difference, so that equal vectors have a gradient.
        swap: whether the distance of positive and negative counts where it is the smaller one.
        reduction: `"mean"`, `"sum"` or `"none"`.

    Source: Balntas et al., 2016, "Learning local feature descriptors with triplets and shallow convolutional neural
    networks", sections 2.1 and 2.2 (`swap`).

    >>> import minidl
    >>> triplet_margin_loss(minidl.tensor([[0.0]]), minidl.tensor([[2.0]]), minidl.tensor([[-2.0]]))
    tensor(1.0000)
    """
    check_reduction("triplet_margin_loss", reduction)
    if margin <= 0:
        raise UsageError(f"triplet_margin_loss: margin must be positive, got {margin}")
    _same_number_of_axes("triplet_margin_loss", anchor=anchor, positive=positive, negative=negative)
    check_broadcast("triplet_margin_loss", anchor=anchor, positive=positive, negative=negative)
    near, far = pairwise_distance(anchor, positive, p, eps), pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = minimum(far, pairwise_distance(positive, negative, p, eps))
    return reduced(_shortfall(margin + near - far), reduction)


@operation(
    "functional",
    formula="L = mean(1 − c for t = 1, else max(0, c − margin)), c = cos(x, y)",
    derivative="∂L/∂c = −1/n for t = 1, 1/n for c ≥ margin, else 0; ∂c/∂x as of cosine_similarity",
    subgradient="1 at the margin",
    samples=[
        sample((4, 3), (4, 3), np.array([1, -1, 1, -1])),
        sample((4, 3), (1, 3), np.array([1, -1, 0, -1]), margin=0.2, reduction="none"),
        sample((3,), (3,), np.array(1), reduction="sum"),
        sample((0, 3), (0, 3), np.zeros(0, np.int64), reduction="sum"),
    ],
    errors=[
        refuses((2, 3), (2, 3), np.array(1), match=r"\(N, D\)"),
        refuses((2, 3), (2, 4), np.array([1, -1]), match="do not broadcast"),
    ],
)
def cosine_embedding_loss(
    input1: Value, input2: Value, target: Value, margin: float = 0.0, reduction: str = "mean"
) -> Value:
    """Turn vectors marked 1 into the same direction, and those marked −1 away from each other.

    Args:
        input1: vectors, `(N, D)` or `(D,)`.
        input2: vectors, the same.
        target: 1 or −1, `(N,)` or `()`.
        margin: the cosine, −1 … 1, below which two vectors are different enough.
        reduction: `"mean"`, `"sum"` or `"none"`.

    >>> import minidl
    >>> cosine_embedding_loss(minidl.tensor([1.0, 0.0]), minidl.tensor([0.0, 1.0]), minidl.tensor(1))
    tensor(1.)
    """
    name = "cosine_embedding_loss"
    check_reduction(name, reduction)
    axes = len(shape_of(target)) + 1
    if axes > 2 or any(len(shape_of(x)) != axes for x in (input1, input2)):
        raise ShapeError(
            f"{name}: takes (N, D), (N, D) and (N,), or (D,), (D,) and (); "
            f"got {shape_of(input1)}, {shape_of(input2)} and {shape_of(target)}"
        )
    check_broadcast(name, input1=input1, input2=input2)
    tiny = 1e-12  # PyTorch's: a squared length of 0 does not divide
    lengths = sqrt((sum(square(input1), -1) + tiny) * (sum(square(input2), -1) + tiny))
    cosine = sum(input1 * input2, -1) / lengths
    marks = array_of(target)
    losses = where(marks == 1, 1 - cosine, 0.0) + where(marks == -1, _shortfall(cosine - margin), 0.0)
    return reduced(losses, reduction)
