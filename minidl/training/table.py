"""A history as a table: one line an epoch, in plain text or for a rich console.

(For computing with, a history is a list of dictionaries: `pandas.DataFrame(trainer.history)` takes it as it is.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import UsageError

if TYPE_CHECKING:
    from rich.table import Table

GRADIENTS = "gradient_norm."


def history_cells(
    history: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None
) -> tuple[list[str], list[list[str]]]:
    """Return the headings and the cells of a table of a history.

    Args:
        history: one record an epoch, each a value by name.
        columns: which values to show; all but the gradients' lengths if None.

    Returns:
        The columns' names, and for each record its cells: accuracies as percentages, other fractions to four digits; empty
        where a record has no such value.

    Raises:
        UsageError: no record has such a value.

    >>> history_cells([{"epoch": 1, "train_loss": 0.51234, "train_accuracy": 0.8}])
    (['epoch', 'train loss', 'train accuracy'], [['1', '0.5123', '80.00 %']])
    """
    names = list(dict.fromkeys(name for record in history for name in record))
    if columns is None:
        columns = [name for name in names if not name.startswith(GRADIENTS)]
    elif missing := [name for name in columns if name not in names]:
        raise UsageError(f"the history has no {missing[0]!r}; it has {', '.join(names) or 'nothing yet'}")
    rows = [[_cell(name, record.get(name)) for name in columns] for record in history]
    return [name.replace("_", " ") for name in columns], rows


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float | np.floating):
        return f"{100 * value:.2f} %" if name.endswith("accuracy") else f"{value:.4g}"
    return str(value)


def history_table(history: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> str:
    """Return a history as a table in plain text, numbers to the right.

    Args:
        history: one record an epoch, such as `Trainer.history`.
        columns: which values to show; all but the gradients' lengths if None.

    >>> print(history_table([{"epoch": 1, "loss": 2.0}, {"epoch": 10, "loss": 0.25}]))
    epoch  loss
        1     2
       10  0.25
    """
    heading, rows = history_cells(history, columns)
    widths = [max(map(len, column)) for column in zip(heading, *rows, strict=True)]
    lines = [[cell.rjust(width) for cell, width in zip(row, widths, strict=True)] for row in (heading, *rows)]
    return "\n".join("  ".join(line) for line in lines)


def rich_history_table(history: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> Table:
    """Return the same table for a rich console to print.

    >>> rich_history_table([{"epoch": 1, "loss": 2.0}]).row_count
    1
    """
    from rich import box
    from rich.table import Table

    heading, rows = history_cells(history, columns)
    table = Table(box=box.SIMPLE_HEAD)
    for name in heading:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*row)
    return table
