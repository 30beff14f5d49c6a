"""Where in the user's code something happened: the innermost line outside minidl."""

from __future__ import annotations

import linecache
import os
import sys
from dataclasses import dataclass

_PACKAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file.

    >>> str(Place("train.py", 12))
    'train.py:12'
    """

    file: str
    line: int

    def __str__(self) -> str:
        here = os.path.join(os.getcwd(), "")
        return f"{self.file.removeprefix(here)}:{self.line}"

    @property
    def text(self) -> str:
        """What stands on the line; nothing where the file cannot be read."""
        return linecache.getline(self.file, self.line).strip()


def user_place() -> Place | None:
    """The line that called into minidl; None where minidl was not called from outside."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back  # type: ignore[assignment]
    return None if frame is None else Place(frame.f_code.co_filename, frame.f_lineno)
