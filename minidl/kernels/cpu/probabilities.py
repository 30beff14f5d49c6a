"""Softmax and its cross-entropy on the CPU: in float32 a kernel reads each row once, elsewhere NumPy takes it step by step."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from . import summation
from .paths import enabled
from .ready import Run

Array = np.ndarray[Any, Any]

SMALL = 4096
"""Up to so many elements NumPy is as fast, and needs no compiler."""


SHARED = 1 << 13
"""From so many elements on rows are divided among threads: to start these takes as long as 5,000 exponentials."""


def _kernels() -> Any:
    """The module of Numba kernels, which takes most of a second to import."""
    from . import rows

    return rows


def _has_kernel(x: Array) -> bool:
    return x.size > SMALL and x.dtype == np.float32 and enabled("softmax")


def _in_rows(x: Array, axis: int) -> bool:
    """Whether lines along the axis lie in one piece; to bring others together takes longer than NumPy's steps."""
    return x.strides[axis] == x.itemsize


def softmax(x: Array, axis: int) -> Array:
    """eˣ/Σeˣ along an axis, the largest x subtracted first, so that nothing overflows."""
    if _has_kernel(x) and _in_rows(x, axis):
        matrix = _rows(x, axis)
        y = np.empty_like(matrix)
        _kernels().softmax(matrix, y)
        return _back(y, x, axis)
    e: Array = np.exp(x - np.maximum.reduce(x, axis=axis, keepdims=True)) if x.size else x.copy()
    e /= summation.sum(e, axis=axis, keepdims=True)
    return e


def softmax_back(g: Array, y: Array, axis: int) -> Array:
    """∂L/∂x = y(g − Σ g·y), from softmax's result."""
    if _has_kernel(y) and g.dtype == y.dtype and _in_rows(y, axis):
        matrix = _rows(y, axis)
        dx = np.empty_like(matrix)
        _kernels().softmax_back(_rows(g, axis), matrix, dx)
        return _back(dx, y, axis)
    along = g * y
    pull: Array = y * (g - summation.sum(along, axis=axis, keepdims=True))
    return pull


def log_softmax(x: Array, axis: int) -> Array:
    """x − ln Σeˣ along an axis, the largest x subtracted first."""
    if _has_kernel(x) and _in_rows(x, axis):
        from . import log_rows

        matrix = _rows(x, axis)
        y = np.empty_like(matrix)
        log_rows.log_softmax(matrix, y)
        return _back(y, x, axis)
    shifted: Array = x - np.maximum.reduce(x, axis=axis, keepdims=True) if x.size else x
    return shifted - np.log(summation.sum(np.exp(shifted), axis=axis, keepdims=True))


def log_softmax_back(g: Array, y: Array, axis: int) -> Array:
    """∂L/∂x = g − eʸ·Σ g, from the result."""
    if _has_kernel(y) and g.dtype == y.dtype and _in_rows(y, axis):
        from . import log_rows

        matrix = _rows(y, axis)
        dx = np.empty_like(matrix)
        log_rows.log_softmax_back(_rows(g, axis), matrix, dx)
        return _back(dx, y, axis)
    return g - np.exp(y) * summation.sum(g, axis=axis, keepdims=True)


def cross_entropy(x: Array, weights: Array) -> Array:
    """−Σ w·ln softmax(x) for each row of `x` `(N, C)`; a class of no weight may be impossible, 0·(−∞)."""
    if _has_kernel(x):
        found = np.empty(len(x), x.dtype)
        row_losses(found, np.ascontiguousarray(x), np.ascontiguousarray(weights))()
        return found
    shifted = x - np.maximum.reduce(x, axis=1, keepdims=True) if x.size else x
    terms = (shifted - np.log(summation.sum(np.exp(shifted), axis=1, keepdims=True))) * weights
    losses: Array = -summation.sum(terms, axis=1)
    squares = losses.dot(losses)  # NaN if any loss is: perhaps by 0·(−∞)
    return losses if squares == squares else -summation.sum(np.where(weights == 0, 0, terms), axis=1)


