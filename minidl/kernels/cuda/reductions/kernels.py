"""The two kernels behind all reductions: along rows, whose numbers are neighbours in memory, and along columns.

Three ways to add up a row are shown side by side in `lesson.py`: a thread for each row, a tree in shared memory,
and shuffles. These kernels use shuffles within a warp, whose 32 threads hand each other registers without memory or
barriers; the eight warps of a block then meet once in shared memory.

**Rows** `(rows, n)`: a *team* of threads takes a row, a warp where it is short (≤ `SHORT`), else a block; of many tiny rows
(≤ `TINY`) a thread takes one, for what a warp reads together is then still one piece. Neighbouring
threads read neighbouring numbers, four at once (128 bits) where float32 rows allow it. A long row is cut into parts of
`chunk` numbers, one team each; what they carry is written to memory, and a second launch joins it. Nothing is added
atomically, so that the order of additions, and every bit, is the same in each run.

**Columns** `(outer, n, inner)`, over the middle axis: neighbouring threads take neighbouring columns, so that each step of
a warp reads one piece of memory, and `256 / across` threads share a column. They meet in shared memory, as a tree. Of
narrow matrices (inner < 32) a warp takes several rows at once, which lie one after the other: still one piece.
"""

from __future__ import annotations

import functools
from typing import Any

from ..compiler.intrinsics import load4
from ..compiler.language import Kernel, cuda, device, int32, kernel
from . import states
from .states import Reduction, quotient

THREADS, WARP = 256, 32
SHORT = 512
"""Up to so many numbers a warp takes a row."""
TINY, MANY = 8, 4096
"""Up to so many numbers a thread does, if there are so many rows."""


class Stage:
    """What one launch reads and writes: numbers or states; states or results.

    Attributes:
        take: (state, x, x2, where, position) → the state with what stands there.
        write: (y, y2, where, state, count) writes it.
        signature: the types of x, x2, y, y2.
        name: what to call it.
    """

    def __init__(self, reduction: Reduction, first: bool, last: bool) -> None:
        double = len(reduction.carried) == 2
        put, get = (states.put_two, states.get_two) if double else (states.put_one, states.get_one)
        take, join, result = reduction.take, reduction.join, reduction.result

        @device
        def take_number(state: Any, x: Any, x2: Any, at: Any, place: Any) -> Any:
            return take(state, x[at], place)

        @device
        def take_state(state: Any, x: Any, x2: Any, at: Any, place: Any) -> Any:
            return join(state, get(x, x2, at))

        @device
        def write_result(y: Any, y2: Any, at: Any, state: Any, count: Any) -> None:
            y[at] = result(state, count)

        @device
        def write_state(y: Any, y2: Any, at: Any, state: Any, count: Any) -> None:
            put(y, y2, at, state)

        self.take = take_number if first else take_state
        self.write = write_result if last else write_state
        self.put, self.get = put, get
        self.across = states.across_two if double else states.across_one
        left, right = (d.name for d in reduction.dtypes)
        given = (reduction.source, reduction.source) if first else (left, right)
        made = (reduction.target, reduction.target) if last else (left, right)
        self.signature = ", ".join(f"{word}[::1]" for word in (*given, *made))
        self.name = f"{reduction.name}_{'numbers' if first else 'states'}_{'whole' if last else 'part'}"


def fours(take: Any) -> Any:
    """The function that takes four neighbouring float32, read at once."""

    @device
    def take_four(state: Any, x: Any, x2: Any, at: Any, place: Any) -> Any:
        a, b, c, d = load4(x, at)
        state = take(state, a, place)
        state = take(state, b, place + 1)
        state = take(state, c, place + 2)
        return take(state, d, place + 3)

    return take_four


