"""The table of a sweep, and its statistics."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from minidl import Generator
from minidl.errors import UsageError
from minidl.sweeps import Failure, Results, Run, compare, summarize
from minidl.sweeps.configurations import Configuration


def made(*, shuffled: bool = False) -> Results:
    """Two learning rates, three seeds; the fourth run has failed and the sixth has diverged."""
    settings: list[Configuration] = [{"lr": lr, "model": "mlp", "seed": s} for lr in (0.1, 0.2) for s in range(3)]
    losses = [0.5, 0.3, 0.4, None, 0.2, math.nan]
    runs = [
        Run(i, c, None, Failure("ValueError", "no", "Traceback"))
        if y is None
        else Run(i, c, {"loss": y, "accuracy": 1 - y})
        for i, (c, y) in enumerate(zip(settings, losses, strict=True))
    ]
    return Results(runs[::-1] if shuffled else runs, settings)


def test_the_order_is_that_of_the_configurations() -> None:
    assert [run.index for run in made(shuffled=True)] == list(range(6))
    assert str(made(shuffled=True)) == str(made())


def test_best_leaves_out_failures_and_what_is_not_a_number() -> None:
    results = made()
    assert results.best("loss", "min").index == 4
    assert results.best("loss", "max").index == 0
    assert [run.index for run in results.sorted_by("accuracy", "max")] == [4, 1, 2, 0, 5]
    assert results.failures == [results[3]]
    assert not results.complete
    assert repr(results) == "Results(6 of 6 runs, 1 failed)"
    assert results.settings == ["lr", "seed"]
    assert results.measures == ["loss", "accuracy"]


def test_groups_have_mean_spread_and_ends() -> None:
    groups = made().by("lr", measures=["loss"])
    assert groups[0] == {
        "lr": 0.1, "runs": 3, "mean loss": pytest.approx(0.4), "std loss": pytest.approx(0.1),
        "min loss": 0.3, "max loss": 0.5,
    }  # fmt: skip
    assert groups[1]["runs"] == 2  # without the failure
    assert math.isnan(groups[1]["mean loss"])
    single = made().by("lr", "seed", measures=["loss"])
    assert [row["std loss"] for row in single] == [None] * 5
    (everything,) = made().by()
    assert everything["runs"] == 5


def test_values_are_chosen_by_settings() -> None:
    np.testing.assert_array_equal(made().values("loss", lr=0.1), [0.5, 0.3, 0.4])
    np.testing.assert_array_equal(made().values("loss", lr=0.1, seed=1), [0.3])
    assert made().values("loss", width=3).shape == (0,)


def test_the_tables_in_text_in_csv_and_for_rich(tmp_path: Path) -> None:
    results = made()
    lines = str(results.table.pick("lr", "seed", "accuracy", "failure")).splitlines()
    assert lines[0].split() == ["lr", "seed", "accuracy", "failure"]
    assert lines[1].split() == ["0.1", "0", "50.00", "%"]
    assert lines[4].split() == ["0.2", "0", "ValueError:", "no"]
    rows = list(csv.DictReader(results.to_csv(tmp_path / "r.csv").read_text(encoding="utf-8").splitlines()))
    assert rows[1] == {"lr": "0.1", "model": "mlp", "seed": "1", "loss": "0.3", "accuracy": "0.7", "failure": ""}
    assert rows[3]["failure"] == "ValueError: no"
    text = io.StringIO()
    Console(file=text, width=80).print(results.table.rich())
    assert "ValueError: no" in text.getvalue()
    odd = Results([Run(0, {"betas": [0.9, 0.999], "options": {"a": 1}}, {"y": 1})])
    (row,) = csv.DictReader(odd.to_csv(tmp_path / "odd.csv").read_text(encoding="utf-8").splitlines())
    assert row == {"betas": "[0.9, 0.999]", "options": '{"a": 1}', "y": "1"}
    assert odd.by("betas")[0]["betas"] == [0.9, 0.999]


def test_long_messages_are_cropped_where_a_table_is_plain_text() -> None:
    long = Failure("a.b.LongError", "x" * 100 + "\nand a second line")
    results = Results([Run(0, {"lr": 0.1}, None, long), Run(1, {"lr": 0.2}, {"y": 1})])
    assert str(long) == "LongError: " + "x" * 100
    lines = str(results).splitlines()
    assert len(lines) == 3
    assert lines[1].rstrip().endswith("LongError: " + "x" * 48 + "…")
    assert results.table[0]["failure"] == str(long)


def test_what_is_not_there_is_named() -> None:
    results = made()
    with pytest.raises(UsageError, match="no run has a value 'los'; there are loss, accuracy"):
        results.best("los", "min")
    with pytest.raises(UsageError, match="no setting 'rate'; there are lr, model, seed"):
        results.by("rate")
    with pytest.raises(UsageError, match='mode must be "max" or "min"'):
        results.best("loss", "least")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="all 1 runs failed"):
        Results([results[3]]).best("loss", "min")
    with pytest.raises(UsageError, match="loss is nan in all runs"):
        Results([results[5]]).best("loss", "min")


def test_a_summary_equals_scipys() -> None:
    from scipy import stats

    values = Generator(3).numpy.exponential(size=25)
    summary = summarize(values, 0.9)
    assert (summary.count, summary.min, summary.max) == (25, values.min(), values.max())
    assert summary.mean == pytest.approx(values.mean(), rel=1e-14)
    assert summary.std == pytest.approx(values.std(ddof=1), rel=1e-14)
    wanted = stats.t.interval(0.9, 24, loc=values.mean(), scale=stats.sem(values))
    assert summary.interval == pytest.approx(wanted, rel=1e-12)
    assert summary.quantiles[0.25] == np.quantile(values, 0.25)


def test_the_bootstraps_interval_is_close_to_students_for_a_normal_sample_and_follows_its_seed() -> None:
    values = Generator(1).numpy.normal(size=200)
    student, drawn = summarize(values), summarize(values, generator=Generator(0))
    assert drawn.interval == pytest.approx(student.interval, abs=0.01)
    assert drawn.interval != student.interval
    assert summarize(values, generator=Generator(0)) == drawn


def test_one_value_has_no_spread() -> None:
    summary = summarize([2.0])
    assert (summary.mean, summary.quantiles[0.5]) == (2, 2)
    assert math.isnan(summary.std)
    assert math.isnan(summary.interval[0])


def test_pairs_with_the_same_seed_tell_apart_what_the_means_do_not() -> None:
    noise = Generator(0).numpy.normal(size=20)
    runs = [
        Run(i, {"width": w, "seed": s}, {"loss": 10 * noise[s] + 0.1 * (w == 5) + 0.01 * noise[(s + 1 + w) % 20]})
        for i, (w, s) in enumerate((w, s) for w in (3, 5) for s in range(20))
    ]
    results = Results([run for run in runs if run.index != 21])  # a seed that only one has makes no pair
    difference = compare(results, "loss", {"width": 5}, {"width": 3})
    assert difference.count == 19
    assert difference.interval[0] > 0.05
    assert difference.mean == pytest.approx(0.1, abs=0.02)
    alone = [summarize(results.values("loss", width=w)) for w in (3, 5)]
    assert alone[0].interval[1] > alone[1].interval[0]


def test_comparisons_that_cannot_be_made_say_why() -> None:
    results = made()
    with pytest.raises(UsageError, match="values to the same settings"):
        compare(results, "loss", {"lr": 0.1}, {"model": "mlp"})
    with pytest.raises(UsageError, match="repeat both with the same seeds"):
        compare(results, "loss", {"lr": 0.1}, {"lr": 5})
    twice = Results([Run(i, {"lr": 0.1}, {"loss": i}) for i in range(2)])
    with pytest.raises(UsageError, match="tell them apart by a seed"):
        compare(twice, "loss", {"lr": 0.1}, {"lr": 0.2})
    with pytest.raises(UsageError, match="there are no values"):
        summarize([])
    with pytest.raises(UsageError, match="between 0 and 1; got 95"):
        summarize([1.0, 2.0], 95)
