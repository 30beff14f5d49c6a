from __future__ import annotations

import json

import numpy as np
import pytest

from minidl import Generator
from minidl.data import DataLoader, Dataset, RandomWarp
from minidl.errors import CheckpointError, UsageError

COUNT = 23


def dataset(count: int = COUNT) -> Dataset:
    images = np.random.default_rng(1).random((count, 1, 4, 4)).astype(np.float32)
    return Dataset("some", images, np.arange(count), tuple(map(str, range(count))))


def loader(seed: int = 0, batch: int = 5) -> DataLoader:
    return DataLoader(dataset(), batch, shuffle=True, generator=Generator(seed), transforms=[RandomWarp(1, 20, 1.2)])


def same(a: list[tuple[np.ndarray, np.ndarray]], b: list[tuple[np.ndarray, np.ndarray]]) -> bool:
    pairs = zip(a, b, strict=True)
    return all(np.array_equal(x, u) and np.array_equal(y, v) for (x, y), (u, v) in pairs)


def test_an_epoch_has_every_image_once_and_epochs_differ() -> None:
    batches = loader()
    first, second = ([labels for _, labels in batches] for _ in range(2))
    assert [len(labels) for labels in first] == [5, 5, 5, 5, 3] == [len(labels) for labels in second]
    assert len(batches) == 5
    for epoch in (first, second):
        assert sorted(np.concatenate(epoch).tolist()) == list(range(COUNT))
    assert not np.array_equal(np.concatenate(first), np.concatenate(second))


def test_without_shuffling_images_come_in_order_and_unchanged() -> None:
    data = dataset()
    images, labels = (np.concatenate(part) for part in zip(*DataLoader(data, 7), strict=True))
    assert np.array_equal(images, data.images)
    assert np.array_equal(labels, data.labels)


def test_the_same_seed_gives_the_same_batches() -> None:
    assert same(list(loader(3)), list(loader(3)))
    assert not same(list(loader(3)), list(loader(4)))


@pytest.mark.parametrize("done", range(11))
def test_a_restored_loader_goes_on_with_the_very_next_batch(done: int) -> None:
    def stream(batches: DataLoader) -> list[tuple[np.ndarray, np.ndarray]]:
        return [batch for _ in range(3) for batch in batches]

    whole = stream(loader())
    interrupted = loader()
    state = interrupted.state_dict()
    seen = 0
    while seen < done:
        for _ in interrupted:
            seen += 1
            state = interrupted.state_dict()
            if seen == done:
                break
    restored = loader(seed=99)
    restored.load_state_dict(json.loads(json.dumps(state)))
    assert same([batch for _ in range(3) for batch in restored][: 15 - done], whole[done:])


def test_breaking_off_a_loop_begins_a_new_epoch_next_time() -> None:
    batches = loader()
    next(iter(batches))
    assert sorted(np.concatenate([labels for _, labels in batches]).tolist()) == list(range(COUNT))


@pytest.mark.parametrize("batch", [0, -1, COUNT + 1])
def test_a_batch_size_that_cannot_be_is_refused(batch: int) -> None:
    with pytest.raises(UsageError, match=f"from 1 to {COUNT}"):
        DataLoader(dataset(), batch)


def test_the_state_of_another_loader_is_refused() -> None:
    with pytest.raises(CheckpointError, match=r"batches of 4.*batches of 5"):
        loader(batch=5).load_state_dict(loader(batch=4).state_dict())
    with pytest.raises(CheckpointError, match="incomplete"):
        loader().load_state_dict({})
    with pytest.raises(CheckpointError, match="generator"):
        loader().load_state_dict(loader().state_dict() | {"generator": {"bit_generator": "MT19937"}})
