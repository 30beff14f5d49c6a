"""Measure every operation while a block runs: the engine tells, the profile adds up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np

from ..errors import UsageError
from ..graph import Node, Primitive
from ..graph.mode import state
from .memory import Memory
from .table import Column, Table, milliseconds

FORWARD, BACKWARD, REPLAY = "forward", "backward", "replay"

BETWEEN = "(between operations)"
"""What stands for the time in no operation: Python, the engine's own work, the caller's code."""

_REHEARSALS = 500


@dataclass(frozen=True, slots=True)
class Row:
    """What one operation took in one module and one phase.

    Attributes:
        phase: "forward", "backward", "optimizer", "loading", or "replay" for all that a compiled function does.
        module: the path of the module that it ran in; "" outside of any.
        operation: the primitive; where a derivative rule used others, those that led to it: `("conv2d", "conv2d_weight")`.
        calls: how often it ran.
        seconds: how long in all, without the operations that it used.
        allocated: bytes of the results that it made.
    """

    phase: str
    module: str
    operation: tuple[str, ...]
    calls: int
    seconds: float
    allocated: int


class _Sum:
    """The running totals of one row."""

    __slots__ = ("allocated", "calls", "seconds")

    def __init__(self) -> None:
        self.calls = self.allocated = 0
        self.seconds = 0.0


class Profile:
    """What a `with minidl.profile()` block took. `print(p)` shows it; a rich console shows it in colour.

    Attributes:
        seconds: the time of the block.
        phases: the seconds of each phase; together they are the block's.
        overhead: seconds that measuring itself took, estimated from a rehearsal on nothing.
    """

    def __init__(self) -> None:
        self.seconds = self.overhead = 0.0
        self.phases: dict[str, float] = {}
        self._sums: dict[tuple[str, str, tuple[str, ...]], _Sum] = {}
        self._memory = Memory()
        self._phase, self._since, self._began = FORWARD, 0.0, 0.0
        self._path: tuple[str, ...] = ()
        self._module: str | None = None
        self._inner = 0.0

    # The block ----------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        if state.profiler is not None:
            raise UsageError("profile: this thread is being profiled already; end that block first")
        if self.seconds:
            raise UsageError("profile: this profile is finished; make a new one for each block")
        state.profiler = self
        self._began = self._since = time.perf_counter()
        return self

    def __exit__(self, *error: object) -> None:
        state.profiler = None
        now = time.perf_counter()
        self.phases[self._phase] = self.phases.get(self._phase, 0.0) + now - self._since
        self.seconds = now - self._began
        self._memory.forget()
        self.overhead = sum(total.calls for total in self._sums.values()) * _cost_of_a_call()

    # What the engine tells ----------------------------------------------------------------------------------------------

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Put what happens inside down to a phase; a phase inside another interrupts it."""
        before = self._phase
        self._change_phase(name)
        try:
            yield
        finally:
            self._change_phase(before)

    def _change_phase(self, name: str) -> None:
        if name != self._phase:
            now = time.perf_counter()
            self.phases[self._phase] = self.phases.get(self._phase, 0.0) + now - self._since
            self._phase, self._since = name, now

    def compute(
        self, primitive: Primitive, arrays: Sequence[Any], params: dict[str, Any], inputs: Sequence[Any]
    ) -> tuple[Any, Any]:
        """Run a primitive's forward rule and note what it took; what it uses inside is its own."""
        began = time.perf_counter()
        state.profiler = None
        try:
            result, saved = primitive.compute(arrays, params, inputs)
        finally:
            state.profiler = self
        seconds = time.perf_counter() - began
        size = self._memory.follow(saved) if saved is not None else 0
        if not _is_shown_memory(primitive, result, arrays):
            size += self._memory.follow(result)
        self._add((*self._path, primitive.name), seconds, seconds, size)
        return result, saved

    def vjp(self, node: Node, rule: Callable[..., list[Any]], g: Any, *args: Any) -> list[Any]:
        """Run a node's derivative rule and note what it took, apart from the primitives that it uses."""
        outer, above, module = self._path, self._inner, self._module
        self._path, self._inner, self._module = (node.primitive.name if node.primitive else "",), 0.0, node.scope
        began = time.perf_counter()
        try:
            sent = rule(g, *args)
            seconds = time.perf_counter() - began
            # What the primitives inside made is theirs; what a rule hands on, or shows in another shape, is no new memory.
            fresh = [c for c in sent if isinstance(c, np.ndarray) and c is not g and c.base is None]
            size = sum(map(self._memory.follow, fresh)) if not self._inner else 0
            self._add(self._path, seconds, seconds - self._inner, size)
        finally:
            self._path, self._inner, self._module = outer, above, module
        return sent

    def replay(self, steps: Sequence[tuple[Any, Callable[[], Any]]]) -> None:
        """Run a tape's steps, each with its instruction or None, and note what each took; its buffers are there."""
        outer, state.profiler = self._module, None
        try:
            with self.phase(REPLAY):
                for instruction, step in steps:
                    if instruction is None:
                        step()
                        continue
                    began = time.perf_counter()
                    step()
                    seconds = time.perf_counter() - began
                    self._module = instruction.scope
                    self._add((instruction.name,), seconds, seconds, 0)
        finally:
            self._module, state.profiler = outer, self

    def _add(self, path: tuple[str, ...], seconds: float, own: float, size: int) -> None:
        key = self._phase, state.scope if self._module is None else self._module, path
        total = self._sums.get(key)
        if total is None:
            total = self._sums[key] = _Sum()
        total.calls += 1
        total.seconds += own
        total.allocated += size
        self._inner += seconds

    # What it says -------------------------------------------------------------------------------------------------------

    @property
    def rows(self) -> list[Row]:
        """Every operation in every module and phase, in the order in which they first ended."""
        return [Row(*key, s.calls, s.seconds, s.allocated) for key, s in self._sums.items()]

    @property
    def peak(self) -> int:
        """The most bytes of results, and of what operations keep for their derivatives, that were alive at once."""
        return self._memory.peak

    def within(self, path: str) -> float:
        """The seconds of all operations in a module and the modules inside it."""
        return sum(row.seconds for row in self.rows if row.module == path or row.module.startswith(f"{path}."))

    def table(self, by: Literal["operation", "module", "phase"] = "operation") -> Table:
        """Return the times and the bytes as a table.

        Args:
            by: a line for each operation; for each module, with all that is inside it; or for each phase.

        Raises:
            UsageError: another word.
        """
        if by == "phase":
            return self._by_phase()
        if by not in ("operation", "module"):
            raise UsageError(f'profile: tables are by "operation", "module" or "phase"; got {by!r}')
        groups: dict[str, list[Row]] = {}
        for row in self.rows:
            names = [row.operation[-1]] if by == "operation" else _containers(row.module)
            for name in names:
                groups.setdefault(name, []).append(row)
        between = self.seconds - sum(row.seconds for row in self.rows)
        lines = [self._line(name, rows) for name, rows in groups.items()]
        if by == "operation":
            lines.sort(key=lambda line: -line[2])
        else:
            lines.sort(key=lambda line: str(line[0]).split("."))
            lines = [(_indented(str(name)), *rest) for name, *rest in lines]
        lines.append((BETWEEN, None, between, between / self.seconds if self.seconds else 0.0, None, None, None))
        columns = (Column(by), *_COLUMNS)
        return Table(columns, lines, self._footer())

    def _line(self, name: str, rows: Sequence[Row]) -> tuple[Any, ...]:
        seconds = sum(row.seconds for row in rows)
        by_phase = [sum(row.seconds for row in rows if row.phase == phase) or None for phase in (FORWARD, BACKWARD)]
        share = seconds / self.seconds if self.seconds else 0.0
        return name, sum(row.calls for row in rows), seconds, share, *by_phase, sum(row.allocated for row in rows)

    def _by_phase(self) -> Table:
        lines: list[tuple[Any, ...]] = []
        for phase, seconds in self.phases.items():
            rows = [row for row in self.rows if row.phase == phase]
            inside = sum(row.seconds for row in rows)
            share = seconds / self.seconds if self.seconds else 0.0
            lines.append((phase, seconds, share, inside, seconds - inside, sum(row.allocated for row in rows)))
        columns = (
            Column("phase"), Column("ms", "time"), Column("share", "share"), Column("in operations", "time"),
            Column("between them", "time"), Column("allocated", "bytes"),
        )  # fmt: skip
        return Table(columns, lines, self._footer())

    def _footer(self) -> str:
        calls = sum(row.calls for row in self.rows)
        share = self.overhead / self.seconds if self.seconds else 0.0
        peak = self.peak / 2**20
        return (
            f"{milliseconds(self.seconds)} ms in all, {calls} operations; at most {peak:.2f} MiB of results alive at once. "
            f"Measuring took about {milliseconds(self.overhead)} ms of it ({share:.1%})".replace("%", " %")
        )

    def __str__(self) -> str:
        return "\n\n".join(map(str, self._tables()))

    def __rich__(self) -> Any:
        from rich.console import Group

        return Group(*self._tables())

    def _tables(self) -> list[Table]:
        """All three, with the sentence about the whole below the last."""
        phases, modules, operations = self.table("phase"), self.table("module"), self.table("operation")
        phases.footer = modules.footer = ""
        return [phases, modules, operations]


