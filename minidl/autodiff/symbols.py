"""Symbols: fed to a derivative rule in place of numbers, they make it print itself.

The ∂z/∂x = 1 − z² in a figure and the rule that computes it are therefore one and the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..graph import Node, Primitive
from ..primitives import Elementwise, Sample
from ..primitives.elementwise import arithmetic, comparison
from ..primitives.matrices import linalg
from ..primitives.reductions.reduction import squared_norm
from ..primitives.shapes import shape

_SUPERSCRIPTS = str.maketrans("0123456789-−.", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻·")
_MOST_LISTED = 4
_SUM, _PRODUCT, _POWER, _ATOM = 1, 2, 3, 9
_THIN_SPACE = "\u2009"
_ONE_LETTER = re.compile(r"[^\W\d_](?![^\W\d_₀-₉]|[₀-₉]*\()")
"""A name of one letter, before which a number needs no dot: 2x, but 2·cos(x)."""

_CONSTANTS = {
    math.pi: "π",
    math.log(2): "ln 2",
    math.log(10): "ln 10",
    math.sqrt(2): "√2",
    math.sqrt(2 * math.pi): "√(2π)",
    math.sqrt(2 / math.pi): "√(2/π)",
    2 / math.sqrt(math.pi): "(2/√π)",
    1 / 3: "⅓",
    1 / 6: "⅙",
}
"""Numbers that a textbook writes otherwise than in digits."""


class Symbol:
    """An expression under construction.

    Attributes:
        text: what it reads so far.
        level: how tightly its last operator binds: 1 a sum, 2 a product, 3 a power, 9 something closed.
        ndim: the number of axes of what it stands for, on which the sign of a product depends.
        value: numbers that it might stand for, so that a rule that asks for shapes gets an answer; or None.
    """

    __slots__ = ("level", "ndim", "text", "value")
    __hash__ = object.__hash__

    def __init__(self, text: str, level: int = _ATOM, ndim: int = 0, value: Any = None) -> None:
        self.text = text
        self.level = level
        self.value = value
        self.ndim = ndim if value is None else np.ndim(value)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what it stands for, where that is known; else one that has its axes."""
        return np.shape(self.value) if self.value is not None else (1,) * self.ndim

    @property
    def dtype(self) -> Any:
        """The dtype of what it stands for."""
        return np.asarray(self.value).dtype if self.value is not None else np.dtype(np.float64)

    def inside(self, level: int) -> str:
        """The text, in parentheses if it binds more loosely than `level`."""
        return self.text if self.level >= level else f"({self.text})"

    def __repr__(self) -> str:
        return self.text

    def __add__(self, other: Any) -> Symbol:
        other = lift(other)
        if other.text == "0" or self.text == "0":
            return other if self.text == "0" else self
        if other.text.startswith("−") and other.level <= _PRODUCT:
            return Symbol(f"{self.inside(_SUM)} − {other.text[1:]}", _SUM, value=_both(np.add, self, other))
        return Symbol(f"{self.inside(_SUM)} + {other.inside(_SUM)}", _SUM, value=_both(np.add, self, other))

    def __radd__(self, other: Any) -> Symbol:
        return lift(other) + self

    def __sub__(self, other: Any) -> Symbol:
        other = lift(other)
        if other.text == "0":
            return self
        return Symbol(f"{self.inside(_SUM)} − {other.inside(_PRODUCT)}", _SUM, value=_both(np.subtract, self, other))

    def __rsub__(self, other: Any) -> Symbol:
        return lift(other) - self

    def __mul__(self, other: Any) -> Symbol:
        other = lift(other)
        value = _both(np.multiply, self, other)
        if "1" in (self.text, other.text):
            factor = other if self.text == "1" else self
            return Symbol(factor.text, factor.level, value=value)
        if self.text == other.text:
            return Symbol(f"{self.inside(_ATOM)}²", _POWER, value=value)
        number = self.text.lstrip("−").replace(".", "").isdigit()
        dot = "" if number and _ONE_LETTER.match(other.text) else "·"
        negative = self.text[0] == "−" and not re.search(" [+−] ", self.text)
        left = self.text if number or negative else self.inside(_PRODUCT)
        level = _SUM if left[0] == "−" else _PRODUCT
        return Symbol(f"{left}{dot}{other.inside(_PRODUCT)}", level, value=value)

    def __rmul__(self, other: Any) -> Symbol:
        return lift(other) * self

    def __truediv__(self, other: Any) -> Symbol:
        other = lift(other)
        return Symbol(f"{self.inside(_PRODUCT)}/{other.inside(_POWER)}", _PRODUCT, value=_both(np.divide, self, other))

    def __rtruediv__(self, other: Any) -> Symbol:
        return lift(other) / self

    def __neg__(self) -> Symbol:
        value = None if self.value is None else np.negative(self.value)
        return Symbol(f"−{self.inside(_PRODUCT)}", _PRODUCT, value=value)

    def __pow__(self, exponent: Any) -> Symbol:
        return arithmetic.pow(self, exponent)

    def __rpow__(self, base: Any) -> Symbol:
        return arithmetic.pow_(lift(base), self)

    def __abs__(self) -> Symbol:
        return arithmetic.abs_(self)

    def __matmul__(self, other: Any) -> Symbol:
        return linalg.matmul_(self, other)

    def __rmatmul__(self, other: Any) -> Symbol:
        return linalg.matmul_(lift(other), self)

    @property
    def mT(self) -> Symbol:  # noqa: N802
        """The transpose of the last two axes."""
        return shape.transpose(self, -2, -1)

    def __getitem__(self, index: Any) -> Symbol:
        return shape.getitem(self, index)

    def __gt__(self, other: Any) -> Symbol:
        return comparison.greater(self, other)

    def __ge__(self, other: Any) -> Symbol:
        return comparison.greater_equal(self, other)

    def __lt__(self, other: Any) -> Symbol:
        return comparison.less(self, other)

    def __le__(self, other: Any) -> Symbol:
        return comparison.less_equal(self, other)

    def __primitive__(self, primitive: Primitive, inputs: Sequence[Any], params: Mapping[str, Any]) -> Symbol:
        """Write the operation as its notation says."""
        symbols = [lift(x) for x in inputs]
        out = expression(primitive, symbols, params)
        if all(s.value is not None for s in symbols):
            out.value = primitive.compute([s.value for s in symbols], dict(params))[0]
            out.ndim = out.value.ndim
        return out


