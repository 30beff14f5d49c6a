"""Products of float32 matrices by tensor cores, with rounded factors: TF32 or bfloat16, as `precision` tells.

A block of 8 warps computes 128 × 128 results, a warp 32 × 64 of them: 2 × 8 fragments of 16 × 8, in registers all the time. The
pipeline is that of `fast`. Factors come to shared memory as float32; the right one is
rounded to TF32 there, the left one, and both to bfloat16, on the way to the registers.

**Panels** hold 16 sums. How sums are numbered within a fragment is free, if it is the same for both factors: thread t of four
takes the sums 4t … 4t + 3, which are neighbours. So in a panel that lies *along* a thread reads its part of a row by one
128-bit load, and eight threads at a time read two whole rows of 16: each bank once. In a panel that lies *across*, it reads the
four sums one by one, and a warp's numbers, of 8 lines and of sums 4 apart, would lie in the same 8 banks; so the lines of the
sums 4 … 7 are exchanged by 8, those of the next four by 16, and by 24: line ^ 8·(sum // 4) (a "swizzle", which takes no room).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..compiler.intrinsics import commit, load4, store4, wait_for_all_but
from ..compiler.intrinsics_tensor import bfloat16_pair, mma_bfloat16, mma_tf32, tf32
from ..compiler.language import Kernel, cuda, device, float32, int32, kernel, uint32
from .batch import start_of
from .fast import LAYOUTS, SIGNATURE, name_of
from .staging import Share, beginning, fetching, reaching
from .tile import tile_column, tile_row

Function = Callable[..., Any]
DEPTH = 16
"""By how many sums a step goes on."""


@dataclass(frozen=True)
class FragmentPanel:
    """A piece of a factor in shared memory, by 16 sums, for threads that read fragments; see above and `tile.Panel`."""

    lines: int
    along: bool
    depth: int = DEPTH

    @property
    def size(self) -> int:
        """How many numbers it takes."""
        return self.lines * self.depth

    @property
    def place(self) -> Function:
        """A function for kernels that tells where a line's sum is, both counted within the panel."""
        return _place(self)

    def onward(self, stride: int, along: bool) -> Function:
        """For kernels: the place that is `c` times `stride` lines further than another, or if not `along`, sums."""
        return _onward(self, stride)


@functools.cache
def _place(panel: FragmentPanel) -> Function:
    lines, along = panel.lines, panel.along

    @device
    def place(line: Any, k: Any) -> Any:
        return int32(line * DEPTH + k if along else k * lines + (line ^ ((k >> 2) << 3)))

    return place


@functools.cache
def _onward(panel: FragmentPanel, stride: int) -> Function:
    lines, along = panel.lines, panel.along

    @device
    def onward(at: Any, c: Any) -> Any:
        return at + c * stride * DEPTH if along else (at + c * stride * lines) ^ (((c * stride) >> 2) << 3)

    return onward


@functools.cache
def reading(panel: FragmentPanel) -> Function:
    """For kernels: read a thread's four sums of a line, `read(shared, at, line, turn, into, i)`.

    `at` is the place of the thread's own line and first sum without the exchange, `line` how much further on the line is, a
    multiple of 8, and `turn` the exchange, 8t.
    """
    lines, along = panel.lines, panel.along

    @device
    def read(shared: Any, at: Any, line: Any, turn: Any, into: Any, i: Any) -> None:
        if along:
            into[i], into[i + 1], into[i + 2], into[i + 3] = load4(shared, at + line * DEPTH)
        else:
            for k in range(4):
                into[i + k] = shared[uint32(at + (line ^ turn) + k * lines)]  # unsigned: it cannot count from the end

    return read


@functools.cache
def rounding(share: Share) -> Function:
    """For kernels: round the pieces that a thread brought to TF32, where they are, `round_off(shared, at)`.

    Rounding takes four instructions, and a number of the right factor is read by four warps; so it is rounded once, by the
    thread that knows that it is there, before the others are told. Those of the left factor, read by two, are rounded in
    registers.
    """
    count, wide, onward = share.count, share.wide, share.onward

    @device
    def round_off(shared: Any, at: Any) -> None:
        for c in range(count):
            place = uint32(onward(at, c))
            if wide:
                p, q, r, s = load4(shared, place)
                store4(shared, place, tf32(p), tf32(q), tf32(r), tf32(s))
            else:
                shared[place] = tf32(shared[place])

    return round_off


