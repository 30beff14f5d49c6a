"""Products of matrices by register tiles: NumPy's numbers, from memory in any order, the same bits on any number of threads."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.kernels.cpu import backend, paths, products
from minidl.kernels.cpu.products import is_simple, multiplying

RNG = np.random.default_rng(0)
SIZES = [(8, 8, 8), (9, 1, 17), (64, 30, 33), (13, 70, 24), (65, 24, 65), (3, 5, 2), (40, 129, 7), (257, 3, 10)]
"""Rows, sums and columns: whole tiles, ragged ones, one short and one long side."""


def matrices(shape: tuple[int, ...], order: str, dtype: type) -> np.ndarray:
    """Random ones whose memory lies in rows, in columns, as heads of attention do, with gaps, or with two axes exchanged."""
    if order == "columns":
        return matrices((*shape[:-2], shape[-1], shape[-2]), "rows", dtype).swapaxes(-1, -2)
    if order == "gaps":
        return matrices((*shape[:-1], 2 * shape[-1] + 1), "rows", dtype)[..., 1::2]
    if order == "heads":
        return matrices((*shape[:-3], shape[-2], *shape[-3:-2], shape[-1]), "rows", dtype).swapaxes(-2, -3)
    return RNG.standard_normal(shape).astype(dtype)


def by_tiles(x: np.ndarray, y: np.ndarray, order: str = "rows") -> np.ndarray:
    """x @ y by the kernel, whatever the size, into memory of that order."""
    batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    result = matrices((*batch, x.shape[-2], y.shape[-1]), order, x.dtype.type)
    multiplying(result, x, y)()
    return result


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(
    ("left", "right", "to"), [("rows", "rows", "rows"), ("columns", "gaps", "rows"), ("gaps", "columns", "columns")]
)
def test_one_product(size: tuple[int, int, int], left: str, right: str, to: str, dtype: type) -> None:
    x, y = matrices(size[:2], left, dtype), matrices(size[1:], right, dtype)
    np.testing.assert_allclose(by_tiles(x, y, to), x @ y, atol=100 * np.finfo(dtype).eps)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ((3, 9, 5), (3, 5, 11)),
        ((20, 9, 5), (20, 5, 11)),
        ((2, 7, 9, 5), (2, 7, 5, 33)),
        ((2, 3, 9, 5), (5, 40)),
        ((9, 5), (4, 3, 5, 6)),
        ((4, 1, 9, 5), (3, 5, 6)),
    ],
    ids=str,
)
@pytest.mark.parametrize("order", ["rows", "columns", "heads", "gaps"])
def test_batches_broadcast(x: tuple[int, ...], y: tuple[int, ...], order: str) -> None:
    a = matrices(x, order if len(x) > 2 else "rows", np.float32)
    b = matrices(y, order if len(y) > 2 else "rows", np.float32)
    np.testing.assert_allclose(by_tiles(a, b), a @ b, atol=1e-5)


@pytest.mark.parametrize("size", [(64, 784, 256), (128, 128, 96)], ids=str)
def test_the_backend_takes_tiles_and_can_do_without(
    size: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = matrices(size[:2], "rows", np.float32), matrices(size[1:], "columns", np.float32)
    taken = []
    monkeypatch.setattr(products, "multiplying", lambda *arrays: taken.append(arrays) or multiplying(*arrays))
    by_kernel = backend.matmul(x, y)
    assert len(taken) == 1
    with paths.without("products"):
        by_blas = backend.matmul(x, y)
    assert len(taken) == 1
    np.testing.assert_allclose(by_kernel, by_blas, atol=1e-3)


def test_results_are_the_same_bits_on_any_number_of_threads() -> None:
    import numba

    cases = [
        (matrices((64, 300), "rows", np.float32), matrices((300, 130), "columns", np.float32)),
        (matrices((12, 40, 30), "rows", np.float32), matrices((12, 30, 50), "rows", np.float32)),
        (matrices((300, 40), "rows", np.float32), matrices((40, 40), "rows", np.float32)),
    ]
    before = numba.get_num_threads()
    on_all = [by_tiles(x, y) for x, y in cases]
    numba.set_num_threads(1)
    try:
        on_one = [by_tiles(x, y) for x, y in cases]
    finally:
        numba.set_num_threads(before)
    assert all(map(np.array_equal, on_all, on_one))


def test_memory_that_kernels_cannot_take_is_copied_first() -> None:
    x, y = matrices((128, 128), "rows", np.float32), matrices((128, 96), "rows", np.float32)
    fixed = y.copy()
    fixed.flags.writeable = False
    for other in (fixed, y[::-1], y[:, ::-1]):
        assert not is_simple(other)
        np.testing.assert_allclose(backend.matmul(x, other), x @ other, atol=1e-4)


@pytest.mark.parametrize(("x", "y"), [((256, 1), (1, 30)), ((3, 5, 1), (1, 4)), ((5, 1), (3, 1, 0))], ids=str)
def test_a_single_sum_is_an_outer_product(x: tuple[int, ...], y: tuple[int, ...]) -> None:
    a, b = RNG.standard_normal(x), RNG.standard_normal(y)
    np.testing.assert_array_equal(backend.matmul(a, b), a @ b)


def test_infinity_and_nan_reach_only_the_results_that_they_belong_to() -> None:
    x, y = np.ones((9, 10), np.float32), np.ones((10, 35), np.float32)
    x[8, 3], y[2, 34] = np.nan, np.inf
    np.testing.assert_array_equal(by_tiles(x, y), x @ y)


@pytest.mark.parametrize("shape", [(5, 4), (2, 5, 4), (2, 3, 5, 4)], ids=str)
def test_the_gradient_of_a_weight_lies_as_the_weight_does(shape: tuple[int, ...]) -> None:
    weight = minidl.tensor(RNG.standard_normal((3, 4)), requires_grad=True)
    x = minidl.tensor(RNG.standard_normal(shape), requires_grad=True)
    g = RNG.standard_normal((*shape[:-1], 3))
    minidl.nn.functional.linear(x, weight).backward(minidl.tensor(g))
    for parameter, expected in ((weight, g.reshape(-1, 3).T @ x.data.reshape(-1, 4)), (x, g @ weight.data)):
        assert parameter.grad.data.flags.c_contiguous
        np.testing.assert_allclose(parameter.grad.data, expected, rtol=1e-12)


def test_the_gradients_of_an_einsum_lie_in_rows() -> None:
    x, y = (minidl.tensor(RNG.standard_normal(shape), requires_grad=True) for shape in ((5, 6), (6, 7)))
    minidl.einsum("ij,jk->ik", x, y).sum().backward()
    assert x.grad.data.flags.c_contiguous
    assert y.grad.data.flags.c_contiguous
