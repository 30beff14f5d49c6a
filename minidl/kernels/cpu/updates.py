"""Numba kernels of the optimizers' rules: each reads and writes every number once, where NumPy passes a dozen times.

All arrays are flat, of one dtype and one length; memory that a rule goes without is of length 0. The last argument holds
the rule's numbers in that dtype. A kernel computes the same bits as the plain lines in `minidl.optim`, for any number of
threads. Import this module only when a kernel is about to run.
"""

from __future__ import annotations

import math
from typing import Any

from numba import prange

from .jit import kernel

Array = Any

BLOCK = 16_384
"""So many elements are one thread's portion."""


@kernel(exact=True)
def sgd(p: Array, g: Array, v: Array, numbers: Array) -> None:
    """x = ±g + λp; with momentum v ← μv + share·x, p ← p − lr·v, or p ← p − lr·(x + μv) for Nesterov's; else p ← p − lr·x."""
    sign, decay, lr, momentum, share, nesterov = (
        numbers[0],
        numbers[2],
        numbers[3],
        numbers[4],
        numbers[5],
        numbers[6] != 0,
    )
    for i in range(p.size):
        x = sign * g[i]
        if decay != 0:
            x += decay * p[i]
        if v.size:
            velocity = v[i] * momentum + share * x
            v[i] = velocity
            x = x + momentum * velocity if nesterov else velocity
        p[i] -= lr * x


@kernel(exact=True)
def adam(p: Array, g: Array, m: Array, v: Array, largest: Array, numbers: Array) -> None:
    """m ← β₁m + (1 − β₁)x, v ← β₂v + (1 − β₂)x², p ← p·shrink − size · m / (√v / scale + ε), where x = ±g + λp."""
    sign, shrink, decay = numbers[0], numbers[1], numbers[2]
    beta1, rest1, beta2, rest2 = numbers[3], numbers[4], numbers[5], numbers[6]
    scale, eps, size = numbers[7], numbers[8], numbers[9]
    for i in range(p.size):
        x, w = sign * g[i], p[i]
        if shrink != 1:
            w *= shrink
        if decay != 0:
            x += decay * w
        mean = m[i] * beta1 + rest1 * x
        square = v[i] * beta2 + x * x * rest2
        m[i], v[i] = mean, square
        if largest.size:
            if not largest[i] > square and largest[i] == largest[i]:
                largest[i] = square
            square = largest[i]
        p[i] = w - mean / (math.sqrt(square) / scale + eps) * size


@kernel(exact=True)
def adagrad(p: Array, g: Array, s: Array, numbers: Array) -> None:
    """s ← s + x², p ← p − rate · x / (√s + ε), where x = ±g + λp."""
    sign, decay, rate, eps = numbers[0], numbers[2], numbers[3], numbers[4]
    for i in range(p.size):
        x = sign * g[i]
        if decay != 0:
            x += decay * p[i]
        total = s[i] + x * x
        s[i] = total
        p[i] -= rate * (x / (math.sqrt(total) + eps))


@kernel(parallel=True, exact=True)
def sgd_on_threads(p: Array, g: Array, v: Array, numbers: Array) -> None:
    """`sgd`, divided among threads."""
    for k in prange((p.size + BLOCK - 1) // BLOCK):
        a, b = k * BLOCK, (k + 1) * BLOCK
        sgd(p[a:b], g[a:b], v[a:b], numbers)


@kernel(parallel=True, exact=True)
def adam_on_threads(p: Array, g: Array, m: Array, v: Array, largest: Array, numbers: Array) -> None:
    """`adam`, divided among threads."""
    for k in prange((p.size + BLOCK - 1) // BLOCK):
        a, b = k * BLOCK, (k + 1) * BLOCK
        adam(p[a:b], g[a:b], m[a:b], v[a:b], largest[a:b], numbers)


@kernel(parallel=True, exact=True)
def adagrad_on_threads(p: Array, g: Array, s: Array, numbers: Array) -> None:
    """`adagrad`, divided among threads."""
    for k in prange((p.size + BLOCK - 1) // BLOCK):
        a, b = k * BLOCK, (k + 1) * BLOCK
        adagrad(p[a:b], g[a:b], s[a:b], numbers)
