"""Products of matrices, level one: one thread a result.

    out[i, j] = Σ_k x[i, k] · y[k, j]

Each thread walks along a row of x and down a column of y. For a result of n × n numbers the whole device reads every number
of x and y n times from memory: two loads for each multiply-add, where a GPU has time for fifty multiply-adds a load. It takes
any strides and any dtype, and is what the other kernels are compared with; of tiny products, it is also the quickest.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..compiler.intrinsics import quotient
from ..compiler.language import Kernel, cuda, int32, kernel
from ..compiler.library import to
from .batch import start_of

THREADS = 256
SIZES = ", ".join(["int32"] * 4 + ["int64"] * 4 + ["int32"] + ["int64"] * 5)
"""What follows the arrays: how many matrices earlier launches did; rows, columns, sums; the steps of x from row to row and from
sum to sum, and of y from sum to sum and from column to column; then where the matrices of a batch are, see `batch`."""


def accumulator(dtype: str) -> Any:
    """The type that sums of a dtype are added up in: whole numbers wrap around in the end, half floats are rounded once."""
    return np.int64 if np.dtype(dtype).kind in "iu" else np.float64 if dtype == "float64" else np.float32


@functools.cache
def naive_kernel(dtype: str) -> Kernel:
    """The kernel for arrays of a dtype. Grid: results by 256, 1, matrices."""
    word, convert = accumulator(dtype), to(dtype)

    @kernel(
        f"{dtype}[::1], {dtype}[::1], {dtype}[::1], {SIZES}", name=f"matmul_naive_{dtype}", threads=THREADS, waits=False
    )
    def matmul(
        x: Any, y: Any, out: Any, skip: Any, rows: Any, columns: Any, sums: Any,
        x_row: Any, x_sum: Any, y_sum: Any, y_column: Any,
        shift: Any, factor: Any, x_each: Any, x_carry: Any, y_each: Any, y_carry: Any,
    ) -> None:  # fmt: skip
        i = cuda.grid(1)
        if i < rows * columns:
            row = quotient(i, columns)
            column = int32(i - row * columns)
            number = int32(skip + cuda.blockIdx.z)
            left = start_of(number, shift, factor, x_each, x_carry) + row * x_row
            right = start_of(number, shift, factor, y_each, y_carry) + column * y_column
            total = word(0)
            for _ in range(sums):
                total += word(x[left]) * word(y[right])
                left += x_sum
                right += y_sum
            out[number * rows * columns + i] = convert(total)

    return matmul


def representatives() -> list[Kernel]:
    """For the catalogue: of each kind of sum one."""
    return [naive_kernel(dtype) for dtype in ("float32", "float64", "float16", "int64")]
