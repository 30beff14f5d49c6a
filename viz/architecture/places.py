"""Where the boxes of an architecture stand, in points along the flow (`main`) and across it (`cross`).

Along the flow everything runs from small to large; across it, skips pass on the side of larger numbers. A figure from left
to right and one from top to bottom differ only in how `main` and `cross` become x and y.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from .regions import Item, Parallel, Series, Tangle

LANE: Final = 17.0
"""From one skip to the next one over it, and from branch to branch."""

TURN: Final = 14.0
"""How far a wire that turns to the next row goes beyond its end."""


@dataclass(frozen=True, slots=True)
class Room:
    """How much room a box needs.

    Attributes:
        main: along the flow, the wires on both sides included.
        before: across the flow, on the side of the skips.
        after: across the flow, on the other side.
        lead: how much of it lies before the box and its wires, for the name of a frame that begins there.
        trail: how much of it lies between the box and the wires behind it, for the name of a frame around branches.
    """

    main: float
    before: float
    after: float
    lead: float = 0.0
    trail: float = 0.0


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a box stands: its middle, and the room around it along the flow."""

    main: float
    cross: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Wire:
    """A wire between two boxes.

    Attributes:
        source: the box it leaves.
        target: the box it reaches.
        over: how far across the flow a skip passes, or None for a wire that passes nothing.
        turn: for a wire to the next row, the place across the flow between the rows.
    """

    source: int
    target: int
    over: float | None = None
    turn: float | None = None


@dataclass(frozen=True, slots=True)
class Band:
    """A row: its series and what it covers.

    Attributes:
        members: the boxes in it.
        start: where it begins along the flow.
        end: where it ends.
        cross: its axis.
        before: how far it reaches on the side of the skips.
        after: how far it reaches on the other side.
        items: for each item its boxes, and where its room begins and ends.
    """

    members: tuple[int, ...]
    start: float
    end: float
    cross: float
    before: float
    after: float
    items: tuple[tuple[tuple[int, ...], float, float], ...]


@dataclass
class Layout:
    """The places of everything."""

    spots: dict[int, Spot] = field(default_factory=dict)
    wires: list[Wire] = field(default_factory=list)
    bands: list[Band] = field(default_factory=list)


Rooms: TypeAlias = "Mapping[int, Room] | Sequence[Room]"


def members(item: Item) -> tuple[int, ...]:
    """The boxes of an item, in order.

    >>> members(Parallel(((1, 2), (3,)), None))
    (1, 2, 3)
    """
    if isinstance(item, int):
        return (item,)
    if isinstance(item, Tangle):
        return item.members
    return tuple(box for branch in item.branches for part in branch for box in members(part))


def split(series: Series, rooms: Rooms, rows: int, closed: Collection[int] = ()) -> list[Series]:
    """Cut a series into about equally long rows; never where branches begin or end.

    Args:
        series: what is to be cut.
        rooms: the room of each box.
        rows: the number of rows; fewer come out where there are too few places to cut at.
        closed: the positions of items that must not begin a row.
    """
    lengths = [_room(item, rooms).main for item in series]
    total, used, cut = sum(lengths), 0.0, [[series[0]]]
    for i in range(1, len(series)):
        used += lengths[i - 1]
        wanted = min(rows - 1, int((used + lengths[i] / 2) / total * rows))
        is_open = i not in closed and isinstance(series[i], int) and isinstance(series[i - 1], int)
        if wanted >= len(cut) and is_open:
            cut.append([])
        cut[-1].append(series[i])
    return [tuple(row) for row in cut]


def place(
    rows: Sequence[Series],
    rooms: Rooms,
    inputs: Sequence[Sequence[int]],
    *,
    direction: int = -1,
    head: float = 0.0,
    foot: float = 0.0,
    gap: float = 34.0,
) -> Layout:
    """Find the place of every box, wire and row.

    Args:
        rows: the series of each row.
        rooms: the room of each box.
        inputs: for each box the positions of those it reads.
        direction: −1 where the next row lies on the side away from the skips, 1 where it lies on theirs.
        head: more room on the skips' side of every row.
        foot: more room on the other side.
        gap: the room between two rows, where the wire turns.
    """
    layout = Layout()
    placer = _Placer(rooms, layout, -direction)
    cross = 0.0
    for k, row in enumerate(rows):
        room = _series_room(row, rooms)
        before, after = room.before + head, room.after + foot
        near, far = (before, after) if direction < 0 else (after, before)
        if k > 0:
            turn = cross + direction * gap / 2
            cross += direction * gap
            layout.wires.append(Wire(members(rows[k - 1][-1])[-1], members(row[0])[0], turn=turn))
        axis = cross + direction * near
        start = TURN if len(rows) > 1 else 0.0
        main, items = start, []
        for item in row:
            length = _room(item, rooms).main
            placer.item(item, main, axis)
            items.append((members(item), main, main + length))
            main += length
        boxes = tuple(box for item in row for box in members(item))
        layout.bands.append(Band(boxes, start, main, axis, before, after, tuple(items)))
        cross = axis + direction * far
    drawn = {(wire.source, wire.target) for wire in layout.wires}
    for target, sources in enumerate(inputs):
        layout.wires += [Wire(source, target) for source in sources if (source, target) not in drawn]
    return layout


