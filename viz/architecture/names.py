"""How a textbook names a layer: `conv 3×3`, `max pool 2×2`, `cross-entropy`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from minidl.graph import Node

Family = Literal["input", "conv", "pool", "dense", "activation", "shape", "loss", "operation"]
"""The kinds of layer that a diagram fills in different colours."""


@dataclass(frozen=True)
class Layer:
    """A layer's family, which decides its fill, and its description."""

    family: Family
    text: str


_MODULES: dict[str, tuple[Family, str]] = {
    "Conv2d": ("conv", "conv"),
    "MaxPool2d": ("pool", "max pool"),
    "AvgPool2d": ("pool", "mean pool"),
    "Linear": ("dense", "linear"),
    "ReLU": ("activation", "ReLU"),
    "Sigmoid": ("activation", "sigmoid"),
    "Tanh": ("activation", "tanh"),
    "Softmax": ("activation", "softmax"),
    "LogSoftmax": ("activation", "log softmax"),
    "Flatten": ("shape", "flatten"),
    "Dropout": ("shape", "dropout"),
    "CrossEntropyLoss": ("loss", "cross-entropy"),
    "MSELoss": ("loss", "squared error"),
}

_LOSSES = {"cross_entropy": "cross-entropy", "log_softmax": "cross-entropy", "square": "squared error"}

_OPERATIONS: dict[str, tuple[Family, str]] = {
    "relu": ("activation", "ReLU"),
    "sigmoid": ("activation", "sigmoid"),
    "tanh": ("activation", "tanh"),
    "softmax": ("activation", "softmax"),
    "log_softmax": ("activation", "log softmax"),
    "max_pool2d": ("pool", "max pool"),
    "avg_pool2d": ("pool", "mean pool"),
    "conv2d": ("conv", "conv"),
    "matmul": ("dense", "product"),
    "flatten": ("shape", "flatten"),
    "reshape": ("shape", "reshape"),
    "dropout": ("shape", "dropout"),
}


def describe_module(module: Any) -> Layer:
    """Describe a module by its class and, where it has one, its kernel's size.

    >>> class Conv2d:
    ...     kernel_size = 3
    >>> describe_module(Conv2d()).text
    'conv 3×3'
    """
    kind = type(module).__name__
    family, text = _MODULES.get(kind, ("operation", kind))
    size = getattr(module, "kernel_size", None)
    if size is not None:
        rows, columns = size if isinstance(size, tuple) else (size, size)
        text = f"{text} {rows}×{columns}"
    if kind == "Dropout":
        text = f"{text} {getattr(module, 'p', 0.5):g}"
    return Layer(family, text)


def describe_operation(nodes: list[Node], role: Literal["loss", "operation"]) -> Layer:
    """Describe operations that no leaf module made: the loss, or one operation of a module's own `forward`."""
    primitives = [node.primitive for node in nodes if node.primitive is not None]
    if role == "loss":
        known = [_LOSSES[primitive.name] for primitive in primitives if primitive.name in _LOSSES]
        return Layer("loss", known[0] if known else primitives[-1].name.replace("_", " "))
    last = primitives[-1]
    family, text = _OPERATIONS.get(last.name, ("operation", last.notation.symbol or last.name))
    return Layer(family, text)
