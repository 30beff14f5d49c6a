"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .. import Tensor
from ..data import DataLoader
from ..errors import CheckpointError, MinidlError
from ..nn import Module
from ..nn import functional as F
from ..optim import Optimizer
from ..primitives.layers.random import default_generator
from .events import EpochDone, Event, Listener, Record, StepDone, TrainingStarted, TrainingStopped
from .metrics import evaluate, gradient_norms, top_k_correct


class DivergedError(MinidlError, ArithmeticError):
    """The loss or a gradient is no longer a finite number, so that going on makes no sense."""


class _Speed:
    """Images a second, without a process's first step, in which kernels are loaded or compiled, if there are others."""

    def __init__(self) -> None:
        self._cold = self._warm = (0, 0.0)

    def add(self, images: int, seconds: float, *, warm: bool) -> None:
        if warm:
            self._warm = (self._warm[0] + images, self._warm[1] + seconds)
        else:
            self._cold = (images, seconds)

    @property
    def images_per_second(self) -> float:
        images, seconds = self._warm if self._warm[0] else self._cold
        return images / seconds if seconds else 0.0


class Trainer:
    """Train a model to classify images, and tell listeners what happens.

    Args:
        model: gives scores `(N, K)` for images `(N, C, H, W)`.
        optimizer: updates the model's parameters.
        train: hands out the training images.
        validation: hands out the images that each epoch is judged by.
        epochs: how often all training images are seen.
        schedule: gives the learning rate of step 0, 1, …
        listeners: called with every event, in this order.
    """

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer,
        train: DataLoader,
        validation: DataLoader,
        *,
        epochs: int,
        schedule: Callable[[int], float],
        listeners: Iterable[Listener] = (),
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.train = train
        self.validation = validation
        self.epochs = epochs
        self.schedule = schedule
        self.listeners = list(listeners)
        self.step = 0
        self.history: list[Record] = []
        self._sums: dict[str, float] = {}
        self._stopping = False
        self._warm = False

    @property
    def steps(self) -> int:
        """The number of steps in the whole run."""
        return self.epochs * len(self.train)

    @property
    def finished(self) -> bool:
        """Whether every epoch is done."""
        return len(self.history) == self.epochs

    def run(self) -> bool:
        """Train until every epoch is done or someone calls `stop`.

        Returns:
            Whether every epoch is done.

        Raises:
            DivergedError: the loss or a gradient became infinite or NaN; the weights are those before that step.
        """
        self.model.train()
        self._tell(TrainingStarted(self))
        while not self.finished and not self._stopping:
            self._epoch()
        self._tell(TrainingStopped(self, self.finished))
        return self.finished

    def stop(self) -> None:
        """Ask the loop to end after the step it is in. Safe to call from a signal handler."""
        self._stopping = True

    def _epoch(self) -> None:
        seconds, counted = 0.0, _Speed()
        for images, labels in self.train:
            began = time.perf_counter()
            with np.errstate(over="ignore", invalid="ignore"):  # told below, once and in words, if it matters
                event = self._step(images, labels)
            took = time.perf_counter() - began
            seconds += took
            counted.add(event.images, took, warm=self._warm)
            self._warm = True
            self._tell(event)
            if self._stopping and self.step % len(self.train):
                return
        record = self._close_epoch()
        self._tell(EpochDone(self, record, seconds, counted.images_per_second))

    def _step(self, images: Tensor, labels: Tensor) -> StepDone:
        rate = self.schedule(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        scores: Tensor = self.model(images)
        loss = F.cross_entropy(scores, labels)
        value = float(loss.item())
        self._demand_finite(value, "the loss")
        loss.backward(retain_graph=False)
        norms = gradient_norms(self.model)
        for layer, norm in norms.items():
            self._demand_finite(norm, f"the gradient of {layer or 'the model'}")
        self.optimizer.step()
        self.step += 1
        correct = int(top_k_correct(scores.data, labels.data).sum())
        self._add({"steps": 1, "images": len(labels), "loss": value * len(labels), "correct": correct})
        self._add({f"gradient_norm.{layer}": norm for layer, norm in norms.items()})
        return StepDone(self.step, len(self.history) + 1, len(labels), value, correct / len(labels), rate, norms)

    def _demand_finite(self, value: float, what: str) -> None:
        if not math.isfinite(value):
            raise DivergedError(
                f"{what} became {value} at step {self.step + 1} of {self.steps} (epoch {len(self.history) + 1}), so "
                "training stopped there and the last checkpoint is kept. Try a smaller learning rate (--lr) or another "
                "--optimizer"
            )

    def _add(self, values: dict[str, float]) -> None:
        for name, value in values.items():
            self._sums[name] = self._sums.get(name, 0.0) + value

    def _close_epoch(self) -> Record:
        """Turn the epoch's sums into its line of the history."""
        sums, self._sums = self._sums, {}
        judged = evaluate(self.model, self.validation)
        record: Record = {
            "epoch": len(self.history) + 1,
            "step": self.step,
            "learning_rate": self.schedule(self.step - 1),
            "train_loss": sums["loss"] / sums["images"],
            "train_accuracy": sums["correct"] / sums["images"],
            "validation_loss": judged.loss,
            "validation_accuracy": judged.accuracy,
        }
        record |= {name: total / sums["steps"] for name, total in sums.items() if name.startswith("gradient_norm.")}
        self.history.append(record)
        return record

    def _tell(self, event: Event) -> None:
        for listener in self.listeners:
            listener(event)

    # Saving and going on ------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return all that is needed to go on, bit for bit, after the step just done: nested plain values and arrays."""
        return {
            "step": self.step,
            "epochs": self.epochs,
            "history": self.history,
            "sums": self._sums,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "loader": self.train.state_dict(),
            "generator": default_generator.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put back what `state_dict` returned; `run` then goes on with the next step.

        Raises:
            CheckpointError: the state is not one of such a training.
        """
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.train.load_state_dict(state["loader"])
            default_generator.set_state(state["generator"])
            self.step, self.epochs = int(state["step"]), int(state["epochs"])
            self.history, self._sums = list(state["history"]), dict(state["sums"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, MinidlError):
                raise CheckpointError(f"the checkpoint does not fit this training: {error}") from error
            raise CheckpointError(f"the checkpoint is incomplete: {error}") from error
