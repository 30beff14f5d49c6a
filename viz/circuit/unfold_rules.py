"""What a tensor operation is in scalars. Linear and multilinear ones tell by themselves, when they are run on unit arrays.

Softmax, norms and other operations that are neither have a rule each, the line that a textbook gives for them. The rules
leave out what only guards against overflow: the largest score is subtracted only where the exponentials would overflow.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from minidl.graph import Node, Primitive, data_of
from minidl.primitives import registry

from . import nary

Element = Node | float
"""A scalar of the unfolded graph: a node, or a plain number where it depends on nothing that has a gradient."""

Terms = list[tuple[float, tuple[int, ...]]]
"""A sum of products: a factor, and which element of each input is multiplied."""

_Array = np.ndarray[Any, Any]
_Shapes = Sequence[tuple[int, ...]]

_CHANCES: Final = 2**20
_LARGEST_EXPONENT: Final = 500.0
_WHOLE: Final = 1e-12
"""A coefficient that is this close to a whole number is one: only rounding keeps it from being equal."""


class Bench:
    """Makes scalar operations, and remembers which.

    Attributes:
        made: the new nodes, in order.
    """

    def __init__(self) -> None:
        self.made: list[Node] = []
        self._known: dict[tuple[str, Element], Element] = {}

    def apply(self, primitive: Primitive, *inputs: Element, **params: Any) -> Element:
        """Run an operation; what has no gradient becomes a plain number."""
        out = primitive(*inputs, **params)
        if not (isinstance(out, Node) and out.requires_grad):
            return float(data_of(out))
        self.made.append(out)
        return out

    def call(self, name: str, *inputs: Element, **params: Any) -> Element:
        """Run an operation by its name."""
        return self.apply(registry[name], *inputs, **params)

    def once(self, name: str, x: Element) -> Element:
        """Run a function of one value, or return what it gave for the same value before."""
        if (name, x) not in self._known:
            self._known[name, x] = self.call(name, x)
        return self._known[name, x]

    def total(self, terms: Sequence[Element]) -> Element:
        """Add up: one addition for any number of terms; plain numbers come last, as one."""
        nodes: list[Element] = [x for x in terms if isinstance(x, Node)]
        constant = sum(x for x in terms if not isinstance(x, Node))
        if constant or not nodes:
            nodes.append(constant)
        return self._joined(nodes, "add", nary.total)

    def product(self, factors: Sequence[Element]) -> Element:
        """Multiply; plain numbers come first, as one."""
        nodes = [x for x in factors if isinstance(x, Node)]
        constant = math.prod(x for x in factors if not isinstance(x, Node))
        return self.scaled(self._joined(nodes, "mul", nary.product) if nodes else 1.0, constant)

    def scaled(self, x: Element, factor: float, *, fraction: bool = False) -> Element:
        """Multiply by a number; by one over a whole number as a division, where a `fraction` is what is meant."""
        if not isinstance(x, Node) or factor == 0:
            return float(data_of(x)) * factor if factor else 0.0
        if factor == 1:
            return x
        if factor == -1:
            return self.call("neg", x)
        divisor = round(1 / factor)
        if fraction and abs(divisor) > 1 and abs(1 / factor - divisor) < _WHOLE * abs(divisor):
            return self.call("div", x, float(divisor))
        return self.call("mul", factor, x)

    def extremum(self, values: Sequence[Element], symbol: str, *, shared: bool) -> Element:
        """Choose the largest (`max`) or smallest (`min`); see `nary.extremum`."""
        if len(values) == 1:
            return values[0]
        if len(values) == 2 and shared:
            return self.call(f"{symbol}imum", *values)
        return self.apply(nary.extremum(len(values), symbol, shared), *values)

    def _joined(self, values: Sequence[Element], pair: str, many: Callable[[int], Primitive]) -> Element:
        if len(values) == 1:
            return values[0]
        return self.call(pair, *values) if len(values) == 2 else self.apply(many(len(values)), *values)

    def sum_of_products(self, terms: Terms, inputs: Sequence[Sequence[Element]]) -> Element:
        """Write one element of a linear or multilinear operation; a factor that all terms share comes last, as in a mean."""
        factors = {factor for factor, _ in terms}
        common = factors.pop() if len(factors) == 1 and len(terms) > 1 else 1.0
        added = [
            self.product([factor / common, *(x[i] for x, i in zip(inputs, places, strict=True))])
            for factor, places in terms
        ]
        return self.scaled(self.total(added), common, fraction=True)


# Linear and multilinear operations -------------------------------------------------------------------------------------


def linear_terms(primitive: Primitive, shapes: _Shapes, params: Mapping[str, Any]) -> list[Terms]:
    """Return each output element of a linear operation as a sum over the elements of all its inputs, counted in one row.

    >>> linear_terms(registry["mean"], [(2,)], {"dim": (0,), "keepdim": False})
    [[(0.5, (0,)), (0.5, (1,))]]
    """
    return [[(factor, (i,)) for factor, i in terms] for terms in _form(_runner(primitive, shapes, params), shapes)]


def multilinear_terms(primitive: Primitive, shapes: _Shapes, params: Mapping[str, Any]) -> list[Terms]:
    """Return each output element of a multilinear operation as a sum of products, one element of each input in each.

    >>> multilinear_terms(registry["matmul"], [(1, 2), (2, 1)], {})
    [[(1.0, (0, 0)), (1.0, (1, 1))]]
    """
    run = _runner(primitive, shapes, params)
    *first, last = shapes
    found: list[Terms] = [[] for _ in run([np.zeros(shape) for shape in shapes])]
    for places in itertools.product(*(range(math.prod(shape)) for shape in first)):
        units = [_unit(shape, i) for shape, i in zip(first, places, strict=True)]
        form = _form(lambda arrays, units=units: run([*units, *arrays]), [last])  # type: ignore[misc]
        for terms, more in zip(found, form, strict=True):
            terms += [(factor, (*places, i)) for factor, i in more]
    return found


def count_of_terms(primitive: Primitive, shapes: _Shapes, params: Mapping[str, Any]) -> int:
    """Return about how many terms there are in all output elements together, without looking for them."""
    ones = _runner(primitive, shapes, params)([np.ones(shape) for shape in shapes])
    return round(float(np.abs(ones).sum()))


def is_rearrangement(primitive: Primitive, shapes: _Shapes, params: Mapping[str, Any]) -> bool:
    """Whether every output element is one element of the inputs, or 0.

    >>> is_rearrangement(registry["reshape"], [(2, 3)], {"shape": (3, 2)})
    True
    """
    return primitive.kind == "linear" and _rearranged(_runner(primitive, shapes, params), shapes) is not None


def _runner(primitive: Primitive, shapes: _Shapes, params: Mapping[str, Any]) -> Callable[[Sequence[_Array]], _Array]:
    return lambda arrays: np.asarray(primitive.compute(arrays, dict(params))[0], np.float64).ravel()


def _form(run: Callable[[Sequence[_Array]], _Array], shapes: _Shapes) -> list[list[tuple[float, int]]]:
    """Return a linear function's coefficients that are not 0, by output element: by unit arrays, where two runs do not do."""
    places = _rearranged(run, shapes)
    if places is not None:
        return [[(1.0, place)] if place >= 0 else [] for place in places]
    size = sum(math.prod(shape) for shape in shapes)
    columns = np.stack([run(_split(row, shapes)) for row in np.eye(size)], axis=-1)
    whole = np.round(columns)
    columns = np.where(np.abs(columns - whole) < _WHOLE, whole, columns)
    return [[(float(row[i]), int(i)) for i in np.flatnonzero(row)] for row in columns]


