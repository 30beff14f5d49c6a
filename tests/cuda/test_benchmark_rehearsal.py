"""The GPU's benchmark, rehearsed on tiny sizes in the simulator: it must run at once on the day when there is a GPU."""

from __future__ import annotations

import importlib
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import minidl

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("simulated_gpu")]

FOLDER = Path(__file__).parents[1] / "benchmarks"


class Event:
    """A mark in time, as `torch.cuda.Event`, by the clock."""

    def __init__(self, enable_timing: bool) -> None:
        self.at = 0.0

    def record(self) -> None:
        self.at = time.perf_counter()

    def synchronize(self) -> None: ...

    def elapsed_time(self, end: Event) -> float:
        return 1e3 * (end.at - self.at)


def tiny(nn: Any) -> Any:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 10))


@pytest.fixture
def rehearsed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The benchmark's module, with PyTorch on the CPU as its peer, and sizes that a simulator can do."""
    if "benchmarks" not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            "benchmarks", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
        )
        assert spec is not None
        sys.modules["benchmarks"] = importlib.util.module_from_spec(spec)
    module = importlib.import_module("benchmarks.cuda")
    monkeypatch.setattr(torch.Tensor, "cuda", lambda self: self)
    monkeypatch.setattr(torch.nn.Module, "cuda", lambda self: self)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(module, "need_a_gpu", lambda bench: torch)
    monkeypatch.setattr(module, "TURNS", 2)
    monkeypatch.setattr(module, "MICROSECONDS", 0.0)
    monkeypatch.setattr(module, "CALLS", 1)
    monkeypatch.setattr(module, "FEWEST", 1)
    monkeypatch.setattr(module, "SIZES", (20,))
    monkeypatch.setattr(module, "NUMBERS", 2048)
    monkeypatch.setattr(module, "CONVOLUTIONS", {"small": (1, 4, 3, 4, 2, 1, 0)})
    monkeypatch.setattr(module, "VGG", {})
    monkeypatch.setattr(module, "STEPS", {"tiny": 2})
    network = importlib.import_module("benchmarks.networks").Network
    monkeypatch.setattr(module, "NETWORKS", {"tiny": network(lambda: tiny(minidl.nn), tiny, (1, 4, 4))})
    return module


@pytest.mark.parametrize("row", ["cuda_matmul", "cuda_conv", "cuda_memory", "cuda_launch", "cuda_step"])
def test_every_row_runs_and_both_sides_agree(rehearsed: Any, row: str) -> None:
    bench = importlib.import_module("benchmarks.harness").Bench(
        importlib.import_module("benchmarks.peers").Peers(("torch",), 1), 1, 0.0
    )
    lines = list(rehearsed.ROWS[row](bench))
    assert lines
    assert all(line.row == row and line.mine > 0 and line.ratio > 0 for line in lines)
