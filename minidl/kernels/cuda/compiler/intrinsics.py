"""Instructions that Numba has no word for, each beside its Python twin: all of minidl's inline assembly is here.

In a kernel an intrinsic is called like a function. The simulator calls its twin; the compiler puts in what `emit` builds.
Arrays are one-dimensional; an offset counts elements.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from ..simulator import scheduler
from ..simulator.errors import SimulationError
from ..simulator.observed import Observed

Emit = Callable[..., Any]


class Intrinsic:
    """An instruction, and what it does, in Python.

    Attributes:
        twin: what the simulator calls.
        types: given Numba's `types` and those of the arguments, the signature.
        emit: builds the instruction.
    """

    def __init__(self, twin: Callable[..., Any], types: Callable[..., Any], emit: Emit) -> None:
        functools.update_wrapper(self, twin)
        self.twin, self.types, self.emit = twin, types, emit

    def __call__(self, *args: Any) -> Any:
        """Do what the instruction does, in the simulator."""
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


# Loads and stores of four elements ----------------------------------------------------------------------------------------


def _address(context: Any, builder: Any, kind: Any, array: Any, offset: Any) -> Any:
    """A pointer to an element of an array."""
    return builder.gep(context.make_array(kind)(context, builder, array).data, [offset])


def _four(context: Any, builder: Any, array: Any, offset: Any, kind: Any) -> tuple[Any, int]:
    """A pointer to four neighbours in memory, and at a multiple of how many bytes they must begin."""
    from llvmlite import ir

    place = _address(context, builder, kind, array, offset)
    four = ir.VectorType(place.type.pointee, 4)
    nbytes = context.get_abi_sizeof(place.type.pointee) * 4
    return builder.bitcast(place, ir.PointerType(four, addrspace=place.type.addrspace)), min(nbytes, 16)


def _load4(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    from llvmlite import ir

    kind = signature.args[0]
    place, alignment = _four(context, builder, args[0], args[1], kind)
    four = builder.load(place)
    four.align = alignment
    model = context.data_model_manager[kind.dtype]
    lanes = [builder.extract_element(four, ir.Constant(ir.IntType(32), i)) for i in range(4)]
    return context.make_tuple(builder, signature.return_type, [model.from_data(builder, lane) for lane in lanes])


def _check_aligned(array: Any, offset: int, count: int) -> None:
    scheduler.check_alignment(array, offset, count)
    if offset < 0 or offset + count > len(array):
        raise SimulationError(f"elements {offset} to {offset + count - 1} of an array of {len(array)}")


@intrinsic(lambda types, array, offset: types.UniTuple(array.dtype, 4)(array, offset), _load4)
def load4(array: Any, offset: int) -> Any:
    """Read four neighbours at once, of float32 in one instruction of 16 bytes.

    `offset` is a multiple of 4, and the array begins at a multiple of the bytes of four elements, or of 16 where they are more.
    """
    _check_aligned(array, offset, 4)
    return array[offset], array[offset + 1], array[offset + 2], array[offset + 3]


def _store4(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    from llvmlite import ir

    kind = signature.args[0]
    place, alignment = _four(context, builder, args[0], args[1], kind)
    four = ir.Constant(place.type.pointee, ir.Undefined)
    model = context.data_model_manager[kind.dtype]
    for i in range(4):
        four = builder.insert_element(four, model.as_data(builder, args[2 + i]), ir.Constant(ir.IntType(32), i))
    builder.store(four, place).align = alignment
    return context.get_dummy_value()


@intrinsic(lambda types, array, offset, *four: types.void(array, offset, *[array.dtype] * 4), _store4)
def store4(array: Any, offset: int, a: Any, b: Any, c: Any, d: Any) -> None:
    """Write four neighbours at once, under the same conditions as `load4`."""
    _check_aligned(array, offset, 4)
    array[offset], array[offset + 1], array[offset + 2], array[offset + 3] = a, b, c, d


# Arrays by their address --------------------------------------------------------------------------------------------------


@functools.cache
def array_at(name: str) -> Intrinsic:
    """The function `(address, count)` → an array of a dtype that lies there: for kernels that take a list of arrays."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        from llvmlite import ir
        from numba.core import types

        kind, tuple_of = signature.return_type, cast(Any, types.UniTuple)
        array = context.make_array(kind)(context, builder)
        element, wide = context.get_data_type(kind.dtype), ir.IntType(64)
        count, size = builder.sext(args[1], wide), context.get_abi_sizeof(element)
        array.data = builder.inttoptr(args[0], ir.PointerType(element))
        array.itemsize, array.nitems = ir.Constant(wide, size), count
        array.shape, array.strides = (
            context.make_tuple(builder, tuple_of(types.intp, 1), [n]) for n in (count, ir.Constant(wide, size))
        )
        return array._getvalue()

    def twin(address: int, count: int) -> Any:
        from ..simulator import driver

        dtype = np.dtype(name)
        return driver.memory(int(address), int(count) * dtype.itemsize).view(dtype)

    return Intrinsic(
        twin, lambda types, *args: types.Array(getattr(types, name), 1, "C")(types.int64, types.int32), emit
    )


