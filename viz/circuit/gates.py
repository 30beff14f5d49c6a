"""The operations of a circuit as markup: what stands in their circles and boxes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from minidl.graph import Primitive

from ..drawing.block import Block, line_block, line_height
from ..drawing.dot import Html, bold, cell, font, table, text
from ..drawing.metrics import text_width
from ..drawing.notation import grouped, number, raised, symbol_html
from ..drawing.theme import Theme
from .diagram import Fold
from .wires import OVERLAP

CIRCLE: Final = 34
"""The diameter of an operation's circle, and the height of its box, in points."""

_NOTE_CLOSER: Final = 6


@dataclass(frozen=True, slots=True)
class Ink:
    """The colours of an operation: of its `line`, its `fill` and its `text`."""

    line: str
    fill: str
    text: str


def box(
    symbol: Html,
    width: int,
    note: Sequence[Block],
    operands: int,
    centered: bool,
    theme: Theme,
    ink: Ink | None = None,
    down: bool = False,
) -> Html:
    """Set an operation's box with lines of text below, or on its right where the figure runs `down`.

    Its wires end at its port `b`; several operands end at `p0`, `p1` … on the side that they come from.
    """
    ink = ink or Ink(theme.line, theme.fill, theme.ink)
    # Graphviz centres a line with its exponent: without room above, the parentheses of (·)² would stand too high.
    above = 4 if "(·)" in symbol.markup else 0
    shape = table(
        [
            *([[cell(width=width - 2, height=above, fixedsize=True)]] if above else []),
            [cell(symbol, width=width - 2, height=CIRCLE - 2 - above, fixedsize=True)],
        ],
        border=1, color=ink.line, bgcolor=ink.fill, style="rounded", width=width, height=CIRCLE, fixedsize=True,
    )  # fmt: skip
    port = _with_entries(shape, width, CIRCLE, operands, centered, down)
    if not note:
        return table([[cell(port)]])
    line, wide = line_height(theme.note_size), max(block.width for block in note)
    height = note_height(len(note), theme)
    lines = table(
        [[cell(block.html, width=wide, height=line, fixedsize=True)] for block in note], cellspacing=-_NOTE_CLOSER,
        width=wide - 2 * _NOTE_CLOSER, height=height - 2 * _NOTE_CLOSER, fixedsize=True,
    )  # fmt: skip
    aside = cell(lines, width=wide, height=height, fixedsize=True)
    if down:  # the wire goes on below, in the middle of the node
        return table([[cell(width=wide, height=height, fixedsize=True), cell(port), aside]])
    return table([[cell(port)], [aside]])


def note_height(lines: int, theme: Theme) -> int:
    """Return the height of the lines of text at a box, in points: an even number, as Graphviz places in whole points."""
    height = lines * (line_height(theme.note_size) - _NOTE_CLOSER) + _NOTE_CLOSER if lines else 0
    return height + height % 2


def _with_entries(shape: Html, width: int, height: int, operands: int, centered: bool, down: bool) -> Html:
    """Give a box its port `b` and, for several operands, the ports `p0`, `p1` … that share a side."""
    inner, tall = width - 2 * OVERLAP, height - 2 * OVERLAP
    align = "center" if centered or down else "left"
    port = table([[cell(shape)]], port="b", cellspacing=-OVERLAP, align=align, width=inner, height=tall, fixedsize=True)
    if operands < 2:
        return port
    length = inner if down else tall
    shares = [length * (i + 1) // operands - length * i // operands for i in range(operands)]
    if down:
        rows = [
            [cell(port=f"p{i}", width=share, height=1, fixedsize=True) for i, share in enumerate(shares)],
            [cell(port, colspan=operands)],
        ]
        return table(rows, align=align, width=inner, height=tall + 1, fixedsize=True)
    entries = [[cell(port=f"p{i}", width=1, height=share, fixedsize=True)] for i, share in enumerate(shares)]
    entries[0].append(cell(port, rowspan=operands))
    return table(entries, align=align, width=width - 1, height=tall, fixedsize=True)


def fold_size(fold: Fold, operands: int, theme: Theme, down: bool) -> tuple[int, int]:
    """Return the width and height of a folded box, in points."""
    lines = _fold_lines(fold, theme.ink, theme.line, theme)
    width = max(block.width for block in lines) + 12
    height = sum(block.height for block in lines) + 4
    room = 20 * operands
    return max(width, room if down else 0), max(height, 0 if down else room)


def fold_box(fold: Fold, operands: int, theme: Theme, ink: Ink | None = None, down: bool = False) -> Html:
    """Set a box that stands for many operations: its kind, its path, how many numbers it learns, how often it repeats."""
    width, height = fold_size(fold, operands, theme, down)
    ink = ink or Ink(theme.line, theme.family_fills.get(fold.family, theme.fill), theme.ink)
    soft = ink.line if ink.text == theme.ink else ink.text
    lines = _fold_lines(fold, ink.text, soft, theme)
    rows = [[cell(block.html, width=width - 4, height=block.height)] for block in lines]
    rows.append([cell(width=width - 4, height=2)])
    shape = table(
        rows, border=1, color=ink.line, bgcolor=ink.fill, style="rounded", width=width, height=height, fixedsize=True
    )  # fmt: skip
    return table([[cell(_with_entries(shape, width, height, operands, True, down))]])


def _fold_lines(fold: Fold, strong: str, soft: str, theme: Theme) -> list[Block]:
    lines = [line_block(bold(text(fold.title)), fold.title, strong, theme.note_size + 2, space=14)]
    if fold.repeat > 1:
        times = f"{fold.title} × {fold.repeat}"
        lines = [line_block(bold(text(times)), times, strong, theme.note_size + 2, space=14)]
    if fold.detail:
        lines.append(line_block(text(fold.detail), fold.detail, soft, theme.small_size))
    if fold.parameters:
        count = f"{grouped(fold.parameters)} parameter{'s' if fold.parameters != 1 else ''}"
        lines.append(line_block(text(count), count, soft, theme.small_size))
    return lines


def symbol_of(
    primitive: Primitive, params: Mapping[str, Any], elementwise: bool, theme: Theme, color: str | None = None
) -> tuple[Html, int]:
    """Return what stands in the operation's circle, and the width that it needs."""
    color = color or theme.ink
    shown = primitive.notation.symbol
    if primitive.name == "matmul":
        return font(text("•"), color, 18), CIRCLE
    if primitive.name == "square":
        shown = "(·)²"
    if primitive.name == "permute" and len(params["dims"]) <= 2:
        shown = "(·)ᵀ"
    if primitive.name == "mul" and elementwise:
        shown = "⊙"
    if primitive.name == "pow_by_number":
        exponent = params["exponent"]
        width = math.ceil(text_width("(·)", 18) + text_width(number(exponent), 12)) + 16
        return font(text("(·)") + raised(number(exponent), 18), color, 18), width
    return set_symbol(shown, theme, color)


def set_symbol(shown: str, theme: Theme, color: str | None = None) -> tuple[Html, int]:
    """Return a symbol, such as `+` or `softmax`, and the width that it needs."""
    size = theme.symbol_size if len(shown) <= 1 else 17
    width = math.ceil(text_width(shown, size)) + 14
    return font(symbol_html(shown, size), color or theme.ink, size), CIRCLE if len(shown) == 1 else max(width, CIRCLE)
