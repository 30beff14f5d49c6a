"""Algebra: how expressions are put together, simplified only where the result is equal and easier to read.

Each function computes the value of what it builds from the values of its parts, so that a tree says by itself what it is
worth, whatever was rewritten on the way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final

import numpy as np

from minidl.autodiff.symbols import lift as symbol

from .expression import (
    Axes,
    Chain,
    Constant,
    Expand,
    Expression,
    Name,
    Number,
    Power,
    Product,
    Sum,
    Total,
    Transpose,
    as_fraction,
    constant_key,
)

ONE: Final = Number(Fraction(1))
ZERO: Final = Number(Fraction(0))
Shape = tuple[int, ...]


def lift(value: Any) -> Expression:
    """Make a number or an array an expression; an expression stays."""
    if isinstance(value, Expression):
        return value
    if isinstance(value, Fraction):
        return Number(value)
    array = np.asarray(value)
    if array.ndim == 0:
        number = float(array)
        simple = as_fraction(number)
        return Number(simple) if isinstance(simple, Fraction) else _special(number) or Number(number)
    if array.size and (array == array.flat[0]).all():
        return multiply(lift(array.flat[0]), Expand(ONE, array.shape, np.ones(array.shape)))
    return Constant(constant_key(array), array)


def _special(number: float) -> Expression | None:
    """Return π, ln 2 and the like by name."""
    text = symbol(abs(number)).text if np.isfinite(number) else "0"
    if text[0].isascii() and text[0] in "0123456789":
        return None
    constant = Name(text, text, np.float64(abs(number)))
    return constant if number > 0 else multiply(-1, constant)


def _split(x: Expression) -> tuple[Fraction | float, tuple[Expression, ...]]:
    """Take an expression as a number times factors."""
    if isinstance(x, Number):
        return x.number, ()
    if isinstance(x, Product):
        return x.number, x.factors
    return Fraction(1), (x,)


def _shape(parts: Sequence[Expression]) -> Shape:
    return np.broadcast_shapes(*(part.shape for part in parts))


def lean(parts: Sequence[Expression]) -> list[Expression]:
    """Leave out what only repeats, and axes of length 1, where the other parts' shapes bring them about anyway."""
    kept = list(parts)
    shape = _shape(parts)
    for i, part in enumerate(parts):
        lean = _without_ones(part, alone=math.prod(shape) == 1)
        if lean is not part and _shape([*kept[:i], lean, *kept[i + 1 :]]) == shape:
            kept[i] = lean
    return kept


def _without_ones(x: Expression, alone: bool) -> Expression:
    """Return what is repeated, or the number within axes of length 1; a vector of one stays one where it is alone.

    A column that is repeated stays so: left out, it would read like a row, which is added to every row.
    """
    if isinstance(x, Expand):
        return x if _is_column(x) else x.inner
    if isinstance(x, Axes) and x.size == 1:
        return x if x.inner.ndim == 1 else with_axes(x, ())
    if x.ndim and x.size == 1 and not alone:
        return with_axes(x, ())
    if isinstance(x, Product) and any(isinstance(f, Expand) and not _is_column(f) for f in x.factors):
        return multiply(
            Number(x.number), *(f.inner if isinstance(f, Expand) and not _is_column(f) else f for f in x.factors)
        )
    return x


def _is_column(x: Expand) -> bool:
    return x.inner.ndim == 2 and x.inner.shape[-1] == 1 and x.inner.size > 1


def add(*terms: Any) -> Expression:
    """Add up, element by element: nested sums are joined, zeros left out, equal terms counted."""
    flat: list[Expression] = []
    for term in map(lift, terms):
        flat += term.terms if isinstance(term, Sum) else [term]
    shape = _shape(flat)
    counted: dict[tuple[Expression, ...], Fraction | float] = {}
    for term in flat:
        number, factors = _split(term)
        counted[factors] = counted.get(factors, Fraction(0)) + number
    kept = [multiply(number, *factors) for factors, number in counted.items() if number != 0]
    if not kept or _shape(kept) != shape:
        kept.append(multiply(0, Expand(ONE, shape, np.ones(shape))) if shape else ZERO)
        kept = kept if len(kept) == 1 else [k for k in kept if k != ZERO]
    kept = lean(kept)
    if len(kept) == 1:
        return kept[0]
    with np.errstate(all="ignore"):
        value: Any = kept[0].value
        for term in kept[1:]:
            value = np.add(value, term.value)
    return Sum(tuple(kept), value)


