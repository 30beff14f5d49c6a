"""Convolution by register tiles and by Winograd's tiles against im2col, and what both promise."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.kernels.cpu import convolution, paths, tiled
from minidl.kernels.cpu.sweeps import Sweep, backward, forward
from minidl.kernels.geometry import output_size

Array = np.ndarray[Any, Any]

compiled = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="takes minutes as plain Python; test_lanes is small"
)

TOLERANCE = {np.dtype("f4"): 2e-5, np.dtype("f8"): 1e-12}


def all_three(x: Array, w: Array, g: Array, **p: Any) -> list[Array]:
    return [
        convolution.conv(x, w, g.shape[2:], **p),
        convolution.conv_input(g, w, x.shape[2:], **p),
        convolution.conv_weight(g, x, w.shape[2:], **p),
    ]


def arrays(rng: Any, dtype: Any, n: int, c: int, k: int, size: Any, kernel: Any, extra: int, p: Any) -> list[Array]:
    out = tuple(m + extra for m in output_size(size, kernel, p["stride"], p["padding"], p["dilation"]))
    shapes = (n, c, *size), (k, c // p["groups"], *kernel), (n, k, *out)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def assert_close(found: list[Array], wanted: list[Array]) -> None:
    for a, b in zip(found, wanted, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=0, atol=TOLERANCE[b.dtype] * max(1, np.abs(b).max()))


def drawn(axes: int, count: int) -> list[Any]:
    """Shapes with channels on both sides of every width of a tile, and images of one and of many blocks."""
    rng = np.random.default_rng(10 + axes)

    def numbers(least: int, most: int) -> tuple[int, ...]:
        return tuple(int(v) for v in rng.integers(least, most + 1, axes))

    found: list[Any] = []
    while len(found) < count:
        groups = int(rng.choice([1, 1, 2, 3]))
        p = {"stride": numbers(1, 3), "padding": numbers(0, 3), "dilation": numbers(1, 3), "groups": groups}
        n, c, k = (int(rng.integers(1, m)) * q for m, q in ((6, 1), (20, groups), (50, groups)))
        size, kernel, extra = numbers(3, {1: 40, 2: 14, 3: 6}[axes]), numbers(1, 4), int(rng.integers(0, 2))
        if min(output_size(size, kernel, p["stride"], p["padding"], p["dilation"])) + extra > 0:
            found.append(pytest.param(n, c, k, size, kernel, extra, p, id=f"{n}-{c}-{k}-{size}-{kernel}-{len(found)}"))
    return found


@compiled
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize(("n", "c", "k", "size", "kernel", "extra", "p"), [*drawn(1, 15), *drawn(2, 30), *drawn(3, 15)])
def test_tiles_give_what_im2col_gives(
    n: int, c: int, k: int, size: Any, kernel: Any, extra: int, p: Any, dtype: Any
) -> None:
    x, w, g = arrays(np.random.default_rng(0), dtype, n, c, k, size, kernel, extra, p)
    tiles = all_three(x, w, g, **p)
    with paths.without("direct"):
        assert_close(tiles, all_three(x, w, g, **p))


@compiled
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize(
    ("n", "c", "k", "size", "padding"),
    [
        (4, 16, 16, (9, 8), (1, 1)),
        (1, 32, 16, (16, 17), (0, 1)),
        (9, 16, 48, (7, 7), (2, 0)),
        (2, 48, 80, (15, 12), (1, 1)),
        (20, 64, 32, (4, 5), (1, 2)),
        (3, 16, 32, (40, 33), (3, 3)),
    ],
)
def test_winograd_gives_what_the_sum_as_defined_gives(
    n: int, c: int, k: int, size: Any, padding: Any, dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiled, "LEAST_CHANNELS", 1)
    monkeypatch.setattr(tiled, "LEAST_PIXELS", 1)
    p: dict[str, Any] = {"stride": (1, 1), "padding": padding, "dilation": (1, 1), "groups": 1}
    x, w, g = arrays(np.random.default_rng(1), dtype, n, c, k, size, (3, 3), 0, p)
    fast = all_three(x, w, g, **p)
    with paths.without("winograd"):
        direct = all_three(x, w, g, **p)
    assert_close(fast, direct)
    assert all((a != b).any() for a, b in zip(fast, direct, strict=True))  # it was another way


@compiled
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("seed", range(24))
def test_single_channels_give_what_shifted_images_give(seed: int, dtype: Any) -> None:
    rng = np.random.default_rng(seed)
    axes = 1 + seed % 3
    c, m = int(rng.integers(2, 40)), int(rng.choice([1, 1, 2, 3]))
    p: dict[str, Any] = {"groups": c}
    for name, least in (("stride", 1), ("padding", 0), ("dilation", 1)):
        p[name] = tuple(int(v) for v in rng.integers(least, 3 + (least == 0), axes))
    size = tuple(int(v) for v in rng.integers(7, {1: 40, 2: 16, 3: 9}[axes], axes))
    x, w, g = arrays(rng, dtype, int(rng.integers(1, 12)), c, c * m, size, (3,) * axes, seed % 2, p)
    tiles = all_three(x, w, g, **p)
    with paths.without("depthwise"):
        assert_close(tiles, all_three(x, w, g, **p))


@compiled
@pytest.mark.parametrize("switched_off", [(), ("winograd",)], ids=["winograd", "direct"])
@pytest.mark.parametrize(("stride", "channels"), [(1, 32), (2, 24), (1, 3)])
def test_results_do_not_depend_on_the_number_of_threads(stride: int, channels: int, switched_off: Any) -> None:
    import numba

    p: dict[str, Any] = {"stride": (stride,) * 2, "padding": (1, 1), "dilation": (1, 1), "groups": 1}
    x, w, g = arrays(np.random.default_rng(2), "f4", 11, channels, 32, (13, 12), (3, 3), 0, p)
    before = numba.get_num_threads()
    with paths.without(*switched_off):
        many = all_three(x, w, g, **p)
        numba.set_num_threads(1)
        try:
            one = all_three(x, w, g, **p)
        finally:
            numba.set_num_threads(before)
    for a, b in zip(many, one, strict=True):
        np.testing.assert_array_equal(a, b)


@compiled
def test_memory_may_lie_in_any_order_and_be_read_only() -> None:
    rng = np.random.default_rng(3)
    p: dict[str, Any] = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1}
    x, w, g = arrays(rng, "f8", 3, 5, 7, (8, 9), (3, 3), 0, p)
    wanted = all_three(x, w, g, **p)
    wide = rng.standard_normal((6, 10, 16, 9))
    wide[::2, ::2, ::2] = x
    turned = [
        wide[::2, ::2, ::2],
        np.asfortranarray(w),
        np.ascontiguousarray(g.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2),
    ]
    for a in turned:
        a.flags.writeable = False
    assert_close(all_three(*turned, **p), wanted)


@compiled
@pytest.mark.parametrize("most", [1, 4000, 1 << 30])
@pytest.mark.parametrize("tasks", [1, 3, 1000])
@pytest.mark.parametrize("channels", [3, 32])
def test_blocks_of_any_size_give_the_same(
    most: int, tasks: int, channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    p: dict[str, Any] = {"stride": (1, 1, 1), "padding": (0, 1, 1), "dilation": (1, 1, 1), "groups": 1}
    x, w, g = arrays(np.random.default_rng(4), "f8", 3, channels, 32, (2, 9, 10), (1, 3, 3), 0, p)
    wanted = all_three(x, w, g, **p)
    monkeypatch.setattr(tiled, "BLOCK_BYTES", most)
    monkeypatch.setattr(tiled, "TASKS", tasks)
    tiled.plan_of.cache_clear()
    found = all_three(x, w, g, **p)
    monkeypatch.undo()
    tiled.plan_of.cache_clear()
    assert_close(found, wanted)


def swept(sweep: Sweep, image: Array, w: Array, y: Array) -> None:
    """A sweep as its docstring defines it, for one channel."""
    taps = sweep.taps.reshape(sweep.count)
    for u in np.ndindex(*sweep.out):
        for m in np.ndindex(*sweep.count):
            at = [a + i * s + j * d for a, i, s, j, d in zip(sweep.start, u, sweep.stride, m, sweep.step, strict=True)]
            if all(0 <= i < n for i, n in zip(at, image.shape, strict=True)):
                place = tuple(f + i * s for f, i, s in zip(sweep.first, u, sweep.spread, strict=True))
                y[place] += image[tuple(at)] * w[taps[m]]


@pytest.mark.parametrize("stride", [(1, 1, 1), (1, 2, 3), (2, 3, 1)])
@pytest.mark.parametrize("dilation", [(1, 1, 1), (1, 2, 2), (2, 1, 3)])
@pytest.mark.parametrize("padding", [(0, 0, 0), (1, 2, 0)])
def test_sweeps_backward_are_the_transpose_of_the_sweep_forward(stride: Any, dilation: Any, padding: Any) -> None:
    rng = np.random.default_rng(5)
    kernel, size, out = (2, 3, 2), (4, 6, 5), (3, 4, 3)
    x, w, g = rng.standard_normal(size), rng.standard_normal(12), rng.standard_normal(out)
    y, back = np.zeros(out), np.zeros(size)
    swept(forward(kernel, stride, padding, dilation, out), x, w, y)
    sweeps = backward(kernel, stride, padding, dilation, size)
    for sweep in sweeps:
        swept(sweep, g, w, back)
    np.testing.assert_allclose(np.sum(y * g), np.sum(back * x), rtol=1e-12)
    assert sum(sweep.taps.size for sweep in sweeps) <= 12


def test_a_path_is_switched_off_in_a_block_and_by_name_only() -> None:
    before = paths.enabled("winograd")
    with paths.without("winograd", "direct"):
        assert not paths.enabled("winograd")
        assert not paths.enabled("direct")
        assert paths.enabled("depthwise")
    assert paths.enabled("winograd") == before
    with (
        pytest.raises(minidl.MinidlError, match="no fast path is called winnograd; there are"),
        paths.without("winnograd"),
    ):
        pass


def test_the_environment_switches_paths_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIDL_DISABLE", "winograd, depthwise")
    assert paths._chosen() == {"winograd", "depthwise"}
    monkeypatch.setenv("MINIDL_DISABLE", "")
    assert paths._chosen() == frozenset()


@compiled
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize(
    ("n", "c", "k", "size", "kernel", "padding"),
    [
        (64, 16, 6, (14, 14), (5, 5), (0, 0)),
        (9, 17, 1, (12, 31), (3, 4), (1, 3)),
        (3, 40, 3, (33, 20), (2, 3), (2, 0)),
        (20, 16, 5, (9, 11), (4, 2), (0, 1)),
        (8, 33, 10, (16, 7), (5, 3), (0, 2)),
    ],
)
def test_pixels_spread_are_results_gathered(
    n: int, c: int, k: int, size: Any, kernel: Any, padding: Any, dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = {"stride": (1, 1), "padding": padding, "dilation": (1, 1), "groups": 1}
    rng = np.random.default_rng(n)
    out = output_size(size, kernel, (1, 1), padding, (1, 1))
    w, g = rng.standard_normal((c, k, *kernel)).astype(dtype), rng.standard_normal((n, c, *out)).astype(dtype)
    g[0, 0, 0, 0], g[-1, -1, -1, -1] = np.inf, np.nan
    with paths.without("spreading", "winograd"):
        wanted = convolution.conv_input(g, w, size, **p)
    monkeypatch.setattr(tiled, "_is_spread", lambda *_: True)
    found = convolution.conv_input(g, w, size, **p)
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(wanted))
    usual = np.isfinite(wanted)
    np.testing.assert_allclose(found[usual], wanted[usual], rtol=0, atol=TOLERANCE[np.dtype(dtype)] * 30)


@compiled
@pytest.mark.parametrize(
    ("k", "stride", "padding", "spread"), [(6, 1, 0, True), (32, 1, 2, False), (16, 1, 0, True), (6, 2, 0, False)]
)
def test_pixels_are_spread_where_that_is_less_work(
    k: int, stride: int, padding: int, spread: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from minidl.kernels.cpu import spreading

    taken: list[Any] = []
    run = spreading.spread
    monkeypatch.setattr(spreading, "spread", lambda *given: (taken.append(given), run(*given)))
    g, w = np.ones((64, 16, 10, 10), "f4"), np.ones((16, k, 5, 5), "f4")
    p = {"stride": (stride, stride), "padding": (padding, padding), "dilation": (1, 1), "groups": 1}
    side = 9 * stride + 5 - 2 * padding
    x = convolution.conv_input(g, w, (side, side), **p)
    assert x[0, 0, 0, 0] == 16 * (padding + 1) ** 2
    assert bool(taken) == spread


@compiled
def test_planes_of_volumes_are_spread_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiled, "SHARED", 1)
    rng = np.random.default_rng(0)
    w, g = rng.standard_normal((16, 3, 1, 4, 4)).astype("f4"), rng.standard_normal((3, 16, 5, 6, 7)).astype("f4")
    p = {"stride": (1, 1, 1), "padding": (0, 1, 0), "dilation": (1, 1, 1), "groups": 1}
    found = convolution.conv_input(g, w, (5, 7, 10), **p)
    with paths.without("spreading"):
        np.testing.assert_allclose(found, convolution.conv_input(g, w, (5, 7, 10), **p), rtol=0, atol=1e-4)
