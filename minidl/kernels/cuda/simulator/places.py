"""Places in a kernel's text: which expression a function is called from."""

from __future__ import annotations

import functools
from types import CodeType, FrameType

Place = tuple[CodeType, int, int]
"""A function's code, with the line and column of an expression in it."""


@functools.lru_cache(maxsize=1024)
def _positions(code: CodeType) -> list[tuple[int, int]]:
    return [(line or 0, column or 0) for line, _, column, _ in code.co_positions()]


def place_of(frame: FrameType) -> Place:
    """The expression that a frame is at.

    Bytecode offsets would not do: Python's adaptive interpreter reports others for the same expression once it is warm.
    """
    line, column = _positions(frame.f_code)[frame.f_lasti // 2]
    return frame.f_code, line, column


@functools.lru_cache(maxsize=1024)
def variable(place: Place) -> str:
    """The name that the text gives to the value of an expression: `tile` in `tile = cuda.shared.array(…)`."""
    import dis

    code, line, column = place
    found = False
    for instruction, at in zip(dis.get_instructions(code, show_caches=True), _positions(code), strict=True):
        found = found or at == (line, column)
        if found and instruction.opname.startswith("STORE_"):
            name = instruction.argval
            return str(name[0] if isinstance(name, tuple) else name)
    return "array"
