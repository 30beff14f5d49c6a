"""The lesson on losses: the facts that it computes, its surprises, and what it tells those who answer otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tutorials.learning import answers
from tutorials.learning.session import Session
from tutorials.lesson import Program
from tutorials.lessons.losses import LOSSES

Learner = Callable[..., Session]


def names_after(learner: Learner, step: str) -> dict[str, Any]:
    return dict(learner(LOSSES, step).snapshot.names)


def output(learner: Learner, step: str) -> str:
    snapshot = learner(LOSSES, step).snapshot
    return "\n".join([*snapshot.before.output, *snapshot.after.output])


def test_the_losses_of_the_facts(learner: Learner) -> None:
    names = names_after(learner, "four-bars")
    np.testing.assert_allclose(names["p"], [0.12998, 0.86905, 0.00097], atol=5e-6)
    assert names["loss"][0] == pytest.approx(2.04036, abs=5e-6)
    hinge = names_after(learner, "hinge")["hinge"]
    assert [hinge(names["s"], k) for k in range(3)] == pytest.approx([2.9, 0, 13.7])
    assert learner(LOSSES, "hinge").snapshot.correct == "2.9"


def test_knowing_nothing_costs_ln_C(learner: Learner) -> None:
    names = names_after(learner, "a-thousand-classes")
    assert names["nothing"] == pytest.approx(2.302585, abs=1e-6)
    assert names["most"] == pytest.approx(np.log(1000), abs=1e-5)
    assert learner(LOSSES, "a-thousand-classes").snapshot.correct == "3"
    assert names_after(learner, "the-first-loss")["losses"][0] == pytest.approx(np.log(10), abs=0.2)
    assert "loss would be 11.5129" in told(learner, "a-thousand-classes", "5")


def test_the_gradient_is_p_less_y(learner: Learner) -> None:
    names = names_after(learner, "the-pull")
    np.testing.assert_allclose(names["rates"], names["p"] - [1, 0, 0], atol=1e-6)
    assert sum(names["rates"]) == pytest.approx(0, abs=1e-6)
    assert learner(LOSSES, "the-pull").snapshot.correct == "c"


def test_only_the_exponential_keeps_the_order(learner: Learner) -> None:
    snapshot = learner(LOSSES, "from-scores-to-shares").snapshot
    assert [snapshot.judge(letter).right for letter in "abc"] == [False, False, True]


def test_the_squared_loss_hardly_pulls_at_a_confident_mistake(learner: Learner) -> None:
    names = names_after(learner, "a-confident-mistake")
    # 2 (p − 1) σ′ against p − 1, where σ′(6) = .0024665.
    assert names["ratio"] == pytest.approx(1 / (2 * 0.0024665), rel=1e-4)
    assert names["crossed"][names["at"]] == pytest.approx(1 - 1 / (1 + np.exp(6)))
    assert -2 < names["z"].data[names["squared"].argmax()] < 0


def test_without_the_minus_the_loss_falls_and_the_digits_are_wrong(learner: Learner) -> None:
    names = names_after(learner, "the-missing-minus")
    assert names["losses"][0] < 0
    assert names["losses"][-1] < -100
    assert names["share"] < 0.3
    assert len(np.unique(names["said"])) == 1
    assert names_after(learner, "the-first-loss")["share"] > 0.9


def test_a_hinge_is_satisfied_and_cross_entropy_never(learner: Learner) -> None:
    names = names_after(learner, "satisfied")
    assert not names["hinged"].any()
    assert np.abs(names["crossed"]).min() > 0.01
    assert 0 < names["end"] < 0.001
    assert names["now"][0] > names["ahead"][0] + 3


def test_the_sum_takes_the_mean_s_steps_with_a_smaller_rate(learner: Learner) -> None:
    assert learner(LOSSES, "sum-or-mean").snapshot.correct == "0.001"
    rows = output(learner, "sum-or-mean").splitlines()
    mean, matched, same = ([float(word) for word in row.split()[4:]] for row in rows)
    assert matched == pytest.approx(mean, rel=0.01)  # but for the last digit printed
    assert mean[-1] < mean[0]
    assert same[1] > 20 * same[0]


def test_softmax_twice_has_a_floor_that_accuracy_hides(learner: Learner) -> None:
    names = names_after(learner, "softmax-twice")
    assert names["floor"] == pytest.approx(1.46115, abs=5e-6)
    assert names["floor"] == pytest.approx(-np.log(np.e / (np.e + 9)))
    once, twice = (row.split() for row in output(learner, "softmax-twice").splitlines()[1:])
    assert float(once[4].strip(",")) < 0.2
    assert 1.46 < float(twice[4].strip(",")) < 1.6
    assert min(int(row[-1].strip("%")) for row in (once, twice)) >= 90


def test_a_soft_label_s_loss_is_least_where_p_is_t_and_that_is_not_zero(learner: Learner) -> None:
    costs = names_after(learner, "soft-labels")["costs"]
    assert 0.8 < costs["t"] < costs["equal"] < costs["sure"]
    assert learner(LOSSES, "soft-labels").snapshot.correct == "b"


def test_a_weight_finds_more_of_the_rare(learner: Learner) -> None:
    assert learner(LOSSES, "rare-classes").snapshot.correct == "9"
    found = [
        [int(word.strip("%")) for word in row.split() if word.endswith("%")]
        for row in output(learner, "rare-classes").splitlines()
    ]
    assert found[0][0] < 50 < 75 < found[1][0]
    assert found[1][1] < found[0][1]


def told(learner: Learner, step: str, answer: str) -> str:
    return str(learner(LOSSES, step).snapshot.judge(answer).say)


@pytest.mark.parametrize(
    ("c", "words"), [("0", "Take away more"), ("100", "Take away more"), ("3000", "all eˢ are zero"), ("-5", "more")]
)
def test_a_c_that_does_not_save_p_is_run_and_explained(c: str, words: str, learner: Learner) -> None:
    session = learner(LOSSES, "a-score-of-a-thousand")
    session.submit(c)
    assert session.open
    assert words in session.message


@pytest.mark.parametrize("c", ["1000", "997", "400", "1500.5"])
def test_any_c_that_keeps_the_exponents_in_range_saves_p(c: str, learner: Learner) -> None:
    session = learner(LOSSES, "a-score-of-a-thousand")
    session.submit(c)
    assert session.answer.right
    assert "p = [0.705385, 0.259496, 0.035119]" in session.page.text[0]


HAND = """
import numpy as np
def softmax(s):
    e = np.exp(s)
    return e / e.sum({axis})
def loss(s, right):
    return {sign}np.log(softmax(s)[np.arange(len(s)), right]).{how}()
def gradient(s, right):
    return (softmax(s) - np.eye(s.shape[1])[right]){share}
"""
GOOD = {"axis": "1, keepdims=True", "sign": "-", "how": "mean", "share": "/len(s)"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"axis": ""}, "each row is a picture of its own"),
        ({"sign": ""}, "the minus is missing"),
        ({"how": "sum"}, "that is the sum"),
        ({}, "scores in the thousands"),
        ({"share": ""}, "divide by N"),
        ({"share": "/-len(s)"}, "wrong signs"),
        ({"share": "*0"}, "the zeros are still there"),
    ],
)
def test_each_slip_of_a_hand_written_loss_is_named(change: dict[str, str], words: str, learner: Learner) -> None:
    question = learner(LOSSES, "by-hand").snapshot.step.question
    assert isinstance(question, Program)
    verdict = answers.judge(question, HAND.format(**(GOOD | change)), {})
    assert not verdict.right
    assert words in verdict.say
