"""Images of another size: each new pixel a weighted sum of old ones, axis by axis; and pixels moved into channels and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ...errors import DtypeError, ShapeError, UsageError
from ...graph import Notation
from ...kernels.geometry import Size, Taps, adaptive_windows, evenly, transposed, window_sums
from ..kinds import Linear, Value, refuses, sample, shape_of
from ..operation import operation
from ..shapes.shape import permute_, reshape
from .arguments import is_whole

resample: Linear = Linear(
    "resample",
    Notation("resample", "resample({0})"),
    forward=lambda xp, x, taps: xp.weighted_sums(x, taps),
    transpose=lambda g, x, taps: resample(g, taps=tuple(t if t is None else transposed(t) for t in taps)),
    samples=[sample((2, 3, 5, 3), taps=(window_sums(adaptive_windows((5,), (3,))[0], mean=True), None))],
)
"""A matrix without its zeros applied along each axis of an image; its transpose applies the transposed matrices."""


def window_means(images: Value, size: Size) -> Value:
    """The means of windows that cover images as evenly as can be."""
    require_float(images, "the mean over windows of several sizes")
    windows = adaptive_windows(tuple(shape_of(images)[2:]), size)
    return resample(images, taps=tuple(window_sums(w, mean=True) for w in windows))


def require_float(images: Value, what: str) -> None:
    """Refuse whole numbers, which have no fractions.

    Raises:
        DtypeError: whole numbers.
    """
    dtype = getattr(images, "dtype", None)
    if dtype is not None and dtype.kind != "f":
        raise DtypeError(f"{what} needs floating-point numbers, got {dtype}; convert with x.to(minidl.float32)")


# Where the weights come from ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _taps(mode: str, old: int, new: int, scale: float | None, align_corners: bool, double: bool) -> Taps:
    """From which old pixels, and with what weights, each of the new pixels along one axis is mixed.

    Places are computed in the image's own precision, as in PyTorch, so that both round to the same pixel.
    """
    real: Any = np.float64 if double else np.float32
    i: Any = np.arange(new).astype(real)
    if mode.startswith("nearest"):
        step = np.float32(1 / scale if scale else np.float32(old) / np.float32(new))
        at = i.astype(np.float32) + np.float32(0.5 if mode == "nearest-exact" else 0)
        pixel = np.minimum(np.floor(at * step).astype(np.int64), old - 1)
        return evenly(old, pixel[:, None], np.ones((new, 1)))
    if align_corners:
        place = i * (real(old - 1) / real(new - 1) if new > 1 else real(0))
    else:
        step = real(1 / scale) if scale else real(old) / real(new)
        place = step * (i + real(0.5)) - real(0.5)
    if mode == "cubic":
        return _cubic(old, place)
    place = np.maximum(place, real(0))
    left = np.minimum(np.floor(place).astype(np.int64), old - 1)
    right = np.minimum(left + 1, old - 1)
    share = np.clip(place - left, real(0), real(1))
    return evenly(old, np.stack([left, right], 1), np.stack([1 - share, share], 1))


def _cubic(old: int, place: Any) -> Taps:
    """Cubic convolution with a = −3/4: R. Keys, "Cubic convolution interpolation for digital image processing", 1981.

    With t the distance to a pixel its weight is (a + 2)t³ − (a + 3)t² + 1 for t ≤ 1, and a(t³ − 5t² + 8t − 4) for t < 2.
    Beyond the border the last pixel goes on.
    """
    a = place.dtype.type(-0.75)
    left = np.floor(place)
    t = place - left

    def near(t: Any) -> Any:
        return ((a + 2) * t - (a + 3)) * t * t + 1

    def far(t: Any) -> Any:
        return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a

    weight = np.stack([far(t + 1), near(t), near(1 - t), far(2 - t)], 1)
    pixel = np.clip(left[:, None].astype(np.int64) + np.arange(-1, 3), 0, old - 1)
    return evenly(old, pixel, weight)


# Resizing -------------------------------------------------------------------------------------------------------------------

_AXES_OF = {"linear": (1,), "bilinear": (2,), "trilinear": (3,), "bicubic": (2,)}
_MODES = ("nearest", "nearest-exact", "linear", "bilinear", "trilinear", "bicubic", "area")


def _new_size(old: Size, size: Any, scale: Any) -> tuple[Size, tuple[float | None, ...]]:
    """How large the result is, and by what each axis grows where that was given.

    Raises:
        UsageError: both or neither of them given, or another number of them than there are axes.
    """
    axes = len(old)
    if (size is None) == (scale is None):
        raise UsageError("interpolate: give either size or scale_factor")
    given = size if scale is None else scale
    each = tuple(given) if isinstance(given, Sequence) else (given,) * axes
    if len(each) != axes:
        raise UsageError(f"interpolate: {given} must be one number, or one for each of the {axes} axes of {old}")
    if scale is None:
        if not all(is_whole(n) and n > 0 for n in each):
            raise UsageError(f"interpolate: size must be whole numbers, at least 1; got {size!r}")
        return tuple(int(n) for n in each), (None,) * axes
    if not all(isinstance(s, int | float) and not isinstance(s, bool) and 0 < s < math.inf for s in each):
        raise UsageError(f"interpolate: scale_factor must be positive numbers, got {scale!r}")
    new = tuple(math.floor(n * float(s)) for n, s in zip(old, each, strict=True))
    if min(new) < 1:
        raise UsageError(f"interpolate: scale_factor={scale} leaves nothing of an image of {old}")
    return new, tuple(float(s) for s in each)


def _factor_of_sizes(mode: str, axes: int, old: int, new: int) -> bool:
    """Whether the distance of new pixels follows from the sizes although a factor is given: as in PyTorch, between equal
    sizes (a line then stays itself), and for the nearest pixel of a plane also where the size doubles.
    """
    if mode == "nearest":
        return axes == 2 and new in (old, 2 * old)
    return mode in ("linear", "bilinear", "trilinear") and new == old


def _check_mode(mode: str, axes: int, align_corners: bool | None, antialias: bool) -> None:
    if mode not in _MODES:
        raise UsageError(f"interpolate: mode must be one of {', '.join(_MODES)}; got {mode!r}")
    if mode in _AXES_OF and axes not in _AXES_OF[mode]:
        fits = [m for m, counts in _AXES_OF.items() if axes in counts]
        raise ShapeError(
            f"interpolate: mode {mode!r} is for images of {_AXES_OF[mode][0]} axes, and these have {axes}: use {fits[0]!r}"
        )
    if align_corners is not None and mode not in _AXES_OF:
        raise UsageError(f"interpolate: align_corners is for the modes {', '.join(_AXES_OF)}, not for {mode!r}")
    if antialias:
        raise UsageError("interpolate: antialias=True is not offered; blur with conv2d, or use mode='area', before")


_RESIZED = [
    sample((2, 3, 5), size=3),
    sample((1, 2, 4, 3), scale_factor=(1.5, 2)),
    sample((1, 2, 4, 3), size=(3, 5), mode="nearest-exact"),
    sample((2, 1, 5), scale_factor=1.7, mode="linear"),
    sample((2, 1, 5), size=8, mode="linear", align_corners=True),
    sample((1, 2, 4, 5), size=(7, 3), mode="bilinear", align_corners=False),
    sample((1, 2, 4, 5), scale_factor=1.3, mode="bilinear", recompute_scale_factor=True),
    sample((1, 1, 2, 3, 2), scale_factor=2.0, mode="trilinear", align_corners=True),
    sample((1, 2, 4, 5), size=(6, 3), mode="bicubic"),
    sample((1, 1, 4, 5), size=(3, 3), mode="area"),
    sample((0, 2, 4), size=3),
]
_REFUSED = [
    refuses((1, 1, 4), error=UsageError, match="either size or scale_factor"),
    refuses((1, 1, 4), size=2, scale_factor=2.0, error=UsageError, match="either size or scale_factor"),
    refuses((1, 1, 4), size=(2, 2), error=UsageError, match="one for each of the 1 axes"),
    refuses((1, 1, 4), size=0, error=UsageError, match="at least 1"),
    refuses((1, 1, 4), size=2, mode="cubic", error=UsageError, match="mode must be one of"),
    refuses((1, 1, 4), size=2, mode="bilinear", match="use 'linear'"),
    refuses((1, 1, 4), size=2, align_corners=True, error=UsageError, match="not for 'nearest'"),
    refuses((1, 1, 4, 4), size=2, mode="bilinear", antialias=True, error=UsageError, match="not offered"),
    refuses((1, 1, 4), size=2, recompute_scale_factor=True, error=UsageError, match="goes with scale_factor"),
    refuses((4, 4), size=2, match="wants images"),
]


@operation(
    "functional",
    formula="yⱼ = Σ wⱼᵢ·xᵢ over the old pixels i around the new pixel j",
    derivative="∂L/∂xᵢ = Σ wⱼᵢ·gⱼ over the new pixels j around i",
    samples=_RESIZED,
    errors=_REFUSED,
)
def interpolate(
    input: Value,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Value:
    """Make images larger or smaller.

    Args:
        input: `(N, C, L)`, `(N, C, H, W)` or `(N, C, D, H, W)`.
        size: the new size, one number or one an axis.
        scale_factor: by what to multiply the size instead; it also says how far apart new pixels lie.
        mode: `"nearest"` (the pixel below the place), `"nearest-exact"` (the nearest indeed), `"linear"`, `"bilinear"` and
            `"trilinear"` (for one, two, three axes), `"bicubic"`, or `"area"` (the mean over each new pixel's area).
        align_corners: whether the first and last pixels keep their places; else the image's borders do.
        recompute_scale_factor: whether the distance of new pixels follows from the new size, and not from `scale_factor`.
        antialias: must be False.

    Returns:
        `(N, C, *size)`.

    Raises:
        ShapeError: not images of one, two or three axes, or not as many as the mode is for.
        UsageError: neither a size nor a factor, or both, or options that do not go together.

    >>> import minidl
    >>> minidl.nn.functional.interpolate(minidl.tensor([[[0.0, 4.0]]]), size=4, mode="linear")
    tensor([[[0., 1., 3., 4.]]])
    """
    shape = shape_of(input)
    if not 3 <= len(shape) <= 5 or min(shape[1:]) < 1:
        raise ShapeError(
            f"interpolate: wants images (N, C, L), (N, C, H, W) or (N, C, D, H, W) with pixels; got {shape}"
        )
    _check_mode(mode, len(shape) - 2, align_corners, antialias)
    if recompute_scale_factor and size is not None:
        raise UsageError("interpolate: recompute_scale_factor goes with scale_factor, not with size")
    new, scale = _new_size(shape[2:], size, scale_factor)
    if mode == "area":
        return window_means(input, new)
    sizes = list(zip(shape[2:], new, strict=True))
    by_size = [recompute_scale_factor or _factor_of_sizes(mode, len(new), n, m) for n, m in sizes]
    steps = [None if plain else s for plain, s in zip(by_size, scale, strict=True)]
    dtype = np.dtype(getattr(input, "dtype", np.float64))
    kind = mode if mode.startswith("nearest") else "cubic" if mode == "bicubic" else "linear"
    if kind in ("linear", "cubic"):
        require_float(input, f"interpolate: mode {mode!r}")
    double, aligned = dtype == np.float64, bool(align_corners)
    taps = tuple(_taps(kind, n, m, s, aligned, double) for (n, m), s in zip(sizes, steps, strict=True))
    return resample(input, taps=taps)


@operation(
    "functional",
    formula="yⱼ = Σ wⱼᵢ·xᵢ over the old pixels i around the new pixel j",
    derivative="∂L/∂xᵢ = Σ wⱼᵢ·gⱼ over the new pixels j around i",
    samples=_RESIZED[:5],
    errors=_REFUSED[:2],
    torch=None,
)
def upsample(
    input: Value,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Value:
    """Resize images: PyTorch's older name for `interpolate`.

    >>> import minidl
    >>> minidl.nn.functional.upsample(minidl.tensor([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    """
    return interpolate(input, size, scale_factor, mode, align_corners)


# Pixels and channels --------------------------------------------------------------------------------------------------------


def _factor(name: str, what: str, value: Any, shape: Any) -> int:
    if not is_whole(value) or value < 1:
        raise UsageError(f"{name}: {what} must be a whole number, at least 1; got {value!r}")
    if len(shape) < 3:
        raise ShapeError(f"{name}: wants images (…, C, H, W), got {shape}")
    return int(value)


@operation(
    "minidl functional",
    formula="y[…, c, h·r + i, w·r + j] = x[…, c·r² + i·r + j, h, w]",
    derivative="∂L/∂x = pixel_unshuffle(g)",
    samples=[
        sample((2, 8, 2, 3), upscale_factor=2),
        sample((9, 1, 2), upscale_factor=3),
        sample((2, 1, 4, 2, 2), upscale_factor=2),
    ],
    errors=[
        refuses((3, 2, 2), upscale_factor=2, match="3 channels.*multiple of 4"),
        refuses((4, 2), upscale_factor=2, match="wants images"),
        refuses((4, 2, 2), upscale_factor=0, error=UsageError, match="at least 1"),
    ],
)
def pixel_shuffle(input: Value, upscale_factor: int) -> Value:
    """Lay r² channels out as r×r pixels each: `(…, C·r², H, W)` → `(…, C, H·r, W·r)`.

    Source:
        Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel convolutional neural
        network", 2016, equation 4.

    >>> import minidl
    >>> minidl.pixel_shuffle(minidl.arange(4.0).reshape(4, 1, 1), 2)
    tensor([[[0., 1.],
             [2., 3.]]])
    """
    shape = shape_of(input)
    r = _factor("pixel_shuffle", "upscale_factor", upscale_factor, shape)
    *lead, c, h, w = shape
    if c % (r * r):
        raise ShapeError(f"pixel_shuffle: {shape} has {c} channels, which must be a multiple of {r * r} = {r}²")
    n = len(lead)
    apart = reshape(input, (*lead, c // (r * r), r, r, h, w))
    mixed = permute_(apart, dims=(*range(n), n, n + 3, n + 1, n + 4, n + 2))
    return reshape(mixed, (*lead, c // (r * r), h * r, w * r))


@operation(
    "minidl functional",
    formula="y[…, c·r² + i·r + j, h, w] = x[…, c, h·r + i, w·r + j]",
    derivative="∂L/∂x = pixel_shuffle(g)",
    samples=[
        sample((2, 2, 4, 6), downscale_factor=2),
        sample((1, 3, 6), downscale_factor=3),
    ],
    errors=[
        refuses((1, 3, 4), downscale_factor=2, match="3×4.*multiples of 2"),
        refuses((4, 4), downscale_factor=2, match="wants images"),
        refuses((1, 4, 4), downscale_factor=1.5, error=UsageError, match="whole number"),
    ],
)
def pixel_unshuffle(input: Value, downscale_factor: int) -> Value:
    """Take `pixel_shuffle` back: `(…, C, H·r, W·r)` → `(…, C·r², H, W)`.

    >>> import minidl
    >>> minidl.pixel_unshuffle(minidl.arange(4.0).reshape(1, 2, 2), 2).shape
    (4, 1, 1)
    """
    shape = shape_of(input)
    r = _factor("pixel_unshuffle", "downscale_factor", downscale_factor, shape)
    *lead, c, h, w = shape
    if h % r or w % r:
        raise ShapeError(f"pixel_unshuffle: the {h}×{w} pixels of {shape} must be multiples of {r}")
    n = len(lead)
    apart = reshape(input, (*lead, c, h // r, r, w // r, r))
    mixed = permute_(apart, dims=(*range(n), n, n + 2, n + 4, n + 1, n + 3))
    return reshape(mixed, (*lead, c * r * r, h // r, w // r))


@operation(
    "minidl functional",
    formula="y[n, i·g + j] = x[n, j·C/g + i]",
    derivative="∂L/∂x = g with its channels put back",
    samples=[sample((2, 6, 2, 3), groups=3), sample((1, 4, 2), groups=2), sample((0, 4, 2, 2), groups=2)],
    errors=[
        refuses((1, 3, 4), groups=2, match="groups=2 must divide the 3 channels"),
        refuses((3, 4), groups=1, match="at least three axes"),
        refuses((1, 4, 4), groups=0, error=UsageError, match="at least 1"),
    ],
)
def channel_shuffle(input: Value, groups: int) -> Value:
    """Deal the channels of `groups` blocks out in turn, so that the next grouped convolution mixes them.

    >>> import minidl
    >>> minidl.channel_shuffle(minidl.arange(4.0).reshape(1, 4, 1), 2).flatten()
    tensor([0., 2., 1., 3.])
    """
    shape = shape_of(input)
    if not is_whole(groups) or groups < 1:
        raise UsageError(f"channel_shuffle: groups must be a whole number, at least 1; got {groups!r}")
    if len(shape) < 3:
        raise ShapeError(f"channel_shuffle: wants at least three axes (N, C, …), got {shape}")
    n, c, *rest = shape
    if c % groups:
        raise ShapeError(f"channel_shuffle: groups={groups} must divide the {c} channels of {shape}")
    apart = reshape(input, (n, groups, c // groups, *rest))
    return reshape(permute_(apart, dims=(0, 2, 1, *range(3, len(rest) + 3))), shape)
