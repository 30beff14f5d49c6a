"""What the vector instructions of `simd` compute, in NumPy: these run in their place where nothing is compiled.

With `NUMBA_DISABLE_JIT=1` kernels are ordinary Python functions. A debugger steps through them, `print(tile)` shows the sums
so far, and a vector that would reach beyond its array, which a processor reads and writes without a word, is an error.
Products are rounded before they are added, as a fused multiply-add does not do: results differ in the last place.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = Any


class Tile(NamedTuple):
    """The sums of a tile, `(rows, columns)`, and whether each column has an `a` of its own."""

    sums: Array
    channelwise: bool = False


def lanes(x: Array, begin: Any, columns: int) -> Array:
    """Where vectors of `columns` neighbouring numbers lie in `x`, flat, that begin at `begin`, one place or several.

    Raises:
        IndexError: the array does not have them all.

    >>> lanes(np.zeros(9), np.array([0, 5]), 3)
    array([[0, 1, 2],
           [5, 6, 7]])
    >>> lanes(np.zeros(9), 7, 3)
    Traceback (most recent call last):
    IndexError: a vector of 3 numbers from 7 on leaves an array of 9
    """
    for at in (np.min(begin), np.max(begin)):
        if at < 0 or at + columns > x.size:
            raise IndexError(f"a vector of {columns} numbers from {at} on leaves an array of {x.size}")
    return np.asarray(begin)[..., None] + np.arange(columns)


def columns_of(tile: Tile) -> int:
    """How many columns a tile has."""
    return int(tile.sums.shape[1])


@np.errstate(all="ignore")  # of numbers behind the last row, which nobody reads
def step(tile: Tile, a: Array, rows: Array, at: int, b: Array, b_at: int) -> Tile:
    """The tile with tile[i, j] + a[rows[i] + at] · b[b_at + j]; if it is channelwise, + a[rows[i] + at + j] · b[b_at + j]."""
    count, columns = tile.sums.shape
    many = a[lanes(a, rows[:count] + at, columns if tile.channelwise else 1)]
    return tile._replace(sums=tile.sums + many * b[lanes(b, b_at, columns)])


def load(tile: Tile, y: Array, places: Array, at: int) -> Tile:
    """A tile of the shape of `tile` with y[places[i] + at + j]."""
    count, columns = tile.sums.shape
    return tile._replace(sums=y[lanes(y, places[:count] + at, columns)])


def store(tile: Tile, y: Array, places: Array, at: int) -> None:
    """y[places[i] + at + j] = tile[i, j] for the whole tile."""
    store_part(tile, y, places, at, *tile.sums.shape)


def store_part(tile: Tile, y: Array, places: Array, at: int, rows: int, columns: int) -> None:
    """y[places[i] + at + j] = tile[i, j] for the first `rows` and `columns`; nothing else is touched."""
    y[lanes(y, places[:rows] + at, columns)] = tile.sums[:rows, :columns]
