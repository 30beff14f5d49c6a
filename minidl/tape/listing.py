"""The tape as a text: one line an instruction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from .program import Instruction, Slot, rebuilt

if TYPE_CHECKING:
    from .tape import Tape

WIDTH = 60
"""So wide the instructions may be before they are cut short."""


def listing(tape: Tape) -> str:
    """Write a tape down: what it reads, then each instruction with its result's shape, dtype, size and memory."""
    names = names_of(tape)
    held = sum(b.nbytes for b in set(tape.buffers.values()))
    placed = sum(slot.nbytes for slot in tape.buffers)
    memory = (
        f"; {len(set(tape.buffers.values()))} buffers of {size(held)} hold results of {size(placed)}" if held else ""
    )
    rows = [_row(k, instruction, names, tape) for k, instruction in enumerate(tape.instructions)]
    lines = [f"tape of {tape.name}: {len(rows)} instructions{memory}", *_wrapped("reads ", _inputs(tape, names))]
    if tape.once:
        lines += _wrapped("once  ", [_statement(instruction, names) for instruction in tape.once], "; ")
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(5)]
    widths[1] = min(widths[1], WIDTH)
    for row in rows:
        cells = [
            f"{cell:{'>' if column in (0, 3) else ''}{width}}"
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    lines += _wrapped("gives ", [names[slot] for slot in tape.outputs] or ["nothing"])
    if tape.broken is not None:
        lines.append(f"cannot be replayed: {tape.broken}")
    return "\n".join(lines)


def _inputs(tape: Tape, names: dict[Slot, str]) -> list[str]:
    return [f"{names[slot]} {slot.shape}" for slot in (*tape.arguments, *tape.tensors)]


def _wrapped(head: str, parts: Iterable[str], between: str = ", ") -> list[str]:
    """A list over as many lines as it takes."""
    lines, line = [], head
    for k, part in enumerate(parts):
        text = f"{between if k else ''}{part}"
        if len(line) + len(text) > 110 and line.strip() != head.strip():
            lines.append(f"{line}{between.rstrip()}")
            line, text = " " * len(head), part
        line += text
    return [*lines, line]


def _row(k: int, instruction: Instruction, names: dict[Slot, str], tape: Tape) -> tuple[str, str, str, str, str]:
    """The number, the statement, the first result's shape and dtype, its bytes, and where it lives or belongs."""
    statement = _statement(instruction, names)
    if len(statement) > WIDTH:
        statement = f"{statement[: WIDTH - 2]} …"
    where = " ".join(filter(None, (_memory(instruction, names, tape), instruction.scope and f"in {instruction.scope}")))
    if not instruction.outs:
        return str(k), statement, "", "", where
    out = instruction.outs[0]
    return (
        str(k),
        statement,
        f"{out.shape} {out.dtype}",
        size(sum(s.nbytes for s in instruction.outs if s.shows is None)),
        where,
    )


def _statement(instruction: Instruction, names: dict[Slot, str]) -> str:
    """`%3 = relu(%2)`."""
    arguments = [_shown(a, names) for a in instruction.args]
    arguments += [f"{key}={_shown(value, names)}" for key, value in instruction.kwargs.items()]
    call = f"{instruction.name}({', '.join(arguments)})"
    if instruction.role == "guard":
        return f"check {call} is {instruction.expected!r:.20}"
    if instruction.role == "write":
        target, index, _, value = instruction.args
        return f"{names[target]}[{_shown(index, names)}] = {_shown(value, names)}"
    if instruction.role in ("gradient", "replace"):
        owner = next((n for s, n in names.items() if s.owner is instruction.owner and s.kind != "gradient"), "a tensor")
        what = "grad" if instruction.role == "gradient" else "data"
        return f"{owner}.{what} = {arguments[0] if arguments else None}"
    if instruction.role == "effect":
        return f"{instruction.name}()"
    return f"{', '.join(names[slot] for slot in instruction.outs)} = {call}" if instruction.outs else call


def _shown(value: Any, names: dict[Slot, str]) -> str:
    named = rebuilt(value, lambda leaf: _Name(names[leaf]) if isinstance(leaf, Slot) else leaf)
    return "…" if named is Ellipsis else f"{named!r}"


class _Name(str):
    """A text that is shown without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _memory(instruction: Instruction, names: dict[Slot, str], tape: Tape) -> str:
    """In which buffer a result lives, and whose it was before; whose memory it takes or shows; or that it has its own, kept."""
    told = []
    for slot in instruction.outs:
        if slot in tape.buffers:
            buffer = tape.buffers[slot]
            before = buffer.tenants.index(slot)
            told.append(f"{buffer.name}{f', as {names[buffer.tenants[before - 1]]} was' if before else ''}")
        elif slot in tape.reused:
            told.append(f"in {names[instruction.inputs[tape.reused[slot]]]}")
        elif slot in tape.leases:
            told.append("kept")
        elif slot.shows is not None:
            told.append(f"shows {names[slot.base]}")
    return f"[{'; '.join(told)}]" if told else ""


def names_of(tape: Tape) -> dict[Slot, str]:
    """What each slot is called: `x0` for an argument, `fc.weight` for a parameter, `%7` for a result, numbers as they are."""
    names = {slot: f"x{i}" for i, slot in reversed(list(enumerate(tape.arguments)))}
    taken: set[str] = set()
    count = 0
    for instruction in (*tape.once, *tape.instructions):
        for slot in (*instruction.inputs, *instruction.outs):
            if slot in names:
                continue
            if slot.kind == "result":
                names[slot], count = f"%{count}", count + 1
            elif slot.kind == "constant":
                names[slot] = f"{slot.array.item():.4g}" if np.size(slot.array) == 1 else f"constant{slot.shape}"
            else:
                own = (slot.owner.name if slot.owner is not None else None) or f"tensor{slot.number}"
                full = ".".join(filter(None, (instruction.scope, own)))
                names[slot] = full if full not in taken else f"{full}′"
                taken.add(full)
                if slot.kind == "gradient":
                    names[slot] += ".grad"
    return {**{slot: f"%{slot.number}?" for slot in tape.slots}, **names}


def size(nbytes: int) -> str:
    """A number of bytes with a unit.

    >>> size(512), size(2048), size(3_500_000)
    ('512 B', '2.0 kB', '3.5 MB')
    """
    if nbytes < 1000:
        return f"{nbytes} B"
    return f"{nbytes / 1e3:.1f} kB" if nbytes < 1e6 else f"{nbytes / 1e6:.1f} MB"
