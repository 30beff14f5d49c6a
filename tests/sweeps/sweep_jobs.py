"""Functions for the tests to sweep, at the top level of a file so that worker processes can import them."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Setting = Mapping[str, Any]


def square(setting: Setting) -> dict[str, float]:
    return {"y": setting["x"] ** 2, "pid": os.getpid()}


def slow_first(setting: Setting) -> dict[str, float]:
    """The earlier in the list, the later it ends."""
    time.sleep(0.3 / (1 + setting["x"]))
    return {"y": setting["x"]}


def fussy(setting: Setting) -> dict[str, float]:
    if setting["x"] == 2:
        raise ArithmeticError("two is not my number")
    return {"y": setting["x"]}


def draws(setting: Setting) -> dict[str, float]:
    import minidl

    return {"y": minidl.rand(1).item()}


def deadly(setting: Setting) -> dict[str, float]:
    """Kills its own process at 2; the others take long enough to be running at that moment."""
    if setting["x"] == 2:
        os.kill(os.getpid(), signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    time.sleep(0.2)
    return {"y": setting["x"]}


def killed_once(setting: Setting) -> dict[str, float]:
    """Whoever meets `mark` first is ended by the system; later nothing happens."""
    mark = Path(setting["mark"])
    if setting["x"] == 1 and not mark.exists():
        mark.touch()
        os._exit(9)
    time.sleep(0.1)
    return {"y": setting["x"]}


def leaves(setting: Setting) -> dict[str, float]:
    sys.exit(3)


def threads(setting: Setting) -> dict[str, float]:
    import numba
    import numpy as np
    import threadpoolctl

    np.ones((4, 4)) @ np.ones((4, 4))
    blas = threadpoolctl.ThreadpoolController().select(user_api="blas").lib_controllers
    return {"numba": numba.get_num_threads(), "blas": max(library.num_threads for library in blas)}
