"""What a trainer reports while it works. It draws and prints nothing itself: callbacks do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .trainer import Trainer

Record = dict[str, Any]
"""One line of the history: what an epoch came to. See `EpochDone`."""


@dataclass(frozen=True, slots=True)
class TrainingStarted:
    """Training begins, or goes on from a checkpoint.

    Attributes:
        trainer: whose training it is: its model, its history so far, its number of epochs and steps.
    """

    trainer: Trainer


@dataclass(frozen=True, slots=True)
class StepDone:
    """One batch went forward and back and the weights were updated.

    Attributes:
        step: how many steps have been done in the whole run, this one included.
        epoch: the epoch it belongs to, counted from 1.
        images: how many images, or other examples, the step saw.
        loss: their mean loss, before the update and without the penalty.
        metrics: what else was measured on them before the update, such as the accuracy, by name.
        learning_rate: the rate of this update.
        gradient_norms: the length of each layer's gradient, by module path.
    """

    step: int
    epoch: int
    images: int
    loss: float
    metrics: dict[str, float]
    learning_rate: float
    gradient_norms: dict[str, float]


@dataclass(frozen=True, slots=True)
class EpochDone:
    """Every training image was seen once more, and the validation set was looked at.

    Attributes:
        trainer: whose epoch it was; its checkpoint taken now is at the very end of the epoch.
        record: `epoch`, `step`, `learning_rate` (of the last step), `train_loss` and `train_accuracy` (means over the
            epoch's batches as they were seen), `validation_loss`, `validation_accuracy`, and for each layer the mean
            length of its gradient, `gradient_norm.conv1`. Nothing that a clock measured: a run repeated gives the same.
        seconds: how long the epoch's steps took in this process, in parts: "load", "forward", "backward", "step".
        images_per_second: the training images they got through in a second; the very first step of a process, in which
            kernels are loaded or compiled, is left out where there are others.
    """

    trainer: Trainer
    record: Record
    seconds: dict[str, float]
    images_per_second: float


@dataclass(frozen=True, slots=True)
class TrainingStopped:
    """Training is over, or was asked to stop early.

    Attributes:
        trainer: whose training it was.
        finished: whether it came to its end: all epochs were done, or early stopping ended it.
        reason: why it is over, in words.
    """

    trainer: Trainer
    finished: bool
    reason: str


Event = TrainingStarted | StepDone | EpochDone | TrainingStopped
Callback = Callable[[Event], None]
"""Anything that wants to know; called with every event, in order, between two steps."""
