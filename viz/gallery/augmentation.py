"""Augmentation and preprocessing: what each transform that the lectures list does to a photograph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minidl.data import digits
from minidl.data.augment import (
    ColorJitter,
    CutMix,
    MixUp,
    RandomHorizontalFlip,
    RandomRotation,
    RandomTranslate,
    Scene,
    examples,
    ten_crop,
)
from minidl.data.augment.augmix import MORE_OPERATIONS, OPERATIONS
from minidl.data.augment.chance import Chance
from minidl.data.preprocess import PCA, ZCA, ChannelMean, MeanImage
from minidl.data.transforms import Standardize

from ..drawing.notation import number
from ..drawing.theme import Theme
from ..plots import Plot
from ..plots.judged import Change, judged
from ..plots.mixing import Chain, chains, mixtures
from ..plots.pictures import chance
from ..plots.strips import sizes, strips
from ..plots.variants import View, variants
from .augmentation_data import BOXES, SIDE, apple, portrait, ruled, shown
from .exhibit import Exhibit

MADE = examples(SIDE)
FAMILIES: Mapping[str, tuple[str, int, bool, Mapping[str, str]]] = {
    "crops": ("Flips and crops", 4, False, {
        "horizontal flip": "left to right",
        "vertical flip": "top to bottom",
        "random crop": "¾ of each side, anywhere",
        "centre crop": "¾ of each side, the middle",
        "padding crop": "⅛ added on all sides, mirrored; then cropped",
        "random resized crop": "20 to 60 % of the area, resized",
        "random scale and crop": "1.14 to 2.14 times as large; then cropped",
        "padding": "⅛ added on all sides, mirrored",
    }),
    "affine": ("Straight lines stay straight", 3, True, {
        "rotate": "by 15° to 30°",
        "scale": "1.4 to 1.8 times as large",
        "stretch": "1.6 to 2.2 times as wide as high, or the reverse",
        "shear": "by 20° to 30°",
        "translate": "by up to a fifth",
        "affine": "all at once, the border mirrored",
    }),
    "distortions": ("Straight lines bend", 3, True, {
        "lens distortion": "a barrel: k from 0.4 to 0.6",
        "pincushion": "the reverse: k from −0.16 to −0.12",
        "optical distortion": "a lens off the centre",
        "grid distortion": "columns and rows up to 60 % wider or narrower",
        "elastic": "a smooth random field of shifts",
        "grid shuffle": "3×3 cells in another order",
    }),
    "colour": ("Light and colour", 4, False, {
        "brightness": "1.5 to 1.8 times as light",
        "contrast": "0.3 to 0.4 times as much",
        "saturation": "2 to 2.5 times as colourful",
        "hue": "turned by 0.2 to 0.4 of the circle",
        "colour jitter": "a little of all four, in random order",
        "PCA colour": "along the principal colours of ImageNet",
        "grey": "a weighted mean of the channels",
        "solarize": "what is lighter than ½ is inverted",
    }),
    "detail": ("Detail, tone, and what is hidden", 4, False, {
        "blur": "a Gaussian of σ from 1/60 to 1/40 of the side",
        "sharpen": "4 times as sharp",
        "noise": "normal, with σ = 0.12",
        "posterize": "2 bits a channel",
        "equalize": "all brightnesses alike often",
        "autocontrast": "the darkest black, the lightest white",
        "cutout": "a square of ⅖ of the side",
        "random erasing": "10 to 30 % of the area, filled with noise",
    }),
}  # fmt: skip
"""The augmentations by family: a title, how many stand in a row, whether lines are drawn on the photograph, and words."""


def _family(name: str) -> Callable[[Theme], Plot]:
    def make(theme: Theme) -> Plot:
        title, columns, has_lines, words = FAMILIES[name]
        image = ruled(portrait()) if has_lines else portrait()
        views = [
            View(np.clip(MADE[kind](image, np.random.default_rng(5))[0], 0, 1), kind, note)
            for kind, note in words.items()
        ]
        return variants(View(image[0], "original"), views, columns=columns, title=title, theme=theme)

    return make


def _composition(theme: Theme) -> Plot:
    views = [
        View(np.clip(MADE["composition"](portrait(), np.random.default_rng(seed))[0], 0, 1), f"seed {seed}")
        for seed in range(8)
    ]
    steps = "flip, then rotate or shear, then colour jitter, then cutout"
    return variants(View(portrait()[0], "original", steps), views, title="One composition, eight draws", theme=theme)


def _boxes(theme: Theme) -> Plot:
    names = (
        "horizontal flip",
        "rotate",
        "shear",
        "stretch",
        "random resized crop",
        "random crop",
        "lens distortion",
        "cutout",
    )
    scene = Scene(portrait(), np.array([list(BOXES.values())], np.float32))
    views = []
    for name in names:
        moved: Any = MADE[name](scene, np.random.default_rng(5))  # type: ignore[arg-type]
        left = [
            f"{what} {chance(float(seen)).replace(' ', chr(0xA0))}"
            for what, seen in zip(BOXES, moved.visibility[0], strict=True)
        ]
        boxes: dict[str, Any] = {what: tuple(map(float, box)) for what, box in zip(BOXES, moved.boxes[0], strict=True)}
        views.append(View(np.clip(moved.images[0], 0, 1), name, ", ".join(left), boxes))
    return variants(
        View(portrait()[0], "original", "and how much of each box is still seen", BOXES),
        views,
        title="Boxes move with the image",
        theme=theme,
    )


def _ten_crop(theme: Theme) -> Plot:
    side = SIDE * 2 // 3
    far, middle = SIDE - side, round((SIDE - side) / 2)
    names = ("top left", "top right", "bottom left", "bottom right", "centre")
    corners = ((0, 0), (far, 0), (0, far), (far, far), (middle, middle))
    windows = {str(k + 1): (x, y, x + side, y + side) for k, (x, y) in enumerate(corners)}
    views = [
        View(crop[0], f"{k % 5 + 1}, mirrored" if k >= 5 else f"{k + 1}", "" if k >= 5 else names[k])
        for k, crop in enumerate(ten_crop(portrait(), side))
    ]
    return variants(
        View(portrait()[0], "original", "", windows), views, columns=5, title="Ten crops of an image", theme=theme
    )


def _multi_scale(theme: Theme) -> Plot:
    return sizes(portrait()[0], (224, 256, 384, 480, 640), 224, theme=theme)


def _mixtures(theme: Theme) -> Plot:
    pair = np.concatenate([portrait(), apple(SIDE)])
    rows = {}
    for mix, seeds in ((MixUp(num_classes=2), (34, 37, 38, 22)), (CutMix(num_classes=2), (34, 3, 32, 4))):
        row = []
        for seed in seeds:
            images, shares = mix(pair, np.arange(2), np.random.default_rng(seed))
            row.append((images[0], shares[0].tolist()))
        rows["mixup" if isinstance(mix, MixUp) else "CutMix"] = row
    return mixtures([View(pair[0], "portrait"), View(pair[1], "apple")], rows, theme=theme)


def _augmix(theme: Theme) -> Plot:
    everything = OPERATIONS | MORE_OPERATIONS
    plan: list[list[tuple[str, float]]] = [
        [("rotate", -0.45)],
        [("solarize", 0.5), ("shear x", 0.8)],
        [("equalize", 1.0), ("translate y", 0.3), ("colour", -0.9)],
    ]
    draw = Chance.of(np.random.default_rng(7), 1)
    weights, share = draw.dirichlet(1.0, len(plan))[0], float(draw.beta(1.0, 1.0)[0])
    mixed, mixture = [], np.zeros_like(portrait())
    for weight, operations in zip(weights, plan, strict=True):
        image, steps = portrait(), []
        for name, strength in operations:
            image = np.clip(everything[name](image, np.array([strength])), 0, 1)
            steps.append((name, image[0]))
        mixed.append(Chain(steps, float(weight)))
        mixture += np.float32(weight) * image
    result = share * portrait() + (1 - share) * mixture
    return chains(portrait()[0], mixed, mixture[0], share, result[0], theme=theme)


def _labels(theme: Theme) -> Plot:
    data = digits()
    six, two, three = (data.images[np.flatnonzero(data.labels == digit)[k]] for digit, k in ((6, 3), (2, 2), (3, 4)))
    flip, turn = RandomHorizontalFlip(p=1), RandomRotation((180, 180))
    hue, move = ColorJitter(hue=(0.3, 0.3)), RandomTranslate((0.2, 0.0))
    cases: list[tuple[Any, Any, str, str, str, str]] = [
        (six, turn, "half a turn", "orientation", "which digit?", "a 6 reads as a 9"),
        (two, flip, "mirrored", "mirror", "which digit?", "not a digit any more"),
        (three, move, "moved", "shape", "which digit?", "still a 3"),
        (apple()[0], hue, "another hue", "colour", "a red or a green apple?", "it was red"),
        (apple()[0], hue, "another hue", "shape", "an apple or a pear?", "still an apple"),
        (portrait()[0], flip, "mirrored", "shape", "who is it?", "still Grace Hopper"),
    ]
    pairs = []
    for image, transform, name, aspect, question, verdict in cases:
        after = np.clip(transform(image[np.newaxis], np.random.default_rng(1))[0], 0, 1)
        pairs.append(Change(image, after, name, question, transform.keeps_label(aspect), verdict))
    return judged(pairs, theme=theme)


def _preprocessing(theme: Theme) -> Plot:
    data = digits()
    images, first = data.images, [int(np.flatnonzero(data.labels == digit)[0]) for digit in range(10)]
    pca, zca = PCA.fit(images, 12), ZCA.fit(images, epsilon=0.01)
    explained = float(pca.variances.sum() / PCA.fit(images).variances.sum())
    stages = {
        "digits": images,
        "minus the mean image": MeanImage.fit(images)(images),
        "minus the channel mean": ChannelMean.fit(images)(images),
        "standardised": Standardize.fit(images)(images),
        "ZCA-whitened": zca(images),
    }
    rows, notes = {}, {}
    for name, stage in stages.items():
        near = np.corrcoef(stage[..., :-1].ravel(), stage[..., 1:].ravel())[0, 1]
        rows[name] = stage[first] if name == "digits" else shown(stage[first])
        mean, deviation = (round(float(value), 2) + 0.0 for value in (stage.mean(), stage.std()))
        notes[name] = (
            f"mean {number(mean)}, std {number(deviation)}, neighbours correlate by {number(round(float(near), 2))}"
        )
    rows["from 12 of 64 directions"] = np.clip(pca.inverse(pca(images))[first], 0, 1)
    notes["from 12 of 64 directions"] = f"{100 * explained:.0f} % of the variance"
    rows["the first directions"] = np.stack([shown(axis) for axis in pca.axes[:10].reshape(10, 1, *images.shape[2:])])
    return strips(rows, notes, title="Preprocessing of images", theme=theme)


_MAKERS: dict[str, tuple[str, Callable[[Theme], Plot]]] = {
    "augment-crops": ("Flips and crops", _family("crops")),
    "augment-affine": ("Rotation, scale, stretch, shear, translation", _family("affine")),
    "augment-distortions": ("Lens, optical, grid and elastic distortion, grid shuffle", _family("distortions")),
    "augment-colour": ("Brightness, contrast, saturation, hue, PCA colour", _family("colour")),
    "augment-detail": ("Blur, noise, tone, cutout and random erasing", _family("detail")),
    "augment-composition": ("One composition, eight draws", _composition),
    "augment-boxes": ("Bounding boxes move with the image", _boxes),
    "augment-mixing": ("mixup and CutMix with their labels' shares", _mixtures),
    "augment-augmix": ("AugMix: chains of changes, mixed", _augmix),
    "augment-labels": ("Whether a change keeps a label depends on the question", _labels),
    "augment-ten-crop": ("Five crops and their mirror images", _ten_crop),
    "augment-multi-scale": ("Fifty views of an image", _multi_scale),
    "preprocessing": ("Mean image, standardising, PCA and whitening of images", _preprocessing),
}

EXHIBITS: tuple[Exhibit, ...] = tuple(Exhibit(f"plot-{name}", title, make) for name, (title, make) in _MAKERS.items())
