"""Adam's relatives: with a bounded norm, with Nesterov's momentum, with a rectified start."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .adam import move_averages
from .optimizer import Array, Optimizer, Params, Update, check, check_betas, check_common

_MEANS = {"exp_avg": 0.0, "exp_avg_sq": 0.0}


class Adamax(Optimizer):
    """Adam with the largest gradient in the place of the root mean square: u ← max(β₂u, |g| + ε), θ ← θ − lr · m̂ / u.

    Args:
        params: tensors, or groups.
        lr: the learning rate.
        betas: β₁ and β₂, how slowly the mean and the maximum forget.
        eps: ε.
        weight_decay: λ, added to the gradient as λ·θ.
        maximize: whether to climb instead.

    Raises:
        UsageError: an option is out of range.

    Source: Kingma and Ba, 2015, algorithm 2.

    >>> import minidl
    >>> x = minidl.tensor(1.0, requires_grad=True)
    >>> optimizer = Adamax([x], lr=0.1)
    >>> (3 * x).backward()
    >>> optimizer.step()
    >>> x
    tensor(0.9000, requires_grad=True)
    """

    def __init__(
        self,
        params: Params,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        check_common("Adamax", lr, weight_decay, eps)
        check_betas("Adamax", betas)
        defaults = {"lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, defaults)

    def _slots(self, group: dict[str, Any]) -> dict[str, float]:
        return {"exp_avg": 0.0, "exp_inf": 0.0}

    def _rule(self, group: dict[str, Any], state: dict[str, Any], is_fresh: bool) -> Update:
        (beta1, beta2), eps = group["betas"], group["eps"]
        size = float(group["lr"]) / (1 - beta1 ** state["step"])

        def update(p: Array, g: Array, m: Array, u: Array) -> None:
            m *= beta1
            m += (1 - beta1) * g
            u *= beta2
            np.maximum(u, np.abs(g) + eps, out=u)
            p -= size * (m / u)

        return update


class NAdam(Optimizer):
    """Adam that looks ahead as Nesterov's momentum does.

    With μₜ = β₁(1 − ½ · 0.96^(tψ)) and Pₜ = μ₁ ⋯ μₜ,
    θ ← θ − lr · ((1 − μₜ)/(1 − Pₜ) · g + μₜ₊₁/(1 − Pₜ₊₁) · m) / (√v̂ + ε).

    Args:
        params: tensors, or groups.
        lr: the learning rate.
        betas: β₁ and β₂, how slowly the two means forget.
        eps: ε.
        weight_decay: λ, added to the gradient as λ·θ.
        momentum_decay: ψ.
        decoupled_weight_decay: whether θ shrinks by lr·λ·θ instead, as in `AdamW`.
        maximize: whether to climb instead.

    Raises:
        UsageError: an option is out of range.

    Source: Dozat, 2016, "Incorporating Nesterov momentum into Adam".

    >>> import minidl
    >>> NAdam([minidl.tensor(1.0, requires_grad=True)]).param_groups[0]["lr"]
    0.002
    """

    def __init__(
        self,
        params: Params,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        check_common("NAdam", lr, weight_decay, eps)
        check_betas("NAdam", betas)
        check("NAdam", momentum_decay=(momentum_decay, 0, float("inf")))
        defaults = {"lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        more = {"momentum_decay": momentum_decay, "decoupled_weight_decay": decoupled_weight_decay}
        super().__init__(params, {**defaults, **more})

    def _slots(self, group: dict[str, Any]) -> dict[str, float]:
        return _MEANS

    def _count(self, state: dict[str, Any], group: dict[str, Any]) -> None:
        super()._count(state, group)
        state["mu_product"] = state.get("mu_product", 1.0) * self._momentum(group, state["step"])

    def _momentum(self, group: dict[str, Any], t: int) -> float:
        """μₜ."""
        momentum: float = group["betas"][0] * (1 - 0.5 * 0.96 ** (t * group["momentum_decay"]))
        return momentum

    def _rule(self, group: dict[str, Any], state: dict[str, Any], is_fresh: bool) -> Update:
        (beta1, beta2), eps, lr, t = group["betas"], group["eps"], float(group["lr"]), state["step"]
        now, later, product = self._momentum(group, t), self._momentum(group, t + 1), state["mu_product"]
        of_gradient, of_mean = lr * (1 - now) / (1 - product), lr * later / (1 - product * later)
        scale = math.sqrt(1 - beta2**t)

        def update(p: Array, g: Array, m: Array, v: Array) -> None:
            move_averages(g, m, v, beta1, beta2)
            root = np.sqrt(v) / scale
            root += eps
            p -= (of_gradient * g + of_mean * m) / root

        return update


class RAdam(Optimizer):
    """Adam whose first steps, while the variance of 1/√v̂ is too large, are those of momentum alone.

    With ρ∞ = 2/(1 − β₂) − 1 and ρ = ρ∞ − 2tβ₂ᵗ/(1 − β₂ᵗ): where ρ > 5, θ ← θ − lr · r · m̂ / (√v + ε) · √(1 − β₂ᵗ) with
    r² = (ρ − 4)(ρ − 2)ρ∞ / ((ρ∞ − 4)(ρ∞ − 2)ρ); before that, θ ← θ − lr · m̂.

    Args:
        params: tensors, or groups.
        lr: the learning rate.
        betas: β₁ and β₂, how slowly the two means forget.
        eps: ε.
        weight_decay: λ, added to the gradient as λ·θ.
        decoupled_weight_decay: whether θ shrinks by lr·λ·θ instead, as in `AdamW`.
        maximize: whether to climb instead.

    Raises:
        UsageError: an option is out of range.

    Source: Liu et al., 2020, "On the variance of the adaptive learning rate and beyond".

    >>> import minidl
    >>> x = minidl.tensor(1.0, requires_grad=True)
    >>> optimizer = RAdam([x], lr=0.1)
    >>> (3 * x).backward()
    >>> optimizer.step()
    >>> x
    tensor(0.7000, requires_grad=True)
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        check_common("RAdam", lr, weight_decay, eps)
        check_betas("RAdam", betas)
        defaults = {"lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, {**defaults, "decoupled_weight_decay": decoupled_weight_decay})

    def _slots(self, group: dict[str, Any]) -> dict[str, float]:
        return _MEANS

    def _rule(self, group: dict[str, Any], state: dict[str, Any], is_fresh: bool) -> Update:
        (beta1, beta2), eps, t = group["betas"], group["eps"], state["step"]
        size = float(group["lr"]) / (1 - beta1**t)
        longest = 2 / (1 - beta2) - 1
        length = longest - 2 * t * beta2**t / (1 - beta2**t)
        rectified = length > 5
        if rectified:
            ratio = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
            size *= math.sqrt(ratio) * math.sqrt(1 - beta2**t)

        def update(p: Array, g: Array, m: Array, v: Array) -> None:
            move_averages(g, m, v, beta1, beta2)
            p -= size * (m / (np.sqrt(v) + eps) if rectified else m)

        return update
