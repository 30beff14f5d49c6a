"""Products of matrices as decks: small ones, with the very kernels of the backend, their tiles made small."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from minidl.kernels.cuda.matmul_fast import fast_kernel
from minidl.kernels.cuda.simulator.trace import Trace, trace
from minidl.kernels.cuda.tile import Tile

from ..drawing.canvas import SLIDE
from .cells import Cells
from .decks import Telling
from .stage import ASIDE, MARGIN, TOP, Board

Array = np.ndarray[Any, Any]

_GAP: Final = 24.0
_BANKS: Final = 32


_SMALL: Final = 8
_SIDE: Final = 4
"""The small matrices' rows, columns and sums; the side of a block of the naive and the tiled kernel."""
_TILE: Final = Tile(16, 32, 8, 2, down=1, across=1)
"""The fast kernel's tile, with one warp and one square of 4 × 4 results a thread."""


def factors(rows: int, columns: int, sums: int) -> tuple[Array, Array, Array]:
    """Two small matrices of whole numbers, and room for their product."""
    rng = np.random.default_rng(0)
    x, y = (rng.integers(-3, 4, size).astype(np.float32) for size in ((rows, sums), (sums, columns)))
    return x, y, np.zeros((rows, columns), np.float32)


def run(
    found: Kernel, grid: Sequence[int], block: Sequence[int], sizes: tuple[int, int, int], blocks: Collection[Sequence[int]] | None = None
) -> Trace:
    """Trace the product of two small row-major matrices of `sizes`: rows, columns and sums.

    Args:
        found: any of the three kernels, which name their arguments alike.
        grid: how many blocks.
        block: how many threads a block has.
        sizes: the matrices'.
        blocks: the blocks that run, if not all; only where all do is the product checked.
    """
    rows, columns, sums = sizes
    x, y, out = factors(rows, columns, sums)
    named = {"rows": rows, "columns": columns, "sums": sums, "share": sums, "x_step": sums, "y_step": columns}
    depth = _DEPTHS.get(found.threads, 0)
    traced = trace(found, grid, block, [x, y, out, *(named.get(p.name, 0) for p in found.parameters[3:])], blocks=blocks)
    assert blocks is not None or np.array_equal(out, x @ y), f"{found.name} computes something else"
    return traced


def fast() -> Telling:
    """The fast product of a 16 × 16 and a 16 × 32 matrix: a warp, in two steps."""
    rows, columns, sums = _TILE.rows, _TILE.columns, 2 * _TILE.depth
    run = run_fast(_TILE, rows, columns, sums)
    shared = next(info for info in run.arrays.values() if info.space == "shared")
    boards = [
        *product_boards(("x", "y", "out"), rows, columns, sums, 12, (4, 4, 8)),
        bank_board(shared.name, shared.size),
    ]
    opening = "The next tile is fetched while this one is multiplied."
    return Telling(run, "The fast product, C = AB", boards, ("x", "y"), (0, 0, 0), 2, ({6}, "thread 6 touches"), opening)


def product_boards(arrays: tuple[str, str, str], rows: int, columns: int, sums: int, cell: float, every: tuple[int, int, int]) -> list[Board]:
    """A left of C and B above it, as one writes a product; the middle of what the slide has room for."""
    wide, high = (sums + columns) * cell + _GAP, (rows + sums) * cell + _GAP
    left = MARGIN + 150 if sums * cell < 150 else MARGIN + (ASIDE - 2 * MARGIN - wide) / 2
    left = min(left, ASIDE - MARGIN - wide)
    r, c, s = every
    a = Cells(rows, sums, left, TOP - sums * cell - _GAP, cell, cell)
    b = Cells(sums, columns, left + sums * cell + _GAP, TOP, cell, cell)
    out = Cells(rows, columns, b.left, a.top, cell, cell)
    x, y, z = arrays
    return [Board(x, "A", a, (r, s)), Board(y, "B", b, (s, c)), Board(z, "C", out, (r, c), is_result=True)]


def tile_boards(names: tuple[str, str], rows: int, columns: int, sums: int, cell: float) -> list[Board]:
    """Two tiles in shared memory as the matrices that they are."""
    top = TOP
    left = Cells(rows, sums, ASIDE, top, cell, cell)
    right = Cells(sums, columns, ASIDE + (sums * cell) + 36, top, cell, cell)
    return [Board(names[0], "A's tile", left), Board(names[1], "B's tile", right)]


def bank_board(name: str, size: int) -> Board:
    """An array in shared memory as it lies, 32 numbers to a row: a column is a bank."""
    cell = (SLIDE[0] - MARGIN - ASIDE) / _BANKS
    return Board(name, "shared memory", Cells(-(-size // _BANKS), _BANKS, ASIDE, TOP, cell, cell), (0, 4), hint="a column a bank")
