"""The sweep's turns among scalars, in as few steps of Python as they can be taken.

A circuit of scalars is all bookkeeping: a product costs 40 ns, and to find out whose turn it is, which rule applies and who
receives costs twenty times that. So a stretch of elementwise operations on doubles is taken in one loop, which knows that
nothing broadcasts, no dtype differs and nobody looks on. What it sends is what the sweep would send.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np

from ..graph import Node
from ..graph.node import Changes
from ..primitives import Elementwise
from ..primitives.upstream import times

float64 = np.float64
_ZERO = float64(0)


def spread(turns: list[int], waiting: dict[int, Node], upstream: dict[int, Any], free: bool) -> None:
    """Take turns until one is no elementwise operation's on doubles alone, or needs a closer look.

    Args:
        turns: the heap of those that wait, the newest first.
        waiting: who they are.
        upstream: the sum of what each has received so far.
        free: whether each node forgets its inputs once it has had its turn.
    """
    changed = -Changes.latest
    while turns:
        turn = turns[0]
        node = waiting[turn]
        primitive, inputs = node.primitive, node.inputs
        if (
            not isinstance(primitive, Elementwise)
            or node.extras is not None
            or node._data.__class__ is not float64
            or turn > changed
            or not inputs
        ):
            return
        heappop(turns)
        del waiting[turn]
        g = upstream.pop(turn)
        if primitive.adds:
            sent: Any = (g, g)
        else:
            sent = _sent(primitive, g, node, inputs)
        for x, c in zip(inputs, sent):  # noqa: B905  (an argument takes time)
            if isinstance(x, Node) and x._requires_grad:
                key = -x.order
                if key in upstream:
                    upstream[key] += c
                else:
                    upstream[key] = c
                    waiting[key] = x
                    heappush(turns, key)
        if free:
            node.inputs = ()


def _sent(primitive: Any, g: Any, node: Node, inputs: tuple[Any, ...]) -> Sequence[Any]:
    """Upstream × local for each input, whether it wants it or not."""
    if len(inputs) == 2 and not node.params:  # a product, or the like
        x, y = inputs
        first, second = primitive.partials
        if callable(first) and callable(second):
            a = x._data if isinstance(x, Node) else x
            b = y._data if isinstance(y, Node) else y
            c, d = g * first(node._data, a, b), g * second(node._data, a, b)
            if c == c and d == d and c.__class__ is d.__class__ is float64:
                return c, d
    values = [x._data if isinstance(x, Node) else x for x in inputs]
    sent = []
    for rule in primitive.partials:
        partial = rule(node._data, *values, **node.params) if callable(rule) else rule
        if partial.__class__ is bool:
            product = g if partial else _ZERO
        else:
            product = g * partial
            if partial.__class__ is not float64 or product != product:
                product = float64(times(g, partial))
        sent.append(product)
    return sent
