"""The lesson on why layers need a bend between them: that linear ones collapse, and what a ReLU network can follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl.data.toys import truth_table
from tutorials.drawing.art import text_rows
from tutorials.learning.session import Session
from tutorials.lessons.nonlinearity import NONLINEARITY

Learner = Callable[..., Session]


def names_after(learner: Learner, step: str) -> dict[str, Any]:
    return dict(learner(NONLINEARITY, step).snapshot.names)


def output(learner: Learner, step: str) -> str:
    snapshot = learner(NONLINEARITY, step).snapshot
    return "\n".join([*snapshot.before.output, *snapshot.after.output])


def test_depth_does_not_help_a_linear_network(learner: Learner) -> None:
    names = names_after(learner, "deep-and-straight")
    assert names["deep_right"] == pytest.approx(names["right"], abs=1)
    assert names["right"] < 62
    # Both have found the one lowest loss that a line can have.
    assert names["deep_loss"] == pytest.approx(names["loss"], abs=1e-3)
    assert "four 57.5 %, loss 0.662" in output(learner, "deep-and-straight")


def test_the_product_is_the_network_to_1e_5(learner: Learner) -> None:
    names = names_after(learner, "the-product")
    assert names["gap"] < 1e-5
    assert names["W"].shape == (1, 2)
    assert names["numbers"] == 96 + 2 * 1056 + 33
    assert learner(NONLINEARITY, "the-product").snapshot.correct == "(1, 2)"
    # And it is the line that one layer alone has found.
    alone = names["one"].weight.data
    np.testing.assert_allclose(names["W"], alone, atol=0.02)


def test_a_relu_between_them_makes_the_difference(learner: Learner) -> None:
    names = names_after(learner, "a-bend-between")
    assert names["bent_right"] > 95
    told = names["figure"].text
    assert told.count("115 of 200") == 2


def test_without_colours_the_regions_do_not_hide_the_points(learner: Learner) -> None:
    art = learner(NONLINEARITY, "a-bend-between").page.art
    assert art is not None
    rows = [row.plain for row in text_rows(art, 74, art.rows, colour=False)]
    thirds = [[row[24 * k : 24 * (k + 1)] for row in rows[1:-2]] for k in range(3)]
    for third in thirds:  # a solid block tells nothing
        assert 0.1 < "".join(third).count("█") / sum(map(len, third)) < 0.7


def test_three_units_are_a_tent(learner: Learner) -> None:
    names = names_after(learner, "what-a-unit-draws")
    np.testing.assert_allclose(names["curve"], names["tent"], atol=1e-12)
    np.testing.assert_allclose(names["steepness"], [0, 1, -1, 0], atol=1e-6)
    assert learner(NONLINEARITY, "what-a-unit-draws").snapshot.correct == "b"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("1 -1", "That is x itself"),
        ("-1 -1", "upside down"),
        ("2 2", "a steepness of 2"),
        ("1 0.5", "to the right it climbs by 1, to the left by 0.5"),
        ("0 0", "a steepness of 0"),
    ],
)
def test_two_halves_that_are_not_a_v_are_explained(answer: str, words: str, learner: Learner) -> None:
    session = learner(NONLINEARITY, "your-turn")
    session.submit(answer)
    assert session.open
    assert words in session.message


def test_two_halves_make_the_absolute_value(learner: Learner) -> None:
    session = learner(NONLINEARITY, "your-turn")
    session.submit("1, 1")
    assert session.answer.right
    assert session.page.art is not None
    assert session.page.art.value.text == "yours: at most 0 off."


FILE = """
import numpy as np
def heights(knots, values):
    steepness = np.diff(values) / np.diff(knots)
    return {}
