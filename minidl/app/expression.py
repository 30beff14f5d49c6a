"""Expressions typed on the command line: read with a whitelist, never run as Python.

`f = (x + y) * z` and `z = norm(W @ x + b)**2` become graphs of tensors. Anything that is not arithmetic on names, numbers
and a few functions is refused, with a caret under the place.
"""

from __future__ import annotations

import ast
import difflib
import operator
import re
import unicodedata
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

import numpy as np

import minidl

from ..errors import MinidlError, UsageError
from .functions import FUNCTIONS, transpose

LONGEST: Final = 2000
DEEPEST: Final = 100
_SHOWN: Final = 64
_NO_ARITHMETIC: Final = "this is not arithmetic; an expression holds names, numbers, + - * / @ ** and functions"


_OPERATORS: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.MatMult: operator.matmul,
    ast.Pow: operator.pow,
}
_INSTEAD: Final = {
    "−": "write - for minus",
    "–": "write - for minus",
    "×": "write * for times",
    "·": "write * for times, @ for a product of matrices",
    "⋅": "write * for times, @ for a product of matrices",
    "÷": "write / for divided by",
    "²": "write **2 for a square",
    "³": "write **3 for a cube",
    "ᵀ": "write .T for a transpose",
    "‖": "write norm(v) for ‖v‖",
    "√": "write sqrt(x) for a root",
    "^": "write ** for powers",
}


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that was read and found to be plain arithmetic.

    Attributes:
        text: what was typed.
        statements: the steps in order, each with the name it defines (None for a last step without one).
        inputs: the names that need values, in the order in which they occur.
    """

    text: str
    statements: tuple[tuple[str | None, ast.expr], ...]
    inputs: tuple[str, ...]

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """Compute the last step from tensors for the inputs, naming every step that has a name.

        Raises:
            UsageError: shapes that do not fit, a division by zero of plain numbers, a result that is a plain number.

        >>> x = minidl.scalar(3.0, name="x")
        >>> parse("q = x + 1; f = q * q").evaluate({"x": x}).item()
        16.0
        """
        known = dict(values)
        result: Any = None
        with np.errstate(all="ignore"):
            for name, tree in self.statements:
                result = _Evaluation(self.text, known).of(tree)
                if name is not None:
                    known[name] = result
                    if isinstance(result, minidl.Tensor) and result.name is None:
                        result.named(name)
        if not isinstance(result, minidl.Tensor):
            raise UsageError(f"{self.text.strip()[:80]!r} is the plain number {result:g}; use a name, such as x, in it")
        return result


def parse(text: str) -> Expression:
    """Read an expression, or several steps separated by `;`.

    Raises:
        UsageError: it holds anything but arithmetic; the message shows where.

    >>> parse("z = norm(W @ x + b)**2").inputs
    ('W', 'x', 'b')
    """
    if len(text) > LONGEST:
        raise UsageError(f"the expression has {len(text)} characters; at most {LONGEST} are read")
    if not text.strip():
        raise UsageError("the expression is empty; try 'f = (x + y) * z'")
    for i, letter in enumerate(text):
        if letter in _INSTEAD:
            _refuse(text, i, _INSTEAD[letter])
        if letter in "\r\n" or unicodedata.category(letter) in {"Cc", "Cs", "Cf"}:
            _refuse(text, i, "write the expression on one line, its steps separated by ;")
    text = text.rstrip().rstrip(";")
    indent = len(text) - len(text.lstrip())
    reading = _Reading(text)
    statements = tuple(reading.statement(s, i == 0) for i, s in enumerate(reversed(_syntax(text, indent))))[::-1]
    seen: dict[str, None] = {}
    defined: set[str] = set()
    for name, tree in statements:
        for found in sorted((n for n in ast.walk(tree) if isinstance(n, ast.Name)), key=lambda n: n.col_offset):
            if found.id not in defined and found.id not in reading.called:
                seen[found.id] = None
            elif found.id in reading.called and found not in reading.callees:
                reading.refuse(found, f"{found.id} is a function here; write {found.id}(…)")
        if name is not None:
            if name in defined or name in seen:
                raise UsageError(f"{name} is defined twice, or used before its definition; give each step its own name")
            defined.add(name)
    return Expression(text, statements, tuple(seen))


def _syntax(text: str, indent: int) -> list[ast.stmt]:
    """Let Python's parser, which runs nothing, split the text into a tree."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(text[indent:], mode="exec").body
    except SyntaxError as error:
        _refuse(text, min(len(text), indent + max((error.offset or 1) - 1, 0)), _hint(text, error))
    except (RecursionError, MemoryError, ValueError, OverflowError) as error:
        raise UsageError(f"the expression is nested too deeply to read: {text[:40]}…") from error
    if not body:
        raise UsageError("the expression is empty; try 'f = (x + y) * z'")
    for node in body:
        for part in ast.walk(node):
            if hasattr(part, "col_offset"):
                part.col_offset += indent  # columns count bytes, and the indent is of spaces
    return body


