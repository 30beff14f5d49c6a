"""The lesson on normalisation: what a batch does to each of its examples, by its numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.errors import ShapeError
from tutorials.learning.session import Session
from tutorials.lesson import Picture
from tutorials.lessons.normalisation import NORMALISATION

Learner = Callable[..., Session]


def names_after(learner: Learner, step: str) -> dict[str, Any]:
    return dict(learner(NORMALISATION, step).snapshot.names)


def output(learner: Learner, step: str) -> str:
    snapshot = learner(NORMALISATION, step).snapshot
    return "\n".join([*snapshot.before.output, *snapshot.after.output])


def test_a_batch_of_two_becomes_minus_one_and_one(learner: Learner) -> None:
    np.testing.assert_array_equal(names_after(learner, "batch-of-two")["made"], [-1, 1])
    assert "3 and    4 become -1.00 and +1.00" in output(learner, "batch-of-two")
    assert "-7 and   -9 become +1.00 and -1.00" in output(learner, "batch-of-two")


def test_dividing_by_one_less_is_understood(learner: Learner) -> None:
    session = learner(NORMALISATION, "batch-of-two")
    session.submit("-0.70711 0.70711")
    assert session.open
    assert "one less than their number" in session.message


def test_the_facts_of_four_numbers(learner: Learner) -> None:
    names = names_after(learner, "gamma-and-beta")
    assert output(learner, "gamma-and-beta") == "[-1.34164 -0.44721  0.44721  1.34164]"
    assert (names["biased"], names["four_mean"], names["squares"]) == (1.25, 2.5, 5)


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("2.5 1.118", "γ comes first"),
        ("1.25 2.5", "Your γ is the variance"),
        ("1.291 2.5", "divides by one less than their number"),
        ("1 2.5", "β is right"),
        ("1 0", "Its mean is β, its std γ"),
        ("0 0", "It ran"),
    ],
)
def test_a_wrong_gamma_or_beta_is_run_and_explained(pair: str, words: str, learner: Learner) -> None:
    session = learner(NORMALISATION, "gamma-and-beta")
    session.submit(pair)
    assert session.open
    assert words in session.message


@pytest.mark.parametrize("pair", ["1.118 2.5", "1.12, 2.5"])
def test_gamma_and_beta_that_undo_it_are_right(pair: str, learner: Learner) -> None:
    session = learner(NORMALISATION, "gamma-and-beta")
    session.submit(pair)
    assert session.answer.right


def test_the_scale_of_the_weights_is_taken_away(learner: Learner) -> None:
    names = names_after(learner, "what-for")
    signal, norm = names["signal"], names["norm"]
    sizes = [signal(std, norm) for std in (0.01, 0.1, 1.0)]
    np.testing.assert_allclose(sizes, np.sqrt(0.5), rtol=0.02)
    assert signal(0.01, lambda x: x) < 1e-15
    assert names["times"] == 1


def test_large_weights_have_small_gradients_and_a_bias_before_it_none(learner: Learner) -> None:
    names = names_after(learner, "its-gradient")
    assert names["ratio"] == 0.1
    assert 0 <= names["bias"] < 1e-4 < abs(names["one"][0]).max()


def test_what_is_stored_is_the_unbiased_variance(learner: Learner) -> None:
    names = names_after(learner, "stored")
    assert names["stored"] == pytest.approx(0.9 + 0.1 * 5 / 3)
    session = learner(NORMALISATION, "stored")
    session.submit("1.025")
    assert "it stores the *unbiased* one" in session.message


def test_small_batches_shift_and_batches_that_are_no_mixture(learner: Learner) -> None:
    """Over six seeds: pale .28–.54, bright .39–.56, both .98 and more when measured again; two at a time .55."""
    names = names_after(learner, "only-sevens")
    assert names["known"] > 0.93
    assert names["by_size"][2] < 0.65
    assert list(names["by_size"].values()) == sorted(names["by_size"].values())
    assert names["by_size"][128] > 0.93
    assert names["shifted"] < 0.65
    assert names["again"] > 0.95
    assert names["share"] < 0.3
    assert names["used"] > 0.85


def test_batch_norm_is_the_more_sensitive_to_one_shift_and_not_to_another(learner: Learner) -> None:
    """Without it, over six seeds: pale .91–.97, bright .14–.38."""
    names = names_after(learner, "another-camera")
    right, d, plain, net = names["right"], names["d"], names["plain"], names["net"]
    assert right(plain, names["pale"], d) > 0.85 > right(net, names["pale"], d) + 0.15
    assert right(plain, names["bright"], d) < right(net, names["bright"], d) + 0.1 < 0.75


def test_recomputing_leaves_the_weights_alone(learner: Learner) -> None:
    names = names_after(learner, "measured-again")
    for before, after in zip(names["net"].parameters(), names["adapted"].parameters(), strict=True):
        np.testing.assert_array_equal(before.data, after.data)
    assert not np.allclose(names["net"][1].running_var.data, names["adapted"][1].running_var.data, rtol=0.1)


def test_the_histograms_show_what_shift_does_to_a_unit(learner: Learner) -> None:
    names = names_after(learner, "measured-again")
    old, new, again = (way[:, names["k"]] for way in names["ways"])
    assert abs(new.mean() - old.mean()) > 1
    assert new.std() == pytest.approx(old.std() * 0.3, rel=1e-3)
    assert abs(again.mean() - old.mean()) < 0.3
    assert "old camera: 397 values" in names["drawn"].text
    assert np.mean(new > 0) < 0.2 or np.mean(new > 0) > 0.8  # ReLU passes all of the unit, or none


def test_one_example_alone_is_refused() -> None:
    with pytest.raises(ShapeError, match="more than 1 value per channel"):
        nn.BatchNorm1d(1)(minidl.ones(1, 1))


def test_who_shares_a_mean_is_found_by_nudging(learner: Learner) -> None:
    names = names_after(learner, "four-kinds")
    masks = names["masks"]
    assert {name: int(mask.sum()) for name, mask in masks.items()} == {
        "batch norm": 27,
        "layer norm": 36,
        "group norm": 18,
        "instance norm": 9,
    }
    assert masks["batch norm"][:, 1].all()
    assert masks["layer norm"][1].all()
    assert masks["group norm"][1, :2].all()
    assert masks["instance norm"][1, 1].all()
    step = next(step for step in NORMALISATION.steps if step.name == "four-kinds")
    assert isinstance(step.picture, Picture)
    assert "group norm: 18 of 108 numbers, in 1 image." in names["drawn"].text


def test_the_means_of_group_norm_have_the_shape_it_says(learner: Learner) -> None:
    names = names_after(learner, "four-kinds")
    group, some = names["kinds"]["group norm"], names["some"]
    means = np.repeat(names["means"], 2, axis=1)[..., None, None]
    squares = ((some.data - means) ** 2).reshape(3, 2, -1).mean(axis=2)
    stds = np.sqrt(np.repeat(squares, 2, axis=1)[..., None, None] + 1e-5)
    np.testing.assert_allclose(group(some).data, (some.data - means) / stds, rtol=1e-6)


def test_layer_norm_needs_no_company_but_is_not_rid_of_shift(learner: Learner) -> None:
    names = names_after(learner, "no-company")
    assert np.ptp(names["sizes"]) < 0.005
    assert names["before"] > 0.9
    assert names["after"] < 0.8
    assert learner(NORMALISATION, "no-company").snapshot.correct == "a"


def test_in_use_it_folds_into_the_weights(learner: Learner) -> None:
    assert learner(NORMALISATION, "what-comes-next").snapshot.before.output == ("two layers are one: True",)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("return x - mean", "the mean is off. Divide"),
        ("return (x - mean) / x.var(axis=axes, keepdims=True)", "divide by the root"),
        (
            "return (x - mean) / np.sqrt(x.var(axis=axes, keepdims=True, ddof=1) + eps)",
            "should be batch norm|the biased",
        ),
        ("return (x - mean) / np.sqrt(x.var() + eps)", "it should be batch norm"),
        ("return (x - mean) / x.std(axis=axes, keepdims=True)", "numbers as small as eps"),
    ],
)
def test_a_wrong_file_is_understood(line: str, words: str, learner: Learner) -> None:
    session = learner(NORMALISATION, "by-hand")
    head = "import numpy as np\n\ndef standardise(x, axes, eps=1e-5):\n    mean = x.mean(axis=axes, keepdims=True)\n"
    session.submit(f"{head}    {line}\n")
    assert session.open
    assert any(part in session.message for part in words.split("|")), session.message
