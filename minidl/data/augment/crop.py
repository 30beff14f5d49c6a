"""Crops, paddings and resizes: what part of a picture is looked at, and how large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ...errors import ShapeError, UsageError
from ..transforms import Images
from .base import Augmentation, interval
from .chance import Chance
from .reading import apply_matrices, pair, read_nearest, resize_matrix
from .scene import Scene, clip_boxes

ATTEMPTS = 10
"""How many crops or rectangles of random proportions are drawn before giving up that one fits, as in torchvision."""

PADDING_MODES = ("constant", "edge", "reflect", "symmetric")


def _borders(padding: int | tuple[int, ...]) -> tuple[int, int, int, int]:
    """Read a padding as PyTorch does: one number; left and right, top and bottom; or left, top, right, bottom."""
    sides = (padding,) if isinstance(padding, int) else tuple(padding)
    if len(sides) not in (1, 2, 4) or min(sides) < 0:
        raise UsageError(f"padding must be 1, 2 or 4 whole numbers, none of them negative; got {padding}")
    left, top, right, bottom = sides * (4 // len(sides))
    return left, top, right, bottom


def _pad(scene: Scene, borders: tuple[int, int, int, int], fill: float, mode: str) -> Scene:
    left, top, right, bottom = borders
    if not any(borders):
        return scene
    widths = ((top, bottom), (left, right))
    extra = {"constant_values": fill} if mode == "constant" else {}
    images = np.pad(scene.images, ((0, 0), (0, 0), *widths), mode, **extra)  # type: ignore[call-overload]
    masks = None if scene.masks is None else np.pad(scene.masks, ((0, 0), *widths), mode)  # type: ignore[call-overload]
    boxes = scene.boxes
    if boxes is not None and scene.visibility is not None:
        shift = np.array([left, top, left, top], np.float32)
        boxes = np.where(scene.visibility[..., np.newaxis] > 0, boxes + shift, boxes)
    return Scene(images, boxes, masks, scene.visibility)


def _crop(scene: Scene, top: NDArray[np.intp], left: NDArray[np.intp], height: int, width: int) -> Scene:
    """Cut from each image the window whose upper left corner is at its own place."""
    each = np.arange(len(scene.images))
    images = np.ascontiguousarray(sliding_window_view(scene.images, (height, width), (2, 3))[each, :, top, left])
    masks = None
    if scene.masks is not None:
        masks = np.ascontiguousarray(sliding_window_view(scene.masks, (height, width), (1, 2))[each, top, left])
    if scene.boxes is None or scene.visibility is None:
        return Scene(images, None, masks)
    corner = np.stack([left, top, left, top], axis=1).astype(np.float32)[:, np.newaxis]
    boxes, visibility = clip_boxes(scene.boxes - corner, scene.visibility, height, width)
    return Scene(images, boxes, masks, visibility)


def _resample(
    scene: Scene,
    size: tuple[int, int],
    top: NDArray[Any],
    left: NDArray[Any],
    height: NDArray[Any],
    width: NDArray[Any],
) -> Scene:
    """Turn each image's section, `height` × `width` at (`top`, `left`), into an image of `size`."""
    n, _, full_height, full_width = scene.images.shape
    rows = resize_matrix(full_height, size[0], np.zeros(n) + top, np.zeros(n) + height)
    columns = resize_matrix(full_width, size[1], np.zeros(n) + left, np.zeros(n) + width)
    images = apply_matrices(scene.images, rows, columns)
    step_y, step_x = (np.broadcast_to(v, n)[:, np.newaxis] for v in (height / size[0], width / size[1]))
    corner_y, corner_x = (np.broadcast_to(v, n)[:, np.newaxis] for v in (top, left))
    masks = None
    if scene.masks is not None:
        y = (corner_y + (np.arange(size[0]) + 0.5) * step_y - 0.5)[:, :, np.newaxis].astype(np.float32)
        x = (corner_x + (np.arange(size[1]) + 0.5) * step_x - 0.5)[:, np.newaxis, :].astype(np.float32)
        masks = read_nearest(scene.masks, y, x, "edge")
    if scene.boxes is None or scene.visibility is None:
        return Scene(images, None, masks)
    corner = np.stack([corner_x, corner_y, corner_x, corner_y], axis=2)
    boxes = (scene.boxes - corner) / np.stack([step_x, step_y, step_x, step_y], axis=2)
    clipped, visibility = clip_boxes(boxes.astype(np.float32), scene.visibility, *size)
    return Scene(images, clipped, masks, visibility)


def resize(images: Images, size: int | tuple[int, int]) -> Images:
    """Resize images with an antialiasing triangle filter (bilinear with `antialias=True` in PyTorch).

    Args:
        images: `(N, C, H, W)`.
        size: (height, width), or the length of the shorter side.

    >>> resize(np.ones((1, 3, 20, 30), np.float32), 10).shape
    (1, 3, 10, 15)
    """
    height, width = images.shape[2:]
    return _resample(
        Scene(images), _target(height, width, size), *(np.array(v, float) for v in (0, 0, height, width))
    ).images


