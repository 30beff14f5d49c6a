"""Stochastic gradient descent, with momentum in both of its conventions."""

from __future__ import annotations

from typing import Any

from ..errors import UsageError
from .fused import Fused
from .optimizer import Array, Optimizer, Params, Update, check, check_common


class SGD(Optimizer):
    """Step against the gradient: θ ← θ − lr·g; with momentum, v ← μ·v + (1 − dampening)·g and θ ← θ − lr·v.

    The first step takes v = g. Nesterov's variant uses g + μ·v. Weight decay adds λ·θ to g. With dampening = μ, v is a
    weighted average of the gradients; without it, v sums up to 1 / (1 − μ) times the gradient. The rate multiplies the
    whole velocity, so that a new rate acts at once; `HeavyBall` is the other convention.

    Args:
        params: tensors, or groups.
        lr: the learning rate.
        momentum: μ.
        dampening: how much of the new gradient the velocity leaves out.
        weight_decay: λ.
        nesterov: whether to look ahead.
        maximize: whether to climb instead.
        fused: whether compiled kernels take the steps: always, never, or (None) for large parameters. The numbers are the
            same.

    Raises:
        UsageError: an option is out of range, or Nesterov's variant has no momentum.

    Source: Sutskever et al., 2013, "On the importance of initialization and momentum in deep learning", in PyTorch's form.

    >>> import minidl
    >>> x = minidl.tensor(1.0, requires_grad=True)
    >>> optimizer = SGD([x], lr=0.1)
    >>> (x * x).backward()
    >>> optimizer.step()
    >>> x
    tensor(0.8000, requires_grad=True)
    """

    _counts_steps = False

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_common("SGD", lr, weight_decay)
        check("SGD", momentum=(momentum, 0, float("inf")))
        if nesterov and (momentum == 0 or dampening != 0):
            raise UsageError("SGD: Nesterov's variant needs momentum above 0 and dampening 0")
        defaults = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay}
        super().__init__(params, {**defaults, "nesterov": nesterov, "maximize": maximize, "fused": fused})

    def _slots(self, group: dict[str, Any]) -> dict[str, float]:
        return {"momentum_buffer": 0.0} if group["momentum"] else {}

    def _rule(self, group: dict[str, Any], state: dict[str, Any], is_fresh: bool) -> Update:
        lr, momentum, nesterov = float(group["lr"]), group["momentum"], group["nesterov"]
        share = 1.0 if is_fresh else 1 - group["dampening"]

        def plain(p: Array, g: Array) -> None:
            p -= lr * g

        def with_momentum(p: Array, g: Array, v: Array) -> None:
            v *= momentum
            v += share * g if share != 1 else g
            p -= lr * (g + momentum * v) if nesterov else lr * v

        return Fused(with_momentum if momentum else plain, "sgd", 1, (lr, momentum, share, nesterov))


class HeavyBall(Optimizer):
    """Momentum whose velocity is the last displacement: v ← μ·v − lr·g, θ ← θ + v.

    While the rate is constant this is `SGD` with momentum, whose velocity is −v / lr. When the rate drops, this velocity
    still holds steps of the old size, and the new rate takes 1 / (1 − μ) steps to be felt; `SGD` obeys at once. After two
    steps at rate 0.1 and two at 0.01 with g = 1 and μ = 0.9, this one is at −0.6439 and `SGD` at −0.35149.

    Args:
        params: tensors, or groups.
        lr: the learning rate.
        momentum: μ.
        weight_decay: λ, added to the gradient as λ·θ.
        maximize: whether to climb instead.

    Raises:
        UsageError: an option is out of range.

    Source: Polyak, 1964, "Some methods of speeding up the convergence of iteration methods"; Sutskever et al., 2013,
    equations 1 and 2.

    >>> import minidl
    >>> x = minidl.tensor(0.0, requires_grad=True)
    >>> optimizer = HeavyBall([x], lr=0.1)
    >>> for _ in range(2):
    ...     optimizer.zero_grad()
    ...     (1 * x).backward()
    ...     optimizer.step()
    >>> x
    tensor(-0.2900, requires_grad=True)
    """

    _counts_steps = False

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        check_common("HeavyBall", lr, weight_decay)
        check("HeavyBall", momentum=(momentum, 0, float("inf")))
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "maximize": maximize})

    def _slots(self, group: dict[str, Any]) -> dict[str, float]:
        return {"velocity": 0.0}

    def _rule(self, group: dict[str, Any], state: dict[str, Any], is_fresh: bool) -> Update:
        lr, momentum = float(group["lr"]), group["momentum"]

        def update(p: Array, g: Array, v: Array) -> None:
            v *= momentum
            v -= lr * g
            p += v

        return update
