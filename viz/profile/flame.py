"""The flame figure: time from left to right, and below each stretch what it was spent on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from minidl.profiler.table import amount, milliseconds

from ..architecture.names import family_of
from ..drawing.canvas import SLIDE, TEXT, Canvas, fitted
from ..drawing.dot import text
from ..drawing.figure import Figure
from ..drawing.metrics import text_width
from ..drawing.theme import LIGHT, Theme, theme_named
from .tree import Part, tree_of

if TYPE_CHECKING:
    from minidl.profiler import Profile

MARGIN: Final = 14.0
TITLE: Final = 20.0
ROW: Final = 26.0
"""From one level to the next."""
NARROWEST: Final = 3.0
"""What would be narrower is drawn together with its neighbours, without a name."""
_NOTE: Final = 20.0
_SHORTEST: Final = 5
_MOST_LEVELS: Final = 14


def flame(profile: Profile, *, theme: str | Theme = LIGHT, title: str | None = None) -> Figure:
    """Draw where the time of a profile went: phases, the modules in each, their operations, and what those used.

    Each box is as wide as its time; below it stands what it is made of, in the order in which it first ran, so what has
    nothing below it was spent on the thing itself. Narrow boxes have no name; those too narrow to be seen are drawn together.

    Args:
        profile: what `minidl.profile` measured.
        theme: the palette, or its name.
        title: a line above the figure.

    Returns:
        The figure. Its alternative text holds the tables.

    >>> import minidl
    >>> with minidl.profile() as p:
    ...     _ = minidl.ones(3).exp()
    >>> flame(p).title
    'Where the time went'
    """
    palette = theme_named(theme)
    root = tree_of(profile)
    calls = sum(row.calls for row in profile.rows)
    measuring = f"{milliseconds(profile.overhead)} ms of it to measure"
    notes = [
        f"{milliseconds(root.seconds)} ms · {calls} operations, {measuring} · "
        f"at most {amount(profile.peak)} of results alive at once"
    ]
    return Figure(
        _Drawing(root, palette, notes, title).source(),
        title=title or "Where the time went",
        text=f"{notes[0]}.\n{profile}",
        steps=tuple(_narration(root)),
        layout="neato",
    )


def _narration(root: Part) -> Iterator[str]:
    """One line a phase: its share, and what took most of it."""
    for phase in root.parts:
        share = phase.seconds / root.seconds if root.seconds else 0.0
        said = f"{phase.name}: {milliseconds(phase.seconds)} ms, {100 * share:.0f} %"
        longest = max(phase.parts, key=lambda part: part.seconds, default=None)
        yield said + (f"; most of it in {longest.name}" if longest is not None else "")


class _Drawing(Canvas):
    """The figure being written."""

    def __init__(self, root: Part, theme: Theme, notes: list[str], title: str | None) -> None:
        self.root, self.notes, self.title = root, notes, title
        self.levels = min(root.depth, _MOST_LEVELS)
        self.top = MARGIN + (34.0 if title else 0.0)
        super().__init__(SLIDE[0], self.top + ROW * self.levels + 8 + _NOTE * len(notes) + MARGIN, theme)
        self.room = SLIDE[0] - 2 * MARGIN

    def source(self) -> str:
        """Write everything and return the DOT text."""
        if self.title:
            shown = fitted(self.title, self.room, TITLE)
            self.flush(MARGIN, self.height - MARGIN - 12, shown, text(shown), self.theme.ink, TITLE)
        self._part(self.root, MARGIN, self.room, 0)
        for k, note in enumerate(self.notes):
            shown = fitted(note, self.room, TEXT)
            self.flush(MARGIN, MARGIN + 4 + _NOTE * (len(self.notes) - 1 - k), shown, text(shown), self.theme.line)
        return self.dot.source()

    def _part(self, part: Part, left: float, width: float, level: int) -> None:
        """A box, and below it those of its parts, as wide as their times."""
        self._box(part, left, width, level)
        if level + 1 >= self.levels:
            return
        scale = width / part.seconds if part.seconds else 0.0
        start, gathered = left, 0.0
        for inner in part.parts:
            share = inner.seconds * scale
            if share >= NARROWEST:
                self._crumbs(start - gathered, gathered, level + 1)
                gathered = 0.0
                self._part(inner, start, share, level + 1)
            else:
                gathered += share
            start += share
        self._crumbs(start - gathered, gathered, level + 1)

    def _crumbs(self, left: float, width: float, level: int) -> None:
        """What is too narrow to be drawn one by one."""
        if width >= NARROWEST / 2:
            self._box(Part("", "rest"), left, width, level)

    def _box(self, part: Part, left: float, width: float, level: int) -> None:
        """From one whole point to another, less a gap: older Graphviz rounds widths to whole points."""
        theme, y = self.theme, self.height - self.top - ROW * (level + 0.5)
        fill = self._fill(part, level)
        first, last = round(left), round(left + width)
        x, inside = (first + last) / 2, width - 8
        self.box(
            self.new("part"), x, y, max(last - first - 1, 1), ROW - 2, style="filled", fillcolor=fill,
            color=theme.dim if part.kind == "rest" else theme.line, penwidth=0.6,
        )  # fmt: skip
        shown = self._label(part, inside)
        if shown:
            self.words(x, y, text(shown), theme.line if part.kind == "rest" else theme.ink, TEXT)

    def _fill(self, part: Part, level: int) -> str:
        if part.kind == "operation":
            return self.theme.family_fills[family_of(part.name)]
        if part.kind == "module":
            return self.theme.cluster_fills[level % len(self.theme.cluster_fills)]
        return self.theme.paper if part.kind == "rest" else self.theme.fill

    def _label(self, part: Part, width: float) -> str:
        """As much of name, time and share as there is room for; nothing where not even the name's beginning fits."""
        if not part.name:
            return ""
        share = f"{100 * part.seconds / self.root.seconds:.0f} %" if self.root.seconds else ""
        time = f"{milliseconds(part.seconds)} ms"
        for words in (f"{part.name}  {time}  {share}", f"{part.name}  {time}", part.name):
            if text_width(words, TEXT) <= width:
                return words
        shown = fitted(part.name, width, TEXT)
        return shown if len(shown) > _SHORTEST and text_width(shown, TEXT) <= width else ""
