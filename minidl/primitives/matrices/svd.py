"""Singular values and what is built on them. A = U diag(s) Vᵀ; the rules are for real matrices."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...errors import LinAlgError, ShapeError, UsageError
from ...graph import Node, Notation
from ..elementwise.arithmetic import mul_or_zero
from ..kinds import Constant, General, Shape, Value, refuses, sample, shape_of
from ..operation import operation
from ..shapes.shape import cat, getitem_, reshape_, unsqueeze
from .decomposition import apart, over_gaps, symmetric, together
from .einsum import as_diagonal, diagonal_of
from .inverse import SQUARE, cutoffs, pinv, require_matrix


def _shapes(a: Value, full_matrices: bool) -> tuple[Shape, Shape, Shape]:
    m, n = shape_of(a)[-2:]
    k = min(m, n)
    return (m, m if full_matrices else k), (k,), (n if full_matrices else k, n)


def _thin(u: Value, vh: Value, a: Value) -> tuple[Value, Value]:
    """The k singular vectors that A determines, as the columns of U and V."""
    k = min(shape_of(a)[-2:])
    return getitem_(u, index=(..., slice(k))), getitem_(vh, index=(..., slice(k), slice(None))).mT


def _rest(u: Value, vh: Value, a: Value) -> tuple[Value, Value]:
    """The other columns of U and V, of which A determines only the span."""
    k = min(shape_of(a)[-2:])
    return getitem_(u, index=(..., slice(k, None))), getitem_(vh, index=(..., slice(k, None), slice(None))).mT


def _squared_gaps(s: Value) -> Value:
    """sⱼ² − sᵢ²."""
    across, down = unsqueeze(s, -2), unsqueeze(s, -1)
    return (across - down) * (across + down)


def _svd_vjp(g: Value, packed: Value, a: Value, full_matrices: bool) -> Value:
    shapes = _shapes(a, full_matrices)
    (u, s, vh), (gu, gs, gvh) = apart(packed, *shapes), apart(g, *shapes)
    rest_u, rest_v, g_rest_u, g_rest_v = *_rest(u, vh, a), *_rest(gu, gvh, a)
    (u, v), (gu, gv) = _thin(u, vh, a), _thin(gu, gvh, a)
    m, n = shape_of(a)[-2:]
    if full_matrices and m > n:  # the rest moves by −U dUᵀ times it
        gu = gu - rest_u @ (g_rest_u.mT @ u)
    if full_matrices and n > m:
        gv = gv - rest_v @ (g_rest_v.mT @ v)
    gaps, across, down = _squared_gaps(s), unsqueeze(s, -2), unsqueeze(s, -1)
    turn_u, turn_v = u.mT @ gu, v.mT @ gv
    inner = over_gaps(turn_u - turn_u.mT, gaps) * across + over_gaps(turn_v - turn_v.mT, gaps) * down + as_diagonal(gs)
    out = u @ inner @ v.mT
    if m > n:
        out = out + mul_or_zero(gu - u @ turn_u, 1 / across) @ v.mT
    if n > m:
        out = out + u @ mul_or_zero(gv - v @ turn_v, 1 / across).mT
    return out


def _svd_jvp(t: Value, packed: Value, a: Value, full_matrices: bool) -> Value:
    whole_u, s, whole_vh = apart(packed, *_shapes(a, full_matrices))
    u, v = _thin(whole_u, whole_vh, a)
    m, n = shape_of(a)[-2:]
    rest_u, rest_v = _rest(whole_u, whole_vh, a)
    gaps, across, down = _squared_gaps(s), unsqueeze(s, -2), unsqueeze(s, -1)
    inner = u.mT @ t @ v
    du = u @ over_gaps(inner * across + down * inner.mT, gaps)
    dv = v @ over_gaps(down * inner + inner.mT * across, gaps)
    if m > n:
        du = du + (t @ v - u @ inner) / across
    if n > m:
        dv = dv + (t.mT @ u - v @ inner.mT) / across
    if full_matrices and m > n:
        du = cat([du, -u @ (du.mT @ rest_u)], -1)
    if full_matrices and n > m:
        dv = cat([dv, -v @ (dv.mT @ rest_v)], -1)
    return together(du, diagonal_of(inner), dv.mT)


svd_: General = General(
    "svd",
    Notation("SVD", "SVD({0})"),
    reads="output",
    forward=lambda xp, a, full_matrices: xp.pack(*xp.svd(a, full_matrices)),
    vjp=_svd_vjp,
    jvp=_svd_jvp,
    samples=[sample(s, full_matrices=False) for s in ((3, 3), (4, 2), (2, 4), (2, 3, 2), (0, 3))],
    analytic=False,
)
"""With M = Uᵀ dA V: dsᵢ = Mᵢᵢ, dU = U ((M S + S Mᵀ) / (sⱼ² − sᵢ²)) + (1 − U Uᵀ) dA V S⁻¹, and dV likewise from Mᵀ.

