"""What `minidl train` can be asked for: by options and by a TOML file, and what it writes down."""

from __future__ import annotations

import inspect
import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from rich.console import Console
from safetensors.numpy import load_file

from minidl.app import run_folder, train_run
from minidl.app.settings_file import as_toml, read_settings
from minidl.app.tables import read_csv
from minidl.app.train import WISHES, train
from minidl.errors import CheckpointError, MinidlError, UsageError
from minidl.training import SETTINGS, Config, Trainer, load_checkpoint, prepare

SMALL: dict[str, Any] = {"epochs": 2, "batch": 64, "examples": 256, "model": "mlp", "pictures": False, "plain": True}
"""Options of a run of four steps an epoch."""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


def result_of(folder: str) -> dict[str, Any]:
    return dict(json.loads(Path(folder, "result.json").read_text(encoding="utf-8")))


# Options and files --------------------------------------------------------------------------------------------------------


def test_there_is_an_option_for_every_setting_and_a_file_may_say_them_all() -> None:
    options = set(inspect.signature(train).parameters)
    assert set(SETTINGS) <= options
    assert options - set(SETTINGS) - set(WISHES) == {
        "file", "resume", "listing", "print_config", "grid", "random", "repeat", "jobs"
    }  # fmt: skip


def test_the_command_line_takes_precedence_over_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    Path("my.toml").write_text(
        '# mine\nepochs = 5\noptimizer = "adam"\nearly-stopping = 4\naugment = ["random_warp", "cutout(2)"]\nplain = true\n',
        encoding="utf-8",
    )
    train("my.toml", epochs=7, print_config=True)
    text = capsys.readouterr().out
    settings = tomllib.loads(text)
    assert (
        settings
        == Config.make(epochs=7, optimizer="adam", early_stopping=4, augment="random_warp + cutout(2)").settings()
    )
    Path("full.toml").write_text(text, encoding="utf-8")
    train("full.toml", print_config=True)
    assert capsys.readouterr().out == text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("epoch = 3", "f.toml: there is no setting 'epoch'; did you mean 'epochs'?"),
        ("epochs = ", "f.toml is not TOML: "),
        ("epochs = '3'", "epochs must be a whole number; got '3'"),
        ("[model]\nname = 'lenet'", 'f.toml: model is a table; write it as text: model = "NAME'),
        ("sweep = 3", r"f.toml: sweep is a table; write \[sweep\]"),
        ("top-k = 2\ntop_k = 3", "f.toml: top_k is set twice"),
        ("plain = 1", "plain must be true or false; got 1"),
        ("out = 3", "out must be text; got 3"),
        ("resume = 'x'", "no setting 'resume'"),
        ("device = 'tpu'", "no device 'tpu'"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(content: str, message: str) -> None:
    Path("f.toml").write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        train("f.toml")
    assert [path.name for path in Path.cwd().iterdir()] == ["f.toml"]


@pytest.mark.parametrize(("name", "message"), [("gone.toml", "there is no file gone.toml"), (".", "is a folder; name")])
def test_a_file_that_is_not_there_is_named(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        train(name)


def test_toml_that_is_written_is_read_again(tmp_path: Path) -> None:
    settings = {"a": 'C:\\x "y" ñ\n', "b": 1e-05, "c": -3, "d": True, "e": ["x", "y"], "f": 1e300, "g": ""}
    path = tmp_path / "t.toml"
    path.write_text(as_toml(settings), encoding="utf-8")
    assert read_settings(path, settings) == settings


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top_k": 0}, "top_k must be at least 1; got 0"),
        ({"workers": -1}, "workers must be at least 0"),
        ({"resume": Path("x"), "balanced": True}, "--balanced cannot be given with --resume"),
        ({"resume": Path("x"), "grid": ["lr=1"]}, "leave out --resume"),
        ({"data_parallel": True, "repeat": 2}, "leave out --resume and --data-parallel"),
        ({"jobs": 2}, "--jobs is for many runs"),
        ({"repeat": 2, "perturbations": True}, "--perturbations cannot be given for many runs"),
        ({"listing": True, "epochs": 3}, "leave out --epochs"),
        ({"listing": True, "file": "optimiser"}, "nothing to list under 'optimiser'; did you mean 'optimizer'"),
        ({"loss": "hinge", "mix": "cutmix"}, "the loss 'hinge' cannot take"),
        ({"augment": "random_crop(5)"}, "makes 1×5×5 images of 1×8×8 ones"),
    ],
)
def test_requests_that_do_not_fit_together_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(MinidlError, match=message):
        train(**options)
    assert not list(Path.cwd().iterdir())


