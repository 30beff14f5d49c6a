"""Shape and indexing: the same numbers, arranged or chosen differently."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError, UsageError
from ..graph import Node, Notation, data_of
from .kinds import Linear, Shape, Value, expand_to, sample, shape_of

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
    "scatter_add",
    Notation("scatter", "scatter({0})"),
    forward=lambda xp, x, index, shape: xp.scatter_add(x, index, shape),
    transpose=lambda g, x, index, shape: getitem_(g, index=index),
    samples=[sample((4,), index=1, shape=(3, 4)), sample((3, 4), index=(np.array([0, 2, 0]),), shape=(3, 4))],
)

gather_: Linear = Linear(
    "gather",
    Notation("gather", "gather({0})"),
    forward=lambda xp, x, dim, index: xp.getitem(x, _grid(index, dim)),
    transpose=lambda g, x, dim, index: scatter_add_(g, index=_grid(index, dim), shape=x.shape),
    samples=[
        sample((3, 4), dim=1, index=np.array([[0, 0], [3, 1], [2, 2]])),
        sample((3,), dim=0, index=np.array([2, 2])),
    ],
)

cat_: Linear = Linear(
    "cat",
    Notation("cat", "cat({0}, …)"),
    forward=lambda xp, *parts, dim: xp.concat(parts, axis=dim),
    transpose=lambda g, *parts, dim: _split_like(g, parts, dim),
    samples=[sample((2, 3), (2, 1), dim=1), sample((2,), (0,), (3,), dim=0)],
    promotion="same",
    explain=lambda *shapes, dim: f"cat: the shapes {', '.join(map(str, shapes))} must agree in every axis but {dim}",
)

to_: Linear = Linear(
    "to",
    Notation("to", "{0}"),
    forward=lambda xp, x, dtype: xp.astype(x, dtype),
    transpose=lambda g, x, dtype: cast(g, x.dtype),
    samples=[sample((3, 4), dtype=np.dtype(np.float64))],
)


def cast(x: Value, dtype: np.dtype[Any]) -> Value:
    """Bring `x` to another dtype; a number or an array that has it already is returned as it is."""
    return x if getattr(x, "dtype", dtype) == dtype else to_(x, dtype=dtype)


def _inverse(dims: Sequence[int]) -> tuple[int, ...]:
    return tuple(sorted(range(len(dims)), key=dims.__getitem__))


def _grid(index: Any, dim: int) -> tuple[Any, ...]:
    """The advanced index that picks `index` along `dim` and each element's own place along the other axes."""
    axes = np.ogrid[tuple(slice(n) for n in index.shape)] if index.ndim else []
    return (*axes[:dim], index, *axes[dim + 1 :])


def _split_like(g: Value, parts: Sequence[Value], dim: int) -> tuple[Value, ...]:
    pieces, start = [], 0
    for part in parts:
        stop = start + part.shape[dim]
        pieces.append(getitem_(g, index=(*(slice(None),) * dim, slice(start, stop))))
        start = stop
    return tuple(pieces)


def axis_of(dim: int, ndim: int, name: str) -> int:
    """Count an axis from 0.

    Raises:
        UsageError: there is no such axis.
    """
    room = ndim or 1
    if not -room <= dim < room:
        raise UsageError(f"{name}: dim={dim} is out of range for a tensor with {ndim} axes (−{room} … {room - 1})")
    return dim % room


def reshape(input: Value, shape: Sequence[int] | int) -> Value:
    """Arrange the elements in another shape, in row-major order; one length may be −1.

    Raises:
        ShapeError: the numbers of elements differ.

    >>> import minidl
    >>> minidl.reshape(minidl.tensor([1.0, 2.0, 3.0, 4.0]), (2, -1)).shape
    (2, 2)
    """
    wanted = (shape,) if isinstance(shape, int) else tuple(map(operator.index, shape))
    if any(n < 0 for n in wanted):
        wanted = _fill_in(wanted, shape_of(input))
    return input if isinstance(input, Node) and shape_of(input) == wanted else reshape_(input, shape=wanted)


