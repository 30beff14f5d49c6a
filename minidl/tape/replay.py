"""Replaying: each instruction as one function without arguments, on registers, without checks, wrapping or a graph.

Most registers hold the same array at every replay: a parameter, an argument, memory that is planned for a result, a view of
one of these. An instruction that reads only such steady registers is bound: its function and its arrays are put together once,
and a replay calls what is ready. `binding` decides which, and binds anew what depends on an array that has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..graph import Node
from ..graph.node import Changes, clock
from ..kernels import backend_of
from ..kernels.dtypes import promote
from ..tensor import Tensor
from .program import Instruction, Slot, is_array, rebuilt, slots_in

Registers = list[Any]
Step = Callable[[], Any]
Find = Callable[[Node], Callable[[], Node]]


class StaleError(Exception):
    """A guard found something else than when the tape was recorded."""

    def __init__(self, instruction: Instruction, found: Any) -> None:
        super().__init__(instruction, found)
        self.instruction, self.found = instruction, found


def step_of(instruction: Instruction, r: Registers, find: Find, steady: bool = False) -> Step:
    """The function that does an instruction again and keeps its results in the registers.

    Args:
        instruction: a line of the tape.
        r: the registers.
        find: gives the tensor that stands today where one of the recorded call's arguments stood.
        steady: whether the registers that it reads hold what they will hold at every replay.
    """
    role = instruction.role
    if role == "gradient":
        return _gradient(instruction, r, find(instruction.owner))
    if role == "replace":
        return _replace(instruction, r, find(instruction.owner))
    if role == "effect":
        return partial(instruction.function, *instruction.args)
    call = caller(instruction, r, steady)
    if role == "guard":
        return _guard(instruction, call)
    return _computation(instruction, call, r)


def caller(instruction: Instruction, r: Registers, steady: bool) -> Callable[[], Any]:
    """A function that takes the arguments from the registers, at once if these are steady, and calls."""
    function, args, kwargs = instruction.function, instruction.args, instruction.kwargs
    if instruction.role == "primitive":
        function = _forward(instruction)

    def fill(leaf: Any) -> Any:
        return r[leaf.number] if isinstance(leaf, Slot) else leaf

    if steady:
        return partial(function, *rebuilt(args, fill), **rebuilt(kwargs, fill))
    if slots_in(kwargs):
        return lambda: function(*[_filled(a, r) for a in args], **{k: _filled(v, r) for k, v in kwargs.items()})
    if kwargs:
        function = partial(function, **kwargs)
    return lambda: function(*[_filled(a, r) for a in args])


def _filled(tree: Any, r: Registers) -> Any:
    """An argument with arrays in the place of slots."""
    if isinstance(tree, Slot):
        return r[tree.number]
    return rebuilt(tree, lambda leaf: r[leaf.number] if isinstance(leaf, Slot) else leaf) if slots_in(tree) else tree


def _computation(instruction: Instruction, call: Callable[[], Any], r: Registers) -> Step:
    """Call the function and keep what it returns."""
    if not instruction.outs:
        return call
    if instruction.expected is not None:
        return _several(instruction, call, r)
    slot = instruction.outs[0]
    out, shape = slot.number, slot.shape
    if instruction.checks:

        def checked() -> None:
            result = call()
            if result.shape != shape:
                raise StaleError(instruction, result.shape)
            r[out] = np.asarray(result)

        return checked
    if slot.is_scalar:
        convert = slot.dtype.type

        def scalar() -> None:
            r[out] = convert(call())

        return scalar
    if shape == () or instruction.wraps:

        def wrapped() -> None:
            r[out] = np.asarray(call())

        return wrapped

    def plain() -> None:
        r[out] = call()

    return plain


def _several(instruction: Instruction, call: Callable[[], Any], r: Registers) -> Step:
    """Keep several results: of a function that returns a tuple, or of a primitive and what it saves."""
    outs = instruction.expected or instruction.outs

    def run() -> None:
        found: list[Any] = []

        def note(leaf: Any) -> Any:
            if is_array(leaf):
                found.append(leaf)
            return leaf

        rebuilt(call(), note)
        for slot, array in zip(outs, found, strict=True):
            if slot is not None:
                if array.shape != slot.shape:
                    raise StaleError(instruction, array.shape)
                r[slot.number] = array if slot.is_scalar else np.asarray(array)

    return run


def copying(step: Step, r: Registers, places: Sequence[tuple[int, Any]]) -> Step:
    """Run a step whose function returns memory of its own, and copy its results to where others look for them."""

    def run() -> None:
        step()
        for number, place in places:
            np.copyto(place, r[number])
            r[number] = place

    return run


def into(ufunc: np.ufunc, parts: Sequence[Any], r: Registers, out: Any) -> Step:
    """Call one of NumPy's functions, on registers that change, with its result going into memory that is planned for it."""
    plan = [(part.number, None) if isinstance(part, Slot) else (None, part) for part in parts]
    return lambda: ufunc(*[part if n is None else r[n] for n, part in plan], out=out)


