"""Transposed convolution: each pixel spreads its kernel, which makes an image larger; the transpose of a convolution."""

from __future__ import annotations

from typing import Any

from ...errors import ShapeError, UsageError
from ...kernels.geometry import transposed_size
from ..kinds import Value, refuses, sample, shape_of
from ..mismatch import marked
from ..operation import operation
from .arguments import Numbers, as_batch, check_channels, per_axis, times, without_batch
from .convolution import FAMILIES, add_bias

_KERNEL = {1: "R", 2: "R, S", 3: "Q, R, S"}


def _transpose(axes: int, input: Value, weight: Value, bias: Value | None, given: dict[str, Any]) -> Value:
    """Check the arguments, run the transposed convolution, add the bias."""
    name, groups = f"conv_transpose{axes}d", given["groups"]
    stride, dilation = (per_axis(given[key], key, 1, axes) for key in ("stride", "dilation"))
    padding, extra = (per_axis(given[key], key, 0, axes) for key in ("padding", "output_padding"))
    whole, alone = as_batch(input, axes)
    x, w = shape_of(whole), shape_of(weight)
    check_channels(x, w, groups, f"(C, K/groups, {_KERNEL[axes]})", name, axes)
    if x[1] != w[0]:
        shown = marked(shape_of(input), -1 - axes)
        raise ShapeError(f"{name}: input {shown} has {x[1]} channels, but weight {marked(w, 0)} expects {w[0]}")
    if x[1] % groups or w[1] < 1:
        raise ShapeError(f"{name}: groups={groups} must divide the {x[1]} input channels of weight {w}")
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise UsageError(
            f"{name}: output_padding {extra} must be smaller than the stride {stride} or the dilation {dilation}"
        )
    size = transposed_size(x[2:], w[2:], stride, padding, dilation, extra)
    if min(size) < 1:
        raise ShapeError(
            f"{name}: padding {padding} leaves nothing of the {times(w[2:])} kernel's image, whose size would be {size}"
        )
    p = {"stride": stride, "padding": padding, "dilation": dilation, "groups": int(groups)}
    out = FAMILIES[axes].input(whole, weight, size=size, **p)
    return without_batch(add_bias(out, bias, w[1] * groups, name), alone)


def _samples(axes: int) -> list[Any]:
    size, kernel = (4, 3, 2)[:axes], (3, 2, 2)[:axes]
    stretched: dict[str, Any] = {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2, "dilation": 2}
    return [
        sample((2, 3, *size), (3, 2, *kernel), (2,)),
        sample((4, *size), (4, 1, *kernel), (2,), **stretched),
        sample((1, 2, *size), (2, 3, *kernel), stride=(1, 2, 3)[:axes], padding=(1, 0, 1)[:axes]),
        sample((1, 1, *size), (1, 1, *kernel), dilation=3, output_padding=2),  # longer by whole windows
        sample((0, 3, *size), (3, 2, *kernel)),
    ]


def _errors(axes: int) -> list[Any]:
    image, kernel = (1, 3, *(4,) * axes), (3, 2, *(2,) * axes)
    return [
        refuses(image, (2, *kernel[1:]), match="has 3 channels.*expects 2"),
        refuses(image, kernel, (3,), match=r"bias must be \(2,\)"),
        refuses(image, kernel, output_padding=1, error=UsageError, match="smaller than the stride"),
        refuses((1, 3, *(1,) * axes), kernel, padding=1, match="leaves nothing"),
        refuses(image, kernel, groups=2, match="groups=2 must divide"),
        refuses(image, kernel, stride=0, error=UsageError, match="at least 1"),
        refuses((3, 4), kernel[:1], match="wants input"),
    ]


@operation(
    "minidl functional",
    formula="y[n, k, i·stride + r·dilation − padding] = b[k] + the sum of all x[n, c, i]·w[c, k, r] that meet there",
    derivative=(
        "∂L/∂x = the convolution of g with w; ∂L/∂w[c, k, r] = Σ x[n, c, i]·g[n, k, i·stride + r·dilation "
        "− padding] over n, i; ∂L/∂b[k] = Σ of g[n, k, …]"
    ),
    samples=_samples(1), errors=_errors(1),
)  # fmt: skip
def conv_transpose1d(
    input: Value,
    weight: Value,
    bias: Value | None = None,
    stride: Numbers = 1,
    padding: Numbers = 0,
    output_padding: Numbers = 0,
    groups: int = 1,
    dilation: Numbers = 1,
) -> Value:
    """Spread `weight` `(C, K / groups, R)` over signals `(N, C, L)`; see `conv_transpose2d` for the arguments.

    >>> import minidl
    >>> minidl.conv_transpose1d(minidl.tensor([[1.0, 2.0]]), minidl.tensor([[[1.0, 2.0, 3.0]]]), stride=2, padding=1)
    tensor([[2., 5., 4.]])
    """
    given = {"stride": stride, "padding": padding, "output_padding": output_padding}
    return _transpose(1, input, weight, bias, given | {"groups": groups, "dilation": dilation})


