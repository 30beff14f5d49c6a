"""A fused chain: its kernel's source, the file that it goes into, and the call."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..kernels.cpu.ready import Run, following, in_turn
from ..kernels.sources import loaded
from .expression import Expression
from .program import Slot

SHARED = 65_536
"""From so many elements on the rows are divided among threads."""

WRITTEN = {
    "add": "({0} + {1})", "subtract": "({0} - {1})", "multiply": "({0} * {1})", "divide": "({0} / {1})",
    "negative": "(-{0})", "abs": "abs({0})", "square": "({0} * {0})",
    "maximum": "({0} if {0} >= {1} or {0} != {0} else {1})", "minimum": "({0} if {0} <= {1} or {0} != {0} else {1})",
    "where": "({1} if {0} else {2})", "equal": "({0} == {1})", "not_equal": "({0} != {1})", "less": "({0} < {1})",
    "less_equal": "({0} <= {1})", "greater": "({0} > {1})", "greater_equal": "({0} >= {1})", "logical_not": "(not {0})",
    "logical_and": "({0} and {1})", "logical_or": "({0} or {1})", "relu_back": "(zero if {1} <= zero else {0})",
}  # fmt: skip
"""How each function is written; `maximum` and `minimum` hand on a NaN of either side, as NumPy's do."""

LOGICAL = {"logical_not", "logical_and", "logical_or"}
COMPARING = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"}

Cut = tuple[str, int]
"""How an input meets the matrix: "m" is one, "r" has one number a row, "c" one a column, "s" a single one; and how many of
the axes, in the order in which they lie in memory, make the rows (−1 if that does not matter)."""


def axes_by_stride(slot: Slot) -> tuple[int, ...]:
    """The axes of more than one element, from the longest way between neighbours to the shortest."""
    return tuple(sorted((i for i, n in enumerate(slot.shape) if n > 1), key=lambda i: -slot.strides[i]))


def kind_of(expression: Any) -> str:
    """Whether an expression is a float ("f") or a truth value ("b"); "?" where NumPy would make something else of it."""
    if not isinstance(expression, Expression):
        return "f"
    if expression.slot is not None:
        return str(expression.slot.dtype.kind)
    kinds = [kind_of(part) for part in expression.parts]
    if expression.name in LOGICAL:
        return "b" if set(kinds) == {"b"} else "?"
    if expression.name == "where":
        return "f" if kinds == ["b", "f", "f"] else "?"
    if expression.name in COMPARING:
        return "b" if set(kinds) == {"f"} else "?"
    return "f" if "f" in kinds and "?" not in kinds else "?"


