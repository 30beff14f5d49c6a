"""Running a lesson once and keeping what every step showed, so that going back is free."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from . import answers
from .lesson import Choice, Exercise, Lesson, Step
from .picture import Drawing, draw
from .text import fill, show, wrap


@dataclass(frozen=True)
class Page:
    """What a step shows at one stage, all of it fixed.

    Attributes:
        code: the code that ran at this stage.
        output: what that code printed.
        drawing: the picture, or None.
        text: the sentences of this stage.
    """

    code: tuple[str, ...]
    output: tuple[str, ...]
    drawing: Drawing | None
    text: tuple[str, ...]


@dataclass(frozen=True)
class Snapshot:
    """One step of a lesson as it was recorded.

    Attributes:
        step: the step.
        before: what is shown at first.
        after: what is shown once the question is answered; for a step that asks nothing, the same as `before`.
        ask: the question's lines.
        options: the texts of a choice.
        hints: the weak and the strong hint.
        names: the names of the lesson's code once the whole step has run.
        correct: what one types to answer correctly; "" where nothing is asked.
    """

    step: Step
    before: Page
    after: Page
    ask: tuple[str, ...]
    options: tuple[str, ...]
    hints: tuple[str, ...]
    names: Mapping[str, Any]
    correct: str

    def judge(self, text: str) -> answers.Verdict:
        """Judge an answer to this step's question."""
        assert self.step.question is not None
        return answers.judge(self.step.question, text, self.names)

    def settled(self, text: str) -> Page:
        """Return what is shown once `text` has settled the question; an exercise shows what that very answer did."""
        if not isinstance(self.step.question, Exercise):
            return self.after
        verdict = self.judge(text)
        if not verdict.settled:
            return self.after
        page = _page(self.step, "", verdict.names, self.step.reveal, answered=True)
        value = f"{self.step.question.name} = {show(verdict.names[self.step.question.name]).replace('−', '-')}"
        return replace(page, code=(value, *_lines(self.step.question.code)))


def record(lesson: Lesson) -> tuple[Snapshot, ...]:
    """Run a lesson's code from its first line to its last and keep what each step shows."""
    names: dict[str, Any] = {}
    snapshots = []
    for number, step in enumerate(lesson.steps, 1):
        snapshot = _record_step(step, names, f"<{lesson.name}, step {number}>")
        snapshots.append(snapshot)
    return tuple(snapshots)


def _record_step(step: Step, names: dict[str, Any], where: str) -> Snapshot:
    """Run one step; `names` goes on to the next one, without what an exercise tried out."""
    output = _run(step.code, names, where)
    question = step.question
    before = _page(step, output, names, step.say, answered=question is None)
    if question is None:
        return Snapshot(step, before, before, (), (), (), dict(names), "")
    ask = _sentences(question.ask, names)
    options = tuple(fill(o.text, names) for o in question.options) if isinstance(question, Choice) else ()
    then_output = _run(step.then, names, where)
    known = dict(names)
    correct = answers.correct(question, known)
    if isinstance(question, Exercise):
        # What is shown for the example stands in until the learner's own answer has been run.
        tried = answers.judge(question, correct, known).names
        after = _page(step, then_output, tried, step.reveal, answered=True)
        value = f"{question.name} = {show(tried[question.name]).replace('−', '-')}"
        after = replace(after, code=(value, *_lines(question.code)))
    else:
        after = _page(step, then_output, names, step.reveal, answered=True)
        after = replace(after, code=_lines(step.then))
    hints = tuple(fill(hint, known) for hint in question.hints)
    return Snapshot(step, before, after, ask, options, hints, known, correct)


def _page(step: Step, output: str, names: Mapping[str, Any], text: tuple[str, ...], answered: bool) -> Page:
    drawing = draw(step.picture, names, answered) if step.picture else None
    return Page(_lines(step.code), tuple(output.splitlines()), drawing, _sentences(text, names))


def _run(code: str, names: dict[str, Any], where: str) -> str:
    """Run a piece of a lesson's code and return what it printed."""
    if not code:
        return ""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code.strip("\n"), where, "exec"), names)
    return printed.getvalue()


def _lines(code: str) -> tuple[str, ...]:
    return tuple(code.strip("\n").splitlines())


def _sentences(templates: tuple[str, ...], names: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(line for template in templates for line in wrap(fill(template, names)))
