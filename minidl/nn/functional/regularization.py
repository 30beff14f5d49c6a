"""Dropout: parts of a network are left out at random while it learns, so that no part can rely on one other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import DtypeError, ShapeError, UsageError
from ...graph import data_of
from ...kernels.device import brought_to, where_is
from ...primitives.kinds import Shape, Value, refuses, sample, shape_of
from ...primitives.layers.random import Generator, dropout_, generator_of
from ...primitives.operation import operation
from .checks import check_float, check_share

_REFUSED = [refuses((2, 3, 4), p=1.5, training=True, error=UsageError, match="0 … 1")]
_SURE = [sample((2, 3, 4), p=0.0), sample((2, 3, 4), p=1.0, training=True), sample((2, 3, 4), p=0.4, training=False)]
_SELU_FLOOR = -1.7580993408473766
"""−λα of SELU, its value at −∞: what a dropped element becomes in alpha dropout."""


def _checked(name: str, input: Value, p: float, training: bool) -> bool:
    """Whether anything is to be dropped.

    Raises:
        UsageError: `p` is no probability.
        DtypeError: whole numbers, which cannot be scaled.
    """
    check_share(name, p=p)
    if not training or p == 0.0:
        return False
    check_float(name, input=input)
    return True


def _draw(input: Value, shape: Shape, p: float, generator: Generator | None) -> Any:
    """True for what stays, with probability 1 − p; drawn on the input's device, by default."""
    there = where_is(data_of(input))
    return brought_to(generator_of(there, "dropout", generator).kept(shape, p), there)


def _drop(input: Value, kept: Any, p: float) -> Value:
    return dropout_(input, kept=kept, scale=1.0 / (1.0 - p) if p < 1.0 else 0.0)


@operation(
    "functional minidl",
    formula="x·m/(1 − p), m = 1 with probability 1 − p, else 0",
    derivative="∂L/∂x = g·m/(1 − p)",
    torch="nn.functional.dropout",
    samples=[*_SURE, sample((), p=1.0), sample((0, 3), p=0.3)],
    errors=[*_REFUSED, refuses(np.arange(3), error=DtypeError, match="floating-point")],
)
def dropout(input: Value, p: float = 0.5, training: bool = True, *, generator: Generator | None = None) -> Value:
    """Set each element to 0 with probability `p` and scale the others by 1/(1 − p); do nothing unless `training`.

    The scaling keeps the mean, so that nothing changes at test time ("inverted dropout").

    Args:
        input: any shape.
        p: the probability of dropping an element.
        training: whether to drop at all.
        generator: the source of random numbers; the default one if None.

    Source: Srivastava et al., 2014, "Dropout: a simple way to prevent neural networks from overfitting".

    >>> import minidl
    >>> minidl.dropout(minidl.ones(3), p=1.0)
    tensor([0., 0., 0.])
    """
    if not _checked("dropout", input, p, training):
        return input
    return _drop(input, _draw(input, shape_of(input), p, generator), p)


def _channels(
    name: str, input: Value, p: float, training: bool, axes: tuple[int, ...], generator: Generator | None
) -> Value:
    """Drop whole channels; `axes` are the numbers of axes that the input may have, the first without a batch axis if two."""
    shape = shape_of(input)
    if len(shape) not in axes:
        known = " or ".join(
            ("(C, …)" if len(axes) > 1 and n == axes[0] else "(N, C, …)") + f" with {n} axes" for n in axes
        )
        raise ShapeError(f"{name}: the input must be {known}; got {shape}")
    if not _checked(name, input, p, training):
        return input
    lead = 1 if len(axes) > 1 and len(shape) == axes[0] else 2
    return _drop(input, _draw(input, (*shape[:lead], *(1,) * (len(shape) - lead)), p, generator), p)


