"""Another framework's graph: that of a PyTorch tensor, in the same style, with what PyTorch keeps of it.

PyTorch keeps the operations, the shapes and the leaves; not the values in between, nor their gradients unless `retain_grad`
asked for them. Tensors that a person holds on to (`names=locals()`) tell the rest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from minidl.errors import GraphError
from minidl.primitives import registry

from ..drawing.dot import Html
from ..drawing.notation import grouped
from ..drawing.theme import Theme
from .diagram import Diagram, Gate, Wire
from .gates import set_symbol
from .naming import check_names, is_name
from .zoom import MOST

_ALIASES: Final = {
    "mm": "matmul", "mv": "matmul", "dot": "matmul", "bmm": "matmul", "t": "permute", "transpose": "permute",
    "convolution": "conv2d", "max_pool2d_with_indices": "max_pool2d", "threshold": "relu", "pow": "pow_by_number",
    "sub": "sub", "rsub": "sub", "view": "reshape", "unsafe_view": "reshape", "select": "getitem", "slice": "getitem",
}  # fmt: skip
_PLAIN: Final = {"matmul": "•", "permute": "(·)ᵀ", "pow_by_number": "(·)ⁿ"}


def is_torch_tensor(value: Any) -> bool:
    """Return whether a value is a tensor of PyTorch, without importing it."""
    return any(cls.__module__ == "torch" and cls.__name__ == "Tensor" for cls in type(value).__mro__)


def foreign_diagram(root: Any, names: Mapping[str, Any] | None, grads: bool, theme: Theme) -> Diagram:
    """Make the diagram of a PyTorch tensor's autograd graph.

    Args:
        root: the tensor.
        names: names and tensors, such as `locals()`.
        grads: whether to show the gradients that PyTorch kept.
        theme: in which symbols are set.

    Raises:
        GraphError: the tensor has no graph, or one that is too large for a figure.
    """
    if root.grad_fn is None:
        raise GraphError(
            "there is no graph to draw: this PyTorch tensor was given, not computed from one that requires a gradient"
        )
    return _Reading(root, names or {}, grads, theme).diagram()


class _Reading:
    def __init__(self, root: Any, names: Mapping[str, Any], grads: bool, theme: Theme) -> None:
        self.root = root
        self.grads = grads
        self.theme = theme
        check_names(names)
        self.held: dict[Any, tuple[str, Any]] = {}
        for name, value in names.items():
            if is_torch_tensor(value) and is_name(name):
                self.held.setdefault(value.grad_fn if value.grad_fn is not None else id(value), (name, value))
        self.wires: dict[Any, Wire] = {}
        self.items: list[Wire | Gate] = []

    def diagram(self) -> Diagram:
        for number, function in enumerate(self._order(), 1):
            variable = getattr(function, "variable", None)
            if variable is not None:
                self._leaf(function, variable, number)
            else:
                self._operation(function, number)
        top = self.wires[self.root.grad_fn]
        top.value = _numbers(self.root)
        top.name = self._name(self.root.grad_fn, "z" if top.nameless else top.name)
        top.nameless = False
        diagram = Diagram(self.items, top, remarks=["drawn from PyTorch's autograd graph"])
        diagram.connect()
        return diagram

    def _order(self) -> list[Any]:
        """List PyTorch's backward functions, inputs before outputs, the first operand first."""
        done: set[Any] = set()
        found: list[Any] = []
        stack = [(self.root.grad_fn, False)]
        while stack:
            function, expanded = stack.pop()
            if expanded:
                found.append(function)
                continue
            if function in done:
                continue
            done.add(function)
            stack.append((function, True))
            stack.extend((x, False) for x, _ in reversed(function.next_functions) if x is not None and x not in done)
        operations = sum(getattr(function, "variable", None) is None for function in found)
        if operations > MOST:
            raise GraphError(
                f"this PyTorch graph has {grouped(operations)} operations, more than a figure can show ({MOST}); "
                "draw a part of it"
            )
        return found

    def _leaf(self, function: Any, variable: Any, number: int) -> None:
        name = self.held.get(id(variable), (None, None))[0]
        gradient = _numbers(variable.grad) if self.grads and variable.grad is not None else None
        letter = "W" if variable.ndim > 1 else "b" if variable.ndim == 1 else "x"
        self._add(
            function, name or f"{letter}_{number}", variable.shape, variable.dtype, _numbers(variable), gradient, number
        )

    def _operation(self, function: Any, number: int) -> None:
        symbol = _symbol(function)
        _, width = set_symbol(symbol, self.theme)
        inputs: list[Any] = [self.wires[x] for x, _ in function.next_functions if x is not None]
        gate = Gate(f"o{number}", inputs, [], symbol=partial(_set, symbol, self.theme), width=width)
        self.items.append(gate)
        metadata = function._input_metadata[0]  # of the gradient that comes in, which is shaped as what goes out
        held = self.held.get(function)
        value = _numbers(held[1]) if held else None
        kept = held is not None and self.grads and held[1].retains_grad and held[1].grad is not None
        gradient = _numbers(held[1].grad) if held is not None and kept else None
        name = self._name(function, "")
        wire = self._add(function, name, metadata.shape, metadata.dtype, value, gradient, number)
        wire.nameless = not name
        gate.outputs.append(wire)

    def _name(self, function: Any, otherwise: str) -> str:
        return self.held[function][0] if function in self.held else otherwise

    def _add(self, function: Any, name: str, shape: Any, dtype: Any, value: Any, gradient: Any, number: int) -> Wire:
        wire = Wire(f"v{number}", name, tuple(shape), str(dtype).removeprefix("torch."), value, gradient)
        self.wires[function] = wire
        self.items.append(wire)
        return wire


def _numbers(tensor: Any) -> Any:
    """Return a PyTorch tensor as an array, wherever it lives; one of more exotic kinds as nothing."""
    if tensor.is_complex():
        return None
    try:
        return tensor.detach().cpu().resolve_neg().numpy()
    except (RuntimeError, TypeError):
        return None


def _symbol(function: Any) -> str:
    """Return how a textbook writes PyTorch's operation: `MulBackward0` is ×."""
    name = re.sub(r"Backward\d*$", "", function.name())
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", re.sub(r"(\d)D", r"\1d", name)).lower()
    ours = _ALIASES.get(name, name)
    if ours in _PLAIN:
        return _PLAIN[ours]
    return registry[ours].notation.symbol if ours in registry else name.replace("_", " ")


def _set(symbol: str, theme: Theme, color: str) -> Html:
    return set_symbol(symbol, theme, color)[0]
