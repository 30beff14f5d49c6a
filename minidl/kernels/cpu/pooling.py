"""Pooling and resizing on the CPU, on channels-last memory as convolution leaves it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ...errors import DtypeError
from ..geometry import Size, Taps, Windows
from . import paths
from .layout import channels_first, channels_last, three, with_three_axes

Array = np.ndarray[Any, Any]
_ONE_PIXEL = Windows(1, np.zeros(1, np.int64), np.ones(1, np.int64), np.ones(1, np.int64))


def max_pool(x: Array, windows: Sequence[Windows]) -> tuple[Array, Array]:
    """The maxima and their positions, both `(N, C, …)`; −∞ (or the least integer) and −1 for a window that holds no pixel."""
    kernels, layout = _kernels(x), _layout(tuple(windows))
    shape = (x.shape[0], *layout.out, x.shape[1])
    best, position = np.empty(shape, x.dtype), np.empty(shape, np.int64)
    if layout.pairs and paths.enabled("pooling"):
        kernels.max_pairs(channels_last(x), best[:, 0], position[:, 0])
    else:
        lowest = np.asarray(-np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min, x.dtype)[()]
        image = channels_last(with_three_axes(x))
        kernels.max_windows(image, best, position, lowest, layout.firsts, layout.counts, layout.step)
    own = (shape[0], *shape[4 - len(windows) :])
    return channels_first(best.reshape(own)), channels_first(position.reshape(own))


@dataclass(frozen=True, slots=True)
class _Layout:
    """What the kernels ask of a pooling, along each of three axes."""

    firsts: tuple[Array, ...]
    counts: tuple[Array, ...]
    step: tuple[int, int, int]
    out: tuple[int, ...]
    pairs: bool
    """Whether the windows are 2×2 pixels, side by side, of a plane."""


@lru_cache(maxsize=256)
def _layout(windows: tuple[Windows, ...]) -> _Layout:
    full = (*(_ONE_PIXEL,) * (3 - len(windows)), *windows)
    firsts, counts = tuple(w.first for w in full), tuple(w.pixels for w in full)
    pairs = len(windows) == 2 and all(
        w.step == 1 and np.array_equal(w.first, 2 * np.arange(len(w.first))) and (w.pixels == 2).all() for w in windows
    )
    return _Layout(firsts, counts, three(tuple(w.step for w in windows), 1), tuple(len(f) for f in firsts), pairs)


def plane_scatter(g: Array, positions: Array, size: Size) -> Array:
    """Add `g` `(N, C, …)` at `positions` of zero images `(N, C, *size)`."""
    n, c = g.shape[:2]
    x = np.zeros((n, math.prod(size), c), g.dtype)
    if g.size:
        _kernels(g).scatter_planes(channels_last(g).reshape(n, -1, c), channels_last(positions).reshape(n, -1, c), x)
    return channels_first(x.reshape(n, *size, c))


def plane_gather(x: Array, positions: Array) -> Array:
    """The elements at `positions` `(N, C, …)` of each image of `x` `(N, C, …)`."""
    if not positions.size:
        return np.zeros(positions.shape, x.dtype)
    n, c = x.shape[:2]
    places = channels_last(positions)
    picked = np.empty(places.shape, x.dtype)
    images, flat = channels_last(x).reshape(n, -1, c), places.reshape(n, -1, c)
    _kernels(x).gather_planes(images, flat, picked.reshape(n, -1, c))
    return channels_first(picked)


def weighted_sums(x: Array, taps: Sequence[Taps | None]) -> Array:
    """Apply `taps[0]` along the first axis of the images `(N, C, …)`, `taps[1]` along the next, …; None leaves one alone."""
    along_one_axis = _kernels(x).weighted_sums
    image = channels_last(x)
    for axis, t in _cheapest_first(taps):
        before, after = image.shape[:axis], image.shape[axis + 1 :]
        out = np.empty((*before, len(t.start) - 1, *after), x.dtype)
        if out.size:
            lines = (
                image.reshape(math.prod(before), -1, math.prod(after)),
                out.reshape(math.prod(before), -1, math.prod(after)),
            )
            along_one_axis(*lines, t.start, t.pixel, t.weight.astype(x.dtype, copy=False))
        image = out
    return channels_first(image)


def _cheapest_first(taps: Sequence[Taps | None]) -> list[tuple[int, Taps]]:
    """The axes in an order that walks few, long lines: those that shrink from the outside, then the others from the inside."""
    axes = [(axis, t) for axis, t in enumerate(taps, 1) if t is not None]
    shrinking = [(axis, t) for axis, t in axes if len(t.start) <= t.size]
    return shrinking + [(axis, t) for axis, t in reversed(axes) if len(t.start) > t.size]


def _kernels(x: Array) -> Any:
    """The module of Numba kernels, which takes most of a second to import; refuses numbers that it has no kernels for."""
    if x.dtype not in (np.float32, np.float64) and x.dtype.kind not in "iu":
        raise DtypeError(
            f"pooling and resizing need float32, float64 or whole numbers, got {x.dtype}; convert with x.to(…)"
        )
    from . import windows

    return windows
