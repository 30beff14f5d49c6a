"""Symbols: fed to a derivative rule in place of numbers, they make it print itself.

The ∂z/∂x = 1 − z² in a figure and the rule that computes it are therefore one and the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..graph import Node, Primitive
from ..primitives import Elementwise
from ..primitives.reduction import squared_norm

_SUPERSCRIPTS = str.maketrans("0123456789-−.", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻·")
_SUM, _PRODUCT, _POWER, _ATOM = 1, 2, 3, 9
_THIN_SPACE = "\u2009"


class Symbol:
    """An expression under construction.

    Attributes:
        text: what it reads so far.
        level: how tightly its last operator binds: 1 a sum, 2 a product, 3 a power, 9 something closed.
        ndim: the number of axes of what it stands for, on which the sign of a product depends.
    """

    __slots__ = ("level", "ndim", "text")

    def __init__(self, text: str, level: int = _ATOM, ndim: int = 0) -> None:
        self.text = text
        self.level = level
        self.ndim = ndim

    def inside(self, level: int) -> str:
        """The text, in parentheses if it binds more loosely than `level`."""
        return self.text if self.level >= level else f"({self.text})"

    def __repr__(self) -> str:
        return self.text

    def __add__(self, other: Any) -> Symbol:
        other = lift(other)
        if other.text == "0":
            return self
        return Symbol(f"{self.inside(_SUM)} + {other.inside(_SUM)}", _SUM)

    def __radd__(self, other: Any) -> Symbol:
        return lift(other) + self

    def __sub__(self, other: Any) -> Symbol:
        return Symbol(f"{self.inside(_SUM)} − {lift(other).inside(_PRODUCT)}", _SUM)

    def __rsub__(self, other: Any) -> Symbol:
        return lift(other) - self

    def __mul__(self, other: Any) -> Symbol:
        other = lift(other)
        if self.text == other.text:
            return Symbol(f"{self.inside(_ATOM)}²", _POWER)
        number = self.text.lstrip("−").replace(".", "").isdigit()
        dot = "" if number and other.text[0].isalpha() else "·"
        left = self.text if number else self.inside(_PRODUCT)
        return Symbol(f"{left}{dot}{other.inside(_PRODUCT)}", _SUM if left[0] == "−" else _PRODUCT)

    def __rmul__(self, other: Any) -> Symbol:
        return lift(other) * self

    def __truediv__(self, other: Any) -> Symbol:
        return Symbol(f"{self.inside(_PRODUCT)}/{lift(other).inside(_POWER)}", _PRODUCT)

    def __rtruediv__(self, other: Any) -> Symbol:
        return lift(other) / self

    def __neg__(self) -> Symbol:
        return Symbol(f"−{self.inside(_PRODUCT)}", _PRODUCT)

    def __primitive__(self, primitive: Primitive, inputs: Sequence[Any], params: Mapping[str, Any]) -> Symbol:
        """Write the operation as its notation says."""
        return expression(primitive, [lift(x) for x in inputs], params)


def lift(value: Any) -> Symbol:
    """Make a number a symbol; a symbol stays."""
    return value if isinstance(value, Symbol) else Symbol(written(value), _SUM if value < 0 else _ATOM)


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
    shown = {name: value for name, value in params.items() if isinstance(value, int | float | str)}
    written = _product(primitive, inputs) or notation.formula
    return Symbol(written.format(*arguments, **{**dict.fromkeys(params, "…"), **shown}), notation.level)


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
    primitive: Primitive, names: Sequence[str] = ("x", "y"), out: str = "z", **params: Any
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
    """Write a number with a true minus sign, and powers of ten as such.

    >>> written(-2.5e-7)
    '−2.5×10⁻⁷'
    """
    mantissa, _, exponent = f"{value:.{digits}g}".replace("-", "−").partition("e")
    return f"{mantissa}×10{str(int(exponent.replace('−', '-'))).translate(_SUPERSCRIPTS)}" if exponent else mantissa
