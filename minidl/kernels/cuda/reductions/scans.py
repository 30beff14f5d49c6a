"""Running sums, products, logarithms of sums, extrema and linear recurrences along an axis.

A running result at i is what `states.py` carries, joined over all numbers up to i, the earlier one always on the
left.

- **Lines that lie side by side** (inner > 1): a thread a line, one number after the other; a warp reads one piece of
  memory.
- **Lines in one piece**: a warp or a block takes a line, a tile of 32 or 256 numbers at a time. Within a warp a lane joins
  what stands 1, 2, 4, 8 and 16 lanes before it (Hillis & Steele, 1986, "Data parallel algorithms"): five steps in which all
  lanes work. The warps of a block leave their totals in shared memory, where each finds what came before it; the tile's
  total is carried to the next. So one long line is the work of one block: a million numbers are 4,000 tiles, one after the
  other.

A sum of floats is carried as two numbers, which loses nothing (`reductions_states.average`): the CPU adds up in float64. A
recurrence y = a·y + b is computed in its order, a thread a line: joined in another, products of many a could overflow.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..array import DeviceArray
from ..compiler.language import Kernel, cuda, device, kernel
from ..layers.rows import lines_of, lines_side_by_side
from . import states
from .kernels import THREADS, WARP, Stage
from .launch import as_dtype, source_of
from .scans_states import last_extremum_state, log_sum, running_sum
from .states import ALL, WORDS, Reduction, carrier, quotient


@functools.cache
def serial_kernel(scan: Reduction) -> Kernel:
    """A thread a line of `(outer, n, inner)`."""
    start, take, result = scan.start, scan.take, scan.result

    @kernel(
        f"{scan.source}[::1], {scan.target}[::1], int32, int32, int32",
        name=f"{scan.name}_serial",
        threads=THREADS,
        waits=False,
    )
    def scan_serial(x: Any, y: Any, lines: int, n: int, inner: int) -> None:
        """y[line, i] = the result over x[line, : i + 1]."""
        line = cuda.grid(1)
        if line < lines:
            outer = quotient(line, inner)
            at = outer * n * inner + (line - outer * inner)
            state = start()
            for i in range(n):
                state = take(state, x[at], i)
                y[at] = result(state, i + 1)
                at += inner

    return scan_serial


@functools.cache
def tiles_kernel(scan: Reduction, team: int) -> Kernel:
    """A warp or a block a line of `(lines, n)`."""
    double = len(scan.carried) == 2
    stage = Stage(scan, True, True)
    put, get = stage.put, stage.get
    start, take, join, result = scan.start, scan.take, scan.join, scan.result
    left_dtype, right_dtype = scan.dtypes
    shift, teams, warps = team.bit_length() - 1, THREADS // team, team // WARP
    before, of_lane = (_before_two, _of_lane_two) if double else (_before_one, _of_lane_one)

    @device
    def in_warp(state: Any, lane: Any) -> Any:
        """What the warp's lanes up to this one come to."""
        for step in range(5):
            other = before(state, 1 << step)
            if lane >= 1 << step:
                state = join(other, state)
        return state

    @kernel(
        f"{scan.source}[::1], {scan.target}[::1], int32, int32, int32", name=f"{scan.name}_team{team}", threads=THREADS
    )
    def scan_tiles(x: Any, y: Any, lines: int, n: int, inner: int) -> None:
        """y[line, i] = the result over x[line, : i + 1]."""
        left, right = cuda.shared.array(WARP, left_dtype), cuda.shared.array(WARP, right_dtype)
        thread = cuda.threadIdx.x
        lane = thread & 31
        line = cuda.blockIdx.x * teams + (thread >> shift)
        member = thread & (team - 1)
        length = n if line < lines else 0
        carried = start()
        for tile in range(0, length, team):
            i = tile + member
            state = start()
            if i < length:
                state = take(state, x[line * n + i], i)
            state = in_warp(state, lane)
            earlier = carried
            if warps > 1:
                cuda.syncthreads()
                if lane == 31:
                    put(left, right, member >> 5, state)
                cuda.syncthreads()
                for warp in range(warps):
                    if warp == member >> 5:
                        earlier = carried
                    carried = join(carried, get(left, right, warp))
            else:
                carried = join(carried, of_lane(state, 31))
            if i < length:
                y[line * n + i] = result(join(earlier, state), i + 1)

    return scan_tiles


