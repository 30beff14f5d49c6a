"""The small ways to break a function: each mutant is one edit of its syntax tree."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
}

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}

NEIGHBOURS = {
    "greater": ("greater_equal", "less"),
    "greater_equal": ("greater", "less_equal"),
    "less": ("less_equal", "greater"),
    "less_equal": ("less", "greater_equal"),
    "equal": ("not_equal",),
    "not_equal": ("equal",),
    "maximum": ("minimum",),
    "minimum": ("maximum",),
    "max": ("min",),
    "min": ("max",),
    "sin": ("cos",),
    "cos": ("sin",),
    "sinh": ("cosh",),
    "cosh": ("sinh",),
    "tril": ("triu",),
    "triu": ("tril",),
    "floor": ("ceil",),
    "ceil": ("floor",),
    "argmax": ("argmin",),
    "argmin": ("argmax",),
}
"""Functions that are easily mistaken for each other."""

SYMMETRIC = {"add", "multiply", "maximum", "minimum", "max", "min", "equal", "not_equal", "logical_and", "logical_or"}
"""Calls in which the order of the first two arguments makes no difference."""

SPECIALISTS = {"getattr", "hasattr", "callable", "len", "range", "zip", "enumerate", "tuple", "list", "int", "slice"}
"""Python's own calls, neither swapped nor dropped: what is left would not be a plausible slip."""

Function = ast.FunctionDef | ast.Lambda


@dataclass(frozen=True, slots=True)
class Edit:
    """One node of a syntax tree to be replaced.

    Attributes:
        text: what is done, such as `x + y → x - y`; a number follows where the function has several alike.
        parent: the node whose field holds the old one.
        field: the field's name.
        index: the place in the field, where that is a list.
        new: what comes there.
    """

    text: str
    parent: ast.AST
    field: str
    index: int | None
    new: ast.AST

    def swap(self, node: ast.AST) -> ast.AST:
        """Put `node` into the place and return what was there."""
        holder: Any = getattr(self.parent, self.field)
        old: ast.AST = holder if self.index is None else holder[self.index]
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            holder[self.index] = node
        return old


def edits(function: Function) -> list[Edit]:
    """Every edit of a function's body, in the order of the source; none of its signature, docstring or error messages."""
    found = list(_walk(function))
    count = Counter(e.text for e in found)
    seen: Counter[str] = Counter()
    numbered = []
    for e in found:
        seen[e.text] += 1
        text = f"{e.text} #{seen[e.text]}" if count[e.text] > 1 else e.text
        numbered.append(Edit(text, e.parent, e.field, e.index, e.new))
    return numbered


def _walk(function: Function) -> Iterator[Edit]:
    if isinstance(function, ast.Lambda):
        yield from _signs(function, "body")
        yield from _below(function, "body", None, function.body)
        return
    for i, statement in enumerate(function.body):
        if not (i == 0 and _is_text(statement)):
            yield from _below(function, "body", i, statement)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_call(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def _only_refuses(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and not node.orelse and isinstance(node.body[-1], ast.Raise)


def _below(parent: ast.AST, field: str, index: int | None, node: ast.AST) -> Iterator[Edit]:
    """The edits of `node` itself, then those of all that it holds."""
    if isinstance(node, ast.Raise | ast.Assert | ast.JoinedStr | ast.Import | ast.ImportFrom | ast.arguments):
        return
    if _only_refuses(node) or _is_text(node):  # what a function refuses is tested as such
        return
    if _is_call(node, "isinstance") or (isinstance(node, ast.keyword) and node.arg == "strict"):
        return
    for text, new in _replacements(node):
        if _text(new) == _text(node):
            continue
        ast.fix_missing_locations(ast.copy_location(new, node))
        yield Edit(text, parent, field, index, new)
    if isinstance(node, ast.Return) and node.value is not None:
        yield from _signs(node, "value")
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "args") and not isinstance(node, ast.Call):
            continue
        if isinstance(node, ast.Call) and name == "func" and isinstance(value, ast.Name):
            continue
        if isinstance(value, ast.AST):
            yield from _below(node, name, None, value)
        elif isinstance(value, list):
            for i, child in enumerate(value):
                if isinstance(child, ast.AST):
                    yield from _below(node, name, i, child)


def _signs(holder: ast.AST, field: str) -> Iterator[Edit]:
    """Flip the sign of what a function returns, or of each of several results."""
    value = getattr(holder, field)
    places: list[tuple[ast.AST, str, int | None, ast.expr]] = [(holder, field, None, value)]
    if isinstance(value, ast.Tuple) and value.elts:
        places = [(value, "elts", i, e) for i, e in enumerate(value.elts)]
    for parent, name, i, e in places:
        if isinstance(e, ast.Starred | ast.UnaryOp | ast.Constant):
            continue
        new = ast.copy_location(ast.UnaryOp(ast.USub(), e), e)
        yield Edit(f"{_text(e)} → {_text(new)}", parent, name, i, ast.fix_missing_locations(new))


def _text(node: ast.AST) -> str:
    lines = ast.unparse(ast.fix_missing_locations(node)).splitlines()
    return lines[0] + (" …" if len(lines) > 1 else "")


def _replacements(node: ast.AST) -> Iterator[tuple[str, Any]]:
    if isinstance(node, ast.stmt):
        yield from _statements(node)
        return
    for new in _expressions(node):
        yield f"{_text(node)} → {_text(new)}", new


def _statements(node: ast.stmt) -> Iterator[tuple[str, ast.stmt]]:
    stored = isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript)
    if stored or isinstance(node, ast.AugAssign | ast.Expr | ast.Continue):
        yield f"drop {_text(node)}", ast.Pass()
    if isinstance(node, ast.AugAssign):
        other = OPERATORS.get(type(node.op))
        if other:
            new = ast.AugAssign(node.target, other(), node.value)
            yield f"{_text(node)} → {_text(new)}", new
        plain = ast.Assign([node.target], node.value)
        yield f"{_text(node)} → {_text(plain)}", plain
    if isinstance(node, ast.If):
        for truth in (True, False):
            yield f"if {_text(node.test)} → {truth}", ast.If(ast.Constant(truth), node.body, node.orelse)


