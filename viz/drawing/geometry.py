"""Where everything in a figure is: Graphviz's JSON, read into boxes, strokes and lines of text.

Graphviz writes down every stroke it makes (its "xdot" operations), also those of tables and formulas, so that a figure
can be written in another language, and so that tests can see what overlaps. Lengths are points, y goes up.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Final

from minidl.errors import RenderError

Point = tuple[float, float]

BACKSLASH: Final = "∖"
"""What stands for a backslash while the figure is measured: two of them spoil the JSON of Graphviz 14."""

_PAD: Final = 4.0  # Graphviz's own margin around a figure
_LISTS: Final = ("_draw_", "_ldraw_", "_hdraw_", "_tdraw_", "_hldraw_", "_tldraw_")
_BOLD, _ITALIC, _RAISED, _LOWERED = 1, 2, 8, 16
_SAME_LINE: Final = 0.05
_TOUCHING: Final = 0.6


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle.

    >>> Box(0, 0, 4, 3).overlap(Box(3, 1, 9, 2))
    Box(left=3, bottom=1, right=4, top=2)
    """

    left: float
    bottom: float
    right: float
    top: float

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From bottom to top."""
        return self.top - self.bottom

    @property
    def center(self) -> Point:
        """The middle."""
        return (self.left + self.right) / 2, (self.bottom + self.top) / 2

    def overlap(self, other: Box) -> Box | None:
        """Return what two boxes have in common, or None; boxes that only touch have nothing."""
        left, bottom = max(self.left, other.left), max(self.bottom, other.bottom)
        right, top = min(self.right, other.right), min(self.top, other.top)
        return Box(left, bottom, right, top) if left < right and bottom < top else None

    def grown(self, by: float) -> Box:
        """Return the box with `by` points more on each side."""
        return Box(self.left - by, self.bottom - by, self.right + by, self.top + by)

    def holds(self, other: Box) -> bool:
        """Return whether `other` lies within."""
        return (
            self.left <= other.left
            and self.right >= other.right
            and self.bottom <= other.bottom
            and self.top >= other.top
        )


@dataclass(frozen=True, slots=True)
class Pen:
    """How a line is drawn: `color` as `#rrggbb` or `#rrggbbaa`, `width` in points, `style` solid, dashed or dotted."""

    color: str = "#000000"
    width: float = 1.0
    style: str = "solid"


@dataclass(frozen=True, slots=True)
class Path:
    """A stroke.

    Attributes:
        points: of a polygon its corners; of a curve the start, and three for each Bézier piece; of an ellipse two
            corners of the box around it.
        kind: `polygon`, `line`, `curve` or `ellipse`.
        pen: how its line is drawn, if it is.
        fill: the colour inside, if there is one.
    """

    points: tuple[Point, ...]
    kind: str
    pen: Pen | None
    fill: str | None


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of text in one style.

    Attributes:
        text: its letters.
        left: where it begins.
        baseline: the line it stands on; that of the text beside it if it is `raised` or `lowered`.
        width: how wide the engine takes it to be.
        size: the type size in points.
        color: as `#rrggbb`.
        face: the family of its font.
    """

    text: str
    left: float
    baseline: float
    width: float
    size: float
    color: str
    face: str
    bold: bool = False
    italic: bool = False
    raised: bool = False
    lowered: bool = False

    @property
    def right(self) -> float:
        """Where it ends."""
        return self.left + self.width


@dataclass(frozen=True, slots=True)
class Line:
    """Runs that follow each other on one baseline.

    >>> Line((Run("2", 1, 0, 5, 10, "#000000", "STIXGeneral"),)).text
    '2'
    """

    runs: tuple[Run, ...]

    @property
    def text(self) -> str:
        """Its letters."""
        return "".join(run.text for run in self.runs)

    @property
    def left(self) -> float:
        """Where it begins."""
        return self.runs[0].left

    @property
    def right(self) -> float:
        """Where it ends."""
        return self.runs[-1].right

    @property
    def baseline(self) -> float:
        """What it stands on."""
        return self.runs[0].baseline


