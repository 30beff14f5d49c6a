"""One step on one screen of 80 columns and 24 rows. Pure: a session in, rows of styled text out."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.cells import cell_len
from rich.text import Text

from viz.drawing.theme import TERMINAL

from .answers import LETTERS
from .lesson import Choice, Exercise, Number, Shape
from .picture import Drawing
from .session import Session
from .text import MEASURE, WIDTH, wrap

ROWS = 24
MARGIN = "   "

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


def frame(session: Session, typed: str = "", cursor: bool = True) -> list[Text]:
    """Lay out the present step: at most 24 rows, none wider than 80 columns.

    Args:
        session: where the learner is.
        typed: what stands on the answer line.
        cursor: whether the answer line shows a cursor.
    """
    blocks = _blocks(session, typed, cursor)
    room = ROWS - 3 - sum(len(block) for block in blocks)
    spaced = [False] * len(blocks)
    # Blank rows go above the last blocks first: what follows an answer needs air more than what was there before.
    for k in reversed(range(1, len(blocks))):
        spaced[k], room = room > 0, room - 1
    body = [row for k, block in enumerate(blocks) for row in ([Text()] if spaced[k] else []) + block]
    # The first block, the picture where there is one, always stands on the same row: it grows and never moves.
    body = [Text(), *body][: ROWS - 2]
    padding = [Text()] * (ROWS - 2 - len(body))
    return [_header(session), *body, *padding, _keys(session)]


def height(session: Session) -> int:
    """Rows that the present step needs without the blank rows it can do without; the tests hold it at 24 or fewer."""
    return 3 + sum(len(block) for block in _blocks(session, "", True))


def _blocks(session: Session, typed: str, cursor: bool) -> list[list[Text]]:
    """The parts of a step from top to bottom."""
    narration = [styled(line) for line in session.snapshot.before.text]
    first = [_picture(session), _code(session)]
    then = [_question(session), _message(session), *_outcome(session), _prompt(session, typed, cursor)]
    answered = session.snapshot.step.question is not None and not session.open
    follows = [block for block in then if block]
    # What follows the answer needs its rows and one above each part; what was read before the answer makes room for it.
    if answered and sum(map(len, [*first, narration, *follows])) + len(follows) > ROWS - 3:
        narration = []
    return [block for block in [*first, narration, *follows] if block]


def code_page(session: Session, page: int) -> tuple[list[Text], int]:
    """The lesson's code up to this step, in full, and how many pages it takes; this step's is shown last."""
    rows: list[Text] = []
    for number, snapshot in enumerate(session.snapshots[: session.index + 1], 1):
        here = number - 1 == session.index
        shown = session.page if here else snapshot.after
        parts = [snapshot.before, shown] if shown is not snapshot.before else [shown]
        lines = [line for part in parts if part is not None for line in _program(part.code, part.output)]
        if lines:
            rows += [styled(f"# step {number}", "quiet"), *lines]
    room = ROWS - 4
    pages = [rows[k : k + room] for k in range(0, len(rows), room)] or [[styled("No code has run yet.")]]
    page = min(max(page, 0), len(pages) - 1)
    title = Text()
    title.append(f" The code that has run, up to step {session.index + 1}", STYLES["title"])
    count = f"page {page + 1} of {len(pages)} "
    title.append(" " * (WIDTH - title.cell_len - len(count)) + count, STYLES["quiet"])
    body = pages[page] + [Text()] * (room - len(pages[page]))
    return [title, Text(), *body, Text(), _key_line("→ next page   ← back   any other key returns to the lesson")], len(
        pages
    )


def jump_page(session: Session, typed: str) -> list[Text]:
    """The lesson's steps to choose from."""
    rows = [Text(f" {session.lesson.number} · {session.lesson.title}: go to which step?", STYLES["title"]), Text()]
    for number, snapshot in enumerate(session.snapshots, 1):
        mark = "▸" if number - 1 == session.index else " "
        dot = "●" if number - 1 <= session.place.furthest else "○"
        rows.append(styled(f"{mark} {dot} {number:>2}  {snapshot.step.name.replace('-', ' ')}"))
    rows += [Text()] * (ROWS - 3 - len(rows))
    rows.append(Text(f" › {typed}_", STYLES["prompt"]))
    rows.append(Text())
    rows.append(_key_line("number and Enter: go there   Enter alone: stay here"))
    return rows[-ROWS:]


def too_small(width: int, height: int) -> list[Text]:
    """What is shown while the window is smaller than a step needs."""
    words = f"This window is {width}×{height}. The lesson needs {WIDTH}×{ROWS}: make it larger to go on, or press q."
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


def _program(code: Iterable[str], output: Iterable[str]) -> list[Text]:
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
    return _program(before.code, before.output)


def _picture(session: Session) -> list[Text]:
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


def _question(session: Session) -> list[Text]:
    """The question, bright while it is open; afterwards with what became of the answer."""
    snapshot = session.snapshot
    if snapshot.step.question is None:
        return []
    if session.open:
        return [*(styled(line, "strong") for line in snapshot.ask), *_options(snapshot.options)]
    return [*(styled(line, "quiet") for line in snapshot.ask), *(styled(line) for line in wrap(session.message))]


def _outcome(session: Session) -> list[list[Text]]:
    """What an answer ran, and the words that follow."""
    if session.snapshot.step.question is None or session.open:
        return []
    page = session.page
    return [_program(page.code, page.output), [styled(line) for line in page.text]]


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
    if isinstance(question, Number | Exercise) and count > 1:
        return f"{count} numbers, with spaces between"
    return "a number"


def _keys(session: Session) -> Text:
    step = session.snapshot.step
    figure = "   f figure" if step.figure and not session.open else ""
    if session.open:
        return _key_line("Enter answer   ← back   ? hint   r code   g go to   q quit (your place is kept)")
    forward = "→ finish" if session.last else "→ next"
    return _key_line(f"{forward}   ← back   r code{figure}   g go to   q quit (your place is kept)")


def _key_line(text: str) -> Text:
    return Text(f" {text}", STYLES["quiet"])
