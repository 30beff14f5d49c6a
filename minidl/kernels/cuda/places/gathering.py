"""Kernels that pick elements and put them down again at places: bits are moved, so that elements of one size share a kernel.

`pick` and `put` work on lines `(outer, n, inner)` with one list of places along the middle axis, one thread an element of
what is picked; so the threads of a warp read neighbours wherever `inner` is long, as the rows of an embedding are.
`pick_along` takes an index that has a position for every element, as `gather` does.

A place that is out of range reads a word of ones, which is NaN as a float, and nothing is written there. Of several values
for one place the last stays: each first claims its place with an integer maximum, whose result does not depend on the order
in which threads come.
"""

from __future__ import annotations

import functools
from typing import Any

from ..compiler.intrinsics import load4, quotient, store4
from ..compiler.language import Kernel, cuda, int32, kernel

THREADS = 256
ONES = 2**32 - 1
NOWHERE = -(2**31)
"""In an index a place that no array has, counted from either end."""


@functools.cache
def pick(word: str) -> Kernel:
    """y[o, k, i] = x[o, places[k], i], all three row-major."""
    ones = 2 ** int(word[4:]) - 1
    signature = f"{word}[::1], int32[::1], {word}[::1], int32, int32, int32, int32"

    @kernel(signature, name=f"pick_{word}", threads=THREADS, waits=False)
    def run(x: Any, places: Any, y: Any, n: int, picked: int, inner: int, count: int) -> None:
        j = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if j < count:
            row = quotient(int32(j), inner)
            outer = quotient(row, picked)
            place = places[row - outer * picked]
            y[j] = x[(outer * n + place) * inner + (j - row * inner)] if place >= 0 else ones

    return run


@kernel("uint32[::1], int32[::1], uint32[::1], int32, int32, int32, int32", threads=THREADS, waits=False)
def pick_fours(x: Any, places: Any, y: Any, n: int, picked: int, inner: int, count: int) -> None:
    """`pick` of words of four bytes, four neighbours a thread: for rows whose length is a multiple of 4, as embeddings have.

    One load and one store of 16 bytes take the place of four, and one search for the row.
    """
    j = int32(4 * (cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x))
    if j < count:
        row = quotient(j, inner)
        outer = quotient(row, picked)
        place = places[row - outer * picked]
        if place >= 0:
            a, b, c, d = load4(x, (outer * n + place) * inner + (j - row * inner))
            store4(y, j, a, b, c, d)
        else:
            for k in range(4):
                y[j + k] = ONES


@kernel("int32[::1], int32[::1], int32", name="claim_places", threads=THREADS, waits=False)
def claim(places: Any, last: Any, count: int) -> None:
    """last[places[k]] = the largest k + 1 that comes there, of places that were 0."""
    k = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    if k < count and places[k] >= 0:
        cuda.atomic.max(last, places[k], int32(k + 1))


@functools.cache
def put(word: str) -> Kernel:
    """x[o, places[k], i] = values[o, k, i] where last[places[k]] is k + 1."""
    signature = f"{word}[::1], int32[::1], int32[::1], {word}[::1], int32, int32, int32, int32"

    @kernel(signature, name=f"put_{word}", threads=THREADS, waits=False)
    def run(values: Any, places: Any, last: Any, x: Any, n: int, given: int, inner: int, count: int) -> None:
        j = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if j < count:
            row = quotient(int32(j), inner)
            outer = quotient(row, given)
            k = row - outer * given
            place = places[k]
            if place >= 0 and last[place] == k + 1:
                x[(outer * n + place) * inner + (j - row * inner)] = values[j]

    return run


@functools.cache
def pick_along(word: str, index_dtype: str) -> Kernel:
    """y[…, j, …] = x[…, index[…, j, …], …]; the index has the shape of y.

    `lying` holds the index's lengths, its strides, and the strides of x, 0 for the axis that is picked along; `step` is that
    axis's stride and `n` its length.
    """
    ones = 2 ** int(word[4:]) - 1
    signature = f"{word}[::1], {index_dtype}[::1], {word}[::1], int32[::1], int32, int32, int32, int32"

    @kernel(signature, name=f"pick_along_{word}_{index_dtype}", threads=THREADS, waits=False)
    def run(x: Any, index: Any, y: Any, lying: Any, ndim: int, n: int, step: int, count: int) -> None:
        j = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if j < count:
            at, here, rest = int32(0), int32(0), int32(j)
            for axis in range(ndim - 1, -1, -1):
                left = quotient(rest, lying[axis])
                c = rest - left * lying[axis]
                at = int32(at + c * lying[ndim + axis])
                here = int32(here + c * lying[2 * ndim + axis])
                rest = left
            position = index[at]
            if position < 0:
                position += n
            y[j] = x[here + position * step] if position >= 0 and position < n else ones

    return run


@functools.cache
def places_along(index_dtype: str) -> Kernel:
    """places[j] = the place in a row-major array to which element j of an index along an axis points; out of range, NOWHERE.

    They are an index themselves, in which −1 would be the last place. `lying` is as in `pick_along`, with the strides of that
    row-major array.
    """

    signature = f"{index_dtype}[::1], int32[::1], int32[::1], int32, int32, int32, int32"

    @kernel(signature, name=f"places_along_{index_dtype}", threads=THREADS, waits=False)
    def run(index: Any, places: Any, lying: Any, ndim: int, n: int, step: int, count: int) -> None:
        j = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if j < count:
            at, here, rest = int32(0), int32(0), int32(j)
            for axis in range(ndim - 1, -1, -1):
                left = quotient(rest, lying[axis])
                c = rest - left * lying[axis]
                at = int32(at + c * lying[ndim + axis])
                here = int32(here + c * lying[2 * ndim + axis])
                rest = left
            position = index[at]
            if position < 0:
                position += n
            places[j] = int32(here + position * step) if position >= 0 and position < n else int32(NOWHERE)

    return run


def representatives() -> list[Kernel]:
    """A kernel of each kind, for those who look at all kernels; see `catalogue`."""
    found = [make(word) for word in ("uint8", "uint32", "uint64") for make in (pick, put)]
    found += [pick_along("uint32", index) for index in ("int32", "int64")]
    return [*found, *(places_along(index) for index in ("int32", "int64"))]
