"""Which rows the boxes of an architecture stand in, how tall its slabs are, and what frames surround them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

from ..drawing.canvas import SLIDE, TEXT, flush_width
from .blocks import Block, Blocks
from .glyphs import Boxes, Slabs
from .places import TURN, Band, Layout, Room, members, place, split
from .regions import Parallel, Series, Tangle, arrange
from .survey import Survey
from .thumbnails import Thumbnails
from .trace import Call

SMALLEST: Final = 12.0
"""The size below which no text may come out on a slide, in points."""

TITLE: Final = 20.0
"""The size of the title, in points."""

MARGIN: Final = 14.0
HEADING: Final = 34.0
"""The height of the title line."""

TOTALS: Final = 20.0
"""The height of a line below the figure."""

CLUSTER: Final = 22.0
"""The height of the name of a frame."""

_MOST_ROWS: Final = 6
_TALLEST: Final = (124.0, 92.0, 64.0)
_MARGINS: Final = (22.0, 12.0)


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame around the boxes of a container, in one row.

    Attributes:
        band: the row.
        depth: how many frames are around it.
        start: where it begins along the flow.
        end: where it ends.
        name: what the container is called.
    """

    band: Band
    depth: int
    start: float
    end: float
    name: str


Framed = set[tuple[int, int]]
"""The containers that get a frame: their depth, and the id of the call."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One way to draw the boxes.

    Attributes:
        style: how the boxes look.
        layout: where they stand.
        frames: the frames around containers.
        width: the figure's width.
        height: its height.
        left: the x where the flow begins (from left to right) or the axis of its first column.
        top: the same from the top.
        scale: how large it comes out on a slide; 1: as it is.
    """

    style: Slabs | Boxes
    layout: Layout
    frames: tuple[Frame, ...]
    width: float
    height: float
    left: float
    top: float
    scale: float


def best_plan(
    blocks: Blocks,
    facts: Sequence[str],
    found: Survey,
    pictures: Thumbnails,
    direction: str,
    title: str | None,
    notes: Sequence[str],
) -> Plan:
    """Choose the number of rows, and the height of the slabs, for a slide."""
    inputs = [block.inputs for block in blocks]
    series = arrange(inputs)
    framed = _framed(blocks, series)
    styles: list[Slabs | Boxes]
    if direction == "LR" and _is_simple(series) and all(len(b.inputs) < 2 or b.is_operation for b in blocks):
        frames = len({depth for depth, _ in framed})  # their lines pass between
        styles = [
            Slabs(blocks, facts, found.image, pictures, tallest=tallest, margin=margin + 6.0 * frames)
            for tallest in _TALLEST
            for margin in _MARGINS
        ]
    else:
        shapes = (False,) if direction == "LR" else (True, False)
        styles = [
            Boxes(blocks, facts, found.image, pictures, is_sideways=direction == "LR", is_wide=wide) for wide in shapes
        ]
    plans = []
    for closed in (_inside_blocks(blocks, series), set[int]()):
        for style in styles:
            for rows in range(1, _MOST_ROWS + 1):
                cut = split(series, [glyph.room for glyph in style.glyphs], rows, closed)
                if len(cut) == rows:
                    plans.append(_plan(style, cut, inputs, framed, direction, title, notes))
        best = max(plans, key=_merit)
        if best.scale * TEXT >= SMALLEST:  # else blocks may be torn apart too
            break
    return best


def _inside_blocks(blocks: Sequence[Block], series: Series) -> set[int]:
    """The positions of items that stand in one block with the item before them; a Sequential is no block."""
    calls = [_common([blocks[i].calls for i in members(item)]) for item in series]
    return {
        k
        for k, (before, own) in enumerate(pairwise(calls), start=1)
        if any(type(call.module).__name__ != "Sequential" for call in _common([before, own]))
    }


def _merit(plan: Plan) -> tuple[float, ...]:
    """Readable on a slide first of all, then in as few rows as may be, then as large as may be."""
    is_readable = plan.scale * TEXT >= SMALLEST
    return float(is_readable), -len(plan.layout.bands) * float(is_readable), round(min(plan.scale, 1.0), 3)


def _is_simple(series: Series) -> bool:
    """Whether there is one box after another, with nothing but skips beside them."""
    for item in series:
        if isinstance(item, Tangle):
            return False
        if isinstance(item, Parallel) and (len(item.branches) > 1 or not _is_simple(item.branches[0])):
            return False
    return True


