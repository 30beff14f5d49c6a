"""Schedules that go up as well as down: warm restarts, one cycle, many cycles."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from ...errors import UsageError
from ..optimizer import Optimizer
from .base import LRScheduler, check_optimizer, momentum_key, one_a_group, set_momentum, set_rate


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine from the first rate to a floor, again and again, each time T_mult times as long.

    lr = eta_min + (lr(0) − eta_min) · ½(1 + cos(π · T_cur / T_i)).

    Args:
        optimizer: whose rates it sets.
        T_0: the epochs until the first restart.
        T_mult: by what the time between restarts grows.
        eta_min: the floor.
        last_epoch: the last epoch done, to go on from there.

    Raises:
        UsageError: `T_0` or `T_mult` is no whole number from 1.

    Source: Loshchilov and Hutter, 2017, "SGDR: stochastic gradient descent with warm restarts", equation 5.

    >>> from minidl.optim.lr_scheduler import rates
    >>> rates(lambda o: CosineAnnealingWarmRestarts(o, 2, eta_min=0.5), 5)
    [1.0, 0.75, 1.0, 0.75, 1.0]
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        for name, value in (("T_0", T_0), ("T_mult", T_mult)):
            if not isinstance(value, int) or value < 1:
                raise UsageError(f"CosineAnnealingWarmRestarts: {name} must be a whole number from 1, got {value!r}")
        self.T_0, self.T_mult, self.eta_min = T_0, T_mult, eta_min
        super().__init__(optimizer, last_epoch)

    def step(self, epoch: float | None = None) -> None:
        """Go to the next epoch, or to any, such as `epoch + i / batches`, and set its rates.

        Raises:
            UsageError: the epoch is below 0.
        """
        if epoch is not None and epoch < 0:
            raise UsageError(f"CosineAnnealingWarmRestarts: the epoch must be at least 0, got {epoch}")
        self._note_step()
        now = self.last_epoch + 1 if epoch is None else epoch
        self.last_epoch = math.floor(now)
        self._apply(self._rates_at(now))

    def get_lr(self) -> list[float]:
        """Return each group's rate for epoch `last_epoch`."""
        return self._rates_at(self.last_epoch)

    def _rates_at(self, epoch: float) -> list[float]:
        length: int = self.T_0
        while epoch >= length:
            epoch -= length
            length *= self.T_mult
        self.T_cur, self.T_i = epoch, length
        share = (1 + math.cos(math.pi * epoch / length)) / 2
        return [self.eta_min + (base - self.eta_min) * share for base in self.base_lrs]


class OneCycleLR(LRScheduler):
    """Up to a high rate and down again, far below where it began, in one run; momentum goes the other way.

    The rate goes from max_lr / div_factor to max_lr in the first `pct_start` of the steps, and from there to
    max_lr / (div_factor · final_div_factor). Call `step()` after every batch.

    Args:
        optimizer: whose rates it sets.
        max_lr: the top, or one for each group.
        total_steps: the steps in the run; or else give the next two.
        epochs: the epochs in the run.
        steps_per_epoch: the steps in an epoch.
        pct_start: the share of the steps in which the rate rises.
        anneal_strategy: "cos" for half a cosine, "linear" for a line.
        cycle_momentum: whether momentum (or the first beta) goes from `max_momentum` to `base_momentum` and back.
        base_momentum: the lowest momentum, or one for each group.
        max_momentum: the highest momentum, or one for each group.
        div_factor: max_lr by the first rate.
        final_div_factor: the first rate by the last.
        three_phase: whether to come back to the first rate, as fast as it rose, before the last descent.
        last_epoch: the last step done, to go on from there.

    Raises:
        UsageError: the number of steps is not given, or an option is out of range.

    Source: Smith and Topin, 2018, "Super-convergence: very fast training of neural networks using large learning rates".

    >>> from minidl.optim.lr_scheduler import rates
    >>> rates(lambda o: OneCycleLR(o, 1.0, total_steps=5, pct_start=0.6, div_factor=4.0), 3)
    [0.25, 0.625, 1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(self, optimizer)
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise UsageError("OneCycleLR: give total_steps, or both epochs and steps_per_epoch")
            total_steps = epochs * steps_per_epoch
        if total_steps <= 0 or not isinstance(total_steps, int):
            raise UsageError(f"OneCycleLR: the number of steps must be a whole number from 1, got {total_steps}")
        if not 0 <= pct_start <= 1:
            raise UsageError(f"OneCycleLR: pct_start must be from 0 to 1, got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise UsageError(f'OneCycleLR: anneal_strategy must be "cos" or "linear", got {anneal_strategy!r}')
        self.total_steps, self.anneal_strategy, self.three_phase = total_steps, anneal_strategy, three_phase
        self.pct_start = pct_start
        self.momentum = momentum_key("OneCycleLR", optimizer) if cycle_momentum else ""
        if last_epoch == -1:
            tops = one_a_group("OneCycleLR", "max_lr", max_lr, optimizer)
            lows = one_a_group("OneCycleLR", "base_momentum", base_momentum, optimizer)
            highs = one_a_group("OneCycleLR", "max_momentum", max_momentum, optimizer)
            for group, top, low, high in zip(optimizer.param_groups, tops, lows, highs, strict=True):
                first = top / div_factor
                group.update(initial_lr=first, max_lr=top, min_lr=first / final_div_factor)
                if cycle_momentum:
                    group.update(base_momentum=low, max_momentum=high)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return each group's rate for step `last_epoch`, and set its momentum.

        Raises:
            UsageError: the run is over.
        """
        t, total, rise = self.last_epoch, self.total_steps, self.pct_start * self.total_steps
        if t > total:
            raise UsageError(f"OneCycleLR: step {t} of {total}: the cycle is over")
        turns = [0.0, rise - 1, 2 * rise - 2, total - 1] if self.three_phase else [0.0, rise - 1, total - 1]
        rates = (
            ["initial_lr", "max_lr", "initial_lr", "min_lr"] if self.three_phase else ["initial_lr", "max_lr", "min_lr"]
        )
        momenta = ["max_momentum", "base_momentum", "max_momentum", "max_momentum"]
        phases = list(pairwise(turns))
        phase = next((k for k, (_, end) in enumerate(phases) if t <= end), len(phases) - 1)
        begin, end = phases[phase]
        done = (t - begin) / (end - begin)
        for group in self.optimizer.param_groups if self.momentum else ():
            set_momentum(group, self.momentum, self._between(group, momenta[phase], momenta[phase + 1], done))
        return [self._between(group, rates[phase], rates[phase + 1], done) for group in self.optimizer.param_groups]

    def _between(self, group: dict[str, Any], begin: str, end: str, done: float) -> float:
        a, b = float(group[begin]), float(group[end])
        if self.anneal_strategy == "cos":
            return b + (a - b) / 2 * (math.cos(math.pi * done) + 1)
        return a + (b - a) * done


