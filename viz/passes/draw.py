"""A textbook diagram of a network's forward and backward pass, drawn from one recorded graph.

Values go forward from left to right on the upper lane, gradients come back on the lower one. A gradient's wire has the
width and colour of its norm on one fixed logarithmic scale, and the norm stands beside it: the diagrams of all epochs
can be laid on top of each other and compared.
"""

from __future__ import annotations

import math
from typing import Any, Final

from minidl.graph import Node

from ..drawing.canvas import TEXT, Canvas, Point
from ..drawing.dot import bold, font, italic, text
from ..drawing.figure import Figure
from ..drawing.notation import level, number, number_html, power_of_ten, size_html
from ..drawing.theme import LIGHT, HeatScale, Theme, theme_named
from .fold import Passes, Stage, fold
from .layout import LANE, LINE, MARGIN, NAME, Arc, Box, Plan, Span, count_text, plan, shape_text

TITLE: Final = 20.0
"""The size of the title line."""

SCALE: Final = HeatScale(low=-4, high=1, thin=1.2, thick=9.0)
"""The one scale of every diagram of passes: five decades, from 10⁻⁴ to 10."""


def draw_passes(loss: Node, model: Any, *, caption: str = "", theme: str | Theme = LIGHT) -> Figure:
    """Draw one forward and backward pass of `model`.

    One box a leaf module, with its kind and number of parameters; above the wires the shapes that go forward, below
    them the norms of the gradients that come back; below each layer the norms of its parameters' gradients. Where
    things stand depends on the architecture alone.

    Args:
        loss: a scalar, computed from `model` with recording on. Its gradients come from a sweep of their own: call this
            before the optimizer's step, before or after `backward()`.
        model: the module that made it.
        caption: the title line, such as `epoch 3 · validation 97.1 %`.
        theme: the palette, or its name.

    Returns:
        The figure; `.save("passes.svg")`, also PDF, PNG and DOT.

    Raises:
        GraphError: `loss` is no scalar, or has no graph.

    >>> import minidl
    >>> from minidl import nn
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))
    >>> scores = model(minidl.tensor([[1.0, 2.0]]))
    >>> loss = nn.functional.cross_entropy(scores, minidl.tensor([0]))
    >>> figure = draw_passes(loss, model, caption="start")
    >>> "tanh" in figure.dot
    True
    """
    passes = fold(loss, model)
    drawing = _Drawing(passes, plan(passes, heading=bool(caption)), theme_named(theme))
    title = f"Forward and backward pass, {caption}" if caption else "Forward and backward pass"
    return Figure(drawing.source(caption), title=title, text=describe(passes))


def describe(passes: Passes) -> str:
    """Say in words what the diagram shows."""
    sent: dict[int, list[str]] = {}
    for link in passes.links:
        if link.norm is not None:
            sent.setdefault(link.source, []).append(size_text(link.norm))
    parts = []
    for i, stage in enumerate(passes.stages):
        details = [stage.layer.text] if stage.layer.text and stage.layer.text != stage.name else []
        details.append(f"output {shape_text(stage.shape, passes.batch)}")
        details += [count_text(stage.count)] if stage.count else []
        details += [f"gradient norm of {weight.name} {size_text(weight.norm)}" for weight in stage.weights]
        details += [f"gradient norm of its output {' and '.join(sent[i])}"] if i in sent else []
        parts.append(f"{stage.name} ({', '.join(details)})")
    return "A network's forward and backward pass: " + "; ".join(parts) + f". The loss is {size_text(passes.loss)}."


def size_text(size: float | None) -> str:
    """Write a gradient's size with two significant digits.

    >>> size_text(0.03141), size_text(4.2e-7), size_text(None)
    ('0.031', '4.2×10⁻⁷', 'none')
    """
    return "none" if size is None else number(size, 2)


