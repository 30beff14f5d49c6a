"""The measuring itself: contenders do the same work in one process, in turns A B C A B C, once all have computed the same.

What is reported is the median, over the turns, of the ratio of our time to a peer's in the same turn, with its quartiles. Who
else uses the machine disturbs both sides of a turn alike, so the ratio is the number to believe.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from . import idle
from .peers import Peers

Work = Callable[[], Any]

TURNS: Final = 15
LEAST: Final = 0.02
"""Seconds; what is quicker is done several times a turn."""
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
        mine: our median.
        theirs: the peer's.
        ratio: the median of the ratios of the turns.
        low: their first quartile.
        high: their third.
        unit: of the medians.
        others: which share of the cores others used meanwhile; None where it is not known.
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

    @property
    def is_met(self) -> bool | None:
        """Whether it reaches its goal; None where there is none."""
        reached = self.mine if self.ratio is None else self.ratio
        return None if self.goal is None else reached <= self.goal


@dataclass(frozen=True)
class Remark:
    """A line of words: why a measurement is missing."""

    row: str
    text: str


def clock(work: Work, before: Work | None = None, least: float = LEAST) -> float:
    """Seconds a call, from as many calls as take `least` seconds; `before` runs ahead of each and does not count.

    >>> clock(lambda: sum(range(1000)), least=0.0) == 0.0, clock(lambda: sum(range(1000)), least=1e-6) > 0
    (False, True)
    """
    count, spent = 0, 0.0
    while not count or spent < least:
        if before is not None:
            before()
        start = time.perf_counter()
        work()
        spent += time.perf_counter() - start
        count += 1
    return spent / count


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


def take_turns(works: Mapping[str, Work], before: Work | None = None, budget: float = BUDGET) -> dict[str, list[float]]:
    """Time all works in turns; return the seconds of each turn by name."""
    for work in works.values():
        work()
    once = {name: clock(work, before, least=0.0) for name, work in works.items()}
    turn = sum(2 * max(seconds, LEAST) if seconds < 0.1 else seconds for seconds in once.values())
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(max(5, min(TURNS, int(budget / turn)))):
        for name, work in works.items():
            if once[name] < 0.1:  # the caches and the threads of the one before are still settling
                clock(work, before, least=LEAST / 4)
            found[name].append(clock(work, before))
    return found


def spread(ours: list[float], theirs: list[float]) -> tuple[float, float, float]:
    """The first quartile, the median and the third quartile of the turns' ratios.

    >>> spread([2.0, 4.0, 6.0], [2.0, 2.0, 2.0])
    (1.0, 2.0, 3.0)
    """
    low, middle, high = statistics.quantiles((a / b for a, b in zip(ours, theirs, strict=True)), n=4)
    return low, middle, high


def compare(ours: Work, theirs: Work) -> dict[str, float]:
    """Time two works that are known to agree: the medians in milliseconds, the ratio and its quartiles."""
    times = take_turns({"minidl": ours, "peer": theirs})
    low, middle, high = spread(times["minidl"], times["peer"])
    medians = {f"{name}_ms": 1e3 * statistics.median(seconds) for name, seconds in times.items()}
    return medians | {"ratio": middle, "low": low, "high": high}


class Bench:
    """What a row is given: the peers, and the ways to measure.

    Args:
        peers: who to compare with.
        threads: how many threads everyone may use.
        patience: for how many seconds to wait for an idle machine before each contest.
    """

    def __init__(self, peers: Peers, threads: int, patience: float) -> None:
        self.peers = peers
        self.threads = threads
        self.patience = patience

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
        check_agreement({**ours, **theirs}, calls, rtol, atol)
        idle.wait(self.patience)
        others = idle.Others()
        times = take_turns({**ours, **theirs}, before)
        share = others.share()
        for way in ours:
            mine = 1e3 * statistics.median(times[way])
            if not theirs:
                yield Result(row, what, way, "", mine, others=share)
            for peer in theirs:
                low, middle, high = spread(times[way], times[peer])
                goal = (goals or {}).get(way, {}).get(peer)
                median = 1e3 * statistics.median(times[peer])
                yield Result(row, what, way, peer, mine, median, middle, low, high, others=share, goal=goal)