class CyclicLR(LRScheduler):
    """Up and down in straight lines between two rates; momentum goes the other way. Call `step()` after every batch.

    Args:
        optimizer: whose rates it sets.
        base_lr: the lowest rate, or one for each group.
        max_lr: the highest rate, or one for each group.
        step_size_up: the steps up.
        step_size_down: the steps down; as many if not given.
        mode: "triangular"; "triangular2", each cycle half as high; "exp_range", the height falls as gammaᵗ.
        gamma: for "exp_range".
        scale_fn: takes the place of the mode: from the cycle's number, from 1, or the step's, to a factor of the height.
        scale_mode: "cycle" or "iterations": what `scale_fn` is given.
        cycle_momentum: whether momentum (or the first beta) goes from `max_momentum` to `base_momentum` and back.
        base_momentum: the lowest momentum, or one for each group.
        max_momentum: the highest momentum, or one for each group.
        last_epoch: the last step done, to go on from there.

    Raises:
        UsageError: there is no such mode, or no momentum to cycle.

    Source: Smith, 2017, "Cyclical learning rates for training neural networks".

    >>> from minidl.optim.lr_scheduler import rates
    >>> rates(lambda o: CyclicLR(o, 0.5, 1.0, step_size_up=2), 6)
    [0.5, 0.75, 1.0, 0.75, 0.5, 0.75]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        check_optimizer(self, optimizer)
        if scale_fn is None and mode not in ("triangular", "triangular2", "exp_range"):
            raise UsageError(f'CyclicLR: mode must be "triangular", "triangular2" or "exp_range", got {mode!r}')
        base_lrs = one_a_group("CyclicLR", "base_lr", base_lr, optimizer)
        self.max_lrs = one_a_group("CyclicLR", "max_lr", max_lr, optimizer)
        self.up, self.down = step_size_up, step_size_up if step_size_down is None else step_size_down
        self.mode, self.gamma = mode, gamma
        self.scale_fn, self.scale_mode = scale_fn, scale_mode
        self.momentum = momentum_key("CyclicLR", optimizer) if cycle_momentum else ""
        self.base_momentums = one_a_group("CyclicLR", "base_momentum", base_momentum, optimizer)
        self.max_momentums = one_a_group("CyclicLR", "max_momentum", max_momentum, optimizer)
        if last_epoch == -1:
            for group, rate in zip(optimizer.param_groups, base_lrs, strict=True):
                group["initial_lr"] = rate
                set_rate(group, rate)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def get_lr(self) -> list[float]:
        """Return each group's rate for step `last_epoch`, and set its momentum."""
        total = self.up + self.down
        cycle, t = divmod(self.last_epoch, total)
        height = (t / self.up if t <= self.up else (total - t) / self.down) * self._scale(cycle + 1)
        if self.momentum:
            ends = zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True)
            for group, low, high in ends:
                set_momentum(group, self.momentum, high - (high - low) * height)
        return [low + (high - low) * height for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]

    def _scale(self, cycle: int) -> float:
        if self.scale_fn is not None:
            return self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.mode == "exp_range":
            return float(self.gamma**self.last_epoch)
        return 0.5 ** (cycle - 1) if self.mode == "triangular2" else 1.0
