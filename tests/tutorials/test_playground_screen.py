"""What the playground looks like: at every size, with colours and without."""

from __future__ import annotations

import re

import numpy as np
import pytest
from rich.color import Color
from rich.style import Style

from tutorials.playground import plane
from tutorials.playground.curves import bars
from tutorials.playground.dials import dials
from tutorials.playground.network import Network, grid
from tutorials.playground.screen import HELP, KEYS, View, frame
from tutorials.playground.session import Session
from tutorials.playground.settings import INPUTS, Settings
from tutorials.playground.weights import symbol, written

LARGEST = Settings(inputs=tuple(INPUTS), layers=(8,) * 6)


def text(session: Session, view: View | None = None, width: int = 80, height: int = 24) -> list[str]:
    rows = frame(session, view or View(), width, height)
    assert len(rows) == height
    assert max(row.cell_len for row in rows) <= width
    return [row.plain for row in rows]


@pytest.mark.parametrize("settings", [Settings(), Settings(layers=(), inputs=("x2",)), LARGEST])
@pytest.mark.parametrize("colour", [True, False])
def test_the_screen_is_filled_and_not_overfilled(settings: Settings, colour: bool) -> None:
    session = Session(settings)
    session.train()
    for size in ((80, 24), (120, 40), (60, 16), (79, 24), (200, 24), (80, 60), (59, 24), (1, 1)):
        text(session, View(colour=colour, message="x" * 200), *size)


def test_everything_is_on_the_smallest_full_screen() -> None:
    session = Session(Settings(penalty="l2"))
    session.train()
    rows = text(session, View(pace=5))
    shown = "\n".join(rows)
    for dial in dials(session.settings):
        assert any(dial.label in row and dial.shown in row for row in rows), dial.label
    for part in (
        "2 inputs → 4 → 2 → 1", "epoch 1   running ×5", "250 training points", "layer 1: largest", "layer 2: largest",
        "output: largest", f"train {session.history[-1][0]:.4f}", f"test  {session.history[-1][1]:.4f}", KEYS,
    ):  # fmt: skip
        assert part in shown


def test_a_larger_screen_shows_more() -> None:
    session = Session(Settings())
    session.train()
    small, large = "\n".join(text(session)), "\n".join(text(session, None, 120, 40))
    assert "what the units of layer 1 see" in large
    assert "what the units of layer 1 see" not in small
    assert "unit 4" in large
    assert f"{session.network.layers()[0][0][0]:+.2f}".replace("-", "−") in large
    assert large.count("▀") > 2 * small.count("▀")


@pytest.mark.parametrize("height", [16, 24, 30, 40])
def test_the_chosen_setting_is_always_to_be_seen(height: int) -> None:
    session = Session(LARGEST)
    for k, dial in enumerate(dials(LARGEST)):
        marked = [row for row in text(session, View(selected=k), 80, height) if row.startswith("▸")]
        assert len(marked) == 1
        assert dial.label in marked[0]


def test_a_page_stands_alone_and_fits() -> None:
    rows = text(Session(Settings()), View(page=tuple(HELP.split("\n"))))
    assert "Any key goes back." in "\n".join(rows)
    assert not any("▀" in row for row in rows)


def test_a_small_window_says_what_it_lacks() -> None:
    assert "This window is 50×12; the playground needs 60×16." in " ".join(text(Session(Settings()), None, 50, 12))


def test_words_say_whether_it_runs() -> None:
    assert "paused" in text(Session(Settings()), View(runs=False))[0]


# The plane -----------------------------------------------------------------------------------------------------------


def test_up_is_up_and_right_is_right() -> None:
    """The Gaussians' class 1 lies at (2, 2), the other at (−2, −2)."""
    session = Session(Settings(data="gauss", layers=()))
    for _ in range(5):
        session.train()
    rows = [row.plain for row in plane.boundary(session.network, 20, "no", False)]
    assert (rows[0][-1], rows[-1][0]) == ("█", " ")
    marked = [row.plain for row in plane.boundary(session.network, 20, "training", False)]
    above, below = "".join(row[10:] for row in marked[:5]), "".join(row[:10] for row in marked[5:])
    assert "●" in above
    assert "×" not in above
    assert "×" in below
    assert "●" not in below


