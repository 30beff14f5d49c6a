"""Helpers for a module's parameters and gradients: clipping, and all parameters as one vector."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np

from ..errors import GraphError, ShapeError
from ..graph import array_of
from ..kernels import DeviceArray
from ..kernels.device import CPU, Device
from ..primitives.shapes.joining import cat
from ..tensor import Tensor
from . import init
from .module import Module

__all__ = [
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "device_of",
    "get_total_norm",
    "parameters_to_vector",
    "skip_init",
    "vector_to_parameters",
]

Tensors = Tensor | Iterable[Tensor]
M = TypeVar("M", bound=Module)


def clip_grad_norm_(
    parameters: Tensors, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Scale all gradients together so that their norm, taken as one vector, is at most `max_norm`.

    Every gradient is multiplied by min(1, max_norm / (norm + 10⁻⁶)): the direction of the step stays. The gradients are
    replaced, not written into.

    Args:
        parameters: a tensor or several; those without a gradient are passed over.
        max_norm: the largest norm allowed.
        norm_type: p of the p-norm; `minidl.inf` for the largest component.
        error_if_nonfinite: whether a norm that is infinite or NaN is an error.

    Returns:
        The norm before clipping, `()`.

    Raises:
        GraphError: the norm is not finite, if that is asked for.

    Source: Pascanu, Mikolov and Bengio, 2013, "On the difficulty of training recurrent neural networks".

    >>> import minidl
    >>> x = minidl.tensor([3.0, 4.0], requires_grad=True)
    >>> (x * x / 2).sum().backward()
    >>> clip_grad_norm_(x, max_norm=1.0), x.grad
    (tensor(5.), tensor([0.6000, 0.8000]))
    """
    chosen = _with_gradients(parameters)
    total = get_total_norm([p.grad for p in chosen], norm_type, error_if_nonfinite)
    clip_grads_with_norm_(chosen, max_norm, total)
    return total


def get_total_norm(tensors: Tensors, norm_type: float = 2.0, error_if_nonfinite: bool = False) -> Tensor:
    """Return the norm of tensors taken as one vector.

    Args:
        tensors: a tensor or several, such as gradients.
        norm_type: p of the p-norm; `minidl.inf` for the largest component.
        error_if_nonfinite: whether a norm that is infinite or NaN is an error.

    Returns:
        `()`, of the first tensor's dtype.

    Raises:
        GraphError: the norm is not finite, if that is asked for.
    """
    given = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    if not given:
        return Tensor(np.zeros((), np.float32))
    # In double, so that the squares of single-precision gradients neither overflow nor vanish.
    with np.errstate(all="ignore"):  # infinities and NaN are results like any other
        norms = [_norm(np.reshape(t.data, -1).astype(np.float64), norm_type) for t in given if t.data.size]
        total = array_of(_norm(np.stack(norms), norm_type) if norms else 0.0).astype(given[0].dtype)
    if error_if_nonfinite and not np.isfinite(total):
        raise GraphError(
            f"the norm of order {norm_type:g} of the gradients is {total}, so they cannot be clipped; find where it began with "
            "minidl.detect_anomaly(), or give error_if_nonfinite=False to go on"
        )
    return Tensor(total)


def _norm(vector: Any, order: float) -> Any:
    """The p-norm of a vector, where it is."""
    if vector.__class__ is not DeviceArray:
        return np.linalg.norm(vector, order)
    sizes = abs(vector)
    if math.isinf(order):
        return sizes.max() if order > 0 else sizes.min()
    return (sizes > 0).sum() if order == 0 else (sizes**order).sum() ** (1 / order)


def clip_grads_with_norm_(parameters: Tensors, max_norm: float, total_norm: Tensor) -> None:
    """Scale all gradients as `clip_grad_norm_` does, for a norm that is known already.

    Args:
        parameters: a tensor or several; those without a gradient are passed over.
        max_norm: the largest norm allowed.
        total_norm: the norm that the gradients have, `()`.
    """
    with np.errstate(all="ignore"):
        share = np.minimum(float(max_norm) / (array_of(total_norm).astype(np.float64) + 1e-6), 1.0)
        for p in _with_gradients(parameters):
            p.grad = Tensor(array_of(p.grad.data * share.astype(p.dtype)))


def clip_grad_value_(parameters: Tensors, clip_value: float) -> None:
    """Bring every component of the gradients into [−clip_value, clip_value]. This changes the direction of the step.

    Args:
        parameters: a tensor or several; those without a gradient are passed over.
        clip_value: the largest size allowed.

    >>> import minidl
    >>> x = minidl.tensor([3.0, 0.5], requires_grad=True)
    >>> (x * x / 2).sum().backward()
    >>> clip_grad_value_(x, 1.0)
    >>> x.grad
    tensor([1.0000, 0.5000])
    """
    for p in _with_gradients(parameters):
        p.grad = Tensor(array_of(np.clip(p.grad.data, -float(clip_value), float(clip_value))))


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Return all parameters as one vector, recorded: gradients flow through it.

    Args:
        parameters: of any shapes, N numbers together.

    Returns:
        `(N,)`.

    >>> from minidl import nn
    >>> parameters_to_vector(nn.Linear(3, 2).parameters()).shape
    (8,)
    """
    vector: Tensor = cat([p.reshape(-1) for p in parameters])
    return vector


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Give the numbers of a vector to the parameters, in the order of `parameters_to_vector`, as copies.

    Args:
        vec: `(N,)`.
        parameters: of any shapes, N numbers together.

    Raises:
        ShapeError: the vector has another length.

    >>> import minidl
    >>> from minidl import nn
    >>> layer = nn.Linear(2, 1)
    >>> vector_to_parameters(minidl.tensor([1.0, 2.0, 3.0]), layer.parameters())
    >>> layer(minidl.tensor([1.0, 1.0])).item()
    6.0
    """
    given = list(parameters)
    count = sum(p.data.size for p in given)
    if vec.shape != (count,):
        raise ShapeError(f"vector_to_parameters: the parameters take a vector of shape {(count,)}, got {vec.shape}")
    start = 0
    for p in given:
        part: Any = vec.data[start : start + p.data.size].reshape(p.shape)
        p.data = part.astype(p.dtype, copy=True)
        start += p.data.size


def device_of(model: Module) -> Device:
    """Return the device of a model's parameters, the CPU where there are none.

    >>> from minidl import nn
    >>> device_of(nn.Linear(2, 1))
    'cpu'
    """
    return next((parameter.device for parameter in model.parameters()), CPU)


def _with_gradients(parameters: Tensors) -> list[Tensor]:
    given = [parameters] if isinstance(parameters, Tensor) else parameters
    return [p for p in given if p.grad is not None]


def skip_init(module_cls: Callable[..., M], *args: Any, **kwargs: Any) -> M:
    """Make a module whose weights are not drawn, for instance because they are about to be loaded, or only to be counted.

    They are zeros, which hardly take memory before they are written: a network of a billion weights is made at once.

    Args:
        module_cls: the module's class, or a function that makes it.
        args: what it is called with.
        kwargs: likewise.

    >>> from minidl import nn
    >>> skip_init(nn.Linear, 30_000, 30_000).weight.shape
    (30000, 30000)
    """
    with init.skipped():
        return module_cls(*args, **kwargs)
