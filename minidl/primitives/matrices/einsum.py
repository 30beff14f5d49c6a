"""Sums of products over named indices: `einsum`, of which every product of matrices is a case.

A primitive einsum has a fixed form: its result is named; every index has one length, and stands in two terms at least or in
the result. Its transpose in any argument then swaps that argument's term with the result's and is again of this form:
of z = einsum("ij,jk->ik", x, y) the transpose in x is einsum("ik,jk->ij", g, y).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NoReturn

from ...errors import DtypeError, ShapeError, UsageError
from ...graph import Notation
from ...kernels.dtypes import bool_
from ..kinds import Multilinear, Shape, Value, refuses, sample, shape_of
from ..operation import operation
from ..reductions.reduction import sum as sum_of
from ..shapes.shape import permute_, reshape_

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LARGEST_COUNT = 64


def _swap(i: int, g: Value, *inputs: Value, equation: str) -> Value:
    """The transpose in argument `i`: its term and the result's change places."""
    left, _, output = equation.partition("->")
    terms = left.split(",")
    others = [k for k in range(len(terms)) if k != i]
    swapped = f"{','.join([output, *(terms[k] for k in others)])}->{terms[i]}"
    return einsum_(g, *(inputs[k] for k in others), equation=swapped)


einsum_: Multilinear = Multilinear(
    "einsum",
    Notation("einsum", "einsum({equation})"),
    forward=lambda xp, *inputs, equation: xp.einsum(equation, *inputs),
    transposes=[partial(_swap, i) for i in range(_LARGEST_COUNT)],
    samples=[
        sample((3, 4), (4, 2), equation="ij,jk->ik"),
        sample((2, 3, 4), (2, 4), (5,), equation="bij,bj,k->kib"),
        sample((3, 2, 3), equation="iji->ij"),
        sample((3, 2), equation="ij->iji"),
        sample((2, 3), (3, 2), (2, 3), (2,), equation="ij,ji,ij,i->"),
        sample((), (3,), equation=",i->i"),
        sample((0, 3), (3, 2), equation="ij,jk->ki"),
    ],
    promotion="same",
)


def ellipsis_names(count: int) -> str:
    """Names for the axes that `...` stands for: the last `count` letters of an unending Greek alphabet, last axis last."""
    return "".join(chr(ord("α") + i) for i in reversed(range(count)))


def diagonal_of(x: Value) -> Value:
    """The diagonals of square matrices: `(…, n, n)` → `(…, n)`."""
    lead = ellipsis_names(x.ndim - 2)
    return einsum_(x, equation=f"{lead}ii->{lead}i")


def as_diagonal(x: Value) -> Value:
    """Matrices that are zero but for their diagonals: `(…, n)` → `(…, n, n)`."""
    lead = ellipsis_names(x.ndim - 1)
    return einsum_(x, equation=f"{lead}i->{lead}ii")


