from __future__ import annotations

import numpy as np
import pytest

from minidl.data import Dataset
from minidl.errors import DataError


def images(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize(
    ("pictures", "labels", "message"),
    [
        (images(2, 8, 8), [0, 1], r"must be \(N, C, H, W\)"),
        (images(2, 1, 8, 8), [0, 1, 1], "2 images but labels of shape"),
        (images(2, 1, 8, 8), [0, 3], "0 to 3.*there are 3 classes"),
        (images(2, 1, 8, 8), [-1, 0], "-1 to 0"),
    ],
)
def test_what_does_not_fit_together_is_refused(pictures: np.ndarray, labels: list[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Dataset("bad", pictures, np.array(labels), ("a", "b", "c"))


def test_a_subset_keeps_the_order_asked_for() -> None:
    data = Dataset("three", np.arange(3, dtype=np.float32).reshape(3, 1, 1, 1), np.array([0, 1, 2]), ("a", "b", "c"))
    chosen = data.subset(np.array([2, 0]))
    assert chosen.images.ravel().tolist() == [2, 0]
    assert chosen.labels.tolist() == [2, 0]
