"""Placing along an axis where several elements may meet: their sum, mean, product, maximum or minimum."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import DtypeError, UsageError
from ...graph import Notation
from ...kernels.device import require_cpu
from ...kernels.grid import grid
from ..elementwise.comparison import equal
from ..kinds import General, Value, refuses, registry, sample, shape_of
from ..operation import operation
from .elements import cast, getitem_, reshape_, scatter_add_
from .gathering import aligned, gather_
from .indexing import Index, set_item_
from .scattering import in_order, source_of


def _winners(y: Value, x: Value, src: Value, dim: int, index: Any) -> tuple[Value, Value, Value]:
    """1 where an element is its place's extremum, in x and in src, and how many there are at each place."""
    in_x = cast(equal(x, y), y.dtype)
    in_src = cast(equal(src, gather_(y, dim=dim, index=index)), y.dtype)
    return in_x, in_src, in_x + scatter_add_(in_src, index=grid(index, dim), shape=shape_of(x))


def _extremum_vjp(g: Value, y: Value, x: Value, src: Value, dim: int, index: Any, largest: bool) -> tuple[Value, Value]:
    in_x, in_src, count = _winners(y, x, src, dim, index)
    share = g / count
    return share * in_x, gather_(share, dim=dim, index=index) * in_src


def _extremum_jvp(tx: Value, ts: Value, y: Value, x: Value, src: Value, dim: int, index: Any, largest: bool) -> Value:
    in_x, in_src, count = _winners(y, x, src, dim, index)
    moved = 0.0 if ts is None else scatter_add_(ts * in_src, index=grid(index, dim), shape=shape_of(x))
    return (moved if tx is None else tx * in_x + moved) / count


extremum_: General = General(
    "scatter_extremum",
    Notation("scatter max", "scatter-extremum({0}, {1})"),
    forward=lambda xp, x, src, dim, index, largest: xp.scatter_extremum(x, src, grid(index, dim), largest),
    vjp=_extremum_vjp,
    jvp=_extremum_jvp,
    samples=[
        sample((4,), (3,), dim=0, index=np.array([1, 1, 3]), largest=True, domain="distinct"),
        sample((2, 3), (2, 2), dim=1, index=np.array([[0, 0], [2, 1]]), largest=False, domain="distinct"),
    ],
    analytic=False,
)
"""The largest (or smallest) of all that meet at a place; where several tie they share the gradient evenly."""


def _product(x: Value, src: Value, places: tuple[Any, ...]) -> Value:
    """Multiply in rounds: in each, no place occurs twice."""
    require_cpu("scatter_reduce with products", *places)
    flat = np.ravel_multi_index(np.broadcast_arrays(*places), shape_of(x)).ravel()
    order = np.argsort(flat, kind="stable")
    first = np.searchsorted(flat[order], flat[order])
    turn = np.empty_like(flat)
    turn[order] = np.arange(flat.size) - first  # how often a place has occurred before
    out, sources = reshape_(x, shape=(math.prod(shape_of(x)),)), reshape_(src, shape=(flat.size,))
    for k in range(int(turn.max(initial=-1)) + 1):
        now = np.flatnonzero(turn == k)
        product = getitem_(out, index=(flat[now],)) * getitem_(sources, index=(now,))
        out = set_item_(out, product, index=Index((), (flat[now],)))
    return reshape_(out, shape=shape_of(x))


_REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")
_AT = np.array([[0, 0, 3], [3, 3, 3]])


@operation(
    "minidl Tensor",
    formula="y[k, j] = the sum, prod, mean, amax or amin of x[k, j] and all src[i, j] with index[i, j] = k",
    derivative="∂L/∂src[i, j] = g[k, j]·∂y[k, j]/∂src[i, j], for 'sum' g[index[i, j], j]",
    samples=[
        sample((2, 4), (2, 3), dim=1, index=_AT, reduce="sum", include_self=False),
        sample((2, 4), (2, 3), dim=1, index=_AT, reduce="mean"),
        sample((2, 4), (2, 3), dim=1, index=_AT, reduce="mean", include_self=False),
        sample((2, 4), (2, 3), dim=1, index=_AT, reduce="prod", domain="nonzero"),
        sample((2, 4), (2, 3), dim=1, index=_AT, reduce="amax", domain="distinct"),
        sample((2, 4), (2, 3), dim=1, index=_AT, reduce="amin", include_self=False, domain="distinct"),
    ],
    errors=[
        refuses((3,), (1,), dim=0, index=np.array([0]), reduce="median", error=UsageError, match="reduce must be"),
        refuses(
            (3,), (1,), dim=0, index=np.array([3]), reduce="sum", error=UsageError, match="index 3 is out of range"
        ),
        refuses((3,), np.array([1]), dim=0, index=np.array([0]), reduce="sum", error=DtypeError, match="must agree"),
    ],
    subgradient="shared evenly where several tie for amax or amin",
    call=in_order,
)
def scatter_reduce(
    input: Value, dim: int, index: Value, src: Value, reduce: str, *, include_self: bool = True
) -> Value:
    """Join elements of `src` that meet at one place, along `dim`, with what is there.

    Args:
        input: what is there.
        dim: the axis along which `index` counts.
        index: positions; along the other axes it may be shorter than the input and than `src`.
        src: a tensor, at least as large as `index`.
        reduce: `"sum"`, `"prod"`, `"mean"`, `"amax"` or `"amin"`.
        include_self: whether what is there counts; if not, it stays only where nothing is placed.

    >>> import minidl
    >>> x, places = minidl.ones(2), minidl.tensor([0, 0])
    >>> minidl.scatter_reduce(x, 0, places, minidl.tensor([2.0, 6.0]), "mean")
    tensor([3., 1.])
    """
    if reduce not in _REDUCTIONS:
        raise UsageError(f"scatter_reduce: reduce must be {', '.join(map(repr, _REDUCTIONS))}; got {reduce!r}")
    x, axis, positions = aligned(input, dim, index, "scatter_reduce")
    src = source_of(input, src, positions, "scatter_reduce")
    places = grid(positions, axis)
    if not include_self:
        x = set_item_(x, _neutral(reduce, input.dtype), index=Index((), places))
    if reduce == "prod":
        out = _product(x, src, places)
    elif reduce in ("amax", "amin"):
        out = extremum_(x, src, dim=axis, index=positions, largest=reduce == "amax")
    else:
        out = x + scatter_add_(src, index=places, shape=shape_of(x))
    if reduce == "mean":
        met = scatter_add_(np.ones(positions.shape), index=places, shape=shape_of(x)).astype(np.int64)
        count = np.maximum(met + include_self, 1)
        out = registry["floor_divide"](out, count) if out.dtype.kind in "iu" else out / count.astype(out.dtype)
    return out if shape_of(input) else reshape_(out, shape=())


def _neutral(reduce: str, dtype: Any) -> Any:
    """What changes nothing when joined: 0, 1, or the far end of the numbers."""
    if reduce in ("amax", "amin"):
        smallest, largest = (-np.inf, np.inf) if dtype.kind == "f" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        return smallest if reduce == "amax" else largest
    return 1 if reduce == "prod" else 0
