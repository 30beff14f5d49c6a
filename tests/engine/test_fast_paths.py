"""Ways of computing that only large arrays take: they agree with NumPy's plain ones."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import minidl
from minidl.kernels.cpu.elementwise import where
from minidl.kernels.cpu.places import scatter_add
from minidl.kernels.cpu.scans import argsort, top_positions

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("shape", "axis"), [((20, 700), 0), ((2, 30, 700), 1), ((9, 3), 0)])
def test_slices_are_added_where_they_meet(shape: tuple[int, ...], axis: int) -> None:
    index = (*(slice(None),) * axis, RNG.integers(0, shape[axis], 50))
    values = RNG.standard_normal((*shape[:axis], 50, *shape[axis + 1 :]))
    plain = np.zeros(shape)
    np.add.at(plain, index, values)
    np.testing.assert_allclose(scatter_add(values, index, shape), plain, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_numbers_are_added_where_they_meet(dtype: str) -> None:
    index = RNG.integers(-5, 5, (2, 40, 1)), RNG.integers(-3, 0, (40, 2))[None, :, 0, None]
    values = RNG.standard_normal((2, 40, 1)).astype(dtype)
    plain = np.zeros((5, 3), dtype)
    np.add.at(plain, index, values)
    found = scatter_add(values, index, (5, 3))
    assert found.dtype == dtype
    np.testing.assert_allclose(found, plain, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("kind", ["distinct", "ties", "nan"])
def test_the_first_k_of_a_sort(kind: str, largest: bool) -> None:
    x = RNG.permutation(600).reshape(30, 20).astype(float) // (40 if kind == "ties" else 1)
    if kind == "nan":
        x[3, :7] = np.nan
    for axis in (0, 1):
        first = argsort(x, axis, largest).take(range(3), axis)
        np.testing.assert_array_equal(top_positions(x, axis, 3, largest), first)


@pytest.mark.parametrize(("x", "y"), [(0.0, None), (None, 0.0), (None, 2.5), (None, None)])
def test_choosing_by_bits(x: float | None, y: float | None) -> None:
    condition = RNG.random((50, 200)) > 0.5
    a, b = (RNG.standard_normal((50, 200)).astype("f") if v is None else np.float32(v) for v in (x, y))
    np.testing.assert_array_equal(where(condition, a, b), np.where(condition, a, b))


@pytest.mark.parametrize("each", [1, 2])
def test_a_kernel_for_each_channel_is_a_convolution_in_groups(each: int) -> None:
    x = minidl.tensor(RNG.standard_normal((2, 3, 7, 6)), requires_grad=True)
    w = minidl.tensor(RNG.standard_normal((3 * each, 1, 3, 2)), requires_grad=True)
    p = {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)}
    y = minidl.conv2d(x, w, groups=3, **p)
    one_by_one = [minidl.conv2d(x[:, c : c + 1], w[c * each : (c + 1) * each], **p) for c in range(3)]
    z = minidl.cat(one_by_one, 1)
    np.testing.assert_allclose(y.data, z.data, rtol=1e-12, atol=1e-12)
    g = minidl.tensor(RNG.standard_normal(y.shape))
    for a, b in zip(minidl.grad(y, [x, w], g), minidl.grad(z, [x, w], g), strict=True):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-12, atol=1e-12)


def test_importing_loads_nothing_heavy() -> None:
    heavy = "numba", "scipy", "matplotlib", "numpy.random"
    code = f"import sys, numpy; old = set(sys.modules); import minidl; print({set(heavy)} & (set(sys.modules) - old))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
