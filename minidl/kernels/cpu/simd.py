"""Register tiles: a few rows of vectors that stay in the processor's registers while products are added to them.

    tile[i, j] += a[rows[i] + at] · b[b_at + j]        i < ROWS, j < columns: one step of a product of matrices

A product of matrices is fast where each number that is loaded is used many times. A step loads `columns` numbers of
`b`, side by side, and `ROWS` single ones of `a`, and multiplies each with each. With 512-bit vectors the widest tile is 8
rows of 2 vectors: 16 registers of sums, 2 of `b`; `a` comes straight from the cache. Sixteen sums in flight are enough to
hide the four cycles that a fused multiply-add takes, and a whole loop runs at 95 % of what the processor can do (measured:
113 of about 120 GFLOP/s on one core), where a product through BLAS of such small matrices gets half.

Numba has no vectors, so tiles are a type of ours, and each function here writes its few LLVM instructions. The rows of
`a` lie anywhere (`rows`), so that a tile can take the windows of an image without copying them out first. In `lanes` the same
functions stand in NumPy, which run where nothing is compiled.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir

from . import lanes

cgutils: Any = importlib.import_module("numba.core.cgutils")
codegen: Any = importlib.import_module("numba.core.codegen")
datamodel: Any = importlib.import_module("numba.core.datamodel")
config: Any = importlib.import_module("numba.core.config")
extending: Any = importlib.import_module("numba.extending")
types: Any = importlib.import_module("numba.core.types")
Array = Any


def _registers() -> tuple[int, int]:
    """How many vector registers the processor has that Numba compiles for, and of how many bytes."""
    features = (codegen.get_host_cpu_features() if config.CPU_FEATURES is None else config.CPU_FEATURES).split(",")
    if "+avx512f" in features:
        return 32, 64
    if "+avx2" in features:
        return 16, 32
    return (32 if "+neon" in features else 16), 16


COUNT, BYTES = _registers()

ROWS = 8 if COUNT == 32 else 6
"""How many rows a tile has: with two vectors each, what fits beside one row of `b`."""

WIDEST = 2 * BYTES
"""How many bytes the row of a tile has at most; the other tiles are half and a quarter as wide, for fewer channels."""


class Tile(types.Type):  # type: ignore[misc]
    """Numba's type of a tile: `ROWS` vectors of `columns` numbers.

    In a `channelwise` one, each column has an `a` of its own: no product of matrices, but of numbers side by side.
    """

    def __init__(self, dtype: Any, columns: int, channelwise: bool = False) -> None:
        self.dtype, self.columns, self.channelwise = dtype, columns, channelwise
        super().__init__(f"Tile({dtype}, {columns}, {channelwise})")

    @property
    def itemsize(self) -> int:
        """The bytes of a number."""
        return int(self.dtype.bitwidth) // 8

    @property
    def vector(self) -> ir.VectorType:
        """LLVM's type of one row."""
        return ir.VectorType(ir.FloatType() if self.itemsize == 4 else ir.DoubleType(), self.columns)


@datamodel.register_default(Tile)
class _TileModel(datamodel.models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, dmm: Any, fe_type: Tile) -> None:
        super().__init__(dmm, fe_type, ir.ArrayType(fe_type.vector, ROWS))


INDEX = ir.IntType(64)
"""LLVM's type of an index."""

_LANE = ir.IntType(32)

Code = tuple[Any, Callable[..., Any]]
"""What an intrinsic is: its signature, and what writes its instructions."""


def instruction(plain: Callable[..., Any]) -> Callable[[Callable[..., Code]], Any]:
    """A function for kernels to call that writes its own LLVM instructions; constants come as types that know them.

    Args:
        plain: what it computes, in NumPy: called instead where nothing is compiled.
    """
    return lambda write: plain if config.DISABLE_JIT else extending.intrinsic(prefer_literal=True)(write)


def pointer(context: Any, builder: Any, kind: Any, array: Any, at: Any, vector: Any = None) -> Any:
    """The address of `array[at]`, without a check; of a vector that begins there if `vector` is given."""
    data = context.make_array(kind)(context, builder, array).data
    place = builder.gep(data, [at])
    return builder.bitcast(place, vector.as_pointer()) if vector else place


def _row(context: Any, builder: Any, kind: Any, rows: Any, i: int) -> Any:
    return builder.load(pointer(context, builder, kind, rows, INDEX(i)))


def _zeros(tile: Tile, *arguments: Any) -> Code:
    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return ir.Constant(ir.ArrayType(tile.vector, ROWS), None)

    return tile(*arguments), code


