"""What is asked before it is shown, and which slips lead to which wrong answer: all of it computed from the step itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from minidl.autodiff.steps import show
from minidl.autodiff.sweep import quietly
from minidl.errors import MinidlError
from minidl.graph import Node, data_of
from minidl.primitives import Elementwise

from ..circuit.diagram import Diagram, Gate, Wire
from ..drawing.notation import tidy_name
from .judging import Diagnosis, Question, close, place
from .narrator import Narrator, symbol_of, with_numbers
from .sendings import Sending
from .slips import Slip, computing
from .trials import Trials, Use

MOST_ENTRIES: Final = 9
"""Nobody types more numbers than this; larger arrays are asked for, but not judged."""

_NOISE: Final = {"float16": 1e-3, "bfloat16": 1e-2, "float32": 1e-6}


class Questioner:
    """Makes the questions of one deck.

    Args:
        diagram: the circuit.
        names: what the values are called.
        narrator: says how values are made.
        sendings: everything that is sent back.
    """

    def __init__(
        self, diagram: Diagram, names: Mapping[Node, str], narrator: Narrator, sendings: Sequence[Sending]
    ) -> None:
        root = diagram.root.node
        assert root is not None
        self.root = tidy_name(diagram.root.name)
        self.root_node = root
        self.names = names
        self.narrator = narrator
        self.sendings = sendings
        self.trials = Trials(root)

    # A value of the forward pass ------------------------------------------------------------------------------------------

    def computed(self, wire: Wire, gate: Gate, prompt: str) -> Question | None:
        """Ask for the value that a gate computes; None where it is too large to type."""
        if not _can_be_typed(wire.value):
            return None
        node, made = wire.node, self.narrator.made(wire)
        single = node is not None and node.primitive is not None and gate.fold is None
        known = single and node is not None and all(x in self.names for x in node.inputs if isinstance(x, Node))
        slips = computing(node, self.names) if known and node is not None else [(np.negative(wire.value), _TURNED)]
        numbers = self._with_numbers(node) if known and node is not None else ""
        name = tidy_name(wire.name)
        noise, each = 0.0, ""
        if node is not None and node.primitive is not None and single:
            alone = isinstance(node.primitive, Elementwise)
            each = ", entry by entry" if alone and node.ndim else ""
            if not alone or node.primitive.name in ("add", "sub"):
                noise = _noise(wire, *(data_of(x) for x in node.inputs))
        put_in = f"Put the numbers in: {name} = {numbers}." if numbers else f"Work out {made or name}{each}."
        return _question(prompt, wire.value, slips, hint=put_in, otherwise=f"That is not it. {put_in}", noise=noise)

    def _with_numbers(self, node: Node) -> str:
        """Write how a value is computed, with numbers for names: (−2) + 5; nothing where they are too many."""
        inputs = [x for x in node.inputs if isinstance(x, Node)]
        if not all(_can_be_typed(x.data) for x in inputs):
            return ""
        return with_numbers(node, {x: _operand(x.data) for x in inputs})

    # A number of the backward pass ----------------------------------------------------------------------------------------

    def sent(self, sending: Sending, rule: str | None, ways: int, prompt: str) -> Question | None:
        """Ask for what a gate sends back to one of its inputs; None where it is too large to type.

        Args:
            sending: what is sent.
            rule: the same in symbols, or None.
            ways: along how many ways the target's gradient arrives.
            prompt: the question.
        """
        if not _can_be_typed(sending.value):
            return None
        slips = [*self._sent(sending), *self._others(sending, ways), *self._rarer(sending)]
        hint = self._rule(sending, rule)
        uses = None if sending.folded else [(sending.node, sending.index)]
        noise = 0.0 if isinstance(sending.node.primitive, Elementwise) else _noise(sending.target, sending.value)
        alone = ", on this way alone," if ways > 1 else ""
        return self._tried(sending, uses, alone, _question(prompt, sending.value, slips, hint, noise=noise))

    def _rule(self, sending: Sending, rule: str | None) -> str:
        gate, target = symbol_of(sending.gate), tidy_name(sending.target.name)
        if sending.folded:
            return f"Multiply what arrives at {gate} by its local derivative."
        upstream = f"Upstream is {show(sending.upstream)}"
        local_rule = self.narrator.local_rule(sending)
        if rule and not local_rule:
            return f"{upstream}. In symbols, {target} is sent {rule}."
        return f"{upstream}; multiply it by the local derivative{f': {local_rule}' if local_rule else ''}."

    def added(self, sending: Sending, last: bool, prompt: str) -> Question | None:
        """Ask for the sum of what has arrived at a value; None where it is too large to type.

        Args:
            sending: the contribution that has just arrived.
            last: whether no other follows.
            prompt: the question.
        """
        if not _can_be_typed(sending.total):
            return None
        name, new = tidy_name(sending.target.name), np.asarray(sending.value)
        with np.errstate(all="ignore"):
            before = np.subtract(sending.total, new)
            slips: list[Slip] = [
                (new, f"That is what has just arrived; what {name} had before still counts: the two add up."),
                (before, f"That is what {name} had before; what has just arrived is to be added."),
                (np.multiply(before, new), "There the two are multiplied; along different ways, contributions add up."),
                (np.subtract(before, new), "There one is subtracted from the other; watch the signs, they add up."),
                (np.subtract(new, before), "There one is subtracted from the other; watch the signs, they add up."),
                (np.negative(sending.total), _TURNED),
                (np.divide(sending.total, 2), "That is their mean; contributions are added, nothing is shared out."),
                (self._value(sending.target), f"That is the value of {name}; its gradient is asked."),
            ]
        hint = f"{name} had {show(before)}, and {_operand(new)} has arrived: contributions add up."
        node = sending.target.node
        uses = self.trials.uses(node) if last and node is not None else None
        return self._tried(
            sending, uses, "", _question(prompt, sending.total, slips, hint, noise=_noise(sending.target, before, new))
        )

    # Slips of the chain rule ----------------------------------------------------------------------------------------------

    def _sent(self, sending: Sending) -> Iterator[Slip]:
        gate, node = symbol_of(sending.gate), sending.node
        target, right, up = tidy_name(sending.target.name), sending.value, sending.upstream
        yield np.negative(right), f"{_TURNED} If {target} grows a little, does {self.root} grow or shrink?"
        if sending.folded:
            return
        from_above = f"what arrives at {gate} from above"
        local = sending.local
        without_upstream = f"That is the local derivative of {gate} alone; {from_above} is still to be multiplied in."
        if local is not None:
            yield local, without_upstream
            with np.errstate(all="ignore"):
                product = np.multiply(up, local)
            if np.shape(product) != np.shape(right):
                yield product, f"{target} is used for every row: what comes back from each is still to be added up."
        else:
            yield from self._pulled(sending, np.ones_like(up), node.inputs, without_upstream)
        yield up, f"That is {from_above}; on its way to {target} it is multiplied by the local derivative."
        if local is None:
            ones = [x if i == sending.index else np.ones_like(data_of(x)) for i, x in enumerate(node.inputs)]
            yield from self._pulled(sending, up, ones, f"That is {from_above}, but the other factor is missing.")
        yield from self._of_matrices(sending)

    def _rarer(self, sending: Sending) -> Iterator[Slip]:
        gate = symbol_of(sending.gate)
        local, up, right, node = sending.local, sending.upstream, sending.value, sending.node
        if local is None or sending.folded:
            return
        with np.errstate(all="ignore"):
            yield np.add(up, local), "There the two are added; the chain rule multiplies upstream by local."
            yield np.negative(local), f"That is the local derivative of {gate} with its sign turned round, and alone."
            yield np.negative(up), f"That is what arrives at {gate} with its sign turned round, and alone."
            yield np.divide(up, local), "There one is divided by the other; the chain rule multiplies."
            exponent = node.params.get("exponent", 2 if "squar" in getattr(node.primitive, "name", "") else 1)
            if exponent not in (0, 1):
                yield np.divide(right, exponent), "The exponent comes down as a factor; here it is missing."

    def _of_matrices(self, sending: Sending) -> Iterator[Slip]:
        """Factors in another order, or not transposed."""
        target, right = tidy_name(sending.target.name), np.asarray(sending.value)
        if right.ndim == 2:
            yield right.T, f"Rows and columns are exchanged: the gradient has the shape of {target} itself."
        if sending.node.primitive is None or sending.node.primitive.name != "matmul":
            return
        other = np.asarray(data_of(sending.node.inputs[1 - sending.index]))
        up = np.asarray(sending.upstream)
        matrix = "On the way back, the matrix is transposed; here it is as it was on the way there."
        for a, b in ((up, other), (other, up)):
            if a.ndim and b.ndim and a.shape[-1] == b.shape[0]:
                yield (
                    a @ b,
                    matrix if max(a.ndim, b.ndim) == 2 else "That is one number; the gradient has more entries.",
                )
        if up.ndim == other.ndim == 1:
            yield np.outer(other, up), f"The outer product the other way round has not the shape of {target}."
            if up.shape == other.shape:
                yield up * other, "There entry meets entry; here every entry meets every other."

    def _pulled(self, sending: Sending, up: Any, inputs: Iterable[Any], say: str) -> Iterator[Slip]:
        """What the operation's rule sends if something is left out."""
        node = sending.node
        assert node.primitive is not None
        needs = [i == sending.index for i in range(len(node.inputs))]
        arrays = [data_of(x) for x in inputs]
        try:
            with np.errstate(all="ignore"), quietly(recording=False):
                value = node.primitive.vjp(up, node.data, arrays, node.saved, node.params, needs)[sending.index]
        except (MinidlError, ValueError, TypeError, IndexError, AttributeError, ArithmeticError):
            return
        if value is not None:
            yield data_of(value), say

    def _others(self, sending: Sending, ways: int) -> Iterator[Slip]:
        """Numbers of the figure that stand somewhere else."""
        target = tidy_name(sending.target.name)
        if not sending.folded:
            for other in self.sendings:
                if other.node is sending.node and other.target is not sending.target:
                    yield (
                        other.value,
                        f"That is what goes to {tidy_name(other.target.name)}; {target} gets the other factor.",
                    )
        asked = f"asked is how fast {self.root} changes with it."
        yield self._value(sending.target), f"That is the value of {target}; {asked}"
        source = sending.gate.outputs[-1]
        if not sending.folded:
            yield (
                self._value(source),
                f"That is the value of {tidy_name(source.name)}; asked is what goes back to {target}.",
            )
        if ways > 1:
            yield sending.total, f"That is the sum of what has arrived at {target}; asked is what comes this way."
            yield sending.target.gradient, f"That is the whole gradient of {target}; asked is what comes this way."

    def _value(self, wire: Wire) -> Any:
        return wire.value if wire.value is not None else np.nan

    # Trying out -----------------------------------------------------------------------------------------------------------

    def _tried(self, sending: Sending, uses: list[Use] | None, alone: str, question: Question) -> Question:
        node = sending.target.node
        if uses is None or node is None or np.shape(question.answer) != node.shape:
            return question
        trials = self.trials.move(node, uses)
        if not trials:
            return question
        moving = f"{_entry(tidy_name(sending.target.name), node.shape)}{alone}"
        return replace(question, root=self.root, moving=moving, trials=trials)


