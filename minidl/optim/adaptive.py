"""Steps divided by the size that the gradients have had: RMSprop, Adagrad, Adadelta."""

from __future__ import annotations

from typing import Any

import numpy as np

from .fused import Fused
from .optimizer import Array, Optimizer, Params, Update, check, check_common


class RMSprop(Optimizer):
    """Divide the gradient by a running root mean square of it: s ← αs + (1 − α)g², θ ← θ − lr · g / (√s + ε).

    Centred, s − (mean of g)² takes the place of s; with momentum, v ← μv + g / (√s + ε) and θ ← θ − lr·v. Some texts print
    √(s + ε) instead; that is `minidl.optim.literal.RMSpropInside`.

    Args:
        params: tensors, or groups.
        lr: the learning rate.
        alpha: α, how slowly the mean forgets.
        eps: ε.
        weight_decay: λ, added to the gradient as λ·θ.
        momentum: μ.
        centered: whether to divide by the standard deviation.
        maximize: whether to climb instead.

    Raises:
        UsageError: an option is out of range.

    Source: Tieleman and Hinton, 2012, Coursera, lecture 6e; centred from Graves, 2013, "Generating sequences with recurrent
    neural networks".

    >>> import minidl
    >>> x = minidl.tensor(1.0, requires_grad=True)
    >>> optimizer = RMSprop([x], lr=0.01)
    >>> (3 * x).backward()
    >>> optimizer.step()
    >>> x
    tensor(0.9000, requires_grad=True)
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        name, inf = type(self).__name__, float("inf")
        check_common(name, lr, weight_decay, eps)
        check(name, alpha=(alpha, 0, inf), momentum=(momentum, 0, inf))
        defaults = {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, {**defaults, "momentum": momentum, "centered": centered, "maximize": maximize})

    def _slots(self, group: dict[str, Any]) -> dict[str, float]:
        wanted = {"square_avg": True, "momentum_buffer": group["momentum"] > 0, "grad_avg": group["centered"]}
        return {name: 0.0 for name, is_wanted in wanted.items() if is_wanted}

    def _rule(self, group: dict[str, Any], state: dict[str, Any], is_fresh: bool) -> Update:
        lr, alpha, momentum, centered = float(group["lr"]), group["alpha"], group["momentum"], group["centered"]

        def update(p: Array, g: Array, s: Array, *more: Array) -> None:
            s *= alpha
            s += (1 - alpha) * (g * g)
            if centered:
                mean = more[-1]
                mean *= alpha
                mean += (1 - alpha) * g
                step = g / self._root(s - mean * mean, group["eps"])
            else:
                step = g / self._root(s, group["eps"])
            if momentum:
                v = more[0]
                v *= momentum
                v += step
                step = v
            p -= lr * step

        return update

    def _root(self, s: Array, eps: float) -> Array:
        root: Array = np.sqrt(s)
        root += eps
        return root


class Adagrad(Optimizer):
    """Divide the gradient by the root of the sum of all its squares so far: s ← s + g², θ ← θ − γ · g / (√s + ε).

    The rate γ = lr / (1 + (t − 1) · lr_decay) falls by itself if asked to; the sum makes all steps shrink anyway.

    Args:
        params: tensors, or groups.
        lr: the learning rate.
        lr_decay: how fast the rate falls.
        weight_decay: λ, added to the gradient as λ·θ.
        initial_accumulator_value: where s starts.
        eps: ε.
        maximize: whether to climb instead.
        fused: whether compiled kernels take the steps: always, never, or (None) for large parameters. The numbers are the
            same.

    Raises:
        UsageError: an option is out of range.

    Source: Duchi, Hazan and Singer, 2011, "Adaptive subgradient methods for online learning and stochastic optimization".

    >>> import minidl
    >>> x = minidl.tensor(1.0, requires_grad=True)
    >>> optimizer = Adagrad([x], lr=0.1)
    >>> (3 * x).backward()
    >>> optimizer.step()
    >>> x
    tensor(0.9000, requires_grad=True)
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
        fused: bool | None = None,
    ) -> None:
        inf = float("inf")
        check_common("Adagrad", lr, weight_decay, eps)
        check(
            "Adagrad",
            lr_decay=(lr_decay, 0, inf),
            initial_accumulator_value=(initial_accumulator_value, 0, inf),
        )
        defaults = {"lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, {**defaults, "initial_accumulator_value": initial_accumulator_value, "fused": fused})

    def _slots(self, group: dict[str, Any]) -> dict[str, float]:
        return {"sum": group["initial_accumulator_value"]}

    def _rule(self, group: dict[str, Any], state: dict[str, Any], is_fresh: bool) -> Update:
        rate, eps = float(group["lr"]) / (1 + (state["step"] - 1) * group["lr_decay"]), group["eps"]

        def update(p: Array, g: Array, s: Array) -> None:
            s += g * g
            p -= rate * (g / (np.sqrt(s) + eps))

        return Fused(update, "adagrad", 1, (rate, eps))


class Adadelta(Optimizer):
    """Steps in the parameter's own units: Δ = √(d + ε) / √(s + ε) · g, with s a running mean of g² and d one of Δ².

    Args:
        params: tensors, or groups.
        lr: multiplies the step; the method itself has no rate.
        rho: ρ, how slowly the means forget.
        eps: ε, which also gives the first steps their size.
        weight_decay: λ, added to the gradient as λ·θ.
        maximize: whether to climb instead.

    Raises:
        UsageError: an option is out of range.

    Source: Zeiler, 2012, "ADADELTA: an adaptive learning rate method", algorithm 1.

    >>> import minidl
    >>> Adadelta([minidl.tensor(1.0, requires_grad=True)]).param_groups[0]["lr"]
    1.0
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        check_common("Adadelta", lr, weight_decay, eps)
        if not 0 <= rho <= 1:
            check("Adadelta", rho=(rho, 0, 1))
        super().__init__(params, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize})

    def _slots(self, group: dict[str, Any]) -> dict[str, float]:
        return {"square_avg": 0.0, "acc_delta": 0.0}

    def _rule(self, group: dict[str, Any], state: dict[str, Any], is_fresh: bool) -> Update:
        lr, rho, eps = float(group["lr"]), group["rho"], group["eps"]

        def update(p: Array, g: Array, s: Array, d: Array) -> None:
            s *= rho
            s += (1 - rho) * (g * g)
            delta = np.sqrt(d + eps)
            delta /= np.sqrt(s + eps)
            delta *= g
            d *= rho
            d += (1 - rho) * (delta * delta)
            p -= lr * delta

        return update
