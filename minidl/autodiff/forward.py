"""Forward mode: push a change of the inputs through the recorded graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..graph import Node, data_of
from .sweep import check_usable, order, quietly


def jvp(root: Node, tangents: Mapping[Node, Any]) -> Any:
    """Return how `root` moves, to first order, when each input moves by its tangent.

    Args:
        root: a recorded value.
        tangents: for some of the nodes it depends on, a change of that node, of its shape.

    Returns:
        An array of the root's shape.

    >>> import minidl
    >>> x = minidl.scalar(3.0)
    >>> float(jvp(x * x, {x: 0.5}))
    3.0
    """
    moved: dict[Node, Any] = {}
    with quietly(recording=False):
        for node in order(root):
            check_usable(node)
            if node in tangents:
                moved[node] = np.asarray(data_of(tangents[node]), node.dtype)
                continue
            own = [moved.get(x) if isinstance(x, Node) else None for x in node.inputs]
            if node.primitive is not None and any(t is not None for t in own):
                inputs = [data_of(x) for x in node.inputs]
                moved[node] = node.primitive.jvp(own, node._data, inputs, node.saved, node.params)
    return moved.get(root, np.zeros_like(root._data))
