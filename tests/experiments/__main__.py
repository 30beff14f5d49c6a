"""Measure what the notes claim, each experiment with several seeds.

    python -m tests.experiments [NAME …] [--seeds 5] [--first SEED] [--jobs N] [--json FILE]
    python -m tests.experiments --markdown [README.md]

Each line gives a quantity's median over the seeds, the least and the largest, and whether the claim about it came out.
"""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path

from minidl import sweeps
from minidl.files import write_atomic

from . import table
from .course import EXPERIMENTS
from .harness import FIRST, SEEDS, run


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    rows = "\n".join(f"  {name:22} {one.title}" for name, one in EXPERIMENTS.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.experiments",
        description=f"{__doc__}\nexperiments:\n{rows}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="experiments to run; all of them by default")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"how many; {SEEDS} by default")
    parser.add_argument("--first", type=int, default=FIRST, metavar="SEED", help=f"the first seed; {FIRST} by default")
    parser.add_argument("--jobs", type=int, help="how many processes; one a core by default")
    parser.add_argument("--json", metavar="FILE", type=Path, help="put the results in FILE, which keeps the others'")
    parser.add_argument(
        "--markdown",
        metavar="PAGE",
        nargs="?",
        type=Path,
        const=table.FOLDER / "README.md",
        help="measure nothing: write the newest results into PAGE, by default the README beside this",
    )
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.names) - set(EXPERIMENTS)):
        parser.error(f"there is no experiment {', '.join(unknown)}; choose from {', '.join(EXPERIMENTS)}")
    return options


def show(event: sweeps.Event) -> None:
    """Say which run is done."""
    if isinstance(event, sweeps.RunDone):
        about = event.run.configuration
        print(f"{about['experiment']}, seed {about['seed']}: {event.run.seconds:.1f} s", flush=True)


def main(arguments: list[str] | None = None) -> None:
    """Run, print, and write the file if one was asked for."""
    options = parse(arguments)
    if options.markdown:
        page = options.markdown.read_text(encoding="utf-8")
        write_atomic(options.markdown, table.written(page, table.load(table.newest())))
        return
    names = options.names or list(EXPERIMENTS)
    measured = run(names, options.seeds, options.first, jobs=options.jobs, callbacks=[show])
    for name in names:
        print(f"\n{name}: {EXPERIMENTS[name].title}")
        for cells in table.lines(EXPERIMENTS[name], measured[name]):
            print("  {:58} {:>10} {:>10}  {:20} {}".format(*cells).rstrip())
    if options.json:
        seeds = list(range(options.first, options.first + options.seeds))
        given = "" if (options.seeds, options.first) == (SEEDS, FIRST) else f" --first {options.first}"
        command = f"python -m tests.experiments --seeds {options.seeds}{given} --json {options.json.as_posix()}"
        today = datetime.date.today().isoformat()
        table.save(options.json, table.Results(today, command, table.machine(), seeds, measured))


if __name__ == "__main__":
    main()
