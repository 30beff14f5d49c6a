"""Expressions: what a derivation is written in. Each knows its parts and, beside them, its value.

Sums, products and powers act element by element and broadcast, as the arrays do that they stand for. In a product of
matrices a vector is a column, and its transpose a row.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from minidl.graph import Primitive
from minidl.primitives.elementwise import arithmetic, comparison
from minidl.primitives.matrices import linalg
from minidl.primitives.shapes import shape as shapes


class Expression:
    """A part of a formula. Rules may be fed expressions in place of arrays; `algebra` says what comes of it.

    Attributes:
        value: the number or array that it stands for.
    """

    value: Any
    __array_ufunc__ = None  # array − expression is the expression's to answer

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.asarray(self.value, dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what it stands for."""
        return np.shape(self.value)

    @property
    def ndim(self) -> int:
        """The number of axes of what it stands for."""
        return np.ndim(self.value)

    @property
    def size(self) -> int:
        """The number of elements of what it stands for."""
        return int(np.size(self.value))

    @property
    def dtype(self) -> Any:
        """The dtype of what it stands for."""
        return np.asarray(self.value).dtype

    @property
    def parts(self) -> tuple[Expression, ...]:
        """The expressions that it is made of."""
        return ()

    def __primitive__(self, primitive: Primitive, inputs: Sequence[Any], params: Mapping[str, Any]) -> Expression:
        """Write an operation instead of computing it."""
        from .translation import applied

        return applied(primitive, inputs, params)

    def __add__(self, other: Any) -> Expression:
        return _algebra().add(self, other)

    def __radd__(self, other: Any) -> Expression:
        return _algebra().add(other, self)

    def __sub__(self, other: Any) -> Expression:
        return _algebra().add(self, -_algebra().lift(other))

    def __rsub__(self, other: Any) -> Expression:
        return _algebra().add(other, -self)

    def __neg__(self) -> Expression:
        return _algebra().multiply(-1, self)

    def __mul__(self, other: Any) -> Expression:
        return self.__primitive__(arithmetic.mul, (self, other), {})

    def __rmul__(self, other: Any) -> Expression:
        return self.__primitive__(arithmetic.mul, (other, self), {})

    def __truediv__(self, other: Any) -> Expression:
        return _algebra().multiply(self, _algebra().power(other, -1))

    def __rtruediv__(self, other: Any) -> Expression:
        return _algebra().multiply(other, _algebra().power(self, -1))

    def __pow__(self, exponent: Any) -> Expression:
        return arithmetic.pow(self, exponent)

    def __rpow__(self, base: Any) -> Expression:
        return arithmetic.pow_(base, self)

    def __abs__(self) -> Expression:
        return arithmetic.abs_(self)

    def __matmul__(self, other: Any) -> Expression:
        return linalg.matmul_(self, other)

    def __getitem__(self, index: Any) -> Expression:
        return shapes.getitem(self, index)

    @property
    def mT(self) -> Expression:  # noqa: N802
        """The transpose of the last two axes."""
        return _algebra().transpose(self)

    def __gt__(self, other: Any) -> Expression:
        return comparison.greater(self, other)

    def __ge__(self, other: Any) -> Expression:
        return comparison.greater_equal(self, other)

    def __lt__(self, other: Any) -> Expression:
        return comparison.less(self, other)

    def __le__(self, other: Any) -> Expression:
        return comparison.less_equal(self, other)


def _algebra() -> Any:
    """The functions that put expressions together, which need the classes below."""
    from . import algebra

    return algebra


@dataclass(frozen=True)
class Name(Expression):
    """A value of the graph, by its name; `key` tells it from others of the same name."""

    key: Hashable
    text: str = field(compare=False)
    value: Any = field(compare=False, repr=False)


@dataclass(frozen=True)
class Partial(Expression):
    """∂of/∂by."""

    of: Name
    by: Name
    value: Any = field(compare=False, repr=False)


@dataclass(frozen=True)
class Number(Expression):
    """A number: a fraction wherever it is a simple one."""

    number: Fraction | float

    @property
    def value(self) -> Any:
        """The number."""
        return np.float64(self.number)


@dataclass(frozen=True)
class Constant(Expression):
    """An array that has no name in the graph, such as the right answers in a cross-entropy."""

    key: Hashable
    value: Any = field(compare=False, repr=False)


