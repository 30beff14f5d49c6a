"""Containers: modules that hold other modules, or parameters, in a list or under names."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any, Self, overload

from ..errors import MissingNameError, RangeError, UsageError
from ..tensor import Tensor
from .module import Module
from .parameter import Parameter
from .printing import framed


def _position(index: Any, length: int, owner: Module) -> int:
    """A position from 0, from one that may count from the end.

    Raises:
        RangeError: there is no such position.
    """
    position = operator.index(index)
    if not -length <= position < length:
        raise RangeError(f"{type(owner).__name__}: there is no position {position}; it has {length}")
    return position % length


class _Listed(Module):
    """What `Sequential` and `ModuleList` share: modules in order, which are found by position or slice."""

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter([module for module in self._modules.values() if module is not None])

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            items: list[tuple[str, Any]] = list(self._modules.items())[index]
            names = [module._own_name for _, module in items]
            part = self._slice(items)
            for (_, module), name in zip(items, names, strict=True):
                module._take_name(name)  # a part that is only looked at leaves the names as they are
            return part
        return list(self._modules.values())[_position(index, len(self), self)]

    def _slice(self, items: list[tuple[str, Any]]) -> Self:
        """A container of the same kind that holds these modules."""
        raise NotImplementedError

    def __setitem__(self, index: int, module: Module) -> None:
        self.register_module(list(self._modules)[_position(index, len(self), self)], module)

    def __delitem__(self, index: int | slice) -> None:
        names = list(self._modules)
        for name in names[index] if isinstance(index, slice) else [names[_position(index, len(self), self)]]:
            delattr(self, name)
        self._renumber(list(self))

    def _renumber(self, modules: list[Module]) -> None:
        """Hold these modules, under the names "0", "1", …"""
        for name in list(self._modules):
            delattr(self, name)
        for i, module in enumerate(modules):
            self.register_module(str(i), module)

    def append(self, module: Module) -> Self:
        """Add a module at the end, and return the container."""
        self.register_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add modules at the end, and return the container."""
        for module in list(modules):
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Self:
        """Put a module before the one at a position, and return the container."""
        if not -len(self) <= index <= len(self):
            raise RangeError(f"{type(self).__name__}: there is no position {index} to insert at; it has {len(self)}")
        modules = list(self)
        modules.insert(index, module)
        self._renumber(modules)
        return self

    def pop(self, index: int) -> Module:
        """Take a module out, and return it."""
        module = self[index]
        del self[index]
        return module


class Sequential(_Listed):
    """Modules applied one after the other; they may be given with names, as a dictionary.

    Args:
        modules: the modules, or one dictionary of them.

    >>> import minidl
    >>> from minidl import nn
    >>> model = Sequential(nn.Linear(3, 2), nn.ReLU())
    >>> model(minidl.ones(4, 3)).shape
    (4, 2)
    >>> len(model.append(nn.Linear(2, 1))), model[:2](minidl.ones(4, 3)).shape
    (3, (4, 2))
    """

    def __init__(self, *modules: Module | Mapping[str, Module]) -> None:
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            named: dict[str, Any] = dict(modules[0])
        else:
            named = {str(i): module for i, module in enumerate(modules)}
        for name, module in named.items():
            self.register_module(name, module)

    def forward(self, input: Any) -> Any:
        """Pass the input through each module in turn."""
        for module in self:
            input = module(input)
        return input

    def _slice(self, items: list[tuple[str, Any]]) -> Self:
        return type(self)(dict(items))

    def __add__(self, other: Sequential) -> Sequential:
        return Sequential(*self, *other)


class _Uncalled(Module):
    """A container that is not called itself: figures know its modules by their path through it."""

    def _take_name(self, name: str) -> None:
        super()._take_name(name)
        for key, module in self._modules.items():
            if module is not None:
                module._take_name(self._name_of_child(key))

    def _name_of_child(self, name: str) -> str:
        return f"{self._own_name}.{name}" if self._own_name else name


