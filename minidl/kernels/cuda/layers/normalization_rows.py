"""Layer normalisation: each row by its own mean and variance, forward and backward.

A team takes a row (see `rows.py`): a warp where it is short, else a block. As in `probabilities.py`, a row that fits is
**held** in registers, up to 16 numbers a thread, and so read once; a longer one is **streamed** three times, mostly from
cache. The variance is that of the differences from the mean, added up after it, so that nothing cancels. The statistics are
of the dtype that the kernel computes in, float32 for float32: no double is needed, as a row is short beside a batch.

Backward a team sends a row's gradient to x. γ's and β's are sums over all rows, of columns: threads take neighbouring
columns (`normalization_sums.py`), and the sums of parts of the rows are added by a reduction.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..array import DeviceArray, Shape, row_major
from ..compiler.language import Kernel, cuda, kernel, math
from ..places.copies import contiguous
from ..reductions import states
from ..reductions.kernels import THREADS
from ..reductions.launch import reduce
from ..reductions.states import WORDS, carrier
from ..runtime import memory
from .normalization_sums import channel_sums
from .rows import Lines, team_of

Three = tuple[DeviceArray, DeviceArray, DeviceArray]
_HELD = 16
"""How many numbers of a row a thread holds, at most."""


@functools.cache
def held_kernel(dtype: str, team: int, held: int) -> Kernel:
    """Normalise rows of up to team · held numbers."""
    word = carrier(dtype)
    of, wide, holding = team_of(team, word), WORDS[word], np.dtype(word)
    all_total, shift, teams = of.total, of.shift, of.teams
    arrays = f"{dtype}[::1], {dtype}[::1], {dtype}[::1], {dtype}[::1], {word}[::1], {word}[::1]"

    @kernel(
        f"{arrays}, int32, int32, {word}",
        name=f"layer_norm_{dtype}_team{team}_held{held}",
        threads=THREADS,
        waits=team > 1,
    )
    def layer_norm(
        x: Any, weight: Any, bias: Any, y: Any, mean: Any, variance: Any, rows: int, n: int, eps: float
    ) -> None:
        """y[row] = γ(x[row] − μ)/√(σ² + ε) + β."""
        row_numbers = cuda.local.array(held, holding)
        thread = cuda.threadIdx.x
        row = cuda.blockIdx.x * teams + (thread >> shift)
        member = thread & (team - 1)
        length = n if row < rows else 0
        first = row * n
        total = wide(0)
        for j in range(held):
            i = member + j * team
            v = wide(0)
            if i < length:
                v = wide(x[first + i])
            row_numbers[j] = v
            total += v
        average = all_total(total) / wide(n)
        total = wide(0)
        for j in range(held):
            if member + j * team < length:
                apart = row_numbers[j] - average
                total += apart * apart
        spread = all_total(total) / wide(n)
        scale = wide(1) / math.sqrt(spread + eps)
        for j in range(held):
            i = member + j * team
            if i < length:
                y[first + i] = (row_numbers[j] - average) * scale * wide(weight[i]) + wide(bias[i])
        if member == 0 and row < rows:
            mean[row] = average
            variance[row] = spread

    return layer_norm


@functools.cache
def streamed_kernel(dtype: str, team: int) -> Kernel:
    """Normalise rows of any length."""
    word = carrier(dtype)
    of, wide = team_of(team, word), WORDS[word]
    all_total, shift, teams = of.total, of.shift, of.teams
    arrays = f"{dtype}[::1], {dtype}[::1], {dtype}[::1], {dtype}[::1], {word}[::1], {word}[::1]"

    @kernel(f"{arrays}, int32, int32, {word}", name=f"layer_norm_{dtype}_team{team}", threads=THREADS)
    def layer_norm(
        x: Any, weight: Any, bias: Any, y: Any, mean: Any, variance: Any, rows: int, n: int, eps: float
    ) -> None:
        """y[row] = γ(x[row] − μ)/√(σ² + ε) + β."""
        thread = cuda.threadIdx.x
        row = cuda.blockIdx.x * teams + (thread >> shift)
        member = thread & (team - 1)
        length = n if row < rows else 0
        first = row * n
        total = wide(0)
        for i in range(member, length, team):
            total += wide(x[first + i])
        average = all_total(total) / wide(n)
        total = wide(0)
        for i in range(member, length, team):
            apart = wide(x[first + i]) - average
            total += apart * apart
        spread = all_total(total) / wide(n)
        scale = wide(1) / math.sqrt(spread + eps)
        for i in range(member, length, team):
            y[first + i] = (wide(x[first + i]) - average) * scale * wide(weight[i]) + wide(bias[i])
        if member == 0 and row < rows:
            mean[row] = average
            variance[row] = spread

    return layer_norm


@functools.cache
def back_kernel(dtype: str, team: int) -> Kernel:
    """The gradient in x, and for the columns' sums the scale 1/√(σ² + ε) of each row."""
    word = carrier(dtype)
    of, wide = team_of(team, word), WORDS[word]
    all_total, shift, teams = of.total, of.shift, of.teams
    arrays = f"{dtype}[::1], {dtype}[::1], {dtype}[::1], {word}[::1], {word}[::1], {dtype}[::1], {word}[::1]"

    @kernel(
        f"{arrays}, int32, int32, {word}", name=f"layer_norm_back_{dtype}_team{team}", threads=THREADS, waits=team > 1
    )
    def layer_norm_back(
        g: Any, x: Any, weight: Any, mean: Any, variance: Any, dx: Any, scales: Any, rows: int, n: int, eps: float
    ) -> None:
        """dx[row] = (p − mean(p) − x̂·mean(p·x̂))/√(σ² + ε), p = g·γ."""
        thread = cuda.threadIdx.x
        row = cuda.blockIdx.x * teams + (thread >> shift)
        member = thread & (team - 1)
        length = n if row < rows else 0
        first = row * n
        average, scale = wide(0), wide(0)
        if row < rows:
            average = mean[row]
            scale = wide(1) / math.sqrt(variance[row] + eps)
        level, along = wide(0), wide(0)
        for i in range(member, length, team):
            p = wide(g[first + i]) * wide(weight[i])
            level += p
            along += p * ((wide(x[first + i]) - average) * scale)
        level = all_total(level) / wide(n)
        along = all_total(along) / wide(n)
        for i in range(member, length, team):
            p = wide(g[first + i]) * wide(weight[i])
            normal = (wide(x[first + i]) - average) * scale
            dx[first + i] = (p - level - normal * along) * scale
        if member == 0 and row < rows:
            scales[row] = scale

    return layer_norm_back


