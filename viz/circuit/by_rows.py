"""A picture in the rows of its formula: every place is given, so that Graphviz only draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from ..drawing.block import blank, padded
from ..drawing.curves import at, rounded, towards
from ..drawing.dot import Digraph, cell, table
from ..drawing.geometry import Point
from ..drawing.metrics import text_width
from ..drawing.notation import array_text, name_width_text
from .columns import Places, place
from .diagram import Constant, Gate, Wire
from .gates import CIRCLE, fold_size, note_height
from .marks import Marks, is_round, path_of, title_of
from .rows import Extent, Sizes, rows
from .survey import Scene, Survey
from .wires import OVERLAP, name_width

MOST: Final = 250
"""A diagram of more gates is placed by Graphviz."""

_ARROW: Final = 6.0
_CORNER: Final = 7.0
_UNDER_RULE: Final = 17
_SPARE: Final = 2
"""What of a line of numbers is never inked, above and below, in points."""

_CAPTION_SPACE: Final = 12
_SHORTER: Final = 8


def places(survey: Survey) -> Places | None:
    """Place a diagram that was unfolded; None where that is Graphviz's to do."""
    diagram = survey.diagram
    gates = list(diagram.gates)
    unfolded = any(name.startswith("=") for gate in gates for name in gate.path)
    if survey.look.down or not unfolded or len(gates) > MOST or any(len(gate.outputs) != 1 for gate in gates):
        return None
    sizes = _sizes(survey)
    return place(diagram, rows(diagram, sizes), sizes) or place(diagram, rows(diagram, sizes, together=True), sizes)


def _sizes(survey: Survey) -> Sizes:
    diagram, theme = survey.diagram, survey.theme
    wires, names = {}, {}
    for item in diagram.wires:
        height = survey.heights[item.key] + 2 * survey.air(item)
        below = height if survey.look.below else _UNDER_RULE
        spare = _SPARE if item.ndim == 0 else 0
        thick = survey.stroke(item).width
        spare -= math.ceil(thick / 2) if thick > 1 else 0
        wires[item.key] = Extent(
            max(survey.shortest - _SHORTER, survey.own[item.key] + 4), height - spare, below - spare
        )
        unnamed = item is diagram.root or item.nameless
        names[item.key] = 0 if unnamed else name_width(item.name, item.ndim, survey.name_size(item))
    constants = {
        (gate.key, i): Extent(text_width(array_text(x.value), theme.number_size) + 6, 11, 11)
        for gate in diagram.gates
        for i, x in enumerate(gate.inputs)
        if isinstance(x, Constant)
    }
    titles = {}
    for gate in diagram.gates:
        for name in gate.path:
            title = title_of(survey, name)
            titles[name] = title.width, title.height
    output = text_width(name_width_text(diagram.root.name), theme.name_size, bold=diagram.root.ndim > 0) + 8
    gates = {gate.key: _gate_extent(survey, gate) for gate in diagram.gates}
    return Sizes(wires, names, gates, constants, titles, math.ceil(output))


def _gate_extent(survey: Survey, gate: Gate) -> Extent:
    """The room that a gate takes, with what is written below it."""
    if gate.fold is not None:
        width, height = fold_size(gate.fold, len(gate.inputs), survey.theme, False)
        return Extent(width, height / 2, height / 2)
    notes = [face(survey.theme.local).width for face in gate.note]
    wide, below = max(CIRCLE, gate.width), CIRCLE / 2 + note_height(len(notes), survey.theme)
    # Lines come from below to the left side of a box with several inputs: what is written there stands clear of them.
    return Extent(max(wide, *notes, 0), CIRCLE / 2, below, None if len(gate.inputs) == 1 else wide / 2)


