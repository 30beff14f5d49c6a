"""The core that fast products share: which results a block and a thread compute, and how tiles lie in shared memory.

A block computes a tile of results, `rows` × `columns`, in steps of `depth` sums. In each step it brings a panel of each factor
to shared memory, `rows` × `depth` of the left one and `depth` × `columns` of the right one, and every thread multiplies its
rows of the one by its columns of the other:

- **A thread** has 8 × 8 results (or 8 × 4), in registers all the time, as 2 × 2 squares of 4 × 4: four numbers that are
  neighbours are read by one 128-bit load, and a sum takes 4 loads for 64 multiply-adds.
- **A warp** is 4 × 8 threads. Its squares lie side by side: 16 rows × 32 columns, and again 16 rows below and 32 columns
  beside. Lanes are numbered in a zigzag (bit 0 and bit 4 count rows, bits 1 to 3 columns), so that of the 16 lanes which a
  128-bit load serves at once 2 ask for different rows and 8 for different columns: 2 wavefronts instead of 4.
- **The left panel** lies as its factor does in global memory: *along*, if the sums of a row are neighbours there; *across*, if
  the rows are. Along, it has 4 numbers of padding after every 4 rows: the rows that a warp reads at once, 4 apart, would
  otherwise lie in the same banks. **The right panel** always lies across, its columns neighbours; were both along, a thread
  would have to hold four sums of all its rows and columns, which registers do not suffice for. Across, each sum is followed
  by 4 numbers of padding, so that a panel may be turned around on the way in without writing one bank twice.

`fast` brings the panels of matrices; an implicit product, such as a convolution, brings its own and uses the rest.
Each result is added up in the order of the sums, one after another, whatever the tile and however the factors lie.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ..compiler.intrinsics import load4, store4
from ..compiler.language import cuda, device, int32

Function = Callable[..., Any]


class AnyPanel(Protocol):
    """A piece of a factor in shared memory, however it is laid out for those who read it."""

    @property
    def lines(self) -> int:
        """How many rows of the left factor, or columns of the right one, it has."""

    @property
    def depth(self) -> int:
        """How many sums it has."""

    @property
    def along(self) -> bool:
        """Whether the sums of a line are neighbours; else the lines are."""

    @property
    def size(self) -> int:
        """How many numbers it takes."""

    @property
    def place(self) -> Function:
        """A function for kernels that tells where a line's sum is, both counted within the panel."""

    def onward(self, stride: int, along: bool) -> Function:
        """For kernels: the place that is `c` times `stride` lines further than another, or if not `along`, sums."""


class AnyTile(Protocol):
    """The results of one block, however its threads share them."""

    @property
    def rows(self) -> int:
        """How many rows of results it has."""

    @property
    def columns(self) -> int:
        """How many columns."""


PADDING = 4
"""How many numbers a panel has to spare after four lines that lie along, or after each sum of those that lie across."""


@dataclass(frozen=True)
class Panel:
    """A piece of a factor in shared memory: `lines` rows of the left one, or columns of the right one, by `depth` sums.

    Attributes:
        lines, depth: its size.
        along: whether the sums of a line are neighbours; else the lines are.
    """

    lines: int
    depth: int
    along: bool

    @property
    def size(self) -> int:
        """How many numbers it takes, padding counted."""
        return self.lines * self.to_line if self.along else self.depth * self.to_sum

    @property
    def to_line(self) -> int:
        """How far apart lines are; where they lie along, on average: those 4, 8, 12, … apart are 4, 8, 12, … times as far."""
        return self.depth + PADDING // 4 if self.along else 1

    @property
    def to_sum(self) -> int:
        """How far apart sums are."""
        return 1 if self.along else self.lines + PADDING

    @property
    def place(self) -> Function:
        """A function for kernels that tells where a line's sum is, both counted within the panel."""
        return _place(self)

    def onward(self, stride: int, along: bool) -> Function:
        """For kernels: the place that is `c` times `stride` lines further than another, or if not `along`, sums."""
        return _onward(stride * (self.to_line if along else self.to_sum))


@functools.cache
def _place(panel: Panel) -> Function:
    depth, along, to_sum = panel.depth, panel.along, panel.to_sum

    @device
    def place(line: Any, k: Any) -> Any:
        return int32(line * depth + k + (line & -4) if along else k * to_sum + line)

    return place


@functools.cache
def _onward(hop: int) -> Function:
    @device
    def onward(at: Any, c: Any) -> Any:
        return at + c * hop

    return onward


@dataclass(frozen=True)
class Tile:
    """The results of one block.

    Attributes:
        rows, columns: how many.
        depth: by how many sums a step goes on, a multiple of 4.
        stages: how many steps' panels shared memory holds.
        down, across: how many squares of 4 × 4 results a thread has below each other, and side by side.
        blocks: how many such blocks a multiprocessor should hold; it bounds the registers of a thread.
    """

    rows: int
    columns: int
    depth: int
    stages: int
    down: int = 2
    across: int = 2
    blocks: int = 2

    @property
    def threads(self) -> int:
        """How many threads a block has."""
        return self.rows * self.columns // self.results

    @property
    def results(self) -> int:
        """How many results a thread has."""
        return 16 * self.down * self.across

    def left(self, along: bool) -> Panel:
        """The panel of the left factor."""
        return Panel(self.rows, self.depth, along)

    @property
    def right(self) -> Panel:
        """The panel of the right factor."""
        return Panel(self.columns, self.depth, along=False)


LARGE = Tile(128, 128, 8, 3)
"""For results that fill the GPU: 64 results a thread."""
SMALL = Tile(64, 64, 8, 4, across=1, blocks=4)
"""For smaller ones, of which there are four times as many tiles: 32 results a thread."""


