"""A device array behaves as a NumPy array: operators, indexing, shapes, NumPy's functions; and refuses what it must."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl.errors import DeviceError, NotOnDeviceError
from minidl.kernels.cuda.array import DeviceArray
from minidl.kernels.cuda.backend import backend
from minidl.kernels.cuda.runtime import memory
from minidl.kernels.cuda.simulator import driver as simulated

pytestmark = pytest.mark.usefixtures("simulated_gpu")

X = np.random.default_rng(0).normal(size=(3, 5, 4)).astype(np.float32)
Y = np.random.default_rng(1).normal(size=(5, 1)).astype(np.float32)
W = np.random.default_rng(2).integers(1, 9, (3, 5, 4))


def sent(array: Any) -> Any:
    """An array on the device, which type checkers shall not look at: NumPy's functions take it at run time only."""
    return memory.to_device(array)


def require_same(found: Any, expected: Any) -> None:
    """An array on the device with the dtype, shape and numbers of one on the CPU."""
    assert isinstance(found, DeviceArray)
    mine = found.numpy()
    assert (mine.dtype, mine.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(mine, expected)


OPERATORS: dict[str, Callable[..., Any]] = {
    "x + y": lambda x, y, w: x + y,
    "2 - x": lambda x, y, w: 2 - x,
    "x - 0.5": lambda x, y, w: x - 0.5,
    "x * y": lambda x, y, w: x * y,
    "np.float32 * x": lambda x, y, w: np.float32(0.1) * x,
    "np.float64 * x": lambda x, y, w: np.float64(0.1) * x,
    "1 / x": lambda x, y, w: 1 / x,
    "x / y": lambda x, y, w: x / y,
    "w // 3": lambda x, y, w: w // 3,
    "7 // w": lambda x, y, w: 7 // w,
    "w % 4": lambda x, y, w: w % 4,
    "9 % w": lambda x, y, w: 9 % w,
    "w ** 3": lambda x, y, w: w**3,
    "2 ** w": lambda x, y, w: 2**w,
    "x ** 2": lambda x, y, w: x**2,
    "x ** -1": lambda x, y, w: x**-1,
    "abs ** 0.5": lambda x, y, w: abs(x) ** 0.5,
    "-x": lambda x, y, w: -x,
    "+x": lambda x, y, w: +x,
    "w & 3 | 4 ^ w": lambda x, y, w: (w & 3) | (4 ^ w),
    "~w": lambda x, y, w: ~w,
    "x < y": lambda x, y, w: x < y,
    "0 >= x": lambda x, y, w: x <= 0,
    "x == x": lambda x, y, w: x == x,
    "x != y": lambda x, y, w: x != y,
    "(x > 0) & (x < 1)": lambda x, y, w: (x > 0) & (x < 1),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_operators(name: str) -> None:
    on_device = OPERATORS[name](*map(sent, (X, Y, W)))
    require_same(on_device, OPERATORS[name](X, Y, W))


CHANGES: dict[str, Callable[[Any, Any], Any]] = {
    "+=": lambda x, y: x.__iadd__(y),
    "-=": lambda x, y: x.__isub__(y),
    "*=": lambda x, y: x.__imul__(2),
    "/=": lambda x, y: x.__itruediv__(y),
    "//=": lambda x, y: x.__ifloordiv__(y),
    "%=": lambda x, y: x.__imod__(y),
    "[0] =": lambda x, y: x.__setitem__(0, 7),
    "[1, ::2] =": lambda x, y: x.__setitem__((1, np.s_[::2]), y[::2]),
    "[:, ::-1] =": lambda x, y: x.__setitem__((np.s_[:], np.s_[::-1]), y),
    "[..., -1] =": lambda x, y: x.__setitem__((..., -1), -1.5),
    "[()] =": lambda x, y: x.__setitem__((), y),
    "[2] = itself": lambda x, y: x.__setitem__(np.s_[1:], x[:-1]),
    "fill": lambda x, y: x.fill(3),
    "multiply out=": lambda x, y: np.multiply(x, y, out=x),
    "power out=": lambda x, y: np.power(abs(x), 2, out=x),
    "maximum out=": lambda x, y: np.maximum(x[0], y, out=x[0]),
    "copyto": lambda x, y: np.copyto(x, y),
    "copyto where": lambda x, y: np.copyto(x, y, where=x > 0),
    "sum out=": lambda x, y: np.sum(x, axis=0, out=x[0]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes_in_place(name: str) -> None:
    on_device, plain = sent(X), X.copy()
    kept = on_device.memory
    CHANGES[name](on_device, sent(Y))
    CHANGES[name](plain, Y)
    if "sum" in name:
        np.testing.assert_allclose(on_device.numpy(), plain, rtol=1e-6)
    else:
        require_same(on_device, plain)
    assert on_device.memory is kept


VIEWS: dict[str, Callable[[Any], Any]] = {
    "row": lambda x: x[1],
    "last": lambda x: x[-1, ..., -1],
    "slices": lambda x: x[1:, ::2, 1:3],
    "one element": lambda x: x[0, 1, 2:3][0:1],
    "new axis": lambda x: x[:, None, 2],
    "nothing": lambda x: x[2:1],
    "transpose": lambda x: x.T,
    "axes": lambda x: x.transpose(1, 0, 2),
    "axes in a tuple": lambda x: x.transpose((2, 0, 1)),
    "mT": lambda x: x.mT,
    "swapaxes": lambda x: x.swapaxes(0, -1),
    "reshape": lambda x: x.reshape(3, 20),
    "reshape -1": lambda x: x.reshape((-1, 2)),
    "split of a transposed": lambda x: x.transpose(1, 0, 2).reshape(5, 1, 3, 2, 2),
    "ravel": lambda x: x.ravel(),
    "squeeze": lambda x: x[:1, :, :1].squeeze(),
    "squeeze one": lambda x: x[:1, :, :1].squeeze(axis=0),
    "expand_dims": lambda x: np.expand_dims(x, (0, -1)),
    "moveaxis": lambda x: np.moveaxis(x, 0, -1),
    "np.transpose": lambda x: np.transpose(x),
    "np.reshape": lambda x: np.reshape(x, (15, 4)),
    "view": lambda x: x.view(np.int32),
    "diagonal": lambda x: x.diagonal(1, 0, 1),
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_share_memory_and_launch_nothing(name: str) -> None:
    x = sent(X)
    simulated.launches.clear()
    shown = VIEWS[name](x)
    assert shown.memory is x.memory
    assert shown.base is x
    assert not simulated.launches
    require_same(shown, VIEWS[name](X))


COPIES: dict[str, Callable[[Any], Any]] = {
    "backwards": lambda x: x[::-1, :, ::-2],
    "reshape of a transposed": lambda x: x.T.reshape(20, 3),
    "ravel of a transposed": lambda x: x.mT.ravel(),
    "flatten": lambda x: x.flatten(),
    "copy": lambda x: x[:, 1].copy(),
    "astype": lambda x: x.astype(np.float32),
    "deepcopy": lambda x: copy.deepcopy(x),
    "by positions": lambda x: x[:, np.array([3, 0, 0])],
    "by a mask": lambda x: x[x > 0.5],
    "repeat": lambda x: x.repeat(2, axis=1),
    "repeat all": lambda x: x.repeat(3),
    "concatenate": lambda x: np.concatenate([x, x[:, :2], x[:, :0]], axis=1),
    "concatenate flat": lambda x: np.concatenate([x, x[0]], axis=None),
    "stack": lambda x: np.stack([x, x + 1], axis=-1),
    "zeros_like": lambda x: np.zeros_like(x),
    "ones_like": lambda x: np.ones_like(x, dtype=np.int64),
    "full_like": lambda x: np.full_like(x, 2.5, shape=(2, 3)),
    "tril": lambda x: np.tril(x, -1),
    "triu": lambda x: np.triu(x, 1),
    "flip": lambda x: np.flip(x, 1),
    "clip": lambda x: x.clip(-0.5, 0.5),
    "clip above": lambda x: np.clip(x, None, 0.5),
    "round": lambda x: x.round(),
    "where": lambda x: np.where(x > 0, x, 0),
    "square in float64": lambda x: np.square(x, dtype=np.float64),
    "matmul": lambda x: x[0].astype(np.int64) @ x[1].T.astype(np.int64),
}


@pytest.mark.parametrize("name", COPIES)
def test_copies(name: str) -> None:
    x = sent(X)
    found = COPIES[name](x)
    assert not np.may_share_memory(found, x)
    require_same(found, COPIES[name](X))


REDUCTIONS: dict[str, Callable[[Any], Any]] = {
    "sum": lambda x: x.sum(axis=1),
    "sum all": lambda x: np.sum(x),
    "sum in float64": lambda x: x.sum(axis=(0, 2), dtype=np.float64, keepdims=True),
    "mean": lambda x: np.mean(x, axis=0),
    "max": lambda x: x.max(axis=-1),
    "min": lambda x: np.min(x),
    "argmax": lambda x: x.argmax(axis=1),
    "any": lambda x: (x > 2).any(),
    "all": lambda x: np.all(x > -3, axis=0),
    "add.reduce": lambda x: np.add.reduce(x, axis=2),
    "maximum.reduce": lambda x: np.maximum.reduce(x),
    "var": lambda x: x.var(axis=1, ddof=1),
    "std": lambda x: np.std(x),
}


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name: str) -> None:
    found, expected = REDUCTIONS[name](sent(X)), np.asarray(REDUCTIONS[name](X))
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    np.testing.assert_allclose(found.numpy(), expected, rtol=2e-6, atol=1e-7)


def test_what_numpy_asks_of_an_array() -> None:
    x = sent(X)
    assert np.shape(x) == X.shape
    assert (np.ndim(x), np.size(x), len(x)) == (3, 60, 3)
    assert np.result_type(x, np.float64) == np.float64
    assert np.may_share_memory(x, x[1:])
    assert not np.may_share_memory(x[:1], x[1:])
    assert not np.may_share_memory(x, X)
    assert np.array_equal(x, x.copy())
    assert not np.array_equal(x, x + 1)
    assert not np.array_equal(x, x[0])
    assert np.allclose(x, x + 1e-9)
    assert bool((x == x).all())


def test_memory_is_laid_out_as_in_the_array_that_is_copied_from() -> None:
    x = sent(X).transpose(0, 2, 1)
    assert np.zeros_like(x).strides == np.zeros_like(X.transpose(0, 2, 1)).strides
    assert np.zeros_like(x[:, :, 0]).strides == np.zeros_like(X.transpose(0, 2, 1)[:, :, 0]).strides


def test_arrays_on_the_cpu_do_not_mix_in() -> None:
    x = sent(X)
    mixtures: list[Callable[[], Any]] = [
        lambda: x + X,
        lambda: X + x,
        lambda: np.multiply(x, X),
        lambda: x.__iadd__(X),
        lambda: x < X,
    ]
    for mixed in mixtures:
        with pytest.raises(DeviceError, match="on the CPU"):
            mixed()
    with pytest.raises(DeviceError, match="out is not"):
        np.multiply(x, 2, out=X)
    with pytest.raises(DeviceError, match="fetches"):
        np.copyto(X, x)
    with pytest.raises(NotOnDeviceError, match="in silence"):
        np.asarray(x)
    require_same(x + np.array(1, np.float32), X + 1)


def test_arrays_on_two_gpus_do_not_mix() -> None:
    x, y = (DeviceArray(memory.Memory(512, 4, device), (1,), np.dtype(np.float32)) for device in range(2))
    with pytest.raises(DeviceError, match="two GPUs"):
        backend.add(x, y)


def test_what_is_not_there_says_its_name() -> None:
    x = sent(X)
    with pytest.raises(NotOnDeviceError, match=r"numpy\.heaviside"):
        np.heaviside(x, x)
    with pytest.raises(NotOnDeviceError, match=r"numpy\.cross"):
        np.cross(x, x)
    with pytest.raises(NotOnDeviceError, match=r"numpy\.add\.at"):
        np.add.at(x, 0, 1)
    with pytest.raises(NotOnDeviceError, match="where="):
        np.add(x, x, where=False)
    with pytest.raises(NotOnDeviceError, match="order"):
        x.reshape(-1, order="F")


def test_what_cannot_be_is_refused() -> None:
    x, whole = sent(X), sent(W)
    with pytest.raises(TypeError, match="float64"):
        whole *= 0.5
    with pytest.raises(TypeError, match="int64"):
        np.divide(whole, 2, out=whole)
    with pytest.raises(TypeError):
        np.copyto(whole, x)
    with pytest.raises(ValueError, match="reshape"):
        x.reshape(7, -1)
    with pytest.raises(ValueError, match="axes"):
        x.transpose(0, 0, 1)
    with pytest.raises(ValueError, match="squeeze"):
        x.squeeze(0)
    with pytest.raises(ValueError, match="joined"):
        np.concatenate([x, x[:, :2]], axis=0)
    with pytest.raises(ValueError, match="view"):
        x.view(np.float64)
    with pytest.raises(IndexError):
        x[3]
    with pytest.raises(TypeError):
        x + "one"


def test_another_class_is_asked_for_its_operator() -> None:
    class Other:
        def __radd__(self, other: Any) -> str:
            return "theirs"

        def __array_ufunc__(self, *args: Any, **kwargs: Any) -> str:
            return "theirs too"

    x = sent(X)
    other: Any = Other()
    assert x + other == "theirs"
    assert np.add(x, other) == "theirs too"
