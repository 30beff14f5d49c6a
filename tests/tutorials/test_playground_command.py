"""`minidl playground` as a command: its summary, its exit status, and live in a real pseudo-terminal."""

from __future__ import annotations

import codecs
import io
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from minidl.app.main import app
from minidl.errors import UsageError
from tutorials.playground.command import run
from tutorials.playground.settings import Settings

COMMAND = [sys.executable, "-c", "from minidl.app.main import main; main()", "playground"]


def told(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["playground", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def last_line_of_numbers(text: str) -> str:
    return [line for line in text.splitlines() if re.match(r" +\d+  ", line)][-1]


# Without a terminal --------------------------------------------------------------------------------------------------


def test_without_a_terminal_it_trains_and_tells() -> None:
    shown = told("--data", "xor", "--epochs", "30", "--seed", "2")
    assert "\x1b" not in shown
    assert "250 points to learn from, 250 that test" in shown
    assert "4 units of tanh; 2 units of tanh; one output; seed 2" in shown
    assert [int(line.split()[0]) for line in shown.splitlines() if re.match(r" +\d+  ", line)] == list(range(0, 31, 3))
    assert re.search(r"unit 4: x1 −?\d\.\d+, x2 −?\d\.\d+", shown)
    assert "The same again: minidl playground --data xor --layers 4,2 --seed 2 --epochs 30" in shown


def test_the_command_that_it_ends_with_gives_the_same_numbers() -> None:
    first = told(
        "--data", "gauss", "--noise", "30", "--change", "2:rate=0.3", "--change", "3:penalty=l1", "--epochs", "5"
    )
    command = first.splitlines()[-1].removeprefix("The same again: minidl playground ")
    assert command == "--data gauss --layers 4,2 --noise 30 --change 2:rate=0.3 --change 3:penalty=l1 --epochs 5"
    assert told(*command.split()) == first
    assert last_line_of_numbers(told("--data", "gauss", "--noise", "30", "--epochs", "5")) != last_line_of_numbers(
        first
    )


def test_a_hopeless_training_ends_early_and_says_why() -> None:
    shown = told("--layers", "none", "--rate", "10", "--penalty", "l2", "--strength", "10")
    assert "The loss is no longer a number" in shown
    assert "nan" in last_line_of_numbers(shown)
    assert shown.count("nan") <= 8  # one line, and the weights


def test_no_epochs_are_a_look_at_the_beginning() -> None:
    assert last_line_of_numbers(told("--epochs", "0")).split()[0] == "0"


def test_the_help_knows_the_usual_settings() -> None:
    shown = " ".join(re.sub("[│╭╮╰╯─]", " ", told("--help")).split())
    for name, value in Settings().items():
        usual = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        assert f"--{name} " in shown
        assert usual in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data", "moon"], "one of circle, xor, gauss, spiral"),
        (["--epochs", "-1"], "--epochs: a whole number from 0; got -1"),
        (["--epochs", "5", "--change", "6:rate=1"], "--change 6:rate=1 comes after the last epoch, 5"),
        (["--change", "6:layers=1"], "for rate, penalty, strength, batch"),
    ],
)
def test_a_wrong_request_is_refused(arguments: list[str], words: str) -> None:
    done = CliRunner().invoke(app, ["playground", *arguments])
    assert isinstance(done.exception, UsageError)
    assert words in str(done.exception)
    assert done.stdout == ""


