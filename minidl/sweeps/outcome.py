"""One run of a sweep: what is asked of a worker, and what comes back."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DataError
from ..primitives.layers.random import default_generator
from .configurations import Configuration

Function = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""What a sweep runs: it gets one configuration, and returns numbers by name."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run has no values.

    Attributes:
        type: the error's class.
        message: what it said.
        traceback: where it was raised, as text; empty where nobody knows.
    """

    type: str
    message: str
    traceback: str = ""

    @classmethod
    def of(cls, error: BaseException, skip: int = 0) -> Failure:
        """Describe an error, leaving out the outermost `skip` calls of its traceback."""
        kind = type(error)
        name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        trace = error.__traceback__
        for _ in range(skip):
            trace = trace.tb_next if trace else None
        return cls(name, str(error), "".join(traceback.format_exception(kind, error, trace)))

    def __str__(self) -> str:
        name, first = self.type.rpartition(".")[2], self.message.partition("\n")[0]
        return f"{name}: {first}" if first else name


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a worker sends back: values or a failure, and how many seconds it took."""

    values: dict[str, Any] | None
    failure: Failure | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Run:
    """One configuration of a sweep and what came of it.

    Attributes:
        index: its position in the list of configurations, from 0.
        configuration: the settings.
        values: numbers by name; None if the run failed.
        failure: why it failed; None if it did not.
        seconds: how long it took.
    """

    index: int
    configuration: Configuration
    values: dict[str, Any] | None
    failure: Failure | None = None
    seconds: float = 0.0

    @property
    def row(self) -> dict[str, Any]:
        """The settings and the values in one dictionary; of a failed run the settings and `failure`."""
        outcome = {"failure": str(self.failure)} if self.failure else self.values
        return {**self.configuration, **(outcome or {})}


def execute(function: Function, configuration: Configuration, index: int) -> Outcome:
    """Call the function; this is what runs in a worker. An error becomes a failure, so that it can be sent and kept.

    The default generator starts from the setting `seed`, or from `index` if there is none: a run's numbers depend neither on
    which worker it meets nor on what ran there before.
    """
    state = default_generator.get_state()
    seed = configuration.get("seed", index)
    default_generator.manual_seed(seed % 2**64 if isinstance(seed, int) else index)
    began = time.perf_counter()
    try:
        values, failure = _numbers(function(dict(configuration)), configuration), None
    except (Exception, SystemExit) as error:
        values, failure = None, Failure.of(error, skip=1)
    finally:
        seconds = time.perf_counter() - began
        default_generator.set_state(state)  # for the sake of an executor that works in the caller's own process
    return Outcome(values, failure, seconds)


def _numbers(returned: Any, configuration: Configuration) -> dict[str, Any]:
    """Check what the function returned; NumPy's numbers become Python's."""
    if not isinstance(returned, Mapping):
        raise DataError(f"the function must return a dictionary of numbers by name; it returned {_short(returned)}")
    values: dict[str, Any] = {}
    for name, value in returned.items():
        plain = value.item() if isinstance(value, np.generic) else value
        if not isinstance(name, str) or not isinstance(plain, bool | int | float):
            raise DataError(f"the function must return plain numbers by name; it returned {name!r}: {_short(value)}")
        if name in configuration:
            raise DataError(f"the function returned {name!r}, which is also a setting's name; give the result another")
        values[name] = plain
    return values


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}… ({type(value).__name__})"
