"""What all optimizers share: parameter groups, the gradient's reset, and a state that can be saved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..errors import CheckpointError, UsageError
from ..tensor import Tensor

Array = np.ndarray[Any, Any]


class Optimizer:
    """Base of the optimizers.

    Args:
        params: tensors, or dictionaries each with `params` and options of its own.
        defaults: options for groups that state none.

    Attributes:
        param_groups: dictionaries with `params` and options such as `lr`, which may be changed between steps.
        state: for each parameter, by its number, what the optimizer remembers: arrays and step counts.
    """

    def __init__(self, params: Iterable[Tensor] | Iterable[dict[str, Any]], defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise UsageError(f"{type(self).__name__}: give the parameters as a list: [x]")
        given: list[Any] = list(params)
        if not given:
            raise UsageError(f"{type(self).__name__}: got no parameters to optimize")
        groups = given if isinstance(given[0], Mapping) else [{"params": given}]
        self.param_groups: list[dict[str, Any]] = []
        seen: set[int] = set()
        for group in groups:
            tensors = [group["params"]] if isinstance(group["params"], Tensor) else list(group["params"])
            for p in tensors:
                if not isinstance(p, Tensor) or not p.is_leaf:
                    raise UsageError(f"{type(self).__name__}: parameters must be leaf tensors, got {type(p).__name__}")
                if id(p) in seen:
                    raise UsageError(f"{type(self).__name__}: parameter {p.name or ''} {p.shape} is given twice")
                seen.add(id(p))
            self.param_groups.append({**defaults, **group, "params": tensors})
        self.state: dict[int, dict[str, Any]] = {}

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set them to zero."""
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None if set_to_none or p.grad is None else Tensor(np.zeros_like(p.data))

    def step(self) -> None:
        """Change every parameter that has a gradient, once."""
        number = 0
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    changed = self._update(p.data, p.grad.data, self.state.setdefault(number, {}), group)
                    p.data = changed.astype(p.dtype, copy=False)
                number += 1

    def _update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> Array:
        """Return the parameter's new value; `state` is its own to keep between steps."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """Return the state and each group's options; parameters stand as their numbers, as in PyTorch."""
        groups, number = [], 0
        for group in self.param_groups:
            count = len(group["params"])
            groups.append(
                {**{k: v for k, v in group.items() if k != "params"}, "params": list(range(number, number + count))}
            )
            number += count
        return {"state": {k: dict(v) for k, v in self.state.items()}, "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned.

        Raises:
            CheckpointError: it belongs to other parameters.
        """
        groups = state_dict["param_groups"]
        if [len(g["params"]) for g in groups] != [len(g["params"]) for g in self.param_groups]:
            raise CheckpointError(f"{type(self).__name__}: the saved state belongs to other parameter groups")
        tensors = [p for group in self.param_groups for p in group["params"]]
        state: dict[int, dict[str, Any]] = {}
        for key, saved in state_dict["state"].items():
            number = int(key)
            if not 0 <= number < len(tensors):
                raise CheckpointError(
                    f"{type(self).__name__}: the saved state names parameter {number}, which is not here"
                )
            state[number] = {}
            for name, value in saved.items():
                kept = value if isinstance(value, int | float) else np.array(value)
                if isinstance(kept, np.ndarray) and kept.ndim and kept.shape != tensors[number].shape:
                    raise CheckpointError(
                        f"{type(self).__name__}: saved {name} of parameter {number} is {kept.shape}, "
                        f"the parameter {tensors[number].shape}"
                    )
                state[number][name] = kept
        self.state = state
        for group, saved_group in zip(self.param_groups, groups, strict=True):
            group.update({k: v for k, v in saved_group.items() if k != "params"})


def check(name: str, **ranges: tuple[float, float, float]) -> None:
    """Refuse options outside their range, each given as (value, least, below).

    Raises:
        UsageError: naming the option.
    """
    for option, (value, least, below) in ranges.items():
        if not least <= value < below:
            limit = f"at least {least:g}" + (f" and below {below:g}" if below != float("inf") else "")
            raise UsageError(f"{name}: {option} must be {limit}, got {value}")
