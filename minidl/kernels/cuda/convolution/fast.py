"""Convolution, level three: the implicit product of `tiled` on the core of the fast products of matrices.

`tile` says what a block and a thread compute, `staging` how a panel of the packed weights gets to shared memory. Here is how
the other panel gets there, which is no matrix: a row is a result's window, a column a tap and channel.

- **Rows.** Which image and pixel a row belongs to takes divisions, so it is worked out once, by one thread a row, and kept in
  shared memory: where the window begins in memory, at which pixel, and where the result goes.
- **Columns.** A thread brings the same column of all its rows, and `depth` columns on in the next step, so it keeps the places
  and adds to them. Only when it comes to another tap does it divide, and ask for each of its rows where that pixel lies, and
  whether it lies in the image at all.
- **Zeros.** `cp.async` writes zeros in place of pixels in the padding, rows beyond the last and columns beyond the last:
  the arithmetic knows nothing of edges.

Where a group has a multiple of 4 input channels, a copy takes 4 of them (16 bytes). Otherwise, as in a first layer of 1 or 3,
it takes one (4 bytes), and columns follow one another all the same: 27 sums for 3 × 3 × 3, where channels padded to 4 would
need 36, and 25 instead of 100 for LeNet's 5 × 5 × 1. Four times the copies should cost less than that, as they run beside the
arithmetic (unmeasured).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..compiler.intrinsics import commit, copy4, copy16, load4, quotient, store4, wait_for_all_but, within
from ..compiler.language import Kernel, cuda, device, float32, int32, kernel
from ..matmul.staging import Share, fetching, first_piece, holding
from ..matmul.tile import Tile, corner_of, multiplying
from .problem import (
    ALL_ROWS,
    COLUMN,
    COLUMNS,
    FIRST_ROW,
    FIRST_TAP,
    GROUP,
    IMAGE,
    INS,
    LENGTH,
    OUTS,
    ROWS,
    STRIDE,
    TAP,
    TAPS,
)
from .tiled import divided, image_place, pixels_of, result_place

Function = Callable[..., Any]

SIGNATURE = "float32[::1], float32[::1], float32[::1], int32[::1], int32[::1], int32"
SPOT = 4
"""What is kept of a window: where its first pixel lies in memory, and at which pixel along three axes; read at once."""
OUTSIDE = -(1 << 30)
"""The pixel of a row beyond the last: no tap leads from there into the image. And a place that no step makes positive."""
TURING_BLOCKS = 2
"""How many blocks a multiprocessor of compute capability 7.5 should hold: its 64 KiB of shared memory have room for no more."""


@device
def locate(spots: Any, number: Any, p: Any, m: Any, end: Any, group: Any) -> None:
    """Note where the window of result `m` lies; the results end at `end`."""
    if m < end:
        image, z, y, x = divided(p, 0, m)
        z, y, x = z * p[STRIDE], y * p[STRIDE + 1], x * p[STRIDE + 2]
        first = image_place(p, 0, image, z, y, x) + group * p[INS]
        store4(spots, number * SPOT, int32(first), int32(z), int32(y), int32(x))
    else:
        store4(spots, number * SPOT, int32(0), int32(OUTSIDE), int32(0), int32(0))


@device
def seen_from(spots: Any, number: Any, depth: Any, height: Any, width: Any, dz: Any, dy: Any, dx: Any, off: Any) -> Any:
    """Where the pixel lies at which a tap meets a window's image; negative if it is none."""
    first, z, y, x = load4(spots, number * SPOT)
    inside = within(z + dz, depth) & within(y + dy, height) & within(x + dx, width)
    return int32(first + off if inside else OUTSIDE)


@device
def weight_of(told: Any, line: Any, k: Any) -> Any:
    """Where row `k` of a block's packed weights lies, in its tile's column `line`; far below 0 where the group has none."""
    column = told[COLUMN] + line
    first = (told[GROUP] * told[ALL_ROWS] + told[FIRST_ROW] + k) * told[COLUMNS] + column
    return int32(first if column < told[COLUMNS] else OUTSIDE)


