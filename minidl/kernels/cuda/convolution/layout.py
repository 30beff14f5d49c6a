"""Operands as the convolution's kernels want them: images channels last, weights packed tap by tap.

Images that lie otherwise are copied, which goes through tiles in shared memory (`copies`), and so are weights: a warp reads 32
neighbours of a row into a tile of 32 × 32 numbers and writes 32 neighbours of a column out of it, so that both sides touch
whole lines of memory. The tile's rows are 33 numbers apart: with 32, the numbers of a column would all lie in one bank of
shared memory and be read one after the other.
"""

from __future__ import annotations

import functools
from typing import Any

from ..array import DeviceArray
from ..compiler.intrinsics import quotient
from ..compiler.language import Kernel, ceil_div, cuda, float32, float64, kernel
from ..places import copies
from ..runtime import memory
from .problem import Plan, padded, uploaded

THREADS = 256
TILE = 32
LINE = TILE + 1
ROWS = THREADS // TILE
"""A tile's rows that are read at once."""
SHARED = TILE * LINE
_WORDS = {"float32": float32, "float64": float64}


@functools.cache
def packing_kernel(dtype: str, back: bool) -> Kernel:
    """The weights of a group, a matrix of K rows and C·taps columns, packed: a row of columns for each tap and channel.

    Without `back` a packed row holds all output channels of one tap and input channel; with `back`, for the transpose in
    the image, all input channels of one tap and output channel. Block (x, y, z) moves a tile of the group z.
    """
    real = _WORDS[dtype]

    @kernel(f"{dtype}[::1], {dtype}[::1], int32[::1], int32, int32, int32, int32, int32",
            name=f"pack_{'back' if back else 'forward'}_{dtype}", threads=THREADS, blocks=4)  # fmt: skip
    def pack(w: Any, packed: Any, places: Any, k: int, c: int, taps: int, rows: int, columns: int) -> None:
        """w (groups, k, c, taps) → packed (groups, rows, columns); a tap whose place is negative is left out."""
        tile = cuda.shared.array(SHARED, real)
        lane, line = cuda.threadIdx.x & (TILE - 1), cuda.threadIdx.x // TILE
        x, y = cuda.blockIdx.x * TILE, cuda.blockIdx.y * TILE
        source, target = cuda.blockIdx.z * k * c * taps, cuda.blockIdx.z * rows * columns
        for i in range(line, TILE, ROWS):
            if y + i < k and x + lane < c * taps:
                tile[i * LINE + lane] = w[source + (y + i) * c * taps + x + lane]
        cuda.syncthreads()
        for i in range(line, TILE, ROWS):
            row, column = (y + i, x + lane) if back else (y + lane, x + i)
            if row < k and column < c * taps:
                channel = quotient(column, taps)
                place = places[column - channel * taps]
                if place >= 0:
                    if back:
                        packed[target + (place + row) * columns + channel] = tile[i * LINE + lane]
                    else:
                        packed[target + (place + channel) * columns + row] = tile[lane * LINE + i]

    return pack


def images_of(x: DeviceArray) -> DeviceArray:
    """Images `(N, C, …)` as `(N, …, C)`, one behind the other; copied only where they do not lie so already.

    The first element's address is a multiple of 16 bytes, so that four channels can be read at once.
    """
    n, c, *size = x.shape
    view = x.view_as((n, *size, c), (x.strides[0], *x.strides[2:], x.strides[1]))
    return view if view.is_contiguous and view.address % 16 == 0 else copies.copy(view)


def shown(y: DeviceArray) -> DeviceArray:
    """Images `(N, …, C)` as `(N, C, …)`, without a copy."""
    n, *size, c = y.shape
    first, *steps, last = y.strides
    return DeviceArray(y.memory, (n, c, *size), y.dtype, (first, last, *steps), y.offset)


def channels_last(shape: tuple[int, ...], like: DeviceArray) -> DeviceArray:
    """A new array `(N, C, …)` whose channels lie side by side."""
    n, c, *size = shape
    return shown(memory.empty((n, *size, c), like.dtype, like.memory.device))


def packed_weights(w: DeviceArray, plan: Plan, back: bool = False) -> DeviceArray:
    """Weights `(K, C/groups, …)` as the sweeps of a plan read them: `(groups, rows, columns)`, columns a multiple of 4."""
    w = copies.contiguous(w)
    device, columns = w.memory.device, padded(plan.outs, 4)
    k, c = (plan.ins, plan.outs) if back else (plan.outs, plan.ins)
    taps = len(plan.places)
    out = memory.empty((plan.groups, plan.rows, columns), w.dtype, device)
    if columns != plan.outs or plan.rows != taps * plan.ins:
        memory.fill_zeros(out)
    grid = (ceil_div(c * taps, TILE), ceil_div(k, TILE), plan.groups)
    _, _, places = uploaded(plan, device)
    packing_kernel(w.dtype.name, back)[grid, THREADS](w, out, places, k, c, taps, plan.rows, columns)
    return out


def taps_first(w: DeviceArray) -> DeviceArray:
    """Weights of single channels `(K, 1, …)` as `(taps, K)`."""
    w = copies.contiguous(w)
    taps = w.size // len(w)
    return copies.copy(w.view_as((taps, len(w)), (w.itemsize, taps * w.itemsize)))
