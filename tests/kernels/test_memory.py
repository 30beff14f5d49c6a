"""Kernels that only move or add numbers give the same bits as NumPy's steps, however the arrays lie in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl.kernels.cpu import backend as xp
from minidl.kernels.cpu import paths, places
from minidl.kernels.cpu.activations import maximum, relu_back
from minidl.kernels.cpu.addition import add, add_to
from minidl.kernels.cpu.layout import as_lies, channels_first, channels_last, flat, is_channels_last

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(0)
SHAPES = [
    (3, 5, 700),
    (2, 3, 40, 41),
    (2, 6, 30, 64),
    (1, 17, 9, 33),
    (2, 300, 5, 9),
    (2, 4, 5, 17, 30),
    (3, 1, 50, 40),
]


def special(shape: tuple[int, ...], dtype: Any = "f4") -> Array:
    """Random numbers of both signs, with infinities, NaN and zeros of both signs among them."""
    x = RNG.standard_normal(shape).astype(dtype)
    for value in (np.nan, np.inf, -np.inf, 0.0, -0.0):
        x[RNG.random(shape) < 0.02] = value
    return x


def lying(x: Array, how: str) -> Array:
    """The same numbers, in memory channels first, channels last, with gaps, or read-only."""
    if how == "last":
        return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    if how == "gaps":
        return np.repeat(x, 2, axis=-1)[..., ::2]
    laid = x.copy()
    laid.flags.writeable = how != "fixed"
    return laid


HOW = ["first", "last", "gaps", "fixed"]


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8"])
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("shape", SHAPES)
def test_images_are_brought_to_channels_last(shape: Any, how: str, dtype: Any) -> None:
    x = lying(RNG.integers(-99, 99, shape).astype(dtype), how)
    found = channels_last(x)
    assert found.flags.carray
    np.testing.assert_array_equal(channels_first(found), x)
    with paths.without("transposing"):
        np.testing.assert_array_equal(channels_last(x), found)
    assert is_channels_last(channels_first(found))
    assert np.may_share_memory(found, x) == (is_channels_last(x) and x.flags.writeable)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("other", ["first", "last"])
@pytest.mark.parametrize("shape", [(70, 80), *SHAPES])
def test_laid_as_another_array(shape: Any, how: str, other: str) -> None:
    x, y = lying(special(shape), how), lying(special(shape), other)
    found = as_lies(x, y)
    np.testing.assert_array_equal(found, x)
    assert flat(found) is not None
    np.testing.assert_array_equal(flat(found), x.transpose(_order(y)).ravel())


def _order(x: Array) -> list[int]:
    """The axes from the one that lies furthest apart in memory."""
    return sorted(range(x.ndim), key=lambda k: -x.strides[k])


def test_numbers_with_gaps_are_not_flat() -> None:
    x = np.arange(24.0).reshape(2, 3, 4)
    line = flat(x.transpose(1, 2, 0))
    assert line is not None
    assert np.may_share_memory(line, x)
    np.testing.assert_array_equal(line, np.arange(24.0))
    assert flat(x[:, :, ::2]) is None
    assert flat(np.broadcast_to(x, (2, 2, 3, 4))) is None


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", "i8"])
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("shape", [(3, 4), (64, 256), (8, 5, 30, 40)])
def test_relu(shape: Any, how: str, dtype: Any) -> None:
    x = lying(special(shape).astype(dtype) if dtype != "i8" else RNG.integers(-9, 9, shape), how)
    found = maximum(x, 0)
    with paths.without("rectifier"):
        plain = maximum(x, 0)
    assert found.dtype == plain.dtype == x.dtype
    np.testing.assert_array_equal(found, plain)
    np.testing.assert_array_equal(found, np.maximum(x, 0))


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2"])
@pytest.mark.parametrize("upstream", HOW)
@pytest.mark.parametrize("how", ["first", "last"])
@pytest.mark.parametrize("shape", [(3, 4), (64, 256), (8, 5, 30, 40)])
def test_gradient_of_relu(shape: Any, how: str, upstream: str, dtype: Any) -> None:
    y, g = lying(special(shape, dtype), how), lying(special(shape, dtype), upstream)
    found = relu_back(g, y)
    wanted = np.where(np.isnan(y) | (y > 0), g, np.zeros((), dtype))
    assert found.dtype == wanted.dtype
    np.testing.assert_array_equal(found, wanted)
    with paths.without("rectifier"):
        np.testing.assert_array_equal(relu_back(g, y), wanted)
    if y.size > 4096 and dtype != "f2":
        assert found.strides == y.strides


def test_the_kernel_of_relu_and_its_rule_give_the_same_gradients() -> None:
    data = special((9, 7, 20, 11), "f8")
    x = minidl.tensor(data, requires_grad=True)
    g = minidl.tensor(special(data.shape, "f8"), requires_grad=True)
    (by_kernel,) = minidl.grad(minidl.relu(x), [x], g)
    (by_rule,) = minidl.grad(minidl.relu(x), [x], g, create_graph=True)
    np.testing.assert_array_equal(by_kernel.data, by_rule.data)
    assert by_rule.primitive.name == "where"
    (second,) = minidl.grad(by_rule, [g], minidl.ones_like(g))
    np.testing.assert_array_equal(second.data, (data > 0) | np.isnan(data))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("other", HOW)
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("shape", [(300, 400), (8, 16, 32, 33)])
def test_sums_of_large_arrays(shape: Any, how: str, other: str, dtype: Any) -> None:
    x, y = lying(special(shape, dtype), how), lying(special(shape, dtype), other)
    with np.errstate(invalid="ignore"):
        wanted = x + y
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(add(x, y), wanted)
        total = lying(x, "last" if how == "last" else "first")
        add_to(total, y)
    np.testing.assert_array_equal(total, wanted)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("shape", SHAPES)
def test_one_number_a_channel(shape: Any, how: str, dtype: Any) -> None:
    x, bias = lying(special(shape, dtype), how), special((1, shape[1], *(1,) * (len(shape) - 2)), dtype)
    with np.errstate(invalid="ignore"):
        wanted = x + bias
        found = add(x, bias)
        with paths.without("addition"):
            np.testing.assert_array_equal(add(x, bias), wanted)
    np.testing.assert_array_equal(found, wanted)
    assert found.dtype == wanted.dtype
    if is_channels_last(x):
        assert is_channels_last(found)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("shape", [(700, 96), (7, 65, 192), (2, 3, 5, 4099)])
def test_one_number_a_column(shape: Any, how: str) -> None:
    x, bias = lying(special(shape), how), special(shape[-1:])
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(add(x, bias), x + bias)


def test_sums_of_other_shapes_and_dtypes_are_numpys() -> None:
    x = RNG.standard_normal((8, 16, 32, 33))
    for y in (x[:1], x[:, :1], x.astype("f4"), 3.0, x[0, 0], x[:, :, :1]):
        np.testing.assert_array_equal(add(x, y), x + y)
        assert add(x, y).dtype == x.dtype
    total = x.copy()
    add_to(total, x[:1])
    np.testing.assert_array_equal(total, x + x[:1])


def test_a_gradient_put_back_lies_as_it_came() -> None:
    g = lying(special((4, 6, 5, 5)), "last")
    found = places.scatter_add(g, (slice(None), slice(0, 6), slice(0, 10, 2), slice(0, 10, 2)), (4, 12, 10, 10))
    assert is_channels_last(found)
    wanted = np.zeros((4, 12, 10, 10), "f4")
    wanted[:, :6, ::2, ::2] = g
    np.testing.assert_array_equal(found, wanted)


def test_activations_stay_channels_last_through_a_residual_network() -> None:
    from minidl.models.resnet_cifar import CifarResNet

    seen: list[Array] = []
    record = xp.relu_back

    def listening(g: Array, y: Array) -> Array:
        seen.extend((g, y))
        return record(g, y)

    model = CifarResNet(8)
    x = minidl.tensor(RNG.standard_normal((2, 3, 32, 32)).astype("f4"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(xp), "relu_back", staticmethod(listening))
        model(x).sum().backward()
    assert len(seen) == 14
    assert all(is_channels_last(array) for array in seen[2:])  # the first upstream is the mean's, numbers repeated
