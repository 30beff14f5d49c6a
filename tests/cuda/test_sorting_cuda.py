"""Sorting, searching and counting on a simulated GPU against the CPU's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl.kernels.cpu import scans as cpu
from minidl.kernels.cuda.backend import backend
from minidl.kernels.cuda.reductions import sorting
from minidl.kernels.cuda.simulator import driver as simulated
from tests.cuda.agreement import lying, require_close

pytestmark = pytest.mark.usefixtures("simulated_gpu")


def numbers(dtype: str, shape: tuple[int, ...]) -> Any:
    """Numbers with many equals, and among floats NaN and infinities."""
    x = np.round(np.abs(np.random.default_rng(0).normal(scale=3, size=shape))).astype(dtype)
    if x.dtype.kind == "f" and x.size > 11:
        x.flat[[7, 11]], x.flat[8], x.flat[3] = np.nan, -np.inf, np.inf
    return x


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64", "uint8", "bool"])
@pytest.mark.parametrize(
    ("shape", "axis"),
    [((3, 5), 1), ((3, 5), 0), ((2, 9, 4), -2), ((1, 70), 1), ((3, 16), 1), ((1,), 0), ((2, 0), 1), ((0, 2), 1)],
)
def test_order_agrees_with_the_cpu(dtype: str, shape: tuple[int, ...], axis: int) -> None:
    x = numbers(dtype, shape)
    k = min(3, shape[axis])
    for descending in (False, True):
        require_close(backend.argsort(lying(x), axis, descending), cpu.argsort(x, axis, descending))
        found = backend.top_positions(lying(x), axis, k, descending)
        require_close(found, cpu.top_positions(x, axis % x.ndim, k, descending))
    if x.size:
        place = shape[axis] // 2
        require_close(backend.position_of(lying(x), axis, place), cpu.position_of(x, axis % x.ndim, place))
        require_close(backend.partition(lying(x), 0)[..., :1], np.partition(x, 0)[..., :1])


def test_lines_longer_than_a_tile_are_merged_in_global_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "TILE", 16)
    x = numbers("float32", (2, 70))
    for descending in (False, True):
        simulated.launches.clear()
        found = backend.argsort(lying(x), 1, descending)
        ending = "_down" if descending else ""
        assert simulated.launches.count(f"sort_float32_tile16{ending}") == 1
        assert simulated.launches.count(f"merge_float32_tile16{ending}") == 3
        assert simulated.launches.count(f"sort_step_float32{ending}") == 1 + 2 + 3
        require_close(found, cpu.argsort(x, 1, descending))


def test_arrays_in_any_order_of_memory() -> None:
    x = numbers("float32", (4, 3, 6))
    require_close(backend.argsort(lying(x, (2, 0, 1)), 1), cpu.argsort(x, 1))


def test_a_place_that_is_not_there_is_refused() -> None:
    for kth in (3, -4):
        with pytest.raises(ValueError, match="out of bounds"):
            backend.partition(lying(np.zeros(3)), kth)
    assert backend.partition(lying(np.array([3.0, 1.0, 2.0])), -1).tolist()[-1] == 3


@pytest.mark.parametrize("dtype", ["float32", "float16", "int64", "uint8"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_places_in_a_sorted_sequence(dtype: str, side: str) -> None:
    rng = np.random.default_rng(1)
    edges, given = np.sort(rng.integers(0, 9, 17)).astype(dtype), rng.integers(0, 11, (3, 5)).astype(dtype)
    if dtype.startswith("float"):
        edges[-2:], given[0, 0], given[0, 1] = np.nan, np.nan, -np.inf
    require_close(backend.searchsorted(lying(edges), lying(given), side=side), np.searchsorted(edges, given, side=side))
    require_close(backend.searchsorted(lying(edges[:0]), lying(given), side=side), np.zeros((3, 5), np.int64))
    require_close(backend.searchsorted(lying(edges), lying(given[:0]), side=side), np.zeros((0, 5), np.int64))


def test_places_of_numbers_of_another_dtype() -> None:
    found = backend.searchsorted(lying(np.array([1, 3, 5])), lying(np.array([2.5, 3.0])))
    require_close(found, np.array([1, 1]))


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8"])
def test_counts(dtype: str) -> None:
    x = np.random.default_rng(2).integers(0, 9, 50).astype(dtype)
    weights = np.random.default_rng(3).normal(size=50)
    for minimum in (0, 20):
        require_close(backend.bincount(lying(x), None, minimum), cpu.bincount(x, None, minimum))
        require_close(backend.bincount(lying(x), lying(weights), minimum), cpu.bincount(x, weights, minimum), 1e-13)
    single = weights.astype(np.float32)
    require_close(backend.bincount(lying(x), lying(single), 0), cpu.bincount(x, single, 0), 1e-6)
    whole = (weights * 9).astype(np.int64)
    require_close(backend.bincount(lying(x), lying(whole), 0), cpu.bincount(x, whole, 0))
    for none in (None, single[:0], weights[:0]):
        given = None if none is None else lying(none)
        require_close(backend.bincount(lying(x[:0]), given, 3), cpu.bincount(x[:0].astype(np.int64), none, 3))


def test_negative_numbers_are_not_counted() -> None:
    with pytest.raises(ValueError, match="negative"):
        backend.bincount(lying(np.array([1, -1])), None, 0)


def test_threads_do_not_race(strict_gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "TILE", 8)
    x = numbers("float32", (2, 21))
    require_close(backend.argsort(lying(x), 1), cpu.argsort(x, 1))
    found = backend.bincount(lying(np.array([3, 1, 3, 3])), lying(np.array([1.0, 2.0, 3.0, 4.0])), 0)
    require_close(found, np.array([0.0, 2.0, 0.0, 8.0]))
