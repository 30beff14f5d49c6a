"""Mirror images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .base import Augmentation, check_probability
from .chance import Chance
from .scene import Scene


@dataclass(frozen=True)
class _Flip(Augmentation):
    p: float = 0.5
    aspects: ClassVar[tuple[str, ...]] = ("mirror", "position")
    axis: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_probability(self.p)

    def change(self, scene: Scene, chance: Chance) -> Scene:
        """Mirror all images."""
        boxes = scene.boxes
        if boxes is not None and scene.visibility is not None:
            low, high = (0, 2) if self.axis == 1 else (1, 3)
            mirrored = boxes.copy()
            mirrored[..., low] = scene.images.shape[2 + self.axis] - boxes[..., high]
            mirrored[..., high] = scene.images.shape[2 + self.axis] - boxes[..., low]
            boxes = np.where(scene.visibility[..., np.newaxis] > 0, mirrored, boxes)
        masks = None if scene.masks is None else np.ascontiguousarray(np.flip(scene.masks, 1 + self.axis))
        images = np.ascontiguousarray(np.flip(scene.images, 2 + self.axis))
        return Scene(images, boxes, masks, scene.visibility)


@dataclass(frozen=True)
class RandomHorizontalFlip(_Flip):
    """Mirror an image left to right with probability `p`.

    Labels survive unless they know left from right: letters, digits, road signs.

    Attributes:
        p: the probability.

    >>> image = np.array([[[[1.0, 2.0, 3.0]]]], np.float32)
    >>> RandomHorizontalFlip(p=1)(image).ravel().tolist()
    [3.0, 2.0, 1.0]
    """


@dataclass(frozen=True)
class RandomVerticalFlip(_Flip):
    """Turn an image upside down, as in a lake, with probability `p`.

    Labels survive where there is no up: cells under a microscope, the ground seen from above.

    Attributes:
        p: the probability.

    >>> RandomVerticalFlip(p=1)(np.array([[[[1.0], [2.0]]]], np.float32)).ravel().tolist()
    [2.0, 1.0]
    """

    aspects = ("mirror", "position", "orientation")
    axis = 0
