"""MNIST and its relatives: folders of IDX files."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .embedded import TEN_DIGITS
from .images import ImageDataset

_UNSIGNED_BYTE = 0x08


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, plain or compressed with gzip (told apart by content, not by name).

    Args:
        path: the file, such as `train-images-idx3-ubyte.gz`.

    Returns:
        The array, with as many axes as the file says.

    Raises:
        DataError: the file is missing, damaged, truncated, or not an IDX file of unsigned bytes.

    Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", section on file formats.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (EOFError, OSError, zlib.error) as error:
            raise DataError(f"{path} is damaged or cut short ({error}); fetch it again") from error
    return _parse(content, path)


def _parse(content: bytes, path: Path) -> NDArray[np.uint8]:
    if len(content) < 4 or content[:2] != b"\0\0":
        raise DataError(f"{path} is not an IDX file: it must begin with two zero bytes")
    kind, axes = content[2], content[3]
    if kind != _UNSIGNED_BYTE:
        raise DataError(f"{path} holds elements of IDX type 0x{kind:02x}; only unsigned bytes (0x08) are supported")
    start = 4 + 4 * axes
    if len(content) < start:
        raise DataError(f"{path} is cut short: its header ends after {len(content)} of {start} bytes")
    shape = struct.unpack(f">{axes}I", content[4:start])
    expected = math.prod(shape)
    if len(content) - start != expected:
        sizes = "×".join(map(str, shape))
        raise DataError(
            f"{path} is damaged: its header promises {sizes} = {expected:,} bytes, but {len(content) - start:,} follow"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def idx_folder(folder: Path, part: str) -> ImageDataset:
    """Load one part of MNIST, or of a data set in MNIST's format such as Fashion-MNIST, from its two IDX files.

    Args:
        folder: where the four files are, each with or without `.gz`.
        part: `train` (60,000 images in MNIST) or `t10k` (the 10,000 test images).

    Returns:
        Images `(N, 1, H, W)` in [0, 1] and labels 0 to 9.

    Raises:
        DataError: a file is missing (the message says what to put where), damaged, or does not fit the other.
    """
    names = [f"{part}-{rest}" for rest in ("images-idx3-ubyte", "labels-idx1-ubyte")]
    images, labels = read_idx_pair(*(find_idx(folder, name) for name in names))
    return ImageDataset(folder.name, images, labels, TEN_DIGITS)


def read_idx_pair(images_file: Path, labels_file: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read images `(N, 1, H, W)` and their labels `(N,)` from two IDX files that belong together.

    Raises:
        DataError: a file is damaged, or does not fit the other.
    """
    images, labels = read_idx(images_file), read_idx(labels_file)
    _expect_axes(images, 3, images_file, "images")
    _expect_axes(labels, 1, labels_file, "labels")
    if len(images) != len(labels):
        raise DataError(f"{images_file} holds {len(images):,} images but {labels_file.name} {len(labels):,} labels")
    return images[:, np.newaxis], labels


def find_idx(folder: Path, name: str) -> Path:
    """Return the path of the file `name` or `name.gz` in a folder.

    Raises:
        DataError: neither is there; the message says what to put where.
    """
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise DataError(
        f"{name}(.gz) is not in {folder}. Put MNIST's four files there: train-images-idx3-ubyte, "
        "train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each with or without .gz"
    )


def _expect_axes(array: NDArray[Any], axes: int, path: Path, what: str) -> None:
    if array.ndim != axes or 0 in array.shape:
        raise DataError(f"{path} should hold {what}, an array with {axes} axes; it has the shape {array.shape}")
