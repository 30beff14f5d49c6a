"""Attention: each query takes a mean of the values, weighted by how well their keys match it."""

from __future__ import annotations

import math

import numpy as np

from ...errors import DtypeError, ShapeError, UsageError
from ...graph import array_of, data_of
from ...primitives.elementwise.comparison import where
from ...primitives.kinds import Value, expand_to, refuses, sample, shape_of
from ...primitives.layers.random import Generator
from ...primitives.matrices.linalg import matmul
from ...primitives.mismatch import marked
from ...primitives.operation import operation
from ...primitives.reductions.softmax import softmax
from ...primitives.shapes.shape import cast, reshape, transpose, unsqueeze
from .checks import check_fits, check_float, check_share
from .regularization import dropout

_MASK = np.array([[True, False, True], [False, False, False], [True, True, True]])
_BIAS = np.where(_MASK, [[0.5, 0.0, -1.0]], -np.inf)


@operation(
    "functional",
    formula="Y = P V, P = softmax(S), S = Q Kᵀ/√d",
    derivative=(
        "∂L/∂V = Pᵀ g; ∂L/∂S = P ⊙ (D − Σ P ⊙ D over each row), D = g Vᵀ; ∂L/∂Q = (∂L/∂S) K/√d; ∂L/∂K = (∂L/∂S)ᵀ Q/√d"
    ),
    subgradient="a query with no key left has the result 0 and sends no gradient",
    samples=[
        sample((2, 3, 4), (2, 5, 4), (2, 5, 2)),
        sample((3, 4), (3, 4), (3, 2), is_causal=True),
        sample((2, 2, 3, 4), (2, 2, 3, 4), (2, 2, 3, 4), attn_mask=_MASK),
        sample((2, 3, 4), (2, 3, 4), (2, 3, 4), attn_mask=_BIAS, scale=0.3),
        sample((2, 3, 4), (2, 3, 4), (2, 3, 4), (2, 3, 3)),
        sample((1, 4, 3, 2), (1, 2, 5, 2), (1, 2, 5, 3), enable_gqa=True),
        sample((2, 3, 4), (2, 0, 4), (2, 0, 4)),
    ],
    errors=[
        refuses((3, 4), (3, 5), (3, 5), match="4 numbers a query and 5 a key"),
        refuses((3, 4), (3, 4), (2, 4), match="3 keys and 2 values"),
        refuses((4,), (3, 4), (3, 4), match="two axes"),
        refuses((3, 4), (3, 4), (3, 4), attn_mask=np.ones((4, 4), bool), match="attn_mask"),
        refuses((3, 4), (3, 4), (3, 4), attn_mask=np.ones((3, 3), np.int64), error=DtypeError, match="attn_mask"),
        refuses((3, 4), (3, 4), (3, 4), attn_mask=_MASK, is_causal=True, error=UsageError, match="is_causal"),
        refuses((3, 4), (3, 4), (3, 4), dropout_p=1.5, error=UsageError, match="0 … 1"),
    ],
    tolerance=10,
)
def scaled_dot_product_attention(
    query: Value,
    key: Value,
    value: Value,
    attn_mask: Value | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
    generator: Generator | None = None,
) -> Value:
    """Average the values for each query, weighted by softmax of the products of query and keys.

    Args:
        query: `(…, L, E)`.
        key: `(…, S, E)`.
        value: `(…, S, Ev)`.
        attn_mask: what is added to the products, or True where a query may see a key; it broadcasts to `(…, L, S)`.
        dropout_p: the probability of dropping a weight. It is applied whenever it is not 0: pass 0 when not training.
        is_causal: whether query i may see only the keys 0 … i.
        scale: what the products are multiplied by; 1/√E if None.
        enable_gqa: whether several query heads (axis −3) may share one head of keys and values.
        generator: the source of random numbers; the default one if None.

    Returns:
        `(…, L, Ev)`.

    Source: Vaswani et al., 2017, "Attention is all you need", eq. 1.

    >>> import minidl
    >>> q, k = minidl.zeros(1, 2), minidl.zeros(2, 2)
    >>> scaled_dot_product_attention(q, k, minidl.tensor([[1.0], [3.0]]))
    tensor([[2.]])
    """
    name = "scaled_dot_product_attention"
    _check(name, query, key, value, dropout_p)
    if is_causal and attn_mask is not None:
        raise UsageError(f"{name}: attn_mask and is_causal=True are both masks; put the causal one into attn_mask")
    if enable_gqa:
        key, value = _shared(key, query), _shared(value, query)
    width = shape_of(query)[-1]
    factor = (1.0 / math.sqrt(width) if width else 1.0) if scale is None else scale
    scores = matmul(query * factor, transpose(key, -2, -1))
    if is_causal:
        attn_mask = np.tril(np.ones(shape_of(scores)[-2:], bool))
    if attn_mask is None:
        weights = softmax(scores, -1)
    else:
        scores = _masked(name, scores, attn_mask)
        blind = (array_of(scores) == -np.inf).all(-1, keepdims=True)  # a query that may see no key at all
        weights = where(blind, 0.0, softmax(where(blind, 0.0, scores), -1)) if blind.any() else softmax(scores, -1)
    return matmul(dropout(weights, dropout_p, generator=generator) if dropout_p else weights, value)


def _check(name: str, query: Value, key: Value, value: Value, dropout_p: float) -> None:
    check_float(name, query=query, key=key, value=value)
    q, k, v = shape_of(query), shape_of(key), shape_of(value)
    if min(len(q), len(k), len(v)) < 2:
        raise ShapeError(f"{name}: query, key and value need at least two axes, (…, L, E); got {q}, {k} and {v}")
    if q[-1] != k[-1]:
        shown = f"query {marked(q, -1)} and key {marked(k, -1)}"
        raise ShapeError(f"{name}: {shown}: {q[-1]} numbers a query and {k[-1]} a key cannot be multiplied")
    if k[-2] != v[-2]:
        shown = f"key {marked(k, -2)} and value {marked(v, -2)}"
        raise ShapeError(f"{name}: {shown}: {k[-2]} keys and {v[-2]} values; each key needs its value")
    check_share(name, dropout_p=dropout_p)


def _masked(name: str, scores: Value, mask: Value) -> Value:
    """Add a mask of numbers; put −∞ where a mask of truth values says no."""
    check_fits(name, "attn_mask", mask, shape_of(scores), "the products")
    dtype = data_of(mask).dtype
    if dtype.kind == "b":
        return where(mask, scores, -math.inf)
    if dtype.kind != "f":
        raise DtypeError(f"{name}: attn_mask must hold truth values or floating-point numbers, got {dtype}")
    return scores + cast(mask, scores.dtype)


def _shared(x: Value, query: Value) -> Value:
    """Repeat each head of keys or values for the query heads that share it."""
    shape, wanted = shape_of(x), shape_of(query)
    if len(shape) < 3 or len(wanted) < 3 or not shape[-3] or wanted[-3] % shape[-3]:
        raise ShapeError(
            f"scaled_dot_product_attention: the query's heads {wanted} cannot share those of {shape} evenly (axis −3)"
        )
    times = wanted[-3] // shape[-3]
    repeated = expand_to(unsqueeze(x, -3), (*shape[:-2], times, *shape[-2:]))
    return reshape(repeated, (*shape[:-3], wanted[-3], *shape[-2:]))
