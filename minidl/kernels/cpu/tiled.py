"""Convolution by register tiles: which sweeps to make, in which blocks, and the memory that they fill.

The kernels are in `direct` and `direct_weight`, which take most of a second to import with Numba; this module stays light.
"""

from __future__ import annotations

import math
from functools import lru_cache, partial
from typing import Any

import numpy as np

from ..geometry import Size
from . import paths, sweeps
from .layout import channels_first, channels_last, three, with_three_axes
from .ready import Run
from .sweeps import Sweep, Triple

Array = np.ndarray[Any, Any]

BLOCK_BYTES = 1 << 17
"""How much of the images a task may see: with the results and the weights it should stay in a core's second cache."""

TASKS = 8
"""Into how many tasks the work is divided at least, for threads to share; and how many sums make a weight gradient."""

LEAST_CHANNELS = 16
"""From how many input and output channels on Winograd's transforms cost less than they save."""

LEAST_PIXELS = 256
"""From how many results on the transform of the weights does."""


SHARED = 1 << 20
"""From so many products on they are divided among threads: to start these takes as long as 300,000 of them."""


def conv(x: Array, w: Array, size: Size, stride: Size, padding: Size, dilation: Size, groups: int) -> Array:
    """`x` `(N, C, …)` ∗ `w` `(K, C/groups, …)` → `(N, K, *size)`."""
    y = np.empty((x.shape[0], *size, w.shape[0]), x.dtype)
    sweep = forward_of(w.shape[2:], size, stride, padding, dilation)
    filling(with_depth(y), images_of(x), weights_of(w), w.shape, sweep, groups)()
    return channels_first(y)


def conv_input(g: Array, w: Array, size: Size, stride: Size, padding: Size, dilation: Size, groups: int) -> Array:
    """The transpose in the image: `g` `(N, K, …)` → `(N, C, *size)`."""
    found, all_met = backward_of(w.shape[2:], size, stride, padding, dilation)
    x = (np.empty if all_met else np.zeros)((g.shape[0], *size, w.shape[1] * groups), g.dtype)
    upstream, weights = images_of(g), weights_of(w)
    for sweep in found:
        filling(with_depth(x), upstream, weights, w.shape, sweep, groups, back=True)()
    return channels_first(x)


