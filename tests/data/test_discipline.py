"""Looking at the test data twice is noticed."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from minidl.data import ImageDataset, Splits, TestDataReused, digits
from minidl.errors import UsageError


def test_the_parts_are_disjoint_and_the_test_part_asks_what_for() -> None:
    whole = digits()
    splits = Splits.of(whole, seed=1)
    parts = [splits.train, splits.validation, splits.test({"lr": 0.1})]
    rows = [image.tobytes() for part in parts for image in part.images]
    assert sorted(rows) == sorted(image.tobytes() for image in whole.images)
    assert [len(part) for part in parts] == [1150, 288, 359]


def test_the_same_configuration_may_be_judged_again_but_another_one_is_warned_of() -> None:
    splits = Splits.of(digits())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        splits.test({"lr": 0.1, "model": "mlp"})
        splits.test({"model": "mlp", "lr": 0.1})
    with pytest.warns(TestDataReused, match=r"judged 2 configurations .*: lr 0\.1 → 0\.2\)"):
        splits.test({"lr": 0.2, "model": "mlp"})
    with pytest.warns(TestDataReused, match="epochs None → 3"):
        splits.test({"lr": 0.2, "model": "mlp", "epochs": 3})
    assert splits.judged == [
        {"lr": 0.1, "model": "mlp"},
        {"lr": 0.2, "model": "mlp"},
        {"lr": 0.2, "model": "mlp", "epochs": 3},
    ]


def test_a_data_set_with_its_own_test_part_gives_up_some_training_data_only() -> None:
    images = np.zeros((40, 1, 2, 2), np.float32)
    train = ImageDataset("train", images, np.arange(40) % 2, ("a", "b"))
    test = ImageDataset("test", images[:5], np.zeros(5), ("a", "b"))
    splits = Splits.of_two(train, test, validation=0.25)
    assert (len(splits.train), len(splits.validation), splits.test({})) == (30, 10, test)
    assert np.bincount(splits.validation.labels).tolist() == [5, 5]


def test_three_parts_and_no_other_number() -> None:
    with pytest.raises(UsageError, match="three parts"):
        Splits.of(digits(), (0.8, 0.2))
