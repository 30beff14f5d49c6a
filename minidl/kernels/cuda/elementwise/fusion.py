"""Rules read as expressions: a forward rule, or a derivative's, becomes one kernel however many functions it is made of.

A rule is an ordinary expression of arrays. Fed symbols instead, it writes itself down: each operator, each function of the
backend and each primitive on a symbol gives a symbol. What comes out is computed by one kernel (`elementwise.compute_all`).
A rule is read once for each combination of dtypes. One that asks for shapes or values cannot be read, and runs step by step.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ....errors import MinidlError
from ..array import DeviceArray
from .formulas import FORMULAS, NAMES, dtypes_of

_NUMBERS = (int, float, np.generic, np.dtype)
_MOST_KNOWN = 4096


class UnreadableError(Exception):
    """A rule is no expression of elementwise functions alone."""


class Symbol:
    """Stands in for an array when a rule is read.

    Attributes:
        text: the function's name and the symbols and numbers that it is applied to; or the position of an array.
        dtype: the dtype that the array would have.
        real: the dtype of the rule's floats.
    """

    __slots__ = ("dtype", "real", "text")
    __hash__ = object.__hash__
    __array_priority__ = 200.0

    def __init__(self, text: Any, dtype: np.dtype[Any], real: np.dtype[Any]) -> None:
        self.text, self.dtype, self.real = text, dtype, real

    def __primitive__(self, primitive: Any, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
        """A primitive's forward rule, read too."""
        if primitive.saves:
            raise UnreadableError
        return primitive.forward(WRITER, *inputs, **params)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options or ufunc.__name__ not in NAMES:
            raise UnreadableError
        return applied(NAMES[ufunc.__name__], *inputs)

    def __array_function__(self, *_: Any) -> Any:
        raise UnreadableError

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise UnreadableError

    def __getattr__(self, name: str) -> Any:
        raise UnreadableError

    def __bool__(self) -> bool:
        raise UnreadableError

    def astype(self, dtype: Any, copy: bool = True) -> Symbol:
        """The conversion."""
        return WRITER.astype(self, dtype)

    def __pow__(self, other: Any) -> Symbol:
        return applied("multiply", self, self) if other is not True and other == 2 else applied("pow", self, other)


def applied(name: str, *parts: Any) -> Symbol:
    """A function of symbols and numbers.

    Raises:
        UnreadableError: there is no such function, something else is among them, or the dtypes are mixed.
    """
    if name not in FORMULAS or not all(isinstance(p, Symbol | int | float | np.generic) for p in parts):
        raise UnreadableError
    real = next((p.real for p in parts if isinstance(p, Symbol)), None)
    if real is None:
        raise UnreadableError
    result = _dtype_of(name, parts)
    if result not in (real, np.dtype(bool)):  # truth values and numbers alone: as floats they have a rule's dtype
        parts = tuple(p if name == "where" and not i else _as_real(p, real) for i, p in enumerate(parts))
        result = _dtype_of(name, parts)
    if result not in (real, np.dtype(bool)):
        raise UnreadableError
    return Symbol((name, *parts), result, real)


def _dtype_of(name: str, parts: Sequence[Any]) -> np.dtype[Any]:
    given = (
        p.dtype if isinstance(p, Symbol | np.generic) else np.dtype(bool) if p is True or p is False else type(p)
        for p in parts
    )
    return dtypes_of(name, tuple(given))[1]


def _as_real(part: Any, real: np.dtype[Any]) -> Any:
    if not isinstance(part, Symbol):
        return real.type(part)
    return part if part.dtype == real else WRITER.astype(part, real)


def _operator(name: str, swapped: bool = False) -> Callable[..., Symbol]:
    return lambda self, other: applied(name, other, self) if swapped else applied(name, self, other)


for _name, _function in {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "floordiv": "floor_divide", "mod": "remainder",
    "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
}.items():  # fmt: skip
    setattr(Symbol, f"__{_name}__", _operator(_function))
    setattr(Symbol, f"__r{_name}__", _operator(_function, swapped=True))
for _name, _function in {
    "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal", "ne": "not_equal",
}.items():  # fmt: skip
    setattr(Symbol, f"__{_name}__", _operator(_function))
for _name, _function in {"neg": "negative", "abs": "abs", "invert": "bitwise_invert"}.items():
    setattr(Symbol, f"__{_name}__", functools.partialmethod(lambda self, function: applied(function, self), _function))


