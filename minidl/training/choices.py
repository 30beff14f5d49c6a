"""Things chosen by name, with options: `adamw`, `adamw(weight_decay=0.1)`, `random_crop(32, padding=4) + color_jitter(0.2)`.

The command line, TOML files and sweeps all write them so. What is written is read as a Python expression, but never run:
names, calls of names, and literal values (a bare word is text) are all there can be.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar

from ..errors import MinidlError, UsageError

T = TypeVar("T")

NONE: Final = "none"
"""The choice that stands for none of what a registry offers."""

REQUIRED: Final = inspect.Parameter.empty
"""The default of an option that has none."""

_WORDS = {"true": True, "false": False, "none": None}
"""Values as TOML and JSON users write them."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was written: a name, and the options in its parentheses.

    Attributes:
        name: the name.
        positional: the options that were given without a name, in order.
        options: the others.
    """

    name: str
    positional: tuple[Any, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        given = [*map(_written, self.positional), *(f"{key}={_written(value)}" for key, value in self.options.items())]
        return f"{self.name}({', '.join(given)})" if given else self.name


def _written(value: Any) -> str:
    """Write a value so that `parse` reads it again."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_written, value))}]"
    return str(value) if isinstance(value, Choice) else repr(value)


def parse(text: str, kind: str) -> list[Choice]:
    """Read a choice, or several joined by `+`.

    Args:
        text: what was written.
        kind: what is chosen, for messages: `optimizer`.

    Raises:
        UsageError: it is not so written.

    >>> parse("random_crop(32, padding=4) + grayscale", "augmentation")[0].options["padding"]
    4
    >>> [str(choice) for choice in parse("emnist( split = letters )", "data set")]
    ["emnist(split='letters')"]
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        return [_choice(node) for node in _terms(tree)]
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise UsageError(
            f"cannot read the {kind} {text!r}: {reason}; write a name, or a name with options, such as "
            "adamw(weight_decay=0.1)"
        ) from None


def _terms(node: ast.expr) -> list[ast.expr]:
    """The parts of a sum, from left to right."""
    parts = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts.append(node.right)
        node = node.left
    return [node, *reversed(parts)]


def _choice(node: ast.expr) -> Choice:
    match node:
        case ast.Name(id=name):
            return Choice(name)
        case ast.Constant(value=None):  # Python's own spelling
            return Choice(NONE)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
            if any(word.arg is None for word in keywords):
                raise ValueError("options cannot be given as **")
            options = {word.arg: _value(word.value) for word in keywords if word.arg is not None}
            if len(options) < len(keywords):
                twice = next(word.arg for i, word in enumerate(keywords) if word.arg in [w.arg for w in keywords[:i]])
                raise ValueError(f"{twice} is given twice")
            return Choice(name, tuple(map(_value, args)), options)
    raise ValueError(f"{ast.unparse(node)!r} is neither a name nor a name with options in parentheses")


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Name(id=word):
            return _WORDS.get(word, word)
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return tuple(_value(part) for part in parts)
        case ast.Call():
            return _choice(node)
        case ast.BinOp(op=ast.Add()):
            return tuple(_value(part) for part in _terms(node))
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise ValueError(f"{ast.unparse(node)!r} is not a literal value") from None


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a choice.

    Attributes:
        name: its name.
        default: its value if it is not given; `REQUIRED` if it must be.
    """

    name: str
    default: Any = REQUIRED

    def __str__(self) -> str:
        return self.name if self.default is REQUIRED else f"{self.name}={_shown(self.default)}"


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else repr(value)


