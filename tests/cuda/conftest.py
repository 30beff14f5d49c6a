"""A simulated GPU for the tests of this folder, whatever the environment says, and a strict one that finds races."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator

import pytest

from minidl.kernels.cuda import array
from minidl.kernels.cuda.runtime import driver, launching, memory
from minidl.kernels.cuda.simulator import driver as simulated
from minidl.kernels.cuda.simulator.races import without_races


@pytest.fixture
def simulated_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run a test's kernels in the simulator.

    All that was made with the real driver (pools, handles, addresses) is put aside, and what the test makes goes with it, so
    that a machine with a GPU does not notice. With `MINIDL_STRICT_SIMULATOR=1` every test is as strict as `strict_gpu`.
    """
    had_met = array.met
    monkeypatch.setenv("NUMBA_ENABLE_CUDASIM", "1")
    monkeypatch.setattr(launching, "_functions", {})
    monkeypatch.setattr(memory, "_statistics", defaultdict(memory.Statistics))
    monkeypatch.setattr(memory, "_general", memory.Pool())
    driver.forget()
    driver.is_simulated()  # reads the variable, which Numba itself is not to see: it would be a simulator for good
    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM")
    simulated.launches.clear()
    if os.environ.get("MINIDL_STRICT_SIMULATOR"):
        with without_races():
            yield
    else:
        yield
    driver.forget()
    if not had_met:  # or the tests that come after would look out for device arrays
        array.met = False
        array.unusual.pop("met", None)
    memory._general.close()  # what the test still holds goes back to its own driver when it lets go of it


@pytest.fixture
def strict_gpu(simulated_gpu: None) -> Iterator[None]:
    """The same, and a kernel whose threads race, or that reads or writes outside of an array, raises an error."""
    with without_races():
        yield
