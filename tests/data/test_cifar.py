"""CIFAR's binary files: what is in them, damage, and that the pickled version is not touched."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from minidl.data import CIFAR10, CIFAR100, cifar_folder
from minidl.data.cifar import read_cifar
from minidl.errors import DataError, UsageError


def records(count: int, label_bytes: int = 1) -> np.ndarray:
    made = np.random.default_rng(count).integers(0, 256, (count, label_bytes + 3072), np.uint8)
    made[:, :label_bytes] %= 10
    return made


def test_a_few_of_the_files_make_a_data_set(tmp_path: Path) -> None:
    first, second = records(3), records(2)
    (tmp_path / "data_batch_2.bin").write_bytes(second.tobytes())
    (tmp_path / "data_batch_1.bin").write_bytes(first.tobytes())
    (tmp_path / "test_batch.bin").write_bytes(second.tobytes())
    train, test = cifar_folder(tmp_path, "train"), cifar_folder(tmp_path, "test")
    assert train.labels.tolist() == [*first[:, 0], *second[:, 0]]
    assert np.array_equal(train.data[3:].reshape(2, -1), second[:, 1:])
    assert (len(test), train.image_shape) == (2, (3, 32, 32))
    with pytest.raises(UsageError, match="train and test"):
        cifar_folder(tmp_path, "t10k")
    with pytest.raises(DataError, match=r"CIFAR10 is not here: data_batch_1\.bin, .* data_batch_5\.bin must all be"):
        CIFAR10(tmp_path)  # the whole or nothing
    assert len(CIFAR10(tmp_path, train=False)) == 2


def test_the_fine_labels_of_cifar_100_count(tmp_path: Path) -> None:
    made = records(4, label_bytes=2)
    made[:, 1] = [0, 99, 5, 1]
    (tmp_path / "cifar-100-binary").mkdir()
    (tmp_path / "cifar-100-binary" / "train.bin").write_bytes(made.tobytes())
    data = CIFAR100(tmp_path)
    assert data.labels.tolist() == [0, 99, 5, 1]
    assert [data.classes[label] for label in data.labels] == ["apple", "worm", "bed", "aquarium_fish"]
    assert np.array_equal(data.data.reshape(4, -1), made[:, 2:])


@pytest.mark.parametrize("content", [b"", b"x" * 3072, b"x" * 3074])
def test_damage_is_found(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "test_batch.bin").write_bytes(content)
    with pytest.raises(DataError, match="cut short or not a file of CIFAR"):
        cifar_folder(tmp_path, "test")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no data_batch_1\.bin in"):
        cifar_folder(tmp_path, "train")
    with pytest.raises(DataError, match="cannot read"):
        read_cifar(tmp_path / "nothing.bin")


@pytest.mark.parametrize("folder", ["", "cifar-10-batches-py"])
def test_the_pickled_version_is_refused_with_a_hint(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / "data_batch_1").write_bytes(b"cos\nsystem\n(S'touch boom'\ntR.")
    for load in (CIFAR10, lambda path: cifar_folder(path / folder, "train")):
        with pytest.raises(DataError, match=r"pickled.*any code.*cifar-10-binary\.tar\.gz"):
            load(tmp_path)
    assert not Path("boom").exists()


@pytest.mark.skipif("MINIDL_TEST_DATA" not in os.environ, reason="set MINIDL_TEST_DATA to a folder that holds cifar10/")
def test_real_photographs() -> None:
    train = cifar_folder(Path(os.environ["MINIDL_TEST_DATA"]) / "cifar10", "train")
    assert np.bincount(train.labels).tolist() == [1000] * 10
    assert train.images.mean((0, 2, 3)) == pytest.approx([0.4914, 0.4822, 0.4465], abs=0.01)  # CIFAR-10's own means
