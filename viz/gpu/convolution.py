"""A convolution as a deck: the product with a matrix of windows that is never written down."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from minidl.kernels.cuda.convolution.problem import COLUMNS, forward_plan, problem_of
from minidl.kernels.cuda.convolution.tiled import SIDE, sweep_kernel
from minidl.kernels.cuda.simulator.trace import trace

from .cells import Cells
from .decks import Telling
from .stage import ASIDE, MARGIN, TOP, Board

IMAGE: Final = 8
KERNEL: Final = 5
CHANNELS: Final = 16
_PIXEL: Final = 25.0
_CELL: Final = 11.5
_KERNELS: Final = 184.0
_SMALL: Final = 7.0


def telling() -> Telling:
    """Trace the tiled convolution of an 8×8 image with sixteen 5×5 kernels: one block of threads computes all of it."""
    out = IMAGE - KERNEL + 1
    sizes = ((IMAGE, IMAGE), (out, out), (1, 1), (0, 0), (1, 1))
    problem = problem_of(1, (CHANNELS, 1, KERNEL, KERNEL), *sizes, 1)
    plan = forward_plan(problem)
    rng = np.random.default_rng(0)
    x = rng.integers(-3, 4, (IMAGE, IMAGE)).astype(np.float32)
    w = rng.integers(-3, 4, (plan.rows, plan.numbers[COLUMNS])).astype(np.float32)
    y = np.zeros((out * out, CHANNELS), np.float32)
    numbers, taps = np.array(plan.numbers, np.int32), np.array(plan.taps, np.int32)
    run = trace(sweep_kernel("float32"), 1, SIDE * SIDE, (x, w, y, numbers, taps, plan.sweeps))
    _check(x, w[list(plan.places)], y)
    window = range(SIDE * 5, SIDE * 5 + SIDE)
    kernels = Cells(plan.rows, CHANNELS, MARGIN + 430, TOP, _CELL, _KERNELS / plan.rows)
    image = Cells(IMAGE, IMAGE, kernels.left - 40 - IMAGE * _PIXEL, kernels.bottom - 24, _PIXEL, _PIXEL)
    result = Cells(out * out, CHANNELS, kernels.left, image.top, _CELL, _CELL)
    windows = Cells(SIDE, SIDE, ASIDE, TOP, _SMALL, _SMALL)
    tile = Cells(SIDE, SIDE, ASIDE + SIDE * _SMALL + 14, TOP, _SMALL, _SMALL)
    boards = [
        Board("x", "X", image, hint="the image"),
        Board("w", "W", kernels, hint="a kernel a column"),
        Board("out", "Y", result, is_result=True, hint="a pixel a row"),
        Board("left", "X's windows", windows),
        Board("right", "W's tile", tile),
    ]
    return Telling(
        run, "Convolution as a product of matrices", boards, ("x", "w"), (0, 0, 0), 4, (window, "window 5's threads touch"),
        "Row by row the windows of the image are a matrix; it is only ever in shared memory.",
    )  # fmt: skip


def _check(x: Any, w: Any, y: Any) -> None:
    """The figure shows a run that computed the right thing."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (KERNEL, KERNEL)).reshape(-1, KERNEL * KERNEL)
    assert np.array_equal(windows @ w[:, :CHANNELS], y)
