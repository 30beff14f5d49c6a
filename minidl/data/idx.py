"""MNIST and its relatives: folders of IDX files."""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, UsageError
from .embedded import TEN_DIGITS
from .images import ImageDataset

_UNSIGNED_BYTE = 0x08
_GZIP = b"\x1f\x8b"
_MOST_AXES = 8
_PIECE = 1 << 20
_MOST_EXPANSION = 1032
"""Deflate cannot pack a byte into less than a 1032nd of one, so a file that promises more than that is no such file."""


def read_idx(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, plain or compressed with gzip (told apart by content, not by name).

    No more is unpacked than the file's header promises, so that a small file cannot fill the memory unannounced.

    Args:
        path: the file, such as `train-images-idx3-ubyte.gz`.

    Returns:
        The array, with as many axes as the file says.

    Raises:
        DataError: the file is missing, damaged, truncated, or not an IDX file of unsigned bytes.

    Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", section on file formats.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            if file.read(2) != _GZIP:
                file.seek(0)
                return _read(file, path, size)
            file.seek(0)
            with gzip.open(file, "rb") as unpacked:
                return _read(unpacked, path, size * _MOST_EXPANSION)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is damaged or cut short ({error}); {_REMEDY}") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error


_REMEDY = "delete it and fetch it again"


def _read(file: IO[bytes] | gzip.GzipFile, path: Path, most: int) -> NDArray[np.uint8]:
    """Read what `path` holds, unpacked, from `file`; there can be at most `most` bytes in it."""
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0":
        raise DataError(f"{path} is not an IDX file: it must begin with two zero bytes")
    kind, axes = start[2], start[3]
    if kind != _UNSIGNED_BYTE:
        raise DataError(f"{path} holds elements of IDX type 0x{kind:02x}; only unsigned bytes (0x08) are supported")
    if not 1 <= axes <= _MOST_AXES:
        raise DataError(f"{path} is damaged: it claims to have {axes} axes; images have 3 and labels 1")
    header = file.read(4 * axes)
    if len(header) < 4 * axes:
        raise DataError(f"{path} is cut short: its header ends after {4 + len(header)} of {4 + 4 * axes} bytes")
    shape = struct.unpack(f">{axes}I", header)
    expected = math.prod(shape)
    promise = f"its header promises {'×'.join(map(str, shape))} = {expected:,} bytes"
    if expected > most:
        raise DataError(f"{path} is damaged: {promise}, but at most {most:,} can follow; {_REMEDY}")
    try:
        content = np.empty(expected, np.uint8)
    except MemoryError:
        raise DataError(f"{path} does not fit in memory: {promise}") from None
    have = 0
    while have < expected and (piece := file.read(min(expected - have, _PIECE))):
        content[have : have + len(piece)] = np.frombuffer(piece, np.uint8)
        have += len(piece)
    more = len(file.read(1))  # also makes gzip compare its checksum, at the end
    if have < expected or more:
        raise DataError(f"{path} is damaged: {promise}, but {'more' if more else f'{have:,}'} follow; {_REMEDY}")
    return content.reshape(shape)


def idx_folder(folder: str | os.PathLike[str], part: str) -> ImageDataset:
    """Load one part of MNIST, or of a data set in MNIST's format such as Fashion-MNIST, from its two IDX files.

    Args:
        folder: where the four files are, each with or without `.gz`.
        part: `train` (60,000 images in MNIST) or `t10k` (the 10,000 test images).

    Returns:
        Images `(N, 1, H, W)` in [0, 1] and labels 0 to 9.

    Raises:
        UsageError: another part.
        DataError: a file is missing (the message says what to put where), damaged, or does not fit the other.
    """
    if part not in ("train", "t10k"):
        raise UsageError(f"the parts of MNIST's files are train and t10k (the test images); got {part!r}")
    folder = Path(folder)
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
