"""One key at a time from the keyboard, on every system.

On Windows readchar does it. Elsewhere readchar would wait forever after a lone Escape and forget what was typed between
two reads (it flushes the terminal each time), so there the terminal is held in its key-by-key mode as long as the lesson
lasts.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self

RESIZED = "resized"
END = "end"

NAMES = {
    "\x1b[C": "right",
    "\x1bOC": "right",
    "\x1b[D": "left",
    "\x1bOD": "left",
    "\x1b[A": "up",
    "\x1bOA": "up",
    "\x1b[B": "down",
    "\x1bOB": "down",
    "\x00M": "right",
    "\x00K": "left",
    "\x00H": "up",
    "\x00P": "down",
    "\r": "enter",
    "\n": "enter",
    "\x7f": "backspace",
    "\x08": "backspace",
    "\x04": END,
    "\x1a": END,
    "": END,
    "\x1b": "escape",
    "\x0c": RESIZED,
}
"""What the runner calls the keys that are not letters; Ctrl-L redraws, as a change of size does."""

ESCAPE_SECONDS = 0.05
SIZE_SECONDS = 0.25
KEY_SECONDS = 0.01


class Keys(Protocol):
    """What the runner reads keys from; tests give it a list."""

    def __enter__(self) -> Self:
        """Take hold of the keyboard."""

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        """Let go of it."""

    def read(self) -> str:
        """Wait for a key; return its name (`right`, `enter`, …) or its character.

        Raises:
            KeyboardInterrupt: Ctrl-C.
        """


class LiveKeys(Keys, Protocol):
    """Keys for something that goes on by itself between them."""

    def ready(self, seconds: float) -> bool:
        """Wait so long at the most for a key; return whether `read` will find one."""


def keyboard() -> LiveKeys:
    """Return the reader for this system's keyboard."""
    try:
        import termios  # noqa: F401  (is there one?)
    except ImportError:
        return _Readchar()
    return _Terminal()


class _Readchar:
    def __enter__(self) -> Self:
        self._size = _size()
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        return None

    def read(self) -> str:
        import readchar

        while not self.ready(SIZE_SECONDS):
            if _size() != self._size:
                self._size = _size()
                return RESIZED
        key = readchar.readkey()
        return NAMES.get(key, key)

    def ready(self, seconds: float) -> bool:
        from importlib import import_module

        try:
            is_hit: Callable[[], int] = import_module("msvcrt").kbhit
        except ImportError:  # neither a POSIX terminal nor Windows: the next key is waited for
            return True
        end = time.monotonic() + seconds
        while not is_hit():
            if time.monotonic() >= end:
                return False
            time.sleep(KEY_SECONDS)
        return True


class _Terminal:
    """A POSIX terminal in key-by-key mode."""

    def __enter__(self) -> Self:
        import termios

        self._descriptor = sys.stdin.fileno()
        self._before = termios.tcgetattr(self._descriptor)
        self._size = _size()
        self._pending = b""
        self._hold()  # at once: what is typed before the first read is a key already, and is not echoed
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import termios

        termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)

    def read(self) -> str:
        self._hold()
        while not self._pending:
            if self._wait(SIZE_SECONDS):
                self._pending = os.read(self._descriptor, 1024)
                if not self._pending:
                    return END
            elif _size() != self._size:
                self._size = _size()
                return RESIZED
        key = self._take()
        return NAMES.get(key, key)

    def ready(self, seconds: float) -> bool:
        self._hold()
        return bool(self._pending) or self._wait(seconds)

    def _hold(self) -> None:
        """Ask for single keys without echo; asked each time, since a suspended program comes back to other settings."""
        import termios

        mode = termios.tcgetattr(self._descriptor)
        mode[3] &= ~(termios.ICANON | termios.ECHO)
        mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
        termios.tcsetattr(self._descriptor, termios.TCSADRAIN, mode)

    def _wait(self, seconds: float) -> bool:
        import select

        return bool(select.select([self._descriptor], [], [], seconds)[0])

    def _take(self) -> str:
        """Take one key off the bytes that have come: an escape sequence whole, a character whole."""
        if self._pending[:1] == b"\x1b":
            # What follows an arrow's Escape comes with it; a lone Escape is followed by nothing.
            if len(self._pending) == 1 and self._wait(ESCAPE_SECONDS):
                self._pending += os.read(self._descriptor, 1024)
            return self._take_escape()
        length = next((n for n in range(1, 5) if _decodes(self._pending[:n])), 1)
        taken, self._pending = self._pending[:length], self._pending[length:]
        return taken.decode("utf-8", "replace")

    def _take_escape(self) -> str:
        end = 1
        if self._pending[1:2] in (b"[", b"O"):
            end = 2
            while end < len(self._pending) and not 0x40 <= self._pending[end] <= 0x7E:
                end += 1
            end = min(end + 1, len(self._pending))
        taken, self._pending = self._pending[:end], self._pending[end:]
        return taken.decode("ascii", "replace")


def _decodes(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _size() -> tuple[int, int]:
    try:
        return tuple(os.get_terminal_size())  # type: ignore[return-value]
    except OSError:
        return (0, 0)
