"""From settings to a trainer: every setting reaches the part that it is for, and does there what it says."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn, optim
from minidl.data.preprocess import ZCA, preprocessing_from
from minidl.errors import ShapeError, UsageError
from minidl.nn import functional as F
from minidl.optim.lr_scheduler import ReduceLROnPlateau, rates
from minidl.training import CHOICES, Config, Session, StepDone, WarmupCosine, prepare, train_once
from minidl.training.catalogue import AUGMENT, LOSS, TAKES_SHARES, augment, penalty
from minidl.training.schedule import SCHEDULES, WarmupCosineLR, interval_of

QUICK: dict[str, Any] = {"epochs": 2, "batch": 64, "examples": 256, "model": "mlp"}
"""Settings of a run of four steps an epoch."""


def ready(**settings: Any) -> Session:
    return prepare(Config.make(**(QUICK | settings)))


def test_the_default_schedule_gives_the_rates_it_always_gave() -> None:
    expected = [WarmupCosine(0.05, 57)(step) for step in range(57)]
    assert rates(lambda optimizer: WarmupCosineLR(optimizer, 57), 57, lr=0.05) == expected
    session = ready()
    seen: list[float] = []
    session.trainer.callbacks.append(lambda e: seen.append(e.learning_rate) if isinstance(e, StepDone) else None)
    session.trainer.run()
    assert seen == [WarmupCosine(0.05, 8)(step) for step in range(8)]


CHOSEN = {
    "constant": [8] * 9,
    "constant(warmup=0.33)": [2, 4, 6, 8, 8, 8, 8, 8, 8],
    "linear": [8 - 8 * t / 8 for t in range(8)],
    "linear(end_factor=0.5)": [8 - 4 * t / 8 for t in range(8)],
    "polynomial(power=2)": [8 * (1 - t / 8) ** 2 for t in range(8)],
    "cosine(eta_min=2)": [2 + 3 * (1 + np.cos(np.pi * t / 8)) for t in range(8)],
    "cosine(warmup=0.25)": [8 / 3, 16 / 3, *(4 * (1 + np.cos(np.pi * t / 6)) for t in range(6))],
    "step(3, gamma=0.5)": [8, 8, 8, 4, 4, 4, 2, 2],
    "multi_step([1, 4])": [8, 0.8, 0.8, 0.8, 0.08],
    "exponential(0.5)": [8, 4, 2, 1],
    "exponential(0.5, warmup=0.25)": [8 / 3, 16 / 3, 8, 4, 2],
    "cosine_restarts(2)": [8, 4, 8, 4, 8],
    "cyclic(2, step_size_up=3)": [2, 4, 6, 8, 6, 4, 2, 4],
    "one_cycle(pct_start=0.25, div_factor=4)": [2, 8],
}


@pytest.mark.parametrize("text", CHOSEN)
def test_schedules_fit_a_runs_length(text: str) -> None:
    expected = CHOSEN[text]
    total = len(expected) if text == "constant(warmup=0.33)" else 8
    found = rates(lambda o: SCHEDULES.make(text, optimizer=o, total=total, mode="min"), len(expected), lr=8.0)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("name", SCHEDULES.names)
def test_every_schedule_lasts_to_the_end_of_a_run(name: str) -> None:
    options = {
        "step": "(2)",
        "multi_step": "([1])",
        "exponential": "(0.9)",
        "cosine_restarts": "(1)",
        "cyclic": "(0.01)",
    }
    session = ready(schedule=name + options.get(name, ""), batch=128)
    assert session.trainer.scheduler_interval == interval_of(name)
    assert session.trainer.run()


def test_plateau_watches_what_is_monitored() -> None:
    session = ready(schedule="plateau(patience=0, factor=0.5)", monitor="validation_accuracy")
    scheduler = session.trainer.scheduler
    assert isinstance(scheduler, ReduceLROnPlateau)
    assert (scheduler.mode, scheduler.factor, session.trainer.monitor) == ("max", 0.5, "validation_accuracy")


@pytest.mark.parametrize("name", CHOICES["optimizer"].names)
def test_every_optimizer_learns_at_its_rate(name: str) -> None:
    record = train_once(QUICK | {"optimizer": name, "epochs": 3, "batch": 32, "examples": 640})
    assert record["validation_accuracy"] > 0.5, record


def test_options_reach_the_optimizer() -> None:
    group = ready(optimizer="sgd(momentum=0.5, nesterov=false)", lr=0.3).trainer.optimizer.param_groups[0]
    assert (group["momentum"], group["nesterov"], group["weight_decay"]) == (0.5, False, 5e-4)
    assert group["initial_lr"] == 0.3
    adam = ready(optimizer="adam(betas=[0.8, 0.9])").trainer.optimizer
    assert type(adam) is optim.Adam
    assert tuple(adam.param_groups[0]["betas"]) == (0.8, 0.9)


def test_losses_are_those_of_their_formulas() -> None:
    scores = minidl.tensor(np.random.default_rng(0).standard_normal((5, 4)))
    classes = minidl.tensor([0, 3, 1, 1, 2])
    shares = minidl.tensor(np.eye(4)[classes.data])
    expected = {
        "cross_entropy": F.cross_entropy(scores, classes),
        "cross_entropy(label_smoothing=0.2)": F.cross_entropy(scores, classes, label_smoothing=0.2),
        "hinge(margin=2)": F.hinge_loss(scores, classes, margin=2.0),
        "multi_margin(p=2)": F.multi_margin_loss(scores, classes, p=2),
        "mse": F.mse_loss(scores, shares),
        "binary_cross_entropy": F.binary_cross_entropy_with_logits(scores, shares),
    }
    assert {text.partition("(")[0] for text in expected} == set(LOSS.names)
    for text, value in expected.items():
        loss = LOSS.make(text)
        assert loss is not None
        assert loss(scores, classes).item() == pytest.approx(value.item(), rel=1e-6), text
        if text.partition("(")[0] in TAKES_SHARES:
            assert loss(scores, shares).item() == pytest.approx(value.item(), rel=1e-6), text


@pytest.mark.parametrize("loss", LOSS.names)
def test_every_loss_trains(loss: str) -> None:
    record = train_once(QUICK | {"loss": loss, "epochs": 3, "batch": 32, "examples": 640, "schedule": "constant"})
    assert record["validation_accuracy"] > 0.4


def test_every_augmentation_can_be_made_with_what_it_needs() -> None:
    needs = {"size": "8", "degrees": "10", "padding": "1", "scale": "[0.9, 1.1]", "translate": "[0.1, 0.1]", "p": "0.5"}
    needs |= {
        "transforms": "[random_horizontal_flip(0.5), random_vertical_flip(0.5)]",
        "bits": "4",
        "threshold": "0.5",
        "kernel_size": "3",
    }
    needs |= {"sharpness_factor": "2.0"}
    images = np.random.default_rng(0).random((2, 3, 8, 8)).astype(np.float32)
    for name in AUGMENT.names:
        required = [option.name for option in AUGMENT.options(name) if option.default is inspect.Parameter.empty]
        text = f"{name}({', '.join(f'{option}={needs[option]}' for option in required)})" if required else name
        changed = images
        for transform in augment(text):
            changed = transform(images, np.random.default_rng(0))
        assert changed.dtype == np.float32, text
        assert len(changed) == 2, text


def test_a_chain_of_augmentations_is_applied_in_its_order() -> None:
    chain = augment("pad(2) + random_crop(8) + random_apply(random_horizontal_flip(1) + grayscale, p=1)")
    assert [type(transform).__name__ for transform in chain] == ["Pad", "RandomCrop", "RandomApply"]
    assert [type(transform).__name__ for transform in chain[2].transforms] == ["RandomHorizontalFlip", "Grayscale"]  # type: ignore[attr-defined]
    session = ready(augment="random_horizontal_flip(1)", preprocess="none")
    images, _ = next(iter(session.trainer.train))
    known = {image.tobytes() for image in session.parts.train.images[:, :, :, ::-1].copy()}
    assert all(image.tobytes() in known for image in images.data.copy())


def test_an_augmentation_that_changes_the_size_is_refused() -> None:
    with pytest.raises(UsageError, match=r"random_crop\(6\) makes 1×6×6 images of 1×8×8 ones"):
        ready(augment="random_crop(6)")


@pytest.mark.parametrize("name", ["standardize", "mean_image", "channel_mean", "pca", "zca", "none"])
def test_preprocessing_is_measured_on_the_training_images_alone(name: str) -> None:
    session = ready(preprocess=name)
    images = session.parts.train.images
    inputs = session.inputs(images)
    state = session.preprocessing_state()
    if name == "none":
        assert inputs is images
        assert state == {}
    else:
        again = preprocessing_from(state)(session.parts.test.images)
        assert np.array_equal(session.inputs(session.parts.test.images).reshape(again.shape), again)
        assert abs(inputs.mean()) < 1e-3
    shown, _ = next(iter(session.loader(session.parts.train)))
    assert np.array_equal(shown.data, inputs[: len(shown)])
    assert session.trainer.run()


def test_pca_makes_vectors_that_a_convolution_refuses() -> None:
    session = ready(preprocess="pca(10)")
    assert session.inputs(session.parts.test.images[:3]).shape == (3, 10, 1, 1)
    with pytest.raises(ShapeError, match="at least 4×4; got 1×1"):
        ready(preprocess="pca(10)", model="lenet")


def test_zca_takes_its_epsilon() -> None:
    loose, tight = (ready(preprocess=f"zca(epsilon={epsilon})").preprocess for epsilon in (1.0, 1e-6))
    assert isinstance(loose, ZCA)
    assert isinstance(tight, ZCA)
    assert np.abs(loose.matrix).max() < np.abs(tight.matrix).max()


def test_training_images_can_be_fewer_wrongly_labelled_and_balanced() -> None:
    clean = ready(examples=300)
    assert len(clean.parts.train) == 300
    assert np.bincount(clean.parts.train.labels, minlength=10).min() >= 25
    noisy = ready(examples=300, label_noise="symmetric(0.2)")
    assert np.array_equal(noisy.parts.train.data, clean.parts.train.data)
    assert (noisy.parts.train.labels != clean.parts.train.labels).sum() == 60
    assert np.array_equal(noisy.parts.validation.labels, clean.parts.validation.labels)
    moved = ready(examples=300, label_noise="pair(1)").parts.train.labels
    assert np.array_equal(moved, (clean.parts.train.labels + 1) % 10)
    assert sorted(ready(examples=300, label_noise="random").parts.train.labels) == sorted(clean.parts.train.labels)
    for wrong in (5, 2000):
        with pytest.raises(UsageError, match="examples must be from 10, one a class, to 1,150"):
            ready(examples=wrong)
    counts = np.zeros(10, int)
    for _, labels in ready(balanced=True, examples=255).trainer.train:
        counts += np.bincount(labels.data, minlength=10)
    assert counts.max() - counts.min() <= 1


def test_mixed_batches_have_shares_for_labels() -> None:
    session = ready(mix="cutmix(alpha=0.5)")
    assert session.trainer.mix is not None
    _, shares = session.trainer.mix(*next(iter(session.trainer.train)))
    assert shares.shape == (64, 10)
    assert np.allclose(shares.data.sum(axis=1), 1)
    assert session.trainer.run()


def test_frozen_parts_stay_to_the_bit_and_the_optimizer_knows_the_others_only() -> None:
    session = ready(freeze="fc1, fc3.bias", optimizer="adamw(weight_decay=0.5)")
    before = {name: value.data.copy() for name, value in session.trainer.model.state_dict().items()}
    session.trainer.run()
    same = {name for name, value in session.trainer.model.state_dict().items() if np.array_equal(value, before[name])}
    assert same == {"fc1.weight", "fc1.bias", "fc3.bias"}
    assert len(session.trainer.optimizer.param_groups[0]["params"]) == 3
    about = session.describe()
    assert about["parameters"] - about["learning_parameters"] == 64 * 128 + 128 + 10
    with pytest.raises(UsageError, match="no parameters under 'fc9'"):
        ready(freeze="fc9")
    with pytest.raises(UsageError, match="leaves nothing to train"):
        ready(freeze="fc1,fc2,fc3")


def test_the_rest_reaches_the_trainer() -> None:
    trainer = ready(accumulate=2, clip_norm=0.5, ema=0.9, early_stopping=4, monitor="validation_accuracy").trainer
    assert (trainer.accumulate, trainer.clip_norm, trainer.steps_per_epoch) == (2, 0.5, 2)
    assert isinstance(trainer.average, optim.EMA)
    assert trainer.early_stopping is not None
    assert (trainer.early_stopping.patience, trainer.early_stopping.mode) == (4, "max")
    assert trainer.scheduler is not None
    assert trainer.scheduler.steps == trainer.steps == 4  # type: ignore[attr-defined]
    plain = ready().trainer
    assert (plain.clip_norm, plain.penalty, plain.mix, plain.average, plain.early_stopping) == (None,) * 5


def test_penalties_are_of_weights_that_learn_and_not_of_biases() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    values = [np.array([[1.0, -2.0], [0.0, 3.0]]), np.array([9.0, 9.0]), np.array([[-1.0, 0.5]]), np.array([9.0])]
    for parameter, value in zip(model.parameters(), values, strict=True):
        parameter.data = value.astype(np.float32)
    both = penalty(0.1, 0.01)
    assert both is not None
    assert both(model).item() == pytest.approx(0.1 * 7.5 + 0.01 * 15.25)
    optim.freeze(model, "0")
    assert both(model).item() == pytest.approx(0.1 * 1.5 + 0.01 * 1.25)
    assert penalty(0, 0) is None
    with pytest.raises(UsageError, match="must not be negative"):
        penalty(-1, 0)


def test_train_once_repeats_itself_and_never_sees_the_test_images(monkeypatch: pytest.MonkeyPatch) -> None:
    first = train_once(QUICK | {"seed": 3})
    assert first == train_once(QUICK | {"seed": 3})
    assert first != train_once(QUICK | {"seed": 4})
    assert first["epoch"] == 2
    seen: list[int] = []
    monkeypatch.setattr("minidl.training.trainer.evaluate", watched(seen))
    train_once(QUICK)
    assert seen == [288, 288]


def watched(seen: list[int]) -> Any:
    from minidl.training import evaluate

    def watching(model: Any, loader: Any, *rest: Any) -> Any:
        seen.append(len(loader.dataset))
        return evaluate(model, loader, *rest)

    return watching


def test_the_numbers_do_not_depend_on_the_workers() -> None:
    config = Config.make(**(QUICK | {"epochs": 1, "augment": "random_warp + color_jitter(0.2)", "mix": "mixup"}))
    histories = []
    for workers in (0, 1):
        session = prepare(config, workers=workers)
        session.trainer.run()
        histories.append(session.trainer.history)
    assert histories[0] == histories[1]


def test_everything_worth_keeping_is_described() -> None:
    session = ready(optimizer="adamw(weight_decay=0.1)")
    about = session.describe()
    assert about["optimizer"] == "adamw(weight_decay=0.1)"
    assert about["lr"] == 0.004
    assert about["parameters"] == 17_226
    assert about["images"] == {"train": 256, "validation": 288, "test": 359}
    assert set(about["standardize"]) == {"mean", "std"}
    assert "standardize" not in ready(preprocess="zca").describe()