def _fill_in(wanted: Shape, shape: Shape) -> Shape:
    rest = math.prod(n for n in wanted if n != -1) if all(n >= -1 for n in wanted) else -1
    size = math.prod(shape)
    if wanted.count(-1) > 1 or rest <= 0 or size % rest:
        raise ShapeError(f"reshape: {shape} holds {size} elements, which cannot fill {wanted}")
    return tuple(size // rest if n == -1 else n for n in wanted)


def flatten(input: Value, start_dim: int = 0, end_dim: int = -1) -> Value:
    """Merge the axes from `start_dim` to `end_dim` into one.

    >>> import minidl
    >>> minidl.flatten(minidl.zeros(2, 3, 4), 1).shape
    (2, 12)
    """
    shape = shape_of(input)
    start, end = axis_of(start_dim, len(shape), "flatten"), axis_of(end_dim, len(shape), "flatten")
    if start > end:
        raise UsageError(
            f"flatten: start_dim={start_dim} comes after end_dim={end_dim} in a tensor with {len(shape)} axes"
        )
    return reshape(input, (*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))


def permute(input: Value, dims: Sequence[int]) -> Value:
    """Reorder the axes: axis `i` of the result is axis `dims[i]` of the input.

    >>> import minidl
    >>> minidl.permute(minidl.zeros(2, 3, 4), (2, 0, 1)).shape
    (4, 2, 3)
    """
    ndim = len(shape_of(input))
    axes = tuple(axis_of(d, ndim, "permute") for d in dims)
    if sorted(axes) != list(range(ndim)):
        raise UsageError(f"permute: dims={tuple(dims)} must name each of the {ndim} axes once")
    return permute_(input, dims=axes)


def transpose(input: Value, dim0: int, dim1: int) -> Value:
    """Swap two axes.

    >>> import minidl
    >>> minidl.transpose(minidl.zeros(2, 3), 0, 1).shape
    (3, 2)
    """
    ndim = len(shape_of(input))
    axes = list(range(ndim))
    i, j = axis_of(dim0, ndim, "transpose"), axis_of(dim1, ndim, "transpose")
    if ndim:
        axes[i], axes[j] = axes[j], axes[i]
    return permute_(input, dims=tuple(axes))


def squeeze(input: Value, dim: int | None = None) -> Value:
    """Drop axes of length 1: all of them, or `dim` if it is one.

    >>> import minidl
    >>> minidl.squeeze(minidl.zeros(1, 3, 1)).shape
    (3,)
    """
    shape = shape_of(input)
    only = None if dim is None else axis_of(dim, len(shape), "squeeze")
    return reshape(input, tuple(n for i, n in enumerate(shape) if n != 1 or (only is not None and i != only)))


def unsqueeze(input: Value, dim: int) -> Value:
    """Insert an axis of length 1 at `dim`.

    >>> import minidl
    >>> minidl.unsqueeze(minidl.zeros(3), -1).shape
    (3, 1)
    """
    shape = shape_of(input)
    at = axis_of(dim, len(shape) + 1, "unsqueeze")
    return reshape(input, (*shape[:at], 1, *shape[at:]))


def expand(input: Value, shape: Sequence[int]) -> Value:
    """Repeat along axes of length 1 and along new leading axes, without copying; −1 leaves an axis as it is.

    >>> import minidl
    >>> minidl.expand(minidl.tensor([[1.0], [2.0]]), (-1, 3)).shape
    (2, 3)
    """
    own = shape_of(input)
    lead = len(shape) - len(own)
    return expand_to(input, tuple(own[i - lead] if n == -1 and i >= lead else int(n) for i, n in enumerate(shape)))


def getitem(input: Value, index: Any) -> Value:
    """Pick elements as `input[index]` does: integers, slices, None, `...`, integer or boolean arrays.

    >>> import minidl
    >>> minidl.getitem(minidl.tensor([1.0, 2.0, 3.0]), slice(1, None))
    tensor([2., 3.])
    """
    plain = _plain(index)
    if isinstance(plain, tuple) and any(map(_is_array, plain)) and any(isinstance(i, int) for i in plain):
        basic, rest = _integers_first(plain, len(shape_of(input)))
        return getitem_(getitem_(input, index=basic), index=rest)
    return getitem_(input, index=plain)


def _plain(index: Any) -> Any:
    """An index without nodes; arrays are copied, so that the record stays what it was."""
    if isinstance(index, tuple):
        return tuple(_plain(i) for i in index)
    if isinstance(index, list):
        return np.asarray(index, np.int64) if not index else np.asarray(index)
    value = data_of(index)
    if isinstance(value, np.ndarray):
        return int(value) if value.ndim == 0 and value.dtype.kind in "iu" else value.copy()
    return operator.index(value) if isinstance(value, np.integer) else value


def _is_array(index: Any) -> bool:
    return isinstance(index, np.ndarray)


def _integers_first(index: tuple[Any, ...], ndim: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Divide an index into its integers, slices and new axes, and then its arrays, as PyTorch applies them.

    NumPy would take an integer for one more array, and put the arrays' axes in front where a slice stands between them.
    """
    used = sum(i.ndim if _is_array(i) and i.dtype == bool else 1 for i in index if i is not None and i is not Ellipsis)
    whole = [slice(None)] * (ndim - used)
    at = next((k for k, i in enumerate(index) if i is Ellipsis), len(index))
    full = (*index[:at], *whole, *index[at + 1 :])
    basic: list[Any] = []
    rest: list[Any] = []
    for i in full:
        if _is_array(i):
            basic += [slice(None)] * (i.ndim if i.dtype == bool else 1)
            rest.append(i)
        else:
            basic.append(i)
            if not isinstance(i, int):
                rest.append(slice(None))
    return tuple(basic), tuple(rest)


def gather(input: Value, dim: int, index: Value) -> Value:
    """Pick along `dim` the elements at the positions `index`, whose shape the result has.

    >>> import minidl
    >>> minidl.gather(minidl.tensor([[1.0, 2.0], [3.0, 4.0]]), 1, minidl.tensor([[1], [0]]))
    tensor([[2.],
            [3.]])
    """
    positions = np.array(data_of(index))
    shape = shape_of(input)
    axis = axis_of(dim, len(shape), "gather")
    if not shape and positions.ndim == 0:
        return reshape(gather(reshape(input, (1,)), 0, positions.reshape(1)), ())
    if positions.ndim != len(shape):
        raise ShapeError(f"gather: the index has {positions.ndim} axes and the input {len(shape)}; they must agree")
    if positions.size and not (positions.min() >= 0 and positions.max() < shape[axis]):
        raise UsageError(f"gather: positions must lie in 0 … {shape[axis] - 1} along dim={dim}")
    return gather_(input, dim=axis, index=positions)


def cat(tensors: Sequence[Value], dim: int = 0) -> Value:
    """Join tensors along an existing axis.

    >>> import minidl
    >>> minidl.cat([minidl.zeros(2, 1), minidl.ones(2, 2)], dim=1).shape
    (2, 3)
    """
    if not tensors:
        raise UsageError("cat: needs at least one tensor")
    return cat_(*tensors, dim=axis_of(dim, len(shape_of(tensors[0])), "cat"))


def stack(tensors: Sequence[Value], dim: int = 0) -> Value:
    """Join tensors of one shape along a new axis.

    >>> import minidl
    >>> minidl.stack([minidl.zeros(3), minidl.ones(3)]).shape
    (2, 3)
    """
    shapes = {shape_of(t) for t in tensors}
    if len(shapes) > 1:
        raise ShapeError(f"stack: all shapes must be equal, got {', '.join(map(str, sorted(shapes)))}")
    return cat([unsqueeze(t, dim) for t in tensors], dim)
