"""Orders of examples: complete, random, weighted, balanced."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl import Generator
from minidl.data import (
    BalancedSampler,
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from minidl.errors import UsageError


def test_without_replacement_everything_comes_once_and_then_again_in_a_new_order() -> None:
    order = list(RandomSampler(range(7), num_samples=17, generator=Generator(0)))
    assert sorted(order[:7]) == list(range(7)) == sorted(order[7:14])
    assert order[:7] != order[7:14]
    assert len(set(order[14:])) == 3
    few = list(RandomSampler(range(100), num_samples=5, generator=Generator(0)))
    assert len(set(few)) == 5


def test_with_replacement_every_example_is_equally_likely() -> None:
    counts = np.bincount(list(RandomSampler(range(4), replacement=True, num_samples=8000, generator=Generator(0))))
    assert np.abs(counts - 2000).max() < 5 * np.sqrt(8000 * 0.25 * 0.75)


def test_a_generator_repeats_and_the_default_one_is_used_otherwise() -> None:
    import minidl

    assert list(RandomSampler(range(9), generator=Generator(3))) == list(
        RandomSampler(range(9), generator=Generator(3))
    )
    minidl.manual_seed(5)
    first = list(RandomSampler(range(9)))
    minidl.manual_seed(5)
    assert list(RandomSampler(range(9))) == first


def test_weights_are_frequencies() -> None:
    weights = np.array([1.0, 0.0, 2.0, 5.0])
    counts = np.bincount(list(WeightedRandomSampler(weights, 8000, generator=Generator(0))), minlength=4)
    assert counts[1] == 0
    assert np.abs(counts - 1000 * weights).max() < 5 * np.sqrt(8000 * 0.25)
    once = list(WeightedRandomSampler(weights, 3, replacement=False, generator=Generator(0)))
    assert sorted(once) == [0, 2, 3]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(1, 40), st.integers(0, 2**32))
def test_classes_come_equally_often_and_so_do_the_members_of_each(counts: list[int], wanted: int, seed: int) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    order = np.array(list(BalancedSampler(labels, wanted, Generator(seed))))
    assert len(order) == wanted
    by_class = np.bincount(labels[order], minlength=len(counts))
    assert by_class.max() - by_class.min() <= 1
    for label in range(len(counts)):
        times = np.bincount(order, minlength=len(labels))[labels == label]
        assert times.max() - times.min() <= 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandomSampler([]), "at least one"),
        (lambda: RandomSampler([1], num_samples=0), "at least one"),
        (lambda: WeightedRandomSampler([1, -1], 2), "from 0"),
        (lambda: WeightedRandomSampler([0.0, 0.0], 2), "not all of them 0"),
        (lambda: WeightedRandomSampler([[1.0]], 2), "a row"),
        (lambda: WeightedRandomSampler([1, np.nan], 2), "finite"),
        (lambda: WeightedRandomSampler([1, 2], 0), "at least 1"),
        (lambda: WeightedRandomSampler([1, 0], 2, replacement=False), "1 with a weight"),
        (lambda: BalancedSampler([]), "at least one"),
        (lambda: BatchSampler(SequentialSampler("ab"), 0, False), "from 1"),
        (lambda: BatchSampler(SequentialSampler("ab"), True, False), "whole number"),
        (lambda: BatchSampler(SequentialSampler("ab"), 1.5, False), "whole number"),
    ],
)
def test_what_cannot_be_drawn_is_refused(make: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()


def test_a_sampler_of_ones_own_needs_two_methods() -> None:
    with pytest.raises(NotImplementedError, match="order"):
        list(Sampler())
    with pytest.raises(NotImplementedError, match="__len__"):
        len(Sampler())


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("batch_size", [1, 3, 5, 7])
@pytest.mark.torch
def test_groups_are_pytorchs(batch_size: int, drop_last: bool) -> None:
    data = pytest.importorskip("torch.utils.data")
    ours = BatchSampler(SequentialSampler(range(6)), batch_size, drop_last)
    theirs = data.BatchSampler(data.SequentialSampler(range(6)), batch_size, drop_last)
    assert list(ours) == list(theirs)
    assert len(ours) == len(theirs) == len(list(ours))


def test_groups_of_a_random_order_and_of_any_iterable() -> None:
    groups = list(BatchSampler(SubsetRandomSampler([4, 5, 6], Generator(0)), 2, drop_last=False))
    assert sorted(position for group in groups for position in group) == [4, 5, 6]
    assert list(BatchSampler([3, 1, 2], 2, drop_last=True)) == [[3, 1]]
    assert len(SubsetRandomSampler([4, 5, 6])) == 3
