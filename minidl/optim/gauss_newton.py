"""The Gauss–Newton method: the curvature of the loss, without that of the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autodiff import gradient as _gradient
from ..errors import UsageError
from ..graph import enable_grad
from ..tensor import Tensor
from .newton import NewtonCG, Product, flat
from .optimizer import Array


class GaussNewtonCG(NewtonCG):
    """Newton-CG with Jᵀ·H·J for the Hessian: J leads from parameters to outputs, H is the loss's Hessian in the outputs.

    What it leaves out is the outputs' own curvature, times the slope of the loss: little near a good fit. Where the loss is
    convex in the outputs, as squares and cross-entropy are, no direction has negative curvature, so that a step can be
    trusted far from a minimum as well. For squares this is linearised least squares.

    A product with v takes three sweeps: J·v, the derivative in u of (Jᵀ·u)·v; H times that; and Jᵀ times that. Options as
    `NewtonCG`; some damping is usual, since networks have directions in which nothing bends.

    Source: Schraudolph, 2002, "Fast curvature matrix-vector products for second-order gradient descent"; Martens, 2010,
    "Deep learning via Hessian-free optimization".

    >>> import minidl
    >>> x = minidl.tensor([-1.2, 1.0], requires_grad=True)  # Rosenbrock's valley, as a sum of two squares
    >>> optimizer = GaussNewtonCG([x])
    >>> def closure():
    ...     outputs = minidl.stack([10 * (x[1] - x[0] ** 2), 1 - x[0]])
    ...     return (outputs**2).sum(), outputs
    >>> for _ in range(20):
    ...     loss = optimizer.step(closure)
    >>> bool((abs(x.data - 1) < 1e-3).all())
    True
    """

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make one step.

        Args:
            closure: computes the outputs and from them the loss, and returns the pair (loss, outputs).

        Returns:
            The loss before the step.

        Raises:
            UsageError: there is no closure, or it does not return such a pair.
            GraphError: the loss does not depend on the parameters.
        """
        return super().step(closure)

    def _loss_of(self, found: Any) -> Any:
        if not isinstance(found, tuple) or len(found) != 2 or not isinstance(found[1], Tensor):
            raise UsageError("GaussNewtonCG: the closure must return the pair (loss, outputs)")
        return found[0]

    def _orders(self, found: Any) -> tuple[Array, Product]:
        loss, outputs = found
        (upstream,) = _gradient.grad([loss], [outputs], retain_graph=True, create_graph=True)
        u = Tensor(np.zeros_like(outputs.data), requires_grad=True)
        pulled = self._sweep(outputs, u, create_graph=True)

        def product(v: Array) -> Array:
            dot = self._dot(pulled, v)
            if not dot.requires_grad:
                return np.zeros_like(v)
            (pushed,) = _gradient.grad([dot], [u], retain_graph=True)
            with enable_grad():
                along = (upstream * pushed.detach()).sum()
            if not along.requires_grad:  # the loss is linear in the outputs
                return np.zeros_like(v)
            (bent,) = _gradient.grad([along], [outputs], retain_graph=True, allow_unused=True)
            return np.zeros_like(v) if bent is None else flat(self._sweep(outputs, bent))

        return flat(self._sweep(loss)), product
