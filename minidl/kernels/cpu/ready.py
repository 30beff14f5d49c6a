"""Kernels bound to memory: what a program that repeats itself decides once, and then only calls.

A backend function checks its arguments, brings them into the kernel's layout, plans the kernel's work, makes room for the
result and calls the kernel. Of all this only the last depends on the numbers. To prepare a function is to do the rest once:

    prepare(outs, *args, **kwargs) → run

`args` and `kwargs` are the backend function's own. `run()` computes from what the arrays hold at that time, into the arrays
`outs`, which lie as the function's own results do. `prepare` returns None where it has no way to do so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Run = Callable[[], Any]
Prepare = Callable[..., "Run | None"]

PREPARE: dict[str, Prepare] = {}
"""What prepares the backend's function of a name."""


def prepares(name: str) -> Callable[[Prepare], Prepare]:
    """Enter what prepares the backend's function of that name."""

    def enter(prepare: Prepare) -> Prepare:
        PREPARE[name] = prepare
        return prepare

    return enter


def following(array: Array, change: Callable[[Array], Array]) -> tuple[Array, Run | None]:
    """`change(array)`, and what makes it follow the array's numbers: nothing if it is a view."""
    made = change(array)
    if np.may_share_memory(made, array):
        return made, None
    return made, lambda: np.copyto(made, change(array))


def in_turn(*runs: Run | None) -> Run:
    """Do one after the other; None is nothing to do."""
    todo = [run for run in runs if run is not None]
    if len(todo) == 1:
        return todo[0]

    def run() -> None:
        for one in todo:
            one()

    return run
