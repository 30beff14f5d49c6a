"""Inverses, linear equations and powers of matrices. Capital letters are matrices, as in a textbook."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import DtypeError, LinAlgError, ShapeError, UsageError
from ...graph import Node, Notation
from ..elementwise.arithmetic import clone
from ..elementwise.comparison import where
from ..kinds import General, Value, refuses, sample, shape_of, sum_to
from ..mismatch import marked
from ..operation import operation
from ..shapes.shape import reshape_


def require_matrix(name: str, x: Value, argument: str = "") -> None:
    """Check that `x` holds matrices of numbers that LAPACK takes.

    Raises:
        ShapeError: fewer than two axes.
        DtypeError: whole numbers, or half precision.
    """
    if len(shape_of(x)) < 2:
        needs = f"{argument} must hold" if argument else "needs"
        raise ShapeError(f"{name}: {needs} matrices, (…, n, m); got shape {shape_of(x)}")
    if getattr(x, "dtype", None) is None or x.dtype.kind not in "fc" or x.dtype.itemsize == 2:
        got = getattr(x, "dtype", type(x).__name__)
        raise DtypeError(f"{name}: needs float32 or float64, got {got}; convert with x.to(minidl.float32)")


def require_square(name: str, x: Value) -> None:
    """The same, and that the matrices are square."""
    require_matrix(name, x)
    if shape_of(x)[-1] != shape_of(x)[-2]:
        raise ShapeError(f"{name}: needs square matrices, (…, n, n); got shape {marked(shape_of(x), -2, -1)}")


SQUARE = np.array([[2.0, -1.0, 0.5], [0.3, 1.5, -0.7], [-0.4, 0.8, 3.0]])
"""A matrix far from singular, for samples."""
SQUARES = np.stack([SQUARE, SQUARE[::-1] + 0.1])

inv_: General = General(
    "inv",
    Notation("⁻¹", "{0}⁻¹", 3, (4,)),
    reads="output",
    forward=lambda xp, a: xp.inv(a),
    vjp=lambda g, y, a: -(y.mT @ g @ y.mT),
    jvp=lambda t, y, a: -(y @ t @ y),
    samples=[sample(SQUARES), sample((1, 1)), sample((0, 0)), sample((0, 2, 2))],
)
"""From A A⁻¹ = 1: dA⁻¹ = −A⁻¹ dA A⁻¹."""


def _solve_vjp(g: Value, x: Value, a: Value, b: Value) -> tuple[Value, Value]:
    to_b = solve_(a.mT, g)
    return sum_to(-(to_b @ x.mT), shape_of(a)), sum_to(to_b, shape_of(b))


def _solve_jvp(ta: Value, tb: Value, x: Value, a: Value, b: Value) -> Value:
    if ta is None:
        return solve_(a, tb)
    return solve_(a, -(ta @ x) if tb is None else tb - ta @ x)


solve_: General = General(
    "solve",
    Notation("⁻¹", "{0}⁻¹ {1}", 2, (4, 3)),
    forward=lambda xp, a, b: xp.solve(a, b),
    vjp=_solve_vjp,
    jvp=_solve_jvp,
    samples=[sample(SQUARES, (3, 1)), sample(SQUARES[:1], (2, 3, 2)), sample((1, 1), (1, 2)), sample((0, 0), (0, 2))],
    promotion="same",
)
"""From A X = B: A dX = dB − dA X."""


@operation(
    "linalg",
    formula="Y = A⁻¹",
    derivative="∂L/∂A = −Yᵀ g Yᵀ",
    samples=[sample(SQUARES), sample((1, 1)), sample((0, 0))],
    errors=[
        refuses((2, 3), match="square"),
        refuses((3,), match="matrices"),
        refuses(np.ones((2, 2)), error=LinAlgError, match="singular"),
        refuses(
            np.stack([np.eye(2), np.ones((2, 2))]),
            error=LinAlgError,
            match=r"\(batch element 1\) the matrix is singular",
        ),
    ],
)
def inv(A: Value) -> Value:
    """Invert square matrices, `(…, n, n)`.

    Raises:
        LinAlgError: a singular matrix; the message says which of the batch.

    >>> import minidl
    >>> minidl.linalg.inv(minidl.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    require_square("linalg.inv", A)
    return inv_(A)


@operation(
    "minidl Tensor",
    formula="Y = A⁻¹",
    derivative="∂L/∂A = −Yᵀ g Yᵀ",
    samples=[sample(SQUARES)],
    errors=[refuses((2, 3), match="square"), refuses(np.ones((2, 2)), error=LinAlgError, match="singular")],
)
def inverse(input: Value) -> Value:
    """Invert square matrices; see `minidl.linalg.inv`.

    >>> import minidl
    >>> minidl.inverse(minidl.tensor([[2.0]]))
    tensor([[0.5000]])
    """
    return inv(input)


@operation(
    "linalg",
    formula="X with A X = B",
    derivative="∂L/∂B = A⁻ᵀ g; ∂L/∂A = −(∂L/∂B) Xᵀ",
    samples=[
        sample(SQUARES, (2, 3)),
        sample(SQUARES, (3, 2)),
        sample(SQUARES, (3,)),
        sample(SQUARES, (1, 4, 3), left=False),
        sample((1, 1), (1,)),
        sample(SQUARES, (5, 1, 3, 1)),
    ],
    errors=[
        refuses((3, 3), (4, 2), match=r"A X = B"),
        refuses((3, 3), (3, 2), left=False, match=r"X A = B"),
        refuses((2, 3), (3,), match="square"),
        refuses(np.ones((2, 2)), (2,), error=LinAlgError, match="singular"),
    ],
)
def solve(A: Value, B: Value, *, left: bool = True) -> Value:
    """Solve linear equations, A X = B, or X A = B where not `left`.

    Args:
        A: `(…, n, n)`.
        B: `(…, n, k)`, `(n,)`, or vectors `(…, n)` with just the leading axes of `A`.
        left: whether `A` stands on the left.

    Raises:
        LinAlgError: a singular matrix; the message says which of the batch.

    >>> import minidl
    >>> minidl.linalg.solve(minidl.tensor([[2.0, 0.0], [0.0, 4.0]]), minidl.tensor([1.0, 1.0]))
    tensor([0.5000, 0.2500])
    """
    require_square("linalg.solve", A)
    a, b = shape_of(A), shape_of(B)
    vector = len(b) == 1 or b == a[:-1]
    if vector and b:
        column = reshape_(B, shape=(*b, 1))
        _require_equation("linalg.solve", a, shape_of(column), left)
        x = solve_(A, column)
        return reshape_(x, shape=shape_of(x)[:-1])
    if len(b) < 2:
        raise ShapeError(f"linalg.solve: B must hold vectors or matrices, got shape {b}")
    _require_equation("linalg.solve", a, b, left)
    return solve_(A, B) if left else solve_(A.mT, B.mT).mT


def _require_equation(name: str, a: Any, b: Any, left: bool) -> None:
    if a[-1] != (b[-2] if left else b[-1]):
        first, second = marked(a, -1), marked(b, -2 if left else -1)
        raise ShapeError(f"{name}: A {first} and B {second} do not fit the equation {'A X = B' if left else 'X A = B'}")
    try:
        np.broadcast_shapes(a[:-2], b[:-2])
    except ValueError as error:
        raise ShapeError(f"{name}: the leading axes of A {a} and B {b} do not broadcast") from error


_TRIANGLE = np.tril(SQUARES) + np.eye(3)


@operation(
    "linalg",
    formula="X with A X = B, A a triangle",
    derivative="∂L/∂B = A⁻ᵀ g; ∂L/∂A = the triangle of −(∂L/∂B) Xᵀ",
    samples=[
        sample(_TRIANGLE, (3, 2), upper=False),
        sample(np.triu(SQUARE), (2, 3), upper=True, left=False),
        sample(SQUARE, (2, 3, 1), upper=True, unitriangular=True),
    ],
    errors=[
        refuses((3, 3), (3,), upper=True, match="B must hold matrices"),
        refuses((3, 3), (2, 3), upper=True, match="A X = B"),
        refuses(np.zeros((2, 2)), (2, 1), upper=True, error=LinAlgError, match="singular"),
    ],
)
def solve_triangular(
    input: Value,
    B: Value,
    *,
    upper: bool,
    left: bool = True,
    unitriangular: bool = False,
) -> Value:
    """Solve linear equations with a triangular matrix, T X = B, or X T = B where not `left`.

    Args:
        input: `(…, n, n)`, of which one triangle counts.
        B: `(…, n, k)`.
        upper: whether it is the upper triangle.
        left: whether T stands on the left.
        unitriangular: whether to take its diagonal as ones.

    >>> import minidl
    >>> minidl.linalg.solve_triangular(minidl.tensor([[2.0, 9.0], [1.0, 1.0]]), minidl.ones(2, 1), upper=False)
    tensor([[0.5000],
            [0.5000]])
    """
    require_square("linalg.solve_triangular", input)
    require_matrix("linalg.solve_triangular", B, "B")
    _require_equation("linalg.solve_triangular", shape_of(input), shape_of(B), left)
    ones = np.ones(shape_of(input)[-2:], bool)
    offset = int(unitriangular)
    triangle = where(np.triu(ones, offset) if upper else np.tril(ones, -offset), input, 0.0)
    if unitriangular:
        triangle = triangle + np.eye(shape_of(input)[-1], dtype=input.dtype)
    return solve(
        triangle, B if shape_of(B) != shape_of(input)[:-1] else reshape_(B, shape=(1, *shape_of(B))), left=left
    )


def _pinv_vjp(g: Value, p: Value, a: Value, atol: float, rtol: float) -> Value:
    k, outside, inside = p @ p.mT, g.mT - a @ (p @ g.mT), g.mT - (g.mT @ p) @ a
    return -(p.mT @ g @ p.mT) + outside @ k + (p.mT @ p) @ inside


def _pinv_jvp(t: Value, p: Value, a: Value, atol: float, rtol: float) -> Value:
    return -(p @ t @ p) + p @ p.mT @ (t.mT - t.mT @ a @ p) + (t.mT - p @ a @ t.mT) @ p.mT @ p


pinv_: General = General(
    "pinv",
    Notation("⁺", "{0}⁺", 3, (4,)),
    forward=lambda xp, a, atol, rtol: xp.pinv(a, atol, rtol),
    vjp=_pinv_vjp,
    jvp=_pinv_jvp,
    samples=[sample(s, atol=0.0, rtol=1e-12) for s in ((3, 2), (2, 3), (2, 3, 3), (0, 3))],
    analytic=False,
)
"""dP = −P dA P + P Pᵀ dAᵀ (1 − A P) + (1 − P A) dAᵀ Pᵀ P while the rank stays the same.

Source: Golub & Pereyra, 1973, "The differentiation of pseudo-inverses and nonlinear least squares problems".
"""


def cutoffs(x: Value, atol: float | None, rtol: float | None) -> tuple[float, float]:
    """The tolerances as PyTorch takes them: relative to the machine's precision unless one is given."""
    for name, value in (("atol", atol), ("rtol", rtol)):
        if not isinstance(value, int | float | np.number | Node | None) or shape_of(value):
            raise UsageError(f"linalg: the tolerance {name} must be a number, got {value!r:.60}")
    if rtol is None:
        rtol = 0.0 if atol is not None and atol > 0 else float(max(shape_of(x)[-2:]) * np.finfo(x.dtype).eps)
    return float(atol or 0.0), float(rtol)


@operation(
    "linalg",
    formula="Y = A⁺ = lim (Aᵀ A + ε)⁻¹ Aᵀ",
    derivative="dY = −Y dA Y + Y Yᵀ dAᵀ (1 − A Y) + (1 − Y A) dAᵀ Yᵀ Y",
    samples=[sample((3, 2)), sample((2, 2, 4)), sample(SQUARES, rtol=0.01), sample((0, 3))],
    errors=[refuses((3,), match="matrices")],
    torch="linalg.pinv",
)
def pinv(
    input: Value,
    rcond: float | None = None,
    hermitian: bool = False,
    *,
    atol: float | None = None,
    rtol: float | None = None,
) -> Value:
    """Compute pseudo-inverses (Moore and Penrose), `(…, n, m)` → `(…, m, n)`.

    Args:
        input: any matrices.
        rcond: an older name of `rtol`.
        hermitian: accepted for PyTorch's sake; the result is the same.
        atol: singular values up to this count as 0.
        rtol: those up to this times the largest do; max(n, m) times the machine's precision by default.

    >>> import minidl
    >>> minidl.linalg.pinv(minidl.tensor([[2.0], [0.0]]))
    tensor([[0.5000, 0.0000]])
    """
    require_matrix("linalg.pinv", input)
    lower, relative = cutoffs(input, atol, rcond if rtol is None else rtol)
    return pinv_(input, atol=lower, rtol=relative)


@operation(
    "minidl Tensor",
    formula="Y = A⁺ = lim (Aᵀ A + ε)⁻¹ Aᵀ",
    derivative="dY = −Y dA Y + Y Yᵀ dAᵀ (1 − A Y) + (1 − Y A) dAᵀ Yᵀ Y",
    samples=[sample((3, 2))],
    errors=[refuses((3,), match="matrices")],
)
def pinverse(input: Value, rcond: float = 1e-15) -> Value:
    """Compute pseudo-inverses; see `minidl.linalg.pinv`.

    >>> import minidl
    >>> minidl.pinverse(minidl.tensor([[4.0]]))
    tensor([[0.2500]])
    """
    return pinv(input, rcond)


@operation(
    "linalg minidl Tensor",
    formula="Y = Aⁿ",
    derivative="dY = dA Aⁿ⁻¹ + A dA Aⁿ⁻² + … + Aⁿ⁻¹ dA",
    samples=[sample(SQUARE, n=3), sample(SQUARES, n=-2), sample(SQUARE, n=6), sample(SQUARE, n=1)],
    errors=[
        refuses((3, 2), n=2, match="square"),
        refuses((2, 2), n=0.5, error=UsageError, match="whole number"),
        refuses(np.ones((2, 2)), n=-1, error=LinAlgError, match="singular"),
    ],
)
def matrix_power(input: Value, n: int) -> Value:
    """Multiply a square matrix by itself `n` times; a negative power is one of the inverse.

    >>> import minidl
    >>> minidl.linalg.matrix_power(minidl.tensor([[1, 1], [0, 1]]), 5)
    tensor([[1, 5],
            [0, 1]])
    """
    if not isinstance(n, int) or isinstance(n, bool):
        raise UsageError(f"matrix_power: n must be a whole number, got {n!r}")
    if len(shape_of(input)) < 2 or shape_of(input)[-1] != shape_of(input)[-2]:
        raise ShapeError(
            f"linalg.matrix_power: input must hold square matrices, (…, n, n); got shape {shape_of(input)}"
        )
    base = inv(input) if n < 0 else clone(input) if n == 1 else input
    left = abs(n)
    result = None
    while left:  # by squaring: A¹³ = A⁸ A⁴ input
        if left % 2:
            result = base if result is None else result @ base
        left //= 2
        base = base @ base if left else base
    if result is None:
        identity = np.broadcast_to(np.eye(shape_of(input)[-1], dtype=input.dtype), shape_of(input)).copy()
        return input.result_class(identity) if isinstance(input, Node) else identity
    return result
