"""The tests that a mutant has to get past, of tests/engine, tests/kernels and tests/tape, and what each runs through."""

from __future__ import annotations

import importlib.util
import itertools
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

import pytest
from _pytest.mark import ParameterSet

from minidl.primitives import Constant, Primitive, catalogue, registry

TESTS = Path(__file__).parent.parent

WALKED = {"test_registry", "test_operations"}
"""Their walks over the records are taken apart below, so that a mutant meets the samples that concern it first."""

APART = {"test_mutation", "test_any_shape", "test_tape_models", "test_tape_binding", "test_memory", "test_prepared"}
"""This tool's own test; tests that draw their inputs anew each time; whole trainings, and kernels on much memory."""

PYTORCH = importlib.util.find_spec("torch") is not None
"""Whether comparisons with PyTorch are among the tests."""

PATIENCE = 5.0
"""How many seconds one check may take, beside twenty times what it usually takes, before it counts as hanging."""

Check = Callable[[], None]


@dataclass(eq=False, slots=True)
class Entry:
    """One sample of an operation's record, or one test.

    Attributes:
        name: what a report calls it.
        checks: what is called, the cheap and telling ones first.
        subject: the operation, if it is one's sample.
        cost: how long the first check takes, in seconds.
        code: the functions of interest that run.
    """

    name: str
    checks: list[tuple[str, Check]]
    subject: Any = None
    cost: float = 0.0
    code: set[CodeType] = field(default_factory=set)


class HangsError(Exception):
    """A check took too long."""


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Interrupt what takes longer."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise HangsError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def fails(check: Check, seconds: float = PATIENCE) -> str:
    """What a check says when it fails, in one line; nothing if it passes. A warning of NumPy is a failure."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", RuntimeWarning)
        warnings.filterwarnings("ignore", module=r"minidl\.kernels\.cpu\.")  # compiled, a kernel has no warnings
        try:
            with patience(seconds):
                check()
        except (Exception, pytest.fail.Exception) as error:
            return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
    return ""


def module_at(path: Path) -> ModuleType:
    """Import a test's file.

    Raises:
        pytest.skip.Exception: it does not want to run here.
    """
    spec = importlib.util.spec_from_file_location(f"tests_of_mutation_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


# The records -----------------------------------------------------------------------------------------------------------


def records_of_primitives() -> list[Entry]:
    """Each sample of each primitive that has a derivative."""
    checks = _checks()
    return [
        _record(p, p.name, s, i, checks)
        for p in registry.values()
        if not isinstance(p, Constant)
        for i, s in enumerate(getattr(p, "samples", ()))
    ]


def records_of_operations() -> list[Entry]:
    """Each sample of each public operation: of functions that can be differentiated all checks; PyTorch's results of all."""
    checks = _checks()
    operations = module_at(TESTS / "engine" / "test_operations.py")
    compare = operations.TestPyTorch().test_agrees
    entries = []
    for op in catalogue.values():
        primitive = isinstance(op.function, Primitive)
        for i, s in enumerate(op.samples):
            entry = _record(op.function if primitive else op, op.path, s, i, [])
            if not primitive and not fails(lambda op=op, s=s: _demand(operations.differentiable(op, s))):  # type: ignore[misc]
                entry = _record(op, op.path, s, i, checks)
            if PYTORCH and op.torch:
                entry.checks.append(("pytorch", partial(compare, op, s, "float64")))
            if entry.checks:
                entries.append(entry)
    return entries


def _checks() -> list[Any]:
    derivatives = module_at(TESTS / "engine" / "derivatives.py")
    order = ("first_order", "forward_mode", "second_order", "strides", "float32", "every_element")
    return sorted(derivatives.CHECKS, key=lambda c: order.index(_short(c)) if _short(c) in order else len(order))


def _demand(truth: bool) -> None:
    assert truth


def _short(check: Any) -> str:
    return str(check.__name__).removeprefix("check_")


def _record(subject: Any, name: str, sample: Any, i: int, checks: Sequence[Any]) -> Entry:
    return Entry(f"{name}-{i}", [(_short(c), lambda c=c: c(subject, sample)) for c in checks], subject)  # type: ignore[misc]


