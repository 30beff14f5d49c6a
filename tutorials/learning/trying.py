"""A lesson's code up to a step, tried out with lines of one's own; the lesson itself stays as it is.

Every run starts from the first line, in names of its own: what a run does to a tensor is gone with the next.
"""

from __future__ import annotations

import _thread
import contextlib
import io
import sys
import threading
import time
import traceback
import warnings
from dataclasses import dataclass, field
from typing import Any

from viz.drawing.theme import LIGHT, Theme, drawn_in

from ..lesson import Lesson
from .checking import Printed
from .recording import Page, fresh_randomness, page_of

SECONDS = 60.0
"""How long a try may take: the longest lesson needs a few."""


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
        theme: the colours of its figures.
        lines: the program.
    """

    lesson: Lesson
    index: int
    answered: bool
    theme: Theme = LIGHT
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

    def run(self, seconds: float = SECONDS) -> Tried:
        """Run the program and draw the step with what it made; Ctrl-C stops it, and the end of its time does."""
        limit = _Limit(seconds)
        try:
            return self._run(limit)
        except KeyboardInterrupt:  # just before the first line or just after the last
            return limit.told()

    def _run(self, limit: _Limit) -> Tried:
        names: dict[str, Any] = {}
        printed: io.StringIO = Printed()
        started = time.perf_counter()
        kept, sys.stdin = sys.stdin, io.StringIO()  # what asks for input finds none
        try:
            with (
                contextlib.redirect_stdout(printed),
                fresh_randomness(),
                drawn_in(self.theme),
                warnings.catch_warnings(),
                limit,
            ):
                warnings.showwarning = lambda message, *_: print(f"(Python warns: {message})")
                for number in range(1, self.index + 2):
                    for late in (False, True):
                        if number > self.index and not late:
                            printed = Printed()
                            sys.stdout = printed  # only the last step's numbers are shown
                        self._run_part(number, late, names)
                step = self.lesson.steps[self.index]
                text = step.reveal if self.answered and step.question else step.say
                page = page_of(step, printed.getvalue(), names, text, answered=self.answered)
        except KeyboardInterrupt as error:
            return limit.told(self._place(error))
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


class _Limit:
    """Ends what runs within it after some seconds, as Ctrl-C would."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.over = False
        self._lock = threading.Lock()
        self._running = False

    def __enter__(self) -> None:
        self._running = True
        self._timer = threading.Timer(self.seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def __exit__(self, *error: object) -> None:
        with self._lock:  # from here on nobody is interrupted
            self._running = False
        self._timer.cancel()

    def _end(self) -> None:
        with self._lock:
            if self._running:
                self.over = True
                _thread.interrupt_main()

    def told(self, line: int = -1) -> Tried:
        """What becomes of a run that was ended."""
        why = f"Stopped after {self.seconds:g} seconds: is there a loop without an end?" if self.over else "Stopped."
        return Tried(None, f"{why} Nothing is lost.", line)


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
