"""Waiting for a key no longer than wanted."""

from __future__ import annotations

import os
import sys
import time
from types import SimpleNamespace

import pytest

from tutorials.terminal import keys


def test_a_key_is_waited_for_and_left_to_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    pty = pytest.importorskip("pty")
    types, reads = pty.openpty()
    with open(reads, encoding="utf-8", closefd=False) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        with keys.keyboard() as reader:
            began = time.monotonic()
            assert not reader.ready(0.02)
            assert time.monotonic() - began >= 0.02
            os.write(types, b"a\x1b[A")
            assert reader.ready(5)
            assert reader.ready(0)
            assert reader.read() == "a"
            assert reader.ready(0)
            assert reader.read() == "up"
            assert not reader.ready(0)
    os.close(types)
    os.close(reads)


def test_where_readchar_reads_the_console_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    hits = iter([0, 0, 1, 0])
    monkeypatch.setitem(sys.modules, "termios", None)
    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(kbhit=lambda: next(hits)))  # type: ignore[arg-type]
    with keys.keyboard() as reader:
        assert reader.ready(30)
        assert not reader.ready(0)
        assert next(hits, None) is None
