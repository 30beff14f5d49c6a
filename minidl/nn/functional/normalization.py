"""Normalisation: the same standardising, over a batch, a layer, groups of channels, or one image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import ShapeError, UsageError
from ...graph import Node, array_of, beside, data_of
from ...kernels import backend_of
from ...kernels.device import constant_like
from ...primitives.elementwise.arithmetic import square
from ...primitives.elementwise.exponential import sqrt
from ...primitives.kinds import Shape, Value, refuses, sample, shape_of
from ...primitives.layers.normalization import batch_norm_, batch_norm_with, fuses, layer_norm_, moments, standardize_
from ...primitives.mismatch import marked
from ...primitives.operation import operation
from ...primitives.reductions.reduction import mean
from ...primitives.shapes.shape import reshape
from .checks import check_device, check_float, check_shape

_MEAN, _VAR = np.array([0.1, -0.2, 0.3]), np.array([0.5, 1.0, 2.0])


def scaled(normal: Value, weight: Value | None, bias: Value | None, axis: int, ndim: int) -> Value:
    """γ x̂ + β, one γ and β a channel."""
    shape = (-1, *(1,) * (ndim - axis - 1))
    if weight is not None:
        normal = normal * reshape(weight, shape)
    return normal if bias is None else normal + reshape(bias, shape)


def _with_affine(function: Any, inputs: Any, params: dict[str, Any]) -> Any:
    """Hand over the second and third input as weight and bias."""
    return function(inputs[0], **params, **dict(zip(("weight", "bias"), inputs[1:], strict=False)))


def check_channels(name: str, channels: int, **given: Value | None) -> None:
    """Make sure that what is given holds one number a channel."""
    for argument, value in given.items():
        check_shape(name, argument, value, (channels,), "one number a channel")


def _check_statistics(
    name: str, running_mean: Value | None, running_var: Value | None, momentum: float, needed: str = ""
) -> None:
    if not isinstance(momentum, int | float):
        raise UsageError(
            f"{name}: momentum must be a number, got {momentum!r}; a layer that keeps a plain mean passes 1/n"
        )
    if (running_mean is None) != (running_var is None):
        raise UsageError(f"{name}: running_mean and running_var go together: give both or neither")
    if needed and running_mean is None:
        raise UsageError(
            f"{name}: with {needed} the running statistics are what is used: give running_mean and running_var"
        )


def follow(running: Value, observed: Any, momentum: float) -> None:
    """Move a running statistic in place towards what was observed, so that views see it and the engine notices."""
    data = array_of(running)
    data[...] = (1.0 - momentum) * data + momentum * array_of(observed)
    if isinstance(running, Node):
        running.data = data


@operation(
    "functional",
    formula="y = γ·x̂ + β, x̂ = (x − μ)/√(σ² + ε), μ and σ² over the batch",
    derivative="∂L/∂x = (ĝ − mean(ĝ) − x̂·mean(ĝ·x̂))/√(σ² + ε), ĝ = γ·g; ∂L/∂γ = Σ g·x̂; ∂L/∂β = Σ g",
    samples=[
        sample((4, 3), (3,), (3,), running_mean=None, running_var=None, training=True),
        sample((2, 3, 2, 2), (3,), running_mean=_MEAN, running_var=_VAR, training=True, momentum=0.5),
        sample((2, 3, 4), (3,), (3,), running_mean=_MEAN, running_var=_VAR, eps=0.1),
        sample((2, 3, 2, 1, 2), running_mean=None, running_var=None, training=True, eps=0.1),
        sample((0, 3), running_mean=_MEAN, running_var=_VAR, training=True),
    ],
    errors=[
        refuses((1, 3), running_mean=None, running_var=None, training=True, match="more than 1 value per channel"),
        refuses((2, 3), running_mean=None, running_var=None, error=UsageError, match="running statistics"),
        refuses((2, 3), running_mean=np.zeros(2), running_var=np.ones(2), match=r"running_mean must be \(3,\)"),
        refuses((2, 3), (2,), running_mean=_MEAN, running_var=_VAR, match=r"weight must be \(3,\)"),
        refuses((3,), running_mean=_MEAN, running_var=_VAR, match="channel axis"),
    ],
    call=_with_affine,
    tolerance=10,
)
def batch_norm(
    input: Value,
    running_mean: Value | None,
    running_var: Value | None,
    weight: Value | None = None,
    bias: Value | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Value:
    """Standardise each channel: while training by the batch's own mean and variance, afterwards by the running ones.

    Args:
        input: `(N, C)` or `(N, C, d₁, …)`.
        running_mean: `(C,)`, updated in place while training: (1 − momentum)·old + momentum·new; or None.
        running_var: `(C,)`, updated in the same way with the unbiased variance; or None.
        weight: γ, `(C,)`.
        bias: β, `(C,)`.
        training: whose statistics are used.
        momentum: how fast the running statistics follow.
        eps: is added to the variance.

    Raises:
        ShapeError: a single value per channel has no variance to learn from.

    Source: Ioffe & Szegedy, 2015, "Batch normalization: accelerating deep network training by reducing internal covariate
    shift", algorithms 1 and 2.

    >>> import minidl
    >>> batch_norm(minidl.tensor([[1.0], [2.0], [3.0], [4.0]]), None, None, training=True).reshape(4)
    tensor([-1.3416, -0.4472,  0.4472,  1.3416])
    """
    name, shape = "batch_norm", shape_of(input)
    check_float(name, input=input)
    if len(shape) < 2:
        raise ShapeError(f"{name}: the input needs a channel axis, (N, C) or (N, C, d₁, …); got {shape}")
    _check_statistics(name, running_mean, running_var, momentum, "" if training else "training=False")
    check_device(name, input=input, running_mean=running_mean, running_var=running_var)
    check_channels(name, shape[1], running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    axes = (0, *range(2, len(shape)))
    if training:
        if math.prod(shape[i] for i in axes) == 1:
            raise ShapeError(f"{name}: training needs more than 1 value per channel; got {shape}: use a larger batch")
        if eps <= 0:
            raise UsageError(f"{name}: eps must be positive while training, got {eps}")
    if fuses(input, weight, bias):
        return _in_one(input, weight, bias, (running_mean, running_var), training, momentum, eps)
    if training:
        _follow(input, axes, (running_mean, running_var), momentum)
        normal = standardize_(input, dim=axes, eps=eps)
    else:
        normal = _by_running(input, running_mean, running_var, eps)
    return scaled(normal, weight, bias, 1, len(shape))


def _in_one(
    input: Value,
    weight: Value | None,
    bias: Value | None,
    running: tuple[Value | None, Value | None],
    training: bool,
    momentum: float,
    eps: float,
) -> Value:
    """Batch norm by one kernel; the running statistics follow those that its result keeps."""
    x, channels = data_of(input), shape_of(input)[1:2]
    gamma, beta = _filled(weight, 1.0, x, channels), _filled(bias, 0.0, x, channels)
    average, variance = running
    if not training:
        stored = {"mean": array_of(average).copy(), "variance": array_of(variance).copy()}
        return batch_norm_with(input, gamma, beta, **stored, eps=eps)
    out = batch_norm_(input, gamma, beta, eps=eps)
    if average is not None:
        kept = out.saved if isinstance(out, Node) else None  # what was not recorded keeps none: they are taken again
        mu, biased = kept or beside(backend_of([x]).batch_norm, x, data_of(gamma), data_of(beta), eps)[1:]
        count = x.size // x.shape[1]
        follow(average, mu, momentum)
        follow(variance, array_of(biased) * (count / (count - 1)), momentum)
    return out


def _filled(given: Value | None, number: float, x: Any, shape: Shape) -> Value:
    """What was given, else that number everywhere."""
    return constant_like(x, np.full(shape, number, x.dtype)) if given is None else given


def _follow(input: Value, axes: tuple[int, ...], running: tuple[Value | None, Value | None], momentum: float) -> None:
    """Update the running statistics: the mean of what each set of `axes` gives, its variance unbiased."""
    x, (average, variance) = array_of(input), running
    count = math.prod(x.shape[i] for i in axes)
    if average is None or x.size == 0:
        return
    mu, _, biased = beside(moments, backend_of([x]), x, axes)
    instances = tuple(i for i in range(x.ndim) if i != 1)
    follow(average, mu.mean(instances), momentum)
    follow(variance, (biased * (count / (count - 1))).mean(instances), momentum)


def _by_running(input: Value, running_mean: Value, running_var: Value, eps: float) -> Value:
    """(x − μ)/√(σ² + ε) with numbers that were stored: a fixed scale and shift of each channel."""
    shape = (-1, *(1,) * (len(shape_of(input)) - 2))
    average = array_of(running_mean).copy().reshape(shape)
    deviation = np.sqrt(array_of(running_var) + eps).reshape(shape)
    return (input - average) / deviation


@operation(
    "functional",
    formula="y = γ·x̂ + β, x̂ = (x − μ)/√(σ² + ε), μ and σ² over each image's channel",
    derivative="∂L/∂x = (ĝ − mean(ĝ) − x̂·mean(ĝ·x̂))/√(σ² + ε), ĝ = γ·g; ∂L/∂γ = Σ g·x̂; ∂L/∂β = Σ g",
    samples=[
        sample((2, 3, 4), (3,), (3,)),
        sample((2, 3, 2, 2), (3,), running_mean=_MEAN, running_var=_VAR, momentum=0.5, eps=0.1),
        sample((2, 3, 2, 1), (3,), (3,), running_mean=_MEAN, running_var=_VAR, use_input_stats=False),
        sample((0, 3, 2)),
    ],
    errors=[
        refuses((2, 3, 1), match="more than 1 value per channel"),
        refuses((2, 3, 4), use_input_stats=False, error=UsageError, match="running statistics"),
        refuses((2, 3, 4), (2,), match=r"weight must be \(3,\)"),
        refuses((3,), match="channel axis"),
    ],
    call=_with_affine,
    tolerance=10,
)
def instance_norm(
    input: Value,
    running_mean: Value | None = None,
    running_var: Value | None = None,
    weight: Value | None = None,
    bias: Value | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Value:
    """Standardise each channel of each image by its own mean and variance, or by the running ones.

    Args:
        input: `(N, C, d₁, …)`.
        running_mean: `(C,)`, updated in place with the images' mean while `use_input_stats`; or None.
        running_var: `(C,)`, updated in the same way with the unbiased variance; or None.
        weight: γ, `(C,)`.
        bias: β, `(C,)`.
        use_input_stats: whose statistics are used.
        momentum: how fast the running statistics follow.
        eps: is added to the variance.

    Source: Ulyanov, Vedaldi & Lempitsky, 2016, "Instance normalization: the missing ingredient for fast stylization".

    >>> import minidl
    >>> instance_norm(minidl.tensor([[[1.0, 2.0, 3.0, 4.0]]]))
    tensor([[[-1.3416, -0.4472,  0.4472,  1.3416]]])
    """
    name, shape = "instance_norm", shape_of(input)
    check_float(name, input=input)
    if len(shape) < 2:
        raise ShapeError(f"{name}: the input needs a channel axis, (N, C, d₁, …); got {shape}")
    _check_statistics(name, running_mean, running_var, momentum, "" if use_input_stats else "use_input_stats=False")
    check_channels(name, shape[1], running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    if use_input_stats:
        if math.prod(shape[2:]) == 1:
            raise ShapeError(f"{name}: needs more than 1 value per channel of an image; got {shape}")
        axes = tuple(range(2, len(shape)))
        _follow(input, axes, (running_mean, running_var), momentum)
        normal = standardize_(input, dim=axes, eps=eps)
    else:
        normal = _by_running(input, running_mean, running_var, eps)
    return scaled(normal, weight, bias, 1, len(shape))


def _trailing(name: str, shape: Shape, normalized_shape: int | Sequence[int]) -> Shape:
    """The shape of what is normalised together.

    Raises:
        ShapeError: the input does not end in it.
    """
    wanted = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not wanted or shape[-len(wanted) :] != wanted:
        shown = marked(shape, *range(-min(len(wanted), len(shape)), 0))
        raise ShapeError(f"{name}: the input {shown} must end in normalized_shape {wanted}, of one axis or more")
    return wanted


@operation(
    "functional",
    formula="y = γ·x̂ + β, x̂ = (x − μ)/√(σ² + ε), μ and σ² over the last axes",
    derivative="∂L/∂x = (ĝ − mean(ĝ) − x̂·mean(ĝ·x̂))/√(σ² + ε), ĝ = γ·g; ∂L/∂γ = Σ g·x̂; ∂L/∂β = Σ g",
    samples=[
        sample((3, 4), (4,), (4,), normalized_shape=(4,)),
        sample((2, 3, 4), (3, 4), normalized_shape=[3, 4], eps=0.1),
        sample((2, 1), normalized_shape=(1,)),
        sample((0, 3), normalized_shape=(3,)),
    ],
    errors=[
        refuses((2, 3), normalized_shape=(2,), match=r"must end in normalized_shape \(2,\)"),
        refuses((2, 3), (2,), normalized_shape=(3,), match=r"weight must be \(3,\)"),
    ],
    call=_with_affine,
    tolerance=10,
)
def layer_norm(
    input: Value,
    normalized_shape: int | Sequence[int],
    weight: Value | None = None,
    bias: Value | None = None,
    eps: float = 1e-5,
) -> Value:
    """Standardise each example over its last axes.

    Args:
        input: `(…, *normalized_shape)`.
        normalized_shape: the lengths of the axes that are normalised together.
        weight: γ, of `normalized_shape`.
        bias: β, of `normalized_shape`.
        eps: is added to the variance.

    Source: Ba, Kiros & Hinton, 2016, "Layer normalization".

    >>> import minidl
    >>> layer_norm(minidl.tensor([[1.0, 2.0, 3.0, 4.0]]), (4,))
    tensor([[-1.3416, -0.4472,  0.4472,  1.3416]])
    """
    check_float("layer_norm", input=input)
    shape = shape_of(input)
    wanted = _trailing("layer_norm", shape, normalized_shape)
    check_shape("layer_norm", "weight", weight, wanted, "as normalized_shape says")
    check_shape("layer_norm", "bias", bias, wanted, "as normalized_shape says")
    if fuses(input, weight, bias):
        x = data_of(input)
        return layer_norm_(input, _filled(weight, 1.0, x, wanted), _filled(bias, 0.0, x, wanted), eps=eps)
    normal = standardize_(input, dim=tuple(range(len(shape) - len(wanted), len(shape))), eps=eps)
    if weight is not None:
        normal = normal * weight
    return normal if bias is None else normal + bias


@operation(
    "functional",
    formula="y = γ·x̂ + β, x̂ = (x − μ)/√(σ² + ε), μ and σ² over each example's group of channels",
    derivative="∂L/∂x = (ĝ − mean(ĝ) − x̂·mean(ĝ·x̂))/√(σ² + ε), ĝ = γ·g; ∂L/∂γ = Σ g·x̂; ∂L/∂β = Σ g",
    samples=[
        sample((2, 4, 3), (4,), (4,), num_groups=2),
        sample((2, 6, 2, 2), (6,), num_groups=3, eps=0.1),
        sample((2, 4), num_groups=1),
        sample((0, 4), num_groups=2),
    ],
    errors=[
        refuses((2, 4), num_groups=3, match="4 channels cannot be divided into 3 groups"),
        refuses((1, 4), num_groups=4, match="more than 1 value per group"),
        refuses((2, 4), (2,), num_groups=2, match=r"weight must be \(4,\)"),
        refuses((4,), num_groups=2, match="channel axis"),
    ],
    call=_with_affine,
    tolerance=10,
)
def group_norm(
    input: Value, num_groups: int, weight: Value | None = None, bias: Value | None = None, eps: float = 1e-5
) -> Value:
    """Standardise each example's channels in groups; the batch may be small, for it plays no part.

    Args:
        input: `(N, C)` or `(N, C, d₁, …)`.
        num_groups: into how many groups the channels are divided.
        weight: γ, `(C,)`.
        bias: β, `(C,)`.
        eps: is added to the variance.

    Source: Wu & He, 2018, "Group normalization".

    >>> import minidl
    >>> group_norm(minidl.tensor([[1.0, 3.0, 10.0, 30.0]]), 2)
    tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])
    """
    name, shape = "group_norm", shape_of(input)
    check_float(name, input=input)
    if len(shape) < 2:
        raise ShapeError(f"{name}: the input needs a channel axis, (N, C) or (N, C, d₁, …); got {shape}")
    if num_groups < 1:
        raise UsageError(f"{name}: num_groups must be at least 1, got {num_groups}")
    if shape[1] % num_groups:
        raise ShapeError(f"{name}: {shape[1]} channels cannot be divided into {num_groups} groups of one size")
    check_channels(name, shape[1], weight=weight, bias=bias)
    if shape[0] * (shape[1] // num_groups) * math.prod(shape[2:]) == 1:
        raise ShapeError(f"{name}: needs more than 1 value per group; got {shape} in {num_groups} groups")
    size = shape[1] // num_groups * math.prod(shape[2:])
    groups = reshape(input, (shape[0], num_groups, size))
    return scaled(reshape(standardize_(groups, dim=(2,), eps=eps), shape), weight, bias, 1, len(shape))


@operation(
    "functional",
    formula="y = γ·x̂, x̂ = x/r, r = √(mean(x²) + ε)",
    derivative="∂L/∂x = (ĝ − x̂·mean(ĝ·x̂))/r, ĝ = γ·g; ∂L/∂γ = Σ g·x̂",
    samples=[
        sample((3, 4), (4,), normalized_shape=(4,)),
        sample((2, 3, 4), (3, 4), normalized_shape=(3, 4), eps=0.1),
        sample((2, 3), normalized_shape=[3]),
        sample((0, 3), normalized_shape=(3,)),
    ],
    errors=[
        refuses((2, 3), normalized_shape=(2,), match="must end in"),
        refuses((2, 3), (2,), normalized_shape=(3,), match=r"weight must be \(3,\)"),
    ],
    call=_with_affine,
    tolerance=10,
)
def rms_norm(
    input: Value, normalized_shape: int | Sequence[int], weight: Value | None = None, eps: float | None = None
) -> Value:
    """Divide each example by the root of its mean square over the last axes; the mean is not subtracted.

    Args:
        input: `(…, *normalized_shape)`.
        normalized_shape: the lengths of the axes that are normalised together.
        weight: γ, of `normalized_shape`.
        eps: is added to the mean square; the dtype's own ε (its spacing at 1) if None.

    Source: Zhang & Sennrich, 2019, "Root mean square layer normalization".

    >>> import minidl
    >>> rms_norm(minidl.tensor([[3.0, 4.0]]), (2,))
    tensor([[0.8485, 1.1314]])
    """
    check_float("rms_norm", input=input)
    shape = shape_of(input)
    wanted = _trailing("rms_norm", shape, normalized_shape)
    check_shape("rms_norm", "weight", weight, wanted, "as normalized_shape says")
    small = float(np.finfo(data_of(input).dtype).eps) if eps is None else eps
    axes = tuple(range(len(shape) - len(wanted), len(shape)))
    normal = input / sqrt(mean(square(input), axes, keepdim=True) + small)
    return normal if weight is None else normal * weight
