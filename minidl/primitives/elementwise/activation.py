"""Activation functions: σ, tanh, and those with kinks. The smooth ones are in `activation_smooth`."""

from __future__ import annotations

import numpy as np

from ...errors import ShapeError, UsageError
from ...graph import Notation, array_of
from ...kernels.device import where_is
from ...kernels.dtypes import dtype_of
from ..kinds import Elementwise, Value, refuses, sample, shape_of
from ..layers.random import generator_of
from ..operation import operation
from ..shapes.elements import reshape_
from .arithmetic import abs_
from .comparison import above, choose, greater, less, less_equal, logical_and, ordered
from .rectifier import Rectifier

_ANY = [sample((3, 4)), sample(()), sample((0, 2))]
_NONZERO = [sample((3, 4), domain="nonzero"), sample((), domain="nonzero"), sample((0, 2))]


def _number(value: float, name: str, what: str) -> float:
    """`value` itself.

    Raises:
        UsageError: not a plain number.
    """
    if not isinstance(value, int | float | np.number):
        raise UsageError(f"{name}: {what} must be a number, got {value!r:.60}")
    return float(value)


sigmoid = Elementwise(
    "sigmoid",
    Notation("σ", "σ({0})"),
    forward=lambda xp, x: xp.sigmoid(x),
    partials=(lambda y, x: y * (1 - y),),
    homes="minidl functional Tensor",
    torch="sigmoid",
    formula="σ(x) = 1/(1 + exp(−x))",
    samples=_ANY,
    promotion="float",
    doc="1 / (1 + e⁻ˣ): from 0 to 1.",
)

tanh = Elementwise(
    "tanh",
    Notation("tanh", "tanh({0})"),
    forward=lambda xp, x: xp.tanh(x),
    partials=(lambda y, x: 1 - y * y,),
    homes="minidl functional Tensor",
    torch="tanh",
    samples=_ANY,
    promotion="float",
    doc="(eˣ − e⁻ˣ) / (eˣ + e⁻ˣ): from −1 to 1.",
)

relu = Rectifier(
    "relu",
    Notation("ReLU", "ReLU({0})"),
    forward=lambda xp, x: xp.maximum(*ordered("relu", x, 0)),
    operator=lambda x: x if x > 0 or x != x else np.float64(0),
    partials=(lambda y, x: above(y, 0),),
    homes="minidl functional Tensor",
    torch="relu",
    formula="ReLU(x) = max(0, x)",
    derivative="∂y/∂x = [x > 0]",
    samples=_NONZERO,
    subgradient="0 at x = 0",
    analytic=False,
    doc="max(0, x). Source: Nair and Hinton, 2010.",
)

leaky_relu = Elementwise(
    "leaky_relu",
    Notation("LReLU", "LReLU({0})"),
    forward=lambda xp, x, negative_slope: xp.where(xp.greater(x, 0), x, x * negative_slope),
    partials=(lambda y, x, negative_slope: choose(greater(x, 0), 1.0, negative_slope, like=x),),
    parameters={"negative_slope": 0.01},
    homes="functional",
    formula="x for x > 0, else negative_slope·x",
    derivative="∂y/∂x = 1 for x > 0, else negative_slope",
    samples=[*_NONZERO, sample((3, 4), domain="nonzero", negative_slope=0.25)],
    promotion="float",
    subgradient="negative_slope at x = 0",
    analytic=False,
    doc="x right of 0, negative_slope·x left of it. Source: Maas et al., 2013.",
)

prelu_: Elementwise = Elementwise(
    "prelu",
    Notation("PReLU", "PReLU({0}, {1})"),
    forward=lambda xp, x, a: xp.where(xp.greater(x, 0), x, a * x),
    partials=(lambda y, x, a: choose(greater(x, 0), 1.0, a), lambda y, x, a: choose(greater(x, 0), 0.0, x)),
    arguments=("input", "weight"),
    homes="",
    samples=[sample((3, 4), (3, 4), domain="nonzero"), sample((2, 3), (3,), domain="nonzero"), sample((), ())],
    promotion="float",
    analytic=False,
)


