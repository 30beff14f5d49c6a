"""L-BFGS: Newton's direction from the last few steps and changes of the gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import CheckpointError, UsageError
from ..graph import enable_grad
from ..graph.mode import phase
from ..tensor import Tensor
from .line_search import Array, Point, keep_off_tape, strong_wolfe
from .optimizer import Optimizer, Params, check, copied, writing

_VECTORS, _LISTS = ("d", "prev_flat_grad"), ("old_dirs", "old_stps")


class LBFGS(Optimizer):
    """Step along −H·g, with H an inverse Hessian put together from the last pairs s = Δθ, y = Δg.

    One `step` makes up to `max_iter` iterations, each of which calls the closure at least once; it must clear the
    gradients, compute the loss, call `backward()` and return the loss. The loss must be the same function every time, so give
    it the whole data set, or one batch a step.

    Args:
        params: tensors; there is one group only.
        lr: the step length, or with a line search the first to try.
        max_iter: the most iterations a step.
        max_eval: the most evaluations a step; 1.25 · max_iter if not given.
        tolerance_grad: stop where no component of the gradient is larger.
        tolerance_change: stop where neither a parameter nor the loss changes more.
        history_size: how many pairs are remembered.
        line_search_fn: "strong_wolfe", or None for steps of fixed length.

    Raises:
        UsageError: an option is out of range, or there are several groups.

    Source: Liu and Nocedal, 1989, "On the limited memory BFGS method for large scale optimization".

    >>> import minidl
    >>> x = minidl.tensor([3.0, -1.0], requires_grad=True)
    >>> optimizer = LBFGS([x], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = ((x - minidl.tensor([1.0, 2.0])) ** 2).sum()
    ...     loss.backward()
    ...     return loss
    >>> first = optimizer.step(closure)
    >>> bool((abs(x.data - [1, 2]) < 1e-5).all())
    True
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check("LBFGS", lr=(lr, 0, float("inf")))
        if line_search_fn not in (None, "strong_wolfe"):
            raise UsageError(f'LBFGS: line_search_fn must be "strong_wolfe" or None, got {line_search_fn!r}')
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise UsageError(f"LBFGS: all parameters must be in one group, got {len(self.param_groups)}")

    @property
    def _params(self) -> list[Tensor]:
        found: list[Tensor] = self.param_groups[0]["params"]
        return found

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make up to `max_iter` iterations, and return what the closure's first call returned.

        Raises:
            UsageError: there is no closure.
        """
        if closure is None:
            raise UsageError("LBFGS: step() needs a closure that computes the loss and its gradients, and returns it")
        keep_off_tape(self)
        with phase("optimizer"), np.errstate(all="ignore"):
            return self._iterate(closure)

    def _iterate(self, closure: Callable[[], Any]) -> Any:
        """Go from direction to direction, and return what the closure's first call returned."""
        group = self.param_groups[0]
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first, gradient = self._evaluate(closure)
        loss, evaluations = float(first), 1
        state["func_evals"] += 1
        for iteration in range(1, group["max_iter"] + 1):
            if np.abs(gradient).max() <= group["tolerance_grad"]:
                break
            state["n_iter"] += 1
            direction = self._direction(state, gradient, group["history_size"])
            state["d"], state["prev_flat_grad"], state["prev_loss"] = direction, gradient, loss
            t = state["t"] = group["lr"] * (min(1.0, 1 / float(np.abs(gradient).sum())) if state["n_iter"] == 1 else 1)
            start = Point(0.0, loss, gradient, float(gradient @ direction))
            if start.slope > -group["tolerance_change"]:
                break
            if group["line_search_fn"] is not None:
                point, looked = self._search(closure, start, t, direction, group["max_eval"] - evaluations)
                t, loss, gradient = point.t, point.loss, point.gradient
                self._place(self._flat(), t, direction)
            else:
                self._place(self._flat(), t, direction)
                looked = int(iteration < group["max_iter"])  # what the last one found would not be used
                if looked:
                    there, gradient = self._evaluate(closure)
                    loss = float(there)
            state["t"] = t
            evaluations += looked
            state["func_evals"] += looked
            unchanged = np.abs(direction * t).max() <= group["tolerance_change"]
            if evaluations >= group["max_eval"] or unchanged:
                break
            if abs(loss - state["prev_loss"]) < group["tolerance_change"]:
                break
        return first

    def _direction(self, state: dict[str, Any], gradient: Array, history: int) -> Array:
        """−H·g by the two-loop recursion, after the last step has been added to the memory."""
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
            return -gradient
        changes, steps, inverses = state["old_dirs"], state["old_stps"], state["ro"]
        y, s = gradient - state["prev_flat_grad"], state["d"] * state["t"]
        curvature = float(y @ s)
        if curvature > 1e-10:
            if len(changes) == history:
                for memory in (changes, steps, inverses):
                    memory.pop(0)
            changes.append(y)
            steps.append(s)
            inverses.append(1 / curvature)
            state["H_diag"] = curvature / float(y @ y)
        q = -gradient
        shares = []
        for y, s, inverse in reversed(list(zip(changes, steps, inverses, strict=True))):
            shares.append(inverse * float(s @ q))
            q -= shares[-1] * y
        q *= state["H_diag"]
        for y, s, inverse, share in zip(changes, steps, inverses, reversed(shares), strict=True):
            q += (share - inverse * float(y @ q)) * s
        return q

    def _search(
        self, closure: Callable[[], Any], start: Point, t: float, direction: Array, most: int
    ) -> tuple[Point, int]:
        origin = self._flat()

        def evaluate(t: float) -> tuple[float, Array]:
            self._place(origin, t, direction)
            loss, gradient = self._evaluate(closure)
            return float(loss), gradient

        try:
            return strong_wolfe(evaluate, start, t, direction, most)
        finally:
            self._place(origin, 0.0, direction)

    def _evaluate(self, closure: Callable[[], Any]) -> tuple[Any, Array]:
        with phase("forward"), enable_grad():
            loss = closure()
        parts = [np.reshape(np.zeros_like(p.data) if p.grad is None else p.grad.data, -1) for p in self._params]
        return loss, np.concatenate(parts)

    def _flat(self) -> Array:
        """A copy of all parameters, one after the other."""
        return np.concatenate([np.reshape(p.data, -1) for p in self._params])

    def _place(self, origin: Array, t: float, direction: Array) -> None:
        """Put the parameters at origin + t·direction."""
        moved, start = origin + t * direction if t else origin, 0  # the direction may be NaN
        with writing(self._params) as arrays:
            for data in arrays:
                data[...] = moved[start : start + data.size].reshape(data.shape)
                start += data.size

    def _restored(self, name: str, value: Any, p: Tensor, number: int) -> Any:
        size = sum(p.data.size for p in self._params)
        arrays = value if name in _LISTS else [value] if name in _VECTORS else []
        arrays = [copied(array, p) for array in arrays]
        if any(array.shape != (size,) for array in arrays):
            raise CheckpointError(f"LBFGS: saved {name} is not for {size} numbers")
        if name in _LISTS:
            return arrays
        if name in _VECTORS:
            return arrays[0]
        if name == "ro":
            return [float(number) for number in value]
        return value if isinstance(value, int) else None if name == "al" else float(value)
