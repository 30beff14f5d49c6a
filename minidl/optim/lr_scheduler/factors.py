"""Schedules that are a factor of the first rate: steps, lines, powers, half a cosine."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ...errors import UsageError
from ..optimizer import Optimizer
from .base import LRScheduler, one_a_group

Factor = Callable[[int], float]


def at_least_one(name: str, option: str, value: float) -> None:
    """Refuse a length of time below 1."""
    if not value >= 1:
        raise UsageError(f"{name}: {option} must be at least 1, got {value!r}")


class FactorLR(LRScheduler):
    """A schedule lr(t) = floor + (lr(0) − floor) · f(t), given by `factor`.

    It is applied as a change, lr ← floor + (lr − floor) · f(t) / f(t − 1), so that what others did to the rate remains.
    """

    @property
    def floor(self) -> float:
        """What the rate never goes below."""
        return 0.0

    def factor(self, epoch: int) -> float:
        """Return f(t)."""
        raise NotImplementedError(f"{type(self).__name__} does not define factor()")

    def begin(self, last_epoch: int = -1) -> None:
        """Multiply the rates by f(0); where the run goes on, the optimizer's state has them already."""
        self.last_epoch = last_epoch + 1
        if self.last_epoch == 0:
            self._apply([self.floor + (rate - self.floor) * self.factor(0) for rate in self._rates()])
        else:
            self._last_lr = self._rates()

    def restart(self) -> None:
        """Begin anew at epoch 0, with the rates that the groups began with."""
        self.last_epoch = 0
        self._apply(self._from_base(0))

    def _from_base(self, epoch: int) -> list[float]:
        return [self.floor + (base - self.floor) * self.factor(epoch) for base in self.base_lrs]

    def get_lr(self) -> list[float]:
        """Return each group's rate for epoch `last_epoch`."""
        now, before = self.factor(self.last_epoch), self.factor(self.last_epoch - 1)
        if now == before:
            return self._rates()
        if before == 0:  # at the floor, where a factor moves nothing
            return [rate + (base - self.floor) * now for rate, base in zip(self._rates(), self.base_lrs, strict=True)]
        return [self.floor + (rate - self.floor) * (now / before) for rate in self._rates()]


class StepLR(FactorLR):
    """Multiply the rate by γ every `step_size` epochs: f(t) = γ^⌊t / step_size⌋.

    Args:
        optimizer: whose rates it sets.
        step_size: the epochs between two drops.
        gamma: γ.
        last_epoch: the last epoch done, to go on from there.

    Raises:
        UsageError: `step_size` is below 1.

    >>> from minidl.optim.lr_scheduler import rates
    >>> rates(lambda o: StepLR(o, 2, gamma=0.5), 5)
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        at_least_one("StepLR", "step_size", step_size)
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, epoch: int) -> float:
        """Return f(t)."""
        return self.gamma ** (epoch // self.step_size)


class MultiStepLR(FactorLR):
    """Multiply the rate by γ at each milestone: f(t) = γ to the number of milestones reached.

    Args:
        optimizer: whose rates it sets.
        milestones: epochs; one that stands twice counts twice.
        gamma: γ.
        last_epoch: the last epoch done, to go on from there.

    >>> from minidl.optim.lr_scheduler import rates
    >>> rates(lambda o: MultiStepLR(o, [1, 3], gamma=0.5), 5)
    [1.0, 0.5, 0.5, 0.25, 0.25]
    """

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, epoch: int) -> float:
        """Return f(t)."""
        return self.gamma ** bisect_right(self.milestones, epoch)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned, here or in PyTorch."""
        super().load_state_dict(state_dict)
        self.milestones = sorted(Counter(self.milestones).elements())  # PyTorch keeps them counted


class ConstantLR(FactorLR):
    """Multiply the rate by a factor until `total_iters`: f(t) = factor, then 1.

    Args:
        optimizer: whose rates it sets.
        factor: from 0 to 1.
        total_iters: when the full rate begins.
        last_epoch: the last epoch done, to go on from there.

    Raises:
        UsageError: the factor is out of range.

    >>> from minidl.optim.lr_scheduler import rates
    >>> rates(lambda o: ConstantLR(o, 0.5, total_iters=2), 4)
    [0.5, 0.5, 1.0, 1.0]
    """

    def __init__(self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5, last_epoch: int = -1) -> None:
        if not 0 <= factor <= 1:
            raise UsageError(f"ConstantLR: factor must be from 0 to 1, got {factor}")
        self.reduction, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def factor(self, epoch: int) -> float:
        """Return f(t)."""
        return self.reduction if epoch < self.total_iters else 1.0


