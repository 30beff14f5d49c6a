"""A lesson's code up to a step, tried out with lines of one's own; the lesson itself stays as it is.

Every run starts from the first line, in names of its own: what a run does to a tensor is gone with the next.
"""

from __future__ import annotations

import contextlib
import io
import sys
import time
import traceback
from dataclasses import dataclass, field
from typing import Any

from .checking import Printed
from .lesson import Lesson
from .recording import Page, fresh_randomness, page_of


@dataclass
class Line:
    """A line of the lesson's code: the number of its step, from 1, whether it is of the step's `then`, and its text."""

    step: int
    late: bool
    given: str
    text: str

    @property
    def changed(self) -> bool:
        """Whether it is no longer the lesson's."""
        return self.text != self.given


@dataclass(frozen=True)
class Tried:
    """What came of a run.

    Attributes:
        page: what the step shows with it; None where an error came first.
        error: what went wrong, or "".
        line: the index of the line where, or −1.
        seconds: how long it took.
    """

    page: Page | None
    error: str = ""
    line: int = -1
    seconds: float = 0.0


@dataclass
class Trial:
    """The program of a lesson up to a step.

    Attributes:
        lesson: the lesson.
        index: the step, from 0.
        answered: whether what follows the answer belongs to it.
        lines: the program.
    """

    lesson: Lesson
    index: int
    answered: bool
    lines: list[Line] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = []
        for number, step in enumerate(self.lesson.steps[: self.index + 1], 1):
            parts = [(False, step.code), (True, step.then if number <= self.index or self.answered else "")]
            for late, code in parts:
                self.lines += [Line(number, late, text, text) for text in code.strip("\n").splitlines() if code]

    @property
    def changed(self) -> int:
        """How many lines are no longer the lesson's."""
        return sum(line.changed for line in self.lines)

    def restore(self) -> None:
        """Take the lesson's own lines again."""
        for line in self.lines:
            line.text = line.given

    def run(self) -> Tried:
        """Run the program and draw the step with what it made; Ctrl-C stops it."""
        names: dict[str, Any] = {}
        printed: io.StringIO = Printed()
        started = time.perf_counter()
        kept, sys.stdin = sys.stdin, io.StringIO()  # what asks for input finds none
        try:
            with contextlib.redirect_stdout(printed), fresh_randomness():
                for number in range(1, self.index + 2):
                    for late in (False, True):
                        if number > self.index and not late:
                            printed = Printed()
                            sys.stdout = printed  # only the last step's numbers are shown
                        self._run_part(number, late, names)
                step = self.lesson.steps[self.index]
                text = step.reveal if self.answered and step.question else step.say
                page = page_of(step, printed.getvalue(), names, text, answered=self.answered)
        except KeyboardInterrupt:
            return Tried(None, "Stopped. Nothing is lost: u brings the lesson's own lines back.")
        except BaseException as error:
            return Tried(None, _in_words(error), self._place(error))
        finally:
            sys.stdin = kept
        return Tried(page, seconds=time.perf_counter() - started)

    def _run_part(self, number: int, late: bool, names: dict[str, Any]) -> None:
        code = "\n".join(line.text for line in self.lines if (line.step, line.late) == (number, late))
        if code:
            exec(compile(code, _where(number, late), "exec"), names)

    def _place(self, error: BaseException) -> int:
        """The line of the program that an error came from."""
        marks = [(f.filename, f.lineno or 0) for f in traceback.extract_tb(error.__traceback__)]
        if isinstance(error, SyntaxError):
            marks.append((error.filename or "", error.lineno or 0))
        for filename, row in reversed(marks):
            part = [k for k, line in enumerate(self.lines) if _where(line.step, line.late) == filename]
            if part:
                return part[min(max(row, 1), len(part)) - 1]
        return -1


def _where(number: int, late: bool) -> str:
    return f"<try, step {number}{', then' if late else ''}>"


def _in_words(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"Python cannot read this line: {error.msg}."
    if isinstance(error, SystemExit):
        return "The program ended itself."
    if isinstance(error, NameError):
        return f"{error}. Every name is as the lesson's lines made it."
    return f"{type(error).__name__}: {error}"
