"""What the tests on a real GPU share: whether there is one, numbers, and results that must be the same bits each time."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl.kernels.cuda.runtime import driver, memory

WHY = "NUMBA_ENABLE_CUDASIM is set" if driver.is_simulated() else driver.why_not()
MARKS = [pytest.mark.cuda, pytest.mark.skipif(WHY is not None, reason=f"needs a GPU: {WHY}")]
RUNS = 5


def clean() -> None:
    """Give all memory back, which waits, so that a kernel that failed shows in the test that launched it."""
    gc.collect()
    memory.empty_cache()


def numbers(*shape: int, seed: int = 0, dtype: Any = np.float32) -> Any:
    """Normal numbers, the same each time."""
    return np.random.default_rng(seed).standard_normal(shape, np.float32).astype(dtype)


def sent(*shape: int, seed: int = 0, dtype: Any = np.float32) -> Any:
    """The same on the device."""
    return memory.to_device(numbers(*shape, seed=seed, dtype=dtype))


def always_the_same(compute: Callable[[], Any]) -> Any:
    """What is computed, after it was computed several times over memory that held other things, to the same bits."""
    first = compute().numpy()
    for _ in range(RUNS):
        junk = [sent(1000 + 77 * i) for i in range(3)]
        assert compute().numpy().tobytes() == first.tobytes()
        del junk
    return first
