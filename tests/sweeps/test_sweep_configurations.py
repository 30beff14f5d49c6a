"""Grids, draws and repetitions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from minidl import sweeps
from minidl.errors import UsageError
from minidl.sweeps.configurations import plain


def test_a_grid_has_every_combination_once_the_last_setting_fastest() -> None:
    made = sweeps.grid(lr=[0.1, 0.01], model=["lenet", "mlp"], k=(1, 2, 3))
    assert len(made) == 12 == len({tuple(c.items()) for c in made})
    assert made[:4] == [
        {"lr": 0.1, "model": m, "k": k} for m, k in [("lenet", 1), ("lenet", 2), ("lenet", 3), ("mlp", 1)]
    ]
    assert sweeps.grid() == [{}]


def test_draws_stay_in_their_ranges_and_are_spread_as_they_say() -> None:
    made = sweeps.random(
        4000,
        lr=sweeps.log_uniform(1e-4, 1e-1),
        p=sweeps.uniform(-1, 3),
        k=sweeps.integers(1, 3),
        width=[8, 16],
        epochs=5,
    )
    rates = np.log10([c["lr"] for c in made])
    assert rates.min() >= -4
    assert rates.max() <= -1
    np.testing.assert_allclose(np.quantile(rates, [0.25, 0.5, 0.75]), [-3.25, -2.5, -1.75], atol=0.1)
    chances = np.array([c["p"] for c in made])
    assert chances.min() >= -1
    assert chances.max() < 3
    np.testing.assert_allclose(np.quantile(chances, [0.25, 0.5, 0.75]), [0, 1, 2], atol=0.12)
    for name, options in (("k", [1, 2, 3]), ("width", [8, 16])):
        counts = np.unique([c[name] for c in made], return_counts=True)
        assert counts[0].tolist() == options
        assert min(counts[1]) > 0.9 * 4000 / len(options)
    assert {c["epochs"] for c in made} == {5}
    assert {type(value) for c in made for value in c.values()} == {int, float}


def test_draws_follow_the_seed_and_more_of_them_begin_alike() -> None:
    ranges: dict[str, Any] = {"lr": sweeps.log_uniform(1e-3, 1), "model": sweeps.choice(["a", "b"])}
    assert sweeps.random(5, seed=3, **ranges) == sweeps.random(9, seed=3, **ranges)[:5]
    assert sweeps.random(5, seed=3, **ranges) != sweeps.random(5, seed=4, **ranges)


def test_repetitions_of_a_grid_all_have_the_same_seeds() -> None:
    made = sweeps.repeat(3, sweeps.grid(width=[4, 8]), seed=10)
    assert made == [{"width": w, "seed": s} for w in (4, 8) for s in (10, 11, 12)]
    assert sweeps.repeat(2, {}) == [{"seed": 0}, {"seed": 1}]


def test_plain_values_are_what_a_file_gives_back() -> None:
    made = plain({"a": (1, (2,)), "b": np.float32(0.5), "c": {"d": np.int64(3), "e": [np.bool_(True)]}, "f": None})
    assert made == {"a": [1, [2]], "b": 0.5, "c": {"d": 3, "e": [True]}, "f": None}
    assert type(made["c"]["e"][0]) is bool


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: sweeps.grid(lr=0.1), r"lr needs a list of values, such as lr=\[0.1\]"),
        (lambda: sweeps.grid(model="mlp"), r"model=\['mlp'\]"),
        (lambda: sweeps.grid(lr=[]), "lr has no values"),
        (lambda: sweeps.grid(lr=sweeps.uniform(0, 1)), r"lr is a range, uniform\(0, 1\); draw from it"),
        (lambda: sweeps.random(0), "at least 1; got 0"),
        (lambda: sweeps.uniform(1, 1), "low < high"),
        (lambda: sweeps.uniform(0, math.inf), "low < high"),
        (lambda: sweeps.log_uniform(0, 1), "0 < low"),
        (lambda: sweeps.integers(1, 2.5), "whole numbers"),  # type: ignore[arg-type]
        (lambda: sweeps.integers(3, 2), "low ≤ high"),
        (lambda: sweeps.choice([]), "nothing to choose from"),
        (lambda: sweeps.repeat(0, {}), "at least 1; got 0"),
        (lambda: sweeps.repeat(2, [{"seed": 1}]), "has a seed already"),
        (lambda: plain({"model": {"net": object()}}), "model.net is a object; a configuration holds numbers"),
        (lambda: plain({"x": np.ones(2)}), "the setting x is a ndarray"),
        (lambda: plain({1: 2}), "a setting's name must be a string; got 1"),  # type: ignore[dict-item]
        (lambda: plain([1]), r"a dictionary of settings by name; got \[1\]"),  # type: ignore[arg-type]
    ],
)
def test_what_makes_no_sense_is_refused_with_a_remedy(wrong: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        wrong()
