"""Pooling on the CPU, on channels-last memory as convolution leaves it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..geometry import pooled_size
from .layout import channels_first, channels_last

Array = np.ndarray[Any, Any]
Pair = tuple[int, int]


def max_pool2d(
    x: Array, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool
) -> tuple[Array, Array]:
    """The maxima and their positions in the plane, both `(N, C, OH, OW)`; −∞ and −1 for a window that holds no pixel."""
    from .windows import max_windows

    plane = pooled_size((x.shape[2], x.shape[3]), kernel_size, stride, padding, dilation, ceil_mode)
    shape = (x.shape[0], *plane, x.shape[1])
    best, position = np.empty(shape, x.dtype), np.empty(shape, np.int64)
    max_windows(channels_last(x), best, position, kernel_size, stride, padding, dilation)
    return channels_first(best), channels_first(position)


def plane_scatter(g: Array, positions: Array, size: Pair) -> Array:
    """Add `g` `(N, C, OH, OW)` at `positions` of zero planes `(N, C, *size)`."""
    from .windows import scatter_planes

    n, c = g.shape[:2]
    x = np.zeros((n, size[0] * size[1], c), g.dtype)
    scatter_planes(channels_last(g), channels_last(positions), x)
    return channels_first(x.reshape(n, *size, c))


def plane_gather(x: Array, positions: Array) -> Array:
    """The elements at `positions` `(N, C, OH, OW)` of the planes of `x` `(N, C, H, W)`."""
    n, c = x.shape[:2]
    picked = np.take_along_axis(x.reshape(n, c, -1), positions.reshape(n, c, -1), axis=2)
    return np.where(positions < 0, 0, picked.reshape(positions.shape))


def avg_pool2d(
    x: Array, kernel_size: Pair, stride: Pair, padding: Pair, ceil_mode: bool, count_include_pad: bool
) -> Array:
    """The mean of each window, `(N, C, OH, OW)`."""
    from .windows import mean_windows

    plane = pooled_size((x.shape[2], x.shape[3]), kernel_size, stride, padding, (1, 1), ceil_mode)
    mean = np.empty((x.shape[0], *plane, x.shape[1]), x.dtype)
    mean_windows(channels_last(x), mean, kernel_size, stride, padding, count_include_pad)
    return channels_first(mean)


def avg_pool2d_input(
    g: Array, size: Pair, kernel_size: Pair, stride: Pair, padding: Pair, ceil_mode: bool, count_include_pad: bool
) -> Array:
    """The transpose of `avg_pool2d`: each `g` spread evenly over its window."""
    from .windows import spread_means

    x = np.zeros((g.shape[0], *size, g.shape[1]), g.dtype)
    spread_means(channels_last(g), x, kernel_size, stride, padding, count_include_pad)
    return channels_first(x)
