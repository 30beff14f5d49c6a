"""From a handful of names and numbers to a trainer that is ready to run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import manual_seed, optim
from ..data import DataLoader, ImageDataset, RandomWarp, Standardize, digits, idx_folder, stratified_split
from ..errors import UsageError
from ..models import build
from ..nn import CrossEntropyLoss
from ..optim.lr_scheduler import LambdaLR
from ..primitives.layers.random import Generator
from .schedule import WarmupCosine
from .trainer import Trainer

DIGITS = "digits"
EVALUATION_BATCH = 256


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a data set is trained with where nothing else is asked for. Chosen on validation accuracy alone.

    Attributes:
        model: the architecture's name.
        epochs: the number of epochs.
        batch: images a step.
        warp: how training images are varied.
    """

    model: str
    epochs: int
    batch: int
    warp: RandomWarp


DIGITS_RECIPE = Recipe("lenet", epochs=30, batch=32, warp=RandomWarp(shift=0.7, degrees=10, zoom=1.1))
IDX_RECIPE = Recipe("lenet5", epochs=3, batch=64, warp=RandomWarp(shift=1.0, degrees=10, zoom=1.1))

OPTIMIZERS: dict[str, tuple[Callable[..., optim.Optimizer], float]] = {
    "sgd": (lambda p, lr: optim.SGD(p, lr=lr, momentum=0.9, nesterov=True, weight_decay=5e-4), 0.05),
    "adam": (lambda p, lr: optim.Adam(p, lr=lr), 0.004),
    "adamw": (lambda p, lr: optim.AdamW(p, lr=lr, weight_decay=0.01), 0.004),
}
"""Every optimizer by name: how to make it, and the peak learning rate that suits it."""


@dataclass(frozen=True, slots=True)
class Config:
    """All that decides a run's numbers.

    Attributes:
        data: `digits`, or the path of a folder with MNIST's IDX files.
        model: the architecture's name, a key of `minidl.models.MODELS`.
        epochs: how often all training images are seen.
        batch: images a step.
        optimizer: a key of `OPTIMIZERS`.
        lr: the peak learning rate.
        seed: of the split, the first weights, and everything random after that.
    """

    data: str
    model: str
    epochs: int
    batch: int
    optimizer: str
    lr: float
    seed: int

    @classmethod
    def make(
        cls,
        data: str = DIGITS,
        *,
        model: str | None = None,
        epochs: int | None = None,
        batch: int | None = None,
        optimizer: str = "sgd",
        lr: float | None = None,
        seed: int = 0,
    ) -> Config:
        """Fill in what is None from the data set's recipe, and check what can be checked without the data.

        Raises:
            UsageError: an unknown name, or a number that makes no sense.

        >>> Config.make(epochs=3)
        Config(data='digits', model='lenet', epochs=3, batch=32, optimizer='sgd', lr=0.05, seed=0)
        """
        recipe = recipe_of(data)
        if optimizer not in OPTIMIZERS:
            raise UsageError(f"there is no optimizer {optimizer!r}; choose one of {', '.join(sorted(OPTIMIZERS))}")
        lr = OPTIMIZERS[optimizer][1] if lr is None else lr
        if not (math.isfinite(lr) and lr > 0):
            raise UsageError(f"the learning rate must be a number above 0; got {lr}")
        epochs = recipe.epochs if epochs is None else epochs
        if epochs < 1:
            raise UsageError(f"the number of epochs must be at least 1; got {epochs}")
        if seed < 0:
            raise UsageError(f"the seed must be a whole number from 0; got {seed}")
        batch = recipe.batch if batch is None else batch
        if batch < 1:
            raise UsageError(f"the batch size must be at least 1; got {batch}")
        if data != DIGITS and (folder := Path(data).expanduser()).is_dir():
            data = str(folder.resolve())  # so that the run can be resumed from anywhere
        return cls(data, model or recipe.model, epochs, batch, optimizer, lr, seed)


def recipe_of(data: str) -> Recipe:
    """Return what the data set `data` is trained with by default."""
    return DIGITS_RECIPE if data == DIGITS else IDX_RECIPE


@dataclass(frozen=True, slots=True)
class Parts:
    """A data set divided: to learn from, to choose by, and to be judged on once at the end."""

    train: ImageDataset
    validation: ImageDataset
    test: ImageDataset


