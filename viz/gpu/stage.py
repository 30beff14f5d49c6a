"""The slide on which a kernel is shown: the matrices at the left, shared memory and what was counted at the right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from minidl.kernels.cuda.simulator.trace import Access

from ..drawing.canvas import SLIDE, TEXT, Canvas
from ..drawing.dot import italic, text
from ..drawing.metrics import text_width
from ..drawing.notation import SMALLEST, grouped
from ..drawing.theme import Stroke, Theme
from .cells import LOWER, Cells, Look, Place, looks
from .moments import BRING, NOTHING, Cost, Moment

MARGIN: Final = 24.0
TITLE: Final = 20.0
CAPTION: Final = 16.0
NAME: Final = 16.0
ASIDE: Final = 696.0
"""The x where the right-hand column begins."""
TOP: Final = SLIDE[1] - 70
_LINE: Final = 19.0
_SECTOR: Final = 8
_ROOMY: Final = 16.0
"""Cells lower than this have no counts in them where all are alike."""
_NO_SHARED: Final = "This kernel uses no shared memory."


@dataclass(frozen=True, slots=True)
class Board:
    """An array on the slide.

    Attributes:
        array: the kernel's name for it.
        name: what the figure calls it.
        cells: where it is drawn; element i is in row i // columns, unless `place` says otherwise.
        every: the size of its larger pieces, tiles or banks.
        is_result: whether its cells show the threads that compute them.
        hint: a few words beside the name.
    """

    array: str
    name: str
    cells: Cells
    every: Place = (0, 0)
    is_result: bool = False
    hint: str = ""

    def place(self, element: int) -> Place:
        """Where an element is."""
        return divmod(element, self.cells.columns)


@dataclass(frozen=True, slots=True)
class Stage:
    """What all frames of a deck have in common.

    Attributes:
        title: the heading.
        boards: the arrays.
        blocks: for each block of the grid, the first and the last element of the result that it writes.
        owners: for each element of the result the number of the thread that computes it, in the block that is shown.
        follow: the numbers of threads whose cells are outlined, and what they are called.
        has_shared: whether the kernel has shared memory.
        theme: the palette.
    """

    title: str
    boards: Sequence[Board]
    blocks: Mapping[tuple[int, int, int], tuple[int, int]]
    owners: Mapping[int, int]
    follow: tuple[Collection[int], str]
    has_shared: bool
    theme: Theme


@dataclass(frozen=True, slots=True)
class View:
    """One frame: what is lit.

    Attributes:
        heading: a few words at the upper right.
        caption: one sentence.
        now: what happens, or None for a frame that only shows where things are.
        before: what happened in the block until then.
        counts: numbers to write into cells instead, by array and element.
        cost: what it all cost so far.
    """

    heading: str
    caption: str
    now: Moment | None = None
    before: Sequence[Moment] = ()
    counts: Mapping[str, Mapping[int, int]] | None = None
    cost: Cost = NOTHING


def draw_view(stage: Stage, view: View) -> str:
    """Return the DOT text of a frame: all frames of a stage have the same places."""
    theme = stage.theme
    sheet = Canvas(*SLIDE, theme)
    sheet.flush(MARGIN, SLIDE[1] - 26, stage.title, text(stage.title), size=TITLE)
    sheet.flush(SLIDE[0] - MARGIN, SLIDE[1] - 26, view.heading, text(view.heading), size=TITLE, right=True)
    for board in stage.boards:
        _board(sheet, stage, board, view)
    _legend(sheet, stage)
    _counters(sheet, stage, view)
    for k, line in enumerate(
        broken(view.caption, (SLIDE[0] - 2 * MARGIN) / 1.08, CAPTION)
    ):  # as `flush_width` measures
        sheet.flush(MARGIN, 40 - 22 * k, line, text(line), size=CAPTION)
    return sheet.dot.source()


def broken(words: str, width: float, size: float) -> list[str]:
    """Break a sentence into lines no wider than `width`.

    >>> broken("one two three", 50, 13)
    ['one two', 'three']
    """
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(longer, size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _board(sheet: Canvas, stage: Stage, board: Board, view: View) -> None:
    """An array: its name, what happens to it, and in its cells the threads."""
    theme, cells = stage.theme, board.cells
    look = looks(theme)
    x = cells.left
    x += sheet.flush(x, cells.top + 12, board.name, italic(text(board.name)), size=NAME) + 8
    if board.hint:
        sheet.flush(x, cells.top + 14, board.hint, text(board.hint), theme.line)
    if view.counts is not None:
        _count(sheet, board, view.counts.get(board.array, {}), look["seen"])
        return
    seen = {e for m in view.before for a in m.accesses if a.array == board.array for e in a.elements}
    filled = [(_runs(board, seen), look["seen"])]
    if board.is_result:
        filled.insert(0, (_runs(board, stage.owners), look["ours"]))
    lit = [a for a in (view.now.accesses if view.now else []) if a.array == board.array]
    _light(sheet, board, lit, filled)
    if view.now is not None and view.now.kind == BRING:
        for sector in sorted(view.now.sectors.get(board.array, ())):
            row, column = board.place(sector * _SECTOR)
            cells.outline(sheet, (row, column), (row, column + _SECTOR - 1), _fetched(theme, cells))
    _follow(sheet, stage, board, lit)
    labels = _labels(board, lit) if lit else _owner_labels(board, stage.owners) if board.is_result else {}
    for (place, width), words in labels.items():
        (x0, y), (x1, _) = cells.center(place), cells.center((place[0], place[1] + width - 1))
        if cells.height >= SMALLEST and text_width(words, SMALLEST) <= width * cells.width - 4:
            sheet.words((x0 + x1) / 2, y - LOWER, text(words), theme.ink, SMALLEST)
    if board.is_result and view.now is None:
        _name_blocks(sheet, stage, board)


def _light(
    sheet: Canvas, board: Board, lit: Sequence[Access], filled: list[tuple[list[tuple[Place, int]], Look]]
) -> None:
    """Draw a board's cells, those that are touched now lit."""
    cells, look = board.cells, looks(sheet.theme)
    parts = [
        ({(a.first, a.width) for a in lit if a.action == action}, look[name])
        for action, name in (("read", "read"), ("write", "written"))
    ]
    if cells.height >= SMALLEST or any(a.width > 1 for a in lit):
        cells.draw(sheet, every=board.every, filled=filled)
        for pieces, part in parts:
            cells.light(sheet, [(board.place(first), width) for first, width in pieces], part)
        return
    # Cells too small for labels: neighbours are put together.
    runs = [(_runs(board, {first for first, _ in pieces}), part) for pieces, part in parts]
    cells.draw(sheet, every=board.every, filled=[*filled, *runs])
    for together, part in runs:
        for (row, column), width in together:
            cells.outline(sheet, (row, column), (row, column + width - 1), Stroke(cells.height / 10, part.line))


