"""A diagram as a picture: where everything stands is Graphviz's to decide, how large everything is, ours.

A picture can show many scenes of one diagram. The room for whatever appears in any of them is there in all of them, so
that nothing moves from one to the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from ..drawing.block import Block, Face, blank, line_block, padded
from ..drawing.dot import Digraph, Html, cell, font, table, text
from ..drawing.notation import array_text, name_html, number_html
from ..drawing.theme import HeatScale, Stroke, Theme
from .diagram import Constant, Diagram, Gate, Wire
from .gates import CIRCLE, Ink, box, fold_box
from .sides import Sides
from .wires import (
    AIR,
    SHORTEST_WIRE,
    bare,
    name_width,
    named_upright_wire,
    named_wire,
    side_height,
    upright_wire,
    wire,
)

_TIGHT: Final = 9


@dataclass(frozen=True, slots=True)
class Look:
    """How a diagram is drawn.

    Attributes:
        theme: colours and type.
        below: whether there are gradients to be written below the wires.
        down: whether the figure runs from top to bottom.
        heat: the scale on which wires show the size of their gradients by width and colour, or None.
    """

    theme: Theme
    below: bool = True
    down: bool = False
    heat: HeatScale | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """What of a picture is seen at one moment. What is not mentioned is shown as it is in the end.

    Attributes:
        above: by the key of a wire, which of its faces above is shown; None for none.
        below: the same below.
        lit: keys of the wires and gates in the middle of things, and `(gate, input)` for the wire into it.
        dim: keys of the wires and gates that are not at issue.
        silent: keys of the gates whose notes are not shown yet.
        caption: what stands below the picture.
    """

    above: Mapping[str, int | None] = field(default_factory=dict)
    below: Mapping[str, int | None] = field(default_factory=dict)
    lit: frozenset[str | tuple[str, int]] = frozenset()
    dim: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    caption: Block | None = None


class Picture:
    """A diagram with room for everything that any scene shows.

    Args:
        diagram: what is drawn.
        look: how.
        sides: by the key of a wire, all that may stand at it.
        caption: the largest caption of any scene, in points: width and height.
    """

    def __init__(
        self, diagram: Diagram, look: Look, sides: Mapping[str, Sides], caption: tuple[int, int] = (0, 0)
    ) -> None:
        self.diagram = diagram
        self.look = look
        self.theme = look.theme
        self.sides = sides
        self.caption = caption
        self.plain = self._is_plain()
        self._survey()

    def dot(self, scene: Scene = Scene()) -> str:
        """Return the picture at one moment in Graphviz's language."""
        return _Drawing(self, scene).source()

    def _is_plain(self) -> bool:
        """Whether every wire ends at the gate next to it, so that straight lines cross nothing."""
        for item in self.diagram.wires:
            if len({user.key for user in item.users}) > 1:
                return False
            if item.users and item.maker is not None and item.users[0].outputs[0].level > item.level + 1:
                return False
        return all(len(gate.outputs) == 1 for gate in self.diagram.gates)

    def _survey(self) -> None:
        """Find how wide the wires and names of each column are, so that they end in one line."""
        self.widths: dict[int, int] = {}
        self.names: dict[int, int] = {}
        self.heights: dict[str, int] = {}
        self.own: dict[str, int] = {}
        shortest = SHORTEST_WIRE if any(s.above or s.below for s in self.sides.values()) else SHORTEST_WIRE // 2
        for item in self.diagram.wires:
            sides = self.sides[item.key]
            blocks = [face(self.theme.ink) for face in (*sides.above, *sides.below)]
            column = self.column(item)
            self.own[item.key] = max([block.width for block in blocks], default=0)
            self.widths[column] = max(shortest, self.own[item.key] + 14, self.widths.get(column, 0))
            self.heights[item.key] = side_height(blocks, sides.bracketed)
            if not item.nameless:
                width = name_width(item.name, item.ndim, self.name_size(item))
                self.names[column] = max(width, self.names.get(column, 0))

    def column(self, item: Wire) -> int:
        """Return the column in which a wire stands: that in front of the first gate that uses it."""
        return min((user.outputs[0].level - 1 for user in item.users), default=item.level)

    def name_size(self, item: Wire) -> int:
        """Return the type size of a wire's name: what is given is a little larger than what is computed."""
        return self.theme.name_size - (0 if item.maker is None else 2)


