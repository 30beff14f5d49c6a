"""Operations on any number of scalars: the + of a dot product, which a textbook draws as one circle with many terms.

They are primitives of the engine's own kind, so that everything which reads a graph reads them too: derivatives, frames,
derivations. They are made for as many terms as needed, so the engine's registry of named operations does not list them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial, reduce
from typing import Any

import numpy as np

from minidl.autodiff import Symbol
from minidl.graph import Notation, Primitive, data_of
from minidl.primitives import Elementwise, Linear, registry


class Nary(Elementwise):
    """One scalar from any number of scalars, by the rules of an elementwise operation."""

    def __init__(
        self,
        name: str,
        notation: Notation,
        forward: Callable[..., Any],
        partials: Sequence[Callable[..., Any] | float],
    ) -> None:
        Primitive.__init__(self, name, forward, notation, promotion="same")
        self.partials = tuple(partials)
        self.adds = False  # the quick way back through a sum is for two terms
        self.samples = ()
        self.analytic = False

    def reads(self, i: int, count: int) -> set[int]:
        """Any of its values: it says no more than that."""
        return {-1, *range(count)}


class Bundle(Linear):
    """An array from its elements, given as scalars in row-major order; the way back takes it apart."""

    def __init__(self, count: int) -> None:
        notation = Notation("[·]", f"({_joined(count, ', ')})")
        Primitive.__init__(self, "bundle", self._bundled, notation, promotion="same")
        self.transpose = self._taken_apart
        self.samples = ()
        self.analytic = True

    @staticmethod
    def _bundled(xp: Any, *xs: Any, shape: tuple[int, ...]) -> Any:
        return np.reshape(xs, shape)

    @staticmethod
    def _taken_apart(g: Any, *xs: Any, shape: tuple[int, ...]) -> list[Any]:
        return [g[place] for place in np.ndindex(*shape)]


def _joined(count: int, operator: str) -> str:
    return operator.join(f"{{{i}}}" for i in range(count))


@cache
def bundle(count: int) -> Bundle:
    """Return what makes an array of a given shape from `count` scalars.

    >>> import minidl
    >>> x = [minidl.scalar(v, name="x") for v in (1.0, 2.0)]
    >>> bundle(2)(*x, shape=(2,)).data
    array([1., 2.])
    """
    return Bundle(count)


@cache
def total(count: int) -> Nary:
    """Return the sum of `count` terms.

    >>> import minidl
    >>> x = [minidl.scalar(v) for v in (1.0, 2.0, 3.0)]
    >>> total(3)(*x).item()
    6.0
    """
    return Nary(
        "total", Notation("+", _joined(count, " + "), 1, (1,)), lambda xp, *xs: reduce(xp.add, xs), [1.0] * count
    )


@cache
def product(count: int) -> Nary:
    """Return the product of `count` factors; the derivative for each is the product of the others, without a division.

    >>> import minidl
    >>> x = [minidl.scalar(v) for v in (5.0, 2.0, 3.0)]
    >>> product(3)(*x).backward()
    >>> x[0].grad.item()
    6.0
    """
    notation = Notation("×", _joined(count, "·"), 2, (2,))
    return Nary(
        "product", notation, lambda xp, *xs: reduce(xp.multiply, xs), [partial(_of_others, i) for i in range(count)]
    )


def _of_others(i: int, out: Any, *xs: Any) -> Any:
    return reduce(lambda x, y: x * y, (x for k, x in enumerate(xs) if k != i), 1.0)


@cache
def extremum(count: int, symbol: str, shared: bool) -> Nary:
    """Return the largest or smallest of `count` values.

    Args:
        count: how many there are.
        symbol: `max` or `min`.
        shared: whether values that tie share the gradient evenly; else the first of them gets it all, as in max pooling.

    >>> import minidl
    >>> x = [minidl.scalar(v) for v in (1.0, 4.0, 4.0)]
    >>> extremum(3, "max", shared=False)(*x).backward()
    >>> [v.grad.item() for v in x]
    [0.0, 1.0, 0.0]
    """
    notation = Notation(symbol, f"{symbol}({_joined(count, ', ')})")
    name = f"{symbol}imum"
    return Nary(
        name,
        notation,
        lambda xp, *xs: reduce(getattr(xp, name), xs),
        [partial(_share, i, shared) for i in range(count)],
    )


def _share(i: int, shared: bool, out: Any, *xs: Any) -> Any:
    """Return the part of the gradient that value `i` gets; in symbols only the condition, without the rule for ties."""
    if isinstance(out, Symbol):
        return registry["matches"](xs[i], out)
    top = np.asarray(data_of(out))
    chosen = [bool(np.array_equal(data_of(x), top, equal_nan=True)) for x in xs]
    if shared:
        return chosen[i] / sum(chosen)
    return float(chosen.index(True) == i)
