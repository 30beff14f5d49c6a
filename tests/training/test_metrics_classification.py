from __future__ import annotations

import numpy as np
import pytest

import minidl
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
    with pytest.raises(ShapeError, match="the same examples"):
        accuracy(np.zeros((3, 2)), np.zeros((3, 2), int))
    with pytest.raises(DtypeError, match=r"labels \(N,\) must be whole"):
        accuracy(np.zeros((3, 2)), np.zeros(3))
    with pytest.raises(UsageError, match="of no class"):
        accuracy(np.zeros((3, 0)), np.zeros(3, int))
    with pytest.raises(ShapeError, match=r"is \(K, K\)"):
        per_class(np.zeros((2, 3), int))


def test_intervals_are_scipys() -> None:
    from scipy.stats import binomtest

    for total in (1, 2, 7, 100, 10_000):
        for right in {0, 1, total // 3, total - 1, total}:
            for confidence in (0.5, 0.95, 0.999):
                expected = binomtest(right, total).proportion_ci(confidence, method="exact")
                np.testing.assert_allclose(Score(right, total).interval(confidence), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.float16, np.float32, bool])
def test_scores_of_any_kind_are_ranked_alike(kind: type) -> None:
    """Negating numbers that have no sign would turn 0, 1, 2 into 0, 255, 254."""
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 4, (50, 6)).astype(kind)
    labels = rng.integers(0, 6, 50)
    order, values = ranked_guesses(scores, 6)
    for row, ranks in zip(scores.tolist(), order.tolist(), strict=True):
        assert ranks == sorted(range(6), key=lambda k: (-float(row[k]), k)), "the first of equals is first"
    np.testing.assert_array_equal(values, np.take_along_axis(scores, order, 1))
    assert top_k_accuracy(scores, labels, 1) == accuracy(scores, labels)
    assert top_k_accuracy(scores, labels, 3) == np.mean(
        [label in row for label, row in zip(labels, order[:, :3], strict=True)]
    )


@pytest.mark.torch
def test_distinct_scores_are_ranked_as_by_torch() -> None:
    torch = pytest.importorskip("torch")
    scores, _ = judged()
    values, classes = torch.topk(torch.tensor(scores), 3)
    found = ranked_guesses(scores, 3)
    np.testing.assert_array_equal(found[0], classes)
    np.testing.assert_array_equal(found[1], values)


def test_scores_that_are_not_numbers_guess_nothing() -> None:
    scores, labels = judged()
    whole = (Score.of(scores, labels).correct, top_k_accuracy(scores, labels, 2))
    lost = int((scores.argmax(1) == labels)[:30].sum())
    found = ((np.argsort(-scores)[:, :2] == labels[:, None]).any(1))[:30].sum()
    scores[np.arange(30), labels[:30]] = np.nan  # NumPy's argmax would take each for the highest
    assert Score.of(scores, labels).correct == whole[0] - lost
    assert top_k_accuracy(scores, labels, 2) == pytest.approx(whole[1] - found / 300)
    assert accuracy(np.full((3, 2), np.nan), np.zeros(3, int)) == 0
    with pytest.raises(UsageError, match="30 of 300 rows of scores hold NaN"):
        confusion_matrix(scores, labels)


def test_of_nothing_and_of_one_class() -> None:
    nothing, none = np.zeros((0, 3)), np.zeros(0, int)
    assert np.isnan([accuracy(nothing, none), accuracy(none, none), top_k_accuracy(nothing, none, 2)]).all()
    assert confusion_matrix(nothing, none).tolist() == [[0] * 3] * 3
    assert confusion_matrix(none, none).shape == (0, 0)
    for matrix in (confusion_matrix(nothing, none), confusion_matrix(none, none)):
        assert np.isnan([per_class(matrix).macro_f1, per_class(matrix).balanced_accuracy]).all()
    only = per_class(confusion_matrix(np.ones((5, 1)), np.zeros(5, int)))
    assert (only.macro_f1, only.balanced_accuracy, only.support.tolist()) == (1, 1, [5])
    assert accuracy(np.ones((5, 1)), np.zeros(5, int)) == 1


def test_tensors_lists_and_truth_values_will_do() -> None:
    scores, labels = judged()
    tensor = minidl.tensor(scores, requires_grad=True)
    assert accuracy(tensor * 2, minidl.tensor(labels)) == accuracy(scores, labels)
    assert top_k_accuracy(tensor, minidl.tensor(labels), 2) == top_k_accuracy(scores, labels, 2)
    np.testing.assert_array_equal(confusion_matrix(tensor, minidl.tensor(labels)), confusion_matrix(scores, labels))
    assert accuracy([1, 0, 1], [1, 1, 1]) == pytest.approx(2 / 3)
    assert confusion_matrix(scores[:, 0] > 0, labels == 0).tolist() == [
        [int(((scores[:, 0] > 0) == g)[(labels == 0) == t].sum()) for g in (0, 1)] for t in (0, 1)
    ]


def test_one_class_guessed_always() -> None:
    """The accuracy of the commonest class looks good; the balanced one is that of a coin with as many sides as classes."""
    labels = np.repeat([0, 1, 2], [90, 8, 2])
    found = per_class(confusion_matrix(np.zeros(100, int), labels, 3))
    assert accuracy(np.zeros(100, int), labels) == 0.9
    assert found.balanced_accuracy == pytest.approx(1 / 3)
    assert found.macro_f1 == pytest.approx((2 * 90 / 190) / 3)
