"""Convolution by tensor cores, with factors rounded to TF32 or bfloat16 where `precision` allows it.

The windows, the weights and the gradient come to shared memory just as in `fast` and `fast_weight`, to
panels that lie as `tensor_cores` reads fragments; its warps multiply them. Compute capability 8.0 and above.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..compiler.intrinsics import commit, quotient, wait_for_all_but
from ..compiler.language import Kernel, cuda, device, float32, int32, kernel
from ..matmul.staging import BEYOND, Share, fetching, first_piece
from ..matmul.tensor_cores import DEPTH, FragmentPanel, WarpTile, multiplying, rounding, storing
from . import fast_weight as convolution_fast_weight
from .fast import SIGNATURE, SPOT, bringing, following, locate, opening, weight_of
from .fast_weight import tap_of, tile_corner
from .problem import ALL_OUTS, COLUMN, COLUMNS, LENGTH, OUTS, ROWS
from .tiled import pixels_of

Function = Callable[..., Any]

LARGE = WarpTile(128, 128, 2, 8, stages=2, blocks=2)
"""For more than 64 output channels; with the windows' places, shared memory has room for two steps."""
MEDIUM = WarpTile(128, 64, 2, 8, stages=3, blocks=3)
"""For up to 64."""
NARROW = WarpTile(128, 32, 2, 4, stages=3, blocks=3)
"""For up to 32."""
SMALL = WarpTile(64, 64, 2, 4, stages=3, blocks=3)
"""For few results."""
TILES = (LARGE, MEDIUM, NARROW, SMALL)
WAYS = {"high": "tf32", "medium": "bfloat16"}
"""The name of each precision's numbers."""
_PRECISIONS = {way: precision for precision, way in WAYS.items()}


@functools.cache
def lane_of(tile: WarpTile) -> Function:
    """For kernels: the first row and the first column of a thread's fragments in its tile, and its place in groups of four."""
    rows, columns = 16 * tile.m, 8 * tile.n
    beside = tile.columns // columns - 1
    shift = 5 + beside.bit_length()

    @device
    def lane(thread: Any) -> Any:
        row = (thread >> shift) * rows + ((thread >> 2) & 7)
        return int32(row), int32(((thread >> 5) & beside) * columns + ((thread >> 2) & 7)), int32(thread & 3)

    return lane


@functools.cache
def placing(tile: WarpTile) -> Function:
    """For kernels: write a thread's totals to the pixels of its rows."""
    m, n = tile.m, tile.n

    @device
    def put(out: Any, targets: Any, row: Any, column: Any, outs: Any, totals: Any) -> None:
        for i in range(2 * m):
            at = targets[row + i * 8]
            if at >= 0:
                for j in range(2 * n):
                    c = int32(column + (j >> 1) * 8 + (j & 1))
                    if c < outs:
                        out[at + c] = totals[((i >> 1) * n + (j >> 1)) * 4 + (i & 1) * 2 + (j & 1)]

    return put


@functools.cache
def sweep_kernel(tile: WarpTile, wide: bool, way: str) -> Kernel:
    """All sweeps of a convolution, or of its transpose in the image; see `convolution_fast.sweep_kernel`."""
    panel_x, panel_w, threads = (
        FragmentPanel(tile.rows, along=True),
        FragmentPanel(tile.columns, along=False),
        tile.threads,
    )
    share_x, share_w = Share(panel_x, True, wide, threads), Share(panel_w, False, True, threads)
    size_x, stage, high, ahead = panel_x.size, panel_x.size + panel_w.size, tile.rows, tile.stages - 1
    everything, last, count, spots_size = stage * tile.stages, stage * ahead, share_x.count, SPOT * tile.rows
    results, size_a, size_b, broad = tile.results, 8, 4 * tile.n, tile.columns
    (line_x, sum_x), (line_w, sum_w) = first_piece(share_x), first_piece(share_w)
    place_x, place_w = panel_x.place, panel_w.place
    open_tile, follow, bring, put = opening(tile), following(tile, share_x), bringing(share_x), placing(tile)
    multiply, lane, round_w = multiplying(tile, panel_x, panel_w, _PRECISIONS[way]), lane_of(tile), rounding(share_w)
    fetch, wait, in_place = fetching(share_w), wait_for_all_but(ahead - 1), way == "tf32"
    name = f"conv_{way}_{tile.rows}x{tile.columns}_{'wide' if wide else 'narrow'}"

    @kernel(SIGNATURE, name=name, threads=threads, blocks=tile.blocks, doubles=True)
    def conv(x: Any, w: Any, out: Any, p: Any, taps: Any, sweeps: int) -> None:
        shared = cuda.shared.array(everything, float32, 16)
        spots = cuda.shared.array(spots_size, int32, 16)
        told, targets = cuda.shared.array(LENGTH, int32, 16), cuda.shared.array(high, int32)
        at = cuda.local.array(count, int32)
        a, b, totals = (
            cuda.local.array(size_a, float32),
            cuda.local.array(size_b, float32),
            cuda.local.array(results, float32),
        )
        for i in range(results):
            totals[i] = float32(0)
        thread = int32(cuda.threadIdx.x & (threads - 1))
        open_tile(p, told, spots, targets, sweeps, thread)
        rest, k, left = int32(0), sum_x(thread), told[ROWS]
        source = weight_of(told, line_w(thread), sum_w(thread))
        to_x, to_w = place_x(line_x(thread), k), int32(size_x + place_w(line_w(thread), sum_w(thread)))
        for i in range(ahead):
            rest = follow(at, rest, k, spots, told, taps, line_x(thread))
            bring(shared, to_x + i * stage, x, at)
            fetch(shared, to_w + i * stage, w, source, told[COLUMNS], 1, 0, left if source >= 0 else 0)
            commit()
            source, k, left = int32(source + DEPTH * told[COLUMNS]), int32(k + DEPTH), int32(left - DEPTH)
        row, line, t = lane(thread)
        at_x, at_w = int32(row * DEPTH + 4 * t), int32(size_x + line + 4 * t * broad)
        now = int32(0)
        while left > -ahead * DEPTH:
            wait()
            if in_place:
                round_w(shared, to_w + now)
            cuda.syncthreads()
            then = now - stage if now > 0 else last
            rest = follow(at, rest, k, spots, told, taps, line_x(thread))
            bring(shared, to_x + then, x, at)
            fetch(shared, to_w + then, w, source, told[COLUMNS], 1, 0, left if source >= 0 else 0)
            commit()
            multiply(shared, at_x + now, at_w + now, int32(t * 8), a, b, totals)
            source, k, left = int32(source + DEPTH * told[COLUMNS]), int32(k + DEPTH), int32(left - DEPTH)
            now = int32(now + stage if now < last else 0)
        put(out, targets, row, told[COLUMN] + (line & -8) + 2 * t, told[OUTS], totals)

    return conv


