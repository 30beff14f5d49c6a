"""The kind of primitive that ReLU is: elementwise, with a kernel for its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...graph import Node
from ...graph.mode import state
from ...kernels import ARRAYS, backend_of
from ..kinds import Elementwise, Value


class Rectifier(Elementwise):
    """ReLU, whose gradient of arrays is one pass of a kernel; of tensors and symbols it is its rule, step by step."""

    def vjp(
        self, g: Value, out: Value, inputs: Sequence[Value], saved: Any, params: dict[str, Any], needs: Sequence[bool]
    ) -> list[Value]:
        """Upstream where the result is positive."""
        if not state.plain and state.tape is not None and not state.recording and isinstance(g, Node):
            found: list[Value] = state.tape.derivative(self, g, out, inputs, saved, params, needs)
            return found
        if isinstance(g, ARRAYS) and isinstance(out, ARRAYS):
            return [backend_of([g]).relu_back(g, out)]
        return super().vjp(g, out, inputs, saved, params, needs)
