"""Corruptions do what their names say, more of it with each severity, and repeat under a seed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import zoom

from minidl.data import CORRUPTIONS, Corruption, DataLoader, ImageDataset, corrupt, digits
from minidl.errors import DtypeError, ShapeError, UsageError

IMAGES = zoom(digits().images[:40], (1, 3, 3, 3), order=1)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_each_severity_changes_more_than_the_last(name: str) -> None:
    before = IMAGES.copy()
    spoilt = [corrupt(IMAGES, name, severity, seed=1) for severity in range(1, 6)]
    assert np.array_equal(IMAGES, before)
    for images in spoilt:
        assert images.shape == IMAGES.shape
        assert images.dtype == np.float32
        assert images.min() >= 0
        assert images.max() <= 1
    damage = [float(np.square(images - IMAGES).mean()) for images in spoilt]
    assert damage[0] > 0
    assert damage == sorted(damage)
    assert len(set(damage)) == 5


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_same_seed_the_same_damage(name: str) -> None:
    assert np.array_equal(corrupt(IMAGES, name, seed=2), corrupt(IMAGES, name, seed=2))
    random = name in ("gaussian noise", "shot noise", "impulse noise", "occlusion", "rotate", "shift")
    assert np.array_equal(corrupt(IMAGES, name, seed=2), corrupt(IMAGES, name, seed=3)) is not random


def half(size: int = 9) -> np.ndarray:
    return np.full((200, 1, size, size), 0.5, np.float32)


def test_amounts_are_as_stated() -> None:
    assert corrupt(half(32), "gaussian noise", 2).std() == pytest.approx(0.08, rel=0.02)
    assert corrupt(half(32), "shot noise", 3).std() == pytest.approx(np.sqrt(0.5 / 25), rel=0.02)
    salt = corrupt(half(32), "impulse noise", 5)
    assert ((salt == 0).mean(), (salt == 1).mean()) == pytest.approx((0.1, 0.1), rel=0.05)
    np.testing.assert_allclose(corrupt(half(), "brightness", 1), 0.6, rtol=1e-6)
    np.testing.assert_allclose(corrupt(half(), "darkness", 5), 0.1, rtol=1e-6)
    np.testing.assert_allclose(corrupt(IMAGES, "contrast", 2).mean((2, 3)), IMAGES.mean((2, 3)), atol=1e-6)
    np.testing.assert_allclose(corrupt(half(), "blur", 5), 0.5, rtol=1e-6)  # what is even stays so up to the border


def test_the_square_is_whole_and_somewhere_else_each_time() -> None:
    white = np.ones((3000, 2, 20, 20), np.float32)
    hidden = corrupt(white, "occlusion", 3) == 0.5
    assert (hidden.sum((2, 3)) == 49).all()  # 0.35 · 20 = 7
    assert np.array_equal(hidden[:, 0], hidden[:, 1])
    assert len({h.tobytes() for h in hidden[:, 0]}) > 50
    assert hidden.any(0).all()  # every corner can be hit


def test_a_turn_is_by_the_angle() -> None:
    line = np.zeros((1, 1, 41, 41), np.float32)
    line[..., 20, :] = 1
    turned = corrupt(line, "rotate", 4)[0, 0]
    rows, columns = np.nonzero(turned > 0.5)
    slope = np.polyfit(columns, rows, 1)[0]
    assert abs(np.rad2deg(np.arctan(slope))) == pytest.approx(30, abs=1)


def test_pixels_are_merged_in_blocks() -> None:
    ramp = np.arange(8, dtype=np.float32).reshape(1, 1, 1, 8).repeat(8, 2) / 8
    assert (corrupt(ramp, "pixelate", 5)[0, 0, 0] * 8).tolist() == [1.5, 1.5, 1.5, 1.5, 5.5, 5.5, 5.5, 5.5]


def test_it_is_a_transform_for_a_loader() -> None:
    data = ImageDataset("half", half(), np.zeros(200), ("a",))
    first, again = (list(DataLoader(data, 50, transforms=[Corruption("gaussian noise")])) for _ in range(2))
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0][0], first[1][0])


@pytest.mark.parametrize(("name", "severity"), [("fog", 3), ("blur", 0), ("blur", 6)])
def test_unknown_ones_are_refused(name: str, severity: int) -> None:
    with pytest.raises(UsageError, match="gaussian noise, shot noise"):
        Corruption(name, severity)


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("shape", [(0, 3, 4, 6), (2, 1, 1, 1), (2, 3, 5, 8)])
def test_corruptions_keep_shape_dtype_range_and_their_input(name: str, shape: tuple[int, ...]) -> None:
    images = np.random.default_rng(0).random(shape).astype(np.float32)
    before = images.copy()
    for severity in (1, 5):
        spoilt = corrupt(images, name, severity)
        assert (spoilt.shape, spoilt.dtype) == (shape, np.float32)
        assert spoilt.size == 0 or 0 <= spoilt.min() <= spoilt.max() <= 1
    assert np.array_equal(images, before)


def test_images_that_are_no_images_are_refused() -> None:
    with pytest.raises(DtypeError, match="divide bytes by 255"):
        corrupt(np.zeros((1, 1, 4, 4), np.uint8), "blur")
    with pytest.raises(ShapeError, match=r"\(N, C, H, W\)"):
        corrupt(np.zeros((1, 4, 4), np.float32), "blur")
