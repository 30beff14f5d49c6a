"""A training that was stopped goes on bit for bit, whatever takes part in it and wherever it stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn, optim
from minidl.data import (
    BalancedSampler,
    BatchSampler,
    DataLoader,
    RandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)
from minidl.data.augment import CutMix, Cutout, GaussianNoise, MixUp, RandomCrop, RandomHorizontalFlip
from minidl.errors import CheckpointError
from minidl.optim import lr_scheduler as schedules
from minidl.optim.swa_utils import EMA, SWALR, AveragedModel
from minidl.training import (
    Checkpoints,
    EarlyStopping,
    Event,
    StepDone,
    Trainer,
    WarmupCosineLR,
    load_checkpoint,
    save_checkpoint,
)

EPOCHS, STEPS = 3, 2
"""Steps an epoch: 15 examples in four batches of 4, two a step."""


def network() -> nn.Sequential:
    minidl.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Flatten(),
        nn.Linear(48, 3),
    )


def images(n: int, seed: int) -> TensorDataset:
    rng = np.random.default_rng(seed)
    return TensorDataset(rng.random((n, 1, 4, 4), np.float32), rng.integers(0, 3, n))


def penalty(model: nn.Module) -> minidl.Tensor:
    return 0.01 * optim.l1_penalty(model.parameters()) + 0.01 * optim.l2_penalty(model.parameters())


Make = Callable[..., Any]


def sgd(parameters: Any) -> optim.Optimizer:
    return optim.SGD(parameters, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3)


def make(
    optimizer: Make = sgd,
    scheduler: Make | None = None,
    average: Make | None = None,
    workers: int = 0,
    loader: Make | None = None,
    **options: Any,
) -> Trainer:
    """A trainer with everything on, as a script would make it; what was drawn before it must not matter."""
    model = network()
    made = optimizer(model.parameters())
    transforms = [RandomCrop(4, padding=1), RandomHorizontalFlip(), GaussianNoise(), Cutout(1)]
    if loader is None:
        loader = partial(DataLoader, shuffle=True, generator=minidl.Generator(5))
    spare = {"num_workers": workers, "persistent_workers": True} if workers else {}
    train = loader(images(15, 0), **{"batch_size": 4, "transforms": transforms} | spare)
    # Judging draws random numbers, too.
    validation = DataLoader(images(9, 1), 4, transforms=[GaussianNoise()])
    everything: dict[str, Any] = {
        "epochs": EPOCHS,
        "accumulate": 2,
        "clip_norm": 0.5,
        "penalty": penalty,
        "mix": MixUp(0.4, num_classes=3),
        "average": EMA(model, 0.8) if average is None else average(model),
        "early_stopping": EarlyStopping(patience=9),
        "scheduler": None if scheduler is None else scheduler(made),
    }
    return Trainer(model, nn.CrossEntropyLoss(label_smoothing=0.1), made, train, validation, **everything | options)


def same(a: Any, b: Any, path: str = "state") -> None:
    """Demand that two states are alike to the bit, whatever was tuple or list."""
    if isinstance(a, np.ndarray | np.generic):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes(), path
    elif isinstance(a, dict):
        assert list(a) == list(b), path
        for key in a:
            same(a[key], b[key], f"{path}/{key}")
    elif isinstance(a, list | tuple):
        assert type(a) is type(b), path
        assert len(a) == len(b), path
        for i, (one, other) in enumerate(zip(a, b, strict=True)):
            same(one, other, f"{path}/{i}")
    else:
        assert repr(a) == repr(b), path


def assert_goes_on_from_every_step(folder: Path, trainer: Callable[[], Trainer]) -> None:
    """Save a training after each step; from each, one made anew must come to the same end by the same way."""

    def followed(made: Trainer, seen: dict[int, Any]) -> Trainer:
        def note(event: Event) -> None:
            if isinstance(event, StepDone):
                seen[event.step] = (event.learning_rate, event.loss, event.metrics, event.gradient_norms)
                if made is whole:
                    save_checkpoint(folder, whole.state_dict(), f"step-{event.step}")

        made.callbacks.append(note)
        return made

    whole, seen = trainer(), dict[int, Any]()
    followed(whole, seen).run()
    end = whole.state_dict()
    assert whole.step == len(seen) == whole.steps
    for step in seen:
        minidl.default_generator.numpy.random(17)  # what happens in between must not matter
        again, found = trainer(), dict[int, Any]()
        again.load_state_dict(load_checkpoint(folder / f"step-{step}.json"))
        assert again.step == step
        assert followed(again, found).run()
        same(found, {number: what for number, what in seen.items() if number > step}, f"from step {step}")
        same(again.state_dict(), end, f"from step {step}")


def factor(step: int) -> float:
    return 0.9**step


def warm_cosine(o: optim.Optimizer) -> Any:
    warm = schedules.LinearLR(o, 0.25, total_iters=3)
    return schedules.SequentialLR(o, [warm, schedules.CosineAnnealingLR(o, 4)], milestones=[3])


def plateau(o: optim.Optimizer) -> Any:
    """So impatient that each epoch lowers the rate."""
    return schedules.ReduceLROnPlateau(o, factor=0.5, patience=0, threshold=1.0)


def balanced(data: Any, **options: Any) -> DataLoader:
    return DataLoader(data, sampler=BalancedSampler(data[:][1].data, generator=minidl.Generator(8)), **options)


def weighted(data: Any, **options: Any) -> DataLoader:
    return DataLoader(data, sampler=WeightedRandomSampler(np.arange(15), 14), **options)


def in_groups(data: Any, batch_size: int, **options: Any) -> DataLoader:
    return DataLoader(data, batch_sampler=BatchSampler(RandomSampler(data), batch_size, drop_last=False), **options)


OPTIMIZERS: dict[str, Make] = {
    "sgd": sgd,
    "sgd, plain": lambda p: optim.SGD(p, lr=0.1),
    "adam": lambda p: optim.Adam(p, lr=0.01, amsgrad=True),
    "adamw": lambda p: optim.AdamW(p, lr=0.01),
    "adamax": lambda p: optim.Adamax(p),
    "nadam": lambda p: optim.NAdam(p),
    "radam": lambda p: optim.RAdam(p),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.01, momentum=0.5, centered=True),
    "adagrad": lambda p: optim.Adagrad(p, lr_decay=0.1),
    "adadelta": lambda p: optim.Adadelta(p),
    "heavy ball": lambda p: optim.HeavyBall(p, lr=0.01),
    "adam, literal": lambda p: optim.literal.AdamPrinted(p),
    "groups": lambda p: optim.Adam([{"params": [q], "lr": 0.01 * (i + 1)} for i, q in enumerate(p)]),
}
SCHEDULES: dict[str, Make] = {
    "step": lambda o: schedules.StepLR(o, 2, 0.5),
    "multi-step": lambda o: schedules.MultiStepLR(o, [2, 3], 0.5),
    "constant": lambda o: schedules.ConstantLR(o, 0.5, 3),
    "linear": lambda o: schedules.LinearLR(o, 0.1, total_iters=4),
    "exponential": lambda o: schedules.ExponentialLR(o, 0.8),
    "polynomial": lambda o: schedules.PolynomialLR(o, 5, 2.0),
    "cosine": lambda o: schedules.CosineAnnealingLR(o, 6, 0.001),
    "lambda": lambda o: schedules.LambdaLR(o, factor),
    "multiplicative": lambda o: schedules.MultiplicativeLR(o, factor),
    "restarts": lambda o: schedules.CosineAnnealingWarmRestarts(o, 2, 2),
    "one cycle": lambda o: schedules.OneCycleLR(o, 0.5, total_steps=7),
    "cyclic": lambda o: schedules.CyclicLR(o, 0.01, 0.3, 1, 2, mode="triangular2"),
    "sequential": warm_cosine,
    "chained": lambda o: schedules.ChainedScheduler([schedules.ConstantLR(o, 0.5, 3), schedules.ExponentialLR(o, 0.9)]),
    "warm-up and cosine": lambda o: WarmupCosineLR(o, 6, 0.5),
    "swa": lambda o: SWALR(o, 0.02, anneal_epochs=4),
}
OTHERS: dict[str, dict[str, Any]] = {
    "adam's betas in one cycle": {"optimizer": OPTIMIZERS["adam"], "scheduler": SCHEDULES["one cycle"]},
    "adam's betas in cycles": {"optimizer": OPTIMIZERS["adam"], "scheduler": SCHEDULES["cyclic"]},
    "plateau": {"scheduler": plateau, "scheduler_interval": "epoch"},
    "epochs in sequence": {"scheduler": warm_cosine, "scheduler_interval": "epoch"},
    "no mixing, plain mean": {"mix": None, "average": lambda model: AveragedModel(model, use_buffers=True)},
    "cutmix, one epoch": {"mix": CutMix(1.0, num_classes=3), "accumulate": 1, "epochs": 1},
    "one step an epoch": {"accumulate": 4},
    "a smaller last step": {"accumulate": 3},
    "neither penalty nor clipping": {"penalty": None, "clip_norm": None},
    "watching the training loss": {"monitor": "train_loss"},
    "an order of its own seed": {"loader": partial(DataLoader, shuffle=True)},
    "in order": {"loader": DataLoader},
    "balanced": {"loader": balanced},
    "weighted": {"loader": weighted},
    "in groups": {"loader": in_groups},
}
CASES = (
    {name: {"optimizer": made} for name, made in OPTIMIZERS.items()}
    | {f"{name} schedule": {"scheduler": made} for name, made in SCHEDULES.items()}
    | OTHERS
)


@pytest.mark.parametrize("name", CASES)
def test_it_goes_on_from_every_step(tmp_path: Path, name: str) -> None:
    assert_goes_on_from_every_step(tmp_path, lambda: make(**CASES[name]))


def test_early_stopping_ends_it_in_the_same_epoch(tmp_path: Path) -> None:
    def trainer() -> Trainer:
        return make(early_stopping=EarlyStopping(patience=2, min_delta=10.0), epochs=9, accumulate=4)

    whole = trainer()
    assert whole.run()
    assert whole.step == 3
    assert whole.stopped_early
    for stop in (1, 2, 3):
        cut = stopped(trainer(), stop)
        save_checkpoint(tmp_path, cut.state_dict())
        again = trainer()
        again.load_state_dict(load_checkpoint(tmp_path))
        assert again.run()
        same(again.state_dict(), whole.state_dict())


def stopped(trainer: Trainer, step: int) -> Trainer:
    trainer.callbacks.append(
        lambda event: trainer.stop() if isinstance(event, StepDone) and event.step == step else None
    )
    trainer.run()
    assert trainer.step == step
    return trainer


def test_stopped_again_and_again_it_comes_to_the_same_end(tmp_path: Path) -> None:
    def trainer() -> Trainer:
        return make(OPTIMIZERS["adam"], warm_cosine)

    whole = trainer()
    whole.run()
    state: dict[str, Any] | None = None
    for stop in range(1, EPOCHS * STEPS + 1):
        again = trainer()
        if state is not None:
            again.load_state_dict(state)
        save_checkpoint(tmp_path, stopped(again, stop).state_dict())
        state = load_checkpoint(tmp_path)
    assert again.finished
    same(again.state_dict(), whole.state_dict())


@pytest.mark.parametrize("workers", [0, 2])
def test_run_again_it_goes_on_where_it_stopped(workers: int) -> None:
    """The same trainer, in the same process: in the middle of an epoch and at its end."""
    whole = make()
    whole.run()
    again = make(workers=workers)  # which sets the seed
    for stop in (1, 2, 3, 5) if not workers else (3,):
        stopped(again, stop)
    assert again.run()
    same(again.state_dict(), whole.state_dict())


@pytest.mark.parametrize("part", ["scheduler", "average", "early_stopping"])
def test_a_part_that_was_saved_and_is_not_there_is_named(part: str) -> None:
    state = make(scheduler=warm_cosine).state_dict()
    lacking = make(scheduler=warm_cosine)
    setattr(lacking, part, None)
    with pytest.raises(CheckpointError, match=f"saved with .*{part}, which this training lacks"):
        lacking.load_state_dict(state)
    assert lacking.step == 0
    with pytest.raises(CheckpointError, match=f"incomplete: '{part}'"):
        make(scheduler=warm_cosine).load_state_dict({name: what for name, what in state.items() if name != part})


def test_workers_make_no_difference_to_where_it_goes_on(tmp_path: Path) -> None:
    """Saved with workers far ahead in their reading, and gone on with and without them."""
    whole = make(scheduler=warm_cosine)
    whole.run()
    cut = stopped(make(scheduler=warm_cosine, workers=2), 3)
    save_checkpoint(tmp_path, cut.state_dict())
    for workers in (0, 2):
        again = make(scheduler=warm_cosine, workers=workers)
        again.load_state_dict(load_checkpoint(tmp_path))
        again.run()
        same(again.state_dict(), whole.state_dict())


# Checkpoints ------------------------------------------------------------------------------------------------------

SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
import test_resume
test_resume.killed_at(sys.argv[2], int(sys.argv[3]))
"""


def killed_at(folder: str, step: int) -> None:
    """Train, going on with what is in the folder, and die after a step, if it comes."""
    keeper = Checkpoints(folder, "validation_accuracy", every=1)
    trainer = make(OPTIMIZERS["adam"], SCHEDULES["one cycle"])

    def die(event: Event) -> None:
        if isinstance(event, StepDone) and event.step == step:
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))

    trainer.callbacks += [keeper, die]
    keeper.resume(trainer)
    trainer.run()


def test_killed_processes_go_on_in_new_ones(tmp_path: Path) -> None:
    whole, runs = tmp_path / "whole", tmp_path / "killed"
    killed_at(str(whole), 0)
    for step in (3, 5, 0):
        command = [sys.executable, "-c", SCRIPT, str(Path(__file__).parent), str(runs), str(step)]
        process = subprocess.run(command, check=False, capture_output=True, text=True)
        assert (process.returncode == 0) == (step == 0), process.stderr
    for name in ("checkpoint", "best"):
        same(load_checkpoint(runs / f"{name}.json"), load_checkpoint(whole / f"{name}.json"), name)
