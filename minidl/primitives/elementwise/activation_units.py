"""Units that learn their own shape: maxout, and straight lines between knots."""

from __future__ import annotations

import numpy as np

from ...errors import ShapeError, UsageError
from ...graph import Notation, array_of, data_of
from ..kinds import Constant, Value, refuses, sample, shape_of
from ..operation import operation
from ..reductions.reduction import amax
from ..shapes.elements import axis_of, getitem_, reshape_
from .rounding import clamp


@operation(
    "functional",
    formula="hᵢ = max(zᵢ₁, …, zᵢₖ)",
    derivative="∂hᵢ/∂zᵢⱼ = 1 for the piece that is the largest, else 0",
    subgradient="pieces that tie share the gradient evenly",
    samples=[
        sample((2, 6), domain="distinct", pieces=2),
        sample((2, 6, 2), domain="distinct", pieces=3),
        sample((4,), domain="distinct", pieces=2, dim=0),
        sample((2, 4), domain="distinct", pieces=1, dim=-1),
        sample((0, 4), pieces=2),
    ],
    errors=[
        refuses((2, 5), pieces=2, match="5 channels.*pieces of 2"),
        refuses((2, 4), pieces=0, error=UsageError, match="pieces=0"),
        refuses((2, 4), pieces=2, dim=3, error=UsageError, match="out of range"),
    ],
    torch=None,
)
def maxout(input: Value, pieces: int, dim: int = 1) -> Value:
    """The largest of each `pieces` neighbouring channels: a convex function of which every piece is learned.

    Args:
        input: `(N, C, …)`, usually the output of a linear layer or a convolution.
        pieces: how many channels make one unit; it divides C.
        dim: the axis of the channels.

    Returns:
        `(N, C / pieces, …)`.

    Raises:
        ShapeError: the channels do not fall into groups of `pieces`.

    Source: Goodfellow et al., 2013, "Maxout networks", eq. (1).

    >>> import minidl
    >>> maxout(minidl.tensor([[1.0, 5.0, -2.0, -3.0]]), pieces=2)
    tensor([[ 5., -2.]])
    """
    shape = shape_of(input)
    axis = axis_of(dim, len(shape), "maxout")
    if not isinstance(pieces, int) or pieces < 1:
        raise UsageError(f"maxout: a unit has a whole number of pieces, at least one; got pieces={pieces}")
    if not shape or shape[axis] % pieces:
        raise ShapeError(
            f"maxout: the {shape[axis] if shape else 0} channels of {shape} do not fall into pieces of {pieces}"
        )
    grouped = (*shape[:axis], shape[axis] // pieces, pieces, *shape[axis + 1 :])
    return amax(reshape_(input, shape=grouped), axis + 1)


segment_ = Constant(
    "segment",
    Notation("segment", "segment({0}, {1})"),
    forward=lambda xp, x, knots: np.clip(np.searchsorted(knots, x, side="right") - 1, 0, len(knots) - 2),
    samples=[sample((3, 4), np.array([-1.0, 0.0, 2.0]))],
)
"""The number of the interval between neighbouring knots in which x lies; the first and the last reach to infinity."""


@operation(
    "functional",
    formula="vᵢ + (x − kᵢ)·(vᵢ₊₁ − vᵢ)/(kᵢ₊₁ − kᵢ) for kᵢ ≤ x < kᵢ₊₁",
    derivative="∂y/∂x = (vᵢ₊₁ − vᵢ)/(kᵢ₊₁ − kᵢ); ∂y/∂vᵢ₊₁ = (x − kᵢ)/(kᵢ₊₁ − kᵢ); ∂y/∂vᵢ = 1 − ∂y/∂vᵢ₊₁",
    subgradient="at a knot, the slope on its right; at the last one, on its left",
    samples=[
        sample((3, 4), np.array([-1, 0, 1]), (3,)),
        sample((3, 4), np.array([-1, 0]), (2,), extend=True),
        sample((), np.array([-2, -1, 2, 3]), (4,)),
        sample((0, 2), np.array([0, 1]), (2,)),
    ],
    errors=[
        refuses((3,), (2,), (3,), match=r"knots \(2,\) and values \(3,\)"),
        refuses((3,), (1,), (1,), match="at least two"),
        refuses((3,), np.array([1.0, 0.0]), (2,), error=UsageError, match="must increase"),
    ],
    torch=None,
)
def piecewise_linear(input: Value, knots: Value, values: Value, extend: bool = False) -> Value:
    """Straight lines through the points (knotᵢ, valueᵢ); differentiable in all three arguments.

    Args:
        input: any shape.
        knots: `(K,)`, K ≥ 2, increasing.
        values: `(K,)`, what the function is worth there.
        extend: whether the first and the last line go on outside; else the function is constant there.

    Raises:
        ShapeError: not two vectors of one length, at least 2.
        UsageError: knots that do not increase.

    >>> import minidl
    >>> x, knots = minidl.tensor([-5.0, 0.5, 5.0]), minidl.tensor([-1.0, 1.0])
    >>> piecewise_linear(x, knots, minidl.tensor([-1.0, 1.0]))  # hardtanh
    tensor([-1.0000,  0.5000,  1.0000])
    """
    shapes = shape_of(knots), shape_of(values)
    if shapes[0] != shapes[1] or len(shapes[0]) != 1 or shapes[0][0] < 2:
        raise ShapeError(
            f"piecewise_linear: knots {shapes[0]} and values {shapes[1]} must be vectors of one length, at least two"
        )
    at = data_of(knots)
    if not (at[1:] > at[:-1]).all():
        raise UsageError("piecewise_linear: the knots must increase, each greater than the one before")
    x = input if extend else clamp(input, getitem_(knots, index=0), getitem_(knots, index=-1))
    i = array_of(segment_(x, knots))
    k0, k1, v0, v1 = (getitem_(source, index=(at,)) for source in (knots, values) for at in (i, i + 1))
    return v0 + (x - k0) * ((v1 - v0) / (k1 - k0))
