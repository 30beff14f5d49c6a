"""Places in sorted sequences, and how often whole numbers occur."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..array import DeviceArray
from ..compiler.language import Kernel, ceil_div, cuda, device, int32, int64, kernel
from ..layers.rows import lines_of
from ..places.copies import contiguous
from ..runtime import memory
from . import states
from .launch import source_of
from .over_axes import max as largest
from .over_axes import min as smallest
from .sorting import sort_lines
from .states import ALL, WORDS, carrier

THREADS, WARP = 256, 32


@device
def _below(a: Any, b: Any) -> Any:
    """Whether a sorts before b; NaN is the largest."""
    return a < b or (b != b and a == a)


@functools.cache
def search_kernel(dtype: str, right: bool) -> Kernel:
    """Halve the sorted sequence until one place is left; a thread a number."""
    wide = WORDS[carrier(dtype, wide=False)]
    signature = f"{dtype}[::1], {dtype}[::1], int64[::1], int32, int32"

    @kernel(signature, name=f"search_{dtype}_{'right' if right else 'left'}", threads=THREADS, waits=False)
    def search(edges: Any, numbers: Any, places: Any, n: int, size: int) -> None:
        """places[i] = how many of the n edges are below numbers[i], or for `right` not above it."""
        i = cuda.grid(1)
        if i < size:
            v = wide(numbers[i])
            low, high = int32(0), int32(n)
            while low < high:
                middle = int32((low + high) >> 1)
                edge = wide(edges[middle])
                passes = not _below(v, edge) if right else _below(edge, v)
                if passes:
                    low = int32(middle + 1)
                else:
                    high = middle
            places[i] = int64(low)

    return search


def searchsorted(x1: DeviceArray, x2: DeviceArray, side: str = "left") -> DeviceArray:
    """Where each element of `x2` would be inserted into the sorted `x1`, before its equals or after; int64."""
    from ..backend import backend

    dtype = np.result_type(x1.dtype, x2.dtype)
    edges, numbers = (
        contiguous(source_of(backend.astype(a, dtype) if a.dtype != dtype else a, "searchsorted")) for a in (x1, x2)
    )
    places = memory.empty(x2.shape, np.int64, x2.memory.device)
    kernel = search_kernel(edges.dtype.name, side == "right")
    kernel[ceil_div(x2.size, THREADS), THREADS](edges, numbers, places, edges.size, numbers.size)
    return places


@functools.cache
def count_kernel(dtype: str) -> Kernel:
    """How often each whole number occurs; additions of integers may come in any order."""

    @kernel(f"{dtype}[::1], int64[::1], int32", name=f"bincount_{dtype}", threads=THREADS, waits=False)
    def count(x: Any, counts: Any, size: int) -> None:
        i = cuda.grid(1)
        if i < size:
            cuda.atomic.add(counts, x[i], int64(1))

    return count


@functools.cache
def weigh_kernel(dtype: str, word: str) -> Kernel:
    """The sum of the weights of each number, from the numbers in sorted order; a warp a number.

    The lanes divide the weights of a number, and the order in which they are added is always the same.
    """
    of = states.average(word)
    start, take, join = of.start, of.take, of.join
    signature = f"{dtype}[::1], int32[::1], {word}[::1], {word}[::1], int32, int32"

    @device
    def begin_of(keys: Any, size: Any, number: Any) -> Any:
        low, high = int32(0), int32(size)
        while low < high:
            middle = int32((low + high) >> 1)
            if keys[middle] < number:
                low = int32(middle + 1)
            else:
                high = middle
        return low

    @kernel(signature, name=f"bincount_{dtype}_{word}", threads=THREADS)
    def weigh(keys: Any, places: Any, weights: Any, sums: Any, size: int, bins: int) -> None:
        """sums[number] = Σ weights[places[i]] over all i with keys[i] = number."""
        thread = cuda.threadIdx.x
        number = cuda.blockIdx.x * (THREADS >> 5) + (thread >> 5)
        begin, end = int32(0), int32(0)
        if number < bins:
            begin, end = begin_of(keys, size, number), begin_of(keys, size, number + 1)
        state = start()
        for i in range(begin + (thread & 31), end, WARP):
            state = take(state, weights[places[i]], i)
        for step in range(5):
            other = cuda.shfl_xor_sync(ALL, state[0], 1 << step), cuda.shfl_xor_sync(ALL, state[1], 1 << step)
            state = join(state, other)
        if number < bins and thread & 31 == 0:
            total = state[0] + state[1]
            sums[number] = total if total == total else state[0]

    return weigh


def bincount(x: DeviceArray, weights: DeviceArray | None, minlength: int) -> DeviceArray:
    """Counts in int64, or sums of weights, in float32 if the weights are and in float64 else.

    How long the result is depends on the largest number, which is fetched.

    Raises:
        ValueError: a number is negative.
    """
    from ..backend import backend

    numbers = contiguous(source_of(x, "bincount"))
    if x.size and smallest(x).item() < 0:
        raise ValueError("'list' argument must have no negative elements")
    bins = max(int(largest(x).item()) + 1 if x.size else 0, minlength)
    if weights is None:
        counts = memory.empty((bins,), np.int64, x.memory.device)
        memory.fill_zeros(counts)
        count_kernel(numbers.dtype.name)[ceil_div(x.size, THREADS), THREADS](numbers, counts, x.size)
        return counts
    word = "float32" if weights.dtype == np.float32 else "float64"
    if not x.size:
        nothing = memory.empty((bins,), word if word == "float32" else np.int64, x.memory.device)  # as NumPy has it
        memory.fill_zeros(nothing)
        return nothing
    given = contiguous(backend.astype(weights, word) if weights.dtype.name != word else weights)
    sums = memory.empty((bins,), word, x.memory.device)
    order = sort_lines(numbers, lines_of(numbers, 0), False)
    weigh_kernel(order.keys.dtype.name, word)[ceil_div(bins * WARP, THREADS), THREADS](
        order.keys, order.places, given, sums, x.size, bins
    )
    return sums


def representatives() -> list[Kernel]:
    """A kernel of each kind, for those who look at all kernels; see `catalogue`."""
    return [
        search_kernel("float32", False),
        search_kernel("float16", True),
        count_kernel("int64"),
        weigh_kernel("int64", "float32"),
    ]
