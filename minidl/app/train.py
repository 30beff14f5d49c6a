"""`minidl train`: train a network, watch it learn, keep everything in one folder."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import CheckpointError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from ..training import Evaluation, Session, Trainer
    from .dashboard import Reporter
    from .run_folder import RunFolder

INTERRUPTED = 130
"""The exit status of a run that Ctrl-C stopped."""


def train(
    data: Annotated[
        str | None,
        typer.Option(help="digits, which come with minidl, or a folder with MNIST's files.", show_default="digits"),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="lenet, lenet5 or mlp.", show_default="lenet; lenet5 for a folder")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="How often all training images are seen.", show_default="30; 3 for a folder")
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Images a step.", show_default="32; 64 for a folder")] = None,
    optimizer: Annotated[
        str | None, typer.Option(help="sgd (with momentum), adam or adamw.", show_default="sgd")
    ] = None,
    lr: Annotated[
        float | None, typer.Option(help="The highest learning rate of the run.", show_default="sgd 0.05, others 0.004")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of the split, the first weights and all that is random.", show_default="0")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The run's folder, new or empty.", show_default="runs/DATA-MODEL-seedN")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with the run in this folder, exactly where it stopped.")
    ] = None,
    device: Annotated[str, typer.Option(help="What to compute on: cpu.")] = "cpu",
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only the result.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Print lines instead of a live dashboard.")] = False,
) -> None:
    """Train a network on real handwritten digits, with a live dashboard, and keep it and its pictures in runs/NAME/.

    Without options: a small LeNet on the 1,797 digits that come with minidl, in seconds. Ctrl-C stops after the current
    step; `--resume` goes on as if nothing had happened. The end is a report.html that shows everything.
    """
    check_device(device)
    console = make_console()
    asked = {
        "data": data, "model": model, "epochs": epochs, "batch": batch, "optimizer": optimizer, "lr": lr, "seed": seed
    }  # fmt: skip
    given = {name: value for name, value in asked.items() if value is not None}
    began = time.perf_counter()
    if resume is not None:
        session, folder, state = _open(resume, [*given, *(["out"] if out is not None else [])])
    else:
        session, folder, state = *_create(given, out), None
    finished = _run(console, session, folder, state, plain=plain, quiet=quiet, began=began)
    if not finished:
        raise typer.Exit(INTERRUPTED)


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


def check_device(device: str) -> None:
    """Make sure that there is such a device.

    Raises:
        UsageError: there is not.
    """
    if device == "cuda":
        raise UsageError("this version of minidl has no CUDA kernels yet; leave --device out, or say --device cpu")
    if device != "cpu":
        raise UsageError(f"there is no device {device!r}; choose cpu")


def _create(given: dict[str, Any], out: Path | None) -> tuple[Session, Path]:
    """Check what was asked for, load the data, and only then make the folder: a wrong option leaves nothing behind."""
    from ..training import Config, prepare
    from .run_folder import new_folder

    config = Config.make(**given)
    session = prepare(config)
    return session, new_folder(out, f"{Path(config.data).name}-{config.model}-seed{config.seed}")


def _open(path: Path, conflicting: list[str]) -> tuple[Session, Path, dict[str, Any]]:
    """Load a run's checkpoint and put its training together again."""
    from ..training import Config, load_checkpoint, prepare

    if conflicting:
        names = ", ".join(f"--{name}" for name in conflicting)
        raise UsageError(f"--resume goes on with the run as it was begun, so {names} cannot be given with it")
    state = load_checkpoint(path)
    try:
        config = Config(**state["config"])
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"{path} does not say how its run was begun: {error}") from error
    session = prepare(config)
    session.trainer.load_state_dict(state)
    return session, path if path.is_dir() else path.parent, state


def _run(
    console: Console,
    session: Session,
    folder: Path,
    state: dict[str, Any] | None,
    *,
    plain: bool,
    quiet: bool,
    began: float,
) -> bool:
    """Train, judge, report; return whether the run came to its end."""
    from .dashboard import compile_notices, make_reporter
    from .run_folder import RESULT, RunFolder

    config, trainer = session.config, session.trainer
    title = f"minidl train · {Path(config.data).name} · {config.model} · seed {config.seed}"
    reporter = make_reporter(console, title, plain=plain, quiet=quiet)
    keeper = RunFolder(folder, session, reporter.note)
    if state is None:
        keeper.write_config()
    elif (folder / RESULT).exists():
        _say(console, f"{folder}: this run is finished; there is nothing to go on with")
        _print_result(console, _read_result(folder / RESULT), folder, None)
        return True
    else:
        _try_writing(keeper, trainer)
    trainer.callbacks += [keeper, reporter]
    with stop_on_interrupt(trainer, reporter):
        with reporter, compile_notices(reporter):
            _introduce(reporter, session, folder, resumed=state is not None, quiet=quiet)
            finished = trainer.run()
            result = keeper.write_result(_judge(session)) if finished else None
        if result is not None:
            _print_result(console, result, folder, time.perf_counter() - began)
        else:
            _say(console, f"stopped after step {trainer.step} of {trainer.steps}")
            _say(console, "to go on: minidl train --resume " + (f'"{folder}"' if " " in str(folder) else str(folder)))
    return finished


def _try_writing(keeper: RunFolder, trainer: Trainer) -> None:
    """Save the checkpoint again as it is: whether the folder can be written is better known now than later."""
    try:
        keeper.save(trainer)
    except OSError as error:
        raise UsageError(
            f"cannot write in the run's folder {keeper.folder}: {error.strerror or error}; make it writable, or copy it "
            "to where you can write and resume the copy"
        ) from error


def _judge(session: Session) -> Evaluation:
    """Look at the test images: here, once, and nowhere else."""
    from ..training import evaluate

    return evaluate(session.trainer.model, session.loader(session.parts.test))


@contextmanager
def stop_on_interrupt(trainer: Trainer, reporter: Reporter) -> Iterator[None]:
    """Have Ctrl-C stop `trainer` after its current step, for a `with` block; pressing it again changes nothing.

    The handler only leaves word: so a checkpoint being written is never torn, however often Ctrl-C is pressed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return

    def handle(number: int, frame: FrameType | None) -> None:
        trainer.stop()
        reporter.stopping = True

    previous = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def _introduce(reporter: Reporter, session: Session, folder: Path, *, resumed: bool, quiet: bool) -> None:
    if quiet:
        return
    about = session.describe()
    name, parts = Path(about["data"]).name, about["images"]
    reporter.note(
        f"{name}: {parts['train']:,} training, {parts['validation']:,} validation, {parts['test']:,} test images"
    )
    reporter.note(f"{about['model']}: {about['parameters']:,} parameters")
    reporter.note(f"going on in {folder}, from step {session.trainer.step}" if resumed else f"writing in {folder}")


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
    _say(console, f"test accuracy {result['test_accuracy']:.2%}: {result['correct']} of {result['total']} right")
    _say(console, f"95% Clopper-Pearson interval: {low:.2%} to {high:.2%}")
    took = "" if seconds is None else f" ({seconds:.0f} s)"
    _say(console, f"report: {folder / 'report.html'}{took}")


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
