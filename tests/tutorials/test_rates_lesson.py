"""The lesson on learning rates and batches: the edge, what lies beyond it, and what a batch is worth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tutorials.learning.session import Session
from tutorials.lesson import Program
from tutorials.lessons.rates import RATES

Learner = Callable[..., Session]


def names_after(learner: Learner, step: str) -> dict[str, Any]:
    return dict(learner(RATES, step).snapshot.names)


def test_twice_the_best_rate_never_arrives(learner: Learner) -> None:
    names = names_after(learner, "twice-the-rate")
    assert "w goes [1. 0. 0. 0. 0.]" in learner(RATES, "twice-the-rate").snapshot.before.output[0]
    np.testing.assert_array_equal(names["w"], (-1.0) ** np.arange(10))
    assert learner(RATES, "twice-the-rate").snapshot.correct == "b"


def test_the_steepest_way_sets_the_edge(learner: Learner) -> None:
    names = names_after(learner, "the-edge")
    assert names["edge"] == 0.25
    below, above = (float(row.split()[-1]) for row in learner(RATES, "the-edge").snapshot.after.output)
    # Each step multiplies y by 1 − 8 lr: −0.92, and −1.08.
    assert (below, above) == pytest.approx((0.92**60, 1.08**60), rel=0.1)


def test_the_edge_of_the_digits_is_known_beforehand(learner: Learner) -> None:
    names = names_after(learner, "predicted-for-digits")
    # The Hessian of the squared errors is XᵀX / N, and its largest eigenvalue the curvature.
    X = names["X"].astype(float)
    assert names["lam"] == pytest.approx(np.linalg.eigvalsh(X.T @ X / len(X))[-1], rel=1e-4)
    assert names["under"] < 0.5 * names["first"]
    assert names["over"] > 20 * names["first"]


def test_an_epoch_of_the_digits(learner: Learner) -> None:
    names = names_after(learner, "epochs-and-steps")
    assert (names["N"], len(names["loader"]), names["last"]) == (1797, 29, 5)
    assert sum(names["sizes"]) == 1797
    assert learner(RATES, "epochs-and-steps").snapshot.correct == "29"


def test_too_high_a_rate_need_not_explode(learner: Learner) -> None:
    names = names_after(learner, "ten-times-too-high")
    assert names["good"][0] == pytest.approx(np.log(10), abs=0.2)
    assert names["good"][-1] < 0.6
    assert 1.9 < names["low"][-1] < names["good"][0]
    assert abs(names["high"][-1] - np.log(10)) < 0.5  # it knows nothing
    assert len(names["on"]) == 32
    assert names["on"].sum() <= 6  # most units are off for every digit


def test_adam_s_best_rate_is_lower(learner: Learner) -> None:
    names = names_after(learner, "the-sweep")
    assert names["best"]["Adam"] < 0.2 * names["best"]["SGD"]
    for found in names["swept"].values():
        assert min(found) < 0.5 * min(found[0], found[-1])  # the sweep reaches beyond the best on both sides


def test_a_grid_tries_few_rates(learner: Learner) -> None:
    names = names_after(learner, "grid-or-random")
    assert len(names["grid"]) == len(names["drawn"]) == 9
    assert len({lr for lr, decay in names["grid"]}) == 3
    assert len({lr for lr, decay in names["drawn"]}) == 9
    assert all(1e-3 <= lr <= 10 and 1e-6 <= decay <= 1e-2 for lr, decay in names["drawn"])
    grid, random = names["lowest"]
    assert random < 0.6 * grid


def test_a_gradient_s_error_falls_with_the_root_of_the_batch(learner: Learner) -> None:
    names = names_after(learner, "noise")
    scaled = np.sqrt(names["batches"]) * names["errors"]
    np.testing.assert_allclose(scaled, scaled.mean(), rtol=0.1)


def test_small_batches_win_an_epoch(learner: Learner) -> None:
    names = names_after(learner, "small-batches")
    (many, low), (few, high) = names["ends"][16], names["ends"][512]
    assert (many, few) == (113, 4)
    assert low < 0.3 * high


def test_momentum_calms_the_steps_but_not_where_they_end(learner: Learner) -> None:
    names = names_after(learner, "where-it-settles")
    assert names["theory"] == pytest.approx(19)
    assert names["worth"] == pytest.approx(19, rel=0.25)
    assert 0.5 < names["ratio"] < 1.3
    assert names["larger"] < 0.15 * names["plain"]


def test_a_lower_rate_brings_the_loss_down_at_once(learner: Learner) -> None:
    names = names_after(learner, "schedules")
    found, used, k = names["found"], names["used"], names["k"]
    assert used[k - 1] == 0.18
    assert used[k] == pytest.approx(0.018)
    assert names["fell"] > 0.04
    assert max(found[k:]) < min(found[:k]) - 0.01
    losses, rates = names["seen"]
    assert max(losses["plateau"][-1], losses["cosine"][-1]) < min(losses["constant"][k:]) - 0.02
    assert rates["constant"] == [0.18] * 12
    assert {len(found) for found in losses.values()} == {12}


PROGRAM = RATES.steps[[step.name for step in RATES.steps].index("by-hand")].question


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("        found.append(lr)\n", ""), "one rate after each epoch"),
        (("if waited == patience", "if waited < patience"), "the loss fell in every epoch"),
        (("lr, waited = lr / 10, 0", "waited = 0"), "and the rate stays"),
        (("if waited == patience", "if waited == patience - 1"), "one epoch too early"),
        (("if waited == patience", "if waited"), "Count three"),
        (("if waited == patience", "if waited >= patience"), ""),
        (("if waited == patience:\n            lr, waited = lr / 10, 0", "if waited >= patience:\n            lr /= 10"),
         "at every epoch: count afresh"),
        (("lr, waited = lr / 10, 0", "lr = lr / 10"), "divides once and never again"),
        (("loss < lowest", "loss <= lowest"), "three equal losses"),
    ],
)  # fmt: skip
def test_a_wrong_schedule_is_understood(change: tuple[str, str], words: str, learner: Learner) -> None:
    assert isinstance(PROGRAM, Program)
    assert change[0] in PROGRAM.solution
    session = learner(RATES, "by-hand")
    session.submit(PROGRAM.solution.replace(*change))
    assert session.open == bool(words)
    assert words in session.message


def test_less_their_mean_the_digits_allow_a_higher_rate(learner: Learner) -> None:
    rows = learner(RATES, "what-comes-next").snapshot.before.output
    raw, centred = (float(row.split()[-1]) for row in rows)
    assert (raw, centred) == pytest.approx((0.19, 2.86), abs=0.01)
