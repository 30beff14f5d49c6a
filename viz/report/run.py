"""What a run's folder holds, read for its report: every piece may be missing, none may be damaged without being named."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minidl.errors import CheckpointError, DataError

EPOCH_NUMBERS = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
"""What every line of metrics.csv says beside the epoch."""


@dataclass(frozen=True)
class Run:
    """A run's folder.

    Attributes:
        folder: where it is.
        config: config.json: how the run was begun.
        history: metrics.csv: a record an epoch, numbers as numbers.
        result: result.json: what the test set said; None for a run that has not come to its end.
        timing: timing.csv: seconds and images a second, a record an epoch.
        passes: the diagram of the passes after each epoch, 0 for before training.
        undrawn: the epochs whose diagram is there as DOT only.
        kernels: the drawing of each layer's kernels, by layer.
        kernels_of_epoch: such drawings after single epochs, by epoch and layer.
        film: the film strip of the training.
        curves: the plot of loss and accuracy.
        confusion: the confusion matrix.
        guesses: the misclassified images.
        classes: classes.csv: how each class fared.
        perturbations: perturbations.csv: the accuracy under each perturbation.
    """

    folder: Path
    config: dict[str, Any]
    history: list[dict[str, float]]
    result: dict[str, Any] | None
    timing: list[dict[str, float]]
    passes: dict[int, Path] = field(default_factory=dict)
    undrawn: tuple[int, ...] = ()
    kernels: dict[str, Path] = field(default_factory=dict)
    kernels_of_epoch: dict[int, dict[str, Path]] = field(default_factory=dict)
    film: Path | None = None
    curves: Path | None = None
    confusion: Path | None = None
    guesses: Path | None = None
    classes: Path | None = None
    perturbations: Path | None = None


def read_run(folder: Path) -> Run:
    """Read a run's folder.

    Raises:
        CheckpointError: there is no run in it.
        DataError: one of its files is damaged; the message names it.
    """
    if not (folder / "config.json").is_file():
        raise CheckpointError(f"{folder} is not the folder of a run: it has no config.json")
    figures = folder / "figures"
    passes = {int(match[1]): path for path, match in _named(figures, r"passes-(\d{3,})\.svg")}
    undrawn = {int(match[1]) for _, match in _named(figures, r"passes-(\d{3,})\.dot")}
    of_epoch: dict[int, dict[str, Path]] = {}
    kernels: dict[str, Path] = {}
    for path, match in _named(figures, r"kernels-(.+?)(?:-(\d{3,}))?\.svg"):
        if match[2] is None:
            kernels[match[1]] = path
        else:
            of_epoch.setdefault(int(match[2]), {})[match[1]] = path
    return Run(
        folder=folder,
        config=_read_json(folder / "config.json"),
        history=_read_history(folder / "metrics.csv"),
        result=_read_result(folder / "result.json"),
        timing=_read_numbers(folder / "timing.csv", ("epoch", "seconds", "images_per_second")),
        passes=dict(sorted(passes.items())),
        undrawn=tuple(sorted(undrawn - passes.keys())),
        kernels=kernels,
        kernels_of_epoch=of_epoch,
        film=_existing(figures / "filmstrip.svg"),
        curves=_existing(figures / "curves.svg"),
        confusion=_existing(figures / "confusion.svg"),
        guesses=_existing(figures / "guesses.svg"),
        classes=_existing(folder / "classes.csv"),
        perturbations=_existing(folder / "perturbations.csv"),
    )


def read_text(path: Path) -> str:
    """Return a file's text.

    Raises:
        DataError: it is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is damaged: it is not UTF-8 text ({error.reason} at byte {error.start})") from error


def read_rows(path: Path | None) -> list[dict[str, str]]:
    """Return the lines of a CSV file by the names in its header; none if there is no file."""
    return [] if path is None else list(csv.DictReader(read_text(path).splitlines()))


def _named(figures: Path, pattern: str) -> list[tuple[Path, re.Match[str]]]:
    if not figures.is_dir():
        return []
    matches = ((path, re.fullmatch(pattern, path.name)) for path in sorted(figures.iterdir()))
    return [(path, match) for path, match in matches if match]


def _existing(path: Path) -> Path | None:
    return path if path.is_file() else None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_text(path))
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataError(f"{path} is damaged: it is not JSON ({error})") from error
    if not isinstance(content, dict):
        raise DataError(f"{path} is damaged: it holds a {type(content).__name__}, not an object")
    return content


def _read_result(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    result = _read_json(path)
    interval = result.get("interval")
    numbers = [result.get("test_accuracy"), *(interval if isinstance(interval, list) else [None])]
    if len(numbers) != 3 or not all(isinstance(number, int | float) for number in numbers):
        raise DataError(f"{path} is damaged: it does not give a test_accuracy and its interval")
    return result


def _read_history(path: Path) -> list[dict[str, float]]:
    return _read_numbers(path, ("epoch", *EPOCH_NUMBERS))


def _read_numbers(path: Path, required: tuple[str, ...]) -> list[dict[str, float]]:
    """The lines of a CSV of numbers; none if the file is not there."""
    if not path.is_file():
        return []
    records = []
    reader = csv.DictReader(read_text(path).splitlines())
    for row in reader:
        try:
            record = {name: float(value) for name, value in row.items()}
            records.append({name: record[name] for name in required} | record)
            int(record["epoch"])
        except (TypeError, ValueError, KeyError, OverflowError) as error:
            raise DataError(
                f"{path} is damaged: line {reader.line_num} does not give a number for each of its columns"
            ) from error
    return records
