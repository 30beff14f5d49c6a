"""How the learning rate changes over a run."""

from __future__ import annotations

import math
from dataclasses import dataclass


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
