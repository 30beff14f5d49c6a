"""Hooks: functions that a backward pass calls with a tensor's gradient."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Self

from ..errors import DtypeError, GraphError, ShapeError, UsageError
from ..graph import Node, describe

Value = Any
_keys = itertools.count()


class Handle:
    """What registering a hook returns: `remove()` takes the hook away again, and so does the end of a `with` block."""

    def __init__(self, hooks: dict[int, Callable[[Any], Any]], hook: Callable[[Any], Any]) -> None:
        self._hooks = hooks
        self._key = next(
            key for key in _keys if key not in hooks
        )  # hooks that came from another process keep their keys
        hooks[self._key] = hook

    def remove(self) -> None:
        """Take the hook away; a second time does nothing."""
        self._hooks.pop(self._key, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def register_hook(node: Node, hook: Callable[[Any], Any]) -> Handle:
    """Have every backward pass call `hook` with the node's complete gradient, which it may replace by what it returns.

    Raises:
        GraphError: a value without a gradient.
    """
    _check(hook)
    if not node.requires_grad:
        raise GraphError(f"register_hook: {describe(node)} does not require a gradient, so there will be none to see")
    extras = node.own_extras()
    if extras.hooks is None:
        extras.hooks = {}
    return Handle(extras.hooks, hook)


def register_post_accumulate_grad_hook(leaf: Node, hook: Callable[[Any], None]) -> Handle:
    """Have every `backward()` call `hook` with the leaf once its `.grad` is up to date.

    Raises:
        GraphError: not a leaf, or one without a gradient.
    """
    _check(hook)
    if not (leaf.is_leaf and leaf.requires_grad):
        raise GraphError(
            f"register_post_accumulate_grad_hook: {describe(leaf)} is no leaf that requires a gradient, and only those "
            "accumulate one; use register_hook"
        )
    extras = leaf.own_extras()
    if extras.after is None:
        extras.after = {}
    return Handle(extras.after, hook)


def _check(hook: Any) -> None:
    if not callable(hook):
        raise UsageError(f"a hook must be a function, got {type(hook).__name__}")


def call_hooks(node: Node, g: Value, create_graph: bool) -> Value:
    """Show a node's complete gradient to its hooks, in order; each may return another in its place.

    Raises:
        GraphError: a hook returned something else than a tensor, or nothing.
        ShapeError, DtypeError: a replacement of another shape or kind.
    """
    assert node.extras is not None
    for hook in tuple((node.extras.hooks or {}).values()):
        answer = hook(g if isinstance(g, Node) else node.result_class(g))
        if answer is None:
            continue
        if not isinstance(answer, Node):
            raise GraphError(
                f"a hook of {describe(node)} returned {type(answer).__name__}; return a tensor to replace the gradient, "
                "or nothing to leave it"
            )
        if answer.shape != node.shape:
            raise ShapeError(f"a hook of {describe(node)} returned a gradient of shape {answer.shape}")
        if answer.dtype != node.dtype:
            raise DtypeError(
                f"a hook of {describe(node)} returned a gradient of {answer.dtype}, but the tensor is {node.dtype}"
            )
        g = answer if create_graph else answer._data
    return g
