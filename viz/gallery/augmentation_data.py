"""What the augmentation room shows: a photograph, the same with lines, its patches, an apple."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minidl.data.augment import resize

from .plot_data import photograph

Images = NDArray[np.float32]

SIDE = 192
"""The side of the photograph in pixels."""
BOXES = {"cap": (18.0, 0.0, 169.0, 76.0), "glasses": (36.0, 84.0, 162.0, 128.0)}
"""Where things are in it: left, top, right, bottom."""


@lru_cache(maxsize=1)
def portrait() -> Images:
    """The photograph, `(1, 3, 192, 192)`, from 0 to 1."""
    return np.clip(resize(photograph()[np.newaxis].astype(np.float32), SIDE), 0, 1)


def ruled(images: Images, every: int = 32) -> Images:
    """Return images `(N, 3, H, W)` with pale lines drawn on them, so that one sees where each part went."""
    out = images.copy()
    for start in range(every // 2, out.shape[2], every):
        for axis in (2, 3):
            lines = out.take(range(start, start + 2), axis)
            out[(slice(None),) * axis + (slice(start, start + 2),)] = 0.25 * lines + 0.75
    return out


def apple(side: int = 96) -> Images:
    """A red apple on white, `(1, 3, side, side)`."""
    y, x = np.mgrid[0:side, 0:side] / (side / 2) - 1
    angle, radius = np.arctan2(x, -(y - 0.12)), np.hypot(x, y - 0.12)
    outline = 0.72 - 0.16 * np.exp(-((angle / 0.42) ** 2)) - 0.07 * np.exp(-(((np.abs(angle) - np.pi) / 0.35) ** 2))
    body = np.clip((outline - radius) * side / 4, 0, 1)
    light = np.clip(1.05 - 0.55 * np.hypot(x + 0.25, y + 0.1), 0.35, 1)
    shine = np.exp(-(((x + 0.3) / 0.13) ** 2) - ((y + 0.12) / 0.2) ** 2)
    stem = np.clip((0.045 - np.abs(x - 0.12 * (-y - 0.35))) * side / 2, 0, 1) * ((y > -0.85) & (y < -0.36))
    leaf = np.clip(
        (0.16 - np.hypot((x - 0.27) * 0.75 + (y + 0.67) * 0.3, (y + 0.67) * 1.5 + (x - 0.27) * 0.5)) * side / 4, 0, 1
    )
    out = np.ones((3, side, side))
    for cover, colour in (
        (stem, np.array([0.35, 0.22, 0.12])[:, None, None]),
        (leaf, np.array([0.25, 0.5, 0.2])[:, None, None]),
        (body, np.array([0.83, 0.1, 0.13])[:, None, None] * light + 0.55 * shine * np.ones((3, 1, 1))),
    ):
        out = out * (1 - cover) + np.clip(colour, 0, 1) * cover
    return out[np.newaxis].astype(np.float32)


def shown(images: Any) -> Any:
    """Stretch numbers symmetrically about 0 to grey values from 0 to 1, all alike; 0 is mid-grey."""
    images = np.asarray(images)
    return 0.5 + images / (2 * max(float(np.abs(images).max()), 1e-12))
