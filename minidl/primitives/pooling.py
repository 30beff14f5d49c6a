"""Pooling: the largest or the mean of each window."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ShapeError, UsageError
from ..graph import Notation
from ..kernels.geometry import pooled_size
from .convolution import pair
from .kinds import General, Linear, Shape, Value, sample, shape_of

_POSITIONS = np.array([[[[0, 5], [5, 11]]], [[[3, 3], [3, 8]]]])  # in planes of 3×4, one pixel winning several windows

plane_scatter: Linear = Linear(
    "plane_scatter",
    Notation("unpool", "unpool({0})"),
    forward=lambda xp, g, positions, size: xp.plane_scatter(g, positions, size),
    transpose=lambda h, g, positions, size: plane_gather(h, positions=positions),
    samples=[sample((2, 1, 2, 2), positions=_POSITIONS, size=(3, 4))],
)
"""Send each pooled gradient back to the pixel that won; pixels that won several windows add them up."""

plane_gather: Linear = Linear(
    "plane_gather",
    Notation("pick", "pick({0})"),
    forward=lambda xp, x, positions: xp.plane_gather(x, positions),
    transpose=lambda g, x, positions: plane_scatter(g, positions=positions, size=(x.shape[2], x.shape[3])),
    samples=[sample((2, 1, 3, 4), positions=_POSITIONS)],
)

_WINDOWS: list[tuple[Shape, dict[str, Any]]] = [
    ((2, 3, 6, 4), {"kernel_size": (2, 2), "stride": (2, 2), "padding": (0, 0), "ceil_mode": False}),
    ((1, 2, 7, 6), {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 0), "ceil_mode": False}),
    ((1, 1, 6, 7), {"kernel_size": (3, 3), "stride": (2, 2), "padding": (1, 1), "ceil_mode": True}),
]

max_pool2d_ = General(
    "max_pool2d",
    Notation("max pool", "maxpool({0})"),
    forward=lambda xp, x, **p: xp.max_pool2d(x, **p),
    vjp=lambda g, y, x, saved, **p: plane_scatter(g, positions=saved, size=(x.shape[2], x.shape[3])),
    jvp=lambda t, y, x, saved, **p: plane_gather(t, positions=saved),
    samples=[sample(x, domain="distinct", dilation=(1, 1), **p) for x, p in _WINDOWS]
    + [sample((1, 1, 7, 7), domain="distinct", **{**_WINDOWS[0][1], "dilation": (2, 3)})],
    saves=True,
)

avg_pool2d_: Linear = Linear(
    "avg_pool2d",
    Notation("avg pool", "avgpool({0})"),
    forward=lambda xp, x, **p: xp.avg_pool2d(x, **p),
    transpose=lambda g, x, **p: avg_pool2d_input(g, size=(x.shape[2], x.shape[3]), **p),
    samples=[sample(x, count_include_pad=bool(i % 2), **p) for i, (x, p) in enumerate(_WINDOWS)],
)

avg_pool2d_input: Linear = Linear(
    "avg_pool2d_input",
    Notation("spread", "spread({0})"),
    forward=lambda xp, g, **p: xp.avg_pool2d_input(g, **p),
    transpose=lambda h, g, size, **p: avg_pool2d_(h, **p),
    samples=[sample((2, 3, 3, 2), size=(6, 4), count_include_pad=True, **_WINDOWS[0][1])],
)


def max_pool2d(
    input: Value,
    kernel_size: int | tuple[int, ...],
    stride: int | tuple[int, ...] | None = None,
    padding: int | tuple[int, ...] = 0,
    dilation: int | tuple[int, ...] = 1,
    ceil_mode: bool = False,
) -> Value:
    """Take the largest value of each window; its gradient goes to the first pixel that holds it.

    Args:
        input: images, `(N, C, H, W)`.
        kernel_size: the window, one number or (height, width).
        stride: step of the window; the window's own size by default.
        padding: −∞ around the image, at most half the window.
        dilation: spacing of the window's elements.
        ceil_mode: whether a last, incomplete window counts.

    Returns:
        `(N, C, OH, OW)`.

    >>> import minidl
    >>> minidl.max_pool2d(minidl.arange(16.0).reshape(1, 1, 4, 4), 2).data[0, 0]
    array([[ 5.,  7.],
           [13., 15.]], dtype=float32)
    """
    p = _window("max_pool2d", shape_of(input), kernel_size, stride, padding, dilation, ceil_mode)
    return max_pool2d_(input, **p)


def avg_pool2d(
    input: Value,
    kernel_size: int | tuple[int, ...],
    stride: int | tuple[int, ...] | None = None,
    padding: int | tuple[int, ...] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Value:
    """Average each window; see `max_pool2d` for the arguments.

    Args:
        input: images, `(N, C, H, W)`.
        kernel_size: the window.
        stride: step of the window; the window's own size by default.
        padding: zeros around the image.
        ceil_mode: whether a last, incomplete window counts.
        count_include_pad: whether padded zeros count in the number divided by.

    >>> import minidl
    >>> minidl.avg_pool2d(minidl.arange(16.0).reshape(1, 1, 4, 4), 2).data[0, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]], dtype=float32)
    """
    p = _window("avg_pool2d", shape_of(input), kernel_size, stride, padding, 1, ceil_mode)
    del p["dilation"]
    return avg_pool2d_(input, count_include_pad=count_include_pad, **p)


def _window(
    name: str, shape: Shape, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> dict[str, Any]:
    if len(shape) != 4:
        hint = "; add a batch axis with x.unsqueeze(0)" if len(shape) == 3 else ""
        raise ShapeError(f"{name}: wants images (N, C, H, W), got {shape}{hint}")
    kernel = pair(kernel_size, "kernel_size", 1)
    pad = pair(padding, "padding", 0)
    spread = pair(dilation, "dilation", 1)
    step = kernel if stride is None else pair(stride, "stride", 1)
    extent = [d * (k - 1) + 1 for d, k in zip(spread, kernel, strict=True)]
    if 2 * pad[0] > extent[0] or 2 * pad[1] > extent[1]:
        raise UsageError(f"{name}: padding {pad} must be at most half of the window {tuple(extent)}")
    if min(pooled_size((shape[2], shape[3]), kernel, step, pad, spread, ceil_mode)) < 1:
        raise ShapeError(f"{name}: the {extent[0]}×{extent[1]} window is larger than the {shape[2]}×{shape[3]} image")
    return {"kernel_size": kernel, "stride": step, "padding": pad, "dilation": spread, "ceil_mode": ceil_mode}
