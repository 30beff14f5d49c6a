"""Transforms that keep straight lines straight: rotate, scale, shear, stretch, translate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from .base import Augmentation, check_probability, interval
from .chance import Chance
from .reading import Fill, pixel_grid, read, read_nearest
from .scene import Scene, clip_boxes


class Affine(Augmentation):
    """A transform that draws for each image one matrix from output positions to input positions, about the centre."""

    fill: Fill

    def draw(self, n: int, height: int, width: int, chance: Chance) -> NDArray[np.float64]:
        """Return `(N, 2, 3)`: forward matrices, that take an input point (x, y, 1) seen from the centre to its new place."""
        raise NotImplementedError

    def change(self, scene: Scene, chance: Chance) -> Scene:
        """Move all images, masks and boxes by one matrix each."""
        n, _, height, width = scene.images.shape
        return move(scene, self.draw(n, height, width, chance), self.fill)


def move(scene: Scene, forward: NDArray[np.float64], fill: Fill) -> Scene:
    """Move images, masks and boxes by forward matrices `(N, 2, 3)`, as `Affine.draw` returns them."""
    _, _, height, width = scene.images.shape
    back = np.linalg.inv(forward[:, :, :2])
    offset = -(back @ forward[:, :, 2:])
    a, b, c, d, right, down = (
        v.astype(np.float32)[:, np.newaxis, np.newaxis]
        for v in (back[:, 0, 0], back[:, 0, 1], back[:, 1, 0], back[:, 1, 1], offset[:, 0, 0], offset[:, 1, 0])
    )
    middle_y, middle_x = np.float32((height - 1) / 2), np.float32((width - 1) / 2)
    y, x = pixel_grid(height, width)
    y, x = y - middle_y, x - middle_x
    at_x, at_y = a * x + b * y + right + middle_x, c * x + d * y + down + middle_y
    images = read(scene.images, at_y, at_x, fill)
    masks = None if scene.masks is None else read_nearest(scene.masks, at_y, at_x, fill)
    if scene.boxes is None or scene.visibility is None:
        return Scene(images, None, masks)
    boxes, visibility = move_boxes(scene.boxes, scene.visibility, forward, height, width)
    return Scene(images, boxes, masks, visibility)


def move_boxes(
    boxes: NDArray[np.float32],
    visibility: NDArray[np.float32],
    forward: NDArray[np.float64],
    height: int,
    width: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return for each box the smallest upright one around its four moved corners, cut off at the border, and what is seen."""
    centre = np.array([width / 2, height / 2])
    corners = boxes[..., [0, 1, 2, 1, 2, 3, 0, 3]].reshape(*boxes.shape[:2], 4, 2) - centre
    moved = corners @ forward[:, np.newaxis, :, :2].swapaxes(2, 3) + forward[:, np.newaxis, np.newaxis, :, 2] + centre
    around = np.concatenate([moved.min(axis=2), moved.max(axis=2)], axis=-1).astype(np.float32)
    return clip_boxes(around * (visibility[..., np.newaxis] > 0), visibility, height, width)


