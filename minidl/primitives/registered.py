"""The registry, which knows every primitive by name, and the class of those that enter it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..errors import UsageError
from ..graph import Notation, Primitive
from ..kernels.dtypes import require_numbers
from .operation import SAME, enter_primitive
from .samples import Refusal, Sample, Shape

__all__ = ["Registered", "Rule", "Value", "named", "registry", "shape_of"]

Value = Any
Rule = Callable[..., Value]
registry: dict[str, Primitive] = {}
"""Every primitive by name, in the order of definition; tests, figures and reference pages walk it."""


def shape_of(x: Value) -> Shape:
    """The shape of a node or array; `()` for a number.

    Raises:
        DtypeError: neither, such as a list.
    """
    shape = getattr(x, "shape", None)
    if shape is None:
        if isinstance(x, list | tuple | str):
            require_numbers(x)
        return ()
    return shape


class Registered(Primitive):
    """A primitive that enters the registry, with its sample inputs, and perhaps the catalogue of public operations.

    Attributes:
        samples: inputs that it is tested on.
        analytic: whether its forward rule can be fed complex numbers, so that a complex step gives its derivative.

    Public ones may be given a `formula` and a `derivative` for the reference, where the notation is only a name and the
    rule, made for speed or for special numbers, does not read as a textbook would.
    """

    def __init__(
        self,
        name: str,
        notation: Notation,
        forward: Callable[..., Value],
        samples: Sequence[Sample],
        *,
        analytic: bool = True,
        homes: str = "",
        doc: str = "",
        formula: str = "",
        derivative: str = "",
        errors: Sequence[Refusal] = (),
        subgradient: str = "",
        torch: str | None = SAME,
        aliases: Sequence[str] = (),
        tolerance: float = 1.0,
        **options: Any,
    ) -> None:
        super().__init__(name, forward, notation, **options)
        self.samples = tuple(samples)
        self.analytic = analytic
        self.__doc__ = doc or None
        if name in registry:
            raise ValueError(f"there is a primitive named {name!r} already")
        registry[name] = self
        if homes:
            family = forward.__module__.rpartition(".")[2]
            told = {"subgradient": subgradient, "torch": torch, "aliases": tuple(aliases), "errors": tuple(errors)}
            told |= {"formula": formula or notation.formula, "derivative": derivative}
            enter_primitive(self, family, homes, self.samples, tolerance=tolerance, **told)

    def __reduce__(self) -> tuple[Callable[[str], Primitive], tuple[str]]:
        """By name: another process has its own, which a module or a graph that travels there is to use."""
        return named, (self.name,)


def named(name: str) -> Primitive:
    """Return the primitive of a name.

    Raises:
        UsageError: there is none.

    >>> named("tanh")
    <elementwise primitive tanh>
    """
    if name not in registry:
        raise UsageError(
            f"there is no primitive named {name!r} in this process; import the module that defines it first"
        )
    return registry[name]
