"""Losses that compare a prediction with the number, the class or the distribution that it should be.

`reduction` says what becomes of the losses of the single elements: "mean", "sum" or "none".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph import Node
from ...tensor import Tensor
from .. import functional as F
from ..module import Module


class Loss(Module):
    """Base of the losses.

    Args:
        reduction: "mean", "sum", or "none" for the single losses.
    """

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = reduction


class WeightedLoss(Loss):
    """Base of the losses in which classes or elements may count differently.

    Args:
        weight: how much each of them counts; it becomes a buffer, which takes no part in learning.
        reduction: "mean", "sum", or "none" for the single losses.
    """

    weight: Tensor | None

    def __init__(self, weight: Any = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", buffer_of(weight))


def buffer_of(value: Any) -> Tensor | None:
    """Weights as a tensor, however they are given; None stays None."""
    if value is None or isinstance(value, Tensor):
        return value
    return Tensor(np.asarray(value.data if isinstance(value, Node) else value))


class L1Loss(Loss):
    """|x − t|.

    Args:
        reduction: "mean", "sum" or "none".

    >>> import minidl
    >>> L1Loss()(minidl.tensor([1.0, 5.0]), minidl.tensor([0.0, 2.0]))
    tensor(2.)
    """

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Two tensors of one shape → a number."""
        return F.l1_loss(input, target, self.reduction)


class MSELoss(Loss):
    """(x − t)².

    Args:
        reduction: "mean", "sum" or "none".

    >>> import minidl
    >>> MSELoss()(minidl.tensor([1.0, 5.0]), minidl.tensor([0.0, 2.0]))
    tensor(5.)
    """

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Two tensors of one shape → a number."""
        return F.mse_loss(input, target, self.reduction)


class SmoothL1Loss(Loss):
    """(x − t)²/(2β) where |x − t| < β, |x − t| − β/2 elsewhere.

    Args:
        reduction: "mean", "sum" or "none".
        beta: β.

    Source: Girshick, 2015, "Fast R-CNN", eq. 3.

    >>> import minidl
    >>> SmoothL1Loss()(minidl.tensor([1.0, 5.0]), minidl.tensor([0.0, 2.0]))
    tensor(1.5000)
    """

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Two tensors of one shape → a number."""
        return F.smooth_l1_loss(input, target, self.reduction, self.beta)


class HuberLoss(Loss):
    """(x − t)²/2 where |x − t| < δ, δ(|x − t| − δ/2) elsewhere.

    Args:
        reduction: "mean", "sum" or "none".
        delta: δ.

    Source: Huber, 1964, "Robust estimation of a location parameter".

    >>> import minidl
    >>> HuberLoss(delta=2.0)(minidl.tensor([1.0, 5.0]), minidl.tensor([0.0, 2.0]))
    tensor(2.2500)
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Two tensors of one shape → a number."""
        return F.huber_loss(input, target, self.reduction, self.delta)


class CrossEntropyLoss(WeightedLoss):
    """−ln of the probability that softmax gives the right class.

    Args:
        weight: how much each class counts, `(C,)`; it becomes a buffer.
        ignore_index: a class number that does not count.
        reduction: "mean" (weighted), "sum" or "none".
        label_smoothing: which part of the target is spread evenly over all classes.

    Source: Szegedy, Vanhoucke, Ioffe, Shlens & Wojna, 2016, "Rethinking the Inception architecture for computer vision",
    section 7 (label smoothing).

    >>> import minidl
    >>> CrossEntropyLoss()(minidl.zeros(2, 10), minidl.tensor([3, 7]))
    tensor(2.3026)
    """

    def __init__(
        self,
        weight: Any = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, reduction)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Scores `(N, C, …)`, and class numbers `(N, …)` or distributions `(N, C, …)` → a number."""
        return F.cross_entropy(input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing)


class NLLLoss(WeightedLoss):
    """−x at the right class, x being logarithms of probabilities.

    Args:
        weight: how much each class counts, `(C,)`; it becomes a buffer.
        ignore_index: a class number that does not count.
        reduction: "mean" (weighted), "sum" or "none".

    >>> import minidl
    >>> NLLLoss()(minidl.tensor([[-0.1, -3.0]]), minidl.tensor([1]))
    tensor(3.)
    """

    def __init__(self, weight: Any = None, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(weight, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Logarithms of probabilities `(N, C, …)` and class numbers `(N, …)` → a number."""
        return F.nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


