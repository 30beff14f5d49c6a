"""The operators of a tensor, one line each: what `x + y`, `x @ y`, `x < y` mean."""

from __future__ import annotations

from typing import Any

from .autodiff.inplace_methods import InPlace
from .primitives.elementwise import arithmetic, comparison, rounding
from .primitives.matrices import linalg


class Operators(InPlace):
    """A node with Python's operators; each calls the operation of the same meaning."""

    __slots__ = ()
    __hash__ = object.__hash__

    # x + y, x - y, x * y, x / y, x // y, x % y, x ** y, x @ y

    def __add__(self, other: Any) -> Any:
        return arithmetic.add_.pair(self, other)

    def __radd__(self, other: Any) -> Any:
        return arithmetic.add_(other, self)

    def __sub__(self, other: Any) -> Any:
        return arithmetic.sub_.pair(self, other)

    def __rsub__(self, other: Any) -> Any:
        return arithmetic.sub_(other, self)

    def __mul__(self, other: Any) -> Any:
        return arithmetic.mul.pair(self, other)

    def __rmul__(self, other: Any) -> Any:
        return arithmetic.mul(other, self)

    def __truediv__(self, other: Any) -> Any:
        return arithmetic.div_.pair(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return arithmetic.div_(other, self)

    def __floordiv__(self, other: Any) -> Any:
        return rounding.floor_divide(self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return rounding.floor_divide(other, self)

    def __mod__(self, other: Any) -> Any:
        return rounding.remainder(self, other)

    def __rmod__(self, other: Any) -> Any:
        return rounding.remainder(other, self)

    def __pow__(self, exponent: Any) -> Any:
        return arithmetic.pow(self, exponent)

    def __rpow__(self, base: Any) -> Any:
        return arithmetic.pow(base, self)

    def __matmul__(self, other: Any) -> Any:
        return linalg.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return linalg.matmul(other, self)

    # −x, +x, |x|, ~x

    def __neg__(self) -> Any:
        return arithmetic.neg(self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return arithmetic.abs_(self)

    def __invert__(self) -> Any:
        return comparison.bitwise_not(self)

    # x & y, x | y, x ^ y

    def __and__(self, other: Any) -> Any:
        return comparison.bitwise_and(self, other)

    def __rand__(self, other: Any) -> Any:
        return comparison.bitwise_and(other, self)

    def __or__(self, other: Any) -> Any:
        return comparison.bitwise_or(self, other)

    def __ror__(self, other: Any) -> Any:
        return comparison.bitwise_or(other, self)

    def __xor__(self, other: Any) -> Any:
        return comparison.bitwise_xor(self, other)

    def __rxor__(self, other: Any) -> Any:
        return comparison.bitwise_xor(other, self)

    # x == y, x != y, x < y, x <= y, x > y, x >= y

    def __eq__(self, other: object) -> Any:
        return False if other is None else comparison.equal(self, other)

    def __ne__(self, other: object) -> Any:
        return True if other is None else comparison.not_equal(self, other)

    def __lt__(self, other: Any) -> Any:
        return comparison.less(self, other)

    def __le__(self, other: Any) -> Any:
        return comparison.less_equal(self, other)

    def __gt__(self, other: Any) -> Any:
        return comparison.greater(self, other)

    def __ge__(self, other: Any) -> Any:
        return comparison.greater_equal(self, other)
