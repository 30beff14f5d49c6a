"""All that decides a run's numbers, in plain values, and what each data set is trained with by default."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, get_type_hints

from ..creation import tensor
from ..errors import CheckpointError, UsageError
from .catalogue import (
    AUGMENT,
    LABEL_NOISE,
    LOSS,
    MIX,
    MODEL,
    OPTIMIZER,
    PEAKS,
    PREPROCESS,
    TAKES_SHARES,
    augment,
    penalty,
)
from .choices import NONE, Registry, nearest, parse
from .schedule import SCHEDULES, interval_of
from .sources import DATA, DIGITS, locate, settled

MONITORS: Final = ("validation_loss", "validation_accuracy")
"""What early stopping, the schedule `plateau` and the choice of the best epoch can watch."""

LAST, BEST = "last", "best"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a data set is trained with where nothing else is asked for. Chosen on validation accuracy alone.

    Attributes:
        model: the architecture.
        epochs: the number of epochs.
        batch: images a step.
        augment: how training images are varied.
    """

    model: str
    epochs: int
    batch: int
    augment: str


DIGITS_RECIPE = Recipe("lenet", epochs=30, batch=32, augment="random_warp(shift=0.7, degrees=10, zoom=1.1)")
IDX_RECIPE = Recipe("lenet5", epochs=3, batch=64, augment="random_warp(shift=1.0, degrees=10, zoom=1.1)")
CIFAR_RECIPE = Recipe("resnet8", epochs=20, batch=64, augment="random_crop(32, padding=4) + random_horizontal_flip")
FOLDER_RECIPE = Recipe("lenet", epochs=20, batch=32, augment="random_warp(shift=1.0, degrees=10, zoom=1.1)")

_RECIPES: Final = {
    DIGITS: DIGITS_RECIPE,
    "cifar10": CIFAR_RECIPE,
    "cifar100": CIFAR_RECIPE,
    "cifar_folder": CIFAR_RECIPE,
    "image_folder": FOLDER_RECIPE,
}


def recipe_of(data: str) -> Recipe:
    """Return what the data set `data` is trained with by default."""
    return _RECIPES.get(locate(data).name, IDX_RECIPE)


