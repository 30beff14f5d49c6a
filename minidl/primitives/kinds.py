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

from ..errors import UsageError
from ..graph import Node, Notation, Primitive, data_of
from ..graph.mode import silence, state
from ..graph.node import NO_PARAMS
from ..kernels.dtypes import bool_, require_numbers
from .operation import SAME, enter_primitive
from .samples import Refusal, Sample, Shape, refuses, sample

__all__ = [
    "Constant", "Elementwise", "General", "Linear", "Multilinear", "Primitive", "Rule", "Sample", "Shape", "Value",
    "expand_", "expand_to", "explain_broadcast", "is_node", "marked", "refuses", "registry", "sample", "shape_of", "sum_to",
    "sum_to_",
]  # fmt: skip

Value = Any
ndarray, float64 = np.ndarray, np.float64
_PLAIN = (int, float, bool)
Rule = Callable[..., Value]
registry: dict[str, Primitive] = {}
"""Every primitive by name, in the order of definition; tests, figures and reference pages walk it."""


def shape_of(x: Value) -> Shape:
    """The shape of a node or array; `()` for a number.

    Raises:
        DtypeError: neither, such as a list.
    """
    shape = getattr(x, "shape", None)
    if shape is None:
        if isinstance(x, list | tuple | str):
            require_numbers(x)
        return ()
    return shape


class _Registered(Primitive):
    """A primitive that enters the registry, with its sample inputs, and perhaps the catalogue of public operations.

    Attributes:
        samples: inputs that it is tested on.
        analytic: whether its forward rule can be fed complex numbers, so that a complex step gives its derivative.

    Public ones may be given a `formula` and a `derivative` for the reference, where the notation is only a name and the
    rule, made for speed or for special numbers, does not read as a textbook would.
    """

    def __init__(
        self,
        name: str,
        notation: Notation,
        forward: Callable[..., Value],
        samples: Sequence[Sample],
        *,
        analytic: bool = True,
        homes: str = "",
        doc: str = "",
        formula: str = "",
        derivative: str = "",
        errors: Sequence[Refusal] = (),
        subgradient: str = "",
        torch: str | None = SAME,
        aliases: Sequence[str] = (),
        tolerance: float = 1.0,
        **options: Any,
    ) -> None:
        super().__init__(name, forward, notation, **options)
        self.samples = tuple(samples)
        self.analytic = analytic
        self.__doc__ = doc or None
        if name in registry:
            raise ValueError(f"there is a primitive named {name!r} already")
        registry[name] = self
        if homes:
            family = forward.__module__.rpartition(".")[2]
            told = {"subgradient": subgradient, "torch": torch, "aliases": tuple(aliases), "errors": tuple(errors)}
            told |= {"formula": formula or notation.formula, "derivative": derivative}
            enter_primitive(self, family, homes, self.samples, tolerance=tolerance, **told)

    def __reduce__(self) -> tuple[Callable[[str], Primitive], tuple[str]]:
        """By name: another process has its own, which a module or a graph that travels there is to use."""
        return named, (self.name,)


def named(name: str) -> Primitive:
    """Return the primitive of a name.

    Raises:
        UsageError: there is none.

    >>> named("tanh")
    <elementwise primitive tanh>
    """
    if name not in registry:
        raise UsageError(
            f"there is no primitive named {name!r} in this process; import the module that defines it first"
        )
    return registry[name]


class Constant(_Registered):
    """An operation whose result does not change with small changes of its inputs: comparisons, positions."""

    kind: ClassVar[str] = "constant"


class Elementwise(_Registered):
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
        a, needs = x._data, x._requires_grad
        kind = a.__class__
        if isinstance(y, Node):
            b = y._data
            needs = needs or y._requires_grad
            usual = b.__class__ is kind and (kind is float64 or (kind is ndarray and a.dtype is b.dtype))
        else:
            b = y
            usual = b.__class__ is float and (kind is float64 or kind is ndarray)
        if self.operator is None or not (
            usual and state.plain and (kind is float64 or (a.ndim and a.dtype.kind == "f"))
        ):
            return self(x, y)
        try:
            result = silence.copy().run(self.operator, a, b)
        except ValueError:  # the shapes do not fit, which the long way tells
            return self(x, y)
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
        """Upstream × local."""
        sent: list[Value] = []
        shape = shape_of(g)
        for rule, x, need in zip(self.partials, inputs, needs):  # noqa: B905  (an argument takes time)
            if not need:
                sent.append(None)
                continue
            if not callable(rule):
                product = times(g, rule)
            else:
                product = times(g, rule(out, *inputs, **params) if params else rule(out, *inputs))
            sent.append(product if shape == x.shape else sum_to(product, shape_of(x)))
        return sent

    def jvp(
        self, tangents: Sequence[Value], out: Value, inputs: Sequence[Value], saved: Any, params: dict[str, Any]
    ) -> Value:
        """Σ tangent × local."""
        terms = [times(t, self.partial(i, out, inputs, params)) for i, t in enumerate(tangents) if t is not None]
        return expand_to(_total(terms), shape_of(out))


