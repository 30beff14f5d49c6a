"""Running sums, products, extrema and recurrences on a simulated GPU against the CPU's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl.kernels.cpu import scans as cpu
from minidl.kernels.cuda.backend import backend
from minidl.kernels.cuda.simulator import driver as simulated
from tests.cuda.agreement import lying, require_close

pytestmark = pytest.mark.usefixtures("simulated_gpu")

TOLERANCE = {"float32": 2e-6, "float64": 1e-13}
SHAPES: list[tuple[tuple[int, ...], int]] = [
    ((3, 5), 1),
    ((3, 5), 0),
    ((2, 3, 4), 1),
    ((2, 70), 1),
    ((1,), 0),
    ((2, 0), 1),
    ((0, 2), 0),
]


def numbers(dtype: str, shape: tuple[int, ...]) -> Any:
    return np.round(np.random.default_rng(0).normal(scale=1.5, size=shape), 1).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32", "bool"])
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_running_results_agree_with_the_cpu(dtype: str, shape: tuple[int, ...], axis: int) -> None:
    x = numbers(dtype, shape)
    tolerance = TOLERANCE.get(dtype, 0.0)
    require_close(backend.cumulative_sum(lying(x), axis), cpu.cumulative_sum(x, axis), tolerance)
    factors = np.where(x == 0, 1, x).astype(dtype) if dtype[0] == "f" else x
    require_close(backend.cumulative_prod(lying(factors), axis), cpu.cumulative_prod(factors, axis), 10 * tolerance)
    if x.size and dtype != "bool":
        for largest in (True, False):
            require_close(backend.last_extremum(lying(x), axis, largest), cpu.last_extremum(x, axis, largest))
    if tolerance:
        require_close(backend.cumulative_logsumexp(lying(x), axis), cpu.cumulative_logsumexp(x, axis), 2 * tolerance)
        require_close(backend.recurrence(lying(x / 2), lying(x), axis), cpu.recurrence(x / 2, x, axis), 2 * tolerance)


@pytest.mark.parametrize("axis", [0, 1])
def test_infinities_and_nan_are_carried_as_on_the_cpu(axis: int) -> None:
    inf, nan = np.inf, np.nan
    x = np.array(
        [[1, inf, 2, 3], [-inf, 1, inf, 2], [nan, 1, 3, 2], [1, nan, 5, nan], [-inf, -inf, 1, 1], [2, 2, 1, -inf]]
    )
    x = np.ascontiguousarray(x.astype(np.float32) if axis else x.astype(np.float32).T)
    with np.errstate(all="ignore"):
        for name in ("cumulative_sum", "cumulative_prod", "cumulative_logsumexp"):
            require_close(getattr(backend, name)(lying(x), axis), getattr(cpu, name)(x, axis), 1e-6)
        for largest in (True, False):
            require_close(backend.last_extremum(lying(x), axis, largest), cpu.last_extremum(x, axis, largest))
        require_close(backend.recurrence(lying(x), lying(x), axis), cpu.recurrence(x, x, axis), 1e-6)


def test_a_block_carries_from_tile_to_tile() -> None:
    x = (np.random.default_rng(1).normal(size=(1, 700)) + 100).astype(np.float32)
    simulated.launches.clear()
    found = backend.cumulative_sum(lying(x), 1)
    assert simulated.launches == ["cumsum_float32_team256"]
    exact = np.cumsum(x.astype(np.float64), axis=1)
    assert (np.abs(found.numpy() - exact) <= np.spacing(exact.astype(np.float32))).all()
    require_close(backend.last_extremum(lying(np.round(x)), 1, True), cpu.last_extremum(np.round(x), 1, True))
    require_close(backend.cumulative_logsumexp(lying(x), 1), cpu.cumulative_logsumexp(x, 1), 1e-6)


def test_lines_side_by_side_take_a_thread_each() -> None:
    x = numbers("float32", (3, 20, 4))
    simulated.launches.clear()
    found = backend.cumulative_sum(lying(x), 1)
    assert simulated.launches == ["cumsum_float32_serial"]
    require_close(found, cpu.cumulative_sum(x, 1), 1e-6)


def test_a_recurrence_is_computed_in_its_order() -> None:
    """Products of the factors alone would overflow, and ∞·0 is NaN."""
    a, b = np.full((1, 40), 1e30, np.float32), np.zeros((1, 40), np.float32)
    require_close(backend.recurrence(lying(a), lying(b), 1), b)
    wide = backend.recurrence(lying(np.full((2, 1), 0.5)), lying(np.ones((2, 3), np.float32)), 0)
    require_close(wide, np.array([[1, 1, 1], [1.5, 1.5, 1.5]]))


@pytest.mark.parametrize("n", [40, 520])
def test_threads_do_not_race(n: int, strict_gpu: None) -> None:
    x = numbers("float32", (1, n))
    require_close(backend.cumulative_sum(lying(x), 1), cpu.cumulative_sum(x, 1), 1e-5)
    require_close(backend.last_extremum(lying(x), 1, False), cpu.last_extremum(x, 1, False))
