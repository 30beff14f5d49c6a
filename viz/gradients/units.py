"""What a deep network's gradients come to, layer by layer, read from one recorded graph.

A layer begins with each product of what flows through the network with a weight (a matrix product, a convolution) and
has with it all that follows up to the next one: bias, normalisation, activation, the addition of a skip connection. A
recurrent network has a layer for each use of its weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from minidl.autodiff import gradients, local_derivative, order
from minidl.errors import GraphError, UsageError
from minidl.graph import Node

SATURATED_BELOW: Final = 0.01
"""An activation is saturated for an example where the size of its derivative is below this."""

SATURATING: Final = frozenset({"sigmoid", "tanh", "softsign", "hardtanh", "hardsigmoid"})
"""Activations that flatten towards both ends, of which the saturated share is told."""

DYING: Final = frozenset({"relu", "relu6", "threshold"})
"""Activations that are flat on one side, of which the share of dead units is told."""

ACTIVATIONS: Final = (
    SATURATING
    | DYING
    | {"leaky_relu", "prelu", "hardswish", "elu", "selu", "celu", "softplus", "silu", "mish", "gelu", "gelu_tanh"}
)  # fmt: skip
"""The primitives that are a layer's activation function."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A layer as a thermometer shows it. A norm is Euclidean, over everything: all units, all examples of the batch.

    Attributes:
        name: the module's path (`conv1`), or the weight's name, or empty.
        shape: the shape of what it hands on, batch axis included.
        gradient: the norm of ∂L/∂h, h being what it hands on; 0 where none arrives.
        weight_gradient: the norm of ∂L/∂W, of its weight.
        activation: how a textbook writes its activation function, such as `σ`; empty if it has none.
        slope: the mean size of the activation's derivative over units and examples.
        saturated: of an activation that flattens towards both ends, the share of units × examples for which the size of
            its derivative is below 0.01.
        dead: of an activation such as ReLU, the share of its units (channels of a convolution) whose derivative is zero
            for every example of the batch (and everywhere in the image).
    """

    name: str
    shape: tuple[int, ...]
    gradient: float
    weight_gradient: float | None = None
    activation: str = ""
    slope: float | None = None
    saturated: float | None = None
    dead: float | None = None


def units(loss: Node, model: Any = None) -> tuple[Unit, ...]:
    """Read off each layer's numbers. Nothing is changed: the gradients come from a sweep of their own.

    Args:
        loss: a number, computed from a network with recording on.
        model: the module that made it, for the layers' names; without it, weights are the leaves that want gradients.

    Raises:
        UsageError: `model` is no module.
        GraphError: `loss` is no single number, has no graph, or there is no layer with a weight in it.

    >>> import minidl
    >>> from minidl import nn
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Sigmoid(), nn.Linear(3, 1))
    >>> [unit.activation for unit in units(model(minidl.ones(4, 2)).mean(), model)]
    ['σ', '']
    """
    if not isinstance(loss, Node) or loss.data.size != 1 or not loss.requires_grad or loss.is_leaf:
        raise GraphError("a thermometer needs a loss: one number, computed with recording on")
    if model is not None and not hasattr(model, "named_parameters"):
        raise UsageError(f"the model must be a module with named_parameters(); got {type(model).__name__}")
    parts = split(loss, model)
    found = gradients(loss)
    return tuple(_unit(part, found) for part in parts)


@dataclass(frozen=True, slots=True)
class Part:
    """The nodes of one layer, in the order in which they were computed; the last layer's loss is not among them."""

    name: str
    weight: Node
    nodes: tuple[Node, ...]

    @property
    def output(self) -> Node:
        """What it hands on."""
        return self.nodes[-1]

    @property
    def activation(self) -> Node | None:
        """The node of its activation function, the last if there are several."""
        named = (node for node in reversed(self.nodes) if node.primitive and node.primitive.name in ACTIVATIONS)
        return next(named, None)