class Linear(_Registered):
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
        dtype = np.asarray(data_of(out)).dtype
        filled = [np.zeros(shape_of(x), dtype) if t is None else t for t, x in zip(tangents, inputs, strict=True)]
        return self(*filled, **params)


class Multilinear(_Registered):
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


class General(_Registered):
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


def times(g: Value, partial: Value) -> Value:
    """`g · partial`, where no upstream is no gradient: 0 times an infinite or undefined slope is 0.

    That keeps NaN from leaking out of a branch that was not taken, as in `where(x > 0, sqrt(x), 0)` at x = 0. A slope
    that is a comparison chooses instead of multiplying, so that an infinite upstream does not become ∞·0 either.
    """
    if partial.__class__ is ndarray and g.__class__ is ndarray and partial.dtype is g.dtype:
        product = g * partial
        numbers = product if product.ndim == 1 else product.ravel("K")
        squares = numbers.dot(numbers)  # NaN if any number is: one pass, and nothing allocated
        if squares == squares:
            return product
    if partial.__class__ in _PLAIN:
        if partial == 1:
            return g
        if partial == -1:
            return -g
        return g * partial if partial else np.zeros_like(data_of(g))
    if getattr(partial, "dtype", None) == bool_:
        return registry["where"](g, 0.0, condition=data_of(partial))
    if not state.plain and state.tape is not None:  # a replay may meet the infinity that this run does not
        return registry["mul_or_zero"](g, partial)
    product = g * partial
    numbers = data_of(product)
    squares = np.vdot(numbers, numbers)
    return registry["mul_or_zero"](g, partial) if squares != squares else product


def _total(terms: Sequence[Value]) -> Value:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def marked(shape: Shape, *axes: int) -> str:
    """Write a shape with some of its axes pointed at.

    >>> marked((3, 4), -1)
    '(3, →4←)'
    """
    at = {axis % len(shape) for axis in axes} if shape else set()
    lengths = [f"→{n}←" if i in at else str(n) for i, n in enumerate(shape)]
    return f"({', '.join(lengths)}{',' if len(lengths) == 1 else ''})"


def marked_apart(first: Shape, second: Shape, *, fitting: bool = False) -> tuple[str, str]:
    """Write two shapes, pointing at the axes in which they differ, counted from the last.

    Args:
        first: a shape.
        second: what it should have been.
        fitting: whether an axis of the first that has length 1 is right too, since it broadcasts.

    >>> marked_apart((3, 4), (3, 5))
    ('(3, →4←)', '(3, →5←)')
    """
    shared = min(len(first), len(second))
    apart = [k for k in range(-shared, 0) if first[k] != second[k] and not (fitting and first[k] == 1)]
    return (
        marked(first, *apart, *range(-len(first), -shared)),
        marked(second, *apart, *(() if fitting else range(-len(second), -shared))),
    )


def explain_broadcast(*shapes: Shape, **_: Any) -> str | None:
    """Why shapes do not broadcast and what was probably meant, with `{0}`, `{1}` for the inputs; None if they do."""
    for j, second in enumerate(shapes):
        for i, first in enumerate(shapes[:j]):
            clashes = [k for k in range(-1, -1 - min(len(first), len(second)), -1) if _clash(first[k], second[k])]
            if clashes:
                fix = _broadcast_fix(first, second, i, j)
                return (
                    f"shapes {marked(first, *clashes)} and {marked(second, *clashes)} do not broadcast: axes are compared "
                    f"from the last, and must be equal or one of them 1{f'; did you mean {fix}?' if fix else ''}"
                )
    return None


def _broadcast_fix(first: Shape, second: Shape, i: int, j: int) -> str | None:
    """What a person probably meant, with `{0}`, `{1}` for the inputs: a column, or a transpose."""
    for shape, other, k in ((second, first, j), (first, second, i)):
        if len(shape) == 1 and len(other) > 1 and _broadcasts((*shape, 1), other):
            return f"{{{k}}}.unsqueeze(-1)"
        if len(shape) == 2 and _broadcasts(shape[::-1], other):
            return f"{{{k}}}.T"
        if len(shape) == len(other) - 1 and shape == other[:-1]:
            return f"{{{k}}}.unsqueeze(-1)"
    return None


def _clash(m: int, n: int) -> bool:
    return m != n and m != 1 and n != 1


def _broadcasts(a: Shape, b: Shape) -> bool:
    return not any(_clash(m, n) for m, n in zip(reversed(a), reversed(b), strict=False))


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


def is_node(x: Value) -> bool:
    """Whether `x` is a node of a graph."""
    return isinstance(x, Node)
