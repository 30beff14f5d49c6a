"""A derivative rule on a tape: run on arrays, where it may be a kernel of its own, and written down as one instruction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..graph import Node, Primitive, data_of
from ..graph.mode import state
from ..kernels import backend_of
from .hearing import hearing, known_arrays, one_call
from .program import Slot, leaves_of, rebuilt
from .watched import unwatched

if TYPE_CHECKING:
    from .recorder import Recorder


def derivative(
    recorder: Recorder, primitive: Primitive, g: Any, out: Any, inputs: Sequence[Any], saved: Any, params: dict[str, Any],
    needs: Sequence[bool],
) -> list[Any]:  # fmt: skip
    """Run a rule on arrays, which may be a kernel of its own, and write it down as one instruction."""
    keep = [i for i, need in enumerate(needs) if need]

    def rule(g: Any, out: Any, inputs: Any, saved: Any, params: Any) -> Any:
        sent = primitive.vjp(g, out, inputs, saved, params, needs)
        return [np.asarray(sent[i]) for i in keep if sent[i] is not None]

    given = (g, out, tuple(inputs), saved, params)
    slots = recorder.with_slots(given)
    plain = rebuilt(given, lambda leaf: unwatched(data_of(leaf)))
    state.tape = None
    try:
        with hearing() as heard:
            sent = primitive.vjp(*(*plain, needs))
    finally:
        state.tape = recorder
    sources = [(data_of(a), s) for a, s in zip(leaves_of(plain), leaves_of(slots), strict=True) if isinstance(s, Slot)]
    result: list[Any] = []
    outs: list[Slot] = []
    for need, c in zip(needs, sent, strict=True):
        if not need or c is None:
            result.append(None)
            continue
        array = np.asarray(c)
        if recorder.known(array) is not None:
            array = array.view()
        outs.append(
            recorder.new_slot("result", array, shows=recorder.shown(array, *map(list, zip(*sources, strict=True))))
        )
        result.append(inputs[0].result_class(array) if isinstance(inputs[0], Node) else out.result_class(array))
    call = one_call(heard, known_arrays((plain, slots)) | {id(slot.array): slot for slot in outs}, outs)
    name, kept = f"{primitive.name}′", tuple(outs)
    if call is None or call.shape is not None:
        recorder.note(name, "numpy", rule, *slots, outs=kept, expected=kept)
    else:  # that function alone, of what it reads; what else the rule was given need not be kept for it
        expected = tuple(slot if slot.number >= 0 else None for slot in call.outs)
        function = getattr(backend_of([]), call.name)
        recorder.note(name, "numpy", function, *call.args, kwargs=call.kwargs, outs=kept, expected=expected, call=call)
    return result
