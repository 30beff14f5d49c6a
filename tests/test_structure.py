"""The house rules of the import graph, read from the source."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

FLOORS = [
    {"errors", "files", "processes", "differences", "_version"},
    {"kernels"},
    {"graph"},
    {"primitives"},
    {"autodiff"},
    {"printing", "operators", "placement", "tensor", "creation", "linalg", "func", "cuda"},
    {"tape", "profiler"},
    {"nn"},
    {"optim", "data", "models"},
    {"training", "sweeps"},
    {"app", "__main__"},
]
"""minidl's floors, from the ground up: nothing imports from a floor above its own."""

LEVEL = {name: level for level, names in enumerate(FLOORS) for name in names}


def imports(path: Path, root: Path) -> set[str]:
    """The dotted names of ours that a file imports, wherever in the file it does so; for typing alone does not count."""
    package = path.relative_to(root).with_suffix("").parts
    found: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level]) if node.level else []
            module = [*base, *(node.module.split(".") if node.module else [])]
            found.add(".".join(module))
            found |= {".".join([*module, alias.name]) for alias in node.names}
    return found


def sources(root: Path, package: str) -> list[Path]:
    return sorted((root / package).rglob("*.py"))


def test_every_part_of_minidl_has_a_floor(repository: Path) -> None:
    parts = {p.stem if p.is_file() else p.name for p in (repository / "minidl").iterdir()}
    parts -= {"__init__", "__pycache__", "py"}
    assert parts == set(LEVEL)


def test_no_floor_of_minidl_imports_one_above_it(repository: Path) -> None:
    wrong = []
    for path in sources(repository, "minidl"):
        own = path.relative_to(repository / "minidl").parts[0].removesuffix(".py")
        if own in ("__init__", "__main__"):
            continue
        for name in imports(path, repository):
            parts = name.split(".")
            if parts[0] == "minidl" and len(parts) > 1 and LEVEL.get(parts[1], -1) > LEVEL[own]:
                wrong.append(f"{path.relative_to(repository)} imports {name}")
    assert not wrong


@pytest.mark.parametrize(("package", "forbidden"), [("minidl", {"viz", "tutorials"}), ("viz", {"tutorials"})])
def test_packages_import_downwards_only(repository: Path, package: str, forbidden: set[str]) -> None:
    wrong = [
        f"{path.relative_to(repository)} imports {name}"
        for path in sources(repository, package)
        if path.relative_to(repository).parts[:2] != ("minidl", "app")
        for name in imports(path, repository)
        if name.split(".")[0] in forbidden
    ]
    assert not wrong


def test_nothing_imports_the_roof(repository: Path) -> None:
    wrong = [
        f"{path.relative_to(repository)} imports {name}"
        for package in ("minidl", "viz", "tutorials")
        for path in sources(repository, package)
        if path.relative_to(repository).parts[:2] not in (("minidl", "app"), ("minidl", "__main__.py"))
        for name in imports(path, repository)
        if name.startswith("minidl.app")
    ]
    assert not wrong


@pytest.mark.parametrize("package", ["minidl", "viz"])
def test_importing_loads_nothing_heavy(package: str) -> None:
    heavy = ("numba", "scipy", "matplotlib", "torch", "rich", "pygraphviz", "graphviz", "PIL", "typer", "fontTools")
    code = f"import sys, {package}; print([m for m in {heavy!r} if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_no_file_is_executed_or_unpickled(repository: Path) -> None:
    """eval and exec appear nowhere but in the lessons, which run their own printed code; pickle nowhere at all."""
    wrong = []
    for package in ("minidl", "viz", "tutorials"):
        for path in sources(repository, package):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                called = (
                    isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("eval", "exec")
                )
                called = called and package != "tutorials"
                unpickles = (
                    isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False"
                )
                if called or unpickles:
                    wrong.append(f"{path}:{getattr(node, 'lineno', '')}")
            if imports(path, repository) & {"pickle", "marshal", "shelve"}:
                wrong.append(str(path))
    assert not wrong
