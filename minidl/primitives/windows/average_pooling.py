"""Means over windows: of pixels (average pooling), of their powers (Lᵖ pooling), and of neighbouring channels."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from ...errors import ShapeError, UsageError
from ...graph import Notation
from ...kernels.geometry import Size, Taps, Windows, divisors, pool_windows, transposed, window_sums
from ..elementwise.arithmetic import abs_, pow
from ..elementwise.comparison import equal, where
from ..kinds import Linear, Shape, Value, refuses, sample, shape_of
from ..operation import operation
from ..shapes.shape import reshape
from .arguments import Numbers, as_batch, is_whole, per_axis, without_batch
from .pooling import MAX_POOLS, errors_of_windows, window


@lru_cache(maxsize=256)
def _windows(
    size: Size, kernel_size: Size, stride: Size, padding: Size, ceil_mode: bool, count_include_pad: bool
) -> tuple[Windows, ...]:
    return pool_windows(size, kernel_size, stride, padding, (1,) * len(size), ceil_mode, count_include_pad)


def _sums(windows: tuple[Windows, ...], backwards: bool = False) -> list[Taps | None]:
    """The sum over each window, axis after axis, or its transpose; nothing to do where windows are the pixels in turn."""
    taps = [None if _pixels_in_turn(w) else window_sums(w) for w in windows]
    return [t if t is None or not backwards else transposed(t) for t in taps]


def _pixels_in_turn(w: Windows) -> bool:
    return len(w.first) == w.size and bool((w.last - w.first == 1).all())


def _by(xp: Any, x: Any, windows: tuple[Windows, ...], divisor: int | None) -> Any:
    """Divide by each window's number of pixels, or by one number; whole numbers towards zero."""
    by = divisors(windows, x.dtype) if divisor is None else divisor
    return xp.astype(xp.divide(x, by), x.dtype)


def _mean(xp: Any, x: Any, divisor: int | None, **p: Any) -> Any:
    windows = _windows(x.shape[2:], **p)
    return _by(xp, xp.weighted_sums(x, _sums(windows)), windows, divisor)


def _spread(xp: Any, g: Any, size: Size, divisor: int | None, **p: Any) -> Any:
    windows = _windows(size, **p)
    return xp.weighted_sums(_by(xp, g, windows, divisor), _sums(windows, backwards=True))


