"""Softmax and the loss that goes with it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import DtypeError, UsageError
from ...graph import Notation
from ...kernels import ARRAYS, backend_of
from ..elementwise.arithmetic import neg
from ..elementwise.exponential import exp
from ..kinds import General, Value, refuses, sample, shape_of
from ..operation import operation
from ..shapes.shape import reshape
from .axes import Dim, add_up, at_least_1d, axes_of, half_in_single, in_float, one_axis, restore


@half_in_single
def _softmax(xp: Any, x: Any, dim: int) -> Any:
    return xp.softmax(x, dim)


@half_in_single
def _log_softmax(xp: Any, x: Any, dim: int) -> Any:
    return xp.log_softmax(x, dim)


_SAMPLES = [sample((3, 4), dim=1), sample((2, 3, 4), dim=0), sample((5,), dim=0), sample((0, 3), dim=1)]


def _pull_softmax(g: Value, y: Value, x: Value, dim: int) -> Value:
    """y(g − Σ g·y): a kernel on arrays, an expression else."""
    if isinstance(g, ARRAYS):
        return backend_of([g]).softmax_back(g, y, dim)
    return y * (g - add_up(g * y, (dim,), True))


def _pull_log_softmax(g: Value, y: Value, x: Value, dim: int) -> Value:
    """g − eʸ·Σ g, likewise."""
    if isinstance(g, ARRAYS):
        return backend_of([g]).log_softmax_back(g, y, dim)
    return g - exp(y) * add_up(g, (dim,), True)


softmax_ = General(
    "softmax",
    Notation("softmax", "softmax({0})"),
    analytic=False,
    reads="output",
    forward=_softmax,
    vjp=_pull_softmax,
    samples=_SAMPLES,
    promotion="float",
)

log_softmax_ = General(
    "log_softmax",
    Notation("ln softmax", "ln softmax({0})", 2),
    analytic=False,
    reads="output",
    forward=_log_softmax,
    vjp=_pull_log_softmax,
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
    Notation("ln Σ exp", "ln Σ exp({0})", 2),
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
    formula="yᵢ = exp(xᵢ)/Σⱼ exp(xⱼ)",
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
    formula="yᵢ = xᵢ − ln Σⱼ exp(xⱼ)",
    derivative="∂yᵢ/∂xⱼ = [i = j] − exp(yⱼ)",
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
    formula="yᵢ = exp(−xᵢ)/Σⱼ exp(−xⱼ)",
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
    formula="y = ln Σⱼ exp(xⱼ)",
    derivative="∂y/∂xᵢ = exp(xᵢ − y), the softmax of x",
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
