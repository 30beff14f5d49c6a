"""One step on one screen, of 80 columns and 24 rows or more. Pure: a session in, rows of styled text out."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.cells import cell_len
from rich.text import Text

from minidl.errors import MinidlError
from viz.drawing.theme import TERMINAL

from .answers import LETTERS
from .art import LEAST_ROWS, Art, text_rows
from .lesson import Choice, Exercise, Number, Pick, Program, Shape
from .picture import Drawing
from .room import Room
from .session import Session
from .text import MEASURE, WIDTH, wrap

MARGIN = "   "
GAP = 2
"""Columns between two pictures side by side."""

STYLES = {
    **TERMINAL,
    "asked": TERMINAL["accent"],
    "wire": TERMINAL["line"],
    "operator": "bold",
    "name": "bold",
    "code": "cyan",
    "output": "",
    "strong": "bold",
    "title": "bold",
    "quiet": "dim",
    "prompt": TERMINAL["accent"],
}
"""How the parts of a line look. Position and words carry the meaning; colour only repeats it."""


def styled(text: str, role: str = "ink") -> Text:
    """One line in one role; `*word*` is set bold."""
    line = Text(MARGIN)
    for k, piece in enumerate(re.split(r"\*(\w[^*]*)\*", text)):
        line.append(piece, STYLES[role] if k % 2 == 0 else STYLES["strong"])
    return line


def frame(session: Session, typed: str = "", cursor: bool = True, room: Room | None = None) -> list[Text]:
    """Lay out the present step: as many rows as the room has, none wider than it is.

    Args:
        session: where the learner is.
        typed: what stands on the answer line.
        cursor: whether the answer line shows a cursor.
        room: the screen; one of 80×24 where None.
    """
    room = room or Room()
    blocks = _blocks(session, typed, cursor, room)
    spare = room.height - 3 - sum(len(block) for block in blocks)
    spaced = [False] * len(blocks)
    # Blank rows go above the last blocks first: what follows an answer needs air more than what was there before.
    for k in reversed(range(1, len(blocks))):
        spaced[k], spare = spare > 0, spare - 1
    body = [row for k, block in enumerate(blocks) for row in ([Text()] if spaced[k] else []) + block]
    # The first block, the picture where there is one, always stands on the same row: it grows and never moves.
    return page(_header(session), body, _keys(session), room)


def page(header: Text, body: list[Text], keys: Text, room: Room) -> list[Text]:
    """A whole screen: what it is, what it shows, and what one can press."""
    body = [Text(), *body][: room.height - 2]
    for row in body:
        row.truncate(room.width)  # a row that went on in the next one would push the first off the screen
    return [header, *body, *[Text()] * (room.height - 2 - len(body)), keys]


def height(session: Session) -> int:
    """Rows that the present step needs without the blank rows it can do without; the tests hold it at 24 or fewer."""
    return 3 + sum(len(block) for block in _blocks(session, "", True, Room()))


def _blocks(session: Session, typed: str, cursor: bool, room: Room) -> list[list[Text]]:
    """The parts of a step from top to bottom."""
    narration = [styled(line) for line in session.snapshot.before.text]
    first = [_circuit(session), _code(session)]
    then = [_question(session, room), _message(session), *_outcome(session), _prompt(session, typed, cursor)]
    answered = session.snapshot.step.question is not None and not session.open
    follows = [block for block in then if block]
    art = session.page.art
    wanted = art.rows + room.spare if art else 0
    # What follows the answer needs its rows and one above each part; what was read before the answer makes room for it.
    if answered and sum(map(len, [*first, narration, *follows])) + wanted + len(follows) > room.height - 3:
        narration = []
    rest = [block for block in [*first, narration, *follows] if block]
    if answered and session.snapshot.sketches and art is None:
        sketches = sketch_rows(session.snapshot.sketches, room, session.snapshot.sketches[0].rows)
        fits = sum(map(len, rest)) + len(sketches) + len(rest) <= room.height - 3
        return [sketches, *rest] if fits else rest
    if art is None:
        return rest
    free = room.height - 3 - sum(map(len, rest)) - len(rest)
    return [art_rows(art, room, min(wanted, max(free, LEAST_ROWS))), *rest]


def art_rows(art: Art, room: Room, rows: int) -> list[Text]:
    """A picture in so many rows; its sentence where it cannot be drawn."""
    try:
        drawn = text_rows(art, room.width - 2 * len(MARGIN), rows, room.colour)
    except (MinidlError, ImportError) as error:
        return [styled(line, "quiet") for line in wrap(f"{art.say} (It cannot be drawn here: {error})")]
    return [Text(MARGIN).append_text(row) for row in drawn]


def sketch_rows(sketches: tuple[Art, ...], room: Room, rows: int) -> list[Text]:
    """Small pictures side by side, each under its letter."""
    across = (room.width - 2 * len(MARGIN) + GAP) // len(sketches) - GAP
    heads, columns = Text(MARGIN), []
    for k, art in enumerate(sketches):
        try:
            drawn = text_rows(art, across, rows, room.colour)
        except (MinidlError, ImportError):
            drawn = []
        label = f"[{LETTERS[k]}] {art.say}"
        shown = label if cell_len(label) <= across or not drawn else f"[{LETTERS[k]}]"
        heads.append(shown[:across].ljust(across + GAP), STYLES["strong"])
        columns.append(drawn)
    lines = []
    for r in range(max(map(len, columns))):
        line = Text(MARGIN)
        for drawn in columns:
            cell = drawn[r].copy() if r < len(drawn) else Text()
            cell.append(" " * (across + GAP - cell.cell_len))
            line.append_text(cell)
        lines.append(line)
    return [heads, *lines]


def too_small(width: int, height: int) -> list[Text]:
    """What is shown while the window is smaller than a step needs."""
    least = f"{Room().width}×{Room().height}"
    words = f"This window is {width}×{height}. The lesson needs {least}: make it larger to go on, or press q."
    return [Text(line) for line in wrap(words, max(width - 1, 8))[:height]]


def _header(session: Session) -> Text:
    left = f" {session.lesson.number} · {session.lesson.title}"
    total = len(session.snapshots)
    dots = "●" * (session.index + 1) + "○" * (total - session.index - 1)
    right = f"step {session.index + 1} of {total}   {dots} "
    line = Text()
    line.append(left, STYLES["title"])
    line.append(" " * (WIDTH - cell_len(left) - cell_len(right)))
    line.append(right, STYLES["quiet"])
    return line


def program_rows(code: Iterable[str], output: Iterable[str]) -> list[Text]:
    """Code, and below it what it printed."""
    rows = [styled_code(line) for line in code]
    rows += [Text(f"{MARGIN}  {line}", STYLES["output"]) for line in output]
    return rows


def styled_code(line: str) -> Text:
    """One line of code, with the bar that marks code without colour."""
    text = Text()
    text.append(f"{MARGIN}│ ", STYLES["quiet"])
    text.append(line, STYLES["code"])
    return text


def _code(session: Session) -> list[Text]:
    before = session.snapshot.before
    return program_rows(before.code, before.output)


def _circuit(session: Session) -> list[Text]:
    drawing = session.page.drawing
    return picture_rows(drawing) if drawing else []


def picture_rows(drawing: Drawing) -> list[Text]:
    """A drawing's lines, coloured."""
    rows = []
    for line in drawing.lines:
        text = Text()
        for span in line:
            text.append(span.text, STYLES[span.role])
        rows.append(text)
    return rows


