"""Convolution on a GPU, and its transposes in the image and in the weights: which way to compute them.

Inside, images are channels-last with three axes; the results are handed out as `(N, C, …)` views of channels-last memory, so
that the next layer finds them as it wants them. `convolution_layout` brings operands that lie otherwise.

There are three levels side by side, to be read one after the other: `convolution_direct` follows the definition,
`convolution_tiled` makes it a product of matrices in shared memory, `convolution_fast` and `convolution_fast_weight` put that
on the core of the fast products. `depthwise` is for channels that have kernels of their own.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import DtypeError
from ..geometry import Size
from . import (
    convolution_direct,
    convolution_fast,
    convolution_fast_weight,
    convolution_tiled,
    convolution_weight,
    depthwise,
    memory,
)
from .array import DeviceArray
from .convolution_layout import channels_last, images_of, packed_weights, packing_kernel, taps_first
from .convolution_problem import Plan, Problem, backward_plan, forward_plan, problem_of, uploaded
from .driver import properties
from .language import Kernel, ceil_div
from .tile import LARGE, SMALL, Tile

MEDIUM = Tile(128, 64, 8, 3, blocks=4)
"""For up to 64 output channels: 64 results a thread, by half as many threads."""
NARROW = Tile(128, 32, 16, 3, across=1, blocks=4)
"""For up to 32 output channels: 32 results a thread."""
TINY = Tile(32, 32, 16, 4, down=1, across=1, blocks=8)
"""For few results: 16 results a thread."""
TILES = (LARGE, MEDIUM, SMALL, NARROW, TINY)
FEW = convolution_weight.MULTIPROCESSORS
"""With fewer tiles than this, smaller ones keep more of a GPU busy."""


def conv(
    x: DeviceArray,
    w: DeviceArray,
    size: Size,
    stride: Size,
    padding: Size,
    dilation: Size,
    groups: int,
    way: str | None = None,
) -> DeviceArray:
    """`x` `(N, C, …)` ∗ `w` `(K, C/groups, …)` → `(N, K, *size)`; for `way` see `way_of`."""
    _check(x, w)
    problem = problem_of(x.shape[0], w.shape, x.shape[2:], size, stride, padding, dilation, groups)
    y = channels_last((x.shape[0], w.shape[0], *size), x)
    way = way or way_of(problem, x.dtype)
    if problem.is_empty:
        memory.fill_zeros(images_of(y))
    elif way == "direct":
        convolution_direct.conv(problem, x, w, y)
    else:
        _sweep(way, forward_plan(problem), images_of(x), w, images_of(y))
    return y


def conv_input(
    g: DeviceArray,
    w: DeviceArray,
    size: Size,
    stride: Size,
    padding: Size,
    dilation: Size,
    groups: int,
    way: str | None = None,
) -> DeviceArray:
    """The transpose in the image: `g` `(N, K, …)` → `(N, C, *size)`."""
    _check(g, w)
    problem = problem_of(g.shape[0], w.shape, size, g.shape[2:], stride, padding, dilation, groups)
    x = channels_last((g.shape[0], w.shape[1] * groups, *size), g)
    way = way or way_of(problem, g.dtype)
    if problem.is_empty:
        memory.fill_zeros(images_of(x))
    elif way == "direct":
        convolution_direct.conv_input(problem, x, w, g)
    else:
        plan = backward_plan(problem)
        if not plan.covers:  # pixels that no window meets
            memory.fill_zeros(images_of(x))
        if plan.sweeps:
            _sweep(way, plan, images_of(g), w, images_of(x), back=True)
    return x


def conv_weight(
    g: DeviceArray,
    x: DeviceArray,
    size: Size,
    stride: Size,
    padding: Size,
    dilation: Size,
    groups: int,
    way: str | None = None,
) -> DeviceArray:
    """The transpose in the weights: → `(K, C/groups, *size)`, summed over the images, the same bits each time."""
    _check(g, x)
    shape = (g.shape[1], x.shape[1] // groups, *size)
    problem = problem_of(x.shape[0], shape, x.shape[2:], g.shape[2:], stride, padding, dilation, groups)
    w = memory.empty(shape, x.dtype, x.memory.device)
    way = way or way_of(problem, x.dtype)
    if problem.is_empty:
        memory.fill_zeros(w)
    elif way == "direct":
        convolution_direct.conv_weight(problem, x, w, g)
    else:
        _weigh(way, problem, images_of(x), images_of(g), w)
    return w


def _check(*arrays: DeviceArray) -> None:
    """Raise an error for numbers that no kernel computes with."""
    for array in arrays:
        if array.dtype not in (np.float32, np.float64):
            raise DtypeError(
                f"a convolution computes in float32 or float64, got {array.dtype}; convert with x.to(minidl.float32)"
            )


def way_of(problem: Problem, dtype: np.dtype[Any]) -> str:
    """The way in which a convolution and its transposes are computed where none is asked for.

    | convolution                                    | way         | why                                                |
    | ---------------------------------------------- | ----------- | -------------------------------------------------- |
    | groups of one channel, several of them         | `depthwise` | a product of matrices would have one column of sums |
    | float64                                        | `tiled`     | the fast core's registers and copies are float32's |
    | any other                                      | `fast`      | 8 × 8 results a thread; any number of channels     |

    `direct` is taken when it is asked for: it is the definition, to compare with.
    """
    if problem.groups > 1 == problem.ins:
        return "depthwise"
    return "fast" if dtype == np.float32 else "tiled"


def tile_for(rows: int, columns: int, products: int, largest: bool = True) -> Tile:
    """The tile with which `products` products of `rows` × `columns` results are computed: the first that will do.

    | tile             | results a thread | it will do                                                             |
    | ---------------- | ---------------- | ---------------------------------------------------------------------- |
    | 128 × 128        | 8 × 8            | from 65 columns on, where its registers suffice (`largest`)            |
    | 128 × 64         | 8 × 8            | from 33 columns on                                                     |
    | 64 × 64          | 8 × 4            | the same                                                               |
    | 128 × 32, deep   | 8 × 4            | up to 32 columns; steps of 16 sums for half as many barriers           |
    | 32 × 32, deep    | 4 × 4            | where the tiles above are fewer than multiprocessors                   |

    The largest tile's threads have no registers to spare: not for copies of 4 bytes, nor for pieces that pass through them.
    """
    for tile in TILES[:-1]:
        wide_enough = columns > tile.columns // 2 if tile is not NARROW else columns <= tile.columns
        if wide_enough and (largest or tile is not LARGE) and _tiles(tile, rows, columns) * products >= FEW:
            return tile
    return TINY


def _tiles(tile: Tile, rows: int, columns: int) -> int:
    return ceil_div(rows, tile.rows) * ceil_div(columns, tile.columns)


def _sweep(way: str, plan: Plan, x: DeviceArray, w: DeviceArray, y: DeviceArray, back: bool = False) -> None:
    """Fill the results `y` of a plan's sweeps over the images `x`, both `(N, …, C)`."""
    device = x.memory.device
    told, taps, _ = uploaded(plan, device)
    if way == "depthwise":
        channels = plan.outs * plan.groups
        lanes = 4 if plan.ins == plan.outs == 1 and channels % 4 == 0 and x.dtype == np.float32 else 1
        blocks = ceil_div(plan.pixels * channels // lanes, depthwise.THREADS)
        made = depthwise.sweep_kernel(x.dtype.name, lanes)
        made[(blocks, 1, plan.sweeps), depthwise.THREADS](x, taps_first(w), y, told, taps)
        return
    packed, depth = packed_weights(w, plan, back), plan.groups * plan.sweeps
    if way == "tiled":
        side = convolution_tiled.SIDE
        grid = (ceil_div(plan.pixels, side), ceil_div(plan.outs, side), depth)
        convolution_tiled.sweep_kernel(x.dtype.name)[grid, side * side](x, packed, y, told, taps, plan.sweeps)
    else:
        beside, wide = _copies_beside(device), plan.ins % 4 == 0
        tile = tile_for(plan.pixels, plan.outs, depth, beside and wide)
        made = (convolution_fast.sweep_kernel if beside else convolution_fast.turing_kernel)(tile, wide)
        made[(_tiles(tile, plan.pixels, plan.outs), 1, depth), tile.threads](x, packed, y, told, taps, plan.sweeps)


def _weigh(way: str, problem: Problem, x: DeviceArray, g: DeviceArray, w: DeviceArray) -> None:
    """Fill the row-major weights' gradient `w` from the images `x` and the upstream gradient `g`, both `(N, …, C)`."""
    plan, device, groups = forward_plan(problem), x.memory.device, problem.groups
    told, taps, _ = uploaded(plan, device)
    rows, least = len(plan.places) * plan.ins, convolution_weight.LEAST
    if way == "depthwise":
        across, count = ceil_div(len(w), depthwise.CHANNELS), math.prod(problem.kernel)
        width = problem.out[2]
        number, share = convolution_weight.parts_of(plan.pixels // width, across * count, 8, 1, ceil_div(least, width))
        parts = convolution_weight.workspace(plan, number, x)
        made = depthwise.weight_kernel(x.dtype.name)
        made[(across, count, number), depthwise.THREADS](x, g, parts, told, taps, share)
    elif way == "tiled":
        side = convolution_tiled.SIDE
        grid = (ceil_div(rows, side), ceil_div(plan.outs, side))
        number, share = convolution_weight.parts_of(plan.pixels, math.prod(grid) * groups, 8, side, least)
        parts = convolution_weight.workspace(plan, number, x)
        made = convolution_tiled.weight_kernel(x.dtype.name)
        made[(*grid, groups * number), side * side](x, g, parts, told, taps, groups, share)
    else:
        beside, wide = _copies_beside(device), plan.ins % 4 == 0
        tile = tile_for(rows, plan.outs, groups * FEW, beside and wide)
        tiles = _tiles(tile, rows, plan.outs)
        number, share = convolution_weight.parts_of(plan.pixels, tiles * groups, tile.blocks, tile.depth, least)
        parts = convolution_weight.workspace(plan, number, x)
        make = convolution_fast_weight.weight_kernel if beside else convolution_fast_weight.turing_kernel
        made = make(tile, wide, plan.outs % 4 == 0)
        made[(tiles, 1, groups * number), tile.threads](x, g, parts, told, taps, groups, share)
    convolution_weight.add_up(parts, w, plan)


def _copies_beside(device: int) -> bool:
    """Whether a device copies to shared memory beside the arithmetic: from compute capability 8.0 on."""
    return properties(device).major >= 8


def representatives() -> list[Kernel]:
    """A kernel of each kind, for those who look at all kernels; see `catalogue`."""
    found: list[Kernel] = []
    for dtype in ("float32", "float64"):
        found += [make(dtype) for make in (convolution_direct.conv_kernel, convolution_direct.input_kernel)]
        found += [convolution_direct.weight_kernel(dtype), convolution_tiled.sweep_kernel(dtype)]
        found += [convolution_tiled.weight_kernel(dtype), convolution_weight.adding_kernel(dtype)]
        found += [packing_kernel(dtype, back) for back in (False, True)]
        found += [depthwise.sweep_kernel(dtype, 1), depthwise.weight_kernel(dtype)]
    found.append(depthwise.sweep_kernel("float32", 4))
    for tile in TILES:
        for wide in (True, False) if tile is not LARGE else (True,):
            found.append(convolution_fast.sweep_kernel(tile, wide))
            found.append(convolution_fast_weight.weight_kernel(tile, wide, wide))
            if tile is not LARGE:
                found.append(convolution_fast.turing_kernel(tile, wide))
                found.append(convolution_fast_weight.turing_kernel(tile, wide, wide))
    return found
