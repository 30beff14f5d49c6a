"""What a GPU brings along: its memories, and the roofline that its arithmetic and its memory set to every kernel.

The numbers are those of one GPU, an NVIDIA H100 SXM5, as its maker prints them: "NVIDIA H100 Tensor Core GPU Architecture"
(white paper, 2022) for the sizes, the "NVIDIA H100 Tensor Core GPU" data sheet for arithmetic and bandwidth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..drawing.canvas import SLIDE, Canvas, Point, flush_width
from ..drawing.dot import text
from ..drawing.notation import number
from ..drawing.theme import Stroke, Theme

MARGIN: Final = 24.0
TITLE: Final = 20.0
SOURCE: Final = "NVIDIA H100 SXM5: white paper of the architecture (2022) and data sheet."


@dataclass(frozen=True, slots=True)
class Memory:
    """One of a GPU's memories.

    Attributes:
        name: what it is called.
        size: how large it is.
        who: who shares it.
        use: what a product of matrices keeps there.
    """

    name: str
    size: str
    who: str
    use: str


MEMORIES: Final = (
    Memory("registers", "256 KB a multiprocessor", "each thread its own, at most 255", "the results being added up"),
    Memory("shared memory", "up to 228 KB a multiprocessor", "the threads of a block", "the tiles of A and B"),
    Memory("level-2 cache", "50 MB", "all 132 multiprocessors", "what neighbouring blocks read too"),
    Memory("global memory", "80 GB", "all, and the CPU by copies", "A, B and C"),
)

PEAK: Final = 67e12
"""Single-precision operations a second, without tensor cores."""
BANDWIDTH: Final = 3.35e12
"""Bytes a second from global memory."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A kernel on the roofline: its name, and its operations for each byte fetched from global memory."""

    name: str
    intensity: float


def attainable(intensity: float) -> float:
    """The most operations a second that memory and arithmetic allow.

    >>> attainable(1e9) == PEAK, attainable(1.0) == BANDWIDTH
    (True, True)
    """
    return min(PEAK, BANDWIDTH * intensity)


def dot_words(dot: Dot) -> str:
    """Say in words what the roofline leaves a kernel.

    >>> dot_words(Dot("fast", 1e9))
    'fast: 1e+09 operations a byte, at most 67 TFLOP/s.'
    """
    possible = number(attainable(dot.intensity) / 1e12, 3)
    return f"{dot.name}: {dot.intensity:.3g} operations a byte, at most {possible} TFLOP/s."


def draw_memories(theme: Theme, title: str) -> str:
    """Draw the memories as steps, the small and near ones on top, and return the DOT text."""
    sheet = Canvas(*SLIDE, theme)
    sheet.flush(MARGIN, SLIDE[1] - 26, title, text(title), size=TITLE)
    fills = [theme.family_fills[kind] for kind in ("dense", "pool", "norm", "conv")]
    high, gap, top = 78.0, 20.0, SLIDE[1] - 68
    for k, memory in enumerate(MEMORIES):
        wide = 270.0 + 90 * k
        y = top - high / 2 - k * (high + gap)
        x = MARGIN + 270.0
        sheet.box(
            sheet.new("memory"), x, y, wide, high, style="filled", fillcolor=fills[k], color=theme.line, penwidth=1.2
        )
        sheet.words(x, y + 14, text(memory.name), theme.ink, 18)
        sheet.words(x, y - 14, text(memory.size), theme.ink, 15)
        sheet.flush(MARGIN + 574, y + 14, memory.who, text(memory.who), theme.line, 15)
        sheet.flush(MARGIN + 574, y - 12, memory.use, text(memory.use), theme.ink, 16)
        if k:
            above = y + high / 2 + gap
            for side, start, end in ((-14.0, above - 2, y + high / 2 + 3), (14.0, y + high / 2 + 2, above - 3)):
                sheet.path([(x + side, start), (x + side, end)], 7.0, penwidth=1.2)
    words = f"Higher is nearer to the arithmetic, smaller and faster. {SOURCE}"
    sheet.flush(MARGIN, 40, words, text(words), theme.line, 14)
    return sheet.dot.source()


_LOW: Final = (-1.0, 11.0)
_HIGH: Final = (2.3, 14.2)
"""The corners of the roofline, as powers of ten: operations a byte, operations a second."""
_FRAME: Final = (96.0, 96.0, 640.0, 470.0)


_ACROSS: Final = "operations for each byte fetched from global memory"


