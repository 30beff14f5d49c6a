"""How a classifier does on images unlike those it was trained on: perturbed ones, and a sample that is not fair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..data.augment import ElasticTransform
from ..data.augment.views import Predict, predictor
from ..data.corruptions import CORRUPTIONS, Corruption
from ..data.noise import biased_sample
from ..data.transforms import Images, Transform
from ..errors import ShapeError, UsageError
from .classification import Outputs, Score, correct
from .metrics import Values, plain

if TYPE_CHECKING:
    from ..nn import Module


def perturbations(side: int, severity: int = 3) -> dict[str, Transform]:
    """Return what makes recognising things hard, each as a transform, for images of `side` pixels.

    Illumination (brightness, darkness, contrast), pose (rotate, shift), occlusion and the camera's faults are
    `minidl.data.CORRUPTIONS`. Variation within a class, which no change of one image can give, is stood in for by
    bending its outlines ("shape"). That these leave what is shown the same is for a person to check: a 6 turned over is a 9.

    Args:
        side: the shorter side of the images.
        severity: from 1 to 5.

    Raises:
        UsageError: no such severity, or no pixels.

    >>> sorted(perturbations(28))[:4]
    ['blur', 'brightness', 'contrast', 'darkness']
    """
    if side < 1:
        raise UsageError(f"perturbations are for images of at least one pixel; got side={side}")
    spoilt: dict[str, Transform] = {name: Corruption(name, severity) for name in CORRUPTIONS}
    # Blurring by σ leaves of uniform noise 1/√3 · 1/(2√π σ), so that α must grow with the side's square for the displacement
    # to be, whatever the side, about 0.02 of it (root mean square) a severity.
    return spoilt | {"shape": ElasticTransform(alpha=severity * side**2 / 56, sigma=side / 12)}


def accuracy_under(
    model: Module | Predict,
    images: Images,
    labels: NDArray[Any],
    transforms: Mapping[str, Transform] | None = None,
    *,
    then: Sequence[Transform] = (),
    seed: int = 0,
    batch_size: int = 256,
) -> dict[str, Score]:
    """Count how many images a classifier still gets right under each perturbation.

    Args:
        model: a network; or a function from images `(N, C, H, W)` to scores `(N, K)` or classes `(N,)`.
        images: from 0 to 1, as they are before any preprocessing.
        labels: `(N,)`.
        transforms: the perturbations by name; those of `perturbations`, of middle severity, if None.
        then: what is done to the images afterwards, such as `Standardize`.
        seed: every perturbation starts from it, so that classifiers are compared on the same images.
        batch_size: how many images to show at once; another number may spoil them differently.

    Returns:
        A score for "none", and for each perturbation.

    >>> from minidl.data.augment import ColorJitter
    >>> images = np.linspace(0, 1, 8, dtype=np.float32).reshape(8, 1, 1, 1) * np.ones((1, 1, 9, 9), np.float32)
    >>> light = lambda images: (images.mean(axis=(1, 2, 3)) > 0.5).astype(int)
    >>> scores = accuracy_under(light, images, light(images), {"darker": ColorJitter(brightness=(0.6, 0.6))})
    >>> {name: score.accuracy for name, score in scores.items()}
    {'none': 1.0, 'darker': 0.75}
    """
    if len(images) != len(labels):
        raise ShapeError(f"there must be one label an image; got {len(images)} images and {len(labels)} labels")
    if transforms is None:
        transforms = perturbations(min(images.shape[2:]))
    predict = predictor(model)
    scores = {}
    for name, transform in {"none": None, **transforms}.items():
        right = 0
        rng = np.random.Generator(np.random.PCG64(seed))
        for begin in range(0, len(images), batch_size):
            batch = images[begin : begin + batch_size]
            for step in ([] if transform is None else [transform]) + list(then):
                batch = step(batch, rng)
            right += int(correct(np.asarray(predict(batch)), labels[begin : begin + batch_size]).sum())
        scores[name] = Score(right, len(images))
    return scores


def score_on_biased_sample(
    outputs: Outputs, labels: Values, weights: Values, count: int, seed: int = 0
) -> tuple[Score, Score]:
    """Judge a classifier by all examples and by a biased sample of them: what a skewed test set would have reported.

    The sample is `minidl.data.biased_sample`'s, which also draws such a set to train on. Nothing is drawn twice, so keep
    `count` well below the number of examples: a sample of all of them is not biased at all.

    Args:
        outputs: what it said about each example: scores `(N, K)` or classes `(N,)`.
        labels: `(N,)`.
        weights: `(N,)`, how likely each example is to be in the sample; for a bias of the classes, `weights[labels]`.
        count: how many examples the sample has.
        seed: the same seed gives the same sample.

    Returns:
        The score on all of them and on the sample.

    Raises:
        ShapeError: not one weight an example.
        DataError: too few examples have a weight above 0.

    >>> outputs, labels = np.zeros(100, int), np.repeat([0, 1], 50)  # it always says 0
    >>> fair, skewed = score_on_biased_sample(outputs, labels, np.array([1.0, 0.0])[labels], count=20)
    >>> fair.accuracy, skewed.accuracy
    (0.5, 1.0)
    """
    outputs, labels, weights = plain(outputs), plain(labels), plain(weights)
    if weights.shape != labels.shape:
        raise ShapeError(f"there must be one weight an example; got {weights.shape} for {labels.shape}")
    chosen = biased_sample(weights, count, seed)
    return Score.of(outputs, labels), Score.of(outputs[chosen], labels[chosen])