class _Drawing(Canvas):
    """One diagram being written as DOT with every place given, so that Graphviz only draws."""

    def __init__(self, passes: Passes, places: Plan, theme: Theme) -> None:
        self.passes = passes
        self.plan = places
        super().__init__(places.width, places.height, theme)

    def source(self, caption: str) -> str:
        """Write everything and return the DOT text."""
        if caption:
            self.flush(MARGIN, self.height - MARGIN - 12, caption, text(caption), self.theme.ink, TITLE)
        for i, box in enumerate(self.plan.boxes):
            self._stage(i, box)
        for span in self.plan.spans:
            self._span(span)
        for arc in self.plan.arcs:
            self._arc(arc)
        self.words(*self.plan.end, italic(text("L")), self.theme.ink, 24)
        self._legend(MARGIN + 24)
        return self.dot.source()

    # The parts of the diagram ----------------------------------------------------------------------------------------

    def _heat(self, start: Point, end: Point, norm: float) -> None:
        """A gradient's wire, straight to the left or down, with a head that grows with its width."""
        stroke = self.theme.stroke(norm, SCALE)
        length, breadth = 6 + stroke.width * 0.6, stroke.width + 7
        side = length / 0.75  # Graphviz's triangle fills three quarters of its height
        (x, y), fill = end, {"style": "filled", "fillcolor": stroke.color, "color": stroke.color, "penwidth": 0}
        if start[0] == end[0]:
            self.box(self.new("head"), x, y + side / 2, breadth, side, shape="triangle", orientation=180, **fill)
            stop = (x, y + length)
        else:
            self.box(self.new("head"), x + side / 2, y, side, breadth, shape="triangle", orientation=90, **fill)
            stop = (x + length, y)
        self.path([start, stop], penwidth=stroke.width, color=stroke.color, style=stroke.style)

    def _stage(self, i: int, box: Box) -> None:
        stage, theme = self.passes.stages[i], self.theme
        layer = stage.layer
        round_one = layer.family in ("loss", "operation")
        symbol = font(text(layer.text), theme.ink, 18) if layer.family == "operation" and len(layer.text) <= 2 else ""
        self.box(
            f"stage{i}", box.x, box.y, box.width, box.height, label=symbol, color=theme.line, penwidth=1.2,
            style="filled,rounded" if round_one else "filled", fillcolor=theme.family_fills[layer.family],
        )  # fmt: skip
        self.words(box.x, box.top + 34, text(stage.name), theme.ink, NAME)
        if layer.text and not symbol and layer.text.lower() != stage.name.lower():
            self.words(box.x, box.top + 16, text(layer.text), theme.line)
        if stage.weights:
            self._weights(stage, box)

    def _weights(self, stage: Stage, box: Box) -> None:
        """The gradient of a layer's parameters: one wire for all of them, a line for each."""
        norms = [weight.norm for weight in stage.weights if weight.norm is not None]
        y = box.bottom - 22
        if norms:
            self._heat((box.x, box.y - box.height / 2 - 1), (box.x, y), math.hypot(*norms))
        for weight in stage.weights:
            y -= LINE if weight is not stage.weights[0] else LINE - 4
            letter = bold(italic(text({"weight": "W", "bias": "b"}.get(weight.name, weight.name))))
            label = text("‖∂") + italic(text("L")) + text("/∂") + letter + text("‖ ")
            self.words(box.x, y, font(label, self.theme.line) + font(size_html(weight.norm, TEXT), self.theme.gradient))
        self.words(box.x, y - LINE - 2, text(count_text(stage.count)), self.theme.line)

    def _span(self, span: Span) -> None:
        theme, up, down, middle = self.theme, span.y + LANE, span.y - LANE, (span.start + span.end) / 2
        value, norm = number_html(self.passes.loss, 3, TEXT), 1.0 if span.link is None else None
        if span.link is not None:
            link = self.passes.links[span.link]
            value, norm = text(shape_text(link.shape, self.passes.batch)), link.norm
        self.path([(span.start + 1, up), (span.end - 1, up)], 0.0 if span.closes else 7.0, penwidth=1.2)
        self.words(middle, up + 10, value, theme.value)
        if norm is not None:
            self._heat((span.end - 1, down), (span.start + 2, down), norm)
            shown = level(text("1"), TEXT) if span.link is None else size_html(norm, TEXT)  # ∂L/∂L is 1
            self.words(middle, down - 16, shown, theme.gradient)
        if span.closes or span.opens:
            self.words(span.end + 12 if span.closes else span.start - 12, span.y, text("⋯"), theme.line, 16)

    def _arc(self, arc: Arc) -> None:
        a, b, link = arc.source, arc.target, self.passes.links[arc.link]
        up = [(a.x, a.y + a.height / 2), (a.x, a.y + arc.rise), (b.x, b.y + arc.rise), (b.x, b.y + b.height / 2 + 1)]
        self.path(up, 7.0, penwidth=1.2)
        value = text(shape_text(link.shape, self.passes.batch))
        self.words((a.x + b.x) / 2, a.y + arc.rise + 10, value, self.theme.value)
        if link.norm is not None:
            stroke = self.theme.stroke(link.norm, SCALE)
            down = [
                (b.x, b.y - b.height / 2),
                (b.x, b.y - arc.rise),
                (a.x, a.y - arc.rise),
                (a.x, a.y - a.height / 2 - 2),
            ]
            self.path(down, 10.0, penwidth=stroke.width, color=stroke.color, style=stroke.style)
            self.words(arc.label, a.y - arc.rise - 15, size_html(link.norm, TEXT), self.theme.gradient)

    def _legend(self, y: float) -> None:
        theme, x = self.theme, MARGIN
        self.path([(x, y + LANE + 2), (x + 34, y + LANE + 2)], 7.0, penwidth=1.2)
        which = f" of each of N = {self.passes.batch} examples" if self.passes.batch else ""
        label = text("forward: ") + font(text("shape"), theme.value) + text(which)
        self.flush(x + 44, y + LANE, f"forward: shape{which}", label, theme.line)
        self._heat((x + 34, y - LANE + 2), (x, y - LANE + 2), 1e-2)
        label = text("backward: ") + font(text("‖∂") + italic(text("L")) + text("/∂·‖"), theme.gradient) + text(_SAME)
        self.flush(x + 44, y - LANE, f"backward: ‖∂L/∂·‖{_SAME}", label, theme.line)
        step, decades = 37.0, range(int(SCALE.low), int(SCALE.high) + 1)
        for k, decade in enumerate(decades):
            stroke = theme.stroke(10.0**decade, SCALE)
            left = self.plan.width - MARGIN - step * (len(decades) - k)
            self.path([(left + 2, y + 8), (left + step - 2, y + 8)], penwidth=stroke.width, color=stroke.color)
            power = power_of_ten(10.0**decade, TEXT) if decade < 0 else level(text(str(10**decade)), TEXT)
            self.words(left + step / 2, y - LANE - 1, power, theme.gradient)


_SAME: Final = ", on one scale in every diagram"
