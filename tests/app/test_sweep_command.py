"""`minidl train --grid …` as a user meets it: what is swept, what is printed, how it goes on."""

from __future__ import annotations

import csv
import io
import os
import signal
import subprocess
import sys
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from minidl import sweeps, training
from minidl.app.axes import parse_axis
from minidl.app.sweep import configurations_of, run_sweep
from minidl.errors import UsageError, WorkerError

QUICK = {"model": "mlp", "epochs": 1, "batch": 383, "examples": 383}


class Here(Executor):
    """Computes in this process."""

    def submit(self, call: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(call(*args, **kwargs))
        return future


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder of one's own, and without processes: those have tests of their own."""
    monkeypatch.chdir(tmp_path)
    real = sweeps.sweep

    def sweep(*args: Any, max_workers: int | None, **options: Any) -> sweeps.Results:
        return real(*args, executor=Here(), **options)

    monkeypatch.setattr(sweeps, "sweep", sweep)


def pretended(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Have training take no time: the accuracy follows from the settings. Returns the settings it was called with."""
    called: list[dict[str, Any]] = []

    def train_once(settings: dict[str, Any]) -> dict[str, float]:
        called.append(settings)
        if settings["lr"] > 5:
            raise training.DivergedError("the loss is nan in step 3")
        accuracy = 0.9 - abs(settings["lr"] - 0.1) + 0.01 * settings["seed"]
        return {"epoch": 1, "validation_accuracy": accuracy, "validation_loss": 1 - accuracy}

    monkeypatch.setattr(training, "train_once", train_once)
    return called


def swept(settings: dict[str, Any] | None = None, **options: Any) -> tuple[bool, list[str]]:
    out = io.StringIO()
    finished = run_sweep(Console(file=out, width=80), QUICK if settings is None else settings, **options)
    return finished, out.getvalue().splitlines()


def folder() -> Path:
    (found,) = Path("runs").iterdir()
    return found


def test_a_grid_of_real_trainings_is_ranked_by_validation_accuracy() -> None:
    finished, lines = swept(grid=["lr=0.1,1e-5", "optimizer=sgd,adamw(weight_decay=0.1, betas=[0.8, 0.9])"])
    assert finished
    assert lines[0] == f"4 runs, kept in {folder()}"
    assert folder().name.startswith("sweep-lr-optimizer-")
    assert sum("validation accuracy" in line and "validation loss" in line for line in lines[1:5]) == 4
    heading = lines.index("") + 1
    assert lines[heading].split() == ["optimizer", "lr", "validation", "accuracy", "validation", "loss"]
    accuracies = [float(line.split()[-3]) for line in lines[heading + 1 : heading + 5]]
    assert accuracies == sorted(accuracies, reverse=True)
    assert lines[-3] == f"all results: {folder() / 'results.csv'}"
    assert "The test images have not been looked at." in lines[-2]
    assert lines[-1].startswith("minidl train --model mlp --epochs 1 --batch 383 --examples 383 --lr ")
    rows = list(csv.DictReader((folder() / "results.csv").read_text(encoding="utf-8").splitlines()))
    assert {(row["lr"], row["optimizer"].partition("(")[0]) for row in rows} == {
        (lr, optimizer) for lr in ("0.1", "1e-05") for optimizer in ("sgd", "adamw")
    }
    best = max(rows, key=lambda row: float(row["validation_accuracy"]))
    assert f"--lr {float(best['lr'])}" in lines[-1]
    assert not [name for name in rows[0] if name.startswith("test")]


def test_the_same_command_goes_on_and_another_has_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    called = pretended(monkeypatch)
    _, first = swept(grid=["lr=0.1,0.2"])
    _, again = swept(grid=["lr=0.1,0.2"])
    assert len(called) == 2
    assert again[0] == first[0] + "; 2 done before"
    assert again[1:] == first[3:]
    swept(grid=["lr=0.1,0.3"])
    swept(QUICK | {"epochs": 2}, grid=["lr=0.1,0.2"])
    assert len(list(Path("runs").iterdir())) == 3
    with pytest.raises(UsageError, match=r"holds another sweep: configuration 1 has lr=0.3 there, lr=0.2 here"):
        swept(
            grid=["lr=0.1,0.2"],
            out=next(path for path in Path("runs").iterdir() if "0.3" in (path / "sweep.json").read_text()),
        )


def test_repetitions_are_compared_by_their_means_seed_by_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    called = pretended(monkeypatch)
    _, lines = swept(grid=["lr=0.3,0.1"], repeat=3)
    assert [(one["lr"], one["seed"]) for one in called] == [(lr, seed) for lr in (0.3, 0.1) for seed in (0, 1, 2)]
    heading = lines.index("") + 1
    assert lines[heading].strip().split("  ") == [
        "lr",
        "runs",
        "mean accuracy",
        "std accuracy",
        "mean loss",
        "std loss",
    ]
    assert lines[heading + 1].split() == ["0.1", "3", "91.00", "%", "1.00", "%", "0.09", "0.01"]
    assert lines[heading + 2].split()[0] == "0.3"
    assert (
        lines[heading + 3] == "first minus second, seed by seed: +20.00% validation accuracy (95%: +20.00% to +20.00%)"
    )
    assert lines[-1] == "minidl train --model mlp --epochs 1 --batch 383 --examples 383 --lr 0.1"


def test_one_setting_many_times_shows_how_the_seeds_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    called = pretended(monkeypatch)
    _, lines = swept(QUICK | {"lr": 0.1, "seed": 5}, repeat=5, quiet=True)
    assert [one["seed"] for one in called] == [5, 6, 7, 8, 9]
    assert folder().name.startswith("sweep-5x-")
    (interval,) = [line for line in lines if "95% interval of the mean validation accuracy" in line]
    assert interval.endswith("95.04% to 98.96%")  # 97 % ± 2.776 · 1.581 % / √5
    spread = next(line for line in lines if line.split()[0:1] == ["accuracy"])
    assert spread.split()[1:] == ["95.00%", "95.20%", "96.00%", "97.00%", "98.00%", "98.80%", "99.00%"]


def test_what_is_drawn_follows_from_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    called = pretended(monkeypatch)
    swept(grid=["lr=log(1e-4, 1e-1)", "model=mlp,lenet"], random=5, quiet=True)
    assert len(called) == 5
    assert all(1e-4 <= one["lr"] <= 1e-1 for one in called)
    swept(grid=["lr=log(1e-4, 1e-1)", "model=mlp,lenet"], random=5, quiet=True)
    assert len(called) == 5  # nothing new
    swept(QUICK | {"seed": 1}, grid=["lr=log(1e-4, 1e-1)", "model=mlp,lenet"], random=5, quiet=True)
    assert {one["lr"] for one in called[:5]}.isdisjoint(one["lr"] for one in called[5:])


def test_failures_are_listed_and_the_rest_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    pretended(monkeypatch)
    _, lines = swept(grid=["lr=0.1,10,0.2"])
    assert "failed: lr=10.0: DivergedError: the loss is nan in step 3" in lines
    assert any(line.startswith("2/3  lr=10  failed: DivergedError") for line in lines)
    with pytest.raises(WorkerError, match="all 2 trainings failed; the first one: DivergedError: the loss is nan"):
        swept(grid=["lr=10,11"])


def test_the_table_of_a_file_and_what_takes_precedence_over_it(monkeypatch: pytest.MonkeyPatch) -> None:
    called = pretended(monkeypatch)
    table = {"grid": {"lr": [0.1, 0.2], "model": "mlp,lenet"}, "repeat": 2, "jobs": 1}
    swept(table=table, quiet=True)
    assert len(called) == 8
    called.clear()
    swept(table=table, grid=["lr=0.3"], repeat=1, quiet=True)
    assert [(one["lr"], one["model"]) for one in called] == [(0.3, "mlp"), (0.3, "lenet")]
    called.clear()
    swept(table={"grid": {"lr": "log(1e-3, 1e-1)"}, "random": 3}, quiet=True)
    assert len(called) == 3
    with pytest.raises(UsageError, match=r"\[sweep\] has no 'gird'; it may have grid, random, repeat, jobs"):
        swept(table={"gird": {}})
    with pytest.raises(UsageError, match=r"\[sweep\] repeat must be a whole number; got '5'"):
        swept(table={"repeat": "5"})
    with pytest.raises(UsageError, match=r"grid must be a table of settings"):
        swept(table={"grid": [1]})


@pytest.mark.parametrize(
    ("text", "name", "values"),
    [
        ("lr=0.1,1e-2, 3", "lr", [0.1, 0.01, 3]),
        ("clip-norm=1,2.5", "clip_norm", [1, 2.5]),
        ("balanced=true,False", "balanced", [True, False]),
        ("mix=none,mixup(0.2)", "mix", ["none", "mixup(0.2)"]),
        (
            "augment=none,random_crop(8, padding=1) + cutout(2)",
            "augment",
            ["none", "random_crop(8, padding=1) + cutout(2)"],
        ),
        ("model=mlp(widths=[8, 8]),lenet", "model", ["mlp(widths=[8, 8])", "lenet"]),
        ("data='a,b',c=d", "data", ["a,b", "c=d"]),
        ("freeze=(a,b)", "freeze", ["(a,b)"]),
    ],
)
def test_values_are_split_at_commas_outside_brackets(text: str, name: str, values: list[Any]) -> None:
    read = parse_axis(text)
    assert read == (name, values)
    assert [type(value) for value in read[1]] == [type(value) for value in values]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"grid": ["lr"]}, "write a setting and its values"),
        ({"grid": ["=1"]}, "write a setting and its values"),
        ({"grid": ["lr="]}, "write a setting and its values"),
        ({"grid": ["lr=0.1,,0.2"]}, "a comma too many"),
        ({"grid": ["lr=log(1)"], "random": 2}, "a range has two ends"),
        ({"grid": ["lr=log(0, 1)"], "random": 2}, "0 < low < high"),
        ({"grid": ["lr=log(1e-3, 1)"]}, "lr is a range; say with --random how many"),
        ({"random": 3}, "--random draws from what --grid names"),
        ({"grid": ["lr=0.1"], "random": 0}, "at least 1; got 0"),
        ({"grid": ["seed=1,2"], "repeat": 2}, "--repeat counts the seeds itself"),
        ({"repeat": 0}, "at least 1; got 0"),
        ({"repeat": 2, "jobs": 0}, "--jobs must be at least 1; got 0"),
        ({"grid": ["lrr=0.1"]}, "no setting 'lrr'; did you mean 'lr'"),
        ({"grid": ["optimizer=sgd,adamx"]}, "adamx"),
        ({"grid": ["optimizer=adamw(weight_decy=1)"]}, "weight_decy"),
        ({"grid": ["epochs=1,1.5"]}, "epochs must be a whole number"),
    ],
)
def test_requests_that_make_no_sense_leave_nothing_behind(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        swept(**options)
    assert not Path("runs").exists()


def test_a_configuration_is_complete_so_that_it_means_the_same_later() -> None:
    (made,) = configurations_of({}, {"lr": [0.5]}, None, None)
    assert made == training.Config.make(lr=0.5).settings()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_ctrl_c_and_going_on_in_real_processes(tmp_path: Path) -> None:
    repository = Path(__file__).parents[2]
    path = os.pathsep.join([str(repository), *filter(None, [os.environ.get("PYTHONPATH")])])
    script = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from minidl.app.main import main; main()"
    (tmp_path / "command.py").write_text(f"if __name__ == '__main__':\n    {script}\n")
    command = [sys.executable, "command.py", "train", "--model", "mlp", "--grid", "epochs=1,2,100000", "--jobs", "1"]
    options: dict[str, Any] = {"env": os.environ | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}, "text": True}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True, **options
    )
    assert process.stdout is not None
    seen = ""
    try:
        while "2/3" not in seen:
            line = process.stdout.readline()
            assert line, seen
            seen += line
        os.killpg(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    assert process.returncode == 130, seen + out
    assert "Traceback" not in out
    assert f"stopped with 2 of 3 trainings done and kept in {folder()}" in out
    assert out.rstrip().endswith("to go on, give the same command again")
    assert len(sweeps.load_results(folder())) == 2
