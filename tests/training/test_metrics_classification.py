from __future__ import annotations

import numpy as np
import pytest

from minidl.errors import DtypeError, ShapeError, UsageError
from minidl.training.classification import (
    Score,
    accuracy,
    confusion_matrix,
    guesses,
    per_class,
    ranked_guesses,
    top_k_accuracy,
)


def judged(n: int = 300, k: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Scores that are right more often than not, and skewed labels."""
    rng = np.random.default_rng(0)
    labels = rng.choice(k, n, p=np.arange(1, k + 1) / np.arange(1, k + 1).sum())
    return rng.normal(size=(n, k)) + 1.5 * np.eye(k)[labels], labels


def test_accuracy_of_scores_and_of_classes() -> None:
    scores, labels = judged()
    expected = np.mean([row.tolist().index(row.max()) == label for row, label in zip(scores, labels, strict=True)])
    assert accuracy(scores, labels) == accuracy(scores.argmax(1), labels) == pytest.approx(expected)
    assert guesses(np.array([[1.0, 1.0, 0.0]])).tolist() == [0]  # the first of equals
    assert top_k_accuracy(scores, labels, 1) == pytest.approx(expected)
    assert expected < top_k_accuracy(scores, labels, 2) < top_k_accuracy(scores, labels, 4) == 1


def test_a_score_knows_how_sure_it_is() -> None:
    for (right, total), (low, high) in {
        (9500, 10000): (0.94555, 0.95419),
        (8, 10): (0.44390, 0.97479),
        (0, 10): (0, 0.30850),
    }.items():
        assert Score(right, total).interval() == (pytest.approx(low, abs=5e-6), pytest.approx(high, abs=5e-6))
    assert str(Score(8, 10)) == "80.00 % [44.39, 97.48]"
    assert str(Score(0, 0)) == "no examples"
    assert np.isnan(Score(0, 0).accuracy)
    narrow, wide = (np.ptp(Score(8, 10).interval(confidence)) for confidence in (0.5, 0.99))
    assert narrow < wide


def test_the_interval_holds_the_truth_as_often_as_promised() -> None:
    rng = np.random.default_rng(1)
    for truth in (0.1, 0.5, 0.93):
        found = [Score(int(k), 40).interval(0.9) for k in rng.binomial(40, truth, 400)]
        assert np.mean([low <= truth <= high for low, high in found]) >= 0.9


def test_ranked_guesses_are_sorted() -> None:
    scores, labels = judged()
    classes, values = ranked_guesses(scores, 3)
    assert classes.shape == values.shape == (300, 3)
    np.testing.assert_array_equal(values, -np.sort(-scores, axis=1)[:, :3])
    assert (classes == labels[:, None]).any(1).mean() == top_k_accuracy(scores, labels, 3)
    with pytest.raises(UsageError, match="k must be from 1 to 4"):
        ranked_guesses(scores, 5)
    with pytest.raises(ShapeError, match=r"\(N, K\)"):
        ranked_guesses(labels)


def test_the_confusion_matrix_counts_pairs() -> None:
    scores, labels = judged()
    matrix = confusion_matrix(scores, labels)
    expected = np.zeros((4, 4), int)
    for guess, label in zip(scores.argmax(1), labels, strict=True):
        expected[label, guess] += 1
    assert np.array_equal(matrix, expected)
    assert np.trace(matrix) / matrix.sum() == pytest.approx(accuracy(scores, labels))
    assert np.array_equal(confusion_matrix(scores.argmax(1), labels, 6)[:4, :4], expected)
    assert confusion_matrix(scores.argmax(1), labels, 6).shape == (6, 6)
    assert confusion_matrix(np.array([2]), np.array([0])).shape == (3, 3)
    with pytest.raises(UsageError, match="labels run from 0 to 3"):
        confusion_matrix(scores.argmax(1), labels, 3)
    with pytest.raises(UsageError, match="guesses run from -1"):
        confusion_matrix(np.array([-1, 0]), np.array([0, 1]))


def test_each_class_by_itself() -> None:
    scores, labels = judged()
    guessed = scores.argmax(1)
    found = per_class(confusion_matrix(scores, labels))
    for k in range(4):
        both = ((guessed == k) & (labels == k)).sum()
        precision, recall = both / (guessed == k).sum(), both / (labels == k).sum()
        assert found.precision[k] == pytest.approx(precision)
        assert found.recall[k] == pytest.approx(recall)
        assert found.f1[k] == pytest.approx(2 * precision * recall / (precision + recall))
        assert found.support[k] == (labels == k).sum()
    assert found.macro_f1 == pytest.approx(found.f1.mean())
    assert found.balanced_accuracy == pytest.approx(found.recall.mean())


def test_a_share_of_nothing_is_not_a_number() -> None:
    found = per_class(np.array([[3, 0, 0], [2, 0, 0], [0, 0, 0]]))
    assert np.isnan(found.precision).tolist() == [False, True, True]
    assert np.isnan(found.recall).tolist() == [False, False, True]
    assert np.isnan(found.f1).tolist() == [False, False, True]
    assert found.f1[1] == 0
    assert found.macro_f1 == pytest.approx((0.75 + 0) / 2)
    assert found.balanced_accuracy == 0.5


def test_outputs_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DtypeError, match="whole numbers"):
        guesses(np.array([0.5, 1.0]))
    with pytest.raises(ShapeError, match=r"scores \(N, K\) or classes \(N,\)"):
        guesses(np.zeros((2, 2, 2)))
    with pytest.raises(ShapeError, match="the same examples"):
        accuracy(np.zeros((3, 2)), np.zeros(2, int))
    with pytest.raises(ShapeError, match=r"is \(K, K\)"):
        per_class(np.zeros((2, 3), int))
