"""Windows of every kind, given to the kernels directly: the reference is one line a window."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from minidl.kernels.cpu import im2col, windows

Array = np.ndarray[Any, Any]


def test_the_maximum_of_windows_with_gaps_in_every_axis_and_of_none() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 5, 7, 8, 3))
    firsts = tuple(np.array(f) for f in ([0, 1], [0, 2, 6], [1, 0]))
    counts = tuple(np.array(c) for c in ([2, 2], [3, 0, 1], [3, 2]))
    step = (3, 2, 2)
    best, position = np.empty((2, 2, 3, 2, 3)), np.empty((2, 2, 3, 2, 3), np.int64)
    windows.max_windows(x, best, position, -np.inf, firsts, counts, step)
    for n, p, o, j, q in np.ndindex(best.shape):
        z, i, k = (f[a] + s * np.arange(c[a]) for f, c, s, a in zip(firsts, counts, step, (p, o, j), strict=True))
        window = x[n][np.ix_(z, i, k)][..., q]
        assert best[n, p, o, j, q] == window.max(initial=-np.inf)
        place = position[n, p, o, j, q]
        assert place == -1 if window.size == 0 else x[n, ..., q].ravel()[place] == window.max()


def test_sums_of_many_and_of_no_pixels() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((2, 6, 3)), np.full((2, 4, 3), np.nan)
    start, pixel = np.array([0, 2, 2, 3, 6]), np.array([5, 0, 3, 1, 1, 4])
    weight = rng.standard_normal(6)
    windows.weighted_sums(x, y, start, pixel, weight)
    for i, (a, b) in enumerate(itertools.pairwise(start)):
        np.testing.assert_allclose(y[:, i], np.einsum("k,akb->ab", weight[a:b], x[:, pixel[a:b]]), atol=1e-14)


@pytest.mark.parametrize("images", [1, 2, 3, 5])
def test_a_task_may_take_several_images(images: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    g, w = rng.standard_normal((5, 3, 4, 4)), rng.standard_normal((3, 2, 3, 3))
    geometry = ((4, 4), (1, 1), (1, 1), (1, 1), 1)
    alone = np.concatenate([im2col.conv_input(g[i : i + 1], w, *geometry) for i in range(5)])
    monkeypatch.setattr(im2col, "PARTS", 1)
    monkeypatch.setattr(im2col, "BLOCK_BYTES", images * 4 * 4 * 18 * 8)  # as many rows of 3·3·2 doubles
    np.testing.assert_allclose(im2col.conv_input(g, w, *geometry), alone, rtol=1e-12, atol=1e-12)


def test_windows_that_leave_an_image_of_one_line_see_zeros() -> None:
    rng = np.random.default_rng(3)
    x, w = rng.standard_normal((2, 3, 1, 5)), rng.standard_normal((4, 3, 3, 3))
    here = im2col.conv(x, w, (1, 5), (1, 1), (1, 1), (1, 1), 1)
    padded = im2col.conv(np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))), w, (1, 5), (1, 1), (0, 0), (1, 1), 1)
    np.testing.assert_allclose(here, padded, rtol=1e-12, atol=1e-12)
