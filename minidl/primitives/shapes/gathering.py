"""Picking along an axis: gather, take_along_dim, index_select and their kin."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import DtypeError, RangeError, ShapeError, UsageError
from ...graph import Node, Notation, array_of
from ...kernels import DeviceArray
from ...kernels.device import not_from_the_end
from ...kernels.grid import grid
from ..kinds import Linear, Shape, Value, expand_to, refuses, sample, shape_of
from ..operation import operation
from .broadcasting import common_shape
from .elements import along, axis_of, getitem_, reshape_, scatter_add_, with_own_memory

gather_: Linear = Linear(
    "gather",
    Notation("gather", "gather({0})"),
    forward=lambda xp, x, dim, index: xp.getitem(x, grid(index, dim)),
    transpose=lambda g, x, dim, index: scatter_add_(g, index=grid(index, dim), shape=x.shape),
    samples=[
        sample((3, 4), dim=1, index=np.array([[0, 0], [3, 1], [2, 2]])),
        sample((3,), dim=0, index=np.array([2, 2])),
    ],
)


def positions_of(index: Value, name: str) -> Any:
    """An index tensor as an int64 array (a copy).

    Raises:
        DtypeError: not integers.
    """
    array = array_of(index)
    if array.dtype.kind != "i" or (isinstance(index, Node) and array.dtype.itemsize < 4):
        raise DtypeError(f"{name}: the index must be a tensor of int64 or int32, got {array.dtype}")
    return array.astype(np.int64)


def check_positions(positions: Any, size: int, name: str, axis: int | str, lowest: int = 0) -> Any:
    """Return positions of which all exist. Those on a GPU would have to be waited for: there what does not exist reads NaN.

    Raises:
        UsageError: one is below `lowest`, or not below `size`.
    """
    if positions.__class__ is DeviceArray:
        return positions if lowest else not_from_the_end(positions)
    if positions.size and (positions.min() < lowest or positions.max() >= size):
        wrong = positions[(positions < lowest) | (positions >= size)]
        raise RangeError(f"{name}: index {wrong.flat[0]} is out of range for axis {axis} with size {size}")
    return positions


def aligned(input: Value, dim: int, index: Value, name: str) -> tuple[Value, int, Any]:
    """The input, the axis and the index, single numbers with an axis of length 1."""
    positions = positions_of(index, name)
    x = input if shape_of(input) else reshape_(input, shape=(1,))
    shape = shape_of(x)
    axis = axis_of(dim, len(shape_of(input)), name)
    grown = positions.reshape(1) if positions.ndim == 0 else positions
    if grown.size == 0 and grown.ndim != len(shape):
        grown = np.zeros((0,) * len(shape), np.int64)
    if grown.ndim != len(shape):
        raise ShapeError(f"{name}: the index has {grown.ndim} axes and the input {len(shape)}; they must agree")
    if any(i != axis and grown.shape[i] > n for i, n in enumerate(shape)):
        raise ShapeError(
            f"{name}: an index of shape {grown.shape} is larger than the input {shape} along an axis other than {axis}"
        )
    return x, axis, check_positions(grown, shape[axis], name, axis)


_LABELS = np.array([[0, 0], [3, 1], [2, 2]])
_LONG = [
    refuses((3, 4), dim=1, index=np.array([[4]]), error=UsageError, match="index 4 is out of range"),
    refuses((3, 4), dim=1, index=np.array([[-1]]), error=UsageError, match="index -1 is out of range"),
    refuses((3, 4), dim=1, index=np.array([1, 2]), match="1 axes and the input 2"),
    refuses((3, 4), dim=1, index=np.zeros((4, 1), np.int64), match="larger than the input"),
    refuses((3, 4), dim=2, index=_LABELS, error=UsageError, match="out of range"),
    refuses((3, 4), dim=1, index=np.array([[0.5]]), error=DtypeError, match="int64"),
]


@operation(
    "minidl Tensor",
    formula="y[i, j] = x[index[i, j], j] for dim = 0",
    derivative="∂L/∂x[k, j] = Σ g[i, j] over all i with index[i, j] = k",
    samples=[
        sample((3, 4), dim=1, index=_LABELS),
        sample((3, 4), dim=-2, index=np.array([[2, 0]])),
        sample((3,), dim=0, index=np.array(1)),
        sample((), dim=0, index=np.array([0, 0])),
        sample((3, 4), dim=1, index=np.zeros(0, np.int64)),
    ],
    errors=_LONG,
)
def gather(input: Value, dim: int, index: Value) -> Value:
    """Pick along `dim` the elements at the positions `index`, whose shape the result has.

    Along the other axes the index may be shorter than the input.

    >>> import minidl
    >>> minidl.gather(minidl.tensor([[1.0, 2.0], [3.0, 4.0]]), 1, minidl.tensor([[1], [0]]))
    tensor([[2.],
            [3.]])
    """
    x, axis, positions = aligned(input, dim, index, "gather")
    out = gather_(x, dim=axis, index=positions)
    wanted = shape_of(index)
    return out if positions.shape == wanted else reshape_(out, shape=wanted)


@operation(
    "minidl Tensor",
    formula="y[i, j] = x[index[i], j] for dim = 0",
    derivative="∂L/∂x[k, j] = Σ g[i, j] over all i with index[i] = k",
    samples=[
        sample((3, 4), dim=1, index=np.array([2, 0, 2])),
        sample((3, 4), dim=-2, index=np.array(1)),
        sample((), dim=0, index=np.array([0])),
        sample((3, 2), dim=0, index=np.zeros(0, np.int64)),
    ],
    errors=[
        refuses((3,), dim=0, index=np.array([3]), error=UsageError, match="index 3 is out of range"),
        refuses((3,), dim=0, index=np.array([-1]), error=UsageError, match="index -1 is out of range"),
        refuses((3,), dim=0, index=np.array([[1]]), match="a vector"),
        refuses((3,), dim=0, index=np.array([True, False, True]), error=DtypeError, match="int64"),
        refuses((), dim=0, index=np.array([0, 0]), match="one position"),
    ],
)
def index_select(input: Value, dim: int, index: Value) -> Value:
    """Pick whole slices along `dim`, in the order of `index`.

    >>> import minidl
    >>> minidl.index_select(minidl.tensor([[1.0, 2.0], [3.0, 4.0]]), 1, minidl.tensor([1, 1]))
    tensor([[2., 2.],
            [4., 4.]])
    """
    shape = shape_of(input)
    axis, positions = slices_at(shape, dim, index, "index_select")
    if not shape:
        if positions.size != 1:
            raise ShapeError(f"index_select: a single number has one position, the index has {positions.size}")
        return with_own_memory(input, input)
    return getitem_(input, index=along(axis, positions))


def slices_at(shape: Shape, dim: int, index: Value, name: str, lowest: int = 0) -> tuple[int, Any]:
    """The axis, and the positions along it as a vector."""
    axis, positions = axis_of(dim, len(shape), name), positions_of(index, name)
    if positions.ndim > 1:
        raise ShapeError(f"{name}: the index must be a vector, got shape {positions.shape}")
    checked = check_positions(positions, shape[axis] if shape else 1, name, axis, lowest)
    return axis, checked.reshape(-1)


@operation(
    "minidl Tensor",
    formula="yᵢ = x[indexᵢ], where x counts as one axis",
    derivative="∂L/∂xₖ = Σ gᵢ over all i with indexᵢ = k",
    samples=[
        sample((3, 4), index=np.array([[0, 11], [-1, 0]])),
        sample((3,), index=np.array(1)),
        sample((), index=np.array([0])),
    ],
    errors=[refuses((2, 3), index=np.array([6]), error=UsageError, match="index 6 is out of range")],
)
def take(input: Value, index: Value) -> Value:
    """Pick elements of the flattened tensor; the result has the shape of `index`.

    >>> import minidl
    >>> minidl.take(minidl.tensor([[1.0, 2.0], [3.0, 4.0]]), minidl.tensor([3, 0]))
    tensor([4., 1.])
    """
    positions, size = positions_of(index, "take"), math.prod(shape_of(input))
    check_positions(positions, size, "take", "of all elements", lowest=-size)
    return getitem_(reshape_(input, shape=(size,)), index=(positions,))


@operation(
    "minidl Tensor",
    formula="y[i, j] = x[indices[i, j], j] for dim = 0",
    derivative="∂L/∂x[k, j] = Σ g[i, j] over all i with indices[i, j] = k",
    samples=[
        sample((2, 3, 4), indices=np.array([[[0], [2], [1]]]), dim=2),
        sample((1, 3), indices=np.array([[0, 2], [1, -1]]), dim=-1),
        sample((2, 3), indices=np.array([[5, 0]])),
    ],
    errors=[
        refuses((2, 3), indices=np.array([1]), dim=1, match="1 axes and the input 2"),
        refuses((2, 3), indices=np.array([[3]]), dim=1, error=UsageError, match="index 3 is out of range"),
        refuses((2, 3), indices=np.zeros((3, 1), np.int64), dim=1, match="do not broadcast"),
    ],
)
def take_along_dim(input: Value, indices: Value, dim: int | None = None) -> Value:
    """Pick along `dim` at the positions `indices`; the two broadcast against each other along the other axes.

    It is what `argmax` and `argsort` with `dim` are for. Without `dim` both are flattened.

    >>> import minidl
    >>> x = minidl.tensor([[3.0, 1.0, 2.0]])
    >>> minidl.take_along_dim(x, minidl.tensor([[1, 2, 0]]), 1)
    tensor([[1., 2., 3.]])
    """
    positions = positions_of(indices, "take_along_dim")
    if dim is None:
        return take(input, positions.reshape(-1))
    shape = shape_of(input)
    if not shape:
        raise UsageError("take_along_dim: a single number has no axis to pick along; leave out dim")
    axis = axis_of(dim, len(shape), "take_along_dim")
    if positions.ndim != len(shape):
        raise ShapeError(
            f"take_along_dim: the index has {positions.ndim} axes and the input {len(shape)}; they must agree"
        )
    size = shape[axis]
    check_positions(positions, size, "take_along_dim", axis, lowest=-size)
    rest, other = ((*s[:axis], 1, *s[axis + 1 :]) for s in (shape, positions.shape))
    common = common_shape((rest, other), "take_along_dim")
    x = expand_to(input, (*common[:axis], size, *common[axis + 1 :]))
    if positions.__class__ is not DeviceArray:  # a GPU counts from the end by itself, and finds what is out of range
        positions = positions % max(size, 1)
    spread = np.broadcast_to(positions, (*common[:axis], positions.shape[axis], *common[axis + 1 :]))
    return gather_(x, dim=axis, index=spread)
