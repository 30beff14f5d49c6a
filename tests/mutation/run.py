"""One mutant against the tests that run through it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .battery import PATIENCE, Entry, fails
from .targets import Constant, Mutant

MOST = 60
"""How many samples of others a mutant has to get past, beside its own operation's and all tests that run through it."""


MOST_TESTS = 40
"""How many tests; the quickest."""

FIRST_ORDER = ("first_order", "forward_mode", "strides", "float32", "pytorch", "test")
"""What a kernel has to pass. In the second order other kernels run, and those have samples of their own."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a mutant.

    Attributes:
        id: whose fate.
        killer: the test that noticed and what it said; empty for a survivor.
        tried: how many samples and tests it met.
    """

    id: str
    killer: str
    tried: int


def confront(mutant: Mutant, entries: Sequence[Entry]) -> Fate:
    """Let a mutant loose on its tests, one kind of check after the other, until one notices."""
    own, others = witnesses(mutant, entries)
    try:
        with mutant.at_large():
            for group in (own, others):
                deepest = max((len(e.checks) for e in group), default=0)
                for depth in range(deepest):
                    for entry in group:
                        if depth < len(entry.checks):
                            name, check = entry.checks[depth]
                            if mutant.target.part == "kernels" and name not in FIRST_ORDER:
                                continue
                            if said := fails(check, PATIENCE + 20 * entry.cost):
                                return Fate(mutant.id, f"{entry.name} {name}: {said}", len(own) + len(others))
    except SyntaxError as error:
        return Fate(mutant.id, f"no Python: {error}", 0)
    return Fate(mutant.id, "", len(own) + len(others))


def witnesses(mutant: Mutant, entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """The samples of the mutant's own operation; the tests and the others' samples that run through it."""
    target = mutant.target
    if isinstance(target, Constant):
        own = [e for e in entries if e.subject is target.owner]
        others = [e for e in entries if e.subject is None and target.owner.name in e.name]
    else:
        code = {f.__code__ for f in target.functions}
        own = [e for e in entries if any(e.subject is owner for owner in target.owners)]
        others = [e for e in entries if e.code & code and e not in own]
    tests = [e for e in others if e.subject is None]
    return _quickest(own), _quickest(tests)[:MOST_TESTS] + _varied([e for e in others if e.subject is not None])[:MOST]


def _quickest(entries: Sequence[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda e: e.cost)


def _varied(entries: Sequence[Entry]) -> list[Entry]:
    """The quickest sample of each operation first, then the second of each."""
    rank: Counter[int] = Counter()
    ranked = []
    for entry in _quickest(entries):
        ranked.append((rank[id(entry.subject)], entry))
        rank[id(entry.subject)] += 1
    return [entry for _, entry in sorted(ranked, key=lambda pair: pair[0])]
