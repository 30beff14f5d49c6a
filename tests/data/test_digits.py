"""The embedded digits are the ones scikit-learn ships, and damage to them is found."""

from __future__ import annotations

import hashlib
import io
from importlib import resources

import numpy as np
import pytest

from minidl.data import digits
from minidl.data.embedded import DIGITS_SHA256, _parse
from minidl.errors import DataError


def content() -> bytes:
    return resources.files("minidl.data").joinpath("digits", "digits.npz").read_bytes()


def test_they_are_the_digits_of_scikit_learn() -> None:
    data = digits()
    assert data.images.shape == (1797, 1, 8, 8)
    assert data.images.dtype == np.float32
    assert data.labels.dtype == np.int64
    assert (data.images.min(), data.images.max()) == (0.0, 1.0)
    assert np.bincount(data.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    # sklearn.datasets.load_digits(): data.sum() and the first row of the first image
    assert float((data.images * 16).sum(dtype=np.float64)) == 561718.0
    assert (data.images[0, 0, 0] * 16).tolist() == [0, 0, 5, 13, 9, 1, 0, 0]


def test_licence_and_changes_are_stated_beside_the_file() -> None:
    text = resources.files("minidl.data").joinpath("digits", "LICENSE.txt").read_text(encoding="utf-8")
    for part in ("Alpaydin", "Kaynak", "CC BY 4.0", "10.24432/C50P49", "scikit-learn", "What was changed"):
        assert part in text


@pytest.mark.parametrize("position", [0, 100, 20_000, -1])
def test_one_flipped_bit_is_found(position: int) -> None:
    damaged = bytearray(content())
    damaged[position] ^= 4
    with pytest.raises(DataError, match=r"digits\.npz is damaged.*reinstall"):
        _parse(bytes(damaged), DIGITS_SHA256)


def test_pickled_objects_are_refused_even_with_the_right_checksum() -> None:
    file = io.BytesIO()
    np.savez(file, images=np.array([{}], dtype=object), labels=np.zeros(1, np.uint8))
    with pytest.raises(DataError, match="does not hold images and labels"):
        _parse(file.getvalue(), hashlib.sha256(file.getvalue()).hexdigest())


def test_an_archive_without_labels_is_refused() -> None:
    file = io.BytesIO()
    np.savez(file, images=np.zeros((1, 8, 8), np.uint8))
    with pytest.raises(DataError, match="labels"):
        _parse(file.getvalue(), hashlib.sha256(file.getvalue()).hexdigest())
