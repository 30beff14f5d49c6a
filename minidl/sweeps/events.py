"""What a sweep reports while it runs, for whoever listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .configurations import Configuration
from .outcome import Run
from .results import Results


@dataclass(frozen=True, slots=True)
class SweepStarted:
    """A sweep begins.

    Attributes:
        configurations: all of them, in order.
        kept: how many have their result from an earlier time.
        folder: where results are saved, if anywhere.
    """

    configurations: list[Configuration]
    kept: int
    folder: Path | None


@dataclass(frozen=True, slots=True)
class RunDone:
    """A run has ended, with values or with a failure, and is saved."""

    run: Run


@dataclass(frozen=True, slots=True)
class WorkerDied:
    """A worker process ended in the middle of its work.

    Attributes:
        how: in words.
        again: the positions of the configurations that were running, which are tried again one at a time.
    """

    how: str
    again: list[int]


@dataclass(frozen=True, slots=True)
class SweepEnded:
    """The sweep is over, or broken off.

    Attributes:
        results: all there are.
        finished: whether every configuration has been tried.
    """

    results: Results
    finished: bool


Event = SweepStarted | RunDone | WorkerDied | SweepEnded
Callback = Callable[[Event], None]
