"""Which boxes a figure of a network has: a layer each, or layers folded into blocks, and blocks that repeat into one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby
from typing import Any, Final

from .fields import Field
from .names import Family
from .places import members
from .regions import arrange
from .survey import Row, Survey
from .trace import Call

_WEIGHTED: Final = ("conv", "dense")
_ABSORBING: Final = ("conv", "dense", "norm", "pool")
_SILENT: Final = ("flatten", "reshape", "select", "permute", "dropout")
_LONGEST_CONTENTS: Final = 22
LONGEST_SYMBOL: Final = 2
"""An operation whose sign is no longer stands in a circle."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """One box.

    Attributes:
        text: what it is: `conv 3×3`, or the class of a container.
        note: what else is in it, or its name.
        family: the kind of layer, which decides its fill.
        shape: the shape of its output for one example.
        parameters: how many parameters it has.
        multiply_adds: the multiplications it adds up for one example.
        field: the receptive field of one number of its output.
        inputs: the positions of the boxes that it reads.
        calls: the containers it stands in, the outermost first.
        layers: how many layers are folded into it.
        repeats: how many equal boxes in a row it stands for.
        is_container: whether it is a module with others inside.
        output: what it computed.
        kernels: the kernels of its convolution, or None.
        share: which part of the network's time it took, where that was measured.
    """

    text: str
    note: str
    family: Family
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    field: Field | None
    inputs: tuple[int, ...]
    calls: tuple[Call, ...]
    layers: int = 1
    repeats: int = 1
    is_container: bool = False
    output: Any = None
    kernels: Any = None
    share: float = 0.0

    @property
    def is_operation(self) -> bool:
        """Whether it is a sign or a word on a wire, such as + or concat, rather than a layer."""
        return (
            self.family == "operation"
            and self.layers == 1
            and (len(self.text) <= LONGEST_SYMBOL or self.text == "concat")
        )

    @property
    def key(self) -> tuple[object, ...]:
        """What it shares with the boxes that it can be folded with."""
        return self.text, self.note, self.family, self.shape, self.calls[:1], self.is_container


Blocks = tuple[Block, ...]


def full(survey: Survey) -> Blocks:
    """A box for each layer and operation."""
    return tuple(
        Block(
            row.layer.text or row.name,
            row.name if row.calls or row.name not in (row.layer.text, "input") else "",
            row.layer.family, row.shape, row.parameters, row.multiply_adds, row.field, row.inputs, row.calls,
            output=row.output, kernels=row.kernels, share=row.share,
        )
        for row in map(_plain, survey.rows)
    )  # fmt: skip


def _plain(row: Row) -> Row:
    """A row named by the last part of its path, as its containers are drawn around it."""
    name = row.name.rpartition(".")[2]
    return replace(row, name="" if name.isdecimal() or name.lower() == row.layer.text.lower() else name)


def compact(survey: Survey) -> Blocks:
    """A box for each block: branching containers as one, activations with the layer before them, equal neighbours once."""
    rows = tuple(replace(block, note="") for block in full(survey))
    blocks = _fold_containers(rows, _innermost_branching(rows))
    return fold_repeats(_absorb(blocks))


def fold_deeper(blocks: Blocks) -> Blocks:
    """Fold the innermost containers that are still drawn around boxes; the same boxes where there are none."""
    deepest = max((len(block.calls) for block in blocks), default=0)
    if not deepest:
        return blocks
    calls = {id(block.calls[deepest - 1]) for block in blocks if len(block.calls) >= deepest}
    folded = _fold_containers(blocks, calls)
    if len(folded) == len(blocks):  # containers of one box each: they are only frames
        folded = tuple(replace(block, calls=block.calls[: deepest - 1]) for block in blocks)
        return fold_deeper(fold_repeats(folded))
    return fold_repeats(folded)


def leave_out_middle(blocks: Blocks, kept: int) -> Blocks:
    """Keep about `kept` boxes at the beginning and the end, and fold what lies between into one."""
    series = arrange([block.inputs for block in blocks])
    alone = [i for i, item in enumerate(series) if isinstance(item, int)]  # what all wires pass through
    counts = list(accumulate(len(members(item)) for item in series))
    first = max((i for i in alone if counts[i] <= kept // 2), default=0)
    last = min((i for i in alone if counts[-1] - counts[i] < kept // 2), default=len(series) - 1)
    middle = {box for item in series[first + 1 : last] for box in members(item)}
    if len(middle) < 2:
        return blocks

    def united(inner: Sequence[Block], inputs: tuple[int, ...]) -> Block:
        note = f"{sum(block.layers for block in inner)} layers"
        return replace(_united(inner, "⋯", note, inputs), calls=(), family="operation")

    return _regroup(blocks, [-1 if i in middle else i for i in range(len(blocks))], united)


def fold_repeats(blocks: Blocks) -> Blocks:
    """Fold equal boxes that follow one another in a chain into one."""
    readers = _readers(blocks)

    def goes_on(i: int) -> bool:
        is_next = blocks[i].inputs == (i - 1,) and readers[i - 1] == [i]
        return is_next and blocks[i].key == blocks[i - 1].key and blocks[i].family != "input"

    group, groups = 0, []
    for i in range(len(blocks)):
        group += not (i > 0 and goes_on(i))
        groups.append(group)

    def united(inner: Sequence[Block], inputs: tuple[int, ...]) -> Block:
        first = inner[0]
        block = _united(inner, first.text, first.note, inputs)
        repeats = sum(member.repeats for member in inner)
        return replace(block, family=first.family, is_container=first.is_container, calls=first.calls, repeats=repeats)

    return _regroup(blocks, groups, united)


def _readers(blocks: Sequence[Block]) -> list[list[int]]:
    readers: list[list[int]] = [[] for _ in blocks]
    for i, block in enumerate(blocks):
        for source in block.inputs:
            readers[source].append(i)
    return readers


def _innermost_branching(blocks: Blocks) -> set[int]:
    """The ids of the calls of containers with branches inside but no such container inside."""
    branching: dict[int, Call] = {}
    for i, block in enumerate(blocks):
        for depth, call in enumerate(block.calls):
            inner = [j for j in block.inputs if call in blocks[j].calls[: depth + 1]]
            joins = len(block.inputs) > 1 and (len(inner) > 0 or i > 0)
            if joins:
                branching[id(call)] = call
    outer = {id(around) for call in branching.values() for around in _around(call)}
    return {key for key in branching if key not in outer}


def _around(call: Call) -> Iterable[Call]:
    outer = call.outer
    while outer is not None:
        yield outer
        outer = outer.outer


def _fold_containers(blocks: Blocks, calls: set[int]) -> Blocks:
    """Make one box of all that stands in one of the calls."""
    groups: list[object] = []
    for i, block in enumerate(blocks):
        inside = next((call for call in block.calls if id(call) in calls), None)
        groups.append(i if inside is None else inside)

    def united(inner: Sequence[Block], inputs: tuple[int, ...]) -> Block:
        call = next(c for c in inner[0].calls if id(c) in calls)
        kind = type(call.module).__name__
        text = call.path.rpartition(".")[2] if kind == "Sequential" else kind
        outer = inner[0].calls[: inner[0].calls.index(call)]
        return replace(_united(inner, text, _contents(inner), inputs), calls=outer)

    return _regroup(blocks, groups, united)


def _contents(inner: Sequence[Block]) -> str:
    """What is in a container: `2 conv 3×3`, or how many layers."""
    weighted = [text for block in inner if block.family in _WEIGHTED for text in [block.text] * block.repeats]
    runs = [(text, len(list(same))) for text, same in groupby(weighted)]
    words = ", ".join(text if count == 1 else f"{count} {text}" for text, count in runs)
    return words if len(words) <= _LONGEST_CONTENTS and words else f"{len(weighted)} layers" if weighted else ""


def _absorb(blocks: Blocks) -> Blocks:
    """Put activations and normalisations to the layer before them, changes of shape and dropout to the one after."""
    readers = _readers(blocks)
    groups = list(range(len(blocks)))
    for i in reversed(range(1, len(blocks))):
        is_silent = blocks[i].text.startswith(_SILENT) and not blocks[i].is_container
        if is_silent and blocks[i].parameters == 0 and len(readers[i]) == 1:
            after = readers[i][0]
            if len(blocks[after].inputs) == 1 and (blocks[after].family in _WEIGHTED or groups[after] != after):
                groups[i] = groups[after]
    for i, block in enumerate(blocks):
        if len(block.inputs) != 1 or block.is_container or groups[i] != i:
            continue
        before = block.inputs[0]
        head = blocks[groups[before]]
        absorbs = head.is_container or head.family in _ABSORBING
        is_extra = block.family in ("activation", "norm") or block.text.startswith("dropout")
        if is_extra and absorbs and readers[before] == [i] and block.calls[:1] == head.calls[:1]:
            groups[i] = groups[before]

    def united(inner: Sequence[Block], inputs: tuple[int, ...]) -> Block:
        head = next(block for block in inner if block.family != "shape")
        rest = [b for b in inner if b is not head and b.family in ("activation", "norm")]
        note = " · ".join([head.note] * head.is_container + [b.text for b in rest])
        block = _united(inner, head.text, note, inputs)
        return replace(block, family=head.family, is_container=head.is_container, calls=head.calls)

    return _regroup(blocks, groups, united)


def _united(inner: Sequence[Block], text: str, note: str, inputs: tuple[int, ...]) -> Block:
    """One box for several, with their sums; what it puts out is what the last puts out."""
    last = inner[-1]
    families = [member.family for member in inner]
    family: Family = next((family for family in _WEIGHTED if family in families), "operation")
    return Block(
        text, note, family, last.shape,
        sum(member.parameters for member in inner), sum(member.multiply_adds for member in inner),
        last.field, inputs, last.calls, layers=sum(member.layers for member in inner), is_container=True,
        output=last.output, kernels=next((member.kernels for member in inner if member.kernels is not None), None),
        share=sum(member.share for member in inner),
    )  # fmt: skip


def _regroup(
    blocks: Blocks, groups: Sequence[object], united: Callable[[Sequence[Block], tuple[int, ...]], Block]
) -> Blocks:
    """Unite the boxes of each group; a group stands where its last box stood."""
    found: dict[object, list[int]] = {}
    for i, group in enumerate(groups):
        found.setdefault(group, []).append(i)
    order = sorted(found.values(), key=lambda group: group[-1])
    place = {i: position for position, group in enumerate(order) for i in group}
    result = []
    for position, group in enumerate(order):
        inputs = {place[j] for i in group for j in blocks[i].inputs} - {position}
        made = [blocks[i] for i in group]
        sources = tuple(sorted(inputs))
        result.append(replace(made[0], inputs=sources) if len(made) == 1 else united(made, sources))
    return tuple(result)
