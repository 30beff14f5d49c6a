"""Standardising: subtract the mean, divide by the standard deviation. All normalisations but one are this, over other axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph import Notation, data_of
from ...kernels import ARRAYS, backend_of
from ...kernels.cpu.paths import enabled
from ..elementwise.arithmetic import square
from ..elementwise.exponential import sqrt
from ..kinds import General, Shape, Value, expand_to, sample, shape_of, sum_to
from ..reductions.reduction import mean
from ..shapes.shape import reshape


def moments(xp: Any, x: Any, dim: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """The mean, x minus the mean, and the (biased) variance, in two passes: E[x²] − E[x]² would cancel."""
    average = xp.mean(x, axis=dim, keepdims=True)
    centred = x - average
    return average, centred, xp.mean(centred * centred, axis=dim, keepdims=True)


def _standardize(xp: Any, x: Any, dim: tuple[int, ...], eps: float) -> Any:
    _, centred, variance = moments(xp, x, dim)
    return centred / xp.sqrt(variance + eps)


def _deviation(x: Value, dim: tuple[int, ...], eps: float) -> Value:
    """√(σ² + ε)."""
    return sqrt(mean(square(x - mean(x, dim, keepdim=True)), dim, keepdim=True) + eps)


def _pull(g: Value, y: Value, x: Value, dim: tuple[int, ...], eps: float) -> Value:
    """(g − mean(g) − y·mean(g·y)) / √(σ² + ε): the parts of g along 1 and along y change neither mean nor variance."""
    return (g - mean(g, dim, keepdim=True) - y * mean(g * y, dim, keepdim=True)) / _deviation(x, dim, eps)


standardize_ = General(
    "standardize",
    Notation("(x−μ)/σ", "({0} − μ)/σ"),
    forward=_standardize,
    vjp=_pull,
    samples=[
        sample((3, 4), dim=(1,), eps=1e-5),
        sample((2, 3, 4), dim=(0, 2), eps=0.1),
        sample((5,), dim=(0,), eps=1e-3),
        sample((0, 3), dim=(0,), eps=1e-5),
        sample((2, 0), dim=(1,), eps=1e-5),
    ],
)
"""(x − μ)/√(σ² + ε) over the axes `dim`, with the biased variance σ². Source: Ioffe & Szegedy, 2015, "Batch normalization:
accelerating deep network training by reducing internal covariate shift". Its Jacobian is symmetric, so one rule is both."""


# With scale and shift, each one kernel -----------------------------------------------------------------------------------

_SMALL = 4096
"""Up to so many elements the steps one by one are as fast, and a figure can show them."""


def fuses(input: Value, weight: Value | None, bias: Value | None) -> bool:
    """Whether one kernel takes them together: the input is large or on a GPU, their dtype one, and the path switched on."""
    x, others = data_of(input), [data_of(given) for given in (weight, bias) if given is not None]
    return (
        isinstance(x, ARRAYS)
        and x.size > (_SMALL if isinstance(x, np.ndarray) else 0)
        and x.dtype in (np.float32, np.float64)
        and all(isinstance(a, x.__class__) and a.dtype == x.dtype for a in others)
        and enabled("normalization")
    )


def _batch_axes(x: Value) -> tuple[tuple[int, ...], Shape]:
    """What a channel's statistics are taken over, and how one number a channel meets the channel axis."""
    count = len(shape_of(x))
    return (0, *range(2, count)), (-1, *(1,) * (count - 2))


def _row_axes(x: Value, weight: Value) -> tuple[tuple[int, ...], Shape]:
    """The same of a layer: the last axes, those of `weight`."""
    count, own = len(shape_of(x)), shape_of(weight)
    return tuple(range(count - len(own), count)), own


def _pull_all(
    g: Value, x: Value, weight: Value, dim: tuple[int, ...], meets: Shape, eps: float
) -> tuple[Value, Value, Value]:
    """The gradients of γ x̂ + β in x, γ and β, as an expression that can be differentiated again."""
    normal, along = standardize_(x, dim=dim, eps=eps), reshape(weight, meets)
    one = shape_of(along)
    dweight, dbias = (reshape(sum_to(part, one), shape_of(weight)) for part in (g * normal, g))
    return _pull(g * along, normal, x, dim, eps), dweight, dbias


def _push_all(
    tangents: tuple[Value, Value, Value], x: Value, weight: Value, dim: tuple[int, ...], meets: Shape, eps: float
) -> Value:
    """The change of γ x̂ + β with x, γ and β."""
    of_x, of_weight, of_bias = tangents
    normal = standardize_(x, dim=dim, eps=eps)
    total = 0.0
    if of_x is not None:
        total = total + reshape(weight, meets) * _pull(of_x, normal, x, dim, eps)
    if of_weight is not None:
        total = total + normal * reshape(of_weight, meets)
    if of_bias is not None:
        total = total + reshape(of_bias, meets)
    return expand_to(total, shape_of(x))


def _batch_norm(xp: Any, x: Any, weight: Any, bias: Any, eps: float) -> Any:
    y, average, variance = xp.batch_norm(x, weight, bias, eps)
    return y, (average, variance)


