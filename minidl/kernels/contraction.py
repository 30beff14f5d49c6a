"""Sums of products over named indices, each pair of arrays as one matrix product, on any device."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

Array = Any
Term = tuple[Array, str]


def einsum(
    matmul: Callable[[Array, Array], Array],
    from_diagonal: Callable[..., Array],
    equation: str,
    arrays: Sequence[Array],
) -> Array:
    """Compute `equation`, such as `"ij,jk->ik"`; every length of an index is the same wherever it stands.

    Args:
        matmul: the matrix product to use.
        from_diagonal: what puts the last axis of an array on a diagonal of zeros, as a backend does.
        equation: one character an index. An index that stands twice in one term means its diagonal; twice in the result,
            that the values go on a diagonal of zeros. Any other index stands in two terms at least, or in the result.
        arrays: one a term, all on one device.
    """
    left, _, output = equation.partition("->")
    terms = [_take_diagonal(a, indices) for a, indices in zip(arrays, left.split(","), strict=True)]
    while len(terms) > 1:
        first, second = _in_order(*_smallest_growth(terms, output), output)
        rest = [t for t in terms if t is not first and t is not second]
        kept = {*output, *itertools.chain.from_iterable(indices for _, indices in rest)}
        terms = [*rest, _multiply(matmul, first, second, kept)]
    return _arrange(from_diagonal, *terms[0], output)


def _smallest_growth(terms: list[Term], output: str) -> tuple[Term, Term]:
    """The pair whose product is smallest beside its factors: the greedy order of contraction."""

    def growth(pair: tuple[Term, Term]) -> int:
        (a, of_a), (b, of_b) = pair
        kept = {*output, *itertools.chain.from_iterable(t[1] for t in terms if t is not pair[0] and t is not pair[1])}
        length = dict(zip(of_a + of_b, a.shape + b.shape, strict=True))
        return math.prod(n for index, n in length.items() if index in kept) - a.size - b.size

    return min(itertools.combinations(terms, 2), key=growth)


def _in_order(first: Term, second: Term, output: str) -> tuple[Term, Term]:
    """The pair as it should be multiplied for the product's memory to be in the order of the result's axes."""
    (_, of_a), (_, of_b) = first, second
    left, right = ([output.find(i) for i in own if i not in other] for own, other in ((of_a, of_b), (of_b, of_a)))
    return (second, first) if left and right and min(right) < min(left) else (first, second)


def _multiply(matmul: Callable[[Array, Array], Array], first: Term, second: Term, kept: set[str]) -> Term:
    """Multiply two arrays and sum over the indices that no one needs any more: `(batch, left, sum) @ (batch, sum, right)`."""
    (a, of_a), (b, of_b) = first, second
    length = dict(zip(of_a + of_b, a.shape + b.shape, strict=True))
    batch = "".join(i for i in of_a if i in of_b and i in kept)
    summed = "".join(i for i in of_a if i in of_b and i not in kept)
    left = "".join(i for i in of_a if i not in of_b)
    right = "".join(i for i in of_b if i not in of_a)

    def blocks(x: Array, indices: str, *groups: str) -> Array:
        x = x.transpose([indices.index(i) for i in "".join(groups)])
        return x.reshape([*(length[i] for i in groups[0]), *(math.prod(length[i] for i in g) for g in groups[1:])])

    x, y = blocks(a, of_a, batch, left, summed), blocks(b, of_b, batch, summed, right)
    product = matmul(x, y) if summed else x * y
    return product.reshape([length[i] for i in batch + left + right]), batch + left + right


def _take_diagonal(a: Array, indices: str) -> Term:
    """Of the axes that share an index, leave one: their diagonal."""
    for index in dict.fromkeys(indices):
        while indices.count(index) > 1:
            i, j = indices.index(index), indices.rindex(index)
            a = a.diagonal(axis1=i, axis2=j)
            indices = indices[:i] + indices[i + 1 : j] + indices[j + 1 :] + index
    return a, indices


def _arrange(from_diagonal: Callable[..., Array], a: Array, indices: str, output: str) -> Array:
    """Order the axes as the result has them, spreading a repeated index along a diagonal."""
    for index in dict.fromkeys(output):
        if output.count(index) > 1:
            others = indices.replace(index, "")
            a, indices = a.transpose(_places(indices, others + index)), others + index
            for _ in range(output.count(index) - 1):
                a, indices = from_diagonal(a, (*a.shape, a.shape[-1]), 0, a.ndim - 1, a.ndim), indices + index
    return a.transpose(_places(indices, output))


def _places(indices: str, wanted: str) -> list[int]:
    """Where each of the wanted indices stands; of equal ones the first, the second, …"""
    found: list[int] = []
    for k, index in enumerate(wanted):
        places = [i for i, one in enumerate(indices) if one == index]
        found.append(places[wanted[:k].count(index)])
    return found