@dataclass(frozen=True, slots=True)
class Config:
    """All that decides a run's numbers. Numbers of 0 switch off what they are for.

    Attributes:
        data: a name with options, or the path of a folder; see `DATA`.
        model: the architecture, with options; see `MODEL`.
        epochs: how often all training images are seen.
        batch: images a step; with `accumulate`, images a part of a step.
        optimizer: the optimizer, with options; see `OPTIMIZER`.
        lr: the highest learning rate.
        schedule: how the rate changes; see `SCHEDULES`.
        loss: what is made small; see `LOSS`.
        augment: how training images are varied, one after another, joined by `+`; see `AUGMENT`.
        mix: how images and their labels are mixed; see `MIX`.
        preprocess: how pixels become inputs, measured on the training images; see `PREPROCESS`.
        accumulate: how many batches make one step.
        clip_norm: the greatest norm of a step's gradient.
        l1: the factor of Σ|w| in the loss.
        l2: the factor of Σw² in the loss.
        ema: the decay of a moving average of the weights, which is what is judged then.
        early_stopping: after how many epochs without improvement training ends.
        monitor: what is watched, one of `MONITORS`.
        keep: whether the `last` epoch's model is kept and judged by the test images, or the `best` one's.
        freeze: the parts of the model that stay as they are, such as `conv1`, separated by commas.
        examples: how many training images are used, each class in the same proportion.
        balanced: whether every class is seen equally often, however many images it has.
        label_noise: how training labels are made wrong; see `LABEL_NOISE`.
        seed: of the split, the first weights, and everything random after that.
    """

    data: str
    model: str
    epochs: int
    batch: int
    optimizer: str
    lr: float
    schedule: str
    loss: str
    augment: str
    mix: str
    preprocess: str
    accumulate: int
    clip_norm: float
    l1: float
    l2: float
    ema: float
    early_stopping: int
    monitor: str
    keep: str
    freeze: str
    examples: int
    balanced: bool
    label_noise: str
    seed: int

    @classmethod
    def make(cls, data: str = DIGITS, **settings: Any) -> Config:
        """Fill in what is not given from the data set's recipe, and check what can be checked without the data.

        Args:
            data: the data set.
            settings: the other attributes, as far as they are given; text where there are names or options.

        Raises:
            UsageError: an unknown setting, an unknown name or option, or a number that makes no sense.
            DataError: a folder whose files are of no layout known.

        >>> config = Config.make(epochs=3, optimizer="adam(betas=[0.9, 0.99])")
        >>> config.model, config.epochs, config.batch, config.optimizer, config.lr
        ('lenet', 3, 32, 'adam(betas=[0.9, 0.99])', 0.004)
        >>> Config.make(epoch=3)
        Traceback (most recent call last):
        minidl.errors.UsageError: there is no setting 'epoch'; did you mean 'epochs'?
        """
        for name in settings:
            if name not in SETTINGS:
                raise UsageError(f"there is no setting {name!r}{nearest(name, SETTINGS)}")
        given = {name: _typed(name, value) for name, value in {"data": data, **settings}.items()}
        recipe = recipe_of(given["data"])
        values = _DEFAULTS | asdict(recipe) | given
        values.setdefault("lr", PEAKS.get(OPTIMIZER.read(values["optimizer"]).name, 0.01))
        values.setdefault("keep", BEST if values["early_stopping"] else LAST)
        values["data"] = settled(values["data"])
        values["augment"] = " + ".join(map(str, parse(values["augment"], AUGMENT.kind)))
        for name in CHOICES.keys() - {"data", "augment"}:
            values[name] = CHOICES[name].check(values[name])
        config = cls(**values)
        config._check_numbers()
        config._try_out()
        return config

    @classmethod
    def from_saved(cls, saved: Mapping[str, Any]) -> Config:
        """Return the config that a checkpoint holds.

        Raises:
            CheckpointError: it is not one of this version's.
        """
        missing = [name for name in SETTINGS if name not in saved]
        unknown = [name for name in saved if name not in SETTINGS]
        if missing or unknown:
            said = [f"{word} {', '.join(names)}" for word, names in (("lacks", missing), ("has", unknown)) if names]
            raise CheckpointError(
                f"the run was begun by another version of minidl: its settings differ (it {' and '.join(said)}); go on with "
                "that version, or begin a new run"
            )
        return cls(**saved)

    def settings(self) -> dict[str, Any]:
        """Return all attributes by name, as `make` takes them."""
        return asdict(self)

    @property
    def mode(self) -> str:
        """Whether the watched value is better when it is lower, "min", or higher, "max"."""
        return "min" if self.monitor.endswith("loss") else "max"

    def _check_numbers(self) -> None:
        if not (math.isfinite(self.lr) and self.lr > 0):
            raise UsageError(f"the learning rate must be a number above 0; got {self.lr}")
        for name, what in (
            ("epochs", "the number of epochs"),
            ("batch", "the batch size"),
            ("accumulate", "accumulate"),
        ):
            if getattr(self, name) < 1:
                raise UsageError(f"{what} must be at least 1; got {getattr(self, name)}")
        if self.seed < 0:
            raise UsageError(f"the seed must be a whole number from 0; got {self.seed}")
        for name in ("clip_norm", "l1", "l2", "ema", "early_stopping", "examples"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise UsageError(f"{name} must be a number from 0, which switches it off; got {value}")
        if self.ema >= 1:
            raise UsageError(f"ema is the decay of an average of the weights, below 1, such as 0.999; got {self.ema}")
        for name, allowed in (("monitor", MONITORS), ("keep", (LAST, BEST))):
            if getattr(self, name) not in allowed:
                raise UsageError(f"{name} must be one of {', '.join(allowed)}; got {getattr(self, name)!r}")

    def _try_out(self) -> None:
        """Make everything that can be made without data and model, so that an option out of range is found now."""
        if self.mix != NONE and (loss := LOSS.read(self.loss).name) not in TAKES_SHARES:
            raise UsageError(
                f"mixed images have labels that are shares of two classes, which the loss {loss!r} cannot take; choose one "
                f"of {', '.join(sorted(TAKES_SHARES))}"
            )
        LOSS.make(self.loss)
        MIX.make(self.mix, num_classes=2)
        augment(self.augment)
        penalty(self.l1, self.l2)
        optimizer = OPTIMIZER.make(self.optimizer, params=[tensor(0.0, requires_grad=True)], lr=self.lr)
        schedule = SCHEDULES.read(self.schedule)
        total = self.epochs if interval_of(schedule.name) == "epoch" else 1000
        SCHEDULES.build(schedule, optimizer=optimizer, total=total, mode=self.mode)


SETTINGS: Final = tuple(field.name for field in fields(Config))
"""The names of all settings."""

_DEFAULTS: Final[dict[str, Any]] = {
    "optimizer": "sgd",
    "schedule": "warmup_cosine",
    "loss": "cross_entropy",
    "mix": NONE,
    "preprocess": "standardize",
    "accumulate": 1,
    "clip_norm": 0.0,
    "l1": 0.0,
    "l2": 0.0,
    "ema": 0.0,
    "early_stopping": 0,
    "monitor": MONITORS[0],
    "freeze": "",
    "examples": 0,
    "balanced": False,
    "label_noise": NONE,
    "seed": 0,
}
"""What is not up to the data set and does not follow from other settings."""

CHOICES: Final[dict[str, Registry[Any]]] = {
    "data": DATA,
    "model": MODEL,
    "optimizer": OPTIMIZER,
    "schedule": SCHEDULES,
    "loss": LOSS,
    "augment": AUGMENT,
    "mix": MIX,
    "preprocess": PREPROCESS,
    "label_noise": LABEL_NOISE,
}
"""The settings that are chosen by name, and what there is to choose from."""

_TYPES: Final[dict[str, type]] = get_type_hints(Config)
_JOINED: Final = {"augment": " + ", "freeze": ","}
_WORDS: Final = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


def _typed(name: str, value: Any) -> Any:
    """Return a value with the type of its setting.

    Raises:
        UsageError: it has another.
    """
    wanted = _TYPES[name]
    if name in _JOINED and isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
        return _JOINED[name].join(value)
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:
        raise UsageError(f"{name} must be {_WORDS[wanted]}; got {value!r}")
    return value
