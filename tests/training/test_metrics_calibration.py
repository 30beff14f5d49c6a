from __future__ import annotations

import numpy as np
import pytest

from minidl.errors import ShapeError, UsageError
from minidl.training.calibration import brier_score, reliability_curve


def two_class(confidence: np.ndarray) -> np.ndarray:
    return np.stack([confidence, 1 - confidence], axis=1)


def test_an_honest_classifier_is_on_the_diagonal() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 1, 40_000)
    labels = (rng.random(40_000) > confidence).astype(int)  # class 0 as often as it says
    curve = reliability_curve(two_class(confidence), labels, n_bins=10)
    assert curve.expected_calibration_error < 0.01
    np.testing.assert_allclose(curve.accuracy[5:], curve.confidence[5:], atol=0.03)
    assert curve.count[:5].sum() == 0
    assert np.isnan(curve.accuracy[:5]).all()
    assert curve.count.sum() == 40_000


def test_a_boaster_is_below_it_by_as_much_as_it_boasts() -> None:
    labels = np.array([0] * 6 + [1] * 4)
    curve = reliability_curve(two_class(np.full(10, 0.95)), labels)
    assert curve.expected_calibration_error == pytest.approx(0.35)
    assert curve.maximum_calibration_error == pytest.approx(0.35)


def test_the_error_is_the_weighted_mean_over_the_bins() -> None:
    confidence = np.array([0.55, 0.6, 0.7, 0.91, 0.99])
    labels = np.array([0, 1, 0, 0, 1])
    curve = reliability_curve(two_class(confidence), labels, n_bins=5)
    assert curve.count.tolist() == [0, 0, 2, 1, 2]
    assert reliability_curve(two_class(np.array([0.75])), np.array([0]), 4).count.tolist() == [
        0,
        0,
        1,
        0,
    ]  # it ends there
    expected = (2 * abs(0.5 - 0.575) + abs(1 - 0.7) + 2 * abs(0.5 - 0.95)) / 5
    assert curve.expected_calibration_error == pytest.approx(expected)
    assert curve.maximum_calibration_error == pytest.approx(0.45)
    np.testing.assert_allclose(curve.edges, [0, 0.2, 0.4, 0.6, 0.8, 1])


def test_certainty_is_in_the_last_bin_and_one_bin_is_enough() -> None:
    sure = reliability_curve(two_class(np.ones(3)), np.zeros(3, int))
    assert sure.count[-1] == 3
    assert sure.expected_calibration_error == 0
    whole = reliability_curve(two_class(np.array([0.6, 0.8])), np.array([0, 0]), n_bins=1)
    assert whole.expected_calibration_error == pytest.approx(0.3)


def test_the_brier_score_is_between_0_and_2() -> None:
    eye = np.eye(3)
    assert brier_score(eye, np.arange(3)) == 0
    assert brier_score(eye, np.array([1, 2, 0])) == 2
    assert brier_score(np.full((4, 4), 0.25), np.arange(4)) == pytest.approx(0.75**2 + 3 * 0.25**2)


def test_what_is_not_a_probability_is_refused() -> None:
    with pytest.raises(UsageError, match="softmax first"):
        reliability_curve(np.array([[2.0, -1.0]]), np.array([0]))
    with pytest.raises(UsageError, match="softmax first"):
        reliability_curve(np.array([[np.nan, 1.0]]), np.array([0]))
    for labels in ([2], [-1], [0.5], [True]):
        with pytest.raises(UsageError, match="whole numbers from 0 to 1; got"):
            brier_score(np.array([[0.5, 0.5]]), np.array(labels))
    with pytest.raises(UsageError, match="no examples"):
        brier_score(np.zeros((0, 2)), np.zeros(0, int))
    with pytest.raises(ShapeError, match=r"\(N, K\)"):
        reliability_curve(np.zeros(3), np.zeros(3, int))
    with pytest.raises(UsageError, match="at least one bin"):
        reliability_curve(two_class(np.ones(1)), np.zeros(1, int), n_bins=0)


def test_errors_of_drawn_labels_are_those_of_their_formulas() -> None:
    """Labels drawn with probabilities q where p is said: E|accuracy − confidence| per bin, and Σ(p² − 2pq + q) + Σ…"""
    rng = np.random.default_rng(3)
    said, true = 0.9, 0.7
    labels = (rng.random(200_000) > true).astype(int)
    probabilities = two_class(np.full(200_000, said))
    curve = reliability_curve(probabilities, labels)
    assert curve.expected_calibration_error == pytest.approx(said - true, abs=0.005)
    assert brier_score(probabilities, labels) == pytest.approx(2 * ((said - true) ** 2 + true * (1 - true)), abs=0.005)


def test_one_class_is_always_right() -> None:
    assert brier_score(np.ones((4, 1)), np.zeros(4, int)) == 0
    assert reliability_curve(np.ones((4, 1)), np.zeros(4, int)).expected_calibration_error == 0


def test_tensors_will_do() -> None:
    import minidl

    probabilities = two_class(np.array([0.9, 0.6]))
    assert brier_score(minidl.tensor(probabilities, requires_grad=True), minidl.tensor([0, 1])) == brier_score(
        probabilities, np.array([0, 1])
    )
