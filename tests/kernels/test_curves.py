"""Kernels behind elementwise operations agree with NumPy's steps: value, gradient, second derivative, special numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.special import erfc

import minidl
import minidl.nn.functional as F
from minidl.kernels.cpu import elementwise, probabilities
from minidl.kernels.cpu.matrices import cofactor
from minidl.kernels.cpu.paths import without

Array = np.ndarray[Any, Any]
SHAPE = (50, 130)
SPECIAL = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40, 1e38, -1e38, 0.5, -0.5, 1.0, -1.0, 3.0, -3.0, 6.0])


def numbers(dtype: str, seed: int = 0, special: bool = False) -> Array:
    rng = np.random.default_rng(seed)
    x = 3 * rng.standard_normal(SHAPE)
    with np.errstate(over="ignore"):
        return (np.where(rng.random(SHAPE) < 0.1, rng.choice(SPECIAL, SHAPE), x) if special else x).astype(dtype)


def laid(x: Array, layout: str) -> Array:
    """The same numbers, in memory row by row, column by column, backwards, or with gaps."""
    if layout == "columns":
        return np.ascontiguousarray(x.T).T
    if layout == "backwards":
        return np.ascontiguousarray(x[:, ::-1])[:, ::-1]
    return np.repeat(x, 2, -1)[:, ::2] if layout == "gaps" else x


LAYOUTS = ["rows", "columns", "backwards", "gaps"]


def both(path: str, compute: Callable[[], Any]) -> tuple[Array, Array]:
    with np.errstate(all="ignore"):
        fast = compute()
        with without(path):
            return fast, compute()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["sigmoid", "gelu", "gelu_slope"])
def test_curves(name: str, layout: str) -> None:
    x = laid(numbers("float32", special=True), layout)
    fast, plain = both("curves", lambda: getattr(elementwise, name)(x))
    assert fast.dtype == plain.dtype == np.float32
    np.testing.assert_allclose(fast, plain, rtol=2e-5, atol=3e-7)
    assert not np.array_equal(fast, plain, equal_nan=True)  # it was a kernel that computed the one


def test_gelu_is_exact_far_to_the_left() -> None:
    x = np.linspace(-12, 12, 100_001).astype(np.float32)
    exact = 0.5 * x.astype(float) * erfc(-x.astype(float) / np.sqrt(2))
    np.testing.assert_allclose(elementwise.gelu(x), exact, rtol=5e-7)


def test_sigmoid_is_exact_at_both_ends() -> None:
    x = np.linspace(-80, 80, 100_001).astype(np.float32)
    np.testing.assert_allclose(elementwise.sigmoid(x), 1 / (1 + np.exp(-x.astype(float))), rtol=4e-7)


@pytest.mark.parametrize("name", ["sigmoid", "silu", "gelu"])
def test_derivatives_of_curves(name: str) -> None:
    def derivatives() -> Array:
        x = minidl.tensor(numbers("float32"), requires_grad=True)
        g = minidl.tensor(numbers("float32", 1), requires_grad=True)
        (first,) = minidl.grad(getattr(F, name, minidl.sigmoid)(x), x, g, create_graph=True)
        return np.stack([first.data, *(v.data for v in minidl.grad((first * first).sum(), [x, g]))])

    fast, plain = both("curves", derivatives)
    np.testing.assert_allclose(fast, plain, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kinds", ["arrays", "number right", "number left", "numbers", "row"])
def test_choice(kinds: str, layout: str, dtype: str) -> None:
    x, y = laid(numbers(dtype, 1, special=True), layout), laid(numbers(dtype, 2, special=True), layout)
    two: Any = {
        "arrays": (x, y),
        "number right": (x, np.asarray(-0.0, dtype)),
        "number left": (np.asarray(2.5, dtype), y),
        "numbers": (np.asarray(2.5, dtype), np.asarray(np.nan, dtype)),
        "row": (x[0], y),
    }[kinds]
    condition = laid(numbers(dtype) > 0, layout)
    expected = np.where(condition, *two)
    for found in both("choice", lambda: elementwise.where(condition, *two)):
        assert found.dtype == expected.dtype
        assert found.tobytes() == expected.tobytes()  # also the sign of −0.0


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("bound", [0, -0.5, np.inf, np.nan])
def test_bounds(bound: float, dtype: str) -> None:
    x = numbers(dtype, special=True)
    for fast, plain in (
        (elementwise.maximum(x, bound), np.maximum(x, bound)),
        (elementwise.minimum(x, bound), np.minimum(x, bound)),
        (elementwise.clip(x, bound, 1.0), np.minimum(np.maximum(x, bound), 1.0)),
        (elementwise.clip(x, 1.0, bound), np.minimum(np.maximum(x, 1.0), bound)),
    ):
        assert fast.dtype == plain.dtype
        np.testing.assert_array_equal(fast, plain)


def test_a_choice_of_two_numbers_keeps_the_dtype() -> None:
    x = minidl.tensor(numbers("float32"), requires_grad=True)
    for y in (F.leaky_relu(x), F.hardsigmoid(x)):
        (slope,) = minidl.grad(y, x, minidl.ones(*SHAPE))
        assert slope.dtype == minidl.float32


@pytest.mark.parametrize("divisor", ["array", "number", "special", "column"])
@pytest.mark.parametrize("name", ["remainder", "fmod", "floor_divide"])
def test_division(name: str, divisor: str) -> None:
    x = numbers("float32", 1, special=divisor == "special")
    with np.errstate(over="ignore"):
        x[0, :40] *= np.float32(2.0) ** np.arange(40)  # quotients too large for the kernel, in one block
    y: Any = {
        "array": numbers("float32", 2),
        "number": np.float32(-0.7),
        "special": numbers("float32", 2, special=True),
        "column": numbers("float32", 2)[:, :1],
    }[divisor]
    for numerator in (x, x[1:]):
        denominator = y[len(x) - len(numerator) :] if np.ndim(y) else y
        fast, plain = both("division", lambda n=numerator, d=denominator: getattr(elementwise, name)(n, d))  # type: ignore[misc]
        np.testing.assert_allclose(fast, plain, rtol=2e-7, atol=0)
        assert fast.dtype == plain.dtype == np.float32
        assert (np.signbit(fast) == np.signbit(plain))[plain == plain].all() or name == "floor_divide"


def test_remainders_of_whole_multiples_are_zero() -> None:
    y = np.abs(numbers("float32")) + np.float32(0.01)
    x = (y.astype(float) * np.arange(1, 131)).astype(np.float32)
    with without("division"):
        expected = elementwise.remainder(x, y)
    np.testing.assert_array_equal(elementwise.remainder(x, y), expected)


@pytest.mark.parametrize("name", ["hypot", "logaddexp2"])
@pytest.mark.parametrize("special", [False, True])
def test_two_arguments_as_numpy(name: str, special: bool) -> None:
    x, y = numbers("float32", 1, special), numbers("float32", 2, special)
    with np.errstate(all="ignore"):
        fast, plain = getattr(elementwise, name)(x, y), getattr(np, name)(x, y)
    assert fast.dtype == np.float32
    np.testing.assert_allclose(fast, plain, rtol=3e-7, atol=3e-7)


@pytest.mark.parametrize("dtype", ["float16", "float32", "int32", "uint8", "bool"])
def test_sign(dtype: str) -> None:
    x = numbers("float32").astype(dtype)
    np.testing.assert_array_equal(elementwise.sign(x), x if dtype == "bool" else np.sign(x))
    assert elementwise.sign(x).dtype == x.dtype
    assert elementwise.sign(np.array([np.nan, -0.0, -np.inf])).tolist() == [0.0, 0.0, -1.0]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("axis", [0, 1])
def test_rows(axis: int, name: str, layout: str) -> None:
    x, g = laid(numbers("float32"), layout), laid(numbers("float32", 1), layout)
    fast, plain = both("softmax", lambda: getattr(probabilities, name)(x, axis))
    np.testing.assert_allclose(fast, plain, rtol=2e-6, atol=2e-6)
    back = getattr(probabilities, f"{name}_back")
    fast, plain = both("softmax", lambda: back(g, plain, axis))
    np.testing.assert_allclose(fast, plain, rtol=1e-5, atol=1e-5)


def test_log_softmax_of_what_is_impossible() -> None:
    x = numbers("float32")
    x[0, 3], x[1, 4], x[2], x[3, 5:7] = -np.inf, np.nan, -np.inf, 1e30
    fast, plain = both("softmax", lambda: probabilities.log_softmax(x, 1))
    np.testing.assert_allclose(fast, plain, rtol=2e-6, atol=2e-6)
    np.testing.assert_allclose(fast[3, 5:7], -np.log(2), rtol=1e-6)  # two that tie, however large, share


def test_bessel_of_large_arrays() -> None:
    x = np.concatenate([np.linspace(-40, 40, 20_001), np.geomspace(1e-6, 1, 2000)]).astype(np.float32)
    fast, plain = both("curves", lambda: elementwise.spherical_bessel(x, 1))
    assert fast.dtype == plain.dtype
    np.testing.assert_allclose(fast, plain, rtol=2e-6, atol=1e-8)


@pytest.mark.parametrize("delta", [1.0, 0.4])
def test_huber_is_a_square_and_its_tangents(delta: float) -> None:
    x = minidl.tensor(numbers("float64", special=False), requires_grad=True)
    loss = F.huber_loss(x, minidl.zeros(*SHAPE, dtype=minidl.float64), "none", delta)
    size = np.abs(x.data)
    np.testing.assert_allclose(loss.data, np.where(size <= delta, size**2 / 2, delta * (size - delta / 2)), rtol=1e-14)
    (slope,) = minidl.grad(loss, x, minidl.ones(*SHAPE, dtype=minidl.float64))
    np.testing.assert_allclose(slope.data, np.where(size <= delta, x.data, delta * np.sign(x.data)), rtol=1e-14)


def test_cofactors_of_regular_and_singular_matrices() -> None:
    rng = np.random.default_rng(0)
    matrices = rng.standard_normal((6, 4, 4))
    matrices[1] = np.outer(matrices[1, 0], matrices[1, 1])  # of rank 1: all cofactors are 0
    matrices[2, 3] = matrices[2, 0]  # of rank 3: some are not
    matrices[3, 0] *= 1e-12
    expected = np.empty_like(matrices)
    for k, i, j in np.ndindex(6, 4, 4):
        minor = np.delete(np.delete(matrices[k], i, 0), j, 1)
        expected[k, i, j] = (-1) ** (i + j) * np.linalg.det(minor)
    np.testing.assert_allclose(cofactor(matrices), expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(cofactor(matrices[0]), expected[0], rtol=1e-9)
    single = cofactor(matrices.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, rtol=1e-4, atol=1e-5)
