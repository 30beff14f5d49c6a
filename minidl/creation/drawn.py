"""Tensors of random numbers. Each takes `generator=`, the source of the numbers; if None, the default one of the device.

With `device="cuda"` they are drawn on the GPU, and are others than the CPU draws from the same seed, as in PyTorch. With a
generator of the CPU's they are drawn there and brought to the GPU.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ..errors import DtypeError, NotOnDeviceError, UsageError
from ..graph import Node, array_of
from ..kernels import ARRAYS, DeviceArray, dtypes
from ..kernels.device import CPU, brought_to, device_of, where_is
from ..primitives.layers.random import Generator, generator_of
from ..tensor import Tensor
from .filled import float_dtype, lengths_of, like_what, one_shape, placed, plain_number
from .values import Array


def _source(generator: Generator | None, name: str, device: Any = None) -> Any:
    """What draws numbers for a device."""
    return generator_of(device, name, generator).source


def _continuous(
    name: str, how: str, shape: tuple[int, ...], dtype: Any, generator: Generator | None, device: Any
) -> Array:
    """Draw floats: `random` evenly from 0 … 1 without 1, `standard_normal` from the normal distribution."""
    target = float_dtype(dtype, name)
    if target.kind not in "fc":
        raise DtypeError(f"{name}: draws floating-point numbers, not {target}; for whole ones there is minidl.randint")
    drawing = generator_of(device, name, generator)
    draw = getattr(drawing.source, how)
    if drawing.device != CPU:
        if target.kind == "c":
            raise NotOnDeviceError(f"{name}: there are no complex numbers on {drawing.device}")
        return draw(shape, np.promote_types(target, np.float32)).astype(target)
    if target.kind == "c":
        scale = np.sqrt(0.5) if how == "standard_normal" else 1.0
        return array_of(scale * (draw(shape) + 1j * draw(shape))).astype(target)
    drawn = array_of(draw(shape)).astype(target)
    if how == "random":  # rounding must not make a 1 of 0.99999999
        drawn = np.minimum(drawn, np.nextafter(target.type(1), target.type(0)))
    return array_of(drawn)


def rand(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **named: Any,
) -> Tensor:
    """Draw numbers evenly from 0 … 1, without 1.

    >>> rand(2, 3).shape
    (2, 3)
    """
    drawn = _continuous("rand", "random", lengths_of("rand", size, named), dtype, generator, device)
    return placed(drawn, device, "rand", requires_grad)


def randn(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    **named: Any,
) -> Tensor:
    """Draw numbers from the normal distribution with mean 0 and variance 1.

    >>> randn(2, 3).shape
    (2, 3)
    """
    drawn = _continuous("randn", "standard_normal", lengths_of("randn", size, named), dtype, generator, device)
    return placed(drawn, device, "randn", requires_grad)


def rand_like(
    input: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Draw numbers evenly from 0 … 1, of the shape and dtype of `input`.

    >>> rand_like(Tensor(np.zeros((2, 3)))).shape
    (2, 3)
    """
    like = like_what(input, "rand_like")
    there = where_is(like) if device is None else device
    drawn = _continuous("rand_like", "random", like.shape, like.dtype if dtype is None else dtype, generator, there)
    return placed(drawn, there, "rand_like", requires_grad)


