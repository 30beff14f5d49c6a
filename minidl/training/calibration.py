"""Whether probabilities mean what they say: of all guesses made with 80 % confidence, are 80 % right?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ShapeError, UsageError
from .classification import correct
from .metrics import Values, plain

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ReliabilityCurve:
    """A reliability curve: the guesses sorted into bins by how confident they were.

    Attributes:
        edges: `(B + 1,)`, the bins' borders from 0 to 1; a bin holds confidences above its lower and up to its upper one.
        count: `(B,)`, how many guesses each bin has.
        confidence: `(B,)`, their mean confidence; NaN in an empty bin.
        accuracy: `(B,)`, the share of them that were right; NaN in an empty bin. On the diagonal all is well; below it
            the classifier is too sure of itself.
    """

    edges: Floats
    count: NDArray[np.int64]
    confidence: Floats
    accuracy: Floats

    @property
    def expected_calibration_error(self) -> float:
        """The expected calibration error (ECE): Σ count / N · |accuracy − confidence|."""
        return float(np.nansum(self.count * np.abs(self.accuracy - self.confidence)) / self.count.sum())

    @property
    def maximum_calibration_error(self) -> float:
        """The maximum calibration error: the largest |accuracy − confidence| of a bin that is not empty."""
        return float(np.nanmax(np.abs(self.accuracy - self.confidence)))


def reliability_curve(probabilities: Values, labels: Values, n_bins: int = 15) -> ReliabilityCurve:
    """Compare how confident a classifier is in its guesses with how often they are right.

    Args:
        probabilities: `(N, K)`; the confidence of a guess is its probability.
        labels: `(N,)`, the right classes.
        n_bins: B, how many bins of equal width.

    Raises:
        ShapeError: the shapes do not fit.
        UsageError: no example, no bin, labels that are no classes, or numbers that are no probabilities.

    Source: C. Guo et al., "On calibration of modern neural networks", ICML (2017).

    >>> curve = reliability_curve(np.array([[0.8, 0.2], [0.8, 0.2], [0.4, 0.6]]), np.array([0, 1, 1]), n_bins=2)
    >>> curve.count.tolist(), curve.accuracy.round(3).tolist()[1], round(curve.expected_calibration_error, 4)
    ([0, 3], 0.667, 0.0667)
    """
    probabilities, labels = _checked(probabilities, labels)
    if n_bins < 1:
        raise UsageError(f"reliability_curve needs at least one bin; got {n_bins}")
    right = correct(probabilities, labels)
    confidence = probabilities.max(axis=1).astype(np.float64)
    edges = np.linspace(0, 1, n_bins + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, n_bins - 1)
    count = np.bincount(place, minlength=n_bins)

    def mean(values: NDArray[Any]) -> Floats:
        total = np.bincount(place, weights=values, minlength=n_bins)
        return np.divide(total, count, out=np.full(n_bins, np.nan), where=count > 0)

    return ReliabilityCurve(edges, count.astype(np.int64), mean(confidence), mean(right))


def brier_score(probabilities: Values, labels: Values) -> float:
    """Return the mean of Σₖ (pₖ − [k is right])²: 0 is perfect, 2 the worst; it rewards being right and honest at once.

    This is Brier's own definition; for two classes it is twice the (p₁ − [1 is right])² that is also called by his name.

    Args:
        probabilities: `(N, K)`.
        labels: `(N,)`.

    Source: G. Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78 (1950).

    >>> round(brier_score(np.array([[0.8, 0.2]]), np.array([0])), 6)
    0.08
    """
    probabilities, labels = _checked(probabilities, labels)
    truth = np.eye(probabilities.shape[1])[labels]
    return float(((probabilities.astype(np.float64) - truth) ** 2).sum(axis=1).mean())


def _checked(probabilities: Values, labels: Values) -> tuple[NDArray[Any], NDArray[Any]]:
    probabilities, labels = plain(probabilities), plain(labels)
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1]:
        raise ShapeError(f"probabilities must be (N, K) and labels (N,); got {probabilities.shape} and {labels.shape}")
    if not probabilities.size:
        raise UsageError("there are no examples to judge by")
    classes = probabilities.shape[1]
    if labels.dtype.kind not in "iu" or not 0 <= labels.min() <= labels.max() < classes:
        raise UsageError(
            f"labels must be whole numbers from 0 to {classes - 1}; got {labels.dtype} from {labels.min()} to {labels.max()}"
        )
    if not (probabilities.min() >= 0 and np.allclose(probabilities.sum(axis=1), 1, atol=1e-3)):
        raise UsageError("each row of probabilities must be from 0 and sum to 1; put scores through a softmax first")
    return probabilities, labels
