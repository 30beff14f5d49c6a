"""Products of matrices and vectors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import DtypeError, ShapeError, UsageError
from ...graph import Node, Notation, data_of
from ...kernels import ARRAYS
from ...kernels.dtypes import bool_
from ..kinds import Multilinear, Shape, Value, refuses, sample, shape_of
from ..mismatch import marked
from ..operation import operation
from ..reductions.reduction import sum as sum_of
from ..shapes.shape import axis_of, getitem_, permute_, reshape_, unsqueeze
from .einsum import LETTERS, einsum_, ellipsis_names


def swap_last(x: Value) -> Value:
    """Transpose the last two axes."""
    if x.__class__ is np.ndarray:
        return x.swapaxes(-1, -2)
    n = x.ndim
    return permute_(x, dims=(*range(n - 2), n - 1, n - 2))


def _left(g: Value, x: Value, y: Value) -> Value:
    """The transpose in x of z = x @ y; dX = G Yᵀ for matrices."""
    if y.ndim == 1:  # z[…i] = Σ x[…ik] y[k]
        return unsqueeze(g, -1) * y if x.ndim > 1 else g * y
    if x.ndim == 1:  # z[…n] = Σ x[k] y[…kn]
        return sum_of(unsqueeze(g, -2) * y, -1)
    if _lies_in_columns(x):
        return swap_last(matmul_(y, swap_last(g)))
    return matmul_(g, swap_last(y))


def _right(g: Value, x: Value, y: Value) -> Value:
    """The transpose in y of z = x @ y; dY = Xᵀ G for matrices."""
    if x.ndim == 1:
        return unsqueeze(g, -2) * unsqueeze(x, -1) if y.ndim > 1 else g * x
    if y.ndim == 1:
        return sum_of(unsqueeze(g, -1) * x, tuple(range(x.ndim - 1)))
    if x.ndim > 2 == y.ndim:  # one matrix for all of a batch: all rows in one product, which adds them up
        x, g = (reshape_(v, shape=(math.prod(v.shape[:-1]), v.shape[-1])) for v in (x, g))
    if _lies_in_columns(y):
        return swap_last(matmul_(swap_last(g), x))
    return matmul_(swap_last(x), g)


def _lies_in_columns(x: Value) -> bool:
    """Whether the numbers of each column of an array are neighbours in memory, as in a transpose.

    Its gradient is computed as the transpose of a product, gᵀX for XᵀG, so that it lies as `x` does: the gradient of `weight`
    in x @ weight.T comes out like `weight`, and an optimizer need not copy it. A graph records the plain formula.
    """
    return isinstance(x, ARRAYS) and x.strides[-2] < x.strides[-1]


def _explain(a: Shape, b: Shape) -> str:
    if not a or not b:
        return f"matmul: {a} @ {b}: both must have at least one axis; use * for numbers"
    inner_a, inner_b = a[-1], b[0] if len(b) == 1 else b[-2]
    if inner_a == inner_b:
        return f"matmul: {a} @ {b}: the leading axes {a[:-2]} and {b[:-2]} do not broadcast"
    shown = f"{marked(a, -1)} @ {marked(b, 0 if len(b) == 1 else -2)}"
    text = f"matmul: {shown}: the inner sizes {inner_a} and {inner_b} differ"
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


def _refuse_bools(name: str, *inputs: Value) -> None:
    if all(getattr(x, "dtype", None) == bool_ for x in inputs):
        raise DtypeError(f"{name}: True and False cannot be multiplied and added; convert with x.to(minidl.int64)")


def require_axes(name: str, **given: tuple[Value, int]) -> None:
    """Check how many axes each argument has.

    Raises:
        ShapeError: another number of them.
    """
    for argument, (x, ndim) in given.items():
        if len(shape_of(x)) != ndim:
            what = {1: "a vector", 2: "a matrix", 3: "a batch of matrices"}[ndim]
            raise ShapeError(f"{name}: {argument} must be {what}, got shape {shape_of(x)}")


@operation(
    "minidl linalg Tensor",
    formula="Z = X Y, zᵢⱼ = Σₖ xᵢₖ·yₖⱼ",
    derivative="∂L/∂X = g Yᵀ; ∂L/∂Y = Xᵀ g",
    samples=[
        sample((3, 4), (4, 2)),
        sample((3, 4), (4,)),
        sample((4,), (4, 2)),
        sample((4,), (4,)),
        sample((5, 1, 3, 4), (2, 4, 2)),
        sample((3, 0), (0, 2)),
    ],
    errors=[
        refuses(
            (3, 4), (3, 4), match=r"\(3, →4←\) @ \(→3←, 4\): the inner sizes 4 and 3 differ; did you mean x @ y\.T\?"
        ),
        refuses((2, 3), (2, 4), match=r"did you mean x\.T @ y\?"),
        refuses((), (3,), match="at least one axis"),
        refuses((2, 3, 4), (3, 4, 5), match="leading axes"),
    ],
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
    _refuse_bools("matmul", input, other)
    return matmul_(input, other)


@operation(
    "minidl Tensor",
    formula="Z = X Y, zᵢⱼ = Σₖ xᵢₖ·yₖⱼ",
    derivative="∂L/∂X = g Yᵀ; ∂L/∂Y = Xᵀ g",
    samples=[sample((3, 4), (4, 2)), sample((0, 4), (4, 2)), sample((3, 0), (0, 2))],
    errors=[refuses((3,), (3, 2), match="input must be a matrix"), refuses((3, 4), (3, 4), match="inner sizes")],
)
def mm(input: Value, mat2: Value) -> Value:
    """Multiply two matrices, `(n, k) @ (k, m)` → `(n, m)`; nothing broadcasts.

    >>> import minidl
    >>> minidl.mm(minidl.ones(1, 2), minidl.ones(2, 1))
    tensor([[2.]])
    """
    require_axes("mm", input=(input, 2), mat2=(mat2, 2))
    return matmul(input, mat2)


@operation(
    "minidl Tensor",
    formula="Zₙ = Xₙ Yₙ",
    derivative="∂L/∂Xₙ = gₙ Yₙᵀ; ∂L/∂Yₙ = Xₙᵀ gₙ",
    samples=[sample((2, 3, 4), (2, 4, 2)), sample((0, 3, 4), (0, 4, 2))],
    errors=[
        refuses((2, 3), (2, 3, 4), match="input must be a batch of matrices"),
        refuses((2, 3, 4), (1, 4, 5), match="2 matrices .* 1"),
        refuses((2, 3, 4), (2, 3, 4), match="inner sizes"),
    ],
)
def bmm(input: Value, mat2: Value) -> Value:
    """Multiply two batches of matrices one by one, `(b, n, k) @ (b, k, m)` → `(b, n, m)`.

    >>> import minidl
    >>> minidl.bmm(minidl.ones(3, 1, 2), minidl.ones(3, 2, 1)).shape
    (3, 1, 1)
    """
    require_axes("bmm", input=(input, 3), mat2=(mat2, 3))
    if shape_of(input)[0] != shape_of(mat2)[0]:
        first, second = shape_of(input), shape_of(mat2)
        raise ShapeError(
            f"bmm: {first[0]} matrices {marked(first, 0)} cannot meet {second[0]}, {marked(second, 0)}; "
            "matmul would broadcast a single one"
        )
    return matmul(input, mat2)


@operation(
    "minidl Tensor",
    formula="y = X v, yᵢ = Σₖ xᵢₖ·vₖ",
    derivative="∂L/∂X = g vᵀ; ∂L/∂v = Xᵀ g",
    samples=[sample((3, 4), (4,)), sample((0, 4), (4,))],
    errors=[refuses((3, 4), (4, 1), match="vec must be a vector"), refuses((3, 4), (3,), match="inner sizes 4 and 3")],
)
def mv(input: Value, vec: Value) -> Value:
    """Multiply a matrix by a vector, `(n, k) @ (k,)` → `(n,)`.

    >>> import minidl
    >>> minidl.mv(minidl.ones(2, 3), minidl.ones(3))
    tensor([3., 3.])
    """
    require_axes("mv", input=(input, 2), vec=(vec, 1))
    return matmul(input, vec)


@operation(
    "minidl Tensor",
    formula="z = Σ xᵢ·yᵢ",
    derivative="∂z/∂x = y; ∂z/∂y = x",
    samples=[sample((4,), (4,)), sample((0,), (0,))],
    errors=[refuses((4, 1), (4,), match="input must be a vector"), refuses((3,), (4,), match="inner sizes 3 and 4")],
    call=lambda f, xs, params: f(xs[0], xs[1], **params),
)
def dot(input: Value, tensor: Value) -> Value:
    """Add up the products of the elements of two vectors.

    >>> import minidl
    >>> minidl.dot(minidl.tensor([2, 3]), minidl.tensor([2, 1]))
    tensor(7)
    """
    require_axes("dot", input=(input, 1), tensor=(tensor, 1))
    return matmul(input, tensor)


@operation(
    "minidl Tensor",
    formula="z = Σ xᵢ·yᵢ",
    derivative="∂z/∂x = y; ∂z/∂y = x",
    samples=[sample((4,), (4,))],
    errors=[refuses((4, 1), (4,), match="input must be a vector")],
)
def vdot(input: Value, other: Value) -> Value:
    """Add up the products of the elements of two vectors, conjugating those of `input` if they are complex.

    >>> import minidl
    >>> minidl.vdot(minidl.tensor([1j, 0j]), minidl.tensor([1j, 0j])).item()
    (1+0j)
    """
    require_axes("vdot", input=(input, 1), other=(other, 1))
    return matmul(_conjugate(input), other)


def _conjugate(x: Value) -> Value:
    """The conjugate of a complex value, which has no gradient here; a real one is its own."""
    if getattr(x, "dtype", None) is None or x.dtype.kind != "c":
        return x
    return x.result_class(data_of(x).conj()) if isinstance(x, Node) else x.conj()


@operation(
    "linalg",
    formula="z = Σ xᵢ·yᵢ along dim",
    derivative="∂z/∂x = y; ∂z/∂y = x",
    samples=[sample((2, 3), (2, 3)), sample((2, 3), (3,)), sample((2, 3), (2, 1), dim=0)],
    errors=[
        refuses((2, 3), (2, 4), match="do not broadcast"),
        refuses((3,), (3,), dim=1, error=UsageError, match="dim=1"),
    ],
)
def vecdot(x: Value, y: Value, *, dim: int = -1) -> Value:
    """Add up the products along one axis, broadcasting the others; elements of a complex `x` are conjugated.

    >>> import minidl
    >>> minidl.linalg.vecdot(minidl.ones(2, 3), minidl.ones(3))
    tensor([3., 3.])
    """
    axis_of(dim, max(len(shape_of(x)), len(shape_of(y))), "vecdot")
    return sum_of(_conjugate(x) * y, dim)


@operation(
    "minidl Tensor",
    formula="zᵢⱼ = Σₖ xᵢₖ·yⱼₖ",
    derivative="∂L/∂X = g Y; ∂L/∂Y = gᵀ X",
    samples=[sample((2, 3), (4, 3)), sample((3,), (2, 4, 3)), sample((2, 3), ()), sample((), ()), sample((0, 3), (3,))],
    errors=[refuses((2, 3), (3, 2), match="last axes 3 and 2")],
)
def inner(input: Value, other: Value) -> Value:
    """Add up the products along the last axis of both; a single number multiplies.

    >>> import minidl
    >>> minidl.inner(minidl.tensor([1.0, 2.0]), minidl.tensor([[1.0, 1.0], [1.0, -1.0]]))
    tensor([ 3., -1.])
    """
    a, b = shape_of(input), shape_of(other)
    if not a or not b:
        return input * other
    if a[-1] != b[-1]:
        raise ShapeError(f"inner: {a} and {b}: the last axes {a[-1]} and {b[-1]} must have one length")
    return tensordot(input, other, dims=([-1], [-1]))


@operation(
    "minidl Tensor",
    formula="Z = x yᵀ, zᵢⱼ = xᵢ·yⱼ",
    derivative="∂L/∂x = g y; ∂L/∂y = gᵀ x",
    samples=[sample((3,), (4,)), sample((0,), (4,))],
    errors=[refuses((3, 1), (4,), match="input must be a vector")],
    aliases=["ger"],
)
def outer(input: Value, vec2: Value) -> Value:
    """Multiply every element of one vector by every element of another.

    >>> import minidl
    >>> minidl.outer(minidl.tensor([1, 2]), minidl.tensor([1, 10, 100]))
    tensor([[  1,  10, 100],
            [  2,  20, 200]])
    """
    require_axes("outer", input=(input, 1), vec2=(vec2, 1))
    return unsqueeze(input, 1) * vec2


@operation(
    "minidl",
    formula="Z = Σ of the products over the last axes of X and the first of Y",
    derivative=(
        "∂L/∂X = the products of g and Y, summed over the axes that Y keeps; ∂L/∂Y = those of X and g, "
        "summed over the axes that X keeps"
    ),
    samples=[
        sample((3, 4, 5), (4, 5, 2)),
        sample((3, 4), (2, 4, 3), dims=([1, 0], [1, -1])),
        sample((3,), (2,), dims=0),
        sample((3, 4), (1, 5), dims=([0], [0])),
    ],
    errors=[
        refuses((3, 4), (3, 4), dims=1, match="length 4 .* 3"),
        refuses((3, 4), (4, 3), dims=-1, error=UsageError, match="dims=-1"),
        refuses((3, 4), (4, 3), dims=([0, 1], [0]), error=UsageError, match="as many"),
    ],
)
def tensordot(a: Value, b: Value, dims: Any = 2) -> Value:
    """Add up products along pairs of axes.

    Args:
        a: any shape.
        b: any shape.
        dims: how many of the last axes of `a` meet the first of `b`, or a pair of lists that name the axes.

    Returns:
        The remaining axes of `a`, then those of `b`.

    >>> import minidl
    >>> minidl.tensordot(minidl.ones(2, 3), minidl.ones(3, 4), dims=1).shape
    (2, 4)
    """
    a_shape, b_shape = shape_of(a), shape_of(b)
    first, second = _paired_axes(dims, a_shape, b_shape)
    names = iter(
        LETTERS if len(a_shape) + len(b_shape) <= len(LETTERS) else ellipsis_names(len(a_shape) + len(b_shape))
    )
    of_a, of_b = [next(names) for _ in a_shape], [next(names) for _ in b_shape]
    for i, j in zip(first, second, strict=True):
        m, n = a_shape[i], b_shape[j]
        if m != n and 1 not in (m, n):
            raise ShapeError(f"tensordot: {a_shape} and {b_shape}: axis {i} of length {m} meets axis {j} of length {n}")
        if m != n:  # an axis of length 1 is stretched, that is, the other is summed
            a = sum_of(a, i, keepdim=True, dtype=a.dtype) if n == 1 else a
            b = sum_of(b, j, keepdim=True, dtype=b.dtype) if m == 1 else b
        of_b[j] = of_a[i]
    left = "".join(c for i, c in enumerate(of_a) if i not in first)
    right = "".join(c for j, c in enumerate(of_b) if j not in second)
    _refuse_bools("tensordot", a, b)
    return einsum_(a, b, equation=f"{''.join(of_a)},{''.join(of_b)}->{left}{right}")


def _paired_axes(dims: Any, a: Shape, b: Shape) -> tuple[list[int], list[int]]:
    dims = data_of(dims).tolist() if isinstance(dims, Node) else dims
    if isinstance(dims, int):
        if not 0 <= dims <= min(len(a), len(b)):
            raise UsageError(f"tensordot: dims={dims} must lie in 0 … {min(len(a), len(b))} for shapes {a} and {b}")
        return list(range(len(a) - dims, len(a))), list(range(dims))
    if not (isinstance(dims, list | tuple) and len(dims) == 2 and all(isinstance(d, list | tuple) for d in dims)):
        raise UsageError(f"tensordot: dims is a number of axes, or two lists of axes; got {dims!r}")
    first = [axis_of(d, len(a), "tensordot") for d in dims[0]]
    second = [axis_of(d, len(b), "tensordot") for d in dims[1]]
    if len(first) != len(second) or len(set(first)) != len(first) or len(set(second)) != len(second):
        raise UsageError(f"tensordot: dims={dims!r} must name as many axes of one as of the other, each once")
    return first, second


@operation(
    "minidl Tensor",
    formula="y = Σ xᵢᵢ",
    derivative="∂y/∂X = 1, the identity matrix",
    samples=[sample((3, 3)), sample((2, 4)), sample((0, 3))],
    errors=[refuses((2, 3, 3), match="input must be a matrix")],
)
def trace(input: Value) -> Value:
    """Add up the diagonal of a matrix.

    >>> import minidl
    >>> minidl.trace(minidl.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(5.)
    """
    require_axes("trace", input=(input, 2))
    _refuse_bools("trace", input)
    n = min(shape_of(input))
    return sum_of(einsum_(getitem_(input, index=(slice(n), slice(n))), equation="ii->i"))


@operation(
    "minidl Tensor",
    formula="Z = X ⊗ Y, whose blocks are xᵢⱼ·Y",
    derivative="∂L/∂xᵢⱼ = Σ (block i, j of g) ⊙ Y; ∂L/∂Y = Σ xᵢⱼ·(block i, j of g) over i, j",
    samples=[sample((2, 3), (4, 2)), sample((2,), (3, 4)), sample((), (2,)), sample((0,), (2,))],
)
def kron(input: Value, other: Value) -> Value:
    """Put a copy of `other`, times the element, in place of every element of `input`: the Kronecker product.

    >>> import minidl
    >>> minidl.kron(minidl.tensor([1, 10]), minidl.tensor([1, 2]))
    tensor([ 1,  2, 10, 20])
    """
    a, b = shape_of(input), shape_of(other)
    rank = max(len(a), len(b))
    a, b = (1,) * (rank - len(a)) + tuple(a), (1,) * (rank - len(b)) + tuple(b)
    spread_a = reshape_(input, shape=tuple(n for pair in zip(a, (1,) * rank, strict=True) for n in pair))
    spread_b = reshape_(other, shape=tuple(n for pair in zip((1,) * rank, b, strict=True) for n in pair))
    return reshape_(spread_a * spread_b, shape=tuple(m * n for m, n in zip(a, b, strict=True)))
