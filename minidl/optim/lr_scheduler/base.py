"""What all schedules share: they count epochs, set the rate of each parameter group, and can be saved."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import DtypeError, UsageError
from ...tensor import Tensor
from ..optimizer import Optimizer
from ..sgd import SGD


class LRScheduler:
    """Base of the schedules. A subclass defines `get_lr`, or is a `FactorLR`.

    Args:
        optimizer: whose rates it sets.
        last_epoch: the last epoch done, to go on from there; −1 to begin.

    Attributes:
        optimizer: the optimizer.
        base_lrs: the rate that each group began with.
        last_epoch: how often `step` was called.

    Raises:
        DtypeError: `optimizer` is none.
        UsageError: it has no initial rates to go on from.

    >>> import minidl
    >>> class Halving(LRScheduler):
    ...     def get_lr(self):
    ...         return [base / 2**self.last_epoch for base in self.base_lrs]
    >>> optimizer = minidl.optim.SGD([minidl.tensor(1.0, requires_grad=True)], lr=0.1)
    >>> schedule = Halving(optimizer)
    >>> optimizer.step()
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.05]
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = check_optimizer(self, optimizer)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", float(group["lr"]))
            elif "initial_lr" not in group:
                raise UsageError(
                    f"{type(self).__name__}: group {i} has no initial_lr to go on from at last_epoch={last_epoch}; load the "
                    "optimizer's state first"
                )
        self.base_lrs: list[float] = [float(group["initial_lr"]) for group in optimizer.param_groups]
        self._step_count = 0
        self.begin(last_epoch)

    def begin(self, last_epoch: int = -1) -> None:
        """Set the rates of the first epoch, or of the one after `last_epoch`, as far as others have not set them."""
        self.last_epoch = last_epoch + 1
        self._apply(self.get_lr())

    def restart(self) -> None:
        """Begin anew at epoch 0, with the rates that the groups began with."""
        self.last_epoch = 0
        self._apply(self.get_lr())

    def get_lr(self) -> list[float]:
        """Return each group's rate for epoch `last_epoch`."""
        raise NotImplementedError(f"{type(self).__name__} does not define get_lr()")

    def get_last_lr(self) -> list[float]:
        """Return the rates it set last, one a group."""
        return self._last_lr

    def step(self) -> None:
        """Go to the next epoch and set its rates."""
        self._note_step()
        self.last_epoch += 1
        self._apply(self.get_lr())

    def _note_step(self) -> None:
        """Count a step, and warn at the first if the optimizer has made none: the first rate was never used."""
        if self._step_count == 0 and not self.optimizer.has_stepped:
            warnings.warn(
                f"{type(self).__name__}.step() was called before the optimizer's: the first rate of the schedule is skipped. "
                "Call optimizer.step() first",
                UserWarning,
                stacklevel=3,
            )
        self._step_count += 1

    def _apply(self, rates: Sequence[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            set_rate(group, rate)
        self._last_lr = self._rates()

    def _rates(self) -> list[float]:
        return [float(group["lr"]) for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Return all it knows but the optimizer, whose own state has the rates; functions are left out."""
        return {k: v for k, v in self.__dict__.items() if k != "optimizer" and not is_function(v)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned, here or in PyTorch."""
        own = {k for k, v in self.__dict__.items() if k != "optimizer" and not is_function(v)}
        self.__dict__.update({k: v for k, v in state_dict.items() if k in own})


def rates(make: Callable[[Optimizer], Any], steps: int, lr: float = 1.0) -> list[float]:
    """Return the rates that a schedule gives, to print or to draw, without a model to train.

    Args:
        make: makes the schedule of an optimizer.
        steps: how many rates to return.
        lr: the rate that the optimizer is made with.

    >>> from minidl.optim.lr_scheduler import StepLR
    >>> rates(lambda optimizer: StepLR(optimizer, 2, gamma=0.5), 6)
    [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    """
    optimizer = SGD([Tensor(np.zeros(1), requires_grad=True)], lr=lr, momentum=0.9)
    schedule = make(optimizer)
    found = []
    for _ in range(steps):
        found.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        if len(found) < steps:
            schedule.step()
    return found


def is_function(value: Any) -> bool:
    """Whether it is a function, or a list of them."""
    return callable(value) or (isinstance(value, list) and bool(value) and callable(value[0]))


def check_optimizer(scheduler: Any, optimizer: Any) -> Optimizer:
    """Return the optimizer, or refuse what is none."""
    if not isinstance(optimizer, Optimizer):
        raise DtypeError(f"{type(scheduler).__name__}: the first argument must be an optimizer, got {optimizer!r:.60}")
    return optimizer


def set_rate(group: dict[str, Any], rate: float) -> None:
    """Set a group's rate; one that is a tensor, which others may hold too, is changed in place."""
    if isinstance(group["lr"], Tensor):
        group["lr"].data = np.full_like(group["lr"].data, rate)
    else:
        group["lr"] = rate


def one_a_group(name: str, option: str, value: Any, optimizer: Optimizer) -> list[Any]:
    """The value for each group: a list as it is, one value repeated."""
    count = len(optimizer.param_groups)
    if not isinstance(value, list | tuple):
        return [value] * count
    if len(value) != count:
        raise UsageError(f"{name}: {option} has {len(value)} values for {count} parameter groups; give one for each")
    return list(value)


def momentum_key(name: str, optimizer: Optimizer) -> str:
    """Where the optimizer keeps its momentum: "betas", whose first it is, or "momentum"."""
    for key in ("betas", "momentum"):
        if key in optimizer.defaults:
            return key
    raise UsageError(f"{name}: {type(optimizer).__name__} has no momentum to cycle; give cycle_momentum=False")


def set_momentum(group: dict[str, Any], key: str, value: float) -> None:
    """Set a group's momentum, or its first beta."""
    group[key] = (value, *group["betas"][1:]) if key == "betas" else value
