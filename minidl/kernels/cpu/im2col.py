"""Convolution as a product of matrices: every window a row (im2col). The plain way, which the others are tested against.

Inside, images are channels-last with three axes, (N, D, H, W, C): a window's pixels then lie in runs of C numbers, copied
whole; a signal or a plane has axes of length 1 in front, which cost nothing. The results are handed out as (N, C, …) views
of channels-last memory, so that the next layer finds them as it wants them.

    rows[pixels, volume · C]  @  w[volume · C, K]  =  y[pixels, K]

The rows of a few output lines at a time are built, multiplied and forgotten while they are in the cache (Chellapilla et
al., 2006, "High performance convolutional neural networks for document processing"). A 1×1 convolution needs no rows at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..geometry import Size
from .layout import channels_first, channels_last, three, with_three_axes
from .threads import one_blas_thread

Array = np.ndarray[Any, Any]
Triple = tuple[int, int, int]

BLOCK_BYTES = 1 << 20
"""How large the rows of one block of lines may grow: they should stay in a core's own cache."""

PARTS = 8
"""Into how many blocks the lines are divided at least, for threads to share; and how many sums make a weight gradient."""


@dataclass(frozen=True, slots=True)
class _Geometry:
    """What the kernels ask of a convolution: where the windows lie, and how many there are along each of three axes."""

    kernel: Triple
    stride: Triple
    padding: Triple
    dilation: Triple
    out: Triple

    def pointwise(self, size: Size) -> bool:
        """Whether each window is one pixel, and the pixels of an image of this size are taken in turn."""
        return self.kernel == (1, 1, 1) == self.stride and self.padding == (0, 0, 0) and self.out == three(size, 1)

    def everything(self) -> tuple[Triple, ...]:
        """In the kernels' order of arguments."""
        return self.kernel, self.stride, self.padding, self.dilation, self.out

    def block(self, images: int, width: int, itemsize: int) -> int:
        """How many output lines make a block: as many as the cache holds rows of, few enough for all threads to have some."""
        lines = images * self.out[0] * self.out[1]
        return max(1, min(BLOCK_BYTES // max(self.out[2] * width * itemsize, 1), -(-lines // PARTS)))


def _geometry(kernel: Size, stride: Size, padding: Size, dilation: Size, out: Size) -> _Geometry:
    return _Geometry(three(kernel, 1), three(stride, 1), three(padding, 0), three(dilation, 1), three(out, 1))


def conv(x: Array, w: Array, size: Size, stride: Size, padding: Size, dilation: Size, groups: int) -> Array:
    """`x` `(N, C, …)` ∗ `w` `(K, C/groups, …)` → `(N, K, *size)`."""
    from . import windows

    n, k, c = x.shape[0], w.shape[0], w.shape[1]
    geometry = _geometry(w.shape[2:], stride, padding, dilation, size)
    y = np.zeros((n, *size, k), x.dtype)
    for channels, kernels in _groups(groups, c, k):
        image, matrix = channels_last(with_three_axes(x[:, channels])), _matrix(w[kernels])
        part = y if groups == 1 else np.empty((n, *size, k // groups), x.dtype)
        if not y.size or not image.size:
            continue
        pixels = part.reshape(-1, k // groups)
        with one_blas_thread():
            if geometry.pointwise(x.shape[2:]):
                np.matmul(image.reshape(-1, c), matrix, out=pixels)
            else:
                block = geometry.block(n, matrix.shape[0], x.itemsize)
                windows.convolve(image, matrix, pixels, block, *geometry.everything())
        if groups > 1:
            y[..., kernels] = part
    return channels_first(y)


def conv_input(g: Array, w: Array, size: Size, stride: Size, padding: Size, dilation: Size, groups: int) -> Array:
    """The transpose in the image: rows = g wᵀ, spread back over their windows."""
    from . import windows

    n, k, c = g.shape[0], w.shape[0], w.shape[1]
    geometry = _geometry(w.shape[2:], stride, padding, dilation, g.shape[2:])
    x = np.zeros((n, *size, c * groups), g.dtype)
    for channels, kernels in _groups(groups, c, k):
        upstream, matrix = channels_last(g[:, kernels]).reshape(-1, k // groups), _matrix(w[kernels])
        part = x if groups == 1 else np.zeros((n, *size, c), g.dtype)
        if not g.size or not x.size:
            continue
        with one_blas_thread():
            if geometry.pointwise(size):
                np.matmul(upstream, matrix.T, out=part.reshape(-1, c))
            else:
                block = geometry.block(n, matrix.shape[0], g.itemsize)
                transposed = np.ascontiguousarray(matrix.T)
                image = part.reshape(n, *three(size, 1), c)
                windows.convolve_input(upstream, transposed, image, block, *geometry.everything())
        if groups > 1:
            x[..., channels] = part
    return channels_first(x)


def conv_weight(g: Array, x: Array, size: Size, stride: Size, padding: Size, dilation: Size, groups: int) -> Array:
    """The transpose in the kernel: rowsᵀ g, summed over the images."""
    from . import windows

    n, k, c = x.shape[0], g.shape[1], x.shape[1] // groups
    geometry = _geometry(size, stride, padding, dilation, g.shape[2:])
    w = np.zeros((k, c, *size), x.dtype)
    for channels, kernels in _groups(groups, c, k):
        upstream = channels_last(g[:, kernels]).reshape(-1, k // groups)
        image = channels_last(with_three_axes(x[:, channels]))
        if not g.size or not x.size:
            continue
        with one_blas_thread():
            if geometry.pointwise(x.shape[2:]):
                total = image.reshape(-1, c).T @ upstream
            else:
                lines, width = n * geometry.out[0] * geometry.out[1], math.prod(size) * c
                parts = np.zeros((min(PARTS, lines), width, k // groups), x.dtype)
                block = geometry.block(n, width, x.itemsize)
                windows.convolve_weight(upstream, image, parts, block, *geometry.everything())
                total = parts.sum(axis=0)
        w[kernels] = np.moveaxis(total.reshape(*size, c, -1), (-1, -2), (0, 1))
    return w


def _matrix(w: Array) -> Array:
    """Kernels `(K, C, …)` as the matrix `(volume · C, K)`."""
    return np.ascontiguousarray(np.moveaxis(w, (0, 1), (-1, -2))).reshape(-1, w.shape[0])


def _groups(groups: int, c: int, k: int) -> Iterator[tuple[slice, slice]]:
    """The input and output channels of each group."""
    each = k // groups
    for i in range(groups):
        yield slice(i * c, (i + 1) * c), slice(i * each, (i + 1) * each)
