"""`minidl tutorial` as a command: its arguments, its exit status, and once through a real pseudo-terminal."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "from minidl.app.main import main; main()", "tutorial"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment in which progress goes to the test's own folder."""
    return os.environ | {
        "MINIDL_STATE": str(tmp_path / "state"),
        "TERM": "xterm-256color",
        "PYTHONIOENCODING": "utf-8",
        "COLUMNS": "80",
        "LINES": "24",
    }


def command(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def test_through_a_pipe_the_lessons_are_listed(environment: dict[str, str]) -> None:
    done = command(environment=environment)
    assert done.returncode == 0, done.stderr
    assert "minidl tutorial NAME starts one" in done.stdout
    for name in ("circuits", "tensors"):
        assert any(line.endswith(f" min   {name}") for line in done.stdout.splitlines())
    assert "\x1b" not in done.stdout


def test_through_a_pipe_a_lesson_plays_to_its_end(environment: dict[str, str], tmp_path: Path) -> None:
    done = command("circuits", environment=environment)
    assert done.returncode == 0, done.stderr
    assert "Step 15 of 15." in done.stdout
    assert "f = q·z, value −12." in done.stdout
    assert "\x1b" not in done.stdout
    assert done.stderr == ""
    assert not (tmp_path / "state" / "progress.json").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["circuit"], "Did you mean circuits?"),
        (["circuits", "tensors"], "takes one lesson"),
        (["reset"], "reset NAME"),
        (["circuits", "--answers", "no-such-file"], "no-such-file"),
    ],
)
def test_a_wrong_request_is_one_message(arguments: list[str], words: str, environment: dict[str, str]) -> None:
    done = command(*arguments, environment=environment)
    assert done.returncode in (1, 2)
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell that closes streams")
@pytest.mark.parametrize("arguments", ["2 --auto", "2", "3 --plain", ""])
def test_without_an_output_at_all_it_plays_to_nobody(arguments: str, environment: dict[str, str]) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {arguments} >&-', "sh", *COMMAND],
        env=environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


class Screen:
    """A lesson running in a real pseudo-terminal of 80×24."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        import fcntl
        import pty
        import struct
        import termios

        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.process = subprocess.Popen(
            [*COMMAND, *arguments], env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self.shown = ""

    def wait_for(self, words: str) -> None:
        """Wait until the words have been shown since the last key."""
        deadline = time.monotonic() + 30
        while words not in self.shown:
            assert time.monotonic() < deadline, f"{words!r} was not shown; this was:\n{self.shown}"
            if select.select([self.ours], [], [], 0.2)[0]:
                try:
                    self.shown += os.read(self.ours, 65536).decode("utf-8", "replace")
                except OSError:  # the other end has closed
                    assert words in self.shown, self.shown
                    return

    def press(self, keys: str) -> None:
        self.shown = ""
        os.write(self.ours, keys.encode())

    def end(self) -> int:
        status = self.process.wait(timeout=30)
        os.close(self.ours)
        return status


def test_in_a_real_pseudo_terminal(environment: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip("pty")
    screen = Screen(environment, "circuits")
    screen.wait_for("step 1 of 15")
    screen.press("\x1b[C")
    screen.wait_for("What comes out at f?")
    screen.press("\x1b")  # a lone Escape neither blocks nor swallows the keys that follow
    time.sleep(0.2)
    screen.press("12\r")
    screen.wait_for("Right size.")
    screen.press("-12\r")
    screen.wait_for("That was the forward pass")
    screen.press("\x1b[D")
    screen.wait_for("step 1 of 15")
    screen.press("q")
    screen.wait_for("your place is kept, step 1 of 15")
    assert screen.end() == 0
    kept = json.loads((tmp_path / "state" / "progress.json").read_text(encoding="utf-8"))
    assert kept["lessons"]["circuits@2"]["answers"]["the-value"]["given"] == ["12", "-12"]


def test_ctrl_c_in_a_real_pseudo_terminal(environment: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip("pty")
    screen = Screen(environment, "2")
    screen.wait_for("step 1 of 15")
    screen.press(" ")
    screen.wait_for("step 2 of 15")
    screen.process.send_signal(2)
    screen.wait_for("your place is kept, step 2 of 15")
    assert screen.end() == 130
    assert "Traceback" not in screen.shown
