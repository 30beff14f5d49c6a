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
