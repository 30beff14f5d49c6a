"""Trying a lesson's code with lines of one's own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rich.cells import cell_len

import minidl
from tutorials.learning.session import Session
from tutorials.learning.trying import Trial, Tried
from tutorials.lesson import Lesson
from tutorials.lessons.circuits import CIRCUITS
from tutorials.terminal.room import Room
from tutorials.terminal.runview import RunView

Learner = Callable[..., Session]


def changed(trial: Trial, given: str, text: str) -> Trial:
    line = next(line for line in trial.lines if line.given.startswith(given))
    line.text = text
    return trial


def test_the_lesson_s_own_lines_give_what_the_lesson_shows(lesson: Lesson, learner: Learner) -> None:
    index = len(lesson.steps) // 2
    session = learner(lesson, index)
    tried = Trial(lesson, index, answered=False).run()
    assert tried.error == ""
    assert tried.page is not None
    assert tried.page.text == session.snapshot.before.text
    assert tried.page.output == session.snapshot.before.output


def test_a_changed_value_changes_figure_and_numbers(learner: Learner) -> None:
    index = [s.name for s in CIRCUITS.steps].index("one-pass")
    trial = changed(Trial(CIRCUITS, index, True), "z = ", 'z = minidl.scalar(7.0, name="z")')
    page = trial.run().page
    assert page is not None
    assert page.output[0].split() == ["one", "pass:", "7.0", "7.0", "3.0"]
    assert page.drawing is not None
    assert "f = q·z, value 21" in page.drawing.spoken[-1]
    # Each run starts afresh: the gradients of the run before are not there to be added to.
    assert trial.run().page.output == page.output  # type: ignore[union-attr]
    # The lesson is as it was.
    assert "value −12" in learner(CIRCUITS, "one-pass").page.drawing.spoken[-1]  # type: ignore[union-attr]
    trial.restore()
    assert trial.changed == 0
    assert "value −12" in trial.run().page.drawing.spoken[-1]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("z = minidl.scalar(", "Python cannot read this line"),
        ("z = zebra", "name 'zebra' is not defined"),
        ("z = 1 / 0", "ZeroDivisionError"),
        ("import sys; sys.exit()", "ended itself"),
        ("z = input()", "EOFError"),
    ],
)
def test_a_mistake_is_told_kindly_and_pointed_at(text: str, words: str) -> None:
    trial = changed(Trial(CIRCUITS, 3, False), "z = ", text)
    tried = trial.run()
    assert tried.page is None
    assert words in tried.error
    assert trial.lines[tried.line].text == text


def test_ctrl_c_stops_it() -> None:
    tried = changed(Trial(CIRCUITS, 0, False), "z = ", "raise KeyboardInterrupt").run()
    assert "Stopped." in tried.error


def test_a_loop_without_an_end_is_stopped_and_its_line_named() -> None:
    trial = changed(Trial(CIRCUITS, 0, False), "z = ", "while True: pass")
    tried = trial.run(seconds=0.2)
    assert tried.error == "Stopped after 0.2 seconds: is there a loop without an end? Nothing is lost."
    assert trial.lines[tried.line].text == "while True: pass"
    trial.restore()
    assert trial.run(seconds=5).error == ""


def test_what_python_warns_of_is_told(recwarn: pytest.WarningsRecorder) -> None:
    warn = "import warnings; warnings.simplefilter('default'); warnings.warn('too large'); z = minidl.scalar(-4.0)"
    page = changed(Trial(CIRCUITS, 0, False), "z = ", warn).run().page
    assert page is not None
    assert "(Python warns: too large)" in page.output
    assert not recwarn.list


def test_a_try_leaves_the_random_numbers_alone() -> None:
    before = minidl.default_generator.get_state()
    changed(Trial(CIRCUITS, 0, False), "z = ", "z = minidl.rand(())").run()
    assert minidl.default_generator.get_state() == before


def test_an_open_answer_is_not_in_the_code(learner: Learner) -> None:
    session = learner(CIRCUITS, "turn-x-up")
    assert not any("f_up" in line.text for line in RunView(session).trial.lines)
    session.submit("b")
    assert any("f_up" in line.text for line in RunView(session).trial.lines)


def test_editing_by_keys(learner: Learner) -> None:
    view = RunView(learner(CIRCUITS, 0))
    view.selected = next(k for k, line in enumerate(view.trial.lines) if line.text.startswith("z"))
    for key in ["e", *["left"] * 13, "backspace", "7", "enter"]:
        assert view.press(key)
    assert view.trial.lines[view.selected].text == 'z = minidl.scalar(-7.0, name="z")'
    assert view.tried.page is not None
    assert "1 line changed" in view.rows(Room())[0].plain
    assert any("−7" in row.plain for row in view.rows(Room()))
    for key in ["e", "x", "escape"]:
        assert view.press(key)
    assert view.trial.lines[view.selected].text == 'z = minidl.scalar(-7.0, name="z")'
    view.press("u")
    assert "as the lesson has it" in view.rows(Room())[0].plain
    assert not view.press("escape")


def test_a_failed_try_keeps_the_last_figure_and_offers_the_way_back(learner: Learner) -> None:
    view = RunView(learner(CIRCUITS, 0))
    for key in ["e", "(", "enter"]:
        view.press(key)
    shown = [row.plain for row in view.rows(Room())]
    assert any("(+)" in row for row in shown)
    assert any("✗" in row for row in shown)
    assert any("u brings the lesson's lines back" in row for row in shown)


def test_the_view_fits(lesson: Lesson, learner: Learner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Laid out about what the lesson shows; that a run gives the same is said above."""
    for index, step in enumerate(lesson.steps):
        session = learner(lesson, index)
        results = iter([Tried(session.page), Tried(None, "NameError: name 'x' is not defined. " * 9, 0)])
        monkeypatch.setattr(Trial, "run", lambda trial, found=results: next(found))
        view = RunView(session)
        for key in ["", "down", "e", "x", "enter"]:
            view.press(key) if key and view.trial.lines else None
            for room in (Room(), Room(120, 40)):
                rows = view.rows(room)
                assert len(rows) == room.height, step.name
                assert max(cell_len(row.plain) for row in rows) <= room.width, step.name
