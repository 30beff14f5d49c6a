"""Activation functions without kinks, or with one that is smoothed away: ELU and its kin, GELU, SiLU, Mish, softplus."""

from __future__ import annotations

import math
from typing import Any

from ...errors import ShapeError, UsageError
from ...graph import Notation
from ..kinds import Elementwise, Value, refuses, sample, shape_of
from ..operation import operation
from ..shapes.elements import axis_of, getitem_
from .activation import relu, sigmoid, tanh
from .arithmetic import abs_, square
from .comparison import choose, greater, less_equal
from .exponential import exp

_ANY = [sample((3, 4)), sample(()), sample((0, 2))]
_NONZERO = [sample((3, 4), domain="nonzero"), sample((), domain="nonzero"), sample((0, 2))]

# Exponential linear units ----------------------------------------------------------------------------------------------


def _exp_left(x: Value) -> Value:
    """eˣ left of 0, and 1 right of it, where nothing overflows."""
    return exp(-relu(-x))


def _elu(xp: Any, x: Any, alpha: float) -> Any:
    return xp.where(xp.less_equal(x, 0), alpha * xp.expm1(xp.minimum(x, 0)), x)


elu = Elementwise(
    "elu",
    Notation("ELU", "ELU({0})"),
    forward=_elu,
    partials=(lambda y, x, alpha: choose(less_equal(x, 0), alpha * _exp_left(x), 1.0),),
    parameters={"alpha": 1.0},
    homes="functional",
    formula="x for x > 0, else α·(exp(x) − 1)",
    derivative="∂y/∂x = 1 for x > 0, else α·exp(x)",
    samples=[*_NONZERO, sample((3, 4), domain="nonzero", alpha=0.7)],
    promotion="float",
    subgradient="alpha at x = 0",
    analytic=False,
    doc="x right of 0, alpha·(eˣ − 1) left of it. Source: Clevert et al., 2016.",
)

_ALPHA, _SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
"""Of SELU: with these, mean 0 and variance 1 are a fixed point of a layer. Source: Klambauer et al., 2017, eq. (14)."""

selu = Elementwise(
    "selu",
    Notation("SELU", "SELU({0})"),
    forward=lambda xp, x: _SCALE * _elu(xp, x, _ALPHA),
    partials=(lambda y, x: choose(less_equal(x, 0), _SCALE * _ALPHA * _exp_left(x), _SCALE),),
    homes="functional minidl",
    formula="1.0507·x for x > 0, else 1.7581·(exp(x) − 1)",
    derivative="∂y/∂x = 1.0507 for x > 0, else 1.7581·exp(x)",
    samples=_NONZERO,
    promotion="float",
    subgradient="1.7581 at x = 0, the slope on the left",
    analytic=False,
    doc="1.0507·ELU(x) with alpha = 1.6733, which keeps mean 0 and variance 1. Source: Klambauer et al., 2017.",
)

celu_ = Elementwise(
    "celu",
    Notation("CELU", "CELU({0})"),
    forward=lambda xp, x, alpha: xp.where(xp.less_equal(x, 0), alpha * xp.expm1(xp.minimum(x, 0) / alpha), x),
    partials=(lambda y, x, alpha: choose(less_equal(x, 0), exp(-relu(-x) / alpha), 1.0),),
    parameters={"alpha": 1.0},
    homes="",
    samples=[*_NONZERO, sample((3, 4), domain="nonzero", alpha=0.7)],
    promotion="float",
    analytic=False,
)


@operation(
    "functional minidl",
    formula="x for x > 0, else α·(exp(x/α) − 1)",
    derivative="∂y/∂x = 1 for x > 0, else exp(x/α)",
    samples=[*_NONZERO, sample((3, 4), domain="nonzero", alpha=0.7)],
    tolerance=100,  # PyTorch computes with 1/α in single precision
    errors=[refuses((3,), alpha=0.0, error=UsageError, match="alpha must not be 0")],
)
def celu(input: Value, alpha: float = 1.0) -> Value:
    """An ELU whose slope at 0 is 1 for every `alpha`.

    Raises:
        UsageError: alpha is 0.

    Source: Barron, 2017, "Continuously differentiable exponential linear units".

    >>> import minidl
    >>> celu(minidl.tensor([-1000.0, 0.0, 3.0]), alpha=2.0)
    tensor([-2.,  0.,  3.])
    """
    if alpha == 0:
        raise UsageError("celu: alpha must not be 0: x is divided by it")
    return celu_(input, alpha=alpha)