def _expressions(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.BinOp():
            yield from _binary(node)
        case ast.UnaryOp(op=ast.USub() | ast.Not() | ast.Invert()):
            yield node.operand
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int() | float() as number):
            yield ast.Constant(number + 1)
        case ast.Compare(ops=[op], comparators=[_]):
            for other in COMPARISONS.get(type(op), ()):
                yield ast.Compare(node.left, [other()], node.comparators)
        case ast.Compare():  # a chain: each link in turn
            for i, op in enumerate(node.ops):
                other = COMPARISONS[type(op)][0]
                yield ast.Compare(node.left, [*node.ops[:i], other(), *node.ops[i + 1 :]], node.comparators)
        case ast.BoolOp():
            yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
            for i in range(len(node.values)):
                rest = [*node.values[:i], *node.values[i + 1 :]]
                yield rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
        case ast.IfExp():
            yield node.body
            yield node.orelse
        case ast.Attribute(attr="mT" | "T" | "mH"):
            yield node.value
        case ast.Call():
            yield from _calls(node)


def _binary(node: ast.BinOp) -> Iterator[ast.expr]:
    other = OPERATORS.get(type(node.op))
    if other:
        yield ast.BinOp(node.left, other(), node.right)
    if isinstance(node.op, ast.MatMult | ast.Pow):
        yield ast.BinOp(node.right, node.op, node.left)
    yield node.left
    if isinstance(node.op, ast.Sub):
        yield ast.UnaryOp(ast.USub(), node.right)
    elif isinstance(node.op, ast.Div):
        yield ast.BinOp(ast.Constant(1), ast.Div(), node.right)
    else:
        yield node.right


def _calls(node: ast.Call) -> Iterator[ast.expr]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    for other in NEIGHBOURS.get(name, ()):
        func = (
            ast.Attribute(node.func.value, other, node.func.ctx)
            if isinstance(node.func, ast.Attribute)
            else ast.Name(other, ast.Load())
        )
        yield ast.Call(func, node.args, node.keywords)
    if name not in SPECIALISTS:
        loose = [a for a in node.args if not isinstance(a, ast.Starred)]
        if len(loose) >= 2 and loose == node.args and name not in SYMMETRIC:
            yield ast.Call(node.func, [node.args[1], node.args[0], *node.args[2:]], node.keywords)
        if name == "where" and len(loose) == 3:
            yield ast.Call(node.func, [node.args[0], node.args[2], node.args[1]], node.keywords)
        if loose:
            yield loose[0]
    for i in (i for i, keyword in enumerate(node.keywords) if keyword.arg not in ("strict", None)):
        yield ast.Call(node.func, node.args, [*node.keywords[:i], *node.keywords[i + 1 :]])
