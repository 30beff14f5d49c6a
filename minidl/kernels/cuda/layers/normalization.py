"""Batch normalisation, forward and backward, of images that lie channels first or last in memory.

Forward there are three launches: sums of each part of the batch (`normalization_sums.py`), of which a warp for each channel
makes mean and variance in float64, and what each number is multiplied by; then one pass that writes the result, four
numbers a thread and access where the layout allows it. So memory is read twice and written once, which is the least there
can be; backward likewise.

The parts' statistics are put together without cancellation (Chan, Golub & LeVeque, 1983, "Algorithms for computing the
sample variance"): Σ(x − μ)² of the whole is that of each part around its own mean, plus its number times the squared
distance of its mean from μ. These small kernels are the only ones here that compute float32 arrays in float64.
"""

from __future__ import annotations

import functools
import math as numbers
from typing import Any

import numpy as np

from ..array import DeviceArray
from ..compiler.language import Kernel, ceil_div, cuda, device, float64, kernel, math
from ..places.copies import contiguous
from ..reductions.launch import memory_order
from ..reductions.states import WORDS, carrier
from ..runtime import memory
from .normalization_sums import THREADS, WARP, channel_sums
from .normalization_write import scale_by, send_by
from .rows import Lines, team_of

Three = tuple[DeviceArray, DeviceArray, DeviceArray]


@device
def _tell(
    table: Any, c: Any, channels: Any, mean: Any, variance: Any, weight: Any, bias: Any, eps: Any, wide: Any
) -> None:
    """Write μ, γ/√(σ² + ε) and β of a channel, which is what a number needs."""
    table[c] = wide(mean)
    table[channels + c] = wide(float64(weight[c]) / math.sqrt(variance + eps))
    table[2 * channels + c] = wide(bias[c])


@functools.cache
def statistics_kernel(dtype: str) -> Kernel:
    """Mean and variance of each channel from the parts' sums; a warp a channel."""
    word = carrier(dtype)
    wide, all_total = WORDS[word], team_of(WARP, "float64").total
    arrays = f"{word}[::1], {dtype}[::1], {dtype}[::1], float64[::1], float64[::1], {word}[::1]"

    @kernel(f"{arrays}, int32, int32, int32, int32, float64", name=f"batch_statistics_{dtype}", threads=WARP)
    def statistics(
        sums: Any, weight: Any, bias: Any, mean: Any, variance: Any, table: Any,
        n: int, channels: int, parts: int, chunk: int, eps: float,
    ) -> None:  # fmt: skip
        """mean[c], variance[c] and the table of block c; a lane takes every 32nd part."""
        c, lane = cuda.blockIdx.x, cuda.threadIdx.x
        total = float64(0)
        for part in range(lane, parts, WARP):
            count = float64(min(chunk, n - part * chunk))
            total += count * float64(sums[(2 * parts + part) * channels + c]) + float64(sums[part * channels + c])
        middle = all_total(total) / float64(n)
        total = float64(0)
        for part in range(lane, parts, WARP):
            count = float64(min(chunk, n - part * chunk))
            apart = float64(sums[part * channels + c]) / count
            off = float64(sums[(2 * parts + part) * channels + c]) + apart - middle
            total += float64(sums[(parts + part) * channels + c]) - count * apart * apart + count * off * off
        spread = all_total(total) / float64(n)
        if spread < float64(0):  # by rounding; a GPU's `max` would make 0 of NaN, too
            spread = float64(0)
        if lane == 0:
            mean[c] = middle
            variance[c] = spread
            _tell(table, c, channels, middle, spread, weight, bias, eps, wide)

    return statistics


@functools.cache
def given_kernel(dtype: str, given: str) -> Kernel:
    """The table from given statistics; a thread a channel."""
    word = carrier(dtype)
    wide = WORDS[word]
    signature = f"{given}[::1], {given}[::1], {dtype}[::1], {dtype}[::1], {word}[::1], int32, float64"

    @kernel(signature, name=f"batch_given_{dtype}_{given}", threads=THREADS, waits=False)
    def tell(mean: Any, variance: Any, weight: Any, bias: Any, table: Any, channels: int, eps: float) -> None:
        c = cuda.grid(1)
        if c < channels:
            _tell(table, c, channels, float64(mean[c]), float64(variance[c]), weight, bias, eps, wide)

    return tell


