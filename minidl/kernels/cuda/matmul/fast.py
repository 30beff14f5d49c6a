"""Products of float32 matrices, the fast way: tiles of registers, 128-bit loads, copies that run beside the arithmetic.

What a block and a thread compute, and how panels lie in shared memory, is told in `tile`; how they get there in `staging`.
Here is the pipeline: while a block multiplies the panels of one step, those of the next steps are on their way. Shared memory
holds `stages` steps in a ring; a step needs one barrier, which tells that its panels are there for all threads, and that the
panels of the step before are done with, so that their place can be filled.

A product may be shared out to several rows of blocks, which each add up a part of the sums and write to a workspace; those
are added afterwards, always in the same order (`products`). That fills a GPU where results are few and sums many.
"""

from __future__ import annotations

import functools
from typing import Any

from ..compiler.intrinsics import commit, wait_for_all_but
from ..compiler.language import Kernel, cuda, float32, int32, kernel
from .batch import start_of
from .staging import Share, beginning, fetching, holding, reaching
from .tile import LARGE, SMALL, AnyTile, Tile, corner_of, multiplying, storing, tile_column, tile_row

SIGNATURE = "float32[::1], float32[::1], float32[::1], " + ", ".join(["int32"] * 12 + ["int64"] * 5)
"""What both kernels take: the factors and the result; how many matrices earlier launches did; rows, columns, sums; how far the
lines of both factors are apart, or if they lie across, the sums; how far one step of the pipeline goes in each; 2ᵇᵃⁿᵈ, the rows
of tiles in a band; how many sums a matrix has, and by how many fewer the next one (shares of a product are matrices, too); and
where the matrices of a batch are, as `batch` tells."""