@functools.cache
def corner_of(tile: Tile) -> tuple[Function, Function]:
    """For kernels: the first row, and the first column, of a thread in its tile.

    The thread's other rows are the next three, and the same 16 further down; its columns likewise, and 32 further right.
    """
    high, wide = 16 * tile.down, 32 * tile.across
    beside = tile.columns // wide - 1
    shift = 5 + beside.bit_length()

    @device
    def row_of(thread: Any) -> Any:
        return int32((thread >> shift) * high + ((thread & 1) + ((thread >> 3) & 2)) * 4)

    @device
    def column_of(thread: Any) -> Any:
        return int32(((thread >> 5) & beside) * wide + ((thread >> 1) & 7) * 4)

    return row_of, column_of


@functools.cache
def multiplying(tile: Tile, left_along: bool) -> tuple[Function, int, int]:
    """For kernels: the function that multiplies a thread's part of two panels, and how many numbers it holds of each.

    It is called as `multiply(shared, at_left, at_right, a, b, totals)`: the shared memory; the place of the thread's first row
    in the left panel, and of its first column in the right one; and the registers: two local arrays of the sizes that are
    returned, and the totals, which row by row hold the thread's 8 × 8 results.
    """
    part, sums = (_four_sums(tile), 4) if left_along else (_one_sum(tile), 1)
    size_a = 4 * tile.down * sums
    on_left = sums * tile.left(left_along).to_sum
    return _repeated(part, tile.depth // sums, on_left, sums * tile.right.to_sum), size_a, 4 * tile.across


def _repeated(part: Function, times: int, next_left: int, next_right: int) -> Function:
    """A function that does a part of the sums several times in a row, written out: the compiler leaves a long loop a loop."""
    if times == 1:
        return part
    half = _repeated(part, times // 2, next_left, next_right)
    on_left, on_right = times // 2 * next_left, times // 2 * next_right

    @device
    def both_halves(shared: Any, at_left: Any, at_right: Any, a: Any, b: Any, totals: Any) -> None:
        half(shared, at_left, at_right, a, b, totals)
        half(shared, at_left + on_left, at_right + on_right, a, b, totals)

    return both_halves


def _four_sums(tile: Tile) -> Function:
    """The left panel lies along: a load has four sums of one row, or four columns of one sum."""
    m, n, down, across = 4 * tile.down, 4 * tile.across, tile.down, tile.across
    line, below, to_sum = tile.depth, 16 * tile.left(along=True).to_line, tile.right.to_sum

    @device
    def four_sums(shared: Any, at_left: Any, at_right: Any, a: Any, b: Any, totals: Any) -> None:
        for d in range(down):
            for i in range(4):
                r = (d * 4 + i) * 4
                a[r], a[r + 1], a[r + 2], a[r + 3] = load4(shared, at_left + d * below + i * line)
        for k in range(4):
            for d in range(across):
                c = d * 4
                b[c], b[c + 1], b[c + 2], b[c + 3] = load4(shared, at_right + k * to_sum + d * 32)
            for i in range(m):
                for j in range(n):
                    totals[i * n + j] += a[i * 4 + k] * b[j]

    return four_sums


def _one_sum(tile: Tile) -> Function:
    """The left panel lies across: a load has four rows, or four columns, of one sum."""
    m, n, down, across = 4 * tile.down, 4 * tile.across, tile.down, tile.across

    @device
    def one_sum(shared: Any, at_left: Any, at_right: Any, a: Any, b: Any, totals: Any) -> None:
        for d in range(down):
            r = d * 4
            a[r], a[r + 1], a[r + 2], a[r + 3] = load4(shared, at_left + d * 16)
        for d in range(across):
            c = d * 4
            b[c], b[c + 1], b[c + 2], b[c + 3] = load4(shared, at_right + d * 32)
        for i in range(m):
            for j in range(n):
                totals[i * n + j] += a[i] * b[j]

    return one_sum


@functools.cache
def storing(tile: Tile) -> Function:
    """For kernels: the function that writes a thread's totals to a row-major result of `rows` × `columns`.

    It is called as `store(out, start, row, column, rows, columns, totals)`, with the thread's first row and column. Where
    rows begin at multiples of 16 bytes, four results are written at once.
    """
    m, n, across = 4 * tile.down, 4 * tile.across, tile.across

    @device
    def store(out: Any, start: Any, row: Any, column: Any, rows: Any, columns: Any, totals: Any) -> None:
        whole = columns & 3 == 0
        for i in range(m):
            r = int32(row + (i >> 2) * 16 + (i & 3))
            if r < rows:
                for d in range(across):
                    c, t = int32(column + d * 32), i * n + d * 4
                    at = start + r * columns + c
                    if whole:
                        if c < columns:
                            store4(out, at, totals[t], totals[t + 1], totals[t + 2], totals[t + 3])
                    else:
                        for j in range(4):
                            if c + j < columns:
                                out[at + j] = totals[t + j]

    return store


@device
def tile_row(band: Any) -> Any:
    """In which row of tiles a block's tile is.

    Blocks are numbered in bands of 2ᵇ rows of tiles, within a band column by column: those that run at the same time then form
    a square rather than a strip, and share more of what they read. Grid: columns of tiles × 2ᵇ, bands. The last band may go on
    beyond the last row.
    """
    return int32((cuda.blockIdx.y << band) + (cuda.blockIdx.x & ((1 << band) - 1)))


@device
def tile_column(band: Any) -> Any:
    """In which column of tiles it is."""
    return int32(cuda.blockIdx.x >> band)