@functools.cache
def pull_kernel(dtype: str) -> Kernel:
    """The gradients of γ and β from the parts' sums, and what each number's gradient needs; a warp a channel."""
    word = carrier(dtype)
    wide, all_total = WORDS[word], team_of(WARP, "float64").total
    arrays = f"{word}[::1], {dtype}[::1], float64[::1], float64[::1], {dtype}[::1], {dtype}[::1], {word}[::1]"

    @kernel(f"{arrays}, int32, int32, int32, float64", name=f"batch_pull_{dtype}", threads=WARP)
    def pull(
        sums: Any, weight: Any, mean: Any, variance: Any, dweight: Any, dbias: Any, table: Any,
        n: int, channels: int, parts: int, eps: float,
    ) -> None:  # fmt: skip
        """∂β = Σg, ∂γ = Σg(x − μ)/√(σ² + ε), and the table μ, γ/√(σ² + ε), that · ∂γ-part, that · mean(g)."""
        c, lane = cuda.blockIdx.x, cuda.threadIdx.x
        middle, power = mean[c], variance[c] + eps
        total, product = float64(0), float64(0)
        for part in range(lane, parts, WARP):
            above = float64(sums[part * channels + c])
            total += above
            product += float64(sums[(parts + part) * channels + c])
            product += above * (float64(sums[(2 * parts + part) * channels + c]) - middle)
        total = all_total(total)
        product = all_total(product)
        if lane == 0:
            root = math.sqrt(power)
            factor = float64(weight[c]) / root
            dbias[c] = total
            dweight[c] = product / root
            table[c] = wide(middle)
            table[channels + c] = wide(factor)
            table[2 * channels + c] = wide(factor * product / (float64(n) * power))
            table[3 * channels + c] = wide(factor * total / float64(n))

    return pull


def as_it_lies(x: DeviceArray) -> tuple[Lines, tuple[int, int, int]]:
    """The lines along the channels of images `(N, C, …)` as they lie, or row-major, and outer, C, inner."""
    order = memory_order(x)[1]
    inner = numbers.prod(x.shape[k] for k in order[order.index(1) + 1 :])
    outer = numbers.prod(x.shape[k] for k in order[: order.index(1)])
    return Lines(x.shape, 1, order, outer * inner, x.shape[1], inner), (outer, x.shape[1], inner)


def batch_norm(x: DeviceArray, weight: DeviceArray, bias: DeviceArray, eps: float) -> Three:
    """γ(x − μ)/√(σ² + ε) + β for `x` `(N, C, …)`, μ and σ² of each channel → y and, `(C,)` in float64, μ and σ²."""
    lines, size = as_it_lies(x)
    flat, channels, device = lines.flat(x), x.shape[1], x.memory.device
    mean, variance = (memory.empty((channels,), np.float64, device) for _ in range(2))
    y = lines.empty(x)
    if x.size:
        sums, parts, chunk = channel_sums("moments", flat, flat, size)
        table = memory.empty((3, channels), sums.dtype, device)
        statistics_kernel(x.dtype.name)[channels, WARP](
            sums, contiguous(weight), contiguous(bias), mean, variance, table, lines.count, channels, parts, chunk, eps
        )
        scale_by(table, flat, y, size)
    return y, mean, variance


def batch_norm_with(
    x: DeviceArray, weight: DeviceArray, bias: DeviceArray, mean: Any, variance: Any, eps: float
) -> DeviceArray:
    """The same with given statistics `(C,)`, on the device or on the host, as a trained network does it."""
    lines, size = as_it_lies(x)
    y = lines.empty(x)
    if x.size:
        mean, variance = (_given(a, x) for a in (mean, variance))
        channels = x.shape[1]
        table = memory.empty((3, channels), carrier(x.dtype.name), x.memory.device)
        given_kernel(x.dtype.name, mean.dtype.name)[ceil_div(channels, THREADS), THREADS](
            mean, variance, contiguous(weight), contiguous(bias), table, channels, eps
        )
        scale_by(table, lines.flat(x), y, size)
    return y


def _given(a: Any, x: DeviceArray) -> DeviceArray:
    """Statistics on the device of the images; brought there from the host where a caller keeps them."""
    return contiguous(a) if isinstance(a, DeviceArray) else memory.to_device(np.asarray(a, float), x.memory.device)


def batch_norm_back(
    g: DeviceArray, x: DeviceArray, weight: DeviceArray, mean: DeviceArray, variance: DeviceArray, eps: float
) -> Three:
    """The gradients of `batch_norm`'s `x`, `weight` and `bias`: γ(g − mean(g) − x̂·mean(g·x̂))/√(σ² + ε), Σg·x̂ and Σg."""
    lines, size = as_it_lies(x)
    flat, above, channels = lines.flat(x), lines.flat(g), x.shape[1]
    dx = lines.empty(x)
    dweight, dbias = (memory.empty((channels,), weight.dtype, x.memory.device) for _ in range(2))
    if not x.size:
        memory.fill_zeros(dweight)
        memory.fill_zeros(dbias)
        return dx, dweight, dbias
    sums, parts, _ = channel_sums("pulls", above, flat, size)
    table = memory.empty((4, channels), sums.dtype, x.memory.device)
    pull_kernel(x.dtype.name)[channels, WARP](
        sums,
        contiguous(weight),
        _given(mean, x),
        _given(variance, x),
        dweight,
        dbias,
        table,
        lines.count,
        channels,
        parts,
        eps,
    )
    send_by(table, above, flat, dx, size)
    return dx, dweight, dbias


def representatives() -> list[Kernel]:
    """A kernel of each kind, for those who look at all kernels; see `catalogue`."""
    return [statistics_kernel("float32"), given_kernel("float32", "float64"), pull_kernel("float32")]
