"""The primitive: an operation the engine knows, and the one place where running it leaves a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import Parameter, Signature
from types import MethodType
from typing import Any, ClassVar

import numpy as np

from ..errors import DtypeError, MinidlError, NotOnDeviceError, ShapeError, UsageError
from ..kernels import ARRAYS, backend_of, cpu
from ..kernels.cuda.elementwise.fusion import by_one_kernel
from ..kernels.device import on_one_device
from ..kernels.dtypes import promote, require_numbers
from .anomaly import remember
from .mode import silence, state
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


def _signature(arguments: Sequence[str], parameters: Mapping[str, Any]) -> Signature:
    """How it is called, for `help`, editors and the reference."""
    kind = Parameter.POSITIONAL_OR_KEYWORD
    inputs = [Parameter(name, kind) for name in arguments] or [Parameter("inputs", Parameter.VAR_POSITIONAL)]
    named = kind if arguments else Parameter.KEYWORD_ONLY
    return Signature([*inputs, *(Parameter(name, named, default=value) for name, value in parameters.items())])


float64 = np.float64
_CPU = cpu.backend


def _are_doubles(arrays: Sequence[Any]) -> bool:
    """Whether one or two values are scalars, or one of them is and the other a plain float."""
    first, last = arrays[0].__class__, arrays[-1].__class__
    return (first is float64 and (last is float64 or last is float)) or (first is float and last is float64)


_PLAIN = (*ARRAYS, np.generic, int, float, complex)


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
            or `"float"` (promotion, and integers become the default float) or `"exact"` (promotion, but a Python int that
            the dtype cannot hold keeps its value, as a comparison needs).
        saves: whether `forward` returns `(result, saved)`.
        views: whether the result may share memory with its (only) input, so that a change of one is a change of both.
        arguments: what its inputs are called; none where it takes any number of them.
        parameters: its other arguments, in order, with their defaults.
        operator: what does the same to one or two doubles, and for two also to arrays of one dtype, such as Python's `*`.
            NumPy's functions take ten times as long on a single number.
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
        arguments: tuple[str, ...] = (),
        parameters: Mapping[str, Any] | None = None,
        operator: Callable[..., Any] | None = None,
    ) -> None:
        self.__name__ = self.name = name
        self.arguments = arguments
        self.parameters = dict(parameters or {})
        self._arity = len(arguments)
        self.__signature__ = _signature(self.arguments, self.parameters)
        self.forward = forward
        self.notation = notation
        self.promotion = promotion
        self.saves = saves
        self.views = views
        self.explain = explain
        self.operator = operator

    def __repr__(self) -> str:
        return f"<{self.kind} primitive {self.name}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Primitive:
        """Itself: there is one of each, by which graphs are read, also where a copied module holds it."""
        return self

    def __call__(self, *inputs: Value, **params: Any) -> Value:  # noqa: D102  (the class says it)
        if self._arity and (
            len(inputs) != self._arity or ((params or self.parameters) and params.keys() != self.parameters.keys())
        ):
            inputs, params = self._bind(inputs, params)
        arrays: list[Any] = []
        node_class: type[Node] | None = None
        record = False
        for x in inputs:
            if isinstance(x, Node):
                arrays.append(x._data)
                if node_class is None:
                    node_class = x.result_class
                if x._requires_grad:
                    record = True
            elif isinstance(x, _PLAIN):
                arrays.append(x)
            elif hasattr(x, "__primitive__"):
                return x.__primitive__(self, inputs, params)
            else:
                arrays.append(self._not_foreign(x))
        result, saved = self.compute(arrays, params, inputs)
        if node_class is None:
            return result
        if record:
            record = state.recording and self.kind != "constant"
            if record and (kind := result.dtype.kind) != "f":
                if kind == "c":
                    raise DtypeError(
                        f"{self.name}: the result is {result.dtype}, and complex values have no gradients here; "
                        "compute it from x.detach()"
                    )
                record = False
        out = self.node_of(result, node_class, record, inputs, params or NO_PARAMS, saved)
        if record and not state.plain and state.anomaly:
            remember(out, arrays)
        if self.views and isinstance(inputs[0], Node) and np.may_share_memory(result, arrays[0]):
            out.shares_memory_with(inputs[0])
            if not (out._requires_grad or inputs[0]._requires_grad):
                out.own_extras().view = (self, params, inputs[0])
        return out

    def node_of(
        self,
        result: Any,
        node_class: type[Node],
        record: bool,
        inputs: tuple[Value, ...],
        params: dict[str, Any],
        saved: Any,
    ) -> Node:
        """A node that holds a result, and remembers the call where `record` says so; else it is a leaf."""
        out: Node = node_class.__new__(node_class)
        out._data = result
        out._requires_grad = record
        out.order = next(clock)
        out.scope = state.scope
        if record:
            out.primitive = self
            out.inputs = inputs
            out.params = params
            out.saved = saved
        else:
            out.primitive = out.saved = None
            out.inputs = ()
            out.params = NO_PARAMS
        out.name = out.extras = out._grad = out._changes = None
        return out

    def _not_foreign(self, x: Any) -> Any:
        """Refuse arrays that live elsewhere; what is no array at all is refused by the dtypes' rules."""
        if hasattr(x, "dtype") or hasattr(x, "__dlpack__"):
            raise DtypeError(
                f"{self.name}: got a {type(x).__module__}.{type(x).__qualname__}, an array of another library or device; "
                "here tensors, NumPy arrays and numbers meet: convert it first, as in minidl.tensor(numpy.asarray(x))"
            )
        return x

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        """As a class's attribute it is a method."""
        return self if owner is None else MethodType(self, owner)

    def _bind(self, inputs: tuple[Value, ...], params: dict[str, Any]) -> tuple[tuple[Value, ...], dict[str, Any]]:
        """Sort arguments given by name or by position into inputs and parameters, and fill in the defaults.

        Raises:
            UsageError: too few, too many, or unknown ones.
        """
        names = (*self.arguments, *self.parameters)
        if len(inputs) > len(names):
            raise UsageError(f"{self.name} takes {', '.join(names)}; got {len(inputs)} arguments")
        given = dict(zip(names, inputs, strict=False))
        for name, value in params.items():
            if name not in names:
                raise UsageError(f"{self.name} has no argument {name!r}; it takes {', '.join(names)}")
            if name in given:
                raise UsageError(f"{self.name} got its argument {name!r} twice")
            given[name] = value
        missing = [name for name in self.arguments if name not in given]
        if missing:
            raise UsageError(f"{self.name} takes {', '.join(names)}; {missing[0]} is missing")
        return tuple(given[n] for n in self.arguments), {n: given.get(n, d) for n, d in self.parameters.items()}

    def compute(self, arrays: Sequence[Any], params: dict[str, Any], inputs: Sequence[Value] = ()) -> tuple[Any, Any]:
        """Run the forward rule on arrays alone and return `(result, saved)`; nothing is recorded.

        Raises:
            ShapeError: the shapes do not fit; the message shows them and says what would.
            DtypeError: the dtypes do not fit.
        """
        if not state.plain:
            if state.tape is not None:
                return state.tape.compute(self, arrays, params, inputs)
            if state.profiler is not None:
                return state.profiler.compute(self, arrays, params, inputs)
        if self.operator is not None and _are_doubles(arrays):
            return silence.copy().run(self.operator, *arrays), None
        xp, forward = backend_of(arrays, params), self.forward
        if xp is not _CPU:
            arrays = on_one_device(self.name, arrays, params, [isinstance(x, Node) for x in inputs])
            if self.kind == "elementwise":
                forward = partial(by_one_kernel, forward)
        if self.promotion is not None:
            arrays = promote(arrays, to_float=self.promotion == "float", exact=self.promotion == "exact")
        else:
            for a in arrays:
                if a.__class__ is not np.ndarray:
                    require_numbers(a)
        try:
            if self.views or state.quiet:  # a view computes nothing that could overflow
                result = forward(xp, *arrays, **params)
            else:
                result = silence.copy().run(forward, xp, *arrays, **params)
        except NotOnDeviceError as error:
            raise NotOnDeviceError(f"{self.name}: {error}") from error
        except MinidlError:
            raise
        except (ValueError, IndexError) as error:
            raise ShapeError(self._explain(error, inputs or arrays, arrays, params)) from error
        except (AttributeError, TypeError, OverflowError, ZeroDivisionError) as error:
            raise DtypeError(f"{self.name}: {error}") from error
        result, saved = result if self.saves else (result, None)
        if result.__class__ is not np.ndarray or not result.ndim:
            result = xp.wrap(result, arrays)
        return result, saved

    def _explain(self, error: Exception, inputs: Sequence[Value], arrays: Sequence[Any], params: dict[str, Any]) -> str:
        shapes = [getattr(a, "shape", ()) for a in arrays]
        labels = [(x.name if isinstance(x, Node) else None) or "xyzuvw"[i % 6] for i, x in enumerate(inputs)]
        message = self.explain(*shapes, **params) if self.explain else None
        message = message.format(*labels) if message else None
        if message is not None and not message.startswith(self.name):
            message = f"{self.name}: {message}"
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
