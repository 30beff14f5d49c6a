"""Lengths of vectors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import DtypeError, UsageError
from ...graph import Notation
from ..elementwise.arithmetic import abs_, sign
from ..kinds import Elementwise, General, Value, refuses, sample, shape_of
from ..operation import operation
from ..shapes.elements import cast
from .axes import Dim, add_up, as_dtype, axes_of, half_in_single, in_float, nonempty_axes, require_real, restore
from .extrema import amax_, amin_

squared_norm = General(
    "squared_norm",
    Notation("‖·‖²", "‖{0}‖²", 3),
    reads="inputs",
    forward=lambda xp, x: xp.sum(xp.multiply(x, x)),
    vjp=lambda g, y, x: g * (2 * x),
    jvp=lambda t, y, x: add_up(t * (2 * x), axes_of(None, len(shape_of(x)), "squared_norm"), False),
    samples=[sample((4,)), sample((2, 3)), sample(())],
    homes="minidl Tensor",
    arguments=("input",),
    torch=None,
    formula="‖x‖² = Σ xᵢ²",
    derivative="∂y/∂x = 2x",
    doc="""‖x‖² = Σ xᵢ², the square of the Euclidean length.

    >>> import minidl
    >>> minidl.squared_norm(minidl.tensor([3.0, 4.0]))
    tensor(25.)
    """,
)


inverse_or_zero: Elementwise = Elementwise(
    "inverse_or_zero",
    Notation("⁻¹", "{0}⁻¹", 3, (9,)),
    forward=lambda xp, x: xp.where(xp.equal(x, 0), 0 * x, xp.divide(1, xp.where(xp.equal(x, 0), 1, x))),
    partials=(lambda y, x: -(y * y),),
    samples=[sample((3, 4), domain="nonzero"), sample((), domain="nonzero")],
    homes="",
    promotion="float",
    subgradient="0 at x = 0, where it is 0 too",
)
"""1/x, and 0 where x is 0."""

power_or_zero: Elementwise = Elementwise(
    "power_or_zero",
    Notation("pow", "{0}^{exponent}", 3, (4,)),
    forward=lambda xp, x, exponent: xp.where(xp.equal(x, 0), 0 * x, xp.pow(xp.where(xp.equal(x, 0), 1, x), exponent)),
    partials=(lambda y, x, exponent: exponent * power_or_zero(x, exponent=exponent - 1) if exponent else 0,),
    parameters={"exponent": 2},
    samples=[sample((3, 4), exponent=1.5, domain="positive"), sample((), exponent=-1, domain="positive")],
    homes="",
    promotion="float",
    subgradient="0 at x = 0, where it is 0 too",
)
"""xⁿ, and 0 where x is 0, for any n."""

_SAMPLES = [
    sample((3, 4), dim=(0, 1), keepdim=False, domain="nonzero"),
    sample((2, 3, 4), dim=(1,), keepdim=False, domain="nonzero"),
    sample((2, 3, 4), dim=(0, 2), keepdim=True, domain="nonzero"),
    sample((), dim=(), keepdim=False, domain="nonzero"),
]

norm_ = General(
    "norm",
    Notation("‖·‖", "‖{0}‖"),
    analytic=False,
    forward=half_in_single(lambda xp, x, dim, keepdim: xp.sqrt(xp.sum(xp.multiply(x, x), axis=dim, keepdims=keepdim))),
    vjp=lambda g, y, x, dim, keepdim: x * restore(g * inverse_or_zero(y), x.shape, dim),
    jvp=lambda t, y, x, dim, keepdim: add_up(t * x, dim, keepdim) * inverse_or_zero(y),
    samples=_SAMPLES,
)
"""The Euclidean length: ∂‖x‖/∂x = x/‖x‖, taken as 0 at 0."""


def _slope(y: Value, x: Value, p: float, dim: tuple[int, ...]) -> Value:
    """sign(x)·(|x|/‖x‖)ᵖ⁻¹, and 0 where x is 0, also where the power would be infinite."""
    return sign(x) * power_or_zero(abs_(x) * restore(inverse_or_zero(y), x.shape, dim), exponent=p - 1)


@half_in_single
def _p_norm(xp: Any, x: Any, p: float, dim: tuple[int, ...], keepdim: bool) -> Any:
    return xp.pow(xp.sum(xp.pow(xp.abs(x), p), axis=dim, keepdims=keepdim), 1 / p)


p_norm_ = General(
    "p_norm",
    Notation("‖·‖ₚ", "‖{0}‖{p}"),
    analytic=False,
    forward=_p_norm,
    vjp=lambda g, y, x, p, dim, keepdim: restore(g, x.shape, dim) * _slope(y, x, p, dim),
    jvp=lambda t, y, x, p, dim, keepdim: add_up(t * _slope(y, x, p, dim), dim, keepdim),
    samples=[
        sample(*s.shapes, domain="nonzero", p=p, **s.params) for s, p in zip(_SAMPLES, (3, 1.5, -2, 0.5), strict=True)
    ],
)
"""(Σ |xᵢ|ᵖ)^(1/p); at 0 its gradient is taken as 0."""


def _norm(input: Value, p: float, dim: Dim, keepdim: bool, name: str) -> Value:
    order = float(p)
    axes = axes_of(dim, len(shape_of(input)), name)
    if order == math.inf or order < 0:
        nonempty_axes(input, dim, name)
    if order == 2:
        return norm_(input, dim=axes, keepdim=keepdim)
    if order == 1:
        return add_up(abs_(input), axes, keepdim)
    if order == 0:
        return add_up(power_or_zero(input, exponent=0), axes, keepdim)
    if math.isinf(order):
        return (amax_ if order > 0 else amin_)(abs_(input), dim=axes, keepdim=keepdim)
    if math.isnan(order):
        raise UsageError(f"{name}: the order must be a number, got {p!r}")
    return p_norm_(input, p=order, dim=axes, keepdim=keepdim)


def _every_order() -> list[Any]:
    orders = (1, 3, 1.5, 0.5, -1, -2.5, math.inf, -math.inf)
    return [sample((2, 3), p=p, dim=1, domain="distinct") for p in orders]


_REFUSED = (
    refuses((3, 4), dim=2, error=UsageError, match="out of range"),
    refuses(np.array([3, 4]), error=DtypeError, match="floating-point"),
)


@operation(
    "minidl Tensor",
    formula="(Σ |xᵢ|ᵖ)^(1/p)",
    derivative="∂y/∂xᵢ = sign(xᵢ)·(|xᵢ|/y)ᵖ⁻¹",
    subgradient="0 at x = 0; for p = ±∞ shared evenly where several tie",
    samples=[
        sample((3, 4)),
        sample((2, 3, 4), p=2, dim=(0, -1), keepdim=True),
        sample(()),
        sample((0,)),
        sample(np.array([[3.0, 4.0], [0.0, 1.0]]), p="fro", dim=1),
        sample((3, 4), p=math.inf, domain="distinct"),
        *_every_order(),
    ],
    errors=[
        *_REFUSED,
        refuses((3, 4), p="inf", error=UsageError, match="must be a number"),
        refuses((0, 4), p=math.inf, error=UsageError, match="nothing to choose from"),
    ],
)
def norm(
    input: Value, p: float | str | None = "fro", dim: Dim = None, keepdim: bool = False, dtype: Any = None
) -> Value:
    """Measure the length along `dim`; of all elements by default. The gradient at 0 is 0.

    Args:
        input: any shape.
        p: the order: any number, ∞ and −∞ among them (0 counts what is not 0); "fro" and None mean 2; "nuc" is a
            norm of matrices, the sum of the singular values.
        dim: the axes to measure along.
        keepdim: whether they stay, with length 1.
        dtype: what to convert to first.

    >>> import minidl
    >>> minidl.norm(minidl.tensor([3.0, 4.0]))
    tensor(5.)
    >>> minidl.norm(minidl.tensor([3.0, -4.0]), p=1)
    tensor(7.)
    """
    require_real(input, "norm")
    wide = in_float(input, dtype, "norm")
    if p == "nuc":
        from ..matrices.matrix_norm import matrix_norm  # which needs vector_norm

        return matrix_norm(wide, "nuc", (-2, -1) if dim is None else dim, keepdim)
    if p is None or p == "fro":
        p = 2
    if not isinstance(p, int | float):
        raise UsageError(f"norm: p must be a number, 'fro' or 'nuc'; got {p!r}")
    return _norm(wide, p, dim, keepdim, "norm")


@operation(
    "linalg",
    formula="(Σ |xᵢ|ᵖ)^(1/p)",
    derivative="∂y/∂xᵢ = sign(xᵢ)·(|xᵢ|/y)ᵖ⁻¹",
    subgradient="0 at x = 0; for ord = ±∞ shared evenly where several tie",
    samples=[
        sample((3, 4)),
        sample((2, 3, 4), ord=3, dim=(0, -1), keepdim=True, domain="nonzero"),
        sample((), ord=1, domain="nonzero"),
        sample((2, 3), ord=math.inf, dim=0, domain="distinct"),
    ],
    errors=[*_REFUSED, refuses((3,), ord="fro", error=UsageError, match="number")],
)
def vector_norm(x: Value, ord: float = 2, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None) -> Value:
    """Measure the length of `x`, flattened or along `dim`; see `minidl.norm`.

    >>> import minidl
    >>> minidl.linalg.vector_norm(minidl.tensor([3.0, -4.0]), ord=float("inf"))
    tensor(4.)
    """
    if not isinstance(ord, int | float):
        raise UsageError(f"vector_norm: ord must be a number, got {ord!r}")
    require_real(x, "vector_norm")
    wide = x if dtype is None else cast(x, as_dtype(dtype, "vector_norm"))
    return _norm(wide, ord, dim, keepdim, "vector_norm")
