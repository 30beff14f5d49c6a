"""Convolution over one, two or three axes, its transpose in the image and its transpose in the kernel.

y[n,k,i,j] = Σ_{c,r,s} x[n, c, i·stride + r·dilation − padding, …] · w[k,c,r,s], a cross-correlation as in every deep-learning
library. It is linear in x and in w, and so are its two transposes; the three are each other's rules, which gives
derivatives of any order. A signal, a plane and a volume differ only in the number of axes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ...errors import ShapeError, UsageError
from ...graph import Notation
from ...kernels.geometry import Size, output_size
from ..elementwise.arithmetic import add_
from ..kinds import Multilinear, Shape, Value, refuses, sample, shape_of
from ..mismatch import marked
from ..operation import operation
from ..shapes.shape import reshape
from .arguments import Numbers, as_batch, check_channels, check_groups, per_axis, times, without_batch

# The three primitives, each other's rules ---------------------------------------------------------------------------------


def _image(x: Value) -> Size:
    return tuple(shape_of(x)[2:])


def _params(stride: Size, padding: Size, dilation: Size | None = None, groups: int = 1) -> dict[str, Any]:
    return {"stride": stride, "padding": padding, "dilation": dilation or (1,) * len(stride), "groups": groups}


_CASES: dict[int, list[tuple[Shape, Shape, dict[str, Any]]]] = {
    1: [
        ((2, 3, 8), (4, 3, 3), _params((1,), (0,))),
        ((2, 4, 9), (6, 2, 2), _params((2,), (1,), (3,), groups=2)),
        ((0, 2, 4), (3, 2, 1), _params((1,), (0,))),
    ],
    2: [
        ((2, 3, 5, 6), (4, 3, 3, 2), _params((1, 1), (0, 0))),
        ((2, 2, 6, 5), (2, 2, 3, 3), _params((2, 1), (1, 2))),
        ((1, 4, 7, 7), (6, 2, 2, 3), _params((2, 2), (0, 1), (2, 1), groups=2)),
        ((2, 3, 4, 4), (3, 1, 3, 3), _params((1, 1), (1, 1), groups=3)),
        ((0, 2, 4, 4), (3, 2, 1, 1), _params((1, 1), (0, 0))),
    ],
    3: [
        ((2, 2, 3, 4, 3), (2, 2, 2, 3, 2), _params((1, 1, 1), (0, 1, 0))),
        ((1, 2, 5, 3, 4), (2, 1, 2, 1, 2), _params((2, 1, 2), (1, 0, 1), (2, 1, 1), groups=2)),
        ((0, 2, 3, 3, 3), (3, 2, 1, 1, 1), _params((1, 1, 1), (0, 0, 0))),
    ],
}


def _output(x: Shape, w: Shape, p: dict[str, Any]) -> Shape:
    return (x[0], w[0], *output_size(x[2:], w[2:], p["stride"], p["padding"], p["dilation"]))


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution and its two transposes, over a number of axes; each is told the `size` of its result.

    Attributes:
        forward: x ∗ w.
        input: its transpose in the image: each upstream value spreads its kernel over the window it came from.
        weight: its transpose in the kernel: the image correlated with the upstream gradient.
    """

    forward: Multilinear
    input: Multilinear
    weight: Multilinear


def _convolution(axes: int) -> Convolution:
    name, cases = f"conv{axes}d", _CASES[axes]
    forward: Multilinear = Multilinear(
        name,
        Notation("∗", "{0} ∗ {1}", 2, (3, 3)),
        forward=lambda xp, x, w, **p: xp.conv(x, w, **p),
        transposes=(
            lambda g, x, w, size, **p: input(g, w, size=_image(x), **p),
            lambda g, x, w, size, **p: weight(g, x, size=_image(w), **p),
        ),
        samples=[sample(x, w, size=_output(x, w, p)[2:], **p) for x, w, p in cases],
        promotion="same",
    )
    input: Multilinear = Multilinear(
        f"{name}_input",
        Notation("∗ᵀ", "{0} ∗ᵀ {1}", 2, (3, 3)),
        forward=lambda xp, g, w, **p: xp.conv_input(g, w, **p),
        transposes=(
            lambda h, g, w, size, **p: forward(h, w, size=_image(g), **p),
            lambda h, g, w, size, **p: weight(g, h, size=_image(w), **p),
        ),
        samples=[sample(_output(x, w, p), w, size=x[2:], **p) for x, w, p in cases],
        promotion="same",
    )
    weight: Multilinear = Multilinear(
        f"{name}_weight",
        Notation("⋆", "{0} ⋆ {1}", 2, (3, 3)),
        forward=lambda xp, g, x, **p: xp.conv_weight(g, x, **p),
        transposes=(
            lambda v, g, x, size, **p: forward(x, v, size=_image(g), **p),
            lambda v, g, x, size, **p: input(g, v, size=_image(x), **p),
        ),
        samples=[sample(_output(x, w, p), x, size=w[2:], **p) for x, w, p in cases],
        promotion="same",
    )
    return Convolution(forward, input, weight)


