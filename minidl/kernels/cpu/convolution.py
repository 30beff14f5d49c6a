"""Convolution on the CPU: gather every window into a row (im2col), then one matrix product.

Inside, images are channels-last, (N, H, W, C): a window's pixels then lie in runs of C numbers, copied whole. The results
are handed out as (N, C, H, W) views of channels-last memory, so that the next layer finds them as it wants them.

    rows[N·OH·OW, R·S·C]  @  w[R·S·C, K]  =  y[N·OH·OW, K]

The rows of a few images at a time are built in one buffer that stays in the cache (Chellapilla et al., 2006, "High
performance convolutional neural networks for document processing").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from .layout import channels_first, channels_last
from .threads import one_blas_thread

Array = np.ndarray[Any, Any]
Pair = tuple[int, int]

BUFFER_BYTES = 1 << 22
"""Roughly how large the buffer of window rows may grow: it should stay in the last-level cache."""


class _Windows(NamedTuple):
    """Where the windows of a convolution lie."""

    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair
    plane: Pair

    @property
    def pointwise(self) -> bool:
        """Whether each window is one pixel and all pixels are taken in turn: a 1×1 convolution needs no rows."""
        return self.kernel == (1, 1) == self.stride and self.padding == (0, 0)


def output_size(size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Pair:
    """⌊(size + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1, for both axes."""
    h, w = ((size[a] + 2 * padding[a] - dilation[a] * (kernel[a] - 1) - 1) // stride[a] + 1 for a in (0, 1))
    return h, w


def conv2d(x: Array, w: Array, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Array:
    """`x` `(N, C, H, W)` ∗ `w` `(K, C/groups, R, S)` → `(N, K, OH, OW)`."""
    n, (h, width), (k, c, r, s) = x.shape[0], x.shape[2:], w.shape
    plane = output_size((h, width), (r, s), stride, padding, dilation)
    windows = _Windows((r, s), stride, padding, dilation, plane)
    y = np.empty((n, *plane, k), x.dtype)
    for channels, kernels in _groups(groups, c, k):
        matrix = _matrix(w[kernels])
        out = y if groups == 1 else np.empty((n, *plane, matrix.shape[1]), x.dtype)
        with one_blas_thread():
            for images, rows in _rows(channels_last(x[:, channels]), windows):
                np.matmul(rows, matrix, out=out[images].reshape(len(rows), -1))
        if groups > 1:
            y[..., kernels] = out
    return channels_first(y)


def conv2d_input(g: Array, w: Array, size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Array:
    """The transpose in the image: rows = g wᵀ, spread back over their windows."""
    n, (k, c, r, s) = g.shape[0], w.shape
    windows = _Windows((r, s), stride, padding, dilation, (g.shape[2], g.shape[3]))
    x = np.zeros((n, *size, c * groups), g.dtype)
    for channels, kernels in _groups(groups, c, k):
        upstream = channels_last(g[:, kernels])
        matrix = _matrix(w[kernels]).T
        out = x if groups == 1 else np.zeros((n, *size, c), g.dtype)
        for images in _chunks(n, windows, c, g.dtype):
            flat = upstream[images].reshape(-1, matrix.shape[0])
            if windows.pointwise:
                np.matmul(flat, matrix, out=out[images].reshape(len(flat), -1))
            else:
                from .windows import spread_windows

                with one_blas_thread():
                    rows = flat @ matrix
                spread_windows(rows, out[images], *windows)
        if groups > 1:
            x[..., channels] = out
    return channels_first(x)


def conv2d_weight(g: Array, x: Array, size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Array:
    """The transpose in the kernel: rowsᵀ g, summed over the images."""
    k, c = g.shape[1], x.shape[1] // groups
    windows = _Windows(size, stride, padding, dilation, (g.shape[2], g.shape[3]))
    w = np.zeros((k, c, *size), x.dtype)
    for channels, kernels in _groups(groups, c, k):
        upstream = channels_last(g[:, kernels])
        total = np.zeros((size[0] * size[1] * c, k // groups), x.dtype)
        with one_blas_thread():
            for images, rows in _rows(channels_last(x[:, channels]), windows):
                total += rows.T @ upstream[images].reshape(len(rows), -1)
        w[kernels] = total.reshape(*size, c, -1).transpose(3, 2, 0, 1)
    return w


def _matrix(w: Array) -> Array:
    """Kernels `(K, C, R, S)` as the matrix `(R·S·C, K)`."""
    return np.ascontiguousarray(w.transpose(2, 3, 1, 0)).reshape(-1, w.shape[0])


def _groups(groups: int, c: int, k: int) -> Iterator[tuple[slice, slice]]:
    """The input and output channels of each group."""
    each = k // groups
    for i in range(groups):
        yield slice(i * c, (i + 1) * c), slice(i * each, (i + 1) * each)


def _chunks(n: int, windows: _Windows, c: int, dtype: Any) -> Iterator[slice]:
    """Slices of a few images each, whose window rows fit the buffer."""
    per_image = np.prod(windows.plane) * np.prod(windows.kernel) * c * np.dtype(dtype).itemsize
    step = max(1, int(BUFFER_BYTES // max(per_image, 1)))
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))


def _rows(x: Array, windows: _Windows) -> Iterator[tuple[slice, Array]]:
    """The window rows of a few images of `x` `(N, H, W, C)` at a time; the buffer is used again for the next."""
    n, c = x.shape[0], x.shape[3]
    buffer: Array | None = None
    for images in _chunks(n, windows, c, x.dtype):
        if windows.pointwise:
            yield images, x[images].reshape(-1, c)
            continue
        from .windows import gather_windows

        count = (images.stop - images.start) * windows.plane[0] * windows.plane[1]
        if buffer is None:
            buffer = np.empty((count, windows.kernel[0] * windows.kernel[1] * c), x.dtype)
        gather_windows(x[images], buffer[:count], *windows)
        yield images, buffer[:count]
