"""A computational graph drawn in text: values above the wires, gradients below, nothing typed by hand.

```
         −2
   x ──────────┐
         ← ?   │     3
         5    (+)─ q ──────┐
   y ──────────┘           │     −12
                          (×)──────── f
         −4                │
   z ──────────────────────┘
```
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from minidl.autodiff import formula as written_formula
from minidl.graph import Node

from ..lesson import Circuit
from ..text import MEASURE, array, matrix

MARGIN = 3
SLACK = 6
"""Columns by which a wire is longer than it need be, where there is room."""
BACK = "← "
"""What stands before a gradient: the way it travels."""
QUESTION = "?"


@dataclass(frozen=True)
class Span:
    """A piece of a line and the part it plays: `ink`, `value`, `gradient`, `asked`, `wire`, `operator` or `name`."""

    text: str
    role: str = "ink"


Line = tuple[Span, ...]


@dataclass(frozen=True)
class Drawing:
    """A picture as lines to look at and as sentences to listen to."""

    lines: tuple[Line, ...]
    spoken: tuple[str, ...]


@dataclass(eq=False)
class _Place:
    """Where a node's wire lies and what is written on it."""

    node: Node
    slope: Any
    name: str
    inputs: list[_Place]
    value: list[str]
    gradient: list[str]
    depth: int = 0
    row: int = 0
    start: int = 0
    end: int = 0

    @property
    def symbol(self) -> str:
        return f"({self.node.primitive.notation.symbol})" if self.node.primitive else ""

    @property
    def width(self) -> int:
        return max([len(t) for t in self.value + self.gradient] + [len(self.name) + 3])


def draw(circuit: Circuit, names: Mapping[str, Any], answered: bool, upstream: Any = None) -> Drawing:
    """Draw the graph behind `names[circuit.root]`; while not `answered`, the number in question is a `?`.

    The gradients are those of the root's sum, or what comes of `upstream`, the gradient that arrives at the root.
    """
    places = _places(names[circuit.root], upstream)
    _lay_out(places)
    return Drawing(_paint(places, circuit, answered), tuple(_speak(p, circuit, answered) for p in places))


def _places(root: Node, upstream: Any = None) -> list[_Place]:
    """One place a node, inputs before outputs, leaves in the order in which the formula names them."""
    import numpy as np

    from minidl import autodiff

    if upstream is None and root.shape:
        upstream = np.ones(root.shape)
    gradients = autodiff.gradients(root, upstream)
    found: dict[Node, _Place] = {}

    def visit(node: Node) -> _Place:
        # Lesson circuits are a handful of nodes deep, so recursion is safe here.
        if node not in found:
            inputs = [visit(i) for i in node.inputs if isinstance(i, Node)]
            slope = gradients.get(node)
            arriving = [] if slope is None else _backward(matrix(slope))  # a constant among the inputs gets none
            place = _Place(node, slope, node.name or "", inputs, matrix(node.data), arriving)
            place.depth = 1 + max((p.depth for p in inputs), default=-1)
            found[node] = place
        return found[node]

    visit(root)
    return list(found.values())


def _backward(rows: list[str]) -> list[str]:
    """Mark a gradient with an arrow, so that it is told from a value without colour."""
    return [f"{BACK if k == 0 else ' ' * len(BACK)}{row}" for k, row in enumerate(rows)]


