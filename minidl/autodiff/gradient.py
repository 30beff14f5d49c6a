"""Gradients: of one output with respect to some inputs, to all leaves, or to every node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import DtypeError, GraphError, MinidlError, UsageError
from ..graph import Node, data_of, describe
from ..graph.mode import state
from ..kernels import ARRAYS, DeviceArray
from ..primitives.elementwise.arithmetic import clone
from .sweep import BackwardEvent, backward_events, backward_pass, starting_cotangent, sweep

Value = Any


def _as_node(value: Value, like: Node) -> Node:
    """Wrap a gradient's array as a node of the tensor's own class."""
    return value if isinstance(value, Node) else like.result_class(value)


def backward(
    root: Node,
    gradient: Value = None,
    retain_graph: bool = True,
    create_graph: bool = False,
    inputs: Node | Sequence[Node] | None = None,
) -> None:
    """Add ∂root/∂leaf to the `.grad` of every leaf that requires it, and of nodes marked with `retain_grad()`.

    Args:
        root: the value to differentiate.
        gradient: the gradient to start with, of the root's shape; 1 by default for a single number.
        retain_graph: whether the graph can be used again. (PyTorch's default is False; here drawing it is the point.)
        create_graph: whether the gradients are themselves recorded, for second derivatives.
        inputs: only these nodes receive gradients; all leaves by default.

    Raises:
        GraphError: nothing to differentiate, or several numbers without `gradient`.
    """
    _tensors([root], "backward")
    wanted = None if inputs is None else set(_tensors(inputs, "backward: inputs"))
    if wanted is not None and not wanted:
        raise GraphError("backward: inputs is empty; leave it out to give every leaf its gradient")
    for node in wanted or ():
        if not (isinstance(node, Node) and node.requires_grad):
            raise _unwanted(node, "backward")
    start = starting_cotangent(root, gradient)
    as_nodes = create_graph or not (state.plain or state.tape is None)
    if as_nodes and not create_graph and gradient is wanted is None and state.tape.scalars(root):
        return
    start = _as_node(start, root) if as_nodes else data_of(start)
    with backward_pass(recording=create_graph):
        for event in sweep({root: start}, as_nodes, not retain_graph, wanted, watched=False):
            node = event.node
            _accumulate(node, event, create_graph)
            if node.extras is not None and node.extras.after:
                for hook in tuple(node.extras.after.values()):
                    hook(node)


def _accumulate(node: Node, event: BackwardEvent, create_graph: bool) -> None:
    g = event.upstream
    if event.own and node._grad is None and state.plain:  # the usual case: an array that is nobody else's
        node._grad = node.result_class(g)
    elif node.grad is not None:
        node.grad = node.grad + _as_node(g, node)
    elif create_graph:
        node.grad = g
    elif isinstance(g, Node):
        node.grad = clone(g)
    else:  # the sweep may hand one array to several inputs
        node.grad = _as_node(g if event.own else copied(g), node)


def grad(
    outputs: Node | Sequence[Node],
    inputs: Node | Sequence[Node],
    grad_outputs: Value = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """Return the gradients of `outputs` with respect to `inputs`; no `.grad` changes.

    Args:
        outputs: one value, or several, whose gradients add up.
        inputs: the values to differentiate with respect to; any nodes, not only leaves.
        grad_outputs: the gradient to start with, one an output; 1 by default for single numbers.
        retain_graph: whether the graph can be used again; True by default.
        create_graph: whether the gradients are themselves recorded, for second derivatives.
        allow_unused: whether an input that the outputs do not depend on gives None instead of an error.
        is_grads_batched: only False; call once for each gradient of a batch, or use `minidl.func.jacobian`.
        materialize_grads: whether such an input gives zeros instead.

    Raises:
        GraphError: an input is not part of the graph and `allow_unused` is not set.
        UsageError: batched gradients, or `allow_unused=False` beside `materialize_grads`.

    >>> import minidl
    >>> x = minidl.tensor(3.0, requires_grad=True)
    >>> (dx,) = grad(x * x * x, x, create_graph=True)
    >>> (ddx,) = grad(dx, x)
    >>> dx.item(), ddx.item()
    (27.0, 18.0)
    """
    roots, targets = _tensors(outputs, "grad: outputs"), _tensors(inputs, "grad: inputs")
    starts = [None] * len(roots) if grad_outputs is None else grad_outputs
    starts = [starts] if isinstance(starts, Node) or not isinstance(starts, (list, tuple)) else list(starts)
    if len(starts) != len(roots):
        raise GraphError(f"grad: {len(roots)} outputs need as many grad_outputs, got {len(starts)}")
    if is_grads_batched:
        raise UsageError(
            "grad: is_grads_batched is not offered; call grad for each of them, or use minidl.func.jacobian"
        )
    if materialize_grads and allow_unused is False:
        raise UsageError("grad: materialize_grads=True gives zeros for unused inputs, so allow_unused cannot be False")
    for target in targets:
        if not (isinstance(target, Node) and target._requires_grad):
            raise _unwanted(target, "grad")
    begin: dict[Node, Value] = {}
    as_nodes = create_graph or not (state.plain or state.tape is None)
    for root, given in zip(roots, starts, strict=True):
        start = starting_cotangent(root, given)
        start = _as_node(start, root) if as_nodes else data_of(start)
        begin[root] = begin[root] + start if root in begin else start
    wanted = set(targets)
    found: dict[Node, Node] = {}
    if wanted:
        with backward_pass(recording=create_graph):
            for event in sweep(begin, as_nodes, retain_graph is False, wanted, watched=False):
                node, g = event.node, event.upstream
                if not isinstance(g, Node):  # the sweep may hand one array to several inputs
                    g = node.result_class(g if event.own or not isinstance(g, ARRAYS) else copied(g))
                found[node] = g
    if len(found) < len(wanted):
        for target in targets:
            if target in found:
                continue
            if materialize_grads:
                found[target] = target.result_class(np.zeros_like(target._data))
            elif not allow_unused:
                raise GraphError(
                    f"grad: the output does not depend on {describe(target)}; pass allow_unused=True to get None for it"
                )
    if len(wanted) == len(targets) or as_nodes:
        return tuple([found.get(target) for target in targets])
    return tuple([_copy(found.get(target)) for target in targets])  # no two share the memory of one gradient


def _copy(g: Node | None) -> Node | None:
    return None if g is None else g.result_class(copied(g._data) if isinstance(g._data, ARRAYS) else g._data)


def copied(array: Any) -> Any:
    """A copy of an array, where it is; of a number an array of it."""
    return array.copy() if array.__class__ is DeviceArray else np.array(array)


def _tensors(given: Any, what: str) -> list[Node]:
    """One tensor, or several, as a list.

    Raises:
        DtypeError: something else.
    """
    if isinstance(given, Node):
        return [given]
    try:
        nodes = list(given)
    except TypeError:
        nodes = [given]
    for node in nodes:
        if not isinstance(node, Node):
            raise DtypeError(f"{what} must be tensors, got {type(node).__name__}: {node!r:.60}")
    return nodes


def _unwanted(node: Any, who: str) -> MinidlError:
    """The error about something that has no gradient."""
    if not isinstance(node, Node):
        return DtypeError(f"{who}: inputs must be tensors, got {type(node).__name__}")
    if node.dtype.kind not in "fc":
        return GraphError(
            f"{who}: {describe(node)} holds {node.dtype}, and only floating-point tensors have gradients; "
            "convert it with x.to(minidl.float32) before it is used"
        )
    return GraphError(f"{who}: {describe(node)} does not require a gradient; create it with requires_grad=True")


def gradients(root: Node, cotangent: Value = None) -> dict[Node, Any]:
    """Return the gradient of `root` with respect to every node it depends on, as NumPy arrays; no `.grad` changes.

    >>> import minidl
    >>> x, y = minidl.scalar(-2.0), minidl.scalar(5.0)
    >>> q = x + y
    >>> float(gradients(q * q)[q])
    6.0
    """
    return {event.node: event.upstream for event in backward_events(root, cotangent)}
