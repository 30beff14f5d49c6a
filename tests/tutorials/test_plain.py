"""Taking and playing a lesson line by line."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from minidl.errors import RenderError
from tutorials.command import Terminal, run
from tutorials.learning.progress import Place, Progress
from tutorials.learning.recording import record
from tutorials.learning.session import Session
from tutorials.lesson import Lesson
from tutorials.lessons.circuits import CIRCUITS
from tutorials.terminal import figures
from tutorials.terminal.plain import Plain

MakeTerminal = Callable[..., Terminal]


class FAILING:
    """A figure that cannot be drawn."""

    @staticmethod
    def svg() -> str:
        raise RenderError("no engine")


@pytest.fixture(autouse=True)
def no_figures(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Drawing is viz's business; here it only counts."""
    drawn: list[str] = []

    def save(session: Session) -> str:
        return "Figure saved: somewhere.svg"

    def tried(session: Session) -> str:
        drawn.append(session.snapshot.step.name)
        return ""

    monkeypatch.setattr(figures, "save", save)
    monkeypatch.setattr(figures, "tried", tried)
    return drawn


def said(terminal: Terminal) -> str:
    return terminal.out.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_every_lesson_plays_by_itself_with_every_answer_right(
    lesson: Lesson, terminal: MakeTerminal, no_figures: list[str], state: Path
) -> None:
    t = terminal(shows=False, types=False)
    assert run(lesson.name, auto=True, terminal=t) == 0
    text = said(t)
    for number in range(1, len(lesson.steps) + 1):
        assert f"Step {number} of {len(lesson.steps)}." in text
    assert text.count("Answer: ") == sum(s.question is not None for s in lesson.steps)
    assert "Hint" not in text
    assert no_figures == [s.name for s in lesson.steps if s.drawn]
    assert not state.exists()  # not a file is left behind


def test_a_figure_that_fails_is_told_when_a_lesson_plays(
    pictures: Lesson, terminal: MakeTerminal, monkeypatch: pytest.MonkeyPatch, state: Path
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(figures, "figure_of", lambda *_: FAILING)
    t = terminal(shows=False)
    Plain(Session(pictures, record(pictures), Place()), t.out, lambda: None).play()
    assert "The figure could not be made: no engine" in said(t)
    assert not state.exists()


def test_auto_without_a_lesson_plays_them_all(terminal: MakeTerminal) -> None:
    t = terminal(shows=False, types=False)
    assert run(auto=True, terminal=t) == 0
    assert "Circuits. Step 15 of 15." in said(t)
    assert "Tensors. Step 16 of 16." in said(t)


def test_plain_lines_have_no_colour_boxes_or_movement(lesson: Lesson, terminal: MakeTerminal) -> None:
    t = terminal(shows=False, types=False)
    run(lesson.name, auto=True, plain=True, terminal=t)
    assert not re.search("[\x1b\r\b─│┌┐└┘┬┴┤├┼⎡⎤⎣⎦●○›*]", re.sub(r"(?m)^    .*$", "", said(t)))
    assert max(map(len, said(t).splitlines())) <= 80


def test_the_picture_is_told_in_words(terminal: MakeTerminal) -> None:
    t = terminal(typed=["", "-12", "q"])
    run("circuits", plain=True, terminal=t)
    assert "f = q·z, value in question." in said(t)
    assert "f = q·z, value −12." in said(t)


def test_answers_from_a_file(terminal: MakeTerminal, tmp_path: Path) -> None:
    file = tmp_path / "answers.txt"
    file.write_text("12\n−12\nb\n\n\n", encoding="utf-8")
    t = terminal(shows=False, types=False)
    assert run("circuits", answers=file, terminal=t) == 0
    text = " ".join(said(t).split())
    assert "You said 12. Right size. One of the two numbers that meet at × is negative." in text
    assert "−12: right." in text
    assert "You said: shrinks." in text
    # Empty lines skip: a hint, then the answer; when the file has run out the rest goes the same way, to the end.
    assert "The answer is −4." in text
    assert "Step 15 of 15." in text
    assert Progress().places == {}


def test_typed_lines_step_answer_jump_and_ask(terminal: MakeTerminal) -> None:
    t = terminal(typed=["", "p", "next please", "g 2", "?", "?", "4", "r", "-12", "g 9", "f", "", "q"])
    assert run("circuits", plain=True, terminal=t) == 0
    text = said(t)
    assert text.count("Step 1 of 15.") == 2
    assert "Enter: on." in text
    assert "Hint: × takes the two wires" in text
    assert "Hint: f = q · z, with q = 3 and z = −4." in text
    assert "Not that. At the last gate 3 and −4 meet" in text
    assert "Figure saved" in text
    place = Progress().places["circuits@2"]
    assert place.step == 9
    assert place.answers["the-value"].given == ["4", "-12"]


def test_the_end_of_the_input_and_ctrl_c_keep_the_place(terminal: MakeTerminal) -> None:
    assert run("circuits", plain=True, terminal=terminal(typed=["", "-12", ""])) == 0
    assert Progress().places["circuits@2"].step == 2
    assert run("circuits", plain=True, terminal=terminal(typed=["p", "ctrl-c"])) == 130
    assert Progress().places["circuits@2"].step == 1


def test_nothing_is_a_dead_end(lesson: Lesson, terminal: MakeTerminal) -> None:
    """Enter, and nothing but Enter, leads through a whole lesson."""
    t = terminal(typed=[""] * 60)
    assert run(lesson.name, plain=True, terminal=t) == 0
    assert Progress().places[lesson.key].finished
    assert "you found 0." in said(t).replace("\n", " ")


def test_nothing_found_at_once_is_said_in_a_word(terminal: MakeTerminal) -> None:
    typed = ["", "12", "-12", *[""] * 60]
    assert run("circuits", plain=True, terminal=terminal(typed=typed)) == 0
    t = terminal(typed=["g 15", "", ""])
    run("circuits", plain=True, terminal=t)
    assert "you found 1, none of them at once." in said(t).replace("\n", " ")


def test_an_answered_step_tells_its_answer_again(terminal: MakeTerminal) -> None:
    run("circuits", plain=True, terminal=terminal(typed=["", "-12", "q"]))
    t = terminal(typed=["q"])
    run("circuits", plain=True, terminal=t)
    assert "−12: right." in said(t)
    assert "That was the forward pass" in said(t)


def test_a_stream_that_cannot_show_a_letter_shows_a_question_mark(learner: Callable[..., Session]) -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii", errors="replace")
    Plain(learner(CIRCUITS), out, lambda: None).play()
    assert b"?f/?" in raw.getvalue()