# What is kept ---------------------------------------------------------------------------------------------------------------


def test_a_run_with_many_options_writes_down_what_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    asked: dict[str, Any] = {
        "optimizer": "adamw(weight_decay=0.1)", "schedule": "one_cycle", "loss": "cross_entropy(label_smoothing=0.1)",
        "augment": "random_crop(8, padding=1) + color_jitter(0.2)", "mix": "mixup", "preprocess": "zca", "accumulate": 2,
        "clip_norm": 1.0, "l1": 1e-5, "l2": 1e-4, "ema": 0.5, "freeze": "fc1", "label_noise": "symmetric(0.1)",
        "balanced": True, "seed": 5, "monitor": "validation_accuracy", "keep": "best",
    }  # fmt: skip
    train(**SMALL, **asked, top_k=2, perturbations=True, workers=1)
    out = capsys.readouterr().out
    folder = Path("runs/digits-mlp-seed5")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert {name: config[name] for name in asked} == asked
    assert tomllib.loads((folder / "run.toml").read_text(encoding="utf-8")) == {name: config[name] for name in SETTINGS}
    assert "mlp: 17,226 parameters, 8,906 of them learn\n" in out
    assert "accuracy under each perturbation:\n" in out
    assert out.isascii()

    result = result_of(str(folder))
    assert result["perturbed_accuracy"]["none"] == result["test_accuracy"]
    assert {"top_2_accuracy", "balanced_accuracy", "expected_calibration_error", "brier_score"} <= set(result)
    classes = read_csv(folder / "classes.csv")
    assert [row["class"] for row in classes] == [str(digit) for digit in range(10)]
    assert sum(int(row["images"]) for row in classes) == 359
    rows = read_csv(folder / "confusion.csv")
    counts = np.array([[int(value) for name, value in row.items() if name != "class"] for row in rows])
    assert counts.sum() == 359
    assert np.trace(counts) == result["correct"]
    perturbed = read_csv(folder / "perturbations.csv")
    assert {row["perturbation"]: float(row["accuracy"]) for row in perturbed} == result["perturbed_accuracy"]
    timing = read_csv(folder / "timing.csv")
    for row in timing:
        parts = sum(float(row[part]) for part in ("load", "forward", "backward", "step"))
        assert float(row["seconds"]) == pytest.approx(parts, abs=0.003)


def test_the_run_that_a_folder_describes_is_the_same_run() -> None:
    train(**SMALL, optimizer="rmsprop", out=Path("first"))
    train("first/run.toml", plain=True, pictures=False, out=Path("again"))
    for name in ("model.safetensors", "metrics.csv", "result.json", "config.json", "run.toml"):
        assert Path("first", name).read_bytes() == Path("again", name).read_bytes(), name


