"""Arithmetic: + − · / and powers."""

from __future__ import annotations

from ..graph import Notation
from ..kernels.dtypes import get_default_dtype
from .comparison import equal, greater, less
from .kinds import Elementwise, Value, sample
from .shape import cast

_PAIRS = (sample((3, 4), (3, 4)), sample((3, 1), (4,)), sample((), (2, 3)), sample((), ()), sample((0, 3), (3,)))

add = Elementwise(
    "add",
    Notation("+", "{0} + {1}", 1, (1, 1)),
    forward=lambda xp, x, y: xp.add(x, y),
    partials=(1, 1),
    samples=_PAIRS,
)

sub = Elementwise(
    "sub",
    Notation("−", "{0} − {1}", 1, (1, 2)),
    forward=lambda xp, x, y: xp.subtract(x, y),
    partials=(1, -1),
    samples=_PAIRS,
)

mul = Elementwise(
    "mul",
    Notation("×", "{0}·{1}", 2, (2, 2)),
    forward=lambda xp, x, y: xp.multiply(x, y),
    partials=(lambda z, x, y: y, lambda z, x, y: x),
    samples=_PAIRS,
)

div: Elementwise = Elementwise(
    "div",
    Notation("÷", "{0}/{1}", 2, (2, 3)),
    forward=lambda xp, x, y: xp.divide(x, y),
    partials=(lambda z, x, y: div(1, y), lambda z, x, y: -z / y),
    samples=[sample(*s.shapes, domain="nonzero") for s in _PAIRS],
    promotion="float",
)

neg = Elementwise(
    "neg",
    Notation("−", "−{0}", 1, (2,)),
    forward=lambda xp, x: xp.negative(x),
    partials=(-1,),
    samples=[sample((3, 4)), sample(())],
)

clone = Elementwise(
    "clone",
    Notation("copy", "{0}"),
    forward=lambda xp, x: xp.multiply(x, 1),
    partials=(1,),
    samples=[sample((3, 4)), sample(())],
)

square = Elementwise(
    "square",
    Notation("( )²", "{0}²", 3, (4,)),
    forward=lambda xp, x: xp.multiply(x, x),
    partials=(lambda y, x: 2 * x,),
    samples=[sample((3, 4)), sample(())],
)

pow_by_number: Elementwise = Elementwise(
    "pow_by_number",
    Notation("pow", "{0}^{exponent}", 3, (4,)),
    forward=lambda xp, x, exponent: xp.pow(x, exponent),
    partials=(lambda y, x, exponent: exponent * pow(x, exponent - 1) if exponent != 0 else 0.0,),
    samples=[
        sample((3, 4), exponent=3),
        sample((3, 4), exponent=2.5, domain="positive"),
        sample((2, 3), exponent=-1, domain="nonzero"),
        sample((3,), exponent=0),
        sample((), exponent=1),
    ],
)
"""A power with a fixed number above: d xⁿ/dx = n·xⁿ⁻¹, and 0 for n = 0 also at x = 0."""

pow_: Elementwise = Elementwise(
    "pow",
    Notation("pow", "{0}^{1}", 3, (4, 4)),
    forward=lambda xp, x, y: xp.pow(x, y),
    partials=(lambda z, x, y: mul_or_zero(y, pow_(x, y - 1)), lambda z, x, y: z * log_or_zero(x)),
    samples=[sample((3, 4), (3, 4), domain="positive"), sample((3, 1), (4,), domain="positive")],
)
"""A power in which both vary: ∂xʸ/∂x = y·xʸ⁻¹, ∂xʸ/∂y = xʸ·ln x (taken as 0 at x = 0)."""

mul_or_zero: Elementwise = Elementwise(
    "mul_or_zero",
    Notation("×", "{0}·{1}", 2, (2, 2)),
    forward=lambda xp, x, y: xp.where(xp.equal(x, 0), xp.multiply(x, 0), xp.multiply(x, y)),
    partials=(lambda z, x, y: y, lambda z, x, y: x),
    samples=_PAIRS,
)
"""A product in which a first factor of 0 wins over anything, infinity included."""

log_or_zero: Elementwise = Elementwise(
    "log_or_zero",
    Notation("ln", "ln {0}"),
    forward=lambda xp, x: xp.where(xp.equal(x, 0), xp.multiply(x, 0), xp.log(xp.where(xp.equal(x, 0), 1, x))),
    partials=(lambda y, x: 1 / x,),
    samples=[sample((3, 4), domain="positive")],
    promotion="float",
)

abs_ = Elementwise(
    "abs",
    Notation("|·|", "|{0}|"),
    forward=lambda xp, x: xp.abs(x),
    partials=(lambda y, x: sign(x),),
    samples=[sample((3, 4), domain="nonzero"), sample((), domain="nonzero")],
)
"""|x|; its derivative at 0 is taken as 0, as in PyTorch."""

sign: Elementwise = Elementwise(
    "sign",
    Notation("sign", "sign({0})"),
    forward=lambda xp, x: xp.sign(x),
    partials=(0.0,),
    samples=[sample((3, 4), domain="nonzero")],
)

maximum = Elementwise(
    "maximum",
    Notation("max", "max({0}, {1})"),
    forward=lambda xp, x, y: xp.maximum(x, y),
    partials=(lambda z, x, y: greater(x, y) + 0.5 * equal(x, y), lambda z, x, y: less(x, y) + 0.5 * equal(x, y)),
    samples=[sample((3, 4), (3, 4), domain="distinct"), sample((3, 1), (4,), domain="real")],
)
"""The larger of two; where they tie each gets half of the gradient, as in PyTorch."""

minimum = Elementwise(
    "minimum",
    Notation("min", "min({0}, {1})"),
    forward=lambda xp, x, y: xp.minimum(x, y),
    partials=(lambda z, x, y: less(x, y) + 0.5 * equal(x, y), lambda z, x, y: greater(x, y) + 0.5 * equal(x, y)),
    samples=[sample((3, 4), (3, 4), domain="distinct"), sample((3, 1), (4,), domain="real")],
)


def pow(input: Value, exponent: Value) -> Value:
    """Raise `input` to `exponent`, a plain number or a tensor.

    >>> import minidl
    >>> minidl.pow(minidl.tensor([1.0, 2.0, 3.0]), 2)
    tensor([1., 4., 9.])
    """
    if isinstance(exponent, int | float) and not hasattr(exponent, "dtype"):
        whole = getattr(input, "dtype", None)
        if isinstance(exponent, float) and whole is not None and whole.kind in "bui":
            input = cast(input, get_default_dtype())
        return square(input) if exponent == 2 else pow_by_number(input, exponent=exponent)
    return pow_(input, exponent)
