"""Bringing whole numbers into order, and finding what is not 0: what repeated positions and masks are resolved with.

Positions that repeat are where a GPU is tempted to use atomic additions, whose order, and with floats whose result, changes
from run to run. Here equal positions are first brought together by a stable sort; then one thread adds them up, in order.

Three kernels do it, for the reader to compare:

* `rank` (naive): the place of a key is the number of keys that come before it. Every thread looks at all keys: n² steps, but
  one launch, which is the faster way for a few thousand keys.
* `count_digits` and `deal` (a radix sort): four bits at a time, from the lowest. A block counts how often each of the 16
  digits occurs in its tile of 1024 keys, a scan turns the counts of all tiles into the places where their keys begin, and the
  block deals its keys out. Each thread takes 8 neighbouring keys and has its own column of counts in shared memory, so that
  equal keys keep their order, and the threads of a warp never meet in one bank.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..array import DeviceArray
from ..compiler.language import Kernel, ceil_div, cuda, int32, kernel
from ..runtime import memory

THREADS = 256
FEW = 4096
"""Up to so many keys `rank` sorts them (a guess, unmeasured)."""
SORTERS = 128
"""Threads of a block of the radix sort."""
RUN = 8
"""Neighbouring keys that one of them takes."""
DIGITS = 16
COUNTS = SORTERS * DIGITS
LOOKED_AT = 16
"""Neighbouring elements that one thread looks at to find those that are not 0."""


@kernel("int32[::1], int32[::1], int32[::1], int32, int32", name="rank_keys", threads=THREADS, waits=False)
def rank(keys: Any, ordered: Any, order: Any, count: int, end: int) -> None:
    """ordered = the keys in order, order[r] = where number r of them stood; negative keys count as `end`."""
    k = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    if k < count:
        own = keys[k]
        own = own if own >= 0 else int32(end)
        before = int32(0)
        for j in range(count):
            other = keys[j]
            other = other if other >= 0 else int32(end)
            if other < own or (other == own and j < k):
                before = int32(before + 1)
        ordered[before] = own
        order[before] = k


@kernel("int32[::1], int32[::1], int32, int32, int32, int32", name="count_digits", threads=SORTERS)
def count_digits(keys: Any, starts: Any, count: int, end: int, shift: int, tiles: int) -> None:
    """starts[digit·tiles + tile] = how many keys of the tile have this digit, `shift` bits above the lowest."""
    counts = cuda.shared.array(COUNTS, int32)
    t, tile = cuda.threadIdx.x, cuda.blockIdx.x
    for digit in range(DIGITS):
        counts[digit * SORTERS + t] = 0
    first = (tile * SORTERS + t) * RUN
    for k in range(first, min(first + RUN, count)):
        key = keys[k] if keys[k] >= 0 else int32(end)
        counts[((key >> shift) & (DIGITS - 1)) * SORTERS + t] += 1
    cuda.syncthreads()
    if t < DIGITS:
        total = int32(0)
        for other in range(SORTERS):
            total = int32(total + counts[t * SORTERS + other])
        starts[t * tiles + tile] = total


@kernel(
    "int32[::1], int32[::1], int32[::1], int32[::1], int32[::1], int32, int32, int32, int32, int32",
    name="deal_keys",
    threads=SORTERS,
)
def deal(
    keys: Any,
    order: Any,
    starts: Any,
    ordered: Any,
    new_order: Any,
    count: int,
    end: int,
    shift: int,
    tiles: int,
    is_first: int,
) -> None:
    """Write the tile's keys, and where they came from, to the places that begin at `starts` for their digit."""
    places = cuda.shared.array(COUNTS, int32)
    t, tile = cuda.threadIdx.x, cuda.blockIdx.x
    for digit in range(DIGITS):
        places[digit * SORTERS + t] = 0
    first = (tile * SORTERS + t) * RUN
    for k in range(first, min(first + RUN, count)):
        key = keys[k] if keys[k] >= 0 else int32(end)
        places[((key >> shift) & (DIGITS - 1)) * SORTERS + t] += 1
    cuda.syncthreads()
    if t < DIGITS:
        place = starts[t * tiles + tile]
        for other in range(SORTERS):
            after = int32(place + places[t * SORTERS + other])
            places[t * SORTERS + other] = place
            place = after
    cuda.syncthreads()
    for k in range(first, min(first + RUN, count)):
        key = keys[k] if keys[k] >= 0 else int32(end)
        column = ((key >> shift) & (DIGITS - 1)) * SORTERS + t
        place = places[column]
        places[column] = place + 1
        ordered[place] = key
        new_order[place] = k if is_first else order[k]