@device
def _before_one(state: Any, by: Any) -> Any:
    return cuda.shfl_up_sync(ALL, state, by)


@device
def _before_two(state: Any, by: Any) -> Any:
    return cuda.shfl_up_sync(ALL, state[0], by), cuda.shfl_up_sync(ALL, state[1], by)


@device
def _of_lane_one(state: Any, lane: Any) -> Any:
    return cuda.shfl_sync(ALL, state, lane)


@device
def _of_lane_two(state: Any, lane: Any) -> Any:
    return cuda.shfl_sync(ALL, state[0], lane), cuda.shfl_sync(ALL, state[1], lane)


def _scan(scan: Reduction, x: DeviceArray, axis: int) -> DeviceArray:
    """Launch one of them; the result lies as `x` does, or row-major."""
    lines = lines_of(x, axis)
    y = lines.empty(x, scan.target)
    if x.size:
        team = lines.team
        lines.launch(serial_kernel(scan) if team == 1 else tiles_kernel(scan, team), team, lines.flat(x), y)
    return y


def cumulative_sum(x: DeviceArray, axis: int) -> DeviceArray:
    """Σ of all elements up to here, in the array's dtype."""
    given = source_of(x, "cumulative_sum")
    scan = states.truth("uint8", False) if x.dtype.kind == "b" else running_sum(given.dtype.name)
    return as_dtype(_scan(scan, given, axis), x.dtype.name)


def cumulative_prod(x: DeviceArray, axis: int) -> DeviceArray:
    """Π of all elements up to here, in the array's dtype."""
    given = source_of(x, "cumulative_prod")
    scan = states.truth("uint8", True) if x.dtype.kind == "b" else states.product(given.dtype.name, True)
    return as_dtype(_scan(scan, given, axis), x.dtype.name)


def cumulative_logsumexp(x: DeviceArray, axis: int) -> DeviceArray:
    """Ln Σ exp of all elements up to here."""
    return _scan(log_sum(x.dtype.name), source_of(x, "cumulative_logsumexp"), axis)


def last_extremum(x: DeviceArray, axis: int, largest: bool) -> DeviceArray:
    """Where the largest (or smallest) element up to here stands, the latest of equals; NaN counts as extreme."""
    given = source_of(x, "last_extremum")
    return _scan(last_extremum_state(given.dtype.name, largest), given, axis)


@functools.cache
def recurrence_kernel(dtype: str) -> Kernel:
    """yᵢ = aᵢ·yᵢ₋₁ + bᵢ; a thread a line."""
    wide = WORDS[carrier(dtype)]
    arrays = f"{dtype}[::1], {dtype}[::1], {dtype}[::1]"

    @kernel(f"{arrays}, int32, int32, int32", name=f"recurrence_{dtype}", threads=THREADS, waits=False)
    def recur(a: Any, b: Any, y: Any, lines: int, n: int, inner: int) -> None:
        """All of `(n, lines)`; a[0] is not read."""
        line = cuda.grid(1)
        if line < lines:
            last = wide(b[line])
            y[line] = last
            for i in range(1, n):
                at = i * inner + line
                last = wide(a[at]) * last + wide(b[at])
                y[at] = last

    return recur


def recurrence(a: DeviceArray, b: DeviceArray, axis: int) -> DeviceArray:
    """yᵢ = aᵢ·yᵢ₋₁ + bᵢ along an axis, from y₋₁ = 0."""
    from ..backend import backend

    dtype = np.result_type(a.dtype, b.dtype)
    a, b = (backend.astype(v, dtype) if v.dtype != dtype else v for v in (a, b))
    if a.shape != b.shape:
        a = backend.broadcast_to(a, b.shape)
    lines = lines_side_by_side(b, axis)
    y = lines.empty(b)
    if b.size:
        lines.launch(recurrence_kernel(dtype.name), 1, lines.flat(a), lines.flat(b), y)
    return y


def representatives() -> list[Kernel]:
    """A kernel of each kind, for those who look at all kernels; see `catalogue`."""
    made = (
        running_sum("float32"),
        states.product("float32", True),
        log_sum("float32"),
        last_extremum_state("float32", True),
    )
    tiles = [tiles_kernel(made[0], WARP), *(tiles_kernel(scan, THREADS) for scan in made)]
    return [*tiles, serial_kernel(made[0]), serial_kernel(made[2]), recurrence_kernel("float32")]
