"""The pieces of a picture as they look at one moment: wires, gates and numbers as markup, lines as strokes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..drawing.block import Block, Face, blank, line_block
from ..drawing.dot import Html, font, text
from ..drawing.notation import array_text, name_html, number_html
from ..drawing.theme import Stroke, Theme
from .diagram import Constant, Gate, Wire
from .gates import CIRCLE, Ink, box, fold_box
from .survey import Scene, Survey
from .wires import AIR, bare, named_wire, wire


class Marks:
    """One scene of a picture."""

    def __init__(self, survey: Survey, scene: Scene) -> None:
        self.survey = survey
        self.scene = scene
        self.theme = survey.theme
        self.look = survey.look
        self.root = survey.diagram.root

    def stroke(self, item: Wire) -> Stroke:
        """How a value's wire is drawn."""
        theme = self.theme
        if item.key in self.scene.lit:
            return Stroke(1, theme.accent)
        if item.key in self.scene.dim:
            return Stroke(1, theme.dim)
        return self.survey.stroke(item)

    def faces(self, item: Wire) -> tuple[Block | None, Block | None]:
        """What stands above a wire (on its left) and below it (on its right)."""
        theme, scene, sides = self.theme, self.scene, self.survey.sides[item.key]
        dimmed = item.key in scene.dim
        return (
            _face(sides.above, scene.above.get(item.key, 0), theme.dim if dimmed else theme.value),
            _face(sides.below, scene.below.get(item.key, 0), theme.dim if dimmed else theme.gradient),
        )

    def wire(self, item: Wire, width: int, name: int, air: int = 0) -> Block:
        """Set a wire that runs from left to right.

        Args:
            item: the wire.
            width: the length of its rule, in points.
            name: the room for its name in front of it, in points.
            air: how much farther from the rule than usual everything stands, in points.
        """
        survey = self.survey
        above, below = self.faces(item)
        height = survey.heights[item.key] + 2 * air
        air += AIR if survey.sides[item.key].bracketed else 0
        run = wire(above, below, width, height, self.stroke(item), self.look.below, air)
        if item is self.root or item.nameless:
            return bare(run)
        size, color = survey.name_size(item), self.ink_of(item)
        return named_wire(item.name, item.ndim, run, self.theme, size, name, self.look.below, color)

    def ink_of(self, item: Wire) -> str:
        """The colour of a value's name."""
        return self.theme.dim if item.key in self.scene.dim else self.theme.ink

    def ink(self, gate: Gate) -> Ink:
        """The colours of a gate."""
        theme = self.theme
        if gate.key in self.scene.lit:
            return Ink(theme.accent, theme.accent_fill, theme.ink)
        if gate.key in self.scene.dim:
            return Ink(theme.dim, theme.paper, theme.dim)
        family = theme.family_fills.get(gate.fold.family, theme.fill) if gate.fold else theme.fill
        return Ink(theme.line, family, theme.ink)

    def gate(self, gate: Gate, operands: int, straight: bool) -> dict[str, Any]:
        """Return the shape and the label of a gate as attributes of its node.

        Args:
            gate: what is drawn.
            operands: how many ports its box has for them.
            straight: whether no line comes from below, so that what is written there stands in the middle.
        """
        theme, ink, down = self.theme, self.ink(gate), self.look.down
        if gate.fold is not None:
            return {"shape": "plain", "label": fold_box(gate.fold, operands, theme, ink, down)}
        assert gate.symbol is not None
        symbol = gate.symbol(ink.text)
        if is_round(gate):
            return {
                "shape": "circle", "label": symbol, "width": CIRCLE / 72, "height": CIRCLE / 72, "fixedsize": "shape",
                "style": "filled", "fillcolor": ink.fill, "color": ink.line,
            }  # fmt: skip
        color = theme.dim if gate.key in self.scene.dim else theme.local
        note = [face(color) for face in gate.note]
        if gate.key in self.scene.silent:
            note = [blank(block.width, block.height) for block in note]
        return {"shape": "plain", "label": box(symbol, gate.width, note, operands, straight, theme, ink, down)}

    def way(self, gate: Gate, i: int, x: Wire | Constant) -> dict[str, Any]:
        """How the line from a value into a gate is drawn, where that differs from every other."""
        theme, scene = self.theme, self.scene
        if (gate.key, i) in scene.lit:
            return {"color": theme.accent, "penwidth": 2.4}
        if gate.key in scene.dim or (isinstance(x, Wire) and x.key in scene.dim):
            return {"color": theme.dim}
        if isinstance(x, Wire):
            stroke = self.stroke(x)
            if x.key in scene.lit:
                return {}
            return changed({"color": stroke.color, "penwidth": stroke.width, "style": stroke.style}, theme)
        return {}

    def behind(self, gate: Gate, item: Wire) -> dict[str, Any]:
        """How the line from a gate to the value that it computes is drawn."""
        stroke = self.stroke(item)
        dimmed = gate.key in self.scene.dim
        color = self.theme.dim if dimmed else stroke.color
        return changed({"color": color, "penwidth": stroke.width}, self.theme)

    def constant(self, gate: Gate, x: Constant) -> Html:
        """Set a plain number that a gate is given."""
        size, color = self.theme.number_size, self.theme.dim if gate.key in self.scene.dim else self.theme.ink
        shown = number_html(float(x.value), size=size) if np.ndim(x.value) == 0 else text(array_text(x.value))
        return font(shown, color, size)

    def frame(self, depth: int) -> dict[str, Any]:
        """How a frame is drawn that stands in `depth` others."""
        theme = self.theme
        fill = theme.cluster_fills[depth % len(theme.cluster_fills)]
        return {"style": "rounded,filled", "penwidth": 0.8, "color": theme.dim, "fillcolor": fill}

    def output(self) -> tuple[Html, dict[str, Any]]:
        """Return the root's name, and how the line to it is drawn."""
        size, stroke = self.theme.name_size, self.stroke(self.root)
        label = font(name_html(self.root.name, self.root.ndim, size), self.ink_of(self.root), size)
        return label, changed({"color": stroke.color, "penwidth": stroke.width}, self.theme)


def title_of(survey: Survey, name: str) -> Block:
    """Set the title of a frame."""
    title, plain = survey.diagram.titles.get(name, (text(name), name))
    return line_block(title, plain, survey.theme.line, survey.theme.note_size, space=4)


def path_of(item: Wire | Gate, root: Wire) -> tuple[str, ...]:
    """Return the frames that something stands in: a value made and used in one frame stands in it."""
    if isinstance(item, Gate):
        return item.path
    if item.maker is None or item is root or not item.users:
        return ()
    shared = item.maker.path
    for user in item.users:
        while shared != user.path[: len(shared)]:
            shared = shared[:-1]
    return shared


def is_round(gate: Gate) -> bool:
    """Whether a gate is a circle, not a box."""
    return gate.fold is None and gate.width <= CIRCLE and not gate.note


def changed(drawn: dict[str, Any], theme: Theme) -> dict[str, Any]:
    """Leave out what is so for every line."""
    usual = {"color": theme.line, "penwidth": 1, "style": "solid"}
    return {key: value for key, value in drawn.items() if value != usual[key]}


def _face(faces: Sequence[Face], chosen: int | None, color: str) -> Block | None:
    return faces[chosen](color) if faces and chosen is not None else None
