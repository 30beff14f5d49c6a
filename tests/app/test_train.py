"""`minidl train` as a user meets it: the folder it writes, the messages it gives, the runs it goes on with."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from safetensors import safe_open

import minidl
from minidl import nn
from minidl.app import run_folder
from minidl.app.train import INTERRUPTED, train
from minidl.errors import CheckpointError, MinidlError, RenderError, UsageError
from minidl.models import MODELS, build
from minidl.training import DivergedError, StepDone, Trainer, evaluate, load_parts, trainer

SMALL: dict[str, Any] = {"epochs": 2, "batch": 384, "plain": True}
"""Options of a run of three steps an epoch."""

STEPS = 3


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what is not a picture: draw none, which is faster."""
    monkeypatch.setattr(run_folder.RunFolder, "_attempt", lambda self, what, draw: None)


def stop_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Have every trainer be stopped, as Ctrl-C does it, in the middle of a step."""
    real = Trainer._step

    def stopping(self: Trainer, *batch: Any) -> StepDone:
        if self.step == step - 1:
            self.stop()
        return real(self, *batch)

    monkeypatch.setattr(Trainer, "_step", stopping)


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def test_a_run_leaves_everything_in_its_folder(capsys: pytest.CaptureFixture[str]) -> None:
    train(**SMALL)
    out = capsys.readouterr().out
    folder = Path("runs/digits-lenet-seed0")
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    pictures = {"passes-000", "passes-001", "passes-002", "curves", "kernels-conv1", "kernels-conv2", "guesses"}
    assert {f"figures/{name}.svg" for name in pictures} <= names
    kept = {
        "config.json",
        "metrics.csv",
        "timing.csv",
        "model.safetensors",
        "checkpoint.json",
        "result.json",
        "report.html",
    }
    assert kept <= names
    assert not [name for name in names if name.endswith((".part", ".pkl"))]

    assert "could not" not in out
    assert max(map(len, out.splitlines())) <= 80
    assert out.isascii()
    assert "epoch 1/2  loss " in out
    assert "epoch 2/2  loss " in out

    metrics = rows(folder / "metrics.csv")
    assert [row["epoch"] for row in metrics] == ["1", "2"]
    assert [row["step"] for row in metrics] == ["3", "6"]
    assert [row["epoch"] for row in rows(folder / "timing.csv")] == ["1", "2"]
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert config["parameters"] == 6090
    assert config["images"] == {"train": 1150, "validation": 288, "test": 359}
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    low, high = result["interval"]
    assert low <= result["test_accuracy"] == result["correct"] / 359 <= high
    assert f"test accuracy {result['test_accuracy']:.2%}: {result['correct']} of 359 right\n" in out
    assert f"95% Clopper-Pearson interval: {low:.2%} to {high:.2%}\n" in out


@pytest.mark.usefixtures("no_pictures")
def test_the_kept_model_is_the_one_that_was_judged() -> None:
    train(**SMALL)
    folder = Path("runs/digits-lenet-seed0")
    with safe_open(folder / "model.safetensors", "np") as file:
        about = json.loads(file.metadata()["minidl"])
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a mapping)
    model = build(about["model"], tuple(about["image_shape"]), len(about["classes"]))
    model.load_state_dict(weights)
    standardize = minidl.data.Standardize(**about["standardize"])
    loader = minidl.data.DataLoader(load_parts("digits", 0).test, 359, transforms=[standardize])
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert evaluate(model, loader).correct == result["correct"]


@pytest.mark.usefixtures("no_pictures")
def test_the_test_images_are_looked_at_once_and_last(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    real = evaluate

    def watching(model: Any, loader: Any, *loss: Any) -> Any:
        seen.append(len(loader.dataset))
        return real(model, loader, *loss)

    monkeypatch.setattr(trainer, "evaluate", watching)
    monkeypatch.setattr("minidl.app.verdict.evaluate", watching)
    train(**SMALL)
    assert seen == [288, 288, 359]


def test_pictures_do_not_change_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    train(**SMALL, out=Path("with"))
    monkeypatch.setattr(run_folder.RunFolder, "_attempt", lambda self, what, draw: None)
    train(**SMALL, out=Path("without"))
    assert Path("with/metrics.csv").read_bytes() == Path("without/metrics.csv").read_bytes()
    assert Path("with/model.safetensors").read_bytes() == Path("without/model.safetensors").read_bytes()


def test_pictures_of_a_model_with_dropout_draw_no_random_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    def dropping(image_shape: tuple[int, int, int], classes: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, classes))

    monkeypatch.setitem(MODELS, "dropping", dropping)
    train(**SMALL, model="dropping", out=Path("with"))
    monkeypatch.setattr(run_folder.RunFolder, "_attempt", lambda self, what, draw: None)
    train(**SMALL, model="dropping", out=Path("without"))
    assert Path("with/metrics.csv").read_bytes() == Path("without/metrics.csv").read_bytes()


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize("epoch", [1, 2])
def test_a_run_killed_between_its_checkpoint_and_its_other_files_gets_them_when_resumed(
    monkeypatch: pytest.MonkeyPatch, epoch: int
) -> None:
    train(**SMALL, out=Path("whole"))
    with monkeypatch.context() as patch:
        real = run_folder.RunFolder._write_metrics

        def die(self: run_folder.RunFolder, trainer: Trainer) -> None:
            if len(trainer.history) == epoch:
                raise KeyboardInterrupt
            real(self, trainer)

        patch.setattr(run_folder.RunFolder, "_write_metrics", die)
        with pytest.raises(KeyboardInterrupt):
            train(**SMALL, out=Path("cut"))
    train(resume=Path("cut"), plain=True)
    for name in ("metrics.csv", "model.safetensors", "result.json"):
        assert Path("cut", name).read_bytes() == Path("whole", name).read_bytes(), name


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize("step", [1, 2, 3, 5])
def test_a_stopped_run_goes_on_bit_for_bit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], step: int
) -> None:
    train(**SMALL, out=Path("whole"))
    with monkeypatch.context() as patch:
        stop_at(patch, step)
        with pytest.raises(typer.Exit) as stopped:
            train(**SMALL, out=Path("cut"))
    assert stopped.value.exit_code == INTERRUPTED
    assert f"stopped after step {step} of 6\nto go on: minidl train --resume cut\n" in capsys.readouterr().out
    assert not Path("cut/result.json").exists()
    train(resume=Path("cut"), plain=True)
    for name in ("metrics.csv", "model.safetensors", "result.json", "config.json"):
        assert Path("cut", name).read_bytes() == Path("whole", name).read_bytes(), name
    assert [row["epoch"] for row in rows(Path("cut/timing.csv"))] == ["1", "2"]


def test_a_run_stopped_in_its_first_epoch_has_a_report_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        stop_at(patch, 1)
        with pytest.raises(typer.Exit):
            train(**SMALL, out=Path("cut"))
    assert "could not" not in capsys.readouterr().out
    assert Path("cut/report.html").exists()
    start = Path("cut/figures/passes-000.svg").read_bytes()
    train(resume=Path("cut"), plain=True)
    assert Path("cut/figures/passes-000.svg").read_bytes() == start  # of the untrained network, still


@pytest.mark.usefixtures("no_pictures")
def test_resuming_a_finished_run_says_so_and_judges_nothing_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train(**SMALL, out=Path("run"))
    result = capsys.readouterr().out.splitlines()[-3]
    monkeypatch.setattr("minidl.app.train_run._judged", None)
    train(resume=Path("run"))
    out = capsys.readouterr().out
    assert "this run is finished" in out
    assert result in out


@pytest.mark.usefixtures("no_pictures")
def test_a_run_cut_off_before_it_was_judged_is_judged_when_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    train(**SMALL, out=Path("run"))
    result = Path("run/result.json").read_bytes()
    Path("run/result.json").unlink()
    train(resume=Path("run"), quiet=True)
    assert Path("run/result.json").read_bytes() == result


@pytest.mark.usefixtures("no_pictures")
def test_runs_never_overwrite_each_other() -> None:
    options = SMALL | {"epochs": 1}
    for _ in range(3):
        train(**options)
    assert sorted(path.name for path in Path("runs").iterdir()) == [f"digits-lenet-seed0{n}" for n in ("", "-2", "-3")]
    with pytest.raises(UsageError, match=r"is not empty.*--resume"):
        train(**options, out=Path("runs/digits-lenet-seed0"))
    Path("empty").mkdir()
    train(**options, out=Path("empty"))
    assert Path("empty/result.json").exists()


@pytest.mark.usefixtures("no_pictures")
def test_quiet_prints_only_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    train(**SMALL | {"quiet": True})
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 3
    assert out[0].startswith("test accuracy ")
    assert out[1].startswith("95% Clopper-Pearson interval: ")
    assert out[2].startswith("report: ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": 0.0}, "above 0"),
        ({"batch": 5000}, "from 1 to 1,150"),
        ({"model": "vgg"}, "no model 'vgg'.*choose one of .*lenet, lenet5, mlp"),
        ({"model": "lenet5"}, "28×28"),
        ({"data": "nowhere"}, "no data set 'nowhere'"),
        ({"optimizer": "lion"}, "no optimizer 'lion'; choose one of .*adam, .*sgd"),
        ({"device": "mps"}, "--device: device='mps' is not here"),
        ({"device": "tpu"}, "no device 'tpu'"),
        ({"resume": Path("gone")}, "no checkpoint here"),
        ({"resume": Path("gone"), "lr": 0.1, "out": Path("x")}, "--lr, --out cannot be given"),
    ],
)
def test_a_wrong_request_gets_one_message_and_leaves_nothing_behind(options: dict[str, Any], message: str) -> None:
    with pytest.raises(MinidlError, match=message):
        train(**options)
    assert not list(Path.cwd().iterdir())


def test_a_folder_that_cannot_be_written_is_found_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trainer, "run", lambda self: pytest.fail("training began"))
    Path("file").touch()
    with pytest.raises(UsageError, match=r"cannot write .*choose another with --out"):
        train(out=Path("file/run"))
    Path("runs").touch()
    with pytest.raises(UsageError, match=r"cannot write .*choose another with --out"):
        train()


@pytest.mark.usefixtures("no_pictures")
def test_resuming_in_a_folder_that_cannot_be_written_names_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        stop_at(patch, 1)
        with pytest.raises(typer.Exit):
            train(**SMALL, out=Path("cut"))

    def refuse(folder: Path, state: object, name: str) -> None:
        raise PermissionError(13, "Permission denied", str(folder / ".checkpoint-ab.xyz.part"))

    monkeypatch.setattr("minidl.training.keeper.save_checkpoint", refuse)
    with pytest.raises(UsageError, match=r"the run's folder cut: Permission denied; make it writable, or copy"):
        train(resume=Path("cut"), plain=True)


def test_a_failing_picture_never_costs_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RenderError("no ink")

    for name in (
        "viz.passes.draw.draw_passes",
        "viz.plots.curves",
        "viz.plots.kernels",
        "viz.plots.guesses",
    ):
        monkeypatch.setattr(name, fail)
    monkeypatch.setattr("viz.report.page.write_report", fail)
    train(**SMALL)
    out = capsys.readouterr().out
    assert out.count("could not draw the diagram of the passes: RenderError: no ink") == 1  # not once an epoch
    assert out.count("no ink") == 5
    assert "test accuracy" in out
    assert len(rows(Path("runs/digits-lenet-seed0/metrics.csv"))) == 2


def test_without_graphviz_it_says_so_once_writes_dot_files_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MINIDL_GRAPHVIZ", "none")
    train(**SMALL)
    out = capsys.readouterr().out
    assert out.count("no diagrams, only their .dot files") == 1
    folder = Path("runs/digits-lenet-seed0")
    assert [path.name for path in sorted(folder.glob("figures/passes-*"))] == [f"passes-00{n}.dot" for n in range(3)]
    assert (folder / "figures/curves.svg").exists()
    assert (folder / "report.html").exists()


def test_a_diverging_run_keeps_its_last_good_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Trainer._step

    def spoil(self: Trainer, group: list[Any], clock: Any) -> StepDone:
        spoilt = np.float32(np.nan) if self.step == 4 else 1
        return real(self, [(images * spoilt, labels) for images, labels in group], clock)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", spoil)
        with pytest.raises(DivergedError, match=r"step 5 of 6 .*--lr"):
            train(**SMALL, out=Path("run"))
    assert len(rows(Path("run/metrics.csv"))) == 1
    train(resume=Path("run"), plain=True)  # with the data mended, it goes on from the end of the first epoch
    assert len(rows(Path("run/metrics.csv"))) == 2


@pytest.mark.usefixtures("no_pictures")
def test_a_damaged_checkpoint_is_named_and_left_as_it_is() -> None:
    train(**SMALL, out=Path("run"))
    arrays = next(Path("run").glob("checkpoint-*"))
    arrays.write_bytes(arrays.read_bytes()[:-1])
    before = {path.name: path.read_bytes() for path in Path("run").iterdir() if path.is_file()}
    with pytest.raises(CheckpointError, match=f"{arrays.name} is damaged"):
        train(resume=Path("run"))
    assert before == {path.name: path.read_bytes() for path in Path("run").iterdir() if path.is_file()}


@pytest.mark.usefixtures("no_pictures")
def test_a_folder_of_idx_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import struct

    rng = np.random.default_rng(0)
    folder = tmp_path / "mine"
    folder.mkdir()
    for part, count in (("train", 200), ("t10k", 50)):
        images, labels = rng.integers(0, 256, (count, 28, 28), np.uint8), np.arange(count, dtype=np.uint8) % 10
        for name, array in (("images-idx3-ubyte", images), ("labels-idx1-ubyte", labels)):
            header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
            (folder / f"{part}-{name}").write_bytes(header + array.tobytes())
    train(data="mine", epochs=1, batch=60, plain=True)
    assert "mine: 180 training, 20 validation, 50 test images\nlenet5: 61,706 parameters" in capsys.readouterr().out
    config = json.loads(Path("runs/mine-lenet5-seed0/config.json").read_text(encoding="utf-8"))
    assert config["data"] == str(folder)


def test_nothing_heavy_is_imported_for_the_options() -> None:
    import subprocess

    code = "import sys, minidl.app.train; print([m for m in ('numba', 'scipy', 'matplotlib', 'rich.live') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
