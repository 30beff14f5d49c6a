"""The tables of this folder's README, written from the file of a run: nobody copies a number by hand."""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

import minidl
from minidl.files import write_atomic

from .course import EXPERIMENTS
from .harness import Claim, Experiment, shown

FOLDER: Final = Path(__file__).parent
RESULTS: Final = FOLDER / "results"
BEGIN: Final = "<!-- python -m tests.experiments --markdown writes what follows -->"
END: Final = "<!-- as far as this -->"

_HEAD: Final = ("quantity", "claim", "median", "least – largest", "")
_WIDTH: Final = 132


@dataclass(frozen=True, slots=True)
class Results:
    """A run of experiments: when, with what command, on what, and what each seed gave.

    Attributes:
        date: in ISO's form.
        command: what measures all this again.
        machine: the processor and the versions.
        seeds: as many as each list of values has.
        measured: by experiment and quantity.
    """

    date: str
    command: str
    machine: dict[str, Any]
    seeds: list[int]
    measured: dict[str, dict[str, list[float]]]


def machine() -> dict[str, Any]:
    """What the numbers were computed on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [row.partition(":")[2].strip() for row in cpuinfo.read_text().splitlines() if "model name" in row]
        model = names[0] if names else model
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "minidl": minidl.__version__,
    }


def save(path: Path, found: Results) -> None:
    """Write results. Experiments that the file has from the same machine and seeds, and that did not run now, stay in it."""
    if path.exists():
        before = load(path)
        if (before.machine, before.seeds) == (found.machine, found.seeds):
            found.measured.update({k: v for k, v in before.measured.items() if k not in found.measured})
    written = {
        "date": found.date,
        "command": found.command,
        "machine": found.machine,
        "seeds": found.seeds,
        "measured": {name: found.measured[name] for name in sorted(found.measured)},
    }
    text = json.dumps(written, indent=1, ensure_ascii=False, allow_nan=False)
    rows = re.sub(
        r"\[([^][]*)\]", lambda found: f"[{' '.join(found[1].split())}]", text
    )  # a list of numbers in one row
    write_atomic(path, rows + "\n")


def load(path: Path) -> Results:
    """Read what `save` wrote."""
    return Results(**json.loads(path.read_text(encoding="utf-8")))


def newest() -> Path:
    """The newest file of results: they are called by their dates."""
    return max(RESULTS.glob("[0-9]*.json"))


def verdict(claim: Claim, values: list[float]) -> str:
    """Whether a claim came out, in words."""
    return "reproduced" if claim.holds(values) else "**not reproduced**"


def lines(found: Experiment, measured: dict[str, list[float]]) -> Iterator[tuple[str, ...]]:
    """The table of one experiment: its claims, and what else was measured."""
    claims = {one.quantity: one for one in found.claims}
    for quantity, values in measured.items():
        said = claims.get(quantity)
        spread = f"{shown(min(values))} – {shown(max(values))}" if min(values) < max(values) else "the same"
        yield (
            quantity,
            str(said or ""),
            shown(statistics.median(values)),
            spread,
            verdict(said, values) if said else "",
        )


def section(found: Results) -> str:
    """All experiments, each with its design and its table."""
    date, about = datetime.date.fromisoformat(found.date), found.machine
    text = (
        f"Measured on {date.day} {date:%B %Y} with `{found.command}`, seeds {found.seeds[0]} to {found.seeds[-1]}, on a "
        f"{about['cores']}-core {about['processor']}: minidl {about['minidl']}, Python {about['python']}, NumPy "
        f"{about['numpy']}."
    )
    said = [(one, found.measured[one.name]) for one in EXPERIMENTS.values() if one.name in found.measured]
    held = [claim.holds(values[claim.quantity]) for one, values in said for claim in one.claims]
    missed = [f"{claim.quantity} ({one.name})" for one, values in said for claim in one.claims
              if not claim.holds(values[claim.quantity])]  # fmt: skip
    count = f"{len(said)} experiments make {len(held)} claims, of which {sum(held)} came out."
    parts = [_filled(text), _filled(f"{count} Not reproduced: {'; '.join(missed) or 'none'}.")]
    for one, values in said:
        rows = [_HEAD, ("---",) * len(_HEAD), *lines(one, values)]
        reasons = [f"Why not, {claim.quantity}: {claim.because}." for claim in one.claims if claim.because]
        parts += [
            f"### {one.name}: {one.title.removesuffix('.')}",
            *map(_filled, one.design.split("\n\n")),
            f"Source: {one.source}.",
        ]
        parts += ["\n".join(f"| {' | '.join(cells)} |" for cells in rows), *map(_filled, reasons)]
    return "\n\n".join(part for part in parts if part)


def written(text: str, found: Results) -> str:
    """A page with the section in it, in the place of the one before.

    Raises:
        ValueError: the page has no place for it.
    """
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"there is no {BEGIN} … {END} in it")
    return pattern.sub(lambda _: f"{BEGIN}\n\n{section(found)}\n\n{END}", text)


def _filled(text: str) -> str:
    rows = [""]
    for word in text.split():
        if rows[-1] and len(rows[-1]) + 1 + len(word) > _WIDTH:
            rows.append("")
        rows[-1] += f" {word}" if rows[-1] else word
    return "\n".join(rows)
