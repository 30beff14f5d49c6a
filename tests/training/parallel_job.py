"""Trains small networks, alone or under mpiexec, and writes what became of their weights: the job of test_data_parallel.

mpiexec -n 2 python parallel_job.py FOLDER [together]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import minidl
from minidl import nn, optim
from minidl.data import DataLoader, TensorDataset
from minidl.data.augment import MixUp
from minidl.models import LeNet
from minidl.optim.lr_scheduler import ReduceLROnPlateau
from minidl.optim.swa_utils import EMA
from minidl.training import EarlyStopping, Trainer, load_checkpoint, save_checkpoint
from minidl.training.parallel import Alone, Communicator, connect
from minidl.training.schedule import WarmupCosineLR

EXAMPLES, BATCH = 33, 8  # the last batch has one example: fewer than there are processes


def lenet() -> nn.Module:
    return LeNet((1, 8, 8), 3)


def resnet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.BasicBlock(4, 8, stride=2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 3),
    )


def dropping() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.Dropout2d(0.3),
        nn.RReLU(),
        nn.Flatten(),
        nn.Dropout(),
        nn.DropPath(0.1),
        nn.Linear(144, 3),
    )


def lengths(model: nn.Module) -> Any:
    return 1e-3 * sum((parameter**2).sum() for parameter in model.parameters())


Options = dict[str, Any]
CASES: dict[str, tuple[Callable[[], nn.Module], Callable[[nn.Module], Options]]] = {
    "lenet": (lenet, lambda model: {}),
    "resnet": (resnet, lambda model: {}),
    "accumulate": (resnet, lambda model: {"accumulate": 2, "clip_norm": 0.5}),
    "average": (lenet, lambda model: {"average": EMA(model, 0.9), "penalty": lengths}),
    "mixup": (resnet, lambda model: {"mix": MixUp(0.4, num_classes=3)}),
    "dropout": (dropping, lambda model: {"mix": MixUp(0.4, num_classes=3)}),
    "stopping": (lenet, lambda model: {"early_stopping": EarlyStopping(1, min_delta=10.0)}),
}


def make(name: str, dtype: str, parallel: Communicator) -> Trainer:
    """The same training for every number of processes."""
    minidl.manual_seed(3)
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=EXAMPLES)
    images = rng.standard_normal((EXAMPLES, 1, 8, 8)) + labels.reshape(-1, 1, 1, 1)
    data = TensorDataset(minidl.tensor(images.astype(dtype)), minidl.tensor(labels))
    build, options = CASES[name]
    model = build().to(dtype)
    if parallel.size > 1:
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model, parallel)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    trainer = Trainer(
        model,
        nn.CrossEntropyLoss(),
        optimizer,
        DataLoader(data, BATCH, shuffle=True, generator=minidl.Generator(5)),
        DataLoader(data, 20),
        epochs=2,
        parallel=parallel,
        **options(model),
    )
    if name == "resnet":
        trainer.scheduler = WarmupCosineLR(optimizer, trainer.steps)
    if name == "accumulate":
        trainer.scheduler, trainer.scheduler_interval = ReduceLROnPlateau(optimizer, patience=0), "epoch"
    return trainer


def run(folder: Path, parallel: Communicator, jobs: list[str]) -> None:
    for job in jobs:
        name, dtype = job.split("-")
        if name == "halted":
            halt(make("dropout", dtype, parallel), folder)
        elif name == "resumed":
            for begun in sorted(folder.glob("halted-*")):
                trainer = make("dropout", dtype, parallel)
                trainer.load_state_dict(load_checkpoint(begun))
                keep(folder / f"{job}-from-{begun.name[-1]}", trainer)
        else:
            keep(folder / job, make(name, dtype, parallel))


def halt(trainer: Trainer, folder: Path) -> None:
    """Ask one of the processes to stop, which stops all after the same step."""
    parallel = trainer.parallel
    trainer.callbacks.append(lambda event: trainer.stop() if parallel.rank == 0 and trainer.step == 7 else None)
    trainer.run()
    assert trainer.step == 7, trainer.step
    if parallel.rank == 0:
        save_checkpoint(folder / f"halted-{parallel.size}", trainer.state_dict())
    parallel.sum_([np.zeros(1)])  # the others go on when it is there


def keep(path: Path, trainer: Trainer) -> None:
    """Train to the end, and write what became of it."""
    trainer.run()
    found = dict(trainer.judged.state_dict())
    for record in trainer.history:
        found |= {f"{record['epoch']} {key}": np.asarray(value, np.float64) for key, value in record.items()}
    np.savez(f"{path}-{trainer.parallel.size}-{trainer.parallel.rank}.npz", **found)


def main() -> None:
    folder, how, *jobs = sys.argv[1:]
    if how == "together":
        with connect() as processes:
            run(Path(folder), processes, jobs)
    else:
        run(Path(folder), Alone(), jobs)


if __name__ == "__main__":
    main()
