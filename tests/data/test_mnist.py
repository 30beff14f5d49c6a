"""MNIST and its relatives are found wherever they usually lie."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from minidl.data import EMNIST, KMNIST, MNIST, FashionMNIST
from minidl.errors import DataError, UsageError


def write(folder: Path, part: str = "train") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    images = np.arange(2 * 28 * 28, dtype=np.uint32).astype(np.uint8)
    header = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28])
    (folder / f"{part}-images-idx3-ubyte").write_bytes(header + images.tobytes())
    (folder / f"{part}-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 2, 3, 9]))


@pytest.mark.parametrize("place", ["", "FashionMNIST/raw", "FashionMNIST", "fashionmnist"])
def test_the_usual_places(tmp_path: Path, place: str) -> None:
    write(tmp_path / place)
    data = FashionMNIST(tmp_path)
    assert [data.classes[label] for label in data.labels] == ["Dress", "Ankle boot"]
    assert data.name == "FashionMNIST"
    assert data.image_shape == (1, 28, 28)


def test_one_part_is_no_excuse_for_the_other(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(DataError, match="KMNIST is not here: t10k-images"):
        KMNIST(tmp_path, train=False)


def test_transforms_reach_the_examples(tmp_path: Path) -> None:
    write(tmp_path)
    image, label = MNIST(tmp_path, transform=lambda image: image[:, :2, :3], target_transform=str)[1]
    assert image.shape == (1, 2, 3)
    assert label == "9"


def test_a_division_of_emnist_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="byclass, bymerge, balanced, letters, digits, mnist"):
        EMNIST(tmp_path, "numbers")


def test_published_checksums_are_whole() -> None:
    for data in (MNIST, FashionMNIST, KMNIST):
        assert len(data.checksums) == 4
        assert len(data.names) == 10
        assert len(set(data.checksums.values())) == 4
        assert all(len(bytes.fromhex(checksum)) == 32 for checksum in data.checksums.values())
    assert len({data.checksums["train-images-idx3-ubyte.gz"] for data in (MNIST, FashionMNIST, KMNIST)}) == 3


@pytest.mark.skipif("MINIDL_TEST_DATA" not in os.environ, reason="set MINIDL_TEST_DATA to a folder that holds mnist/")
def test_the_real_mnist_by_its_name() -> None:
    data = MNIST(os.environ["MINIDL_TEST_DATA"], train=False)
    assert np.bincount(data.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert data.images.mean() == pytest.approx(0.1325, abs=0.0001)
