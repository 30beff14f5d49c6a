"""Comparisons, and the choice between two values. A comparison has no derivative: its result is True or False."""

from __future__ import annotations

import numpy as np

from ..graph import Node, Notation, data_of
from ..kernels.dtypes import get_default_dtype
from .kinds import Constant, Linear, Value, sample, shape_of, sum_to

_PAIRS = (sample((3, 4), (3, 4)), sample((3, 1), (4,)))


def _comparison(name: str, symbol: str) -> Constant:
    return Constant(
        name,
        Notation(symbol, f"[{{0}} {symbol} {{1}}]"),
        forward=lambda xp, x, y: getattr(xp, name)(x, y),
        samples=_PAIRS,
        promotion="same",
    )


equal = _comparison("equal", "=")
not_equal = _comparison("not_equal", "≠")
less = _comparison("less", "<")
less_equal = _comparison("less_equal", "≤")
greater = _comparison("greater", ">")
greater_equal = _comparison("greater_equal", "≥")

where_: Linear = Linear(
    "where",
    Notation("where", "where({0}, {1})"),
    forward=lambda xp, x, y, condition: xp.where(condition, x, y),
    transpose=lambda g, x, y, condition: (
        sum_to(where_(g, 0.0, condition=condition), shape_of(x)),
        sum_to(where_(0.0, g, condition=condition), shape_of(y)),
    ),
    samples=[
        sample((2, 2), (2, 2), condition=[[True, False], [False, True]]),
        sample((), (3,), condition=[True, False, True]),
    ],
    promotion="same",
)


def where(condition: Value, input: Value, other: Value) -> Value:
    """Take `input` where `condition` holds and `other` elsewhere; the branch not taken gets a gradient of exactly 0.

    >>> import minidl
    >>> minidl.where(minidl.tensor([True, False]), minidl.tensor([1.0, 2.0]), 0.0)
    tensor([1., 0.])
    """
    chosen = np.array(data_of(condition))
    if isinstance(condition, Node) and not isinstance(input, Node) and not isinstance(other, Node):
        plain = np.asarray(input, get_default_dtype() if float in (type(input), type(other)) else None)
        input = condition.result_class(plain)  # two plain numbers: the result is a tensor all the same
    return where_(input, other, condition=chosen)
