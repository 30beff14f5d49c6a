"""The gradient of a convolution's weights: long sums in parts, and the parts added up.

gw[k, c, r] sums over all pixels of all images, a million products for each of perhaps a thousand results. Results alone do
not fill a GPU, so the pixels are divided into parts; blocks write a matrix of sums for each part into a workspace, and a
second kernel adds the matrices, always in the same order. No result is added to from two sides, so that each run gives the same
bits; and how many parts there are depends on the shapes only, not on the GPU.
"""

from __future__ import annotations

import functools
from typing import Any

from ..array import DeviceArray
from ..compiler.intrinsics import quotient
from ..compiler.language import Kernel, ceil_div, cuda, float32, float64, kernel
from ..runtime import memory
from .problem import Plan

LANES, LINES = 32, 8
_WORDS = {"float32": float32, "float64": float64}
MULTIPROCESSORS = 132
"""An H100's. Parts are counted for it, whatever the device is, so that every device adds up the same numbers."""
LEAST = 64
"""The fewest pixels that are worth a part."""
MOST = 512
"""The most parts."""
PASSING = 72
"""As many products as pass by while a number of a part is written and read again (an estimate for an H100, unmeasured)."""


@functools.cache
def adding_kernel(dtype: str) -> Kernel:
    """The parts of the weights' gradient added up, and turned from the order of the products to that of the weights.

    A block adds 32 numbers, eight warps every eighth part each; neighbours read neighbours, `count` apart from part to part.
    It writes to (K, C/groups, …), with gaps, but only once.
    """
    real = _WORDS[dtype]
    threads = LANES * LINES

    @kernel(f"{dtype}[::1], {dtype}[::1], int32, int32, int32, int32, int32",
            name=f"conv_weight_add_{dtype}", threads=threads, doubles=True)  # fmt: skip
    def add(parts: Any, w: Any, number: int, count: int, ins: int, outs: int, taps: int) -> None:
        """parts (number, groups, taps·ins, outs) → w (groups·outs, ins, taps)."""
        sums = cuda.shared.array(threads, real)
        lane, line = cuda.threadIdx.x & (LANES - 1), cuda.threadIdx.x // LANES
        i = cuda.blockIdx.x * LANES + lane
        total: Any = real(0)
        if i < count:
            for part in range(line, number, LINES):
                total += parts[part * count + i]
        sums[cuda.threadIdx.x] = total
        cuda.syncthreads()
        if line == 0 and i < count:
            for other in range(1, LINES):
                total += sums[other * LANES + lane]
            row = quotient(i, outs)
            k = i - row * outs
            tap = quotient(row, ins)
            group = quotient(tap, taps)
            w[((group * outs + k) * ins + row - tap * ins) * taps + tap - group * taps] = total

    return add


@functools.lru_cache(maxsize=4096)
def parts_of(pixels: int, blocks: int, at_once: int, step: int, least: int) -> tuple[int, int]:
    """Into how many parts the pixels are divided, and how many pixels a part has: a multiple of `step`, but for the last.

    Each part needs so many blocks, of which a multiprocessor holds so many at once. Parts are as many as take the least time:
    the blocks of all fill the multiprocessors some whole number of times, the last time not quite; and each part is written
    and read once more, which weighs the more the fewer pixels there are.

    >>> parts_of(32 * 32 * 32, 9, 2, 8, 64), parts_of(100, 1, 2, 8, 64)
    ((29, 1136), (1, 104))
    """
    room = MULTIPROCESSORS * at_once

    def time(parts: int) -> float:
        return ceil_div(blocks * parts, room) * room / (blocks * parts) + PASSING * parts / pixels

    wanted = min(range(1, max(min(pixels // least, MOST), 1) + 1), key=time)
    share = ceil_div(ceil_div(pixels, wanted), step) * step
    return ceil_div(pixels, share), share


def workspace(plan: Plan, parts: int, like: DeviceArray) -> DeviceArray:
    """Room for the parts: `(parts, groups, rows, outs)`."""
    return memory.empty((parts, plan.groups, len(plan.places) * plan.ins, plan.outs), like.dtype, like.memory.device)


def add_up(parts: DeviceArray, w: DeviceArray, plan: Plan) -> None:
    """Fill the row-major `w` `(K, C/groups, …)` with the sum of the parts."""
    taps = len(plan.places)
    adding_kernel(w.dtype.name)[ceil_div(w.size, LANES), LANES * LINES](
        parts, w, parts.shape[0], w.size, plan.ins, plan.outs, taps
    )
