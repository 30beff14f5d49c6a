"""A picture that Graphviz's dot places: where everything stands is its to decide, how large everything is, ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..drawing.block import blank, padded
from ..drawing.dot import Digraph, cell, table
from .diagram import Constant, Diagram, Gate, Wire
from .marks import Marks, is_round, path_of, title_of
from .survey import Scene, Survey
from .wires import named_upright_wire, upright_wire

_TIGHT: Final = 9

_MANY: Final = 300
"""Above so many values and gates Graphviz is told when to stop looking for a better place for each."""

_EFFORT: Final = 400_000
"""After so many improvements, times how many values and gates there are, as each takes the longer the more there are. What is
shown of a thousand operations is then there in half the time, its lines a little less straight."""


class ByDot(Marks):
    """One scene being written: Graphviz's dot decides where everything stands."""

    def __init__(self, survey: Survey, scene: Scene) -> None:
        super().__init__(survey, scene)
        self.graph = Digraph()
        self.entry, self.exit = ("n", "s") if self.look.down else ("w", "e")

    def source(self) -> str:
        """Return the DOT text."""
        theme, survey, diagram = self.theme, self.survey, self.survey.diagram
        branching = any(len(item.users) > 1 for item in diagram.wires)
        down = self.look.down
        self.graph.default(
            "graph", rankdir="TB" if down else "LR", splines="line" if survey.plain else "true",
            nodesep=0.3 if down else 0.24,
            ranksep=0.22 if down else 0.16 if not branching else 0.3 if survey.plain else 0.4,
            outputorder="edgesfirst", pad=0.12, margin=0, bgcolor=theme.paper, fontname=theme.font,
        )  # fmt: skip
        if (count := len(diagram.items)) > _MANY:
            self.graph.default("graph", nslimit=min(1.0, _EFFORT / count**2), nslimit1=1)
        if survey.caption[0]:
            shown = self.scene.caption or blank(*survey.caption)
            label = table([[cell(padded(shown, *survey.caption).html)]], cellpadding=4)
            self.graph.default("graph", label=label, labelloc="b", labeljust="c")
        self.graph.default("node", fontname=theme.font, fontcolor=theme.ink)
        self.graph.default("edge", arrowsize=0.6, penwidth=1, color=theme.line, fontname=theme.font)
        self._boxes()
        self._output()
        return self.graph.source()

    def _boxes(self) -> None:
        """Write everything, each gate and what only it and its neighbours use inside the boxes that it stands in."""
        open_: tuple[str, ...] = ()
        for path, items in _by_path(self.survey.diagram):
            while open_ != path[: len(open_)]:
                self.graph.end()
                open_ = open_[:-1]
            for name in path[len(open_) :]:
                self._begin(name, len(open_))
                open_ = (*open_, name)
            for item in items:
                if isinstance(item, Wire):
                    self._wire(item)
                else:
                    self._gate(item)
                    self._beside(item)
        for _ in open_:
            self.graph.end()
        for gate in self.survey.diagram.gates:
            self._edges(gate)

    def _begin(self, name: str, depth: int) -> None:
        just = "l" if self.look.down else "r"
        self.graph.begin(
            f"cluster_{name}", label=title_of(self.survey, name).html, labeljust=just, **self.frame(depth), margin=10
        )

    # Wires ----------------------------------------------------------------------------------------------------------------

    def _wire(self, item: Wire) -> None:
        survey = self.survey
        if not self.look.down:
            column = survey.column(item)
            block = self.wire(item, survey.widths[column], survey.names.get(column, 0), survey.air(item))
        else:
            width, height = max(survey.own[item.key] + _TIGHT, 12), max(survey.heights[item.key] + 4, 24)
            block = upright_wire(*self.faces(item), width, height, self.stroke(item))
            if item is not self.root and not item.nameless:
                size, color = survey.name_size(item), self.ink_of(item)
                block = named_upright_wire(item.name, item.ndim, block, self.theme, size, color)
        self.graph.node(item.key, shape="plain", label=block.html)

    # Gates ----------------------------------------------------------------------------------------------------------------

    def _gate(self, gate: Gate) -> None:
        # A wire that branches may come from below: the text then stands clear of it, to the right.
        straight = len(gate.inputs) == 1 and all(len(x.users) == 1 for x in gate.wires)
        order = self._order(gate) if gate.fold is None else {}
        self.graph.node(gate.key, **self.gate(gate, len(gate.inputs), straight), **order)

    def _beside(self, gate: Gate) -> None:
        """Write a gate's constants, and the points through which the lines to it pass."""
        theme = self.theme
        for i, x in enumerate(gate.inputs):
            if self._apart(gate):
                color = self.way(gate, i, x).get("color", theme.line)
                self.graph.node(
                    f"j{gate.key[1:]}_{i}", shape="point", width=0.014, color=color, fillcolor=color, penwidth=0.5
                )
            if isinstance(x, Constant):
                self.graph.node(
                    f"c{gate.key[1:]}_{i}", shape="none", margin="0.06,0.03", width=0.1, height=0.1,
                    label=self.constant(gate, x),
                )  # fmt: skip

    def _order(self, gate: Gate) -> dict[str, str]:
        """Operands stand in their order, from the top; where wires branch, a sum or a product gives way to fewer crossings."""
        return {} if not self.survey.plain and not gate.ordered else {"ordering": "in"}

    # Edges ----------------------------------------------------------------------------------------------------------------

    def _edges(self, gate: Gate) -> None:
        name = gate.key if is_round(gate) else f"{gate.key}:b"
        self._inputs(gate, name)
        start = f"{name}:{self.exit}" if name != gate.key else name
        for item in gate.outputs:
            below = self.look.below or self.look.down
            unnamed = item is self.root or item.nameless
            head = self.entry if below else f"r:{self.entry}" if unnamed else f"n:{self.entry}"
            self.graph.edge(start, f"{item.key}:{head}", arrowhead="none", weight=10, **self.behind(gate, item))

    def _inputs(self, gate: Gate, operation: str) -> None:
        plain, count = self.survey.plain, len(gate.inputs)
        first, second = ("nw", "ne") if self.look.down else ("nw", "sw")
        pair = count == 2
        twice = pair and plain and gate.inputs[0] is gate.inputs[1]  # x · x: two strands of one wire
        apart = self._apart(gate)
        for i, x in enumerate(gate.inputs):
            head = f"{operation}:{second if i else first}" if twice else operation
            if operation.endswith(":b"):
                head = f"{operation}:{self.entry}" if count == 1 else f"{operation[:-1]}p{i}:{self.entry}"
            drawn = self.way(gate, i, x)
            options: dict[str, Any] = {"minlen": 2} if twice else {"weight": 4} if count == 1 else {}
            if apart:
                point = f"j{gate.key[1:]}_{i}"
                self.graph.edge(point, head, weight=4, **drawn)
                head, options = f"{point}:{self.entry}", {"arrowhead": "none"}
            if isinstance(x, Wire):
                self.graph.edge(self._end(x), head, **options, **drawn)
            else:
                self.graph.edge(f"c{gate.key[1:]}_{i}:{self.exit}", head, **options, **drawn)

    def _end(self, item: Wire) -> str:
        """Where a value's wire ends."""
        return f"{item.key}:{self.exit}" if self.look.below or self.look.down else f"{item.key}:r:{self.exit}"

    def _apart(self, gate: Gate) -> bool:
        """Whether the lines to a gate pass points of their own, the first operand's above the second's.

        So it is where a wire may come from anywhere, and the operands' order matters or they are one.
        """
        if len(gate.inputs) != 2 or self.survey.plain:
            return False
        if gate.inputs[0] is gate.inputs[1]:
            return True
        level = gate.outputs[0].level
        near = all(len(x.users) == 1 and x.level in {0, level - 1} for x in gate.wires)
        return bool(self._order(gate)) and not near

    def _output(self) -> None:
        label, drawn = self.output()
        self.graph.node("out", shape="none", margin="0.07,0.02", width=0.1, height=0.1, label=label)
        self.graph.edge(self._end(self.root), f"out:{self.entry}", weight=10, **drawn)


def _by_path(diagram: Diagram) -> list[tuple[tuple[str, ...], list[Wire | Gate]]]:
    """Sort wires and gates by the box that they stand in: a value made and used in one box stands in it."""
    found: dict[tuple[str, ...], list[Wire | Gate]] = {}
    for item in diagram.items:
        found.setdefault(path_of(item, diagram.root), []).append(item)
    if list(found) == [()]:
        return list(found.items())
    return sorted(found.items(), key=lambda pair: _nested(pair[0], found))


def _nested(path: tuple[str, ...], found: Mapping[tuple[str, ...], Any]) -> tuple[int, ...]:
    """Boxes in the order in which they first occur, what is inside one next to it."""
    places = list(found)
    return tuple(
        min(i for i, other in enumerate(places) if other[:depth] == path[:depth]) for depth in range(1, len(path) + 1)
    )
