"""IDX files: MNIST's format, its damage, and the real thing where it is at hand."""

from __future__ import annotations

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from minidl.data import idx_folder, read_idx
from minidl.errors import DataError


def idx(array: np.ndarray, kind: int = 8) -> bytes:
    return bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_folder(folder: Path, compress: bool = False) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (30, 6, 5), np.uint8), rng.integers(0, 10, 30, np.uint8)
    for part in ("train", "t10k"):
        for name, array in ((f"{part}-images-idx3-ubyte", images), (f"{part}-labels-idx1-ubyte", labels)):
            if compress:
                (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array), mtime=0))
            else:
                (folder / name).write_bytes(idx(array))
    return images, labels


@pytest.mark.parametrize("compress", [False, True])
def test_a_folder_is_read_plain_or_compressed(tmp_path: Path, compress: bool) -> None:
    images, labels = write_folder(tmp_path, compress)
    data = idx_folder(tmp_path, "train")
    np.testing.assert_allclose(data.images, images[:, None] / 255, rtol=1e-6)
    assert data.images.dtype == np.float32
    assert data.labels.tolist() == labels.tolist()
    assert data.image_shape == (1, 6, 5)


def test_a_missing_file_says_what_to_put_where(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="train-images-idx3-ubyte") as caught:
        idx_folder(tmp_path, "train")
    assert str(tmp_path) in str(caught.value)
    assert "t10k-labels-idx1-ubyte" in str(caught.value)


WHOLE = idx(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an IDX file"),
        (b"P5 28 28 255 ", "not an IDX file"),
        (WHOLE[:9], "cut short"),
        (WHOLE[:-1], "promises 2×3×4 = 24 bytes, but 23 follow"),
        (WHOLE + b"x", "but 25 follow"),
        (idx(np.zeros(3, np.uint8), kind=0x0D), "type 0x0d"),
        (gzip.compress(WHOLE, mtime=0)[:-9], "damaged or cut short"),
        (gzip.compress(WHOLE, mtime=0)[:14] + b"\xff\xff" + gzip.compress(WHOLE, mtime=0)[16:], "damaged or cut short"),
    ],
    ids=["empty", "picture", "half a header", "a byte short", "a byte long", "floats", "gzip cut", "gzip changed"],
)
def test_damaged_files_are_found(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_idx(path)


def test_a_header_that_promises_a_universe_allocates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes([0, 0, 8, 3]) + b"\xff" * 12)
    with pytest.raises(DataError, match="but 0 follow"):
        read_idx(path)


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    write_folder(tmp_path)
    labels = tmp_path / "train-labels-idx1-ubyte"
    labels.write_bytes(idx(np.zeros(29, np.uint8)))
    with pytest.raises(DataError, match=r"30 images but .* 29 labels"):
        idx_folder(tmp_path, "train")
    labels.write_bytes(idx(np.full(30, 10, np.uint8)))
    with pytest.raises(DataError, match="labels run from 10 to 10"):
        idx_folder(tmp_path, "train")
    labels.write_bytes(idx(np.zeros((30, 1), np.uint8)))
    with pytest.raises(DataError, match="an array with 1 axes"):
        idx_folder(tmp_path, "train")


@pytest.mark.skipif("MINIDL_TEST_DATA" not in os.environ, reason="set MINIDL_TEST_DATA to a folder that holds mnist/")
def test_the_real_mnist() -> None:
    data = idx_folder(Path(os.environ["MINIDL_TEST_DATA"]) / "mnist", "t10k")
    assert data.images.shape == (10_000, 1, 28, 28)
    assert np.bincount(data.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert data.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
