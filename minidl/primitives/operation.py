"""The catalogue of public operations: what each is called and where, how a textbook writes it, and on what it is tested.

A definition enters itself here. From the catalogue come the names in `minidl`, `minidl.nn.functional` and `minidl.linalg`,
the methods of `Tensor`, the reference (`minidl ops`), and the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal, TypeVar, cast, get_args

from ..errors import DtypeError, MinidlError, NotOnDeviceError, UsageError
from ..graph import Primitive
from .samples import Refusal, Sample

Home = Literal["minidl", "functional", "linalg", "Tensor"]
"""Where an operation is found: `minidl.NAME`, `minidl.nn.functional.NAME`, `minidl.linalg.NAME`, `x.NAME()`."""

Call = Callable[[Callable[..., Any], Sequence[Any], dict[str, Any]], Any]
F = TypeVar("F", bound=Callable[..., Any])


def directly(function: Callable[..., Any], inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    """Call with the inputs as the first arguments."""
    return function(*inputs, **params)


def as_a_list(function: Callable[..., Any], inputs: Sequence[Any], params: dict[str, Any]) -> Any:
    """Call with all inputs in one list, as `cat` takes them."""
    return function(list(inputs), **params)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One public operation.

    Attributes:
        name: what it is called.
        function: what is called: a function, or an elementwise primitive itself.
        homes: where it is found.
        family: the module it is defined in, such as `activation`.
        formula: how a textbook writes it.
        derivative: its derivative in words or symbols, where no rule can print it.
        subgradient: what is taken for the derivative where there is none.
        samples: inputs that it is tested on.
        errors: inputs that it must refuse.
        torch: the same operation in PyTorch, such as `nn.functional.softplus`; None where PyTorch has none.
        call: how the tests hand over a sample's inputs.
        aliases: other names that PyTorch has for it.
        tolerance: a factor on the tests' tolerances.
    """

    name: str
    function: Callable[..., Any]
    homes: tuple[Home, ...]
    family: str
    formula: str = ""
    derivative: str = ""
    subgradient: str = ""
    samples: tuple[Sample, ...] = ()
    errors: tuple[Refusal, ...] = ()
    torch: str | None = None
    call: Call = directly
    aliases: tuple[str, ...] = ()
    tolerance: float = 1.0

    @property
    def path(self) -> str:
        """Its full name, such as `minidl.nn.functional.softplus`."""
        return f"{_PREFIX[self.homes[0]]}{self.name}"


_PREFIX: dict[Home, str] = {
    "minidl": "minidl.",
    "functional": "minidl.nn.functional.",
    "linalg": "minidl.linalg.",
    "Tensor": "minidl.Tensor.",
}

catalogue: dict[str, Operation] = {}
"""Every public operation by its full name, in the order of definition."""


def enter(operation: Operation) -> None:
    """Put an operation into the catalogue.

    Raises:
        ValueError: two operations of one name in one place, or an unknown place.
    """
    if operation.path in catalogue:
        raise ValueError(f"there is a {operation.path} already")
    catalogue[operation.path] = operation


def homes_of(text: str) -> tuple[Home, ...]:
    """Read `"minidl Tensor"`."""
    homes = tuple(text.split())
    unknown = [h for h in homes if h not in get_args(Home)]
    if unknown:
        raise ValueError(f"unknown home {unknown[0]!r}; there are {', '.join(get_args(Home))}")
    return homes  # type: ignore[return-value]


def torch_name(name: str, homes: Sequence[Home]) -> str:
    """Where PyTorch keeps what we keep there."""
    return f"{_PREFIX[homes[0]].removeprefix('minidl.')}{name}"


def told_as_ours(function: F, path: str) -> F:
    """The function, but an error that it did not foresee (a string where a number belongs) names it and what it was given."""

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except NotOnDeviceError as error:
            own = path.rpartition(".")[2]
            raise error if str(error).startswith(f"{own}:") else NotOnDeviceError(f"{own}: {error}") from error
        except MinidlError:
            raise
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is None:
                raise  # the arguments do not fit the signature, which Python itself says best
            given = [*map(_brief, args), *(f"{key}={_brief(value)}" for key, value in kwargs.items())]
            kind = DtypeError if isinstance(error, AttributeError | TypeError) else UsageError
            raise kind(f"{path.rpartition('.')[2]}({', '.join(given)}): {error}; see help({path})") from error

    return cast(F, run)


def _brief(value: Any) -> str:
    """An argument in a few words: for a tensor or an array its dtype and shape."""
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"{type(value).__name__} of {value.dtype} {value.shape}"
    return f"{value!r:.40}"


SAME = "the same"
"""Stands for "PyTorch has it under the same name in the same place"."""


def operation(
    homes: str,
    *,
    formula: str = "",
    samples: Sequence[Sample],
    errors: Sequence[Refusal] = (),
    derivative: str = "",
    subgradient: str = "",
    torch: str | None = SAME,
    call: Call = directly,
    aliases: Sequence[str] = (),
    tolerance: float = 1.0,
    name: str = "",
) -> Callable[[F], F]:
    """Make a function a public operation; see `Operation` for the arguments.

    Args:
        homes: where it is found, such as `"minidl Tensor"`; the first is its main place.
        formula: how a textbook writes it.
        samples: inputs that it is tested on.
        errors: inputs that it must refuse.
        derivative: its derivative in words or symbols.
        subgradient: what is taken for the derivative where there is none.
        torch: its full name below `torch.`; by default the same as here.
        call: how the tests hand over a sample's inputs.
        aliases: other names that PyTorch has for it.
        tolerance: a factor on the tests' tolerances.
        name: its public name where the function is called otherwise.
    """

    def enter_it(function: F) -> F:
        places = homes_of(homes)
        own = name or getattr(function, "__name__", "")
        function = told_as_ours(function, f"{_PREFIX[places[0]]}{own}")
        enter(
            Operation(
                name=own,
                function=function,
                homes=places,
                family=function.__module__.rpartition(".")[2],
                formula=formula,
                derivative=derivative,
                subgradient=subgradient,
                samples=tuple(samples),
                errors=tuple(errors),
                torch=torch_name(own, places) if torch == SAME else torch,
                call=call,
                aliases=tuple(aliases),
                tolerance=tolerance,
            )
        )
        return function

    return enter_it


def enter_primitive(primitive: Primitive, family: str, homes: str, samples: Sequence[Sample], **options: Any) -> None:
    """Make a primitive itself a public operation, under its own name."""
    places = homes_of(homes)
    torch = options.pop("torch", SAME)
    enter(
        Operation(
            name=primitive.name,
            function=primitive,
            homes=places,
            family=family,
            samples=tuple(samples),
            torch=torch_name(primitive.name, places) if torch == SAME else torch,
            **options,
        )
    )


def namespace(home: Home) -> dict[str, Callable[..., Any]]:
    """Everything that is found in one place, by name, aliases included.

    Raises:
        ValueError: two operations claim one name.
    """
    found: dict[str, Callable[..., Any]] = {}
    for op in catalogue.values():
        if home in op.homes:
            for name in (op.name, *op.aliases):
                if name in found:
                    raise ValueError(f"two operations claim the name {name} in {home}")
                found[name] = op.function
    return found
