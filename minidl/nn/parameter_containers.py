"""Containers of parameters: in a list, or under names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any, Self

from ..errors import DtypeError, MissingNameError
from ..tensor import Tensor
from .containers import position_of
from .module import Module
from .parameter import Parameter


def _as_parameter(owner: str, value: Any) -> Parameter:
    """A parameter as it is; a tensor as a parameter that shares its memory.

    Raises:
        DtypeError: neither.
    """
    if isinstance(value, Parameter):
        return value
    if not isinstance(value, Tensor):
        raise DtypeError(f"{owner} holds parameters; got {type(value).__name__}")
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

    __iadd__ = extend

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._parameters.values())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return list(self)[position_of(index, len(self), self)]

    def __setitem__(self, index: int, value: Any) -> None:
        name = str(position_of(index, len(self), self))
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

    def __reversed__(self) -> Iterator[str]:
        return reversed(list(self._parameters))

    def __or__(self, other: Mapping[str, Any]) -> Self:
        joined = self.copy()
        joined.update(other)
        return joined

    def __ror__(self, other: Mapping[str, Any]) -> Self:
        return type(self)({**other, **self})

    def __ior__(self, other: Mapping[str, Any]) -> Self:
        self.update(other)
        return self

    def popitem(self) -> tuple[str, Any]:
        """Take the last parameter out, and return it with its name."""
        if not self:
            raise MissingNameError("ParameterDict: there is nothing to take out; it is empty")
        name = next(reversed(self))
        return name, self.pop(name)

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> Self:
        """Return a new dictionary that holds one value under each of some names."""
        return type(self)((name, default) for name in keys)

    def copy(self) -> Self:
        """Return another dictionary of the same parameters."""
        return type(self)(dict(self))