@functools.cache
def rows_kernel(reduction: Reduction, first: bool, last: bool, team: int, width: int) -> Kernel:
    """Reduce rows by teams of 1, 32 or 256 threads that read `width` numbers, 1 or 4, at once."""
    stage = Stage(reduction, first, last)
    start, join = reduction.start, reduction.join
    take = fours(reduction.take) if width == 4 else stage.take
    put, get, across, write = stage.put, stage.get, stage.across, stage.write
    left_dtype, right_dtype = reduction.dtypes
    shift, warps = team.bit_length() - 1, team // WARP
    teams = THREADS // team

    @device
    def whole_warp(state: Any) -> Any:
        """In every lane, what the warp's states come to together: the exchange partner is 16, 8, 4, 2, 1 lanes away."""
        state = join(state, across(state, 16))
        state = join(state, across(state, 8))
        state = join(state, across(state, 4))
        state = join(state, across(state, 2))
        return join(state, across(state, 1))

    @device
    def whole_block(state: Any) -> Any:
        """The same for all warps of a block: each writes what it has come to, and every warp joins these."""
        state = whole_warp(state)
        left, right = cuda.shared.array(WARP, left_dtype), cuda.shared.array(WARP, right_dtype)
        thread = cuda.threadIdx.x
        if thread & 31 == 0:
            put(left, right, thread >> 5, state)
        cuda.syncthreads()
        lane = thread & 31
        state = start()
        if lane < warps:
            state = get(left, right, lane)
        return whole_warp(state)

    @device
    def alone(state: Any) -> Any:
        return state

    whole_team = {1: alone, WARP: whole_warp, THREADS: whole_block}[team]

    @kernel(
        f"{stage.signature}, int32, int32, int32, int32, int32",
        name=f"{stage.name}_rows{team}_by{width}",
        threads=THREADS,
        waits=team > 1,
    )
    def reduce_rows(x: Any, x2: Any, y: Any, y2: Any, tasks: int, n: int, parts: int, chunk: int, count: int) -> None:
        """y[row, part] = the reduction of x[row, part·chunk : (part + 1)·chunk], for `tasks` = rows · parts."""
        thread = cuda.threadIdx.x
        member = thread & (team - 1)
        task = int32(cuda.blockIdx.x * teams + (thread >> shift))
        state = start()
        if task < tasks:
            row = quotient(task, parts)
            begin = int32((task - row * parts) * chunk)
            end = int32(min(n, begin + chunk))
            for i in range(int32(begin + member * width), end, int32(team * width)):
                state = take(state, x, x2, row * n + i, i)
        state = whole_team(state)
        if task < tasks and member == 0:
            write(y, y2, task, state, count)

    return reduce_rows


@functools.cache
def columns_kernel(reduction: Reduction, first: bool, last: bool, across: int) -> Kernel:
    """Reduce the middle axis of `(outer, n, inner)`; a block takes `across` columns, a power of two."""
    stage = Stage(reduction, first, last)
    start, join = reduction.start, reduction.join
    take, put, get, write = stage.take, stage.put, stage.get, stage.write
    left_dtype, right_dtype = reduction.dtypes
    shift, down = across.bit_length() - 1, THREADS // across

    @kernel(
        f"{stage.signature}, int32, int32, int32, int32, int32, int32",
        name=f"{stage.name}_columns{across}",
        threads=THREADS,
    )
    def reduce_columns(
        x: Any, x2: Any, y: Any, y2: Any, n: int, inner: int, blocks: int, parts: int, chunk: int, count: int
    ) -> None:
        """y[o, part, c] = the reduction of x[o, part·chunk : (part + 1)·chunk, c]; `blocks` cover the columns."""
        left, right = cuda.shared.array(THREADS, left_dtype), cuda.shared.array(THREADS, right_dtype)
        thread = cuda.threadIdx.x
        block = cuda.blockIdx.x
        task = quotient(block, blocks)
        outer = quotient(task, parts)
        begin = int32((task - outer * parts) * chunk)
        end = int32(min(n, begin + chunk))
        row = thread >> shift
        column = (block - task * blocks) * across + (thread & (across - 1))
        state = start()
        if column < inner:
            for i in range(int32(begin + row), end, int32(down)):
                state = take(state, x, x2, (outer * n + i) * inner + column, i)
        put(left, right, thread, state)
        step = int32(down >> 1)
        while step > 0:
            cuda.syncthreads()
            if row < step:
                state = join(state, get(left, right, thread + step * across))
                put(left, right, thread, state)
            step >>= 1
        if row == 0 and column < inner:
            write(y, y2, task * inner + column, state, count)

    return reduce_columns


def representatives() -> list[Kernel]:
    """A kernel of each kind, for those who look at all kernels; see `catalogue`."""
    total, average = states.total("float32"), states.average("float32")
    position, largest = states.position("float32", True), states.extremum("float32", True)
    return [
        rows_kernel(total, True, True, 1, 1),
        rows_kernel(total, True, True, WARP, 4),
        rows_kernel(total, True, False, THREADS, 4),
        rows_kernel(total, False, True, THREADS, 1),
        rows_kernel(average, True, False, THREADS, 4),
        rows_kernel(largest, True, True, THREADS, 4),
        rows_kernel(position, True, True, WARP, 1),
        rows_kernel(states.total("float16"), True, True, THREADS, 1),
        rows_kernel(states.total("int64"), True, True, THREADS, 1),
        rows_kernel(states.truth("uint8", True), True, True, THREADS, 1),
        columns_kernel(total, True, True, WARP),
        columns_kernel(total, True, False, 4),
        columns_kernel(average, False, True, WARP),
        columns_kernel(position, True, True, THREADS),
    ]
