"""How primitives are written: with signs where a textbook does so, else by their notation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

import numpy as np

from minidl.graph import Primitive
from minidl.primitives import registry
from minidl.primitives.mismatch import explain_broadcast

from .algebra import ZERO, add, chain, expand, lean, lift, multiply, power, total, transpose, with_axes
from .expression import (
    Axes,
    Back,
    Call,
    Chain,
    Expand,
    Expression,
    Number,
    Power,
    Product,
    Sum,
    Total,
    Transpose,
)
from .products import matmul, times

Inputs = Sequence[Expression]
Params = Mapping[str, Any]


def _permute(x: Inputs, params: Params) -> Expression | None:
    n, dims = x[0].ndim, tuple(params["dims"])
    if dims == tuple(range(n)):
        return x[0]
    return transpose(x[0]) if n >= 2 and dims == (*range(n - 2), n - 1, n - 2) else None


def _reshape(x: Inputs, params: Params) -> Expression | None:
    shape = np.reshape(x[0].value, params["shape"]).shape
    same = [n for n in shape if n != 1] == [n for n in x[0].shape if n != 1]
    return with_axes(x[0], shape) if same else None


def _sum_to(x: Inputs, params: Params) -> Expression:
    shape, given = params["shape"], x[0].shape
    lead = len(given) - len(shape)
    ones = [i + lead for i, n in enumerate(shape) if n == 1 and given[i + lead] != 1]
    return with_axes(total(x[0], (*range(lead), *ones), keepdim=False), shape)


def _mean(x: Inputs, params: Params) -> Expression:
    count = int(np.prod([x[0].shape[i] for i in params["dim"]]))
    return multiply(Number(Fraction(1, count)), total(x[0], params["dim"], params["keepdim"]))


def _where(x: Inputs, params: Params) -> Expression:
    """Choose with an indicator: where it is 1 the first, where it is 0 the second."""
    condition = lift(params["condition"])
    return add(multiply(x[0], condition), multiply(x[1], add(1, multiply(-1, condition))))


def _above(x: Inputs, _: Params) -> Expression | None:
    """ReLU(x) is greater than 0 where x is."""
    inner, zero = x
    if isinstance(inner, Call) and inner.primitive.name == "relu" and zero == ZERO:
        return applied(registry["above"], [inner.arguments[0], zero], {})
    return None


TRANSLATIONS: Final[dict[str, Callable[[Inputs, Params], Expression | None]]] = {
    "add": lambda x, _: add(*x),
    "sub": lambda x, _: add(x[0], multiply(-1, x[1])),
    "neg": lambda x, _: multiply(-1, x[0]),
    "mul": lambda x, _: times(*x),
    "mul_or_zero": lambda x, _: times(*x),
    "div": lambda x, _: multiply(x[0], power(x[1], -1)),
    "div_or_zero": lambda x, _: multiply(x[0], power(x[1], -1)),
    "reciprocal": lambda x, _: power(x[0], -1),
    "inverse_or_zero": lambda x, _: power(x[0], -1),
    "square": lambda x, _: power(x[0], 2),
    "pow_by_number": lambda x, params: power(x[0], params["exponent"]),
    "power_or_zero": lambda x, params: power(x[0], params["exponent"]),
    "matmul": lambda x, _: matmul(*x),
    "permute": _permute,
    "reshape": _reshape,
    "expand": lambda x, params: expand(x[0], tuple(params["shape"])),
    "sum": lambda x, params: total(x[0], params["dim"], params["keepdim"]),
    "sum_to_size": _sum_to,
    "mean": _mean,
    "where": _where,
    "above": _above,
    "to": lambda x, _: x[0],
    "clone": lambda x, _: x[0],
    "positive": lambda x, _: x[0],
}


def applied(primitive: Primitive, inputs: Sequence[Any], params: Params) -> Expression:
    """Write a primitive applied to inputs: as a sum, a product, a power … where it is one, else by its notation."""
    x = [lift(value) for value in inputs]
    translate = TRANSLATIONS.get(primitive.name)
    written = translate(x, params) if translate else None
    return call(primitive, x, params) if written is None else written


def call(primitive: Primitive, arguments: Sequence[Any], params: Params) -> Expression:
    """Write an operation by its notation."""
    arguments = [lift(x) for x in arguments]
    if primitive.explain is explain_broadcast:
        arguments = lean(arguments)
    plain = {name: p.value if isinstance(p, Expression) else p for name, p in params.items()}
    value = primitive.compute([x.value for x in arguments], plain)[0]
    return Call(primitive, tuple(arguments), dict(params), repr(params), value)


def substitute(x: Expression, table: Mapping[Expression, Expression]) -> Expression:
    """Put other expressions in the place of names."""
    if x in table:
        return table[x]
    parts = [substitute(part, table) for part in x.parts]
    if all(new is old for new, old in zip(parts, x.parts, strict=True)):
        return x
    return _rebuilt(x, parts)


def _rebuilt(x: Expression, parts: Sequence[Expression]) -> Expression:
    match x:
        case Sum():
            return add(*parts)
        case Product():
            return multiply(*parts)
        case Power():
            return power(parts[0], x.exponent)
        case Transpose():
            return transpose(parts[0])
        case Chain():
            return chain(*parts)
        case Total():
            return total(parts[0], x.axes, x.keepdim)
        case Expand():
            return expand(parts[0], x.to)
        case Axes():
            return with_axes(parts[0], x.to)
        case Call():
            return applied(x.primitive, parts, x.params)
        case Back():
            return Back(x.primitive, tuple(parts), x.index, x.value)
    raise TypeError(f"{type(x).__name__} has no parts")
