"""What binds products, sums, what is done to rows, and what moves numbers about to memory (see `ready`).

What is given and what is filled are the arrays as the backend has them; here they are brought into the kernels' layout. Where
that takes a copy, the copy is part of what is run.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from . import activations, blas, elementwise, paths, probabilities, products, summation
from .layout import as_lies, flat
from .ready import Array, Run, following, in_turn, prepares


@prepares("matmul")
def matmul(outs: Sequence[Array], x: Array, y: Array) -> Run | None:
    """`Backend.matmul`."""
    (out,) = outs
    if x.ndim < 2 or y.ndim < 2 or out.dtype != x.dtype or x.dtype != y.dtype:
        return None
    if x.ndim > 2 == y.ndim and x.flags.c_contiguous and out.flags.c_contiguous:
        x, out = x.reshape(-1, x.shape[-1]), out.reshape(-1, out.shape[-1])
    if x.shape[-1] == 1:
        return partial(np.multiply, x, y, out)
    if products.are_medium(x, y) and all(map(products.is_simple, (out, x, y))):
        return products.multiplying(out, x, y)
    (a, bring), (b, bring_too) = following(x, blas.for_blas), following(y, blas.for_blas)
    return in_turn(bring, bring_too, partial(blas.product, a, b, out))


@prepares("sum")
def sum(outs: Sequence[Array], x: Array, axis: Any = None, keepdims: bool = False) -> Run | None:
    """`Backend.sum` of few numbers, which NumPy adds up."""
    (out,) = outs
    if x.size > summation.SMALL or out.dtype != x.dtype or x.dtype == np.float16:
        return None
    return partial(np.add.reduce, x, axis, None, out, keepdims)


@prepares("cross_entropy")
def cross_entropy(outs: Sequence[Array], x: Array, weights: Array) -> Run | None:
    """`Backend.cross_entropy`: its kernel, or for few numbers NumPy's steps."""
    (losses,) = outs
    if not _has_rows(x, weights, losses):
        return None
    if x.size > probabilities.SMALL:
        return probabilities.row_losses(losses, x, weights)
    exponentials, shifted, total = _exponentials(x)
    terms, absent = np.empty_like(x), np.empty(x.shape, bool)
    return in_turn(
        *exponentials,
        partial(np.log, total, total),
        partial(np.subtract, shifted, total, terms),
        partial(np.multiply, terms, weights, terms),
        partial(np.equal, weights, 0, absent),
        partial(np.copyto, terms, 0, where=absent),
        partial(np.add.reduce, terms, 1, None, losses),
        partial(np.negative, losses, losses),
    )


@prepares("cross_entropy_back")
def cross_entropy_back(outs: Sequence[Array], g: Array, x: Array, weights: Array) -> Run | None:
    """`Backend.cross_entropy_back`: its kernel, or for few numbers NumPy's steps."""
    (dx,) = outs
    if not _has_rows(x, weights, dx) or g.dtype != x.dtype:
        return None
    if x.size > probabilities.SMALL:
        upstream, bring = following(g, _writeable)
        return in_turn(bring, probabilities.row_losses_back(dx, upstream, x, weights))
    exponentials, _, total = _exponentials(x, dx)
    wanted = np.empty_like(total)
    return in_turn(
        *exponentials,
        partial(np.divide, dx, total, dx),
        partial(np.add.reduce, weights, 1, None, wanted, True),
        partial(np.multiply, dx, wanted, dx),
        partial(np.subtract, dx, weights, dx),
        partial(np.multiply, g.reshape(-1, 1), dx, dx),
    )


def _exponentials(x: Array, e: Array | None = None) -> tuple[list[Run], Array, Array]:
    """Steps to e to the scores less each row's largest, into `e`; the scores less the largest, and the sums of the rows."""
    shifted: Array = np.empty_like(x)
    total: Array = np.empty((len(x), 1), x.dtype)
    e = np.empty_like(x) if e is None else e
    steps: list[Run] = [
        partial(np.maximum.reduce, x, 1, None, total, True),
        partial(np.subtract, x, total, shifted),
        partial(np.exp, shifted, e),
        partial(np.add.reduce, e, 1, None, total, True),
    ]
    return steps, shifted, total


def _writeable(g: Array) -> Array:
    """Numbers in a row that may be written to: for Numba others are of another type, which it would compile for anew."""
    return np.require(g, requirements=["C_CONTIGUOUS", "WRITEABLE", "ALIGNED"])


def _has_rows(*arrays: Array) -> bool:
    """Whether all are rows of float32 in one piece."""
    return paths.enabled("softmax") and all(a.dtype == np.float32 and a.flags.carray and a.size for a in arrays)


@prepares("softmax")
def softmax(outs: Sequence[Array], x: Array, axis: int) -> Run | None:
    """`Backend.softmax` along the last axis by its kernel."""
    if not _has_rows(x, outs[0]) or axis % x.ndim != x.ndim - 1 or x.size <= probabilities.SMALL:
        return None
    from . import rows

    return partial(rows.softmax, _rows(x), _rows(outs[0]))


