"""What the test images said about each class and under each perturbation, as tables of a report."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..plots.history import percent
from .run import read_rows

SHARES = ("precision", "recall", "f1")
"""What classes.csv says of each class beside its number of images."""


def epoch_kept(result: Mapping[str, Any], done: int) -> str:
    """Say which epoch's weights the test images judged.

    >>> epoch_kept({"kept": "best", "epoch": 7, "monitor": "validation_loss"}, 9), epoch_kept({}, 9)
    ('epoch 7, the best by validation loss', 'the last epoch, 9')
    """
    if result.get("kept") != "best":
        return f"the last epoch, {done}"
    return f"epoch {result['epoch']}, the best by {str(result.get('monitor', 'validation')).replace('_', ' ')}"


def more_of(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what a result says beside the accuracy, by name.

    >>> more_of({"test_accuracy": 0.9, "top_5_accuracy": 0.99, "expected_calibration_error": 0.02})
    [('among the first five guesses', '99.0 %'), ('calibration error', '2.0 %')]
    """
    facts = []
    for name, share in result.items():
        guesses = re.fullmatch(r"top_(\d+)_accuracy", name)
        if guesses and isinstance(share, int | float):
            words = {"2": "two", "3": "three", "5": "five"}.get(guesses[1], guesses[1])
            facts.append((f"among the first {words} guesses", percent(share)))
    error = result.get("expected_calibration_error")
    if isinstance(error, int | float):
        facts.append(("calibration error", percent(error)))
    return facts


def of_classes(path: Path | None) -> str:
    """Return a table with a line a class from `classes.csv`; nothing if there is no such file."""
    rows = read_rows(path)
    if not rows:
        return ""
    cells = [[row["class"], row["images"], *(_share(row[name]) for name in SHARES)] for row in rows]
    note = "Precision: of what was guessed to be the class, the share that is. Recall: of what is the class, the share found."
    return _table("Every class", note, ("class", "images", "precision", "recall", "F1"), cells)


def of_perturbations(path: Path | None) -> str:
    """Return a table with a line a perturbation from `perturbations.csv`, the best first; nothing if there is no file."""
    rows = read_rows(path)
    if not rows:
        return ""
    ranked = sorted(rows, key=lambda row: -float(row["accuracy"]))
    cells = [[row["perturbation"], _share(row["accuracy"]), _interval(row)] for row in ranked]
    note = "The same test images, spoilt in one way at a time; none are the images as they are."
    return _table("Under perturbations", note, ("perturbation", "accuracy", "95 % interval"), cells)


def _interval(row: Mapping[str, str]) -> str:
    return f"{100 * float(row['low']):.1f} – {100 * float(row['high']):.1f} %"


def _share(text: str) -> str:
    return percent(float(text)) if text else "–"


def _table(heading: str, note: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{html.escape(column)}</th>' for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<h2>{heading}</h2><p class="note">{note}</p><div class="table" tabindex="0">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
