"""Kernels in vector instructions, small enough to run as plain Python too, where a vector may not leave its array."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from minidl.kernels.cpu import convolution, paths, tiled
from minidl.kernels.geometry import output_size

Array = np.ndarray[Any, Any]


def all_three(x: Array, w: Array, g: Array, **p: Any) -> list[Array]:
    """The convolution and its transposes in the image and in the weights."""
    return [
        convolution.conv(x, w, g.shape[2:], **p),
        convolution.conv_input(g, w, x.shape[2:], **p),
        convolution.conv_weight(g, x, w.shape[2:], **p),
    ]


def same(other: str, n: int, c: int, k: int, size: Any, kernel: Any, dtype: str, extra: int = 0, **p: Any) -> None:
    """Hold all three to those without the path `other`; images, weights and upstream are drawn."""
    rng = np.random.default_rng(0)
    out = tuple(m + extra for m in output_size(size, kernel, p["stride"], p["padding"], p["dilation"]))
    shapes = (n, c, *size), (k, c // p["groups"], *kernel), (n, k, *out)
    x, w, g = (rng.standard_normal(shape).astype(dtype) for shape in shapes)
    found = all_three(x, w, g, **p)
    with paths.without(other):
        wanted = all_three(x, w, g, **p)
    for a, b in zip(found, wanted, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, rtol=0, atol={"f4": 2e-5, "f8": 1e-12}[dtype] * max(1, np.abs(b).max()))


@contextmanager
def small_blocks(most: int, tasks: int, shared: int, **limits: int) -> Iterator[None]:
    """Have a task see so many bytes, and so many tasks, and whatever else `tiled` is to believe."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"BLOCK_BYTES": most, "TASKS": tasks, "SHARED": shared, **limits}.items():
            patch.setattr(tiled, name, value)
        tiled.plan_of.cache_clear()
        try:
            yield
        finally:
            tiled.plan_of.cache_clear()


MANY = 1 << 20

BLOCKS = [(1 << 17, 1, MANY), (1 << 17, 2, 0), (1 << 17, 8, MANY), (1, 2, 0)]
"""How much a task sees and how many there are: everything, half, as usual, and lines one by one.

And from how many products on they are shared among threads."""

SHAPES = [
    # images, channels, results, size, kernel, extra; stride, padding, dilation, groups
    (1, 1, 1, (3,), (1,), 0, (1,), (0,), (1,), 1),
    (2, 3, 5, (7,), (3,), 1, (2,), (1,), (1,), 1),
    (3, 2, 17, (4, 5), (2, 3), 0, (1, 1), (1, 2), (1, 1), 1),
    (2, 3, 9, (6, 5), (3, 2), 1, (2, 1), (0, 1), (1, 2), 1),
    (1, 6, 21, (5, 4), (2, 2), 0, (1, 2), (1, 0), (2, 1), 3),
    (2, 4, 6, (5, 6), (1, 3), 0, (1, 3), (0, 1), (1, 1), 2),
    (5, 5, 33, (3, 3), (1, 1), 0, (1, 1), (0, 0), (1, 1), 1),
    (1, 4, 64, (3,), (2,), 0, (1,), (0,), (1,), 2),
    (3, 2, 3, (5, 6), (2, 3), 0, (1, 1), (0, 0), (1, 1), 1),
    (2, 2, 3, (4, 3), (1, 1), 0, (1, 1), (1, 2), (1, 1), 1),
    (2, 2, 3, (3, 4, 3), (2, 1, 2), 0, (1, 2, 1), (1, 0, 1), (2, 1, 2), 1),
    (3, 2, 3, (4, 3, 3), (2, 2, 1), 0, (1, 1, 1), (0, 0, 0), (1, 1, 1), 1),
    (3, 4, 4, (5, 3, 4), (2, 2, 2), 1, (2, 1, 2), (1, 1, 0), (1, 2, 1), 2),
]


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize(("most", "tasks", "shared"), BLOCKS)
@pytest.mark.parametrize("shape", SHAPES)
def test_tiles(shape: Any, most: int, tasks: int, shared: int, dtype: str) -> None:
    n, c, k, size, kernel, extra, stride, padding, dilation, groups = shape
    p = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    with small_blocks(most, tasks, shared):
        same("direct", n, c, k, size, kernel, dtype, extra, **p)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize(("most", "tasks", "shared"), BLOCKS)
@pytest.mark.parametrize(
    ("n", "c", "each", "size", "stride", "padding", "dilation"),
    [
        (1, 10, 1, (7,), (1,), (1,), (1,)),
        (2, 9, 1, (7, 8), (2, 1), (0, 1), (1, 2)),
        (1, 3, 3, (8, 7), (1, 2), (1, 0), (2, 1)),
        (5, 16, 1, (5, 6), (1, 1), (0, 0), (1, 1)),
        (2, 5, 1, (3, 4, 5), (1, 1, 2), (1, 1, 1), (1, 1, 1)),
    ],
)
def test_single_channels(
    n: int, c: int, each: int, size: Any, stride: Any, padding: Any, dilation: Any, most: int, tasks: int,
    shared: int, dtype: str,
) -> None:  # fmt: skip
    p = {"stride": stride, "padding": padding, "dilation": dilation, "groups": c}
    with small_blocks(most, tasks, shared):
        same("depthwise", n, c, c * each, size, (3,) * len(size), dtype, **p)


@pytest.mark.parametrize(("most", "tasks", "shared"), BLOCKS)
@pytest.mark.parametrize(
    ("n", "c", "k", "size", "padding"),
    [
        (2, 8, 24, (5, 4), (1, 1)),
        (1, 16, 8, (3, 6), (2, 0)),
        (2, 8, 8, (2, 5, 4), (0, 1, 1)),
        (1, 16, 16, (17, 18), (1, 1)),  # more tiles than a round takes
    ],
)
def test_winograd(n: int, c: int, k: int, size: Any, padding: Any, most: int, tasks: int, shared: int) -> None:
    ones = (1,) * len(size)
    kernel = (*ones[2:], 3, 3)
    with small_blocks(most, tasks, shared, LEAST_CHANNELS=1, LEAST_PIXELS=1):
        same("winograd", n, c, k, size, kernel, "f8", stride=ones, padding=padding, dilation=ones, groups=1)


def test_without_a_compiler_vectors_are_numpy_and_stay_inside_their_arrays() -> None:
    program = """
        import numpy as np
        from minidl.kernels.cpu import simd, tiled

        tile = simd.step(simd.zeros(np.ones(1), 2), np.arange(9.0), np.arange(8), 1, np.full(9, 2.0), 0)
        assert tile.sums[:, 0].tolist() == [2 * (i + 1) for i in range(simd.ROWS)]
        y = np.zeros(64)
        simd.store_part(tile, y, np.arange(8) * 8, 3, 2, 1)
        assert np.flatnonzero(y).tolist() == [3, 11]
        try:
            simd.step(tile, np.arange(9.0), np.arange(8), 9, y, 0)
        except IndexError as error:
            assert "leaves an array of 9" in str(error)
        else:
            raise AssertionError
        rng = np.random.default_rng(0)
        x, w = rng.standard_normal((2, 16, 16, 16)), rng.standard_normal((16, 16, 3, 3))
        fast = tiled.conv(x, w, (16, 16), (1, 1), (1, 1), (1, 1), 1)
        print(np.abs(fast[:, :, 1, 1] - np.einsum("nchw,kchw->nk", x[:, :, :3, :3], w)).max() < 1e-12)
    """
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.returncode) == ("True", 0), done.stderr
