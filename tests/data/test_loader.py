from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import Generator, Tensor
from minidl.data import (
    BalancedSampler,
    BatchSampler,
    DataLoader,
    Dataset,
    ImageDataset,
    RandomSampler,
    RandomWarp,
    SequentialSampler,
    TensorDataset,
)
from minidl.data.augment import GaussianNoise, RandomRotation
from minidl.errors import CheckpointError, UsageError

COUNT = 23


def dataset(count: int = COUNT) -> ImageDataset:
    images = np.random.default_rng(1).random((count, 1, 4, 4)).astype(np.float32)
    return ImageDataset("some", images, np.arange(count), tuple(map(str, range(count))))


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


def test_a_generator_that_others_draw_from_too_is_put_back_where_it_was() -> None:
    shared = Generator(6)
    batches = DataLoader(dataset(), 12, shuffle=True, generator=shared)
    next(iter(batches))
    shared.numpy.random(5)
    state = json.loads(json.dumps(batches.state_dict()))
    expected = [shared.numpy.random(), *labels_of(batches)]
    restored = DataLoader(dataset(), 12, shuffle=True, generator=Generator(0))
    restored.load_state_dict(state)
    assert len(labels_of(restored)) == COUNT - 12
    assert [restored.generator.numpy.random(), *labels_of(restored)] == expected


def test_what_befalls_a_batch_depends_on_its_place() -> None:
    same_image = ImageDataset("same", np.ones((4, 1, 8, 8), np.float32), np.zeros(4), ("a",))
    batches = DataLoader(same_image, 2, transforms=[RandomWarp(2, 30, 1.5)])
    first, second = (images for images, _ in batches)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, next(iter(batches))[0])  # nor on the place alone: epochs differ, too


def test_breaking_off_a_loop_begins_a_new_epoch_next_time() -> None:
    batches = loader()
    next(iter(batches))
    assert sorted(np.concatenate([labels for _, labels in batches]).tolist()) == list(range(COUNT))


@pytest.mark.parametrize("batch", [0, -1, 2.5])
def test_a_batch_size_that_cannot_be_is_refused(batch: int) -> None:
    with pytest.raises(UsageError, match="whole number from 1"):
        DataLoader(dataset(), batch)


def test_the_state_of_another_loader_is_refused() -> None:
    with pytest.raises(CheckpointError, match=r"batches of 4.*batches of 5"):
        loader(batch=5).load_state_dict(loader(batch=4).state_dict())
    with pytest.raises(CheckpointError, match="incomplete"):
        loader().load_state_dict({})
    with pytest.raises(CheckpointError, match="generator"):
        loader().load_state_dict(loader().state_dict() | {"generator": {"bit_generator": "MT19937"}})


def test_batches_are_tensors() -> None:
    images, labels = next(iter(loader()))
    assert isinstance(images, Tensor)
    assert isinstance(labels, Tensor)
    assert (images.dtype, labels.dtype) == (np.float32, np.int64)


def test_the_last_batch_can_be_left_out() -> None:
    batches = DataLoader(dataset(), 5, drop_last=True)
    assert [len(labels) for _, labels in batches] == [5, 5, 5, 5]
    assert len(batches) == 4


def test_any_sequence_of_examples_will_do_and_batches_may_exceed_it() -> None:
    (batch,) = DataLoader([(1, 2.0), (3, 4.0)], batch_size=10)
    assert [part.tolist() for part in batch] == [[1, 3], [2.0, 4.0]]
    assert [list(part) for part in DataLoader(["a", "b", "c"], 2)] == [["a", "b"], ["c"]]


def test_a_collate_function_has_the_last_word() -> None:
    batches = list(DataLoader([1, 2, 3], 2, collate_fn=sum))
    assert batches == [3, 3]
    with pytest.raises(UsageError, match="int, not several parts"):
        list(DataLoader([1, 2, 3], 2, collate_fn=sum, transforms=[RandomWarp(1, 1, 1)]))


def labels_of(batches: DataLoader) -> list[int]:
    return np.concatenate([labels for _, labels in batches]).tolist()


def test_samplers_set_the_order() -> None:
    data = dataset()
    assert labels_of(DataLoader(data, 2, sampler=[5, 3, 1])) == [5, 3, 1]
    assert [labels.tolist() for _, labels in DataLoader(data, batch_sampler=[[1, 2], [0]])] == [[1, 2], [0]]
    groups = BatchSampler(SequentialSampler(data), 20, drop_last=False)
    assert [len(labels) for _, labels in DataLoader(data, batch_sampler=groups)] == [20, 3]
    order = labels_of(DataLoader(data, 4, sampler=BalancedSampler(np.arange(COUNT) < 3)))
    assert np.isclose(np.mean(np.array(order) < 3), 0.5, atol=0.03)


