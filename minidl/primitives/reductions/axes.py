"""Axes: what `dim` and `dtype` mean to an operation that runs along some of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from numbers import Integral
from typing import Any

import numpy as np

from ...errors import DtypeError, RangeError, UsageError
from ...graph import Node
from ...kernels.dtypes import float16, float32, int64
from ..kinds import Shape, Value, shape_of, sum_to
from ..shapes.elements import cast
from ..shapes.shape import reshape

Dim = int | tuple[int, ...] | list[int] | None
"""One axis, several, or all of them."""


def _is_integer(dim: Any) -> bool:
    """Whether it is a whole number, perhaps held by a tensor of one element."""
    if isinstance(dim, Node):
        return dim.shape == () and dim.dtype.kind in "iu"
    return isinstance(dim, Integral) and not isinstance(dim, bool)


def axes_of(dim: Dim, ndim: int, name: str) -> tuple[int, ...]:
    """The axes that `dim` means, counted from 0 and sorted; all of them for None, and for none at all.

    Raises:
        UsageError: an axis that does not exist, or one named twice.
    """
    if dim is None:
        return tuple(range(ndim))
    given = tuple(dim) if isinstance(dim, tuple | list) else (dim,)
    if not all(map(_is_integer, given)):
        raise UsageError(f"{name}: dim must be a whole number, or several; got {dim!r}")
    if not given:
        return tuple(range(ndim))
    room = ndim or 1
    for d in map(int, given):
        if not -room <= d < room:
            raise RangeError(f"{name}: dim={d} is out of range for a tensor with {ndim} axes (−{room} … {room - 1})")
    axes = tuple(sorted({int(d) % room for d in given}))
    if len(axes) != len(given):
        raise UsageError(f"{name}: dim={given} names an axis twice")
    return axes if ndim else ()


def one_axis(dim: Any, ndim: int, name: str) -> int:
    """The one axis that `dim` means, counted from 0; 0 also for a single number, which has none.

    Raises:
        UsageError: several axes, or one that does not exist.
    """
    if not _is_integer(dim):
        raise UsageError(f"{name}: dim must be one whole number; got {dim!r}")
    axes = axes_of(int(dim), ndim, name)
    return axes[0] if axes else 0


def nonempty_axes(input: Value, dim: Dim, name: str) -> tuple[int, ...]:
    """The axes that `dim` means, along which there must be something to choose from.

    Raises:
        UsageError: there is not.
    """
    shape = shape_of(input)
    axes = axes_of(dim, len(shape), name)
    if any(shape[i] == 0 for i in axes):
        raise UsageError(f"{name}: nothing to choose from: the shape is {shape}")
    return axes


def kept_shape(shape: Shape, dim: tuple[int, ...]) -> Shape:
    """The shape after a reduction that keeps its axes, as length 1."""
    return tuple(1 if i in dim else n for i, n in enumerate(shape))


def reduced_shape(shape: Shape, dim: tuple[int, ...], keepdim: bool) -> Shape:
    """The shape after a reduction."""
    return kept_shape(shape, dim) if keepdim else tuple(n for i, n in enumerate(shape) if i not in dim)


def restore(g: Value, shape: Shape, dim: tuple[int, ...]) -> Value:
    """Give a reduced value its axes back, as length 1, so that it broadcasts against `shape`."""
    kept = kept_shape(shape, dim)
    return g if shape_of(g) == kept else reshape(g, kept)


def add_up(x: Value, dim: tuple[int, ...], keepdim: bool) -> Value:
    """The sum along some axes, of arrays or nodes."""
    shape = shape_of(x)
    total = sum_to(x, kept_shape(shape, dim))
    return total if keepdim else reshape(total, reduced_shape(shape, dim, keepdim))


def count(shape: Shape, dim: tuple[int, ...]) -> int:
    """How many elements a reduction joins into one."""
    return math.prod(shape[i] for i in dim)


def at_least_1d(input: Value) -> Value:
    """A single number as a vector of one."""
    return input if shape_of(input) else reshape(input, (1,))


def half_in_single(forward: Callable[..., Any]) -> Callable[..., Any]:
    """A forward rule that computes float16 in float32, whose sums have room, and rounds the result."""

    @wraps(forward)
    def run(xp: Any, x: Any, **params: Any) -> Any:
        if x.dtype != float16:
            return forward(xp, x, **params)
        return xp.astype(forward(xp, xp.astype(x, float32), **params), float16)

    return run


def as_dtype(dtype: Any, name: str) -> np.dtype[Any]:
    """Read an argument `dtype`.

    Raises:
        DtypeError: it is none.
    """
    try:
        return np.dtype(dtype)
    except TypeError as error:
        raise DtypeError(f"{name}: {dtype!r} is no dtype; use one such as minidl.float64") from error


def dtype_of(input: Value, name: str) -> np.dtype[Any]:
    """The dtype of a tensor or an array.

    Raises:
        DtypeError: it is neither.
    """
    dtype = getattr(input, "dtype", None)
    if dtype is None:
        raise DtypeError(f"{name}: needs a tensor, got {type(input).__name__}: {input!r:.60}; write minidl.tensor(…)")
    return dtype


def summand(input: Value, dtype: Any, name: str) -> Value:
    """What a sum or product is taken of: the input in `dtype`; by default integers are taken as int64."""
    if dtype is not None:
        return cast(input, as_dtype(dtype, name))
    return cast(input, int64) if dtype_of(input, name).kind in "bui" else input


def in_float(input: Value, dtype: Any, name: str) -> Value:
    """The input in the floating-point `dtype`, or as it is.

    Raises:
        DtypeError: it holds integers, or `dtype` does.
    """
    if dtype is not None:
        input = cast(input, as_dtype(dtype, name))
    require_float(input, name)
    return input


def require_real(input: Value, name: str) -> None:
    """Refuse integers, and complex numbers, of which there is nothing to square.

    Raises:
        DtypeError: the input holds some.
    """
    require_float(input, name)
    if dtype_of(input, name).kind == "c":
        raise DtypeError(f"{name}: needs real numbers, got {input.dtype}")


def require_order(input: Value, name: str, booleans: bool = True) -> None:
    """Refuse what cannot be sorted: complex numbers, and where PyTorch does so too, True and False.

    Raises:
        DtypeError: the input holds some.
    """
    dtype = dtype_of(input, name)
    if dtype.kind == "c":
        raise DtypeError(f"{name}: complex numbers have no order; take x.abs() first")
    if dtype.kind == "b" and not booleans:
        raise DtypeError(f"{name}: bool values are not ordered here; convert with x.to(minidl.uint8)")


def require_float(input: Value, name: str) -> None:
    """Refuse integers.

    Raises:
        DtypeError: the input holds some.
    """
    dtype = dtype_of(input, name)
    if dtype.kind not in "fc":
        raise DtypeError(f"{name}: needs floating-point numbers, got {dtype}; convert with x.to(minidl.float32)")
