"""What the sweeps' tests share: functions that a spawned process can import."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of functions to sweep; a spawned process gets this process's path and finds it there too."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return importlib.import_module("sweep_jobs")