def multiply(*factors: Any) -> Expression:
    """Multiply, element by element: numbers to the front, equal factors as powers."""
    number: Fraction | float = Fraction(1)
    flat: list[Expression] = []
    for factor in map(lift, factors):
        times, more = _split(factor)
        number = _product(number, times)
        flat += more
    if not flat:
        return Number(number)
    shape = _shape(flat)
    if number == 0:
        flat = [Expand(ONE, shape, np.ones(shape))]
        return Product(number, tuple(flat), np.zeros(shape)) if shape else ZERO
    flat = [f for f in lean(flat) if f != ONE]
    if shape != (_shape(flat) if flat else ()):
        flat.append(Expand(ONE, shape, np.ones(shape)))
    flat = _collected(flat)
    flat = sorted(flat, key=lambda f: f.ndim > 0 and not isinstance(f, Total))  # numbers before arrays, else as given
    if len(flat) == 1 and number == 1:
        return flat[0]
    if len(flat) == 1 and isinstance(flat[0], Sum) and number == -1 and _mostly_negative(flat[0]):
        return add(*(multiply(-1, term) for term in flat[0].terms))
    if not flat:
        return Number(number)
    with np.errstate(all="ignore"):
        value: Any = np.float64(number)
        for factor in flat:
            value = np.multiply(value, factor.value)
    return Product(number, tuple(flat), value)


def _mostly_negative(x: Sum) -> bool:
    """Whether −(−a + b) is easier to read as a − b."""
    return _split(x.terms[0])[0] < 0 and any(_split(term)[0] > 0 for term in x.terms)


def _product(a: Fraction | float, b: Fraction | float) -> Fraction | float:
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return a * b
    return as_fraction(float(a) * float(b))


def _collected(factors: Sequence[Expression]) -> list[Expression]:
    """Join equal factors: x·x is x². A factor is never cancelled, for it might be 0."""
    found: dict[tuple[Expression, bool], Any] = {}
    for factor in factors:
        base, exponent = (factor.base, factor.exponent) if isinstance(factor, Power) else (factor, Fraction(1))
        joins = factor.ndim == 0 or not isinstance(base, Expand)
        key = (base, exponent > 0) if joins else (factor, True)
        found[key] = found.get(key, 0) + exponent if joins else Fraction(1)
    return [base if exponent == 1 else _powered(base, exponent) for (base, _), exponent in found.items()]


def _powered(base: Expression, exponent: Fraction | float) -> Expression:
    with np.errstate(all="ignore"):
        return Power(base, exponent, np.power(np.asarray(base.value, np.float64), float(exponent)))


def power(x: Any, exponent: Any) -> Expression:
    """Raise to a fixed power, element by element."""
    base, exponent = lift(x), as_fraction(exponent)
    if exponent == 1:
        return base
    if exponent == 0:
        return lift(np.ones(base.shape))
    if isinstance(base, Number) and isinstance(base.number, Fraction) and isinstance(exponent, Fraction):
        whole = exponent.denominator == 1 and abs(exponent) <= 8 and (base.number or exponent > 0)
        if whole:
            return Number(base.number**exponent.numerator)
    if exponent == -1 and isinstance(base, Product) and isinstance(base.number, Fraction):
        return multiply(Number(1 / base.number), *(power(f, -1) for f in base.factors))
    if isinstance(base, Power) and exponent == -1:
        return _powered(base.base, -base.exponent)
    if isinstance(base, Expand) and base.inner == ONE:
        return base
    return _powered(base, exponent)


def transpose(x: Any) -> Expression:
    """Transpose the last two axes; a vector becomes a row. (AB)ᵀ is BᵀAᵀ, and (Aᵀ)ᵀ is A."""
    x = lift(x)
    number, factors = _split(x)
    if isinstance(x, Transpose):
        return x.inner
    if isinstance(x, Number):
        return x
    if isinstance(x, Chain) and x.ndim >= 2:
        return chain(*(transpose(factor) for factor in reversed(x.factors)))
    scalars = [f for f in factors if f.ndim == 0]
    arrays = [f for f in factors if f.ndim > 0]
    if number != 1 or scalars:
        return multiply(Number(number), *scalars, transpose(multiply(*arrays)))
    if isinstance(x, Expand) and x.inner == ONE and x.ndim == 2:
        return Expand(ONE, x.to[::-1], x.value.T)
    return Transpose(x, x.value[None, :] if x.ndim == 1 else np.swapaxes(x.value, -1, -2))


def chain(*factors: Any) -> Expression:
    """Multiply matrices and vectors; numbers come to the front."""
    front: list[Expression] = []
    flat: list[Expression] = []
    for given in map(lift, factors):
        number, parts = _split(given)
        scalars = [f for f in parts if f.ndim == 0]
        rest = multiply(*(f for f in parts if f.ndim > 0))
        front += [Number(number), *scalars]
        nested = isinstance(rest, Chain) and (rest.ndim >= 2 or given is factors[-1] or rest.ndim == 1)
        flat += rest.factors if isinstance(rest, Chain) and nested else [rest]
    if any(isinstance(f, Number) and f.number == 0 for f in front):
        return multiply(0, _chained(flat))
    return multiply(*front, _chained(flat))


