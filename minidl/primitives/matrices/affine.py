"""Products that are added to something (x Wᵀ + b and its like), and products of more than two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import ShapeError, UsageError
from ...graph import Node
from ..kinds import Shape, Value, refuses, sample, shape_of
from ..mismatch import marked, marked_apart
from ..operation import as_a_list, operation
from ..reductions.reduction import sum as sum_of
from ..shapes.shape import axis_of, cat, getitem_, permute_
from .einsum import einsum_, ellipsis_names
from .linalg import bmm, matmul, mm, mv, outer


@operation(
    "functional",
    formula="y = x Wᵀ + b",
    derivative="∂L/∂x = g W; ∂L/∂W = gᵀ x; ∂L/∂b = Σ g over the rows",
    samples=[
        sample((5, 3), (2, 3), (2,)),
        sample((2, 5, 3), (4, 3)),
        sample((3,), (2, 3), (2,)),
        sample((2, 3), (3,)),
        sample((0, 3), (2, 3), (2,)),
        sample((2, 0), (4, 0), (1,)),
    ],
    errors=[
        refuses(
            (5, 3),
            (3, 2),
            match=r"\(5, →3←\) must end in the 2 features of weight \(3, →2←\); did you mean weight\.T\?",
        ),
        refuses((), (2, 3), match="must end in the 3 features"),
        refuses((5, 3), (2, 3), (3,), match="bias"),
        refuses((5, 3), (2, 2, 3), match="weight"),
    ],
)
def linear(input: Value, weight: Value, bias: Value = None) -> Value:
    """Compute x Wᵀ + b.

    Args:
        input: `(…, in)`.
        weight: `(out, in)`, or `(in,)` for a single output without an axis.
        bias: `(out,)`.

    Returns:
        `(…, out)`.

    Raises:
        ShapeError: the features of input, weight and bias differ.

    >>> import minidl
    >>> minidl.nn.functional.linear(minidl.ones(2, 3), minidl.ones(1, 3))
    tensor([[3.],
            [3.]])
    """
    x, w = shape_of(input), shape_of(weight)
    if len(w) not in (1, 2):
        raise ShapeError(f"linear: weight must have shape (out, in) or (in,), got {w}")
    if not x or x[-1] != w[-1]:
        fix = "; did you mean weight.T?" if x and len(w) == 2 and x[-1] == w[0] else ""
        raise ShapeError(
            f"linear: input {marked(x, -1)} must end in the {w[-1]} features of weight {marked(w, -1)}{fix}"
        )
    out = matmul(input, weight if len(w) == 1 else permute_(weight, dims=(1, 0)))
    if bias is None:
        return out
    _require_fitting("linear", "bias", bias, shape_of(out))
    return out + bias


def _require_fitting(name: str, argument: str, x: Value, shape: Shape) -> None:
    """Check that `x` broadcasts to exactly `shape`."""
    try:
        fits = np.broadcast_shapes(shape_of(x), shape) == tuple(shape)
    except ValueError:
        fits = False
    if not fits:
        own, product = marked_apart(shape_of(x), tuple(shape), fitting=True)
        raise ShapeError(f"{name}: {argument} {own} cannot be added to the product's {product}")


@operation(
    "functional",
    formula="zₖ = xᵀ Wₖ y + bₖ",
    derivative="∂L/∂x = Σₖ gₖ·Wₖ y; ∂L/∂y = Σₖ gₖ·Wₖᵀ x; ∂L/∂Wₖ = gₖ·x yᵀ; ∂L/∂b = g",
    samples=[
        sample((5, 3), (5, 4), (2, 3, 4), (2,)),
        sample((2, 5, 3), (2, 5, 4), (6, 3, 4)),
        sample((3,), (4,), (2, 3, 4)),
        sample((0, 3), (0, 4), (2, 3, 4), (2,)),
    ],
    errors=[
        refuses((5, 3), (1, 4), (2, 3, 4), match="leading axes"),
        refuses((5, 3), (5, 4), (2, 4, 3), match="3 and 4 features"),
        refuses((5, 3), (5, 4), (3, 4), match="weight"),
    ],
)
def bilinear(input1: Value, input2: Value, weight: Value, bias: Value = None) -> Value:
    """Compute x₁ᵀ W x₂ + b, one matrix W an output.

    Args:
        input1: `(…, in1)`.
        input2: `(…, in2)`, with the same leading axes.
        weight: `(out, in1, in2)`.
        bias: `(out,)`.

    Returns:
        `(…, out)`.

    >>> import minidl
    >>> minidl.nn.functional.bilinear(minidl.ones(2, 3), minidl.ones(2, 4), minidl.ones(1, 3, 4))
    tensor([[12.],
            [12.]])
    """
    x, y, w = shape_of(input1), shape_of(input2), shape_of(weight)
    if len(w) != 3:
        raise ShapeError(f"bilinear: weight must have shape (out, in1, in2), got {w}")
    if not x or not y or x[:-1] != y[:-1]:
        raise ShapeError(f"bilinear: input1 {x} and input2 {y} must have the same leading axes")
    if (x[-1], y[-1]) != tuple(w[1:]):
        raise ShapeError(f"bilinear: inputs of {x[-1]} and {y[-1]} features do not fit weight {w}")
    lead = ellipsis_names(len(x) - 1)
    out = einsum_(input1, weight, input2, equation=f"{lead}i,kij,{lead}j->{lead}k")
    if bias is None:
        return out
    _require_fitting("bilinear", "bias", bias, shape_of(out))
    return out + bias


def _add(name: str, input: Value, product: Value, beta: Any, alpha: Any) -> Value:
    """β·input + α·product; a β of 0 drops the input, NaN and all."""
    _require_fitting(name, "input", input, shape_of(product))
    scale = int if product.dtype.kind in "iu" and getattr(input, "dtype", product.dtype).kind in "iu" else _number
    alpha, beta = scale(alpha), scale(beta)
    scaled = product if alpha == 1 else alpha * product
    if beta == 0:
        return scaled
    return (input if beta == 1 else beta * input) + scaled


def _number(x: Any) -> Any:
    return x.item() if isinstance(x, Node) else x


_BETA: dict[str, Any] = {"beta": 0.5, "alpha": -2.0}


@operation(
    "minidl Tensor",
    formula="Z = β·C + α·X Y",
    derivative="∂L/∂C = β·g; ∂L/∂X = α·g Yᵀ; ∂L/∂Y = α·Xᵀ g",
    samples=[sample((3, 2), (3, 4), (4, 2)), sample((2,), (3, 4), (4, 2), **_BETA), sample((), (3, 0), (0, 2))],
    errors=[
        refuses((3, 2), (3, 4), (3, 2), match="inner sizes"),
        refuses((3,), (3, 4), (4, 2), match="input .* cannot be added"),
        refuses((2, 3, 2), (3, 4), (4, 2), match="input .* cannot be added"),
    ],
)
def addmm(input: Value, mat1: Value, mat2: Value, *, beta: Any = 1, alpha: Any = 1) -> Value:
    """Add a matrix to a product of two, β·input + α·(mat1 @ mat2); `input` broadcasts, and counts for nothing if β is 0.

    >>> import minidl
    >>> minidl.addmm(minidl.ones(1), minidl.ones(1, 2), minidl.ones(2, 1), beta=10)
    tensor([[12.]])
    """
    return _add("addmm", input, mm(mat1, mat2), beta, alpha)


@operation(
    "minidl Tensor",
    formula="z = β·c + α·X v",
    derivative="∂L/∂c = β·g; ∂L/∂X = α·g vᵀ; ∂L/∂v = α·Xᵀ g",
    samples=[sample((3,), (3, 4), (4,)), sample((), (3, 4), (4,), **_BETA)],
    errors=[refuses((4,), (3, 4), (4,), match="input .* cannot be added")],
)
def addmv(input: Value, mat: Value, vec: Value, *, beta: Any = 1, alpha: Any = 1) -> Value:
    """Add a vector to a product, β·input + α·(mat @ vec).

    >>> import minidl
    >>> minidl.addmv(minidl.ones(1), minidl.ones(1, 2), minidl.ones(2))
    tensor([3.])
    """
    return _add("addmv", input, mv(mat, vec), beta, alpha)


@operation(
    "minidl Tensor",
    formula="Z = β·C + α·u vᵀ",
    derivative="∂L/∂C = β·g; ∂L/∂u = α·g v; ∂L/∂v = α·gᵀ u",
    samples=[sample((3, 4), (3,), (4,)), sample((4,), (3,), (4,), **_BETA)],
    errors=[refuses((3,), (3,), (4,), match="input .* cannot be added")],
)
def addr(input: Value, vec1: Value, vec2: Value, *, beta: Any = 1, alpha: Any = 1) -> Value:
    """Add a matrix to an outer product, β·input + α·(vec1 ⊗ vec2).

    >>> import minidl
    >>> minidl.addr(minidl.zeros(1), minidl.tensor([1.0, 2.0]), minidl.tensor([3.0]))
    tensor([[3.],
            [6.]])
    """
    return _add("addr", input, outer(vec1, vec2), beta, alpha)


@operation(
    "minidl Tensor",
    formula="Zₙ = β·Cₙ + α·Xₙ Yₙ",
    derivative="∂L/∂Cₙ = β·gₙ; ∂L/∂Xₙ = α·gₙ Yₙᵀ; ∂L/∂Yₙ = α·Xₙᵀ gₙ",
    samples=[sample((2, 3, 2), (2, 3, 4), (2, 4, 2)), sample((2,), (2, 3, 4), (2, 4, 2), **_BETA)],
    errors=[refuses((3,), (2, 3, 4), (2, 4, 2), match="input .* cannot be added")],
)
def baddbmm(input: Value, batch1: Value, batch2: Value, *, beta: Any = 1, alpha: Any = 1) -> Value:
    """Add matrices to the products of two batches of them, β·input + α·(batch1 @ batch2).

    >>> import minidl
    >>> minidl.baddbmm(minidl.ones(1), minidl.ones(2, 1, 3), minidl.ones(2, 3, 1)).shape
    (2, 1, 1)
    """
    return _add("baddbmm", input, bmm(batch1, batch2), beta, alpha)


@operation(
    "minidl Tensor",
    formula="Z = β·C + α·Σₙ Xₙ Yₙ",
    derivative="∂L/∂C = β·g; ∂L/∂Xₙ = α·g Yₙᵀ; ∂L/∂Yₙ = α·Xₙᵀ g",
    samples=[sample((3, 2), (2, 3, 4), (2, 4, 2)), sample((2,), (2, 3, 4), (2, 4, 2), **_BETA)],
    errors=[refuses((2, 3, 2), (2, 3, 4), (2, 4, 2), match="input .* cannot be added")],
)
def addbmm(input: Value, batch1: Value, batch2: Value, *, beta: Any = 1, alpha: Any = 1) -> Value:
    """Add a matrix to the sum of the products of two batches of matrices.

    >>> import minidl
    >>> minidl.addbmm(minidl.ones(1), minidl.ones(2, 1, 3), minidl.ones(2, 3, 1))
    tensor([[7.]])
    """
    products = bmm(batch1, batch2)
    return _add("addbmm", input, sum_of(products, 0, dtype=products.dtype), beta, alpha)


def _cross(input: Value, other: Value, dim: int, name: str) -> Value:
    a, b = shape_of(input), shape_of(other)
    if len(a) != len(b):
        raise ShapeError(f"{name}: {a} and {b} must have the same number of axes")
    axis = axis_of(dim, len(a), name)
    if not a or a[axis] != 3 or b[axis] != 3:
        raise ShapeError(f"{name}: both must have length 3 along dim={dim}, got {a} and {b}")

    def part(x: Value, i: int) -> Value:
        return getitem_(x, index=(*(slice(None),) * axis, slice(i, i + 1)))

    turns = [(1, 2), (2, 0), (0, 1)]
    return cat([part(input, i) * part(other, j) - part(input, j) * part(other, i) for i, j in turns], axis)


@operation(
    "linalg",
    formula="z = x × y",
    derivative="∂L/∂x = y × g; ∂L/∂y = g × x",
    samples=[sample((4, 3), (4, 3)), sample((3, 2), (3, 1), dim=0), sample((0, 3), (0, 3))],
    errors=[refuses((4, 4), (4, 4), match="length 3"), refuses((4, 3), (3,), match="same number of axes")],
    name="cross",
)
def linalg_cross(input: Value, other: Value, *, dim: int = -1) -> Value:
    """Multiply vectors of length 3 along `dim` to vectors at right angles to both, of length |x|·|y|·sin ∠(x, y).

    >>> import minidl
    >>> minidl.linalg.cross(minidl.tensor([1.0, 0.0, 0.0]), minidl.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    return _cross(input, other, dim, "linalg.cross")


@operation(
    "minidl Tensor",
    formula="z = x × y",
    derivative="∂L/∂x = y × g; ∂L/∂y = g × x",
    samples=[sample((4, 3), (4, 3), dim=1), sample((3, 3), (1, 3), dim=-1)],
    errors=[refuses((2, 4), (2, 4), match="no axis of length 3"), refuses((2, 4), (2, 4), dim=1, match="length 3")],
)
def cross(input: Value, other: Value, dim: int | None = None) -> Value:
    """Multiply vectors of length 3, by default along the first axis of that length; see `minidl.linalg.cross`.

    >>> import minidl
    >>> minidl.cross(minidl.tensor([1.0, 0.0, 0.0]), minidl.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    if dim is None:
        dim = next((i for i, n in enumerate(shape_of(input)) if n == 3), None)
        if dim is None:
            raise ShapeError(f"cross: there is no axis of length 3 in {shape_of(input)}")
    return _cross(input, other, dim, "cross")


@operation(
    "linalg",
    formula="Y = A₁ A₂ ⋯ Aₙ",
    derivative="∂L/∂Aᵢ = (A₁ ⋯ Aᵢ₋₁)ᵀ g (Aᵢ₊₁ ⋯ Aₙ)ᵀ",
    samples=[
        sample((3, 4), (4, 2), (2, 5)),
        sample((4,), (4, 2), (2,)),
        sample((2, 3), (3,)),
        sample((5, 2), (2, 6), (6, 3), (3, 1)),
    ],
    errors=[
        refuses((3, 4), error=UsageError, match="at least two"),
        refuses((3, 4), (3, 4), match="inner sizes"),
        refuses((2, 3, 4), (4, 2), match="tensor 0"),
        refuses((3, 4), (4,), (4, 2), match="tensor 1"),
    ],
    call=as_a_list,
)
def multi_dot(tensors: Sequence[Value]) -> Value:
    """Multiply a chain of matrices in the order that needs the fewest multiplications; its ends may be vectors.

    Source: Cormen et al., Introduction to Algorithms, §15.2 (the chain's dynamic programme).

    >>> import minidl
    >>> minidl.linalg.multi_dot([minidl.ones(2, 3), minidl.ones(3, 4), minidl.ones(4, 1)]).shape
    (2, 1)
    """
    tensors = list(tensors)
    if len(tensors) < 2:
        raise UsageError(f"multi_dot: needs at least two tensors, got {len(tensors)}")
    for i, x in enumerate(tensors):
        ranks = (1, 2) if i in (0, len(tensors) - 1) else (2,)
        if len(shape_of(x)) not in ranks:
            raise ShapeError(
                f"multi_dot: tensor {i} must be a matrix{' or a vector' * (1 in ranks)}, got {shape_of(x)}"
            )
    return _in_best_order(tensors)


def _in_best_order(tensors: list[Value]) -> Value:
    n = len(tensors)
    shapes = [shape_of(x) for x in tensors]
    size = [
        1 if len(shapes[0]) == 1 else shapes[0][0],
        *(1 if i and len(s) == 1 else s[-1] for i, s in enumerate(shapes)),
    ]
    cost = {(i, i): 0 for i in range(n)}
    split: dict[tuple[int, int], int] = {}
    for span in range(1, n):
        for i in range(n - span):
            j = i + span
            options = [(cost[i, k] + cost[k + 1, j] + size[i] * size[k + 1] * size[j + 1], k) for k in range(i, j)]
            cost[i, j], split[i, j] = min(options)

    def product(i: int, j: int) -> Value:
        return tensors[i] if i == j else matmul(product(i, split[i, j]), product(split[i, j] + 1, j))

    return product(0, n - 1)
