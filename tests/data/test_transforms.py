from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from minidl.data import RandomWarp, Standardize
from minidl.data.transforms import sample
from minidl.errors import DataError


def some_images(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).random(shape).astype(np.float32)


def test_sampling_agrees_with_scipy_inside_and_outside_the_image() -> None:
    images = some_images(3, 2, 5, 7)
    rng = np.random.default_rng(0)
    y, x = rng.uniform(-3, 8, (3, 4, 6)).astype(np.float32), rng.uniform(-3, 10, (3, 4, 6)).astype(np.float32)
    found = sample(images, y, x)
    assert found.shape == (3, 2, 4, 6)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    for n in range(3):
        for c in range(2):
            expected = map_coordinates(images[n, c], [y[n], x[n]], order=1, mode="grid-constant", cval=0.0)
            np.testing.assert_allclose(found[n, c], expected, atol=2e-6)


def test_whole_positions_copy_pixels_exactly_and_far_outside_is_background() -> None:
    images = some_images(1, 1, 4, 4)
    y, x = np.meshgrid(np.arange(4, dtype=np.float32), np.arange(4, dtype=np.float32), indexing="ij")
    assert np.array_equal(sample(images, y[None], x[None]), images)
    moved = sample(images, y[None] + 1, x[None])
    assert np.array_equal(moved[0, 0, :3], images[0, 0, 1:])
    assert not moved[0, 0, 3].any()
    assert not sample(images, y[None] + 1e6, x[None] - 1e6).any()


def test_a_turn_by_a_right_angle_is_numpys() -> None:
    class Always:
        def uniform(self, low: float, high: float, shape: tuple[int, ...]) -> np.ndarray:
            values = np.zeros(shape)
            values[0] = 1  # the whole angle, no zoom, no shift
            return values

    images = some_images(2, 1, 6, 6)
    turned = RandomWarp(shift=0.5, degrees=90, zoom=1.5)(images, Always())  # type: ignore[arg-type]
    np.testing.assert_allclose(turned, np.rot90(images, -1, axes=(2, 3)), atol=1e-5)


def test_zoom_enlarges_about_the_centre() -> None:
    class Always:
        def uniform(self, low: float, high: float, shape: tuple[int, ...]) -> np.ndarray:
            values = np.zeros(shape)
            values[1] = 1  # the whole zoom
            return values

    images = np.zeros((1, 1, 9, 9), np.float32)
    images[0, 0, 3:6, 3:6] = 1
    larger = RandomWarp(shift=0, degrees=0, zoom=2)(images, Always())  # type: ignore[arg-type]
    assert larger[0, 0, 4].tolist() == [0, 0.5, 1, 1, 1, 1, 1, 0.5, 0]


def test_each_image_is_warped_its_own_way_within_the_limits() -> None:
    images = np.zeros((200, 1, 21, 21), np.float32)
    images[:, 0, 10, 10] = 1
    warped = RandomWarp(shift=2, degrees=0, zoom=1)(images, np.random.default_rng(0))[:, 0]
    rows = (warped.sum(2) * np.arange(21)).sum(1) - 10
    columns = (warped.sum(1) * np.arange(21)).sum(1) - 10
    for offsets in (rows, columns):
        assert np.abs(offsets).max() <= 2 + 1e-5
        assert offsets.max() > 1.5
        assert offsets.min() < -1.5
        assert len(np.unique(offsets)) > 150


def test_the_same_generator_gives_the_same_warp() -> None:
    images, warp = some_images(4, 1, 8, 8), RandomWarp(0.7, 10, 1.1)
    first, again = (warp(images, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, warp(images, np.random.default_rng(4)))


def test_standardized_pixels_have_mean_0_and_deviation_1_in_each_channel() -> None:
    images = some_images(50, 3, 4, 4) * np.array([1, 5, 9], np.float32)[:, None, None] + 2
    out = Standardize.fit(images)(images)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out.mean(axis=(0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(out.std(axis=(0, 2, 3)), 1, atol=1e-5)


def test_blank_images_cannot_be_standardized() -> None:
    with pytest.raises(DataError, match=r"channel 0 .* same everywhere"):
        Standardize.fit(np.ones((3, 1, 2, 2), np.float32))
