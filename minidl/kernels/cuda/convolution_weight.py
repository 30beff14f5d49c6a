"""The gradient of a convolution's weights: long sums in parts, and the parts added up.

gw[k, c, r] sums over all pixels of all images, a million products for each of perhaps a thousand results. Results alone do
not fill a GPU, so the pixels are divided into parts; blocks write a matrix of sums for each part into a workspace, and a
second kernel adds the matrices, the first part first. No result is added to from two sides, so that each run gives the same
bits; and how many parts there are depends on the shapes only, not on the GPU.
"""

from __future__ import annotations

import functools
from typing import Any

from . import memory
from .array import DeviceArray
from .convolution_problem import Plan
from .language import Kernel, ceil_div, cuda, float32, float64, kernel

THREADS = 128
_WORDS = {"float32": float32, "float64": float64}
BLOCKS = 512
"""How many blocks should share the work, if there is enough of it."""
LEAST = 256
"""The fewest pixels that are worth a part."""
MOST = 64
"""The most parts, each of which is written and read once more."""


@functools.cache
def adding_kernel(dtype: str) -> Kernel:
    """The parts of the weights' gradient added up, and turned from the order of the products to that of the weights.

    Thread i adds number i of every part: neighbours read neighbours, `count` apart from part to part. It writes to
    (K, C/groups, …), with gaps, but only once.
    """
    real = _WORDS[dtype]

    @kernel(f"{dtype}[::1], {dtype}[::1], int32, int32, int32, int32, int32",
            name=f"conv_weight_add_{dtype}", threads=THREADS, waits=False)  # fmt: skip
    def add(parts: Any, w: Any, number: int, count: int, ins: int, outs: int, taps: int) -> None:
        """parts (number, groups, taps·ins, outs) → w (groups·outs, ins, taps)."""
        i = cuda.grid(1)
        if i < count:
            total = real(0)
            for part in range(number):
                total += parts[part * count + i]
            row = i // outs
            k = i - row * outs
            tap = row // ins
            c = row - tap * ins
            group = tap // taps
            w[((group * outs + k) * ins + c) * taps + tap - group * taps] = total

    return add


def parts_of(pixels: int, blocks: int, step: int, least: int = LEAST) -> tuple[int, int]:
    """Into how many parts the pixels are divided when each needs so many blocks, and how many pixels a part has.

    A part is a multiple of `step` pixels, but for the last, and has about `least` of them or more.

    >>> parts_of(32 * 32 * 32, 9, 8), parts_of(100, 1, 8)
    ((56, 592), (1, 104))
    """
    wanted = max(min(BLOCKS // max(blocks, 1), pixels // least, MOST), 1)
    share = ceil_div(ceil_div(pixels, wanted), step) * step
    return ceil_div(pixels, share), share


def workspace(plan: Plan, parts: int, like: DeviceArray) -> DeviceArray:
    """Room for the parts: `(parts, groups, rows, outs)`."""
    return memory.empty((parts, plan.groups, len(plan.places) * plan.ins, plan.outs), like.dtype, like.memory.device)


def add_up(parts: DeviceArray, w: DeviceArray, plan: Plan) -> None:
    """Fill the row-major `w` `(K, C/groups, …)` with the sum of the parts."""
    taps = len(plan.places)
    adding_kernel(w.dtype.name)[ceil_div(w.size, THREADS), THREADS](
        parts, w, parts.shape[0], w.size, plan.ins, plan.outs, taps
    )
