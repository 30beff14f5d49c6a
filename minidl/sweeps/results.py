"""The results of a sweep: a table, the best, the means, the failures."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from ..files import write_atomic
from .configurations import Configuration
from .outcome import Run
from .store import read_folder

if TYPE_CHECKING:
    from rich.table import Table as RichTable


LONGEST = 60
"""How much of a text is printed in a table of plain text."""


class Table(list[dict[str, Any]]):
    """Rows, each a dictionary; printed as a table.

    >>> print(Table([{"lr": 0.1, "loss": 2.0}, {"lr": 0.01, "loss": 0.25}]))
      lr  loss
     0.1     2
    0.01  0.25
    """

    def __str__(self) -> str:
        from ..training.table import history_table

        return history_table([{name: _cropped(value) for name, value in row.items()} for row in self])

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(dict.fromkeys(name for row in self for name in row))

    def rich(self) -> RichTable:
        """Return the table for a rich console to print."""
        from ..training.table import rich_history_table

        return rich_history_table(self)

    def pick(self, *columns: str) -> Table:
        """Return a table of these columns alone; names that no row has are left out."""
        return Table({name: row[name] for name in columns if name in row} for row in self)

    def to_csv(self, path: str | os.PathLike[str]) -> Path:
        """Write the table as CSV in UTF-8, and return the path. Lists and dictionaries are written as JSON."""
        text = io.StringIO()
        writer = csv.DictWriter(text, self.columns, lineterminator="\n")
        writer.writeheader()
        for row in self:
            writer.writerow(
                {name: json.dumps(value) if isinstance(value, list | dict) else value for name, value in row.items()}
            )
        return write_atomic(path, text.getvalue())


class Results(Sequence[Run]):
    """The runs of a sweep that have ended, in the order of their configurations, whatever order they ended in.

    Args:
        runs: in any order.
        configurations: all of the sweep's; those of the runs if None.

    Attributes:
        configurations: all that the sweep is to run; more than there are runs if it was broken off.

    >>> runs = [Run(i, {"lr": lr, "seed": i % 2}, {"loss": lr + i}) for i, lr in enumerate([0.1, 0.1, 0.2, 0.2])]
    >>> results = Results(runs)
    >>> results.best("loss", "min").configuration
    {'lr': 0.1, 'seed': 0}
    >>> print(results.by("lr"))
     lr  runs  mean loss  std loss  min loss  max loss
    0.1     2        0.6    0.7071       0.1       1.1
    0.2     2        2.7    0.7071       2.2       3.2
    """

    def __init__(self, runs: Iterable[Run], configurations: Sequence[Configuration] | None = None) -> None:
        self._runs = sorted(runs, key=lambda run: run.index)
        self.configurations = (
            [run.configuration for run in self._runs] if configurations is None else list(configurations)
        )

    def __len__(self) -> int:
        return len(self._runs)

    @overload
    def __getitem__(self, position: int) -> Run: ...
    @overload
    def __getitem__(self, position: slice) -> list[Run]: ...
    def __getitem__(self, position: int | slice) -> Run | list[Run]:
        return self._runs[position]

    def __iter__(self) -> Iterator[Run]:
        return iter(self._runs)

    def __str__(self) -> str:
        return str(self.table)

    def __repr__(self) -> str:
        failed = f", {len(self.failures)} failed" if self.failures else ""
        return f"Results({len(self)} of {len(self.configurations)} runs{failed})"

    @property
    def complete(self) -> bool:
        """Whether every configuration has a result that is not a failure."""
        return len(self) == len(self.configurations) and not self.failures

    @property
    def failures(self) -> list[Run]:
        """The runs that failed, each with its configuration and its `failure`."""
        return [run for run in self if run.failure]

    @property
    def table(self) -> Table:
        """A row a run: its settings, its values, or its `failure`."""
        return Table(run.row for run in self)

    @property
    def settings(self) -> list[str]:
        """The names of the settings that are not the same in all configurations."""
        return differing(self.configurations)

    @property
    def measures(self) -> list[str]:
        """The names of the values."""
        return list(dict.fromkeys(name for run in self for name in run.values or {}))

    def to_csv(self, path: str | os.PathLike[str]) -> Path:
        """Write the whole table as CSV and return the path."""
        return self.table.to_csv(path)

    def values(self, measure: str, **settings: Any) -> NDArray[np.float64]:
        """Return one measure's values, of the runs that have it and whose settings are as given.

        Raises:
            UsageError: no run has such a measure.

        >>> Results([Run(0, {"hidden": 3}, {"loss": 0.5}), Run(1, {"hidden": 10}, {"loss": 0.2})]).values("loss", hidden=3)
        array([0.5])
        """
        self._check_measure(measure)
        return np.array(
            [run.values[measure] for run in self if run.values and measure in run.values and _has(run, settings)]
        )

    def sorted_by(self, measure: str, mode: Literal["max", "min"]) -> list[Run]:
        """Return the runs that have a measure, the best first; those in which it is not a number are the last.

        Raises:
            UsageError: no run has such a measure, or there is no such mode.
        """
        self._check_measure(measure)
        if mode not in ("max", "min"):
            raise UsageError(f'mode must be "max" or "min"; got {mode!r}')
        sign = -1 if mode == "max" else 1
        pairs = [(run.values[measure], run) for run in self if run.values and measure in run.values]
        return [run for _, run in sorted(pairs, key=lambda pair: (math.isnan(pair[0]), sign * pair[0]))]

    def best(self, measure: str, mode: Literal["max", "min"]) -> Run:
        """Return the run with the largest or the smallest value of a measure; of several, the first.

        Raises:
            UsageError: no run has such a measure, or it is nowhere a number.
        """
        best = self.sorted_by(measure, mode)[0]
        assert best.values is not None
        if math.isnan(best.values[measure]):
            raise UsageError(f"{measure} is nan in all runs")
        return best

    def by(self, *settings: str, measures: Sequence[str] | None = None) -> Table:
        """Group the runs that did not fail by settings, and return a row a group.

        Args:
            settings: the names of the settings; none for one group of all.
            measures: which values; all if None.

        Returns:
            For each group the settings, the number of `runs`, and of each measure mean, standard deviation (with n − 1; None
            for one run), least and largest value.

        Raises:
            UsageError: no configuration has such a setting, or no run such a measure.
        """
        names = {name for configuration in self.configurations for name in configuration}
        if missing := [name for name in settings if name not in names]:
            raise UsageError(f"there is no setting {missing[0]!r}; there are {', '.join(sorted(names)) or 'none'}")
        for measure in measures or ():
            self._check_measure(measure)
        groups: dict[str, list[Run]] = {}
        for run in self:
            if run.values is not None:
                groups.setdefault(json.dumps([run.configuration.get(name) for name in settings]), []).append(run)
        table = Table()
        for runs in groups.values():
            row = {name: runs[0].configuration.get(name) for name in settings} | {"runs": len(runs)}
            for measure in self.measures if measures is None else measures:
                values = np.array([run.values[measure] for run in runs if run.values and measure in run.values], float)
                if len(values):
                    row[f"mean {measure}"] = float(values.mean())
                    row[f"std {measure}"] = float(values.std(ddof=1)) if len(values) > 1 else None
                    row[f"min {measure}"], row[f"max {measure}"] = float(values.min()), float(values.max())
            table.append(row)
        return table

    def _check_measure(self, measure: str) -> None:
        if measure not in self.measures:
            failed = f"all {len(self)} runs failed" if self.failures else "there are no runs yet"
            there = f"there are {', '.join(self.measures)}" if self.measures else failed
            raise UsageError(f"no run has a value {measure!r}; {there}")


def differing(configurations: Sequence[Configuration]) -> list[str]:
    """Return the names of the settings that are not the same in all configurations."""
    names = dict.fromkeys(name for configuration in configurations for name in configuration)
    return [name for name in names if len({json.dumps(one.get(name)) for one in configurations}) > 1]


def load_results(folder: str | os.PathLike[str]) -> Results:
    """Return what a sweep has left in its folder, also while it is still running.

    Raises:
        CheckpointError: there is no sweep in this folder, or a file is damaged.
    """
    configurations, runs = read_folder(folder)
    return Results(runs, configurations)


def _cropped(value: Any) -> Any:
    return f"{value[: LONGEST - 1]}…" if isinstance(value, str) and len(value) > LONGEST else value


def _has(run: Run, settings: Mapping[str, Any]) -> bool:
    return all(name in run.configuration and run.configuration[name] == value for name, value in settings.items())
