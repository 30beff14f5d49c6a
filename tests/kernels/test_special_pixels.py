"""Infinite and undefined pixels, and sums that overflow, spoil in Winograd's tiles no more than in the sum as defined."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from minidl.kernels.cpu import convolution, paths, tiled

Array = np.ndarray[Any, Any]
P: Any = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1}

pytestmark = pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="takes minutes as plain Python")


def all_three(x: Array, w: Array, g: Array) -> list[Array]:
    with np.errstate(all="ignore"):
        return [
            convolution.conv(x, w, g.shape[2:], **P),
            convolution.conv_input(g, w, x.shape[2:], **P),
            convolution.conv_weight(g, x, (3, 3), **P),
        ]


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_what_is_not_finite_stays_where_it_is_seen(dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiled, "LEAST_PIXELS", 1)
    tiled.plan_of.cache_clear()
    rng = np.random.default_rng(0)
    x, w, g = (rng.standard_normal(s).astype(dtype) for s in ((3, 16, 12, 11), (32, 16, 3, 3), (3, 32, 12, 11)))
    most = np.finfo(dtype).max
    x[0, 3, 7, 7], x[2, 5, 0, 3] = np.inf, np.nan
    x[1, 0, 11, 10], x[1, 0, 10, 10] = 0.9 * most, -0.9 * most
    w[:, 0] = 1e-3 * np.abs(w[:, 0])
    g[1, 9, 4, 4], g[1, 2, 0, 0] = -np.inf, np.nan
    found = all_three(x, w, g)
    with paths.without("winograd"):
        wanted = all_three(x, w, g)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(np.isfinite(a), np.isfinite(b))
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
    assert np.isfinite(wanted[0]).mean() > 0.8
    usual = np.abs(wanted[0]) < 1e6
    np.testing.assert_allclose(found[0][usual], wanted[0][usual], rtol=0, atol=1e-3 if dtype == "f4" else 1e-11)
