"""Which nodes a backward pass concerns: all that an output depends on, or only the ways to some of them."""

from __future__ import annotations

from collections.abc import Iterable, Set

from ..graph import Node
from ..graph.history import as_recorded, check_kept
from ..graph.node import Changes


def order(*roots: Node) -> list[Node]:
    """List the nodes that the roots depend on and that require gradients, inputs before outputs.

    >>> import minidl
    >>> x = minidl.scalar(3.0, name="x")
    >>> [n.primitive.name if n.primitive else n.name for n in order(x * x + x)]
    ['x', 'mul', 'add']
    """
    seen = set(roots)
    stack = list(seen)
    found = []
    while stack:
        node = stack.pop()
        when = node.order
        for x in node.inputs:
            if isinstance(x, Node):
                if x.order > when:  # changed in place since: the record means an earlier value
                    as_recorded(node)
                    stack.append(node)
                    break
                if x._requires_grad and x not in seen:
                    seen.add(x)
                    stack.append(x)
        else:
            found.append(node)
    found.sort(key=_tick)
    return found


def _tick(node: Node) -> int:
    return node.order


def strays(node: Node, targets: Set[Node]) -> bool:
    """Whether a node would send to a leaf whose gradient nobody asks for."""
    for x in node.inputs:  # noqa: SIM110  (`any` of a generator takes three times as long)
        if isinstance(x, Node) and x.primitive is None and x._requires_grad and x not in targets:
            return True
    return False


def leading_to(targets: Set[Node], roots: Iterable[Node]) -> set[Node]:
    """The targets, and what lies on a way from the roots to them.

    Raises:
        GraphError: the record of something on the way is freed or has changed.
    """
    oldest = min(target.order for target in targets)
    found = list(roots)
    seen = set(found)
    for node in found:
        if node.order < Changes.latest or not node.inputs:
            check_kept(node)
            as_recorded(node)
        for x in node.inputs:
            if isinstance(x, Node) and x._requires_grad and x not in seen and x.order >= oldest:
                seen.add(x)
                found.append(x)
    useful = set(targets)
    for node in sorted(found, key=_tick):
        if any(isinstance(x, Node) and x in useful for x in node.inputs):
            useful.add(node)
    return useful
