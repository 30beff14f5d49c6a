"""Products of matrices in the simulator, on odd shapes, against NumPy's."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from minidl.errors import NotOnDeviceError
from minidl.kernels import cpu
from minidl.kernels.cuda.backend import backend
from minidl.kernels.cuda.matmul import batch as matmul_batch
from minidl.kernels.cuda.matmul import products
from minidl.kernels.cuda.matmul.fast import fast_kernel, turing_kernel
from minidl.kernels.cuda.matmul.tile import LARGE, SMALL, Tile
from minidl.kernels.cuda.runtime import memory
from minidl.kernels.cuda.simulator import driver as simulated

pytestmark = pytest.mark.usefixtures("simulated_gpu")

TINY = Tile(32, 32, 8, 3, across=1)
"""A tile of two warps, one above the other: all that a larger one does, in less time."""


def drawn(*shape: int, dtype: str = "float32") -> np.ndarray[Any, Any]:
    return (np.random.default_rng(shape).standard_normal(shape) * (1 if "f" in dtype else 5)).astype(dtype)


def launched() -> list[str]:
    """The kernels launched since the last question."""
    names = list(simulated.launches)
    simulated.launches.clear()
    return names


def assert_close(got: Any, expected: Any, tolerance: float = 2e-5) -> None:
    got = got.numpy()
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


# NumPy's rules ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ((3,), (3,)),
        ((3,), (3, 2)),
        ((2, 3), (3,)),
        ((2, 3, 4), (4, 2)),
        ((5, 1, 3, 4), (2, 4, 2)),
        ((2, 3, 4), (4,)),
        ((4,), (2, 4, 3)),
        ((2, 3, 4, 5), (2, 3, 5, 1)),
        ((0, 4), (4, 2)),
        ((2, 0), (0, 3)),
        ((0,), (0,)),
        ((3, 0, 2), (2, 4)),
    ],
)
def test_shapes_are_numpys(x: tuple[int, ...], y: tuple[int, ...]) -> None:
    a, b = drawn(*x), drawn(*y)
    assert_close(memory.to_device(a) @ memory.to_device(b), np.asarray(a @ b))


@pytest.mark.parametrize(
    ("x", "y"), [((3, 4), (3, 4)), ((), (3,)), ((3,), (4,)), ((2, 3, 4), (3, 4, 5)), ((2,), (3, 4))]
)
def test_shapes_that_do_not_fit_are_refused_in_numpys_words(x: tuple[int, ...], y: tuple[int, ...]) -> None:
    a, b = np.ones(x), np.ones(y)
    with pytest.raises(ValueError, match=r"matmul|broadcast") as expected:
        np.matmul(a, b)
    with pytest.raises(ValueError, match=r"matmul|broadcast") as got:
        products.matmul(memory.to_device(a), memory.to_device(b))
    assert str(got.value) == str(expected.value)


@pytest.mark.parametrize("dtype", ["float64", "float16", "int64", "int32", "int8", "uint8"])
def test_dtypes_and_any_strides(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "SHORT", 16)
    products.plan_of.cache_clear()
    x, y = drawn(19, 35, dtype=dtype), drawn(35, 34, dtype=dtype)
    a, b = memory.to_device(x), memory.to_device(y)
    tolerance = 1e-2 if dtype == "float16" else 1e-12
    assert_close(a @ b, x @ y, tolerance)
    assert_close(a[:, ::7] @ b[::7, ::-1][:, ::2], x[:, ::7] @ y[::7, ::-1][:, ::2], tolerance)
    assert_close(b.T @ a.T, y.T @ x.T, tolerance)
    products.plan_of.cache_clear()
    names = launched()
    assert [name for name in names if "matmul" in name] == [
        f"matmul_{way}_{dtype}" for way in ("tiled_16", "naive", "tiled_16")
    ]


def test_mixed_dtypes_are_promoted_and_truth_is_not_multiplied() -> None:
    x, y = drawn(2, 3), drawn(3, 2, dtype="float64")
    assert_close(memory.to_device(x) @ memory.to_device(y), x @ y)
    truth = memory.to_device(np.ones((2, 2), bool))
    with pytest.raises(NotOnDeviceError, match="matmul of bool"):
        truth @ truth


def test_batches_of_any_strides_and_of_more_than_a_grid_has() -> None:
    q, k = drawn(2, 20, 3, 8), drawn(2, 33, 3, 8)  # two batch axes that do not lie one after the other
    a, b = memory.to_device(q), memory.to_device(k)
    expected = q.transpose(0, 2, 1, 3) @ k.transpose(0, 2, 3, 1)
    assert_close(a.transpose(0, 2, 1, 3) @ b.transpose(0, 2, 3, 1), expected)
    x, y = drawn(3, 1, 2, 2, 2), drawn(1, 3, 1, 2, 2)  # three that cannot be folded
    assert_close(memory.to_device(x) @ memory.to_device(y), x @ y)


def test_more_matrices_than_one_launch_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "MOST", 4)
    x, y = drawn(11, 3, 2), drawn(11, 2, 3)
    launched()
    assert_close(memory.to_device(x) @ memory.to_device(y), x @ y)
    assert launched() == ["matmul_naive_float32"] * 3
    assert matmul_batch.MOST == 65535


@pytest.mark.parametrize(
    "equation",
    [
        "ij,jk->ik",
        "bij,bjk->bik",
        "ii->i",
        "i->ii",
        "i->iii",
        "ij->ji",
        "i,i->",
        "i,j->ij",
        "ij,kj,kl->il",
        "iij,jk->ki",
    ],
)
def test_einsum_is_the_cpus(equation: str) -> None:
    length = dict(zip("ijklb", (3, 4, 5, 2, 6), strict=True))
    arrays = [drawn(*(length[i] for i in term)) for term in equation.partition("->")[0].split(",")]
    got = backend.einsum(equation, *map(memory.to_device, arrays))
    assert_close(got, np.asarray(cpu.backend.einsum(equation, *arrays)))
    if equation not in ("i->ii", "i->iii"):
        assert_close(got, np.asarray(np.einsum(equation, *arrays)))


# The fast kernels -----------------------------------------------------------------------------------------------------------


def laid(values: np.ndarray[Any, Any], by_columns: bool) -> Any:
    """On the device, row-major or column-major."""
    return memory.to_device(np.ascontiguousarray(values.T)).T if by_columns else memory.to_device(values)


@pytest.mark.parametrize(("rows", "sums", "columns"), [(37, 21, 35), (40, 20, 36), (1, 9, 50)])
@pytest.mark.parametrize("make", [fast_kernel, turing_kernel])
def test_every_layout_with_ragged_edges(
    make: Any, rows: int, sums: int, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "FEW", 0)
    monkeypatch.setattr(products, "SMALL", TINY)
    monkeypatch.setattr(products, "LARGE", TINY)
    monkeypatch.setattr(products, "COPIES_BESIDE", (8, 0) if make is fast_kernel else (99, 0))
    products.plan_of.cache_clear()
    x, y = drawn(rows, sums), drawn(sums, columns)
    found = []
    for left, right in itertools.product((False, True), repeat=2):
        launched()
        assert_close(laid(x, left) @ laid(y, right), x @ y)
        found += [name for name in launched() if name.startswith("matmul")]
    products.plan_of.cache_clear()
    way = "fast" if make is fast_kernel else "turing"
    assert all(name.startswith(f"matmul_{way}_32x32_") for name in found)
    if rows > 1:
        assert {name.split("_")[3] for name in found} == {"nn", "nt", "tn"}
        assert any("aligned" in name for name in found) == (sums % 4 == 0)


def test_a_batch_with_a_factor_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "FEW", 0)
    monkeypatch.setattr(products, "SMALL", TINY)
    products.plan_of.cache_clear()
    x, y = drawn(2, 1, 5, 12), drawn(3, 12, 8)
    a = memory.to_device(x)
    assert_close(a @ memory.to_device(y), x @ y)
    assert_close(a[:, :, :, 1:] @ memory.to_device(y)[:, 1:], x[:, :, :, 1:] @ y[:, 1:])
    products.plan_of.cache_clear()
    assert launched() == ["matmul_fast_32x32_nn_aligned", "matmul_fast_32x32_nn"]


def test_long_sums_are_shared_out_and_added_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "FEW", 0)
    monkeypatch.setattr(products, "WORTH_SHARING", 16)
    monkeypatch.setattr(products, "SMALL", TINY)
    products.plan_of.cache_clear()
    x, y = drawn(6, 77), drawn(77, 10)
    launched()
    results = [laid(x, by_columns) @ memory.to_device(y) for by_columns in (False, True, False)]
    products.plan_of.cache_clear()
    assert launched() == [
        name for order in ("nn", "tn", "nn") for name in (f"matmul_fast_32x32_{order}", "matmul_adding")
    ]
    for result in results:
        assert_close(result, x @ y)
        assert np.array_equal(result.numpy(), results[0].numpy())  # sums are added in one order, however factors lie


def test_infinities_and_nan_stay_in_their_rows_and_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "FEW", 0)
    monkeypatch.setattr(products, "SMALL", TINY)
    products.plan_of.cache_clear()
    x, y = drawn(5, 9), drawn(9, 6)
    x[1, 2], y[3, 4] = np.inf, np.nan
    got = (memory.to_device(x) @ memory.to_device(y)).numpy()
    products.plan_of.cache_clear()
    with np.errstate(invalid="ignore"):
        expected = x @ y
    assert np.array_equal(np.isnan(got), np.isnan(expected))
    assert np.array_equal(np.isinf(got), np.isinf(expected))


@pytest.mark.parametrize("make", [fast_kernel, turing_kernel])
def test_no_thread_reads_what_another_may_still_write(
    make: Any, strict_gpu: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "FEW", 0)
    monkeypatch.setattr(products, "SMALL", TINY)
    monkeypatch.setattr(products, "COPIES_BESIDE", (8, 0) if make is fast_kernel else (99, 0))
    products.plan_of.cache_clear()
    x, y = drawn(33, 20), drawn(20, 8)
    assert_close(memory.to_device(x) @ memory.to_device(y), x @ y)
    products.plan_of.cache_clear()


def test_the_large_tile() -> None:
    x, y = drawn(129, 17), drawn(17, 132)
    x_there, y_there = memory.to_device(x), memory.to_device(y)
    launched()
    out = products.matmul(x_there, y_there)
    assert launched() == ["matmul_fast_128x128_nn"]
    assert_close(out, x @ y)


# Which kernel when ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "matrices", "tile", "shares"),
    [
        ((4096, 4096, 4096), 1, LARGE, 1),
        ((64, 4096, 4096), 1, SMALL, 4),
        ((512, 512, 512), 1, SMALL, 2),
        ((512, 512, 512), 64, LARGE, 1),
        ((32, 100000, 32), 1, SMALL, 264),
        ((100000, 16, 65), 1, LARGE, 1),
    ],
)
def test_tiles_and_shares_for_132_multiprocessors(
    shape: tuple[int, int, int], matrices: int, tile: Tile, shares: int
) -> None:
    rows, sums, columns = shape
    chosen = products.tile_for(rows, columns, matrices, 132, rounds=False)
    assert chosen is tile
    tiles = -(-rows // chosen.rows) * -(-columns // chosen.columns)
    assert (products.shares_for(tiles, sums, 132) if matrices == 1 else 1) == shares
