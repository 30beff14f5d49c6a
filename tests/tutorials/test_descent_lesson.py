"""The lesson on descent: the race, the facts of momentum and Adam, and the formulas as they are printed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tutorials.learning.session import Session
from tutorials.lesson import Program
from tutorials.lessons.descent import DESCENT

Learner = Callable[..., Session]


def names_after(learner: Learner, step: str) -> dict[str, Any]:
    return dict(learner(DESCENT, step).snapshot.names)


def test_the_steepest_way_leads_across_the_valley(learner: Learner) -> None:
    names = names_after(learner, "which-way-is-down")
    # The gradient at (−4, 1) is (−4, 100); the step is −0.019 times that.
    np.testing.assert_allclose(names["way"], [0.076, -1.9], rtol=1e-9)
    assert learner(DESCENT, "which-way-is-down").snapshot.correct == "c"


def test_one_step_of_gradient_descent(learner: Learner) -> None:
    names = names_after(learner, "one-step")
    assert (names["x"].item(), names["y"].item()) == pytest.approx((-3.924, -0.9), rel=1e-9)


def test_rmsprop_wins_the_straight_valley_and_momentum_the_turned_one(learner: Learner) -> None:
    names = names_after(learner, "turned")
    left, now = names["left"], names["now"]
    assert min(left, key=left.get) == "RMSProp"
    assert left["RMSProp"] < 1e-6 * min(left["momentum"], left["Adam"])
    assert max(left, key=left.get) == "descent"
    assert min(now, key=now.get) == "momentum"
    assert now["momentum"] < 0.1 * min(now[name] for name in ("descent", "Adam", "RMSProp"))
    for name in ("descent", "momentum"):  # these two do not notice the turn
        assert now[name] == pytest.approx(left[name], rel=1e-6)
    for name in ("Adam", "RMSProp"):
        assert now[name] > 5 * left[name]


def test_momentum_overshoots_and_comes_back(learner: Learner) -> None:
    names = names_after(learner, "a-ball")
    assert names["passes"] == 2
    # Of the three sketches, the one that swings is nearest to what it does.
    sketches = {"slides": names["slides"], "jumps": (-0.8) ** names["t"], "swings": names["swings"]}
    off = {name: np.abs(sketch - names["w"]).mean() for name, sketch in sketches.items()}
    assert off["swings"] < 0.2 * min(off["slides"], off["jumps"])


def test_momentum_s_facts(learner: Learner) -> None:
    places = names_after(learner, "speed")["places"]
    np.testing.assert_allclose(places[:3], [-0.1, -0.29, -0.561], rtol=1e-12)
    assert names_after(learner, "speed")["v"] == pytest.approx(10, rel=1e-9)
    velocity, displacement = names_after(learner, "two-forms")["ends"]
    np.testing.assert_allclose([velocity[-1], displacement[-1]], [-0.35149, -0.6439], rtol=1e-9)
    even = learner(DESCENT, "two-forms").snapshot.before.output
    assert len(set(even)) == 1  # at a constant rate the two forms agree


def test_a_narrow_valley_costs_descent_kappa_and_momentum_its_root(learner: Learner) -> None:
    names = names_after(learner, "narrow-valleys")
    plain, ball = names["plain"], names["ball"]
    assert (plain(100), ball(100, 10.0)) == (709, 95)
    assert plain(100) / plain(25) == pytest.approx(4, rel=0.05)
    assert ball(100, 10.0) / ball(25, 5.0) == pytest.approx(2, rel=0.1)
    assert "plain 709" in " ".join(learner(DESCENT, "narrow-valleys").snapshot.after.output)


def test_rmsprop_s_first_step_is_the_same_in_all_directions(learner: Learner) -> None:
    names = names_after(learner, "level-the-slopes")
    assert (names["steeper"], names["times"]) == (25, 1)
    np.testing.assert_allclose(names["walked"], [1, 1], rtol=1e-6)  # lr / √(1 − α)


def test_the_winner_does_not_stay_at_the_bottom(learner: Learner) -> None:
    names = names_after(learner, "level-the-slopes")
    assert names["left"]["RMSProp"] < 1e-20
    assert names["away"] > 1


def test_adam_s_facts(learner: Learner) -> None:
    assert names_after(learner, "both-at-once")["first"] == 0.001
    names = names_after(learner, "as-printed")
    np.testing.assert_allclose(names["right"], [1e-3] * 4, rtol=1e-6)
    np.testing.assert_allclose(names["none"][:3], [0.0031623, 0.0042496, 0.0049502], rtol=1e-4)
    np.testing.assert_allclose(names["printed"][:3], [0, 0.0010, 0.0013438], rtol=1e-4, atol=1e-12)
    # In the end m = v = 1: without hats the rate itself, with those of the slides √(1 − β₂) / (1 − β₁) of it.
    assert names["none"][3] == pytest.approx(0.001, rel=0.1)
    assert names["printed"][3] == pytest.approx(0.000316, rel=0.1)
    assert names["printed"][0] == 0
    names = names_after(learner, "where-epsilon-stands")
    assert (names["outside"], names["inside"]) == pytest.approx((9.09e-5, 1e-8), rel=1e-3)


def test_both_places_of_epsilon_agree_on_large_gradients_only(learner: Learner) -> None:
    rows = [
        [float(word) for word in row.split()]
        for row in learner(DESCENT, "where-epsilon-stands").snapshot.after.output[1:]
    ]
    assert [row[0] for row in rows] == [1, 1e-3, 1e-6, 1e-9]
    assert rows[0][1] == rows[0][2]
    assert rows[0][3] == rows[0][4]
    assert all(row[1] > 50 * row[2] and row[3] > 50 * row[4] for row in rows[2:])


def test_newton_needs_one_step_wherever_the_valley_lies(learner: Learner) -> None:
    names = names_after(learner, "second-order")
    assert names["needed"] == 1
    assert names["lenet"] == 3_807_630_436
    assert "[ 50.5 -49.5]" in learner(DESCENT, "second-order").snapshot.after.output[0]


def test_the_edge_lies_between_the_second_and_the_third_rate(learner: Learner) -> None:
    rows = learner(DESCENT, "what-comes-next").snapshot.before.output
    losses = [float(row.split()[-1]) for row in rows]
    assert losses[0] < losses[1] < 1
    assert 1e3 < losses[2] < losses[3]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("m_hat = m / (1 - beta1**t)", "m_hat = m"), "that is lr · m"),
        (("m_hat = m / (1 - beta1**t)", "m_hat = m / (1 - beta1)"), "Has t its power?"),
        (("v_hat = v / (1 - beta2**t)", "v_hat = v"), "v is not corrected yet"),
        (("(1 - beta2) * g * g", "g * g"), "not all of it"),
        (("(1 - beta2) * g * g", "(1 - beta2) * g"), "squared"),
        (("(v_hat**0.5 + eps)", "(v_hat + eps) ** 0.5"), "under the root"),
        (("(v_hat**0.5 + eps)", "v_hat**0.5"), "ε is missing"),
        (("w = w - ", "w = w + "), "downhill is minus"),
        (("m_hat / (v_hat**0.5 + eps)", "m / (v**0.5 + eps)"), "the hats"),
        (("    return places", "    return places[1:]"), "one place after each gradient"),
    ],
)
def test_a_wrong_adam_is_understood(change: tuple[str, str], words: str, learner: Learner) -> None:
    question = DESCENT.steps[[step.name for step in DESCENT.steps].index("by-hand")].question
    assert isinstance(question, Program)
    assert change[0] in question.solution
    session = learner(DESCENT, "by-hand")
    session.submit(question.solution.replace(*change))
    assert session.open
    assert words in session.message