def _both(function: Any, a: Symbol, b: Symbol) -> Any:
    """The value of two symbols together, where both have one."""
    return None if a.value is None or b.value is None else function(a.value, b.value)


def lift(value: Any) -> Symbol:
    """Make a number a symbol; a symbol stays."""
    if isinstance(value, Symbol):
        return value
    array = np.asarray(value)
    if array.size != 1:
        return Symbol("array", value=array)
    number = array.item()
    if number in _CONSTANTS or -number in _CONSTANTS:
        return Symbol(
            f"−{_CONSTANTS[-number]}" if number < 0 else _CONSTANTS[number], _SUM if number < 0 else _ATOM, value=array
        )
    return Symbol(written(number), _SUM if number < 0 else _ATOM, value=array)


def expression(primitive: Primitive, inputs: Sequence[Symbol], params: Mapping[str, Any]) -> Symbol:
    """Write `primitive` applied to `inputs` as a textbook does.

    >>> from minidl.primitives import registry
    >>> expression(registry["tanh"], [Symbol("x")], {})
    tanh(x)
    """
    notation = primitive.notation
    if primitive.name == "pow_by_number":
        exponent = f"{params['exponent']:g}".translate(_SUPERSCRIPTS)
        return inputs[0] if exponent == "¹" else Symbol(f"{inputs[0].inside(4)}{exponent}", notation.level)
    arguments = [x.inside(notation.argument_level(i)) for i, x in enumerate(inputs)]
    shown = {name: value for name, value in params.items() if isinstance(value, int | float | str | Symbol)}
    written = _product(primitive, inputs) or template(primitive, len(inputs))
    return Symbol(written.format(*arguments, **{**dict.fromkeys(params, "…"), **shown}), notation.level)


def template(primitive: Primitive, count: int) -> str:
    """Return the notation of an operation with a place for each of its `count` inputs, or of many for the first and last.

    >>> from minidl.primitives import registry
    >>> template(registry["cat"], 2), template(registry["cat"], 9)
    ('cat({0}, {1})', 'cat({0}, …, {8})')
    """
    places = [f"{{{i}}}" for i in range(count)]
    listed = places if count <= _MOST_LISTED else [places[0], "…", places[-1]]
    return primitive.notation.formula.replace("{0}, …", ", ".join(listed))


