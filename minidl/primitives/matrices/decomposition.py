"""Factorisations of matrices: Cholesky, QR, eigenvalues of symmetric matrices, singular values.

Each is one primitive whose results lie side by side along one axis; the public function takes them apart. Capital letters are
matrices, as in a textbook: A = L Lᵀ, A = Q R, A = V diag(λ) Vᵀ, A = U diag(s) Vᵀ. The rules are for real matrices.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ...errors import LinAlgError, UsageError
from ...graph import Node, Notation, data_of
from ..elementwise.arithmetic import mul_or_zero
from ..kinds import General, Shape, Value, refuses, sample, shape_of
from ..operation import operation
from ..shapes.shape import cat, getitem_, reshape_, unsqueeze
from .einsum import as_diagonal, diagonal_of
from .inverse import SQUARE, SQUARES, require_matrix, require_square, solve_


def apart(packed: Value, *shapes: Shape) -> list[Value]:
    """Take results that lie side by side apart: one of each shape after the batch's axes."""
    lead, pieces, start = shape_of(packed)[:-1], [], 0
    for shape in shapes:
        stop = start + math.prod(shape)
        piece = getitem_(packed, index=(..., slice(start, stop)))
        pieces.append(piece if len(shape) == 1 else reshape_(piece, shape=(*lead, *shape)))
        start = stop
    return pieces


def together(*pieces: Value, axes: int = 2) -> Value:
    """The inverse of `apart`; the first piece has `axes` axes after the batch's."""
    lead = shape_of(pieces[0])[: len(shape_of(pieces[0])) - axes]
    flat = [reshape_(p, shape=(*lead, math.prod(shape_of(p)[len(lead) :]))) for p in pieces]
    return cat(flat, -1) if len(flat) > 1 else flat[0]


def _half_lower(x: Value) -> Value:
    """Φ(X): the lower triangle, with half of the diagonal, so that Φ(X) + Φ(X)ᵀ is the symmetric matrix it stands for."""
    n = shape_of(x)[-1]
    return x * (np.tril(np.ones((n, n))) - np.eye(n) / 2).astype(x.dtype)


def _symmetric_from_lower(x: Value) -> Value:
    return _half_lower(x) + _half_lower(x).mT


def symmetric(x: Value, lower: bool = True) -> Value:
    """Complete one triangle to a symmetric matrix; gradients go to both triangles evenly, as in PyTorch.

    Where `x` is symmetric already this is (x + xᵀ)/2, a function whose gradient is symmetric.
    """
    array = data_of(x)
    own = np.tril(array) if lower else np.triu(array)
    whole = own + np.conj((np.tril(array, -1) if lower else np.triu(array, 1)).mT)
    if array.dtype.kind == "c":
        return x.result_class(whole) if isinstance(x, Node) else whole
    average = (x + x.mT) / 2
    correction = whole - data_of(average)
    return average + correction if correction.any() else average


# Cholesky ---------------------------------------------------------------------------------------------------------------


def _cholesky_vjp(g: Value, l: Value, a: Value) -> Value:  # noqa: E741  (L of A = L Lᵀ)
    middle = solve_(l.mT, _half_lower(l.mT @ g))  # L⁻ᵀ Φ(Lᵀ G)
    s = solve_(l.mT, middle.mT).mT
    return _half_lower(s + s.mT)


def _cholesky_jvp(t: Value, l: Value, a: Value) -> Value:  # noqa: E741
    half = solve_(l, _symmetric_from_lower(t))
    return l @ _half_lower(solve_(l, half.mT).mT)


_POSITIVE = SQUARE @ SQUARE.T
_POSITIVES = np.stack([_POSITIVE, np.diag([1.0, 2.0, 3.0]) + 0.1])

cholesky_: General = General(
    "cholesky",
    Notation("chol", "chol({0})"),
    reads="output",
    forward=lambda xp, a: xp.cholesky(a),
    vjp=_cholesky_vjp,
    jvp=_cholesky_jvp,
    samples=[sample(_POSITIVES), sample(_POSITIVES[:, :1, :1]), sample((0, 0))],
    analytic=False,
)
"""From dA = dL Lᵀ + L dLᵀ: dL = L Φ(L⁻¹ dA L⁻ᵀ); of A only the lower triangle counts.

Source: Murray, 2016, "Differentiation of the Cholesky decomposition", §3.
"""