def matrices(
    degrees: NDArray[np.float64],
    scale: NDArray[np.float64],
    shear_x: NDArray[np.float64],
    shear_y: NDArray[np.float64],
    translate_x: NDArray[np.float64],
    translate_y: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return `(N, 2, 3)`, translation · rotation · shear · scale, with y downwards: positive degrees turn clockwise.

    The shear is torchvision's: with angle a, shears s and t, R(a) · shear = [[cos(a−t)/cos t, −cos(a−t) tan s/cos t − sin a],
    [sin(a−t)/cos t, −sin(a−t) tan s/cos t + cos a]], of determinant 1.

    >>> quarter = matrices(*np.array([[90.0], [2], [0], [0], [5], [0]]))
    >>> (quarter.round(12) + 0.0).tolist()
    [[[0.0, -2.0, 5.0], [2.0, 0.0, 0.0]]]
    """
    a, s, t = np.deg2rad(degrees), np.deg2rad(shear_x), np.deg2rad(shear_y)
    top = [np.cos(a - t) / np.cos(t), -np.cos(a - t) * np.tan(s) / np.cos(t) - np.sin(a)]
    bottom = [np.sin(a - t) / np.cos(t), -np.sin(a - t) * np.tan(s) / np.cos(t) + np.cos(a)]
    rows = [[top[0] * scale, top[1] * scale, translate_x], [bottom[0] * scale, bottom[1] * scale, translate_y]]
    return np.moveaxis(np.array(rows), 2, 0)


@dataclass(frozen=True)
class RandomAffine(Affine):
    """Turn, move, zoom and shear an image about its centre, by random amounts, bilinearly.

    Attributes:
        degrees: the range of angles, clockwise, or the greatest angle to either side.
        translate: the greatest shift, as shares of the width and of the height.
        scale: the range of zooms; above 1 enlarges.
        shear: the range of angles of shear along x; or the greatest one; or, of four numbers, those of x and of y.
        fill: what is beyond the border: a value, "edge" or "reflect".
        p: the probability that it happens at all.

    >>> image = np.zeros((1, 1, 4, 4), np.float32)
    >>> image[0, 0, 1, 1] = 1
    >>> around = RandomAffine(degrees=(90, 90))(image)
    >>> np.argwhere(around[0, 0] > 0.5).tolist()
    [[1, 2]]
    """

    degrees: float | tuple[float, float]
    translate: tuple[float, float] = (0.0, 0.0)
    scale: tuple[float, float] = (1.0, 1.0)
    shear: float | tuple[float, float] | tuple[float, float, float, float] = 0.0
    fill: Fill = 0.0
    p: float = 1.0

    def __post_init__(self) -> None:
        for name in ("translate", "scale", "shear"):  # torchvision's None, for nothing of the kind
            if getattr(self, name) is None:
                object.__setattr__(self, name, type(self).__dataclass_fields__[name].default)
        check_probability(self.p)
        interval(self.degrees, "degrees")
        interval(self.scale, "scale", least=1e-6)
        self._shears()
        if not all(0 <= share <= 1 for share in self.translate):
            raise UsageError(f"translate must be shares of width and height, from 0 to 1; got {self.translate}")

    def _shears(self) -> tuple[tuple[float, float], tuple[float, float]]:
        if not isinstance(self.shear, int | float) and len(self.shear) == 4:
            low_x, high_x, low_y, high_y = self.shear
            along_x = interval((low_x, high_x), "shear", least=-89, most=89)
            return along_x, interval((low_y, high_y), "shear", least=-89, most=89)
        return interval(self.shear, "shear", least=-89, most=89), (0.0, 0.0)

    @property
    def changes(self) -> frozenset[str]:
        """What it changes, which depends on what was asked for."""
        ranges = {"orientation": interval(self.degrees, "degrees"), "size": tuple(s - 1 for s in self.scale)}
        ranges |= {"position": self.translate, "shape": sum(self._shears(), ())}
        return frozenset(aspect for aspect, ends in ranges.items() if any(ends))

    def draw(self, n: int, height: int, width: int, chance: Chance) -> NDArray[np.float64]:
        """Draw angle, zoom, shears and shift of each image."""
        (sx, sy), (tx, ty) = self._shears(), self.translate
        return matrices(
            chance.uniform(*interval(self.degrees, "degrees")),
            chance.uniform(*self.scale),
            chance.uniform(*sx),
            chance.uniform(*sy),
            chance.uniform(-tx, tx) * width,
            chance.uniform(-ty, ty) * height,
        )


@dataclass(frozen=True)
class RandomRotation(Affine):
    """Turn an image about its centre by a random angle, counter-clockwise as in PyTorch; its size stays.

    Attributes:
        degrees: the range of angles, or the greatest one to either side.
        fill: what is beyond the border.
        p: the probability.

    >>> image = np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2)
    >>> RandomRotation((90, 90))(image)[0, 0].round(5).tolist() == np.rot90(image[0, 0]).tolist()
    True
    """

    degrees: float | tuple[float, float]
    fill: Fill = 0.0
    p: float = 1.0
    aspects = ("orientation",)

    def __post_init__(self) -> None:
        check_probability(self.p)
        interval(self.degrees, "degrees")

    def draw(self, n: int, height: int, width: int, chance: Chance) -> NDArray[np.float64]:
        """Draw an angle."""
        nothing = np.zeros(n)
        angle = -chance.uniform(*interval(self.degrees, "degrees"))
        return matrices(angle, np.ones(n), nothing, nothing, nothing, nothing)


@dataclass(frozen=True)
class RandomTranslate(Affine):
    """Move an image by a random share of its size.

    Attributes:
        translate: the greatest shift to either side, as shares of the width and of the height.
        fill: what is beyond the border.
        p: the probability.

    >>> moved = RandomTranslate((0.5, 0.5))(np.ones((100, 1, 8, 8), np.float32), np.random.default_rng(0))
    >>> 0.5 < float(moved.mean()) < 0.6  # on average a quarter of each axis has left the picture
    True
    """

    translate: tuple[float, float] = (0.1, 0.1)
    fill: Fill = 0.0
    p: float = 1.0
    aspects = ("position",)

    def __post_init__(self) -> None:
        check_probability(self.p)
        if not all(0 <= share <= 1 for share in self.translate):
            raise UsageError(f"translate must be shares of width and height, from 0 to 1; got {self.translate}")

    def draw(self, n: int, height: int, width: int, chance: Chance) -> NDArray[np.float64]:
        """Draw a shift."""
        nothing, (tx, ty) = np.zeros(n), self.translate
        right, down = chance.uniform(-tx, tx) * width, chance.uniform(-ty, ty) * height
        return matrices(nothing, np.ones(n), nothing, nothing, right, down)


@dataclass(frozen=True)
class RandomScale(Affine):
    """Zoom an image about its centre; its number of pixels stays.

    Attributes:
        scale: the range of zooms; above 1 enlarges. As likely to halve as to double: the logarithm is uniform.
        fill: what is beyond the border.
        p: the probability.

    >>> block = np.zeros((1, 1, 9, 9), np.float32)
    >>> block[..., 3:6, 3:6] = 1
    >>> float(RandomScale((2, 2))(block).sum()), float(block.sum())
    (36.0, 9.0)
    """

    scale: tuple[float, float] = (0.8, 1.25)
    fill: Fill = 0.0
    p: float = 1.0
    aspects = ("size",)

    def __post_init__(self) -> None:
        check_probability(self.p)
        interval(self.scale, "scale", least=1e-6)

    def draw(self, n: int, height: int, width: int, chance: Chance) -> NDArray[np.float64]:
        """Draw a zoom."""
        nothing = np.zeros(n)
        zoom = np.exp(chance.uniform(*np.log(self.scale)))
        return matrices(nothing, zoom, nothing, nothing, nothing, nothing)


@dataclass(frozen=True)
class RandomStretch(Affine):
    """Make an image wider and lower, or narrower and taller, and leave its area.

    Attributes:
        ratio: the range of the ratio by which width to height changes; its logarithm is uniform.
        fill: what is beyond the border.
        p: the probability.

    >>> dot = np.zeros((1, 1, 5, 5), np.float32)
    >>> dot[..., 2, 2] = 1
    >>> RandomStretch((4, 4))(dot)[0, 0, 2].tolist()
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """

    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    fill: Fill = 0.0
    p: float = 1.0
    aspects = ("shape",)

    def __post_init__(self) -> None:
        check_probability(self.p)
        interval(self.ratio, "ratio", least=1e-6)

    def draw(self, n: int, height: int, width: int, chance: Chance) -> NDArray[np.float64]:
        """Draw a ratio."""
        wider = np.exp(chance.uniform(*np.log(self.ratio)) / 2)
        forward = np.zeros((n, 2, 3))
        forward[:, 0, 0], forward[:, 1, 1] = wider, 1 / wider
        return forward


@dataclass(frozen=True)
class RandomShear(Affine):
    """Slant an image: rows slide along x in proportion to their height, or columns along y.

    Attributes:
        shear: the greatest angle to either side, or its range.
        axis: "x" or "y", along which things slide.
        fill: what is beyond the border.
        p: the probability.

    >>> line = np.zeros((1, 1, 3, 3), np.float32)
    >>> line[..., 1] = 1
    >>> RandomShear((45, 45))(line)[0, 0].round(4).tolist()
    [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    """

    shear: float | tuple[float, float] = 15.0
    axis: str = "x"
    fill: Fill = 0.0
    p: float = 1.0
    aspects = ("shape",)

    def __post_init__(self) -> None:
        check_probability(self.p)
        interval(self.shear, "shear", least=-89, most=89)
        if self.axis not in ("x", "y"):
            raise UsageError(f"axis must be 'x' or 'y'; got {self.axis!r}")

    def draw(self, n: int, height: int, width: int, chance: Chance) -> NDArray[np.float64]:
        """Draw an angle of shear."""
        angle = np.tan(np.deg2rad(chance.uniform(*interval(self.shear, "shear"))))
        forward = np.tile(np.eye(2, 3), (n, 1, 1))
        forward[:, 0, 1] = -angle if self.axis == "x" else 0
        forward[:, 1, 0] = -angle if self.axis == "y" else 0
        return forward
