"""Inverses and factorisations of (batches of) matrices: LAPACK through NumPy, with errors that name the matrix."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...errors import LinAlgError

Array = np.ndarray[Any, Any]


def _checked(name: str, function: Callable[..., Any], complaint: str, *arrays: Array) -> Any:
    """Call, and say of which matrix of the batch it is that `function` fails."""
    try:
        return function(*arrays)
    except np.linalg.LinAlgError as error:
        raise LinAlgError(f"linalg.{name}: {_culprit(function, arrays)} {complaint}") from error


def _culprit(function: Callable[..., Any], arrays: tuple[Array, ...]) -> str:
    batch = np.broadcast_shapes(*(a.shape[:-2] for a in arrays))
    whole = [np.broadcast_to(a, (*batch, *a.shape[-2:])) for a in arrays]
    for place in itertools.product(*map(range, batch)):
        try:
            function(*(a[place] for a in whole))
        except np.linalg.LinAlgError:
            return f"(batch element {', '.join(map(str, place))}) the matrix" if place else "the matrix"
    return "a matrix"


_SINGULAR = "is singular: its rows depend on each other, so that it has no inverse; minidl.linalg.pinv has an answer"


def inv(x: Array) -> Array:
    """The inverse."""
    return _checked("inv", np.linalg.inv, _SINGULAR, x)


def solve(a: Array, b: Array) -> Array:
    """The X of A·X = B, for `b` of shape `(…, n, k)`."""
    return _checked("solve", np.linalg.solve, _SINGULAR, a, b)


def cholesky(x: Array) -> Array:
    """The lower triangle L of A = L·Lᵀ; of `x` only the lower triangle counts."""
    complaint = (
        "is not positive definite: it has no Cholesky factor; add a small multiple of the identity if it should be"
    )
    return _checked("cholesky", np.linalg.cholesky, complaint, x)


def eigh(x: Array) -> tuple[Array, Array]:
    """Eigenvalues, ascending, and eigenvectors in columns; of `x` only the lower triangle counts."""
    values, vectors = _checked("eigh", np.linalg.eigh, "has no eigenvalues that could be found: is it finite?", x)
    return values, vectors


def svd(x: Array, full_matrices: bool) -> tuple[Array, Array, Array]:
    """U, the singular values in descending order, Vᵀ."""
    if not np.isfinite(x).all():
        raise LinAlgError("linalg.svd: the matrix holds NaN or infinity, and so has no singular values")
    complaint = "has no singular values that could be found"
    u, s, vh = _checked("svd", lambda a: np.linalg.svd(a, full_matrices=full_matrices), complaint, x)
    return u, s, vh


def qr(x: Array, complete: bool) -> tuple[Array, Array]:
    """Q with orthonormal columns, and the upper triangle R."""
    q, r = np.linalg.qr(x, mode="complete" if complete else "reduced")
    return q, r


def pinv(x: Array, atol: float, rtol: float) -> Array:
    """The pseudo-inverse: V·diag(1/s)·Uᵀ over the singular values above the cut-off."""
    u, s, vh = svd(x, full_matrices=False)
    large = s > _cutoff(s, atol, rtol)
    reciprocal = np.where(large, 1 / np.where(large, s, 1), 0).astype(s.dtype)
    return np.matmul(np.conj(vh.mT) * reciprocal[..., None, :], np.conj(u.mT))


def matrix_rank(x: Array, atol: float, rtol: float) -> Array:
    """How many singular values lie above the cut-off."""
    s = svd(x, full_matrices=False)[1]
    return np.asarray(np.sum(s > _cutoff(s, atol, rtol), axis=-1, dtype=np.int64))


def _cutoff(s: Array, atol: float, rtol: float) -> Array:
    return np.maximum(atol, rtol * np.max(s, axis=-1, keepdims=True, initial=0))


def cofactor(x: Array) -> Array:
    """The matrix of cofactors, ∂det(A)/∂A: det(A)·A⁻ᵀ, and where A is nearly singular by its singular vectors and values."""
    out, regular = _cofactor_of_regular(x)
    if not regular.all():
        out[~regular] = _cofactor_of_any(x[~regular])
    return out


def _cofactor_of_any(x: Array) -> Array:
    """det(U)·det(V)·U·diag(Π s without sᵢ)·Vᵀ, also where A is singular."""
    u, s, vh, sign = _rotations(x)
    n = s.shape[-1]
    others = np.where(np.eye(n, dtype=bool), 1, s[..., None, :]).prod(-1)
    return np.asarray(sign * np.matmul(u * others[..., None, :], vh))


_STEEP = 1e6
"""Up to this condition an inverse in float64 is as exact as it takes."""


def _cofactor_of_regular(x: Array) -> tuple[Array, Array]:
    """det(A)·A⁻ᵀ, a fifth of the work, and which matrices are far enough from singular for it."""
    wide = x.astype(np.float64)
    try:
        inverse = np.linalg.inv(wide)
    except np.linalg.LinAlgError:
        return np.empty_like(x), np.zeros(x.shape[:-2], bool)
    found = np.linalg.det(wide)[..., None, None] * inverse.mT
    condition = np.linalg.norm(wide, axis=(-2, -1)) * np.linalg.norm(inverse, axis=(-2, -1))
    regular = np.asarray((condition <= _STEEP) & np.isfinite(found).all(axis=(-2, -1)))
    return found.astype(x.dtype), regular


def cofactor_change(t: Array, x: Array) -> Array:
    """The derivative of the cofactors in the direction `t`, which is the second derivative of the determinant.

    In the basis of the singular vectors, E = Uᵀ·T·V, an entry off the diagonal moves by −Eⱼᵢ·Π s without sᵢ, sⱼ, one on it by
    Σ Eⱼⱼ·Π s without sᵢ, sⱼ.
    """
    u, s, vh, sign = _rotations(x)
    n = s.shape[-1]
    one = np.eye(n, dtype=bool)
    without = np.where(one[:, None, :] | one[None, :, :], 1, s[..., None, None, :]).prod(-1)
    without = np.where(one, 0, without).astype(s.dtype)
    e = np.matmul(np.matmul(u.mT, t), vh.mT)
    along = np.matmul(without, np.diagonal(e, axis1=-2, axis2=-1)[..., None])
    moved = np.where(one, along, -e.mT * without)
    return sign * np.matmul(np.matmul(u, moved), vh)


def _rotations(x: Array) -> tuple[Array, Array, Array, Array]:
    """The singular vectors and values, and det(U)·det(V), which is NaN for a matrix that is not finite."""
    broken = ~np.isfinite(x).all(axis=(-2, -1), keepdims=True)
    u, s, vh = svd(np.where(broken, 0, x), full_matrices=False)
    sign = np.round(np.linalg.det(u) * np.linalg.det(vh))[..., None, None]
    return u, s, vh, np.where(broken, np.nan, sign).astype(x.dtype)


def pack(*parts: Array, axes: int = 2) -> Array:
    """Lay several results of one factorisation side by side along one last axis; each has its own number of axes.

    Args:
        parts: results with the same leading (batch) axes.
        axes: the number of axes after the batch in the first part.
    """
    lead = parts[0].shape[: parts[0].ndim - axes]
    return np.concatenate([np.reshape(p, (*lead, math.prod(p.shape[len(lead) :]))) for p in parts], axis=-1)
