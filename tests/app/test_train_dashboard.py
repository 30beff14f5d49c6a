"""What the dashboard shows, that it fits, and when plain lines take its place."""

from __future__ import annotations

import io
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from minidl.app import pace
from minidl.app.dashboard import Dashboard, Lines, make_reporter, sparkline
from minidl.training import EpochDone, StepDone, TrainingStarted, TrainingStopped


def console(width: int = 80, height: int = 24, **options: Any) -> Console:
    options = {"force_terminal": True, "color_system": None, "legacy_windows": False} | options
    file = io.TextIOWrapper(io.BytesIO(), encoding=options.pop("encoding", "utf-8"))
    return Console(file=file, width=width, height=height, **options)


def shown(view: Dashboard, to: Console) -> list[str]:
    with to.capture() as capture:
        to.print(view)
    return capture.get().splitlines()


def trainer(epochs: int = 12, done: int = 0) -> Any:
    record = {"train_loss": 1.25, "train_accuracy": 0.5, "validation_loss": 0.75, "validation_accuracy": 0.625}
    history = [record | {"epoch": epoch + 1, "validation_accuracy": 0.625 + 0.03 * epoch} for epoch in range(done)]
    return SimpleNamespace(
        epochs=epochs,
        steps=epochs * 10,
        step=done * 10,
        history=history,
        train=range(10),
        steps_per_epoch=10,
        stopped_early=False,
    )


def step(number: int, layers: tuple[str, ...] = ("conv1", "conv2", "fc")) -> StepDone:
    norms = {layer: 10.0 ** (1 - 2 * i) for i, layer in enumerate(layers)}
    return StepDone(number, number // 10 + 1, 32, 2.0 / number, {"accuracy": 0.75}, 0.0125, norms)


def running(to: Console, done: int = 3, layers: tuple[str, ...] = ("conv1", "conv2", "fc")) -> Dashboard:
    view = Dashboard(to, "minidl train · digits · lenet · seed 0")
    state = trainer(done=done)
    view._draw = lambda: None  # type: ignore[method-assign]  # drawn by the tests alone
    view(TrainingStarted(state))
    for number in range(1, 8):
        state.step = 10 * done + number
        view(step(state.step, layers))
    return view


def test_it_shows_everything_that_was_promised() -> None:
    to = console()
    lines = shown(running(to), to)
    text = "\n".join(lines)
    assert lines[0].startswith("minidl train · digits · lenet · seed 0")
    assert lines[0].endswith("epoch 4 of 12")
    assert "31%  step 37 of 120" in lines[1]
    assert " left" in lines[1]
    assert lines[1].count("█") == pytest.approx((lines[1].count("█") + lines[1].count("░")) * 37 / 120, abs=0.6)
    assert "loss      now 0.0541   train 1.2500   validation 0.7500" in text
    assert "accuracy  now 75.00%   train 50.00%   validation 68.50%" in text
    assert "▁▅█" in lines  # validation accuracy after each of three epochs
    assert "learning rate 0.01250" in text
    assert "images a second" in text
    bars = {line.split()[0]: line.count("█") for line in lines if line.startswith(("conv1", "conv2", "fc"))}
    assert bars["conv1"] > bars["conv2"] > bars["fc"] > 0  # 10, 0.1 and 0.001
    assert bars["conv1"] / bars["conv2"] == pytest.approx(5 / 3, rel=0.05)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (60, 18), (200, 60), (97, 24)])
@pytest.mark.parametrize("layers", [("fc",), tuple(f"features.block{i}.conv" for i in range(40))])
def test_it_fits(width: int, height: int, layers: tuple[str, ...]) -> None:
    to = console(width, height)
    view = running(to, layers=layers)
    state = view._trainer
    assert state is not None
    state.step, state.steps, state.epochs = 99_999, 100_000, 1000
    state.history[-1] |= {"train_loss": 123.4567, "train_accuracy": 1.0, "validation_loss": 99.9999}
    view._last = replace(step(99_999, layers), metrics={"accuracy": 1.0}, loss=123.4567)
    lines = shown(view, to)
    assert max(map(len, lines)) <= width
    assert len(lines) < height
    starts = ["minidl train", "", "", "loss ", "", "accuracy ", "", "", "learning rate ", "", "gradient norm"]
    assert all(line.startswith(start) for line, start in zip(lines, starts, strict=False))  # nothing wrapped
    assert all(line.startswith(layers[0][:8]) for line in lines[len(starts) :])
    assert len(lines) > len(starts)


def test_before_the_first_step_and_at_the_end_it_is_whole_too() -> None:
    to = console()
    view = Dashboard(to, "title")
    assert shown(view, to)[0].startswith("title")
    view = running(to, done=11)
    state = view._trainer
    assert state is not None
    state.step = 120
    state.history.append(state.history[-1])
    lines = shown(view, to)
    assert lines[0].endswith("epoch 12 of 12")
    assert "100%  step 120 of 120  done" in lines[1]


def test_compiling_is_shown_until_the_first_step_is_done() -> None:
    to = console()
    view = running(to)
    view.compiling("im2col")
    view.compiling("max_pool")
    assert "compiling kernels for this machine (once): 2, max_pool" in shown(view, to)
    view(step(38))
    assert not any("compiling" in line for line in shown(view, to))


def test_ctrl_c_is_acknowledged() -> None:
    to = console()
    view = running(to)
    view.stopping = True
    assert "Ctrl-C: stopping after this step, then saving" in shown(view, to)


