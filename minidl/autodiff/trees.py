"""Tensors in nested tuples, lists and dictionaries: taken apart, and put together again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..graph import Node

Tree = Any


def leaves(tree: Tree) -> list[Any]:
    """What is in the containers, in order; dictionaries in the order of their keys' insertion.

    >>> leaves({"a": 1, "b": (2, [3])})
    [1, 2, 3]
    """
    if isinstance(tree, tuple | list):
        return [leaf for part in tree for leaf in leaves(part)]
    if isinstance(tree, dict):
        return [leaf for part in tree.values() for leaf in leaves(part)]
    return [tree]


def structure(tree: Tree) -> Any:
    """What holds the leaves: the kinds of the containers, how much is in each, and the names in dictionaries.

    >>> structure([1, (2,)]) == structure([3, (4,)]), structure({"a": 1}) == structure({"b": 1})
    (True, False)
    """
    if isinstance(tree, tuple | list):
        return type(tree), tuple(structure(part) for part in tree)
    if isinstance(tree, dict):
        return dict, tuple((name, structure(part)) for name, part in tree.items())
    return None


def rebuild(tree: Tree, new: Sequence[Any]) -> Tree:
    """The same containers around other leaves.

    >>> rebuild({"a": 1, "b": (2, [3])}, "xyz")
    {'a': 'x', 'b': ('y', ['z'])}
    """
    return _rebuild(tree, iter(new))


def _rebuild(tree: Tree, new: Iterator[Any]) -> Tree:
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(_rebuild(part, new) for part in tree))
    if isinstance(tree, tuple | list):
        return type(tree)(_rebuild(part, new) for part in tree)
    if isinstance(tree, dict):
        return {key: _rebuild(part, new) for key, part in tree.items()}
    return next(new)


def map_leaves(function: Callable[[Any], Any], tree: Tree) -> Tree:
    """Apply a function to each leaf."""
    return rebuild(tree, [function(leaf) for leaf in leaves(tree)])


def nodes_of(tree: Tree) -> list[Node]:
    """The leaves that are nodes."""
    return [leaf for leaf in leaves(tree) if isinstance(leaf, Node)]
