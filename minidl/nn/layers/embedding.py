"""Embedding: a table of vectors, one a word."""

from __future__ import annotations

from typing import Any, Self

from ...errors import RangeError, ShapeError, UsageError
from ...graph import no_grad
from ...tensor import Tensor
from .. import functional as F
from .. import init
from ..module import Module
from ..parameter import Parameter, new_parameter


class Embedding(Module):
    """Row number x of a table that is learned.

    Args:
        num_embeddings: rows of the table.
        embedding_dim: numbers in a row.
        padding_idx: a row that begins as zeros and is not learned.
        device: "cpu".
        dtype: that of the table; the default one if None.

    Attributes:
        weight: the table, `(num_embeddings, embedding_dim)`, drawn from the normal distribution.

    >>> import minidl
    >>> Embedding(10, 3)(minidl.tensor([[1, 2], [4, 9]])).shape
    (2, 2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if min(num_embeddings, embedding_dim) < 1:
            raise UsageError(f"Embedding: the table needs rows and columns, got {num_embeddings} × {embedding_dim}")
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise RangeError(f"Embedding: padding_idx {padding_idx} is no row of a table of {num_embeddings}")
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.weight = new_parameter("Embedding", (num_embeddings, embedding_dim), dtype, device)
        self.reset_parameters()

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None) -> Self:
        """Make a layer of a table `(num_embeddings, embedding_dim)` that is there; `freeze` keeps it as it is."""
        if embeddings.ndim != 2:
            raise ShapeError(f"Embedding: the table must have two axes, got {embeddings.shape}")
        rows, columns = embeddings.shape
        layer = cls(rows, columns, padding_idx)
        layer.weight = Parameter(embeddings, requires_grad=not freeze)
        return layer

    def reset_parameters(self) -> None:
        """Draw the table anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0.0

    def forward(self, input: Tensor) -> Any:
        """Whole numbers `(…)` → `(…, embedding_dim)`."""
        return F.embedding(input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        """The sizes."""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
