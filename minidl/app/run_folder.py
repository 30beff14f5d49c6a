"""The folder of a run: what is kept of a training, and the pictures of it.

runs/NAME/
    config.json           everything that decides the numbers, and the sizes of data and model
    metrics.csv           a line an epoch; nothing a clock measured, so a run repeated gives the same file
    timing.csv            a line an epoch: seconds and images a second
    model.safetensors     the weights after the last epoch done (the learning rate falls to 0, so the last are the
                          ones to keep); with them, as text, what the model is and how its inputs are standardised
    checkpoint.json       all that is needed to go on, with checkpoint-*.safetensors
    result.json           at the end: what the test set says
    figures/passes-000.svg  the forward and backward pass of one fixed batch: 000 before the first step, then a
                          picture an epoch; .dot where there is no Graphviz
    figures/filmstrip.svg   kernels, feature maps, answers and the loss at up to eight moments, which are kept in
                          film-EEE.safetensors
    figures/curves.svg, kernels-LAYER.svg, kernels-LAYER-EEE.svg (the first layer's, each epoch), guesses.svg
    report.html           all of it in one file
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from .. import __version__, tensor
from ..errors import MissingEngineError, UsageError
from ..files import write_atomic
from ..nn import functional as F
from ..training import (
    EpochDone,
    Evaluation,
    Event,
    Session,
    Trainer,
    TrainingStarted,
    TrainingStopped,
    clopper_pearson,
    save_checkpoint,
)
from .film import draw_strip, keep_moment

PROBE = 16
"""How many validation images the diagrams of the passes show going through the network."""

KERNEL_SCALE = 1.5
"""The end of the colour scale on which the first kernels are drawn every epoch, so that the pictures compare."""

CONFIG, METRICS, TIMING, MODEL, RESULT = "config.json", "metrics.csv", "timing.csv", "model.safetensors", "result.json"


def new_folder(out: Path | None, name: str, root: Path = Path("runs")) -> Path:
    """Create the folder of a new run, so that whether it can be written is known before training begins.

    Args:
        out: the folder that was asked for; it may exist if it is empty.
        name: what to call the folder below `root` if none was asked for; `-2`, `-3` … is added if it is taken.
        root: the folder of runs.

    Raises:
        UsageError: `out` already holds something, or the folder cannot be created or written.
    """
    try:
        if out is not None:
            if out.is_dir() and any(out.iterdir()):
                raise UsageError(
                    f"{out} is not empty, and a run never overwrites another; name a new folder with --out, or go on "
                    f"with the run in it: minidl train --resume {out}"
                )
            out.mkdir(parents=True, exist_ok=True)
            folder = out
        else:
            folder = _first_free(root, name)
        write_atomic(folder / CONFIG, "{}\n")
    except OSError as error:
        raise UsageError(
            f"cannot write the run's folder {out or root / name}: {error.strerror or error}; choose another with --out"
        ) from error
    return folder


def _first_free(root: Path, name: str) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        folder = root / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise AssertionError("unreachable")


class RunFolder:
    """A callback that keeps the run's folder up to date: first the checkpoint, then the numbers, then the pictures.

    A picture that fails never costs the run: it is reported once, and training goes on.

    Args:
        folder: where.
        session: the run.
        note: called with what a person should know.
    """

    def __init__(self, folder: Path, session: Session, note: Callable[[str], None]) -> None:
        self.folder = folder
        self.session = session
        self._note = note
        self._told: set[str] = set()

    def write_config(self) -> None:
        """Write config.json."""
        write_json(self.folder / CONFIG, {"minidl": __version__} | self.session.describe())

    def __call__(self, event: Event) -> None:
        """Write what the event is worth."""
        match event:
            case TrainingStarted(trainer):
                if trainer.step == 0:
                    self.save(trainer)
                    self.draw_epoch("before training", 0)
            case EpochDone(trainer, record, seconds, speed):
                self.save(trainer)
                self._write_metrics(trainer)
                self._write_timing(record["epoch"], sum(seconds.values()), speed)
                self._write_model(trainer)
                accuracy = f"validation {100 * record['validation_accuracy']:.1f} %"
                self.draw_epoch(f"epoch {record['epoch']} · {accuracy}", record["epoch"])
            case TrainingStopped(trainer, finished, _):
                self.save(trainer)
                if trainer.history:
                    self._write_metrics(trainer)
                if finished:  # a run that was killed right after its last checkpoint has not got these yet
                    self._write_model(trainer)
                self.draw_summary(trainer)
                if not finished:  # a finished run has its report when the test set has been seen
                    self.write_report()

    # Numbers ------------------------------------------------------------------------------------------------------

    def save(self, trainer: Trainer) -> None:
        """Write a checkpoint."""
        config = {name: getattr(self.session.config, name) for name in self.session.config.__dataclass_fields__}
        save_checkpoint(self.folder, trainer.state_dict() | {"config": config})

    def _write_metrics(self, trainer: Trainer) -> None:
        # The whole file from the whole history: so it is right whenever a run was cut off, and however often.
        write_csv(self.folder / METRICS, trainer.history)

    def _write_timing(self, epoch: int, seconds: float, speed: float) -> None:
        path = self.folder / TIMING
        rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines())) if path.exists() else []
        write_csv(path, [*rows, {"epoch": epoch, "seconds": f"{seconds:.3f}", "images_per_second": f"{speed:.1f}"}])

    def _write_model(self, trainer: Trainer) -> None:
        from safetensors.numpy import save

        about = self.session.describe()
        # One entry: with several, safetensors would write them in another order each time.
        kept = {key: about[key] for key in ("model", "image_shape", "classes", "standardize")}
        weights = {name: value.copy(order="C") for name, value in trainer.model.state_dict().items()}
        write_atomic(self.folder / MODEL, save(weights, {"minidl": json.dumps(kept)}))

    def write_result(self, judged: Evaluation) -> dict[str, Any]:
        """Write what the test set says, draw the wrong guesses, make the report, and return the result."""
        total = len(judged.labels)
        low, high = clopper_pearson(judged.correct, total)
        result = {
            "test_accuracy": judged.accuracy,
            "correct": judged.correct,
            "total": total,
            "interval": [low, high],
            "confidence": 0.95,
            "interval_method": "Clopper-Pearson",
            "test_loss": judged.loss,
            "top_3_accuracy": judged.top_k_accuracy(min(3, judged.probabilities.shape[1])),
        }
        write_json(self.folder / RESULT, result)
        self._attempt("the misclassified images", lambda: self._draw_guesses(judged))
        self.write_report()
        return result

    # Pictures -----------------------------------------------------------------------------------------------------

    def draw_epoch(self, caption: str, epoch: int) -> None:
        """Draw how the probe, always the same images, goes through the network, and the first kernels as they are now."""
        self._attempt("the diagram of the passes", lambda: self._draw_passes(caption, epoch))
        self._attempt("the kernels", lambda: self._draw_first_kernels(epoch))
        self._attempt("the film strip", lambda: keep_moment(self.folder / "figures", self.session, epoch, PROBE))

    def _draw_passes(self, caption: str, epoch: int) -> None:
        from viz.passes.draw import draw_passes

        model = self.session.trainer.model
        probe = self.session.parts.validation
        images = self.session.standardize(probe.images[:PROBE])
        was_training = model.training
        model.eval()  # nothing random, so training goes on as if no picture had been drawn
        try:
            loss = F.cross_entropy(model(tensor(images)), tensor(probe.labels[:PROBE]))
            figure = draw_passes(loss, model, caption=caption)
        finally:
            model.train(was_training)
        path = self.folder / "figures" / f"passes-{epoch:03d}"
        try:
            path.parent.mkdir(exist_ok=True)
            figure.save(path.with_suffix(".svg"))
        except MissingEngineError:
            write_atomic(path.with_suffix(".dot"), figure.dot)
            raise

    def draw_summary(self, trainer: Trainer) -> None:
        """Draw the curves, the kernels and the film strip."""
        self._attempt("the curves", lambda: self._draw_curves(trainer))
        self._attempt("the kernels", lambda: self._draw_kernels(trainer))
        self._attempt("the film strip", lambda: draw_strip(self.folder / "figures", self.session))

    def _draw_curves(self, trainer: Trainer) -> None:
        from viz.plots import curves

        if trainer.history:
            write_atomic(self.folder / "figures" / "curves.svg", curves(trainer.history).svg())

    def _draw_first_kernels(self, epoch: int) -> None:
        from viz.plots import kernels

        for layer, weight in _convolutions(self.session.trainer)[:1]:
            picture = kernels(weight, layer, limit=KERNEL_SCALE).svg()
            write_atomic(self.folder / "figures" / f"kernels-{layer}-{epoch:03d}.svg", picture)

    def _draw_kernels(self, trainer: Trainer) -> None:
        from viz.plots import kernels

        for layer, weight in _convolutions(trainer):
            write_atomic(self.folder / "figures" / f"kernels-{layer}.svg", kernels(weight, layer).svg())

    def _draw_guesses(self, judged: Evaluation) -> None:
        from viz.plots import guesses

        test = self.session.parts.test
        picture = guesses(test.images, judged.labels, judged.probabilities, test.classes).svg()
        write_atomic(self.folder / "figures" / "guesses.svg", picture)

    def write_report(self) -> None:
        """Put everything the folder holds into report.html."""
        self._attempt("report.html", self._write_report)

    def _write_report(self) -> None:
        from viz.report.page import write_report

        write_report(self.folder)

    def _attempt(self, what: str, draw: Callable[[], None]) -> None:
        """Make a picture; whatever goes wrong, the run is worth more than the picture."""
        try:
            draw()
        except MissingEngineError as error:
            self._tell_once("engine", f"no diagrams, only their .dot files: {error}")
        except Exception as error:
            self._tell_once(what, f"could not draw {what}: {type(error).__name__}: {error}; the run itself is unharmed")

    def _tell_once(self, key: str, message: str) -> None:
        if key not in self._told:
            self._told.add(key)
            self._note(message)


def _convolutions(trainer: Trainer) -> list[tuple[str, Any]]:
    """The layers that have kernels to show, with their weights."""
    state = trainer.model.state_dict()
    return [(name.removesuffix(".weight"), weight) for name, weight in state.items() if weight.ndim == 4]


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
