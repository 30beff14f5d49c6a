"""The tape: one recorded run as a flat program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autodiff.trees import leaves, map_leaves, rebuild
from ..graph import Node
from ..graph.mode import state
from ..kernels.cpu.paths import enabled
from ..tensor import Tensor
from . import passes
from .chain import Chain
from .expression import direct
from .fusion import fused
from .listing import listing
from .memory import memory_of
from .program import Instruction, Slot, is_array, leaves_of
from .recorder import Recorder
from .replay import Registers, StaleError, Step, emptying, into, note_written, onto, saver_of, step_of
from .watched import Watched


class Tape:
    """A recorded run: what it reads, the instructions, and what it returns.

    Attributes:
        name: what was recorded.
        slots: the places for arrays.
        instructions: in order; what nothing depends on is left out.
        once: those that need not be done at every replay: views of parameters, and what is made of constants alone.
        buffers: for each result that has one, the buffer in which it lives.
        reused: for each result that takes the memory of an input, which of the inputs that is.
        arguments: for each tensor or array among the arguments its slot.
        tensors: the slots of the tensors from outside, such as parameters, which are read at each replay.
        broken: why it cannot be replayed, or None.
        confirmed: whether a second recording did the same.
        replays: how often it was replayed.
    """

    def __init__(
        self, name: str, recorder: Recorder, arguments: Sequence[Any], slots: Sequence[Slot], result: Any
    ) -> None:
        self.name = name
        self.broken = recorder.broken
        self.replays = 0
        self.confirmed = False
        self._written: list[Node] = []
        self.arguments = list(slots)
        self._given: list[Any] = []
        self._places = {a: i for i, a in enumerate(arguments) if isinstance(a, Node)}
        self._modules = recorder.modules
        self._gradients = recorder.gradients
        self._returned = [self._output(recorder, leaf) for leaf in leaves(result)]
        self._conditions = [(node, slot, wanted) for node, (slot, wanted) in recorder.tensors.items()]
        self._result = map_leaves(lambda leaf: None, result)
        self.outputs = [slot for _, slot in self._returned if isinstance(slot, Slot)]
        self.slots = recorder.slots
        self.instructions = passes.needed(recorder.instructions, self.outputs)
        self.once: list[Instruction] = []
        self.buffers: dict[Slot, passes.Buffer] = {}
        self.reused: dict[Slot, int] = {}
        self._own: set[Slot] = set()
        used = {s for i in self.instructions for s in (*i.inputs, *i.writes)} | set(self.outputs)
        self.tensors = [slot for slot, _ in recorder.tensors.values() if slot in used]
        self._registers: Registers = [slot.array for slot in self.slots]
        self._steps: list[Step] = []
        self._steps_once: list[Step] = []
        self._is_new = True
        self._undo: list[Callable[[], None]] = []

    def _output(self, recorder: Recorder, leaf: Any) -> tuple[str, Any]:
        """How a leaf of the result is made again."""
        if isinstance(leaf, Node):
            if leaf in self._places or recorder.is_from_outside(leaf):
                return "itself", leaf
            return "tensor", recorder.slot_of(leaf._data, leaf)
        if isinstance(leaf, Watched):
            return "array", recorder.slot_of(leaf)
        return "constant", leaf

    def __str__(self) -> str:
        return listing(self)

    def __repr__(self) -> str:
        return f"<tape of {self.name}: {len(self.instructions)} instructions, replayed {self.replays} times>"

    # Whether it still holds ---------------------------------------------------------------------------------------------

    def fits(self) -> bool:
        """Whether modules, tensors from outside and their gradients are as they were when it was recorded."""
        for module, training in self._modules.items():
            if module.training is not training:
                return False
        for node, slot, wanted in self._conditions:
            data = node._data
            if data.shape != slot.shape or data.dtype != slot.dtype or node._requires_grad is not wanted:
                return False
        for node, before in self._gradients.items():
            if (node._grad is None) != (before is None) and node not in self._places:
                return False
        return True

    def difference(self, other: Tape) -> str | None:
        """Where another recording of the same function did something else, in words; None if it is the same program."""
        if len(self.instructions) != len(other.instructions):
            return f"{len(self.instructions)} instructions, then {len(other.instructions)}"
        twin: dict[Slot, Slot] = {}
        other._own = set()
        for mine, theirs in zip(self.instructions, other.instructions, strict=True):
            where = f"{mine.name}{f' in {mine.scope}' if mine.scope else ''}"
            if mine.name != theirs.name:
                return f"{mine.name}, then {theirs.name}"
            if mine.role == "guard" and str(mine.expected) != str(theirs.expected):
                return None  # another value: a guard's own business
            mine_in, theirs_in = leaves_of((mine.args, mine.kwargs)), leaves_of((theirs.args, theirs.kwargs))
            if len(mine_in) != len(theirs_in):
                return f"{where}, with other arguments"
            for a, b in zip(mine_in, theirs_in, strict=True):
                if isinstance(a, Slot) and isinstance(b, Slot):
                    if twin.setdefault(a, b) is not b and a.kind != "constant":
                        return f"{where}, of other values"
                    if a.kind != b.kind:
                        return f"{where}, of other values"
                    if a.kind == "constant" and not _same_array(a.array, b.array):
                        return f"{where}, whose input was computed out of sight"
                    if a.kind == "constant" and a.array is not b.array:
                        other._own.add(b)
                elif not _same(a, b):
                    return f"{where}, of {a!r:.20} and then of {b!r:.20}"
            for a, b in zip(mine.outs, theirs.outs, strict=False):
                twin[a] = b
        return None

    # Running it ---------------------------------------------------------------------------------------------------------

    def replay(self, arguments: Sequence[Any]) -> Any:
        """Run the program on the tensors and arrays among a call's arguments, and return what the function would.

        Raises:
            StaleError: a guard failed; all effects are taken back.
        """
        r = self._registers
        self._given = list(arguments)
        for slot, given in zip(self.arguments, arguments, strict=True):
            r[slot.number] = given._data if isinstance(given, Node) else given
        for slot in self.tensors:
            data = slot.owner._data  # type: ignore[union-attr]
            if r[slot.number] is not data:
                r[slot.number], self._is_new = data, True
        for node, before in self._gradients.items():
            if before is not None:
                r[before.number] = self.find(node)()._grad._data  # type: ignore[union-attr]
        quiet, state.quiet = state.quiet, True
        try:
            with np.errstate(all="ignore"):
                if self._is_new:
                    for step in self._steps_once:
                        step(r)
                    self._is_new = False
                if state.profiler is None:
                    for step in self._steps:
                        step(r)
                else:
                    state.profiler.replay(self.instructions, self._steps, r)
        except StaleError:
            self.take_back()
            raise
        finally:
            state.quiet = quiet
            self._undo.clear()
        self.replays += 1
        note_written(self._written)
        return rebuild(self._result, [self._made(how, what, r) for how, what in self._returned])

    def _made(self, how: str, what: Any, r: Registers) -> Any:
        if how == "tensor":
            return Tensor(r[what.number] if what.kind != "constant" else r[what.number].copy())
        if how == "array":
            return r[what.number] if what.kind != "constant" else r[what.number].copy()
        if how == "itself" and what in self._places:
            return self._given[self._places[what]]
        return what

    def find(self, node: Node) -> Callable[[], Node]:
        """What gives the tensor that stands today where `node` stood: an argument changes from call to call."""
        place = self._places.get(node)
        return (lambda: node) if place is None else (lambda: self._given[place])

    def confirm(self) -> None:
        """Make the program ready for replays, now that a second recording has found the same."""
        self.confirmed = True
        self.instructions = passes.without_copies(passes.without_forgotten(self.instructions), self.outputs)
        self.once, self.instructions = passes.split(self.instructions, self.outputs, self._own)
        self.instructions = fused(self.instructions, self.outputs)
        if enabled("planning"):
            willing = {i for i in self.instructions if isinstance(i.function, Chain) or direct(i) is not None}
            self.reused = passes.in_place(self.instructions, self.outputs, willing)
            self.buffers = passes.plan(self.instructions, self.outputs, willing)
        self._registers = [slot.array for slot in self.slots]
        for slot, array in memory_of(self.buffers).items():
            self._registers[slot.number] = array
        for instruction in self.instructions:
            if isinstance(instruction.function, Chain):
                instruction.function.places = {
                    s: self._registers[s.number] for s in instruction.outs if s in self.buffers
                }
                instruction.function.reused = {s: self.reused[s] for s in instruction.outs if s in self.reused}
        self._steps_once = [step_of(instruction, self.find) for instruction in self.once]
        self._steps = self._prepare()

    def _step_of(self, instruction: Instruction) -> Step:
        """An instruction's step; one whose result has a place in a buffer writes there."""
        out = instruction.outs[0] if len(instruction.outs) == 1 else None
        if isinstance(instruction.function, Chain) or out is None or not (out in self.buffers or out in self.reused):
            return step_of(instruction, self.find)
        found = direct(instruction)
        assert found is not None
        if out in self.reused:
            return onto(*found, instruction.inputs[self.reused[out]].number, out.number)
        return into(*found, self._registers[out.number])

    def _prepare(self) -> list[Step]:
        """Turn the instructions into steps; those before the last guard keep note of what they change."""
        written = passes.written(self.instructions)
        replaced = [i.owner for i in self.instructions if i.role == "replace" and i.owner not in self._places]
        self._written = [*replaced, *(s.owner for s in written if s.kind == "tensor" and s.owner is not None)]
        steps: list[Step] = [_fresh(slot.number, slot.array) for slot in written if slot.kind == "constant"]
        done = passes.done_with(self.instructions, self.outputs, self.buffers)
        guards = [k for k, i in enumerate(self.instructions) if i.role == "guard" or i.checks]
        last = guards[-1] if guards else -1
        for k, instruction in enumerate(self.instructions):
            step = self._step_of(instruction)
            if k in done:
                step = emptying(step, done[k])
            save = saver_of(instruction, self.find) if k < last else None
            steps.append(step if save is None else self._with_note(step, save))
        return steps

    def _with_note(self, step: Step, save: Callable[[Registers], Callable[[], None]]) -> Step:
        def run(r: Registers) -> None:
            self._undo.append(save(r))
            step(r)

        return run

    def take_back(self) -> None:
        """Undo what an unfinished replay has changed outside."""
        for restore in reversed(self._undo):
            restore()

    def save(self, arguments: Sequence[Any]) -> Callable[[], None]:
        """Note all that a replay may change outside, and return what restores it."""
        self._given = list(arguments)
        r = self._registers
        for slot, given in zip(self.arguments, arguments, strict=True):
            r[slot.number] = given._data if isinstance(given, Node) else given
        restores = []
        for instruction in self.instructions:
            if instruction.role == "write":
                base = instruction.writes[0].base
                array = base.owner._data if base.owner is not None else r[base.number]
                if base.kind in ("tensor", "argument"):
                    restores.append(_restoring(array))
            elif (save := saver_of(instruction, self.find)) is not None:
                restores.append(save(r))

        def restore() -> None:
            for one in reversed(restores):
                one()

        return restore

    def state_after(self, result: Any) -> list[tuple[str, Any]]:
        """What a call has returned and changed, as copies, each with its name."""
        found = [(f"result {i}", leaf._data) for i, leaf in enumerate(leaves(result)) if isinstance(leaf, Node)]
        for slot in self.tensors:
            node = slot.owner
            assert node is not None
            found.append((node.name or f"a tensor of shape {slot.shape}", node._data))
            if node._grad is not None:
                found.append((f"the gradient of {found[-1][0]}", node._grad._data))
        return [(name, np.array(array)) for name, array in found]


