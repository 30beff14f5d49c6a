"""`minidl train --profile`: which steps it measures, what it prints and writes, and that it changes nothing."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

import minidl
from minidl.app import profiling
from minidl.app.profiling import StepProfile
from minidl.app.train import train
from minidl.errors import UsageError
from minidl.graph.mode import state
from minidl.training import Config, prepare

SMALL: dict[str, Any] = {"epochs": 2, "batch": 64, "examples": 256, "model": "mlp"}
"""Options of a run of four steps an epoch: five to warm up, and the three that its second epoch has left."""


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


def measured() -> StepProfile:
    session = prepare(Config.make(**SMALL))
    profile = StepProfile(session)
    session.trainer.callbacks.append(profile)
    with profile:
        session.trainer.run()
    return profile


def test_the_tables_are_printed_and_kept_and_the_numbers_stay_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    train(**SMALL, out=Path("with"), pictures=False, plain=True, profile=True)
    said = capsys.readouterr().out
    assert "\nwhere the time of 3 steps went, after 5 to warm up:\n\nphase " in said
    tables = Path("with/profile.txt").read_text(encoding="utf-8")
    assert tables in said
    assert "Measuring took about" in tables
    assert said.index("where the time") < said.index("test accuracy")
    train(**SMALL, out=Path("without"), pictures=False, plain=True)
    assert "where the time" not in capsys.readouterr().out
    assert not Path("without/profile.txt").exists()
    for name in ("metrics.csv", "model.safetensors", "run.toml"):
        assert Path("with", name).read_bytes() == Path("without", name).read_bytes(), name


def test_whole_steps_are_measured_and_nothing_between_epochs() -> None:
    profile = measured()
    assert profile.steps == 3
    assert profile.profile is not None
    calls = {(row.phase, row.operation): row.calls for row in profile.profile.rows}
    assert calls["forward", ("cross_entropy",)] == 3
    assert set(profile.profile.phases) == {"forward", "loading", "backward", "optimizer"}


def test_it_stops_after_so_many_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiling, "WARM", 1)
    monkeypatch.setattr(profiling, "STEPS", 2)
    assert measured().steps == 2


def test_the_flame_and_the_coloured_network_are_drawn() -> None:
    pictures = measured().pictures()
    assert list(pictures) == ["profile-flame", "profile-network"]
    flame, network = (draw() for draw in pictures.values())
    assert flame.title == "Where the time of 3 training steps went"
    assert "of the time that was measured" in network.text
    for figure in (flame, network):
        ET.fromstring(figure.svg())


def test_a_run_of_too_few_steps_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    train(**SMALL | {"epochs": 1}, out=Path("run"), pictures=False, plain=True, quiet=True, profile=True)
    assert capsys.readouterr().out.startswith("--profile measured nothing: after 5 steps to warm up, no epoch had two")
    assert not Path("run/profile.txt").exists()


def test_a_training_that_fails_leaves_nobody_measuring() -> None:
    session = prepare(Config.make(**SMALL))
    profile = StepProfile(session)

    def fail(event: Any) -> None:
        if state.profiler is not None:
            raise RuntimeError("in the middle")

    session.trainer.callbacks += [profile, fail]
    with pytest.raises(RuntimeError, match="in the middle"), profile:
        session.trainer.run()
    assert state.profiler is None
    assert profile.profile is None  # not one step was measured
    with minidl.profile():
        pass


def test_many_runs_are_not_measured() -> None:
    with pytest.raises(UsageError, match="--profile cannot be given for many runs"):
        train(grid=["lr=0.1,0.01"], profile=True)
