"""Binding: the steps of a program, made once and again only where an array has become another.

A register is steady if its array is there before a replay begins: an argument, a tensor from outside, a constant, memory that
is planned for a result, a view of one of these. What reads steady registers alone is bound to their arrays. When one of them
is another array than at the last replay (a new batch, a gradient that somebody kept), what depends on it is bound anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..kernels.cpu.prepared import PREPARE
from .chain import Chain
from .expression import direct
from .memory import scratch_of
from .program import Instruction, Slot
from .replay import Find, Registers, Step, copying, emptying, into, step_of

COPIED = 1 << 16
"""Results of so few bytes are copied to memory that is planned for them, where their function makes memory of its own: what
reads them can then be bound."""


def has_places(instruction: Instruction, steady: set[Slot]) -> bool:
    """Whether an instruction's results may go into memory that is there already."""
    if isinstance(instruction.function, Chain) or direct(instruction) is not None:
        return True
    if instruction.role not in ("primitive", "numpy", "draw") or not instruction.outs or instruction.checks:
        return False
    if any(slot.is_scalar or slot.shows is not None for slot in instruction.outs):
        return False
    call = instruction.call
    if call is not None and call.name in PREPARE and steady.issuperset(instruction.inputs):
        return True
    return sum(slot.nbytes for slot in instruction.outs) <= COPIED


def shows_steadily(instruction: Instruction) -> bool:
    """Whether a result is a view, which stays what it is as long as the memory does that it shows."""
    if instruction.role != "primitive" or not instruction.owner.views or len(instruction.inputs) != 1:
        return False  # with two inputs, one is an index, which may be another at each replay
    return instruction.outs[0].shows is not None


def steady_slots(instructions: Iterable[Instruction], roots: Iterable[Slot]) -> set[Slot]:
    """The slots whose arrays are there before a replay begins, if all results get a place that can have one."""
    steady = set(roots)
    for instruction in instructions:
        seen = shows_steadily(instruction) and steady.issuperset(instruction.inputs)
        if seen or has_places(instruction, steady):
            steady.update(instruction.outs)
    return steady


