"""Module: a layer, or a network of layers, that owns its parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Self

import numpy as np

from ..errors import ShapeError, UsageError
from ..graph import Node, scope
from ..graph.mode import state as mode_state
from ..tensor import Tensor


class Parameter(Tensor):
    """A tensor that a module owns and an optimizer changes."""

    __slots__ = ()
    __hash__ = object.__hash__

    def __init__(self, data: Any, requires_grad: bool = True, name: str | None = None) -> None:
        super().__init__(data.data if isinstance(data, Node) else np.asarray(data), requires_grad, name)
        if isinstance(data, Node):
            self.shares_memory_with(data)


class Module:
    """Base of all layers. Assign parameters and other modules to attributes, and define `forward`.

    >>> import minidl
    >>> from minidl import nn
    >>> class Half(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.scale = nn.Parameter(minidl.tensor(0.5))
    ...     def forward(self, x):
    ...         return self.scale * x
    >>> Half()(minidl.tensor([2.0, 4.0]))
    tensor([1., 2.], from=mul)
    """

    training: bool

    def __init__(self) -> None:
        object.__setattr__(self, "training", True)
        object.__setattr__(self, "_parameters", {})
        object.__setattr__(self, "_modules", {})
        object.__setattr__(self, "_own_name", "")

    _parameters: dict[str, Parameter]
    _modules: dict[str, Module]
    _own_name: str

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; each module defines it."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run `forward`, marking the nodes it makes with this module's path."""
        outer = mode_state.scope
        with scope(f"{outer}.{self._own_name}" if outer and self._own_name else self._own_name or outer):
            return self.forward(*args, **kwargs)

    # Attributes ---------------------------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        if "_parameters" not in self.__dict__:
            if isinstance(value, Parameter | Module):
                raise UsageError(f"call super().__init__() before assigning {name!r} in {type(self).__name__}")
        else:
            own = (
                self._parameters
                if isinstance(value, Parameter)
                else self._modules
                if isinstance(value, Module)
                else None
            )
            self._forget(name, own)
        if isinstance(value, Parameter):
            self._parameters[name] = value
            if value.name is None:
                value.name = name
        elif isinstance(value, Module):
            self._modules[name] = value
            object.__setattr__(value, "_own_name", name)
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        self._forget(name, None)
        object.__delattr__(self, name)

    def _forget(self, name: str, own: Mapping[str, Any] | None) -> None:
        """Drop what stood under a name, unless it is of the `own` kind of what replaces it and so keeps its place."""
        for kind in (self._parameters, self._modules):
            if kind is not own:
                kind.pop(name, None)

    def add_module(self, name: str, module: Module) -> None:
        """Add a module under a name that need not be an identifier, such as "0"."""
        if not isinstance(module, Module):
            raise UsageError(f"{type(self).__name__}: {name!r} must be a Module, got {type(module).__name__}")
        setattr(self, name, module)

    # Walking ------------------------------------------------------------------------------------------------------------

    def named_modules(self, prefix: str = "", remove_duplicate: bool = True) -> Iterator[tuple[str, Module]]:
        """Yield every module below this one, itself first, with its path; a shared module once, or each time."""
        seen: set[int] = set()
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            path, module = stack.pop()
            if remove_duplicate and id(module) in seen:
                continue
            seen.add(id(module))
            yield path, module
            children = [(f"{path}.{name}" if path else name, child) for name, child in module._modules.items()]
            stack.extend(reversed(children))

    def modules(self) -> Iterator[Module]:
        """Yield every module below this one, itself first."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield the modules directly inside this one, with their names."""
        return iter(self._modules.items())

    def children(self) -> Iterator[Module]:
        """Yield the modules directly inside this one."""
        return iter(self._modules.values())

    def named_parameters(self, remove_duplicate: bool = True) -> Iterator[tuple[str, Parameter]]:
        """Yield every parameter with its path, such as `conv1.weight`; a shared one once, or under each of its paths."""
        seen: set[int] = set()
        for path, module in self.named_modules(remove_duplicate=remove_duplicate):
            for name, parameter in module._parameters.items():
                if not remove_duplicate or id(parameter) not in seen:
                    seen.add(id(parameter))
                    yield f"{path}.{name}" if path else name, parameter

    def parameters(self) -> Iterator[Parameter]:
        """Yield every parameter."""
        return (parameter for _, parameter in self.named_parameters())

    def apply(self, function: Callable[[Module], None]) -> Self:
        """Call `function` on every module, the innermost first."""
        for module in reversed(list(self.modules())):
            function(module)
        return self

    # State --------------------------------------------------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Switch to training behaviour (dropout drops), here and below."""
        for module in self.modules():
            object.__setattr__(module, "training", mode)
        return self

    def eval(self) -> Self:
        """Switch to inference behaviour, here and below."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Freeze (False) or unfreeze all parameters."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or set them to zero."""
        for parameter in self.parameters():
            parameter.grad = None if set_to_none or parameter.grad is None else Tensor(np.zeros_like(parameter.data))

    def state_dict(self) -> dict[str, Any]:
        """Return every parameter's array by path (not copies)."""
        return {name: parameter.data for name, parameter in self.named_parameters(remove_duplicate=False)}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> None:
        """Copy arrays into the parameters; nothing changes unless all of them fit.

        Args:
            state_dict: arrays or tensors by path.
            strict: whether every path must match.

        Raises:
            UsageError: names are missing or unknown.
            ShapeError: an array has another shape than its parameter.
        """
        own = dict(self.named_parameters(remove_duplicate=False))
        missing, unknown = sorted(own.keys() - state_dict.keys()), sorted(state_dict.keys() - own.keys())
        if strict and (missing or unknown):
            parts = [f"missing {', '.join(missing)}"] * bool(missing) + [f"unknown {', '.join(unknown)}"] * bool(
                unknown
            )
            raise UsageError(f"load_state_dict: {'; '.join(parts)}")
        loaded = {}
        for name in own.keys() & state_dict.keys():
            value = state_dict[name]
            array = np.asarray(value.data if isinstance(value, Node) else value)
            if array.shape != own[name].shape:
                raise ShapeError(f"load_state_dict: {name} is {own[name].shape} here and {array.shape} in the state")
            loaded[name] = array.astype(own[name].dtype)
        for name, array in loaded.items():
            own[name].data = array

    # Printing -----------------------------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What stands in the parentheses of the printed layer."""
        return ""

    def __repr__(self) -> str:
        count = sum(parameter.numel() for parameter in self.parameters())
        note = f"  # {count:,} parameters" if count else ""
        if not self._modules:
            return f"{type(self).__name__}({self.extra_repr()}){note}"
        lines = [f"{type(self).__name__}({note}"]
        for name, child in self._modules.items():
            lines += [f"  {line}" for line in f"({name}): {child!r}".splitlines()]
        return "\n".join([*lines, ")"])


class Sequential(Module):
    """Modules applied one after the other; they may be given with names, as a dictionary.

    >>> import minidl
    >>> from minidl import nn
    >>> Sequential(nn.Linear(3, 2), nn.ReLU())(minidl.ones(4, 3)).shape
    (4, 2)
    """

    def __init__(self, *modules: Module | Mapping[str, Module]) -> None:
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            named = dict(modules[0])
        else:
            named = {str(i): module for i, module in enumerate(modules)}  # type: ignore[misc]
        for name, module in named.items():
            self.add_module(name, module)

    def forward(self, input: Any) -> Any:
        """Pass the input through each module in turn."""
        for module in self._modules.values():
            input = module(input)
        return input

    def __len__(self) -> int:
        return len(self._modules)

    def __getitem__(self, index: int) -> Module:
        return list(self._modules.values())[index]

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())
