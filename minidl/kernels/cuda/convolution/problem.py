"""What a convolution's kernels must know of it: sizes, sweeps and taps, as short integer arrays on the device.

Inside, images are channels-last with three axes, `(N, D, H, W, C)`; a signal or a plane has axes of length 1 in front. A
convolution and its transpose in the image are the same thing to the kernels: *sweeps* of a few taps over an image
(`kernels/cpu/sweeps.py`), of which a convolution is one and a transpose of stride s has up to s along each axis. So no
product with a zero between the pixels of a strided gradient is ever formed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from ....errors import NotOnDeviceError
from ...cpu.layout import three
from ...cpu.sweeps import Sweep, Triple, backward, forward
from ...geometry import Size
from ..array import DeviceArray
from ..runtime.layouts import numbers

# What a row of `Plan.numbers` holds; three axes are depth, height, width.
TAPS, FIRST_TAP, ROWS, FIRST_ROW = range(4)
"""The sweep's taps, and where they begin in `Plan.taps`; its rows of packed weights, and where they begin."""
IMAGE, ALL_ROWS = 4, 7
"""The size of the images, read by four numbers at once; the rows of packed weights of all sweeps."""
OUT, STRIDE, FIRST, SPREAD, RESULT = range(8, 23, 3)
"""Results along each axis, pixels from one to the next, and where they lie in the result, of which size."""
IMAGES, INS, OUTS, ALL_INS, ALL_OUTS, COLUMNS = range(23, 29)
"""Images; a group's input and output channels, those of all groups, and a group's columns of packed weights."""
GROUP, COLUMN = 30, 31
"""Left free, for a block's group and first column."""
LENGTH = 32
"""From one row to the next."""
STEP = 16
"""A sweep's packed rows are a multiple of this, the most sums by which a tile goes on in a step."""
TAP = 8
"""From one tap to the next: by how many pixels it lies off along three axes, by how many elements, its place in the kernel."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A convolution: `x` `(images, groups·ins, *image)` with `w` `(groups·outs, ins, *kernel)` → `(…, groups·outs, *out)`."""

    images: int
    groups: int
    ins: int
    outs: int
    image: Triple
    kernel: Triple
    out: Triple
    stride: Triple
    padding: Triple
    dilation: Triple

    @property
    def is_empty(self) -> bool:
        """Whether there is no product to form."""
        sizes = (self.images, self.ins, self.outs, self.groups, *self.image, *self.kernel, *self.out)
        return min(sizes) <= 0


@lru_cache(maxsize=4096)
def problem_of(
    images: int, w: tuple[int, ...], image: Size, out: Size, stride: Size, padding: Size, dilation: Size, groups: int
) -> Problem:
    """A convolution with weights of the shape `w`, of `image` to `out`, with as many axes as it has.

    Raises:
        NotOnDeviceError: an array has 2³¹ elements or more, which the kernels' places do not count.
    """
    k, c, *kernel = w
    for count in (images * groups * c * math.prod(image), images * k * math.prod(out), math.prod(w)):
        if count >= 1 << 31:
            raise NotOnDeviceError(
                f"a convolution of an array of {count} elements: on a GPU up to 2³¹ are counted here"
            )
    return Problem(
        images,
        groups,
        c,
        k // groups,
        three(image, 1),
        three(tuple(kernel), 1),
        three(out, 1),
        three(stride, 1),
        three(padding, 0),
        three(dilation, 1),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The sweeps of a convolution, or of its transpose in the image.

    Attributes:
        numbers: `LENGTH` numbers a sweep, named above.
        taps: `TAP` numbers for each tap of each sweep.
        places: for each tap of the kernel the packed row of its first input channel; −1 if no pixel meets it.
        sweeps: how many there are.
        rows: the rows of packed weights of all of them; each sweep's are rounded up, with zeros, to a multiple of `STEP`.
        pixels: the most results of a sweep, of all images.
        groups, ins, outs: the groups, and the input and output channels of one: for the transpose, those of `w` exchanged.
        covers: whether every pixel of the result is in a sweep.
    """

    numbers: tuple[int, ...]
    taps: tuple[int, ...]
    places: tuple[int, ...]
    sweeps: int
    rows: int
    pixels: int
    groups: int
    ins: int
    outs: int
    covers: bool


@lru_cache(maxsize=1024)
def forward_plan(problem: Problem) -> Plan:
    """The one sweep that a convolution is."""
    sweep = forward(problem.kernel, problem.stride, problem.padding, problem.dilation, problem.out)
    return _plan(problem, (sweep,), problem.image, problem.out, problem.ins, problem.outs)


@lru_cache(maxsize=1024)
def backward_plan(problem: Problem) -> Plan:
    """The sweeps over the upstream gradient that give the gradient of the image."""
    found = backward(problem.kernel, problem.stride, problem.padding, problem.dilation, problem.image)
    return _plan(problem, found, problem.out, problem.image, problem.outs, problem.ins)


@lru_cache(maxsize=1024)
def uploaded(plan: Plan, device: int) -> tuple[DeviceArray, DeviceArray, DeviceArray]:
    """A plan's numbers, taps and places on a device."""
    return numbers(device, plan.numbers), numbers(device, plan.taps), numbers(device, plan.places)


def _plan(problem: Problem, found: tuple[Sweep, ...], image: Triple, result: Triple, ins: int, outs: int) -> Plan:
    values: list[int] = []
    taps: list[int] = []
    places = [-1] * math.prod(problem.kernel)
    rows = sum(padded(ins * sweep.taps.size, STEP) for sweep in found)
    row = 0
    channels = ins * problem.groups
    for sweep in found:
        counts = (sweep.taps.size, len(taps) // TAP, ins * sweep.taps.size, row, *image, rows)
        where = (*sweep.out, *sweep.stride, *sweep.first, *sweep.spread, *result)
        widths = (problem.images, ins, outs, channels, outs * problem.groups, padded(outs, 4))
        row_of_plan = (*counts, *where, *widths)
        values += [*row_of_plan, *(0,) * (LENGTH - len(row_of_plan))]
        for m, tap in enumerate(sweep.taps.tolist()):
            mz, my, mx = (
                m // (sweep.count[1] * sweep.count[2]),
                m // sweep.count[2] % sweep.count[1],
                m % sweep.count[2],
            )
            z, y, x = (a + i * d for a, i, d in zip(sweep.start, (mz, my, mx), sweep.step, strict=True))
            taps += [z, y, x, ((z * image[1] + y) * image[2] + x) * channels, tap, 0, 0, 0]
            places[tap] = row + m * ins
        row += padded(ins * sweep.taps.size, STEP)
    covers = sum(math.prod(sweep.out) for sweep in found) == math.prod(result)
    pixels = problem.images * max((math.prod(sweep.out) for sweep in found), default=0)
    return Plan(tuple(values), tuple(taps), tuple(places), len(found), rows, pixels, problem.groups, ins, outs, covers)


def padded(count: int, step: int) -> int:
    """The next multiple of a number.

    >>> padded(27, 16), padded(32, 16)
    (32, 32)
    """
    return -(-count // step) * step
