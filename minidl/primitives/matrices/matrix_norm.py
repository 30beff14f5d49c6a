"""Norms of matrices, and how close a matrix is to a singular one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import LinAlgError, ShapeError, UsageError
from ..elementwise.arithmetic import abs_
from ..kinds import Value, refuses, sample, shape_of
from ..operation import operation
from ..reductions.axes import as_dtype, axes_of, require_float
from ..reductions.extrema import amax, amin
from ..reductions.norms import vector_norm
from ..reductions.reduction import sum as sum_of
from ..shapes.shape import axis_of, cast, getitem_, permute_, reshape_
from .inverse import SQUARE, SQUARES, inv, require_matrix, require_square
from .svd import svdvals

Axes = tuple[int, int]
_ORDERS = "'fro', 'nuc', 1, −1, 2, −2, ∞ and −∞"


def _known(ord: Any) -> bool:
    if isinstance(ord, str):
        return ord in ("fro", "nuc")
    return isinstance(ord, int | float) and abs(ord) in (1, 2, math.inf)


def _matrix_norm(x: Value, ord: Any, dim: Axes, keepdim: bool) -> Value:
    """The norm over two axes, counted from 0: rows along the first, columns along the second."""
    rows, columns = dim
    if ord == "fro":
        return vector_norm(x, 2, dim, keepdim)
    ndim = len(shape_of(x))
    empty = 0 in (shape_of(x)[rows], shape_of(x)[columns]) and (ord == "nuc" or ord > 0)
    if ord == "nuc" or abs(ord) == 2:
        others = [i for i in range(ndim) if i not in dim]
        values = svdvals(permute_(x, dims=(*others, rows, columns)))
        out = (
            sum_of(values, -1) if ord == "nuc" else _zero(values) if empty else (amax if ord > 0 else amin)(values, -1)
        )
    else:
        summed, chosen = (rows, columns) if abs(ord) == 1 else (columns, rows)
        totals = sum_of(abs_(x), summed, keepdim=True)
        out = _zero(totals, chosen, summed) if empty else (amax if ord > 0 else amin)(totals, (chosen, summed))
    if keepdim:
        out = reshape_(out, shape=tuple(1 if i in dim else n for i, n in enumerate(shape_of(x))))
    return out


def _zero(x: Value, *dim: int) -> Value:
    """The norm of a matrix without elements."""
    return sum_of(x, dim or -1)


@operation(
    "linalg",
    formula="‖A‖: √(Σ aᵢⱼ²) for 'fro', Σ sᵢ for 'nuc', s₁ for 2",
    derivative="∂y/∂A = A/y for 'fro', U Vᵀ for 'nuc', u₁ v₁ᵀ for 2",
    subgradient="as PyTorch's: 0 for ‖0‖ of 'fro', shared evenly where several tie",
    samples=[
        sample((3, 4)),
        sample((2, 3, 4), ord="nuc"),
        sample((2, 3, 4), ord=1, domain="distinct"),
        sample((3, 4), ord=-1, domain="distinct"),
        sample((2, 3, 4), ord=2, dim=(0, 2)),
        sample((3, 4), ord=-2, keepdim=True),
        sample((2, 3, 4), ord=math.inf, dim=(2, 0), keepdim=True, domain="distinct"),
        sample((3, 4), ord=-math.inf, domain="distinct"),
        sample((0, 3), ord=1),
        sample((0, 3), ord=2),
    ],
    errors=[
        refuses((3,), match="two axes"),
        refuses((3, 3), ord=3, error=UsageError, match="order"),
        refuses((3, 3), dim=(0, 0), error=UsageError, match="twice"),
        refuses((3, 3), dim=0, error=UsageError, match="two axes"),
    ],
)
def matrix_norm(
    input: Value,
    ord: Any = "fro",
    dim: Any = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: Any = None,
) -> Value:
    """Measure matrices.

    Args:
        input: `(…, m, n)`.
        ord: `"fro"`: √(Σ aᵢⱼ²); `"nuc"`: the sum of the singular values; 2, −2: the largest, the smallest of them; 1, −1: the
            largest, the smallest column sum of |aᵢⱼ|; ∞, −∞: the same of rows.
        dim: the two axes that hold the matrices.
        keepdim: whether they stay, with length 1.
        dtype: what to convert to first.

    >>> import minidl
    >>> minidl.linalg.matrix_norm(minidl.tensor([[3.0, 0.0], [0.0, -4.0]]), ord=2)
    tensor(4.)
    """
    if len(shape_of(input)) < 2:
        raise ShapeError(f"matrix_norm: needs at least two axes, got shape {shape_of(input)}")
    if not isinstance(dim, tuple | list) or len(dim) != 2:
        raise UsageError(f"matrix_norm: dim names the two axes of the matrices, got {dim!r}")
    if not _known(ord):
        raise UsageError(f"matrix_norm: the order must be one of {_ORDERS}; got {ord!r}")
    axes_of(tuple(dim), len(shape_of(input)), "matrix_norm")
    rows, columns = (axis_of(d, len(shape_of(input)), "matrix_norm") for d in dim)
    require_float(input, "matrix_norm")
    wide = input if dtype is None else cast(input, as_dtype(dtype, "matrix_norm"))
    return _matrix_norm(wide, ord, (rows, columns), keepdim)


@operation(
    "linalg",
    formula="‖x‖ = √(Σ xᵢ²), or the norm `ord` of a vector or a matrix",
    derivative="∂y/∂x = x/y, or that of vector_norm or matrix_norm",
    samples=[
        sample((3, 4)),
        sample((2, 3, 4), keepdim=True),
        sample((3,), ord=3, domain="nonzero"),
        sample((3, 4), ord=math.inf, domain="distinct"),
        sample((3, 4), ord=1, dim=1, domain="distinct"),
        sample((2, 3, 4), ord="nuc", dim=(0, 1)),
        sample((2, 3, 4), dim=(0, 1)),
        sample(()),
    ],
    errors=[
        refuses((2, 3, 4), ord=2, error=UsageError, match="1 or 2 axes"),
        refuses((2, 3, 4), dim=(0, 1, 2), error=UsageError, match="one axis or two"),
        refuses((3,), ord="fro", match="two axes"),
        refuses((3, 4), ord=3, error=UsageError, match="order"),
    ],
)
def norm(
    input: Value,
    ord: Any = None,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
) -> Value:
    """Measure a vector or a matrix: `vector_norm` along one axis, `matrix_norm` along two.

    Args:
        input: any shape; without `dim` and with `ord`, a vector or a matrix.
        ord: the order; None means the Euclidean length of all elements.
        dim: one axis for vectors, two for matrices; by default all axes.
        keepdim: whether they stay, with length 1.
        dtype: what to convert to first.

    >>> import minidl
    >>> minidl.linalg.norm(minidl.tensor([[3.0, 0.0], [0.0, -4.0]])), minidl.linalg.norm(minidl.tensor([3.0, -4.0]), 1)
    (tensor(5.), tensor(7.))
    """
    ndim = len(shape_of(input))
    axes = None if dim is None else tuple(dim) if isinstance(dim, tuple | list) else (dim,)
    if axes is not None and len(axes) not in (1, 2):
        raise UsageError(f"linalg.norm: dim names one axis or two, got {dim!r}")
    if ord is None:
        return vector_norm(input, 2, axes, keepdim, dtype=dtype)
    if axes is None and ndim not in (1, 2):
        raise UsageError(
            f"linalg.norm: ord={ord!r} without dim needs a tensor of 1 or 2 axes, got shape {shape_of(input)}"
        )
    if len(axes or range(ndim)) == 1 and not isinstance(ord, str):
        return vector_norm(input, ord, axes, keepdim, dtype=dtype)
    return matrix_norm(input, ord, axes or (-2, -1), keepdim, dtype=dtype)


@operation(
    "linalg",
    formula="‖A‖·‖A⁻¹‖ = s₁/sₙ for p = 2",
    derivative="dy/y = ds₁/s₁ − dsₙ/sₙ, dsᵢ = uᵢᵀ dA vᵢ",
    samples=[sample(SQUARE), sample((4, 2)), sample(SQUARES, p=-2)],
    errors=[
        refuses((3,), match="matrices"),
        refuses((3, 2), p=1, match="square"),
        refuses((3, 3), p=3, error=UsageError, match="order"),
    ],
)
def cond(input: Value, p: Any = None) -> Value:
    """Compute condition numbers ‖A‖·‖A⁻¹‖: by how much A X = B may magnify the relative error of B; ∞ for a singular matrix.

    Args:
        input: `(…, m, n)`, square unless `p` is None, 2 or −2.
        p: the order of the norm, see `matrix_norm`; None means 2.

    >>> import minidl
    >>> minidl.linalg.cond(minidl.tensor([[2.0, 0.0], [0.0, 0.5]]))
    tensor(4.)
    """
    if p is None or p in (2, -2):
        require_matrix("linalg.cond", input)
        s = svdvals(input)
        largest, smallest = getitem_(s, index=(..., 0)), getitem_(s, index=(..., -1))
        return smallest / largest if p == -2 else largest / smallest
    require_square("linalg.cond", input)
    if not _known(p):
        raise UsageError(f"linalg.cond: the order must be one of {_ORDERS}; got {p!r}")
    size = matrix_norm(input, p)
    try:
        return size * matrix_norm(inv(input), p)
    except LinAlgError:
        return size * np.asarray(math.inf, input.dtype)
