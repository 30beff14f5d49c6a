"""What `minidl playground` does: live where there is a terminal, a summary where there is none."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Final

from rich.console import Console

from minidl.errors import UsageError
from tutorials.terminal.keys import LiveKeys, keyboard

from .live import Live
from .plain import summary
from .session import Session, read_change
from .settings import Settings, read
from .terminal import Terminal

INTERRUPTED: Final = 130
EPOCHS: Final = 100
"""How many, where there is no terminal and none were asked for."""


def run(
    words: dict[str, str],
    changes: Sequence[str] = (),
    epochs: int | None = None,
    *,
    plain: bool = False,
    console: Console | None = None,
    keys: LiveKeys | None = None,
) -> int:
    """Carry out `minidl playground` and return its exit status.

    Args:
        words: settings as they were typed; those that are missing are as usual.
        changes: settings that change while the network learns, `EPOCH:SETTING=VALUE`.
        epochs: how many to train for: before the first pause, or altogether where there is no terminal.
        plain: lines of text also where there is a terminal.
        console: where to draw; the process's own where None.
        keys: the keyboard.

    Returns:
        0; or 130 after Ctrl-C.

    Raises:
        UsageError: a setting is none of those that there are.
    """
    if epochs is not None and epochs < 0:
        raise UsageError(f"--epochs: a whole number from 0; got {epochs}")
    planned = [read_change(word) for word in changes]
    if late := [change for change in planned if epochs is not None and change.epoch > epochs]:
        raise UsageError(f"--change {late[0]} comes after the last epoch, {epochs}")
    session = Session(Settings(**read(words)), planned)
    console = console or Console(highlight=False, markup=False, emoji=False)
    if plain or not _is_live(console, keys):
        for line in summary(session, EPOCHS if epochs is None else epochs):
            print(line, file=console.file, flush=True)
        return 0
    status = 0
    try:
        Live(session, Terminal(console), keys or keyboard(), epochs).run()
    except KeyboardInterrupt:
        status = INTERRUPTED
    print(f"To come back to this: {session.command()}", file=console.file)
    return status


def _is_live(console: Console, keys: LiveKeys | None) -> bool:
    """Whether keys can be read, and a screen drawn."""
    reads = keys is not None or (sys.stdin is not None and sys.stdin.isatty())
    dumb = os.environ.get("TERM", "").lower() == "dumb"
    return reads and console.is_terminal and not dumb and not console.legacy_windows
