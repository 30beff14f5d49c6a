"""Where everything in a diagram of passes stands, in points, x to the right and y up.

Nothing here looks at a gradient: the places depend on the architecture alone, so that the diagrams of all epochs lie
exactly on top of each other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from ..drawing.canvas import SLIDE, TEXT
from ..drawing.metrics import text_width
from ..drawing.notation import grouped
from .fold import Link, Passes, Stage

NAME: Final = 15.0
"""The size of the layers' names."""

LANE: Final = 13.0
"""How far the forward lane lies above a row's middle, and the backward lane below it."""

LINE: Final = 17.0
"""From one line of small text to the next."""

MARGIN: Final = 14.0
_WIDEST_NUMBER: Final = "8.8×10−8"
_TALLEST: Final = (132.0, 108.0)  # alone in its row; with other rows below
_LOWEST: Final = 58.0
_HEADING: Final = 40.0
_LEGEND: Final = 60.0
_NAMES: Final = 47.0
_ARROW: Final = 22.0
_ARC: Final = 42.0
_NARROWEST: Final = 660.0
_MOST_ROWS: Final = 5


@dataclass(frozen=True)
class Box:
    """A stage's slab.

    Attributes:
        x: its middle.
        y: the height of its row's middle.
        width: its width.
        height: its height.
        top: the height above which its row has nothing but names.
        bottom: the height below which its row has nothing but the parameters' lines.
    """

    x: float
    y: float
    width: float
    height: float
    top: float
    bottom: float

    @property
    def left(self) -> float:
        """The x of its left side."""
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        """The x of its right side."""
        return self.x + self.width / 2


@dataclass(frozen=True)
class Span:
    """A straight stretch of wire.

    Attributes:
        link: the position of its link among the links, or None for the wire that leads to L.
        start: where it leaves a slab.
        end: where it reaches the next.
        y: the height of the row's middle.
        opens: whether it starts at the left end of a row, continuing the row above.
        closes: whether it ends at the right end of a row, to be continued below.
    """

    link: int | None
    start: float
    end: float
    y: float
    opens: bool = False
    closes: bool = False


@dataclass(frozen=True)
class Arc:
    """A wire that passes over slabs; its gradient comes back under them.

    Attributes:
        link: the position of its link among the links.
        source: the slab where it starts.
        target: the slab where it ends.
        rise: how high above the row's middle it gets, and how far below it the gradient's wire.
        label: the x of the gradient's norm, between two slabs.
    """

    link: int
    source: Box
    target: Box
    rise: float
    label: float


@dataclass(frozen=True)
class Plan:
    """The whole diagram's places.

    Attributes:
        width: the diagram's width.
        height: its height.
        boxes: a slab for each stage.
        spans: the straight stretches of wire.
        arcs: the wires that pass over slabs.
        end: the middle of the L at the end.
    """

    width: float
    height: float
    boxes: tuple[Box, ...]
    spans: tuple[Span, ...]
    arcs: tuple[Arc, ...]
    end: tuple[float, float]


def shape_text(shape: tuple[int, ...], batch: int | None) -> str:
    """Write a shape without its batch axis.

    >>> shape_text((64, 16, 8, 8), 64)
    '16×8×8'
    """
    return "×".join(map(str, inner_shape(shape, batch))) or "1"


def inner_shape(shape: tuple[int, ...], batch: int | None) -> tuple[int, ...]:
    """Return a shape without its batch axis.

    >>> inner_shape((64, 10), 64), inner_shape((3, 4), None)
    ((10,), (3, 4))
    """
    return shape[1:] if len(shape) > 1 and shape[0] == batch else shape


def count_text(count: int) -> str:
    """Write a number of parameters with its thousands set apart.

    >>> count_text(48120)
    '48 120 parameters'
    """
    return grouped(count) + (" parameter" if count == 1 else " parameters")


def plan(passes: Passes, heading: bool = True) -> Plan:
    """Find the number of rows that fills a slide best, and place everything.

    Args:
        passes: what is to be placed.
        heading: whether there is a title line.
    """
    is_chain = all(link.target == link.source + 1 for link in passes.links)
    most = min(_MOST_ROWS, len(passes.stages)) if is_chain else 1
    plans = [_Planner(passes, rows, heading).plan() for rows in range(1, most + 1)]
    return max(plans, key=lambda p: min(SLIDE[0] / p.width, SLIDE[1] / p.height))


