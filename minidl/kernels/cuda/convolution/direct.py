"""Convolution, level one: a thread a result, from the definition.

    y[n, k, o]  = Σ_c,r  x[n, c, o·stride + r·dilation − padding] · w[k, c, r]
    gx[n, c, i] = Σ_k,r  g[n, k, o] · w[k, c, r]        over those r for which o = (i + padding − r·dilation) / stride is whole
    gw[k, c, r] = Σ_n,o  g[n, k, o] · x[n, c, o·stride + r·dilation − padding]

Any strides in memory, one to three axes (as three), every option, float32 and float64: the reference for the others. Each
number of the image is read from memory once for each product that it is in, R·S·K times: what the next levels mend.
Neighbouring threads compute neighbouring numbers of the result, whose writes so lie side by side.

Sums are taken in two stages, of a line and of all, so that rounding grows with the square root of their length at most.
"""

from __future__ import annotations

import functools
from typing import Any

from ..array import DeviceArray
from ..compiler.intrinsics import quotient
from ..compiler.language import Kernel, ceil_div, cuda, device, float32, float64, kernel
from ..runtime.layouts import numbers
from .problem import Problem

THREADS = 128
_WORDS = {"float32": float32, "float64": float64}

# What the numbers hold: triples of sizes, then channels, then three arrays' five strides each.
SIZE, KERNEL, OUT, STRIDE, PADDING, DILATION = range(0, 18, 3)
INS, OUTS, GROUPS, IMAGES = range(18, 22)
X, W, Y = 22, 27, 32


@device
def place(p: Any, of: int, a: int, b: int, z: int, y: int, x: int) -> Any:
    """Where element (a, b, z, y, x) of an array lies, by the five strides from `of` on."""
    return a * p[of] + b * p[of + 1] + z * p[of + 2] + y * p[of + 3] + x * p[of + 4]


@device
def split(i: int, lengths: Any, first: int, last: int) -> Any:
    """The number `i` as (rest, z, y, x, channel): digits by three lengths from `first` on, and the last."""
    at = quotient(i, last)
    line = quotient(at, lengths[first + 2])
    plane = quotient(line, lengths[first + 1])
    n = quotient(plane, lengths[first])
    y, x = line - plane * lengths[first + 1], at - line * lengths[first + 2]
    return n, plane - n * lengths[first], y, x, i - at * last


@device
def pixel(p: Any, axis: int, o: int, r: int) -> Any:
    """The pixel that tap `r` of window `o` meets along an axis; −1 if it lies outside."""
    i = o * p[STRIDE + axis] + r * p[DILATION + axis] - p[PADDING + axis]
    return i if 0 <= i < p[SIZE + axis] else -1


@device
def window(p: Any, axis: int, i: int, r: int) -> Any:
    """The window whose tap `r` meets pixel `i` along an axis; −1 if there is none."""
    o = i + p[PADDING + axis] - r * p[DILATION + axis]
    if o < 0:
        return -1
    whole = quotient(o, p[STRIDE + axis])
    return whole if whole < p[OUT + axis] and whole * p[STRIDE + axis] == o else -1


@functools.cache
def conv_kernel(dtype: str) -> Kernel:
    """The convolution: thread i computes y's number i, counted with the channels last."""
    real = _WORDS[dtype]

    @kernel(f"{dtype}[::1], {dtype}[::1], {dtype}[::1], int32[::1], int32", name=f"conv_direct_{dtype}",
            threads=THREADS, blocks=4, waits=False)  # fmt: skip
    def conv(x: Any, w: Any, y: Any, p: Any, count: int) -> None:
        """y = x ∗ w."""
        i = cuda.grid(1)
        if i < count:
            outs = p[OUTS]
            n, oz, oy, ox, k = split(i, p, OUT, outs * p[GROUPS])
            first = quotient(k, outs) * p[INS]
            total: Any = real(0)
            for rz in range(p[KERNEL]):
                iz = pixel(p, 0, oz, rz)
                for ry in range(p[KERNEL + 1]):
                    iy = pixel(p, 1, oy, ry)
                    line: Any = real(0)
                    for rx in range(p[KERNEL + 2]):
                        ix = pixel(p, 2, ox, rx)
                        if iz >= 0 and iy >= 0 and ix >= 0:
                            a, b = place(p, X, n, first, iz, iy, ix), place(p, W, k, 0, rz, ry, rx)
                            for c in range(p[INS]):
                                line += x[a + c * p[X + 1]] * w[b + c * p[W + 1]]
                    total += line
            y[place(p, Y, n, k, oz, oy, ox)] = total

    return conv


