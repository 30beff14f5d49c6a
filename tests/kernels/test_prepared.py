"""A function that is bound to memory computes what the backend's function computes, each time anew, and makes no memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl.kernels import backend_of
from minidl.kernels.cpu import pooling, probabilities, tiled
from minidl.kernels.cpu.paths import without
from minidl.kernels.cpu.prepared import PREPARE
from minidl.kernels.geometry import pool_windows

CPU: Any = backend_of([])


def images(*shape: int, last: bool = True, dtype: Any = np.float32, seed: int = 0) -> Any:
    """Images `(N, C, …)`, channels last or first in memory."""
    n, c, *size = shape
    x = np.random.default_rng(seed).standard_normal((n, *size, c) if last else shape).astype(dtype)
    return np.moveaxis(x, -1, 1) if last else x


def numbers(*shape: int, dtype: Any = np.float32, seed: int = 1) -> Any:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def conv(padding: int = 1, stride: int = 1, groups: int = 1, size: tuple[int, int] = (0, 0)) -> dict[str, Any]:
    two = (1, 1)
    return {"size": size, "stride": (stride,) * 2, "padding": (padding,) * 2, "dilation": two, "groups": groups}


def windows(size: tuple[int, ...], kernel: int, stride: int, padding: int) -> Any:
    p = (padding,) * len(size)
    return pool_windows(
        size, kernel_size=(kernel,) * len(size), stride=(stride,) * len(size), padding=p, dilation=(1,) * len(size),
        ceil_mode=False,
    )  # fmt: skip


def cases(dtype: Any, last: bool) -> dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]]:
    """Calls of the backend, with arrays in one of two layouts."""
    x, g = images(3, 4, 7, 6, last=last, dtype=dtype), images(3, 5, 7, 6, last=last, dtype=dtype, seed=2)
    w, rows, more = numbers(5, 4, 3, 3, dtype=dtype), numbers(6, 10, dtype=dtype), numbers(6, 10, dtype=dtype, seed=3)
    even = images(2, 3, 6, 8, last=last, dtype=dtype)
    _, positions = CPU.max_pool(even, windows((6, 8), 2, 2, 0))
    weight, bias = numbers(4, dtype=dtype), numbers(4, dtype=dtype, seed=5)
    _, mean, variance = CPU.batch_norm(x, weight, bias, 1e-5)
    wide, lines = numbers(10, dtype=dtype), numbers(6, 10, dtype=dtype, seed=8)
    _, middle, spread = CPU.layer_norm(lines, wide, wide, 1e-5)
    narrow = images(3, 5, 4, 3, last=last, dtype=dtype)
    return {
        "conv": ("conv", (x, w), conv(size=(7, 6))),
        "conv, stride 2": ("conv", (x, w), conv(stride=2, size=(4, 3))),
        "conv, groups": ("conv", (x, numbers(6, 2, 3, 3, dtype=dtype)), conv(groups=2, size=(7, 6))),
        "conv of 16 channels": (
            "conv", (images(4, 16, 9, 9, last=last, dtype=dtype), numbers(16, 16, 3, 3, dtype=dtype)), conv(size=(9, 9)),
        ),
        "conv of a signal": (
            "conv", (images(2, 4, 9, last=last, dtype=dtype), numbers(5, 4, 3, dtype=dtype)),
            {"size": (7,), "stride": (1,), "padding": (0,), "dilation": (1,), "groups": 1},
        ),
        "conv_input": ("conv_input", (g, w), conv(size=(7, 6))),
        "conv_input, not every pixel": ("conv_input", (narrow, w[:, :, :1, :1]), conv(0, 2, size=(7, 6))),
        "conv_weight": ("conv_weight", (g, x), conv(size=(3, 3))),
        "max_pool": ("max_pool", (even, windows((6, 8), 2, 2, 0)), {}),
        "max_pool, padded": ("max_pool", (x, windows((7, 6), 3, 2, 1)), {}),
        "plane_scatter": ("plane_scatter", (images(2, 3, 3, 4, last=last, dtype=dtype, seed=4), positions, (6, 8)), {}),
        "batch_norm": ("batch_norm", (x, weight, bias, 1e-5), {}),
        "batch_norm_back": ("batch_norm_back", (x * 2, x, weight, mean, variance, 1e-5), {}),
        "layer_norm": ("layer_norm", (lines, wide, wide + 1, 1e-5), {}),
        "layer_norm_back": ("layer_norm_back", (rows, lines, wide, middle, spread, 1e-5), {}),
        "relu_back": ("relu_back", (images(3, 4, 7, 6, last=last, dtype=dtype, seed=6), x), {}),
        "relu_back, another layout": (
            "relu_back", (images(3, 8, 20, 20, last=not last, dtype=dtype), images(3, 8, 20, 20, last=last, dtype=dtype)),
            {},
        ),
        "where": ("where", (x > 0, x, 0.5), {}),
        "matmul": ("matmul", (rows, more.T), {}),
        "matmul of a batch": ("matmul", (numbers(4, 6, 10, dtype=dtype), more.T), {}),
        "matmul of a column and a row": ("matmul", (rows[:, :1], more[:1]), {}),
        "sum": ("sum", (x,), {"axis": (0, 2, 3)}),
        "sum of all": ("sum", (rows,), {}),
        "cross_entropy": ("cross_entropy", (rows, np.abs(more) * (more > 0)), {}),
        "cross_entropy_back": ("cross_entropy_back", (rows[:, 0].copy(), rows, np.abs(more)), {}),
        "many rows": ("cross_entropy", (numbers(900, 10, dtype=dtype), numbers(900, 10, dtype=dtype, seed=9)), {}),
        "many rows back": (
            "cross_entropy_back", (np.broadcast_to(rows[:1, 0], (900,)), numbers(900, 10, dtype=dtype),
                                   numbers(900, 10, dtype=dtype, seed=9)), {},
        ),
        "softmax": ("softmax", (numbers(3, 40, 50, dtype=dtype),), {"axis": 2}),
        "softmax_back": (
            "softmax_back", (numbers(3, 40, 50, dtype=dtype), np.abs(numbers(3, 40, 50, dtype=dtype, seed=2)), 2), {},
        ),
        "reshape": ("reshape", (even, (2, 144)), {}),
        "concat": ("concat", ([rows, more], 0), {}),
        "scatter_add": ("scatter_add", (rows, (slice(None), slice(0, 20, 2)), (6, 20)), {}),
        "scatter_add of positions": ("scatter_add", (rows, np.array([0, 2, 2, 1, 0, 3]), (4, 10)), {}),
        "gelu": ("gelu", (numbers(60, 80, dtype=dtype),), {}),
        "gelu_slope": ("gelu_slope", (numbers(60, 80, dtype=dtype),), {}),
    }  # fmt: skip


PLAIN = {"scatter_add of positions"}
"""Calls that are not prepared, whatever the layout."""

ONLY_SINGLE = {"cross_entropy", "cross_entropy_back", "many rows", "many rows back", "softmax", "softmax_back", "gelu",
               "gelu_slope"}  # fmt: skip
"""Calls that are prepared for float32 alone."""


def as_tuple(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("last", [True, False], ids=["channels last", "channels first"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", cases(np.float32, True))
def test_it_computes_what_the_backend_computes(name: str, dtype: Any, last: bool) -> None:
    function, args, kwargs = cases(dtype, last)[name]
    outs = tuple(np.full_like(a, 7) for a in as_tuple(getattr(CPU, function)(*args, **kwargs)))
    run = PREPARE[function](outs, *args, **kwargs)
    assert (run is None) == (name in PLAIN or (name in ONLY_SINGLE and dtype == np.float64))
    if run is None:
        return
    changing = [a for a in (*args, *(args[0] if function == "concat" else ())) if isinstance(a, np.ndarray)]
    for _ in range(2):
        run()
        for found, expected in zip(outs, as_tuple(getattr(CPU, function)(*args, **kwargs)), strict=True):
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)
        for a in changing:  # it is bound to memory, not to numbers
            if a.dtype == dtype and a.flags.writeable:
                a *= 0.5


def test_every_function_that_is_prepared_is_tested() -> None:
    assert {function for function, _, _ in cases(np.float32, True).values()} == PREPARE.keys()


@pytest.mark.parametrize(
    "name",
    [
        k
        for k, (f, _, _) in cases(np.float32, True).items()
        if f
        in ("conv", "conv_input", "conv_weight", "max_pool", "plane_scatter", "cross_entropy", "cross_entropy_back")
    ],
)
def test_one_thread_and_several_compute_the_same_bits(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few numbers are computed without starting threads; from `SHARED` on they are started."""
    function, args, kwargs = cases(np.float32, True)[name]
    found = []
    for least in (0, 1 << 40):
        for module in (tiled, pooling, probabilities):
            monkeypatch.setattr(module, "SHARED", least)
        found.append(as_tuple(getattr(CPU, function)(*args, **kwargs)))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_is_switched_off_is_not_prepared() -> None:
    given = cases(np.float32, True)
    for path, names in {"direct": ("conv", "conv_input", "conv_weight"), "rectifier": ("relu_back",)}.items():
        with without(path):
            for name in names:
                function, args, kwargs = given[name]
                outs = as_tuple(getattr(CPU, function)(*args, **kwargs))
                assert PREPARE[function](outs, *args, **kwargs) is None


def test_a_result_that_lies_otherwise_is_not_filled() -> None:
    function, args, kwargs = cases(np.float32, True)["conv"]
    out = np.empty(CPU.conv(*args, **kwargs).shape, np.float32)
    assert PREPARE[function]((out,), *args, **kwargs) is None
