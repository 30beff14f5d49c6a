"""Fusion: a chain of elementwise operations becomes one kernel, which reads each number once and writes each result once.

The kernel is written by the operations' own forward rules: fed expressions instead of arrays they say what they compute.
It goes into a file beside the compiled kernels, named by its content, so that Numba finds it compiled the next time.

Only plain arithmetic, comparisons and choices are fused: of exponentials and the like NumPy computes eight at a time, which
Numba cannot (1 M `exp` take it 8 ms, NumPy 1.2). A chain pays from some thousand elements on; below, calling a kernel costs
what calling NumPy does.

    kernel(C-contiguous matrices, rows or columns of numbers that repeat, single numbers) → the results, matrices

The matrix is the array with its axes in the order in which they lie in memory, cut in two where what is broadcast (a bias,
one number a channel) begins or ends to repeat.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from ..kernels.cpu.paths import enabled
from .chain import WRITTEN, Chain, Cut, axes_by_stride, kind_of
from .expression import Expression, read
from .program import Instruction, Slot

SMALLEST = 4096
"""From so many elements a chain is fused."""


def fused(instructions: Sequence[Instruction], outputs: Iterable[Slot]) -> list[Instruction]:
    """The program with its chains fused; unchanged if the path `fusion` is switched off.

    A chain grows while operation follows operation on arrays of one shape and layout. What does not read from it moves
    ahead of it; the first that reads from it, or changes anything, ends it.
    """
    if not enabled("fusion"):
        return list(instructions)
    outside: dict[Slot, list[Instruction | None]] = {slot: [None] for slot in outputs}
    for instruction in instructions:
        for slot in instruction.inputs:
            outside.setdefault(slot, []).append(instruction)
    result: list[Instruction] = []
    chain = _Growing()
    for instruction in instructions:
        expression = _fusible(instruction)
        if expression is not None:
            if not chain.takes(instruction):
                result += chain.closed(outside)
                chain = _Growing()
            chain.add(instruction, expression)
        else:
            if not instruction.is_pure or any(slot.base in chain.made for slot in instruction.inputs):
                result += chain.closed(outside)
                chain = _Growing()
            result.append(instruction)
    return result + chain.closed(outside)


class _Growing:
    """A chain in the making: its operations, and where what they broadcast cuts the axes in two."""

    def __init__(self) -> None:
        self.made: dict[Slot, Expression] = {}
        self.members: list[Instruction] = []
        self.cuts: dict[Slot, Cut] = {}

    def takes(self, instruction: Instruction) -> bool:
        """Whether an operation goes on where the chain ends."""
        if not any(slot in self.made for slot in instruction.inputs):
            return False
        first, out = self.members[0].outs[0], instruction.outs[0]
        if first.shape != out.shape or axes_by_stride(first) != axes_by_stride(out):
            return False
        cuts = [_cut(slot, out) for slot in instruction.inputs if slot not in self.made]
        return len({at for _, at in (*self.cuts.values(), *filter(None, cuts)) if at >= 0}) <= 1

    def add(self, instruction: Instruction, expression: Expression) -> None:
        """Let the chain grow."""
        for slot in instruction.inputs:
            cut = _cut(slot, instruction.outs[0])
            if slot not in self.made and cut is not None:
                self.cuts[slot] = cut
        self.made[instruction.outs[0]] = expression
        self.members.append(instruction)

    def closed(self, readers: dict[Slot, list[Instruction | None]]) -> list[Instruction]:
        """One instruction for the whole chain; a chain of one function stays what it is."""
        if len(self.members) < 2 and not any(map(_is_composed, self.made.values())):
            return self.members
        outs = tuple(slot for slot in self.made if any(r not in self.members for r in readers.get(slot, [])))
        name = "·".join(instruction.name for instruction in self.members)
        call = Chain(self.made, self.cuts, outs)
        return [
            Instruction(name, "numpy", call, tuple(self.cuts), outs=outs, scope=self.members[0].scope, expected=outs)
        ]


def _fusible(instruction: Instruction) -> Expression | None:
    """The expression of an operation that may be part of a chain."""
    if instruction.role not in ("primitive", "numpy") or len(instruction.outs) != 1:
        return None
    out = instruction.outs[0]
    slots = (*instruction.inputs, out)
    floats = {slot.dtype for slot in slots if slot.dtype.kind == "f"}
    if math.prod(out.shape) < SMALLEST or len(floats) != 1 or any(s.dtype.kind not in "fb" for s in slots):
        return None
    if floats.pop().itemsize < 4 or not _dense(out) or any(_cut(s, out) is None for s in instruction.inputs):
        return None
    expression = read(instruction)
    if expression is None or not _is_arithmetic(expression) or kind_of(expression) != out.dtype.kind:
        return None
    return expression


def _is_composed(expression: Expression) -> bool:
    """Whether it takes more than one function, such as a product in which 0 wins over infinity."""
    return any(isinstance(part, Expression) and part.slot is None for part in expression.parts)


def _dense(slot: Slot) -> bool:
    """Whether its elements fill a piece of memory without gaps."""
    step = slot.dtype.itemsize
    for axis in reversed(axes_by_stride(slot)):
        if slot.strides[axis] != step:
            return False
        step *= slot.shape[axis]
    return True


def _is_arithmetic(expression: Any) -> bool:
    if not isinstance(expression, Expression):
        return isinstance(expression, int | float) and not isinstance(expression, bool) and math.isfinite(expression)
    if expression.slot is not None:
        return True
    return expression.name in WRITTEN and all(map(_is_arithmetic, expression.parts))


def _cut(slot: Slot, out: Slot) -> Cut | None:
    """How an input meets the matrix, and where it cuts the axes; None if it does not."""
    lead = len(out.shape) - len(slot.shape)
    order = axes_by_stride(out)
    own = tuple(i for i in order if i >= lead and slot.shape[i - lead] > 1)
    if not own:
        return "s", -1
    if len(own) == len(order):
        sizes = slot.dtype.itemsize, out.dtype.itemsize
        alike = slot.strides and all(slot.strides[i - lead] * sizes[1] == out.strides[i] * sizes[0] for i in order)
        return ("m", -1) if alike else None
    if own == order[-len(own) :]:
        return "c", len(order) - len(own)
    return ("r", len(own)) if own == order[: len(own)] else None
