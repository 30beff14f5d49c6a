"""Kernels that run along an axis, gather and scatter agree with NumPy's indexing and loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.kernels.cpu import places, scans
from minidl.kernels.cpu.paths import without
from minidl.kernels.grid import Grid, grid

Array = np.ndarray[Any, Any]
SHAPES = [((60, 120), 0), ((60, 120), 1), ((4, 30, 60), 1), ((9000,), 0), ((3, 2, 2000), 0)]
DTYPES = ["float32", "float64"]


def numbers(shape: tuple[int, ...], dtype: str, seed: int = 0) -> Array:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    return np.where(rng.random(shape) < 0.02, rng.choice([np.nan, np.inf, -np.inf, 0.0], shape), x).astype(dtype)


def positions(shape: tuple[int, ...], dim: int, seed: int = 1) -> Array:
    return np.random.default_rng(seed).integers(0, shape[dim], shape)


def both(path: str, compute: Callable[[], Array], **tolerances: Any) -> None:
    with np.errstate(all="ignore"):
        fast = compute()
        with without(path):
            plain = compute()
    assert fast.dtype == plain.dtype
    assert fast.shape == plain.shape
    np.testing.assert_allclose(fast, plain, **(tolerances or {"rtol": 0, "atol": 0}))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "dim"), SHAPES)
def test_gather_and_scatter(shape: tuple[int, ...], dim: int, dtype: str) -> None:
    x, values, index = numbers(shape, dtype), numbers(shape, dtype, 2), positions(shape, dim)
    where = grid(index, dim)
    both("places", lambda: places.getitem(x, where))
    both("places", lambda: places.getitem(x[..., ::-1], where))
    both("places", lambda: places.setitem(x, values, (), where))
    both("places", lambda: places.setitem(x, 2.5, (), where))
    both("places", lambda: places.scatter_add(values, where, shape), rtol=1e-5, atol=1e-6)
    both("places", lambda: places.scatter_extremum(x, values, where, True))
    both("places", lambda: places.scatter_extremum(x, values, where, False))


@pytest.mark.parametrize(("shape", "dim"), SHAPES)
def test_an_index_shorter_along_other_axes(shape: tuple[int, ...], dim: int) -> None:
    short = tuple(n if k == dim else n - 1 for k, n in enumerate(shape))
    x, values, where = numbers(shape, "float32"), numbers(short, "float32", 2), grid(positions(short, dim), dim)
    both("places", lambda: places.getitem(x, where))
    both("places", lambda: places.setitem(x, values, (), where))
    both("places", lambda: places.scatter_add(values, where, shape), rtol=1e-5, atol=1e-6)


def test_a_grid_put_together_anew_is_any_tuple() -> None:
    x, index = numbers((60, 120), "float32"), positions((60, 120), 1)
    again = Grid(list(grid(index, 1)))
    np.testing.assert_array_equal(places.getitem(x, again), np.take_along_axis(x, index, 1))
    np.testing.assert_array_equal(places.setitem(x, x, (), again), places.setitem(x, x, (), grid(index, 1)))


INDICES = [
    np.random.default_rng(3).integers(-60, 60, 90),  # no runs
    np.array([2, 1, *range(60), 58, 57]),  # as padding mirrors
    np.array([0, 0, *range(60), 59]),  # as padding repeats
    np.array([*range(-60, 0), *range(5)]),  # counted from the end
    np.array([[3, 4], [4, 59]]),
]


@pytest.mark.parametrize("index", INDICES, ids=range(len(INDICES)))
@pytest.mark.parametrize(("shape", "axis"), [((60, 120), 0), ((120, 60), 1), ((4, 60, 30), 1), ((6000, 60), 1)])
def test_positions_along_an_axis(shape: tuple[int, ...], axis: int, index: Array) -> None:
    x = numbers(shape, "float32")
    at: Any = (*(slice(None),) * axis, index)
    for laid in (x, np.asfortranarray(x)):
        np.testing.assert_array_equal(places.getitem(laid, at), x[at])
    values = np.nan_to_num(numbers(x[at].shape, "float32", 2), posinf=1, neginf=-1)
    expected = np.zeros(shape, "float32")
    np.add.at(expected, at, values)
    np.testing.assert_allclose(places.scatter_add(values, at, shape), expected, rtol=1e-5, atol=1e-6)
    both("places", lambda: places.setitem(x, values, (), at))


def test_positions_out_of_range_are_refused() -> None:
    for wrong in (60, -61):
        with pytest.raises(IndexError):
            places.getitem(np.zeros((60, 100)), (np.array([0, wrong]),))


@pytest.mark.parametrize("dim", [0, 1])
def test_of_repeated_slices_the_last_stays_and_has_the_gradient(dim: int) -> None:
    x, value = minidl.zeros(90, 90), minidl.ones(90, 90, requires_grad=True)
    index = minidl.tensor(np.arange(90) // 2 * 2)
    out = minidl.index_copy(x, dim, index, value * minidl.arange(8100.0).reshape(90, 90))
    out.sum().backward()
    written = np.arange(8100.0).reshape(90, 90)
    lines = np.moveaxis(written, dim, 0)
    expected = np.zeros((90, 90))
    expected[::2] = lines[1::2]
    np.testing.assert_array_equal(np.moveaxis(out.data, dim, 0), expected)
    kept = np.where(np.arange(90)[:, None] % 2, lines, 0)
    np.testing.assert_array_equal(np.moveaxis(value.grad.data, dim, 0), kept)


@pytest.mark.parametrize("dim", [0, 1])
def test_of_repeated_numbers_the_last_stays_and_has_the_gradient(dim: int) -> None:
    index = positions((90, 90), dim)
    source = minidl.tensor(np.arange(8100.0).reshape(90, 90), requires_grad=True)
    out = minidl.scatter(minidl.zeros(90, 90, dtype=minidl.float64), dim, minidl.tensor(index), source)
    out.sum().backward()
    expected, kept = np.zeros((90, 90)), np.zeros((90, 90))
    for place in np.ndindex(90, 90):
        at = list(place)
        at[dim] = index[place]
        expected[tuple(at)] = source.data[place]
    for place in np.ndindex(90, 90):
        at = list(place)
        at[dim] = index[place]
        kept[place] = expected[tuple(at)] == source.data[place]
    np.testing.assert_array_equal(out.data, expected)
    np.testing.assert_array_equal(source.grad.data, kept)


@pytest.mark.parametrize("layout", ["first", "last"])
@pytest.mark.parametrize(("size", "step", "dilation"), [(3, 1, 1), (2, 3, 2), (0, 1, 1), (1, 2, 1)])
def test_windows_added_up(size: int, step: int, dilation: int, layout: str) -> None:
    x = np.random.default_rng(0).standard_normal((2, 11, 3))
    cut = places.windows(x, 1, size, step, dilation)
    laid = np.ascontiguousarray(np.moveaxis(cut, -1, 1) if layout == "first" else cut)
    given = np.moveaxis(laid, 1, -1) if layout == "first" else laid
    expected = np.zeros((2, 11, 3))
    for window in range(given.shape[1]):
        for k in range(size):
            expected[:, window * step + k * dilation] += given[:, window, :, k]
    np.testing.assert_allclose(places.from_windows(given, 1, 11, step, dilation), expected, rtol=1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_scans(shape: tuple[int, ...], axis: int, dtype: str) -> None:
    x, a = numbers(shape, dtype), 0.5 * numbers(shape, dtype, 2)
    near = {"float32": {"rtol": 1e-4, "atol": 1e-5}, "float64": {"rtol": 1e-10, "atol": 1e-12}}[dtype]
    for laid in (x, x[::-1], np.asfortranarray(x)):
        both("scans", lambda x=laid: scans.cumulative_sum(x, axis), **near)  # type: ignore[misc]
        both("scans", lambda x=laid: scans.cumulative_prod(x, axis), **near)  # type: ignore[misc]
        both("scans", lambda x=laid: scans.recurrence(a, x, axis), **near)  # type: ignore[misc]
        both("scans", lambda x=laid: scans.last_extremum(x, axis, True))  # type: ignore[misc]


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(
    ("shape", "axis"), [((90, 101), 1), ((101, 90), 0), ((9001,), 0), ((5, 40, 37), 2), ((5, 40, 37), 1)]
)
def test_products(shape: tuple[int, ...], axis: int, keepdims: bool) -> None:
    x = 1 + 0.1 * np.random.default_rng(0).standard_normal(shape)
    x.reshape(-1)[::53] = 0
    x.reshape(-1)[::101] = np.inf
    for order in "CF":
        laid = np.asarray(x, order=order)  # type: ignore[call-overload]
        with np.errstate(all="ignore"):
            found, expected = scans.prod(laid, axis, keepdims), np.prod(x, axis, keepdims=keepdims)
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_product_does_not_become_nan_of_its_halves() -> None:
    x = np.concatenate([np.full(4096, 1e-2), np.full(4096, 1e2)])
    assert not np.isnan(scans.prod(x, 0))


@pytest.mark.parametrize("scale", [1.0, 0.0, 1e-30])
def test_gradient_of_a_product(scale: float) -> None:
    """By a division where all factors are far from 0, and without one else."""
    rng = np.random.default_rng(0)
    values = np.exp(0.1 * rng.standard_normal((100, 50))) * rng.choice([-1, 1], (100, 50))
    values[3, 7] = scale
    x = minidl.tensor(values.astype(np.float32), requires_grad=True)
    minidl.prod(x, 1).sum().backward()
    expected = [[np.prod(np.delete(row, k)) for k in range(50)] for row in values]
    np.testing.assert_allclose(x.grad.data, expected, rtol=2e-5)


@pytest.mark.parametrize(
    ("shape", "axis"), [((60, 120), 1), ((120, 60), 0), ((4, 30, 60), 1), ((9000,), 0), ((5, 7), 1)]
)
@pytest.mark.parametrize("kind", ["distinct", "ties", "whole", "nan"])
def test_position_of(shape: tuple[int, ...], axis: int, kind: str) -> None:
    x: Array = np.random.default_rng(0).standard_normal(shape)
    if kind in ("ties", "whole"):
        x = np.round(3 * x).astype(float if kind == "ties" else np.int64)
    if kind == "nan":
        x.reshape(-1)[::97] = np.nan
    order = np.argsort(x, axis=axis, kind="stable")
    for k in (0, shape[axis] // 3, shape[axis] - 1):
        np.testing.assert_array_equal(scans.position_of(x, axis, k), np.take(order, [k], axis))