class _Drawing:
    """One scene being written."""

    def __init__(self, picture: Picture, scene: Scene) -> None:
        self.picture = picture
        self.scene = scene
        self.theme = picture.theme
        self.look = picture.look
        self.root = picture.diagram.root
        self.graph = Digraph()
        self.entry, self.exit = ("n", "s") if self.look.down else ("w", "e")

    def source(self) -> str:
        theme, picture, diagram = self.theme, self.picture, self.picture.diagram
        branching = any(len(item.users) > 1 for item in diagram.wires)
        down = self.look.down
        self.graph.default(
            "graph", rankdir="TB" if down else "LR", splines="line" if picture.plain else "true",
            nodesep=0.3 if down else 0.24,
            ranksep=0.22 if down else 0.16 if not branching else 0.3 if picture.plain else 0.4,
            outputorder="edgesfirst", pad=0.12, margin=0, bgcolor=theme.paper, fontname=theme.font,
        )  # fmt: skip
        if len(diagram.items) > 300:
            self.graph.default("graph", nslimit=1, nslimit1=1)
        if picture.caption[0]:
            shown = self.scene.caption or blank(*picture.caption)
            label = table([[cell(padded(shown, *picture.caption).html)]], cellpadding=4)
            self.graph.default("graph", label=label, labelloc="b", labeljust="c")
        self.graph.default("node", fontname=theme.font, fontcolor=theme.ink)
        self.graph.default("edge", arrowsize=0.6, penwidth=1, color=theme.line, fontname=theme.font)
        self._boxes()
        self._output()
        return self.graph.source()

    def _boxes(self) -> None:
        """Write everything, each gate and what only it and its neighbours use inside the boxes that it stands in."""
        open_: tuple[str, ...] = ()
        for path, items in _by_path(self.picture.diagram):
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
        for gate in self.picture.diagram.gates:
            self._edges(gate)

    def _begin(self, name: str, depth: int) -> None:
        theme = self.theme
        title, plain = self.picture.diagram.titles.get(name, (text(name), name))
        label = line_block(title, plain, theme.line, theme.note_size, space=4).html
        self.graph.begin(
            f"cluster_{name}", label=label, labeljust="l" if self.look.down else "r", style="rounded,filled",
            penwidth=0.8, color=theme.dim, fillcolor=theme.cluster_fills[depth % len(theme.cluster_fills)], margin=10,
        )  # fmt: skip

    # Wires ----------------------------------------------------------------------------------------------------------------

    def _stroke(self, item: Wire) -> Stroke:
        theme = self.theme
        if item.key in self.scene.lit:
            return Stroke(1, theme.accent)
        if item.key in self.scene.dim:
            return Stroke(1, theme.dim)
        if self.look.heat is not None and item.gradient is not None:
            with np.errstate(all="ignore"):
                return theme.stroke(float(np.linalg.norm(np.ravel(item.gradient))), self.look.heat)
        return Stroke(1, theme.line)

    def _face(self, faces: Sequence[Face], chosen: int | None, color: str) -> Block | None:
        return faces[chosen](color) if faces and chosen is not None else None

    def _wire(self, item: Wire) -> None:
        theme, picture, scene = self.theme, self.picture, self.scene
        sides = picture.sides[item.key]
        dimmed = item.key in scene.dim
        above = self._face(sides.above, scene.above.get(item.key, 0), theme.dim if dimmed else theme.value)
        below = self._face(sides.below, scene.below.get(item.key, 0), theme.dim if dimmed else theme.gradient)
        column, height = picture.column(item), picture.heights[item.key]
        color = theme.dim if dimmed else theme.ink
        size = picture.name_size(item)
        if self.look.down:
            width = max(picture.own[item.key] + _TIGHT, 12)
            run = upright_wire(above, below, width, max(height + 4, 24), self._stroke(item))
            block = (
                run
                if item is self.root or item.nameless
                else named_upright_wire(item.name, item.ndim, run, theme, size, color)
            )
        else:
            run = wire(
                above,
                below,
                picture.widths[column],
                height,
                self._stroke(item),
                self.look.below,
                AIR if sides.bracketed else 0,
            )
            block = bare(run)
            if item is not self.root and not item.nameless:
                width = picture.names[column]
                block = named_wire(item.name, item.ndim, run, theme, size, width, self.look.below, color)
        self.graph.node(item.key, shape="plain", label=block.html)

    # Gates ----------------------------------------------------------------------------------------------------------------

    def _ink(self, gate: Gate) -> Ink:
        theme = self.theme
        if gate.key in self.scene.lit:
            return Ink(theme.accent, theme.accent_fill, theme.ink)
        if gate.key in self.scene.dim:
            return Ink(theme.dim, theme.paper, theme.dim)
        family = theme.family_fills.get(gate.fold.family, theme.fill) if gate.fold else theme.fill
        return Ink(theme.line, family, theme.ink)

    def _gate(self, gate: Gate) -> None:
        theme, ink = self.theme, self._ink(gate)
        if gate.fold is not None:
            label = fold_box(gate.fold, len(gate.inputs), theme, ink, self.look.down)
            self.graph.node(gate.key, shape="plain", label=label)
            return
        assert gate.symbol is not None
        symbol = gate.symbol(ink.text)
        if _is_round(gate):
            self.graph.node(
                gate.key, shape="circle", label=symbol, width=CIRCLE / 72, height=CIRCLE / 72, fixedsize="shape",
                style="filled", fillcolor=ink.fill, color=ink.line, **self._order(gate),
            )  # fmt: skip
            return
        color = theme.dim if gate.key in self.scene.dim else theme.local
        note = [face(color) for face in gate.note]
        if gate.key in self.scene.silent:
            note = [blank(block.width, block.height) for block in note]
        # A wire that branches may come from below: the text then stands clear of it, to the right.
        straight = len(gate.inputs) == 1 and all(len(x.users) == 1 for x in gate.wires)
        label = box(symbol, gate.width, note, len(gate.inputs), straight, theme, ink, self.look.down)
        self.graph.node(gate.key, shape="plain", label=label, **self._order(gate))

    def _beside(self, gate: Gate) -> None:
        """Write a gate's constants, and the points through which the lines to it pass."""
        theme = self.theme
        for i, x in enumerate(gate.inputs):
            if self._apart(gate):
                color = self._drawn(gate, i, x).get("color", theme.line)
                self.graph.node(
                    f"j{gate.key[1:]}_{i}", shape="point", width=0.014, color=color, fillcolor=color, penwidth=0.5
                )
            if isinstance(x, Constant):
                content = self._constant(x, theme.dim if gate.key in self.scene.dim else theme.ink)
                self.graph.node(
                    f"c{gate.key[1:]}_{i}", shape="none", margin="0.06,0.03", width=0.1, height=0.1, label=content
                )

    def _order(self, gate: Gate) -> dict[str, str]:
        """Operands stand in their order, from the top; where wires branch, a sum or a product gives way to fewer crossings."""
        return {} if not self.picture.plain and not gate.ordered else {"ordering": "in"}

    # Edges ----------------------------------------------------------------------------------------------------------------

    def _edges(self, gate: Gate) -> None:
        theme, scene = self.theme, self.scene
        name = gate.key if _is_round(gate) else f"{gate.key}:b"
        self._inputs(gate, name)
        start = f"{name}:{self.exit}" if name != gate.key else name
        for item in gate.outputs:
            stroke = self._stroke(item)
            below = self.look.below or self.look.down
            unnamed = item is self.root or item.nameless
            head = self.entry if below else f"r:{self.entry}" if unnamed else f"n:{self.entry}"
            drawn: dict[str, Any] = {"color": stroke.color, "penwidth": stroke.width}
            if gate.key in scene.dim:
                drawn["color"] = theme.dim
            self.graph.edge(start, f"{item.key}:{head}", arrowhead="none", weight=10, **_changed(drawn, theme))

    def _inputs(self, gate: Gate, operation: str) -> None:
        plain, count = self.picture.plain, len(gate.inputs)
        first, second = ("nw", "ne") if self.look.down else ("nw", "sw")
        pair = count == 2
        twice = pair and plain and gate.inputs[0] is gate.inputs[1]  # x · x: two strands of one wire
        apart = self._apart(gate)
        for i, x in enumerate(gate.inputs):
            head = f"{operation}:{second if i else first}" if twice else operation
            if operation.endswith(":b"):
                head = f"{operation}:{self.entry}" if count == 1 else f"{operation[:-1]}p{i}:{self.entry}"
            drawn = self._drawn(gate, i, x)
            options: dict[str, Any] = {"minlen": 2} if twice else {"weight": 4} if count == 1 else {}
            if apart:
                point = f"j{gate.key[1:]}_{i}"
                self.graph.edge(point, head, weight=4, **drawn)
                head, options = f"{point}:{self.entry}", {"arrowhead": "none"}
            if isinstance(x, Wire):
                self.graph.edge(self._end(x), head, **options, **drawn)
            else:
                self.graph.edge(f"c{gate.key[1:]}_{i}:{self.exit}", head, **options, **drawn)

    def _drawn(self, gate: Gate, i: int, x: Wire | Constant) -> dict[str, Any]:
        """How the line from a value into a gate is drawn, where that differs from every other."""
        theme, scene = self.theme, self.scene
        if (gate.key, i) in scene.lit:
            return {"color": theme.accent, "penwidth": 2.4}
        if gate.key in scene.dim or (isinstance(x, Wire) and x.key in scene.dim):
            return {"color": theme.dim}
        if isinstance(x, Wire):
            stroke = self._stroke(x)
            if x.key in scene.lit:
                return {}
            return _changed({"color": stroke.color, "penwidth": stroke.width, "style": stroke.style}, theme)
        return {}

    def _constant(self, x: Constant, color: str) -> Html:
        size = self.theme.number_size
        shown = number_html(float(x.value), size=size) if np.ndim(x.value) == 0 else text(array_text(x.value))
        return font(shown, color, size)

    def _end(self, item: Wire) -> str:
        """Where a value's wire ends."""
        return f"{item.key}:{self.exit}" if self.look.below or self.look.down else f"{item.key}:r:{self.exit}"

    def _apart(self, gate: Gate) -> bool:
        """Whether the lines to a gate pass points of their own, the first operand's above the second's.

        So it is where a wire may come from anywhere, and the operands' order matters or they are one.
        """
        if len(gate.inputs) != 2 or self.picture.plain:
            return False
        if gate.inputs[0] is gate.inputs[1]:
            return True
        level = gate.outputs[0].level
        near = all(len(x.users) == 1 and x.level in {0, level - 1} for x in gate.wires)
        return bool(self._order(gate)) and not near

    def _output(self) -> None:
        size, root = self.theme.name_size, self.root
        dimmed = root.key in self.scene.dim
        label = font(name_html(root.name, root.ndim, size), self.theme.dim if dimmed else self.theme.ink, size)
        self.graph.node("out", shape="none", margin="0.07,0.02", width=0.1, height=0.1, label=label)
        stroke = self._stroke(root)
        drawn = _changed({"color": stroke.color, "penwidth": stroke.width}, self.theme)
        self.graph.edge(self._end(root), f"out:{self.entry}", weight=10, **drawn)