@operation(
    "minidl",
    formula="Σ of the products; 'ij,jk->ik' is zᵢₖ = Σⱼ xᵢⱼ·yⱼₖ",
    derivative="∂L/∂x = the einsum of g and the other inputs, with x's letters on the right: 'ik,jk->ij'",
    samples=[
        sample((3, 4), (4, 5), equation="ij,jk->ik"),
        sample((2, 3, 4), (2, 4, 5), equation="...ij,...jk->...ik"),
        sample((3, 3), equation="ii"),
        sample((2, 3, 3), equation="...ii->...i"),
        sample((3, 4), equation="ba"),
        sample((2, 3), (5, 3, 4), (2, 4), equation="bn,anm,bm->ba"),
        sample((3, 1), (4, 5), equation="ij,jk->ik"),
        sample((3, 4), (1, 4), equation="i...,i...->..."),
        sample((0, 3), (3,), equation=" i j , j "),
        sample((), (2,), equation=",A->A"),
        sample((2, 3), (4,), equation="ij,k->k"),
    ],
    errors=[
        refuses((3, 4), (5, 6), equation="ij,jk", match="j has length 5 in operand 1 .* 4"),
        refuses((3, 4), equation="ii", match="i stands twice in operand 0 .* 3 and 4"),
        refuses((3, 4, 2), equation="ij", match="2 subscripts for the 3 axes of operand 0"),
        refuses((3, 4), equation="ij,jk", error=UsageError, match="2 terms for 1 operand"),
        refuses((3, 4), equation="ij->ik", error=UsageError, match="k of the result"),
        refuses((3, 4), equation="i1", error=UsageError, match="'1' is no subscript"),
    ],
    call=lambda f, xs, params: f(params["equation"], *xs),
)
def einsum(*args: Any) -> Value:
    """Multiply tensors along axes that share a letter and sum over the letters that the result lacks.

    Args:
        args: the equation, such as `"ij,jk->ik"`, and the operands, one a term, or one list of them. `...` stands for any
            number of axes, which broadcast; a letter that a term has twice means its diagonal. Without `->`, the result has the
            axes of `...` and then, in alphabetical order, the letters that occur once. In place of the equation, operands and
            lists of axis numbers may alternate, with a last list for the result: `einsum(x, [0, 1], y, [1, 2], [0, 2])`.

    Raises:
        UsageError: an equation that cannot be read, or that has too few or too many terms.
        ShapeError: a letter with two lengths; of them 1 broadcasts.

    Source: PyTorch's `torch.einsum`; Einstein, 1916, "Die Grundlage der allgemeinen Relativitätstheorie", §5.

    >>> import minidl
    >>> minidl.einsum("ij,j->i", minidl.tensor([[1.0, 2.0], [3.0, 4.0]]), minidl.tensor([1.0, -1.0]))
    tensor([-1., -1.])
    """
    equation, operands = (args[0], args[1:]) if args and isinstance(args[0], str) else _from_lists(args)
    if len(operands) == 1 and isinstance(operands[0], list | tuple):
        operands = tuple(operands[0])
    terms, output = _read(equation, [shape_of(x) for x in operands])
    if len(operands) > 1 and all(getattr(x, "dtype", None) == bool_ for x in operands):
        raise DtypeError("einsum: True and False cannot be multiplied and added; convert with x.to(minidl.int64)")
    lengths = _lengths(terms, [shape_of(x) for x in operands])
    simple = [_simplify(x, term, lengths) for x, term in zip(operands, terms, strict=True)]
    factors = []
    for k, (x, term) in enumerate(simple):
        needed = set(output).union(*(t for i, (_, t) in enumerate(simple) if i != k))
        alone = [i for i, index in enumerate(term) if index not in needed]
        kept = "".join(index for index in term if index in needed)
        factors.append((sum_of(x, alone) if alone else x, kept))
    if len(factors) == 1:
        ((x, term),) = factors
        return x if term == output else permute_(x, dims=tuple(map(term.index, output)))
    return einsum_(*(x for x, _ in factors), equation=f"{','.join(t for _, t in factors)}->{output}")


def _simplify(x: Value, term: str, lengths: dict[str, int]) -> tuple[Value, str]:
    """Take the diagonals, and drop the axes of length 1 that another operand stretches."""
    once = "".join(dict.fromkeys(term))
    if once != term:
        x, term = einsum_(x, equation=f"{term}->{once}"), once
    shape = shape_of(x)
    own = [i for i, index in enumerate(term) if shape[i] == lengths[index]]
    if len(own) == len(term):
        return x, term
    return reshape_(x, shape=tuple(shape[i] for i in own)), "".join(term[i] for i in own)


