"""The two passes as sentences, for people: what each node computes, and what it sends back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..graph import Node, data_of
from ..kernels.device import fetched
from .local import local_derivative
from .sweep import BackwardEvent, Contribution, backward_events, forward_events
from .symbols import formula, written


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a pass, as a person sees it.

    Attributes:
        kind: `forward`, `start` (the gradient of the output itself), `backward` (upstream × local arrives at an input) or
            `sum` (a further contribution is added at an input that is used more than once).
        node: the node that acts.
        text: the sentence, such as `× sends −4 · 5 = −20 back to q`.
        target: the input that receives, for `backward` and `sum`.
        value: the number or array that results.
    """

    kind: Literal["forward", "start", "backward", "sum"]
    node: Node
    text: str
    target: Node | None
    value: Any


def names_of(root: Node, names: Mapping[Node, str] | None = None) -> dict[Node, str]:
    """Give every node below `root` a name: its own, the one in `names`, or v₁, v₂, … in order."""
    given = dict(names or {})
    taken = {*given.values()} | {e.node.name for e in forward_events(root) if e.node.name}
    count = 0
    for event in forward_events(root):
        node = event.node
        if node in given:
            continue
        name = node.name
        while not name:
            count += 1
            candidate = "v" + str(count).translate(_SUBSCRIPTS)
            name = None if candidate in taken else candidate
        given[node] = name
    return given


_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def forward_steps(root: Node, names: Mapping[Node, str] | None = None) -> list[Step]:
    """Narrate the forward pass.

    >>> import minidl
    >>> x, y = minidl.scalar(-2.0, name="x"), minidl.scalar(5.0, name="y")
    >>> [step.text for step in forward_steps((x + y).named("q"))]
    ['x = −2', 'y = 5', 'q = x + y = 3']
    """
    known = names_of(root, names)
    steps = []
    for event in forward_events(root):
        node = event.node
        made = f" = {formula(node, known)}" if node.primitive else ""
        steps.append(Step("forward", node, f"{known[node]}{made} = {show(node.data)}", None, node.data))
    return steps


def backward_steps(root: Node, names: Mapping[Node, str] | None = None, cotangent: Any = None) -> list[Step]:
    """Narrate the backward pass: one sentence for each number sent, and one for each sum where paths meet.

    >>> import minidl
    >>> q, z = minidl.scalar(3.0, name="q"), minidl.scalar(-4.0, name="z")
    >>> for step in backward_steps((q * z).named("f")):
    ...     print(step.text)
    ∂f/∂f = 1
    × sends 1 · (−4) = −4 back to q
    × sends 1 · 3 = 3 back to z
    """
    known = names_of(root, names)
    steps: list[Step] = []
    received: dict[Node, Any] = {}
    for event in backward_events(root, cotangent):
        if event.node is root:
            text = f"∂{known[root]}/∂{known[root]} = {show(event.upstream)}"
            steps.append(Step("start", root, text, root, event.upstream))
        for sent in event.contributions:
            steps.append(Step("backward", event.node, _sentence(event, sent, known), sent.node, sent.value))
            if sent.node in received:
                before = show(received[sent.node])
                text = f"at {known[sent.node]} it adds up: {before} + {_operand(sent.value)} = {show(sent.total)}"
                steps.append(Step("sum", event.node, text, sent.node, sent.total))
            received[sent.node] = sent.total
    return steps


def _sentence(event: BackwardEvent, sent: Contribution, known: Mapping[Node, str]) -> str:
    primitive = event.node.primitive
    assert primitive is not None
    local = local_derivative(event.node, sent.index)
    whole = show(sent.value)
    if local is None or local.size > 4:
        return f"{primitive.notation.symbol} sends {whole} back to {known[sent.node]}"
    return f"{primitive.notation.symbol} sends {show(event.upstream)} · {_operand(local)} = {whole} back to {known[sent.node]}"


def _operand(value: Any) -> str:
    text = show(value)
    return f"({text})" if text.startswith("−") else text


def show(value: Any, digits: int = 4) -> str:
    """Print a number or a small array as a textbook does; a large one as its shape.

    >>> show(-12.0), show(np.array([1.0, -0.5]))
    ('−12', '[1, −0.5]')
    """
    array = np.asarray(fetched(data_of(value)))
    if array.ndim == 0:
        return written(float(array), digits)
    if array.size > 16 or array.ndim > 2:
        return "×".join(map(str, array.shape)) + " numbers"
    return "[" + ", ".join(show(item, digits) for item in array) + "]"
