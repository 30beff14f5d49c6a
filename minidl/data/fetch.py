"""Making one batch: the examples, put together and transformed, with chance that depends on nothing but its place."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..creation import from_numpy
from ..errors import UsageError
from ..primitives.layers.random import default_generator
from .collate import Collate, default_collate
from .dataset import Dataset, Indices
from .transforms import Transform

Seed = tuple[int, int]
"""The epoch's random number and the batch's position: where a batch's chance comes from."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """How a loader makes a batch; the same in the main process and in workers.

    Attributes:
        dataset: where the examples are.
        collate_fn: puts them together; None for the data set's own way.
        transforms: applied to the batch's first part, the images, in turn.
    """

    dataset: Dataset[Any] | Sequence[Any]
    collate_fn: Collate | None
    transforms: tuple[Transform, ...]

    def __call__(self, indices: Indices, seed: Seed) -> Any:
        """Return the batch of the examples at `indices`."""
        with _default_generator_at(seed):
            if self.collate_fn is None and isinstance(self.dataset, Dataset):
                batch = self.dataset.batch(indices)
            else:
                batch = (self.collate_fn or default_collate)([self.dataset[index] for index in indices.tolist()])
        if not self.transforms:
            return batch
        if not isinstance(batch, list | tuple):
            raise UsageError(
                "the loader's transforms change the first part of a batch, the images; this data set's batches are "
                f"{type(batch).__name__}, not several parts"
            )
        rng = np.random.Generator(np.random.PCG64(seed))
        images = np.asarray(batch[0])
        for transform in self.transforms:
            images = transform(images, rng)
        return [from_numpy(images), *batch[1:]]


@contextlib.contextmanager
def _default_generator_at(seed: Seed) -> Iterator[None]:
    """Let the default generator, which a data set's own code may draw from, give what belongs to this batch."""
    initial, state = default_generator.initial_seed(), default_generator.get_state()
    default_generator.manual_seed(
        (seed[0] + seed[1] * 0x9E3779B97F4A7C15) % 2**64
    )  # neighbouring batches: unlike seeds
    try:
        yield
    finally:
        default_generator.manual_seed(initial)
        default_generator.set_state(state)
