"""What the tests of figures share: each engine in turn."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from viz.drawing.figure import Figure

_needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's dot is not installed")


@pytest.fixture(params=["bundled", pytest.param("dot", marks=_needs_dot)])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of the engine that draws in this run of the test."""
    monkeypatch.setenv("MINIDL_GRAPHVIZ", request.param)
    return str(request.param)


@pytest.fixture(scope="session")
def faults() -> Callable[[Figure], list[str]]:
    """The function that says what an eye would object to in a figure: text that overlaps, is clipped, or is too small."""
    from .geometry import faults

    return faults
