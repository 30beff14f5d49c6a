"""What the recorder writes down besides computations: draws of random numbers, writes into memory, shapes set by data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .program import slots_in
from .watched import unwatched

if TYPE_CHECKING:
    from .recorder import Recorder


class Draws:
    """Stands in for NumPy's generator while a tape records."""

    def __init__(self, recorder: Recorder, generator: Any, source: np.random.Generator) -> None:
        self._recorder, self._generator, self._source = recorder, generator, source

    def __getattr__(self, name: str) -> Any:
        method, recorder, generator = getattr(self._source, name), self._recorder, self._generator
        if not callable(method):
            return method

        def draw(*args: Any, **kwargs: Any) -> Any:
            slots, named = recorder.with_slots(args), recorder.with_slots(kwargs)
            numbers = np.asarray(method(*unwatched(args), **unwatched(kwargs)))
            out = recorder.new_slot("result", numbers)

            def again(*given: Any, **named_too: Any) -> Any:
                return getattr(generator.numpy, name)(*given, **named_too)

            recorder.note(name, "draw", again, *slots, kwargs=named, outs=(out,), owner=generator, wraps=True)
            return recorder.watched(numbers, out)

        return draw


_SIZED_BY_DATA = {
    "nonzero", "argwhere", "flatnonzero", "unique", "compress", "extract", "bincount", "repeat", "trim_zeros", "union1d",
    "intersect1d", "setdiff1d", "delete", "masked_select", "repeat_interleave", "unique_consecutive",
}  # fmt: skip
"""Functions whose result has a shape that depends on numbers."""


def sized_by_data(name: str, arguments: Any) -> bool:
    """Whether the shape of a function's result depends on numbers: with a mask as its index it does."""
    return name in _SIZED_BY_DATA or (name == "getitem" and any(slot.dtype == np.bool_ for slot in slots_in(arguments)))


def assign(memory: Any, index: Any, chosen: Any, value: Any) -> None:
    """Put numbers into an array."""
    if isinstance(chosen, tuple) and not chosen:
        memory[index] = value
    else:
        memory[index][chosen] = value
