"""What `minidl train` shows while it works: a live dashboard, plain lines, or nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import pairwise
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from viz.drawing.theme import TERMINAL

from ..training import (
    EpochDone,
    Event,
    StepDone,
    Trainer,
    TrainingStarted,
    TrainingStopped,
    rich_history_table,
)
from .pace import Pace
from .tables import telling

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

NARROWEST, LOWEST = 60, 18
"""The smallest terminal, in columns and lines, that the dashboard is drawn in."""

REFRESH = 0.1
"""The least number of seconds between two drawings."""

COLUMNS = ("epoch", "learning_rate", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
"""What the table at the end shows of an epoch."""

_BARS = "▁▂▃▄▅▆▇█"


class Reporter(Protocol):
    """A callback that shows a person how training goes, and can be told things to pass on.

    Attributes:
        stopping: whether training was asked to stop after its current step; set by a signal handler, so only looked at
            when there is something to show.
    """

    stopping: bool

    def __enter__(self) -> Self: ...
    def __exit__(self, *error: Any) -> None: ...
    def __call__(self, event: Event) -> None: ...  # noqa: D102

    def note(self, text: str) -> None:
        """Show a message that stays."""

    def compiling(self, kernel: str) -> None:
        """Say that a kernel is being compiled, which takes seconds and happens once."""


def make_reporter(console: Console, title: str, *, plain: bool = False, quiet: bool = False) -> Reporter:
    """Return what suits the console and the wishes.

    Args:
        console: where to write.
        title: the run in a few words, `digits · lenet · seed 0`.
        plain: whether to write lines also where a dashboard could be drawn.
        quiet: whether to show nothing but messages that matter.
    """
    if quiet:
        return Lines(console, quiet=True)
    if plain or not console.is_terminal or console.is_dumb_terminal:
        return Lines(console)
    if reason := _too_poor(console):
        lines = Lines(console)
        lines.note(f"{reason}: plain lines instead of the dashboard")
        return lines
    return Dashboard(console, title)


def _too_poor(console: Console) -> str:
    """Say why the dashboard would not look right here, or nothing."""
    if console.width < NARROWEST:
        return f"the terminal is {console.width} columns wide, less than {NARROWEST}"
    if console.height < LOWEST:
        return f"the terminal is {console.height} lines high, less than {LOWEST}"
    if console.options.ascii_only:
        return f"the terminal's encoding, {console.encoding}, has no block characters"
    return ""


class Lines:
    """One line an epoch, in ASCII and within 80 columns; nothing at all if `quiet`."""

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self.stopping = False
        self._console = console
        self._quiet = quiet
        self._compiling = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None: ...

    def __call__(self, event: Event) -> None:
        """Show the event."""
        if isinstance(event, EpochDone) and not self._quiet:
            r, epochs = event.record, event.trainer.epochs
            width = len(str(epochs))
            self._print(
                f"epoch {r['epoch']:{width}}/{epochs}  loss {r['train_loss']:.4f}  "
                f"accuracy {r['train_accuracy']:7.2%}  "
                f"validation {r['validation_loss']:.4f} {r['validation_accuracy']:7.2%}  "
                f"{event.images_per_second:.0f}/s"
            )
        if isinstance(event, TrainingStopped) and event.trainer.stopped_early and not self._quiet:
            self._print(event.reason)

    def note(self, text: str) -> None:
        """Print the message on lines of its own."""
        self._print(text)

    def compiling(self, kernel: str) -> None:
        """Say it once, not for every kernel."""
        if not self._compiling and not self._quiet:
            self._print("compiling kernels for this machine (once, some seconds)")
        self._compiling = True

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class Dashboard:
    """The live dashboard: redrawn in place between steps, by the training thread itself, at most ten times a second."""

    def __init__(self, console: Console, title: str) -> None:
        from rich.live import Live

        self.stopping = False
        self._console = console
        self._title = title
        self._live = Live(self, console=console, auto_refresh=False, transient=False)
        self._trainer: Trainer | None = None
        self._last: StepDone | None = None
        self._losses: list[float] = []
        self._clock = Pace()
        self._drawn = 0.0
        self._kernels: list[str] = []
        self._ended: TrainingStopped | None = None

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.update(self, refresh=kind is None)
        self._live.stop()
        if self._ended is not None:
            self._sum_up(self._ended)

    def __call__(self, event: Event) -> None:
        """Take in the event, and redraw when it is time."""
        match event:
            case TrainingStarted(trainer):
                self._trainer = trainer
                for record in trainer.history:  # of a run that goes on, the epochs before
                    self._losses += [record["train_loss"]] * trainer.steps_per_epoch
                self._draw()
            case StepDone():
                self._last = event
                self._losses.append(event.loss)
                self._clock.tick(event.images)
                self._kernels.clear()
                if time.perf_counter() - self._drawn >= REFRESH:
                    self._draw()
            case EpochDone():
                self._draw()
            case TrainingStopped(trainer):
                self._draw()
                self._ended = event

    def note(self, text: str) -> None:
        """Print the message above the dashboard."""
        self._console.print(text, markup=False, highlight=False)

    def compiling(self, kernel: str) -> None:
        """Show how many kernels have been compiled so far."""
        self._kernels.append(kernel)
        self._draw()

    def _draw(self) -> None:
        self._drawn = time.perf_counter()
        self._live.update(self, refresh=True)

    def _sum_up(self, end: TrainingStopped) -> None:
        """Leave the history below the dashboard as a table, and say why the training ended if not by itself."""
        if end.trainer.history:
            columns = [name for name in COLUMNS if name in end.trainer.history[0]]
            self._console.print(rich_history_table(telling(end.trainer.history), columns))
        if end.trainer.stopped_early:
            self.note(end.reason)

    # What it looks like -------------------------------------------------------------------------------------------

    def __rich_console__(self, console: Console, options: Any) -> Iterator[RenderableType]:
        width = min(options.max_width, 100)
        yield from self._head(width)
        trainer, last = self._trainer, self._last
        if self._kernels:
            yield _line(f"compiling kernels for this machine (once): {len(self._kernels)}, {self._kernels[-1]}"[:width])
        if self.stopping:
            yield _line("Ctrl-C: stopping after this step, then saving")
        if trainer is None or last is None:
            return
        record = trainer.history[-1] if trainer.history else None
        accuracies = [r["validation_accuracy"] for r in trainer.history]
        yield _line("")
        yield from _curve("loss", width, self._losses, [("now", f"{last.loss:.4f}")], record, "_loss", "{:.4f}")
        yield from _curve(
            "accuracy", width, accuracies, [("now", f"{last.metrics['accuracy']:.2%}")], record, "_accuracy", "{:.2%}"
        )
        yield _line("")
        yield _fields(
            ("learning rate", f"{last.learning_rate:.5f}"), ("images a second", f"{self._clock.images_a_second:,.0f}")
        )
        yield _line("")
        room = console.height - 15
        yield from _norms(last.gradient_norms, width, room)

    def _head(self, width: int) -> Iterator[RenderableType]:
        from rich.text import Text

        trainer = self._trainer
        stopped = trainer is not None and trainer.stopped_early
        current = min(len(trainer.history) + (not stopped), trainer.epochs) if trainer else 0
        epoch = f"epoch {current} of {trainer.epochs}" if trainer else ""
        room = width - len(epoch) - 1
        yield Text(f"{self._title[:room]:{room}} ", style="bold", end="").append(epoch + "\n", style="bold")
        if trainer is None:
            return
        left = "stopped early" if stopped else self._clock.left(trainer.steps - trainer.step)
        text = f" {trainer.step / trainer.steps:4.0%}  step {trainer.step} of {trainer.steps}  {left}"
        bar = width - len(text)
        done = round(bar * trainer.step / trainer.steps)
        yield (
            Text("█" * done, style=TERMINAL["value"], end="")
            .append("░" * (bar - done), style="dim")
            .append(text + "\n", style="")
        )


def sparkline(values: Sequence[float], width: int) -> str:
    """Draw numbers as a row of bars, the least as the lowest and the greatest as the highest.

    Args:
        values: what to draw; where there are more than fit, each bar is the mean of its share.
        width: the greatest number of characters.

    >>> sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8)
    '▁▂▃▄▅▆▇█'
    >>> sparkline([3, 3], 8)
    '▁▁'
    """
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) > width:
        ends = [round(i * len(finite) / width) for i in range(width + 1)]
        finite = [sum(finite[a:b]) / (b - a) for a, b in pairwise(ends)]
    if not finite:
        return ""
    low, high = min(finite), max(finite)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BARS[round((value - low) * scale)] for value in finite)


def _line(content: str) -> Text:
    from rich.text import Text

    return Text(content)


def _fields(*fields: tuple[str, str]) -> Text:
    from rich.text import Text

    line = Text()
    for name, value in fields:
        line.append(f"{name} ").append(value, style="bold").append("   ")
    line.right_crop(3)
    return line


def _curve(
    name: str, width: int, values: Sequence[float], fields: list[tuple[str, str]], record: Any, key: str, form: str
) -> Iterator[Text]:
    """A line of numbers and, below it, the curve so far."""
    if record is not None:
        fields = [*fields, *((part, form.format(record[part + key])) for part in ("train", "validation"))]
    line = _fields(*fields)
    line.pad_left(10 - len(name))
    yield _line(name).append_text(line)
    yield _line(sparkline(values, width)).copy() if values else _line("")


def _norms(norms: dict[str, float], width: int, room: int) -> Iterator[Text]:
    """One bar a layer, its length the logarithm of the gradient's norm from 0.0001 to 10."""
    if room < 2:
        return
    yield _line("gradient norm of each layer (logarithmic, 0.0001 to 10)")
    shown = list(norms.items())[: room - 1]
    names = max(len(name) for name, _ in shown)
    for name, norm in shown:
        share = (math.log10(norm) + 4) / 5 if norm > 0 else 0.0
        length = round(min(1.0, max(0.0, share)) * (width - names - 12))
        yield _line(f"{name:{names}} {norm:9.2g} ").append("█" * length, style=TERMINAL["gradient"])


def compile_notices(reporter: Reporter) -> AbstractContextManager[None]:
    """Pass on to `reporter`, for a `with` block, that kernels are being compiled."""
    from ..kernels.cpu import jit

    return jit.on_compile(reporter.compiling)


__all__ = ["Dashboard", "Lines", "Reporter", "compile_notices", "make_reporter", "sparkline"]
