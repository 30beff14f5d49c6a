"""Pictures in the terminal, with colour and without, and the lessons that show them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from rich.cells import cell_len

import minidl
import viz
from minidl.errors import RenderError
from tutorials.drawing.art import Art, coloured, drawable, text_rows
from tutorials.learning.progress import Place
from tutorials.learning.recording import record
from tutorials.learning.session import Session
from tutorials.lesson import Lesson
from tutorials.terminal import screen
from tutorials.terminal.figures import plotted
from tutorials.terminal.room import Room
from tutorials.terminal.runner import Runner
from tutorials.terminal.views import FigureView

x = np.linspace(-3, 3, 61)


def node() -> Any:
    a, b = minidl.scalar(2.0, name="a"), minidl.scalar(3.0, name="b")
    return (a * b).named("f")


VALUES = {
    "curve": x**2,
    "matrix": np.outer(x[::10], x[::10]),
    "positive": np.abs(np.outer(x, x)),
    "photograph": np.linspace(0, 1, 300).reshape(10, 10, 3),
    "plot": viz.plots.learning_rates([0.01, 0.1, 1.0], [0.9, 0.2, 3.0]),
    "figure": viz.Figure("digraph { a -> b }"),
}


@pytest.mark.parametrize("colour", [True, False])
@pytest.mark.parametrize("name", VALUES)
def test_it_fits_and_shows_something(name: str, colour: bool) -> None:
    art = Art(VALUES[name], "", 8)
    rows = text_rows(art, 40, 8, colour)
    assert 1 <= len(rows) <= 8
    assert 1 < max(cell_len(row.plain) for row in rows) <= 40
    if colour:
        assert len({span.style for row in rows for span in row.spans}) > 1
    else:
        assert len(set("".join(row.plain for row in rows))) > 1
        assert all(not row.spans for row in rows)


def test_a_curve_goes_where_its_numbers_go() -> None:
    rows = [row.plain for row in text_rows(Art(x.copy(), "", 8), 16, 8, colour=False)]
    top = [k for k, character in enumerate(rows[0]) if character != " "]
    bottom = [k for k, character in enumerate(rows[-1]) if character != " "]
    assert min(top) > max(bottom)
    assert max(map(len, rows)) == 16


def test_numbers_are_kept_as_they_were() -> None:
    array = np.zeros(3)
    kept = drawable(array)
    array[0] = 5
    assert kept[0] == 0
    assert drawable([1, 2]).dtype == float


@pytest.fixture
def session(pictures: Lesson) -> Session:
    return Session(pictures, record(pictures), Place())


def plain(rows: list[Any]) -> str:
    return "\n".join(row.plain for row in rows)


def test_a_picture_stands_above_the_words_and_grows_with_the_window(session: Session) -> None:
    small, large = (screen.frame(session, room=room) for room in (Room(), Room(120, 40)))
    assert sum("▀" in row.plain for row in small) == 6
    assert sum("▀" in row.plain for row in large) == 22
    assert (len(small), len(large)) == (24, 40)
    assert session.page.spoken == ("A bowl whose lowest place is 0.",)


def test_a_picture_made_after_the_answer_appears_with_it(session: Session) -> None:
    session.go(1)
    assert session.figure is None
    shown = plain(screen.frame(session, room=Room(colour=False)))
    assert "[a] rising" in shown
    assert "[b] falling" in shown
    session.submit("a")
    assert session.answer.right
    assert session.page.spoken == ("A rising line.",)
    assert session.figure is not None


def test_a_picture_that_cannot_be_drawn_is_told(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: Art, width: int, rows: int, fine: int = 1) -> None:
        raise RenderError("no engine")

    monkeypatch.setattr(Art, "sheet", fails)
    shown = plain(screen.frame(session))
    assert "A bowl whose lowest place is 0. (It cannot be drawn here: no engine)" in shown
    session.go(1)
    assert "[a] rising" in plain(screen.frame(session))


def test_the_figure_in_full_size(session: Session, state: Any) -> None:
    rows = FigureView(session).rows(Room(100, 30))
    assert len(rows) == 30
    assert "A bowl whose lowest place is 0." in plain(rows)
    assert (state / "figures" / "pictures-shown.svg").read_text(encoding="utf-8").startswith("<?xml")


def test_o_opens_it_or_says_where_it_is(session: Session, terminal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    t = terminal(["o", "x", "r", "x"])
    Runner(session, t.console, t.keys, lambda: None).run()
    assert "There is no desktop to open it on." in t.console.file.getvalue()
    assert "Running the code. Ctrl-C stops it." in t.console.file.getvalue()


def test_a_matrix_has_on_a_page_the_colours_that_it_has_in_the_terminal() -> None:
    (image,) = plotted(np.tri(12)).draw().axes[0].images
    assert set(image.get_array().ravel().tolist()) == {0, 255}  # an image of numbers from 0 to 1 is grey
    (image,) = plotted(np.array([[1.0, -1.0]])).draw().axes[0].images
    np.testing.assert_array_equal(image.get_array(), coloured(np.array([[1.0, -1.0]])))
    assert image.get_array().min() < 255
