"""Convolution on a GPU, and its transposes in the image and in the weights: which way to compute them.

Inside, images are channels-last with three axes; the results are handed out as `(N, C, …)` views of channels-last memory, so
that the next layer finds them as it wants them. `layout` brings operands that lie otherwise.

There are three levels side by side, to be read one after the other: `direct` follows the definition,
`tiled` makes it a product of matrices in shared memory, `fast` and `fast_weight` put that
on the core of the fast products, and `tensor` on tensor cores. `depthwise` is for channels that have kernels of
their own. `choice` says which is taken when.
"""

from __future__ import annotations

import math

import numpy as np

from ....errors import DtypeError
from ...geometry import Size
from ..array import DeviceArray
from ..compiler.language import ceil_div
from ..runtime import memory
from . import depthwise
from . import direct as convolution_direct
from . import tiled as convolution_tiled
from . import weight as convolution_weight
from .choice import sweeping, tiles_of, way_of, weighing
from .layout import channels_last, images_of, packed_weights, taps_first
from .problem import Plan, Problem, backward_plan, forward_plan, problem_of, uploaded


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
    way = way or way_of(problem, x.dtype, x.memory.device)
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
    way = way or way_of(problem, g.dtype, g.memory.device)
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
    way = way or way_of(problem, x.dtype, x.memory.device)
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
        tile, made = sweeping(way, plan, device)
        made[(tiles_of(tile, plan.pixels, plan.outs), 1, depth), tile.threads](x, packed, y, told, taps, plan.sweeps)


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
        tile, made = weighing(way, plan, device)
        tiles = tiles_of(tile, rows, plan.outs)
        number, share = convolution_weight.parts_of(plan.pixels, tiles * groups, tile.blocks, tile.depth, least)
        parts = convolution_weight.workspace(plan, number, x)
        made[(tiles, 1, groups * number), tile.threads](x, g, parts, told, taps, groups, share)
    convolution_weight.add_up(parts, w, plan)
