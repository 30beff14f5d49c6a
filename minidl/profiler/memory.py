"""How many bytes of results are alive, and how many there ever were at once."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np


class _Tracked(weakref.ref[Any]):
    """A weak reference that knows how large its array is."""

    __slots__ = ("size",)

    size: int


class Memory:
    """Follows arrays until nobody holds them any more.

    Attributes:
        live: bytes of the followed arrays that are alive.
        peak: the most there ever were.

    >>> memory = Memory()
    >>> array = np.zeros(100)
    >>> memory.follow(array)
    800
    >>> del array
    >>> memory.live, memory.peak
    (0, 800)
    """

    def __init__(self) -> None:
        self.live = self.peak = 0
        self._alive: dict[int, _Tracked] = {}  # by id: a weak reference has its array's hash, and arrays have none

    def follow(self, value: Any) -> int:
        """Follow an array, or those in a tuple, and return their bytes; plain numbers take none."""
        if isinstance(value, np.ndarray):
            tracked = _Tracked(value, self._gone)
            tracked.size = size = value.nbytes
            self._alive[id(tracked)] = tracked
            self.live += size
            self.peak = max(self.peak, self.live)
            return size
        return sum(map(self.follow, value)) if isinstance(value, tuple | list) else 0

    def _gone(self, tracked: Any) -> None:
        self.live -= tracked.size
        self._alive.pop(id(tracked), None)

    def forget(self) -> None:
        """Stop following."""
        self._alive.clear()