"""


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        ("np.zeros(len(knots) - 1)", "the zeros are still there"),
        ("steepness", "that is how steep each piece is"),
        ("np.diff(steepness)", "(2,) is its shape"),
        ("np.diff(np.diff(values), prepend=0.0)", "through other knots it goes"),
        ("-np.diff(steepness, prepend=0.0)", "where it takes [2, 0, −5]"),
    ],
)
def test_heights_that_miss_the_points_are_understood(returned: str, words: str, learner: Learner) -> None:
    session = learner(NONLINEARITY, "by-hand")
    session.submit(FILE.format(returned))
    assert session.open
    assert words in session.message


def test_other_ways_to_write_the_heights_are_right(learner: Learner) -> None:
    session = learner(NONLINEARITY, "by-hand")
    session.submit(FILE.format("steepness - np.r_[0.0, steepness[:-1]]"))
    assert session.answer.right


def test_the_largest_miss_shrinks_with_the_square_of_the_width(learner: Learner) -> None:
    """A67 gives .041, .0031 and .0002 for a curve it does not name; a sine over two periods gives the last two."""
    names = names_after(learner, "how-many")
    misses = [names["off"](names["built"](n)) for n in (20, 80, 320)]
    np.testing.assert_allclose(misses, [0.0489, 0.00308, 0.000193], rtol=0.01)
    # The arc over a chord of length h is at most h²·max|f″|/8 high.
    bound = [(2 / n) ** 2 * (2 * np.pi) ** 2 / 8 for n in (20, 80, 320)]
    assert all(miss <= most * 1.0001 for miss, most in zip(misses, bound, strict=True))
    assert learner(NONLINEARITY, "how-many").snapshot.correct == "c"


def test_the_network_meets_the_curve_at_every_knot(learner: Learner) -> None:
    names = names_after(learner, "the-pieces")
    for n in (4, 8, 20):
        knots = np.linspace(-1, 1, n + 1)
        np.testing.assert_allclose(names["built"](n)(knots[:, None]), names["f"](knots), atol=1e-12)
    assert "4 units: at most 1 off, with 4 bends. 8 units: at most 0.21 off" in names["figure"].text


def test_outside_it_is_straight(learner: Learner) -> None:
    names = names_after(learner, "outside")
    out = np.abs(names["beyond"]) > 1.01
    bends = np.abs(np.diff(names["said"], 2))[out[1:-1]]
    assert bends.max() < 1e-9
    assert np.abs(names["said"] - names["wave"]).max() > 5
    assert learner(NONLINEARITY, "outside").snapshot.correct == "c"


def test_a_polynomial_is_no_universal_bend(learner: Learner) -> None:
    names = names_after(learner, "which-bend")
    best_of = names["best_of"]
    # Parabolas are spanned by three of them: more do not help.
    assert best_of(np.square, 3) == pytest.approx(names["square"], abs=1e-6)
    assert names["more"] == pytest.approx(names["square"], abs=1e-6)
    assert names["square"] > 1
    assert best_of(np.tanh, 40) < 0.001
    assert 0.1 < best_of(names["F"].relu, 40) < 0.35


def test_any_table_is_done_exactly_with_a_unit_a_row(learner: Learner) -> None:
    names = names_after(learner, "tables")
    assert (names["units"], names["rows"]) == (512, 1024)
    assert "all 1024 rows right: True" in output(learner, "tables")
    assert "ten that count the ones: True" in output(learner, "tables")
    draw = np.random.default_rng(0)
    X, _ = truth_table("and", 5)
    for _ in range(20):
        table = draw.integers(0, 2, len(X))
        net, units = names["by_heart"](X, table)
        np.testing.assert_array_equal(net(X), table)
        assert units == table.sum()


def test_what_is_there_is_not_found(learner: Learner) -> None:
    names = names_after(learner, "there-or-found")
    assert names["best"] > 3 * names["few"]
    assert learner(NONLINEARITY, "there-or-found").snapshot.correct == "c"


def test_width_adds_and_depth_doubles(learner: Learner) -> None:
    names = names_after(learner, "folds")
    assert (names["one_fold"], names["two_folds"], names["after_three"]) == (2, 4, 8)
    last = names_after(learner, "what-comes-next")
    assert (last["layers"], last["deep_units"], last["deep_pieces"]) == (10, 20, 1024)
    assert last["figure"].text.endswith("the peaks are 1 and 2 and 4 and 8.")
    # Six units side by side: at most seven pieces.
    draw = np.random.default_rng(0)
    for _ in range(50):
        heights, knots = draw.normal(size=6), draw.choice(names["line"][1:-1], 6, replace=False)
        y = np.maximum(names["line"][:, None] - knots, 0) @ heights
        assert names["pieces"](y) == 7
