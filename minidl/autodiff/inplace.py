"""In-place operations: `x += y`, `x[i] = y`, `x.zero_()`.

Without a gradient the memory itself is written, and whatever shares it sees the change. Where a gradient is involved, the
record goes on too: a new node, `old`, takes over what `x` was, and `x` becomes the result of the operation on `old`. All
who hold `x` so see its new value with its new history, as in PyTorch; those computed from it before mean `old`.

`old` has no memory of its own: what it held is overwritten. A rule that reads it is refused by the check of every backward
pass. Only where the operation's own rule reads it (as that of `x *= w` does), it keeps a copy.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np

from ..errors import DeviceError, DtypeError, GraphError, ShapeError
from ..graph import Node, Primitive, array_of, data_of, describe
from ..graph.mode import state
from ..graph.node import NO_PARAMS, Changes, Extras, clock
from ..graph.place import user_place
from ..kernels import ARRAYS, DeviceArray
from ..kernels.device import where_is
from ..primitives.shapes.indexing import check_item, set_item_
from ..primitives.shapes.shape import cast, to_device_
from ..primitives.shapes.write_view import View, write_view_

Value = Any
SMALL = 256
"""So many elements are copied in any case, so that the circuits of a lecture can still be drawn."""


def change(x: Node, function: Callable[..., Any], others: Sequence[Value], symbol: str) -> None:
    """Make `x` the value of `function(x, *others)`.

    Args:
        x: any tensor, but not a leaf that requires a gradient while recording is on.
        function: an operation that records itself.
        others: its further arguments.
        symbol: how to write the operation in a message, such as `+=`.

    Raises:
        GraphError: a leaf that requires a gradient, or memory shared in a way that the record cannot follow.
        ShapeError, DtypeError: the result does not fit into `x`.
    """
    if not _is_recorded(x, others):
        result = function(x, *others)
        _check_fits(x, result, symbol)
        _write(x, ..., data_of(result), symbol)
        x.note_change()
        return
    family = _family(x, symbol)
    tick = next(clock)
    olds = {node: _predecessor(node) for node, _ in family}
    result = function(olds[x], *(olds.get(other, other) if isinstance(other, Node) else other for other in others))
    _check_fits(x, result, symbol)
    result = cast(result, x.dtype)
    views = _views_in_use(family, [result, *others], symbol)
    olds |= {view: _predecessor(view) for view in views}
    _hand_over(olds, result)
    _keep_what_is_read(olds, result, tick)
    _write(x, ..., result._data, symbol)
    _settle(family, views, olds, result)


def assign(x: Node, index: Any, value: Value, symbol: str = "[…] =") -> None:
    """Write `value`, broadcast, into the elements of `x` at `index`.

    Raises:
        GraphError: as `change`.
        DeviceError: a value with axes that is on another device, but for `copy_`.
        ShapeError, DtypeError, UsageError: an index or a value that does not fit.
    """
    read, value = check_item(x, index, _beside(x, value, symbol))
    if isinstance(value, Node) and _is_same_memory(x, read, value):
        return  # the second half of x[i] += y: what x[i] shows is there already
    recorded = _is_recorded(x, (value,))
    if not recorded:
        _write(x, read, data_of(value), symbol)
        x.note_change()
        return
    family = _family(x, symbol)
    views = _views_in_use(family, [value], symbol)
    tick = next(clock)
    olds = {node: _predecessor(node) for node in (*(node for node, _ in family), *views)}
    result: Node = x.result_class(x._data)
    result._requires_grad, result.primitive, result.params = True, set_item_, {"index": read}
    result.inputs = (olds[x], value)
    _hand_over(olds, result)
    _keep_what_is_read(olds, result, tick)
    _write(x, read, data_of(value), symbol)
    if len(family) > 1:
        result._data = array_of(x).copy()
    _settle(family, views, olds, result)


def _beside(x: Node, value: Value, symbol: str) -> Value:
    """A value that is to be written into `x`, on its device: `copy_` and numbers may come from another one.

    Raises:
        DeviceError: a tensor with axes on another device.
    """
    there = where_is(x._data)
    if not isinstance(value, Node) or where_is(value._data) is there:
        return value
    if symbol == "copy_" or not value.shape:
        return to_device_(value, device=there)
    raise DeviceError(
        f'x {symbol} …: x is on {there}, the value on {where_is(value._data)}; bring it there with .to("{there}")'
    )


def _is_recorded(x: Node, others: Iterable[Value]) -> bool:
    return state.recording and (
        x._requires_grad or any(isinstance(other, Node) and other._requires_grad for other in others)
    )


def _check_fits(x: Node, result: Value, symbol: str) -> None:
    shape, dtype = result.shape, result.dtype
    if shape != x.shape:
        raise ShapeError(f"x {symbol} …: the result has shape {shape}, which does not fit into {x.shape}")
    if _RANK[dtype.kind] > _RANK[x.dtype.kind]:
        raise DtypeError(f"x {symbol} …: the result is {dtype}, which does not fit into {x.dtype}")


_RANK = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}
"""A dtype's category: a result may be narrowed within one, not from a higher to a lower one. Source: PyTorch, as `promote`."""


