"""One example of each augmentation, strong enough to be seen: a gallery shows them all."""

from __future__ import annotations

from ..transforms import RandomWarp, Transform
from .affine import (
    RandomAffine,
    RandomRotation,
    RandomScale,
    RandomShear,
    RandomStretch,
    RandomTranslate,
)
from .augmix import AugMix
from .colour import ColorJitter, PCAColor, RandomGrayscale
from .compose import Compose, OneOf
from .crop import CenterCrop, Pad, RandomCrop, RandomResizedCrop, RandomScaleCrop
from .distort import ElasticTransform, GridDistortion, LensDistortion, OpticalDistortion, RandomGridShuffle
from .erase import Cutout, RandomErasing
from .filter import GaussianBlur, GaussianNoise, RandomAdjustSharpness
from .flip import RandomHorizontalFlip, RandomVerticalFlip
from .tone import RandomAutocontrast, RandomEqualize, RandomPosterize, RandomSolarize

IMAGENET_DIRECTIONS = (
    (0.5675, 0.5808, 0.5836),
    (0.7192, -0.0045, -0.6948),
    (-0.4009, 0.8140, -0.4203),
)
"""The principal colours of ImageNet's pixels, as published with fb.resnet.torch."""

IMAGENET_VARIANCES = (0.2175, 0.0188, 0.0045)
"""The variance along each of them, for pixels from 0 to 1."""


def examples(side: int = 64) -> dict[str, Transform]:
    """Return one configured transform of each kind by name, each of which shows its effect on every image.

    Args:
        side: the side of the images, in pixels: strengths that are in pixels are in proportion to it.

    >>> "elastic" in examples(), len(examples()) > 30
    (True, True)
    """
    return {
        "horizontal flip": RandomHorizontalFlip(p=1),
        "vertical flip": RandomVerticalFlip(p=1),
        "centre crop": CenterCrop(side * 3 // 4),
        "random crop": RandomCrop(side * 3 // 4),
        "padding crop": RandomCrop(side, padding=max(1, side // 8), padding_mode="reflect"),
        "padding": Pad(max(1, side // 8), padding_mode="reflect"),
        "random resized crop": RandomResizedCrop(side, scale=(0.2, 0.6)),
        "random scale and crop": RandomScaleCrop(side, short_side=(side * 8 // 7, side * 15 // 7)),
        "rotate": RandomRotation((15, 30)),
        "translate": RandomTranslate((0.2, 0.2)),
        "scale": RandomScale((1.4, 1.8)),
        "stretch": RandomStretch((1.6, 2.2)),
        "shear": RandomShear((20, 30)),
        "affine": RandomAffine(20, translate=(0.1, 0.1), scale=(0.8, 1.2), shear=15, fill="reflect"),
        "fused warp": RandomWarp(shift=side / 16, degrees=15, zoom=1.2),
        "lens distortion": LensDistortion(k=(0.4, 0.6)),
        "pincushion": LensDistortion(k=(-0.16, -0.12)),
        "optical distortion": OpticalDistortion((0.2, 0.4)),
        "grid distortion": GridDistortion(distort_limit=0.6),
        "elastic": ElasticTransform(alpha=2.5 * side, sigma=side / 16),
        "grid shuffle": RandomGridShuffle((3, 3)),
        "brightness": ColorJitter(brightness=(1.5, 1.8)),
        "contrast": ColorJitter(contrast=(0.3, 0.4)),
        "saturation": ColorJitter(saturation=(2.0, 2.5)),
        "hue": ColorJitter(hue=(0.2, 0.4)),
        "colour jitter": ColorJitter(0.4, 0.4, 0.4, 0.1),
        "PCA colour": PCAColor(IMAGENET_DIRECTIONS, IMAGENET_VARIANCES, std=1.0),
        "grey": RandomGrayscale(p=1),
        "blur": GaussianBlur(2 * (side // 12) + 3, sigma=(side / 60, side / 40)),
        "sharpen": RandomAdjustSharpness(4, p=1),
        "noise": GaussianNoise(sigma=0.12),
        "posterize": RandomPosterize(2, p=1),
        "solarize": RandomSolarize(0.5, p=1),
        "equalize": RandomEqualize(p=1),
        "autocontrast": RandomAutocontrast(p=1),
        "cutout": Cutout(max(1, side * 2 // 5)),
        "random erasing": RandomErasing(p=1, scale=(0.1, 0.3), value="random"),
        "AugMix": AugMix(severity=8),
        "composition": Compose(
            [
                RandomHorizontalFlip(),
                OneOf([RandomRotation(20), RandomShear(20)]),
                ColorJitter(0.3, 0.3, 0.3, 0.05),
                Cutout(max(1, side // 4)),
            ]
        ),
    }


EXAMPLES: dict[str, Transform] = examples()
"""The examples for images of 64×64 pixels. MixUp and CutMix are not among them: they mix pairs, with their labels."""