@dataclass(frozen=True)
class WarpTile:
    """The results of one block, of which each warp computes `m` × `n` fragments of 16 × 8.

    Attributes:
        rows, columns: how many results there are.
        m, n: how many fragments a warp has below each other, and side by side: multiples of 32 rows and columns, so that what
            is exchanged in a panel stays within a warp's.
        stages: how many steps' panels shared memory holds.
        blocks: how many such blocks a multiprocessor should hold.
    """

    rows: int
    columns: int
    m: int
    n: int
    stages: int
    blocks: int
    depth: int = DEPTH

    @property
    def threads(self) -> int:
        """How many threads a block has."""
        return 32 * self.rows * self.columns // (128 * self.m * self.n)

    @property
    def results(self) -> int:
        """How many results a thread has."""
        return 4 * self.m * self.n


LARGE = WarpTile(128, 128, 2, 8, stages=3, blocks=2)
"""For results that fill the GPU."""
SMALL = WarpTile(64, 64, 2, 4, stages=3, blocks=4)
"""For smaller ones."""


@functools.cache
def multiplying(tile: WarpTile, x: FragmentPanel, y: FragmentPanel, precision: str) -> Function:
    """For kernels: a warp's part of two panels, `multiply(shared, at_x, at_y, turn, a, b, totals)`; see `reading`."""
    read_x, read_y, m, n = reading(x), reading(y), tile.m, tile.n

    @device
    def multiply_tf32(shared: Any, at_x: Any, at_y: Any, turn: Any, a: Any, b: Any, totals: Any) -> None:
        for j in range(n):
            read_y(shared, at_y, j * 8, turn, b, j * 4)
        for i in range(m):
            read_x(shared, at_x, i * 16, turn, a, 0)
            read_x(shared, at_x, i * 16 + 8, turn, a, 4)
            for k in range(8):
                a[k] = tf32(a[k])
            for k in range(0, 4, 2):  # 8 sums at once, of each thread the sums k and k + 1 of its four
                for j in range(n):
                    c = (i * n + j) * 4
                    totals[c], totals[c + 1], totals[c + 2], totals[c + 3] = mma_tf32(
                        a[k], a[k + 4], a[k + 1], a[k + 5], b[j * 4 + k], b[j * 4 + k + 1],
                        totals[c], totals[c + 1], totals[c + 2], totals[c + 3],
                    )  # fmt: skip

    @device
    def multiply_bfloat16(shared: Any, at_x: Any, at_y: Any, turn: Any, a: Any, b: Any, totals: Any) -> None:
        for j in range(n):
            read_y(shared, at_y, j * 8, turn, b, j * 4)
        for i in range(m):
            read_x(shared, at_x, i * 16, turn, a, 0)
            read_x(shared, at_x, i * 16 + 8, turn, a, 4)
            a0, a1 = bfloat16_pair(a[0], a[1]), bfloat16_pair(a[4], a[5])
            a2, a3 = bfloat16_pair(a[2], a[3]), bfloat16_pair(a[6], a[7])
            for j in range(n):
                c = (i * n + j) * 4
                totals[c], totals[c + 1], totals[c + 2], totals[c + 3] = mma_bfloat16(
                    a0, a1, a2, a3, bfloat16_pair(b[j * 4], b[j * 4 + 1]), bfloat16_pair(b[j * 4 + 2], b[j * 4 + 3]),
                    totals[c], totals[c + 1], totals[c + 2], totals[c + 3],
                )  # fmt: skip

    return multiply_tf32 if precision == "high" else multiply_bfloat16


@functools.cache
def storing(tile: WarpTile) -> Function:
    """For kernels: write a thread's totals, `store(out, start, row, column, rows, columns, totals)`; see `tile.storing`."""
    m, n = tile.m, tile.n

    @device
    def store(out: Any, start: Any, row: Any, column: Any, rows: Any, columns: Any, totals: Any) -> None:
        for i in range(2 * m):
            r = int32(row + i * 8)
            if r < rows:
                for j in range(2 * n):
                    c = int32(column + (j >> 1) * 8 + (j & 1))
                    if c < columns:
                        out[start + r * columns + c] = totals[((i >> 1) * n + (j >> 1)) * 4 + (i & 1) * 2 + (j & 1)]

    return store


