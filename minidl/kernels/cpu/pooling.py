"""Pooling and resizing on the CPU, on channels-last memory as convolution leaves it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np

from ...errors import DtypeError
from ..geometry import Size, Taps, Windows, cheapest_first
from . import paths
from .layout import channels_first, channels_last, three
from .ready import Run

Array = np.ndarray[Any, Any]
_ONE_PIXEL = Windows(1, np.zeros(1, np.int64), np.ones(1, np.int64), np.ones(1, np.int64))


SHARED = 1 << 16
"""From so many results on they are divided among threads: to start these takes as long as 30,000 of them."""


def max_pool(x: Array, windows: Sequence[Windows]) -> tuple[Array, Array]:
    """The maxima and their positions, both `(N, C, …)`; −∞ (or the least integer) and −1 for a window that holds no pixel."""
    shape = (x.shape[0], *(len(w.first) for w in windows), x.shape[1])
    best, position = np.empty(shape, x.dtype), np.empty(shape, np.int64)
    finding(channels_last(x), best, position, windows)()
    return channels_first(best), channels_first(position)


def finding(x: Array, best: Array, position: Array, windows: Sequence[Windows]) -> Run:
    """What finds the maxima of images `x` `(N, …, C)` and their positions, both `(N, …, C)`."""
    kernels, layout = _kernels(x), _layout(tuple(windows))
    if layout.pairs and paths.enabled("pooling"):
        return partial(kernels.max_pairs if best.size >= SHARED else kernels.max_pairs_alone, x, best, position)
    lowest = np.asarray(-np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min, x.dtype)[()]
    images = [a[(slice(None), *(None,) * (5 - a.ndim))] for a in (x, best, position)]
    return partial(kernels.max_windows, *images, lowest, layout.firsts, layout.counts, layout.step)


@dataclass(frozen=True, slots=True)
class _Layout:
    """What the kernels ask of a pooling, along each of three axes."""

    firsts: tuple[Array, ...]
    counts: tuple[Array, ...]
    step: tuple[int, int, int]
    pairs: bool
    """Whether the windows are 2×2 pixels, side by side, of a plane."""


@lru_cache(maxsize=256)
def _layout(windows: tuple[Windows, ...]) -> _Layout:
    full = (*(_ONE_PIXEL,) * (3 - len(windows)), *windows)
    firsts, counts = tuple(w.first for w in full), tuple(w.pixels for w in full)
    pairs = len(windows) == 2 and all(
        w.step == 1 and np.array_equal(w.first, 2 * np.arange(len(w.first))) and (w.pixels == 2).all() for w in windows
    )
    return _Layout(firsts, counts, three(tuple(w.step for w in windows), 1), pairs)


def plane_scatter(g: Array, positions: Array, size: Size) -> Array:
    """Add `g` `(N, C, …)` at `positions` of zero images `(N, C, *size)`."""
    x = np.empty((g.shape[0], *size, g.shape[1]), g.dtype)
    if not g.size:
        return channels_first(np.zeros_like(x))
    spreading(channels_last(g), channels_last(positions), x)()
    return channels_first(x)


def spreading(g: Array, positions: Array, x: Array) -> Run:
    """What fills images `x` `(N, …, C)` with zeros and adds `g` `(N, …, C)` at `positions` of them."""
    kernels, (n, c) = _kernels(g), (len(g), g.shape[-1])
    scatter = kernels.scatter_planes if g.size >= SHARED else kernels.scatter_planes_alone
    return partial(scatter, *(a.reshape(n, -1, c) for a in (g, positions, x)))


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
    for axis, t in cheapest_first(taps):
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


def _kernels(x: Array) -> Any:
    """The module of Numba kernels, which takes most of a second to import; refuses numbers that it has no kernels for."""
    if x.dtype not in (np.float32, np.float64) and x.dtype.kind not in "iu":
        raise DtypeError(
            f"pooling and resizing need float32, float64 or whole numbers, got {x.dtype}; convert with x.to(…)"
        )
    from . import windows

    return windows
