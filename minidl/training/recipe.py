"""From a handful of names and numbers to a trainer that is ready to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import manual_seed, nn, optim
from ..data import DataLoader, ImageDataset
from ..data.preprocess import state_of
from ..data.sampler import BalancedSampler
from ..data.split import stratified_split
from ..data.transforms import Images, Standardize, Transform
from ..errors import UsageError
from ..primitives.layers.random import Generator
from .catalogue import LABEL_NOISE, LOSS, MIX, MODEL, OPTIMIZER, PREPROCESS, Coordinates, Unchanged, augment, penalty
from .choices import NONE
from .config import Config
from .parallel import Communicator
from .schedule import SCHEDULES, interval_of
from .sources import Parts, load_parts
from .stopping import EarlyStopping
from .trainer import Trainer

EVALUATION_BATCH = 256


@dataclass(frozen=True, slots=True)
class Session:
    """A run that is ready to start.

    Attributes:
        config: what was asked for.
        parts: the data.
        preprocess: how pixels become inputs; measured on the training part.
        augment: how training images are varied before that.
        trainer: the trainer, without callbacks yet.
    """

    config: Config
    parts: Parts
    preprocess: Transform
    augment: list[Transform]
    trainer: Trainer

    def loader(self, dataset: ImageDataset) -> DataLoader:
        """Return a loader that shows images as they are, in order, for judging."""
        return DataLoader(dataset, min(EVALUATION_BATCH, len(dataset)), transforms=[self.preprocess])

    def inputs(self, images: Images) -> Images:
        """Return images `(N, C, H, W)` as the network is shown them."""
        return self.preprocess(images, np.random.default_rng(0))

    def preprocessing_state(self) -> dict[str, Any]:
        """Return how pixels become inputs, as `minidl.data.preprocess.preprocessing_from` takes it; {} if not at all."""
        if isinstance(self.preprocess, Unchanged):
            return {}
        return state_of(self.preprocess.pca if isinstance(self.preprocess, Coordinates) else self.preprocess)

    def describe(self) -> dict[str, Any]:
        """Return everything about the run that is worth keeping, in plain values: the settings, and what came of them."""
        parts = self.parts
        parameters = list(self.trainer.model.parameters())
        about: dict[str, Any] = self.config.settings() | {
            "parameters": sum(parameter.data.size for parameter in parameters),
            "learning_parameters": sum(parameter.data.size for parameter in parameters if parameter.requires_grad),
            "images": {"train": len(parts.train), "validation": len(parts.validation), "test": len(parts.test)},
            "image_shape": list(parts.train.image_shape),
            "classes": list(parts.train.classes),
        }
        if isinstance(self.preprocess, Standardize):
            about["standardize"] = {"mean": list(self.preprocess.mean), "std": list(self.preprocess.std)}
        return about


def prepare(config: Config, *, workers: int = 0, parallel: Communicator | None = None, device: str = "cpu") -> Session:
    """Load the data, draw the first weights, and put together the trainer. Sets the default generator's seed.

    Args:
        config: what decides the numbers.
        workers: how many processes prepare batches ahead of time; the numbers are the same.
        parallel: the processes that share each batch.
        device: what computes, "cpu" or "cuda"; the first weights are the same.

    Raises:
        DeviceError: there is no such GPU.
        UsageError: the batch is larger than the training part, or something does not fit the images or the model.
        ShapeError: the model cannot take such images.
        DataError: a data file is missing or damaged.
    """
    parts = _spoilt(config, load_parts(config.data, config.seed))
    if config.batch > len(parts.train):
        raise UsageError(
            f"the batch size must be from 1 to {len(parts.train):,}, the number of training images; got {config.batch}"
        )
    preprocess = PREPROCESS.make(config.preprocess, images=parts.train.images) or Unchanged()
    changes = augment(config.augment)
    shape = _input_shape(parts.train, changes, preprocess, config)
    classes = len(parts.train.classes)

    generator = manual_seed(config.seed)
    model = _model(config, shape, classes, parallel).to(device)
    loader_generator = Generator(int(generator.numpy.integers(2**63)))
    sampler = BalancedSampler(parts.train.labels) if config.balanced else None
    train = DataLoader(
        parts.train,
        config.batch,
        shuffle=None if config.balanced else True,
        sampler=sampler,
        generator=loader_generator,
        transforms=[*changes, preprocess],
        num_workers=workers,
        persistent_workers=workers > 0,
    )
    validation = DataLoader(parts.validation, min(EVALUATION_BATCH, len(parts.validation)), transforms=[preprocess])
    trainer = _trainer(config, model, classes, train, validation, parallel)
    return Session(config, parts, preprocess, changes, trainer)


def _spoilt(config: Config, parts: Parts) -> Parts:
    """The data with fewer training images, or wrong labels among them, if that is asked for."""
    train = parts.train
    if config.examples:
        if not len(train.classes) <= config.examples <= len(train):
            raise UsageError(
                f"examples must be from {len(train.classes)}, one a class, to {len(train):,}, the number of training images; "
                f"got {config.examples}"
            )
        if config.examples < len(train):
            share = config.examples / len(train)
            train = train.subset(stratified_split(train.labels, [share, 1 - share], config.seed)[0])
    if config.label_noise != NONE:
        wrong = LABEL_NOISE.make(config.label_noise, labels=train.labels, classes=len(train.classes), seed=config.seed)
        train = train.with_labels(np.asarray(wrong))
    return replace(parts, train=train)


def _input_shape(
    train: ImageDataset, changes: list[Transform], preprocess: Transform, config: Config
) -> tuple[int, int, int]:
    """The shape of one image as the network sees it, the same with augmentation and without."""
    images = train.images if len(train) < 2 else train.subset([0, 1]).images
    rng = np.random.default_rng(0)
    varied = images
    for change in changes:
        varied = change(varied, rng)
    if varied.shape != images.shape:
        before, after = ("×".join(map(str, image.shape[1:])) for image in (images, varied))
        raise UsageError(
            f"the augmentation {config.augment} makes {after} images of {before} ones, but those the network is judged by "
            f"stay {before}; cut out as much as there is after a padding, such as random_crop({images.shape[2]}, padding=4)"
        )
    _, channels, height, width = preprocess(varied, rng).shape
    return channels, height, width


def _model(config: Config, image_shape: tuple[int, int, int], classes: int, parallel: Communicator | None) -> nn.Module:
    model = MODEL.make(config.model, image_shape=image_shape, classes=classes)
    assert model is not None  # there is no choice `none`
    if config.freeze:
        optim.freeze(model, *(path.strip() for path in config.freeze.split(",") if path.strip()))
        if not any(parameter.requires_grad for parameter in model.parameters()):
            raise UsageError(f"freeze {config.freeze!r} leaves nothing to train")
    if parallel is not None and parallel.size > 1:
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model, parallel)
    return model


def _trainer(
    config: Config,
    model: nn.Module,
    classes: int,
    train: DataLoader,
    validation: DataLoader,
    parallel: Communicator | None,
) -> Trainer:
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = OPTIMIZER.make(config.optimizer, params=learning, lr=config.lr)
    assert optimizer is not None  # there is no choice `none`
    choice = SCHEDULES.read(config.schedule)
    interval = interval_of(choice.name)
    trainer = Trainer(
        model,
        LOSS.make(config.loss),
        optimizer,
        train,
        validation,
        epochs=config.epochs,
        scheduler_interval=interval,
        accumulate=config.accumulate,
        clip_norm=config.clip_norm or None,
        penalty=penalty(config.l1, config.l2),
        mix=MIX.make(config.mix, num_classes=classes),
        average=optim.EMA(model, config.ema) if config.ema else None,
        early_stopping=EarlyStopping(config.early_stopping, config.mode) if config.early_stopping else None,
        monitor=config.monitor,
        parallel=parallel,
    )
    total = trainer.epochs if interval == "epoch" else trainer.steps
    trainer.scheduler = SCHEDULES.build(choice, optimizer=optimizer, total=total, mode=config.mode)
    return trainer


def train_once(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Train with some settings from beginning to end, without writing or showing anything, and return how it ended.

    Args:
        settings: as `Config.make` takes them.

    Returns:
        The last epoch's line of the history. The test images are not looked at.

    Raises:
        UsageError: a setting makes no sense.
        DivergedError: the loss or a gradient became infinite or NaN.

    >>> train_once({"epochs": 1, "model": "mlp", "examples": 320})["epoch"]
    1
    """
    session = prepare(Config.make(**settings))
    session.trainer.run()
    return dict(session.trainer.history[-1])
