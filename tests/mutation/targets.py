"""What is broken: derivative rules, the helpers that they call, and kernels; found by looking, not listed by hand."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import minidl
from minidl.primitives import Primitive, catalogue, kinds, registry

from .mutants import NEIGHBOURS, Edit, Function, edits

SLOTS = ("partials", "transpose", "transposes", "rule", "forward_rule")
"""The attributes in which the kinds of primitive keep their rules."""

METHODS = ("partial", "vjp", "_slopes", "jvp")
"""What the kinds themselves do with the rules."""


@dataclass(eq=False, slots=True)
class Target:
    """A function to break.

    Attributes:
        name: where it is, such as `exponential: tanh.partials[0]` or `reduction._share`.
        part: `rules` or `kernels`.
        functions: the function; several where a factory made it more than once.
        node: its syntax tree.
        owners: the primitives in whose rules it is called.
    """

    name: str
    part: str
    functions: list[FunctionType]
    node: Function
    owners: list[Primitive] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Constant:
    """A partial derivative that is a plain number."""

    name: str
    owner: Any
    position: int
    part: str = "rules"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A target and what is done to it."""

    target: Target | Constant
    what: Edit | float

    @property
    def text(self) -> str:
        """What is done."""
        if isinstance(self.target, Constant):
            return f"{self.target.owner.partials[self.target.position]} → {self.what}"
        assert isinstance(self.what, Edit)
        return self.what.text

    @property
    def id(self) -> str:
        """Its full name, which does not change when lines move."""
        return f"{self.target.name}: {self.text}"

    @contextmanager
    def at_large(self) -> Iterator[None]:
        """Let it replace the original."""
        if isinstance(self.target, Constant):
            owner = self.target.owner
            whole = owner.partials
            owner.partials = (*whole[: self.target.position], self.what, *whole[self.target.position + 1 :])
            try:
                yield
            finally:
                owner.partials = whole
            return
        assert isinstance(self.what, Edit)
        functions = self.target.functions
        originals = [f.__code__ for f in functions]
        old = self.what.swap(self.what.new)
        try:
            code = compile_alone(self.target.node, originals[0])
        finally:
            self.what.swap(old)
        scopes = [f.__globals__ for f in functions]
        lent = [{name: f for name, f in _neighbours().items() if name not in scope} for scope in scopes]
        try:
            for f, scope, names in zip(functions, scopes, lent, strict=True):
                scope.update(names)
                f.__code__ = code
            yield
        finally:
            for f, scope, names, original in zip(functions, scopes, lent, originals, strict=True):
                f.__code__ = original
                for name in names:
                    scope.pop(name, None)


@cache
def _neighbours() -> dict[str, Any]:
    """What a mutant may call in place of its neighbour, where its module does not import it."""
    names = {name for group in NEIGHBOURS.values() for name in group}
    return {name: getattr(minidl, name) for name in names if name not in ("max", "min") and hasattr(minidl, name)}


def mutants_of(target: Target | Constant) -> list[Mutant]:
    """All the ways to break it."""
    if isinstance(target, Constant):
        p = target.owner.partials[target.position]
        return [Mutant(target, w) for w in ((-p, p + 1) if p else (1.0,))]
    elsewhere = _for_a_gpu(target.node)
    return [Mutant(target, e) for e in edits(target.node) if id(e.parent) not in elsewhere]


GPU = re.compile(r"DeviceArray|_ON_DEVICE|device_array|where_is|brought_to|fetched")
"""What a rule says only of arrays on a GPU, which the campaign does not compute on."""


def _for_a_gpu(function: Function) -> set[int]:
    """The nodes of a function, by identity, that matter on a GPU alone: tests/cuda tries them, on the simulated one."""
    found: set[int] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.If) and GPU.search(ast.unparse(node.test)):
            found |= {id(node), *(id(part) for branch in (node.test, *node.body) for part in ast.walk(branch))}
        elif isinstance(node, ast.stmt) and not hasattr(node, "body") and GPU.search(ast.unparse(node)):
            found |= {id(part) for part in ast.walk(node)}
    return found


