"""Sums, means, extrema and truth values on a simulated GPU against NumPy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl.errors import NotOnDeviceError
from minidl.kernels import cpu
from minidl.kernels.cuda.backend import backend
from minidl.kernels.cuda.reductions import lesson as reductions_lesson
from minidl.kernels.cuda.reductions import over_axes as reductions
from minidl.kernels.cuda.reductions import states
from minidl.kernels.cuda.reductions.launch import cut, merged, reduce
from minidl.kernels.cuda.runtime import memory
from minidl.kernels.cuda.simulator import driver as simulated
from tests.cuda.agreement import lying, require_close

pytestmark = pytest.mark.usefixtures("simulated_gpu")

TOLERANCE = {"float32": 1e-6, "float64": 1e-14, "float16": 2e-3}
AXES: list[Any] = [None, 0, -1, (0, 2), (), (1, 0)]


def numbers(dtype: str, shape: tuple[int, ...], seed: int = 0) -> Any:
    """Numbers of a dtype, some of them 0 and some equal."""
    rng = np.random.default_rng(seed)
    return np.abs(np.round(rng.normal(scale=2, size=shape), 1)).astype(dtype)


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "all", "any", "count_nonzero", "prod"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64", "int32", "uint8", "bool"])
def test_reductions_agree_with_numpy_in_every_dtype(name: str, dtype: str) -> None:
    x = numbers(dtype, (3, 1, 5))
    for axis in AXES if dtype == "float32" else (None, 1, (0, 2)):
        wide = x.astype(np.float32) if dtype == "float16" and name in ("sum", "mean", "prod") else x
        expected = np.asarray(getattr(np, name)(wide, axis=axis, keepdims=axis != ()))
        if dtype == "float16" and name in ("sum", "mean", "prod"):
            expected = expected.astype(np.float16)
        exact = name not in ("sum", "mean", "prod")
        found = getattr(backend, name)(lying(x), axis=axis, keepdims=axis != ())
        require_close(found, expected, 0.0 if exact else TOLERANCE.get(dtype, 1e-14))


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 3, 1), (3, 1, 0, 2)])
@pytest.mark.parametrize("axis", [(0, 2, 3), 1, (1, 3), 3, None])
def test_axes_may_lie_in_any_order_of_memory_and_are_not_copied(order: tuple[int, ...], axis: Any) -> None:
    x = numbers("float32", (2, 3, 4, 5))
    given = lying(x, order)
    simulated.launches.clear()
    found = backend.max(given, axis=axis)
    assert [name for name in simulated.launches if not name.startswith("max")] == []
    require_close(found, np.max(x, axis=axis))
    require_close(backend.sum(given, axis=axis, keepdims=True), np.sum(x, axis=axis, keepdims=True), 1e-6)


def test_an_array_with_gaps_is_copied_first() -> None:
    x = numbers("float32", (4, 6, 5))
    there = lying(x)
    step = there.itemsize
    gaps = there.view_as((4, 3, 5), (30 * step, 10 * step, step))
    require_close(backend.sum(gaps, axis=1), x[:, ::2].sum(1), 1e-6)
    repeated = there.view_as((3, 4, 6, 5), (0, 30 * step, 5 * step, step))
    require_close(backend.sum(repeated, axis=0), np.broadcast_to(x, (3, *x.shape)).sum(0), 1e-6)


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "int64", "uint8", "bool", "float16"])
def test_positions_are_those_of_the_first_of_equals(dtype: str, largest: bool) -> None:
    x = numbers(dtype, (4, 40, 3))
    mine, theirs = (backend.argmax, np.argmax) if largest else (backend.argmin, np.argmin)
    for axis in (None, 0, 1, -1):
        require_close(mine(lying(x), axis=axis), np.asarray(theirs(x, axis=axis)))
        require_close(mine(lying(x, (2, 0, 1)), axis=axis, keepdims=True), theirs(x, axis=axis, keepdims=True))


def test_nan_and_infinities() -> None:
    x = numbers("float32", (5, 37))
    x[0, [3, 30]] = np.nan
    x[1, 5], x[1, 6] = np.inf, -np.inf
    x[2] = -np.inf
    x[3, 9] = np.inf
    for name in ("sum", "mean", "max", "min", "argmax", "argmin", "all", "any", "prod"):
        with np.errstate(all="ignore"):
            expected = getattr(np, name)(x, axis=1)
        require_close(getattr(backend, name)(lying(x), axis=1), expected, 1e-6 if expected.dtype.kind == "f" else 0.0)
        with np.errstate(all="ignore"):
            expected = getattr(np, name)(x, axis=0)
        require_close(getattr(backend, name)(lying(x), axis=0), expected, 1e-6 if expected.dtype.kind == "f" else 0.0)


def test_empty_axes_are_as_numpys() -> None:
    x = np.zeros((0, 3), np.float32)
    there = lying(x)
    for name in ("sum", "prod", "all", "any", "count_nonzero"):
        require_close(getattr(backend, name)(there, axis=0), getattr(np, name)(x, axis=0))
        require_close(getattr(backend, name)(there, axis=1), getattr(np, name)(x, axis=1))
    assert np.isnan(backend.mean(there, axis=0).numpy()).all()
    require_close(backend.max(there, axis=1), np.max(x, axis=1))
    require_close(backend.argmax(there, axis=1), np.argmax(x, axis=1))
    for name in ("max", "min", "argmax", "argmin"):
        with pytest.raises(ValueError) as theirs:  # noqa: PT011  (what it says is compared)
            getattr(np, name)(x, axis=0)
        with pytest.raises(ValueError) as mine:  # noqa: PT011
            getattr(backend, name)(there, axis=0)
        assert str(mine.value) == str(theirs.value)
    with pytest.raises(np.exceptions.AxisError):
        backend.sum(there, axis=2)


def test_a_single_number_is_reduced_over_nothing() -> None:
    x = np.array(2.5, np.float32)
    require_close(backend.sum(lying(x)), x)
    require_close(backend.argmax(lying(x)), np.argmax(x))
    require_close(backend.mean(lying(x), keepdims=True), x)


def test_complex_numbers_are_refused_by_name() -> None:
    with pytest.raises(NotOnDeviceError, match="prod: complex64"):
        backend.prod(lying(np.zeros(2, np.complex64)))


@pytest.mark.parametrize(("shape", "axis"), [((1, 4200), 1), ((2, 4101), None), ((150, 33), 0)])
def test_long_runs_are_cut_into_parts(shape: tuple[int, int], axis: int | None) -> None:
    x = (np.random.default_rng(1).normal(size=shape) + 1000).astype(np.float32)
    simulated.launches.clear()
    require_close(backend.sum(lying(x), axis=axis), np.float32(x.astype(np.float64).sum(axis=axis)), 3e-7)
    assert len(simulated.launches) > 1
    require_close(backend.argmax(lying(x), axis=axis), np.argmax(x, axis=axis))


def test_a_mean_is_rounded_once_and_its_error_does_not_grow() -> None:
    x = (np.random.default_rng(2).normal(size=5000) + 1000).astype(np.float32)
    exact = x.astype(np.float64).mean()
    found = backend.mean(lying(x)).item()
    assert abs(found - exact) <= np.spacing(np.float32(exact))
    column = backend.mean(lying(np.repeat(x[:400, None], 2, 1)), axis=0).numpy()
    exact = x[:400].astype(np.float64).mean()
    assert abs(column - exact).max() <= np.spacing(np.float32(exact))


def test_a_sum_of_many_ones_does_not_stop() -> None:
    """One after the other they would come to 2²⁴ here and no further; the tree's error is far below one part in 10⁶."""
    x = np.full(5000, 0.1, np.float32)
    x[0] = 2**24
    exact = x.astype(np.float64).sum()
    assert abs(backend.sum(lying(x)).item() - exact) <= 64
    in_order = np.float32(0)
    for v in x:
        in_order += v
    assert abs(float(in_order) - exact) > 400


