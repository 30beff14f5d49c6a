"""The backward pass as it was recorded: which operation sends what to which input, and which values it reads again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from minidl.autodiff import local_derivative, local_derivatives
from minidl.autodiff.sweep import quietly, starting_cotangent, sweep
from minidl.autodiff.symbols import Symbol, lift
from minidl.errors import GraphError
from minidl.graph import Node, data_of

from ..drawing.notation import number, tidy_name

HOLE: Final = "(·)"
"""What stands for the gradient that arrives, in the formula of an operation."""

_LONGEST_FORMULA: Final = 26
_BOOKKEEPING: Final = frozenset({"sum_to_size", "expand", "reshape", "to", "clone"})
"""Operations that only fit shapes and types of numbers together."""


@dataclass(frozen=True, slots=True, eq=False)
class Sent:
    """What one operation sends back to one of its inputs.

    Attributes:
        node: the operation's result.
        index: which input, counted from 0.
        target: that input.
        value: the gradient that is sent, as it was recorded.
        symbol: what is done to the gradient that arrives: `×`, `−`, a formula with `(·)` for it; "" for nothing at all.
        factor: the local derivative by which × multiplies, where it is more than a value that was computed before.
        factor_node: that, as it was recorded; None for a plain number and for a choice.
        factor_value: what it is in numbers.
        reads: the values of the forward pass that this needs again.
        recorded: how many operations the engine recorded for it.
    """

    node: Node
    index: int
    target: Node
    value: Node
    symbol: str
    factor: str
    factor_node: Node | None
    factor_value: Any
    reads: tuple[Node, ...]
    recorded: int


@dataclass(frozen=True, slots=True)
class Backward:
    """The recorded backward pass.

    Attributes:
        adjoints: ∂root/∂node for every node that wants one.
        sent: what each operation sends, in the order in which it happened.
        recorded: how many operations were recorded, sums included.
    """

    adjoints: Mapping[Node, Node]
    sent: tuple[Sent, ...]
    recorded: int


def record_backward(root: Node, names: Mapping[Node, str]) -> Backward:
    """Run the backward pass of `root` with recording on, and read what was recorded.

    Args:
        root: one number.
        names: what the values are called in formulas.

    Raises:
        GraphError: `root` is not one number, or what it was computed from is freed.

    >>> import minidl
    >>> x, y = minidl.scalar(3.0, name="x"), minidl.scalar(4.0, name="y")
    >>> [(s.symbol, s.reads[0].name) for s in record_backward(x * y, {x: "x", y: "y"}).sent]
    [('×', 'y'), ('×', 'x')]
    """
    if root.data.size != 1:
        raise GraphError(
            f"the backward pass starts from one number, and {root.name or 'this tensor'} has shape {root.shape}; draw a "
            "loss: z.sum(), (z * z).sum() …"
        )
    start = root.result_class(data_of(starting_cotangent(root, None)))
    start._requires_grad = True  # so that linear rules, which read no value, are recorded too
    begun = start.order
    adjoints: dict[Node, Node] = {}
    sent: list[Sent] = []
    seen: set[Node] = set()
    with quietly(recording=True):
        events = list(sweep({root: start}, create_graph=True))
    for event in events:
        adjoints[event.node] = _as_node(event.upstream, event.node)
        for part in event.contributions:
            value = _as_node(part.value, part.node)
            made = _made(value, event.upstream, begun)
            seen.update(made, _made(_as_node(part.total, part.node), event.upstream, begun))
            sent.append(_read(event.node, part.index, value, event.upstream, made, names))
    return Backward(adjoints, tuple(sent), len(seen))


def _as_node(value: Any, like: Node) -> Node:
    return value if isinstance(value, Node) else like.result_class(value)


def _made(value: Node, upstream: Node, begun: int) -> list[Node]:
    """Return the operations recorded between the gradient that arrives and `value`, first things first."""
    found: set[Node] = set()
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if node is upstream or node in found or node.order <= begun or node.primitive is None:
            continue
        found.add(node)
        waiting += [x for x in node.inputs if isinstance(x, Node)]
    return sorted(found, key=lambda node: node.order)


def _read(node: Node, index: int, value: Node, upstream: Node, made: Sequence[Node], names: Mapping[Node, str]) -> Sent:
    """Say what was done to the gradient that arrives, as a textbook would."""
    primitive = node.primitive
    assert primitive is not None
    target = node.inputs[index]
    earlier = {x for operation in made for x in operation.inputs if isinstance(x, Node) and x.order <= node.order}
    given = [*node.inputs, node]
    reads = [x for x in dict.fromkeys(given) if x in earlier]
    if made and not reads:  # what a rule looks at without computing with it, such as the sign that ReLU asks for
        looked = primitive.reads(index, len(node.inputs))
        reads = [x for x in dict.fromkeys(given[i] for i in sorted(looked)) if isinstance(x, Node)]
    symbol, factor, of = _work(node, index, upstream, made, names) if value is not upstream else ("", "", None)
    number_of = local_derivative(node, index) if factor and of is None else data_of(of)
    return Sent(node, index, target, value, symbol, factor, of, number_of, tuple(reads), len(made))


def _work(
    node: Node, index: int, upstream: Node, made: Sequence[Node], names: Mapping[Node, str]
) -> tuple[str, str, Node | None]:
    """Return the symbol of what is done, the formula of the factor, and the factor as it was recorded."""
    depends = {upstream}
    for operation in made:
        if any(x in depends for x in operation.inputs if isinstance(x, Node)):
            depends.add(operation)
    line = [operation for operation in made if operation in depends]
    inner = [operation for operation in line if _name(operation) not in _BOOKKEEPING]
    if _name(node) == "matmul" and node.ndim > 0:
        return _pullback(node, index, names), "", None
    if not inner:  # a broadcast is undone, or done
        fitting = [operation for operation in line if _name(operation) in {"sum_to_size", "expand"}] or line
        return fitting[-1].primitive.notation.symbol, "", None  # type: ignore[union-attr]
    core = inner[0]
    if len(inner) == 1 and _name(core) == "neg":
        return "−", "", None
    if len(inner) == 1 and _name(core) in {"mul", "where"}:
        factor = next((x for x in core.inputs if x not in depends), None)
        if _name(core) == "mul" and isinstance(factor, Node) and factor.order <= node.order:
            return "×", "", None
        formula = _factor(node, index, names)
        if formula:
            return "×", formula, factor if isinstance(factor, Node) and _name(core) == "mul" else None
        if _name(core) == "mul" and not isinstance(factor, Node | None) and np.ndim(factor) == 0:
            return "×", number(float(factor)), None
    return _pullback(node, index, names), "", None


def _name(node: Node) -> str:
    return node.primitive.name if node.primitive else ""


def _symbols(node: Node, names: Mapping[Node, str]) -> list[Symbol]:
    return [
        Symbol(tidy_name(names[x]), value=x.data) if isinstance(x, Node) else lift(np.asarray(x)) for x in node.inputs
    ]


def _factor(node: Node, index: int, names: Mapping[Node, str]) -> str:
    """Return the local derivative in symbols, or nothing where the engine does not write it."""
    assert node.primitive is not None
    spoken = [x.text for x in _symbols(node, names)]
    formulas = local_derivatives(node.primitive, spoken, tidy_name(names.get(node, "z")), **node.params)
    formula = formulas[index].partition(" = ")[2] if index < len(formulas) else ""
    return formula if len(formula) <= _LONGEST_FORMULA and "array" not in formula else ""


def _pullback(node: Node, index: int, names: Mapping[Node, str]) -> str:
    """Return the rule in symbols, with (·) for the gradient that arrives; where that is too long, the rule's name."""
    primitive = node.primitive
    assert primitive is not None
    symbols = _symbols(node, names)
    if primitive.name == "matmul" and node.ndim > 0:
        other = symbols[1 - index].text
        other = other[:-1] if other.endswith("ᵀ") else f"{other}ᵀ"
        return f"{HOLE}\u2009{other}" if index == 0 else f"{other}\u2009{HOLE}"
    short = f"∂ {primitive.notation.symbol}"
    needs = [i == index for i in range(len(symbols))]
    hole, out = Symbol(HOLE, value=np.ones_like(node.data)), Symbol(tidy_name(names.get(node, "z")), value=node.data)
    try:
        with quietly(recording=False):
            sent = primitive.vjp(hole, out, symbols, node.saved, node.params, needs)
    except (AttributeError, TypeError, ValueError, IndexError):
        return short  # this rule needs more than symbols can say
    text = lift(sent[index]).text
    return short if text == HOLE or len(text) > _LONGEST_FORMULA or "array" in text or "…" in text else text