@dataclass(frozen=True)
class Sum(Expression):
    """Two or more terms."""

    terms: tuple[Expression, ...]
    value: Any = field(compare=False, repr=False)

    @property
    def parts(self) -> tuple[Expression, ...]:
        """The terms."""
        return self.terms


@dataclass(frozen=True)
class Product(Expression):
    """A number times factors that are multiplied element by element."""

    number: Fraction | float
    factors: tuple[Expression, ...]
    value: Any = field(compare=False, repr=False)

    @property
    def parts(self) -> tuple[Expression, ...]:
        """The number and the factors."""
        return (Number(self.number), *self.factors)


@dataclass(frozen=True)
class Power(Expression):
    """A power with a fixed number above; a negative one stands below a fraction's line."""

    base: Expression
    exponent: Fraction | float
    value: Any = field(compare=False, repr=False)

    @property
    def parts(self) -> tuple[Expression, ...]:
        """The base."""
        return (self.base,)


@dataclass(frozen=True)
class Transpose(Expression):
    """A transposed matrix (or stack of them), or a vector as a row."""

    inner: Expression
    value: Any = field(compare=False, repr=False)

    @property
    def parts(self) -> tuple[Expression, ...]:
        """What is transposed."""
        return (self.inner,)


@dataclass(frozen=True)
class Chain(Expression):
    """A product of matrices and vectors."""

    factors: tuple[Expression, ...]
    value: Any = field(compare=False, repr=False)

    @property
    def parts(self) -> tuple[Expression, ...]:
        """The factors."""
        return self.factors


@dataclass(frozen=True)
class Total(Expression):
    """A sum over some axes."""

    inner: Expression
    axes: tuple[int, ...]
    keepdim: bool
    value: Any = field(compare=False, repr=False)

    @property
    def parts(self) -> tuple[Expression, ...]:
        """What is added up."""
        return (self.inner,)


@dataclass(frozen=True)
class Expand(Expression):
    """Something repeated until it has a shape; of the number 1 it is 𝟏."""

    inner: Expression
    to: tuple[int, ...]
    value: Any = field(compare=False, repr=False)

    @property
    def parts(self) -> tuple[Expression, ...]:
        """What is repeated."""
        return (self.inner,)


@dataclass(frozen=True)
class Axes(Expression):
    """Something with axes of length 1 added or taken away, which is not written."""

    inner: Expression
    to: tuple[int, ...]
    value: Any = field(compare=False, repr=False)

    @property
    def parts(self) -> tuple[Expression, ...]:
        """The same without."""
        return (self.inner,)


@dataclass(frozen=True)
class Call(Expression):
    """Any other operation, written as its notation says."""

    primitive: Primitive
    arguments: tuple[Expression, ...]
    params: Mapping[str, Any] = field(compare=False)
    shown: str
    value: Any = field(compare=False, repr=False)

    @property
    def parts(self) -> tuple[Expression, ...]:
        """The arguments."""
        return self.arguments


@dataclass(frozen=True)
class Back(Expression):
    """The transpose of an operation that has no formula of its own, by its name: conv2dᵀ(∂L/∂y, W)."""

    primitive: Primitive
    arguments: tuple[Expression, ...]
    index: int
    value: Any = field(compare=False, repr=False)

    @property
    def parts(self) -> tuple[Expression, ...]:
        """The upstream gradient and the other inputs."""
        return self.arguments


@dataclass(frozen=True)
class Unsimplified(Expression):
    """Upstream times local, one term a path, just as the chain rule has it."""

    terms: tuple[tuple[Expression, Expression], ...]
    value: Any = field(compare=False, repr=False)


def as_fraction(number: float) -> Fraction | float:
    """Return a number as a fraction if it is a simple one.

    >>> as_fraction(0.5), as_fraction(2 / 3), as_fraction(1e-05), as_fraction(math.inf)
    (Fraction(1, 2), Fraction(2, 3), 1e-05, inf)
    """
    if not math.isfinite(number):
        return float(number)
    simple = Fraction(number).limit_denominator(1000)
    return simple if float(simple) == number and abs(simple.numerator) < 10**6 else float(number)


def constant_key(array: Any) -> Hashable:
    """Tell arrays apart by what they hold."""
    return np.shape(array), np.asarray(array).tobytes()
