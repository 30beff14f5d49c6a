"""Wrong labels in the right amount, and samples with the bias that was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.data import biased_sample, class_sample, pair_noise, random_labels, symmetric_noise
from minidl.errors import DataError, UsageError

LABELS = np.random.default_rng(0).integers(0, 5, 2000)


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 1), st.integers(0, 2**32))
def test_exactly_the_share_asked_for_becomes_wrong(rate: float, seed: int) -> None:
    before = LABELS.copy()
    for spoil in (symmetric_noise, pair_noise):
        noisy = spoil(LABELS, rate, 5, seed)
        assert (noisy != LABELS).sum() == round(rate * 2000)
        assert noisy.min() >= 0
        assert noisy.max() < 5
        assert np.array_equal(noisy, spoil(LABELS, rate, 5, seed))
    assert np.array_equal(before, LABELS)


def test_symmetric_noise_prefers_no_class_and_pair_noise_only_the_next() -> None:
    steps = (symmetric_noise(LABELS, 1.0, 5) - LABELS) % 5
    assert np.abs(np.bincount(steps, minlength=5)[1:] - 500).max() < 5 * np.sqrt(2000 * 0.25 * 0.75)
    assert set((pair_noise(LABELS, 1.0, 5) - LABELS) % 5) == {1}
    assert not np.array_equal(symmetric_noise(LABELS, 0.5, 5, seed=1), symmetric_noise(LABELS, 0.5, 5, seed=2))


def test_random_labels_keep_the_frequencies_and_nothing_else() -> None:
    dealt = random_labels(LABELS)
    assert np.array_equal(np.bincount(dealt), np.bincount(LABELS))
    assert abs((dealt == LABELS).mean() - 0.2) < 0.05


@pytest.mark.parametrize(("rate", "classes"), [(-0.1, 5), (1.1, 5), (0.5, 1)])
def test_noise_that_cannot_be_is_refused(rate: float, classes: int) -> None:
    with pytest.raises(UsageError, match="rate from 0 to 1"):
        symmetric_noise(LABELS, rate, classes)


def test_a_biased_sample_follows_its_weights() -> None:
    weights = np.where(LABELS == 0, 9.0, 1.0)
    sample = biased_sample(weights, 200, seed=3)
    assert (np.diff(sample) > 0).all()
    share = (LABELS[sample] == 0).mean()
    assert share > 0.5 > 2 * (LABELS == 0).mean()
    assert biased_sample(weights, 0).tolist() == []


def test_a_sample_has_the_shares_asked_for() -> None:
    sample = class_sample(LABELS, [0.5, 0.25, 0.25, 0, 0], 101)
    counts = np.bincount(LABELS[sample], minlength=5)
    assert counts.sum() == 101 == len(set(sample.tolist()))
    assert np.abs(counts - 101 * np.array([0.5, 0.25, 0.25, 0, 0])).max() < 1


def test_samples_that_cannot_be_are_refused() -> None:
    with pytest.raises(UsageError, match="sum to 1"):
        class_sample(LABELS, [0.5, 0.4], 10)
    with pytest.raises(DataError, match="class 0 has"):
        class_sample(LABELS, [1.0, *[0.0] * int(LABELS.max())], 1999)
    with pytest.raises(UsageError, match="finite numbers"):
        biased_sample([1, -1], 1)
    with pytest.raises(DataError, match="from 1 that have"):
        biased_sample([1, 0], 2)


def test_labels_may_be_a_list_and_must_be_classes() -> None:
    assert symmetric_noise([0, 1, 0, 1], 1.0, 2).tolist() == [1, 0, 1, 0]
    assert pair_noise([0, 1, 0, 1], 1.0, 2).tolist() == [1, 0, 1, 0]
    assert sorted(random_labels([0, 1, 0, 1]).tolist()) == [0, 0, 1, 1]
    assert class_sample([0, 1, 0, 1], [0, 1], 2).tolist() == [1, 3]
    for wrong in ([0, 2], [-1, 0]):
        with pytest.raises(UsageError, match="classes=2 allows 0 to 1"):
            symmetric_noise(wrong, 0.5, 2)
        with pytest.raises(UsageError, match="a share for each class"):
            class_sample(wrong, [0.5, 0.5], 1)
    with pytest.raises(UsageError, match="count=-1"):
        class_sample([0, 1], [0.5, 0.5], -1)


def test_the_wrong_labels_are_all_others_equally_often() -> None:
    labels = np.repeat(np.arange(4), 3000)
    noisy = symmetric_noise(labels, 0.5, 4, seed=3)
    table = np.zeros((4, 4), int)
    np.add.at(table, (labels, noisy), 1)
    assert (noisy != labels).sum() == 6000
    off = table[~np.eye(4, dtype=bool)]
    assert np.abs(off - 500).max() < 4.5 * np.sqrt(500)  # normal approximation