# Softplus and logarithms of σ ------------------------------------------------------------------------------------------

softplus = Elementwise(
    "softplus",
    Notation("softplus", "softplus({0})"),
    forward=lambda xp, x, beta, threshold: xp.where(
        xp.greater(beta * x, threshold), x, xp.logaddexp(beta * x, xp.zeros((), x.dtype)) / beta
    ),
    partials=(lambda y, x, beta, threshold: choose(greater(beta * x, threshold), 1.0, sigmoid(beta * x)),),
    parameters={"beta": 1.0, "threshold": 20.0},
    homes="functional",
    formula="x for β·x > threshold, else ln(1 + exp(β·x))/β",
    derivative="∂y/∂x = 1 for β·x > threshold, else σ(β·x)",
    samples=[
        *_ANY,
        sample((3, 4), beta=2.0, threshold=20.0),
        sample((3, 4), domain="nonzero", beta=0.5, threshold=0.1),
    ],
    promotion="float",
    analytic=False,
    doc="ln(1 + e^(beta·x)) / beta, a smooth ReLU; x itself where beta·x > threshold.",
)

logsigmoid = Elementwise(
    "logsigmoid",
    Notation("ln σ", "ln σ({0})", 2),
    forward=lambda xp, x: -xp.logaddexp(-x, xp.zeros((), x.dtype)),
    partials=(lambda y, x: sigmoid(-x),),
    homes="functional",
    samples=_ANY,
    promotion="float",
    analytic=False,
    doc="ln σ(x) = −ln(1 + e⁻ˣ), exact also where σ(x) is 0 to the last digit.",
)

softsign = Elementwise(
    "softsign",
    Notation("softsign", "{0}/(1 + |{0}|)", 2, (2,)),
    forward=lambda xp, x: x / (1 + xp.abs(x)),
    partials=(lambda y, x: 1 / square(1 + abs_(x)),),
    homes="functional",
    samples=_NONZERO,
    promotion="float",
    analytic=False,
    doc="x / (1 + |x|): from −1 to 1, more slowly than tanh.",
)

tanhshrink = Elementwise(
    "tanhshrink",
    Notation("tanhshrink", "{0} − tanh({0})", 1, (1,)),
    forward=lambda xp, x: x - xp.tanh(x),
    partials=(lambda y, x: square(tanh(x)),),
    homes="functional",
    samples=_ANY,
    promotion="float",
)

# x times a gate --------------------------------------------------------------------------------------------------------


def _silu_slope(y: Value, x: Value) -> Value:
    gate = sigmoid(x)
    return gate * (1 + x * (1 - gate))


silu = Elementwise(
    "silu",
    Notation("SiLU", "{0}·σ({0})", 2, (2,)),
    forward=lambda xp, x: x * xp.sigmoid(x),
    partials=(_silu_slope,),
    homes="functional",
    samples=_ANY,
    promotion="float",
    doc="x·σ(x), also called swish. Source: Hendrycks and Gimpel, 2016; Ramachandran et al., 2017.",
)


def _mish_slope(y: Value, x: Value) -> Value:
    gate = tanh(softplus(x))
    return gate + x * sigmoid(x) * (1 - gate * gate)


mish = Elementwise(
    "mish",
    Notation("Mish", "{0}·tanh(softplus({0}))", 2, (2,)),
    forward=lambda xp, x: x * xp.tanh(xp.logaddexp(x, xp.zeros((), x.dtype))),
    partials=(_mish_slope,),
    homes="functional",
    samples=_ANY,
    promotion="float",
    analytic=False,
    doc="x·tanh(softplus(x)). Source: Misra, 2019.",
)

gelu_slope = Elementwise(
    "gelu_slope",
    Notation("GELU′", "Φ({0}) + {0}·φ({0})", 1, (2,)),
    forward=lambda xp, x: xp.gelu_slope(x),
    partials=(lambda y, x: (2 - x * x) * exp(-0.5 * (x * x)) / math.sqrt(2 * math.pi),),
    homes="",
    samples=_ANY,
    promotion="float",
)
"""The derivative of GELU, which has a derivative of its own, (2 − x²)·φ(x)."""

