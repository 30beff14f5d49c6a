"""Softmax and the loss that goes with it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DtypeError, ShapeError, UsageError
from ..graph import Notation, data_of
from .arithmetic import neg
from .axes import Dim, add_up, at_least_1d, axes_of, half_in_single, in_float, one_axis, restore
from .exponential import exp
from .kinds import General, Value, refuses, sample, shape_of
from .operation import operation
from .reduction import sum as sum_of
from .shape import permute, reshape


@half_in_single
def _softmax(xp: Any, x: Any, dim: int) -> Any:
    e = xp.exp(x - xp.max(x, axis=dim, keepdims=True)) if x.size else x
    return e / xp.sum(e, axis=dim, keepdims=True)


@half_in_single
def _log_softmax(xp: Any, x: Any, dim: int) -> Any:
    if not x.size:
        return x
    shifted = x - xp.max(x, axis=dim, keepdims=True)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=dim, keepdims=True))


_SAMPLES = [sample((3, 4), dim=1), sample((2, 3, 4), dim=0), sample((5,), dim=0), sample((0, 3), dim=1)]

softmax_ = General(
    "softmax",
    Notation("softmax", "softmax({0})"),
    analytic=False,
    reads="output",
    forward=_softmax,
    vjp=lambda g, y, x, dim: y * (g - add_up(g * y, (dim,), True)),
    samples=_SAMPLES,
    promotion="float",
)

log_softmax_ = General(
    "log_softmax",
    Notation("ln softmax", "ln softmax({0})"),
    analytic=False,
    reads="output",
    forward=_log_softmax,
    vjp=lambda g, y, x, dim: g - exp(y) * add_up(g, (dim,), True),
    jvp=lambda t, y, x, dim: t - add_up(exp(y) * t, (dim,), True),
    samples=_SAMPLES,
    promotion="float",
)


def _logsumexp(xp: Any, x: Any, dim: tuple[int, ...], keepdim: bool) -> Any:
    if not x.size:
        return xp.log(xp.sum(x, axis=dim, keepdims=keepdim))
    top = xp.max(x, axis=dim, keepdims=True)
    top = xp.where(xp.equal(top - top, 0), top, 0)  # ±∞ is not subtracted, or ∞ − ∞ would come of it
    total = xp.log(xp.sum(xp.exp(x - top), axis=dim, keepdims=keepdim))
    return total + xp.reshape(top, total.shape)


logsumexp_ = General(
    "logsumexp",
    Notation("ln Σ exp", "ln Σ exp({0})"),
    analytic=False,
    forward=_logsumexp,
    vjp=lambda g, y, x, dim, keepdim: restore(g, x.shape, dim) * exp(x - restore(y, x.shape, dim)),
    jvp=lambda t, y, x, dim, keepdim: add_up(t * exp(x - restore(y, x.shape, dim)), dim, keepdim),
    samples=[
        sample((3, 4), dim=(0, 1), keepdim=False),
        sample((2, 3, 4), dim=(1,), keepdim=False),
        sample((2, 3, 4), dim=(0, 2), keepdim=True),
        sample((), dim=(), keepdim=False),
    ],
    promotion="float",
)
"""ln Σ eˣ, shifted by the largest x so that nothing overflows; its gradient is the softmax."""


_ALONG = (
    sample((3, 4), dim=1),
    sample((2, 3, 4), dim=-2),
    sample((), dim=0),
    sample((0, 3), dim=1),
    sample(np.array([1, 2]), dim=0, dtype=np.dtype(np.float64)),
)
_REFUSED = (
    refuses((3, 4), dim=2, error=UsageError, match="out of range"),
    refuses((3, 4), dim=(0, 1), error=UsageError, match="one whole number"),
    refuses(np.array([1, 2]), dim=0, error=DtypeError, match="floating-point"),
)


def _along(primitive: Any, input: Value, dim: int | None, dtype: Any, name: str) -> Value:
    """Run along one axis; without `dim` along PyTorch's old choice: the first of 1 or 3 axes, else the second."""
    scores = in_float(input, dtype, name)
    shape = shape_of(scores)
    axis = one_axis((0 if len(shape) in (0, 1, 3) else 1) if dim is None else dim, len(shape), name)
    return reshape(primitive(at_least_1d(scores), dim=axis), shape)


@operation(
    "minidl functional Tensor",
    formula="eˣⁱ / Σ eˣ",
    derivative="∂yᵢ/∂xⱼ = yᵢ·([i = j] − yⱼ)",
    samples=_ALONG,
    errors=_REFUSED,
)
def softmax(input: Value, dim: int | None = None, dtype: Any = None) -> Value:
    """Turn scores into probabilities along `dim`: eˣ / Σ eˣ.

    Args:
        input: any shape.
        dim: the axis along which they add up to 1; better said than left to PyTorch's old default (see `_along`).
        dtype: what to convert to first.

    >>> import minidl
    >>> minidl.softmax(minidl.tensor([0.0, 0.0]), dim=0)
    tensor([0.5000, 0.5000])
    """
    return _along(softmax_, input, dim, dtype, "softmax")


@operation(
    "minidl functional Tensor",
    formula="xᵢ − ln Σ eˣ",
    derivative="∂yᵢ/∂xⱼ = [i = j] − eʸʲ",
    samples=_ALONG,
    errors=_REFUSED,
)
def log_softmax(input: Value, dim: int | None = None, dtype: Any = None) -> Value:
    """Compute ln softmax(input) along `dim` without overflow; see `softmax` for the arguments.

    >>> import minidl
    >>> minidl.log_softmax(minidl.tensor([0.0, 0.0]), dim=0)
    tensor([-0.6931, -0.6931])
    """
    return _along(log_softmax_, input, dim, dtype, "log_softmax")


@operation(
    "functional",
    formula="e⁻ˣⁱ / Σ e⁻ˣ",
    derivative="∂yᵢ/∂xⱼ = yᵢ·(yⱼ − [i = j])",
    samples=_ALONG,
    errors=_REFUSED,
)
def softmin(input: Value, dim: int | None = None, dtype: Any = None) -> Value:
    """The softmax of −input: the smallest gets the most; see `softmax` for the arguments.

    >>> import minidl
    >>> minidl.nn.functional.softmin(minidl.tensor([0.0, 0.0]), dim=0)
    tensor([0.5000, 0.5000])
    """
    return _along(softmax_, neg(in_float(input, dtype, "softmin")), dim, None, "softmin")


@operation(
    "minidl Tensor",
    formula="ln Σ eˣ",
    derivative="softmax(x)",
    samples=[
        sample((3, 4), dim=1),
        sample((2, 3, 4), dim=(0, -1), keepdim=True),
        sample((), dim=0),
        sample((0, 3), dim=1),
    ],
    errors=[
        refuses((3, 4), dim=2, error=UsageError, match="out of range"),
        refuses((3, 4), dim=(0, 0), error=UsageError, match="twice"),
    ],
)
def logsumexp(input: Value, dim: Dim, keepdim: bool = False) -> Value:
    """The logarithm of the sum of exponentials along `dim`, without overflow: a smooth maximum.

    Args:
        input: any shape; integers are taken as floating-point numbers.
        dim: the axes that go.
        keepdim: whether they stay, with length 1.

    >>> import minidl
    >>> minidl.logsumexp(minidl.tensor([1000.0, 1000.0]), dim=0)
    tensor(1000.6932)
    """
    return logsumexp_(input, dim=axes_of(dim, len(shape_of(input)), "logsumexp"), keepdim=keepdim)


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
    from .loss import cross_entropy_rows

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
