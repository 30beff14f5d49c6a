"""Memory that stays: what large arrays leave behind is kept for the next step.

A training step makes the same arrays as the one before it. The C library of Linux, glibc, gives large blocks back to the
system when they are freed, and the system hands out each page of a new one, 4096 bytes, only when it is first written to, full
of zeros. A step of ResNet-20 (32 images) then waits for 14,000 to 75,000 pages, a quarter of its time or more.

Two of glibc's settings decide it, and only both together help: blocks of up to 32 MiB, the most it takes, come from the heap
instead of from the system one by one (`M_MMAP_THRESHOLD`), and the heap's free end goes back to the system only when it is
larger than `KEPT` (`M_TRIM_THRESHOLD`). A third, `M_TOP_PAD`, would do alone, but makes every thread's heap larger at once.
With both, a step waits for no page at all. The price: the process holds on to memory that it once used, and with it what other
libraries' large arrays leave; `ctypes.CDLL(None).malloc_trim(0)` gives it back. The most that a step needs does not grow.

Elsewhere (macOS, Windows, musl) this does nothing, nor where the environment has settings of its own.
"""

from __future__ import annotations

import ctypes
import os

from .paths import enabled

KEPT = 1 << 30
"""So much free memory at the end of the heap stays with the process."""

_LARGEST = 32 << 20
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_CHOSEN_BY_USER = ("GLIBC_TUNABLES", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")


def keep_memory() -> bool:
    """Have freed memory kept from now on, in the whole process; returns whether that was done."""
    if not (_is_glibc() and enabled("heap")) or any(name in os.environ for name in _CHOSEN_BY_USER):
        return False
    return _set()


def _set() -> bool:
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGEST) and mallopt(_M_TRIM_THRESHOLD, KEPT))


def _is_glibc() -> bool:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (AttributeError, OSError, ValueError):  # Windows has no confstr; other systems do not know this name
        return False
