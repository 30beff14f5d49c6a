"""Convolution on a GPU, and its transposes in the image and in the weights: which way to compute them.

Inside, images are channels-last with three axes; the results are handed out as `(N, C, …)` views of channels-last memory, so
that the next layer finds them as it wants them. `convolution_layout` brings operands that lie otherwise.

There are three levels side by side, to be read one after the other: `convolution_direct` follows the definition,
`convolution_tiled` makes it a product of matrices in shared memory, `convolution_fast` and `convolution_fast_weight` put that
on the core of the fast products. `depthwise` is for channels that have kernels of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
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
from .convolution_layout import channels_last, images_of, packed_weights, shown, taps_first
from .convolution_problem import Plan, Problem, backward_plan, forward_plan, problem_of
from .driver import properties
from .language import Kernel, ceil_div
from .layouts import numbers
from .tile import LARGE, SMALL, Tile

MEDIUM = Tile(128, 64, 8, 3, blocks=4)
"""For up to 64 output channels: 64 results a thread, by half as many threads."""
NARROW = Tile(128, 32, 16, 3, across=1, blocks=4)
"""For up to 32 output channels: 32 results a thread."""
FEW = 132
"""With fewer tiles than this, as many as an H100 has multiprocessors, smaller ones keep more of a GPU busy."""


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


def tile_for(rows: int, columns: int, products: int) -> Tile:
    """The tile with which `products` products of `rows` × `columns` results are computed.

    | columns     | tile               | why                                                       |
    | ----------- | ------------------ | --------------------------------------------------------- |
    | up to 32    | 128 × 32, 16 deep  | no wider than the result                                  |
    | up to 64    | 128 × 64           | 8 × 8 results a thread                                    |
    | more        | 128 × 128          | the fewest loads for a product                            |
    | 33 and more | 64 × 64            | where the tiles above are fewer than multiprocessors      |
    """
    if columns <= NARROW.columns:
        return NARROW
    tile = MEDIUM if columns <= MEDIUM.columns else LARGE
    return tile if _tiles(tile, rows, columns) * products >= FEW else SMALL


def _tiles(tile: Tile, rows: int, columns: int) -> int:
    return ceil_div(rows, tile.rows) * ceil_div(columns, tile.columns)


def _sweep(way: str, plan: Plan, x: DeviceArray, w: DeviceArray, y: DeviceArray, back: bool = False) -> None:
    """Fill the results `y` of a plan's sweeps over the images `x`, both `(N, …, C)`."""
    device = x.memory.device
    told, taps = numbers(device, plan.numbers), numbers(device, plan.taps)
    if way == "depthwise":
        channels = plan.outs * plan.groups
        lanes = 4 if plan.ins == plan.outs == 1 and channels % 4 == 0 and x.dtype == np.float32 else 1
        blocks = ceil_div(plan.pixels * channels // lanes, depthwise.THREADS)
        run = depthwise.sweep_kernel(x.dtype.name, lanes)[(blocks, 1, plan.sweeps), depthwise.THREADS]
        run(x, taps_first(w), y, told, taps)
        return
    packed, depth = packed_weights(w, plan, back), plan.groups * plan.sweeps
    if way == "tiled":
        side = convolution_tiled.SIDE
        grid = (ceil_div(plan.pixels, side), ceil_div(plan.outs, side), depth)
        convolution_tiled.sweep_kernel(x.dtype.name)[grid, side * side](x, packed, y, told, taps, plan.sweeps)
    else:
        tile = tile_for(plan.pixels, plan.outs, depth)
        run = _kernel(device, convolution_fast, "sweep_kernel")(tile, plan.ins % 4 == 0)
        run[(_tiles(tile, plan.pixels, plan.outs), 1, depth), tile.threads](x, packed, y, told, taps, plan.sweeps)


def _weigh(way: str, problem: Problem, x: DeviceArray, g: DeviceArray, w: DeviceArray) -> None:
    """Fill the row-major weights' gradient `w` from the images `x` and the upstream gradient `g`, both `(N, …, C)`."""
    plan, device, groups = forward_plan(problem), x.memory.device, problem.groups
    told, taps = numbers(device, plan.numbers), numbers(device, plan.taps)
    rows = len(plan.places) * plan.ins
    if way == "depthwise":
        across, count = ceil_div(len(w), depthwise.CHANNELS), math.prod(problem.kernel)
        width = problem.out[2]
        number, share = convolution_weight.parts_of(plan.pixels // width, across * count, 1, max(1, 256 // width))
        parts = convolution_weight.workspace(plan, number, x)
        run = depthwise.weight_kernel(x.dtype.name)[(across, count, number), depthwise.THREADS]
        run(x, g, parts, told, taps, share)
    elif way == "tiled":
        side = convolution_tiled.SIDE
        grid = (ceil_div(rows, side), ceil_div(plan.outs, side))
        number, share = convolution_weight.parts_of(plan.pixels, math.prod(grid) * groups, side)
        parts = convolution_weight.workspace(plan, number, x)
        run = convolution_tiled.weight_kernel(x.dtype.name)[(*grid, groups * number), side * side]
        run(x, g, parts, told, taps, groups, share)
    else:
        tile = tile_for(rows, plan.outs, groups * convolution_weight.MOST)
        tiles = _tiles(tile, rows, plan.outs)
        number, share = convolution_weight.parts_of(plan.pixels, tiles * groups, tile.depth)
        parts = convolution_weight.workspace(plan, number, x)
        found = _kernel(device, convolution_fast_weight, "weight_kernel")(tile, plan.ins % 4 == 0, plan.outs % 4 == 0)
        found[(tiles, 1, groups * number), tile.threads](x, g, parts, told, taps, groups, share)
    convolution_weight.add_up(parts, w, plan)


def _kernel(device: int, module: Any, name: str) -> Callable[..., Kernel]:
    """The factory of a fast kernel for a device."""
    return getattr(module, name if _copies_beside(device) else "turing_kernel")


def _copies_beside(device: int) -> bool:
    """Whether a device copies to shared memory beside the arithmetic: from compute capability 8.0 on."""
    return properties(device).major >= 8