gelu_ = Elementwise(
    "gelu",
    Notation("GELU", "{0}·Φ({0})", 2, (2,)),
    forward=lambda xp, x: xp.gelu(x),
    partials=(lambda y, x: gelu_slope(x),),
    homes="",
    samples=_ANY,
    promotion="float",
)
"""Φ(x) = ½·erfc(−x/√2) is the normal distribution; its density is φ(x) = exp(−x²/2)/√(2π), and (xΦ)′ = Φ + xφ."""


def _gelu_inner(x: Value) -> Value:
    return math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x))


def _gelu_tanh_slope(y: Value, x: Value) -> Value:
    gate = tanh(_gelu_inner(x))
    inner_slope = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * (x * x))
    return 0.5 * (1 + gate) + 0.5 * x * (1 - gate * gate) * inner_slope


gelu_tanh_ = Elementwise(
    "gelu_tanh",
    Notation("GELU", "½·{0}·(1 + tanh(√(2/π)·({0} + 0.044715·{0}³)))", 2, (4,)),
    forward=lambda xp, x: 0.5 * x * (1 + xp.tanh(_gelu_inner(x))),
    partials=(_gelu_tanh_slope,),
    homes="",
    samples=_ANY,
    promotion="float",
)


@operation(
    "functional",
    formula="x·Φ(x)",
    derivative="∂y/∂x = Φ(x) + x·φ(x)",
    samples=[*_ANY, sample((3, 4), approximate="tanh")],
    errors=[refuses((3,), approximate="sigmoid", error=UsageError, match="'none' or 'tanh'")],
)
def gelu(input: Value, *, approximate: str = "none") -> Value:
    """x times the probability that a normal number lies below x.

    Args:
        input: any shape.
        approximate: `"none"`, or `"tanh"` for ½x(1 + tanh(√(2/π)(x + 0.044715x³))), as older models have it.

    Raises:
        UsageError: another approximation.

    Source: Hendrycks and Gimpel, 2016, "Gaussian error linear units".

    >>> import minidl
    >>> gelu(minidl.tensor([-1000.0, 0.0, 1.0]))
    tensor([-0.0000, 0.0000, 0.8413])
    """
    if approximate not in ("none", "tanh"):
        raise UsageError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")
    return gelu_(input) if approximate == "none" else gelu_tanh_(input)


@operation(
    "functional",
    formula="a·σ(b), where a and b are the halves of x",
    derivative="∂y/∂a = σ(b); ∂y/∂b = a·σ(b)·(1 − σ(b))",
    samples=[sample((3, 4)), sample((4, 3), dim=0), sample((2, 6, 1), dim=-2), sample((0, 2))],
    errors=[
        refuses((3, 5), match="5 elements.*halves"),
        refuses((), error=UsageError, match="single number"),
        refuses((2, 4), dim=2, error=UsageError, match="dim=2 is out of range"),
    ],
)
def glu(input: Value, dim: int = -1) -> Value:
    """The gated linear unit: the first half of the elements along `dim`, each let through as far as σ of its partner says.

    Args:
        input: any shape with an even number of elements along `dim`.
        dim: the axis to halve.

    Returns:
        The input's shape with `dim` halved.

    Raises:
        ShapeError: an odd number of elements.

    Source: Dauphin et al., 2017, "Language modeling with gated convolutional networks".

    >>> import minidl
    >>> glu(minidl.tensor([1.0, 2.0, 0.0, 1000.0]))
    tensor([0.5000, 2.0000])
    """
    shape = shape_of(input)
    if not shape:
        raise UsageError("glu: a single number has no two halves")
    axis = axis_of(dim, len(shape), "glu")
    if shape[axis] % 2:
        raise ShapeError(f"glu: {shape[axis]} elements along dim={dim} of {shape} do not fall into two equal halves")
    half = shape[axis] // 2
    before = (slice(None),) * axis
    a, b = (getitem_(input, index=(*before, part)) for part in (slice(0, half), slice(half, None)))
    return a * sigmoid(b)
