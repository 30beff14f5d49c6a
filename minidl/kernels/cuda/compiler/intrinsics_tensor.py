"""The instructions of tensor cores, each beside its Python twin: a warp multiplies two small matrices at once.

The matrices, *fragments*, are spread over the registers of a warp's 32 threads. With g = lane // 4 and t = lane % 4 a thread
has

    A, 16 rows       rows g and g + 8          of the sums t and t + 4 (float32), or 2t, 2t + 1, 2t + 8, 2t + 9 (bfloat16)
    B, 8 columns     column g                  of the same sums
    C, 16 × 8        rows g and g + 8          of the columns 2t and 2t + 1

Source: NVIDIA, "PTX ISA", "Matrix fragments for mma.m16n8k8" and "… mma.m16n8k16".
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

from ..simulator import scheduler
from .intrinsics import Emit, Intrinsic, intrinsic


def _round(count: int, text: str) -> Emit:
    """An instruction that makes 32 bits of `count` floats; the result is of the intrinsic's type."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        from llvmlite import ir

        i32 = ir.IntType(32)
        kind = ir.FunctionType(i32, [ir.FloatType()] * count)
        bits = builder.call(ir.InlineAsm(kind, text, "=r" + ",f" * count, side_effect=False), args)
        return builder.bitcast(bits, context.get_value_type(signature.return_type))

    return emit


@intrinsic(lambda types, x: types.float32(types.float32), _round(1, "cvt.rna.tf32.f32 $0, $1;"))
def tf32(x: Any) -> Any:
    """Round a float32 to 10 binary digits behind the point, halves away from zero; its exponent stays as it is."""
    (bits,) = struct.unpack("I", struct.pack("f", x))
    if bits & 0x7F800000 == 0x7F800000:  # infinite, or NaN
        return x
    return struct.unpack("f", struct.pack("I", (bits + 0x1000) & 0xFFFFE000))[0]


@intrinsic(
    lambda types, low, high: types.int32(types.float32, types.float32), _round(2, "cvt.rn.bf16x2.f32 $0, $2, $1;")
)
def bfloat16_pair(low: Any, high: Any) -> int:
    """Round two float32 to bfloat16, 7 binary digits behind the point, halves to even; `low` fills the lower 16 bits."""
    return _bfloat16(low) | _bfloat16(high) << 16


def _bfloat16(x: Any) -> int:
    (bits,) = struct.unpack("I", struct.pack("f", x))
    if x != x:
        return 0x7FFF
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16 & 0xFFFF


def _unpacked(pair: int) -> tuple[float, float]:
    """Two bfloat16 as floats."""
    return struct.unpack("2f", struct.pack("2I", (pair & 0xFFFF) << 16, pair & 0xFFFF0000))


def _truncated(x: Any) -> tuple[float]:
    """A float32 as tensor cores take it for TF32: they do not look at its last 13 digits."""
    (bits,) = struct.unpack("I", struct.pack("f", x))
    return struct.unpack("f", struct.pack("I", bits & 0xFFFFE000))


def _multiply(read: Callable[[Any], Sequence[float]], a: Sequence[Any], b: Sequence[Any], c: Sequence[Any]) -> Any:
    """What all threads of a warp come together for: each shows its fragments and adds up its four results."""
    thread = scheduler.running()
    lane, warp = thread.number % scheduler.WARP, thread.block.exchange[thread.number // scheduler.WARP]
    warp[lane] = ([read(x) for x in a], [read(x) for x in b])
    scheduler.wait("warp", 3)
    g, t = lane // 4, lane % 4
    rows = [warp[4 * g + i][0] for i in range(4)]
    columns = [[warp[4 * n + i][1] for i in range(4)] for n in (2 * t, 2 * t + 1)]
    results: list[Any] = []
    for row in (0, 1):  # registers 0 and 2 are of row g, 1 and 3 of row g + 8
        for column in columns:
            total = c[len(results)]
            for mine, its in zip(rows, column, strict=True):
                for x, y in ((mine[row], its[0]), (mine[row + 2], its[1])):
                    total += sum(p * q for p, q in zip(x, y, strict=True))
            results.append(total)
    scheduler.wait("warp", 3)
    return tuple(results)


def _mma(shape: str, dtype: str, bits: bool) -> Emit:
    """`mma.sync`: C + A·B, with four registers of A, two of B and four of C."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        from llvmlite import ir

        i32, f32 = ir.IntType(32), ir.FloatType()
        factors = [x if bits else builder.bitcast(x, i32) for x in args[:6]]
        kind = ir.FunctionType(ir.LiteralStructType([f32] * 4), [i32] * 6 + [f32] * 4)
        text = (
            f"mma.sync.aligned.{shape}.row.col.f32.{dtype}.{dtype}.f32 "
            "{$0,$1,$2,$3},{$4,$5,$6,$7},{$8,$9},{$10,$11,$12,$13};"
        )
        asm = ir.InlineAsm(kind, text, "=f,=f,=f,=f,r,r,r,r,r,r,f,f,f,f", side_effect=True)
        result = builder.call(asm, [*factors, *args[6:]])
        return context.make_tuple(builder, signature.return_type, [builder.extract_value(result, i) for i in range(4)])

    return emit


def _multiplying(
    name: str, shape: str, dtype: str, read: Callable[[Any], Sequence[float]], bits: bool, text: str
) -> Intrinsic:
    def twin(a0: Any, a1: Any, a2: Any, a3: Any, b0: Any, b1: Any, c0: Any, c1: Any, c2: Any, c3: Any) -> Any:
        return _multiply(read, (a0, a1, a2, a3), (b0, b1), (c0, c1, c2, c3))

    def types(types: Any, *args: Any) -> Any:
        factor = types.int32 if bits else types.float32
        return types.UniTuple(types.float32, 4)(*[factor] * 6, *[types.float32] * 4)

    twin.__name__, twin.__doc__ = name, text
    return Intrinsic(twin, types, _mma(shape, dtype, bits))


mma_tf32 = _multiplying(
    "mma_tf32",
    "m16n8k8",
    "tf32",
    _truncated,
    False,
    "C + A·B for 8 sums, of float32 rounded by `tf32`: four results a thread.",
)
mma_bfloat16 = _multiplying(
    "mma_bfloat16",
    "m16n8k16",
    "bf16",
    _unpacked,
    True,
    "C + A·B for 16 sums, of pairs of bfloat16: four results a thread.",
)
__all__ = ["bfloat16_pair", "mma_bfloat16", "mma_tf32", "tf32"]
