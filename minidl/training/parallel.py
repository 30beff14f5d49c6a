"""Training with several processes that share each batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from numpy.typing import NDArray


class Communicator(Protocol):
    """The processes that train together.

    Attributes:
        rank: this process's number, from 0.
        size: how many there are.
    """

    rank: int
    size: int

    def share(self, n: int) -> slice:
        """Return this process's rows of a batch of `n`."""

    def sum_(self, arrays: Sequence[NDArray[Any]]) -> None:
        """Replace each array by its sum over all processes, the same bits on all."""


class Alone:
    """One process, which does everything."""

    rank, size = 0, 1

    def share(self, n: int) -> slice:
        """Return all rows."""
        return slice(0, n)

    def sum_(self, arrays: Sequence[NDArray[Any]]) -> None:
        """Leave the arrays as they are."""
