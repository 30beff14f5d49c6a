"""Reductions: many numbers into few. Sums, means, products, and yes-or-no questions about all elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import DtypeError, UsageError
from ...graph import Notation, data_of
from ..elementwise.comparison import where_
from ..kinds import Constant, General, Linear, Value, expand_to, refuses, sample, shape_of
from ..operation import operation
from ..shapes.elements import cast
from ..shapes.shape import reshape
from .axes import (
    Dim,
    as_dtype,
    at_least_1d,
    axes_of,
    count,
    dtype_of,
    half_in_single,
    in_float,
    one_axis,
    require_float,
    restore,
    summand,
)
from .cumulative import product_of_others
from .extrema import Extremum, amax, amin, argmax, argmin, max, min
from .norms import norm, squared_norm

__all__ = [
    "Dim", "Extremum", "all", "amax", "amin", "any", "argmax", "argmin", "axes_of", "count_nonzero", "max", "mean",
    "min", "nanmean", "nansum", "norm", "prod", "require_float", "squared_norm", "sum",
]  # fmt: skip

_SAMPLES = [
    sample((3, 4), dim=(0, 1), keepdim=False),
    sample((2, 3, 4), dim=(1,), keepdim=False),
    sample((2, 3, 4), dim=(0, 2), keepdim=True),
    sample((), dim=(), keepdim=False),
]

sum_ = Linear(
    "sum",
    Notation("Σ", "Σ {0}", 2, (2,)),
    forward=lambda xp, x, dim, keepdim: xp.sum(x, axis=dim, keepdims=keepdim),
    transpose=lambda g, x, dim, keepdim: expand_to(restore(g, x.shape, dim), x.shape),
    samples=[*_SAMPLES, sample((0, 3), dim=(0,), keepdim=False)],
)


@half_in_single
def _mean(xp: Any, x: Any, dim: tuple[int, ...], keepdim: bool) -> Any:
    return xp.mean(x, axis=dim, keepdims=keepdim)


mean_ = Linear(
    "mean",
    Notation("mean", "mean({0})"),
    forward=_mean,
    transpose=lambda g, x, dim, keepdim: expand_to(restore(g, x.shape, dim) / count(x.shape, dim), x.shape),
    samples=_SAMPLES,
)


def _pull_prod(g: Value, y: Value, x: Value, dim: int) -> Value:
    """Upstream × the product of the others; of arrays the product by each factor, if none is 0 or hardly more, or ∞."""
    if isinstance(g, np.ndarray) and y.size and x.dtype.itemsize > 2:
        sizes = np.abs(y)
        if sizes.min() >= np.finfo(x.dtype).tiny and sizes.max() < np.inf:
            return restore(g * y, x.shape, (dim,)) / x
    return restore(g, x.shape, (dim,)) * product_of_others(x, dim)


prod_ = General(
    "prod",
    Notation("Π", "Π {0}", 1, (3,)),
    forward=half_in_single(lambda xp, x, dim, keepdim: xp.prod(x, axis=dim, keepdims=keepdim)),
    vjp=lambda g, y, x, dim, keepdim: _pull_prod(g, y, x, dim),
    jvp=lambda t, y, x, dim, keepdim: sum_(t * product_of_others(x, dim), dim=(dim,), keepdim=keepdim),
    samples=[
        sample((3, 4), dim=1, keepdim=False),
        sample((3, 2), dim=0, keepdim=True),
        sample((0, 3), dim=0, keepdim=False),
    ],
)
"""∂Πx/∂xᵢ is the product of the others: no division, so it is right where some x are 0."""


def _truth(name: str, symbol: str) -> Constant:
    return Constant(
        name,
        Notation(symbol, f"{symbol} {{0}}"),
        forward=lambda xp, x, dim, keepdim: _as_truth(xp, x, getattr(xp, name)(x, axis=dim, keepdims=keepdim)),
        samples=[sample((3, 4), dim=(1,), keepdim=False), sample((), dim=(), keepdim=False)],
    )


def _as_truth(xp: Any, x: Any, truth: Any) -> Any:
    return (
        xp.astype(truth, x.dtype) if x.dtype.name == "uint8" else truth
    )  # as PyTorch, whose first truth values were uint8


all_ = _truth("all", "∀")
any_ = _truth("any", "∃")

count_nonzero_ = Constant(
    "count_nonzero",
    Notation("#≠0", "#({0} ≠ 0)"),
    forward=lambda xp, x, dim: xp.count_nonzero(x, axis=dim),
    samples=[sample((3, 4), dim=(1,)), sample((), dim=())],
)

_INTEGERS = np.array([1, 2, 3])
_ALONG = (
    sample((3, 4)),
    sample((2, 3, 4), dim=1),
    sample((2, 3, 4), dim=(0, -1), keepdim=True),
    sample(()),
    sample((), dim=0),
)
_WRONG_AXES = (
    refuses((3, 4), dim=2, error=UsageError, match="out of range"),
    refuses((3, 4), dim=(0, -2), error=UsageError, match="twice"),
    refuses((3, 4), dim=0.5, error=UsageError, match="whole number"),
)


@operation(
    "minidl Tensor",
    formula="Σ xᵢ",
    derivative="∂y/∂xᵢ = 1",
    samples=[
        *_ALONG,
        sample((0, 3), dim=0),
        sample((3, 4), dim=[1]),
        sample(np.array([1, 2]), dtype=np.dtype(np.float32)),
    ],
    errors=_WRONG_AXES,
)
def sum(input: Value, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Value:
    """Add up the elements along `dim`, an axis or several; all of them by default.

    Args:
        input: any shape; integers are added up as int64.
        dim: the axes that go.
        keepdim: whether they stay, with length 1.
        dtype: what to convert to first.

    >>> import minidl
    >>> minidl.sum(minidl.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=0)
    tensor([4., 6.])
    """
    axes = axes_of(dim, len(shape_of(input)), "sum")
    total = sum_(summand(input, dtype, "sum"), dim=axes, keepdim=keepdim)
    return total if dtype is None else cast(total, as_dtype(dtype, "sum"))


@operation(
    "minidl Tensor",
    formula="(Σ xᵢ)/n",
    derivative="∂y/∂xᵢ = 1/n",
    samples=_ALONG,
    errors=[*_WRONG_AXES, refuses(_INTEGERS, error=DtypeError, match="floating-point")],
)
def mean(input: Value, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Value:
    """Average the elements along `dim`; all of them by default.

    Raises:
        DtypeError: integers, whose mean would not be one.

    >>> import minidl
    >>> minidl.mean(minidl.tensor([1.0, 2.0, 6.0]))
    tensor(3.)
    """
    axes = axes_of(dim, len(shape_of(input)), "mean")
    return mean_(in_float(input, dtype, "mean"), dim=axes, keepdim=keepdim)


def _without_nan(input: Value) -> tuple[Value, Value]:
    """The input with 0 for every NaN, and where it is a number."""
    numbers = data_of(input) == data_of(input)
    return where_(input, 0, condition=numbers), numbers


@operation(
    "minidl Tensor",
    formula="Σ xᵢ over the xᵢ that are numbers",
    derivative="∂y/∂xᵢ = 1, or 0 where xᵢ is NaN",
    samples=_ALONG,
    errors=_WRONG_AXES,
)
def nansum(input: Value, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Value:
    """Add up the elements along `dim`, NaN counting as 0.

    >>> import minidl
    >>> minidl.nansum(minidl.tensor([1.0, float("nan"), 2.0]))
    tensor(3.)
    """
    dtype_of(input, "nansum")
    numbers, _ = _without_nan(input)
    return sum(numbers, dim, keepdim, dtype=dtype)


@operation(
    "minidl Tensor",
    formula="(Σ xᵢ)/n over the n of the xᵢ that are numbers",
    derivative="∂y/∂xᵢ = 1/n, or 0 where xᵢ is NaN",
    samples=_ALONG,
    errors=[*_WRONG_AXES, refuses(_INTEGERS, error=DtypeError, match="floating-point")],
)
def nanmean(input: Value, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Value:
    """Average the elements along `dim` that are numbers; NaN where there are none.

    >>> import minidl
    >>> minidl.nanmean(minidl.tensor([1.0, float("nan"), 2.0]))
    tensor(1.5000)
    """
    require_float(input, "nanmean")
    numbers, there = _without_nan(input)
    axes = axes_of(dim, len(shape_of(input)), "nanmean")
    return sum(numbers, dim, keepdim, dtype=dtype) / np.sum(there, axis=axes, keepdims=keepdim)


@operation(
    "minidl Tensor",
    formula="Π xᵢ",
    derivative="∂y/∂xᵢ = Π xⱼ over all j ≠ i",
    samples=[
        sample((2, 3)),
        sample((2, 3), dim=1),
        sample((3, 2), dim=-2, keepdim=True),
        sample(()),
        sample((), dim=-1),
        sample((0, 2), dim=0),
        sample(np.array([[2.0, 0.0, 3.0], [0.0, 5.0, 0.0], [1.0, 2.0, 3.0]]), dim=1),
        sample(np.array([1, 2]), dtype=np.dtype(np.float32)),
    ],
    errors=[
        refuses((3, 4), dim=2, error=UsageError, match="out of range"),
        refuses((3, 4), dim=(0, 1), error=UsageError, match="one whole number"),
    ],
)
def prod(input: Value, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Value:
    """Multiply the elements along one axis, or all of them.

    Args:
        input: any shape; integers are multiplied as int64.
        dim: the axis that goes.
        keepdim: whether it stays, with length 1.
        dtype: what to convert to first.

    >>> import minidl
    >>> minidl.prod(minidl.tensor([2.0, 3.0, 4.0]))
    tensor(24.)
    """
    factors = summand(input, dtype, "prod")
    shape = shape_of(input)
    if dim is None:
        whole = prod_(reshape(factors, (-1,)), dim=0, keepdim=False)
        product = reshape(whole, (1,) * len(shape)) if keepdim else whole
    else:
        axis = one_axis(dim, len(shape), "prod")
        product = prod_(at_least_1d(factors), dim=axis, keepdim=keepdim and bool(shape))
    return product if dtype is None else cast(product, as_dtype(dtype, "prod"))


def _truth_axes(input: Value, dim: Dim, name: str) -> tuple[int, ...]:
    """The axes that `dim` means; here an empty tuple is no axis at all, as in PyTorch."""
    dtype_of(input, name)
    return () if isinstance(dim, tuple | list) and not dim else axes_of(dim, len(shape_of(input)), name)


_YES_NO = np.array([[True, False, True], [True, True, True]])
_QUESTIONS = (
    sample(_YES_NO),
    sample(_YES_NO, dim=1),
    sample(_YES_NO, dim=(0, 1), keepdim=True),
    sample(_YES_NO, dim=()),
    sample(np.array([0, 1, 2], np.uint8), dim=0),
    sample((3, 4), dim=-1, keepdim=True),
    sample((0, 2), dim=0),
    sample(()),
)


@operation("minidl Tensor", formula="x₁ ≠ 0 and x₂ ≠ 0 and …", samples=_QUESTIONS, errors=_WRONG_AXES)
def all(input: Value, dim: Dim = None, keepdim: bool = False) -> Value:
    """Whether all elements along `dim` are true, that is not 0; also where there are none.

    >>> import minidl
    >>> minidl.all(minidl.tensor([[True, False], [True, True]]), dim=1)
    tensor([False,  True])
    """
    return all_(input, dim=_truth_axes(input, dim, "all"), keepdim=keepdim)


@operation("minidl Tensor", formula="x₁ ≠ 0 or x₂ ≠ 0 or …", samples=_QUESTIONS, errors=_WRONG_AXES)
def any(input: Value, dim: Dim = None, keepdim: bool = False) -> Value:
    """Whether any element along `dim` is true, that is not 0.

    >>> import minidl
    >>> minidl.any(minidl.tensor([0.0, 2.0]))
    tensor(True)
    """
    return any_(input, dim=_truth_axes(input, dim, "any"), keepdim=keepdim)


@operation(
    "minidl",
    formula="how many xᵢ ≠ 0",
    samples=[sample(_YES_NO), sample(_YES_NO, dim=1), sample((3, 4), dim=(0, 1)), sample(()), sample((0, 2), dim=0)],
    errors=_WRONG_AXES,
)
def count_nonzero(input: Value, dim: Dim = None) -> Value:
    """Count the elements along `dim` that are not 0.

    >>> import minidl
    >>> minidl.count_nonzero(minidl.tensor([[1.0, 0.0], [3.0, 4.0]]), dim=1)
    tensor([1, 2])
    """
    return count_nonzero_(input, dim=axes_of(dim, len(shape_of(input)), "count_nonzero"))
