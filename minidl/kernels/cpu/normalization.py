"""Standardising on the CPU, forward and backward one kernel each: what batch and layer normalisation do to large arrays.

A batch of images is taken as it lies in memory, channels last or first; only another layout costs a copy. The result lies as
the input does.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .layout import channels_first, channels_last

Array = np.ndarray[Any, Any]
Three = tuple[Array, Array, Array]

_WIDE = 1024
"""About how many numbers are taken as one row: enough to fill vector registers, few enough to stay in the first cache."""

_ROWS = 64
"""How many such rows make one thread's piece of work, at most; and there are at least `_PIECES` pieces."""

_PIECES = 8


def batch_norm(x: Array, weight: Array, bias: Array, eps: float) -> Three:
    """γ(x − μ)/√(σ² + ε) + β for `x` `(N, C, …)`, μ and σ² of each channel → y and, `(C,)` in float64, μ and σ²."""
    from . import moments

    memory, size = as_it_lies(x)
    y, mean, variance = np.empty_like(memory), np.empty(x.shape[1]), np.empty(x.shape[1])
    moments.standardize(memory, y, weight, bias, eps, mean, variance, *size)
    return _images(y, x), mean, variance


def batch_norm_with(x: Array, weight: Array, bias: Array, mean: Array, variance: Array, eps: float) -> Array:
    """The same with given statistics `(C,)`, as a trained network does it."""
    from . import moments

    memory, size = as_it_lies(x)
    y = np.empty_like(memory)
    moments.scale(memory, y, weight, bias, eps, np.asarray(mean, float), np.asarray(variance, float), *size)
    return _images(y, x)


def batch_norm_back(g: Array, x: Array, weight: Array, mean: Array, variance: Array, eps: float) -> Three:
    """The gradients of `batch_norm`'s `x`, `weight` and `bias`."""
    from . import moments

    memory, size = as_it_lies(x)
    dx, dweight, dbias = np.empty_like(memory), np.empty_like(weight), np.empty_like(weight)
    upstream = as_other_lies(g, memory)
    moments.standardize_back(upstream, memory, dx, weight, dweight, dbias, eps, mean, variance, *size)
    return _images(dx, x), dweight, dbias


def layer_norm(x: Array, weight: Array, bias: Array, eps: float) -> Three:
    """γ(x − μ)/√(σ² + ε) + β over the last axes of `x`, those of `weight` → y and, in float64, μ and σ² of each row."""
    from . import rows

    matrix = np.ascontiguousarray(x).reshape(-1, weight.size)
    y, mean, variance = np.empty_like(matrix), np.empty(len(matrix)), np.empty(len(matrix))
    rows.standardize_rows(matrix, y, weight.reshape(-1), bias.reshape(-1), eps, mean, variance)
    return y.reshape(x.shape), mean, variance


def layer_norm_back(g: Array, x: Array, weight: Array, mean: Array, variance: Array, eps: float) -> Three:
    """The gradients of `layer_norm`'s `x`, `weight` and `bias`."""
    from . import rows

    matrix, upstream = (np.ascontiguousarray(a).reshape(-1, weight.size) for a in (x, g))
    dx, dweight, dbias = np.empty_like(matrix), np.empty(weight.size, x.dtype), np.empty(weight.size, x.dtype)
    rows.standardize_rows_back(upstream, matrix, dx, weight.reshape(-1), dweight, dbias, eps, mean, variance)
    return dx.reshape(x.shape), dweight.reshape(weight.shape), dbias.reshape(weight.shape)


def as_it_lies(x: Array) -> tuple[Array, tuple[int, int]]:
    """The images as the kernels take them, `(N, C, pixels)` or in a row, and the width and block of columns (see `moments`)."""
    n, channels = x.shape[:2]
    pixels = math.prod(x.shape[2:])
    if pixels > 1 and x.flags.c_contiguous:
        return x.reshape(n, channels, pixels), (channels, 1)
    flat = channels_last(x).reshape(-1)
    width = channels * max(1, min(_WIDE // channels, n * pixels // _PIECES))
    rows = max(1, min(_ROWS, flat.size // (width * _PIECES)))
    return flat, (width, width * rows)


def as_other_lies(g: Array, memory: Array) -> Array:
    """Images of the shape of others, which `as_it_lies` has brought to `memory`, in the same order."""
    return np.ascontiguousarray(g).reshape(memory.shape) if memory.ndim == 3 else channels_last(g).reshape(-1)


def _images(y: Array, x: Array) -> Array:
    """A result that lies as `as_it_lies` says in the shape of `x`."""
    return y.reshape(x.shape) if y.ndim == 3 else channels_first(y.reshape(x.shape[0], *x.shape[2:], x.shape[1]))
