"""Covering a part of an image, so that a network learns not to depend on any one part: random erasing and cutout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import ShapeError, UsageError
from .base import Augmentation, check_probability, interval
from .chance import Chance
from .crop import draw_rectangles
from .scene import Scene, area


def cover(scene: Scene, rectangles: NDArray[np.intp], value: float | NDArray[np.float32]) -> Scene:
    """Return the scene with one rectangle an image painted over; boxes stay, and are seen the less the more is covered.

    Args:
        scene: the scene. Masks stay as they are: what is behind is still there.
        rectangles: `(N, 4)`, left, top, right, bottom, inside the image.
        value: what to paint: a number or images.
    """
    height, width = scene.images.shape[2:]
    left, top, right, bottom = rectangles.T[:, :, np.newaxis]
    rows = (np.arange(height) >= top) & (np.arange(height) < bottom)
    columns = (np.arange(width) >= left) & (np.arange(width) < right)
    covered = (rows[:, :, np.newaxis] & columns[:, np.newaxis])[:, np.newaxis]
    painted = np.where(covered, np.asarray(value, np.float32), scene.images)
    visibility = scene.visibility
    if scene.boxes is not None and visibility is not None:
        patch = rectangles[:, np.newaxis].astype(np.float32)
        overlap = np.concatenate(
            [np.maximum(scene.boxes[..., :2], patch[..., :2]), np.minimum(scene.boxes[..., 2:], patch[..., 2:])],
            axis=-1,
        )
        whole = area(scene.boxes)
        hidden = np.divide(area(overlap), whole, out=np.zeros_like(whole), where=whole > 0)
        visibility = visibility * (1 - hidden)
    return Scene(painted, scene.boxes, scene.masks, visibility)


@dataclass(frozen=True)
class RandomErasing(Augmentation):
    """Paint over a rectangle of random size, proportions and place, with probability `p`.

    Attributes:
        p: the probability.
        scale: the range of the rectangle's share of the image's area.
        ratio: the range of its height divided by its width; the logarithm is uniform.
        value: what to paint: a number, one a channel, or "random" for normal noise of mean ½ and deviation ¼, kept from 0
            to 1.

    Source: Z. Zhong et al., "Random erasing data augmentation", AAAI (2020).

    >>> covered = RandomErasing(p=1, scale=(0.25, 0.25), ratio=(1, 1))(np.ones((1, 3, 8, 8), np.float32))
    >>> int((covered == 0).sum())  # three channels of 4 by 4
    48
    """

    p: float = 0.5
    scale: tuple[float, float] = (0.02, 0.33)
    ratio: tuple[float, float] = (0.3, 3.3)
    value: float | tuple[float, ...] | Literal["random"] = 0.0
    aspects = ("parts",)

    def __post_init__(self) -> None:
        check_probability(self.p)
        interval(self.scale, "scale", least=0, most=1)
        interval(self.ratio, "ratio", least=1e-6)
        if isinstance(self.value, str) and self.value != "random":
            raise UsageError(f'value must be a number or "random"; got {self.value!r}')

    def change(self, scene: Scene, chance: Chance) -> Scene:
        """Paint over a part of each image; one into which no rectangle fitted in ten attempts stays whole.

        Raises:
            ShapeError: there are not as many values as channels.
        """
        height, width = scene.images.shape[2:]
        wide, high, fits = draw_rectangles(width, height, self.scale, self.ratio, chance)
        top = np.floor(chance.uniform(0, 1) * (height - high + 1)).astype(np.intp)
        left = np.floor(chance.uniform(0, 1) * (width - wide + 1)).astype(np.intp)
        rectangles = np.where(fits[:, np.newaxis], np.stack([left, top, left + wide, top + high], axis=1), 0)
        value: float | NDArray[np.float32]
        if isinstance(self.value, str):
            noise = chance.normal(*scene.images.shape[1:])
            value = np.clip(np.float32(0.5) + np.float32(0.25) * noise, 0, 1)
        elif isinstance(self.value, int | float):
            value = self.value
        else:
            value = np.array(self.value, np.float32)[:, np.newaxis, np.newaxis]
            if len(value) != scene.images.shape[1]:
                raise ShapeError(
                    f"value has {len(value)} numbers, but the images have {scene.images.shape[1]} channels"
                )
        return cover(scene, rectangles, value)


@dataclass(frozen=True)
class Cutout(Augmentation):
    """Set a square to zero, about a centre anywhere in the image, so that a part of the square may fall outside.

    Attributes:
        size: the side of the square, in pixels.
        p: the probability.

    Source: T. DeVries, G. Taylor, "Improved regularization of convolutional neural networks with cutout" (2017).

    >>> bool((Cutout(4)(np.ones((1, 1, 8, 8), np.float32)) == 0).any())
    True
    """

    size: int
    p: float = 1.0
    aspects = ("parts",)

    def __post_init__(self) -> None:
        check_probability(self.p)
        if self.size < 1:
            raise UsageError(f"size must be at least 1; got {self.size}")

    def change(self, scene: Scene, chance: Chance) -> Scene:
        """Cover a square of each image."""
        height, width = scene.images.shape[2:]
        centre = np.stack([chance.integers(0, width), chance.integers(0, height)], axis=1)
        corner = centre - self.size // 2
        limits = np.array([width, height])
        square = np.concatenate([np.clip(corner, 0, limits), np.clip(corner + self.size, 0, limits)], axis=1)
        return cover(scene, square, 0.0)
