"""Softmax, its logarithm and its losses on a simulated GPU against the CPU's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl.kernels.cpu import probabilities as cpu
from minidl.kernels.cuda.backend import backend
from minidl.kernels.cuda.layers import rows
from minidl.kernels.cuda.simulator import driver as simulated
from tests.cuda.agreement import lying, require_close

pytestmark = pytest.mark.usefixtures("simulated_gpu")

TOLERANCE = {"float32": 3e-6, "float64": 1e-13, "float16": 3e-3}


def scores(dtype: str, shape: tuple[int, ...], seed: int = 0) -> Any:
    """Scores, among them an impossible one."""
    x = np.random.default_rng(seed).normal(scale=3, size=shape).astype(dtype)
    if x.size > 4:
        x.flat[1] = -np.inf
    return x


def upstream(dtype: str, shape: tuple[int, ...]) -> Any:
    return np.random.default_rng(9).normal(size=shape).astype(dtype)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
@pytest.mark.parametrize(
    ("shape", "axis", "order"),
    [((3, 5), 1, (0, 1)), ((3, 5), 0, (0, 1)), ((2, 4, 3), 1, (2, 0, 1)), ((1, 1), 1, (0, 1)), ((2, 33), -1, (0, 1))],
)
def test_softmax_agrees_with_the_cpu(
    name: str, dtype: str, shape: tuple[int, ...], axis: int, order: tuple[int, ...]
) -> None:
    x, g = scores(dtype, shape), upstream(dtype, shape)
    require_close(getattr(backend, name)(lying(x, order), axis), getattr(cpu, name)(x, axis), TOLERANCE[dtype])
    y = np.nan_to_num(getattr(cpu, name)(x, axis), neginf=-9)
    pulled = getattr(cpu, f"{name}_back")(g, y, axis)
    require_close(getattr(backend, f"{name}_back")(lying(g, order), lying(y), axis), pulled, 10 * TOLERANCE[dtype])


@pytest.mark.parametrize(
    ("n", "kernel"),
    [(32, "team32_held1"), (100, "team32_held4"), (512, "team32_held16"), (600, "team256_held4"), (4200, "team256")],
)
def test_rows_of_any_length(n: int, kernel: str) -> None:
    """Held by a warp, held by a block, streamed by a block."""
    x, g = scores("float32", (1 if n > 600 else 2, n)), upstream("float32", (1 if n > 600 else 2, n))
    exact = cpu.softmax(x.astype(np.float64), 1)
    simulated.launches.clear()
    found = backend.softmax(lying(x), 1)
    assert simulated.launches == [f"softmax_float32_{kernel}"]
    require_close(found, exact.astype(np.float32), 1e-6)
    require_close(backend.softmax_back(lying(g), found, 1), cpu.softmax_back(g, exact.astype(np.float32), 1), 1e-6)


def test_large_scores_and_rows_without_a_possible_class() -> None:
    x = np.array(
        [[1000, 1001, 999, -1e30], [-np.inf] * 4, [np.inf, 1, 2, 3], [np.nan, 1, 2, 3], [-np.inf, 5, 5, -9]], np.float32
    )
    for axis, given in ((1, x), (0, np.ascontiguousarray(x.T))):
        with np.errstate(all="ignore"):
            require_close(backend.softmax(lying(given), axis), cpu.softmax(given, axis), 1e-6)
            require_close(backend.log_softmax(lying(given), axis), cpu.log_softmax(given, axis), 1e-6)


def test_empty_arrays() -> None:
    for shape in ((0, 3), (3, 0)):
        x = np.zeros(shape, np.float32)
        for axis in (0, 1):
            require_close(backend.softmax(lying(x), axis), x)
            require_close(backend.log_softmax_back(lying(x), lying(x), axis), x)
    for shape in ((0, 3, 2), (2, 3, 0)):
        x = np.zeros(shape, np.float32)
        labels, factors = np.zeros((shape[0], shape[2]), np.int64), np.zeros((shape[0], shape[2]), np.float32)
        require_close(backend.class_loss(lying(x), lying(labels), lying(factors)), factors)
        require_close(backend.class_loss_back(lying(factors), lying(x), lying(labels), lying(factors)), x)
    x = np.zeros((0, 3), np.float32)
    require_close(backend.cross_entropy(lying(x), lying(x)), x[:, 0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(3, 4), (2, 33), (1, 520)])
def test_cross_entropy(dtype: str, shape: tuple[int, int]) -> None:
    x, weights = scores(dtype, shape), np.abs(upstream(dtype, shape))
    weights[0, 1] = 0  # where the score is −∞: 0·(−∞) is not added
    tolerance = TOLERANCE[dtype] * shape[1]
    with np.errstate(invalid="ignore"):
        expected = cpu.cross_entropy(x, weights)
    require_close(backend.cross_entropy(lying(x), lying(weights, (1, 0))), expected, tolerance)
    g = upstream(dtype, shape[:1])
    pulled = cpu.cross_entropy_back(g, x, weights)
    require_close(backend.cross_entropy_back(lying(g), lying(x), lying(weights)), pulled, tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("shape", "order"),
    [
        ((3, 4), (0, 1)),
        ((1, 600), (0, 1)),
        ((2, 5, 3, 4), (0, 1, 2, 3)),
        ((2, 5, 3, 4), (0, 2, 3, 1)),
        ((2, 40, 3), (0, 1, 2)),
    ],
)
def test_class_loss(dtype: str, shape: tuple[int, ...], order: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    rest = (shape[0], *shape[2:])
    x, g = scores(dtype, shape), upstream(dtype, rest)
    labels, factors = rng.integers(2, shape[1], rest), rng.random(rest).astype(dtype)
    factors.flat[0] = 0
    tolerance = 10 * TOLERANCE[dtype]
    for label in (np.int64, np.int32):
        kinds = lying(labels.astype(label)), lying(factors)
        require_close(backend.class_loss(lying(x, order), *kinds), cpu.class_loss(x, labels, factors), tolerance)
    found = backend.class_loss_back(lying(g), lying(x, order), *kinds)
    require_close(found, cpu.class_loss_back(g, x, labels, factors), tolerance)


def test_a_class_that_counts_for_nothing_sends_nothing() -> None:
    """A factor of 0 gives 0 even where the loss is infinite."""
    x = np.array([[-np.inf, 1], [1, 2]], np.float32)
    kinds = lying(np.array([0, 1])), lying(np.array([0, 1], np.float32))
    assert backend.class_loss(lying(x), *kinds).numpy()[0] == 0
    assert backend.class_loss_back(lying(np.ones(2, np.float32)), lying(x), *kinds).numpy()[0].tolist() == [0, 0]


def test_factors_of_another_dtype_are_taken_for_the_scores() -> None:
    x, labels, factors = scores("float32", (3, 4)), np.array([2, 3, 2]), np.array([1.0, 0.5, 2.0])
    found = backend.class_loss(lying(x), lying(labels), lying(factors))
    require_close(found, cpu.class_loss(x, labels, factors), 1e-5)


@pytest.mark.parametrize("n", [40, 520])
def test_threads_do_not_race(n: int, strict_gpu: None) -> None:
    x, weights = scores("float32", (1, n)), np.abs(upstream("float32", (1, n)))
    weights[0, 1] = 0
    require_close(backend.log_softmax(lying(x), 1), cpu.log_softmax(x, 1), 1e-5)
    g = np.ones(1, np.float32)
    require_close(
        backend.cross_entropy_back(lying(g), lying(x), lying(weights)), cpu.cross_entropy_back(g, x, weights), 1e-3
    )


def test_results_lie_in_memory_as_what_they_come_from() -> None:
    x = lying(scores("float32", (2, 3, 4, 5)), (0, 2, 3, 1))
    assert backend.softmax(x, 1).strides == x.strides
    assert backend.softmax_back(lying(upstream("float32", x.shape)), x, 3).strides == x.strides


def test_few_long_lines_are_brought_into_one_piece() -> None:
    x = lying(np.zeros((40, 3), np.float32))
    assert rows.lines_of(x, 0).inner == 1
    assert rows.lines_of(lying(np.zeros((20, 3), np.float32)), 0).inner == 3


def test_a_thread_takes_each_of_many_tiny_lines() -> None:
    x = np.random.default_rng(4).normal(size=(4099, 3)).astype(np.float32)
    there = lying(x)
    simulated.launches.clear()
    require_close(backend.sum(there, axis=1), x.astype(np.float64).sum(1).astype(np.float32), 1e-6)
    require_close(backend.softmax(there, 1), cpu.softmax(x, 1), 1e-6)
    require_close(
        backend.softmax_back(there, lying(cpu.softmax(x, 1)), 1), cpu.softmax_back(x, cpu.softmax(x, 1), 1), 1e-6
    )
    names = ["sum_float32_numbers_whole_rows1_by1", "softmax_float32_team1_held4", "softmax_back_float32_team1"]
    assert simulated.launches == names
