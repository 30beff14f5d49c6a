"""Reading keys from a real pseudo-terminal."""

from __future__ import annotations

import os
import sys
import threading
import time
import types
from collections.abc import Iterator

import pytest

from tutorials.terminal import keys

pty = pytest.importorskip("pty")
termios = pytest.importorskip("termios")


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A pseudo-terminal in place of the keyboard; gives the end that types."""
    types, reads = pty.openpty()
    with open(reads, encoding="utf-8", closefd=False) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield types
    os.close(types)
    os.close(reads)


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        (b"\x1b[C\x1b[D\x1bOA", ["right", "left", "up"]),
        (b"-4\r", ["-", "4", "enter"]),
        ("−½x".encode(), ["−", "½", "x"]),
        (b"\x7f\x0c", ["backspace", "resized"]),
        (b"\x1b[15~q", ["\x1b[15~", "q"]),
        (b"\x04", ["end"]),
        (b"\xffq", ["\ufffd", "q"]),
    ],
)
def test_keys_have_names(typed: bytes, names: list[str], keyboard: int) -> None:
    with keys.keyboard() as reader:
        # The first read puts the terminal into its key-by-key mode; what is typed before that waits for it.
        threading.Timer(0.05, os.write, (keyboard, typed)).start()
        assert [reader.read() for _ in names] == names


def test_what_is_typed_ahead_is_kept(keyboard: int) -> None:
    with keys.keyboard() as reader:
        threading.Timer(0.05, os.write, (keyboard, b"1")).start()
        assert reader.read() == "1"
        os.write(keyboard, b"2")
        time.sleep(0.05)
        os.write(keyboard, b"3")
        assert [reader.read(), reader.read()] == ["2", "3"]


def test_a_lone_escape_does_not_wait_for_another_key(keyboard: int) -> None:
    with keys.keyboard() as reader:
        threading.Timer(0.05, os.write, (keyboard, b"\x1b")).start()
        assert reader.read() == "escape"
        os.write(keyboard, b"q")
        assert reader.read() == "q"


def test_a_change_of_size_is_noticed(keyboard: int, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = iter([(80, 24), (80, 24), (100, 40), (100, 40), (100, 40)])
    monkeypatch.setattr(keys, "_size", lambda: next(sizes))
    monkeypatch.setattr(keys, "SIZE_SECONDS", 0.01)
    with keys.keyboard() as reader:
        assert reader.read() == "resized"


def test_the_terminal_is_left_as_it_was_found(keyboard: int) -> None:
    reads = sys.stdin.fileno()
    before = termios.tcgetattr(reads)
    with keys.keyboard() as reader:
        threading.Timer(0.05, os.write, (keyboard, b"q")).start()
        reader.read()
        assert termios.tcgetattr(reads)[3] != before[3]
    assert termios.tcgetattr(reads)[3] == before[3]


def test_on_windows_a_change_of_size_is_noticed_between_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    readchar = pytest.importorskip("readchar")
    hits, sizes = iter([False, False, True]), iter([(80, 24), (80, 24), (120, 40), (120, 40)])
    console = types.ModuleType("msvcrt")
    console.kbhit = lambda: next(hits)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "msvcrt", console)
    monkeypatch.setitem(sys.modules, "termios", None)
    monkeypatch.setattr(keys, "_size", lambda: next(sizes))
    monkeypatch.setattr(keys, "SIZE_SECONDS", 0.0)
    monkeypatch.setattr(readchar, "readkey", lambda: "\x00H")
    with keys.keyboard() as reader:
        assert [reader.read(), reader.read()] == ["resized", "up"]


def test_elsewhere_readchar_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    readchar = pytest.importorskip("readchar")
    typed = iter(["\x00M", "\r", "a", ""])
    monkeypatch.setitem(sys.modules, "termios", None)
    monkeypatch.setattr(readchar, "readkey", lambda: next(typed))
    with keys.keyboard() as reader:
        assert [reader.read() for _ in range(4)] == ["right", "enter", "a", "end"]
