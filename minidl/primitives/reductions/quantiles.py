"""Quantiles: the value below which a given part of all elements lies; and how often each whole number occurs."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import DtypeError, ShapeError, UsageError
from ...graph import Node, Notation, array_of, data_of
from ...kernels.device import constant_like
from ..elementwise.arithmetic import lerp
from ..kinds import Constant, Value, refuses, sample, shape_of
from ..operation import operation
from ..shapes.elements import whole_number
from ..shapes.gathering import gather
from ..shapes.shape import permute, reshape
from .axes import dtype_of, one_axis, reduced_shape, require_real
from .sorting import sort

_BETWEEN = ("linear", "lower", "higher", "midpoint", "nearest")

_SAMPLES = (
    sample((4,), q=0.3, domain="distinct"),
    sample((3, 4), q=np.array([0.25, 0.6]), dim=1, domain="distinct"),
    sample((3, 4), q=np.array(0.9), dim=0, keepdim=True, domain="distinct"),
    sample((3, 4), q=np.array([0.3]), keepdim=True, interpolation="midpoint", domain="distinct"),
    sample((5,), q=0.4, dim=-1, interpolation="nearest", domain="distinct"),
    sample((5,), q=0.45, interpolation="lower", domain="distinct"),
    sample((5,), q=0.45, interpolation="higher", domain="distinct"),
    sample((), q=0.5, domain="distinct"),
)
_REFUSED = (
    refuses((3,), q=1.5, error=UsageError, match="0 … 1"),
    refuses((3,), q=0.5, interpolation="cubic", error=UsageError, match="linear"),
    refuses((3,), q=np.array([[0.5]]), error=ShapeError, match="at most one axis"),
    refuses((0, 3), q=0.5, dim=1, error=UsageError, match="nothing to choose from"),
    refuses((3,), q=0.5, dim=1, error=UsageError, match="out of range"),
    refuses(np.array([1, 2]), q=0.5, error=DtypeError, match="floating-point"),
)


@operation(
    "minidl Tensor",
    formula="x₍ₖ₎ + (r − k)·(x₍ₖ₊₁₎ − x₍ₖ₎), r = q·(n − 1), k = ⌊r⌋",
    derivative="∂y/∂x₍ₖ₎ = 1 − (r − k); ∂y/∂x₍ₖ₊₁₎ = r − k",
    samples=_SAMPLES,
    errors=_REFUSED,
)
def quantile(
    input: Value, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Value:
    """The value below which the part `q` of the elements lies, along one axis or of all; NaN if one of them is.

    Args:
        input: any shape.
        q: 0 … 1, or a vector of such numbers.
        dim: the axis that goes.
        keepdim: whether it stays, with length 1.
        interpolation: between two elements `"linear"`, `"lower"`, `"higher"`, `"midpoint"` or `"nearest"`.

    Returns:
        One value for each `q`, these along a new first axis if `q` is a vector.

    >>> import minidl
    >>> minidl.quantile(minidl.tensor([1.0, 2.0, 4.0]), 0.75)
    tensor(3.)
    """
    return _quantile(input, q, dim, keepdim, interpolation, False, "quantile")


@operation(
    "minidl Tensor",
    formula="the quantile of the xᵢ that are numbers",
    derivative="∂y/∂x₍ₖ₎ = 1 − (r − k); ∂y/∂x₍ₖ₊₁₎ = r − k",
    samples=_SAMPLES,
    errors=_REFUSED,
)
def nanquantile(
    input: Value, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Value:
    """The quantile of the elements that are numbers; see `quantile`.

    >>> import minidl
    >>> minidl.nanquantile(minidl.tensor([1.0, float("nan"), 3.0]), 0.5)
    tensor(2.)
    """
    return _quantile(input, q, dim, keepdim, interpolation, True, "nanquantile")


def _quantile(input: Value, q: Any, dim: int | None, keepdim: bool, interpolation: str, skip: bool, name: str) -> Value:
    require_real(input, name)
    if interpolation not in _BETWEEN:
        raise UsageError(f"{name}: interpolation must be one of {', '.join(_BETWEEN)}; got {interpolation!r}")
    parts = _parts(q, input, name)
    shape = shape_of(input)
    if 0 in shape:
        raise UsageError(f"{name}: nothing to choose from: the shape is {shape}")
    axes = tuple(range(len(shape))) if dim is None or not shape else (one_axis(dim, len(shape), name),)
    if dim is not None and not shape:
        one_axis(dim, 0, name)
    others = tuple(i for i in range(len(shape)) if i not in axes)
    rows = reshape(permute(input, (*others, *axes)), (*(shape[i] for i in others), -1))
    found = _between(sort(rows).values, parts, interpolation, skip)
    kept = reduced_shape(shape, axes, keepdim)
    if not shape_of(q):
        return reshape(found, kept)
    return reshape(permute(found, (len(others), *range(len(others)))), (-1, *kept))


def _parts(q: Any, input: Value, name: str) -> Value:
    """The wanted parts as a vector."""
    if isinstance(q, Node):
        if q.dtype != input.dtype:
            raise DtypeError(f"{name}: q is {q.dtype} and the input {input.dtype}; they must agree")
    elif isinstance(q, bool) or not isinstance(q, int | float):
        raise UsageError(f"{name}: q must be a number or a tensor; got {q!r}")
    given = array_of(q)
    if given.ndim > 1:
        raise ShapeError(f"{name}: q must have at most one axis; its shape is {given.shape}")
    if not ((given >= 0) & (given <= 1)).all():
        raise UsageError(f"{name}: q must lie in 0 … 1; got {given}")
    return (
        reshape(q, (-1,))
        if isinstance(q, Node)
        else constant_like(data_of(input), given.astype(input.dtype).reshape(1))
    )


def _between(ordered: Value, parts: Value, interpolation: str, skip: bool) -> Value:
    """One value a row and part, `(…, parts)`, from sorted rows; a NaN, which stands last, is taken unless it is skipped."""
    numbers = np.sum(data_of(ordered) == data_of(ordered), axis=-1, keepdims=True)
    size = shape_of(ordered)[-1]
    last = np.maximum(numbers, 1) - 1 if skip else np.full_like(numbers, size - 1)
    rank = parts * last.astype(ordered.dtype)
    place = array_of(rank)
    if not skip:
        place = np.where(numbers < size, size - 1, place)
    if interpolation == "nearest":
        return gather(ordered, -1, np.rint(place).astype(np.int64))
    low, high = np.floor(place).astype(np.int64), np.ceil(place).astype(np.int64)
    if interpolation in ("lower", "higher"):
        return gather(ordered, -1, low if interpolation == "lower" else high)
    weight = 0.5 if interpolation == "midpoint" else rank - np.floor(array_of(rank))
    return lerp(gather(ordered, -1, low), gather(ordered, -1, high), weight)


bincount_ = Constant(
    "bincount",
    Notation("#", "#{0}"),
    forward=lambda xp, x, minlength, weights: xp.bincount(x, weights, minlength),
    samples=[sample(np.array([0, 2, 2]), minlength=0, weights=None)],
)


@operation(
    "minidl Tensor",
    formula="yₖ = how many xᵢ are k",
    samples=[
        sample(np.array([0, 2, 2, 1]), minlength=5),
        sample(np.array([0, 2, 2, 1]), weights=np.array([5, 1, 2, 4])),
        sample(np.zeros(0, np.int64)),
    ],
    errors=[
        refuses((3,), error=DtypeError, match="whole numbers"),
        refuses(np.array([[1, 2]]), error=ShapeError, match="one axis"),
        refuses(np.array([1, -2]), error=UsageError, match="negative"),
        refuses(np.array([1, 2]), minlength=-1, error=UsageError, match="minlength"),
        refuses(np.array([1, 2]), weights=np.ones(3), error=ShapeError, match="weights"),
    ],
)
def bincount(input: Value, weights: Value | None = None, minlength: int = 0) -> Value:
    """Count how often each of 0, 1, 2, … occurs in a vector of whole numbers.

    Args:
        input: `(n,)`, none negative.
        weights: `(n,)`, what each counts; 1 by default. No gradient flows to them, as in PyTorch.
        minlength: how long the result is at least.

    >>> import minidl
    >>> minidl.bincount(minidl.tensor([0, 2, 2]))
    tensor([1, 0, 2])
    """
    shape = shape_of(input)
    if dtype_of(input, "bincount").kind not in "iu":
        raise DtypeError(f"bincount: counts whole numbers, got {input.dtype}")
    if len(shape) != 1:
        raise ShapeError(f"bincount: needs one axis, got shape {shape}")
    if shape[0] and np.min(data_of(input)) < 0:
        raise UsageError("bincount: counts 0, 1, 2, …; there is a negative number among them")
    if whole_number(minlength, "bincount", "minlength") < 0:
        raise UsageError(f"bincount: minlength must not be negative, got {minlength}")
    if weights is not None and shape_of(weights) != shape:
        raise ShapeError(f"bincount: weights must have the input's shape {shape}, got {shape_of(weights)}")
    return bincount_(input, minlength=int(minlength), weights=None if weights is None else data_of(weights))
