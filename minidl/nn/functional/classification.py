"""Losses of probabilities: cross-entropy in its forms, the divergence of two distributions, distillation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import ShapeError, UsageError
from ...graph import array_of, beside, data_of
from ...kernels import DeviceArray
from ...kernels.device import constant_like
from ...primitives.elementwise.arithmetic import mul_or_zero
from ...primitives.elementwise.comparison import where
from ...primitives.kinds import Shape, Value, refuses, sample, shape_of
from ...primitives.layers.loss import class_loss, cross_entropy_rows, has_class_loss
from ...primitives.operation import operation
from ...primitives.reductions.reduction import sum
from ...primitives.reductions.softmax import log_softmax
from ...primitives.shapes.shape import gather, permute, reshape
from .checks import (
    check_class_weight,
    check_device,
    check_float,
    check_reduction,
    check_shape,
    check_share,
    class_numbers,
    reduced,
)

_LABELS = np.array([2, 0, 1])
_IMAGE = np.array([[[0, 1], [2, 2]], [[1, 1], [0, -100]]])
_CLASS_WEIGHT = np.array([0.5, 1.0, 2.0, 3.0])
_SOFT = np.array([[0.2, 0.3, 0.5, 0.0], [1.0, 0.0, 0.0, 0.0], [0.1, 0.4, 0.4, 0.1]])


@operation(
    "functional minidl",
    formula="L = −mean(ln softmax(x)ₜ)",
    derivative="∂L/∂xᵢⱼ = (softmax(xᵢ)ⱼ − [tᵢ = j])/n",
    torch="nn.functional.cross_entropy",
    samples=[
        sample((3, 4), _LABELS, label_smoothing=0.25),
        sample((3, 4), _LABELS, weight=_CLASS_WEIGHT, label_smoothing=0.125),
        sample((3, 4), np.array([2, 1, 0]), ignore_index=1, reduction="sum"),
        sample((2, 3, 2, 2), _IMAGE, reduction="none"),
        sample((4,), np.array(3)),
        sample((0, 3), np.zeros(0, np.int64), reduction="sum"),
        sample((3, 4), (3, 4), weight=_CLASS_WEIGHT, label_smoothing=0.125, domain="unit"),
        sample((2, 3, 2), (2, 3, 2), reduction="none", domain="unit"),
        sample((4,), (4,), domain="unit"),
        sample((3, 4), _SOFT, reduction="sum"),
    ],
    errors=[
        refuses((2, 3), np.array([0]), match=r"must be \(2,\)"),
        refuses((2, 3), np.array([0, 3]), error=UsageError, match="class 3 is outside 0 … 2"),
        refuses((2, 3), (3, 2), match="input's shape"),
        refuses((2, 3), (2, 3), ignore_index=1, error=UsageError, match="ignore_index"),
        refuses((2, 3), np.array([0, 1]), weight=np.ones(2), match=r"weight must be \(3,\)"),
        refuses((2, 3), np.array([0, 1]), label_smoothing=1.5, error=UsageError, match="label_smoothing"),
        refuses((), np.array(0), match="class axis"),
    ],
)
def cross_entropy(
    input: Value,
    target: Value,
    weight: Value | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Value:
    """Measure −ln of the probability that softmax gives the right class.

    Args:
        input: raw scores (logits), `(N, C)`, `(C,)` or `(N, C, d₁, …)`; not probabilities.
        target: class numbers, the shape of `input` without the class axis; or probabilities of the shape of `input`.
        weight: one factor a class, `(C,)`.
        ignore_index: a class number that marks examples to leave out.
        reduction: `"mean"` (for class numbers weighted by `weight`), `"sum"` or `"none"`.
        label_smoothing: how much of the target, 0 … 1, is spread evenly over all classes.

    Returns:
        A number, or one an example for `reduction="none"`.

    Raises:
        ShapeError: target and input do not belong together.
        UsageError: a class number outside 0 … C − 1, or an unknown reduction.

    >>> import minidl
    >>> minidl.cross_entropy(minidl.zeros(2, 10), minidl.tensor([3, 7]))
    tensor(2.3026)
    """
    check_reduction("cross_entropy", reduction)
    check_share("cross_entropy", label_smoothing=label_smoothing)
    shape = shape_of(input)
    if not shape:
        raise ShapeError("cross_entropy: the input needs a class axis, (N, C) or (C,); got a single number")
    axis = min(1, len(shape) - 1)
    check_float("cross_entropy", input=input)
    if getattr(data_of(target), "dtype", np.dtype(np.int64)).kind == "f":
        check_shape("cross_entropy", "weight", weight, (shape[axis],), "one number a class")
        return _of_probabilities(input, target, axis, weight, ignore_index, reduction, label_smoothing)
    check_class_weight("cross_entropy", weight, shape[axis])
    return _of_classes(input, target, axis, weight, ignore_index, reduction, label_smoothing)


def _of_classes(
    input: Value, target: Value, axis: int, weight: Value | None, ignore_index: int, reduction: str, smoothing: float
) -> Value:
    """The target as constants beside the graph; the mean divides by the right classes' weights."""
    shape = shape_of(input)
    outer, classes = _without(shape, axis), shape[axis]
    check_device("cross_entropy", input=input, target=target, weight=weight)
    labels = class_numbers("cross_entropy", target, outer, classes, ignore_index)
    weights = None if weight is None else array_of(weight)
    factors = None
    if weight is not None or labels.__class__ is DeviceArray or beside(_holds, labels, ignore_index):
        factors = beside(_factors, labels, weights, ignore_index)
    if len(shape) > 1 and not smoothing and has_class_loss(input):
        scale = array_of(np.ones(outer)) if factors is None else factors
        losses = class_loss(input, labels=labels, factors=scale.astype(input.dtype))
    else:
        rows = beside(_target_rows, labels, weights, ignore_index, classes, smoothing, input.dtype)
        losses = cross_entropy_rows(_rows(input, axis), weights=rows)
    if reduction == "none":
        return losses if shape_of(losses) == outer else reshape(losses, outer)
    if reduction == "sum":
        return sum(losses)
    return _averaged(losses, float(labels.size) if factors is None else factors.sum())