def _plan(
    style: Slabs | Boxes,
    rows: list[Series],
    inputs: Any,
    framed: Framed,
    direction: str,
    title: str | None,
    notes: Sequence[str],
) -> Plan:
    depths = 1 + max((depth for depth, _ in framed), default=-1)
    is_sideways = direction == "LR"
    pad = 3.0 + 4.0 * depths if depths else 0.0
    head, foot = (CLUSTER * depths + pad, pad) if is_sideways else (pad, pad)
    rooms, leads = [glyph.room for glyph in style.glyphs], dict[int, float]()
    if isinstance(style, Slabs):
        rooms = _level(rooms, rows)
    if not is_sideways and depths:
        rooms, leads = _with_leads(rooms, style.blocks, rows, framed)
    layout = place(rows, rooms, inputs, direction=-1 if is_sideways else 1, head=head, foot=foot, gap=30.0)
    frames = [
        frame
        for band in layout.bands
        for depth in range(depths)
        for frame in _frames(style.blocks, band, depth, framed, leads)
    ]
    length = max(band.end for band in layout.bands) + TURN * (len(rows) > 1)
    edges = [edge for b in layout.bands for edge in (b.cross + b.before, b.cross - b.after)]
    breadth = max(edges) - min(edges)
    heading = style.heading_width if isinstance(style, Slabs) else 0.0
    top = MARGIN + (HEADING if title else 0.0)
    width, height = (length + heading, breadth) if is_sideways else (breadth, length)
    least = max(flush_width(line, TEXT) for line in notes)
    least = max(least, min(flush_width(title or "", TITLE), int(SLIDE[0] - 2 * MARGIN)))
    full_width = max(width, least) + 2 * MARGIN
    full_height = top + height + 10 + TOTALS * len(notes) + MARGIN - 4
    left = MARGIN + max(0.0, least - width) / 2 + (heading if is_sideways else -min(edges))
    start = top + (max(edges) if is_sideways else 0.0)
    scale = min(SLIDE[0] / full_width, SLIDE[1] / full_height)
    return Plan(style, layout, tuple(frames), full_width, full_height, left, start, scale)


def _framed(blocks: Sequence[Block], series: Series) -> Framed:
    """At each depth all containers get a frame, or none where each holds a single box."""
    found: dict[tuple[int, int], int] = {}
    for item in series:
        boxes = members(item)
        for depth, call in enumerate(_common([blocks[i].calls for i in boxes])[:2]):
            found[depth, id(call)] = found.get((depth, id(call)), 0) + len(boxes)
    worth = {depth for (depth, _), count in found.items() if count > 1}
    return {key for key in found if key[0] in worth and (key[0] == 0 or 0 in worth)}


def _level(rooms: list[Room], rows: list[Series]) -> list[Room]:
    """The labels of a row's slabs stand on one line, so each needs the room of the tallest there."""
    result = list(rooms)
    for row in rows:
        boxes = [i for item in row for i in members(item)]
        before, after = max(rooms[i].before for i in boxes), max(rooms[i].after for i in boxes)
        for i in boxes:
            result[i] = replace(rooms[i], before=before, after=after)
    return result


def _with_leads(
    rooms: list[Room], blocks: Sequence[Block], rows: list[Series], framed: Framed
) -> tuple[list[Room], dict[int, float]]:
    """From top to bottom, what is first in a frame stands lower, so that the frame's name finds room above it.

    Returns:
        The rooms, and for branches that are first in a frame how far above them it begins, by their first box.
    """
    result, leads = list(rooms), dict[int, float]()
    for row in rows:
        last = members(row[0])[-1]
        before: list[Call] = []
        for item in row:
            common = _common([blocks[i].calls for i in members(item)])
            calls = [call for depth, call in enumerate(common) if (depth, id(call)) in framed]
            begun = sum(call not in before for call in calls)
            lead = (CLUSTER - 6.0) * begun
            if begun and isinstance(item, int):
                result[item] = replace(result[item], main=result[item].main + lead, lead=lead)
            elif begun:
                result[last] = replace(result[last], main=result[last].main + lead, trail=lead)
                leads[members(item)[0]] = lead
            before, last = calls, members(item)[-1]
    return result, leads


def _common(calls: Sequence[tuple[Call, ...]]) -> tuple[Call, ...]:
    common = calls[0]
    for other in calls[1:]:
        same = [a is b for a, b in zip(common, other, strict=False)]
        common = common[: same.index(False) if False in same else len(same)]
    return common


def _frames(
    blocks: Sequence[Block], band: Band, depth: int, framed: Framed, leads: Mapping[int, float]
) -> Iterator[Frame]:
    """Where the frames of one depth begin and end in a row, and what they are called."""
    current: Call | None = None
    start = end = 0.0
    for boxes, left, right in (*band.items, ((), band.end, band.end)):
        common = _common([blocks[i].calls for i in boxes]) if boxes else ()
        call = common[depth] if len(common) > depth and (depth, id(common[depth])) in framed else None
        if call is not current:
            if current is not None:
                yield Frame(band, depth, start, end, _frame_name(current))
            current, start = call, left - leads.get(boxes[0] if boxes else -1, 0.0)
        end = right


def _frame_name(call: Call) -> str:
    name = call.path.rpartition(".")[2]
    kind = type(call.module).__name__
    return name if not name.isdecimal() else "" if kind == "Sequential" else kind