def _rearranged(run: Callable[[Sequence[_Array]], _Array], shapes: _Shapes) -> list[int] | None:
    """Return where each output element comes from, −1 for a 0 from nowhere; None if they do not all come from one place.

    It is fed the positions themselves, and then whole numbers by chance, which no sum gives twice.
    """
    size = sum(math.prod(shape) for shape in shapes)
    if size > _CHANCES:
        return None
    found = run(_split(np.arange(1, size + 1, dtype=np.float64), shapes))
    if not np.all((found >= 0) & (found <= size) & (found == np.round(found))):
        return None
    places = found.astype(int)
    chance = np.random.default_rng(0).integers(1, _CHANCES, size).astype(np.float64)
    expected = np.concatenate([[0.0], chance])[places]
    return [int(i) - 1 for i in places] if np.array_equal(run(_split(chance, shapes)), expected) else None


def _split(row: _Array, shapes: _Shapes) -> list[_Array]:
    ends = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
    return [part.reshape(shape) for part, shape in zip(np.split(row, ends), shapes, strict=True)]


def _unit(shape: tuple[int, ...], i: int) -> _Array:
    unit = np.zeros(shape)
    unit.reshape(-1)[i] = 1.0
    return unit


# The others ------------------------------------------------------------------------------------------------------------

Reduction = Callable[[Bench, list[Element], Mapping[str, Any], int], Element]
"""One output element, number k, from the input elements that it depends on."""
RowRule = Callable[[Bench, list[Element], Mapping[str, Any]], list[Element]]
"""One output element for each of the input elements that depend on each other."""