class ByRows(Marks):
    """One scene being written."""

    def __init__(self, survey: Survey, scene: Scene, places: Places) -> None:
        super().__init__(survey, scene)
        self.places = places
        self.sizes = _sizes(survey)
        self.paths = {item.key: path_of(item, survey.diagram.root) for item in survey.diagram.items}
        self.graph = Digraph()

    def source(self) -> str:
        """Return the DOT text."""
        theme = self.theme
        self.graph.default(
            "graph", layout="nop2", outputorder="edgesfirst", pad=0.12, margin=0, bgcolor=theme.paper, fontname=theme.font
        )  # fmt: skip
        self.graph.default("node", fontname=theme.font, fontcolor=theme.ink)
        self.graph.default("edge", arrowsize=_ARROW / 10, penwidth=1, color=theme.line, fontname=theme.font)
        self._frames(())
        self._output()
        if self.survey.caption[0]:
            self._caption()
        for gate in self.survey.diagram.gates:
            self._lines(gate)
        return self.graph.source()

    def _frames(self, path: tuple[str, ...]) -> None:
        """Write what stands in a frame, then the frames in it."""
        for item in self.survey.diagram.items:
            if self.paths[item.key] == path:
                if isinstance(item, Wire):
                    self._wire(item)
                else:
                    self._gate(item)
        inner = dict.fromkeys(
            p[: len(path) + 1] for p in self.paths.values() if len(p) > len(path) and p[: len(path)] == path
        )
        for deeper in inner:
            box, title = self.places.frames[name := deeper[-1]]
            self.graph.begin(
                f"cluster_{name}", bb=f"{box.left:.1f},{box.bottom:.1f},{box.right:.1f},{box.top:.1f}",
                label=title_of(self.survey, name).html, lp=at(title.center), **self.frame(len(path)),
            )  # fmt: skip
            self._frames(deeper)
            self.graph.end()

    # What stands somewhere ------------------------------------------------------------------------------------------------

    def _wire(self, item: Wire) -> None:
        start, end, y = self.places.wires[item.key]
        name = self.sizes.names[item.key]
        air = self.survey.air(item)
        block = self.wire(item, round(end - start), round(name), air)
        # A wire reaches out of its node on either side; its rule is not in the middle where nothing stands below it.
        width = block.width if not name else block.width - OVERLAP
        lift = 0.0 if self.look.below else (self.survey.heights[item.key] + 2 * air - _UNDER_RULE + 1) / 2
        self.graph.node(item.key, shape="plain", label=block.html, pos=at((end - OVERLAP - width / 2, y + lift)))

    def _gate(self, gate: Gate) -> None:
        x, y = self.places.gates[gate.key]
        size, (left, right) = self.sizes.gates[gate.key], self.sizes.gates[gate.key].sides
        operands = len(gate.inputs) if gate.fold else 1
        place = x + (right - left) / 2, y - (size.down - size.up) / 2
        self.graph.node(gate.key, **self.gate(gate, operands, len(gate.inputs) == 1), pos=at(place))
        for i, constant in enumerate(gate.inputs):
            if isinstance(constant, Constant):
                label, place = self.constant(gate, constant), self.places.constants[gate.key, i]
                self.graph.node(f"c{gate.key[1:]}_{i}", shape="plain", label=label, pos=at(place))

    def _output(self) -> None:
        label, drawn = self.output()
        x, y = self.places.output
        _, end, _ = self.places.wires[self.root.key]
        width = self.sizes.output
        held = cell(label, width=width, height=self.theme.name_size + 14, fixedsize=True)
        self.graph.node("out", shape="plain", label=table([[held]]), pos=at((x + width / 2, y)))
        self._line(self.root.key, "out", [(end - 1, y), (x, y)], True, drawn)

    def _caption(self) -> None:
        """What is said stands in the middle below everything."""
        survey, box = self.survey, self.places.bounds
        shown = self.scene.caption or blank(*survey.caption)
        label = table([[cell(padded(shown, *survey.caption).html)]])
        y = box.bottom - _CAPTION_SPACE - survey.caption[1] / 2
        self.graph.node("caption", shape="plain", label=label, pos=at((box.center[0], y)))

    # Lines ----------------------------------------------------------------------------------------------------------------

    def _lines(self, gate: Gate) -> None:
        for i, x in enumerate(gate.inputs):
            way = self.places.ways[gate.key, i]
            tail = x.key if isinstance(x, Wire) else f"c{gate.key[1:]}_{i}"
            self._line(tail, gate.key, [*way[:-1], self._tip(gate, i, way[-2])], True, self.way(gate, i, x))
        (item,) = gate.outputs
        (x0, y), (start, _, _) = self.places.gates[gate.key], self.places.wires[item.key]
        begin, end = x0 + self._shape(gate)[0] / 2, start - self.sizes.names[item.key] + 1
        self._line(gate.key, item.key, [(begin, y), (end, y)], False, self.behind(gate, item))

    def _shape(self, gate: Gate) -> tuple[float, float]:
        """The width and height of a gate's circle or box."""
        if gate.fold is not None:
            return fold_size(gate.fold, len(gate.inputs), self.theme, False)
        return max(gate.width, CIRCLE), CIRCLE

    def _tip(self, gate: Gate, i: int, before: Point) -> Point:
        """Where a line ends that comes from a point: on the circle of the gate, or on the left side of its box."""
        x, y = self.places.gates[gate.key]
        if is_round(gate):
            distance = math.hypot(x - before[0], y - before[1])
            reach = CIRCLE / 2 / distance
            return x + (before[0] - x) * reach, y + (before[1] - y) * reach
        (width, height), count = self._shape(gate), len(gate.inputs)
        return x - width / 2, y + height * ((count - 1) / 2 - i) / count

    def _line(self, tail: str, head: str, points: Sequence[Point], arrow: bool, drawn: dict[str, Any]) -> None:
        points = list(points)
        tip = ""
        if arrow:
            tip = f"e,{at(points[-1])} "
            points[-1] = towards(points[-1], points[-2], _ARROW)
        pos = tip + " ".join(map(at, rounded(points, _CORNER)))
        self.graph.edge(tail, head, **({} if arrow else {"arrowhead": "none"}), **drawn, pos=pos)
