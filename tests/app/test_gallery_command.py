"""`minidl gallery` as a user types it, and what hangs there."""

import re

import pytest
from typer.testing import CliRunner

from minidl.app.main import app
from viz.deck.deck import Deck
from viz.drawing import engine
from viz.drawing.figure import Figure
from viz.drawing.theme import THEMES
from viz.gallery import exhibits


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(app, ["gallery", *arguments], catch_exceptions=True)


def test_it_lists_what_there_is():
    listed = run("--list").output.splitlines()
    assert len(listed) == len(exhibits()) > 60
    assert listed[0].split() == ["circuit", "Both", "passes", "of", "f", "=", "(x", "+", "y)z"]


def test_names_are_file_names_and_none_is_there_twice():
    names = [exhibit.name for exhibit in exhibits()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in names)


def test_it_writes_pictures_decks_derivations_and_a_page_that_shows_them(folder):
    result = run("circuit", "deck-circuit", "derivation-affine", "--format", "png", "--theme", "dark")
    assert result.exit_code == 0, result.output
    assert "3 exhibits" in result.output
    written = sorted(path.name for path in (folder / "gallery").iterdir())
    assert written == [
        "circuit.png",
        "circuit.svg",
        "deck-circuit-beamer.tex",
        "deck-circuit.html",
        "deck-circuit.pdf",
        "deck-circuit.svg",
        "derivation-affine.tex",
        "derivation-affine.txt",
        "index.html",
    ]
    page = (folder / "gallery" / "index.html").read_text(encoding="utf-8")
    assert page.count("<figure>") == 3
    assert 'alt="' in page
    assert "2(Wx + b)xᵀ" in page
    assert THEMES["dark"].paper in page


def test_what_is_not_there_is_named(folder):
    for arguments, message in [
        (("nothing",), "there is no exhibit 'nothing'"),
        (("--format", "bmp"), "there is no format 'bmp'"),
        (("--theme", "neon"), "there is no theme 'neon'"),
    ]:
        result = run(*arguments)
        assert message in str(result.exception) + result.output
    assert not (folder / "gallery").exists()


PIECES = [pytest.param(e, "light", id=e.name) for e in exhibits()] + [
    # Figures are made in these themes where their faults are looked for.
    pytest.param(
        e,
        theme,
        id=f"{e.name}-{theme}",
        marks=pytest.mark.slow if e.name.startswith("plot-") else pytest.mark.exhaustive,
    )
    for e in exhibits()
    for theme in ("dark", "print")
]


@pytest.mark.parametrize(("exhibit", "theme"), PIECES)
def test_every_exhibit_is_made_and_says_what_it_shows(exhibit, theme):
    made = exhibit.make(THEMES[theme])
    if isinstance(made, Figure):
        assert engine.render_with_warnings(made.dot, "svg", layout=made.layout)[1] == []
    if hasattr(made, "svg"):
        assert made.svg().count("<svg") >= 1
        assert made.title
        assert len(made.text) > 20
    else:
        assert len(made) > 8 if isinstance(made, Deck) else "∂" in str(made)