_COLUMNS = (
    Column("calls", "count"), Column("ms", "time"), Column("share", "share"), Column("forward", "time"),
    Column("backward", "time"), Column("allocated", "bytes"),
)  # fmt: skip


def profile() -> Profile:
    """Measure what runs in a `with` block in this thread: time and memory by operation, by module and by phase.

    Every operation is timed by itself, forward and backward; the phases (forward, backward, optimizer, loading) share the
    whole time of the block between them. Measuring costs a few microseconds an operation, which the profile states.

    Returns:
        The profile, to be read after the block.

    >>> import minidl
    >>> x = minidl.ones(8, 3, requires_grad=True)
    >>> with minidl.profile() as p:
    ...     minidl.tanh(x).sum().backward()
    >>> [(row.operation, row.calls) for row in p.rows if row.phase == "forward"]
    [(('tanh',), 1), (('sum',), 1)]
    >>> p.table(by="phase").names
    ['forward', 'backward']
    """
    return Profile()


def _is_shown_memory(primitive: Primitive, result: Any, arrays: Sequence[Any]) -> bool:
    """Whether a result is an input, or a view of one, rather than new memory."""
    return any(result is a for a in arrays) or (
        primitive.views and isinstance(result, np.ndarray) and np.may_share_memory(result, arrays[0])
    )


