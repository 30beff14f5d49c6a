"""Classes and words as vectors, and places in sorted sequences."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import DtypeError, RangeError, ShapeError, UsageError
from ...graph import Node, Notation, array_of, data_of
from ...kernels import DeviceArray
from ...kernels.dtypes import int32, int64
from ..elementwise.comparison import where_
from ..kinds import Constant, Value, refuses, sample, shape_of
from ..operation import operation
from .elements import getitem_, whole_number
from .gathering import check_positions, positions_of

one_hot_ = Constant(
    "one_hot",
    Notation("one-hot", "one-hot({0})"),
    forward=lambda xp, x, num_classes: xp.astype(xp.equal(x[..., None], np.arange(num_classes)), int64),
    samples=[sample(np.array([0.0, 2.0, 1.0]), num_classes=3)],
)


def _searched(xp: Any, edges: Any, numbers: Any, side: str) -> Any:
    """Search each row; NaN comes after everything."""
    rows = (edges,) if edges.ndim == 1 else edges
    found = [
        xp.searchsorted(a, b, side=side) for a, b in zip(rows, numbers if edges.ndim > 1 else (numbers,), strict=True)
    ]
    places = found[0] if edges.ndim == 1 else np.stack(found)
    return xp.where(xp.equal(numbers, numbers), places, edges.shape[-1])


searchsorted_ = Constant(
    "searchsorted",
    Notation("searchsorted", "searchsorted({0}, {1})"),
    forward=_searched,
    samples=[sample(np.array([1.0, 3.0]), np.array([0.0, 2.0]), side="left")],
)


@operation(
    "functional",
    formula="yᵢₖ = [xᵢ = k]",
    samples=[
        sample(np.array([0, 2, 1])),
        sample(np.array([[1, 0]]), num_classes=4),
        sample(np.array(2)),
        sample(np.zeros(0, np.int64), num_classes=3),
    ],
    errors=[
        refuses(np.array([0, 3]), num_classes=3, error=UsageError, match="3 is out of range"),
        refuses(np.array([-1]), error=UsageError, match="-1 is out of range"),
        refuses(np.zeros(0, np.int64), error=UsageError, match="cannot be told"),
        refuses((3,), error=DtypeError, match="int64"),
    ],
)
def one_hot(tensor: Value, num_classes: int = -1) -> Value:
    """Write each class label as a vector with a 1 at its place and 0 elsewhere.

    Args:
        tensor: labels, int64, any shape.
        num_classes: how many there are; −1 means the largest label plus 1.

    Returns:
        int64, with one more axis, of length `num_classes`.

    >>> import minidl
    >>> minidl.nn.functional.one_hot(minidl.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    labels = array_of(tensor)
    if labels.dtype != int64:
        raise DtypeError(f"one_hot: the labels must be a tensor of int64, got {labels.dtype}")
    count = whole_number(num_classes, "one_hot", "num_classes")
    if labels.size == 0 and count < 1:
        raise UsageError("one_hot: the number of classes cannot be told from no labels; give num_classes")
    count = int(labels.max()) + 1 if count == -1 else count
    wrong = labels[(labels < 0) | (labels >= count)]
    if wrong.size:
        raise RangeError(f"one_hot: label {int(wrong[0])} is out of range for {count} classes, 0 … {count - 1}")
    return one_hot_(tensor, num_classes=count)


def _embedded(f: Any, xs: Any, params: dict[str, Any]) -> Any:
    """For the tests: the weight is the input with a gradient."""
    rest = dict(params)
    return f(rest.pop("input"), xs[0], **rest)


@operation(
    "functional",
    formula="yᵢ = W[xᵢ], a row of the weight",
    derivative="∂L/∂W[k] = Σ gᵢ over all i with xᵢ = k",
    samples=[
        sample((4, 3), input=np.array([[1, 3, 1], [0, 0, 2]])),
        sample((4, 3), input=np.array([1, 3, 1]), padding_idx=0),
        sample((4, 3), input=np.array(2), padding_idx=-4),
        sample((4, 3), input=np.zeros((0, 2), np.int64)),
    ],
    errors=[
        refuses((4, 3), input=np.array([4]), error=UsageError, match="index 4 is out of range"),
        refuses((4, 3), input=np.array([-1]), error=UsageError, match="index -1 is out of range"),
        refuses((4,), input=np.array([1]), match="must be a matrix"),
        refuses((4, 3), input=np.array([1.0]), error=DtypeError, match="int64"),
        refuses((4, 3), input=np.array([1]), padding_idx=4, error=UsageError, match="padding_idx"),
        refuses((4, 3), input=np.array([1]), max_norm=1.0, error=UsageError, match="max_norm"),
        refuses((4, 3), input=np.array([1]), scale_grad_by_freq=True, error=UsageError, match="scale_grad_by_freq"),
    ],
    call=_embedded,
)
def embedding(
    input: Value,
    weight: Value,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Value:
    """Look rows up in a table: word numbers become vectors.

    Args:
        input: row numbers, any shape.
        weight: the table, `(rows, features)`.
        padding_idx: a row that gets no gradient.
        max_norm: not offered: it would change the table in place while reading it.
        norm_type: goes with `max_norm`.
        scale_grad_by_freq: not offered: it would make the gradient something else than the derivative.
        sparse: not offered: there are no sparse tensors here.

    Returns:
        The shape of `input`, and `features`.

    >>> import minidl
    >>> minidl.nn.functional.embedding(minidl.tensor([1, 1]), minidl.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[3., 4.],
            [3., 4.]])
    """
    refused = {"max_norm": max_norm is not None, "scale_grad_by_freq": scale_grad_by_freq, "sparse": sparse}
    for name, given in refused.items():
        if given:
            raise UsageError(f"embedding: {name} is not offered here")
    shape = shape_of(weight)
    if len(shape) != 2:
        raise ShapeError(f"embedding: the weight must be a matrix (rows, features), got shape {shape}")
    rows = check_positions(positions_of(input, "embedding"), shape[0], "embedding", 0)
    out = getitem_(weight, index=(rows,))
    if padding_idx is None:
        return out
    at = whole_number(padding_idx, "embedding", "padding_idx")
    if not -shape[0] <= at < shape[0]:
        raise RangeError(f"embedding: padding_idx={at} is out of range for {shape[0]} rows")
    return where_(out, data_of(out), condition=(rows != at % shape[0])[..., None])


@operation(
    "minidl",
    formula="how many elements of the sequence are < x",
    samples=[
        sample(np.array([1.0, 3.0, 5.0]), np.array([0.0, 1.0, 2.0, 6.0])),
        sample(np.array([[1.0, 3.0], [2.0, 4.0]]), np.array([[3.0, 0.0, 9.0], [3.0, 2.0, 4.0]]), right=True),
        sample(np.array([1, 3, 5]), np.array([[1, 2]]), side="right", out_int32=True),
        sample(np.array([5.0, 1.0, 3.0]), np.array([2.0]), sorter=np.array([1, 2, 0])),
    ],
    errors=[
        refuses(np.array([[1.0], [2.0]]), np.array([1.0]), match="first axes"),
        refuses(np.array([1.0]), np.array([1.0]), side="left", right=True, error=UsageError, match="contradict"),
        refuses(np.array([1.0]), np.array([1.0]), side="middle", error=UsageError, match="'left' or 'right'"),
    ],
)
def searchsorted(
    sorted_sequence: Value,
    input: Value,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Value = None,
) -> Value:
    """Find where numbers would have to be inserted into a sorted sequence to keep it sorted.

    Args:
        sorted_sequence: ascending along its last axis; a vector, or one sequence for each row of `input`.
        input: numbers to find.
        out_int32: whether the result is int32 rather than int64.
        right: whether a number goes behind elements that equal it.
        side: the same in words: `"left"` or `"right"`.
        sorter: positions that sort `sorted_sequence`, where it is not sorted.

    >>> import minidl
    >>> minidl.searchsorted(minidl.tensor([1.0, 3.0, 5.0]), minidl.tensor([3.0, 4.0]))
    tensor([1, 2])
    """
    if side not in (None, "left", "right"):
        raise UsageError(f"searchsorted: side must be 'left' or 'right', got {side!r}")
    if side == "left" and right:
        raise UsageError("searchsorted: side='left' and right=True contradict each other")
    edges, numbers = array_of(sorted_sequence), array_of(input)
    if sorter is not None:
        edges = np.take_along_axis(edges, positions_of(sorter, "searchsorted"), -1)
    if (edges.ndim != 1 and edges.shape[:-1] != numbers.shape[:-1]) or edges.ndim == 0:
        raise ShapeError(
            f"searchsorted: sequences of shape {edges.shape} and input {numbers.shape} must agree in their first axes, "
            "or the sequence is a vector"
        )
    rows = edges if edges.ndim == 1 else edges.reshape(-1, edges.shape[-1])
    found = searchsorted_(
        rows, numbers if edges.ndim == 1 else numbers.reshape(len(rows), -1), side="right" if right else side or "left"
    )
    found = found if found.__class__ is DeviceArray else np.asarray(found)
    found = found.reshape(numbers.shape).astype(int32 if out_int32 else int64)
    node = next((x for x in (sorted_sequence, input) if isinstance(x, Node)), None)
    return found if node is None else node.result_class(found)


@operation(
    "minidl",
    formula="which bucket x falls into",
    samples=[
        sample(np.array([0.0, 1.0, 2.0, 6.0]), boundaries=np.array([1.0, 3.0, 5.0])),
        sample(np.array([[3, 5]]), boundaries=np.array([1, 3, 5]), right=True, out_int32=True),
    ],
    errors=[refuses(np.array([0.0]), boundaries=np.zeros((2, 2)), match="a vector")],
)
def bucketize(input: Value, boundaries: Value, *, out_int32: bool = False, right: bool = False) -> Value:
    """Number the buckets that numbers fall into; bucket k reaches from boundary k − 1 to boundary k, which it contains.

    Args:
        input: numbers.
        boundaries: an ascending vector.
        out_int32: whether the result is int32 rather than int64.
        right: whether a bucket contains its lower boundary instead of its upper one.

    >>> import minidl
    >>> minidl.bucketize(minidl.tensor([0.5, 1.0, 2.0]), minidl.tensor([1.0, 2.0]))
    tensor([0, 0, 1])
    """
    if len(shape_of(boundaries)) != 1:
        raise ShapeError(f"bucketize: the boundaries must be a vector, got shape {shape_of(boundaries)}")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)
