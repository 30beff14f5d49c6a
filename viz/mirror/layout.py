"""Where everything stands: the forward pass in columns to the left of the axis, the backward pass mirrored on its right.

The axis is x = 0, y goes up, lengths are points. Only the left half is laid out: whatever stands at (x, y) there has its
counterpart at (−x, y). Every value has a row of its own; where a value is used a second time, the way there has one too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from minidl.graph import Node

Point = tuple[float, float]
Use = tuple[Node, int]
"""An operation and the number of one of its inputs."""

GRID: Final = 6
"""Rows, gates and junctions stand on a grid, so that the dotted lines, which run on it, meet them."""

RADIUS: Final = 17.0
AXIS: Final = 18
_GAP: Final = 4
_FAN: Final = 18
_ARROW: Final = 9
_APART: Final = 10


@dataclass(frozen=True, slots=True)
class Extent:
    """The room something takes around the point at which it stands: to either side, above and below."""

    width: float = 0.0
    up: float = 12.0
    down: float = 12.0


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much room is needed, in whichever half it is larger.

    Attributes:
        wires: of each value, what is written at its wire; the width is that of the wire.
        labels: of each given value and of the root, the width of the name at the end of its wire.
        operations: of each computed value, the width of the operation.
        gates: of each use through which a gradient is sent back, the gate there; none where it passes unchanged.
        sends: of each operation, the inputs to which it sends a gradient.
        read: the values of the forward pass that the backward pass reads.
    """

    wires: Mapping[Node, Extent]
    labels: Mapping[Node, float]
    operations: Mapping[Node, float]
    gates: Mapping[Use, Extent]
    sends: Mapping[Node, Sequence[int]]
    read: frozenset[Node]


@dataclass(slots=True)
class Plan:
    """The left half.

    Attributes:
        wires: of each value, where the part of its wire begins and ends above which it is written.
        rows: the height of each value's wire and operation.
        operations: the x of each operation.
        ways: of each use, the corners of the way from the end of the wire to the middle of the operation.
        gates: of each use, where its gate stands, mirrored.
        junctions: of each value used more than once, the x at which its wire branches.
        sums: the width of the circle, or box, in which its gradients are added.
        taps: of each value that the backward pass reads, the x at which its dotted line begins.
        left: the x of the left edge.
        bottom: the y of the lower edge.
    """

    wires: dict[Node, tuple[float, float]] = field(default_factory=dict)
    rows: dict[Node, float] = field(default_factory=dict)
    operations: dict[Node, float] = field(default_factory=dict)
    ways: dict[Use, list[Point]] = field(default_factory=dict)
    gates: dict[Use, Point] = field(default_factory=dict)
    junctions: dict[Node, float] = field(default_factory=dict)
    sums: dict[Node, float] = field(default_factory=dict)
    taps: dict[Node, float] = field(default_factory=dict)
    left: float = 0.0
    bottom: float = 0.0


