"""Random numbers on a GPU: counted, not chained, so that any number of threads draws the same ones.

A chained generator makes each number from the last, and threads would have to wait for each other or have generators of
their own. Philox makes the numbers from a counter by ten rounds of multiplication, as a cipher would: four words of 32 bits
from a counter of four words and a key of two. Here the key is the seed, and the counter says which draw it is since the
seed, and which four of its numbers. So number i of draw d depends on the seed, d and i alone: not on the grid, the device or
what other arrays were drawn beside. Nothing is stored but the seed and the number of draws.

The CPU's generator is another one (NumPy's PCG64): from the same seed the two devices draw different numbers, as in PyTorch.

Source: Salmon, Moraes, Dror and Shaw, 2011, "Parallel random numbers: as easy as 1, 2, 3"; Philox4×32-10, checked against
their known answers. Normal numbers: Box and Muller, 1958, "A note on the generation of random normal deviates".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .array import DeviceArray, Shape
from .compiler.intrinsics import store4
from .compiler.language import Kernel, ceil_div, cuda, device, float32, float64, int32, int64, kernel, math, uint64
from .compiler.library import cospi, sinpi
from .elementwise.operations import compute
from .places.order import radix_sort
from .runtime import memory
from .runtime.streams import each_time

THREADS = 256
BITS = uint64(32)
WORD = uint64(0xFFFFFFFF)
MULTIPLIER_A, MULTIPLIER_B = uint64(0xD2511F53), uint64(0xCD9E8D57)
KEY_A, KEY_B = uint64(0x9E3779B9), uint64(0xBB67AE85)
"""Added to the key from round to round: the golden ratio and √3 − 1, as 32-bit fractions."""


@device
def philox(a: Any, b: Any, c: Any, d: Any, key: Any, other: Any) -> Any:
    """Four words from a counter of four and a key of two; each is below 2³² and held in 64 bits."""
    for _ in range(10):
        first, second = a * uint64(MULTIPLIER_A), c * uint64(MULTIPLIER_B)
        a, c = (second >> uint64(BITS)) ^ b ^ key, (first >> uint64(BITS)) ^ d ^ other
        b, d = second & uint64(WORD), first & uint64(WORD)
        key, other = (key + uint64(KEY_A)) & uint64(WORD), (other + uint64(KEY_B)) & uint64(WORD)
    return a, b, c, d


@device
def words(group: Any, draw: Any, seed: Any) -> Any:
    """The four words of a group of a draw."""
    wide, number, key = uint64(group), uint64(draw), uint64(seed)
    mask, half = uint64(WORD), uint64(BITS)
    return philox(wide & mask, wide >> half, number & mask, number >> half, key & mask, key >> half)


@device
def fraction(word: Any) -> Any:
    """A word as a float32 in [0, 1): its first 24 bits, which a float32 holds exactly, so that none is rounded to 1."""
    return float32(int32(word >> uint64(8))) * float32(2**-24)


@device
def fine_fraction(word: Any, other: Any) -> Any:
    """Two words as a float64 in [0, 1), of 53 bits."""
    return float64(int64(((word >> uint64(5)) << uint64(26)) | (other >> uint64(6)))) * float64(2**-53)


@device
def put_four(y: Any, i: Any, count: Any, a: Any, b: Any, c: Any, d: Any) -> None:
    """Write four float32 together, or those that still belong to the array."""
    if i + 3 < count:
        store4(y, i, a, b, c, d)
    else:
        y[i] = a
        if i + 1 < count:
            y[i + 1] = b
        if i + 2 < count:
            y[i + 2] = c


# Kernels: each thread draws one group of four words ------------------------------------------------------------------------

_DRAWN = "int32, uint64, uint64"
"""How many numbers, the seed, and the number of the draw."""


@kernel(f"float32[::1], {_DRAWN}", threads=THREADS, waits=False)
def uniform_float32(y: Any, count: int, seed: int, draw: int) -> None:
    """Numbers from [0, 1)."""
    group = int32(cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x)
    i = int32(4 * group)
    if i < count:
        a, b, c, d = words(group, draw, seed)
        put_four(y, i, count, fraction(a), fraction(b), fraction(c), fraction(d))


@kernel(f"float64[::1], {_DRAWN}", threads=THREADS, waits=False)
def uniform_float64(y: Any, count: int, seed: int, draw: int) -> None:
    """The same with 53 bits: two numbers a group."""
    group = int32(cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x)
    i = int32(2 * group)
    if i < count:
        a, b, c, d = words(group, draw, seed)
        y[i] = fine_fraction(a, b)
        if i + 1 < count:
            y[i + 1] = fine_fraction(c, d)


@kernel(f"float32[::1], {_DRAWN}", threads=THREADS, waits=False)
def normal_float32(y: Any, count: int, seed: int, draw: int) -> None:
    """Normal numbers with mean 0 and variance 1: √(−2 ln(1 − u))·(cos 2πv, sin 2πv) from two fractions u and v."""
    group = int32(cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x)
    i = int32(4 * group)
    if i < count:
        a, b, c, d = words(group, draw, seed)
        one, two = float32(1), float32(2)
        near, far = math.sqrt(-two * math.log(one - fraction(a))), math.sqrt(-two * math.log(one - fraction(c)))
        v, w = two * fraction(b), two * fraction(d)
        put_four(y, i, count, near * cospi(v), near * sinpi(v), far * cospi(w), far * sinpi(w))


@kernel(f"float64[::1], {_DRAWN}", threads=THREADS, waits=False)
def normal_float64(y: Any, count: int, seed: int, draw: int) -> None:
    """The same in double precision: two numbers a group."""
    group = int32(cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x)
    i = int32(2 * group)
    if i < count:
        a, b, c, d = words(group, draw, seed)
        one, two = float64(1), float64(2)
        radius = math.sqrt(-two * math.log(one - fine_fraction(a, b)))
        v = two * fine_fraction(c, d)
        y[i] = radius * cospi(v)
        if i + 1 < count:
            y[i + 1] = radius * sinpi(v)


@kernel(f"uint32[::1], int32, {_DRAWN}", threads=THREADS, waits=False)
def kept_bytes(y: Any, least: int, count: int, seed: int, draw: int) -> None:
    """Bytes of 1 with the probability that a fraction is at least least/2²⁴, else 0; four are written as one word."""
    group = int32(cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x)
    if group < count:
        a, b, c, d = words(group, draw, seed)
        eight, limit = uint64(8), uint64(least)
        first, second = uint64((a >> eight) >= limit), uint64((b >> eight) >= limit)
        third, fourth = uint64((c >> eight) >= limit), uint64((d >> eight) >= limit)
        y[group] = first | (second << eight) | (third << uint64(16)) | (fourth << uint64(24))


@kernel(f"int64[::1], int64, uint64, {_DRAWN}", threads=THREADS, waits=False)
def whole_numbers(y: Any, low: int, most: int, count: int, seed: int, draw: int) -> None:
    """Whole numbers low + (64 random bits mod (most + 1)): their probabilities differ by less than most/2⁶⁴. Two a group."""
    group = int32(cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x)
    i = int32(2 * group)
    if i < count:
        a, b, c, d = words(group, draw, seed)
        half, span = uint64(BITS), uint64(uint64(most) + uint64(1))
        first, second = (a << half) | b, (c << half) | d
        if span != uint64(0):  # 2⁶⁴ numbers: any 64 bits are one of them
            first, second = first % span, second % span
        y[i] = low + int64(first)
        if i + 1 < count:
            y[i + 1] = low + int64(second)


@kernel(f"int32[::1], {_DRAWN}", threads=THREADS, waits=False)
def sorting_keys(y: Any, count: int, seed: int, draw: int) -> None:
    """Whole numbers of 31 bits, to be sorted by."""
    group = int32(cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x)
    i = int32(4 * group)
    if i < count:
        a, b, c, d = words(group, draw, seed)
        y[i] = int32(a >> uint64(1))
        if i + 1 < count:
            y[i + 1] = int32(b >> uint64(1))
        if i + 2 < count:
            y[i + 2] = int32(c >> uint64(1))
        if i + 3 < count:
            y[i + 3] = int32(d >> uint64(1))


# The generator ------------------------------------------------------------------------------------------------------------


class Philox:
    """A GPU's source of random numbers, with the methods of NumPy's generators that are used here.

    Attributes:
        seed: the key, below 2⁶⁴.
        draws: how many arrays were drawn since the seed.
        device: the number of the GPU.
    """

    def __init__(self, seed: int, device: int) -> None:
        self.device = device
        self.start(seed)

    def start(self, seed: int) -> None:
        """Start over from a seed."""
        self.seed, self.draws = seed, 0

    @property
    def state(self) -> dict[str, Any]:
        """The seed and the number of draws, as plain numbers."""
        return {"bit_generator": "Philox4x32-10", "seed": self.seed, "draws": self.draws}

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        if state["bit_generator"] != "Philox4x32-10":
            raise ValueError(f"it is one of {state['bit_generator']!r:.40}")
        self.seed, self.draws = int(state["seed"]), int(state["draws"])

    def _draw(self, run: Kernel, out: DeviceArray, each: int, *numbers: Any) -> None:
        """Launch a kernel whose threads draw `each` numbers of the array; a graph's replay draws anew."""
        launch = run[ceil_div(ceil_div(out.size, each), THREADS), THREADS]

        def draw() -> None:
            if out.size:
                launch(out, *numbers, out.size, self.seed, self.draws)
            self.draws += 1

        each_time(draw)

    def random(self, shape: Shape, dtype: Any = np.float32) -> DeviceArray:
        """Numbers from [0, 1), float32 or float64."""
        out = memory.empty(shape, dtype, self.device)
        double = out.dtype == np.float64
        self._draw(uniform_float64 if double else uniform_float32, out, 2 if double else 4)
        return out

    def standard_normal(self, shape: Shape, dtype: Any = np.float32) -> DeviceArray:
        """Numbers from the normal distribution, float32 or float64."""
        out = memory.empty(shape, dtype, self.device)
        double = out.dtype == np.float64
        self._draw(normal_float64 if double else normal_float32, out, 2 if double else 4)
        return out

    def kept(self, shape: Shape, p: float) -> DeviceArray:
        """True with probability 1 − p, rounded to a multiple of 2⁻²⁴: what dropout keeps."""
        out = memory.empty(shape, np.bool_, self.device)
        groups = out.view_as((ceil_div(out.size, 4),), (4,), dtype=np.dtype(np.uint32))
        self._draw(kept_bytes, groups, 1, int(np.ceil(p * 2**24)))
        return out

    def integers(self, low: int, high: int, shape: Shape) -> DeviceArray:
        """Whole numbers from `low` up to, but without, `high`, in int64."""
        out = memory.empty(shape, np.int64, self.device)
        self._draw(whole_numbers, out, 2, low, high - low - 1)
        return out

    def permutation(self, n: int) -> DeviceArray:
        """An order of the numbers from 0 up to, but without, n, in int32: random keys are sorted, and their places kept."""
        keys = memory.empty((n,), np.int32, self.device)
        self._draw(sorting_keys, keys, 4)
        return radix_sort(keys, 2**31 - 1)[1] if n else keys


def dropout(x: DeviceArray, kept: DeviceArray, scale: float) -> DeviceArray:
    """x·kept·scale, in one pass."""
    return compute(("multiply", ("multiply", 0, 1), 2), (x, kept, scale))
