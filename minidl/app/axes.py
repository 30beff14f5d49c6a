"""What to sweep over, as people write it: `lr=0.1,0.01`, `optimizer=sgd,adamw(weight_decay=0.1)`, `lr=log(1e-4, 1e-1)`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from ..errors import UsageError

if TYPE_CHECKING:
    from ..sweeps import Range

RANGES = {"log": "log_uniform", "log_uniform": "log_uniform", "uniform": "uniform", "integers": "integers"}
"""How a range is written, and the function of `minidl.sweeps` that makes it."""


def parse_axis(text: str) -> tuple[str, list[Any] | Range]:
    """Read a setting and its values or its range, as they are written on the command line.

    Raises:
        UsageError: it is not written as `name=value,value`.

    >>> parse_axis("optimizer=sgd,adamw(betas=[0.9, 0.99], weight_decay=0.1)")
    ('optimizer', ['sgd', 'adamw(betas=[0.9, 0.99], weight_decay=0.1)'])
    >>> parse_axis("lr=0.1,1e-2"), parse_axis("lr=log(1e-4, 0.1)")[1].text
    (('lr', [0.1, 0.01]), 'log_uniform(0.0001, 0.1)')
    """
    name, equals, values = text.partition("=")
    name = name.strip().replace("-", "_")
    if not equals or not name.isidentifier() or not values.strip():
        raise UsageError(f"--grid {text!r}: write a setting and its values, such as lr=0.1,0.01 or model=lenet,mlp")
    return name, parse_values(name, values)


def parse_values(name: str, text: str) -> list[Any] | Range:
    """Read values with commas between them, or one range.

    Raises:
        UsageError: something is missing.

    >>> parse_values("k", "1, 2, true, x")
    [1, 2, True, 'x']
    """
    parts = [part.strip() for part in _split(text)]
    if "" in parts:
        raise UsageError(f"--grid {name}={text}: there is a comma too many")
    if len(parts) == 1 and (drawn := _range(name, parts[0])) is not None:
        return drawn
    return [_value(part) for part in parts]


def _split(text: str) -> list[str]:
    """Split at commas that stand neither in brackets nor in quotes."""
    parts, depth, quote = [""], 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        else:
            depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and not depth and not quote:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _range(name: str, text: str) -> Range | None:
    """Read a range, `log(1e-4, 1e-1)`; return None if it is not one."""
    from .. import sweeps

    word, bracket, rest = text.partition("(")
    if word.strip() not in RANGES or not bracket or not rest.endswith(")"):
        return None
    ends = [_value(part.strip()) for part in _split(rest[:-1])]
    if len(ends) != 2 or not all(type(end) in (int, float) for end in ends):
        raise UsageError(f"{name}={text}: a range has two ends, such as {word.strip()}(1, 10)")
    made: Range = getattr(sweeps, RANGES[word.strip()])(*ends)
    return made


def _value(text: str) -> Any:
    """Read a value: a number, true or false; all else is text."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return value if isinstance(value, int | float | str) else text