def _target(height: int, width: int, size: int | tuple[int, ...]) -> tuple[int, int]:
    """Return the height and width that an argument `size` asks for."""
    if isinstance(size, tuple | list) and len(size) == 2:
        return pair((size[0], size[1]))
    return shorter_side(height, width, pair(size)[0])  # type: ignore[arg-type]  # one number, if need be in a list


def shorter_side(height: int, width: int, side: int) -> tuple[int, int]:
    """Return the size with the same proportions whose shorter side is `side`; the longer is rounded down, as in PyTorch."""
    pair(side)
    return (side, int(side * width / height)) if height <= width else (int(side * height / width), side)


@dataclass(frozen=True)
class Resize(Augmentation):
    """Resize every image alike.

    Attributes:
        size: (height, width), or the length of the shorter side.

    >>> Resize(10)(np.ones((1, 3, 20, 30), np.float32)).shape
    (1, 3, 10, 15)
    """

    size: int | tuple[int, int]
    aspects = ("size",)

    def __post_init__(self) -> None:
        pair(self.size)

    def change(self, scene: Scene, chance: Chance) -> Scene:
        """Resize images, masks and boxes."""
        height, width = scene.images.shape[2:]
        return _resample(scene, _target(height, width, self.size), *(np.array(v, float) for v in (0, 0, height, width)))


@dataclass(frozen=True)
class Pad(Augmentation):
    """Add pixels on all sides.

    Attributes:
        padding: how many: one number; (left and right, top and bottom); or (left, top, right, bottom).
        fill: their value, for the mode "constant".
        padding_mode: "constant", "edge", "reflect" (without the border pixel) or "symmetric" (with it).

    >>> Pad((1, 0), padding_mode="edge")(np.array([[[[1.0, 2.0]]]], np.float32)).ravel().tolist()
    [1.0, 1.0, 2.0, 2.0]
    """

    padding: int | tuple[int, int] | tuple[int, int, int, int]
    fill: float = 0.0
    padding_mode: str = "constant"
    aspects = ("position", "size")

    def __post_init__(self) -> None:
        _borders(self.padding)
        check_padding_mode(self.padding_mode)

    def change(self, scene: Scene, chance: Chance) -> Scene:
        """Pad images and masks, shift boxes."""
        return _pad(scene, _borders(self.padding), self.fill, self.padding_mode)


def check_padding_mode(mode: str) -> None:
    """Raise UsageError unless there is such a mode."""
    if mode not in PADDING_MODES:
        raise UsageError(f"padding_mode must be one of {', '.join(PADDING_MODES)}; got {mode!r}")