def _params(kernel: Size, stride: Size, padding: Size, ceil_mode: bool, count_include_pad: bool) -> dict[str, Any]:
    p = {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": ceil_mode}
    return p | {"count_include_pad": count_include_pad, "divisor": None}


_CASES: dict[int, list[tuple[Shape, dict[str, Any]]]] = {
    1: [((2, 3, 6), _params((2,), (2,), (0,), False, True)), ((1, 2, 8), _params((3,), (2,), (1,), True, False))],
    2: [
        ((2, 3, 6, 4), _params((2, 2), (2, 2), (0, 0), False, False)),
        ((1, 2, 7, 6), _params((3, 2), (2, 1), (1, 0), False, True)),
        ((1, 1, 6, 7), _params((3, 1), (2, 1), (1, 0), True, False)),
        ((1, 1, 6, 7), _params((3, 3), (2, 2), (1, 1), True, True) | {"divisor": 4}),
    ],
    3: [
        ((1, 2, 4, 2, 4), _params((2, 2, 2), (2, 2, 2), (0, 0, 0), False, True)),
        ((1, 1, 3, 5, 4), _params((2, 3, 1), (2, 2, 1), (1, 1, 0), True, False)),
    ],
}


def _average(axes: int) -> tuple[Linear, Linear]:
    """The mean of each window, and its transpose, which spreads each number evenly over its window."""
    name, cases = f"avg_pool{axes}d", _CASES[axes]
    mean: Linear = Linear(
        name,
        Notation("avg pool", "avgpool({0})"),
        forward=_mean,
        transpose=lambda g, x, **p: spread(g, size=tuple(shape_of(x)[2:]), **p),
        samples=[sample(x, **p) for x, p in cases],
    )
    spread: Linear = Linear(
        f"{name}_input",
        Notation("spread", "spread({0})"),
        forward=_spread,
        transpose=lambda h, g, size, **p: mean(h, **p),
        samples=[sample((*x[:2], *_pooled(x, p)), size=x[2:], **p) for x, p in cases],
    )
    return mean, spread


def _pooled(x: Shape, p: dict[str, Any]) -> Size:
    return tuple(len(w.first) for w in _windows(x[2:], **{k: v for k, v in p.items() if k != "divisor"}))


MEANS = {axes: _average(axes)[0] for axes in (1, 2, 3)}


def average(
    name: str, axes: int, input: Value, kernel_size: Any, *rest: Any, include_pad: bool = True, divisor: Any = None
) -> Value:
    """Check the arguments (stride, padding and ceil_mode are the rest) and average each window."""
    stride, padding, ceil_mode = rest
    if divisor is not None and (not is_whole(divisor) or divisor == 0):
        raise UsageError(f"{name}: divisor_override must be a whole number other than 0, got {divisor!r}")
    images, alone = as_batch(input, axes)
    p = window(name, axes, shape_of(images), kernel_size, stride, padding, 1, ceil_mode)
    del p["dilation"]
    return without_batch(MEANS[axes](images, count_include_pad=bool(include_pad), divisor=divisor, **p), alone)


def _samples(axes: int) -> list[Any]:
    made = []
    for x, p in _CASES[axes]:
        given = {k: v for k, v in p.items() if k != "divisor"}
        made.append(sample(x, **given | ({} if p["divisor"] is None else {"divisor_override": p["divisor"]})))
    shape = _CASES[axes][0][0]
    return [*made, sample(shape[1:], kernel_size=2, stride=1), sample((0, *shape[1:]), kernel_size=2)]


_AVERAGE: dict[str, Any] = {
    "formula": "yᵢ = mean of window i",
    "derivative": "∂yᵢ/∂xⱼ = 1/(length of window i) for xⱼ in it, else 0",
}


@operation("minidl functional", samples=_samples(1), errors=errors_of_windows(1), **_AVERAGE)
def avg_pool1d(
    input: Value,
    kernel_size: Numbers,
    stride: Numbers | None = None,
    padding: Numbers = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Value:
    """Average each window of a signal `(N, C, L)`; see `avg_pool2d` for the arguments.

    >>> import minidl
    >>> minidl.avg_pool1d(minidl.tensor([[1.0, 3.0, 5.0, 9.0]]), 2)
    tensor([[2., 7.]])
    """
    rest = (kernel_size, stride, padding, ceil_mode)
    return average("avg_pool1d", 1, input, *rest, include_pad=count_include_pad)


@operation("functional minidl", samples=_samples(2), errors=errors_of_windows(2), **_AVERAGE)
def avg_pool2d(
    input: Value,
    kernel_size: Numbers,
    stride: Numbers | None = None,
    padding: Numbers = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Value:
    """Average each window.

    Args:
        input: images, `(N, C, H, W)`, or one, `(C, H, W)`.
        kernel_size: the window, one number or (height, width).
        stride: step of the window; the window's own size by default.
        padding: zeros around the image, at most half the window.
        ceil_mode: whether a last, incomplete window counts.
        count_include_pad: whether padded zeros count in the number divided by.
        divisor_override: what to divide by instead.

    Returns:
        `(N, C, OH, OW)`.

    Raises:
        ShapeError: the window is larger than the image.
        UsageError: numbers that make no window.

    >>> import minidl
    >>> minidl.avg_pool2d(minidl.arange(16.0).reshape(1, 1, 4, 4), 2).data[0, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]], dtype=float32)
    """
    rest = (kernel_size, stride, padding, ceil_mode)
    return average("avg_pool2d", 2, input, *rest, include_pad=count_include_pad, divisor=divisor_override)


@operation("functional", samples=_samples(3), errors=errors_of_windows(3), **_AVERAGE)
def avg_pool3d(
    input: Value,
    kernel_size: Numbers,
    stride: Numbers | None = None,
    padding: Numbers = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Value:
    """Average each window of a volume `(N, C, D, H, W)`; see `avg_pool2d` for the arguments.

    >>> import minidl
    >>> minidl.nn.functional.avg_pool3d(minidl.arange(8.0).reshape(1, 2, 2, 2), 2).tolist()
    [[[[3.5]]]]
    """
    rest = (kernel_size, stride, padding, ceil_mode)
    return average("avg_pool3d", 3, input, *rest, include_pad=count_include_pad, divisor=divisor_override)


# Powers ---------------------------------------------------------------------------------------------------------------------


def _power_pool(axes: int, input: Value, norm_type: Any, kernel_size: Any, stride: Any, ceil_mode: bool) -> Value:
    """(k · mean xᵖ)^(1/p) with k the window's full size, also for an incomplete window, as in PyTorch."""
    name, p = f"lp_pool{axes}d", norm_type
    if not isinstance(p, int | float) or isinstance(p, bool) or p == 0 or math.isnan(p):
        raise UsageError(f"{name}: norm_type must be a number other than 0, got {p!r}")
    if math.isinf(p):
        images, alone = as_batch(abs_(input) if p > 0 else -abs_(input), axes)
        given = window(name, axes, shape_of(images), kernel_size, stride, 0, 1, ceil_mode)
        largest = without_batch(MAX_POOLS[axes][0](images, **given), alone)
        return largest if p > 0 else -largest
    volume = math.prod(per_axis(kernel_size, "kernel_size", 1, axes))
    total = average(name, axes, pow(input, p), kernel_size, stride, 0, ceil_mode) * volume
    if p < 0:
        return pow(total, 1 / p)
    nothing = equal(total, 0)  # where the root has no slope: 0 is taken
    return where(nothing, 0 * total, pow(where(nothing, 1 + 0 * total, total), 1 / p))


def _power_samples(axes: int) -> list[Any]:
    shape = (2, 1, *(4, 3, 2)[:axes])
    return [
        sample(shape, norm_type=2, kernel_size=2),
        sample(shape, domain="positive", norm_type=1.5, kernel_size=2, stride=1, ceil_mode=True),
        sample(shape[1:], domain="distinct", norm_type=math.inf, kernel_size=2),
        sample((0, *shape[1:]), norm_type=3.0, kernel_size=2),
    ]


def _power_errors(axes: int) -> list[Any]:
    image = (1, 1, *(4,) * axes)
    return [
        refuses(image, norm_type=0, kernel_size=2, error=UsageError, match="other than 0"),
        refuses(image, norm_type=2, kernel_size=5, match="larger than the 4"),
    ]


_POWERS: dict[str, Any] = {
    "formula": "yᵢ = (Σ xⱼᵖ over window i)^(1/p)",
    "derivative": "∂yᵢ/∂xⱼ = (xⱼ/yᵢ)ᵖ⁻¹ for xⱼ in window i, else 0",
    "subgradient": "0 where the sum is 0",
}


@operation("functional", samples=_power_samples(1), errors=_power_errors(1), **_POWERS)
def lp_pool1d(
    input: Value, norm_type: float, kernel_size: int, stride: int | None = None, ceil_mode: bool = False
) -> Value:
    """Take the p-th root of the sum of p-th powers of each window of a signal `(N, C, L)`; see `lp_pool2d`.

    >>> import minidl
    >>> minidl.nn.functional.lp_pool1d(minidl.tensor([[3.0, 4.0, 0.0, 0.0]]), 2, 2)
    tensor([[5., 0.]])
    """
    return _power_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


@operation("functional", samples=_power_samples(2), errors=_power_errors(2), **_POWERS)
def lp_pool2d(
    input: Value, norm_type: float, kernel_size: Numbers, stride: Numbers | None = None, ceil_mode: bool = False
) -> Value:
    """Take the p-th root of the sum of p-th powers of each window: p = 1 is a sum, p = ∞ the largest magnitude.

    The powers are those of the numbers themselves, not of their magnitudes, as in PyTorch: an odd p can give NaN.

    Args:
        input: images, `(N, C, H, W)`, or one, `(C, H, W)`.
        norm_type: p.
        kernel_size: the window, one number or (height, width).
        stride: step of the window; the window's own size by default.
        ceil_mode: whether a last, incomplete window counts; its sum is scaled up to a full window's.

    >>> import minidl
    >>> minidl.nn.functional.lp_pool2d(minidl.ones(1, 4, 4), 2, 2)
    tensor([[[2., 2.],
             [2., 2.]]])
    """
    return _power_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


@operation("functional", samples=_power_samples(3), errors=_power_errors(3), **_POWERS)
def lp_pool3d(
    input: Value, norm_type: float, kernel_size: Numbers, stride: Numbers | None = None, ceil_mode: bool = False
) -> Value:
    """Take the p-th root of the sum of p-th powers of each window of a volume `(N, C, D, H, W)`; see `lp_pool2d`.

    >>> import minidl
    >>> minidl.nn.functional.lp_pool3d(minidl.ones(1, 2, 2, 2), 3, 2).tolist()
    [[[[2.0]]]]
    """
    return _power_pool(3, input, norm_type, kernel_size, stride, ceil_mode)


# Channels -------------------------------------------------------------------------------------------------------------------


@operation(
    "functional",
    formula="yᵢ = xᵢ/sᵢ^β, sᵢ = k + (α/n)·Σ xⱼ² over the n channels j around i",
    derivative="∂yᵢ/∂xⱼ = [i = j]/sᵢ^β − (2αβ/n)·xᵢ·xⱼ/sᵢ^(β + 1) for j around i, else 0",
    samples=[
        sample((2, 5, 3), size=3, alpha=0.5, beta=0.75, k=2.0),
        sample((1, 4, 2, 2), size=2, alpha=0.1),
        sample((1, 3, 2, 1, 2), size=5, alpha=1.0, beta=0.5, k=1.5),
        sample((0, 3, 2), size=2),
    ],
    errors=[
        refuses((2, 3), size=2, match="at least three axes"),
        refuses((2, 3, 4), size=0, error=UsageError, match="at least 1"),
    ],
)
def local_response_norm(input: Value, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Value:
    """Divide each number by a measure of the numbers at its place in the `size` channels around its own.

    Args:
        input: `(N, C, …)`.
        size: how many channels; of an even number, one more before than behind.
        alpha: the weight of their mean square.
        beta: the power of the measure.
        k: what is added to the mean square.

    Returns:
        The input's shape.

    Source:
        Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural networks", 2012, section 3.3;
        α is divided by n here as in PyTorch.

    >>> import minidl
    >>> minidl.nn.functional.local_response_norm(minidl.ones(1, 2, 1), 2, alpha=2.0, beta=1.0).flatten()
    tensor([0.5000, 0.3333])
    """
    shape = shape_of(input)
    if len(shape) < 3:
        raise ShapeError(f"local_response_norm: wants at least three axes (N, C, …), got {shape}")
    (count,) = per_axis(size, "local_response_norm: size", 1, 1)
    if 0 in shape:
        return input
    squares = reshape(input * input, (shape[0], 1, shape[1], -1))
    windows = {"kernel_size": (count, 1), "stride": (1, 1), "padding": (count // 2, 0), "ceil_mode": False}
    mean = MEANS[2](squares, count_include_pad=True, divisor=count, **windows)
    return input / pow(k + alpha * reshape(mean[:, :, : shape[1]], shape), beta)
