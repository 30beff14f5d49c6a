"""Transforms that bend straight lines: elastic, grid, lens and optical distortion; and a shuffled grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ShapeError, UsageError
from .base import Augmentation, check_probability, interval
from .chance import Chance
from .reading import Fill, Positions, pixel_grid, read, read_nearest
from .scene import Scene, area


class Distortion(Augmentation):
    """A transform that draws for each output pixel of each image where in the input it is read."""

    fill: Fill

    def positions(self, n: int, height: int, width: int, chance: Chance) -> tuple[Positions, Positions]:
        """Return rows and columns, each `(N, H, W)`."""
        raise NotImplementedError

    def change(self, scene: Scene, chance: Chance) -> Scene:
        """Read all images and masks at those positions, and move the boxes."""
        n, _, height, width = scene.images.shape
        y, x = self.positions(n, height, width, chance)
        images = read(scene.images, y, x, self.fill)
        masks = None if scene.masks is None else read_nearest(scene.masks, y, x, self.fill)
        if scene.boxes is None or scene.visibility is None:
            return Scene(images, None, masks)
        boxes, visibility = _boxes_seen(scene.boxes, scene.visibility, y, x)
        return Scene(images, boxes, masks, visibility)


def _boxes_seen(
    boxes: NDArray[np.float32], visibility: NDArray[np.float32], y: Positions, x: Positions
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return for each box the smallest one around the output pixels that read from it: exact to a pixel, for any map.

    What is seen of it is the number of those pixels over its area, at most 1.
    """
    moved, seen = np.zeros_like(boxes), np.zeros_like(visibility)
    for m in range(boxes.shape[1]):
        left, top, right, bottom = (edge[:, np.newaxis, np.newaxis] for edge in boxes[:, m].T)
        inside = (x + 0.5 >= left) & (x + 0.5 < right) & (y + 0.5 >= top) & (y + 0.5 < bottom)
        rows, columns = inside.any(axis=2), inside.any(axis=1)
        found = rows.any(axis=1)
        ends = [
            columns.argmax(axis=1),
            rows.argmax(axis=1),
            columns.shape[1] - columns[:, ::-1].argmax(axis=1),
            rows.shape[1] - rows[:, ::-1].argmax(axis=1),
        ]
        moved[:, m] = np.where(found[:, np.newaxis], np.stack(ends, axis=1), 0)
        share = inside.sum(axis=(1, 2)) / np.maximum(area(boxes[:, m]), 1)
        seen[:, m] = visibility[:, m] * np.minimum(share, 1)
    return moved, seen


@dataclass(frozen=True)
class ElasticTransform(Distortion):
    """Pull an image about like rubber: each pixel is read at a place displaced by smooth noise.

    The displacement is α/2 pixels, as torchvision counts it, times uniform noise from −1 to 1 that was blurred with a
    Gaussian of width σ.

    Attributes:
        alpha: the strength.
        sigma: the smoothness, in pixels.
        fill: what is beyond the border.
        p: the probability.

    Source: P. Simard, D. Steinkraus, J. Platt, "Best practices for convolutional neural networks applied to visual
    document analysis", ICDAR (2003).

    >>> line = np.zeros((1, 1, 16, 16), np.float32)
    >>> line[..., 8] = 1
    >>> bent = ElasticTransform(alpha=40, sigma=2)(line, np.random.default_rng(0))
    >>> len(set(bent[0, 0].argmax(axis=1).tolist())) > 1
    True
    """

    alpha: float = 50.0
    sigma: float = 5.0
    fill: Fill = 0.0
    p: float = 1.0
    aspects = ("shape",)

    def __post_init__(self) -> None:
        check_probability(self.p)
        if self.alpha < 0 or self.sigma <= 0:
            raise UsageError(f"alpha must not be negative and sigma positive; got {self.alpha} and {self.sigma}")

    def positions(self, n: int, height: int, width: int, chance: Chance) -> tuple[Positions, Positions]:
        """Draw smooth noise for each image."""
        from scipy.ndimage import gaussian_filter

        noise = chance.uniform(-1, 1, 2, height, width).astype(np.float32)
        smooth = gaussian_filter(noise, (0, 0, self.sigma, self.sigma), mode="mirror", truncate=4)
        y, x = pixel_grid(height, width)
        strength = np.float32(self.alpha / 2)
        return y + strength * smooth[:, 0], x + strength * smooth[:, 1]