def _definite(f: Any, xs: Any, params: Any) -> Any:
    """Call with a positive definite matrix."""
    (x,) = xs
    return f(x @ x.mT if x.shape[-1:] == x.shape[-2:-1] else x, **params)


@operation(
    "linalg",
    formula="L with A = L Lᵀ, L a lower triangle",
    derivative="dL = L Φ(L⁻¹ dA L⁻ᵀ), Φ: the lower triangle, with half of the diagonal",
    samples=[sample(SQUARES), sample(SQUARES, upper=True), sample((1, 1)), sample((0, 0))],
    errors=[
        refuses((2, 3), match="square"),
        refuses(np.zeros((2, 2)), error=LinAlgError, match="not positive definite"),
    ],
    call=_definite,
)
def cholesky(input: Value, *, upper: bool = False) -> Value:
    """Factorise positive definite matrices, A = L Lᵀ with L a lower triangle, or A = Uᵀ U with an upper one.

    Args:
        input: symmetric, `(…, n, n)`; only the triangle in question is read. The gradient is the symmetric one.
        upper: whether to return U and read the upper triangle.

    Raises:
        LinAlgError: a matrix that is not positive definite; the message says which of the batch.

    >>> import minidl
    >>> minidl.linalg.cholesky(minidl.tensor([[4.0, 2.0], [2.0, 5.0]]))
    tensor([[2., 0.],
            [1., 2.]])
    """
    require_square("linalg.cholesky", input)
    factor = cholesky_(symmetric(input, lower=not upper))
    return factor.mT if upper else factor


@operation(
    "minidl Tensor",
    formula="L with A = L Lᵀ, L a lower triangle",
    derivative="dL = L Φ(L⁻¹ dA L⁻ᵀ), Φ: the lower triangle, with half of the diagonal",
    samples=[sample(SQUARES), sample(SQUARES, upper=True)],
    errors=[refuses((2, 3), match="square")],
    torch="linalg.cholesky",  # torch.cholesky computes the same, with a warning
    call=_definite,
    name="cholesky",
)
def older_cholesky(input: Value, upper: bool = False) -> Value:
    """Factorise positive definite matrices; see `minidl.linalg.cholesky`.

    >>> import minidl
    >>> minidl.cholesky(minidl.tensor([[9.0]]))
    tensor([[3.]])
    """
    return cholesky(input, upper=upper)


# QR ---------------------------------------------------------------------------------------------------------------------


def _qr_shapes(a: Value, complete: bool) -> tuple[Shape, Shape]:
    m, n = shape_of(a)[-2:]
    return ((m, m), (m, n)) if complete else ((m, n), (n, n))


def _determined(q: Value, r: Value) -> tuple[Value, Value, Value]:
    """The columns of Q that A determines with their square R, and the rest of Q, at right angles to them."""
    n = shape_of(r)[-1]
    first, rest = getitem_(q, index=(..., slice(n))), getitem_(q, index=(..., slice(n, None)))
    return first, getitem_(r, index=(..., slice(n), slice(None))), rest


def _qr_vjp(g: Value, packed: Value, a: Value, complete: bool) -> Value:
    q, r, rest = _determined(*apart(packed, *_qr_shapes(a, complete)))
    gq, gr, g_rest = _determined(*apart(g, *_qr_shapes(a, complete)))
    if complete:  # the rest moves by −Q dQᵀ times it
        gq = gq - rest @ (g_rest.mT @ q)
    half = _half_lower(r @ gr.mT - gq.mT @ q)
    return solve_(r, (gq + q @ (half + half.mT)).mT).mT


def _qr_jvp(t: Value, packed: Value, a: Value, complete: bool) -> Value:
    q, r, rest = _determined(*apart(packed, *_qr_shapes(a, complete)))
    tr = solve_(r.mT, t.mT).mT  # dA R⁻¹
    c = q.mT @ tr
    below = c * np.tril(np.ones(shape_of(c)[-2:]), -1).astype(c.dtype)
    turn = below - below.mT
    dq, dr = q @ turn + tr - q @ c, (c - turn) @ r
    if complete:
        dq = cat([dq, -q @ (dq.mT @ rest)], -1)
        dr = cat([dr, np.zeros((*shape_of(rest)[:-2], shape_of(rest)[-1], shape_of(r)[-1]), dr.dtype)], -2)
    return together(dq, dr)


