"""How one box of an architecture looks: a slab with its numbers above and below, or a box with words inside."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..drawing.canvas import TEXT, Canvas, fitted
from ..drawing.dot import bold, text
from ..drawing.metrics import text_width
from ..drawing.theme import Theme, blend
from .blocks import Block
from .labels import FACTS, fact, wrapped
from .places import Room
from .survey import image_sides, output_text
from .thumbnails import Thumbnails

KIND: Final = 15.0
"""The size of what a box is called."""

LINE: Final = 17.0
"""From one line of small text to the next."""

LABEL: Final = 18.0
"""From one line of a label to the next."""

WIDEST: Final = 78.0
"""A label that is wider breaks into two lines, in points."""

_DEEPEST: Final = 0.45
"""How far the box that took longest is from the paper's colour to the accent's: words on it can still be read."""

_SAID: Final = {
    "shapes": "{}",
    "parameters": "{} parameters",
    "macs": "{} multiply-adds",
    "receptive_field": "sees {}",
    "time": "{} of the time",
}
_OPERATION: Final = 24.0
_LOWEST: Final = 26.0
_WIRE: Final = 26.0
STACK: Final = 4.0
"""How far each of several equal boxes stands behind the one before it."""

_MOST_SHADOWS: Final = 3
_TIMES: Final = 14.0


@dataclass(frozen=True, slots=True)
class Glyph:
    """The size of a box without its labels.

    Attributes:
        main: from its middle to its end along the flow.
        cross: from its middle to its side across it.
        room: the room that it needs with its labels and wires.
        behind: how far the boxes behind it stand out, to the right and upwards.
    """

    main: float
    cross: float
    room: Room
    behind: float = 0.0


class Style:
    """What slabs and boxes share.

    Args:
        blocks: the boxes.
        facts: what is shown of each, names in `FACTS`.
        image: the sides of the input image.
        thumbnails: the pictures of each box.
        is_sideways: whether the flow runs from left to right.
    """

    def __init__(
        self,
        blocks: Sequence[Block],
        facts: Sequence[str],
        image: tuple[int, ...],
        thumbnails: Thumbnails,
        is_sideways: bool,
    ) -> None:
        self.blocks = blocks
        self.facts = [name for name in facts if any(fact(block, name, image) for block in blocks)]
        self.image = image
        self.thumbnails = thumbnails
        self.is_sideways = is_sideways
        self.glyphs: list[Glyph] = []

    def values(self, block: Block) -> dict[str, str]:
        """What is shown of a box, by the names in `FACTS`."""
        return {name: fact(block, name, self.image) for name in self.facts}

    def operation_note(self, block: Block) -> str:
        """What is printed beside an operation: the shape that comes out where it is not that of what goes in."""
        return fact(block, "shapes", self.image) if "shapes" in self.facts and len(block.text) > 1 else ""

    def operation_width(self, block: Block) -> float:
        """The width of a sign's circle or a word's capsule."""
        return max(_OPERATION, text_width(block.text, TEXT) + 16 if len(block.text) > 1 else 0)

    def draw_operation(self, canvas: Canvas, i: int, x: float, y: float) -> None:
        """A sign or a word on the wire."""
        block, theme = self.blocks[i], canvas.theme
        canvas.box(
            f"stage{i}", x, y, self.operation_width(block), _OPERATION, style="filled,rounded",
            fillcolor=theme.family_fills["operation"], color=theme.line, penwidth=1.2,
            shape="circle" if len(block.text) == 1 else "box",
        )  # fmt: skip
        canvas.words(x, y, text(block.text), theme.ink, 18 if len(block.text) == 1 else TEXT)

    def _fill(self, block: Block, theme: Theme) -> str:
        """The colour of the kind of layer; where times were measured, the deeper the longer it took."""
        longest = max(b.share for b in self.blocks)
        if not longest:
            return theme.family_fills[block.family]
        return blend(theme.paper, theme.accent, _DEEPEST * block.share / longest)

    def draw_stack(self, canvas: Canvas, i: int, x: float, y: float, width: float, height: float) -> None:
        """A filled box; where it stands for several, with the edges of the others behind it."""
        block, theme = self.blocks[i], canvas.theme
        look = {
            "style": "filled,rounded" if block.is_container else "filled",
            "fillcolor": self._fill(block, theme),
            "color": theme.line,
            "penwidth": 1.2,
        }
        for k in range(shadows(block), 0, -1):
            canvas.box(canvas.new("shadow"), x + STACK * k, y + STACK * k, width, height, **look)
        canvas.box(f"stage{i}", x, y, width, height, **look)


def _times_width(block: Block) -> float:
    """How wide a slab must be for the number that says how often it repeats."""
    return text_width(f"×{block.repeats}", _TIMES, bold=True) + 12 if block.repeats > 1 else 0.0


def shadows(block: Block) -> int:
    """How many boxes are drawn behind it."""
    return min(block.repeats - 1, _MOST_SHADOWS)


class Slabs(Style):
    """Images as slabs: the height is the image's side, the width the logarithm of the number of channels.

    Args:
        blocks: the boxes.
        facts: what is shown of each.
        image: the sides of the input image.
        thumbnails: the pictures of each box.
        tallest: the height of the largest image.
        margin: the least room between the texts of neighbours.
    """

    def __init__(
        self,
        blocks: Sequence[Block],
        facts: Sequence[str],
        image: tuple[int, ...],
        thumbnails: Thumbnails,
        *,
        tallest: float,
        margin: float,
    ) -> None:
        super().__init__(blocks, facts, image, thumbnails, is_sideways=True)
        self.margin = margin
        self.tallest = tallest
        self.labels = [self._label(block) for block in blocks]
        self.label_height = LABEL * max(len(label) for label in self.labels) + 8
        self.sizes = [self._size(block) for block in blocks]
        self.foot = LINE * len(self.facts) + thumbnails.height + 8
        self.glyphs = [self._glyph(i) for i in range(len(blocks))]

    @property
    def heading_width(self) -> float:
        """The width of what stands to the left of the numbers."""
        words = [FACTS[name] for name in self.facts] + self.thumbnails.headings
        return max((text_width(word, TEXT) for word in words), default=0.0) + (16 if words else 0)

    def _label(self, block: Block) -> list[tuple[str, float]]:
        if block.is_operation:
            return []
        lines = [(line, KIND) for line in wrapped(block.text, WIDEST, KIND)]
        return lines + [(line, TEXT) for line in wrapped(block.note, WIDEST + 12, TEXT) if line]

    def _size(self, block: Block) -> tuple[float, float]:
        if block.is_operation:
            return self.operation_width(block), _OPERATION
        sides = [max(image_sides(b.shape), default=0) for b in self.blocks]
        side, largest = max(image_sides(block.shape), default=0), max(sides)
        features = math.log2(block.shape[0] + 1) if block.shape else 1.0
        if largest == 0:  # no images at all: vectors as bars
            widest = max(math.log2(b.shape[0] + 1) if b.shape else 1.0 for b in self.blocks)
            return max(18.0, _times_width(block)), _LOWEST + (self.tallest - _LOWEST) * features / widest
        width = 12 + 4 * features
        height = _LOWEST + (self.tallest - _LOWEST) * max(side - 1, 0) / max(largest - 1, 1)
        return max(width, _times_width(block)), height

    def _glyph(self, i: int) -> Glyph:
        width, height = self.sizes[i]
        extra = STACK * shadows(self.blocks[i])
        texts = [text_width(line, size) for line, size in self.labels[i]]
        texts += [text_width(value, TEXT) for value in self.values(self.blocks[i]).values()]
        texts.append(self.thumbnails.width(i))
        main = max(width + 2 * extra + _WIRE, max(texts) + self.margin)
        room = Room(main, height / 2 + extra + self.label_height, height / 2 + self.foot)
        return Glyph(width / 2, height / 2, room, extra)

    def draw(self, canvas: Canvas, i: int, x: float, y: float, top: float, bottom: float) -> None:
        """Draw a slab, its labels from `top` upwards and its numbers from `bottom` downwards."""
        block, theme = self.blocks[i], canvas.theme
        if block.is_operation:
            self.draw_operation(canvas, i, x, y)
        else:
            width, height = self.sizes[i]
            self.draw_stack(canvas, i, x, y, width, height)
            if block.repeats > 1:
                canvas.words(x, y - 2, bold(text(f"×{block.repeats}")), theme.ink, _TIMES)
        line = top + self.label_height - LABEL / 2
        for label, size in self.labels[i]:
            canvas.words(x, line, text(label), theme.ink if size == KIND else theme.line, size)
            line -= LABEL
        line = bottom - LINE / 2
        for name, value in self.values(block).items():
            if value:
                canvas.words(x, line, text(value), theme.ink if name == "shapes" else theme.line)
            line -= LINE
        self.thumbnails.draw(canvas, i, x, line + LINE / 2)

    def draw_headings(self, canvas: Canvas, x: float, bottom: float) -> None:
        """What the numbers below a row are."""
        line = bottom - LINE / 2
        for name in self.facts:
            canvas.flush(x, line, FACTS[name], text(FACTS[name]), canvas.theme.line)
            line -= LINE
        self.thumbnails.draw_headings(canvas, x, line + LINE / 2)


class Boxes(Style):
    """Layers as boxes of one width, with what is shown of them inside: a line each, or two to a line (`is_wide`)."""

    def __init__(
        self,
        blocks: Sequence[Block],
        facts: Sequence[str],
        image: tuple[int, ...],
        thumbnails: Thumbnails,
        *,
        is_sideways: bool,
        is_wide: bool,
    ) -> None:
        super().__init__(blocks, facts, image, thumbnails, is_sideways)
        self.is_wide = is_wide
        self.lines = [self._lines(block) for block in blocks]
        widths = [text_width(line, size, is_bold) for lines in self.lines for line, size, is_bold in lines]
        self.width = max([*widths, *(thumbnails.width(i) for i in range(len(blocks)))]) + 22
        self.glyphs = [self._glyph(i) for i in range(len(blocks))]

    def _lines(self, block: Block) -> list[tuple[str, float, bool]]:
        if block.is_operation:
            return []
        kind = fitted(block.text, 170, KIND) + (f" × {block.repeats}" if block.repeats > 1 else "")
        said = {name: _SAID[name].format(value) for name, value in self.values(block).items() if value}
        if not self.is_wide:
            groups = [[block.note], *([words] for words in said.values())]
        else:
            kind += f" · {block.note}" if block.note else ""
            pairs = (("shapes", "receptive_field"), ("parameters", "macs"), ("time",))
            groups = [[said[name] for name in pair if name in said] for pair in pairs]
        lines = [fitted(" · ".join(group), 260, TEXT) for group in groups if any(group)]
        return [(fitted(kind, 260, KIND), KIND, True), *((line, TEXT, False) for line in lines)]

    def _height(self, i: int) -> float:
        return sum(size + 3 for _, size, _ in self.lines[i]) + 14 + self.thumbnails.height_of(i)

    def _glyph(self, i: int) -> Glyph:
        block = self.blocks[i]
        width, height = self.width, self._height(i)
        if block.is_operation:
            return self._operation_glyph(block)
        extra = STACK * shadows(block)
        if self.is_sideways:
            return Glyph(width / 2, height / 2, Room(width + 36 + 2 * extra, height / 2 + extra, height / 2), extra)
        return Glyph(height / 2, width / 2, Room(height + 24 + 2 * extra, width / 2 + extra + 8, width / 2 + 8), extra)

    def _operation_glyph(self, block: Block) -> Glyph:
        width, note = self.operation_width(block), self.operation_note(block)
        beside = text_width(note, TEXT)
        if self.is_sideways:
            room = Room(max(width, beside) + 36, _OPERATION / 2, _OPERATION / 2 + LINE * bool(note))
            return Glyph(width / 2, _OPERATION / 2, room)
        return Glyph(_OPERATION / 2, width / 2, Room(_OPERATION + 24, width / 2 + 8 + beside, width / 2 + 8))

    def draw(self, canvas: Canvas, i: int, x: float, y: float) -> None:
        """Draw a box and what stands inside; the shape that an operation puts out stands beside it."""
        block, theme = self.blocks[i], canvas.theme
        if block.is_operation:
            self.draw_operation(canvas, i, x, y)
            note, width = self.operation_note(block), self.operation_width(block)
            if note and self.is_sideways:
                canvas.words(x, y - _OPERATION / 2 - LINE / 2 - 1, text(note), theme.ink)
            elif note:
                canvas.flush(x + width / 2 + 6, y, note, text(note), theme.ink)
            return
        height = self._height(i)
        self.draw_stack(canvas, i, x, y, self.width, height)
        line = y + height / 2 - 7
        for label, size, is_bold in self.lines[i]:
            content = bold(text(label)) if is_bold else text(label)
            is_quiet = not is_bold and not label.startswith(output_text(block.shape))
            canvas.words(x, line - (size + 3) / 2, content, theme.line if is_quiet else theme.ink, size)
            line -= size + 3
        self.thumbnails.draw(canvas, i, x, line)