@dataclass(frozen=True)
class CenterCrop(Augmentation):
    """Cut out the middle; an image that is too small is first padded with 0.

    Attributes:
        size: (height, width), or the side of a square.

    >>> CenterCrop(2)(np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4))[0, 0].tolist()
    [[5.0, 6.0], [9.0, 10.0]]
    """

    size: int | tuple[int, int]
    aspects = ("position", "parts")

    def __post_init__(self) -> None:
        pair(self.size)

    def change(self, scene: Scene, chance: Chance) -> Scene:
        """Crop images, masks and boxes."""
        height, width = pair(self.size)
        wide, high = (
            max(0, want - have) for want, have in zip((width, height), scene.images.shape[:1:-1], strict=True)
        )
        scene = _pad(scene, (wide // 2, high // 2, (wide + 1) // 2, (high + 1) // 2), 0.0, "constant")
        n, _, full_height, full_width = scene.images.shape
        top, left = round((full_height - height) / 2), round((full_width - width) / 2)
        return _crop(scene, np.full(n, top), np.full(n, left), height, width)


@dataclass(frozen=True)
class RandomCrop(Augmentation):
    """Cut out a window at a random place, after padding; `RandomCrop(32, padding=4)` is CIFAR's usual augmentation.

    Attributes:
        size: (height, width) of the window, or the side of a square.
        padding: pixels to add on all sides first; see `Pad`.
        pad_if_needed: whether an image smaller than the window is padded until it fits.
        fill: the value of added pixels, for the mode "constant".
        padding_mode: "constant", "edge", "reflect" or "symmetric".

    >>> images = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    >>> RandomCrop(4, padding=1)(images, np.random.default_rng(2))[0, 0].tolist()
    [[0.0, 0.0, 1.0, 2.0], [0.0, 4.0, 5.0, 6.0], [0.0, 8.0, 9.0, 10.0], [0.0, 12.0, 13.0, 14.0]]
    """

    size: int | tuple[int, int]
    padding: int | tuple[int, int] | tuple[int, int, int, int] | None = None
    pad_if_needed: bool = False
    fill: float = 0.0
    padding_mode: str = "constant"
    aspects = ("position", "parts")

    def __post_init__(self) -> None:
        pair(self.size)
        _borders(self.padding or 0)
        check_padding_mode(self.padding_mode)

    def change(self, scene: Scene, chance: Chance) -> Scene:
        """Crop images, masks and boxes.

        Raises:
            ShapeError: the padded image is smaller than the window.
        """
        height, width = pair(self.size)
        scene = _pad(scene, _borders(self.padding or 0), self.fill, self.padding_mode)
        if self.pad_if_needed:
            high, wide = (
                max(0, want - have) for want, have in zip((height, width), scene.images.shape[2:], strict=True)
            )
            scene = _pad(scene, (wide, high, wide, high), self.fill, self.padding_mode)
        full_height, full_width = scene.images.shape[2:]
        if full_height < height or full_width < width:
            raise ShapeError(
                f"RandomCrop: a window of {height}×{width} does not fit into a padded image of {full_height}×{full_width}; "
                "give more padding, or pad_if_needed=True"
            )
        top = chance.integers(0, full_height - height + 1)
        left = chance.integers(0, full_width - width + 1)
        return _crop(scene, top, left, height, width)


@dataclass(frozen=True)
class RandomResizedCrop(Augmentation):
    """Cut out a random part of random size and proportions and resize it: Inception's and ResNet's training crops.

    Attributes:
        size: (height, width) to resize to, or the side of a square.
        scale: the range of the part's share of the picture's area.
        ratio: the range of the part's width divided by its height; its logarithm is uniform.

    Source: C. Szegedy et al., "Going deeper with convolutions", CVPR (2015).

    >>> RandomResizedCrop(8)(np.ones((2, 3, 20, 30), np.float32)).shape
    (2, 3, 8, 8)
    """

    size: int | tuple[int, int]
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    aspects = ("position", "size", "shape", "parts")

    def __post_init__(self) -> None:
        pair(self.size)
        interval(self.scale, "scale", least=0)
        interval(self.ratio, "ratio", least=1e-6)

    def change(self, scene: Scene, chance: Chance) -> Scene:
        """Crop and resize images, masks and boxes."""
        height, width = scene.images.shape[2:]
        high, wide, fits = draw_rectangles(height, width, self.scale, self.ratio, chance)
        ratio = np.clip(width / height, *self.ratio)  # the fallback: the largest middle part of allowed proportions
        tallest, widest = min(height, round(width / ratio)), min(width, round(height * ratio))
        high, wide = np.where(fits, high, tallest), np.where(fits, wide, widest)
        down, right = chance.uniform(0, 1), chance.uniform(0, 1)
        top = np.where(fits, np.floor(down * (height - high + 1)), (height - high) // 2)
        left = np.where(fits, np.floor(right * (width - wide + 1)), (width - wide) // 2)
        return _resample(scene, pair(self.size), top, left, high, wide)


def draw_rectangles(
    height: int, width: int, scale: tuple[float, float], ratio: tuple[float, float], chance: Chance
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
    """Draw a rectangle an image, of a random share of the area and of random proportions (width / height).

    Returns:
        Heights `(N,)`, widths `(N,)`, and whether one of ten attempts fitted into the picture.
    """
    area = height * width * chance.uniform(*scale, ATTEMPTS)
    shape = np.exp(chance.uniform(*np.log(ratio), ATTEMPTS))
    wide, high = np.rint(np.sqrt(area * shape)).astype(np.intp), np.rint(np.sqrt(area / shape)).astype(np.intp)
    fits = (wide > 0) & (wide <= width) & (high > 0) & (high <= height)
    each, first = np.arange(len(chance)), fits.argmax(axis=1)
    return high[each, first], wide[each, first], fits[each, first]


@dataclass(frozen=True)
class RandomScaleCrop(Augmentation):
    """Resize an image until its shorter side is a random L and cut out a random square: ResNet's training views.

    Attributes:
        size: (height, width) of the crop, or the side of a square.
        short_side: the range of L, both ends included.

    Source: K. He et al., "Deep residual learning for image recognition", CVPR (2016), section 3.4.

    >>> RandomScaleCrop(size=24, short_side=(26, 48))(np.ones((2, 3, 30, 40), np.float32)).shape
    (2, 3, 24, 24)
    """

    size: int | tuple[int, int] = 224
    short_side: tuple[int, int] = (256, 480)
    aspects = ("position", "size", "parts")

    def __post_init__(self) -> None:
        low, high = self.short_side
        if not max(pair(self.size)) <= low <= high:
            raise UsageError(
                f"short_side must be a range that begins at {max(pair(self.size))} or above; got {(low, high)}"
            )

    def change(self, scene: Scene, chance: Chance) -> Scene:
        """Resize and crop images, masks and boxes, in one step."""
        height, width = scene.images.shape[2:]
        out_height, out_width = pair(self.size)
        low, high = self.short_side
        zoom = chance.integers(low, high + 1) / min(height, width)
        crop_height, crop_width = out_height / zoom, out_width / zoom  # the crop, in pixels of the original
        top = chance.uniform(0, 1) * (height - crop_height)
        left = chance.uniform(0, 1) * (width - crop_width)
        return _resample(scene, (out_height, out_width), top, left, crop_height, crop_width)
