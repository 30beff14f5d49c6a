"""Writing: an expression as one line of text, with parentheses only where they are needed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

import numpy as np

from minidl.autodiff.symbols import template

from ..drawing.notation import array_text, number, shape_text
from .expression import (
    Axes,
    Back,
    Call,
    Chain,
    Constant,
    Expand,
    Expression,
    Name,
    Number,
    Partial,
    Power,
    Product,
    Sum,
    Total,
    Transpose,
    Unsimplified,
    as_fraction,
    constant_key,
)

LARGEST: Final = 16
"""The most elements of an array that is written in numbers; one of more than two axes never is."""

SUM, TOTAL, PRODUCT, POWER, ATOM = 1, 2, 3, 4, 9
"""How tightly the last sign of a formula binds."""

_NOTATION: Final = {0: SUM, 1: SUM, 2: PRODUCT, 3: POWER, 4: ATOM, 9: ATOM}
"""The levels of a primitive's notation, as they are called here."""

_NEGATIVE: Final = re.compile(r"^\((−[^()]*)\)$")
_VULGAR: Final = {
    Fraction(1, 2): "½", Fraction(1, 3): "⅓", Fraction(1, 4): "¼", Fraction(1, 5): "⅕", Fraction(1, 6): "⅙",
    Fraction(1, 8): "⅛", Fraction(2, 3): "⅔", Fraction(3, 4): "¾", Fraction(1, 10): "⅒",
}  # fmt: skip
_RAISED: Final = str.maketrans("0123456789-−./", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻·ᐟ")

_CLOSE: Final = re.compile(r"^(?:[^\W\d_]|𝟏|\(.*\)|\[.*\])[₀-₉]*ᵀ?$")
"""What may stand beside another factor without a space: a letter, or what has parentheses or brackets around it."""

_EXPONENTS: Final = frozenset("⁰¹²³⁴⁵⁶⁷⁸⁹")

Written = tuple[str, int]
"""A formula and how tightly its last sign binds."""


class Writer:
    """Writes expressions for the terminal.

    Args:
        constants: names for the arrays that have none in the graph.
        numbers: whether to write values in the place of names.
    """

    minus = "−"
    plus = " + "
    less = " − "
    dot = "·"
    circled = " ⊙ "
    chain_dot = " · "
    ones = "𝟏"
    tall_fractions = False
    """Whether a fraction is a numerator above a denominator, which needs no parentheses around either."""

    def __init__(self, constants: Mapping[Any, str] | None = None, numbers: bool = False) -> None:
        self.constants = dict(constants or {})
        self.numbers = numbers

    def __call__(self, x: Expression) -> str:
        """Write an expression."""
        return self.write(x)[0]

    def inside(self, x: Expression, level: int) -> str:
        """Write an expression, in parentheses if it binds more loosely than `level`."""
        text, own = self.write(x)
        return text if own >= level else self.parentheses(text)

    def write(self, x: Expression) -> Written:
        """Write an expression and tell how tightly it binds."""
        match x:
            case Name():
                return (self.array(x.value), ATOM) if self.numbers else (self.name(x.text, x.ndim), ATOM)
            case Partial():
                return (self.array(x.value), ATOM) if self.numbers else self.partial(x)
            case Constant():
                shown = None if self.numbers else self.constants.get(x.key)
                # A row for one example is as a vector: that it is a row within a batch of one says nothing.
                value = x.value[0] if x.ndim == 2 and len(x.value) == 1 else x.value
                return (self.name(shown, value.ndim) if shown else self.array(value)), ATOM
            case Number():
                return self.fraction(x.number)
            case Sum():
                return self._sum(x.terms), SUM
            case Product():
                return self._product(x.number, x.factors)
            case Power():
                if x.exponent < 0:
                    return self._product(Fraction(1), (x,))
                return self.raised(self.inside(x.base, ATOM), number(float(x.exponent))), POWER
            case Transpose():
                return self.transposed(self.inside(x.inner, ATOM)), POWER
            case Chain():
                return self._juxtaposed([self.inside(f, POWER) for f in x.factors]), PRODUCT
            case Total():
                return self.total(self.inside(x.inner, PRODUCT), self._over(x)), TOTAL
            case Expand():
                return self._expand(x)
            case Axes():
                return self.write(x.inner)
            case Call():
                return self._call(x)
            case Back():
                name = self.word(x.primitive.name)
                return f"{self.transposed(name)}({', '.join(map(self, x.arguments))})", ATOM
            case Unsimplified():
                return self.plus.join(self._pair(*term) for term in x.terms), SUM if len(x.terms) > 1 else PRODUCT
        raise TypeError(f"cannot write a {type(x).__name__}")

    # Numbers and names ----------------------------------------------------------------------------------------------------

    def name(self, text: str, ndim: int) -> str:
        """Write a name."""
        return text

    def word(self, text: str) -> str:
        """Write an operation's name."""
        return text

    def sign(self, text: str) -> str:
        """Write a sign that an operation is told to use."""
        return text

    def partial(self, x: Partial) -> Written:
        """Write ∂of/∂by."""
        return f"∂{x.of.text}/∂{x.by.text}", PRODUCT

    def array(self, value: Any) -> str:
        """Write a number or an array in numbers."""
        text = array_text(value, LARGEST) if np.ndim(value) <= 2 else f"{shape_text(np.shape(value))} array"
        return self.parentheses(text) if self.numbers and text.startswith("−") else text

    def fraction(self, value: Fraction | float) -> Written:
        """Write a number."""
        if isinstance(value, float) or value.denominator == 1 or _has_short_decimals(value):
            return number(float(value)), SUM if value < 0 else ATOM
        sign = self.minus if value < 0 else ""
        return f"{sign}{self.ratio(str(abs(value.numerator)), str(value.denominator))}", SUM if value < 0 else PRODUCT

    def ratio(self, above: str, below: str) -> str:
        """Write a fraction of what is written already."""
        return f"{above}/{below}"

    # Signs ----------------------------------------------------------------------------------------------------------------

    def parentheses(self, text: str) -> str:
        """Put text in parentheses."""
        return f"({text})"

    def raised(self, base: str, exponent: str) -> str:
        """Write a power."""
        base = self.parentheses(base) if base[-1] in _EXPONENTS else base
        return base + exponent.translate(_RAISED)

    def transposed(self, text: str) -> str:
        """Write a transpose."""
        return f"{text}ᵀ"

    def total(self, text: str, over: str) -> str:
        """Write a sum over axes."""
        return f"Σ_{over} {text}" if over else f"Σ {text}"

    def _over(self, x: Total) -> str:
        """What a sum runs over, in a word; nothing where that is everything, or the last axis that is there."""
        if len(x.axes) == x.inner.ndim:
            return ""
        if x.inner.ndim == 2:
            return "rows" if x.axes == (0,) else "columns"
        return "axis " + ",".join(str(i + 1) for i in x.axes)

    def _sum(self, terms: Sequence[Expression]) -> str:
        text = ""
        for term in terms:
            written = self.inside(term, SUM)
            if text and written.startswith(self.minus):
                text += self.less + written[len(self.minus) :]
            else:
                text += self.plus * bool(text) + written
        return text

    def _product(self, coefficient: Fraction | float, factors: Sequence[Expression]) -> Written:
        if coefficient == 0:
            return "0", ATOM
        sign = self.minus if coefficient < 0 else ""
        size: Fraction | float = -coefficient if coefficient < 0 else coefficient
        above = [f for f in factors if not (isinstance(f, Power) and f.exponent < 0)]
        below = [_inverted(f) for f in factors if isinstance(f, Power) and f.exponent < 0]
        top: Fraction | float = Fraction(size.numerator) if isinstance(size, Fraction) else size
        bottom = size.denominator if isinstance(size, Fraction) else 1
        front = ""
        if bottom != 1 and isinstance(size, Fraction):
            matrices = self.numbers and self.tall_fractions and any(f.ndim for f in above)
            if (matrices or any(isinstance(f, Total) for f in above)) and not below:
                front, top, bottom = self.front(size), Fraction(1), 1
            elif _has_short_decimals(size):
                top, bottom = float(size), 1
        numerator, level = self._factors(top, above)
        if level < TOTAL and (front or (sign and not below and bottom == 1)):
            numerator = self.parentheses(numerator)
        if front:
            numerator = self._juxtaposed([front, numerator], spaced=True)
        if not below and bottom == 1:
            return sign + numerator, SUM if sign else min(level, PRODUCT) if front else level
        denominator, tight = self._factors(Fraction(bottom), below)
        if not self.tall_fractions:
            arrays = any(f.ndim for f in below) or level < PRODUCT
            if arrays and (level < PRODUCT or sum(f.ndim > 0 for f in above) > 1):
                numerator = self.parentheses(numerator)
            if tight <= PRODUCT:
                denominator = self.parentheses(denominator)
        return sign + self.ratio(numerator, denominator), SUM if sign else PRODUCT

    def front(self, size: Fraction) -> str:
        """Write a fraction that stands before a sum over axes."""
        return _VULGAR.get(size) or self.parentheses(self.ratio(str(size.numerator), str(size.denominator)))

    def _factors(self, size: Fraction | float, factors: Sequence[Expression]) -> Written:
        """Write a positive number times factors, none of them below a line."""
        if not factors:
            return self.fraction(size)
        scalars = [f for f in factors if f.ndim == 0]
        arrays = [f for f in factors if f.ndim > 0]
        written, level = self._part(scalars, self.dot, alone=not arrays and size == 1)
        if arrays:
            more, level_of_arrays = self._part(arrays, self.circled, alone=not scalars and size == 1)
            written, level = (f"{written}{self.dot}{more}", PRODUCT) if scalars else (more, level_of_arrays)
        if size == 1:
            return written, level
        times = self.fraction(size)[0]
        return self._before(times, written, (scalars + arrays)[0]), PRODUCT

    def _part(self, factors: Sequence[Expression], sign: str, alone: bool) -> Written:
        if len(factors) == 1 and alone:
            return self.write(factors[0])
        if len(factors) == 1:
            only = factors[0]
            level = POWER if isinstance(only, Partial | Call) else PRODUCT
            return self.inside(only, TOTAL if isinstance(only, Total) and sign == self.circled else level), PRODUCT
        return sign.join(self.inside(f, self._tightness(f, sign)) for f in factors), PRODUCT

    def _tightness(self, factor: Expression, sign: str) -> int:
        """How tight a factor must be: a product of matrices, or a partial derivative, is set apart beside ⊙."""
        apart = isinstance(factor, Partial | Call) or (sign == self.circled and isinstance(factor, Chain))
        return POWER if apart else PRODUCT

    def _before(self, size: str, text: str, first: Expression) -> str:
        """Write a number before what it multiplies: 2x, 2(x − t), 2·cos(x)."""
        if isinstance(first, Total):
            return f"{size} {text}"
        while isinstance(first, Chain | Transpose | Power | Axes):
            first = first.parts[0]
        tight = not self.numbers and size[-1].isnumeric() and (text[0] in "(‖" or self._is_letter(first))
        return f"{size}{text}" if tight else f"{size}{self.dot}{text}"

    def _is_letter(self, x: Expression) -> bool:
        """Whether it is written as a letter, beside which nothing is needed."""
        return (
            _CLOSE.search(x.text) is not None
            if isinstance(x, Name)
            else isinstance(x, Expand) and isinstance(x.inner, Number)
        )

    def _juxtaposed(self, parts: Sequence[str], spaced: bool = False) -> str:
        """Write factors side by side; a space stands between where two words would run into one."""
        if self.numbers:
            return self.dot.join(parts)
        text = parts[0]
        for before, part in pairwise(parts):
            together = not spaced and _CLOSE.search(before) and _CLOSE.search(part)
            text += part if together else f" {part}"
        return text

    def _pair(self, upstream: Expression, local: Expression) -> str:
        sign = self.chain_dot
        if not isinstance(upstream, Partial) and (upstream.ndim or local.ndim):
            sign = self.circled
        apart = PRODUCT if sign == self.chain_dot else POWER
        return sign.join(self.inside(x, apart if _holds_chain(x) else PRODUCT) for x in (upstream, local))

    # Others ---------------------------------------------------------------------------------------------------------------

    def _expand(self, x: Expand) -> Written:
        if isinstance(x.inner, Number):
            return self.ones, ATOM
        inner = x.inner.inner if isinstance(x.inner, Axes) else x.inner
        if inner.ndim == 1 and len(x.to) == 2:
            vector = self.inside(inner, POWER)
            column = x.inner.shape[-1:] == (1,) and x.inner.ndim == 2
            return self._juxtaposed(
                [vector, self.transposed(self.ones)] if column else [self.ones, self.transposed(vector)]
            ), PRODUCT
        return self.write(x.inner)

    def _call(self, x: Call) -> Written:
        notation = x.primitive.notation
        if self.numbers and x.primitive.kind == "constant":
            return self.array(x.value), ATOM
        params: dict[str, Any] = dict.fromkeys(x.params, self.sign("…"))
        for key, value in x.params.items():
            if isinstance(value, Expression):
                params[key] = self(value)
            elif isinstance(value, int | float | str):
                params[key] = self.sign(value) if isinstance(value, str) else self.fraction(as_fraction(value))[0]
            elif isinstance(value, np.ndarray) and constant_key(value) in self.constants:
                params[key] = self.constants[constant_key(value)]
        for i, argument in enumerate(x.arguments):
            level = notation.argument_level(i)
            text = self.inside(argument, _NOTATION[level])
            params[str(i)] = _NEGATIVE.sub(r"\1", text) if level == 0 else text  # ln(−2), not ln((−2))
        written = "reshape({0})" if x.primitive.name == "reshape" else template(x.primitive, len(x.arguments))
        return self.formula(written, params), _NOTATION[notation.level]

    def formula(self, template: str, given: Mapping[str, Any]) -> str:
        """Fill in a primitive's notation."""
        return re.sub(r"\{(\w+)\}", lambda match: str(given[match[1]]), template)


def _has_short_decimals(value: Fraction) -> bool:
    """Whether it is written with a decimal point: 0.1 and 0.15, but 1/100, which is a mean of a hundred."""
    return value.denominator == 10 or (value.denominator in (20, 50, 100, 200, 500, 1000) and abs(value.numerator) > 2)


def _holds_chain(x: Expression) -> bool:
    """Whether factors stand side by side in it, as if they were parts of what surrounds it."""
    return isinstance(x, Chain) or (isinstance(x, Product) and any(isinstance(f, Chain) for f in x.factors))


def _inverted(x: Expression) -> Expression:
    assert isinstance(x, Power)
    from .algebra import power

    return power(x.base, -x.exponent)
