"""What the speaker says to each frame."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from minidl.autodiff import local_derivatives
from minidl.autodiff.steps import show
from minidl.autodiff.symbols import formula
from minidl.graph import Node

from ..circuit.diagram import Gate, Wire
from ..drawing.notation import array_text, tidy_name
from .sendings import Sending

_MOST_SPOKEN: Final = 4
"""So many numbers a sentence holds."""


def symbol_of(gate: Gate) -> str:
    """Return what a gate is called in a sentence."""
    if gate.fold is not None:
        return gate.fold.title
    node = gate.node
    return node.primitive.notation.symbol if node is not None and node.primitive is not None else "it"


def with_numbers(node: Node, numbers: Mapping[Node, str]) -> str:
    """Write how a value is computed with numbers for names, negative ones in parentheses: (−2) + 5, but tanh(−4).

    >>> import minidl
    >>> x = minidl.scalar(-4.0)
    >>> with_numbers(x.tanh(), {x: "(−4)"})
    'tanh(−4)'
    """
    return re.sub(r"\(\((−[^()]*)\)\)", r"(\1)", formula(node, numbers))


class Narrator:
    """Tells the steps of one deck.

    Args:
        root: what is differentiated.
        names: what the values are called.
    """

    def __init__(self, root: str, names: Mapping[Node, str]) -> None:
        self.root = root
        self.names = names

    def given(self, wires: Sequence[Wire]) -> tuple[str, str]:
        """Say what the forward pass starts with: as a step and as a sentence."""
        said = ", ".join(f"{tidy_name(wire.name)} = {array_text(wire.value)}" for wire in wires)
        return (
            (said, f"The forward pass starts with what is given: {said}.") if said else ("start", "The forward pass.")
        )

    def made(self, wire: Wire) -> str:
        """Say how a value is computed in the names of the figure, or nothing where it is folded."""
        node = wire.node
        if node is None or node.primitive is None or wire.maker is None or wire.maker.fold is not None:
            return ""
        if any(isinstance(x, Node) and x not in self.names for x in node.inputs):
            return ""
        written = formula(node, self.names)
        return "" if written == self.names[node] else written

    def computed(self, wire: Wire, gate: Gate) -> tuple[str, str]:
        """Say what a gate computes: as a step and as a sentence."""
        name, made = tidy_name(wire.name), self.made(wire)
        step = f"{name} = {made} = {show(wire.value)}" if made else f"{name} = {show(wire.value)}"
        return step, f"{symbol_of(gate)} computes {step}."

    def start(self) -> tuple[str, str]:
        """Say how the backward pass starts."""
        step = f"∂{self.root}/∂{self.root} = 1"
        return step, f"The backward pass starts at the output: {self.root} grows as fast as itself, so {step}."

    def sent(self, sending: Sending, rule: str | None) -> tuple[str, str]:
        """Say what is sent back: as a step and as sentences with its reason.

        Args:
            sending: what is sent.
            rule: the same in symbols, or None.
        """
        target, symbol, whole = tidy_name(sending.target.name), symbol_of(sending.gate), show(sending.value)
        local, upstream = sending.local, show(sending.upstream)
        if sending.folded:
            step = f"{symbol} sends {whole} back to {target}"
            return step, f"{step}."
        if local is None or np.size(local) > _MOST_SPOKEN:
            step = f"{symbol} sends {whole} back to {target}"
            by = f"By its rule, {rule}, " if rule else ""
            return step, f"{upstream} arrives at {symbol}. {by}{target} is sent {whole}."
        factor = show(local)
        product = f"{upstream} · {f'({factor})' if factor.startswith('−') else factor} = {whole}"
        step = f"{symbol} sends {product} back to {target}"
        written = self.local_rule(sending) or ""
        equal = "" if written.endswith(f"= {factor}") else " = " if written else ""
        derivative = written + equal + (factor if equal or not written else "")
        words = f"{upstream} arrives at {symbol}. Its local derivative is {derivative}."
        return step, f"{words} The product, {whole}, goes back to {target}."

    def local_rule(self, sending: Sending) -> str | None:
        """Write the local derivative of a function of numbers in symbols: ∂f/∂q = z."""
        node = sending.node
        known = all(x in self.names for x in (node, *node.inputs) if isinstance(x, Node))
        if sending.folded or not known or node.ndim != 0 or node.primitive is None or np.ndim(sending.value) != 0:
            return None
        spoken = [self.names[x] if isinstance(x, Node) else array_text(x) for x in node.inputs]
        written = local_derivatives(node.primitive, spoken, self.names[node], **node.params)
        return written[sending.index] if sending.index < len(written) else None

    def added(self, sending: Sending) -> tuple[str, str]:
        """Say how a further contribution is added: as a step and as a sentence."""
        name = tidy_name(sending.target.name)
        with np.errstate(all="ignore"):
            before = np.subtract(sending.total, sending.value)
        plus = show(sending.value)
        sum_ = f"{show(before)} + {f'({plus})' if plus.startswith('−') else plus} = {show(sending.total)}"
        words = f"{name} is used more than once, so what comes back along each way adds up: {sum_}."
        return f"at {name} it adds up: {sum_}", words

    def found(self, wires: Sequence[Wire]) -> tuple[str, str]:
        """Say what every input has in the end."""
        said = ", ".join(f"∂{self.root}/∂{tidy_name(x.name)} = {show(x.gradient)}" for x in wires)
        return said, f"Every input now knows how {self.root} answers to it: {said}."
