"""Placing along an axis: scatter, index_add and their kin. Each returns a changed copy.

Where positions repeat, additions all count; of replacements the last one stays, and it alone has a gradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import DtypeError, ShapeError, UsageError
from ...kernels.grid import grid
from ..kinds import Value, refuses, sample, shape_of
from ..operation import operation
from .elements import along, axis_of, cast, getitem_, reshape_, scatter_add_
from .gathering import aligned, slices_at
from .indexing import Index, set_item_


def source_of(input: Value, src: Value, positions: Any, name: str) -> Value:
    """The part of `src` that the index covers."""
    if getattr(src, "dtype", None) is None:
        raise DtypeError(f"{name}: src must be a tensor, got {src!r:.60}")
    if src.dtype != input.dtype:
        raise DtypeError(f"{name}: src is {src.dtype} and the input {input.dtype}; they must agree")
    src = src if shape_of(src) else reshape_(src, shape=(1,))
    shape = shape_of(src)
    if positions.size and (
        len(shape) != positions.ndim or any(i > n for i, n in zip(positions.shape, shape, strict=True))
    ):
        raise ShapeError(f"{name}: an index of shape {positions.shape} reaches beyond src of shape {shape}")
    if not positions.size:
        return np.zeros(positions.shape, input.dtype)
    return src if positions.shape == shape else getitem_(src, index=tuple(slice(n) for n in positions.shape))


def in_order(f: Any, xs: Any, params: dict[str, Any]) -> Any:
    """For the tests: hand over `(input, dim, index, src)`."""
    rest = {name: value for name, value in params.items() if name not in ("dim", "index")}
    return f(xs[0], params["dim"], params["index"], *xs[1:], **rest)


_APART = np.array([[0, 3], [3, 1], [2, 1]])
_REPEATED = np.array([[0, 0, 3], [3, 3, 3]])
_SRC = [
    refuses((3, 4), (3, 1), dim=1, index=_APART, match="reaches beyond src"),
    refuses((3, 4), np.zeros((3, 2), np.int64), dim=1, index=_APART, error=DtypeError, match="must agree"),
    refuses((3, 4), (3, 2), dim=1, index=_APART + 1, error=UsageError, match="index 4 is out of range"),
    refuses((3, 4), (3, 2), dim=1, index=np.array([1]), match="1 axes and the input 2"),
]


@operation(
    "minidl Tensor",
    formula="x, but src[i, j] at (index[i, j], j), for dim = 0",
    derivative="∂L/∂x = g, but 0 at the index; ∂L/∂src = g at the index",
    samples=[
        sample((3, 4), (3, 2), dim=1, index=_APART),
        sample((3, 4), (2, 2), dim=-1, index=_APART[:2]),
        sample((3, 4), dim=1, index=_REPEATED, value=2.5),
        sample((), (), dim=0, index=np.array(0)),
        sample((3,), (0,), dim=0, index=np.zeros(0, np.int64)),
    ],
    errors=[*_SRC, refuses((3,), dim=0, index=np.array([0]), error=UsageError, match="give src")],
    call=in_order,
)
def scatter(
    input: Value, dim: int, index: Value, src: Value = None, *, value: Value = None, reduce: str | None = None
) -> Value:
    """Place the elements of `src`, or one number, along `dim` at the positions `index`.

    Args:
        input: what they are placed into (a copy).
        dim: the axis along which `index` counts.
        index: positions; along the other axes it may be shorter than the input and than `src`.
        src: a tensor, at least as large as `index`, or a number.
        value: the number, by its other name.
        reduce: `"add"` adds instead of replacing.

    >>> import minidl
    >>> minidl.scatter(minidl.zeros(4), 0, minidl.tensor([3, 1]), minidl.tensor([1.0, 2.0]))
    tensor([0., 2., 0., 1.])
    """
    given = src if value is None else value
    if given is None:
        raise UsageError("scatter: give src, a tensor or a number")
    if reduce not in (None, "add"):
        raise UsageError(f"scatter: reduce must be 'add' or left out, got {reduce!r}; scatter_reduce has others")
    x, axis, positions = aligned(input, dim, index, "scatter")
    if isinstance(given, bool | int | float | complex):
        if reduce:
            given = np.full(positions.shape, given, input.dtype)
    else:
        given = source_of(input, given, positions, "scatter")
    if reduce:
        out = x + scatter_add_(given, index=grid(positions, axis), shape=shape_of(x))
    else:
        out = set_item_(x, given, index=Index((), grid(positions, axis)))
    return out if shape_of(input) else reshape_(out, shape=())


@operation(
    "minidl Tensor",
    formula="y[k, j] = x[k, j] + Σ src[i, j] over all i with index[i, j] = k",
    derivative="∂L/∂x = g; ∂L/∂src[i, j] = g[index[i, j], j]",
    samples=[
        sample((3, 4), (2, 3), dim=1, index=_REPEATED),
        sample((3, 4), (2, 2), dim=0, index=np.array([[0, 2], [0, 2]])),
        sample((), (2,), dim=0, index=np.array([0, 0])),
    ],
    errors=_SRC,
    call=in_order,
)
def scatter_add(input: Value, dim: int, index: Value, src: Value) -> Value:
    """Add the elements of `src` along `dim` at the positions `index`; repeated positions add up.

    >>> import minidl
    >>> minidl.scatter_add(minidl.zeros(3), 0, minidl.tensor([0, 0, 2]), minidl.tensor([1.0, 2.0, 3.0]))
    tensor([3., 0., 3.])
    """
    x, axis, positions = aligned(input, dim, index, "scatter_add")
    src = source_of(input, src, positions, "scatter_add")
    out = x + scatter_add_(src, index=grid(positions, axis), shape=shape_of(x))
    return out if shape_of(input) else reshape_(out, shape=())


def _fitting(input: Value, dim: int, index: Value, source: Value, name: str) -> tuple[Value, int, Any, Value]:
    """The input, the axis, the positions, and a source that holds one slice for each; single numbers with an axis of length 1.

    Raises:
        ShapeError: the source holds something else.
        DtypeError: the source has another dtype than the input.
    """
    axis, positions = slices_at(shape_of(input), dim, index, name)
    input = input if shape_of(input) else reshape_(input, shape=(1,))
    shape = shape_of(input)
    wanted = (*shape[:axis], len(positions), *shape[axis + 1 :])
    if not shape_of(source) and hasattr(source, "dtype") and wanted == (1,):
        source = reshape_(source, shape=(1,))
    if shape_of(source) != wanted:
        raise ShapeError(
            f"{name}: {len(positions)} positions along axis {axis} of {shape} need a source of shape {wanted}, "
            f"got {shape_of(source)}"
        )
    if not hasattr(source, "dtype") or source.dtype != input.dtype:
        told = getattr(source, "dtype", type(source).__name__)
        raise DtypeError(f"{name}: the source is {told} and the input {input.dtype}; they must agree")
    return input, axis, positions, source


_SLICES = [
    refuses((3, 2), (2, 3), dim=0, index=np.array([0, 1]), match="need a source of shape"),
    refuses((3,), (2,), dim=0, index=np.array([0, 3]), error=UsageError, match="index 3 is out of range"),
    refuses((3,), np.array([1]), dim=0, index=np.array([0]), error=DtypeError, match="int64"),
]


@operation(
    "minidl Tensor",
    formula="y[k, j] = x[k, j] + α·Σ source[i, j] over all i with index[i] = k",
    derivative="∂L/∂x = g; ∂L/∂source[i, j] = α·g[index[i], j]",
    samples=[
        sample((3, 4), (3, 3), dim=1, index=np.array([2, 0, 2])),
        sample((3, 2), (2, 2), dim=-2, index=np.array([1, 1]), alpha=-0.5),
        sample((3,), (0,), dim=0, index=np.zeros(0, np.int64)),
        sample((), (), dim=0, index=np.array(0)),
    ],
    errors=_SLICES,
    call=in_order,
)
def index_add(input: Value, dim: int, index: Value, source: Value, *, alpha: float = 1) -> Value:
    """Add whole slices of `source`, times `alpha`, along `dim` at the positions `index`; repeated positions add up.

    >>> import minidl
    >>> minidl.index_add(minidl.zeros(3), 0, minidl.tensor([0, 0]), minidl.tensor([1.0, 2.0]))
    tensor([3., 0., 0.])
    """
    if len(shape_of(source)) != len(shape_of(input)):
        raise ShapeError(
            f"index_add: a source of shape {shape_of(source)} and an input of shape {shape_of(input)} must have the same "
            "number of axes"
        )
    x, axis, positions, source = _fitting(input, dim, index, source, "index_add")
    added = source if alpha == 1 else source * alpha
    out = x + scatter_add_(added, index=along(axis, positions), shape=shape_of(x))
    return out if shape_of(input) else reshape_(out, shape=())


@operation(
    "minidl Tensor",
    formula="x, but source[i, j] at (index[i], j), for dim = 0",
    derivative="∂L/∂x = g, but 0 at the index; ∂L/∂source = g at the index",
    samples=[
        sample((3, 4), (3, 2), dim=1, index=np.array([2, 0])),
        sample((3,), (1,), dim=0, index=np.array(1)),
        sample((), (), dim=0, index=np.array(0)),
    ],
    errors=_SLICES,
    call=in_order,
)
def index_copy(input: Value, dim: int, index: Value, source: Value) -> Value:
    """Replace whole slices along `dim`, at the positions `index`, by those of `source`.

    >>> import minidl
    >>> minidl.index_copy(minidl.zeros(3), 0, minidl.tensor([2, 0]), minidl.tensor([1.0, 2.0]))
    tensor([2., 0., 1.])
    """
    x, axis, positions, source = _fitting(input, dim, index, source, "index_copy")
    out = set_item_(x, source, index=Index((), along(axis, positions)))
    return out if shape_of(input) else reshape_(out, shape=())


@operation(
    "minidl Tensor",
    formula="x, but value at all (index[i], j), for dim = 0",
    derivative="∂L/∂x = g, but 0 at the index; ∂L/∂value = Σ g at the index",
    samples=[
        sample((3, 4), dim=1, index=np.array([2, 0]), value=7.0),
        sample((3, 4), (), dim=0, index=np.array([2])),
    ],
    errors=[
        refuses((3,), dim=0, index=np.array([3]), value=1.0, error=UsageError, match="index 3 is out of range"),
        refuses((3,), (1,), dim=0, index=np.array([0]), match="one number"),
    ],
    call=in_order,
)
def index_fill(input: Value, dim: int, index: Value, value: Value) -> Value:
    """Replace whole slices along `dim`, at the positions `index`, by one number.

    >>> import minidl
    >>> minidl.index_fill(minidl.zeros(3), 0, minidl.tensor([2, 0]), 1.0)
    tensor([1., 0., 1.])
    """
    if shape_of(value):
        raise ShapeError(f"index_fill: the value is one number, got shape {shape_of(value)}")
    size = (shape_of(input) or (1,))[axis_of(dim, len(shape_of(input)), "index_fill")]
    axis, positions = slices_at(shape_of(input), dim, index, "index_fill", lowest=-size)
    at = along(axis, positions) if shape_of(input) else ()
    return set_item_(input, cast(value, input.dtype), index=Index((), at))
