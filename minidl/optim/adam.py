"""Adam: a step of its own size for every weight."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .fused import Fused
from .optimizer import Array, Optimizer, Params, Update, check_betas, check_common


class Adam(Optimizer):
    """Divide a running mean of the gradient by a running root mean square of it.

    m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², θ ← θ − lr · m̂ / (√v̂ + ε), with m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ).

    Args:
        params: tensors, or groups.
        lr: the learning rate.
        betas: β₁ and β₂, how slowly the two means forget.
        eps: ε.
        weight_decay: λ, added to the gradient as λ·θ, and so divided by the root as the gradient is.
        amsgrad: whether to divide by the largest v so far, so that no step grows again.
        maximize: whether to climb instead.
        fused: whether compiled kernels take the steps: always, never, or (None) for large parameters. The numbers are the
            same.
        decoupled_weight_decay: whether θ shrinks by lr·λ·θ instead, as in `AdamW`.

    Raises:
        UsageError: an option is out of range.

    Source: Kingma and Ba, 2015, "Adam: a method for stochastic optimization", algorithm 1; amsgrad from Reddi et al.,
    2018, "On the convergence of Adam and beyond".

    >>> import minidl
    >>> x = minidl.tensor(1.0, requires_grad=True)
    >>> optimizer = Adam([x], lr=0.001)
    >>> (3 * x).backward()
    >>> optimizer.step()
    >>> x
    tensor(0.9990, requires_grad=True)
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        check_common(type(self).__name__, lr, weight_decay, eps)
        check_betas(type(self).__name__, betas)
        defaults = {"lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad}
        more = {"maximize": maximize, "fused": fused, "decoupled_weight_decay": decoupled_weight_decay}
        super().__init__(params, {**defaults, **more})

    def _slots(self, group: dict[str, Any]) -> dict[str, float]:
        means = {"exp_avg": 0.0, "exp_avg_sq": 0.0}
        return {**means, "max_exp_avg_sq": 0.0} if group["amsgrad"] else means

    def _rule(self, group: dict[str, Any], state: dict[str, Any], is_fresh: bool) -> Update:
        (beta1, beta2), eps, t = group["betas"], group["eps"], state["step"]
        size = float(group["lr"]) / (1 - beta1**t)
        scale = math.sqrt(1 - beta2**t)

        def update(p: Array, g: Array, m: Array, v: Array, largest: Array | None = None) -> None:
            move_averages(g, m, v, beta1, beta2)
            if largest is not None:
                np.maximum(largest, v, out=largest)
            root = np.sqrt(v if largest is None else largest)
            root /= scale
            root += eps
            np.divide(m, root, out=root)
            root *= size
            p -= root

        numbers = (beta1, 1 - beta1, beta2, 1 - beta2, scale, eps, size)
        return Fused(update, "adam", 3, numbers)


class AdamW(Adam):
    """Adam with decoupled weight decay: θ shrinks by lr·λ·θ, which the running means never see.

    In `Adam` the decay passes through the division by √v̂, so that weights with large gradients hardly decay; here all
    shrink alike. In plain `SGD` the two are the same.

    Args:
        params: tensors, or groups.
        lr: the learning rate.
        betas: β₁ and β₂, how slowly the two means forget.
        eps: ε.
        weight_decay: λ.
        amsgrad: whether to divide by the largest v so far.
        maximize: whether to climb instead.
        fused: whether compiled kernels take the steps: always, never, or (None) for large parameters. The numbers are the
            same.

    Raises:
        UsageError: an option is out of range.

    Source: Loshchilov and Hutter, 2019, "Decoupled weight decay regularization".

    >>> import minidl
    >>> AdamW([minidl.tensor(1.0, requires_grad=True)]).param_groups[0]["weight_decay"]
    0.01
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, fused=fused, decoupled_weight_decay=True
        )


def move_averages(g: Array, m: Array, v: Array, beta1: float, beta2: float) -> None:
    """Let the running means of g and g² take in a gradient: m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g²."""
    m *= beta1
    m += (1 - beta1) * g
    v *= beta2
    square = g * g
    square *= 1 - beta2
    v += square