class Chain:
    """Computes a chain by its kernel, which is made when it first runs.

    Attributes:
        places: for each result the memory that it goes into, where that is planned.
        reused: for each result that takes the memory of an input, which of them that is.
    """

    def __init__(self, made: Mapping[Slot, Expression], cuts: Mapping[Slot, Cut], outs: Sequence[Slot]) -> None:
        first = next(iter(made))
        self._made, self._cuts, self._outs = dict(made), dict(cuts), tuple(outs)
        self._dtype = next(s.dtype for s in (*cuts, *made) if s.dtype.kind == "f")
        order = axes_by_stride(first)
        self._axes = (*order, *(i for i in range(len(first.shape)) if i not in order))
        self._lengths = tuple(first.shape[i] for i in self._axes)
        self._back = tuple(int(i) for i in np.argsort(self._axes))
        at = max((cut for _, cut in cuts.values()), default=-1)
        size = math.prod(first.shape)
        rows = math.prod(self._lengths[:at]) if at > 0 else next(r for r in (64, 32, 16, 8, 4, 2, 1) if size % r == 0)
        self._shape = rows, size // rows
        self._bring = [self._bringing(slot, how) for slot, (how, _) in cuts.items()]
        self.places: dict[Slot, Any] = {}
        self.reused: dict[Slot, int] = {}
        self._source: str | None = None

    def __call__(self, *arrays: Any) -> tuple[Any, ...]:
        """The results, as arrays of the recorded shape and layout."""
        given = [bring(a) for bring, a in zip(self._bring, arrays, strict=True)]
        found = tuple(
            arrays[self.reused[s]] if s in self.reused else self.places[s] if s in self.places else self._empty(s)
            for s in self._outs
        )
        self.kernel(*given, *(self._matrix(a) for a in found))
        return found

    @property
    def kernel(self) -> Callable[..., None]:
        """The compiled chain."""
        if self._source is None:
            self._source = self.source()
        kernel: Callable[..., None] = loaded(self._source, "minidl_chain").chain
        return kernel

    def prepare(self, arrays: Sequence[Any], outs: Sequence[Any]) -> Run:
        """What computes the chain from what these arrays hold then into `outs`."""
        given = [following(a, bring) for a, bring in zip(arrays, self._bring, strict=True)]
        call = partial(self.kernel, *(made for made, _ in given), *map(self._matrix, outs))
        return in_turn(*(renew for _, renew in given), call)

    def _empty(self, slot: Slot) -> Any:
        return np.empty(self._lengths, slot.dtype).transpose(self._back)

    def _matrix(self, array: Any) -> Any:
        return array.transpose(self._axes).reshape(self._shape)

    def _bringing(self, slot: Slot, how: str) -> Callable[[Any], Any]:
        """What turns an input into what the kernel takes."""
        lead = (1,) * (len(self._axes) - len(slot.shape))
        if how == "s":
            return lambda a: np.asarray(a).reshape(1)
        if how == "m":
            return self._matrix if not lead else lambda a: self._matrix(a.reshape(lead + a.shape))
        return lambda a: a.reshape(lead + a.shape).transpose(self._axes).reshape(-1)

    # The source ---------------------------------------------------------------------------------------------------------

    def source(self) -> str:
        """The kernel as the text of a Python module."""
        names = {slot: f"x{i}" for i, slot in enumerate(self._cuts)} | {
            slot: f"v{i}" for i, slot in enumerate(self._made)
        }
        numbers: dict[float, str] = {0.0: "zero", 1.0: "one"}
        body = [f"{names[slot]} = {_written(expression, names, numbers)}" for slot, expression in self._made.items()]
        parameters, rows, reads, writes = [], [], [], []
        for slot, (how, _) in self._cuts.items():
            x = names[slot]
            parameters.append(f"{x}s")
            if how == "m":
                rows.append(f"{x}r = {x}s[i]")
                reads.append(f"{x} = {x}r[j]")
            elif how == "c":
                reads.append(f"{x} = {x}s[j]")
            else:
                rows.append(f"{x} = {x}s[{'i' if how == 'r' else '0'}]")
        for slot in self._outs:
            parameters.append(f"{names[slot]}s")
            rows.append(f"{names[slot]}r = {names[slot]}s[i]")
            writes.append(f"{names[slot]}r[j] = {names[slot]}")
        parallel = math.prod(self._shape) >= SHARED
        last = f"{names[self._outs[0]]}s"
        lines = [
            '"""A fused chain of elementwise operations; written by minidl.tape.chain, and free to be deleted."""',
            "import numba", "import numpy as np", "from minidl.kernels.cpu.jit import kernel", "",
            *(f"{name} = np.{self._dtype}({value!r})" for value, name in numbers.items()), "", "",
            f"@kernel(parallel={parallel}, exact=True)", f"def chain({', '.join(parameters)}):",
            f"    for i in {'numba.prange' if parallel else 'range'}({last}.shape[0]):", *(f"        {line}" for line in rows),
            f"        for j in range({last}.shape[1]):", *(f"            {line}" for line in (*reads, *body, *writes)), "",
        ]  # fmt: skip
        return "\n".join(lines)


def _written(expression: Any, names: Mapping[Slot, str], numbers: dict[float, str]) -> str:
    """An expression as Python writes it, with numbers as constants of the chain's own dtype."""
    if not isinstance(expression, Expression):
        return numbers.setdefault(float(expression), f"c{len(numbers)}")
    if expression.slot is not None:
        return names[expression.slot]
    parts = [_written(part, names, numbers) for part in expression.parts]
    if expression.name not in LOGICAL and expression.name != "where":
        kinds = [kind_of(part) for part in expression.parts]
        parts = [f"(one if {p} else zero)" if kind == "b" else p for p, kind in zip(parts, kinds, strict=True)]
    return WRITTEN[expression.name].format(*parts)
