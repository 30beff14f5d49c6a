"""How a textbook names a layer: `conv 3×3`, `max pool 2×2`, `cross-entropy`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from minidl.graph import Node
from minidl.nn import Parameter

Family = Literal["input", "conv", "pool", "dense", "activation", "norm", "shape", "loss", "operation"]
"""The kinds of layer that a diagram fills in different colours."""


@dataclass(frozen=True)
class Layer:
    """A layer's family, which decides its fill, and its description."""

    family: Family
    text: str


_MODULES: dict[str, tuple[Family, str]] = {
    "Conv1d": ("conv", "conv"),
    "Conv2d": ("conv", "conv"),
    "Conv3d": ("conv", "conv"),
    "ConvTranspose2d": ("conv", "up-conv"),
    "MaxPool2d": ("pool", "max pool"),
    "AvgPool2d": ("pool", "mean pool"),
    "AdaptiveAvgPool2d": ("pool", "global pool"),
    "Linear": ("dense", "linear"),
    "Embedding": ("dense", "embedding"),
    "ReLU": ("activation", "ReLU"),
    "Sigmoid": ("activation", "sigmoid"),
    "Tanh": ("activation", "tanh"),
    "Softmax": ("activation", "softmax"),
    "LogSoftmax": ("activation", "log softmax"),
    "GELU": ("activation", "GELU"),
    "BatchNorm1d": ("norm", "batch norm"),
    "BatchNorm2d": ("norm", "batch norm"),
    "LayerNorm": ("norm", "layer norm"),
    "GroupNorm": ("norm", "group norm"),
    "Flatten": ("shape", "flatten"),
    "Dropout": ("shape", "dropout"),
    "CrossEntropyLoss": ("loss", "cross-entropy"),
    "MSELoss": ("loss", "squared error"),
}

_LOSSES = {
    "cross_entropy": "cross-entropy", "cross_entropy_of_classes": "cross-entropy", "log_softmax": "cross-entropy",
    "square": "squared error",
}  # fmt: skip

_OPERATIONS: dict[str, tuple[Family, str]] = {
    "relu": ("activation", "ReLU"),
    "sigmoid": ("activation", "sigmoid"),
    "tanh": ("activation", "tanh"),
    "gelu": ("activation", "GELU"),
    "softmax": ("activation", "softmax"),
    "log_softmax": ("activation", "log softmax"),
    "max_pool2d": ("pool", "max pool"),
    "avg_pool2d": ("pool", "mean pool"),
    "mean": ("pool", "mean"),
    "conv1d": ("conv", "conv"),
    "conv2d": ("conv", "conv"),
    "conv3d": ("conv", "conv"),
    "conv2d_input": ("conv", "up-conv"),
    "matmul": ("dense", "product"),
    "standardize": ("norm", "norm"),
    "batch_norm": ("norm", "batch norm"),
    "batch_norm_with": ("norm", "batch norm"),
    "layer_norm": ("norm", "layer norm"),
    "cat": ("operation", "concat"),
    "resample": ("shape", "resize"),
    "flatten": ("shape", "flatten"),
    "reshape": ("shape", "reshape"),
    "permute": ("shape", "permute"),
    "getitem": ("shape", "select"),
    "dropout": ("shape", "dropout"),
}

_PARTS: tuple[tuple[str, Family], ...] = (
    ("conv", "conv"), ("pool", "pool"), ("norm", "norm"), ("entropy", "loss"), ("loss", "loss"), ("relu", "activation"),
    ("matmul", "dense"), ("linear", "dense"), ("attention", "dense"), ("view", "shape"), ("expand", "shape"),
)  # fmt: skip
"""What a longer operation's name says about its family, the most telling first."""

_TELLING: tuple[Family, ...] = ("conv", "dense", "pool", "norm", "activation", "shape")


def describe_module(module: Any, nodes: Sequence[Node] = ()) -> Layer:
    """Describe a module by its class and, where it has one, its kernel's size.

    Args:
        module: the module.
        nodes: what it computed, which tells the family of a class that is not known by name.

    >>> class Conv2d:
    ...     kernel_size = 3
    >>> describe_module(Conv2d()).text
    'conv 3×3'
    """
    kind = type(module).__name__
    family, text = _MODULES.get(kind, (_family(nodes), kind))
    size = getattr(module, "kernel_size", None)
    if isinstance(size, int):
        size = (size, size)
    if isinstance(size, tuple):
        text = f"{text} {'×'.join(map(str, size))}"
    if kind == "Dropout":
        text = f"{text} {getattr(module, 'p', 0.5):g}"
    return Layer(family, text)


def _family(nodes: Sequence[Node]) -> Family:
    found = {_OPERATIONS[n.primitive.name][0] for n in nodes if n.primitive and n.primitive.name in _OPERATIONS}
    return next((family for family in _TELLING if family in found), "operation")


def family_of(operation: str) -> Family:
    """The kind of layer that an operation belongs to, by the primitive's name; its transposes belong to it too.

    >>> family_of("conv2d_weight"), family_of("batch_norm_relu"), family_of("permute"), family_of("exp")
    ('conv', 'norm', 'shape', 'operation')
    """
    if operation in _OPERATIONS:
        return _OPERATIONS[operation][0]
    return next((family for part, family in _PARTS if part in operation), "operation")


def describe_operation(nodes: list[Node], role: Literal["loss", "operation"]) -> Layer:
    """Describe operations that no leaf module made: the loss, or one operation of a module's own `forward`."""
    primitives = [node.primitive for node in nodes if node.primitive is not None]
    if role == "loss":
        known = [_LOSSES[primitive.name] for primitive in primitives if primitive.name in _LOSSES]
        return Layer("loss", known[0] if known else primitives[-1].name.replace("_", " "))
    last = primitives[-1]
    family, text = _OPERATIONS.get(last.name, ("operation", last.notation.symbol or last.name))
    return Layer(family, text)


def describe_function(nodes: Sequence[Node]) -> Layer:
    """Describe what a container's own `forward` computed between its modules, with the sizes of kernels.

    >>> import minidl
    >>> x = minidl.ones(1, 3, 8, 8).requires_grad_()
    >>> describe_function([minidl.nn.functional.max_pool2d(x, 2)]).text
    'max pool 2×2'
    """
    node = next((n for n in nodes if n.primitive and n.primitive.name in _OPERATIONS), nodes[-1])
    layer = describe_operation([node], "operation")
    if layer.text == "select" and isinstance(node.inputs[0], Parameter):
        return Layer("dense", "embedding")
    if layer.text == "resize" and node.shape[-1] > node.inputs[0].shape[-1]:
        return Layer("shape", f"upsample ×{node.shape[-1] / node.inputs[0].shape[-1]:.3g}")
    size = node.params.get("kernel_size")
    if node.primitive and re.fullmatch(r"conv\dd(_input)?", node.primitive.name):
        size = node.inputs[1].shape[2:]
    image = tuple(node.inputs[0].shape)
    if layer.family == "pool" and len(image) > 2 and (size is None or tuple(size) == image[-len(size) :]):
        return Layer("pool", f"global {'max' if 'max' in layer.text else 'mean'} pool")
    return Layer(layer.family, f"{layer.text} {'×'.join(map(str, size))}" if size is not None else layer.text)