def _plain_zeros(like: Array, halvings: int) -> lanes.Tile:
    return lanes.Tile(np.zeros((ROWS, (WIDEST >> halvings) // like.itemsize), like.dtype))


def _plain_channelwise_zeros(like: Array) -> lanes.Tile:
    return lanes.Tile(np.zeros((ROWS, BYTES // like.itemsize), like.dtype), channelwise=True)


@instruction(_plain_zeros)
def zeros(typing: Any, like: Any, halvings: Any) -> Code:
    """A tile of zeros of `like`'s dtype, `WIDEST` bytes wide, halved `halvings` times."""
    return _zeros(Tile(like.dtype, (WIDEST >> halvings.literal_value) // (like.dtype.bitwidth // 8)), like, halvings)


@instruction(_plain_channelwise_zeros)
def channelwise_zeros(typing: Any, like: Any) -> Code:
    """A channelwise tile of zeros of `like`'s dtype, `BYTES` bytes wide."""
    return _zeros(Tile(like.dtype, BYTES // (like.dtype.bitwidth // 8), channelwise=True), like)


@instruction(lanes.columns_of)
def columns_of(typing: Any, tile: Any) -> Code:
    """How many columns a tile has."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return INDEX(tile.columns)

    return types.intp(tile), code


@instruction(lanes.step)
def step(typing: Any, tile: Any, a: Any, rows: Any, at: Any, b: Any, b_at: Any) -> Code:
    """The tile with tile[i, j] + a[rows[i] + at] · b[b_at + j]; if it is channelwise, + a[rows[i] + at + j] · b[b_at + j]."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        sums, a_, rows_, at_, b_, b_at_ = args
        vector, anything = tile.vector, ir.Constant(tile.vector, ir.Undefined)
        name = f"llvm.fmuladd.v{tile.columns}f{tile.itemsize * 8}"  # fused where the processor can
        fma = cgutils.get_or_insert_function(builder.module, ir.FunctionType(vector, [vector] * 3), name)
        shared = builder.load(pointer(context, builder, b, b_, b_at_, vector), align=tile.itemsize)
        for i in range(ROWS):
            place = builder.add(_row(context, builder, rows, rows_, i), at_)
            if tile.channelwise:
                many = builder.load(pointer(context, builder, a, a_, place, vector), align=tile.itemsize)
            else:
                one = builder.insert_element(anything, builder.load(pointer(context, builder, a, a_, place)), _LANE(0))
                many = builder.shuffle_vector(one, anything, ir.Constant(ir.VectorType(_LANE, tile.columns), None))
            sums = builder.insert_value(sums, builder.call(fma, [many, shared, builder.extract_value(sums, i)]), i)
        return sums

    return tile(tile, a, rows, types.intp, b, types.intp), code


@instruction(lanes.load)
def load(typing: Any, tile: Any, y: Any, places: Any, at: Any) -> Code:
    """A tile of the shape of `tile` with y[places[i] + at + j]."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        sums, y_, places_, at_ = args
        for i in range(ROWS):
            begin = builder.add(_row(context, builder, places, places_, i), at_)
            place = pointer(context, builder, y, y_, begin, tile.vector)
            sums = builder.insert_value(sums, builder.load(place, align=tile.itemsize), i)
        return sums

    return tile(tile, y, places, types.intp), code


@instruction(lanes.store)
def store(typing: Any, tile: Any, y: Any, places: Any, at: Any) -> Code:
    """y[places[i] + at + j] = tile[i, j] for the whole tile."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        sums, y_, places_, at_ = args
        for i in range(ROWS):
            begin = builder.add(_row(context, builder, places, places_, i), at_)
            place = pointer(context, builder, y, y_, begin, tile.vector)
            builder.store(builder.extract_value(sums, i), place, align=tile.itemsize)
        return context.get_dummy_value()

    return types.void(tile, y, places, types.intp), code


@instruction(lanes.store_part)
def store_part(typing: Any, tile: Any, y: Any, places: Any, at: Any, rows: Any, columns: Any) -> Code:
    """y[places[i] + at + j] = tile[i, j] for the first `rows` and `columns`; nothing else is touched."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        sums, y_, places_, at_, rows_, columns_ = args
        lanes = ir.VectorType(_LANE, tile.columns)
        bits = ir.VectorType(ir.IntType(1), tile.columns)
        anything = ir.Constant(lanes, ir.Undefined)
        signature_ = ir.FunctionType(ir.VoidType(), [tile.vector, tile.vector.as_pointer(), _LANE, bits])
        name = f"llvm.masked.store.v{tile.columns}f{tile.itemsize * 8}.p0"
        masked = cgutils.get_or_insert_function(builder.module, signature_, name)
        for i in range(ROWS):
            begin = builder.add(_row(context, builder, places, places_, i), at_)
            place = pointer(context, builder, y, y_, begin, tile.vector)
            here = builder.select(builder.icmp_signed("<", INDEX(i), rows_), columns_, INDEX(0))
            one = builder.insert_element(anything, builder.trunc(here, _LANE), _LANE(0))
            limit = builder.shuffle_vector(one, anything, ir.Constant(lanes, None))
            mask = builder.icmp_signed("<", ir.Constant(lanes, list(range(tile.columns))), limit)
            builder.call(masked, [builder.extract_value(sums, i), place, _LANE(tile.itemsize), mask])
        return context.get_dummy_value()

    return types.void(tile, y, places, types.intp, types.intp, types.intp), code