# From a syntax tree to code, and back ----------------------------------------------------------------------------------


def compile_alone(node: Function, like: CodeType) -> CodeType:
    """Compile one function as if it stood in its module, with the same free variables as the code that it replaces."""
    free = like.co_freevars
    body: ast.stmt
    if isinstance(node, ast.Lambda):
        kept = ast.Lambda(node.args, _mention(node.body, free)) if free else node
        body = ast.Return(kept)
    else:
        dead = [ast.If(ast.Constant(False), [ast.Expr(_names(free))], [])] if free else []
        body = ast.FunctionDef(node.name, node.args, [*node.body, *dead], [], None, None)
    parameters = ast.arguments([], [ast.arg(name) for name in free], None, [], [], None, [])
    factory = ast.FunctionDef("factory", parameters, [body], [], None, None)
    module = ast.fix_missing_locations(ast.Module([factory], []))
    compiled = compile(module, like.co_filename, "exec", dont_inherit=True)
    (outer,) = (c for c in compiled.co_consts if isinstance(c, CodeType))
    code = next(c for c in outer.co_consts if isinstance(c, CodeType) and c.co_name == like.co_name)
    assert code.co_freevars == free, (code.co_freevars, free)
    return code


def _names(names: tuple[str, ...]) -> ast.expr:
    return ast.Tuple([ast.Name(n, ast.Load()) for n in names], ast.Load())


def _mention(body: ast.expr, names: tuple[str, ...]) -> ast.expr:
    """The same expression, beside a branch that is never taken and holds the names."""
    return ast.IfExp(ast.Constant(True), body, _names(names))


@cache
def _tree(file: str) -> ast.Module:
    return ast.parse(Path(file).read_text(encoding="utf-8"))


def node_of(code: CodeType) -> Function | None:
    """The syntax tree of a function in a file."""
    found: list[Function] = []
    if not Path(code.co_filename).is_file():
        return None
    for node in ast.walk(_tree(code.co_filename)):
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            if min([node.lineno, *(d.lineno for d in node.decorator_list)]) == code.co_firstlineno:
                return node
        elif isinstance(node, ast.Lambda) and code.co_name == "<lambda>" and _holds(node.body, code):
            found.append(node)
    return min(found, key=lambda n: len(ast.unparse(n))) if found else None


def _holds(body: ast.expr, code: CodeType) -> bool:
    first, last = (body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset)
    spans = [s for s in code.co_positions() if s[3]]  # without the instruction that stands for the function's start
    return bool(spans) and all(first <= (s[0], s[2]) and (s[1], s[3]) <= last for s in spans)


# The rules -------------------------------------------------------------------------------------------------------------


def rules() -> list[Target | Constant]:
    """Every derivative rule in the registry, what the kinds of primitive do with them, and the helpers of both."""
    targets: dict[CodeType, Target] = {}
    constants: list[Target | Constant] = []
    for primitive in registry.values():
        for slot, position, rule in _slots(primitive):
            name = f"{_family(primitive.forward)}: {primitive.name}.{slot}{'' if position is None else f'[{position}]'}"
            if isinstance(rule, int | float):
                constants.append(Constant(name, primitive, position or 0))
            elif isinstance(rule, partial):
                _add(targets, rule.func, "rules", "", primitive)
            elif isinstance(rule, FunctionType):
                _add(targets, rule, "rules", name if rule.__name__ == "<lambda>" else "", primitive)
    for kind in {
        cls: None for p in registry.values() for cls in type(p).__mro__ if cls.__module__ != Primitive.__module__
    }:
        for method in METHODS:
            if method in vars(kind):
                name = f"{_family(vars(kind)[method])}.{kind.__name__}.{method}"
                for primitive in registry.values():
                    if isinstance(primitive, kind):
                        _add(targets, vars(kind)[method], "rules", name, primitive)
    waiting = [(f, t.owners) for t in targets.values() for f in t.functions]
    public = {op.function for op in catalogue.values()}
    while waiting:
        function, owners = waiting.pop(0)
        for helper in _called(function):
            if helper not in public and not _refuses(helper):
                known = targets.get(helper.__code__)
                new = [o for o in owners if known is None or o not in known.owners]
                for owner in new:
                    _add(targets, helper, "rules", "", owner)
                if new:
                    waiting.append((helper, new))
    return [*constants, *targets.values()]


