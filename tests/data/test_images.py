"""Labelled images in memory: what is refused, and that bytes and floats come out alike."""

from __future__ import annotations

import numpy as np
import pytest

from minidl import Tensor
from minidl.data import ImageDataset
from minidl.errors import DataError


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize(
    ("pictures", "labels", "message"),
    [
        (zeros(2, 8, 8), [0, 1], r"must be \(N, C, H, W\)"),
        (zeros(2, 1, 8, 8), [0, 1, 1], "2 images but labels of shape"),
        (zeros(2, 1, 8, 8), [0, 3], "0 to 3.*there are 3 classes"),
        (zeros(2, 1, 8, 8), [-1, 0], "-1 to 0"),
    ],
)
def test_what_does_not_fit_together_is_refused(pictures: np.ndarray, labels: list[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        ImageDataset("bad", pictures, np.array(labels), ("a", "b", "c"))


def three(**options: object) -> ImageDataset:
    pixels = np.arange(3, dtype=np.uint8).reshape(3, 1, 1, 1) * 100
    return ImageDataset("three", pixels, np.array([0, 1, 2]), ("a", "b", "c"), **options)


def test_a_subset_keeps_the_order_asked_for() -> None:
    chosen = three().subset(np.array([2, 0]))
    assert chosen.data.ravel().tolist() == [200, 0]
    assert chosen.labels.tolist() == [2, 0] == chosen.targets.tolist()


def test_bytes_stay_bytes_in_memory_and_come_out_as_floats_from_0_to_1() -> None:
    data = three()
    assert data.data.dtype == np.uint8
    whole, (images, labels), (image, label) = data.images, data.batch(np.array([1, 2])), data[1]
    assert whole.dtype == np.float32 == images.dtype == image.dtype
    assert whole.ravel().tolist() == [0, np.float32(100) / np.float32(255), np.float32(200) / np.float32(255)]
    assert np.array_equal(images, whole[1:])
    assert np.array_equal(image, whole[1])
    assert isinstance(images, Tensor)
    assert isinstance(image, Tensor)
    assert labels.dtype == np.int64
    assert (label, type(label)) == (1, int)


def test_floats_are_kept_and_an_example_is_a_copy() -> None:
    data = ImageDataset("one", zeros(1, 1, 2, 2), np.array([0]), ("a",))
    image, _ = data[0]
    image.data[...] = 7
    assert not data.images.any()


def test_transforms_of_examples_are_applied_alone_and_in_batches() -> None:
    data = three(transform=lambda image: image + 1, target_transform=lambda label: 10 * label)
    image, label = data[2]
    images, labels = data.batch(np.array([2, 0]))
    assert float(image.data.item()) == pytest.approx(1 + 200 / 255)
    assert label == 20
    np.testing.assert_allclose(images.data.ravel(), [1 + 200 / 255, 1])
    assert labels.tolist() == [20, 0]
    assert data.subset([1])[0][1] == 10
    assert data.with_labels(np.array([2, 2, 2]))[0][1] == 20


def test_its_repr_tells_what_it_is() -> None:
    assert repr(three()) == "ImageDataset('three': 3 images 1×1×1, 3 classes)"


def test_values_that_no_image_or_label_has_are_refused() -> None:
    with pytest.raises(DataError, match="uint8 from 0 to 255 or floating"):
        ImageDataset("some", np.zeros((2, 1, 2, 2), np.int64), np.zeros(2), ("a",))
    with pytest.raises(DataError, match="whole numbers"):
        ImageDataset("some", np.zeros((2, 1, 2, 2)), np.array([0, 0.5]), ("a", "b"))
