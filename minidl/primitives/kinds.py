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
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np

from ..graph import Node, Notation, Primitive, data_of
from ..kernels.dtypes import require_numbers

Value = Any
Shape = tuple[int, ...]
Rule = Callable[..., Value]
Domain = Literal["real", "positive", "nonzero", "distinct", "unit"]

registry: dict[str, Primitive] = {}
"""Every primitive by name, in the order of definition; tests, figures and reference pages walk it."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Inputs on which a primitive is tested: the shapes, where the numbers come from, and the other arguments.

    Attributes:
        shapes: one shape an input.
        params: the primitive's parameters.
        domain: `real` (normal), `positive` (0.5 … 2), `nonzero` (|x| > 0.3), `distinct` (no two closer than 0.1, none
            near 0), `unit` (0.1 … 0.9).
    """

    shapes: tuple[Shape, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    domain: Domain = "real"

    def arrays(self, rng: np.random.Generator) -> list[np.ndarray[Any, Any]]:
        """Draw the inputs, in float64."""
        return [self._draw(shape, rng) for shape in self.shapes]

    def _draw(self, shape: Shape, rng: np.random.Generator) -> np.ndarray[Any, Any]:
        size = int(np.prod(shape))
        if self.domain == "positive":
            values = rng.uniform(0.5, 2.0, size)
        elif self.domain == "unit":
            values = rng.uniform(0.1, 0.9, size)
        elif self.domain == "nonzero":
            values = rng.uniform(0.3, 2.0, size) * rng.choice([-1.0, 1.0], size)
        elif self.domain == "distinct":
            values = rng.permutation((np.arange(size) - size // 2) * 0.3 + rng.uniform(0.05, 0.2, size))
        else:
            values = rng.standard_normal(size)
        return np.asarray(values).reshape(shape)


def sample(*shapes: Shape, domain: Domain = "real", **params: Any) -> Sample:
    """Shorthand for a `Sample`: `sample((3, 4), (4,), domain="positive", dim=1)`."""
    return Sample(shapes, params, domain)


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
    """A primitive that enters the registry, with its sample inputs."""

    def __init__(
        self, name: str, notation: Notation, forward: Callable[..., Value], samples: Sequence[Sample], **options: Any
    ) -> None:
        super().__init__(name, forward, notation, **options)
        self.samples = tuple(samples)
        if name in registry:
            raise ValueError(f"there is a primitive named {name!r} already")
        registry[name] = self


class Constant(_Registered):
    """An operation whose result does not change with small changes of its inputs: comparisons, positions."""

    kind: ClassVar[str] = "constant"


class Elementwise(_Registered):
    """One output element from one element of each input.

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
        **options: Any,
    ) -> None:
        super().__init__(name, notation, forward, samples, promotion=promotion, explain=_explain_broadcast, **options)
        self.partials = tuple(partials)

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
        return {position - 1 for position, name in enumerate(arguments) if name in used}

    def vjp(
        self, g: Value, out: Value, inputs: Sequence[Value], saved: Any, params: dict[str, Any], needs: Sequence[bool]
    ) -> list[Value]:
        """Upstream × local."""
        return [
            sum_to(_times(g, self.partial(i, out, inputs, params)), shape_of(inputs[i])) if need else None
            for i, need in enumerate(needs)
        ]

    def jvp(
        self, tangents: Sequence[Value], out: Value, inputs: Sequence[Value], saved: Any, params: dict[str, Any]
    ) -> Value:
        """Σ tangent × local."""
        terms = [_times(t, self.partial(i, out, inputs, params)) for i, t in enumerate(tangents) if t is not None]
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
        filled = [np.zeros_like(data_of(x)) if t is None else t for t, x in zip(tangents, inputs, strict=True)]
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
        **options: Any,
    ) -> None:
        super().__init__(name, notation, forward, samples, **options)
        self.rule = vjp
        self.forward_rule = jvp or vjp

    def vjp(
        self, g: Value, out: Value, inputs: Sequence[Value], saved: Any, params: dict[str, Any], needs: Sequence[bool]
    ) -> list[Value]:
        """As declared."""
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


def _times(g: Value, partial: Value) -> Value:
    """`g · partial`, without the multiplication where the partial is the plain number 1 or −1."""
    if isinstance(partial, int | float) and not isinstance(partial, np.generic):
        if partial == 1:
            return g
        if partial == -1:
            return -g
    return g * partial


def _total(terms: Sequence[Value]) -> Value:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _explain_broadcast(*shapes: Shape, **_: Any) -> str | None:
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        first, second = shapes[0], next(s for s in shapes[1:] if not _broadcasts(shapes[0], s))
        k = next(i for i in range(1, 1 + min(len(first), len(second))) if _clash(first[-i], second[-i]))
        return (
            f"shapes {first} and {second} do not broadcast: axis −{k} has {first[-k]} against {second[-k]}; "
            "axes must be equal, or one of them 1"
        )
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
    if axes == (0,) and x.ndim == 2 and x.dtype.kind == "f":  # as over a batch: BLAS adds in blocks and so rounds less
        return xp.reshape(xp.matmul(xp.ones(len(x), x.dtype), x), shape)
    return xp.reshape(xp.sum(x, axis=axes), shape)


sum_to_ = Linear(
    "sum_to_size",
    Notation("Σ", "Σ {0}"),
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