_TURNED: Final = "Right but for the sign."


def _can_be_typed(value: Any) -> bool:
    array = np.asarray(value)
    return 0 < array.size <= MOST_ENTRIES and array.ndim <= 2 and array.dtype.kind in "fiu"


def _question(
    prompt: str, answer: Any, slips: Iterable[Slip], hint: str, otherwise: str = "", noise: float = 0.0
) -> Question:
    """Make a question; of slips that lead to the same numbers, or to the right ones, the first is kept."""
    kept: list[Diagnosis] = []
    for value, say in slips:
        wrong = np.asarray(value)
        if (
            wrong.size > MOST_ENTRIES
            or wrong.ndim > 2
            or wrong.dtype.kind not in "fiu"
            or not np.all(np.isfinite(wrong))
        ):
            continue
        if not _same(wrong, answer, noise) and not any(_same(wrong, each.value) for each in kept):
            kept.append(Diagnosis(_nested(wrong), say))
    return Question(prompt, _nested(answer), tuple(kept), hint, otherwise or f"That is not it. {hint}", noise)


def _same(wrong: Any, right: Any, noise: float = 0.0) -> bool:
    """Whether a wrong answer cannot be told from another."""
    if np.shape(wrong) != np.shape(right):
        return False
    pairs = zip(np.ravel(wrong), np.ravel(right), strict=True)
    return all(close(float(a), float(b), noise) or close(float(b), float(a), noise) for a, b in pairs)


def _nested(value: Any) -> Any:
    """Return plain numbers, with no more digits than the type has."""
    array = np.asarray(value)
    if array.dtype.kind != "f" or array.dtype.itemsize == 8:
        return array.tolist()
    shortest = [float(str(x)) for x in array.ravel()]
    return np.reshape(shortest, array.shape).tolist()


def _noise(wire: Wire, *arrays: Any) -> float:
    """The size of what rounding leaves where these numbers cancel."""
    sizes = [float(np.max(np.abs(a), initial=0.0)) for a in map(np.asarray, arrays) if a.dtype.kind in "fiu"]
    finite = [size for size in sizes if np.isfinite(size)]
    return _NOISE.get(wire.dtype, 1e-14) * max(finite, default=0.0)


def _operand(value: Any) -> str:
    shown = show(value)
    return f"({shown})" if shown.startswith("−") else shown


def _entry(name: str, shape: tuple[int, ...]) -> str:
    """Name the first number of an array: x₁, W₁₁, or `entry 1 of weights`."""
    if not shape:
        return name
    return name + "₁" * len(shape) if len(name) == 1 else f"{place((0,) * len(shape), shape)} of {name}"