@functools.cache
def tensor_kernel(tile: WarpTile, left_along: bool, right_along: bool, aligned: bool, precision: str) -> Kernel:
    """x @ y with factors rounded as "high" or "medium" says (compute capability 8.0 and above); see `fast`."""
    panel_x, panel_y, ahead = (
        FragmentPanel(tile.rows, left_along),
        FragmentPanel(tile.columns, right_along),
        tile.stages - 1,
    )
    share_x = Share(panel_x, left_along, aligned, tile.threads)
    share_y = Share(panel_y, right_along, aligned, tile.threads)
    size_x, stage = panel_x.size, panel_x.size + panel_y.size
    everything, last, results, size_b = stage * tile.stages, stage * ahead, tile.results, 4 * tile.n
    high, broad, threads = tile.rows, tile.columns, tile.threads
    begin_x, begin_y, fetch_x, fetch_y = beginning(share_x), beginning(share_y), fetching(share_x), fetching(share_y)
    reach_x, reach_y, wait = reaching(left_along), reaching(right_along), wait_for_all_but(ahead - 1)
    multiply, store = multiplying(tile, panel_x, panel_y, precision), storing(tile)
    step_x, step_y = (DEPTH, 1) if left_along else (1, high), (DEPTH, 1) if right_along else (1, broad)
    line_x, sum_x, line_y, sum_y = *step_x, *step_y
    warp_rows, warp_columns = 16 * tile.m, 8 * tile.n
    beside = broad // warp_columns - 1
    shift_warp = 5 + beside.bit_length()
    in_place, round_y = precision == "high", rounding(share_y)
    way = {"high": "tf32", "medium": "bfloat16"}[precision]

    @kernel(
        SIGNATURE, name=name_of(way, tile, left_along, right_along, aligned), threads=threads, blocks=tile.blocks,
        doubles=True,
    )  # fmt: skip
    def matmul(
        x: Any, y: Any, out: Any, skip: Any, rows: Any, columns: Any, sums: Any, x_step: Any, y_step: Any,
        x_on: Any, y_on: Any, band: Any, share: Any, apart: Any,
        shift: Any, factor: Any, x_each: Any, x_carry: Any, y_each: Any, y_carry: Any,
    ) -> None:  # fmt: skip
        shared = cuda.shared.array(everything, float32, 16)
        a, b, totals = (
            cuda.local.array(8, float32),
            cuda.local.array(size_b, float32),
            cuda.local.array(results, float32),
        )
        for i in range(results):
            totals[i] = float32(0)
        thread = int32(cuda.threadIdx.x & (threads - 1))
        row, column = int32(tile_row(band) * high), int32(tile_column(band) * broad)
        number = int32(skip + cuda.blockIdx.z)
        left = int32(min(share, sums - number * apart))
        steps = int32((left + DEPTH - 1) // DEPTH)
        start_x = start_of(number, shift, factor, x_each, x_carry) + reach_x(row, 0, x_step)
        start_y = start_of(number, shift, factor, y_each, y_carry) + reach_y(column, 0, y_step)
        to_x, from_x, lines_x, k_x = begin_x(thread, rows - row, x_step)
        to_y, from_y, lines_y, k_y = begin_y(thread, columns - column, y_step)
        to_y = int32(to_y + size_x)

        for s in range(ahead):
            fetch_x(shared, to_x + s * stage, x, start_x + from_x, x_step, lines_x, k_x, left)
            fetch_y(shared, to_y + s * stage, y, start_y + from_y, y_step, lines_y, k_y, left)
            commit()
            from_x, from_y, left = int32(from_x + x_on), int32(from_y + y_on), int32(left - DEPTH)
        g, t = (thread >> 2) & 7, thread & 3
        warp_row, warp_column = (thread >> shift_warp) * warp_rows, ((thread >> 5) & beside) * warp_columns
        at_x = int32((warp_row + g) * line_x + 4 * t * sum_x)
        at_y = int32(size_x + (warp_column + g) * line_y + 4 * t * sum_y)
        turn, now, then = int32(t * 8), int32(0), int32(last)
        for _ in range(steps):
            wait()
            if in_place:
                round_y(shared, to_y + now)
            cuda.syncthreads()
            fetch_x(shared, to_x + then, x, start_x + from_x, x_step, lines_x, k_x, left)
            fetch_y(shared, to_y + then, y, start_y + from_y, y_step, lines_y, k_y, left)
            commit()
            multiply(shared, at_x + now, at_y + now, turn, a, b, totals)
            from_x, from_y, left = int32(from_x + x_on), int32(from_y + y_on), int32(left - DEPTH)
            now, then = int32(now + stage if now < last else 0), now

        start = (skip + cuda.blockIdx.z) * rows * columns
        store(out, start, int32(row + warp_row + g), int32(column + warp_column + 2 * t), rows, columns, totals)

    return matmul


def representatives() -> list[Kernel]:
    """For the catalogue: aligned factors in each layout."""
    ways = [(tile, way) for tile in (LARGE, SMALL) for way in ("high", "medium")]
    return [tensor_kernel(tile, *layout, True, way) for tile, way in ways for layout in LAYOUTS]
