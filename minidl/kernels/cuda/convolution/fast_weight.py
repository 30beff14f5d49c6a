"""The gradient of a convolution's weights, level three: Xᵀ G on the core of the fast products of matrices.

The sums run over pixels, so both panels lie across: a line of shared memory holds one pixel, with the taps and channels of
its window in the one panel and its output channels in the other, as they lie in the image and in the gradient. A thread
brings the same tap and channels all the time. Which pixels these meet takes divisions, so the windows of the next pixels, as
many as a block has threads, are located by one thread each and kept in shared memory for the steps that need them.

`weight` says how the pixels are divided into parts.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..compiler.intrinsics import commit, copy4, copy16, load4, quotient, wait_for_all_but
from ..compiler.language import Kernel, cuda, device, float32, int32, kernel
from ..matmul.staging import BEYOND, Share, fetching, first_piece, holding
from ..matmul.tile import Tile, corner_of, multiplying, storing
from .fast import SPOT, TURING_BLOCKS, locate, seen_from
from .problem import ALL_OUTS, IMAGE, INS, LENGTH, OUTS, ROWS, TAP
from .tiled import pixels_of

Function = Callable[..., Any]

SIGNATURE = "float32[::1], float32[::1], float32[::1], int32[::1], int32[::1], int32, int32"
FAR = 1 << 29
"""By how far a tap beyond the last is off: no pixel leads from there into the image."""


@device
def tap_of(p: Any, taps: Any, row: Any) -> Any:
    """What the row of the windows' matrix says: by how many pixels its tap is off, and by how many elements its channel."""
    if row < p[ROWS]:
        number = quotient(row, p[INS])
        t = number * TAP
        return taps[t], taps[t + 1], taps[t + 2], int32(taps[t + 3] + row - number * p[INS])
    return int32(FAR), int32(0), int32(0), int32(0)


@device
def tile_corner(columns: Any, high: Any, broad: Any) -> Any:
    """The first row and the first column of a block's tile."""
    across = (columns + broad - 1) // broad
    down = quotient(cuda.blockIdx.x, across)
    return int32(down * high), int32((cuda.blockIdx.x - down * across) * broad)


@functools.cache
def bringing(share: Share) -> Function:
    """For kernels: begin to copy a thread's pieces of the windows to shared memory, from window `number` on."""
    count, stride, onward = share.count, share.stride, share.onward
    copy, nbytes = (copy16, 16) if share.wide else (copy4, 4)

    @device
    def bring(
        shared: Any, to: Any, x: Any, spots: Any, number: Any, p: Any, dz: Any, dy: Any, dx: Any, off: Any
    ) -> None:
        depth, height, width, _ = load4(p, IMAGE)
        for i in range(count):
            at = seen_from(spots, number + i * stride, depth, height, width, dz, dy, dx, off)
            copy(shared, onward(to, i), x, at, nbytes if at >= 0 else 0)

    return bring


@functools.cache
def reading(share: Share) -> Function:
    """For kernels that cannot copy beside the arithmetic: read those pieces into registers; `holding` has what writes them."""
    count, stride, piece, wide = share.count, share.stride, share.piece, share.wide

    @device
    def read(held: Any, x: Any, spots: Any, number: Any, p: Any, dz: Any, dy: Any, dx: Any, off: Any) -> None:
        depth, height, width, _ = load4(p, IMAGE)
        for i in range(count):
            for j in range(piece):
                held[i * piece + j] = float32(0)
            at = seen_from(spots, number + i * stride, depth, height, width, dz, dy, dx, off)
            if at >= 0:
                if wide:
                    held[i * 4], held[i * 4 + 1], held[i * 4 + 2], held[i * 4 + 3] = load4(x, at)
                else:
                    held[i] = x[at]

    return read


