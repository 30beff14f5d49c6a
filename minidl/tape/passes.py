"""What is done to a program before it is replayed: needless lines go, work that never changes is done once, memory is planned.

All passes look at slots by their base, the slot whose memory a view shows, so that a change of one is a change of all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..graph import Node
from .program import Instruction, Slot


def needed(instructions: Sequence[Instruction], outputs: Iterable[Slot]) -> list[Instruction]:
    """The instructions on which an output or an effect depends."""
    wanted = set(outputs)
    kept = []
    for instruction in reversed(instructions):
        if not instruction.is_pure or any(out in wanted for out in instruction.outs):
            kept.append(instruction)
            wanted.difference_update(instruction.outs)
            wanted.update(instruction.inputs)
    return kept[::-1]


def written(instructions: Iterable[Instruction]) -> set[Slot]:
    """The bases of all memory that some instruction changes."""
    return {slot.base for i in instructions for slot in i.writes}


def escaping(instructions: Iterable[Instruction], outputs: Iterable[Slot]) -> set[Slot]:
    """The bases of all memory that others hold after a replay: results, gradients, what tensors were given."""
    left = [slot for i in instructions if i.role in ("gradient", "replace") for slot in i.inputs]
    return {slot.base for slot in (*left, *outputs)}


def without_copies(instructions: list[Instruction], outputs: Sequence[Slot]) -> list[Instruction]:
    """Hand a gradient on as it is, where it is copied only lest somebody else hold it, and nobody does.

    A copy goes if it is all that leaves the replay of its source's memory, nothing reads that memory later on, and the only
    thing done with the copy is to assign it as a gradient.
    """
    readers: dict[Slot, list[str]] = {}
    for instruction in instructions:
        for slot in instruction.inputs:
            readers.setdefault(slot, []).append(instruction.role)
    shown = {out.shows for instruction in instructions for out in instruction.outs}
    changed, left = written(instructions), escaping(instructions, outputs)
    last: dict[Slot, int] = {}
    copies: Counter[Slot] = Counter()
    for k, instruction in enumerate(instructions):
        for slot in instruction.inputs:
            last[slot.base] = k
        if instruction.name == "clone":
            copies[instruction.inputs[0].base] += 1
    instead: dict[Slot, Slot] = {}
    kept = []
    for k, instruction in enumerate(instructions):
        if instruction.name == "clone" and instruction.role == "primitive":
            (source,), (copy,) = instruction.inputs, instruction.outs
            base = source.base
            alone = base.kind == "result" and base not in changed | left and copies[base] == 1 and last[base] == k
            passed_on = readers.get(copy) == ["gradient"] and copy not in shown and copy not in outputs
            if alone and passed_on and copy not in changed and base.nbytes == copy.nbytes:
                instead[copy] = source
                continue
        if instead and any(slot in instead for slot in instruction.inputs):
            instruction.args = tuple(instead.get(a, a) if isinstance(a, Slot) else a for a in instruction.args)
        kept.append(instruction)
    return kept


def split(
    instructions: list[Instruction], outputs: Sequence[Slot], fresh: set[Slot]
) -> tuple[list[Instruction], list[Instruction]]:
    """Separate what need not be done at every replay: views of parameters, and what is made of constants alone.

    Args:
        instructions: the program.
        outputs: what it returns.
        fresh: the constants that the function makes itself, which nobody else can change.
    """
    fixed = written(instructions) | escaping(instructions, outputs)
    steady = {slot for slot in fresh if slot.base not in fixed}
    views: set[Slot] = set()  # their memory stays where it is, but the numbers in it may change
    once, always = [], []
    for instruction in instructions:
        own = instruction.inputs
        computed = all(slot in steady for slot in own) and not any(out.base in fixed for out in instruction.outs)
        shown = len(own) == 1 and (own[0].kind == "tensor" or own[0] in steady | views) and _is_view(instruction)
        if instruction.is_pure and (computed or shown) and instruction.outs:
            once.append(instruction)
            (steady if computed else views).update(instruction.outs)
        else:
            always.append(instruction)
    return once, always


def _is_view(instruction: Instruction) -> bool:
    return instruction.role == "primitive" and instruction.owner.views and instruction.outs[0].shows is not None


def without_forgotten(instructions: Sequence[Instruction]) -> list[Instruction]:
    """Leave out the gradients that are assigned again before anything could see them."""
    kept = []
    assigned: set[Node] = set()
    for instruction in reversed(instructions):
        if instruction.role == "gradient":
            if instruction.owner in assigned:
                continue
            assigned.add(instruction.owner)
        elif instruction.role == "effect" or any(slot.base.kind == "gradient" for slot in instruction.inputs):
            assigned.clear()  # a guard that fails sees none either: all is taken back
        kept.append(instruction)
    return kept[::-1]


def in_place(
    instructions: Sequence[Instruction], outputs: Iterable[Slot], willing: set[Instruction]
) -> dict[Slot, int]:
    """Let results take the memory of an input that nobody needs any more, of the same shape, dtype and layout.

    Returns:
        For each such result the position of that input among the instruction's. The result then shows its memory.
    """
    left, changed = escaping(instructions, outputs), written(instructions)
    last: dict[Slot, int] = {}
    for k, instruction in enumerate(instructions):
        for slot in instruction.inputs:
            last[slot.base] = k
    made = {out: instruction for instruction in instructions for out in instruction.outs}
    found: dict[Slot, int] = {}
    for k, instruction in enumerate(instructions):
        if instruction not in willing or len(instruction.outs) != 1:
            continue
        (out,) = instruction.outs
        bases = Counter(slot.base for slot in instruction.inputs)
        for position, slot in enumerate(instruction.inputs):
            base = slot.base
            free = base in made and base not in left | changed and last[base] == k and bases[base] == 1
            alike = (slot.shape, slot.strides, slot.dtype) == (out.shape, out.strides, out.dtype)
            if free and alike and slot.nbytes == base.nbytes and out.shows is None and not _is_repeated(slot, made):
                found[out], out.shows = position, slot
                last[base] = max(last[base], last.get(out, k))
                for noted in (left, changed):
                    if out in noted:  # what leaves the replay, or is written to, is now the input's memory
                        noted.add(base)
                break
    return found


def _is_repeated(slot: Slot | None, made: Mapping[Slot, Instruction]) -> bool:
    """Whether a slot shows a broadcast, which NumPy does not let anybody write to."""
    while slot is not None:
        if slot in made and made[slot].name == "expand":
            return True
        slot = slot.shows
    return False


def straighten(instructions: Sequence[Instruction], gradients: Mapping[Slot, tuple[Slot, Node]]) -> None:
    """Have a product lie in memory so that its transpose, which is a weight's gradient, lies as the weight does.

    (x Wᵀ sends the gradient (xᵀg)ᵀ to W. What updates the weight would otherwise bring it into order first.)
    """
    made = {out: instruction for instruction in instructions for out in instruction.outs}
    readers = Counter(slot for instruction in instructions for slot in instruction.inputs)
    for base, (gradient, _) in gradients.items():
        call, last = made[base].call, made.get(gradient)
        if (
            last is None
            or last.name != "permute"
            or gradient.shows is not base
            or call is None
            or call.name != "matmul"
        ):
            continue
        if readers[base] == 1 == readers[gradient] and base.shape == call.outs[0].shape and call.shape is None:
            steps = [gradient.dtype.itemsize]
            for n in gradient.shape[:0:-1]:
                steps.insert(0, steps[0] * n)
            gradient.strides = tuple(steps)
            by_axis = dict(zip(last.kwargs["dims"], steps, strict=True))
            base.strides = tuple(by_axis[i] for i in range(len(steps)))


@dataclass(eq=False, slots=True)
class Buffer:
    """A piece of memory that results take turns in.

    Attributes:
        name: as the listing calls it.
        nbytes: its size.
        tenants: the slots that live in it, in order.
    """

    name: str
    nbytes: int
    tenants: list[Slot]


def plan(instructions: Sequence[Instruction], outputs: Sequence[Slot], willing: set[Instruction]) -> dict[Slot, Buffer]:
    """Give results places in a few buffers: each time the smallest free one that is large enough (best fit).

    Args:
        instructions: the program.
        outputs: what it returns.
        willing: the instructions that write their results where they are told.

    Returns:
        The buffer of each result that has one; what leaves the replay has none.
    """
    left = escaping(instructions, outputs)
    last: dict[Slot, int] = {}
    for k, instruction in enumerate(instructions):
        for slot in (*instruction.inputs, *instruction.outs):
            last[slot.base] = k
    ends: dict[int, list[Buffer]] = {}
    free: list[Buffer] = []
    places: dict[Slot, Buffer] = {}
    count = 0
    for k, instruction in enumerate(instructions):
        for slot in instruction.outs if instruction in willing else ():
            if slot in left or slot.shows is not None or not slot.nbytes:
                continue
            fitting = [b for b in free if slot.nbytes <= b.nbytes <= 4 * slot.nbytes]
            if fitting:
                buffer = min(fitting, key=lambda b: b.nbytes)
                free.remove(buffer)
            else:
                buffer = Buffer(_letters(count), slot.nbytes, [])
                count += 1
            buffer.tenants.append(slot)
            places[slot] = buffer
            ends.setdefault(last[slot], []).append(buffer)
        free += ends.pop(k, [])
    return places


def kept(
    instructions: Sequence[Instruction], outputs: Sequence[Slot], willing: set[Instruction], steady: set[Slot]
) -> dict[Slot, tuple[Slot, Node]]:
    """The results that are gradients afterwards, and may be written into the same memory at each replay.

    That is so where nothing else leaves the replay of that memory, and where no guard can fail any more once it is
    written to: a replay that is taken back leaves the earlier gradients as they were. A gradient that is added to the one
    from before is not among them.

    Returns:
        For each such result the gradient, which is it or shows it, and whose gradient that is.
    """
    last = max((k for k, i in enumerate(instructions) if i.role == "guard" or i.checks), default=-1)
    others = {slot.base for slot in outputs} | written(instructions)
    others |= {slot.base for i in instructions if i.role == "replace" for slot in i.inputs}
    read = {slot.owner for i in instructions for slot in i.inputs if slot.kind == "gradient"}
    assigned = [(i.owner, slot) for i in instructions if i.role == "gradient" for slot in i.inputs]
    count = Counter(slot.base for _, slot in assigned)
    late = {slot for k, i in enumerate(instructions) if k > last and i in willing for slot in i.outs}
    return {
        slot.base: (slot, owner)
        for owner, slot in assigned
        if slot.base in late and slot.base not in others and count[slot.base] == 1 and owner not in read
        and slot in steady and slot.base.nbytes
    }  # fmt: skip


LARGE = 1 << 16
"""Memory of so many bytes is given back as soon as nobody reads it any more."""


def done_with(
    instructions: Sequence[Instruction], outputs: Iterable[Slot], places: Mapping[Slot, Buffer]
) -> dict[int, list[int]]:
    """The registers that can be emptied after an instruction, by its number: the last that reads from large memory."""
    left = escaping(instructions, outputs)
    made = {out for instruction in instructions for out in instruction.outs}
    last: dict[Slot, int] = {}
    family: dict[Slot, set[int]] = {}
    for k, instruction in enumerate(instructions):
        for slot in (*instruction.inputs, *instruction.outs):
            last[slot.base] = k
            family.setdefault(slot.base, set()).add(slot.number)
    done: dict[int, list[int]] = {}
    for base, k in last.items():
        if base in made and base not in left and base not in places and base.nbytes >= LARGE:
            done.setdefault(k, []).extend(family[base])
    return done


def _letters(n: int) -> str:
    """A, B, …, Z, AA, AB, …"""
    name = ""
    n += 1
    while n:
        n, rest = divmod(n - 1, 26)
        name = chr(65 + rest) + name
    return name
