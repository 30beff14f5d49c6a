"""The reference of operations: a page for each, put together from its record and from what its rules print."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autodiff import local_derivatives, order, pullbacks
from ..graph import Primitive
from ..primitives import Elementwise, Operation, Sample, catalogue
from ..tensor import Tensor
from .examples import LEFT, call, letters, output, results

KINDS = {
    "elementwise": "elementwise: each output element depends on one element of each input",
    "linear": "linear: forward mode is the operation itself, backward its transpose",
    "multilinear": "multilinear: linear in each input alone",
    "general": "general: declares its own rules",
    "constant": "constant: it has no gradient",
    "input": "none: it returns its input where it can",
}


FIRST = (
    "arithmetic", "exponential", "trigonometric", "rounding", "comparison", "activation", "activation_smooth",
    "activation_units", "reduction", "extrema", "norms", "statistics", "softmax", "cumulative", "sorting", "shape", "joining",
    "indexing",
)  # fmt: skip
"""The families in the order in which they are read; the others follow."""


@dataclass(frozen=True)
class Page:
    """What is known of one operation, as text.

    Attributes:
        name: its name, such as `tanh`.
        family: the family it belongs to, such as `activation`.
        places: where it is found, the main place first, such as `minidl.tanh`, `x.tanh()`.
        signature: how it is called.
        torch: its name in PyTorch, or "".
        summary: one sentence.
        formula: how a textbook writes it, such as `y = tanh(x)`.
        output: what it calls the result.
        derivatives: a line an input: what is told of them, or else what its rules print.
        kind: what sort of operation it is.
        shapes: some inputs' shapes and the shape that comes of them, such as `(3, 4), (4,) → (3, 4)`.
        subgradient: what is taken for the derivative where there is none.
        parts: the primitives that it is built of, where it is not one itself.
        rule: what the rule itself prints when it is fed symbols, where `derivatives` are the textbook's words for it.
    """

    name: str
    family: str
    places: tuple[str, ...]
    signature: str
    torch: str
    summary: str
    formula: str
    output: str
    derivatives: tuple[str, ...]
    kind: str
    shapes: tuple[str, ...]
    subgradient: str
    parts: tuple[str, ...]
    rule: tuple[str, ...] = ()


def pages(operations: Sequence[Operation] | None = None) -> list[Page]:
    """Return a page for each operation, in the catalogue's order, family by family."""
    chosen = list(catalogue.values()) if operations is None else list(operations)
    found = dict.fromkeys(op.family for op in chosen)
    families = sorted(found, key=lambda family: FIRST.index(family) if family in FIRST else len(FIRST))
    return [page(op) for family in families for op in chosen if op.family == family]


def page(op: Operation) -> Page:
    """Put together all that is known of one operation.

    >>> page(catalogue["minidl.tanh"]).derivatives
    ('∂y/∂x = 1 − y²',)
    """
    used = primitives_of(op)
    single = op.function if isinstance(op.function, Primitive) else used[0] if len(used) == 1 else None
    if single is None:
        kind = (
            f"built of {', '.join(p.name for p in used)}" if used else KINDS["input" if op.derivative else "constant"]
        )
    else:
        kind = KINDS[single.kind]
    return Page(
        name=op.name,
        family=op.family,
        places=tuple(_place(op, home) for home in op.homes),
        signature=signature(op),
        torch=f"torch.{op.torch}" if op.torch else "",
        summary=summary(op),
        formula=_formula(op, single),
        output=output(op),
        derivatives=_derivatives(op, single),
        kind=kind,
        shapes=tuple(dict.fromkeys(filter(None, (shape_rule(op, s) for s in op.samples)))),
        subgradient=op.subgradient,
        parts=() if single else tuple(p.name for p in used),
        rule=_printed(op, single) if op.derivative and isinstance(op.function, Elementwise) else (),
    )


def find(name: str) -> list[Operation]:
    """Return the operations called `name`, with or without its place, aliases included.

    >>> [op.path for op in find("x.tanh")]
    ['minidl.tanh']
    """
    last = name.removesuffix("()").rpartition(".")[2]
    exact = [op for op in catalogue.values() if op.path == name]
    return exact or [op for op in catalogue.values() if last in (op.name, *op.aliases)]


