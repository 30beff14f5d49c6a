"""What a picture shows, how it looks, and how large everything in it is, whatever scene is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ..drawing.block import Block
from ..drawing.theme import HeatScale, Stroke, Theme
from .diagram import Diagram, Wire
from .sides import Sides
from .wires import SHORTEST_WIRE, name_width, side_height

_AIR: Final = 4
"""Engines differ in how high a line of letters or powers stands: so much more room keeps it clear of the rule."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a diagram is drawn.

    Attributes:
        theme: colours and type.
        below: whether there are gradients to be written below the wires.
        down: whether the figure runs from top to bottom.
        heat: the scale on which wires show the size of their gradients by width and colour, or None.
    """

    theme: Theme
    below: bool = True
    down: bool = False
    heat: HeatScale | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """What of a picture is seen at one moment. What is not mentioned is shown as it is in the end.

    Attributes:
        above: by the key of a wire, which of its faces above is shown; None for none.
        below: the same below.
        lit: keys of the wires and gates in the middle of things, and `(gate, input)` for the wire into it.
        dim: keys of the wires and gates that are not at issue.
        silent: keys of the gates whose notes are not shown yet.
        caption: what stands below the picture.
    """

    above: Mapping[str, int | None] = field(default_factory=dict)
    below: Mapping[str, int | None] = field(default_factory=dict)
    lit: frozenset[str | tuple[str, int]] = frozenset()
    dim: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    caption: Block | None = None


class Survey:
    """A diagram with room for everything that any scene shows.

    Args:
        diagram: what is drawn.
        look: how.
        sides: by the key of a wire, all that may stand at it.
        caption: the largest caption of any scene, in points: width and height.

    Attributes:
        own: by the key of a wire, how wide what stands at it is.
        heights: by the key of a wire, how high each of its sides is.
        lettered: the keys of wires at which there are letters or powers: engines differ in how high such lines stand.
        shortest: how long a wire is at least.
        widths: by column, how long the wires are, so that they end in one line.
        names: by column, how wide the names are.
        plain: whether every wire ends at the gate next to it, so that straight lines cross nothing.
    """

    def __init__(
        self, diagram: Diagram, look: Look, sides: Mapping[str, Sides], caption: tuple[int, int] = (0, 0)
    ) -> None:
        self.diagram = diagram
        self.look = look
        self.theme = look.theme
        self.sides = sides
        self.caption = caption
        self.plain = self._is_plain()
        self._survey()

    def _is_plain(self) -> bool:
        for item in self.diagram.wires:
            if len({user.key for user in item.users}) > 1:
                return False
            if item.users and item.maker is not None and item.users[0].outputs[0].level > item.level + 1:
                return False
        return all(len(gate.outputs) == 1 for gate in self.diagram.gates)

    def _survey(self) -> None:
        self.widths: dict[int, int] = {}
        self.names: dict[int, int] = {}
        self.heights: dict[str, int] = {}
        self.own: dict[str, int] = {}
        self.lettered: set[str] = set()
        self.shortest = SHORTEST_WIRE if any(s.above or s.below for s in self.sides.values()) else SHORTEST_WIRE // 2
        for item in self.diagram.wires:
            sides = self.sides[item.key]
            blocks = [face(self.theme.ink) for face in (*sides.above, *sides.below)]
            column = self.column(item)
            self.own[item.key] = max([block.width for block in blocks], default=0)
            self.widths[column] = max(self.shortest, self.own[item.key] + 14, self.widths.get(column, 0))
            if any(part in block.html.markup for block in blocks for part in ("<SU", "<I>")):
                self.lettered.add(item.key)
            self.heights[item.key] = side_height(blocks, sides.bracketed)
            if not item.nameless:
                width = name_width(item.name, item.ndim, self.name_size(item))
                self.names[column] = max(width, self.names.get(column, 0))

    def column(self, item: Wire) -> int:
        """Return the column in which a wire stands: that in front of the first gate that uses it."""
        return min((user.outputs[0].level - 1 for user in item.users), default=item.level)

    def air(self, item: Wire) -> int:
        """Return how much farther from the rule than usual the lines at a wire stand, in points."""
        return _AIR if item.key in self.lettered and item.ndim == 0 else 0

    def stroke(self, item: Wire) -> Stroke:
        """How a value's wire is drawn where nothing is at issue: by the size of its gradient, if that is asked for."""
        if self.look.heat is not None and item.gradient is not None:
            with np.errstate(all="ignore"):
                return self.theme.stroke(float(np.linalg.norm(np.ravel(item.gradient))), self.look.heat)
        return Stroke(1, self.theme.line)

    def name_size(self, item: Wire) -> int:
        """Return the type size of a wire's name: what is given is a little larger than what is computed."""
        return self.theme.name_size - (0 if item.maker is None else 2)