@prepares("softmax_back")
def softmax_back(outs: Sequence[Array], g: Array, y: Array, axis: int) -> Run | None:
    """`Backend.softmax_back` along the last axis by its kernel."""
    if not _has_rows(y, outs[0]) or axis % y.ndim != y.ndim - 1 or y.size <= probabilities.SMALL:
        return None
    from . import rows

    upstream, bring = following(g, _writeable)
    return in_turn(bring, partial(rows.softmax_back, _rows(upstream), _rows(y), _rows(outs[0])))


def _rows(x: Array) -> Array:
    """The lines along the last axis as the rows of a matrix."""
    return x.reshape(-1, x.shape[-1])


@prepares("layer_norm")
def layer_norm(outs: Sequence[Array], x: Array, weight: Array, bias: Array, eps: float) -> Run | None:
    """`Backend.layer_norm`."""
    y, mean, variance = outs
    if not all(a.flags.c_contiguous for a in (y, weight, bias)):
        return None
    from . import rows

    matrix, bring = following(x, lambda x: np.ascontiguousarray(x).reshape(-1, weight.size))
    to, by, on = y.reshape(matrix.shape), weight.reshape(-1), bias.reshape(-1)
    return in_turn(bring, partial(rows.standardize_rows, matrix, to, by, on, eps, mean, variance))


@prepares("layer_norm_back")
def layer_norm_back(
    outs: Sequence[Array], g: Array, x: Array, weight: Array, mean: Array, variance: Array, eps: float
) -> Run | None:
    """`Backend.layer_norm_back`."""
    dx, dweight, dbias = outs
    if not all(a.flags.c_contiguous for a in (*outs, weight)):
        return None
    from . import rows

    matrix, bring = following(x, lambda x: np.ascontiguousarray(x).reshape(-1, weight.size))
    upstream, bring_too = following(g, lambda g: np.ascontiguousarray(g).reshape(-1, weight.size))
    to, by, flats = dx.reshape(matrix.shape), weight.reshape(-1), (dweight.reshape(-1), dbias.reshape(-1))
    run = partial(rows.standardize_rows_back, upstream, matrix, to, by, *flats, eps, mean, variance)
    return in_turn(bring, bring_too, run)


@prepares("relu_back")
def relu_back(outs: Sequence[Array], g: Array, y: Array) -> Run | None:
    """`Backend.relu_back` by its kernel."""
    above, to = flat(y), flat(outs[0])
    if above is None or to is None or not paths.enabled("rectifier") or outs[0].strides != y.strides:
        return None
    if not g.dtype == y.dtype == outs[0].dtype or y.dtype not in (np.float32, np.float64):
        return None
    from . import rectify

    upstream, bring = following(g, lambda g: as_lies(g, y).ravel(order="K"))
    run = rectify.share_rectify_back if y.size >= activations.LARGE else rectify.rectify_back
    return in_turn(bring, partial(run, upstream, above, to))


@prepares("where")
def where(outs: Sequence[Array], condition: Array, x: Any, y: Any) -> Run | None:
    """`Backend.where` that keeps the numbers of one array where a condition holds, and has one number elsewhere."""
    (out,) = outs
    if not isinstance(x, np.ndarray) or x.dtype != out.dtype or isinstance(y, np.ndarray):
        return None
    return in_turn(partial(np.copyto, out, y), partial(np.copyto, out, x, where=condition))


@prepares("reshape")
def reshape(outs: Sequence[Array], x: Array, shape: Any) -> Run | None:
    """`Backend.reshape` where it takes a copy."""
    return partial(np.copyto, outs[0].reshape(x.shape), x) if outs[0].flags.c_contiguous else None


@prepares("scatter_add")
def scatter_add(outs: Sequence[Array], values: Array, index: Any, shape: Any) -> Run | None:
    """`Backend.scatter_add` at a basic index, where no position occurs twice."""
    parts = index if isinstance(index, tuple) else (index,)
    if any(isinstance(part, np.ndarray | list) for part in parts):
        return None
    place = outs[0][parts if Ellipsis in parts else (*parts, ...)]
    return in_turn(partial(outs[0].fill, 0), partial(np.copyto, place, values))


@prepares("concat")
def concat(outs: Sequence[Array], arrays: Sequence[Array], axis: int) -> Run | None:
    """`Backend.concat`."""
    return partial(np.concatenate, arrays, axis, outs[0])


def _curve(name: str) -> None:
    """Enter a function of single numbers that has a kernel."""

    @prepares(name)
    def prepare(outs: Sequence[Array], x: Array) -> Run | None:
        line, to = flat(x), flat(outs[0])
        if line is None or to is None or outs[0].strides != x.strides or not elementwise.has_kernel(x, "curves"):
            return None
        from . import functions

        return partial(getattr(functions, name), line, to)


for _name in ("gelu", "gelu_slope"):
    _curve(_name)