@kernel("int32[::1], int32", name="scan_counts", threads=THREADS)
def scan(counts: Any, count: int) -> None:
    """Replace each count by the sum of those before it, and counts[count] by the sum of all: one block.

    Each thread adds up a portion, the portions' sums are scanned in shared memory (Hillis and Steele, 1986, "Data parallel
    algorithms": after step s each holds the sum of the 2ˢ that end with it), and each thread goes through its portion again.
    """
    sums = cuda.shared.array(THREADS, int32)
    t = cuda.threadIdx.x
    share = (count + THREADS - 1) // THREADS
    first, last = min(t * share, count), min((t + 1) * share, count)
    total = int32(0)
    for k in range(first, last):
        total = int32(total + counts[k])
    sums[t] = total
    cuda.syncthreads()
    distance = 1
    while distance < THREADS:
        more = sums[t - distance] if t >= distance else int32(0)
        cuda.syncthreads()
        sums[t] += more
        cuda.syncthreads()
        distance *= 2
    before = int32(sums[t] - total)
    for k in range(first, last):
        here = counts[k]
        counts[k] = before
        before = int32(before + here)
    if t == THREADS - 1:
        counts[count] = before


def sort(keys: DeviceArray, end: int) -> tuple[DeviceArray, DeviceArray]:
    """The keys (int32, below `end`) in order, and where each of them stood; equal keys stay in their order.

    Negative keys count as `end`, and so come last.
    """
    if keys.size <= FEW:
        ordered, order = _empty_like(keys), _empty_like(keys)
        if keys.size:
            rank[ceil_div(keys.size, THREADS), THREADS](keys, ordered, order, keys.size, end)
        return ordered, order
    return radix_sort(keys, end)


def radix_sort(keys: DeviceArray, end: int) -> tuple[DeviceArray, DeviceArray]:
    """`sort` by digits of four bits: three launches for each digit that `end` has."""
    count = keys.size
    tiles = ceil_div(count, SORTERS * RUN)
    starts = memory.empty((DIGITS * tiles + 1,), np.int32, keys.memory.device)
    order = keys
    for number, shift in enumerate(range(0, end.bit_length(), DIGITS.bit_length() - 1)):
        ordered, new_order = _empty_like(keys), _empty_like(keys)
        count_digits[tiles, SORTERS](keys, starts, count, end, shift, tiles)
        scan[1, THREADS](starts, DIGITS * tiles)
        deal[tiles, SORTERS](keys, order, starts, ordered, new_order, count, end, shift, tiles, int(number == 0))
        keys, order = ordered, new_order
    return keys, order


def _empty_like(keys: DeviceArray) -> DeviceArray:
    return memory.empty((keys.size,), np.int32, keys.memory.device)


# What is not 0 ------------------------------------------------------------------------------------------------------------


@functools.cache
def _counting(dtype: str) -> Kernel:
    @kernel(f"{dtype}[::1], int32[::1], int32", name=f"count_nonzero_{dtype}", threads=THREADS, waits=False)
    def count_nonzero(x: Any, counts: Any, count: int) -> None:
        """counts[t] = how many of the thread's neighbouring elements are not 0."""
        t = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        first = t * LOOKED_AT
        if first < count:
            found = int32(0)
            for i in range(first, min(first + LOOKED_AT, count)):
                if x[i] != 0:
                    found = int32(found + 1)
            counts[t] = found

    return count_nonzero


@functools.cache
def _listing(dtype: str) -> Kernel:
    @kernel(f"{dtype}[::1], int32[::1], int32[::1], int32", name=f"list_nonzero_{dtype}", threads=THREADS, waits=False)
    def list_nonzero(x: Any, starts: Any, found: Any, count: int) -> None:
        """Write the places of the thread's elements that are not 0, from place starts[t] on."""
        t = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        first = t * LOOKED_AT
        if first < count:
            to = starts[t]
            for i in range(first, min(first + LOOKED_AT, count)):
                if x[i] != 0:
                    found[to] = i
                    to += 1

    return list_nonzero


def nonzero(x: DeviceArray) -> DeviceArray:
    """Where a row-major array is not 0, as int32 places in it, in order. How many there are is fetched: it waits."""
    device = x.memory.device
    if not x.size:
        return memory.empty((0,), np.int32, device)
    parts = ceil_div(x.size, LOOKED_AT)
    grid = ceil_div(parts, THREADS)
    starts = memory.empty((parts + 1,), np.int32, device)
    _counting(x.dtype.name)[grid, THREADS](x, starts, x.size)
    scan[1, THREADS](starts, parts)
    total = int(starts.view_as((1,), (4,), 4 * parts).numpy()[0])
    found = memory.empty((total,), np.int32, device)
    if total:
        _listing(x.dtype.name)[grid, THREADS](x, starts, found, x.size)
    return found


def representatives() -> list[Kernel]:
    """A kernel of each kind, for those who look at all kernels; see `catalogue`."""
    return [make(dtype) for dtype in ("bool", "float32") for make in (_counting, _listing)]