@operation(
    "functional",
    formula="x·m/(1 − p), one m a channel",
    derivative="∂L/∂x = g·m/(1 − p)",
    samples=[*_SURE, sample((2, 3), p=1.0), sample((2, 3), p=0.0)],
    errors=[*_REFUSED, refuses((4,), match="with 2 axes"), refuses((2, 3, 4, 5), match="with 3 axes")],
)
def dropout1d(input: Value, p: float = 0.5, training: bool = True, *, generator: Generator | None = None) -> Value:
    """Drop whole channels of `(N, C, L)` or `(C, L)` with probability `p`; see `dropout`.

    Source: Tompson et al., 2015, "Efficient object localization using convolutional networks".

    >>> import minidl
    >>> dropout1d(minidl.ones(2, 3), p=1.0)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    return _channels("dropout1d", input, p, training, (2, 3), generator)


@operation(
    "functional",
    formula="x·m/(1 − p), one m a channel",
    derivative="∂L/∂x = g·m/(1 − p)",
    samples=[sample((2, 3, 2, 2), p=1.0), sample((2, 3, 2, 2), p=0.0), sample((2, 3, 2, 2), training=False)],
    errors=[refuses((3, 4, 4), match="with 4 axes"), refuses((1, 2, 3, 4), p=-0.5, error=UsageError, match="0 … 1")],
)
def dropout2d(input: Value, p: float = 0.5, training: bool = True, *, generator: Generator | None = None) -> Value:
    """Drop whole channels of `(N, C, H, W)` with probability `p`; see `dropout`.

    Neighbouring pixels tell the same story, so dropping single ones would hide little.

    Raises:
        ShapeError: three axes; PyTorch warns and reads them as (N, C, L). Add a batch axis, or use `dropout1d`.

    Source: Tompson et al., 2015, "Efficient object localization using convolutional networks".

    >>> import minidl
    >>> dropout2d(minidl.ones(1, 1, 1, 2), p=1.0)
    tensor([[[[0., 0.]]]])
    """
    return _channels("dropout2d", input, p, training, (4,), generator)


@operation(
    "functional",
    formula="x·m/(1 − p), one m a channel",
    derivative="∂L/∂x = g·m/(1 − p)",
    samples=[sample((2, 3, 1, 2, 2), p=1.0), sample((2, 3, 2, 2), p=0.0), sample((2, 3, 2, 2), training=False)],
    errors=[refuses((3, 4, 4), match="with 5 axes"), refuses((1, 2, 3, 4), p=-0.5, error=UsageError, match="0 … 1")],
)
def dropout3d(input: Value, p: float = 0.5, training: bool = True, *, generator: Generator | None = None) -> Value:
    """Drop whole channels of `(N, C, D, H, W)` or `(C, D, H, W)` with probability `p`; see `dropout`.

    Source: Tompson et al., 2015, "Efficient object localization using convolutional networks".

    >>> import minidl
    >>> dropout3d(minidl.ones(1, 1, 1, 2), p=1.0)
    tensor([[[[0., 0.]]]])
    """
    return _channels("dropout3d", input, p, training, (4, 5), generator)


def _alpha(input: Value, kept: Any, p: float) -> Value:
    """Replace what is dropped by SELU's floor, then scale and shift so that mean 0 and variance 1 stay what they are."""
    if p == 1.0:
        return dropout_(input, kept=kept, scale=0.0)
    scale = 1.0 / math.sqrt((1.0 - p) * (1.0 + p * _SELU_FLOOR**2))
    shift = scale * _SELU_FLOOR * (~kept - p)
    return dropout_(input, kept=kept, scale=scale) + shift.astype(input.dtype)


@operation(
    "functional",
    formula="a·(x·m + α′·(1 − m)) + b",
    derivative="∂L/∂x = a·m·g",
    samples=[*_SURE, sample((), p=1.0, training=True)],
    errors=_REFUSED,
)
def alpha_dropout(input: Value, p: float = 0.5, training: bool = False, *, generator: Generator | None = None) -> Value:
    """Set elements to SELU's lowest value with probability `p`, and keep mean 0 and variance 1 by a scale and a shift.

    Args:
        input: any shape; the output of SELU units.
        p: the probability of dropping an element.
        training: whether to drop at all.
        generator: the source of random numbers; the default one if None.

    Source: Klambauer et al., 2017, "Self-normalizing neural networks", section 3.

    >>> import minidl
    >>> alpha_dropout(minidl.ones(3), p=1.0, training=True)
    tensor([0., 0., 0.])
    """
    if not _checked("alpha_dropout", input, p, training):
        return input
    return _alpha(input, _draw(input, shape_of(input), p, generator), p)


@operation(
    "functional",
    formula="a·(x·m + α′·(1 − m)) + b, one m a channel",
    derivative="∂L/∂x = a·m·g",
    samples=_SURE,
    errors=[*_REFUSED, refuses((4,), training=True, match="channel axis")],
)
def feature_alpha_dropout(
    input: Value, p: float = 0.5, training: bool = False, *, generator: Generator | None = None
) -> Value:
    """Drop whole channels of `(N, C, …)` as `alpha_dropout` drops elements.

    >>> import minidl
    >>> feature_alpha_dropout(minidl.ones(1, 3), p=1.0, training=True)
    tensor([[0., 0., 0.]])
    """
    shape = shape_of(input)
    if not _checked("feature_alpha_dropout", input, p, training):
        return input
    if len(shape) < 2:
        raise ShapeError(f"feature_alpha_dropout: the input needs a channel axis, (N, C, …); got {shape}")
    return _alpha(input, _draw(input, (*shape[:2], *(1,) * (len(shape) - 2)), p, generator), p)


@operation(
    "functional",
    formula="x·m/(1 − p), one m an example",
    derivative="∂L/∂x = g·m/(1 − p)",
    torch=None,
    samples=[*_SURE, sample((4, 3), p=0.5), sample((4, 2, 2), p=0.5, scale_by_keep=False)],
    errors=[*_REFUSED, refuses((), match="batch axis")],
)
def drop_path(
    input: Value,
    p: float = 0.5,
    training: bool = True,
    scale_by_keep: bool = True,
    *,
    generator: Generator | None = None,
) -> Value:
    """Set whole examples of a residual branch to 0 with probability `p` (stochastic depth); do nothing unless `training`.

    Args:
        input: the output of a branch, `(N, …)`, which is then added to its input.
        p: the probability that the branch is left out for an example.
        training: whether to drop at all.
        scale_by_keep: whether the others are scaled by 1/(1 − p), which keeps the mean.
        generator: the source of random numbers; the default one if None.

    Source: Huang et al., 2016, "Deep networks with stochastic depth".

    >>> import minidl
    >>> drop_path(minidl.ones(2, 1), p=1.0)
    tensor([[0.],
            [0.]])
    """
    shape = shape_of(input)
    if not _checked("drop_path", input, p, training):
        return input
    if not shape:
        raise ShapeError("drop_path: the input needs a batch axis, (N, …); got a single number")
    kept = _draw(input, (shape[0], *(1,) * (len(shape) - 1)), p, generator)
    return _drop(input, kept, p) if scale_by_keep else dropout_(input, kept=kept, scale=1.0)
