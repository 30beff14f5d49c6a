"""Softmax and its logarithm along an axis, and their gradients.

Each line needs its largest number, so that no exponential overflows, then the sum of exponentials, then the result: three
passes.

- **held**: a short line is read once, and stays in its team's registers, `held` numbers a thread, through all three.
- **streamed**: of a longer one the first two passes are one (*online softmax*): the sum so far is Σ exp(x − top so far),
  and is scaled by exp(old top − new top) whenever a larger number comes. So it is read twice, the second time from cache.

Sources: M. Milakov & N. Gimelshein, 2018, "Online normalizer calculation for softmax", for the second.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..array import DeviceArray
from ..compiler.language import Kernel, cuda, device, kernel, math
from ..reductions.kernels import THREADS
from ..reductions.states import WORDS, quotient
from .rows import Lines, larger, lines_of, team_of, words_of

_HELD = 16
"""How many numbers of a line a thread holds, at most."""


@functools.cache
def level_of(size: int, word: str) -> Any:
    """(x, first, n, inner, member) → top and Σ exp(x − top) of what a member of a team of `size` reads of a line.

    The sum so far belongs to the largest number so far. It begins with the lowest finite number, not −∞: exp(−∞ + ∞) is NaN.
    An infinite number gives NaN, as ∞ − ∞ does. The team then takes the largest top, and scales the sums to it.
    """
    wide, lowest = WORDS[word], float(np.finfo(word).min)

    @device
    def level(x: Any, first: Any, n: Any, inner: Any, member: Any) -> Any:
        top, total = wide(lowest), wide(0)
        for i in range(member, n, size):
            v = wide(x[first + i * inner])
            above = v - top
            if above > wide(0):
                total = total * math.exp(-above) + (wide(1) + (v - v))
                top = v
            else:
                total += math.exp(above)
        return top, total

    return level


def _finish(log: bool, wide: Any) -> tuple[Any, Any]:
    """Σ exp(x − top) → what a line's results have in common, with its one division; and (x − top, that) → a result."""

    @device
    def of_line(total: Any) -> Any:
        return math.log(total) if log else wide(1) / total

    @device
    def of_number(above: Any, common: Any) -> Any:
        return above - common if log else math.exp(above) * common

    return of_line, of_number


@functools.cache
def held_kernel(dtype: str, word: str, team: int, held: int, log: bool) -> Kernel:
    """Softmax, or its logarithm, of lines of up to team · held numbers that lie in one piece."""
    wide, lowest, of, holding = WORDS[word], -np.inf, team_of(team, word), np.dtype(word)
    of_line, of_number = _finish(log, wide)
    all_top, all_total, shift, teams = of.top, of.total, of.shift, of.teams
    name = f"{'log_' if log else ''}softmax_{dtype}_team{team}_held{held}"

    @kernel(f"{dtype}[::1], {dtype}[::1], int32, int32, int32", name=name, threads=THREADS, waits=team > 1)
    def softmax_held(x: Any, y: Any, lines: int, n: int, inner: int) -> None:
        """y[line] = softmax(x[line])."""
        numbers = cuda.local.array(held, holding)
        thread = cuda.threadIdx.x
        line = cuda.blockIdx.x * teams + (thread >> shift)
        member = thread & (team - 1)
        length = n if line < lines else 0
        first = line * n
        top = wide(lowest)
        for j in range(held):
            i = member + j * team
            v = wide(lowest)
            if i < length:
                v = wide(x[first + i])
            numbers[j] = v
            top = larger(top, v)
        top = all_top(top)
        total = wide(0)
        for j in range(held):
            total += math.exp(numbers[j] - top)
        common = of_line(all_total(total))
        for j in range(held):
            i = member + j * team
            if i < length:
                y[first + i] = of_number(numbers[j] - top, common)

    return softmax_held


