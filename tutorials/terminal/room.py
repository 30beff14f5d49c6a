"""How much room there is on a terminal, and whether it has colours worth the name."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console

from ..text import WIDTH

ROWS = 24
"""Rows of the smallest terminal that shows the full screen."""


@dataclass(frozen=True)
class Room:
    """The screen that a view is laid out for.

    Attributes:
        width: columns.
        height: rows.
        colour: whether pictures can be in colour: 256 colours at the least, and wanted.
    """

    width: int = WIDTH
    height: int = ROWS
    colour: bool = True

    @classmethod
    def of(cls, console: Console) -> Room:
        """The room on a console."""
        many = console.color_system in ("256", "truecolor") and not console.no_color
        return cls(console.size.width, console.size.height, many)

    @property
    def fits(self) -> bool:
        """Whether a step has room here."""
        return self.width >= WIDTH and self.height >= ROWS

    @property
    def spare(self) -> int:
        """Rows beyond those of the smallest screen, for a larger picture."""
        return max(0, self.height - ROWS)
