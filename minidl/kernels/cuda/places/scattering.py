"""Kernels that add up, or compare, what comes to one place: deterministic, for no two threads ever write to one element.

Two ways, by who looks for whom:

* `join_runs`: the places were sorted (`order`), and equal ones stand side by side. The thread at the first of a run
  adds the whole run up, in order, and writes once; the others end. Its cost is the sort, and that one place which occurs m
  times keeps its threads busy for m steps.
* `join_along`, for an index with a position for every element: each target looks at all elements of its line and takes those
  that point to it. No sort, but length times length steps; it is for short lines, such as one class for each row.

Floats are added with Kahan's compensation (Kahan, 1965, "Further remarks on reducing truncation errors"): what the last
addition lost is taken off the next summand, so that the error stays at about two units in the last place for any length.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..compiler.intrinsics import quotient
from ..compiler.language import Kernel, cuda, device, int32, kernel

THREADS = 256


@functools.cache
def joining(dtype: str, how: str) -> Any:
    """The function `join(total, lost, value)` → the new total, and what was lost in adding to it.

    `how` is "sum", "largest" or "smallest"; NaN wins a comparison, and booleans are added as `or`.
    """
    kind, zero = np.dtype(dtype).kind, np.dtype(dtype).type(0)

    @device
    def add(total: Any, lost: Any, value: Any) -> Any:
        summand = value - lost
        new = total + summand
        rest = (new - total) - summand
        return new, rest if rest == rest else zero

    @device
    def add_exactly(total: Any, lost: Any, value: Any) -> Any:
        return total + value, lost

    @device
    def either(total: Any, lost: Any, value: Any) -> Any:
        return total or value, lost

    @device
    def larger(total: Any, lost: Any, value: Any) -> Any:
        return value if value > total or value != value else total, lost

    @device
    def smaller(total: Any, lost: Any, value: Any) -> Any:
        return value if value < total or value != value else total, lost

    if how == "sum":
        return add if kind == "f" else either if kind == "b" else add_exactly
    return larger if how == "largest" else smaller


@functools.cache
def join_runs(dtype: str, how: str) -> Kernel:
    """y[o, place, i] joins all values[o, order[s], i] for which places[s] is that place; `places` are in order.

    Lines are row-major: y `(outer, n, inner)`, the values `(outer, given, inner)`. Places from `n` on count for nothing.
    """
    join, zero = joining(dtype, how), np.dtype(dtype).type(0)
    signature = f"{dtype}[::1], int32[::1], int32[::1], {dtype}[::1], int32, int32, int32, int32"

    @kernel(signature, name=f"{how}_of_runs_{dtype}", threads=THREADS, waits=False)
    def run(values: Any, places: Any, order: Any, y: Any, n: int, given: int, inner: int, count: int) -> None:
        j = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if j < count:
            row = quotient(int32(j), inner)
            outer = quotient(row, given)
            s, i = int32(row - outer * given), j - row * inner
            place = places[s]
            is_first = True
            if s > 0:
                is_first = places[s - 1] != place
            if is_first and place < n:
                to = (outer * n + place) * inner + i
                total, lost = y[to], zero
                while s < given and places[s] == place:
                    total, lost = join(total, lost, values[(outer * given + order[s]) * inner + i])
                    s = int32(s + 1)
                y[to] = total

    return run


@functools.cache
def join_along(dtype: str, index_dtype: str, how: str) -> Kernel:
    """y[…, p, …] joins all values[…, k, …] with index[…, k, …] = p; y is row-major, the others lie anyhow.

    `lying` holds the lengths of y, those of the index, and the strides of the index and of the values, both 0 for the axis
    that the index counts along; there the index has `given` positions, `index_step` and `step` apart, and y has `n`.
    """
    join, zero = joining(dtype, how), np.dtype(dtype).type(0)
    signature = (
        f"{dtype}[::1], {index_dtype}[::1], {dtype}[::1], int32[::1], int32, int32, int32, int32, int32, int32, int32"
    )

    @kernel(signature, name=f"{how}_along_{dtype}_{index_dtype}", threads=THREADS, waits=False)
    def run(
        values: Any,
        index: Any,
        y: Any,
        lying: Any,
        ndim: int,
        dim: int,
        n: int,
        given: int,
        index_step: int,
        step: int,
        count: int,
    ) -> None:
        j = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
        if j < count:
            at, there, own, rest = int32(0), int32(0), int32(0), int32(j)
            is_reached = True
            for axis in range(ndim - 1, -1, -1):
                left = quotient(rest, lying[axis])
                c = rest - left * lying[axis]
                if axis == dim:
                    own = int32(c)
                elif c >= lying[ndim + axis]:
                    is_reached = False
                at = int32(at + c * lying[2 * ndim + axis])
                there = int32(there + c * lying[3 * ndim + axis])
                rest = left
            if is_reached:
                total, lost = y[j], zero
                for k in range(given):
                    position = index[at + k * index_step]
                    if position == own or position + n == own:
                        total, lost = join(total, lost, values[there + k * step])
                y[j] = total

    return run


def representatives() -> list[Kernel]:
    """A kernel of each kind, for those who look at all kernels; see `catalogue`."""
    found = [join_runs(dtype, how) for dtype in ("float32", "float64", "int64") for how in ("sum", "largest")]
    return [*found, *(join_along("float32", index, how) for index in ("int32", "int64") for how in ("sum", "smallest"))]
