"""The fast paths of the CPU's kernels, by name: each has a plain path beside it, and can be switched off to find out.

Set `MINIDL_DISABLE=winograd,direct` before Python starts, or use `without` for a block. A name may be used anywhere
in the kernels; what it switches is written in `NAMES`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ...errors import UsageError

NAMES = {
    "direct": "convolution by register tiles; without it, im2col and a product of matrices",
    "winograd": "3×3 convolution of stride 1 with 2.25 times fewer products; without it, as any other convolution",
    "spreading": "convolution to few channels spreads pixels over results; without it, results gather pixels",
    "depthwise": "convolution of single channels by register tiles; without it, NumPy's products of shifted images",
    "erf": "the error function of large float32 arrays by a kernel; without it, SciPy's",
    "normalization": "batch and layer normalisation by one kernel each way; without it, step by step",
    "curves": "σ, GELU and its slope of large float32 arrays by a kernel; without it, NumPy's and SciPy's steps",
    "choice": "the choice between two arrays by a kernel; without it, by masking bits",
    "division": "remainders and rounded quotients of float32 by a kernel; without it, NumPy's",
    "places": "gathering and scattering along an axis by kernels; without it, NumPy's indexing",
    "scans": "running sums, products, extrema and recurrences by a kernel; without it, NumPy's passes over the whole array",
    "rectifier": "ReLU and its gradient in one pass by a kernel; without it, NumPy's steps on the whole array",
    "softmax": "softmax, its logarithm and cross-entropy row by row in float32; without it, NumPy's steps on the whole array",
    "fusion": "chains of elementwise operations on a tape by one kernel; without it, NumPy's one after the other",
    "planning": "results of a tape take turns in a few buffers, and kernels are bound to them; without it, each has its own",
    "addition": "large arrays, and one number a channel to images, are added by kernels; without it, by NumPy",
    "transposing": "images brought to channels last by a kernel; without it, NumPy's copy",
    "products": "products of medium-sized matrices by register tiles on all threads; without it, BLAS on one",
    "heap": "memory is kept for the next step (asked once, before the first kernel); without it, the system takes it back",
    "sums": "large sums of whole rows, as of a bias's gradient, by a kernel; without it, NumPy's, block by block",
    "pooling": "pooling of 2×2 windows by a kernel of their own; without it, as any other pooling",
}
"""Every fast path and what it does; without it, what is done instead."""


def enabled(name: str) -> bool:
    """Whether the fast path `name` may be taken.

    >>> enabled("pooling")
    True
    """
    return name not in _disabled


@contextmanager
def without(*names: str) -> Iterator[None]:
    """Take no fast path of these names inside the block.

    Raises:
        UsageError: there is no fast path of that name.

    >>> with without("pooling"):
    ...     enabled("pooling")
    False
    """
    global _disabled
    previous, _disabled = _disabled, _disabled | _known(names)
    try:
        yield
    finally:
        _disabled = previous


def _known(names: Iterator[str] | tuple[str, ...] | list[str]) -> frozenset[str]:
    chosen = frozenset(names)
    if unknown := sorted(chosen - NAMES.keys()):
        raise UsageError(f"no fast path is called {', '.join(unknown)}; there are {', '.join(sorted(NAMES))}")
    return chosen


def _chosen() -> frozenset[str]:
    names = [name.strip() for name in os.environ.get("MINIDL_DISABLE", "").split(",")]
    return _known([name for name in names if name])


_disabled = _chosen()