@operation(
    "minidl functional",
    formula=(
        "y[n, k, i·stride + r·dilation − padding, …] = b[k] + the sum of all x[n, c, i, j]·w[c, k, r, s] "
        "that meet there"
    ),
    derivative=(
        "∂L/∂x = the convolution of g with w; ∂L/∂w[c, k, r, s] = Σ x[n, c, i, j]·g[n, k, i·stride + "
        "r·dilation − padding, …] over n, i, j; ∂L/∂b[k] = Σ of g[n, k, …]"
    ),
    samples=_samples(2), errors=_errors(2),
)  # fmt: skip
def conv_transpose2d(
    input: Value,
    weight: Value,
    bias: Value | None = None,
    stride: Numbers = 1,
    padding: Numbers = 0,
    output_padding: Numbers = 0,
    groups: int = 1,
    dilation: Numbers = 1,
) -> Value:
    """Let each pixel of `input` spread `weight` over the window that a convolution would have read it from, and add `bias`.

    Args:
        input: images, `(N, C, H, W)`, or one, `(C, H, W)`.
        weight: kernels, `(C, K / groups, R, S)`.
        bias: one number an output channel, `(K,)`.
        stride: distance of the windows, in output pixels: one number, or one an axis.
        padding: how much of the output's border is cut off, the padding of the convolution that this transposes.
        output_padding: rows and columns more at the end, smaller than the stride or the dilation: a strided convolution
            makes images of several sizes equally small, and this says which of them is meant.
        groups: number of blocks into which the channels are divided.
        dilation: spacing of the kernel's elements.

    Returns:
        `(N, K, OH, OW)` with OH = (H − 1)·stride − 2·padding + dilation·(R − 1) + output_padding + 1.

    Raises:
        ShapeError: shapes that do not fit each other.
        UsageError: numbers that make no window.

    >>> import minidl
    >>> minidl.conv_transpose2d(minidl.ones(1, 1, 2, 2), minidl.ones(1, 1, 2, 2), stride=2).shape
    (1, 1, 4, 4)
    """
    given = {"stride": stride, "padding": padding, "output_padding": output_padding}
    return _transpose(2, input, weight, bias, given | {"groups": groups, "dilation": dilation})


@operation(
    "minidl functional",
    formula=(
        "y[n, k, h·stride + q·dilation − padding, …] = b[k] + the sum of all x[n, c, h, i, j]·w[c, k, q, "
        "r, s] that meet there"
    ),
    derivative=(
        "∂L/∂x = the convolution of g with w; ∂L/∂w[c, k, q, r, s] = Σ x[n, c, h, i, j]·g[n, k, h·stride + "
        "q·dilation − padding, …] over n, h, i, j; ∂L/∂b[k] = Σ of g[n, k, …]"
    ),
    samples=_samples(3), errors=_errors(3),
)  # fmt: skip
def conv_transpose3d(
    input: Value,
    weight: Value,
    bias: Value | None = None,
    stride: Numbers = 1,
    padding: Numbers = 0,
    output_padding: Numbers = 0,
    groups: int = 1,
    dilation: Numbers = 1,
) -> Value:
    """Spread `weight` `(C, K / groups, Q, R, S)` over volumes `(N, C, D, H, W)`; see `conv_transpose2d`.

    >>> import minidl
    >>> minidl.conv_transpose3d(minidl.ones(1, 1, 2, 2, 2), minidl.ones(1, 3, 2, 2, 2), stride=2).shape
    (1, 3, 4, 4, 4)
    """
    given = {"stride": stride, "padding": padding, "output_padding": output_padding}
    return _transpose(3, input, weight, bias, given | {"groups": groups, "dilation": dilation})