def _containers(path: str) -> list[str]:
    """A module's path and those of the modules around it; "" stands for what is in none.

    >>> _containers("layer1.0.conv1")
    ['layer1', 'layer1.0', 'layer1.0.conv1']
    """
    parts = path.split(".")
    return [".".join(parts[: k + 1]) for k in range(len(parts))]


def _indented(path: str) -> str:
    """A path as a line of an outline."""
    return "  " * path.count(".") + path.rpartition(".")[2] if path else "(in no module)"


class _Nothing(Primitive):
    """An operation that does nothing, to measure what measuring takes."""

    def __init__(self) -> None:
        self.name, self.views = "nothing", False

    def compute(self, arrays: Sequence[Any], params: dict[str, Any], inputs: Sequence[Any] = ()) -> tuple[Any, Any]:
        return np.empty(1), None


def _cost_of_a_call() -> float:
    """Seconds that noting one operation takes."""
    nothing, rehearsal, before = _Nothing(), Profile(), state.profiler
    arrays: list[Any] = []
    began = time.perf_counter()
    for _ in range(_REHEARSALS):
        nothing.compute(arrays, {})
    middle = time.perf_counter()
    for _ in range(_REHEARSALS):
        rehearsal.compute(nothing, arrays, {}, ())
    end = time.perf_counter()
    state.profiler = before
    return max(0.0, (end - middle) - (middle - began)) / _REHEARSALS
