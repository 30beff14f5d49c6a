"""Losses that ask for the same answer to several views of a thing."""

from __future__ import annotations

from typing import Any

from ...errors import ShapeError
from ...tensor import Tensor
from .. import functional as F
from .loss import Loss


class AugMixLoss(Loss):
    """Cross-entropy of the pictures as they are, and λ times the Jensen–Shannon divergence of three views of each.

    The network sees all views in one batch: `model(minidl.cat([images, augmix(images), augmix(images)]))`. A batch without
    views, as in evaluation, is judged by its cross-entropy alone.

    Args:
        weight: λ.
        reduction: "mean", "sum" or "none".

    Raises:
        ShapeError: there are neither one nor three scores for each label.

    Source: Hendrycks et al., 2020, "AugMix", section 3.

    >>> import minidl
    >>> scores = minidl.tensor([[1.0, 2.0]])
    >>> AugMixLoss()(minidl.cat([scores, scores, scores]), minidl.tensor([1]))
    tensor(0.3133)
    """

    def __init__(self, weight: float = 12.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.weight = weight

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Scores `(3N, C)`, those of the pictures first, and labels `(N,)` → a number."""
        n = len(target)
        if len(input) == n:
            return F.cross_entropy(input, target, reduction=self.reduction)
        if len(input) != 3 * n:
            raise ShapeError(
                f"AugMixLoss: {n} labels need {3 * n} rows of scores (the pictures, then two views of each), or {n} of the "
                f"pictures alone; got {len(input)}"
            )
        return F.augmix_loss(input[:n], input[n : 2 * n], input[2 * n :], target, self.weight, self.reduction)
