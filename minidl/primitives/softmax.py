"""Softmax and the loss that goes with it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DtypeError, ShapeError, UsageError
from ..graph import Notation, data_of
from .kinds import General, Value, sample, shape_of
from .reduction import sum as sum_of
from .shape import axis_of, permute, reshape


def _softmax(xp: Any, x: Any, dim: int) -> Any:
    e = xp.exp(x - xp.max(x, axis=dim, keepdims=True)) if x.size else x
    return e / xp.sum(e, axis=dim, keepdims=True)


def _log_softmax(xp: Any, x: Any, dim: int) -> Any:
    if not x.size:
        return x
    shifted = x - xp.max(x, axis=dim, keepdims=True)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=dim, keepdims=True))


def _softmax_vjp(g: Value, y: Value, x: Value, dim: int) -> Value:
    return y * (g - sum_of(g * y, dim, keepdim=True))


_SAMPLES = [sample((3, 4), dim=1), sample((2, 3, 4), dim=0), sample((5,), dim=0)]

softmax_ = General(
    "softmax",
    Notation("softmax", "softmax({0})"),
    forward=_softmax,
    vjp=_softmax_vjp,
    samples=_SAMPLES,
    promotion="float",
)

log_softmax_ = General(
    "log_softmax",
    Notation("ln softmax", "ln softmax({0})"),
    forward=_log_softmax,
    vjp=lambda g, y, x, dim: g - softmax_(x, dim=dim) * sum_of(g, dim, keepdim=True),
    jvp=lambda t, y, x, dim: t - sum_of(softmax_(x, dim=dim) * t, dim, keepdim=True),
    samples=_SAMPLES,
    promotion="float",
)


def _cross_entropy(xp: Any, x: Any, weights: Any) -> Any:
    weights = xp.astype(weights, x.dtype)
    terms = _log_softmax(xp, x, 1) * weights
    return -xp.sum(xp.where(xp.equal(weights, 0), 0, terms), axis=1)  # a class of no weight may be impossible: 0·(−∞)


def _pull_of_logits(x: Value, weights: Value) -> Value:
    """∂loss/∂logits, a row an example: softmax(x) − target, each scaled by the example's weight."""
    return softmax_(x, dim=1) * sum_of(weights, 1, keepdim=True) - weights


cross_entropy_rows = General(
    "cross_entropy",
    Notation("cross-entropy", "CE({0})"),
    forward=_cross_entropy,
    vjp=lambda g, y, x, weights: reshape(g, (-1, 1)) * _pull_of_logits(x, weights),
    jvp=lambda t, y, x, weights: sum_of(t * _pull_of_logits(x, weights), 1),
    samples=[
        sample((3, 4), weights=np.eye(4)[[0, 3, 1]]),
        sample((2, 3), weights=np.array([[0.2, 0.5, 0.3], [0.0, 2.0, 0.0]])),
    ],
    promotion="float",
)
"""−Σ_c w_c · ln softmax(x)_c for each row of `x` `(N, C)`; `weights` `(N, C)` are the target probabilities, perhaps scaled."""


def softmax(input: Value, dim: int) -> Value:
    """Turn scores into probabilities along `dim`: eˣ / Σ eˣ.

    >>> import minidl
    >>> minidl.softmax(minidl.tensor([0.0, 0.0]), dim=0)
    tensor([0.5000, 0.5000])
    """
    return softmax_(input, dim=axis_of(dim, len(shape_of(input)), "softmax"))


def log_softmax(input: Value, dim: int) -> Value:
    """Compute ln softmax(input) along `dim` without overflow.

    >>> import minidl
    >>> minidl.log_softmax(minidl.tensor([0.0, 0.0]), dim=0)
    tensor([-0.6931, -0.6931])
    """
    return log_softmax_(input, dim=axis_of(dim, len(shape_of(input)), "log_softmax"))


