"""Embeddings: a table of vectors, one a word, looked up word by word or bag by bag."""

from __future__ import annotations

from typing import Any, Self

from ...errors import RangeError, ShapeError, UsageError
from ...graph import no_grad
from ...tensor import Tensor
from .. import functional as F
from .. import init
from ..module import Module
from ..parameter import Parameter, new_parameter


class _Table(Module):
    """A table that is learned, of which one row may be left out."""

    def _own_table(self, rows: int, columns: int, padding_idx: int | None, device: Any, dtype: Any) -> None:
        name = type(self).__name__
        if min(rows, columns) < 1:
            raise UsageError(f"{name}: the table needs rows and columns, got {rows} × {columns}")
        if padding_idx is not None and not -rows <= padding_idx < rows:
            raise RangeError(f"{name}: padding_idx {padding_idx} is no row of a table of {rows}")
        self.num_embeddings = rows
        self.embedding_dim = columns
        self.padding_idx = None if padding_idx is None else padding_idx % rows
        self.weight = new_parameter(name, (rows, columns), dtype, device)
        self.reset_parameters()

    def _take_table(self, embeddings: Tensor, freeze: bool) -> Self:
        self.weight = Parameter(embeddings, requires_grad=not freeze)
        return self

    def reset_parameters(self) -> None:
        """Draw the table anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0.0


def _size(kind: str, embeddings: Tensor) -> tuple[int, int]:
    """How many rows and columns a table has.

    Raises:
        ShapeError: it is no table.
    """
    if embeddings.ndim != 2:
        raise ShapeError(f"{kind}: the table must have two axes, got {embeddings.shape}")
    return embeddings.shape[0], embeddings.shape[1]


class Embedding(_Table):
    """Row number x of a table that is learned, y = W[x].

    Args:
        num_embeddings: rows of the table.
        embedding_dim: numbers in a row.
        padding_idx: a row that begins as zeros and is not learned.
        device: where the parameters are to be, "cpu" or "cuda".
        dtype: that of the table; the default one if None.

    Attributes:
        weight: the table, `(num_embeddings, embedding_dim)`, drawn from the normal distribution.

    Source: Bengio, Ducharme, Vincent & Jauvin, 2003, "A neural probabilistic language model".

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
        self._own_table(num_embeddings, embedding_dim, padding_idx, device, dtype)

    @classmethod
    def from_pretrained(cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None) -> Self:
        """Make a layer of a table `(num_embeddings, embedding_dim)` that is there; `freeze` keeps it as it is."""
        with init.skipped():  # the table is there: no random numbers are drawn for it
            layer = cls(*_size(cls.__name__, embeddings), padding_idx)
        return layer._take_table(embeddings, freeze)

    def forward(self, input: Tensor) -> Any:
        """Whole numbers `(…)` → `(…, embedding_dim)`."""
        return F.embedding(input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        """The sizes."""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"


class EmbeddingBag(_Table):
    """The sum, mean or maximum of the rows W[x] over the words x of each bag: a text as one vector, whatever its length.

    Args:
        num_embeddings: rows of the table.
        embedding_dim: numbers in a row.
        mode: "sum", "mean" or "max".
        include_last_offset: whether `offsets` ends with where the last bag ends.
        padding_idx: a row that begins as zeros, is not learned and does not count in a bag.
        device: where the parameters are to be, "cpu" or "cuda".
        dtype: that of the table; the default one if None.

    Attributes:
        weight: the table, `(num_embeddings, embedding_dim)`, drawn from the normal distribution.

    Source: Joulin, Grave, Bojanowski & Mikolov, 2017, "Bag of tricks for efficient text classification".

    >>> import minidl
    >>> EmbeddingBag(10, 3, mode="sum")(minidl.tensor([1, 2, 4, 5, 4]), offsets=minidl.tensor([0, 2])).shape
    (2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        *,
        mode: str = "mean",
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.mode = mode
        self.include_last_offset = include_last_offset
        self._own_table(num_embeddings, embedding_dim, padding_idx, device, dtype)

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        *,
        mode: str = "mean",
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> Self:
        """Make a layer of a table `(num_embeddings, embedding_dim)` that is there; `freeze` keeps it as it is."""
        options: dict[str, Any] = {"mode": mode, "include_last_offset": include_last_offset, "padding_idx": padding_idx}
        with init.skipped():
            layer = cls(*_size(cls.__name__, embeddings), **options)
        return layer._take_table(embeddings, freeze)

    def forward(self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None) -> Any:
        """Whole numbers `(B, N)`, or `(N,)` with the beginnings of the bags `(B,)` → `(B, embedding_dim)`.

        Args:
            input: the words.
            offsets: where each bag begins, for words in one row.
            per_sample_weights: what each word's row is multiplied by, of the input's shape; for the sum alone.
        """
        return F.embedding_bag(
            input,
            self.weight,
            offsets,
            mode=self.mode,
            per_sample_weights=per_sample_weights,
            include_last_offset=self.include_last_offset,
            padding_idx=self.padding_idx,
        )

    def extra_repr(self) -> str:
        """The sizes and the mode."""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}, mode={self.mode!r}{padding}"
