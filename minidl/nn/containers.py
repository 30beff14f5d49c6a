"""Containers: modules that hold other modules, in a list or under names."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self, overload

from ..errors import DtypeError, MissingNameError, RangeError, UsageError
from .module import Module
from .printing import framed


def position_of(index: Any, length: int, owner: Module) -> int:
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
        modules: list[Any] = list(self._modules.values())  # None may stand among them, as in PyTorch
        return iter(modules)

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            items: list[tuple[str, Any]] = list(self._modules.items())[index]
            known = [(module, module._own_name) for _, module in items if module is not None]
            part = self._slice(items)
            for module, name in known:
                module._take_name(name)  # a part that is only looked at leaves the names as they are
            return part
        return list(self._modules.values())[position_of(index, len(self), self)]

    def _slice(self, items: list[tuple[str, Any]]) -> Self:
        """A container of the same kind that holds these modules."""
        raise NotImplementedError

    def __setitem__(self, index: int, module: Module) -> None:
        self.register_module(list(self._modules)[position_of(index, len(self), self)], module)

    def __delitem__(self, index: int | slice) -> None:
        names = list(self._modules)
        for name in names[index] if isinstance(index, slice) else [names[position_of(index, len(self), self)]]:
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

    def __iadd__(self, modules: Iterable[Module]) -> Self:
        return self.extend(modules)

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
        if not isinstance(other, Sequential):
            raise UsageError(f"Sequential: only another Sequential can be added, not a {type(other).__name__}")
        return Sequential(*self, *other)

    def __mul__(self, times: int) -> Sequential:
        """The same modules several times over; they share their parameters."""
        return Sequential(*list(self) * _times(times))

    __rmul__ = __mul__

    def __imul__(self, times: int) -> Self:
        return self.extend(list(self) * (_times(times) - 1))


def _times(times: int) -> int:
    """How often a sequence is repeated.

    Raises:
        UsageError: less than once.
    """
    if operator.index(times) < 1:
        raise UsageError(f"Sequential: can be repeated once or more often, not {times} times")
    return operator.index(times)


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
        try:
            given = dict(modules)
        except (TypeError, ValueError) as error:
            raise DtypeError(
                f"ModuleDict: takes a dictionary of modules, or (name, module) pairs, not {modules!r:.60}"
            ) from error
        for name, module in given.items():
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
