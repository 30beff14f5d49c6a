"""Taking a lesson on the full screen: keys in, one screen a step out."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from . import figures, screen
from .answers import LETTERS
from .keys import END, RESIZED, Keys
from .lesson import Choice
from .session import Session
from .text import WIDTH

Save = Callable[[], None]


class Runner:
    """A lesson on the full screen.

    Attributes:
        session: the learner's place in the lesson.
        typed: what stands on the answer line.
    """

    def __init__(self, session: Session, console: Console, keys: Keys, save: Save) -> None:
        self.session = session
        self.console = console
        self.keys = keys
        self.save = save
        self.typed = ""
        self._done = False
        self._view = self._step_view
        self._page = 0

    def run(self) -> None:
        """Show the lesson until it is left; the place is saved after every key.

        Raises:
            KeyboardInterrupt: Ctrl-C; the place is saved and the terminal restored first.
        """
        alternate = self.console.set_alt_screen(True)
        try:
            with self.keys:
                while not self._done:
                    self.draw()
                    self.press(self.keys.read())
                    self.save()
        finally:
            self.save()
            self.console.show_cursor(True)
            if alternate:
                self.console.set_alt_screen(False)

    def draw(self) -> None:
        """Draw the present view from the top left corner, in one write; in a window grown too small, ask for room."""
        size = self.console.size
        show(self.console, self._view() if self._fits() else screen.too_small(size.width, size.height))

    def _fits(self) -> bool:
        return self.console.size.width >= WIDTH and self.console.size.height >= screen.ROWS

    def press(self, key: str) -> None:
        """Do what a key asks for."""
        if key == END or (key == "q" and not self._fits()):
            self._done = True
        elif not self._fits():
            pass  # nobody answers what is not shown
        elif key not in (RESIZED, "escape"):
            handler = {
                self._step_view: self._press_step,
                self._code_view: self._press_code,
                self._jump_view: self._press_jump,
            }
            handler[self._view](key)
        elif key == "escape":
            self._view, self.typed = self._step_view, ""

    # The three views and what keys do in each -----------------------------------------------------------------------

    def _step_view(self) -> list[Text]:
        return screen.frame(self.session, self.typed)

    def _code_view(self) -> list[Text]:
        return screen.code_page(self.session, self._page)[0]

    def _jump_view(self) -> list[Text]:
        return screen.jump_page(self.session, self.typed)

    def _press_step(self, key: str) -> None:
        session = self.session
        typing = session.open and self.typed
        if key == "q":
            self._done = True
        elif key == "backspace":
            self.typed = self.typed[:-1]
        elif key == "left":
            self.typed = ""
            session.back()
        elif key == "?":
            session.hint()
        elif key == "g":
            self.typed, self._view = "", self._jump_view
        elif key == "r":
            self._view = self._code_view
            self._page = screen.code_page(session, 0)[1] - 1
        elif key == "f" and session.snapshot.step.figure and not session.open:
            session.message = figures.save(session)
        elif key == "enter" or key == "right" or (key == " " and not typing):
            self._go_on(key)
        elif session.open and len(key) == 1 and key.isprintable():
            self._type(key)

    def _go_on(self, key: str) -> None:
        session = self.session
        if session.open and self.typed and key == "enter":
            session.submit(self.typed)
            self.typed = ""
        elif not session.open and session.last:
            self._done = True
        elif not self.typed:
            session.next()

    def _type(self, key: str) -> None:
        if isinstance(self.session.snapshot.step.question, Choice):
            # The last letter counts; one that stands for no option is refused at once, and what was typed stays.
            if key.lower() in LETTERS[: len(self.session.snapshot.options)]:
                self.typed = key.lower()
            elif not key.isspace():
                self.session.submit(key)
        elif len(self.typed) < 60:
            self.typed += key

    def _press_code(self, key: str) -> None:
        pages = screen.code_page(self.session, 0)[1]
        if key in ("right", "down", " ") and self._page < pages - 1:
            self._page += 1
        elif key in ("left", "up") and self._page > 0:
            self._page -= 1
        else:
            self._view = self._step_view

    def _press_jump(self, key: str) -> None:
        if key == "backspace":
            self.typed = self.typed[:-1]
        elif key.isdecimal() and len(key) == 1:
            self.typed = (self.typed + key)[-2:]
        else:
            if key == "enter" and self.typed:
                self.session.go(int(self.typed) - 1)
            self.typed, self._view = "", self._step_view


def show(console: Console, rows: list[Text]) -> None:
    """Put rows on a cleared screen in one write; the last row ends without a line feed, so nothing scrolls."""
    with console:
        console.clear()
        console.show_cursor(False)
        console.print(
            Text("\n").join(rows), end="", no_wrap=True, overflow="ignore", crop=False, highlight=False, soft_wrap=True
        )


def film(session: Session, console: Console, sleep: Callable[[float], None] = time.sleep) -> None:
    """Play a lesson unattended on the full screen, with the right answers, each screen long enough to be read."""
    alternate = console.set_alt_screen(True)
    try:
        while True:
            show(console, screen.frame(session, cursor=False))
            sleep(_reading_time(session))
            if session.open:
                show(console, screen.frame(session, session.snapshot.correct, cursor=False))
                sleep(1.0)
                session.submit(session.snapshot.correct)
            elif session.last:
                return
            else:
                session.go(session.index + 1)
    finally:
        console.show_cursor(True)
        if alternate:
            console.set_alt_screen(False)


def _reading_time(session: Session) -> float:
    """Seconds for a screen: about twenty characters of prose a second, three seconds at the least."""
    letters = sum(len(line) for line in (*session.page.text, *session.snapshot.ask, session.message))
    return max(3.0, letters / 20)
