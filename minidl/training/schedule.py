"""How the learning rate changes over a run: PyTorch's schedules fitted to a run's length, and the default one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ..errors import UsageError
from ..optim import Optimizer
from ..optim.lr_scheduler import (
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)
from .choices import Registry


@dataclass(frozen=True, slots=True)
class WarmupCosine:
    """Raise the learning rate in a straight line to its peak, then lower it to almost 0 along half a cosine.

    With w = warm-up · steps, step t = 0, 1, … has the rate peak · (t + 1) / w while t < w, and after that
    peak · ½ (1 + cos(π (t − w) / (steps − w))).

    Source: I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts" (2017), equation 5, without
    restarts.

    Attributes:
        peak: the highest learning rate.
        steps: the number of steps in the whole run.
        warmup: the share of the steps in which the rate rises.

    >>> schedule = WarmupCosine(peak=0.1, steps=100, warmup=0.1)
    >>> [round(schedule(t), 4) for t in (0, 9, 10, 55, 99)]
    [0.01, 0.1, 0.1, 0.05, 0.0]
    """

    peak: float
    steps: int
    warmup: float = 0.1

    def __call__(self, step: int) -> float:
        """Return the learning rate of step number `step`, counted from 0."""
        rising = int(self.warmup * self.steps)
        if step < rising:
            return self.peak * (step + 1) / rising
        return self.peak * 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, self.steps - rising)))


class WarmupCosineLR(LRScheduler):
    """`WarmupCosine` for an optimizer: each group's own rate is its peak.

    Args:
        optimizer: whose rates it sets.
        steps: the number of steps in the whole run.
        warmup: the share of the steps in which the rate rises.

    >>> from minidl.optim.lr_scheduler import rates
    >>> [round(rate, 3) for rate in rates(lambda o: WarmupCosineLR(o, steps=5, warmup=0.4), 5)]
    [0.5, 1.0, 1.0, 0.75, 0.25]
    """

    def __init__(self, optimizer: Optimizer, steps: int, warmup: float = 0.1) -> None:
        self.steps, self.warmup = steps, _share(warmup)
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:
        """Return each group's rate for the step `last_epoch`."""
        return [WarmupCosine(peak, self.steps, self.warmup)(self.last_epoch) for peak in self.base_lrs]


# What can be chosen by name. `total` is the length of the run in what the schedule counts: steps, or epochs. ------------


def constant(optimizer: Optimizer, total: int, warmup: float = 0.0) -> LRScheduler:
    """The same rate all the time."""
    return _warmed(optimizer, total, warmup, lambda left: ConstantLR(optimizer, 1.0, 0))


def warmup_cosine(optimizer: Optimizer, total: int, warmup: float = 0.1) -> LRScheduler:
    """Up in a line to the peak, then down to 0 along half a cosine."""
    return WarmupCosineLR(optimizer, total, warmup)


def cosine(optimizer: Optimizer, total: int, eta_min: float = 0.0, warmup: float = 0.0) -> LRScheduler:
    """Down to `eta_min` along half a cosine."""
    return _warmed(optimizer, total, warmup, lambda left: CosineAnnealingLR(optimizer, left, eta_min))


def linear(optimizer: Optimizer, total: int, end_factor: float = 0.0, warmup: float = 0.0) -> LRScheduler:
    """Down in a line to `end_factor` times the rate."""
    return _warmed(optimizer, total, warmup, lambda left: LinearLR(optimizer, 1.0, end_factor, left))


def polynomial(optimizer: Optimizer, total: int, power: float = 2.0, warmup: float = 0.0) -> LRScheduler:
    """Down to 0 along a power of what is left of the run."""
    return _warmed(optimizer, total, warmup, lambda left: PolynomialLR(optimizer, left, power))


def one_cycle(
    optimizer: Optimizer,
    total: int,
    pct_start: float = 0.3,
    anneal_strategy: str = "cos",
    cycle_momentum: bool = True,
    base_momentum: float = 0.85,
    max_momentum: float = 0.95,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
    three_phase: bool = False,
) -> LRScheduler:
    """Up from a small rate to the peak and far below it again, momentum the other way."""
    return OneCycleLR(
        optimizer,
        _peak(optimizer),
        total,
        pct_start=pct_start,
        anneal_strategy=anneal_strategy,
        cycle_momentum=cycle_momentum,
        base_momentum=base_momentum,
        max_momentum=max_momentum,
        div_factor=div_factor,
        final_div_factor=final_div_factor,
        three_phase=three_phase,
    )