@dataclass(frozen=True)
class GridDistortion(Distortion):
    """Lay a grid over an image and stretch or squeeze each of its columns and rows by a random factor.

    Attributes:
        num_steps: the number of columns and of rows.
        distort_limit: the greatest change of a column's width, as a share of it, below 1.
        fill: what is beyond the border (the border itself stays in place).
        p: the probability.

    Source: the distortion of this name in A. Buslaev et al., "Albumentations", Information 11 (2020).

    >>> ramp = np.arange(8, dtype=np.float32).reshape(1, 1, 1, 8) * np.ones((1, 1, 8, 1), np.float32) / 8
    >>> steps = np.diff(GridDistortion(2, 0.5)(ramp, np.random.default_rng(0))[0, 0, 0])
    >>> bool((steps > 0).all()), bool(np.allclose(steps, 1 / 8))
    (True, False)
    """

    num_steps: int = 5
    distort_limit: float = 0.3
    fill: Fill = "edge"
    p: float = 1.0
    aspects = ("shape",)

    def __post_init__(self) -> None:
        check_probability(self.p)
        if self.num_steps < 1 or not 0 <= self.distort_limit < 1:
            raise UsageError(
                f"num_steps must be at least 1 and distort_limit from 0 to below 1; got {self.num_steps} and "
                f"{self.distort_limit}"
            )

    def positions(self, n: int, height: int, width: int, chance: Chance) -> tuple[Positions, Positions]:
        """Draw the widths of the columns and the heights of the rows of each image."""
        rows, columns = self._axis(height, chance), self._axis(width, chance)
        shape = (n, height, width)
        return np.broadcast_to(rows[:, :, np.newaxis], shape), np.broadcast_to(columns[:, np.newaxis], shape)

    def _axis(self, size: int, chance: Chance) -> Positions:
        """Return where each pixel of an axis is read, `(N, size)`: piecewise linear, and true at both ends."""
        widths = 1 + chance.uniform(-self.distort_limit, self.distort_limit, self.num_steps)
        knots = np.concatenate([np.zeros((len(widths), 1)), np.cumsum(widths, axis=1)], axis=1)
        knots *= size / knots[:, -1:]
        at = (np.arange(size) + 0.5) * self.num_steps / size
        cell = np.minimum(at.astype(np.intp), self.num_steps - 1)
        return (knots[:, cell] + (at - cell) * (knots[:, cell + 1] - knots[:, cell]) - 0.5).astype(np.float32)


def _radial(
    n: int, height: int, width: int, k1: NDArray[np.float64], k2: NDArray[np.float64], centre: NDArray[np.float64]
) -> tuple[Positions, Positions]:
    """Return positions c + (p − c)(1 + k₁r² + k₂r⁴), with r the distance from the centre c, 1 at half the longer side."""
    half = np.float32(max(height, width) / 2)
    y, x = pixel_grid(height, width)
    middle_y = ((height - 1) / 2 + centre[:, 0] * height).astype(np.float32)[:, np.newaxis, np.newaxis]
    middle_x = ((width - 1) / 2 + centre[:, 1] * width).astype(np.float32)[:, np.newaxis, np.newaxis]
    y, x = y - middle_y, x - middle_x
    square = ((y * y + x * x) / half**2).astype(np.float32)
    first, second = (k.astype(np.float32)[:, np.newaxis, np.newaxis] for k in (k1, k2))
    stretch = 1 + square * (first + second * square)
    return (middle_y + y * stretch).astype(np.float32), (middle_x + x * stretch).astype(np.float32)


@dataclass(frozen=True)
class LensDistortion(Distortion):
    """Look through a simple lens: magnify the middle (barrel, k > 0) or the rim (pincushion, k < 0).

    The output pixel at distance r from the centre, 1 at half the longer side, reads at the distance r (1 + k r²).

    Attributes:
        k: the range of k, or the greatest to either side.
        fill: what is beyond the border.
        p: the probability.

    >>> y, x = LensDistortion(k=(0.5, 0.5)).positions(1, 5, 5, Chance.of(None, 1))
    >>> x[0, 2].round(2).tolist()  # the middle row: r = 0.8 at its ends, read at 0.8 (1 + 0.5 · 0.64)
    [-0.6399999856948853, 0.9200000166893005, 2.0, 3.0799999237060547, 4.639999866485596]
    """

    k: float | tuple[float, float] = 0.3
    fill: Fill = 0.0
    p: float = 1.0
    aspects = ("shape",)

    def __post_init__(self) -> None:
        check_probability(self.p)
        interval(self.k, "k")

    def positions(self, n: int, height: int, width: int, chance: Chance) -> tuple[Positions, Positions]:
        """Draw a lens for each image."""
        return _radial(n, height, width, chance.uniform(*interval(self.k, "k")), np.zeros(n), np.zeros((n, 2)))


