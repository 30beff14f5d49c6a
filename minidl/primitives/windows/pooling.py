"""Maximum pooling over one, two or three axes."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ...errors import ShapeError, UsageError
from ...graph import Notation
from ...kernels.geometry import Size, pool_windows, pooled_size
from ..kinds import Constant, General, Linear, Shape, Value, refuses, sample, shape_of
from ..operation import operation
from .arguments import AXES, Numbers, as_batch, per_axis, times, without_batch

_POSITIONS = np.array([[[[0, 5], [5, 11]]], [[[3, 3], [3, 8]]]])  # in planes of 3×4, one pixel winning several windows

plane_scatter: Linear = Linear(
    "plane_scatter",
    Notation("unpool", "unpool({0})"),
    forward=lambda xp, g, positions, size: xp.plane_scatter(g, positions, size),
    transpose=lambda h, g, positions, size: plane_gather(h, positions=positions),
    samples=[sample((2, 1, 2, 2), positions=_POSITIONS, size=(3, 4))],
)
"""Send each pooled gradient back to the pixel that won; pixels that won several windows add them up."""

plane_gather: Linear = Linear(
    "plane_gather",
    Notation("pick", "pick({0})"),
    forward=lambda xp, x, positions: xp.plane_gather(x, positions),
    transpose=lambda g, x, positions: plane_scatter(g, positions=positions, size=_image(x)),
    samples=[sample((2, 1, 3, 4), positions=_POSITIONS), sample((2, 1, 12), positions=_POSITIONS[:, :, 0])],
)


def _image(x: Value) -> Size:
    return tuple(shape_of(x)[2:])


def _params(kernel: Size, stride: Size, padding: Size, dilation: Size, ceil_mode: bool = False) -> dict[str, Any]:
    return {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}


_CASES: dict[int, list[tuple[Shape, dict[str, Any]]]] = {
    1: [((2, 3, 6), _params((2,), (2,), (0,), (1,))), ((1, 2, 9), _params((3,), (2,), (1,), (2,), True))],
    2: [
        ((2, 3, 6, 4), _params((2, 2), (2, 2), (0, 0), (1, 1))),
        ((1, 2, 7, 6), _params((3, 2), (2, 1), (1, 0), (1, 1))),
        ((1, 1, 6, 7), _params((3, 3), (2, 2), (1, 1), (1, 1), True)),
        ((1, 1, 7, 7), _params((2, 2), (2, 2), (0, 0), (2, 3))),
    ],
    3: [
        ((1, 2, 4, 2, 4), _params((2, 2, 2), (2, 2, 2), (0, 0, 0), (1, 1, 1))),
        ((2, 1, 3, 5, 4), _params((2, 3, 2), (2, 2, 1), (1, 1, 0), (1, 1, 2), True)),
    ],
}


def max_pooling(name: str, windows: Any, cases: list[tuple[Shape, dict[str, Any]]]) -> tuple[General, Constant]:
    """The largest of each window, and where in the image it is.

    Args:
        name: the primitive's name.
        windows: `windows(size, **params)` → where they lie.
        cases: shapes and parameters to test on.
    """
    values = General(
        name,
        Notation("max pool", "maxpool({0})"),
        forward=lambda xp, x, **p: xp.max_pool(x, windows(_image(x), **p)),
        vjp=lambda g, y, x, saved, **p: plane_scatter(g, positions=saved, size=_image(x)),
        jvp=lambda t, y, x, saved, **p: plane_gather(t, positions=saved),
        samples=[sample(x, domain="distinct", **p) for x, p in cases],
        saves=True,
        analytic=False,
    )
    positions = Constant(
        f"{name}_positions",
        Notation("argmax pool", "argmaxpool({0})"),
        forward=lambda xp, x, **p: xp.max_pool(x, windows(_image(x), **p))[1],
        samples=[sample(x, domain="distinct", **p) for x, p in cases[:1]],
    )
    return values, positions


MAX_POOLS = {axes: max_pooling(f"max_pool{axes}d", pool_windows, cases) for axes, cases in _CASES.items()}


def check_image(name: str, shape: Shape, axes: int) -> None:
    """Refuse what is not a batch of images with pixels in them.

    Raises:
        ShapeError: another number of axes, or an axis other than the batch's without elements.
    """
    if len(shape) != axes + 2:
        raise ShapeError(f"{name}: wants input (N, C, {AXES[axes]}) or (C, {AXES[axes]}); got {shape}")
    if min(shape[1:]) < 1:
        raise ShapeError(f"{name}: the input {shape} has no pixels; only the batch may be empty")


def window(name: str, axes: int, shape: Shape, kernel_size: Any, stride: Any, *rest: Any) -> dict[str, Any]:
    """Check a window's arguments (padding, dilation and ceil_mode are the rest) and give every axis its own.

    Raises:
        ShapeError: the window is larger than the image.
        UsageError: not numbers that make a window.
    """
    padding, dilation, ceil_mode = rest
    check_image(name, shape, axes)
    kernel = per_axis(kernel_size, "kernel_size", 1, axes)
    pad = per_axis(padding, "padding", 0, axes)
    spread = per_axis(dilation, "dilation", 1, axes)
    step = kernel if stride is None or stride in ([], ()) else per_axis(stride, "stride", 1, axes)
    _check_window(name, shape[2:], kernel, step, pad, spread, bool(ceil_mode))
    return _params(kernel, step, pad, spread, bool(ceil_mode))


@lru_cache
def _check_window(name: str, image: Size, kernel: Size, step: Size, pad: Size, spread: Size, ceil_mode: bool) -> None:
    extent = tuple(d * (k - 1) + 1 for d, k in zip(spread, kernel, strict=True))
    if any(2 * p > k for p, k in zip(pad, kernel, strict=True)):
        raise UsageError(f"{name}: padding {pad} must be at most half of the window {kernel}")
    if min(pooled_size(image, kernel, step, pad, spread, ceil_mode)) < 1:
        raise ShapeError(f"{name}: the {times(extent)} window is larger than the {times(image)} image")


def _max_pool(axes: int, input: Value, kernel_size: Any, *rest: Any, return_indices: bool) -> Value:
    name = f"max_pool{axes}d"
    images, alone = as_batch(input, axes)
    p = window(name, axes, shape_of(images), kernel_size, *rest)
    return largest(MAX_POOLS[axes], images, p, return_indices, alone)


def largest(pool: tuple[General, Constant], images: Value, p: Any, return_indices: bool, alone: bool) -> Value:
    """Run a maximum pooling, with the positions of the maxima if they are wanted."""
    values, positions = pool
    out = without_batch(values(images, **p), alone)
    return (out, without_batch(positions(images, **p), alone)) if return_indices else out


def _samples(axes: int) -> list[Any]:
    pooled = [sample(x, domain="distinct", **p) for x, p in _CASES[axes]]
    x, _ = _CASES[axes][0]
    return [
        *pooled,
        sample(x[1:], domain="distinct", kernel_size=2, stride=1, return_indices=True),
        sample((0, *x[1:]), kernel_size=2),
    ]


def errors_of_windows(axes: int) -> list[Any]:
    """What every pooling over windows refuses."""
    image = (1, 1, *(4,) * axes)
    return [
        refuses(image, kernel_size=5, match="5.* window is larger than the 4"),
        refuses(image, kernel_size=2, padding=2, error=UsageError, match="at most half"),
        refuses(image, kernel_size=0, error=UsageError, match="at least 1"),
        refuses(image, kernel_size=(2,) * 4, error=UsageError, match="whole number"),
        refuses((4,), kernel_size=2, match="wants input"),
        refuses((2, 0, *(4,) * axes), kernel_size=2, match="has no pixels"),
    ]


_MAX: dict[str, Any] = {
    "formula": "yᵢ = max of window i",
    "derivative": "∂yᵢ/∂xⱼ = 1 where xⱼ is the maximum of window i, else 0",
    "subgradient": "the first of equals takes it all",
}


@operation("functional minidl", samples=_samples(1), errors=errors_of_windows(1), **_MAX)
def max_pool1d(
    input: Value,
    kernel_size: Numbers,
    stride: Numbers | None = None,
    padding: Numbers = 0,
    dilation: Numbers = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Value:
    """Take the largest value of each window of a signal `(N, C, L)`; see `max_pool2d` for the arguments.

    >>> import minidl
    >>> minidl.max_pool1d(minidl.tensor([[1.0, 4.0, 3.0, 2.0]]), 2)
    tensor([[4., 3.]])
    """
    return _max_pool(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices=return_indices)


@operation("functional minidl", samples=_samples(2), errors=errors_of_windows(2), **_MAX)
def max_pool2d(
    input: Value,
    kernel_size: Numbers,
    stride: Numbers | None = None,
    padding: Numbers = 0,
    dilation: Numbers = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Value:
    """Take the largest value of each window; its gradient goes to the first pixel that holds it.

    Args:
        input: images, `(N, C, H, W)`, or one, `(C, H, W)`.
        kernel_size: the window, one number or (height, width).
        stride: step of the window; the window's own size by default.
        padding: −∞ around the image, at most half the window.
        dilation: spacing of the window's elements.
        ceil_mode: whether a last, incomplete window counts.
        return_indices: whether to return also where the maxima are, as positions in the flattened plane.

    Returns:
        `(N, C, OH, OW)`, or a pair of that and the positions.

    Raises:
        ShapeError: the window is larger than the image.
        UsageError: numbers that make no window.

    >>> import minidl
    >>> minidl.max_pool2d(minidl.arange(16.0).reshape(1, 1, 4, 4), 2).data[0, 0]
    array([[ 5.,  7.],
           [13., 15.]], dtype=float32)
    """
    return _max_pool(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices=return_indices)


@operation("functional minidl", samples=_samples(3), errors=errors_of_windows(3), **_MAX)
def max_pool3d(
    input: Value,
    kernel_size: Numbers,
    stride: Numbers | None = None,
    padding: Numbers = 0,
    dilation: Numbers = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Value:
    """Take the largest value of each window of a volume `(N, C, D, H, W)`; see `max_pool2d` for the arguments.

    >>> import minidl
    >>> minidl.max_pool3d(minidl.arange(8.0).reshape(1, 2, 2, 2), 2).tolist()
    [[[[7.0]]]]
    """
    return _max_pool(3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices=return_indices)


def _with_indices(axes: int) -> None:
    """Enter `max_pool…d_with_indices`, which always returns the pair."""

    def pooled(
        input: Value,
        kernel_size: Numbers,
        stride: Numbers | None = None,
        padding: Numbers = 0,
        dilation: Numbers = 1,
        ceil_mode: bool = False,
        return_indices: bool = True,
    ) -> Value:
        return _max_pool(axes, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices=True)

    pooled.__name__ = f"max_pool{axes}d_with_indices"
    pooled.__doc__ = f"Return `max_pool{axes}d` and the positions of the maxima, whatever `return_indices` says."
    operation("functional minidl" if axes == 1 else "functional", samples=_samples(axes)[:2], **_MAX)(pooled)


for _axes in (1, 2, 3):
    _with_indices(_axes)
