"""Screens of a lesson as SVG, for slides: every character in its place, half-blocks as two rectangles, no font needed."""

from __future__ import annotations

import html
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from minidl.files import write_atomic
from viz.drawing.theme import LIGHT, Theme

from ..drawing.art import HALF
from ..learning.progress import Answer, Place
from ..learning.recording import record
from ..learning.session import Session
from ..lesson import Lesson
from ..terminal import screen
from ..terminal.room import Room
from ..text import unmarked

CELL = 9.0
LINE = 20.0
EDGE = 12.0
SIZE = 15
DROP = 15.0
"""From the top of a row to the foot of its letters."""
FACES = "'DejaVu Sans Mono', 'Cascadia Mono', Menlo, Consolas, monospace"


def colours(theme: Theme) -> dict[str, str]:
    """The terminal's colours, in those of the figures."""
    return {
        "green": theme.value,
        "red": theme.gradient,
        "blue": theme.local,
        "cyan": theme.local,
        "yellow": theme.accent,
    }


def save(lesson: Lesson, folder: Path, theme: Theme = LIGHT, place: Place | None = None) -> list[Path]:
    """Write a picture of every screen of a lesson, before and after the answer, and return their paths.

    Args:
        lesson: the lesson.
        folder: where to write.
        theme: the colours.
        place: a learner's place; the screens are then those that their answers led to. Else all answers are right.

    Raises:
        OSError: the folder cannot be written.
    """
    return [
        write_atomic(folder / f"{name}.svg", shot(screen.frame(session, cursor=False), alternative(session), theme))
        for name, session in screens(lesson, theme, place)
    ]


def screens(lesson: Lesson, theme: Theme = LIGHT, place: Place | None = None) -> Iterator[tuple[str, Session]]:
    """Play a lesson, with the right answers or with a learner's, stopping at every screen; each has a name of its own."""
    session = Session(lesson, record(lesson, theme), Place())
    for index, step in enumerate(lesson.steps):
        session.go(index)
        name = f"{index + 1:02}-{step.name}"
        yield name, session
        if place is not None:
            yield from _answered(name, session, place.answers.get(step.name, Answer()))
        elif session.open:
            session.submit(session.snapshot.correct)
            yield f"{name}-answered", session


def _answered(name: str, session: Session, answer: Answer) -> Iterator[tuple[str, Session]]:
    """The screens of a step that a learner's answers led to: each that was not right, and the end."""
    wrong = answer.given[: len(answer.given) - answer.right]
    for number, text in enumerate(wrong if session.file is None and session.open else [], 1):
        if session.submit(text) and session.open:
            yield f"{name}-answer-{number}", session
    if answer.settled:
        session.place.answers[session.snapshot.step.name] = answer
        session.go(session.index)
        yield f"{name}-answered", session


def alternative(session: Session) -> str:
    """What a screen shows, in words."""
    title = f"{session.lesson.title}, step {session.index + 1}."
    return unmarked(" ".join([title, *session.page.text, *session.page.spoken]))


def shot(rows: list[Text], text: str, theme: Theme = LIGHT, room: Room | None = None) -> str:
    """Return rows of a terminal as SVG.

    Args:
        rows: the rows, as they go to a terminal.
        text: what they show, for those who do not see it.
        theme: the colours of paper and ink, and what the terminal's own stand for.
        room: the terminal's size; 80×24 where None.
    """
    room = room or Room()
    width, height = room.width * CELL + 2 * EDGE, room.height * LINE + 2 * EDGE
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img">',
        f"<title>{html.escape(text)}</title>",
        f'<rect width="100%" height="100%" rx="8" fill="{theme.paper}" stroke="{theme.dim}"/>',
        f'<g font-family="{FACES}" font-size="{SIZE}" fill="{theme.ink}" shape-rendering="crispEdges">',
    ]
    for number, row in enumerate(rows):
        out.extend(_row(row, EDGE + number * LINE, theme))
    return "\n".join([*out, "</g>", "</svg>", ""])


def _row(row: Text, top: float, theme: Theme) -> Iterator[str]:
    """One row, run by run of one style."""
    column = 0
    for style, run in groupby(_cells(row), key=lambda cell: cell[1]):
        letters = "".join(cell[0] for cell in run)
        x, wide = EDGE + column * CELL, cell_len(letters) * CELL
        column += cell_len(letters)
        fore, back = _colour(style, theme), _background(style)
        if letters.strip(HALF) == "" and back:
            yield f'<rect x="{x:g}" y="{top:g}" width="{wide:g}" height="{LINE / 2:g}" fill="{fore}"/>'
            yield f'<rect x="{x:g}" y="{top + LINE / 2:g}" width="{wide:g}" height="{LINE / 2:g}" fill="{back}"/>'
            continue
        if back:
            yield f'<rect x="{x:g}" y="{top:g}" width="{wide:g}" height="{LINE:g}" fill="{back}"/>'
        if letters.strip():
            weight = ' font-weight="bold"' if style.bold else ""
            fill = "" if fore == theme.ink else f' fill="{fore}"'
            yield (
                f'<text x="{x:g}" y="{top + DROP:g}" textLength="{wide:g}" xml:space="preserve"{weight}{fill}>'
                f"{html.escape(letters, quote=False)}</text>"
            )


def _cells(row: Text) -> Iterator[tuple[str, Style]]:
    """Every character with its style."""
    styles = [Style.null()] * len(row.plain)
    base = _style(row.style)
    for span in row.spans:
        for k in range(span.start, min(span.end, len(styles))):
            styles[k] += _style(span.style)
    for character, style in zip(row.plain, styles, strict=True):
        yield character, base + style


def _style(style: str | Style) -> Style:
    return Style.parse(style) if isinstance(style, str) else style


def _colour(style: Style, theme: Theme) -> str:
    if style.color is not None and style.color.triplet is not None:
        return style.color.triplet.hex
    named = colours(theme).get(style.color.name, "") if style.color is not None else ""
    return named or (theme.line if style.dim else theme.ink)


def _background(style: Style) -> str:
    known = style.bgcolor is not None and style.bgcolor.triplet is not None
    return style.bgcolor.triplet.hex if known else ""  # type: ignore[union-attr]