@operation(
    "functional minidl Tensor",
    formula="x for x > 0, else w·x",
    derivative="∂y/∂x = 1 for x > 0, else w; ∂y/∂w = 0 for x > 0, else x",
    subgradient="∂y/∂x = a at x = 0",
    samples=[
        sample((2, 3, 4), (3,), domain="nonzero"),
        sample((2, 3), (3,), domain="nonzero"),
        sample((3, 4), (1,), domain="nonzero"),
        sample((5,), (), domain="nonzero"),
        sample((), (1,), domain="nonzero"),
        sample((0, 3), (3,)),
    ],
    errors=[
        refuses((2, 3), (4,), match="3 channels.*4 slopes"),
        refuses((3,), (3,), match="1 channel.*3 slopes"),
        refuses((2, 3), (1, 3), match="one axis"),
    ],
)
def prelu(input: Value, weight: Value) -> Value:
    """A leaky ReLU whose slope left of 0 is learned.

    Args:
        input: `(N, C, …)`, or any shape with a single slope.
        weight: the slopes, `(C,)`, or one for all, `(1,)` or `()`.

    Raises:
        ShapeError: neither one slope nor one a channel.

    Source: He et al., 2015, "Delving deep into rectifiers".

    >>> import minidl
    >>> minidl.prelu(minidl.tensor([[-4.0, -4.0, 1.0]]), minidl.tensor([0.25, 0.5, 0.5]))
    tensor([[-1., -2.,  1.]])
    """
    slopes, shape = shape_of(weight), shape_of(input)
    if len(slopes) > 1:
        raise ShapeError(f"prelu: the weight must be one number or have one axis, one slope a channel; got {slopes}")
    if slopes and slopes[0] != 1:
        channels = shape[1] if len(shape) > 1 else 1
        if slopes[0] != channels:
            plural = "s" if channels != 1 else ""
            raise ShapeError(
                f"prelu: {shape} has {channels} channel{plural} on axis 1, but there are {slopes[0]} slopes"
            )
        weight = reshape_(weight, shape=(slopes[0], *(1,) * (len(shape) - 2)))
    elif slopes:
        weight = reshape_(weight, shape=())
    return prelu_(input, weight)


@operation(
    "functional minidl",
    formula="x for x > 0, else a·x, a drawn from lower … upper",
    derivative="∂y/∂x = 1 for x > 0, else a",
    subgradient="a at x = 0",
    samples=[
        sample((3, 4), domain="nonzero"),
        sample((3, 4), domain="nonzero", lower=0.2, upper=0.4),
        sample((3, 4), domain="nonzero", lower=0.3, upper=0.3, training=True),
    ],
    errors=[refuses((3,), lower=0.5, upper=0.1, error=UsageError, match="lower=0.5.*upper=0.1")],
)
def rrelu(input: Value, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False) -> Value:
    """A leaky ReLU whose slope left of 0 is drawn anew for each element in training, and is the mean in use.

    Args:
        input: any shape.
        lower: the least slope.
        upper: the largest.
        training: whether to draw (from the default generator) rather than take the mean.

    Raises:
        UsageError: `lower` above `upper`.

    Source: Xu et al., 2015, "Empirical evaluation of rectified activations in convolutional network".

    >>> import minidl
    >>> rrelu(minidl.tensor([-1.0, 1.0]), lower=0.25, upper=0.75)
    tensor([-0.5000,  1.0000])
    """
    if not _number(lower, "rrelu", "lower") <= _number(upper, "rrelu", "upper"):
        raise UsageError(f"rrelu: lower={lower} must not exceed upper={upper}")
    if not training:
        return leaky_relu(input, negative_slope=(lower + upper) / 2)
    where = array_of(input) <= 0
    slopes = lower + (upper - lower) * generator_of(where_is(where), "rrelu").uniform(shape_of(input))
    drawn = np.where(where, slopes, 1)
    return prelu_(input, array_of(drawn).astype(getattr(input, "dtype", np.float64)))


