"""Kernels of the optimizers' rules: each number is read and written once, four at a time, by one launch a parameter.

They compute what the kernels of `kernels/cpu/updates.py` do, whose formulas they share; a product and a sum may be rounded
once here (fused multiply-add) where the CPU rounds twice. What a rule goes without is left out when its kernel is made, so
that nothing is read for it.

A thread takes four neighbours: as one load and one store of 16 bytes for each float32 array, where all of them begin at a
multiple of 16 bytes (`aligned`), else, in float64 and at the end of a parameter, one after the other.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any


from .array import DeviceArray
from .copies import contiguous
from .elementwise import copy_into
from .intrinsics import load4, store4
from .language import Kernel, ceil_div, cuda, device, int32, kernel, math

THREADS = 256


@device
def slope_of(p: Any, g: Any, sign: Any, decay: Any) -> Any:
    """±g + λp; without a decay the parameter, which may be infinite, does not enter."""
    return sign * g + decay * p if decay != 0 else sign * g


@functools.cache
def sgd(dtype: str) -> Kernel:
    """p ← p − lr·x, where x = ±g + λp."""
    is_single = dtype == "float32"

    @kernel(f"{dtype}[::1], {dtype}[::1], {dtype}, {dtype}, {dtype}, int32, int32", name=f"sgd_{dtype}",
            threads=THREADS, waits=False)  # fmt: skip
    def update(p: Any, g: Any, sign: Any, decay: Any, lr: Any, count: int, aligned: int) -> None:
        i = int32(4 * (cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x))
        if is_single and aligned and i + 3 < count:
            a, b, c, d = load4(p, i)
            e, f, g0, h = load4(g, i)
            store4(
                p,
                i,
                a - lr * slope_of(a, e, sign, decay),
                b - lr * slope_of(b, f, sign, decay),
                c - lr * slope_of(c, g0, sign, decay),
                d - lr * slope_of(d, h, sign, decay),
            )
        else:
            for k in range(i, min(i + 4, count)):
                p[k] = p[k] - lr * slope_of(p[k], g[k], sign, decay)

    return update


@functools.cache
def momentum(dtype: str, nesterov: bool) -> Kernel:
    """v ← μv + share·x, p ← p − lr·v, or p ← p − lr·(x + μv) for Nesterov's, where x = ±g + λp."""
    is_single = dtype == "float32"

    @device
    def step(p: Any, g: Any, v: Any, sign: Any, decay: Any, lr: Any, mu: Any, share: Any) -> Any:
        x = slope_of(p, g, sign, decay)
        velocity = v * mu + share * x
        return p - lr * (x + mu * velocity if nesterov else velocity), velocity

    signature = ", ".join([f"{dtype}[::1]"] * 3 + [dtype] * 5 + ["int32"] * 2)

    @kernel(signature, name=f"{'nesterov' if nesterov else 'momentum'}_{dtype}", threads=THREADS, waits=False)
    def update(p: Any, g: Any, v: Any, sign: Any, decay: Any, lr: Any, mu: Any, share: Any, count: int, aligned: int) -> None:
        i = int32(4 * (cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x))
        if is_single and aligned and i + 3 < count:
            ps, gs, vs = load4(p, i), load4(g, i), load4(v, i)
            p0, v0 = step(ps[0], gs[0], vs[0], sign, decay, lr, mu, share)
            p1, v1 = step(ps[1], gs[1], vs[1], sign, decay, lr, mu, share)
            p2, v2 = step(ps[2], gs[2], vs[2], sign, decay, lr, mu, share)
            p3, v3 = step(ps[3], gs[3], vs[3], sign, decay, lr, mu, share)
            store4(p, i, p0, p1, p2, p3)
            store4(v, i, v0, v1, v2, v3)
        else:
            for k in range(i, min(i + 4, count)):
                p[k], v[k] = step(p[k], g[k], v[k], sign, decay, lr, mu, share)

    return update


