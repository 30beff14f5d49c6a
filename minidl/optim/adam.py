"""Adam: a step of its own size for every weight."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..tensor import Tensor
from .optimizer import Array, Optimizer, check


class Adam(Optimizer):
    """Divide a running mean of the gradient by a running root mean square of it.

    m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², θ ← θ − lr · m̂ / (√v̂ + ε), with m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ).

    Args:
        params: tensors, or groups.
        lr: the learning rate.
        betas: β₁ and β₂, how slowly the two means forget.
        eps: ε.
        weight_decay: λ, added to the gradient as λ·θ.

    Source: Kingma and Ba, 2015, "Adam: a method for stochastic optimization", algorithm 1.

    >>> import minidl
    >>> x = minidl.tensor(1.0, requires_grad=True)
    >>> optimizer = Adam([x], lr=0.001)
    >>> (3 * x).backward()
    >>> optimizer.step()
    >>> x
    tensor(0.9990, requires_grad=True)
    """

    decoupled = False

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        name, inf = type(self).__name__, float("inf")
        check(name, lr=(lr, 0, inf), eps=(eps, 0, inf), weight_decay=(weight_decay, 0, inf))
        check(name, beta1=(betas[0], 0, 1), beta2=(betas[1], 0, 1))
        super().__init__(params, {"lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay})

    def _update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> Array:
        (beta1, beta2), decay, lr = group["betas"], group["weight_decay"], group["lr"]
        if decay and self.decoupled:
            p = p * (1 - lr * decay)
        elif decay:
            g = g + decay * p
        if not state:
            state.update(step=0, exp_avg=np.zeros_like(p), exp_avg_sq=np.zeros_like(p))
        t = state["step"] = state["step"] + 1
        m = state["exp_avg"] = beta1 * state["exp_avg"] + (1 - beta1) * g
        v = state["exp_avg_sq"] = beta2 * state["exp_avg_sq"] + (1 - beta2) * (g * g)
        root = np.sqrt(v) / math.sqrt(1 - beta2**t) + group["eps"]
        changed: Array = p - (lr / (1 - beta1**t)) * m / root
        return changed


class AdamW(Adam):
    """Adam with decoupled weight decay: θ shrinks by lr·λ·θ, which the running means never see.

    Source: Loshchilov and Hutter, 2019, "Decoupled weight decay regularization".

    >>> import minidl
    >>> AdamW([minidl.tensor(1.0, requires_grad=True)]).param_groups[0]["weight_decay"]
    0.01
    """

    decoupled = True

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)
