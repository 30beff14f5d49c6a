"""What a circuit consists of: wires that carry values, gates that compute them, and boxes around gates.

A diagram is made from the engine's record (`record.py`) or from another framework's graph (`foreign.py`), folded and
unfolded, and then set as a picture (`picture.py`). It holds whatever is printed, and nothing about where it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from minidl.graph import Node

from ..drawing.block import Face
from ..drawing.dot import Html


@dataclass(eq=False, slots=True)
class Wire:
    """A value on its way from where it is made to where it is used.

    Attributes:
        key: its name in the drawing, the same every time: `v1`, `v2`, …
        name: what a person calls it.
        shape: its shape.
        dtype: the name of its type of number, such as `float32`.
        value: its numbers, or None where they are not known.
        gradient: the gradient of the root with respect to it, or None where there is none.
        node: the engine's record of it, or None for another framework's value.
        maker: the gate that computes it; None for what was given.
        users: the gates that use it, one entry each time.
        level: how many gates lie before it at most.
        row: whether a vector is written as a row, not as a column.
        nameless: whether its name is left out of the figure, where it is one of many on the way.
    """

    key: str
    name: str
    shape: tuple[int, ...]
    dtype: str = ""
    value: Any = None
    gradient: Any = None
    node: Node | None = None
    maker: Gate | None = None
    users: list[Gate] = field(default_factory=list)
    level: int = 0
    row: bool = False
    nameless: bool = False

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)


@dataclass(eq=False, slots=True)
class Constant:
    """A plain number or array that an operation was given."""

    value: Any


@dataclass(frozen=True, slots=True)
class Fold:
    """What stands on a box that many operations were folded into.

    Attributes:
        title: the kind of module, such as `linear`, or the number of operations.
        detail: the module's path, or what was folded.
        family: the kind of layer, which decides the fill.
        parameters: how many numbers it learns.
        repeat: how many such boxes follow one another and are drawn as one.
        paths: the modules that it stands for.
    """

    title: str
    detail: str = ""
    family: str = "operation"
    parameters: int = 0
    repeat: int = 1
    paths: tuple[str, ...] = ()


@dataclass(eq=False, slots=True)
class Gate:
    """An operation, or many folded into one.

    Attributes:
        key: its name in the drawing: `o3` computes the wire `v3`.
        inputs: what it reads, in order, duplicates kept.
        outputs: what it computes; one wire, unless it is folded.
        node: the engine's record of the operation; None where it is folded or foreign.
        symbol: sets what stands in its circle or box, in a colour.
        width: how wide that is, in points.
        note: lines below it, such as local derivatives.
        path: the boxes that it stands in, from the outermost.
        ordered: whether it matters which input comes first.
        fold: what was folded, or None for a single operation.
    """

    key: str
    inputs: list[Wire | Constant]
    outputs: list[Wire]
    node: Node | None = None
    symbol: Callable[[str], Html] | None = None
    width: int = 0
    note: list[Face] = field(default_factory=list)
    path: tuple[str, ...] = ()
    ordered: bool = True
    fold: Fold | None = None

    @property
    def wires(self) -> list[Wire]:
        """The inputs that are wires."""
        return [x for x in self.inputs if isinstance(x, Wire)]


@dataclass(eq=False, slots=True)
class Diagram:
    """A circuit.

    Attributes:
        items: wires and gates, inputs before outputs; a gate stands before the wires that it computes.
        root: what it computes.
        titles: what stands above each box around gates, by its name in their `path`: as markup and as plain text.
        remarks: what a reader must be told, such as what was folded.
    """

    items: list[Wire | Gate]
    root: Wire
    titles: dict[str, tuple[Html, str]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    @property
    def wires(self) -> Iterator[Wire]:
        """Every wire, inputs first."""
        return (item for item in self.items if isinstance(item, Wire))

    @property
    def gates(self) -> Iterator[Gate]:
        """Every gate, in the order in which they compute."""
        return (item for item in self.items if isinstance(item, Gate))

    def connect(self) -> None:
        """Find each wire's maker, users and level again, after items were added or taken away."""
        for wire in self.wires:
            wire.maker, wire.users, wire.level = None, [], 0
        for gate in self.gates:
            level = 1 + max((wire.level for wire in gate.wires), default=-1)
            for wire in gate.wires:
                wire.users.append(gate)
            for wire in gate.outputs:
                wire.maker, wire.level = gate, level