@functools.cache
def streamed_kernel(dtype: str, word: str, team: int, log: bool) -> Kernel:
    """Softmax, or its logarithm, of lines of any length."""
    of, wide = team_of(team, word), WORDS[word]
    of_line, of_number = _finish(log, wide)
    level, all_top, all_total, shift, teams = level_of(team, word), of.top, of.total, of.shift, of.teams
    name = f"{'log_' if log else ''}softmax_{dtype}_team{team}"

    @kernel(f"{dtype}[::1], {dtype}[::1], int32, int32, int32", name=name, threads=THREADS, waits=team > 1)
    def softmax_streamed(x: Any, y: Any, lines: int, n: int, inner: int) -> None:
        """y[line] = softmax(x[line])."""
        thread = cuda.threadIdx.x
        line = cuda.blockIdx.x * teams + (thread >> shift)
        member = thread & (team - 1)
        length = n if line < lines else 0
        outer = quotient(line, inner)
        first = outer * n * inner + (line - outer * inner)
        own, part = level(x, first, length, inner, member)
        top = all_top(own)
        common = of_line(all_total(part * math.exp(own - top)))
        for i in range(member, length, team):
            at = first + i * inner
            y[at] = of_number(wide(x[at]) - top, common)

    return softmax_streamed


@functools.cache
def back_kernel(dtype: str, word: str, team: int, log: bool) -> Kernel:
    """The gradients from the results: y(g − Σ g·y), and for the logarithm g − eʸ·Σ g."""
    of, wide = team_of(team, word), WORDS[word]
    all_total, shift, teams = of.total, of.shift, of.teams

    @device
    def part(g: Any, y: Any) -> Any:
        return g if log else g * y

    @device
    def sent(g: Any, y: Any, total: Any) -> Any:
        return g - math.exp(y) * total if log else y * (g - total)

    name = f"{'log_' if log else ''}softmax_back_{dtype}_team{team}"

    @kernel(
        f"{dtype}[::1], {dtype}[::1], {dtype}[::1], int32, int32, int32", name=name, threads=THREADS, waits=team > 1
    )
    def softmax_back(g: Any, y: Any, dx: Any, lines: int, n: int, inner: int) -> None:
        """dx[line] from g[line] and y[line]."""
        thread = cuda.threadIdx.x
        line = cuda.blockIdx.x * teams + (thread >> shift)
        member = thread & (team - 1)
        length = n if line < lines else 0
        outer = quotient(line, inner)
        first = outer * n * inner + (line - outer * inner)
        total = wide(0)
        for i in range(member, length, team):
            at = first + i * inner
            total += part(wide(g[at]), wide(y[at]))
        total = all_total(total)
        for i in range(member, length, team):
            at = first + i * inner
            dx[at] = sent(wide(g[at]), wide(y[at]), total)

    return softmax_back


def _forward(x: DeviceArray, axis: int, log: bool) -> DeviceArray:
    lines = lines_of(x, axis)
    y = lines.empty(x)
    if x.size:
        dtype, word = words_of(x)
        team = lines.team
        held = 1 << (-(-lines.n // team) - 1).bit_length()
        is_held = lines.inner == 1 and held <= _HELD
        chosen = held_kernel(dtype, word, team, held, log) if is_held else streamed_kernel(dtype, word, team, log)
        lines.launch(chosen, team, lines.flat(x), y)
    return y


def _back(g: DeviceArray, y: DeviceArray, axis: int, log: bool) -> DeviceArray:
    lines: Lines = lines_of(y, axis)
    dx = lines.empty(y)
    if y.size:
        dtype, word = words_of(y)
        team = lines.team
        lines.launch(back_kernel(dtype, word, team, log), team, lines.flat(g), lines.flat(y), dx)
    return dx


def softmax(x: DeviceArray, axis: int) -> DeviceArray:
    """eˣ/Σeˣ along an axis, the largest x subtracted first; it lies in memory as `x` does."""
    return _forward(x, axis, False)


def softmax_back(g: DeviceArray, y: DeviceArray, axis: int) -> DeviceArray:
    """∂L/∂x = y(g − Σ g·y), from softmax's result."""
    return _back(g, y, axis, False)


def log_softmax(x: DeviceArray, axis: int) -> DeviceArray:
    """x − ln Σeˣ along an axis, the largest x subtracted first."""
    return _forward(x, axis, True)


def log_softmax_back(g: DeviceArray, y: DeviceArray, axis: int) -> DeviceArray:
    """∂L/∂x = g − eʸ·Σ g, from the result."""
    return _back(g, y, axis, True)


def representatives() -> list[Kernel]:
    """A kernel of each kind, for those who look at all kernels; see `catalogue`."""
    held = [
        held_kernel("float32", "float32", *size, log)
        for size in ((32, 1), (32, 16), (256, 16))
        for log in (False, True)
    ]
    streamed = [streamed_kernel("float32", "float32", team, False) for team in (1, 256)]
    back = [back_kernel("float32", "float32", *way) for way in ((1, True), (32, False), (256, True))]
    return [*held, *streamed, *back]
