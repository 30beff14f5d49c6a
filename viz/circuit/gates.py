"""The operations of a circuit as markup: what stands in their circles and boxes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from minidl.graph import Primitive

from ..drawing.dot import Html, cell, font, table, text
from ..drawing.metrics import text_width
from ..drawing.notation import number, raised, symbol_html
from ..drawing.theme import Theme
from .wires import OVERLAP, Block, line_height

CIRCLE: Final = 34
"""The diameter of an operation's circle, and the height of its box, in points."""

_NOTE_CLOSER: Final = 6


def box(symbol: Html, width: int, note: Sequence[Block], operands: int, centered: bool, theme: Theme) -> Html:
    """Set an operation's box with lines of text below.

    Its wires end at its port `b`; several operands end at `p0`, `p1` … on its left.
    """
    # Graphviz centres a line with its exponent: without room above, the parentheses of (·)² would stand too high.
    above = 4 if "(·)" in symbol.markup else 0
    shape = table(
        [
            *([[cell(width=width - 2, height=above, fixedsize=True)]] if above else []),
            [cell(symbol, width=width - 2, height=CIRCLE - 2 - above, fixedsize=True)],
        ],
        border=1, color=theme.line, bgcolor=theme.fill, style="rounded", width=width, height=CIRCLE, fixedsize=True,
    )  # fmt: skip
    port = table(
        [[cell(shape)]], port="b", cellspacing=-OVERLAP, align="center" if centered else "left",
        width=width - 2 * OVERLAP, height=CIRCLE - 2 * OVERLAP, fixedsize=True,
    )  # fmt: skip
    if operands > 1:
        height = CIRCLE - 2 * OVERLAP
        shares = [height * (i + 1) // operands - height * i // operands for i in range(operands)]
        entries = [[cell(port=f"p{i}", width=1, height=share, fixedsize=True)] for i, share in enumerate(shares)]
        entries[0].append(cell(port, rowspan=operands))
        port = table(entries, align="center" if centered else "left", width=width - 1, height=height, fixedsize=True)
    if not note:
        return table([[cell(port)]])
    line, wide = line_height(theme.note_size), max(block.width for block in note)
    height = len(note) * (line - _NOTE_CLOSER) + _NOTE_CLOSER
    height += height % 2  # Graphviz places in whole points: the port is then at one
    lines = table(
        [[cell(block.html, width=wide, height=line, fixedsize=True)] for block in note], cellspacing=-_NOTE_CLOSER,
        width=wide - 2 * _NOTE_CLOSER, height=height - 2 * _NOTE_CLOSER, fixedsize=True,
    )  # fmt: skip
    return table([[cell(port)], [cell(lines, width=wide, height=height, fixedsize=True)]])


def symbol_of(primitive: Primitive, params: Mapping[str, Any], elementwise: bool, theme: Theme) -> tuple[Html, int]:
    """Return what stands in the operation's circle, and the width that it needs."""
    size = theme.symbol_size
    shown = primitive.notation.symbol
    if primitive.name == "matmul":
        return font(text("•"), theme.ink, 18), CIRCLE
    if primitive.name == "square":
        shown = "(·)²"
    if primitive.name == "permute" and len(params["dims"]) <= 2:
        shown = "(·)ᵀ"
    if primitive.name == "mul" and elementwise:
        shown = "⊙"
    if primitive.name == "pow_by_number":
        exponent = params["exponent"]
        width = math.ceil(text_width("(·)", 18) + text_width(number(exponent), 12)) + 16
        return font(text("(·)") + raised(number(exponent), 18), theme.ink, 18), width
    if len(shown) > 1:
        size = 17
    width = math.ceil(text_width(shown, size)) + 14
    return font(symbol_html(shown, size), theme.ink, size), CIRCLE if len(shown) == 1 else max(width, CIRCLE)
