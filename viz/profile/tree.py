"""A profile as a tree: the whole, its phases, the modules in them, their operations, and the operations that those used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from minidl.profiler import Profile

Kind = Literal["whole", "phase", "module", "operation", "rest"]

REST = "between"
"""What the time in no operation is called."""


@dataclass(slots=True)
class Part:
    """A stretch of time with what it is made of.

    Attributes:
        name: what it is called in its parent.
        kind: what it is.
        seconds: its time, with all parts inside.
        calls: how often it ran; 0 where that says nothing.
        parts: what it is made of, in the order in which each ran first; together at most its time.
    """

    name: str
    kind: Kind
    seconds: float = 0.0
    calls: int = 0
    parts: list[Part] = field(default_factory=list)

    def part(self, name: str, kind: Kind) -> Part:
        """The part of that name, made if there is none."""
        found = next((part for part in self.parts if (part.name, part.kind) == (name, kind)), None)
        if found is None:
            found = Part(name, kind)
            self.parts.append(found)
        return found

    @property
    def depth(self) -> int:
        """How many levels it has, itself included."""
        return 1 + max((part.depth for part in self.parts), default=0)

    def all(self, path: Sequence[str] = ()) -> Iterator[tuple[tuple[str, ...], Part]]:
        """Every part inside, each with the names on the way to it."""
        for part in self.parts:
            yield (*path, part.name), part
            yield from part.all((*path, part.name))


def tree_of(profile: Profile) -> Part:
    """Arrange what a profile measured.

    >>> import minidl
    >>> with minidl.profile() as p:
    ...     _ = minidl.ones(3).exp()
    >>> [(path, part.kind) for path, part in tree_of(p).all()][:2]
    [(('forward',), 'phase'), (('forward', 'exp'), 'operation')]
    """
    root = Part("all", "whole", profile.seconds)
    for name, seconds in profile.phases.items():
        root.part(name, "phase").seconds = seconds
    for row in profile.rows:
        part = root.part(row.phase, "phase")
        for name in row.module.split(".") if row.module else ():
            part = part.part(name, "module")
            part.seconds += row.seconds
        for name in row.operation:
            part = part.part(name, "operation")
            part.seconds += row.seconds
        part.calls += row.calls
    for phase in root.parts:
        rest = phase.seconds - sum(part.seconds for part in phase.parts)
        if phase.parts and rest > 0:
            phase.parts.append(Part(REST, "rest", rest))
    return root
