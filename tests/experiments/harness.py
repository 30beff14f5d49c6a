"""What an experiment is, how it is run over seeds, and what decides whether its claims hold."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Final

import minidl
from minidl import sweeps

FIRST: Final = 20261201
"""The first of the seeds that count, which no design has seen: they were tried out with others."""

SEEDS: Final = 5

Measured = dict[str, float]
"""What one seed gave: numbers by the names of quantities."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What is said of one quantity: between which bounds its median over the seeds lies.

    Attributes:
        quantity: the name of what is measured.
        above: the lower bound.
        below: the upper bound.
        because: of a claim that did not come out, the reason as far as it is known; the test then asserts that it does not.

    >>> claim("accuracy", above=0.9), str(claim("steps", above=95, below=95)), str(claim("ratio", above=0.5, below=2))
    (Claim(quantity='accuracy', above=0.9, below=inf, because=''), '= 95', '0.5 … 2')
    """

    quantity: str
    above: float = -math.inf
    below: float = math.inf
    because: str = ""

    def __str__(self) -> str:
        if self.above == self.below:
            return f"= {shown(self.above)}"
        if math.isinf(self.above):
            return f"≤ {shown(self.below)}"
        return f"≥ {shown(self.above)}" if math.isinf(self.below) else f"{shown(self.above)} … {shown(self.below)}"

    @property
    def reproduced(self) -> bool:
        """Whether the claim is to come out."""
        return not self.because

    def holds(self, values: Iterable[float]) -> bool:
        """Whether the median of the values lies between the bounds."""
        return self.above <= statistics.median(values) <= self.below


def claim(quantity: str, *, above: float = -math.inf, below: float = math.inf) -> Claim:
    """Return a claim that is to come out."""
    return Claim(quantity, above, below)


def not_reproduced(quantity: str, because: str, *, above: float = -math.inf, below: float = math.inf) -> Claim:
    """Return a claim of the notes that did not come out, with what is known of the reason."""
    return Claim(quantity, above, below, because)


@dataclass(frozen=True, slots=True)
class Experiment:
    """A measurement for one seed, and what its medians over several seeds are to show.

    Attributes:
        name: what it is called on the command line.
        source: the item of the notes, and the paper.
        claims: what is to hold. Quantities without a claim are shown as they are.
        measure: from a seed to numbers. minidl's default generator has started from the same seed.
    """

    name: str
    source: str
    claims: tuple[Claim, ...]
    measure: Callable[[int], Measured]

    @property
    def title(self) -> str:
        """The first line of the measurement's docstring."""
        return (self.measure.__doc__ or "").partition("\n")[0]

    @property
    def design(self) -> str:
        """The rest of the docstring, a paragraph a line."""
        rest = (self.measure.__doc__ or "").partition("\n")[2].strip()
        return "\n\n".join(" ".join(part.split()) for part in rest.split("\n\n"))


EXPERIMENTS: Final[dict[str, Experiment]] = {}
"""All of them, by name, in the order of the course."""


def experiment(source: str, *claims: Claim) -> Callable[[Callable[[int], Measured]], Callable[[int], Measured]]:
    """Make a function from a seed to numbers an experiment, called as the function is, with hyphens."""

    def enter(measure: Callable[[int], Measured]) -> Callable[[int], Measured]:
        name = measure.__name__.replace("_", "-")
        EXPERIMENTS[name] = Experiment(name, source, claims, measure)
        return measure

    return enter


def measure(configuration: Mapping[str, Any]) -> Measured:
    """Run one experiment with one seed: the function that a sweep repeats."""
    from . import course  # a worker process has none entered yet

    minidl.manual_seed(configuration["seed"])
    return course.EXPERIMENTS[configuration["experiment"]].measure(configuration["seed"])


def run(
    names: Sequence[str],
    seeds: int = SEEDS,
    first: int = FIRST,
    *,
    executor: Executor | None = None,
    jobs: int | None = None,
    callbacks: Sequence[sweeps.Callback] | None = (),
) -> dict[str, dict[str, list[float]]]:
    """Repeat experiments with as many seeds.

    Returns:
        For each experiment what each quantity was, seed by seed.

    Raises:
        RuntimeError: a run failed.
    """
    asked = sweeps.repeat(seeds, [{"experiment": name} for name in names], seed=first)
    results = sweeps.sweep(measure, asked, executor=executor, max_workers=jobs, callbacks=callbacks)
    if results.failures:
        raise RuntimeError(f"{results.failures[0].configuration} failed: {results.failures[0].failure}")
    found: dict[str, dict[str, list[float]]] = {name: {} for name in names}
    for each in results:
        for quantity, value in (each.values or {}).items():
            found[each.configuration["experiment"]].setdefault(quantity, []).append(float(value))
    return found


def shown(value: float) -> str:
    """A number in as many digits as can be believed.

    >>> shown(0.98765), shown(-709.0), shown(3.2e-9), shown(12345.6), shown(0.0)
    ('0.988', '−709', '3.2e−09', '1.2e+04', '0')
    """
    size = abs(value)
    if value == round(value) and size < 1e5:
        text = str(round(value))
    elif size >= 1e4 or size < 1e-3:
        text = f"{value:.1e}"
    else:
        text = f"{value:.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.3g}"
    return text.replace("-", "−")
