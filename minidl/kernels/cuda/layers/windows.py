"""Kernels over the windows of an image, and of an axis: each result looks up what belongs to it, so none is written twice.

Images are channels-last with three axes, `(N, D, H, W, C)`, row-major; one with fewer has axes of length 1 in front. A block
is `(ACROSS, LINES)` threads: across lie the pixels of a line and their channels, which neighbour in memory, so that a warp
reads whole pieces of it; along the other axis lie lines. So a thread divides only to find its line.

Where windows lie is read from `plan`, a list of whole numbers (see `pooling.py`): that serves windows of any spacing, and
those of adaptive pooling, and its few numbers stay in the cache.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..compiler.intrinsics import quotient
from ..compiler.language import Kernel, cuda, int32, int64, kernel
from ..places.scattering import joining

THREADS = 256
ACROSS = 64
LINES = THREADS // ACROSS


@functools.cache
def max_windows(dtype: str) -> Kernel:
    """The maximum of each window, `(N, OD, OH, OW, C)`, and where in the image it is; the first of equals, NaN above all.

    `plan`: H, W, C, OD, OH, OW, the distances of a window's pixels along the three axes, and then for each axis the first
    pixel of each window, and how many pixels each holds. One without a pixel has the least number, at −1.
    """
    kind = np.dtype(dtype)
    lowest = kind.type(-np.inf if kind.kind == "f" else np.iinfo(kind).min)

    @kernel(f"{dtype}[::1], {dtype}[::1], int64[::1], int32[::1], int32, int32", name=f"max_windows_{dtype}",
            threads=THREADS, blocks=4, waits=False)  # fmt: skip
    def run(x: Any, best: Any, position: Any, plan: Any, depth: int, lines: int) -> None:
        j = int32(cuda.blockIdx.x * ACROSS + cuda.threadIdx.x)
        high, wide, channels, planes, rows, across = plan[0], plan[1], plan[2], plan[3], plan[4], plan[5]
        if j < across * channels:
            o = quotient(j, channels)
            c = int32(j - o * channels)
            firsts = 9
            columns = firsts + 2 * planes + 2 * rows
            left, width = plan[columns + o], plan[columns + across + o]
            line = int32(cuda.blockIdx.y * LINES + cuda.threadIdx.y)
            while line < lines:  # (a range with a step would divide by it)
                plane = quotient(line, rows)
                row = int32(line - plane * rows)
                image = quotient(plane, planes)
                plane = int32(plane - image * planes)
                front, deep = plan[firsts + plane], plan[firsts + planes + plane]
                top, tall = plan[firsts + 2 * planes + row], plan[firsts + 2 * planes + rows + row]
                value, place = lowest, int32(-1)
                for r in range(deep):
                    for s in range(tall):
                        start = int32(((front + r * plan[6]) * high + top + s * plan[7]) * wide)
                        for t in range(width):
                            pixel = int32(start + left + t * plan[8])
                            v = x[(image * depth * high * wide + pixel) * channels + c]
                            if place < 0 or v > value or v != v:
                                value, place = v, pixel
                to = line * across * channels + j
                best[to] = value
                position[to] = int64(place)
                line = int32(line + cuda.gridDim.y * LINES)

    return run


@functools.cache
def gather_windows(dtype: str) -> Kernel:
    """The transpose of picking the maxima: each pixel adds up the results of the windows that hold it and picked it.

    x is `(N, D, H, W, C)`, g and the positions `(N, OD, OH, OW, C)`. `plan`: D, H, W, C, OD, OH, OW, then for each axis, for
    each pixel, where the list of its windows begins, and where the last ends; then the three lists, and at 7 … 9 where each
    axis's part begins.
    """
    zero = np.dtype(dtype).type(0)

    @kernel(f"{dtype}[::1], int64[::1], {dtype}[::1], int32[::1], int32", name=f"gather_windows_{dtype}",
            threads=THREADS, blocks=4, waits=False)  # fmt: skip
    def run(g: Any, position: Any, x: Any, plan: Any, lines: int) -> None:
        j = int32(cuda.blockIdx.x * ACROSS + cuda.threadIdx.x)
        deep, high, wide, channels = plan[0], plan[1], plan[2], plan[3]
        if j < wide * channels:
            pixel = quotient(j, channels)
            c = int32(j - pixel * channels)
            line = int32(cuda.blockIdx.y * LINES + cuda.threadIdx.y)
            while line < lines:  # (a range with a step would divide by it)
                plane = quotient(line, high)
                row = int32(line - plane * high)
                image = quotient(plane, deep)
                plane = int32(plane - image * deep)
                own = (plane * high + row) * wide + pixel
                total = zero
                for r in range(plan[plan[7] + plane], plan[plan[7] + plane + 1]):
                    for s in range(plan[plan[8] + row], plan[plan[8] + row + 1]):
                        above = ((image * plan[4] + plan[r]) * plan[5] + plan[s]) * plan[6]
                        for t in range(plan[plan[9] + pixel], plan[plan[9] + pixel + 1]):
                            at = (above + plan[t]) * channels + c
                            if position[at] == own:
                                total += g[at]
                x[line * wide * channels + j] = total
                line = int32(line + cuda.gridDim.y * LINES)

    return run


@functools.cache
def scatter_planes(dtype: str) -> Kernel:
    """The same for positions of any origin: a thread takes a channel of an image and adds its results, one after the other.

    That has N·C threads, too few to fill a GPU with small batches; `gather_windows` has one a pixel.
    """

    @kernel(f"{dtype}[::1], int64[::1], {dtype}[::1], int32, int32, int32, int32", name=f"scatter_planes_{dtype}",
            threads=THREADS, waits=False)  # fmt: skip
    def run(g: Any, position: Any, x: Any, windows: int, pixels: int, channels: int, count: int) -> None:
        j = int32(cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x)
        if j < count:
            image = quotient(j, channels)
            c = int32(j - image * channels)
            for o in range(windows):
                at = (image * windows + o) * channels + c
                place = position[at]
                if place >= 0 and place < pixels:
                    to = (image * pixels + place) * channels + c
                    x[to] = x[to] + g[at]

    return run


@functools.cache
def gather_planes(dtype: str) -> Kernel:
    """y[n, o, c] = x[n, position[n, o, c], c], 0 where the position is −1: the transpose of `scatter_planes`."""
    zero = np.dtype(dtype).type(0)

    @kernel(f"{dtype}[::1], int64[::1], {dtype}[::1], int32, int32, int32, int32", name=f"gather_planes_{dtype}",
            threads=THREADS, waits=False)  # fmt: skip
    def run(x: Any, position: Any, y: Any, windows: int, pixels: int, channels: int, count: int) -> None:
        j = int32(cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x)
        if j < count:
            image = quotient(j, windows * channels)
            c = int32(j - quotient(j, channels) * channels)
            place = position[j]
            y[j] = x[(image * pixels + place) * channels + c] if place >= 0 and place < pixels else zero

    return run


@functools.cache
def weighted_sums(dtype: str) -> Kernel:
    """y[a, i, b] = Σ weight[k]·x[a, pixel[k], b] for start[i] ≤ k < start[i + 1], one thread a result."""
    zero = np.dtype(dtype).type(0)

    @kernel(f"{dtype}[::1], {dtype}[::1], int32[::1], int32[::1], {dtype}[::1], int32, int32, int32, int32",
            name=f"weighted_sums_{dtype}", threads=THREADS, waits=False)  # fmt: skip
    def run(x: Any, y: Any, start: Any, pixel: Any, weight: Any, n: int, m: int, inner: int, count: int) -> None:
        j = int32(cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x)
        if j < count:
            row = quotient(j, inner)
            b = int32(j - row * inner)
            a = quotient(row, m)
            i = int32(row - a * m)
            total = zero
            for k in range(start[i], start[i + 1]):
                total += weight[k] * x[(a * n + pixel[k]) * inner + b]
            y[j] = total

    return run


@functools.cache
def add_windows(dtype: str) -> Kernel:
    """y[a, p, b] = Σ x[a, w, b, k] over the places k of windows w with p = w·step + k·dilation, in the order of k.

    x is `(…, windows, inner, size)`, y `(…, length, inner)`.
    """
    join, zero = joining(dtype, "sum"), np.dtype(dtype).type(0)

    @kernel(f"{dtype}[::1], {dtype}[::1], int32, int32, int32, int32, int32, int32, int32", name=f"add_windows_{dtype}",
            threads=THREADS, waits=False)  # fmt: skip
    def run(
        x: Any, y: Any, windows: int, size: int, length: int, inner: int, step: int, dilation: int, count: int
    ) -> None:
        j = int32(cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x)
        if j < count:
            row = quotient(j, inner)
            b = int32(j - row * inner)
            a = quotient(row, length)
            p = int32(row - a * length)
            total, lost = zero, zero
            for k in range(size):
                start = int32(p - k * dilation)
                if start >= 0:
                    w = quotient(start, step)
                    if w * step == start and w < windows:
                        total, lost = join(total, lost, x[((a * windows + w) * inner + b) * size + k])
            y[j] = total

    return run


def representatives() -> list[Kernel]:
    """A kernel of each kind, for those who look at all kernels; see `catalogue`."""
    makers = (max_windows, gather_windows, scatter_planes, gather_planes, weighted_sums, add_windows)
    return [make(dtype) for dtype in ("float32", "float64") for make in makers]