def test_numbers_that_are_not_finite_do_not_break_it() -> None:
    to = console()
    view = running(to)
    view(StepDone(38, 4, 32, float("nan"), {"accuracy": 0.1}, 0.1, {"fc": float("inf"), "conv": 0.0}))
    lines = shown(view, to)
    assert any(line.startswith("loss      now nan") for line in lines)


def test_it_is_redrawn_in_place_and_leaves_its_last_state() -> None:
    to = console(color_system="standard")
    state = trainer()
    with Dashboard(to, "title") as view:
        view(TrainingStarted(state))
        view.note("a note")
        state.step = 1
        view(step(1))
        view(TrainingStopped(state, finished=True, reason=""))
    to.file.seek(0)
    text = to.file.read()
    assert "\x1b[" in text
    assert "a note" in text
    assert "learning rate" in text.rpartition("title")[2]


@pytest.mark.parametrize(
    ("options", "wishes", "kind", "says"),
    [
        ({}, {}, Dashboard, ""),
        ({}, {"plain": True}, Lines, ""),
        ({}, {"quiet": True}, Lines, ""),
        ({"force_terminal": False}, {}, Lines, ""),
        ({"width": 59}, {}, Lines, "59 columns wide, less than 60: plain lines"),
        ({"height": 17}, {}, Lines, "17 lines high, less than 18: plain lines"),
        ({"encoding": "ascii"}, {}, Lines, "ascii, has no block characters: plain lines"),
        ({"_environ": {"TERM": "dumb"}}, {}, Lines, ""),
    ],
)
def test_what_suits_the_terminal_is_chosen(options: Any, wishes: Any, kind: type, says: str) -> None:
    to = console(**options)
    reporter = make_reporter(to, "title", **wishes)
    assert type(reporter) is kind
    to.file.flush()
    to.file.seek(0)
    said = to.file.read()
    assert (says in said) if says else not said


def test_plain_lines_are_one_an_epoch_within_80_columns() -> None:
    to = console(force_terminal=False)
    lines = Lines(to)
    state = trainer(epochs=100)
    record = {
        "epoch": 100,
        "train_loss": 12.3456,
        "train_accuracy": 1.0,
        "validation_loss": 0.5,
        "validation_accuracy": 1.0,
    }
    with lines:
        lines(TrainingStarted(state))
        lines.compiling("one")
        lines.compiling("two")
        lines(step(1))
        lines(EpochDone(state, record, {"forward": 2.0}, 12345.6))
    to.file.seek(0)
    assert to.file.read().splitlines() == [
        "compiling kernels for this machine (once, some seconds)",
        "epoch 100/100  loss 12.3456  accuracy 100.00%  validation 0.5000 100.00%  12346/s",
    ]


def test_quiet_lines_pass_on_notes_only() -> None:
    to = console(force_terminal=False)
    lines = Lines(to, quiet=True)
    lines.compiling("one")
    lines(EpochDone(trainer(), {"epoch": 1}, {"forward": 2.0}, 1.0))
    lines.note("the disk is [full]")
    to.file.seek(0)
    assert to.file.read() == "the disk is [full]\n"


@pytest.mark.parametrize(
    ("values", "width", "expected"),
    [
        ([], 5, ""),
        ([1.0], 5, "▁"),
        ([0, 7], 5, "▁█"),
        ([7, 0, 3.5], 5, "█▁▅"),
        ([0, 0, 7, 7, 0, 0], 3, "▁█▁"),
        ([float("nan"), 0, float("inf"), 1], 5, "▁█"),
    ],
)
def test_sparkline(values: list[float], width: int, expected: str) -> None:
    assert sparkline(values, width) == expected


def test_the_time_left_is_told_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(pace.time, "perf_counter", lambda: now)
    clock = pace.Pace()
    assert clock.left(100) == "-:-- left"
    for second in range(11):
        now = 100.0 + 2 * second
        clock.tick(32)
    assert clock.images_a_second == pytest.approx(16)
    assert clock.left(50) == "1:40 left"
    assert clock.left(3600) == "2:00:00 left"
    assert clock.left(0) == "done"


def test_the_history_is_left_as_a_table_and_early_stopping_is_told() -> None:
    to = console(width=100, height=60)
    state = trainer(epochs=30, done=20)
    state.history[8]["validation_accuracy"] = 1.5
    state.stopped_early = True
    with Dashboard(to, "title") as view:
        view(TrainingStarted(state))
        view(step(1))
        view(TrainingStopped(state, finished=True, reason="early stopping: it got no better"))
    to.file.seek(0)
    text = to.file.read()
    table = text.rpartition("validation accuracy")[2]
    rows = [line.split() for line in table.splitlines() if line.strip()[:1].isdigit()]
    assert len(rows) == 10
    assert [rows[0][0], rows[-1][0]] == ["1", "20"]
    assert "9" in [row[0] for row in rows]  # the best
    assert "150.00" in table
    assert "stopped early" in text
    assert "early stopping: it got no better\n" in text.replace("\r", "")


def test_plain_lines_say_that_early_stopping_ended_the_training() -> None:
    to = console(force_terminal=False)
    state = trainer(done=3)
    state.stopped_early = True
    Lines(to)(TrainingStopped(state, finished=True, reason="early stopping: enough"))
    Lines(to, quiet=True)(TrainingStopped(state, finished=True, reason="not said"))
    to.file.seek(0)
    assert to.file.read() == "early stopping: enough\n"
