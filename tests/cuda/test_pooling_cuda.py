"""Pooling, unpooling and resizing on a device: as on the CPU, gradients by gathering and by walking through images."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.errors import DtypeError
from minidl.kernels.cpu import backend as cpu
from minidl.kernels.cuda.array import DeviceArray
from minidl.kernels.cuda.backend import backend
from minidl.kernels.cuda.layers import pooling
from minidl.kernels.cuda.runtime import memory
from minidl.kernels.cuda.simulator import driver
from minidl.kernels.geometry import Windows, adaptive_windows, evenly, pool_windows, transposed, window_sums

pytestmark = pytest.mark.usefixtures("simulated_gpu")

CASES: dict[str, tuple[tuple[int, ...], tuple[Windows, ...]]] = {
    "side by side": ((2, 3, 6, 7), pool_windows((6, 7), (2, 2), (2, 2), (0, 0), (1, 1), False)),
    "overlapping, dilated": ((1, 5, 7, 6), pool_windows((7, 6), (3, 2), (2, 1), (1, 0), (1, 2), True)),
    "adaptive": ((2, 2, 5, 7), adaptive_windows((5, 7), (3, 4))),
    "signals": ((1, 2, 9), pool_windows((9,), (3,), (2,), (1,), (2,), True)),
    "volumes": ((2, 1, 3, 5, 4), pool_windows((3, 5, 4), (2, 3, 2), (2, 2, 1), (1, 1, 0), (1, 1, 2), True)),
    "no images": ((0, 2, 4, 4), pool_windows((4, 4), (2, 2), (2, 2), (0, 0), (1, 1), False)),
    "windows beside the image": ((1, 1, 3, 4), (Windows(3, np.array([0, 4]), np.array([2, 3]), np.array([1, 1])),
                                               Windows(4, np.array([0, 2]), np.array([2, 4]), np.array([2, 2])))),
}  # fmt: skip


def assert_same(there: DeviceArray, here: Any, rtol: float = 0.0) -> None:
    assert there.shape == here.shape
    assert there.dtype == here.dtype
    np.testing.assert_allclose(there.numpy(), here, rtol=rtol, atol=rtol)


def image(shape: tuple[int, ...], dtype: str) -> Any:
    """Few different numbers, so that there are ties, and a NaN or two."""
    x = np.random.default_rng(0).integers(-2, 3, shape).astype(dtype)
    if x.dtype.kind == "f" and x.size:
        x.flat[3:5] = np.nan
    return x


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("case", CASES)
def test_maxima_and_their_gradients(case: str, dtype: str) -> None:
    shape, windows = CASES[case]
    x = image(shape, dtype)
    best, position = backend.max_pool(memory.to_device(x), windows)
    wanted, places = cpu.max_pool(x, windows)
    assert_same(best, wanted)
    assert_same(position, places)
    g = np.random.default_rng(1).standard_normal(wanted.shape).round(1).astype(dtype)
    back = cpu.plane_scatter(g, places, shape[2:])
    for positions, kernel in (
        (position, f"gather_windows_{dtype}"),
        (memory.to_device(places), f"scatter_planes_{dtype}"),
    ):
        driver.launches.clear()
        assert_same(backend.plane_scatter(memory.to_device(g), positions, shape[2:]), back)
        assert not x.size or kernel in driver.launches
    assert_same(backend.plane_gather(memory.to_device(back), position), cpu.plane_gather(back, places))


def test_positions_forget_their_windows() -> None:
    shape, windows = CASES["side by side"]
    before = len(pooling._found_by)
    held = backend.max_pool(memory.to_device(image(shape, "float32")), windows)
    assert len(pooling._found_by) == before + 1
    del held
    gc.collect()
    assert len(pooling._found_by) == before


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", list(CASES)[:6])
def test_weighted_sums(case: str, dtype: str) -> None:
    shape, windows = CASES[case]
    x = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    taps = [window_sums(w, mean=True) for w in windows]
    y = cpu.weighted_sums(x, taps)
    rtol = 1e-6 if dtype == "float32" else 1e-14
    assert_same(backend.weighted_sums(memory.to_device(x), taps), y, rtol)
    back = [transposed(t) for t in taps]
    assert_same(backend.weighted_sums(memory.to_device(y), back), cpu.weighted_sums(y, back), rtol)


def test_an_axis_may_be_left_alone_and_pixels_of_no_weight_do_not_enter() -> None:
    x = np.array([[[[1, np.inf, 3], [4, 5, 6]]]], np.float32)
    taps = [None, evenly(3, np.array([[0, 2], [2, 2]]), np.array([[0.5, 0.5], [1.0, 0.0]]))]
    assert backend.weighted_sums(memory.to_device(x), taps).numpy().tolist() == [[[[2, 3], [5, 6]]]]
    for dtype in ("bool", "float16"):
        with pytest.raises(DtypeError, match="pooling and resizing need"):
            backend.weighted_sums(memory.to_device(x.astype(dtype)), taps)


@pytest.mark.parametrize(
    ("count", "size", "step", "dilation", "length"),
    [(3, 2, 2, 1, 6), (3, 3, 1, 2, 8), (2, 2, 3, 2, 9), (2, 0, 1, 1, 4)],
)
def test_windows_add_up(count: int, size: int, step: int, dilation: int, length: int) -> None:
    x = np.random.default_rng(0).standard_normal((2, count, 3, size)).astype(np.float32)
    assert_same(
        backend.from_windows(memory.to_device(x), 1, length, step, dilation),
        cpu.from_windows(x, 1, length, step, dilation),
        1e-6,
    )
    whole = np.ones((count, size), np.int64)
    assert_same(
        backend.from_windows(memory.to_device(whole), 0, length, step, dilation),
        cpu.from_windows(whole, 0, length, step, dilation),
    )


def test_layers_train_through_pooling() -> None:
    grads = []
    for device in ("cpu", "cuda"):
        x = minidl.tensor(
            np.random.default_rng(0).standard_normal((2, 3, 8, 6)).astype(np.float32), device=device, requires_grad=True
        )
        functional = minidl.nn.functional
        y = functional.max_pool2d(x, 3, stride=2, padding=1)
        y = functional.avg_pool2d(y, 2, ceil_mode=True) + functional.adaptive_avg_pool2d(x, (2, 2))
        y = functional.interpolate(y, scale_factor=2.0, mode="bilinear", align_corners=False)
        weight = minidl.tensor(np.random.default_rng(1).standard_normal(y.shape).astype(np.float32), device=device)
        (y * weight).sum().backward()
        assert x.grad is not None
        grads.append(x.grad.cpu().numpy())
    np.testing.assert_allclose(grads[1], grads[0], rtol=1e-5, atol=1e-6)
