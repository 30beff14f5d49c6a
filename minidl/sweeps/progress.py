"""How a sweep shows that it goes on: a bar on a terminal, a line a run in a pipe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .events import Callback, Event, RunDone, SweepEnded, SweepStarted, WorkerDied
from .outcome import Run
from .results import differing

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

SHOWN = 3
"""How many values a line shows where nobody says which."""


def show_progress(
    console: Console | None = None, *, measures: Sequence[str] | None = None, plain: bool = False
) -> Callback:
    """Return a callback that shows how a sweep goes on.

    Args:
        console: where to write; the standard error stream if None.
        measures: which values to show of each run; the first three if None.
        plain: whether to write lines also where a bar could be drawn.

    >>> from rich.console import Console
    >>> show = show_progress(Console())
    >>> show(SweepStarted([{"lr": 0.1}, {"lr": 0.2}], 0, None))
    2 runs
    >>> show(RunDone(Run(1, {"lr": 0.2}, {"loss": 0.25}, seconds=2)))
    1/2  lr=0.2  loss 0.25  (2.0 s)
    """
    if console is None:
        from rich.console import Console as RichConsole

        console = RichConsole(stderr=True)
    return _Show(console, measures, bar=console.is_terminal and not console.is_dumb_terminal and not plain)


class _Show:
    def __init__(self, console: Console, measures: Sequence[str] | None, *, bar: bool) -> None:
        self._console = console
        self._measures = measures
        self._wants_bar = bar
        self._bar: Progress | None = None
        self._total = self._done = self._failed = 0
        self._settings: list[str] = []

    def __call__(self, event: Event) -> None:
        """Show the event."""
        match event:
            case SweepStarted(configurations, kept, folder):
                self._total, self._done = len(configurations), kept
                self._settings = differing(configurations)
                where = f", kept in {folder}" if folder else ""
                self._say(f"{_runs(self._total)}{where}" + (f"; {kept:,} done before" if kept else ""))
                self._start()
            case RunDone(run):
                self._done += run.failure is None
                self._failed += run.failure is not None
                self._line(run)
            case WorkerDied(how, again):
                self._say(f"{how}; {_runs(len(again))} will be tried again, one at a time")
            case SweepEnded() if self._bar is not None:
                self._bar.stop()
                self._bar = None

    def _start(self) -> None:
        if not self._wants_bar:
            return
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        left = TimeRemainingColumn(), TextColumn("left")
        columns = BarColumn(None), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), *left
        self._bar = Progress(*columns, console=self._console, expand=True)
        self._task = self._bar.add_task("", total=self._total, completed=self._done)
        self._bar.start()

    def _line(self, run: Run) -> None:
        width = len(str(self._total))
        settings = " ".join(
            f"{name}={_short(run.configuration[name])}" for name in self._settings if name in run.configuration
        )
        outcome = f"failed: {run.failure}" if run.failure else self._values(run.values or {})
        self._say(f"{self._done + self._failed:{width}}/{self._total}  {settings}  {outcome}  ({run.seconds:.1f} s)")
        if self._bar is not None:
            failed = f"{self._failed:,} failed" if self._failed else ""
            self._bar.update(self._task, completed=self._done + self._failed, description=failed)

    def _values(self, values: dict[str, Any]) -> str:
        names = list(values)[:SHOWN] if self._measures is None else [name for name in self._measures if name in values]
        return "  ".join(f"{name.replace('_', ' ')} {_number(name, values[name])}" for name in names)

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _number(name: str, value: Any) -> str:
    return f"{value:.2%}" if isinstance(value, float) and name.endswith("accuracy") else _short(value)


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count:,} runs"
