"""The lesson on one neuron: what it decides, how it learns, and that no neuron does XOR."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.nn import functional as F
from tutorials.learning.session import Session
from tutorials.lesson import Choice, Program, Step
from tutorials.lessons.neuron import NEURON

Learner = Callable[..., Session]


def names_after(learner: Learner, step: str) -> dict[str, Any]:
    return dict(learner(NEURON, step).snapshot.names)


def output(learner: Learner, step: str) -> str:
    snapshot = learner(NEURON, step).snapshot
    return "\n".join([*snapshot.before.output, *snapshot.after.output])


def test_three_of_four_is_the_best_at_xor(learner: Learner) -> None:
    names = names_after(learner, "two-tables")
    assert (names["best_and"], names["best_xor"]) == (4, 3)
    counts = np.bincount(names["right"](names["said"], names["XOR"]), minlength=5)
    assert counts.sum() == names["many"] == 20_000
    assert counts[0] == counts[4] == 0
    assert counts[1:4].min() > 1000
    # A fine grid of neurons, and not only random ones.
    w = np.stack(np.meshgrid(*[np.linspace(-2, 2, 21)] * 3), 0).reshape(3, -1)
    said = names["X"] @ w[:2] + w[2] > 0
    assert (names["XOR"] == said.T).sum(1).max() == 3
    assert (names["AND"] == said.T).sum(1).max() == 4


def test_the_two_sums_are_the_same_for_every_neuron(learner: Learner) -> None:
    names = names_after(learner, "why-not")
    assert np.abs(names["gap"]).max() < 1e-12
    assert np.abs(names["s"]).max() > 3
    assert learner(NEURON, "why-not").snapshot.correct == "d"


def test_the_boundary_is_a_line(learner: Learner) -> None:
    snapshot = learner(NEURON, "the-line").snapshot
    assert snapshot.correct == "c"
    assert "AND: A classifier of 4 points in 2 classes: 4 of 4" in names_after(learner, "the-line")["figure"].text
    assert "the best: A classifier of 4 points in 2 classes: 3 of 4" in snapshot_text(learner, "the-line")


def snapshot_text(learner: Learner, step: str) -> str:
    return str(names_after(learner, step)["figure"].text)


@pytest.mark.parametrize("answer", ["-1 -1 1.5", "-2 -2 3", "-1, -1, 1.2", "-3 -5 7"])
def test_any_line_that_cuts_the_last_corner_off_is_nand(answer: str, learner: Learner) -> None:
    session = learner(NEURON, "your-turn")
    session.submit(answer)
    assert session.answer.right
    assert session.page.art is not None
    assert "4 of 4" in session.page.art.value.text


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("1 1 -1.5", "That is AND itself"),
        ("0 0 1", "yes to everything"),
        ("-1 -1 0", "no to everything"),
        ("1 1 -0.5", "With nothing coming in, the score is b = −0.5"),
        ("-1 0 0.5", "the answers are [1, 1, 0, 0]"),
        ("-1 -1 1", "the answers are [1, 0, 0, 0]"),
        ("1e300 1e300 1e300", "yes to everything"),
    ],
)
def test_a_neuron_that_is_not_nand_is_run_and_explained(answer: str, words: str, learner: Learner) -> None:
    session = learner(NEURON, "your-turn")
    session.submit(answer)
    assert session.open
    assert words in session.message


def test_learning_and_goes_down_before_it_goes_up(learner: Learner) -> None:
    names = names_after(learner, "one-pass")
    assert names["zeros"] == 3
    assert names["after"] == [1, 2, 3, 2, 4, 4]
    assert names["settled"] == 5
    w, b, mistakes = names["story"][-1]
    assert ([*w, b], mistakes) == ([2, 1, -2], 0)
    assert [m for _, _, m in names["story"]] == [1, 3, 3, 2, 1, 0]


def test_either_value_at_zero_learns_and(learner: Learner) -> None:
    names = names_after(learner, "on-the-line")
    assert learner(NEURON, "on-the-line").snapshot.correct == "b"
    assert names["score"](names["X"][2], names["w"], names["b"]) == 0
    assert names["half"].tolist() == [0, 0, 0.5, 1]
    assert ([*names["w_half"], names["b_half"]], names["mistakes"]) == ([2, 1, -2.5], 0)
    assert (names["X"] @ names["w_half"] + names["b_half"] != 0).all()


@pytest.mark.parametrize("at_zero", [0.0, 0.5])
def test_xor_is_learned_in_circles(at_zero: float, learner: Learner) -> None:
    names = names_after(learner, "in-circles")
    assert names["wrong"] == 4
    story = names["learn"](names["XOR"], 100, at_zero)
    assert len({(*w, b) for w, b, _ in story[5:]}) == 1
    assert min(m for _, _, m in story[5:]) == 4


def test_a_nudge_moves_no_step_and_every_sigmoid(learner: Learner) -> None:
    names = names_after(learner, "no-way-down")
    assert names["before"] == 1
    assert names["moved"] == [0, 0, 0]
    # No score within ten nudges of the jump, so nothing hangs on a last digit.
    assert np.abs(names["score"](names["X"], names["w"], names["b"])).min() > 5 * names["h"]
    soft = names_after(learner, "a-soft-step")
    assert min(soft["moved"]) > 0.001
    assert soft["middle"] == 0.5


def test_the_nudges_agree_with_backward(learner: Learner) -> None:
    names = names_after(learner, "downhill")
    p = minidl.tensor([0.7, -0.4, 0.2], dtype=minidl.float64, requires_grad=True)
    y = F.sigmoid(minidl.tensor(names["X"].astype(float)) @ p[:2] + p[2])
    ((y - names["AND"]) ** 2).sum().backward()
    np.testing.assert_allclose(names["slopes"](p.data, names["AND"]), p.grad.data, atol=1e-4)
    assert np.abs(p.grad.data).min() > 0.01


def test_the_sigmoid_learns_and_and_gives_xor_up(learner: Learner) -> None:
    names = names_after(learner, "downhill")
    np.testing.assert_array_equal(names["end"], np.full(4, 0.5))
    answers = names["descend"](names["AND"])
    assert (abs(answers - names["AND"]) < 0.1).all()


def test_no_single_sigmoid_has_a_smaller_error_on_xor_than_undecided(learner: Learner) -> None:
    names = names_after(learner, "downhill")
    grid = np.linspace(-12, 12, 25)
    errors = [
        names["error"](np.array([u, v]), b, F.sigmoid, names["XOR"]) for u in grid for v in grid for b in grid[::2]
    ]
    assert min(errors) == pytest.approx(1, abs=1e-12) == names["error"](np.zeros(2), 0.0, F.sigmoid, names["XOR"])


def test_regression_finds_the_least_squares_line(learner: Learner) -> None:
    names = names_after(learner, "a-number-instead")
    best = np.polyfit(names["x"].ravel(), names["y"].ravel(), 1)
    np.testing.assert_allclose([names["w"], names["b"]], best, atol=1e-3)
    assert abs(best[0] - 0.5) < 0.05


def test_the_transposed_convention_gives_the_same_scores(learner: Learner) -> None:
    names = names_after(learner, "a-layer")
    rows = output(learner, "a-layer").splitlines()[-2:]
    assert rows[0].split("[")[1] == rows[1].split("[")[1]
    assert names["V"].shape == (2, 3)
    assert learner(NEURON, "a-layer").snapshot.correct == "(3, 2)"


FILE = """
import numpy as np
W1, b1 = np.array({}), np.array({})
w2, b2 = np.array({}), {}
"""


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        (([[1, 1], [1, 1]], [-0.5, -0.5], [1, 1], -0.5), "that is OR"),
        (([[1, 1], [1, 1]], [-1.5, -1.5], [1, 1], -0.5), "that is AND"),
        (([[1, 0], [0, 1]], [-0.5, -0.5], [1, -1], -0.5), "[0, 0, 1, 0], where XOR is [0, 1, 1, 0]"),
        (([[0, 0], [0, 0]], [0, 0], [0, 0], 1), "yes to everything"),
        (([[-1, -1], [1, 1]], [1.5, -0.5], [1, 0], -0.5), "that is NAND"),
        (([[1, 1], [-1, -1]], [-0.5, 1.5], [-1, -1], 1.5), "the wrong way around"),
        (([[0, 0], [0, 0]], [0, 0], [0, 0], 0), "no to everything"),
        (([1, 1], [0, 0], [0, 0], 0), "(2,) (2,) (2,) () came, not (2, 2) (2,)"),
    ],
)
def test_a_network_that_is_not_xor_is_understood(numbers: Any, words: str, learner: Learner) -> None:
    session = learner(NEURON, "two-layers")
    session.submit(FILE.format(*numbers))
    assert session.open
    assert words in session.message


def test_another_network_that_does_xor_is_right(learner: Learner) -> None:
    session = learner(NEURON, "two-layers")
    # Each of the two fires at one corner, the third at either.
    session.submit(FILE.format([[1, -1], [-1, 1]], [-0.5, -0.5], [1, 1], -0.5))
    assert session.answer.right


def test_three_neurons_do_xor(learner: Learner) -> None:
    names = names_after(learner, "what-comes-next")
    assert names["numbers"] == 9
    assert names["figure"].text.count("4 of 4") == 2
    assert {tuple(h) for h in names["H"]} == {(0, 1), (1, 1), (1, 0)}


def sentences(step: Step) -> list[str]:
    question = step.question
    said = [*step.say, *step.reveal]
    if question is not None:
        said += [*question.ask, *question.hints]
    if isinstance(question, Choice):
        said += [o.say for o in question.options]
    elif not isinstance(question, Program) and question is not None:
        said += [question.unforeseen, *(m.say for m in question.mistakes)]
    return said


def test_the_first_lesson_takes_no_derivative_for_known() -> None:
    for step in NEURON.steps:
        said = re.sub(r"\{[^}]*\}", "", " ".join(sentences(step)))
        assert not re.search("derivativ|gradient|slope|∂|backprop", said), step.name