@functools.cache
def opening(tile: Tile) -> Function:
    """For kernels: what a block begins with. Its sweep's numbers come to shared memory, and each row is located by one thread.

    The group and the tile's first column are kept there, too, where they take no registers.
    """
    high, broad, threads = tile.rows, tile.columns, tile.threads

    @device
    def open_tile(p: Any, told: Any, spots: Any, targets: Any, sweeps: Any, thread: Any) -> None:
        group = quotient(cuda.blockIdx.z, sweeps)
        if thread < GROUP:
            told[thread] = p[(cuda.blockIdx.z - group * sweeps) * LENGTH + thread]
        cuda.syncthreads()
        across = (told[COLUMNS] + broad - 1) // broad
        down = quotient(cuda.blockIdx.x, across)
        column = int32((cuda.blockIdx.x - down * across) * broad)
        if thread == 0:
            told[GROUP], told[COLUMN] = group, column
        end = pixels_of(told, 0)
        for row in range(thread, high, threads):
            m = down * high + row
            locate(spots, row, told, m, end, group)
            targets[row] = -1
            if m < end:
                image, z, y, x = divided(told, 0, m)
                targets[row] = result_place(told, 0, image, z, y, x) + group * told[OUTS]
        cuda.syncthreads()

    return open_tile


@functools.cache
def following(tile: Tile, share: Share) -> Function:
    """For kernels: `rest = follow(at, rest, k, spots, p, taps, line)` notes in `at` what a thread brings as column `k`.

    That is the place in memory of the column's tap and channel for each of the thread's pieces, negative where the tap lies
    outside; `rest` is how many channels of the tap are left from there on. Calls follow one another by `depth` columns: only at
    another tap, or where channels are brought one by one, are the places worked out anew. To begin with `rest` is 0.
    """
    count, stride, depth, wide = share.count, share.stride, tile.depth, share.wide

    @device
    def follow(at: Any, rest: Any, k: Any, spots: Any, p: Any, taps: Any, line: Any) -> Any:
        if wide and rest > depth:
            for i in range(count):
                at[i] += depth
            return int32(rest - depth)
        tap = quotient(k, p[INS])
        channel = int32(k - tap * p[INS])
        for i in range(count):
            at[i] = OUTSIDE
        if tap < p[TAPS]:
            deep, high, broad, _ = load4(p, IMAGE)
            dz, dy, dx, off = load4(taps, (p[FIRST_TAP] + tap) * TAP)
            for i in range(count):
                at[i] = seen_from(spots, line + i * stride, deep, high, broad, dz, dy, dx, off + channel)
        return int32(p[INS] - channel)

    return follow


@functools.cache
def bringing(share: Share) -> Function:
    """For kernels: begin to copy a thread's pieces of the windows to shared memory, the first to `shared[to]`."""
    count, onward = share.count, share.onward
    copy, nbytes = (copy16, 16) if share.wide else (copy4, 4)

    @device
    def bring(shared: Any, to: Any, x: Any, at: Any) -> None:
        for i in range(count):
            copy(shared, onward(to, i), x, at[i], nbytes if at[i] >= 0 else 0)

    return bring


@functools.cache
def reading(share: Share) -> Function:
    """For kernels that cannot copy beside the arithmetic: read those pieces into registers; `holding` has what writes them."""
    count, piece, wide = share.count, share.piece, share.wide

    @device
    def read(held: Any, x: Any, at: Any) -> None:
        for i in range(count):
            for j in range(piece):
                held[i * piece + j] = float32(0)
            if at[i] >= 0:
                if wide:
                    held[i * 4], held[i * 4 + 1], held[i * 4 + 2], held[i * 4 + 3] = load4(x, at[i])
                else:
                    held[i] = x[at[i]]

    return read