def _pull_batch_norm(g: Value, y: Value, x: Value, weight: Value, bias: Value, saved: Any, eps: float) -> Any:
    if isinstance(g, ARRAYS):
        average, variance = saved
        return backend_of([g]).batch_norm_back(g, x, weight, average, variance, eps)
    return _pull_all(g, x, weight, *_batch_axes(x), eps)


batch_norm_ = General(
    "batch_norm",
    Notation("γ·(x−μ)/σ + β", "{1}·({0} − μ)/σ + {2}", 1, (0, 2, 1)),
    forward=_batch_norm,
    vjp=_pull_batch_norm,
    jvp=lambda tx, tw, tb, y, x, weight, bias, saved, eps: _push_all((tx, tw, tb), x, weight, *_batch_axes(x), eps),
    reads="inputs",
    saves=True,
    analytic=False,
    samples=[sample((2, 3, 2, 2), (3,), (3,), eps=0.1), sample((5, 2), (2,), (2,), eps=1e-5)],
    promotion="float",
)
"""γ(x − μ)/√(σ² + ε) + β, μ and σ² of each channel of the batch `(N, C, …)`. It keeps μ and the biased σ² of each channel.
Fed arrays its rule is one kernel; else it is the same in steps. Source: as for `standardize`, algorithm 1."""


def _layer_norm(xp: Any, x: Any, weight: Any, bias: Any, eps: float) -> Any:
    y, average, variance = xp.layer_norm(x, weight, bias, eps)
    return y, (average, variance)


def _pull_layer_norm(g: Value, y: Value, x: Value, weight: Value, bias: Value, saved: Any, eps: float) -> Any:
    if isinstance(g, ARRAYS):
        average, variance = saved
        return backend_of([g]).layer_norm_back(g, x, weight, average, variance, eps)
    return _pull_all(g, x, weight, *_row_axes(x, weight), eps)


layer_norm_ = General(
    "layer_norm",
    Notation("γ·(x−μ)/σ + β", "{1}·({0} − μ)/σ + {2}", 1, (0, 2, 1)),
    forward=_layer_norm,
    vjp=_pull_layer_norm,
    jvp=lambda tx, tw, tb, y, x, weight, bias, saved, eps: _push_all(
        (tx, tw, tb), x, weight, *_row_axes(x, weight), eps
    ),
    reads="inputs",
    saves=True,
    analytic=False,
    samples=[sample((2, 5), (5,), (5,), eps=0.1), sample((2, 3, 4), (3, 4), (3, 4), eps=1e-5)],
    promotion="float",
)
"""γ(x − μ)/√(σ² + ε) + β, μ and σ² over the last axes of `x`, those that γ has. Source: Ba, Kiros & Hinton, 2016, "Layer
normalization"."""

batch_norm_with = General(
    "batch_norm_with",
    Notation("γ·(x−μ)/σ + β", "{1}·({0} − μ)/σ + {2}", 1, (0, 2, 1)),
    forward=lambda xp, x, weight, bias, mean, variance, eps: xp.batch_norm_with(x, weight, bias, mean, variance, eps),
    vjp=lambda g, y, x, weight, bias, mean, variance, eps: _pull_with(g, x, weight, mean, variance, eps),
    jvp=lambda tx, tw, tb, y, x, weight, bias, mean, variance, eps: _push_with(
        (tx, tw, tb), x, weight, mean, variance, eps
    ),
    reads="inputs",
    analytic=False,
    samples=[
        sample((2, 3, 2, 2), (3,), (3,), mean=np.array([0.1, -0.2, 0.3]), variance=np.array([0.5, 1, 2]), eps=0.1),
        sample((2, 2), (2,), (2,), mean=np.array([0.1, -0.2]), variance=np.array([0.5, 1]), eps=1e-5),
    ],
    promotion="float",
)
"""γ(x − μ)/√(σ² + ε) + β with given μ and σ² of each channel, as a trained network does it."""


def _given(x: Value, mean: Any, variance: Any, eps: float) -> tuple[Value, Any, Shape]:
    """x̂, 1/√(σ² + ε), and how one number a channel meets the channel axis."""
    meets = _batch_axes(x)[1]
    average, by = (a.astype(x.dtype).reshape(meets) for a in (mean, 1 / np.sqrt(variance + eps)))
    return (x - average) * by, by, meets


def _pull_with(g: Value, x: Value, weight: Value, mean: Any, variance: Any, eps: float) -> tuple[Value, Value, Value]:
    normal, by, meets = _given(x, mean, variance, eps)
    dweight, dbias = (reshape(sum_to(part, by.shape), shape_of(weight)) for part in (g * normal, g))
    return g * (reshape(weight, meets) * by), dweight, dbias


def _push_with(tangents: Any, x: Value, weight: Value, mean: Any, variance: Any, eps: float) -> Value:
    normal, by, meets = _given(x, mean, variance, eps)
    of_x, of_weight, of_bias = tangents
    total = 0.0
    if of_x is not None:
        total = total + of_x * (reshape(weight, meets) * by)
    if of_weight is not None:
        total = total + normal * reshape(of_weight, meets)
    if of_bias is not None:
        total = total + reshape(of_bias, meets)
    return expand_to(total, shape_of(x))