def _matrix(x: DeviceArray, n: int) -> Lines:
    """The rows of an array whose last axes have n numbers together."""
    rows = x.size // n if n else 0
    return Lines((rows, n), 1, (0, 1), rows, n, 1)


def _shaped(a: DeviceArray, shape: Shape, offset: int = 0) -> DeviceArray:
    """A piece of an array in one piece, in another shape."""
    return a.view_as(shape, row_major(shape, a.itemsize), offset)


def layer_norm(x: DeviceArray, weight: DeviceArray, bias: DeviceArray, eps: float) -> Three:
    """γ(x − μ)/√(σ² + ε) + β over the last axes of `x`, those of `weight` → y, and μ and σ² of each row."""
    given, lines, dtype = contiguous(x), _matrix(x, weight.size), x.dtype.name
    y = memory.empty(x.shape, dtype, x.memory.device)
    mean, variance = (memory.empty((lines.count,), carrier(dtype), x.memory.device) for _ in range(2))
    if x.size:
        team = lines.team
        held = 1 << (-(-lines.n // team) - 1).bit_length()
        chosen = held_kernel(dtype, team, held) if held <= _HELD else streamed_kernel(dtype, team)
        arrays = given, contiguous(weight), contiguous(bias), y, mean, variance
        chosen[-(-lines.count * team // THREADS), THREADS](*arrays, lines.count, lines.n, eps)
    return y, mean, variance


def layer_norm_back(
    g: DeviceArray, x: DeviceArray, weight: DeviceArray, mean: DeviceArray, variance: DeviceArray, eps: float
) -> Three:
    """The gradients of `layer_norm`'s `x`, `weight` and `bias`."""
    from ..backend import backend

    above, given, lines, dtype, device = (
        contiguous(g),
        contiguous(x),
        _matrix(x, weight.size),
        x.dtype.name,
        x.memory.device,
    )
    dx, scales = memory.empty(x.shape, dtype, device), memory.empty((lines.count,), mean.dtype, device)
    if not x.size:
        dweight, dbias = (memory.empty(weight.shape, dtype, device) for _ in range(2))
        memory.fill_zeros(dweight)
        memory.fill_zeros(dbias)
        return dx, dweight, dbias
    kernel = back_kernel(dtype, lines.team)
    arrays = above, given, contiguous(weight), mean, variance, dx, scales
    kernel[-(-lines.count * lines.team // THREADS), THREADS](*arrays, lines.count, lines.n, eps)
    sums, parts, _ = channel_sums("rows", above, given, (lines.count, lines.n, 1), (mean, scales))
    pulls = reduce(states.total(sums.dtype.name), _shaped(sums, (2, parts, lines.n)), (1,), False)
    if dtype != pulls.dtype.name:
        pulls = backend.astype(pulls, dtype)
    dbias, dweight = (_shaped(pulls, weight.shape, k * lines.n * pulls.itemsize) for k in range(2))
    return dx, dweight, dbias


def representatives() -> list[Kernel]:
    """A kernel of each kind, for those who look at all kernels; see `catalogue`."""
    held = [held_kernel("float32", *size) for size in ((32, 4), (256, 16))]
    return [*held, streamed_kernel("float32", THREADS), *(back_kernel("float32", team) for team in (32, THREADS))]
