"""All kernels there are, for those who look at them: tests of the generated code, tables, figures.

A module's own kernels are found by themselves. Of the kernels that a factory makes, with constants in their text, the
catalogue has representatives: those that the engine chooses for common shapes and dtypes. Each module names its own.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

from .compiler.intrinsics import Intrinsic
from .compiler.language import Kernel

Capability = tuple[int, int]


def modules() -> Iterator[ModuleType]:
    """The modules of this package that may define kernels."""
    package = __name__.rpartition(".")[0]
    folder = importlib.import_module(package).__path__
    for found in pkgutil.walk_packages(folder, f"{package}."):
        if not found.ispkg and found.name != __name__ and ".simulator." not in found.name:
            yield importlib.import_module(found.name)


@functools.cache
def by_name() -> dict[str, Kernel]:
    """Every kernel by its name.

    Raises:
        ValueError: two kernels have one name.
    """
    found: dict[str, Kernel] = {}
    for module in modules():
        own = [value for value in vars(module).values() if isinstance(value, Kernel)]
        for one in (*own, *getattr(module, "representatives", list)()):
            if found.setdefault(one.name, one) is not one:
                raise ValueError(f"two kernels are called {one.name}")
    return found


def kernels() -> Iterator[Kernel]:
    """Every kernel, module by module."""
    yield from by_name().values()


def hot(kernel: Kernel) -> bool:
    """Whether much time is spent in it: it tells how many blocks a multiprocessor is to hold."""
    return bool(kernel.blocks)


IN_DOUBLE: frozenset[str] = frozenset()
"""Kernels that compute in double precision though nothing in their signature does, for the accuracy of their sums."""


TIGHT: dict[tuple[str, Capability], int] = {
    (f"matmul_fast_128x128_{layout}", (8, 0)): 32 for layout in ("nn", "nn_aligned", "nt", "nt_aligned")
}
"""Of these the compiler keeps an address or three in local memory, and reads them once in 590 instructions: how many bytes."""


def promised(kernel: Kernel) -> list[str]:
    """The instructions of 128 bits that a kernel must have: those whose name says that they may count on aligned arrays."""
    names = {one.twin.__name__ for one in intrinsics(kernel.function, [])}
    is_aligned = kernel.name.endswith(("_aligned", "_wide"))
    if not (is_aligned and "copy16" in names):
        return []
    by_fragments = "tf32" in kernel.name or "bfloat16" in kernel.name  # tensor cores want words from several lines
    return ["LDGSTS.128"] if by_fragments else ["LDGSTS.128", "LDS.128"]


def needs(kernel: Kernel) -> Capability:
    """The oldest architecture that has its instructions: copies beside the arithmetic and more came with 8.0."""
    return (8, 0) if any(one.twin.__name__ in NEWER for one in intrinsics(kernel.function, [])) else (7, 5)


NEWER = ("copy16", "copy4", "commit", "wait")
"""Instructions that Turing does not have."""


def intrinsics(function: FunctionType, seen: list[Any]) -> Iterator[Intrinsic]:
    """The intrinsics that a function uses, and the functions that it calls."""
    seen.append(function)
    around = [cell.cell_contents for cell in function.__closure__ or ()]
    for value in (*around, *(function.__globals__.get(name) for name in function.__code__.co_names)):
        if isinstance(value, Intrinsic):
            yield value
        elif isinstance(value, FunctionType) and value not in seen:
            yield from intrinsics(value, seen)
