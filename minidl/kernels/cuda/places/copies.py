"""Copies of arrays in any order of memory to row-major ones.

A copy moves bits: elements of one size have one kernel. Where neighbours of the source become neighbours of the copy the
elementwise kernel does it. A transposition has neighbours either in the source or in the copy: it goes through shared memory.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..array import DeviceArray, Shape, row_major
from ..compiler.intrinsics import quotient
from ..compiler.language import Kernel, ceil_div, cuda, int32, kernel, uint32
from ..runtime import memory
from ..runtime.layouts import numbers

TILE, ROWS = 32, 8
_WORDS = {1: "int8", 2: "int16", 4: "int32", 8: "int64"}
_WORTH = 16
"""From how many rows and columns on a transposition goes through shared memory."""


@functools.cache
def transposing_kernel(word: str) -> Kernel:
    """The kernel that transposes, for elements of one size.

    A block takes a tile of 32 × 32. It reads rows of the source, 32 threads one row, and writes rows of the copy: both in whole
    segments of memory. Between them the tile is in shared memory, where it is read by columns; its rows have a length of 33, so
    that the 32 elements of a column lie in 32 different banks.
    """
    kept = np.int64 if word == "int64" else np.int32
    size = TILE * (TILE + 1)

    @kernel(
        f"{word}[::1], {word}[::1], int32[::1], int32, uint32, uint32, uint32, uint32, int32",
        name=f"transpose_{word}",
        threads=TILE * ROWS,
    )
    def transpose(
        source: Any,
        target: Any,
        lying: Any,
        others: int,
        rows: int,
        columns: int,
        row_step: int,
        column_step: int,
        tiles: int,
    ) -> None:
        """target[c, r] = source[r, c] of `rows` × `columns`, for each position along the `others` axes.

        `lying` holds the other axes' lengths, their strides in the source and those in the target. Rows of the source are
        `row_step` apart, rows of the target `column_step`; `tiles` fit along a row of the source.
        """
        tile = cuda.shared.array(size, kept)
        across, down = uint32(cuda.threadIdx.x & 31), uint32(cuda.threadIdx.x >> 5)
        block = int32(cuda.blockIdx.x)
        rest = quotient(block, tiles)
        first_column = uint32((block - rest * tiles) << 5)
        high = int32((rows + 31) >> 5)
        left = quotient(rest, high)
        first_row = uint32((rest - left * high) << 5)
        here, there = int32(0), int32(0)
        for axis in range(others - 1, -1, -1):
            further = quotient(left, lying[axis])
            at = int32(left - further * lying[axis])
            here = int32(here + at * lying[others + axis])
            there = int32(there + at * lying[2 * others + axis])
            left = further
        c = uint32(first_column + across)
        for step in range(0, 32, 8):
            line = uint32(down + uint32(step))
            r = uint32(first_row + line)
            if r < rows and c < columns:
                tile[uint32(line * uint32(33) + across)] = source[uint32(uint32(here + c) + r * row_step)]
        cuda.syncthreads()
        r = uint32(first_row + across)
        for step in range(0, 32, 8):
            line = uint32(down + uint32(step))
            c = uint32(first_column + line)
            if c < columns and r < rows:
                target[uint32(uint32(there + r) + c * column_step)] = tile[uint32(across * uint32(33) + line)]

    return transpose


def copy(x: DeviceArray) -> DeviceArray:
    """A row-major copy."""
    out = memory.empty(x.shape, x.dtype, x.memory.device)
    if x.is_contiguous:
        memory.copy_bytes(out, x)
    elif x.size:
        bits = np.dtype(_WORDS[x.itemsize])
        _rearrange(x.view_as(x.shape, x.strides, dtype=bits), out.view_as(out.shape, out.strides, dtype=bits))
    return out


def require_near(x: DeviceArray) -> None:
    """Refuse an array whose places kernels cannot count in 32 bits.

    Raises:
        OverflowError: from its first element to its last there are 2³¹ or more.
    """
    if x.span >= 1 << 31:
        raise OverflowError(
            f"the elements of a view {x.shape} lie among 2³¹ others or more, which are not counted here"
        )


def contiguous(x: DeviceArray) -> DeviceArray:
    """The array itself where it is row-major, else a copy that is."""
    return x if x.is_contiguous else copy(x)


def _rearrange(source: DeviceArray, target: DeviceArray) -> None:
    """Fill a row-major array from one that lies in another order."""
    from ..elementwise.operations import compute

    require_near(source)
    plane = _plane(source.shape, source.strides, source.itemsize)
    if plane is None:
        compute(0, (source,), target)
        return
    lengths, strides, near = plane
    steps = [stride // source.itemsize for stride in row_major(lengths, source.itemsize)]
    others = [axis for axis in range(len(lengths) - 1) if axis != near]
    lying = numbers(
        source.memory.device,
        (*(lengths[a] for a in others), *(strides[a] for a in others), *(steps[a] for a in others)),
    )
    rows, columns = lengths[-1], lengths[near]
    tiles = ceil_div(columns, TILE)
    blocks = ceil_div(source.size, rows * columns) * tiles * ceil_div(rows, TILE)
    launch = transposing_kernel(source.dtype.name)[blocks, TILE * ROWS]
    launch(source, target, lying, len(others), rows, columns, strides[-1], steps[near], tiles)


@functools.lru_cache(maxsize=4096)
def _plane(shape: Shape, strides: Shape, itemsize: int) -> tuple[Shape, Shape, int] | None:
    """The fewest axes, their strides in elements, and which of them has neighbours in memory; None if nothing is transposed."""
    from .views import collapsed

    lengths, found = collapsed(shape, tuple(stride // itemsize for stride in strides))
    if 1 not in found[:-1] or found[-1] in (0, 1):
        return None
    near = found.index(1)
    return (lengths, found, near) if min(lengths[near], lengths[-1]) >= _WORTH else None


def representatives() -> list[Kernel]:
    """A kernel of each kind, for those who look at all kernels; see `catalogue`."""
    return [transposing_kernel(word) for word in _WORDS.values()]