def _holds(labels: Any, ignore_index: int) -> bool:
    """Whether an example is to be left out."""
    return bool((labels == ignore_index).any())


def _factors(labels: Any, weights: Any, ignore_index: int) -> Any:
    """The weight of each example's right class, 1 where classes have none; 0 for an example that is left out."""
    kept = labels != ignore_index
    if weights is None:
        return kept.astype(np.float64 if kept.__class__ is np.ndarray else np.float32)
    return np.where(kept, weights[np.where(kept, labels, 0)], 0.0)


def _target_rows(labels: Any, weights: Any, ignore_index: int, classes: int, smoothing: float, dtype: Any) -> Any:
    """What is wanted of the classes, a row an example: 1 of the right one, of which smoothing spreads some over all of them.

    Each class counts by its weight; an example that is left out has a row of zeros. On a GPU a label that is no class's, which
    nobody waits for to refuse it, has a row of NaN.
    """
    labels = labels.reshape(-1)
    if labels.__class__ is DeviceArray:  # which would have to be waited for to list the rows that are kept
        numbers = constant_like(labels, np.arange(classes))
        rows = (labels[:, None] == numbers).astype(dtype) * (1.0 - smoothing) + smoothing / max(classes, 1)
        share = np.where((labels >= 0) & (labels < classes), 1.0, np.nan)
        rows = rows * np.where(labels != ignore_index, share, 0.0).astype(dtype)[:, None]
        return rows if weights is None else rows * weights.astype(dtype)
    rows = np.zeros((labels.size, classes))
    kept = np.flatnonzero(labels != ignore_index)
    if smoothing:
        rows[kept] = smoothing / max(classes, 1)
    rows[kept, labels[kept]] += 1.0 - smoothing
    return (rows if weights is None else rows * weights).astype(dtype)


def _of_probabilities(
    input: Value, target: Value, axis: int, weight: Value | None, ignore_index: int, reduction: str, smoothing: float
) -> Value:
    """The target is an input like any other, with a gradient of its own; the mean divides by the number of examples."""
    shape = shape_of(input)
    if shape_of(target) != shape:
        raise ShapeError(f"cross_entropy: probabilities must have the input's shape {shape}, got {shape_of(target)}")
    if ignore_index >= 0:
        raise UsageError("cross_entropy: ignore_index needs class numbers as the target, not probabilities")
    if smoothing:
        target = (1.0 - smoothing) * target + smoothing / max(shape[axis], 1)
    if weight is not None:
        target = target * _along(weight, axis, len(shape))
    losses = -sum(mul_or_zero(target, log_softmax(input, axis)), axis)  # a class of no weight may be impossible: 0·(−∞)
    if reduction == "none":
        return losses
    return _averaged(losses, math.prod(_without(shape, axis))) if reduction == "mean" else sum(losses)


