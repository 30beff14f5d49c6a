"""One mutant against the tests that run through it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .battery import PATIENCE, Check, Entry, fails
from .targets import Constant, Mutant

MOST = 60
"""How many samples of other operations a mutant has to get past, beside its own's and the tests that run through it."""

MOST_TESTS = 400
"""How many tests: the quickest of each file."""

FIRST_ORDER = ("first_order", "forward_mode", "strides", "float32", "pytorch", "test")
"""What a kernel has to pass. In the second order other kernels run, and those have samples of their own."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a mutant.

    Attributes:
        id: whose fate.
        killer: the test that noticed and what it said; empty for a survivor.
        tried: how many samples and tests it was to meet.
        unsound: tests met on the way that fail without any mutant.
    """

    id: str
    killer: str
    tried: int
    unsound: tuple[str, ...] = ()


def confront(mutant: Mutant, entries: Sequence[Entry]) -> Fate:
    """Let a mutant loose on its tests, one kind of check after the other, until one notices."""
    own, others = witnesses(mutant, entries)
    tried, unsound = len(own) + len(others), list[str]()
    checks = [c for group in (own, others) for c in _in_turn(group, mutant.target.part)]
    while checks:
        said = ""
        try:
            with mutant.at_large():
                while checks and not said:
                    entry, name, check = checks.pop(0)
                    said = fails(check, PATIENCE + 20 * entry.cost)
        except SyntaxError as error:
            return Fate(mutant.id, f"no Python: {error}", tried)
        if said and _passes(entry, name, check):
            return Fate(mutant.id, f"{entry.name} {name}: {said}", tried, tuple(unsound))
        if said:
            unsound.append(f"{entry.name} {name}")
    return Fate(mutant.id, "", tried, tuple(unsound))


def _in_turn(group: Sequence[Entry], part: str) -> Iterator[tuple[Entry, str, Check]]:
    """The first check of every entry, then the second of every entry, and so on."""
    for depth in range(max((len(e.checks) for e in group), default=0)):
        for entry in group:
            if depth < len(entry.checks) and (part == "rules" or entry.checks[depth][0] in FIRST_ORDER):
                yield entry, *entry.checks[depth]


_passed: dict[tuple[str, str], bool] = {}


def _passes(entry: Entry, name: str, check: Check) -> bool:
    """Whether a check passes without a mutant; only then has it noticed something."""
    key = (entry.name, name)
    if key not in _passed:
        _passed[key] = not fails(check, 60.0)
    return _passed[key]


def witnesses(mutant: Mutant, entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """The samples of the mutant's own operation; the tests and the others' samples that run through it."""
    target = mutant.target
    if isinstance(target, Constant):
        own = [e for e in entries if e.subject is target.owner]
        others = [e for e in entries if e.subject is None and target.owner.name in e.name]
    else:
        code = {f.__code__ for f in target.functions}
        owners = {id(owner) for owner in target.owners}
        own = [e for e in entries if id(e.subject) in owners]
        mine = {id(e) for e in own}
        others = [e for e in entries if e.code & code and id(e) not in mine]
    tests = [e for e in others if e.subject is None]
    samples = [e for e in others if e.subject is not None]
    return _varied(own)[: 2 * MOST], _varied(tests)[:MOST_TESTS] + _varied(samples)[:MOST]


def _varied(entries: Sequence[Entry]) -> list[Entry]:
    """The quickest sample of each operation or test of each file first, then the second of each."""
    rank: Counter[object] = Counter()
    ranked = []
    for entry in sorted(entries, key=lambda e: e.cost):
        group = entry.name.partition("::")[0] if entry.subject is None else id(entry.subject)
        ranked.append((rank[group], entry))
        rank[group] += 1
    return [entry for _, entry in sorted(ranked, key=lambda pair: pair[0])]
