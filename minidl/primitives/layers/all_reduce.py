"""Adding up over processes, as an operation of the graph: what one process computes may depend on all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from numpy.typing import NDArray

from ...graph import Notation
from ..kinds import Linear, sample


class Communicator(Protocol):
    """The processes that train together.

    Attributes:
        rank: this process's number, from 0.
        size: how many there are.
    """

    @property
    def rank(self) -> int: ...  # noqa: D102

    @property
    def size(self) -> int: ...  # noqa: D102

    def share(self, n: int) -> slice:
        """Return this process's rows of a batch of `n`."""

    def sum_(self, arrays: Sequence[NDArray[Any]]) -> None:
        """Replace each array by its sum over all processes, the same bits on all."""


@dataclass(frozen=True)
class Alone:
    """One process, which does everything.

    >>> Alone().share(5)
    slice(0, 5, None)
    """

    rank: ClassVar[int] = 0
    size: ClassVar[int] = 1

    def share(self, n: int) -> slice:
        """Return all rows."""
        return slice(0, n)

    def sum_(self, arrays: Sequence[NDArray[Any]]) -> None:
        """Leave the arrays as they are."""


def _sum_over(xp: Any, x: Any, group: Communicator) -> Any:
    total = xp.copy(x)
    group.sum_([total])
    return total


all_reduce_: Linear = Linear(
    "all_reduce",
    Notation("Σ", "Σ over processes {0}", 2, (2,)),
    forward=_sum_over,
    transpose=lambda g, x, group: all_reduce_(g, group=group),
    samples=[sample((2, 3), group=Alone()), sample((), group=Alone()), sample((0, 2), group=Alone())],
)
"""yᵣ = Σₛ xₛ on every process r, of the processes s of `group`. What is differentiated is the sum of all processes' losses, so
each x gets the sum of all upstream gradients: the operation is its own transpose. Every process must come here, forward and
backward, equally often and in the same order."""
