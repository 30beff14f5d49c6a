"""The lessons themselves: their numbers, their questions, their diagnoses, and that every screen of them fits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from rich.cells import cell_len

from tutorials.learning import answers
from tutorials.learning.session import Session
from tutorials.lesson import Choice, Exercise, Lesson, Number, Pick, Program, Shape
from tutorials.lessons import LESSONS
from tutorials.lessons.circuits import CIRCUITS
from tutorials.lessons.tensors import TENSORS
from tutorials.terminal import screen
from tutorials.terminal.room import Room
from tutorials.terminal.views import Card, CodeView, steps_menu
from tutorials.text import wrap

Learner = Callable[..., Session]


def names_after(learner: Learner, lesson: Lesson, step: str) -> dict[str, object]:
    return dict(learner(lesson, step).snapshot.names)


def test_circuits_computes_the_facts(learner: Learner) -> None:
    names = names_after(learner, CIRCUITS, "the-count")
    assert names["f"].item() == -12  # type: ignore[attr-defined]
    assert [names[k].grad.item() for k in "xyz"] == [-4, -4, 3]  # type: ignore[attr-defined]
    assert names["inputs"] == 61_706


def test_circuits_nudges_to_the_facts(learner: Learner) -> None:
    names = names_after(learner, CIRCUITS, "one-gate")
    nudged = [names[f"slope_{k}"] for k in "xyzq"]
    np.testing.assert_allclose(nudged, [-4, -4, 3, -4], rtol=1e-9)


def test_a_fork_adds(learner: Learner) -> None:
    names = names_after(learner, CIRCUITS, "the-referee")
    # g = (a + b)·a, so ∂g/∂a = 2a + b = −4 + 5.
    np.testing.assert_allclose([names["slope_a"], names["by_backward"]], [1, 1], rtol=1e-9)


def test_tensors_computes_the_facts(learner: Learner) -> None:
    names = names_after(learner, TENSORS, "one-pass")
    np.testing.assert_array_equal(names["v"].data, [-0.5, 2])  # type: ignore[attr-defined]
    assert names["z"].item() == 4.25  # type: ignore[attr-defined]
    for name, fact in {"W": [[-1, 1], [4, -4]], "x": [11, -6], "b": [-1, 4]}.items():
        np.testing.assert_array_equal(names[name].grad.data, fact)  # type: ignore[attr-defined]
    np.testing.assert_allclose(names["dW"], [[-1, 1], [4, -4]], rtol=1e-9)


def test_the_jacobian_of_Wx_is_W(learner: Learner) -> None:
    names = names_after(learner, TENSORS, "the-jacobian")
    np.testing.assert_allclose(names["J"], [[1, 2], [3, -1]], rtol=1e-9)


def test_the_referee_agrees_on_every_entry(learner: Learner) -> None:
    table = learner(TENSORS, "the-referee").snapshot.before.output[1:]
    assert len(table) == 8
    for row in table:
        nudged, backward = row.split()[-2:]
        assert nudged == backward
    assert [float(row.split()[-1]) for row in table] == [-1, 1, 4, -4, 11, -6, -1, 4]


def test_the_length_and_the_number_of_predictions(lesson: Lesson) -> None:
    assert 8 <= len(lesson.steps) <= 20
    assert sum(isinstance(s.question, Number | Shape | Choice) for s in lesson.steps) >= 3
    assert sum(isinstance(s.question, Exercise | Program) for s in lesson.steps) >= 1
    assert len({s.name for s in lesson.steps}) == len(lesson.steps)


def test_every_lesson_leads_to_one_there_is() -> None:
    names = {lesson.name for lesson in LESSONS}
    assert all(lesson.follows in names | {""} for lesson in LESSONS)


# No number is typed into a lesson -----------------------------------------------------------------------------------


def sentences(lesson: Lesson) -> Iterator[str]:
    for step in lesson.steps:
        yield from step.say + step.reveal
        question = step.question
        if question is None:
            continue
        yield from (*question.ask, *question.hints)
        if isinstance(question, Choice):
            yield from (text for o in question.options for text in (o.text, o.say))
        elif isinstance(question, Program):
            yield from (text for c in question.checks for text in (c.say, *(m.say for m in c.mistakes)))
        else:
            yield from (mistake.say for mistake in question.mistakes)
            yield question.unforeseen


def test_no_number_is_typed_into_a_sentence(lesson: Lesson) -> None:
    for sentence in sentences(lesson):
        bare = re.sub(r"\{[^}]*\}|lesson 2|v \+ v|2v|[12]/√?\(?[nNλ]|1 − [αβμ]", "", sentence)  # 2/n is a formula
        assert not re.search(r"[0-9]", bare), sentence


def test_the_voice(lesson: Lesson) -> None:
    for sentence in sentences(lesson):
        assert "!" not in sentence, sentence


# Every screen fits --------------------------------------------------------------------------------------------------


def states(fresh: Callable[[], Session]) -> Iterator[tuple[str, Session]]:
    """A step in every state that it can be in."""
    yield "at first", fresh()
    step = fresh().snapshot.step
    question = step.question
    asked = fresh()
    asked.hint()
    yield "hint", asked
    if question is None:
        return
    again = fresh()
    again.hint()
    again.hint()
    yield "strong hint", again
    skipped = fresh()
    skipped.skip()
    yield "skipped once", skipped
    shown = fresh()
    shown.skip()
    shown.skip()
    yield "shown", shown
    back = fresh()
    back.place.answers = shown.place.answers
    back.go(back.index)
    yield "shown, seen again", back
    for text in wrong_answers(question, fresh()):
        wrong = fresh()
        wrong.hint()
        for _ in range(1 if isinstance(question, Program) else 3):
            wrong.submit(text)
        yield f"answered {text}", wrong
    if not isinstance(question, Program):
        unreadable = fresh()
        unreadable.submit("zebra")
        yield "unreadable", unreadable
    right = fresh()
    right.submit(right.snapshot.correct)
    yield "right", right


def wrong_answers(question: object, session: Session) -> list[str]:
    names = session.snapshot.names
    if isinstance(question, Program):
        return [question.file]
    if isinstance(question, Choice):
        return list(answers.LETTERS[: len(question.options)])
    if isinstance(question, Shape):
        return [*(str(answers.evaluate(m.value, names)) for m in question.mistakes), "9 9 9"]
    if isinstance(question, Number):
        wrong = [np.ravel(np.asarray(answers.evaluate(m.value, names), float)) for m in question.mistakes]
        count = len(session.snapshot.correct.split())
        partly = [*session.snapshot.correct.split()[:-1], "77"]
        found = [" ".join(f"{v:.12g}" for v in w) for w in wrong]
        return [*found, " ".join(["-123.456"] * count), " ".join(partly), " ".join(["1"] * (count + 1))]
    assert isinstance(question, Exercise)
    return ["0", "-7.25", "0 0", "1 -9", "1 -4", "0.5 0.25"]


def test_every_state_of_every_step_fits_80_by_24(lesson: Lesson, learner: Learner) -> None:
    """All that does not fit is told at once, by step and state; and no picture changes its size."""
    wrong = []
    for index, step in enumerate(lesson.steps):
        state = "before its first state"
        sizes: dict[int, str] = {}
        try:
            for state, session in states(lambda i=index: learner(lesson, i)):  # type: ignore[misc]
                needed = screen.height(session)
                if needed > 24:
                    wrong.append(f"{step.name}, {state}: {needed} rows")
                rows = screen.frame(session, "-123456789.123456789")
                assert len(rows) == 24, (step.name, state)
                if session.snapshot.before.art and not isinstance(step.question, Pick):
                    sizes.setdefault(sum("▀" in row.plain for row in rows), state)
                wide = [row.plain for row in rows if cell_len(row.plain) > 80]
                wrong += [f"{step.name}, {state}: {cell_len(row)} columns: {row}" for row in wide]
        except Exception as error:
            raise AssertionError(f"{step.name}: after {state!r}: {type(error).__name__}: {error}") from error
        if len(sizes) > 1:
            wrong.append(f"{step.name}: the picture has {' and '.join(f'{n} rows {at}' for n, at in sizes.items())}")
    assert not wrong, "\n".join(["", *wrong])


def test_nothing_that_a_step_says_is_left_out(lesson: Lesson, learner: Learner) -> None:
    for index, step in enumerate(lesson.steps):
        session = learner(lesson, index)
        at_first = [row.plain.strip() for row in screen.frame(session)]
        spoken = session.snapshot.before.text + session.snapshot.ask
        spoken += session.snapshot.before.output
        assert [line for line in spoken if line.replace("*", "").strip() not in at_first] == [], step.name
        if step.question is not None:
            session.submit(session.snapshot.correct)
            after = [row.plain.strip() for row in screen.frame(session)]
            assert [line for line in session.page.text if line.replace("*", "").strip() not in after] == [], step.name
            assert [line for line in session.page.code if f"│ {line}".strip() not in after] == [], step.name
            assert [line for line in session.page.output if line.strip() not in after] == [], step.name


@pytest.mark.parametrize("room", [Room(), Room(120, 40)], ids=["80x24", "120x40"])
def test_the_views_beside_the_steps_fit(lesson: Lesson, learner: Learner, room: Room) -> None:
    for index in range(len(lesson.steps)):
        session = learner(lesson, index)
        code = CodeView(session)
        shown = [code.rows(room), steps_menu(session).rows(room), Card(session).rows(room)]
        while code.press("left"):
            shown.append(code.rows(room))
        for rows in shown:
            assert len(rows) == room.height, lesson.steps[index].name
            assert max(cell_len(row.plain) for row in rows) <= room.width, lesson.steps[index].name


def test_sentences_are_not_broken_into_scraps(lesson: Lesson, learner: Learner) -> None:
    """A sentence that has to be wrapped leaves more than one word on its last line."""
    for index, step in enumerate(lesson.steps):
        snapshot = learner(lesson, index).snapshot
        assert len(snapshot.before.text) == len(step.say), step.name
        assert len(snapshot.after.text) == len(step.reveal if step.question else step.say), step.name


def test_the_picture_never_moves(learner: Learner) -> None:
    """The wires of f stand in the same places in every step that draws it."""
    seen = set()
    for index, step in enumerate(CIRCUITS.steps):
        if step.picture and step.picture.root == "f" and not isinstance(step.question, Exercise):
            snapshot = learner(CIRCUITS, index).snapshot
            for page in (snapshot.before, snapshot.after):
                assert page.drawing is not None
                text = "\n".join("".join(span.text for span in line).rstrip() for line in page.drawing.lines)
                wires = tuple(
                    (row, column)
                    for row, line in enumerate(text.splitlines())
                    for column, character in enumerate(line)
                    if character in "─│┐┘()+×xyzqf"
                )
                seen.add(wires)
    assert len(seen) == 1


# Questions ----------------------------------------------------------------------------------------------------------


def questions(kind: type) -> list[object]:
    return [
        pytest.param(lesson, step.name, id=f"{lesson.name}-{step.name}")
        for lesson in LESSONS
        for step in lesson.steps
        if isinstance(step.question, kind)
    ]


@pytest.mark.parametrize(("lesson_", "step"), questions(Number) + questions(Shape))
def test_each_known_mistake_is_diagnosed(lesson_: Lesson, step: str, learner: Learner) -> None:
    session = learner(lesson_, step)
    question, names = session.snapshot.step.question, session.snapshot.names
    assert isinstance(question, Number | Shape)
    said = set()
    for mistake in question.mistakes:
        value = answers.evaluate(mistake.value, names)
        text = (
            str(value) if isinstance(question, Shape) else " ".join(map(repr, np.ravel(value).astype(float).tolist()))
        )
        verdict = session.snapshot.judge(text)
        assert not verdict.right, mistake
        assert not verdict.settled, mistake
        # The words of this very mistake, not of an earlier one with the same value.
        assert verdict.say == answers.fill(mistake.say, names), mistake
        said.add(verdict.say)
    assert len(said) == len(question.mistakes) >= 4


@pytest.mark.parametrize(("lesson_", "step"), questions(Number) + questions(Shape) + questions(Exercise))
def test_the_right_answer_settles_and_an_unforeseen_one_is_tried(lesson_: Lesson, step: str, learner: Learner) -> None:
    session = learner(lesson_, step)
    count = len(session.snapshot.correct.split())
    verdict = session.snapshot.judge(
        "9 9 9 9" if isinstance(session.snapshot.step.question, Shape) else "-7.77 " * count
    )
    assert not verdict.settled
    assert verdict.readable
    assert verdict.say
    session.submit(session.snapshot.correct)
    assert not session.open
    assert session.answer.at_once


@pytest.mark.parametrize(("lesson_", "step"), questions(Choice))
def test_exactly_one_option_is_right_when_it_is_run(lesson_: Lesson, step: str, learner: Learner) -> None:
    snapshot = learner(lesson_, step).snapshot
    verdicts = [snapshot.judge(letter) for letter in "abcd"[: len(snapshot.options)]]
    assert [v.right for v in verdicts].count(True) == 1
    assert all(v.settled and v.say for v in verdicts)


def told(learner: Learner, lesson: Lesson, step: str, answer: str) -> str:
    """What a learner is told who gives that answer."""
    return str(learner(lesson, step).snapshot.judge(answer).say)


def test_the_referee_of_one_entry_does_not_contradict_a_nudge(learner: Learner) -> None:
    assert "the referee, nudging to both sides, says about 1.1" in told(learner, TENSORS, "one-entry-of-x", "2")
    names = names_after(learner, TENSORS, "one-entry-of-x")
    nudge = np.array([names["h"], 0.0])
    v = names["W"].data @ (names["x"].data + nudge) + names["b"].data  # type: ignore[attr-defined]
    one_side = (v @ v - names["z"].item()) / names["h"]  # type: ignore[attr-defined]
    assert "(or you nudged to one side only)" in told(learner, TENSORS, "one-entry-of-x", f"{one_side:.6g}")


def test_an_unforeseen_product_gets_its_first_row_worked_out(learner: Learner) -> None:
    assert "1 · 1 + 2 · (−1) = −1" in told(learner, TENSORS, "forward", "4 3")


def test_a_negative_factor_stands_in_brackets(lesson: Lesson, learner: Learner) -> None:
    for index, step in enumerate(lesson.steps):
        assert not any("· −" in hint for hint in learner(lesson, index).snapshot.hints), step.name


def test_a_shape_of_one_is_a_single_number(learner: Learner) -> None:
    assert told(learner, TENSORS, "the-shape", "1") == told(learner, TENSORS, "the-shape", "()")
    assert "room for 1 rate." in told(learner, TENSORS, "the-shape", "1 1")
    assert "room for 8 rates." in told(learner, TENSORS, "the-shape", "4 2")


def test_the_reveal_of_the_two_conventions_states_the_answer(learner: Learner) -> None:
    session = learner(TENSORS, "two-conventions")
    session.submit("a")
    assert "∂z/∂V = (∂z/∂W)ᵀ" in " ".join(session.page.text)


def test_a_backward_pass_costs_about_two_runs(learner: Learner) -> None:
    session = learner(CIRCUITS, "the-count")
    assert session.snapshot.names["work"] == 2
    session.submit("c")
    assert session.answer.right
    assert "the work of two runs, whatever the number of inputs" in " ".join(session.page.text)
    assert session.page.output == ("values made going forward: 2   gradients sent back: 4",)


def test_a_definition_stays_where_there_is_room(learner: Learner) -> None:
    for lesson, step, words in ((CIRCUITS, "the-rate", "That rate is the gradient"), (TENSORS, "the-jacobian", "Jaco")):
        session = learner(lesson, step)
        session.submit(session.snapshot.correct)
        assert words in "\n".join(row.plain for row in screen.frame(session))


def test_the_rule_s_words_are_not_used_before_it_names_them() -> None:
    for step in CIRCUITS.steps[: [step.name for step in CIRCUITS.steps].index("the-rule")]:
        question = step.question
        said = [*step.say, *step.reveal]
        if isinstance(question, Number):
            said += [*question.hints, question.unforeseen, *(mistake.say for mistake in question.mistakes)]
        bare = re.sub(r"\{[^}]*\}", "", " ".join(said))
        assert not re.search("local|upstream|slope", bare), step.name


def test_a_bracketed_vector_is_never_broken() -> None:
    line = "Row by row, as it is written, [11, −6, 3.25] and then [[1, 2], [3, −1]] stand."
    for width in range(18, 60):
        lines = wrap(line, width)
        assert max(map(len, lines)) <= width
        assert any("[11, −6, 3.25]" in part for part in lines)
        assert any("[[1, 2], [3, −1]]" in part for part in lines)
        assert " ".join(lines) == line
    assert max(map(len, wrap("[ this one is never closed " * 4, 20))) <= 20


@pytest.mark.parametrize("answer", ["0.001", "4", "1/3", "1e300"])
def test_any_z_above_zero_flips_the_sign(answer: str, learner: Learner) -> None:
    session = learner(CIRCUITS, "your-turn")
    session.submit(answer)
    assert session.answer.right


@pytest.mark.parametrize(
    ("answer", "words"), [("0", "no say at all"), ("-1", "The sign is still"), ("-1e300", "still")]
)
def test_a_z_that_does_not_flip_it_is_run_and_explained(answer: str, words: str, learner: Learner) -> None:
    session = learner(CIRCUITS, "your-turn")
    session.submit(answer)
    assert session.open
    assert words in session.message


def test_the_exercise_shows_what_this_very_answer_did(learner: Learner) -> None:
    session = learner(CIRCUITS, "your-turn")
    session.submit("2.5")
    assert session.page.text == ("It ran: ∂f/∂x = 2.5. And f itself is 7.5 now: the value changed as well.",)
    assert session.page.code[0] == "z_new = 2.5"


@pytest.mark.parametrize("answer", ["0 -4", "3, -4", "[-2 -4]"])
def test_any_b_with_a_dead_second_row_is_right(answer: str, learner: Learner) -> None:
    session = learner(TENSORS, "your-turn")
    session.submit(answer)
    assert session.answer.right


@pytest.mark.parametrize(
    ("answer", "words"), [("1 -4", "Both rows"), ("1 0", "The first row"), ("0 0", "Not zero yet")]
)
def test_a_b_that_does_not_is_explained(answer: str, words: str, learner: Learner) -> None:
    session = learner(TENSORS, "your-turn")
    session.submit(answer)
    assert session.open
    assert words in session.message


@pytest.mark.parametrize("text", ["", "zebra", "nan", "inf", "1/0", "1 2 3 4 5 6 7", "é", "--4", "0x10"])
def test_what_cannot_be_read_is_no_attempt(text: str, learner: Learner) -> None:
    session = learner(CIRCUITS, "the-rate")
    session.submit(text)
    assert session.open
    assert session.answer.given == []
    assert session.message


def test_a_minus_may_be_typed_as_it_is_printed(learner: Learner) -> None:
    session = learner(CIRCUITS, "the-rate")
    session.submit("−4.0")
    assert session.answer.right


def test_the_card_of_someone_who_found_all_of_it_hard_keeps_its_reading_list(lesson: Lesson, learner: Learner) -> None:
    session = learner(lesson)
    for index, step in enumerate(lesson.steps):
        session.go(index)
        if step.question is not None:
            session.hint()
            session.submit(session.snapshot.correct)
    shown = [row.plain.strip() for row in Card(session).rows(Room())]
    ends = lesson.read[-1:] + ((f"Next: minidl tutorial {lesson.follows}",) if lesson.follows else ())
    assert all(wrap(f"  {end}")[-1].strip() in shown for end in ends)
    assert any("1 hint" in row or row.startswith("hard at first") for row in shown)
