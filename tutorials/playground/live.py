"""Training while somebody looks on and presses keys."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from tutorials.terminal.keys import END, RESIZED, LiveKeys

from .dials import dials
from .plane import POINTS_SHOWN
from .screen import HELP, View, fits, frame
from .session import Session
from .settings import DATA
from .share import picture, shell_lines
from .terminal import Terminal

FRAME_SECONDS: Final = 1 / 15
PAUSED_SECONDS: Final = 0.25
"""How often a paused playground looks whether the window has another size."""
BUSY_SECONDS: Final = 0.15
"""The longest that keys wait for epochs, unless a single one takes longer."""
LOST: Final = "The loss is no longer a number: less rate or penalty, then r to begin afresh."
PACES: Final = (1, 2, 5, 10, 20, 50)


class Live:
    """The playground on a full screen.

    Attributes:
        session: the experiment.
        view: what is shown of it.
        goal: the epoch that is to be reached as fast as can be, to pause there; 0 for none.
    """

    def __init__(self, session: Session, terminal: Terminal, keys: LiveKeys, goal: int | None = None) -> None:
        self.session = session
        self.terminal = terminal
        self.keys = keys
        self.goal = goal or 0
        self.view = View(colour=terminal.has_colours, runs=goal is None or goal > 0)
        self._done = False
        self._drawn = 0.0
        self._size = (0, 0)

    def run(self) -> None:
        """Train, draw and read keys until it is left.

        Raises:
            KeyboardInterrupt: Ctrl-C; the terminal is restored first.
        """
        with self.terminal, self.keys:
            while not self._done:
                self.draw()
                if self.keys.ready(self._time_left()):
                    self.press(self.keys.read())
                    while not self._done and self.keys.ready(0):
                        self.press(self.keys.read())
                if self._is_training:
                    self.advance()

    def draw(self) -> None:
        """Show the present state."""
        self._drawn = time.perf_counter()
        size = self.terminal.console.size
        if size != self._size:
            self._size = size
            self.terminal.forget()
        self.terminal.show(frame(self.session, self.view, *self._size))

    @property
    def _is_training(self) -> bool:
        return self.view.runs and not self.view.page and not self._done

    def _time_left(self) -> float:
        """Seconds until the next picture is due."""
        if not self._is_training:
            return PAUSED_SECONDS
        if self.goal:
            return 0.0
        return max(0.0, self._drawn + FRAME_SECONDS - time.perf_counter())

    def advance(self) -> None:
        """Train until the next picture: as many epochs as are wanted, or as there is time for."""
        began = time.perf_counter()
        wanted = self.goal - self.session.epoch if self.goal else self.view.pace
        for _ in range(wanted):
            self.session.train()
            if self.session.is_lost or time.perf_counter() - began > BUSY_SECONDS:
                break
        self._stop_if_lost()
        if self.goal and self.session.epoch >= self.goal:
            self.view.runs, self.goal = False, 0
            self.view.message = "As it was shared. Space goes on."

    def press(self, key: str) -> None:
        """Do what a key asks for; in a window too small to show anything, only leave."""
        if not fits(*self.terminal.console.size) and key not in ("q", END, RESIZED):
            return
        if self.view.page:
            self.view.page = ()
            self._done = key == END
            return
        self.view.message = ""
        actions: dict[str, Callable[[], None]] = {
            " ": self._pause, "s": self._step, "r": self._reset, "up": lambda: self._choose(-1),
            "down": lambda: self._choose(1), "left": lambda: self._turn(-1), "right": lambda: self._turn(1),
            "enter": lambda: self._turn(1), "v": self._other_points, "+": lambda: self._change_pace(1),
            "=": lambda: self._change_pace(1), "-": lambda: self._change_pace(-1), "c": self._share,
            "p": self._save, "?": self._help, RESIZED: self.terminal.forget, "q": self._quit, END: self._quit,
        }  # fmt: skip
        if key in actions:
            actions[key]()
        elif key in ("1", "2", "3", "4"):
            self._apply(data=DATA[int(key) - 1])

    def _pause(self) -> None:
        self.view.runs, self.goal = not self.view.runs, 0
        self._stop_if_lost()

    def _step(self) -> None:
        self.view.runs, self.goal = False, 0
        self.session.train()
        self._stop_if_lost()

    def _stop_if_lost(self) -> None:
        if self.session.is_lost:
            self.view.runs, self.goal, self.view.message = False, 0, LOST

    def _reset(self) -> None:
        self.view.runs = self.view.runs or self.session.is_lost
        self.goal = 0
        self.session.reset()

    def _choose(self, way: int) -> None:
        self.view.selected = (self.view.selected + way) % len(dials(self.session.settings))

    def _turn(self, way: int) -> None:
        self.goal = 0
        self.session.apply(dials(self.session.settings)[self.view.selected].turn(way))

    def _apply(self, *, data: str) -> None:
        self.goal = 0
        self.session.apply(replace(self.session.settings, data=data))

    def _other_points(self) -> None:
        self.view.points = (self.view.points + 1) % len(POINTS_SHOWN)

    def _change_pace(self, way: int) -> None:
        place = PACES.index(self.view.pace) + way
        self.view.pace = PACES[min(max(place, 0), len(PACES) - 1)]

    def _share(self) -> None:
        self.view.page = ("This state as a command line:", "", *shell_lines(self.session))

    def _save(self) -> None:
        self.view.message = "Drawing the picture …"
        self.draw()
        self.view.message = picture(self.session, POINTS_SHOWN[self.view.points])

    def _help(self) -> None:
        self.view.page = tuple(HELP.split("\n"))

    def _quit(self) -> None:
        self._done = True
