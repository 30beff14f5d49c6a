"""What a training can be made of, by name: models, losses, optimizers, augmentations, preprocessing and wrong labels."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .. import Tensor, optim
from ..data import augment as augmentations
from ..data import noise
from ..data.augment import Augmentation
from ..data.augment.examples import IMAGENET_DIRECTIONS, IMAGENET_VARIANCES
from ..data.preprocess import PCA, ZCA, ChannelMean, MeanImage
from ..data.transforms import Images, RandomWarp, Standardize, Transform
from ..errors import UsageError
from ..models import MODELS
from ..nn import Module
from ..nn import functional as F
from ..optim import Optimizer
from .choices import Choice, Registry, parse

Loss = Callable[[Tensor, Tensor], Tensor]

MODEL: Final = Registry(
    "model",
    MODELS,
    given=("image_shape", "classes", "aux_logits"),
    reasons={"aux_logits": "a network is trained by its one row of scores for each image"},
    left_out=("unet",),
)
"""Every architecture of `minidl.models` that gives a row of scores for each image."""


# Losses: of scores (N, K) and classes (N,) or shares (N, K) ---------------------------------------------------------------


def cross_entropy(label_smoothing: float = 0.0) -> Loss:
    """−ln of the probability that softmax gives the right class."""
    return partial(F.cross_entropy, label_smoothing=label_smoothing)


def hinge(margin: float = 1.0) -> Loss:
    """Weston and Watkins' support vector machine: what wrong scores lack to being `margin` below the right one, summed."""
    return partial(F.hinge_loss, margin=margin)


def multi_margin(p: int = 1, margin: float = 1.0) -> Loss:
    """The same divided by the number of classes; `p=2` squares each shortfall."""
    return partial(F.multi_margin_loss, p=p, margin=margin)


def mse() -> Loss:
    """The squared distance between the scores and 1 for the right class, 0 for the others."""
    return lambda scores, targets: F.mse_loss(scores, shares_of(targets, scores.shape[1]))


def binary_cross_entropy() -> Loss:
    """One yes-or-no question a class, each with a sigmoid of its own."""
    return lambda scores, targets: F.binary_cross_entropy_with_logits(scores, shares_of(targets, scores.shape[1]))


def shares_of(targets: Tensor, classes: int) -> Tensor:
    """Return targets as shares `(N, K)`: classes `(N,)` as ones among zeros, shares as they are."""
    return targets if targets.ndim == 2 else Tensor(np.eye(classes, dtype=np.float32)[targets.data])


LOSS: Final[Registry[Loss]] = Registry(
    "loss", {make.__name__: make for make in (cross_entropy, hinge, multi_margin, mse, binary_cross_entropy)}
)
TAKES_SHARES: Final = frozenset({"cross_entropy", "mse", "binary_cross_entropy"})
"""The losses that mixed images can be trained with, whose labels are shares of several classes."""


# Optimizers ---------------------------------------------------------------------------------------------------------------

_OPTIMIZERS: Final[dict[str, tuple[Callable[..., Optimizer], float]]] = {
    "sgd": (partial(optim.SGD, momentum=0.9, weight_decay=5e-4, nesterov=True), 0.05),
    "heavy_ball": (partial(optim.HeavyBall, weight_decay=5e-4), 0.05),
    "adam": (optim.Adam, 0.004),
    "adamw": (optim.AdamW, 0.004),
    "adamax": (optim.Adamax, 0.02),
    "nadam": (optim.NAdam, 0.008),
    "radam": (optim.RAdam, 0.02),
    "rmsprop": (optim.RMSprop, 0.004),
    "adagrad": (optim.Adagrad, 0.1),
    "adadelta": (optim.Adadelta, 1.0),
}
OPTIMIZER: Final[Registry[Optimizer]] = Registry(
    "optimizer",
    {name: make for name, (make, _) in _OPTIMIZERS.items()},
    given=("params", "lr", "maximize", "fused"),
    reasons={"lr": "the learning rate is set apart, as lr", "maximize": "a loss is made small"},
)
"""Every optimizer that needs the gradient of one batch and nothing else."""

PEAKS: Final = {name: lr for name, (_, lr) in _OPTIMIZERS.items()}
"""The learning rate that suits each optimizer, as the highest of a run. Chosen on the digits' validation images alone."""


# Changes of images: Augmentation and mixing ---------------------------------------------------------------------------------


def _snake(name: str) -> str:
    return {"AugMix": "augmix"}.get(name) or re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


_WITH_DEFAULTS: Final[dict[str, Callable[..., Transform]]] = {
    "pca_color": partial(augmentations.PCAColor, directions=IMAGENET_DIRECTIONS, variances=IMAGENET_VARIANCES),
    "random_warp": partial(RandomWarp, shift=1.0, degrees=10.0, zoom=1.1),
}
AUGMENT: Final[Registry[Transform]] = Registry(
    "augmentation",
    {
        _snake(name): value
        for name, value in vars(augmentations).items()
        if name in augmentations.__all__
        and isinstance(value, type)
        and issubclass(value, Augmentation)
        and value not in (Augmentation, augmentations.Compose)
    }
    | _WITH_DEFAULTS,
    has_none=True,
)
"""Every augmentation, by its class's name in lower case. Those made of others take them in a list or a sum."""


