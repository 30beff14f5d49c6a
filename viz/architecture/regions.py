"""Reading a graph as a textbook draws it: boxes in series, branches in parallel, and wires that skip over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Parallel:
    """Branches between two boxes.

    Attributes:
        branches: what stands on each; a branch with nothing on it is a skip.
        skip: the boxes that a wire with nothing on it leads from and to, or None.
    """

    branches: tuple[Series, ...]
    skip: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Tangle:
    """Boxes that are neither in series nor in parallel, in the order of computation.

    Attributes:
        members: the boxes.
        arcs: the wires between boxes that do not stand side by side.
    """

    members: tuple[int, ...]
    arcs: tuple[tuple[int, int], ...]


Item: TypeAlias = "int | Parallel | Tangle"
Series: TypeAlias = "tuple[Item, ...]"


def arrange(inputs: Sequence[Sequence[int]]) -> Series:
    """Take a graph apart.

    Args:
        inputs: for each box the positions of those it reads, all before it; the first reads nothing, and the last is the
            end.

    >>> arrange([[], [0], [1], [1, 2]])
    (0, 1, Parallel(branches=((2,),), skip=(1, 3)), 3)
    """
    end = len(inputs) - 1
    edges = [(source, target) for target, sources in enumerate(inputs) for source in sources]
    if end == 0:
        return (0,)
    return (0, *_between(list(range(1, end)), 0, end, edges), end)


Edges = list[tuple[int, int]]


def _between(inner: list[int], source: int, sink: int, edges: Edges) -> Series:
    """What stands between two boxes: `inner`, in order, and the wires among them and to both ends."""
    place = {box: i for i, box in enumerate([source, *inner, sink])}
    own = [(a, b) for a, b in edges if a in place and b in place]
    jumped = {i for a, b in own for i in range(place[a] + 1, place[b])}
    stops = [source, *(box for box in inner if place[box] not in jumped), sink]
    items: list[Item] = []
    for a, b in pairwise(stops):
        between = inner[place[a] : place[b] - 1]
        if between:
            items.append(_region(between, a, b, own))
        if b != sink:
            items.append(b)
    return tuple(items)


def _region(inner: list[int], source: int, sink: int, edges: Edges) -> Parallel | Tangle:
    parts = _components(inner, edges)
    skips = (source, sink) in edges
    if len(parts) == 1 and not skips:
        order = [source, *inner, sink]
        place = {box: i for i, box in enumerate(order)}
        return Tangle(
            tuple(inner), tuple((a, b) for a, b in edges if a in place and b in place and place[b] > place[a] + 1)
        )
    branches = tuple(
        _between(part, source, sink, [(a, b) for a, b in edges if a in part or b in part]) for part in parts
    )
    return Parallel(branches, (source, sink) if skips else None)


def _components(inner: list[int], edges: Edges) -> list[list[int]]:
    """The groups of boxes that hang together, each in order."""
    group = {box: box for box in inner}

    def root(box: int) -> int:
        while group[box] != box:
            box = group[box]
        return box

    for a, b in edges:
        if a in group and b in group:
            group[root(b)] = root(a)
    parts: dict[int, list[int]] = {}
    for box in inner:
        parts.setdefault(root(box), []).append(box)
    return list(parts.values())
