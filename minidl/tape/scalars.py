"""Scalar graphs on a tape: where backward starts from a scalar, its whole graph becomes one instruction, a compiled loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..autodiff import order
from ..errors import MinidlError
from ..graph import Node
from ..graph.mode import state
from .scalar_tape import record_scalars

if TYPE_CHECKING:
    from .recorder import Recorder

ENOUGH = 100
"""So many operations a graph must have for the loop to be worth loading Numba."""


def whole_graph(recorder: Recorder, root: Node) -> bool:
    """Write a scalar's graph and its gradients down as one instruction, and add the gradients to the leaves.

    The instruction takes the leaves' values and gives the root's and the derivatives; what was written down of the forward
    pass goes when nothing else reads it.

    Returns:
        Whether it was done; not so where the graph is small, or holds what the loop does not know.
    """
    nodes = order(root)
    if not isinstance(root._data, np.float64) or len(nodes) < ENOUGH or any(node.extras is not None for node in nodes):
        return False
    wanted = [node for node in nodes if node.is_leaf]
    state.tape = None
    try:
        tape = record_scalars(root, wanted)
        gradients = tape.replay([node._data for node in wanted])[1]
    except MinidlError:
        return False
    finally:
        state.tape = recorder

    def run(*values: Any) -> tuple[Any, ...]:
        value, found = tape.replay(values)
        return np.float64(value), *found

    slots = [recorder.slot_of(node._data, node) for node in wanted]
    made = [np.float64(g) for g in gradients]
    outs = (recorder.slot_of(root._data), *(recorder.new_slot("result", g) for g in made))
    recorder.note(f"scalars[{len(tape)}]", "numpy", run, *slots, outs=outs, expected=outs)
    for node, g in zip(wanted, made, strict=True):
        total = node.result_class(g)
        node.grad = total if node.grad is None else node.grad + total
    return True