def load_parts(data: str, seed: int) -> Parts:
    """Load a data set and divide it, each class in the same proportion.

    Args:
        data: `digits` (divided 64 : 16 : 20), or a folder of IDX files, which brings its own test set (the rest is
            divided 90 : 10).
        seed: of the division.

    Raises:
        UsageError: there is neither such a data set nor such a folder.
        DataError: a file is missing or damaged.

    >>> parts = load_parts("digits", seed=0)
    >>> len(parts.train), len(parts.validation), len(parts.test)
    (1149, 289, 359)
    """
    if data == DIGITS:
        everything = digits()
        train, validation, test = stratified_split(everything.labels, [0.64, 0.16, 0.20], seed)
        return Parts(everything.subset(train), everything.subset(validation), everything.subset(test))
    folder = Path(data)
    if not folder.is_dir():
        raise UsageError(
            f"there is no data set {data!r}; choose digits, or name a folder that holds MNIST's files "
            "(train-images-idx3-ubyte and so on, each with or without .gz)"
        )
    given = idx_folder(folder, "train")
    train, validation = stratified_split(given.labels, [0.9, 0.1], seed)
    return Parts(given.subset(train), given.subset(validation), idx_folder(folder, "t10k"))


@dataclass(frozen=True, slots=True)
class Session:
    """A run that is ready to start.

    Attributes:
        config: what was asked for.
        parts: the data.
        standardize: how pixels become inputs; measured on the training part.
        warp: how training images are varied.
        trainer: the trainer, without callbacks yet.
    """

    config: Config
    parts: Parts
    standardize: Standardize
    warp: RandomWarp
    trainer: Trainer

    def loader(self, dataset: ImageDataset) -> DataLoader:
        """Return a loader that shows images as they are, in order, for judging."""
        return DataLoader(dataset, min(EVALUATION_BATCH, len(dataset)), transforms=[self.standardize])

    def describe(self) -> dict[str, Any]:
        """Return everything about the run that is worth keeping, in plain values."""
        config, parts = self.config, self.parts
        parameters = list(self.trainer.model.parameters())
        return {
            "data": config.data,
            "model": config.model,
            "parameters": sum(parameter.data.size for parameter in parameters),
            "epochs": config.epochs,
            "batch": config.batch,
            "optimizer": config.optimizer,
            "learning_rate": config.lr,
            "schedule": "warm-up over a tenth of the steps, then half a cosine",
            "seed": config.seed,
            "images": {"train": len(parts.train), "validation": len(parts.validation), "test": len(parts.test)},
            "image_shape": list(parts.train.image_shape),
            "classes": list(parts.train.classes),
            "standardize": {"mean": list(self.standardize.mean), "std": list(self.standardize.std)},
            "warp": {"shift": self.warp.shift, "degrees": self.warp.degrees, "zoom": self.warp.zoom},
        }


def prepare(config: Config) -> Session:
    """Load the data, draw the first weights, and put together the trainer. Sets the default generator's seed.

    Raises:
        UsageError: there is no such model or data set, or the batch is larger than the training part.
        ShapeError: the model cannot take such images.
        DataError: a data file is missing or damaged.
    """
    parts = load_parts(config.data, config.seed)
    if config.batch > len(parts.train):
        raise UsageError(
            f"the batch size must be from 1 to {len(parts.train):,}, the number of training images; got {config.batch}"
        )
    generator = manual_seed(config.seed)
    model = build(config.model, parts.train.image_shape, len(parts.train.classes))
    loader_generator = Generator(int(generator.numpy.integers(2**63)))
    standardize = Standardize.fit(parts.train.images)
    warp = recipe_of(config.data).warp
    train = DataLoader(
        parts.train, config.batch, shuffle=True, generator=loader_generator, transforms=[warp, standardize]
    )
    validation = DataLoader(parts.validation, min(EVALUATION_BATCH, len(parts.validation)), transforms=[standardize])
    optimizer = OPTIMIZERS[config.optimizer][0](model.parameters(), config.lr)
    scheduler = LambdaLR(optimizer, WarmupCosine(1.0, config.epochs * len(train)))
    trainer = Trainer(
        model, CrossEntropyLoss(), optimizer, train, validation, epochs=config.epochs, scheduler=scheduler
    )
    return Session(config, parts, standardize, warp, trainer)