def members_of(primitive: Primitive, shape: tuple[int, ...], params: Mapping[str, Any]) -> list[tuple[int, ...]]:
    """Return for each output element which input elements it depends on, found by changing one after the other.

    >>> members_of(registry["softmax"], (2, 2), {"dim": 1})
    [(0, 1), (0, 1), (2, 3), (2, 3)]
    """
    run = _runner(primitive, [shape], params)
    start = run([np.ones(shape)])
    depends: list[list[int]] = [[] for _ in start]
    for j in range(math.prod(shape)):
        changed = np.zeros(start.shape, bool)
        for value in (0.5, 2.0):
            probe = np.ones(shape)
            probe.reshape(-1)[j] = value
            changed |= run([probe]) != start
        for k in np.flatnonzero(changed):
            depends[k].append(j)
    return [tuple(members) for members in depends]


def _exponentials(bench: Bench, xs: Sequence[Element]) -> tuple[list[Element], float]:
    """Return exp(x) for each x, or exp(x − c) where they would overflow or all vanish, and the constant c."""
    top = max(float(data_of(x)) for x in xs)
    shift = top if _LARGEST_EXPONENT < abs(top) < math.inf else 0.0
    return [bench.once("exp", bench.call("sub", x, shift) if shift else x) for x in xs], shift


def _log_sum_exp(bench: Bench, xs: Sequence[Element]) -> Element:
    powers, shift = _exponentials(bench, xs)
    total = bench.call("log", bench.total(powers))
    return bench.call("add", total, shift) if shift else total


def _softmax(bench: Bench, xs: list[Element], params: Mapping[str, Any]) -> list[Element]:
    powers, _ = _exponentials(bench, xs)
    total = bench.total(powers)
    return [bench.call("div", power, total) for power in powers]


def _log_softmax(bench: Bench, xs: list[Element], params: Mapping[str, Any]) -> list[Element]:
    total = _log_sum_exp(bench, xs)
    return [bench.call("sub", x, total) for x in xs]


def _cross_entropy(bench: Bench, xs: list[Element], params: Mapping[str, Any], k: int) -> Element:
    """−Σ w·ln softmax(x) = Σ w·(ln Σ exp(x) − x)."""
    weights = np.asarray(data_of(params["weights"]), np.float64)[k]
    wanted = [(x, float(w)) for x, w in zip(xs, weights, strict=True) if w]
    total = _log_sum_exp(bench, xs)
    return bench.total([bench.scaled(bench.call("sub", total, x), w) for x, w in wanted])


def _squared_norm(bench: Bench, xs: list[Element], params: Mapping[str, Any], k: int) -> Element:
    return bench.total([bench.once("square", x) for x in xs])


def _norm(bench: Bench, xs: list[Element], params: Mapping[str, Any], k: int) -> Element:
    return bench.call("root", _squared_norm(bench, xs, params, k))


def _apart(bench: Bench, xs: Sequence[Element]) -> tuple[list[Element], Element]:
    """Return each x less the mean, and the sum of the squares of that."""
    mean = bench.scaled(bench.total(xs), 1 / len(xs), fraction=True)
    apart = [bench.call("sub", x, mean) for x in xs]
    return apart, bench.total([bench.call("square", x) for x in apart])


def _var(bench: Bench, xs: list[Element], params: Mapping[str, Any], k: int) -> Element:
    divisor = len(xs) - params["correction"]
    return bench.call("div", _apart(bench, xs)[1], float(divisor) if divisor > 0 else 0.0)


def _standardize(bench: Bench, xs: list[Element], params: Mapping[str, Any]) -> list[Element]:
    apart, squares = _apart(bench, xs)
    variance = bench.scaled(squares, 1 / len(xs), fraction=True)
    spread = bench.call("sqrt", bench.call("add", variance, params["eps"]))
    return [bench.call("div", x, spread) for x in apart]


def _first_largest(bench: Bench, xs: list[Element], params: Mapping[str, Any], k: int) -> Element:
    return bench.extremum(xs, "max", shared=False)


_POOLS: Final = [f"{kind}max_pool{axes}d" for kind in ("", "adaptive_") for axes in (1, 2, 3)]

REDUCTIONS: Final[dict[str, Reduction]] = {
    "squared_norm": _squared_norm,
    "norm": _norm,
    "amax": lambda bench, xs, params, k: bench.extremum(xs, "max", shared=True),
    "amin": lambda bench, xs, params, k: bench.extremum(xs, "min", shared=True),
    **dict.fromkeys(_POOLS, _first_largest),
    "prod": lambda bench, xs, params, k: bench.product(xs),
    "cumprod": lambda bench, xs, params, k: bench.product(xs),
    "logsumexp": lambda bench, xs, params, k: _log_sum_exp(bench, xs),
    "logcumsumexp": lambda bench, xs, params, k: _log_sum_exp(bench, xs),
    "var": _var,
    "cross_entropy": _cross_entropy,
}
ROW_RULES: Final[dict[str, RowRule]] = {
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "standardize": _standardize,
}
