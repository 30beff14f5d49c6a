"""A small worked example for each operation: numbers that a lecturer would choose, and how they are called."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..graph import Primitive
from ..primitives import Elementwise, Operation, Sample
from ..primitives.operation import as_a_list
from ..primitives.operation import directly as directly_
from ..tensor import Tensor
from .chosen import CHOSEN

_FIGURES = {
    "real": (1, -2, 0.5, 3, -1, 2, 0, -0.5, 1.5, -3, 4, 2.5),
    "positive": (0.5, 2, 1, 1.5, 0.8, 1.2, 0.6, 1.8, 1.6, 0.7, 1.4, 0.9),
    "nonzero": (1, -2, 0.5, 2, -1, 1.5, -0.5, 0.8, -1.5, 1.2, -0.8, 0.4),
    "distinct": (-1, 0.5, 2, 3, -2, 1, -0.5, 1.5, 4, -3, 2.5, -1.5),
    "unit": (0.2, 0.5, 0.8, 0.6, 0.1, 0.9, 0.4, 0.7, 0.3, 0.25, 0.75, 0.15),
    "beyond": (1.25, 2, 3, 1.5, 2.5, 1.8, 2.2, 1.4, 2.8, 1.6, 2.4, 1.2),
}
"""Numbers to fill an example with, for each domain of a sample."""

ONE_OF = {
    "softmax",
    "log_softmax",
    "softmin",
    "layer_norm",
    "rms_norm",
    "normalize",
    "batch_norm",
    "instance_norm",
    "group_norm",
}
"""Whose outputs depend on each other: the gradient of their sum says little, so it is that of the first output."""

_LETTERS = {
    "input": "x", "other": "y", "end": "y", "exponent": "y", "a": "x", "b": "y", "x1": "x", "x2": "y", "input1": "x",
    "input2": "y", "target": "t", "weight": "w", "bias": "b", "vec": "v", "vec1": "u", "mat": "x", "mat1": "x", "mat2": "y",
    "batch1": "x", "batch2": "y", "anchor": "a", "positive": "p", "negative": "n", "query": "Q", "key": "K", "value": "V",
    "teacher": "z", "var": "v", "knots": "k",
}  # fmt: skip


@dataclass(frozen=True)
class Example:
    """One call of an operation.

    Attributes:
        inputs: the tensors that it was given, each named as the formula names it.
        params: the other arguments.
        value: what it returned.
        upstream: the gradient that arrives at the first result; ones where None.
    """

    inputs: tuple[Tensor, ...]
    params: dict[str, Any]
    value: Any
    upstream: Any = None


def example(op: Operation) -> Example | None:
    """Run the operation's example; None where all its samples are too large.

    >>> from minidl.primitives import catalogue
    >>> made = example(catalogue["minidl.maximum"])
    >>> made.value
    tensor([2., 2., 3.], dtype=minidl.float64, name='z', from=maximum)
    """
    numbers, params = CHOSEN.get(f"x.{op.name}" if op.homes == ("Tensor",) else op.name, ((), {}))
    arrays = [x if x is None or isinstance(x, str) else np.asarray(x) for x in numbers]
    chosen = bool(arrays)
    if not chosen:
        found = _from_samples(op)
        if found is None:
            return None
        arrays, params = found
    named = zip(arrays, letters(op, len(arrays), chosen), strict=True)
    given = [Tensor(a, requires_grad=a.dtype.kind == "f", name=n) if isinstance(a, np.ndarray) else a for a, n in named]
    inputs = [x for x in given if isinstance(x, Tensor)]
    value = call(op, Sample((), params), given if chosen else inputs, directly=chosen)
    parts = results(value)
    for part, name in zip(parts, output_names(op, value, len(parts)), strict=True):
        if part.name is None and not any(part is x for x in inputs):
            part.name = name
    upstream = None
    if op.name in ONE_OF:
        upstream = np.zeros(parts[0].shape)
        upstream.flat[0] = 1.0
    return Example(tuple(inputs), dict(params), value, upstream)


def _from_samples(op: Operation) -> tuple[list[Any], dict[str, Any]] | None:
    """Fill the smallest sample that is not empty and no single number, if there is one, with round numbers."""
    single = isinstance(op.function, Elementwise)

    def size(s: Sample) -> int:
        return sum(int(np.prod(np.shape(x) if isinstance(x, np.ndarray) else x)) for x in s.shapes)

    ranked = sorted(op.samples, key=lambda s: (size(s) == 0, not single and size(s) <= len(s.shapes), size(s)))
    best = ranked[0]
    if size(best) > 200:
        return None
    figures = _FIGURES[best.domain]
    arrays, at = [], 0
    for s in best.shapes:
        if isinstance(s, np.ndarray):
            arrays.append(s)
            continue
        shape = (3,) if single and all(isinstance(x, tuple) for x in best.shapes) else s
        count = int(np.prod(shape))
        arrays.append(np.array([figures[(at + k) % len(figures)] for k in range(count)], float).reshape(shape))
        at += count
    return arrays, dict(best.params)


def letters(op: Operation, count: int, directly: bool = True) -> list[str]:
    """What the formula calls the inputs: x, y, …; X, Y for matrices; A where it speaks of A.

    >>> from minidl.primitives import catalogue
    >>> letters(catalogue["minidl.matmul"], 2), letters(catalogue["minidl.nn.functional.mse_loss"], 2)
    (['X', 'Y'], ['x', 't'])
    """
    written = set(re.findall("[A-Za-z]+", f"{op.formula} {op.derivative}"))
    if isinstance(op.function, Primitive):
        names = list(op.function.arguments)
    else:
        kinds = inspect.signature(op.function).parameters.values()
        names = [p.name for p in kinds if p.kind is not p.KEYWORD_ONLY and p.kind is not p.VAR_POSITIONAL]
    if op.call is as_a_list or names[:1] == ["tensors"] or not names:
        if op.name == "einsum":
            return ["", "x", "y"][-count:]
        return [f"{'A' if 'A₁' in op.formula else 'x'}{'₁₂₃₄₅₆₇₈₉'[k]}" for k in range(count)]
    if not directly and op.call is not directly_:
        names = [n for n in names if n not in _NO_TENSORS]
    found = []
    for k, name in enumerate([*names, *"uvw"][:count]):
        letter = _LETTERS.get(name, name)
        if name == "tensor" or name == "vec2":
            letter = "x" if k == 0 else "v" if name == "vec2" and "v" in written else "y"
        if name == "input" and re.match(r"(b?add)(b?mm|mv|r$)", op.name):
            letter = "c"
        if name == "input" and "A" in written:
            letter = "A"
        if name in ("weight", "bias") and "γ" in op.formula:
            letter = "γ" if name == "weight" else "β"
        if name == "b" and "B" in written:
            letter = "B"
        if len(letter) == 1 and letter.upper() in written:
            letter = letter.upper()
        found.append(letter)
    return found


def output_names(op: Operation, value: Any, count: int) -> list[str]:
    """What the formula calls the results, or what they are called in the tuple that holds them."""
    left = LEFT.match(op.formula)
    names = [re.sub(r"\[.*|[ᵢⱼₖₙ]+$", "", n) for n in left[1].split(", ") if n != "…"] if left else []
    names = re.findall(r"(?:^|, )([yY][₁₂]) = ", op.formula) or names
    fields = getattr(value, "_fields", ())
    if len(names) < count == len(fields):
        return [output(op) if f == "values" else f for f in fields]
    if len(names) < count:
        out = names[0] if names and count == 1 else output(op)
        names = [out] if count == 1 else [f"{out}{'₁₂₃₄₅₆₇₈₉'[k % 9]}" for k in range(count)]
    return names[:count]


_NAME = r"[A-Za-zλ][₁₂₃ᵢⱼₖₙᵀ]*(?:\[[^\]]*\])?"
LEFT = re.compile(rf"({_NAME}(?:, (?:{_NAME}|…))*) (?:=|with(?= [^,]* = )) ?")
"""The left side of a formula that has one."""

_NO_TENSORS = {"dim", "index", "indices", "mask", "running_mean", "running_var", "condition", "dims", "size"}
"""Arguments that a sample gives by name."""


def output(op: Operation) -> str:
    """What the result is called: z where there is an input y, L for a loss, else y.

    >>> from minidl.primitives import catalogue
    >>> [output(catalogue[f"minidl.{name}"]) for name in ("tanh", "mul", "clamp_min")]
    ['y', 'z', 'y']
    """
    told = re.match(r"∂([A-Zyzh])[ᵢⱼ₁₂]*/|([A-Zyzh])[ᵢⱼₖₙ]* = ", op.derivative)
    if told and told[1] not in (None, "L"):
        return told[1]
    named = re.match(rf"({_NAME}) = ", op.formula)
    if named:
        return named[1][0]
    if isinstance(op.function, Primitive):
        return "z" if "y" in letters(op, len(op.function.arguments)) else "y"
    return "z" if "y" in re.findall("[A-Za-z]+", op.formula) else "y"


def call(op: Operation, sample: Sample, inputs: Sequence[Any], directly: bool = False) -> Any:
    """Run an operation on the inputs of a sample; `directly` where they are its arguments as they stand."""
    from ..primitives.layers.random import default_generator

    before = default_generator.get_state()
    try:
        params = {
            k: Tensor(v, directly and v.dtype.kind == "f", name=k) if isinstance(v, np.ndarray) else v
            for k, v in sample.params.items()
        }
        if directly and op.call is not as_a_list:
            return op.function(*inputs, **params)
        return op.call(op.function, list(inputs), params)
    finally:
        default_generator.set_state(before)


def results(value: Any) -> list[Tensor]:
    """The tensors in a result."""
    if isinstance(value, tuple | list):
        return [t for part in value for t in results(part)]
    return [value] if isinstance(value, Tensor) else []