Source: Townsend, 2016, "Differentiating the singular value decomposition".
"""


class SVD(NamedTuple):
    """A = U diag(S) Vh."""

    U: Value
    S: Value
    Vh: Value


class OlderSVD(NamedTuple):
    """A = U diag(S) Vᵀ."""

    U: Value
    S: Value
    V: Value


def _squares(f: Any, xs: Any, params: Any) -> Any:
    """Of the vectors, whose signs are free, the squares of those that the matrix determines."""
    u, s, v = f(*xs, **params)
    k = s.shape[-1]
    return u[..., :k] ** 2, s, (v[..., :k, :] ** 2 if "full_matrices" in params or not params else v[..., :k] ** 2)


@operation(
    "linalg",
    formula="U, s, Vᵀ with A = U diag(s) Vᵀ",
    derivative=(
        "dsᵢ = uᵢᵀ dA vᵢ; "
        "duᵢ = Σⱼ uⱼ·(sᵢ·uⱼᵀ dA vᵢ + sⱼ·uᵢᵀ dA vⱼ)/(sᵢ² − sⱼ²) over all j ≠ i, sⱼ = 0 for a uⱼ beyond the last; "
        "dvᵢ = Σⱼ vⱼ·(sⱼ·uⱼᵀ dA vᵢ + sᵢ·uᵢᵀ dA vⱼ)/(sᵢ² − sⱼ²) over all j ≠ i, sⱼ = 0 for a vⱼ beyond the last"
    ),
    samples=[sample((3, 2)), sample((2, 4)), sample((2, 3, 3)), sample((3, 2), full_matrices=False), sample((0, 3))],
    errors=[
        refuses((3,), match="matrices"),
        refuses(np.array([[np.nan, 1.0], [1.0, 1.0]]), error=LinAlgError, match="NaN"),
    ],
    call=_squares,
)
def svd(A: Value, full_matrices: bool = True) -> SVD:
    """Find the singular values, descending, and the singular vectors of matrices: A = U diag(S) Vh.

    The gradient of the vectors is infinite or NaN where singular values are equal (or, in a rectangular matrix, 0). Of the
    first min(m, n) vectors the matrix determines all but the signs, of the others only the span; the gradient is right for what
    depends on no more than that.

    Args:
        A: `(…, m, n)`.
        full_matrices: whether U is `(…, m, m)` and Vh `(…, n, n)`; otherwise `(…, m, k)` and `(…, k, n)` with k = min(m, n).

    >>> import minidl
    >>> minidl.linalg.svd(minidl.tensor([[3.0, 0.0], [0.0, -4.0]])).S
    tensor([4., 3.])
    """
    require_matrix("linalg.svd", A)
    return SVD(*apart(svd_(A, full_matrices=bool(full_matrices)), *_shapes(A, full_matrices)))


@operation(
    "minidl Tensor",
    formula="U, s, V with A = U diag(s) Vᵀ",
    derivative=(
        "dsᵢ = uᵢᵀ dA vᵢ; "
        "duᵢ = Σⱼ uⱼ·(sᵢ·uⱼᵀ dA vᵢ + sⱼ·uᵢᵀ dA vⱼ)/(sᵢ² − sⱼ²) over all j ≠ i, sⱼ = 0 for a uⱼ beyond the last; "
        "dvᵢ = Σⱼ vⱼ·(sⱼ·uⱼᵀ dA vᵢ + sᵢ·uᵢᵀ dA vⱼ)/(sᵢ² − sⱼ²) over all j ≠ i, sⱼ = 0 for a vⱼ beyond the last"
    ),
    samples=[sample((3, 2), some=True), sample((2, 3), some=False)],
    errors=[refuses((3,), match="matrices")],
    call=_squares,
    name="svd",
)
def older_svd(input: Value, some: bool = True, compute_uv: bool = True) -> OlderSVD:
    """Find singular values and vectors, A = U diag(S) Vᵀ; `minidl.linalg.svd` returns Vᵀ, this V.

    Args:
        input: `(…, m, n)`.
        some: whether to return only the vectors that the matrix determines.
        compute_uv: whether to compute the vectors; otherwise zeros stand in their place.

    >>> import minidl
    >>> minidl.svd(minidl.tensor([[3.0], [0.0]])).V.shape
    (1, 1)
    """
    u, s, vh = svd(input, full_matrices=not some or not compute_uv)
    if not compute_uv:
        none = [np.zeros(shape_of(x), input.dtype) for x in (u, vh)]
        u, vh = (input.result_class(x) if isinstance(input, Node) else x for x in none)
    return OlderSVD(u, s, vh.mT)


@operation(
    "linalg",
    formula="s with A = U diag(s) Vᵀ",
    derivative="dsᵢ = uᵢᵀ dA vᵢ",
    samples=[sample((3, 2)), sample((2, 3, 3)), sample((0, 3))],
    errors=[refuses((3,), match="matrices")],
)
def svdvals(A: Value) -> Value:
    """Find the singular values of matrices, descending; their gradient is finite where some are equal too.

    >>> import minidl
    >>> minidl.linalg.svdvals(minidl.tensor([[3.0, 0.0], [0.0, -4.0]]))
    tensor([4., 3.])
    """
    require_matrix("linalg.svdvals", A)
    return svd(A, full_matrices=False).S


matrix_rank_ = Constant(
    "matrix_rank",
    Notation("rank", "rank({0})"),
    forward=lambda xp, a, atol, rtol: xp.matrix_rank(a, atol, rtol),
    samples=[sample((3, 2), atol=0.0, rtol=1e-9)],
)


@operation(
    "linalg",
    formula="rank(A)",
    samples=[
        sample((3, 2)),
        sample(np.ones((2, 3, 3))),
        sample(SQUARE, rtol=0.5),
        sample((0, 3)),
        sample(SQUARE, atol=1.0),
    ],
    errors=[refuses((3,), match="matrices")],
)
def matrix_rank(
    input: Value,
    tol: float | None = None,
    hermitian: bool = False,
    *,
    atol: float | None = None,
    rtol: float | None = None,
) -> Value:
    """Count the singular values that differ from 0.

    Args:
        input: `(…, m, n)`.
        tol: an older name of `atol`.
        hermitian: whether A is symmetric and only its lower triangle is to be read.
        atol: singular values up to this count as 0.
        rtol: those up to this times the largest do; max(m, n) times the machine's precision by default.

    >>> import minidl
    >>> minidl.linalg.matrix_rank(minidl.ones(3, 3))
    tensor(1)
    """
    require_matrix("linalg.matrix_rank", input)
    lower, relative = cutoffs(input, tol if atol is None else atol, rtol)
    return matrix_rank_(symmetric(input) if hermitian else input, atol=lower, rtol=relative)


class LeastSquares(NamedTuple):
    """What `lstsq` returns."""

    solution: Value
    residuals: Value
    rank: Value
    singular_values: Value


@operation(
    "linalg",
    formula="X = A⁺ B, for which ‖A X − B‖² is least",
    derivative="dX = A⁺ (dB − dA X) + (Aᵀ A)⁻¹ dAᵀ (B − A X)",
    samples=[sample((4, 2), (4, 3)), sample((2, 3), (2, 1)), sample((2, 4, 3), (2, 4, 1)), sample((4, 2), (4,))],
    errors=[
        refuses((4, 2), (3, 1), match="4 rows"),
        refuses((4, 2), (4, 1), driver="qr", error=UsageError, match="driver"),
    ],
    call=lambda f, xs, params: f(*xs, **params)[0],
)
def lstsq(input: Value, b: Value, rcond: float | None = None, *, driver: str | None = None) -> LeastSquares:
    """Find the X for which ‖A X − B‖² is least, and among several the smallest: X = A⁺ B, for A the `input` and B the `b`.

    Args:
        input: `(…, m, n)`.
        b: `(…, m, k)`, or a vector `(m,)`.
        rcond: singular values up to this times the largest count as 0; max(m, n) times the machine's precision by default.
        driver: `"gels"`, `"gelsy"`, `"gelsd"` or `"gelss"`, accepted for PyTorch's sake; all compute the same here.

    Returns:
        `(solution, residuals, rank, singular_values)`; the residuals and singular values are empty, as by PyTorch's
        default.

    >>> import minidl
    >>> minidl.linalg.lstsq(minidl.tensor([[1.0], [0.0]]), minidl.tensor([[3.0], [1.0]])).solution
    tensor([[3.]])
    """
    require_matrix("linalg.lstsq", input)
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise UsageError(f"linalg.lstsq: driver must be 'gels', 'gelsy', 'gelsd' or 'gelss', got {driver!r}")
    rows, given = shape_of(input)[-2], shape_of(b)
    vector = len(given) == 1 or len(given) == len(shape_of(input)) - 1
    right = reshape_(b, shape=(*given, 1)) if vector else b
    if shape_of(right)[-2:-1] != (rows,):
        raise ShapeError(f"linalg.lstsq: b {given} must have the {rows} rows of the matrix {shape_of(input)}")
    x = pinv(input, rcond) @ right
    empty = np.empty(0, input.dtype)
    none = input.result_class(empty) if isinstance(input, Node) else empty
    rank = matrix_rank(input, rtol=rcond)
    return LeastSquares(reshape_(x, shape=shape_of(x)[:-1]) if vector else x, none, rank, none)
