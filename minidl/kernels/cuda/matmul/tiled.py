"""Products of matrices, level two: tiles in shared memory.

A block of `side` × `side` threads computes as many results. In each step it brings a square of x and one of y to shared
memory, a number of each a thread; every number is then read `side` times from there instead of from global memory.

    for k0 in steps of side:                    shared memory is some ten times as fast, but a multiply-add still
        left, right = squares of x, y           waits for two loads; `fast` keeps numbers in registers
        wait for all threads
        total += left[row] · right[column]
        wait for all threads

Threads whose numbers are neighbours in global memory are neighbours, in whichever order the matrix lies: a warp's 32 loads
become a few of 128 bytes. The squares' rows are one number longer than `side`, so that a warp which reads or writes down a
column finds its numbers in different banks.
"""

from __future__ import annotations

import functools
from typing import Any

from ..compiler.language import Kernel, cuda, int32, kernel
from ..compiler.library import to
from .batch import start_of
from .naive import SIZES, accumulator


@functools.cache
def tiled_kernel(dtype: str, side: int) -> Kernel:
    """The kernel for arrays of a dtype and tiles of 16 × 16 or 32 × 32. Grid: columns of tiles, rows of tiles, matrices."""
    word, convert = accumulator(dtype), to(dtype)
    padded, size = side + 1, side * (side + 1)

    @kernel(
        f"{dtype}[::1], {dtype}[::1], {dtype}[::1], {SIZES}", name=f"matmul_tiled_{side}_{dtype}", threads=side * side
    )
    def matmul(
        x: Any, y: Any, out: Any, skip: Any, rows: Any, columns: Any, sums: Any,
        x_row: Any, x_sum: Any, y_sum: Any, y_column: Any,
        shift: Any, factor: Any, x_each: Any, x_carry: Any, y_each: Any, y_carry: Any,
    ) -> None:  # fmt: skip
        left = cuda.shared.array(size, word)
        right = cuda.shared.array(size, word)
        tx, ty = int32(cuda.threadIdx.x), int32(cuda.threadIdx.y)
        row0, column0 = int32(cuda.blockIdx.y * side), int32(cuda.blockIdx.x * side)
        number = int32(skip + cuda.blockIdx.z)
        # Which line and which sum this thread brings: tx goes along the axis whose numbers are neighbours.
        line_x, k_x = (ty, tx) if x_sum <= x_row else (tx, ty)
        line_y, k_y = (tx, ty) if y_column <= y_sum else (ty, tx)
        from_x = start_of(number, shift, factor, x_each, x_carry) + (row0 + line_x) * x_row + k_x * x_sum
        from_y = start_of(number, shift, factor, y_each, y_carry) + (column0 + line_y) * y_column + k_y * y_sum
        total = word(0)
        for k0 in range(0, sums, side):
            there_x, there_y = row0 + line_x < rows and k0 + k_x < sums, column0 + line_y < columns and k0 + k_y < sums
            left[line_x * padded + k_x] = word(x[from_x]) if there_x else word(0)
            right[k_y * padded + line_y] = word(y[from_y]) if there_y else word(0)
            cuda.syncthreads()
            for k in range(side):
                total += left[ty * padded + k] * right[k * padded + tx]
            cuda.syncthreads()
            from_x += side * x_sum
            from_y += side * y_sum
        row, column = row0 + ty, column0 + tx
        if row < rows and column < columns:
            out[(number * rows + row) * columns + column] = convert(total)

    return matmul


def representatives() -> list[Kernel]:
    """For the catalogue: both sizes, and of each kind of sum one."""
    return [tiled_kernel("float32", 32), *(tiled_kernel(dtype, 16) for dtype in ("float32", "float64", "int64"))]