@functools.cache
def weight_kernel(tile: WarpTile, wide: bool, wide_outs: bool, way: str) -> Kernel:
    """A part of the gradient of the weights; see `convolution_fast_weight.weight_kernel`."""
    panel_x, panel_g, threads = (
        FragmentPanel(tile.rows, along=False),
        FragmentPanel(tile.columns, along=False),
        tile.threads,
    )
    share_x, share_g = Share(panel_x, False, wide, threads), Share(panel_g, False, wide_outs, threads)
    size_x, stage, ahead = panel_x.size, panel_x.size + panel_g.size, tile.stages - 1
    everything, last, high, broad = stage * tile.stages, stage * ahead, tile.rows, tile.columns
    spots_size, results, size_a, size_b = SPOT * threads, tile.results, 8, 4 * tile.n
    (line_x, sum_x), (line_g, sum_g) = first_piece(share_x), first_piece(share_g)
    place_x, place_g = panel_x.place, panel_g.place
    multiply, lane, round_g = multiplying(tile, panel_x, panel_g, _PRECISIONS[way]), lane_of(tile), rounding(share_g)
    bring, fetch, store = convolution_fast_weight.bringing(share_x), fetching(share_g), storing(tile)
    wait, in_place = wait_for_all_but(ahead - 1), way == "tf32"
    kind = f"{'wide' if wide else 'narrow'}_{'wide' if wide_outs else 'narrow'}"
    name = f"conv_weight_{way}_{tile.rows}x{tile.columns}_{kind}"

    @kernel(convolution_fast_weight.SIGNATURE, name=name, threads=threads, blocks=tile.blocks, doubles=True)
    def conv_weight(x: Any, g: Any, parts: Any, p: Any, taps: Any, groups: int, share: int) -> None:
        shared = cuda.shared.array(everything, float32, 16)
        spots, told = cuda.shared.array(spots_size, int32, 16), cuda.shared.array(LENGTH, int32, 16)
        a, b, totals = (
            cuda.local.array(size_a, float32),
            cuda.local.array(size_b, float32),
            cuda.local.array(results, float32),
        )
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
        for i in range(ahead):
            bring(shared, to_x + i * stage, x, spots, number, told, dz, dy, dx, off)
            fetch(shared, to_g + i * stage, g, source, told[ALL_OUTS], 1, k, left)
            commit()
            source, left, number = int32(source + DEPTH * told[ALL_OUTS]), int32(left - DEPTH), int32(number + DEPTH)
        line_of_x, line_of_g, t = lane(thread)
        at_x, at_g = int32(line_of_x + 4 * t * high), int32(size_x + line_of_g + 4 * t * broad)
        now = int32(0)
        while left > -ahead * DEPTH:
            while left > -ahead * DEPTH and number < threads:
                wait()
                if in_place:
                    round_g(shared, to_g + now)
                cuda.syncthreads()
                then = now - stage if now > 0 else last
                bring(shared, to_x + then, x, spots, number, told, dz, dy, dx, off)
                fetch(shared, to_g + then, g, source, told[ALL_OUTS], 1, k, left)
                commit()
                multiply(shared, at_x + now, at_g + now, int32(t * 8), a, b, totals)
                source, left, number = (
                    int32(source + DEPTH * told[ALL_OUTS]),
                    int32(left - DEPTH),
                    int32(number + DEPTH),
                )
                now = int32(now + stage if now < last else 0)
            cuda.syncthreads()
            locate(spots, thread, told, end - left + thread, end, group)
            number = int32(number - threads)
            cuda.syncthreads()
        row, column = tile_corner(told[OUTS], high, broad)
        start = cuda.blockIdx.z * told[ROWS] * told[OUTS]
        store(parts, start, row + line_of_x, column + (line_of_g & -8) + 2 * t, told[ROWS], told[OUTS], totals)

    return conv_weight
