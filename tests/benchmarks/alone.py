"""Each contender in a process of its own: what a contest in one process might hide.

minidl then runs where no PyTorch is loaded, as it does for its users: PyTorch brings a second set of threads, and it changes
how the memory that a step frees is kept. A peer runs where minidl is imported but computes nothing. A side that is much
quicker alone was held up in the contest, and the line says so.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from .harness import Bench, Remark, Result
from .peers import MODULES, Peers, set_up

Row = Callable[[Bench], Iterator[Result | Remark]]

HELD_UP: Final = 1.15
"""So many times slower in the contest than alone, and the contest was not fair to that side."""


def with_alone(results: Iterable[Result], bench: Bench, row: str) -> Iterator[Result]:
    """Add to the results of a contest what each contender needs alone; a bench that times one alone gets them as they are."""
    found = list(results)
    if bench.only is not None:
        yield from found
        return
    names = dict.fromkeys(name for result in found for name in (result.ours, result.peer) if name)
    alone = {name: milliseconds(row, name, bench.threads) for name in names}
    for result in found:
        yield replace(result, alone=alone[result.ours], their_alone=alone.get(result.peer))


def milliseconds(row: str, name: str, threads: int) -> float:
    """The fastest call of one contender of a row with one contest, in a process of its own.

    Raises:
        RuntimeError: that process failed, with what it said.
    """
    command = [sys.executable, "-m", __name__, row, name, str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr else f"exit status {done.returncode}")
    return float(done.stdout.splitlines()[-1])


def held_up(result: Result) -> list[str]:
    """Which sides of a line were held up in the contest.

    >>> held_up(Result("mlp", "", "minidl", "torch", 2.0, 3.0, 0.67, alone=1.9, their_alone=1.0))
    ['torch']
    """
    sides = ((result.ours, result.mine, result.alone), (result.peer, result.theirs, result.their_alone))
    return [name for name, among, alone in sides if among is not None and alone is not None and among > HELD_UP * alone]


def main(rows: Mapping[str, Row]) -> None:
    """Time the one that the command line names, and print its milliseconds."""
    row, name, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    set_up(threads)
    peers = Peers([name] if name in MODULES else [], threads)
    if peers.layouts():
        _ = peers.torch
    results = rows[row](Bench(peers, threads, 0.0, only=name))
    print(next(result.mine for result in results if isinstance(result, Result)))


if __name__ == "__main__":
    from .steps import ROWS

    main(ROWS)
