"""Losses of probabilities that each element states for itself, and of one distribution against another."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import ShapeError, UsageError
from ...graph import array_of
from ...kernels import DeviceArray
from ...primitives.elementwise.activation_smooth import logsigmoid
from ...primitives.elementwise.arithmetic import mul_or_zero
from ...primitives.elementwise.exponential import xlogy
from ...primitives.kinds import Value, refuses, sample, shape_of
from ...primitives.layers.loss import binary_cross_entropy_, kl_term_of_logs
from ...primitives.operation import operation
from ...primitives.reductions.reduction import mean
from ...primitives.reductions.softmax import log_softmax
from .checks import (
    REDUCTIONS,
    check_broadcast,
    check_fits,
    check_float,
    check_reduction,
    check_same_shape,
    check_share,
    reduced,
)
from .classification import cross_entropy

_POS_WEIGHT = np.array([0.5, 1.0, 2.0, 3.0])


@operation(
    "functional",
    formula="L = −mean(t·ln(x) + (1 − t)·ln(1 − x))",
    derivative="∂L/∂x = (x − t)/(x·(1 − x))/n",
    subgradient="each logarithm is at least −100; p(1 − p) in the slope's denominator is at least 10⁻¹²",
    samples=[
        sample((3, 4), (3, 4), domain="unit"),
        sample((3, 4), (3, 4), domain="unit", weight=_POS_WEIGHT, reduction="sum"),
        sample((), (), domain="unit", reduction="none"),
        sample((0, 3), (0, 3), reduction="sum"),
    ],
    errors=[
        refuses((2, 3), (3,), domain="unit", match="differ"),
        refuses((2, 3), (2, 3), domain="beyond", error=UsageError, match="between 0 and 1"),
        refuses((2, 3), (2, 3), domain="unit", weight=np.ones(2), match="does not broadcast"),
    ],
)
def binary_cross_entropy(input: Value, target: Value, weight: Value | None = None, reduction: str = "mean") -> Value:
    """Measure −ln of the probability given to what happened, where each element says how probable its event is.

    Args:
        input: probabilities, 0 … 1, any shape; for raw scores use `binary_cross_entropy_with_logits`.
        target: what happened, 0 … 1, the same shape.
        weight: a factor for each element, of a shape that broadcasts to the input's.
        reduction: `"mean"`, `"sum"` or `"none"`.

    Raises:
        UsageError: something outside 0 … 1.

    >>> import minidl
    >>> binary_cross_entropy(minidl.tensor([0.5, 0.5]), minidl.tensor([1.0, 0.0]))
    tensor(0.6931)
    """
    name = "binary_cross_entropy"
    check_reduction(name, reduction)
    check_same_shape(name, input, target)
    check_float(name, input=input, target=target)
    for what, value in (("input", input), ("target", target)):
        numbers = array_of(value)  # on a GPU, which would have to be waited for, they are not looked at
        if numbers.__class__ is not DeviceArray and not ((numbers >= 0) & (numbers <= 1)).all():
            raise UsageError(
                f"{name}: every element of {what} must lie between 0 and 1; of raw scores take "
                "binary_cross_entropy_with_logits"
            )
    check_fits(name, "weight", weight, shape_of(input))
    losses = binary_cross_entropy_(input, target)
    return reduced(losses if weight is None else losses * weight, reduction)


@operation(
    "functional",
    formula="L = −mean(t·ln(σ(x)) + (1 − t)·ln(1 − σ(x)))",
    derivative="∂L/∂x = (σ(x) − t)/n",
    samples=[
        sample((3, 4), (3, 4), domain="unit"),
        sample((3, 4), (3, 4), domain="unit", weight=_POS_WEIGHT, pos_weight=_POS_WEIGHT, reduction="sum"),
        sample((3, 4), (3, 4), pos_weight=_POS_WEIGHT[:1], reduction="none"),
        sample((), (), domain="unit"),
        sample((0, 3), (0, 3), reduction="sum"),
    ],
    errors=[
        refuses((2, 3), (3,), match="differ"),
        refuses((2, 3), (2, 3), pos_weight=np.ones((4, 1, 1)), match="does not broadcast"),
        refuses((2, 3), (2, 3), reduction="batchmean", error=UsageError, match="reduction"),
    ],
)
def binary_cross_entropy_with_logits(
    input: Value,
    target: Value,
    weight: Value | None = None,
    reduction: str = "mean",
    pos_weight: Value | None = None,
) -> Value:
    """Measure the binary cross-entropy of the probabilities σ(input), without overflow for scores of any size.

    Args:
        input: raw scores, any shape.
        target: what happened, 0 … 1, the same shape.
        weight: a factor for each element, of a shape that broadcasts to the input's.
        reduction: `"mean"`, `"sum"` or `"none"`.
        pos_weight: a factor for the part with target 1, such as (negative / positive examples) for a rare class.

    >>> import minidl
    >>> binary_cross_entropy_with_logits(minidl.tensor([0.0, 1000.0]), minidl.tensor([1.0, 1.0]), reduction="none")
    tensor([0.6931, 0.0000])
    """
    name = "binary_cross_entropy_with_logits"
    check_reduction(name, reduction)
    check_same_shape(name, input, target)
    check_float(name, input=input, target=target)
    check_fits(name, "weight", weight, shape_of(input))
    check_fits(name, "pos_weight", pos_weight, shape_of(input))
    positive = target if pos_weight is None else target * pos_weight
    losses = -(positive * logsigmoid(input) + (1 - target) * logsigmoid(-input))  # 1 − σ(x) = σ(−x)
    return reduced(losses if weight is None else losses * weight, reduction)


@operation(
    "functional",
    formula="L = −mean(t·ln(σ(x)) + (1 − t)·ln(σ(−x)))",
    derivative="∂L/∂x = (σ(x) − t)/n",
    samples=[
        sample((3, 4), (3, 4), domain="unit"),
        sample((3, 4), (3, 4), domain="unit", weight=_POS_WEIGHT, reduction="sum"),
        sample((2, 3, 4), (2, 3, 4), domain="unit", reduction="none"),
        sample((4,), (4,), domain="unit"),
    ],
    errors=[refuses((), (), match="class axis"), refuses((2, 3), (2, 4), match="do not broadcast")],
)
def multilabel_soft_margin_loss(
    input: Value, target: Value, weight: Value | None = None, reduction: str = "mean"
) -> Value:
    """Average over the classes the binary cross-entropy of each: an example may have several labels, or none.

    Args:
        input: raw scores `(…, C)`.
        target: 1 where an example has the label and 0 elsewhere, `(…, C)`.
        weight: one factor a class, `(C,)`.
        reduction: over the examples: `"mean"`, `"sum"` or `"none"`.

    >>> import minidl
    >>> multilabel_soft_margin_loss(minidl.zeros(1, 3), minidl.tensor([[1.0, 0.0, 1.0]]))
    tensor(0.6931)
    """
    name = "multilabel_soft_margin_loss"
    check_reduction(name, reduction)
    check_float(name, input=input)
    if not shape_of(input):
        raise ShapeError(f"{name}: the input needs a class axis, (…, C); got a single number")
    check_broadcast(name, input=input, target=target)
    losses = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    return reduced(mean(losses if weight is None else losses * weight, -1), reduction)


@operation(
    "functional",
    formula="L = mean(ln(1 + exp(−t·x)))",
    derivative="∂L/∂x = −t·σ(−t·x)/n",
    samples=[
        sample((3, 4), np.array([[1, -1, 1, -1]] * 3)),
        sample((3,), np.array([1, -1, 1]), reduction="sum"),
        sample((), np.array(-1), reduction="none"),
        sample((0, 3), np.zeros((0, 3), np.int64), reduction="sum"),
    ],
    errors=[
        refuses((2, 3), (2, 4), match="do not broadcast"),
        refuses((2,), (2,), reduction="", error=UsageError, match="reduction"),
    ],
)
def soft_margin_loss(input: Value, target: Value, reduction: str = "mean") -> Value:
    """Average ln(1 + e^(−target·input)): the logistic loss of a yes-or-no question, without overflow.

    Args:
        input: raw scores, any shape.
        target: 1 or −1, a shape that broadcasts with the input's.
        reduction: `"mean"`, `"sum"` or `"none"`.

    >>> import minidl
    >>> soft_margin_loss(minidl.tensor([0.0, -1000.0]), minidl.tensor([1.0, 1.0]), reduction="none")
    tensor([6.9315e-01, 1.0000e+03])
    """
    check_reduction("soft_margin_loss", reduction)
    check_float("soft_margin_loss", input=input)
    check_broadcast("soft_margin_loss", input=input, target=target)
    return reduced(-logsigmoid(target * input), reduction)


def _reduced_quietly(function: Any, inputs: Any, params: dict[str, Any]) -> Any:
    """Call without PyTorch's warning that its mean is not the divergence."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*inputs, **params)


