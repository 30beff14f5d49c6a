"""Fractional maximum pooling: windows at random distances, so that an image may shrink by any factor between 1 and 2."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import ShapeError, UsageError
from ...graph import Node, array_of, beside
from ...kernels.device import brought_to, fetched, where_is
from ..kinds import Shape, Value, refuses, sample, shape_of
from ..layers.random import Generator, default_generator
from ..operation import operation
from .arguments import as_batch, is_whole, per_axis, times, without_batch
from .pooling import check_image, plane_gather


def _starts(draws: Any, length: int, count: int, window: int) -> Any:
    """Where the windows along one axis begin, a row for each draw u: ⌊(i + u)·α⌋ − ⌊u·α⌋, the last one at the end."""
    if count == 1:
        return np.full((draws.size, 1), length - window)
    alpha = draws.dtype.type((length - window) / (count - 1))
    u = draws[:, None]
    starts = np.floor((np.arange(count, dtype=u.dtype) + u) * alpha) - np.floor(u * alpha)
    starts[:, -1] = length - window
    return starts.astype(np.int64)


def _positions(x: Any, kernel: Shape, size: Shape, draws: Any) -> Any:
    """Where in its image the largest element of each window is, `(N, C, *size)`."""
    n, c, *lengths = x.shape
    planes = x.reshape(n * c, *lengths)
    axes = len(kernel)
    order = (1, 0) if axes == 2 else (0, 1, 2)  # PyTorch's draws for images begin with the width
    rows: list[Any] = [np.arange(n * c).reshape(-1, *(1,) * (2 * axes))]
    for axis in range(axes):
        starts = _starts(draws[:, order[axis]], lengths[axis], size[axis], kernel[axis])
        places = starts[:, :, None] + np.arange(kernel[axis])  # (planes, windows, elements)
        shape = [n * c] + [1] * (2 * axes)
        shape[1 + axis], shape[1 + axes + axis] = size[axis], kernel[axis]
        rows.append(places.reshape(shape))
    windows = planes[tuple(rows)]
    flat = np.ravel_multi_index(np.broadcast_arrays(*rows[1:]), lengths)
    flat = np.broadcast_to(flat, windows.shape).reshape(*windows.shape[: axes + 1], -1)
    best = windows.reshape(flat.shape).argmax(-1)
    return np.take_along_axis(brought_to(flat, where_is(best)), best[..., None], -1).reshape(n, c, *size)


def _fractional(
    axes: int,
    input: Value,
    kernel_size: Any,
    output_size: Any,
    output_ratio: Any,
    return_indices: bool,
    samples: Value | None,
    generator: Generator | None,
) -> Any:
    name = f"fractional_max_pool{axes}d"
    images, alone = as_batch(input, axes)
    check_image(name, shape_of(images), axes)
    n, c, *lengths = shape_of(images)
    kernel = per_axis(kernel_size, "kernel_size", 1, axes)
    size = _size(name, axes, tuple(lengths), output_size, output_ratio)
    if any(m + k - 1 > length for m, k, length in zip(size, kernel, lengths, strict=True)):
        raise ShapeError(
            f"{name}: {times(size)} windows of {times(kernel)} need a larger image than {times(tuple(lengths))}"
        )
    if samples is None:
        draws = (generator or default_generator).numpy.random((n, c, axes))
    else:
        draws = fetched(array_of(samples))
        if draws.shape != (n, c, axes):
            raise ShapeError(f"{name}: _random_samples must be {(n, c, axes)}, a number an axis; got {draws.shape}")
    x = array_of(images)
    positions = beside(_positions, x, kernel, size, draws.reshape(n * c, axes).astype(x.dtype))
    values = without_batch(plane_gather(images, positions=positions), alone)
    if not return_indices:
        return values
    found = positions[0] if alone else positions
    return values, (values.result_class(found) if isinstance(values, Node) else found)


def _size(name: str, axes: int, lengths: Shape, output_size: Any, output_ratio: Any) -> Shape:
    if (output_size is None) == (output_ratio is None):
        raise UsageError(f"{name}: give either output_size or output_ratio")
    if output_size is not None:
        return per_axis(output_size, "output_size", 1, axes)
    ratios = tuple(output_ratio) if isinstance(output_ratio, tuple | list) else (output_ratio,) * axes
    if len(ratios) != axes or not all(not is_whole(r) and 0 < r < 1 for r in ratios):
        raise UsageError(f"{name}: output_ratio must be one number between 0 and 1, or {axes}; got {output_ratio!r}")
    size = tuple(math.floor(length * ratio) for length, ratio in zip(lengths, ratios, strict=True))
    if min(size) < 1:
        raise ShapeError(f"{name}: output_ratio={output_ratio!r} leaves nothing of the {times(lengths)} image")
    return size


def _samples(axes: int) -> list[Any]:
    drawn = (0.37 + 0.61803 * np.arange(6 * axes).reshape(2, 3, axes)) % 1  # spread over 0 … 1 as random numbers are
    image, one = (2, 3, *(6, 7, 5)[:axes]), (3, *(7, 5, 4)[:axes])
    few = sample((1, 1, *(2,) * (axes - 1), 3), domain="distinct", kernel_size=1, output_size=(*(1,) * (axes - 1), 2))
    return [
        few,
        sample(image, domain="distinct", kernel_size=2, output_size=3, _random_samples=drawn),
        sample(
            image, domain="distinct", kernel_size=(2, 3, 1)[:axes], output_ratio=(0.5,) * axes, _random_samples=drawn
        ),
        sample(one, domain="distinct", kernel_size=2, output_size=1, _random_samples=drawn[:1]),
    ]


def _errors(axes: int) -> list[Any]:
    image = (1, 2, *(4,) * axes)
    return [
        refuses(image, kernel_size=2, error=UsageError, match="either output_size or output_ratio"),
        refuses(image, kernel_size=2, output_size=2, output_ratio=0.5, error=UsageError, match="either"),
        refuses(image, kernel_size=2, output_ratio=1.5, error=UsageError, match="between 0 and 1"),
        refuses(image, kernel_size=1, output_ratio=0.2, match="leaves nothing"),
        refuses(image, kernel_size=3, output_size=3, match="need a larger image"),
        refuses(image, kernel_size=0, output_size=3, error=UsageError, match="kernel_size must be at least 1"),
        refuses((4,), kernel_size=1, output_size=1, match="wants input"),
        refuses(image, kernel_size=2, output_size=2, _random_samples=np.zeros((1, 1)), match="a number an axis"),
    ]


_SAID: dict[str, Any] = {
    "formula": "yᵢ = max of xⱼ over aᵢ ≤ j < aᵢ + k, aᵢ = ⌊(i + u)·α⌋ − ⌊u·α⌋, u drawn from 0 … 1, α = (n − k)/(m − 1)",
    "derivative": "∂yᵢ/∂xⱼ = 1 where xⱼ is the maximum of window i, else 0",
    "subgradient": "the first of equals takes it all",
}


@operation("functional", samples=_samples(2), errors=_errors(2), **_SAID)
def fractional_max_pool2d(
    input: Value,
    kernel_size: int | tuple[int, ...],
    output_size: int | tuple[int, ...] | None = None,
    output_ratio: float | tuple[float, ...] | None = None,
    return_indices: bool = False,
    _random_samples: Value | None = None,
    *,
    generator: Generator | None = None,
) -> Any:
    """Take the largest element of windows that lie at random distances, drawn anew for every channel and call.

    Args:
        input: images, `(N, C, H, W)`, or one, `(C, H, W)`.
        kernel_size: the window, one number or (height, width).
        output_size: how many windows, one number or (down, across), or
        output_ratio: this share of the image's size, one number between 0 and 1 or two.
        return_indices: whether to return also where in its image each maximum is.
        _random_samples: the draws, `(N, C, 2)`, from 0 to 1: for the width and the height; drawn here if None.
        generator: the source of random numbers; the default one if None.

    Returns:
        `(N, C, *output_size)`, and the positions if they are wanted.

    Raises:
        ShapeError: not images, or smaller ones than the windows need.
        UsageError: not a size, or both sizes.

    Source: Graham, 2014, "Fractional max-pooling".

    >>> import minidl
    >>> minidl.nn.functional.fractional_max_pool2d(minidl.rand(1, 5, 7), 2, output_ratio=0.7).shape
    (1, 3, 4)
    """
    return _fractional(2, input, kernel_size, output_size, output_ratio, return_indices, _random_samples, generator)


@operation("functional", samples=_samples(3), errors=_errors(3), **_SAID)
def fractional_max_pool3d(
    input: Value,
    kernel_size: int | tuple[int, ...],
    output_size: int | tuple[int, ...] | None = None,
    output_ratio: float | tuple[float, ...] | None = None,
    return_indices: bool = False,
    _random_samples: Value | None = None,
    *,
    generator: Generator | None = None,
) -> Any:
    """Take the largest element of randomly placed windows of volumes `(N, C, D, H, W)`; see `fractional_max_pool2d`.

    Of `_random_samples`, `(N, C, 3)`, the first number is for the depth, then height and width.

    >>> import minidl
    >>> minidl.nn.functional.fractional_max_pool3d(minidl.rand(1, 4, 5, 7), 2, (2, 3, 4)).shape
    (1, 2, 3, 4)
    """
    return _fractional(3, input, kernel_size, output_size, output_ratio, return_indices, _random_samples, generator)