def test_points_are_marked_where_they_lie() -> None:
    network = Network(Settings())
    network.points = np.array([[-5.9, 5.9], [5.9, -5.9], [0.1, 0.1], [7.0, 0.0]], np.float32)
    network.labels = np.array([1, -1, 1, 1], np.float32)
    network.cut = 2
    assert plane.marks(network, 6, 12, "training") == {(0, 0): 1, (5, 11): -1}
    assert plane.marks(network, 6, 12, "test") == {(2, 6): 1}  # what lies outside the plane is left out
    assert plane.marks(network, 6, 12, "no") == {}


def test_the_grid_begins_at_the_top_left() -> None:
    assert grid(3, 2).tolist() == [[-4, 3], [0, 3], [4, 3], [-4, -3], [0, -3], [4, -3]]


def colours(style: Style | str) -> tuple[str, str]:
    assert isinstance(style, Style)
    assert style.color is not None
    assert style.bgcolor is not None
    return style.color.name, style.bgcolor.name


def test_a_character_holds_two_numbers_in_colour() -> None:
    (row,) = plane.paint(np.array([[1.0, 0.0], [-1.0, 0.0]]), {}, True)
    assert row.plain == "▀▀"
    blue, orange = colours(row.spans[0].style)
    assert (Color.parse(blue).triplet.blue, Color.parse(orange).triplet.red) == (0xDF, 0xF2)  # type: ignore[union-attr]
    assert colours(row.spans[1].style) == ("#ffffff", "#ffffff")


def test_a_point_is_told_by_its_shape_and_stands_out_by_its_colour() -> None:
    (row,) = plane.paint(np.ones((2, 2)), {(0, 0): 1, (0, 1): -1}, True)
    assert row.plain == "●×"
    for span in row.spans:
        ink, paper = (sum(Color.parse(c).triplet) for c in colours(span.style))  # type: ignore[arg-type]
        assert paper - ink > 200


def test_shades_go_from_empty_to_full() -> None:
    (row,) = plane.paint(np.tile(np.linspace(-1, 1, 5), (2, 1)), {}, False)
    assert row.plain == " ░▒▓█"


def test_what_is_no_number_is_drawn_as_undecided() -> None:
    (row,) = plane.paint(np.full((2, 1), np.nan), {}, True)
    assert colours(row.spans[0].style) == ("#ffffff", "#ffffff")
    session = Session(Settings(layers=(), rate=10.0, penalty="l2", strength=10.0))
    for _ in range(2):
        session.train()
    assert session.is_lost
    assert "train nan" in "\n".join(text(session))


def test_units_without_a_bound_are_drawn_on_one_scale() -> None:
    session = Session(Settings(activation="relu", layers=(2,)))
    session.network.model[0].weight.data[:] = [[100.0, 0.0], [0.0, 50.0]]
    first, second = plane.unit_pictures(session.network, 8, False)
    assert first[0].plain[-1] == "█"
    assert second[0].plain == "▓" * 8
    assert second[-1].plain == "▒" * 8  # ReLU's 0


def test_the_widest_layer_is_whole_beside_the_plane() -> None:
    session = Session(LARGEST)
    rows = [row[57:] for row in text(session)]
    for name, row in zip(INPUTS.values(), rows[2:9], strict=True):
        assert row.startswith(name)
        assert len(re.findall(r"[+−][▁-█]| ·", row[7:])) == 8


# Weights and losses --------------------------------------------------------------------------------------------------


def test_a_weight_keeps_its_sign_without_colour() -> None:
    assert [symbol(w, 2.0) for w in (2.0, -2.0, 1.0, 0.25, 0.0, float("nan"))] == ["+█", "−█", "+▄", "+▁", " ·", " ·"]
    assert symbol(0.0, 0.0) == " ·"


@pytest.mark.parametrize("weight", [0.004, -9.999, 12.3, -99.99, 1234.0, -99999999.0, float("nan"), float("-inf")])
def test_a_weight_as_a_number_fits_its_cell(weight: float) -> None:
    assert len(written(weight)) == 6
    assert written(weight).endswith(" ")


def test_bars_take_the_mean_of_their_share() -> None:
    assert bars([0.0, 8.0, 4.0, 4.0], 2, 1, 8.0) == ["▄▄"]
    assert bars([float("nan"), 4.0], 8, 2, 4.0) == ["██", "██"]
    assert bars([0.0], 8, 1, 0.0) == ["▁"]