@functools.cache
def input_kernel(dtype: str) -> Kernel:
    """The transpose in the image: thread i computes gx's number i, counted with the channels last."""
    real = _WORDS[dtype]

    @kernel(f"{dtype}[::1], {dtype}[::1], {dtype}[::1], int32[::1], int32", name=f"conv_input_direct_{dtype}",
            threads=THREADS, blocks=4, waits=False)  # fmt: skip
    def conv_input(x: Any, w: Any, g: Any, p: Any, count: int) -> None:
        """x = gradient of the image."""
        i = cuda.grid(1)
        if i < count:
            ins = p[INS]
            n, iz, iy, ix, c = split(i, p, SIZE, ins * p[GROUPS])
            group = quotient(c, ins)
            first = group * p[OUTS]
            total: Any = real(0)
            for rz in range(p[KERNEL]):
                oz = window(p, 0, iz, rz)
                for ry in range(p[KERNEL + 1]):
                    oy = window(p, 1, iy, ry)
                    line: Any = real(0)
                    for rx in range(p[KERNEL + 2]):
                        ox = window(p, 2, ix, rx)
                        if oz >= 0 and oy >= 0 and ox >= 0:
                            a, b = place(p, Y, n, first, oz, oy, ox), place(p, W, first, c - group * ins, rz, ry, rx)
                            for k in range(p[OUTS]):
                                line += g[a + k * p[Y + 1]] * w[b + k * p[W]]
                    total += line
            x[place(p, X, n, c, iz, iy, ix)] = total

    return conv_input


@functools.cache
def weight_kernel(dtype: str) -> Kernel:
    """The transpose in the weights: thread i computes gw's number i, in the order (K, C/groups, …)."""
    real = _WORDS[dtype]

    @kernel(f"{dtype}[::1], {dtype}[::1], {dtype}[::1], int32[::1], int32", name=f"conv_weight_direct_{dtype}",
            threads=THREADS, blocks=4, waits=False)  # fmt: skip
    def conv_weight(x: Any, w: Any, g: Any, p: Any, count: int) -> None:
        """w = gradient of the weights."""
        i = cuda.grid(1)
        if i < count:
            row, rz, ry, rx, _ = split(i, p, KERNEL, 1)
            k = quotient(row, p[INS])
            c = row - k * p[INS]
            channel = quotient(k, p[OUTS]) * p[INS] + c
            total: Any = real(0)
            for n in range(p[IMAGES]):
                for oz in range(p[OUT]):
                    iz = pixel(p, 0, oz, rz)
                    for oy in range(p[OUT + 1]):
                        iy = pixel(p, 1, oy, ry)
                        line: Any = real(0)
                        if iz >= 0 and iy >= 0:
                            for ox in range(p[OUT + 2]):
                                ix = pixel(p, 2, ox, rx)
                                if ix >= 0:
                                    line += g[place(p, Y, n, k, oz, oy, ox)] * x[place(p, X, n, channel, iz, iy, ix)]
                        total += line
            w[place(p, W, k, c, rz, ry, rx)] = total

    return conv_weight


def conv(problem: Problem, x: DeviceArray, w: DeviceArray, y: DeviceArray) -> None:
    """Fill `y` `(N, K, …)` with the convolution of `x` `(N, C, …)` and `w` `(K, C/groups, …)`, in any order of memory."""
    _launch(conv_kernel, problem, x, w, y, y)


def conv_input(problem: Problem, x: DeviceArray, w: DeviceArray, g: DeviceArray) -> None:
    """Fill `x` `(N, C, …)` with the transpose in the image of `g` `(N, K, …)`."""
    _launch(input_kernel, problem, x, w, g, x)


def conv_weight(problem: Problem, x: DeviceArray, w: DeviceArray, g: DeviceArray) -> None:
    """Fill `w` `(K, C/groups, …)` with the transpose in the weights."""
    _launch(weight_kernel, problem, x, w, g, w)


def _launch(make: Any, problem: Problem, x: DeviceArray, w: DeviceArray, y: DeviceArray, out: DeviceArray) -> None:
    told = _numbers(problem, *(_strides(a) for a in (x, w, y)))
    p = numbers(x.memory.device, told)
    make(x.dtype.name)[ceil_div(out.size, THREADS), THREADS](x, w, y, p, out.size)


@functools.lru_cache(maxsize=1024)
def _numbers(problem: Problem, *strides: tuple[int, ...]) -> tuple[int, ...]:
    sizes = (problem.image, problem.kernel, problem.out, problem.stride, problem.padding, problem.dilation)
    channels = (problem.ins, problem.outs, problem.groups, problem.images)
    return (*(n for size in sizes for n in size), *channels, *(n for array in strides for n in array))


def _strides(a: DeviceArray) -> tuple[int, ...]:
    """An array's strides in elements, with three axes behind the first two."""
    steps = tuple(s // a.dtype.itemsize for s in a.strides)
    return (*steps[:2], *(0,) * (5 - a.ndim), *steps[2:])
