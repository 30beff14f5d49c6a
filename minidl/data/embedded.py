"""The data set that comes inside the package, so that the first run needs no download."""

from __future__ import annotations

import hashlib
import io
import zipfile
from importlib import resources

import numpy as np

from ..errors import DataError
from .images import ImageDataset

DIGITS_SHA256 = "b2dab7b501728c22e9119ad76740b2e17c77a231e42d1e592380d90886f1a05e"
"""The checksum of `digits/digits.npz`."""

TEN_DIGITS = tuple(str(digit) for digit in range(10))
"""The names of the classes of handwritten digits."""


def digits() -> ImageDataset:
    """Return the 1,797 handwritten digits of 8×8 pixels that come with minidl.

    Returns:
        Images `(1797, 1, 8, 8)` in [0, 1] and labels 0 to 9.

    Raises:
        DataError: the file is missing or is not the one minidl was released with.

    Source: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository,
    DOI 10.24432/C50P49, CC BY 4.0, as distributed with scikit-learn; see `digits/LICENSE.txt`.

    >>> data = digits()
    >>> data.images.shape, data.labels[:5]
    ((1797, 1, 8, 8), array([0, 1, 2, 3, 4]))
    """
    file = resources.files(__package__).joinpath("digits", "digits.npz")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise DataError(f"the digits that come with minidl cannot be read ({error}); reinstall minidl") from error
    return _parse(content, DIGITS_SHA256)


def _parse(content: bytes, expected_sha256: str) -> ImageDataset:
    found = hashlib.sha256(content).hexdigest()
    if found != expected_sha256:
        raise DataError(
            f"digits.npz is damaged: its SHA-256 is {found[:12]}…, not {expected_sha256[:12]}…; reinstall minidl"
        )
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            images, labels = archive["images"], archive["labels"]
    except (KeyError, ValueError, OSError, zipfile.BadZipFile) as error:
        raise DataError(f"digits.npz does not hold images and labels ({error}); reinstall minidl") from error
    pixels = images[:, np.newaxis].astype(np.float32) / np.float32(16)
    return ImageDataset("digits", pixels, labels.astype(np.int64), TEN_DIGITS)
