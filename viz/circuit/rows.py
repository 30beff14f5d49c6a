"""The rows of a circuit that is read from left to right: the formula, read from its root, gives each value its height.

Every value that is given, and every further use of a value that is used more than once, has a row. A gate stands at the
mean of its inputs. Parts of the formula are set as closely below each other as the columns in which they both stand
allow, so that no two things meet and no line crosses a part of the formula that it does not belong to.

y goes up, lengths are points. Source of the packing: E. M. Reingold and J. S. Tilford, 1981, "Tidier drawings of trees".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from .diagram import Constant, Diagram, Gate, Wire

Use = tuple[str, int]
"""A gate's key and the number of one of its inputs."""

MARGIN: Final = 10
"""Between a frame and what is in it."""

FARTHEST: Final = -1
"""The column of what is given and used in many places: in front of everything else."""

_LANE: Final = 5
_GAP: Final = 6
_TWICE: Final = 22
_STRAIGHT: Final = 14


@dataclass(frozen=True, slots=True)
class Extent:
    """The room something takes: how far it reaches above and below the line that it stands on, and to either side.

    Attributes:
        width: from its left to its right.
        up: above the line.
        down: below it.
        left: how much of the width lies on the left of its middle; None for one half.
    """

    width: float
    up: float
    down: float
    left: float | None = None

    @property
    def sides(self) -> tuple[float, float]:
        """How far it reaches to the left and to the right of its middle."""
        left = self.width / 2 if self.left is None else self.left
        return left, self.width - left


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much room everything needs.

    Attributes:
        wires: by key, the rule of a wire with what stands above and below it.
        names: by key, the width of the name in front of a wire; 0 where there is none.
        gates: by key, the circle or box of a gate with what stands below it.
        constants: the plain numbers that gates are given.
        titles: by frame, the width and height of its title.
        output: the width of the root's name.
    """

    wires: Mapping[str, Extent]
    names: Mapping[str, float]
    gates: Mapping[str, Extent]
    constants: Mapping[Use, Extent]
    titles: Mapping[str, tuple[float, float]]
    output: float


@dataclass(slots=True)
class Rows:
    """Which column everything stands in, and how high.

    Attributes:
        levels: of each gate, its column: all its inputs lie before it.
        columns: of each wire, the level of the gates that it stands behind: 0 for what stands in front of the first,
            `FARTHEST` for what is spread over the far left.
        frames: of each frame, the levels of its first and last gates.
        wires: the height of each wire.
        gates: the height of each gate.
        uses: the height at which the way from a value to a gate arrives in front of the gate.
    """

    levels: dict[str, int]
    columns: dict[str, int]
    frames: dict[str, tuple[int, int]]
    wires: dict[str, float] = field(default_factory=dict)
    gates: dict[str, float] = field(default_factory=dict)
    uses: dict[Use, float] = field(default_factory=dict)


def rows(diagram: Diagram, sizes: Sizes, together: bool = False) -> Rows:
    """Find the column and the row of everything in a diagram whose gates compute one value each.

    Args:
        diagram: the circuit.
        sizes: how much room everything needs.
        together: whether a frame is set as a whole, not each of its values next to what uses it.
    """
    return _Reading(diagram, sizes, together).rows


# Columns are numbered so that each level has four: where lines fan out, where they come together, its gates, its wires.
_FAN, _ENTRY, _GATE, _WIRE = range(4)


@dataclass(slots=True)
class _Part:
    """A part of the formula about the line that leaves it, and its outline: how far it reaches up and down, by column."""

    wires: dict[str, float] = field(default_factory=dict)
    gates: dict[str, float] = field(default_factory=dict)
    uses: dict[Use, float] = field(default_factory=dict)
    top: dict[int, float] = field(default_factory=dict)
    bottom: dict[int, float] = field(default_factory=dict)
    waiting: list[tuple[Gate, Sequence[str]]] = field(default_factory=list)
    """Gates with an input that stands elsewhere, and the frames that their values are used in."""

    def reach(self, columns: Iterable[int], top: float, bottom: float) -> None:
        """Take room from `bottom` to `top`."""
        for column in columns:
            self.top[column] = max(top, self.top.get(column, top))
            self.bottom[column] = min(bottom, self.bottom.get(column, bottom))

    def add(self, other: _Part, shift: float) -> None:
        """Take in another part, moved up by `shift`."""
        self.wires |= {key: y + shift for key, y in other.wires.items()}
        self.gates |= {key: y + shift for key, y in other.gates.items()}
        self.uses |= {use: y + shift for use, y in other.uses.items()}
        for column, top in other.top.items():
            self.reach([column], top + shift, other.bottom[column] + shift)
        self.waiting += other.waiting


class _Reading:
    def __init__(self, diagram: Diagram, sizes: Sizes, together: bool) -> None:
        self.diagram = diagram
        self.sizes = sizes
        self.together = together
        self.begun: set[str] = set()  # frames of which one value is set already, and with it all
        levels = _late_levels(diagram)
        frames: dict[str, tuple[int, int]] = {}
        self.left: dict[str, set[str]] = {}  # by frame, the gates that are not placed yet
        for gate in diagram.gates:
            level = levels[gate.key]
            for name in gate.path:
                first, last = frames.get(name, (level, level))
                frames[name] = min(first, level), max(last, level)
                self.left.setdefault(name, set()).add(gate.key)
        self.all = {name: len(gates) for name, gates in self.left.items()}
        self.rows = Rows(levels, {}, frames)
        self.hosts: dict[str, Gate] = {}  # of each value, the gate in front of which it stands in line
        for wire in diagram.wires:
            self._settle(wire)
        assert diagram.root.maker is not None
        whole = self._part(diagram.root.maker, ())
        self.rows.wires, self.rows.gates, self.rows.uses = whole.wires, whole.gates, whole.uses
        self._spread()
        for heights in (self.rows.wires, self.rows.gates):
            heights.update({key: round(y) for key, y in heights.items()})
        self.rows.uses = {use: round(y) for use, y in self.rows.uses.items()}

    def _settle(self, wire: Wire) -> None:
        """Choose the column of a wire, and the gate that it leads straight to."""
        rows, users = self.rows, list({user.key: user for user in wire.users}.values())
        if wire.maker is not None:
            rows.columns[wire.key] = rows.levels[wire.maker.key]
        else:  # what is given stands in front of the frames that use it
            starts = [rows.frames[user.path[0]][0] if user.path else rows.levels[user.key] for user in users]
            start = min(starts, default=1)
            rows.columns[wire.key] = FARTHEST if start == 1 and len(users) > 1 else start - 1
        if users and rows.columns[wire.key] != FARTHEST:
            nearest = min(rows.levels[user.key] for user in users)
            near = [user for user in users if rows.levels[user.key] == nearest]
            self.hosts[wire.key] = near[(len(near) - 1) // 2]

    # Parts of the formula, from the root ----------------------------------------------------------------------------------

    def _part(self, gate: Gate, around: Sequence[str]) -> _Part:
        """Set a gate with all that leads to it; `around` are the frames that its value is used in."""
        inside = _Part()
        for i, x in enumerate(gate.inputs):
            if not any(x is other for other in gate.inputs[:i]):
                self._below(inside, self._child(gate, x))
        for other, frames in inside.waiting[:]:
            if self._middle(inside, other) is not None:
                inside.waiting.remove((other, frames))
                self._set(inside, other, frames)
        middle = self._middle(inside, gate)
        if middle is None:
            inside.waiting.append((gate, around))
            return inside
        part = _Part()
        part.add(inside, -middle)
        self._set(part, gate, around)
        return part

    def _middle(self, part: _Part, gate: Gate) -> float | None:
        """Return the height at which a gate belongs, or None where an input stands elsewhere."""
        uses = [part.uses[gate.key, i] for i in range(len(gate.inputs)) if (gate.key, i) in part.uses]
        if len(uses) < len(gate.inputs):
            return None
        middle = sum(uses) / len(uses)
        nearest = min(uses, key=lambda y: abs(y - middle))
        # A line that is almost straight is better straight.
        return nearest if len(uses) % 2 and abs(nearest - middle) <= _STRAIGHT else middle

    def _set(self, part: _Part, gate: Gate, around: Sequence[str]) -> None:
        """Set a gate and its value, below what stands in these columns already."""
        (out,) = gate.outputs
        y = self._middle(part, gate)
        assert y is not None
        column = 4 * self.rows.levels[gate.key] + _GATE
        taken = [(column, self.sizes.gates[gate.key]), (column - _GATE + _WIRE, self.sizes.wires[out.key])]
        y = min([y, *(part.bottom[c] - size.up - _GAP for c, size in taken if c in part.bottom)])
        part.gates[gate.key] = part.wires[out.key] = y
        for c, size in taken:
            part.reach([c], y + size.up, y - size.down)
        host = self.hosts.get(out.key)
        if host is not None and (host.key, host.inputs.index(out)) not in part.uses:
            self._lead(part, host, out)
        for name in gate.path:
            self.left[name] -= set(part.gates)
        for name in reversed(gate.path):
            if name not in around:
                self._frame(part, name)

    def _frame(self, part: _Part, name: str) -> None:
        """Leave room for a frame around its part of the formula: above its first one for the title, below its last one."""
        first, last = self.rows.frames[name]
        columns = range(4 * first + _ENTRY, 4 * last + _GATE + 1)
        gates = [column for column in columns[1:] if column in part.top]
        inside = [gate.key for gate in self.diagram.gates if name in gate.path and gate.key in part.gates]
        top = max(part.top[column] for column in gates) + MARGIN
        bottom = min(part.bottom[column] for column in gates)
        if len(inside) + len(self.left[name]) == self.all[name]:
            top += self.sizes.titles[name][1]
        if not self.left[name]:
            bottom -= MARGIN
        part.reach(columns, top, bottom)

    def _child(self, gate: Gate, x: Wire | Constant) -> _Part:
        """Set an input of a gate: with all that leads to it, or a way alone where the value stands elsewhere."""
        part = _Part()
        if isinstance(x, Constant):
            i = next(i for i, other in enumerate(gate.inputs) if other is x)
            size, level = self.sizes.constants[gate.key, i], self.rows.levels[gate.key]
            part.reach([4 * (level - 1) + _WIRE], size.up, -size.down)
            self._lead(part, gate, x)
        elif self.hosts.get(x.key) is not gate:
            self._lead(part, gate, x)
        elif x.maker is None:
            size = self.sizes.wires[x.key]
            part.wires[x.key] = 0.0
            part.reach([4 * self.rows.columns[x.key] + _WIRE], size.up, -size.down)
            self._lead(part, gate, x)
        elif self.together and x.maker.path and x.maker.path[0] not in gate.path:
            return self._whole(x.maker.path[0])
        else:
            return self._part(x.maker, gate.path)
        return part

    def _whole(self, frame: str) -> _Part:
        """Set a frame with all its values, the first time that one of them is asked for."""
        part = _Part()
        if frame in self.begun:
            return part
        self.begun.add(frame)
        for wire in self.diagram.wires:
            host = self.hosts.get(wire.key)
            if wire.maker is not None and frame in wire.maker.path and host is not None and frame not in host.path:
                self._below(part, self._part(wire.maker, host.path))
        return part

    def _lead(self, part: _Part, gate: Gate, x: Wire | Constant) -> None:
        """Lead an input to a gate, from its own height or, where it stands elsewhere, on a row of its own."""
        level = self.rows.levels[gate.key]
        start = 4 * (level - 1 if isinstance(x, Constant) else self.rows.columns[x.key]) + _WIRE
        numbers = [i for i, other in enumerate(gate.inputs) if other is x]
        own = part.wires.get(x.key, 0.0) if isinstance(x, Wire) else 0.0
        for n, i in enumerate(numbers):  # x · x: two ways side by side
            y = part.uses[gate.key, i] = own + _TWICE * ((len(numbers) - 1) / 2 - n)
            part.reach(range(start + 1, 4 * level + _ENTRY + 1), y + _LANE, y - _LANE)

    def _below(self, part: _Part, other: _Part) -> None:
        """Take in another part, as closely below as the columns allow."""
        shared = [column for column in other.top if column in part.bottom]
        shift = min((part.bottom[column] - other.top[column] for column in shared), default=_GAP) - _GAP
        part.add(other, shift)

    # What is used all over -----------------------------------------------------------------------------------------------

    def _spread(self) -> None:
        """Spread the values at the far left: each about in the middle of its ways, none on another."""
        rows = self.rows
        wanted: dict[str, float] = {}
        for wire in self.diagram.wires:
            if rows.columns[wire.key] == FARTHEST:
                keys = {user.key: user for user in wire.users}
                ends = [rows.uses[key, i] for key, user in keys.items() for i, x in enumerate(user.inputs) if x is wire]
                wanted[wire.key] = sum(ends) / len(ends)
        order = sorted(wanted, key=lambda key: -wanted[key])
        places: list[float] = []
        for key in order:
            size, y = self.sizes.wires[key], wanted[key]
            if places:
                y = min(y, places[-1] - self.sizes.wires[order[len(places) - 1]].down - size.up - _GAP)
            places.append(y)
        if places:
            shift = sum(wanted[key] - y for key, y in zip(order, places, strict=True)) / len(places)
            rows.wires |= {key: y + shift for key, y in zip(order, places, strict=True)}


def _late_levels(diagram: Diagram) -> dict[str, int]:
    """Move gates, and all gates of a frame together, as close as possible to what uses their values."""
    levels = {gate.key: gate.outputs[0].level for gate in diagram.gates}
    units = [list(unit) for _, unit in groupby(diagram.gates, key=lambda gate: gate.path[0] if gate.path else gate.key)]
    for unit in reversed(units):
        inside = {gate.key for gate in unit}
        room = [
            levels[user.key] - 1 - levels[gate.key]
            for gate in unit
            for wire in gate.outputs
            for user in wire.users
            if user.key not in inside
        ]
        for gate in unit:
            levels[gate.key] += min(room, default=0)
    return levels
