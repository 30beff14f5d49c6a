"""Test-time augmentation: several fixed views of each image, judged one by one, and the judgements averaged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ShapeError, UsageError
from ...nn import Module
from ..transforms import Images
from .crop import resize
from .reading import pair

Predict = Callable[[Images], NDArray[Any]]
"""A function from images `(N, C, H, W)` to probabilities `(N, K)`."""


def five_crop(images: Images, size: int | tuple[int, int]) -> tuple[Images, Images, Images, Images, Images]:
    """Return the four corners and the middle: top left, top right, bottom left, bottom right, centre.

    Args:
        images: `(N, C, H, W)`.
        size: (height, width) of the crops, or the side of a square.

    Raises:
        ShapeError: the images are smaller than that.

    >>> image = np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3)
    >>> [int(crop.item()) for crop in five_crop(image, 1)]
    [0, 2, 6, 8, 4]
    """
    height, width = pair(size)
    full_height, full_width = images.shape[2:]
    down, right = full_height - height, full_width - width
    if down < 0 or right < 0:
        raise ShapeError(f"five_crop: crops of {height}×{width} do not fit into images of {full_height}×{full_width}")

    def crop(top: int, left: int) -> Images:
        return images[:, :, top : top + height, left : left + width]

    return crop(0, 0), crop(0, right), crop(down, 0), crop(down, right), crop(round(down / 2), round(right / 2))


def ten_crop(images: Images, size: int | tuple[int, int], vertical_flip: bool = False) -> tuple[Images, ...]:
    """Return the five crops and the five of the mirrored image: AlexNet's and ResNet's ten views.

    Args:
        images: `(N, C, H, W)`.
        size: of the crops.
        vertical_flip: whether it is mirrored top to bottom instead of left to right.

    >>> len(ten_crop(np.zeros((1, 3, 8, 8), np.float32), 4))
    10
    """
    return five_crop(images, size) + five_crop(np.flip(images, 2 if vertical_flip else 3), size)


def multi_scale_views(
    images: Images, size: int | tuple[int, int] = 224, scales: Sequence[int] = (224, 256, 384, 480, 640)
) -> Iterator[Images]:
    """Yield the ten crops of the images at each scale, one at a time: 5 scales × 10 crops = 50 views, as ResNet was judged.

    Args:
        images: `(N, C, H, W)`.
        size: of the crops.
        scales: the lengths of the shorter side to resize to.

    Raises:
        UsageError: a scale is smaller than the crop.

    Source: K. He et al., "Deep residual learning for image recognition", CVPR (2016), section 3.4.

    >>> views = list(multi_scale_views(np.zeros((2, 3, 10, 12), np.float32), size=8, scales=(8, 9, 10, 12, 16)))
    >>> len(views), views[0].shape
    (50, (2, 3, 8, 8))
    """
    if min(scales) < max(pair(size)):
        raise UsageError(f"views of {size} pixels need scales of at least that; got {tuple(scales)}")

    def views() -> Iterator[Images]:
        for scale in scales:
            yield from ten_crop(resize(images, scale), size)

    return views()


def predictor(model: Module | Predict) -> Predict:
    """Return a function from images to class probabilities: a model's softmax in evaluation mode, or `model` itself."""
    if not isinstance(model, Module):
        return model

    def predict(images: Images) -> NDArray[Any]:
        from ... import no_grad, tensor
        from ...kernels.device import fetched
        from ...nn import functional as F
        from ...nn.utils import device_of

        was_training = model.training
        model.eval()
        try:
            with no_grad():
                return np.asarray(fetched(F.softmax(model(tensor(images, device=device_of(model))), dim=1).data))
        finally:
            model.train(was_training)

    return predict


def average_views(model: Module | Predict, views: Iterable[Images]) -> NDArray[np.float32]:
    """Show a model several views of the same images and return the mean of its class probabilities.

    Args:
        model: a network, whose scores go through a softmax in evaluation mode; or a function that returns probabilities
            (or scores, if their mean is what is wanted).
        views: each `(N, C, h, w)`; they may be made while they are asked for, so that all need not fit in memory.

    Returns:
        `(N, K)`.

    Raises:
        UsageError: there is no view.

    >>> def brightness(images):
    ...     light = images.mean(axis=(1, 2, 3))
    ...     return np.stack([1 - light, light], axis=1)
    >>> image = np.array([[[[0.0, 0.0], [1.0, 1.0]]]], np.float32)
    >>> average_views(brightness, five_crop(image, 1)).round(2).tolist()
    [[0.6000000238418579, 0.4000000059604645]]
    """
    predict, total, count = predictor(model), None, 0
    for view in views:
        judged = np.asarray(predict(np.ascontiguousarray(view)), np.float64)
        total = judged if total is None else total + judged
        count += 1
    if total is None:
        raise UsageError("average_views needs at least one view")
    return (total / count).astype(np.float32)


def vote_views(model: Module | Predict, views: Iterable[Images]) -> NDArray[np.float32]:
    """Let each view vote for its most probable class, and return the share of the votes that each class got.

    Args:
        model: as for `average_views`.
        views: each `(N, C, h, w)`.

    Returns:
        `(N, K)`.

    >>> views = [np.full((1, 1, 1, 1), light, np.float32) for light in (0.1, 0.2, 0.9)]
    >>> def brightness(images):
    ...     light = images.mean(axis=(1, 2, 3))
    ...     return np.stack([1 - light, light], axis=1)
    >>> vote_views(brightness, views).astype(float).round(2).tolist()
    [[0.67, 0.33]]
    """

    predict = predictor(model)

    def vote(images: Images) -> NDArray[Any]:
        probabilities = predict(images)
        return np.eye(probabilities.shape[1])[probabilities.argmax(axis=1)]

    return average_views(vote, views)
