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
def sigmoid(x: Array, y: Array) -> None:
    """1 / (1 + e⁻ˣ) for each number of flat float32 arrays: of e^(−|x|), which cannot overflow, at either end."""
    for b in prange((x.size + BLOCK - 1) // BLOCK):
        part, out = x[b * BLOCK : (b + 1) * BLOCK], y[b * BLOCK : (b + 1) * BLOCK]
        for i in range(part.size):
            v = part[i]
            e = exponential(-abs(v))
            out[i] = (e if v < 0 else _ONE) / (_ONE + e)


# The normal distribution -----------------------------------------------------------------------------------------------

_N0, _N1, _N2, _N3, _N4, _N5, _N6, _N7, _N8, _N9 = (
    np.float32(v)
    for v in (
        -1.324350123e-4, 1.783682351e-4, 1.569589072e-3, -3.512075925e-3, -7.525002842e-3, 6.040376432e-2,
        -1.865234862e-1, 3.871369039e-1, -6.078965865e-1, 7.552851354e-1,
    )
)  # fmt: skip
"""(a + 4)·Φ(−a)·exp(a²/2) as a polynomial in (a − 4)/(a + 4), fitted to 1e-8 of its value for 0 ≤ a ≤ 14.6."""

_HALF, _FARTHEST, _DENSITY = np.float32(0.5), np.float32(14), np.float32(0.3989422804014327)
_THIRD, _FOURTH = np.float32(1 / 6), np.float32(1 / 24)
_UPPER_BITS = np.int32(-4096)


@kernel()
def density(v: Any) -> Any:
    """exp(−v²/2) for |v| ≤ 14, exact to 2 units in the last place.

    v² is not rounded: the upper half of v's digits has an exact square h², and of the rest, (v + h)(v − h)/2 ≤ 0.06, a short
    series gives the exponential.
    """
    upper = np.int32(np.float32(v).view(np.int32) & _UPPER_BITS).view(np.float32)
    rest = -_HALF * (v + upper) * (v - upper)
    series = (((_FOURTH * rest + _THIRD) * rest + _HALF) * rest + _ONE) * rest + _ONE
    return exponential(-_HALF * upper * upper) * series


@kernel()
def tail(a: Any) -> Any:
    """Φ(−a)·exp(a²/2) for 0 ≤ a ≤ 14, exact to 3 units in the last place.

    The divisor is said not to be 0: a loop with a check for that does not use vectors.
    """
    r = _ONE / max(a + _FOUR, _ONE)
    q = (a - _FOUR) * r
    p = ((((((((_N0 * q + _N1) * q + _N2) * q + _N3) * q + _N4) * q + _N5) * q + _N6) * q + _N7) * q + _N8) * q + _N9
    return r * p


@kernel(parallel=True)
def gelu(x: Array, y: Array) -> None:
    """x·Φ(x) for each number of flat float32 arrays, Φ the normal distribution."""
    for b in prange((x.size + BLOCK - 1) // BLOCK):
        part, out = x[b * BLOCK : (b + 1) * BLOCK], y[b * BLOCK : (b + 1) * BLOCK]
        for i in range(part.size):
            v = part[i]
            a = min(abs(v), _FARTHEST)
            beyond = tail(a) * density(a)
            out[i] = v * (beyond if v < 0 else _ONE - beyond)


@kernel(parallel=True)
def gelu_slope(x: Array, y: Array) -> None:
    """Φ(x) + x·φ(x) for each number of flat float32 arrays, φ the normal density."""
    for b in prange((x.size + BLOCK - 1) // BLOCK):
        part, out = x[b * BLOCK : (b + 1) * BLOCK], y[b * BLOCK : (b + 1) * BLOCK]
        for i in range(part.size):
            v = part[i]
            a = min(abs(v), _FARTHEST)
            e = density(a)
            beyond = tail(a) * e
            out[i] = (beyond if v < 0 else _ONE - beyond) + v * (_DENSITY * e)