@functools.cache
def placing(tile: Tile) -> Function:
    """For kernels: write a thread's totals to the pixels of its rows, four channels at once where they are a multiple of 4."""
    m, n, across = 4 * tile.down, 4 * tile.across, tile.across

    @device
    def put(out: Any, targets: Any, row: Any, column: Any, outs: Any, totals: Any) -> None:
        whole = outs & 3 == 0
        for i in range(m):
            at = targets[row + (i >> 2) * 16 + (i & 3)]
            if at >= 0:
                for d in range(across):
                    c, t = column + d * 32, i * n + d * 4
                    if whole:
                        if c < outs:
                            store4(out, at + c, totals[t], totals[t + 1], totals[t + 2], totals[t + 3])
                    else:
                        for j in range(4):
                            if c + j < outs:
                                out[at + c + j] = totals[t + j]

    return put


@functools.cache
def sweep_kernel(tile: Tile, wide: bool) -> Kernel:
    """All sweeps of a convolution, or of its transpose in the image (compute capability 8.0 and above).

    Shared memory holds `stages` steps in a ring, as in `matmul/fast.py`. Grid: tiles, 1, groups × sweeps; tiles side by side
    follow one another, so that blocks that read the same windows run at the same time.
    """
    panel_x, panel_w, threads, depth, results = tile.left(True), tile.right, tile.threads, tile.depth, tile.results
    share_x, share_w = Share(panel_x, panel_x.along, wide, threads), Share(panel_w, panel_w.along, True, threads)
    size_x, stage, high, ahead = panel_x.size, panel_x.size + panel_w.size, tile.rows, tile.stages - 1
    everything, last, count, spots_size = stage * tile.stages, stage * ahead, share_x.count, SPOT * tile.rows
    row_of, column_of = corner_of(tile)
    (line_x, sum_x), (line_w, sum_w) = first_piece(share_x), first_piece(share_w)
    place_x, place_w = panel_x.place, panel_w.place
    multiply, size_a, size_b = multiplying(tile, True)
    open_tile, follow, bring, put = opening(tile), following(tile, share_x), bringing(share_x), placing(tile)
    fetch, wait = fetching(share_w), wait_for_all_but(ahead - 1)

    @kernel(SIGNATURE, name=_name("fast", tile, wide), threads=threads, blocks=tile.blocks, doubles=True)
    def conv(x: Any, w: Any, out: Any, p: Any, taps: Any, sweeps: int) -> None:
        shared = cuda.shared.array(everything, float32, 16)
        spots = cuda.shared.array(spots_size, int32, 16)
        told, targets = cuda.shared.array(LENGTH, int32, 16), cuda.shared.array(high, int32)
        at = cuda.local.array(count, int32)
        a, b = cuda.local.array(size_a, float32), cuda.local.array(size_b, float32)
        totals = cuda.local.array(results, float32)
        for i in range(results):
            totals[i] = float32(0)
        thread = int32(cuda.threadIdx.x & (threads - 1))
        open_tile(p, told, spots, targets, sweeps, thread)

        # What this thread brings: of the windows the column k, always for the same rows; of the weights, from `source` on.
        rest, k, left = int32(0), sum_x(thread), told[ROWS]
        source = weight_of(told, line_w(thread), sum_w(thread))
        to_x, to_w = place_x(line_x(thread), k), int32(size_x + place_w(line_w(thread), sum_w(thread)))
        for i in range(ahead):
            rest = follow(at, rest, k, spots, told, taps, line_x(thread))
            bring(shared, to_x + i * stage, x, at)
            fetch(shared, to_w + i * stage, w, source, told[COLUMNS], 1, 0, left if source >= 0 else 0)
            commit()
            source, k, left = int32(source + depth * told[COLUMNS]), int32(k + depth), int32(left - depth)
        at_x, at_w = place_x(row_of(thread), 0), int32(size_x + place_w(column_of(thread), 0))
        now = int32(0)
        while left > -ahead * depth:
            wait()
            cuda.syncthreads()
            then = now - stage if now > 0 else last
            rest = follow(at, rest, k, spots, told, taps, line_x(thread))
            bring(shared, to_x + then, x, at)
            fetch(shared, to_w + then, w, source, told[COLUMNS], 1, 0, left if source >= 0 else 0)
            commit()
            multiply(shared, at_x + now, at_w + now, a, b, totals)
            source, k, left = int32(source + depth * told[COLUMNS]), int32(k + depth), int32(left - depth)
            now = int32(now + stage if now < last else 0)
        put(out, targets, row_of(thread), told[COLUMN] + column_of(thread), told[OUTS], totals)

    return conv


