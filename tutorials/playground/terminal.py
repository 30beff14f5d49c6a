"""A terminal that is drawn on without flicker: only the rows that have changed are written, all in one go."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Final, Self

from rich.console import Console
from rich.text import Text

BEGIN, END = "\x1b[?2026h", "\x1b[?2026l"
"""What lies between is shown at once by terminals that know these codes; the others ignore them."""
ENOUGH_COLOURS: Final = ("256", "truecolor")


class Terminal:
    """The full screen, for a `with` block.

    Attributes:
        console: where it is written, and what knows the number of colours.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._shown: list[str] = []
        self._suspends = hasattr(signal, "SIGTSTP") and threading.current_thread() is threading.main_thread()
        self._before: Any = None

    def __enter__(self) -> Self:
        self._open()
        if self._suspends:
            self._before = signal.signal(signal.SIGTSTP, self._suspend)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._suspends:
            signal.signal(signal.SIGTSTP, self._before)
        self._close()

    @property
    def has_colours(self) -> bool:
        """Whether there are enough colours for a plane."""
        return not self.console.no_color and self.console.color_system in ENOUGH_COLOURS

    def show(self, rows: list[Text]) -> None:
        """Show rows from the top, each in place of what was there."""
        lines = [self._line(row) for row in rows]
        if len(lines) != len(self._shown):
            self._shown = []
        pieces = [] if self._shown else ["\x1b[2J"]
        for k, line in enumerate(lines):
            if not self._shown or self._shown[k] != line:
                pieces.append(f"\x1b[{k + 1};1H{line}")
        self._shown = lines
        if pieces:
            self._write(BEGIN + "".join(pieces) + END)

    def forget(self) -> None:
        """Have everything written afresh: the window has another size, or something else wrote into it."""
        self._shown = []

    def _line(self, row: Text) -> str:
        with self.console.capture() as captured:
            self.console.print(row, end="", no_wrap=True, overflow="ignore", crop=False, soft_wrap=True)
        # In a full row the cursor still stands on the last character, which must not be erased.
        return f"{captured.get()}\x1b[0m" + ("\x1b[K" if row.cell_len < self.console.width else "")

    def _write(self, text: str) -> None:
        self.console.file.write(text)
        self.console.file.flush()

    def _open(self) -> None:
        self._write("\x1b[?1049h\x1b[?25l")
        self.forget()

    def _close(self) -> None:
        self._write("\x1b[0m\x1b[?25h\x1b[?1049l")

    def _suspend(self, number: int, frame: FrameType | None) -> None:
        """Ctrl-Z: give the shell its own screen back until the program goes on."""
        self._close()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # returns when somebody says `fg`
        signal.signal(number, self._suspend)
        self._open()
