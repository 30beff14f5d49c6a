"""Folding a recorded graph to the level of modules: one stage a layer, one link a value that passes between two.

Nodes are taken in the order in which they were recorded. A leaf module's nodes are one stage for each call of it; an
operation outside every leaf module is a stage of its own; what follows the last layer is the loss. A run of consecutive
nodes can only depend on earlier runs, so the folded graph never has a cycle, also when a module is called twice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.autodiff import backward_events, order
from minidl.errors import GraphError
from minidl.graph import Node

from ..architecture.names import Layer, describe_module, describe_operation


@dataclass(frozen=True)
class Weight:
    """A parameter of a stage.

    Attributes:
        name: its name in the module, such as `weight`.
        shape: its shape.
        norm: the Euclidean norm of what this stage sends to its gradient, or None where no gradient arrives.
    """

    name: str
    shape: tuple[int, ...]
    norm: float | None


@dataclass(frozen=True)
class Stage:
    """A box of the diagram.

    Attributes:
        name: the module's path (`conv1`, `features.0`), `input`, `loss`, or the operation's name.
        layer: what kind of layer it is and how a textbook writes it.
        shape: the shape of what it puts out, batch axis included.
        weights: its parameters.
    """

    name: str
    layer: Layer
    shape: tuple[int, ...]
    weights: tuple[Weight, ...] = ()

    @property
    def count(self) -> int:
        """The number of its parameters."""
        return sum(math.prod(weight.shape) for weight in self.weights)


@dataclass(frozen=True)
class Link:
    """A value that one stage hands to another, and the gradient that comes back along the same way.

    Attributes:
        source: the position of the stage that made the value.
        target: the position of the stage that used it.
        shape: the value's shape.
        norm: the Euclidean norm of the gradient that `target` sends back, or None where none is sent.
    """

    source: int
    target: int
    shape: tuple[int, ...]
    norm: float | None


@dataclass(frozen=True)
class Passes:
    """A network's forward and backward pass, folded.

    Attributes:
        stages: the boxes, in the order in which they were computed.
        links: the wires between them.
        loss: the value of the loss.
        batch: the number of examples, or None when the graph does not tell.
    """

    stages: tuple[Stage, ...]
    links: tuple[Link, ...]
    loss: float
    batch: int | None


def fold(loss: Node, model: Any) -> Passes:
    """Fold the graph of `loss` to one stage for each leaf module of `model`.

    Args:
        loss: a scalar, computed with recording on.
        model: the module whose leaf modules made it.

    Returns:
        The stages, the links between them and the gradient norms of both.

    Raises:
        GraphError: `loss` is no scalar or has no graph.
    """
    if math.prod(loss.shape) != 1:
        raise GraphError(f"passes are drawn for a scalar loss; this one has shape {loss.shape}: take its mean")
    computed = sorted((node for node in order(loss) if not node.is_leaf), key=lambda node: node.order)
    if not computed:
        raise GraphError("the loss has no graph: compute it with recording on, from parameters that require gradients")
    modules = leaf_modules(model)
    names = {id(parameter): path for path, parameter in model.named_parameters()}
    runs = _runs(computed, modules, names)
    group_of = {id(node): position for position, (_, nodes) in enumerate(runs) for node in nodes}
    sent = _sent(loss, group_of)
    return _Folding(runs, group_of, names, sent, modules).passes(loss)


def leaf_modules(model: Any) -> dict[str, Any]:
    """The modules of `model` that contain no other, by path."""
    modules = dict(model.named_modules())
    parents = {path.rpartition(".")[0] for path in modules if path}
    return {path: module for path, module in modules.items() if path and path not in parents}


Run = tuple[str, list[Node]]


def _runs(computed: list[Node], modules: Mapping[str, Any], names: Mapping[int, str]) -> list[Run]:
    """Consecutive nodes of a leaf module, single nodes outside them, and all that follows the last layer as the loss.

    The last layer ends with the last node that belongs to a leaf module or reads a parameter.
    """
    layers = [node.scope in modules or any(id(x) in names for x in node.inputs) for node in computed]
    last_layer = max((i for i, is_layer in enumerate(layers) if is_layer), default=-1)
    runs: list[Run] = []
    for i, node in enumerate(computed):
        key = "loss" if i > last_layer else node.scope if node.scope in modules else ""
        if key and runs and runs[-1][0] == key:
            runs[-1][1].append(node)
        else:
            runs.append((key, [node]))
    return runs


def _sent(loss: Node, group_of: Mapping[int, int]) -> dict[tuple[int, int], Any]:
    """The gradient that each group sends to each node outside it: keyed by the node's id and the group's position."""
    sent: dict[tuple[int, int], Any] = {}
    for event in backward_events(loss):
        group = group_of.get(id(event.node))
        if group is None:
            continue
        for contribution in event.contributions:
            key = (id(contribution.node), group)
            if group_of.get(key[0]) != group:
                value = np.asarray(contribution.value, dtype=np.float64)
                sent[key] = sent[key] + value if key in sent else value
    return sent


def _norm(value: Any) -> float | None:
    return None if value is None else float(np.linalg.norm(np.ravel(value)))


@dataclass
class _Folding:
    """What the stages and links are read off from."""

    runs: list[Run]
    group_of: Mapping[int, int]
    names: Mapping[int, str]
    sent: Mapping[tuple[int, int], Any]
    modules: Mapping[str, Any]

    def passes(self, loss: Node) -> Passes:
        inputs = self._input_nodes()
        first = len(inputs)
        stages = [Stage(node.name or "input", Layer("input", ""), tuple(node.shape)) for node in inputs]
        stages += [self._stage(key, nodes, group) for group, (key, nodes) in enumerate(self.runs)]
        place = {id(node): i for i, node in enumerate(inputs)}
        links = [
            Link(source, group + first, shape, _norm(self.sent.get((key, group))))
            for group, (_, nodes) in enumerate(self.runs)
            for key, (source, shape) in self._sources(nodes, group, place, first).items()
        ]
        batch = inputs[0].shape[0] if inputs and inputs[0].ndim > 1 else None
        return Passes(tuple(stages), tuple(links), float(loss.data), batch)

    def _input_nodes(self) -> list[Node]:
        """What a person fed in: the leaves that the first stage reads, and any other leaf that wants a gradient."""
        found: dict[int, Node] = {}
        for group, (_, nodes) in enumerate(self.runs):
            for x in (x for node in nodes for x in node.inputs if isinstance(x, Node) and x.is_leaf):
                if id(x) not in self.names and (group == 0 or x.requires_grad):
                    found[id(x)] = x
        return [node for node in found.values() if node.ndim > 0]

    def _sources(
        self, nodes: list[Node], group: int, place: Mapping[int, int], first: int
    ) -> dict[int, tuple[int, tuple[int, ...]]]:
        """The values that a group reads from others: position of the stage that made each, and the value's shape."""
        sources = {}
        for node in nodes:
            for x in node.inputs:
                if not isinstance(x, Node):
                    continue
                made_by = self.group_of.get(id(x))
                if made_by is not None and made_by != group:
                    sources[id(x)] = (made_by + first, tuple(x.shape))
                elif id(x) in place:
                    sources[id(x)] = (place[id(x)], tuple(x.shape))
        return sources

    def _stage(self, key: str, nodes: list[Node], group: int) -> Stage:
        if key == "loss" and key not in self.modules:
            layer = describe_operation(nodes, "loss")
        elif key:
            layer = describe_module(self.modules[key])
        else:
            layer = describe_operation(nodes, "operation")
        parameters = {id(x): x for node in nodes for x in node.inputs if id(x) in self.names}
        weights = tuple(
            Weight(self.names[i].rpartition(".")[2], tuple(parameter.shape), _norm(self.sent.get((i, group))))
            for i, parameter in parameters.items()
        )
        name = key or nodes[-1].name or str(nodes[-1].primitive.name if nodes[-1].primitive else "")
        return Stage(name, layer, tuple(nodes[-1].shape), weights)
