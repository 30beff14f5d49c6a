"""Sorting lines: a bitonic network on pairs of value and position, stable, with NaN as the largest.

Batcher's bitonic sorter (1968, "Sorting networks and their applications") compares fixed pairs, whatever the values: stage
k = 2, 4, 8, … merges neighbouring pieces of k/2, one sorted upwards and one downwards, in steps j = k/2, k/4, …, 1, at each
of which place i meets place i + j. All pairs of a step are independent, hence a thread each: n·log²n/4 comparisons, and no
branch that depends on data beyond the exchange itself.

A line is padded to a power of two, by places behind its end, which count as larger than all. Since a value never ties with
another (the earlier position is the smaller), the order is that of a stable sort. Up to `TILE` places fit a block's shared
memory, and one launch sorts a line. Of longer ones, steps that reach beyond a tile are launches of their own, in global
memory, and the rest of each stage is done in shared memory again.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from ..array import DeviceArray
from ..compiler.language import Kernel, ceil_div, cuda, device, int32, kernel
from ..layers.rows import Lines, lines_in_pieces
from ..places.copies import contiguous
from ..runtime import memory
from .launch import as_dtype, source_of
from .states import WORDS, carrier, quotient

THREADS = 256
TILE = 1024
"""How many places a block sorts in shared memory; two a thread."""


@functools.cache
def comes_first(descending: bool) -> Callable[..., Any]:
    """(v, i, w, j, n) → whether value v of position i comes before w of j, in a line of n."""

    @device
    def upwards(v: Any, i: Any, w: Any, j: Any, n: Any) -> Any:
        if i >= n or j >= n:
            return i < j
        beats = v < w or (w != w and v == v)
        return beats or ((v == w or (v != v and w != w)) and i < j)

    @device
    def downwards(v: Any, i: Any, w: Any, j: Any, n: Any) -> Any:
        if i >= n or j >= n:
            return i < j
        beats = v > w or (v != v and w == w)
        return beats or ((v == w or (v != v and w != w)) and i < j)

    return downwards if descending else upwards


@functools.cache
def exchange(descending: bool) -> Callable[..., None]:
    """(keys, places, a, b, up, n) puts two pairs in order: `up` says which."""
    first = comes_first(descending)

    @device
    def exchange(keys: Any, places: Any, a: Any, b: Any, up: Any, n: Any) -> None:
        v, i, w, j = keys[a], places[a], keys[b], places[b]
        if first(w, j, v, i, n) == up:
            keys[a], places[a], keys[b], places[b] = w, j, v, i

    return exchange


@functools.cache
def tile_kernel(dtype: str, tile: int, descending: bool, merging: bool) -> Kernel:
    """What happens within tiles: all stages up to the tile's size, or the last steps of a later one; `tile`/2 threads."""
    word = carrier(dtype, wide=False)
    wide, held, swap = WORDS[word], np.dtype(word), exchange(descending)
    name = f"{'merge' if merging else 'sort'}_{dtype}_tile{tile}{'_down' if descending else ''}"
    half = tile // 2

    @kernel(f"{dtype}[::1], {word}[::1], int32[::1], int32, int32, int32", name=name, threads=max(half, 32))
    def sort_tiles(x: Any, keys: Any, places: Any, n: int, padded: int, stage: int) -> None:
        """Sort each tile of `(lines, padded)`, from x or keys; a stage's pieces go upwards and downwards in turn."""
        values, positions = cuda.shared.array(tile, held), cuda.shared.array(tile, np.int32)
        thread = cuda.threadIdx.x
        start = cuda.blockIdx.x * tile
        line = quotient(start, padded)
        offset = start - line * padded
        for place in range(thread, tile, half):
            if merging:
                values[place], positions[place] = keys[start + place], places[start + place]
            else:
                position = offset + place
                values[place], positions[place] = wide(0), int32(position)
                if position < n:
                    values[place] = wide(x[line * n + position])
        k = int32(stage if merging else 2)
        while k <= (stage if merging else tile):
            j = int32(min(k, tile) >> 1)
            while j > 0:
                cuda.syncthreads()
                a = ((thread & ~(j - 1)) << 1) | (thread & (j - 1))
                swap(values, positions, a, a + j, ((offset + a) & k) == 0, n)
                j >>= 1
            k <<= 1
        cuda.syncthreads()
        for place in range(thread, tile, half):
            keys[start + place], places[start + place] = values[place], positions[place]

    return sort_tiles


@functools.cache
def step_kernel(dtype: str, descending: bool) -> Kernel:
    """One step of a stage in global memory, between tiles; a thread a pair."""
    word, swap = carrier(dtype, wide=False), exchange(descending)
    name = f"sort_step_{dtype}{'_down' if descending else ''}"

    @kernel(f"{word}[::1], int32[::1], int32, int32, int32, int32, int32", name=name, threads=THREADS, waits=False)
    def sort_step(keys: Any, places: Any, n: int, padded: int, stage: int, apart: int, pairs: int) -> None:
        """Pair i, i + apart of `(lines, padded)`."""
        pair = cuda.grid(1)
        if pair < pairs:
            a = ((pair & ~(apart - 1)) << 1) | (pair & (apart - 1))
            swap(keys, places, a, a + apart, ((a & (padded - 1)) & stage) == 0, n)

    return sort_step