def _chained(factors: Sequence[Expression]) -> Chain:
    value: Any = None
    with np.errstate(all="ignore"):
        for factor in factors:
            matrix = factor.value[:, None] if factor.ndim == 1 else factor.value
            value = matrix if value is None else np.matmul(value, matrix)
    first, last = factors[0], factors[-1]
    if last.ndim == 1:
        value = value[..., 0]
    if isinstance(first, Transpose) and first.inner.ndim == 1:
        value = value[..., 0] if last.ndim == 1 else value[..., 0, :]
    return Chain(tuple(factors), value)


def numbers_in_front(x: Expression) -> tuple[list[Expression], Expression]:
    """Take an expression as numbers that may stand in front, and an array."""
    number, factors = _split(x)
    scalars = [f for f in factors if f.ndim == 0]
    return [Number(number), *scalars], multiply(*(f for f in factors if f.ndim > 0))


def total(x: Any, axes: Sequence[int], keepdim: bool) -> Expression:
    """Add up over some axes; a product of arrays that a textbook would write as one of matrices becomes that."""
    x = lift(x)
    axes = tuple(sorted(axes))
    if not axes:
        return x
    number, factors = _split(x)
    scalars = [f for f in factors if f.ndim == 0]
    arrays = [f for f in factors if f.ndim > 0]
    if isinstance(x, Number) or not arrays:
        return x
    if number != 1 or scalars:
        return multiply(Number(number), *scalars, total(multiply(*arrays), axes, keepdim))
    kept = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    shape = kept if keepdim else tuple(n for i, n in enumerate(x.shape) if i not in axes)
    if isinstance(x, Expand) and x.inner == ONE:
        count = x.size // int(np.prod(shape)) if x.size else 0
        return multiply(count, Expand(ONE, shape, np.ones(shape)) if shape else ONE)
    written = _as_chain(arrays, x.shape, axes)
    if written is not None:
        return with_axes(written, shape)
    if all(x.shape[i] == 1 for i in axes):
        return with_axes(x, shape)
    with np.errstate(all="ignore"):
        return Total(x, axes, keepdim, np.sum(x.value, axis=axes, keepdims=keepdim))


def _as_chain(factors: Sequence[Expression], shape: Shape, axes: tuple[int, ...]) -> Expression | None:
    """Read Σᵢ gᵢWᵢⱼ as Wᵀg, Σⱼ Wᵢⱼgⱼ as Wg, and Σᵢ xᵢyᵢ as xᵀy."""
    if len(factors) == 2 and len(shape) == 1 and axes == (0,) and all(f.shape == shape for f in factors):
        return chain(transpose(factors[0]), factors[1])
    if len(shape) != 2 or len(axes) != 1 or len(factors) < 2:
        return None
    wanted = (shape[0], 1) if axes == (0,) else (1, shape[1])
    vectors = [f for f in factors if isinstance(f, Axes) and f.inner.ndim == 1 and f.shape == wanted]
    if len(vectors) != 1:
        return None
    matrix = multiply(*(f for f in factors if f is not vectors[0]))
    if matrix.shape != shape:
        return None
    return chain(transpose(matrix) if axes == (0,) else matrix, vectors[0].inner)


def with_axes(x: Any, shape: Shape) -> Expression:
    """Add or take away axes of length 1; a column times a row is an outer product."""
    x = lift(x)
    if isinstance(x, Axes):
        return with_axes(x.inner, shape)
    if x.shape == shape:
        return x
    number, factors = _split(x)
    scalars = [f for f in factors if f.shape == ()]
    if not shape or len(scalars) == len(factors):
        unit = np.ones(shape)
        if x.shape == ():
            return multiply(x, Expand(ONE, shape, unit)) if shape else x
    if number != 1 or scalars:
        return multiply(Number(number), *scalars, with_axes(multiply(*(f for f in factors if f.shape)), shape))
    if isinstance(x, Expand) and x.inner == ONE:
        return Expand(ONE, shape, np.ones(shape)) if shape else ONE
    return Axes(x, shape, np.reshape(x.value, shape))


def expand(x: Any, shape: Shape) -> Expression:
    """Repeat along new axes and axes of length 1."""
    x = lift(x)
    if x.shape == shape:
        return x
    ones = Expand(ONE, shape, np.ones(shape))
    if x.size == 1:
        inner = with_axes(x, ())
        return multiply(inner, ones)
    number, factors = _split(x)
    scalars = [f for f in factors if f.ndim == 0]
    arrays = [f for f in factors if f.ndim > 0]
    if number != 1 or scalars:
        return multiply(Number(number), *scalars, expand(multiply(*arrays), shape))
    return Expand(x, shape, np.broadcast_to(x.value, shape))
