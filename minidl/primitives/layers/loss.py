"""The terms of losses that are one row of a textbook's table: what a difference costs, how far two distributions are apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph import Notation, data_of
from ...kernels import ARRAYS, DeviceArray, backend_of
from ...kernels.cpu.paths import enabled
from ...kernels.device import constant_like
from ..elementwise.activation import hardtanh_
from ..elementwise.arithmetic import maximum
from ..elementwise.exponential import exp, log
from ..kinds import Elementwise, General, Value, sample, shape_of
from ..reductions.reduction import sum as sum_of
from ..reductions.softmax import softmax_
from ..shapes.shape import reshape, unsqueeze


def _huber(xp: Any, x: Any, delta: float) -> Any:
    """With c, x clipped at ±δ, which is also the slope, c·(x − ½c) is the square within and the tangent beyond."""
    slope = xp.clip(x, -delta, delta)
    return slope * (x - 0.5 * slope)


huber = Elementwise(
    "huber",
    Notation("Huber", "huber({0})"),
    forward=_huber,
    partials=(lambda y, x, delta: hardtanh_(x, min_val=-delta, max_val=delta),),
    parameters={"delta": 1.0},
    homes="",
    analytic=False,
    samples=[
        sample((3, 4), domain="distinct", delta=1.0),
        sample((4, 2), domain="distinct", delta=0.4),
        sample((), delta=1.0),
    ],
    doc="½x² up to |x| = δ and the tangent line beyond: δ(|x| − ½δ).",
)

binary_cross_entropy_: Elementwise = Elementwise(
    "binary_cross_entropy",
    Notation("BCE", "BCE({0}, {1})"),
    forward=lambda xp, p, t: -(t * xp.maximum(xp.log(p), -100.0) + (1 - t) * xp.maximum(xp.log1p(-p), -100.0)),
    partials=(lambda z, p, t: (p - t) / maximum(p * (1 - p), 1e-12), lambda z, p, t: log(1 - p) - log(p)),
    homes="",
    analytic=False,
    samples=[sample((3, 4), (3, 4), domain="unit"), sample((), (), domain="unit")],
    promotion="float",
    doc="−t ln p − (1 − t) ln(1 − p), each logarithm at least −100, as in PyTorch, so that the loss stays finite.",
)

kl_term_of_logs: Elementwise = Elementwise(
    "kl_term_of_logs",
    Notation("KL", "exp({1})·({1} − {0})", 2, (2, 1)),
    forward=lambda xp, x, t: xp.where(xp.equal(xp.exp(t), 0), xp.exp(t), xp.exp(t) * (t - x)),
    partials=(lambda z, x, t: -exp(t), lambda z, x, t: z + exp(t)),
    homes="",
    analytic=False,
    samples=[sample((3, 4), (3, 4)), sample((3, 1), (4,))],
    promotion="float",
    doc="eᵗ (t − x): the term t (ln t − x) of a divergence where the target's logarithm is given. At t = −∞ it is 0.",
)

at_least = Elementwise(
    "at_least",
    Notation("≥", "max({0}, {minimum})"),
    forward=lambda xp, x, minimum: xp.maximum(x, minimum),
    partials=(1,),
    parameters={"minimum": 0.0},
    homes="",
    analytic=False,
    samples=[sample((3, 4), domain="positive", minimum=0.1), sample((), domain="positive", minimum=0.1)],
    doc="A value kept from falling below a limit that the derivative does not see, so that it can grow out of it again.",
)


def _cross_entropy(xp: Any, x: Any, weights: Any) -> Any:
    return xp.cross_entropy(x, xp.astype(weights, x.dtype))


def _pull_cross_entropy(g: Value, y: Value, x: Value, weights: Value) -> Value:
    """A kernel on arrays, an expression else."""
    if isinstance(g, ARRAYS):
        xp = backend_of([g])
        return xp.cross_entropy_back(g, x, xp.astype(weights, x.dtype))
    return reshape(g, (-1, 1)) * _pull_of_logits(x, weights)


def _pull_of_logits(x: Value, weights: Value) -> Value:
    """∂loss/∂logits, a row an example: softmax(x) − target, each scaled by the example's weight."""
    return softmax_(x, dim=1) * sum_of(weights, 1, keepdim=True) - weights


cross_entropy_rows = General(
    "cross_entropy",
    Notation("cross-entropy", "CE({0})"),
    analytic=False,
    reads="inputs",
    forward=_cross_entropy,
    vjp=_pull_cross_entropy,
    jvp=lambda t, y, x, weights: sum_of(t * _pull_of_logits(x, weights), 1),
    samples=[
        sample((3, 4), weights=np.eye(4)[[0, 3, 1]]),
        sample((2, 3), weights=np.array([[0.2, 0.5, 0.3], [0.0, 2.0, 0.0]])),
    ],
    promotion="float",
)
"""−Σ_c w_c · ln softmax(x)_c for each row of `x` `(N, C)`; `weights` `(N, C)` are the target probabilities, perhaps scaled."""


def _pull_class_loss(g: Value, y: Value, x: Value, labels: Any, factors: Any) -> Value:
    """A kernel on arrays, an expression else."""
    if isinstance(g, ARRAYS):
        return backend_of([g]).class_loss_back(g, x, labels, factors)
    return unsqueeze(g, 1) * _pull_of_classes(x, labels, factors)


def _pull_of_classes(x: Value, labels: Any, factors: Any) -> Value:
    """f(softmax(x) − [i = t])."""
    classes = constant_like(labels, np.arange(shape_of(x)[1]).reshape(-1, *(1,) * (labels.ndim - 1)))
    by = factors[:, None].astype(x.dtype)
    return softmax_(x, dim=1) * by - by * (labels[:, None] == classes)


class_loss = General(
    "cross_entropy_of_classes",
    Notation("cross-entropy", "CE({0})"),
    analytic=False,
    reads="inputs",
    forward=lambda xp, x, labels, factors: xp.class_loss(x, labels, factors),
    vjp=_pull_class_loss,
    jvp=lambda t, y, x, labels, factors: sum_of(t * _pull_of_classes(x, labels, factors), 1),
    samples=[
        sample((3, 4), labels=np.array([0, 3, 1]), factors=np.array([1.0, 0.5, 0.0])),
        sample((2, 3, 2), labels=np.array([[0, 2], [1, 1]]), factors=np.array([[1.0, 0.5], [2.0, 0.0]])),
    ],
    promotion="float",
)
"""−f·ln softmax(x)ₜ over the classes of `x` `(N, C, …)`: `labels` t and `factors` f are `(N, …)`. The same as `cross_entropy`,
without its rows of mostly zeros and with the class axis where it is: what large scores are measured by."""


def has_class_loss(input: Value) -> bool:
    """Whether scores are large enough for `cross_entropy_of_classes`, and have a kernel for it, as on a GPU they always do."""
    x = data_of(input)
    if x.__class__ is DeviceArray:
        return True
    return isinstance(x, np.ndarray) and x.size > _SMALL and x.dtype == np.float32 and enabled("softmax")


_SMALL = 4096
