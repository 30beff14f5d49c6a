"""Schedules of schedules: one after the other, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import UsageError
from ..optimizer import Optimizer
from .base import LRScheduler, set_rate
from .plateau import ReduceLROnPlateau


class _Combined(LRScheduler):
    """Several schedules of one optimizer."""

    def __init__(self, optimizer: Optimizer | None, schedulers: Sequence[LRScheduler]) -> None:
        name = type(self).__name__
        if not schedulers:
            raise UsageError(f"{name}: got no schedulers")
        self.optimizer = schedulers[0].optimizer if optimizer is None else optimizer
        for i, scheduler in enumerate(schedulers):
            if isinstance(scheduler, ReduceLROnPlateau):
                raise UsageError(
                    f"{name}: scheduler {i} is ReduceLROnPlateau, whose step() needs a measure; call it apart"
                )
            if getattr(scheduler, "optimizer", None) is not self.optimizer:
                raise UsageError(f"{name}: scheduler {i} belongs to another optimizer")
        self._schedulers = list(schedulers)

    def begin(self, last_epoch: int = -1) -> None:
        """Set the rates of the first epoch, from those that the groups began with."""
        self.last_epoch = last_epoch + 1
        for group in self.optimizer.param_groups:
            set_rate(group, group["initial_lr"])
        for scheduler in self._first():
            scheduler.begin()
        self._last_lr = self._rates()

    def restart(self) -> None:
        """Begin anew."""
        self.begin()

    def _first(self) -> list[LRScheduler]:
        """Those that set the first rates."""
        return self._schedulers

    def state_dict(self) -> dict[str, Any]:
        """Return its state and those of its schedules."""
        own = {k: v for k, v in self.__dict__.items() if k not in ("optimizer", "_schedulers")}
        return {**own, "_schedulers": [scheduler.state_dict() for scheduler in self._schedulers]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        super().load_state_dict({k: v for k, v in state_dict.items() if k != "_schedulers"})
        for scheduler, saved in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(saved)


class SequentialLR(_Combined):
    """One schedule after the other, each beginning at a milestone as if its epoch were 0.

    Args:
        optimizer: whose rates they set.
        schedulers: in their order.
        milestones: when each but the first begins.
        last_epoch: the last epoch done; −1 to begin.

    Raises:
        UsageError: there is not one milestone fewer than schedules, or a schedule cannot stand here.

    >>> from minidl.optim.lr_scheduler import ConstantLR, ExponentialLR, rates
    >>> rates(lambda o: SequentialLR(o, [ConstantLR(o, 0.25, 9), ExponentialLR(o, 0.5)], milestones=[2]), 5)
    [0.25, 0.25, 1.0, 0.5, 0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        super().__init__(optimizer, schedulers)
        if len(milestones) != len(schedulers) - 1:
            raise UsageError(
                f"SequentialLR: {len(schedulers)} schedulers need {len(schedulers) - 1} milestones, got {len(milestones)}"
            )
        self._milestones = list(milestones)
        self.begin(last_epoch)

    def _first(self) -> list[LRScheduler]:
        return [self._schedulers[bisect_right(self._milestones, 0)]]

    def step(self) -> None:
        """Go to the next epoch and set its rates."""
        self.last_epoch += 1
        index = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[index]
        if index and self._milestones[index - 1] == self.last_epoch:
            scheduler.restart()
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


class ChainedScheduler(_Combined):
    """All schedules at once, each working on the rate that the one before it left.

    Args:
        schedulers: in their order.
        optimizer: whose rates they set; that of the first if not given.

    Raises:
        UsageError: a schedule cannot stand here.

    >>> from minidl.optim.lr_scheduler import ConstantLR, ExponentialLR, rates
    >>> rates(lambda o: ChainedScheduler([ConstantLR(o, 0.25, 2), ExponentialLR(o, 0.5)]), 4)
    [0.25, 0.125, 0.25, 0.125]
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        super().__init__(optimizer, schedulers)
        self._last_lr = self._rates()

    def step(self) -> None:
        """Go to the next epoch and set its rates."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = self._rates()
