"""Keeping the last and the best state of a training while it goes on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CheckpointError, UsageError
from .checkpoint import LAST, load_checkpoint, save_checkpoint
from .events import EpochDone, Event, Record, StepDone, TrainingStarted, TrainingStopped
from .stopping import check_mode, is_better

if TYPE_CHECKING:
    from ..nn import Module
    from .trainer import Trainer

BEST = "best"
"""The name of the checkpoint of the best epoch."""


class Checkpoints:
    """A trainer's callback that keeps two checkpoints in a folder, whole at every moment: `checkpoint.json` and `best.json`.

    `checkpoint.json` is the last state: before the first step, at the end of each epoch, when the training stops, and every
    so many steps. `best.json` is the state at the end of the epoch whose record had the best `monitor`; a tie leaves the
    earlier, and NaN is never better. Both hold all that `Trainer.state_dict` gives, so training can go on, bit for bit, from
    either. Which epoch was best is read from `best.json` itself, so a training that was killed goes on comparing with it.

    Of processes that train together only the first writes; all must see the folder.

    Args:
        folder: where; created when training begins.
        monitor: the value of an epoch's record that decides which is best.
        mode: "min" if lower is better, "max" if higher is; if None, as the name tells: "…loss" or "…accuracy".
        every: also save the last state after every so many steps.
        extra: plain values to save along, such as how the training was configured.

    Attributes:
        best: the record of the best epoch so far; None before there is one.

    Raises:
        UsageError: an option makes no sense.

    >>> import tempfile, minidl
    >>> from minidl import nn, optim
    >>> from minidl.data import DataLoader, TensorDataset
    >>> from minidl.training import Trainer
    >>> _ = minidl.manual_seed(0)
    >>> x = minidl.linspace(-1, 1, 20).reshape(20, 1)
    >>> def make(keeper):
    ...     model, data = nn.Linear(1, 1), DataLoader(TensorDataset(x, 2 * x), batch_size=5, shuffle=True)
    ...     sgd = optim.SGD(model.parameters(), lr=0.3)
    ...     return Trainer(model, nn.MSELoss(), sgd, data, epochs=9, metrics={}, callbacks=[keeper])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     keeper = Checkpoints(folder, monitor="train_loss")
    ...     finished = make(keeper).run()
    ...     again = make(Checkpoints(folder, monitor="train_loss"))
    ...     again.callbacks[0].resume(again), again.step, keeper.load_best(nn.Linear(1, 1))["epoch"]
    (True, 36, 9)
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        monitor: str = "validation_loss",
        mode: str | None = None,
        every: int | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        if mode is None:
            mode = "min" if monitor.endswith("loss") else "max" if monitor.endswith("accuracy") else None
            if mode is None:
                raise UsageError(
                    f'Checkpoints: give mode="min" or mode="max": "{monitor}" does not tell which is better'
                )
        check_mode("Checkpoints", mode)
        if every is not None and every < 1:
            raise UsageError(f"Checkpoints: every must be at least 1, got {every}")
        self.folder = Path(folder)
        self.monitor, self.mode, self.every = monitor, mode, every
        self.extra = dict(extra or {})
        self.best: Record | None = None
        self._trainer: Trainer | None = None

    def __call__(self, event: Event) -> None:
        """Save what the event is worth."""
        match event:
            case TrainingStarted(trainer):
                self._begin(trainer)
            case StepDone(step):
                mine = self._trainer
                # A step that ends an epoch is saved with the epoch.
                if mine is not None and self.every and step % self.every == 0 and step % mine.steps_per_epoch:
                    self.save(mine)
            case EpochDone(trainer, record):
                # The best first: killed between the two, a training that goes on does this epoch again.
                self._judge(trainer, record)
                self.save(trainer)
            case TrainingStopped(trainer):
                self.save(trainer)

    def resume(self, trainer: Trainer) -> bool:
        """Put a trainer, made as it was the first time, into the last state that was saved here, and say whether there was one.

        Raises:
            CheckpointError: the checkpoint is damaged or not one of such a training.
        """
        if not self._path(LAST).exists():
            return False
        trainer.load_state_dict(load_checkpoint(self._path(LAST)))
        return True

    def load_best(self, model: Module) -> Record:
        """Fill `model` with the weights of the best epoch, as validation judged them: the averaged ones, if there were any.

        Returns:
            The epoch's record.

        Raises:
            CheckpointError: no epoch was kept yet, or the checkpoint is damaged.
            UsageError: the model has other parameters.
            ShapeError: the model has parameters of other shapes.
        """
        state = load_checkpoint(self._path(BEST))
        try:
            model.load_state_dict(judged_weights(state))
            return dict(state["history"][-1])
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{self._path(BEST)} does not hold a training's state: {error}") from error

    def save(self, trainer: Trainer, name: str = LAST) -> None:
        """Save a trainer's state now.

        Raises:
            OSError: the folder cannot be written; the previous checkpoint is untouched.
        """
        if trainer.parallel.rank == 0:
            save_checkpoint(self.folder, trainer.state_dict() | self.extra, name)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _begin(self, trainer: Trainer) -> None:
        if self.monitor.startswith("validation_") and trainer.validation is None:
            raise UsageError(f"Checkpoints: {self.monitor} is to be monitored, but there are no validation data")
        self._trainer = trainer
        kept = {name: load_checkpoint(self._path(name)) for name in (LAST, BEST) if self._path(name).exists()}
        if trainer.step == 0:
            # A training killed as it saved its first epoch has a best beside a last that has not begun: the last counts.
            other = kept.get(LAST) or kept.get(BEST)
            if other is not None and other.get("step") != 0:
                raise UsageError(
                    f"{self.folder} holds checkpoints of another training, which are not overwritten; go on with it by "
                    "Checkpoints.resume(trainer), or name a new folder"
                )
            self.best = None
            self.save(trainer)
        elif BEST in kept:
            self.best = dict(kept[BEST]["history"][-1])

    def _judge(self, trainer: Trainer, record: Record) -> None:
        if self.monitor not in record:
            raise UsageError(f"Checkpoints: there is no {self.monitor!r} to monitor; an epoch has {', '.join(record)}")
        best = None if self.best is None else self.best.get(self.monitor)
        if is_better(float(record[self.monitor]), best, self.mode):
            self.best = dict(record)
            self.save(trainer, BEST)


def judged_weights(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the weights that validation judged, out of a trainer's state: the averaged ones, if there are any.

    >>> judged_weights({"model": {"w": 1}}), judged_weights({"model": {"w": 1}, "average": {"n_averaged": 2, "module.w": 3}})
    ({'w': 1}, {'w': 3})
    """
    if "average" not in state:
        return dict(state["model"])
    return {name[7:]: value for name, value in state["average"].items() if name.startswith("module.")}
