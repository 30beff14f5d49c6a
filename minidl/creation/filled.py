"""Tensors filled with one number, and regular sequences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import DtypeError, UsageError
from ..graph import Node, data_of
from ..kernels import ARRAYS, dtypes
from ..kernels.device import brought_to, device_of, filled, where_is
from ..primitives.shapes.elements import whole_number
from ..tensor import Tensor, sizes
from .values import Array, array_of


def lengths_of(name: str, size: tuple[Any, ...], named: dict[str, Any]) -> tuple[int, ...]:
    """The shape that `zeros(2, 3)`, `zeros((2, 3))` and `zeros(size=(2, 3))` mean.

    Raises:
        UsageError: no shape at all, or one with negative or fractional lengths.
    """
    if not size and not named:
        raise UsageError(f"{name}: which shape? {name}(2, 3) makes two rows of three, {name}(()) a single number")
    lengths = sizes(size, named, "size")
    if any(isinstance(n, bool) for n in (size[0] if len(size) == 1 and isinstance(size[0], tuple | list) else size)):
        raise UsageError(f"{name}: lengths must be whole numbers, got {size}")
    if any(n < 0 for n in lengths):
        raise UsageError(f"{name}: a shape cannot have negative lengths: {lengths}")
    if math.prod(lengths) > 2**48:
        raise UsageError(f"{name}: no memory holds {math.prod(lengths):.0e} elements, for shape {lengths}")
    return lengths


def one_shape(name: str, size: Any) -> tuple[int, ...]:
    """The shape that one sequence means.

    Raises:
        UsageError: not a sequence of lengths from 0.
    """
    if not isinstance(size, tuple | list):
        raise UsageError(f"{name}: the size is a sequence of lengths, such as (2, 3); got {size!r}")
    return lengths_of(name, (size,), {})


def float_dtype(dtype: Any, name: str) -> np.dtype[Any]:
    """The dtype asked for, or the default one."""
    return dtypes.get_default_dtype() if dtype is None else dtypes.as_dtype(dtype, name)


def number_dtype(value: Any, name: str) -> np.dtype[Any]:
    """The dtype of tensors filled with a plain number."""
    for kind, dtype in ((bool, dtypes.bool_), (int, dtypes.int64), (float, dtypes.get_default_dtype())):
        if isinstance(value, kind):
            return dtype
    if isinstance(value, complex):
        return dtypes.default_complex()
    raise DtypeError(f"{name}: expected a number, got {value!r:.80}")


def plain_number(value: Any, name: str) -> Any:
    """A number, also from a tensor or an array of one element, as Python's.

    Raises:
        DtypeError: not one number.
    """
    value = data_of(value)
    if isinstance(value, (*ARRAYS, np.generic)):
        if value.ndim:
            raise DtypeError(f"{name}: expected one number, got an array of shape {value.shape}")
        value = value.item()
    number_dtype(value, name)
    return value


def _filled(name: str, shape: tuple[int, ...], value: Any, dtype: Any, requires_grad: bool, device: Any) -> Tensor:
    return Tensor(filled(shape, array_of(value, dtype, name), device_of(device, name)), requires_grad)


def placed(array: Array, device: Any, name: str, requires_grad: bool = False) -> Tensor:
    """A tensor of numbers made on the CPU, on the device asked for: they are the same numbers on every device."""
    return Tensor(brought_to(array, device_of(device, name)), requires_grad)


def zeros(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, **named: Any) -> Tensor:
    """Make a tensor of zeros: `zeros(2, 3)`, `zeros((2, 3))` or `zeros(size=(2, 3))`.

    >>> zeros(2)
    tensor([0., 0.])
    """
    return _filled("zeros", lengths_of("zeros", size, named), 0, float_dtype(dtype, "zeros"), requires_grad, device)


def ones(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, **named: Any) -> Tensor:
    """Make a tensor of ones: `ones(2, 3)`, `ones((2, 3))` or `ones(size=(2, 3))`.

    >>> ones(1, 2)
    tensor([[1., 1.]])
    """
    return _filled("ones", lengths_of("ones", size, named), 1, float_dtype(dtype, "ones"), requires_grad, device)


def empty(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False, **named: Any) -> Tensor:
    """Make a tensor whose numbers do not matter yet; here they are zeros, so that the same program gives the same numbers.

    >>> empty(2, 3).shape
    (2, 3)
    """
    return _filled("empty", lengths_of("empty", size, named), 0, float_dtype(dtype, "empty"), requires_grad, device)


def full(size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Make a tensor filled with one number, whose kind decides the dtype unless one is given.

    >>> full((2,), 7.0)
    tensor([7., 7.])
    """
    value = plain_number(fill_value, "full")
    dtype = number_dtype(value, "full") if dtype is None else dtype
    return _filled("full", one_shape("full", size), value, dtype, requires_grad, device)


def like_what(input: Any, name: str) -> Any:
    """The array of a tensor, to be like.

    Raises:
        DtypeError: no tensor.
    """
    if not isinstance(input, Node | np.ndarray):
        raise DtypeError(f"{name}: expected a tensor, got {type(input).__name__}: {input!r:.60}")
    return data_of(input)


