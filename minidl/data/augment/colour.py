"""Light and colour: brightness, contrast, saturation, hue, greyscale, and AlexNet's offset along the principal colours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ...errors import ShapeError, UsageError
from ..preprocess import principal_axes
from ..transforms import Images
from .base import Augmentation, check_probability, column, interval
from .chance import Chance
from .compose import RandomOrder
from .scene import Scene

GREY = np.array([0.2989, 0.587, 0.114], np.float32)[:, np.newaxis, np.newaxis]
"""How much red, green and blue add to lightness, as in PyTorch and Pillow (ITU-R 601)."""

Amount = NDArray[np.floating]


def to_grey(images: Images) -> Images:
    """Return the lightness of images, `(N, 1, H, W)`: 0.2989 R + 0.587 G + 0.114 B; a grey image is its own.

    >>> round(to_grey(np.ones((1, 3, 1, 1), np.float32)).item(), 4)
    0.9999
    """
    if images.shape[1] not in (1, 3):
        raise ShapeError(f"lightness is of images with 3 channels (or 1); got {images.shape[1]}")
    return images if images.shape[1] == 1 else (images * GREY).sum(axis=1, keepdims=True, dtype=np.float32)


def _blend(images: Images, other: Images | np.float32, amount: Amount) -> Images:
    """Return amount · images + (1 − amount) · other, kept from 0 to 1; an amount above 1 goes away from `other`."""
    weight = column(amount)
    return np.clip(weight * images + (1 - weight) * other, 0, 1)


def adjust_brightness(images: Images, factor: Amount) -> Images:
    """Multiply the light: factor · image. 0 is black, 1 changes nothing.

    Args:
        images: `(N, C, H, W)` from 0 to 1.
        factor: `(N,)`.
    """
    return _blend(images, np.float32(0), factor)


def adjust_contrast(images: Images, factor: Amount) -> Images:
    """Blend with the image's mean lightness m: factor · image + (1 − factor) · m. 0 is plain grey."""
    return _blend(images, to_grey(images).mean(axis=(1, 2, 3), keepdims=True), factor)


def adjust_saturation(images: Images, factor: Amount) -> Images:
    """Blend with the grey image: 0 is grey, 1 changes nothing. A grey image stays as it is."""
    return images if images.shape[1] == 1 else _blend(images, to_grey(images), factor)


def adjust_hue(images: Images, shift: Amount) -> Images:
    """Turn the hue: by ½ to the opposite colour, by 1 all the way round. A grey image stays as it is.

    Args:
        images: `(N, 3, H, W)`, red, green, blue.
        shift: `(N,)`, in turns.

    >>> red = np.array([1.0, 0.0, 0.0], np.float32).reshape(1, 3, 1, 1)
    >>> adjust_hue(red, np.array([1 / 3])).ravel().round(4).tolist()  # green
    [0.0, 1.0, 0.0]
    """
    if images.shape[1] == 1:
        return images
    hue, saturation, value = np.moveaxis(rgb_to_hsv(images), 1, 0)
    turned = np.mod(hue + column(shift)[:, 0], np.float32(1))
    return hsv_to_rgb(np.stack([turned, saturation, value], axis=1))


def rgb_to_hsv(images: Images) -> Images:
    """Return hue, saturation and value, each from 0 to 1, of red, green and blue; `(N, 3, H, W)` both.

    Source: A. R. Smith, "Color gamut transform pairs", SIGGRAPH (1978), as in Python's `colorsys`.
    """
    if images.shape[1] != 3:
        raise ShapeError(f"hue and saturation are of images with 3 channels (or 1); got {images.shape[1]}")
    red, green, blue = np.moveaxis(images, 1, 0)
    value = images.max(axis=1)
    span = value - images.min(axis=1)
    safe = np.where(span > 0, span, np.float32(1))
    near_green = np.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe)
    hue = np.where(value == red, (green - blue) / safe, near_green)
    saturation = span / np.where(value > 0, value, np.float32(1))
    return np.stack([np.mod(hue / 6, np.float32(1)), saturation, value], axis=1)


def hsv_to_rgb(images: Images) -> Images:
    """Return red, green and blue of hue h, saturation s and value v, the reverse of `rgb_to_hsv`.

    Each is v − v s max(0, min(k, 4 − k, 1)), where k = (n + 6h) mod 6 with n = 5 for red, 3 for green, 1 for blue.
    """
    hue, saturation, value = np.moveaxis(images, 1, 0)
    channels = []
    for n in (5, 3, 1):
        k = np.mod(n + 6 * hue, np.float32(6))
        channels.append(value - value * saturation * np.clip(np.minimum(k, 4 - k), 0, 1))
    return np.stack(channels, axis=1).astype(np.float32, copy=False)


@dataclass(frozen=True)
class _Adjust(Augmentation):
    """Apply one of the functions above with a factor drawn for each image."""

    function: Callable[[Images, Amount], Images]
    low: float
    high: float

    def pixels(self, images: Images, chance: Chance) -> Images:
        return self.function(images, chance.uniform(self.low, self.high))


