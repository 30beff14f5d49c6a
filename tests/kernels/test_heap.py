"""Memory that stays with the process: where it can be asked for, and that it saves the pages of every later step."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from minidl.kernels.cpu import heap, paths

CODE = """
import resource
import numpy as np
from minidl.kernels.cpu import heap

print(heap.keep_memory())

def step():
    arrays = [np.ones(1 << 18) for _ in range(8)]  # 16 MiB

step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def pages(**environment: str) -> tuple[str, int]:
    """Whether memory was to be kept, and how many pages ten steps then wait for, in a process of its own."""
    known = {key: value for key, value in os.environ.items() if not key.startswith(("MALLOC_", "GLIBC_", "MINIDL_"))}
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True, env=known | environment
    )
    kept, count = done.stdout.split()
    return kept, int(count)


@pytest.mark.skipif(not heap._is_glibc(), reason="only glibc's heap is known")
def test_steps_find_the_memory_of_the_step_before() -> None:
    assert pages() == ("True", pytest.approx(0, abs=500))
    kept, count = pages(MINIDL_DISABLE="heap")
    assert kept == "False"
    assert count > 10_000  # 40,960 pages of 4096 bytes


def test_what_the_user_chose_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap, "_set", lambda: pytest.fail("changed the heap"))
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1000000")
    assert not heap.keep_memory()
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_")
    with paths.without("heap"):
        assert not heap.keep_memory()


@pytest.mark.parametrize("error", [AttributeError, ValueError, OSError])
def test_elsewhere_nothing_happens(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> str:
        raise error(name)

    monkeypatch.setattr(os, "confstr", unknown, raising=False)
    monkeypatch.setattr(heap, "_set", lambda: pytest.fail("changed the heap"))
    assert not heap.keep_memory()