def cyclic(
    optimizer: Optimizer,
    base_lr: float,
    step_size_up: int = 2000,
    shape: str = "triangular",
    gamma: float = 1.0,
    cycle_momentum: bool = True,
) -> LRScheduler:
    """Up and down between `base_lr` and the peak, again and again."""
    peak = _peak(optimizer)
    return CyclicLR(optimizer, base_lr, peak, step_size_up, mode=shape, gamma=gamma, cycle_momentum=cycle_momentum)


def step(optimizer: Optimizer, total: int, step_size: int, gamma: float = 0.1, warmup: float = 0.0) -> LRScheduler:
    """Times `gamma` every `step_size` epochs."""
    if step_size < 1:
        raise UsageError(f"the schedule 'step' needs a step_size of at least 1 epoch; got {step_size}")
    return _warmed(optimizer, total, warmup, lambda left: StepLR(optimizer, step_size, gamma))


def multi_step(
    optimizer: Optimizer, total: int, milestones: Sequence[int], gamma: float = 0.1, warmup: float = 0.0
) -> LRScheduler:
    """Times `gamma` at each milestone, an epoch (counted from the end of the warm-up)."""
    return _warmed(optimizer, total, warmup, lambda left: MultiStepLR(optimizer, milestones, gamma))


def exponential(optimizer: Optimizer, total: int, gamma: float, warmup: float = 0.0) -> LRScheduler:
    """Times `gamma` every epoch."""
    return _warmed(optimizer, total, warmup, lambda left: ExponentialLR(optimizer, gamma))


def cosine_restarts(optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0) -> LRScheduler:
    """Down along half a cosine in `T_0` epochs, and again from the top, each time `T_mult` as long."""
    return CosineAnnealingWarmRestarts(optimizer, T_0, T_mult, eta_min)


def plateau(
    optimizer: Optimizer,
    mode: str,
    factor: float = 0.1,
    patience: int = 10,
    threshold: float = 1e-4,
    threshold_mode: str = "rel",
    cooldown: int = 0,
    min_lr: float = 0.0,
) -> LRScheduler:
    """Times `factor` once the watched value has not got better for more than `patience` epochs."""
    return ReduceLROnPlateau(optimizer, mode, factor, patience, threshold, threshold_mode, cooldown, min_lr)


_BY_STEPS = (constant, warmup_cosine, cosine, linear, polynomial, one_cycle, cyclic)
_BY_EPOCHS = (step, multi_step, exponential, cosine_restarts, plateau)

SCHEDULES: Final = Registry(
    "schedule",
    {make.__name__: make for make in (*_BY_STEPS, *_BY_EPOCHS)},
    given=("optimizer", "total", "mode"),
    reasons={"mode": "it follows from the watched value, monitor", "total": "it follows from the number of epochs"},
)
"""Every schedule by name. The rate that the optimizer is made with is the highest of the run."""


def interval_of(name: str) -> str:
    """Return what a schedule counts: "step" or "epoch"."""
    return "epoch" if name in {make.__name__ for make in _BY_EPOCHS} else "step"


def _share(warmup: float) -> float:
    if not 0 <= warmup < 1:
        raise UsageError(f"warmup is the share of the run in which the rate rises, from 0 to below 1; got {warmup}")
    return warmup


def _warmed(optimizer: Optimizer, total: int, warmup: float, make: Callable[[int], LRScheduler]) -> LRScheduler:
    """A schedule that begins when the rate has risen in a line for a share of the run, at least once if at all."""
    rising = max(1, round(_share(warmup) * total)) if warmup else 0
    if not rising or rising >= total:
        return make(total)
    rise = LinearLR(optimizer, 1 / (rising + 1), total_iters=rising)  # (t + 1) / (rising + 1), and 1 when it is over
    return SequentialLR(optimizer, [rise, make(total - rising)], [rising])


def _peak(optimizer: Optimizer) -> float:
    return float(optimizer.param_groups[0]["lr"])
