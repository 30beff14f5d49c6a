"""The lesson on the GPU: its numbers are those of its kernels, and the simulator's complaints are shown as they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tutorials.learning.session import Session
from tutorials.lessons.gpu import GPU

Learner = Callable[..., Session]


def names_after(learner: Learner, step: str) -> dict[str, object]:
    return dict(learner(GPU, step).snapshot.names)


def output(learner: Learner, step: str) -> str:
    snapshot = learner(GPU, step).snapshot
    return " ".join([*snapshot.before.output, *snapshot.after.output])


def test_a_number_is_read_once_for_each_block_that_needs_it(learner: Learner) -> None:
    assert names_after(learner, "how-often")["often"] == 16
    names = names_after(learner, "read-once-more")
    assert (names["n"], names["T"], names["often"]) == (24, 4, 6)
    assert "C is A @ B: True" in output(learner, "naive")
    assert "C is A @ B: True" in output(learner, "read-once-more")


def test_two_operations_for_eight_bytes_are_far_from_peak(learner: Learner) -> None:
    names = names_after(learner, "how-far-from-peak")
    assert names["per_byte"] == 0.25
    assert names["share"] == pytest.approx(1.25)
    assert learner(GPU, "how-far-from-peak").snapshot.correct == "c"


def test_swapped_axes_cost_a_sector_a_lane(learner: Learner) -> None:
    assert names_after(learner, "neighbours")["sectors"] == 32
    assert "naive {'A': 1, 'B': 4, 'C': 4}" in output(learner, "neighbours")


def test_a_missing_barrier_is_a_race_and_a_divided_one_is_an_error(learner: Learner) -> None:
    assert "a race for s[1], which thread (0, 0, 0) reads and this one writes" in output(learner, "without-a-barrier")
    assert "4 of 8 threads wait at line 11 for threads that have ended" in output(learner, "half-a-barrier")
    code = learner(GPU, "half-a-barrier").snapshot.before.code
    assert "syncthreads" in code[10]


def test_padding_spreads_a_column_over_the_banks(learner: Learner) -> None:
    assert "rows of 32 numbers: 32 turns" in output(learner, "banks")
    assert names_after(learner, "banks")["padded"] == {1: 1, 2: 2, 4: 4}


def test_registers_and_wide_loads_are_fewer_loads(learner: Learner) -> None:
    # R × R results of 2 R numbers.
    assert names_after(learner, "registers")["loads"] == 2 * 4 / 4**2
    assert names_after(learner, "wide-and-early")["wide"] == 4


def test_the_fast_kernel_fetches_while_it_multiplies(learner: Learner) -> None:
    rows = learner(GPU, "wide-and-early").snapshot.before.output
    loads = [(int(row.split(",")[0].split()[-1]), int(row.split()[-1])) for row in rows]
    assert len(loads) == 4
    assert [(far > 0, near > 0) for far, near in loads] == [(True, False), (True, True), (True, True), (False, True)]


def test_the_roofline_leaves_each_kernel_more(learner: Learner) -> None:
    rows = [row.split() for row in learner(GPU, "the-roofline").snapshot.before.output[1:]]
    assert [row[0] for row in rows] == ["naive", "tiled", "fast"]
    assert [float(row[-2]) for row in rows] == [2, 20, 100]


def test_windows_times_kernels_are_the_convolution(learner: Learner) -> None:
    assert "X @ W is the convolution: True" in output(learner, "convolution")
    assert learner(GPU, "convolution").snapshot.correct == "(16, 25)"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("1 4 4 1", "that is Aᵀ B"),
        ("4 1 1 4", "that is A Bᵀ"),
        ("1 4 1 4", "that is Aᵀ Bᵀ"),
        ("4 1 16 1", "outside of its 16 elements"),
        ("0 0 0 0", "the first row is"),
        ("1e300 0 0 0", "until this"),
    ],
)
def test_a_wrong_index_is_run_and_explained(answer: str, words: str, learner: Learner) -> None:
    session = learner(GPU, "your-turn")
    session.submit(answer)
    assert session.open
    assert words in session.message


def test_the_right_index_multiplies(learner: Learner) -> None:
    session = learner(GPU, "your-turn")
    session.submit("4, 1, 4, 1")
    assert session.answer.right
    names = session.snapshot.judge("4 1 4 1").names
    np.testing.assert_array_equal(names["out"], names["L"] @ names["M"])
    assert "as it should be" in session.page.text[0]


def test_half_an_index_is_not_rounded_to_a_right_one(learner: Learner) -> None:
    session = learner(GPU, "your-turn")
    session.submit("4.2 1 4 1")
    assert session.open