qr_: General = General(
    "qr",
    Notation("QR", "QR({0})"),
    reads="output",
    forward=lambda xp, a, complete: xp.pack(*xp.qr(a, complete)),
    vjp=_qr_vjp,
    jvp=_qr_jvp,
    samples=[sample(s, complete=False) for s in ((2, 3, 3), (4, 2), (2, 3, 2), (3, 0))],
    analytic=False,
)
"""At least as many rows as columns. From dA = dQ R + Q dR with Qᵀ dQ skew and dR upper triangular.

Source: Walter, Lehmann & Lamour, 2012, "On evaluating higher-order derivatives of the QR decomposition".
"""


class QR(NamedTuple):
    """A = Q R."""

    Q: Value
    R: Value


@operation(
    "linalg",
    formula="Q, R with A = Q R, Qᵀ Q = 1, R an upper triangle",
    derivative="dR = (C − Ω) R, C = Qᵀ dA R⁻¹, Ω skew such that dR is an upper triangle; dQ = Q Ω + (1 − Q Qᵀ) dA R⁻¹",
    samples=[sample((4, 3)), sample((2, 3, 3)), sample((2, 2, 4)), sample((2, 3, 3), mode="complete"), sample((0, 3))],
    errors=[refuses((3,), match="matrices"), refuses((3, 3), mode="full", error=UsageError, match="'reduced'")],
)
def qr(A: Value, mode: str = "reduced") -> QR:
    """Factorise matrices into orthonormal columns and an upper triangle, A = Q R.

    Args:
        A: `(…, m, n)`.
        mode: `"reduced"`: Q `(…, m, k)` and R `(…, k, n)` with k = min(m, n); `"complete"`: Q `(…, m, m)` and R `(…, m, n)`;
            `"r"`: R of the reduced form, and an empty Q. Of the further columns of a complete Q only their span is determined;
            the gradient is right for what depends on no more than that.

    >>> import minidl
    >>> minidl.linalg.qr(minidl.tensor([[0.0, 2.0], [1.0, 3.0]])).Q.shape
    (2, 2)
    """
    require_matrix("linalg.qr", A)
    if mode not in ("reduced", "complete", "r"):
        raise UsageError(f"linalg.qr: mode must be 'reduced', 'complete' or 'r', got {mode!r}")
    m, n = shape_of(A)[-2:]
    if m >= n:
        complete = mode == "complete" and m > n
        q, r = apart(qr_(A, complete=complete), *_qr_shapes(A, complete))
    else:
        q, r = apart(qr_(getitem_(A, index=(..., slice(m))), complete=False), (m, m), (m, m))
        r = cat([r, q.mT @ getitem_(A, index=(..., slice(m, None)))], -1)
    if mode == "r":
        empty = np.empty(0, r.dtype)
        q = r.result_class(empty) if isinstance(r, Node) else empty
    return QR(q, r)


# Eigenvalues of symmetric matrices --------------------------------------------------------------------------------------


def _eigh_shapes(a: Value) -> tuple[Shape, Shape]:
    n = shape_of(a)[-1]
    return (n,), (n, n)


def over_gaps(x: Value, gaps: Value) -> Value:
    """X / gaps off the diagonal and 0 on it; a gap of 0 divides nothing but an exact 0."""
    n = shape_of(x)[-1]
    off = (1 - np.eye(n)).astype(x.dtype)
    return mul_or_zero(x * off, 1 / (gaps + np.eye(n, dtype=x.dtype)))


def _gaps(values: Value) -> Value:
    """λⱼ − λᵢ."""
    return unsqueeze(values, -2) - unsqueeze(values, -1)


def _eigh_vjp(g: Value, packed: Value, a: Value) -> Value:
    (values, v), (g_values, gv) = apart(packed, *_eigh_shapes(a)), apart(g, *_eigh_shapes(a))
    turn = v.mT @ gv
    inner = as_diagonal(g_values) + over_gaps((turn - turn.mT) / 2, _gaps(values))
    w = v @ inner @ v.mT
    return _half_lower(w + w.mT)


