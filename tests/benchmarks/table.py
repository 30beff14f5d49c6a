"""The table of README's section "How fast", written from the file of a run: nobody copies a number by hand.

python -m tests.benchmarks --json tests/benchmarks/results/2026-11-21.json    # on an idle machine
python -m tests.benchmarks --markdown README.md                               # from the newest of these files
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from .harness import Remark, Result
from .steps import COMPILED, EAGER

RESULTS: Final = Path(__file__).parent / "results"
BEGIN: Final = "<!-- python -m tests.benchmarks --markdown README.md writes what follows -->"
END: Final = "<!-- as far as this -->"

_NAMES: Final = {"numpy": "NumPy", "numba": "Numba", "torch": "PyTorch"}
_PEERS: Final = {"torch": "PyTorch"}
_COUNTS: Final = {1: "one thread", 2: "two threads"}
_HEAD: Final = ("", "beside", "define-by-run", "`minidl.compile`", "each in its own process")

Lines = Sequence[Result]


@dataclasses.dataclass(frozen=True)
class Run:
    """A run of the benchmark: when, on what, and what was found."""

    date: str
    machine: dict[str, Any]
    results: list[Result | Remark]

    def of(self, row: str) -> list[Result]:
        """The measured lines of a row."""
        return [result for result in self.results if isinstance(result, Result) and result.row == row]


def save(path: Path, run: Run) -> None:
    """Write a run to a file. Rows that were measured before on the same machine, and not again now, stay in it."""
    if path.exists() and (before := load(path)).machine == run.machine:
        again = {result.row for result in run.results}
        run = dataclasses.replace(
            run, results=[result for result in before.results if result.row not in again] + run.results
        )
    table = {"date": run.date, "machine": run.machine, "rows": [dataclasses.asdict(result) for result in run.results]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load(path: Path) -> Run:
    """Read what `save` wrote."""
    table = json.loads(path.read_text(encoding="utf-8"))
    results = [Remark(**row) if "text" in row else Result(**row) for row in table["rows"]]
    return Run(table["date"], table["machine"], results)


def newest() -> Path:
    """The newest file of results: they are called by their dates."""
    return max(RESULTS.glob("[0-9]*.json"))


def section(run: Run) -> str:
    """The section: what it was measured on, and a line for each row that was measured."""
    rows = [_HEAD, ("---",) * len(_HEAD), *(cells for line in LINES if (cells := line(run)))]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
    return f"{_filled(conditions(run))}\n\n{table}"


def conditions(run: Run) -> str:
    """When and on what it was measured."""
    date, machine = datetime.date.fromisoformat(run.date), run.machine
    versions = [f"{name} {machine[key].partition('+')[0]}" for key, name in _NAMES.items() if key in machine]
    threads = _COUNTS.get(machine["threads"], f"{machine['threads']} threads")
    own = {"drawing"}  # whose renderer, a process of ours that lives on, counts as another
    busiest = max((r.others or 0.0 for r in run.results if isinstance(r, Result) and r.row not in own), default=0.0)
    return (
        f"Measured on {date.day} {date:%B %Y} on a {machine['cores']}-core {machine['processor']} of which others used at "
        f"most {busiest:.0%}, {threads}, float32, Python {', '.join([machine['python'], *versions])} (CPU)."
    )


def written(text: str, run: Run) -> str:
    """A page with the section in it, in the place of the one before.

    Raises:
        ValueError: the page has no place for it.
    """
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"there is no {BEGIN} … {END} in it")
    return pattern.sub(lambda _: f"{BEGIN}\n\n{section(run)}\n\n{END}", text)


def ratio(value: float | None) -> str:
    """A ratio in as many digits as can be believed.

    >>> ratio(1.234), ratio(0.234), ratio(0.00171), ratio(None)
    ('1.23', '0.23', '0.0017', '–')
    """
    if value is None:
        return "–"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def _filled(text: str, width: int = 132) -> str:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return "\n".join(lines)


def _cells(label: str, results: Iterable[Result], peers: Sequence[str]) -> tuple[str, ...] | None:
    """A line: the ratios to each peer that was there, define-by-run and compiled, and each side alone."""
    found = {(r.ours, r.peer): r for r in results if r.peer in peers and r.ratio is not None}
    there = [peer for peer in peers if any(key[1] == peer for key in found)]
    if not there:
        return None
    ways = [
        "; ".join(ratio(r.ratio) for peer in there if (r := found.get((way, peer)))) for way in ("minidl", COMPILED)
    ]
    eager = [r for r in found.values() if r.peer in EAGER]
    alone = "; ".join(_alone([r for r in eager if r.ours == way]) for way in ("minidl", COMPILED))
    named = "; ".join(_PEERS.get(peer, peer) for peer in there)
    return label, named, ways[0] or "–", ways[1] or "–", alone if any(map(str.isdigit, alone)) else "–"


def _alone(results: Lines) -> str:
    """Our time alone as a multiple of the better layout's alone."""
    theirs = [r.their_alone for r in results if r.their_alone is not None]
    mine = next((r.alone for r in results), None)
    return ratio(mine / min(theirs) if theirs and mine is not None else None)


def _plain(label: str, row: str, what: str = "", peers: Sequence[str] = EAGER) -> Callable[[Run], Any]:
    return lambda run: _cells(label, [r for r in run.of(row) if r.what.startswith(what)], peers)


def _conv(run: Run) -> tuple[str, ...] | None:
    """The smallest and the largest ratio of all shapes, for each of the three passes."""
    lines = [r for r in run.of("conv") if r.ours == "minidl, channels last" and r.peer == "channels_last"]
    passes = [[r.ratio or 0.0 for r in lines if r.what.endswith(name)] for name in ("forward", "input", "weight")]
    if not all(passes):
        return None
    ranges = ", ".join(f"{ratio(min(found))}–{ratio(max(found))}" for found in passes)
    label = "the convolutions of these networks, channels last: forward, gradient of the input, of the weight"
    return label, "channels_last", ranges, "–", "–"


LINES: Final[tuple[Callable[[Run], Any], ...]] = (
    _plain("one operation on 8 numbers, forward and backward", "op", "the same", ("torch",)),
    _plain("scalars: micrograd's moons example, 68,818 nodes", "moons", "garbage collector on", ("micrograd",)),
    _plain("the same with Python's garbage collector off", "moons", "garbage collector off", ("micrograd",)),
    _plain("MLP 784-256-128-10, batch 64", "mlp"),
    _plain("LeNet-5, batch 64", "lenet"),
    _plain("LeNet-5, batch 1", "lenet1"),
    _plain("ResNet-20, 32×32, batch 32", "resnet20", peers=(*EAGER, "torch.compile")),
    _plain("vision transformer, 6 blocks of 96, batch 32", "vit"),
    _conv,
    _plain("peak memory of the ResNet-20 step", "memory"),
    _plain("drawing a graph of 1,000 nodes as SVG", "drawing", peers=("torchviz", "torchview", "torchlens")),
    _plain("loading 28×28 images with augmentation", "loading", peers=("torch",)),
)
"""README's lines; one whose row was not measured is left out."""
