"""What a trainer can be given: each option does what its formula says, and parts that are missing are named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn, optim
from minidl.data import DataLoader, TensorDataset
from minidl.data.augment import MixUp
from minidl.errors import UsageError
from minidl.optim.lr_scheduler import ReduceLROnPlateau, StepLR
from minidl.optim.swa_utils import EMA
from minidl.training import EarlyStopping, EpochDone, Event, StepDone, Trainer, TrainingStopped

SIZES = (5, 8, 3)
"""Inputs, hidden units, classes."""


def examples(n: int = 22, seed: int = 0) -> TensorDataset:
    rng = np.random.default_rng(seed)
    return TensorDataset(rng.normal(size=(n, SIZES[0])), rng.integers(0, SIZES[2], n))


def network(dtype: Any = np.float64) -> nn.Sequential:
    minidl.manual_seed(3)
    model = nn.Sequential(nn.Linear(SIZES[0], SIZES[1]), nn.Tanh(), nn.Linear(*SIZES[1:]))
    return model.to(dtype=minidl.float64) if dtype is np.float64 else model


def trainer(model: nn.Module | None = None, *, batch: int = 6, n: int = 22, lr: float = 0.2, **options: Any) -> Trainer:
    model = model or network()
    optimizer = options.pop("optimizer", None) or optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    data = DataLoader(examples(n), batch, shuffle=True, generator=minidl.Generator(5))
    options = {"epochs": 2, "validation": DataLoader(examples(9, seed=1), 4)} | options
    return Trainer(model, options.pop("loss", nn.CrossEntropyLoss()), optimizer, data, **options)


def weights(model: nn.Module) -> list[np.ndarray]:
    return [p.data.copy() for p in model.parameters()]


def assert_same(a: nn.Module, b: nn.Module, tolerance: float = 1e-12) -> None:
    for one, other in zip(weights(a), weights(b), strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def test_accumulating_equals_a_batch_so_many_times_as_large() -> None:
    """22 examples: four batches of 6, 6, 6, 4 two at a time; two of 12 and 10."""
    small, large = trainer(batch=6, accumulate=2), trainer(batch=12)
    assert small.steps_per_epoch == large.steps_per_epoch == 2
    small.run()
    large.run()
    assert small.step == 4
    assert_same(small.model, large.model)
    for one, other in zip(small.history, large.history, strict=True):
        assert one == pytest.approx(other, rel=1e-9)


def test_a_long_gradient_is_shortened() -> None:
    moved = trainer(lr=1.0, clip_norm=1e-3, epochs=1, batch=22)
    before = weights(moved.model)
    moved.run()
    step = np.sqrt(sum(((a - b) ** 2).sum() for a, b in zip(before, weights(moved.model), strict=True)))
    assert step == pytest.approx(1e-3, rel=1e-2)
    assert moved.history[0]["gradient_norm.0"] > 1e-2  # what is reported is the gradient as it was


def test_a_penalty_of_half_the_squares_is_weight_decay() -> None:
    def half(model: nn.Module) -> minidl.Tensor:
        return 0.05 * optim.l2_penalty(model.parameters())

    model = network()
    decayed = trainer(model, optimizer=optim.SGD(model.parameters(), lr=0.2, weight_decay=0.1))
    model = network()
    penalised = trainer(model, optimizer=optim.SGD(model.parameters(), lr=0.2), penalty=half)
    decayed.run()
    penalised.run()
    assert_same(decayed.model, penalised.model)
    assert decayed.history[-1]["train_loss"] == pytest.approx(penalised.history[-1]["train_loss"])


def test_the_penalty_counts_once_however_many_batches_make_a_step() -> None:
    def much(model: nn.Module) -> minidl.Tensor:
        return optim.l1_penalty(model.parameters())

    one, other = trainer(batch=22, penalty=much), trainer(batch=6, accumulate=4, penalty=much)
    one.run()
    other.run()
    assert_same(one.model, other.model)


def test_mixed_labels_are_learnt_from() -> None:
    seen: list[tuple[int, ...]] = []

    def loss(outputs: minidl.Tensor, targets: minidl.Tensor) -> minidl.Tensor:
        seen.append(tuple(targets.shape))
        return nn.functional.cross_entropy(outputs, targets)

    def mix(inputs: minidl.Tensor, targets: minidl.Tensor) -> tuple[minidl.Tensor, minidl.Tensor]:
        images, shares = MixUp(num_classes=SIZES[2])(inputs.reshape(-1, SIZES[0], 1, 1), targets)
        return images.reshape(-1, SIZES[0]), shares

    mixing = trainer(network(np.float32), loss=loss, mix=mix, epochs=1, validation=None)
    mixing.train.dataset.tensors = (mixing.train.dataset.tensors[0].float(), mixing.train.dataset.tensors[1])  # type: ignore[attr-defined]
    mixing.run()
    assert seen == [(6, 3)] * 3 + [(4, 3)]
    assert 0 <= mixing.history[0]["train_accuracy"] <= 1


def test_the_average_is_what_is_judged() -> None:
    model = network()
    averaging = trainer(model, average=EMA(model, decay=0.5))
    kept: list[list[np.ndarray]] = []
    averaging.callbacks.append(lambda event: kept.append(weights(model)) if isinstance(event, StepDone) else None)
    averaging.run()
    mean = kept[0]
    for later in kept[1:]:
        mean = [0.5 * a + 0.5 * b for a, b in zip(mean, later, strict=True)]
    for ours, expected in zip(weights(averaging.judged), mean, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-12)
    plain = trainer()
    plain.run()
    assert_same(plain.model, model)  # averaging leaves the training as it is
    assert plain.history[-1]["validation_loss"] != averaging.history[-1]["validation_loss"]


def test_early_stopping_ends_the_run() -> None:
    stopping = EarlyStopping(patience=2)
    run = trainer(epochs=50, lr=0.0, early_stopping=stopping)
    events: list[Event] = []
    run.callbacks.append(events.append)
    assert run.run() is True
    assert len(run.history) == 3  # the first is the best, and two more are not better
    assert run.stopped_early
    assert run.finished
    last = events[-1]
    assert isinstance(last, TrainingStopped)
    assert last.reason == "early stopping: validation_loss was best in epoch 1 and not better in 2 since"


def test_a_plateau_lowers_the_rate() -> None:
    model = network()
    optimizer = optim.SGD(model.parameters(), lr=0.0)
    plateau = ReduceLROnPlateau(optimizer, factor=0.5, patience=0)
    optimizer.param_groups[0]["lr"] = 1e-12  # so small that nothing gets better
    plateau.threshold = 1e-3
    run = trainer(model, optimizer=optimizer, scheduler=plateau, scheduler_interval="epoch", epochs=3)
    plateau.eps = 0.0
    run.run()
    assert [record["learning_rate"] for record in run.history] == [1e-12, 1e-12, 0.5e-12]


def test_a_schedule_counts_steps_or_epochs() -> None:
    def rates(interval: str) -> list[float]:
        model = network()
        optimizer = optim.SGD(model.parameters(), lr=1.0)
        run = trainer(
            model, optimizer=optimizer, scheduler=StepLR(optimizer, 1, gamma=0.5), scheduler_interval=interval
        )
        seen: list[float] = []
        run.callbacks.append(lambda event: seen.append(event.learning_rate) if isinstance(event, StepDone) else None)
        run.run()
        return seen

    assert rates("step") == [0.5**k for k in range(8)]
    assert rates("epoch") == [1.0] * 4 + [0.5] * 4


def test_metrics_of_ones_own_and_training_without_validation() -> None:
    def mean_error(outputs: np.ndarray, targets: np.ndarray) -> float:
        return float(np.abs(outputs - targets).mean())

    x = np.linspace(-1, 1, 30).reshape(30, 1)
    model = nn.Linear(1, 1).to(dtype=minidl.float64)
    data = DataLoader(TensorDataset(x, 3 * x + 1), batch_size=10)
    run = Trainer(
        model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.5), data, epochs=40, metrics={"mae": mean_error}
    )
    assert run.run()
    assert list(run.history[0]) == ["epoch", "step", "learning_rate", "train_loss", "train_mae", "gradient_norm."]
    assert run.history[-1]["train_mae"] < 1e-3


def test_the_clocks_are_separate() -> None:
    done: list[EpochDone] = []
    run = trainer(epochs=1)
    run.callbacks.append(lambda event: done.append(event) if isinstance(event, EpochDone) else None)
    run.run()
    assert list(done[0].seconds) == ["load", "forward", "backward", "step"]
    assert all(seconds > 0 for seconds in done[0].seconds.values())


@pytest.mark.parametrize(
    ("left_out", "named"), [("model", "model"), ("loss", "loss"), ("optimizer", "optimizer"), ("train", "data")]
)
def test_a_missing_part_is_named(left_out: str, named: str) -> None:
    model = network()
    parts: dict[str, Any] = {
        "model": model,
        "loss": nn.CrossEntropyLoss(),
        "optimizer": optim.SGD(model.parameters(), lr=0.1),
        "train": DataLoader(examples(), 4),
    }
    with pytest.raises(UsageError, match=f"missing: {named}$"):
        Trainer(**parts | {left_out: None}, epochs=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (lambda: {"optimizer": optim.SGD(network().parameters(), lr=0.1)}, "none of this model's parameters"),
        (lambda: {"early_stopping": EarlyStopping(), "validation": None}, "no validation data"),
        (lambda: {"accumulate": 0}, "at least 1"),
        (lambda: {"clip_norm": 0.0}, "above 0"),
        (lambda: {"scheduler_interval": "minute"}, "scheduler_interval"),
    ],
)
def test_parts_that_do_not_fit_are_refused(options: Callable[[], dict[str, Any]], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        trainer(**options())


def test_a_loss_that_is_not_one_number_is_refused() -> None:
    with pytest.raises(UsageError, match=r"shape \(6,\)"):
        trainer(loss=nn.CrossEntropyLoss(reduction="none")).run()


def test_a_measure_to_watch_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match="no 'validation_f1' to watch; an epoch has epoch, step"):
        trainer(early_stopping=EarlyStopping(), monitor="validation_f1").run()


@pytest.mark.torch
def test_the_same_training_in_pytorch_gives_the_same_weights() -> None:
    torch = pytest.importorskip("torch")
    model = network()
    theirs = torch.nn.Sequential(
        torch.nn.Linear(SIZES[0], SIZES[1]), torch.nn.Tanh(), torch.nn.Linear(*SIZES[1:])
    ).double()
    theirs.load_state_dict({name: torch.from_numpy(np.array(v)) for name, v in model.state_dict().items()})
    optimizer = torch.optim.AdamW(theirs.parameters(), lr=0.02, weight_decay=0.1)
    batches = [[(torch.from_numpy(x.data), torch.from_numpy(y.data)) for x, y in DataLoader(examples(), 6)]] * 5
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    for epoch in batches:
        for x, y in epoch:
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(theirs(x), y, label_smoothing=0.1).backward()
            torch.nn.utils.clip_grad_norm_(theirs.parameters(), 0.5)
            optimizer.step()
        schedule.step()
    ours = optim.AdamW(model.parameters(), lr=0.02, weight_decay=0.1)
    Trainer(
        model,
        nn.CrossEntropyLoss(label_smoothing=0.1),
        ours,
        DataLoader(examples(), 6),
        epochs=5,
        clip_norm=0.5,
        scheduler=optim.lr_scheduler.ExponentialLR(ours, 0.9),
        scheduler_interval="epoch",
    ).run()
    for name, value in model.state_dict().items():
        np.testing.assert_allclose(value, theirs.state_dict()[name].numpy(), rtol=1e-11, atol=1e-12)


def test_a_training_that_goes_on_may_be_longer() -> None:
    short, long = trainer(epochs=1), trainer(epochs=3)
    short.run()
    long.load_state_dict(short.state_dict())
    assert long.run()
    assert len(long.history) == 3
    whole = trainer(epochs=3)
    whole.run()
    assert_same(whole.model, long.model, tolerance=0)
