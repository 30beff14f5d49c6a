"""Kernels of the optimizers' rules: one launch changes all parameters, and reads and writes each number once.

A network has dozens of small parameters, and to launch a kernel takes longer than to change most of them. So a launch gets a
table: a row for each piece of a parameter, with the addresses where its numbers, its gradient and what is remembered of it
begin, and how many there are. A block takes one row, its threads four neighbours at a time, which are 16 bytes in float32.

The kernels compute what those of `kernels/cpu/updates.py` do, whose formulas they share; a product and a sum may be rounded
once here (fused multiply-add) where the CPU rounds twice. What a rule goes without is left out when its kernel is made, so
that nothing is read for it.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from .array import DeviceArray, row_major
from .compiler.intrinsics import array_at, load4, store4
from .compiler.language import Kernel, cuda, device, int32, kernel, math
from .constants import constant
from .elementwise.operations import copy_into
from .places.copies import copy
from .runtime.memory import to_device
from .runtime.streams import capturing

THREADS = 256
STRIDE = 4 * THREADS
PIECE = 1 << 16
"""The most numbers of one row of the table, a multiple of 4 (PyTorch's choice, too; unmeasured)."""


_row_major = functools.lru_cache(maxsize=4096)(row_major)


@device
def slope_of(p: Any, g: Any, sign: Any, decay: Any) -> Any:
    """±g + λp; without a decay the parameter, which may be infinite, does not enter."""
    return sign * g + decay * p if decay != 0 else sign * g


@functools.cache
def sgd(dtype: str) -> Kernel:
    """p ← p − lr·x, where x = ±g + λp."""
    at = array_at(dtype)

    @kernel(f"int64[::1], {dtype}, {dtype}, {dtype}", name=f"sgd_{dtype}", threads=THREADS, waits=False)
    def update(table: Any, sign: Any, decay: Any, lr: Any) -> None:
        row = cuda.blockIdx.x * 3
        count = int32(table[row + 2])
        p, g = at(table[row], count), at(table[row + 1], count)
        i = int32(4 * cuda.threadIdx.x)
        while i + 3 < count:
            a, b, c, d = load4(p, i)
            s, t, u, v = load4(g, i)
            a, b = a - lr * slope_of(a, s, sign, decay), b - lr * slope_of(b, t, sign, decay)
            c, d = c - lr * slope_of(c, u, sign, decay), d - lr * slope_of(d, v, sign, decay)
            store4(p, i, a, b, c, d)
            i = int32(i + STRIDE)
        for k in range(i, min(i + 4, count)):
            p[k] = p[k] - lr * slope_of(p[k], g[k], sign, decay)

    return update


@functools.cache
def momentum(dtype: str, nesterov: bool) -> Kernel:
    """v ← μv + share·x, p ← p − lr·v, or p ← p − lr·(x + μv) for Nesterov's, where x = ±g + λp."""
    at = array_at(dtype)

    @device
    def step(p: Any, g: Any, v: Any, sign: Any, decay: Any, lr: Any, mu: Any, share: Any) -> Any:
        x = slope_of(p, g, sign, decay)
        velocity = v * mu + share * x
        return p - lr * (x + mu * velocity if nesterov else velocity), velocity

    signature = ", ".join(["int64[::1]", *[dtype] * 5])

    @kernel(signature, name=f"{'nesterov' if nesterov else 'momentum'}_{dtype}", threads=THREADS, waits=False)
    def update(table: Any, sign: Any, decay: Any, lr: Any, mu: Any, share: Any) -> None:
        row = cuda.blockIdx.x * 4
        count = int32(table[row + 3])
        p, g, v = at(table[row], count), at(table[row + 1], count), at(table[row + 2], count)
        i = int32(4 * cuda.threadIdx.x)
        while i + 3 < count:
            ps, gs, vs = load4(p, i), load4(g, i), load4(v, i)
            p0, v0 = step(ps[0], gs[0], vs[0], sign, decay, lr, mu, share)
            p1, v1 = step(ps[1], gs[1], vs[1], sign, decay, lr, mu, share)
            p2, v2 = step(ps[2], gs[2], vs[2], sign, decay, lr, mu, share)
            p3, v3 = step(ps[3], gs[3], vs[3], sign, decay, lr, mu, share)
            store4(p, i, p0, p1, p2, p3)
            store4(v, i, v0, v1, v2, v3)
            i = int32(i + STRIDE)
        for k in range(i, min(i + 4, count)):
            p[k], v[k] = step(p[k], g[k], v[k], sign, decay, lr, mu, share)

    return update


@functools.cache
def adam(dtype: str, amsgrad: bool) -> Kernel:
    """m ← β₁m + (1 − β₁)x, v ← β₂v + (1 − β₂)x², p ← p·shrink − size · m / (√v / scale + ε), where x = ±g + λp.

    With `amsgrad` the largest v so far takes its place; else the table has no column for it.
    """
    at, columns = array_at(dtype), 6 if amsgrad else 5

    @device
    def step(
        p: Any, g: Any, m: Any, v: Any, top: Any, sign: Any, shrink: Any, decay: Any,
        beta1: Any, rest1: Any, beta2: Any, rest2: Any, scale: Any, eps: Any, size: Any,
    ) -> Any:  # fmt: skip
        w = p * shrink
        x = slope_of(w, g, sign, decay)
        mean = m * beta1 + rest1 * x
        square = v * beta2 + x * x * rest2
        if amsgrad:
            top = top if top > square or top != top else square
            root = math.sqrt(top)
        else:
            root = math.sqrt(square)
        return w - mean / (root / scale + eps) * size, mean, square, top

    signature = ", ".join(["int64[::1]", *[dtype] * 10])

    @kernel(signature, name=f"{'amsgrad' if amsgrad else 'adam'}_{dtype}", threads=THREADS, waits=False)
    def update(
        table: Any, sign: Any, shrink: Any, decay: Any,
        b1: Any, r1: Any, b2: Any, r2: Any, scale: Any, eps: Any, size: Any,
    ) -> None:  # fmt: skip
        row = cuda.blockIdx.x * columns
        count = int32(table[row + columns - 1])
        p, g = at(table[row], count), at(table[row + 1], count)
        m, v, top = at(table[row + 2], count), at(table[row + 3], count), at(table[row + columns - 2], count)
        i = int32(4 * cuda.threadIdx.x)
        while i + 3 < count:
            ps, gs, ms, vs = load4(p, i), load4(g, i), load4(m, i), load4(v, i)
            ts = load4(top, i) if amsgrad else vs
            p0, m0, v0, t0 = step(
                ps[0], gs[0], ms[0], vs[0], ts[0], sign, shrink, decay, b1, r1, b2, r2, scale, eps, size
            )
            p1, m1, v1, t1 = step(
                ps[1], gs[1], ms[1], vs[1], ts[1], sign, shrink, decay, b1, r1, b2, r2, scale, eps, size
            )
            p2, m2, v2, t2 = step(
                ps[2], gs[2], ms[2], vs[2], ts[2], sign, shrink, decay, b1, r1, b2, r2, scale, eps, size
            )
            p3, m3, v3, t3 = step(
                ps[3], gs[3], ms[3], vs[3], ts[3], sign, shrink, decay, b1, r1, b2, r2, scale, eps, size
            )
            store4(p, i, p0, p1, p2, p3)
            store4(m, i, m0, m1, m2, m3)
            store4(v, i, v0, v1, v2, v3)
            if amsgrad:
                store4(top, i, t0, t1, t2, t3)
            i = int32(i + STRIDE)
        for k in range(i, min(i + 4, count)):
            t = top[k] if amsgrad else v[k]
            p[k], m[k], v[k], t = step(p[k], g[k], m[k], v[k], t, sign, shrink, decay, b1, r1, b2, r2, scale, eps, size)
            if amsgrad:
                top[k] = t

    return update


@functools.cache
def adagrad(dtype: str) -> Kernel:
    """s ← s + x², p ← p − rate · x / (√s + ε), where x = ±g + λp."""
    at = array_at(dtype)

    @device
    def step(p: Any, g: Any, s: Any, sign: Any, decay: Any, rate: Any, eps: Any) -> Any:
        x = slope_of(p, g, sign, decay)
        total = s + x * x
        return p - rate * (x / (math.sqrt(total) + eps)), total

    signature = ", ".join(["int64[::1]", *[dtype] * 4])

    @kernel(signature, name=f"adagrad_{dtype}", threads=THREADS, waits=False)
    def update(table: Any, sign: Any, decay: Any, rate: Any, eps: Any) -> None:
        row = cuda.blockIdx.x * 4
        count = int32(table[row + 3])
        p, g, s = at(table[row], count), at(table[row + 1], count), at(table[row + 2], count)
        i = int32(4 * cuda.threadIdx.x)
        while i + 3 < count:
            ps, gs, ss = load4(p, i), load4(g, i), load4(s, i)
            p0, s0 = step(ps[0], gs[0], ss[0], sign, decay, rate, eps)
            p1, s1 = step(ps[1], gs[1], ss[1], sign, decay, rate, eps)
            p2, s2 = step(ps[2], gs[2], ss[2], sign, decay, rate, eps)
            p3, s3 = step(ps[3], gs[3], ss[3], sign, decay, rate, eps)
            store4(p, i, p0, p1, p2, p3)
            store4(s, i, s0, s1, s2, s3)
            i = int32(i + STRIDE)
        for k in range(i, min(i + 4, count)):
            p[k], s[k] = step(p[k], g[k], s[k], sign, decay, rate, eps)

    return update


def _chosen(name: str, dtype: str, slots: int, numbers: Sequence[float]) -> tuple[Kernel, tuple[float, ...]]:
    """The kernel of a rule, and the numbers that it takes."""
    sign, shrink, decay, *own = numbers
    if name == "sgd":
        lr, mu, share, nesterov = own
        if not slots:
            return sgd(dtype), (sign, decay, lr)
        return momentum(dtype, bool(nesterov)), (sign, decay, lr, mu, share)
    if name == "adam":
        return adam(dtype, slots > 2), (sign, shrink, decay, *own)
    return adagrad(dtype), (sign, decay, *own)


def run(name: str, parameters: Sequence[Sequence[DeviceArray]], numbers: Sequence[float]) -> None:
    """Let a rule change parameters in place.

    Args:
        name: `sgd`, `adam` or `adagrad`, as the CPU's kernels are called.
        parameters: for each, its array, its gradient, and what is remembered of it: all of one shape. Those of all are on one
            device, and of one dtype, float32 or float64.
        numbers: the rule's numbers, in the order of the CPU's kernel: the gradient's sign, by what the parameter shrinks,
            the decay's part in the gradient, and the rule's own.
    """
    first = parameters[0][0]
    kind, given = _chosen(name, first.dtype.name, len(parameters[0]) - 2, numbers)
    size, rows = first.dtype.itemsize, []
    elsewhere: list[tuple[Sequence[DeviceArray], list[DeviceArray]]] = []
    for arrays in parameters:
        plain, count = _row_major(arrays[0].shape, size), arrays[0].size
        addresses = [a.memory.address + a.offset for a in arrays]
        if any(a.strides != plain for a in arrays) or any(at & 15 for at in addresses):
            lying = [a if a.is_contiguous and a.address % 16 == 0 else copy(a) for a in arrays]
            addresses = [a.address for a in lying]
            elsewhere.append((arrays, lying))
        for start in range(0, count, PIECE):
            rows.append([*(at + start * size for at in addresses), min(PIECE, count - start)])
    if rows:
        table = np.array(rows, np.int64).reshape(-1)
        # Gradients may lie elsewhere in the next step: only a graph, which reads the table again, keeps it.
        upload = constant if capturing() else to_device
        kind[len(rows), THREADS](upload(table, first.memory.device), *map(float, given))
    for arrays, lying in elsewhere:
        for k, (there, changed) in enumerate(zip(arrays, lying, strict=True)):
            if there is not changed and k != 1:  # the gradient is only read
                copy_into(there, changed)


def representatives() -> list[Kernel]:
    """A kernel of each kind, for those who look at all kernels; see `catalogue`."""
    found: list[Kernel] = []
    for dtype in ("float32", "float64"):
        found += [sgd(dtype), adagrad(dtype)]
        found += [make(dtype, option) for make in (momentum, adam) for option in (False, True)]
    return found