def snap(x: float) -> int:
    """Return the next line of the grid to the left of x, or below it.

    >>> snap(-13.0)
    -18
    """
    return int(x // GRID) * GRID


def same(a: Use, b: Use) -> bool:
    """Return whether two uses are one; `==` would compare the tensors' numbers."""
    return a[0] is b[0] and a[1] == b[1]


def plan(root: Node, nodes: Sequence[Node], sizes: Sizes) -> Plan:
    """Lay out the left half of the figure; `nodes` are all its values, inputs before outputs."""
    return _Planning(root, nodes, sizes).plan


@dataclass(frozen=True, slots=True)
class _Block:
    """A part of the figure about the row 0 of its value: the rows of values and uses, and the room above and below."""

    values: Mapping[Node, float]
    uses: Mapping[Use, float]
    top: float
    bottom: float


class _Planning:
    def __init__(self, root: Node, nodes: Sequence[Node], sizes: Sizes) -> None:
        self.root, self.nodes, self.sizes = root, nodes, sizes
        self.plan = Plan()
        self.level: dict[Node, int] = {}
        self.uses: dict[Node, list[Use]] = {node: [] for node in nodes}
        for node in nodes:
            inputs = [x for x in node.inputs if isinstance(x, Node)]
            self.level[node] = 1 + max((self.level[x] for x in inputs), default=-1)
            for i, x in enumerate(node.inputs):
                if isinstance(x, Node):
                    self.uses[x].append((node, i))
        # A value stands in front of the first operation that uses it; further uses are reached from there.
        self.first = {x: min(uses, key=lambda use: self.level[use[0]]) for x, uses in self.uses.items() if uses}
        block = self._block(root)
        self.plan.rows = dict(block.values)
        self.plan.bottom = block.bottom
        self.lanes = block.uses
        self.turns: dict[Node, float] = {}
        self._columns()

    def _fans(self, node: Node) -> bool:
        return len(node.inputs) > 1

    def _gate_at_operation(self, node: Node) -> bool:
        return len(self.sizes.sends[node]) == 1

    # Rows ------------------------------------------------------------------------------------------------------------

    def _block(self, node: Node) -> _Block:
        own = self.sizes.wires[node]
        if node.primitive is None:
            return _Block({node: 0.0}, {}, own.up, -own.down)
        children = [self._child(node, i) for i in range(len(node.inputs))]
        places: list[float] = []
        edge = 0.0
        for child in children:
            places.append(snap(edge - child.top))
            edge = places[-1] + child.bottom - _GAP
        middle = snap((places[0] + places[-1]) / 2)
        values: dict[Node, float] = {node: 0.0}
        uses: dict[Use, float] = {}
        top, bottom = max(own.up, RADIUS), -max(own.down, RADIUS)
        for child, place in zip(children, places, strict=True):
            shift = place - middle
            values |= {key: y + shift for key, y in child.values.items()}
            uses |= {use: y + shift for use, y in child.uses.items()}
            top, bottom = max(top, child.top + shift), min(bottom, child.bottom + shift)
        if self._gate_at_operation(node):
            gate = self.sizes.gates.get((node, self.sizes.sends[node][0]), Extent())
            top, bottom = max(top, gate.up), min(bottom, -gate.down)
        return _Block(values, uses, top, bottom)

    def _child(self, node: Node, i: int) -> _Block:
        use, x = (node, i), node.inputs[i]
        gate = Extent() if self._gate_at_operation(node) else self.sizes.gates.get(use, Extent())
        if not isinstance(x, Node) or not same(self.first[x], use):
            return _Block({}, {use: 0.0}, gate.up, -gate.down)
        block = self._block(x)
        return _Block(block.values, {**block.uses, use: 0.0}, max(block.top, gate.up), min(block.bottom, -gate.down))

    # Columns, from the axis outwards ---------------------------------------------------------------------------------

    def _columns(self) -> None:
        sizes, plan = self.sizes, self.plan
        end = snap(-AXIS - sizes.labels[self.root] - (3 * GRID if self.root in sizes.read else 0))
        plan.taps[self.root] = end + GRID
        left: float = snap(end - sizes.wires[self.root].width)
        plan.wires[self.root] = (left, end)
        for level in range(self.level[self.root], 0, -1):
            left = self._column(level, left)
        plan.left = left
        for node, turn in self.turns.items():
            for i in range(len(node.inputs)):
                self._way(node, i, turn)

    def _column(self, level: int, right: float) -> float:
        """Place the operations of a level and the wires that end there; return the left edge of it all."""
        sizes, plan = self.sizes, self.plan
        operations = [node for node in self.nodes if self.level[node] == level]
        here = [x for x in self.nodes if x in self.first and self.level[self.first[x][0]] == level]
        wide = [sizes.operations[node] for node in operations]
        single = [node for node in operations if self._gate_at_operation(node)]
        wide += [sizes.gates[use].width for node in single if (use := (node, sizes.sends[node][0])) in sizes.gates]
        half = max(wide) / 2
        x = snap(right - 12 - half)
        left = x - half
        for node in operations:
            plan.operations[node] = x
        turn = x - max(sizes.operations[node] for node in operations) / 2 - _FAN
        if any(self._fans(node) for node in operations):
            left = min(left, turn)
            slots = [
                gate.width
                for (node, _), gate in sizes.gates.items()
                if self.level[node] == level and not self._gate_at_operation(node)
            ]
            slot = snap(turn - max(slots, default=0) / 2 - _ARROW)
            left = min(left, slot - max(slots, default=-2 * left) / 2) if slots else left
        else:
            slot = x
        for (node, i), gate in sizes.gates.items():
            if self.level[node] == level and gate:
                at_operation = self._gate_at_operation(node)
                plan.gates[node, i] = (x, plan.rows[node]) if at_operation else (slot, self.lanes[node, i])
        left = self._junctions(here, left)
        # Two dotted lines never begin below one another: each could pass for the other's.
        left -= GRID
        for value in sorted((x for x in here if x in sizes.read), key=lambda x: -plan.rows[x]):
            left = snap(left - 4)
            plan.taps[value] = left
        end = snap(left - 4)
        start = snap(end - max(sizes.wires[value].width for value in here)) if here else end
        for value in here:
            plan.wires[value] = (start, end)
        self.turns |= dict.fromkeys(operations, turn)
        return start - max((sizes.labels.get(value, 0) for value in here), default=0)

    def _junctions(self, values: Sequence[Node], left: float) -> float:
        """Give the values that are used more than once a place to branch; next to each other where they would meet."""
        tracks: list[list[tuple[float, float, Node]]] = []
        for value in values:
            if len(self.uses[value]) < 2:
                continue
            ends = [self.plan.rows[value], *(self.lanes[use] for use in self.uses[value])]
            low, high = min(ends) - 2 * RADIUS, max(ends) + 2 * RADIUS
            widest = max(abs(self._offset(value, use)) for use in self._ways_off(value))
            self.plan.sums[value] = 2 * RADIUS if widest <= GRID else 2 * widest + 3 * GRID
            track = next((t for t in tracks if all(high < a or b < low for a, b, _ in t)), None)
            if track is None:
                tracks.append(track := [])
            track.append((low, high, value))
        for track in tracks:
            width = max(self.plan.sums[value] for *_, value in track) + _APART
            middle = snap(left - width / 2)
            self.plan.junctions |= dict.fromkeys((value for *_, value in track), middle)
            left = middle - width / 2
        return left

    def _ways_off(self, value: Node) -> list[Use]:
        """The uses of a value other than the one it stands in front of."""
        return [use for use in self.uses[value] if not same(use, self.first[value])]

    def _way(self, node: Node, i: int, turn: float) -> None:
        use, x = (node, i), node.inputs[i]
        row, y = self.plan.rows[node], self.lanes[node, i]
        end = (self.plan.operations[node], row)
        bend = [(turn, y)] if y != row else []
        if not isinstance(x, Node):
            self.plan.ways[use] = [(turn - 8, y), *bend, end]
        elif same(self.first[x], use):
            self.plan.ways[use] = [(self.plan.wires[x][1], y), *bend, end]
        else:
            start = self.plan.junctions[x] + self._offset(x, use)
            self.plan.ways[use] = [(start, self.plan.rows[x]), (start, y), *bend, end]

    def _offset(self, x: Node, use: Use) -> float:
        """Ways that leave a junction to the same side leave it side by side, the farthest first."""
        row = self.plan.rows[x]
        beside = [other for other in self._ways_off(x) if (self.lanes[other] > row) == (self.lanes[use] > row)]
        beside.sort(key=lambda other: -abs(self.lanes[other] - row))
        number = next(i for i, other in enumerate(beside) if same(other, use))
        return GRID * (number - (len(beside) - 1) / 2)
