"""The mirror figure as a picture: wires, operations and gates, and the dotted lines from what is used again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from minidl.graph import Node

from ..drawing.block import Block, line_block
from ..drawing.dot import font, text
from ..drawing.geometry import Box
from ..drawing.notation import name_html, number, number_html
from ..drawing.theme import Theme
from .adjoint import Backward
from .layout import GRID, RADIUS, Plan, Point, Use, plan, snap
from .marks import Marks, Remark, around
from .pieces import REACH, Half, Pieces, factor_height
from .route import Router

_NAME_SPACE: Final = 7

WIDEST: Final = 960
"""Wider figures (in points) are too small on a slide."""


def picture(
    root: Node,
    nodes: Sequence[Node],
    names: Mapping[Node, str],
    backward: Backward,
    halves: tuple[Half, Half],
    legend: Sequence[Remark],
    theme: Theme,
    below: bool | None,
    changes: Mapping[Use, Any] | None = None,
) -> str:
    """Return the DOT text of a mirror figure: see `Pieces`; where `below` is None, as it fits on a slide."""
    made = _Picture(Pieces(root, nodes, names, backward, halves, theme, bool(below), changes))
    if below is None and -2 * made.plan.left > WIDEST:
        made = _Picture(Pieces(root, nodes, names, backward, halves, theme, True, changes))
    return made.source(legend)


class _Picture:
    """One mirror figure in the making."""

    def __init__(self, pieces: Pieces) -> None:
        self.pieces, self.theme, self.root = pieces, pieces.theme, pieces.root
        self.numbers = {node: i for i, node in enumerate(pieces.nodes, 1)}
        self.plan: Plan = plan(pieces.root, pieces.nodes, pieces.sizes())
        self.axis = snap(self.plan.bottom) - GRID * (2 + len(pieces.read) // 2)
        self.marks = Marks(pieces.theme)
        self.arriving: dict[Node, int] = dict.fromkeys(pieces.nodes, 0)
        for sent in pieces.backward.sent:
            self.arriving[sent.target] += 1

    def source(self, legend: Sequence[Remark]) -> str:
        """Return the DOT text."""
        for node in self.pieces.nodes:
            self._forward(node)
        for node in self.pieces.nodes:
            if node in self.pieces.backward.adjoints:
                self._adjoint(node)
        self._dotted()
        return self.marks.source(self.pieces.halves, legend, self.plan.left, self.axis if self.pieces.below else None)

    def _out(self, x: float, y: float) -> Point:
        """Return where something of the backward half, laid out as if it stood on the right, does stand."""
        return (-x, 2 * self.axis - y) if self.pieces.below else (x, y)

    def _back(self, points: Sequence[Point], arrow: bool = False) -> None:
        """Draw a line of the backward half."""
        self.marks.line([self._out(*point) for point in points], arrow)

    def _id(self, node: Node) -> str:
        return str(self.numbers[node])

    def _written(self, half: Half, side: int, node: Node) -> None:
        """Write what stands above and below a wire, and at its outer end; `side` is −1 on the left, 1 on the right."""
        start, end = self.plan.wires[node]
        middle = ((start + end) / 2, self.plan.rows[node])
        x, y = middle if side < 0 else self._out(-middle[0], middle[1])
        kind = "v" if side < 0 else "g"
        above, below = half.sides(node)
        if above:
            self.marks.block(f"{kind}{self._id(node)}a", (x, y + _air(above) + above.height / 2), above)
        if below:
            self.marks.block(f"{kind}{self._id(node)}b", (x, y - _air(below) - below.height / 2), below)
        if node in half.labels:
            block = half.labels[node]
            edge = start - _NAME_SPACE - block.width / 2
            if node is self.root:
                edge = end + _NAME_SPACE + block.width / 2 + (3 * GRID if node in self.pieces.read else 0)
            on_left = (node is not self.root) == (side < 0 or self.pieces.below)
            x, y = (edge, middle[1]) if side < 0 else self._out(-edge, middle[1])
            self.marks.block(f"{kind}{self._id(node)}n", (x, y), block, "right" if on_left else "left")

    def _forward(self, node: Node) -> None:
        plan, y = self.plan, self.plan.rows[node]
        self._written(self.pieces.halves[0], -1, node)
        start, end = plan.wires[node]
        if node.primitive is not None:
            x, (symbol, width) = plan.operations[node], self.pieces.symbols[node]
            self.marks.round(f"o{self._id(node)}", (x, y), symbol, width)
            start = x + width / 2
            for i, value in enumerate(node.inputs):
                way = plan.ways[node, i]
                if not isinstance(value, Node):
                    self._constant(node, i, value, way[0])
                elif way[0][1] != way[1][1] or way[0][0] != plan.wires[value][1]:
                    self.marks.dot(way[0], self.theme.line)
                self.marks.line([*way[:-1], _edge(way[-1], way[-2], width)], arrow=True)
        if node is self.root:
            self.marks.line(
                [(start, y), (plan.taps[node] + 2 * GRID if node in self.pieces.read else end, y)], arrow=True
            )
        else:
            self.marks.line([(start, y), (end, y)])

    def _constant(self, node: Node, i: int, value: Any, at: Point) -> None:
        size = self.theme.number_size
        shown = number_html(float(value), size=size) if np.ndim(value) == 0 else text("const.")
        plain = number(float(value)) if np.ndim(value) == 0 else "const."
        block = line_block(shown, plain, self.theme.ink, size, 6)
        self.marks.block(f"c{self._id(node)}_{i}", (at[0] - block.width / 2, at[1]), block)

    def _adjoint(self, node: Node) -> None:
        plan, y = self.plan, self.plan.rows[node]
        self._written(self.pieces.halves[1], 1, node)
        start, end = (-x for x in plan.wires[node])
        sends = self.pieces.sends[node]
        begin = end - 2 * GRID - GRID if node is self.root and node in self.pieces.read else end
        if node is not self.root and self.arriving[node] > 1:
            x = -plan.junctions[node]
            plus, width = font(text("+"), self.theme.ink, self.theme.symbol_size), plan.sums[node]
            self.marks.round(f"s{self._id(node)}", self._out(x, y), plus, width)
            begin = x + width / 2
        if not sends:
            self._back([(begin, y), (start, y)], arrow=node.primitive is None)
            return
        x = -plan.operations[node]
        at_gate = len(sends) == 1 and (node, sends[0]) in self.pieces.gates
        self._back([(begin, y), (x - self.pieces.gates[node, sends[0]][1] / 2 if at_gate else x, y)], arrow=at_gate)
        if len(sends) > 1:
            self.marks.dot(self._out(x, y), self.theme.line)
            self.marks.boxes.append(around(self._out(x, y), 8, 8))
        for i in sends:
            self._sending(node, i)

    def _sending(self, node: Node, i: int) -> None:
        """The way of a gradient from an operation to one of its inputs, through its gate."""
        target, plan = node.inputs[i], self.plan
        points = [(-x, y) for x, y in reversed(plan.ways[node, i])]
        arrow = self.arriving[target] > 1
        if arrow:
            points = self._into_sum(points, target)
        elif points[-1] != (wire := (-plan.wires[target][1], plan.rows[target])):
            points.append(wire)  # it comes by a way that branches off, and is alone
        if (node, i) not in self.pieces.gates:
            self._back(points, arrow)
            return
        symbol, width = self.pieces.gates[node, i]
        x, y = plan.gates[node, i]
        x = -x
        self.marks.round(f"b{self._id(node)}_{i}", self._out(x, y), symbol, width)
        if len(self.pieces.sends[node]) == 1:
            self._back([_edge((x, y), points[1], width), *points[1:]], arrow)
        else:
            turn = next((k for k, point in enumerate(points) if point[0] > x), len(points))
            self._back([*points[:turn], (x - width / 2, y)], arrow=True)
            self._back([(x + width / 2, y), *points[turn:]], arrow)
        x, y = self._out(x, y)
        if (node, i) in self.pieces.factors:
            block = self.pieces.factors[node, i]
            above = y + factor_height(block)
            self.marks.panel(f"l{self._id(node)}_{i}", (x, above), block)
            self.marks.line([(x, above - block.height / 2), (x, y + RADIUS)], arrow=True)
        elif self.pieces.sent[node, i].factor:
            size, factor = self.theme.number_size, self.pieces.sent[node, i].factor
            block = line_block(text(factor), factor, self.theme.local, size, 6)
            self.marks.block(f"l{self._id(node)}_{i}", (x, y + RADIUS + 2 + block.height / 2), block)

    def _into_sum(self, points: list[Point], target: Node) -> list[Point]:
        """Let a way end at the rim of the circle in which the gradients of a value are added up."""
        middle, y, width = -self.plan.junctions[target], self.plan.rows[target], self.plan.sums[target]
        last = points[-1]
        if last == (-self.plan.wires[target][1], y):
            return [*points[:-1], (middle - width / 2, y)]
        rim = RADIUS if width > 2 * RADIUS else math.sqrt(RADIUS**2 - (last[0] - middle) ** 2)
        return [*points[:-1], (last[0], y + math.copysign(rim, points[-2][1] - y))]

    def _dotted(self) -> None:
        theme, plan = self.theme, self.plan
        low, high = min(box.bottom for box in self.marks.boxes), max(box.top for box in self.marks.boxes)
        wanted = [
            (value, use) for use, sent in self.pieces.sent.items() for value in sent.reads if use in self.pieces.gates
        ]
        nets = {value: number for number, value in enumerate(dict.fromkeys(value for value, _ in wanted))}
        ends = {(value, use): self._ends(use) for value, use in wanted}
        beside = []
        for value, use in wanted:
            if use not in self.pieces.factors:
                half = self.pieces.short(value)[1] / 2 + 2
                for (x, y), (_, rim) in self._ends(use):
                    beside.append(around((x + 8 + half, (y + rim) / 2), 2 * half - 4, 6))
        sheet = Box(plan.left, low - 5 * GRID, 0 if self.pieces.below else -plan.left, high + 5 * GRID)
        router = Router(sheet, [*self.marks.boxes, *beside], self.marks.lines)
        for value, net in nets.items():
            router.reserve(net, (plan.taps[value], plan.rows[value]))
        wanted.sort(key=lambda pair: (nets[pair[0]], plan.gates[pair[1]][0] * -1))
        used: set[tuple[Use, Point]] = set()
        for value, use in wanted:
            choices = {cell: rim for cell, rim in ends[value, use] if (use, cell) not in used}
            start = (plan.taps[value], plan.rows[value])
            way = router.route(nets[value], start, list(choices))
            if way is None:  # every way is barred: straight through, rather than not at all
                way = [start, next(iter(choices))]
            cell = way[-1]
            used.add((use, cell))
            self.marks.dotted([*way, choices[cell]], f"v{self._id(value)} b{self._id(use[0])}_{use[1]}")
            self.marks.dot(way[0], theme.value)
            if use not in self.pieces.factors:
                self._beside(value, use, cell, choices[cell])

    def _gate_place(self, use: Use) -> Point:
        x, y = self.plan.gates[use]
        return self._out(-x, y)

    def _ends(self, use: Use) -> list[tuple[Point, Point]]:
        """Where a dotted line may turn towards a gate, or towards its factor, and where it then ends."""
        x, y = self._gate_place(use)
        if use not in self.pieces.factors:
            width = self.pieces.gates[use][1]
            shift = [0] if len(self.pieces.sent[use].reads) == 1 else [-GRID, GRID]
            return [
                (
                    (x + dx, y + side * REACH),
                    (x + dx, y + side * math.sqrt(max(RADIUS**2 - dx**2, 0) if width <= 2 * RADIUS else RADIUS**2)),
                )
                for side in (1, -1)
                for dx in shift
            ]
        block = self.pieces.factors[use]
        middle, half = y + factor_height(block), block.width / 2
        top = GRID * math.ceil((middle + block.height / 2 + GRID) / GRID)
        outer = GRID * math.ceil((half + GRID) / GRID)
        return [
            ((x, top), (x, middle + block.height / 2)),
            ((x - outer, middle), (x - half, middle)),
            ((x + outer, middle), (x + half, middle)),
        ]

    def _beside(self, value: Node, use: Use, cell: Point, rim: Point) -> None:
        """Write the name of the value beside the end of its dotted line."""
        name, width = self.pieces.short(value)
        block = line_block(
            name_html(name, value.ndim, self.theme.note_size), "", self.theme.value, self.theme.note_size
        )
        block = Block(block.html, width, block.height)
        y = (cell[1] + rim[1]) / 2 + math.copysign(2, cell[1] - rim[1])
        reading = f"r{self._id(value)}_{self._id(use[0])}_{use[1]}"
        self.marks.block(reading, (cell[0] + 7 + width / 2, y), block, "left")


def _air(block: Block) -> int:
    """How far from its wire something stands: brackets need more room than a line of text, which has some above it."""
    return 3 if block.height < 30 else 6


def _edge(middle: Point, towards: Point, width: float) -> Point:
    """Return where a line from `towards` meets an operation `width` wide."""
    length = math.dist(middle, towards) or 1.0
    dx, dy = (towards[0] - middle[0]) / length, (towards[1] - middle[1]) / length
    if width <= 2 * RADIUS:
        return middle[0] + RADIUS * dx, middle[1] + RADIUS * dy
    t = min(width / 2 / abs(dx) if dx else math.inf, RADIUS / abs(dy) if dy else math.inf)
    return middle[0] + t * dx, middle[1] + t * dy
