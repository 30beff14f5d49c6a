"""How much of the machine others use: a measurement is believable only where that is little.

On Linux the kernel counts the seconds that all cores were busy; what this process and its finished children did not use is
the others', what a hypervisor took away included. Elsewhere nobody knows, and the tables say so.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

QUIET: Final = 0.10
"""Others may use so much of all cores and the machine still counts as idle."""

_STAT: Final = Path("/proc/stat")
_TICK: Final = 1 / os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0.01


def _spent() -> tuple[float, float, float]:
    """The time, the seconds that the cores were busy, and those that were ours."""
    user, nice, system, _, _, *rest = (int(part) for part in _STAT.read_text().splitlines()[0].split()[1:])
    ours = os.times()
    return (
        time.perf_counter(),
        _TICK * (user + nice + system + sum(rest[:3])),
        ours.user + ours.system + ours.children_user + ours.children_system,
    )


class Others:
    """From its making on, which share of all cores others use.

    >>> 0.0 <= (Others().share() or 0.0) <= 1.0
    True
    """

    def __init__(self) -> None:
        self._began = _spent() if _STAT.exists() else None

    def share(self) -> float | None:
        """The share so far, from 0 to 1; None where it is not known."""
        if self._began is None:
            return None
        seconds, busy, ours = (now - then for now, then in zip(_spent(), self._began, strict=True))
        return min(1.0, max(0.0, (busy - ours) / ((os.cpu_count() or 1) * max(seconds, _TICK))))


def wait(limit: float, sample: float = 0.5) -> float | None:
    """Wait until others leave the machine alone for `sample` seconds, at most `limit` seconds; return their last share."""
    until = time.perf_counter() + limit
    while True:
        others = Others()
        time.sleep(sample)
        share = others.share()
        if share is None or share <= QUIET or time.perf_counter() >= until:
            return share