@functools.cache
def adam(dtype: str, amsgrad: bool) -> Kernel:
    """m ← β₁m + (1 − β₁)x, v ← β₂v + (1 − β₂)x², p ← p·shrink − size · m / (√v / scale + ε), where x = ±g + λp.

    With `amsgrad` the largest v so far takes its place; else `top` is not read.
    """
    is_single = dtype == "float32"

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
            top = top if top > square or top != top else square  # noqa: PLR0124
            root = math.sqrt(top)
        else:
            root = math.sqrt(square)
        return w - mean / (root / scale + eps) * size, mean, square, top

    signature = ", ".join([f"{dtype}[::1]"] * 5 + [dtype] * 10 + ["int32"] * 2)

    @kernel(signature, name=f"{'amsgrad' if amsgrad else 'adam'}_{dtype}", threads=THREADS, waits=False)
    def update(
        p: Any, g: Any, m: Any, v: Any, top: Any, sign: Any, shrink: Any, decay: Any,
        b1: Any, r1: Any, b2: Any, r2: Any, scale: Any, eps: Any, size: Any, count: int, aligned: int,
    ) -> None:  # fmt: skip
        i = int32(4 * (cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x))
        if is_single and aligned and i + 3 < count:
            ps, gs, ms, vs = load4(p, i), load4(g, i), load4(m, i), load4(v, i)
            ts = load4(top, i) if amsgrad else vs
            p0, m0, v0, t0 = step(ps[0], gs[0], ms[0], vs[0], ts[0], sign, shrink, decay, b1, r1, b2, r2, scale, eps, size)
            p1, m1, v1, t1 = step(ps[1], gs[1], ms[1], vs[1], ts[1], sign, shrink, decay, b1, r1, b2, r2, scale, eps, size)
            p2, m2, v2, t2 = step(ps[2], gs[2], ms[2], vs[2], ts[2], sign, shrink, decay, b1, r1, b2, r2, scale, eps, size)
            p3, m3, v3, t3 = step(ps[3], gs[3], ms[3], vs[3], ts[3], sign, shrink, decay, b1, r1, b2, r2, scale, eps, size)
            store4(p, i, p0, p1, p2, p3)
            store4(m, i, m0, m1, m2, m3)
            store4(v, i, v0, v1, v2, v3)
            if amsgrad:
                store4(top, i, t0, t1, t2, t3)
        else:
            for k in range(i, min(i + 4, count)):
                t = top[k] if amsgrad else v[k]
                p[k], m[k], v[k], t = step(p[k], g[k], m[k], v[k], t, sign, shrink, decay, b1, r1, b2, r2, scale, eps, size)
                if amsgrad:
                    top[k] = t

    return update


@functools.cache
def adagrad(dtype: str) -> Kernel:
    """s ← s + x², p ← p − rate · x / (√s + ε), where x = ±g + λp."""
    is_single = dtype == "float32"

    @device
    def step(p: Any, g: Any, s: Any, sign: Any, decay: Any, rate: Any, eps: Any) -> Any:
        x = slope_of(p, g, sign, decay)
        total = s + x * x
        return p - rate * (x / (math.sqrt(total) + eps)), total

    signature = ", ".join([f"{dtype}[::1]"] * 3 + [dtype] * 4 + ["int32"] * 2)

    @kernel(signature, name=f"adagrad_{dtype}", threads=THREADS, waits=False)
    def update(p: Any, g: Any, s: Any, sign: Any, decay: Any, rate: Any, eps: Any, count: int, aligned: int) -> None:
        i = int32(4 * (cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x))
        if is_single and aligned and i + 3 < count:
            ps, gs, ss = load4(p, i), load4(g, i), load4(s, i)
            p0, s0 = step(ps[0], gs[0], ss[0], sign, decay, rate, eps)
            p1, s1 = step(ps[1], gs[1], ss[1], sign, decay, rate, eps)
            p2, s2 = step(ps[2], gs[2], ss[2], sign, decay, rate, eps)
            p3, s3 = step(ps[3], gs[3], ss[3], sign, decay, rate, eps)
            store4(p, i, p0, p1, p2, p3)
            store4(s, i, s0, s1, s2, s3)
        else:
            for k in range(i, min(i + 4, count)):
                p[k], s[k] = step(p[k], g[k], s[k], sign, decay, rate, eps)

    return update


def run(name: str, arrays: Sequence[DeviceArray], numbers: Sequence[float]) -> None:
    """Let a rule change a parameter in place.

    Args:
        name: `sgd`, `adam` or `adagrad`, as the CPU's kernels are called.
        arrays: the parameter, its gradient, and what is remembered of it; of one shape, float32 or float64.
        numbers: the rule's numbers, in the order of the CPU's kernel: the gradient's sign, by what the parameter shrinks,
            the decay's part in the gradient, and the rule's own.
    """
    p, g, *memory = arrays
    lying = [contiguous(a) for a in (p, g, *memory)]
    dtype = p.dtype.name
    sign, shrink, decay, *own = numbers
    if name == "sgd":
        lr, mu, share, nesterov = own
        kind = momentum(dtype, bool(nesterov)) if memory else sgd(dtype)
        given: tuple[float, ...] = (sign, decay, lr, mu, share) if memory else (sign, decay, lr)
    elif name == "adam":
        kind, given = adam(dtype, len(memory) > 2), (sign, shrink, decay, *own)
        lying += [lying[-1]] * (5 - len(lying))
    else:
        kind, given = adagrad(dtype), (sign, decay, *own)
    aligned = all(a.address % 16 == 0 for a in lying)
    if p.size:
        kind[ceil_div(ceil_div(p.size, 4), THREADS), THREADS](*lying, *map(float, given), p.size, int(aligned))
    for there, changed in zip((p, *memory), (lying[0], *lying[2:]), strict=False):
        if there is not changed:
            copy_into(there, changed)
