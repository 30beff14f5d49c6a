"""A table of times and bytes: plain text, or lines for a rich console."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from rich.console import Group


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, and what its numbers are."""

    heading: str
    kind: Literal["name", "count", "time", "share", "bytes"] = "name"

    def cell(self, value: Any) -> str:
        """A value as it is printed."""
        if value is None:
            return ""
        if self.kind == "time":
            return milliseconds(value)
        if self.kind == "share":
            return f"{100 * value:.1f} %"
        return amount(value) if self.kind == "bytes" else str(value)


class Table:
    """Lines under headings. `str()` gives plain text; a rich console shows the same with the shares as bars.

    Args:
        columns: the headings.
        lines: a value for each column.
        footer: a sentence below.

    >>> print(Table([Column("phase"), Column("ms", "time")], [("forward", 0.0125), ("backward", 0.5)], "All."))
    phase       ms
    forward   12.5
    backward   500
    All.
    """

    def __init__(self, columns: Sequence[Column], lines: Sequence[tuple[Any, ...]], footer: str = "") -> None:
        self.columns = tuple(columns)
        self.lines = list(lines)
        self.footer = footer

    @property
    def names(self) -> list[str]:
        """The first column."""
        return [str(line[0]).strip() for line in self.lines]

    def _cells(self) -> list[list[str]]:
        return [[column.cell(value) for column, value in zip(self.columns, line, strict=True)] for line in self.lines]

    def __str__(self) -> str:
        rows = [[column.heading for column in self.columns], *self._cells()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(
                cell.ljust(width) if column.kind == "name" else cell.rjust(width)
                for cell, width, column in zip(row, widths, self.columns, strict=True)
            ).rstrip()
            for row in rows
        ]
        return "\n".join([*lines, self.footer] if self.footer else lines)

    def __rich__(self) -> Group:
        from rich import box
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table as RichTable
        from rich.text import Text

        shares = next((i for i, column in enumerate(self.columns) if column.kind == "share"), None)
        shown = RichTable(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)  # fits 80 columns
        for column in self.columns:
            shown.add_column(column.heading, justify="left" if column.kind == "name" else "right", no_wrap=True)
        if shares is not None:
            shown.add_column("", max_width=20)  # the bars give way first
        for line, cells in zip(self.lines, self._cells(), strict=True):
            bar = [] if shares is None else [ProgressBar(1.0, max(0.0, line[shares] or 0.0))]
            shown.add_row(*map(Text, cells), *bar)
        return Group(shown, Text(self.footer, style="dim"))


def milliseconds(seconds: float) -> str:
    """Seconds as milliseconds, in about three digits.

    >>> milliseconds(0.0000123), milliseconds(0.00345), milliseconds(1.5)
    ('0.012', '3.45', '1500')
    """
    ms = 1e3 * seconds
    return f"{ms:.3f}" if ms < 1 else f"{ms:.2f}" if ms < 10 else f"{ms:.1f}" if ms < 100 else f"{ms:.0f}"


def amount(size: int) -> str:
    """Bytes in a unit that suits them.

    >>> amount(0), amount(800), amount(123456), amount(5_000_000)
    ('0 B', '800 B', '121 KiB', '4.77 MiB')
    """
    value, unit = float(size), "B"
    for larger in ("KiB", "MiB", "GiB"):
        if value < 1000:
            break
        value, unit = value / 1024, larger
    return f"{size} B" if unit == "B" else f"{value:.3g} {unit}"