def _without(shape: Shape, axis: int) -> Shape:
    return (*shape[:axis], *shape[axis + 1 :])


def _rows(input: Value, axis: int) -> Value:
    """Put the class axis last and merge all others: one example a row."""
    shape = shape_of(input)
    if len(shape) == 2:
        return input
    order = (*(i for i in range(len(shape)) if i != axis), axis)
    rows = permute(input, order) if len(shape) > 2 else input
    return reshape(rows, (math.prod(_without(shape, axis)), shape[axis]))


def _along(weight: Value, axis: int, ndim: int) -> Value:
    """One number a class, shaped to meet the class axis."""
    return reshape(weight, (-1, *(1,) * (ndim - axis - 1)))


def _averaged(losses: Value, total: Any) -> Value:
    """Divide by the total weight; of nothing to average the mean is no number, but the gradient is 0."""
    if total.__class__ is DeviceArray:  # not looked at, but 0 / 0 is no number either
        return sum(losses) / total.astype(losses.dtype)
    total = float(total)
    return sum(losses) / total if total else sum(losses) * 0.0 + float("nan")


@operation(
    "functional",
    formula="L = −mean(xₜ)",
    derivative="∂L/∂xᵢⱼ = −[tᵢ = j]/n",
    samples=[
        sample((3, 4), _LABELS),
        sample((3, 4), np.array([2, 1, 0]), weight=_CLASS_WEIGHT, ignore_index=1),
        sample((2, 3, 2, 2), _IMAGE, reduction="sum"),
        sample((2, 3, 1, 2, 2), _IMAGE[:, None], weight=_CLASS_WEIGHT[:3], reduction="none"),
        sample((4,), np.array(3), reduction="none"),
        sample((0, 3), np.zeros(0, np.int64), reduction="sum"),
    ],
    errors=[
        refuses((2, 3), np.array([0, 1, 2]), match=r"must be \(2,\)"),
        refuses((2, 3), np.array([0, -1]), error=UsageError, match="class -1 is outside 0 … 2"),
        refuses((), np.array(0), match="class axis"),
    ],
)
def nll_loss(
    input: Value, target: Value, weight: Value | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Value:
    """Average −input at the right class; of log-probabilities this is the cross-entropy.

    Args:
        input: log-probabilities, `(N, C)`, `(C,)` or `(N, C, d₁, …)`, as `log_softmax` gives them.
        target: class numbers, the shape of `input` without the class axis.
        weight: one factor a class, `(C,)`; the mean divides by the sum of the right classes' factors.
        ignore_index: a class number that marks examples to leave out.
        reduction: `"mean"`, `"sum"` or `"none"`.

    >>> import minidl
    >>> nll_loss(minidl.tensor([[-0.5, -1.0], [-2.0, -0.25]]), minidl.tensor([0, 1]))
    tensor(0.3750)
    """
    check_reduction("nll_loss", reduction)
    shape = shape_of(input)
    if not shape:
        raise ShapeError("nll_loss: the input needs a class axis, (N, C) or (C,); got a single number")
    axis = min(1, len(shape) - 1)
    check_float("nll_loss", input=input)
    check_class_weight("nll_loss", weight, shape[axis])
    check_device("nll_loss", input=input, target=target, weight=weight)
    labels = class_numbers("nll_loss", target, _without(shape, axis), shape[axis], ignore_index)
    kept = labels != ignore_index
    chosen = np.where(kept, labels, 0)
    factors = 1.0 if weight is None or not chosen.size else array_of(weight)[chosen]
    scale = array_of(np.where(kept, factors, 0.0)).astype(input.dtype)
    at = chosen.reshape((*chosen.shape[:axis], 1, *chosen.shape[axis:]))
    picked = reshape(gather(input, axis, at), labels.shape)
    losses = where(kept, -picked * scale, 0.0)
    if reduction == "mean":
        return _averaged(losses, scale.sum(dtype=np.float64))
    return reduced(losses, reduction)
