"""Pooling and resizing on a GPU, on channels-last memory as convolution leaves it; the kernels are in `windows.py`.

The gradient of a maximum pooling is a gather: each pixel asks the few windows that hold it whether they picked it. So no
two threads add to one pixel, and the sums are the same bits in each run. For that, positions that `max_pool` found remember
by which windows; for positions of other origin each image and channel is walked through by one thread.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ....errors import DtypeError
from ...geometry import Size, Taps, Windows, cheapest_first
from ..array import DeviceArray, Shape
from ..compiler.language import ceil_div
from ..constants import constant
from ..convolution.layout import images_of, shown
from ..elementwise.operations import astype
from ..places.copies import contiguous
from ..runtime import memory
from ..runtime.driver import remembered
from . import windows
from .windows import ACROSS, LINES, THREADS

_ONE_PIXEL = Windows(1, np.zeros(1, np.int64), np.ones(1, np.int64), np.ones(1, np.int64))
_MOST = 65535
"""The most blocks along a grid's second axis."""
_found_by: dict[int, tuple[Windows, ...]] = {}
"""By the identity of an array of positions, the windows in which they were found."""


def _channels_last(x: DeviceArray) -> DeviceArray:
    """`(N, C, …)` as a row-major `(N, …, C)`."""
    if x.dtype.kind == "f":
        return images_of(x)
    shape, strides = (x.shape[0], *x.shape[2:], x.shape[1]), (x.strides[0], *x.strides[2:], x.strides[1])
    return contiguous(x.view_as(shape, strides))


def _require_numbers(x: DeviceArray) -> None:
    if x.dtype not in (np.float32, np.float64) and x.dtype.kind not in "iu":
        raise DtypeError(
            f"pooling and resizing need float32, float64 or whole numbers, got {x.dtype}; convert with x.to(…)"
        )


