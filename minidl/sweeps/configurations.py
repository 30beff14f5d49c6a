"""Which configurations to try: every combination, random draws, the same one many times."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UsageError
from ..primitives.layers.random import Generator

Configuration = dict[str, Any]
"""Settings by name, in plain values: numbers, strings, truth values, None, and lists and dictionaries of them."""


@dataclass(frozen=True, slots=True)
class Range:
    """What `random` draws a setting's value from.

    Attributes:
        text: how it is written.
        draw: gives one value.
    """

    text: str
    draw: Callable[[np.random.Generator], Any]


def uniform(low: float, high: float) -> Range:
    """Return a range of numbers that are all equally likely.

    Raises:
        UsageError: the ends are not finite, or in the wrong order.

    >>> uniform(0, 1).text
    'uniform(0, 1)'
    """
    _check(low < high and math.isfinite(low) and math.isfinite(high), "uniform", low, high, "low < high")
    return Range(f"uniform({low}, {high})", lambda generator: float(generator.uniform(low, high)))


def log_uniform(low: float, high: float) -> Range:
    """Return a range of positive numbers whose logarithms are equally likely: each power of ten gets the same share.

    It suits learning rates and penalties, of which only the order of magnitude is unknown.

    Raises:
        UsageError: the ends are not finite and above 0, or in the wrong order.

    Source: Bergstra and Bengio, 2012, "Random search for hyper-parameter optimization".

    >>> log_uniform(1e-4, 0.1).text
    'log_uniform(0.0001, 0.1)'
    """
    _check(0 < low < high and math.isfinite(high), "log_uniform", low, high, "0 < low < high")
    ends = math.log(low), math.log(high)
    # Rounding may carry exp(log(high)) a hair beyond the end.
    return Range(f"log_uniform({low}, {high})", lambda g: min(max(math.exp(g.uniform(*ends)), low), high))


def integers(low: int, high: int) -> Range:
    """Return a range of whole numbers that are all equally likely, both ends among them.

    Raises:
        UsageError: the ends are not whole numbers, or in the wrong order.

    >>> integers(1, 6).text
    'integers(1, 6)'
    """
    _check(
        isinstance(low, int) and isinstance(high, int) and low <= high,
        "integers",
        low,
        high,
        "whole numbers low ≤ high",
    )
    return Range(f"integers({low}, {high})", lambda generator: int(generator.integers(low, high, endpoint=True)))


def choice(options: Sequence[Any]) -> Range:
    """Return a range of given values that are all equally likely.

    Raises:
        UsageError: there are none.

    >>> choice(["lenet", "mlp"]).text
    "choice(['lenet', 'mlp'])"
    """
    options = list(options)
    if not options:
        raise UsageError("choice: there is nothing to choose from")
    return Range(f"choice({options})", lambda generator: options[int(generator.integers(len(options)))])


def _check(right: bool, name: str, low: Any, high: Any, rule: str) -> None:
    if not right:
        raise UsageError(f"{name}({low}, {high}): needs {rule}")


def grid(**axes: Sequence[Any]) -> list[Configuration]:
    """Return every combination of the settings' values; the last setting changes fastest.

    Args:
        axes: for each setting the values to try.

    Raises:
        UsageError: a setting has no values, or is not a list of them.

    >>> grid(lr=[0.1, 0.01], model=["lenet", "mlp"])[1]
    {'lr': 0.1, 'model': 'mlp'}
    """
    for name, values in axes.items():
        if isinstance(values, Range):
            raise UsageError(f"grid: {name} is a range, {values.text}; draw from it with random(n, …)")
        if isinstance(values, str | bytes) or not isinstance(values, Sequence | np.ndarray):
            raise UsageError(f"grid: {name} needs a list of values, such as {name}=[{values!r}]")
        if len(values) == 0:
            raise UsageError(f"grid: {name} has no values")
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def random(n: int, /, seed: int = 0, **ranges: Any) -> list[Configuration]:
    """Return configurations drawn at random: for few settings that matter among many, better than a grid of that size.

    Args:
        n: how many.
        seed: the same seed gives the same configurations; a larger `n` adds to them.
        ranges: for each setting `uniform`, `log_uniform`, `integers`, `choice` or a list, which is a choice; any other value
            is the same in all.

    Raises:
        UsageError: `n` is less than 1.

    Source: Bergstra and Bengio, 2012, "Random search for hyper-parameter optimization".

    >>> drawn = random(3, lr=log_uniform(1e-4, 1e-1), width=choice([8, 16]), epochs=5)
    >>> [(1e-4 <= c["lr"] <= 1e-1, c["width"] in (8, 16), c["epochs"]) for c in drawn]
    [(True, True, 5), (True, True, 5), (True, True, 5)]
    >>> random(5, lr=log_uniform(1e-4, 1e-1), width=choice([8, 16]), epochs=5)[:3] == drawn
    True
    """
    if n < 1:
        raise UsageError(f"random: the number of configurations must be at least 1; got {n}")
    generator = Generator(seed).numpy
    drawn = {name: choice(value) if isinstance(value, list | tuple) else value for name, value in ranges.items()}
    return [
        {name: value.draw(generator) if isinstance(value, Range) else value for name, value in drawn.items()}
        for _ in range(n)
    ]


def repeat(
    n: int, configuration: Mapping[str, Any] | Sequence[Mapping[str, Any]], seed: int = 0
) -> list[Configuration]:
    """Return the same configuration n times, with the seeds seed, seed + 1, …, seed + n − 1.

    Args:
        n: how often.
        configuration: one, or a list of them, such as a grid: then each is repeated, and all with the same seeds, so that
            two can be compared seed by seed.
        seed: the first value of the setting `seed`.

    Raises:
        UsageError: `n` is less than 1, or a configuration says a seed itself.

    >>> repeat(2, {"lr": 0.1})
    [{'lr': 0.1, 'seed': 0}, {'lr': 0.1, 'seed': 1}]
    >>> len(repeat(100, grid(width=[3, 10, 25])))
    300
    """
    if n < 1:
        raise UsageError(f"repeat: the number of repetitions must be at least 1; got {n}")
    given = [configuration] if isinstance(configuration, Mapping) else list(configuration)
    for one in given:
        if "seed" in one:
            raise UsageError(f"repeat: the configuration {dict(one)} has a seed already; leave out one of the two")
    return [{**one, "seed": seed + i} for one in given for i in range(n)]


def plain(configuration: Mapping[str, Any]) -> Configuration:
    """Return a configuration in plain values, as a file gives it back: tuples become lists, NumPy's numbers Python's.

    Raises:
        UsageError: a value is not plain, or a name is not a string.

    >>> plain({"betas": (0.9, 0.999), "lr": np.float64(0.1)})
    {'betas': [0.9, 0.999], 'lr': 0.1}
    """
    if not isinstance(configuration, Mapping):
        raise UsageError(f"a configuration is a dictionary of settings by name; got {configuration!r}")
    return {_name(name): _plain(value, str(name)) for name, value in configuration.items()}


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise UsageError(f"a setting's name must be a string; got {name!r}")
    return name


def _plain(value: Any, path: str) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {_name(name): _plain(item, f"{path}.{name}") for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, path) for item in value]
    raise UsageError(
        f"the setting {path} is a {type(value).__name__}; a configuration holds numbers, strings, truth values, None, and "
        "lists and dictionaries of them: give a name or numbers, and build the thing inside the function"
    )
