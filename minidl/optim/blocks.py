"""Changing a parameter block by block, so that what a rule reads and writes stays in the processor's cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..kernels import DeviceArray

Array = Any

BLOCK = 65_536
"""So many elements are worked on at a time: all that a rule reads and writes then stays in the processor's cache."""


def change_in_blocks(rule: Callable[..., None], whole: tuple[Array, ...], pulls: tuple[float, float, float]) -> None:
    """Let a rule change a parameter, given it, its gradient and what is remembered of it, block by block."""
    sign, shrink, decay = pulls
    for block, slope, *memory in blocks(*whole):
        if shrink != 1:
            np.multiply(block, shrink, out=block)
        pull = slope if sign > 0 else -slope
        rule(block, pull + decay * block if decay else pull, *memory)


def blocks(p: Array, g: Array, *memory: Array) -> Iterator[tuple[Array, ...]]:
    """Yield matching pieces of arrays of one shape; all but the gradient `g` are views, to be written.

    A GPU takes them whole: a launch is dear there, and its cache too small to keep a block between two.
    """
    if p.__class__ is DeviceArray or not all(array.flags.c_contiguous for array in (p, *memory)):
        yield p, g, *memory
        return
    flat = [array.reshape(-1) for array in (p, g, *memory)]
    for start in range(0, p.size, BLOCK):
        yield tuple(array[start : start + BLOCK] for array in flat)