def _eigh_jvp(t: Value, packed: Value, a: Value) -> Value:
    values, v = apart(packed, *_eigh_shapes(a))
    inner = v.mT @ _symmetric_from_lower(t) @ v
    return together(diagonal_of(inner), v @ over_gaps(inner, _gaps(values)), axes=1)


eigh_: General = General(
    "eigh",
    Notation("eigh", "eigh({0})"),
    reads="output",
    forward=lambda xp, a: xp.pack(*xp.eigh(a), axes=1),
    vjp=_eigh_vjp,
    jvp=_eigh_jvp,
    samples=[sample(SQUARE + SQUARE.T), sample(_POSITIVES), sample((0, 0)), sample((2, 1, 1))],
    analytic=False,
)
"""With M = Vᵀ dA V: dλᵢ = Mᵢᵢ and dV = V (M / (λⱼ − λᵢ) off the diagonal); of A only the lower triangle counts.

Source: Giles, 2008, "Collected matrix derivative results for forward and reverse mode algorithmic differentiation", §3.1.
"""


class Eigen(NamedTuple):
    """Eigenvalues, ascending, and eigenvectors in columns."""

    eigenvalues: Value
    eigenvectors: Value


def _eigen(A: Value, UPLO: str, name: str) -> Eigen:
    require_square(name, A)
    if not isinstance(UPLO, str) or UPLO.upper() not in ("L", "U"):
        raise UsageError(f"{name}: UPLO names the triangle to read, 'L' or 'U'; got {UPLO!r}")
    a = symmetric(A, lower=UPLO.upper() == "L")
    if a.dtype.kind == "c":
        a = a.detach() if isinstance(a, Node) else a
    return Eigen(*apart(eigh_(a), *_eigh_shapes(a)))


def _even(x: Any) -> Any:
    return x + x.mT if x.shape[-1] == x.shape[-2] else x


def _magnitudes(f: Any, xs: Any, params: Any) -> Any:
    """Call with a symmetric matrix; of the vectors, whose signs are free, the squares."""
    values, vectors = f(_even(xs[0]), **params)
    return values, vectors * vectors


@operation(
    "linalg",
    formula="λ, V with A = V diag(λ) Vᵀ, Vᵀ V = 1",
    derivative="dλᵢ = vᵢᵀ dA vᵢ; dvᵢ = Σⱼ vⱼ·(vⱼᵀ dA vᵢ)/(λᵢ − λⱼ) over j ≠ i",
    samples=[sample(SQUARE), sample((2, 4, 4)), sample(SQUARE, UPLO="U"), sample((0, 0))],
    errors=[refuses((2, 3), match="square"), refuses((2, 2), UPLO="X", error=UsageError, match="'L' or 'U'")],
    call=_magnitudes,
)
def eigh(input: Value, UPLO: str = "L") -> Eigen:
    """Find the eigenvalues, ascending, and the orthonormal eigenvectors (columns) of symmetric matrices.

    The gradient of the vectors is infinite or NaN where eigenvalues are equal; an eigenvector's sign is arbitrary.

    Args:
        input: symmetric, `(…, n, n)`; only one triangle is read. The gradient is the symmetric one.
        UPLO: which one: `"L"` the lower, `"U"` the upper.

    >>> import minidl
    >>> minidl.linalg.eigh(minidl.tensor([[3.0, 0.0], [0.0, 1.0]])).eigenvalues
    tensor([1., 3.])
    """
    return _eigen(input, UPLO, "linalg.eigh")


@operation(
    "linalg",
    formula="λ with A = V diag(λ) Vᵀ, Vᵀ V = 1",
    derivative="dλᵢ = vᵢᵀ dA vᵢ",
    samples=[sample(SQUARE), sample((2, 3, 3), UPLO="U")],
    errors=[refuses((2, 3), match="square")],
    call=lambda f, xs, params: f(_even(xs[0]), **params),
)
def eigvalsh(input: Value, UPLO: str = "L") -> Value:
    """Find the eigenvalues of symmetric matrices, ascending; see `eigh`.

    >>> import minidl
    >>> minidl.linalg.eigvalsh(minidl.tensor([[0.0, 2.0], [2.0, 0.0]]))
    tensor([-2.,  2.])
    """
    return _eigen(input, UPLO, "linalg.eigvalsh").eigenvalues