@dataclass(frozen=True)
class OpticalDistortion(Distortion):
    """Look through an imperfect lens that is a little off the middle: r is read at r (1 + k r² + k r⁴).

    Attributes:
        distort_limit: the range of k, or the greatest to either side.
        shift_limit: how far the optical centre may be off, as a share of the height and of the width.
        fill: what is beyond the border.
        p: the probability.

    Source: D. Brown, "Decentering distortion of lenses", Photogrammetric Engineering 32 (1966), its radial part.

    >>> images = np.ones((2, 1, 8, 8), np.float32)
    >>> bool((OpticalDistortion((0.2, 0.4))(images)[..., 0, 0] < 1).all())  # the corners come from outside
    True
    """

    distort_limit: float | tuple[float, float] = 0.2
    shift_limit: float = 0.05
    fill: Fill = 0.0
    p: float = 1.0
    aspects = ("shape",)

    def __post_init__(self) -> None:
        check_probability(self.p)
        interval(self.distort_limit, "distort_limit")
        interval(self.shift_limit, "shift_limit", most=1)

    def positions(self, n: int, height: int, width: int, chance: Chance) -> tuple[Positions, Positions]:
        """Draw a lens and its place for each image."""
        k = chance.uniform(*interval(self.distort_limit, "distort_limit"))
        return _radial(n, height, width, k, k, chance.uniform(-self.shift_limit, self.shift_limit, 2))


@dataclass(frozen=True)
class RandomGridShuffle(Augmentation):
    """Cut an image into a grid of equal pieces and shuffle them.

    It leaves texture and colour and destroys arrangement: fit for telling materials apart, or for seeing whether a
    network looks at more than texture. Pieces are H // rows by W // columns pixels; a remainder at the right and the
    bottom stays in place.

    Attributes:
        grid: (rows, columns).
        p: the probability.

    >>> image = np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2)
    >>> sorted(RandomGridShuffle((2, 2))(image).ravel().tolist())
    [0.0, 1.0, 2.0, 3.0]
    """

    grid: tuple[int, int] = (3, 3)
    p: float = 1.0
    aspects = ("arrangement", "position", "shape")

    def __post_init__(self) -> None:
        check_probability(self.p)
        if min(self.grid) < 1:
            raise UsageError(f"grid must be (rows, columns), both at least 1; got {self.grid}")

    def change(self, scene: Scene, chance: Chance) -> Scene:
        """Shuffle the pieces of all images and their masks.

        Raises:
            ShapeError: there are more pieces along an axis than pixels.
            UsageError: the scene has boxes, which would be torn apart.
        """
        self.refuse_marks(scene, "it tears things apart")
        height, width = scene.images.shape[2:]
        rows, columns = self.grid
        if rows > height or columns > width:
            raise ShapeError(f"a grid of {rows}×{columns} is finer than an image of {height}×{width} pixels")
        order = chance.order(rows * columns)
        masks = None if scene.masks is None else self._shuffle(scene.masks[:, np.newaxis], order)[:, 0]
        return Scene(self._shuffle(scene.images, order), None, masks)

    def _shuffle(self, planes: NDArray[Any], order: NDArray[np.intp]) -> NDArray[Any]:
        n, channels, height, width = planes.shape
        rows, columns = self.grid
        high, wide = height // rows, width // columns
        whole = planes[:, :, : high * rows, : wide * columns]
        pieces = whole.reshape(n, channels, rows, high, columns, wide).transpose(0, 2, 4, 1, 3, 5)
        pieces = pieces.reshape(n, rows * columns, channels, high, wide)
        moved = np.take_along_axis(pieces, order[:, :, np.newaxis, np.newaxis, np.newaxis], axis=1)
        moved = moved.reshape(n, rows, columns, channels, high, wide).transpose(0, 3, 1, 4, 2, 5)
        out = planes.copy()
        out[:, :, : high * rows, : wide * columns] = moved.reshape(whole.shape)
        return out