def _write(x: Node, where: Any, value: Any, symbol: str) -> None:
    """Put numbers into the memory; a scalar, which has none, is replaced."""
    data = x._data
    if not isinstance(data, ARRAYS):
        if state.tape is not None:
            state.tape.breaks("a single number, which has no memory to write to, is changed in place")
        x._data = type(data)(value)
        return
    if not data.size:
        return  # nothing to write; what has no elements may be shown by an array that is read-only
    if not data.flags.writeable:
        raise GraphError(
            f"x {symbol}: {describe(x)} cannot be written to: its memory is read-only, or shows one number in several places "
            "(as after expand); write into a copy: x = x.clone()"
        )
    if state.tape is not None:
        basic, chosen = (..., ()) if where is ... else ((*where.basic, ...), where.chosen)
        state.tape.write(x, basic, value, chosen)
        return
    with np.errstate(all="ignore"):
        if where is ...:
            data[...] = value
        else:
            data[(*where.basic, ...)][where.chosen] = value


def _is_same_memory(x: Node, read: Any, value: Node) -> bool:
    if read.chosen or not isinstance(x._data, ARRAYS) or value._data.__class__ is not x._data.__class__:
        return False
    there = x._data[(*read.basic, ...)]
    return (there.shape, there.strides, _address(there)) == (
        value.shape,
        value._data.strides,
        _address(value._data),
    ) and value._changes is x._changes is not None


def _address(array: Any) -> int:
    """Where an array's first element is in memory."""
    return array.address if array.__class__ is DeviceArray else array.__array_interface__["data"][0]


# The record ------------------------------------------------------------------------------------------------------------

Family = list[tuple[Node, View | None]]
"""A view, what it is a view of, and so on down to the base; each with the step that shows it (None for the base)."""


def _family(x: Node, symbol: str) -> Family:
    """Find the base whose memory `x` shows.

    Raises:
        GraphError: a leaf that requires a gradient.
    """
    family: Family = []
    node = x
    while (view := _view_of(node)) is not None:
        family.append((node, view[:2]))
        node = view[2]
    family.append((node, None))
    for node, _ in family:
        if node.is_leaf and node._requires_grad:
            raise GraphError(
                f"x {symbol} …: {describe(node)} is a leaf that requires a gradient"
                f"{'' if node is x else ', and x a view of it'}; "
                "do it inside `with minidl.no_grad():`, or on a copy, x = x.clone()"
            )
    return family


def _view_of(node: Node) -> tuple[Primitive, dict[str, Any], Node] | None:
    """The primitive, its parameters and the node whose memory this one shows, or None."""
    if node._changes is None:
        return None
    primitive = node.primitive
    if primitive is not None and primitive.views and node.inputs:
        found = primitive, node.params, node.inputs[0]
    elif node.extras is not None and node.extras.view is not None:
        found = node.extras.view
    else:
        return None
    same = found[2]._changes is node._changes and np.may_share_memory(found[2]._data, node._data)
    return found if same else None


def _predecessor(x: Node) -> Node:
    """A new node that is what `x` was so far."""
    old: Node = x.result_class(x._data)
    old._requires_grad, old.primitive, old.inputs, old.params = x._requires_grad, x.primitive, x.inputs, x.params
    old.saved, old.scope, old.order = x.saved, x.scope, x.order
    if (own := x.extras) is not None:
        old.extras = kept = Extras()
        kept.hooks, kept.place, kept.checksums, kept.earlier = own.hooks, own.place, own.checksums, own.earlier
    return old


def _views_in_use(family: Family, roots: list[Any], symbol: str) -> dict[Node, tuple[Primitive, dict[str, Any], Node]]:
    """Find what else shows the memory, in the record of the new value as in `x[0] = x[1] + y`: these views can follow.

    Returns:
        For each, parents first, the primitive, its parameters, and what it is a view of.

    Raises:
        GraphError: there are others; who goes on using them would miss the history of what they show.
    """
    base = family[-1][0]
    if base._changes is None:
        return {}
    own = {node for node, _ in family}
    views: dict[Node, tuple[Primitive, dict[str, Any], Node]] = {}
    for node in _since(base.order, roots):
        for x in (node, *_parents(node)):
            steps: list[tuple[Node, tuple[Primitive, dict[str, Any], Node]]] = []
            while isinstance(x, Node) and x not in own and x not in views and (view := _view_of(x)) is not None:
                steps.append((x, view))
                x = view[2]  # noqa: PLW2901
            if isinstance(x, Node) and x._changes is base._changes and (x in own or x in views):
                views |= reversed(steps)
    if _holders_of_cell(base) > len(own) + len(views):
        raise GraphError(
            f"x {symbol} …: another tensor shows the memory of {describe(family[0][0])} (a view such as x[0], x.T or "
            "x.detach() that is still in use), and its gradient could not follow the change; "
            "take the view of a copy, x.clone()[0], or compute a new tensor"
        )
    return views