class Writer:
    """Stands in for the backend when a rule is read."""

    name = "cuda"

    def __getattr__(self, name: str) -> Callable[..., Symbol]:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in FORMULAS or name == "isclose":
            raise UnreadableError
        return functools.partial(applied, name)

    def square(self, x: Any) -> Symbol:
        """x·x."""
        return applied("multiply", x, x)

    def multiply_or_zero(self, x: Any, y: Any) -> Symbol:
        """x·y, but 0 where x is 0."""
        return applied("where", applied("equal", x, 0), applied("multiply", x, 0), applied("multiply", x, y))

    def clip(self, x: Any, low: Any, high: Any) -> Symbol:
        """min(max(x, low), high)."""
        return applied("minimum", applied("maximum", x, low), high)

    def astype(self, x: Any, dtype: Any) -> Symbol:
        """The conversion, from truth values or to what it is."""
        if not isinstance(x, Symbol) or (x.dtype.kind != "b" and x.dtype != dtype):
            raise UnreadableError
        return x if x.dtype == dtype else Symbol(("astype", x, np.dtype(dtype).name), np.dtype(dtype), x.real)

    def zeros(self, shape: Any, dtype: Any) -> Any:
        """A single 0."""
        if shape != ():
            raise UnreadableError
        return np.dtype(dtype).type(0)


WRITER = Writer()

Source = tuple[str, Any]
"""An operand of expressions: `("argument", 0)` or `("number", 0.5)`."""
Read = tuple[tuple[Any, ...], tuple[Source, ...]]
"""The results of a rule, each an expression, a source that is handed on as it is, or None; and what the expressions take."""


def read(rule: Callable[..., Any], dtypes: Sequence[Any]) -> Read | None:
    """A rule of arrays and numbers, as expressions; None if it cannot be read.

    Args:
        rule: given symbols, and numbers in the places of numbers, returns a symbol, or a list of symbols and None.
        dtypes: for each argument an array's dtype, or the number that it is.
    """
    real = next((d for d in dtypes if isinstance(d, np.dtype) and d.kind == "f"), np.dtype(np.float32))
    symbols = [Symbol(i, d, real) if isinstance(d, np.dtype) else d for i, d in enumerate(dtypes)]
    try:
        found = rule(*symbols)
    except (UnreadableError, MinidlError, AttributeError, TypeError, ValueError, OverflowError):
        return None
    results = found if isinstance(found, list) else [found]
    if not all(result is None or isinstance(result, Symbol) for result in results):
        return None
    sources: list[Source] = []
    return tuple(_written(result, sources) for result in results), tuple(sources)


def _written(result: Symbol | None, sources: list[Source]) -> Any:
    """A result as an expression of sources, which are counted as they occur."""

    def place(source: Source) -> int:
        same = [i for i, (kind, value) in enumerate(sources) if (kind, repr(value)) == (source[0], repr(source[1]))]
        if not same:
            sources.append(source)
        return same[0] if same else len(sources) - 1

    def expression(part: Any) -> Any:
        if isinstance(part, str):
            return part
        if not isinstance(part, Symbol):
            return place(("number", part))
        return place(("argument", part.text)) if isinstance(part.text, int) else tuple(map(expression, part.text))

    if result is None:
        return None
    return ("argument", result.text) if isinstance(result.text, int) else expression(result)


_known: dict[Any, Read | None] = {}


def fused(key: Any, rule: Callable[..., Any], arguments: Sequence[Any]) -> list[Any] | None:
    """What a rule makes of device arrays and numbers, by one kernel; None if it has to run step by step.

    Args:
        key: what the rule is; with the arguments' dtypes it tells rules apart.
        rule: as for `read`.
        arguments: arrays of one floating-point dtype or of truth values, and numbers.
    """
    dtypes = [a.dtype if a.__class__ is DeviceArray else a for a in arguments]
    if not _are_alike(dtypes):
        return None
    known = (key, *(d if isinstance(d, np.dtype) else (d.__class__, repr(d)) for d in dtypes))
    if known not in _known:
        if len(_known) >= _MOST_KNOWN:  # numbers that change from step to step
            _known.clear()
        _known[known] = read(rule, dtypes)
    found = _known[known]
    if found is None:
        return None
    from .operations import compute_all

    results, sources = found
    wanted = tuple(r for r in results if r is not None and r[0] != "argument")
    operands = [arguments[value] if kind == "argument" else value for kind, value in sources]
    made = iter(compute_all(wanted, operands) if wanted else ())
    return [None if r is None else arguments[r[1]] if r[0] == "argument" else next(made) for r in results]


def _are_alike(dtypes: Sequence[Any]) -> bool:
    """Whether there are only numbers, truth values, and floats of one dtype."""
    kinds = {d for d in dtypes if isinstance(d, np.dtype) and d.kind != "b"}
    return len(kinds) == 1 and kinds.pop().kind == "f" and all(isinstance(d, _NUMBERS) for d in dtypes)


def are_plain(params: dict[str, Any]) -> bool:
    """Whether parameters are numbers and words, by which rules can be told apart."""
    return all(p is None or p.__class__ in (int, float, bool, str) for p in params.values())


def by_one_kernel(forward: Callable[..., Any], xp: Any, *arrays: Any, **params: Any) -> Any:
    """A forward rule on a device's arrays: as one kernel if it can be read, else as it is."""
    from ..backend import backend

    if xp is backend and are_plain(params):
        key = forward, tuple(params.items())
        found = fused(key, lambda *symbols: forward(WRITER, *symbols, **params), arrays)
        if found is not None and not any(found[0] is a for a in arrays):
            return found[0]
    return forward(xp, *arrays, **params)
