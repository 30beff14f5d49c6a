"""Products of matrices: NumPy's rules of shapes, and which kernel multiplies what.

| what                                                        | kernel                                               |
| ----------------------------------------------------------- | ---------------------------------------------------- |
| other dtypes than float32                                   | `tiled`, 32 × 32 threads a block or 16 × 16   |
| few multiply-adds, and few or short sums                    | `naive`: nothing is worth setting up          |
| float32, results that fill the GPU with large tiles         | `fast`, 128 × 128                             |
| float32, smaller or thin results                            | `fast`, 64 × 64                               |
| … of which there are few, with long sums                    | the same, shared out along the sums, then added up   |
| float32 where `set_float32_matmul_precision` allows rounding| `tensor_cores`, from compute capability 8.0 on       |

The fast kernels take row-major and column-major factors as they lie, in any batch; factors that lie otherwise are copied.
XᵀYᵀ is computed as (YX)ᵀ. What depends on shapes and strides alone is worked out once and kept (`_plan`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ....errors import NotOnDeviceError
from ... import contraction
from ..array import DeviceArray, Shape, row_major
from ..compiler.language import Kernel, ceil_div
from ..places import copies
from ..places.picking import from_diagonal
from ..runtime import memory
from ..runtime.driver import properties
from . import tensor_cores
from .batch import MOST, Batch, broadcast, folded
from .fast import adding_kernel, fast_kernel, turing_kernel
from .naive import THREADS, naive_kernel
from .precision import get_float32_matmul_precision
from .tensor_cores import WarpTile, tensor_kernel
from .tile import LARGE, SMALL, Tile
from .tiled import tiled_kernel

DTYPES = ("float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8")
"""What is multiplied; True and False are not."""
FEW, SHORT = 1 << 18, 128
"""Up to so many multiply-adds, in sums of up to so many, a thread a result is the quickest (unmeasured)."""
WORTH_SHARING = 256
"""How many sums a share has at least when a product is shared out along its sums (unmeasured)."""
FURTHEST = 1 << 31
"""The fast kernels count in 32 bits how far it is from the first number that a block reads of a factor to any other."""
COPIES_BESIDE = (8, 0)
"""The first compute capability with `cp.async`, and with tensor cores that take float32."""


# NumPy's rules -----------------------------------------------------------------------------------------------------------


def matmul(x: DeviceArray, y: DeviceArray) -> DeviceArray:
    """NumPy's product, `(…, rows, sums) @ (…, sums, columns)`; a vector is a row on the left, a column on the right.

    Raises:
        ValueError: the shapes do not fit, in NumPy's words.
        NotOnDeviceError: a dtype that is not multiplied on a GPU.
    """
    if x.dtype != y.dtype:
        dtype = np.result_type(x.dtype, y.dtype)
        x, y = (a if a.dtype == dtype else a.astype(dtype) for a in (x, y))
    if x.dtype.name not in DTYPES:
        raise NotOnDeviceError(
            f"matmul of {x.dtype} is not computed on a GPU here; x.cpu() brings the numbers to where it is"
        )
    shape = shape_of_product(x.shape, y.shape)
    left = x if x.ndim > 1 else x.view_as((1, x.size), (0, *x.strides))
    right = y if y.ndim > 1 else y.view_as((y.size, 1), (*y.strides, 0))
    result = of_matrices(left, right)
    return result if result.shape == shape else result.view_as(shape, tuple(_without_vectors(result.strides, x, y)))


def shape_of_product(x: Shape, y: Shape) -> Shape:
    """The shape of a product.

    Raises:
        ValueError: there is none.

    >>> shape_of_product((5, 1, 2, 3), (4, 3, 7)), shape_of_product((3,), (3, 7)), shape_of_product((3,), (3,))
    ((5, 4, 2, 7), (7,), ())
    """
    if not x or not y or x[-1] != y[-min(2, len(y))] or not _broadcast_together(x[:-2], y[:-2]):
        np.matmul(np.broadcast_to(0.0, x), np.broadcast_to(0.0, y))  # which says what does not fit
    batch = np.broadcast_shapes(x[:-2], y[:-2])
    return (*batch, *x[-2:-1], *(y[-1:] if len(y) > 1 else ()))


def _broadcast_together(x: Shape, y: Shape) -> bool:
    return all(m == n or 1 in (m, n) for m, n in zip(reversed(x), reversed(y), strict=False))


def _without_vectors(strides: Shape, x: DeviceArray, y: DeviceArray) -> list[int]:
    """The strides of a result without the axes of length 1 that vectors got."""
    kept = list(strides)
    if y.ndim == 1:
        del kept[-1]
    if x.ndim == 1:
        del kept[-1 if y.ndim == 1 else -2]
    return kept


def einsum(equation: str, *arrays: DeviceArray) -> DeviceArray:
    """Sum products over the indices that the result lacks; see `contraction`."""
    result = contraction.einsum(matmul, from_diagonal, equation, arrays)
    return copies.copy(result) if len(arrays) == 1 and result.memory is arrays[0].memory else result


# One product --------------------------------------------------------------------------------------------------------------


def of_matrices(x: DeviceArray, y: DeviceArray) -> DeviceArray:
    """The product of arrays of matrices, `(…, rows, sums) @ (…, sums, columns)`, whose shapes fit."""
    batch, (rows, sums), columns = np.broadcast_shapes(x.shape[:-2], y.shape[:-2]), x.shape[-2:], y.shape[-1]
    shape = (*batch, rows, columns)
    if not math.prod(shape) or not sums:
        out = memory.empty(shape, x.dtype, x.memory.device)
        memory.fill_zeros(out)
        return out
    if x.ndim > 2 == y.ndim and x.is_contiguous:  # the same matrix for each: one product of all rows
        flat = of_matrices(x.view_as((math.prod(x.shape[:-1]), sums), x.strides[-2:]), y)
        return flat.view_as(shape, row_major(shape, x.itemsize))
    if needs_tiles(x.dtype.name, rows, columns, sums):
        x, y = suited(x), suited(y)
        if not is_along(x) and not is_along(y):  # XᵀYᵀ = (YX)ᵀ
            return of_matrices(y.mT, x.mT).mT
    x, y, where = folded(*broadcast(x, y, batch))
    out = memory.empty(shape, x.dtype, x.memory.device)
    x_steps, y_steps = steps_of(x), steps_of(y)
    aligned = x.address % 16 == y.address % 16 == 0
    plan = plan_of(
        x.dtype.name,
        rows,
        columns,
        sums,
        x_steps,
        y_steps,
        where,
        aligned,
        x.memory.device,
        get_float32_matmul_precision(),
    )
    plan.run(x, y, out)
    return out


def steps_of(x: DeviceArray) -> tuple[int, int]:
    """How far rows, and columns, of matrices are apart, in elements."""
    return x.strides[-2] // x.itemsize, x.strides[-1] // x.itemsize


def is_along(x: DeviceArray) -> bool:
    """Whether the numbers of each row are neighbours."""
    return x.strides[-1] == x.itemsize or x.shape[-1] == 1


def suited(x: DeviceArray) -> DeviceArray:
    """Matrices whose rows, or whose columns, are neighbours in memory: these, or a copy."""
    return x if is_along(x) or is_along(x.mT) else copies.contiguous(x)


@dataclass(frozen=True)
class Plan:
    """How a product is computed.

    Attributes:
        kernel, grid, block: what is launched, for up to 65535 matrices at once.
        sizes: the kernel's arguments behind the arrays and `skip`.
        count: how many matrices there are, or shares of one.
        shares: into how many shares one product is divided.
    """

    kernel: Kernel
    grid: tuple[int, int]
    block: tuple[int, int]
    sizes: tuple[int, ...]
    count: int
    shares: int = 1

    def run(self, x: DeviceArray, y: DeviceArray, out: DeviceArray) -> None:
        """Compute the product."""
        parts = out if self.shares == 1 else memory.empty((self.shares, out.size), out.dtype, out.memory.device)
        for skip in range(0, self.count, MOST):
            grid = (*self.grid, min(MOST, self.count - skip))
            self.kernel[grid, self.block](x, y, parts, skip, *self.sizes)
        if self.shares > 1:
            adding_kernel()[ceil_div(out.size, THREADS), THREADS](parts, out, out.size, self.shares)


# Which kernel multiplies what --------------------------------------------------------------------------------------------


def needs_tiles(dtype: str, rows: int, columns: int, sums: int) -> bool:
    """Whether one of the fast kernels multiplies: float32, and enough to do."""
    return dtype == "float32" and not is_tiny(rows, columns, sums)


def is_tiny(rows: int, columns: int, sums: int) -> bool:
    """Whether a thread a result is the quickest."""
    return rows * columns * sums <= FEW and sums <= SHORT


@lru_cache(maxsize=4096)
def plan_of(
    dtype: str,
    rows: int,
    columns: int,
    sums: int,
    x_steps: tuple[int, int],
    y_steps: tuple[int, int],
    where: Batch,
    aligned: bool,
    device: int,
    precision: str,
) -> Plan:
    """Choose the kernel, and work out its arguments.

    Args:
        x_steps, y_steps: how far rows, and columns, of each factor are apart.
        where: the batch.
        aligned: whether both factors begin at multiples of 16 bytes.
        device: the device's number.
        precision: that of float32.
    """
    if not needs_tiles(dtype, rows, columns, sums):
        return _plain(dtype, rows, columns, sums, x_steps, y_steps, where)
    found = properties(device)
    can_copy_beside = (found.major, found.minor) >= COPIES_BESIDE
    rounds = precision != "highest" and can_copy_beside
    tile = tile_for(rows, columns, where.matrices, found.multi_processor_count, rounds)
    down, across = ceil_div(rows, tile.rows), ceil_div(columns, tile.columns)
    shares = shares_for(down * across, sums, found.multi_processor_count) if where.matrices == 1 else 1
    share = ceil_div(ceil_div(sums, shares), tile.depth) * tile.depth
    shares = ceil_div(sums, share)
    left_along, right_along = x_steps[1] == 1 or sums == 1, not (y_steps[1] == 1 or columns == 1)
    x_step, y_step = x_steps[0 if left_along else 1], y_steps[1 if right_along else 0]
    x_on, y_on = tile.depth * (1 if left_along else x_step), tile.depth * (1 if right_along else y_step)
    ahead = share + tile.stages * tile.depth
    lines_of_x, lines_of_y = tile.rows if left_along else ahead, tile.columns if right_along else ahead
    if max(lines_of_x * x_step, lines_of_y * y_step) + ahead >= FURTHEST:
        return _plain(dtype, rows, columns, sums, x_steps, y_steps, where)
    if shares > 1:
        where = Batch(shares, 0, 1, share * x_on // tile.depth, 0, share * y_on // tile.depth, 0)
    fours = [sums if left_along else rows, x_step, where.x_each, where.x_carry]
    if rounds or not right_along:  # else y is turned around on the way, number by number
        fours += [sums if right_along else columns, y_step, where.y_each, where.y_carry]
    aligned = aligned and not any(n % 4 for n in fours)
    band = max(min((down & -down).bit_length() - 1, 3), (ceil_div(down, MOST) - 1).bit_length())
    last = share if shares > 1 else 0
    sizes = (rows, columns, sums, x_step, y_step, x_on, y_on, band, share, last, *where[1:])
    if isinstance(tile, WarpTile):
        kernel = tensor_kernel(tile, left_along, right_along, aligned, precision)
    else:
        kernel = (fast_kernel if can_copy_beside else turing_kernel)(tile, left_along, right_along, aligned)
    return Plan(kernel, (across << band, ceil_div(down, 1 << band)), (tile.threads, 1), sizes, where.matrices, shares)


def _plain(
    dtype: str, rows: int, columns: int, sums: int, x: tuple[int, int], y: tuple[int, int], where: Batch
) -> Plan:
    """One of the kernels that take any strides and dtypes."""
    sizes = (rows, columns, sums, *x, *y, *where[1:])
    side = 32 if min(rows, columns) >= 512 else 16
    grid = (ceil_div(columns, side), ceil_div(rows, side))
    if is_tiny(rows, columns, sums) or grid[1] > MOST:
        return Plan(naive_kernel(dtype), (ceil_div(rows * columns, THREADS), 1), (THREADS, 1), sizes, where.matrices)
    return Plan(tiled_kernel(dtype, side), grid, (side, side), sizes, where.matrices)


def tile_for(rows: int, columns: int, matrices: int, multiprocessors: int, rounds: bool) -> Tile | WarpTile:
    """The large tile where results fill it, and the GPU with one such tile a multiprocessor; else the small one."""
    large, small = (tensor_cores.LARGE, tensor_cores.SMALL) if rounds else (LARGE, SMALL)
    thin = min(rows, columns) <= small.rows
    tiles = ceil_div(rows, large.rows) * ceil_div(columns, large.columns) * matrices
    return small if thin or tiles < multiprocessors else large


def shares_for(tiles: int, sums: int, multiprocessors: int) -> int:
    """Into how many shares a product of so many tiles is divided along its sums: until each multiprocessor has two blocks."""
    return max(1, min(2 * multiprocessors // tiles, sums // WORTH_SHARING))
