"""Reading images between their pixels: at scattered positions, and at the regular ones of a resize or a blur."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ..transforms import Images, sample

Fill = float | Literal["edge", "reflect"]
"""What is beyond the border: a value, the border's own pixel, or the picture mirrored (`"reflect"`, about the border pixel)."""

Positions = NDArray[np.float32]


def read(images: Images, y: Positions, x: Positions, fill: Fill = 0.0) -> Images:
    """Read each image at its own positions, by bilinear interpolation.

    Args:
        images: `(N, C, H, W)`.
        y: `(N, OH, OW)`, rows; a whole number is the middle of a pixel.
        x: `(N, OH, OW)`, columns.
        fill: what is beyond the border.

    Returns:
        `(N, C, OH, OW)`.

    >>> image = np.array([[0.0, 1.0, 4.0]], np.float32).reshape(1, 1, 1, 3)
    >>> x = np.array([[[-1.0, 0.5, 3.0]]], np.float32)
    >>> [read(image, 0 * x, x, fill).ravel().tolist() for fill in (0.0, 0.2, "edge", "reflect")]
    [[0.0, 0.5, 0.0], [0.20000000298023224, 0.5, 0.20000000298023224], [0.0, 0.5, 4.0], [1.0, 0.5, 1.0]]
    """
    if isinstance(fill, str):
        height, width = images.shape[2:]
        return sample(images, _inside(y, height, fill), _inside(x, width, fill))
    if fill == 0:
        return sample(images, y, x)
    return sample(images - np.float32(fill), y, x) + np.float32(fill)  # outside, `sample` reads 0


def _inside(at: Positions, size: int, fill: Literal["edge", "reflect"]) -> Positions:
    """Bring positions beyond the border back to where the pixel that stands for them is."""
    if fill == "edge" or size == 1:
        return np.clip(at, 0, np.float32(size - 1))
    return np.float32(size - 1) - np.abs(np.mod(at, np.float32(2 * size - 2)) - np.float32(size - 1))


def read_nearest(masks: NDArray[Any], y: Positions, x: Positions, fill: Fill = 0.0) -> NDArray[Any]:
    """Read masks `(N, H, W)` at the nearest pixel to each position; beyond the border a value's fill gives 0."""
    n, height, width = masks.shape
    if isinstance(fill, str):
        y, x = _inside(y, height, fill), _inside(x, width, fill)
    rows, columns = np.floor(y + 0.5).astype(np.intp), np.floor(x + 0.5).astype(np.intp)
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    found = masks[np.arange(n)[:, np.newaxis, np.newaxis], rows.clip(0, height - 1), columns.clip(0, width - 1)]
    return np.where(inside, found, np.zeros((), masks.dtype))


def pixel_grid(height: int, width: int) -> tuple[Positions, Positions]:
    """Return the row `(H, 1)` and the column `(1, W)` of every pixel."""
    return np.arange(height, dtype=np.float32)[:, np.newaxis], np.arange(width, dtype=np.float32)[np.newaxis]


def resize_matrix(size: int, out: int, start: NDArray[Any], length: NDArray[Any]) -> Images:
    """Return the matrices that resize one axis: out = matrix @ in, with the triangle filter that PyTorch and Pillow use.

    With s = length / out, output pixel i looks at c = start + (i + ½) · s and takes the pixels j within r = max(s, 1) of it
    with the weights max(0, 1 − |j + ½ − c| / r), made to sum to 1. Shrinking therefore averages (antialiasing) and enlarging is
    linear interpolation. Pixels beyond the section [start, start + length) are not looked at.

    Args:
        size: of the axis of the input.
        out: how many pixels to make.
        start: `(N,)`, where each image's section begins.
        length: `(N,)`, how long it is.

    Returns:
        `(N, out, size)`.

    >>> half = resize_matrix(4, 2, np.zeros(1), np.full(1, 4.0))
    >>> half[0].astype(float).round(3).tolist()
    [[0.429, 0.429, 0.143, 0.0], [0.0, 0.143, 0.429, 0.429]]
    """
    start, length = (np.asarray(v, np.float64)[:, np.newaxis, np.newaxis] for v in (start, length))
    step = length / out
    centre = start + (np.arange(out)[:, np.newaxis] + 0.5) * step
    pixel = np.arange(size)
    weights = np.maximum(0, 1 - np.abs(pixel + 0.5 - centre) / np.maximum(step, 1))
    weights *= (pixel >= np.floor(start)) & (pixel < np.ceil(start + length))
    return (weights / weights.sum(axis=2, keepdims=True)).astype(np.float32)


def apply_matrices(images: Images, rows: Images, columns: Images) -> Images:
    """Return rows @ image @ columnsᵀ for each image and channel: a resize of both axes, `(N, C, OH, OW)`."""
    across = np.matmul(images, columns.swapaxes(1, 2)[:, np.newaxis])
    return np.ascontiguousarray(np.matmul(rows[:, np.newaxis], across))


def pair(size: int | tuple[int, int], name: str = "size") -> tuple[int, int]:
    """Read a size as PyTorch does: one number is a square, two are height and width.

    Raises:
        UsageError: not positive whole numbers.
    """
    sides = [size] if isinstance(size, int | np.integer) else list(size) if isinstance(size, tuple | list) else []
    if len(sides) not in (1, 2) or not all(isinstance(side, int | np.integer) and side >= 1 for side in sides):
        raise UsageError(f"{name} must be one positive whole number, or two (height, width); got {size!r}")
    return int(sides[0]), int(sides[-1])
