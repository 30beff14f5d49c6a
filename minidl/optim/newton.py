"""Newton's method without the Hessian: its equation is solved by conjugate gradients, from products alone."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import Any

import numpy as np

from ..autodiff import gradient as _gradient
from ..errors import GraphError, UsageError
from ..graph import enable_grad, no_grad
from ..graph.mode import phase
from ..tensor import Tensor
from .line_search import keep_off_tape
from .optimizer import Array, Optimizer, Params, check, writing

Product = Callable[[Array], Array]
"""From a flat vector to its product with a matrix that is never written down."""

ENOUGH = 1e-4
"""The share of the promised decrease that a step must bring (Armijo's condition)."""


class NewtonCG(Optimizer):
    """Step along the solution d of (H + damping·I)·d = −g, found by conjugate gradients from products H·v.

    A product is the gradient of g·v, one more reverse sweep. The solution stops early where it is close enough, and where
    the curvature along a direction is not positive: then the step so far, or −g, is taken. The step is halved until the loss
    falls enough, so it never rises.

    Args:
        params: tensors; there is one group only.
        lr: the first step length to try.
        max_cg: the most products a step.
        tolerance: the share of the gradient that the solution may leave; √‖g‖ where that is less.
        damping: added to the curvature everywhere.
        max_halvings: how often a step is halved before none is taken.

    Raises:
        UsageError: an option is out of range, or there are several groups.

    Source: Nocedal and Wright, 2006, "Numerical optimization", algorithm 7.1; products from Pearlmutter, 1994.

    >>> import minidl
    >>> x = minidl.tensor([3.0, -1.0], requires_grad=True)
    >>> optimizer = NewtonCG([x])
    >>> for _ in range(4):
    ...     loss = optimizer.step(lambda: (minidl.tensor([1.0, 100.0]) * x * x).sum())
    >>> bool((abs(x.data) < 1e-4).all())
    True
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1.0,
        max_cg: int = 50,
        tolerance: float = 0.01,
        damping: float = 0.0,
        max_halvings: int = 20,
    ) -> None:
        name, inf = type(self).__name__, float("inf")
        check(name, lr=(lr, 0, inf), max_cg=(max_cg, 1, inf), tolerance=(tolerance, 0, 1), damping=(damping, 0, inf))
        super().__init__(
            params,
            {"lr": lr, "max_cg": max_cg, "tolerance": tolerance, "damping": damping, "max_halvings": max_halvings},
        )
        if len(self.param_groups) != 1:
            raise UsageError(f"{name}: all parameters must be in one group, got {len(self.param_groups)}")

    @property
    def _params(self) -> list[Tensor]:
        found: list[Tensor] = self.param_groups[0]["params"]
        return found

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make one step.

        Args:
            closure: computes the loss and returns it, without `backward()`: the sweeps are made here.

        Returns:
            The loss before the step.

        Raises:
            UsageError: there is no closure.
            GraphError: the loss does not depend on the parameters.
        """
        if closure is None:
            raise UsageError(f"{type(self).__name__}: step() needs a closure that computes the loss and returns it")
        keep_off_tape(self)
        with phase("optimizer"), np.errstate(all="ignore"):
            return self._descend(closure)

    def _descend(self, closure: Callable[[], Any]) -> Any:
        """Solve for a direction and walk along it."""
        with enable_grad():
            with phase("forward"):
                found = closure()
            loss = self._loss_of(found)
            if not isinstance(loss, Tensor) or not loss.requires_grad:
                raise GraphError(
                    f"{type(self).__name__}: the closure must return a loss that depends on the parameters"
                )
            gradient, product = self._orders(found)
        direction = self._solve(product, gradient)
        self._walk(closure, float(loss.item()), direction, float(gradient @ direction))
        return loss

    def _loss_of(self, found: Any) -> Any:
        """The loss in what the closure returned."""
        return found

    def _orders(self, loss: Any) -> tuple[Array, Product]:
        """The first and the second order of the loss: the flat gradient, and the product of the curvature and a vector."""
        slopes = self._sweep(loss, create_graph=True)
        return flat(slopes), lambda v: flat(self._sweep(self._dot(slopes, v)))

    def _sweep(self, output: Tensor, upstream: Tensor | None = None, create_graph: bool = False) -> list[Tensor]:
        """The gradient of each parameter."""
        if not output.requires_grad:
            return [Tensor(np.zeros_like(p.data)) for p in self._params]
        found = _gradient.grad(
            [output],
            self._params,
            None if upstream is None else [upstream],
            retain_graph=True,
            create_graph=create_graph,
            allow_unused=True,
        )
        return [Tensor(np.zeros_like(p.data)) if g is None else g for g, p in zip(found, self._params, strict=True)]

    def _dot(self, slopes: list[Tensor], v: Array) -> Tensor:
        """The product of a vector that was computed, given in a part for each parameter, and a flat one."""
        with enable_grad():
            pairs = zip(slopes, self._split(v), strict=True)
            products = ((slope * Tensor(part)).sum() for slope, part in pairs if slope.requires_grad)
            return sum(products, Tensor(np.zeros((), v.dtype)))

    def _solve(self, product: Product, gradient: Array) -> Array:
        """Conjugate gradients for (H + damping·I)·d = −g from d = 0."""
        damping = self.param_groups[0]["damping"]
        length = float(gradient @ gradient) ** 0.5
        close_enough = min(self.param_groups[0]["tolerance"], length**0.5) * length
        d, residual = np.zeros_like(gradient), gradient.copy()
        p, square = -residual, length * length
        for count in range(self.param_groups[0]["max_cg"]):
            if count and square**0.5 <= close_enough:
                break
            bent = product(p) + damping * p
            curvature = float(p @ bent)
            if curvature <= 0:
                return p if count == 0 else d
            step = square / curvature
            d += step * p
            residual += step * bent
            before, square = square, float(residual @ residual)
            p = -residual + (square / before) * p
        return d

    def _walk(self, closure: Callable[[], Any], loss: float, direction: Array, slope: float) -> None:
        """Halve the step until the loss falls enough; go nowhere if it never does."""
        group, start = self.param_groups[0], [p.data.copy() for p in self._params]
        t = group["lr"]
        for _ in range(group["max_halvings"] + 1):
            self._place(start, t, direction)
            with phase("forward"), no_grad():
                if float(self._loss_of(closure())) <= loss + ENOUGH * t * slope:
                    return
            t /= 2
        self._place(start, 0.0, direction)

    def _place(self, start: list[Array], t: float, direction: Array) -> None:
        with writing(self._params) as arrays:
            for data, origin, part in zip(arrays, start, self._split(direction), strict=True):
                data[...] = origin + t * part if t else origin  # the direction may be NaN

    def _split(self, flat: Array) -> list[Array]:
        ends = list(accumulate((p.data.size for p in self._params), initial=0))
        return [
            flat[start:end].reshape(p.shape).astype(p.dtype, copy=False)
            for start, end, p in zip(ends, ends[1:], self._params, strict=False)
        ]


def flat(tensors: list[Tensor]) -> Array:
    """All numbers of some tensors, one after the other."""
    return np.concatenate([np.reshape(tensor.data, -1) for tensor in tensors])