@functools.cache
def fast_kernel(tile: Tile, left_along: bool, right_along: bool, aligned: bool) -> Kernel:
    """x @ y with copies beside the arithmetic (compute capability 8.0 and above).

    Grid: columns of tiles × rows in a band, bands, matrices. A tile's last rows and columns may be beyond the result.

    Args:
        tile: what a block computes.
        left_along: whether x is row-major (else column-major).
        right_along: whether y is column-major (else row-major).
        aligned: whether 16 bytes can be read at once: factors begin, and go on, at multiples of 16 bytes, and the length of
            what lies side by side is a multiple of 4.
    """
    panel_x, panel_y, ahead = tile.left(left_along), tile.right, tile.stages - 1
    share_x = Share(panel_x, left_along, aligned, tile.threads)
    share_y = Share(panel_y, right_along, aligned, tile.threads)
    size_x, stage, depth = panel_x.size, panel_x.size + panel_y.size, tile.depth
    everything, last, results = stage * tile.stages, stage * ahead, tile.results
    high, broad, threads = tile.rows, tile.columns, tile.threads
    begin_x, begin_y, fetch_x, fetch_y = beginning(share_x), beginning(share_y), fetching(share_x), fetching(share_y)
    reach_x, reach_y, wait = reaching(left_along), reaching(right_along), wait_for_all_but(ahead - 1)
    (multiply, size_a, size_b), (row_of, column_of), store = (
        multiplying(tile, left_along),
        corner_of(tile),
        storing(tile),
    )
    place_x, place_y, name = panel_x.place, panel_y.place, name_of("fast", tile, left_along, right_along, aligned)

    @kernel(SIGNATURE, name=name, threads=threads, blocks=tile.blocks, doubles=True)
    def matmul(
        x: Any, y: Any, out: Any, skip: Any, rows: Any, columns: Any, sums: Any, x_step: Any, y_step: Any,
        x_on: Any, y_on: Any, band: Any, share: Any, apart: Any,
        shift: Any, factor: Any, x_each: Any, x_carry: Any, y_each: Any, y_carry: Any,
    ) -> None:  # fmt: skip
        shared = cuda.shared.array(everything, float32, 16)
        a, b = cuda.local.array(size_a, float32), cuda.local.array(size_b, float32)
        totals = cuda.local.array(results, float32)
        for i in range(results):
            totals[i] = float32(0)
        thread = int32(cuda.threadIdx.x & (threads - 1))
        row, column = int32(tile_row(band) * high), int32(tile_column(band) * broad)
        number = int32(skip + cuda.blockIdx.z)
        left = int32(min(share, sums - number * apart))
        steps = int32((left + depth - 1) // depth)
        to_x, from_x, lines_x, k_x = begin_x(thread, rows - row, x_step)
        to_y, from_y, lines_y, k_y = begin_y(thread, columns - column, y_step)
        to_y = int32(to_y + size_x)
        start_x = start_of(number, shift, factor, x_each, x_carry) + reach_x(row, 0, x_step)
        start_y = start_of(number, shift, factor, y_each, y_carry) + reach_y(column, 0, y_step)

        for s in range(ahead):
            fetch_x(shared, to_x + s * stage, x, start_x + from_x, x_step, lines_x, k_x, left)
            fetch_y(shared, to_y + s * stage, y, start_y + from_y, y_step, lines_y, k_y, left)
            commit()
            from_x, from_y, left = int32(from_x + x_on), int32(from_y + y_on), int32(left - depth)
        at_x, at_y = place_x(row_of(thread), 0), int32(size_x + place_y(column_of(thread), 0))
        now, then = int32(0), int32(last)
        for _ in range(steps):
            wait()
            cuda.syncthreads()
            fetch_x(shared, to_x + then, x, start_x + from_x, x_step, lines_x, k_x, left)
            fetch_y(shared, to_y + then, y, start_y + from_y, y_step, lines_y, k_y, left)
            commit()
            multiply(shared, at_x + now, at_y + now, a, b, totals)
            from_x, from_y, left = int32(from_x + x_on), int32(from_y + y_on), int32(left - depth)
            now, then = int32(now + stage if now < last else 0), now

        start = (skip + cuda.blockIdx.z) * rows * columns
        store(out, start, int32(row + row_of(thread)), int32(column + column_of(thread)), rows, columns, totals)

    return matmul


@functools.cache
def turing_kernel(tile: Tile, left_along: bool, right_along: bool, aligned: bool) -> Kernel:
    """The same for compute capability 7.5, which has no `cp.async`: panels go through registers.

    A thread reads its pieces of the next panels before it multiplies and writes them to shared memory afterwards, so that the
    reads, too, run beside the arithmetic. Shared memory holds two steps.
    """
    panel_x, panel_y = tile.left(left_along), tile.right
    share_x = Share(panel_x, left_along, aligned, tile.threads)
    share_y = Share(panel_y, right_along, aligned, tile.threads)
    size_x, stage, depth = panel_x.size, panel_x.size + panel_y.size, tile.depth
    everything, results, held_x, held_y = stage * 2, tile.results, share_x.held, share_y.held
    high, broad, threads = tile.rows, tile.columns, tile.threads
    begin_x, begin_y, (read_x, write_x), (read_y, write_y) = (
        beginning(share_x), beginning(share_y), holding(share_x), holding(share_y),
    )  # fmt: skip
    reach_x, reach_y = reaching(left_along), reaching(right_along)
    (multiply, size_a, size_b), (row_of, column_of), store = (
        multiplying(tile, left_along),
        corner_of(tile),
        storing(tile),
    )
    place_x, place_y, name = panel_x.place, panel_y.place, name_of("turing", tile, left_along, right_along, aligned)

    @kernel(SIGNATURE, name=name, threads=threads, blocks=tile.blocks, doubles=True)
    def matmul(
        x: Any, y: Any, out: Any, skip: Any, rows: Any, columns: Any, sums: Any, x_step: Any, y_step: Any,
        x_on: Any, y_on: Any, band: Any, share: Any, apart: Any,
        shift: Any, factor: Any, x_each: Any, x_carry: Any, y_each: Any, y_carry: Any,
    ) -> None:  # fmt: skip
        shared = cuda.shared.array(everything, float32, 16)
        a, b = cuda.local.array(size_a, float32), cuda.local.array(size_b, float32)
        next_x, next_y = cuda.local.array(held_x, float32), cuda.local.array(held_y, float32)
        totals = cuda.local.array(results, float32)
        for i in range(results):
            totals[i] = float32(0)
        thread = int32(cuda.threadIdx.x & (threads - 1))
        row, column = int32(tile_row(band) * high), int32(tile_column(band) * broad)
        number = int32(skip + cuda.blockIdx.z)
        left = int32(min(share, sums - number * apart))
        steps = int32((left + depth - 1) // depth)
        to_x, from_x, lines_x, k_x = begin_x(thread, rows - row, x_step)
        to_y, from_y, lines_y, k_y = begin_y(thread, columns - column, y_step)
        to_y = int32(to_y + size_x)
        start_x = start_of(number, shift, factor, x_each, x_carry) + reach_x(row, 0, x_step)
        start_y = start_of(number, shift, factor, y_each, y_carry) + reach_y(column, 0, y_step)

        read_x(next_x, x, start_x + from_x, x_step, lines_x, k_x, left)
        read_y(next_y, y, start_y + from_y, y_step, lines_y, k_y, left)
        write_x(next_x, shared, to_x)
        write_y(next_y, shared, to_y)
        at_x, at_y = place_x(row_of(thread), 0), int32(size_x + place_y(column_of(thread), 0))
        now = int32(0)
        for _ in range(steps):
            cuda.syncthreads()
            from_x, from_y, left = int32(from_x + x_on), int32(from_y + y_on), int32(left - depth)
            read_x(next_x, x, start_x + from_x, x_step, lines_x, k_x, left)
            read_y(next_y, y, start_y + from_y, y_step, lines_y, k_y, left)
            multiply(shared, at_x + now, at_y + now, a, b, totals)
            now = int32(stage - now)
            write_x(next_x, shared, to_x + now)
            write_y(next_y, shared, to_y + now)

        start = (skip + cuda.blockIdx.z) * rows * columns
        store(out, start, int32(row + row_of(thread)), int32(column + column_of(thread)), rows, columns, totals)

    return matmul


@functools.cache
def adding_kernel() -> Kernel:
    """Add the shares of a product up, the first to the last: a thread a result."""

    @kernel("float32[::1], float32[::1], int32, int32", name="matmul_adding", waits=False, doubles=True)
    def add(parts: Any, out: Any, size: Any, shares: Any) -> None:
        i = cuda.grid(1)
        if i < size:
            total = float32(0)
            at = i
            for _ in range(shares):
                total += parts[at]
                at += size
            out[i] = total

    return add


def name_of(way: str, tile: AnyTile, left_along: bool, right_along: bool, aligned: bool) -> str:
    """Such as `matmul_fast_128x128_nt_aligned`: n for a row-major factor, t for a column-major one."""
    order = ("n" if left_along else "t") + ("t" if right_along else "n")
    return f"matmul_{way}_{tile.rows}x{tile.columns}_{order}" + ("_aligned" if aligned else "")


LAYOUTS = ((True, False), (True, True), (False, False))
"""How factors lie, along or across: row-major both, the right one column-major, the left one column-major."""


def representatives() -> list[Kernel]:
    """For the catalogue: aligned factors in each layout, and the commonest one unaligned."""
    both = [(fast_kernel, LARGE), (fast_kernel, SMALL), (turing_kernel, LARGE), (turing_kernel, SMALL)]
    aligned = [make(tile, *layout, True) for make, tile in both for layout in LAYOUTS]
    return [*aligned, fast_kernel(LARGE, True, False, False), turing_kernel(LARGE, True, False, False), adding_kernel()]
