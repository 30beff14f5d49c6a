"""Convolution, its transpose in the image and its transpose in the kernel.

y[n,k,i,j] = Σ_{c,r,s} x[n, c, i·stride + r·dilation − padding, …] · w[k,c,r,s], a cross-correlation as in every deep-learning
library. It is linear in x and in w, and so are its two transposes; the three are each other's rules, which gives
derivatives of any order.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any

from ..errors import ShapeError, UsageError
from ..graph import Notation
from ..kernels.geometry import output_size
from .kinds import Multilinear, Shape, Value, sample, shape_of

Pair = tuple[int, int]


def pair(value: Any, name: str, least: int) -> Pair:
    """Two ints from one or two.

    Raises:
        UsageError: not one or two whole numbers, or one below `least`.
    """
    both = tuple(value) if isinstance(value, tuple | list) else (value,)
    if len(both) == 1:
        both *= 2
    if len(both) != 2 or not all(isinstance(v, Integral) and not isinstance(v, bool) for v in both):
        raise UsageError(f"{name} must be one or two whole numbers, got {value!r}")
    if min(both) < least:
        raise UsageError(f"{name} must be at least {least}, got {value!r}")
    return int(both[0]), int(both[1])


def _plane(x: Value) -> Pair:
    return x.shape[2], x.shape[3]


_SAMPLES: list[tuple[Shape, Shape, dict[str, Any]]] = [
    ((2, 3, 5, 6), (4, 3, 3, 2), {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}),
    ((2, 2, 6, 5), (2, 2, 3, 3), {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 1), "groups": 1}),
    ((1, 4, 7, 7), (6, 2, 2, 3), {"stride": (2, 2), "padding": (0, 1), "dilation": (2, 1), "groups": 2}),
    ((2, 3, 4, 4), (3, 1, 3, 3), {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 3}),
    ((0, 2, 4, 4), (3, 2, 1, 1), {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}),
]


def _output(x: Shape, w: Shape, p: dict[str, Any]) -> Shape:
    return (x[0], w[0], *output_size(x[2:], w[2:], p["stride"], p["padding"], p["dilation"]))  # type: ignore[arg-type]


conv2d_: Multilinear = Multilinear(
    "conv2d",
    Notation("∗", "{0} ∗ {1}", 2, (3, 3)),
    forward=lambda xp, x, w, **p: xp.conv2d(x, w, **p),
    transposes=(
        lambda g, x, w, **p: conv2d_input(g, w, size=_plane(x), **p),
        lambda g, x, w, **p: conv2d_weight(g, x, size=_plane(w), **p),
    ),
    samples=[sample(x, w, **p) for x, w, p in _SAMPLES],
    promotion="same",
)

conv2d_input: Multilinear = Multilinear(
    "conv2d_input",
    Notation("∗ᵀ", "{0} ∗ᵀ {1}", 2, (3, 3)),
    forward=lambda xp, g, w, **p: xp.conv2d_input(g, w, **p),
    transposes=(
        lambda h, g, w, size, **p: conv2d_(h, w, **p),
        lambda h, g, w, size, **p: conv2d_weight(g, h, size=_plane(w), **p),
    ),
    samples=[sample(_output(x, w, p), w, size=x[2:], **p) for x, w, p in _SAMPLES],
    promotion="same",
)
"""The transpose of a convolution in its image: each upstream value spreads its kernel over the window it came from."""

conv2d_weight: Multilinear = Multilinear(
    "conv2d_weight",
    Notation("⋆", "{0} ⋆ {1}", 2, (3, 3)),
    forward=lambda xp, g, x, **p: xp.conv2d_weight(g, x, **p),
    transposes=(
        lambda v, g, x, size, **p: conv2d_(x, v, **p),
        lambda v, g, x, size, **p: conv2d_input(g, v, size=_plane(x), **p),
    ),
    samples=[sample(_output(x, w, p), x, size=w[2:], **p) for x, w, p in _SAMPLES],
    promotion="same",
)
"""The transpose of a convolution in its kernel: the image correlated with the upstream gradient."""


def conv2d(
    input: Value,
    weight: Value,
    bias: Value | None = None,
    stride: int | tuple[int, ...] = 1,
    padding: int | tuple[int, ...] = 0,
    dilation: int | tuple[int, ...] = 1,
    groups: int = 1,
) -> Value:
    """Slide `weight` over `input` (a cross-correlation) and add `bias`.

    Args:
        input: images, `(N, C, H, W)`.
        weight: kernels, `(K, C / groups, R, S)`.
        bias: one number an output channel, `(K,)`.
        stride: step of the window, in pixels: one number or (vertical, horizontal).
        padding: zeros around the image.
        dilation: spacing of the kernel's elements.
        groups: number of blocks into which the channels are divided; each sees only its own.

    Returns:
        `(N, K, OH, OW)` with OH = ⌊(H + 2·padding − dilation·(R − 1) − 1) / stride⌋ + 1.

    Raises:
        ShapeError: shapes that do not fit each other.

    >>> import minidl
    >>> minidl.conv2d(minidl.ones(1, 1, 4, 4), minidl.ones(1, 1, 3, 3), padding=1).data[0, 0, 0]
    array([4., 6., 6., 4.], dtype=float32)
    """
    p: dict[str, Any] = {
        "stride": pair(stride, "stride", 1),
        "padding": pair(padding, "padding", 0),
        "dilation": pair(dilation, "dilation", 1),
        "groups": groups,
    }
    _check(shape_of(input), shape_of(weight), p)
    out = conv2d_(input, weight, **p)
    if bias is None:
        return out
    if shape_of(bias) != (shape_of(weight)[0],):
        raise ShapeError(
            f"conv2d: the bias must be ({shape_of(weight)[0]},), one number an output channel; got {shape_of(bias)}"
        )
    from .shape import reshape

    return out + reshape(bias, (1, -1, 1, 1))


def _check(x: Shape, w: Shape, p: dict[str, Any]) -> None:
    groups = p["groups"]
    if len(x) != 4 or len(w) != 4:
        hint = "; add a batch axis with x.unsqueeze(0)" if len(x) == 3 else ""
        raise ShapeError(f"conv2d: wants input (N, C, H, W) and weight (K, C/groups, R, S); got {x} and {w}{hint}")
    if min(w) < 1:
        raise ShapeError(f"conv2d: a weight {w} has no elements")
    if not isinstance(groups, int) or groups < 1 or x[1] % groups or w[0] % groups:
        raise ShapeError(f"conv2d: groups={groups} must divide the {x[1]} input and {w[0]} output channels")
    if x[1] != w[1] * groups:
        raise ShapeError(
            f"conv2d: input {x} has {x[1]} channels, but weight {w} with groups={groups} expects {w[1] * groups}"
        )
    size = _output(x, w, p)
    if min(size[2:]) < 1:
        raise ShapeError(
            f"conv2d: the {w[2]}×{w[3]} kernel (dilation {p['dilation']}) is larger than the {x[2]}×{x[3]} image "
            f"with padding {p['padding']}"
        )
