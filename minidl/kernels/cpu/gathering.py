"""Numba kernels that pick and place numbers along the middle axis of `(outer, n, inner)`, and add slices up.

The index has the shape of what is picked or placed; positions are not negative and were checked. A thread takes whole places of
the outer axis or some of the inner one, all in order: where positions repeat, the result is the same for any number of threads.

Import this module only when a kernel is about to run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from .jit import kernel

Array = Any
ABREAST = 64
"""How many places of the inner axis one thread takes side by side."""


@kernel(parallel=True)
def gather(x: Array, index: Array, y: Array) -> None:
    """y[o, k, i] = x[o, index[o, k, i], i]."""
    outer, count, inner = index.shape
    rows = outer * count if inner > 1 else outer
    for row in prange(rows):
        if inner == 1:
            source, places, out = x[row, :, 0], index[row, :, 0], y[row, :, 0]
            for k in range(count):
                out[k] = source[places[k]]
        else:
            o, k = row // count, row % count
            for i in range(inner):
                y[o, k, i] = x[o, index[o, k, i], i]


@kernel(parallel=True)
def put(index: Array, values: Array, y: Array) -> None:
    """y[o, index[o, k, i], i] = values[o, k, i]; of repeated positions the last value stays."""
    outer, count, inner = index.shape
    groups = (inner + ABREAST - 1) // ABREAST
    for task in prange(outer * groups):
        o, first = task // groups, task % groups * ABREAST
        if inner == 1:
            places, given, out = index[o, :, 0], values[o, :, 0], y[o, :, 0]
            for k in range(count):
                out[places[k]] = given[k]
            continue
        for k in range(count):
            for i in range(first, min(first + ABREAST, inner)):
                y[o, index[o, k, i], i] = values[o, k, i]


@kernel(parallel=True)
def add(index: Array, values: Array, y: Array) -> None:
    """y[o, index[o, k, i], i] = Σ values[o, k, i], added up in float64 and 0 where nothing is placed."""
    outer, count, inner = index.shape
    groups = (inner + ABREAST - 1) // ABREAST
    for task in prange(outer * groups):
        o, first = task // groups, task % groups * ABREAST
        width = min(ABREAST, inner - first)
        if inner == 1:
            places, given, sums = index[o, :, 0], values[o, :, 0], np.zeros(y.shape[1])
            for k in range(count):
                sums[places[k]] += given[k]
            y[o, :, 0] = sums
            continue
        totals = np.zeros((y.shape[1], width))
        for k in range(count):
            for i in range(width):
                totals[index[o, k, first + i], i] += values[o, k, first + i]
        for k in range(y.shape[1]):
            for i in range(width):
                y[o, k, first + i] = totals[k, i]


@kernel(parallel=True)
def extremum(index: Array, values: Array, y: Array, largest: Any) -> None:
    """Each y[o, index[o, k, i], i] becomes the largest (or smallest) of itself and its values; NaN wins."""
    outer, count, inner = index.shape
    groups = (inner + ABREAST - 1) // ABREAST
    for task in prange(outer * groups):
        o, first = task // groups, task % groups * ABREAST
        for k in range(count):
            for i in range(first, min(first + ABREAST, inner)):
                v, place = values[o, k, i], index[o, k, i]
                best = y[o, place, i]
                if (v > best if largest else v < best) or v != v:
                    y[o, place, i] = v


@kernel(parallel=True)
def put_slices(positions: Array, values: Array, y: Array) -> None:
    """y[o, positions[k], :] = values[o, k, :]; of repeated positions the last stays."""
    outer, count, inner = values.shape
    groups = (inner + ABREAST - 1) // ABREAST
    for task in prange(outer * groups):
        o, first = task // groups, task % groups * ABREAST
        if inner == 1:
            numbers, line = values[o, :, 0], y[o, :, 0]
            for k in range(count):
                line[positions[k]] = numbers[k]
            continue
        for k in range(count):
            given, out = values[o, k, first : first + ABREAST], y[o, positions[k], first : first + ABREAST]
            for i in range(out.size):
                out[i] = given[i]


@kernel(parallel=True)
def add_slices(positions: Array, values: Array, y: Array) -> None:
    """y[o, positions[k], :] += values[o, k, :], one after the other."""
    outer, count, inner = values.shape
    groups = (inner + ABREAST - 1) // ABREAST
    for task in prange(outer * groups):
        o, first = task // groups, task % groups * ABREAST
        if inner == 1:
            numbers, line = values[o, :, 0], y[o, :, 0]
            for k in range(count):
                line[positions[k]] += numbers[k]
            continue
        for k in range(count):
            added, out = values[o, k, first : first + ABREAST], y[o, positions[k], first : first + ABREAST]
            for i in range(out.size):
                out[i] += added[i]