@functools.cache
def weight_kernel(tile: Tile, wide: bool, wide_outs: bool) -> Kernel:
    """A part of the gradient (compute capability 8.0 and above). Grid: tiles, 1, groups × parts.

    Args:
        tile: what a block computes: rows are taps and channels, columns output channels.
        wide: whether a group's input channels are a multiple of 4, so that 16 bytes are copied at once.
        wide_outs: whether its output channels are.
    """
    panel_x, panel_g, threads, depth, results = tile.left(False), tile.right, tile.threads, tile.depth, tile.results
    share_x, share_g = Share(panel_x, panel_x.along, wide, threads), Share(panel_g, panel_g.along, wide_outs, threads)
    size_x, stage, ahead = panel_x.size, panel_x.size + panel_g.size, tile.stages - 1
    everything, last, high, broad = stage * tile.stages, stage * ahead, tile.rows, tile.columns
    row_of, column_of = corner_of(tile)
    (line_x, sum_x), (line_g, sum_g) = first_piece(share_x), first_piece(share_g)
    place_x, place_g = panel_x.place, panel_g.place
    multiply, size_a, size_b = multiplying(tile, False)
    spots_size = SPOT * threads
    bring, fetch, store, wait = bringing(share_x), fetching(share_g), storing(tile), wait_for_all_but(ahead - 1)

    @kernel(SIGNATURE, name=_name("fast", tile, wide, wide_outs), threads=threads, blocks=tile.blocks, doubles=True)
    def conv_weight(x: Any, g: Any, parts: Any, p: Any, taps: Any, groups: int, share: int) -> None:
        shared = cuda.shared.array(everything, float32, 16)
        spots, told = cuda.shared.array(spots_size, int32, 16), cuda.shared.array(LENGTH, int32, 16)
        a, b = cuda.local.array(size_a, float32), cuda.local.array(size_b, float32)
        totals = cuda.local.array(results, float32)
        for i in range(results):
            totals[i] = float32(0)
        thread = int32(cuda.threadIdx.x & (threads - 1))
        if thread < LENGTH:
            told[thread] = p[thread]
        cuda.syncthreads()
        part = quotient(cuda.blockIdx.z, groups)
        group = int32(cuda.blockIdx.z - part * groups)
        row, column = tile_corner(told[OUTS], high, broad)
        first = int32(part * share)
        end = int32(min(pixels_of(told, 0), first + share))

        # What this thread brings: of the windows, one tap and channel; of the gradient, from where and how much is left.
        dz, dy, dx, off = tap_of(told, taps, row + line_x(thread))
        number, left = sum_x(thread), int32(end - first)
        far, k = int32(column + line_g(thread)), sum_g(thread)
        source = int32((first + k) * told[ALL_OUTS] + group * told[OUTS] + far)
        to_x, to_g = place_x(line_x(thread), sum_x(thread)), int32(size_x + place_g(line_g(thread), k))
        k = k if far < told[OUTS] else int32(BEYOND)
        locate(spots, thread, told, first + thread, end, group)
        cuda.syncthreads()

        for i in range(ahead):
            bring(shared, to_x + i * stage, x, spots, number, told, dz, dy, dx, off)
            fetch(shared, to_g + i * stage, g, source, told[ALL_OUTS], 1, k, left)
            commit()
            source, left, number = int32(source + depth * told[ALL_OUTS]), int32(left - depth), int32(number + depth)
        at_x, at_g = int32(place_x(row_of(thread), 0)), int32(size_x + place_g(column_of(thread), 0))
        now = int32(0)
        while left > -ahead * depth:
            while left > -ahead * depth and number < threads:
                wait()
                cuda.syncthreads()
                then = now - stage if now > 0 else last
                bring(shared, to_x + then, x, spots, number, told, dz, dy, dx, off)
                fetch(shared, to_g + then, g, source, told[ALL_OUTS], 1, k, left)
                commit()
                multiply(shared, at_x + now, at_g + now, a, b, totals)
                source, left, number = (
                    int32(source + depth * told[ALL_OUTS]),
                    int32(left - depth),
                    int32(number + depth),
                )
                now = int32(now + stage if now < last else 0)
            cuda.syncthreads()
            locate(spots, thread, told, end - left + thread, end, group)
            number = int32(number - threads)
            cuda.syncthreads()
        row, column = tile_corner(told[OUTS], high, broad)
        start = cuda.blockIdx.z * told[ROWS] * told[OUTS]
        store(parts, start, row + row_of(thread), column + column_of(thread), told[ROWS], told[OUTS], totals)

    return conv_weight


