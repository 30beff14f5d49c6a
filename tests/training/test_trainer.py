"""The loop: what it reports, that it repeats, and that it goes on bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.errors import CheckpointError, DataError, ShapeError, UsageError
from minidl.training import (
    Clock,
    Config,
    DivergedError,
    EpochDone,
    Event,
    Session,
    StepDone,
    Trainer,
    TrainingStarted,
    TrainingStopped,
    WarmupCosine,
    evaluate,
    load_checkpoint,
    load_parts,
    prepare,
    save_checkpoint,
)
from minidl.training import clock as clock_module
from minidl.training.config import recipe_of

EPOCHS, STEPS = 2, 5


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Session]:
    """Sessions of five steps an epoch, of a model that draws random numbers as it trains."""

    class Dropping(nn.Module):
        def __init__(self, image_shape: tuple[int, int, int], classes: int) -> None:
            super().__init__()
            self.conv = nn.Conv2d(image_shape[0], 4, 3, padding=1)
            self.pool = nn.MaxPool2d(4)
            self.flatten = nn.Flatten()
            self.dropout = nn.Dropout(0.3)
            self.fc = nn.Linear(16, classes)

        def forward(self, x: minidl.Tensor) -> minidl.Tensor:
            return self.fc(self.dropout(self.flatten(self.pool(self.conv(x).relu()))))

    monkeypatch.setitem(minidl.models.MODELS, "dropping", Dropping)

    def make(**options: object) -> Session:
        return prepare(Config.make(**({"model": "dropping", "epochs": EPOCHS, "batch": 230} | options)))  # type: ignore[arg-type]

    return make


def test_events_come_in_order_with_the_numbers_of_the_step(small: Callable[..., Session]) -> None:
    session = small()
    events: list[Event] = []
    session.trainer.callbacks.append(events.append)
    assert session.trainer.run() is True
    kinds = [type(event) for event in events]
    epoch = [StepDone] * STEPS + [EpochDone]
    assert kinds == [TrainingStarted, *epoch, *epoch, TrainingStopped]
    steps = [event for event in events if isinstance(event, StepDone)]
    assert [event.step for event in steps] == list(range(1, 11))
    assert [event.epoch for event in steps] == [1] * 5 + [2] * 5
    assert [event.images for event in steps] == ([230] * 5) * 2
    schedule = WarmupCosine(1.0, 10)
    assert [event.learning_rate for event in steps] == [session.config.lr * schedule(step) for step in range(10)]
    assert list(steps[0].gradient_norms) == ["conv", "fc"]
    stopped = events[-1]
    assert isinstance(stopped, TrainingStopped)
    assert stopped.finished


def test_an_epochs_record_is_the_mean_over_its_images(small: Callable[..., Session]) -> None:
    session = small()
    steps: list[StepDone] = []
    session.trainer.callbacks.append(lambda event: steps.append(event) if isinstance(event, StepDone) else None)
    session.trainer.run()
    for epoch, record in enumerate(session.trainer.history, start=1):
        mine = [step for step in steps if step.epoch == epoch]
        images = sum(step.images for step in mine)
        assert images == len(session.parts.train)
        assert record["epoch"] == epoch
        assert record["step"] == epoch * STEPS
        assert record["train_loss"] == pytest.approx(sum(step.loss * step.images for step in mine) / images)
        assert record["train_accuracy"] == pytest.approx(
            sum(step.metrics["accuracy"] * step.images for step in mine) / images
        )
        assert record["gradient_norm.fc"] == pytest.approx(np.mean([step.gradient_norms["fc"] for step in mine]))
    judged = evaluate(session.trainer.model, session.loader(session.parts.validation))
    assert session.trainer.history[-1]["validation_loss"] == judged.loss
    assert session.trainer.history[-1]["validation_accuracy"] == judged.accuracy


@pytest.mark.parametrize("stopped", [0, 2, 4])
def test_the_speed_leaves_out_the_step_in_which_a_process_warms_up(
    small: Callable[..., Session], monkeypatch: pytest.MonkeyPatch, stopped: int
) -> None:
    """A step takes 1 s here, and a process's first 9 s; a run that goes on is a new process."""
    now, first, state = [0.0], [9.0], None
    if stopped:
        session = small()
        session.trainer.callbacks.append(lambda event: session.trainer.stop() if trained(event) == stopped else None)
        session.trainer.run()
        state = session.trainer.state_dict()
    real = Trainer._step

    def slow(self: Trainer, group: Any, clock: Clock) -> StepDone:
        with clock("forward"):
            now[0] += first.pop() if first else 1.0
        return real(self, group, clock)

    monkeypatch.setattr(Trainer, "_step", slow)
    monkeypatch.setattr(clock_module, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    session, done = small(), list[EpochDone]()
    if state is not None:
        session.trainer.load_state_dict(state)
    session.trainer.callbacks.append(lambda event: done.append(event) if isinstance(event, EpochDone) else None)
    session.trainer.run()
    left = STEPS - stopped
    assert [event.seconds["forward"] for event in done] == [9.0 + left - 1, STEPS]
    assert [sum(event.seconds.values()) for event in done] == [9.0 + left - 1, STEPS]
    warm = [230.0] * (left - 1)
    assert done[0].images_per_second == pytest.approx(np.mean(warm) if left > 1 else 230 / 9)
    assert done[1].images_per_second == pytest.approx(1150 / STEPS)


def trained(event: Event) -> int:
    """How many steps were done when a step is reported."""
    return event.step if isinstance(event, StepDone) else 0


def test_the_loss_of_the_first_step_is_that_of_a_guess(small: Callable[..., Session]) -> None:
    first: list[float] = []
    session = small()
    session.trainer.callbacks.append(lambda event: first.append(event.loss) if isinstance(event, StepDone) else None)
    session.trainer.run()
    assert first[0] == pytest.approx(np.log(10), abs=0.4)
    assert first[-1] < first[0]


def weights(session: Session) -> dict[str, np.ndarray]:
    return {name: value.data.copy() for name, value in session.trainer.model.state_dict().items()}


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def test_the_same_seed_gives_the_same_numbers_and_another_others(small: Callable[..., Session]) -> None:
    def finished(seed: int) -> Session:
        session = small(seed=seed)
        session.trainer.run()
        return session

    one, again, other = finished(3), finished(3), finished(4)
    assert same(weights(one), weights(again))
    assert one.trainer.history == again.trainer.history
    assert not same(weights(one), weights(other))


class StopAt:
    """A callback that asks its trainer to stop at a step."""

    def __init__(self, trainer: Trainer, step: int) -> None:
        self.trainer, self.step = trainer, step

    def __call__(self, event: Event) -> None:
        if isinstance(event, StepDone) and event.step == self.step:
            self.trainer.stop()


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
@pytest.mark.parametrize("stops", [(1,), (3,), (4, 6), (5,), (7, 8, 9)])
def test_a_run_that_was_stopped_goes_on_bit_for_bit(
    small: Callable[..., Session], tmp_path: Path, stops: tuple[int, ...], optimizer: str
) -> None:
    whole = small(optimizer=optimizer)
    whole.trainer.run()

    session = small(optimizer=optimizer)
    for stop in stops:
        session.trainer.callbacks.append(StopAt(session.trainer, stop))
        assert session.trainer.run() is False
        assert session.trainer.step == stop
        save_checkpoint(tmp_path, session.trainer.state_dict())
        minidl.default_generator.numpy.random(17)  # what happens in between must not matter
        session = small(optimizer=optimizer)
        session.trainer.load_state_dict(load_checkpoint(tmp_path))
    assert session.trainer.run() is True

    assert same(weights(session), weights(whole))
    assert session.trainer.history == whole.trainer.history
    ours, theirs = (each.trainer.optimizer.state_dict()["state"] for each in (session, whole))
    for number, expected in theirs.items():
        for name, value in expected.items():
            assert np.array_equal(ours[number][name], value)
    assert session.trainer.state_dict()["loader"] == whole.trainer.state_dict()["loader"]
    assert session.trainer.state_dict()["generator"] == whole.trainer.state_dict()["generator"]


def test_a_finished_run_that_is_resumed_has_nothing_left_to_do(small: Callable[..., Session], tmp_path: Path) -> None:
    session = small()
    session.trainer.run()
    save_checkpoint(tmp_path, session.trainer.state_dict())
    again = small()
    again.trainer.load_state_dict(load_checkpoint(tmp_path))
    before = weights(again)
    assert again.trainer.run() is True
    assert same(before, weights(again))


def test_a_checkpoint_of_another_model_is_refused(small: Callable[..., Session]) -> None:
    state = prepare(Config.make(model="mlp", epochs=EPOCHS, batch=230)).trainer.state_dict()
    with pytest.raises(CheckpointError, match="does not fit this training"):
        small().trainer.load_state_dict(state)
    with pytest.raises(CheckpointError, match="incomplete"):
        small().trainer.load_state_dict({"model": small().trainer.model.state_dict()})


def test_a_loss_that_is_no_number_stops_training_before_the_weights_are_harmed(small: Callable[..., Session]) -> None:
    session = small(lr=1e18)
    with pytest.raises(DivergedError, match=r"at step \d+ of 10 .*--lr"):
        session.trainer.run()
    assert all(np.isfinite(value).all() for value in weights(session).values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": 0.0}, "above 0; got 0.0"),
        ({"lr": -1.0}, "above 0"),
        ({"lr": float("nan")}, "above 0; got nan"),
        ({"lr": float("inf")}, "above 0; got inf"),
        ({"epochs": 0}, "at least 1; got 0"),
        ({"batch": 0}, "at least 1; got 0"),
        ({"seed": -1}, "from 0; got -1"),
        ({"optimizer": "lion"}, "no optimizer 'lion'; choose one of adadelta, .*, sgd"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Config.make(**options)  # type: ignore[arg-type]


def test_what_only_the_data_can_tell_is_refused_too() -> None:
    with pytest.raises(UsageError, match="from 1 to 1,150"):
        prepare(Config.make(batch=1151))
    with pytest.raises(ShapeError, match="28×28"):
        prepare(Config.make(model="lenet5"))


def test_a_data_set_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"did you mean 'cifar10'.* or name a folder"):
        load_parts("cifar", 0)
    with pytest.raises(DataError, match="train-images-idx3-ubyte"):
        load_parts(str(tmp_path), 0)


def test_the_parts_of_the_digits_are_disjoint_and_complete() -> None:
    parts = load_parts("digits", 5)
    seen = [image.tobytes() for part in (parts.train, parts.validation, parts.test) for image in part.images]
    assert len(seen) == 1797 == len(set(seen))
    assert recipe_of("digits").model == "lenet"
