"""What is augmented together: images, and the boxes and masks drawn on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ShapeError
from ..transforms import Images

Chosen = NDArray[np.bool_] | NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A batch of images with what is marked on them, so that all of it moves together.

    Attributes:
        images: `(N, C, H, W)`, float32, from 0 to 1.
        boxes: `(N, M, 4)`, M boxes an image: left, top, right, bottom in pixels, so that the whole image is
            (0, 0, W, H). An image with fewer objects has boxes of no area, (0, 0, 0, 0), in their place.
        masks: `(N, H, W)`, for instance the class of each pixel; read at the nearest pixel, never mixed.
        visibility: `(N, M)`, the share of each box that is still in the picture and uncovered; 1 to begin with. A box
            that has left the picture has no area and visibility 0; drop those below a threshold of your choice.

    Raises:
        ShapeError: the parts do not fit together.

    >>> scene = Scene(np.zeros((2, 3, 8, 8), np.float32), boxes=np.array([[[0, 0, 4, 4]], [[2, 2, 8, 8]]]))
    >>> scene.boxes.dtype, scene.visibility.tolist()
    (dtype('float32'), [[1.0], [1.0]])
    """

    images: Images
    boxes: NDArray[np.float32] | None = None
    masks: NDArray[Any] | None = None
    visibility: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if self.images.ndim != 4:
            raise ShapeError(f"images must be (N, C, H, W); got {self.images.shape}")
        n, _, height, width = self.images.shape
        if self.masks is not None and self.masks.shape != (n, height, width):
            raise ShapeError(f"masks must be {(n, height, width)}, as the images are; got {self.masks.shape}")
        if self.boxes is None:
            return
        if self.boxes.ndim != 3 or self.boxes.shape[0] != n or self.boxes.shape[2] != 4:
            raise ShapeError(f"boxes must be ({n}, M, 4), M boxes for each of the {n} images; got {self.boxes.shape}")
        object.__setattr__(self, "boxes", self.boxes.astype(np.float32, copy=False))
        if self.visibility is None:
            object.__setattr__(self, "visibility", (area(self.boxes) > 0).astype(np.float32))

    def take(self, chosen: Chosen) -> Scene:
        """Return the scene of the chosen images."""
        return Scene(
            self.images[chosen],
            None if self.boxes is None else self.boxes[chosen],
            None if self.masks is None else self.masks[chosen],
            None if self.visibility is None else self.visibility[chosen],
        )

    def put(self, chosen: Chosen, other: Scene) -> Scene:
        """Return this scene with the chosen images replaced by those of `other`.

        Raises:
            ShapeError: the other images have another shape.
        """
        if other.images.shape[1:] != self.images.shape[1:]:
            raise ShapeError(
                f"some images would become {other.images.shape[1:]} and others stay {self.images.shape[1:]}: a transform "
                "that changes the shape must apply to the whole batch"
            )
        pairs = {name: (getattr(self, name), getattr(other, name)) for name in self.__slots__}
        merged = {}
        for name, (mine, theirs) in pairs.items():
            if mine is not None:
                merged[name] = mine.copy()
                merged[name][chosen] = theirs
        return Scene(**merged)

    @classmethod
    def join(cls, parts: Sequence[Scene], order: NDArray[np.intp]) -> Scene:
        """Return the scenes one after another, and then in another order.

        Raises:
            ShapeError: their images have different shapes.
        """
        shapes = {part.images.shape[1:] for part in parts}
        if len(shapes) > 1:
            first, second, *_ = sorted(shapes)
            raise ShapeError(
                f"some images would become {first} and others {second}: a transform that changes the shape must apply to "
                "the whole batch"
            )
        if len(parts) == 1:
            return parts[0]
        together: dict[str, Any] = {}
        for name in cls.__slots__:
            values = [getattr(part, name) for part in parts]
            together[name] = None if values[0] is None else np.concatenate(values)[order]
        return cls(**together)

    def with_images(self, images: Images) -> Scene:
        """Return the scene with other images of the same size."""
        return replace(self, images=images)


def clip_boxes(
    boxes: NDArray[np.float32], visibility: NDArray[np.float32], height: int, width: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cut boxes off at the image's border, and lower their visibility by the share that is lost.

    Args:
        boxes: `(N, M, 4)`.
        visibility: `(N, M)`, before.
        height: H.
        width: W.

    Returns:
        The boxes and their visibility; a box that is wholly outside becomes (0, 0, 0, 0) with visibility 0.

    >>> boxes, visibility = clip_boxes(np.array([[[-2.0, 0, 2, 4]]], np.float32), np.ones((1, 1), np.float32), 8, 8)
    >>> boxes.tolist(), visibility.tolist()
    ([[[0.0, 0.0, 2.0, 4.0]]], [[0.5]])
    """
    limits = np.array([width, height, width, height], np.float32)
    clipped = np.clip(boxes, 0, limits)
    before, after = area(boxes), area(clipped)
    kept = np.divide(after, before, out=np.zeros_like(after), where=before > 0)
    return np.where(after[..., np.newaxis] > 0, clipped, np.float32(0)), visibility * kept


def area(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the area of each box `(…, 4)`, 0 for one that is turned inside out."""
    sides = np.maximum(boxes[..., 2:] - boxes[..., :2], 0)
    return sides[..., 0] * sides[..., 1]
