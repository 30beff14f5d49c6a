"""What binds convolution, pooling and batch normalisation of images `(N, C, …)` to memory (see `ready`).

What is given and what is filled are the arrays as the backend has them; here they are brought into the kernels' layout. Where
that takes a copy, the copy is part of what is run.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from ..geometry import Size, Windows
from . import convolution, normalization, pooling, tiled
from .layout import channels_last
from .ready import Array, Run, following, in_turn, prepares


def _last(y: Array) -> Array | None:
    """A result `(N, C, …)` as the kernels fill it, `(N, …, C)`; None if its memory lies otherwise."""
    view = y.transpose(0, *range(2, y.ndim), 1)
    return view if view.flags.c_contiguous else None


@prepares("conv")
def conv(
    outs: Sequence[Array], x: Array, w: Array, *, size: Size, stride: Size, padding: Size, dilation: Size, groups: int
) -> Run | None:
    """`Backend.conv` by register tiles."""
    y = _last(outs[0])
    if y is None or convolution.way_of(x, w, size, groups, w.shape[1]) is not tiled:
        return None
    (image, bring), (weights, pack) = following(x, tiled.images_of), following(w, tiled.weights_of)
    sweep = tiled.forward_of(w.shape[2:], size, stride, padding, dilation)
    return in_turn(bring, pack, tiled.filling(tiled.with_depth(y), image, weights, w.shape, sweep, groups))


@prepares("conv_input")
def conv_input(
    outs: Sequence[Array], g: Array, w: Array, *, size: Size, stride: Size, padding: Size, dilation: Size, groups: int
) -> Run | None:
    """`Backend.conv_input` by register tiles."""
    x = _last(outs[0])
    if x is None or convolution.way_of(g, w, size, groups, w.shape[1]) is not tiled:
        return None
    (upstream, bring), (weights, pack) = following(g, tiled.images_of), following(w, tiled.weights_of)
    found, all_met = tiled.backward_of(w.shape[2:], size, stride, padding, dilation)
    clear = None if all_met else partial(x.fill, 0)
    to = tiled.with_depth(x)
    fill = (tiled.filling(to, upstream, weights, w.shape, sweep, groups, back=True) for sweep in found)
    return in_turn(clear, bring, pack, *fill)


@prepares("conv_weight")
def conv_weight(
    outs: Sequence[Array], g: Array, x: Array, *, size: Size, stride: Size, padding: Size, dilation: Size, groups: int
) -> Run | None:
    """`Backend.conv_weight` by register tiles."""
    (w,) = outs
    if not w.flags.c_contiguous or convolution.way_of(g, x, size, groups, x.shape[1] // groups) is not tiled:
        return None
    (upstream, bring), (image, bring_too) = following(g, tiled.images_of), following(x, tiled.images_of)
    sweep = tiled.forward_of(size, g.shape[2:], stride, padding, dilation)
    return in_turn(bring, bring_too, tiled.weighing(w, image, upstream, sweep, groups))


@prepares("max_pool")
def max_pool(outs: Sequence[Array], x: Array, windows: Sequence[Windows]) -> Run | None:
    """`Backend.max_pool`."""
    best, position = map(_last, outs)
    if best is None or position is None:
        return None
    image, bring = following(x, channels_last)
    return in_turn(bring, pooling.finding(image, best, position, windows))


@prepares("plane_scatter")
def plane_scatter(outs: Sequence[Array], g: Array, positions: Array, size: Size) -> Run | None:
    """`Backend.plane_scatter`."""
    x = _last(outs[0])
    if x is None or not g.size:
        return None
    (upstream, bring), (places, bring_too) = following(g, channels_last), following(positions, channels_last)
    return in_turn(bring, bring_too, pooling.spreading(upstream, places, x))


@prepares("batch_norm")
def batch_norm(outs: Sequence[Array], x: Array, weight: Array, bias: Array, eps: float) -> Run | None:
    """`Backend.batch_norm`."""
    y, mean, variance = outs
    if not x.size or y.strides != x.strides:
        return None
    from . import moments

    memory, bring = following(x, _lying)
    size = normalization.as_it_lies(x)[1]
    run = partial(moments.standardize, memory, _lying(y), weight, bias, eps, mean, variance, *size)
    return in_turn(bring, run) if np.may_share_memory(_lying(y), y) else None


@prepares("batch_norm_back")
def batch_norm_back(
    outs: Sequence[Array], g: Array, x: Array, weight: Array, mean: Array, variance: Array, eps: float
) -> Run | None:
    """`Backend.batch_norm_back`."""
    dx, dweight, dbias = outs
    if not x.size or dx.strides != x.strides:
        return None
    from . import moments

    memory, bring = following(x, _lying)
    upstream, bring_too = following(g, lambda g: normalization.as_other_lies(g, memory))
    size = normalization.as_it_lies(x)[1]
    numbers = (weight, dweight, dbias, eps, mean, variance)
    run = partial(moments.standardize_back, upstream, memory, _lying(dx), *numbers, *size)
    return in_turn(bring, bring_too, run) if np.may_share_memory(_lying(dx), dx) else None


def _lying(x: Array) -> Array:
    """Images as the kernels of batch normalisation take them."""
    return normalization.as_it_lies(x)[0]