class Registry(Generic[T]):
    """What can be chosen of one kind, by name.

    Args:
        kind: what they are, in one word or two: `optimizer`.
        entries: what makes each of them; its arguments are the options. It is looked at anew each time, so that what is
            added to it later can be chosen too.
        given: the arguments that are filled in by whoever makes the thing and are therefore no options.
        reasons: of some of these, where they are set instead, for the message to one who gives them.
        left_out: names that cannot be chosen although there is an entry.
        has_none: whether `none` is a choice.

    >>> shapes = Registry("shape", {"circle": lambda radius, filled=False: f"{radius} {filled}"})
    >>> shapes.make("circle(3, filled=true)")
    '3 True'
    >>> shapes.check("circle( 3 )")
    'circle(3)'
    >>> shapes.make("circel(3)")
    Traceback (most recent call last):
    minidl.errors.UsageError: there is no shape 'circel'; did you mean 'circle'? choose one of circle
    >>> shapes.make("circle(size=3)")
    Traceback (most recent call last):
    minidl.errors.UsageError: the shape 'circle' has no option 'size'; it has radius, filled
    """

    def __init__(
        self,
        kind: str,
        entries: Mapping[str, Callable[..., T]],
        *,
        given: Iterable[str] = (),
        reasons: Mapping[str, str] = MappingProxyType({}),
        left_out: Iterable[str] = (),
        has_none: bool = False,
    ) -> None:
        self.kind = kind
        self.entries = entries
        self.given = frozenset(given)
        self.reasons = reasons
        self.left_out = frozenset(left_out)
        self.has_none = has_none

    @property
    def names(self) -> list[str]:
        """All names, in alphabetical order, numbers in them by size; `none` first."""
        return [NONE] * self.has_none + sorted(set(self.entries) - self.left_out, key=_natural)

    def options(self, name: str) -> list[Option]:
        """Return the options of a choice, in their order.

        Raises:
            UsageError: there is no such choice.
        """
        self._demand(name)
        if name == NONE and self.has_none:
            return []
        kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        parameters = inspect.signature(self.entries[name]).parameters.values()
        return [Option(p.name, p.default) for p in parameters if p.name not in self.given and p.kind not in kinds]

    def about(self, name: str) -> str:
        """Return what a choice is, in one sentence: the first of its docstring."""
        if name == NONE and self.has_none:
            return "Nothing of the kind."
        made_of = self.entries[name]
        while isinstance(made_of, partial):
            made_of = made_of.func
        return " ".join((inspect.getdoc(made_of) or "").partition("\n\n")[0].split())

    def check(self, text: str) -> str:
        """Return a choice as it is written by rule, without making it.

        Raises:
            UsageError: it cannot be read, or there is no such choice or option.
        """
        choice = self.read(text)
        self.bind(choice)
        return str(choice)

    def read(self, text: str) -> Choice:
        """Return what is written: exactly one choice.

        Raises:
            UsageError: it cannot be read, or there are several.
        """
        found = parse(text, self.kind)
        if len(found) > 1:
            raise UsageError(f"choose one {self.kind}, not {len(found)}; got {text!r}")
        return found[0]

    def make(self, text: str, **given: Any) -> T | None:
        """Make what was chosen; None for `none`.

        Args:
            text: what was chosen.
            given: the arguments that are no options, of which each choice takes those that it has.

        Raises:
            UsageError: it cannot be read, there is no such choice or option, or an option has no such value.
        """
        return self.build(self.read(text), **given)

    def build(self, choice: Choice, **given: Any) -> T | None:
        """Make what was chosen and is read already; None for `none`."""
        options = self.bind(choice)
        if choice.name == NONE and self.has_none:
            return None
        taken = inspect.signature(self.entries[choice.name]).parameters
        try:
            return self.entries[choice.name](**{key: given[key] for key in given if key in taken}, **options)
        except MinidlError:
            raise
        except (TypeError, ValueError, ArithmeticError, AttributeError) as error:
            raise UsageError(f"the {self.kind} {choice} cannot be made: {error}") from error

    def bind(self, choice: Choice) -> dict[str, Any]:
        """Return the options of a choice by name.

        Raises:
            UsageError: there is no such choice or option, one is given twice, or one that must be given is missing.
        """
        known = self.options(choice.name)
        names = [option.name for option in known]
        what = f"the {self.kind} {choice.name!r}"
        if len(choice.positional) > len(known):
            raise UsageError(f"{what} has {_count(known)}; got {len(choice.positional)}: {choice}")
        options = dict(zip(names, choice.positional, strict=False))
        for name, value in choice.options.items():
            if name in self.given and name in self.reasons:
                raise UsageError(f"{what} has no option {name!r}: {self.reasons[name]}")
            if name not in names:
                raise UsageError(f"{what} has no option {name!r}{nearest(name, names) or ';'} it has {_count(known)}")
            if name in options:
                raise UsageError(f"{what} is given {name} twice: {choice}")
            options[name] = value
        if missing := [option.name for option in known if option.default is REQUIRED and option.name not in options]:
            raise UsageError(f"{what} needs {missing[0]}: {choice.name}({', '.join(map(str, known))})")
        return options

    def _demand(self, name: str) -> None:
        if name not in self.names:
            raise UsageError(
                f"there is no {self.kind} {name!r}{nearest(name, self.names)}{'' if nearest(name, self.names) else ';'} "
                f"choose one of {', '.join(self.names)}"
            )


def _natural(name: str) -> list[tuple[str, int]]:
    return [(word, int(number or 0)) for word, number in re.findall(r"(\D*)(\d*)", name)]


def _count(options: list[Option]) -> str:
    return ", ".join(option.name for option in options) or "no options"


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the question whether the likeliest of `names` was meant, to go into a message; nothing if none is like it.

    >>> nearest("epoch", ["epochs", "batch"])
    "; did you mean 'epochs'?"
    >>> nearest("xyz", ["epochs", "batch"])
    ''
    """
    found = get_close_matches(name, list(names), n=1)
    return f"; did you mean {found[0]!r}?" if found else ""
