"""Numba kernels for functions of one number that NumPy lacks, in float32 and without branches, so that loops use vectors.

Import this module only when a kernel is about to run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from .jit import kernel
from .rows import exponential

Array = Any
BLOCK = 1 << 14
"""How many numbers one thread takes at a time."""

_T0, _T1, _T2, _T3, _T4, _T5, _T6 = (
    np.float32(v)
    for v in (
        7.853861353153693e-5, -8.010193625184903e-4, 5.188327685732524e-3, -2.685381193529856e-2, 1.128358514861418e-1,
        -3.761262582423300e-1, 1.128379165726710,
    )
)  # fmt: skip
_P0, _P1, _P2, _P3, _P4, _P5, _P6, _P7, _P8 = (
    np.float32(v)
    for v in (
        2.326819970068386e-2, -1.387039388740657e-1, 3.687424674597105e-1, -5.824733027278666e-1, 6.210004621745983e-1,
        -4.944515323274145e-1, 3.404879937665872e-1, -2.741127028184656e-1, 5.638259427386472e-1,
    )
)  # fmt: skip
_R0, _R1, _R2, _R3, _R4, _R5, _R6, _R7 = (
    np.float32(v)
    for v in (
        -1.047766399936249e1, 1.297719955372516e1, -7.495518717768503, 2.921019019210786, -1.015265279202700,
        4.218463358204948e-1, -2.820767439740514e-1, 5.641895067754075e-1,
    )
)  # fmt: skip
_ONE, _TWO, _FOUR = (np.float32(v) for v in (1, 2, 4))


@kernel(parallel=True)
def erf(x: Array, y: Array) -> None:
    """2/√π ∫₀ˣ exp(−t²) dt for each number of flat float32 arrays, to two units in the last place.

    Up to |x| = 1 a polynomial in x²; beyond, 1 − exp(−x²)/|x| times one in 1/x². Both are computed and one is taken. From
    |x| = 2 to 4 the second is a little off, which 1 − … no longer shows; from 4 on the result is ±1.
    Source: S. Moshier, Cephes, `erff` and `erfcf`.
    """
    for b in prange((x.size + BLOCK - 1) // BLOCK):
        part, out = x[b * BLOCK : (b + 1) * BLOCK], y[b * BLOCK : (b + 1) * BLOCK]
        for i in range(part.size):
            v = part[i]
            far = min(max(abs(v), _ONE), _FOUR)
            s = v * v
            near = v * ((((((_T0 * s + _T1) * s + _T2) * s + _T3) * s + _T4) * s + _T5) * s + _T6)
            q = _ONE / (far * far)
            p = (((((((_P0 * q + _P1) * q + _P2) * q + _P3) * q + _P4) * q + _P5) * q + _P6) * q + _P7) * q + _P8
            rest = _ONE - exponential(-far * far) / far * p
            out[i] = near if not abs(v) > _ONE else (rest if v > 0 else -rest)


@kernel(parallel=True)
def erfc(x: Array, y: Array) -> None:
    """1 − erf(x) for each number of flat float32 arrays, exact to 1e-6 also far to the right, where it is small.

    As `erf`, with a polynomial of its own beyond |x| = 2. What −x² loses when it is rounded is given back to its exponential.
    """
    for b in prange((x.size + BLOCK - 1) // BLOCK):
        part, out = x[b * BLOCK : (b + 1) * BLOCK], y[b * BLOCK : (b + 1) * BLOCK]
        for i in range(part.size):
            v = part[i]
            s = v * v
            near = v * ((((((_T0 * s + _T1) * s + _T2) * s + _T3) * s + _T4) * s + _T5) * s + _T6)
            far = min(max(abs(v), _ONE), np.float32(12))
            square = far * far
            lost = np.float32(np.float64(far) * np.float64(far) - np.float64(square))
            q = _ONE / square
            p = (((((((_P0 * q + _P1) * q + _P2) * q + _P3) * q + _P4) * q + _P5) * q + _P6) * q + _P7) * q + _P8
            r = ((((((_R0 * q + _R1) * q + _R2) * q + _R3) * q + _R4) * q + _R5) * q + _R6) * q + _R7
            rest = exponential(-square) * (_ONE - lost) / far * (p if far < _TWO else r)
            out[i] = _ONE - near if not abs(v) > _ONE else (rest if v > 0 else _TWO - rest)


@kernel(parallel=True)
def last_extremum(x: Array, place: Array, largest: Any) -> None:
    """Along the middle axis of `x`, where the largest (or smallest) number up to here stands; NaN counts as extreme.

    A thread takes whole lines of the first axis, and goes along all lines of the last one side by side.
    """
    for o in prange(x.shape[0]):
        if x.shape[2] == 1:
            line, places, top, where = x[o, :, 0], place[o, :, 0], x[o, 0, 0], 0
            for k in range(line.size):
                v = line[k]
                if (v >= top if largest else v <= top) or v != v:
                    top = v
                    where = k
                places[k] = where
            continue
        best, at = x[o, 0].copy(), np.zeros(x.shape[2], np.int64)
        for k in range(x.shape[1]):
            row, out = x[o, k], place[o, k]
            for i in range(row.size):
                v = row[i]
                if (v >= best[i] if largest else v <= best[i]) or v != v:
                    best[i] = v
                    at[i] = k
                out[i] = at[i]
