"""How far apart, or how alike, two vectors are."""

from __future__ import annotations

from typing import Any

from ...tensor import Tensor
from .. import functional as F
from ..module import Module


class CosineSimilarity(Module):
    """x₁·x₂ / (‖x₁‖ ‖x₂‖).

    Args:
        dim: the axis of the vectors.
        eps: the least that the product of the lengths counts.

    >>> import minidl
    >>> CosineSimilarity(dim=0)(minidl.tensor([1.0, 0.0]), minidl.tensor([3.0, 4.0]))
    tensor(0.6000)
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim = dim
        self.eps = eps

    def forward(self, x1: Tensor, x2: Tensor) -> Any:
        """`(…, D, …)` twice → `(…, …)`."""
        return F.cosine_similarity(x1, x2, self.dim, self.eps)


class PairwiseDistance(Module):
    """‖x₁ − x₂ + ε‖ₚ over the last axis.

    Args:
        p: which norm.
        eps: ε, which keeps the derivative finite where the two are equal.
        keepdim: whether the last axis stays, with length 1.

    >>> import minidl
    >>> PairwiseDistance(eps=0.0)(minidl.tensor([[0.0, 0.0]]), minidl.tensor([[3.0, 4.0]]))
    tensor([5.])
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Any:
        """`(N, D)` twice → `(N,)`."""
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