def test_each_run_gives_the_same_bits() -> None:
    x = np.random.default_rng(3).normal(size=(2, 2100)).astype(np.float32)
    for axis in (None, 1):
        assert len({backend.sum(lying(x), axis=axis).numpy().tobytes() for _ in range(3)}) == 1


@pytest.mark.parametrize("name", ["sum", "argmax"])
def test_threads_do_not_race(name: str, strict_gpu: None) -> None:
    for shape, axis in (((1, 520), 1), ((40, 3), 0), ((3, 8), 1)):
        x = np.round(np.random.default_rng(4).normal(size=shape), 1).astype(np.float32)
        require_close(
            getattr(backend, name)(lying(x), axis=axis), getattr(np, name)(x, axis=axis), 1e-5 if name == "sum" else 0
        )


def test_four_numbers_are_read_at_once_only_where_rows_allow_it() -> None:
    for n, offset, wide in ((8, 0, True), (9, 0, False), (8, 1, False)):
        x = memory.to_device(np.ones((3 * n + 4,), np.float32))
        view = x.view_as((3, n), (n * 4, 4), offset * 4)
        simulated.launches.clear()
        assert backend.sum(view, axis=1).tolist() == [n] * 3
        assert simulated.launches[-1].endswith("by4") == wide


def test_runs_and_parts() -> None:
    assert merged((8, 3, 4, 4), (0, 2, 3, 1), (0, 2, 3)) == [(128, True), (3, False)]
    assert merged((8, 1, 4), (0, 1, 2), (1,)) == [(32, False)]
    for n in (1, 255, 4096, 5000, 100_000, 1 << 24):
        for lines in (1, 7, 5000):
            parts, chunk = cut(n, lines, 256)
            assert (parts - 1) * chunk < n <= parts * chunk
            assert chunk <= 64 * 256 + 1024
    assert cut(1 << 24, 1, 256)[0] == 1024


@pytest.mark.parametrize("which", ["naive", "tree", "shuffles"])
def test_the_lessons_three_sums(which: str, strict_gpu: None) -> None:
    x = np.random.default_rng(5).normal(size=(3, 300)).astype(np.float32)
    kernel = getattr(reductions_lesson, which)
    y = memory.empty((3,), np.float32)
    kernel[reductions_lesson.blocks(kernel, 3), reductions_lesson.THREADS](lying(x), y, 3, 300)
    require_close(y, x.astype(np.float64).sum(1).astype(np.float32), 1e-5)


def test_states_of_parts_join_to_the_whole() -> None:
    """A reduction of reductions, as long runs need it, is that of the whole; for all that carry two numbers, too."""
    x = numbers("float32", (2, 5, 7))
    for made, expected in (
        (states.average("float32"), x.mean((0, 2))),
        (states.extremum("float32", True), x.max((0, 2))),
        (states.count("float32"), np.count_nonzero(x, axis=(0, 2))),
    ):
        require_close(reduce(made, lying(x), (0, 2), False), expected, 1e-6)


def test_every_reduction_is_the_cpus_by_name() -> None:
    for name in ("sum", "mean", "max", "min", "argmax", "argmin", "prod", "all", "any", "count_nonzero"):
        assert getattr(backend, name) is getattr(reductions, name)
        assert hasattr(cpu.backend, name)