class LinearLR(FactorLR):
    """Change the rate in a straight line: f(t) = start + (end − start) · min(t / total_iters, 1). The usual warm-up.

    Args:
        optimizer: whose rates it sets.
        start_factor: f(0), above 0 and up to 1.
        end_factor: f(total_iters), from 0 to 1.
        total_iters: how long it takes; 0 for the end at once.
        last_epoch: the last epoch done, to go on from there.

    Raises:
        UsageError: a factor is out of range.

    >>> from minidl.optim.lr_scheduler import rates
    >>> rates(lambda o: LinearLR(o, 0.25, total_iters=3), 5)
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise UsageError(f"LinearLR: start_factor must be above 0 and at most 1, got {start_factor}")
        if not 0 <= end_factor <= 1:
            raise UsageError(f"LinearLR: end_factor must be from 0 to 1, got {end_factor}")
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def factor(self, epoch: int) -> float:
        """Return f(t)."""
        done = min(epoch, self.total_iters) / self.total_iters if self.total_iters else 1.0
        return self.start_factor + (self.end_factor - self.start_factor) * done


class ExponentialLR(FactorLR):
    """Multiply the rate by γ every epoch: f(t) = γᵗ.

    Args:
        optimizer: whose rates it sets.
        gamma: γ.
        last_epoch: the last epoch done, to go on from there.

    >>> from minidl.optim.lr_scheduler import rates
    >>> rates(lambda o: ExponentialLR(o, 0.5), 4)
    [1.0, 0.5, 0.25, 0.125]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def factor(self, epoch: int) -> float:
        """Return f(t)."""
        return self.gamma**epoch


class PolynomialLR(FactorLR):
    """Lower the rate to 0 along a power: f(t) = (1 − min(t / total_iters, 1))ᵖ.

    Args:
        optimizer: whose rates it sets.
        total_iters: when 0 is reached.
        power: p.
        last_epoch: the last epoch done, to go on from there.

    Raises:
        UsageError: `total_iters` is below 1.

    >>> from minidl.optim.lr_scheduler import rates
    >>> rates(lambda o: PolynomialLR(o, total_iters=2, power=2.0), 4)
    [1.0, 0.25, 0.0, 0.0]
    """

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        at_least_one("PolynomialLR", "total_iters", total_iters)
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def factor(self, epoch: int) -> float:
        """Return f(t)."""
        return (1 - min(epoch, self.total_iters) / self.total_iters) ** self.power


class CosineAnnealingLR(FactorLR):
    """Lower the rate to a floor along half a cosine: f(t) = ½(1 + cos(πt / T_max)); after that it rises again.

    Args:
        optimizer: whose rates it sets.
        T_max: the epochs from the top to the floor.
        eta_min: the floor.
        last_epoch: the last epoch done, to go on from there.

    Raises:
        UsageError: `T_max` is below 1.

    Source: Loshchilov and Hutter, 2017, "SGDR: stochastic gradient descent with warm restarts", without the restarts.

    >>> from minidl.optim.lr_scheduler import rates
    >>> rates(lambda o: CosineAnnealingLR(o, 2, eta_min=0.5), 4)
    [1.0, 0.75, 0.5, 0.75]
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        at_least_one("CosineAnnealingLR", "T_max", T_max)
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    @property
    def floor(self) -> float:
        """What the rate never goes below."""
        return self.eta_min

    def factor(self, epoch: int) -> float:
        """Return f(t)."""
        return (1 + math.cos(math.pi * epoch / self.T_max)) / 2


class LambdaLR(LRScheduler):
    """Multiply the first rate by what a function says: lr(t) = lr(0) · λ(t).

    A schedule such as `minidl.training.WarmupCosine` with a peak of 1 can stand here.

    Args:
        optimizer: whose rates it sets.
        lr_lambda: λ, or a list with one for each group.
        last_epoch: the last epoch done, to go on from there.

    Raises:
        UsageError: there are not as many functions as groups.

    >>> import minidl
    >>> optimizer = minidl.optim.SGD([minidl.tensor(1.0, requires_grad=True)], lr=0.1)
    >>> schedule = LambdaLR(optimizer, lambda t: 1 / (1 + t))
    >>> optimizer.step()
    >>> schedule.step()
    >>> schedule.get_last_lr()
    [0.05]
    """

    def __init__(self, optimizer: Optimizer, lr_lambda: Factor | list[Factor], last_epoch: int = -1) -> None:
        self.lr_lambdas: list[Factor] = one_a_group("LambdaLR", "lr_lambda", lr_lambda, optimizer)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return each group's rate for epoch `last_epoch`."""
        return [base * f(self.last_epoch) for base, f in zip(self.base_lrs, self.lr_lambdas, strict=True)]


class MultiplicativeLR(LRScheduler):
    """Multiply the rate each epoch by what a function says: lr(t) = lr(t − 1) · λ(t).

    Args:
        optimizer: whose rates it sets.
        lr_lambda: λ, or a list with one for each group.
        last_epoch: the last epoch done, to go on from there.

    Raises:
        UsageError: there are not as many functions as groups.

    >>> from minidl.optim.lr_scheduler import rates
    >>> [round(rate, 4) for rate in rates(lambda o: MultiplicativeLR(o, lambda t: 1 / t), 4)]
    [1.0, 1.0, 0.5, 0.1667]
    """

    def __init__(self, optimizer: Optimizer, lr_lambda: Factor | list[Factor], last_epoch: int = -1) -> None:
        self.lr_lambdas: list[Factor] = one_a_group("MultiplicativeLR", "lr_lambda", lr_lambda, optimizer)
        super().__init__(optimizer, last_epoch)

    def begin(self, last_epoch: int = -1) -> None:
        """Leave the first epoch's rates as they are."""
        self.last_epoch = last_epoch + 1
        self._last_lr = self._rates()

    def get_lr(self) -> list[float]:
        """Return each group's rate for epoch `last_epoch`."""
        return [rate * f(self.last_epoch) for rate, f in zip(self._rates(), self.lr_lambdas, strict=True)]
