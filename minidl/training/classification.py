"""How well classes are told apart: accuracy and its interval, the confusion matrix, and each class by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DtypeError, ShapeError, UsageError
from .metrics import Values, clopper_pearson, plain, ranking, top_k_correct

Outputs = Values
"""What a classifier said: scores or probabilities `(N, K)`, or classes `(N,)`."""


def guesses(outputs: Outputs) -> NDArray[np.intp]:
    """Return the class `(N,)` that each row of scores `(N, K)` puts highest, the first of equals; classes stay as they are.

    Raises:
        ShapeError: neither of these.
        DtypeError: a vector of numbers that are not whole.
        UsageError: there are no classes, or a score is NaN, which puts none of them highest.

    >>> guesses(np.array([[0.1, 0.9], [0.8, 0.2]]))
    array([1, 0])
    """
    outputs = plain(outputs)
    if outputs.ndim == 2:
        if unclear := int(_has_nan(outputs).sum()):
            raise UsageError(f"{unclear} of {len(outputs)} rows of scores hold NaN, which guess no class")
        return _highest(outputs)
    if outputs.ndim != 1:
        raise ShapeError(f"a classifier's outputs are scores (N, K) or classes (N,); got {outputs.shape}")
    return _whole(outputs, "classes")


def _highest(scores: NDArray[Any]) -> NDArray[np.intp]:
    if scores.shape[1] == 0:
        raise UsageError(f"scores {scores.shape} are of no class")
    return scores.argmax(axis=1)


def _has_nan(scores: NDArray[Any]) -> NDArray[np.bool_]:
    rows: NDArray[np.bool_] = np.isnan(scores).any(axis=1)
    return rows


def _whole(classes: NDArray[Any], what: str) -> NDArray[np.intp]:
    if classes.dtype.kind not in "biu":
        raise DtypeError(f"{what} (N,) must be whole numbers; got {classes.dtype}")
    return classes.astype(np.intp, copy=False)


def correct(outputs: Outputs, labels: Values) -> NDArray[np.bool_]:
    """Tell for each example, `(N,)`, whether its most likely class is the right one; a row of scores with NaN is wrong.

    Raises:
        ShapeError: not one output a label.
        DtypeError: labels, or classes that were guessed, are not whole numbers.
    """
    outputs, labels = plain(outputs), plain(labels)
    if labels.ndim != 1 or outputs.shape[:1] != labels.shape or outputs.ndim > 2:
        raise ShapeError(
            f"outputs, scores (N, K) or classes (N,), and labels (N,) must be of the same examples; got {outputs.shape} "
            f"and {labels.shape}"
        )
    if outputs.ndim == 2:
        return (_highest(outputs) == _whole(labels, "labels")) & ~_has_nan(outputs)
    right: NDArray[np.bool_] = guesses(outputs) == _whole(labels, "labels")
    return right


@dataclass(frozen=True, slots=True)
class Score:
    """A count of successes, and how sure one can be of what lies behind it.

    Attributes:
        correct: how many were right.
        total: of how many.

    >>> score = Score(9500, 10000)
    >>> low, high = score.interval()
    >>> print(score, f"{low:.5f} {high:.5f}")
    95.00 % [94.55, 95.42] 0.94555 0.95419
    """

    correct: int
    total: int

    @classmethod
    def of(cls, outputs: Outputs, labels: Values) -> Score:
        """Count how many outputs name the right class."""
        right = correct(outputs, labels)
        return cls(int(right.sum()), len(right))

    @property
    def accuracy(self) -> float:
        """The share that was right; NaN of nothing."""
        return self.correct / self.total if self.total else float("nan")

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Return the Clopper–Pearson interval of the accuracy on all that might be drawn from the same source."""
        return clopper_pearson(self.correct, self.total, confidence)

    def __str__(self) -> str:
        if not self.total:
            return "no examples"
        low, high = self.interval()
        return f"{100 * self.accuracy:.2f} % [{100 * low:.2f}, {100 * high:.2f}]"


def accuracy(outputs: Outputs, labels: Values) -> float:
    """Return the share of examples whose most likely class is the right one; NaN of no examples.

    >>> accuracy(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    0.5
    """
    return Score.of(outputs, labels).accuracy


