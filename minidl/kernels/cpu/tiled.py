"""Convolution by register tiles: which sweeps to make, in which blocks, and the memory that they fill.

The kernels are in `direct` and `direct_weight`, which take most of a second to import with Numba; this module stays light.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from ..geometry import Size
from . import paths, sweeps
from .layout import channels_first, channels_last, three, with_three_axes
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


def conv(x: Array, w: Array, size: Size, stride: Size, padding: Size, dilation: Size, groups: int) -> Array:
    """`x` `(N, C, …)` ∗ `w` `(K, C/groups, …)` → `(N, K, *size)`."""
    k, c = w.shape[0] // groups, w.shape[1]
    kernel, out = three(w.shape[2:], 1), three(size, 1)
    sweep = sweeps.forward(kernel, three(stride, 1), three(padding, 0), three(dilation, 1), out)
    y = np.empty((x.shape[0], *out, w.shape[0]), x.dtype)
    taps = math.prod(kernel)
    _fill(y, images_of(x), w, sweep, (groups, c, k), (taps, c * taps))
    return channels_first(y.reshape(x.shape[0], *size, w.shape[0]))


def conv_input(g: Array, w: Array, size: Size, stride: Size, padding: Size, dilation: Size, groups: int) -> Array:
    """The transpose in the image: `g` `(N, K, …)` → `(N, C, *size)`."""
    k, c = w.shape[0] // groups, w.shape[1]
    kernel, out = three(w.shape[2:], 1), three(size, 1)
    found = sweeps.backward(kernel, three(stride, 1), three(padding, 0), three(dilation, 1), out)
    all_met = sum(math.prod(sweep.out) for sweep in found) == math.prod(out)
    x = (np.empty if all_met else np.zeros)((g.shape[0], *out, c * groups), g.dtype)
    upstream, taps = images_of(g), math.prod(kernel)
    for sweep in found:
        _fill(x, upstream, w, sweep, (groups, k, c), (c * taps, taps))
    return channels_first(x.reshape(g.shape[0], *size, c * groups))


def conv_weight(g: Array, x: Array, size: Size, stride: Size, padding: Size, dilation: Size, groups: int) -> Array:
    """The transpose in the weights: → `(K, C/groups, *size)`, summed over the images."""
    image, upstream = images_of(x), images_of(g)
    k, c, kernel = g.shape[1], x.shape[1] // groups, three(size, 1)
    out: Triple = upstream.shape[1:4]
    sweep = sweeps.forward(kernel, three(stride, 1), three(padding, 0), three(dilation, 1), out)
    channels, taps = (groups, c, k // groups), math.prod(kernel)
    w = np.empty((k, c, taps), x.dtype)
    if _in_tiles(sweep, image, channels):
        from . import winograd_weight

        plan, tasks = plan_of(sweep, image.shape, x.itemsize, channels, (0, 0), even=True)
        parts = np.empty((min(TASKS, tasks), 16, *_whole_tiles(c, k, x.itemsize)), x.dtype)
        winograd_weight.winograd_weight(image, upstream, w, parts, plan, tasks)
        return w.reshape(k, c, *size)
    from . import direct_weight

    plan, tasks = plan_of(sweep, image.shape, x.itemsize, channels, (0, 0))
    parts = np.empty((min(TASKS, tasks), groups, *_whole_tiles(taps * c, k // groups, x.itemsize)), x.dtype)
    direct_weight.weight_sweep(image, upstream, w, parts, plan, tasks)
    return w.reshape(k, c, *size)


def images_of(x: Array) -> Array:
    """Images `(N, C, …)` as the kernels take them, `(N, D, H, W, C)`."""
    return channels_last(with_three_axes(x))


def _fill(y: Array, x: Array, w: Array, sweep: Sweep, channels: Triple, steps: tuple[int, int]) -> None:
    """Fill the results of one sweep; `steps` are those of `w` from one input and from one output channel to the next."""
    weights = np.ascontiguousarray(w).reshape(-1)
    if _in_tiles(sweep, x, channels):
        from . import winograd

        plan, tasks = plan_of(sweep, x.shape, x.itemsize, channels, steps, even=True)
        winograd.winograd(x, weights, y, sweep.taps, plan, tasks)
    else:
        from . import direct

        plan, tasks = plan_of(sweep, x.shape, x.itemsize, channels, steps)
        direct.sweep(x, weights, y, sweep.taps, plan, tasks)


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
