"""Two sums at once for each channel: what batch normalisation's statistics, and all gradients of normalisation, come from.

An array in one piece is `(outer, C, inner)`, C the axis that keeps its sums.

- **columns** (inner = 1: channels last, and matrices): neighbouring threads take neighbouring channels, as in
  `reductions_kernels.columns_kernel`. A part is a piece of the outer axis.
- **planes** (inner > 1: channels first): a block takes one channel and runs through its planes. A part is a piece of the
  outer · inner numbers; a thread goes from one of its numbers to the next, 256 on, without a division.

What is added up lies close to 0: not x but d = x − k, k the first number of the channel in the part. So float32 loses
nothing by cancellation, however far the mean is from 0: Σd² − (Σd)²/n is of the size of the variance. The sums go to
`sums[which, part, channel]`: the first, the second, and k. What is made of the parts is computed in float64, by a warp a
channel.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..array import DeviceArray
from ..compiler.language import Kernel, ceil_div, cuda, device, int32, kernel
from ..reductions.launch import cut
from ..reductions.states import WORDS, carrier, quotient
from ..runtime import memory
from .rows import team_of

THREADS, WARP = 256, 32


@device
def _moments(g: Any, x: Any, mean: Any, scale: Any, at: Any, row: Any, kept: Any, wide: Any) -> Any:
    d = wide(x[at]) - kept
    return d, d * d


@device
def _pulls(g: Any, x: Any, mean: Any, scale: Any, at: Any, row: Any, kept: Any, wide: Any) -> Any:
    above = wide(g[at])
    return above, above * (wide(x[at]) - kept)


@device
def _rows(g: Any, x: Any, mean: Any, scale: Any, at: Any, row: Any, kept: Any, wide: Any) -> Any:
    above = wide(g[at])
    return above, above * ((wide(x[at]) - mean[row]) * scale[row])


TERMS = {"moments": _moments, "pulls": _pulls, "rows": _rows}
"""What is added up: d and d² for the statistics of batches; g and g·d for the gradients of their normalisation; and g and g·x̂,
x̂ = (x − μ)·scale with one μ and one scale a row, for those of rows (`normalization_rows.py`)."""


@functools.cache
def columns_kernel(terms: str, dtype: str, across: int) -> Kernel:
    """The sums of parts of `(outer, C)`; a block takes `across` channels."""
    word = carrier(dtype)
    wide, both, held = WORDS[word], TERMS[terms], np.dtype(word)
    shift, down = across.bit_length() - 1, THREADS // across
    signature = f"{dtype}[::1], {dtype}[::1], {word}[::1], {word}[::1], {word}[::1]" + ", int32" * 5

    @kernel(signature, name=f"{terms}_{dtype}_columns{across}", threads=THREADS)
    def channel_sums(
        g: Any, x: Any, mean: Any, scale: Any, sums: Any, n: int, channels: int, blocks: int, parts: int, chunk: int
    ) -> None:
        """sums[·, part, c] over x[part·chunk : (part + 1)·chunk, c]."""
        left, right = cuda.shared.array(THREADS, held), cuda.shared.array(THREADS, held)
        thread = cuda.threadIdx.x
        part = quotient(cuda.blockIdx.x, blocks)
        channel = (cuda.blockIdx.x - part * blocks) * across + (thread & (across - 1))
        row = thread >> shift
        begin = part * chunk
        a, b, kept = wide(0), wide(0), wide(0)
        if channel < channels and begin < n:
            kept = wide(x[begin * channels + channel])
            for i in range(begin + row, min(n, begin + chunk), down):
                one, two = both(g, x, mean, scale, i * channels + channel, i, kept, wide)
                a += one
                b += two
        left[thread], right[thread] = a, b
        step = int32(down >> 1)
        while step > 0:
            cuda.syncthreads()
            if row < step:
                left[thread] += left[thread + step * across]
                right[thread] += right[thread + step * across]
            step >>= 1
        if row == 0 and channel < channels:
            sums[part * channels + channel] = left[thread]
            sums[(parts + part) * channels + channel] = right[thread]
            sums[(2 * parts + part) * channels + channel] = kept

    return channel_sums


@functools.cache
def planes_kernel(terms: str, dtype: str) -> Kernel:
    """The sums of parts of `(outer, C, inner)`; a block takes one channel of one part."""
    word = carrier(dtype)
    wide, both, all_total = WORDS[word], TERMS[terms], team_of(THREADS, word).total
    signature = f"{dtype}[::1], {dtype}[::1], {word}[::1]" + ", int32" * 7

    @kernel(signature, name=f"{terms}_{dtype}_planes", threads=THREADS)
    def channel_sums(
        g: Any, x: Any, sums: Any, n: int, channels: int, inner: int, parts: int, chunk: int, images: int, pixels: int
    ) -> None:
        """sums[·, part, c] over numbers part·chunk … of channel c; 256 numbers on are `images` and `pixels`."""
        thread = cuda.threadIdx.x
        part = quotient(cuda.blockIdx.x, channels)
        channel = cuda.blockIdx.x - part * channels
        begin = part * chunk
        image = quotient(begin, inner)
        kept = wide(x[(image * channels + channel) * inner + begin - image * inner])
        image = quotient(begin + thread, inner)
        pixel = begin + thread - image * inner
        a, b = wide(0), wide(0)
        for _ in range(begin + thread, min(n, begin + chunk), THREADS):
            one, two = both(g, x, sums, sums, (image * channels + channel) * inner + pixel, image, kept, wide)
            a += one
            b += two
            image += images
            pixel += pixels
            if pixel >= inner:
                pixel -= inner
                image += 1
        a = all_total(a)
        b = all_total(b)
        if thread == 0:
            sums[part * channels + channel] = a
            sums[(parts + part) * channels + channel] = b
            sums[(2 * parts + part) * channels + channel] = kept

    return channel_sums


def channel_sums(
    terms: str, g: DeviceArray, x: DeviceArray, size: tuple[int, int, int], rows: tuple[DeviceArray, ...] = ()
) -> tuple[DeviceArray, int, int]:
    """Launch one of them: `sums` `(3, parts, C)`, how many parts there are, and how many numbers of a channel are in each.

    Args:
        terms: which of `TERMS`.
        g, x: arrays in one piece; `g` is not read for moments.
        size: outer, C, inner.
        rows: for `rows`, μ and scale of each.
    """
    outer, channels, inner = size
    n = outer * inner
    across = min(1 << (channels - 1).bit_length(), WARP)
    blocks = ceil_div(channels, across) if inner == 1 else channels
    parts, chunk = cut(n, blocks, THREADS // across if inner == 1 else THREADS)
    sums = memory.empty((3, parts, channels), carrier(x.dtype.name), x.memory.device)
    if inner == 1:
        kernel = columns_kernel(terms, x.dtype.name, across)
        kernel[parts * blocks, THREADS](g, x, *(rows or (sums, sums)), sums, n, channels, blocks, parts, chunk)
    else:
        steps = divmod(THREADS, inner)
        planes_kernel(terms, x.dtype.name)[parts * blocks, THREADS](
            g, x, sums, n, channels, inner, parts, chunk, *steps
        )
    return sums, parts, chunk


def representatives() -> list[Kernel]:
    """A kernel of each kind, for those who look at all kernels; see `catalogue`."""
    columns = [columns_kernel(terms, "float32", WARP) for terms in TERMS]
    return [*columns, *(planes_kernel(terms, "float32") for terms in ("moments", "pulls"))]