def _parents(node: Node) -> tuple[Any, ...]:
    view = node.extras.view if node.extras is not None else None
    return node.inputs if view is None else (*node.inputs, view[2])


def _holders_of_cell(node: Node) -> int:
    """How many nodes share this one's memory, itself included: CPython counts them for us."""
    return sys.getrefcount(node._changes) - _OWN_REFERENCES


# The counting itself makes references, how many differs between versions of Python: it is asked once.
_OWN_REFERENCES = 0
_probe = Node(np.zeros(1))
_probe._changes = Changes()
_OWN_REFERENCES = _holders_of_cell(_probe) - 1
del _probe


def _hand_over(olds: dict[Node, Node], result: Node) -> None:
    """Let what was computed until now mean the values until now."""
    since = min(old.order for old in olds.values())
    for node in (*_since(since, [result]), *olds.values()):
        if any(isinstance(x, Node) and x in olds for x in node.inputs):
            node.inputs = tuple(olds.get(x, x) if isinstance(x, Node) else x for x in node.inputs)


def _keep_what_is_read(olds: dict[Node, Node], result: Node, tick: int) -> None:
    """Mark the predecessors as overwritten, and copy those that the operation's own rules will read."""
    read = _read_by(result, set(olds.values()), tick)
    place = user_place()
    for old in olds.values():
        kept = old in read or old._data.size <= SMALL
        if kept and isinstance(old._data, ARRAYS):
            old._data = array_of(old).copy()
        old._changes = Changes(tick, place, kept, recorded=old.primitive is not None)


def _read_by(result: Node, olds: set[Node], tick: int) -> set[Node]:
    """Which predecessors the rules of what was recorded since the tick read."""
    found = set()
    for node in _since(tick, [result]):
        if node.primitive is None:
            continue
        for i, x in enumerate(node.inputs):
            if isinstance(x, Node) and x._requires_grad:
                read = _reads(node.primitive, i, len(node.inputs))
                found |= {y for k, y in enumerate(node.inputs) if k in read and isinstance(y, Node) and y in olds}
    return found


@cache
def _reads(primitive: Primitive, i: int, count: int) -> set[int]:
    return primitive.reads(i, count)


def _since(tick: int, roots: Iterable[Any]) -> list[Node]:
    """What the roots were computed from since the tick."""
    stack = [x for x in roots if isinstance(x, Node) and x.order > tick]
    seen = set(stack)
    found = []
    while stack:
        node = stack.pop()
        found.append(node)
        for x in _parents(node):
            if isinstance(x, Node) and x.order > tick and x not in seen:
                seen.add(x)
                stack.append(x)
    return found


def _settle(
    family: Family,
    views: dict[Node, tuple[Primitive, dict[str, Any], Node]],
    olds: dict[Node, Node],
    result: Node,
) -> None:
    """Give `x`, what it is a view of, and the other views the record of the result."""
    base = family[-1][0]
    way = tuple(view for _, view in reversed(family) if view is not None)
    if way:
        _record(base, olds[base], write_view_, (olds[base], result), {"views": way}, None)
    else:
        _record(base, olds[base], result.primitive, result.inputs, result.params, result.saved)
        if result.extras is not None:
            extras = base.own_extras()
            extras.place, extras.checksums = result.extras.place, result.extras.checksums
    parent = base
    for node, view in reversed(family[:-1]):
        assert view is not None
        _record(node, olds[node], view[0], (parent,), view[1], None)
        parent = node
    for node, (primitive, params, shown) in views.items():
        _record(node, olds[node], primitive, (shown,), params, None)


def _record(
    x: Node, old: Node, primitive: Primitive | None, inputs: tuple[Any, ...], params: dict[str, Any], saved: Any
) -> None:
    retains = x.retains_grad
    x._requires_grad, x.primitive, x.inputs, x.params, x.saved = primitive is not None, primitive, inputs, params, saved
    x.scope, x.order = state.scope, next(clock)
    Changes.note(x.order)
    x.extras = Extras()
    x.extras.retains_grad, x.extras.earlier = retains, old


def forget(x: Node) -> None:
    """Make `x` a leaf; those computed from it keep its history."""
    old = _predecessor(x)
    _record(x, old, None, (), NO_PARAMS, None)
