"""A whole run: choose the mutants, confront them in parallel, report."""

from __future__ import annotations

import argparse
import multiprocessing
import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from types import CodeType
from typing import Any, TypeVar

from .battery import PYTORCH, Entry, others, records_of_operations, records_of_primitives, rehearse
from .equivalents import EQUIVALENTS
from .run import Fate, confront
from .targets import PARTS, Constant, Mutant, Target, mutants_of

T = TypeVar("T")


def campaign(options: argparse.Namespace) -> int:
    """Do what the command's options say and return its exit status."""
    every = [m for part in PARTS if options.part in (None, part) for t in PARTS[part]() for m in mutants_of(t)]
    chosen = choose(every, options.names, options.sample, options.seed)
    if options.list:
        print(*(m.id for m in chosen), sep="\n")
        return 0
    print(f"{len(every)} mutants, {len(chosen)} of them let loose", flush=True)
    if not PYTORCH:
        print("PyTorch is not installed: mutants that only a comparison with it notices will survive", flush=True)
    said = print if options.verbose else lambda *_, **__: None
    fates: dict[str, Fate] = {}
    for part in PARTS:
        for which, load, choose_tests in (("the primitives' samples", near, owned), ("every other test", far, prepare)):
            alive = [m for m in chosen if m.target.part == part and (m.id not in fates or not fates[m.id].killer)]
            if alive:
                print(f"\n{part}: {len(alive)} mutants meet {which}", flush=True)
                entries = choose_tests(alive, load(), options.jobs)
                fates.update((f.id, f) for f in confront_all(alive, entries, options.jobs, said))
    known = {m.id for m in every}
    stale = [name for name in EQUIVALENTS if options.part is None and name not in known]
    unsound = sorted({name for f in fates.values() for name in f.unsound})
    return report(list(fates.values()), stale, unsound)


def near() -> list[Entry]:
    """What is quick to load and notices most."""
    return [*records_of_primitives(), *others("kernels")]


def far() -> list[Entry]:
    """Everything else."""
    return [*records_of_operations(), *others("engine", "tape")]


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
        ("Left aside, as failing without a mutant as well, perhaps since one wrote into their inputs", broken),
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
    return int(bool(unknown or mended or stale))


# In parallel -----------------------------------------------------------------------------------------------------------

_entries: list[Entry] = []
_mutants: list[Mutant] = []
_interesting: set[CodeType] = set()


Key = tuple[str, str, int, int]


def prepare(mutants: Sequence[Mutant], entries: list[Entry], jobs: int) -> list[Entry]:
    """Find out how long each test takes and which of the mutants' functions it runs through; drop those of no interest."""
    global _entries, _interesting
    _entries = entries
    _interesting = {f.__code__ for m in mutants if isinstance(m.target, Target) for f in m.target.functions}
    owners = {id(o) for m in mutants for o in ([m.target.owner] if isinstance(m.target, Constant) else m.target.owners)}
    kept = []
    shares = [range(i, len(entries), 8 * jobs) for i in range(8 * jobs)]
    for share, rehearsed in zip(shares, _in_processes(jobs, _rehearse, shares), strict=True):
        for i, (cost, names) in zip(share, rehearsed, strict=True):
            entry = entries[i]
            entry.cost = cost
            entry.code = {c for c in _interesting if _key(c) in names}
            if entry.code or entry.subject is None or id(entry.subject) in owners:
                kept.append(entry)
    return kept


def owned(mutants: Sequence[Mutant], entries: list[Entry], jobs: int) -> list[Entry]:
    """For mutants of rules alone it is enough to know whose they are: nothing has to be run before."""
    if any(m.target.part == "kernels" for m in mutants):
        return prepare(mutants, entries, jobs)
    return entries


def _key(code: CodeType) -> Key:
    return code.co_filename, code.co_name, code.co_firstlineno, hash(tuple(code.co_positions()))


def _rehearse(share: Sequence[int]) -> list[tuple[float, set[Key]]]:
    answers = []
    for i in share:
        cost, code = rehearse(_entries[i], _interesting)
        answers.append((cost, {_key(c) for c in code}))
    return answers


def confront_all(
    mutants: Sequence[Mutant], entries: list[Entry], jobs: int, said: Callable[..., None]
) -> Iterator[Fate]:
    """The fates, in the order of the mutants, with word of how it goes."""
    global _mutants, _entries
    _mutants, _entries = list(mutants), entries
    start, step, alive = time.perf_counter(), max(len(mutants) // 10, 25), 0
    for i, fate in enumerate(_in_processes(jobs, _confront, range(len(mutants))), 1):
        alive += not fate.killer
        said(f"{'killed   ' if fate.killer else 'SURVIVES '} {fate.id}   ← {fate.killer}", flush=True)
        if i % step == 0 or i == len(mutants):
            print(f"{i:6} done, {alive} alive ({time.perf_counter() - start:.0f} s)", flush=True)
        yield fate


def _confront(i: int) -> Fate:
    return confront(_mutants[i], _entries)


def _in_processes(jobs: int, work: Callable[[Any], T], tasks: Sequence[Any]) -> Iterator[T]:
    """Like map, in forked processes, which have everything that is loaded here."""
    if jobs == 1:
        yield from map(work, tasks)
        return
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("fork")) as pool:
        yield from pool.map(work, tasks)
