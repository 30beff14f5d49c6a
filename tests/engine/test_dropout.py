"""Dropout: how much is dropped, in what pattern, and that the gradient passes where the value passed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
import minidl.nn.functional as F
from minidl import tensor

DROPPERS = [F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout, F.drop_path]
SHAPES = {"dropout1d": (8, 50, 3), "dropout2d": (8, 50, 3, 2), "dropout3d": (8, 50, 3, 2, 2), "drop_path": (400, 3, 2)}
PATTERNS: dict[str, tuple[int, ...]] = {
    "dropout1d": (2,), "dropout2d": (2, 3), "dropout3d": (2, 3, 4), "feature_alpha_dropout": (2,), "drop_path": (1, 2)
}  # fmt: skip
"""The axes along which all elements share one fate."""

named = pytest.mark.parametrize("drop", DROPPERS, ids=lambda f: f.__name__)


def data_for(drop: Any) -> Any:
    rng = np.random.default_rng(0)
    return tensor(rng.normal(size=SHAPES.get(drop.__name__, (40, 50, 3))), requires_grad=True)


@named
def test_nothing_happens_without_training_or_without_probability(drop: Any) -> None:
    x = data_for(drop)
    assert drop(x, 0.5, False) is x
    assert drop(x, 0.0, True) is x


@named
def test_everything_is_dropped_with_certainty(drop: Any) -> None:
    x = data_for(drop)
    out = drop(x, 1.0, True)
    assert not out.data.any()
    assert not minidl.grad(out.sum(), x)[0].data.any()


@named
def test_the_gradient_passes_where_the_value_passed(drop: Any) -> None:
    x = data_for(drop)
    out = drop(x, 0.3, True)
    (slope,) = minidl.grad(out.sum(), x)
    levels = np.unique(slope.data)
    assert len(levels) == 2
    assert levels[0] == 0
    dropped = slope.data == 0
    floor = np.unique(out.data[dropped].round(12))  # what stands for "dropped": 0, or one lowest value
    assert len(floor) == 1
    shift = out.data - slope.data * x.data
    np.testing.assert_allclose(shift[~dropped], shift[~dropped].flat[0], rtol=1e-9, atol=1e-12)


@named
def test_the_share_and_the_pattern(drop: Any) -> None:
    x = data_for(drop)
    (slope,) = minidl.grad(drop(x, 0.3, True).sum(), x)
    dropped = slope.data == 0
    axes = PATTERNS.get(drop.__name__, ())
    whole = dropped.all(axes) if axes else dropped
    np.testing.assert_array_equal(whole, dropped.any(axes) if axes else dropped)
    n = whole.size
    assert abs(whole.sum() - 0.3 * n) < 4 * np.sqrt(0.3 * 0.7 * n)


@named
def test_a_generator_decides(drop: Any) -> None:
    x = data_for(drop)
    first, again, other = (drop(x, 0.5, True, generator=minidl.Generator(seed)).data for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    minidl.manual_seed(5)
    one = drop(x, 0.5, True).data
    minidl.manual_seed(5)
    np.testing.assert_array_equal(drop(x, 0.5, True).data, one)


def test_the_mean_stays() -> None:
    assert F.dropout(minidl.ones(100_000), 0.2).data.mean() == pytest.approx(1.0, abs=0.01)
    assert F.drop_path(minidl.ones(100_000, 1), 0.2).data.mean() == pytest.approx(1.0, abs=0.01)
    assert F.drop_path(minidl.ones(100_000, 1), 0.2, scale_by_keep=False).data.mean() == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_alpha_dropout_keeps_mean_and_variance(p: float) -> None:
    x = tensor(np.random.default_rng(1).normal(size=200_000))
    out = F.alpha_dropout(x, p, training=True).data
    assert out.mean() == pytest.approx(0.0, abs=0.02)
    assert out.var() == pytest.approx(1.0, abs=0.03)


def test_an_unbatched_input_loses_whole_channels() -> None:
    for drop, shape in ((F.dropout1d, (200, 4)), (F.dropout3d, (200, 2, 2, 1))):
        kept = drop(minidl.ones(*shape), 0.5).data.reshape(200, -1) != 0
        assert set(kept.sum(1)) == {0, 4}


@pytest.mark.torch
@pytest.mark.parametrize("name", ["alpha_dropout", "feature_alpha_dropout", "dropout", "dropout2d"])
def test_the_levels_are_torchs(name: str) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    ours = getattr(F, name)(minidl.ones(4, 50, 2, 2, dtype=minidl.float64), 0.3, True).data
    theirs = getattr(torch.nn.functional, name)(torch.ones(4, 50, 2, 2, dtype=torch.float64), 0.3, True).numpy()
    np.testing.assert_allclose(np.unique(ours.round(12)), np.unique(theirs.round(12)), rtol=1e-9)
