"""Batch and layer normalisation on a simulated GPU against the CPU's, and their statistics against exact ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl.kernels.cpu import normalization as cpu
from minidl.kernels.cuda.backend import backend
from minidl.kernels.cuda.layers import normalization_sums
from minidl.kernels.cuda.simulator import driver as simulated
from tests.cuda.agreement import lying, require_close

pytestmark = pytest.mark.usefixtures("simulated_gpu")

TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
IMAGES: list[tuple[tuple[int, ...], tuple[int, ...], str]] = [
    ((2, 3, 4, 5), (0, 1, 2, 3), "planes"),
    ((2, 4, 3, 5), (0, 2, 3, 1), "columns4"),
    ((3, 5, 2, 2), (2, 1, 3, 0), "planes"),
    ((6, 4), (0, 1), "columns4"),
    ((7, 3), (1, 0), "planes"),
    ((2, 33, 1, 1), (0, 1, 2, 3), "columns32"),
    ((3, 2, 7), (0, 2, 1), "columns2"),
    ((1, 2, 13, 25), (0, 1, 2, 3), "planes"),
    ((1, 1, 1, 1), (0, 1, 2, 3), "columns1"),
]


def batch(dtype: str, shape: tuple[int, ...]) -> tuple[Any, Any, Any, Any]:
    """Images far from 0, an upstream gradient, γ and β."""
    rng = np.random.default_rng(0)
    x = (rng.normal(scale=2, size=shape) + 100).astype(dtype)
    channels = shape[1]
    return (x, *(rng.normal(size=s).astype(dtype) for s in (shape, channels, channels)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("shape", "order", "way"), IMAGES)
def test_batch_norm_agrees_with_the_cpu(dtype: str, shape: tuple[int, ...], order: tuple[int, ...], way: str) -> None:
    x, g, weight, bias = batch(dtype, shape)
    tolerance = TOLERANCE[dtype]
    y, mean, variance = cpu.batch_norm(x, weight, bias, 1e-2)
    simulated.launches.clear()
    found = backend.batch_norm(lying(x, order), lying(weight), lying(bias), 1e-2)
    assert simulated.launches[0] == f"moments_{dtype}_{way}"
    assert len(simulated.launches) == 3
    assert found[1].dtype == found[2].dtype == np.float64
    for mine, theirs, loss in zip(found, (y, mean, variance), (10, 0.1, 1), strict=True):
        require_close(mine, theirs, loss * tolerance)
    with_given = backend.batch_norm_with(lying(x, order), lying(weight), lying(bias), *found[1:], 1e-2)
    require_close(with_given, y, 10 * tolerance)
    pulled = cpu.batch_norm_back(g, x, weight, mean, variance, 1e-2)
    sent = backend.batch_norm_back(lying(g), lying(x, order), lying(weight), *found[1:], 1e-2)
    for mine, theirs in zip(sent, pulled, strict=True):
        require_close(mine, theirs, 50 * tolerance)


def test_given_statistics_may_be_on_the_host_and_in_single_precision() -> None:
    x, _, weight, bias = batch("float32", (3, 2, 4))
    mean, variance = np.array([99.0, 101.0]), np.array([2.0, 3.0])
    expected = cpu.batch_norm_with(x, weight, bias, mean, variance, 0.1)
    parameters = lying(weight), lying(bias)
    require_close(backend.batch_norm_with(lying(x), *parameters, mean, variance, 0.1), expected, 1e-4)
    given = lying(mean.astype(np.float32)), lying(variance.astype(np.float32))
    require_close(backend.batch_norm_with(lying(x), *parameters, *given, 0.1), expected, 1e-4)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 3, 1)])
def test_statistics_lose_nothing_far_from_zero(order: tuple[int, ...]) -> None:
    """The mean is 10,000 deviations away from 0: Σx² − (Σx)²/n would lose all digits of float32."""
    x = (np.random.default_rng(1).normal(size=(2, 2, 12, 23)) + 10_000).astype(np.float32)
    exact = x.astype(np.float64)
    one = lying(np.ones(2, np.float32))
    _, mean, variance = backend.batch_norm(lying(x, order), one, one, 1e-5)
    np.testing.assert_allclose(mean.numpy(), exact.mean((0, 2, 3)), rtol=0, atol=1e-6)
    np.testing.assert_allclose(variance.numpy(), exact.var((0, 2, 3)), rtol=2e-6)


def test_results_lie_in_memory_as_the_images_do() -> None:
    x, g, weight, bias = batch("float32", (2, 3, 4, 5))
    there = lying(x, (0, 2, 3, 1))
    y, mean, variance = backend.batch_norm(there, lying(weight), lying(bias), 1e-3)
    assert y.strides == there.strides
    assert backend.batch_norm_back(lying(g), there, lying(weight), mean, variance, 1e-3)[0].strides == there.strides


@pytest.mark.parametrize(
    ("shape", "order", "kernel"),
    [
        ((2, 3, 2, 2), (0, 1, 2, 3), "by4_step0"),
        ((2, 4, 3, 1), (0, 2, 3, 1), "by4_step1"),
        ((2, 3, 3, 1), (0, 1, 2, 3), "by1_step0"),
    ],
)
def test_four_numbers_are_written_at_once_where_channels_allow_it(
    shape: tuple[int, ...], order: tuple[int, ...], kernel: str
) -> None:
    x, g, weight, bias = batch("float32", shape)
    simulated.launches.clear()
    _, mean, variance = backend.batch_norm(lying(x, order), lying(weight), lying(bias), 1e-3)
    backend.batch_norm_back(lying(g, order), lying(x, order), lying(weight), mean, variance, 1e-3)
    assert simulated.launches[2] == f"batch_scale_float32_{kernel}"
    assert simulated.launches[-1] == f"batch_send_float32_{kernel}"


@pytest.mark.parametrize("inner", [1, 300])
def test_parts_of_a_batch_are_put_together(inner: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut as if the batch were large: each part has its own k."""
    x, g, weight, bias = batch("float32", (70, 2, 1, 1) if inner == 1 else (2, 2, 3, inner // 3))
    monkeypatch.setattr(normalization_sums, "cut", lambda n, lines, together: (-(-n // 40), 40))
    y, mean, variance = cpu.batch_norm(x, weight, bias, 1e-2)
    found = backend.batch_norm(lying(x), lying(weight), lying(bias), 1e-2)
    for mine, theirs in zip(found, (y, mean, variance), strict=True):
        require_close(mine, theirs, 1e-4)
    pulled = cpu.batch_norm_back(g, x, weight, mean, variance, 1e-2)
    for mine, theirs in zip(
        backend.batch_norm_back(lying(g), lying(x), lying(weight), *found[1:], 1e-2), pulled, strict=True
    ):
        require_close(mine, theirs, 1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("shape", "last"), [((3, 5), (5,)), ((2, 3, 4), (3, 4)), ((1, 520), (520,)), ((70, 33), (33,)), ((2, 3, 1), (1,))]
)
def test_layer_norm_agrees_with_the_cpu(dtype: str, shape: tuple[int, ...], last: tuple[int, ...]) -> None:
    rng = np.random.default_rng(2)
    x, g = (rng.normal(scale=2, size=shape) + 10).astype(dtype), rng.normal(size=shape).astype(dtype)
    weight, bias = (rng.normal(size=last).astype(dtype) for _ in range(2))
    y, mean, variance = cpu.layer_norm(x, weight, bias, 1e-2)
    order = tuple(range(x.ndim))[::-1]
    found = backend.layer_norm(lying(x, order), lying(weight), lying(bias), 1e-2)
    for mine, theirs in zip(found, (y, mean, variance), strict=True):
        require_close(mine, theirs.astype(dtype), 3 * TOLERANCE[dtype])
    pulled = cpu.layer_norm_back(g, x, weight, mean, variance, 1e-2)
    sent = backend.layer_norm_back(lying(g, order), lying(x), lying(weight), *found[1:], 1e-2)
    for one, other in zip(sent, pulled, strict=True):
        require_close(one, other, 10 * TOLERANCE[dtype])


def test_a_row_too_long_to_be_held_is_streamed() -> None:
    rng = np.random.default_rng(3)
    x = (rng.normal(size=(1, 4200)) + 50).astype(np.float32)
    weight, bias = (rng.normal(size=4200).astype(np.float32) for _ in range(2))
    simulated.launches.clear()
    y, mean, variance = backend.layer_norm(lying(x), lying(weight), lying(bias), 1e-5)
    assert simulated.launches == ["layer_norm_float32_team256"]
    expected = cpu.layer_norm(x, weight, bias, 1e-5)
    for mine, theirs in zip((y, mean, variance), expected, strict=True):
        require_close(mine, theirs.astype(np.float32), 3e-5)


def test_empty_batches_send_zeros() -> None:
    x, weight = np.zeros((0, 3, 2), np.float32), np.ones(3, np.float32)
    y, mean, variance = backend.batch_norm(lying(x), lying(weight), lying(weight), 1e-5)
    assert y.shape == x.shape
    _, dweight, dbias = backend.batch_norm_back(lying(x), lying(x), lying(weight), mean, variance, 1e-5)
    assert dweight.tolist() == dbias.tolist() == [0, 0, 0]
    x, weight = np.zeros((0, 3), np.float32), np.ones(3, np.float32)
    y, mean, variance = backend.layer_norm(lying(x), lying(weight), lying(weight), 1e-5)
    _, dweight, dbias = backend.layer_norm_back(lying(x), lying(x), lying(weight), mean, variance, 1e-5)
    assert dweight.tolist() == dbias.tolist() == [0, 0, 0]


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1)])
def test_threads_do_not_race(order: tuple[int, ...], strict_gpu: None) -> None:
    x, g, weight, bias = batch("float32", (2, 2, 30))
    y, mean, variance = backend.batch_norm(lying(x, order), lying(weight), lying(bias), 1e-2)
    require_close(y, cpu.batch_norm(x, weight, bias, 1e-2)[0], 1e-4)
    backend.batch_norm_back(lying(g, order), lying(x, order), lying(weight), mean, variance, 1e-2)
    row = x.reshape(2, -1)
    gamma = np.ones(60, np.float32)
    y, mean, variance = backend.layer_norm(lying(row), lying(gamma), lying(gamma), 1e-2)
    require_close(y, cpu.layer_norm(row, gamma, gamma, 1e-2)[0], 1e-4)
    backend.layer_norm_back(lying(row), lying(row), lying(gamma), mean, variance, 1e-2)
