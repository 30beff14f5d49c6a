"""What a reduction carries along: how a state begins, takes a number, is joined with another's and becomes a result.

The kernels in `kernels.py` know nothing of sums or maxima. They are handed a `Reduction`, whose functions the
compiler puts in the place of the calls: a state is one number (a sum) or two (a maximum and where it stands), which live in
registers. Joining must not depend on how numbers are grouped, or on their order: for floating-point sums it does by a rounding,
but the grouping is the same in each run, and so is the result.

- sum, product: float16 and float32 are added up in float32, float64 in itself, whole numbers in int64.
- mean: a sum in two float32, of which the second is what the first has lost to rounding (Knuth's TwoSum: six additions a
  number, which should hide behind the reading of memory; unmeasured). It comes within a unit in the last place, without
  float64 arithmetic, for which most GPUs have 1/32 or 1/64 as many units.
- maximum, minimum: a NaN wins.
- argmax, argmin: value and position; of equals the first, and a NaN wins over all but an earlier NaN.
- all, any, count: what is not 0 is 1; a NaN is not 0.

Source: D. E. Knuth, The Art of Computer Programming 2, section 4.2.2, theorem B.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..compiler.language import cuda, device, float32, float64, int32, int64, uint32

ALL = 0xFFFFFFFF
"""All lanes of a warp take part in a shuffle."""


@device
def to_float32(v: Any) -> Any:
    """A number as float32."""
    return float32(v)


@device
def to_float64(v: Any) -> Any:
    """A number as float64."""
    return float64(v)


@device
def to_int32(v: Any) -> Any:
    """A number as int32."""
    return int32(v)


@device
def to_int64(v: Any) -> Any:
    """A number as int64."""
    return int64(v)


@device
def quotient(a: Any, b: Any) -> Any:
    """⌊a / b⌋ of whole numbers that are not negative, in 32 bits: with a sign and 64 bits it is a hundred instructions."""
    return int32(uint32(a) // uint32(b))


WORDS = {"float32": to_float32, "float64": to_float64, "int32": to_int32, "int64": to_int64}
"""The conversions, by the dtype that they give."""


def carrier(dtype: str, wide: bool = True) -> str:
    """In which dtype a reduction carries numbers of another: one that shuffles move, and that is wide enough for sums.

    >>> carrier("float16"), carrier("uint8"), carrier("uint8", wide=False)
    ('float32', 'int64', 'int32')
    """
    if dtype.startswith("float"):
        return "float64" if dtype == "float64" else "float32"
    return "int64" if wide or dtype.endswith("64") else "int32"


@dataclass(frozen=True, eq=False)
class Reduction:
    """A reduction of numbers of one dtype.

    Attributes:
        name: its name, with the dtype: `sum_float32`.
        source: the dtype of what it takes; truth values are taken as uint8.
        target: the dtype of its results.
        carried: the dtypes of a state's one or two numbers.
        start: () → the state of nothing.
        take: (state, number, position along the axis) → state.
        join: (state, state) → state.
        result: (state, how many numbers there were) → the result.
    """

    name: str
    source: str
    target: str
    carried: tuple[str, ...]
    start: Callable[[], Any]
    take: Callable[[Any, Any, Any], Any]
    join: Callable[[Any, Any], Any]
    result: Callable[[Any, Any], Any]

    @functools.cached_property
    def dtypes(self) -> tuple[np.dtype[Any], np.dtype[Any]]:
        """The dtypes of the two arrays that states are kept in; the second is not used by states of one number."""
        return np.dtype(self.carried[0]), np.dtype(self.carried[-1])


# How states of one number and of two are moved about ------------------------------------------------------------------------


@device
def put_one(left: Any, right: Any, at: Any, state: Any) -> None:
    """Write a state of one number to memory."""
    left[at] = state


@device
def get_one(left: Any, right: Any, at: Any) -> Any:
    """Read it."""
    return left[at]


@device
def across_one(state: Any, by: Any) -> Any:
    """The state of the lane whose number differs in the bits of `by`."""
    return cuda.shfl_xor_sync(ALL, state, by)


@device
def put_two(left: Any, right: Any, at: Any, state: Any) -> None:
    """Write a state of two numbers to memory, each to an array of its dtype."""
    left[at] = state[0]
    right[at] = state[1]


@device
def get_two(left: Any, right: Any, at: Any) -> Any:
    """Read it."""
    return left[at], right[at]


@device
def across_two(state: Any, by: Any) -> Any:
    """The state of the lane whose number differs in the bits of `by`."""
    return cuda.shfl_xor_sync(ALL, state[0], by), cuda.shfl_xor_sync(ALL, state[1], by)


# The reductions -----------------------------------------------------------------------------------------------------------


@functools.cache
def total(source: str) -> Reduction:
    """Σx."""
    word = carrier(source)
    wide = WORDS[word]
    target = source if source.startswith("float") else "int64"

    @device
    def start() -> Any:
        return wide(0)

    @device
    def take(state: Any, v: Any, place: Any) -> Any:
        return state + wide(v)

    @device
    def join(a: Any, b: Any) -> Any:
        return a + b

    return Reduction(f"sum_{source}", source, target, (word,), start, take, join, _itself)


@functools.cache
def product(source: str, running: bool = False) -> Reduction:
    """Πx; running products of whole numbers keep their dtype."""
    word = carrier(source)
    wide = WORDS[word]
    target = source if source.startswith("float") or running else "int64"

    @device
    def start() -> Any:
        return wide(1)

    @device
    def take(state: Any, v: Any, place: Any) -> Any:
        return state * wide(v)

    @device
    def join(a: Any, b: Any) -> Any:
        return a * b

    return Reduction(
        f"{'cumprod' if running else 'prod'}_{source}", source, target, (word,), start, take, join, _itself
    )


@device
def _itself(state: Any, count: Any) -> Any:
    """A state that is the result."""
    return state


@device
def two_sum(a: Any, b: Any) -> Any:
    """a + b as it is rounded, and what the rounding has lost, exactly."""
    s = a + b
    of_b = s - a
    return s, (a - (s - of_b)) + (b - of_b)


@functools.cache
def average(source: str) -> Reduction:
    """Σx/n; of whole numbers in float64."""
    word = carrier(source) if source.startswith("float") else "float64"
    wide, target = WORDS[word], source if source.startswith("float") else "float64"

    @device
    def start() -> Any:
        return wide(0), wide(0)

    @device
    def take(state: Any, v: Any, place: Any) -> Any:
        s, lost = two_sum(state[0], wide(v))
        return s, state[1] + lost

    @device
    def join(a: Any, b: Any) -> Any:
        s, lost = two_sum(a[0], b[0])
        return s, a[1] + b[1] + lost

    @device
    def result(state: Any, count: Any) -> Any:
        s = state[0] + state[1]
        if s != s:  # an infinite sum has lost NaN
            s = state[0]
        return s / wide(count)

    return Reduction(f"mean_{source}", source, target, (word, word), start, take, join, result)


@device
def _greater(a: Any, b: Any) -> Any:
    return a > b


@device
def _less(a: Any, b: Any) -> Any:
    return a < b


def worst(word: str, largest: bool) -> float | int:
    """What every number beats, or equals."""
    if word.startswith("float"):
        return -np.inf if largest else np.inf
    limits = np.iinfo(word)
    return int(limits.min if largest else limits.max)


@functools.cache
def extremum(source: str, largest: bool) -> Reduction:
    """The largest or the smallest number; a NaN if there is one."""
    word = carrier(source, wide=False)
    wide, poor, beats = WORDS[word], worst(word, largest), _greater if largest else _less

    @device
    def start() -> Any:
        return wide(poor)

    @device
    def join(a: Any, b: Any) -> Any:
        return a if beats(a, b) or a != a else b

    @device
    def take(state: Any, v: Any, place: Any) -> Any:
        return join(wide(v), state)

    return Reduction(f"{'max' if largest else 'min'}_{source}", source, source, (word,), start, take, join, _itself)


@functools.cache
def position(source: str, largest: bool) -> Reduction:
    """Where the largest or the smallest number stands; the first of equals, and a NaN before all numbers."""
    word = carrier(source, wide=False)
    wide, poor, beats = WORDS[word], worst(word, largest), _greater if largest else _less

    @device
    def start() -> Any:
        return wide(poor), int32(0x7FFFFFFF)

    @device
    def join(a: Any, b: Any) -> Any:
        v, w = a[0], b[0]
        is_nan, other_nan = v != v, w != w
        wins = beats(w, v) or (other_nan and not is_nan)
        ties = w == v or (other_nan and is_nan)
        return b if wins or (ties and b[1] < a[1]) else a

    @device
    def take(state: Any, v: Any, place: Any) -> Any:
        return join(state, (wide(v), int32(place)))

    @device
    def result(state: Any, count: Any) -> Any:
        return int64(state[1])

    name = f"arg{'max' if largest else 'min'}_{source}"
    return Reduction(name, source, "int64", (word, "int32"), start, take, join, result)


@functools.cache
def truth(source: str, every: bool) -> Reduction:
    """Whether all numbers, or any, are not 0: 1 or 0 as uint8."""
    wide, first = WORDS[carrier(source)], int(every)

    @device
    def start() -> Any:
        return int32(first)

    @device
    def join(a: Any, b: Any) -> Any:
        return (a & b) if every else (a | b)

    @device
    def take(state: Any, v: Any, place: Any) -> Any:
        return join(state, int32(1) if wide(v) != wide(0) else int32(0))

    return Reduction(f"{'all' if every else 'any'}_{source}", source, "uint8", ("int32",), start, take, join, _itself)


@functools.cache
def count(source: str) -> Reduction:
    """How many numbers are not 0."""
    wide = WORDS[carrier(source)]

    @device
    def start() -> Any:
        return int32(0)

    @device
    def take(state: Any, v: Any, place: Any) -> Any:
        return state + (int32(1) if wide(v) != wide(0) else int32(0))

    @device
    def join(a: Any, b: Any) -> Any:
        return int32(a + b)

    return Reduction(f"count_{source}", source, "int64", ("int32",), start, take, join, _itself)
