"""The training loop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import Tensor
from ..data import DataLoader
from ..errors import CheckpointError, MinidlError, UsageError
from ..kernels.device import fetched
from ..nn import Module
from ..nn.utils import clip_grad_norm_, device_of
from ..optim import Optimizer
from ..optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from ..optim.swa_utils import AveragedModel
from ..primitives.layers.random import default_generator
from .classification import accuracy
from .clock import BACKWARD, FORWARD, LOAD, STEP, Clock, Speed
from .events import Callback, EpochDone, Event, Record, StepDone, TrainingStarted, TrainingStopped
from .metrics import evaluate, gradient_norms
from .parallel import Alone, Communicator, demand_same, sum_gradients
from .stopping import EarlyStopping

Batch = tuple[Tensor, Tensor]
Loss = Callable[[Tensor, Tensor], Tensor]
Metric = Callable[[NDArray[Any], NDArray[Any]], float]
"""From outputs and targets, with one row an example, to a mean over the examples."""


class DivergedError(MinidlError, ArithmeticError):
    """The loss or a gradient is no longer a finite number, so that going on makes no sense."""


class Trainer:
    """Fit a model to data, and tell callbacks what happens.

    An epoch is one pass over the training data, a step one change of the weights: both are counted.

    Args:
        model: gives outputs, such as scores `(N, K)`, for inputs `(N, …)`.
        loss: from outputs and targets to a scalar, the mean over the batch: `nn.CrossEntropyLoss()`, say.
        optimizer: changes the model's parameters.
        train: hands out the training data in batches of inputs and targets.
        validation: hands out the data that each epoch is judged by; None to go without.
        epochs: how often all training data are seen.
        metrics: what is measured beside the loss, by name.
        scheduler: changes the learning rate.
        scheduler_interval: whether the scheduler counts in "step"s or "epoch"s.
        accumulate: how many batches make one step: the gradient is that of one batch so many times as large.
        clip_norm: the greatest norm of the gradient, all parameters taken as one vector; a longer one is shortened.
        penalty: from the model to a scalar that is added to each step's loss, such as a multiple of its L2 norm.
        mix: changes a batch's inputs and targets together: `MixUp`, `CutMix`.
        average: an average of the model's weights, `EMA(model)`, brought up to date after each step. It is what the
            validation data then judge.
        early_stopping: ends the training when `monitor` no longer gets better.
        monitor: the value of an epoch's record that early stopping and `ReduceLROnPlateau` watch.
        parallel: the processes that share each batch; this one alone if None.
        callbacks: called with every event, in this order.

    Raises:
        UsageError: a part is missing, or parts do not fit together; it is named.

    >>> import minidl
    >>> from minidl import nn, optim
    >>> from minidl.data import DataLoader, TensorDataset
    >>> _ = minidl.manual_seed(0)
    >>> x = minidl.linspace(-1, 1, 20).reshape(20, 1)
    >>> data = DataLoader(TensorDataset(x, 2 * x), batch_size=5, shuffle=True)
    >>> model = nn.Linear(1, 1)
    >>> trainer = Trainer(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.3), data, epochs=20, metrics={})
    >>> trainer.run(), trainer.step, round(model.weight.item(), 2)
    (True, 80, 2.0)
    >>> Trainer(model, train=data, epochs=1)
    Traceback (most recent call last):
    minidl.errors.UsageError: training needs data, a model, a loss and an optimizer; missing: loss, optimizer
    """

    def __init__(
        self,
        model: Module | None = None,
        loss: Loss | None = None,
        optimizer: Optimizer | None = None,
        train: DataLoader | None = None,
        validation: DataLoader | None = None,
        *,
        epochs: int,
        metrics: Mapping[str, Metric] | None = None,
        scheduler: LRScheduler | None = None,
        scheduler_interval: str = "step",
        accumulate: int = 1,
        clip_norm: float | None = None,
        penalty: Callable[[Module], Tensor] | None = None,
        mix: Callable[[Tensor, Tensor], Batch] | None = None,
        average: AveragedModel | None = None,
        early_stopping: EarlyStopping | None = None,
        monitor: str = "validation_loss",
        parallel: Communicator | None = None,
        callbacks: Iterable[Callback] = (),
    ) -> None:
        parts = {"data": train, "model": model, "loss": loss, "optimizer": optimizer}
        if missing := [name for name, part in parts.items() if part is None]:
            raise UsageError(f"training needs data, a model, a loss and an optimizer; missing: {', '.join(missing)}")
        assert train is not None and model is not None and loss is not None and optimizer is not None  # noqa: PT018  (for the type checker)
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.train, self.validation, self.epochs = train, validation, epochs
        self.metrics: Mapping[str, Metric] = {"accuracy": accuracy} if metrics is None else metrics
        self.scheduler, self.scheduler_interval = scheduler, scheduler_interval
        self.accumulate, self.clip_norm, self.penalty, self.mix = accumulate, clip_norm, penalty, mix
        self.average, self.early_stopping, self.monitor = average, early_stopping, monitor
        self.parallel: Communicator = parallel or Alone()
        self.callbacks = list(callbacks)
        self.step = 0
        self.history: list[Record] = []
        self._sums: dict[str, float] = {}
        self._asked = self._stopping = self._warm = False
        self._check()

    def _check(self) -> None:
        if self.epochs < 1 or self.accumulate < 1:
            raise UsageError(f"epochs and accumulate must be at least 1; got {self.epochs} and {self.accumulate}")
        if self.clip_norm is not None and not self.clip_norm > 0:
            raise UsageError(f"clip_norm must be above 0; got {self.clip_norm}")
        if self.scheduler_interval not in ("step", "epoch"):
            raise UsageError(f'scheduler_interval must be "step" or "epoch"; got {self.scheduler_interval!r}')
        own = set(map(id, self.model.parameters()))
        if not any(id(p) in own for group in self.optimizer.param_groups for p in group["params"]):
            raise UsageError("the optimizer changes none of this model's parameters; make it with model.parameters()")
        watched = self.early_stopping is not None or isinstance(self.scheduler, ReduceLROnPlateau)
        if watched and self.validation is None and self.monitor.startswith("validation_"):
            raise UsageError(f"{self.monitor} is to be watched, but there are no validation data")
        if isinstance(self.scheduler, ReduceLROnPlateau) and self.scheduler_interval == "step":
            raise UsageError('ReduceLROnPlateau looks at each epoch; give scheduler_interval="epoch"')

    @property
    def steps_per_epoch(self) -> int:
        """The number of steps in an epoch."""
        return math.ceil(len(self.train) / self.accumulate)

    @property
    def steps(self) -> int:
        """The number of steps in the whole run, if nothing ends it early."""
        return self.epochs * self.steps_per_epoch

    @property
    def finished(self) -> bool:
        """Whether every epoch is done, or early stopping ended the training."""
        return len(self.history) >= self.epochs or self.stopped_early

    @property
    def stopped_early(self) -> bool:
        """Whether early stopping ended the training."""
        return self.early_stopping is not None and self.early_stopping.should_stop and bool(self.history)

    @property
    def judged(self) -> Module:
        """The model that the validation data judge, and the one to keep: the averaged one if there is one."""
        return self.model if self.average is None else self.average.module

    # The loop -----------------------------------------------------------------------------------------------------

    def run(self) -> bool:
        """Train until every epoch is done, early stopping ends it, or someone calls `stop`.

        Returns:
            Whether the training came to its end.

        Raises:
            DivergedError: the loss or a gradient became infinite or NaN; the weights are those before that step.
        """
        self.model.train()
        if self.step % self.steps_per_epoch:  # stopped within an epoch, of which the loader has the rest to hand out
            self.train.load_state_dict(self.train.state_dict())
        self._asked = False
        demand_same(self.model, self.train, self.parallel)
        self._tell(TrainingStarted(self))
        while not self.finished and not self._stopping:
            self._epoch()
        self._tell(TrainingStopped(self, self.finished, self._reason()))
        return self.finished

    def _reason(self) -> str:
        if self.stopped_early and self.early_stopping is not None:
            best, patience = self.early_stopping.best_epoch, self.early_stopping.patience
            return f"early stopping: {self.monitor} was best in epoch {best} and not better in {patience} since"
        return "every epoch is done" if self.finished else f"stopped after step {self.step} of {self.steps}"

    def stop(self) -> None:
        """Ask the loop to end after the step it is in. Safe to call from a signal handler."""
        self._asked = True

    def _epoch(self) -> None:
        """Do what is left of the epoch: all of it, or what was left when its training was stopped and saved."""
        end, clock, speed = (len(self.history) + 1) * self.steps_per_epoch, Clock(), Speed()
        batches = self._batches(clock) if self.step < end else iter(())
        for group in batches:
            before = clock.total if self._warm else 0.0
            with np.errstate(over="ignore", invalid="ignore"):  # told below, once and in words, if it matters
                event = self._step(group, clock)
            speed.add(event.images, clock.total - before, warm=self._warm)
            self._warm = True
            self._tell(event)
            if self._stopping and self.step < end:
                return
        record = self._close_epoch()
        self._tell(EpochDone(self, record, clock.seconds, speed.images_per_second))

    def _batches(self, clock: Clock) -> Iterator[list[Batch]]:
        """The epoch's batches, as many at a time as make one step."""
        loader = iter(self.train)
        while True:
            with clock(LOAD):
                group = list(islice(loader, self.accumulate))
            if not group:
                return
            yield group

    def _step(self, group: list[Batch], clock: Clock) -> StepDone:
        """Let the batches go forward and back, and change the weights."""
        rate = float(self.optimizer.param_groups[0]["lr"])
        total = sum(len(targets) for _, targets in group)
        self.optimizer.zero_grad()
        sums = dict.fromkeys(("loss", *self.metrics), 0.0)
        for inputs, targets in group:
            for name, value in self._add_gradient(inputs, targets, total, clock).items():
                sums[name] += value
        with clock(STEP):
            sum_gradients(self.model, sums, self.parallel)
            means = {name: value / total for name, value in sums.items()}
            self._demand_finite(means["loss"], "the loss")
            norms = gradient_norms(self.model)
            for layer, norm in norms.items():
                self._demand_finite(norm, f"the gradient of {layer or 'the model'}")
            if self.clip_norm is not None:
                clip_grad_norm_(self.model.parameters(), self.clip_norm)
            self.optimizer.step()
            if self.average is not None:
                self.average.update_parameters(self.model)
            if self.scheduler is not None and self.scheduler_interval == "step":
                self.scheduler.step()
        self.step += 1
        self._add({"steps": 1, "images": total} | {name: mean * total for name, mean in means.items()})
        self._add({f"gradient_norm.{layer}": norm for layer, norm in norms.items()})
        self._sums["rate"] = rate
        loss = means.pop("loss")
        return StepDone(self.step, len(self.history) + 1, total, loss, means, rate, norms)

    def _add_gradient(self, inputs: Tensor, targets: Tensor, total: int, clock: Clock) -> dict[str, float]:
        """Add this process's share of a batch's part in the gradient; return the sums of loss and metrics over the share."""
        with clock(FORWARD):
            if self.mix is not None:
                inputs, targets = self.mix(inputs, targets)
            there, labels = device_of(self.model), targets
            inputs, targets = inputs.to(there, non_blocking=True), targets.to(there, non_blocking=True)
            own = self.parallel.share(len(targets))
            with default_generator.rows_of_a_batch(own, len(targets)):
                if own != slice(0, len(targets)):
                    inputs, targets, labels = inputs[own], targets[own], labels[own]
                outputs: Tensor = self.model(inputs)
            count = len(targets)
            # A batch may be smaller than the number of processes. One that has no row of it takes part all the same, in
            # what its layers exchange with the others, and in the sum of gradients.
            loss = self.loss(outputs, targets) if count else outputs.sum()
            if loss.ndim:
                raise UsageError(f"the loss must be one number, the mean over the batch; it has the shape {loss.shape}")
            goal = loss if self.penalty is None else loss + self.penalty(self.model)
            goal = goal if count == total else goal * (count / total)
        with clock(BACKWARD):
            goal.backward(retain_graph=False)
        if not count:
            return {}
        right = labels.data.argmax(axis=1) if self.mix is not None and labels.ndim == 2 else labels.data
        said: Any = fetched(outputs.data) if self.metrics else None
        measured = {name: metric(said, right) for name, metric in self.metrics.items()}
        return {name: value * count for name, value in ({"loss": float(loss.item())} | measured).items()}

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
        """Turn the epoch's sums into its line of the history, and let those act on it that count in epochs."""
        demand_same(self.model, self.train, self.parallel)
        sums, self._sums = self._sums, {}
        record: Record = {"epoch": len(self.history) + 1, "step": self.step, "learning_rate": sums["rate"]}
        record |= {f"train_{name}": sums[name] / sums["images"] for name in ("loss", *self.metrics)}
        if self.validation is not None:
            judged = evaluate(self.judged, self.validation, self.loss, self.parallel)
            record["validation_loss"] = judged.loss
            record |= {
                f"validation_{name}": metric(judged.outputs, judged.labels) for name, metric in self.metrics.items()
            }
        record |= {name: total / sums["steps"] for name, total in sums.items() if name.startswith("gradient_norm.")}
        self.history.append(record)
        if self.scheduler is not None and self.scheduler_interval == "epoch":
            if isinstance(self.scheduler, ReduceLROnPlateau):
                self.scheduler.step(self._monitored(record))
            else:
                self.scheduler.step()
        if self.early_stopping is not None:
            self.early_stopping.update(self._monitored(record))
        return record

    def _monitored(self, record: Record) -> float:
        if self.monitor not in record:
            raise UsageError(f"there is no {self.monitor!r} to watch; an epoch has {', '.join(record)}")
        return float(record[self.monitor])

    def _tell(self, event: Event) -> None:
        for callback in self.callbacks:
            callback(event)
        asked = np.array([self._asked], np.int64)  # which may happen in one process, at any time
        self.parallel.sum_([asked])
        self._stopping = bool(asked[0])

    # Saving and going on ------------------------------------------------------------------------------------------

    def _stateful(self) -> dict[str, Any]:
        """All parts that remember something, by the name under which it is saved."""
        parts = {
            "model": self.model,
            "optimizer": self.optimizer,
            "loader": self.train,
            "validation": self.validation,  # whose transforms may draw random numbers
            "scheduler": self.scheduler,
            "average": self.average,
            "early_stopping": self.early_stopping,
        }
        return {name: part for name, part in parts.items() if part is not None}

    def state_dict(self) -> dict[str, Any]:
        """Return all that is needed to go on, bit for bit, after the step just done: nested plain values and arrays."""
        counts = {"step": self.step, "history": self.history, "sums": self._sums}
        parts = {name: part.state_dict() for name, part in self._stateful().items()}
        return counts | parts | {"generator": default_generator.get_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put back what `state_dict` returned; `run` then goes on with the next step, until `epochs` epochs are done.

        Raises:
            CheckpointError: the state is not one of such a training.
        """
        for name in ("scheduler", "average", "early_stopping"):
            if name in state and getattr(self, name) is None:
                raise CheckpointError(f"the checkpoint was saved with {name}, which this training lacks")
        try:
            for name, part in self._stateful().items():
                part.load_state_dict(state[name])
            default_generator.set_state(state["generator"])
            self.step = int(state["step"])
            self.history, self._sums = list(state["history"]), dict(state["sums"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, MinidlError):
                raise CheckpointError(f"the checkpoint does not fit this training: {error}") from error
            raise CheckpointError(f"the checkpoint is incomplete: {error}") from error
