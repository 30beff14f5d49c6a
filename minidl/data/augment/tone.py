"""Curves that map old tones to new ones: posterize, solarize, equalize, autocontrast, as AugMix needs them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ..transforms import Images
from .base import Augmentation, check_probability, column
from .chance import Chance


def posterize(images: Images, bits: NDArray[np.integer]) -> Images:
    """Keep only 2^bits tones: ⌊2^bits · x⌋ / 2^bits, and at most (2^bits − 1) / 2^bits.

    Args:
        images: `(N, C, H, W)` from 0 to 1.
        bits: `(N,)`.

    >>> posterize(np.array([[[[0.1, 0.6, 1.0]]]], np.float32), np.array([1])).ravel().tolist()
    [0.0, 0.5, 0.5]
    """
    levels = column(2.0**bits)
    return np.clip(np.floor(images * levels), 0, levels - 1) / levels


def solarize(images: Images, threshold: NDArray[np.floating]) -> Images:
    """Turn the light tones into their negatives: 1 − x where x ≥ threshold, `(N,)`.

    >>> solarize(np.array([[[[0.25, 0.75]]]], np.float32), np.array([0.5])).ravel().tolist()
    [0.25, 0.25]
    """
    return np.where(images >= column(threshold), 1 - images, images)


def autocontrast(images: Images) -> Images:
    """Stretch each channel of each image so that its darkest value is 0 and its lightest 1; a plain one stays.

    >>> autocontrast(np.array([[[[0.25, 0.5, 0.75]]]], np.float32)).ravel().tolist()
    [0.0, 0.5, 1.0]
    """
    low, high = images.min(axis=(2, 3), keepdims=True), images.max(axis=(2, 3), keepdims=True)
    plain = high == low
    return np.where(plain, images, (images - low) / np.where(plain, np.float32(1), high - low))


def equalize(images: Images) -> Images:
    """Spread the tones of each channel of each image so that all are equally frequent, in 256 steps as Pillow does.

    A byte b becomes ⌊(step/2 + the number of pixels darker than b) / step⌋, where step is the number of pixels that are not
    of the lightest tone, divided by 255.
    """
    n, channels, height, width = images.shape
    planes = n * channels
    tones = np.rint(images * 255).clip(0, 255).astype(np.intp).reshape(planes, height * width)
    counts = np.bincount((tones + 256 * np.arange(planes)[:, np.newaxis]).ravel(), minlength=256 * planes).reshape(
        planes, 256
    )
    lightest = counts[np.arange(planes), 255 - (counts[:, ::-1] > 0).argmax(axis=1)]
    step = (height * width - lightest) // 255
    darker = np.cumsum(counts, axis=1) - counts
    safe = np.maximum(step, 1)[:, np.newaxis]
    table = np.clip((safe // 2 + darker) // safe, 0, 255)
    table[step == 0] = np.arange(256)  # too few pixels to spread, or one tone only: stays
    spread = np.take_along_axis(table, tones, axis=1).reshape(images.shape).astype(np.float32) / np.float32(255)
    kept = (step == 0).reshape(n, channels, 1, 1)
    return np.where(kept, images, spread)


@dataclass(frozen=True)
class RandomPosterize(Augmentation):
    """Keep only 2^bits tones of each channel, with probability `p`.

    >>> RandomPosterize(1, p=1)(np.array([[[[0.25, 0.75]]]], np.float32)).ravel().tolist()
    [0.0, 0.5]
    """

    bits: int
    p: float = 0.5
    aspects = ("texture", "colour")

    def __post_init__(self) -> None:
        check_probability(self.p)
        if not 0 <= self.bits <= 8:
            raise UsageError(f"bits must be from 0 to 8; got {self.bits}")

    def pixels(self, images: Images, chance: Chance) -> Images:
        """Posterize all images."""
        return posterize(images, np.full(len(images), self.bits))


@dataclass(frozen=True)
class RandomSolarize(Augmentation):
    """Turn tones from `threshold` up into their negatives, with probability `p`.

    >>> RandomSolarize(0.5, p=1)(np.array([[[[0.25, 1.0]]]], np.float32)).ravel().tolist()
    [0.25, 0.0]
    """

    threshold: float
    p: float = 0.5
    aspects = ("brightness", "colour")

    def __post_init__(self) -> None:
        check_probability(self.p)

    def pixels(self, images: Images, chance: Chance) -> Images:
        """Solarize all images."""
        return solarize(images, np.full(len(images), self.threshold))


@dataclass(frozen=True)
class RandomAutocontrast(Augmentation):
    """Stretch the tones of each channel from 0 to 1, with probability `p`.

    >>> RandomAutocontrast(p=1)(np.array([[[[0.5, 0.75]]]], np.float32)).ravel().tolist()
    [0.0, 1.0]
    """

    p: float = 0.5
    aspects = ("brightness", "colour")

    def __post_init__(self) -> None:
        check_probability(self.p)

    def pixels(self, images: Images, chance: Chance) -> Images:
        """Stretch all images."""
        return autocontrast(images)


@dataclass(frozen=True)
class RandomEqualize(Augmentation):
    """Make all tones of each channel equally frequent, with probability `p`.

    >>> dark = np.linspace(0, 0.25, 4096, dtype=np.float32).reshape(1, 1, 64, 64)
    >>> round(float(RandomEqualize(p=1)(dark).mean()), 1), round(float(dark.mean()), 1)
    (0.5, 0.1)
    """

    p: float = 0.5
    aspects = ("brightness", "colour")

    def __post_init__(self) -> None:
        check_probability(self.p)

    def pixels(self, images: Images, chance: Chance) -> Images:
        """Equalize all images."""
        return equalize(images)
