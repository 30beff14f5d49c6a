"""Winograd's transforms of small tiles, in vector instructions: M d Mᵀ with a fixed matrix M of 0, ±1 and ±½.

    Bᵀ: 4×4 pixels → 4×4        Aᵀ: 4×4 products → 2×2 results        G: a 3×3 kernel → 4×4

and the transposes A and Gᵀ, which the transpose in the weights takes. The matrices are those of F(2×2, 3×3) in Lavin and
Gray, 2016, section 4.1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir

from .lanes import lanes
from .simd import BYTES, INDEX, Code, Tile, instruction, pointer, types

Array = Any

_BT = ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1))
_AT = ((1, 1, 1, 0), (0, 1, -1, -1))
_G = ((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1))

PIXELS, RESULTS, UPSTREAM, KERNEL, GRADIENT = range(5)
"""The numbers of the matrices Bᵀ, Aᵀ, A, G and Gᵀ."""

MATRICES = (_BT, _AT, tuple(zip(*_AT, strict=True)), _G, tuple(zip(*_G, strict=True)))
"""The matrices in that order."""


@np.errstate(all="ignore")  # of numbers that nobody reads
def _plain_sandwich(
    matrix: int, x: Array, at: int, row: int, column: int, y: Array, to: int, to_row: int, to_column: int
) -> None:
    m, columns = np.array(MATRICES[matrix], x.dtype), BYTES // x.itemsize
    i, j = np.indices((m.shape[1], m.shape[1]))
    d = x[lanes(x, at + i * row + j * column, columns)]
    i, j = np.indices((len(m), len(m)))
    y[lanes(y, to + i * to_row + j * to_column, columns)] = np.einsum("ip,pqv,jq->ijv", m, d, m)


@instruction(_plain_sandwich)
def sandwich(
    typing: Any, matrix: Any, x: Any, at: Any, row: Any, column: Any, y: Any, to: Any, to_row: Any, to_column: Any
) -> Code:
    """M d Mᵀ for a square grid d of vectors of `x`, written to a grid of vectors of `y`; M is `MATRICES[matrix]`.

    A vector has `BYTES` bytes; `at` is where the first lies, `row` and `column` how far apart neighbours lie. The few
    products are additions and subtractions, or exact halvings.
    """
    m = MATRICES[matrix.literal_value]
    lanes = BYTES // (x.dtype.bitwidth // 8)
    vector = Tile(x.dtype, lanes).vector

    def combination(builder: Any, factors: tuple[float, ...], vectors: list[Any]) -> Any:
        total = None
        for factor, v in zip(factors, vectors, strict=True):
            if not factor:
                continue
            term = v if abs(factor) == 1 else builder.fmul(v, ir.Constant(vector, [abs(factor)] * lanes))
            if total is None:
                total = term if factor > 0 else builder.fsub(ir.Constant(vector, None), term)
            else:
                total = (builder.fadd if factor > 0 else builder.fsub)(total, term)
        return total

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _, x_, at_, row_, column_, y_, to_, to_row_, to_column_ = args

        def place(kind: Any, array: Any, first: Any, down: Any, right: Any, i: int, j: int) -> Any:
            down, right = builder.mul(down, INDEX(i)), builder.mul(right, INDEX(j))
            return pointer(context, builder, kind, array, builder.add(first, builder.add(down, right)), vector)

        side, align = range(len(m[0])), x.dtype.bitwidth // 8
        d = [[builder.load(place(x, x_, at_, row_, column_, i, j), align=align) for j in side] for i in side]
        half = [[combination(builder, f, [d[i][j] for i in side]) for j in side] for f in m]
        for i in range(len(m)):
            for j, f in enumerate(m):
                builder.store(
                    combination(builder, f, half[i]), place(y, y_, to_, to_row_, to_column_, i, j), align=align
                )
        return context.get_dummy_value()

    steps = (types.intp,) * 3
    return types.void(matrix, x, *steps, y, *steps), code
