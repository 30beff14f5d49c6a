"""Carrying out a run of `minidl train`: beginning it or going on with it, its end, and Ctrl-C in between."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from ..errors import CheckpointError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from ..training import Session, Trainer
    from ..training.parallel import Processes
    from .dashboard import Reporter
    from .run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class Wishes:
    """What does not decide a run's numbers.

    Attributes:
        quiet: whether to print only the result.
        plain: whether to print lines where a dashboard could be drawn.
        pictures: whether to draw anything.
        workers: how many processes prepare batches.
        top_k: how many guesses an image has for the second accuracy of the test.
        perturbations: whether to judge the model by perturbed test images too.
        profile: whether to measure some steps, and to print where their time went.
        device: what computes.

    Raises:
        UsageError: a number makes no sense.
    """

    quiet: bool = False
    plain: bool = False
    pictures: bool = True
    workers: int = 0
    top_k: int = 3
    perturbations: bool = False
    profile: bool = False
    device: str = "cpu"

    def __post_init__(self) -> None:
        for field, least in (("workers", 0), ("top_k", 1)):
            if getattr(self, field) < least:
                raise UsageError(f"{field} must be at least {least}; got {getattr(self, field)}")


def make_console() -> Console:
    """Return a console that, once nobody reads it any more (`| head -1`), is silent instead of ending the run."""
    from rich.console import Console

    class Patient(Console):
        def on_broken_pipe(self) -> None:
            self.quiet = True
            # What is still buffered would fail again when Python flushes it at exit.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)

    return Patient()


def begin(
    console: Console, settings: Mapping[str, Any], out: Path | None, wishes: Wishes, parallel: Processes | None
) -> bool:
    """Begin a run and carry it through; return whether it came to its end.

    What was asked for is checked, and the data are loaded, before the folder is made: a wrong option leaves nothing behind.
    """
    from ..training import Config, prepare
    from ..training.sources import title_of
    from .run_folder import new_folder

    began = time.perf_counter()
    config = Config.make(**settings)
    with _first_process_first(parallel):  # which may have to download the data
        session = prepare(config, workers=wishes.workers, parallel=parallel, device=wishes.device)
    if _only_computes(session):
        return _compute(session)
    model = config.model.partition("(")[0]
    folder = new_folder(out, f"{title_of(config.data)}-{model}-seed{config.seed}")
    return _carry_out(console, session, folder, None, wishes, began)


def go_on(console: Console, path: Path, wishes: Wishes, parallel: Processes | None) -> bool:
    """Go on with the run in a folder; return whether it came to its end."""
    from ..training import Config, load_checkpoint, prepare
    from .run_folder import RESULT

    began = time.perf_counter()
    state = load_checkpoint(path)
    saved = state.get("config")
    if not isinstance(saved, dict):
        raise CheckpointError(f"{path} does not say how its run was begun")
    session = prepare(Config.from_saved(saved), workers=wishes.workers, parallel=parallel, device=wishes.device)
    session.trainer.load_state_dict(state)
    folder = path if path.is_dir() else path.parent
    if _only_computes(session):
        return (folder / RESULT).exists() or _compute(session)
    return _carry_out(console, session, folder, state, wishes, began)


@contextmanager
def _first_process_first(parallel: Processes | None) -> Iterator[None]:
    """Have the first process run a block before the others do, which then find its results."""
    if parallel is not None and parallel.rank:
        parallel.barrier()
    yield
    if parallel is not None and not parallel.rank:
        parallel.barrier()


def _only_computes(session: Session) -> bool:
    """Whether this is one of several processes, and not the one that writes and prints."""
    return session.trainer.parallel.rank > 0


def _compute(session: Session) -> bool:
    """Compute a share of every batch, and leave words and files to the first process."""
    with stop_on_interrupt(session.trainer):
        return session.trainer.run()


def _carry_out(
    console: Console, session: Session, folder: Path, state: dict[str, Any] | None, wishes: Wishes, began: float
) -> bool:
    """Train, judge, report."""
    from .dashboard import compile_notices, make_reporter
    from .profiling import StepProfile
    from .run_folder import RESULT, RunFolder

    trainer = session.trainer
    reporter = make_reporter(console, _title(session), plain=wishes.plain, quiet=wishes.quiet)
    keeper = RunFolder(folder, session, reporter.note, pictures=wishes.pictures)
    if state is None:
        keeper.write_config()
    elif (folder / RESULT).exists():
        say(console, f"{folder}: this run is finished; there is nothing to go on with")
        _print_result(console, _read_result(folder / RESULT), folder, None)
        return True
    else:
        _try_writing(keeper, trainer)
    measured = StepProfile(session) if wishes.profile else None
    trainer.callbacks += [keeper, reporter, *([measured] if measured else [])]
    with stop_on_interrupt(trainer, reporter):
        with reporter, compile_notices(reporter):
            _introduce(reporter, session, folder, resumed=state is not None, quiet=wishes.quiet)
            with measured or nullcontext():
                finished = trainer.run()
            if measured is not None:
                keeper.write_profile(measured)
            if not wishes.quiet and (remark := keeper.remark_on_time()):
                reporter.note(remark)
            result = _judged(session, keeper, wishes) if finished else None
        if measured is not None:
            measured.show(console)
        if result is not None:
            _print_result(console, result, folder, time.perf_counter() - began)
        else:
            say(console, f"stopped after step {trainer.step} of {trainer.steps}")
            say(console, "to go on: minidl train --resume " + (f'"{folder}"' if " " in str(folder) else str(folder)))
    return finished


def _title(session: Session) -> str:
    from ..training.sources import title_of

    config = session.config
    return f"minidl train · {title_of(config.data)} · {config.model.partition('(')[0]} · seed {config.seed}"


def _try_writing(keeper: RunFolder, trainer: Trainer) -> None:
    """Save the checkpoint again as it is: whether the folder can be written is better known now than later."""
    try:
        keeper.checkpoints.save(trainer)
    except OSError as error:
        raise UsageError(
            f"cannot write in the run's folder {keeper.folder}: {error.strerror or error}; make it writable, or copy it "
            "to where you can write and resume the copy"
        ) from error


def _judged(session: Session, keeper: RunFolder, wishes: Wishes) -> dict[str, Any]:
    """Have the test images judge the model that is kept."""
    from .verdict import judge

    session.trainer.judged.load_state_dict(keeper.kept_weights(session.trainer))
    return keeper.write_result(judge(session, top_k=wishes.top_k, perturbed=wishes.perturbations))


@contextmanager
def stop_on_interrupt(trainer: Trainer, reporter: Reporter | None = None) -> Iterator[None]:
    """Have Ctrl-C stop `trainer` after its current step, for a `with` block; pressing it again changes nothing.

    The handler only leaves word: so a checkpoint being written is never torn, however often Ctrl-C is pressed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return

    def handle(number: int, frame: FrameType | None) -> None:
        trainer.stop()
        if reporter is not None:
            reporter.stopping = True

    previous = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def _introduce(reporter: Reporter, session: Session, folder: Path, *, resumed: bool, quiet: bool) -> None:
    if quiet:
        return
    from ..training.sources import title_of

    config, parts, trainer = session.config, session.parts, session.trainer
    about = session.describe()
    reporter.note(
        f"{title_of(config.data)}: {len(parts.train):,} training, {len(parts.validation):,} validation, "
        f"{len(parts.test):,} test images"
    )
    learning = about["learning_parameters"]
    frozen = "" if learning == about["parameters"] else f", {learning:,} of them learn"
    shared = f"; {trainer.parallel.size} processes share each batch" if trainer.parallel.size > 1 else ""
    reporter.note(f"{config.model}: {about['parameters']:,} parameters{frozen}{shared}")
    reporter.note(f"going on in {folder}, from step {trainer.step}" if resumed else f"writing in {folder}")


