"""In which order examples are handed out, and how often each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from ..primitives.layers.random import Generator, default_generator
from .dataset import Indices


class Sampler:
    """An order of positions, drawn anew for each epoch. A sampler of your own defines `order` and `__len__`.

    Attributes:
        generator: the source of chance of its own, if it was given one. A `DataLoader` then draws from it, and saves its
            state; otherwise from the loader's. Iterated by itself, it draws from minidl's default generator.
    """

    generator: Generator | None = None

    def order(self, rng: np.random.Generator) -> Indices:
        """Return an epoch's positions; all chance comes from `rng`."""
        raise NotImplementedError(f"{type(self).__name__} must define order(self, rng)")

    def __len__(self) -> int:
        raise NotImplementedError(
            f"{type(self).__name__} must define __len__(self), the number of positions in an epoch"
        )

    def __iter__(self) -> Iterator[int]:
        return iter(self.order((self.generator or default_generator).numpy).tolist())


class SequentialSampler(Sampler):
    """Every position once, in order.

    >>> list(SequentialSampler("abc"))
    [0, 1, 2]
    """

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def order(self, rng: np.random.Generator) -> Indices:
        """Return 0, 1, …"""
        return np.arange(len(self.data_source))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler):
    """Positions in random order: every one once, or drawn with replacement.

    Args:
        data_source: what the positions are in.
        replacement: whether a position may come again before all others have come.
        num_samples: how many to draw; as many as there are if None. More than that without replacement: each pass over
            the data in a new order.
        generator: its own source of chance.

    Raises:
        UsageError: nothing to draw, or nothing to draw from.

    >>> sorted(RandomSampler("abc"))
    [0, 1, 2]
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self.generator = generator
        self._num_samples = num_samples
        if self.num_samples < 1 or len(data_source) == 0:
            raise UsageError(
                f"RandomSampler: at least one example must be drawn, of at least one; got num_samples={num_samples} "
                f"for {len(data_source)} examples"
            )

    @property
    def num_samples(self) -> int:
        """How many positions an epoch has."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def order(self, rng: np.random.Generator) -> Indices:
        """Return an epoch's positions."""
        count = len(self.data_source)
        if self.replacement:
            return rng.integers(0, count, self.num_samples)
        passes = [rng.permutation(count) for _ in range(math.ceil(self.num_samples / count))]
        return passes[0] if self.num_samples == count else np.concatenate(passes)[: self.num_samples]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler):
    """The given positions, each once, in random order.

    >>> sorted(SubsetRandomSampler([7, 3]))
    [3, 7]
    """

    def __init__(self, indices: Sequence[int] | Indices, generator: Generator | None = None) -> None:
        self.indices = np.asarray(indices, np.intp)
        self.generator = generator

    def order(self, rng: np.random.Generator) -> Indices:
        """Return the positions in a new order."""
        return rng.permutation(self.indices)

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler):
    """Positions drawn with probabilities in proportion to weights.

    Args:
        weights: `(N,)`, one number from 0 a position; they need not sum to 1.
        num_samples: how many to draw.
        replacement: whether a position may come again.
        generator: its own source of chance.

    Raises:
        UsageError: a weight is negative, all are 0, or there are too few above 0 to draw without replacement.

    >>> list(WeightedRandomSampler([0.0, 3.0, 0.0], num_samples=2))
    [1, 1]
    """

    def __init__(
        self,
        weights: Sequence[float] | NDArray[Any],
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ) -> None:
        self.weights = np.asarray(weights, np.float64)
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator
        positive = np.isfinite(self.weights).all() and (self.weights >= 0).all() and self.weights.any()
        if self.weights.ndim != 1 or not positive:
            raise UsageError("WeightedRandomSampler: weights must be a row of finite numbers from 0, not all of them 0")
        if num_samples < 1:
            raise UsageError(f"WeightedRandomSampler: num_samples must be at least 1; got {num_samples}")
        if not replacement and num_samples > np.count_nonzero(self.weights):
            raise UsageError(
                f"WeightedRandomSampler: {num_samples} examples cannot be drawn without replacement from "
                f"{np.count_nonzero(self.weights)} with a weight above 0"
            )

    def order(self, rng: np.random.Generator) -> Indices:
        """Return an epoch's positions."""
        shares = self.weights / self.weights.sum()
        return rng.choice(len(shares), self.num_samples, replace=self.replacement, p=shares)

    def __len__(self) -> int:
        return self.num_samples


