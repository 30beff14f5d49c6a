"""Which operations of a graph are unfolded, and whether a figure can hold what comes of it."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import numpy as np

from minidl.autodiff import formula
from minidl.errors import GraphError
from minidl.graph import Node, data_of

from ..drawing.notation import shape_text, tidy_name
from .unfold_rules import REDUCTIONS, ROW_RULES, count_of_terms, is_rearrangement

LARGEST: Final = 200
"""The most scalar operations, and the most scalars that are given, in one unfolded graph."""


def chosen(nodes: Sequence[Node], which: Collection[Node] | None) -> set[Node]:
    """Return the nodes whose operations to unfold: those of `which` that can be, and rearrangements that go with them.

    Args:
        nodes: all nodes of the graph, inputs before outputs.
        which: the ones that are wanted; all if None.

    Raises:
        GraphError: one of `which` is not computed in this graph.

    >>> import minidl
    >>> x = minidl.tensor([[1.0, 2.0]], requires_grad=True)
    >>> y = (x.T * 2.0).named("y")
    >>> [node.primitive.name for node in sorted(chosen([x, y.inputs[0], y], [y]), key=lambda node: node.order)]
    ['permute', 'mul']
    """
    computed = {node for node in nodes if node.primitive is not None}
    wanted = set(computed if which is None else which)
    if strangers := wanted - computed:
        raise GraphError(
            f"{len(strangers)} of the values to unfold are not computed in this graph; choose among the results of its "
            "operations"
        )
    wanted = {node for node in wanted if _can_unfold(node)}
    users: dict[Node, list[Node]] = {node: [] for node in nodes}
    for node in nodes:
        for x in node.inputs:
            if isinstance(x, Node):
                users[x].append(node)
    for node in reversed(nodes):
        if node in computed and users[node] and wanted.issuperset(users[node]) and rearranges(node):
            wanted.add(node)
    return wanted


def _can_unfold(node: Node) -> bool:
    assert node.primitive is not None
    if node.primitive.kind == "elementwise":
        return not any(np.ndim(value) for value in node.params.values())
    return node.primitive.kind != "general" or node.primitive.name in REDUCTIONS | ROW_RULES


def rearranges(node: Node) -> bool:
    """Whether a value has only elements of what it is computed from, or zeros.

    >>> import minidl
    >>> rearranges(minidl.tensor([[1.0, 2.0]], requires_grad=True).T)
    True
    """
    assert node.primitive is not None
    return is_rearrangement(node.primitive, shapes_of(node), node.params)


def shapes_of(node: Node) -> list[tuple[int, ...]]:
    """Return the shapes of what a value is computed from.

    >>> import minidl
    >>> shapes_of(minidl.tensor([1.0, 2.0], requires_grad=True) * 3.0)
    [(2,), ()]
    """
    return [np.shape(data_of(x)) for x in node.inputs]


def estimate(node: Node) -> int:
    """Return about how many operations a value unfolds into, without unfolding it.

    >>> import minidl
    >>> estimate(minidl.ones(3, 4, requires_grad=True) @ minidl.ones(4))
    15
    """
    assert node.primitive is not None
    size = math.prod(node.shape)
    if node.primitive.kind in {"linear", "multilinear"}:
        if rearranges(node):
            return size if size > 10 * LARGEST else 0  # an expand to a million elements is no mere wiring
        terms = count_of_terms(node.primitive, shapes_of(node), node.params)
        return size if node.primitive.kind == "linear" else terms + size * (terms > size)
    return size


def check_size(sizes: Mapping[Node, int], names: Mapping[Node, str]) -> None:
    """Refuse too many operations.

    Args:
        sizes: how many each original value unfolds into.
        names: what the original values are called.

    Raises:
        GraphError: naming the value with the most.
    """
    total = sum(sizes.values())
    if total > LARGEST:
        most = max(sizes, key=sizes.__getitem__)
        spoken = {x: tidy_name(name) for x, name in names.items()}
        raise GraphError(
            f"unfolding gives {total:,} scalar operations, more than a figure can show ({LARGEST}): "
            f"{spoken[most]} = {formula(most, spoken)} alone gives {sizes[most]:,}; unfold fewer, with expand=[…]"
        )


def check_starts(starts: Sequence[Node], names: Mapping[Node, str]) -> None:
    """Refuse too many elements to start with: of leaves, and of what is kept whole.

    Raises:
        GraphError: naming the largest array.
    """
    total = sum(math.prod(node.shape) for node in starts)
    if total > LARGEST:
        largest = max(starts, key=lambda node: math.prod(node.shape))
        raise GraphError(
            f"unfolding gives {total:,} scalars to start with, more than a figure can show ({LARGEST}): "
            f"{tidy_name(names[largest])} alone is {shape_text(largest.shape)}; unfold fewer operations, with expand=[…]"
        )
