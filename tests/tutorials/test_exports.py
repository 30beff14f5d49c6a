"""A lesson as one page, as pictures of its screens, and as slides."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.text import Text

from minidl.errors import RenderError, UsageError
from tutorials import figures, shots, webpage
from tutorials.command import Terminal, run
from tutorials.lesson import Lesson
from tutorials.lessons.circuits import CIRCUITS
from tutorials.session import Session

MakeTerminal = Callable[..., Terminal]
Learner = Callable[..., Session]
SVG = "{http://www.w3.org/2000/svg}"


def test_the_page_holds_the_whole_lesson_and_needs_nothing_else(learner: Learner) -> None:
    page = webpage.page(CIRCUITS)
    assert page.count("<section") == len(CIRCUITS.steps) + 1
    assert page.count("<summary>Answer</summary>") == sum(s.question is not None for s in CIRCUITS.steps)
    assert not re.search(r"(src|href)=\"https?:|@import|url\(http|<script", page)
    for index in range(len(CIRCUITS.steps)):
        for line in learner(CIRCUITS, index).snapshot.after.text:
            if "*" not in line and "   " not in line:
                assert line in page
    assert "<svg" in page
    assert "df_dq = z" in page


def test_the_page_shows_pictures_and_sketches(pictures: Lesson) -> None:
    page = webpage.page(pictures)
    ElementTree.fromstring(page.replace("<!DOCTYPE html>", "").replace('<meta charset="utf-8">', "").replace(
        '<meta name="viewport" content="width=device-width, initial-scale=1">', ""))  # fmt: skip
    assert page.count("<svg") == 4  # the bowl, two sketches, the rising line
    assert "<figcaption>A bowl whose lowest place is 0.</figcaption>" in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_a_picture_that_cannot_be_drawn_leaves_its_words(pictures: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(value: object) -> None:
        raise RenderError("no engine")

    monkeypatch.setattr(figures, "figure_of", fails)
    page = webpage.page(pictures)
    assert "A bowl whose lowest place is 0." in page
    assert "(It could not be drawn: no engine)" in page


def test_a_screen_as_a_picture_says_what_the_screen_says(lesson: Lesson, learner: Learner) -> None:
    from tutorials import screen

    session = learner(lesson, 1)
    rows = screen.frame(session, cursor=False)
    tree = ElementTree.fromstring(shots.shot(rows, "a < b"))
    spoken = "".join(text.text or "" for text in tree.iter(f"{SVG}text"))
    assert re.sub(r"\s", "", spoken) == re.sub(r"\s", "", "".join(row.plain for row in rows))
    width = float(tree.get("viewBox", "").split()[2])
    for text in tree.iter(f"{SVG}text"):
        assert float(text.get("x", "")) + float(text.get("textLength", "")) <= width
    assert tree.find(f"{SVG}title").text == "a < b"  # type: ignore[union-attr]


def test_half_blocks_become_rectangles() -> None:
    svg = shots.shot([Text.assemble(("▀▀", "#ff0000 on #0000ff"), " bold ", ("x", "bold green"))], "")
    assert '<rect x="12" y="12" width="18" height="10" fill="#ff0000"/>' in svg
    assert '<rect x="12" y="22" width="18" height="10" fill="#0000ff"/>' in svg
    assert 'font-weight="bold" fill="#1a7f45">x</text>' in svg


def test_the_command_writes_both(terminal: MakeTerminal, tmp_path: Path) -> None:
    t = terminal()
    assert run("circuits", html=tmp_path / "a" / "c.html", svg=tmp_path / "shots", terminal=t) == 0
    names = sorted(path.name for path in (tmp_path / "shots").iterdir())
    asked = sum(s.question is not None for s in CIRCUITS.steps)
    assert len(names) == len(CIRCUITS.steps) + asked
    assert names[1:3] == ["02-the-value-answered.svg", "02-the-value.svg"]
    assert (tmp_path / "a" / "c.html").exists()
    with pytest.raises(UsageError, match="need the lesson"):
        run(html=tmp_path / "d.html", terminal=terminal())


def test_auto_all_plays_every_lesson(terminal: MakeTerminal, monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[str] = []
    monkeypatch.setattr("tutorials.command._play", lambda lesson, *_: played.append(lesson.name))
    assert run("all", auto=True, terminal=terminal()) == 0
    from tutorials.lessons import LESSONS

    assert played == [lesson.name for lesson in LESSONS]
