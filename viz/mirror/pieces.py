"""What the mirror figure is made of, set and measured before anything is placed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from minidl.graph import Node

from ..circuit.gates import symbol_of
from ..circuit.wires import array_block
from ..drawing.block import Block, beside, line_block, padded, stacked
from ..drawing.dot import Html, clean, font, italic, text
from ..drawing.metrics import text_width
from ..drawing.notation import formula_html, name_width_text, number, number_html, tidy_name
from ..drawing.theme import Theme
from .adjoint import Backward, Sent
from .layout import GRID, RADIUS, Extent, Sizes, Use

REACH: Final = 5 * GRID
"""How far above or below a gate's middle a dotted line turns towards it."""

_SHORTEST: Final = 34
_SHORT_NAME: Final = 8


@dataclass(frozen=True, slots=True)
class Half:
    """What is written in one half: above and below the wires, and at the ends of the outer ones."""

    above: Mapping[Node, Block]
    below: Mapping[Node, Block]
    labels: Mapping[Node, Block]
    title: str
    color: str

    def sides(self, node: Node) -> tuple[Block | None, Block | None]:
        """What stands above and below the wire of a value."""
        return self.above.get(node), self.below.get(node)


class Pieces:
    """The pieces of one figure.

    Args:
        root: what was computed.
        nodes: all its values, inputs before outputs.
        names: what they are called.
        backward: the recorded backward pass.
        halves: what is written in the forward and in the backward half.
        theme: the palette.
        below: whether the backward pass stands below the forward pass instead of beside it.
        changes: of each factor, how it changes where the inputs move; None where they do not move.
    """

    def __init__(
        self,
        root: Node,
        nodes: Sequence[Node],
        names: Mapping[Node, str],
        backward: Backward,
        halves: tuple[Half, Half],
        theme: Theme,
        below: bool,
        changes: Mapping[Use, Any] | None,
    ) -> None:
        self.root, self.nodes, self.names, self.theme = root, nodes, names, theme
        self.backward, self.halves, self.below, self.changes = backward, halves, below, changes
        self.sent: dict[Use, Sent] = {(sent.node, sent.index): sent for sent in backward.sent}
        self.sends = {node: [i for i in range(len(node.inputs)) if (node, i) in self.sent] for node in nodes}
        self.ndims = {tidy_name(name): node.ndim for node, name in names.items()}
        self.read = frozenset(value for sent in backward.sent for value in sent.reads)
        self.symbols = {node: self._symbol(node) for node in nodes if node.primitive is not None}
        self.gates = {use: self._gate(sent) for use, sent in self.sent.items() if sent.symbol}
        self.factors = {use: self._factor(sent) for use, sent in self.sent.items() if sent.factor and sent.reads}

    def _symbol(self, node: Node) -> tuple[Html, float]:
        assert node.primitive is not None
        elementwise = all(np.ndim(x.data if isinstance(x, Node) else x) > 0 for x in node.inputs)
        return symbol_of(node.primitive, node.params, elementwise, self.theme)

    def _gate(self, sent: Sent) -> tuple[Html, float]:
        theme = self.theme
        if len(sent.symbol) == 1:
            shown = sent.symbol
            if shown == "×" and min(sent.value.ndim, sent.reads[0].ndim if sent.reads else 0) > 0 and not sent.factor:
                shown = "⊙"
            return font(text(shown), theme.ink, theme.symbol_size), 2 * RADIUS
        size = theme.note_size + 1
        width = text_width(sent.symbol, size) + 18
        return font(formula_html(sent.symbol, self.ndims, size), theme.ink, size), max(2 * RADIUS, math.ceil(width))

    def _factor(self, sent: Sent) -> Block:
        theme, size = self.theme, self.theme.note_size
        color = theme.local if self.changes is None else theme.ink
        lines = [line_block(formula_html(sent.factor, self.ndims, size), sent.factor, color, size, 14)]
        if sent.factor_value is not None and np.ndim(sent.factor_value) == 0:
            value = float(sent.factor_value)
            lines.append(line_block(text("= ") + number_html(value, size=size), f"= {number(value)}", color, size, 14))
        change = (self.changes or {}).get((sent.node, sent.index))
        if change is not None and np.ndim(change) == 0:
            lines.append(tangent_block(change, theme))
        block = stacked(lines)
        return padded(block, block.width, block.height + 6)

    def _room(self, use: Use) -> Extent:
        extent = self._extent(use)
        return Extent(extent.width, extent.down, extent.up) if self.below else extent

    def _extent(self, use: Use) -> Extent:
        reach = REACH + 4.0
        width = self.gates[use][1]
        if use not in self.factors:
            sent = self.sent[use]
            if not sent.reads:
                note = text_width(sent.factor, self.theme.number_size) + 24 if sent.factor else 0
                return Extent(max(width, note), RADIUS + (26 if sent.factor else 4), RADIUS + 4)
            width_beside = max(self.short(value)[1] for value in sent.reads)
            # Folded, dotted lines come from above: there only they need room.
            return Extent(max(width, 2 * width_beside + 16), reach, RADIUS + 2 if self.below else reach)
        block = self.factors[use]
        return Extent(max(width, block.width + 6), factor_height(block) + block.height / 2 + 2 * GRID, RADIUS + 4)

    def sizes(self) -> Sizes:
        """Return how much room each piece needs, in whichever half it is larger."""
        wires, labels = {}, {}
        for node in self.nodes:
            ends = [half.labels[node] for half in self.halves if node in half.labels]
            sides = [half.sides(node) for half in self.halves]
            if self.below:
                sides[1] = (sides[1][1], sides[1][0])
            tall = max((block.height / 2 for block in ends), default=10.0)
            up, down = (
                max(tall, *(block.height + 8 if block else 0 for block in side)) for side in zip(*sides, strict=True)
            )
            width = max([_SHORTEST, *(block.width + 12 for side in sides for block in side if block)])
            wires[node] = Extent(width, up, down)
            if ends:
                labels[node] = max(block.width + 9.0 for block in ends)
        return Sizes(
            wires, labels, {node: width for node, (_, width) in self.symbols.items()},
            {use: self._room(use) for use in self.gates}, self.sends, self.read,
        )  # fmt: skip

    def short(self, value: Node) -> tuple[str, int]:
        """Return a name as it stands beside a dotted line, where there is little room, and its width."""
        name = clean(self.names[value], _SHORT_NAME)
        return name, math.ceil(text_width(name_width_text(name), self.theme.note_size, bold=value.ndim > 0)) + 4


def factor_height(block: Block) -> float:
    """Return how far above its gate the middle of a factor stands."""
    return GRID * math.ceil((RADIUS + 12 + block.height / 2) / GRID)


def tangent_block(change: Any, theme: Theme) -> Block:
    """Set how something changes: `12 ε`, in the colour of local derivatives."""
    size = theme.number_size
    if np.ndim(change) > 0:
        epsilon = line_block(italic(text("ε")), "ε", theme.local, size, 2)
        return beside([array_block(change, theme.local, theme), epsilon], 4)
    value = float(change)
    return line_block(
        number_html(value, size=size) + text(" ") + italic(text("ε")), f"{number(value)} ε", theme.local, size
    )
