"""The slips that people make when they compute a value: found by computing what stands next to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

import numpy as np

from minidl.autodiff import local_derivative
from minidl.autodiff.symbols import Symbol, expression, formula
from minidl.errors import MinidlError
from minidl.graph import Node, Primitive, data_of
from minidl.primitives import registry

from ..drawing.notation import array_text

Slip = tuple[Any, str]
"""A wrong answer and what to say to it."""

_JOINED: Final = {
    "add": "There {0} and {1} are added",
    "sub": "There {1} is subtracted from {0}",
    "mul": "There {0} and {1} are multiplied",
    "div": "There {0} is divided by {1}",
    "pow": "There {0} is raised to the power of {1}",
}
_FUNCTIONS: Final = (
    "square", "sqrt", "relu", "sigmoid", "tanh", "exp", "log", "log10", "log2", "sin", "cos", "tan", "abs", "reciprocal",
)  # fmt: skip
_OF_ANGLES: Final = ("sin", "cos", "tan")

_REDUCED: Final[tuple[tuple[str, Callable[[Any], Any]], ...]] = (
    ("That is the sum of the entries; {here} is asked.", np.sum),
    ("That is the sum of their sizes, without signs; {here} is asked.", lambda x: np.sum(np.abs(x))),
    ("That is the sum of the squares; {here} is asked.", lambda x: np.sum(x * x)),
    ("There the root of the sum of squares is taken; {here} is asked.", lambda x: np.sqrt(np.sum(x * x))),
    ("That is the square of the sum; {here} is asked.", lambda x: np.sum(x) ** 2),
    ("That is the mean; {here} is asked.", np.mean),
    ("That is the mean of the squares; {here} is asked.", lambda x: np.mean(x * x)),
    ("That is the product of the entries; {here} is asked.", np.prod),
    ("That is the largest entry; {here} is asked.", np.max),
)


def computing(node: Node, names: Mapping[Node, str]) -> Iterator[Slip]:
    """Find the slips in computing a node from its inputs, the more common ones first.

    Args:
        node: the result of one operation.
        names: what the values are called.

    >>> import minidl
    >>> x, y = minidl.scalar(-2.0, name="x"), minidl.scalar(5.0, name="y")
    >>> [(float(value), say) for value, say in computing(x - y, {x: "x", y: "y"})][0]
    (7.0, 'The right size; look at its sign again.')
    """
    primitive = node.primitive
    if primitive is None:
        return
    own = primitive.notation.symbol
    inputs = [np.asarray(data_of(x)) for x in node.inputs]
    said = [_said(x, names) for x in node.inputs]
    everywhere = ", everywhere" if node.ndim else ""
    yield -node.data, f"The right size; look at its sign again{everywhere}."
    yield from _found(_signs(primitive, inputs, said, node.params))
    if len(inputs) == 2:
        yield from _found(_of_two(primitive, inputs, said, node.params))
    elif len(inputs) == 1:
        yield from _found(_of_one(node, primitive, inputs[0], said[0], formula(node, names)))
        yield from _found(_along_axes(node, primitive, inputs[0], formula(node, names)))
    for value, name in zip(inputs, said, strict=True):
        yield value, f"That is {name}, which goes in; {own} is still to be done."


Attempt = tuple[Callable[[], Any], str]


def _found(attempts: Iterator[Attempt]) -> Iterator[Slip]:
    """Compute what can be computed: not every neighbour takes these shapes."""
    for attempt, say in attempts:
        try:
            with np.errstate(all="ignore"):
                value = attempt()
        except (MinidlError, ValueError, TypeError, IndexError, ArithmeticError):
            continue
        yield value, say


def _said(x: Any, names: Mapping[Node, str]) -> str:
    return names.get(x, "what comes in") if isinstance(x, Node) else array_text(x)


def _run(primitive: Primitive, *inputs: Any, **params: Any) -> Callable[[], Any]:
    return lambda: primitive.compute(inputs, params)[0]


def _signs(primitive: Primitive, inputs: list[Any], said: list[str], params: Mapping[str, Any]) -> Iterator[Attempt]:
    """The sign of one input gets lost."""
    for i, x in enumerate(inputs):
        if np.any(x):
            turned = [-each if k == i else each for k, each in enumerate(inputs)]
            negative = f": {said[i]} is negative" if x.ndim == 0 and x < 0 else ""
            yield _run(primitive, *turned, **params), f"Look again at the sign of {said[i]}{negative}."


def _of_two(primitive: Primitive, inputs: list[Any], said: list[str], params: Mapping[str, Any]) -> Iterator[Attempt]:
    first, second = inputs
    one, two = said
    yield _run(primitive, second, first, **params), f"The order matters: {one} comes first, then {two}."
    symbol = primitive.notation.symbol
    if primitive.name == "matmul":
        of_vectors = first.ndim == second.ndim == 1
        rest = "they are still to be added up" if of_vectors else "a product goes row by column"
        yield lambda: first * second, f"There the entries are multiplied one by one; {rest}."
        yield lambda: np.sum(first * second), "The product of each row is an entry of its own: they are not added up."
        yield lambda: first.T @ second, f"There {one} is transposed: take its rows, not its columns."
        yield lambda: first @ second.T, f"There {two} is transposed."
        if of_vectors:
            yield (
                lambda: np.outer(first, second),
                "That is every entry times every entry; a product ends in one number.",
            )
        yield lambda: (first @ second).T, "That is the transposed result: rows and columns are exchanged."
        return
    for name, done in _JOINED.items():
        if name != primitive.name:
            yield _run(registry[name], first, second), f"{done.format(one, two)}; {symbol} is asked."
    for name in ("sub", "div"):
        if name != primitive.name:
            yield _run(registry[name], second, first), f"{_JOINED[name].format(two, one)}; {symbol} is asked."


def _of_one(node: Node, primitive: Primitive, x: Any, said: str, here: str) -> Iterator[Attempt]:
    own = primitive.notation.symbol
    yield lambda: x, f"That is {said} itself; {own} is still to be done."
    if "exponent" in node.params:
        exponent = node.params["exponent"]
        yield lambda: x * exponent, f"There {said} is multiplied by the exponent; it is raised to that power."
    if primitive.name == "square":
        yield lambda: 2 * x, f"There {said} is doubled; it is squared."
    if primitive.name in _OF_ANGLES:
        angle = np.deg2rad(x)
        yield _run(primitive, angle), f"That is {own} in degrees; {said} is in radians."
    yield lambda: local_derivative(node, 0), f"That is how fast {here} grows, its derivative; its value is asked."
    for name in _FUNCTIONS if x.shape == node.shape else ():
        if name != primitive.name and registry[name].notation.symbol != own:
            other = expression(registry[name], [Symbol(said)], {}).text
            yield _run(registry[name], x), f"That is {other}; {here} is asked."


def _along_axes(node: Node, primitive: Primitive, x: Any, here: str) -> Iterator[Attempt]:
    """The entries are taken together in another way, or along another axis."""
    dims = node.params.get("dim")
    if dims is not None and node.ndim:
        for axis in range(x.ndim):
            other = (axis,) if isinstance(dims, tuple) else axis
            if other != dims:
                yield _run(primitive, x, **{**node.params, "dim": other}), "That goes along the other axis."
    if node.ndim == 0 and x.ndim:
        for say, function in _REDUCED:
            yield partial(function, x), say.format(here=here)
    if node.ndim == 2:
        yield lambda: node.data.T, "That is the transposed result: rows and columns are exchanged."
