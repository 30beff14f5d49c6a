"""The lesson on activations: the facts that it computes, and what it says to those who are led astray."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl.nn import functional as F
from tutorials.learning import workbench
from tutorials.learning.recording import fresh_randomness
from tutorials.learning.session import Session
from tutorials.lesson import Program
from tutorials.lessons.activations import ACTIVATIONS

Learner = Callable[..., Session]


def names_after(learner: Learner, step: str) -> dict[str, Any]:
    return dict(learner(ACTIVATIONS, step).snapshot.names)


def output(learner: Learner, step: str) -> list[str]:
    snapshot = learner(ACTIVATIONS, step).snapshot
    return [*snapshot.before.output, *snapshot.after.output]


def test_the_facts(learner: Learner) -> None:
    assert names_after(learner, "between-the-layers")["steepest"] == 0.25
    assert names_after(learner, "far-out")["share"] == pytest.approx(0.0024665, rel=1e-4)
    names = names_after(learner, "tanh")
    assert names["middle"] == (0.25, 1)
    assert names["ends"][1] == pytest.approx(2.458e-5, rel=2e-4)
    assert names["times"] == 100


def test_the_slope_of_sigmoid_is_told_by_its_height(learner: Learner) -> None:
    names = names_after(learner, "from-the-output")
    np.testing.assert_allclose(names["slopes"], [0.25, 0.24, 0.16, 0.09], rtol=1e-9)
    assert "σ · (1 − σ) each time: True" in output(learner, "from-the-output")


def test_one_part_in_four_hundred(learner: Learner) -> None:
    session = learner(ACTIVATIONS, "far-out")
    assert session.snapshot.options[2] == "one part in 400"
    assert session.snapshot.correct == "c"
    assert 1 / session.snapshot.names["share"] == pytest.approx(405, abs=1)


def test_the_engine_takes_the_left_slope_at_the_corner_and_the_referee_neither(learner: Learner) -> None:
    names = names_after(learner, "the-corner")
    assert [names[k].item() for k in ("from_left", "from_right", "both")] == [0, 1, 0.5]
    assert names["at_zero"] == 0


def test_softplus_has_the_sigmoid_for_a_slope(learner: Learner) -> None:
    names = names_after(learner, "softplus")
    assert names["gap"](names["curve"]) < 1e-9
    assert names["gap"](names["step"]) > 0.4
    assert names["gap"](names["hill"]) > 0.4


def test_the_slopes_of_the_nine(learner: Learner) -> None:
    names = names_after(learner, "who-lets-through")
    table = {f.__name__: [round(names["at"](f, place)[1], 4) for place in (-3, 0, 3)] for f in names["ALL"]}
    assert table == {
        "heaviside": [0, 0, 0],
        "sign": [0, 0, 0],
        "linear": [1, 1, 1],
        "piecewise": [0, 1, 0],
        "sigmoid": [0.0452, 0.25, 0.0452],
        "tanh": [0.0099, 1, 0.0099],
        "relu": [0, 0, 1],
        "softplus": [0.0474, 0.5, 0.9526],
        "maxout": [-0.5, 0.2, 1],
    }
    printed = " ".join(output(learner, "who-lets-through")).split()
    assert dict(zip(printed[::2], map(float, printed[1::2]), strict=True)) == {k: v[2] for k, v in table.items()}
    assert names["through"] == 3


def test_each_slope_of_the_nine_is_what_the_referee_finds(learner: Learner) -> None:
    names = names_after(learner, "who-lets-through")
    at = names["at"]
    for f in names["ALL"]:
        for place in (-3.2, -0.3, 0.3, 2.9):
            nudged = (at(f, place + 1e-6)[0] - at(f, place - 1e-6)[0]) / 2e-6
            assert at(f, place)[1] == pytest.approx(nudged, abs=1e-8), (f.__name__, place)


def test_both_printed_ways_fail_on_one_side_and_the_engine_on_none(learner: Learner) -> None:
    names = names_after(learner, "softplus-far-out")
    with np.errstate(all="ignore"):
        assert np.isnan(names["other"](1000.0))
        assert names["one"](1000.0) == 1
        assert np.isinf(np.log(1 + np.exp(1000.0)))
    assert names["truth"] == 1000
    table = {row.split()[0]: [float(s) for s in row.split()[1:]] for row in output(learner, "softplus-far-out")[-4:]}
    assert table == {
        "sigmoid": [0, 0, 1, 0],
        "tanh": [-1, 0, 1, 0],
        "relu": [0, 0, 1000, 1],
        "softplus": [0, 0, 1000, 1],
    }


@pytest.mark.parametrize("seed", range(5))
def test_louder_weights_saturate_an_s_and_leave_relu_as_it_was(learner: Learner, seed: int) -> None:
    names = names_after(learner, "louder")
    code = learner(ACTIVATIONS, "louder").snapshot.step.code
    assert "manual_seed(0)" in code
    with fresh_randomness(), contextlib.redirect_stdout(io.StringIO()):
        exec(code.replace("manual_seed(0)", f"manual_seed({seed})"), names)
    means = {f.__name__: [names["mean"](f, s) for s in (0.1, 1, 10)] for f in (F.sigmoid, F.tanh, F.relu)}
    np.testing.assert_allclose(means["sigmoid"], [0.25, 0.207, 0.040], atol=0.01)
    np.testing.assert_allclose(means["tanh"], [0.99, 0.606, 0.080], atol=0.02)
    np.testing.assert_allclose(means["relu"], 0.5, atol=0.02)


@pytest.mark.parametrize("answer", ["1.317", "-1.317", "1.32", "1.312"])
def test_either_place_where_tanh_has_a_quarter_is_right(answer: str, learner: Learner) -> None:
    session = learner(ACTIVATIONS, "your-turn")
    session.submit(answer)
    assert session.answer.right


@pytest.mark.parametrize(
    ("answer", "words"),
    [("0", "everything passes"), ("1.3", "Nearly"), ("1", "too much"), ("-2", "too little"), ("1e300", "too little")],
)
def test_another_place_is_run_and_explained(answer: str, words: str, learner: Learner) -> None:
    session = learner(ACTIVATIONS, "your-turn")
    session.submit(answer)
    assert session.open
    assert words in session.message


def test_the_lectures_backward_pass_is_the_engines_for_ones(learner: Learner) -> None:
    assert output(learner, "by-hand") == ["the lecture's dW is minidl's: True"]


def test_the_gradient_vector_of_two_layers_by_hand_is_the_engines(learner: Learner) -> None:
    names = names_after(learner, "two-layers")
    assert names["by_hand"].shape == (26,)
    np.testing.assert_allclose(names["by_hand"], names["auto"], atol=1e-6)
    weights = [np.array(names[name], float) for name in ("w0", "b0", "w1", "b1")]
    nudged = []
    for weight in weights:
        for place in np.ndindex(weight.shape):
            ends = []
            for h in (1e-6, -1e-6):
                weight[place] += h
                ends.append(names["f"](*weights).item())
                weight[place] -= h
            nudged.append((ends[0] - ends[1]) / 2e-6)
    np.testing.assert_allclose(names["by_hand"], nudged, atol=1e-6)
    assert (names["zeros"], names["silent"]) == (12, 2)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("20", "a bias as well"),
        ("24", "Each y"),
        ("12", "second"),
        ("16", "first layer"),
        ("6", "Add the weights"),
        ("9", "turned"),
        ("29", "comes in"),
    ],
)
def test_a_miscounted_gradient_vector_is_understood(answer: str, words: str, learner: Learner) -> None:
    session = learner(ACTIVATIONS, "two-layers")
    session.submit(answer)
    assert session.open
    assert words in session.message


def report(change: Callable[[str], str]) -> Any:
    question = next(s.question for s in ACTIVATIONS.steps if s.name == "by-hand")
    assert isinstance(question, Program)
    return workbench.check(question, change(question.solution))


def test_lines_without_upstream_are_understood() -> None:
    found = report(lambda source: source.replace("d = g * z * (1 - z)", "d = z * (1 - z)"))
    assert not found.right
    assert "Where is g?" in found.in_words()


@pytest.mark.parametrize("wrong", ["d = g", "d = g * (z >= 0)"])
def test_a_relu_layer_that_passes_everything_is_understood(wrong: str) -> None:
    found = report(lambda source: source.replace("d = g * (z > 0)", wrong))
    assert not found.right
    assert "is it above?" in found.in_words()


def test_a_relu_layer_that_passes_something_else_is_told_what_came_out() -> None:
    found = report(lambda source: source.replace("d = g * (z > 0)", "d = z > 0"))
    assert not found.right
    assert "dW of ReLU" in found.in_words()
