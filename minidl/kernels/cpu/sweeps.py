"""A convolution and its transpose in the image as the same thing: sweeps of a few taps over an image.

A sweep gives the pixel `first + u·spread` of the result, for u = 0, 1, … below `out`, the sum

    Σ_m  image[start + u·stride + m·step] · w[taps[m]]        m below `count`, along each of three axes

A convolution is one sweep. Its transpose with stride s is s sweeps an axis, one for each remainder of a pixel's number by
s: the pixel i of the image is met by the tap r of the window o if i = o·s − padding + r·dilation, so that the taps of one
remainder are those with the same r·dilation (mod s), and their windows lie a fixed distance apart. No product with zero
is formed, and each pixel is written once.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Triple = tuple[int, int, int]

COUNT, START, STRIDE, STEP, OUT, FIRST, SPREAD, BLOCKS, CHANNELS, WEIGHTS = range(10)
"""The rows of a plan."""


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """Which taps meet which pixels; the three axes are depth, height and width.

    Attributes:
        taps: the number of each tap in the flattened kernel, in the order in which m counts.
        count: how many taps there are along each axis.
        start: the pixel of the first tap of the first result; negative in the padding.
        stride: from one result to the next, by how many pixels the taps move.
        step: the distance of neighbouring taps.
        out: how many results there are.
        first: where the first result lies.
        spread: the distance of neighbouring results.
    """

    taps: Array
    count: Triple
    start: Triple
    stride: Triple
    step: Triple
    out: Triple
    first: Triple
    spread: Triple

    def plan(self, blocks: Triple, channels: Triple, weights: Triple) -> Array:
        """Everything that a kernel asks, one row each, in the order of `COUNT`, `START`, …

        `blocks` is how many images, planes and lines of results make a task; `channels` are the groups, and each group's
        input and output channels; `weights` are the steps from one input and from one output channel to the next in the
        flattened weights, and whether windows leave the image.
        """
        where = (self.count, self.start, self.stride, self.step, self.out, self.first, self.spread)
        return np.array([*where, blocks, channels, weights], np.int64)

    def extent(self, results: Triple) -> Triple:
        """How many pixels the windows of so many results cover."""
        axes = zip(results, self.stride, self.count, self.step, strict=True)
        return tuple((n - 1) * s + (k - 1) * d + 1 for n, s, k, d in axes)  # type: ignore[return-value]

    def inside(self, size: Triple) -> bool:
        """Whether no window leaves an image of this size."""
        reach = self.extent(self.out)
        return all(a >= 0 and a + n <= m for a, n, m in zip(self.start, reach, size, strict=True))


@lru_cache(maxsize=512)
def forward(kernel: Triple, stride: Triple, padding: Triple, dilation: Triple, out: Triple) -> Sweep:
    """The sweep that is the convolution."""
    taps = np.arange(math.prod(kernel))
    start: Triple = tuple(-p for p in padding)  # type: ignore[assignment]
    return Sweep(taps, kernel, start, stride, dilation, out, (0, 0, 0), (1, 1, 1))


@lru_cache(maxsize=512)
def backward(kernel: Triple, stride: Triple, padding: Triple, dilation: Triple, size: Triple) -> tuple[Sweep, ...]:
    """The sweeps over the upstream gradient that give an image of `size`; pixels that no window met are in none."""
    axes = [_remainders(*axis) for axis in zip(kernel, stride, padding, dilation, size, strict=True)]
    sweeps = []
    for z, y, x in itertools.product(*axes):
        taps = (z.taps[:, None, None] * kernel[1] + y.taps[:, None]) * kernel[2] + x.taps
        each = ((a.start, a.step, a.out, a.first) for a in (z, y, x))
        start, step, out, first = zip(*each, strict=True)
        sweeps.append(Sweep(taps.reshape(-1), taps.shape, start, (1, 1, 1), step, out, first, stride))
    return tuple(sweeps)


@dataclass(frozen=True, slots=True)
class _Remainder:
    """One axis of a transposed sweep: the taps that meet the pixels with one remainder."""

    taps: Array
    start: int
    step: int
    out: int
    first: int


def _remainders(kernel: int, stride: int, padding: int, dilation: int, size: int) -> list[_Remainder]:
    found = []
    for a in range(stride):
        taps = np.array([r for r in range(kernel) if (r * dilation - a) % stride == 0][::-1], np.int64)
        u = -((a - padding) // stride)  # the first u with u·stride + a − padding ≥ 0
        first = u * stride + a - padding
        out = len(range(first, size, stride))
        if len(taps) and out > 0:
            back = (int(taps[0]) * dilation - a) // stride  # by how many windows the last tap lies behind
            step = dilation // math.gcd(stride, dilation)
            found.append(_Remainder(taps, u - back, step, out, first))
    return found
