"""The primitive: an operation the engine knows, and the one place where running it leaves a record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..errors import DtypeError, MinidlError, ShapeError
from ..kernels import backend_of
from ..kernels.dtypes import promote, require_numbers
from .mode import state
from .node import NO_PARAMS, Node, clock

Value = Any
"""What a rule may be fed: an array, a plain number, a node, or anything else that answers `__primitive__`."""


@dataclass(frozen=True, slots=True)
class Notation:
    """How a textbook writes an operation.

    Attributes:
        symbol: what stands in the operation's circle in a figure: `+`, `σ`, `‖·‖²`.
        formula: the expression, with `{0}`, `{1}` for the arguments and `{dim}` for parameters: `{0} + {1}`.
        level: how tightly the expression binds (1 sum, 2 product, 3 power, 9 a closed form such as `f(x)`).
        argument_levels: the looseness each argument may have before it needs parentheses; the last one repeats.
    """

    symbol: str
    formula: str
    level: int = 9
    argument_levels: tuple[int, ...] = (0,)

    def argument_level(self, i: int) -> int:
        """The level below which argument `i` is put in parentheses."""
        return self.argument_levels[min(i, len(self.argument_levels) - 1)]


class Primitive:
    """An operation with its forward rule. The four kinds, which add derivatives, are in `minidl.primitives.kinds`.

    Calling it with arrays or numbers computes. Calling it with nodes computes and, when recording is on and an input
    requires a gradient, returns a node that remembers the call. Anything else that defines `__primitive__(primitive,
    inputs, params)`, such as a symbol that prints itself, handles the call in its own way.

    Attributes:
        name: its name, PyTorch's where PyTorch has the operation.
        forward: `forward(xp, *arrays, **params)` → the result, computed with the functions of the backend `xp`.
        notation: how a textbook writes it.
        promotion: how inputs of different dtypes meet: None (they must already agree), `"same"` (PyTorch's promotion)
            or `"float"` (promotion, and integers become the default float).
        saves: whether `forward` returns `(result, saved)`.
        views: whether the result may share memory with its (only) input, so that a change of one is a change of both.
    """

    kind: ClassVar[str] = "constant"

    def __init__(
        self,
        name: str,
        forward: Callable[..., Value],
        notation: Notation,
        *,
        promotion: str | None = None,
        saves: bool = False,
        views: bool = False,
        explain: Callable[..., str | None] | None = None,
    ) -> None:
        self.name = name
        self.forward = forward
        self.notation = notation
        self.promotion = promotion
        self.saves = saves
        self.views = views
        self.explain = explain

    def __repr__(self) -> str:
        return f"<{self.kind} primitive {self.name}>"

    def __call__(self, *inputs: Value, **params: Any) -> Value:  # noqa: D102  (the class says it)
        if params and ("input" in params or "other" in params):  # PyTorch's names for what usually comes without one
            inputs = (*inputs, *(params.pop(name) for name in ("input", "other") if name in params))
        arrays: list[Any] = []
        node_class: type[Node] | None = None
        record = False
        for x in inputs:
            if isinstance(x, Node):
                arrays.append(x._data)
                if node_class is None:
                    node_class = x.result_class
                if x.requires_grad:
                    record = True
            elif hasattr(x, "__primitive__"):
                return x.__primitive__(self, inputs, params)
            else:
                arrays.append(x)
        result, saved = self.compute(arrays, params, inputs)
        if node_class is None:
            return result
        out: Node = node_class.__new__(node_class)
        out._data = result
        out.grad = None
        out.retains_grad = False
        out.freed = False
        out.name = None
        out.order = next(clock)
        out._changes = None
        out.scope = state.scope
        if record and state.recording and self.kind != "constant" and result.dtype.kind in "fc":
            out.requires_grad = True
            out.primitive = self
            out.inputs = inputs
            out.params = params
            out.saved = saved
        else:
            out.requires_grad = False
            out.primitive = None
            out.inputs = ()
            out.params = NO_PARAMS
            out.saved = None
        if self.views and isinstance(inputs[0], Node) and np.may_share_memory(result, arrays[0]):
            out.shares_memory_with(inputs[0])
        return out

    def compute(self, arrays: Sequence[Any], params: dict[str, Any], inputs: Sequence[Value] = ()) -> tuple[Any, Any]:
        """Run the forward rule on arrays alone and return `(result, saved)`; nothing is recorded.

        Raises:
            ShapeError: the shapes do not fit; the message shows them and says what would.
            DtypeError: the dtypes do not fit.
        """
        xp = backend_of(arrays)
        if self.promotion is not None:
            arrays = promote(arrays, to_float=self.promotion == "float")
        else:
            for a in arrays:
                require_numbers(a)
        try:
            if state.quiet or self.views:  # a view computes nothing that could overflow
                result = self.forward(xp, *arrays, **params)
            else:
                with xp.errstate(all="ignore"):  # infinities and NaN are results like any other
                    result = self.forward(xp, *arrays, **params)
        except MinidlError:
            raise
        except (ValueError, IndexError) as error:
            raise ShapeError(self._explain(error, inputs or arrays, arrays, params)) from error
        except (TypeError, OverflowError, ZeroDivisionError) as error:
            raise DtypeError(f"{self.name}: {error}") from error
        result, saved = result if self.saves else (result, None)
        return xp.wrap(result, arrays), saved

    def _explain(self, error: Exception, inputs: Sequence[Value], arrays: Sequence[Any], params: dict[str, Any]) -> str:
        shapes = [getattr(a, "shape", ()) for a in arrays]
        labels = [(x.name if isinstance(x, Node) else None) or "xyzuvw"[i % 6] for i, x in enumerate(inputs)]
        message = self.explain(*shapes, **params) if self.explain else None
        message = message.format(*labels) if message else None
        if message is None:
            message = f"{self.name} of {', '.join(map(str, shapes))}: {error}"
        names = [f"{x.name} {x.shape}" for x in inputs if isinstance(x, Node) and x.name]
        return f"{message} (given {', '.join(names)})" if names else message

    # What the kinds add -------------------------------------------------------------------------------------------------

    def vjp(
        self, g: Value, out: Value, inputs: Sequence[Value], saved: Any, params: dict[str, Any], needs: Sequence[bool]
    ) -> list[Value]:
        """Send the upstream gradient `g` back: one contribution an input, None where `needs` is false or it is zero."""
        raise NotImplementedError(f"{self.name} has no derivative")

    def reads(self, i: int, count: int) -> set[int]:
        """Which values the rule for argument `i` of `count` looks at: input positions, and −1 for the output's own.

        Where a value is not read, it may be changed after use without harm to the derivative. The careful default is all.
        """
        return {-1, *range(count)}

    def jvp(
        self, tangents: Sequence[Value], out: Value, inputs: Sequence[Value], saved: Any, params: dict[str, Any]
    ) -> Value:
        """Push the inputs' tangents (None for zero) forward to the output's."""
        raise NotImplementedError(f"{self.name} has no derivative")