def emptying(step: Step, r: Registers, numbers: Sequence[int]) -> Step:
    """Run a step, and let go of the arrays in registers that nobody reads any more."""

    def run() -> None:
        step()
        for number in numbers:
            r[number] = None

    return run


def _forward(instruction: Instruction) -> Callable[..., Any]:
    """A primitive's forward rule, with promotion where the recorded inputs needed it."""
    primitive, rule = instruction.owner, instruction.function
    xp = backend_of([np.empty(0)])
    if not instruction.wraps:
        return partial(rule, xp)
    to_float, exact = primitive.promotion == "float", primitive.promotion == "exact"

    def promoted(*arrays: Any, **params: Any) -> Any:
        return rule(xp, *promote(arrays, to_float=to_float, exact=exact), **params)

    return promoted


def _guard(instruction: Instruction, call: Callable[[], Any]) -> Step:
    expected = instruction.expected

    def run() -> None:
        found = call()
        if found != expected and not (found != found and expected != expected):
            raise StaleError(instruction, found)

    return run


def _gradient(instruction: Instruction, r: Registers, find: Callable[[], Node]) -> Step:
    if not instruction.args:

        def clear() -> None:
            find()._grad = None

        return clear
    number = instruction.args[0].number

    def assign() -> None:
        find()._grad = Tensor(r[number])

    return assign


def _replace(instruction: Instruction, r: Registers, find: Callable[[], Node]) -> Step:
    number, convert = instruction.args[0].number, instruction.function

    def run() -> None:
        find()._data = convert(r[number])

    return run


# Taking effects back ---------------------------------------------------------------------------------------------------


def saver_of(instruction: Instruction, find: Find) -> Callable[[Registers], Callable[[], None]] | None:
    """For an instruction that changes something outside, what notes the state before it and returns how to restore it."""
    role, owner = instruction.role, instruction.owner
    if role == "draw":
        return lambda r: _save_generator(owner)
    if role in ("gradient", "replace"):
        current = find(owner)
        return lambda r: _save_node(current())
    if role == "effect":
        return lambda r: _save_optimizer(owner)
    written = [slot.number for slot in instruction.writes if slot.base.kind in ("tensor", "argument", "gradient")]
    return (lambda r: _save_memory([r[i] for i in written])) if written else None


def _save_generator(generator: Any) -> Callable[[], None]:
    before = generator.get_state()
    return lambda: generator.set_state(before)


def _save_node(node: Node) -> Callable[[], None]:
    grad, data = node._grad, node._data

    def restore() -> None:
        node._grad, node._data = grad, data

    return restore


def _save_memory(arrays: list[Any]) -> Callable[[], None]:
    copies = [a.copy() for a in arrays]

    def restore() -> None:
        for array, copy in zip(arrays, copies, strict=True):
            array[...] = copy

    return restore


def _save_optimizer(optimizer: Any) -> Callable[[], None]:
    """An optimizer's parameters and what it remembers of them."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    memory = _save_memory([p._data for p in parameters])
    before = {p: dict(optimizer.state[p]) for p in parameters if p in optimizer.state}
    arrays = _save_memory([v for kept in before.values() for v in kept.values() if isinstance(v, np.ndarray)])

    def restore() -> None:
        memory()
        arrays()
        for p in parameters:
            if p in before:
                optimizer.state[p].clear()
                optimizer.state[p].update(before[p])
            else:
                optimizer.state.pop(p, None)

    return restore


def note_written(nodes: Sequence[Node]) -> None:
    """Tell the engine which tensors have other numbers now."""
    tick = next(clock)
    for node in nodes:
        if node._changes is None:
            node.note_change()
        else:
            node._changes.tick = tick
    if nodes:
        Changes.note(tick)
