"""Handing out a data set in batches, in an order that can be repeated and resumed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CheckpointError, UsageError
from ..primitives.layers.random import Generator
from .dataset import Dataset
from .transforms import Transform

Batch = tuple[NDArray[np.float32], NDArray[np.int64]]
"""Images `(N, C, H, W)` and their labels `(N,)`."""


class DataLoader:
    """Iterate over a data set in batches; each `for` loop over it is one epoch.

    All chance (the order of the images, what the transforms do to them) comes from one generator, so the same seed
    gives the same batches. Between any two batches the loader's state can be saved; a loader that is given this state
    goes on with the very next batch.

    Args:
        dataset: what to hand out.
        batch_size: images a batch; the last batch of an epoch may be smaller.
        shuffle: whether every epoch has an order of its own.
        generator: the source of chance; one with seed 0 if None.
        transforms: applied to each batch of images, in turn.

    Raises:
        UsageError: the batch size is less than 1 or more than the data set has.

    >>> data = Dataset("five", np.zeros((5, 1, 2, 2), np.float32), np.arange(5), tuple("abcde"))
    >>> [labels.tolist() for images, labels in DataLoader(data, batch_size=2)]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        *,
        shuffle: bool = False,
        generator: Generator | None = None,
        transforms: Sequence[Transform] = (),
    ) -> None:
        if not 1 <= batch_size <= len(dataset):
            raise UsageError(
                f"the batch size must be from 1 to {len(dataset):,}, the number of images in this part of "
                f"{dataset.name}; got {batch_size}"
            )
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.transforms = tuple(transforms)
        self.generator = generator or Generator(0)
        self._epoch_start = self.generator.get_state()
        self._position = 0
        self._resuming = False

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return math.ceil(len(self.dataset) / self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        """Hand out an epoch: from its beginning, or, once after `load_state_dict`, what is left of it."""
        unfinished = self._resuming and 0 < self._position < len(self)
        self._resuming = False
        if unfinished:
            now = self.generator.get_state()
            self.generator.set_state(self._epoch_start)
            order = self._order()
            self.generator.set_state(now)
        else:
            self._epoch_start = self.generator.get_state()
            self._position = 0
            order = self._order()
        while self._position < len(self):
            begin = self._position * self.batch_size
            chosen = order[begin : begin + self.batch_size]
            images = self.dataset.images[chosen]
            for transform in self.transforms:
                images = transform(images, self.generator.numpy)
            self._position += 1
            yield images, self.dataset.labels[chosen]

    def _order(self) -> NDArray[np.intp]:
        return self.generator.numpy.permutation(len(self.dataset)) if self.shuffle else np.arange(len(self.dataset))

    def state_dict(self) -> dict[str, Any]:
        """Return the state, in plain values that JSON can hold."""
        return {
            "position": self._position,
            "epoch_start": self._epoch_start,
            "generator": self.generator.get_state(),
            "images": len(self.dataset),
            "batch_size": self.batch_size,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where the loader that gave `state` was: the next loop hands out the rest of its epoch, if any is left.

        Raises:
            CheckpointError: the state is of a loader with other images or another batch size.
        """
        try:
            theirs = state["images"], state["batch_size"]
            position, start, now = int(state["position"]), state["epoch_start"], state["generator"]
        except (KeyError, TypeError) as error:
            raise CheckpointError(f"the data loader's state is incomplete: {error}") from error
        if theirs != (len(self.dataset), self.batch_size):
            raise CheckpointError(
                f"the saved run reads {theirs[0]} images in batches of {theirs[1]}, "
                f"this one {len(self.dataset)} in batches of {self.batch_size}"
            )
        self.generator.set_state(start)
        self.generator.set_state(now)
        self._epoch_start = start
        self._position = position
        self._resuming = True
