"""Cross-entropy of each line of scores, from weights for all classes or from one label, and its gradient.

A team (see `rows.py`) takes the scores of one example or pixel. It finds their level, the largest and Σ exp, in one pass
(`probabilities.level_of`), and reads them a second time, from cache, for what it writes. Softmax itself is never stored.
"""

from __future__ import annotations

import functools
from typing import Any

from ..array import DeviceArray
from ..compiler.language import Kernel, cuda, int32, kernel, math
from ..places.copies import contiguous
from ..reductions.kernels import THREADS
from ..reductions.states import WORDS, quotient
from ..runtime import memory
from .probabilities import level_of
from .rows import lines_of, team_of, words_of


@functools.cache
def weighted_kernel(dtype: str, word: str, team: int) -> Kernel:
    """The cross-entropy of lines with a weight for each class."""
    of, wide = team_of(team, word), WORDS[word]
    level, all_top, all_total, shift, teams = level_of(team, word), of.top, of.total, of.shift, of.teams
    signature = f"{dtype}[::1], {dtype}[::1], {dtype}[::1], int32, int32, int32"

    @kernel(signature, name=f"cross_entropy_{dtype}_team{team}", threads=THREADS, waits=team > 1)
    def cross_entropy(x: Any, weights: Any, losses: Any, lines: int, n: int, inner: int) -> None:
        """losses[line] = −Σ w·ln softmax(x), over those w that are not 0."""
        thread = cuda.threadIdx.x
        line = cuda.blockIdx.x * teams + (thread >> shift)
        member = thread & (team - 1)
        length = n if line < lines else 0
        first = line * n
        own, part = level(x, first, length, inner, member)
        top = all_top(own)
        total = all_total(part * math.exp(own - top))
        logarithm = math.log(total)
        loss = wide(0)
        for i in range(member, length, team):
            w = wide(weights[first + i])
            if w != wide(0):
                loss += w * (logarithm - (wide(x[first + i]) - top))
        loss = all_total(loss)
        if member == 0 and line < lines:
            losses[line] = loss

    return cross_entropy


@functools.cache
def weighted_back_kernel(dtype: str, word: str, team: int) -> Kernel:
    """Its gradient."""
    of, wide = team_of(team, word), WORDS[word]
    level, all_top, all_total, shift, teams = level_of(team, word), of.top, of.total, of.shift, of.teams
    signature = f"{dtype}[::1], {dtype}[::1], {dtype}[::1], {dtype}[::1], int32, int32, int32"

    @kernel(signature, name=f"cross_entropy_back_{dtype}_team{team}", threads=THREADS, waits=team > 1)
    def cross_entropy_back(g: Any, x: Any, weights: Any, dx: Any, lines: int, n: int, inner: int) -> None:
        """dx[line] = g[line]·(softmax(x)·Σw − w)."""
        thread = cuda.threadIdx.x
        line = cuda.blockIdx.x * teams + (thread >> shift)
        member = thread & (team - 1)
        length = n if line < lines else 0
        first = line * n
        own, part = level(x, first, length, inner, member)
        top = all_top(own)
        total = all_total(part * math.exp(own - top))
        weight = wide(0)
        for i in range(member, length, team):
            weight += wide(weights[first + i])
        scale = all_total(weight) / total
        above = wide(g[line]) if line < lines else wide(0)
        for i in range(member, length, team):
            dx[first + i] = above * (math.exp(wide(x[first + i]) - top) * scale - wide(weights[first + i]))

    return cross_entropy_back


@functools.cache
def labelled_kernel(dtype: str, label: str, word: str, team: int) -> Kernel:
    """The cross-entropy of lines that each have one right class."""
    of, wide = team_of(team, word), WORDS[word]
    none = wide(float("nan"))
    level, all_top, all_total, shift, teams = level_of(team, word), of.top, of.total, of.shift, of.teams
    signature = f"{dtype}[::1], {label}[::1], {dtype}[::1], {dtype}[::1], int32, int32, int32"

    @kernel(signature, name=f"class_loss_{dtype}_{label}_team{team}", threads=THREADS, waits=team > 1)
    def class_loss(x: Any, labels: Any, factors: Any, losses: Any, lines: int, n: int, inner: int) -> None:
        """losses[line] = −f·ln softmax(x)ₜ, 0 where f is 0, and NaN where there is no class t."""
        thread = cuda.threadIdx.x
        line = cuda.blockIdx.x * teams + (thread >> shift)
        member = thread & (team - 1)
        length = n if line < lines else 0
        outer = quotient(line, inner)
        first = outer * n * inner + (line - outer * inner)
        own, part = level(x, first, length, inner, member)
        top = all_top(own)
        total = all_total(part * math.exp(own - top))
        if member == 0 and line < lines:
            factor, loss = wide(factors[line]), wide(0)
            if factor != wide(0):
                right = int32(labels[line])
                loss = none
                if right >= 0 and right < n:
                    loss = factor * (math.log(total) - (wide(x[first + right * inner]) - top))
            losses[line] = loss

    return class_loss


