"""Ensembles: several models that predict together, perhaps each trained on its own sample of the data (bagging)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from ..nn import Module
from ..nn import functional as F
from ..primitives.layers.random import Generator, default_generator
from ..primitives.shapes.joining import stack
from ..tensor import Tensor

Indices = NDArray[np.int64]


class Ensemble(Module):
    """Models that answer together with the mean of their predictions.

    With "probabilities" the members give scores `(N, K)`; their softmaxes p₁, p₂, … are averaged, and the result is
    ln(mean p), which is again a score: its softmax is the mean, and cross-entropy takes it as it is. By Jensen's inequality
    its cross-entropy is at most the members' mean. With "outputs" the members' outputs themselves are averaged, as is meant
    for regression.

    Args:
        models: the members; they become modules `0`, `1`, … of the ensemble.
        average: "probabilities" or "outputs".

    Raises:
        UsageError: there are no models, or there is no such average.

    Source: Hansen and Salamon, 1990, "Neural network ensembles"; Lakshminarayanan et al., 2017, "Simple and scalable
    predictive uncertainty estimation using deep ensembles".

    >>> import minidl
    >>> from minidl import nn
    >>> both = Ensemble([nn.Linear(4, 3), nn.Linear(4, 3)])
    >>> scores = both(minidl.ones(2, 4))
    >>> scores.shape, round(float(nn.functional.softmax(scores, dim=1)[0].sum()), 4)
    ((2, 3), 1.0)
    """

    def __init__(self, models: Iterable[Module], average: str = "probabilities") -> None:
        super().__init__()
        members = list(models)
        if not members:
            raise UsageError("Ensemble: got no models")
        if average not in ("probabilities", "outputs"):
            raise UsageError(f'Ensemble: average must be "probabilities" or "outputs", got {average!r}')
        for i, member in enumerate(members):
            self.add_module(str(i), member)
        self.average = average

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """Return the members' mean prediction."""
        outputs = [member(*args, **kwargs) for member in self.children()]
        if self.average == "probabilities":
            logs = stack([F.log_softmax(output, dim=1) for output in outputs])
            return logs.logsumexp(0) - math.log(len(outputs))  # in logarithms throughout: no probability becomes 0
        return sum(outputs[1:], start=outputs[0]) / len(outputs)

    def __len__(self) -> int:
        return len(list(self.children()))


def bootstrap(count: int, generator: Generator | None = None) -> Indices:
    """Draw `count` positions out of as many, with replacement: a sample as another collection of data might have been.

    Args:
        count: the number of examples.
        generator: where the random numbers come from; minidl's default if not given.

    Returns:
        `(count,)`, ascending. About 63 % of the positions occur, some several times.

    Raises:
        UsageError: there are no examples.

    Source: Efron, 1979, "Bootstrap methods: another look at the jackknife".

    >>> from minidl import Generator
    >>> bootstrap(5, Generator(0))
    array([1, 1, 2, 3, 4])
    """
    if count < 1:
        raise UsageError(f"bootstrap: needs at least one example, got {count}")
    drawn = (generator or default_generator).numpy.integers(count, size=count)
    return np.sort(drawn).astype(np.int64, copy=False)


def out_of_bag(sample: Indices, count: int) -> Indices:
    """Return the positions, of `count`, that a sample lacks: about 37 %, on which its model can be judged.

    Raises:
        UsageError: the sample has positions that are not from 0 to `count` − 1.

    >>> out_of_bag(np.array([1, 3, 3, 4, 4]), 5)
    array([0, 2])
    """
    if len(sample) and not 0 <= np.min(sample) <= np.max(sample) < count:
        raise UsageError(
            f"out_of_bag: positions must be from 0 to {count - 1}; got {np.min(sample)} to {np.max(sample)}"
        )
    missing = np.ones(count, bool)
    missing[sample] = False
    return np.flatnonzero(missing).astype(np.int64, copy=False)


def bagging(
    fit: Callable[[Indices], Module],
    examples: int,
    models: int,
    generator: Generator | None = None,
    average: str = "probabilities",
) -> tuple[Ensemble, list[Indices]]:
    """Train models on bootstrap samples of the data, and let them answer together.

    Args:
        fit: trains a model on the examples at these positions, and returns it.
        examples: the number of examples.
        models: the number of models.
        generator: where the samples come from; minidl's default if not given.
        average: as in `Ensemble`.

    Returns:
        The ensemble, and each member's sample.

    Raises:
        UsageError: there are no models or no examples.

    Source: Breiman, 1996, "Bagging predictors".

    >>> import minidl
    >>> from minidl import nn
    >>> def fit(sample):
    ...     return nn.Linear(4, 3)  # trained on data.subset(sample) in earnest
    >>> ensemble, samples = bagging(fit, examples=100, models=3, generator=minidl.Generator(0))
    >>> len(ensemble), samples[0].shape
    (3, (100,))
    """
    if models < 1:
        raise UsageError(f"bagging: needs at least one model, got {models}")
    samples = [bootstrap(examples, generator) for _ in range(models)]
    return Ensemble([fit(sample) for sample in samples], average), samples
