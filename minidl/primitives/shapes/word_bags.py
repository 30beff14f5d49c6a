"""Bags of words: the vectors of several words made one."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import DtypeError, RangeError, ShapeError, UsageError
from ...graph import data_of
from ...kernels.device import require_cpu
from ...kernels.dtypes import int64
from ..elementwise.comparison import where
from ..kinds import Value, refuses, sample, shape_of
from ..operation import operation
from .elements import getitem_, whole_number
from .gathering import check_positions, gather, positions_of
from .scattering import index_add
from .shape import reshape, unsqueeze

_NAME = "embedding_bag"
_ROWS = np.array([1, 3, 1, 0, 2])


def _bagged(f: Any, xs: Any, params: dict[str, Any]) -> Any:
    """For the tests: the weight, and the words' own weights, are the inputs with gradients."""
    rest = dict(params)
    given = rest.pop("input"), xs[0], rest.pop("offsets", None)
    return f(*given, **rest, **({"per_sample_weights": xs[1]} if len(xs) > 1 else {}))


@operation(
    "functional",
    formula="yᵢ = sum, mean or max of W[x] over the words x of bag i",
    derivative="∂L/∂W[k] = Σ gᵢ·(count of k in bag i), for the mean over the bag's length, for max where it is the largest",
    subgradient="the first of equals takes it all",
    samples=[
        sample((4, 3), input=_ROWS, offsets=np.array([0, 2, 2])),
        sample((4, 3), input=np.array([[1, 3, 1], [0, 0, 2]]), mode="sum"),
        sample(
            (4, 3), input=_ROWS, offsets=np.array([0, 3, 3, 5]), mode="max", include_last_offset=True, domain="distinct"
        ),
        sample((4, 3), input=np.array([[1, 3], [0, 1], [1, 1]]), mode="max", padding_idx=1, domain="distinct"),
        sample((4, 3), input=np.array([[1, 3], [0, 1], [1, 1]]), padding_idx=-3),
        sample((4, 3), (5,), input=_ROWS, offsets=np.array([0, 2]), mode="sum", padding_idx=0),
        sample((4, 3), (2, 2), input=np.array([[1, 1], [0, 2]]), mode="sum"),
        sample((4, 3), input=np.zeros((0, 2), np.int64)),
    ],
    errors=[
        refuses((4, 3), input=_ROWS, error=UsageError, match="offsets"),
        refuses((4, 3), input=_ROWS[None], offsets=np.array([0]), error=UsageError, match="offsets"),
        refuses((4, 3), input=_ROWS, offsets=np.array([1]), error=UsageError, match="begin with 0"),
        refuses((4, 3), input=_ROWS, offsets=np.array([0, 3, 2]), error=UsageError, match="must not fall"),
        refuses((4, 3), input=_ROWS, offsets=np.array([0, 6]), error=UsageError, match="beyond the 5"),
        refuses((4, 3), input=_ROWS, offsets=np.zeros(0, np.int64), include_last_offset=True, match="at least one"),
        refuses((4, 3), input=_ROWS, offsets=np.array([0.0]), error=DtypeError, match="int64"),
        refuses((4, 3), input=np.zeros((1, 1, 1), np.int64), match="one axis or two"),
        refuses((3,), input=np.array([[0]]), match="must be a matrix"),
        refuses((4, 3), input=np.array([[4]]), error=UsageError, match="index 4 is out of range"),
        refuses((4, 3), input=np.array([[1]]), mode="min", error=UsageError, match="'sum', 'mean' or 'max'"),
        refuses((4, 3), (1, 1), input=np.array([[1]]), error=UsageError, match="mode='sum'"),
        refuses((4, 3), (1, 2), input=np.array([[1]]), mode="sum", match="one weight a word"),
        refuses((4, 3), input=np.array([[1]]), padding_idx=4, error=UsageError, match="padding_idx"),
        refuses((4, 3), input=np.array([[1]]), max_norm=1.0, error=UsageError, match="max_norm"),
    ],
    call=_bagged,
)
def embedding_bag(
    input: Value,
    weight: Value,
    offsets: Value | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Value | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Value:
    """Look the rows of each bag up in a table, and take their sum, mean or largest numbers.

    Args:
        input: row numbers, int64: `(B, N)` for bags of N words, or `(N,)` for bags of different lengths, one after another.
        weight: the table, `(rows, features)`.
        offsets: where each bag begins in an input `(N,)`, `(B,)`, the first at 0.
        max_norm: not offered: it would change the table in place while reading it.
        norm_type: goes with `max_norm`.
        scale_grad_by_freq: not offered: it would make the gradient something else than the derivative.
        mode: "sum", "mean" or "max".
        sparse: not offered: there are no sparse tensors here.
        per_sample_weights: what each row is multiplied by, of the input's shape; for the sum alone.
        include_last_offset: whether `offsets` ends with where the last bag ends, `(B + 1,)`.
        padding_idx: a row that does not count, as if it were not in the bag.

    Returns:
        `(B, features)`; zeros for an empty bag.

    Raises:
        ShapeError: the shapes do not fit.
        UsageError: a row number, an offset or an option is out of range.

    Source: Joulin, Grave, Bojanowski & Mikolov, 2017, "Bag of tricks for efficient text classification".

    >>> import minidl
    >>> table = minidl.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> minidl.nn.functional.embedding_bag(minidl.tensor([0, 1, 1]), table, minidl.tensor([0, 2]), mode="sum")
    tensor([[4., 6.],
            [3., 4.]])
    """
    refused = {"max_norm": max_norm is not None, "scale_grad_by_freq": scale_grad_by_freq, "sparse": sparse}
    for name, given in refused.items():
        if given:
            raise UsageError(f"{_NAME}: {name} is not offered here")
    if mode not in ("sum", "mean", "max"):
        raise UsageError(f"{_NAME}: mode must be 'sum', 'mean' or 'max', got {mode!r}")
    shape = shape_of(weight)
    if len(shape) != 2:
        raise ShapeError(f"{_NAME}: the weight must be a matrix (rows, features), got shape {shape}")
    rows = positions_of(input, _NAME)
    require_cpu(_NAME, data_of(weight), rows)
    check_positions(rows, shape[0], _NAME, 0)
    _check_weights(per_sample_weights, rows.shape, mode)
    starts = _starts(rows, offsets, include_last_offset)
    rows, bags = rows.reshape(-1)[: starts[-1]], np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    kept = np.flatnonzero(_counted(rows, padding_idx, shape[0]))
    counts = np.bincount(bags[kept], minlength=len(starts) - 1)
    if mode == "max":
        return _largest(weight, rows[kept], bags[kept], counts)
    words = getitem_(weight, index=(rows[kept],))
    if per_sample_weights is not None:
        own = getitem_(reshape(per_sample_weights, (-1,)), index=(kept,))
        words = words * unsqueeze(own, -1)
    total = index_add(np.zeros((len(counts), shape[1]), data_of(words).dtype), 0, bags[kept], words)
    return total if mode == "sum" else total / np.maximum(counts, 1)[:, None].astype(data_of(words).dtype)


def _check_weights(weights: Value | None, shape: tuple[int, ...], mode: str) -> None:
    if weights is None:
        return
    if mode != "sum":
        raise UsageError(f"{_NAME}: per_sample_weights go with mode='sum', not with {mode!r}")
    if shape_of(weights) != shape:
        raise ShapeError(f"{_NAME}: per_sample_weights must be {shape}, one weight a word; got {shape_of(weights)}")


def _starts(rows: Any, offsets: Value | None, include_last_offset: bool) -> Any:
    """Where each bag begins in the row of all words, and where the last one ends."""
    if rows.ndim == 2:
        if offsets is not None:
            raise UsageError(f"{_NAME}: an input (B, N) is its own bags; leave offsets out")
        return np.arange(len(rows) + 1) * rows.shape[1]
    if rows.ndim != 1:
        raise ShapeError(f"{_NAME}: the input must have one axis or two, (N,) or (B, N); got {rows.shape}")
    if offsets is None:
        raise UsageError(f"{_NAME}: an input (N,) needs offsets, which say where each bag begins")
    starts = positions_of(offsets, f"{_NAME}: offsets")
    if starts.ndim != 1 or (include_last_offset and not starts.size):
        raise ShapeError(
            f"{_NAME}: offsets must be (B,), or (B + 1,) and at least one with their end; got {starts.shape}"
        )
    if starts.size and starts[0] != 0:
        raise UsageError(f"{_NAME}: offsets must begin with 0, got {starts[0]}")
    if (np.diff(starts) < 0).any():
        raise UsageError(f"{_NAME}: offsets must not fall, got {starts.tolist()!r:.60}")
    if starts.size and starts[-1] > len(rows):
        raise UsageError(f"{_NAME}: offset {starts[-1]} is beyond the {len(rows)} words")
    return starts if include_last_offset else np.append(starts, len(rows))


def _counted(rows: Any, padding_idx: int | None, size: int) -> Any:
    """Whether each word counts.

    Raises:
        RangeError: the padding is no row.
    """
    if padding_idx is None:
        return np.ones(rows.shape, bool)
    at = whole_number(padding_idx, _NAME, "padding_idx")
    if not -size <= at < size:
        raise RangeError(f"{_NAME}: padding_idx={at} is out of range for {size} rows")
    return rows != at % size


def _largest(weight: Value, rows: Any, bags: Any, counts: Any) -> Value:
    """The largest number of each feature: one look at the table for the rows that hold them."""
    table = data_of(weight)
    chosen = np.zeros((len(counts), table.shape[1]), int64)
    ends = np.cumsum(counts)
    for bag in np.flatnonzero(counts):
        own = rows[ends[bag] - counts[bag] : ends[bag]]
        chosen[bag] = own[table[own].argmax(0)]
    found = gather(weight, 0, chosen) if len(table) else np.zeros(chosen.shape, table.dtype)
    return where(np.asarray(counts > 0)[:, None], found, 0.0)
