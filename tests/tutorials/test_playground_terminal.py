"""The terminal that the playground draws on: what is written, and what becomes of Ctrl-Z."""

from __future__ import annotations

import io
import os
import signal
import sys

import pytest
from rich.console import Console
from rich.text import Text

from tutorials.playground.terminal import Terminal


def make_console() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=80, height=24, legacy_windows=False)


def written(console: Console) -> str:
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_only_what_has_changed_is_written() -> None:
    console = make_console()
    with Terminal(console) as terminal:
        terminal.show([Text("one"), Text("two")])
        before = written(console)
        terminal.show([Text("one"), Text("two")])
        assert written(console) == before
        terminal.show([Text("one"), Text("TWO")])
        assert written(console)[len(before) :] == "\x1b[?2026h\x1b[2;1HTWO\x1b[0m\x1b[K\x1b[?2026l"
        terminal.show([Text("one"), Text("x" * 80)])
        assert written(console).endswith("x\x1b[0m\x1b[?2026l")  # to erase the rest of a full row takes its last letter
        terminal.show([Text("one"), Text("TWO")])
        terminal.forget()
        terminal.show([Text("one"), Text("TWO")])
        assert written(console).count("\x1b[2J") == 2


@pytest.mark.skipif(sys.platform == "win32", reason="there a program cannot be suspended")
def test_a_suspended_playground_gives_the_screen_back_and_takes_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    console = make_console()
    sent: list[int] = []
    monkeypatch.setattr(os, "kill", lambda process, number: sent.append(number))
    before = signal.getsignal(signal.SIGTSTP)
    with Terminal(console) as terminal:
        terminal.show([Text("one")])
        signal.raise_signal(signal.SIGTSTP)
        assert sent == [signal.SIGTSTP]
        assert written(console).endswith("\x1b[?25h\x1b[?1049l\x1b[?1049h\x1b[?25l")
        terminal.show([Text("one")])
        assert written(console).count("one") == 2
    assert signal.getsignal(signal.SIGTSTP) == before