def _from_lists(given: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """Read operands that alternate with lists of axis numbers."""
    paired, rest = given[: len(given) // 2 * 2], given[len(given) // 2 * 2 :]
    lists = [*paired[1::2], *rest]
    if not paired or not all(isinstance(numbers, list | tuple) for numbers in lists):
        raise UsageError(
            "einsum: takes an equation such as 'ij,jk->ik' and its operands, or operands each with its list of axes"
        )
    texts = ["".join(map(_letter, numbers)) for numbers in lists]
    left = ",".join(texts[: len(paired) // 2])
    return (f"{left}->{texts[-1]}" if rest else left), paired[::2]


def _letter(number: Any) -> str:
    if number is Ellipsis:
        return "..."
    if isinstance(number, int) and 0 <= number < len(LETTERS):
        return LETTERS[number]
    raise UsageError(f"einsum: an axis number lies in 0 … {len(LETTERS) - 1}, or is `...`; got {number!r}")


def _read(equation: str, shapes: Sequence[Shape]) -> tuple[list[str], str]:
    """Read an equation into one text a term and the result's text, `...` replaced by names of its axes."""
    text = equation.replace(" ", "")
    left, arrow, right = text.partition("->")
    parts = left.split(",")
    if not shapes or len(shapes) > _LARGEST_COUNT:
        raise UsageError(f"einsum: takes 1 … {_LARGEST_COUNT} operands, got {len(shapes)}")
    if len(parts) != len(shapes):
        count = f"{len(parts)} term{'s' * (len(parts) > 1)} for {len(shapes)} operand{'s' * (len(shapes) > 1)}"
        raise UsageError(f"einsum: {equation!r} has {count}")
    covered = []
    for k, (part, shape) in enumerate(zip(parts, shapes, strict=True)):
        letters = _letters(part, equation)
        if len(letters) > len(shape) or (len(letters) < len(shape) and "..." not in part):
            raise ShapeError(
                f"einsum: {equation!r} has {len(letters)} subscripts for the {len(shape)} axes of operand {k}, {shape}"
                + ("" if "..." in part else "; `...` would stand for the others" * (len(letters) < len(shape)))
            )
        covered.append(len(shape) - len(letters))
    terms = [part.replace("...", ellipsis_names(n)) for part, n in zip(parts, covered, strict=True)]
    stretched = ellipsis_names(max(n if "..." in part else 0 for part, n in zip(parts, covered, strict=True)))
    if not arrow:
        flat = "".join(letter for part in parts for letter in _letters(part, equation))
        return terms, stretched + "".join(c for c in sorted(set(flat)) if flat.count(c) == 1)
    wanted = _letters(right, equation)
    for c in wanted:
        if wanted.count(c) > 1:
            raise UsageError(f"einsum: {equation!r}: {c} stands twice in the result")
        if c not in left:
            raise UsageError(f"einsum: {equation!r}: {c} of the result stands in no operand")
    return terms, right.replace("...", stretched)


def _letters(part: str, equation: str) -> str:
    letters = part.replace("...", "", 1)
    for c in letters:
        if c not in LETTERS:
            hint = "; `...` may stand once in a term" if c == "." else "; subscripts are the letters a … z and A … Z"
            raise UsageError(f"einsum: {equation!r}: {c!r} is no subscript{hint}")
    return letters


def _lengths(terms: Sequence[str], shapes: Sequence[Shape]) -> dict[str, int]:
    """The length of each index, 1 giving way to any other."""
    lengths: dict[str, int] = {}
    for k, (term, shape) in enumerate(zip(terms, shapes, strict=True)):
        own: dict[str, int] = {}
        for index, n in zip(term, shape, strict=True):
            if own.setdefault(index, n) != n:
                raise ShapeError(
                    f"einsum: {index} stands twice in operand {k} {shape}, on axes of different lengths {own[index]} and {n}"
                )
        for index, n in own.items():
            if lengths.setdefault(index, n) == 1:
                lengths[index] = n
            elif n not in (1, lengths[index]):
                _refuse_length(index, n, k, shape, lengths[index])
    return lengths


def _refuse_length(index: str, n: int, k: int, shape: Shape, before: int) -> NoReturn:
    what = index if index in LETTERS else "an axis of `...`"
    raise ShapeError(f"einsum: {what} has length {n} in operand {k} {shape}, but {before} in an operand before it")
