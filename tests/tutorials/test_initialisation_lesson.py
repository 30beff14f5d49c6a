"""The lesson on initialisation: what survives twenty layers, and which name draws what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from tutorials.learning.session import Session
from tutorials.lesson import Picture
from tutorials.lessons.initialisation import INITIALISATION

Learner = Callable[..., Session]


def names_after(learner: Learner, step: str) -> dict[str, Any]:
    return dict(learner(INITIALISATION, step).snapshot.names)


def output(learner: Learner, step: str) -> str:
    snapshot = learner(INITIALISATION, step).snapshot
    return " ".join([*snapshot.before.output, *snapshot.after.output])


def test_the_variance_at_layer_20(learner: Learner) -> None:
    """Measured once with 256 units: .987 for linear layers and 1/n, 1.7e−6 and 1.14 for ReLU with 1/n and 2/n."""
    names = names_after(learner, "keep-it")
    signal, same, n = names["signal"], names["same"], names["n"]
    ends = np.array(
        [
            [
                signal(std, f, seed)[-1].data.astype(float).__pow__(2).mean()
                for std, f in ((n**-0.5, same), (n**-0.5, minidl.relu), ((2 / n) ** 0.5, minidl.relu))
            ]
            for seed in range(5)
        ]
    )
    assert np.median(ends[:, 0]) == pytest.approx(0.987, rel=0.25)
    assert 0.4 < np.median(ends[:, 1]) / 1.7e-6 < 2.5
    assert np.median(ends[:, 2]) == pytest.approx(1.14, rel=0.35)
    np.testing.assert_allclose(ends[:, 2] / ends[:, 1], 2.0**20, rtol=1e-3)


def test_a_small_beginning_is_gone_after_twenty_layers(learner: Learner) -> None:
    names = names_after(learner, "a-small-number")
    assert names["one"] == pytest.approx(0.01 * np.sqrt(256 / 2), rel=0.1)
    assert 1e-20 < names["end"] < 1e-18


def test_the_variance_of_a_sum_is_as_the_rule_says(learner: Learner) -> None:
    names = names_after(learner, "one-sum")
    assert names["var_y"] == pytest.approx(2.56)
    assert names["y"].data.var() == pytest.approx(2.56, rel=0.05)
    assert learner(INITIALISATION, "keep-it").snapshot.correct == "0.0625"


@pytest.mark.parametrize("std", ["0.0884", "-0.088", "0.09", "sqrt"])
def test_a_std_that_keeps_the_size_is_right(std: str, learner: Learner) -> None:
    session = learner(INITIALISATION, "find-it")
    session.submit(session.snapshot.correct if std == "sqrt" else std)
    assert session.answer.right


@pytest.mark.parametrize(
    ("std", "words"),
    [
        ("0.01", "Too small: size 1.1e−19 at layer 20. Each layer multiplies by 0.11."),
        ("0.07", "Too small"),
        ("0.0625", "Too small"),
        ("0.11", "Too large"),
        ("1", "Too large: size 1.1e21 at layer 20"),
        ("1e300", "the computer's numbers end"),
    ],
)
def test_a_std_that_does_not_is_run_and_explained(std: str, words: str, learner: Learner) -> None:
    session = learner(INITIALISATION, "find-it")
    session.submit(std)
    assert session.open
    assert words in session.message


def test_the_window_is_as_narrow_as_it_says(learner: Learner) -> None:
    names = names_after(learner, "find-it")
    assert names["less"] == pytest.approx(0.1216, rel=1e-3)
    assert names["more"] == pytest.approx(6.727, rel=1e-3)


def test_relu_halves_the_mean_square_in_every_layer(learner: Learner) -> None:
    names = names_after(learner, "with-relu")
    steps = np.diff(names["powers"])
    np.testing.assert_allclose(steps, np.log10(0.5) / 2, atol=0.06)
    assert learner(INITIALISATION, "with-relu").snapshot.correct == "c"


def test_it_is_the_mean_square_that_counts(learner: Learner) -> None:
    names = names_after(learner, "what-counts")
    assert names["square"] == pytest.approx(0.5, abs=0.01)
    assert names["variance"] == pytest.approx(0.5 - 0.5 / np.pi, abs=0.01)
    assert names["by_a"] > 15
    assert 0.4 < names["by_b"] < 2.5


def test_the_picture_tells_which_of_four_scales_stands(learner: Learner) -> None:
    step = next(step for step in INITIALISATION.steps if step.name == "four-scales")
    assert isinstance(step.picture, Picture)
    text = names_after(learner, "four-scales")["drawn"].text
    assert text.startswith("Sizes of numbers in 4 networks. std 0.01: layer 1 0.11,")
    assert "layer 20 0.9" in text.split("√(2/n)")[1]


def test_what_begins_too_small_learns_nothing(learner: Learner) -> None:
    names = names_after(learner, "does-it-learn")
    assert names["bad"] < 0.15
    assert names["good"] > 0.7


def test_the_gradient_meets_n_out_terms(learner: Learner) -> None:
    names = names_after(learner, "the-way-back")
    assert names["back"] == pytest.approx(0.25, rel=0.05)
    assert names["y"].data.var() == pytest.approx(1.0, rel=0.05)


def test_two_over_n_is_he_s_whatever_a_note_calls_it(learner: Learner) -> None:
    drawn = names_after(learner, "the-names")["drawn_with"]
    assert drawn == pytest.approx({"xavier_normal_": 1.6, "kaiming_normal_": 2.0, "lecun_normal_": 1.0}, rel=0.05)
    names = names_after(learner, "the-names")
    assert names["ends"]["the variance"] < 1e-5
    assert 0.4 < names["ends"]["n"] < 2.5


def test_equal_units_stay_one_unit_and_zeros_move_only_the_last_biases(learner: Learner) -> None:
    names = names_after(learner, "all-alike")
    assert names["different"] == 1
    assert np.ptp(names["net"].fc1.weight.data, axis=0).max() < 1e-4
    names = names_after(learner, "from-zero")
    assert (names["total"], names["moved"]) == (64 * 16 + 16 + 16 * 10 + 10, 10)


def test_a_slightly_positive_bias_makes_no_difference_that_one_could_measure(learner: Learner) -> None:
    names = names_after(learner, "slightly-positive")
    assert names["runs"].min() > 0.7
    assert abs(names["gain"]) < 0.5 * names["luck"]
    assert learner(INITIALISATION, "slightly-positive").snapshot.correct == "b"


def test_too_large_weights_drive_tanh_against_its_walls(learner: Learner) -> None:
    names = names_after(learner, "what-comes-next")
    last = names["x"][-1].data
    assert np.mean(abs(last) > 0.75) > 4 * np.mean(abs(last) < 0.25)
    assert np.median(names["slopes"]) < 0.2
    assert "layer 20: 25600 values, std 0.85" in names["walls"].text.replace(",600", "600")


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("math.sqrt(2 / n_in)", "with slope one nothing is lost"),
        ("math.sqrt(2 / (1 + slope) / n_in)", "so the mean square by its square"),
        ("2 / (1 + slope ** 2) / n_in", "that is the variance; the std is its root"),
        ("math.sqrt(1 / n_in)", "loses half of the mean square"),
    ],
)
def test_a_wrong_gain_is_understood(formula: str, words: str, learner: Learner) -> None:
    session = learner(INITIALISATION, "your-gain")
    session.submit(f"import math\n\ndef std(n_in, slope):\n    return {formula}\n")
    assert session.open
    assert words in session.message