class ModuleList(_Uncalled, _Listed):
    """A list of modules that knows their parameters; it does not call them.

    >>> import minidl
    >>> from minidl import nn
    >>> layers = ModuleList([nn.Linear(2, 2) for _ in range(3)])
    >>> [name for name, _ in layers.named_parameters()][-1], len(layers[1:])
    ('2.bias', 2)
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend(modules or ())

    def _slice(self, items: list[tuple[str, Any]]) -> Self:
        return type(self)(module for _, module in items)

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def __repr__(self) -> str:
        """As PyTorch prints it: equal modules in a row once, with their number."""
        runs: list[tuple[int, int, str]] = []
        for i, text in enumerate(map(repr, self)):
            first = runs.pop()[0] if runs and runs[-1][2] == text else i
            runs.append((first, i, text))
        texts = [
            f"({first}): {text}" if first == last else f"({first}-{last}): {last - first + 1} x {text}"
            for first, last, text in runs
        ]
        return framed(self, texts) if texts else f"{type(self).__name__}()"


class ModuleDict(_Uncalled):
    """Modules under names of any kind; it does not call them.

    >>> from minidl import nn
    >>> heads = ModuleDict({"digit": nn.Linear(4, 10), "sign": nn.Linear(4, 1)})
    >>> heads["sign"].out_features, list(heads)
    (1, ['digit', 'sign'])
    """

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        super().__init__()
        self.update(modules or {})

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Add modules, in place of those of the same names."""
        for name, module in dict(modules).items():
            self[name] = module

    def __getitem__(self, name: str) -> Module:
        return self._known(name)

    def _known(self, name: str) -> Any:
        if name not in self._modules:
            raise MissingNameError(f"ModuleDict: there is no {name!r}; there are {', '.join(self._modules) or 'none'}")
        return self._modules[name]

    def __setitem__(self, name: str, module: Module) -> None:
        self.register_module(name, module)

    def __delitem__(self, name: str) -> None:
        self._known(name)
        delattr(self, name)

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, name: object) -> bool:
        return name in self._modules

    def keys(self) -> Iterable[str]:
        """Return the names."""
        return self._modules.keys()

    def values(self) -> Iterable[Any]:
        """Return the modules."""
        return self._modules.values()

    def items(self) -> Iterable[tuple[str, Any]]:
        """Return the names with the modules."""
        return self._modules.items()

    def pop(self, name: str) -> Module:
        """Take a module out, and return it."""
        module = self[name]
        del self[name]
        return module

    def clear(self) -> None:
        """Take all modules out."""
        for name in list(self):
            del self[name]


def _as_parameter(owner: str, value: Any) -> Parameter:
    """A parameter as it is; a tensor as a parameter that shares its memory.

    Raises:
        UsageError: neither.
    """
    if isinstance(value, Parameter):
        return value
    if not isinstance(value, Tensor):
        raise UsageError(f"{owner} holds parameters; got {type(value).__name__}")
    return Parameter(value)


class ParameterList(Module):
    """A list of parameters; tensors become parameters.

    >>> import minidl
    >>> weights = ParameterList([minidl.zeros(2), minidl.zeros(3)])
    >>> [(name, p.shape) for name, p in weights.named_parameters()]
    [('0', (2,)), ('1', (3,))]
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self.extend(values or ())

    def append(self, value: Any) -> Self:
        """Add a parameter at the end, and return the list."""
        self.register_parameter(str(len(self)), _as_parameter("ParameterList", value))
        return self

    def extend(self, values: Iterable[Any]) -> Self:
        """Add parameters at the end, and return the list."""
        for value in list(values):
            self.append(value)
        return self

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._parameters.values())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return list(self)[_position(index, len(self), self)]

    def __setitem__(self, index: int, value: Any) -> None:
        name = str(_position(index, len(self), self))
        self.register_parameter(name, _as_parameter("ParameterList", value))


class ParameterDict(Module, MutableMapping[str, Any]):
    """Parameters under names, used like a dictionary; tensors become parameters.

    >>> import minidl
    >>> ParameterDict({"left": minidl.zeros(2), "right": minidl.zeros(3)})["right"].shape
    (3,)
    """

    __eq__ = object.__eq__  # a module is equal to itself alone, unlike a mapping
    __hash__ = object.__hash__

    def __init__(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None) -> None:
        super().__init__()
        self.update(parameters or {})

    def __getitem__(self, name: str) -> Any:
        if name not in self._parameters:
            known = ", ".join(self._parameters) or "none"
            raise MissingNameError(f"ParameterDict: there is no {name!r}; there are {known}")
        return self._parameters[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.register_parameter(name, _as_parameter("ParameterDict", value))

    def __delitem__(self, name: str) -> None:
        _ = self[name]
        delattr(self, name)

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._parameters))

    def copy(self) -> Self:
        """Return another dictionary of the same parameters."""
        return type(self)(dict(self))
