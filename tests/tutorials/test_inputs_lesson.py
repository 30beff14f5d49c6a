"""The lesson on inputs: signs, steps and shapes that it computes, and what a whole test set's own mean does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tutorials.learning import answers
from tutorials.learning.session import Session
from tutorials.lesson import Program
from tutorials.lessons.inputs import INPUTS

Learner = Callable[..., Session]


def names_after(learner: Learner, step: str) -> dict[str, Any]:
    return dict(learner(INPUTS, step).snapshot.names)


def test_positive_inputs_give_all_weights_one_sign(learner: Learner) -> None:
    names = names_after(learner, "all-one-way")
    assert [np.unique(signs).tolist() for signs in names["signs"]] == [[1], [-1], [-1]]
    assert learner(INPUTS, "all-one-way").snapshot.correct == "a"


def test_the_weights_zigzag_to_where_they_should_be(learner: Learner) -> None:
    names = names_after(learner, "zigzag")
    assert names["X"].min() > 0
    assert "both weights one way in 100%" in learner(INPUTS, "zigzag").snapshot.after.output[0]
    assert names["walked"] > 10 * names["direct"]
    assert names["away"] < 0.2


def test_centring_lets_the_signs_differ(learner: Learner) -> None:
    names = names_after(learner, "centred")
    np.testing.assert_allclose(names["C"].mean(axis=0), 0, atol=1e-12)
    assert 0.7 < (names["C"].prod(axis=1) > 0).mean() < 0.8  # three in four
    walked, away = names["closer"]
    assert walked < names["walked"] / 2
    assert away < names["away"] / 2


def test_the_bowl_is_the_loss(learner: Learner) -> None:
    names = names_after(learner, "centred")
    w = np.array([0.3, -0.7])
    loss = ((names["X"] @ w - names["t"]) ** 2).mean() / 2
    assert names["bowl"](names["X"], names["t"])(*w) == pytest.approx(loss)


def test_positive_inputs_make_a_long_valley_that_falls(learner: Learner) -> None:
    names = names_after(learner, "the-cut")
    # A rate a hundredth larger than 2 / (low + high) is above 2 / high, where descent no longer settles.
    assert names["steeper"] > 101
    assert names["tilt"] < -0.3
    assert learner(INPUTS, "the-cut").snapshot.correct == "c"
    # The path that is drawn is gradient descent's: it ends where least squares does.
    goal, *_ = np.linalg.lstsq(names["X"], names["t"], rcond=None)
    np.testing.assert_allclose(names["path"][-1], goal, atol=1e-3)


def test_each_treatment_takes_fewer_steps(learner: Learner) -> None:
    names = names_after(learner, "whitened")
    steps = [names[name] for name in ("raw", "centred", "standard", "white")]
    assert steps[-1] == 1
    assert steps[0] > 250
    assert 50 < steps[1] < 100
    assert 15 < steps[2] < 40
    assert learner(INPUTS, "whitened").snapshot.correct == "1"


def test_a_unit_s_factor_counts_squared(learner: Learner) -> None:
    assert learner(INPUTS, "units").snapshot.correct == "10000"
    assert "twice" in told(learner, "units", "100")
    ratios = [float(row.split()[-3]) for row in learner(INPUTS, "units").snapshot.after.output]
    assert ratios[1] > 100 * ratios[0] > 100 * ratios[2]


def test_scaling_leaves_the_correlation_and_whitening_takes_it(learner: Learner) -> None:
    names = names_after(learner, "related")
    assert names["after"] == pytest.approx(names["before"])
    assert names["before"] > 0.5
    assert abs(names["correlation"](names["T"])) < 1e-9
    np.testing.assert_allclose(names["W"].T @ names["W"] / len(names["W"]), np.eye(2), atol=1e-9)


def test_the_mean_image_is_an_image(learner: Learner) -> None:
    assert learner(INPUTS, "the-mean-image").snapshot.correct == "(3, 32, 32)"
    assert names_after(learner, "the-mean-image")["channels"].shape == (3,)


def test_a_rare_pixel_is_blown_up(learner: Learner) -> None:
    names = names_after(learner, "pixels-that-never-change")
    assert names["dead"] == 3
    assert names["worst"] > 100


def test_zeros_less_their_own_mean_are_zeros_no_more(learner: Learner) -> None:
    names = names_after(learner, "whose-mean")
    assert len(names["zeros"]) == 79
    assert names["right"](names["center"](names["zeros"])) > 0.93
    assert names["own"] < 0.1


def told(learner: Learner, step: str, answer: str) -> str:
    return str(learner(INPUTS, step).snapshot.judge(answer).say)


HAND = """
import numpy as np
def fit(train):
    mean, std = train.mean({axis}), train.std(axis=0)
    {guard}
    def apply(x):
        return {does}
    return apply
"""
GOOD = {"axis": "axis=0", "guard": "std = np.where(std > 0, std, 1)", "does": "(x - mean) / std"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"axis": ""}, "each input needs a mean of its own"),
        ({"does": "x - mean"}, "not one"),
        ({"does": "(x - x.mean(axis=0)) / x.std(axis=0)"}, "fit measures, apply only uses"),
        ({"does": "(x - mean) / x.std(axis=0)"}, "Take the training's"),
        ({"guard": "np.seterr(all='ignore')"}, "divide by one there"),
    ],
)
def test_each_slip_of_a_hand_written_standardiser_is_named(
    change: dict[str, str], words: str, learner: Learner
) -> None:
    question = learner(INPUTS, "by-hand").snapshot.step.question
    assert isinstance(question, Program)
    assert answers.judge(question, HAND.format(**GOOD), {}).right
    verdict = answers.judge(question, HAND.format(**(GOOD | change)), {})
    assert not verdict.right
    assert words in verdict.say
