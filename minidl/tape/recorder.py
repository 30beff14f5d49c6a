"""The recorder: it listens while a function runs once in the ordinary way, and writes down what was done.

The engine asks `state.tape` at the few places where something happens to an array: a primitive runs, memory is written,
a gradient is assigned, random numbers are drawn, a number is read into Python. Arrays are known by identity: what an
instruction has made is its slot, whatever tensor holds it; what nobody made was there before or is a constant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..graph import Node, Primitive, data_of
from ..graph.mode import state
from ..graph.node import clock
from ..graph.place import user_place
from ..kernels.dtypes import promote
from .derivatives import derivative
from .effects import Draws, assign, sized_by_data
from .hearing import hearing, known_arrays, one_call
from .program import Instruction, Kind, Role, Slot, is_array, leaves_of, rebuilt, slots_in
from .scalars import whole_graph
from .watched import Watched, unwatched


class Recorder:
    """What `state.tape` holds while a function is recorded.

    Attributes:
        slots: in the order in which they were first seen.
        instructions: in the order in which they were done.
        tensors: for each tensor from outside whether it requires a gradient.
        gradients: for each tensor whose gradient was there before and mattered, the slot of it; None if there was none.
        modules: the modules that ran, with their mode.
        given: the tensors among the arguments.
        broken: why this run cannot be replayed, or None.
        is_open: whether it still records.
    """

    def __init__(self) -> None:
        self.slots: list[Slot] = []
        self.instructions: list[Instruction] = []
        self.tensors: dict[Node, tuple[Slot, bool]] = {}
        self.gradients: dict[Node, Slot | None] = {}
        self.modules: dict[Any, bool] = {}
        self.given: set[Node] = set()
        self.broken: str | None = None
        self.is_open = True
        self._known: dict[int, Slot] = {}
        self._alive: list[Any] = []
        self._assigned: set[Node] = set()
        self._start = next(clock)

    # Slots --------------------------------------------------------------------------------------------------------------

    def new_slot(self, kind: Kind, array: Any, owner: Node | None = None, shows: Slot | None = None) -> Slot:
        """Enter an array that is not known yet."""
        slot = Slot(len(self.slots), kind, array.shape, array.dtype, getattr(array, "strides", ()), owner, array, shows)
        slot.is_scalar = isinstance(array, np.generic)
        self.slots.append(slot)
        self._known[id(array)] = slot
        return slot

    def slot_of(self, array: Any, node: Node | None = None) -> Slot:
        """The slot of an array, which `node` holds."""
        if isinstance(array, Watched):
            if array.slot is not None:
                return array.slot
            self.breaks("an array was made by NumPy in a way that the tape cannot follow")
            array = unwatched(array)
        found = self._known.get(id(array))
        if found is not None:
            if found.kind == "argument" and node is not None and self.is_from_outside(node) and node not in self.given:
                self.breaks("an argument shares its memory with a tensor from outside the function")
            return found
        if node is not None and self.is_from_outside(node):
            if node not in self.tensors:
                found = self.new_slot("tensor", array, node)
                found.label = node.name or ""
                self.tensors[node] = found, node._requires_grad
            return self.tensors[node][0]
        if node is not None and node._requires_grad and node.primitive is not None:
            self.breaks("a tensor with a history from outside the function comes in; give its detach()")
        return self._taken_unseen(array) or self.new_slot("constant", array)

    def _taken_unseen(self, array: Any) -> Slot | None:
        """The slot of an array of which `numpy.asarray`, which nobody can watch, made another view."""
        base = getattr(array, "base", None)
        slot = self._known.get(id(base)) if base is not None else None
        if base is None or slot is None or slot.kind == "constant":
            return None
        if (array.shape, array.strides, array.ctypes.data) != (base.shape, base.strides, base.ctypes.data):
            self.breaks("NumPy made a view of an array in a way that the tape cannot follow")
        return slot

    def known(self, array: Any) -> Slot | None:
        """The slot of an array that was seen already."""
        return self._known.get(id(array))

    def is_from_outside(self, node: Node) -> bool:
        """Whether a tensor was there before, and is no result."""
        return node.order <= self._start and node.primitive is None

    def touch(self, node: Node) -> None:
        """Note a tensor from outside before its array is taken by another."""
        if is_array(node._data):
            self.slot_of(node._data, node)

    def with_slots(self, tree: Any) -> Any:
        """The same arguments with slots in the place of arrays and tensors."""

        def replace(leaf: Any) -> Any:
            if isinstance(leaf, Node):
                return self.slot_of(leaf._data, leaf)
            return self.slot_of(leaf) if is_array(leaf) else leaf

        return rebuilt(tree, replace)

    def note(self, name: str, role: Role, function: Callable[..., Any], *args: Any, **options: Any) -> Instruction:
        """Write down one instruction."""
        instruction = Instruction(name, role, function, args, scope=state.scope, **options)
        self.instructions.append(instruction)
        return instruction

    def breaks(self, why: str) -> None:
        """Note that this run cannot be replayed; the first reason counts."""
        if self.broken is None:
            self.broken = f"{why}{f' ({place})' if (place := user_place()) else ''}"

    # What the engine tells ----------------------------------------------------------------------------------------------

    def compute(
        self, primitive: Primitive, arrays: Sequence[Any], params: dict[str, Any], inputs: Sequence[Any]
    ) -> tuple[Any, Any]:
        """Run a primitive and write it down."""
        nodes = [x if isinstance(x, Node) else None for x in inputs] or [None] * len(arrays)
        slots = tuple(self.slot_of(a, n) if is_array(a) else a for a, n in zip(arrays, nodes, strict=True))
        kwargs = self.with_slots(params)
        plain = [unwatched(a) for a in arrays]
        plain_params = rebuilt(params, unwatched)
        state.tape = None
        try:
            with hearing() as heard:
                result, saved = primitive.compute(plain, plain_params, inputs)
            same = primitive.promotion is None or all(
                a is b for a, b in zip(self._promoted(primitive, plain), plain, strict=True)
            )
        finally:
            state.tape = self
        if id(result) in self._known and any(result is a for a in plain):
            return result, saved
        if not slots_in((slots, kwargs)):  # nothing but numbers goes in: the result is always the same
            self.new_slot("constant", result)
            return result, saved
        out = self.new_slot("result", result, shows=self.shown(result, plain, slots))
        kept: list[Slot | None] = [out]

        def keep(leaf: Any) -> Any:
            if is_array(leaf):
                known = id(leaf) in self._known
                shown = None if known else self.shown(leaf, [*plain, result], [*slots, out])
                kept.append(None if known else self.new_slot("result", leaf, shows=shown))
            return leaf

        if primitive.saves:
            rebuilt(saved, keep)
        outs = tuple(slot for slot in kept if slot is not None)
        known = known_arrays((plain, slots), (plain_params, kwargs)) | {id(slot.array): slot for slot in outs}
        self.note(
            primitive.name, "primitive", primitive.forward, *slots, kwargs=kwargs, owner=primitive, outs=outs,
            expected=tuple(kept) if primitive.saves else None, wraps=not same,
            checks=sized_by_data(primitive.name, kwargs), call=one_call(heard, known, outs),
        )  # fmt: skip
        return result, saved

    derivative = derivative

    @staticmethod
    def _promoted(primitive: Primitive, arrays: Sequence[Any]) -> Sequence[Any]:
        return promote(arrays, to_float=primitive.promotion == "float", exact=primitive.promotion == "exact")

    @staticmethod
    def shown(array: Any, others: Sequence[Any], slots: Sequence[Any]) -> Slot | None:
        """Whose memory an array shares."""
        if isinstance(array, np.ndarray):
            for other, slot in zip(others, slots, strict=True):
                if isinstance(other, np.ndarray) and isinstance(slot, Slot) and np.may_share_memory(array, other):
                    return slot
        return None

    def watch(self, x: Any) -> Any:
        """An array, or the one behind a tensor, for code that works on it with NumPy."""
        data = x._data if isinstance(x, Node) else x
        if isinstance(data, Watched):
            return data
        node = x if isinstance(x, Node) else None
        if isinstance(data, np.generic):
            return self.watched(np.asarray(data), self.slot_of(data, node))
        array = np.asarray(data)
        return self.watched(array, self.slot_of(array, node))

    scalars = whole_graph

    def watched(self, array: Any, slot: Slot) -> Watched:
        """A view of an array in a slot, which tells what is done with it."""
        view = array.view(Watched)
        view.slot, view.recorder = slot, self
        return view

    def numpy_call(self, name: str, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Run one of NumPy's functions on watched arrays and write it down."""
        if "out" in kwargs and any(slot.is_scalar for slot in slots_in(self.with_slots(kwargs["out"]))):
            kwargs = {
                key: value for key, value in kwargs.items() if key != "out"
            }  # a scalar is not written to, but replaced
        slots, named = self.with_slots(tuple(args)), self.with_slots(dict(kwargs))
        self._keep_constants(slots_in(named.get("out", ())))
        plain, plain_named = (
            rebuilt(tree, lambda leaf: unwatched(data_of(leaf))) for tree in (tuple(args), dict(kwargs))
        )
        state.tape = None
        try:
            result = function(*plain, **plain_named)
        finally:
            state.tape = self
        if "out" in kwargs:
            self.note(name, "numpy", function, *slots, kwargs=named)
            target = kwargs["out"]
            return target[0] if isinstance(target, tuple) and len(target) == 1 else target
        several = isinstance(result, tuple | list) and all(is_array(part) for part in result)
        parts = list(result) if several else [result]
        if not all(is_array(part) for part in parts):
            instruction = self.note(name, "guard", function, *slots, kwargs=named)
            instruction.expected, instruction.place = result, user_place()
            return result
        pairs = zip(leaves_of((plain, plain_named)), leaves_of((slots, named)), strict=True)
        given, sources = zip(*((a, s) for a, s in pairs if isinstance(s, Slot)), strict=True)
        arrays = [np.asarray(part) for part in parts]
        outs = tuple(self.new_slot("result", a, shows=self.shown(a, given, sources)) for a in arrays)
        instruction = self.note(name, "numpy", function, *slots, kwargs=named, outs=outs, wraps=True)
        instruction.expected, instruction.checks = outs if several else None, sized_by_data(name, (slots, named))
        made = [self.watched(a, s) for a, s in zip(arrays, outs, strict=True)]
        return type(result)(made) if several else made[0]

    def guard(self, array: Watched, how: Callable[[Any], Any], value: Any) -> None:
        """Note that a number was read into Python: a replay must find the same."""
        self.note("read", "guard", how, self.slot_of(array), expected=value, place=user_place())

    def write(self, target: Any, index: Any, value: Any, chosen: Any = ()) -> None:
        """Write into memory, and write that down."""
        slot = self.slot_of(target._data, target) if isinstance(target, Node) else self.slot_of(target)
        self._keep_constants([slot])
        memory = unwatched(data_of(target))
        self.note("write", "write", assign, slot, self.with_slots(index), self.with_slots(chosen),
                  self.with_slots(value))  # fmt: skip
        if isinstance(memory, np.ndarray):
            assign(memory, unwatched(index), unwatched(chosen), unwatched(data_of(value)))
        else:
            self.breaks("a number without memory of its own was changed in place")

    def _keep_constants(self, slots: Sequence[Slot]) -> None:
        """Copy a constant that is about to be written to: a replay begins with what it was."""
        for slot in slots:
            if slot.base.kind == "constant" and slot.base.array is not None:
                self._alive.append(slot.base.array)
                slot.base.array = slot.base.array.copy()

    def replaced(self, node: Node, value: Any) -> Any:
        """A tensor is given another array, or says that its own was written to; returns the plain array."""
        plain = unwatched(value)
        old = self.slot_of(node._data, node)
        if old.is_scalar:
            plain = node._data.dtype.type(plain)
        if isinstance(value, Watched) and value.slot is not None:
            slot = value.slot
        else:
            slot = self._known.get(id(plain)) or self.slot_of(plain)
        if slot.base is not old.base or plain.shape != old.shape:
            self.note("data", "replace", plain.dtype.type if old.is_scalar else data_of, slot, owner=node)
            self._known[id(plain)] = slot
            self._alive.append(plain)  # or another array might get its identity
        return plain

    def gradient_read(self, node: Node) -> None:
        """A gradient is looked at: one from before the call is an input, or its absence is a condition."""
        if node in self._assigned or node in self.gradients or node.order > self._start:
            return
        grad = node._grad
        self.gradients[node] = None
        if grad is not None and is_array(grad._data) and id(grad._data) not in self._known:
            self.gradients[node] = self.new_slot("gradient", grad._data, node)

    def gradient_set(self, node: Node, value: Node | None) -> None:
        """A gradient is assigned."""
        self._assigned.add(node)
        if node.order <= self._start:
            args = () if value is None else (self.slot_of(value._data, value),)
            self.note("grad", "gradient", data_of, *args, owner=node)

    def effect(self, name: str, function: Callable[..., Any], *args: Any, owner: Any = None) -> Any:
        """Do something that a replay does again just so, such as an optimizer's step; its inside is not recorded."""
        self.note(name, "effect", function, *args, owner=owner)
        state.tape, self.is_open = None, False
        try:
            return function(*args)
        finally:
            state.tape, self.is_open = self, True

    def draws(self, generator: Any, source: np.random.Generator) -> Draws:
        """The numbers of a generator, each draw written down."""
        return Draws(self, generator, source)

    def visit(self, module: Any) -> None:
        """A module runs."""
        self.modules.setdefault(module, module.training)

    def close(self) -> None:
        """Stop recording, and let go of the arrays of this run."""
        self.is_open = False
        for slot in self.slots:
            if slot.kind != "constant":
                slot.array = None
        self._known.clear()
        self._alive.clear()
