"""How fast a training goes, and when it will be done."""

from __future__ import annotations

import time


class Pace:
    """How fast it goes, leaving out the first step, in which kernels may be compiled."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._steps = 0
        self._recent: list[tuple[float, int]] = []

    def tick(self, images: int) -> None:
        """Note that a step of so many images is done now."""
        now = time.perf_counter()
        if self._began is None:
            self._began = now
        else:
            self._steps += 1
        self._recent = [*self._recent[-49:], (now, images)]

    @property
    def images_a_second(self) -> float:
        """The images of the last steps by their time."""
        if len(self._recent) < 2:
            return 0.0
        (first, _), (last, _) = self._recent[0], self._recent[-1]
        return sum(images for _, images in self._recent[1:]) / max(last - first, 1e-9)

    def left(self, steps: int) -> str:
        """Return the time that `steps` more steps will take, for people."""
        if steps == 0:
            return "done"
        if self._began is None or self._steps < 5:
            return "-:-- left"
        seconds = round((time.perf_counter() - self._began) / self._steps * steps)
        hours, minutes = seconds // 3600, seconds // 60 % 60
        return f"{hours}:{minutes:02}:{seconds % 60:02} left" if hours else f"{minutes}:{seconds % 60:02} left"
