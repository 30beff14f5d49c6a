"""Convolution, level two: a product of matrices that are never written down, in tiles of 16 × 16 in shared memory.

Unrolled, the windows of an image are a matrix with a row for each result and a column for each tap and channel; times the
packed weights it is the convolution ("implicit GEMM"):

    Y[m, k] = Σ_q X[m, q] · W[q, k]      m: image and pixel of the result; q: tap and channel; X[m, q] = 0 in the padding

A block computes 16 × 16 results. In each step every thread brings one number of X, straight from the image, and one of W to
shared memory; each is used 16 times from there, so that global memory is read 16 times less than by `direct`.
A thread brings the same row's next column but 16 in each step, so it keeps its tap and channel and never divides.

The gradient of the weights is the product Xᵀ G, whose sums run over all pixels of all images: few results, very long sums.
These are divided into parts, for blocks that write a matrix each; `weight` adds the matrices up, in order.
"""

from __future__ import annotations

import functools
from typing import Any

from ..compiler.intrinsics import quotient, within
from ..compiler.language import Kernel, cuda, device, float32, float64, kernel
from .problem import (
    ALL_INS,
    ALL_OUTS,
    ALL_ROWS,
    COLUMNS,
    FIRST,
    FIRST_ROW,
    FIRST_TAP,
    IMAGE,
    IMAGES,
    INS,
    LENGTH,
    OUT,
    OUTS,
    RESULT,
    ROWS,
    SPREAD,
    STRIDE,
    TAP,
)

SIDE = 16
THREADS = SIDE * SIDE
_WORDS = {"float32": float32, "float64": float64}


@device
def pixels_of(p: Any, s: int) -> Any:
    """How many results the sweep has, of all images; its numbers begin at `s`."""
    return p[s + IMAGES] * p[s + OUT] * p[s + OUT + 1] * p[s + OUT + 2]


@device
def divided(p: Any, s: int, m: int) -> Any:
    """The result `m` of a sweep as (image, z, y, x)."""
    row = quotient(m, p[s + OUT + 2])
    plane = quotient(row, p[s + OUT + 1])
    image = quotient(plane, p[s + OUT])
    return image, plane - image * p[s + OUT], row - plane * p[s + OUT + 1], m - row * p[s + OUT + 2]


@device
def image_place(p: Any, s: int, image: int, z: int, y: int, x: int) -> Any:
    """Where the first channel of the image's pixel (z, y, x) lies."""
    return (((image * p[s + IMAGE] + z) * p[s + IMAGE + 1] + y) * p[s + IMAGE + 2] + x) * p[s + ALL_INS]


@device
def result_place(p: Any, s: int, image: int, z: int, y: int, x: int) -> Any:
    """Where the first channel of the sweep's result (z, y, x) lies."""
    z, y, x = (
        p[s + FIRST] + z * p[s + SPREAD],
        p[s + FIRST + 1] + y * p[s + SPREAD + 1],
        p[s + FIRST + 2] + x * p[s + SPREAD + 2],
    )
    return (((image * p[s + RESULT] + z) * p[s + RESULT + 1] + y) * p[s + RESULT + 2] + x) * p[s + ALL_OUTS]


@device
def sees(p: Any, s: int, z: int, y: int, x: int) -> Any:
    """Whether (z, y, x) is a pixel of the image."""
    return within(z, p[s + IMAGE]) & within(y, p[s + IMAGE + 1]) & within(x, p[s + IMAGE + 2])


