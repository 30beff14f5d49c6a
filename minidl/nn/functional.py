"""Layers as functions, under PyTorch's names: the caller brings the weights."""

from __future__ import annotations

from typing import Any

from ..errors import ShapeError, UsageError
from ..primitives.activation import relu, sigmoid, tanh
from ..primitives.convolution import conv2d
from ..primitives.linalg import matmul
from ..primitives.pooling import avg_pool2d, max_pool2d
from ..primitives.random import dropout
from ..primitives.reduction import mean, sum
from ..primitives.shape import permute_
from ..primitives.softmax import cross_entropy, log_softmax, softmax
from ..tensor import Tensor

__all__ = [
    "avg_pool2d",
    "conv2d",
    "cross_entropy",
    "dropout",
    "linear",
    "log_softmax",
    "max_pool2d",
    "mse_loss",
    "relu",
    "sigmoid",
    "softmax",
    "tanh",
]


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Any:
    """Compute x Wᵀ + b.

    Args:
        input: `(…, in)`.
        weight: `(out, in)`.
        bias: `(out,)`.

    Returns:
        `(…, out)`.

    >>> import minidl
    >>> linear(minidl.ones(2, 3), minidl.ones(1, 3))
    tensor([[3.],
            [3.]])
    """
    if len(weight.shape) != 2 or not input.shape or input.shape[-1] != weight.shape[1]:
        raise ShapeError(
            f"linear: input {input.shape} must end in the {weight.shape[-1]} features of weight {weight.shape}"
        )
    out = matmul(input, permute_(weight, dims=(1, 0)))
    return out if bias is None else out + bias


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Any:
    """Average the squared differences.

    Args:
        input: predictions, any shape.
        target: what they should be, the same shape.
        reduction: `"mean"`, `"sum"` or `"none"`.

    >>> import minidl
    >>> mse_loss(minidl.tensor([1.0, 2.0]), minidl.tensor([1.0, 4.0]))
    tensor(2.)
    """
    if input.shape != target.shape:
        raise ShapeError(
            f"mse_loss: input {input.shape} and target {target.shape} differ; broadcasting them would average the wrong pairs"
        )
    squares = (input - target) ** 2
    if reduction == "none":
        return squares
    if reduction not in ("mean", "sum"):
        raise UsageError(f"mse_loss: reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
    return mean(squares) if reduction == "mean" else sum(squares)
