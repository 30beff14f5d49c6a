"""The tape: one recorded run as a flat program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..autodiff.trees import leaves, map_leaves, rebuild
from ..graph import Node
from ..graph.mode import state
from ..kernels.cpu.paths import enabled
from ..tensor import Tensor
from . import passes
from .binding import Binding, has_places, steady_slots
from .chain import Chain
from .expression import direct
from .fusion import fused
from .leases import Lease
from .listing import listing
from .memory import memory_of
from .program import Instruction, Slot
from .recorder import Recorder
from .replay import Registers, StaleError, Step, note_written, saver_of
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
        leases: for each gradient that is written into the same memory at each replay, as long as nobody else holds it.
        arguments: for each tensor or array among the arguments its slot.
        tensors: the slots of the tensors from outside, such as parameters, which are read at each replay.
        own: the constants that the function makes itself, which nobody else can change.
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
        self.own: set[Slot] = set()
        used = {s for i in self.instructions for s in (*i.inputs, *i.writes)} | set(self.outputs)
        self.tensors = [slot for slot, _ in recorder.tensors.values() if slot in used]
        self._registers: Registers = [slot.array for slot in self.slots]
        self.leases: dict[Slot, Lease] = {}
        self._binding: Binding | None = None
        self._steps: list[tuple[Instruction | None, Step]] = []
        self._changed: set[int] = set()
        self._fresh: list[Step] = []
        self._last_guard = -1
        self._undo: list[Callable[[], None]] = []

    def _output(self, recorder: Recorder, leaf: Any) -> tuple[str, Any]:
        """How a leaf of the result is made again."""
        if isinstance(leaf, Node):
            if leaf in self._places or recorder.is_from_outside(leaf):
                return "itself", leaf
            return "tensor", recorder.slot_of(leaf._data, leaf)
        if isinstance(leaf, Watched):
            return "array", recorder.slot_of(leaf)
        return ("made", leaf.copy()) if isinstance(leaf, np.ndarray) else ("constant", leaf)

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
            kind = data.shape, data.strides, data.dtype
            if kind != (slot.shape, slot.strides, slot.dtype) or node._requires_grad is not wanted:
                return False
        for node, before in self._gradients.items():
            if (node._grad is None) != (before is None) and node not in self._places:
                return False
        return True

    # Running it ---------------------------------------------------------------------------------------------------------

    def replay(self, arguments: Sequence[Any]) -> Any:
        """Run the program on the tensors and arrays among a call's arguments, and return what the function would.

        Raises:
            StaleError: a guard failed; all effects are taken back.
        """
        self._take(arguments)
        quiet, state.quiet = state.quiet, True
        try:
            with np.errstate(all="ignore"):
                if self._changed or not self._steps:
                    self._bind()
                if state.profiler is None:
                    for _, step in self._steps:
                        step()
                else:
                    state.profiler.replay(self._steps)
        except StaleError:
            self.take_back()
            raise
        finally:
            state.quiet = quiet
            self._undo.clear()
        self.replays += 1
        note_written(self._written)
        return rebuild(self._result, [self._made(how, what, self._registers) for how, what in self._returned])

    def _take(self, arguments: Sequence[Any]) -> None:
        """Put what comes from outside into the registers, and note which of them have changed since the last replay."""
        r, changed = self._registers, self._changed
        self._given = list(arguments)
        for slot, given in zip(self.arguments, arguments, strict=True):
            data = given._data if isinstance(given, Node) else given
            if r[slot.number] is not data:
                r[slot.number] = data
                changed.add(slot.number)
        for slot in self.tensors:
            data = slot.owner._data  # type: ignore[union-attr]
            if r[slot.number] is not data:
                r[slot.number] = data
                changed.add(slot.number)
        for node, before in self._gradients.items():
            if before is not None:
                data = self.find(node)()._grad._data  # type: ignore[union-attr]
                if r[before.number] is not data:
                    r[before.number] = data
                    changed.add(before.number)
        for slot, lease in self.leases.items():
            if lease.renew():
                r[slot.number] = lease.array
                changed.add(slot.number)

    def _bind(self) -> None:
        """Bind the steps to arrays that were others at the last replay."""
        assert self._binding is not None
        self._binding.bind(self._changed)
        self._changed.clear()
        bound = zip(self.instructions, self._binding.steps, strict=True)
        self._steps = [(None, step) for step in self._fresh]
        self._steps += [(instruction, step) for instruction, step in bound if step is not None]
        for lease in self.leases.values():
            lease.settle()

    def _made(self, how: str, what: Any, r: Registers) -> Any:
        if how == "tensor":
            return Tensor(r[what.number] if what.kind != "constant" else r[what.number].copy())
        if how == "array":
            return r[what.number] if what.kind != "constant" else r[what.number].copy()
        if how == "made":
            return what.copy()
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
        self.once, self.instructions = passes.split(self.instructions, self.outputs, self.own)
        self.instructions = fused(self.instructions, self.outputs)
        self._registers = [slot.array for slot in self.slots]
        replaced = {i.owner for i in self.instructions if i.role == "replace"}
        roots = [s for s in self.slots if s.kind != "result" and not (s.kind == "tensor" and s.owner in replaced)]
        placed: dict[Slot, Any] = {}
        if enabled("planning"):
            steady = steady_slots([*self.once, *self.instructions], roots)
            willing = {i for i in self.instructions if has_places(i, steady)}
            gradients = passes.kept(self.instructions, self.outputs, willing, steady)
            passes.straighten(self.instructions, gradients)
            own = gradients.keys()
            elementwise = {
                i
                for i in self.instructions
                if (isinstance(i.function, Chain) or direct(i) is not None) and own.isdisjoint(i.outs)
            }
            self.reused = passes.in_place(self.instructions, self.outputs, elementwise)
            self.buffers = passes.plan(self.instructions, self.outputs, willing)
            self.leases = {s: Lease(s, g, self._registers, self.find(owner)) for s, (g, owner) in gradients.items()}
            placed = memory_of(self.buffers) | {slot: lease.array for slot, lease in self.leases.items()}
        done = passes.done_with(self.instructions, self.outputs, self.buffers)
        self._last_guard = max(
            (k for k, i in enumerate(self.instructions) if i.role == "guard" or i.checks), default=-1
        )
        self._binding = Binding(
            self.once, self.instructions, self._registers, self.find, placed, self.reused, roots, done, self._noted
        )
        written = passes.written(self.instructions)
        left = passes.escaping(self.instructions, self.outputs)
        outside = [i.owner for i in self.instructions if i.role == "replace" and i.owner not in self._places]
        self._written = [*outside, *(s.owner for s in written if s.kind == "tensor" and s.owner is not None)]
        self._fresh = [self._renewing(s, s in left) for s in written if s.kind == "constant"]

    def _renewing(self, slot: Slot, leaves: bool) -> Step:
        """A constant that is written to is taken afresh at each replay."""
        r, array = self._registers, slot.array
        if leaves:
            return lambda: self._put(slot.number, array.copy())
        r[slot.number] = array.copy()
        return partial(np.copyto, r[slot.number], array)

    def _put(self, number: int, array: Any) -> None:
        self._registers[number] = array

    def _noted(self, k: int, step: Step) -> Step:
        """A step of an instruction before the last guard keeps note of what it changes."""
        save = saver_of(self.instructions[k], self.find) if k < self._last_guard else None
        if save is None:
            return step

        def run() -> None:
            self._undo.append(save(self._registers))
            step()

        return run

    def take_back(self) -> None:
        """Undo what an unfinished replay has changed outside."""
        for restore in reversed(self._undo):
            restore()

    def save(self, arguments: Sequence[Any]) -> Callable[[], None]:
        """Note all that a replay may change outside, and return what restores it."""
        self._take(arguments)
        r, restores = self._registers, []
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


def _restoring(array: Any) -> Callable[[], None]:
    before = array.copy()

    def restore() -> None:
        array[...] = before

    return restore
