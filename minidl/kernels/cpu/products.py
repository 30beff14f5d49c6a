"""Products of matrices: which way is the quickest for each size.

- One number to add up, as in the gradient of a weight for a single image: NumPy's outer product, at the speed of memory
  (measured: 65 µs where BLAS takes 220).
- Medium products, and batches of them, from some 10 µs of work to a millisecond: register tiles on all threads (`panels`).
- Large ones: BLAS on its own threads. Small ones, and a matrix and a vector: BLAS on one.

The memory of operands may lie in any order: tiles read it where it is, as `x.T`, or heads of attention after a permutation.
"""

from __future__ import annotations

import math
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np

from . import blas, paths
from .layout import flat
from .ready import Run
from .threads import LARGE

Array = np.ndarray[Any, Any]

LEAST = 1 << 20
"""Multiply-adds from which starting threads pays: ten microseconds' work for one."""

SHORTEST, LONGEST = 8, 4096
"""How many rows, sums and columns a product must have for tiles; and how many sums it may have, added up one by one."""

TASKS = 8
"""Into how many tasks the work is divided at least, for threads to share."""


def matmul(x: Any, y: Any) -> Any:
    """NumPy's product, `(…, rows, sums) @ (…, sums, columns)`."""
    if x.ndim > 2 == y.ndim and x.flags.c_contiguous:  # the same matrix for each: one product of all rows
        return matmul(x.reshape(math.prod(x.shape[:-1]), x.shape[-1]), y).reshape(*x.shape[:-1], y.shape[-1])
    if x.ndim > 1 < y.ndim:
        if x.shape[-1] == 1 == y.shape[-2]:
            return np.multiply(x, y)
        if are_medium(x, y):
            batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2]) if max(x.ndim, y.ndim) > 2 else ()
            result = np.empty((*batch, x.shape[-2], y.shape[-1]), x.dtype)
            multiplying(result, _simple(x), _simple(y))()
            return result
    return blas.product(blas.for_blas(x), blas.for_blas(y))


def are_medium(x: Array, y: Array) -> bool:
    """Whether two arrays of matrices are of a size that tiles multiply quickest."""
    rows, sums, columns = x.shape[-2], x.shape[-1], y.shape[-1]
    if min(rows, sums, columns) < SHORTEST or sums > LONGEST or sums != y.shape[-2] or rows * sums * columns >= LARGE:
        return False
    whole = max(x.size * columns, y.size * rows)
    same = x.dtype == y.dtype and x.dtype in (np.float32, np.float64)
    return whole >= LEAST and same and max(x.ndim, y.ndim) <= 4 and paths.enabled("products")


def multiplying(result: Array, x: Array, y: Array) -> Run:
    """What fills `result` with x @ y by register tiles; all three are `simple`, with at most two batch axes."""
    from . import panels

    (a, a_steps), (b, b_steps), (c, c_steps) = _in_a_row(x), _in_a_row(y), _in_a_row(result)
    size = (*(1, 1, *result.shape[:-2])[-2:], x.shape[-2], x.shape[-1], y.shape[-1])
    plan = _plan(size, a_steps, b_steps, c_steps, x.itemsize)
    if plan.turned:
        a, b = b, a
    return partial(panels.multiply, a, b, c, np.empty(plan.room, c.dtype), plan.work, plan.packing)


def is_simple(x: Array) -> bool:
    """Whether kernels can take the memory of an array as it is: aligned, no strides backwards, and not read-only."""
    return bool(x.flags.behaved and min(x.strides) >= 0)


def _simple(x: Array) -> Array:
    return x if is_simple(x) else x.copy()


Steps = tuple[int, int, int, int]


def _in_a_row(x: Array) -> tuple[Array, Steps]:
    """View all numbers of `x` as they lie in memory, and tell the steps to neighbours along two batch axes, rows, columns.

    What lies between the numbers, as of a slice, is part of the view.
    """
    steps = [0 if n == 1 else stride // x.itemsize for n, stride in zip(x.shape, x.strides, strict=True)]
    span = 1 + sum((n - 1) * step for n, step in zip(x.shape, steps, strict=True))
    numbers = flat(x) if span == x.size else None  # of others it would make a copy first
    if numbers is None:
        numbers = np.lib.stride_tricks.as_strided(x, (span,), (x.itemsize,))
    return numbers, (*(0, 0, *steps)[-4:],)  # type: ignore[return-value]


class _Plan(NamedTuple):
    """Plans for the kernel (see `panels`), of the work and of packing panels; their room; whether a is y and b is x."""

    work: Array
    packing: Array
    room: int
    turned: bool


@lru_cache(maxsize=512)
def _plan(size: tuple[int, int, int, int, int], x: Steps, y: Steps, z: Steps, itemsize: int) -> _Plan:
    """How to multiply: x @ y, or its transpose yᵀ @ xᵀ if that has less to pack; `size` is batch, rows, sums, columns."""
    outer, inner, rows, sums, columns = size
    straight = (rows, columns, x, y, z)
    turned = (columns, rows, _transposed(y), _transposed(x), _transposed(z))
    is_turned = _cost(sums, *turned, itemsize) < _cost(sums, *straight, itemsize)
    rows, columns, a, b, c = turned if is_turned else straight
    from . import simd

    products, widest = outer * inner, simd.WIDEST // itemsize
    panels = -(-columns // widest)
    shared = products * panels < TASKS
    each = rows if not shared else -(-rows * products // (TASKS * simd.ROWS)) * simd.ROWS
    wide = widest if panels > 1 and products < TASKS and not shared else panels * widest

    def plan(each: int, wide: int) -> Array:
        tasks = products * -(-rows // each) * -(-columns // wide)
        return np.array([(inner, rows, sums, columns), a, b, c, (each, wide, tasks, 0)], np.int64)

    room = products * sums * _padded(columns, itemsize) if shared else 0
    return _Plan(plan(each, wide), plan(rows, widest), room, is_turned)


def _cost(sums: int, rows: int, columns: int, a: Steps, b: Steps, c: Steps, itemsize: int) -> float:
    """About how many cycles a product takes: the steps of its tiles, packing `b`, and turning results that lie in columns."""
    from . import simd

    lanes, wide = simd.BYTES // itemsize, _padded(columns, itemsize)
    steps = -(-rows // simd.ROWS) * simd.ROWS * sums * wide / lanes
    return steps + sums * columns * (2 / lanes if b[3] == 1 else 1.5) + (0 if c[3] == 1 else 1.5 * rows * columns)


def _padded(columns: int, itemsize: int) -> int:
    """How many columns the panels have that cover so many: whole quarters of the widest."""
    from . import simd

    quarter = simd.WIDEST // itemsize // 4
    return -(-columns // quarter) * quarter


def _transposed(steps: Steps) -> Steps:
    return steps[0], steps[1], steps[3], steps[2]
