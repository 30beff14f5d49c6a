"""What many runs say together: their spread, how well their mean is known, and whether one configuration beats another."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import UsageError
from ..primitives.layers.random import Generator
from .results import Results

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, slots=True)
class Summary:
    """The distribution of one number over many runs.

    Attributes:
        count: how many runs.
        mean: their mean.
        std: their standard deviation, with n − 1; nan for one run.
        min: the least.
        max: the largest.
        quantiles: the value below which each share of the runs lies, by share.
        interval: where the mean of infinitely many such runs lies, with the asked confidence; nan for one run.
    """

    count: int
    mean: float
    std: float
    min: float
    max: float
    quantiles: dict[float, float]
    interval: tuple[float, float]

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.mean:.4g} ± {self.std:.2g} ({self.count} runs; mean between {low:.4g} and {high:.4g})"


def summarize(values: ArrayLike, confidence: float = 0.95, generator: Generator | None = None) -> Summary:
    """Return the distribution of one number over many runs.

    The interval of the mean is Student's, m ± t·s/√n with n − 1 degrees of freedom: right where single values are normally
    distributed, and close for many of them. With a generator it is the bootstrap's instead: between the quantiles of the
    means of 10,000 samples drawn from the values with replacement, for distributions that are far from normal.

    Args:
        values: one number a run, `(n,)`.
        confidence: how often such intervals hold the true mean.
        generator: draws the bootstrap's samples.

    Raises:
        UsageError: there are no values, or the confidence is not between 0 and 1.

    Source: Student, 1908, "The probable error of a mean"; Efron, 1979, "Bootstrap methods".

    >>> summary = summarize([0.9, 0.92, 0.94])
    >>> print(summary)
    0.92 ± 0.02 (3 runs; mean between 0.8703 and 0.9697)
    >>> summary.quantiles[0.5]
    0.92
    """
    array = np.asarray(values, float).ravel()
    if not len(array):
        raise UsageError("summarize: there are no values")
    if not 0 < confidence < 1:
        raise UsageError(f"summarize: the confidence must be between 0 and 1; got {confidence}")
    mean, count = float(array.mean()), len(array)
    std = float(array.std(ddof=1)) if count > 1 else math.nan
    if count == 1:
        interval = (math.nan, math.nan)
    elif generator is not None:
        interval = _bootstrap(array, confidence, generator)
    else:
        interval = _student(mean, std, count, confidence)
    quantiles = dict(zip(QUANTILES, np.quantile(array, QUANTILES).tolist(), strict=True))
    return Summary(count, mean, std, float(array.min()), float(array.max()), quantiles, interval)


def _student(mean: float, std: float, count: int, confidence: float) -> tuple[float, float]:
    from scipy.special import stdtrit

    half = float(stdtrit(count - 1, (1 + confidence) / 2)) * std / math.sqrt(count)
    return mean - half, mean + half


def _bootstrap(array: Any, confidence: float, generator: Generator, samples: int = 10_000) -> tuple[float, float]:
    means = [array[generator.numpy.integers(len(array), size=len(array))].mean() for _ in range(samples)]
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2]).tolist()
    return low, high


def compare(
    results: Results,
    measure: str,
    first: Mapping[str, Any],
    second: Mapping[str, Any],
    confidence: float = 0.95,
) -> Summary:
    """Return how much larger a measure is under `first` than under `second`, run against run with the same seed.

    Two runs make a pair if all settings but the named ones are the same. What both have in common, such as the split of the
    data that the seed decides, cancels: far fewer runs tell the two apart than if the means were compared.

    Args:
        results: of a sweep in which both were repeated with the same seeds.
        measure: the number to compare.
        first: settings that tell the one from the other, such as `{"model": "lenet"}`.
        second: the same settings with other values.
        confidence: of the interval of the mean difference; one that does not hold 0 tells the two apart.

    Raises:
        UsageError: the two name different settings, no runs make a pair, or several runs of one do not differ in anything.

    >>> from .outcome import Run
    >>> pairs = [(3, 0), (5, 0), (3, 1), (5, 1)]
    >>> runs = [Run(i, {"width": w, "seed": s}, {"loss": s + w / 10}) for i, (w, s) in enumerate(pairs)]
    >>> difference = compare(Results(runs), "loss", {"width": 5}, {"width": 3})
    >>> difference.count, round(difference.mean, 6)
    (2, 0.2)
    """
    if set(first) != set(second) or not first:
        raise UsageError(
            f"compare: the two must give values to the same settings; got {dict(first)} and {dict(second)}"
        )
    one, other = _by_the_rest(results, measure, first), _by_the_rest(results, measure, second)
    pairs = [one[key] - other[key] for key in one if key in other]
    if not pairs:
        raise UsageError(
            f"compare: no run with {dict(first)} and run with {dict(second)} have {measure} and all other settings the "
            "same; repeat both with the same seeds"
        )
    return summarize(pairs, confidence)


def _by_the_rest(results: Results, measure: str, chosen: Mapping[str, Any]) -> dict[str, float]:
    """Return the measure of the chosen runs, by their other settings."""
    found: dict[str, float] = {}
    for run in results:
        if not run.values or measure not in run.values:
            continue
        if any(name not in run.configuration or run.configuration[name] != value for name, value in chosen.items()):
            continue
        rest = json.dumps(
            {name: value for name, value in run.configuration.items() if name not in chosen}, sort_keys=True
        )
        if rest in found:
            raise UsageError(f"compare: several runs have {dict(chosen)} and {rest}; tell them apart by a seed")
        found[rest] = run.values[measure]
    return found
