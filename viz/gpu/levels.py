"""The three levels of a product side by side: what a multiply-add costs each of them, counted from a block of each."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from minidl.kernels.cuda.matmul.tile import LARGE
from minidl.kernels.cuda.simulator.trace import Trace
from minidl.kernels.cuda.simulator.traffic import bank_conflicts, coalescing

from ..drawing.canvas import SLIDE, Canvas
from ..drawing.dot import text
from ..drawing.notation import number
from ..drawing.theme import Stroke, Theme
from .matmul import run_fast, run_naive, run_tiled

MARGIN: Final = 24.0
TITLE: Final = 20.0
WORDS: Final = 15.0
_NUMBER: Final = 22.0


@dataclass(frozen=True, slots=True)
class Level:
    """What a kernel needs for each multiply-add.

    Attributes:
        name: `naive`, `tiled` or `fast`.
        how: its tile, in a few words.
        reads: numbers that threads read from global memory.
        fetched: bytes that global memory sends, in sectors of 32 bytes, if nothing is found in a cache.
        loads: loads from shared memory, of a thread.
        lost: turns that shared memory loses to bank conflicts, in a hundred requests of a warp.
    """

    name: str
    how: str
    reads: float
    fetched: float
    loads: float
    lost: float

    @property
    def intensity(self) -> float:
        """Operations, of which a multiply-add is two, for each byte that is fetched."""
        return 2 / self.fetched

    @property
    def words(self) -> str:
        """The same as a sentence."""
        shared = (
            f"{self.loads:.3g} loads of shared memory, of whose turns {self.lost:.3g} in 100 are lost to bank conflicts"
        )
        return (
            f"{self.name}, {self.how}: a multiply-add takes {self.reads:.3g} numbers and {self.fetched:.3g} bytes of global "
            f"memory and {shared if self.loads else 'nothing of shared memory'}; {self.intensity:.3g} operations a byte."
        )


def count(name: str, how: str, trace: Trace, products: int) -> Level:
    """Count what a traced run needed for each of its `products` multiply-adds."""
    reads = trace.of(space="global", action="read")
    sectors = sum(len(c.sectors) for c in coalescing(trace) if c.access.action == "read")
    asked = [c for c in bank_conflicts(trace) if c.access.action == "read"]
    lost = 100 * sum(c.conflicts for c in asked) / len(asked) if asked else 0.0
    loads = len(trace.of(space="shared", action="read"))
    return Level(name, how, sum(a.width for a in reads) / products, 32 * sectors / products, loads / products, lost)


NOTE: Final = "Counted in the simulator from one block of each kernel. A load of the fast kernel brings four numbers."
_SIDE: Final = 16
"""The side of a block of the naive and the tiled kernel; as many products are added up: their shares do not depend on it."""


@functools.cache
def levels() -> tuple[Level, ...]:
    """Trace a block of each of minidl's three kernels, with the tiles that they have on a GPU."""
    first, size, large = [(0, 0, 0)], 8 * _SIDE, LARGE.rows * LARGE.columns
    products = _SIDE**3
    return (
        count("naive", "a thread a number", run_naive(_SIDE**2, size, _SIDE, first), products),
        count("tiled", f"tiles of {_SIDE}×{_SIDE}", run_tiled(_SIDE, size, _SIDE, first), products),
        count("fast", f"tiles of {LARGE.rows}×{LARGE.columns}", run_fast(LARGE, LARGE.depth), large * LARGE.depth),
    )


_COLUMNS: Final = (
    ("numbers read", "from global memory"),
    ("bytes fetched", "from global memory"),
    ("loads", "from shared memory"),
    ("lost to bank conflicts", "turns in 100 requests"),
    ("operations a byte", "of global memory"),
)


def draw_levels(levels: Sequence[Level], theme: Theme, title: str, note: str) -> str:
    """Draw the table as numbers and bars, each column on its own scale, and return the DOT text."""
    sheet = Canvas(*SLIDE, theme)
    sheet.flush(MARGIN, SLIDE[1] - 26, title, text(title), size=TITLE)
    left = 150.0
    pitch = (SLIDE[0] - MARGIN - left) / len(_COLUMNS)
    top, row = SLIDE[1] - 118, 116.0
    for k, (name, unit) in enumerate(_COLUMNS):
        x = left + k * pitch
        sheet.flush(x, SLIDE[1] - 74, name, text(name), size=13)
        sheet.flush(x, SLIDE[1] - 92, unit, text(unit), theme.line, 13)
    for i, level in enumerate(levels):
        y = top - i * row
        sheet.line([(MARGIN, y), (SLIDE[0] - MARGIN, y)], Stroke(0.8, theme.dim))
        sheet.flush(MARGIN, y - 34, level.name, text(level.name), size=TITLE)
        sheet.flush(MARGIN, y - 58, level.how, text(level.how), theme.line, 13)
        values = (level.reads, level.fetched, level.loads, level.lost, level.intensity)
        for k, value in enumerate(values):
            x = left + k * pitch
            most = max((one.reads, one.fetched, one.loads, one.lost, one.intensity)[k] for one in levels)
            shown = "none" if value == 0 else number(value, 3)
            sheet.flush(x, y - 34, shown, text(shown), size=_NUMBER)
            long = (pitch - 24) * value / most if most else 0.0
            if value:
                fill = theme.value if k == len(values) - 1 else theme.local
                sheet.bar(x + max(long, 1.5) / 2, y - 66, max(long, 1.5), 14, fill)
    sheet.flush(MARGIN, 30, note, text(note), theme.line, 14)
    return sheet.dot.source()
