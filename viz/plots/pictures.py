"""An image as matplotlib wants it, and how sure a network is of what it shows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minidl.errors import ShapeError

from .inputs import array_of


def as_picture(image: Any, plot: str) -> NDArray[np.float64]:
    """Return an image as matplotlib wants it: `(H, W)` or `(H, W, 3)`, in [0, 1]; nan and infinity are 0.

    Raises:
        ShapeError: it is neither grey nor red, green and blue.

    >>> as_picture(np.zeros((3, 4, 5)), "gallery").shape
    (4, 5, 3)
    """
    array = array_of(image, plot, "an image", ndim=(2, 3))
    if array.ndim == 3:
        if array.shape[0] not in (1, 3) and array.shape[2] in (1, 3):
            array = array.transpose(2, 0, 1)
        if array.shape[0] not in (1, 3):
            raise ShapeError(f"{plot}: an image must be (H, W), (1, H, W) or (3, H, W); got {array.shape}")
        array = array[0] if array.shape[0] == 1 else array.transpose(1, 2, 0)
    array = np.where(np.isfinite(array), array, 0.0)
    low, high = min(float(array.min()), 0.0), float(array.max())
    high = 255.0 if low == 0 and 2 < high <= 255 and (array == np.round(array)).all() else max(high, 1.0)
    return (array - low) / (high - low)


def chance(probability: float) -> str:
    """A probability in whole per cent; a small one is not nothing, and a great one not everything; ? for nan.

    >>> chance(0.9), chance(0.004), chance(0.998)
    ('90 %', '<1 %', '>99 %')
    """
    if not 0 <= probability <= 1:
        return "?"
    whole = round(100 * probability)
    if whole == 0 and probability > 0:
        return "<1 %"
    return ">99 %" if whole == 100 and probability < 1 else f"{whole} %"