def signature(op: Operation) -> str:
    """How it is called, such as `softplus(input, beta=1.0, threshold=20.0)`."""
    parts = []
    star = False
    for p in inspect.signature(op.function).parameters.values():
        if p.kind is p.KEYWORD_ONLY and not star:
            parts.append("*")
            star = True
        star = star or p.kind is p.VAR_POSITIONAL
        mark = "*" if p.kind is p.VAR_POSITIONAL else "**" if p.kind is p.VAR_KEYWORD else ""
        default = "" if p.default is p.empty else f"={p.default!r}"
        parts.append(f"{mark}{p.name}{default}")
    return f"{op.name}({', '.join(parts)})"


def summary(op: Operation) -> str:
    """The first sentence of its description."""
    text = (op.function.__doc__ or "").strip().split("\n\n")[0]
    return " ".join(text.split())


def primitives_of(op: Operation) -> list[Primitive]:
    """The primitives that it records on its samples, in order."""
    found: dict[str, Primitive] = {}
    for sample in op.samples:
        inputs = _leaves(sample)
        roots = [r for r in results(call(op, sample, inputs)) if r.requires_grad and not r.is_leaf]
        for node in order(*roots):
            if node.primitive is not None:
                found[node.primitive.name] = node.primitive
    return list(found.values())


def shape_rule(op: Operation, sample: Sample) -> str:
    """What shape comes of what shapes: `(3, 4), dim=1 → (3,)`."""
    inputs = _leaves(sample)
    value = call(op, sample, inputs)
    out = ", ".join(str(r.shape) for r in results(value)) or type(value).__name__
    given = [str(x.shape) for x in inputs]
    given += [f"{k}={_short(v)}" for k, v in sample.params.items()]
    return f"{', '.join(given)} → {out}"


def _leaves(sample: Sample) -> list[Tensor]:
    return [Tensor(np.asarray(a), a.dtype.kind == "f") for a in sample.arrays(np.random.default_rng(0))]


def _short(value: Any) -> str:
    return f"tensor {value.shape}" if isinstance(value, np.ndarray) else repr(value)


def _place(op: Operation, home: str) -> str:
    prefix = {"minidl": "minidl.", "functional": "minidl.nn.functional.", "linalg": "minidl.linalg."}
    return f"x.{op.name}()" if home == "Tensor" else f"{prefix[home]}{op.name}"


def _formula(op: Operation, single: Primitive | None) -> str:
    formula = op.formula or (single.notation.formula if single is not None else "")
    if isinstance(op.function, Primitive):
        names = dict.fromkeys(op.function.parameters)
        formula = formula.format(*letters(op, len(op.function.arguments)), **{k: k for k in names})
    formula = _bare(formula)
    return formula if not formula or LEFT.match(formula) else f"{output(op)} = {formula}"


def _bare(text: str) -> str:
    """Take off parentheses around all of it, and around the one letter under a root."""
    text = re.sub(r"√\((\w)\)", r"√\1", text)
    return text[1:-1] if re.fullmatch(r"\([^()]*\)", text) else text


def _derivatives(op: Operation, single: Any) -> tuple[str, ...]:
    return tuple(op.derivative.split("; ")) if op.derivative else _printed(op, single)


def _printed(op: Operation, single: Any) -> tuple[str, ...]:
    """What the rules print when they are fed symbols."""
    if isinstance(single, Elementwise):
        values = dict(single.parameters) if op.function is single else dict(single.samples[0].params)
        lines = local_derivatives(single, letters(op, len(single.partials)), output(op), **values)
    elif single is None or single.kind == "constant":
        return ()
    else:
        count = len(single.samples[0].shapes)
        lines = pullbacks(single, single.samples[0], letters(op, count), output(op))
    return tuple(f"{left} = {_bare(right)}" for left, _, right in (line.partition(" = ") for line in lines))
