"""The one reverse sweep. It never recurses, visits each node once, and yields what it does as it goes.

`backward`, `grad`, the step-through lessons and the figures are all readers of this stream.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from heapq import heapify, heappop, heappush
from operator import add
from sys import getrefcount
from typing import Any

import numpy as np

from ..errors import DeviceError, DtypeError, GraphError, ShapeError
from ..graph import Node, data_of, describe
from ..graph.history import as_recorded, drop
from ..graph.mode import phase, silence, state
from ..graph.node import Changes
from ..kernels import ARRAYS, DeviceArray, backend_of
from ..kernels.cuda import array as _device
from ..kernels.device import brought_to, fetched, where_is
from ..primitives.shapes.shape import cast, to_device_
from .checks import check_readable, check_sent, check_usable
from .doubles import spread
from .hooks import call_hooks
from .reach import leading_to, order, strays

Value = Any
float64 = np.float64


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


@dataclass(slots=True)
class BackwardEvent:
    """A node passes its gradient on.

    Attributes:
        node: the node whose turn it is; every node that uses it has had its turn.
        upstream: its complete gradient.
        contributions: what it sends to each input that wants a gradient; none for a leaf.
        own: whether nobody else holds the upstream array, so that the reader may keep it without a copy.
    """

    node: Node
    upstream: Value
    contributions: tuple[Contribution, ...]
    own: bool = False


def forward_events(root: Node) -> Iterator[ForwardEvent]:
    """Replay the forward pass in the order in which it was recorded."""
    for node in order(root):
        check_usable(node)
        yield ForwardEvent(node)


def sweep(
    starts: Mapping[Node, Value],
    create_graph: bool = False,
    free: bool = False,
    targets: Set[Node] | None = None,
    watched: bool = True,
) -> Iterator[BackwardEvent]:
    """Run the reverse sweep, yielding one event a node, from the roots to the leaves.

    Whoever reads it sets the scene for each step (recording or not), as `backward_pass` does: between two steps the
    reader's own code runs.

    Args:
        starts: the nodes to differentiate, each with the gradient to start with: a node with `create_graph`, else an array.
        create_graph: whether rules are fed nodes, so that the backward pass is itself recorded.
        free: whether each node forgets its inputs and saved values once it has had its turn.
        targets: the nodes whose gradients are asked for, so that only what leads to them is computed; None asks for all.
        watched: whether every turn is an event. Else only those are whose gradient is asked for (without targets: the leaves,
            and what retains its gradient), and no contributions are listed.

    Raises:
        GraphError: a node's saved values are freed, or a value that a rule needs was changed since.
    """
    checked = not state.plain and state.anomaly and state.check_nan
    useful: set[Node] | None = None
    upstream: dict[int, Value] = {}
    waiting: dict[int, Node] = {}
    for node, g in starts.items():
        upstream[-node.order], waiting[-node.order] = g, node
    turns = list(waiting)  # the newest comes first: whatever uses a node is newer
    heapify(turns)
    in_haste = not (watched or create_graph) and targets is None and state.plain
    while turns:
        if in_haste and upstream[turns[0]].__class__ is float64:
            silence.copy().run(spread, turns, waiting, upstream, free)
        turn = heappop(turns)
        node = waiting.pop(turn)
        primitive, extras = node.primitive, node.extras
        if extras is not None and extras.hooks:
            upstream[turn] = call_hooks(node, upstream[turn], create_graph)
        asked = (
            primitive is None or (extras is not None and extras.retains_grad) if targets is None else node in targets
        )
        own = asked and not create_graph and _is_own(upstream, turn)
        g = upstream.pop(turn)
        if primitive is None:
            if asked or watched:
                yield BackwardEvent(node, g, (), own)
            del g
            continue
        if turn > -Changes.latest or extras is not None or not node.inputs:
            as_recorded(node)
            check_readable(node)
        if targets is not None and useful is None and strays(node, targets):
            useful = leading_to(targets, [node, *waiting.values()])
        sent = silence.copy().run(_sent, node, g, create_graph, useful)
        parts: list[Contribution] = []
        for i, c in enumerate(sent):
            if c is None:
                continue
            x = node.inputs[i]
            if getattr(c, "dtype", None) is not x._data.dtype or (_device.met and _is_elsewhere(c, x)):
                c = silence.copy().run(_fitted, c, x._data)  # noqa: PLW2901
            if checked:
                check_sent(node, i, c, g)
            key = -x.order
            if key not in upstream:
                upstream[key] = c
                waiting[key] = x
                heappush(turns, key)
            elif not watched and not create_graph and _is_own(upstream, key):
                silence.copy().run(backend_of((c,)).add_to, upstream[key], c)
            else:
                upstream[key] = silence.copy().run(add, upstream[key], c)
            if watched:
                parts.append(Contribution(i, x, c, upstream[key]))
        if asked or watched:
            yield BackwardEvent(node, g, tuple(parts), own)
        if extras is not None and extras.dropped:
            drop(node)
        if free:
            node.inputs, node.saved = (), None
            if extras is not None:
                extras.earlier = extras.checksums = None
        del g, sent
        c = None  # a name that is left over would make the next array seem to belong to someone else too


def _is_own(values: Mapping[int, Any], key: int) -> bool:
    """Whether nobody but `values` holds an array, so that it can be written to, or kept without a copy.

    CPython counts the holders of a thing. A view counts as held by one if its base is, and shows all of it.
    """
    array = values[key]
    kind = array.__class__
    if (kind is not np.ndarray and kind is not DeviceArray) or getrefcount(array) > _HOLDERS:
        return False
    base = array.base
    if base is None:
        return bool(array.flags.writeable)
    alone = base.__class__ is kind and getrefcount(base) <= _HOLDERS and base.nbytes == array.nbytes
    return alone and array.flags.writeable and array.flags.forc


# How many references the looking itself makes differs between versions of Python: it is asked once.
_HOLDERS = 0
while not _is_own({0: np.zeros((1, 1)).T}, 0):
    _HOLDERS += 1


class backward_pass:  # noqa: N801  (read as `with backward_pass(…):`)
    """Run a sweep in a `with` block, with its rules recorded or not."""

    __slots__ = ("_phase", "_recording")

    def __init__(self, recording: bool) -> None:
        self._recording = recording

    def __enter__(self) -> None:
        self._recording, state.recording = state.recording, self._recording
        self._phase = None if state.plain else phase("backward")
        if self._phase is not None:
            self._phase.__enter__()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        state.recording = self._recording  # what it was before
        if self._phase is not None:
            self._phase.__exit__(kind, error, trace)


@contextmanager
def quietly(recording: bool) -> Iterator[None]:
    """Run derivative rules one by one: recorded or not, and with infinities and NaN as results like any other."""
    before = state.quiet
    try:
        with backward_pass(recording), np.errstate(all="ignore"):
            state.quiet = True
            yield
    finally:
        state.quiet = before


def _sent(node: Node, g: Value, create_graph: bool, useful: Set[Node] | None) -> Sequence[Value]:
    """What a node's rule sends to each input; None where it sends nothing."""
    needs: list[bool] = []
    arrays: list[Any] = []
    for x in node.inputs:
        if isinstance(x, Node):
            needs.append(x._requires_grad and (useful is None or x in useful))
            arrays.append(x._data)
        else:
            needs.append(False)
            arrays.append(x)
    if True not in needs:
        return ()
    rule = node.primitive.vjp  # type: ignore[union-attr]
    if not state.plain and state.profiler is not None:
        rule = partial(state.profiler.vjp, node, rule)
    out, inputs = (node, node.inputs) if create_graph else (node._data, arrays)
    sent: Sequence[Value] = rule(g, out, inputs, node.saved, node.params, needs)
    return sent


