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

from ..drawing.dot import Digraph, Html, font, text
from ..drawing.figure import Figure
from ..drawing.metrics import text_width
from ..drawing.notation import array_text, formula_html, name_html, number, number_html, tidy_name
from ..drawing.theme import LIGHT, Theme, theme_named
from .gates import CIRCLE, box, symbol_of
from .naming import choose_names
from .wires import SHORTEST_WIRE, Block, bare, line_height, name_width, named_wire, wire_block

LARGEST: Final = 200
"""The most operations that one figure shows."""

_LONGEST_NOTE: Final = 110


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
    nodes = circuit_nodes(root)
    known = choose_names(nodes, names)
    options = _Options(values, grads, local, theme_named(theme))
    found = gradients(root) if grads else {}
    spoken = {node: tidy_name(name) for node, name in known.items()}
    # A transpose is called what it is: Wᵀ = Wᵀ says nothing.
    steps = (
        [
            step.text.replace(f"{spoken[step.node]} = {spoken[step.node]} = ", f"{spoken[step.node]} = ")
            for step in forward_steps(root, spoken)
        ]
        if values
        else []
    )
    if grads:
        steps += [step.text for step in backward_steps(root, spoken)]
    formula = f"circuit of {spoken[root]}"
    return Figure(
        dot=_Circuit(root, nodes, known, found, options).source(),
        title=title or formula,
        text=_description(title or formula, spoken, found, options),
        steps=tuple(steps),
    )


