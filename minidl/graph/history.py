"""What holds when values change: which earlier value a record means, and how a dropped value is computed again."""

from __future__ import annotations

from typing import Any

from ..errors import GraphError
from .node import Node, data_of

_slot: Any = Node.__dict__["_data"]
"""Where a node's array is kept; to ask here recomputes nothing."""


def describe(node: Node) -> str:
    """Name a node for a message: its own name, or what made it, with its shape."""
    what = node.name or (f"a result of {node.primitive.name}" if node.primitive else "a tensor")
    where = f" in {node.scope}" if node.scope else ""
    shape = () if is_missing(node) else node.shape
    return f"{what} {shape}{where}" if shape else f"{what}{where}"


def as_recorded(node: Node) -> None:
    """Let a record name the values it was computed from, where an in-place operation has made them newer ones since.

    Raises:
        GraphError: the value from then is forgotten.
    """
    node.inputs = tuple(_before(x, node) if isinstance(x, Node) and x.order > node.order else x for x in node.inputs)


def _before(x: Node, node: Node) -> Node:
    newer = x
    while x.order > node.order:
        if x.extras is None or x.extras.earlier is None:
            raise changed_error(newer, node)
        x = x.extras.earlier
    return x


def changed_error(x: Node, node: Node) -> GraphError:
    """The error about a value `x` that changed after `node` was computed from it."""
    place = x._changes.place if x._changes is not None else None
    at = f" at {place}" if place is not None else ""
    since = "it was computed" if x is node else f"{describe(node)} was computed from it"
    return GraphError(
        f"{describe(x)} was changed in place{at} after {since}, so the recorded value is gone; "
        "differentiate and draw before step() or x.data -= …, write x = x + … for x += …, or compute again"
    )


def check_kept(node: Node) -> None:
    """Refuse a node whose record was freed.

    Raises:
        GraphError: saying who freed it, and what to do.
    """
    if node.freed:
        raise GraphError(
            f"the values that {describe(node)} kept for its derivative were freed by an earlier "
            "backward(retain_graph=False); call that one without it, or compute again"
        )


def recompute(node: Node) -> None:
    """Compute a dropped value again from its record, and those it needs, inputs first and without recursion.

    Raises:
        GraphError: what it was computed from is freed or has changed.
    """
    found = {node}
    stack = [node]
    while stack:
        top = stack.pop()
        check_kept(top)
        as_recorded(top)
        for x in top.inputs:
            if isinstance(x, Node) and x not in found and is_missing(x):
                found.add(x)
                stack.append(x)
    for lost in sorted(found, key=lambda n: n.order):
        for x in lost.inputs:
            if isinstance(x, Node) and x.changed > lost.order and not (x._changes and x._changes.kept):
                raise changed_error(x, lost)
        assert lost.primitive is not None
        arrays = [data_of(x) for x in lost.inputs]
        lost._data, lost.saved = lost.primitive.compute(arrays, lost.params, lost.inputs)
        if lost._changes is not None and lost._changes.recorded:
            lost._changes = None


def drop(node: Node) -> None:
    """Forget a node's values; whoever reads them has them computed again."""
    node.own_extras().dropped = True
    if not is_missing(node):
        del node._data, node.saved


def is_missing(node: Node) -> bool:
    """Whether its values were dropped."""
    try:
        _slot.__get__(node)
    except AttributeError:
        return True
    return False
