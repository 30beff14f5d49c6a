"""Kernels that share their work among threads compute what those on one thread do."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.kernels.cpu import pooling
from minidl.kernels.geometry import adaptive_windows


@pytest.mark.parametrize("shared", [0, 1 << 60])
def test_pairs_are_pooled_and_spread(shared: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooling, "SHARED", shared)
    x = np.random.default_rng(0).standard_normal((3, 6, 4, 2))  # (N, H, W, C)
    best, position = np.zeros((3, 3, 2, 2)), np.zeros((3, 3, 2, 2), np.int64)
    pooling.finding(x, best, position, adaptive_windows((6, 4), (3, 2)))()
    np.testing.assert_array_equal(best, x.reshape(3, 3, 2, 2, 2, 2).max((2, 4)))
    found = np.take_along_axis(x.reshape(3, 24, 2), position.reshape(3, 6, 2), 1)
    np.testing.assert_array_equal(found, best.reshape(3, 6, 2))
    spread = np.ones_like(x)
    pooling.spreading(best, position, spread)()
    np.testing.assert_array_equal(spread, np.where(np.isin(x, best), x, 0))
