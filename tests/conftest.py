"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ["TERM"] = "xterm-256color"  # the tests say themselves when they mean another terminal
for _set in ("COLUMNS", "LINES", "FORCE_COLOR"):
    os.environ.pop(_set, None)
os.environ.setdefault("NO_COLOR", "1")
for _pool in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_pool, "1")  # xdist runs a process a core; more threads would only get in each other's way


@pytest.fixture(autouse=True)
def _fresh_random_state() -> Iterator[None]:
    """Every test starts from the same random numbers and leaves none of its own."""
    import minidl

    state = minidl.default_generator.get_state()
    minidl.manual_seed(0)
    yield
    minidl.default_generator.set_state(state)


@pytest.fixture
def repository() -> Path:
    """The folder that holds the three packages."""
    return Path(__file__).parent.parent
