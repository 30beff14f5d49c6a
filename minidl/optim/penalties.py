"""Penalties on weights, to be added to a loss: L1 and L2."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import UsageError
from ..tensor import Tensor


def l1_penalty(parameters: Tensor | Iterable[Tensor]) -> Tensor:
    """Return Σ|w|. Its gradient, sign(w), pulls every weight towards 0 equally, so that many end there: sparsity.

    Args:
        parameters: a tensor or several, such as the weights without the biases.

    Returns:
        `()`.

    Raises:
        UsageError: there are none.

    Source: Tibshirani, 1996, "Regression shrinkage and selection via the lasso".

    >>> import minidl
    >>> w = minidl.tensor([3.0, -0.5], requires_grad=True)
    >>> (0.1 * l1_penalty(w)).backward()
    >>> w.grad
    tensor([ 0.1000, -0.1000])
    """
    return _total("l1_penalty", [p.abs().sum() for p in _listed(parameters)])


def l2_penalty(parameters: Tensor | Iterable[Tensor]) -> Tensor:
    """Return Σw². Its gradient is 2w, so that λ·Σw² shrinks a weight by 2·lr·λ·w a step of plain gradient descent.

    An optimizer's `weight_decay=λ` adds λ·w to the gradient: it is the penalty ½λ·Σw², without a graph. In `SGD` the three
    (penalty, weight decay, shrinking each weight by lr·λ·w) are the same. In `Adam` they are not: penalty and `weight_decay`
    pass through the division by the root of the mean square, so that weights with large gradients are hardly pulled;
    `AdamW` shrinks all alike, and is what "weight decay" means since.

    Args:
        parameters: a tensor or several, such as the weights without the biases.

    Returns:
        `()`.

    Raises:
        UsageError: there are none.

    Source: Loshchilov and Hutter, 2019, "Decoupled weight decay regularization".

    >>> import minidl
    >>> w = minidl.tensor([3.0, -0.5], requires_grad=True)
    >>> (0.1 * l2_penalty(w)).backward()
    >>> w.grad
    tensor([ 0.6000, -0.1000])
    """
    return _total("l2_penalty", [(p * p).sum() for p in _listed(parameters)])


def _listed(parameters: Tensor | Iterable[Tensor]) -> Iterable[Tensor]:
    return [parameters] if isinstance(parameters, Tensor) else parameters


def _total(name: str, parts: list[Tensor]) -> Tensor:
    if not parts:
        raise UsageError(f"{name}: got no parameters")
    return sum(parts[1:], start=parts[0])
