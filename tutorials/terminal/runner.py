"""Taking a lesson on the full screen: keys in, one screen a step out."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.text import Text

from ..learning.answers import LETTERS
from ..learning.session import Session
from ..lesson import Choice
from . import screen
from .keys import END, RESIZED, Keys
from .room import Room
from .runview import RunView
from .views import Card, CodeView, FigureView, View, steps_menu

Save = Callable[[], None]

PATIENCE = 0.4
"""Seconds that a step's code may take without a word."""


EDITORS = ("nano", "micro", "notepad")
"""Editors that say on their screen how to leave them."""


def editor_at_hand() -> str:
    """The editor that $VISUAL or $EDITOR names, or one that is there and that a beginner can leave, or ""."""
    named = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    return named or next((name for name in EDITORS if shutil.which(name)), "")


class Runner:
    """A lesson on the full screen.

    Attributes:
        session: the learner's place in the lesson.
        typed: what stands on the answer line.
        goes_on: whether the learner wants the next lesson.
    """

    def __init__(self, session: Session, console: Console, keys: Keys, save: Save) -> None:
        self.session = session
        self.console = console
        self.keys = keys
        self.save = save
        self.typed = ""
        self.goes_on = False
        self._done = False
        self._view: View | None = None

    def run(self) -> None:
        """Show the lesson until it is left; the place is saved after every key.

        Raises:
            KeyboardInterrupt: Ctrl-C; the place is saved and the terminal restored first.
        """
        alternate = self.console.set_alt_screen(True)
        self.session.snapshots.during = self._patience
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
        room = Room.of(self.console)
        if not room.fits:
            show(self.console, screen.too_small(room.width, room.height))
            return
        if self._view is None:
            self.session.prepare()
        show(self.console, self._view.rows(room) if self._view else screen.frame(self.session, self.typed, room=room))

    def _tell(self, words: str) -> None:
        """Say what goes on while nothing else can be shown."""
        room = Room.of(self.console)
        show(self.console, screen.page(Text(f" {self.session.lesson.title}"), [screen.styled(words)], Text(), room))

    @contextlib.contextmanager
    def _patience(self, number: int) -> Iterator[None]:
        """Say that a step's code runs, where it takes long enough to wonder."""
        timer = threading.Timer(PATIENCE, self._tell, (f"Running the code of step {number}.",))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    def press(self, key: str) -> None:
        """Do what a key asks for."""
        fits = Room.of(self.console).fits
        if key == END or (key == "q" and not fits):
            self._done = True
        elif not fits or key == RESIZED:
            pass  # nobody answers what is not shown
        elif self._view is not None:
            self._press_view(self._view, key)
        elif key == "escape":
            self.typed = ""
        else:
            self._press_step(key)

    def _press_view(self, view: View, key: str) -> None:
        if not view.press(key) and self._view is view:
            self._view = CodeView(self.session) if key == "p" and isinstance(view, RunView) else None

    # Keys in a step -------------------------------------------------------------------------------------------------

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
        elif key in ("enter", "right") or (key == " " and not typing):
            self._go_on(key)
        elif self._is_answer(key):
            self._type(key)
        elif not typing and self._open_view(key):
            self.typed = ""
        elif session.open and len(key) == 1 and key.isprintable():
            self._type(key)

    def _is_answer(self, key: str) -> bool:
        """Whether a letter stands for an option, whatever else it does elsewhere."""
        return self.session.open and key.lower() in LETTERS[: len(self.session.snapshot.options)]

    def _open_view(self, key: str) -> bool:
        """Open the view that a key stands for; return whether it stands for one."""
        session = self.session
        if key == "e" and session.open and session.file:
            self._edit_file()
        elif key in ("r", "e"):
            self._view = RunView(session, self._tell, editing=key == "e")
        elif key in ("g", "/"):
            menu = steps_menu(session)
            menu.searching = key == "/"
            self._view = menu
        elif key in ("f", "o") and session.figure is not None:
            view = FigureView(session)
            view.rows(Room.of(self.console))
            view.press(key)
            self._view = view
        else:
            return False
        return True

    def _edit_file(self) -> None:
        """Open the learner's file in an editor, and come back when it is closed."""
        session = self.session
        session.prepare()
        if not (editor := editor_at_hand()):
            session.message = f"Open it in your editor: {session.file}\n(To have e do so, set $EDITOR.)"
            return
        self.console.set_alt_screen(False)
        self.console.show_cursor(True)
        try:
            self.keys.__exit__(None, None, None)
            subprocess.run([*shlex.split(editor, posix=os.name != "nt"), str(session.file)], check=False)
            session.message = "Enter runs and checks it."
        except (OSError, ValueError) as error:
            session.message = f"{editor} could not be started: {error}. The file is {session.file}"
        finally:
            self.keys.__enter__()
            self.console.set_alt_screen(True)

    def _go_on(self, key: str) -> None:
        session = self.session
        if session.open and session.file and key == "enter":
            self._tell("Running your file.")
            session.check()
        elif session.open and self.typed and key == "enter":
            session.submit(self.typed)
            self.typed = ""
        elif not session.open and session.last:
            self._view = Card(session, self._leave)
        elif not self.typed:
            session.next()

    def _leave(self, key: str) -> None:
        """Leave the card at the end: back, on to the next lesson, or out."""
        self.goes_on = key == "n" and bool(self.session.lesson.follows)
        self._done = key not in ("left", "escape")

    def _type(self, key: str) -> None:
        if isinstance(self.session.snapshot.step.question, Choice):
            # The last letter counts; one that stands for no option is refused at once, and what was typed stays.
            if key.lower() in LETTERS[: len(self.session.snapshot.options)]:
                self.typed = key.lower()
            elif not key.isspace():
                self.session.submit(key)
        elif len(self.typed) < 60 and self.session.file is None:
            self.typed += key


def show(console: Console, rows: list[Text]) -> None:
    """Put rows on a cleared screen in one write; the last row ends without a line feed, so nothing scrolls."""
    with console:
        console.clear()
        console.show_cursor(False)
        console.print(
            Text("\n").join(rows), end="", no_wrap=True, overflow="ignore", crop=False, highlight=False, soft_wrap=True
        )


def browse(view: View, console: Console, keys: Keys) -> None:
    """Show one view on the full screen until it is left.

    Raises:
        KeyboardInterrupt: Ctrl-C; the terminal is restored first.
    """
    alternate = console.set_alt_screen(True)
    try:
        with keys:
            staying = True
            while staying:
                room = Room.of(console)
                show(console, view.rows(room) if room.fits else screen.too_small(room.width, room.height))
                key = keys.read()
                staying = key != END and (key == RESIZED or view.press(key))
    finally:
        console.show_cursor(True)
        if alternate:
            console.set_alt_screen(False)


def film(session: Session, console: Console, sleep: Callable[[float], None] = time.sleep) -> None:
    """Play a lesson unattended on the full screen, with the right answers, each screen long enough to be read."""
    alternate = console.set_alt_screen(True)
    try:
        while True:
            room = Room.of(console)
            if not room.fits:  # it was made smaller meanwhile
                show(console, screen.too_small(room.width, room.height, leave="Ctrl-C"))
                sleep(1.0)
                continue
            show(console, screen.frame(session, cursor=False, room=room))
            sleep(_reading_time(session))
            if session.open:
                shown = "" if session.file else session.snapshot.correct
                show(console, screen.frame(session, shown, cursor=False, room=room))
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
