"""Checkpointing: forget what a part of the forward pass computed, and compute it again when the backward pass asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import UsageError
from ..graph import Node, is_grad_enabled
from ..graph.history import drop
from ..graph.node import clock
from .reach import order
from .trees import nodes_of


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool = False,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """Call `function` so that its record takes little memory: less memory for more time.

    The record stays, but the arrays in it go. Whoever reads one (the backward pass, a figure) has it computed again from
    the arguments, once for the whole function; as the backward pass moves on they go again. Nothing random is drawn twice:
    what was drawn is part of the record.

    Args:
        function: any function of tensors; those it closes over, such as parameters, get their gradients too.
        args: its arguments.
        use_reentrant: only False, PyTorch's recommended kind.
        preserve_rng_state: accepted as in PyTorch; nothing is drawn again, so it changes nothing.
        kwargs: its keyword arguments.

    Returns:
        What `function` returns.

    Source: Chen et al., 2016, "Training deep nets with sublinear memory cost".

    >>> import minidl
    >>> x = minidl.tensor([1.0, 2.0], requires_grad=True)
    >>> checkpoint(lambda v: minidl.exp(minidl.sin(v)).sum(), x).backward()
    >>> bool(x.grad is not None)
    True
    """
    if use_reentrant:
        raise UsageError("checkpoint: only use_reentrant=False is offered, the kind that PyTorch recommends")
    if not callable(function):
        raise UsageError(f"checkpoint: the first argument is the function to run, got {function!r:.60}")
    if not is_grad_enabled():
        return function(*args, **kwargs)
    start = next(clock)
    result = function(*args, **kwargs)
    outputs = [y for y in nodes_of(result) if y.requires_grad]
    kept = set(outputs)
    for node in order(*outputs) if outputs else ():
        if node.order > start and node not in kept and _can_be_recomputed(node):
            drop(node)
    return result


def _can_be_recomputed(node: Node) -> bool:
    """Not a leaf made on the way, and not what was written to in place."""
    in_place = node.extras is not None and node.extras.earlier is not None
    as_made = node.changed <= node.order or (node._changes is not None and node._changes.recorded)
    return node.primitive is not None and not node.freed and as_made and not in_place