# Division of whole numbers ------------------------------------------------------------------------------------------------


def _unsigned_division(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    from llvmlite import ir

    a, b = (builder.trunc(x, ir.IntType(32)) if x.type.width > 32 else x for x in args)
    return builder.udiv(a, b)


@intrinsic(lambda types, a, b: types.int32(a, b), _unsigned_division)
def quotient(a: int, b: int) -> int:
    """a // b for a ≥ 0 and b > 0 in 32 bits; Numba's own `//` widens to 64, which takes about five times as long."""
    if a < 0 or b <= 0:
        raise SimulationError(f"quotient({a}, {b}): it is for a ≥ 0 and b > 0")
    return a // b


def _unsigned_comparison(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    from llvmlite import ir

    a, b = (builder.trunc(x, ir.IntType(32)) if x.type.width > 32 else x for x in args)
    return builder.icmp_unsigned("<", a, b)


@intrinsic(lambda types, a, b: types.boolean(a, b), _unsigned_comparison)
def within(a: int, b: int) -> bool:
    """0 ≤ a < b, in one comparison: without its sign a negative number is a large one."""
    return 0 <= a < b


# Copies from global to shared memory that run beside the arithmetic (from compute capability 8.0 on) -------------------------


def _shared_address(context: Any, builder: Any, kind: Any, array: Any, offset: Any) -> Any:
    """Where an element of an array of 4-byte numbers is in shared memory: 32 bits."""
    from llvmlite import ir

    i32, space = ir.IntType(32), 3
    data = context.make_array(kind)(context, builder, array).data
    start = builder.ptrtoint(builder.addrspacecast(data, ir.PointerType(data.type.pointee, addrspace=space)), i32)
    narrow = offset if offset.type.width == 32 else builder.trunc(offset, i32)
    return builder.add(start, builder.shl(narrow, ir.Constant(i32, 2)))


def _asynchronous(width: int) -> Emit:
    """`cp.async` of `width` bytes, of which the last operand says how many are read; the rest becomes 0."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        from llvmlite import ir

        i32, i64, void = ir.IntType(32), ir.IntType(64), ir.VoidType()
        shared = _shared_address(context, builder, signature.args[0], args[0], args[1])
        source = _address(context, builder, signature.args[2], args[2], args[3])
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
    scheduler.check_alignment(source, start, count)
    scheduler.check_alignment(target, to, count)
    if whole and (start < 0 or start + whole > len(source)):
        raise SimulationError(f"elements {start} to {start + whole - 1} of an array of {len(source)} are copied")
    values = [source[start + i] for i in range(whole)] + [0.0] * (count - whole)
    if isinstance(target, Observed):
        scheduler.running().copies[-1].append(target.copy_later(to, values))
        return

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