class _Planner:
    def __init__(self, passes: Passes, rows: int, heading: bool) -> None:
        self.passes = passes
        self.heading = _HEADING if heading else 0.0
        self.sizes = _slab_sizes(passes, _TALLEST[rows > 1])
        shapes = [shape_text(link.shape, passes.batch) for link in passes.links]
        self.gap = max(text_width(content, TEXT) for content in [*shapes, _WIDEST_NUMBER]) + 6
        self.columns = [max(self.sizes[i][0] + self.gap, self._texts_width(i) + 10) for i in range(len(self.sizes))]
        self.rows = _split(self.columns, rows)
        self.levels = _levels(passes.links)

    def _texts_width(self, i: int) -> float:
        """The width of a stage's widest line; what stands below it counts where a neighbour has lines there too."""
        stages = self.passes.stages
        stage = stages[i]
        lines = [text_width(stage.name, NAME), text_width(stage.layer.text, TEXT)]
        if stage.weights and any(other.weights for other in (*stages[max(0, i - 1) : i], *stages[i + 1 : i + 2])):
            names = [weight.name if weight.name not in ("weight", "bias") else "W" for weight in stage.weights]
            lines += [text_width(f"‖∂L/∂{name}‖ {_WIDEST_NUMBER}", TEXT) for name in names]
            lines.append(text_width(count_text(stage.count), TEXT))
        return max(lines)

    def plan(self) -> Plan:
        last = len(self.rows) - 1
        indent = self.gap / 2 + 18  # room for a wire that goes on in the next row, and its dots
        starts = [MARGIN + (indent if k > 0 else 0.0) for k in range(last + 1)]
        ends = [start + sum(self.columns[i] for i in row) for start, row in zip(starts, self.rows, strict=True)]
        ends = [end + indent for end in ends[:-1]] + [ends[-1] + self.gap / 2 + 24]
        width = max(*ends, _NARROWEST) + MARGIN
        shift = (width - MARGIN - max(ends)) / 2
        rows = [self._row_size(row) for row in self.rows]
        height = 2 * MARGIN + self.heading + sum(above + below for above, below in rows) + _LEGEND
        boxes: list[Box] = []
        ceiling = height - MARGIN - self.heading
        for start, row, (above, below) in zip(starts, self.rows, rows, strict=True):
            boxes += self._boxes(row, start + shift, ceiling - above, above - _NAMES)
            ceiling -= above + below
        final = boxes[-1]
        spans, arcs = self._wires(boxes)
        spans.append(Span(None, final.right, final.right + self.gap, final.y))
        return Plan(width, height, tuple(boxes), tuple(spans), tuple(arcs), (final.right + self.gap + 16, final.y))

    def _row_size(self, row: list[int]) -> tuple[float, float]:
        """How much room a row needs above its middle and below."""
        half = max(self.sizes[i][1] for i in row) / 2 + _ARC * max(self.levels.values(), default=0)
        lines = max(len(self.passes.stages[i].weights) for i in row)
        return half + _NAMES, half + (_ARROW + LINE * (lines + 1) + 4 if lines else 0) + 12

    def _boxes(self, row: list[int], x: float, y: float, half: float) -> list[Box]:
        boxes = []
        for i in row:
            width, height = self.sizes[i]
            boxes.append(Box(x + self.columns[i] / 2, y, width, height, y + half, y - half))
            x += self.columns[i]
        return boxes

    def _wires(self, boxes: list[Box]) -> tuple[list[Span], list[Arc]]:
        spans: list[Span] = []
        arcs: list[Arc] = []
        for i, link in enumerate(self.passes.links):
            a, b = boxes[link.source], boxes[link.target]
            if a.y != b.y:
                spans.append(Span(i, a.right, a.right + self.gap, a.y, closes=True))
                spans.append(Span(i, b.left - self.gap, b.left, b.y, opens=True))
            elif link.target == link.source + 1:
                spans.append(Span(i, a.right, b.left, a.y))
            else:
                between = boxes[link.source : link.target + 1]
                rise = max(box.height for box in between) / 2 + _ARC * self.levels[i] - 20
                middles = [(left.right + right.left) / 2 for left, right in pairwise(between)]
                arcs.append(Arc(i, a, b, rise, min(middles, key=lambda x: abs(x - (a.x + b.x) / 2))))
        return spans, arcs


def _levels(links: tuple[Link, ...]) -> dict[int, int]:
    """Put each link that passes over stages on a level of its own where it overlaps a shorter one."""
    long = sorted((link.target - link.source, i) for i, link in enumerate(links) if link.target - link.source > 1)
    levels: dict[int, int] = {}
    for _, i in long:
        a, b = links[i].source, links[i].target
        levels[i] = 1 + max(
            (level for k, level in levels.items() if links[k].source < b and a < links[k].target), default=0
        )
    return levels


def _slab_sizes(passes: Passes, tallest: float) -> list[tuple[float, float]]:
    """A slab's height is its image's side, its width the logarithm of its channels; a vector is a low slab."""
    largest = max(_side(stage, passes.batch) for stage in passes.stages)
    return [_slab_size(stage, passes.batch, largest, tallest) for stage in passes.stages]


def _slab_size(stage: Stage, batch: int | None, largest: int, tallest: float) -> tuple[float, float]:
    if stage.layer.family in ("loss", "operation"):
        return 36.0, _LOWEST
    channels = inner_shape(stage.shape, batch)[:1] or (1,)
    share = 0.0 if largest <= 1 else (_side(stage, batch) - 1) / (largest - 1)
    return 10 + 4 * math.log2(channels[0] + 1), _LOWEST + (tallest - _LOWEST) * share


def _side(stage: Stage, batch: int | None) -> int:
    return max(inner_shape(stage.shape, batch)[1:], default=1)


def _split(columns: list[float], rows: int) -> list[list[int]]:
    """Cut the stages into `rows` rows of about the same length, in order."""
    total, used = sum(columns), 0.0
    cut: list[list[int]] = [[] for _ in range(rows)]
    for i, width in enumerate(columns):
        cut[min(rows - 1, int((used + width / 2) / total * rows))].append(i)
        used += width
    return [row for row in cut if row]
