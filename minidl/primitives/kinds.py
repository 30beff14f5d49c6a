"""The four kinds of primitive. Each says in its own way how a small change of an input moves the output.

| kind         | declares                                  | backward (vjp)                  | forward (jvp)             |
|--------------|-------------------------------------------|---------------------------------|---------------------------|
| elementwise  | the partial derivative for each argument  | upstream × partial              | Σ tangent × partial       |
| linear       | its transpose                             | the transpose                   | itself, on the tangents   |
| multilinear  | a transpose for each argument             | the transposes                  | Σ itself, one tangent each|
| general      | vjp and jvp                               | as declared                     | as declared               |

A rule is an ordinary expression. Fed arrays it computes; fed tensors it builds a graph that can be drawn and
differentiated again; fed symbols it prints itself. A broadcast is undone in one place, here, after a rule has run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from ..graph import Node, Notation, Primitive
from ..graph.mode import silence, state
from ..graph.node import NO_PARAMS
from ..kernels import DeviceArray
from ..kernels.cuda.elementwise.fusion import are_plain, fused
from .mismatch import explain_broadcast
from .registered import Registered, Rule, Value, registry, shape_of
from .samples import Sample, Shape, refuses, sample
from .upstream import times, times_each

__all__ = [
    "Constant", "Elementwise", "General", "Linear", "Multilinear", "Primitive", "Rule", "Sample", "Shape", "Value",
    "expand_", "expand_to", "refuses", "registry", "sample", "shape_of", "sum_to", "sum_to_",
]  # fmt: skip

ndarray, float64 = np.ndarray, np.float64
_LARGE = 1 << 16
"""From so many elements on a backend's own functions, which share the work among threads, pay for the longer way to them."""


class Constant(Registered):
    """An operation whose result does not change with small changes of its inputs: comparisons, positions."""

    kind: ClassVar[str] = "constant"


class Elementwise(Registered):
    """One output element from one element of each input.

    It is public at once, as `minidl.NAME` and `x.NAME()` unless `homes` says otherwise.

    Attributes:
        partials: for each argument the derivative, a plain number or a rule `partial(out, *inputs, **params)`.
    """

    kind: ClassVar[str] = "elementwise"

    def __init__(
        self,
        name: str,
        notation: Notation,
        forward: Callable[..., Value],
        partials: Sequence[Rule | float],
        samples: Sequence[Sample],
        promotion: str = "same",
        homes: str = "minidl Tensor",
        arguments: Sequence[str] = ("input", "other"),
        **options: Any,
    ) -> None:
        self.partials = tuple(partials)
        self.adds = self.partials == (1, 1)
        if not options.get("doc"):
            written = options.get("formula") or notation.formula
            written = written.format("x", "y", "z", **{k: k for k in options.get("parameters", {})})
            options["doc"] = f"{written}, element by element."
        super().__init__(
            name,
            notation,
            forward,
            samples,
            promotion=promotion,
            explain=explain_broadcast,
            homes=homes,
            arguments=tuple(arguments)[: len(self.partials)],
            **options,
        )

    def pair(self, x: Node, y: Value) -> Value:
        """`self(x, y)`, sooner where both hold floating-point numbers of one dtype, or `y` is a plain float."""
        a, b, needs = x._data, y, x._requires_grad
        if isinstance(y, Node):
            b, needs = y._data, needs or y._requires_grad
        kind, other, operator = a.__class__, b.__class__, self.operator
        if (other is not kind and other is not float) or operator is None or not state.plain:
            return self(x, y)
        if kind is not float64:
            dtype = a.dtype if kind is ndarray else None
            if dtype is None or dtype.kind != "f" or a.size >= _LARGE or not (other is float or b.dtype is dtype):
                return self(x, y)
        try:
            result = silence.copy().run(operator, a, b)
        except ValueError:  # the shapes do not fit, which the long way tells
            return self(x, y)
        if result.__class__ is not kind:
            result = np.asarray(result)  # NumPy's result from arrays without axes is none
        return self.node_of(result, x.result_class, needs and state.recording, (x, y), NO_PARAMS, None)

    def partial(self, i: int, out: Value, inputs: Sequence[Value], params: Mapping[str, Any]) -> Value:
        """The local derivative ∂out/∂inputs[i]: a plain number where it is constant."""
        rule = self.partials[i]
        return rule(out, *inputs, **params) if callable(rule) else rule

    def reads(self, i: int, count: int) -> set[int]:
        """What the partial's own expression names."""
        import dis  # only needed on the way to an error

        rule = self.partials[i]
        if not callable(rule):
            return set()
        arguments = rule.__code__.co_varnames[: count + 1]  # out, then the inputs
        used = {step.argval for step in dis.get_instructions(rule) if step.opname.startswith("LOAD_FAST")}
        used = {name for part in used for name in (part if isinstance(part, tuple) else (part,))}
        used |= set(rule.__code__.co_cellvars)  # what a function inside the rule reads
        return {position - 1 for position, name in enumerate(arguments) if name in used}

    def vjp(
        self, g: Value, out: Value, inputs: Sequence[Value], saved: Any, params: dict[str, Any], needs: Sequence[bool]
    ) -> list[Value]:
        """Upstream × local; on a GPU all products by one kernel, where the rules are expressions."""
        sent: list[Value] | None = None
        if g.__class__ is DeviceArray and are_plain(params):
            key = self.partials, tuple(needs), tuple(params.items())
            rule = lambda g, out, *x: times_each(g, self._slopes(out, x, params, needs))  # noqa: E731
            sent = fused(key, rule, (g, out, *inputs))
        if sent is None:
            sent = times_each(g, self._slopes(out, inputs, params, needs))
        shape = shape_of(g)
        for i, x in enumerate(inputs):
            if needs[i] and x.shape != shape:
                sent[i] = sum_to(sent[i], shape_of(x))
        return sent

    def _slopes(
        self, out: Value, inputs: Sequence[Value], params: dict[str, Any], needs: Sequence[bool]
    ) -> list[Value]:
        """The local derivatives that are needed."""
        slopes: list[Value] = []
        for rule, need in zip(self.partials, needs):  # noqa: B905  (an argument takes time)
            if not need:
                slopes.append(None)
            elif callable(rule):
                slopes.append(rule(out, *inputs, **params) if params else rule(out, *inputs))
            else:
                slopes.append(rule)
        return slopes

    def jvp(
        self, tangents: Sequence[Value], out: Value, inputs: Sequence[Value], saved: Any, params: dict[str, Any]
    ) -> Value:
        """Σ tangent × local."""
        terms = [times(t, self.partial(i, out, inputs, params)) for i, t in enumerate(tangents) if t is not None]
        return expand_to(_total(terms), shape_of(out))


