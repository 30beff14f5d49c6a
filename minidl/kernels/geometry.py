"""Where the windows of a convolution or a pooling lie, and from which pixels a resized image is mixed.

Everything here works axis by axis, for any number of axes, so that every device and every check agrees on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Size = tuple[int, ...]
"""One number an axis: depth, height, width, as many as there are."""


def output_size(size: Size, kernel: Size, stride: Size, padding: Size, dilation: Size) -> Size:
    """⌊(size + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1, for each axis.

    >>> output_size((28, 28), (5, 5), (1, 1), (2, 2), (1, 1))
    (28, 28)
    """
    axes = zip(size, kernel, stride, padding, dilation, strict=True)
    return tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in axes)


def transposed_size(size: Size, kernel: Size, stride: Size, padding: Size, dilation: Size, extra: Size) -> Size:
    """(size − 1)·stride − 2·padding + dilation·(kernel − 1) + extra + 1: the smallest image with `size` windows, + extra.

    >>> transposed_size((2,), (3,), (2,), (1,), (1,), (1,))
    (4,)
    """
    axes = zip(size, kernel, stride, padding, dilation, extra, strict=True)
    return tuple((n - 1) * s - 2 * p + d * (k - 1) + e + 1 for n, k, s, p, d, e in axes)


def pooled_size(size: Size, kernel: Size, stride: Size, padding: Size, dilation: Size, ceil_mode: bool) -> Size:
    """`output_size`; with `ceil_mode` a last, incomplete window counts if it starts inside the image or before it.

    >>> pooled_size((5, 5), (2, 2), (2, 2), (0, 0), (1, 1), True)
    (3, 3)
    """
    if not ceil_mode:
        return output_size(size, kernel, stride, padding, dilation)
    sizes = []
    for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True):
        count = -(-(n + 2 * p - d * (k - 1) - 1) // s) + 1
        sizes.append(count - 1 if (count - 1) * s >= n + p else count)
    return tuple(sizes)


# Windows of a pooling -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """The windows along one axis: number i holds the pixels `first[i]`, `first[i] + step`, … below `last[i]`.

    Attributes:
        size: how many pixels the axis has.
        first: the first pixel of each window; padding is left out.
        last: the end of each window, exclusive; one that holds no pixel has `last ≤ first`.
        count: by how many a mean over each window divides.
        step: the distance of a window's pixels.
    """

    size: int
    first: Array
    last: Array
    count: Array
    step: int = 1

    @property
    def pixels(self) -> Array:
        """How many pixels each window holds."""
        return np.maximum(-((self.first - self.last) // self.step), 0)


@lru_cache(maxsize=256)
def pool_windows(
    size: Size,
    kernel_size: Size,
    stride: Size,
    padding: Size,
    dilation: Size,
    ceil_mode: bool,
    count_include_pad: bool = False,
) -> tuple[Windows, ...]:
    """The windows of an ordinary pooling, for each axis.

    >>> (w,) = pool_windows((5,), (3,), (2,), (1,), (1,), False)
    >>> w.first.tolist(), w.last.tolist(), w.count.tolist()
    ([0, 1, 3], [2, 4, 5], [2, 3, 2])
    """
    counts = pooled_size(size, kernel_size, stride, padding, dilation, ceil_mode)
    found = []
    for n, k, s, p, d, windows in zip(size, kernel_size, stride, padding, dilation, counts, strict=True):
        start = np.arange(windows) * s - p
        first = start + -(-np.maximum(-start, 0) // d) * d  # the first that is not in the padding
        last = np.minimum(start + d * (k - 1) + 1, n)
        inside = np.maximum(-((first - last) // d), 1)
        found.append(Windows(n, first, last, np.minimum(start + k, n + p) - start if count_include_pad else inside, d))
    return tuple(found)


@lru_cache(maxsize=256)
def adaptive_windows(size: Size, output_size: Size) -> tuple[Windows, ...]:
    """Windows ⌊i·n/m⌋ … ⌈(i + 1)·n/m⌉ that cover n pixels with m windows as evenly as can be, for each axis.

    >>> (w,) = adaptive_windows((5,), (3,))
    >>> w.first.tolist(), w.last.tolist()
    ([0, 1, 3], [2, 4, 5])
    """
    found = []
    for n, m in zip(size, output_size, strict=True):
        i = np.arange(m)
        first, last = i * n // max(m, 1), -(-(i + 1) * n // max(m, 1))
        found.append(Windows(n, first, last, last - first))
    return tuple(found)


def divisors(windows: Sequence[Windows], dtype: Any) -> Array:
    """By how many the mean over each window of an image divides: the product over the axes."""
    count = np.ones((), np.int64)
    for w in windows:
        count = np.multiply.outer(count, w.count)
    return count.astype(dtype)


# Weighted sums along an axis ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Taps:
    """Weighted sums along one axis: result i is Σ `weight[k]`·x[`pixel[k]`] for `start[i] ≤ k < start[i + 1]`.

    It is a matrix of `len(start) − 1` rows and `size` columns without its zeros, so that pixels of no weight (which may
    be infinite) do not enter.
    """

    size: int
    start: Array
    pixel: Array
    weight: Array


@lru_cache(maxsize=512)
def transposed(taps: Taps) -> Taps:
    """The transposed matrix: where each pixel went, and with what weight."""
    order = np.argsort(taps.pixel, kind="stable")
    rows = np.repeat(np.arange(len(taps.start) - 1), np.diff(taps.start))
    start = np.concatenate([[0], np.cumsum(np.bincount(taps.pixel, minlength=taps.size))])
    return Taps(len(taps.start) - 1, start.astype(np.int64), rows[order], taps.weight[order])


def evenly(size: int, pixel: Array, weight: Array) -> Taps:
    """The same number of taps for each result: `pixel` and `weight` are `(results, taps)`."""
    start = np.arange(len(pixel) + 1) * pixel.shape[1]
    return Taps(size, start, np.ascontiguousarray(pixel, np.int64).reshape(-1), weight.reshape(-1))


@lru_cache(maxsize=512)
def window_sums(windows: Windows, mean: bool = False) -> Taps:
    """The sum over each window, or its mean.

    >>> taps = window_sums(adaptive_windows((3,), (2,))[0])
    >>> taps.start.tolist(), taps.pixel.tolist()
    ([0, 2, 4], [0, 1, 1, 2])
    """
    lists = [np.arange(a, b, windows.step) for a, b in zip(windows.first, windows.last, strict=True)]
    lengths = [len(pixels) for pixels in lists]
    start = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    pixel = np.concatenate([np.empty(0, np.int64), *lists])
    return Taps(windows.size, start, pixel, np.repeat(1 / windows.count, lengths) if mean else np.ones(len(pixel)))


def cheapest_first(taps: Sequence[Taps | None]) -> list[tuple[int, Taps]]:
    """The axes of channels-last images, counted with the batch, in an order that walks few, long lines.

    Those that shrink come first, from the outside, then the others from the inside. None leaves an axis alone.
    """
    axes = [(axis, t) for axis, t in enumerate(taps, 1) if t is not None]
    shrinking = [(axis, t) for axis, t in axes if len(t.start) <= t.size]
    return shrinking + [(axis, t) for axis, t in reversed(axes) if len(t.start) > t.size]
