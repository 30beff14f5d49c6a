"""Toy sets: their shapes, their geometry, and that a seed repeats them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl.data import toys
from minidl.errors import UsageError

CLASSES: dict[str, Callable[..., tuple[np.ndarray, np.ndarray]]] = {
    "moons": toys.moons,
    "circles": toys.circles,
    "spirals": toys.spirals,
    "xor": toys.xor,
    "checkerboard": toys.checkerboard,
    "blobs": toys.blobs,
    "linearly_separable": toys.linearly_separable,
    **{f"playground {name}": lambda *a, _name=name, **k: toys.playground(_name, *a, **k) for name in toys.PLAYGROUND},
}


@pytest.mark.parametrize("name", CLASSES)
def test_classes_of_points(name: str) -> None:
    make = CLASSES[name]
    X, y = make(301, noise=0.1, seed=1)
    again, other, clean = make(301, noise=0.1, seed=1), make(301, noise=0.1, seed=2), make(301, noise=0.0, seed=1)
    assert X.shape == (301, 2)
    assert (X.dtype, y.dtype, y.shape) == (np.float32, np.int64, (301,))
    assert np.array_equal(again[0], X)
    assert np.array_equal(again[1], y)
    assert not np.array_equal(other[0], X)
    assert not np.array_equal(clean[0], X) or not np.array_equal(clean[1], y)
    counts = np.bincount(y)
    assert counts.min() > 0.2 * 301  # no class is rare
    assert 0 < np.count_nonzero(np.diff(y)) < 300  # shuffled
    with pytest.raises(UsageError, match="at least one point"):
        make(0)
    with pytest.raises(UsageError, match="noise"):
        make(10, noise=-1)


def test_moons_lie_on_half_circles() -> None:
    X, y = toys.moons(101, noise=0)
    np.testing.assert_allclose(np.hypot(*X[y == 0].T), 1, rtol=1e-6)
    np.testing.assert_allclose(np.hypot(*(X[y == 1] - [1, 0.5]).T), 1, rtol=1e-6)
    assert X[y == 0, 1].min() > -1e-6
    assert X[y == 1, 1].max() < 0.5 + 1e-6
    assert np.bincount(y).tolist() == [51, 50]


def test_noise_is_a_standard_deviation() -> None:
    X, _ = toys.blobs(20_000, noise=0.3, centres=[[0.0, 5.0, -1.0]])
    np.testing.assert_allclose(X.std(0), 0.3, rtol=0.03)
    np.testing.assert_allclose(X.mean(0), [0, 5, -1], atol=0.02)


def test_arms_reach_from_the_middle_to_radius_1() -> None:
    X, y = toys.spirals(300, noise=0, arms=5)
    radius = np.hypot(*X.T)
    assert set(y) == set(range(5))
    for arm in range(5):
        np.testing.assert_allclose(np.sort(radius[y == arm]), np.arange(1, 61) / 60, rtol=1e-5)


def test_a_board_has_its_squares() -> None:
    X, y = toys.checkerboard(4000, cells=3)
    cell = np.floor((X + 1) * 1.5).astype(int).clip(0, 2)
    assert np.array_equal(cell.sum(1) % 2, y)
    assert len({tuple(c) for c in cell}) == 9


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_separable_points_are_separable_with_the_margin(dim: int) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    X, y = toys.linearly_separable(60, margin=0.3, dim=dim)
    sides = (2 * y - 1)[:, None] * X
    # There is a w with sᵢ·w ≥ 0.3 for all points and |w| ≤ 1 in every entry.
    found = optimize.linprog(np.zeros(dim), A_ub=-sides, b_ub=-np.full(60, 0.299), bounds=[(-1, 1)] * dim)
    assert found.success


def test_no_line_tells_xor_apart() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    X, y = toys.truth_table("xor")
    sides = (2 * y - 1)[:, None] * np.c_[X, np.ones(4)]
    assert not optimize.linprog(np.zeros(3), A_ub=-sides, b_ub=-np.ones(4), bounds=[(None, None)] * 3).success


@pytest.mark.parametrize(
    ("gate", "values"),
    [("and", [0, 0, 0, 1]), ("or", [0, 1, 1, 1]), ("nand", [1, 1, 1, 0]), ("nor", [1, 0, 0, 0]), ("xor", [0, 1, 1, 0])],
)
def test_truth_tables(gate: str, values: list[int]) -> None:
    assert toys.truth_table(gate)[1].tolist() == values
    X, y = toys.truth_table("xor", 3)
    assert y.tolist() == [0, 1, 1, 0, 1, 0, 0, 1]
    assert X.shape == (8, 3)


def test_the_playgrounds_four_without_noise() -> None:
    X, y = toys.playground("circle", 400)
    radius = np.hypot(*X.T)
    assert radius[y == 1].max() <= 2.5
    assert radius[y == 0].min() >= 3.5
    assert radius.max() <= 5
    X, y = toys.playground("xor", 400)
    assert np.abs(X).min() >= 0.3  # the padding
    assert np.array_equal(X.prod(1) > 0, y == 1)
    X, y = toys.playground("gauss", 4000)
    np.testing.assert_allclose(X[y == 1].mean(0), [2, 2], atol=0.05)
    np.testing.assert_allclose(X[y == 0].std(0), 0.5, rtol=0.05)
    X, y = toys.playground("spiral", 400)
    np.testing.assert_allclose(
        np.sort(X[y == 0].sum(1)), np.sort(-X[y == 1].sum(1)), atol=1e-5
    )  # one is the other, turned
    assert np.hypot(*X.T).max() <= 5


def test_the_playgrounds_inputs() -> None:
    X = np.array([[0.5, -2.0]])
    features = toys.playground_features(X, list(toys.PLAYGROUND_FEATURES))
    np.testing.assert_allclose(features[0], [0.5, -2, 0.25, 4, -1, np.sin(0.5), np.sin(-2)], rtol=1e-6)
    assert features.dtype == np.float32


def test_the_sawtooth_of_the_facts() -> None:
    assert toys.sawtooth(np.array([0.25, 0.5, 0.75, 1.5, -1])).tolist() == [0.5, 1, 0.5, 0, 0]
    x = np.arange(2**12 + 1) / 2**12
    y = toys.sawtooth(x, 6)
    slopes = np.diff(y)
    assert np.count_nonzero(np.diff(slopes)) + 1 == 64  # straight pieces
    assert np.count_nonzero(y == 1) == 32  # peaks
    assert np.array_equal(y, toys.sawtooth(toys.sawtooth(x, 2), 4))
    assert toys.sawtooth(np.float32([0.3])).dtype == np.float32


@pytest.mark.parametrize("name", toys.CURVES)
def test_curves(name: str) -> None:
    X, y = toys.curve(name, 200, noise=0.0, even=True)
    assert X.shape == y.shape == (200, 1)
    assert X.dtype == y.dtype == np.float32
    assert (X[0, 0], X[-1, 0]) == (-1, 1)
    assert np.ptp(y) > 0.5
    assert np.abs(y).max() <= 1.31
    noisy = toys.curve(name, 200, noise=0.2, seed=3)
    assert np.array_equal(noisy[0], toys.curve(name, 200, noise=0.2, seed=3)[0])
    residual = toys.curve(name, 5000, noise=0.2, even=True)[1] - toys.curve(name, 5000, noise=0, even=True)[1]
    assert residual.std() == pytest.approx(0.2, rel=0.05)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: toys.playground("moons"), "circle, xor, gauss, spiral"),
        (lambda: toys.playground("xor", noise=0.6), "0 to 0.5"),
        (lambda: toys.playground_features(np.zeros((1, 2)), ["x3"]), "no input 'x3'"),
        (lambda: toys.curve("circle"), "choose one of line"),
        (lambda: toys.truth_table("maybe"), "and, or, nand"),
        (lambda: toys.truth_table("and", 0), "at least one input"),
        (lambda: toys.sawtooth(np.zeros(1), 0), "at least once"),
        (lambda: toys.circles(factor=1), "inner radius"),
        (lambda: toys.spirals(arms=0), "at least one arm"),
        (lambda: toys.checkerboard(cells=0), "at least one square"),
        (lambda: toys.blobs(centres=0), "centres"),
        (lambda: toys.linearly_separable(margin=1), "margin"),
    ],
)
def test_what_there_is_not_is_refused(call: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()
