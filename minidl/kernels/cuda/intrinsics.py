"""Instructions that Numba has no word for, each beside its Python twin: all of minidl's LLVM and inline assembly is here.

In a kernel an intrinsic is called like a function. The simulator calls its twin; the compiler puts in what `emit` builds.
Arrays are one-dimensional; an offset counts elements.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from .simulator import scheduler
from .simulator.scheduler import SimulationError

Emit = Callable[..., Any]


class Intrinsic:
    """An instruction, and what it does, in Python.

    Attributes:
        twin: what the simulator calls.
        types: given Numba's `types` and those of the arguments, the signature.
        emit: builds the instruction.
        version: what `emit` is, for the checksum of compiled kernels.
    """

    def __init__(self, twin: Callable[..., Any], types: Callable[..., Any], emit: Emit) -> None:
        functools.update_wrapper(self, twin)
        self.twin, self.types, self.emit = twin, types, emit
        self.version = f"{twin.__name__}:{emit.__code__.co_code.hex()}:{emit.__code__.co_consts!r:.400}"

    def __call__(self, *args: Any) -> Any:
        return self.twin(*args)

    @functools.cached_property
    def compiled(self) -> Any:
        """The same for Numba's compiler."""
        from numba.core import types
        from numba.cuda.extending import intrinsic

        return intrinsic(_typing(self, types))


def _typing(one: Intrinsic, types: Any) -> Callable[..., Any]:
    """The function that Numba's `intrinsic` wants, with the arguments that the twin has."""
    def typing(context: Any, *args: Any) -> Any:
        return one.types(types, *args), one.emit

    names = ["typingctx", *list(inspect.signature(one.twin).parameters)]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    typing.__signature__ = inspect.Signature([inspect.Parameter(n, kind) for n in names])  # type: ignore[attr-defined]
    typing.__name__ = one.twin.__name__
    return typing


def intrinsic(types: Callable[..., Any], emit: Emit) -> Callable[[Callable[..., Any]], Intrinsic]:
    """Make a Python function the twin of an instruction."""
    return lambda twin: Intrinsic(twin, types, emit)


# Loads and stores of 16 bytes ---------------------------------------------------------------------------------------------


def _address(context: Any, builder: Any, kind: Any, array: Any, offset: Any) -> Any:
    """A pointer to an element of an array."""
    return builder.gep(context.make_array(kind)(context, builder, array).data, [offset])


def _four() -> Any:
    from llvmlite import ir

    return ir.VectorType(ir.FloatType(), 4)


