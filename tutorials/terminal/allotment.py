"""How many rows a step's picture gets: the same before the answer and after it, whatever is said in between.

While the question is open, all that one needs for an answer stays: code, sentences, question, and the longest words that
a hint or a wrong answer can lead to. After the answer, what was read before makes room for what follows.
"""

from __future__ import annotations

from ..drawing.art import LEAST_ROWS
from ..learning.recording import Snapshot
from ..lesson import Choice, Exercise, Number, Pick, Program, Question, Shape
from ..text import MEASURE, wrap
from .room import Room

OFFER = 1
"""The row that offers a stronger hint, or to show the answer."""
REPORT = 4
"""Rows of what came of a file: its line, what is wrong, how many checks passed, and what shows the answer."""
SAID = "You said −123.456. "


def picture_rows(snapshot: Snapshot, room: Room) -> int:
    """Return the rows of the picture, or of the row of sketches with its letters, at the top of a step; 0 if none."""
    wanted = _wanted(snapshot, room)
    if not wanted:
        return 0
    before, question = snapshot.before, snapshot.step.question
    parts = [len(before.code) + len(before.output), len(before.text)]
    words = 0
    if question is not None:
        below = question.rows + 1 if isinstance(question, Pick) and before.art else 0
        options = option_rows(snapshot.options) if not isinstance(question, Pick) else 0
        parts += [len(snapshot.ask) + options + below + _path_rows(question), 1]
        words = _longest_words(snapshot, question)
    free = room.height - 3 - sum(parts)
    return max(LEAST_ROWS, min(wanted, free - sum(map(bool, parts)), free - words - 1))


def _wanted(snapshot: Snapshot, room: Room) -> int:
    art = snapshot.before.art
    if art is not None:
        return art.rows + room.spare
    if snapshot.sketches:
        late = snapshot.after.art
        return max(snapshot.sketches[0].rows, late.rows if late else 0) + 1 + room.spare // 2
    return 0


def option_rows(options: tuple[str, ...]) -> int:
    """Rows that options take: one where they fit in a line, else one each."""
    return min(len(options), 1) if fits_a_line(options) else len(options)


def fits_a_line(options: tuple[str, ...]) -> bool:
    """Whether options fit in one line, each with its letter."""
    return len("   ".join(f"[a] {text}" for text in options)) <= MEASURE


def _path_rows(question: Question) -> int:
    return 2 if isinstance(question, Program) else 0


def _longest_words(snapshot: Snapshot, question: Question) -> int:
    """The rows of the longest that is said while the question is open."""
    weak, strong = (len(wrap(f"Hint: {hint}")) for hint in snapshot.hints)
    rows = [weak + OFFER, strong]
    if isinstance(question, Number | Shape | Exercise):
        said = [*(mistake.say for mistake in question.mistakes), question.unforeseen]
        rows += [len(wrap(SAID + words)) + OFFER for words in said]
    elif isinstance(question, Program):
        rows.append(REPORT)
    else:
        assert isinstance(question, Choice)
    return max(rows)