@dataclass(frozen=True, slots=True)
class Part:
    """A node, an edge, a cluster or the graph itself, and what is drawn for it, in order.

    Attributes:
        kind: `graph`, `cluster`, `node` or `edge`.
        name: what it is called in the DOT text; an edge `tail->head`.
        marks: its strokes and lines of text.
    """

    kind: str
    name: str
    marks: tuple[Path | Line, ...]

    @property
    def lines(self) -> tuple[Line, ...]:
        """Its lines of text."""
        return tuple(mark for mark in self.marks if isinstance(mark, Line))


@dataclass(frozen=True, slots=True)
class Geometry:
    """A figure that has been laid out.

    Attributes:
        page: the whole picture, its margin included.
        nodes: the box of each node that is drawn, by its name.
        parts: everything that is drawn, what lies below first.
    """

    page: Box
    nodes: Mapping[str, Box]
    parts: tuple[Part, ...]

    @property
    def lines(self) -> tuple[Line, ...]:
        """Every line of text."""
        return tuple(line for part in self.parts for line in part.lines)


def guarded(dot: str) -> str:
    """Return a DOT text whose labels have another letter for each backslash (see `BACKSLASH`).

    >>> guarded('digraph { a [label=<x\\\\y>, tooltip="\\\\\\\\ \\\\""] }')
    'digraph { a [label=<x∖y>, tooltip="∖ \\\\""] }'
    """
    if "\\" not in dot:
        return dot
    pieces, depth, i = [], 0, 0
    while i < len(dot):
        letter, pair = dot[i], dot[i : i + 2]
        if depth:
            depth += (letter == "<") - (letter == ">")
            pair = pair if pair == "\\\\" else letter  # Graphviz takes two for one in a label too
            pieces.append(BACKSLASH if letter == "\\" else letter)
            i += len(pair)
        elif quoted := _QUOTED.match(dot, i):
            pieces.append(quoted[0].replace("\\\\", BACKSLASH))
            i = quoted.end()
        else:
            depth += letter == "<"
            pieces.append(letter)
            i += 1
    return "".join(pieces)


_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


def parse(content: str | bytes) -> Geometry:
    """Read what the engine wrote as `json`.

    Raises:
        RenderError: it is no such thing.

    >>> node = {"name": "a", "pos": "27,18", "width": "0.75", "height": "0.5", "_draw_": []}
    >>> parse(json.dumps({"bb": "0,0,54,36", "objects": [node]})).nodes["a"].center
    (27.0, 18.0)
    """
    try:
        graph = json.loads(content, strict=False)
        edges = [_part("edge", edge, graph) for edge in graph.get("edges", ())]
        objects = graph.get("objects", [])
        nodes = {entry["name"]: _box(entry) for entry in objects if "pos" in entry and entry.get("style") != "invis"}
        order = [_part("node" if "pos" in entry else "cluster", entry, graph) for entry in objects]
        clusters = [part for part in order if part.kind == "cluster"]
        drawn = [part for part in order if part.kind == "node"]
        upper = [*edges, *drawn] if graph.get("outputorder") == "edgesfirst" else [*drawn, *edges]
        parts = [_part("graph", graph, graph), *clusters, *upper]
        return Geometry(_page(graph), nodes, tuple(part for part in parts if part.marks))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise RenderError(f"Graphviz described this figure in a way that cannot be read: {error!r}") from error


def _page(graph: Mapping[str, Any]) -> Box:
    left, bottom, right, top = (float(number) for number in graph["bb"].split(","))
    pads = [72 * float(number) for number in str(graph.get("pad", _PAD / 72)).split(",")]
    x, y = pads[0], pads[-1]
    return Box(left - x, bottom - y, right + x, top + y)