def _question(session: Session, room: Room) -> list[Text]:
    """The question, bright while it is open; afterwards with what became of the answer."""
    snapshot = session.snapshot
    if snapshot.step.question is None:
        return []
    asked = [styled(line, "strong") for line in snapshot.ask]
    if session.open and isinstance(snapshot.step.question, Pick):
        return [*asked, *sketch_rows(snapshot.sketches, room, snapshot.step.question.rows)]
    if session.open and session.file:
        return [*asked, *(styled(line) for line in wrap(f"Your file: {session.file}"))]
    if session.open:
        return [*asked, *_options(snapshot.options)]
    return [*(styled(line, "quiet") for line in snapshot.ask), *(styled(line) for line in wrap(session.message))]


def _outcome(session: Session) -> list[list[Text]]:
    """What an answer ran, and the words that follow."""
    if session.snapshot.step.question is None or session.open:
        return []
    page = session.page
    return [program_rows(page.code, page.output), [styled(line) for line in page.text]]


def _options(options: tuple[str, ...]) -> list[Text]:
    """The options on one line where they fit, else one a line."""
    if not options:
        return []
    cells = [f"[{LETTERS[k]}] {text}" for k, text in enumerate(options)]
    joined = "   ".join(cells)
    return [styled(line, "strong") for line in ([joined] if len(joined) <= MEASURE else cells)]


def _message(session: Session) -> list[Text]:
    if not session.message or not (session.open or session.snapshot.step.question is None):
        return []
    return [styled(line) for line in wrap(session.message)]


def _prompt(session: Session, typed: str, cursor: bool) -> list[Text]:
    if not session.open:
        return []
    line = Text()
    line.append(" › ", STYLES["prompt"])
    line.append(typed[-60:] + ("_" if cursor else ""))
    if not typed:
        line.append(f"   {_expected(session)}", STYLES["quiet"])
    return [line]


def _expected(session: Session) -> str:
    """What kind of answer the prompt takes."""
    question = session.snapshot.step.question
    count = len(session.snapshot.correct.split())
    if isinstance(question, Choice):
        return "one letter, then Enter"
    if isinstance(question, Shape):
        return "sizes, such as 4 5"
    if isinstance(question, Program):
        return "Enter runs and checks the file, e opens it in your editor"
    if isinstance(question, Number | Exercise) and count > 1:
        return f"{count} numbers, with spaces between"
    return "a number"


def _keys(session: Session) -> Text:
    figure = "f figure  " if session.figure is not None else ""
    more = f"← back  {figure}r run  e edit  g go to  / find  q quit"
    if session.open:
        return key_line(f"Enter {'check' if session.file else 'answer'}  ? hint  {more}")
    return key_line(f"→ {'finish' if session.last else 'next'}  {more} (place kept)")


def key_line(text: str) -> Text:
    """The last row of a screen: what one can press."""
    return Text(f" {text}", STYLES["quiet"])
