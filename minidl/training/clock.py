"""How long each part of a training takes, so that one knows which to make faster."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

LOAD, FORWARD, BACKWARD, STEP = PARTS = ("load", "forward", "backward", "step")
"""The parts of a training step: fetching a batch, computing the loss, computing the gradients, updating the weights."""

SLOW = 0.5
"""Seconds; a training step that takes longer is worth asking why."""


class Clock:
    """Separate clocks for the parts of a loop.

    Attributes:
        seconds: by part, in the order in which they were first timed, how long it took so far.

    >>> clock = Clock()
    >>> for _ in range(2):
    ...     with clock("load"):
    ...         batch = [1, 2]
    ...     with clock("forward"):
    ...         loss = sum(batch)
    >>> list(clock.seconds), clock.total < 0.1
    (['load', 'forward'], True)
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        """Add the time that a `with` block takes to `part`."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[part] = self.seconds.get(part, 0.0) + time.perf_counter() - began

    @property
    def total(self) -> float:
        """The seconds of all parts together."""
        return sum(self.seconds.values())


def bottleneck(seconds: dict[str, float], steps: int) -> str:
    """Say in a few words what slows a training down; nothing if it is quick and no part stands out.

    Args:
        seconds: by part, how long it took in all.
        steps: in how many steps.

    >>> bottleneck({"load": 4.0, "forward": 1.0, "backward": 1.5, "step": 0.1}, steps=10)
    '660 ms a step (more than 500); bottleneck: load, 61 %'
    >>> bottleneck({"load": 0.1, "forward": 1.0, "backward": 1.0, "step": 0.1}, steps=100)
    ''
    """
    total = sum(seconds.values())
    if not total or not steps:
        return ""
    said = []
    if total / steps > SLOW:
        said.append(f"{1000 * total / steps:.0f} ms a step (more than {1000 * SLOW:.0f})")
    part, most = max(seconds.items(), key=lambda item: item[1])
    if 2 * most > total:
        said.append(f"bottleneck: {part}, {most / total:.0%}".replace("%", " %"))
    return "; ".join(said)


class Speed:
    """Images a second, without a process's first step, in which kernels are loaded or compiled, if there are others."""

    def __init__(self) -> None:
        self._cold = self._warm = (0, 0.0)

    def add(self, images: int, seconds: float, *, warm: bool) -> None:
        """Count a step."""
        if warm:
            self._warm = (self._warm[0] + images, self._warm[1] + seconds)
        else:
            self._cold = (images, seconds)

    @property
    def images_per_second(self) -> float:
        """The images of the warm steps by their time; of the cold one if there are no others."""
        images, seconds = self._warm if self._warm[0] else self._cold
        return images / seconds if seconds else 0.0
