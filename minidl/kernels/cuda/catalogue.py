"""All kernels there are, for those who look at them: tests of the generated code, tables, figures.

A module's own kernels are found by themselves. Of the kernels that a factory makes, with constants in their text, the
catalogue has representatives: those that the engine chooses for common shapes and dtypes. Each module names its own.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType

from .compiler.compiling import Capability, intrinsics, needs
from .compiler.language import Kernel
from .compiler.occupancy import LIMITS


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


IN_DOUBLE: frozenset[str] = frozenset()
"""Kernels that compute in double precision though nothing in their signature does, for the accuracy of their sums."""


TIGHT: dict[tuple[str, Capability], int] = {
    (f"matmul_fast_128x128_{layout}", (8, 0)): 32 for layout in ("nn", "nn_aligned", "nt", "nt_aligned")
}
"""Of these the compiler keeps an address or three in local memory, and reads them once in 590 instructions: how many bytes."""


def promised(kernel: Kernel) -> list[str]:
    """The instructions of 128 bits that a kernel must have: those whose name says that they may count on aligned arrays."""
    names = {one.twin.__name__ for one in intrinsics(kernel.function)}
    is_aligned = kernel.name.endswith(("_aligned", "_wide"))
    if not (is_aligned and "copy16" in names):
        return []
    by_fragments = "tf32" in kernel.name or "bfloat16" in kernel.name  # tensor cores want words from several lines
    return ["LDGSTS.128"] if by_fragments else ["LDGSTS.128", "LDS.128"]


def architectures(kernel: Kernel) -> list[Capability]:
    """The architectures on which a kernel may run, of those that are looked at: what is made for Turing runs there alone."""
    return [(7, 5)] if "turing" in kernel.name else [c for c in LIMITS if c >= needs(kernel)]
