"""The lesson on vanishing gradients and dying units: its facts, over several seeds, and what it says to wrong answers."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from minidl.nn import init
from tutorials.learning import workbench
from tutorials.learning.recording import fresh_randomness
from tutorials.learning.session import Session
from tutorials.lesson import Program
from tutorials.lessons.vanishing import VANISHING
from viz.gradients.units import units

Learner = Callable[..., Session]


def names_after(learner: Learner, step: str) -> dict[str, Any]:
    return dict(learner(VANISHING, step).snapshot.names)


def output(learner: Learner, step: str) -> list[str]:
    snapshot = learner(VANISHING, step).snapshot
    return [*snapshot.before.output, *snapshot.after.output]


@pytest.fixture(autouse=True)
def _own_randomness() -> Iterator[None]:
    with fresh_randomness():
        yield


def with_another_seed(learner: Learner, step: str, part: str, seed: int) -> dict[str, Any]:
    """The names of a step, whose networks begin with another seed than the lesson's."""
    snapshot = learner(VANISHING, step).snapshot
    code = getattr(snapshot.step, part)
    names = dict(snapshot.names)
    (own,) = [line.strip() for line in code.splitlines() if "manual_seed" in line]
    with contextlib.redirect_stdout(io.StringIO()):
        exec(code.replace(own, f"minidl.manual_seed({seed})"), names)
    return names


def test_the_bound_and_what_is_measured(learner: Learner) -> None:
    names = names_after(learner, "at-most")
    assert names["best"] ** 20 == pytest.approx(9.09e-13, rel=1e-3)
    assert names["x0"].grad.item() == pytest.approx(1.2718e-13, rel=1e-4)
    assert names["enough"] == 5


def test_the_first_layer_starves_and_each_takes_the_same_share(learner: Learner) -> None:
    first = learner(VANISHING, "twenty-layers").snapshot
    assert first.correct == "a"
    assert np.all(np.diff(np.log10(first.names["sizes"])) > 0)
    names = names_after(learner, "layer-by-layer")
    assert names["left"] < 1e-11
    assert np.corrcoef(names["k"], names["fall"])[0, 1] > 0.998


def test_no_sigmoid_of_the_starving_network_is_saturated(learner: Learner) -> None:
    names = names_after(learner, "not-saturated")
    assert names["slopes"].shape == (20, 64, 64)
    assert names["share"] == 0
    assert names["slopes"].min() > 0.013  # with a margin to the lesson's hundredth
    assert 0.22 < names["mean"] < 0.25


def test_the_product_ends_one_before_n(learner: Learner) -> None:
    names = names_after(learner, "the-product")
    assert names["product"](5) == pytest.approx(names["nudged"], rel=1e-6)
    assert abs(names["product"](6) / names["nudged"]) < 0.5  # and has the other sign
    assert (names["terms"], names["printed"]) == (3, 4)