def _is_round(gate: Gate) -> bool:
    return gate.fold is None and gate.width <= CIRCLE and not gate.note


def _changed(drawn: dict[str, Any], theme: Theme) -> dict[str, Any]:
    """Leave out what is so for every edge."""
    usual = {"color": theme.line, "penwidth": 1, "style": "solid"}
    return {key: value for key, value in drawn.items() if value != usual[key]}


def _by_path(diagram: Diagram) -> list[tuple[tuple[str, ...], list[Wire | Gate]]]:
    """Sort wires and gates by the box that they stand in: a value made and used in one box stands in it."""
    found: dict[tuple[str, ...], list[Wire | Gate]] = {}
    for item in diagram.items:
        if isinstance(item, Gate):
            path = item.path
        elif item.maker is None or item is diagram.root or not item.users:
            path = ()
        else:
            path = _shared([item.maker.path, *(user.path for user in item.users)])
        found.setdefault(path, []).append(item)
    if list(found) == [()]:
        return list(found.items())
    return sorted(found.items(), key=lambda pair: _nested(pair[0], found))


def _nested(path: tuple[str, ...], found: Mapping[tuple[str, ...], Any]) -> tuple[int, ...]:
    """Boxes in the order in which they first occur, what is inside one next to it."""
    places = list(found)
    return tuple(
        min(i for i, other in enumerate(places) if other[:depth] == path[:depth]) for depth in range(1, len(path) + 1)
    )


def _shared(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    shared = paths[0]
    for path in paths[1:]:
        while shared != path[: len(shared)]:
            shared = shared[:-1]
    return shared
