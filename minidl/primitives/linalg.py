"""Products of matrices and vectors."""

from __future__ import annotations

from ..errors import ShapeError
from ..graph import Notation
from .kinds import Multilinear, Shape, Value, sample, shape_of
from .reduction import sum as sum_of
from .shape import permute_, unsqueeze


def _swap_last(x: Value) -> Value:
    """Transpose the last two axes."""
    n = x.ndim
    return permute_(x, dims=(*range(n - 2), n - 1, n - 2))


def _left(g: Value, x: Value, y: Value) -> Value:
    """The transpose in x of z = x @ y; dX = G Yᵀ for matrices."""
    if y.ndim == 1:  # z[…i] = Σ x[…ik] y[k]
        return unsqueeze(g, -1) * y if x.ndim > 1 else g * y
    if x.ndim == 1:  # z[…n] = Σ x[k] y[…kn]
        return sum_of(unsqueeze(g, -2) * y, -1)
    return matmul_(g, _swap_last(y))


def _right(g: Value, x: Value, y: Value) -> Value:
    """The transpose in y of z = x @ y; dY = Xᵀ G for matrices."""
    if x.ndim == 1:
        return unsqueeze(g, -2) * unsqueeze(x, -1) if y.ndim > 1 else g * x
    if y.ndim == 1:
        return sum_of(unsqueeze(g, -1) * x, tuple(range(x.ndim - 1)))
    return matmul_(_swap_last(x), g)


def _explain(a: Shape, b: Shape) -> str:
    if not a or not b:
        return f"matmul: {a} @ {b}: both must have at least one axis; use * for numbers"
    inner_a, inner_b = a[-1], b[0] if len(b) == 1 else b[-2]
    if inner_a == inner_b:
        return f"matmul: {a} @ {b}: the leading axes {a[:-2]} and {b[:-2]} do not broadcast"
    text = f"matmul: {a} @ {b}: the inner sizes {inner_a} and {inner_b} differ"
    if len(b) > 1 and b[-1] == inner_a:
        return f"{text}; did you mean {{0}} @ {{1}}.{'mT' if len(b) > 2 else 'T'}?"
    if len(a) > 1 and a[-2] == inner_b:
        return f"{text}; did you mean {{0}}.{'mT' if len(a) > 2 else 'T'} @ {{1}}?"
    return text


matmul_ = Multilinear(
    "matmul",
    Notation("·", "{0}{1}", 2, (2, 3)),
    forward=lambda xp, x, y: xp.matmul(x, y),
    transposes=(_left, _right),
    samples=[
        sample((3, 4), (4, 2)),
        sample((3, 4), (4,)),
        sample((4,), (4, 2)),
        sample((4,), (4,)),
        sample((2, 3, 4), (4, 2)),
        sample((5, 1, 3, 4), (2, 4, 2)),
        sample((2, 3, 4), (4,)),
        sample((4,), (2, 4, 3)),
        sample((0, 4), (4, 2)),
    ],
    promotion="same",
    explain=_explain,
)


def matmul(input: Value, other: Value) -> Value:
    """Multiply matrices, `(…, n, k) @ (…, k, m)` → `(…, n, m)`; a vector stands for a row on the left, a column on the right.

    Raises:
        ShapeError: the inner sizes differ.

    >>> import minidl
    >>> minidl.matmul(minidl.tensor([[1.0, 2.0], [3.0, -1.0]]), minidl.tensor([1.0, -1.0]))
    tensor([-1.,  4.])
    """
    if not shape_of(input) or not shape_of(other):
        raise ShapeError(_explain(shape_of(input), shape_of(other)))
    return matmul_(input, other)