# The other tests -------------------------------------------------------------------------------------------------------


def others(*folders: str) -> list[Entry]:
    """The tests in these folders that need no fixture but `monkeypatch`."""
    entries = []
    if PYTORCH:
        import torch

        torch.set_num_threads(1)  # its threads would not survive the fork into processes
    for path in sorted(path for folder in folders for path in (TESTS / folder).glob("test_*.py")):
        if path.stem in WALKED | APART:
            continue
        try:
            module = module_at(path)
        except pytest.skip.Exception:
            continue
        except Exception as error:  # a name that the tests want is gone: to be reported like a test that fails
            entries.append(Entry(path.stem, [("import", partial(_raise, error))]))
            continue
        if not _elsewhere(module):
            for name, function in _functions(module):
                entries += [Entry(f"{path.stem}::{name}{label}", [("test", call)]) for label, call in _calls(function)]
    return entries


def _raise(error: Exception) -> None:
    raise error


def _marks(thing: Any) -> list[Any]:
    marks = getattr(thing, "pytestmark", [])
    return list(marks) if isinstance(marks, list) else [marks]


def _elsewhere(thing: Any) -> bool:
    without = {"slow", "browser", "skip", "skipif"} | (set() if PYTORCH else {"torch"})
    return hasattr(thing, "hypothesis") or any(m.name in without for m in _marks(thing))


def _functions(module: ModuleType) -> Iterator[tuple[str, Any]]:
    for name, value in vars(module).items():
        if name.startswith("test_") and callable(value) and not _elsewhere(value):
            yield name, value
        elif name.startswith("Test") and isinstance(value, type) and not _elsewhere(value):
            for method in vars(value):
                if method.startswith("test_") and not _elsewhere(getattr(value, method)):
                    yield f"{name}::{method}", getattr(value(), method)


def _calls(function: Any) -> Iterator[tuple[str, Check]]:
    """A test function with each of its parameters, as pytest would call it."""
    code = function.__code__
    wanted = set(code.co_varnames[: code.co_argcount]) - {"self"}
    groups = [_values(m) for m in _marks(function) if m.name == "parametrize"]
    for choice in itertools.product(*groups):
        given: dict[str, Any] = {}
        for part in choice:
            given.update(part)
        if wanted - {"monkeypatch"} == set(given):
            label = f"[{'-'.join(map(_label, given.values()))}]" if given else ""
            yield label, lambda given=given: _call(function, given, "monkeypatch" in wanted)  # type: ignore[misc]


def _values(mark: Any) -> list[dict[str, Any]]:
    names, values = mark.args[0], mark.args[1]
    names = [n.strip() for n in names.split(",")] if isinstance(names, str) else list(names)
    rows = [ParameterSet.extract_from(v, force_tuple=len(names) == 1) for v in values]
    return [dict(zip(names, row.values, strict=True)) for row in rows if not row.marks]


def _label(value: Any) -> str:
    return str(getattr(value, "__name__", value))[:40]


def _call(function: Any, given: dict[str, Any], with_monkeypatch: bool) -> None:
    import minidl

    state = minidl.default_generator.get_state()
    minidl.manual_seed(0)
    try:
        with pytest.MonkeyPatch.context() as monkeypatch:
            function(**given, **({"monkeypatch": monkeypatch} if with_monkeypatch else {}))
    except pytest.skip.Exception:
        pass
    finally:
        minidl.default_generator.set_state(state)


# Who runs through what -------------------------------------------------------------------------------------------------


def rehearse(entry: Entry, interesting: set[CodeType]) -> tuple[float, set[CodeType]]:
    """Run the first two checks without a mutant: how long that takes, and which of the interesting functions run."""
    seen: set[CodeType] = set()

    def look(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            seen.add(frame.f_code)

    start = time.perf_counter()
    sys.setprofile(look)
    try:
        for _, check in entry.checks[:2]:
            fails(check, 60.0)
    finally:
        sys.setprofile(None)
    return time.perf_counter() - start, seen & interesting
