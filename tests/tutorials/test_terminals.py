"""Each lesson from its first key to its card in a real pseudo-terminal, at 80×24 and at 120×40.

Here in this process, where its code has run already, so that it takes little more than the drawing; and, slow, as the
command that a learner types, which starts Python and runs all code anew.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from minidl.files import write_atomic
from tutorials.command import Terminal, run
from tutorials.learning.progress import Progress
from tutorials.learning.session import Session
from tutorials.lesson import Lesson
from tutorials.lessons import LESSONS
from tutorials.lessons.circuits import CIRCUITS

pty = pytest.importorskip("pty")
Learner = Callable[..., Session]
SECONDS = 60
SIZES = [(80, 24), (120, 40)]


CTRL_C = "\x03"
START = """
import fcntl, runpy, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
sys.argv[0] = "minidl"
runpy.run_module("minidl", run_name="__main__")
"""
"""Starts minidl as a shell does: the terminal is its own, so that Ctrl-C reaches it."""
Talk = list[tuple[str, str]]


def play(
    lesson: Lesson, talk: Talk, width: int, height: int, state: Path, *options: str, term: str = "xterm-256color"
) -> tuple[int, str]:
    """Take a lesson; return the exit status and all that the terminal was sent.

    `talk` is what is waited for, and what is typed then.
    """
    import fcntl
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS", "LINES")}
    environment |= {"MINIDL_STATE": str(state), "TERM": term, "PYTHONIOENCODING": "utf-8"}
    process = subprocess.Popen(
        [sys.executable, "-c", START, "tutorial", lesson.name, *options],
        env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    to_come, seen, shown, deadline = list(talk), 0, b"", time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if select.select([ours], [], [], 0.2)[0]:
            try:
                shown += os.read(ours, 65536)
            except OSError:  # the other end has closed
                break
        while to_come and (found := _letters(shown).find(to_come[0][0], seen)) >= 0:
            seen = found + len(to_come[0][0])
            keys = to_come.pop(0)[1]
            time.sleep(0.3 if keys == CTRL_C else 0)  # so that what it is to stop has begun
            os.write(ours, keys.encode())
        if process.poll() is not None and not select.select([ours], [], [], 0)[0]:
            break
    process.kill() if process.poll() is None else None
    status = process.wait()
    os.close(ours)
    return status, shown.decode("utf-8", "replace")


def _letters(shown: bytes) -> str:
    """What was shown, without the codes for colour and movement."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode("utf-8", "replace")).replace("\r", "")


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


def check(lesson: Lesson, status: int, shown: str, size: tuple[int, int]) -> None:
    """Every frame has its size, and the last words count every question as found at once."""
    width, height = size
    assert status == 0, shown[-2000:]
    asked = sum(step.question is not None for step in lesson.steps)
    assert f"Of {asked} questions you found {asked}, {asked} of them at once." in " ".join(shown.split())
    assert "cannot be drawn" not in shown
    frames = shown.split("\x1b[2J")
    assert len(frames) > len(lesson.steps)
    for frame in frames[1:-1]:
        rows = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", frame).replace("\r", "").split("\n")
        assert len(rows) <= height
        assert max(cell_len(row) for row in rows) <= width


def play_here(lesson: Lesson, keys: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """Take a lesson on a pseudo-terminal of this process; a thread is the person before it."""
    import fcntl
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    shown = bytearray()

    def person() -> None:
        sent = False
        with contextlib.suppress(OSError):  # the other end has closed
            while more := os.read(ours, 65536):
                shown.extend(more)
                if not sent and b"step 1 of" in shown:
                    os.write(ours, keys.encode())
                    sent = True

    reader = threading.Thread(target=person)
    reader.start()
    try:
        with os.fdopen(os.dup(theirs), encoding="utf-8") as keyboard, os.fdopen(theirs, "w", encoding="utf-8") as out:
            monkeypatch.setattr(sys, "stdin", keyboard)
            console = Console(
                file=out, width=size[0], height=size[1], color_system="256", no_color=False, highlight=False
            )
            status = run(lesson.name, terminal=Terminal(console=console, out=out, shows=True, types=True))
    finally:
        reader.join()
        os.close(ours)
    return status, shown.decode("utf-8", "replace")


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40"])
def test_a_lesson_in_a_pseudo_terminal(
    lesson: Lesson, learner: Learner, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = all_right(lesson, learner)
    check(lesson, *play_here(lesson, keys, size, monkeypatch), size)
    assert Progress().places[lesson.key].finished


@pytest.mark.exhaustive
def test_a_lesson_as_the_command(lesson: Lesson, learner: Learner, state: Path) -> None:
    size = SIZES[lesson.number % len(SIZES)]
    check(lesson, *play(lesson, [("step 1 of", all_right(lesson, learner))], *size, state), size)


def test_circuits_as_the_command(learner: Learner, state: Path) -> None:
    check(CIRCUITS, *play(CIRCUITS, [("step 1 of", all_right(CIRCUITS, learner))], 120, 40, state), (120, 40))


@pytest.mark.slow
def test_all_lessons_play_by_themselves_in_less_than_three_minutes(state: Path) -> None:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "minidl", "tutorial", "--auto", "all"],
        env={**os.environ, "MINIDL_STATE": str(state), "PYTHONIOENCODING": "utf-8"},
        capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert time.monotonic() - began < 180
    for lesson in LESSONS:
        assert f"{lesson.title}. Step {len(lesson.steps)} of {len(lesson.steps)}." in done.stdout
    assert "could not be made" not in done.stdout
    assert not state.exists()


ENDLESS = "while True: pass"


def test_ctrl_c_brings_one_back_from_a_loop_without_an_end(state: Path) -> None:
    talk = [
        ("step 1 of", "\x1b[C"),
        ("step 2 of", "e"),
        ("Enter run it", "\x7f" * 80 + ENDLESS + "\r"),
        ("Ctrl-C stops it", CTRL_C),
        ("Stopped. Nothing is lost.", "u"),
        ("Run in", "\x1b"),
        ("step 2 of", "-12\r"),
        ("−12: right", "q"),
    ]
    status, shown = play(CIRCUITS, talk, 80, 24, state)
    assert status == 0
    assert f"✗ {ENDLESS}" in _letters(shown.encode())
    answer = Progress(state / "progress.json").places[CIRCUITS.key].answers["the-value"]
    assert (answer.given, answer.right) == (["-12"], True)


def test_ctrl_c_brings_one_back_from_it_line_by_line(state: Path) -> None:
    talk = [
        ("Enter to go on:", "\r"),
        ("Answer:", f"e 5 {ENDLESS}\r"),
        ("Trying line 5 as:", CTRL_C),
        ("Stopped. Nothing is lost.", "-12\r"),
        ("−12: right", "q\r"),
    ]
    status, shown = play(CIRCUITS, talk, 80, 24, state, "--plain")
    assert status == 0, shown
    assert Progress(state / "progress.json").places[CIRCUITS.key].answers["the-value"].right
