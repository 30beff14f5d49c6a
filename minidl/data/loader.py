"""Handing out a data set in batches, in an order that can be repeated and resumed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import CheckpointError, UsageError
from ..graph.mode import phase
from ..kernels.cuda.runtime.driver import why_not
from ..primitives.layers.random import Generator, default_generator
from .collate import Collate, page_locked
from .dataset import Dataset, Indices
from .fetch import Fetch, Seed
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler
from .transforms import Transform
from .workers import WorkerPool


class DataLoader:
    """Iterate over a data set in batches; each `for` loop over it is one epoch.

    All chance comes from one generator: at its beginning an epoch takes from it the order and one number, and what befalls
    batch k follows from this number and k. So the same seed gives the same batches, whatever the number of workers; a data
    set's own code takes part where it draws from minidl's default generator. (Where it draws from Python's `random` or
    from `np.random`, workers give the same whatever their number, but not what the main process would give.) What an
    `Augmentation` does to an example follows from this number and the example's place in the epoch, so that it does not
    even depend on the batch size: two batches of 32 are one of 64. Between any two batches the loader's state can be saved; a
    loader that is given this state goes on with the very next batch.

    With workers, batches are made ahead of time in other processes while the main one computes (`minidl.data.workers` says
    why processes, and what they ask of a script). Small images in memory gain nothing from it; decoding and augmenting do.

    Args:
        dataset: what to hand out: a `Dataset`, or any sequence of examples. (Something without positions, PyTorch's
            `IterableDataset`, is not taken: its order could neither be drawn nor resumed.)
        batch_size: examples a batch.
        shuffle: whether every epoch has a random order of its own.
        sampler: gives the order instead: a `Sampler`, or any finite iterable of positions.
        batch_sampler: gives the positions in groups instead: a `BatchSampler`, or any finite iterable of groups.
        num_workers: how many processes prepare batches; 0 for none: the main one does.
        collate_fn: puts a list of examples together into a batch; None for the data set's own way.
        pin_memory: whether batches lie in page-locked memory, from which they are copied to a GPU beside its work; without
            a GPU it has no effect.
        drop_last: whether to leave out an epoch's last batch if it is smaller.
        timeout: seconds to wait for a worker's batch; 0 for ever.
        worker_init_fn: called with the worker's number when a worker starts.
        generator: the source of chance. If None: the sampler's, where it has one; with a random order, one whose seed is
            drawn from minidl's default generator; and with a fixed order, one with seed 0, so that judging a model leaves
            no trace and comes out the same each time.
        prefetch_factor: how many batches each worker makes ahead; 2 if None.
        persistent_workers: whether the workers stay for the next epoch (as long as the loader lives), which saves the time
            they need to start; they keep the data set as it was when they started.
        transforms: applied to each batch's first part, its images, in turn, as arrays `(N, C, H, W)`.

    Raises:
        UsageError: arguments that exclude each other or make no sense.

    >>> from minidl.data import ImageDataset
    >>> data = ImageDataset("five", np.zeros((5, 1, 2, 2), np.float32), np.arange(5), tuple("abcde"))
    >>> [labels.tolist() for images, labels in DataLoader(data, batch_size=2)]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        dataset: Dataset[Any] | Sequence[Any],
        batch_size: int = 1,
        shuffle: bool | None = None,
        sampler: Sampler | Iterable[int] | None = None,
        batch_sampler: BatchSampler | Iterable[Sequence[int]] | None = None,
        num_workers: int = 0,
        collate_fn: Collate | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        *,
        generator: Generator | None = None,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        transforms: Sequence[Transform] = (),
    ) -> None:
        if sampler is not None and shuffle:
            raise UsageError("DataLoader: a sampler sets the order; it excludes shuffle=True")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise UsageError("DataLoader: a batch_sampler excludes batch_size, shuffle, sampler and drop_last")
        if not (hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__")):
            raise UsageError(
                f"DataLoader needs a data set with __getitem__ and __len__; {type(dataset).__name__} has not both. Make a "
                "list of something that can only be iterated over, such as PyTorch's IterableDataset"
            )
        if not isinstance(num_workers, int) or not (generator is None or isinstance(generator, Generator)):
            raise UsageError(
                "DataLoader: num_workers must be a whole number and generator a minidl.Generator; got "
                f"{num_workers!r} and {type(generator).__name__}"
            )
        if callable(transforms):
            raise UsageError(f"DataLoader: transforms is a list; write transforms=[{type(transforms).__name__}(...)]")
        if num_workers < 0 or not timeout >= 0 or (prefetch_factor is not None and prefetch_factor < 1):
            raise UsageError(
                "DataLoader: num_workers and timeout must be from 0, prefetch_factor from 1; got "
                f"{num_workers}, {timeout} and {prefetch_factor}"
            )
        if num_workers == 0 and (timeout or prefetch_factor is not None or persistent_workers):
            raise UsageError(
                "DataLoader: timeout, prefetch_factor and persistent_workers need num_workers of at least 1"
            )
        self.dataset = dataset
        if batch_sampler is None:
            if sampler is None:
                sampler = RandomSampler(dataset) if shuffle else SequentialSampler(dataset)
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_sampler = batch_sampler
        self.sampler = getattr(batch_sampler, "sampler", None)
        self.batch_size = getattr(batch_sampler, "batch_size", None)
        self.drop_last = drop_last
        self.num_workers = num_workers
        self.collate_fn = collate_fn
        self.pin_memory = pin_memory
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.prefetch_factor = prefetch_factor or 2
        self.persistent_workers = persistent_workers
        self.transforms = tuple(transforms)
        self.generator = generator or self._own_generator()
        self._pool: WorkerPool | None = None
        self._epoch_start = self.generator.get_state()
        self._position = 0
        self._resuming = False

    def _own_generator(self) -> Generator:
        if not isinstance(self.sampler, Sampler) or isinstance(self.sampler, SequentialSampler):
            return Generator(0)
        return self.sampler.generator or Generator(int(default_generator.numpy.integers(2**63)))

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return len(self.batch_sampler)  # type: ignore[arg-type]  # as in PyTorch: an iterable without a length has none

    def __iter__(self) -> Iterator[Any]:
        """Hand out an epoch: from its beginning, or, once after `load_state_dict`, what is left of it."""
        begin = 0
        unfinished, self._resuming = self._resuming, False
        if unfinished:
            now = self.generator.get_state()
            self.generator.set_state(self._epoch_start)
            groups, number = self._plan()
            self.generator.set_state(now)
            begin = self._position
        if not unfinished or begin >= len(groups):
            self._epoch_start = self.generator.get_state()
            begin = 0
            groups, number = self._plan()
        self._position = begin
        firsts = itertools.accumulate(map(len, groups[:-1]), initial=0)
        places = zip(itertools.repeat(number), itertools.count(), firsts)
        requests = list(zip(groups, places, strict=False))
        yield from self._hand_out(requests, begin)

    def _hand_out(self, requests: list[tuple[Indices, Seed]], begin: int) -> Iterator[Any]:
        fetch = Fetch(self.dataset, self.collate_fn, self.transforms)
        if self.num_workers == 0:
            for position in range(begin, len(requests)):
                with phase("loading"):
                    batch = self._pinned(fetch(*requests[position]))
                self._position = position + 1
                yield batch
            return
        pool, self._pool = self._pool, None  # a second loop at the same time gets workers of its own
        if pool is None or not pool.close.alive:
            pool = WorkerPool(self.num_workers, fetch, self.dataset, self.worker_init_fn, self.timeout)
        try:
            ahead = self.num_workers * self.prefetch_factor
            batches = pool.map(list(requests), begin, ahead)
            for position in range(begin, len(requests)):
                with phase("loading"):
                    batch = self._pinned(next(batches))
                self._position = position + 1
                yield batch
        finally:
            if self.persistent_workers and pool.close.alive:
                self._pool = pool
            else:
                pool.close()

    def _pinned(self, batch: Any) -> Any:
        """The batch with its tensors in page-locked memory, if that is wanted and there is a GPU to copy it to."""
        return page_locked(batch) if self.pin_memory and why_not() is None else batch

    def _plan(self) -> tuple[list[Indices], int]:
        """Draw an epoch: the positions in each batch, and the number that its batches' chance follows from."""
        rng = self.generator.numpy
        if isinstance(self.batch_sampler, BatchSampler):
            groups = self.batch_sampler.groups(rng)
        else:
            groups = [np.asarray(group, np.intp) for group in self.batch_sampler]
        return groups, int(rng.integers(2**63))

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

        The number of workers may be another.

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
        self._resuming = position > 0
