"""Determinants. Capital letters are matrices, as in a textbook."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...errors import LinAlgError
from ...graph import Notation, data_of
from ..elementwise.comparison import where
from ..kinds import Constant, General, Value, refuses, sample, shape_of
from ..operation import operation
from ..reductions.reduction import sum as sum_of
from ..shapes.shape import reshape_
from .einsum import diagonal_of
from .inverse import SQUARE, SQUARES, inv_, require_square

cofactor_change_: General = General(
    "cofactor_change",
    Notation("D²det", "D²det({1})·{0}"),
    reads="inputs",
    forward=lambda xp, t, a: xp.cofactor_change(t, a),
    vjp=lambda g, y, t, a: (cofactor_change_(g, a), _third(t, a, g)),
    jvp=lambda dt, da, y, t, a: _third_jvp(dt, da, t, a),
    samples=[sample((2, 3, 3), SQUARES), sample((1, 1), (1, 1)), sample((2, 2, 2), SQUARES[:, :2, :2])],
    analytic=False,
)
"""The second derivative of the determinant in one direction, a symmetric bilinear form of the other two."""


def _third(t: Value, a: Value, g: Value) -> Value:
    """The third derivative of the determinant in the directions `t` and `g`, for regular A.

    The second is det(A)·(⟨B, T⟩·B − B Tᵀ B) with B = A⁻ᵀ; here A moves along G, and so B by −B Gᵀ B.
    """
    b = inv_(a).mT
    bt, bg = b @ t.mT, b @ g.mT
    along_t, along_g = (_each(sum_of(b * x, (-2, -1))) for x in (t, g))
    crossed = _each(sum_of(diagonal_of(bt @ bg), -1))
    mixed = bt @ bg @ b + bg @ bt @ b
    return _each(det_(a)) * ((along_t * along_g - crossed) * b - along_t * (bg @ b) - along_g * (bt @ b) + mixed)


def _third_jvp(dt: Value, da: Value, t: Value, a: Value) -> Value:
    moved = 0.0 if dt is None else cofactor_change_(dt, a)
    return moved if da is None else moved + _third(t, a, da)


def _each(x: Value) -> Value:
    """One number a matrix, so that it multiplies matrices."""
    return reshape_(x, shape=(*shape_of(x), 1, 1))


cofactor_: General = General(
    "cofactor",
    Notation("cof", "cof({0})"),
    reads="inputs",
    forward=lambda xp, a: xp.cofactor(a),
    vjp=lambda g, y, a: cofactor_change_(g, a),
    samples=[sample(SQUARE), sample(SQUARES), sample((1, 1))],
    analytic=False,
)
"""The matrix of cofactors; its derivative is the (symmetric) second derivative of the determinant."""

det_: General = General(
    "det",
    Notation("det", "det({0})"),
    reads="inputs",
    forward=lambda xp, a: xp.det(a),
    vjp=lambda g, y, a: _each(g) * cofactor_(a),
    jvp=lambda t, y, a: sum_of(t * cofactor_(a), (-2, -1)),
    samples=[sample(SQUARE), sample(SQUARES), sample((0, 0)), sample((1, 1)), sample((2, 2))],
)
"""d det(A) = ⟨cof(A), dA⟩, also where A is singular (Jacobi's formula, with the cofactors in place of det(A)·A⁻ᵀ)."""

sign_of_det_ = Constant(
    "sign_of_det",
    Notation("sign det", "sign det({0})"),
    forward=lambda xp, a: xp.slogdet(a)[0],
    samples=[sample(SQUARES)],
)


def _inverse_transposed(a: Value) -> Value:
    """A⁻ᵀ; of a singular matrix cof(A)/0, infinite as PyTorch has it."""
    try:
        return inv_(a).mT
    except LinAlgError:
        return cofactor_(a) / _each(det_(a))


logabsdet_: General = General(
    "logabsdet",
    Notation("ln |det|", "ln |det({0})|"),
    reads="inputs",
    forward=lambda xp, a: xp.slogdet(a)[1],
    vjp=lambda g, y, a: _each(g) * _inverse_transposed(a),
    jvp=lambda t, y, a: sum_of(t * _inverse_transposed(a), (-2, -1)),
    samples=[sample(SQUARE), sample(SQUARES), sample((0, 0))],
    analytic=False,
)
"""d ln |det(A)| = ⟨A⁻ᵀ, dA⟩."""

_DETERMINANTS = [sample(SQUARE), sample(SQUARES), sample((0, 0)), sample((2, 1, 1)), sample((0, 3, 3))]
_NOT_SQUARE = [refuses((2, 3), match="square"), refuses((3,), match="matrices")]


@operation(
    "linalg",
    formula="y = det(A)",
    derivative="∂y/∂A = cof(A) = det(A)·A⁻ᵀ",
    samples=_DETERMINANTS,
    errors=_NOT_SQUARE,
)
def det(A: Value) -> Value:
    """Compute determinants, `(…, n, n)` → `(…)`; the gradient is right for singular matrices too.

    >>> import minidl
    >>> minidl.linalg.det(minidl.tensor([[2.0, 1.0], [0.0, 3.0]]))
    tensor(6.)
    """
    require_square("linalg.det", A)
    return det_(A)


class SignAndLogarithm(NamedTuple):
    """The sign of a determinant and the logarithm of its size."""

    sign: Value
    logabsdet: Value


@operation(
    "linalg",
    formula="y₁ = sign det(A), y₂ = ln |det(A)|",
    derivative="∂y₂/∂A = A⁻ᵀ, ∂y₁/∂A = 0",
    samples=_DETERMINANTS[:3],
    errors=_NOT_SQUARE,
    call=lambda f, xs, params: f(xs[0])[1],
)
def slogdet(A: Value) -> SignAndLogarithm:
    """Compute the sign and the logarithm of the size of determinants, which may be too large or small to write.

    Returns:
        `(sign, logabsdet)`; 0 and −∞ for a singular matrix. The sign has no gradient.

    >>> import minidl
    >>> minidl.linalg.slogdet(minidl.tensor([[0.0, 1.0], [1.0, 0.0]])).sign
    tensor(-1.)
    """
    require_square("linalg.slogdet", A)
    return SignAndLogarithm(sign_of_det_(A), logabsdet_(A))


@operation(
    "minidl Tensor",
    formula="y = det(A)",
    derivative="∂y/∂A = cof(A) = det(A)·A⁻ᵀ",
    samples=[sample(SQUARES)],
    errors=_NOT_SQUARE,
    name="det",
)
def det_of(input: Value) -> Value:
    """Compute determinants; see `minidl.linalg.det`.

    >>> import minidl
    >>> minidl.det(minidl.tensor([[2.0, 1.0], [0.0, 3.0]]))
    tensor(6.)
    """
    return det(input)


@operation(
    "minidl Tensor",
    formula="y₁ = sign det(A), y₂ = ln |det(A)|",
    derivative="∂y₂/∂A = A⁻ᵀ, ∂y₁/∂A = 0",
    samples=[sample(SQUARES)],
    errors=_NOT_SQUARE,
    call=lambda f, xs, params: f(xs[0])[1],
    name="slogdet",
)
def slogdet_of(input: Value) -> SignAndLogarithm:
    """Compute the sign and the logarithm of the size of determinants; see `minidl.linalg.slogdet`.

    >>> import minidl
    >>> minidl.slogdet(minidl.tensor([[-1.0]])).sign
    tensor(-1.)
    """
    return slogdet(input)


@operation(
    "minidl Tensor",
    formula="y = ln det(A)",
    derivative="∂y/∂A = A⁻ᵀ",
    samples=[sample(SQUARE), sample((0, 0))],
    errors=_NOT_SQUARE,
)
def logdet(input: Value) -> Value:
    """Compute the logarithms of determinants; NaN where one is negative, −∞ where it is 0.

    >>> import minidl
    >>> minidl.logdet(minidl.tensor([[1.0, 0.0], [0.0, 1.0]]))
    tensor(0.)
    """
    require_square("logdet", input)
    sign, logarithm = slogdet(input)
    return where(data_of(sign) == -1, np.asarray(np.nan, input.dtype), logarithm)