FAMILIES = {axes: _convolution(axes) for axes in (1, 2, 3)}


# What a person calls --------------------------------------------------------------------------------------------------------


def add_bias(out: Value, bias: Value | None, channels: int, name: str) -> Value:
    """Add one number an output channel.

    Raises:
        ShapeError: another number of them.
    """
    if bias is None:
        return out
    if shape_of(bias) != (channels,):
        raise ShapeError(f"{name}: the bias must be ({channels},), one number an output channel; got {shape_of(bias)}")
    return add_(out, reshape(bias, (1, -1, *(1,) * (len(shape_of(out)) - 2))))


def _convolve(axes: int, input: Value, weight: Value, bias: Value | None, given: dict[str, Any]) -> Value:
    """Check the arguments, run the convolution, add the bias."""
    name, padding, groups = f"conv{axes}d", given["padding"], given["groups"]
    stride, dilation = per_axis(given["stride"], "stride", 1, axes), per_axis(given["dilation"], "dilation", 1, axes)
    if not isinstance(padding, str):
        padding = per_axis(padding, "padding", 0, axes)
    check_groups(groups, name)
    whole, alone = as_batch(input, axes)
    w = shape_of(weight)
    params = _geometry(axes, shape_of(input), w, stride, padding, dilation, int(groups))
    out = FAMILIES[axes].forward(whole, weight, **params)
    return without_batch(add_bias(out, bias, w[0], name), alone)


@lru_cache
def _geometry(
    axes: int, image: Shape, w: Shape, stride: Size, padding: Size | str, dilation: Size, groups: int
) -> dict[str, Any]:
    """The primitive's parameters for an image, with or without a batch axis, and kernels; checked once for each shape."""
    name, x = f"conv{axes}d", (1, *image) if len(image) == axes + 1 else image
    check_channels(x, w, groups, f"(K, C/groups, {_KERNEL[axes]})", name, axes)
    if x[1] % groups or w[0] % groups:
        raise ShapeError(f"{name}: groups={groups} must divide the {x[1]} input and {w[0]} output channels")
    if x[1] != w[1] * groups:
        shown = f"{marked(image, -1 - axes)} has {x[1]} channels"
        expected = f"weight {marked(w, 1)} with groups={groups} expects {w[1] * groups}"
        raise ShapeError(f"{name}: input {shown}, but {expected}")
    padding, behind = _padding(padding, w[2:], stride, dilation, name)
    size = output_size(tuple(n + b for n, b in zip(x[2:], behind, strict=True)), w[2:], stride, padding, dilation)
    if min(size) < 1:
        raise ShapeError(
            f"{name}: the {times(w[2:])} kernel (dilation {dilation}) is larger than the {times(x[2:])} image "
            f"with padding {padding}"
        )
    return {"size": size, "stride": stride, "padding": padding, "dilation": dilation, "groups": groups}


_KERNEL = {1: "R", 2: "R, S", 3: "Q, R, S"}