# Clipped lines ---------------------------------------------------------------------------------------------------------


def _between(low: float, x: Value, high: float) -> Value:
    """Where a clipped line rises, its corners excluded."""
    return logical_and(above(x, low), above(high, x))


hardtanh_ = Elementwise(
    "hardtanh",
    Notation("hardtanh", "min(max({0}, {min_val}), {max_val})"),
    forward=lambda xp, x, min_val, max_val: xp.astype(xp.clip(x, min_val, max_val), dtype_of(x)),
    partials=(lambda y, x, min_val, max_val: _between(min_val, x, max_val),),
    parameters={"min_val": -1.0, "max_val": 1.0},
    homes="",
    samples=[sample((3, 4)), sample((3, 4), min_val=-0.3, max_val=0.7), sample((0,)), sample(())],
    analytic=False,
)


@operation(
    "functional",
    formula="min(max(x, min_val), max_val)",
    derivative="∂y/∂x = [min_val < x < max_val]",
    subgradient="0 at both corners",
    samples=[sample((3, 4)), sample((3, 4), min_val=-0.3, max_val=0.7), sample((0,)), sample(())],
    errors=[refuses((3,), min_val=1.0, max_val=-1.0, error=UsageError, match="min_val=1.0.*max_val=-1.0")],
)
def hardtanh(input: Value, min_val: float = -1.0, max_val: float = 1.0) -> Value:
    """A straight line with slope 1, clipped at both ends.

    Raises:
        UsageError: `min_val` above `max_val`.

    >>> import minidl
    >>> hardtanh(minidl.tensor([-2.0, 0.5, 2.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if _number(min_val, "hardtanh", "min_val") > _number(max_val, "hardtanh", "max_val"):
        raise UsageError(f"hardtanh: min_val={min_val} must not exceed max_val={max_val}")
    return hardtanh_(input, min_val=min_val, max_val=max_val)


relu6 = Elementwise(
    "relu6",
    Notation("ReLU6", "min(max({0}, 0), 6)"),
    forward=lambda xp, x: xp.clip(x, 0, 6),
    partials=(lambda y, x: _between(0, x, 6),),
    homes="functional",
    formula="min(max(x, 0), 6)",
    derivative="∂y/∂x = [0 < x < 6]",
    samples=[sample((3, 4)), sample(np.array([-2.0, 0.5, 7.0])), sample(())],
    subgradient="0 at x = 0 and x = 6",
    analytic=False,
    doc="ReLU, clipped at 6. Source: Krizhevsky, 2010.",
)

hardsigmoid = Elementwise(
    "hardsigmoid",
    Notation("hardσ", "hardσ({0})"),
    forward=lambda xp, x: xp.clip(x + 3, 0, 6) / 6,
    partials=(lambda y, x: choose(logical_and(greater(x, -3), less(x, 3)), 1 / 6, 0.0, like=x),),
    homes="functional",
    formula="min(max(x/6 + ½, 0), 1)",
    derivative="∂y/∂x = ⅙ for |x| < 3, else 0",
    samples=[sample((3, 4)), sample(np.array([-5.0, 0.5, 4.0])), sample(())],
    promotion="float",
    subgradient="0 at both corners",
    analytic=False,
    tolerance=100,  # PyTorch computes with a sixth in single precision
    doc="min(max(x + 3, 0), 6) / 6: σ made of straight lines.",
)

hardswish = Elementwise(
    "hardswish",
    Notation("hardswish", "hardswish({0})"),
    forward=lambda xp, x: x * xp.clip(x + 3, 0, 6) / 6,
    partials=(lambda y, x: choose(less_equal(x, -3), 0.0, choose(less(x, 3), x / 3 + 0.5, 1.0)),),
    homes="functional",
    formula="x·min(max(x + 3, 0), 6)/6",
    derivative="∂y/∂x = 0 for x ≤ −3, x/3 + ½ for x < 3, else 1",
    samples=[sample((3, 4)), sample(np.array([-5.0, 0.5, 4.0])), sample(())],
    promotion="float",
    subgradient="0 at x = −3, 1 at x = 3",
    analytic=False,
    doc="x·hardsigmoid(x). Source: Howard et al., 2019, “Searching for MobileNetV3”.",
)

# Thresholds ------------------------------------------------------------------------------------------------------------

threshold = Elementwise(
    "threshold",
    Notation("threshold", "threshold({0})"),
    forward=lambda xp, x, threshold, value: xp.astype(xp.where(xp.less_equal(x, threshold), value, x), dtype_of(x)),
    partials=(lambda y, x, threshold, value: above(x, threshold),),
    parameters={"threshold": 0.0, "value": 0.0},
    homes="functional minidl",
    formula="x for x > threshold, else value",
    derivative="∂y/∂x = [x > threshold]",
    samples=[sample((3, 4), domain="nonzero", threshold=0.1, value=20.0), sample((3, 4), threshold=-0.5, value=-1.0)],
    subgradient="0 at the threshold",
    analytic=False,
    doc="x above the threshold, `value` elsewhere.",
)

hardshrink = Elementwise(
    "hardshrink",
    Notation("hardshrink", "hardshrink({0})"),
    forward=lambda xp, x, lambd: xp.where(xp.less_equal(xp.abs(x), lambd), xp.zeros((), x.dtype), x),
    partials=(lambda y, x, lambd: above(abs_(x), lambd),),
    parameters={"lambd": 0.5},
    homes="functional minidl Tensor",
    formula="x for |x| > λ, else 0",
    derivative="∂y/∂x = [|x| > λ]",
    samples=[sample((3, 4)), sample((3, 4), lambd=1.0), sample(np.array([-2.0, 0.25, 0.75])), sample(())],
    promotion="float",
    subgradient="0 at x = ±λ",
    analytic=False,
    torch="nn.functional.hardshrink",
    doc="x, but 0 for |x| ≤ lambd.",
)

softshrink_ = Elementwise(
    "softshrink",
    Notation("softshrink", "softshrink({0})"),
    forward=lambda xp, x, lambd: x - xp.clip(x, -lambd, lambd),
    partials=(lambda y, x, lambd: above(abs_(x), lambd),),
    parameters={"lambd": 0.5},
    homes="",
    samples=[sample((3, 4)), sample((3, 4), lambd=1.0), sample(())],
    promotion="float",
    analytic=False,
)


@operation(
    "functional",
    formula="0 for |x| ≤ λ, else x − λ·sign(x)",
    derivative="∂y/∂x = [|x| > λ]",
    subgradient="0 at x = ±λ",
    samples=[sample((3, 4)), sample((3, 4), lambd=1.0), sample(np.array([-2.0, 0.25, 0.75])), sample((0,))],
    errors=[refuses((3,), lambd=-1.0, error=UsageError, match="lambd must not be negative")],
)
def softshrink(input: Value, lambd: float = 0.5) -> Value:
    """x moved towards 0 by `lambd`, and 0 where that would pass 0: the proximal step of the L1 norm.

    Raises:
        UsageError: a negative `lambd`.

    >>> import minidl
    >>> softshrink(minidl.tensor([-2.0, 0.25, 2.0]))
    tensor([-1.5000,  0.0000,  1.5000])
    """
    if not _number(lambd, "softshrink", "lambd") >= 0:
        raise UsageError(f"softshrink: lambd must not be negative, got {lambd}")
    return softshrink_(input, lambd=lambd)
