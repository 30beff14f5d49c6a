"""A traced block taken apart into what can be shown at once: a piece of each loop's turns, with what it cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from minidl.kernels.cuda.simulator.trace import Access, Trace, WarpAccess
from minidl.kernels.cuda.simulator.traffic import bank_conflicts, coalescing

BRING, MULTIPLY, WRITE = "bring", "multiply", "write"
_ORDER = (BRING, MULTIPLY, WRITE)


class Cost(NamedTuple):
    """What was moved.

    Attributes:
        read: numbers that threads read from global memory.
        sectors: pieces of 32 bytes that were fetched for it, request by request.
        shared: numbers read from shared memory.
        conflicts: turns that shared memory took too many.
        loads: requests of a warp for shared memory.
    """

    read: int = 0
    sectors: int = 0
    shared: int = 0
    conflicts: int = 0
    loads: int = 0

    def plus(self, other: Cost) -> Cost:
        """The sum of two costs.

        >>> Cost(1, 2).plus(Cost(3, 4))
        Cost(read=4, sectors=6, shared=0, conflicts=0, loads=0)
        """
        return Cost(*(a + b for a, b in zip(self, other, strict=True)))


NOTHING: Final = Cost()


@dataclass(slots=True)
class Moment:
    """What is shown in one frame.

    Attributes:
        kind: `bring` (from global memory), `multiply` (from shared memory) or `write` (to global memory).
        step: how many barriers the block had passed.
        accesses: what the threads read and write.
        sectors: for each array the sectors of 32 bytes that were fetched.
        cost: what it cost.
    """

    kind: str
    step: int
    accesses: list[Access] = field(default_factory=list)
    sectors: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    cost: Cost = NOTHING

    def of(self, array: str, action: str) -> list[Access]:
        """The accesses to an array."""
        return [a for a in self.accesses if a.array == array and a.action == action]


def moments(trace: Trace, arrays: Collection[str], block: Sequence[int], parts: int) -> list[Moment]:
    """The moments of one block, in order.

    Args:
        trace: the run.
        arrays: the arrays that are shown.
        block: the block's position in the grid, (x, y, z).
        parts: in how many moments the loop over the products of a step is shown.
    """
    of_access = _shares(trace, arrays, block, parts)
    found: dict[tuple[int, int, int], Moment] = {}
    for access, (step, kind, part) in of_access.items():
        key = (step, _ORDER.index(kind), part)
        found.setdefault(key, Moment(kind, step)).accesses.append(access)
    shown = {key: found[key] for key in sorted(found)}

    def moment_of(together: WarpAccess) -> Moment | None:
        access = together.accesses[0]
        if access not in of_access:
            return None
        step, kind, part = of_access[access]
        return shown[step, _ORDER.index(kind), part]

    _add_costs(trace, moment_of)
    return [m for m in shown.values() if m.kind != BRING or m.cost.read]


def _shares(
    trace: Trace, arrays: Collection[str], block: Sequence[int], parts: int
) -> dict[Access, tuple[int, str, int]]:
    """For each access of the block its step, its kind, and which part of the step's loop it belongs to."""
    is_shared = {name: info.space == "shared" for name, info in trace.arrays.items()}
    tiles = any(is_shared.values())
    ours = [a for a in trace.accesses if a.array in arrays and a.block == tuple(block)]
    counts: defaultdict[tuple[int, int, str, str], int] = defaultdict(int)
    turns = []
    for a in ours:
        key = (a.number, a.step, a.array, a.action)
        turns.append(counts[key])
        counts[key] += 1
    shares = {}
    for a, turn in zip(ours, turns, strict=True):
        part = turn * parts // counts[a.number, a.step, a.array, a.action]
        if is_shared[a.array] and a.action == "read":
            shares[a] = (a.step, MULTIPLY, part)
        elif not is_shared[a.array] and a.action != "read":
            shares[a] = (a.step, WRITE, 0)
        else:
            shares[a] = (a.step, BRING, 0 if tiles else part)
    return shares


def _add_costs(trace: Trace, moment_of: Callable[[WarpAccess], Moment | None]) -> None:
    """Add to each moment what its requests cost."""
    for request in coalescing(trace):
        moment = moment_of(request.access)
        if moment is not None and request.access.action == "read":
            numbers = sum(a.width for a in request.access.accesses)
            moment.sectors[request.access.array].update(request.sectors)
            moment.cost = moment.cost.plus(Cost(read=numbers, sectors=len(request.sectors)))
    for wanted in bank_conflicts(trace):
        moment = moment_of(wanted.access)
        if moment is not None:
            numbers = sum(a.width for a in wanted.access.accesses) if wanted.access.action == "read" else 0
            asked = int(wanted.access.action == "read")
            moment.cost = moment.cost.plus(Cost(shared=numbers, conflicts=wanted.conflicts, loads=asked))


def total(found: Iterable[Moment]) -> Cost:
    """What moments cost together."""
    whole = NOTHING
    for moment in found:
        whole = whole.plus(moment.cost)
    return whole


def uses(trace: Trace, array: str) -> dict[int, int]:
    """For each element of an array how many times threads read it, in all blocks that ran."""
    counted: defaultdict[int, int] = defaultdict(int)
    for access in trace.of(array=array, action="read"):
        for element in access.elements:
            counted[element] += 1
    return dict(counted)