def zeros_like(input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Make zeros of the shape and dtype of `input`.

    >>> zeros_like(ones(2))
    tensor([0., 0.])
    """
    return full_like(input, 0, dtype=dtype, device=device, requires_grad=requires_grad)


def ones_like(input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Make ones of the shape and dtype of `input`.

    >>> ones_like(zeros(2))
    tensor([1., 1.])
    """
    return full_like(input, 1, dtype=dtype, device=device, requires_grad=requires_grad)


def empty_like(input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Make a tensor of the shape and dtype of `input` whose numbers do not matter yet (zeros).

    >>> empty_like(zeros(2, 3)).shape
    (2, 3)
    """
    return full_like(input, 0, dtype=dtype, device=device, requires_grad=requires_grad)


def full_like(
    input: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Make a tensor of the shape and dtype of `input`, filled with one number.

    >>> full_like(zeros(2), 7)
    tensor([7., 7.])
    """
    like = like_what(input, "full_like")
    value = plain_number(fill_value, "full_like")
    there = where_is(like) if device is None else device
    return _filled("full_like", like.shape, value, like.dtype if dtype is None else dtype, requires_grad, there)


def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Make a matrix with ones on its diagonal and zeros elsewhere, square unless a number of columns `m` is given.

    >>> eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    rows, columns = lengths_of("eye", (n, n if m is None else m), {})
    return placed(np.eye(rows, columns, dtype=float_dtype(dtype, "eye")), device, "eye", requires_grad)


def arange(
    start: Any = 0,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Count from `start` (0 if only one number is given) up to, but without, `end`.

    Raises:
        UsageError: a step of 0, or one that leads away from the end.

    >>> arange(3)
    tensor([0, 1, 2])
    >>> arange(1, 0, -0.25)
    tensor([1.0000, 0.7500, 0.5000, 0.2500])
    """
    given = (0, start, step) if end is None else (start, end, step)
    first, last, stride = (plain_number(v, "arange") for v in given)
    if any(isinstance(v, complex) for v in (first, last, stride)):
        raise DtypeError("arange: counts in real numbers")
    if not all(math.isfinite(v) for v in (first, last, stride)):
        raise UsageError(f"arange: cannot count from {first} to {last} in steps of {stride}")
    if stride == 0:
        raise UsageError("arange: the step must not be 0")
    if (last - first) * stride < 0:
        raise UsageError(f"arange: steps of {stride} lead away from {last} when starting at {first}")
    whole = not any(isinstance(v, float) for v in (first, last, stride))
    target = (
        (dtypes.int64 if whole else dtypes.get_default_dtype()) if dtype is None else dtypes.as_dtype(dtype, "arange")
    )
    if target.kind == "b":
        raise DtypeError("arange: True and False cannot be counted")
    if target == dtypes.int64:
        first, last, stride, whole = int(first), int(last), int(stride), True
    if stride == 0:
        raise UsageError(f"arange: a step of {given[2]} is 0 in {target}")
    count = -((first - last) // stride) if whole else math.ceil((last - first) / stride)
    if target.kind in "iu":
        first, stride = int(first), int(stride)
    return placed((first + stride * np.arange(count)).astype(target), device, "arange", requires_grad)


def _sequence(start: Any, end: Any, steps: Any, dtype: Any, name: str) -> tuple[Array, np.dtype[Any]]:
    """Evenly spaced numbers, counted from the nearer end, and the dtype that they are meant for."""
    first, last = plain_number(start, name), plain_number(end, name)
    if isinstance(steps, bool) or not hasattr(steps, "__index__"):
        raise UsageError(f"{name}: steps must be a whole number, got {steps!r}")
    count = int(steps)
    if count < 0:
        raise UsageError(f"{name}: steps must not be negative, got {count}")
    plain = dtypes.default_complex() if isinstance(first * last, complex) else dtypes.get_default_dtype()
    target = plain if dtype is None else dtypes.as_dtype(dtype, name)
    if target.kind in "biu":
        first, last = int(first), int(last)
    i = np.arange(count)
    stride = (last - first) / (count - 1) if count > 1 else 0
    return np.where(i < count // 2 + (count == 1), first + stride * i, last - stride * (count - 1 - i)), target


def linspace(
    start: Any, end: Any, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Make `steps` evenly spaced numbers from `start` to `end`, both included.

    >>> linspace(0, 1, 3)
    tensor([0.0000, 0.5000, 1.0000])
    """
    values, target = _sequence(start, end, steps, dtype, "linspace")
    return placed(values.astype(target), device, "linspace", requires_grad)


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Make `steps` numbers from `base` to the power of `start` to `base` to the power of `end`, evenly spaced in the exponent.

    >>> logspace(0, 2, 3)
    tensor([  1.,  10., 100.])
    """
    values, target = _sequence(start, end, steps, dtype, "logspace")
    with np.errstate(all="ignore"):
        powers = np.power(plain_number(base, "logspace"), values).astype(target)
    return placed(powers, device, "logspace", requires_grad)


def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None) -> Tensor:
    """List the places of the lower triangle of a matrix: a row of row numbers, a row of column numbers.

    >>> tril_indices(2, 2)
    tensor([[0, 1, 1],
            [0, 0, 1]])
    """
    n, m = lengths_of("tril_indices", (row, col), {})
    offset = whole_number(offset, "tril_indices", "offset")
    return _places("tril_indices", np.tri(n, m, offset), dtype, device)


def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None) -> Tensor:
    """List the places of the upper triangle of a matrix: a row of row numbers, a row of column numbers.

    >>> triu_indices(2, 2)
    tensor([[0, 0, 1],
            [0, 1, 1]])
    """
    n, m = lengths_of("triu_indices", (row, col), {})
    offset = whole_number(offset, "triu_indices", "offset")
    return _places("triu_indices", 1 - np.tri(n, m, offset - 1), dtype, device)


def _places(name: str, chosen: Array, dtype: Any, device: Any) -> Tensor:
    places = np.stack(np.nonzero(chosen)).astype(dtypes.int64 if dtype is None else dtypes.as_dtype(dtype, name))
    return placed(places, device, name)
