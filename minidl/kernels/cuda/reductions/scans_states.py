"""What running results carry, beside what reductions do: see `states.py`. Here joining keeps the order."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..compiler.language import device, int32, int64, math
from . import states
from .states import WORDS, Reduction, carrier


@functools.cache
def running_sum(source: str) -> Reduction:
    """Σx: of floats as a sum and what it has lost, of whole numbers in int64; the results have the dtype of x."""
    if not source.startswith("float"):
        of = states.total(source)
        return Reduction(f"cumsum_{source}", source, source, of.carried, of.start, of.take, of.join, of.result)
    of = states.average(source)

    @device
    def result(state: Any, count: Any) -> Any:
        s = state[0] + state[1]
        return s if s == s else state[0]  # an infinite sum has lost NaN

    return Reduction(f"cumsum_{source}", source, source, of.carried, of.start, of.take, of.join, result)


@functools.cache
def log_sum(source: str) -> Reduction:
    """Ln Σ exp(x), carried as the largest number and Σ exp(x − largest); of equal infinities the difference counts as 0."""
    word = carrier(source)
    wide, lowest = WORDS[word], -np.inf

    @device
    def start() -> Any:
        return wide(lowest), wide(0)

    @device
    def join(a: Any, b: Any) -> Any:
        if a[0] == b[0]:
            return a[0], a[1] + b[1]
        if a[0] > b[0]:
            return a[0], a[1] + b[1] * math.exp(b[0] - a[0])
        return b[0], b[1] + a[1] * math.exp(a[0] - b[0])

    @device
    def take(state: Any, v: Any, place: Any) -> Any:
        return join(state, (wide(v), wide(1)))

    @device
    def result(state: Any, count: Any) -> Any:
        return state[0] + math.log(state[1])

    return Reduction(f"cumlogsumexp_{source}", source, source, (word, word), start, take, join, result)


@functools.cache
def last_extremum_state(source: str, largest: bool) -> Reduction:
    """The position of the largest or smallest number, the last of equals; a NaN beats all, and only a NaN beats a NaN."""
    word = carrier(source, wide=False)
    wide, poor = WORDS[word], states.worst(word, largest)

    @device
    def start() -> Any:
        return wide(poor), int32(0)

    @device
    def join(a: Any, b: Any) -> Any:
        v, w = a[0], b[0]
        reaches = w >= v if largest else w <= v
        return b if reaches or w != w else a

    @device
    def take(state: Any, v: Any, place: Any) -> Any:
        return join(state, (wide(v), int32(place)))

    @device
    def result(state: Any, count: Any) -> Any:
        return int64(state[1])

    name = f"last_{'max' if largest else 'min'}_{source}"
    return Reduction(name, source, "int64", (word, "int32"), start, take, join, result)
