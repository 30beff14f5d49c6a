"""Early stopping: ending a run when the validation measure no longer gets better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, SupportsFloat

from ..errors import UsageError


class EarlyStopping:
    """Tell when a measure has not become better for `patience` epochs.

    Stopping then limits how far the weights move from where they began, which regularises much as an L2 penalty does. Keep
    the weights of `best_epoch`: those at the stop are `patience` epochs past it.

    Args:
        patience: the epochs without improvement after which to stop.
        mode: "min" if lower is better, as of a loss; "max" if higher is, as of an accuracy.
        min_delta: by how much a measure must be better to count.

    Attributes:
        best: the best measure so far, or None.
        best_epoch: the epoch, from 1, that it was measured in; 0 before the first.
        epoch: how many measures there were.

    Raises:
        UsageError: an option is out of range.

    Source: Prechelt, 1998, "Early stopping, but when?"; Bishop, 1995, "Regularization and complexity control in feed-forward
    networks".

    >>> stopping = EarlyStopping(patience=2)
    >>> [stopping.update(loss) for loss in (0.9, 0.5, 0.6, 0.55)]
    [False, False, False, True]
    >>> stopping.best, stopping.best_epoch
    (0.5, 2)
    """

    def __init__(self, patience: int = 10, mode: str = "min", min_delta: float = 0.0) -> None:
        if patience < 1:
            raise UsageError(f"EarlyStopping: patience must be at least 1, got {patience}")
        check_mode("EarlyStopping", mode)
        if min_delta < 0:
            raise UsageError(f"EarlyStopping: min_delta must be at least 0, got {min_delta}")
        self.patience, self.mode, self.min_delta = patience, mode, min_delta
        self.best: float | None = None
        self.best_epoch = self.epoch = 0

    def update(self, measure: SupportsFloat) -> bool:
        """Take in an epoch's measure; one that is NaN is never better.

        Returns:
            Whether to stop.
        """
        value = float(measure)
        self.epoch += 1
        if is_better(value, self.best, self.mode, self.min_delta):
            self.best, self.best_epoch = value, self.epoch
        return self.should_stop

    @property
    def should_stop(self) -> bool:
        """Whether the last `patience` epochs brought nothing."""
        return self.epoch - self.best_epoch >= self.patience

    def state_dict(self) -> dict[str, Any]:
        """Return what it remembers, in plain values."""
        return {"best": self.best, "best_epoch": self.best_epoch, "epoch": self.epoch}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self.best, self.best_epoch, self.epoch = (state_dict[key] for key in ("best", "best_epoch", "epoch"))


def is_better(value: float, best: float | None, mode: str, by: float = 0.0) -> bool:
    """Whether a measure is better than the best so far, None before the first, by more than `by`; NaN never is.

    >>> is_better(0.4, 0.5, "min"), is_better(0.5, 0.5, "max"), is_better(float("nan"), None, "min")
    (True, False, False)
    """
    if math.isnan(value):
        return False
    return best is None or (value - best if mode == "max" else best - value) > by


def check_mode(name: str, mode: str) -> None:
    """Refuse what does not say whether lower or higher is better.

    Raises:
        UsageError: `mode` is neither "min" nor "max".
    """
    if mode not in ("min", "max"):
        raise UsageError(f'{name}: mode must be "min" or "max", got {mode!r}')
