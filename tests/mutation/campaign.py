"""A whole run: choose the mutants, confront them in parallel, report."""

from __future__ import annotations

import argparse
import multiprocessing
import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from types import CodeType

from .battery import PYTORCH, Entry, others, records, rehearse
from .equivalents import EQUIVALENTS
from .run import Fate, confront
from .targets import PARTS, Constant, Mutant, mutants_of


def campaign(options: argparse.Namespace) -> int:
    """Do what the command's options say and return its exit status."""
    start = time.perf_counter()
    every = [m for part in PARTS if options.part in (None, part) for t in PARTS[part]() for m in mutants_of(t)]
    chosen = choose(every, options.names, options.sample, options.seed)
    if options.list:
        print(*(m.id for m in chosen), sep="\n")
        return 0
    print(f"{len(every)} mutants, {len(chosen)} chosen", flush=True)
    if not PYTORCH:
        print("PyTorch is not installed: mutants that only a comparison with it notices will survive", flush=True)
    entries, broken = prepare(chosen, options.jobs)
    print(f"{len(entries)} samples and tests run through them ({time.perf_counter() - start:.0f} s)", flush=True)
    fates = []
    step = max(len(chosen) // 20, 1)
    for fate in confront_all(chosen, entries, options.jobs):
        fates.append(fate)
        if options.verbose:
            print(f"{'killed   ' if fate.killer else 'SURVIVES '} {fate.id}   ← {fate.killer}", flush=True)
        elif not fate.killer and fate.id not in EQUIVALENTS:
            print(f"SURVIVES  {fate.id}", flush=True)
        if len(fates) % step == 0:
            alive = sum(not f.killer for f in fates)
            print(f"{len(fates):6} done, {alive} alive ({time.perf_counter() - start:.0f} s)", flush=True)
    known = {m.id for m in every}
    complete = options.part is None
    stale = [name for name in EQUIVALENTS if complete and name not in known]
    return report(fates, stale, broken)


def choose(every: Sequence[Mutant], names: Sequence[str], sample: int | None, seed: int) -> list[Mutant]:
    """The mutants with one of the names, or a random sample of those that ought to die."""
    chosen = [m for m in every if not names or any(n in m.target.name for n in names)]
    if sample is None or sample >= len(chosen):
        return chosen
    mortal = [m for m in chosen if m.id not in EQUIVALENTS]
    picked = set(random.Random(seed).sample(range(len(mortal)), min(sample, len(mortal))))
    return [m for i, m in enumerate(mortal) if i in picked]


def report(fates: Sequence[Fate], stale: Sequence[str], broken: Sequence[str]) -> int:
    """Print what became of the mutants; 0 if all is as it should be."""
    survivors = [f for f in fates if not f.killer]
    unknown = [f for f in survivors if f.id not in EQUIVALENTS]
    mended = [f for f in fates if f.killer and f.id in EQUIVALENTS]
    for title, lines in (
        ("Tests that fail without any mutant", broken),
        ("Survivors", [f"{f.id}   ({f.tried} samples and tests)" for f in unknown]),
        ("Listed as equivalent, but noticed", [f"{f.id}   ← {f.killer}" for f in mended]),
        ("Listed as equivalent, but no mutant any more", stale),
    ):
        if lines:
            print(f"\n{title}:", *lines, sep="\n  ")
    killed = len(fates) - len(survivors)
    print(
        f"\n{len(fates)} mutants: {killed} killed, {len(survivors) - len(unknown)} equivalent with a reason, "
        f"{len(unknown)} survivors"
    )
    return int(bool(unknown or mended or stale or broken))


# In parallel -----------------------------------------------------------------------------------------------------------

_entries: list[Entry] = []
_mutants: list[Mutant] = []
_interesting: set[CodeType] = set()


def prepare(mutants: Sequence[Mutant], jobs: int) -> tuple[list[Entry], list[str]]:
    """The samples and tests that run through the mutants' functions, and those that fail as it is."""
    global _entries, _interesting
    _interesting = {f.__code__ for m in mutants if not isinstance(m.target, Constant) for f in m.target.functions}
    owners = {m.target.owner.name for m in mutants if isinstance(m.target, Constant)}
    _entries = [*records(), *others()]
    good, broken = [], []
    shares = [range(i, len(_entries), 8 * jobs) for i in range(8 * jobs)]
    for share, rehearsed in zip(shares, _in_processes(jobs, _rehearse, shares), strict=True):
        for i, (cost, names, said) in zip(share, rehearsed, strict=True):
            entry = _entries[i]
            entry.cost = cost
            entry.code = {c for c in _interesting if _key(c) in names}
            if said:
                broken.append(said)
            elif entry.code or any(name in entry.name for name in owners):
                good.append(entry)
    return good, broken


def _key(code: CodeType) -> tuple[str, str, int, int]:
    return code.co_filename, code.co_name, code.co_firstlineno, hash(tuple(code.co_positions()))


def _rehearse(share: Sequence[int]) -> list[tuple[float, set[tuple[str, str, int, int]], str]]:
    answers = []
    for i in share:
        _, bad = rehearse([_entries[i]], _interesting)
        answers.append((_entries[i].cost, {_key(c) for c in _entries[i].code}, bad[0] if bad else ""))
    return answers


def confront_all(mutants: Sequence[Mutant], entries: list[Entry], jobs: int) -> Iterator[Fate]:
    """The fates, in the order of the mutants."""
    global _mutants, _entries
    _mutants, _entries = list(mutants), entries
    yield from _in_processes(jobs, _confront, range(len(_mutants)))


def _confront(i: int) -> Fate:
    return confront(_mutants[i], _entries)


def _in_processes(jobs, work, tasks):  # type: ignore[no-untyped-def]
    """Like map, in forked processes, which have everything that is loaded here."""
    if jobs == 1:
        yield from map(work, tasks)
        return
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("fork")) as pool:
        yield from pool.map(work, tasks)