def _load4(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    from llvmlite import ir

    place = _address(context, builder, signature.args[0], args[0], args[1])
    four = builder.load(builder.bitcast(place, ir.PointerType(_four(), addrspace=place.type.addrspace)))
    four.align = 16
    lanes = [builder.extract_element(four, ir.Constant(ir.IntType(32), i)) for i in range(4)]
    return context.make_tuple(builder, signature.return_type, lanes)


def _check_aligned(array: Any, offset: int, count: int) -> None:
    if offset % 4:
        raise SimulationError(f"16 bytes are read or written together from element {offset}, which is no multiple of 4")
    if offset < 0 or offset + count > len(array):
        raise SimulationError(f"elements {offset} to {offset + count - 1} of an array of {len(array)}")


@intrinsic(lambda types, array, offset: types.UniTuple(types.float32, 4)(array, offset), _load4)
def load4(array: Any, offset: int) -> Any:
    """Read four float32 at once; `offset` is a multiple of 4 and the array begins at a multiple of 16 bytes."""
    _check_aligned(array, offset, 4)
    return array[offset], array[offset + 1], array[offset + 2], array[offset + 3]


def _store4(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    from llvmlite import ir

    place = _address(context, builder, signature.args[0], args[0], args[1])
    four = ir.Constant(_four(), ir.Undefined)
    for i in range(4):
        four = builder.insert_element(four, args[2 + i], ir.Constant(ir.IntType(32), i))
    builder.store(four, builder.bitcast(place, ir.PointerType(_four(), addrspace=place.type.addrspace))).align = 16
    return context.get_dummy_value()


@intrinsic(lambda types, array, offset, *four: types.void(array, offset, *[types.float32] * 4), _store4)
def store4(array: Any, offset: int, a: Any, b: Any, c: Any, d: Any) -> None:
    """Write four float32 at once, under the same conditions as `load4`."""
    _check_aligned(array, offset, 4)
    array[offset], array[offset + 1], array[offset + 2], array[offset + 3] = a, b, c, d


# Copies from global to shared memory that run beside the arithmetic (from compute capability 8.0 on) -------------------------


def _asynchronous(width: int) -> Emit:
    """`cp.async` of `width` bytes, of which the last operand says how many are read; the rest becomes 0."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        from llvmlite import ir

        i32, i64, void = ir.IntType(32), ir.IntType(64), ir.VoidType()
        target = _address(context, builder, signature.args[0], args[0], args[1])
        source = _address(context, builder, signature.args[2], args[2], args[3])
        convert = ir.InlineAsm(ir.FunctionType(i64, [i64]), "cvta.to.shared.u64 $0, $1;", "=l,l", side_effect=False)
        shared = builder.trunc(builder.call(convert, [builder.ptrtoint(target, i64)]), i32)
        cached = "cg" if width == 16 else "ca"
        copy = ir.InlineAsm(
            ir.FunctionType(void, [i32, i64, i32]),
            f"cp.async.{cached}.shared.global [$0], [$1], {width}, $2;",
            "r,l,r,~{memory}",
            side_effect=True,
        )
        builder.call(copy, [shared, builder.ptrtoint(source, i64), args[4]])
        return context.get_dummy_value()

    return emit


def _copy_later(target: Any, to: int, source: Any, start: int, nbytes: int, count: int) -> None:
    """Read now what will be written once the thread has waited for it: until then the target keeps what it held."""
    whole = nbytes // 4
    if start % count or to % count:
        raise SimulationError(f"{4 * count} bytes are copied from element {start} to {to}: neither may be unaligned")
    values = [source[start + i] for i in range(whole)] + [0.0] * (count - whole)

    def write() -> None:
        for i, value in enumerate(values):
            target[to + i] = value

    scheduler.running().copies[-1].append(write)


_COPY = lambda types, target, to, source, start, nbytes: types.void(target, to, source, start, types.int32)  # noqa: E731


@intrinsic(_COPY, _asynchronous(16))
def copy16(target: Any, to: int, source: Any, start: int, nbytes: int) -> None:
    """Begin to copy four float32 to shared memory; of the 16 bytes the first `nbytes` are read, the others become 0."""
    _copy_later(target, to, source, start, nbytes, 4)


@intrinsic(_COPY, _asynchronous(4))
def copy4(target: Any, to: int, source: Any, start: int, nbytes: int) -> None:
    """Begin to copy one float32 to shared memory, or with `nbytes` 0 to write 0 there."""
    _copy_later(target, to, source, start, nbytes, 1)


def _instruction(text: str) -> Emit:
    """An instruction without operands that orders what is before and behind it in memory."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        from llvmlite import ir

        builder.call(ir.InlineAsm(ir.FunctionType(ir.VoidType(), []), text, "~{memory}", side_effect=True), [])
        return context.get_dummy_value()

    return emit


@intrinsic(lambda types: types.void(), _instruction("cp.async.commit_group;"))
def commit() -> None:
    """Make a group of the copies begun since the last one."""
    scheduler.running().copies.append([])


def _until(count: int) -> None:
    """Carry out the thread's groups, the oldest first, until only the newest `count` are under way."""
    copies = scheduler.running().copies
    while len(copies) > count + 1:
        for write in copies.pop(0):
            write()


@functools.cache
def wait_for_all_but(count: int) -> Intrinsic:
    """The instruction that waits until only the newest `count` groups of the thread's copies are still under way.

    The block's other threads see the copies once all have waited and then met at `cuda.syncthreads()`.
    """

    def wait() -> None:
        _until(count)

    return Intrinsic(wait, lambda types: types.void(), _instruction(f"cp.async.wait_group {count};"))
