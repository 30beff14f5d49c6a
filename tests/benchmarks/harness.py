"""The measuring itself: contenders do the same work in one process, in turns A B C C B A, once all have computed the same.

What is reported is the fastest call of each side and the ratio of the two; beside it the quartiles of the turns' ratios, how
much slower a usual call was, and how many cores were at work. Why the fastest: others who use the machine only ever add time,
and they do not add it to both sides alike. A library whose threads wait for each other at every product loses a time slice
whenever one of them has to stand aside; one that computes on a single thread hardly notices. On a machine whose cores others
used, the median ratio of minidl's MLP to PyTorch's came out anywhere from 0.05 to 1.4; that of the fastest calls stayed.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any, Final

import numpy as np

from . import idle
from .peers import Peers

Work = Callable[[], Any]

TURNS: Final = 15
LEAST: Final = 0.04
"""Seconds that a turn takes at least: the threads of whoever was before spin for some 30 ms before they go to sleep."""
CALLS: Final = 3
"""So often is called in a turn whatever takes less than half a second: the first call finds caches and threads cold."""
NOISY: Final = 0.25
"""On an idle machine a usual call is no more than so much slower than the fastest."""
BLOCK: Final = 5e-5
"""Seconds; calls that are quicker are timed together, or the clock would be what is measured."""
BUDGET: Final = 25.0
"""Seconds a contest may take; slow works get fewer turns, but never fewer than five."""


@dataclass(frozen=True)
class Result:
    """One line of the table.

    Attributes:
        row: the row's name.
        what: what was measured: a shape, a size; perhaps nothing.
        ours: which way of minidl's.
        peer: what it is compared with; "" where there is nothing.
        mine: our time: that of the fastest call. (Of a row that counts something else, such as memory, the median.)
        theirs: the peer's.
        ratio: of the two.
        low: the first quartile of the ratios of the turns.
        high: the third.
        unit: of the times.
        others: which share of the cores others used meanwhile; None where it is not known.
        noise: how much slower a usual call was than the fastest, on the side where that is more: 0.1 for a tenth.
        cores: how many cores were at work in our turns.
        their_cores: the same in the peer's.
        alone: our time in a process of its own, in which no peer is loaded.
        their_alone: the peer's, in a process in which minidl does not run.
        goal: the largest ratio that the project aims at (without a peer: the largest value); None where it states none.
    """

    row: str
    what: str
    ours: str
    peer: str
    mine: float
    theirs: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = "ms"
    others: float | None = None
    goal: float | None = None
    noise: float | None = None
    cores: float | None = None
    their_cores: float | None = None
    alone: float | None = None
    their_alone: float | None = None

    @property
    def is_met(self) -> bool | None:
        """Whether it reaches its goal; None where there is none, or the machine was too busy to tell."""
        reached = self.mine if self.ratio is None else self.ratio
        return None if self.goal is None or self.is_disturbed else reached <= self.goal

    @property
    def is_disturbed(self) -> bool:
        """Whether others used the machine, or calls took so unequal times that somebody must have; bytes do not mind."""
        return self.unit == "ms" and ((self.others or 0.0) > idle.QUIET or (self.noise or 0.0) > NOISY)


@dataclass(frozen=True)
class Remark:
    """A line of words: why a measurement is missing."""

    row: str
    text: str


@dataclass(frozen=True)
class Turn:
    """What was seen in one turn: seconds of the fastest and of a usual call, and how many cores were at work."""

    fastest: float
    usual: float
    cores: float


def clock(work: Work, before: Work | None = None, least: float = LEAST, calls: int = 1, together: int = 1) -> Turn:
    """Time as many calls as take `least` seconds, at least `calls`, `together` at a time.

    Args:
        work: what is timed.
        before: runs ahead of each timing and does not count.
        least: seconds.
        calls: how often to take the time at least.
        together: how many calls are timed as one.

    >>> clock(lambda: sum(range(1000)), least=1e-6).fastest > 0
    True
    """
    times: list[float] = []
    busy = 0.0
    while len(times) < calls or sum(times) < least:
        if before is not None:
            before()
        used, start = time.process_time(), time.perf_counter()
        for _ in repeat(None, together):
            work()
        times.append(time.perf_counter() - start)
        busy += time.process_time() - used
    return Turn(min(times) / together, statistics.median(times) / together, busy / max(sum(times), 1e-9))


def numbers(value: Any) -> list[Any]:
    """What a work returned as a list of arrays, whatever library it comes from."""
    if isinstance(value, list | tuple):
        return [array for part in value for array in numbers(part)]
    if isinstance(value, int | float | np.generic | np.ndarray):
        return [np.asarray(value)]
    if type(value).__module__.startswith("torch"):
        return [value.detach().cpu().numpy()]
    if type(value).__module__.startswith("tinygrad"):
        return [value.numpy()]
    return [np.asarray(value.data)]


def check_agreement(works: Mapping[str, Work], calls: int = 1, rtol: float = 1e-4, atol: float = 1e-5) -> None:
    """Call every work `calls` times; each call must give what the first work's gives.

    Raises:
        AssertionError: two compute different things, with their names.
    """
    for call in range(calls):
        found = {name: numbers(work()) for name, work in works.items()}
        (first, expected), *rest = found.items()
        for name, arrays in rest:
            assert len(arrays) == len(expected), f"{first} and {name} return {len(expected)} and {len(arrays)} arrays"
            for ours, theirs in zip(expected, arrays, strict=True):
                scale = float(np.abs(ours).max(initial=0.0))
                np.testing.assert_allclose(
                    theirs, ours, rtol, atol + rtol * scale, err_msg=f"{name} and {first} differ in call {call + 1}"
                )


def take_turns(works: Mapping[str, Work], before: Work | None = None, budget: float = BUDGET) -> dict[str, list[Turn]]:
    """Time all works in turns, A B C C B A, so that each follows every neighbour as often; return the turns by name."""
    for work in works.values():
        work()
    once = {name: clock(work, before, least=0.0).fastest for name, work in works.items()}
    calls = {name: CALLS if seconds < 0.5 else 1 for name, seconds in once.items()}
    together = {name: 1 if before else math.ceil(BLOCK / max(seconds, 1e-9)) for name, seconds in once.items()}
    least = LEAST if before is None else 0.0  # what runs before takes time too
    turn = sum(max(calls[name] * seconds, least) for name, seconds in once.items())
    found: dict[str, list[Turn]] = {name: [] for name in works}
    for number in range(max(5, min(TURNS, int(budget / turn)))):
        for name in list(works)[:: 1 if number % 2 == 0 else -1]:
            found[name].append(clock(works[name], before, least, calls[name], together[name]))
    return found


def spread(ours: list[float], theirs: list[float]) -> tuple[float, float, float]:
    """The first quartile, the median and the third quartile of the ratios of what was measured in turns.

    >>> spread([2.0, 4.0, 6.0], [2.0, 2.0, 2.0])
    (1.0, 2.0, 3.0)
    """
    low, middle, high = statistics.quantiles((a / b for a, b in zip(ours, theirs, strict=True)), n=4)
    return low, middle, high


def fastest(turns: list[Turn]) -> float:
    """The seconds of the fastest call of all turns."""
    return min(turn.fastest for turn in turns)


def cores(turns: list[Turn]) -> float:
    """How many cores were at work, in the median turn."""
    return statistics.median(turn.cores for turn in turns)


def noise(turns: list[Turn]) -> float:
    """How much slower a usual call was, in the median turn, than the fastest of all.

    >>> round(noise([Turn(1.0, 1.1, 1.0), Turn(1.1, 1.2, 1.0), Turn(2.0, 4.0, 1.0)]), 3)
    0.2
    """
    return statistics.median(turn.usual for turn in turns) / fastest(turns) - 1


def compare(ours: Work, theirs: Work) -> dict[str, float]:
    """Time two works that are known to agree: the fastest calls in milliseconds, their ratio, the quartiles of all."""
    mine, other = take_turns({"minidl": ours, "peer": theirs}).values()
    low, _, high = spread([turn.fastest for turn in mine], [turn.fastest for turn in other])
    times = {"minidl_ms": 1e3 * fastest(mine), "peer_ms": 1e3 * fastest(other)}
    return times | {"ratio": fastest(mine) / fastest(other), "low": low, "high": high}


class Bench:
    """What a row is given: the peers, and the ways to measure.

    Args:
        peers: who to compare with.
        threads: how many threads everyone may use.
        patience: for how many seconds to wait for an idle machine before each contest.
        only: the one contender that is timed, alone; None for a contest of all.
    """

    def __init__(self, peers: Peers, threads: int, patience: float, only: str | None = None) -> None:
        self.peers = peers
        self.threads = threads
        self.patience = patience
        self.only = only

    def contest(
        self,
        row: str,
        what: str,
        ours: Mapping[str, Work],
        theirs: Mapping[str, Work],
        *,
        before: Work | None = None,
        calls: int = 1,
        rtol: float = 1e-4,
        atol: float = 1e-5,
        goals: Mapping[str, Mapping[str, float]] | None = None,
    ) -> Iterator[Result]:
        """Check that all agree, wait for an idle machine, take turns, and yield a result for each of ours × each peer.

        Args:
            row: the row's name.
            what: what is measured.
            ours: minidl's ways to do the work, by name.
            theirs: the peers' works, by peer.
            before: runs before each timed call.
            calls: how many calls must agree; of a training step the second one sees the first update.
            rtol: how closely the results must agree.
            atol: the same, absolute.
            goals: the ratio aimed at, by way and peer.
        """
        works = {**ours, **theirs}
        if self.only is not None:
            ours, theirs, works = {self.only: works[self.only]}, {}, {self.only: works[self.only]}
        check_agreement(works, calls, rtol, atol)
        idle.wait(self.patience)
        others = idle.Others()
        turns = take_turns(works, before)
        share = others.share()
        for way in ours:
            mine = turns[way]
            result = Result(row, what, way, "", 1e3 * fastest(mine), others=share, noise=noise(mine), cores=cores(mine))
            if not theirs:
                yield result
            for peer in theirs:
                other = turns[peer]
                low, _, high = spread([turn.fastest for turn in mine], [turn.fastest for turn in other])
                yield replace(
                    result, peer=peer, theirs=1e3 * fastest(other), ratio=fastest(mine) / fastest(other), low=low,
                    high=high, noise=max(noise(mine), noise(other)), their_cores=cores(other),
                    goal=(goals or {}).get(way, {}).get(peer),
                )  # fmt: skip