def randn_like(
    input: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Draw numbers from the normal distribution, of the shape and dtype of `input`.

    >>> randn_like(Tensor(np.zeros((2, 3)))).shape
    (2, 3)
    """
    like = like_what(input, "randn_like")
    there = where_is(like) if device is None else device
    drawn = _continuous(
        "randn_like", "standard_normal", like.shape, like.dtype if dtype is None else dtype, generator, there
    )
    return placed(drawn, there, "randn_like", requires_grad)


def _whole(value: Any, name: str, what: str) -> int:
    try:
        return operator.index(value)
    except TypeError as error:
        raise UsageError(f"{name}: {what} must be a whole number, got {value!r}") from error


def _whole_draws(
    name: str,
    low: Any,
    high: Any,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    generator: Generator | None,
    device: Any,
) -> Array:
    first, last = _whole(low, name, "low"), _whole(high, name, "high")
    if first >= last:
        raise UsageError(f"{name}: there is no whole number from {first} up to, but without, {last}")
    if dtype.kind in "iu" and not np.iinfo(dtype).min <= first < last <= np.iinfo(dtype).max + 1:
        raise UsageError(f"{name}: numbers from {first} to {last - 1} do not fit into {dtype}")
    return array_of(_source(generator, name, device).integers(first, last, shape)).astype(dtype)


def randint(
    low: Any = None,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Draw whole numbers from `low` (0 if left out) up to, but without, `high`: `randint(10, (2, 3))`, `randint(5, 10, (2,))`.

    >>> randint(3, 4, (2,))
    tensor([3, 3])
    """
    if size is None and isinstance(high, tuple | list):
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    target = dtypes.int64 if dtype is None else dtypes.as_dtype(dtype, "randint")
    shape = one_shape("randint", size)
    drawn = _whole_draws("randint", 0 if low is None else low, high, shape, target, generator, device)
    return placed(drawn, device, "randint", requires_grad)


def randint_like(
    input: Any,
    low: Any = None,
    high: Any = None,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Draw whole numbers from `low` (0 if only one is given) up to, but without, `high`, of the shape and dtype of `input`.

    >>> randint_like(Tensor(np.zeros(2)), 1)
    tensor([0., 0.], dtype=minidl.float64)
    """
    like = like_what(input, "randint_like")
    first, last = (0, low) if high is None else (0 if low is None else low, high)
    target = like.dtype if dtype is None else dtypes.as_dtype(dtype, "randint_like")
    there = where_is(like) if device is None else device
    drawn = _whole_draws("randint_like", first, last, like.shape, target, generator, there)
    return placed(drawn, there, "randint_like", requires_grad)


def randperm(
    n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Draw an order of the numbers from 0 up to, but without, `n`.

    >>> randperm(1)
    tensor([0])
    """
    count = _whole(n, "randperm", "n")
    if count < 0:
        raise UsageError(f"randperm: n must not be negative, got {n}")
    target = dtypes.int64 if dtype is None else dtypes.as_dtype(dtype, "randperm")
    drawn = _source(generator, "randperm", device).permutation(count).astype(target)
    return placed(drawn, device, "randperm", requires_grad)


def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Draw from normal distributions.

    Args:
        mean: the means: a tensor, or one number.
        std: the standard deviations: a tensor, or one number.
        size: the shape of the result, where both are numbers.
        generator: the source of random numbers.
        dtype: that of the result, where both are numbers.
        device: where the result is: by default with the means.
        requires_grad: whether backward() should give the result a gradient; the means get none.

    >>> normal(2.0, 0.0, (2,))
    tensor([2., 2.])
    """
    given = [array_of(v) for v in (mean, std) if isinstance(v, (Node, *ARRAYS))]
    if any(a.dtype.kind not in "fc" for a in given):
        raise DtypeError("normal: means and deviations must be floating-point")
    mean, std = (array_of(v) if isinstance(v, (Node, *ARRAYS)) else plain_number(v, "normal") for v in (mean, std))
    if np.any(np.less(std, 0)):
        raise UsageError("normal: a standard deviation cannot be negative")
    if given:
        if size is not None:
            raise UsageError("normal: size goes with two numbers; tensors have their own shapes")
        try:
            shape: tuple[int, ...] = np.broadcast_shapes(*(a.shape for a in given))
        except ValueError as error:
            raise UsageError(
                f"normal: means {given[0].shape} and deviations {given[1].shape} do not broadcast"
            ) from error
        dtype = given[0].dtype if dtype is None else dtype
    else:
        shape = one_shape("normal", size)
    there = where_is(given[0]) if given and device is None else device_of(device, "normal")
    drawn = _continuous("normal", "standard_normal", shape, dtype, generator, there)
    drawn = brought_to(drawn, there)
    return Tensor(array_of(mean + std * drawn).astype(drawn.dtype), requires_grad)


def bernoulli(input: Any, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """Draw ones and zeros: a one with the probability that `input` holds there, or everywhere `p`.

    >>> bernoulli(Tensor(np.array([0.0, 1.0], np.float32)))
    tensor([0., 1.])
    """
    like = array_of(like_what(input, "bernoulli"))
    if p is None and like.dtype.kind != "f":
        raise DtypeError(f"bernoulli: probabilities must be floating-point, got {like.dtype}")
    chance = like if p is None else np.asarray(plain_number(p, "bernoulli"))
    if not ((chance >= 0) & (chance <= 1)).all():
        raise UsageError("bernoulli: probabilities must lie in 0 … 1")
    drawn = brought_to(_source(generator, "bernoulli", where_is(like)).random(like.shape), where_is(like))
    return Tensor(array_of(drawn < chance).astype(like.dtype))


def multinomial(
    input: Any, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Draw positions, each with a probability proportional to the weight that `input` holds there.

    Args:
        input: weights, `(n,)` or `(m, n)`, from 0.
        num_samples: how many to draw from each row.
        replacement: whether one may be drawn again.
        generator: the source of random numbers.

    Source: without replacement, the largest of weight / (exponentially distributed number); Efraimidis & Spirakis, 2006,
    "Weighted random sampling with a reservoir".

    >>> multinomial(Tensor(np.array([0.0, 3.0])), 2, replacement=True)
    tensor([1, 1])
    """
    weights = array_of(like_what(input, "multinomial"))
    if weights.__class__ is DeviceArray:
        raise NotOnDeviceError("multinomial: draws on the CPU; give it the weights with x.cpu()")
    count = _whole(num_samples, "multinomial", "num_samples")
    if weights.dtype.kind != "f":
        raise DtypeError(f"multinomial: weights must be floating-point, got {weights.dtype}")
    if weights.ndim not in (1, 2) or not weights.shape[-1]:
        raise UsageError(f"multinomial: weights must have shape (n,) or (m, n), got {weights.shape}")
    if not (np.isfinite(weights) & (weights >= 0)).all() or not (weights.sum(-1) > 0).all():
        raise UsageError("multinomial: weights must be finite, not negative, and in no row all 0")
    if count <= 0 or (not replacement and count > weights.shape[-1]):
        raise UsageError(
            f"multinomial: cannot draw {count} of {weights.shape[-1]}; replacement=True draws one repeatedly"
        )
    source = _source(generator, "multinomial")
    if not replacement:
        with np.errstate(divide="ignore"):
            ranks = weights / source.exponential(size=weights.shape)
        return Tensor(np.argsort(-ranks, axis=-1, kind="stable")[..., :count].astype(np.int64))
    ends = np.cumsum(weights, axis=-1, dtype=np.float64)
    at = source.random((*weights.shape[:-1], count, 1)) * ends[..., None, -1:]
    return Tensor((at >= ends[..., None, :]).sum(-1, dtype=np.int64))
