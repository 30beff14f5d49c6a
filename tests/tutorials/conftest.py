"""What the tests of the tutorials share."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self

import pytest
from rich.console import Console

from tutorials.command import Terminal
from tutorials.learning import workbench
from tutorials.learning.progress import Place
from tutorials.learning.recording import Recording, record
from tutorials.learning.session import Session
from tutorials.lesson import Lesson, Option, Pick, Picture, Program, Step
from tutorials.lessons import LESSONS
from viz.drawing.theme import LIGHT, Theme

RECORDED: dict[str, Recording] = {}
CHECKED: dict[tuple[Program, str, str, float], workbench.Report] = {}
CHECK = workbench.check


def recorded(lesson: Lesson, theme: str | Theme = LIGHT) -> Recording:
    """A recording that all tests of a process share: what has run once need not run again."""
    if lesson not in LESSONS or theme is not LIGHT:
        return record(lesson, theme)
    return RECORDED.setdefault(lesson.name, record(lesson))


def checked(program: Program, source: str, path: str = "exercise.py", seconds: float = workbench.SECONDS) -> Any:
    """The report on a file, whose process is started once for all tests."""
    key = (program, source, path, seconds)
    if key not in CHECKED:
        CHECKED[key] = CHECK(program, source, path, seconds)
    return CHECKED[key]


class Script:
    """Keys from a list instead of a keyboard; when they have run out, the terminal has hung up."""

    def __init__(self, keys: Iterable[str]) -> None:
        self.keys = iter(keys)
        self.held = False

    def __enter__(self) -> Self:
        self.held = True
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.held = False

    def read(self) -> str:
        assert self.held
        key = next(self.keys, "end")
        if key == "ctrl-c":
            raise KeyboardInterrupt
        return key


def _lines(given: Iterable[str]) -> Callable[[str], str]:
    left = iter(given)

    def ask(prompt: str) -> str:
        line = next(left, None)
        if line is None:
            raise EOFError
        if line == "ctrl-c":
            raise KeyboardInterrupt
        return line

    return ask


@pytest.fixture
def terminal() -> Callable[..., Terminal]:
    """Makes a terminal of 80×24 with scripted keys and lines that keeps what it was shown."""

    def make(keys: Iterable[str] = (), typed: Iterable[str] = (), **changes: Any) -> Terminal:
        console = Console(
            file=io.StringIO(),
            force_terminal=True,
            width=changes.pop("width", 80),
            height=changes.pop("height", 24),
            color_system="truecolor",
            no_color=changes.pop("no_color", False),
            legacy_windows=False,
            highlight=False,
        )
        settings: dict[str, Any] = {"shows": True, "types": True} | changes
        return Terminal(console=console, out=io.StringIO(), keys=Script(keys), ask=_lines(typed), **settings)

    return make


@pytest.fixture
def learner() -> Callable[..., Session]:
    """Makes a fresh learner at a step of a lesson, given by its index or name."""

    def make(lesson: Lesson, step: int | str = 0) -> Session:
        fresh = Session(lesson, recorded(lesson), Place())
        fresh.go(step if isinstance(step, int) else [s.name for s in lesson.steps].index(step))
        return fresh

    return make


@pytest.fixture(autouse=True)
def _recorded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test runs a lesson's code, or checks a file, that another has run or checked."""
    monkeypatch.setattr(workbench, "check", checked)
    for module in ("command", "export.webpage", "export.shots", "export.slides"):
        monkeypatch.setattr(f"tutorials.{module}.record", recorded)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of the test's own, and a terminal type that can move its cursor."""
    folder = tmp_path / "state"
    monkeypatch.setenv("MINIDL_STATE", str(folder))
    monkeypatch.setenv("TERM", "xterm-256color")
    return folder


@pytest.fixture(params=LESSONS, ids=[lesson.name for lesson in LESSONS])
def lesson(request: pytest.FixtureRequest) -> Lesson:
    """Each lesson in turn."""
    found: Lesson = request.param
    return found


PICTURES = Lesson(
    90,
    "pictures",
    "Pictures",
    "See.",
    1,
    1,
    (
        Step(
            "shown",
            say=("Look.",),
            code="import numpy as np\nx = np.linspace(-2, 2, 41)\ny = x ** 2",
            picture=Picture("y", "A bowl whose lowest place is {x[20]}.", rows=6),
        ),
        Step(
            "picked",
            code="up, down = x, -x",
            question=Pick(
                ask=("Which is the slope?",),
                options=(
                    Option("rising", "slope[0] < 0", "Yes.", picture="up"),
                    Option("falling", "slope[0] > 0", "No: left of the bottom it falls.", picture="down"),
                ),
                hints=("weak", "strong"),
            ),
            then="slope = 2 * x",
            picture=Picture("slope", "A rising line.", rows=5),
            reveal=("So it is.",),
        ),
    ),
)


@pytest.fixture
def pictures() -> Lesson:
    """A small lesson with a picture, sketches to choose from, and a picture that comes with the answer."""
    return PICTURES
