"""IDX files: MNIST's format, its damage, and the real thing where it is at hand."""

from __future__ import annotations

import gzip
import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from minidl.data import idx_folder, read_idx
from minidl.errors import DataError, UsageError


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
        (WHOLE + b"x", "but more follow"),
        (idx(np.zeros(3, np.uint8), kind=0x0D), "type 0x0d"),
        (bytes([0, 0, 8, 0]) + b"x", "claims to have 0 axes"),
        (bytes([0, 0, 8, 100]) + struct.pack(">100I", *[1] * 100) + b"x", "claims to have 100 axes"),
        (gzip.compress(WHOLE + b"x", mtime=0), "but more follow"),
        (gzip.compress(WHOLE[:-1], mtime=0), "but 23 follow"),
        (gzip.compress(WHOLE, mtime=0) + b"x", "damaged or cut short"),
        (gzip.compress(WHOLE, mtime=0)[:-5] + b"?" + gzip.compress(WHOLE, mtime=0)[-4:], "CRC check failed"),
        (gzip.compress(WHOLE, mtime=0)[:-9], "damaged or cut short"),
        (gzip.compress(WHOLE, mtime=0)[:14] + b"\xff\xff" + gzip.compress(WHOLE, mtime=0)[16:], "damaged or cut short"),
    ],
    ids=[
        "empty",
        "picture",
        "half a header",
        "a byte short",
        "a byte long",
        "floats",
        "no axes",
        "many axes",
        "packed long",
        "packed short",
        "tail",
        "sum",
        "gzip cut",
        "changed",
    ],
)
def test_damaged_files_are_found(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_idx(path)


def test_a_header_that_promises_a_universe_allocates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes([0, 0, 8, 3]) + b"\xff" * 12)
    with pytest.raises(DataError, match="but at most 16 can follow"):
        read_idx(path)
    path.write_bytes(gzip.compress(bytes([0, 0, 8, 3]) + b"\xff" * 12, mtime=0))
    with pytest.raises(DataError, match=r"but at most [\d,]{5,6} can follow"):
        read_idx(path)


def test_a_small_file_that_unpacks_to_a_large_one_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(idx(np.zeros(5, np.uint8)) + bytes(50_000_000), mtime=0))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="but more follow"):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_names_are_strings_or_paths_in_any_script_and_the_array_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "数字 ö").write_bytes(WHOLE)
    array = read_idx(str(tmp_path / "数字 ö"))
    array += 1
    assert array.ravel().tolist() == list(range(1, 25))
    with pytest.raises(DataError, match=r"cannot read .*directory"):
        read_idx(tmp_path)
    write_folder(tmp_path)
    assert len(idx_folder(str(tmp_path), "t10k")) == 30
    with pytest.raises(UsageError, match="train and t10k"):
        idx_folder(tmp_path, "test")


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
