"""The view that runs the step's code, lets one change a line of it, and shows what becomes of the figure and the numbers."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text

from ..drawing.art import LEAST_ROWS
from ..learning.session import Session
from ..learning.trying import Trial, Tried
from ..text import MEASURE, wrap
from .room import Room
from .screen import MARGIN, STYLES, art_rows, key_line, page, picture_rows, styled
from .views import title_row

LEAST_CODE = 5
"""Rows of code that are always shown."""
LONGEST_LINE = 200


class RunView:
    """The lesson's code up to the present step, run; a line of it can be changed.

    Attributes:
        trial: the program and its changes.
        selected: the index of the marked line.
        edited: what stands on the editing line, or None while none is edited.
        at: the place of the cursor in it.
        tried: what came of the last run.
        good: what came of the last run without an error; its figure stays.
    """

    def __init__(
        self, session: Session, tell: Callable[[str], None] = lambda words: None, editing: bool = False
    ) -> None:
        self.session = session
        self.tell = tell
        self.trial = Trial(session.lesson, session.index, not session.open, session.snapshots.theme)
        last = self.trial.lines[-1].step if self.trial.lines else 0
        here = [k for k, line in enumerate(self.trial.lines) if line.step == last]
        self.selected = next((k for k in here if "import " not in self.trial.lines[k].text), 0)
        self.edited: str | None = None
        self.at = 0
        self.tried = self.good = self._run()
        if editing:
            self._edit()

    def _run(self) -> Tried:
        self.tell("Running the code. Ctrl-C stops it.")
        tried = self.trial.run()
        if tried.page is not None:
            self.good = tried
        return tried

    # Keys -----------------------------------------------------------------------------------------------------------

    def press(self, key: str) -> bool:
        """Mark, edit, run or leave."""
        if self.edited is not None:
            self._press_editing(key)
        elif key in ("up", "down") and self.trial.lines:
            step = 1 if key == "down" else -1
            self.selected = min(max(self.selected + step, 0), len(self.trial.lines) - 1)
        elif key in ("e", "enter"):
            self._edit()
        elif key == "r":
            self.tried = self._run()
        elif key == "u":
            self.trial.restore()
            self.tried = self._run()
        else:
            return False
        return True

    def _edit(self) -> None:
        if self.trial.lines:
            self.edited = self.trial.lines[self.selected].text
            self.at = len(self.edited)

    def _press_editing(self, key: str) -> None:
        assert self.edited is not None
        before, after = self.edited[: self.at], self.edited[self.at :]
        if key == "escape":
            self.edited = None
        elif key == "enter":
            self.trial.lines[self.selected].text = self.edited
            self.edited = None
            self.tried = self._run()
        elif key == "backspace" and before:
            self.edited, self.at = before[:-1] + after, self.at - 1
        elif key in ("left", "right"):
            self.at = min(max(self.at + (1 if key == "right" else -1), 0), len(self.edited))
        elif key in ("up", "down"):
            self.at = 0 if key == "up" else len(self.edited)
        elif len(key) == 1 and key.isprintable() and len(self.edited) < LONGEST_LINE:
            self.edited, self.at = before + key + after, self.at + 1

    # Rows -----------------------------------------------------------------------------------------------------------

    def rows(self, room: Room) -> list[Text]:
        """Lay it out: the figure, the code about the marked line, what it printed or where it failed, the words."""
        count = self.trial.changed
        state = f"{count} line{'s' * (count > 1)} changed, for this try only" if count else "as the lesson has it"
        head = title_row(f"Step {self.session.index + 1}, run just now", state, room)
        result = self._result()
        picture = self._picture(room, room.height - 5 - LEAST_CODE - len(result))
        free = room.height - 5 - len(picture) - len(result)
        code = self._code(max(min(free, len(self.trial.lines)), min(LEAST_CODE, len(self.trial.lines))))
        body = [*picture, *([Text()] if picture else []), *code, Text(), *result]
        return page(head, body[: room.height - 3], self._keys(), room)

    def _picture(self, room: Room, most: int) -> list[Text]:
        shown = self.good.page
        if shown is None:
            return []
        if shown.drawing:
            return picture_rows(shown.drawing)[: max(most, 0)]
        if shown.art and most >= LEAST_ROWS:
            return art_rows(shown.art, room, min(most, shown.art.rows + room.spare))
        return []

    def _code(self, count: int) -> list[Text]:
        lines = self.trial.lines
        if not lines:
            return [styled("No code has run yet.", "quiet")]
        first = min(max(0, self.selected - count // 2), max(0, len(lines) - count))
        rows = []
        for k, line in enumerate(lines[first : first + count], first):
            row = Text(" ▸ " if k == self.selected else MARGIN, STYLES["strong"])
            mark = "✗" if k == self.tried.line else "~" if line.changed else "│"
            row.append(f"{mark} ", STYLES["accent"] if mark != "│" else STYLES["quiet"])
            if k == self.selected and self.edited is not None:
                row.append_text(self._editing())
            else:
                row.append(line.text[:MEASURE], STYLES["code"])
            rows.append(row)
        return rows

    def _editing(self) -> Text:
        """The line being edited, its cursor reversed, scrolled so that the cursor is seen."""
        assert self.edited is not None
        start = max(0, self.at - MEASURE + 4)
        shown = self.edited + " "
        row = Text(shown[start : self.at])
        row.append(shown[self.at], "reverse")
        return row.append(shown[self.at + 1 : start + MEASURE])

    def _result(self) -> list[Text]:
        """What the run printed and says, or what went wrong, in few rows."""
        if self.tried.error:
            return [*(styled(line) for line in wrap(self.tried.error)[:3]), styled("u brings the lesson's lines back.")]
        shown = self.tried.page
        assert shown is not None
        printed = [Text(f"{MARGIN}  {line}"[:MEASURE]) for line in shown.output[-4:]]
        say = [styled(line) for line in shown.text if line][: 7 - len(printed)]
        return [*printed, *say, styled(f"Run in {self.tried.seconds:.2f} s.", "quiet")]

    def _keys(self) -> Text:
        if self.edited is not None:
            return key_line("Enter run it   ← → move   Backspace   Esc leave the line as it was")
        undo = "u undo   " if self.trial.changed else ""
        return key_line(f"↑ ↓ mark a line   e change it   r run   {undo}p all code   Esc back")
