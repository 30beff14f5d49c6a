"""Each lesson from its first key to its card in a real pseudo-terminal, at 80×24 and at 120×40."""

from __future__ import annotations

import os
import re
import select
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len

from minidl.files import write_atomic
from tutorials.lesson import Lesson
from tutorials.lessons.circuits import CIRCUITS
from tutorials.session import Session

pty = pytest.importorskip("pty")
Learner = Callable[..., Session]
SECONDS = 120


def play(lesson: Lesson, keys: str, width: int, height: int, state: Path) -> tuple[int, str]:
    """Take a lesson with these keys; return the exit status and all that the terminal was sent."""
    import fcntl
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS", "LINES")}
    environment |= {"MINIDL_STATE": str(state), "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
    process = subprocess.Popen(
        [sys.executable, "-m", "minidl", "tutorial", lesson.name],
        env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    sent, shown, deadline = False, b"", time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if select.select([ours], [], [], 0.2)[0]:
            try:
                shown += os.read(ours, 65536)
            except OSError:  # the other end has closed
                break
        if not sent and b"step 1 of" in shown:
            os.write(ours, keys.encode())
            sent = True
        if process.poll() is not None and not select.select([ours], [], [], 0)[0]:
            break
    process.kill() if process.poll() is None else None
    status = process.wait()
    os.close(ours)
    return status, shown.decode("utf-8", "replace")


def all_right(lesson: Lesson, learner: Learner) -> str:
    """The keys that answer everything; every step's code is looked at as well, where there is no answer to type."""
    keys = ""
    for index in range(len(lesson.steps)):
        session = learner(lesson, index)
        if session.file:
            write_atomic(session.file, session.snapshot.correct)
            keys += "\r"
        elif session.open:
            keys += f"{session.snapshot.correct}\r"
        keys += "\x1b[C"
    return keys + "x"


def check(lesson: Lesson, learner: Learner, size: tuple[int, int], state: Path) -> None:
    width, height = size
    status, shown = play(lesson, all_right(lesson, learner), width, height, state)
    assert status == 0, shown[-2000:]
    asked = sum(step.question is not None for step in lesson.steps)
    assert f"Of {asked} questions you found {asked}, {asked} of them at once." in " ".join(shown.split())
    frames = shown.split("\x1b[2J")
    assert len(frames) > len(lesson.steps)
    for frame in frames[1:-1]:
        rows = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", frame).replace("\r", "").split("\n")
        assert len(rows) <= height
        assert max(cell_len(row) for row in rows) <= width


@pytest.mark.slow
@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_a_lesson_in_a_real_terminal(lesson: Lesson, learner: Learner, size: tuple[int, int], state: Path) -> None:
    check(lesson, learner, size, state)


def test_circuits_in_a_real_terminal(learner: Learner, state: Path) -> None:
    check(CIRCUITS, learner, (120, 40), state)
