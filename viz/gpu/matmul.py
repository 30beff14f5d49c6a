"""Products of matrices, traced: small ones, by the very kernels of the backend, whose tiles are made small."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import numpy as np

from minidl.kernels.cuda.compiler.language import Kernel
from minidl.kernels.cuda.matmul.fast import fast_kernel
from minidl.kernels.cuda.matmul.naive import naive_kernel
from minidl.kernels.cuda.matmul.tile import Tile
from minidl.kernels.cuda.matmul.tiled import tiled_kernel
from minidl.kernels.cuda.simulator.trace import Trace, trace

from ..drawing.canvas import SLIDE
from .cells import Cells
from .decks import Telling
from .stage import ASIDE, MARGIN, TOP, Board

Blocks = Collection[Sequence[int]] | None
"""The blocks that run; all of them if None."""

_SIZE: Final = 8
"""The side of the matrices of the naive and the tiled kernel."""
_WARP: Final = 32
_SIDE: Final = 4
"""The side of a tile of the tiled kernel."""
_TILE: Final = Tile(16, 32, 8, 2, down=1, across=1)
"""The fast kernel's tile, with one warp and one square of 4 × 4 results a thread."""
_CELL: Final = 22
_GAP: Final = 24.0
_BANKS: Final = 32
_FACTORS: Final = ("x", "y")
_FIRST: Final = (0, 0, 0)
_SIXTH: Final = ({6}, "thread 6 touches")


def naive() -> Telling:
    """The naive product of two 8 × 8 matrices, by blocks of one warp."""
    run = run_naive(_WARP, _SIZE, _SIZE)
    boards = _product_boards(_SIZE, _SIZE, _SIZE, _CELL, (_WARP // _SIZE, _SIZE, _SIZE))
    return Telling(run, "The naive product, C = AB", boards, _FACTORS, _FIRST, _SIZE, ({13}, "thread 13 touches"))


def tiled() -> Telling:
    """The tiled product of two 8 × 8 matrices, by blocks of 4 × 4 threads."""
    run = run_tiled(_SIDE, _SIZE, _SIZE)
    left, right = (name for name, info in run.arrays.items() if info.space == "shared")
    wide = run.arrays[left].size // _SIDE  # with the padding
    tiles = [
        Board(left, "A's tile", Cells(_SIDE, wide, ASIDE, TOP, _CELL, _CELL)),
        Board(right, "B's tile", Cells(_SIDE, wide, SLIDE[0] - MARGIN - wide * _CELL, TOP, _CELL, _CELL)),
    ]
    boards = [*_product_boards(_SIZE, _SIZE, _SIZE, _CELL, (_SIDE, _SIDE, _SIDE)), *tiles]
    opening = "The last column of the tiles is padding, which keeps the banks apart."
    return Telling(run, "The tiled product, C = AB", boards, _FACTORS, _FIRST, _SIDE, _SIXTH, opening)


def fast() -> Telling:
    """The fast product of a 16 × 16 and a 16 × 32 matrix: a warp, in two steps."""
    rows, columns, sums = _TILE.rows, _TILE.columns, 2 * _TILE.depth
    run = run_fast(_TILE, sums)
    shared = next(info for info in run.arrays.values() if info.space == "shared")
    boards = [*_product_boards(rows, columns, sums, 12, (4, 4, _TILE.depth)), _bank_board(shared.name, shared.size)]
    opening = "The next tile is fetched while this one is multiplied; padding stays white."
    return Telling(run, "The fast product, C = AB", boards, _FACTORS, _FIRST, 2, _SIXTH, opening)


def run_naive(threads: int, size: int, sums: int, blocks: Blocks = None) -> Trace:
    """Trace the naive kernel on a square result."""
    return _run(naive_kernel("float32"), (size * size // threads,), (threads,), (size, size, sums), blocks)


def run_tiled(side: int, size: int, sums: int, blocks: Blocks = None) -> Trace:
    """Trace the tiled kernel on a square result, with tiles of `side` × `side`."""
    return _run(tiled_kernel("float32", side), (size // side,) * 2, (side, side), (size, size, sums), blocks)


def run_fast(tile: Tile, sums: int) -> Trace:
    """Trace the fast kernel on a result that is one tile."""
    return _run(
        fast_kernel(tile, True, False, True), (1,), (tile.threads,), (tile.rows, tile.columns, sums), None, tile.depth
    )


def _run(
    found: Kernel,
    grid: Sequence[int],
    block: Sequence[int],
    sizes: tuple[int, int, int],
    blocks: Blocks,
    depth: int = 0,
) -> Trace:
    """Trace the product of two row-major matrices of small whole numbers; where all blocks run, it is checked."""
    rows, columns, sums = sizes
    rng = np.random.default_rng(0)
    x, y = (rng.integers(-3, 4, shape).astype(np.float32) for shape in ((rows, sums), (sums, columns)))
    out = np.zeros((rows, columns), np.float32)
    named = {"rows": rows, "columns": columns, "sums": sums, "share": sums}
    named |= {"x_row": sums, "x_sum": 1, "y_sum": columns, "y_column": 1}  # steps between neighbours
    named |= {"x_step": sums, "y_step": columns, "x_on": depth, "y_on": depth * columns}  # between lines, and panels
    args: list[Any] = [x, y, out, *(named.get(p.name, 0) for p in found.parameters[3:])]
    traced = trace(found, grid, block, args, blocks=blocks)
    assert blocks is not None or np.array_equal(out, x @ y), f"{found.name} computes something else"
    return traced


def _product_boards(rows: int, columns: int, sums: int, cell: float, every: tuple[int, int, int]) -> list[Board]:
    """A left of C and B above it, as one writes a product, beside the legend or below it."""
    wide = (sums + columns) * cell + _GAP
    left = max(MARGIN + (ASIDE - 2 * MARGIN - wide) / 2, MARGIN)
    r, c, s = every
    a = Cells(rows, sums, left, TOP - sums * cell - _GAP, cell, cell)
    b = Cells(sums, columns, left + sums * cell + _GAP, TOP, cell, cell)
    out = Cells(rows, columns, b.left, a.top, cell, cell)
    return [Board("x", "A", a, (r, s)), Board("y", "B", b, (s, c)), Board("out", "C", out, (r, c), is_result=True)]


def _bank_board(name: str, size: int) -> Board:
    """An array in shared memory as it lies, 32 numbers to a row: a column is a bank."""
    cell = (SLIDE[0] - MARGIN - ASIDE) / _BANKS
    cells = Cells(-(-size // _BANKS), _BANKS, ASIDE, TOP, cell, cell)
    return Board(name, "shared memory", cells, (0, 4), hint="a column a bank")
