"""The CPU's pooling and weighted sums against plain loops that follow the definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl.kernels.cpu import paths, pooling
from minidl.kernels.geometry import Taps, adaptive_windows, divisors, pool_windows, transposed, window_sums

Array = np.ndarray[Any, Any]
F: Any = minidl.nn.functional


def pixels(windows: Any, place: Any) -> list[tuple[int, ...]]:
    """The pixels of the window at `place`, in scan order."""
    lists = [range(int(w.first[i]), int(w.last[i]), w.step) for w, i in zip(windows, place, strict=True)]
    grids = np.meshgrid(*lists, indexing="ij")
    return list(zip(*(g.reshape(-1).tolist() for g in grids), strict=True))


def largest(image: Array, windows: Any) -> tuple[Array, Array]:
    """The first of the largest of each window, or the last NaN, one window at a time."""
    shape = tuple(len(w.first) for w in windows)
    best, where = np.full(shape, -np.inf), np.full(shape, -1)
    for place in np.ndindex(*shape):
        for pixel in pixels(windows, place):
            v = image[pixel]
            if where[place] < 0 or v > best[place] or np.isnan(v):
                best[place], where[place] = v, np.ravel_multi_index(pixel, image.shape)
    return best, where


def cases(axes: int) -> list[Any]:
    rng = np.random.default_rng(axes)
    drawn: list[Any] = []
    while len(drawn) < 30:
        size, kernel = tuple(rng.integers(1, 9 - axes, axes).tolist()), tuple(rng.integers(1, 4, axes).tolist())
        stride, dilation = (tuple(rng.integers(1, 4, axes).tolist()) for _ in range(2))
        padding = tuple(int(rng.integers(0, k // 2 + 1)) for k in kernel)
        windows = pool_windows(size, kernel, stride, padding, dilation, bool(rng.integers(2)))
        if all(len(w.first) for w in windows):
            drawn.append(pytest.param(size, windows, id=f"{size}-{kernel}-{stride}-{padding}-{dilation}-{len(drawn)}"))
    drawn += [(size := (7, 4, 3)[:axes], adaptive_windows(size, (3, 5, 2)[:axes]))]
    return drawn


@pytest.mark.parametrize(("size", "windows"), [*cases(1), *cases(2), *cases(3)])
def test_the_largest_of_each_window(size: Any, windows: Any) -> None:
    rng = np.random.default_rng(0)
    x = np.round(rng.standard_normal((2, 3, *size)))  # many ties
    x[rng.random(x.shape) < 0.1] = np.nan
    best, positions = pooling.max_pool(x, windows)
    for n, c in np.ndindex(2, 3):
        values, where = largest(x[n, c], windows)
        np.testing.assert_array_equal(best[n, c], values)
        np.testing.assert_array_equal(positions[n, c], where)
    g = rng.standard_normal(best.shape)
    back = pooling.plane_scatter(g, positions, size)
    t = rng.standard_normal(x.shape)
    np.testing.assert_allclose(np.sum(back * t), np.sum(g * pooling.plane_gather(t, positions)), rtol=1e-12)


@pytest.mark.parametrize(("size", "windows"), [*cases(1), *cases(2), *cases(3)])
def test_the_sum_over_each_window_and_its_transpose(size: Any, windows: Any) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, *size))
    taps = [window_sums(w) for w in windows]
    total = pooling.weighted_sums(x, taps)
    for place in np.ndindex(*total.shape[2:]):
        wanted = sum((x[(..., *pixel)] for pixel in pixels(windows, place)), np.zeros((2, 3)))
        np.testing.assert_allclose(total[(..., *place)], wanted, rtol=1e-12, atol=1e-12)
    g = rng.standard_normal(total.shape)
    back = pooling.weighted_sums(g, [transposed(t) for t in taps])
    np.testing.assert_allclose(np.sum(back * x), np.sum(g * total), rtol=1e-10, atol=1e-12)
    counts = divisors(windows, np.float64)
    ones = pooling.weighted_sums(np.ones((1, 1, *size)), taps)
    np.testing.assert_array_equal(ones[0, 0], np.where(ones[0, 0] > 0, counts, 0))


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8"])
@pytest.mark.parametrize("size", [(6, 8), (7, 9), (2, 3), (28, 28)])
def test_pairs_give_what_other_windows_give(size: Any, dtype: Any) -> None:
    rng = np.random.default_rng(1)
    x = np.round(3 * rng.standard_normal((3, 5, *size))).astype(dtype)
    if dtype != "i8":
        x[rng.random(x.shape) < 0.1] = np.nan
        x[rng.random(x.shape) < 0.1] = -np.inf
    windows = pool_windows(size, (2, 2), (2, 2), (0, 0), (1, 1), False)
    assert pooling._layout(windows).pairs
    fast = pooling.max_pool(x, windows)
    with paths.without("pooling"):
        plain = pooling.max_pool(x, windows)
    for a, b in zip(fast, plain, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation"),
    [
        ((2, 2), (2, 1), (0, 0), (1, 1)),
        ((2, 3), (2, 2), (0, 0), (1, 1)),
        ((2, 2), (2, 2), (1, 0), (1, 1)),
        ((2, 2), (2, 2), (0, 0), (1, 2)),
    ],
)
def test_only_pairs_side_by_side_are_taken_for_such(kernel: Any, stride: Any, padding: Any, dilation: Any) -> None:
    assert not pooling._layout(pool_windows((8, 8), kernel, stride, padding, dilation, False)).pairs


def test_a_transposed_twice_is_itself() -> None:
    taps = Taps(4, np.array([0, 2, 2, 3]), np.array([3, 0, 3]), np.array([1.0, 2.0, 3.0]))
    again = transposed(transposed(taps))
    x = np.arange(4.0).reshape(1, 1, 4)
    assert (
        pooling.weighted_sums(x, [taps]).tolist() == pooling.weighted_sums(x, [again]).tolist() == [[[3.0, 0.0, 9.0]]]
    )


def test_nan_reaches_the_maximum() -> None:
    image = np.array([[[[1.0, np.nan], [3.0, 2.0]]]])
    assert np.isnan(minidl.max_pool2d(minidl.tensor(image), 2).item())


def test_negative_images_are_not_pooled_with_their_padding() -> None:
    assert minidl.max_pool2d(minidl.full((1, 1, 2, 2), -5.0), 3, 1, 1).data.max() == -5


def test_whole_numbers_are_pooled_as_they_are() -> None:
    image = minidl.arange(16).reshape(1, 4, 4) - 8
    assert minidl.max_pool2d(image, 2).tolist() == [[[-3, -1], [5, 7]]]
    assert F.avg_pool2d(image, 2).tolist() == [[[-5, -3], [2, 4]]]  # towards zero, as in PyTorch
    assert F.avg_pool2d(image, 2).dtype == minidl.int64


@pytest.mark.parametrize("dtype", [minidl.bool_, minidl.float16])
def test_numbers_without_kernels_are_refused_by_name(dtype: Any) -> None:
    image = minidl.ones(1, 1, 4, 4, dtype=dtype)
    for pool in (F.max_pool2d, F.avg_pool2d):
        with pytest.raises(minidl.MinidlError, match=f"got {dtype}; convert"):
            pool(image, 2)


def test_a_mean_of_equal_numbers_is_that_number() -> None:
    for k in range(1, 12):
        np.testing.assert_allclose(
            F.avg_pool1d(minidl.full((1, 11), 0.1), k, 1).data, np.full((1, 12 - k), 0.1), rtol=1e-6
        )
        assert set(F.avg_pool1d(minidl.ones(1, 11), k, 1).tolist()[0]) == {1.0}
