"""Update formulas as lecture slides print them, so that a lesson can run each and show what its misprint does.

None is meant for training. The right ones are `minidl.optim.Adam` and `minidl.optim.RMSprop`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .adam import Adam, move_averages
from .adaptive import RMSprop
from .optimizer import Array, Params, Update

__all__ = ["AdamEpsInside", "AdamPrinted", "AdamUncorrected", "RMSpropInside"]


class RMSpropInside(RMSprop):
    """RMSprop with ε inside the root, θ ← θ − lr · g / √(s + ε); options as `RMSprop`.

    >>> import minidl
    >>> x = minidl.tensor(0.0, requires_grad=True)
    >>> optimizer = RMSpropInside([x], lr=1.0, alpha=0.0, eps=3.0)
    >>> (1 * x).backward()
    >>> optimizer.step()
    >>> x
    tensor(-0.5000, requires_grad=True)
    """

    def _root(self, s: Array, eps: float) -> Array:
        root: Array = np.sqrt(s + eps)
        return root


class _Variant(Adam):
    """Adam with another quotient.

    Args:
        params: tensors, or groups.
        lr: the learning rate.
        betas: β₁ and β₂.
        eps: ε.
    """

    def __init__(
        self, params: Params, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8
    ) -> None:
        super().__init__(params, lr, betas, eps)

    def _rule(self, group: dict[str, Any], state: dict[str, Any], is_fresh: bool) -> Update:
        (beta1, beta2), lr = group["betas"], float(group["lr"])

        def update(p: Array, g: Array, m: Array, v: Array) -> None:
            before = m.copy(), v.copy()
            move_averages(g, m, v, beta1, beta2)
            p -= lr * self._quotient(before, (m, v), group, state["step"])

        return update

    def _quotient(self, before: tuple[Array, Array], now: tuple[Array, Array], group: dict[str, Any], t: int) -> Array:
        """The step for a rate of 1, from both means before and after they took in the gradient."""
        raise NotImplementedError


class AdamUncorrected(_Variant):
    """Adam without the correction of the means' start at 0: θ ← θ − lr · m / (√v + ε).

    With g = 1 and lr = 0.001 the first steps are 0.0031623, 0.0042496, 0.0049502 instead of 0.001 each.
    """

    def _quotient(self, before: tuple[Array, Array], now: tuple[Array, Array], group: dict[str, Any], t: int) -> Array:
        m, v = now
        quotient: Array = m / (np.sqrt(v) + group["eps"])
        return quotient


class AdamEpsInside(_Variant):
    """Adam with ε inside the root, m̂ / √(v̂ + ε).

    Its ε counts as a square: gradients below 10⁻⁴ hardly move a weight. With g = 10⁻⁹ and lr = 0.001 the first step is 10⁻⁸
    instead of 9.09 · 10⁻⁵.
    """

    def _quotient(self, before: tuple[Array, Array], now: tuple[Array, Array], group: dict[str, Any], t: int) -> Array:
        (m, v), (beta1, beta2) = now, group["betas"]
        quotient: Array = m / (1 - beta1**t) / np.sqrt(v / (1 - beta2**t) + group["eps"])
        return quotient


class AdamPrinted(_Variant):
    """Adam with the means from before the gradient, divided by 1 − β without the power, and ε inside.

    m̂ = mₜ₋₁ / (1 − β₁), v̂ = vₜ₋₁ / (1 − β₂). With g = 1 and lr = 0.001 the first steps are 0, 0.001, 0.0013438.
    """

    def _quotient(self, before: tuple[Array, Array], now: tuple[Array, Array], group: dict[str, Any], t: int) -> Array:
        (m, v), (beta1, beta2) = before, group["betas"]
        quotient: Array = m / (1 - beta1) / np.sqrt(v / (1 - beta2) + group["eps"])
        return quotient
