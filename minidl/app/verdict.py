"""What the test images say at the end of a run: looked at once, and written down from every side."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..training import (
    Evaluation,
    PerClass,
    Score,
    Session,
    accuracy_under,
    brier_score,
    confusion_matrix,
    evaluate,
    per_class,
    perturbations,
    reliability_curve,
)
from .tables import write_csv

CLASSES, CONFUSION, PERTURBATIONS = "classes.csv", "confusion.csv", "perturbations.csv"


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """How a trained model did on the test images.

    Attributes:
        judged: what it said about each.
        score: how many were right.
        top_k: how many guesses an image had for `top_k_accuracy`.
        confusion: `(K, K)`, how often each class, a row, was taken for each.
        classes: how each class fared.
        perturbed: the score under each perturbation by name, "none" first; empty if that was not asked for.
    """

    judged: Evaluation
    score: Score
    top_k: int
    confusion: NDArray[np.int64]
    classes: PerClass
    perturbed: Mapping[str, Score]

    def result(self) -> dict[str, Any]:
        """Return what goes into result.json."""
        low, high = self.score.interval()
        probabilities, labels = self.judged.probabilities, self.judged.labels
        about = {
            "test_accuracy": self.score.accuracy,
            "correct": self.score.correct,
            "total": self.score.total,
            "interval": [low, high],
            "confidence": 0.95,
            "interval_method": "Clopper-Pearson",
            "test_loss": self.judged.loss,
            f"top_{self.top_k}_accuracy": self.judged.top_k_accuracy(self.top_k),
            "balanced_accuracy": self.classes.balanced_accuracy,
            "macro_f1": self.classes.macro_f1,
            "expected_calibration_error": reliability_curve(probabilities, labels).expected_calibration_error,
            "brier_score": brier_score(probabilities, labels),
        }
        if self.perturbed:
            about["perturbed_accuracy"] = {name: score.accuracy for name, score in self.perturbed.items()}
        return about

    def write_tables(self, folder: Path, names: tuple[str, ...]) -> None:
        """Write a line a class, the confusion matrix, and a line a perturbation."""
        columns = zip(
            names, self.classes.support, self.classes.precision, self.classes.recall, self.classes.f1, strict=True
        )
        write_csv(
            folder / CLASSES,
            [
                {"class": name, "images": int(count), "precision": _cell(p), "recall": _cell(r), "f1": _cell(f1)}
                for name, count, p, r, f1 in columns
            ],
        )
        rows = zip(names, self.confusion.tolist(), strict=True)
        keys = [f"guessed {name}" for name in names]
        write_csv(folder / CONFUSION, [{"class": name, **dict(zip(keys, row, strict=True))} for name, row in rows])
        if self.perturbed:
            write_csv(folder / PERTURBATIONS, [_row(name, score) for name, score in self.perturbed.items()])


def _cell(share: float) -> str:
    """A share, or nothing where it is one of nothing."""
    return "" if math.isnan(share) else f"{share:.6g}"


def _row(name: str, score: Score) -> dict[str, Any]:
    low, high = score.interval()
    counts = {"correct": score.correct, "total": score.total, "accuracy": score.accuracy}
    return {"perturbation": name} | counts | {"low": low, "high": high}


def judge(session: Session, *, top_k: int, perturbed: bool = False) -> Verdict:
    """Look at the test images: here, once, and nowhere else.

    Args:
        session: the run, its training over; the model judged is its trainer's `judged`.
        top_k: how many guesses an image has beside the one that counts.
        perturbed: whether to look at the images under each perturbation too.
    """
    test, model = session.parts.test, session.trainer.judged
    judged = evaluate(model, session.loader(test), session.trainer.loss)
    matrix = confusion_matrix(judged.outputs, judged.labels, len(test.classes))
    scores: Mapping[str, Score] = {}
    if perturbed:
        changes = perturbations(min(test.image_shape[1:]))
        scores = accuracy_under(model, test.images, test.labels, changes, then=[session.preprocess])
    score = Score.of(judged.outputs, judged.labels)
    return Verdict(judged, score, min(top_k, len(test.classes)), matrix, per_class(matrix), scores)
