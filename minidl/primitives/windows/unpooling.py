"""Maximum unpooling: the maxima put back where they came from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import DtypeError, ShapeError, UsageError
from ...graph import array_of
from ...kernels import DeviceArray, backend_of
from ...kernels.geometry import Size
from ..kinds import Value, refuses, sample, shape_of
from ..operation import operation
from .arguments import Numbers, as_batch, is_whole, per_axis, times, without_batch
from .pooling import check_image, plane_scatter


def _unpool(axes: int, input: Value, indices: Value, kernel_size: Any, *rest: Any) -> Value:
    stride, padding, output_size = rest
    name = f"max_unpool{axes}d"
    images, alone = as_batch(input, axes)
    check_image(name, shape_of(images), axes)
    positions = array_of(indices)
    if positions.dtype.kind not in "iu":
        raise DtypeError(f"{name}: positions are whole numbers, as max_pool{axes}d returns them; got {positions.dtype}")
    if positions.shape != shape_of(input):
        raise ShapeError(f"{name}: indices {positions.shape} and input {shape_of(input)} must have one shape")
    kernel, pad = per_axis(kernel_size, "kernel_size", 1, axes), per_axis(padding, "padding", 0, axes)
    step = kernel if stride is None or stride in ([], ()) else per_axis(stride, "stride", 1, axes)
    size = _unpooled_size(name, tuple(shape_of(images)[2:]), kernel, step, pad, output_size)
    is_there = positions.__class__ is DeviceArray
    if positions.size and not is_there and not (positions.min() >= 0 and positions.max() < math.prod(size)):
        raise UsageError(f"{name}: indices must lie in 0 … {math.prod(size) - 1}, the pixels of a {times(size)} image")
    positions = positions.reshape(shape_of(images)).astype(np.int64)
    places = _last_found(positions, math.prod(size)) if is_there else _last_wins(positions)
    return without_batch(plane_scatter(images, positions=places, size=size), alone)


def _unpooled_size(name: str, size: Size, kernel: Size, stride: Size, padding: Size, wanted: Any) -> Size:
    """The size before pooling: what the window says, or what is wanted if it differs by less than a stride."""
    usual = tuple((n - 1) * s + k - 2 * p for n, k, s, p in zip(size, kernel, stride, padding, strict=True))
    if wanted is None:
        chosen = usual
    else:
        chosen = tuple(wanted) if isinstance(wanted, tuple | list) else (wanted,)
        if not all(map(is_whole, chosen)):
            raise UsageError(f"{name}: output_size must be whole numbers, one an axis; got {wanted!r}")
        chosen = chosen[2:] if len(chosen) == len(kernel) + 2 else chosen
    if len(chosen) != len(kernel) or any(abs(n - u) >= s for n, u, s in zip(chosen, usual, stride, strict=True)):
        raise UsageError(f"{name}: output_size {wanted} must lie within a stride {stride} of {usual}")
    if min(chosen) < 1:
        raise ShapeError(f"{name}: padding {padding} leaves nothing: the image would be {times(chosen)}")
    return chosen


def _last_wins(positions: Any) -> Any:
    """Of windows with the same position keep the last, whose value stays; −1 for the others."""
    planes = np.arange(positions.shape[0] * positions.shape[1]).reshape(
        *positions.shape[:2], *(1,) * (positions.ndim - 2)
    )
    flat = (planes * (int(positions.max(initial=0)) + 1) + positions).reshape(-1)
    _, kept = np.unique(flat[::-1], return_index=True)
    places = np.full(flat.size, -1)
    winners = flat.size - 1 - kept
    places[winners] = positions.reshape(-1)[winners]
    return places.reshape(positions.shape)


def _last_found(positions: DeviceArray, pixels: int) -> DeviceArray:
    """`_last_wins` on a GPU: each window leaves its number at its pixel, and the last one finds it there again.

    A position that no image has is dropped: to refuse it would be to wait for it.
    """
    xp, planes = backend_of([positions]), positions.shape[0] * positions.shape[1]
    numbers = np.arange(positions.size).reshape(positions.shape)
    first = np.arange(0, planes * pixels, pixels).reshape(*positions.shape[:2], *(1,) * (positions.ndim - 2))
    inside = xp.logical_and(xp.greater_equal(positions, 0), xp.less(positions, pixels))
    places = xp.where(inside, xp.add(positions, first), planes * pixels)
    left = xp.setitem(xp.zeros((planes * pixels,), np.int64), numbers, (), (places,))
    found = xp.logical_and(inside, xp.equal(xp.getitem(left, (places,)), numbers))
    result: DeviceArray = xp.where(found, positions, -1)
    return result


_SAMPLE_INDICES = {
    1: np.array([[[1, 2, 5]]]),
    2: np.array([[[[0, 3], [9, 14]]]]),
    3: np.array([[[[[1]], [[6]]]]]),
}


def _unpool_samples(axes: int) -> list[Any]:
    indices = _SAMPLE_INDICES[axes]
    larger = tuple(2 * n + 1 for n in indices.shape[2:])
    return [
        sample(indices.shape, indices=indices, kernel_size=2),
        sample(indices.shape[1:], indices=indices[0], kernel_size=2, output_size=larger),
        sample((0, *indices.shape[1:]), indices=indices[:0], kernel_size=2, stride=2, padding=0),
    ]


def _unpool_errors(axes: int) -> list[Any]:
    indices = _SAMPLE_INDICES[axes]
    return [
        refuses(indices.shape, indices=indices + 100, kernel_size=2, error=UsageError, match="indices must lie in 0"),
        refuses(indices.shape, indices=indices[..., :0], kernel_size=2, match="must have one shape"),
        refuses(
            indices.shape, indices=indices, kernel_size=2, output_size=(99,) * axes, error=UsageError, match="within"
        ),
        refuses(indices.shape, indices=indices * 1.0, kernel_size=2, error=DtypeError, match="whole numbers"),
    ]


_UNPOOL: dict[str, Any] = {
    "formula": "x at the positions of the maxima, else 0",
    "derivative": "∂L/∂x = g at the positions of the maxima",
}


@operation("functional", samples=_unpool_samples(1), errors=_unpool_errors(1), **_UNPOOL)
def max_unpool1d(
    input: Value,
    indices: Value,
    kernel_size: Numbers,
    stride: Numbers | None = None,
    padding: Numbers = 0,
    output_size: Any = None,
) -> Value:
    """Put the maxima of a signal `(N, C, L)` back to where they were; see `max_unpool2d` for the arguments.

    >>> import minidl
    >>> import minidl.nn.functional as F
    >>> F.max_unpool1d(*minidl.max_pool1d(minidl.tensor([[1.0, 4.0, 3.0, 2.0]]), 2, return_indices=True), 2)
    tensor([[0., 4., 3., 0.]])
    """
    return _unpool(1, input, indices, kernel_size, stride, padding, output_size)


@operation("functional", samples=_unpool_samples(2), errors=_unpool_errors(2), **_UNPOOL)
def max_unpool2d(
    input: Value,
    indices: Value,
    kernel_size: Numbers,
    stride: Numbers | None = None,
    padding: Numbers = 0,
    output_size: Any = None,
) -> Value:
    """Put the maxima of images back to where they were, and zeros elsewhere.

    Where two windows had the same pixel, the last one's value stays, and its gradient is that one's alone.

    Args:
        input: what `max_pool2d` returned, `(N, C, H, W)` or `(C, H, W)`.
        indices: the positions that it returned, of the same shape.
        kernel_size: the window that it was given.
        stride: its step; the window's own size by default.
        padding: its padding.
        output_size: the size before pooling, `(OH, OW)` or the whole shape, where several sizes pool to this one.

    Returns:
        `(N, C, OH, OW)` with OH = (H − 1)·stride − 2·padding + kernel_size unless said otherwise.

    Raises:
        ShapeError: the positions' shape differs.
        UsageError: positions outside the image, or a size that does not pool to this one.

    >>> import minidl
    >>> import minidl.nn.functional as F
    >>> F.max_unpool2d(*minidl.max_pool2d(minidl.tensor([[[1.0, 4.0], [3.0, 2.0]]]), 2, return_indices=True), 2)
    tensor([[[0., 4.],
             [0., 0.]]])
    """
    return _unpool(2, input, indices, kernel_size, stride, padding, output_size)


@operation("functional", samples=_unpool_samples(3), errors=_unpool_errors(3), **_UNPOOL)
def max_unpool3d(
    input: Value,
    indices: Value,
    kernel_size: Numbers,
    stride: Numbers | None = None,
    padding: Numbers = 0,
    output_size: Any = None,
) -> Value:
    """Put the maxima of volumes `(N, C, D, H, W)` back to where they were; see `max_unpool2d` for the arguments.

    >>> import minidl
    >>> import minidl.nn.functional as F
    >>> F.max_unpool3d(minidl.tensor([[[[5.0]]]]), minidl.tensor([[[[6]]]]), 2).flatten().tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 5.0, 0.0]
    """
    return _unpool(3, input, indices, kernel_size, stride, padding, output_size)
