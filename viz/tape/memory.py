"""A tape's memory over its instructions: a line a piece of memory, a box a result that lives in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from minidl.tape.listing import names_of, size

from ..architecture.names import family_of
from ..drawing.canvas import SLIDE, TEXT, Canvas, fitted, flush_width
from ..drawing.dot import text
from ..drawing.figure import Figure
from ..drawing.metrics import text_width
from ..drawing.theme import LIGHT, Stroke, Theme, theme_named

if TYPE_CHECKING:
    from minidl.tape import Tape
    from minidl.tape.program import Instruction, Slot

MARGIN: Final = 14.0
TITLE: Final = 20.0
ROW: Final = 26.0
_NOTE: Final = 20.0
_MOST_LANES: Final = 14
_SHORTEST: Final = 14.0
"""A box narrower than this has no name."""


@dataclass(slots=True)
class Stay:
    """A result in its memory.

    Attributes:
        name: the operation that made it.
        start: the number of the instruction that made it.
        end: that of the last one that reads it, or takes its place.
    """

    name: str
    start: int
    end: int


@dataclass(slots=True)
class Lane:
    """A piece of memory, and the results that live in it one after the other."""

    name: str
    nbytes: int
    stays: list[Stay] = field(default_factory=list)


def draw_tape(tape: Tape, *, theme: str | Theme = LIGHT, title: str | None = None) -> Figure:
    """Draw which results share memory: from left to right the instructions, on each line one piece of memory.

    A box begins where a result is made and ends where it is last read. Boxes on one line are results that use the same memory
    one after the other, be it a planned buffer or an input's that nobody needed any more. The largest pieces are shown.

    Args:
        tape: what a compiled function has recorded: `step.tape`.
        theme: the palette, or its name.
        title: a line above the figure.

    >>> import minidl
    >>> double = minidl.compile(lambda x: (x * 2).exp())
    >>> for _ in range(3):
    ...     _ = double(minidl.ones(3))
    >>> draw_tape(double.tape).title
    'The memory of a tape'
    """
    lanes = lanes_of(tape)
    shown = sorted(lanes, key=lambda lane: -lane.nbytes)[:_MOST_LANES]
    shown.sort(key=lambda lane: lane.stays[0].start)
    notes = [_summary(tape, lanes)]
    if len(shown) < len(lanes):
        notes.append(f"{len(lanes) - len(shown)} smaller pieces of memory are left out")
    return Figure(
        _Drawing(shown, len(tape.instructions), notes, theme_named(theme), title).source(),
        title=title or "The memory of a tape",
        text=f"{'; '.join(notes)}.\n{tape}",
        steps=tuple(_narration(shown)),
        layout="neato",
    )


def lanes_of(tape: Tape) -> list[Lane]:
    """The pieces of memory that a replay's results use."""
    names = names_of(tape)
    made = {slot: (k, i) for k, i in enumerate(tape.instructions) for slot in i.outs}
    last = {slot: k for slot, (k, _) in made.items()}
    for k, instruction in enumerate(tape.instructions):
        for slot in instruction.inputs:
            holder = _holder(slot, tape)
            if holder in last:
                last[holder] = k
    lanes: dict[object, Lane] = {}
    for slot, (k, instruction) in made.items():
        if _holder(slot, tape) is not slot:
            continue
        base = slot.base
        memory = tape.buffers.get(base, base)
        name = f"buffer {tape.buffers[base].name}" if base in tape.buffers else names[base]
        nbytes = tape.buffers[base].nbytes if base in tape.buffers else base.nbytes
        lane = lanes.setdefault(memory, Lane(name, nbytes))
        lane.stays.append(Stay(_made_by(instruction), k, max(last[slot], k)))
    return [lane for lane in lanes.values() if lane.nbytes]


def _holder(slot: Slot, tape: Tape) -> Slot:
    """The result whose numbers a view shows."""
    while slot.shows is not None and slot not in tape.reused:
        slot = slot.shows
    return slot


def _made_by(instruction: Instruction) -> str:
    return f"{instruction.name}{f' · {instruction.scope}' if instruction.scope else ''}"


def _summary(tape: Tape, lanes: list[Lane]) -> str:
    results = sum(len(lane.stays) for lane in lanes)
    total = size(sum(lane.nbytes for lane in lanes))
    return (
        f"{len(tape.instructions)} instructions · {results} results in {len(lanes)} pieces of memory, {total} together"
    )


def _narration(lanes: list[Lane]) -> Iterator[str]:
    """One line a piece of memory."""
    for lane in lanes:
        yield f"{lane.name} ({size(lane.nbytes)}): {', then '.join(stay.name for stay in lane.stays)}"


class _Drawing(Canvas):
    """The figure being written."""

    def __init__(self, lanes: list[Lane], count: int, notes: list[str], theme: Theme, title: str | None) -> None:
        self.lanes, self.notes, self.title = lanes, notes, title
        self.top = MARGIN + (34.0 if title else 0.0)
        height = self.top + ROW * max(len(lanes), 1) + 8 + _NOTE * len(notes) + MARGIN
        super().__init__(SLIDE[0], height, theme)
        self.left = MARGIN + max((flush_width(size(lane.nbytes)) for lane in lanes), default=0) + 8
        self.step = (SLIDE[0] - MARGIN - self.left) / max(count, 1)

    def source(self) -> str:
        """Write everything and return the DOT text."""
        room = SLIDE[0] - 2 * MARGIN
        if self.title:
            shown = fitted(self.title, room, TITLE)
            self.flush(MARGIN, self.height - MARGIN - 12, shown, text(shown), self.theme.ink, TITLE)
        for row, lane in enumerate(self.lanes):
            self._lane(lane, self.height - self.top - ROW * (row + 0.5))
        for k, note in enumerate(self.notes):
            shown = fitted(note, room, TEXT)
            self.flush(
                MARGIN, MARGIN + 4 + _NOTE * (len(self.notes) - 1 - k), shown, text(shown), self.theme.line, TEXT
            )
        return self.dot.source()

    def _lane(self, lane: Lane, y: float) -> None:
        told = size(lane.nbytes)
        self.flush(self.left - 8, y, told, text(told), self.theme.line, TEXT, right=True)
        floor = y - ROW / 2 + 1
        self.line([(self.left, floor), (SLIDE[0] - MARGIN, floor)], Stroke(0.6, self.theme.dim))
        for stay, following in zip(lane.stays, [*lane.stays[1:], None], strict=True):
            end = stay.end + 1 if following is None else min(stay.end + 1, following.start)
            self._stay(stay, self.left + stay.start * self.step, max(end - stay.start, 1) * self.step, y)

    def _stay(self, stay: Stay, left: float, width: float, y: float) -> None:
        fill = self.theme.family_fills[family_of(stay.name.split(" · ")[0].split("·")[0].removesuffix("′"))]
        self.box(
            self.new("stay"), left + width / 2, y, max(width - 1, 0.5), ROW - 4, style="filled", fillcolor=fill,
            color=self.theme.line, penwidth=0.6,
        )  # fmt: skip
        room = width - 6
        if room < _SHORTEST:
            return
        words = stay.name if text_width(stay.name, TEXT) <= room else fitted(stay.name.split(" · ")[0], room, TEXT)
        if len(words) > 1 and text_width(words, TEXT) <= room:
            self.words(left + width / 2, y, text(words), self.theme.ink, TEXT)
