from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.data import digits, group_k_fold, group_split, k_fold, stratified_k_fold, stratified_split
from minidl.errors import DataError, UsageError

PARTS = [0.64, 0.16, 0.20]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(20, 60), min_size=1, max_size=5), st.integers(0, 2**32))
def test_every_example_is_in_exactly_one_part_in_the_right_proportion(counts: list[int], seed: int) -> None:
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    parts = stratified_split(labels, PARTS, seed)
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(labels)))
    for part, fraction in zip(parts, PARTS, strict=True):
        assert (np.diff(part) > 0).all()
        found = np.bincount(labels[part], minlength=len(counts))
        assert np.abs(found - fraction * np.array(counts)).max() <= 1


def test_the_same_seed_gives_the_same_parts_everywhere() -> None:
    labels = digits().labels
    train, validation, test = stratified_split(labels, PARTS, seed=0)
    again = stratified_split(labels, PARTS, seed=0)
    assert all(np.array_equal(a, b) for a, b in zip((train, validation, test), again, strict=True))
    assert (len(train), len(validation), len(test)) == (1150, 288, 359)
    assert test[:5].tolist() == [2, 18, 29, 39, 40]  # fixed: PCG64 is the same on every machine
    other = stratified_split(labels, PARTS, seed=1)
    assert not np.array_equal(test, other[2])


@pytest.mark.parametrize("fractions", [[], [0.5, 0.4], [1.2, -0.2], [1.0, 0.0]])
def test_fractions_that_are_no_division_are_refused(fractions: list[float]) -> None:
    with pytest.raises(UsageError, match="sum to 1"):
        stratified_split(np.zeros(10, int), fractions, 0)


def test_a_class_too_small_for_every_part_is_named() -> None:
    with pytest.raises(DataError, match="class 1 has only 2 examples"):
        stratified_split(np.array([0] * 20 + [1] * 2), PARTS, 0)


def whole_once(pairs: list, count: int) -> None:
    assert np.array_equal(np.sort(np.concatenate([held_out for _, held_out in pairs])), np.arange(count))
    for train, held_out in pairs:
        assert np.array_equal(np.sort(np.concatenate([train, held_out])), np.arange(count))
        assert (np.diff(train) > 0).all()
        assert (np.diff(held_out) > 0).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 60), st.data(), st.integers(0, 2**32))
def test_folds_hold_out_everything_once(count: int, data: st.DataObject, seed: int) -> None:
    folds = data.draw(st.integers(2, count))
    pairs = list(k_fold(count, folds, seed))
    assert len(pairs) == folds
    whole_once(pairs, count)
    sizes = [len(held_out) for _, held_out in pairs]
    assert max(sizes) - min(sizes) <= 1
    assert all(
        np.array_equal(a, b)
        for p, q in zip(pairs, k_fold(count, folds, seed), strict=True)
        for a, b in zip(p, q, strict=True)
    )


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(4, 30), min_size=1, max_size=5), st.integers(2, 4), st.integers(0, 2**32))
def test_stratified_folds_have_the_same_mixture_and_size(counts: list[int], folds: int, seed: int) -> None:
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    pairs = list(stratified_k_fold(labels, folds, seed))
    whole_once(pairs, len(labels))
    for label in range(len(counts)):
        each = [int((labels[held_out] == label).sum()) for _, held_out in pairs]
        assert max(each) - min(each) <= 1
    sizes = [len(held_out) for _, held_out in pairs]
    assert max(sizes) - min(sizes) <= 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=4, max_size=12), st.integers(2, 4), st.integers(0, 2**32))
def test_groups_are_never_torn_apart(sizes: list[int], folds: int, seed: int) -> None:
    groups = np.random.default_rng(seed).permutation(np.repeat([f"group {i}" for i in range(len(sizes))], sizes))
    pairs = list(group_k_fold(groups, folds, seed))
    whole_once(pairs, len(groups))
    for train, held_out in pairs:
        assert not set(groups[train]) & set(groups[held_out])
        assert len(held_out)
    held = [len(held_out) for _, held_out in pairs]
    assert max(held) - min(held) <= max(sizes)
    parts = group_split(groups, [0.5, 0.5], seed)
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(groups)))
    assert not set(groups[parts[0]]) & set(groups[parts[1]])


def test_group_parts_have_about_the_shares_asked_for_and_depend_on_the_seed() -> None:
    groups = np.arange(1000) // 4
    first, other = (group_split(groups, [0.7, 0.1, 0.2], seed) for seed in (0, 1))
    assert [len(part) for part in first] == [700, 100, 200]
    assert not np.array_equal(first[1], other[1])
    uneven = group_split(np.array([0] * 90 + [1, 2, 3]), [0.3, 0.3, 0.4], 0)
    assert all(len(part) for part in uneven)  # the giant leaves something for the others
    assert [len(part) for part in group_split(np.repeat(np.arange(4), 25), [0.98, 0.02], 0)] == [75, 25]


def test_folds_that_cannot_be_are_refused() -> None:
    with pytest.raises(UsageError, match="from 2 to 5, the number of examples; got 6"):
        k_fold(5, 6, 0)
    with pytest.raises(UsageError, match="from 2"):
        stratified_k_fold(np.zeros(5), 1, 0)
    with pytest.raises(DataError, match="class 1 has only 2 examples"):
        stratified_k_fold(np.array([0] * 5 + [1] * 2), 3, 0)
    with pytest.raises(UsageError, match="the number of groups; got 3"):
        group_k_fold(np.array([1, 1, 2, 2]), 3, 0)
    with pytest.raises(DataError, match="1 groups cannot"):
        group_split(np.zeros(5), [0.5, 0.5], 0)


@pytest.mark.parametrize("size", [3, 5, 7, 8])
@pytest.mark.parametrize("fractions", [[0.5, 0.5], [0.64, 0.36], [0.4, 0.3, 0.3], [0.9 / 2, 0.1 + 0.9 / 2]])
def test_small_classes_do_not_shift_the_shares_of_the_whole(size: int, fractions: list[float]) -> None:
    labels = np.repeat(np.arange(100), size)
    parts = stratified_split(labels.tolist(), fractions, seed=5)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(labels)))
    for part, fraction in zip(parts, fractions, strict=True):
        counts = np.bincount(labels[part], minlength=100)
        assert np.abs(counts - fraction * size).max() < 1
        assert (
            abs(len(part) - fraction * len(labels)) <= 1 or size == len(fractions) == 3
        )  # one each, whatever the share
        assert (np.diff(part) > 0).all()


def test_shares_that_are_whole_numbers_are_met_exactly() -> None:
    labels = np.repeat(np.arange(3), 10)
    for fractions in ([0.7, 0.1, 0.2], [0.1] * 10, [0.3, 0.3, 0.3, 0.1]):
        for part, fraction in zip(stratified_split(labels, fractions, seed=0), fractions, strict=True):
            assert np.bincount(labels[part]).tolist() == [round(10 * fraction)] * 3


SPLIT = """
import numpy as np
from minidl.data import group_split, k_fold, stratified_split
parts = stratified_split(np.array(list("abcab" * 9)), [0.5, 0.5], 3) + group_split(list("abcde" * 3), [0.6, 0.4], 3)
print(*[part.tolist() for part in parts], [b.tolist() for _, b in k_fold(9, 3, 1)])
"""


def test_parts_do_not_depend_on_the_process_or_its_hash_seed() -> None:
    seen = set()
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", SPLIT],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        seen.add(done.stdout)
    assert len(seen) == 1
    assert "[" in seen.pop()