def test_the_generator_of_a_sampler_is_the_loaders_and_is_saved_with_it() -> None:
    def make(seed: int) -> DataLoader:
        return DataLoader(dataset(), 5, sampler=RandomSampler(range(COUNT), generator=Generator(seed)))

    first = make(1)
    whole = [labels.tolist() for _ in range(2) for _, labels in first]
    other = make(2)
    interrupted = make(1)
    for _ in interrupted:
        state = interrupted.state_dict()
        break
    other.load_state_dict(state)
    assert [labels.tolist() for _ in range(2) for _, labels in other][:9] == whole[1:]


@pytest.mark.parametrize("options", [{"shuffle": True}, {"sampler": RandomSampler(range(COUNT))}])
def test_a_random_order_follows_the_seed_of_the_default_generator(options: dict[str, Any]) -> None:
    orders = []
    for seed in (1, 1, 2):
        minidl.manual_seed(seed)
        orders.append(labels_of(DataLoader(dataset(), 5, **options)))
    assert orders[0] == orders[1] != orders[2]


def test_judging_leaves_no_trace_in_the_default_generator() -> None:
    before = minidl.default_generator.get_state()
    list(DataLoader(dataset(), 5, transforms=[RandomWarp(1, 20, 1.2)]))
    assert minidl.default_generator.get_state() == before


class Noisy(Dataset[Any]):
    """A data set whose own code draws random numbers."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Any:
        return minidl.rand(2)


def test_chance_in_a_data_sets_own_code_follows_the_loaders_seed_and_returns_what_it_borrowed() -> None:
    minidl.manual_seed(8)
    minidl.rand(3)
    before = minidl.default_generator.get_state()
    first, again, other = ([b.tolist() for b in DataLoader(Noisy(), 2, generator=Generator(s))] for s in (1, 1, 2))
    assert first == again != other
    assert len({str(batch) for batch in first}) == 3
    assert minidl.default_generator.get_state() == before
    assert minidl.initial_seed() == 8


def test_two_loops_at_once_do_not_disturb_each_other() -> None:
    batches = DataLoader(dataset(), 5)
    pairs = list(zip(batches, batches, strict=True))
    assert len(pairs) == 5
    assert all(np.array_equal(a[1], b[1]) for a, b in pairs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sampler": [0], "shuffle": True}, "excludes shuffle"),
        ({"batch_sampler": [[0]], "batch_size": 2}, "excludes batch_size"),
        ({"batch_sampler": [[0]], "drop_last": True}, "excludes batch_size"),
        ({"num_workers": -1}, "num_workers"),
        ({"num_workers": 1, "prefetch_factor": 0}, "prefetch_factor"),
        ({"persistent_workers": True}, "need num_workers"),
        ({"timeout": 3}, "need num_workers"),
    ],
)
def test_arguments_that_exclude_each_other_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        DataLoader(dataset(), **options)


@pytest.mark.torch
@pytest.mark.parametrize(
    "options", [{}, {"batch_size": 4}, {"batch_size": 4, "drop_last": True}, {"sampler": [5, 0, 5]}]
)
def test_batches_are_pytorchs(options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    x, y = np.random.default_rng(0).random((10, 3)), np.arange(10)
    theirs = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y)), **options
    )
    ours = DataLoader(TensorDataset(x, y), **options)
    assert len(ours) == len(theirs)
    for ours_batch, theirs_batch in zip(ours, theirs, strict=True):
        assert type(ours_batch) is type(theirs_batch)
        for a, b in zip(ours_batch, theirs_batch, strict=True):
            assert a.dtype == b.numpy().dtype
            assert np.array_equal(a, b.numpy())


def test_what_an_augmentation_does_to_an_example_does_not_depend_on_the_batch_size() -> None:
    same_image = ImageDataset("same", np.random.default_rng(0).random((1, 1, 9, 9)), np.zeros(1), ("a",))
    data = same_image.subset(np.zeros(12, int))
    chain = [RandomRotation(40), RandomRotation(40), GaussianNoise()]
    whole, parts, others = (
        [np.concatenate([images for images, _ in batches]) for _ in range(2)]
        for batches in (
            DataLoader(data, size, generator=Generator(seed), transforms=chain)
            for size, seed in ((12, 5), (5, 5), (12, 6))
        )
    )
    assert np.array_equal(whole, parts)
    assert not np.array_equal(whole[0], whole[1])
    assert not np.array_equal(whole[0], others[0])
    assert len(np.unique(whole[0], axis=0)) == 12


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dataset": iter([1, 2])}, "list_iterator has not both"),
        ({"num_workers": 1.5}, "whole number"),
        ({"generator": 3}, r"minidl\.Generator; got 0 and int"),
        ({"generator": np.random.default_rng(0)}, r"minidl\.Generator"),
        ({"transforms": RandomWarp(1, 1, 1)}, r"transforms=\[RandomWarp\(\.\.\.\)\]"),
        ({"num_workers": 1, "timeout": float("nan")}, "num_workers and timeout must be"),
    ],
)
def test_arguments_of_the_wrong_kind_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        DataLoader(**{"dataset": [1, 2], **options})