@functools.cache
def sweep_kernel(dtype: str) -> Kernel:
    """All sweeps of a convolution, or of its transpose in the image. Grid: rows of tiles, columns of tiles, groups × sweeps."""
    real = _WORDS[dtype]

    @kernel(f"{dtype}[::1], {dtype}[::1], {dtype}[::1], int32[::1], int32[::1], int32",
            name=f"conv_tiled_{dtype}", threads=THREADS, doubles=True)  # fmt: skip
    def conv(x: Any, w: Any, out: Any, p: Any, taps: Any, sweeps: int) -> None:
        """out = the sweeps of packed weights w over x."""
        left = cuda.shared.array(THREADS, real)
        right = cuda.shared.array(THREADS, real)
        column, line = cuda.threadIdx.x & (SIDE - 1), cuda.threadIdx.x // SIDE
        group = quotient(cuda.blockIdx.z, sweeps)
        s = (cuda.blockIdx.z - group * sweeps) * LENGTH
        m, k = cuda.blockIdx.x * SIDE + line, cuda.blockIdx.y * SIDE + column
        pixels, rows, ins, columns = pixels_of(p, s), p[s + ROWS], p[s + INS], p[s + COLUMNS]
        image, z, y, at_x = divided(p, s, m)
        z0, y0, x0 = z * p[s + STRIDE], y * p[s + STRIDE + 1], at_x * p[s + STRIDE + 2]
        base = image_place(p, s, image, z0, y0, x0) + group * ins
        weights = (group * p[s + ALL_ROWS] + p[s + FIRST_ROW]) * columns
        tap = quotient(column, ins)
        channel = column - tap * ins
        total = real(0)
        for q in range(0, rows, SIDE):
            value = real(0)
            if m < pixels and q + column < rows:
                t = (p[s + FIRST_TAP] + tap) * TAP
                if sees(p, s, z0 + taps[t], y0 + taps[t + 1], x0 + taps[t + 2]):
                    value = x[base + taps[t + 3] + channel]
            left[line * SIDE + column] = value
            right[line * SIDE + column] = (
                w[weights + (q + line) * columns + k] if q + line < rows and k < columns else real(0)
            )
            cuda.syncthreads()
            for i in range(SIDE):
                total += left[line * SIDE + i] * right[i * SIDE + column]
            cuda.syncthreads()
            channel += SIDE
            while channel >= ins:
                channel -= ins
                tap += 1
        if m < pixels and k < p[s + OUTS]:
            out[result_place(p, s, image, z, y, at_x) + group * p[s + OUTS] + k] = total

    return conv


@functools.cache
def weight_kernel(dtype: str) -> Kernel:
    """A part of the gradient of the weights: X's rows (tap and channel) by output channels, summed over some pixels.

    Grid: rows of tiles, columns of tiles, groups × parts.
    """
    real = _WORDS[dtype]

    @kernel(f"{dtype}[::1], {dtype}[::1], {dtype}[::1], int32[::1], int32[::1], int32, int32",
            name=f"conv_weight_tiled_{dtype}", threads=THREADS, doubles=True)  # fmt: skip
    def conv_weight(x: Any, g: Any, parts: Any, p: Any, taps: Any, groups: int, share: int) -> None:
        """parts (parts, groups, rows, outs): sums over `share` pixels each."""
        left = cuda.shared.array(THREADS, real)
        right = cuda.shared.array(THREADS, real)
        column, line = cuda.threadIdx.x & (SIDE - 1), cuda.threadIdx.x // SIDE
        part = quotient(cuda.blockIdx.z, groups)
        group = cuda.blockIdx.z - part * groups
        rows, outs, ins = p[ROWS], p[OUTS], p[INS]
        row, k = cuda.blockIdx.x * SIDE, cuda.blockIdx.y * SIDE + column
        t = quotient(row + column, ins)
        channel = row + column - t * ins
        t *= TAP
        end = min(pixels_of(p, 0), (part + 1) * share)
        total = real(0)
        for q in range(part * share, end, SIDE):
            m = q + line
            value = real(0)
            if m < end and row + column < rows:
                image, z, y, at_x = divided(p, 0, m)
                z, y, at_x = z * p[STRIDE], y * p[STRIDE + 1], at_x * p[STRIDE + 2]
                if sees(p, 0, z + taps[t], y + taps[t + 1], at_x + taps[t + 2]):
                    value = x[image_place(p, 0, image, z, y, at_x) + taps[t + 3] + group * ins + channel]
            left[line * SIDE + column] = value
            right[line * SIDE + column] = g[m * p[ALL_OUTS] + group * outs + k] if m < end and k < outs else real(0)
            cuda.syncthreads()
            for i in range(SIDE):
                total += left[i * SIDE + line] * right[i * SIDE + column]
            cuda.syncthreads()
        if row + line < rows and k < outs:
            parts[((part * groups + group) * rows + row + line) * outs + k] = total

    return conv_weight