def _box(node: Mapping[str, Any]) -> Box:
    x, y = (float(number) for number in node["pos"].rstrip("!").split(",")[:2])
    width, height = 72 * float(node["width"]), 72 * float(node["height"])
    return Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _part(kind: str, entry: Mapping[str, Any], graph: Mapping[str, Any]) -> Part:
    name = entry.get("name", kind)
    if kind == "edge":
        tail, head = (graph["objects"][entry[end]]["name"] for end in ("tail", "head"))
        name = f"{tail}->{head}"
    marks = [mark for key in _LISTS if key in entry for mark in _marks(entry[key])]
    return Part(kind, name, tuple(_joined(marks)))


def _marks(operations: Sequence[Mapping[str, Any]]) -> Iterator[Path | Run]:
    """Replay a list of drawing operations: those in small letters outline, those in capitals fill as well."""
    pen, visible, fill, font, flags = Pen(), True, "#000000", (14.0, ""), 0
    for operation in operations:
        op = operation["op"]
        if op == "c":
            pen = replace(pen, color=_color(operation))
        elif op == "C":
            fill = _color(operation)
        elif op == "S":
            style = operation["style"]
            if style.startswith("setlinewidth("):
                pen = replace(pen, width=float(style[13:-1]))
            elif style in {"solid", "dashed", "dotted"}:
                pen = replace(pen, style=style)
            visible = style != "invis"
        elif op == "F":
            font = operation["size"], operation["face"]
        elif op == "t":
            flags = operation["fontchar"]
        elif op == "T":
            yield _run(operation, pen.color, *font, flags)
        elif op in _KINDS:
            inside = fill if op in {"P", "E", "B"} and not _is_clear(fill) else None
            outline = pen if visible and pen.width > 0 and not _is_clear(pen.color) else None
            if inside or outline:
                yield Path(_points(operation), _KINDS[op], outline, inside)


# In xdot b is a filled curve and B one that is not; in Graphviz's JSON it is the other way round.
_KINDS: Final = {
    "P": "polygon", "p": "polygon", "L": "line", "B": "curve", "b": "curve", "E": "ellipse", "e": "ellipse",
}  # fmt: skip


def _points(operation: Mapping[str, Any]) -> tuple[Point, ...]:
    if "rect" in operation:
        x, y, rx, ry = operation["rect"]
        return (x - rx, y - ry), (x + rx, y + ry)
    return tuple((x, y) for x, y, *_ in operation["points"])


def _run(operation: Mapping[str, Any], color: str, size: float, face: str, flags: int) -> Run:
    (x, y), width = operation["pt"][:2], operation["width"]
    left = x - {"l": 0.0, "c": 0.5, "r": 1.0}[operation["align"]] * width
    styles = (bool(flags & flag) for flag in (_BOLD, _ITALIC, _RAISED, _LOWERED))
    return Run(operation["text"].replace(BACKSLASH, "\\"), left, y, width, size, color, face, *styles)


def _color(operation: Mapping[str, Any]) -> str:
    """The colour of a pen or a filling; of one that changes along the way, where it begins."""
    color = operation["color"] if "color" in operation else operation["stops"][0]["color"]
    return str(color)


def _is_clear(color: str) -> bool:
    return color == "transparent" or (len(color) == 9 and color.endswith("00"))


def _joined(marks: Iterable[Path | Run]) -> Iterator[Path | Line]:
    """Put runs that follow each other on one baseline together; leave out lines that are blank."""
    for is_text, group in groupby(marks, key=lambda mark: isinstance(mark, Run)):
        if not is_text:
            yield from (mark for mark in group if isinstance(mark, Path))
            continue
        lines: list[list[Run]] = []
        for run in (mark for mark in group if isinstance(mark, Run)):
            last = lines[-1][-1] if lines else None
            if last and abs(run.baseline - last.baseline) < _SAME_LINE and abs(run.left - last.right) < _TOUCHING:
                lines[-1].append(run)
            else:
                lines.append([run])
        yield from (Line(tuple(runs)) for runs in lines if any(run.text.strip() for run in runs))
