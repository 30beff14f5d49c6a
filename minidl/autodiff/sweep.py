"""The one reverse sweep. It never recurses, visits each node once, and yields what it does as it goes.

`backward`, `grad`, the step-through lessons and the figures are all readers of this stream.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DtypeError, GraphError, ShapeError
from ..graph import Node, data_of, describe
from ..graph.history import as_recorded, drop
from ..graph.mode import state
from ..primitives.shapes.shape import cast
from .checks import check_readable, check_sent, check_usable
from .hooks import call_hooks

Value = Any


@dataclass(frozen=True, slots=True)
class ForwardEvent:
    """A node gets its value, from the inputs it records."""

    node: Node


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one node sends to one of its inputs.

    Attributes:
        index: which input, counted from 0.
        node: that input.
        value: upstream × local derivative, an array of the input's shape (a node when the graph is being built).
        total: the sum of all contributions to that input so far, this one included.
    """

    index: int
    node: Node
    value: Value
    total: Value


@dataclass(frozen=True, slots=True)
class BackwardEvent:
    """A node passes its gradient on.

    Attributes:
        node: the node whose turn it is; every node that uses it has had its turn.
        upstream: its complete gradient.
        contributions: what it sends to each input that wants a gradient; none for a leaf.
    """

    node: Node
    upstream: Value
    contributions: tuple[Contribution, ...]


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


def forward_events(root: Node) -> Iterator[ForwardEvent]:
    """Replay the forward pass in the order in which it was recorded."""
    for node in order(root):
        check_usable(node)
        yield ForwardEvent(node)


def sweep(starts: Mapping[Node, Value], create_graph: bool = False, free: bool = False) -> Iterator[BackwardEvent]:
    """Run the reverse sweep, yielding one event a node, from the roots to the leaves.

    Whoever reads it sets the scene for each step (recording or not), as `quietly` does: between two steps the reader's
    own code runs.

    Args:
        starts: the nodes to differentiate, each with the gradient to start with: a node with `create_graph`, else an array.
        create_graph: whether rules are fed nodes, so that the backward pass is itself recorded.
        free: whether each node forgets its inputs and saved values once it has had its turn.

    Raises:
        GraphError: a node's saved values are freed, or a value that a rule needs was changed since.
    """
    upstream: dict[Node, Value] = dict(starts)
    nodes = order(*starts)
    checked = state.anomaly and state.check_nan
    while nodes:
        node = nodes.pop()
        g = upstream.pop(node)
        if node.extras is not None and node.extras.hooks:
            g = call_hooks(node, g, create_graph)
        if node.primitive is None:
            yield BackwardEvent(node, g, ())
            continue
        check_readable(node)
        yield BackwardEvent(node, g, _send(node, g, upstream, create_graph, checked))
        if node.extras is not None and node.extras.dropped:
            drop(node)
        if free:
            node.inputs, node.saved = (), None
            if node.extras is not None:
                node.extras.earlier = node.extras.checksums = None


@contextmanager
def quietly(recording: bool) -> Iterator[None]:
    """Run derivative rules: recorded or not, and with infinities and NaN as results like any other."""
    before = state.recording, state.quiet
    state.recording, state.quiet = recording, True
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        state.recording, state.quiet = before


def _send(
    node: Node, g: Value, upstream: dict[Node, Value], create_graph: bool, checked: bool
) -> tuple[Contribution, ...]:
    primitive = node.primitive
    assert primitive is not None
    needs = [isinstance(x, Node) and x._requires_grad for x in node.inputs]
    if create_graph:
        out, inputs = node, node.inputs
    else:
        out, inputs = node._data, tuple(data_of(x) for x in node.inputs)
    sent = []
    for i, c in enumerate(primitive.vjp(g, out, inputs, node.saved, node.params, needs)):
        if c is None:
            continue
        x: Node = node.inputs[i]
        if getattr(c, "dtype", None) != x._data.dtype:
            c = cast(c, x._data.dtype) if hasattr(c, "dtype") else np.asarray(c, x._data.dtype)  # noqa: PLW2901
        if checked:
            check_sent(node, i, c, g)
        total = upstream[x] + c if x in upstream else c
        upstream[x] = total
        sent.append(Contribution(i, x, c, total))
    return tuple(sent)


def backward_events(root: Node, cotangent: Value = None) -> Iterator[BackwardEvent]:
    """Yield the reverse sweep from `root` as arrays, leaving every `.grad` as it is.

    >>> import minidl
    >>> x, y = minidl.scalar(3.0, name="x"), minidl.scalar(4.0, name="y")
    >>> [[float(c.value) for c in event.contributions] for event in backward_events(x * y)]
    [[4.0, 3.0], [], []]
    """
    steps = sweep({root: data_of(starting_cotangent(root, cotangent))})
    while True:
        with quietly(recording=False):
            event = next(steps, None)
        if event is None:
            return
        yield event


def _array(values: Any, root: Node) -> Any:
    try:
        return np.asarray(values, root.dtype)
    except (TypeError, ValueError) as error:
        raise DtypeError(f"the starting gradient must hold numbers, got {values!r:.60}") from error


def starting_cotangent(root: Node, cotangent: Value) -> Value:
    """Check the gradient that a sweep starts with; None means 1, for a single number.

    Raises:
        GraphError: nothing to differentiate, or several numbers and no cotangent.
        ShapeError: the cotangent has another shape than `root`.
    """
    if not root._requires_grad:
        if root.dtype.kind not in "fc":
            raise GraphError(
                f"{describe(root)} holds {root.dtype}: only floating-point values have gradients; convert what it is computed "
                "from with x.to(minidl.float32), and differentiate before rounding or comparing"
            )
        raise GraphError(
            "this value does not depend on anything that requires a gradient; create its inputs with "
            "requires_grad=True, and compute it outside no_grad()"
        )
    if cotangent is None:
        if root._data.size != 1:
            raise GraphError(
                f"the gradient of a tensor of shape {root.shape} needs a starting gradient of the same shape; "
                "reduce it to one number first (z.sum()), or pass gradient=…"
            )
        return np.ones_like(root._data) if isinstance(root._data, np.ndarray) else type(root._data)(1)
    array: Any = data_of(cotangent)
    if not hasattr(array, "shape"):
        if not isinstance(array, int | float | complex | list | tuple):
            raise DtypeError(f"the starting gradient must be a tensor of shape {root.shape}, got {cotangent!r:.60}")
        array = _array(array, root)
    if array.shape != root.shape:
        raise ShapeError(f"the starting gradient has shape {array.shape}, but the tensor has {root.shape}")
    if array.dtype.kind not in "biufc" or array.dtype.kind == "c" != root.dtype.kind:
        raise DtypeError(f"the starting gradient of a tensor of {root.dtype} cannot be {array.dtype}")
    if isinstance(cotangent, Node):
        return cotangent if array.dtype == root.dtype else cast(cotangent, root.dtype)
    return array.astype(root.dtype, copy=False)