@operation(
    "functional",
    formula="L = mean(t·(ln(t) − x)), with 'sum' the divergence of eˣ from t",
    derivative="∂L/∂x = −t/n; ∂L/∂t = (ln(t) − x + 1)/n",
    subgradient="−x in t at t = 0",
    samples=[
        sample((3, 4), (3, 4), domain="positive"),
        sample((3, 4), (3, 4), log_target=True, reduction="batchmean"),
        sample((2, 3, 4), (3, 1), domain="positive", reduction="none"),
        sample((3, 4), (3, 4), domain="positive", reduction="batchmean"),
        sample((), (), domain="positive", reduction="batchmean"),
        sample((0, 3), (0, 3), reduction="sum"),
    ],
    errors=[
        refuses((2, 3), (2, 4), match="do not broadcast"),
        refuses((2,), (2,), reduction="avg", error=UsageError, match="'none' or 'batchmean'"),
    ],
    call=_reduced_quietly,
)
def kl_div(input: Value, target: Value, reduction: str = "mean", log_target: bool = False) -> Value:
    """Measure the divergence of `input` from `target`, Σ t ln(t/q), where `input` is ln q.

    Args:
        input: log-probabilities, any shape.
        target: probabilities of a shape that broadcasts with the input's, or their logarithms with `log_target`.
        reduction: `"batchmean"` divides the sum by the first axis' length: the mean divergence of a batch. `"mean"` divides
            by the number of all elements, as in PyTorch. Or `"sum"`, `"none"`.
        log_target: whether `target` holds logarithms.

    Source: Kullback & Leibler, 1951, "On information and sufficiency".

    >>> import minidl
    >>> kl_div(minidl.log(minidl.tensor([[0.5, 0.5]])), minidl.tensor([[1.0, 0.0]]), reduction="batchmean")
    tensor(0.6931)
    """
    check_reduction("kl_div", reduction, (*REDUCTIONS, "batchmean"))
    check_float("kl_div", input=input, target=target)
    check_broadcast("kl_div", input=input, target=target)
    losses = kl_term_of_logs(input, target) if log_target else xlogy(target, target) - mul_or_zero(target, input)
    if reduction != "batchmean":
        return reduced(losses, reduction)
    total, shape = reduced(losses, "sum"), shape_of(input)
    return total / float(shape[0]) if shape else total


