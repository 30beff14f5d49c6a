from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.data import digits, stratified_split
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
    assert (len(train), len(validation), len(test)) == (1149, 289, 359)
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