@pytest.mark.parametrize("why", ["plain", "dumb", "no keys"])
def test_lines_also_in_a_terminal_that_wants_them(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Untouched:
        def __enter__(self) -> None:
            raise AssertionError("the keyboard was touched")

    if why == "dumb":
        monkeypatch.setenv("TERM", "dumb")
    console = Console(file=io.StringIO(), force_terminal=True, legacy_windows=False)
    keys = None if why == "no keys" else Untouched()
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert run({}, epochs=1, plain=why == "plain", console=console, keys=keys) == 0  # type: ignore[arg-type]
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "The same again" in shown
    assert "\x1b" not in shown


# In a real pseudo-terminal -------------------------------------------------------------------------------------------


class Screen:
    """The playground in a real pseudo-terminal, and what can be read on it."""

    def __init__(self, folder: Path, width: int, height: int, *arguments: str, **environment: str) -> None:
        pty = pytest.importorskip("pty")
        import termios

        self.ours, self.theirs = pty.openpty()
        self.resize(width, height)
        self.settings = termios.tcgetattr(self.theirs)
        unset = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")
        inherited = {name: value for name, value in os.environ.items() if name not in unset}
        package = str(Path(__file__).resolve().parents[2])
        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            env=inherited | {"TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONPATH": package} | environment,
            cwd=folder, stdin=self.theirs, stdout=self.theirs, stderr=self.theirs, start_new_session=True,
        )  # fmt: skip
        self.raw = ""
        self.decode = codecs.getincrementaldecoder("utf-8")().decode  # a read may end within a character

    def resize(self, width: int, height: int) -> None:
        import fcntl
        import struct
        import termios

        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    @property
    def rows(self) -> list[str]:
        """What stands on the screen."""
        rows: dict[int, str] = {}
        whole = self.raw.rpartition("\x1b[?2026l")[0]
        for code, row, text in re.findall(r"\x1b\[(2J|(\d+);1H)((?:(?!\x1b\[(?:2J|\d+;1H)).)*)", whole):
            if code == "2J":
                rows = {}
            else:
                rows[int(row)] = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
        return [rows[row] for row in sorted(rows)]

    def wait_until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 50
        while not holds():
            assert time.monotonic() < deadline, "\n".join(self.rows) or self.raw
            if select.select([self.ours], [], [], 0.1)[0]:
                self.raw += self.decode(os.read(self.ours, 1 << 16))

    def wait_for(self, words: str) -> None:
        self.wait_until(lambda: words in "\n".join(self.rows))

    def press(self, keys: str) -> None:
        os.write(self.ours, keys.encode())

    def end(self) -> tuple[int, str]:
        """Wait for the end; return the status and what was printed after the screen was given back."""
        self.wait_until(lambda: self.process.poll() is not None)
        while select.select([self.ours], [], [], 0.1)[0]:
            self.raw += self.decode(os.read(self.ours, 1 << 16))
        return self.process.returncode, self.raw.rpartition("\x1b[?1049l")[2]


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[Callable[..., Screen]]:
    """Begins a playground in a pseudo-terminal, in a folder of its own."""
    begun: list[Screen] = []

    def begin(width: int, height: int, *arguments: str, **environment: str) -> Screen:
        begun.append(Screen(tmp_path, width, height, *arguments, **environment))
        return begun[-1]

    yield begin
    for one in begun:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
        os.close(one.ours)
        os.close(one.theirs)


def test_a_visit_at_80_by_24(screen: Callable[..., Screen]) -> None:
    termios = pytest.importorskip("termios")
    s = screen(80, 24)
    s.wait_for("epoch 2 ")
    assert (len(s.rows), max(map(len, s.rows))) == (24, 80)
    assert "\x1b[38;2;" in s.raw
    s.press("2")
    s.wait_for("▸ data       xor")
    s.press(" ")
    s.wait_for("paused")
    s.press("r" + "s" * 3 + "\x1b[A\x1b[A\x1b[A\x1b[C" + "ss")
    s.wait_for("epoch 5 ")
    loss = re.search(r"train (\d\.\d+)", "\n".join(s.rows))
    assert loss is not None
    s.press("c")
    s.wait_for("--layers 4,2 --change 3:rate=0.1")
    s.wait_for("--epochs 5")
    s.press("xq")
    status, after = s.end()
    assert status == 0
    command = "minidl playground --data xor --layers 4,2 --change 3:rate=0.1 --epochs 5"
    assert " ".join(after.split()) == f"To come back to this: {command}"
    assert termios.tcgetattr(s.theirs) == s.settings
    assert last_line_of_numbers(told(*command.split()[2:])).split()[1] == loss[1]  # and elsewhere it is the same


def test_a_visit_at_120_by_40_and_other_sizes(screen: Callable[..., Screen]) -> None:
    s = screen(120, 40, "--data", "spiral", "--epochs", "3")
    s.wait_for("As it was shared")
    assert (len(s.rows), max(map(len, s.rows))) == (40, 120)
    assert "what the units of layer 1 see" in "\n".join(s.rows)
    s.resize(80, 24)
    s.wait_until(lambda: len(s.rows) == 24)
    assert max(map(len, s.rows)) == 80
    s.resize(40, 10)
    s.wait_for("This window is 40×10")
    s.resize(100, 30)
    s.wait_until(lambda: len(s.rows) == 30)
    s.press("q")
    assert s.end()[0] == 0


def test_ctrl_c_leaves_cleanly(screen: Callable[..., Screen]) -> None:
    termios = pytest.importorskip("termios")
    s = screen(80, 24, NO_COLOR="1")
    s.wait_for("epoch 2 ")
    assert "▀" not in s.raw
    assert set("░▒▓") & set(s.raw)
    assert not re.search(r"\x1b\[[0-9;]*[34]\d", s.raw)
    s.process.send_signal(signal.SIGINT)
    status, after = s.end()
    assert status == 130
    assert re.search(r"^To come back to this: minidl playground --data circle --layers 4,2 --epochs \d+\s*$", after)
    assert termios.tcgetattr(s.theirs) == s.settings