@dataclass(frozen=True)
class ColorJitter(Augmentation):
    """Change brightness, contrast, saturation and hue by random amounts, in an order that is random for each image.

    Each amount is a number v, for factors from max(0, 1 − v) to 1 + v (for hue, turns from −v to v), or a range.

    Attributes:
        brightness: of the factor that multiplies the light.
        contrast: of the factor that multiplies the distance from the mean lightness.
        saturation: of the factor that multiplies the distance from grey.
        hue: of the turn of the colour circle, at most ½ to either side.
        p: the probability that it happens at all.

    >>> images = np.full((1, 3, 1, 1), 0.25, np.float32)
    >>> ColorJitter(brightness=(2, 2))(images).ravel().tolist()
    [0.5, 0.5, 0.5]
    """

    brightness: float | tuple[float, float] = 0.0
    contrast: float | tuple[float, float] = 0.0
    saturation: float | tuple[float, float] = 0.0
    hue: float | tuple[float, float] = 0.0
    p: float = 1.0

    def __post_init__(self) -> None:
        check_probability(self.p)
        self._adjustments()

    def _adjustments(self) -> dict[str, _Adjust]:
        """Return what changes anything, by name."""
        functions = {"brightness": adjust_brightness, "contrast": adjust_contrast, "saturation": adjust_saturation}
        found = {
            name: _Adjust(function, *interval(getattr(self, name), name, around=1, least=0))
            for name, function in functions.items()
        }
        found["hue"] = _Adjust(adjust_hue, *interval(self.hue, "hue", least=-0.5, most=0.5))
        return {
            name: each for name, each in found.items() if (each.low, each.high) != ((0, 0) if name == "hue" else (1, 1))
        }

    @property
    def changes(self) -> frozenset[str]:
        """What it changes, which depends on what was asked for."""
        touched = {"brightness": "brightness", "contrast": "brightness", "saturation": "colour", "hue": "colour"}
        return frozenset(touched[name] for name in self._adjustments())

    def change(self, scene: Scene, chance: Chance) -> Scene:
        """Change all images."""
        return RandomOrder(list(self._adjustments().values())).change(scene, chance)


@dataclass(frozen=True)
class RandomGrayscale(Augmentation):
    """Take the colour out of an image, which keeps its number of channels, with probability `p`.

    >>> grey = RandomGrayscale(p=1)(np.random.default_rng(0).random((1, 3, 2, 2)).astype(np.float32))
    >>> bool((grey[:, 0] == grey[:, 2]).all())
    True
    """

    p: float = 0.1
    aspects = ("colour",)

    def __post_init__(self) -> None:
        check_probability(self.p)

    def pixels(self, images: Images, chance: Chance) -> Images:
        """Put the lightness into every channel."""
        return np.repeat(to_grey(images), images.shape[1], axis=1)


@dataclass(frozen=True)
class Grayscale(Augmentation):
    """Turn images into grey ones, always.

    Attributes:
        num_output_channels: 1 or 3.

    >>> Grayscale()(np.ones((1, 3, 2, 2), np.float32)).shape
    (1, 1, 2, 2)
    """

    num_output_channels: int = 1
    aspects = ("colour",)

    def __post_init__(self) -> None:
        if self.num_output_channels not in (1, 3):
            raise UsageError(f"num_output_channels must be 1 or 3; got {self.num_output_channels}")

    def pixels(self, images: Images, chance: Chance) -> Images:
        """Put the lightness into every channel."""
        return np.repeat(to_grey(images), self.num_output_channels, axis=1)


@dataclass(frozen=True)
class PCAColor(Augmentation):
    """Add to all pixels of an image one random colour, of the kind by which the training set's pixels differ.

    With p₁, p₂, p₃ the principal directions of all [R, G, B] pixels and λ their variances, the colour added to an image
    is Σ αᵢ λᵢ pᵢ, with αᵢ ~ N(0, std²) drawn anew for each. The formula depends on the scale of the pixels; as in the
    usual implementations they go from 0 to 1.

    Attributes:
        directions: `(C, C)`, one direction a row.
        variances: `(C,)`, the variance of the pixels along each.
        std: the standard deviation of α.
        p: the probability.

    Source: A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet classification with deep convolutional neural networks",
    NIPS (2012), section 4.1.
    """

    directions: tuple[tuple[float, ...], ...]
    variances: tuple[float, ...]
    std: float = 0.1
    p: float = 1.0
    aspects = ("colour", "brightness")

    def __post_init__(self) -> None:
        check_probability(self.p)

    @classmethod
    def fit(cls, images: Images, std: float = 0.1, p: float = 1.0) -> Self:
        """Measure the principal colours of the pixels of the training images `(N, C, H, W)`.

        >>> reds = np.zeros((2, 3, 1, 1), np.float32)
        >>> reds[1, 0] = 1
        >>> PCAColor.fit(reds).directions[0], PCAColor.fit(reds).variances[0]
        ((1.0, 0.0, 0.0), 0.25)
        """
        _, variances, axes = principal_axes(np.moveaxis(images, 1, 3).reshape(-1, images.shape[1]))
        return cls(tuple(map(tuple, axes.tolist())), tuple(variances.tolist()), std, p)

    def pixels(self, images: Images, chance: Chance) -> Images:
        """Add a colour to each image.

        Raises:
            ShapeError: the images have another number of channels than those that were measured.
        """
        if images.shape[1] != len(self.variances):
            raise ShapeError(
                f"PCAColor was fitted to {len(self.variances)} channels; these images have {images.shape[1]}"
            )
        amounts = self.std * chance.normal(len(self.variances)) * np.array(self.variances, np.float32)
        offsets = amounts @ np.array(self.directions, np.float32)
        return np.clip(images + offsets[:, :, np.newaxis, np.newaxis].astype(np.float32), 0, 1)
