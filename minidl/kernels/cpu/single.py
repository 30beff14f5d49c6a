"""Convolution where each channel has kernels of its own, by register tiles: the memory that the kernels fill.

The kernels, in `channelwise`, take one kernel a channel. With several, the channels of the image are repeated: as many
copies as there are kernels meet one each.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..geometry import Size
from . import sweeps
from .layout import channels_first, three
from .sweeps import Sweep
from .tiled import TASKS, images_of, plan_of

Array = np.ndarray[Any, Any]


def conv(x: Array, w: Array, size: Size, stride: Size, padding: Size, dilation: Size, groups: int) -> Array:
    """`x` `(N, C, …)` ∗ `w` `(C·m, 1, …)` → `(N, C·m, *size)`."""
    out = three(size, 1)
    sweep = sweeps.forward(three(w.shape[2:], 1), three(stride, 1), three(padding, 0), three(dilation, 1), out)
    y = np.empty((len(x), *out, len(w)), x.dtype)
    _fill(y, _repeated(x, len(w) // groups), w, sweep)
    return channels_first(y.reshape(len(x), *size, len(w)))


def conv_input(g: Array, w: Array, size: Size, stride: Size, padding: Size, dilation: Size, groups: int) -> Array:
    """The transpose in the image: `g` `(N, C·m, …)` → `(N, C, *size)`."""
    out = three(size, 1)
    found = sweeps.backward(three(w.shape[2:], 1), three(stride, 1), three(padding, 0), three(dilation, 1), out)
    all_met = sum(math.prod(sweep.out) for sweep in found) == math.prod(out)
    x = (np.empty if all_met else np.zeros)((len(g), *out, len(w)), g.dtype)
    upstream = images_of(g)
    for sweep in found:
        _fill(x, upstream, w, sweep)
    if len(w) > groups:
        x = x.reshape(len(g), *out, groups, -1).sum(axis=-1)
    return channels_first(x.reshape(len(g), *size, groups))


def conv_weight(g: Array, x: Array, size: Size, stride: Size, padding: Size, dilation: Size, groups: int) -> Array:
    """The transpose in the weights: → `(C·m, 1, *size)`, summed over the images."""
    from . import channelwise, simd

    k, kernel, upstream = g.shape[1], three(size, 1), images_of(g)
    image = _repeated(x, k // groups)
    sweep = sweeps.forward(kernel, three(stride, 1), three(padding, 0), three(dilation, 1), upstream.shape[1:4])
    plan, tasks = _plan(sweep, image)
    w = np.empty((k, 1, math.prod(kernel)), x.dtype)
    vector = simd.BYTES // x.itemsize
    rows, columns = -(-w.shape[2] // simd.ROWS) * simd.ROWS, -(-k // vector) * vector
    parts = np.empty((min(TASKS, tasks), 1, rows, columns), x.dtype)
    channelwise.channelwise_weight(image, upstream, w, parts, plan, tasks)
    return w.reshape(k, 1, *size)


def _repeated(x: Array, times: int) -> Array:
    """Images `(N, D, H, W, C·times)`, each channel so many times in a row."""
    image = images_of(x)
    return np.repeat(image, times, axis=-1) if times > 1 else image


def _fill(y: Array, x: Array, w: Array, sweep: Sweep) -> None:
    """Fill the results of one sweep."""
    from . import channelwise

    plan, tasks = _plan(sweep, x)
    channelwise.channelwise_sweep(x, np.ascontiguousarray(w).reshape(len(w), -1), y, sweep.taps, plan, tasks)


def _plan(sweep: Sweep, x: Array) -> tuple[Array, int]:
    """As in `tiled`; images are copied also where vectors of channels would reach beyond the last pixel."""
    from . import simd

    ragged = x.shape[4] * x.itemsize % simd.BYTES != 0
    return plan_of(sweep, x.shape, x.itemsize, (x.shape[4], 1, 1), (0, 0), copied=ragged)