def cross_entropy(
    input: Value,
    target: Value,
    weight: Value | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Value:
    """Measure −ln of the probability that softmax gives the right class.

    Args:
        input: raw scores (logits), `(N, C)`, `(C,)` or `(N, C, d₁, …)`; not probabilities.
        target: class numbers, the shape of `input` without the class axis; or probabilities of the shape of `input`.
        weight: one factor a class, `(C,)`.
        ignore_index: a class number that marks examples to leave out.
        reduction: `"mean"` (weighted by `weight`), `"sum"` or `"none"`.
        label_smoothing: how much of the target, 0 … 1, is spread evenly over all classes.

    Returns:
        A number, or one an example for `reduction="none"`.

    Raises:
        ShapeError: target and input do not belong together.
        UsageError: a class number outside 0 … C − 1, or an unknown reduction.

    >>> import minidl
    >>> minidl.cross_entropy(minidl.zeros(2, 10), minidl.tensor([3, 7]))
    tensor(2.3026)
    """
    if reduction not in ("mean", "sum", "none"):
        raise UsageError(f"cross_entropy: reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
    if not 0.0 <= label_smoothing <= 1.0:
        raise UsageError(f"cross_entropy: label_smoothing must lie in 0 … 1, got {label_smoothing}")
    shape = shape_of(input)
    if not shape:
        raise ShapeError("cross_entropy: the input needs a class axis, (N, C) or (C,); got a single number")
    axis = 0 if len(shape) == 1 else 1
    outer = (*shape[:axis], *shape[axis + 1 :])
    order = (*(i for i in range(len(shape)) if i != axis), axis)
    rows = reshape(permute(input, order) if len(shape) > 2 else input, (-1, shape[axis]))
    weights, total = _targets(target, shape, axis, order, weight, ignore_index, label_smoothing, rows.dtype)
    losses = cross_entropy_rows(rows, weights=weights)
    if reduction == "none":
        return reshape(losses, outer)
    if reduction == "sum":
        return sum_of(losses)
    if not total > 0:  # nothing to average: the loss is no number, but the gradient is 0
        return sum_of(losses) * 0.0 + float("nan")
    return sum_of(losses) / total


def _targets(
    target: Value,
    shape: tuple[int, ...],
    axis: int,
    order: tuple[int, ...],
    weight: Value | None,
    ignore_index: int,
    label_smoothing: float,
    dtype: Any,
) -> tuple[Any, float]:
    """The target as weights `(rows, C)`, and what the mean divides by."""
    classes = shape[axis]
    wanted = np.asarray(data_of(target))
    factors = np.ones(classes) if weight is None else np.asarray(data_of(weight), np.float64)
    if factors.shape != (classes,):
        raise ShapeError(f"cross_entropy: weight must be ({classes},), one number a class; got {factors.shape}")
    if wanted.dtype.kind == "f":
        if wanted.shape != shape:
            raise ShapeError(f"cross_entropy: probabilities must have the input's shape {shape}, got {wanted.shape}")
        soft = wanted.transpose(order).reshape(-1, classes).astype(np.float64)
        total = float(max(soft.shape[0], 1)) if soft.shape[0] else np.nan
    else:
        if wanted.dtype.kind not in "iu":
            raise DtypeError(f"cross_entropy: the target must be class numbers or probabilities, got {wanted.dtype}")
        outer = (*shape[:axis], *shape[axis + 1 :])
        if wanted.shape != outer:
            raise ShapeError(f"cross_entropy: for an input {shape} the target must be {outer}, got {wanted.shape}")
        flat = wanted.reshape(-1)
        kept = flat != ignore_index
        if flat.size and not ((flat[kept] >= 0) & (flat[kept] < classes)).all():
            wrong = flat[kept][(flat[kept] < 0) | (flat[kept] >= classes)][0]
            raise UsageError(f"cross_entropy: class {wrong} is outside 0 … {classes - 1}")
        soft = np.zeros((flat.size, classes))
        soft[np.flatnonzero(kept), flat[kept]] = 1.0
        total = float(factors[flat[kept]].sum()) if kept.any() else np.nan
        if label_smoothing:
            soft[kept] = (1 - label_smoothing) * soft[kept] + label_smoothing / classes
        return (soft * factors).astype(dtype), total
    if label_smoothing:
        soft = (1 - label_smoothing) * soft + label_smoothing / classes
    return (soft * factors).astype(dtype), total
