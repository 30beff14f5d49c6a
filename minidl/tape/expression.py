"""A forward rule read as an expression: fed these instead of arrays, it writes itself down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .program import Instruction, Slot, rebuilt, slots_in

UFUNCS = {
    "add": np.add, "subtract": np.subtract, "multiply": np.multiply, "divide": np.divide, "negative": np.negative,
    "maximum": np.maximum, "minimum": np.minimum, "abs": np.abs, "exp": np.exp, "log": np.log, "sqrt": np.sqrt,
    "tanh": np.tanh, "sin": np.sin, "cos": np.cos, "expm1": np.expm1, "log1p": np.log1p, "pow": np.power,
    "equal": np.equal, "not_equal": np.not_equal, "less": np.less, "less_equal": np.less_equal, "greater": np.greater,
    "greater_equal": np.greater_equal, "logical_not": np.logical_not, "logical_and": np.logical_and,
    "logical_or": np.logical_or,
}  # fmt: skip
"""NumPy's functions under the backend's names; each can write its result where it is told."""

OTHERS = {"where", "square"}

KERNELS = {"relu_back"}
"""Functions of the backend's that derivative rules are, and that chains know how to write."""


@dataclass(eq=False)
class Expression:
    """One function of others, or a slot.

    Attributes:
        name: the function's name in the backend, or "" for a slot.
        parts: what it is applied to: expressions, numbers.
        slot: the slot.
    """

    name: str
    parts: tuple[Any, ...] = ()
    slot: Slot | None = None

    __hash__ = object.__hash__

    @property
    def dtype(self) -> Any:
        """A slot's dtype; nothing else knows its own, and a rule that asks is not read."""
        if self.slot is None:
            raise UnreadableError
        return self.slot.dtype

    @property
    def shape(self) -> Any:
        """A slot's shape."""
        if self.slot is None:
            raise UnreadableError
        return self.slot.shape

    def __add__(self, other: Any) -> Expression:
        return Expression("add", (self, other))

    def __radd__(self, other: Any) -> Expression:
        return Expression("add", (other, self))

    def __sub__(self, other: Any) -> Expression:
        return Expression("subtract", (self, other))

    def __rsub__(self, other: Any) -> Expression:
        return Expression("subtract", (other, self))

    def __mul__(self, other: Any) -> Expression:
        return Expression("multiply", (self, other))

    def __rmul__(self, other: Any) -> Expression:
        return Expression("multiply", (other, self))

    def __truediv__(self, other: Any) -> Expression:
        return Expression("divide", (self, other))

    def __rtruediv__(self, other: Any) -> Expression:
        return Expression("divide", (other, self))

    def __neg__(self) -> Expression:
        return Expression("negative", (self,))

    def __bool__(self) -> bool:
        raise UnreadableError

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise UnreadableError


class UnreadableError(Exception):
    """A rule is not an expression of known functions."""


class Writer:
    """Stands in for the backend: each function returns the expression of itself."""

    def clip(self, x: Any, low: Any, high: Any) -> Expression:
        """As two functions, which chains know."""
        return Expression("minimum", (Expression("maximum", (x, low)), high))

    def dropout(self, x: Any, kept: Any, scale: float) -> Expression:
        """As two products."""
        return Expression("multiply", (Expression("multiply", (x, kept)), scale))

    def multiply_or_zero(self, x: Any, y: Any) -> Expression:
        """As the functions that it is made of."""
        products = Expression("multiply", (x, 0)), Expression("multiply", (x, y))
        return Expression("where", (Expression("equal", (x, 0)), *products))

    def __getattr__(self, name: str) -> Callable[..., Expression]:
        if name not in UFUNCS and name not in OTHERS:
            raise UnreadableError
        return lambda *parts: Expression(name, parts)


def read(instruction: Instruction) -> Expression | None:
    """The expression that an instruction computes from its slots; None where its rule does not read as one."""
    if instruction.call is not None and instruction.call.name in KERNELS:
        return Expression(instruction.call.name, tuple(Expression("", (), slot) for slot in instruction.call.args))
    if instruction.role != "primitive" or instruction.wraps or len(instruction.outs) != 1 or instruction.owner.views:
        return None

    def stand_in(leaf: Any) -> Any:
        return Expression("", (), leaf) if isinstance(leaf, Slot) else leaf

    try:
        found = instruction.function(
            Writer(), *rebuilt(instruction.args, stand_in), **rebuilt(instruction.kwargs, stand_in)
        )
    except (UnreadableError, AttributeError, TypeError, ValueError):
        return None
    return found if isinstance(found, Expression) and found.slot is None else None


def direct(instruction: Instruction) -> tuple[np.ufunc, Sequence[Any]] | None:
    """The one function of NumPy's that an instruction is, with its arguments; None if it is more than one."""
    if len(instruction.outs) != 1 or instruction.outs[0].is_scalar:
        return None
    function = instruction.function
    if instruction.role == "numpy" and isinstance(function, np.ufunc) and function.nout == 1 and not instruction.kwargs:
        return (function, instruction.args) if slots_in(instruction.args) else None
    found = read(instruction)
    if found is None or found.name not in UFUNCS:
        return None
    parts = [part.slot if isinstance(part, Expression) else part for part in found.parts]
    if any(part is None for part in parts) or not any(isinstance(part, Slot) for part in parts):
        return None
    return UFUNCS[found.name], parts