def test_no_weight_makes_up_for_the_slope_of_a_sigmoid(learner: Learner) -> None:
    # The largest v·σ′(v/2) is twice the largest u·σ′(u), at u = 1.5434, where u·tanh(u/2) = 1.
    assert 1.5434 * np.tanh(1.5434 / 2) == pytest.approx(1, abs=1e-4)
    sigma = 1 / (1 + np.exp(-1.5434))
    assert names_after(learner, "the-product")["top"] == pytest.approx(2 * 1.5434 * sigma * (1 - sigma), rel=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_how_much_comes_back_through_twenty_layers(learner: Learner, seed: int) -> None:
    names = with_another_seed(learner, "twenty-layers", "code", seed)
    later = names_after(learner, "two-cures")
    names |= {"np": np, "F": later["F"], "minidl": later["minidl"]}
    exec(learner(VANISHING, "layer-by-layer").snapshot.step.code, names)

    def ratio(block: str, start: Any) -> float:
        sizes = names["flow"](names["deep"](later[block], start))
        return float(sizes[0] / sizes[19])  # of the hidden layers alone

    assert ratio("sigmoid", init.lecun_normal_) < 1e-11
    assert 0.1 < ratio("relu", init.he_normal_) < 2.5
    assert 1 < ratio("normed", init.lecun_normal_) < 5
    assert 0.9 < ratio("skipped", init.lecun_normal_) < 1.5
    assert 2e3 < ratio("both", init.he_normal_) < 3e4


def test_the_weights_gradients_hide_an_explosion(learner: Learner) -> None:
    names = names_after(learner, "weights-are-silent")
    assert names["ratio"] > 3000
    assert 0.15 < names["seen"] < 1
    assert names["grown"] > 3000


def test_the_two_cures_enlarge_at_every_layer(learner: Learner) -> None:
    names = names_after(learner, "two-cures")
    assert 1.4 < names["each"] < 1.8
    steps = names["sizes"][:19] / names["sizes"][1:20]
    assert steps.min() > 1.1


def test_the_thermometer_shows_what_the_lesson_measured(learner: Learner) -> None:
    names = names_after(learner, "the-thermometer")
    shown = {name: [unit.gradient for unit in units(loss)] for name, loss in names["losses"].items()}
    for name, sizes in names["sizes"].items():  # drawn as curves from the scores back
        np.testing.assert_allclose(shown[name], sizes[::-1], rtol=1e-4)
    assert [len(sizes) for sizes in shown.values()] == [21] * 5
    late = [unit.saturated for unit in units(names["losses"]["sigmoid + skip"])[15:20]]
    assert all(share is not None and share > 0.5 for share in late)
    assert names["share"] == pytest.approx(late[-1], abs=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_a_skip_lets_the_gradient_past_saturated_sigmoids(learner: Learner, seed: int) -> None:
    names = with_another_seed(learner, "twenty-layers", "code", seed)
    names |= {k: v for k, v in names_after(learner, "the-thermometer").items() if k not in ("deep", "net", "x", "t")}
    snapshot = learner(VANISHING, "the-thermometer").snapshot
    with contextlib.redirect_stdout(io.StringIO()):
        exec(snapshot.step.then, names)
    assert names["share"] > 0.6


@pytest.mark.parametrize("seed", range(5))
def test_a_low_bias_kills_and_a_slightly_raised_one_does_nothing(learner: Learner, seed: int) -> None:
    names = with_another_seed(learner, "dead", "code", seed)
    dead, three = names["dead"], names["three"]
    shares = {bias: (dead(three(bias), 1), dead(three(bias), 2)) for bias in (0, 0.01, -2)}
    assert max(shares[0]) <= 0.3
    assert np.abs(np.subtract(shares[0.01], shares[0])).max() < 0.05
    assert shares[-2][1] >= 0.9
    assert 0.3 < shares[-2][0] < 0.7


def test_the_dead_stay_dead_to_the_last_bit(learner: Learner) -> None:
    names = names_after(learner, "no-return")
    assert names["dead"](names["net"], 2) == 1
    moved = [bool((p.data != b).any()) for p, b in zip(names["net"].parameters(), names["before"], strict=True)]
    assert moved == [False] * 5 + [True]
    assert names["end"] > 2.2
    assert names["end_alive"] < 0.2


@pytest.mark.parametrize("seed", range(4))
def test_a_high_rate_kills(learner: Learner, seed: int) -> None:
    names = with_another_seed(learner, "dead", "code", seed)
    train = names_after(learner, "killed")["train"]
    slow, fast = names["three"](0), names["three"](0)
    assert train(slow, 0.1, 20) < 1
    assert train(fast, 5, 20) > 2
    assert names["dead"](slow, 2) < 0.2
    assert names["dead"](fast, 2) > 0.9


@pytest.mark.parametrize("answer", ["0.1", "0.2", "-0.2", "0.25", "1/4"])
def test_smaller_weights_stop_the_explosion(answer: str, learner: Learner) -> None:
    session = learner(VANISHING, "your-turn")
    session.submit(answer)
    assert session.answer.right


@pytest.mark.parametrize(
    ("answer", "words"),
    [("0", "do nothing"), ("0.001", "do nothing"), ("0.4", "Nearly"), ("1", "Smaller"), ("1e30", "Smaller")],
)
def test_another_size_is_run_and_explained(answer: str, words: str, learner: Learner) -> None:
    session = learner(VANISHING, "your-turn")
    session.submit(answer)
    assert session.open
    assert words in session.message


def report(change: Callable[[str], str]) -> Any:
    question = next(s.question for s in VANISHING.steps if s.name == "by-hand")
    assert isinstance(question, Program)
    return workbench.check(question, change(question.solution))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("y * (1 - y)", "y"), ("d * xs[i]", "d"), ("d * w[i]\n", "upstream * w[i]\n"), ("d * w[i]\n", "d\n")],
)
def test_a_factor_left_out_is_caught(right: str, wrong: str) -> None:
    assert not report(lambda source: source.replace(right, wrong)).right
