"""Expressions: what a fused elementwise kernel computes, and the lines in which it is written.

An expression is a position, 0 for the first operand, 1 for the second, …, or a tuple of a function's name (`formulas.py`) and
the expressions that it is applied to: `("add", ("multiply", 0, 1), 2)` is x·y + z. `("astype", 0, "int32")` converts. Equal
parts are computed once. Expressions are plain tuples, so that they can be keys of a dictionary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ... import cpu
from .formulas import Dtype, dtypes_of, text_of

Expression = Any
INTRINSICS = ("product", "rint")
"""Functions that are instructions."""

_WORDS = {"float16": "float32"}
"""The word for numbers of a dtype, where it is another: float16 is computed with in float32, and rounded after each step."""


@dataclass
class Written:
    """Expressions as the lines of a function.

    Attributes:
        dtypes: the operands' dtypes; `int` or `float` for a plain number.
        is_number: for each operand whether it is one number, which is passed by value.
        numbers: the numbers that are passed, each with the dtype in which it is.
        lines: what is computed.
        functions: the functions and conversions that it calls, by their names, as the text that makes them.
        results: for each expression its name and dtype.
    """

    dtypes: tuple[Dtype, ...]
    is_number: tuple[bool, ...]
    numbers: dict[tuple[int, np.dtype[Any]], str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    functions: dict[str, str] = field(default_factory=dict)
    results: list[tuple[str, np.dtype[Any]]] = field(default_factory=list)
    _known: dict[Any, tuple[str, Dtype]] = field(default_factory=dict)

    def add(self, expression: Expression, dtype: np.dtype[Any] | None = None) -> None:
        """Write an expression whose value is a result, of its own dtype or another one.

        Raises:
            TypeError: a function does not take its arguments' dtypes.
        """
        name, own = self.value(expression)
        found = np.dtype(own) if dtype is None else dtype
        self.results.append((self.brought(expression, name, own, found), found))

    def value(self, expression: Expression) -> tuple[str, Dtype]:
        """The name of an expression's value, written if it is not yet, and its dtype."""
        if expression not in self._known:
            self._known[expression] = (
                self._operand(expression) if isinstance(expression, int) else self._applied(expression)
            )
        return self._known[expression]

    def brought(self, expression: Expression, name: str, own: Dtype, dtype: np.dtype[Any]) -> str:
        """A value as one of another dtype."""
        if isinstance(expression, int) and self.is_number[expression]:
            return self.numbers.setdefault((expression, dtype), f"s{len(self.numbers)}")
        return name if own == dtype else self.converted(name, dtype)

    def converted(self, text: str, dtype: np.dtype[Any]) -> str:
        """A conversion to a dtype."""
        if dtype == np.float16:
            wide = self.conversion("float32")
            return f"{wide}({self.conversion('float16')}({wide}({text})))"
        return f"{self.conversion(dtype.name)}({text})"

    def conversion(self, name: str) -> str:
        """The name of a dtype's conversion."""
        self.functions[f"to_{name}"] = f'to("{name}")'
        return f"to_{name}"

    def _operand(self, position: int) -> tuple[str, Dtype]:
        return f"x{position}", self.dtypes[position]

    def _applied(self, expression: Expression) -> tuple[str, Dtype]:
        """Write one function of others."""
        name, *parts = expression
        target = np.dtype(parts.pop()) if name == "astype" else None
        values = [self.value(part) for part in parts]
        if target is None:
            taken, result = dtypes_of(name, tuple(dtype for _, dtype in values))
        else:
            taken, result = (target,), target
        given = [self.brought(p, v, own, to) for p, (v, own), to in zip(parts, values, taken, strict=True)]
        text = given[0] if target is not None else self._formula(name, given, taken, result)
        made = f"v{len(self.lines)}"
        self.lines.append(f"{made} = {text}")
        return made, result

    def _formula(self, name: str, given: list[str], taken: tuple[np.dtype[Any], ...], result: np.dtype[Any]) -> str:
        computed = taken[1] if name == "where" else taken[0]
        word = _WORDS.get(computed.name, computed.name)
        make = word if computed.kind == "f" else self.conversion(word)
        template = text_of(name, computed.kind)
        called, parenthesis, rest = template.partition("(")
        if called in INTRINSICS or called.startswith("whole_"):
            self.functions[called] = called
        elif parenthesis and called.isidentifier() and called != "abs":
            self.functions[f"{called}_{word}"] = f"{called}({word})"
            template = f"{called}_{word}({rest}"
        text = template.format(*given, zero=f"{make}(0)", one=f"{make}(1)")
        if result == np.float16 or result.kind in "iu":
            return self.converted(text, result)
        return text


def of_numbers(expression: Expression, numbers: Sequence[Any]) -> Any:
    """The value of an expression of numbers alone, which are on no device: the derivative of 2ˣ asks for ln 2."""
    if isinstance(expression, int):
        return numbers[expression]
    name, *parts = expression
    if name == "astype":
        return np.dtype(parts[1]).type(of_numbers(parts[0], numbers))
    return getattr(cpu.backend, name)(*(of_numbers(part, numbers) for part in parts))