def _lines(across: int, lines: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Grid and block for lines of so many numbers."""
    return (ceil_div(across, ACROSS), min(ceil_div(lines, LINES), _MOST)), (ACROSS, LINES)


# Maxima -------------------------------------------------------------------------------------------------------------------


def max_pool(x: DeviceArray, windows_of: Sequence[Windows]) -> tuple[DeviceArray, DeviceArray]:
    """The maxima and their positions, both `(N, C, …)`; −∞ (or the least integer) and −1 for a window that holds no pixel."""
    _require_numbers(x)
    image, full = _channels_last(x), _three_axes(tuple(windows_of))
    n, c = x.shape[:2]
    shape = (n, *(len(w.first) for w in windows_of), c)
    device = x.memory.device
    best, position = memory.empty(shape, x.dtype, device), memory.empty(shape, np.int64, device)
    if best.size:
        plan = constant(_plan(full, c), device)
        depth, lines = full[0].size, n * len(full[0].first) * len(full[1].first)
        grid, block = _lines(shape[-2] * c, lines)
        windows.max_windows(x.dtype.name)[grid, block](image, best, position, plan, depth, lines)
    shown_positions = shown(position)
    _found_by[id(shown_positions)] = full
    weakref.finalize(shown_positions, _found_by.pop, id(shown_positions), None)
    return shown(best), shown_positions


def _three_axes(of: tuple[Windows, ...]) -> tuple[Windows, ...]:
    return (*(_ONE_PIXEL,) * (3 - len(of)), *of)


@lru_cache(maxsize=256)
def _plan(of: tuple[Windows, ...], channels: int) -> Any:
    """What `max_windows` reads."""
    counts = [len(w.first) for w in of]
    head = [of[1].size, of[2].size, channels, *counts, *(w.step for w in of)]
    return np.concatenate([head, *(part for w in of for part in (w.first, w.pixels))]).astype(np.int32)


@lru_cache(maxsize=256)
def _plan_back(of: tuple[Windows, ...], channels: int) -> Any:
    """What `gather_windows` reads: for each axis, which windows hold each pixel."""
    head = [*(w.size for w in of), channels, *(len(w.first) for w in of)]
    starts, lists, at = [], [], len(head) + 3
    end = at + sum(w.size + 1 for w in of)
    for w in of:
        pixels = w.first[:, None] + w.step * np.arange(max(int(w.pixels.max(initial=0)), 1))
        numbers_of, places = np.nonzero(np.arange(pixels.shape[1]) < w.pixels[:, None])
        held = pixels[numbers_of, places]
        order = np.argsort(held, kind="stable")
        starts.append(end + np.searchsorted(held[order], np.arange(w.size + 1)))
        lists.append(numbers_of[order])
        end += len(order)
    begins = [at, at + len(starts[0]), at + len(starts[0]) + len(starts[1])]
    return np.concatenate([head, begins, *starts, *lists]).astype(np.int32)


def plane_scatter(g: DeviceArray, positions: Any, size: Size) -> DeviceArray:
    """Add `g` `(N, C, …)` at `positions` of zero images `(N, C, *size)`; at −1, nowhere."""
    _require_numbers(g)
    n, c = g.shape[:2]
    device = g.memory.device
    x = memory.empty((n, *size, c), g.dtype, device)
    of = _found_by.get(id(positions))
    if of is not None and math.prod(w.size for w in of) == math.prod(size):
        if x.size:
            lines = n * of[0].size * of[1].size
            grid, block = _lines(of[2].size * c, lines)
            run = windows.gather_windows(g.dtype.name)[grid, block]
            run(_channels_last(g), _channels_last(positions), x, constant(_plan_back(of, c), device), lines)
        return shown(x)
    memory.fill_zeros(x)
    if g.size:
        count, pixels = math.prod(g.shape[2:]), math.prod(size)
        run = windows.scatter_planes(g.dtype.name)[ceil_div(n * c, THREADS), THREADS]
        run(_channels_last(g), _channels_last(_on_device(positions, device)), x, count, pixels, c, n * c)
    return shown(x)


def _on_device(positions: Any, device: int) -> DeviceArray:
    return positions if isinstance(positions, DeviceArray) else constant(positions, device)


def plane_gather(x: DeviceArray, positions: Any) -> DeviceArray:
    """The elements at `positions` `(N, C, …)` of each image of `x` `(N, C, …)`, 0 at −1."""
    _require_numbers(x)
    places = _channels_last(_on_device(positions, x.memory.device))
    picked = memory.empty(places.shape, x.dtype, x.memory.device)
    if picked.size:
        count, pixels = math.prod(places.shape[1:-1]), math.prod(x.shape[2:])
        run = windows.gather_planes(x.dtype.name)[ceil_div(picked.size, THREADS), THREADS]
        run(_channels_last(x), places, picked, count, pixels, x.shape[1], picked.size)
    return shown(picked)


# Weighted sums ------------------------------------------------------------------------------------------------------------


@remembered(512)
def _uploaded(taps: Taps, dtype: np.dtype[Any], device: int) -> tuple[DeviceArray, DeviceArray, DeviceArray]:
    """Where the sums begin, the pixels and the weights, on a device."""
    start, pixel = (constant(a.astype(np.int32), device) for a in (taps.start, taps.pixel))
    return start, pixel, constant(taps.weight.astype(dtype), device)


def weighted_sums(x: DeviceArray, taps: Sequence[Taps | None]) -> DeviceArray:
    """Apply `taps[0]` along the first axis of the images `(N, C, …)`, `taps[1]` along the next, …; None leaves one alone."""
    _require_numbers(x)
    image, device = _channels_last(x), x.memory.device
    for axis, t in cheapest_first(taps):
        before, after = image.shape[:axis], image.shape[axis + 1 :]
        m, inner = len(t.start) - 1, math.prod(after)
        out = memory.empty((*before, m, *after), x.dtype, device)
        if out.size:
            run = windows.weighted_sums(x.dtype.name)[ceil_div(out.size, THREADS), THREADS]
            run(image, out, *_uploaded(t, x.dtype, device), image.shape[axis], m, inner, out.size)
        image = out
    return shown(image)


def from_windows(x: DeviceArray, axis: int, length: int, step: int, dilation: int) -> DeviceArray:
    """Add windows up where they overlap: the transpose of `windows` for an axis of `length`."""
    if x.dtype == np.float16:
        return astype(from_windows(astype(x, np.float32), axis, length, step, dilation), np.float16)
    axis %= x.ndim
    shape: Shape = (*x.shape[:axis], length, *x.shape[axis + 1 : -1])
    out = memory.empty(shape, x.dtype, x.memory.device)
    if out.size:
        inner = math.prod(x.shape[axis + 1 : -1])
        run = windows.add_windows(x.dtype.name)[ceil_div(out.size, THREADS), THREADS]
        run(contiguous(x), out, x.shape[axis], x.shape[-1], length, inner, step, dilation, out.size)
    return out
