"""Making one batch: the examples, put together and transformed, with chance that depends on nothing but its place."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..creation import from_numpy
from ..errors import UsageError
from ..primitives.layers.random import default_generator
from .augment.base import Augmentation
from .augment.chance import Chance
from .collate import Collate, default_collate
from .dataset import Dataset, Indices, examples_of
from .transforms import Transform
from .workers import get_worker_info

_STEP = 0x9E3779B97F4A7C15

Seed = tuple[int, int, int]
"""Where a batch's chance comes from: the epoch's random number, the batch's position, and that of its first example."""


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

    # The chance of a batch's examples, and of transforms that are no `Augmentation`, depends on how an epoch is cut into
    # batches; an `Augmentation` gives each example a stream of its own, which follows from its position in the epoch.

    def __call__(self, indices: Indices, seed: Seed) -> Any:
        """Return the batch of the examples at `indices`."""
        with _default_generator_at(seed):
            if get_worker_info() is not None:
                random.seed(_scrambled(seed))
                np.random.seed(_scrambled(seed) % 2**32)
            if self.collate_fn is None and isinstance(self.dataset, Dataset):
                batch = self.dataset.batch(indices)
            else:
                batch = (self.collate_fn or default_collate)(examples_of(self.dataset, indices))
        if not self.transforms:
            return batch
        if not isinstance(batch, list | tuple):
            raise UsageError(
                "the loader's transforms change the first part of a batch, the images; this data set's batches are "
                f"{type(batch).__name__}, not several parts"
            )
        rng = np.random.Generator(np.random.PCG64(seed[:2]))
        images = np.asarray(batch[0])
        for place, transform in enumerate(self.transforms):
            if isinstance(transform, Augmentation):
                chance = Chance.of_examples((seed[0] + place * _STEP) % 2**64, seed[2], len(images))
                images = transform(images, chance)
            else:
                images = transform(images, rng)
        return [from_numpy(images), *batch[1:]]


def _scrambled(seed: Seed) -> int:
    """Return a number of 64 bits for a batch; those of neighbouring batches are unlike each other."""
    return (seed[0] + seed[1] * _STEP) % 2**64


@contextlib.contextmanager
def _default_generator_at(seed: Seed) -> Iterator[None]:
    """Let the default generator, which a data set's own code may draw from, give what belongs to this batch."""
    initial, state = default_generator.initial_seed(), default_generator.get_state()
    default_generator.manual_seed(_scrambled(seed))
    try:
        yield
    finally:
        default_generator.manual_seed(initial)
        default_generator.set_state(state)
