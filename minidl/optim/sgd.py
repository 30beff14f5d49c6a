"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import UsageError
from ..tensor import Tensor
from .optimizer import Array, Optimizer, check


class SGD(Optimizer):
    """Step against the gradient: θ ← θ − lr·g; with momentum, v ← μ·v + (1 − dampening)·g and θ ← θ − lr·v.

    The first step takes v = g. Nesterov's variant uses g + μ·v. Weight decay adds λ·θ to g.

    Args:
        params: tensors, or groups.
        lr: the learning rate.
        momentum: μ.
        dampening: how much of the new gradient the velocity leaves out.
        weight_decay: λ.
        nesterov: whether to look ahead.

    Source: Sutskever et al., 2013, "On the importance of initialization and momentum in deep learning", in PyTorch's form.

    >>> import minidl
    >>> x = minidl.tensor(1.0, requires_grad=True)
    >>> optimizer = SGD([x], lr=0.1)
    >>> (x * x).backward()
    >>> optimizer.step()
    >>> x
    tensor(0.8000, requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        inf = float("inf")
        check("SGD", lr=(lr, 0, inf), momentum=(momentum, 0, inf), weight_decay=(weight_decay, 0, inf))
        if nesterov and (momentum == 0 or dampening != 0):
            raise UsageError("SGD: Nesterov's variant needs momentum above 0 and dampening 0")
        options = {"momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov}
        super().__init__(params, {"lr": lr, **options})

    def _update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> Array:
        if group["weight_decay"]:
            g = g + group["weight_decay"] * p
        if group["momentum"]:
            before = state.get("momentum_buffer")
            v = g.copy() if before is None else group["momentum"] * before + (1 - group["dampening"]) * g
            state["momentum_buffer"] = v
            g = g + group["momentum"] * v if group["nesterov"] else v
        changed: Array = p - group["lr"] * g
        return changed
