"""Things chosen by name with options: how they are read, and what is said when they cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.errors import UsageError
from minidl.training.choices import Choice, Registry, parse


def wing(
    area: float, shape: str = "straight", *, tips: tuple[int, ...] = (), given_elsewhere: int = 0
) -> tuple[Any, ...]:
    """A wing. It lifts.

    More about wings.
    """
    if area < 0:
        raise ValueError("areas are positive")
    return area, shape, tips, given_elsewhere


WINGS = Registry(
    "wing",
    {"wing": wing, "wing2": wing, "wing10": wing, "stub": lambda: "stub", "secret": wing},
    given=("given_elsewhere",),
    reasons={"given_elsewhere": "it comes from elsewhere"},
    left_out=("secret",),
    has_none=True,
)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("wing(1)", (1, "straight", (), 7)),
        ("wing( area = 1.5 , shape = swept )", (1.5, "swept", (), 7)),
        ("wing(2, 'a (b', tips=[1, 2])", (2, "a (b", (1, 2), 7)),
        ("wing(2, tips=(1,))", (2, "straight", (1,), 7)),
        ("wing(1e-3, none)", (0.001, None, (), 7)),
        ("wing(1, true)", (1, True, (), 7)),
        ("stub", "stub"),
        ("stub()", "stub"),
        ("none", None),
        ("None", None),
    ],
)
def test_a_choice_is_made_as_it_is_written(text: str, made: Any) -> None:
    assert WINGS.make(text, given_elsewhere=7, of_no_interest=1) == made
    assert WINGS.make(WINGS.check(text), given_elsewhere=7) == made


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot read the wing ''"),
        ("wing(", "cannot read the wing .*never closed"),
        ("wing(1)(2)", "neither a name nor a name with options"),
        ("os.system(1)", "neither a name nor a name with options"),
        ("wing(__import__('os').getcwd())", "neither a name nor a name with options"),
        ("wing(1 if 2 else 3)", "not a literal value"),
        ("wing(*[1])", "not a literal value"),
        ("wing(**{'area': 1})", "cannot be given as"),
        ("wing(area=1, area=2)", "cannot read .*area is given twice"),
        ("wing(1, area=2)", "is given area twice"),
        ("wing()", r"needs area: wing\(area, shape='straight', tips=\(\)\)"),
        ("wing(1, 2, 3, 4)", "has area, shape, tips; got 4"),
        ("wing(1, shap='x')", "has no option 'shap'; did you mean 'shape'[?] it has area, shape, tips"),
        ("wing(1, given_elsewhere=2)", "has no option 'given_elsewhere': it comes from elsewhere"),
        ("stub(1)", "has no options"),
        ("none(1)", "has no options"),
        ("wng(1)", "no wing 'wng'; did you mean 'wing'[?] choose one of none, stub, wing, wing2, wing10$"),
        ("zzz", "no wing 'zzz'; choose one of none, stub"),
        ("secret(1)", "no wing 'secret'"),
        ("wing(1) + stub", "choose one wing, not 2"),
        ("wing(-1)", r"the wing wing\(-1\) cannot be made: areas are positive"),
        ("wing('x')", "cannot be made"),
        ("9" * 10_000, "cannot read"),
        ("(" * 5000, "cannot read"),
        ("a\0b", "cannot read"),
    ],
)
def test_what_cannot_be_made_is_named(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        WINGS.make(text)


def test_names_options_and_words_are_listed() -> None:
    assert WINGS.names == ["none", "stub", "wing", "wing2", "wing10"]
    assert [str(option) for option in WINGS.options("wing")] == ["area", "shape='straight'", "tips=()"]
    assert WINGS.about("wing") == "A wing. It lifts."
    assert WINGS.about("none")
    assert WINGS.options("none") == []


def test_what_is_added_later_can_be_chosen() -> None:
    entries: dict[str, Any] = {}
    registry: Registry[Any] = Registry("thing", entries)
    with pytest.raises(UsageError, match="no thing 'late'"):
        registry.make("late")
    entries["late"] = lambda: 3
    assert registry.make("late") == 3


def test_a_sum_is_read_from_left_to_right_and_choices_can_hold_others() -> None:
    found = parse("a + b(1) + c(d(2) + e, [f(3)])", "thing")
    assert [str(choice) for choice in found] == ["a", "b(1)", "c([d(2), 'e'], [f(3)])"]
    assert [str(choice) for choice in parse(" + ".join(map(str, found)), "thing")] == [str(choice) for choice in found]


literals = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=5,
)
names = st.sampled_from(["lr", "betas", "x1", "weight_decay", "T_0", "größe"])


@settings(max_examples=50, deadline=None)
@given(names, st.lists(literals, max_size=2), st.dictionaries(names, literals, max_size=2))
def test_what_is_written_is_read_again(name: str, positional: list[Any], options: dict[str, Any]) -> None:
    choice = Choice(name, tuple(positional), options)
    again = parse(str(choice), "thing")
    assert again == [choice]
    assert str(again[0]) == str(choice)