@functools.cache
def labelled_back_kernel(dtype: str, label: str, word: str, team: int) -> Kernel:
    """Its gradient."""
    of, wide = team_of(team, word), WORDS[word]
    none = wide(float("nan"))
    level, all_top, all_total, shift, teams = level_of(team, word), of.top, of.total, of.shift, of.teams
    signature = f"{dtype}[::1], {dtype}[::1], {label}[::1], {dtype}[::1], {dtype}[::1], int32, int32, int32"

    @kernel(signature, name=f"class_loss_back_{dtype}_{label}_team{team}", threads=THREADS, waits=team > 1)
    def class_loss_back(g: Any, x: Any, labels: Any, factors: Any, dx: Any, lines: int, n: int, inner: int) -> None:
        """dx[line] = g·f·(softmax(x) − [i = t]), 0 where g·f or f is 0, and NaN where there is no class t."""
        thread = cuda.threadIdx.x
        line = cuda.blockIdx.x * teams + (thread >> shift)
        member = thread & (team - 1)
        length = n if line < lines else 0
        outer = quotient(line, inner)
        first = outer * n * inner + (line - outer * inner)
        own, part = level(x, first, length, inner, member)
        top = all_top(own)
        total = all_total(part * math.exp(own - top))
        scale, above, right = wide(1) / total, wide(0), int32(0)
        if line < lines:
            factor = wide(factors[line])
            right = int32(labels[line])
            if factor != wide(0):
                above = wide(g[line]) * factor if right >= 0 and right < n else none
        for i in range(member, length, team):
            sent = wide(0)
            if above != wide(0):
                share = math.exp(wide(x[first + i * inner]) - top) * scale
                sent = above * (share - (wide(1) if i == right else wide(0)))
            dx[first + i * inner] = sent

    return class_loss_back


def cross_entropy(x: DeviceArray, weights: DeviceArray) -> DeviceArray:
    """−Σ w·ln softmax(x) for each row of `x` `(N, C)`; a class of no weight may be impossible, 0·(−∞)."""
    x, weights = contiguous(x), contiguous(weights)
    losses = memory.empty((x.shape[0],), x.dtype, x.memory.device)
    lines = lines_of(x, 1)
    dtype, word = words_of(x)
    lines.launch(weighted_kernel(dtype, word, lines.team), lines.team, x, weights, losses)
    return losses


def cross_entropy_back(g: DeviceArray, x: DeviceArray, weights: DeviceArray) -> DeviceArray:
    """∂L/∂x = g(softmax(x)·Σw − w), `g` one number a row."""
    x, weights = contiguous(x), contiguous(weights)
    dx = memory.empty(x.shape, x.dtype, x.memory.device)
    lines = lines_of(x, 1)
    dtype, word = words_of(x)
    lines.launch(weighted_back_kernel(dtype, word, lines.team), lines.team, contiguous(g), x, weights, dx)
    return dx


def _factors(factors: DeviceArray, x: DeviceArray) -> DeviceArray:
    """The factors in the dtype of the scores."""
    from ..backend import backend

    return backend.astype(factors, x.dtype) if factors.dtype != x.dtype else factors


def class_loss(x: DeviceArray, labels: DeviceArray, factors: DeviceArray) -> DeviceArray:
    """−f·ln softmax(x)ₜ over the classes of `x` `(N, C, …)`; `labels` t and `factors` f are `(N, …)`."""
    lines = lines_of(x, 1)
    losses = lines.empty_per_line(x)
    if losses.size:
        dtype, word = words_of(x)
        kernel = labelled_kernel(dtype, labels.dtype.name, word, lines.team)
        kinds = lines.per_line(labels), lines.per_line(_factors(factors, x))
        lines.launch(kernel, lines.team, lines.flat(x), *kinds, losses)
    return losses


def class_loss_back(g: DeviceArray, x: DeviceArray, labels: DeviceArray, factors: DeviceArray) -> DeviceArray:
    """∂L/∂x = g·f·(softmax(x) − [i = t]); it lies in memory as `x` does."""
    lines = lines_of(x, 1)
    dx = lines.empty(x)
    if dx.size:
        dtype, word = words_of(x)
        kernel = labelled_back_kernel(dtype, labels.dtype.name, word, lines.team)
        kinds = lines.per_line(labels), lines.per_line(_factors(factors, x))
        lines.launch(kernel, lines.team, lines.per_line(g), lines.flat(x), *kinds, dx)
    return dx


def representatives() -> list[Kernel]:
    """A kernel of each kind, for those who look at all kernels; see `catalogue`."""
    weighted = [weighted_kernel("float32", "float32", 32), weighted_back_kernel("float32", "float32", 256)]
    makers = (labelled_kernel, labelled_back_kernel)
    return [*weighted, *(make("float32", "int64", "float32", team) for make in makers for team in (1, 32))]
