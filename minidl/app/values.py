"""Values typed on the command line: `x=-2`, `W=[[1,2],[3,-1]]`, read as numbers and never run."""

from __future__ import annotations

import ast
import re
import unicodedata
import warnings
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

import minidl

from ..errors import UsageError

LARGEST: Final = 10_000
_LONGEST: Final = 200_000


def parse_values(given: Sequence[str], inputs: Sequence[str]) -> dict[str, Any]:
    """Read `x=-2`, `W=[[1,2],[3,-1]]` into tensors that want gradients, one for each of `inputs`.

    Raises:
        UsageError: a value that is no number or regular list of numbers, a name without value, a value without use.

    >>> values = parse_values(["x=-2", "w=[1, 2.5]"], ["w", "x"])
    >>> values["x"].item(), values["w"].tolist()
    (-2.0, [1.0, 2.5])
    """
    arrays: dict[str, Any] = {}
    for item in given:
        name, equals, literal = item.partition("=")
        name = unicodedata.normalize("NFKC", name.strip())
        if not equals or not name.isidentifier():
            raise UsageError(
                f"{item[:60]!r} is not a value; write name=number or name=[…], such as x=-2 or 'b=[0.5,-2]'"
            )
        if name in arrays:
            raise UsageError(f"{name} is given twice")
        arrays[name] = _array(name, literal)
    missing = [name for name in inputs if name not in arrays]
    if missing:
        example = " ".join(f"{name}=…" for name in missing)
        raise UsageError(f"{_listed(missing)} {_has(missing)} no value; add {example} after the expression")
    unused = [name for name in arrays if name not in inputs]
    if unused:
        raise UsageError(f"{_listed(unused)} {_has(unused)} a value but no place in the expression, whose names are "
                         f"{_listed(inputs)}")  # fmt: skip
    return {
        name: minidl.scalar(float(array), name=name)
        if array.ndim == 0
        else minidl.tensor(array, dtype=minidl.float64, requires_grad=True, name=name)
        for name, array in ((name, arrays[name]) for name in inputs)
    }


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _has(names: Sequence[str]) -> str:
    return "have" if len(names) > 1 else "has"


def _array(name: str, literal: str) -> np.ndarray[Any, Any]:
    if len(literal) > _LONGEST:
        raise UsageError(f"the value of {name} has {len(literal)} characters; at most {_LONGEST} are read")
    shown = literal.strip()[:60]
    if re.fullmatch(r"[-+−\s]*(inf|infinity|nan)\s*", literal, re.IGNORECASE):
        raise UsageError(f"{name}={shown}: only finite numbers can be drawn")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(literal.strip().replace("−", "-"), mode="eval").body
        nested = _numbers(name, tree, 0)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(
            f"{name}={shown}: this is neither a number nor a list of numbers such as [[1,2],[3,-1]]"
        ) from error
    _check_regular(name, nested)
    array = np.array(nested, np.float64)
    if array.size > LARGEST:
        raise UsageError(f"{name} has {array.size} numbers; at most {LARGEST} are read")
    return array


def _numbers(name: str, node: ast.expr, depth: int) -> Any:
    """Return a number or nested lists of numbers."""
    if depth > 5:
        raise UsageError(f"{name} is nested more than five deep")
    if isinstance(node, ast.List | ast.Tuple):
        if not node.elts:
            raise UsageError(f"{name} has an empty list; give it at least one number")
        return [_numbers(name, part, depth + 1) for part in node.elts]
    sign = 1.0
    while isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        sign = -sign if isinstance(node.op, ast.USub) else sign
        node = node.operand
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        try:
            number = sign * float(node.value)
        except OverflowError:
            number = np.inf
        if not np.isfinite(number):
            raise UsageError(f"{name} holds a number too large to draw; only finite numbers can be drawn")
        return number
    shown = ast.unparse(node)[:40]
    if shown.lower() in {"inf", "nan", "infinity"}:
        raise UsageError(f"{name} holds {shown}; only finite numbers can be drawn")
    raise UsageError(f"{name} holds {shown!r}, which is neither a number nor a list of numbers")


def _amount(entries: int | None) -> str:
    return "is a single number" if entries is None else f"has {entries} entr{'y' if entries == 1 else 'ies'}"


def _check_regular(name: str, nested: Any) -> None:
    """Refuse lists whose rows differ, saying which."""
    if not isinstance(nested, list):
        return
    lengths = [len(part) if isinstance(part, list) else None for part in nested]
    for i, length in enumerate(lengths[1:], 2):
        if length != lengths[0]:
            first, other = (_amount(n) for n in (lengths[0], length))
            raise UsageError(f"{name} is not regular: its row 1 {first}, its row {i} {other}")
    for part in nested:
        _check_regular(name, part)
    if isinstance(nested[0], list):
        shapes = {np.shape(part) for part in nested}
        if len(shapes) > 1:
            raise UsageError(f"{name} is not regular: its parts have the shapes {', '.join(map(str, sorted(shapes)))}")
