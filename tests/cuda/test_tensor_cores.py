"""Products by tensor cores in the simulator: the fragments, the rounding, and how exact they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from minidl.errors import UsageError
from minidl.kernels.cuda.compiler.intrinsics_tensor import bfloat16_pair, tf32
from minidl.kernels.cuda.matmul import precision, products, tensor_cores
from minidl.kernels.cuda.matmul.tensor_cores import WarpTile
from minidl.kernels.cuda.runtime import memory
from minidl.kernels.cuda.simulator import driver as simulated

pytestmark = pytest.mark.usefixtures("simulated_gpu")

TINY = WarpTile(32, 64, 2, 4, stages=3, blocks=2)
"""A tile of two warps, side by side: all that a larger one does, in less time."""


@pytest.fixture
def at_precision(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Choose a precision, with small tiles for everything; afterwards all is as it was."""
    monkeypatch.setattr(products, "FEW", 0)
    monkeypatch.setattr(tensor_cores, "SMALL", TINY)
    monkeypatch.setattr(tensor_cores, "LARGE", TINY)
    products.plan_of.cache_clear()
    yield precision.set_float32_matmul_precision
    precision.set_float32_matmul_precision("highest")
    products.plan_of.cache_clear()


def bits(x: float) -> int:
    return int(np.float32(x).view(np.uint32))


def number(of: int) -> float:
    return float(np.uint32(of).view(np.float32))


def bfloat16(x: float) -> float:
    return number(bfloat16_pair(x, 0.0) << 16)


def rounded(x: np.ndarray[Any, Any], how: str) -> np.ndarray[Any, Any]:
    to = tf32 if how == "high" else bfloat16
    return np.array([to(float(v)) for v in x.ravel()]).reshape(x.shape)


def test_rounding_to_tf32_goes_to_the_nearest_and_halves_away_from_zero() -> None:
    ulp = 2.0**-10
    for x, expected in [
        (1 + ulp / 2, 1 + ulp),
        (1 + 0.49 * ulp, 1.0),
        (-1 - ulp / 2, -1 - ulp),
        (1 + 1.5 * ulp, 1 + 2 * ulp),
    ]:
        assert tf32(np.float32(x)) == expected
    assert bits(tf32(-0.0)) == bits(-0.0)
    assert tf32(np.inf) == np.inf
    assert np.isnan(tf32(np.nan))
    assert tf32(number(0x7F7FFFFF)) == np.inf
    assert bits(tf32(number(0x3F9D7ABC))) & 0x1FFF == 0


def test_rounding_to_bfloat16_goes_to_the_nearest_and_halves_to_even() -> None:
    ulp = 2.0**-7
    for x, expected in [(1 + ulp / 2, 1.0), (1 + 1.5 * ulp, 1 + 2 * ulp), (1 + 0.51 * ulp, 1 + ulp), (-3.0, -3.0)]:
        assert bfloat16(x) == expected
    assert bfloat16_pair(1.0, -2.0) == 0xC0003F80
    assert bfloat16(-np.inf) == -np.inf
    assert np.isnan(bfloat16(np.nan))


@pytest.mark.parametrize("how", ["high", "medium"])
@pytest.mark.parametrize("layout", ["nn", "nt", "tn", "tt"])
@pytest.mark.parametrize("shape", [(20, 18, 35), (32, 20, 40)], ids=str)
def test_every_layout_multiplies_rounded_factors(
    how: str, layout: str, shape: tuple[int, int, int], at_precision: Callable[[str], None]
) -> None:
    rows, sums, columns = shape
    draw = np.random.default_rng(shape)
    x, y = draw.standard_normal((rows, sums), np.float32), draw.standard_normal((sums, columns), np.float32)
    a = memory.to_device(x) if layout[0] == "n" else memory.to_device(x.T.copy()).T
    b = memory.to_device(y) if layout[1] == "n" else memory.to_device(y.T.copy()).T
    at_precision(how)
    simulated.launches.clear()
    got = (a @ b).numpy()
    assert simulated.launches[0].startswith(f"matmul_{'tf32' if how == 'high' else 'bfloat16'}_32x64_")
    np.testing.assert_allclose(got, rounded(x, how) @ rounded(y, how), rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize(("how", "error"), [("high", 3e-4), ("medium", 2.4e-3)])
def test_the_error_is_what_the_documentation_says(how: str, error: float, at_precision: Callable[[str], None]) -> None:
    draw = np.random.default_rng(5)
    x, y = draw.standard_normal((32, 64), np.float32), draw.standard_normal((64, 32), np.float32)
    at_precision(how)
    got = (memory.to_device(x) @ memory.to_device(y)).numpy()
    exact = x.astype(float) @ y.astype(float)
    measured = np.sqrt(np.mean((got - exact) ** 2) / np.mean(exact**2))
    assert 0.85 * error < measured < 1.1 * error


def test_no_thread_reads_what_another_may_still_write(strict_gpu: None, at_precision: Callable[[str], None]) -> None:
    at_precision("high")
    x, y = np.ones((20, 50), np.float32), np.ones((50, 12), np.float32)
    assert np.array_equal((memory.to_device(x) @ memory.to_device(y)).numpy(), x @ y)


def test_only_float32_is_rounded_and_only_where_it_was_allowed(at_precision: Callable[[str], None]) -> None:
    assert precision.get_float32_matmul_precision() == "highest"
    x = np.full((20, 20), 1 + 2.0**-12)
    at_precision("medium")
    assert np.array_equal((memory.to_device(x) @ memory.to_device(x)).numpy(), x @ x)
    with pytest.raises(UsageError, match="'fast' is none of highest, high, medium"):
        precision.set_float32_matmul_precision("fast")
    assert precision.get_float32_matmul_precision() == "medium"
