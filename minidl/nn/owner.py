"""Owner: what a module is as a tree. It owns parameters, buffers and other modules, by name, and knows the paths to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import BadNameError, DtypeError, MissingPartError
from ..tensor import Tensor
from .parameter import Parameter

if TYPE_CHECKING:
    from .module import Module


_REGISTERS = ("_parameters", "_buffers", "_modules", "_transient", "_own_name")


class Owner:
    """Base of `Module`: keeps a register of the parameters, buffers and modules among its attributes."""

    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]
    _transient: set[str]
    _own_name: str

    def __init__(self) -> None:
        for name in ("_parameters", "_buffers", "_modules"):
            object.__setattr__(self, name, {})
        object.__setattr__(self, "_transient", set())
        object.__setattr__(self, "_own_name", "")

    # Attributes ---------------------------------------------------------------------------------------------------------

    if not TYPE_CHECKING:  # so that a type checker still knows which attributes there are

        def __getattr__(self, name: str) -> Any:
            """Only reached for what is not there."""
            if name in _REGISTERS:
                raise MissingPartError(
                    f"{type(self).__name__} is not built yet: its __init__ must first call super().__init__()"
                )
            return object.__getattribute__(self, name)  # raises the error that says what is missing, and where

    def __setattr__(self, name: str, value: Any) -> None:
        if "_parameters" not in self.__dict__ and isinstance(value, Parameter | Owner):
            raise MissingPartError(f"call super().__init__() before assigning {name!r} in {type(self).__name__}")
        if isinstance(value, Parameter | Owner):
            object.__setattr__(self, name, value)  # first: a property may refuse it
            self._own(self._parameters if isinstance(value, Parameter) else self._modules, name, value)
            return
        if "_parameters" in self.__dict__:
            self._check_plain(name, value)
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        for registry in (self._parameters, self._buffers, self._modules):
            registry.pop(name, None)
        object.__delattr__(self, name)

    def _own(self, registry: dict[str, Any], name: str, value: Any) -> None:
        """Enter a value under its name; one of the same kind that stood there gives up its place in the order."""
        for other in (self._parameters, self._buffers, self._modules):
            if other is not registry:
                other.pop(name, None)
        registry[name] = value
        if isinstance(value, Owner):
            value._take_name(self._name_of_child(name))
        elif isinstance(value, Parameter) and value.name is None:
            value.name = name

    def _check_plain(self, name: str, value: Any) -> None:
        """Enter None, or a buffer's new tensor; refuse anything else in the place of what the module owns."""
        registries: tuple[tuple[dict[str, Any], str], ...] = (
            (self._parameters, "Parameter"),
            (self._buffers, "Tensor"),
            (self._modules, "Module"),
        )
        for registry, wanted in registries:
            if name in registry:
                if value is not None and not (wanted == "Tensor" and isinstance(value, Tensor)):
                    raise DtypeError(
                        f"{type(self).__name__}.{name} is a {wanted} and cannot be replaced by a {type(value).__name__}; "
                        f"assign a {wanted} or None, or `del` it first"
                    )
                registry[name] = value

    def _take_name(self, name: str) -> None:
        """Be told the path by which the nearest module that is called knows this one."""
        object.__setattr__(self, "_own_name", name)

    def _name_of_child(self, name: str) -> str:
        return name

    def _check_name(self, kind: str, name: str, registry: Mapping[str, Any]) -> None:
        if not isinstance(name, str):
            raise DtypeError(f"{type(self).__name__}: a {kind}'s name is a word, not a {type(name).__name__}: {name!r}")
        if not name or "." in name:
            raise BadNameError(f"{type(self).__name__}: a {kind}'s name is a word without dots, not {name!r}")
        if hasattr(self, name) and name not in registry:
            raise BadNameError(f"{type(self).__name__} has an attribute {name!r} already, which is no {kind}")

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Own a tensor that is part of the state but not learned, such as a running mean.

        Args:
            name: the attribute's name.
            tensor: the tensor, or None for none.
            persistent: whether it belongs to the state dict.
        """
        self._check_name("buffer", name, self._buffers)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise DtypeError(f"register_buffer: {name!r} must be a tensor or None, got {type(tensor).__name__}")
        self._own(self._buffers, name, tensor)
        (self._transient.discard if persistent else self._transient.add)(name)
        object.__setattr__(self, name, tensor)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Own a parameter under a name; None keeps the name's place without one."""
        self._check_name("parameter", name, self._parameters)
        if param is not None and not isinstance(param, Parameter):
            raise DtypeError(f"register_parameter: {name!r} must be a Parameter or None, got {type(param).__name__}")
        self._own(self._parameters, name, param)
        object.__setattr__(self, name, param)

    def register_module(self, name: str, module: Module | None) -> None:
        """Own a module under a name that need not be an identifier, such as "0"."""
        self._check_name("module", name, self._modules)
        if module is not None and not isinstance(module, Owner):
            raise DtypeError(f"{type(self).__name__}: {name!r} must be a Module, got {type(module).__name__}")
        self._own(self._modules, name, module)
        object.__setattr__(self, name, module)

    add_module = register_module

    # Walking ------------------------------------------------------------------------------------------------------------

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Yield every module below this one, itself first, with its path; a shared module once, or each time."""
        seen = set() if memo is None else memo
        stack: list[tuple[str, Any]] = [(prefix, self)]
        while stack:
            path, module = stack.pop()
            if remove_duplicate and module in seen:
                continue
            seen.add(module)
            yield path, module
            children = [(join(path, name), child) for name, child in module._modules.items() if child is not None]
            stack.extend(reversed(children))

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """Yield every module below this one, itself first; a shared module once, or each time."""
        return (module for _, module in self.named_modules(remove_duplicate=remove_duplicate))

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield the modules directly inside this one, with their names."""
        seen: set[Module] = set()
        for name, child in self._modules.items():
            if child is not None and child not in seen:
                seen.add(child)
                yield name, child

    def children(self) -> Iterator[Module]:
        """Yield the modules directly inside this one."""
        return (child for _, child in self.named_children())

    def _named(self, registry: str, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        below = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
        for path, module in below if recurse else [(prefix, self)]:
            for name, value in getattr(module, registry).items():
                if value is not None and not (remove_duplicate and id(value) in seen):
                    seen.add(id(value))
                    yield join(path, name), value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Yield every parameter with its path, such as `conv1.weight`; a shared one once, or under each of its paths."""
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Yield every parameter."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Yield every buffer with its path, such as `bn1.running_mean`."""
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Yield every buffer."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def get_submodule(self, target: str) -> Module:
        """Return the module at a path such as `features.0`; "" is this one."""
        return self._at(target, dict(self.named_modules(remove_duplicate=False)), "module")

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put a module at a path such as `features.0`, in place of the one there.

        Args:
            target: the path.
            module: the module.
            strict: whether there must be one already.

        Raises:
            MissingPartError: the path leads through a module that there is not, or with `strict` to none.

        >>> from minidl import nn
        >>> net = nn.Sequential(nn.Sequential(nn.Linear(4, 10)), nn.ReLU())
        >>> net.set_submodule("0.0", nn.Linear(4, 3))
        >>> net.get_submodule("0.0").out_features
        3
        """
        path, _, name = target.rpartition(".")
        if strict:
            self.get_submodule(target)
        self.get_submodule(path).register_module(name, module)

    def get_parameter(self, target: str) -> Parameter:
        """Return the parameter at a path such as `features.0.weight`."""
        return self._at(target, dict(self.named_parameters(remove_duplicate=False)), "parameter")

    def get_buffer(self, target: str) -> Tensor:
        """Return the buffer at a path such as `bn1.running_mean`."""
        return self._at(target, dict(self.named_buffers(remove_duplicate=False)), "buffer")

    def _at(self, target: str, known: Mapping[str, Any], kind: str) -> Any:
        if target not in known:
            names = ", ".join(name for name in known if name) or "none"
            raise MissingPartError(f"{type(self).__name__} has no {kind} {target!r}; there are {names}")
        return known[target]


def join(path: str, name: str) -> str:
    """A path one step longer."""
    return f"{path}.{name}" if path else name
