"""The callback that keeps the last and the best state of a training."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn, optim
from minidl.data import DataLoader, TensorDataset
from minidl.errors import CheckpointError, UsageError
from minidl.optim.swa_utils import EMA
from minidl.training import (
    Checkpoints,
    EpochDone,
    Event,
    StepDone,
    Trainer,
    TrainingStarted,
    TrainingStopped,
    evaluate,
    keeper,
    load_checkpoint,
)

NAN = float("nan")


class Scripted:
    """What a keeper sees of a trainer of two steps an epoch; its losses are given."""

    steps_per_epoch = 2
    validation = ()

    def __init__(self, *losses: float, rank: int = 0, step: int = 0) -> None:
        self.losses, self.step = losses, step
        self.parallel = SimpleNamespace(rank=rank)
        self.history: list[dict[str, Any]] = []

    def state_dict(self) -> dict[str, Any]:
        return {"step": self.step, "history": list(self.history), "model": {"w": np.float32([self.step])}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.step, self.history = state["step"], state["history"]

    def run(self, keep: Checkpoints) -> None:
        def tell(event: Any) -> None:
            keep(event)

        tell(TrainingStarted(self))  # type: ignore[arg-type]
        for epoch in range(len(self.history), len(self.losses)):
            for _ in range(2):
                self.step += 1
                tell(StepDone(self.step, epoch + 1, 1, 0.0, {}, 0.1, {}))
            self.history.append({"epoch": epoch + 1, "validation_loss": self.losses[epoch]})
            tell(EpochDone(self, self.history[-1], {}, 0.0))  # type: ignore[arg-type]
        tell(TrainingStopped(self, True, ""))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("losses", "mode", "best"),
    [
        ((3.0, 1.0, 2.0), "min", 2),
        ((3.0, 1.0, 2.0), "max", 1),
        ((2.0, 2.0, 2.0), "min", 1),
        ((NAN, 5.0, NAN, 6.0), "min", 2),
        ((float("inf"), 5.0), "min", 2),
        ((-1.0, -2.0, 0.0), None, 2),
        ((NAN, NAN), "min", None),
    ],
)
def test_the_best_epoch_is_kept_beside_the_last(
    tmp_path: Path, losses: tuple[float, ...], mode: str | None, best: int | None
) -> None:
    keep = Checkpoints(tmp_path, mode=mode)
    Scripted(*losses).run(keep)
    assert load_checkpoint(tmp_path)["step"] == 2 * len(losses)
    assert (keep.best or {}).get("epoch") == best
    if best is None:
        with pytest.raises(CheckpointError, match=r"best\.json does not exist"):
            load_checkpoint(tmp_path / "best.json")
    else:
        assert load_checkpoint(tmp_path / "best.json")["step"] == 2 * best


def test_the_best_so_far_survives_a_new_process(tmp_path: Path) -> None:
    Scripted(3.0, 1.0).run(Checkpoints(tmp_path))
    keep, again = Checkpoints(tmp_path), Scripted(3.0, 1.0, 2.0)
    assert keep.resume(again)  # type: ignore[arg-type]
    again.run(keep)
    assert (keep.best or {})["epoch"] == 2
    assert load_checkpoint(tmp_path / "best.json")["step"] == 4
    assert load_checkpoint(tmp_path)["step"] == 6


def test_without_a_best_to_compare_with_the_next_is_the_best(tmp_path: Path) -> None:
    Scripted(3.0, 1.0).run(Checkpoints(tmp_path))
    (tmp_path / "best.json").unlink()
    keep, again = Checkpoints(tmp_path), Scripted(3.0, 1.0, 2.0)
    keep.resume(again)  # type: ignore[arg-type]
    again.run(keep)
    assert load_checkpoint(tmp_path / "best.json")["step"] == 6


@pytest.mark.parametrize("dying", range(1, 9))
def test_killed_at_any_save_it_comes_to_the_same_best_and_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dying: int
) -> None:
    losses, saves = (3.0, 1.0, 2.0), 0
    real = keeper.save_checkpoint

    def die(*args: Any) -> Path:
        nonlocal saves
        saves += 1
        if saves == dying:
            raise KeyboardInterrupt
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(keeper, "save_checkpoint", die)
        try:
            Scripted(*losses).run(Checkpoints(tmp_path))
        except KeyboardInterrupt:
            assert dying <= 7  # at the start, two, two and one an epoch, at the stop
        else:
            assert dying == 8
    keep, again = Checkpoints(tmp_path), Scripted(*losses)
    assert keep.resume(again) is (dying > 1)  # type: ignore[arg-type]
    again.run(keep)
    assert load_checkpoint(tmp_path)["step"] == 6
    assert load_checkpoint(tmp_path / "best.json")["step"] == 4


@pytest.mark.parametrize(("every", "saved"), [(None, [0, 2, 4, 4]), (1, [0, 1, 2, 3, 4, 4]), (3, [0, 2, 3, 4, 4])])
def test_the_last_state_is_saved_as_often_as_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: int | None, saved: list[int]
) -> None:
    found = []
    monkeypatch.setattr(
        keeper, "save_checkpoint", lambda folder, state, name: found.append(state["step"]) if name != "best" else None
    )
    Scripted(1.0, 2.0).run(Checkpoints(tmp_path, every=every))
    assert found == saved


def test_what_is_to_be_saved_along_is(tmp_path: Path) -> None:
    Scripted(1.0).run(Checkpoints(tmp_path, extra={"config": {"seed": 3}}))
    assert load_checkpoint(tmp_path)["config"] == load_checkpoint(tmp_path / "best.json")["config"] == {"seed": 3}


def test_of_several_processes_only_the_first_writes_and_all_know_the_best(tmp_path: Path) -> None:
    keep = Checkpoints(tmp_path)
    Scripted(3.0, 1.0, 2.0, rank=1).run(keep)
    assert not list(tmp_path.iterdir())
    assert (keep.best or {})["epoch"] == 2


def test_another_training_is_not_overwritten(tmp_path: Path) -> None:
    Scripted(1.0).run(Checkpoints(tmp_path))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(UsageError, match=r"another training.*resume\(trainer\), or name a new folder"):
        Scripted(1.0).run(Checkpoints(tmp_path))
    (tmp_path / "checkpoint.json").unlink()
    with pytest.raises(UsageError, match="another training"):
        Scripted(1.0).run(Checkpoints(tmp_path))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} | before == before
    Scripted().run(Checkpoints(tmp_path / "begun"))  # killed before its first step was saved
    Scripted(1.0).run(Checkpoints(tmp_path / "begun"))
    assert load_checkpoint(tmp_path / "begun")["step"] == 2


def test_damage_is_told_before_training_goes_on(tmp_path: Path) -> None:
    Scripted(1.0).run(Checkpoints(tmp_path))
    (tmp_path / "best.json").write_text("{}", encoding="utf-8")
    keep, again = Checkpoints(tmp_path), Scripted(1.0, 2.0)
    keep.resume(again)  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match=r"best\.json is not a minidl checkpoint, or is damaged"):
        again.run(keep)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"monitor": "train_f1"}, '"train_f1" does not tell which is better'),
        ({"mode": "up"}, 'mode must be "min" or "max"'),
        ({"every": 0}, "every must be at least 1"),
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"Checkpoints: .*{message}"):
        Checkpoints(tmp_path, **options)


def test_a_measure_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no 'train_loss' to monitor; an epoch has epoch, validation_loss"):
        Scripted(1.0).run(Checkpoints(tmp_path, "train_loss"))
    blind = Scripted(1.0)
    blind.validation = None  # type: ignore[assignment]
    with pytest.raises(UsageError, match="no validation data"):
        blind.run(Checkpoints(tmp_path / "new"))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("averaging", [False, True])
def test_the_best_weights_are_those_that_validation_judged(tmp_path: Path, averaging: bool) -> None:
    rng = np.random.default_rng(0)
    data = TensorDataset(rng.normal(size=(20, 4)).astype(np.float32), rng.integers(0, 3, 20))

    def network() -> nn.Module:
        minidl.manual_seed(1)
        return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 3))

    model, validation = network(), DataLoader(data, 20)
    keep = Checkpoints(tmp_path, "validation_accuracy")
    judged: list[dict[str, np.ndarray]] = []

    def note(event: Event) -> None:
        if isinstance(event, EpochDone):
            judged.append({name: value.data.copy() for name, value in event.trainer.judged.state_dict().items()})

    average = EMA(model, 0.9) if averaging else None
    optimizer = optim.SGD(model.parameters(), lr=2.0)  # so that epochs differ
    Trainer(
        model, nn.CrossEntropyLoss(), optimizer, DataLoader(data, 5), validation, epochs=5, average=average,
        callbacks=[keep, note],
    ).run()  # fmt: skip
    other = network()
    record = keep.load_best(other)
    assert record == keep.best
    accuracies = [evaluate(other, validation).accuracy, record["validation_accuracy"]]
    assert accuracies[0] == accuracies[1]
    for name, value in other.state_dict().items():
        np.testing.assert_array_equal(value, judged[record["epoch"] - 1][name])
    assert (other.state_dict()["0.weight"] == model.state_dict()["0.weight"]).all() == (
        not averaging and record["epoch"] == 5
    )
    with pytest.raises(UsageError, match="load_state_dict: missing"):
        keep.load_best(nn.Linear(1, 1))
    Scripted(1.0).run(Checkpoints(tmp_path / "odd", extra={"model": None}))
    with pytest.raises(CheckpointError, match=r"best\.json does not hold a training's state"):
        Checkpoints(tmp_path / "odd").load_best(other)


def test_resuming_where_there_is_nothing_does_nothing(tmp_path: Path) -> None:
    trainer = Scripted(1.0)
    assert Checkpoints(tmp_path / "none").resume(trainer) is False  # type: ignore[arg-type]
    assert trainer.step == 0
    assert not (tmp_path / "none").exists()
