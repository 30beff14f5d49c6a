"""Augmentation: random changes of images under which the label stays true, composable and seeded.

Every augmentation is a small record of its settings that is called with a batch `(N, C, H, W)` of float32 images from 0
to 1 and a generator; each image gets random parameters of its own. Names and arguments are torchvision's where it has
the transform. Boxes and masks move along in a `Scene`. Nothing here knows of labels but `MixUp` and `CutMix`, which mix
them too; whether a transform leaves a task's labels true is what `Augmentation.keeps_label` answers.

>>> import numpy as np
>>> augment = Compose([RandomCrop(32, padding=4), RandomHorizontalFlip(), ColorJitter(brightness=0.2, hue=0.05)])
>>> images = np.random.default_rng(0).random((4, 3, 32, 32)).astype(np.float32)
>>> again = [augment(images, np.random.default_rng(7)) for _ in range(2)]
>>> bool((again[0] == again[1]).all())
True
"""

from .affine import (
    RandomAffine,
    RandomRotation,
    RandomScale,
    RandomShear,
    RandomStretch,
    RandomTranslate,
)
from .augmix import AugMix
from .base import ASPECTS, Augmentation
from .chance import Chance
from .colour import ColorJitter, Grayscale, PCAColor, RandomGrayscale
from .compose import Compose, OneOf, RandomApply, RandomOrder, Sequential
from .crop import CenterCrop, Pad, RandomCrop, RandomResizedCrop, RandomScaleCrop, Resize, resize
from .distort import ElasticTransform, GridDistortion, LensDistortion, OpticalDistortion, RandomGridShuffle
from .erase import Cutout, RandomErasing
from .examples import EXAMPLES, examples
from .filter import GaussianBlur, GaussianNoise, RandomAdjustSharpness
from .flip import RandomHorizontalFlip, RandomVerticalFlip
from .mix import CutMix, MixUp
from .scene import Scene
from .tone import RandomAutocontrast, RandomEqualize, RandomPosterize, RandomSolarize
from .views import average_views, five_crop, multi_scale_views, ten_crop, vote_views

__all__ = [
    "ASPECTS",
    "EXAMPLES",
    "AugMix",
    "Augmentation",
    "CenterCrop",
    "Chance",
    "ColorJitter",
    "Compose",
    "CutMix",
    "Cutout",
    "ElasticTransform",
    "GaussianBlur",
    "GaussianNoise",
    "Grayscale",
    "GridDistortion",
    "LensDistortion",
    "MixUp",
    "OneOf",
    "OpticalDistortion",
    "PCAColor",
    "Pad",
    "RandomAdjustSharpness",
    "RandomAffine",
    "RandomApply",
    "RandomAutocontrast",
    "RandomCrop",
    "RandomEqualize",
    "RandomErasing",
    "RandomGrayscale",
    "RandomGridShuffle",
    "RandomHorizontalFlip",
    "RandomOrder",
    "RandomPosterize",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomScale",
    "RandomScaleCrop",
    "RandomShear",
    "RandomSolarize",
    "RandomStretch",
    "RandomTranslate",
    "RandomVerticalFlip",
    "Resize",
    "Scene",
    "Sequential",
    "average_views",
    "examples",
    "five_crop",
    "multi_scale_views",
    "resize",
    "ten_crop",
    "vote_views",
]