def circuit_nodes(root: Node) -> list[Node]:
    """Return every node of the figure, constant ones included, inputs first, or say why there is none.

    Raises:
        GraphError: `root` has no graph, or one of more than 200 operations.

    >>> import minidl
    >>> [node.data.item() for node in circuit_nodes(minidl.scalar(2.0) * minidl.tensor(3.0))]
    [2.0, 3.0, 6.0]
    """
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
        self.below = options.grads or not options.values
        self._survey()

    def source(self) -> str:
        theme = self.theme
        self.plain = self._is_plain()
        branching = any(len(users) > 1 for users in self.users.values())
        self.graph.default(
            "graph", rankdir="LR", splines="line" if self.plain else "true", nodesep=0.24,
            ranksep=0.16 if not branching else 0.3 if self.plain else 0.4, outputorder="edgesfirst", pad=0.12, margin=0,
            bgcolor=theme.paper, fontname=theme.font,
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
        for node in self.nodes:
            using = self.users[node]
            if len(set(using)) > 1:
                return False
            if using and node.primitive is not None and self.level[using[0]] > self.level[node] + 1:
                return False
        return True

    def _survey(self) -> None:
        """Find each value's users and level, and how wide the wires of each column are, so that they end in one line."""
        theme, options = self.theme, self.options
        self.level: dict[Node, int] = {}
        self.users: dict[Node, list[Node]] = {node: [] for node in self.nodes}
        for node in self.nodes:
            inputs = [x for x in node.inputs if isinstance(x, Node)]
            self.level[node] = 1 + max((self.level[x] for x in inputs), default=-1)
            for x in inputs:
                self.users[x].append(node)
        self.rows = {node for node in self.nodes if node.ndim == 1 and self._is_row(node)}
        self.wire_widths: dict[int, int] = {}
        self.name_widths: dict[int, int] = {}
        for node in self.nodes:
            column = self._column(node)
            shortest = SHORTEST_WIRE if options.values or options.grads else SHORTEST_WIRE // 2
            wire = wire_block(*self._numbers(node), theme, shortest=shortest, below=self.below)
            self.wire_widths[column] = max(wire.width, self.wire_widths.get(column, 0))
            width = name_width(self.names[node], node.ndim, self._name_size(node))
            self.name_widths[column] = max(width, self.name_widths.get(column, 0))

    def _is_row(self, node: Node) -> bool:
        """Whether a vector is written as a row: a transposed one, or one that every row of a matrix meets."""
        if node.primitive is not None:
            return node.primitive.name == "permute"
        return any(
            user.ndim == 2 and user.primitive.kind == "elementwise" for user in self.users[node] if user.primitive
        )

    def _column(self, node: Node) -> int:
        return min((self.level[user] for user in self.users[node]), default=self.level[node] + 1)

    def _numbers(self, node: Node) -> tuple[Any, Any]:
        value = node.data if self.options.values else None
        gradient = self.found.get(node) if self.options.grads else None
        if node in self.rows:
            value, gradient = (None if array is None else np.reshape(array, (1, -1)) for array in (value, gradient))
        return value, gradient

    def _name_size(self, node: Node) -> int:
        return self.theme.name_size - (0 if node.primitive is None else 2)

    def _value(self, node: Node) -> None:
        column = self._column(node)
        wire = wire_block(*self._numbers(node), self.theme, shortest=self.wire_widths[column], below=self.below)
        if node is self.root:
            block = bare(wire)
        else:
            block = named_wire(
                self.names[node],
                node.ndim,
                wire,
                self.theme,
                self._name_size(node),
                self.name_widths[column],
                self.below,
            )
        self.graph.node(self.ids[node], shape="plain", label=block.html)

    def _operation(self, node: Node, primitive: Primitive) -> None:
        theme = self.theme
        name = "o" + self.ids[node][1:]
        elementwise = all(np.ndim(x.data if isinstance(x, Node) else x) > 0 for x in node.inputs)
        symbol, width = symbol_of(primitive, node.params, elementwise, theme)
        note = self._note(node, primitive)
        if width <= CIRCLE and not note:
            self.graph.node(
                name, shape="circle", label=symbol, width=CIRCLE / 72, height=CIRCLE / 72, fixedsize="shape",
                style="filled", fillcolor=theme.fill, color=theme.line, **self._order(node),
            )  # fmt: skip
            self._inputs(node, name)
        else:
            # A wire that branches may come from below: the text then stands clear of it, to the right.
            straight = len(node.inputs) == 1 and all(len(self.users[x]) == 1 for x in node.inputs)
            label = box(symbol, width, note, len(node.inputs), straight, theme)
            self.graph.node(name, shape="plain", label=label, **self._order(node))
            name += ":b"
            self._inputs(node, name)
            name += ":e"
        start = "w" if self.below else "r:w" if node is self.root else "n:w"
        self.graph.edge(name, f"{self.ids[node]}:{start}", arrowhead="none", weight=10)

    def _order(self, node: Node) -> dict[str, str]:
        """Operands stand in their order, from the top; where wires branch, a sum or a product gives way to fewer crossings."""
        assert node.primitive is not None
        return {} if not self.plain and node.primitive.name in {"add", "mul"} else {"ordering": "in"}

    def _inputs(self, node: Node, operation: str) -> None:
        theme = self.theme
        pair = len(node.inputs) == 2
        twice = pair and self.plain and node.inputs[0] is node.inputs[1]  # x · x: two strands of one wire
        # Lines that bend may come from anywhere: they pass a point of their own, the first operand's above the second's.
        apart = pair and not self.plain and self._bends(node)
        for i, x in enumerate(node.inputs):
            head = f"{operation}:{'sw' if i else 'nw'}" if twice else operation
            if operation.endswith(":b"):
                head = f"{operation}:w" if len(node.inputs) == 1 else f"{operation[:-1]}p{i}:w"
            options: dict[str, Any] = {"minlen": 2} if twice else {"weight": 4} if len(node.inputs) == 1 else {}
            if apart:
                point = f"j{self.ids[node][1:]}_{i}"
                self.graph.node(point, shape="point", width=0.014, color=theme.line, fillcolor=theme.line, penwidth=0.5)
                self.graph.edge(point, head, weight=4)
                head, options = f"{point}:w", {"arrowhead": "none"}
            if isinstance(x, Node):
                self.graph.edge(self._end(x), head, **options)
            else:
                constant = f"c{self.ids[node][1:]}_{i}"
                shown = array_text(x)
                content = number_html(float(x), size=theme.number_size) if np.ndim(x) == 0 else text(shown)
                label = font(content, theme.ink, theme.number_size)
                self.graph.node(constant, shape="none", margin="0.06,0.03", width=0.1, height=0.1, label=label)
                self.graph.edge(f"{constant}:e", head, **options)

    def _end(self, node: Node) -> str:
        """Where a value's wire ends, to the right."""
        return f"{self.ids[node]}:e" if self.below else f"{self.ids[node]}:r:e"

    def _bends(self, node: Node) -> bool:
        """Whether a wire may come to this operation from anywhere, and its operands' order matters or they are one."""
        if node.inputs[0] is node.inputs[1]:
            return True
        operands = [x for x in node.inputs if isinstance(x, Node)]
        near = all(len(self.users[x]) == 1 and self.level[x] in {0, self.level[node] - 1} for x in operands)
        return bool(self._order(node)) and not near

    def _output(self) -> None:
        size = self.theme.name_size
        label = font(name_html(self.names[self.root], self.root.ndim, size), self.theme.ink, size)
        self.graph.node("out", shape="none", margin="0.07,0.02", width=0.1, height=0.1, label=label)
        self.graph.edge(self._end(self.root), "out:w", weight=10)

    def _note(self, node: Node, primitive: Primitive) -> list[Block]:
        """The local derivatives of an operation in symbols, and in numbers where they are single numbers."""
        if self.options.local is False or (self.options.local is None and len(node.inputs) != 1):
            return []
        theme = self.theme
        elements = primitive.kind == "elementwise" and node.ndim > 0
        spoken = [self._spoken(x, elements) if isinstance(x, Node) else array_text(x) for x in node.inputs]
        out = self._spoken(node, elements)
        if elements and "_" not in out:
            return []  # no letter is left for the element
        formulas = local_derivatives(primitive, spoken, out, **node.params)
        ndims = {
            self._spoken(x, elements): 0 if elements else x.ndim for x in (*node.inputs, node) if isinstance(x, Node)
        }
        lines = []
        for i, (formula, x) in enumerate(zip(formulas, node.inputs, strict=False)):
            if not (isinstance(x, Node) and x.requires_grad):
                continue
            constant = not any(name in formula.split("=")[1] for name in ndims)
            if constant and self.options.local is None:
                continue
            value = local_derivative(node, i)
            if np.ndim(value) != 0 or constant:
                lines.append(self._line(formula_html(formula, ndims, theme.note_size), formula))
                continue
            local = formula_html(formula, ndims, theme.note_size)
            equal, shown = number_html(float(value), size=theme.note_size), number(float(value))
            together = self._line(local + text(" = ") + equal, f"{formula} = {shown}")
            if together.width <= _LONGEST_NOTE or len(node.inputs) > 1:
                lines.append(together)
            else:
                lines += [self._line(local, formula), self._line(text("= ") + equal, f"= {shown}")]
        return lines

    def _spoken(self, node: Node, elements: bool) -> str:
        """Return a value's name in a formula, or that of one element, such as h_i: a function acts on each by itself."""
        name = tidy_name(self.names[node])
        if not elements or not 0 < node.ndim <= 2 or name != self.names[node] or "_" in name or "ᵀ" in name:
            return name
        return f"{name}_{'ij'[: node.ndim]}"

    def _line(self, content: Html, plain: str) -> Block:
        size = self.theme.note_size
        return Block(font(content, self.theme.local, size), math.ceil(text_width(plain, size)) + 8, line_height(size))


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
