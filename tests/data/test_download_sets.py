"""Data sets that are downloaded: where they are put, and what is taken out of their archives."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.data import CIFAR10, EMNIST, MNIST
from minidl.data.download import Remote
from minidl.errors import DataError


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape) + array.tobytes()


def packed(array: np.ndarray) -> bytes:
    return gzip.compress(idx(array), mtime=0)


def test_mnist_is_downloaded_where_torchvision_would_put_it_and_then_read_offline(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (5, 28, 28), np.uint8), np.arange(5, dtype=np.uint8)
    files = {"t10k-images-idx3-ubyte.gz": packed(images), "t10k-labels-idx1-ubyte.gz": packed(labels)}
    server.files = {f"/mnist/{name}": content for name, content in files.items()}
    monkeypatch.setattr(MNIST, "mirrors", (server.url("/down/"), server.url("/mnist/")))
    monkeypatch.setattr(
        MNIST, "checksums", {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    )
    with pytest.raises(DataError, match="t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte must all be in") as caught:
        MNIST(tmp_path, train=False)
    assert "download=True" in str(caught.value)
    assert server.url("/down/t10k-images-idx3-ubyte.gz") in str(caught.value)
    data = MNIST(tmp_path, train=False, download=True)
    assert {path.name for path in (tmp_path / "MNIST" / "raw").iterdir()} == set(files)
    asked = len(server.asked)
    monkeypatch.setenv("MINIDL_DATA", str(tmp_path))
    again = MNIST(train=False, download=True)
    assert len(server.asked) == asked
    for each in (data, again):
        assert np.array_equal(each.data[:, 0], images)
        assert each.labels.tolist() == labels.tolist()
        assert each.name == "MNIST"


def cifar_archive(records: dict[str, np.ndarray]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in {**records, "../outside": np.zeros(3, np.uint8)}.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = content.nbytes
            archive.addfile(member, io.BytesIO(content.tobytes()))
    return file.getvalue()


def test_cifar_is_taken_out_of_its_archive_and_nothing_else_is(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    names = [*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"]
    records = {name: rng.integers(0, 10, (2, 3073), np.uint8) for name in names}
    server.files["/cifar"] = cifar_archive(records)
    checksum = hashlib.sha256(server.files["/cifar"]).hexdigest()
    monkeypatch.setattr(CIFAR10, "archive", Remote("cifar.tar.gz", checksum, (server.url("/cifar"),)))
    train = CIFAR10(tmp_path, download=True)
    assert len(train) == 10
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted([*names, "cifar-10-batches-bin"])
    expected = np.concatenate([records[name] for name in names[:5]])
    assert np.array_equal(train.data.reshape(10, -1), expected[:, 1:])
    assert train.labels.tolist() == expected[:, 0].tolist()
    assert len(CIFAR10(tmp_path, train=False)) == 2
    assert len(server.asked) == 1


def test_an_archive_without_the_files_is_refused(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.files["/cifar"] = cifar_archive({})
    checksum = hashlib.sha256(server.files["/cifar"]).hexdigest()
    monkeypatch.setattr(CIFAR10, "archive", Remote("cifar.tar.gz", checksum, (server.url("/cifar"),)))
    with pytest.raises(DataError, match="not CIFAR10's archive"):
        CIFAR10(tmp_path, download=True)


def test_emnist_stands_upright(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lying = np.arange(2 * 28 * 28, dtype=np.uint16).astype(np.uint8).reshape(2, 28, 28)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("gzip/emnist-letters-train-images-idx3-ubyte.gz", packed(lying))
        archive.writestr("gzip/emnist-letters-train-labels-idx1-ubyte.gz", packed(np.array([1, 26], np.uint8)))
    server.files["/gzip.zip"] = file.getvalue()
    checksum = hashlib.sha256(file.getvalue()).hexdigest()
    monkeypatch.setattr(EMNIST, "archive", Remote("gzip.zip", checksum, (server.url("/gzip.zip"),)))
    data = EMNIST(tmp_path, "letters", download=True)
    assert np.array_equal(data.data[:, 0], lying.swapaxes(1, 2))
    assert [data.classes[label] for label in data.labels] == ["a", "z"]
    with pytest.raises(DataError, match="not EMNIST's archive"):
        EMNIST(tmp_path, "digits", download=True)
