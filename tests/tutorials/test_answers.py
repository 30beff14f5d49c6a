"""What counts as right: an answer as a person types it, rounded as a person rounds."""

from __future__ import annotations

import pytest

from tutorials.learning import answers
from tutorials.lesson import Mistake, Number

LN_10 = Number(("ln 10?",), "2.302585", ("weak", "strong"), (Mistake("2.3", "You rounded."), Mistake("3.3", "No.")))
SLOPE = Number(("How steep?",), "-0.0024665", ("weak", "strong"))
COUNT = Number(("How many?",), "61706", ("weak", "strong"))
PAIR = Number(("Both?",), "[-1 / 3, 12.4]", ("weak", "strong"))


@pytest.mark.parametrize(
    ("question", "text"),
    [
        (LN_10, "2.302585"), (LN_10, "2.303"), (SLOPE, "-.0025"), (SLOPE, "−0.00247"),
        (SLOPE, "-2.5e-3"), (COUNT, "61,706"), (COUNT, "61706"), (COUNT, "61 706"),
        (COUNT, "[61706]"), (COUNT, "617.06 * 10^2"), (SLOPE, "-0,0024665"), (LN_10, "2.302585 + 0"),
        (LN_10, "(1 + 1.302585)·1"), (PAIR, "[-1/3, 31/2.5]"), (PAIR, "-1/3 12.4"), (PAIR, "-.33, 12.4"),
    ],
)  # fmt: skip
def test_right(question: Number, text: str) -> None:
    assert answers.judge(question, text, {}).right


@pytest.mark.parametrize(
    ("question", "text"),
    [
        (LN_10, "2"), (LN_10, "2.31"), (LN_10, "2.29"), (SLOPE, "-.002"), (SLOPE, "0.0025"), (SLOPE, "-.0024"),
        (COUNT, "61,806"), (COUNT, "62"), (PAIR, "-.33 12"), (PAIR, "-.3 12.4"),
    ],
)  # fmt: skip
def test_wrong(question: Number, text: str) -> None:
    verdict = answers.judge(question, text, {})
    assert verdict.readable
    assert not verdict.right


def test_a_known_mistake_is_no_rounding() -> None:
    assert answers.judge(LN_10, "2.3", {}).say == "You rounded."


def test_a_known_mistake_may_be_rounded_too() -> None:
    third = Number(("Two thirds?",), "2 / 3", ("weak", "strong"), (Mistake("1 / 3", "That is one of them."),))
    assert answers.judge(third, "0.33", {}).say == "That is one of them."
    assert answers.judge(third, ".667", {}).right


def test_which_of_two_fits() -> None:
    assert answers.judge(PAIR, "-.33 12", {}).say == "Number 1 fits; number 2, 12, does not."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("61 70", "2 numbers given; 1 is asked."),
        ("1,234,567 8", "2 numbers given; 1 is asked."),
        ("x", "a number"),
        ("9**9**9**9", "a number"),
        ("1/0", "a number"),
        ("(-1)^.5", "a number"),
        ("1(2)", "2 numbers"),
        ("(" * 79, "a number"),
        ("__import__('os')", "a number"),
        ("9" * 400, "a number"),
        ("nan", "a number"),
        ("1e999", "a number"),
    ],
)
def test_what_cannot_be_read(text: str, words: str) -> None:
    verdict = answers.judge(COUNT, text, {})
    assert not verdict.readable
    assert words in verdict.say