class Binding:
    """The steps of a program on its registers.

    Attributes:
        steps: what a replay calls, one for each instruction; None where there is nothing left to do. Each has gone through
            `noting(number of the instruction, step)`.
    """

    def __init__(
        self,
        once: Sequence[Instruction],
        instructions: Sequence[Instruction],
        r: Registers,
        find: Find,
        placed: Mapping[Slot, Any],
        reused: Mapping[Slot, int],
        roots: Iterable[Slot],
        done: Mapping[int, Sequence[int]],
        noting: Callable[[int, Step], Step],
    ) -> None:
        self._all = [*once, *instructions]
        self._first = len(once)
        self._r, self._find, self._reused, self._done, self._noting = r, find, reused, done, noting
        self._inputs = {i: [slot.number for slot in i.inputs] for i in self._all}
        self._direct = {i: direct(i) for i in instructions if i.outs and not isinstance(i.function, Chain)}
        self._placed = set(placed) | set(reused)
        self._steady = {slot.number for slot in (*roots, *placed)}
        for slot, array in placed.items():
            r[slot.number] = array
        self.steps: list[Step | None] = [None] * len(instructions)
        self._dependents: dict[int, list[int]] = {}
        self._bound = False

    def bind(self, changed: Iterable[int]) -> None:
        """Bind what depends on these registers; at first everything."""
        if not self._bound:
            self._bind(range(len(self._all)))
            self._bound = True
        else:
            self._bind(sorted({k for number in changed for k in self._depending(number)}))

    def _bind(self, numbers: Iterable[int]) -> None:
        for k in numbers:
            instruction = self._all[k]
            if k < self._first:
                step_of(instruction, self._r, self._find)()
                self._steady.update(slot.number for slot in instruction.outs)
            else:
                at, step = k - self._first, self._step(instruction)
                if step is not None:
                    done = [n for n in self._done.get(at, ()) if n not in self._steady]
                    step = self._noting(at, emptying(step, self._r, done) if done else step)
                self.steps[at] = step

    def _depending(self, root: int) -> list[int]:
        """The instructions that are bound to a register, to what shows its memory or takes it."""
        if root not in self._dependents:
            family, found = {root}, []
            for k, instruction in enumerate(self._all):
                outs = {slot.number for slot in instruction.outs}
                if family.isdisjoint(outs) and family.isdisjoint(self._inputs[instruction]):
                    continue
                found.append(k)
                family |= {slot.number for slot in instruction.outs if k < self._first or self._follows(slot)}
            self._dependents[root] = found
        return self._dependents[root]

    def _follows(self, slot: Slot) -> bool:
        """Whether a result's array is made of an input's when it is bound."""
        return slot in self._reused or (slot.shows is not None and slot.number in self._steady)

    def _step(self, instruction: Instruction) -> Step | None:
        """An instruction's step; None if its result is there as soon as what it shows is."""
        r, outs = self._r, instruction.outs
        steady = self._steady.issuperset(self._inputs[instruction])
        if steady and shows_steadily(instruction):
            return self._view(instruction)
        for slot in outs:
            if slot in self._reused and steady:
                r[slot.number] = r[self._inputs[instruction][self._reused[slot]]]
                self._steady.add(slot.number)
        all_placed = bool(outs) and all(slot in self._placed for slot in outs)
        if all_placed and steady and (ready := self._ready(instruction)) is not None:
            return ready
        chain, step = instruction.function, step_of(instruction, r, self._find, steady)
        if isinstance(chain, Chain):
            chain.places = {s: r[s.number] for s in outs if s in self._placed and s not in self._reused}
            chain.reused = {s: self._reused[s] for s in outs if s in self._reused}
            return step
        if all_placed and (found := self._direct[instruction]) is not None:
            return self._onto(*found, instruction)
        places = [(slot.number, r[slot.number]) for slot in outs if slot in self._placed]
        return copying(step, r, places) if places else step

    def _view(self, instruction: Instruction) -> Step | None:
        """Take a view now; where NumPy copies, as it may for another layout than the recorded one, do so at each replay."""
        (source,), (out,) = instruction.inputs, instruction.outs
        step = step_of(instruction, self._r, self._find, True)
        step()
        if np.may_share_memory(self._r[out.number], self._r[source.number]):
            self._steady.add(out.number)
            return None
        self._steady.discard(out.number)
        return step

    def _onto(self, ufunc: np.ufunc, parts: Sequence[Any], instruction: Instruction) -> Step:
        """One of NumPy's functions on registers that change, its result going to its place or where an input was."""
        r, (out,) = self._r, instruction.outs
        if out not in self._reused:
            return into(ufunc, parts, r, r[out.number])
        memory = self._inputs[instruction][self._reused[out]]
        numbers = [(part.number, None) if isinstance(part, Slot) else (None, part) for part in parts]

        def run() -> None:
            r[out.number] = ufunc(*[part if n is None else r[n] for n, part in numbers], out=r[memory])

        return run

    def _ready(self, instruction: Instruction) -> Step | None:
        """The function that an instruction is, with its arrays and the memory for its results."""
        r = self._r
        outs = [r[slot.number] for slot in instruction.outs]
        if isinstance(instruction.function, Chain):
            return instruction.function.prepare([r[n] for n in self._inputs[instruction]], outs)
        if (found := self._direct[instruction]) is not None:
            ufunc, parts = found
            return partial(ufunc, *(_arrays(part, r) for part in parts), out=outs[0])
        call = instruction.call
        if call is None or call.name not in PREPARE:
            return None
        given = [scratch_of(slot) if slot.number < 0 else r[slot.number] for slot in call.outs]
        if call.shape is not None:
            given = [given[0].reshape(call.shape)]
            if not np.may_share_memory(given[0], outs[0]):
                return None
        return PREPARE[call.name](tuple(given), *_arrays(call.args, r), **_arrays(call.kwargs, r))


def _arrays(tree: Any, r: Registers) -> Any:
    """A call's arguments with arrays in the place of slots."""
    if isinstance(tree, Slot):
        return r[tree.number]
    if isinstance(tree, tuple):
        return tuple(_arrays(part, r) for part in tree)
    if isinstance(tree, dict):
        return {key: _arrays(part, r) for key, part in tree.items()}
    return tree
