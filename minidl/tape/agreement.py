"""Whether two recordings are the same program, and whether two runs have left the same numbers behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .program import Slot, is_array, leaves_of

if TYPE_CHECKING:
    from .tape import Tape


def difference(one: Tape, other: Tape) -> str | None:
    """Where another recording of the same function did something else, in words; None if it is the same program."""
    if len(one.instructions) != len(other.instructions):
        return f"{len(one.instructions)} instructions, then {len(other.instructions)}"
    twin: dict[Slot, Slot] = {}
    other.own = set()
    for mine, theirs in zip(one.instructions, other.instructions, strict=True):
        where = f"{mine.name}{f' in {mine.scope}' if mine.scope else ''}"
        if mine.name != theirs.name:
            return f"{mine.name}, then {theirs.name}"
        if mine.role == "guard" and str(mine.expected) != str(theirs.expected):
            return None  # another value: a guard's own business
        mine_in, theirs_in = leaves_of((mine.args, mine.kwargs)), leaves_of((theirs.args, theirs.kwargs))
        if len(mine_in) != len(theirs_in):
            return f"{where}, with other arguments"
        for a, b in zip(mine_in, theirs_in, strict=True):
            if isinstance(a, Slot) and isinstance(b, Slot):
                if twin.setdefault(a, b) is not b and a.kind != "constant":
                    return f"{where}, of other values"
                if a.kind != b.kind:
                    return f"{where}, of other values"
                if a.kind == "constant" and not _same_array(a.array, b.array):
                    return f"{where}, whose input was computed out of sight"
                if a.kind == "constant" and a.array is not b.array:
                    other.own.add(b)
            elif not _same(a, b):
                return f"{where}, of {a!r:.20} and then of {b!r:.20}"
        for a, b in zip(mine.outs, theirs.outs, strict=False):
            twin[a] = b
    return None


def disagreement(mine: Sequence[tuple[str, Any]], other: Sequence[tuple[str, Any]]) -> str | None:
    """What differs by more than rounding between two states; None if nothing does."""
    if len(mine) != len(other):
        return "which tensors have gradients"
    for (name, a), (_, b) in zip(mine, other, strict=True):
        rough = 1e-3 if a.dtype.itemsize < 8 and a.dtype.kind == "f" else 1e-7
        scale = float(np.max(np.abs(b), initial=0)) if b.dtype.kind in "fc" else 0.0
        if a.shape != b.shape or not np.allclose(a, b, rtol=rough, atol=rough * scale, equal_nan=b.dtype.kind in "fc"):
            return name
    return None


def _same_array(a: Any, b: Any) -> bool:
    return a is b or (
        a.shape == b.shape and a.dtype == b.dtype and bool(np.array_equal(a, b, equal_nan=a.dtype.kind in "fc"))
    )


def _same(a: Any, b: Any) -> bool:
    """Whether two plain arguments are the same; what cannot be compared by value, such as a function, counts as such."""
    if is_array(a) and is_array(b):
        return _same_array(a, b)
    if isinstance(a, int | float | complex | str | tuple | slice | type | None):
        return type(a) is type(b) and (a == b or a != a)
    return True
