"""Convolution on the CPU: every window a row (im2col), then one matrix product.

Inside, images are channels-last, (N, H, W, C): a window's pixels then lie in runs of C numbers, copied whole. The results
are handed out as (N, C, H, W) views of channels-last memory, so that the next layer finds them as it wants them.

    rows[N·OH·OW, R·S·C]  @  w[R·S·C, K]  =  y[N·OH·OW, K]

The rows of a few images at a time are built, multiplied and forgotten while they are in the cache (Chellapilla et al., 2006,
"High performance convolutional neural networks for document processing"). A 1×1 convolution needs no rows at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...errors import DtypeError
from ..geometry import output_size
from .layout import channels_first, channels_last
from .threads import one_blas_thread

Array = np.ndarray[Any, Any]
Pair = tuple[int, int]

BLOCK_BYTES = 1 << 20
"""How large the rows of one block of images may grow: they should stay in a core's own cache."""

PARTS = 8
"""Into how many sums a weight gradient is divided among threads."""


def conv2d(x: Array, w: Array, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Array:
    """`x` `(N, C, H, W)` ∗ `w` `(K, C/groups, R, S)` → `(N, K, OH, OW)`."""
    windows = _kernels(x, w)
    n, (h, width), (k, c, r, s) = x.shape[0], x.shape[2:], w.shape
    plane = output_size((h, width), (r, s), stride, padding, dilation)
    y = np.zeros((n, *plane, k), x.dtype)
    for channels, kernels in _groups(groups, c, k):
        image, matrix = channels_last(x[:, channels]), _matrix(w[kernels])
        out = y if groups == 1 else np.empty((n, *plane, k // groups), x.dtype)
        if not y.size or not image.size:
            continue
        with one_blas_thread():
            if _pointwise((r, s), stride, padding):
                np.matmul(image.reshape(-1, c), matrix, out=out.reshape(-1, matrix.shape[1]))
            else:
                windows.convolve(image, matrix, out, _block(n, plane, matrix), (r, s), stride, padding, dilation)
        if groups > 1:
            y[..., kernels] = out
    return channels_first(y)


def conv2d_input(g: Array, w: Array, size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Array:
    """The transpose in the image: rows = g wᵀ, spread back over their windows."""
    windows = _kernels(g, w)
    n, plane, (k, c, r, s) = g.shape[0], (g.shape[2], g.shape[3]), w.shape
    x = np.zeros((n, *size, c * groups), g.dtype)
    for channels, kernels in _groups(groups, c, k):
        upstream, matrix = channels_last(g[:, kernels]), _matrix(w[kernels])
        out = x if groups == 1 else np.zeros((n, *size, c), g.dtype)
        if not g.size or not x.size:
            continue
        with one_blas_thread():
            if _pointwise((r, s), stride, padding):
                np.matmul(upstream.reshape(-1, matrix.shape[1]), matrix.T, out=out.reshape(-1, c))
            else:
                transposed = np.ascontiguousarray(matrix.T)
                windows.convolve_input(
                    upstream, transposed, out, _block(n, plane, matrix), (r, s), stride, padding, dilation
                )
        if groups > 1:
            x[..., channels] = out
    return channels_first(x)


def conv2d_weight(g: Array, x: Array, size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Array:
    """The transpose in the kernel: rowsᵀ g, summed over the images."""
    windows = _kernels(g, x)
    n, plane, k, c = x.shape[0], (g.shape[2], g.shape[3]), g.shape[1], x.shape[1] // groups
    w = np.zeros((k, c, *size), x.dtype)
    for channels, kernels in _groups(groups, c, k):
        upstream, image = channels_last(g[:, kernels]), channels_last(x[:, channels])
        if not g.size or not x.size:
            continue
        with one_blas_thread():
            if _pointwise(size, stride, padding):
                total = image.reshape(-1, c).T @ upstream.reshape(-1, k // groups)
            else:
                parts = np.zeros((min(PARTS, n), size[0] * size[1] * c, k // groups), x.dtype)
                block = min(_block(n, plane, parts[0]), -(-n // len(parts)))
                windows.convolve_weight(upstream, image, parts, block, size, stride, padding, dilation)
                total = parts.sum(axis=0)
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


def _pointwise(kernel: Pair, stride: Pair, padding: Pair) -> bool:
    """Whether each window is one pixel and all pixels are taken in turn."""
    return kernel == (1, 1) == stride and padding == (0, 0)


def _block(n: int, plane: Pair, matrix: Array) -> int:
    """How many images make a block: as many as the cache holds rows of, and few enough for all threads to have some."""
    per_image: int = plane[0] * plane[1] * matrix.shape[0] * matrix.itemsize
    return max(1, min(BLOCK_BYTES // max(per_image, 1), -(-n // PARTS)))


def _kernels(*arrays: Array) -> Any:
    """The module of Numba kernels, which takes most of a second to import; refuses numbers that it has no kernels for."""
    for a in arrays:
        if a.dtype not in (np.float32, np.float64):
            raise DtypeError(
                f"conv2d: computes in float32 or float64, got {a.dtype}; convert with x.to(minidl.float32)"
            )
    from . import windows

    return windows
