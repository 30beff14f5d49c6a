"""The record of a computation on a GPU as one on the CPU, for those who look at every number of it: derivations and slides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..graph import Node
from ..graph.history import as_recorded
from ..kernels import DeviceArray
from ..kernels.device import CPU, Device, fetched


def on_the_cpu(root: Any, *given: Any) -> tuple[Any, ...]:
    """Copy a graph whose values are on a GPU to the CPU; what is there already is returned as it is.

    Args:
        root: a recorded value.
        given: what else names nodes of the graph: nodes, or sequences and dictionaries with nodes in them.

    Returns:
        The copy of `root`, and what was given with the copies in the place of the nodes.

    >>> import minidl
    >>> x = minidl.scalar(2.0)
    >>> on_the_cpu(x * x, {"x": x})[1]["x"] is x
    True
    """
    twins = _twins(root) if isinstance(root, Node) else {}
    return tuple(_with(twins, part) for part in (root, *given)) if twins else (root, *given)


def _twins(root: Node) -> dict[Node, Node]:
    """A copy for each node that `root` was computed from; none at all where no number of theirs is on a GPU."""
    found, stack = {root}, [root]
    while stack:
        node = stack.pop()
        as_recorded(node)
        for x in node.inputs:
            if isinstance(x, Node) and x not in found:
                found.add(x)
                stack.append(x)
    if not any(x.__class__ is DeviceArray for node in found for x in (node._data, *node.inputs)):
        return {}
    twins: dict[Node, Node] = {}
    for node in sorted(found, key=lambda n: n.order):
        twin: Node = object.__new__(type(node))
        Node.__init__(twin, fetched(node._data), node._requires_grad, node.name)
        twin.primitive, twin.scope = node.primitive, node.scope
        twin.inputs, twin.params, twin.saved = (_with(twins, part) for part in (node.inputs, node.params, node.saved))
        twins[node] = twin
    return twins


def _with(twins: Mapping[Node, Node], part: Any) -> Any:
    """The same with copies for nodes, and NumPy's arrays for the device's."""
    if isinstance(part, Node):
        if part in twins or part._data.__class__ is not DeviceArray:
            return twins.get(part, part)
        return part.result_class(fetched(part._data))  # one that is no part of the graph
    if isinstance(part, Device):
        return CPU
    if isinstance(part, Mapping):
        return {_with(twins, key): _with(twins, value) for key, value in part.items()}
    if isinstance(part, tuple):
        parts = [_with(twins, item) for item in part]
        made = type(part)(*parts) if hasattr(part, "_fields") else type(part)(parts)
        vars(made).update(vars(part)) if hasattr(part, "__dict__") else None  # a `Grid` knows its axis
        return made
    return [_with(twins, item) for item in part] if isinstance(part, list) else fetched(part)
