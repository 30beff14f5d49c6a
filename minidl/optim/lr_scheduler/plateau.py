"""Lower the rate when a measure no longer gets better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, SupportsFloat

from ...errors import UsageError
from ..optimizer import Optimizer
from .base import LRScheduler, check_optimizer, one_a_group


class ReduceLROnPlateau(LRScheduler):
    """Multiply the rate by a factor once a measure has not become better for more than `patience` epochs.

    Args:
        optimizer: whose rates it sets.
        mode: "min" if lower is better, as of a loss; "max" if higher is, as of an accuracy.
        factor: what the rate is multiplied by, below 1.
        patience: the epochs without improvement that are let pass.
        threshold: how much better counts as better.
        threshold_mode: "rel" for a share of the best so far, "abs" for a difference.
        cooldown: the epochs after a reduction in which nothing counts.
        min_lr: the lowest rate, or one for each group.
        eps: a smaller reduction than this is not made.

    Raises:
        UsageError: an option is out of range.

    >>> import minidl
    >>> optimizer = minidl.optim.SGD([minidl.tensor(1.0, requires_grad=True)], lr=0.5)
    >>> schedule = ReduceLROnPlateau(optimizer, patience=1, factor=0.5)
    >>> for loss in (1.0, 0.5, 0.5, 0.5):
    ...     schedule.step(loss)
    >>> schedule.get_last_lr()
    [0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        if factor >= 1:
            raise UsageError(f"ReduceLROnPlateau: factor must be below 1, got {factor}")
        if mode not in ("min", "max"):
            raise UsageError(f'ReduceLROnPlateau: mode must be "min" or "max", got {mode!r}')
        if threshold_mode not in ("rel", "abs"):
            raise UsageError(f'ReduceLROnPlateau: threshold_mode must be "rel" or "abs", got {threshold_mode!r}')
        self.optimizer = check_optimizer(self, optimizer)
        self.mode, self.factor, self.patience = mode, factor, patience
        self.threshold, self.threshold_mode = threshold, threshold_mode
        self.cooldown, self.min_lrs, self.eps = (
            cooldown,
            one_a_group("ReduceLROnPlateau", "min_lr", min_lr, optimizer),
            eps,
        )
        self.best = math.inf if mode == "min" else -math.inf
        self.cooldown_counter = self.num_bad_epochs = self.last_epoch = 0
        self._last_lr = self._rates()

    def step(self, metrics: SupportsFloat) -> None:  # type: ignore[override]
        """Take in an epoch's measure, and lower the rate if it is time."""
        current = float(metrics)
        self.last_epoch += 1
        if self.is_better(current):
            self.best, self.num_bad_epochs = current, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            lowered = [max(rate * self.factor, low) for rate, low in zip(self._rates(), self.min_lrs, strict=True)]
            pairs = zip(self._rates(), lowered, strict=True)
            self._apply([new if old - new > self.eps else old for old, new in pairs])
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = self._rates()

    def is_better(self, current: float) -> bool:
        """Whether a measure is better than the best so far by more than the threshold."""
        sign = 1 if self.mode == "max" else -1
        if self.threshold_mode == "abs":
            return sign * current > sign * self.best + self.threshold
        return sign * current > sign * self.best * (1 + sign * self.threshold)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        super().load_state_dict(state_dict)
        self.best = float(self.best)
