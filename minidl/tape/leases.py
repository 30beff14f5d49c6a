"""Memory that gradients are written into at each replay, for as long as nobody else holds the last ones.

Define-by-run makes a new array for each gradient. What a person keeps of it (the tensor, its array, a view) must stay what it
is, so the memory is used again only if Python counts no reference besides the tape's own and the tensor's `.grad`.
"""

from __future__ import annotations

from collections.abc import Callable
from sys import getrefcount
from types import SimpleNamespace
from typing import Any

from .memory import scratch_of
from .program import Slot


def _references(node: Any) -> int:
    """How many references there are to a tensor's gradient, counted from here."""
    grad = node._grad
    return getrefcount(grad)


_ALONE = _references(SimpleNamespace(_grad=SimpleNamespace()))
"""How many there are where nobody else holds it."""


class Lease:
    """The memory of one gradient.

    Attributes:
        array: the result that is written there; the gradient is this array or shows it.
    """

    def __init__(self, slot: Slot, gradient: Slot, registers: list[Any], find: Callable[[], Any]) -> None:
        self._slot, self._gradient, self._registers, self._find = slot, gradient, registers, find
        self._own = (0, 0)
        self.array = scratch_of(slot)

    def _counts(self) -> tuple[int, int]:
        """The references to the gradient's array, and to the memory in which all views of it lie."""
        array = self._registers[self._gradient.number]
        return getrefcount(array), getrefcount(self.array.base)

    def _is_assigned(self) -> bool:
        grad = self._find()._grad
        return grad is not None and grad._data is self._registers[self._gradient.number]

    def settle(self) -> None:
        """Count the references that the bound steps have, and that do not matter."""
        array, memory = self._counts()
        self._own = array - self._is_assigned(), memory

    def renew(self) -> bool:
        """Take other memory if somebody holds the last gradient, and tell whether that was so."""
        assigned = self._is_assigned()
        array, memory = self._own
        if self._counts() == (array + assigned, memory) and not (assigned and _references(self._find()) > _ALONE):
            return False
        self.array = scratch_of(self._slot)
        return True
