"""Learning rates that change over a run, under PyTorch's names and with its numbers.

Call `step()` once an epoch (or once a step, as the schedule is meant) after the optimizer's. Those that multiply the rate
work on whatever it is, so several can be chained. A warm-up is `LinearLR` before the others, joined by `SequentialLR`:

>>> import minidl
>>> from minidl.optim import SGD
>>> optimizer = SGD([minidl.tensor(1.0, requires_grad=True)], lr=0.1)
>>> warmup = LinearLR(optimizer, start_factor=0.25, total_iters=3)
>>> schedule = SequentialLR(optimizer, [warmup, CosineAnnealingLR(optimizer, T_max=4)], milestones=[3])
>>> rates = []
>>> for _ in range(8):
...     rates.append(round(optimizer.param_groups[0]["lr"], 4))
...     optimizer.step()
...     schedule.step()
>>> rates
[0.025, 0.05, 0.075, 0.1, 0.0854, 0.05, 0.0146, 0.0]
"""

from .base import LRScheduler, rates
from .combined import ChainedScheduler, SequentialLR
from .cycles import CosineAnnealingWarmRestarts, CyclicLR, OneCycleLR
from .factors import (
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from .plateau import ReduceLROnPlateau

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
    "rates",
]
