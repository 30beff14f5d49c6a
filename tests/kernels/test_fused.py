"""Kernels that do several operations in one agree with those one by one, in value, gradient and second derivative."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
import minidl.nn.functional as F
from minidl.kernels.cpu.elementwise import erf, erfc
from minidl.kernels.cpu.paths import without
from minidl.kernels.cpu.scans import last_extremum

RNG = np.random.default_rng(0)
Array = np.ndarray[Any, Any]


def tensor(shape: tuple[int, ...], dtype: str = "float32", layout: str = "first") -> minidl.Tensor:
    """Random numbers, in memory channels first, channels last, or backwards along the last axis."""
    x = (2 * RNG.standard_normal(shape) + 1).astype(dtype)
    if layout == "last":
        x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    if layout == "backwards":
        x = np.ascontiguousarray(x[..., ::-1])[..., ::-1]
    leaf = minidl.tensor(x, requires_grad=True)
    leaf.data = x
    return leaf


def everything(out: minidl.Tensor, inputs: list[minidl.Tensor], second: bool) -> list[Array]:
    """The value, the gradients, and with `second` the gradients of a sum of their squares."""
    g = minidl.tensor(np.cos(np.arange(out.data.size)).reshape(out.shape).astype(out.dtype), requires_grad=True)
    first = minidl.grad(out, inputs, g, create_graph=second)
    found = [out, *first]
    if second:
        total = sum(((v * v).sum() for v in first), start=minidl.tensor(0.0))
        found += [v for v in minidl.grad(total, [*inputs, g], allow_unused=True) if v is not None]
    return [v.data for v in found]


def close(found: list[Array], plain: list[Array], dtype: str) -> None:
    for a, b in zip(found, plain, strict=True):
        assert a.dtype == b.dtype
        scale = np.abs(b).max() + 1e-30
        np.testing.assert_allclose(a / scale, b / scale, rtol=0, atol=5e-5 if dtype == "float32" else 1e-10)


@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("affine", [(True, True), (False, True), (True, False), (False, False)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layout", ["first", "last", "backwards"])
@pytest.mark.parametrize(("shape", "training"), [((8, 5, 13, 11), True), ((700, 9), True), ((8, 3, 400), False)])
def test_batch_norm(
    shape: tuple[int, ...], training: bool, layout: str, dtype: str, affine: tuple[bool, bool], second: bool
) -> None:
    x = tensor(shape, dtype, layout)
    weight, bias = (tensor(shape[1:2], dtype) if given else None for given in affine)
    stored = np.linspace(0.5, 1.5, shape[1]).astype(dtype)

    def run() -> tuple[str, list[Array]]:
        running = minidl.tensor(stored), minidl.tensor(2 * stored)
        out = F.batch_norm(x, *running, weight, bias, training, 0.3)
        inputs = [v for v in (x, weight, bias) if v is not None]
        return out.primitive.name, [*everything(out, inputs, second), *(v.data for v in running)]

    name, found = run()
    assert name == ("batch_norm" if training else "batch_norm_with")
    with without("normalization"):
        other, plain = run()
    assert other != name
    close(found, plain, dtype)


@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(70, 96), (3, 5, 400), (2000, 7)])
def test_layer_norm(shape: tuple[int, ...], dtype: str, second: bool) -> None:
    inputs = [tensor(shape, dtype), tensor(shape[-1:], dtype), tensor(shape[-1:], dtype)]
    x, weight, bias = inputs

    def run() -> tuple[str, list[Array]]:
        out = F.layer_norm(x, shape[-1:], weight, bias)
        return out.primitive.name, everything(out, inputs, second)

    name, found = run()
    assert name == "layer_norm"
    with without("normalization"):
        close(found, run()[1], dtype)


@pytest.mark.parametrize("mean", [1e4, -3e6])
def test_a_mean_far_from_zero_and_an_outlier_in_front_do_not_cancel(mean: float) -> None:
    x = RNG.normal(mean, 1.0, (3000, 2))
    x[0] = mean + 1e7
    x = x.astype(np.float32)
    with minidl.no_grad():
        found = F.batch_norm(minidl.tensor(x[1:]), None, None, training=True).data
        outlier = F.batch_norm(minidl.tensor(x), None, None, training=True, eps=1e-12).data
    wide = x.astype(np.float64)
    np.testing.assert_allclose(found, (wide[1:] - wide[1:].mean(0)) / np.sqrt(wide[1:].var(0) + 1e-5), atol=2e-1)
    np.testing.assert_allclose(outlier, (wide - wide.mean(0)) / wide.std(0), rtol=1e-3, atol=1e-3)


def test_running_statistics_follow_without_a_record_too() -> None:
    x = tensor((8, 5, 13, 11))
    running = [minidl.tensor(np.zeros(5, np.float32)) for _ in range(2)]
    with minidl.no_grad():
        F.batch_norm(x, *running, training=True, momentum=1.0)
    np.testing.assert_allclose(running[0].data, x.data.mean((0, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(running[1].data, x.data.var((0, 2, 3), ddof=1), rtol=1e-4)


@pytest.mark.parametrize("layout", ["first", "last"])
@pytest.mark.parametrize("how", [{}, {"ignore_index": 2}, {"weight": np.array([0.5, 0.0, 2.0, 1.0, 3.0], "f")}])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shape", [(1100, 5), (3, 5, 17, 23), (2, 5, 600)])
def test_cross_entropy(shape: tuple[int, ...], reduction: str, how: dict[str, Any], layout: str) -> None:
    x = tensor(shape, layout=layout)
    labels = minidl.tensor(RNG.integers(0, 5, (shape[0], *shape[2:])))
    how = {k: minidl.tensor(v) if isinstance(v, np.ndarray) else v for k, v in how.items()}

    def run() -> list[Array]:
        return everything(minidl.cross_entropy(x, labels, reduction=reduction, **how), [x], reduction == "sum")

    found = run()
    with without("softmax"):
        close(found, run(), "float32")


@pytest.mark.parametrize(("shape", "dim"), [((900, 7), 1), ((3, 40, 65), -1), ((4, 30, 50), 1)])
def test_softmax(shape: tuple[int, ...], dim: int) -> None:
    x = tensor(shape)
    found = everything(minidl.softmax(x, dim), [x], True)
    with without("softmax"):
        close(found, everything(minidl.softmax(x, dim), [x], True), "float32")


@pytest.mark.filterwarnings("ignore:invalid value")
def test_special_scores() -> None:
    x = RNG.standard_normal((700, 8)).astype(np.float32)
    x[0, 3], x[1, 3], x[2, 3], x[3] = np.nan, -np.inf, np.inf, -np.inf
    x[4], x[5, 0] = 1e30, -1e30
    found = minidl.softmax(minidl.tensor(x), 1).data
    with without("softmax"):
        np.testing.assert_allclose(found, minidl.softmax(minidl.tensor(x), 1).data, rtol=2e-6, atol=1e-37)


@pytest.mark.parametrize("function", [erf, erfc])
@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (0, 2, 1)])
@pytest.mark.parametrize("step", [1, -1, 2])
def test_error_functions(function: Any, axes: tuple[int, ...], step: int) -> None:
    x = (3 * RNG.standard_normal((20, 30, 40))).astype(np.float32).transpose(axes)[..., ::step]
    x[0, 0, :6] = np.nan, np.inf, -np.inf, 1e-30, 1e30, 9.0
    found = function(x)
    assert found.dtype == np.float32
    with without("erf"):
        np.testing.assert_allclose(found, function(x.astype(np.float64)), rtol=1e-6, atol=1e-36)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("largest", [True, False])
def test_running_extrema(largest: bool, axis: int, dtype: str) -> None:
    x = RNG.integers(-30, 30, (9, 25, 31)).astype(dtype)[:, ::-1]
    if dtype != "int64":
        x[3, 4, 5], x[3, 7, 5], x[2, 3, 9] = np.nan, np.nan, -np.inf
    found = last_extremum(x, axis, largest)
    with without("scans"):
        np.testing.assert_array_equal(found, last_extremum(x, axis, largest))
