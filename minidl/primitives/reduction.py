"""Reductions: many numbers into few."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any, NamedTuple

from ..errors import UsageError
from ..graph import Node, Notation
from ..kernels.dtypes import int64
from .comparison import equal, not_equal
from .kinds import Constant, General, Linear, Shape, Value, expand_to, sample, shape_of
from .shape import cast, gather, reshape

Dim = int | tuple[int, ...] | list[int] | None


def axes_of(dim: Dim, ndim: int, name: str) -> tuple[int, ...]:
    """The axes that `dim` means, counted from 0 and sorted; all of them for None.

    Raises:
        UsageError: an axis that does not exist, or one named twice.
    """
    if dim is None:
        return tuple(range(ndim))
    given = tuple(dim) if isinstance(dim, tuple | list) else (dim,)
    if not all(isinstance(d, Integral) for d in given):
        raise UsageError(f"{name}: dim must be a whole number, or several; got {dim!r}")
    if not given:
        return tuple(range(ndim))
    room = ndim or 1
    for d in given:
        if not -room <= d < room:
            raise UsageError(f"{name}: dim={d} is out of range for a tensor with {ndim} axes (−{room} … {room - 1})")
    axes = tuple(sorted({int(d) % room for d in given}))
    if len(axes) != len(given):
        raise UsageError(f"{name}: dim={given} names an axis twice")
    return axes if ndim else ()


def _kept(shape: Shape, dim: tuple[int, ...]) -> Shape:
    """The shape after a reduction that keeps its axes, as length 1."""
    return tuple(1 if i in dim else n for i, n in enumerate(shape))


def _restore(g: Value, shape: Shape, dim: tuple[int, ...]) -> Value:
    """Give a reduced value its axes back, as length 1, so that it broadcasts against `shape`."""
    kept = _kept(shape, dim)
    return g if shape_of(g) == kept else reshape(g, kept)


def _count(shape: Shape, dim: tuple[int, ...]) -> int:
    return math.prod(shape[i] for i in dim)


_SAMPLES = [
    sample((3, 4), dim=(0, 1), keepdim=False),
    sample((2, 3, 4), dim=(1,), keepdim=False),
    sample((2, 3, 4), dim=(0, 2), keepdim=True),
    sample((), dim=(), keepdim=False),
]

sum_ = Linear(
    "sum",
    Notation("Σ", "Σ {0}"),
    forward=lambda xp, x, dim, keepdim: xp.sum(x, axis=dim, keepdims=keepdim),
    transpose=lambda g, x, dim, keepdim: expand_to(_restore(g, x.shape, dim), x.shape),
    samples=[*_SAMPLES, sample((0, 3), dim=(0,), keepdim=False)],
)

mean_ = Linear(
    "mean",
    Notation("mean", "mean({0})"),
    forward=lambda xp, x, dim, keepdim: xp.divide(xp.sum(x, axis=dim, keepdims=keepdim), _count(x.shape, dim)),
    transpose=lambda g, x, dim, keepdim: expand_to(_restore(g, x.shape, dim) / _count(x.shape, dim), x.shape),
    samples=_SAMPLES,
)


def _share(y: Value, x: Value, dim: tuple[int, ...]) -> Value:
    """1 at an extremum and 0 elsewhere, ties sharing the 1 evenly."""
    at = equal(x, _restore(y, x.shape, dim)) + not_equal(x, x)  # NaN is the extremum wherever it is, and equals nothing
    return at / sum(at, dim, keepdim=True)


def _extremum_vjp(g: Value, y: Value, x: Value, dim: tuple[int, ...], keepdim: bool) -> Value:
    return _restore(g, x.shape, dim) * _share(y, x, dim)


def _extremum_jvp(t: Value, y: Value, x: Value, dim: tuple[int, ...], keepdim: bool) -> Value:
    return sum_(t * _share(y, x, dim), dim=dim, keepdim=keepdim)


_DISTINCT = [sample(*s.shapes, domain="distinct", **s.params) for s in _SAMPLES]

amax_ = General(
    "amax",
    Notation("max", "max({0})"),
    forward=lambda xp, x, dim, keepdim: xp.max(x, axis=dim, keepdims=keepdim),
    vjp=_extremum_vjp,
    jvp=_extremum_jvp,
    samples=_DISTINCT,
)
"""The largest element; where several tie they share the gradient evenly, as in PyTorch."""

amin_ = General(
    "amin",
    Notation("min", "min({0})"),
    forward=lambda xp, x, dim, keepdim: xp.min(x, axis=dim, keepdims=keepdim),
    vjp=_extremum_vjp,
    jvp=_extremum_jvp,
    samples=_DISTINCT,
)

squared_norm = General(
    "squared_norm",
    Notation("‖·‖²", "‖{0}‖²"),
    forward=lambda xp, x: xp.sum(xp.multiply(x, x)),
    vjp=lambda g, y, x: g * (2 * x),
    jvp=lambda t, y, x: sum(t * (2 * x)),
    samples=[sample((4,)), sample((2, 3)), sample(())],
)
"""‖x‖² = Σ xᵢ², the square of the Euclidean length."""


def _safe_reciprocal(y: Value) -> Value:
    """1/y, and 0 where y is 0."""
    at_zero = equal(y, 0)
    return (1 - 1.0 * at_zero) / (y + at_zero)


norm_ = General(
    "norm",
    Notation("‖·‖", "‖{0}‖"),
    forward=lambda xp, x, dim, keepdim: xp.sqrt(xp.sum(xp.multiply(x, x), axis=dim, keepdims=keepdim)),
    vjp=lambda g, y, x, dim, keepdim: x * _restore(g * _safe_reciprocal(y), x.shape, dim),
    jvp=lambda t, y, x, dim, keepdim: sum_(t * x, dim=dim, keepdim=keepdim) * _safe_reciprocal(y),
    samples=[sample(*s.shapes, domain="nonzero", **s.params) for s in _SAMPLES],
)
"""The Euclidean length; its gradient at 0 is taken as 0, as in PyTorch."""


argmax_ = Constant(
    "argmax",
    Notation("argmax", "argmax({0})"),
    forward=lambda xp, x, dim, keepdim: xp.argmax(x, axis=dim, keepdims=keepdim),
    samples=[sample((3, 4), dim=1, keepdim=False)],
)

argmin_ = Constant(
    "argmin",
    Notation("argmin", "argmin({0})"),
    forward=lambda xp, x, dim, keepdim: xp.argmin(x, axis=dim, keepdims=keepdim),
    samples=[sample((3, 4), dim=1, keepdim=False)],
)


def sum(input: Value, dim: Dim = None, keepdim: bool = False) -> Value:
    """Add up the elements along `dim`, an axis or several; all of them by default.

    >>> import minidl
    >>> minidl.sum(minidl.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=0)
    tensor([4., 6.])
    """
    axes = axes_of(dim, len(shape_of(input)), "sum")
    whole = getattr(input, "dtype", None)
    if whole is not None and whole.kind in "bui":
        input = cast(input, int64)
    return sum_(input, dim=axes, keepdim=keepdim)


def mean(input: Value, dim: Dim = None, keepdim: bool = False) -> Value:
    """Average the elements along `dim`; all of them by default.

    Raises:
        DtypeError: integers, whose mean would not be one.

    >>> import minidl
    >>> minidl.mean(minidl.tensor([1.0, 2.0, 6.0]))
    tensor(3.)
    """
    _require_float(input, "mean")
    return mean_(input, dim=axes_of(dim, len(shape_of(input)), "mean"), keepdim=keepdim)


def amax(input: Value, dim: Dim = None, keepdim: bool = False) -> Value:
    """Take the largest element along `dim`; elements that tie share the gradient evenly.

    >>> import minidl
    >>> minidl.amax(minidl.tensor([[1.0, 5.0], [7.0, 4.0]]), dim=1)
    tensor([5., 7.])
    """
    return amax_(input, dim=_nonempty_axes(input, dim, "amax"), keepdim=keepdim)


def amin(input: Value, dim: Dim = None, keepdim: bool = False) -> Value:
    """Take the smallest element along `dim`; elements that tie share the gradient evenly.

    >>> import minidl
    >>> minidl.amin(minidl.tensor([1.0, 5.0]))
    tensor(1.)
    """
    return amin_(input, dim=_nonempty_axes(input, dim, "amin"), keepdim=keepdim)


class Extremum(NamedTuple):
    """The largest or smallest elements along an axis, and their positions."""

    values: Value
    indices: Value


def max(input: Value, dim: int | None = None, keepdim: bool = False) -> Value:
    """Take the largest element, or along `dim` the largest elements and their positions.

    Returns:
        One value; with `dim`, the pair `(values, indices)`. With `dim`, the gradient goes to the chosen position alone.

    >>> import minidl
    >>> minidl.max(minidl.tensor([[1.0, 5.0], [7.0, 4.0]]), dim=1)[1]
    tensor([1, 0])
    """
    return _extremum(input, dim, keepdim, amax, argmax)


def min(input: Value, dim: int | None = None, keepdim: bool = False) -> Value:
    """Take the smallest element, or along `dim` the smallest elements and their positions; see `max`.

    >>> import minidl
    >>> minidl.min(minidl.tensor([3.0, 2.0]))
    tensor(2.)
    """
    return _extremum(input, dim, keepdim, amin, argmin)


def _extremum(input: Value, dim: Any, keepdim: bool, reduce: Any, position: Any) -> Value:
    if dim is None:
        return reduce(input)
    if isinstance(dim, Node):
        raise UsageError("max and min of two tensors are minidl.maximum(x, y) and minidl.minimum(x, y)")
    indices = position(input, dim, keepdim=True)
    values = gather(input, dim, indices)
    if keepdim:
        return Extremum(values, indices)
    axis = axes_of(dim, len(shape_of(input)), "max")
    shape = tuple(n for i, n in enumerate(shape_of(input)) if i not in axis)
    return Extremum(reshape(values, shape), reshape(indices, shape))


def argmax(input: Value, dim: int | None = None, keepdim: bool = False) -> Value:
    """Return the position of the largest element, along `dim` or in the flattened tensor.

    >>> import minidl
    >>> minidl.argmax(minidl.tensor([[1.0, 5.0], [7.0, 4.0]]))
    tensor(2)
    """
    _nonempty_axes(input, dim, "argmax")
    if not shape_of(input):
        dim = None
    return argmax_(input, dim=dim, keepdim=keepdim)


def argmin(input: Value, dim: int | None = None, keepdim: bool = False) -> Value:
    """Return the position of the smallest element, along `dim` or in the flattened tensor.

    >>> import minidl
    >>> minidl.argmin(minidl.tensor([3.0, 2.0]))
    tensor(1)
    """
    _nonempty_axes(input, dim, "argmin")
    if not shape_of(input):
        dim = None
    return argmin_(input, dim=dim, keepdim=keepdim)


def norm(input: Value, p: float | str | None = 2, dim: Dim = None, keepdim: bool = False) -> Value:
    """Measure the Euclidean length along `dim`; of all elements by default. The gradient at 0 is 0.

    Args:
        input: any shape.
        p: the order of the norm; only 2 (also written "fro" or None) is here yet.
        dim: the axes to measure along.
        keepdim: whether they stay, with length 1.

    >>> import minidl
    >>> minidl.norm(minidl.tensor([3.0, 4.0]))
    tensor(5.)
    """
    _require_float(input, "norm")
    if p not in (2, "fro", None):
        raise UsageError(f"norm: only the Euclidean norm, p=2, is here yet; got p={p!r}")
    return norm_(input, dim=axes_of(dim, len(shape_of(input)), "norm"), keepdim=keepdim)


def _nonempty_axes(input: Value, dim: Dim, name: str) -> tuple[int, ...]:
    axes = axes_of(dim, len(shape_of(input)), name)
    if any(shape_of(input)[i] == 0 for i in axes):
        raise UsageError(f"{name}: nothing to choose from: the shape is {shape_of(input)}")
    return axes


def _require_float(input: Value, name: str) -> None:
    from ..errors import DtypeError

    dtype = getattr(input, "dtype", None)
    if dtype is not None and dtype.kind not in "fc":
        raise DtypeError(f"{name}: needs floating-point numbers, got {dtype}; convert with x.to(minidl.float32)")
