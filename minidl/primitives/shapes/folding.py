"""Windows: cutting an axis or an image into overlapping windows, and adding windows up again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import ShapeError, UsageError
from ...graph import Notation
from ..kinds import Linear, Value, refuses, sample, shape_of
from ..operation import operation
from .elements import axis_of, getitem_, permute_, reshape_, scatter_add_, whole_number, whole_numbers, with_own_memory

Pair = tuple[int, int]

windows_: Linear = Linear(
    "windows",
    Notation("unfold", "windows({0})"),
    forward=lambda xp, x, dim, size, step, dilation: xp.windows(x, dim, size, step, dilation),
    transpose=lambda g, x, dim, size, step, dilation: from_windows_(
        g, dim=dim, length=x.shape[dim], step=step, dilation=dilation
    ),
    samples=[
        sample((7,), dim=0, size=3, step=2, dilation=1),
        sample((2, 6, 3), dim=1, size=2, step=1, dilation=3),
    ],
    views=True,
)

from_windows_: Linear = Linear(
    "from_windows",
    Notation("fold", "Σ windows({0})"),
    forward=lambda xp, x, dim, length, step, dilation: xp.from_windows(x, dim, length, step, dilation),
    transpose=lambda g, x, dim, length, step, dilation: windows_(
        g, dim=dim, size=x.shape[-1], step=step, dilation=dilation
    ),
    samples=[
        sample((3, 3), dim=0, length=7, step=2, dilation=1),
        sample((2, 3, 3, 2), dim=1, length=6, step=1, dilation=3),
    ],
)
"""The sum of windows where they overlap, along an axis that they cover."""


@operation(
    "Tensor",
    formula="windows of x along an axis",
    derivative="∂L/∂xᵢ = Σ g over the windows that hold xᵢ",
    samples=[
        sample((7,), dimension=0, size=3, step=2),
        sample((2, 5), dimension=-1, size=2, step=1),
        sample((), dimension=0, size=1, step=1),
        sample((3,), dimension=0, size=0, step=1),
    ],
    errors=[
        refuses((3,), dimension=0, size=4, step=1, match="longer than axis 0"),
        refuses((3,), dimension=0, size=2, step=0, error=UsageError, match="positive"),
        refuses((3,), dimension=0, size=-1, step=1, error=UsageError, match="negative"),
        refuses((3,), dimension=1, size=1, step=1, error=UsageError, match="out of range"),
    ],
    name="unfold",
)
def unfold_axis(input: Value, dimension: int, size: int, step: int) -> Value:
    """View all windows of `size` elements along an axis, `step` apart; a new last axis counts within a window.

    >>> import minidl
    >>> minidl.tensor([1.0, 2.0, 3.0]).unfold(0, 2, 1)
    tensor([[1., 2.],
            [2., 3.]])
    """
    axis = axis_of(dimension, len(shape_of(input)), "unfold")
    x = input if shape_of(input) else reshape_(input, shape=(1,))
    length, apart = whole_number(size, "unfold", "size"), whole_number(step, "unfold", "step")
    if length < 0 or apart < 1:
        raise UsageError(f"unfold: the size cannot be negative and the step must be positive, got {size} and {step}")
    n = shape_of(x)[axis]
    if length > n:
        raise ShapeError(f"unfold: a window of {length} is longer than axis {axis} of {shape_of(input)}")
    out = windows_(x, dim=axis, size=length, step=apart, dilation=1)
    return out if shape_of(input) else reshape_(out, shape=(length,))


def _pair(value: int | Sequence[int], name: str, what: str, least: int) -> Pair:
    """A number for height and width, or one for both.

    Raises:
        UsageError: not one or two numbers, or one that is too small.
    """
    numbers = whole_numbers(value, name, what)
    if len(numbers) == 1:
        numbers *= 2
    if len(numbers) != 2 or min(numbers) < least:
        raise UsageError(f"{name}: {what} is one number from {least}, or two (height, width); got {value}")
    return numbers[0], numbers[1]


def _geometry(name: str, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> tuple[Pair, Pair, Pair, Pair]:
    return (
        _pair(kernel_size, name, "kernel_size", 1),
        _pair(dilation, name, "dilation", 1),
        _pair(padding, name, "padding", 0),
        _pair(stride, name, "stride", 1),
    )


def _counts(name: str, size: Pair, kernel: Pair, dilation: Pair, padding: Pair, stride: Pair) -> Pair:
    """How many windows fit, down and across: ⌊(size + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1."""
    down, across = ((size[a] + 2 * padding[a] - dilation[a] * (kernel[a] - 1) - 1) // stride[a] + 1 for a in (0, 1))
    if down < 1 or across < 1:
        raise ShapeError(
            f"{name}: windows of {kernel} with dilation {dilation} do not fit into images of {size} with padding {padding}"
        )
    return down, across


@operation(
    "functional",
    formula="the windows of images, as columns (im2col)",
    derivative="∂L/∂x = fold(g)",
    samples=[
        sample((2, 3, 4, 5), kernel_size=2),
        sample((1, 2, 5, 4), kernel_size=(2, 3), dilation=(2, 1), padding=(1, 0), stride=(1, 2)),
        sample((2, 3, 4), kernel_size=(3, 2), padding=1, stride=2),
        sample((0, 2, 3, 3), kernel_size=2),
    ],
    errors=[
        refuses((1, 2, 3, 4), kernel_size=(4, 2), match="do not fit"),
        refuses((3, 4), kernel_size=2, match=r"\(N, C, H, W\)"),
        refuses((1, 2, 3, 4), kernel_size=2, stride=0, error=UsageError, match="stride is one number from 1"),
        refuses((1, 2, 3, 4), kernel_size=(1, 2, 3), error=UsageError, match="kernel_size"),
    ],
)
def unfold(
    input: Value,
    kernel_size: int | Sequence[int],
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
) -> Value:
    """Write every window of images as a column, so that a convolution becomes a matrix product ("im2col").

    Args:
        input: `(N, C, H, W)` or `(C, H, W)`.
        kernel_size: the windows' height and width.
        dilation: the distance of neighbours within a window.
        padding: zeros around the images.
        stride: the distance of neighbouring windows.

    Returns:
        `(N, C·kernel height·kernel width, windows)`, without N where the input has none.

    >>> import minidl
    >>> minidl.nn.functional.unfold(minidl.ones(1, 2, 3, 3), 2).shape
    (1, 8, 4)
    """
    kernel, apart, border, step = _geometry("unfold", kernel_size, dilation, padding, stride)
    shape = shape_of(input)
    if len(shape) not in (3, 4) or 0 in shape[-3:]:
        raise ShapeError(f"unfold: expected images (N, C, H, W) or (C, H, W), not empty, got shape {shape}")
    n, c, h, w = shape if len(shape) == 4 else (1, *shape)
    down, across = _counts("unfold", (h, w), kernel, apart, border, step)
    x = reshape_(input, shape=(n, c, h, w))
    if border != (0, 0):
        inside = (..., slice(border[0], border[0] + h), slice(border[1], border[1] + w))
        x = scatter_add_(x, index=inside, shape=(n, c, h + 2 * border[0], w + 2 * border[1]))
    rows = windows_(x, dim=2, size=kernel[0], step=step[0], dilation=apart[0])  # (N, C, down, W, kernel height)
    both = windows_(rows, dim=3, size=kernel[1], step=step[1], dilation=apart[1])  # (…, down, across, heights, widths)
    columns = permute_(both, dims=(0, 1, 4, 5, 2, 3))
    lead = (n,) if len(shape) == 4 else ()
    return with_own_memory(reshape_(columns, shape=(*lead, c * kernel[0] * kernel[1], down * across)), input)


@operation(
    "functional",
    formula="images as the sum of their windows (col2im)",
    derivative="∂L/∂x = unfold(g)",
    samples=[
        sample((2, 12, 12), output_size=(4, 5), kernel_size=2),
        sample((1, 12, 5), output_size=(5, 4), kernel_size=(2, 3), dilation=(2, 1), padding=(1, 0), stride=(1, 2)),
        sample((4, 4), output_size=4, kernel_size=2, stride=2),
        sample((0, 4, 4), output_size=3, kernel_size=2),
    ],
    errors=[
        refuses((1, 8, 6), output_size=(3, 5), kernel_size=2, match="8 windows"),
        refuses((1, 7, 6), output_size=(3, 4), kernel_size=2, match="multiple of"),
        refuses((6,), output_size=(3, 4), kernel_size=2, match="columns"),
        refuses((1, 4, 1), output_size=1, kernel_size=2, match="do not fit"),
    ],
)
def fold(
    input: Value,
    output_size: int | Sequence[int],
    kernel_size: int | Sequence[int],
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
) -> Value:
    """Add windows up to images, where they overlap too ("col2im"): the transpose of `unfold`.

    Args:
        input: columns, `(N, C·kernel height·kernel width, windows)` or without N.
        output_size: the images' height and width.
        kernel_size: the windows' height and width.
        dilation: the distance of neighbours within a window.
        padding: a border of the images that is left out.
        stride: the distance of neighbouring windows.

    Returns:
        `(N, C, height, width)`, without N where the input has none.

    >>> import minidl
    >>> minidl.nn.functional.fold(minidl.ones(1, 4, 4), (3, 3), 2)[0, 0]
    tensor([[1., 2., 1.],
            [2., 4., 2.],
            [1., 2., 1.]])
    """
    kernel, apart, border, step = _geometry("fold", kernel_size, dilation, padding, stride)
    h, w = _pair(output_size, "fold", "output_size", 1)
    shape = shape_of(input)
    if len(shape) not in (2, 3) or 0 in shape[-2:]:
        raise ShapeError(
            f"fold: expected columns (N, C·kernel, windows) or (C·kernel, windows), not empty, got shape {shape}"
        )
    n, rows, count = shape if len(shape) == 3 else (1, *shape)
    area = kernel[0] * kernel[1]
    if rows % area:
        raise ShapeError(f"fold: axis −2 of {shape} must be a multiple of {area}, the size of a {kernel} window")
    down, across = _counts("fold", (h, w), kernel, apart, border, step)
    if count != down * across:
        raise ShapeError(f"fold: images of {(h, w)} have {down * across} windows, the input {shape} has {count}")
    c = rows // area
    windows = permute_(reshape_(input, shape=(n, c, *kernel, down, across)), dims=(0, 1, 4, 5, 2, 3))
    lines = from_windows_(windows, dim=3, length=w + 2 * border[1], step=step[1], dilation=apart[1])
    images = from_windows_(lines, dim=2, length=h + 2 * border[0], step=step[0], dilation=apart[0])
    if border != (0, 0):
        images = getitem_(images, index=(..., slice(border[0], border[0] + h), slice(border[1], border[1] + w)))
    return images if len(shape) == 3 else reshape_(images, shape=(c, h, w))
