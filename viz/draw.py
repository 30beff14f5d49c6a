"""The circuit of a value as a textbook draws it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from minidl.autodiff import backward_steps, forward_steps, gradients, local_derivative, local_derivatives, order
from minidl.errors import GraphError
from minidl.graph import Node, Primitive

from .dot import Digraph, Html, cell, font, sup, table, text
from .figure import Figure
from .metrics import text_width
from .naming import choose_names
from .notation import array_text, formula_html, name_html, number, number_html, tidy_name
from .theme import LIGHT, Theme, theme_named
from .wires import SHORTEST_WIRE, named_wire, wire_block

LARGEST: Final = 200
"""The most operations that one figure shows."""

_OVERLAP: Final = 1.0
"""A node is this much narrower (points) than the wire inside it, so that edges run into the wire without a hairline."""


@dataclass(frozen=True, slots=True)
class _Options:
    values: bool
    grads: bool
    local: bool | None
    theme: Theme


def draw(
    root: Node,
    *,
    names: Mapping[str, Any] | None = None,
    values: bool = True,
    grads: bool = True,
    local: bool | None = None,
    theme: str | Theme = LIGHT,
    title: str | None = None,
) -> Figure:
    """Draw the circuit that computed `root`: values above the wires, gradients of `root` below them.

    The gradients come from a sweep of their own; no `.grad` is read or changed.

    Args:
        root: the value; one number, unless `grads` is off.
        names: names for the values, such as `locals()`; values that have a name keep it.
        values: whether to print the values.
        grads: whether to print the gradients.
        local: whether to print local derivatives in symbols: by default those of functions, not of + and ×.
        theme: `light`, `colorblind`, or a `Theme`.
        title: what the figure is called in its alternative text.

    Raises:
        GraphError: `root` has no graph, is not one number, or has more than 200 operations.

    >>> import minidl
    >>> x, y, z = (minidl.scalar(v, name=n) for v, n in [(-2.0, "x"), (5.0, "y"), (-4.0, "z")])
    >>> print(draw((x + y) * z).steps[3])
    q = x + y = 3
    """
    nodes = _nodes(root)
    known = choose_names(nodes, names)
    options = _Options(values, grads, local, theme_named(theme))
    found = gradients(root) if grads else {}
    spoken = {node: tidy_name(name) for node, name in known.items()}
    steps = [step.text for step in forward_steps(root, spoken)] if values else []
    if grads:
        steps += [step.text for step in backward_steps(root, spoken)]
    formula = f"circuit of {spoken[root]}"
    return Figure(
        dot=_Circuit(root, nodes, known, found, options).source(),
        title=title or formula,
        text=_description(title or formula, spoken, found, options),
        steps=tuple(steps),
    )


def _nodes(root: Node) -> list[Node]:
    """Return every node of the figure, inputs first, or say why there is none."""
    if not isinstance(root, Node):
        raise GraphError(f"cannot draw a {type(root).__name__}: draw() takes a tensor that minidl computed")
    if not root.requires_grad:
        raise GraphError(
            "there is no graph to draw: this value does not depend on anything that requires a gradient; create its "
            "inputs with requires_grad=True (or minidl.scalar), and compute it outside no_grad()"
        )
    if root.primitive is None:
        raise GraphError(f"there is no graph to draw: {root.name or 'this tensor'} was given, not computed")
    nodes = order(root)
    operations = sum(node.primitive is not None for node in nodes)
    if operations > LARGEST:
        raise GraphError(
            f"this graph has {operations} operations, more than a figure can show ({LARGEST}); draw a part of it, or "
            "the network with its layers folded"
        )
    inside = set(nodes)
    constants = {x for node in nodes for x in node.inputs if isinstance(x, Node) and x not in inside}
    return sorted({*nodes, *constants}, key=lambda node: node.order)


class _Circuit:
    """One drawing in the making."""

    def __init__(
        self, root: Node, nodes: Sequence[Node], names: Mapping[Node, str], found: Mapping[Node, Any], options: _Options
    ) -> None:
        self.root = root
        self.nodes = nodes
        self.names = names
        self.found = found
        self.options = options
        self.theme = options.theme
        self.ids = {node: f"v{i}" for i, node in enumerate(nodes, 1)}
        self.graph = Digraph()

    def source(self) -> str:
        theme = self.theme
        self.graph.default(
            "graph", rankdir="LR", splines="line" if self._is_plain() else "true", nodesep=0.24, ranksep=0.16,
            ordering="in", outputorder="edgesfirst", pad=0.12, bgcolor=theme.paper, fontname=theme.font,
        )  # fmt: skip
        self.graph.default("node", fontname=theme.font, fontcolor=theme.ink)
        self.graph.default("edge", arrowsize=0.6, penwidth=1, color=theme.line, fontname=theme.font)
        for node in self.nodes:
            self._value(node)
            if node.primitive is not None:
                self._operation(node, node.primitive)
        self._output()
        return self.graph.source()

    def _is_plain(self) -> bool:
        """Whether every wire ends at the operation next to it, so that straight lines cross nothing."""
        level: dict[Node, int] = {}
        users: dict[Node, list[Node]] = {}
        for node in self.nodes:
            inputs = [x for x in node.inputs if isinstance(x, Node)]
            level[node] = 1 + max((level[x] for x in inputs), default=-1)
            for x in inputs:
                users.setdefault(x, []).append(node)
        for node, using in users.items():
            if len({level[user] for user in using}) > 1 or len(set(using)) > 2:
                return False
            if node.primitive is not None and level[using[0]] > level[node] + 1:
                return False
        return True

    def _value(self, node: Node) -> None:
        theme, options = self.theme, self.options
        gradient = self.found.get(node) if options.grads else None
        shortest = SHORTEST_WIRE if node.primitive is not None or options.values else SHORTEST_WIRE // 2
        block = wire_block(node.data if options.values else None, gradient, theme, shortest=shortest)
        if node is not self.root:
            size = theme.name_size if node.primitive is None else theme.name_size - 2
            block = named_wire(self.names[node], node.ndim, block, theme, size)
        self.graph.node(
            self.ids[node], shape="none", margin=0, fixedsize="shape",
            width=(block.width - _OVERLAP) / 72, height=block.height / 72, label=block.html,
        )  # fmt: skip

    def _operation(self, node: Node, primitive: Primitive) -> None:
        name = "o" + self.ids[node][1:]
        symbol, width = _symbol(primitive, node.params, self.theme)
        round_ = width <= 33
        self.graph.node(
            name, shape="circle" if round_ else "box", label=symbol, width=33 / 72 if round_ else width / 72,
            height=33 / 72, fixedsize=True, style="filled" if round_ else "filled,rounded", fillcolor=self.theme.fill,
            color=self.theme.line, penwidth=1.2,
        )  # fmt: skip
        note = self._note(node, primitive)
        if note is not None:
            self.graph.node(f"d{name[1:]}", shape="plain", label=note)
            self.graph.same_rank([name, f"d{name[1:]}"])
            self.graph.edge(name, f"d{name[1:]}", style="invis", weight=100)
        self._inputs(node, name)
        self.graph.edge(name, f"{self.ids[node]}:w", arrowhead="none", weight=10)

    def _inputs(self, node: Node, operation: str) -> None:
        repeated = [x for x in node.inputs if isinstance(x, Node) and sum(x is y for y in node.inputs) > 1]
        for i, x in enumerate(node.inputs):
            if isinstance(x, Node):
                head = operation
                if x in repeated and len(node.inputs) == 2:  # x · x: two strands of one wire
                    head += ":nw" if i == 0 else ":sw"
                self.graph.edge(f"{self.ids[x]}:e", head)
            else:
                constant = f"c{operation[1:]}_{i}"
                shown = array_text(x)
                label = font(number_html(float(x)) if np.ndim(x) == 0 else text(shown), self.theme.ink, self.theme.number_size)
                self.graph.node(constant, shape="none", margin="0.06,0.03", width=0.1, height=0.1, label=label)
                self.graph.edge(f"{constant}:e", operation)

    def _output(self) -> None:
        label = font(name_html(self.names[self.root], self.root.ndim), self.theme.ink, self.theme.name_size)
        self.graph.node("out", shape="none", margin="0.05,0.02", width=0.1, height=0.1, label=label)
        self.graph.edge(f"{self.ids[self.root]}:e", "out:w", weight=10)

    def _note(self, node: Node, primitive: Primitive) -> Html | None:
        """The local derivatives of an operation in symbols, and in numbers where they are single numbers."""
        local = self.options.local
        wanted = [i for i, x in enumerate(node.inputs) if isinstance(x, Node) and x.requires_grad]
        if local is False or (local is None and len(node.inputs) != 1):
            return None
        spoken = [tidy_name(self.names[x]) if isinstance(x, Node) else number(float(x)) for x in node.inputs if np.ndim(_data(x)) == 0 or isinstance(x, Node)]
        formulas = local_derivatives(primitive, spoken, tidy_name(self.names[node]), **node.params)
        ndims = {tidy_name(self.names[x]): x.ndim for x in (*node.inputs, node) if isinstance(x, Node)}
        rows = []
        for i in wanted:
            if i >= len(formulas):
                continue
            rows.append([cell(font(formula_html(formulas[i], ndims), self.theme.local, self.theme.note_size))])
            value = local_derivative(node, i)
            if np.ndim(value) == 0 and "·" in formulas[i] + "(" :
                rows.append([cell(font(text("= ") + number_html(float(value)), self.theme.local, self.theme.note_size))])
        return table(rows) if rows else None


def _data(x: Any) -> Any:
    return x.data if isinstance(x, Node) else x


def _symbol(primitive: Primitive, params: Mapping[str, Any], theme: Theme) -> tuple[Html, int]:
    """Return what stands in the operation's circle, and the width that it needs."""
    size = theme.symbol_size
    shown = primitive.notation.symbol
    if primitive.name == "matmul":
        return font(text("∙"), theme.ink, size + 12), 33
    if primitive.name == "square":
        shown = "(·)²"
    if primitive.name == "pow_by_number":
        exponent = params["exponent"]
        width = math.ceil(text_width("(·)", 18) + text_width(number(exponent), 12)) + 16
        return font(text("(·)") + sup(text(number(exponent))), theme.ink, 18), width
    if len(shown) > 1:
        size = 17
    width = math.ceil(text_width(shown, size)) + 14
    return font(text(shown), theme.ink, size), 33 if len(shown) == 1 else max(width, 33)


def _description(title: str, names: Mapping[Node, str], found: Mapping[Node, Any], options: _Options) -> str:
    """Say in words what the figure shows."""
    parts = []
    for node, name in names.items():
        words = name
        if options.values:
            words += f" = {array_text(node.data)}"
        if node in found:
            words += f" with gradient {array_text(found[node])}"
        parts.append(words)
    return f"{title[0].upper()}{title[1:]}: " + "; ".join(parts) + "."
