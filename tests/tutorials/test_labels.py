"""Words of a picture in a terminal: real letters, in their places, never over each other, never in the drawing's way."""

from __future__ import annotations

import numpy as np
import pytest
from rich.style import Style

from tutorials.drawing.art import Art, text_rows
from tutorials.drawing.labels import Sheet, lay_out, readable, shrunk
from viz.drawing.lettered import Lettered, Word
from viz.plots import activation, histograms, learning_rates

RATES = learning_rates([0.001, 0.01, 0.1, 1.0], {"SGD": [2, 1.5, 0.9, 3], "Adam": [1, 0.2, 2, 2.5]}, title="A sweep")
APART = RATES.lettered(96)
NINE = activation(["heaviside", "sigmoid", "tanh", "relu", "softplus", "gelu", "elu", "silu", "softsign"]).lettered(96)


def texts(sheet: Sheet) -> list[str]:
    return [label.text for label in sheet.labels]


@pytest.mark.parametrize("width", [36, 50, 74, 114])
@pytest.mark.parametrize("rows", [5, 8, 12, 24])
@pytest.mark.parametrize("picture", [APART, NINE], ids=["one", "nine"])
def test_words_fit_and_do_not_touch(picture: Lettered, width: int, rows: int) -> None:
    sheet = lay_out(picture, width, rows)
    assert sheet.width <= width
    assert sheet.rows <= rows
    taken: set[tuple[int, int]] = set()
    for label in sheet.labels:
        assert 0 <= label.row < sheet.rows
        cells = {(label.row, c) for c in range(label.column, label.column + len(label.text))}
        assert all(0 <= c < sheet.width for _, c in cells)
        assert not cells & {(r, c + d) for r, c in taken for d in (-1, 0, 1)}
        taken |= cells


def test_names_come_before_numbers_and_ends_before_the_rest() -> None:
    shown = texts(lay_out(APART, 74, 8))
    assert {"SGD", "Adam", "learning rate", "0.001", "1"} <= set(shown)
    assert "A sweep" not in shown  # a lone title has no row where rows are scarce
    assert "A sweep" in texts(lay_out(APART, 74, 14))
    assert "↑ loss at the end" in texts(lay_out(APART, 74, 14))


def test_words_stand_on_their_side_of_the_drawing() -> None:
    sheet = lay_out(APART, 74, 12)
    at = {label.text: label for label in sheet.labels}
    assert at["learning rate"].row >= sheet.above + sheet.down
    assert at["0.001"].column < at["0.01"].column < at["learning rate"].column
    assert at["0"].column < sheet.left


@pytest.mark.parametrize(
    ("width", "heads"),
    [
        (114, ["std", "zeros", "saturated"]),
        (74, ["std", "zeros", "saturated"]),
        (56, ["std", "zeros"]),
        (36, ["std", "zeros"]),
    ],
)
def test_a_table_keeps_its_heads_above_their_columns(width: int, heads: list[str]) -> None:
    ends = np.tanh(np.linspace(-9, 9, 400))
    long = "Activations of three layers whose weights begin too large"
    table = histograms({f"layer {k}": ends for k in (1, 10, 20)}, limits=(-1, 1), title=long).lettered(96)
    sheet = lay_out(table, width, 6)
    shown = [label for label in sheet.labels if label.column >= sheet.left + sheet.across]
    titles = [label for label in shown if label.row == 0 and label.text != long]
    assert [label.text for label in sorted(titles, key=lambda label: label.column)] == heads
    for head in titles:
        below = [label for label in shown if label.row and head.column <= label.column + len(label.text) - 1]
        below = [label for label in below if label.column < head.column + len(head.text)]
        assert len(below) == 3
        assert {label.column + len(label.text) for label in below} == {head.column + len(head.text)}
        assert all(label.text.endswith("%") == (head.text != "std") for label in below)


def test_small_pictures_are_drawn_without_words() -> None:
    assert texts(lay_out(APART, 22, 6)) == []
    assert texts(lay_out(APART, 74, 4)) == []


def test_a_number_gives_way_to_a_line_and_a_name_does_not() -> None:
    pixels = np.full((162, 402, 3), 255, np.uint8)
    for row in range(1, 161, 16):
        pixels[row : row + 8, 1:-1] = (0, 0, 200)  # half of every character
    pixels[160, 1:-1] = (0, 0, 200)
    words = (Word("7", 200, 210, 80, "#000000", 12), Word("name", 200, 240, 120, "#000000", 12))
    assert texts(lay_out(Lettered(pixels, words, True), 50, 10)) == ["name"]


def test_letters_are_letters_with_colour_and_without() -> None:
    art = Art(RATES, "", 10)
    for colour in (True, False):
        rows = [row.plain for row in text_rows(art, 74, 10, colour)]
        assert any("learning rate" in row for row in rows)
        assert any("SGD" in row for row in rows)
    row = next(row for row in text_rows(art, 74, 10, True) if "SGD" in row.plain)
    style = next(span.style for span in row.spans if "SGD" in row.plain[span.start : span.end])
    assert isinstance(style, Style)
    assert style.bgcolor is not None  # on the paper of the picture, whatever the terminal's is


def test_it_is_drawn_once_for_all_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[object] = []
    art = Art(RATES, "", 8)

    def taken_apart(figure: object) -> Lettered:
        drawn.append(figure)
        return APART

    monkeypatch.setattr("tutorials.drawing.art._taken_apart", taken_apart)
    for size in ((74, 8), (114, 20), (74, 8)):
        text_rows(art, *size, colour=True)
    assert len(drawn) == 1


def test_a_thin_line_survives_being_made_small() -> None:
    paper = np.full((100, 100, 3), 255, np.uint8)
    paper[50] = (200, 40, 40)
    small = shrunk(paper, 10, 10, np.array([255, 255, 255], np.uint8))
    assert (small[5].astype(int) - [200, 40, 40]).max() < 110
    assert (small[4] == 255).all()
    grown = shrunk(paper[:4, :4], 9, 9, np.array([255, 255, 255], np.uint8))
    assert grown.shape == (9, 9, 3)


def test_a_letter_can_be_read_on_what_is_behind_it() -> None:
    assert readable((200, 40, 40), (255, 255, 255)) == (200, 40, 40)
    assert readable((10, 10, 10), (40, 40, 40)) == (255, 255, 255)
    assert readable((250, 250, 250), (255, 255, 255)) == (0, 0, 0)
