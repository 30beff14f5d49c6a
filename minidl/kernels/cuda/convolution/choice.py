"""Which kernel computes a convolution, and in which tiles."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..compiler.language import Kernel, ceil_div
from ..matmul.precision import get_float32_matmul_precision
from ..matmul.tensor_cores import WarpTile
from ..matmul.tile import LARGE, SMALL, Tile
from ..runtime.driver import properties
from . import depthwise
from . import direct as convolution_direct
from . import fast as convolution_fast
from . import fast_weight as convolution_fast_weight
from . import tensor as convolution_tensor
from . import tiled as convolution_tiled
from . import weight as convolution_weight
from .layout import packing_kernel
from .problem import Plan, Problem
from .tensor import WAYS

MEDIUM = Tile(128, 64, 8, 3, blocks=4)
"""For up to 64 output channels: 64 results a thread, by half as many threads."""
NARROW = Tile(128, 32, 16, 3, across=1, blocks=4)
"""For up to 32 output channels: 32 results a thread."""
TINY = Tile(32, 32, 16, 4, down=1, across=1, blocks=8)
"""For few results: 16 results a thread."""
TILES = (LARGE, MEDIUM, SMALL, NARROW, TINY)
FEW = convolution_weight.MULTIPROCESSORS
"""With fewer tiles than this, smaller ones keep more of a GPU busy."""


def way_of(problem: Problem, dtype: np.dtype[Any], device: int) -> str:
    """The way in which a convolution and its transposes are computed where none is asked for: the first that fits.

    | convolution                                  | way                | why                                               |
    | -------------------------------------------- | ------------------ | ------------------------------------------------- |
    | several groups, of one input channel each    | `depthwise`        | products of matrices would have sums of one channel |
    | float64                                      | `tiled`            | the fast core is made for float32                 |
    | float32, where rounding is allowed (below)   | `tf32`, `bfloat16` | tensor cores                                      |
    | any other                                    | `fast`             | up to 8 × 8 results a thread                      |

    `set_float32_matmul_precision` allows it, for convolutions as for products, from compute capability 8.0 on.
    `direct` is taken when it is asked for: it is the definition, to compare with.
    """
    if problem.groups > 1 == problem.ins:
        return "depthwise"
    if dtype != np.float32:
        return "tiled"
    precision = get_float32_matmul_precision()
    return WAYS[precision] if precision in WAYS and copies_beside(device) else "fast"


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
        if wide_enough and (largest or tile is not LARGE) and tiles_of(tile, rows, columns) * products >= FEW:
            return tile
    return TINY


def tiles_of(tile: Tile | WarpTile, rows: int, columns: int) -> int:
    """How many tiles cover a result."""
    return ceil_div(rows, tile.rows) * ceil_div(columns, tile.columns)


def sweeping(way: str, plan: Plan, device: int) -> tuple[Tile | WarpTile, Kernel]:
    """The tile and the kernel for a plan's sweeps."""
    products, wide = plan.groups * plan.sweeps, plan.ins % 4 == 0
    if way in WAYS.values():
        tensor_tile = warp_tile_for(plan.pixels, plan.outs, products)
        return tensor_tile, convolution_tensor.sweep_kernel(tensor_tile, wide, way)
    beside = copies_beside(device)
    tile = tile_for(plan.pixels, plan.outs, products, beside and wide)
    return tile, (convolution_fast.sweep_kernel if beside else convolution_fast.turing_kernel)(tile, wide)


def weighing(way: str, plan: Plan, device: int) -> tuple[Tile | WarpTile, Kernel]:
    """The tile and the kernel for the gradient of a plan's weights, of which there are parts enough."""
    rows, products, wide = len(plan.places) * plan.ins, plan.groups * FEW, plan.ins % 4 == 0
    if way in WAYS.values():
        tensor_tile = warp_tile_for(rows, plan.outs, products)
        return tensor_tile, convolution_tensor.weight_kernel(tensor_tile, wide, plan.outs % 4 == 0, way)
    beside = copies_beside(device)
    tile = tile_for(rows, plan.outs, products, beside and wide)
    make = convolution_fast_weight.weight_kernel if beside else convolution_fast_weight.turing_kernel
    return tile, make(tile, wide, plan.outs % 4 == 0)


def warp_tile_for(rows: int, columns: int, products: int) -> WarpTile:
    """The tile for tensor cores: as wide as the result, but smaller where there would be fewer than multiprocessors."""
    if columns <= convolution_tensor.NARROW.columns:
        return convolution_tensor.NARROW
    tile = convolution_tensor.MEDIUM if columns <= convolution_tensor.MEDIUM.columns else convolution_tensor.LARGE
    return tile if tiles_of(tile, rows, columns) * products >= FEW else convolution_tensor.SMALL


def copies_beside(device: int) -> bool:
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
    for way in WAYS.values():
        for warp_tile in convolution_tensor.TILES:
            found.append(convolution_tensor.sweep_kernel(warp_tile, True, way))
            found.append(convolution_tensor.weight_kernel(warp_tile, True, True, way))
    return found
