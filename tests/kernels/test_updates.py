"""The optimizers' kernels against the same lines on arrays: the same bits, with each option on and off."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl.kernels.cpu import updates

RNG = np.random.default_rng(0)
SIZES = [5, 2 * updates.BLOCK + 1]
"""Less than one thread's portion, and three."""


def drawn(count: int, n: int, dtype: Any) -> list[np.ndarray]:
    return [np.abs(RNG.standard_normal(n)).astype(dtype) + dtype(0.1) for _ in range(count)]


def without_decay(p: np.ndarray, decay: float) -> None:
    """Where there is no decay the gradient does not look at the parameter, not even at an infinite one."""
    if not decay:
        p[1] = np.inf


def run(name: str, n: int, arrays: list[np.ndarray], numbers: list[float]) -> None:
    """Run the kernel that suits the size."""
    kernel = getattr(updates, name if n < updates.BLOCK else f"{name}_on_threads")
    kernel(*arrays, np.array(numbers, arrays[0].dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(("sign", "decay"), [(1, 0), (-1, 0), (1, 0.3)])
@pytest.mark.parametrize(("momentum", "share", "nesterov"), [(0, 1, 0), (0.9, 0.7, 0), (0.9, 0.7, 1)])
def test_sgd(dtype: Any, n: int, sign: float, decay: float, momentum: float, share: float, nesterov: int) -> None:
    p, g, v = drawn(3, n, dtype)
    without_decay(p, decay)
    lr, sign, decay, momentum, share = (dtype(x) for x in (0.05, sign, decay, momentum, share))
    x = sign * g + decay * p if decay else sign * g
    velocity = v * momentum + share * x
    step = x if not momentum else (x + momentum * velocity if nesterov else velocity)
    expected = p - lr * step
    memory = v if momentum else v[:0]
    run("sgd", n, [p, g, memory], [sign, 0, decay, lr, momentum, share, nesterov])
    np.testing.assert_array_equal(p, expected)
    if momentum:
        np.testing.assert_array_equal(v, velocity)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(("sign", "shrink", "decay"), [(1, 1, 0), (-1, 1, 0), (1, 0.9, 0), (1, 1, 0.3)])
@pytest.mark.parametrize("amsgrad", [False, True])
def test_adam(dtype: Any, n: int, sign: float, shrink: float, decay: float, amsgrad: bool) -> None:
    p, g, m, v, largest = drawn(5, n, dtype)
    without_decay(p, decay)
    if amsgrad:
        largest[0] = np.nan  # which stays
    given = (sign, shrink, decay, 0.9, 0.1, 0.99, 0.01, 0.7, 1e-3, 0.02)
    sign, shrink, decay, beta1, rest1, beta2, rest2, scale, eps, size = (dtype(x) for x in given)
    w = p * shrink
    x = sign * g + decay * w if decay else sign * g
    mean, square = m * beta1 + rest1 * x, v * beta2 + x * x * rest2
    most = np.maximum(largest, square)
    used = most if amsgrad else square
    expected = w - mean / (np.sqrt(used) / scale + eps) * size
    run("adam", n, [p, g, m, v, largest if amsgrad else largest[:0]], list(given))
    np.testing.assert_array_equal(p, expected)
    np.testing.assert_array_equal(m, mean)
    np.testing.assert_array_equal(v, square)
    if amsgrad:
        np.testing.assert_array_equal(largest, most)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(("sign", "decay"), [(1, 0), (-1, 0), (1, 0.3)])
def test_adagrad(dtype: Any, n: int, sign: float, decay: float) -> None:
    p, g, s = drawn(3, n, dtype)
    without_decay(p, decay)
    sign, decay, rate, eps = (dtype(x) for x in (sign, decay, 0.05, 1e-3))
    x = sign * g + decay * p if decay else sign * g
    total = s + x * x
    expected = p - rate * (x / (np.sqrt(total) + eps))
    run("adagrad", n, [p, g, s], [sign, 0, decay, rate, eps])
    np.testing.assert_array_equal(p, expected)
    np.testing.assert_array_equal(s, total)