def _lay_out(places: list[_Place]) -> None:
    """Give every wire its row and its first column."""
    top = 0
    for p in places:
        if p.depth == 0:
            line = _line(p, places)
            p.row = top + max(len(q.value) for q in line)
            top = p.row + max(len(q.gradient) for q in line) + 1
        else:
            rows = [i.row for i in p.inputs]
            p.row = rows[0] if min(rows) == max(rows) else (min(rows) + max(rows) + 1) // 2
    lacking = max(len(p.value) - p.row for p in places)
    for p in places:
        p.row += max(0, lacking)
    levels = [[p for p in places if p.depth == depth] for depth in range(max(p.depth for p in places) + 1)]
    symbols = [max(len(p.symbol) for p in level) for level in levels]
    widths = [max(p.width for p in level) + 3 for level in levels]
    first = MARGIN + max(len(p.name) for p in levels[0]) + 1
    # What is left of the measure lengthens the wires, up to a point.
    slack = min(SLACK, max(0, MEASURE - first - sum(symbols) - sum(widths) - len(places[-1].name)) // len(levels))
    column = first
    for level, symbol, width in zip(levels, symbols, widths, strict=True):
        column += symbol
        for p in level:
            p.start = column
            p.end = column + width + slack
        column += width + slack


def _line(p: _Place, places: list[_Place]) -> list[_Place]:
    """A leaf and what lies on its row: the operations of one input that follow it."""
    line = [p]
    for q in places:
        if q.inputs == [line[-1]]:
            line.append(q)
    return line


def _joint(p: _Place) -> int:
    """The column of the vertical line into an operator: the middle of its symbol."""
    return p.start - (len(p.symbol) + 1) // 2 - (1 if len(p.symbol) % 2 == 0 else 0)


class _Canvas:
    def __init__(self) -> None:
        self.cells: dict[tuple[int, int], tuple[str, str]] = {}

    def put(self, row: int, column: int, text: str, role: str) -> None:
        for k, character in enumerate(text):
            self.cells[row, column + k] = (character, role)

    def lines(self) -> tuple[Line, ...]:
        bottom = max(row for row, _ in self.cells)
        out: list[Line] = []
        for row in range(bottom + 1):
            columns = [c for r, c in self.cells if r == row]
            spans: list[Span] = []
            for column in range(max(columns, default=-1) + 1):
                character, role = self.cells.get((row, column), (" ", "ink"))
                if spans and spans[-1].role == role:
                    spans[-1] = Span(spans[-1].text + character, role)
                else:
                    spans.append(Span(character, role))
            out.append(tuple(spans))
        return tuple(out)


def _paint(places: list[_Place], circuit: Circuit, answered: bool) -> tuple[Line, ...]:
    canvas = _Canvas()
    consumers = {id(p): [q for q in places if p in q.inputs] for p in places}
    for p in places:
        users = consumers[id(p)]
        end = max((_joint(q) for q in users), default=p.end - 1)
        canvas.put(p.row, p.start, "─" * (end - p.start), "wire")
    for p in places:
        _paint_joint(canvas, p, consumers)
    for p in places:
        if p.depth == 0:
            canvas.put(p.row, MARGIN, p.name, "name")
        elif not consumers[id(p)]:
            canvas.put(p.row, p.end, p.name, "name")
        elif p.name:
            canvas.put(p.row, p.start + 1, f" {p.name} ", "name")
        value, role = _shown(p, "value", circuit, answered)
        for k, text in enumerate(value):
            canvas.put(p.row - len(value) + k, p.start + 2, text, role)
        gradient, role = _shown(p, "gradient", circuit, answered)
        for k, text in enumerate(gradient):
            canvas.put(p.row + 1 + k, p.start + 2, text, role)
    # The last row is always kept, so that a picture never changes its height when a gradient arrives.
    bottom = max(p.row + len(p.gradient) for p in places)
    if (bottom, 0) not in canvas.cells:
        canvas.put(bottom, 0, " ", "ink")
    return canvas.lines()


def _paint_joint(canvas: _Canvas, p: _Place, consumers: dict[int, list[_Place]]) -> None:
    """Draw the line that gathers an operator's inputs, and its symbol on it."""
    if not p.inputs:
        return
    column = _joint(p)
    top, bottom = min(i.row for i in p.inputs), max(i.row for i in p.inputs)
    for row in range(top, bottom + 1):
        if top != bottom:
            canvas.put(row, column, "│", "wire")
    for i in p.inputs:
        goes_on = any(_joint(q) > column for q in consumers[id(i)])
        if top == bottom:
            mark = "─"
        elif i.row == top:
            mark = "┬" if goes_on else "┐"
        elif i.row == bottom:
            mark = "┴" if goes_on else "┘"
        else:
            mark = "┼" if goes_on else "┤"
        canvas.put(i.row, column, mark, "wire")
    canvas.put(p.row, p.start - len(p.symbol), p.symbol, "operator")


def _shown(p: _Place, kind: str, circuit: Circuit, answered: bool) -> tuple[list[str], str]:
    """What is written on one side of a wire now, and in which role."""
    texts = p.value if kind == "value" else p.gradient
    if f"{kind} {p.name}" in circuit.asked:
        question = [QUESTION] if kind == "value" else _backward([QUESTION])
        return (texts, "asked") if answered else (question, "asked")
    wanted = circuit.values if kind == "value" else circuit.gradients
    return (texts, kind) if "*" in wanted or p.name in wanted else ([], kind)


def _speak(p: _Place, circuit: Circuit, answered: bool) -> str:
    """Say one wire in words, for a screen reader."""
    formula = ""
    if p.node.primitive is not None:
        formula = f" = {written_formula(p.node, {i.node: i.name for i in p.inputs})}"
    parts = [f"{p.name}{formula}"]
    for kind, number in (("value", p.node.data), ("gradient", p.slope)):
        texts, _ = _shown(p, kind, circuit, answered)
        if texts and texts[0].endswith(QUESTION):
            parts.append(f"{kind} in question")
        elif texts:
            parts.append(f"{kind} {array(number)}")
    return ", ".join(parts) + "."