def augment(text: str) -> list[Transform]:
    """Return the augmentations that are written, in their order.

    Raises:
        UsageError: they cannot be read, or there is none of such a name, or it has no such option.

    >>> augment("random_crop(8, padding=1) + one_of([grayscale, color_jitter(0.2)])")  # doctest: +ELLIPSIS
    [RandomCrop(size=8, padding=1, ...), OneOf([Grayscale(...), ColorJitter(brightness=0.2, ...)])]
    >>> augment("none")
    []
    """
    made = (_augmentation(choice) for choice in parse(text, AUGMENT.kind))
    return [transform for transform in made if transform is not None]


def _augmentation(choice: Choice) -> Transform | None:
    options = AUGMENT.bind(choice)
    if "transforms" in options:
        given = options["transforms"]
        parts = given if isinstance(given, tuple) else (given,)
        inner = [_augmentation(part if isinstance(part, Choice) else Choice(str(part))) for part in parts]
        options["transforms"] = [transform for transform in inner if transform is not None]
    return AUGMENT.build(Choice(choice.name, (), options))


MIX: Final = Registry(
    "mix",
    {"mixup": augmentations.MixUp, "cutmix": augmentations.CutMix},
    given=("num_classes",),
    has_none=True,
)
"""What mixes two images and their labels."""


# Preprocessing, measured on the training images -----------------------------------------------------------------------------


class Unchanged:
    """Preprocessing that leaves images as they are.

    >>> Unchanged()(np.ones((1, 1, 2, 2), np.float32)).shape
    (1, 1, 2, 2)
    """

    def __call__(self, images: Images, rng: np.random.Generator | None = None) -> Images:
        """Return the images."""
        return images


class Coordinates:
    """PCA whose coordinates `(N, K)` are handed on as images `(N, K, 1, 1)`, for networks of linear layers.

    Attributes:
        pca: the directions.
    """

    def __init__(self, pca: PCA) -> None:
        self.pca = pca

    def __call__(self, images: Images, rng: np.random.Generator | None = None) -> Images:
        """Return the coordinates."""
        return self.pca(images)[:, :, np.newaxis, np.newaxis]


def standardize(images: Images) -> Transform:
    """Subtract each channel's mean and divide by its standard deviation."""
    return Standardize.fit(images)


def mean_image(images: Images) -> Transform:
    """Subtract the mean image."""
    return MeanImage.fit(images)


def channel_mean(images: Images) -> Transform:
    """Subtract each channel's mean."""
    return ChannelMean.fit(images)


def pca(images: Images, components: int | float | None = None, whiten: bool = True, epsilon: float = 1e-5) -> Transform:
    """Coordinates along the directions in which the images vary most, whitened; for networks of linear layers."""
    return Coordinates(PCA.fit(images, components, whiten=whiten, epsilon=epsilon))


def zca(images: Images, epsilon: float = 1e-3) -> Transform:
    """Whiten: neighbouring pixels no longer tell of each other, but images remain images."""
    return ZCA.fit(images, epsilon=epsilon)


PREPROCESS: Final[Registry[Transform]] = Registry(
    "preprocessing",
    {make.__name__: make for make in (standardize, mean_image, channel_mean, pca, zca)},
    given=("images",),
    has_none=True,
)


# Wrong labels on purpose ----------------------------------------------------------------------------------------------------


def symmetric(labels: NDArray[Any], classes: int, seed: int, rate: float) -> NDArray[Any]:
    """A share `rate` of the labels become those of other classes, all equally likely."""
    return noise.symmetric_noise(labels, rate, classes, seed)


def pair(labels: NDArray[Any], classes: int, seed: int, rate: float) -> NDArray[Any]:
    """A share `rate` of the labels become the next class, the last becomes the first."""
    return noise.pair_noise(labels, rate, classes, seed)


def random(labels: NDArray[Any], seed: int) -> NDArray[Any]:
    """All labels are dealt out anew, so that they say nothing about the images."""
    return noise.random_labels(labels, seed)


LABEL_NOISE: Final[Registry[NDArray[Any]]] = Registry(
    "label noise",
    {make.__name__: make for make in (symmetric, pair, random)},
    given=("labels", "classes", "seed"),
    has_none=True,
)


# Freezing and penalties -------------------------------------------------------------------------------------------------------


def penalty(l1: float, l2: float) -> Callable[[Module], Tensor] | None:
    """Return l1 · Σ|w| + l2 · Σw² over a model's weights that learn, without biases and scales; None if both are 0.

    Raises:
        UsageError: one is negative.

    >>> from minidl import nn
    >>> layer = nn.Linear(2, 1)
    >>> layer.weight.data = np.array([[3.0, -1.0]], np.float32)
    >>> round(penalty(0.1, 0.5)(layer).item(), 4)
    5.4
    """
    if l1 < 0 or l2 < 0:
        raise UsageError(f"l1 and l2 must not be negative; got {l1} and {l2}")
    if not l1 and not l2:
        return None

    def measure(model: Module) -> Tensor:
        weights = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
        parts = [rate * norm(weights) for rate, norm in ((l1, optim.l1_penalty), (l2, optim.l2_penalty)) if rate]
        return sum(parts[1:], start=parts[0])

    return measure