class BalancedSampler(Sampler):
    """Every class equally often, however many examples it has, in random order.

    A small class's examples come again and again, each as often as any other of its class, give or take one.

    Args:
        labels: `(N,)`, the class of each example.
        num_samples: how many to draw; as many as there are examples if None. What does not divide evenly among the
            classes goes to random ones, one each.
        generator: its own source of chance.

    Raises:
        UsageError: nothing to draw, or nothing to draw from.

    >>> labels = np.array([0] * 9 + [1] * 3)
    >>> np.bincount(labels[list(BalancedSampler(labels))]).tolist()
    [6, 6]
    """

    def __init__(
        self, labels: Sequence[int] | NDArray[Any], num_samples: int | None = None, generator: Generator | None = None
    ) -> None:
        self.labels = np.asarray(labels)
        self.num_samples = len(self.labels) if num_samples is None else num_samples
        self.generator = generator
        if self.num_samples < 1 or self.labels.size == 0:
            raise UsageError(
                f"BalancedSampler: at least one example must be drawn, of at least one; got num_samples={num_samples} "
                f"for {self.labels.size} examples"
            )
        self._members = [np.flatnonzero(self.labels == label) for label in np.unique(self.labels)]

    def order(self, rng: np.random.Generator) -> Indices:
        """Return an epoch's positions."""
        each, rest = divmod(self.num_samples, len(self._members))
        more = set(rng.choice(len(self._members), rest, replace=False).tolist())
        drawn = [
            RandomSampler(members, num_samples=count).order(rng) if (count := each + (number in more)) else np.arange(0)
            for number, members in enumerate(self._members)
        ]
        chosen = [members[places] for members, places in zip(self._members, drawn, strict=True)]
        return rng.permutation(np.concatenate(chosen))

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler:
    """The positions of a sampler in groups.

    Args:
        sampler: gives the positions, one by one.
        batch_size: positions a group.
        drop_last: whether to leave out a last group that is smaller.

    Raises:
        UsageError: the batch size is less than 1.

    >>> list(BatchSampler(SequentialSampler("abcde"), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Sampler | Iterable[int], batch_size: int, drop_last: bool) -> None:
        if isinstance(batch_size, bool) or not isinstance(batch_size, int | np.integer) or batch_size < 1:
            raise UsageError(f"the batch size must be a whole number from 1; got {batch_size!r}")
        self.sampler = sampler
        self.batch_size = int(batch_size)
        self.drop_last = drop_last

    def groups(self, rng: np.random.Generator) -> list[Indices]:
        """Return an epoch's groups; all chance comes from `rng`, unless the sampler is not one of minidl's."""
        positions = (
            self.sampler.order(rng) if isinstance(self.sampler, Sampler) else np.array(list(self.sampler), np.intp)
        )
        whole = len(positions) - len(positions) % self.batch_size if self.drop_last else len(positions)
        return [positions[begin : begin + self.batch_size] for begin in range(0, whole, self.batch_size)]

    def __iter__(self) -> Iterator[list[int]]:
        generator = getattr(self.sampler, "generator", None) or default_generator
        return (group.tolist() for group in self.groups(generator.numpy))

    def __len__(self) -> int:
        count = len(self.sampler)  # type: ignore[arg-type]  # as in PyTorch: an iterable without a length has none here
        return count // self.batch_size if self.drop_last else math.ceil(count / self.batch_size)
