"""From the engine's record to a diagram: a wire a value, a gate an operation."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import numpy as np

from minidl.autodiff import gradients, local_derivative, local_derivatives, order
from minidl.errors import GraphError
from minidl.graph import Node, Primitive
from minidl.kernels.device import fetched
from minidl.nn import Parameter

from ..drawing.block import Block, Face, line_block
from ..drawing.dot import Html, text
from ..drawing.notation import array_text, formula_html, number, number_html, percent, tidy_name
from ..drawing.theme import Theme
from .diagram import Constant, Diagram, Fold, Gate, Wire
from .gates import symbol_of

_LONGEST_NOTE: Final = 110
_LONGEST_LINE: Final = 260
_SATURATED: Final = 0.01
"""A unit is saturated where the slope of its function is less than this part of the steepest that the function has."""

_STEEPEST: Final = {"sigmoid": 0.25, "tanh": 1.0, "hardsigmoid": 1 / 6, "hardtanh": 1.0, "softsign": 1.0}


@dataclass(frozen=True, slots=True)
class Zoom:
    """Which operations are not drawn by themselves.

    Attributes:
        folds: of each operation that is folded, the key of its box; one box is a run of operations, one after another.
        labels: what stands on each box.
        paths: of each operation, the boxes around it, from the outermost.
        titles: what stands above each of these.
        merged: operations that only bundle values, drawn as part of what uses them.
        nameless: values on the way whose names are left out.
        remarks: what a reader must be told.
    """

    folds: Mapping[Node, str] = field(default_factory=dict)
    labels: Mapping[str, Fold] = field(default_factory=dict)
    paths: Mapping[Node, tuple[str, ...]] = field(default_factory=dict)
    titles: Mapping[str, tuple[Html, str]] = field(default_factory=dict)
    merged: frozenset[Node] = frozenset()
    nameless: frozenset[Node] = frozenset()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """What is printed: values, gradients, and local derivatives (None: of functions, not of + and ×)."""

    values: bool = True
    grads: bool = True
    local: bool | None = None


def circuit_nodes(root: Node) -> list[Node]:
    """Return every node of the figure, constant ones included, inputs first, or say why there is none.

    Raises:
        GraphError: `root` has no graph.

    >>> import minidl
    >>> [node.data.item() for node in circuit_nodes(minidl.scalar(2.0) * minidl.tensor(3.0))]
    [2.0, 3.0, 6.0]
    """
    if not isinstance(root, Node):
        raise GraphError(f"cannot draw a {_kind(root)}: a figure or deck takes a tensor that minidl computed")
    if not root.requires_grad:
        raise GraphError(
            "there is no graph to draw: this value does not depend on anything that requires a gradient; create its "
            "inputs with requires_grad=True (or minidl.scalar), and compute it outside no_grad()"
        )
    if root.primitive is None:
        raise GraphError(f"there is no graph to draw: {root.name or 'this tensor'} was given, not computed")
    nodes = order(root)
    inside = set(nodes)
    constants = {x for node in nodes for x in node.inputs if isinstance(x, Node) and x not in inside}
    return sorted({*nodes, *constants}, key=lambda node: node.order)


def _kind(value: object) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def visible_nodes(root: Node, nodes: Sequence[Node], zoom: Zoom) -> list[Node]:
    """Return what is drawn as a wire: all that is read by another box than the one that it is made or kept in."""
    folds = zoom.folds
    used = {root}
    kept: dict[Node, set[str | None]] = {}
    for node in nodes:
        for x in node.inputs:
            if not isinstance(x, Node):
                continue
            if x.primitive is None:
                kept.setdefault(x, set()).add(folds.get(node))
            elif folds.get(x) != folds.get(node) or folds.get(x) is None:
                used.add(x)
    # What only a box reads and a layer learns is counted on the box.
    used.update(leaf for leaf, boxes in kept.items() if None in boxes or not isinstance(leaf, Parameter))
    return [node for node in nodes if node in used and node not in zoom.merged]


def record(
    root: Node, nodes: Sequence[Node], names: Mapping[Node, str], zoom: Zoom, content: Content, theme: Theme
) -> Diagram:
    """Make the diagram of `root`.

    Args:
        root: what was computed.
        nodes: all nodes of its graph, as `circuit_nodes` lists them.
        names: what each of the `visible_nodes` is called.
        zoom: what is folded and boxed.
        content: what is printed.
        theme: in which the notes are set.
    """
    return _Recording(root, nodes, names, zoom, content, theme).diagram()


class _Recording:
    def __init__(
        self,
        root: Node,
        nodes: Sequence[Node],
        names: Mapping[Node, str],
        zoom: Zoom,
        content: Content,
        theme: Theme,
    ) -> None:
        self.root = root
        self.nodes = nodes
        self.names = names
        self.zoom = zoom
        self.content = content
        self.theme = theme
        self.found = gradients(root) if content.grads else {}
        self.numbers = {node: i for i, node in enumerate(nodes, 1)}
        self.wires: dict[Node, Wire] = {}
        self.items: list[Wire | Gate] = []

    def diagram(self) -> Diagram:
        used = self.names
        gates: dict[str, Gate] = {}
        for node in self.nodes:
            if node in self.zoom.merged or (node.primitive is None and node not in used):
                continue
            if node.primitive is None:
                self._add_wire(node)
                continue
            key = self.zoom.folds.get(node)
            if key is None:
                gate = self._gate(node, node.primitive)
            elif key not in gates:
                gate = gates[key] = Gate(
                    f"o{self.numbers[node]}", [], [], path=self.zoom.paths.get(node, ()), fold=self.zoom.labels[key]
                )
            else:
                gate = gates[key]
            if gate not in self.items[-1:] and (key is None or not gate.outputs):
                self._place(gate, key)
            if key is not None:
                self._add_inputs(gate, node, key)
            if key is None or node in used:
                gate.outputs.append(self._add_wire(node))
        diagram = Diagram(self.items, self.wires[self.root], dict(self.zoom.titles), list(self.zoom.remarks))
        diagram.connect()
        for wire in diagram.wires:
            wire.row = wire.ndim == 1 and _is_row(wire)
        return diagram

    def _place(self, gate: Gate, key: str | None) -> None:
        if key is None or gate not in self.items:
            self.items.append(gate)

    def _add_inputs(self, gate: Gate, node: Node, key: str) -> None:
        for x in node.inputs:
            if isinstance(x, Node) and self.zoom.folds.get(x) != key and x in self.wires:
                wire = self.wires[x]
                if wire not in gate.inputs:
                    gate.inputs.append(wire)

    def _add_wire(self, node: Node) -> Wire:
        wire = Wire(
            f"v{self.numbers[node]}", self.names[node], tuple(node.shape), str(node.dtype),
            fetched(node.data) if self.content.values else None, self.found.get(node), node,
            nameless=node in self.zoom.nameless,
        )  # fmt: skip
        self.wires[node] = wire
        self.items.append(wire)
        return wire

    def _gate(self, node: Node, primitive: Primitive) -> Gate:
        elementwise = all(np.ndim(x.data if isinstance(x, Node) else x) > 0 for x in node.inputs)
        inputs = list(self._operands(node))
        _, width = symbol_of(primitive, node.params, elementwise, self.theme)
        return Gate(
            f"o{self.numbers[node]}",
            [self.wires[x] if isinstance(x, Node) else Constant(fetched(x)) for x in inputs],
            [],
            node,
            partial(_symbol, primitive, node.params, elementwise, self.theme),
            width,
            self._note(node, primitive),
            self.zoom.paths.get(node, ()),
            primitive.name not in {"add", "mul"},
        )

    def _operands(self, node: Node) -> list[Any]:
        """The inputs of an operation, with bundles of values opened."""
        operands: list[Any] = []
        for x in node.inputs:
            operands += self._operands(x) if isinstance(x, Node) and x in self.zoom.merged else [x]
        return operands

    # What is written below a gate -----------------------------------------------------------------------------------------

    def _note(self, node: Node, primitive: Primitive) -> list[Face]:
        """The local derivatives of an operation in symbols, in numbers where they are single numbers, and its badges."""
        return [*self._local(node, primitive), *self._badges(node, primitive)]

    def _local(self, node: Node, primitive: Primitive) -> list[Face]:
        local = self.content.local
        nameless = node in self.zoom.nameless
        if local is False or (local is None and len(node.inputs) != 1):
            return []
        if any(isinstance(x, Node) and x in self.zoom.merged for x in node.inputs):
            return []
        theme = self.theme
        elements = primitive.kind == "elementwise" and node.ndim > 0
        spoken = [self._spoken(x, elements) if isinstance(x, Node) else array_text(fetched(x)) for x in node.inputs]
        out = self._spoken(node, elements)
        if elements and "_" not in out:
            return []  # no letter is left for the element
        formulas = local_derivatives(primitive, spoken, out, **node.params)
        ndims = {
            self._spoken(x, elements): 0 if elements else x.ndim for x in (*node.inputs, node) if isinstance(x, Node)
        }
        lines: list[Face] = []
        for i, (formula, x) in enumerate(zip(formulas, node.inputs, strict=False)):
            if not (isinstance(x, Node) and x.requires_grad):
                continue
            constant = not any(name in formula.split("=")[1] for name in ndims)
            if constant and local is None:
                continue
            value = local_derivative(node, i)
            if nameless:  # what it is a derivative of has no name to be called by
                formula = formula.split(" = ")[1]  # noqa: PLW2901
                if re.search(rf"(?<!\w){re.escape(out)}(?!\w)", formula):
                    continue
            written = formula_html(formula, ndims, theme.note_size)
            if self._line(theme.local, written, formula).width > _LONGEST_LINE:
                continue  # a rule as long as that explains nothing in a figure
            if np.ndim(value) != 0 or constant:
                lines.append(self._face(written, formula))
                continue
            equal, shown = number_html(float(value), size=theme.note_size), number(float(value))
            together = written + text(" = ") + equal, f"{formula} = {shown}"
            if self._line(theme.local, *together).width <= _LONGEST_NOTE or len(node.inputs) > 1:
                lines.append(self._face(*together))
            else:
                lines += [self._face(written, formula), self._face(text("= ") + equal, f"= {shown}")]
        return lines

    def _badges(self, node: Node, primitive: Primitive) -> list[Face]:
        """Say how many units of an activation pass (almost) nothing back."""
        if self.content.local is False or node.data.size < 2 or not np.issubdtype(node.dtype, np.floating):
            return []
        if primitive.name == "relu":
            share, word = float(np.mean(fetched(node.data) == 0)), "dead"
        elif primitive.name in _STEEPEST:
            slope = np.abs(local_derivative(node, 0))
            share, word = float(np.mean(slope < _SATURATED * _STEEPEST[primitive.name])), "saturated"
        else:
            return []
        shown = f"{percent(share)} {word}".replace(" %", "\u2009%")  # narrow, as beside every number of a circuit
        return [partial(self._badge, shown)] if share > 0 else []

    def _badge(self, shown: str, color: str) -> Block:
        return line_block(
            text(shown), shown, self.theme.accent if color == self.theme.local else color, self.theme.note_size
        )

    def _spoken(self, node: Node, elements: bool) -> str:
        """Return a value's name in a formula, or that of one element, such as h_i: a function acts on each by itself."""
        name = tidy_name(self.names[node])
        if not elements or not 0 < node.ndim <= 2 or name != self.names[node] or "_" in name or "ᵀ" in name:
            return name
        return f"{name}_{'ij'[: node.ndim]}"

    def _line(self, color: str, content: Html, plain: str) -> Block:
        return line_block(content, plain, color, self.theme.note_size)

    def _face(self, content: Html, plain: str) -> Face:
        return lambda color: self._line(color, content, plain)


def _is_row(wire: Wire) -> bool:
    """Whether a vector is written as a row: a transposed one, or one that every row of a matrix meets."""
    node = wire.node
    if node is not None and node.primitive is not None:
        return node.primitive.name == "permute"
    return any(
        gate.node is not None and gate.node.ndim == 2 and gate.node.primitive.kind == "elementwise"
        for gate in wire.users
        if gate.node is not None and gate.node.primitive is not None
    )


def _symbol(primitive: Primitive, params: Mapping[str, Any], elementwise: bool, theme: Theme, color: str) -> Html:
    return symbol_of(primitive, params, elementwise, theme, color)[0]
