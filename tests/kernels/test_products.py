"""Products of matrices: the same numbers however the memory lies."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.kernels.cpu import backend
from minidl.kernels.cpu.blas import for_blas

RNG = np.random.default_rng(0)


def heads(batch: int, tokens: int, count: int, size: int) -> np.ndarray:
    """Heads of attention, `(batch, count, tokens, size)`, as they lie after the axes have changed places."""
    return RNG.standard_normal((batch, tokens, count, size)).transpose(0, 2, 1, 3)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (RNG.standard_normal((4, 20, 30)), RNG.standard_normal((30, 10))),
        (RNG.standard_normal((4, 20, 30)).transpose(0, 2, 1), RNG.standard_normal((4, 20, 10))),
        (heads(2, 17, 3, 8), heads(2, 17, 3, 8).swapaxes(-1, -2)),
        (RNG.standard_normal((20, 60))[:, ::2], RNG.standard_normal((30, 20))),
        (np.broadcast_to(RNG.standard_normal((20, 1)), (20, 30)), RNG.standard_normal((30, 20))[::-1]),
        (RNG.standard_normal((3, 5, 0)), RNG.standard_normal((0, 4))),
        (RNG.standard_normal((0, 5, 3)), RNG.standard_normal((3, 4))),
        (RNG.standard_normal((2, 20, 30)), RNG.standard_normal(30)),
        (RNG.standard_normal(30), RNG.standard_normal((2, 30, 20))),
        (RNG.standard_normal(300), RNG.standard_normal(300)),
    ],
    ids=range(10),
)
def test_a_product_does_not_depend_on_the_layout(x: np.ndarray, y: np.ndarray) -> None:
    found = backend.matmul(x, y)
    expected = np.matmul(np.ascontiguousarray(x), np.ascontiguousarray(y))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_only_what_blas_cannot_read_is_copied() -> None:
    x = RNG.standard_normal((3, 20, 30))
    for kept in (x, x.swapaxes(-1, -2), x[:, 2:, 3:], x[:, :, :1], x[0]):
        assert for_blas(kept) is kept
    for copied in (x.transpose(1, 0, 2)[..., ::2], x[..., ::2], np.broadcast_to(x[0, :, :1], (20, 30))):
        assert for_blas(copied).flags.c_contiguous