def disagreement(mine: Sequence[tuple[str, Any]], other: Sequence[tuple[str, Any]]) -> str | None:
    """What differs by more than rounding between two states; None if nothing does."""
    if len(mine) != len(other):
        return "which tensors have gradients"
    for (name, a), (_, b) in zip(mine, other, strict=True):
        rough = 1e-3 if a.dtype.itemsize < 8 and a.dtype.kind == "f" else 1e-7
        scale = float(np.max(np.abs(b), initial=0)) if b.dtype.kind in "fc" else 0.0
        if a.shape != b.shape or not np.allclose(a, b, rtol=rough, atol=rough * scale, equal_nan=b.dtype.kind in "fc"):
            return name
    return None


def _restoring(array: Any) -> Callable[[], None]:
    before = array.copy()

    def restore() -> None:
        array[...] = before

    return restore


def _fresh(number: int, array: Any) -> Step:
    """A constant that is written to is taken afresh at each replay."""

    def run(r: Registers) -> None:
        r[number] = array.copy()

    return run


def _same_array(a: Any, b: Any) -> bool:
    return a is b or (
        a.shape == b.shape and a.dtype == b.dtype and bool(np.array_equal(a, b, equal_nan=a.dtype.kind in "fc"))
    )


def _same(a: Any, b: Any) -> bool:
    """Whether two plain arguments are the same; what cannot be compared by value, such as a function, counts as such."""
    if is_array(a) and is_array(b):
        return _same_array(a, b)
    if isinstance(a, int | float | complex | str | tuple | slice | type | None):
        return type(a) is type(b) and (a == b or a != a)
    return True