def split(root: Node, model: Any = None) -> list[Part]:
    """Divide the graph of a loss, or of a network's output, into layers.

    Raises:
        GraphError: there is no layer with a weight in it.
    """
    nodes = order(root)
    names = {} if model is None else {id(parameter): path for path, parameter in model.named_parameters()}
    weights = _weights(nodes, names if model is not None else None)
    computed = sorted((node for node in nodes if not node.is_leaf), key=lambda node: node.order)
    starts = [i for i, node in enumerate(computed) if _is_start(node, weights)]
    if not starts:
        raise GraphError(
            "there is no layer in this graph: no matrix product or convolution with a weight that wants a gradient"
            + (" and belongs to the model" if model is not None else "")
        )
    reads = [i for i, node in enumerate(computed) if node.scope or any(id(x) in weights for x in _inputs(node))]
    end = max([*reads, starts[-1]]) + 1
    while end < len(computed) and _is_activation_of(computed[end], computed[end - 1]):
        end += 1
    parts = []
    for start, stop in zip(starts, [*starts[1:], end], strict=True):
        # Views of the next weight (its transpose) are no part of what flows through the network.
        run = [node for node in computed[start:stop] if id(node) not in weights]
        weight = [weights[id(x)] for x in _inputs(run[0]) if id(x) in weights][-1]
        name = names.get(id(weight), weight.name or "")
        parts.append(Part(name.removesuffix(".weight"), weight, tuple(run)))
    return parts


def _is_activation_of(node: Node, before: Node) -> bool:
    return node.primitive is not None and node.primitive.name in ACTIVATIONS and node.inputs[0] is before


def _inputs(node: Node) -> list[Node]:
    return [x for x in node.inputs if isinstance(x, Node)]


def _weights(nodes: Sequence[Node], names: dict[int, str] | None) -> dict[int, Node]:
    """The parameters, and what is computed from one parameter alone, each with that parameter."""
    weights: dict[int, Node] = {}
    for node in nodes:
        inputs = _inputs(node)
        if node.is_leaf:
            if id(node) in names if names is not None else node.requires_grad:
                weights[id(node)] = node
        elif len({id(weights.get(id(x))) for x in inputs}) == 1 and id(inputs[0]) in weights:
            weights[id(node)] = weights[id(inputs[0])]
    return weights


def _is_start(node: Node, weights: dict[int, Node]) -> bool:
    inputs = _inputs(node)
    is_product = node.primitive is not None and node.primitive.kind == "multilinear" and len(node.inputs) > 1
    return is_product and id(node) not in weights and any(id(x) in weights and x.ndim > 1 for x in inputs)


def _norm(gradient: Any) -> float:
    if gradient is None:
        return 0.0
    with np.errstate(all="ignore"):
        return float(np.linalg.norm(np.asarray(gradient, dtype=np.float64).ravel()))


def _unit(part: Part, found: dict[Node, Any]) -> Unit:
    output, weight, node = part.output, part.weight, part.activation
    unit = Unit(part.name, tuple(output.shape), _norm(found.get(output)), _norm(found.get(weight)))
    if node is None or node.primitive is None:
        return unit
    derivative: NDArray[Any] = np.abs(np.asarray(local_derivative(node, 0), dtype=np.float64))
    derivative = np.broadcast_to(derivative, node.shape)
    name, saturated, dead = node.primitive.name, None, None
    if name in SATURATING:
        saturated = float(np.mean(derivative < SATURATED_BELOW))
    if name in DYING:
        others = tuple(axis for axis in range(derivative.ndim) if axis != 1) if derivative.ndim > 1 else ()
        dead = float(np.mean(np.all(derivative == 0, axis=others) if others else derivative == 0))
    return Unit(
        unit.name, unit.shape, unit.gradient, unit.weight_gradient, node.primitive.notation.symbol,
        float(np.mean(derivative)), saturated, dead,
    )  # fmt: skip
