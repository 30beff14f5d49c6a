"""What a data set is: examples that are counted and numbered. And how data sets are made of others."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any, Generic, SupportsIndex, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..creation import as_tensor
from ..errors import RangeError, ShapeError, UsageError
from ..primitives.layers.random import Generator, default_generator
from ..tensor import Tensor
from .collate import default_collate

T_co = TypeVar("T_co", covariant=True)
Indices = NDArray[np.intp]


class Dataset(Generic[T_co]):
    """Examples by number. A data set of your own is a subclass with `__getitem__` and `__len__`, as in PyTorch.

    >>> class Squares(Dataset[tuple[float, float]]):
    ...     def __len__(self):
    ...         return 10
    ...
    ...     def __getitem__(self, index):
    ...         return float(index), float(index**2)
    >>> Squares()[3], len(Squares() + Squares())
    ((3.0, 9.0), 20)
    """

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(self, index)")

    def __len__(self) -> int:
        raise TypeError(f"{type(self).__name__} has no length: define __len__(self)")

    def __add__(self, other: Dataset[Any]) -> ConcatDataset[Any]:
        return ConcatDataset([self, other])

    def batch(self, indices: Indices) -> Any:
        """Return the examples at `indices` as one batch; a subclass that can fetch many at once does so here."""
        return default_collate(examples_of(self, indices))


def examples_of(dataset: Dataset[Any] | Sequence[Any], indices: Indices) -> list[Any]:
    """Return the examples at `indices`, one by one; an error gets a note that says which one it was."""
    examples = []
    for index in indices.tolist():
        try:
            examples.append(dataset[index])
        except Exception as error:
            error.add_note(f"(example {index} of {type(dataset).__name__})")
            raise
    return examples


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Examples that are the rows of tensors.

    Args:
        tensors: of the same first size; arrays become tensors.

    Raises:
        ShapeError: the first sizes differ.

    >>> TensorDataset(np.arange(6.0).reshape(3, 2), np.array([0, 1, 0]))[1]
    (tensor([2., 3.], dtype=minidl.float64), tensor(1))
    """

    def __init__(self, *tensors: Tensor | NDArray[Any]) -> None:
        self.tensors = tuple(as_tensor(values) for values in tensors)
        sizes = [values.shape[:1] for values in self.tensors]
        if not sizes or len(set(sizes)) > 1 or sizes[0] == ():
            raise ShapeError(
                "TensorDataset: the tensors must have the same first size, one row an example; got the shapes "
                f"{[tuple(values.shape) for values in self.tensors]}"
            )

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(values[index] for values in self.tensors)

    def __len__(self) -> int:
        return int(self.tensors[0].shape[0])

    def batch(self, indices: Indices) -> list[Tensor]:
        """Return the rows at `indices` of each tensor."""
        return [values[indices] for values in self.tensors]


class Subset(Dataset[T_co]):
    """Some of a data set's examples, in an order of their own.

    Args:
        dataset: the whole.
        indices: the positions in it; or, as booleans, whether each example belongs to it.

    >>> Subset(TensorDataset(np.arange(5)), [4, 0])[0]
    (tensor(4),)
    """

    def __init__(self, dataset: Dataset[T_co], indices: Sequence[int] | Indices) -> None:
        self.dataset = dataset
        chosen = np.asarray(indices)
        self.indices = np.flatnonzero(chosen) if chosen.dtype == bool else indices

    def __getitem__(self, index: Any) -> T_co:
        return self.dataset[self.indices[index]]

    def __len__(self) -> int:
        return len(self.indices)

    def batch(self, indices: Indices) -> Any:
        """Return the examples at `indices` of the subset as one batch."""
        return self.dataset.batch(np.asarray(self.indices, np.intp)[indices])


class ConcatDataset(Dataset[T_co]):
    """Data sets one after the other.

    Args:
        datasets: at least one.

    Raises:
        UsageError: there is none.

    >>> both = ConcatDataset([TensorDataset(np.arange(3)), TensorDataset(np.arange(10, 12))])
    >>> both[3], both[-1], both.cumulative_sizes
    ((tensor(10),), (tensor(11),), [3, 5])
    """

    def __init__(self, datasets: Iterable[Dataset[T_co]]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise UsageError("ConcatDataset: there must be at least one data set")
        self.cumulative_sizes = list(itertools.accumulate(len(part) for part in self.datasets))

    def __getitem__(self, index: SupportsIndex) -> T_co:
        position = index.__index__()
        if not -len(self) <= position < len(self):
            raise RangeError(f"there is no example {position} among {len(self):,}")
        position %= len(self)
        part = bisect.bisect_right(self.cumulative_sizes, position)
        return self.datasets[part][position - (self.cumulative_sizes[part - 1] if part else 0)]

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]


def random_split(
    dataset: Dataset[T_co], lengths: Sequence[int | float], generator: Generator | None = None
) -> list[Subset[T_co]]:
    """Divide a data set at random into parts that do not overlap.

    To keep the mixture of classes the same in every part, use `stratified_split`.

    Args:
        dataset: what to divide.
        lengths: the number of examples of each part, or each part's share, which together are 1; what rounding down
            leaves over goes to the first parts, one each.
        generator: the source of chance; minidl's default generator if None.

    Raises:
        UsageError: the lengths do not sum to the whole.

    >>> [len(part) for part in random_split(TensorDataset(np.arange(10)), [0.8, 0.2], Generator(0))]
    [8, 2]
    """
    total = len(dataset)
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1 + 1e-9:
        if any(not 0 <= share <= 1 for share in lengths):
            raise UsageError(f"random_split: shares must lie between 0 and 1; got {list(lengths)}")
        counts = [math.floor(total * share) for share in lengths]
        for place in range(total - sum(counts)):
            counts[place % len(counts)] += 1
    else:
        counts = [int(length) for length in lengths]
    if sum(counts) != total or min(counts) < 0:
        raise UsageError(
            f"random_split: the lengths must be from 0 and sum to {total}, the number of examples; got {list(lengths)}, "
            f"which sum to {sum(lengths)}"
        )
    order = (generator or default_generator).numpy.permutation(total)
    ends = np.cumsum(counts)
    return [Subset(dataset, order[end - count : end]) for end, count in zip(ends.tolist(), counts, strict=True)]