@functools.cache
def turing_kernel(tile: Tile, wide: bool, wide_outs: bool) -> Kernel:
    """The same without `cp.async` (compute capability 7.5), as in `fast`."""
    panel_x, panel_g, threads, depth, results = tile.left(False), tile.right, tile.threads, tile.depth, tile.results
    share_x, share_g = Share(panel_x, panel_x.along, wide, threads), Share(panel_g, panel_g.along, wide_outs, threads)
    size_x, stage, high, broad = panel_x.size, panel_x.size + panel_g.size, tile.rows, tile.columns
    everything, held_x, held_g = stage * 2, share_x.count * share_x.piece, share_g.count * share_g.piece
    row_of, column_of = corner_of(tile)
    (line_x, sum_x), (line_g, sum_g) = first_piece(share_x), first_piece(share_g)
    place_x, place_g = panel_x.place, panel_g.place
    multiply, size_a, size_b = multiplying(tile, False)
    spots_size = SPOT * threads
    read_x, store = reading(share_x), storing(tile)
    (_, write_x), (read_g, write_g) = holding(share_x), holding(share_g)

    @kernel(SIGNATURE, name=_name("turing", tile, wide, wide_outs), threads=threads, blocks=TURING_BLOCKS, doubles=True)
    def conv_weight(x: Any, g: Any, parts: Any, p: Any, taps: Any, groups: int, share: int) -> None:
        shared = cuda.shared.array(everything, float32, 16)
        spots, told = cuda.shared.array(spots_size, int32, 16), cuda.shared.array(LENGTH, int32, 16)
        windows, upstream = cuda.local.array(held_x, float32), cuda.local.array(held_g, float32)
        a, b = cuda.local.array(size_a, float32), cuda.local.array(size_b, float32)
        totals = cuda.local.array(results, float32)
        for i in range(results):
            totals[i] = float32(0)
        thread = int32(cuda.threadIdx.x & (threads - 1))
        if thread < LENGTH:
            told[thread] = p[thread]
        cuda.syncthreads()
        part = quotient(cuda.blockIdx.z, groups)
        group = int32(cuda.blockIdx.z - part * groups)
        row, column = tile_corner(told[OUTS], high, broad)
        first = int32(part * share)
        end = int32(min(pixels_of(told, 0), first + share))

        dz, dy, dx, off = tap_of(told, taps, row + line_x(thread))
        number, left = sum_x(thread), int32(end - first)
        far, k = int32(column + line_g(thread)), sum_g(thread)
        source = int32((first + k) * told[ALL_OUTS] + group * told[OUTS] + far)
        to_x, to_g = place_x(line_x(thread), sum_x(thread)), int32(size_x + place_g(line_g(thread), k))
        k = k if far < told[OUTS] else int32(BEYOND)
        locate(spots, thread, told, first + thread, end, group)
        cuda.syncthreads()

        read_x(windows, x, spots, number, told, dz, dy, dx, off)
        read_g(upstream, g, source, told[ALL_OUTS], 1, k, left)
        at_x, at_g = int32(place_x(row_of(thread), 0)), int32(size_x + place_g(column_of(thread), 0))
        now = int32(0)
        while left > 0:
            write_x(windows, shared, to_x + now)
            write_g(upstream, shared, to_g + now)
            cuda.syncthreads()
            source, left, number = int32(source + depth * told[ALL_OUTS]), int32(left - depth), int32(number + depth)
            if number >= threads:
                locate(spots, thread, told, end - left + thread, end, group)
                number = int32(number - threads)
                cuda.syncthreads()
            read_x(windows, x, spots, number, told, dz, dy, dx, off)
            read_g(upstream, g, source, told[ALL_OUTS], 1, k, left)
            multiply(shared, at_x + now, at_g + now, a, b, totals)
            now = int32(stage - now)
        row, column = tile_corner(told[OUTS], high, broad)
        start = cuda.blockIdx.z * told[ROWS] * told[OUTS]
        store(parts, start, row + row_of(thread), column + column_of(thread), told[ROWS], told[OUTS], totals)

    return conv_weight


def _name(way: str, tile: Tile, wide: bool, wide_outs: bool) -> str:
    kind = f"{'wide' if wide else 'narrow'}_{'wide' if wide_outs else 'narrow'}"
    return f"conv_weight_{way}_{tile.rows}x{tile.columns}_{kind}"