def _count(sheet: Canvas, board: Board, counted: Mapping[int, int], look: Look) -> None:
    """How often each number was read: in its cell, or once for all where cells are small and counts alike."""
    board.cells.draw(sheet, every=board.every, filled=[(_runs(board, counted), look)])
    if board.cells.height < _ROOMY and len(set(counted.values())) == 1:
        _tag(sheet, board.cells.middle, f"each ×{next(iter(counted.values()))}")
    else:
        board.cells.label(sheet, {board.place(i): str(n) for i, n in counted.items()})


def _name_blocks(sheet: Canvas, stage: Stage, board: Board) -> None:
    """Which block computes what, except for the one that is shown."""
    for block, (first, last) in sorted(stage.blocks.items()):
        (x0, y0), (x1, y1) = (board.cells.center(board.place(element)) for element in (first, last))
        if first != min(stage.owners):
            _tag(sheet, ((x0 + x1) / 2, (y0 + y1) / 2), f"block {block[0]}, {block[1]}")


def _tag(sheet: Canvas, middle: tuple[float, float], words: str) -> None:
    """Words on a piece of paper, so that no line runs through them."""
    sheet.bar(*middle, text_width(words, TEXT) + 4, 18, sheet.theme.paper)
    sheet.words(*middle, text(words), sheet.theme.line, TEXT)


def _fetched(theme: Theme, cells: Cells) -> Stroke:
    """How the line around a sector is drawn: dashed, so that it is told from other outlines without colour."""
    return Stroke(min(1.6, cells.height / 10), theme.local, "dashed")


def _runs(board: Board, elements: Iterable[int]) -> list[tuple[Place, int]]:
    """The elements' cells, neighbours in a row put together."""
    runs: list[tuple[Place, int]] = []
    for row, column in sorted(board.place(element) for element in elements):
        (last, start), width = runs[-1] if runs else ((-1, 0), 0)
        if (row, column) == (last, start + width):
            runs[-1] = (last, start), width + 1
        else:
            runs.append(((row, column), 1))
    return runs