def _at(intensity: float, speed: float) -> Point:
    left, bottom, right, top = _FRAME
    x = (math.log10(intensity) - _LOW[0]) / (_HIGH[0] - _LOW[0])
    y = (math.log10(speed) - _LOW[1]) / (_HIGH[1] - _LOW[1])
    return left + x * (right - left), bottom + y * (top - bottom)


def draw_roofline(dots: Sequence[Dot], theme: Theme, title: str) -> str:
    """Draw what memory and arithmetic allow kernels of these intensities at most, and return the DOT text."""
    sheet = Canvas(*SLIDE, theme)
    sheet.flush(MARGIN, SLIDE[1] - 26, title, text(title), size=TITLE)
    _axes(sheet)
    x, y = _at(PEAK / BANDWIDTH, PEAK)
    sheet.bar(x, (_FRAME[1] + y) / 2, 1.0, y - _FRAME[1], theme.dim)
    words = f"{number(PEAK / 1e12, 3)} TFLOP/s: all the arithmetic"
    _tagged(sheet, _FRAME[2] - flush_width(words, 14) + 2, y + 16, words, 14)
    for k, dot in enumerate(dots):
        x, y = _at(dot.intensity, attainable(dot.intensity))
        sheet.bar(x, (_FRAME[1] + y) / 2, 1.4, y - _FRAME[1], theme.local)
        _tagged(sheet, x + 10, y - 20, dot.name, 16)
        top = _FRAME[3] - 22 - 84 * k
        possible = attainable(dot.intensity)
        lines = (
            (dot.name, theme.ink, 18.0),
            (f"{number(dot.intensity, 3)} operations a byte: at most", theme.line, 14.0),
            (f"{number(possible / 1e12, 3)} TFLOP/s, {100 * possible / PEAK:.3g} % of them", theme.line, 14.0),
        )
        for i, (said, color, size) in enumerate(lines):
            sheet.flush(_FRAME[2] + 26, top - 21 * i, said, text(said), color, size)
    roof = [_at(10 ** _LOW[0], BANDWIDTH * 10 ** _LOW[0]), _at(PEAK / BANDWIDTH, PEAK), _at(10 ** _HIGH[0], PEAK)]
    sheet.line(roof, Stroke(2.4, theme.ink))
    for dot in dots:
        x, y = _at(dot.intensity, attainable(dot.intensity))
        sheet.box(
            sheet.new("dot"),
            x,
            y,
            12,
            12,
            shape="circle",
            style="filled",
            fillcolor=theme.accent,
            color=theme.ink,
            penwidth=1.0,
        )
    words = f"slope: {number(BANDWIDTH / 1e12, 3)} TB/s from memory, nothing found in a cache. {SOURCE}"
    sheet.flush(MARGIN, 26, words, text(words), theme.line, 14)
    return sheet.dot.source()


def _tagged(sheet: Canvas, x: float, y: float, words: str, size: float) -> None:
    """Words on a piece of paper, so that no line runs through them."""
    wide = flush_width(words, size)
    sheet.bar(x + wide / 2 - 2, y, wide, size + 5, sheet.theme.paper)
    sheet.flush(x, y, words, text(words), sheet.theme.ink, size)


def _axes(sheet: Canvas) -> None:
    theme = sheet.theme
    left, bottom, right, top = _FRAME
    for power in range(math.ceil(_LOW[0]), math.floor(_HIGH[0]) + 1):
        x, _ = _at(10.0**power, 10 ** _LOW[1])
        sheet.bar(x, (bottom + top) / 2, 0.6, top - bottom, theme.dim)
        sheet.words(x, bottom - 14, text(number(10.0**power, 2)), theme.line, 14)
    for power in range(math.ceil(_LOW[1]), math.floor(_HIGH[1]) + 1):
        _, y = _at(10 ** _LOW[0], 10.0**power)
        sheet.bar((left + right) / 2, y, right - left, 0.6, theme.dim)
        words = number(10.0 ** (power - 12), 3)
        sheet.flush(left - 8, y, words, text(words), theme.line, 14, right=True)
    sheet.line([(left, top), (left, bottom), (right, bottom)], Stroke(1.0, theme.line))
    sheet.words((left + right) / 2, bottom - 38, text(_ACROSS), theme.ink, 15)
    sheet.flush(left - 62, top + 18, "TFLOP/s", text("TFLOP/s"), theme.ink, 15)
