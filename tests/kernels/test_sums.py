"""Large sums of whole rows by a kernel: any order of memory, little rounding, the same bits on any number of threads."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.kernels.cpu import paths, summation

RNG = np.random.default_rng(0)


def lying(shape: tuple[int, ...], order: tuple[int, ...]) -> np.ndarray:
    """Random numbers of this shape, the axes in memory from the slowest to the quickest in this order."""
    memory = RNG.standard_normal([shape[k] for k in order]).astype(np.float32)
    return memory.transpose(np.argsort(order))


CASES = [
    ((700, 60), (0, 1), 0),
    ((33, 50, 70), (0, 1, 2), (0, 1)),
    ((33, 50, 70), (1, 0, 2), (0, 1)),
    ((33, 50, 70), (0, 1, 2), -2),
    ((9, 6, 28, 29), (0, 2, 3, 1), (0, 2, 3)),
    ((9, 16, 28, 29), (0, 2, 3, 1), (2, 3)),
    ((9, 16, 28, 29), (0, 2, 3, 1), (0, 2)),
    ((2, 2, 130, 1, 129), (0, 1, 2, 3, 4), (0, 3, 2)),
    ((300_000, 2), (0, 1), 0),
    ((5, 1, 20_011), (0, 1, 2), (0, 1)),
    ((200, 300), (0, 1), 1),
    ((200, 300), (0, 1), None),
    ((20, 30, 70), (2, 0, 1), (0, 1)),
]
"""Shape, order in memory, axes; some of them no sums of whole rows."""


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(("shape", "order", "axis"), CASES, ids=str)
def test_sum_and_mean(
    shape: tuple[int, ...], order: tuple[int, ...], axis: int | tuple[int, ...] | None, keepdims: bool
) -> None:
    x = lying(shape, order)
    for ours, exact in ((summation.sum, np.sum), (summation.mean, np.mean)):
        found, expected = ours(x, axis, keepdims), exact(x.astype(np.float64), axis=axis, keepdims=keepdims)
        assert found.dtype == np.float32
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-4 if ours is summation.sum else 1e-7)
        with paths.without("sums"):
            np.testing.assert_allclose(found, ours(x, axis, keepdims), rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("shape", [(40_000, 6), (700, 60)], ids=str)
def test_the_kernel_takes_rows(shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    from minidl.kernels.cpu import summing

    taken = []
    for name in ("add_rows", "add_rows_alone"):
        kernel = getattr(summing, name)
        monkeypatch.setattr(summing, name, lambda *given, kernel=kernel: taken.append(given) or kernel(*given))
    x = lying(shape, (0, 1))
    summation.sum(x, 0)
    assert len(taken) == 1
    summation.sum(x.astype(np.float64), 0)
    summation.sum(x, 1)
    with paths.without("sums"):
        summation.sum(x, 0)
    assert len(taken) == 1


def test_ones_are_added_where_float32_cannot_count_them_any_more() -> None:
    x = np.ones((40_001, 2), np.float32)
    x[0] = 1 << 24
    assert summation.sum(x, 0).tolist() == [(1 << 24) + 40_000] * 2


def test_infinity_and_nan_stay_in_their_column() -> None:
    x = np.ones((5000, 20), np.float32)
    x[4, 3], x[4999, 7] = np.inf, np.nan
    expected = np.full(20, 5000.0)
    expected[3], expected[7] = np.inf, np.nan
    np.testing.assert_array_equal(summation.sum(x, 0), expected)


def test_threads_do_not_change_the_bits() -> None:
    import numba

    x, before = lying((60_000, 6), (0, 1)), numba.get_num_threads()
    on_all = summation.sum(x, 0)
    numba.set_num_threads(1)
    try:
        np.testing.assert_array_equal(summation.sum(x, 0), on_all)
    finally:
        numba.set_num_threads(before)