def worsening(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the validation loss rise from the second epoch on, whatever the training does."""
    real = Trainer._close_epoch

    def closing(self: Trainer) -> Any:
        patched = {1: 1.0}.get(len(self.history) + 1, 2.0 + len(self.history))
        with pytest.MonkeyPatch.context() as patch:
            from minidl.training import Evaluation, trainer

            judge = trainer.evaluate

            def judged(*args: Any) -> Evaluation:
                found = judge(*args)
                return Evaluation(patched, found.outputs, found.labels)

            patch.setattr(trainer, "evaluate", judged)
            return real(self)

    monkeypatch.setattr(Trainer, "_close_epoch", closing)


@pytest.mark.parametrize("keep", ["last", "best"])
def test_the_best_epochs_model_is_kept_and_judged_if_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], keep: str
) -> None:
    worsening(monkeypatch)
    train(**SMALL | {"epochs": 3}, keep=keep, out=Path("run"))
    best, last = (load_checkpoint(Path("run", f"{name}.json")) for name in ("best", "checkpoint"))
    assert (len(best["history"]), len(last["history"])) == (1, 3)
    kept = load_file("run/model.safetensors")
    wanted = {"best": best, "last": last}[keep]["model"]
    assert all(np.array_equal(kept[name], value) for name, value in wanted.items())
    assert (result_of("run")["kept"], result_of("run")["epoch"]) == (keep, {"best": 1, "last": 3}[keep])
    assert ("weights of epoch 1, the best by validation loss\n" in capsys.readouterr().out) == (keep == "best")
    page = Path("run/report.html").read_text(encoding="utf-8")
    assert ("epoch 1, the best by validation loss" if keep == "best" else "the last epoch, 3") in page

    session = prepare(Config.make(**{name: value for name, value in SMALL.items() if name in SETTINGS}))
    session.trainer.model.load_state_dict(wanted)
    from minidl.training import evaluate

    assert evaluate(session.trainer.model, session.loader(session.parts.test)).correct == result_of("run")["correct"]


def test_early_stopping_ends_a_run_says_why_and_keeps_the_best(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    worsening(monkeypatch)
    train(**SMALL | {"epochs": 9}, early_stopping=2, out=Path("run"))
    out = capsys.readouterr().out
    assert "early stopping: validation_loss was best in epoch 1 and not better in 2 since\n" in out
    assert out.count("epoch ") == 3 + 2
    assert (result_of("run")["kept"], result_of("run")["epoch"]) == ("best", 1)
    train(resume=Path("run"))
    assert "this run is finished" in capsys.readouterr().out


def test_the_average_of_the_weights_is_what_is_kept() -> None:
    train(**SMALL, ema=0.9, out=Path("run"))
    state = load_checkpoint(Path("run"))
    kept = load_file("run/model.safetensors")
    assert set(kept) == set(state["model"])
    for name, value in kept.items():
        assert np.array_equal(value, state["average"][f"module.{name}"])
        assert not np.array_equal(value, state["model"][name])


@pytest.mark.parametrize(
    "options", [{"ema": 0.9, "keep": "best"}, {"schedule": "plateau(patience=0)", "optimizer": "adam"}]
)
def test_a_run_with_more_to_remember_goes_on_bit_for_bit(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    train(**SMALL, **options, mix="cutmix", accumulate=2, early_stopping=5, out=Path("whole"))
    with monkeypatch.context() as patch:
        real = Trainer._step

        def stopping(self: Trainer, *batch: Any) -> Any:
            if self.step == 2:
                self.stop()
            return real(self, *batch)

        patch.setattr(Trainer, "_step", stopping)
        with pytest.raises(typer.Exit):
            train(**SMALL, **options, mix="cutmix", accumulate=2, early_stopping=5, out=Path("cut"))
    train(resume=Path("cut"), plain=True, pictures=False)
    for name in ("metrics.csv", "model.safetensors", "result.json", "config.json"):
        assert Path("cut", name).read_bytes() == Path("whole", name).read_bytes(), name


def test_a_checkpoint_of_another_version_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    train(**SMALL, out=Path("run"))
    old = load_checkpoint(Path("run"))
    del old["config"]["loss"]
    monkeypatch.setattr("minidl.training.load_checkpoint", lambda path: old)
    with pytest.raises(CheckpointError, match=r"another version of minidl.*lacks loss"):
        train(resume=Path("run"))
    del old["config"]
    with pytest.raises(CheckpointError, match="does not say how its run was begun"):
        train(resume=Path("run"))


def test_preprocessing_other_than_standardising_is_kept_with_the_model() -> None:
    from safetensors import safe_open

    from minidl.data.preprocess import preprocessing_from

    train(**SMALL, preprocess="mean_image", out=Path("run"))
    with safe_open("run/preprocess.safetensors", "np") as file:
        state = {"kind": file.metadata()["kind"]} | {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
    session = prepare(Config.make(preprocess="mean_image", examples=256))
    images = session.parts.test.images
    assert np.array_equal(preprocessing_from(state)(images), session.inputs(images))
    train(**SMALL, out=Path("usual"))
    assert not Path("usual/preprocess.safetensors").exists()


def test_what_slows_a_run_down_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    real = run_folder.RunFolder._write_timing

    def slow(self: run_folder.RunFolder, epoch: int, seconds: dict[str, float], speed: float) -> None:
        first = {"load": 9.0, "forward": 0.1, "backward": 0.1, "step": 0.1}  # as if kernels were compiled in it
        later = {"load": 0.5, "forward": 0.5, "backward": 2.0, "step": 0.2}
        real(self, epoch, first if epoch == 1 else later, speed)

    monkeypatch.setattr(run_folder.RunFolder, "_write_timing", slow)
    train(**SMALL)
    assert "800 ms a step (more than 500); bottleneck: backward, 62 %\n" in capsys.readouterr().out


def test_the_report_shows_classes_and_perturbations() -> None:
    train(**SMALL | {"pictures": True, "epochs": 1}, perturbations=True, out=Path("run"))
    page = Path("run/report.html").read_text(encoding="utf-8")
    for heading in ("Which class is taken for which", "Every class", "Under perturbations", "calibration error"):
        assert heading in page
    assert Path("run/figures/confusion.svg").exists()


# Many runs, and several processes ---------------------------------------------------------------------------------------------


def test_a_sweep_is_handed_over_with_what_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[Any] = []

    def run_sweep(console: Console, settings: dict[str, Any], **rest: Any) -> bool:
        handed.append((settings, rest))
        return not rest.get("quiet", False)

    monkeypatch.setattr("minidl.app.sweep.run_sweep", run_sweep)
    Path("s.toml").write_text('model = "mlp"\n[sweep]\nrepeat = 3\n[sweep.grid]\nlr = [0.1, 0.2]\n', encoding="utf-8")
    train("s.toml", epochs=2, grid=["batch=32,64"], jobs=2, out=Path("o"), plain=True)
    table = {"repeat": 3, "grid": {"lr": [0.1, 0.2]}}
    rest = {"grid": ["batch=32,64"], "jobs": 2, "table": table, "out": Path("o"), "plain": True}
    assert handed == [({"model": "mlp", "epochs": 2}, rest)]
    with pytest.raises(typer.Exit) as stopped:
        train(repeat=2, quiet=True)
    assert stopped.value.exit_code == 130


def test_all_but_the_first_process_only_compute(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entered: list[str] = []

    class Second:
        """The second of two processes, that finds the first one's part in every sum to be as large as its own."""

        rank, size = 1, 2

        def __enter__(self) -> Second:
            entered.append("in")
            return self

        def __exit__(self, *error: object) -> None:
            entered.append("out")

        def barrier(self) -> None:
            entered.append("barrier")

        def share(self, n: int) -> slice:
            return slice(n // 2, n)

        def sum_(self, arrays: list[Any]) -> None:
            for array in arrays:
                array *= 2

    monkeypatch.setattr("minidl.training.parallel.connect", Second)
    monkeypatch.setattr("minidl.training.trainer.demand_same", lambda *parts: None)
    settings = {name: value for name, value in SMALL.items() if name in SETTINGS}
    train(**settings, data_parallel=True)
    assert entered == ["in", "barrier", "out"]
    assert capsys.readouterr().out == ""
    assert not list(Path.cwd().iterdir())


def test_a_console_that_nobody_reads_any_more_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[tuple[int, int]] = []
    monkeypatch.setattr(train_run.os, "dup2", lambda one, other: moved.append((one, other)))
    monkeypatch.setattr(train_run.sys, "stdout", open(Path.cwd() / "out.txt", "w", encoding="utf-8"))  # noqa: SIM115
    console = train_run.make_console()
    console.on_broken_pipe()
    assert console.quiet
    assert len(moved) == 1
    train_run.sys.stdout.close()
