"""Products as the rules write them, in arrays, read as a textbook's products of columns, rows and matrices."""

from __future__ import annotations

from typing import Any

from .algebra import Shape, chain, lift, multiply, numbers_in_front, transpose, with_axes
from .expression import Axes, Expression


def times(x: Any, y: Any) -> Expression:
    """Multiply element by element; a column times a row is an outer product."""
    (before, column), (after, row) = numbers_in_front(lift(x)), numbers_in_front(lift(y))
    if _is_vector(row, (row.size, 1)) and not _is_vector(column, (column.size, 1)):
        column, row = row, column
    if _is_vector(column, (column.size, 1)) and (row.ndim == 1 or _is_vector(row, (1, row.size))):
        product = chain(with_axes(column, (column.size,)), transpose(with_axes(row, (row.size,))))
        return multiply(*before, *after, product)
    return multiply(x, y)


def _is_vector(x: Expression, shape: Shape) -> bool:
    """Whether it is a vector that was made a column or a row."""
    return isinstance(x, Axes) and x.inner.ndim == 1 and x.shape == shape


def matmul(x: Any, y: Any) -> Expression:
    """Write x @ y: for vectors xᵀy, for a vector on the left yᵀx, which holds the same numbers."""
    x, y = lift(x), lift(y)
    if x.ndim == 1 and y.ndim == 1:
        return chain(transpose(x), y)
    if x.ndim == 1:
        return chain(transpose(y), x)
    return chain(x, y)
