"""The last pass of batch normalisation, forward and backward: each number by its channel's row of a small table.

Number i of an array `(outer, C, inner)` in one piece is of channel (i / inner) mod C. A thread takes four neighbours with one
128-bit read and write where they are of one channel (inner a multiple of 4) or of four (inner = 1, C a multiple of 4), so that
the two divisions are shared by four numbers; else it takes one.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..array import DeviceArray
from ..compiler.intrinsics import load4, store4
from ..compiler.language import Kernel, ceil_div, cuda, device, kernel
from ..reductions.states import WORDS, carrier, quotient

THREADS = 256


@device
def channel_of(i: Any, inner: Any, channels: Any) -> Any:
    """(i / inner) mod C."""
    plane = quotient(i, inner)
    return plane - quotient(plane, channels) * channels


@device
def scaled(v: Any, table: Any, c: Any, channels: Any) -> Any:
    """(x − μ)·factor + β."""
    return (v - table[c]) * table[channels + c] + table[2 * channels + c]


@device
def sent(above: Any, v: Any, table: Any, c: Any, channels: Any) -> Any:
    """factor·g − along·(x − μ) − level."""
    return table[channels + c] * above - table[2 * channels + c] * (v - table[c]) - table[3 * channels + c]


@functools.cache
def scale_kernel(dtype: str, width: int, step: int) -> Kernel:
    """y = (x − μ)·factor + β; a thread takes 1 or 4 numbers, whose channels are `step` apart."""
    word = carrier(dtype)
    wide = WORDS[word]
    signature = f"{word}[::1], {dtype}[::1], {dtype}[::1], int32, int32, int32"

    @kernel(signature, name=f"batch_scale_{dtype}_by{width}_step{step}", threads=THREADS, waits=False)
    def scale(table: Any, x: Any, y: Any, size: int, channels: int, inner: int) -> None:
        i = cuda.grid(1)
        if i < size:
            c = channel_of(i, inner, channels)
            y[i] = scaled(wide(x[i]), table, c, channels)

    @kernel(signature, name=f"batch_scale_{dtype}_by{width}_step{step}", threads=THREADS, waits=False)
    def scale_four(table: Any, x: Any, y: Any, size: int, channels: int, inner: int) -> None:
        i = cuda.grid(1) * 4
        if i < size:
            k = channel_of(i, inner, channels)
            a, b, c, d = load4(x, i)
            a = scaled(a, table, k, channels)
            b = scaled(b, table, k + step, channels)
            c = scaled(c, table, k + 2 * step, channels)
            d = scaled(d, table, k + 3 * step, channels)
            store4(y, i, a, b, c, d)

    return scale_four if width == 4 else scale


@functools.cache
def send_kernel(dtype: str, width: int, step: int) -> Kernel:
    """∂L/∂x = factor·g − along·(x − μ) − level, as `scale_kernel`."""
    word = carrier(dtype)
    wide = WORDS[word]
    signature = f"{word}[::1], {dtype}[::1], {dtype}[::1], {dtype}[::1], int32, int32, int32"

    @kernel(signature, name=f"batch_send_{dtype}_by{width}_step{step}", threads=THREADS, waits=False)
    def send(table: Any, g: Any, x: Any, dx: Any, size: int, channels: int, inner: int) -> None:
        i = cuda.grid(1)
        if i < size:
            c = channel_of(i, inner, channels)
            dx[i] = sent(wide(g[i]), wide(x[i]), table, c, channels)

    @kernel(signature, name=f"batch_send_{dtype}_by{width}_step{step}", threads=THREADS, waits=False)
    def send_four(table: Any, g: Any, x: Any, dx: Any, size: int, channels: int, inner: int) -> None:
        i = cuda.grid(1) * 4
        if i < size:
            k = channel_of(i, inner, channels)
            a, b, c, d = load4(x, i)
            p, q, r, s = load4(g, i)
            a = sent(p, a, table, k, channels)
            b = sent(q, b, table, k + step, channels)
            c = sent(r, c, table, k + 2 * step, channels)
            d = sent(s, d, table, k + 3 * step, channels)
            store4(dx, i, a, b, c, d)

    return send_four if width == 4 else send


def _ways(arrays: tuple[DeviceArray, ...], channels: int, inner: int) -> tuple[int, int]:
    """How many numbers a thread takes, and how far their channels are apart."""
    fits = all(a.dtype == np.float32 and a.address % 16 == 0 for a in arrays)
    if fits and inner % 4 == 0:
        return 4, 0
    return (4, 1) if fits and inner == 1 and channels % 4 == 0 else (1, 0)


def scale_by(table: DeviceArray, x: DeviceArray, y: DeviceArray, size: tuple[int, int, int]) -> None:
    """Fill `y` from `x`, both in one piece as outer, C, inner say, by the table's μ, factor and β."""
    width, step = _ways((x, y), *size[1:])
    kernel = scale_kernel(x.dtype.name, width, step)
    kernel[ceil_div(x.size, THREADS * width), THREADS](table, x, y, x.size, *size[1:])


def send_by(table: DeviceArray, g: DeviceArray, x: DeviceArray, dx: DeviceArray, size: tuple[int, int, int]) -> None:
    """Fill `dx` from `g` and `x` by the table's μ, factor, along and level."""
    width, step = _ways((g, x, dx), *size[1:])
    kernel = send_kernel(x.dtype.name, width, step)
    kernel[ceil_div(x.size, THREADS * width), THREADS](table, g, x, dx, x.size, *size[1:])


def representatives() -> list[Kernel]:
    """A kernel of each kind, for those who look at all kernels; see `catalogue`."""
    return [make("float32", *way) for make in (scale_kernel, send_kernel) for way in ((1, 0), (4, 0), (4, 1))]
