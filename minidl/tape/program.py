"""What a tape is made of: slots that hold arrays, and instructions that fill them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ..graph import Node
from ..graph.place import Place

Kind = Literal["argument", "tensor", "gradient", "constant", "result"]


@dataclass(eq=False, slots=True)
class Slot:
    """A place for one array.

    Attributes:
        number: its place among the slots of its tape.
        kind: an argument of the call; a tensor from outside (a parameter) or its gradient, read at each replay; a constant;
            or the result of an instruction.
        shape: the array's shape.
        dtype: the array's dtype.
        strides: the array's strides when it was recorded.
        owner: the tensor from outside.
        array: the constant, or while recording the array itself.
        shows: the slot whose memory this one shows, if any.
        label: how the listing calls it.
        is_scalar: whether it holds one of NumPy's scalars, which gives way to arrays when dtypes meet.
    """

    number: int
    kind: Kind
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    strides: tuple[int, ...]
    owner: Node | None = None
    array: Any = None
    shows: Slot | None = None
    label: str = ""
    is_scalar: bool = False

    @property
    def base(self) -> Slot:
        """The slot whose memory it is in the end."""
        slot = self
        while slot.shows is not None:
            slot = slot.shows
        return slot

    @property
    def nbytes(self) -> int:
        """How many bytes its elements take."""
        size = self.dtype.itemsize
        for n in self.shape:
            size *= n
        return size


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a function of the backend that makes all of an instruction's results.

    Attributes:
        name: the function's name in the backend.
        args: its arguments, slots in the place of arrays.
        kwargs: its named arguments, likewise.
        outs: the slot of each array that it returns; one that the instruction does not keep has the number −1.
        shape: the shape of the one array that it returns, if the instruction gives that another shape.
    """

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outs: tuple[Slot, ...]
    shape: tuple[int, ...] | None = None


Role = Literal["primitive", "numpy", "draw", "write", "gradient", "replace", "effect", "guard"]


@dataclass(eq=False, slots=True)
class Instruction:
    """One line of the program.

    Attributes:
        name: the operation.
        role: what kind of thing it does; all but `primitive` and `numpy` change something besides their results.
        function: computes the results from `args` and `kwargs`.
        args: its arguments, slots in the place of arrays.
        kwargs: its named arguments, likewise.
        outs: the slots of its results.
        owner: the tensor, generator or optimizer that an effect is about.
        expected: what a guard must find; for a primitive that saves, the slots of its result and of what it saves.
        place: the user's line of a guard.
        scope: the path of the module it belongs to.
        wraps: whether a primitive's inputs have to meet in another dtype first, and whether the result of one of NumPy's
            functions may be one of its scalars.
        checks: whether the shape of its result depends on the data, and is checked.
        call: the one function of the backend that it is, if it is one.
    """

    name: str
    role: Role
    function: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    outs: tuple[Slot, ...] = ()
    owner: Any = None
    expected: Any = None
    place: Place | None = None
    scope: str = ""
    wraps: bool = False
    checks: bool = False
    call: Call | None = None

    @property
    def inputs(self) -> list[Slot]:
        """The slots that it reads, in order."""
        return [*slots_in(self.args), *slots_in(self.kwargs)]

    @property
    def is_pure(self) -> bool:
        """Whether it does nothing but compute its results."""
        return self.role in ("primitive", "numpy") and not self.writes and not self.checks

    @property
    def writes(self) -> list[Slot]:
        """The slots whose memory it changes."""
        if self.role == "write":
            return slots_in(self.args[:1])
        return slots_in(self.kwargs.get("out", ())) if self.role == "numpy" else []


def is_array(x: Any) -> bool:
    """Whether a slot can hold it."""
    return isinstance(x, np.ndarray | np.generic)


def rebuilt(tree: Any, change: Callable[[Any], Any]) -> Any:
    """The same tuples, lists, dictionaries and dataclasses around changed leaves; what does not change stays itself."""
    if isinstance(tree, tuple | list):
        parts = [rebuilt(part, change) for part in tree]
        if all(a is b for a, b in zip(parts, tree, strict=True)):
            return tree
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    if isinstance(tree, dict):
        changed = {key: rebuilt(part, change) for key, part in tree.items()}
        return tree if all(changed[key] is tree[key] for key in tree) else changed
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type | Slot):
        names = [f.name for f in dataclasses.fields(tree) if f.init]
        made = {name: rebuilt(getattr(tree, name), change) for name in names}
        return tree if all(made[n] is getattr(tree, n) for n in names) else dataclasses.replace(tree, **made)
    return change(tree)


def slots_in(tree: Any) -> list[Slot]:
    """The slots among the leaves of a tree."""
    return [leaf for leaf in leaves_of(tree) if isinstance(leaf, Slot)]


def leaves_of(tree: Any) -> list[Any]:
    """The leaves of a tree, in order."""
    found: list[Any] = []

    def note(leaf: Any) -> Any:
        found.append(leaf)
        return leaf

    rebuilt(tree, note)
    return found