@functools.cache
def pick_kernel(source: str, target: str) -> Kernel:
    """Copy places first … first + count of each padded line to a matrix, in the dtype of the result."""
    signature = f"{source}[::1], {target}[::1], int32, int32, int32, int32"

    @kernel(signature, name=f"sorted_{source}_{target}", threads=THREADS, waits=False)
    def pick(a: Any, y: Any, padded: int, first: int, count: int, size: int) -> None:
        i = cuda.grid(1)
        if i < size:
            line = quotient(i, count)
            y[i] = a[line * padded + first + i - line * count]

    return pick


class Order(NamedTuple):
    """Sorted lines, padded: their values, their positions, and how long they are with the padding."""

    keys: DeviceArray
    places: DeviceArray
    padded: int


def sort_lines(x: DeviceArray, lines: Lines, descending: bool) -> Order:
    """Sort the lines of an array, which `lines` finds each in one piece."""
    dtype, n = x.dtype.name, lines.n
    padded = max(1 << (n - 1).bit_length(), 2)
    tile = min(padded, TILE)
    size = lines.count * padded
    keys = memory.empty((size,), carrier(dtype, wide=False), x.memory.device)
    places = memory.empty((size,), np.int32, x.memory.device)
    flat = lines.flat(x)
    blocks = size // tile
    tile_kernel(dtype, tile, descending, False)[blocks, tile // 2](flat, keys, places, n, padded, 0)
    stage = 2 * tile
    while stage <= padded:
        apart = stage // 2
        while apart >= tile:
            step_kernel(dtype, descending)[ceil_div(size // 2, THREADS), THREADS](
                keys, places, n, padded, stage, apart, size // 2
            )
            apart //= 2
        tile_kernel(dtype, tile, descending, True)[blocks, tile // 2](flat, keys, places, n, padded, stage)
        stage *= 2
    return Order(keys, places, padded)


def _picked(a: DeviceArray, order: Order, lines: Lines, first: int, count: int, target: str) -> DeviceArray:
    """Places first … of the sorted lines, in the array's shape with `count` along the axis."""
    shape = tuple(count if k == lines.axis else n for k, n in enumerate(lines.shape))
    short = Lines(shape, lines.axis, lines.order, lines.count, count, 1)
    y = short.empty(a, target)
    if y.size:
        pick_kernel(a.dtype.name, y.dtype.name)[ceil_div(y.size, THREADS), THREADS](
            a, y, order.padded, first, count, y.size
        )
    return y


def _positions(x: DeviceArray, axis: int, descending: bool, first: int, count: int) -> DeviceArray:
    """`argsort`'s places first … first + count."""
    given = source_of(x, "argsort")
    lines = lines_in_pieces(given, normalize_axis_index(axis, x.ndim))
    if not x.size or not count:
        shape = tuple(count if k == lines.axis else n for k, n in enumerate(x.shape))
        return memory.empty(shape, np.int64, x.memory.device)
    order = sort_lines(given, lines, descending)
    return _picked(order.places, order, lines, first, count, "int64")


def argsort(x: DeviceArray, axis: int, descending: bool = False) -> DeviceArray:
    """Positions in sorted order, equal elements in their order; NaN is the largest."""
    return _positions(x, axis, descending, 0, x.shape[axis])


def top_positions(x: DeviceArray, axis: int, k: int, largest: bool) -> DeviceArray:
    """The first k of `argsort`."""
    return _positions(x, axis, largest, 0, min(k, x.shape[axis]))


def position_of(x: DeviceArray, axis: int, k: int) -> DeviceArray:
    """Place k of `argsort`; the axis stays, with length 1."""
    return _positions(x, axis, False, k % x.shape[axis], 1)


def partition(x: DeviceArray, kth: int) -> DeviceArray:
    """The last axis with element `kth` where sorting puts it; here the others are sorted, too.

    Raises:
        ValueError: there is no such place.
    """
    if not -x.shape[-1] <= kth < x.shape[-1]:
        raise ValueError(f"kth(={kth}) out of bounds ({x.shape[-1]})")
    given = source_of(contiguous(x), "partition")
    lines = lines_in_pieces(given, x.ndim - 1)
    if not x.size:
        return memory.empty(x.shape, x.dtype, x.memory.device)
    order = sort_lines(given, lines, False)
    return as_dtype(_picked(order.keys, order, lines, 0, lines.n, given.dtype.name), x.dtype.name)


def representatives() -> list[Kernel]:
    """A kernel of each kind, for those who look at all kernels; see `catalogue`."""
    tiles = [tile_kernel("float32", TILE, False, False), tile_kernel("float32", TILE, True, True)]
    return [*tiles, step_kernel("float32", False), pick_kernel("int32", "int64")]
