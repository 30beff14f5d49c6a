"""How primitives are written that a textbook writes with signs rather than by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

import numpy as np

from minidl.primitives import registry

from .algebra import ZERO, add, applied, expand, lift, matmul, multiply, power, times, total, transpose, with_axes
from .expression import Call, Expression, Number

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