def _padding(padding: Size | str, kernel: Size, stride: Size, dilation: Size, name: str) -> tuple[Size, Size]:
    """Zeros on either side, and how many more behind.

    'same' puts dilation·(kernel − 1) zeros around the image, the odd one behind, as PyTorch does.
    """
    axes = len(kernel)
    if not isinstance(padding, str):
        return padding, (0,) * axes
    if padding not in ("same", "valid"):
        raise UsageError(f"{name}: padding must be numbers, 'same' or 'valid'; got {padding!r}")
    if padding == "valid":
        return (0,) * axes, (0,) * axes
    if max(stride) > 1:
        raise UsageError(f"{name}: padding='same' needs stride 1, got stride {stride}; give the padding in numbers")
    total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    return tuple(t // 2 for t in total), tuple(t % 2 for t in total)


def _samples(axes: int) -> list[Any]:
    """Public samples from the primitives': with a bias, without a batch axis, with the two words for padding."""
    cases = _CASES[axes]
    x, w, p = cases[1]
    odd = (*cases[0][1][:2], *(3, 1, 3)[:axes])  # PyTorch warns of even ones
    return [
        sample(x, w, (w[0],), **p),
        *(sample(x, w, (w[0],), **p) for x, w, p in cases[2:]),
        sample(cases[0][0][1:], cases[0][1]),
        sample(cases[0][0], odd, (odd[0],), padding="same", dilation=(2, 1, 1)[:axes]),
        sample(cases[0][0], cases[0][1], stride=2, padding="valid", dilation=1, groups=1),
    ]


def _errors(axes: int) -> list[Any]:
    three = (3,) * axes
    image, kernel = (1, 3, *(8,) * axes), (4, 3, *three)
    return [
        refuses(image, (4, 1, *three), match="has 3 channels.*expects 1"),
        refuses((1, 3, *(2,) * axes), kernel, match="larger than the 2"),
        refuses(image, kernel, (2,), match=r"bias must be \(4,\)"),
        refuses(image, kernel, groups=2, match="groups=2 must divide the 3 input"),
        refuses(image, kernel, stride=0, error=UsageError, match="at least 1"),
        refuses(image, kernel, padding="half", error=UsageError, match="'same' or 'valid'"),
        refuses(image, kernel, stride=2, padding="same", error=UsageError, match="needs stride 1"),
        refuses(image[1:], (4, *three), match=rf"conv{axes}d: wants input"),
        refuses(image, kernel, stride=(1,) * 4, error=UsageError, match="whole number"),
    ]


@operation(
    "minidl functional", formula="y[n, k, i] = b[k] + Σ x[n, c, i·stride + r·dilation − padding]·w[k, c, r] over c, r",
    derivative=(
        "∂L/∂x = the transposed convolution of g with w; ∂L/∂w[k, c, r] = Σ g[n, k, i]·x[n, c, i·stride + "
        "r·dilation − padding] over n, i; ∂L/∂b[k] = Σ g[n, k, i] over n, i"
    ),
    samples=_samples(1), errors=_errors(1),
)  # fmt: skip
def conv1d(
    input: Value,
    weight: Value,
    bias: Value | None = None,
    stride: Numbers = 1,
    padding: Numbers | str = 0,
    dilation: Numbers = 1,
    groups: int = 1,
) -> Value:
    """Slide `weight` `(K, C / groups, R)` over signals `(N, C, L)` and add `bias`; see `conv2d` for the arguments.

    >>> import minidl
    >>> minidl.conv1d(minidl.tensor([[1.0, 2.0, 3.0, 4.0]]), minidl.tensor([[[1.0, 2.0, 3.0]]]), stride=2, padding=1)
    tensor([[ 8., 20.]])
    """
    given = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return _convolve(1, input, weight, bias, given)


@operation(
    "minidl functional",
    formula="y[n, k, i, j] = b[k] + Σ x[n, c, i·stride + r·dilation − padding, …]·w[k, c, r, s] over c, r, s",
    derivative=(
        "∂L/∂x = the transposed convolution of g with w; ∂L/∂w[k, c, r, s] = Σ g[n, k, i, j]·x[n, c, "
        "i·stride + r·dilation − padding, …] over n, i, j; ∂L/∂b[k] = Σ g[n, k, i, j] over n, i, j"
    ),
    samples=_samples(2), errors=_errors(2),
)  # fmt: skip
def conv2d(
    input: Value,
    weight: Value,
    bias: Value | None = None,
    stride: Numbers = 1,
    padding: Numbers | str = 0,
    dilation: Numbers = 1,
    groups: int = 1,
) -> Value:
    """Slide `weight` over `input` (a cross-correlation) and add `bias`.

    Args:
        input: images, `(N, C, H, W)`, or one, `(C, H, W)`.
        weight: kernels, `(K, C / groups, R, S)`.
        bias: one number an output channel, `(K,)`.
        stride: step of the window, in pixels: one number, or one an axis.
        padding: zeros around the image; `"same"` (as many as keep the size, at stride 1) or `"valid"` (none).
        dilation: spacing of the kernel's elements.
        groups: number of blocks into which the channels are divided; each sees only its own.

    Returns:
        `(N, K, OH, OW)` with OH = ⌊(H + 2·padding − dilation·(R − 1) − 1) / stride⌋ + 1.

    Raises:
        ShapeError: shapes that do not fit each other.
        UsageError: numbers that make no window.

    >>> import minidl
    >>> minidl.conv2d(minidl.ones(1, 1, 4, 4), minidl.ones(1, 1, 3, 3), padding=1).data[0, 0, 0]
    array([4., 6., 6., 4.], dtype=float32)
    """
    given = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return _convolve(2, input, weight, bias, given)


@operation(
    "minidl functional",
    formula=(
        "y[n, k, h, i, j] = b[k] + Σ x[n, c, h·stride + q·dilation − padding, …]·w[k, c, q, r, s] over c, "
        "q, r, s"
    ),
    derivative=(
        "∂L/∂x = the transposed convolution of g with w; ∂L/∂w[k, c, q, r, s] = Σ g[n, k, h, i, j]·x[n, c, "
        "h·stride + q·dilation − padding, …] over n, h, i, j; ∂L/∂b[k] = Σ g[n, k, h, i, j] over n, h, i, j"
    ),
    samples=_samples(3), errors=_errors(3),
)  # fmt: skip
def conv3d(
    input: Value,
    weight: Value,
    bias: Value | None = None,
    stride: Numbers = 1,
    padding: Numbers | str = 0,
    dilation: Numbers = 1,
    groups: int = 1,
) -> Value:
    """Slide `weight` `(K, C / groups, Q, R, S)` over volumes `(N, C, D, H, W)` and add `bias`; see `conv2d`.

    >>> import minidl
    >>> minidl.conv3d(minidl.ones(1, 1, 3, 3, 3), minidl.ones(2, 1, 2, 2, 2)).shape
    (1, 2, 2, 2, 2)
    """
    given = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return _convolve(3, input, weight, bias, given)