def _fitted(sent: Value, like: Any) -> Value:
    """What is sent, in the dtype and on the device of the input that it is sent to."""
    if not hasattr(sent, "dtype"):
        return brought_to(np.asarray(sent, like.dtype), where_is(like))
    sent = sent if sent.dtype == like.dtype else cast(sent, like.dtype)
    there = where_is(like)
    return sent if where_is(data_of(sent)) is there else to_device_(sent, device=there)


def _is_elsewhere(sent: Value, x: Node) -> bool:
    """Whether what is sent is on another device than its receiver: a number on the CPU that met an array on a GPU."""
    return where_is(data_of(sent)) is not where_is(x._data)


def backward_events(root: Node, cotangent: Value = None) -> Iterator[BackwardEvent]:
    """Yield the reverse sweep from `root` as NumPy arrays, leaving every `.grad` as it is.

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
        yield event if event.upstream.__class__ is not DeviceArray else _fetched(event)


def _fetched(event: BackwardEvent) -> BackwardEvent:
    """The same event with its numbers on the CPU, where those who print and draw them look at them."""
    parts = (Contribution(c.index, c.node, fetched(c.value), fetched(c.total)) for c in event.contributions)
    return BackwardEvent(event.node, fetched(event.upstream), tuple(parts), event.own)


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
        DeviceError: it is on another device.
    """
    given = cotangent._data if isinstance(cotangent, Node) else None
    if (
        given is not None
        and root._requires_grad
        and given.shape == root._data.shape
        and given.dtype is root._data.dtype
        and given.__class__ is root._data.__class__
    ):
        return cotangent
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
        return np.ones_like(root._data) if isinstance(root._data, ARRAYS) else type(root._data)(1)
    array: Any = data_of(cotangent)
    there = where_is(root._data)
    if isinstance(cotangent, Node) and array.shape and where_is(array) is not there:
        raise DeviceError(
            f'the starting gradient is on {where_is(array)}, but the tensor on {there}; use .to("{there}")'
        )
    if not hasattr(array, "shape"):
        if not isinstance(array, int | float | complex | list | tuple):
            raise DtypeError(f"the starting gradient must be a tensor of shape {root.shape}, got {cotangent!r:.60}")
        array = _array(array, root)
    if array.shape != root.shape:
        raise ShapeError(f"the starting gradient has shape {array.shape}, but the tensor has {root.shape}")
    if array.dtype.kind not in "biufc" or array.dtype.kind == "c" != root.dtype.kind:
        raise DtypeError(f"the starting gradient of a tensor of {root.dtype} cannot be {array.dtype}")
    if isinstance(cotangent, Node):
        cotangent = cotangent if array.dtype == root.dtype else cast(cotangent, root.dtype)
        return cotangent if where_is(array) is there else to_device_(cotangent, device=there)
    return brought_to(array.astype(root.dtype, copy=False), there)
