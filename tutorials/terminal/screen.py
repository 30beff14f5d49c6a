"""One step on one screen, of 80 columns and 24 rows or more. Pure: a session in, rows of styled text out."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len
from rich.text import Text

from viz.drawing.theme import TERMINAL

from ..drawing.art import LEAST_ROWS, Art, text_rows
from ..drawing.picture import Drawing
from ..learning.answers import LETTERS
from ..learning.session import Session
from ..lesson import Choice, Exercise, Number, Pick, Program, Shape
from ..text import EMPHASIS, WIDTH, wrap
from . import allotment
from .room import Room

MARGIN = "   "
LEAST_AIR = 2
"""Blank rows without which what follows an answer is hard to read."""
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
    for k, piece in enumerate(EMPHASIS.split(text)):
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
    """The parts of a step from top to bottom; the picture is the first and has the same rows in every state."""
    before = session.snapshot.before
    program, printed = program_rows(before.code, before.output), program_rows((), before.output)
    narration = [styled(line) for line in before.text]
    question, circuit = _question(session, room), _circuit(session)
    top_rows = allotment.picture_rows(session.snapshot, room)
    if session.snapshot.step.question is None or session.open:
        rest = [circuit, program, narration, question, _message(session), _prompt(session, typed, cursor)]
        return _filled([_top(session, room, top_rows), *rest])
    ran, words = _outcome(session)
    late = session.page.art if not top_rows else None  # a picture that only the answer brings follows it
    late_rows = late.rows + room.spare if late else 0
    follows = _filled([question, ran, words])
    needed = top_rows + late_rows + sum(map(len, [circuit, *follows]))
    # What was read before the answer makes room for what follows it: the sentences first; then some of the blank rows
    # above the parts; then the code, but not what it printed; then all blank rows.
    airy, tight = len(follows), min(len(follows), LEAST_AIR)
    for old, air in (([program, narration], airy), ([program], airy), ([program], tight), ([printed], 0)):
        over = needed + sum(map(len, old)) + air - (room.height - 3)
        if over <= 0:
            break
    lost = max(over, 0)
    top = _top(session, room, max(top_rows - lost, LEAST_ROWS)) if top_rows else []
    picture = art_rows(late, room, max(late_rows - lost, LEAST_ROWS)) if late else []
    return _filled([top, circuit, *old, question, ran, picture, words])


def _filled(parts: list[list[Text]]) -> list[list[Text]]:
    """The parts that have rows."""
    return [part for part in parts if part]


def _top(session: Session, room: Room, rows: int) -> list[Text]:
    """The picture, or, until there is one, the sketches to choose from."""
    if not rows:
        return []
    sketches, art = session.snapshot.sketches, session.page.art
    if art is None:
        return sketch_rows(sketches, room, rows - 1)
    drawn = art_rows(art, room, rows)
    takes_their_place = sketches and session.snapshot.before.art is None
    return [*drawn, *[Text()] * (rows - len(drawn))] if takes_their_place else drawn


def art_rows(art: Art, room: Room, rows: int) -> list[Text]:
    """A picture in so many rows; its sentence where it cannot be drawn."""
    try:
        drawn = text_rows(art, room.width - 2 * len(MARGIN), rows, room.colour)
    except Exception as error:  # whatever a learner's line has made of it
        return [styled(line, "quiet") for line in wrap(f"{art.say} (It cannot be drawn here: {error})")]
    return [Text(MARGIN).append_text(row) for row in drawn]


def sketch_rows(sketches: tuple[Art, ...], room: Room, rows: int) -> list[Text]:
    """Small pictures side by side, each under its letter."""
    across = (room.width - 2 * len(MARGIN) + GAP) // len(sketches) - GAP
    heads, columns = Text(MARGIN), []
    for k, art in enumerate(sketches):
        try:
            drawn = text_rows(art, across, rows, room.colour)
        except Exception:
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


def too_small(width: int, height: int, leave: str = "q") -> list[Text]:
    """What is shown while the window is smaller than a step needs."""
    least = f"{Room().width}×{Room().height}"
    words = f"This window is {width}×{height}. The lesson needs {least}: make it larger to go on, or press {leave}."
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
        below = snapshot.before.art is not None  # else they stand at the top, where the answer's picture will be
        return [*asked, *(sketch_rows(snapshot.sketches, room, snapshot.step.question.rows) if below else [])]
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
    return [styled(line, "strong") for line in ([joined] if allotment.fits_a_line(options) else cells)]


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