class BCELoss(WeightedLoss):
    """−t ln x − (1 − t) ln(1 − x).

    Args:
        weight: how much each element counts; it becomes a buffer.
        reduction: "mean", "sum" or "none".

    >>> import minidl
    >>> BCELoss()(minidl.tensor([0.5, 0.5]), minidl.tensor([0.0, 1.0]))
    tensor(0.6931)
    """

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Probabilities and targets of one shape → a number."""
        return F.binary_cross_entropy(input, target, self.weight, self.reduction)


class BCEWithLogitsLoss(WeightedLoss):
    """−t ln σ(x) − (1 − t) ln(1 − σ(x)), without overflow.

    Args:
        weight: how much each element counts; it becomes a buffer.
        reduction: "mean", "sum" or "none".
        pos_weight: how much t = 1 counts; it becomes a buffer.

    >>> import minidl
    >>> BCEWithLogitsLoss()(minidl.tensor([0.0, 0.0]), minidl.tensor([0.0, 1.0]))
    tensor(0.6931)
    """

    pos_weight: Tensor | None

    def __init__(self, weight: Any = None, reduction: str = "mean", pos_weight: Any = None) -> None:
        super().__init__(weight, reduction)
        self.register_buffer("pos_weight", buffer_of(pos_weight))

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Scores and targets of one shape → a number."""
        return F.binary_cross_entropy_with_logits(input, target, self.weight, self.reduction, self.pos_weight)


class KLDivLoss(Loss):
    """t (ln t − x), x being logarithms of probabilities.

    Args:
        reduction: "mean", "batchmean" (the sum over the batch's size, which is the divergence), "sum" or "none".
        log_target: whether the target is given as logarithms too.

    Source: Kullback & Leibler, 1951, "On information and sufficiency".

    >>> import minidl
    >>> KLDivLoss("batchmean")(minidl.tensor([[0.5, 0.5]]).log(), minidl.tensor([[0.5, 0.5]]))
    tensor(0.)
    """

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Two tensors of one shape → a number."""
        return F.kl_div(input, target, self.reduction, self.log_target)


class PoissonNLLLoss(Loss):
    """eˣ − t x, for counts t whose expectation is eˣ.

    Args:
        log_input: whether the input is the logarithm of the expectation.
        full: whether to add Stirling's approximation of ln t!.
        eps: is added to an expectation before its logarithm is taken.
        reduction: "mean", "sum" or "none".

    >>> import minidl
    >>> PoissonNLLLoss()(minidl.tensor([0.0]), minidl.tensor([2.0]))
    tensor(1.)
    """

    def __init__(self, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, log_input: Tensor, target: Tensor) -> Any:
        """Predictions (as `log_input` says) and counts of one shape → a number."""
        return F.poisson_nll_loss(log_input, target, self.log_input, self.full, self.eps, self.reduction)


class GaussianNLLLoss(Loss):
    """½ (ln v + (x − t)²/v), for a prediction x that comes with its own variance v.

    Args:
        full: whether to add ½ ln 2π.
        eps: the least that v counts.
        reduction: "mean", "sum" or "none".

    Source: Nix & Weigend, 1994, "Estimating the mean and variance of the target probability distribution".

    >>> import minidl
    >>> GaussianNLLLoss()(minidl.tensor([0.0]), minidl.tensor([2.0]), minidl.tensor([1.0]))
    tensor(2.)
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.full = full
        self.eps = eps

    def forward(self, input: Tensor, target: Tensor, var: Any) -> Any:
        """Predictions, targets and variances → a number."""
        return F.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)
