"""What the reverse sweep sends, as a figure shows it: from gate to wire."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.autodiff import backward_events, local_derivative
from minidl.graph import Node

from ..circuit.diagram import Diagram, Gate, Wire
from ..circuit.record import circuit_nodes


@dataclass(slots=True, eq=False)
class Sending:
    """One contribution.

    Attributes:
        gate: what sends.
        index: which input of the operation it goes to.
        node: the operation that sends.
        target: the wire that receives.
        upstream: the gradient of the operation's result.
        local: its local derivative in numbers, or None where that is not one number an element.
        value: what is sent.
        total: what the wire has received then.
    """

    gate: Gate
    index: int
    node: Node
    target: Wire
    upstream: Any
    local: Any
    value: Any
    total: Any

    @property
    def folded(self) -> bool:
        """Whether the gate stands for many operations."""
        return self.gate.fold is not None

    def entries(self) -> list[int]:
        """Return which lines into the gate lead to the target: one, where the operation is drawn by itself."""
        inputs = self.gate.inputs
        if self.gate.node is self.node and len(inputs) > self.index and inputs[self.index] is self.target:
            return [self.index]
        return [i for i, x in enumerate(inputs) if x is self.target]


def find_gates(diagram: Diagram) -> dict[Node, Gate]:
    """Find the gate in which each operation is drawn: its own, the one it is folded into, or the one that uses it."""
    root = diagram.root.node
    assert root is not None
    drawn = {wire.node for wire in diagram.wires}
    gates = {gate.node: gate for gate in diagram.gates if gate.node is not None}
    outputs = {wire.node: gate for gate in diagram.gates for wire in gate.outputs}
    for node in reversed(circuit_nodes(root)):
        if node in outputs:
            gates.setdefault(node, outputs[node])
        gate = gates.get(node)
        for x in node.inputs if gate is not None else ():
            if isinstance(x, Node) and x not in drawn and gate is not None:
                gates.setdefault(x, gate)
    return gates


def read_sendings(diagram: Diagram) -> Iterator[Sending]:
    """Read the sweep: every contribution that arrives at a wire of the figure, from a folded gate all in one."""
    root = diagram.root.node
    assert root is not None
    gates = find_gates(diagram)
    wires = {wire.node: wire for wire in diagram.wires if wire.node is not None}
    found: list[Sending] = []
    for event in backward_events(root):
        gate = gates.get(event.node)
        for sent in event.contributions:
            target = wires.get(sent.node)
            if target is None or gate is None or target in gate.outputs:
                continue
            local = local_derivative(event.node, sent.index) if event.node in wires else None
            sending = Sending(gate, sent.index, event.node, target, event.upstream, local, sent.value, sent.value)
            for other in found if gate.fold is not None else ():
                if other.gate is gate and other.target is target:
                    sending.value = sending.total = _sum(other.value, sending.value)
                    found.remove(other)
                    break
            found.append(sending)
    totals: dict[str, Any] = {}
    for sending in found:
        key = sending.target.key
        sending.total = totals[key] = _sum(totals[key], sending.value) if key in totals else sending.value
        yield sending


def _sum(a: Any, b: Any) -> Any:
    """Add two contributions; infinity is an answer, as in the sweep."""
    with np.errstate(all="ignore"):
        return a + b
