"""What a run leaves as tables: JSON for people and programs, CSV for spreadsheets, and the lines that tell most."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..files import write_atomic

ROWS = 10
"""How many epochs of a history are shown at most."""


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write plain values as JSON for people and programs."""
    write_atomic(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows that share their keys as CSV with a header line; floats with all their digits."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomic(path, text.getvalue())


def read_csv(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file by the names in its header; none if there is no such file."""
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines())) if path.exists() else []


def telling(history: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the lines of a history that tell most, at most `ROWS`: first, best, last, and others evenly between.

    >>> [record["epoch"] for record in telling([{"epoch": n, "validation_accuracy": n % 7} for n in range(1, 31)])]
    [1, 5, 6, 8, 12, 15, 19, 23, 26, 30]
    """
    last = len(history) - 1
    if last < ROWS:
        return list(history)
    chosen = {round(i * last / (ROWS - 2)) for i in range(ROWS - 1)}
    chosen.add(max(range(len(history)), key=lambda i: float(history[i].get("validation_accuracy", 0))))
    return [history[i] for i in sorted(chosen)]
