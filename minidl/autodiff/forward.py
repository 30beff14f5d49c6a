"""Forward mode: push a change of the inputs through the recorded graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..graph import Node, data_of, describe
from ..graph.mode import state
from ..kernels.device import brought_to, where_is
from ..primitives.shapes.shape import cast
from .checks import check_readable
from .reach import order
from .sweep import quietly

Value = Any


def jvp(root: Node, tangents: Mapping[Node, Value], create_graph: bool = False) -> Value:
    """Return how `root` moves, to first order, when each input moves by its tangent.

    Args:
        root: a recorded value.
        tangents: for some of the nodes it depends on, a change of that node, of its shape.
        create_graph: whether the result is itself recorded, and so a node, for further derivatives of either mode.

    Returns:
        An array of the root's shape; a node with `create_graph`.

    >>> import minidl
    >>> x = minidl.scalar(3.0)
    >>> float(jvp(x * x, {x: 0.5}))
    3.0
    """
    (moved,) = push([root], order(root), tangents, create_graph)
    if moved is None:
        return root.result_class(np.zeros_like(root._data)) if create_graph else np.zeros_like(root._data)
    return moved


def push(
    roots: Sequence[Node], nodes: Sequence[Node], tangents: Mapping[Node, Value], create_graph: bool
) -> list[Value | None]:
    """Push tangents through `nodes`, inputs before outputs; None for a root that does not move.

    Raises:
        ShapeError: a tangent of another shape than its node.
        GraphError: a value that a rule reads is freed or was changed.
    """
    moved: dict[Node, Value] = {}
    as_nodes = create_graph or state.tape is not None
    with quietly(recording=create_graph):
        for node in nodes:
            if node in tangents:
                moved[node] = _tangent(tangents[node], node, as_nodes)
                continue
            if node.primitive is None or not any(isinstance(x, Node) and x in moved for x in node.inputs):
                continue
            check_readable(node)
            own = [moved.get(x) if isinstance(x, Node) else None for x in node.inputs]
            out = node if as_nodes else node._data
            inputs = node.inputs if as_nodes else [data_of(x) for x in node.inputs]
            t = node.primitive.jvp(own, out, inputs, node.saved, node.params)
            moved[node] = cast(t, node._data.dtype) if hasattr(t, "dtype") else _array(t, node)
    return [moved.get(root) for root in roots]


def _array(number: Any, node: Node) -> Any:
    """A number that a rule gave, as an array where the node is."""
    return brought_to(np.asarray(number, node._data.dtype), where_is(node._data))


def _tangent(given: Value, node: Node, create_graph: bool) -> Value:
    array = data_of(given)
    array = array if hasattr(array, "shape") else np.asarray(array, node.dtype)
    if not isinstance(given, Node):
        array = brought_to(array, where_is(node._data))
    if array.shape != node.shape:
        raise ShapeError(f"the tangent of {describe(node)} has shape {array.shape}; it needs its node's, {node.shape}")
    if not create_graph:
        return array.astype(node.dtype, copy=False)
    return cast(given if isinstance(given, Node) else node.result_class(array), node.dtype)
