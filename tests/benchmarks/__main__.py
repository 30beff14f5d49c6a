"""Measure minidl beside the libraries that are installed: the same work in one process, in turns, checked to agree.

    python -m tests.benchmarks [NAME …] [--threads 2] [--peers torch,numpy] [--json FILE] [--patience 60]
    python -m tests.benchmarks --markdown [README.md]

Each line gives the fastest call of minidl and of a peer, their ratio with the quartiles of the turns' ratios, how much slower a
usual call was, how many cores were at work on either side, how much of the machine others used meanwhile, the times of a
network's step where each has a process of its own, and whether the project's aim is met.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import os
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from threadpoolctl import threadpool_info

from . import cuda, drawing, engine, layers, loading, processes, steps, table
from .alone import held_up
from .harness import Bench, Remark, Result
from .peers import DEFAULT, MODULES, MissingPeerError, Peers, set_up

Row = Callable[[Bench], Iterator[Result | Remark]]

ROWS: Final[dict[str, Row]] = {
    **{
        name: row
        for part in (processes, engine, steps, layers, drawing, loading, cuda)
        for name, row in part.ROWS.items()
    }
}


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    rows = "\n".join(f"  {name:14} {(row.__doc__ or '').splitlines()[0]}" for name, row in ROWS.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=f"{__doc__}\nrows:\n{rows}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "names", nargs="*", help="rows to run; by default all but those of a GPU, for which there is also: cuda"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--peers", default=",".join(DEFAULT), help=f"of {', '.join(MODULES)}; all but torch.compile")
    parser.add_argument(
        "--json", metavar="FILE", help="write the lines to FILE as well, instead of its lines of these rows"
    )
    parser.add_argument(
        "--markdown",
        metavar="PAGE",
        nargs="?",
        const="-",
        help="measure nothing: print README's table, or put it in PAGE",
    )
    parser.add_argument(
        "--patience", type=float, default=60.0, help="seconds to wait for an idle machine, a measurement"
    )
    options = parser.parse_args(arguments)
    options.names = [row for name in options.names for row in (cuda.ROWS if name == "cuda" else [name])]
    options.peers = [name.strip() for name in options.peers.split(",") if name.strip()]
    for given, known, what in ((options.names, ROWS, "row"), (options.peers, MODULES, "peer")):
        if unknown := sorted(set(given) - set(known)):
            parser.error(f"there is no {what} {', '.join(unknown)}; choose from {', '.join(known)}")
    return options


def quantity(value: float | None, unit: str) -> str:
    """A number of a table with its unit, in as few digits as tell it.

    >>> quantity(0.00123, "ms"), quantity(12.3456, "ms"), quantity(1500.0, "MiB")
    ('0.0012 ms', '12.3 ms', '1500 MiB')
    """
    if value is None:
        return ""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3 if value >= 0.1 else 4
    return f"{value:.{digits}f} {unit}".replace(" exponent", "")


def line(result: Result | Remark) -> str:
    """One line of the table."""
    if isinstance(result, Remark):
        return f"{result.row:13} — {result.text}"
    r = result
    name = f"{r.row:13} {r.what:46.46} {r.ours:22.22}"
    text = f"{name} {quantity(r.mine, r.unit):>10}  {r.peer:14}{quantity(r.theirs, r.unit):>10}"
    if r.ratio is not None:
        share = "" if r.low is None else f"  {r.low:.3g} … {r.high:.3g}"
        text += f" {r.ratio:8.3g}{share:18}"
    if r.noise is not None:
        text += f"  usually +{r.noise:.0%}"
    if r.cores is not None:
        text += f"  cores {r.cores:.1f}" + (f" and {r.their_cores:.1f}" if r.their_cores is not None else "")
    if r.others is not None:
        text += f"  others {r.others:.0%}"
    if r.alone is not None:
        text += f"  alone {quantity(r.alone, r.unit)}"
        text += f" and {quantity(r.their_alone, r.unit)}" if r.their_alone is not None else ""
        text += "".join(f" ({name} was held up)" for name in held_up(r))
    if r.is_disturbed:
        text += "  NOT IDLE"
    if r.is_met is not None:
        text += f"  aim ≤ {r.goal:g}: {'met' if r.is_met else 'MISSED'}"
    return text


def measure(bench: Bench, name: str) -> Iterator[Result | Remark]:
    """A row's lines; what keeps it from being measured is a line too."""
    try:
        yield from ROWS[name](bench)
    except MissingPeerError as reason:
        yield Remark(name, str(reason))
    except Exception as error:
        yield Remark(name, f"failed: {type(error).__name__}: {error}".partition("\n")[0])


def machine(peers: Peers, threads: int) -> dict[str, Any]:
    """What the figures were taken on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [row.partition(":")[2].strip() for row in cpuinfo.read_text().splitlines() if "model name" in row]
        model = names[0] if names else model
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "threads": threads,
        "python": platform.python_version(),
        **peers.versions(),
    }


def pools(peers: Peers) -> str:
    """The threads that every library in this process has by now, in words."""
    counts = [f"{pool['internal_api']} {pool['num_threads']}" for pool in threadpool_info()]
    if "numba" in sys.modules:
        numba = importlib.import_module("numba")
        counts.append(f"Numba {numba.get_num_threads()} ({numba.config.THREADING_LAYER})")
    if peers.layouts():
        counts.append(f"PyTorch {peers.torch.get_num_threads()}")
    return f"threads: {', '.join(counts)}"


def publish(page: str) -> None:
    """Print the table of the newest file of results, or put it in its place in a page."""
    run = table.load(table.newest())
    if page == "-":
        print(table.section(run))
        return
    path = Path(page)
    path.write_text(table.written(path.read_text(encoding="utf-8"), run), encoding="utf-8")


def main() -> None:
    """Print the table as it comes, and write the file if one was asked for."""
    options = parse()
    if options.markdown:
        publish(options.markdown)
        return
    set_up(options.threads)
    peers = Peers(options.peers, options.threads)
    about = machine(peers, options.threads)
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    absent = [name for name in options.peers if not peers.has(name)]
    if absent:
        print(f"not here: {', '.join(absent)}")
    if peers.layouts():
        _ = peers.torch  # loads first: what minidl sets for its own threads is not to reach PyTorch's
    bench = Bench(peers, options.threads, options.patience)
    found = []
    for name in options.names or [row for row in ROWS if row not in cuda.ROWS]:
        for result in measure(bench, name):
            found.append(result)
            print(line(result), flush=True)
            if options.json:  # after each line: a run of all takes half an hour
                table.save(Path(options.json), table.Run(datetime.date.today().isoformat(), about, found))
    print(pools(peers))


if __name__ == "__main__":
    main()