def cross_entropy_back(g: Array, x: Array, weights: Array) -> Array:
    """∂L/∂x = g(softmax(x)·Σw − w), a row an example."""
    if _has_kernel(x):
        matrix = np.ascontiguousarray(x)
        dx = np.empty_like(matrix)
        row_losses_back(dx, np.ascontiguousarray(g), matrix, np.ascontiguousarray(weights))()
        return dx
    pull: Array = softmax(x, 1) * summation.sum(weights, axis=1, keepdims=True) - weights
    return g.reshape(-1, 1) * pull


def row_losses(losses: Array, x: Array, weights: Array) -> Run:
    """What fills in the cross-entropy of each row of float32."""
    kernels = _kernels()
    return partial(kernels.cross_entropy if x.size >= SHARED else kernels.cross_entropy_alone, x, weights, losses)


def row_losses_back(dx: Array, g: Array, x: Array, weights: Array) -> Run:
    """What fills in its gradient."""
    kernels = _kernels()
    run = kernels.cross_entropy_back if x.size >= SHARED else kernels.cross_entropy_back_alone
    return partial(run, g, x, weights, dx)


def class_loss(x: Array, labels: Array, factors: Array) -> Array:
    """−f·ln softmax(x)ₜ over the classes of `x` `(N, C, …)`; `labels` t and `factors` f are `(N, …)`."""
    if x.dtype != np.float32 or not enabled("softmax"):
        shifted = x - np.max(x, axis=1, keepdims=True)
        level = np.log(summation.sum(np.exp(shifted), axis=1))
        right = np.take_along_axis(shifted, np.expand_dims(labels, 1), 1).reshape(labels.shape)
        return np.where(factors == 0, 0, factors * (level - right)).astype(x.dtype)
    factors = factors.astype(x.dtype, copy=False)
    losses = np.empty(labels.shape, x.dtype)
    if not losses.size:
        return losses
    kinds = np.ascontiguousarray(labels), np.ascontiguousarray(factors)
    if _is_channels_first(x):
        _kernels().class_loss_of_planes(_planes(x), *map(_pixels, kinds), _pixels(losses))
    else:
        _kernels().class_loss(_rows(x, 1), *(a.reshape(-1) for a in kinds), losses.reshape(-1))
    return losses


def class_loss_back(g: Array, x: Array, labels: Array, factors: Array) -> Array:
    """∂L/∂x = g·f·(softmax(x) − [i = t])."""
    if x.dtype != np.float32 or not enabled("softmax"):
        upstream = np.expand_dims(g * factors, 1)
        chosen = np.expand_dims(labels, 1) == np.arange(x.shape[1]).reshape(-1, *(1,) * (x.ndim - 2))
        return np.where(upstream == 0, 0, upstream * (softmax(x, 1) - chosen)).astype(x.dtype)
    factors = factors.astype(x.dtype, copy=False)
    kinds = np.ascontiguousarray(g), np.ascontiguousarray(labels), np.ascontiguousarray(factors)
    if _is_channels_first(x):
        dx = np.empty_like(x)
        if dx.size:
            upstream, *rest = map(_pixels, kinds)
            _kernels().class_loss_of_planes_back(upstream, _planes(x), *rest, _planes(dx))
        return dx
    matrix = _rows(x, 1)
    sent = np.empty_like(matrix)
    upstream, *rest = (a.reshape(-1) for a in kinds)
    _kernels().class_loss_back(upstream, matrix, *rest, sent)
    return _back(sent, x, 1)


def _is_channels_first(x: Array) -> bool:
    return x.ndim > 2 and x.flags.c_contiguous


def _planes(x: Array) -> Array:
    return x.reshape(*x.shape[:2], -1)


def _pixels(labels: Array) -> Array:
    return labels.reshape(len(labels), -1)


def _rows(x: Array, axis: int) -> Array:
    """The lines along an axis as the rows of a matrix; a copy only if they do not lie in one piece."""
    return np.ascontiguousarray(np.moveaxis(x, axis, -1)).reshape(-1, x.shape[axis])


def _back(rows: Array, x: Array, axis: int) -> Array:
    """A matrix of `_rows` in the shape of `x`."""
    moved = np.moveaxis(x, axis, -1).shape
    return np.moveaxis(rows.reshape(moved), -1, axis)
