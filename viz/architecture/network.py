"""The figure of an architecture: every layer with its shape, parameters, multiply-adds and receptive field."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from minidl.errors import UsageError

from ..drawing.canvas import TEXT, Canvas, Point, fitted
from ..drawing.dot import text
from ..drawing.figure import Figure
from ..drawing.theme import LIGHT, Theme, theme_named
from . import blocks as folding
from .blocks import Block, Blocks
from .glyphs import Boxes
from .labels import check_facts, fact
from .measured import with_shares
from .places import TURN, Band, Wire
from .plan import CLUSTER, MARGIN, SMALLEST, TITLE, TOTALS, Frame, Plan, best_plan
from .survey import Survey, read
from .thumbnails import Thumbnails
from .trace import trace

if TYPE_CHECKING:
    from minidl.profiler import Profile

_MOST_BOXES: Final = (40, 30, 24, 18, 12)
_SHORTEST_NAME: Final = 5


def network(
    model: Any,
    input: Any,
    *,
    level: Literal["compact", "full"] = "compact",
    show: Sequence[str] = ("shapes", "parameters", "macs", "receptive_field"),
    activations: bool = False,
    kernels: bool = False,
    direction: Literal["LR", "TB"] = "LR",
    profile: Profile | None = None,
    theme: str | Theme = LIGHT,
    title: str | None = None,
) -> Figure:
    """Draw the architecture of a network, from one run of it.

    A chain of images is drawn as slabs: the height is the image's side, the width the logarithm of the number of
    channels. Networks with branches, and those from top to bottom, are drawn as boxes. A network that would not be
    readable on a slide is folded further than asked for, and the figure says so.

    Args:
        model: a module. It is run as a copy: mode, gradients, random numbers and buffers stay as they are.
        input: a tensor, an array, or a shape such as `(1, 3, 224, 224)`, which stands for zeros; the first axis counts
            the examples.
        level: `compact`: activations at the layer before them, blocks with branches as one box, equal neighbours as one
            box with `×3`. `full`: every layer and operation.
        show: what is printed of each box: any of `shapes`, `parameters`, `macs`, `receptive_field`.
        activations: whether convolutions show the first channels of what they compute for the first example.
        kernels: whether convolutions show their first kernels.
        direction: `LR` from left to right, `TB` from top to bottom.
        profile: what `minidl.profile` measured while this model ran: each box is then coloured by the time that it took,
            forward and backward, and its share of the network's time is printed.
        theme: the palette, or its name.
        title: a line above the figure.

    Returns:
        The figure. Its alternative text holds the whole table of layers.

    Raises:
        UsageError: no module, no such input, level, direction or `show`.
        GraphError: the model returns no tensor, or one that does not depend on its input.

    >>> from minidl.models import LeNet5
    >>> print(network(LeNet5(), (1, 1, 28, 28)).text.splitlines()[0])
    LeNet5: 8 boxes. 61 706 parameters · 416 520 multiply-adds · receptive field 16×16, stride 4×4.
    """
    if level not in ("compact", "full"):
        raise UsageError(f"there is no level {level!r}; the levels are compact, full")
    if direction not in ("LR", "TB"):
        raise UsageError(f"there is no direction {direction!r}; the directions are LR, TB")
    facts = check_facts(show)
    palette = theme_named(theme)
    run = trace(model, input)
    found = read(run, type(model).__name__)
    notes = [" · ".join(found.totals())]
    if profile is not None:
        found, measured = with_shares(found, profile)
        notes.append(measured)
        facts = check_facts((*facts, "time"))
    asked: int | None = None
    for blocks in _ladder(found, level):
        asked = len(blocks) if asked is None else asked
        folded = [_folded(found, blocks)] if len(blocks) < asked else []
        pictures = Thumbnails(blocks, activations=activations, kernels=kernels, has_batch=run.batch is not None)
        choice = best_plan(blocks, facts, found, pictures, direction, title, [*notes, *folded])
        if choice.scale * TEXT >= SMALLEST:
            break
    notes += folded
    boxes = choice.style.blocks
    source = _Drawing(choice, palette, direction, notes, title).source()
    heading = f"{found.model}: {len(boxes)} boxes. {'. '.join(notes)}."
    return Figure(
        source,
        title=title or f"Architecture of {found.model}",
        text=f"{heading}\n{found}",
        steps=tuple(_narration(found, boxes)),
        layout="neato",
    )


def _folded(found: Survey, blocks: Blocks) -> str:
    """Say what was folded that nobody asked to be folded."""
    boxes = f"{len(blocks) - 1} box" + "es" * (len(blocks) > 2)
    return f"folded to stay readable: {len(found.rows) - 1} layers and operations in {boxes}"


def _narration(found: Survey, boxes: Sequence[Block]) -> Iterator[str]:
    """One line a box, as it would be spoken."""
    for block in boxes:
        parts = [block.text + (f" ({block.note})" if block.note else "")]
        parts += [f"{block.repeats} in a row"] * (block.repeats > 1)
        parts.append(f"output {fact(block, 'shapes', found.image)}")
        for name, word in (("parameters", "parameters"), ("macs", "multiply-adds"), ("time", "of the time")):
            parts += [f"{value} {word}" for value in [fact(block, name, found.image)] if value]
        yield ", ".join(parts)


def _ladder(found: Survey, level: str) -> Iterator[Blocks]:
    """The boxes as asked for, then folded further and further."""
    if level == "full":
        yield folding.full(found)
    blocks = folding.compact(found)
    yield blocks
    while len(deeper := folding.fold_deeper(blocks)) < len(blocks) and len(deeper) > 2:
        blocks = deeper
        yield blocks
    blocks = folding.compact(found)
    for kept in _MOST_BOXES:
        if kept < len(blocks):
            yield folding.leave_out_middle(blocks, kept)


class _Drawing(Canvas):
    """The figure being written."""

    def __init__(self, plan: Plan, theme: Theme, direction: str, notes: Sequence[str], title: str | None) -> None:
        super().__init__(plan.width, plan.height, theme)
        self.plan = plan
        self.is_sideways = direction == "LR"
        self.notes = notes
        self.title = title

    def _point(self, main: float, cross: float) -> Point:
        if self.is_sideways:
            return self.plan.left + main, self.plan.height - self.plan.top + cross
        return self.plan.left + cross, self.plan.height - self.plan.top - main

    def source(self) -> str:
        """Write everything and return the DOT text."""
        plan, theme = self.plan, self.theme
        if self.title:
            shown = fitted(self.title, plan.width - 2 * MARGIN, TITLE)
            self.flush(MARGIN, plan.height - MARGIN - 12, shown, text(shown), theme.ink, TITLE)
        for frame in plan.frames:
            self._frame(frame)
        for band in plan.layout.bands:
            self._band(band)
        for wire in plan.layout.wires:
            self._wire(wire)
        for k, note in enumerate(self.notes):
            y = MARGIN + 4 + TOTALS * (len(self.notes) - 1 - k)
            shown = fitted(note, plan.width - 2 * MARGIN, TEXT)
            self.flush(MARGIN, y, shown, text(shown), theme.ink if k == 0 else theme.line)
        return self.dot.source()

    def _frame(self, frame: Frame) -> None:
        """A pale frame around the boxes of a container, with its name in the corner."""
        theme, band, depth, start = self.theme, frame.band, frame.depth, frame.start
        inset = 3.0 + 3.0 * depth
        low, high = band.cross - band.after + 3 * depth, band.cross + band.before - 3 * depth
        if self.is_sideways:
            high -= (CLUSTER - 3) * depth
        else:
            start += (CLUSTER - 3) * depth
        (x0, y0), (x1, y1) = self._point(start + inset, low), self._point(frame.end - inset, high)
        left, right, bottom, top = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
        fill = theme.cluster_fills[depth % len(theme.cluster_fills)]
        self.box(
            self.new("cluster"), (left + right) / 2, (bottom + top) / 2, right - left, top - bottom,
            style="filled,rounded", fillcolor=fill, color=theme.dim,
        )  # fmt: skip
        shown = fitted(frame.name, right - left - 14, TEXT)
        if len(shown) >= min(len(frame.name), _SHORTEST_NAME):
            self.flush(left + 8, top - 11, shown, text(shown), theme.line)

    def _band(self, band: Band) -> None:
        style = self.plan.style
        spots = self.plan.layout.spots
        if isinstance(style, Boxes):
            for i in band.members:
                style.draw(self, i, *self._point(spots[i].main, spots[i].cross))
            return
        glyphs = [style.glyphs[i] for i in band.members]
        _, axis = self._point(0, band.cross)
        top = axis + max(glyph.cross + glyph.behind for glyph in glyphs)
        bottom = axis - max(glyph.cross for glyph in glyphs) - 4
        for i in band.members:
            x, y = self._point(spots[i].main, spots[i].cross)
            style.draw(self, i, x, y, top, bottom)
        style.draw_headings(self, self.plan.left - style.heading_width, bottom)

    def _ends(self, i: int) -> tuple[float, float]:
        """Where the row of a box begins and ends."""
        return next((band.start, band.end) for band in self.plan.layout.bands if i in band.members)

    def _wire(self, wire: Wire) -> None:
        glyphs, layout = self.plan.style.glyphs, self.plan.layout
        a, b = layout.spots[wire.source], layout.spots[wire.target]
        leave, reach = a.main + glyphs[wire.source].main, b.main - glyphs[wire.target].main
        if self.is_sideways:
            leave += glyphs[wire.source].behind
        else:
            reach -= glyphs[wire.target].behind
        if wire.turn is not None:
            out, back = self._ends(wire.source)[1] + TURN - 2, self._ends(wire.target)[0] - TURN + 2
            line = [
                (leave, a.cross),
                (out, a.cross),
                (out, wire.turn),
                (back, wire.turn),
                (back, b.cross),
                (reach, b.cross),
            ]
        elif wire.over is not None:
            above = b.cross + glyphs[wire.target].cross
            line = [(leave, a.cross), (a.end, a.cross), (a.end, wire.over), (b.main, wire.over), (b.main, above)]
        elif math.isclose(a.cross, b.cross):
            line = [(leave, a.cross), (reach, b.cross)]
        else:
            forks = sum(other.source == wire.source for other in layout.wires) > 1
            bend = a.end if forks else b.start
            line = [(leave, a.cross), (bend, a.cross), (bend, b.cross), (reach, b.cross)]
        self.path([self._point(main, cross) for main, cross in line], 7.0, penwidth=1.2)
