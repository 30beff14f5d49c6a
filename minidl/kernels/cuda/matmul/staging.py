"""How a block brings a panel of a matrix to shared memory: copied beside the arithmetic, or through registers.

The threads of a block share the panel out in pieces of 16 bytes, or of 4 where the matrix is not aligned to 16: its lines are
of an odd length, or it begins at an odd place. Neighbouring threads bring neighbouring pieces. What lies beyond the matrix
becomes 0, so that ragged edges take part in the arithmetic and change nothing.

A thread brings the same lines and sums of each panel; so it works out once where its first piece is (`Share`), and from step
to step only goes on by `depth` sums.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..compiler.intrinsics import copy4, copy16, load4, store4
from ..compiler.language import device, float32, int32
from .tile import AnyPanel

Function = Callable[..., Any]
BEYOND = 1 << 30
"""The sum that is said to come first in a line which is beyond the matrix: there never are so many."""


@dataclass(frozen=True)
class Share:
    """How the threads of a block share out a panel.

    A row of pieces is a line, if those of the matrix lie along (its sums are neighbours in global memory), else a sum.

    Attributes:
        panel: the panel.
        along: how the matrix lies; where the panel lies the other way, it is turned around on the way.
        aligned: whether the matrix can be read in pieces of 16 bytes.
        threads: how many threads bring it.
    """

    panel: AnyPanel
    along: bool
    aligned: bool
    threads: int

    @property
    def wide(self) -> bool:
        """Whether pieces are of four numbers: what is turned around goes one by one."""
        return self.aligned and self.along == self.panel.along

    @property
    def piece(self) -> int:
        """How many numbers a thread brings at once."""
        return 4 if self.wide else 1

    @property
    def across(self) -> int:
        """How many pieces make a row."""
        return (self.panel.depth if self.along else self.panel.lines) // self.piece

    @property
    def stride(self) -> int:
        """How many rows further on a thread's next piece is."""
        return self.threads // self.across

    @property
    def count(self) -> int:
        """How many pieces a thread brings."""
        return self.panel.lines * self.panel.depth // self.piece // self.threads

    @property
    def held(self) -> int:
        """How many numbers a thread brings."""
        return self.count * self.piece

    @property
    def onward(self) -> Function:
        """For kernels: where in shared memory a thread's piece `c` is, from where its first one is."""
        return self.panel.onward(self.stride, self.along)


@functools.cache
def first_piece(share: Share) -> tuple[Function, Function]:
    """For kernels: the line and the sum, counted within the panel, at which a thread's first piece begins."""
    shift, rest, piece, along = share.across.bit_length() - 1, share.across - 1, share.piece, share.along

    @device
    def line_of(thread: Any) -> Any:
        return int32(thread >> shift if along else (thread & rest) * piece)

    @device
    def sum_of(thread: Any) -> Any:
        return int32((thread & rest) * piece if along else thread >> shift)

    return line_of, sum_of


@functools.cache
def reaching(along: bool) -> Function:
    """For kernels: how far from a matrix's start a line's sum is, `reach(line, k, step)`; rows or columns are `step` apart."""

    @device
    def reach(line: Any, k: Any, step: Any) -> Any:
        return line * step + k if along else k * step + line

    return reach


@functools.cache
def beginning(share: Share) -> Function:
    """For kernels: what a thread brings of a panel that is read from a matrix, `begin(thread, lines, step)`.

    `lines` are those that the matrix has from the panel's first one on. It returns where in the panel the thread's first piece
    goes, how far from the panel's first number in the matrix it comes from, how many lines there are from the piece on, and
    the piece's sum, or `BEYOND`.
    """
    line_of, sum_of = first_piece(share)
    place, reach = share.panel.place, reaching(share.along)

    @device
    def begin(thread: Any, lines: Any, step: Any) -> Any:
        line, k = line_of(thread), sum_of(thread)
        return place(line, k), int32(reach(line, k, step)), int32(lines - line), int32(k if line < lines else BEYOND)

    return begin


@functools.cache
def fetching(share: Share) -> Function:
    """For kernels: begin to copy a thread's pieces to shared memory (`cp.async`, compute capability 8.0 and above).

    It is called as `fetch(shared, at, matrix, source, step, lines, k, left)`: the first piece goes from `matrix[source]` to
    `shared[at]`; rows of the matrix are `step` apart. From the piece's line on there are `lines`; the piece is the panel's sum
    `k`, of which `left` are left. For a line that the matrix does not have, `k` is `BEYOND`.
    """
    count, piece, stride, onward = share.count, share.piece, share.stride, share.onward
    along, wide = share.along, share.wide

    @device
    def fetch(shared: Any, at: Any, matrix: Any, source: Any, step: Any, lines: Any, k: Any, left: Any) -> None:
        for c in range(count):
            inside = k < left and (c == 0 or c * stride < lines) if along else int32(k + c * stride) < left
            nbytes = 4 * piece if inside else 0
            if wide:
                copy16(shared, onward(at, c), matrix, source, nbytes)
            else:
                copy4(shared, onward(at, c), matrix, source, nbytes)
            source += stride * step

    return fetch


@functools.cache
def holding(share: Share) -> tuple[Function, Function]:
    """For devices that cannot copy beside the arithmetic: read the pieces into registers now, write them later.

    Returns:
        `read(held, matrix, source, step, lines, k, left)` and `write(held, shared, at)`, for kernels; `held` is a local array
        of `share.held` numbers, and the rest is as for `fetching`.
    """
    count, piece, stride, onward = share.count, share.piece, share.stride, share.onward
    along, wide = share.along, share.wide

    @device
    def read(held: Any, matrix: Any, source: Any, step: Any, lines: Any, k: Any, left: Any) -> None:
        for c in range(count):
            start, here = source + c * stride * step, c * piece
            inside = k < left and (c == 0 or c * stride < lines) if along else int32(k + c * stride) < left
            if inside and wide:
                held[here], held[here + 1], held[here + 2], held[here + 3] = load4(matrix, start)
            elif inside:
                held[here] = matrix[start]
            else:
                for i in range(piece):
                    held[here + i] = float32(0)

    @device
    def write(held: Any, shared: Any, at: Any) -> None:
        for c in range(count):
            if wide:
                store4(shared, onward(at, c), held[c * 4], held[c * 4 + 1], held[c * 4 + 2], held[c * 4 + 3])
            else:
                shared[onward(at, c)] = held[c]

    return read, write