def _hint(text: str, error: SyntaxError) -> str:
    if "decimal literal" in error.msg:
        return "write * between factors, and begin names with a letter"
    if (
        error.offset is not None
        and re.search(r"[\w)\]]\s*$", text[: error.offset - 1])
        and re.match(r"\s*[\w(\[]", text[error.offset - 1 :])
    ):
        return "write * between factors"
    reason = error.msg.partition(".")[0].partition(" (")[0]
    return "this cannot be read as arithmetic" if "invalid syntax" in reason else reason


@dataclass(slots=True)
class _Reading:
    """Checks every part of a tree against the whitelist."""

    text: str
    called: set[str] = field(default_factory=lambda: set(FUNCTIONS))
    callees: set[ast.Name] = field(default_factory=set)

    def refuse(self, node: ast.AST, reason: str) -> NoReturn:
        _refuse(self.text, _column(self.text, node), reason)

    def statement(self, node: ast.stmt, last: bool) -> tuple[str | None, ast.expr]:
        if isinstance(node, ast.Assign):
            target = node.targets[0]
            if len(node.targets) > 1 or not isinstance(target, ast.Name):
                self.refuse(node.targets[-1], "on the left of = stands one name")
            if target.id in FUNCTIONS:
                self.refuse(target, f"{target.id} is a function here; choose another name")
            self.check(node.value, 0)
            return target.id, node.value
        if not isinstance(node, ast.Expr):
            self.refuse(node, _NO_ARITHMETIC)
        self.check(node.value, 0)
        if not last:
            self.refuse(node, "only the last step may be without a name; write q = … here")
        return None, node.value

    def check(self, node: ast.expr, depth: int) -> None:
        if depth > DEEPEST:
            self.refuse(node, f"nested more than {DEEPEST} deep; split it into steps with ;")
        if isinstance(node, ast.BinOp):
            if type(node.op) not in _OPERATORS:
                self._operator(node)
            self.check(node.left, depth + 1)
            self.check(node.right, depth + 1)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            self.check(node.operand, depth + 1)
        elif isinstance(node, ast.Call):
            self._call(node, depth)
        elif isinstance(node, ast.Attribute):
            if node.attr != "T":
                self._attribute(node)
            self.check(node.value, depth + 1)
        elif isinstance(node, ast.Constant):
            self._number(node)
        elif not isinstance(node, ast.Name):
            self.refuse(node, _why_not(node))

    def _operator(self, node: ast.BinOp) -> NoReturn:
        at = _column(self.text, node.left, end=True)
        while at < len(self.text) and self.text[at] in " )":
            at += 1
        _refuse(self.text, at, "only + - * / @ ** can be drawn")

    def _call(self, node: ast.Call, depth: int) -> None:
        if not isinstance(node.func, ast.Name):
            if isinstance(node.func, ast.Attribute):
                self._attribute(node.func)
            self.refuse(node, "only functions can be called; write * between factors")
        name = node.func.id
        if name not in FUNCTIONS:
            near = difflib.get_close_matches(name, FUNCTIONS, 3)
            hint = f"did you mean {' or '.join(near)}?" if near else "`minidl ops` shows the operations"
            self.refuse(node.func, f"there is no function {name}; {hint}")
        counts = FUNCTIONS[name][0]
        if node.keywords or any(isinstance(x, ast.Starred) for x in node.args):
            self.refuse(node.func, f"{name} takes plain arguments only")
        if len(node.args) not in counts:
            wanted = " or ".join(map(str, counts))
            self.refuse(node.func, f"{name} takes {wanted} argument{'s' * (counts != (1,))}, here are {len(node.args)}")
        self.callees.add(node.func)
        for argument in node.args:
            self.check(argument, depth + 1)

    def _attribute(self, node: ast.Attribute) -> NoReturn:
        column = _column(self.text, node, end=True) - len(node.attr)
        hint = f"write {node.attr}(…)" if node.attr in FUNCTIONS else "only .T, the transpose, may follow a point"
        _refuse(self.text, column, hint)

    def _number(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            self.refuse(node, f"{str(node.value)[:20]!r} is not a number")
        try:
            finite = np.isfinite(float(node.value))
        except OverflowError:
            finite = False
        if not finite:
            self.refuse(node, "this number is too large")


def _why_not(node: ast.expr) -> str:
    if isinstance(node, ast.List | ast.Tuple):
        return "give lists of numbers as values, such as 'W=[[1, 2], [3, 4]]'"
    if isinstance(node, ast.Compare | ast.BoolOp | ast.IfExp):
        return "comparisons have no derivative to draw; use max, min or relu"
    if isinstance(node, ast.Subscript):
        return "indexing is not read here; give the part a name of its own"
    return _NO_ARITHMETIC


@dataclass(slots=True)
class _Evaluation:
    """Computes a checked tree."""

    text: str
    known: Mapping[str, Any]

    def of(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Name):
            return self.known[node.id]
        if isinstance(node, ast.Constant):
            return float(node.value)  # type: ignore[arg-type]
        if isinstance(node, ast.UnaryOp):
            value = self.of(node.operand)
            return -value if isinstance(node.op, ast.USub) else value
        if isinstance(node, ast.Attribute):
            return self._apply(node, transpose, self._tensor(node.value))
        if isinstance(node, ast.Call):
            name = node.func.id  # type: ignore[attr-defined]
            arguments = [self.of(x) for x in node.args]
            if not any(isinstance(x, minidl.Tensor) for x in arguments):
                arguments = [minidl.scalar(x, requires_grad=False) for x in arguments]
            return self._apply(node, FUNCTIONS[name][1], *arguments)
        assert isinstance(node, ast.BinOp)
        if _is_squared_norm(node):
            return self._apply(node, minidl.squared_norm, self._tensor(node.left.args[0]))  # type: ignore[attr-defined]
        return self._apply(node, _OPERATORS[type(node.op)], self.of(node.left), self.of(node.right))

    def _tensor(self, node: ast.expr) -> Any:
        value = self.of(node)
        return value if isinstance(value, minidl.Tensor) else minidl.scalar(value, requires_grad=False)

    def _apply(self, node: ast.expr, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            result = function(*arguments)
        except ZeroDivisionError:
            reason = "division by zero"
        except OverflowError:
            reason = "this number is too large"
        except MinidlError as error:
            reason = str(error)
        except TypeError as error:
            reason = "@ is a product of matrices and vectors; write * for numbers" if _is_matmul(node) else str(error)
        else:
            if not isinstance(result, complex) and (not isinstance(result, float) or np.isfinite(result)):
                return result
            reason = "this has no real value" if isinstance(result, complex) else "this number is too large"
        column = _operator_column(self.text, node) if isinstance(node, ast.BinOp) else _column(self.text, node)
        return _refuse(self.text, column, reason)


def _is_matmul(node: ast.expr) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)


def _is_squared_norm(node: ast.BinOp) -> bool:
    """Whether this is norm(v)**2, which is one operation, ‖v‖²: unlike the norm it has a derivative everywhere."""
    base, exponent = node.left, node.right
    return (
        isinstance(node.op, ast.Pow)
        and isinstance(exponent, ast.Constant)
        and exponent.value == 2
        and isinstance(base, ast.Call)
        and isinstance(base.func, ast.Name)
        and base.func.id == "norm"
    )


def _column(text: str, node: ast.AST, end: bool = False) -> int:
    """Return where a part begins or ends, in characters (the parser counts bytes)."""
    offset = getattr(node, "end_col_offset" if end else "col_offset", 0) or 0
    return len(text.encode("utf-8")[:offset].decode("utf-8", "ignore"))


def _operator_column(text: str, node: ast.BinOp) -> int:
    start, stop = _column(text, node.left, end=True), _column(text, node.right)
    between = re.search(r"[-+*/@]", text[start:stop])
    return start + between.start() if between else start


def _refuse(text: str, column: int, reason: str) -> NoReturn:
    """Raise with the expression and a caret under `column`; of a long expression only the part around it is shown."""
    from rich.cells import cell_len

    first = max(0, column - _SHOWN // 2)
    excerpt = ("…" if first else "") + text[first : first + _SHOWN] + ("…" if first + _SHOWN < len(text) else "")
    before = ("…" if first else "") + text[first:column]
    printable = "".join(letter if letter.isprintable() else "�" for letter in excerpt)
    indent = cell_len("".join(letter if letter.isprintable() else "�" for letter in before))
    raise UsageError(f"{reason}\n\n    {printable}\n    {' ' * indent}^")
