"""The two passes, one step a frame: values appear from left to right, then gradients from right to left.

Nodes never move: every frame is a scene of one picture (see `circuit.picture`), which has room for all that appears.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any, Final, Literal

import numpy as np

from minidl.autodiff import on_the_cpu
from minidl.autodiff.steps import show
from minidl.errors import GraphError
from minidl.graph import Node

from ..circuit.diagram import Diagram, Gate
from ..circuit.draw import Level, describe, make_diagram
from ..circuit.picture import Look, Picture, Scene
from ..circuit.record import Content
from ..circuit.sides import Lettering, Setter, Sides
from ..circuit.wires import is_small
from ..circuit.zoom import Selector
from ..derivation.rules import sent_back
from ..drawing.block import Block, Face, line_block
from ..drawing.dot import bold, text
from ..drawing.figure import Figure
from ..drawing.notation import array_text, number, tidy_name
from ..drawing.theme import LIGHT, Theme, theme_named
from .captions import Captions
from .deck import Deck, Frame
from .judging import Question
from .narrator import Narrator, symbol_of
from .questions import Questioner
from .sendings import Sending, read_sendings

MOST_FRAMES: Final = 400
"""More steps than this are not a deck that anyone watches."""

_MOST_SAID: Final = 40
"""So many values the alternative text of a frame names."""


def frames(
    root: Any,
    *,
    level: Level | None = None,
    expand: Sequence[Selector] = (),
    collapse: Sequence[Selector] = (),
    names: Mapping[str, Any] | None = None,
    predict: bool = False,
    theme: str | Theme = LIGHT,
    direction: Literal["LR", "TB"] = "LR",
    title: str | None = None,
) -> Deck:
    """Draw the forward and the backward pass of `root` as a deck, one step a frame, in which nothing moves.

    The forward pass has a frame for each operation. The backward pass has one for each number that is sent back, with
    the chain rule below it; where a value is used more than once, each contribution arrives in a frame of its own,
    and then the sum.

    Args:
        root: the value; one number.
        level: as for `draw`.
        expand: as for `draw`.
        collapse: as for `draw`.
        names: names for the values, such as `locals()`.
        predict: whether each number is first asked for: a frame with a question mark, then the frame with the answer. The
            player takes an answer there, and says what went wrong where it is not the right one.
        theme: `light`, `dark`, `print`, `colorblind`, or a `Theme`.
        direction: `LR` from left to right, `TB` from top to bottom.
        title: what the deck is called.

    Returns:
        The deck; `.save("deck.pdf")`, `.html`, `.gif`, or a folder.

    Raises:
        GraphError: `root` has no graph, is not one number, or has more than 400 steps.
        UsageError: there is nothing of the name given in `expand` or `collapse`, or no such level or direction.

    >>> import minidl
    >>> x, y, z = (minidl.scalar(v, name=n) for v, n in [(-2.0, "x"), (5.0, "y"), (-4.0, "z")])
    >>> for frame in frames(((x + y) * z).named("f")):
    ...     print(frame.step)
    x = −2, y = 5, z = −4
    q = x + y = 3
    f = q·z = −12
    ∂f/∂f = 1
    × sends 1 · (−4) = −4 back to q
    × sends 1 · 3 = 3 back to z
    + sends −4 · 1 = −4 back to x
    + sends −4 · 1 = −4 back to y
    ∂f/∂x = −4, ∂f/∂y = −4, ∂f/∂z = 3
    """
    palette = theme_named(theme)
    root, expand, collapse, names = on_the_cpu(root, expand, collapse, names)
    diagram = make_diagram(root, level, expand, collapse, names, Content(local=None), palette)
    heading = title or f"forward and backward pass of {tidy_name(diagram.root.name)}"
    return _Filming(diagram, palette, direction == "TB", predict).deck(heading)


@dataclass(slots=True)
class _State:
    """What is known at one moment: values that were computed, and at each wire how much of its gradient has arrived."""

    known: set[str] = field(default_factory=set)
    arrived: dict[str, int] = field(default_factory=dict)
    explained: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Shot:
    """A frame before it is drawn."""

    scene: Scene
    step: str
    narration: str
    part: str
    question: str | None = None
    answer: str | None = None
    quiz: Question | None = None
    seen: str = ""


class _Filming:
    """One deck in the making."""

    def __init__(self, diagram: Diagram, theme: Theme, down: bool, predict: bool) -> None:
        self.diagram = diagram
        self.theme = theme
        self.down = down
        self.predict = predict
        self.wires = {wire.node: wire for wire in diagram.wires if wire.node is not None}
        self.names = {node: tidy_name(wire.name) for node, wire in self.wires.items()}
        ndims = {tidy_name(wire.name): wire.ndim for wire in diagram.wires}
        self.root = tidy_name(diagram.root.name)
        self.captions = Captions(self.root, self.names, ndims, theme)
        self.narrator = Narrator(self.root, self.names)
        self.sendings = list(read_sendings(diagram))
        if len(list(diagram.gates)) + len(self.sendings) > MOST_FRAMES:
            raise GraphError(
                f"this deck would have more than {MOST_FRAMES} frames; take a part of the graph, or fold it: level='module'"
            )
        self.ways: dict[str, int] = {}
        for sending in self.sendings:
            self.ways[sending.target.key] = self.ways.get(sending.target.key, 0) + 1
        self.state = _State()
        self.faces: dict[str, list[str]] = {}
        self.ask = Questioner(diagram, self.names, self.narrator, self.sendings) if predict else None

    # The deck -------------------------------------------------------------------------------------------------------------

    def deck(self, title: str) -> Deck:
        sides = self._sides()
        shots = []
        for shot in chain(self._forward(), self._backward()):
            shot.seen = self._seen()  # what is known just now
            shots.append(shot)
        captions = [shot.scene.caption for shot in shots if shot.scene.caption]
        room = max(block.width for block in captions), max(block.height for block in captions)
        picture = Picture(self.diagram, Look(self.theme, down=self.down), sides, room)
        words = describe(title, self.diagram)
        made = [
            Frame(
                Figure(picture.dot(shot.scene), title=f"{title}: {shot.step}", text=f"{shot.narration} {shot.seen}"),
                shot.step, shot.narration, shot.part, shot.question, shot.answer, shot.quiz,
            )
            for shot in shots
        ]  # fmt: skip
        return Deck(made, title[0].upper() + title[1:], words, self.theme)

    def _sides(self) -> dict[str, Sides]:
        """Prepare all that stands at each wire in some frame: the gradient, the sums on the way to it, a question mark."""
        large = sum(not is_small(wire.shape) for wire in self.diagram.wires)
        setter = Setter(self.diagram, self.theme, Lettering(), 0 < large <= 12)
        prepared = {}
        for wire in self.diagram.wires:
            arrived = [sending for sending in self.sendings if sending.target is wire]
            totals = [sending.total for sending in arrived[:-1]]
            sides = setter.sides(wire, totals)
            above, below = list(sides.above), list(sides.below)
            labels = ["", *(f"total {i}" for i in range(len(totals)))]
            for i, sending in enumerate(arrived[1:], 1):
                if wire.ndim == 0:
                    below.append(self._sum_face(arrived[i - 1].total, sending.value))
                    labels.append(f"sum {i}")
            if self.predict:
                above.append(self._question)
                below.append(self._question)
                labels.append("?")
            self.faces[wire.key] = labels
            prepared[wire.key] = Sides(tuple(above), tuple(below), sides.bracketed)
        return prepared

    def _sum_face(self, before: Any, value: Any) -> Face:
        added = number(float(value))
        shown = f"{number(float(before))} + {f'({added})' if added.startswith('−') else added}"
        return partial(_line, shown, self.theme.number_size)

    def _question(self, color: str) -> Block:
        accent = color if color == self.theme.dim else self.theme.accent
        return line_block(bold(text("?")), "?", accent, self.theme.symbol_size)

    # Scenes ---------------------------------------------------------------------------------------------------------------

    def _scene(
        self,
        caption: Block,
        lit: Sequence[str | tuple[str, int]] = (),
        bright: Sequence[str] | None = None,
        above: Mapping[str, int] | None = None,
        below: Mapping[str, int] | None = None,
    ) -> Scene:
        """Show what is known now; where `bright` is given, all the rest is dim."""
        state = self.state
        dim = {item.key for item in self.diagram.items}
        dim = set() if bright is None else dim - set(bright) - {key for key in lit if isinstance(key, str)}
        shown_above: dict[str, int | None] = {}
        shown_below: dict[str, int | None] = {}
        for wire in self.diagram.wires:
            shown_above[wire.key] = 0 if wire.key in state.known else None
            shown_below[wire.key] = state.arrived.get(wire.key)
        silent = frozenset(gate.key for gate in self.diagram.gates if gate.key not in state.explained)
        return Scene(
            {**shown_above, **(above or {})}, {**shown_below, **(below or {})}, frozenset(lit), frozenset(dim), silent, caption
        )  # fmt: skip

    def _forward(self) -> Iterator[_Shot]:
        given = [wire for wire in self.diagram.wires if wire.maker is None]
        self.state.known.update(wire.key for wire in given)
        step, words = self.narrator.given(given)
        bright = [wire.key for wire in given]
        yield _Shot(self._scene(self.captions.given(given), bright=bright), step, words, "forward")
        for gate in self.diagram.gates:
            yield from self._compute(gate)

    def _compute(self, gate: Gate) -> Iterator[_Shot]:
        wire = gate.outputs[-1]
        step, words = self.narrator.computed(wire, gate)
        bright = [gate.key, *(x.key for x in gate.wires), *(x.key for x in gate.outputs), *self.state.known]
        lit = [gate.key]
        if self.ask:
            asked = {wire.key: 1}  # the face behind the value
            name, made = tidy_name(wire.name), self.narrator.made(wire)
            question = f"What is {name} = {made}?" if made else f"What is {name}?"
            scene = self._scene(self.captions.computed(wire, asked=True), lit, bright, above=asked)
            quiz = self.ask.computed(wire, gate, question)
            yield _Shot(scene, f"{name} = ?", question, "forward", question, show(wire.value), quiz)
        self.state.known.update(x.key for x in gate.outputs)
        yield _Shot(self._scene(self.captions.computed(wire), lit, bright), step, words, "forward")

    def _backward(self) -> Iterator[_Shot]:
        root = self.diagram.root
        self.state.arrived[root.key] = 0
        bright = [root.key, *([root.maker.key] if root.maker else [])]
        yield _Shot(self._scene(self.captions.start(), [], bright), *self.narrator.start(), "backward")
        seen: dict[str, int] = {}
        rules: dict[Node, list[str | None]] = {}
        found = {wire.node: wire.gradient for wire in self.diagram.wires if wire.node is not None}
        assert root.node is not None
        for sending in self.sendings:
            if sending.node not in rules:
                rules[sending.node] = sent_back(sending.node, root.node, self.names, found)
            known = rules[sending.node]
            rule = known[sending.index] if sending.index < len(known) and not sending.folded else None
            yield from self._send(sending, seen, rule)
        leaves = [wire for wire in self.diagram.wires if wire.maker is None and wire.gradient is not None]
        if leaves:
            yield _Shot(self._scene(self.captions.gradients(leaves)), *self.narrator.found(leaves), "backward")

    def _send(self, sending: Sending, seen: dict[str, int], rule: str | None) -> Iterator[_Shot]:
        gate, target = sending.gate, sending.target
        count = seen[target.key] = seen.get(target.key, 0) + 1
        ways = self.ways[target.key]
        lit: list[str | tuple[str, int]] = [gate.key, *((gate.key, i) for i in sending.entries())]
        bright = [gate.key, target.key, *(x.key for x in (*gate.wires, *gate.outputs))]
        self.state.explained.add(gate.key)
        caption = self._caption(sending, rule)
        step, words = self.narrator.sent(sending, rule)
        labels = self.faces[target.key]
        if self.ask:
            question = f"What does {symbol_of(gate)} send back to {tidy_name(target.name)}?"
            asked = {target.key: labels.index("?")} if count == 1 else {}
            scene = self._scene(self._caption(sending, rule, asked=True), lit, bright, below=asked)
            step_asked = f"{symbol_of(gate)} sends ? back to {tidy_name(target.name)}"
            quiz = self.ask.sent(sending, rule, ways, question)
            yield _Shot(scene, step_asked, question, "backward", question, show(sending.value), quiz)
        shown = 0 if ways == 1 else labels.index(f"total {count - 1}") if count == 1 else None
        if count == 1:
            assert shown is not None
            self.state.arrived[target.key] = shown
            yield _Shot(self._scene(caption, lit, bright), step, words, "backward")
            return
        # A further contribution: it arrives beside what is there, then both are added.
        beside_it = {target.key: labels.index(f"sum {count - 1}")} if target.ndim == 0 else {}
        yield _Shot(self._scene(caption, lit, bright, below=beside_it), step, words, "backward")
        yield from self._add(sending, count, ways, bright)

    def _add(self, sending: Sending, count: int, ways: int, bright: list[str]) -> Iterator[_Shot]:
        target, labels = sending.target, self.faces[sending.target.key]
        name = tidy_name(target.name)
        with np.errstate(all="ignore"):
            before = np.subtract(sending.total, sending.value)
        lit = [target.key]
        if self.ask:
            question = f"What is the gradient at {name} now?"
            caption = self.captions.added(name, before, sending.value, sending.total, asked=True)
            scene = self._scene(caption, lit, bright, below={target.key: labels.index("?")})
            quiz = self.ask.added(sending, count == ways, question)
            yield _Shot(scene, f"at {name} it adds up: ?", question, "backward", question, show(sending.total), quiz)
        self.state.arrived[target.key] = 0 if count == ways else labels.index(f"total {count - 1}")
        caption = self.captions.added(name, before, sending.value, sending.total)
        yield _Shot(self._scene(caption, lit, bright), *self.narrator.added(sending), "backward")

    def _caption(self, sending: Sending, rule: str | None, asked: bool = False) -> Block:
        source = self.names.get(sending.node)
        target, ways = tidy_name(sending.target.name), self.ways[sending.target.key]
        if source is None or sending.folded:
            source = tidy_name(sending.gate.outputs[-1].name)
            return self.captions.sent(source, target, None, None, sending.value, None, None, ways, asked)
        local_rule = self.narrator.local_rule(sending)
        return self.captions.sent(
            source, target, sending.upstream, sending.local, sending.value, rule, local_rule, ways, asked
        )

    def _seen(self) -> str:
        """Say what stands in the picture now: alternative text must not tell what is still to come."""
        parts = []
        for wire in self.diagram.wires:
            if wire.key in self.state.known:
                words = f"{tidy_name(wire.name)} = {array_text(wire.value)}"
                if wire.key in self.state.arrived:
                    whole = self.state.arrived[wire.key] == 0
                    words += f" with gradient {array_text(wire.gradient)}" if whole else " with a part of its gradient"
                parts.append(words)
        return "; ".join(parts[:_MOST_SAID]) + ("; …" if len(parts) > _MOST_SAID else "") + "." if parts else ""


def _line(shown: str, size: int, color: str) -> Block:
    return line_block(text(shown), shown, color, size)