def _product(primitive: Primitive, inputs: Sequence[Symbol]) -> str | None:
    """Return how a product of arrays is written, where that is not its usual way."""
    if primitive.name == "mul" and all(x.ndim > 0 for x in inputs):
        return "{0} ⊙ {1}"
    if primitive.name == "matmul":
        first, second = (x.text.rstrip("ᵀ₀₁₂₃₄₅₆₇₈₉") for x in inputs)
        if inputs[0].ndim == inputs[1].ndim == 1 and not inputs[0].text.endswith("ᵀ"):
            return "{0}·{1}"
        if len(first) > 1 or len(second) > 1:
            return f"{{0}}{_THIN_SPACE}{{1}}"
    return None


def local_derivatives(
    primitive: Primitive, names: Sequence[str] = ("x", "y", "w"), out: str = "z", **params: Any
) -> list[str]:
    """Print ∂out/∂name for each argument, from the derivative rule itself; nothing for rules that are not elementwise.

    >>> from minidl.primitives import registry
    >>> local_derivatives(registry["tanh"])
    ['∂z/∂x = 1 − z²']
    >>> local_derivatives(registry["mul"], names=("q", "z"), out="f")
    ['∂f/∂q = z', '∂f/∂z = q']
    """
    if primitive is squared_norm:
        return [f"∂{out}/∂{names[0]} = 2{names[0]}"]
    if not isinstance(primitive, Elementwise):
        return []
    inputs = [Symbol(name) for name in names[: len(primitive.partials)]]
    return [
        f"∂{out}/∂{name} = {lift(primitive.partial(i, Symbol(out), inputs, params))}"
        for i, name in enumerate(map(str, inputs))
    ]


def pullbacks(
    primitive: Primitive, sample: Sample, names: Sequence[str] = ("x", "y", "w"), out: str = "z"
) -> list[str]:
    """Print what each input is sent when `g` is the gradient that arrives at the output, from the rule itself.

    Args:
        primitive: one with a derivative.
        sample: inputs, on whose shapes the rule may depend.
        names: what the inputs are called.
        out: what the output is called.

    >>> from minidl.primitives import registry
    >>> softmax = registry["softmax"]
    >>> pullbacks(softmax, softmax.samples[0], out="y")
    ['∂L/∂x = y·(g − Σ g·y)']
    """
    arrays = sample.arrays(np.random.default_rng(0))
    params = dict(sample.params)
    result, saved = primitive.compute(arrays, params)
    inputs = [Symbol(name, value=array) for name, array in zip(names, arrays, strict=False)]
    upstream = Symbol("g", value=np.ones_like(result))
    sent = primitive.vjp(upstream, Symbol(out, value=result), inputs, saved, params, [True] * len(inputs))
    return [f"∂L/∂{x} = {lift(c)}" for x, c in zip(inputs, sent, strict=True) if c is not None]


def formula(node: Node, names: Mapping[Node, str]) -> str:
    """Write how a node was computed, by the names of its inputs: `q·z`."""
    if node.primitive is None:
        return names.get(node, "?")
    inputs = [Symbol(names.get(x, "?"), ndim=x.ndim) if isinstance(x, Node) else _constant(x) for x in node.inputs]
    return expression(node.primitive, inputs, node.params).text


def _constant(value: Any) -> Symbol:
    shape = getattr(value, "shape", ())
    return Symbol("array", ndim=len(shape)) if shape else lift(float(value))


def written(value: float, digits: int = 6) -> str:
    """Write a number with a true minus sign, and powers of ten as such; integers of five digits in full.

    >>> written(-2.5e-7), written(1e20), written(12345.0, digits=4), written(float("-inf")), written(-0.0)
    ('−2.5×10⁻⁷', '10²⁰', '12345', '−∞', '0')
    """
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if float(value).is_integer() and abs(value) < 10**5:
        return f"{int(value)}".replace("-", "−")
    mantissa, _, exponent = f"{value:.{digits}g}".replace("-", "−").partition("e")
    if not exponent:
        return mantissa
    front = {"1": "", "−1": "−"}.get(mantissa, f"{mantissa}×")
    return f"{front}10{str(int(exponent.replace('−', '-'))).translate(_SUPERSCRIPTS)}"