def top_k_accuracy(scores: Values, labels: Values, k: int = 5) -> float:
    """Return the share of examples whose class is among the `k` with the highest scores; NaN of no examples.

    >>> top_k_accuracy(np.array([[0.1, 0.5, 0.4], [0.6, 0.3, 0.1]]), np.array([2, 2]), k=2)
    0.5
    """
    right = top_k_correct(scores, labels, k)
    return Score(int(right.sum()), len(right)).accuracy


def ranked_guesses(probabilities: Values, k: int = 5) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """Return the `k` most probable classes of each example, the best first, and their probabilities; both `(N, k)`.

    Of equals the class that comes first is the first.

    Raises:
        UsageError: there are not so many classes.

    >>> classes, probabilities = ranked_guesses(np.array([[0.1, 0.6, 0.3]]), k=2)
    >>> classes.tolist(), probabilities.tolist()
    ([[1, 2]], [[0.6, 0.3]])
    """
    probabilities = plain(probabilities)
    if probabilities.ndim != 2:
        raise ShapeError(f"probabilities must be (N, K); got {probabilities.shape}")
    if not 1 <= k <= probabilities.shape[1]:
        raise UsageError(f"k must be from 1 to {probabilities.shape[1]}, the number of classes; got {k}")
    order = ranking(probabilities)[:, :k]
    return order, np.take_along_axis(probabilities, order, axis=1)


def confusion_matrix(outputs: Outputs, labels: Values, num_classes: int | None = None) -> NDArray[np.int64]:
    """Count for each true class (row) how often each class (column) was guessed.

    Args:
        outputs: scores `(N, K)` or classes `(N,)`.
        labels: `(N,)`, the right classes.
        num_classes: K; the number of columns of scores, or one more than the highest class seen, if None.

    Raises:
        UsageError: a class is not from 0 to K − 1.

    >>> confusion_matrix(np.array([0, 1, 1, 1]), np.array([0, 0, 1, 1])).tolist()
    [[1, 1], [0, 2]]
    """
    outputs, labels = plain(outputs), plain(labels)
    correct(outputs, labels)  # checks shapes and dtypes
    guessed, true = guesses(outputs), labels.astype(np.intp)
    if num_classes is None:
        highest = max(guessed.max(initial=-1), true.max(initial=-1))
        num_classes = outputs.shape[1] if outputs.ndim == 2 else int(highest) + 1
    for name, values in (("labels", true), ("guesses", guessed)):
        if len(values) and not 0 <= values.min() <= values.max() < num_classes:
            raise UsageError(
                f"the {name} run from {values.min()} to {values.max()}; with {num_classes} classes, 0 to {num_classes - 1}"
            )
    counts = np.bincount(true * num_classes + guessed, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class PerClass:
    """How each class fares. A share of nothing (a class never guessed, or with no example) is NaN.

    Attributes:
        precision: `(K,)`, of what was guessed to be this class, the share that is.
        recall: `(K,)`, of what is this class, the share that was found: the class's own accuracy.
        f1: `(K,)`, their harmonic mean, 2 · right / (guessed + true).
        support: `(K,)`, how many examples the class has.
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    support: NDArray[np.int64]

    @property
    def macro_f1(self) -> float:
        """The mean F1 of the classes, each counting alike; classes that neither occur nor were guessed are left out."""
        return _mean(self.f1)

    @property
    def balanced_accuracy(self) -> float:
        """The mean recall of the classes that occur: the accuracy if all of them were equally frequent."""
        return _mean(self.recall)


def _mean(shares: NDArray[np.float64]) -> float:
    known = shares[~np.isnan(shares)]
    return float(known.mean()) if known.size else float("nan")


def per_class(matrix: NDArray[np.integer]) -> PerClass:
    """Return precision, recall and F1 of each class from a confusion matrix `(K, K)`, true classes in rows.

    >>> scores = per_class(np.array([[1, 1], [0, 2]]))
    >>> scores.precision.round(3).tolist(), scores.recall.tolist(), scores.f1.round(3).tolist()
    ([1.0, 0.667], [0.5, 1.0], [0.667, 0.8])
    """
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ShapeError(f"a confusion matrix is (K, K); got {matrix.shape}")
    right = np.diagonal(matrix).astype(np.float64)
    guessed, true = matrix.sum(axis=0), matrix.sum(axis=1)

    def share(part: NDArray[np.float64], whole: NDArray[np.integer]) -> NDArray[np.float64]:
        return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)

    return PerClass(share(right, guessed), share(right, true), share(2 * right, guessed + true), true.astype(np.int64))