@functools.cache
def turing_kernel(tile: Tile, wide: bool) -> Kernel:
    """The same without `cp.async` (compute capability 7.5): the next step's pieces wait in registers meanwhile.

    Shared memory holds two steps, of which one is read while the other is written.
    """
    panel_x, panel_w, threads, depth, results = tile.left(True), tile.right, tile.threads, tile.depth, tile.results
    share_x, share_w = Share(panel_x, panel_x.along, wide, threads), Share(panel_w, panel_w.along, True, threads)
    size_x, stage, high = panel_x.size, panel_x.size + panel_w.size, tile.rows
    everything, count, spots_size = stage * 2, share_x.count, SPOT * tile.rows
    held_x, held_w = count * share_x.piece, share_w.count * share_w.piece
    row_of, column_of = corner_of(tile)
    (line_x, sum_x), (line_w, sum_w) = first_piece(share_x), first_piece(share_w)
    place_x, place_w = panel_x.place, panel_w.place
    multiply, size_a, size_b = multiplying(tile, True)
    open_tile, follow, read_x, put = opening(tile), following(tile, share_x), reading(share_x), placing(tile)
    (_, write_x), (read_w, write_w) = holding(share_x), holding(share_w)

    @kernel(SIGNATURE, name=_name("turing", tile, wide), threads=threads, blocks=TURING_BLOCKS, doubles=True)
    def conv(x: Any, w: Any, out: Any, p: Any, taps: Any, sweeps: int) -> None:
        shared = cuda.shared.array(everything, float32, 16)
        spots = cuda.shared.array(spots_size, int32, 16)
        told, targets = cuda.shared.array(LENGTH, int32, 16), cuda.shared.array(high, int32)
        at = cuda.local.array(count, int32)
        windows, weights = cuda.local.array(held_x, float32), cuda.local.array(held_w, float32)
        a, b = cuda.local.array(size_a, float32), cuda.local.array(size_b, float32)
        totals = cuda.local.array(results, float32)
        for i in range(results):
            totals[i] = float32(0)
        thread = int32(cuda.threadIdx.x & (threads - 1))
        open_tile(p, told, spots, targets, sweeps, thread)

        rest, k, left = int32(0), sum_x(thread), told[ROWS]
        source = weight_of(told, line_w(thread), sum_w(thread))
        to_x, to_w = place_x(line_x(thread), k), int32(size_x + place_w(line_w(thread), sum_w(thread)))
        at_x, at_w = place_x(row_of(thread), 0), int32(size_x + place_w(column_of(thread), 0))
        rest = follow(at, rest, k, spots, told, taps, line_x(thread))
        read_x(windows, x, at)
        read_w(weights, w, source, told[COLUMNS], 1, 0, left if source >= 0 else 0)
        now = int32(0)
        while left > 0:
            write_x(windows, shared, to_x + now)
            write_w(weights, shared, to_w + now)
            cuda.syncthreads()
            source, k, left = int32(source + depth * told[COLUMNS]), int32(k + depth), int32(left - depth)
            rest = follow(at, rest, k, spots, told, taps, line_x(thread))
            read_x(windows, x, at)
            read_w(weights, w, source, told[COLUMNS], 1, 0, left if source >= 0 else 0)
            multiply(shared, at_x + now, at_w + now, a, b, totals)
            now = int32(stage - now)
        put(out, targets, row_of(thread), told[COLUMN] + column_of(thread), told[OUTS], totals)

    return conv


def _name(way: str, tile: Tile, wide: bool) -> str:
    return f"conv_{way}_{tile.rows}x{tile.columns}_{'wide' if wide else 'narrow'}"