def _refuses(function: FunctionType) -> bool:
    """Whether a function raises errors: then it reads a user's arguments, which tests of refusals see to."""
    node = node_of(function.__code__)
    return node is not None and any(
        isinstance(n, ast.Raise) or (isinstance(n, ast.Name) and n.id.startswith("require")) for n in ast.walk(node)
    )


def _slots(primitive: Any) -> Iterator[tuple[str, int | None, Any]]:
    seen = set()
    for slot in SLOTS:
        rule = getattr(primitive, slot, None)
        if isinstance(rule, tuple):
            yield from ((slot, i, r) for i, r in enumerate(rule))
        elif rule is not None and id(rule) not in seen:
            seen.add(id(rule))
            yield slot, None, rule


def _family(function: Any) -> str:
    module = str(function.__module__).removeprefix("minidl.")
    return module.rpartition(".")[2] if module.startswith("primitives.") else module


def _add(targets: dict[CodeType, Target], function: Any, part: str, name: str = "", owner: Any = None) -> None:
    code = function.__code__
    if code not in targets:
        node = node_of(code)
        if node is None:
            return
        targets[code] = Target(name or f"{_family(function)}.{function.__qualname__}", part, [], node)
    target = targets[code]
    if function not in target.functions:
        target.functions.append(function)
    if owner is not None and owner not in target.owners:
        target.owners.append(owner)


def _called(function: FunctionType) -> Iterator[FunctionType]:
    """Functions of ours that stand in a function's code by name."""
    names: set[str] = set()
    codes = [function.__code__]
    while codes:
        code = codes.pop()
        names.update(code.co_names)
        codes += [c for c in code.co_consts if isinstance(c, CodeType)]
    cells = [c.cell_contents for c in function.__closure__ or ()]
    for value in [*(function.__globals__.get(n) for n in sorted(names)), *cells]:
        if isinstance(value, FunctionType) and value.__module__.startswith(
            ("minidl.primitives", "minidl.nn.functional")
        ):
            yield value


# The kernels -----------------------------------------------------------------------------------------------------------


NOT_YET = {
    "adding", "choices", "direct_weight", "functions", "gathering", "log_rows", "moments", "panels", "quotients", "rectify",
    "rows", "running", "spreading", "summing", "transposing", "winograd", "winograd_weight",
}  # fmt: skip
"""Modules whose mutants nobody has gone through yet; tests compare them with the plain path all the same."""


def kernels() -> list[Target | Constant]:
    """The functions in minidl/kernels/cpu that Numba compiles; what surrounds them is NumPy's work, and checks."""
    from minidl.kernels import cpu

    targets: dict[CodeType, Target] = {}
    for found in pkgutil.walk_packages(cpu.__path__, f"{cpu.__name__}."):
        if found.name.rpartition(".")[2] in NOT_YET:
            continue
        for function in _functions(importlib.import_module(found.name)):
            if _is_compiled(function):
                _add(targets, function, "kernels")
    return list(targets.values())


def _is_compiled(function: FunctionType) -> bool:
    decorators = getattr(node_of(function.__code__), "decorator_list", [])
    return any(isinstance(d, ast.Call) and isinstance(d.func, ast.Name) and d.func.id == "kernel" for d in decorators)


def _functions(module: ModuleType) -> Iterator[FunctionType]:
    for value in vars(module).values():
        function = getattr(value, "py_func", value)  # what Numba has compiled, if it is not switched off
        if isinstance(function, FunctionType) and function.__code__.co_filename == module.__file__:
            yield function


PARTS = {"rules": rules, "kernels": kernels}

__all__ = ["PARTS", "Constant", "Mutant", "Target", "kernels", "kinds", "mutants_of", "rules"]
