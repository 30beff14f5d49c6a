"""Losses that ask for a distance: the right class ahead of the others by a margin, the like nearer than the unlike."""

from __future__ import annotations

from typing import Any

from ...errors import UsageError
from ...tensor import Tensor
from .. import functional as F
from .loss import Loss, WeightedLoss


class HingeLoss(Loss):
    """Σ max(0, xₖ − x_y + margin) over the classes k ≠ y: the sum where `MultiMarginLoss` takes the mean.

    Args:
        margin: by how much the right class must lead.
        reduction: "mean", "sum" or "none".

    Source: Weston & Watkins, 1999, "Support vector machines for multi-class pattern recognition".

    >>> import minidl
    >>> HingeLoss()(minidl.tensor([[3.2, 5.1, -1.7]]), minidl.tensor([0]))
    tensor(2.9000)
    """

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Scores `(N, C)` and class numbers `(N,)` → a number."""
        return F.hinge_loss(input, target, self.margin, self.reduction)


class MultiMarginLoss(WeightedLoss):
    """1/C Σ max(0, margin − x_y + xₖ)ᵖ over the classes k ≠ y.

    Args:
        p: 1 or 2.
        margin: by how much the right class must lead.
        weight: how much each class counts, `(C,)`; it becomes a buffer.
        reduction: "mean", "sum" or "none".

    Source: Weston & Watkins, 1999, "Support vector machines for multi-class pattern recognition".

    >>> import minidl
    >>> MultiMarginLoss()(minidl.tensor([[0.1, 0.2, 0.4, 0.8]]), minidl.tensor([3]))
    tensor(0.3250)
    """

    def __init__(self, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean") -> None:
        super().__init__(weight, reduction)
        if p not in (1, 2):
            raise UsageError(f"MultiMarginLoss: p must be 1 or 2, got {p!r}")
        self.p = p
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Scores `(N, C)` and class numbers `(N,)` → a number."""
        return F.multi_margin_loss(input, target, self.p, self.margin, self.weight, self.reduction)


class MultiLabelMarginLoss(Loss):
    """1/C Σ max(0, 1 − xᵢ + xⱼ) over the right classes i and the wrong ones j.

    Args:
        reduction: "mean", "sum" or "none".

    >>> import minidl
    >>> MultiLabelMarginLoss()(minidl.tensor([[0.1, 0.2, 0.4, 0.8]]), minidl.tensor([[3, 0, -1, 1]]))
    tensor(0.8500)
    """

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Scores `(N, C)` and the right classes' numbers, ended by −1, `(N, C)` → a number."""
        return F.multilabel_margin_loss(input, target, self.reduction)


class MultiLabelSoftMarginLoss(WeightedLoss):
    """The mean over the classes of −t ln σ(x) − (1 − t) ln σ(−x).

    Args:
        weight: how much each class counts, `(C,)`; it becomes a buffer.
        reduction: "mean", "sum" or "none".

    >>> import minidl
    >>> MultiLabelSoftMarginLoss()(minidl.zeros(1, 2), minidl.tensor([[0.0, 1.0]]))
    tensor(0.6931)
    """

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Scores and targets from 0 to 1, `(N, C)` each → a number."""
        return F.multilabel_soft_margin_loss(input, target, self.weight, self.reduction)


class SoftMarginLoss(Loss):
    """ln(1 + e^(−t x)), for targets t of −1 and 1.

    Args:
        reduction: "mean", "sum" or "none".

    >>> import minidl
    >>> SoftMarginLoss()(minidl.zeros(2), minidl.tensor([-1.0, 1.0]))
    tensor(0.6931)
    """

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Two tensors of one shape → a number."""
        return F.soft_margin_loss(input, target, self.reduction)


class HingeEmbeddingLoss(Loss):
    """x where t = 1, max(0, margin − x) where t = −1; x is a distance.

    Args:
        margin: how far apart the unlike should be.
        reduction: "mean", "sum" or "none".

    Source: Hadsell, Chopra & LeCun, 2006, "Dimensionality reduction by learning an invariant mapping".

    >>> import minidl
    >>> HingeEmbeddingLoss()(minidl.tensor([0.5, 0.25]), minidl.tensor([1.0, -1.0]))
    tensor(0.6250)
    """

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Distances and targets of −1 and 1 → a number."""
        return F.hinge_embedding_loss(input, target, self.margin, self.reduction)


class CosineEmbeddingLoss(Loss):
    """1 − cos where t = 1, max(0, cos − margin) where t = −1; cos is the vectors' cosine similarity.

    Args:
        margin: how alike the unlike may be.
        reduction: "mean", "sum" or "none".

    >>> import minidl
    >>> CosineEmbeddingLoss()(minidl.tensor([[1.0, 0.0]]), minidl.tensor([[3.0, 4.0]]), minidl.tensor([1]))
    tensor(0.4000)
    """

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Any:
        """Vectors `(N, D)` twice and targets of −1 and 1 `(N,)` → a number."""
        return F.cosine_embedding_loss(input1, input2, target, self.margin, self.reduction)


class MarginRankingLoss(Loss):
    """max(0, −t (x₁ − x₂) + margin): x₁ is to be the larger where t = 1, the smaller where t = −1.

    Args:
        margin: by how much.
        reduction: "mean", "sum" or "none".

    >>> import minidl
    >>> MarginRankingLoss()(minidl.tensor([1.0]), minidl.tensor([3.0]), minidl.tensor([1.0]))
    tensor(2.)
    """

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Any:
        """Three tensors of one shape → a number."""
        return F.margin_ranking_loss(input1, input2, target, self.margin, self.reduction)


class TripletMarginLoss(Loss):
    """max(0, d(a, p) − d(a, n) + margin): an anchor is to be nearer to what is like it than to what is not.

    Args:
        margin: by how much.
        p: which norm measures the distance d.
        eps: is added to the differences.
        swap: whether the distance of p and n counts where it is smaller than that of a and n.
        reduction: "mean", "sum" or "none".

    Source: Balntas, Riba, Ponsa & Mikolajczyk, 2016, "Learning local feature descriptors with triplets and shallow
    convolutional neural networks".

    >>> import minidl
    >>> TripletMarginLoss()(minidl.zeros(1, 2), minidl.tensor([[3.0, 4.0]]), minidl.tensor([[0.0, 2.0]]))
    tensor(4.0000)
    """

    def __init__(
        self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        if margin <= 0:
            raise UsageError(f"TripletMarginLoss: margin must be positive, got {margin}")
        self.margin = margin
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Any:
        """Vectors `(N, D)` three times → a number."""
        given = self.margin, self.p, self.eps, self.swap, self.reduction
        return F.triplet_margin_loss(anchor, positive, negative, *given)