def conv_weight(g: Array, x: Array, size: Size, stride: Size, padding: Size, dilation: Size, groups: int) -> Array:
    """The transpose in the weights: → `(K, C/groups, *size)`, summed over the images."""
    w = np.empty((g.shape[1], x.shape[1] // groups, *size), x.dtype)
    sweep = forward_of(size, g.shape[2:], stride, padding, dilation)
    weighing(w, images_of(x), images_of(g), sweep, groups)()
    return w


def forward_of(kernel: Size, size: Size, stride: Size, padding: Size, dilation: Size) -> Sweep:
    """The sweep that is a convolution."""
    return sweeps.forward(three(kernel, 1), three(stride, 1), three(padding, 0), three(dilation, 1), three(size, 1))


def backward_of(
    kernel: Size, size: Size, stride: Size, padding: Size, dilation: Size
) -> tuple[tuple[Sweep, ...], bool]:
    """The sweeps that are its transpose in the image, and whether they meet every pixel."""
    out = three(size, 1)
    found = sweeps.backward(three(kernel, 1), three(stride, 1), three(padding, 0), three(dilation, 1), out)
    return found, sum(math.prod(sweep.out) for sweep in found) == math.prod(out)


def images_of(x: Array) -> Array:
    """Images `(N, C, …)` as the kernels take them, `(N, D, H, W, C)`."""
    return channels_last(with_three_axes(x))


def with_depth(y: Array) -> Array:
    """Images `(N, …, C)` with three axes, `(N, D, H, W, C)`; never a copy."""
    return y[(slice(None), *(None,) * (5 - y.ndim))]


def weights_of(w: Array) -> Array:
    """Weights in a row."""
    return np.ascontiguousarray(w).reshape(-1)


def filling(
    y: Array, x: Array, w: Array, kernel: tuple[int, ...], sweep: Sweep, groups: int, back: bool = False
) -> Run:
    """What fills the results `y` of one sweep over the images `x` with the weights `w`, a row.

    `kernel` is the shape of the weights, `(K, C/groups, …)`; with `back` they send K channels to C.
    """
    taps, c, k = math.prod(kernel[2:]), kernel[1], kernel[0] // groups
    channels, steps = ((groups, k, c), (c * taps, taps)) if back else ((groups, c, k), (taps, c * taps))
    if _in_tiles(sweep, x, channels):
        from . import winograd

        plan, tasks = plan_of(sweep, x.shape, x.itemsize, channels, steps, even=True)
        return partial(winograd.winograd, x, w, y, sweep.taps, plan, tasks)
    plan, tasks = plan_of(sweep, x.shape, x.itemsize, channels, steps)
    if _is_spread(sweep, x, channels):
        from . import spreading

        planes, results = (a.reshape(-1, *a.shape[2:]) for a in (x, y))
        return partial(spreading.spread, planes, w, results, sweep.taps, plan, _images_a_task(sweep, planes, channels))
    from . import direct

    run = direct.sweep if _is_shared(sweep, x, channels) else direct.sweep_alone
    return partial(run, x, w, y, sweep.taps, plan, tasks)


def weighing(w: Array, x: Array, g: Array, sweep: Sweep, groups: int) -> Run:
    """What adds up the gradient `w` `(K, C/groups, …)` of a sweep's weights from the images `x` and the upstream `g`."""
    k, c = w.shape[:2]
    channels, taps = (groups, c, k // groups), math.prod(w.shape[2:])
    rows = w.reshape(k, c, taps)
    if _in_tiles(sweep, x, channels):
        from . import winograd_weight

        plan, tasks = plan_of(sweep, x.shape, x.itemsize, channels, (0, 0), even=True)
        parts = np.empty((min(TASKS, tasks), 16, *_whole_tiles(c, k, x.itemsize)), x.dtype)
        return partial(winograd_weight.winograd_weight, x, g, rows, parts, plan, tasks)
    from . import direct_weight

    plan, tasks = plan_of(sweep, x.shape, x.itemsize, channels, (0, 0))
    parts = np.empty((min(TASKS, tasks), groups, *_whole_tiles(taps * c, k // groups, x.itemsize)), x.dtype)
    run = direct_weight.weight_sweep if _is_shared(sweep, x, channels) else direct_weight.weight_sweep_alone
    return partial(run, x, g, rows, parts, plan, tasks)


def _is_shared(sweep: Sweep, x: Array, channels: Triple) -> bool:
    """Whether there is so much to do that starting threads pays."""
    return len(x) * math.prod(sweep.out) * sweep.taps.size * math.prod(channels) >= SHARED


def _is_spread(sweep: Sweep, x: Array, channels: Triple) -> bool:
    """Whether to spread pixels instead of gathering results."""
    shared = paths.enabled("spreading") and _is_shared(sweep, x, channels)
    return shared and _spreading_saves(sweep, x.shape[1:4], x.itemsize, channels)


@lru_cache(maxsize=512)
def _spreading_saves(sweep: Sweep, size: Triple, itemsize: int, channels: Triple) -> bool:
    """Whether it is less work to spread pixels: where output channels are few, or many windows leave the image.

    Both ways are counted in columns of tiles; to load and store a tile of sums takes as long as four steps.
    """
    plain = (sweep.stride, sweep.step[1:], sweep.spread) == ((1, 1, 1), (1, 1), (1, 1, 1)) and channels[0] == 1
    in_planes = sweep.count[0] == 1 and sweep.start[0] == 0 and sweep.out[0] == size[0]
    if not plain or not in_planes or sweep.count[2] == 1:
        return False
    _, ins, outs = channels
    gathered = sweep.out[1] * sweep.out[2] * sweep.taps.size * ins * _whole_tiles(1, outs, itemsize)[1]
    columns = _whole_tiles(1, sweep.count[2] * outs, itemsize)[1]
    return size[1] * size[2] * sweep.count[1] * (ins + 4) * columns < 0.9 * gathered


def _images_a_task(sweep: Sweep, x: Array, channels: Triple) -> int:
    """How many images `(N, H, W, C)` a task spreads: enough lines for whole tiles, few enough to stay in the cache."""
    n, h, w, c = x.shape
    sums = (h + sweep.count[1] - 1) * (w + sweep.count[2] - 1) * channels[2]
    return _evenly(n, min(n // TASKS, BLOCK_BYTES // ((h * w * c + sums) * x.itemsize)))


def _in_tiles(sweep: Sweep, x: Array, channels: Triple) -> bool:
    """Whether Winograd's tiles are worth their transforms: 3×3, stride 1, whole vectors of channels, and enough pixels."""
    if sweep.count != (1, 3, 3) or sweep.stride != (1, 1, 1) or sweep.step[1:] != (1, 1) or sweep.spread != (1, 1, 1):
        return False
    from . import simd

    lanes = simd.BYTES // x.itemsize
    fit = channels[0] == 1 and all(c % lanes == 0 and c >= LEAST_CHANNELS for c in channels[1:])
    return fit and len(x) * math.prod(sweep.out) >= LEAST_PIXELS and paths.enabled("winograd")


def _whole_tiles(rows: int, columns: int, itemsize: int) -> tuple[int, int]:
    """Rows and columns rounded up to what tiles fill."""
    from . import simd

    widest = simd.WIDEST // itemsize
    rest = columns % widest
    narrower = next(width for width in (0, widest // 4, widest // 2, widest) if width >= rest)
    return -(-rows // simd.ROWS) * simd.ROWS, columns - rest + narrower


@lru_cache(maxsize=512)
def plan_of(
    sweep: Sweep,
    shape: tuple[int, ...],
    itemsize: int,
    channels: Triple,
    steps: tuple[int, int],
    even: bool = False,
    copied: bool = False,
) -> tuple[Array, int]:
    """What the kernels ask of a sweep over images of this shape (see `sweeps`), and how many tasks there are.

    A task sees at most `BLOCK_BYTES` of the images (or one line), and there are `TASKS` of them if there are so many lines.
    With `even`, it takes an even number of lines; what it sees is copied if windows leave the image or if `copied`.
    """
    n, out = shape[0], sweep.out

    def fitting(*block: Triple) -> int:
        """How many of the blocks, each larger than the one before it, see few enough bytes."""
        return sum(math.prod(sweep.extent(b)) * shape[4] * itemsize <= BLOCK_BYTES for b in block)

    lines = min(fitting(*((1, i, out[2]) for i in range(1, out[1] + 1))), -(-n * out[0] * out[1] // TASKS))
    lines = _evenly(out[1], lines)
    lines += even and lines % 2
    planes = images = 1
    if lines >= out[1]:
        planes = min(fitting(*((z, out[1], out[2]) for z in range(1, out[0] + 1))), n * out[0] // TASKS)
        planes = _evenly(out[0], planes)
    if planes == out[0]:
        images = min(BLOCK_BYTES // (math.prod(sweep.extent(out)) * shape[4] * itemsize), n // TASKS)
        images = _evenly(n, images)
    tasks = -(-n // images) * -(-out[0] // planes) * -(-out[1] // lines)
    outside = not sweep.inside(shape[1:4])  # type: ignore[arg-type]
    return sweep.plan((images, planes, lines), channels, (*steps, int(outside or copied))), tasks


def _evenly(total: int, most: int) -> int:
    """The size of equal parts, none larger than `most` (nor smaller than 1)."""
    return -(-total // -(-total // max(most, 1)))
