"""`minidl train` with `--grid`, `--random` or `--repeat`: many trainings, one table."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError, WorkerError
from .axes import parse_axis, parse_values

if TYPE_CHECKING:
    from rich.console import Console

    from ..sweeps import Configuration, Range, Results, Run, Table

MEASURE, MEASURES = "validation_accuracy", ["validation_accuracy", "validation_loss"]
ROWS = 20
"""How many rows of the table are printed; the file has all."""

TABLE = ("grid", "random", "repeat", "jobs")
"""What the table [sweep] of a TOML file may hold."""


def run_sweep(
    console: Console,
    settings: Mapping[str, Any],
    *,
    grid: Sequence[str] = (),
    random: int | None = None,
    repeat: int | None = None,
    jobs: int | None = None,
    table: Mapping[str, Any] | None = None,
    out: Path | None = None,
    plain: bool = False,
    quiet: bool = False,
) -> bool:
    """Train with many settings, several trainings at a time, and print which were best on the validation images.

    The same command again goes on where the sweep stopped: the folder's name follows from the settings.

    Args:
        console: where to print.
        settings: what all trainings have in common, as `Config.make` takes it; what is swept takes precedence. `seed` is the
            first seed of the repetitions, and the one that decides what is drawn.
        grid: settings and their values, `lr=0.1,0.01`, or with `random` also ranges, `lr=log(1e-4, 1e-1)`.
        random: how many combinations to draw; all are trained if None.
        repeat: with how many seeds to train each.
        jobs: how many trainings at a time; one a core if None.
        table: the table [sweep] of a TOML file: `grid`, `random`, `repeat` and `jobs`; the arguments take precedence.
        out: the sweep's folder; `runs/sweep-…` if None.
        plain: whether to print lines also where a bar could be drawn.
        quiet: whether to print the result alone.

    Returns:
        Whether the sweep came to its end, and was not stopped by Ctrl-C.

    Raises:
        UsageError: a setting, value or number makes no sense, or the folder holds something else.
        WorkerError: every training failed.
    """
    from ..sweeps import load_results, show_progress, sweep
    from ..training import train_once

    asked = {"random": random, "repeat": repeat, "jobs": jobs}
    plan = _checked_table(table or {}) | {name: value for name, value in asked.items() if value is not None}
    if plan.get("jobs", 1) < 1:
        raise UsageError(f"--jobs must be at least 1; got {plan['jobs']}")
    axes = plan["grid"] | dict(map(parse_axis, grid))
    configurations = configurations_of(settings, axes, plan.get("random"), plan.get("repeat"))
    folder = out or Path("runs") / _name_of(axes, plan, configurations)
    callbacks = () if quiet else (show_progress(console, measures=MEASURES, plain=plain),)
    try:
        results = sweep(train_once, configurations, folder=folder, max_workers=plan.get("jobs"), callbacks=callbacks)
    except KeyboardInterrupt as stop:
        if not stop.args:
            raise  # before there was a sweep to go on with
        results = load_results(folder)
        done = len(results) - len(results.failures)
        _say(console, f"stopped with {done} of {len(configurations)} trainings done and kept in {folder}")
        _say(console, "to go on, give the same command again")
        return False
    results.to_csv(folder / "results.csv")
    _report(console, results, folder, [*settings, *axes])
    return True


def configurations_of(
    settings: Mapping[str, Any], axes: Mapping[str, list[Any] | Range], random: int | None, repeat: int | None
) -> list[Configuration]:
    """Return the complete settings of every training, each checked as `minidl train` checks them.

    Raises:
        UsageError: a setting or value makes no sense, or the request is not complete.

    >>> made = configurations_of({"epochs": 2}, {"lr": [0.1, 0.2]}, None, 2)
    >>> [(one["lr"], one["seed"], one["epochs"]) for one in made]
    [(0.1, 0, 2), (0.1, 1, 2), (0.2, 0, 2), (0.2, 1, 2)]
    """
    from .. import sweeps
    from ..training import Config

    ranges = [name for name, values in axes.items() if isinstance(values, sweeps.Range)]
    seed = settings.get("seed", 0)
    if random is not None:
        if not axes:
            raise UsageError("--random draws from what --grid names, such as --grid 'lr=log(1e-4, 1e-1)'")
        made = sweeps.random(random, seed, **axes)
    elif ranges:
        raise UsageError(f"{ranges[0]} is a range; say with --random how many values to draw from it")
    else:
        made = sweeps.grid(**axes)  # type: ignore[arg-type]
    made = [{**settings, **one} for one in made]
    if repeat is not None:
        if "seed" in axes:
            raise UsageError("--repeat counts the seeds itself; leave out either --repeat or the seeds")
        made = sweeps.repeat(repeat, [{k: v for k, v in one.items() if k != "seed"} for one in made], seed)
    return [Config.make(**one).settings() for one in made]


def _checked_table(table: Mapping[str, Any]) -> dict[str, Any]:
    """Check the table [sweep] of a TOML file, and read what stands in it as text."""
    for name, value in table.items():
        if name not in TABLE:
            raise UsageError(f"the table [sweep] has no {name!r}; it may have {', '.join(TABLE)}")
        if name != "grid" and type(value) is not int:
            raise UsageError(f"[sweep] {name} must be a whole number; got {value!r}")
    axes = table.get("grid", {})
    if not isinstance(axes, Mapping):
        raise UsageError(f"[sweep] grid must be a table of settings, such as lr = [0.1, 0.01]; got {axes!r}")
    read = {name: parse_values(name, value) if isinstance(value, str) else value for name, value in axes.items()}
    return {**table, "grid": read}


def _name_of(axes: Mapping[str, Any], plan: Mapping[str, Any], configurations: list[Configuration]) -> str:
    """Return a name for the folder that says what is swept, and that the same settings alone have."""
    digest = hashlib.sha256(json.dumps(configurations).encode()).hexdigest()[:6]
    words = [*list(axes)[:3], *([f"{plan['repeat']}x"] if "repeat" in plan else [])]
    return "-".join(["sweep", *words, digest])


def _report(console: Console, results: Results, folder: Path, asked: Sequence[str]) -> None:
    """Print the table, the best first, what failed, and how to judge the best one."""
    failures = results.failures
    if len(failures) == len(results):
        raise WorkerError(f"all {len(results)} trainings failed; the first one: {failures[0].failure}")
    settings = [name for name in results.settings if name != "seed"]
    groups = results.by(*settings, measures=MEASURES)
    repeated = len(groups) < len(results) - len(failures)
    table, best = _means(groups, results, settings) if repeated else _ranking(results)
    _say(console, "")
    _show(console, table)
    if repeated:
        _spread(console, results, settings, table)
    for run in failures[:ROWS]:
        _say(console, f"failed: {_shown(run, results.settings)}: {run.failure}")
    if len(failures) > ROWS:
        _say(console, f"and {len(failures) - ROWS} others")
    _say(console, f"all results: {folder / 'results.csv'}")
    _say(console, "The test images have not been looked at. To judge the best by them, once:")
    named = dict.fromkeys([*asked, *(settings if repeated else results.settings)])
    _say(console, "minidl train" + "".join(_option(name, best.configuration[name]) for name in named))


def _show(console: Console, table: Table) -> None:
    from ..sweeps import Table

    first = Table(table[:ROWS])
    if console.is_terminal:
        console.print(first.rich())
    else:
        _say(console, str(first))
    if len(table) > ROWS:
        _say(console, f"the best {ROWS} of {len(table)}")


def _ranking(results: Results) -> tuple[Table, Run]:
    """Return a row a training, the best first, and the best."""
    from ..sweeps import Table

    ranked = results.sorted_by(MEASURE, "max")
    return Table(run.row for run in ranked).pick(*results.settings, *MEASURES), ranked[0]


def _means(groups: Table, results: Results, settings: list[str]) -> tuple[Table, Run]:
    """Return a row for all trainings that differ in their seeds alone, the best mean first, and a run of the best."""
    from ..sweeps import Table

    mean = f"mean {MEASURE}"
    ranked = sorted(groups, key=lambda row: -row[mean] if row[mean] == row[mean] else 0.0)
    best = next(run for run in results if run.values and _of(run.configuration, settings) == _of(ranked[0], settings))
    shown = Table(ranked).pick(*settings, "runs", *(f"{what} {name}" for name in MEASURES for what in ("mean", "std")))
    return Table({name.replace(" validation_", " "): value for name, value in row.items()} for row in shown), best


def _spread(console: Console, results: Results, settings: list[str], table: Table) -> None:
    """Print how the seeds spread if there is nothing else to compare, or how sure it is that the first beats the second."""
    from ..sweeps import Table, compare, summarize

    if len(table) == 1:
        rows = Table()
        for name in MEASURES:
            summary = summarize(results.values(name))
            share = {f"{100 * q:.0f} %": _number(name, value) for q, value in summary.quantiles.items()}
            ends = {"least": _number(name, summary.min), **share, "most": _number(name, summary.max)}
            rows.append({"of the runs, on the validation images": name.removeprefix("validation_"), **ends})
            first, last = (_number(name, end) for end in summary.interval)
            _say(console, f"95% interval of the mean {name.replace('_', ' ')}: {first} to {last}")
        _show(console, rows)
        return
    try:
        gap = compare(results, MEASURE, _of(table[0], settings), _of(table[1], settings))
    except UsageError:  # none of their seeds has succeeded under both
        return
    low, high = gap.interval
    _say(
        console,
        f"first minus second, seed by seed: {gap.mean:+.2%} validation accuracy (95%: {low:+.2%} to {high:+.2%})",
    )


def _of(row: Mapping[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    return {name: row[name] for name in settings}


def _number(name: str, value: float) -> str:
    return f"{value:.2%}" if name.endswith("accuracy") else f"{value:.4g}"


def _shown(run: Run, settings: Sequence[str]) -> str:
    return " ".join(f"{name}={run.configuration[name]}" for name in settings)


def _option(name: str, value: Any) -> str:
    option = f" --{name.replace('_', '-')}"
    if isinstance(value, bool):
        return option if value else ""
    return f"{option} {shlex.quote(str(value))}"


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