class Linear(Registered):
    """Linear in all its inputs together, so that its derivative is itself.

    Attributes:
        transpose: `transpose(g, *inputs, **params)` → the contribution, or one an input; of the inputs only the shapes count.
    """

    kind: ClassVar[str] = "linear"

    def __init__(
        self,
        name: str,
        notation: Notation,
        forward: Callable[..., Value],
        transpose: Rule,
        samples: Sequence[Sample],
        **options: Any,
    ) -> None:
        super().__init__(name, notation, forward, samples, **options)
        self.transpose = transpose

    def reads(self, i: int, count: int) -> set[int]:
        """Nothing: a linear map is the same everywhere."""
        return set()

    def vjp(
        self, g: Value, out: Value, inputs: Sequence[Value], saved: Any, params: dict[str, Any], needs: Sequence[bool]
    ) -> list[Value]:
        """The transpose."""
        return _for_each_input(self.transpose(g, *inputs, **params), inputs, needs)

    def jvp(
        self, tangents: Sequence[Value], out: Value, inputs: Sequence[Value], saved: Any, params: dict[str, Any]
    ) -> Value:
        """The operation itself, on the tangents."""
        filled = [np.zeros(shape_of(x), out.dtype) if t is None else t for t, x in zip(tangents, inputs, strict=True)]
        return self(*filled, **params)


class Multilinear(Registered):
    """Linear in each input alone: a product of some sort.

    Attributes:
        transposes: for each argument `transpose(g, *inputs, **params)`.
    """

    kind: ClassVar[str] = "multilinear"

    def __init__(
        self,
        name: str,
        notation: Notation,
        forward: Callable[..., Value],
        transposes: Sequence[Rule],
        samples: Sequence[Sample],
        **options: Any,
    ) -> None:
        super().__init__(name, notation, forward, samples, **options)
        self.transposes = tuple(transposes)

    def reads(self, i: int, count: int) -> set[int]:
        """The other inputs: in its own the operation is linear."""
        return {k for k in range(count) if k != i}

    def vjp(
        self, g: Value, out: Value, inputs: Sequence[Value], saved: Any, params: dict[str, Any], needs: Sequence[bool]
    ) -> list[Value]:
        """The transpose in each needed argument."""
        return [
            sum_to(self.transposes[i](g, *inputs, **params), shape_of(inputs[i])) if need else None
            for i, need in enumerate(needs)
        ]

    def jvp(
        self, tangents: Sequence[Value], out: Value, inputs: Sequence[Value], saved: Any, params: dict[str, Any]
    ) -> Value:
        """Σ the operation with one input replaced by its tangent."""
        terms = [
            self(*[t if k == i else x for k, x in enumerate(inputs)], **params)
            for i, t in enumerate(tangents)
            if t is not None
        ]
        return _total(terms)