@operation(
    "functional",
    formula="(1 − α) CE(x, t) + α T² KL(softmax(z/T) ‖ softmax(x/T))",
    derivative="∂L/∂x = (1 − α)·(softmax(x) − t) + α·T·(softmax(x/T) − softmax(z/T)), over n",
    torch=None,
    samples=[
        sample((3, 4), (3, 4), target=np.array([2, 0, 1])),
        sample((3, 4), (3, 4), target=np.array([2, 0, 1]), temperature=2.0, alpha=0.9, reduction="sum"),
        sample((3, 4), (3, 4), alpha=1.0, reduction="none"),
        sample((2, 3, 2), (2, 3, 2), target=np.array([[0, 1], [2, 2]]), reduction="none"),
        sample((4,), (4,), target=np.array(3)),
    ],
    errors=[
        refuses((2, 3), (2, 4), target=np.array([0, 1]), match="differ"),
        refuses((2, 3), (2, 3), error=UsageError, match="target"),
        refuses((2, 3), (2, 3), target=np.array([0, 1]), temperature=0.0, error=UsageError, match="temperature"),
        refuses((2, 3), (2, 3), target=np.array([0, 1]), alpha=1.5, error=UsageError, match="alpha"),
    ],
)
def distillation_loss(
    input: Value,
    teacher: Value,
    target: Value | None = None,
    temperature: float = 4.0,
    alpha: float = 0.5,
    reduction: str = "mean",
) -> Value:
    """Learn from a teacher's scores as well as from the labels: a mixture of cross-entropy and divergence.

    At a temperature T above 1 both distributions are softened, so that the teacher's small probabilities count too. Their
    divergence is multiplied by T² because its gradient shrinks as 1/T².

    Args:
        input: the student's raw scores, `(N, C)`, `(C,)` or `(N, C, d₁, …)`.
        teacher: the teacher's raw scores, the same shape; detach them if the teacher is not to learn.
        target: labels as `cross_entropy` takes them; not needed for `alpha=1`.
        temperature: T, positive.
        alpha: α, the share of the teacher, 0 … 1.
        reduction: over the examples: `"mean"`, `"sum"` or `"none"`.

    Source: Hinton, Vinyals & Dean, 2015, "Distilling the knowledge in a neural network", section 2.

    >>> import minidl
    >>> scores = minidl.tensor([[1.0, 2.0]])
    >>> distillation_loss(scores, scores, alpha=1.0)
    tensor(0.)
    """
    name = "distillation_loss"
    check_reduction(name, reduction)
    check_same_shape(name, input, teacher, "teacher")
    if temperature <= 0:
        raise UsageError(f"{name}: temperature must be positive, got {temperature}")
    check_share(name, alpha=alpha)
    if target is None and alpha < 1.0:
        raise UsageError(f"{name}: without a target there is only the teacher: give one, or alpha=1.0")
    axis = min(1, len(shape_of(input)) - 1)
    student, wanted = log_softmax(input / temperature, axis), log_softmax(teacher / temperature, axis)
    losses = alpha * temperature**2 * kl_term_of_logs(student, wanted).sum(axis)
    if alpha < 1.0:
        losses = losses + (1.0 - alpha) * cross_entropy(input, target, reduction="none")
    return reduced(losses, reduction)
