"""The columns of a circuit whose rows are known: how far to the right everything stands, the frames, and the ways.

Lines are straight and horizontal but for two places: behind the values that are used more than once, where their ways
fan out, and in front of the gates, where they come together. y goes up, lengths are points.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from ..drawing.geometry import Box, Point
from .diagram import Constant, Diagram, Gate, Wire
from .rows import FARTHEST, MARGIN, Rows, Sizes, Use

_TITLE_SPACE: Final = 12
_OVER_TITLE: Final = 7
_LEAD: Final = 4
"""How far a line goes on straight before it turns."""
_BEHIND_GATE: Final = 5
_STEEPEST: Final = 2.0
_FAN_STEEPEST: Final = 7.0
_OUTPUT: Final = 15


@dataclass(slots=True)
class Places:
    """Where everything stands.

    Attributes:
        wires: by key, where the rule of a wire begins, where it ends, and its height.
        gates: by key, the middle of a gate's circle or box.
        constants: the middle of each plain number.
        ways: from the end of each value used to the middle of the gate, corner by corner.
        frames: by name, the frames and their titles, those around others first.
        output: where the root's name begins.
        bounds: the box around it all.
    """

    wires: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    gates: dict[str, Point] = field(default_factory=dict)
    constants: dict[Use, Point] = field(default_factory=dict)
    ways: dict[Use, list[Point]] = field(default_factory=dict)
    frames: dict[str, tuple[Box, Box]] = field(default_factory=dict)
    output: Point = (0.0, 0.0)
    bounds: Box = field(default_factory=lambda: Box(0, 0, 0, 0))


def place(diagram: Diagram, rows: Rows, sizes: Sizes) -> Places | None:
    """Place everything, or return None where something has no row or a frame would be in the way of something else."""
    if any(gate.key not in rows.gates for gate in diagram.gates):
        return None
    placing = _Placing(diagram, rows, sizes)
    return placing.places if placing.is_clear() else None


@dataclass(slots=True)
class _Column:
    """The gates of one level: where lines fan out before them, where they come together, the gates, and their wires."""

    fan: float = 0.0
    entry: float = 0.0
    gates: tuple[float, float] = (0.0, 0.0)
    middle: float = 0.0
    wires: tuple[float, float] = (0.0, 0.0)


class _Placing:
    def __init__(self, diagram: Diagram, rows: Rows, sizes: Sizes) -> None:
        self.diagram, self.rows, self.sizes = diagram, rows, sizes
        self.places = Places()
        self.by_level: dict[int, list[Gate]] = {}
        for gate in diagram.gates:
            self.by_level.setdefault(rows.levels[gate.key], []).append(gate)
        self.standing: dict[int, list[Wire]] = {}
        for wire in diagram.wires:
            self.standing.setdefault(rows.columns[wire.key], []).append(wire)
        self.nested = {name: gate.path for gate in diagram.gates for name in gate.path}
        self.columns: dict[int, _Column] = {}
        self.spare: dict[str, float] = dict.fromkeys(rows.frames, 0.0)
        self._measure()
        for name in rows.frames:  # a frame is at least as wide as its title
            left, right = self._sides(name)
            self.spare[name] = max(0.0, sizes.titles[name][0] + _TITLE_SPACE - (right - left))
        self._measure()
        self._fill()
        self._frames()

    # From left to right --------------------------------------------------------------------------------------------------

    def _measure(self) -> None:
        rows, sizes = self.rows, self.sizes
        x = 0.0
        for level in range(FARTHEST, max(rows.levels.values()) + 1):
            column = self.columns[level] = _Column()
            gates, wires = self.by_level.get(level, []), self.standing.get(level, [])
            column.fan = x
            x += self._fan(level)
            column.entry = x
            if gates:
                x += self._entry(gates) + self._room(level, 0)
                lefts, rights = zip(*(sizes.gates[gate.key].sides for gate in gates), strict=True)
                column.middle = x + math.ceil(max(lefts))
                column.gates = x, column.middle + math.ceil(max(rights))
                x = column.gates[1] + self._room(level, 1) + _BEHIND_GATE
            if wires:
                names = max(sizes.names[wire.key] for wire in wires)
                column.wires = x + names, x + names + max(sizes.wires[wire.key].width for wire in wires)
                x = column.wires[1]

    def _room(self, level: int, side: int) -> float:
        """How much room the frames need that begin (side 0) or end (side 1) at a level."""
        edges = {name for name, levels in self.rows.frames.items() if levels[side] == level}
        deepest = max((sum(name in edges for name in gate.path) for gate in self.by_level[level]), default=0)
        return MARGIN * deepest + math.ceil(max((self.spare[name] / 2 for name in edges), default=0.0))

    def _fan(self, level: int) -> float:
        """The room in which ways leave the row of their value."""
        rises = [
            abs(self.rows.uses[use] - self.rows.wires[wire.key])
            for wire in self.standing.get(level - 1, [])
            for use in _uses(wire)
        ]
        highest = max(rises, default=0.0)
        return _LEAD + math.ceil(min(max(highest / _FAN_STEEPEST, 22), 70)) if highest else 0.0

    def _entry(self, gates: list[Gate]) -> float:
        """The room in which the ways to a gate come together."""
        rises = [
            abs(self.rows.uses[gate.key, i] - self.rows.gates[gate.key])
            for gate in gates
            for i in range(len(gate.inputs))
        ]
        highest = max(rises)
        return _LEAD + math.ceil(min(max(highest / _STEEPEST, 16), 60) if highest else 12)

    # Everything at its place ---------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        rows, sizes, places = self.rows, self.sizes, self.places
        for wire in self.diagram.wires:
            places.wires[wire.key] = (*self.columns[rows.columns[wire.key]].wires, rows.wires[wire.key])
        for gate in self.diagram.gates:
            column = self.columns[rows.levels[gate.key]]
            middle = places.gates[gate.key] = column.middle, rows.gates[gate.key]
            for i, x in enumerate(gate.inputs):
                y = rows.uses[gate.key, i]
                bend = (column.entry + _LEAD, y)
                if isinstance(x, Constant):
                    width = sizes.constants[gate.key, i].width
                    places.constants[gate.key, i] = column.fan - width / 2, y
                    way = [(column.fan + 2, y), bend, middle]
                else:
                    _, end, own = places.wires[x.key]
                    behind = self.columns[rows.columns[x.key] + 1]
                    way = [(end - 1, own), (end + _LEAD, own), (behind.entry, y), bend, middle]
                places.ways[gate.key, i] = _corners(way)
        _, end, y = places.wires[self.diagram.root.key]
        places.output = end + _OUTPUT, y

    def _cells(self) -> Iterator[tuple[str | Use, Box]]:
        """Yield the room of every wire, gate and number."""
        sizes, places = self.sizes, self.places
        for key, (left, right, y) in places.wires.items():
            size = sizes.wires[key]
            yield key, Box(left - sizes.names[key], y - size.down, right, y + size.up)
        for key, (x, y) in places.gates.items():
            size, (left, right) = sizes.gates[key], sizes.gates[key].sides
            yield key, Box(x - left, y - size.down, x + right, y + size.up)
        for use, (x, y) in places.constants.items():
            size = sizes.constants[use]
            yield use, Box(x - size.width / 2, y - size.down, x + size.width / 2, y + size.up)

    # Frames --------------------------------------------------------------------------------------------------------------

    def _sides(self, name: str) -> tuple[float, float]:
        """The left and the right side of a frame."""
        (first, last), spare = self.rows.frames[name], self.spare[name] / 2
        inner = [other for other, path in self.nested.items() if name in path[: path.index(other)]]
        sides = [self._sides(other) for other in inner]
        left = min([self.columns[first].gates[0], *(side[0] for side in sides)])
        right = max([self.columns[last].gates[1], *(side[1] for side in sides)])
        return left - MARGIN - spare, right + MARGIN + spare

    def _members(self, name: str) -> set[str | Use]:
        """What stands in a frame: its gates, the values that only they use, and the numbers between them."""
        first, _ = self.rows.frames[name]
        gates = [gate for gate in self.diagram.gates if name in gate.path]
        keys: set[str | Use] = {gate.key for gate in gates}
        for gate in gates:
            for wire in gate.outputs:
                if wire.users and all(user.key in keys for user in wire.users):
                    keys.add(wire.key)
        keys |= {(gate.key, i) for gate in gates for i in range(len(gate.inputs)) if self.rows.levels[gate.key] > first}
        return keys

    def _frames(self) -> None:
        self.cells = dict(self._cells())
        self.members = {name: self._members(name) for name in self.rows.frames}
        depth = {name: path.index(name) for name, path in self.nested.items()}
        made: dict[str, tuple[Box, Box]] = {}
        for name in sorted(self.rows.frames, key=lambda name: -depth[name]):
            left, right = self._sides(name)
            inside = [self.cells[key] for key in self.members[name] if key in self.cells]
            inside += [box for other, (box, _) in made.items() if name in self.nested[other][: depth[other]]]
            top = max(box.top for box in inside)
            for key in self.members[name] & set(self.places.gates):
                top = max([top, *(y + 4 for y in self._entering(str(key), left))])
            width, height = self.sizes.titles[name]
            top += height
            box = Box(left, min(box.bottom for box in inside) - MARGIN, right, top + MARGIN)
            end = right - _TITLE_SPACE / 2
            title = Box(end - width, top + _OVER_TITLE - height, end, top + _OVER_TITLE)
            made[name] = box, title
        every = [*self.cells.values(), *(box for box, _ in made.values())]
        self.places.bounds = Box(
            min(box.left for box in every), min(box.bottom for box in every),
            self.places.output[0] + self.sizes.output, max(box.top for box in every),
        )  # fmt: skip
        self.places.frames = {name: made[name] for name in sorted(made, key=lambda name: depth[name])}

    def _entering(self, key: str, left: float) -> Iterator[float]:
        """Yield how high the ways to a gate are where they come into a frame, and where they end."""
        for (gate, _), way in self.places.ways.items():
            if gate == key:
                for (x0, y0), (x1, y1) in pairwise(way):
                    if x0 < left < x1:
                        yield y0 + (y1 - y0) * (left - x0) / (x1 - x0)
                    elif x0 >= left:
                        yield y0

    def is_clear(self) -> bool:
        """Whether no frame meets another that is not around it, or something that it does not hold, and no line a title."""
        frames = self.places.frames
        for name, (box, title) in frames.items():
            near = box.grown(2)
            for key, cell in self.cells.items():
                if key not in self.members[name] and near.overlap(cell):
                    return False
            for other, (another, _) in frames.items():
                if other == name:
                    continue
                if other not in self.nested[name] and name not in self.nested[other] and near.overlap(another):
                    return False
                if other in self.nested[name] and not another.holds(box):
                    return False
            if any(_meets(way, title) for way in self.places.ways.values()):
                return False
        return True


def _uses(wire: Wire) -> Iterator[Use]:
    for user in {user.key: user for user in wire.users}.values():
        yield from ((user.key, i) for i, x in enumerate(user.inputs) if x is wire)


def _corners(way: list[Point]) -> list[Point]:
    """Leave out the points between which a line does not turn."""
    kept = [way[0]]
    for before, point, after in zip(way, way[1:], way[2:], strict=False):
        if not before[1] == point[1] == after[1] and point != kept[-1]:
            kept.append(point)
    return [*kept, way[-1]]


def _meets(way: list[Point], box: Box) -> bool:
    for (x0, y0), (x1, y1) in pairwise(way):
        left, right = max(x0, box.left), min(x1, box.right)
        if left >= right:
            continue
        ys = [y0 + (y1 - y0) * (x - x0) / (x1 - x0) for x in (left, right)]
        if min(ys) < box.top and max(ys) > box.bottom:
            return True
    return False