class General(Registered):
    """Anything else: declares its vjp, and its jvp where the two differ (they agree for a symmetric Jacobian).

    Attributes:
        rule: `rule(g, out, *inputs, **params)`, with `saved=` where the forward rule saves, → as for `Linear`.
        forward_rule: the same for tangents: `forward_rule(*tangents, out, *inputs, **params)`; None means `rule`.
        looks_at: which values the rule looks at: `"all"`, only the `"output"`, or only the `"inputs"`.
    """

    kind: ClassVar[str] = "general"

    def __init__(
        self,
        name: str,
        notation: Notation,
        forward: Callable[..., Value],
        vjp: Rule,
        samples: Sequence[Sample],
        jvp: Rule | None = None,
        reads: Literal["all", "output", "inputs"] = "all",
        **options: Any,
    ) -> None:
        super().__init__(name, notation, forward, samples, **options)
        self.rule = vjp
        self.forward_rule = jvp or vjp
        self.looks_at = reads

    def reads(self, i: int, count: int) -> set[int]:
        """As declared."""
        return {"all": {-1, *range(count)}, "output": {-1}, "inputs": set(range(count))}[self.looks_at]

    def vjp(
        self, g: Value, out: Value, inputs: Sequence[Value], saved: Any, params: dict[str, Any], needs: Sequence[bool]
    ) -> list[Value]:
        """As declared."""
        if not state.plain and state.tape is not None and not state.recording and isinstance(g, Node):
            return state.tape.derivative(self, g, out, inputs, saved, params, needs)
        kept = {"saved": saved} if self.saves else {}
        return _for_each_input(self.rule(g, out, *inputs, **kept, **params), inputs, needs)

    def jvp(
        self, tangents: Sequence[Value], out: Value, inputs: Sequence[Value], saved: Any, params: dict[str, Any]
    ) -> Value:
        """As declared."""
        kept = {"saved": saved} if self.saves else {}
        return self.forward_rule(*tangents, out, *inputs, **kept, **params)


def _for_each_input(sent: Value, inputs: Sequence[Value], needs: Sequence[bool]) -> list[Value]:
    contributions = sent if isinstance(sent, tuple | list) else (sent,)
    return [c if need else None for c, need in zip(contributions, needs, strict=True)]


def _total(terms: Sequence[Value]) -> Value:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


# Broadcasting and its transpose are each other's derivatives -----------------------------------------------------------


def sum_to(x: Value, shape: Shape) -> Value:
    """Add up what a broadcast from `shape` repeated: the transpose of `expand_to`."""
    return x if shape_of(x) == shape else sum_to_(x, shape=shape)


def expand_to(x: Value, shape: Shape) -> Value:
    """Repeat `x` along new axes and axes of length 1 until it has `shape`."""
    return x if shape_of(x) == shape else expand_(x, shape=shape)


def _sum_to(xp: Any, x: Any, shape: Shape) -> Any:
    lead = x.ndim - len(shape)
    axes = (*range(lead), *(i + lead for i, n in enumerate(shape) if n == 1 and x.shape[i + lead] != 1))
    return xp.reshape(xp.sum(x, axis=axes), shape)


sum_to_ = Linear(
    "sum_to_size",
    Notation("Σ", "Σ {0}", 2, (2,)),
    forward=_sum_to,
    transpose=lambda g, x, shape: expand_to(g, x.shape),
    samples=[sample((2, 3, 4), shape=(3, 1)), sample((3, 4), shape=()), sample((2, 0), shape=(2, 1))],
)

expand_ = Linear(
    "expand",
    Notation("expand", "{0}"),
    forward=lambda xp, x, shape: xp.broadcast_to(x, shape),
    transpose=lambda g, x, shape: sum_to(g, shape_of(x)),
    samples=[sample((3, 1), shape=(2, 3, 4)), sample((), shape=(2, 3)), sample((1,), shape=(0,))],
    explain=lambda s, shape: f"expand: {s} cannot grow to {shape}: only axes of length 1 and new leading axes can",
    views=True,
)
