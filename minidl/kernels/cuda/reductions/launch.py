"""How a reduction over any axes of an array becomes launches of the two kernels.

The axes are taken in the order in which they lie in memory, from the slowest to the quickest, and neighbours that are both
reduced, or both kept, are merged: what remains are *runs*. Images `(N, C, H, W)` summed over all but C are three of them, N
and H·W reduced and C kept between. Each launch reduces the last reduced run; what comes before it are its rows or outer
axis, what comes after it its columns. So no array that lies in one piece is copied, in whatever order its axes are. A long
run is cut into parts, which become a reduced run themselves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ....errors import NotOnDeviceError
from ..array import DeviceArray, Shape, row_major
from ..compiler.language import ceil_div
from ..places.copies import contiguous
from ..runtime import memory
from .kernels import MANY, SHORT, THREADS, TINY, WARP, columns_kernel, rows_kernel
from .states import Reduction

BLOCKS = 1024
"""About how many blocks keep the largest device busy."""
_FEWEST, _MOST = 16, 64
"""How many numbers a thread takes one after the other: enough to be worth a launch, few enough for little rounding."""


class Run(NamedTuple):
    """Neighbouring axes taken as one.

    Attributes:
        length: the product of their lengths.
        reduced: whether they are reduced; else they are kept.
    """

    length: int
    reduced: bool


def source_of(x: DeviceArray, name: str) -> DeviceArray:
    """The array as the kernels take it: truth values as uint8.

    Raises:
        NotOnDeviceError: complex numbers.
    """
    if x.dtype.kind not in "fiub":
        raise NotOnDeviceError(
            f"{name}: {x.dtype} is not computed on a GPU here; x.cpu() brings the numbers to where it is"
        )
    return x.view_as(x.shape, x.strides, dtype=np.dtype(np.uint8)) if x.dtype.kind == "b" else x


def as_dtype(x: DeviceArray, dtype: str) -> DeviceArray:
    """The same bits read as another dtype of the same size."""
    return DeviceArray(x.memory, x.shape, np.dtype(dtype), x.strides, x.offset)


def memory_order(x: DeviceArray) -> tuple[DeviceArray, tuple[int, ...]]:
    """The array, or a row-major copy if it is not in one piece, and its axes from the slowest in memory to the quickest."""
    order = tuple(sorted(range(x.ndim), key=lambda k: -x.strides[k] if x.shape[k] > 1 else 0))
    lying = x.view_as(tuple(x.shape[k] for k in order), tuple(x.strides[k] for k in order))
    return (x, order) if lying.is_contiguous else (contiguous(x), tuple(range(x.ndim)))


def merged(shape: Shape, order: Sequence[int], axes: Sequence[int]) -> list[Run]:
    """The runs of axes in memory order; those of length 1 are left out.

    >>> merged((8, 3, 4, 4), (0, 1, 2, 3), (0, 2, 3))
    [Run(length=8, reduced=True), Run(length=3, reduced=False), Run(length=16, reduced=True)]
    """
    runs: list[Run] = []
    for k in order:
        reduced = k in axes
        if shape[k] != 1 and runs and runs[-1].reduced == reduced:
            runs[-1] = Run(runs[-1].length * shape[k], reduced)
        elif shape[k] != 1:
            runs.append(Run(shape[k], reduced))
    return runs


def cut(n: int, lines: int, together: int) -> tuple[int, int]:
    """Into how many parts a run of `n` is cut, and how long they are.

    Args:
        n: the length of the run.
        lines: how many blocks there are if it is left whole.
        together: how many of its numbers a block takes at a time.

    >>> cut(100, 1, 256), cut(1 << 24, 1, 256), cut(1 << 24, 4096, 256)
    ((1, 1024), (1024, 16384), (1024, 16384))
    """
    wanted = min(ceil_div(BLOCKS, max(lines, 1)), ceil_div(n, _FEWEST * together))
    parts = max(wanted, ceil_div(n, _MOST * together), 1)
    chunk = ceil_div(max(ceil_div(n, parts), 1), 4 * together) * 4 * together
    return max(ceil_div(n, chunk), 1), chunk


def reduce(
    reduction: Reduction, x: DeviceArray, axes: Sequence[int], keepdims: bool, ordered: bool = False
) -> DeviceArray:
    """Reduce an array of the reduction's source dtype over some of its axes.

    Args:
        reduction: what to compute.
        x: the array.
        axes: the axes, none negative.
        keepdims: whether these axes stay, with length 1.
        ordered: whether positions count in row-major order over several axes.
    """
    x, order = (contiguous(x), tuple(range(x.ndim))) if ordered else memory_order(x)
    kept = [k for k in order if k not in axes]
    steps = dict(zip(kept, row_major([x.shape[k] for k in kept], np.dtype(reduction.target).itemsize), strict=True))
    lengths = [(1 if k in axes else x.shape[k], steps.get(k, 0)) for k in range(x.ndim) if keepdims or k not in axes]
    shape, strides = tuple(n for n, _ in lengths), tuple(s for _, s in lengths)
    if 0 in shape:
        return memory.empty(shape, reduction.target, x.memory.device)
    found = _launched(reduction, x, merged(x.shape, order, axes), math.prod(x.shape[k] for k in axes))
    return DeviceArray(found.memory, shape, found.dtype, strides)


def _launched(reduction: Reduction, x: DeviceArray, runs: list[Run], count: int) -> DeviceArray:
    """Reduce the runs from the last to the first."""
    given, first, device = (x, x), True, x.memory.device
    if not any(run.reduced for run in runs):
        runs = [*runs, Run(1, True)]
    while True:
        at = max(k for k, run in enumerate(runs) if run.reduced)
        outer, inner = (math.prod(run.length for run in part) for part in (runs[:at], runs[at + 1 :]))
        n = runs[at].length
        across = _across(n, inner)
        parts, chunk = cut(n, outer * ceil_div(inner, across), THREADS // across)
        runs = [*runs[:at], *([Run(parts, True)] if parts > 1 else []), *runs[at + 1 :]]
        last = not any(run.reduced for run in runs)
        size = outer * parts * inner
        left, right = (np.dtype(reduction.target), None) if last else reduction.dtypes
        y = memory.empty((size,), left, device)
        y2 = memory.empty((size,), right, device) if len(reduction.carried) == 2 and right is not None else y
        if inner == 1:
            _rows(reduction, (first, last), (*given, y, y2), (outer, n, parts, chunk, count))
        else:
            blocks = ceil_div(inner, across)
            kernel = columns_kernel(reduction, first, last, across)
            kernel[outer * parts * blocks, THREADS](*given, y, y2, n, inner, blocks, parts, chunk, count)
        if last:
            return y
        given, first = (y, y2), False


def _across(n: int, inner: int) -> int:
    """How many columns a block takes: as many as there are if a warp can take several rows of them, few rows of many, or 32."""
    if inner < WARP:
        return 1 << (inner - 1).bit_length()
    return THREADS if n <= _FEWEST and inner >= THREADS else WARP


def _rows(
    reduction: Reduction,
    ends: tuple[bool, bool],
    arrays: tuple[DeviceArray, ...],
    sizes: tuple[int, int, int, int, int],
) -> None:
    """Launch the rows kernel with teams and reads as wide as the rows allow."""
    rows, n, parts, chunk, count = sizes
    x, tasks = arrays[0], rows * parts
    team = 1 if n <= TINY and rows >= MANY else WARP if n <= SHORT else THREADS
    wide = team > 1 and ends[0] and x.dtype == np.float32 and n % 4 == 0 and x.address % 16 == 0
    kernel = rows_kernel(reduction, *ends, team, 4 if wide else 1)
    kernel[ceil_div(tasks, THREADS // team), THREADS](*arrays, tasks, n, parts, chunk, count)