def _read_result(path: Path) -> dict[str, Any]:
    import json

    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        result["test_accuracy"], result["correct"], result["total"], result["interval"][1]
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise CheckpointError(f"{path} is damaged ({error}); delete it, and --resume judges the model again") from error
    return dict(result)


def _print_result(console: Console, result: dict[str, Any], folder: Path, seconds: float | None) -> None:
    low, high = result["interval"]
    say(console, f"test accuracy {result['test_accuracy']:.2%}: {result['correct']} of {result['total']} right")
    say(console, f"95% Clopper-Pearson interval: {low:.2%} to {high:.2%}")
    if result.get("kept") == "best":
        say(console, f"weights of epoch {result['epoch']}, the best by {result['monitor'].replace('_', ' ')}")
    if perturbed := result.get("perturbed_accuracy"):
        width = max(map(len, perturbed))
        say(console, "accuracy under each perturbation:")
        for name, accuracy in sorted(perturbed.items(), key=lambda item: -item[1]):
            say(console, f"  {name:{width}}  {accuracy:7.2%}")
    took = "" if seconds is None else f" ({seconds:.0f} s)"
    say(console, f"report: {folder / 'report.html'}{took}")


def say(console: Console, text: str) -> None:
    """Print a line as it is, without breaking it."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)
