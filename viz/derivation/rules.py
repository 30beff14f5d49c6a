"""What one operation sends back, in symbols: `∂z/∂W = (∂z/∂u)xᵀ`, from the operation's own rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl.autodiff.sweep import quietly
from minidl.graph import Node

from .algebra import lift
from .derive import is_readable
from .expression import Name, Partial
from .writing import Writer


def sent_back(node: Node, root: Node, names: Mapping[Node, str], found: Mapping[Node, Any]) -> list[str | None]:
    """Write what an operation sends to each of its inputs, or None where its rule has no short form.

    Args:
        node: the operation's result.
        root: what is differentiated.
        names: what the values are called; an input that has no name here has no rule.
        found: the gradients of the root.

    >>> import minidl
    >>> W = minidl.tensor([[1.0, 2.0]], requires_grad=True)
    >>> x = minidl.tensor([3.0, 4.0])
    >>> u = W @ x
    >>> z = u.sum()
    >>> sent_back(u, z, {W: "W", x: "x", u: "u", z: "z"}, minidl.autodiff.gradients(z))[0]
    '(∂z/∂u)xᵀ'
    """
    if node.primitive is None or any(isinstance(x, Node) and x not in names for x in (node, root, *node.inputs)):
        return []
    known = list(dict.fromkeys(x for x in (*node.inputs, node, root) if isinstance(x, Node)))
    symbols = {x: Name(i, names[x], x.data) for i, x in enumerate(known)}
    upstream = lift(np.ones(node.shape)) if node is root else Partial(symbols[root], symbols[node], found[node])
    inputs = [symbols[x] if isinstance(x, Node) else lift(x) for x in node.inputs]
    needs = [isinstance(x, Node) and x.requires_grad for x in node.inputs]
    write = Writer()
    try:
        with quietly(recording=False):
            sent = list(node.primitive.vjp(upstream, symbols[node], inputs, node.saved, node.params, needs))
        rules = [None if c is None else lift(c) for c in sent]
        return [write(rule) if rule is not None and is_readable(rule) else None for rule in rules]
    except (TypeError, ValueError, AttributeError, IndexError):
        return [None] * len(node.inputs)
