"""The folder of a run: what is kept of a training, and the pictures of it.

runs/NAME/
    config.json           everything that decides the numbers, and the sizes of data and model
    run.toml              the settings alone: `minidl train run.toml` does the same run again
    metrics.csv           a line an epoch; nothing a clock measured, so a run repeated gives the same file
    timing.csv            a line an epoch: seconds, in all and for loading, forward, backward and step; images a second
    model.safetensors     the weights to keep: those after the last epoch done (the learning rate falls to 0, so they are
                          the best by rights), or with `keep = "best"` the best epoch's; with them, as text, what the
                          model is and how its inputs are standardised
    preprocess.safetensors  how pixels become inputs, where it is something other than standardising
    checkpoint.json, best.json  all that is needed to go on, after the last and the best epoch, with
                          checkpoint-*.safetensors
    result.json           at the end: what the test set says; classes.csv and confusion.csv, class by class;
                          perturbations.csv, where that was asked for
    figures/passes-000.svg  the forward and backward pass of one fixed batch: 000 before the first step, then a
                          picture an epoch; .dot where there is no Graphviz
    figures/filmstrip.svg   kernels, feature maps, answers and the loss at up to eight moments, which are kept in
                          film-EEE.safetensors
    figures/curves.svg, kernels-LAYER.svg, kernels-LAYER-EEE.svg (the first layer's, each epoch), confusion.svg,
                          guesses.svg
    profile.txt, figures/profile-flame.svg, figures/profile-network.svg
                          with --profile: where the time and the memory of some steps went
    report.html           all of it in one file
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import __version__, tensor
from ..errors import MissingEngineError, UsageError
from ..files import write_atomic
from ..graph import data_of
from ..nn import functional as F
from ..training import (
    Checkpoints,
    EpochDone,
    Event,
    Session,
    Trainer,
    TrainingStarted,
    TrainingStopped,
    bottleneck,
    load_checkpoint,
)
from ..training.keeper import BEST, judged_weights
from .film import draw_strip, keep_moment
from .settings_file import as_toml
from .tables import read_csv, write_csv, write_json
from .untrained import Untrained
from .verdict import Verdict

if TYPE_CHECKING:
    from .profiling import StepProfile

PROBE = 16
"""How many validation images the diagrams of the passes show going through the network."""

KERNEL_SCALE = 1.5
"""The end of the colour scale on which the first kernels are drawn every epoch, so that the pictures compare."""

MOST_CLASSES = 40
"""With more classes than these the confusion matrix is not drawn; confusion.csv has it."""

SHORT = 20.0
"""An epoch of fewer seconds says little of how long its steps take if kernels were compiled in it."""

CONFIG, SETTINGS, METRICS, TIMING, RESULT = "config.json", "run.toml", "metrics.csv", "timing.csv", "result.json"
MODEL, PREPROCESS = "model.safetensors", "preprocess.safetensors"


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
        pictures: whether to draw; the report is written either way.
    """

    def __init__(self, folder: Path, session: Session, note: Callable[[str], None], *, pictures: bool = True) -> None:
        self.folder = folder
        self.session = session
        self.pictures = pictures
        config = session.config
        self.checkpoints = Checkpoints(folder, config.monitor, config.mode, extra={"config": config.settings()})
        self._note = note
        self._told: set[str] = set()
        self._untrained = Untrained()

    def write_config(self) -> None:
        """Write config.json and run.toml."""
        write_json(self.folder / CONFIG, {"minidl": __version__} | self.session.describe())
        write_atomic(self.folder / SETTINGS, as_toml(self.session.config.settings()))

    def __call__(self, event: Event) -> None:
        """Write what the event is worth."""
        self.checkpoints(event)
        self._untrained.show(self.session.trainer, lambda: self.draw_epoch("before training", 0))
        match event:
            case TrainingStarted(trainer) if trainer.step == 0:
                self._write_preprocessing()
                self._attempt("the untrained network", lambda: self._untrained.keep(trainer))
            case EpochDone(trainer, record, seconds, speed):
                self._write_metrics(trainer)
                self._write_timing(record["epoch"], seconds, speed)
                if self._kept_epoch(trainer) == record["epoch"]:
                    self._write_model(trainer.judged.state_dict())
                accuracy = f"validation {100 * record['validation_accuracy']:.1f} %"
                self.draw_epoch(f"epoch {record['epoch']} · {accuracy}", record["epoch"])
            case TrainingStopped(trainer, finished, _):
                if trainer.history:
                    self._write_metrics(trainer)
                if finished:  # a run that was killed right after its last checkpoint has not got these yet
                    self._write_model(self.kept_weights(trainer))
                self.draw_summary(trainer)
                if not finished:  # a finished run has its report when the test set has been seen
                    self.write_report()

    # Numbers ------------------------------------------------------------------------------------------------------

    def _kept_epoch(self, trainer: Trainer) -> int:
        """The epoch whose model is to be kept, as far as is known now."""
        best = self.checkpoints.best
        if self.session.config.keep == BEST and best is not None:
            return int(best["epoch"])
        return len(trainer.history)

    def kept_weights(self, trainer: Trainer) -> dict[str, Any]:
        """Return the weights to keep: those of the last epoch, or of the best one."""
        if self._kept_epoch(trainer) == len(trainer.history):
            return trainer.judged.state_dict()
        return judged_weights(load_checkpoint(self.folder / f"{BEST}.json"))

    def _write_metrics(self, trainer: Trainer) -> None:
        # The whole file from the whole history: so it is right whenever a run was cut off, and however often.
        write_csv(self.folder / METRICS, trainer.history)

    def _write_timing(self, epoch: int, seconds: dict[str, float], speed: float) -> None:
        path = self.folder / TIMING
        parts = {part: f"{value:.3f}" for part, value in seconds.items()}
        row = (
            {"epoch": epoch, "seconds": f"{sum(seconds.values()):.3f}"} | parts | {"images_per_second": f"{speed:.1f}"}
        )
        write_csv(path, [*({name: old.get(name, "0") for name in row} for old in read_csv(path)), row])

    def remark_on_time(self) -> str:
        """Say what slows the training down, if something does."""
        rows = read_csv(self.folder / TIMING)
        if sum(float(row["seconds"]) for row in rows[:1]) < SHORT:
            rows = rows[1:]  # kernels were loaded or compiled in the first epoch, and may have taken most of it
        parts = [name for name in (rows[0] if rows else {}) if name not in ("epoch", "seconds", "images_per_second")]
        seconds = {part: sum(float(row[part]) for row in rows) for part in parts}
        return bottleneck(seconds, len(rows) * self.session.trainer.steps_per_epoch)

    def _write_model(self, state: dict[str, Any]) -> None:
        from safetensors.numpy import save

        about = self.session.describe()
        # One entry: with several, safetensors would write them in another order each time.
        kept = {
            key: about[key] for key in ("model", "image_shape", "classes", "preprocess", "standardize") if key in about
        }
        weights = {name: np.array(data_of(value), order="C") for name, value in state.items()}
        write_atomic(self.folder / MODEL, save(weights, {"minidl": json.dumps(kept)}))

    def _write_preprocessing(self) -> None:
        from safetensors.numpy import save

        state = self.session.preprocessing_state()
        kind = state.pop("kind", "Standardize")
        if kind != "Standardize":  # whose few numbers are with the model
            arrays = {name: array.copy(order="C") for name, array in state.items()}
            write_atomic(self.folder / PREPROCESS, save(arrays, {"kind": kind}))

    def write_result(self, verdict: Verdict) -> dict[str, Any]:
        """Write what the test set says, draw the confused classes and wrong guesses, make the report; return the result."""
        config, epoch = self.session.config, self._kept_epoch(self.session.trainer)
        result = verdict.result() | {"kept": config.keep, "epoch": epoch, "monitor": config.monitor}
        verdict.write_tables(self.folder, self.session.parts.test.classes)
        write_json(self.folder / RESULT, result)  # last, as a sign that all is there
        if self.pictures:
            self._attempt("the confusion matrix", lambda: self._draw_confusion(verdict))
            self._attempt("the misclassified images", lambda: self._draw_guesses(verdict))
        self.write_report()
        return result

    def write_profile(self, measured: StepProfile) -> None:
        """Write where the time of some steps went, and draw it."""
        measured.write(self.folder)
        for name, draw in measured.pictures().items() if self.pictures else ():
            self._attempt("the profile", partial(self._save, name, draw))

    def _save(self, name: str, draw: Callable[[], Any]) -> None:
        write_atomic(self.folder / "figures" / f"{name}.svg", draw().svg())

    # Pictures -----------------------------------------------------------------------------------------------------

    def draw_epoch(self, caption: str, epoch: int) -> None:
        """Draw how the probe, always the same images, goes through the network, and the first kernels as they are now."""
        if not self.pictures:
            return
        self._attempt("the diagram of the passes", lambda: self._draw_passes(caption, epoch))
        self._attempt("the kernels", lambda: self._draw_first_kernels(epoch))
        self._attempt("the film strip", lambda: keep_moment(self.folder / "figures", self.session, epoch, PROBE))

    def _draw_passes(self, caption: str, epoch: int) -> None:
        from viz.passes.draw import draw_passes

        model = self.session.trainer.model
        probe = self.session.parts.validation
        images = self.session.inputs(probe.subset(range(min(PROBE, len(probe)))).images)
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
        if not self.pictures:
            return
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

    def _draw_confusion(self, verdict: Verdict) -> None:
        from viz.plots import confusion_matrix

        classes = self.session.parts.test.classes
        if len(classes) <= MOST_CLASSES:
            picture = confusion_matrix(verdict.confusion, classes=classes).svg()
            write_atomic(self.folder / "figures" / "confusion.svg", picture)

    def _draw_guesses(self, verdict: Verdict) -> None:
        from viz.plots import guesses

        test, judged = self.session.parts.test, verdict.judged
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
    return [(name.removesuffix(".weight"), weight.data) for name, weight in state.items() if weight.ndim == 4]