def _room(item: Item, rooms: Rooms) -> Room:
    if isinstance(item, int):
        return rooms[item]
    if isinstance(item, Tangle):
        parts = [rooms[box] for box in item.members]
        lanes = LANE * len(_levels(item))
        return Room(sum(p.main for p in parts), max(p.before for p in parts) + lanes, max(p.after for p in parts))
    parts = [_series_room(branch, rooms) for branch in item.branches]
    offsets = _offsets(parts, 1)
    before = max(part.before + offset for part, offset in zip(parts, offsets, strict=True))
    after = max(part.after - offset for part, offset in zip(parts, offsets, strict=True))
    return Room(max(part.main for part in parts), before + LANE * (item.skip is not None), after)


def _series_room(series: Series, rooms: Rooms) -> Room:
    parts = [_room(item, rooms) for item in series]
    return Room(sum(part.main for part in parts), max(p.before for p in parts), max(p.after for p in parts))


def _offsets(parts: Sequence[Room], first: int) -> list[float]:
    """How far from the axis each branch runs: two with the longer on the axis, more of them spread around it.

    Args:
        parts: the room of each branch.
        first: 1 where the first of more than two branches lies on the skips' side, −1 where the last one does.
    """
    if len(parts) == 1:
        return [0.0]
    if len(parts) == 2:
        long = 0 if parts[0].main >= parts[1].main else 1
        step = parts[long].after + LANE + parts[1 - long].before
        return [0.0, -step] if long == 0 else [-step, 0.0]
    total = sum(part.before + part.after for part in parts) + LANE * (len(parts) - 1)
    offsets, edge = [], total / 2
    for part in parts[::first]:
        offsets.append(edge - part.before)
        edge -= part.before + part.after + LANE
    return offsets[::first]


def _levels(tangle: Tangle) -> dict[tuple[int, int], int]:
    """Put each skip over those that it passes over: the lane of each, from 1."""
    levels: dict[tuple[int, int], int] = {}
    for a, b in sorted(tangle.arcs, key=lambda arc: arc[1] - arc[0]):
        levels[a, b] = 1 + max((level for (c, d), level in levels.items() if c < b and a < d), default=0)
    return levels


class _Placer:
    def __init__(self, rooms: Rooms, layout: Layout, first: int) -> None:
        self.rooms = rooms
        self.first = first
        self.layout = layout

    def series(self, series: Series, main: float, cross: float) -> None:
        for item in series:
            self.item(item, main, cross)
            main += _room(item, self.rooms).main

    def item(self, item: Item, main: float, cross: float) -> None:
        if isinstance(item, int):
            room = self.rooms[item]
            start, end = main + room.lead, main + room.main
            self.layout.spots[item] = Spot((start + end - room.trail) / 2, cross, start, end)
        elif isinstance(item, Tangle):
            top = cross + max(self.rooms[box].before for box in item.members)
            self.series(item.members, main, cross)
            self.layout.wires += [Wire(a, b, over=top + LANE * k - 5) for (a, b), k in _levels(item).items()]
        else:
            self._parallel(item, main, cross)

    def _parallel(self, item: Parallel, main: float, cross: float) -> None:
        parts = [_series_room(branch, self.rooms) for branch in item.branches]
        length = max(part.main for part in parts)
        for branch, part, offset in zip(item.branches, parts, _offsets(parts, self.first), strict=True):
            self.series(branch, main + (length - part.main) / 2, cross + offset)
        if item.skip is not None:
            self.layout.wires.append(Wire(*item.skip, over=cross + _room(item, self.rooms).before - 5))
