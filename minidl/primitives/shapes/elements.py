"""Where elements stand: the few linear maps that every operation on shapes and positions comes down to."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import RangeError, UsageError
from ...graph import Notation, data_of
from ...kernels.device import CPU, brought_to, where_is
from ..kinds import Linear, Shape, Value, registry, sample
from ..mismatch import marked

reshape_: Linear = Linear(
    "reshape",
    Notation("reshape", "{0}"),
    forward=lambda xp, x, shape: xp.reshape(x, shape),
    transpose=lambda g, x, shape: reshape_(g, shape=x.shape),
    samples=[
        sample((3, 4), shape=(2, 6)),
        sample((2, 3), shape=(6,)),
        sample((), shape=(1, 1)),
        sample((0, 3), shape=(3, 0)),
    ],
    explain=lambda s, shape: f"reshape: {s} holds {math.prod(s)} elements, {shape} needs {math.prod(shape)}",
    views=True,
)

permute_: Linear = Linear(
    "permute",
    Notation("ᵀ", "{0}ᵀ", 3, (4,)),
    forward=lambda xp, x, dims: xp.permute_dims(x, dims),
    transpose=lambda g, x, dims: permute_(g, dims=_inverse(dims)),
    samples=[sample((3, 4), dims=(1, 0)), sample((2, 3, 4), dims=(2, 0, 1))],
    views=True,
)

getitem_: Linear = Linear(
    "getitem",
    Notation("[ ]", "{0}[{index}]", 4, (4,)),
    forward=lambda xp, x, index: xp.getitem(x, index),
    transpose=lambda g, x, index: scatter_add_(g, index=index, shape=x.shape),
    samples=[
        sample((3, 4), index=1),
        sample((3, 4), index=(slice(None, None, 2), None, 3)),
        sample((3, 4), index=(np.array([0, 2, 0]),)),
        sample((3, 4), index=(np.array([[0, 2], [1, 1]]), np.array([3, 0]))),
        sample((3, 2), index=np.array([[True, False], [False, False], [True, True]])),
        sample((3, 2), index=Ellipsis),
    ],
    views=True,
)

scatter_add_: Linear = Linear(
    "put",
    Notation("put", "put({0})"),
    forward=lambda xp, x, index, shape: xp.scatter_add(x, index, shape),
    transpose=lambda g, x, index, shape: getitem_(g, index=index),
    samples=[
        sample((4,), index=1, shape=(3, 4)),
        sample((3, 4), index=(np.array([0, 2, 0]),), shape=(3, 4)),
        sample((2, 3), index=(slice(1, 3), slice(None)), shape=(4, 3)),
    ],
)
"""Zeros to which x is added at an index, where positions may repeat: the transpose of indexing."""


def _marked_but(dim: int, shape: Shape, shapes: tuple[Shape, ...]) -> str:
    """A shape with the axes marked in which the shapes differ, but for the one that they are joined along."""
    return marked(shape, *(k for k in range(len(shape)) if k != dim and len({s[k] for s in shapes}) > 1))


cat_: Linear = Linear(
    "cat",
    Notation("cat", "cat({0}, …)"),
    forward=lambda xp, *parts, dim: xp.concat(parts, axis=dim),
    transpose=lambda g, *parts, dim: _split_like(g, parts, dim),
    samples=[sample((2, 3), (2, 1), dim=1), sample((2,), (0,), (3,), dim=0)],
    promotion="same",
    explain=lambda *shapes, dim: (
        f"cat: the shapes {', '.join(_marked_but(dim, s, shapes) for s in shapes)} must agree in every axis but {dim}"
    ),
)

flip_: Linear = Linear(
    "flip",
    Notation("flip", "flip({0})"),
    forward=lambda xp, x, dims: xp.flip(x, axis=dims),
    transpose=lambda g, x, dims: flip_(g, dims=dims),
    samples=[sample((3, 4), dims=(1,)), sample((2, 3, 2), dims=(0, 2)), sample((0, 2), dims=(0,))],
)

roll_: Linear = Linear(
    "roll",
    Notation("roll", "roll({0})"),
    forward=lambda xp, x, shifts, dims: xp.roll(x, shifts, axis=dims),
    transpose=lambda g, x, shifts, dims: roll_(g, shifts=tuple(-n for n in shifts), dims=dims),
    samples=[sample((3, 4), shifts=(1,), dims=(1,)), sample((3, 4), shifts=(2, -5), dims=(0, 1))],
)

to_: Linear = Linear(
    "to",
    Notation("to", "{0}"),
    forward=lambda xp, x, dtype: xp.astype(x, dtype),
    transpose=lambda g, x, dtype: cast(g, x.dtype),
    samples=[sample((3, 4), dtype=np.dtype(np.float64))],
)


to_device_: Linear = Linear(
    "to_device",
    Notation("to", "{0}"),
    forward=lambda xp, x, device: brought_to(x, device) if where_is(x) != device else xp.copy(x),
    transpose=lambda g, x, device: to_device_(g, device=where_is(data_of(x))),
    samples=[sample((3, 4), device=CPU)],
)
"""The same numbers on another device; the gradient goes the other way."""


def cast(x: Value, dtype: np.dtype[Any]) -> Value:
    """Bring `x` to another dtype; a number or an array that has it already is returned as it is."""
    return x if getattr(x, "dtype", dtype) == dtype else to_(x, dtype=dtype)


def with_own_memory(result: Value, input: Value) -> Value:
    """Copy a result that shares memory with its input, for operations whose result is no view."""
    return registry["clone"](result) if np.may_share_memory(data_of(result), data_of(input)) else result


def _inverse(dims: Sequence[int]) -> tuple[int, ...]:
    return tuple(sorted(range(len(dims)), key=dims.__getitem__))


def _split_like(g: Value, parts: Sequence[Value], dim: int) -> tuple[Value, ...]:
    pieces, start = [], 0
    for part in parts:
        stop = start + part.shape[dim]
        pieces.append(getitem_(g, index=along(dim, slice(start, stop))))
        start = stop
    return tuple(pieces)


def along(dim: int, index: Any) -> tuple[Any, ...]:
    """The index that applies `index` to axis `dim` (counted from 0) and leaves the axes before it whole."""
    return (*(slice(None),) * dim, index)


def axis_of(dim: int, ndim: int, name: str) -> int:
    """Count an axis from 0.

    Raises:
        UsageError: there is no such axis.
    """
    room = ndim or 1
    at = whole_number(dim, name, "dim")
    if not -room <= at < room:
        raise RangeError(f"{name}: dim={dim} is out of range for a tensor with {ndim} axes (−{room} … {room - 1})")
    return at % room


def distinct_axes(dims: Any, ndim: int, name: str) -> tuple[int, ...]:
    """Several axes (or one), counted from 0, in the order given.

    Raises:
        UsageError: an axis that does not exist, or one named twice.
    """
    axes = tuple(axis_of(d, ndim, name) for d in whole_numbers(dims, name, "dims"))
    if len(set(axes)) != len(axes):
        raise UsageError(f"{name}: {dims} names an axis twice (of {ndim})")
    return axes


def whole_number(value: Any, name: str, what: str) -> int:
    """Read a whole number, perhaps held by a tensor.

    Raises:
        UsageError: something else.
    """
    try:
        return operator.index(value)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{name}: {what} must be a whole number, got {value!r:.60}") from error


def whole_numbers(values: Any, name: str, what: str) -> tuple[int, ...]:
    """Read whole numbers: one, or a sequence of them.

    Raises:
        UsageError: something else.
    """
    if isinstance(values, list | tuple):
        return tuple(whole_number(v, name, what) for v in values)
    return (whole_number(values, name, what),)


def loose(given: tuple[Any, ...], name: str, what: str) -> tuple[int, ...]:
    """Read the whole numbers of `x.repeat(2, 3)` or `x.repeat((2, 3))`.

    Raises:
        UsageError: something else.
    """
    return whole_numbers(given[0] if len(given) == 1 else given, name, what)
