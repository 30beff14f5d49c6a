"""What all optimizers share: parameter groups, the walk over the parameters, and a state that can be saved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from ..errors import CheckpointError, DtypeError, MissingNameError, UsageError
from ..graph import data_of, enable_grad
from ..graph.mode import phase
from ..graph.mode import state as mode_state
from ..graph.node import note_changes
from ..kernels import ARRAYS, DeviceArray
from ..kernels.device import brought_to, copied_to, where_is
from ..tensor import Tensor
from .blocks import change_in_blocks
from .fused import Fused, wants_kernel
from .hooks import Hooked

Array = Any
Params = Iterable[Tensor] | Iterable[tuple[str, Tensor]] | Iterable[dict[str, Any]]
Update = Callable[..., None]
"""Changes a block of a parameter in place, given it, its gradient and what is remembered of it, all of one shape."""

T = TypeVar("T")

_NUMBERS = ("step", "mu_product")
"""What stands in a state as one number for the whole parameter."""

_TORCH_ONLY = ("foreach", "capturable", "differentiable", "fused")
"""Options in PyTorch's saved states that choose one of its implementations and change no result."""


class Optimizer(Hooked):
    """Base of the optimizers. A subclass says in `_slots` what it remembers, and in `_rule` how a parameter changes.

    Args:
        params: tensors, pairs of name and tensor as `model.named_parameters()` gives, or dictionaries each with `params` and
            options of its own.
        defaults: options for groups that state none.

    Attributes:
        param_groups: dictionaries with `params` and options such as `lr`, which may be changed between steps.
        state: for each parameter, what the optimizer remembers: arrays and numbers.
        defaults: the options of groups that state none.
        has_stepped: whether it has made a step, or goes on from a state that was saved.

    Raises:
        UsageError: there are no parameters, or one that cannot be optimized.
        DtypeError: something else than tensors is given.
    """

    _counts_steps = True

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        super().__init__()
        if isinstance(params, Tensor):
            raise DtypeError(f"{type(self).__name__}: give the parameters as a list: [x]")
        given: list[Any] = list(params)
        if not given:
            raise UsageError(f"{type(self).__name__}: got no parameters to optimize")
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        for group in given if isinstance(given[0], Mapping) else [{"params": given}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """Optimize further parameters, perhaps with options of their own: `{"params": layer.parameters(), "lr": 0.01}`.

        Raises:
            UsageError: a parameter is no leaf, or is here already, or only some are named; or the group has no `params`.
            DtypeError: a parameter is no tensor, or the group no dictionary.
        """
        name = type(self).__name__
        if not isinstance(param_group, Mapping):
            raise DtypeError(f'{name}: a group must be a dictionary with "params", got {param_group!r:.60}')
        if "params" not in param_group:
            raise MissingNameError(f'{name}: a group must be a dictionary with "params", got {param_group!r:.60}')
        given = param_group["params"]
        if isinstance(given, set | frozenset):
            raise DtypeError(f"{name}: a set has no order to number its parameters by; give them as a list")
        entries: list[Any] = [given] if isinstance(given, Tensor) else list(given)
        names = [entry[0] for entry in entries if isinstance(entry, tuple)]
        tensors = [entry[1] if isinstance(entry, tuple) else entry for entry in entries]
        are_named = [bool(names)] + ["param_names" in group for group in self.param_groups]
        if len(names) not in (0, len(entries)) or len(set(are_named)) > 1:
            raise UsageError(f"{name}: give all parameters with names, as model.named_parameters() does, or none")
        seen = set(map(id, self._parameters()))
        for p in tensors:
            if not isinstance(p, Tensor):
                raise DtypeError(f"{name}: parameters must be tensors, got {type(p).__name__}")
            if not p.is_leaf:
                raise UsageError(f"{name}: parameters must be leaves, but {p.name or ''} {p.shape} was computed")
            if id(p) in seen:
                raise UsageError(f"{name}: parameter {p.name or ''} {p.shape} is given twice")
            seen.add(id(p))
        group = {**self.defaults, **param_group, "params": tensors}
        self.param_groups.append({**group, "param_names": names} if names else group)

    def _parameters(self) -> Iterator[Tensor]:
        return (p for group in self.param_groups for p in group["params"])

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or set them to zero."""
        for p in self._parameters():
            p.grad = None if set_to_none or p.grad is None else Tensor(np.zeros_like(p.data))

    # One step -----------------------------------------------------------------------------------------------------------

    def step(self, closure: Callable[[], T] | None = None) -> T | None:
        """Change every parameter that has a gradient, once, in its own memory.

        Args:
            closure: if given, is called first to compute the loss anew, with its gradients.

        Returns:
            What the closure returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with phase("optimizer"):
            if mode_state.tape is None:
                self._step()
            else:
                mode_state.tape.effect(f"{type(self).__name__}.step", self._step, owner=self)
        return loss

    def _step(self) -> None:
        with np.errstate(all="ignore"):  # infinities and NaN go their way in silence, as in every operation
            for group in self.param_groups:
                params = [p for p in group["params"] if p.grad is not None]
                with writing(params) as arrays:
                    self._change(params, arrays, group)

    def _change(self, params: list[Tensor], arrays: list[Array], group: dict[str, Any]) -> None:
        """Change the arrays of a group's parameters in place. Those that have come equally far have one rule in common."""
        slots, pulls = self._slots(group), _pulls(group)
        rules: dict[tuple[Any, ...], Update] = {}
        together: defaultdict[Any, list[tuple[Fused, tuple[Array, ...]]]] = defaultdict(list)
        for p, data in zip(params, arrays, strict=True):
            state = self.state[p]
            self._count(state, group)
            is_fresh = False
            for name, start in slots.items():
                if name not in state:
                    state[name], is_fresh = np.full_like(data, start), True
                elif where_is(state[name]) is not where_is(data):  # the parameter was moved to another device
                    state[name] = brought_to(state[name], where_is(data))
            stage = is_fresh, state.get("step"), state.get("mu_product")
            rule = rules.get(stage)
            if rule is None:
                rule = rules[stage] = self._rule(group, state, is_fresh)
            whole = (data, p.grad.data, *[state[name] for name in slots])
            if not isinstance(rule, Fused) or not wants_kernel(group["fused"], whole):
                change_in_blocks(rule, whole, pulls)
            elif data.__class__ is DeviceArray:
                together[id(rule), data.dtype, data.device].append((rule, whole))
            else:
                rule.run(whole, pulls)
        for waiting in together.values():
            waiting[0][0].run_together([whole for _, whole in waiting], pulls)

    def _count(self, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Let the numbers in a parameter's state go on by one step."""
        if self._counts_steps:
            state["step"] = state.get("step", 0) + 1

    def _slots(self, group: dict[str, Any]) -> dict[str, float]:
        """The arrays it keeps for each parameter, by name, with the number that fills them at first."""
        return {}

    def _rule(self, group: dict[str, Any], state: dict[str, Any], is_fresh: bool) -> Update:
        """Return the function that changes a block of a parameter, from the options and the numbers in its state.

        Parameters whose numbers are the same share it. `is_fresh` says that their memory was made just now.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define how a parameter changes")

    # Saving -------------------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return the state (not copies) and each group's options; parameters stand as their numbers, as in PyTorch."""
        self._call("state_dict_pre")
        numbers = {id(p): number for number, p in enumerate(self._parameters())}
        groups = [
            {k: float(v.item()) if isinstance(v, Tensor) else v for k, v in group.items() if k != "params"}
            | {"params": [numbers[id(p)] for p in group["params"]]}
            for group in self.param_groups
        ]
        states = {numbers[id(p)]: dict(state) for p, state in self.state.items() if state}
        found: dict[str, Any] = self._call("state_dict_post", {"state": states, "param_groups": groups})
        return found

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned, here or in PyTorch; nothing changes unless all of it fits.

        Raises:
            CheckpointError: it belongs to other parameters.
        """
        state_dict = self._call("load_state_dict_pre", dict(state_dict))
        name, groups = type(self).__name__, state_dict["param_groups"]
        if [len(g["params"]) for g in groups] != [len(g["params"]) for g in self.param_groups]:
            raise CheckpointError(f"{name}: the saved state belongs to other parameter groups")
        # The saved groups say which number each parameter had: PyTorch's need not run from 0 in order.
        ids = [number for group in groups for number in group["params"]]
        owner = dict(zip(ids, self._parameters(), strict=True))
        state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        for key, saved in state_dict["state"].items():
            number = int(key)
            if number not in owner:
                raise CheckpointError(f"{name}: the saved state names parameter {number}, which is not here")
            p = owner[number]
            state[p] = {k: self._restored(k, v, p, number) for k, v in saved.items() if v is not None}
        self.state = state
        for group, saved_group in zip(self.param_groups, groups, strict=True):
            left_out = ("params", *_TORCH_ONLY)
            group.update({k: _option(k, v) for k, v in saved_group.items() if k not in left_out})
        self.has_stepped = True  # the steps that led here
        self._call("load_state_dict_post")

    def _restored(self, name: str, value: Any, p: Tensor, number: int) -> Any:
        """A saved array or number, as this optimizer keeps it."""
        if isinstance(value, int | float):
            return value
        if name in _NUMBERS:
            return int(value) if name == "step" else float(value)
        array = copied(value, p)
        if array.shape != p.shape:
            raise CheckpointError(
                f"{type(self).__name__}: saved {name} of parameter {number} is {array.shape}, the parameter {p.shape}"
            )
        return array

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or a pickle holds: all but the hooks, as in PyTorch."""
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Hooked.__init__(self)
        self.__dict__.update(state)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for number, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {number}")
            lines += [f"    {key}: {value}" for key, value in sorted(group.items()) if key != "params"]
        return "\n".join([*lines, ")"])


class writing:  # noqa: N801  (reads as a statement: with writing([x]) as (data,))
    """Give parameters' arrays to write into, and tell the engine afterwards that it was done.

    (A class, since `contextlib`'s own code would stand between the user's line, which the engine notes, and ours.)

    >>> import minidl
    >>> x = minidl.tensor([1.0, 2.0], requires_grad=True)
    >>> with writing([x]) as (data,):
    ...     data *= 3
    >>> x
    tensor([3., 6.], requires_grad=True)
    """

    def __init__(self, params: Sequence[Tensor]) -> None:
        self.params = params
        self.arrays: list[Array] = []
        self._copies: list[tuple[Tensor, Array]] = []
        for p in params:
            data = p.data
            if not (isinstance(data, ARRAYS) and data.flags.writeable):
                data = data.copy() if isinstance(data, ARRAYS) else np.array(data)
                self._copies.append((p, data))
            self.arrays.append(data)

    def __enter__(self) -> list[Array]:
        return self.arrays

    def __exit__(self, *error: object) -> None:
        for p, array in self._copies:  # a circuit's scalar holds a plain number rather than an array
            p.data = array if isinstance(p.data, ARRAYS) else array[()]
        note_changes(self.params)


def _pulls(group: dict[str, Any]) -> tuple[float, float, float]:
    """What every rule may do first: the gradient's sign, by what the parameter shrinks, the decay's part in the gradient."""
    sign, decay = -1 if group.get("maximize") else 1, float(group.get("weight_decay", 0))
    if group.get("decoupled_weight_decay", False):
        return sign, 1 - float(group["lr"]) * decay, 0.0
    return sign, 1.0, decay


def copied(value: Any, p: Tensor) -> Array:
    """A saved array, or a tensor of minidl's or PyTorch's, as an array of its own, in the dtype of `p` and where it is."""
    array = data_of(value)
    return copied_to(p.device, array if isinstance(array, ARRAYS) else np.asarray(array), p.dtype)


def _option(name: str, value: Any) -> Any:
    """A saved option as a group holds it: pairs come back from JSON as lists, and PyTorch's rate may be a tensor."""
    if name == "param_names":
        return list(value)
    if isinstance(value, list):
        return tuple(value)
    return float(value) if name == "lr" else value


def check(name: str, **ranges: tuple[Any, float, float]) -> None:
    """Refuse options outside their range, each given as (value, least, below).

    Raises:
        UsageError: naming the option.
    """
    for option, (value, least, below) in ranges.items():
        if isinstance(value, Tensor) and value.data.size != 1:
            raise UsageError(f"{name}: {option} must be one number, got a tensor {value.shape}")
        if not least <= value < below:
            limit = f"at least {least:g}" + (f" and below {below:g}" if below != float("inf") else "")
            raise UsageError(f"{name}: {option} must be {limit}, got {value}")


def check_common(name: str, lr: float, weight_decay: float = 0, eps: float = 0) -> None:
    """Refuse a learning rate, weight decay or ε below 0."""
    inf = float("inf")
    check(name, lr=(lr, 0, inf), weight_decay=(weight_decay, 0, inf), eps=(eps, 0, inf))


def check_betas(name: str, betas: tuple[float, float]) -> None:
    """Refuse decay rates outside [0, 1)."""
    check(name, beta1=(betas[0], 0, 1), beta2=(betas[1], 0, 1))
