"""Replaying: each instruction as one small function on the registers, without checks, wrapping or a graph."""

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
Step = Callable[[Registers], None]
Find = Callable[[Node], Callable[[], Node]]


class StaleError(Exception):
    """A guard found something else than when the tape was recorded."""

    def __init__(self, instruction: Instruction, found: Any) -> None:
        super().__init__(instruction, found)
        self.instruction, self.found = instruction, found


def step_of(instruction: Instruction, find: Find) -> Step:
    """The function that does an instruction again.

    Args:
        instruction: a line of the tape.
        find: gives the tensor that stands today where one of the recorded call's arguments stood.
    """
    role = instruction.role
    if role == "guard":
        return _guard(instruction)
    if role == "gradient":
        return _gradient(instruction, find(instruction.owner))
    if role == "replace":
        return _replace(instruction, find(instruction.owner))
    if role == "effect":
        return _effect(instruction)
    return _computation(instruction)


def _computation(instruction: Instruction) -> Step:
    """Call the function on the registers and keep what it returns."""
    call = _caller(instruction)
    if not instruction.outs:

        def without_result(r: Registers) -> None:
            call(r)

        return without_result
    if instruction.expected is not None:
        return _several(instruction, call)
    out, shape = instruction.outs[0].number, instruction.outs[0].shape
    if instruction.checks:

        def checked(r: Registers) -> None:
            result = call(r)
            if result.shape != shape:
                raise StaleError(instruction, result.shape)
            r[out] = np.asarray(result)

        return checked
    if instruction.outs[0].is_scalar:
        convert = instruction.outs[0].dtype.type

        def scalar(r: Registers) -> None:
            r[out] = convert(call(r))

        return scalar
    if shape == () or instruction.wraps:

        def wrapped(r: Registers) -> None:
            r[out] = np.asarray(call(r))

        return wrapped

    def plain(r: Registers) -> None:
        r[out] = call(r)

    return plain


def emptying(step: Step, numbers: Sequence[int]) -> Step:
    """Run a step, and let go of the arrays in registers that nobody reads any more."""

    def run(r: Registers) -> None:
        step(r)
        for number in numbers:
            r[number] = None

    return run


def into(ufunc: np.ufunc, parts: Sequence[Any], out: Any) -> Step:
    """Call one of NumPy's functions with its result going into memory that is planned for it."""
    numbers = [part.number if isinstance(part, Slot) else None for part in parts]
    if len(parts) == 1:
        (i,) = numbers
        return lambda r: ufunc(r[i], out=out)  # type: ignore[index]
    if len(parts) == 2 and None not in numbers:
        j, k = numbers
        return lambda r: ufunc(r[j], r[k], out=out)  # type: ignore[index]
    plan = list(zip(numbers, parts, strict=True))
    return lambda r: ufunc(*[part if n is None else r[n] for n, part in plan], out=out)


def onto(ufunc: np.ufunc, parts: Sequence[Any], memory: int, out: int) -> Step:
    """Call one of NumPy's functions with its result going where an input was that nobody needs any more."""
    plan = [(part.number, None) if isinstance(part, Slot) else (None, part) for part in parts]

    def run(r: Registers) -> None:
        r[out] = ufunc(*[part if n is None else r[n] for n, part in plan], out=r[memory])

    return run


def _several(instruction: Instruction, call: Callable[[Registers], Any]) -> Step:
    """Keep several results: of a function that returns a tuple, or of a primitive and what it saves."""
    outs = instruction.expected or instruction.outs

    def run(r: Registers) -> None:
        found: list[Any] = []

        def note(leaf: Any) -> Any:
            if is_array(leaf):
                found.append(leaf)
            return leaf

        rebuilt(call(r), note)
        for slot, array in zip(outs, found, strict=True):
            if slot is not None:
                if array.shape != slot.shape:
                    raise StaleError(instruction, array.shape)
                r[slot.number] = array if slot.is_scalar else np.asarray(array)

    return run


def _caller(instruction: Instruction) -> Callable[[Registers], Any]:
    """A function that gathers the arguments from the registers and calls."""
    function, args, kwargs = instruction.function, instruction.args, instruction.kwargs
    if instruction.role == "primitive":
        function = _forward(instruction)
    moving = bool(slots_in(kwargs)) or any(slots_in(a) and not isinstance(a, Slot) for a in args)
    if moving:

        def gathered(r: Registers) -> Any:
            def fill(leaf: Any) -> Any:
                return r[leaf.number] if isinstance(leaf, Slot) else leaf

            return function(*rebuilt(args, fill), **rebuilt(kwargs, fill))

        return gathered
    if kwargs:
        function = partial(function, **kwargs)
    if len(args) == 1 and isinstance(args[0], Slot):
        i = args[0].number
        return lambda r: function(r[i])
    if len(args) == 2 and all(isinstance(a, Slot) for a in args):
        j, k = args[0].number, args[1].number
        return lambda r: function(r[j], r[k])
    plan = [(a.number, None) if isinstance(a, Slot) else (None, a) for a in args]
    return lambda r: function(*[a if n is None else r[n] for n, a in plan])


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


def _guard(instruction: Instruction) -> Step:
    call, expected = _caller(instruction), instruction.expected

    def run(r: Registers) -> None:
        found = call(r)
        if found != expected and not (found != found and expected != expected):
            raise StaleError(instruction, found)

    return run


def _effect(instruction: Instruction) -> Step:
    do = partial(instruction.function, *instruction.args)

    def run(r: Registers) -> None:
        do()

    return run


def _gradient(instruction: Instruction, find: Callable[[], Node]) -> Step:
    if not instruction.args:

        def clear(r: Registers) -> None:
            find()._grad = None

        return clear
    number = instruction.args[0].number

    def assign(r: Registers) -> None:
        find()._grad = Tensor(r[number])

    return assign


def _replace(instruction: Instruction, find: Callable[[], Node]) -> Step:
    number, convert = instruction.args[0].number, instruction.function

    def run(r: Registers) -> None:
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