def _labels(board: Board, lit: Iterable[Access]) -> dict[tuple[Place, int], str]:
    """In a lit piece stands the thread that touches it, or how many do."""
    threads: defaultdict[tuple[Place, int], set[int]] = defaultdict(set)
    for a in lit:
        threads[board.place(a.first), a.width].add(a.number)
    return {piece: str(min(who)) if len(who) == 1 else f"×{len(who)}" for piece, who in sorted(threads.items())}


def _owner_labels(board: Board, owners: Mapping[int, int]) -> dict[tuple[Place, int], str]:
    """Each thread's number, once in each rectangle of its results."""
    labels: dict[tuple[Place, int], str] = {}
    columns = board.cells.columns
    for element, thread in sorted(owners.items()):
        row, column = board.place(element)
        if (column and owners.get(element - 1) == thread) or (row and owners.get(element - columns) == thread):
            continue
        width = next((k for k in range(1, columns - column) if owners.get(element + k) != thread), columns - column)
        deep = next((k for k in range(1, len(owners)) if owners.get(element + k * columns) != thread), 1)
        labels[(row + (deep - 1) // 2, column), width] = str(thread)
    return labels


def _follow(sheet: Canvas, stage: Stage, board: Board, lit: Sequence[Access]) -> None:
    """Outline what the followed threads touch, and their results."""
    cells = board.cells
    pieces = {(a.first, a.width) for a in lit if a.number in stage.follow[0]}
    if board.is_result and lit:
        return
    if board.is_result:
        mine = [board.place(e) for e, thread in stage.owners.items() if thread in stage.follow[0]]
        cells.outline(sheet, min(mine), max(mine), Stroke(2.0, stage.theme.ink))
        return
    for (row, column), count in _runs(board, {first + i for first, width in pieces for i in range(width)}):
        cells.outline(sheet, (row, column), (row, column + count - 1), Stroke(2.0, stage.theme.ink))


def _legend(sheet: Canvas, stage: Stage) -> None:
    """What the looks mean, in the free corner above the left factor."""
    theme = stage.theme
    look = looks(theme)
    x, y = MARGIN, TOP - 8
    rows: list[tuple[str, Callable[[Cells], None]]] = [
        ("read now; in it the thread,", lambda c: c.light(sheet, [((0, 0), 1)], look["read"])),
        ("or ×4 if four threads read it", lambda c: None),
        ("written now", lambda c: c.light(sheet, [((0, 0), 1)], look["written"])),
        ("touched before", lambda c: sheet.bar(*c.middle, c.width, c.height, look["seen"].fill)),
        ("fetched: 32 bytes each", lambda c: c.outline(sheet, (0, 0), (0, 0), _fetched(theme, c))),
        (f"what {stage.follow[1]}", lambda c: c.outline(sheet, (0, 0), (0, 0), Stroke(2.0, theme.ink))),
    ]
    for words, swatch in rows:
        swatch(Cells(1, 1, x, y + 7, 18, 14))
        sheet.flush(x + 26, y, words, text(words), theme.line, SMALLEST)
        y -= _LINE


def _counters(sheet: Canvas, stage: Stage, view: View) -> None:
    """What was counted, in this frame and so far."""
    theme = stage.theme
    right, y = SLIDE[0] - MARGIN, 182.0
    now = view.now.cost if view.now else NOTHING
    for x, words in ((right - 62, "now"), (right, "so far")):
        sheet.flush(x, y, words, text(words), theme.line, right=True)
    rows = [
        ("read from global memory", now.read, view.cost.read),
        ("sectors of 32 bytes", now.sectors, view.cost.sectors),
    ]
    if not stage.has_shared:
        sheet.flush(ASIDE, TOP - 20, _NO_SHARED, text(_NO_SHARED), theme.line)
    rows += [
        ("read from shared memory", now.shared, view.cost.shared),
        ("bank conflicts", now.conflicts, view.cost.conflicts),
    ]
    for words, this, all_ in rows:
        y -= _LINE + 2
        sheet.flush(ASIDE, y, words, text(words), theme.ink, TEXT)
        for x, amount in ((right - 62, this), (right, all_)):
            shown = grouped(amount)
            sheet.flush(x, y, shown, text(shown), theme.ink, TEXT, right=True)
