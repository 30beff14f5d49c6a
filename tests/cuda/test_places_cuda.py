"""Picking, setting, adding up and turning around on a device: as on the CPU, and the same bits each time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl.errors import RangeError
from minidl.kernels.cpu import backend as cpu
from minidl.kernels.cuda.array import DeviceArray
from minidl.kernels.cuda.backend import backend
from minidl.kernels.cuda.places import moves as places_moves
from minidl.kernels.cuda.places import order as places_order
from minidl.kernels.cuda.places import picking as places
from minidl.kernels.cuda.places import views as places_views
from minidl.kernels.cuda.runtime import memory
from minidl.kernels.cuda.simulator import driver
from minidl.kernels.grid import grid

pytestmark = pytest.mark.usefixtures("simulated_gpu")

_MASK = np.random.default_rng(1).random((3, 4, 5)) > 0.6
BASIC = [
    1,
    (1, slice(None, None, 2)),
    (Ellipsis, None, slice(None, None, -1)),
    (slice(2, 0, -1), slice(1, 1)),
    (-1, 2, 4),
]
ADVANCED = [
    (np.array([0, 2, 0]),),
    (np.array(2),),
    (np.zeros(0, np.int64),),
    (slice(None), np.array([1, -1, 1])),
    (slice(None), slice(None), np.array([[0, 4], [4, 4]])),
    (np.array([0, 1]), slice(None), np.array([2, 3])),
    (slice(1, 3), np.array([0, 1, 0])),
    (slice(None, None, -1), np.array([0, 1, 0])),
    (np.array([[0], [2]]), np.array([1, 3])),
    (slice(None), np.array([0, 1]), np.array([4, 4])),
    (slice(None, 0), np.array([1])),
    (np.array([1, 0]), None, 2),
    (np.array([True, False, True]),),
    (_MASK,),
    (slice(None), np.array([True, False, True, True]), np.array([0, 1, 4])),
    (True,),
]


def numbers(*shape: int, dtype: Any = np.float32) -> Any:
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


def on_device(tree: Any) -> Any:
    """The arrays of an index on the device, all others as they are."""
    if isinstance(tree, tuple):
        return tuple(map(on_device, tree))
    return memory.to_device(tree) if isinstance(tree, np.ndarray) else tree


def assert_same(there: DeviceArray, here: Any, rtol: float = 0.0) -> None:
    assert there.shape == here.shape
    assert there.dtype == here.dtype
    np.testing.assert_allclose(there.numpy(), here, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("index", BASIC, ids=str)
def test_slices_are_views(index: Any) -> None:
    x = numbers(3, 4, 5)
    there = memory.to_device(x)
    got = backend.getitem(there, index)
    assert_same(got, x[index])
    if "-1" not in str(index) or index == (-1, 2, 4):
        assert got.base is there
    value = numbers(*x[index].shape)
    assert_same(backend.setitem(there, memory.to_device(value), (), (index if isinstance(index, tuple) else (index,))),
                cpu.setitem(x, value, (), index))  # fmt: skip
    assert_same(backend.scatter_add(got, index, x.shape), cpu.scatter_add(x[index], index, x.shape))
    assert_same(there, x)


@pytest.mark.parametrize("where", ["host", "device"])
@pytest.mark.parametrize("index", ADVANCED, ids=str)
def test_arrays_pick_and_set_as_on_the_cpu(index: Any, where: str) -> None:
    x = numbers(3, 4, 5)
    there = memory.to_device(x)
    given = index if where == "host" else on_device(index)
    want = cpu.getitem(x, index)
    assert_same(backend.getitem(there, given), want)
    value = numbers(*want.shape)
    assert_same(backend.setitem(there, memory.to_device(value), (), given), cpu.setitem(x, value, (), index))
    assert_same(backend.setitem(there, 2.5, (), given), cpu.setitem(x, 2.5, (), index))
    assert_same(
        backend.scatter_add(memory.to_device(value), given, x.shape), cpu.scatter_add(value, index, x.shape), 1e-6
    )


def test_arrays_that_lie_otherwise() -> None:
    x = numbers(4, 5, 3)
    view = places_views.transposed(memory.to_device(x), (2, 0, 1))
    index = np.array([1, 3, 1])
    assert_same(backend.getitem(view, (slice(None), index)), x.transpose(2, 0, 1)[:, index])
    assert_same(
        backend.setitem(view, 1.0, (), (slice(None), index)),
        cpu.setitem(x.transpose(2, 0, 1), 1.0, (), (slice(None), index)),
    )
    into = memory.to_device(x)
    places.write(places_views.transposed(into, (2, 0, 1)), (slice(None), on_device(index)), 7.0)
    x.transpose(2, 0, 1)[:, index] = 7.0
    assert_same(into, x)
    for mask in (x > 0, memory.to_device(x[:, :, 0] > 0)):
        into[mask] = -1.5
        x[mask.numpy() if isinstance(mask, DeviceArray) else mask] = -1.5
        assert_same(into, x)


@pytest.mark.parametrize("dtype", ["float64", "int64", "int32", "uint8", "bool", "float16"])
def test_bits_are_moved_whatever_they_mean(dtype: str) -> None:
    x = numbers(3, 5, dtype="float32").round(0).astype(dtype)
    there, index = memory.to_device(x), (np.array([2, 0, 2]),)
    assert_same(backend.getitem(there, on_device(index)), x[index])
    assert_same(backend.flip(there, (0, 1)), np.flip(x))
    assert_same(backend.roll(there, (1, -7), (0, 1)), np.roll(x, (1, -7), (0, 1)))


@pytest.mark.parametrize("dtype", ["float64", "int64", "int32", "bool"])
def test_additions_of_every_dtype(dtype: str) -> None:
    values, index = numbers(6, 2).round(1).astype(dtype), (np.array([0, 2, 0, 0, 2, 4]),)
    assert_same(
        backend.scatter_add(memory.to_device(values), index, (5, 2)), cpu.scatter_add(values, index, (5, 2)), 1e-12
    )


def test_float16_is_added_in_float32() -> None:
    values, index = np.full(300, 0.1, np.float16), (np.zeros(300, np.int64),)
    there = memory.to_device(values)
    driver.launches.clear()
    total = backend.scatter_add(there, index, (2,))
    assert total.dtype == np.float16
    assert total.numpy().tolist() == [np.float16(300 * float(np.float16(0.1))), 0]
    best = backend.scatter_extremum(memory.to_device(np.zeros(2, np.float16)), there, grid(index[0], 0), True)
    assert best.numpy().tolist() == [values[0], 0]
    cut = np.full((3, 2), 0.1, np.float16)
    assert backend.from_windows(memory.to_device(cut), 0, 4, 1, 1).numpy().tolist() == [
        values[0],
        2 * values[0],
        2 * values[0],
        values[0],
    ]
    assert not any("float16" in name and "_of_runs" in name for name in driver.launches)


@pytest.mark.parametrize("count", [2, places.SHORT + 9])
@pytest.mark.parametrize("dim", [0, 1, 2])
def test_an_index_along_an_axis(dim: int, count: int) -> None:
    x = numbers(3, 4, 5)
    shape = [2, 3, 4]
    shape[dim] = count
    positions = np.random.default_rng(dim).integers(0, x.shape[dim], shape)
    values = numbers(*shape)
    there, given = memory.to_device(x), memory.to_device(values)
    here = grid(positions, dim)
    for index in (
        here,
        grid(memory.to_device(positions), dim),
        grid(memory.to_device(positions.astype(np.int32)), dim),
    ):
        assert_same(backend.getitem(there, index), cpu.getitem(x, here))
        assert_same(backend.setitem(there, given, (), index), cpu.setitem(x, values, (), here))
        assert_same(backend.scatter_add(given, index, x.shape), cpu.scatter_add(values, here, x.shape), 1e-6)
        for largest in (True, False):
            assert_same(
                backend.scatter_extremum(there, given, index, largest), cpu.scatter_extremum(x, values, here, largest)
            )


def test_extrema_take_nan_and_additions_keep_infinities() -> None:
    values = np.array([1, np.nan, 5, np.inf, 1, np.inf], np.float32)
    positions = np.array([0, 0, 1, 2, 2, 3])
    for repeated in (1, 12):
        index, given = grid(np.tile(positions, repeated), 0), np.tile(values, repeated)
        x = np.zeros(4, np.float32)
        assert_same(
            backend.scatter_extremum(memory.to_device(x), memory.to_device(given), index, True),
            np.array([np.nan, 5, np.inf, np.inf], np.float32),
        )
        added = backend.scatter_add(memory.to_device(given), index, (4,)).numpy()
        assert np.isnan(added[0])
        assert added[1:].tolist() == [5 * repeated, np.inf, np.inf]


def test_positions_out_of_range() -> None:
    x = numbers(3, 2)
    there = memory.to_device(x)
    long = memory.to_device(np.tile(x, (1, 4)))
    assert np.isnan(backend.getitem(long, on_device((np.array([3, 0]),))).numpy()).tolist() == [[True] * 8, [False] * 8]
    for index in ((np.array([0, 3]),), (slice(None), np.array([-3])), 3, (0, 0, 0), (np.zeros((2, 2), bool),)):
        with pytest.raises(RangeError):
            backend.getitem(there, index)
    with pytest.raises(RangeError, match="index 3 is out of range for axis 0"):
        backend.getitem(there, grid(np.array([[3]]), 0))
    beyond = on_device((np.array([2, 3, -4]),))
    picked = backend.getitem(there, beyond).numpy()
    assert (picked[0] == x[2]).all()
    assert np.isnan(picked[1:]).all()
    assert_same(backend.setitem(there, 1.0, (), beyond), cpu.setitem(x, 1.0, (), (np.array([2]),)))
    assert backend.scatter_add(memory.to_device(x), beyond, (3, 2)).numpy().tolist() == [[0, 0], [0, 0], x[0].tolist()]


def test_sums_of_many_are_exact_to_the_last_place_and_the_same_each_time() -> None:
    values = np.abs(numbers(800))
    index = (np.random.default_rng(3).integers(0, 4, 800),)
    exact = cpu.scatter_add(values.astype(np.float64), index, (4,))
    one = backend.scatter_add(memory.to_device(values), on_device(index), (4,)).numpy()
    np.testing.assert_allclose(one, exact, rtol=2e-7)
    again = backend.scatter_add(memory.to_device(values), index, (4,)).numpy()
    assert one.tobytes() == again.tobytes()


@pytest.mark.parametrize(("count", "end"), [(0, 5), (1, 1), (127, 16), (300, 300)])
def test_both_sorts_keep_equal_keys_in_order(count: int, end: int) -> None:
    keys = np.random.default_rng(count).integers(-1, end, count).astype(np.int32)
    counted = np.where(keys < 0, end, keys)
    for sort in (places_order.sort, places_order.radix_sort):
        ordered, order = sort(memory.to_device(keys), end)
        assert ordered.numpy().tolist() == np.sort(counted).tolist()
        assert order.numpy().tolist() == np.argsort(counted, kind="stable").tolist()


def test_tiles_of_keys_join() -> None:
    keys = np.random.default_rng(0).integers(0, 300, 2500).astype(np.int32)
    ordered, order = places_order.radix_sort(memory.to_device(keys), 300)
    assert ordered.numpy().tolist() == np.sort(keys).tolist()
    assert order.numpy().tolist() == np.argsort(keys, kind="stable").tolist()


def test_what_is_not_0_is_found_in_order() -> None:
    for x in (
        numbers(5, 7, 2) * (np.arange(70).reshape(5, 7, 2) % 3 == 0),
        np.array(4.0),
        np.zeros((0, 3)),
        np.array([np.nan, 0, -0.0]),
    ):
        assert_same(backend.argwhere(memory.to_device(x)), np.argwhere(x))


def test_take_along_axis_broadcasts() -> None:
    x, index = numbers(2, 3, 4), np.array([[[3, 0, -1]]])
    assert_same(
        backend.take_along_axis(memory.to_device(x), on_device(index), -1),
        np.take_along_axis(x, np.tile(index, (2, 3, 1)), -1),
    )


def test_diagonals_and_windows_are_views() -> None:
    x = numbers(3, 4, 5)
    there = memory.to_device(x)
    for offset in (-9, -1, 0, 2):
        assert_same(backend.diagonal(there, offset, 2, 0), cpu.diagonal(x, offset, 2, 0))
        line = cpu.diagonal(x, offset, 0, 1)
        assert_same(
            backend.from_diagonal(memory.to_device(line), (3, 4, 5), offset, 0, 1),
            cpu.from_diagonal(line, (3, 4, 5), offset, 0, 1),
        )
    assert backend.diagonal(there, 0, 0, 1).base is there
    for axis, size, step, dilation in ((1, 2, 1, 2), (-1, 3, 2, 1), (0, 0, 1, 1)):
        cut = backend.windows(there, axis, size, step, dilation)
        assert_same(cut, cpu.windows(x, axis % 3, size, step, dilation))
        assert cut.base is there


def test_padding_keeps_the_order_of_memory() -> None:
    image = places_views.transposed(memory.to_device(numbers(2, 3, 3, 4)), (0, 3, 1, 2))
    padded = backend.scatter_add(image, (slice(None), slice(None), slice(1, 4), slice(1, 4)), (2, 4, 5, 5))
    assert padded.strides == (400, 4, 80, 16)
    assert_same(padded, np.pad(image.numpy(), ((0, 0), (0, 0), (1, 1), (1, 1))))


def test_rows_of_fours_are_picked_together() -> None:
    x = numbers(2, 3, 8)
    for there, here in ((memory.to_device(x), x), (memory.to_device(x)[:, :, 1:5], x[:, :, 1:5])):
        for axis in (0, 1):
            index = (slice(None),) * axis + (np.array([1, 0, 1]),)
            driver.launches.clear()
            picked = backend.getitem(there, index)
            assert "pick_fours" in driver.launches
            assert_same(picked, here[index])


def test_packing() -> None:
    parts = numbers(2, 3, 3), numbers(2, 3)
    assert_same(backend.pack(*map(memory.to_device, parts)), cpu.pack(*parts))


def test_moves_between_arrays_that_lie_differently() -> None:
    x = numbers(2, 3, 4)
    target = memory.to_device(np.zeros((4, 3, 2), np.float32))
    places_moves.move(places_views.transposed(memory.to_device(x), (2, 1, 0)), target)
    assert_same(target, x.transpose(2, 1, 0))
