"""Convolution where each channel has kernels of its own: one elementwise product for each kernel element, and no matrix.

    y[c, j] = Σ_t w[c, j, t] · (x[c] shifted by t)        c: channel, j: which of its kernels

Axes in space are three, as in `convolution`. Images are taken one by one, so that each stays in the cache.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..geometry import Size
from .layout import three, with_three_axes

Array = np.ndarray[Any, Any]
Triple = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Depthwise:
    """Where the windows lie; see `convolution` for the arguments."""

    kernel: Triple
    stride: Triple
    padding: Triple
    dilation: Triple
    out: Triple

    def taps(self) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        """The index of each kernel element, and of the pixels that it meets in a padded image `(C, D, H, W)`."""
        for t in itertools.product(*map(range, self.kernel)):
            axes = zip(t, self.dilation, self.stride, self.out, strict=True)
            yield (..., *t), (slice(None), *(slice(i * d, i * d + s * (n - 1) + 1, s) for i, d, s, n in axes))

    def padded(self, size: tuple[int, ...]) -> tuple[int, ...]:
        """The size of an image with its padding: to the end of the last window, which may lie farther out than `padding`."""
        axes = zip(size, self.kernel, self.stride, self.padding, self.dilation, self.out, strict=True)
        return tuple(max(n + p, d * (k - 1) + s * (m - 1) + 1) for n, k, s, p, d, m in axes)

    def inner(self, size: tuple[int, ...]) -> tuple[Any, ...]:
        """The index of the image within its padding."""
        return (..., *(slice(p, p + n) for n, p in zip(size, self.padding, strict=True)))

    def pad(self, x: Array) -> Array:
        """Put zeros around images `(N, C, D, H, W)`."""
        image = np.zeros((*x.shape[:2], *self.padded(x.shape[2:])), x.dtype)
        image[self.inner(x.shape[2:])] = x
        return image

    def forward(self, x: Array, w: Array) -> Array:
        """`x` `(N, C, …)` with `w` `(C, m, …)` → `(N, C, m, …)`."""
        y = np.zeros((len(x), *w.shape[:2], *self.out), x.dtype)
        product = np.empty((w.shape[0], *self.out), x.dtype)
        for image, sums in zip(self.pad(x), y, strict=True):
            for t, places in self.taps():
                for j in range(w.shape[1]):
                    np.multiply(image[places], w[t][:, j, None, None, None], out=product)
                    sums[:, j] += product
        return y

    def input(self, g: Array, w: Array, size: Triple) -> Array:
        """The transpose in the image: `g` `(N, C, m, …)` → `(N, C, *size)`."""
        x = np.zeros((*g.shape[:2], *self.padded(size)), g.dtype)
        product = np.empty((w.shape[0], *self.out), g.dtype)
        for image, upstream in zip(x, g, strict=True):
            for t, places in self.taps():
                for j in range(w.shape[1]):
                    np.multiply(upstream[:, j], w[t][:, j, None, None, None], out=product)
                    image[places] += product
        return x[self.inner(size)]

    def weight(self, g: Array, x: Array) -> Array:
        """The transpose in the kernels: `g` `(N, C, m, …)` → `(C, m, …)`, summed over the images."""
        w = np.zeros((*g.shape[1:3], *self.kernel), x.dtype)
        for image, upstream in zip(self.pad(x), g, strict=True):
            for t, places in self.taps():
                w[t] += np.einsum("cdhw,cjdhw->cj", image[places], upstream)
        return w


def conv(x: Array, w: Array, size: Size, stride: Size, padding: Size, dilation: Size, groups: int) -> Array:
    """`x` `(N, C, …)` ∗ `w` `(C·m, 1, …)` → `(N, C·m, *size)`."""
    y = _windows(w.shape[2:], stride, padding, dilation, size).forward(with_three_axes(x), _by_channel(w, groups))
    return y.reshape(len(x), len(w), *size)


def conv_input(g: Array, w: Array, size: Size, stride: Size, padding: Size, dilation: Size, groups: int) -> Array:
    """The transpose in the image: `g` `(N, C·m, …)` → `(N, C, *size)`."""
    windows = _windows(w.shape[2:], stride, padding, dilation, g.shape[2:])
    return windows.input(_of_channel(g, groups), _by_channel(w, groups), three(size, 1)).reshape(len(g), groups, *size)


def conv_weight(g: Array, x: Array, size: Size, stride: Size, padding: Size, dilation: Size, groups: int) -> Array:
    """The transpose in the weights: → `(C·m, 1, *size)`, summed over the images."""
    windows = _windows(size, stride, padding, dilation, g.shape[2:])
    return windows.weight(_of_channel(g, groups), with_three_axes(x)).reshape(g.shape[1], 1, *size)


def _windows(kernel: Size, stride: Size, padding: Size, dilation: Size, out: Size) -> Depthwise:
    return Depthwise(three(kernel, 1), three(stride, 1), three(padding, 0), three(dilation, 1), three(out, 1))


def _by_channel(w: Array, groups: int) -> Array:
    """Kernels `(C·m, 1, …)` as `(C, m, D, H, W)`."""
    return w.reshape(groups, w.shape[0] // groups, *three(w.shape[2:], 1))


def _of_channel(g: Array, groups: int) -> Array:
    """An upstream gradient `(N, C·m, …)` as `(N, C, m, D, H, W)`."""
    return g.reshape(len(g), groups, g.shape[1] // groups, *three(g.shape[2:], 1))
