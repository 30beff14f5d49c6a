"""Three ways to add up each row of a matrix, for learning: `sum` uses the third.

All three take `(rows, n)` in float32, row after row in memory, and write one sum a row.

1. **naive**: a thread adds up a row. At each step the 32 threads of a warp read numbers that are n apart, so that each read
   brings a piece of 32 bytes of which 4 are used, and a matrix of few rows leaves the GPU idle.
2. **tree**: a block adds up a row. Neighbouring threads read neighbouring numbers, and a warp's read is one piece of 128
   bytes. Then the 256 partial sums are added in pairs in shared memory, eight rounds with a barrier each; in the last five,
   at most one warp still works.
3. **shuffles**: as the tree, but within a warp threads hand each other registers: five rounds without memory and without
   barriers. One barrier is left, for the sums of the eight warps.

The rounding differs too. Over n numbers added one after the other the error grows as n, in a tree as log n.
"""

from __future__ import annotations

from typing import Any

from ..compiler.language import cuda, float32, int32, kernel
from .states import ALL

THREADS = 256


@kernel("float32[::1], float32[::1], int32, int32", threads=THREADS, waits=False, name="sum_rows_naive")
def naive(x: Any, y: Any, rows: int, n: int) -> None:
    """One thread a row; launch with ⌈rows/256⌉ blocks of 256."""
    row = cuda.grid(1)
    if row < rows:
        total = float32(0)
        for i in range(n):
            total += x[row * n + i]
        y[row] = total


@kernel("float32[::1], float32[::1], int32, int32", threads=THREADS, name="sum_rows_tree")
def tree(x: Any, y: Any, rows: int, n: int) -> None:
    """One block a row, and a tree in shared memory; launch with `rows` blocks of 256."""
    partial = cuda.shared.array(THREADS, float32)
    row, thread = cuda.blockIdx.x, cuda.threadIdx.x
    total = float32(0)
    for i in range(thread, n, THREADS):
        total += x[row * n + i]
    partial[thread] = total
    step = int32(THREADS >> 1)
    while step > 0:
        cuda.syncthreads()
        if thread < step:
            partial[thread] += partial[thread + step]
        step >>= 1
    if thread == 0:
        y[row] = partial[0]


@kernel("float32[::1], float32[::1], int32, int32", threads=THREADS, name="sum_rows_shuffles")
def shuffles(x: Any, y: Any, rows: int, n: int) -> None:
    """One block a row, shuffles in each warp; launch with `rows` blocks of 256."""
    of_warps = cuda.shared.array(32, float32)
    row, thread = cuda.blockIdx.x, cuda.threadIdx.x
    lane, warp = thread & 31, thread >> 5
    total = float32(0)
    for i in range(thread, n, THREADS):
        total += x[row * n + i]
    by = int32(16)
    while by > 0:
        total += cuda.shfl_xor_sync(ALL, total, by)
        by >>= 1
    if lane == 0:
        of_warps[warp] = total
    cuda.syncthreads()
    if warp == 0:
        total = of_warps[lane] if lane < THREADS >> 5 else float32(0)
        by = int32(16)
        while by > 0:
            total += cuda.shfl_xor_sync(ALL, total, by)
            by >>= 1
        if lane == 0:
            y[row] = total


def blocks(which: Any, rows: int) -> int:
    """How many blocks a kernel of this file needs."""
    return -(-rows // THREADS) if which is naive else rows
